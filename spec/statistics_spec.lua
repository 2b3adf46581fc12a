-- The statistics of an evaluation, against numbers that were worked out by hand or by counting.

local statistics = require "runloop.evaluate.statistics"

local function near(expected, actual)
  assert.is_true(math.abs(expected - actual) < 1e-12, ("expected %.15g, got %.15g"):format(expected, actual))
end

-- Scenarios, each an array of its trials' scores; "failed" and "skipped" stand for themselves.
local function summary(scenarios, pass_score)
  local tally = statistics.new(#scenarios[1], pass_score or 1.0)
  for i, scenario in ipairs(scenarios) do
    for _, score in ipairs(scenario) do
      if type(score) == "number" then tally:add(i, "scored", score) else tally:add(i, score) end
    end
  end
  return tally:summary()
end

describe("The statistics of scores", function()
  it("count a failure as 0 in the score over all, and not in the mean", function()
    local s = summary { { 1 }, { 0.5 }, { "failed" }, { "skipped" } }
    assert.are.same({ 4, 2, 1, 1 }, { s.n, s.scored, s.failed, s.skipped })
    near(0.75, s.mean_score)
    near(0.375, s.score)
    near(0.5, s.perfect)
  end)

  it("say nothing where there is nothing", function()
    local none = statistics.new(2, 1.0):summary()
    assert.are.same({ n = 0, scored = 0, failed = 0, skipped = 0, pass_at_k = {} }, none)
    local failed = summary { { "failed" } }
    assert.are.same({ n = 1, scored = 0, failed = 1, skipped = 0, score = 0, pass_at_k = { 0 } }, failed)
  end)

  it("have the median of an odd and of an even number of scores", function()
    near(0.25, summary({ { 1 }, { 0 }, { 0.25 } }).median)
    near(0.375, summary({ { 1 }, { 0 }, { 0.25 }, { 0.5 } }).median)
  end)

  it("have the usual standard error with one trial each", function()
    -- mean 0.5, sum of squares 0.5, variance 0.5 / 3, of the mean / 4
    near(math.sqrt(0.5 / 3 / 4), summary({ { 0 }, { 0.5 }, { 0.5 }, { 1 } }).std_error)
    assert.is_nil(summary({ { 0.5 } }).std_error)
    near(0, summary({ { 0.1 }, { 0.1 }, { 0.1 } }).std_error)
  end)

  it("cluster the standard error by scenario", function()
    -- Trials that are all alike add nothing: the same as with one each.
    near(summary({ { 0 }, { 1 }, { 1 } }).std_error, summary({ { 0, 0, 0 }, { 1, 1, 1 }, { 1, 1, 1 } }).std_error)
    -- Deviations that cancel each other within each scenario leave none.
    near(0, summary({ { 0, 1 }, { 1, 0 } }).std_error)
    -- Two clusters by hand: sums 0.5 and 1.5 of 2, mean 0.5; (0.5^2 + 0.5^2) * 2 / 1, its root / 4.
    near(math.sqrt((0.25 + 0.25) * 2) / 4, summary({ { 0, 0.5 }, { 1, 0.5 } }).std_error)
  end)

  -- Of all ways to draw k of n trials, of which c have passed, the share that has one.
  local function by_counting(n, c, k)
    local all, good = 0, 0
    local function draw(from, left, has)
      if left == 0 then
        all = all + 1
        if has then good = good + 1 end
        return
      end
      for i = from, n do draw(i + 1, left - 1, has or i <= c) end
    end
    draw(1, k, false)
    return good / all
  end

  it("estimate pass@k without bias", function()
    for n = 1, 7 do
      for c = 0, n do
        for k = 1, n do near(by_counting(n, c, k), statistics.pass_at_k(n, c, k)) end
      end
    end
  end)

  it("average pass@k over the scenarios that have as many trials", function()
    local s = summary { { 1, 0, "failed" }, { 0, 0, 0 }, { 1, "skipped", "skipped" } }
    near((1 / 3 + 0 + 1) / 3, s.pass_at_k[1])
    near((2 / 3 + 0) / 2, s.pass_at_k[2])
    near((1 + 0) / 2, s.pass_at_k[3])
    assert.are.same({ 1 }, summary({ { 1, "skipped" } }).pass_at_k)
  end)

  it("let a trial pass from pass_score on", function()
    assert.are.same({ 0.5 }, summary({ { 0.7 }, { 0.6 } }, 0.7).pass_at_k)
    assert.are.same({ 0 }, summary({ { 0.99 } }).pass_at_k)
  end)
end)
