-- Lists and bulk calls against a server that fails in all its ways at random places: nothing lost, nothing twice.
--
-- RUNLOOP_RANDOM_RUNS says how many runs there are in all (1000), RUNLOOP_RANDOM_SEED the seed of the first (1). A run
-- that fails names its seed: RUNLOOP_RANDOM_RUNS=1 RUNLOOP_RANDOM_SEED=417 make test SPECS=spec/random_spec.lua
local runloop = require "runloop"
local portable = require "spec.support.portable"
local support = require "spec.support"

local RUNS = portable.tointeger(tonumber(os.getenv "RUNLOOP_RANDOM_RUNS" or 1000))
local FIRST_SEED = portable.tointeger(tonumber(os.getenv "RUNLOOP_RANDOM_SEED" or 1))
local PER_SPEC = 50
local ARCHIVE_EVERY = 5 -- every so many runs one of bulk archiving

-- What no retry mends. A server that ends its list too early in good form is believed, so that is not among them.
local BROKEN_ANSWERS = {
  { status = 400 }, { status = 404 }, { status = 204 }, { status = 200, body = "" }, { status = 200, json = { 1 } },
  { html = true, status = 200 }, { redirect = "http://127.0.0.1:1/" }, { status = 500, headers = { "x-should-retry: false" } },
  { status = 503, headers = { ["Retry-After"] = "3600" } }, { truncate = "random" },
  { flip = { at = "random", to = "\1" } }, { endless_headers = true }, { http09 = true }, { gzip = "garbage" },
  { gzip = "bad_crc" }, { gzip = "bomb", size = 1048576 }, { endless_body = true },
}
local BROKEN_PAGES = {
  { page = "no_id" }, { page = "empty_id" }, { page = "no_list" }, { page = "null_list" }, { page = "object_list" },
  { page = "list_twice" }, { page = "array" }, { page = "same_page" }, { page = "has_more" }, { page = "total_null" },
  { silent = true }, { cut = "random", by = "stall" },
}

