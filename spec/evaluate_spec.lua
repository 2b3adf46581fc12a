-- Evaluations: an agent on many scenarios, what each of them ends with, and that nothing is left running.

local expect = require "spec.support.expect"
local portable = require "spec.support.portable"
local runloop = require "runloop"
local stand_in = require "spec.support.stand_in"
local support = require "spec.support"
local tables = require "spec.support.tables"
local tasks = require "spec.support.tasks"

local it_closing = portable.closing and it or pending
local it_hooked = rawget(_G, "jit") and pending or it -- LuaJIT has one hook for all coroutines

local LIVES = { running = true, scoring = true, scored = true }

describe("client:evaluate", function()
  local server, client
  stand_in({ scenarios = 12, runs = 0 }, function(started)
    server, client = started, started:client()
    server:set { provisioning_polls = 0, scoring_polls = 0 }
  end)

  local function evaluate(agent, options, source)
    local all = { interval = 0.01 }
    for name, value in pairs(options or {}) do all[name] = value end
    return client:evaluate(source or client.scenarios:list {}, agent or function() end, all)
  end

  local function run_of(id) return support.json.decode(server:text("run", id)) end

  -- Every run there is, as the server has it.
  local function all_runs()
    local list = {}
    for i, id in ipairs(server:ids "run") do list[i] = run_of(id) end
    return list
  end

  local function states()
    local count = {}
    for _, run in ipairs(all_runs()) do count[run.state] = (count[run.state] or 0) + 1 end
    return count
  end

  -- Neither a run nor a devbox.
  local function assert_nothing_runs()
    for _, run in ipairs(all_runs()) do
      assert.is_nil(LIVES[run.state], run.id .. " is " .. run.state)
      local box = support.json.decode(server:text("devbox", run.devbox_id))
      assert.is_true(box.status == "shutdown" or box.status == "failure", box.id .. " is " .. box.status)
    end
  end

  describe("a whole evaluation", function()
    it("starts, waits, calls the agent, scores and completes #slow", function()
      local seen = {}
      local report, err = evaluate(function(run, devbox, scenario)
        seen[#seen + 1] = { run.scenario_id == scenario.id, run.devbox_id == devbox.id, devbox.status }
        assert(devbox:exec "true")
        assert.is_string(scenario.input_context.problem_statement)
      end)
      assert.is_nil(err)
      assert.are.equal(12, #seen)
      for _, each in ipairs(seen) do assert.are.same({ true, true, "running" }, each) end
      assert.are.same({ 12, 12, 0, 0 }, { report.n, report.scored, report.failed, report.skipped })
      assert.are.equal(0.75, report.mean_score)
      assert.are.same({ completed = 12 }, states())
      assert_nothing_runs()
    end)

    it("reports in the order of the source", function()
      local report = evaluate(function(_, _, scenario)
        client:sleep(scenario.name == "nightly" and 0.05 or 0)
      end)
      local ids = server:ids "scenario"
      for i, result in ipairs(report.results) do
        assert.are.equal(ids[i], result.scenario_id)
        assert.are.same({ 1, 1, "completed", 0.75 }, { result.trial, result.attempts, result.state, result.score })
        assert.are.equal(ids[i], run_of(result.run_id).scenario_id)
        assert.are.equal(support.json.decode(server:text("scenario", ids[i])).name, result.scenario_name)
        assert.is_true(result.seconds >= 0)
      end
      assert.are.equal(12, #report.results)
    end)

    it("takes ids, scenarios and iterators", function()
      local ids = server:ids "scenario"
      local first = client.scenarios:retrieve(ids[1])
      local report = evaluate(function(_, _, scenario) return #scenario.input_context.problem_statement end, nil,
        { first, ids[2] })
      assert.are.equal(2, report.scored)
      assert.are.same({ first.name, client.scenarios:retrieve(ids[2]).name },
        { report.results[1].scenario_name, report.results[2].scenario_name })
      local i = 0
      report = evaluate(nil, nil, function()
        i = i + 1
        return i < 4 and ids[i] or nil
      end)
      assert.are.equal(3, report.scored)
      assert.are.equal(0, evaluate(nil, nil, {}).n)
    end)

    it("has as many at once as it is told #slow", function()
      local here, most = 0, 0
      local stop = support.now() + 20
      evaluate(function()
        here = here + 1
        most = math.max(most, here)
        repeat client:sleep(0.02) until most >= 3 or support.now() > stop
        here = here - 1
      end, { concurrency = 3 })
      assert.are.equal(3, most)
    end)

    it("marks its runs, and starts them as it is told", function()
      local report = evaluate(nil, {
        run_name = "n", metadata = { team = "a" }, run_profile = { env_vars = { A = "1" }, purpose = "p" },
      }, { server:ids("scenario")[1] })
      local run = run_of(report.results[1].run_id)
      assert.are.same({
        team = "a", runloop_evaluation = report.id, runloop_trial = "1", runloop_attempt = "1",
      }, run.metadata)
      assert.are.same({ "n", "p", { A = "1" } }, { run.name, run.purpose, run.environment_variables })
    end)

    it("works in a task, while the host goes on #slow", function()
      local report
      client:spawn(function() report = evaluate(function(_, devbox) return devbox:exec "true" end) end)
      local turns = 0
      tasks.poll_until(client, function()
        turns = turns + 1
        return report
      end)
      assert.are.equal(12, report.scored)
      assert.is_true(turns > 12)
    end)

    it("works outside of tasks with a nonblocking client", function()
      local patient = server:client { nonblocking = true }
      local report = patient:evaluate(patient.scenarios:list {}, function() end, { interval = 0.01 })
      assert.are.equal(12, report.scored)
    end)

    it("gives a report that JSON can hold, and a table for people", function()
      local report = evaluate(function(_, _, scenario)
        if scenario.name == "nightly" then return nil, "too\nhard" end
      end)
      local back = runloop.json.decode(runloop.json.encode(report))
      assert.are.same(10, back.scored)
      assert.are.same({ message = "too\nhard" }, back.results[1].err)
      assert.are.same({}, back.left_running)
      local text = tostring(report)
      assert.matches("\nnightly +1  canceled +%- +[%d.]+  too hard\n", text)
      assert.matches("\n12 in all: 10 scored, 2 failed, 0 skipped; ", text, 1, true)
    end)

    it("tells of each step", function()
      local told, total = {}, nil
      evaluate(function(_, _, scenario)
        if scenario.name == "nightly" then error "no" end
      end, {
        concurrency = 1,
        on_progress = function(p)
          told[#told + 1] = { p.started, p.done, p.scored, p.failed }
          total = p.total
          assert.is_true(p.started >= p.done and p.scenario.id ~= nil)
          assert.are.equal(p.scored > 0 and 0.75 or nil, p.mean_score)
          if p.done == 1 and p.started == 1 then assert.matches("no$", p.err) end
        end,
      })
      assert.are.equal(24, #told)
      assert.are.same({ { 1, 0, 0, 0 }, { 1, 1, 0, 1 }, { 2, 1, 0, 1 }, { 2, 2, 1, 1 } },
        { told[1], told[2], told[3], told[4] })
      assert.are.same({ 12, 12, 10, 2 }, told[24])
      assert.are.equal(12, total)
    end)

    it("gives results one by one, without keeping them", function()
      local seen = {}
      local report = evaluate(nil, {
        results = false,
        on_result = function(result, run)
          seen[result.scenario_id] = run.scoring_contract_result.score == result.score
        end,
      })
      assert.is_nil(report.results)
      assert.are.equal(12, report.scored)
      for _, id in ipairs(server:ids "scenario") do assert.is_true(seen[id]) end
      assert.is_nil(runloop.json.decode(runloop.json.encode(report)).results)
    end)

    it("brings the logs of all runs", function()
      local directory = support.tmpdir()
      local report = evaluate(function(_, _, scenario)
        if scenario.name == "nightly" then error "no" end
      end, { logs = directory })
      for _, result in ipairs(report.results) do
        local text = assert(support.read_file(directory .. "/" .. result.run_id .. ".zip"))
        assert.are.equal("PK", text:sub(1, 2))
      end
      assert.are.equal(12, #support.list_dir(directory))
    end)

    it("says which logs could not be had, and scores all the same", function()
      server:fault { path = "download_logs", status = 404, json = { message = "no logs" }, times = 1 }
      local report = evaluate(nil, { logs = support.tmpdir(), concurrency = 1 })
      assert.are.equal(12, report.scored)
      assert.matches("no logs", report.results[1].logs_err.message, 1, true)
      assert.is_nil(report.results[2].logs_err)
    end)

    it("groups by the scenarios' metadata", function()
      local source = {}
      for i, id in ipairs(server:ids "scenario") do
        source[i] = client.scenarios:retrieve(id)
        source[i].metadata = i <= 5 and { difficulty = "hard" } or i <= 11 and { difficulty = "easy" } or {}
      end
      local report = evaluate(function(_, _, scenario)
        if scenario == source[1] then error "no" end
      end, { group_by = "difficulty" }, source)
      local groups = report.groups
      assert.are.same({ "(none)", "easy", "hard" }, tables.names(groups))
      assert.are.same({ 5, 4, 1 }, { groups.hard.n, groups.hard.scored, groups.hard.failed })
      assert.are.same({ 0.75, 0.6 }, { groups.hard.mean_score, groups.hard.score })
      assert.are.equal(6, groups.easy.n)
    end)

    it("tries each scenario as often as it is told", function()
      local tried = {}
      local report = evaluate(function(run)
        tried[#tried + 1] = run.scenario_id .. run.metadata.runloop_trial
      end, { trials = 3, pass_score = 0.75 })
      assert.are.same({ 36, 36 }, { report.n, report.scored })
      assert.are.same({ 1, 1, 1 }, { portable.unpack(report.pass_at_k) })
      table.sort(tried)
      for i = 2, #tried do assert.are_not.equal(tried[i - 1], tried[i]) end
      assert.are.same({ 1, 2, 3, 1 }, {
        report.results[1].trial, report.results[2].trial, report.results[3].trial, report.results[4].trial,
      })
    end)

    it("adds up how long devboxes were there", function()
      local report = evaluate(function() client:sleep(0.05) end, { concurrency = 12 })
      assert.is_true(report.devbox_seconds >= 12 * 0.05)
      assert.is_true(report.devbox_seconds <= 12 * report.seconds)
    end)
  end)

  describe("an agent that fails", function()
    it("has its run cancelled, and spoils no other", function()
      local report = evaluate(function(run)
        if run.scenario_id == server:ids("scenario")[3] then error({ code = 7 }) end
        if run.scenario_id == server:ids("scenario")[4] then return nil, "gave up" end
      end, { concurrency = 2 })
      assert.are.same({ 10, 2 }, { report.scored, report.failed })
      assert.are.same({ "canceled", nil, "gave up" },
        { report.results[4].state, report.results[4].score, report.results[4].err.message })
      assert.are.same({ canceled = 2, completed = 10 }, states())
      assert_nothing_runs()
    end)

    it("may be anything that can be called, and what it raises has a traceback", function()
      local report = evaluate(setmetatable({}, { __call = function() error "no" end }), nil, { server:ids("scenario")[1] })
      assert.matches("evaluate_spec.lua:%d+: no$", report.results[1].err.message)
      assert.matches("stack traceback:.*evaluate_spec.lua", report.results[1].err.traceback)
    end)

    it("has what it left scored, if wanted", function()
      local report = evaluate(function() error "no" end, { on_agent_error = "score" })
      assert.are.same({ 12, 0 }, { report.scored, report.failed })
      assert.matches("no$", report.results[1].err.message)
      assert_nothing_runs()
    end)

    it("may score its run itself, and complete it #slow", function()
      for _, by in ipairs {
        function(run) assert(run:score()) end,
        function(run) assert(run:score_and_await { interval = 0.01 }) end,
        function(run) assert(run:score_and_complete { interval = 0.01 }) end,
        function(run) assert(client.scenarios.runs:score_and_complete(run, { interval = 0.01 })) end,
      } do
        local report = evaluate(by)
        assert.are.same({ 12, 0.75, "completed" }, { report.scored, report.mean_score, report.results[1].state })
        assert_nothing_runs()
      end
    end)

    it("is ended when its time is over", function()
      local ended = 0
      local report = evaluate(function(_, devbox, scenario)
        if scenario.name ~= "nightly" then return end
        tasks.finally(function() ended = ended + 1 end, function() return devbox:exec "sleep 60" end)
      end, { agent_timeout = 0.1 })
      assert.are.same({ 2, 2 }, { report.failed, ended }, tostring(report))
      assert.are.same({ "timeout", "AWAIT", "canceled" },
        { report.results[1].err.kind, report.results[1].err.code, report.results[1].state })
      assert_nothing_runs()
    end)

    it("keeps its devbox alive while it works", function()
      local function count() return server:count { path = "/keep_alive$" } end
      local ids = { server:ids("scenario")[1] }
      local function work() tasks.look_until(function() return client:sleep(0.01) and count() >= 3 end) end
      assert.are.equal(1, evaluate(work, { keep_alive = 0.01 }, ids).scored)
      server:clear_log()
      evaluate(function() client:sleep(0.05) end, { keep_alive = false }, ids)
      assert.are.equal(0, count())
    end)
  end)

  describe("a run that fails", function()
    it("before its environment is there is cancelled, and begun anew as often as is allowed", function()
      server:set { devbox_outcome = "failure" }
      local called = 0
      local report = evaluate(function() called = called + 1 end, { retries = 2 })
      assert.are.same({ 0, 12, 0 }, { called, report.failed, report.scored })
      assert.are.equal(3, report.results[1].attempts)
      assert.are.same({ "state", "failure" }, { report.results[1].err.kind, report.results[1].err.code })
      assert.are.same({ canceled = 36 }, states())
      assert_nothing_runs()
    end)

    it("and is begun anew may be scored then", function()
      server:set { start_state = "failed" }
      local report
      client:spawn(function()
        report = evaluate(nil, {
          retries = 100, concurrency = 12,
          on_progress = function(p) if p.started == 12 then server:set { start_state = "running" } end end,
        })
      end)
      tasks.poll_until(client, function() return report end)
      assert.are.same({ 12, 0 }, { report.scored, report.failed })
      assert_nothing_runs()
    end)

    it("in its scoring has its devbox shut down #slow", function()
      for _, outcome in ipairs { "failed", "timeout", "canceled" } do
        server:set { scoring_outcome = outcome }
        local report = evaluate()
        assert.are.same({ 12, 0 }, { report.failed, #report.left_running })
        assert.are.same({ "state", outcome, outcome },
          { report.results[1].err.kind, report.results[1].err.code, report.results[1].state })
        assert_nothing_runs()
      end
    end)

    it("says that its scoring takes too long", function()
      server:set { scoring_polls = 1e9 }
      local report = evaluate(nil, { score_timeout = 0.05 })
      assert.are.same({ 12, "timeout" }, { report.failed, report.results[1].err.kind })
      assert_nothing_runs()
    end)

    it("is told with its devbox when it cannot be ended", function()
      local id = server:ids("scenario")[1]
      for _, path in ipairs { "/cancel$", "/shutdown$" } do
        server:fault { path = path, status = 500, times = math.huge }
      end
      client = server:client { max_retries = 1 }
      local report = evaluate(function() error "no" end, nil, { id })
      local left = report.left_running[1]
      assert.are.same({ report.results[1].run_id, run_of(left.run_id).devbox_id, id },
        { left.run_id, left.devbox_id, left.scenario_id })
      assert.are.equal(500, left.err.status)
      assert.matches("left running: run " .. left.run_id, tostring(report), 1, true)
    end)

    it("has its devbox shut down when it cannot be cancelled", function()
      server:fault { path = "/cancel$", status = 403, times = math.huge }
      local report = evaluate(function() error "no" end)
      assert.are.same({}, report.left_running)
      for _, run in ipairs(all_runs()) do
        assert.are.equal("shutdown", support.json.decode(server:text("devbox", run.devbox_id)).status)
      end
    end)

    it("is scored though completing it fails, and ends", function()
      server:fault { path = "/complete$", status = 403, times = 1 }
      local report = evaluate(nil, { concurrency = 1 })
      assert.are.same({ 12, 0.75, 403 }, { report.scored, report.results[1].score, report.results[1].err.status })
      assert_nothing_runs()
    end)
  end)

  describe("a scenario", function()
    it("without a scorer says so, and starts nothing", function()
      local scenario = assert(client.scenarios:retrieve(server:ids("scenario")[1]))
      scenario.scoring_contract = { scoring_function_parameters = {} }
      local report = evaluate(nil, nil, { scenario })
      assert.are.same({ 1, "failed", "NO_SCORER" }, { report.failed, report.results[1].state, report.results[1].err.code })
      assert.are.same({}, server:ids "run")
    end)

    it("that was archived meanwhile says so", function()
      local ids = server:ids "scenario"
      assert(client.scenarios:archive(ids[2]))
      local report = evaluate(nil, { retries = 5 }, ids)
      assert.are.same({ 11, 1, 1 }, { report.scored, report.failed, report.results[2].attempts })
      assert.matches("archived", report.results[2].err.message, 1, true)
    end)

    it("that is not there says so", function()
      local report = evaluate(nil, nil, { "scn_of_nobody" })
      assert.are.same({ 1, 404 }, { report.failed, report.results[1].err.status })
    end)

    it("is scored though the answer that says so was lost, and the API takes it but once", function()
      server:set { scoring_polls = 2 }
      server:fault({ path = "/score$", close = true, effect = true }, { path = "/score$", status = 400 })
      local report = evaluate(nil, { concurrency = 1 })
      assert.are.same({ 12, 0 }, { report.scored, report.failed })
    end)

    it("that comes twice has trials of its own each time", function()
      local id = server:ids("scenario")[1]
      local report = evaluate(nil, { concurrency = 2 }, { id, id })
      assert.are.same({ 1, 2, 2 }, { report.results[1].trial, report.results[2].trial, report.scored })
      assert.are.same({ completed = 2 }, states())
    end)
  end)

  describe("a start whose answer is lost", function()
    it("is found, and its run gone on with", function()
      client = server:client { max_retries = 0 }
      server:fault { path = "/start_run$", close = true, effect = true, times = 3 }
      local report = evaluate()
      assert.are.same({ 12, 0 }, { report.scored, report.failed })
      assert.are.equal(12, states().completed)
      assert_nothing_runs() -- libcurl sends again what a connection had no answer to that had been used before
    end)

    it("and is tried again leaves one run that goes on #slow", function()
      server:fault { path = "/start_run$", close = true, effect = true, times = 3 }
      local report = evaluate()
      assert.are.equal(12, report.scored)
      assert.are.same({ completed = 12, canceled = 3 }, states())
      assert_nothing_runs()
    end)

    it("is not looked for when it cannot have been", function()
      server:fault { path = "/start_run$", status = 403, times = 1 }
      local report = evaluate(nil, { concurrency = 1 })
      assert.are.same({ 11, 403 }, { report.scored, report.results[1].err.status })
      assert.are.equal(0, server:count { path = "^/v1/scenarios/runs$", query = { state = false } })
    end)

    it("is looked for again at the end, and the report says when that fails", function()
      server:fault { path = "^/v1/scenarios/runs$", status = 403, query = { state = "running" } }
      local report = evaluate()
      assert.are.same({ 12, 403 }, { report.scored, report.err.status })
    end)

    it("and cannot be looked for is looked for again at the end", function()
      client = server:client { max_retries = 0 }
      server:fault({ path = "/start_run$", close = true, effect = true },
        { path = "^/v1/scenarios/runs$", status = 500 })
      local report = evaluate(nil, { concurrency = 1 })
      assert.are.equal(12, report.n)
      assert.are.equal(report.scored, states().completed)
      assert_nothing_runs()
    end)
  end)

  describe("an evaluation that ends early", function()
    it("after so many failures starts no more, and counts the rest", function()
      local report, err = evaluate(function() error "no" end, { max_failures = 3, concurrency = 1 })
      assert.is_nil(err)
      assert.are.same({ 12, 3, 9 }, { report.n, report.failed, report.skipped })
      assert.are.same({ "skipped", 0, 12 }, { report.results[4].state, report.results[4].attempts, #report.results })
      assert.are.equal("MAX_FAILURES", report.err.code)
      assert.are.same({ canceled = 3 }, states())
    end)

    it("after such a share of failures looks from the tenth on", function()
      local calls = 0
      local report = evaluate(function()
        calls = calls + 1
        if calls % 2 == 0 or calls > 9 then error "no" end
      end, { max_failures = 0.5, concurrency = 1 })
      assert.are.same({ 10, 5, 2 }, { calls, report.failed, report.skipped })
      calls = 100
      report = evaluate(function() error "no" end, { max_failures = 0.1, concurrency = 1 })
      assert.are.same({ 10, 2 }, { report.failed, report.skipped })
    end)

    it("with its source has what runs cancelled, and says why", function()
      local ids = server:ids "scenario"
      local i, working = 0, 0
      local report, err = evaluate(function()
        working = working + 1
        client:sleep(60)
      end, nil, function()
        i = i + 1
        if i <= 4 then return ids[i] end
        while working < 4 do client:sleep(0.01) end
        return nil, "the source broke"
      end)
      assert.are.equal("the source broke", err)
      assert.are.same({ 4, 4, "canceled", "the source broke" },
        { report.n, report.skipped, report.results[1].state, report.err.message })
      assert.are.same({ canceled = 4 }, states())
      assert_nothing_runs()
    end)

    it("before anything is started is an error", function()
      server:fault { path = "^/v1/scenarios$", status = 403, json = { message = "not yours" } }
      expect.failure("api", "permission_denied", evaluate())
      local report, err = evaluate(nil, nil, function() error("raised", 0) end)
      assert.are.same({ nil, "raised" }, { report, err })
      assert.are.same({}, server:ids "run")
    end)

    it("by a callback that raises has what runs cancelled, and raises #slow", function()
      for _, name in ipairs { "on_progress", "on_result" } do
        local calls = 0
        local ok, err = pcall(evaluate, function() client:sleep(calls == 0 and 0.05 or 60) end, {
          concurrency = 6, [name] = function()
            calls = calls + 1
            if calls > 3 then error("a slip", 0) end
          end,
        })
        assert.are.same({ false, "a slip" }, { ok, err })
        assert_nothing_runs()
      end
    end, 10)

    it("because its task is cancelled has what runs cancelled all the same", function()
      local working = 0
      local task = client:spawn(function()
        evaluate(function()
          working = working + 1
          client:sleep(60)
        end, { concurrency = 5 })
      end)
      tasks.poll_until(client, function() return working == 5 end)
      task:cancel()
      client:run()
      assert.are.same({ canceled = 5 }, states())
      assert_nothing_runs()
    end)

    it("at any moment leaves nothing running #slow", function()
      for steps = 1, 60, 3 do
        local requests = 0
        local other
        other = server:client {
          on_event = function(event)
            if event.type == "request" then requests = requests + 1 end
          end,
        }
        local task = other:spawn(function()
          other:evaluate(server:ids "scenario", function(_, devbox) return devbox:exec "true" end, { interval = 0.01 })
        end)
        tasks.poll_until(other, function() return requests >= steps or task.status ~= "running" end)
        task:cancel()
        other:close()
        assert_nothing_runs()
      end
    end)

    it("by the client's closing has what runs cancelled before close returns", function()
      local working = 0
      client:spawn(function()
        evaluate(function()
          working = working + 1
          client:sleep(60)
        end)
      end)
      tasks.poll_until(client, function() return working == 12 end)
      client:close()
      assert.are.same({ canceled = 12 }, states())
      assert_nothing_runs()
    end)

    it_closing("by the program's end, with a client that is closed then, has what runs cancelled #slow", function()
      for _, ending in ipairs {
        "repeat client:poll(1) until working == 12 os.exit(3, true)", -- by the main program
        "leaves = true client:run()", -- by an agent
      } do
        local code, out, err = support.lua([[
          local client <close> = require("runloop").new()
          local working, leaves = 0, false
          client:spawn(function()
            client:evaluate(client.scenarios:list {}, function()
              working = working + 1
              if working == 12 and leaves then os.exit(3, true) end
              client:sleep(60)
            end)
          end)
        ]] .. ending, { env = { RUNLOOP_API_KEY = server.token, RUNLOOP_BASE_URL = server.url } })
        assert.are.same({ 3, "", "" }, { code, out, err })
        assert.are.same({ canceled = 12 }, states())
        assert_nothing_runs()
        server:reset()
        server:set { provisioning_polls = 0, scoring_polls = 0 }
      end
    end)

    it_hooked("by an interrupt of the program has what runs cancelled", function()
      local main = coroutine.running()
      local ok, err = pcall(function()
        local working = 0
        evaluate(function()
          working = working + 1
          if working == 12 then
            debug.sethook(main, function()
              debug.sethook(main)
              error("interrupted!", 0)
            end, "", 1)
          end
          client:sleep(60)
        end)
      end)
      assert.is_false(ok)
      assert.matches("interrupted!", tostring(err), 1, true)
      assert_nothing_runs()
    end)
  end)

  describe("bad input", function()
    local function refuses(text, ...)
      local arguments = portable.pack(...)
      expect.raises(text, function() return client:evaluate(portable.unpack(arguments, 1, arguments.n)) end)
    end

    it("raises, and starts nothing", function()
      local function agent() end
      refuses("argument 'agent' must be a function, got nil", {})
      refuses("argument 'agent' must be a function, got table", {}, {})
      refuses("argument 'source' must be an array, an iterator or a pager, got string", "scn_1", agent)
      refuses("argument 'source' must be a list of scenarios or their ids; item 2 is neither", { "scn_1", 2 }, agent)
      refuses("argument 'source' must be a list of scenarios or their ids; item 1 is neither", { {} }, agent)
      refuses("got one of runs", client.scenarios.runs:list {}, agent)
      refuses("got one of devboxes", client.devboxes:list {}, agent)
      refuses("got one of network_policies", client.network_policies:list {}, agent)
      refuses("leaves out 'input_context'", client.scenarios:list({}, { fields = { "name" } }), agent)
      refuses("option 'resume' needs 'run_name'", {}, agent, { resume = true })
      refuses("option 'benchmark_run' is for client.benchmarks:evaluate", {}, agent, { benchmark_run = "bmr_1" })
      refuses("(did you mean 'concurrency'?)", {}, agent, { concurency = 3 })
      refuses("option 'trials' must be at least 1", {}, agent, { trials = 0 })
      refuses("option 'max_failures' must be an integer, or below 1", {}, agent, { max_failures = 1.5 })
      refuses("option 'keep_alive' must be a boolean", {}, agent, { keep_alive = "yes" })
      refuses("'runloop_trial' is a name of the module's own", {}, agent, { metadata = { runloop_trial = "1" } })
      refuses("option 'run_profile", {}, agent, { run_profile = { env = {} } })
      refuses("option 'on_agent_error'", {}, agent, { on_agent_error = "ignore" })
      assert.are.equal(0, server:count())
    end)

    it("takes lists of which the fields that an agent needs are read", function()
      local list = client.scenarios:list({}, { fields = { "input_context", "name" } })
      assert.are.equal(12, evaluate(nil, nil, list).scored)
    end)

    it("of a directory that is not there is an error before anything is started", function()
      local err = expect.failure("file", "OPEN", evaluate(nil, { logs = support.tmpdir() .. "/nowhere" }))
      assert.matches("nowhere", err.message, 1, true)
      assert.are.same({}, server:ids "run")
    end)

    it("of an iterator ends the evaluation", function()
      local given = { server:ids("scenario")[1], 42 }
      local i = 0
      local report, err = evaluate(nil, nil, function()
        i = i + 1
        return given[i]
      end)
      assert.matches("neither a scenario nor an id", err, 1, true)
      assert.are.equal(1, report.n)
      assert_nothing_runs()
    end)
  end)
end)

describe("Many evaluations at once #slow", function()
  local AT_ONCE = 200
  local server, client
  stand_in({ scenarios = AT_ONCE, runs = 0 }, function(started)
    server, client = started, started:client()
    server:set { provisioning_polls = 0, scoring_polls = 0 }
  end)

  it("with open output streams leave room for other calls", function()
    server:set { commands = { work = { stdout = { text = "line\n", times = 2000 }, seconds = math.huge } } }
    local open, rest, seen = 0, 0, nil
    local other = assert(client.scenarios:start_run { scenario_id = server:ids("scenario")[1] })
    client:spawn(function()
      while open < AT_ONCE do client:sleep(0.02) end
      assert(other:score_and_await { interval = 0.01 })
      assert(other:refresh())
      assert(other:cancel())
      seen = open -- still
      server:set { commands = {} }
    end)
    local report
    client:spawn(function()
      report = client:evaluate(client.scenarios:list { limit = 100 }, function(_, devbox)
        local bytes = 0
        assert(devbox:exec("work", {
          stdout = function(text)
            if bytes == 0 then open = open + 1 end
            bytes = bytes + #text
          end,
        }))
        open, rest = open - 1, rest + bytes
      end, { concurrency = AT_ONCE, interval = 0.02 })
    end)
    client:run()
    assert.are.same({ AT_ONCE, AT_ONCE, AT_ONCE * 10000 }, { seen, report.scored, rest })
    assert.are.equal("canceled", other.state)
  end)

  it("over a network that fails again and again score each once, and leave nothing running", function()
    for seed = 1, 2 do
      server:reset { scenarios = 40, runs = 0 }
      server:set { scoring_polls = 1 }
      server:chaos { seed = seed, rate = 0.25 }
      local patient = server:client { max_retries = 10 }
      local report = patient:evaluate(patient.scenarios:list {}, function() end, { interval = 0.01 })
      server:chaos(false)
      local completed = {}
      for _, id in ipairs(server:ids "run") do
        local run = support.json.decode(server:text("run", id))
        if run.state == "completed" then
          assert.is_nil(completed[run.scenario_id], run.scenario_id .. " was scored twice")
          completed[run.scenario_id] = true
        else
          assert.are.equal("canceled", run.state)
        end
        assert.are.equal("shutdown", support.json.decode(server:text("devbox", run.devbox_id)).status)
      end
      assert.are.same({ 40, 40, 0 }, { report.scored, #tables.names(completed), #report.left_running })
    end
  end)

  it("keep numbers only, with results = false", function()
    local ids, i = server:ids "scenario", 0
    local had = 0
    local function source()
      i = i + 1
      return i <= 600 and ids[i % #ids + 1] or nil
    end
    -- What one more scenario costs: the growth between the first third and the rest.
    local third
    local report = client:evaluate(source, function() had = had + 1 end, {
      results = false, concurrency = 20, interval = 0.01,
      on_result = function()
        if had >= 200 and not third then
          support.gc()
          third = collectgarbage "count"
        end
      end,
    })
    assert.are.equal(600, report.scored)
    support.gc()
    local each = (collectgarbage "count" - third) * 1024 / 400
    assert.is_true(each < 1000, each .. " bytes for each scenario")
  end)
end)

describe("client.benchmarks:evaluate", function()
  local server, client
  stand_in({ scenarios = 12, runs = 0 }, function(started)
    server, client = started, started:client()
    server:set { provisioning_polls = 0, scoring_polls = 0 }
  end)

  local function evaluate(agent, options, benchmark)
    local all = { interval = 0.01 }
    for name, value in pairs(options or {}) do all[name] = value end
    return client.benchmarks:evaluate(benchmark or "bmd_alpha", agent or function() end, all)
  end

  local function benchmark_run(id) return support.json.decode(server:text("benchmark_run", id)) end

  it("runs all scenarios in a benchmark run, and completes it", function()
    local total
    local report, err = evaluate(nil, { run_name = "b", on_progress = function(p) total = p.total end })
    assert.is_nil(err)
    assert.are.same({ 4, 4, 4 }, { total, report.n, report.scored })
    local whole = benchmark_run(report.benchmark_run)
    assert.are.same({ "completed", "b", 0.75, report.id },
      { whole.state, whole.name, whole.score, whole.metadata.runloop_evaluation })
    for _, id in ipairs(server:ids "run") do
      assert.are.equal(report.benchmark_run, support.json.decode(server:text("run", id)).benchmark_run_id)
    end
  end)

  it("completes it though some have failed, and not after too many failures", function()
    local function fail() error "no" end
    assert.are.equal("completed", benchmark_run(evaluate(fail).benchmark_run).state)
    assert.are.equal("running", benchmark_run(evaluate(fail, { max_failures = 2 }).benchmark_run).state)
  end)

  it("takes the benchmark itself, and says that there is none", function()
    local benchmark = assert(client.benchmarks:retrieve "bmd_beta")
    assert.are.equal(4, evaluate(nil, nil, benchmark).scored)
    expect.failure("api", "not_found", evaluate(nil, nil, "bmd_of_nobody"))
    expect.raises("'id' must be an id", function() return client.benchmarks:evaluate(42, function() end) end)
    expect.raises("argument 'agent' must be a function", function() return client.benchmarks:evaluate "bmd_alpha" end)
  end)

  it("finds a start whose answer was lost", function()
    client = server:client { max_retries = 0 }
    server:fault { path = "^/v1/benchmarks/start_run$", close = true, effect = true }
    local report = evaluate()
    assert.are.equal(4, report.scored)
    assert.are.equal("completed", benchmark_run(report.benchmark_run).state)
    for _, id in ipairs(server:ids "benchmark_run") do
      if id ~= "bmr_nightly" then assert.are_not.equal("running", benchmark_run(id).state) end
    end
  end)

  it("reports what could not be completed, with the error", function()
    server:fault { path = "^/v1/benchmark_runs/.*/complete$", status = 403, json = { message = "not yours" } }
    local report, err = evaluate()
    assert.are.same({ 4, 403, 403 }, { report.scored, report.err.status, err.status })
  end)
end)
