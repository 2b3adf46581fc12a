-- Evaluations that are gone on with: what an earlier process left, state by state, and after SIGKILL at any moment.

local expect = require "spec.support.expect"
local stand_in = require "spec.support.stand_in"
local support = require "spec.support"

local LUA = require("spec.support.process").interpreter()
local LIVES = { running = true, scoring = true, scored = true }

describe("An evaluation that is gone on with", function()
  local server, client
  stand_in({ scenarios = 6, runs = 0 }, function(started)
    server, client = started, started:client()
    server:set { provisioning_polls = 0, scoring_polls = 0 }
  end)

  local function run_of(id) return support.json.decode(server:text("run", id)) end

  -- A run as a process has left it that was killed.
  local function left(scenario_id, state, marks)
    local metadata = { runloop_evaluation = "one", runloop_trial = "1", runloop_attempt = "1" }
    for name, value in pairs(marks or {}) do metadata[name] = value or nil end
    server:set { start_state = state == "failed" and "failed" or "running" }
    local run = assert(client.scenarios:start_run {
      scenario_id = scenario_id, run_name = marks and marks.name or "n", metadata = metadata,
      benchmark_run_id = marks and marks.benchmark_run,
    })
    server:set { start_state = "running" }
    if state == "scoring" then
      server:set { scoring_polls = 3 }
      assert(run:score())
    elseif state == "scored" or state == "completed" then
      assert(run:score_and_await { interval = 0.01 })
    end
    if state == "completed" then assert(run:complete()) end
    if state == "canceled" then assert(run:cancel()) end
    if state ~= "scoring" then assert.are.equal(state, run_of(run.id).state) end
    return run
  end

  -- What is evaluated anew, and the report.
  local function go_on(options, source)
    local called = {}
    local all = { interval = 0.01, run_name = "n", resume = true }
    for name, value in pairs(options or {}) do all[name] = value end
    local report, err = client:evaluate(source or client.scenarios:list {}, function(run)
      called[#called + 1] = { run.scenario_id, run.metadata.runloop_attempt }
    end, all)
    table.sort(called, function(a, b) return a[1] .. a[2] < b[1] .. b[2] end)
    return called, report, err
  end

  local function assert_one_score_each(report)
    local scored = {}
    for _, id in ipairs(server:ids "run") do
      local run = run_of(id)
      if run.metadata.runloop_evaluation == report.id then
        assert.is_nil(LIVES[run.state], id .. " is " .. run.state)
        if run.state == "completed" then
          local key = run.scenario_id .. run.metadata.runloop_trial
          assert.is_nil(scored[key], key .. " is scored twice")
          scored[key] = true
        end
      end
    end
    local count = 0
    for _ in pairs(scored) do count = count + 1 end
    assert.are.equal(report.scored, count)
  end

  it("takes what is completed, without asking anybody again", function()
    local ids = server:ids "scenario"
    local run = left(ids[2], "completed")
    local called, report = go_on()
    assert.are.equal("one", report.id)
    assert.are.equal(5, #called)
    assert.are.same({ run.id, "completed", 0.75 },
      { report.results[2].run_id, report.results[2].state, report.results[2].score })
    assert_one_score_each(report)
    assert.are.same({}, (go_on()))
  end)

  it("brings the logs that are not there yet", function()
    local directory, ids = support.tmpdir(), server:ids "scenario"
    left(ids[1], "completed")
    go_on { logs = directory }
    assert.are.equal(6, #support.list_dir(directory))
    server:clear_log()
    go_on { logs = directory }
    assert.are.equal(0, server:count { path = "/download_logs$" })
  end)

  it("takes what is scored, and completes it", function()
    local ids = server:ids "scenario"
    local run = left(ids[1], "scored")
    local called, report = go_on()
    assert.are.same({ 5, run.id, "completed" }, { #called, report.results[1].run_id, report.results[1].state })
    assert.are.equal("completed", run_of(run.id).state)
    assert_one_score_each(report)
  end)

  it("waits for what is being scored, and completes it", function()
    local ids = server:ids "scenario"
    local run = left(ids[1], "scoring")
    local called, report = go_on()
    assert.are.same({ 5, run.id, "completed" }, { #called, report.results[1].run_id, report.results[1].state })
    assert_one_score_each(report)
  end)

  it("begins anew when the scoring that it waited for fails", function()
    local id = server:ids("scenario")[1]
    local run = left(id, "scoring")
    server:set { scoring_outcome = "failed" }
    local called, report = go_on(nil, { id })
    assert.are.same({ { id, "2" } }, called)
    assert.are.same({ 1, 2, "failed" }, { report.failed, report.results[1].attempts, run_of(run.id).state })
  end)

  it("cancels what was running, and begins it anew", function()
    local ids = server:ids "scenario"
    local run = left(ids[1], "running")
    local called, report = go_on()
    assert.are.equal("canceled", run_of(run.id).state)
    assert.are.same({ 6, "2" }, { #called, run_of(report.results[1].run_id).metadata.runloop_attempt })
    assert_one_score_each(report)
  end)

  it("begins anew what failed, was cancelled, or was completed without a result", function()
    local ids = server:ids "scenario"
    left(ids[1], "failed")
    left(ids[2], "canceled", { runloop_attempt = "3" })
    server:fault {
      path = "^/v1/scenarios/runs$", times = math.huge,
      lua = [[local answer = ...
        answer.body = answer.body:gsub(',"scoring_contract_result":%b{}', "")]],
    }
    left(ids[3], "completed")
    local called, report = go_on()
    assert.are.equal(6, #called)
    assert.are.equal(6, report.scored)
    local attempts = {}
    for _, each in ipairs(called) do attempts[each[1]] = each[2] end
    assert.are.same({ "2", "4", "2", "1" }, { attempts[ids[1]], attempts[ids[2]], attempts[ids[3]], attempts[ids[4]] })
  end)

  it("takes the best of several runs, and ends the others", function()
    local ids = server:ids "scenario"
    local scored, completed = left(ids[1], "scored"), left(ids[1], "completed", { runloop_attempt = "2" })
    local called, report = go_on()
    assert.are.same({ 5, completed.id }, { #called, report.results[1].run_id })
    assert.are.equal("canceled", run_of(scored.id).state)
    assert_one_score_each(report)
  end)

  it("leaves alone what carries no mark, or another's name", function()
    local ids = server:ids "scenario"
    local colleague = left(ids[1], "running", { runloop_evaluation = false })
    local other = left(ids[1], "running", { name = "another" })
    local called, report = go_on()
    assert.are.equal(6, #called)
    assert.are_not.equal("one", report.id)
    assert.are.same({ "running", "running" }, { run_of(colleague.id).state, run_of(other.id).state })
  end)

  it("is the newest one of its name", function()
    local ids = server:ids "scenario"
    left(ids[1], "completed")
    local old = left(ids[2], "running")
    server:advance(60)
    local run = left(ids[3], "completed", { runloop_evaluation = "two" })
    local called, report = go_on()
    assert.are.same({ "two", 5, run.id }, { report.id, #called, report.results[3].run_id })
    assert.are.equal("running", run_of(old.id).state)
  end)

  it("takes each trial for itself", function()
    local ids = server:ids "scenario"
    left(ids[1], "completed", { runloop_trial = "2" })
    local called, report = go_on({ trials = 2 }, { ids[1] })
    assert.are.same({ { ids[1], "1" } }, called)
    assert.are.same({ 2, 2 }, { report.scored, report.n })
    assert_one_score_each(report)
  end)

  it("ends what is left of scenarios that the source has no longer", function()
    local ids = server:ids "scenario"
    local scored, running = left(ids[1], "scored"), left(ids[2], "running")
    go_on(nil, { ids[3] })
    assert.are.same({ "completed", "canceled" }, { run_of(scored.id).state, run_of(running.id).state })
  end)

  it("begins afresh where there is nothing to go on with", function()
    local called, report = go_on()
    assert.are.same({ 6, 6 }, { #called, report.scored })
  end)

  it("is an error where what there is cannot be seen", function()
    server:fault { path = "^/v1/scenarios/runs$", status = 403, json = { message = "not yours" } }
    local called, report, err = go_on()
    expect.failure("api", "permission_denied", report, err)
    assert.are.same({}, called)
  end)

  describe("in a benchmark run", function()
    local function agent() end

    local function evaluate(options)
      local all = { interval = 0.01 }
      for name, value in pairs(options or {}) do all[name] = value end
      return client.benchmarks:evaluate("bmd_alpha", agent, all)
    end

    local function begun()
      return assert(client.benchmarks:start_run {
        benchmark_id = "bmd_alpha", run_name = "n", metadata = { runloop_evaluation = "one" },
      })
    end

    it("goes on with the newest of the benchmark, and completes it", function()
      local run = begun()
      local scenario = client.benchmarks:definitions("bmd_alpha"):next()
      local had = left(scenario.id, "completed", { benchmark_run = run.id })
      local report = assert(evaluate { resume = true })
      assert.are.same({ run.id, had.id, 2 }, { report.benchmark_run, report.results[1].run_id, report.scored })
      assert.are.equal("completed", run:refresh().state)
      assert_one_score_each(report)
    end)

    it("goes on with the one that it is told", function()
      local first = begun()
      server:advance(60)
      begun()
      assert.are.equal(first.id, evaluate({ benchmark_run = first }).benchmark_run)
    end)

    it("goes on after too many failures", function()
      local working = agent
      agent = function() return nil, "no" end
      local report = evaluate { max_failures = 1, concurrency = 1 }
      agent = working
      assert.are.same({ 1, 1 }, { report.failed, report.skipped })
      local again = evaluate { resume = true }
      assert.are.same({ report.benchmark_run, 2, 2 }, { again.benchmark_run, again.scored, again.results[1].attempts })
    end)

    it("is an error of the state when it has ended", function()
      local run = begun()
      assert(run:cancel())
      local err = expect.failure("state", "canceled", evaluate { resume = true })
      assert.are.equal(run.id, err.last.id)
      expect.failure("state", "canceled", evaluate { benchmark_run = run.id })
      assert.are.same({}, server:ids "run")
    end)

    it("leaves a colleague's benchmark run alone", function()
      local colleague = assert(client.benchmarks:start_run { benchmark_id = "bmd_alpha", run_name = "n" })
      local report = evaluate { resume = true, run_name = "n" }
      assert.are_not.equal(colleague.id, report.benchmark_run)
      assert.are.equal("running", colleague:refresh().state)
    end)
  end)
end)

describe("An evaluation whose process is killed #slow", function()
  local KILLS, SCENARIOS = 20, 60

  local SCRIPT = [[
    local runloop = require "runloop"
    local client = runloop.new { max_retry_wait = 0.01 }
    local report = assert(client:evaluate(client.scenarios:list { limit = 20 }, function(_, devbox)
      client:sleep(0.01)
      return client.devboxes:retrieve(devbox)
    end, { resume = true, run_name = "killed", concurrency = 8, interval = 0.01 }))
    print(report.id, report.n, report.scored, #report.left_running)
    client:close()
  ]]

  it("ends with every scenario scored exactly once", function()
    local server = support.start { scenarios = SCENARIOS, runs = 0 }
    local script = support.tmpdir() .. "/evaluation.lua"
    support.write_file(script, SCRIPT)
    local colleague = server:client()
    local theirs = assert(colleague.scenarios:start_run {
      scenario_id = server:ids("scenario")[1], run_name = "killed",
    })
    local env = {
      RUNLOOP_API_KEY = server.token, RUNLOOP_BASE_URL = server.url, RUNLOOP_CUSTOM_HEADERS = false,
      LUA_PATH = package.path, LUA_CPATH = package.cpath,
    }
    math.randomseed(20261128)
    for kill = 1, KILLS do
      local stop = server:count() + math.random(4, 60)
      -- The shell in between says nothing of what was killed.
      local child = support.spawn(("exec 2>/dev/null; %s %s & echo $!; wait"):format(LUA, script),
        { env = env, preload = true })
      local pid, patience = child.line(), support.now() + 30
      while server:count() < stop and support.run { "kill", "-0", pid } == 0 do
        assert.is_true(support.now() < patience, "the evaluation stands still at kill " .. kill)
      end
      support.run { "kill", "-KILL", pid }
      child.stop()
    end
    local code, out, err = support.run({ LUA, script }, { env = env, preload = true })
    assert.are.same({ 0, "" }, { code, err })
    local id, n, scored, left = out:match "^(%S+)\t(%d+)\t(%d+)\t(%d+)\n$"
    assert.are.same({ SCENARIOS, SCENARIOS, 0 }, { tonumber(n), tonumber(scored), tonumber(left) })
    local completed, canceled = {}, 0
    for _, run_id in ipairs(server:ids "run") do
      local run = support.json.decode(server:text("run", run_id))
      if run_id == theirs.id then
        assert.are.equal("running", run.state)
      else
        assert.are.equal(id, run.metadata.runloop_evaluation)
        if run.state == "completed" then
          assert.is_nil(completed[run.scenario_id], run.scenario_id .. " was scored twice")
          completed[run.scenario_id] = true
        else
          assert.are.equal("canceled", run.state)
          canceled = canceled + 1
        end
      end
    end
    for _, scenario in ipairs(server:ids "scenario") do assert.is_true(completed[scenario], scenario) end
    assert.is_true(canceled > 0, "nothing was ever killed in the middle")
    colleague:close()
    server:stop()
  end)
end)