local function concat(...)
  local all = {}
  for _, list in ipairs { ... } do table.move(list, 1, #list, #all + 1, all) end
  return all
end

local MENDED = support.chaos_faults
local MENDED_OR_NOT = concat(MENDED, MENDED, MENDED, BROKEN_ANSWERS)
local ANYTHING = concat(MENDED_OR_NOT, BROKEN_PAGES)

-- Numbers that depend on the seed and on nothing else: random(n) is 1..n, random(list) one of its values.
local function generator(seed)
  local state = seed * 48271 % 2147483647
  return function(what)
    state = state * 16807 % 2147483647
    local n = type(what) == "table" and #what or what
    local k = state % n + 1
    return type(what) == "table" and what[k] or k
  end
end

describe("Against a server that fails at random, #slow", function()
  local server, nginx
  local lists, statements = {}, {}

  setup(function()
    server = support.start { scenarios = 300, public = 0, runs = 0, scorers = 0 }
    nginx = support.nginx { proxy = server.url }
    local client = server:client()
    for _, filter in ipairs { {}, { benchmark_id = "bmd_beta" }, { name = "nightly" } } do
      local ids = {}
      for scenario in client.scenarios:list { limit = 100, name = filter.name, benchmark_id = filter.benchmark_id } do
        ids[#ids + 1] = scenario.id
        statements[scenario.id] = scenario.input_context.problem_statement
      end
      lists[#lists + 1] = { filter = filter, ids = ids }
    end
    client:close()
    assert.are.same(server:ids "scenario", lists[1].ids)
    assert.are.equal(100, #lists[2].ids)
    assert.are.equal(30, #lists[3].ids)
  end)
  teardown(function()
    nginx:stop()
    server:stop()
  end)
  before_each(function() server:reset() end)

  local function new_client(random, options)
    local all = { max_retries = random { 0, 1, 2, 5, 8 }, max_retry_wait = 0.002, bearer_token = server.token }
    for name, value in pairs(options) do all[name] = value end
    if random(6) == 1 then
      all.ca_file = nginx.ca_file
      return support.client(nginx.url, all), true
    end
    return server:client(all), false
  end

  -- A pager over one of the lists.
  local function new_pager(random, client, list)
    local small = #list.ids <= 30
    local params = { limit = small and random { 1, 2, 3, 7, 20, 30 } or random { 13, 20, 50, 100, 150, 5000 } }
    for name, value in pairs(list.filter) do params[name] = value end
    return client.scenarios:list(params, { prefetch = random(3) > 1, nulls = random(4) == 1 and "keep" or nil })
  end

  local function protected(loop)
    local ok, err = pcall(loop)
    if not ok then return err end
  end

  -- Ways to take all items of a pager; what it ended with, an error or nil.
  local WAYS = {
    ["for"] = function(_, pager, take)
      return protected(function()
        for scenario in pager do take(scenario) end
      end)
    end,
    next = function(_, pager, take)
      while true do
        local scenario, err = pager:next()
        if not scenario then return err end
        take(scenario)
      end
    end,
    collect = function(_, pager, take)
      local all, err, so_far = pager:collect()
      for _, scenario in ipairs(all or so_far) do take(scenario) end
      return err
    end,
    pages = function(_, pager, take)
      return protected(function()
        for page in pager:pages() do
          for _, scenario in ipairs(page.scenarios) do take(scenario) end
        end
      end)
    end,
    map = function(client, pager, take)
      local _, _, err = client:map(pager, take, { concurrency = 3, results = false })
      return err
    end,
    tasks = function(client, pager, take)
      local failure
      local function work()
        while true do
          local scenario, err = pager:next()
          failure = failure or err
          if not scenario then return end
          take(scenario)
          client:sleep(0)
        end
      end
      local first, second = client:spawn(work), client:spawn(work)
      first:wait()
      second:wait()
      return failure
    end,
  }
  local WAY_NAMES = { "for", "next", "collect", "pages", "map", "tasks" }

  -- All of `ids` in order, or the first of them and an error of this module.
  local function check_items(ids, got, err)
    for i, id in ipairs(got) do
      if ids[i] ~= id then error(("item %d is %s, not %s"):format(i, id, ids[i])) end
    end
    if err ~= nil then
      if not runloop.is_error(err) then error("not an error of this module: " .. tostring(err)) end
    elseif #got ~= #ids then
      error(("the list ended after %d of %d items as if it were whole"):format(#got, #ids))
    end
  end

  local function check_idle(client)
    if client:stats().in_flight ~= 0 then error "a request is still on its way" end
    client:close()
  end

  local outcomes -- how often each came about

  local function count(outcome)
    outcomes[outcome] = (outcomes[outcome] or 0) + 1
  end

  local function list_run(random, seed)
    local client = new_client(random, { timeout = 0.2, max_body_bytes = 200000 })
    local list, way = random { lists[1], lists[2], lists[2], lists[3], lists[3] }, WAYS[random(WAY_NAMES)]
    server:chaos {
      seed = seed, rate = random { 0.05, 0.1, 0.2, 0.35, 0.5 }, faults = random { MENDED, ANYTHING },
    }
    local got, damaged = {}, nil
    local function take(scenario)
      got[#got + 1] = scenario.id
      if scenario.input_context.problem_statement ~= statements[scenario.id] then damaged = scenario.id end
      return true
    end
    local pager = new_pager(random, client, list)
    local err -- what the list ended with
    if random(3) == 1 then
      err = client:spawn(way, client, pager, take):wait()
    else
      err = way(client, pager, take)
    end
    server:chaos(false)
    if damaged then error("the text of " .. damaged .. " is not what the server has") end
    check_items(list.ids, got, err)
    check_idle(client)
    count(err and "failed" or "whole")
  end

  -- Whether an error leaves it open if the scenario was archived: it may have been, or the server said that it was and
  -- no more. What a gateway said, now or to an earlier attempt, is hearsay.
  local function is_open(err, by_gateway)
    if err.maybe_sent or err.status and err.status < 300 then return true end
    return by_gateway and err.kind == "api" and (err.status >= 500 or err.attempts > 1)
  end

  local function check_archived(ids, results, errors, by_gateway)
    local archived = {}
    for _, id in ipairs(server:ids "archived") do archived[id] = true end
    for i, id in ipairs(ids) do
      local scenario, err = results[i], errors and errors[i]
      if scenario then
        if err or scenario.id ~= id or scenario.status ~= "archived" or not archived[id] then
          error(id .. " is reported as archived, and is not")
        end
      elseif not runloop.is_error(err) then
        error("not an error of this module: " .. tostring(err))
      elseif archived[id] and not is_open(err, by_gateway) then
        error(("%s is archived, and the error does not say that it may be: %s"):format(id, err))
      end
      archived[id] = nil
    end
    local other = next(archived)
    if other then error(other .. " is archived, and nobody has asked for it") end
  end

  local function archive_run(random, seed)
    local client, by_gateway = new_client(random, { timeout = 5, max_body_bytes = 200000 })
    local list = lists[random { 2, 3 }]
    server:chaos {
      seed = seed, rate = random { 0.05, 0.2, 0.4, 0.6 }, faults = random { MENDED, MENDED_OR_NOT },
    }
    local ids = {}
    local results, errors, source_err = client:map(new_pager(random, client, list), function(scenario, i)
      ids[i] = scenario.id
      return scenario:archive()
    end, { concurrency = random { 1, 4, 16, 64 } })
    server:chaos(false)
    check_items(list.ids, ids, source_err)
    check_archived(ids, results, errors, by_gateway)
    check_idle(client)
    count(errors and "archived in part" or "archived")
    local mender = server:client()
    mender:map(server:ids "archived", function(id) return assert(mender.scenarios:unarchive(id)) end)
    mender:close()
    assert.are.same({}, server:ids "archived")
  end

  for first = FIRST_SEED, FIRST_SEED + RUNS - 1, PER_SPEC do
    local last = math.min(first + PER_SPEC, FIRST_SEED + RUNS) - 1
    it(("each item comes once or an error does, and what is archived is reported: seeds %d to %d #heavy"):format(
        first, last), function()
      outcomes = {}
      for seed = first, last do
        local run = seed % ARCHIVE_EVERY == 0 and archive_run or list_run
        local ok, problem = pcall(run, generator(seed), seed)
        assert.is_true(ok, ("seed %d: %s"):format(seed, tostring(problem)))
      end
      if last - first + 1 == PER_SPEC then
        -- Both ends are met, or the faults were too many or too few to tell anything.
        assert.is_true((outcomes.whole or 0) >= 5 and (outcomes.failed or 0) >= 1, "whole: " .. (outcomes.whole or 0))
      end
    end)
  end
end)
