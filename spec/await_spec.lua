-- The helpers that wait: for a run to be scored, for a devbox to run, for an environment to come up.
local support = require "spec.support"
local expect = require "spec.support.expect"
local tables = require "spec.support.tables"
local tasks = require "spec.support.tasks"

local json = support.json
local GAP = 0.099 -- seconds; less than 100 ms by what two clocks may differ

describe("the helpers that wait,", function()
  local server, client, events

  setup(function() server = support.start { scenarios = 3, public = 0, runs = 0, scorers = 0 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    events = {}
    client = server:client { on_event = function(event) events[#events + 1] = event end }
  end)
  after_each(function() client:close() end)

  local function start()
    local run = expect.success(client.scenarios:start_run { scenario_id = server:ids("scenario")[1] })
    server:clear_log()
    return run
  end

  -- The next looks at a run (or what `fields` matches) give these views.
  local function views(list, fields)
    for _, view in ipairs(list) do
      local fault = { method = "GET", path = "/scenarios/runs/", status = 200, json = view }
      fault.headers = { ["Content-Type"] = "application/json" }
      for name, value in pairs(fields or {}) do fault[name] = value end
      server:fault(fault)
    end
  end

  local function states(list, fields)
    local all = {}
    for i, state in ipairs(list) do all[i] = { id = "scr_1", state = state } end
    views(all, fields)
  end

  -- Devbox views likewise.
  local function statuses(list, fields)
    fields = fields or {}
    fields.method, fields.path = "POST", "/wait_for_status$"
    local all = {}
    for i, status in ipairs(list) do all[i] = { id = "dbx_1", status = status } end
    views(all, fields)
  end

  local function silence(path, fields)
    local fault = { path = path, silent = true, times = math.huge }
    for name, value in pairs(fields or {}) do fault[name] = value end
    server:fault(fault)
  end

  -- A function to give as on_poll, and the field of the views that it has seen.
  local function watcher(field)
    local seen = {}
    return function(view) seen[#seen + 1] = view[field] end, seen
  end

  local function requests(filter)
    local list = {}
    for i, entry in ipairs(server:log(filter)) do list[i] = entry.method .. " " .. entry.path end
    return list
  end

  local function assert_gaps(seconds, log)
    assert.is_true(#log > 1, "there is no gap between fewer than two")
    for i = 2, #log do
      local gap = log[i].at - log[i - 1].at
      assert.is_true(gap >= seconds, ("%.4f s between requests %d and %d"):format(gap, i - 1, i))
    end
  end

  local function count_events(event_type)
    local count = 0
    for _, event in ipairs(events) do
      if event.type == event_type then count = count + 1 end
    end
    return count
  end

  local CONTEXTS = {
    { "outside of tasks,", function(fn) return fn() end },
    { "in a task,", function(fn) return client:spawn(fn):wait() end },
  }

  for _, context in ipairs(CONTEXTS) do
    local place, within = context[1], context[2]
    -- For what takes its time and hardly depends on the place.
    local slow_it = context == CONTEXTS[2] and it or function() end

    -- It must end as an await whose time is up, neither early nor late.
    local function times_out(seconds, fn)
      local began = support.now()
      local err = expect.failure("timeout", "AWAIT", within(fn))
      local took = support.now() - began
      assert.is_true(took >= seconds - 0.005 and took < seconds + 3, ("took %.3f s"):format(took))
      return err
    end

    describe(place, function()
      describe("runs:await_scored", function()
        local function await(spec, options)
          return within(function() return client.scenarios.runs:await_scored("scr_1", spec, options) end)
        end

        it("waits while the run is running or scoring, and on_poll sees every view", function()
          states { "running", "running", "scoring", "scoring", "scored" }
          local on_poll, seen = watcher "state"
          local run, response = expect.success(await { interval = 0.01, on_poll = on_poll })
          assert.are.equal("scored", run.state)
          assert.are.equal(200, response.status)
          assert.are.same({ "running", "running", "scoring", "scoring", "scored" }, seen)
          assert.are.equal(5, server:count { path = "^/v1/scenarios/runs/scr_1$" })
        end)

        it("asks at once, and not again when the run is scored already", function()
          states { "scored" }
          expect.success(await { interval = 20 })
          assert.are.equal(1, server:count())
        end)

        it("succeeds on a run that is completed and has a result, even a result of the future", function()
          views { { id = "scr_1", state = "completed", scoring_contract_result = { mood = "fine" } } }
          assert.are.equal("completed", expect.success(await()).state)
        end)

        for _, state in ipairs { "completed", "failed", "timeout", "canceled", "dreaming" } do
          it("ends with an error of kind state for a run that is " .. state .. " without a result", function()
            states { "scoring", state }
            local on_poll, seen = watcher "state"
            local err = expect.failure("state", state, await { interval = 0.01, on_poll = on_poll })
            assert.are.same({ "scoring", state }, seen)
            assert.are.same({ id = "scr_1", state = state }, tables.copy(err.last))
            assert.is_false(err.retryable)
            assert.matches(state, tostring(err), 1, true)
            assert.matches("scr_1", tostring(err), 1, true)
            assert.are.equal(2, server:count())
          end)
        end

        slow_it("waits the interval between two looks", function()
          states { "scoring", "scoring", "scored" }
          expect.success(await { interval = 0.12 })
          assert_gaps(0.119, server:log())
        end)

        slow_it("does not hammer the server, whatever the interval", function()
          states({ "scoring" }, { times = math.huge })
          local err = times_out(0.3, function() return await { interval = 0, timeout = 0.3 } end)
          assert.are.equal("scoring", err.last.state)
          assert.is_true(server:count() <= 31, server:count() .. " requests")
        end)

        slow_it("times out between two looks, with the last view #slow", function()
          states { "scoring" }
          local err = times_out(0.4, function() return await { interval = 20, timeout = 0.4 } end)
          assert.are.same({ id = "scr_1", state = "scoring" }, tables.copy(err.last))
          assert.are.equal(1, server:count())
        end)

        it("times out while an answer is awaited, with the last view #slow", function()
          states { "running" }
          silence "/runs/scr_1$"
          local err = times_out(1, function() return await { interval = 0.01, timeout = 1 } end)
          assert.are.equal("running", err.last.state)
          assert.are.equal(2, server:count())
        end)

        slow_it("times out while the first answer is awaited, without a view", function()
          silence "/runs/scr_1$"
          local err = times_out(0.15, function() return await { timeout = 0.15 } end)
          assert.is_nil(err.last)
        end)

        slow_it("times out in the midst of an answer that trickles in", function()
          states({ "scored" }, { trickle = { bytes = 1, every = 0.1 } })
          times_out(0.25, function() return await { timeout = 0.25 } end)
        end)

        slow_it("takes the call option deadline for its timeout when it is shorter", function()
          states { "scoring" }
          silence "/runs/scr_1$"
          local began = support.now()
          expect.failure("timeout", nil, await({ interval = 0.01 }, { deadline = 0.3 }))
          assert.is_true(support.now() - began < 3)
        end)

        it("survives what a call survives", function()
          states { "scoring" }
          server:fault({ path = "/runs/", reset = true }, { path = "/runs/", status = 503 },
            { path = "/runs/", cut = 5 })
          states { "scored" }
          local on_poll, seen = watcher "state"
          expect.success(await { interval = 0.01, on_poll = on_poll })
          assert.are.same({ "scoring", "scored" }, seen)
        end)

        it("ends with the error of a look that fails for good, and with the last view", function()
          states { "scoring" }
          server:fault { path = "/runs/", status = 404, json = { message = "gone" } }
          local err = expect.failure("api", "not_found", await { interval = 0.01 })
          assert.are.equal("scoring", err.last.state)
          assert.are.equal(2, server:count())
        end)

        it("ends with the error of an answer that is no run", function()
          server:fault { path = "/runs/", status = 200, body = "[]" }
          local err = expect.failure("decode", "SHAPE", await())
          assert.is_nil(err.last)
        end)

        it("sends an idempotency key with no look", function()
          states { "scoring", "scoring", "scored" }
          expect.success(await({ interval = 0.01 }, { idempotency_key = "key-1" }))
          local log = server:log()
          for i = 1, 3 do assert.is_nil(log[i].header["x-request-id"]) end
        end)

        it("hands the call options to every look and leaves the user's tables alone", function()
          states { "scoring", "scored" }
          local spec = { interval = 0.01 }
          local options = {
            headers = { ["X-Note"] = "a" }, query = { deep = "1" }, deadline = 20, idempotency_key = "k",
          }
          local before = tables.copy(options)
          expect.success(await(spec, options))
          for _, entry in ipairs(server:log()) do
            assert.are.same({ "a", "1" }, { entry.header["x-note"], entry.query.deep })
          end
          assert.are.same({ interval = 0.01 }, spec)
          assert.are.same(before, options)
        end)

        it("gives nulls where they are asked for", function()
          views { { id = "scr_1", state = "completed", scoring_contract_result = json.null } }
          local err = expect.failure("state", "completed", await(nil, { nulls = "keep" }))
          assert.are.equal(require("runloop").null, err.last.scoring_contract_result)
        end)

        it("lets an error of on_poll through as it is", function()
          states { "scoring", "scored" }
          local mine = {}
          local ok, raised = pcall(await, { interval = 0.01, on_poll = function() error(mine) end })
          assert.is_false(ok)
          assert.are.equal(mine, raised)
          assert.are.equal(1, server:count())
        end)

        it("lets on_poll make calls of its own", function()
          local run = start()
          local scored = within(function()
            return run:await_scored { interval = 0.01, on_poll = function(view)
              if view.state == "running" then expect.success(client.scenarios.runs:score(view)) end
            end }
          end)
          assert.are.equal(run, scored)
          assert.are.equal("scored", run.state)
        end)
      end)

      describe("runs:score_and_await", function()
        local function await(run, spec, options)
          return within(function() return client.scenarios.runs:score_and_await(run, spec, options) end)
        end

        it("scores the run and waits for the result", function()
          local run = start()
          local on_poll, seen = watcher "state"
          local scored, response = expect.success(await(run.id, { interval = 0.01, on_poll = on_poll }))
          assert.are.equal("scored", scored.state)
          assert.are.equal(0.75, scored.scoring_contract_result.score)
          assert.are.equal(200, response.status)
          assert.are.same({ "scoring", "scoring", "scored" }, seen)
          local path = "/v1/scenarios/runs/" .. run.id
          assert.are.same({ "POST " .. path .. "/score", "GET " .. path, "GET " .. path, "GET " .. path }, requests())
        end)

        for _, state in ipairs { "failed", "timeout", "canceled" } do
          it("ends with an error of kind state when the scoring ends as " .. state, function()
            server:set { scoring_outcome = state }
            local run = start()
            local err = expect.failure("state", state, await(run, { interval = 0.01 }))
            assert.are.same({ run.id, state }, { err.last.id, err.last.state })
          end)
        end

        it("gives the server's error for a run that cannot be scored, and does not look", function()
          local run = start()
          expect.success(client.scenarios.runs:cancel(run))
          server:clear_log()
          local err = expect.failure("api", "bad_request", await(run, { interval = 0.01 }))
          assert.is_nil(err.last)
          assert.are.equal(1, server:count())
        end)

        it("waits for what an attempt has begun whose answer was lost, and which is refused the next one", function()
          for _, lost in ipairs { { status = 503 }, { close = true } } do -- the second libcurl sends again, unseen
            local run = start()
            lost.path, lost.effect = "/score$", true
            server:fault(lost, { path = "/score$", status = 400 })
            local scored = expect.success(await(run, { interval = 0.01 }))
            assert.are.equal("scored", scored.state)
          end
        end)

        it("times out while the answer to the scoring is awaited", function()
          local run = start()
          silence "/score$"
          local err = times_out(0.6, function() return await(run, { timeout = 0.6 }) end)
          assert.is_true(err.maybe_sent)
          assert.is_nil(err.last)
        end)

        slow_it("spends one timeout on the scoring and the looks together #slow", function()
          local run = start()
          server:set { scoring_polls = math.huge }
          server:fault { path = "/score$", delay = 0.4 }
          local err = times_out(0.8, function() return await(run, { timeout = 0.8, interval = 0.01 }) end)
          assert.are.equal("scoring", err.last.state)
        end)

        it("sends an idempotency key with the scoring only", function()
          local run = start()
          local options = { idempotency_key = "key-1" }
          expect.success(await(run, { interval = 0.01 }, options))
          local log = server:log()
          assert.are.equal("key-1", log[1].header["x-request-id"])
          for i = 2, #log do assert.is_nil(log[i].header["x-request-id"]) end
          assert.are.same({ idempotency_key = "key-1" }, options)
        end)
      end)

      describe("runs:score_and_complete", function()
        local function await(run, spec, options)
          return within(function() return client.scenarios.runs:score_and_complete(run, spec, options) end)
        end

        it("has completed a run whose answer was lost, though that is refused the next time", function()
          for _, lost in ipairs { { status = 503 }, { close = true } } do
            local run = start()
            lost.path, lost.effect = "/complete$", true
            server:fault(lost, { path = "/complete$", status = 400 })
            local completed = expect.success(await(run, { interval = 0.01 }))
            assert.are.equal("completed", completed.state)
          end
          server:fault { path = "/complete$", status = 400 }
          expect.failure("api", "bad_request", await(start(), { interval = 0.01 }))
        end)

        it("scores the run, waits for the result and completes the run", function()
          local run = start()
          local on_poll, seen = watcher "state"
          local completed, response = expect.success(await(run.id, { interval = 0.01, on_poll = on_poll }))
          assert.are.equal("completed", completed.state)
          assert.are.equal(0.75, completed.scoring_contract_result.score)
          assert.are.equal(200, response.status)
          assert.are.same({ "scoring", "scoring", "scored" }, seen)
          local path = "/v1/scenarios/runs/" .. run.id
          assert.are.same({
            "POST " .. path .. "/score", "GET " .. path, "GET " .. path, "GET " .. path, "POST " .. path .. "/complete",
          }, requests())
          assert.are.equal("completed", json.decode(server:text("run", run.id)).state)
        end)

        it("does not complete a run whose scoring failed", function()
          server:set { scoring_outcome = "failed" }
          local run = start()
          local err = expect.failure("state", "failed", await(run, { interval = 0.01 }))
          assert.are.equal("failed", err.last.state)
          assert.are.equal(0, server:count { path = "/complete$" })
        end)

        it("does not complete a run that was completed meanwhile", function()
          server:set { scoring_outcome = "completed" }
          local run = start()
          assert.are.equal("completed", expect.success(await(run, { interval = 0.01 })).state)
          assert.are.equal(0, server:count { path = "/complete$" })
        end)

        it("has the scored run in the error when the completion fails", function()
          local run = start()
          server:fault { path = "/complete$", status = 409, json = { message = "busy" }, times = math.huge }
          local err = expect.failure("api", "conflict", await(run, { interval = 0.01 }, { max_retries = 1 }))
          assert.are.equal("scored", err.last.state)
          assert.are.equal(0.75, err.last.scoring_contract_result.score)
          assert.are.equal(2, err.attempts)
        end)

        slow_it("times out while the answer to the completion is awaited, with the scored run #slow", function()
          local run = start()
          silence "/complete$"
          local err = times_out(0.8, function() return await(run, { interval = 0.01, timeout = 0.8 }) end)
          assert.are.equal("scored", err.last.state)
          assert.is_true(err.maybe_sent)
        end)

        it("sends an idempotency key with the scoring only", function()
          local run = start()
          expect.success(await(run, { interval = 0.01 }, { idempotency_key = "key-1" }))
          local log = server:log()
          assert.are.equal("key-1", log[1].header["x-request-id"])
          for i = 2, #log do assert.are_not.equal("key-1", log[i].header["x-request-id"]) end
          assert.is_truthy(log[#log].header["x-request-id"]:find("^runloop%-lua%-retry%-"))
        end)
      end)

      describe("devboxes:await_running", function()
        local function await(spec, options, id)
          return within(function() return client.devboxes:await_running(id or "dbx_1", spec, options) end)
        end

        slow_it("waits through the states of a devbox that boots, and on_poll sees every view #slow", function()
          local list = { "scheduled", "queued", "provisioning", "initializing", "running" }
          statuses(list)
          local on_poll, seen = watcher "status"
          local devbox, response = expect.success(await { interval = 0, on_poll = on_poll })
          assert.are.equal("running", devbox.status)
          assert.are.equal(200, response.status)
          assert.are.same(list, seen)
        end)

        it("asks for the states that end the wait, for at most 30 seconds and at least one", function()
          for timeout, hold in pairs { [0.7] = 1, [7.9] = 7, [3600] = 30 } do
            statuses { "running" }
            expect.success(await { timeout = timeout })
            local body = server:last().body
            assert.are.same({ statuses = { "running", "failure", "shutdown" }, timeout_seconds = hold },
              tables.decoded(body))
            assert.matches('"timeout_seconds":' .. hold .. "[,}]", body)
          end
          assert.are.equal(3, server:count { method = "POST", path = "^/v1/devboxes/dbx_1/wait_for_status$" })
        end)

        for _, status in ipairs { "failure", "shutdown", "dreaming" } do
          it("ends with an error of kind state for a devbox that is " .. status, function()
            statuses { status }
            local on_poll, seen = watcher "status"
            local err = expect.failure("state", status, await { interval = 0, on_poll = on_poll })
            assert.are.same({ status }, seen)
            assert.are.same({ id = "dbx_1", status = status }, tables.copy(err.last))
            assert.matches("dbx_1", tostring(err), 1, true)
          end)
        end

        it("waits through a suspend and a resume, right after which it may still be told to be suspended #slow", function()
          statuses { "suspended", "suspending", "suspended", "resuming", "running" }
          local on_poll, seen = watcher "status"
          expect.success(await { interval = 0, on_poll = on_poll })
          assert.are.same({ "suspended", "suspending", "suspended", "resuming", "running" }, seen)
        end)

        slow_it("ends with an error of kind state for a devbox that is suspended and still is 5 seconds later #slow", function()
          statuses { "suspended", "suspended" }
          local on_poll, seen = watcher "status"
          expect.failure("state", "suspended", await { interval = 5.05, on_poll = on_poll })
          assert.are.same({ "suspended", "suspended" }, seen)
        end)

        slow_it("takes a 408 for 'not yet': no retry, no view, each a request of its own", function()
          server:set { provisioning_polls = 2, hold = 0 }
          local run = start()
          client:close()
          events = {}
          client = server:client {
            max_retry_wait = 30, on_event = function(event) events[#events + 1] = event end,
          }
          local on_poll, seen = watcher "status"
          expect.success(await({ interval = 0, on_poll = on_poll }, nil, run.devbox_id))
          assert.are.same({ "running" }, seen)
          local log = server:log { path = "/wait_for_status$" }
          assert.are.equal(3, #log)
          local keys = {}
          for i, entry in ipairs(log) do
            assert.are.equal(i < 3 and 408 or 200, entry.status)
            assert.are.equal("0", entry.header["x-stainless-retry-count"])
            local key = entry.header["x-request-id"]
            assert.is_nil(keys[key])
            keys[key] = true
          end
          assert.are.equal(0, client:stats().retries)
          assert.are.equal(0, count_events "retry")
        end)

        slow_it("leaves at least 100 ms between two 408s that come at once", function()
          server:fault {
            path = "/wait_for_status$", status = 408, headers = { ["x-should-retry"] = "true" }, times = 2,
          }
          statuses { "running" }
          expect.success(await { interval = 0 })
          local log = server:log()
          assert.are.equal(3, #log)
          assert_gaps(GAP, log)
        end)

        slow_it("leaves at least 100 ms between two views that come at once", function()
          statuses { "provisioning", "provisioning", "running" }
          expect.success(await { interval = 0.001 })
          assert_gaps(GAP, server:log())
        end)

        slow_it("waits a longer interval out, from the beginning of one poll to that of the next", function()
          statuses { "provisioning", "running" }
          local began = support.now()
          expect.success(await { interval = 0.3 })
          assert.is_true(support.now() - began >= 0.299)
        end)

        slow_it("gives the server as long as it asked it to hold the answer, whatever the client's timeout #slow", function()
          client:close()
          client = server:client {
            timeout = 0.1, on_event = function(event) events[#events + 1] = event end,
          }
          server:fault { path = "/wait_for_status$", delay = 0.2, status = 408 }
          statuses({ "running" }, { delay = 0.2 })
          expect.success(await { interval = 0 })
          assert.are.equal(2, server:count())
          for _, event in ipairs(events) do assert.are_not.equal("timeout", event.err and event.err.kind) end
        end)

        slow_it("times out between two polls, with the last view #slow", function()
          statuses { "provisioning" }
          local err = times_out(0.4, function() return await { interval = 20, timeout = 0.4 } end)
          assert.are.equal("provisioning", err.last.status)
          assert.are.equal(1, server:count())
        end)

        it("times out while an answer is awaited, with the last view #slow", function()
          statuses { "initializing" }
          silence "/wait_for_status$"
          local err = times_out(1, function() return await { interval = 0, timeout = 1 } end)
          assert.are.equal("initializing", err.last.status)
          assert.are.equal(2, server:count())
        end)

        slow_it("times out without a view when the server only ever says 408", function()
          server:fault { path = "/wait_for_status$", status = 408, times = math.huge }
          local err = times_out(0.35, function() return await { interval = 0, timeout = 0.35 } end)
          assert.is_nil(err.last)
          assert.is_true(server:count() <= 4, server:count() .. " requests")
        end)

        slow_it("survives dropped connections of every kind, more of them than a call has retries #slow", function()
          client:close()
          client = server:client { max_retries = 0 }
          statuses { "provisioning" }
          for _, fault in ipairs {
            { reset = true }, { close = true }, { cut = 5 }, { garbage = true }, { reset = true },
            { cut = 5, framing = "close", status = 200, body = '{"id":"dbx_1","status":"running"}',
              headers = { ["Content-Type"] = "application/json" } },
          } do
            fault.path = "/wait_for_status$"
            server:fault(fault)
          end
          statuses { "running" }
          expect.success(await { interval = 0 })
          assert.are.equal(0, server:faults_left())
        end)

        slow_it("survives a server in trouble", function()
          server:fault({ path = "/wait_for_status$", status = 503 }, { path = "/wait_for_status$", status = 500 },
            { path = "/wait_for_status$", status = 429, headers = { ["Retry-After"] = "0" } })
          statuses { "running" }
          expect.success(await { interval = 0 })
          assert_gaps(GAP, server:log())
        end)

        slow_it("does not hammer a server that is in trouble for good #slow", function()
          server:fault {
            path = "/wait_for_status$", status = 500, headers = { ["Retry-After"] = "0" }, times = math.huge,
          }
          assert.is_nil((await { interval = 0, timeout = 5 }))
          assert_gaps(GAP, server:log())
        end)

        it("ends with what the server asked for when that is longer than it may wait", function()
          server:fault { path = "/wait_for_status$", status = 503, headers = { ["Retry-After"] = "60" } }
          local err = expect.failure("api", "internal_server", await())
          assert.are.equal(60, err.retry_after)
          assert.are.equal(1, server:count())
        end)

        slow_it("does not hammer a port that nobody listens on, and times out #slow", function()
          client:close()
          events = {}
          client = support.client("http://127.0.0.1:" .. support.free_port(), {
            on_event = function(event) events[#events + 1] = event end,
          })
          local err = times_out(0.55, function() return await { interval = 0, timeout = 0.55 } end)
          assert.is_nil(err.last)
          local attempts = count_events "request"
          assert.is_true(attempts >= 1 and attempts <= 6, attempts .. " attempts")
        end)

        slow_it("goes on when a server that refused connections is back", function()
          client:close()
          local refused = 0
          client = server:client { max_retries = 0, on_event = function(event)
            if event.type == "response" and event.err then
              refused = refused + 1
              if refused == 2 then server:refuse(false) end
            end
          end }
          statuses { "running" }
          server:refuse(true)
          finally(function() server:refuse(false) end)
          expect.success(await { interval = 0 })
          assert.are.equal(2, refused)
        end)

        for status, code in pairs { [400] = "bad_request", [401] = "authentication", [404] = "not_found" } do
          it("ends at once with a " .. status, function()
            server:fault { path = "/wait_for_status$", status = status, json = { message = "no" } }
            local err = expect.failure("api", code, await { interval = 0 })
            assert.is_nil(err.last)
            assert.are.equal(1, server:count())
          end)
        end

        slow_it("has the last view in the error of a poll that is refused", function()
          statuses { "provisioning" }
          server:fault { path = "/wait_for_status$", status = 403, json = { message = "no" } }
          local err = expect.failure("api", "permission_denied", await { interval = 0 })
          assert.are.equal("provisioning", err.last.status)
          assert.are.equal(2, server:count())
        end)

        it("ends at once with an answer that is no devbox", function()
          server:fault { path = "/wait_for_status$", status = 200, body = "fine" }
          expect.failure("decode", nil, await { interval = 0 })
          assert.are.equal(1, server:count())
        end)

        slow_it("sends an idempotency key with the first poll only", function()
          statuses { "provisioning", "provisioning", "running" }
          expect.success(await({ interval = 0 }, { idempotency_key = "key-1" }))
          local log = server:log()
          assert.are.equal("key-1", log[1].header["x-request-id"])
          for i = 2, 3 do assert.are_not.equal("key-1", log[i].header["x-request-id"]) end
        end)

        it("is a method of a devbox, which brings it up to date", function()
          local devbox = expect.success(client.devboxes:retrieve(start().devbox_id))
          assert.are.equal("provisioning", devbox.status)
          assert.are.equal(devbox, expect.success(within(function() return devbox:await_running { interval = 0 } end)))
          assert.are.equal("running", devbox.status)
        end)
      end)

      describe("scenarios:start_run_and_await_env_ready", function()
        local scenario
        before_each(function()
          scenario = server:ids("scenario")[1]
          server:set { provisioning_polls = 0 }
        end)

        local function begin(spec, options, params)
          params = params or { scenario_id = scenario }
          return within(function()
            return client.scenarios:start_run_and_await_env_ready(params, spec, options)
          end)
        end

        local function state_of(run)
          return json.decode(server:text("run", run.id)).state
        end

        it("starts a run and gives it once its devbox runs", function()
          server:set { provisioning_polls = 2 }
          local on_poll, seen = watcher "status"
          local params = { scenario_id = scenario, run_name = "mine", run_profile = { purpose = "p" } }
          local run, response = expect.success(begin({ interval = 0, on_poll = on_poll }, nil, params))
          assert.are.same({ scenario, "mine", "p", "running" }, { run.scenario_id, run.name, run.purpose, run.state })
          assert.are.equal(200, response.status)
          assert.are.same({ "running" }, seen)
          assert.are.equal("running", json.decode(server:text("devbox", run.devbox_id)).status)
          local wait = "POST /v1/devboxes/" .. run.devbox_id .. "/wait_for_status"
          assert.are.same({ "POST /v1/scenarios/start_run", wait, wait, wait }, requests())
          assert.are.same({ scenario_id = scenario, run_name = "mine", runProfile = { purpose = "p" } },
            tables.decoded(server:log()[1].body))
        end)

        it("has the run that was started in the error when its devbox fails", function()
          server:set { devbox_outcome = "failure" }
          local on_poll, seen = watcher "status"
          local err = expect.failure("state", "failure", begin { interval = 0, on_poll = on_poll })
          assert.are.same({ "failure" }, seen)
          assert.are.equal("failure", err.last.status)
          assert.are.equal("execution_failed", err.last.failure_reason)
          assert.are.equal(server:ids("run")[1], err.run.id)
          assert.are.equal(err.last.id, err.run.devbox_id)
          assert.are.equal("running", state_of(err.run))
          assert.are.equal("function", type(err.run.cancel))
        end)

        it("cancels that run with cancel_on_failure", function()
          server:set { devbox_outcome = "shutdown" }
          local err = expect.failure("state", "shutdown", begin { interval = 0, cancel_on_failure = true })
          assert.are.equal("shutdown", err.last.status)
          assert.are.equal(server:ids("run")[1], err.run.id)
          assert.are.equal("canceled", state_of(err.run))
          assert.are.equal("canceled", err.run.state)
        end)

        it("has the run in the error when it failed from the start", function()
          server:set { start_state = "failed" }
          local err = expect.failure("state", "failure", begin { interval = 0 })
          assert.are.same({ server:ids("run")[1], "failed" }, { err.run.id, err.run.state })
        end)

        slow_it("has the run in the error when the time is up between two polls", function()
          server:fault { path = "/wait_for_status$", status = 408, times = math.huge }
          local err = times_out(0.35, function() return begin { interval = 0, timeout = 0.35 } end)
          assert.are.equal(server:ids("run")[1], err.run.id)
          assert.are.equal("running", state_of(err.run))
        end)

        slow_it("cancels it although the time is up while an answer is awaited #slow", function()
          silence "/wait_for_status$"
          local err = times_out(0.5, function() return begin { timeout = 0.5, cancel_on_failure = true } end)
          assert.are.equal("canceled", state_of(err.run))
          assert.is_nil(err.last)
        end)

        slow_it("cancels it although the call option deadline has passed #slow", function()
          silence "/wait_for_status$"
          local err = expect.failure("timeout", nil, begin({ cancel_on_failure = true }, { deadline = 0.5 }))
          assert.are.equal("canceled", state_of(err.run))
        end)

        it("has the run in the error when the wait is refused", function()
          server:fault { path = "/wait_for_status$", status = 403, json = { message = "no" } }
          local err = expect.failure("api", "permission_denied", begin { interval = 0 })
          assert.are.equal(server:ids("run")[1], err.run.id)
        end)

        it("has the run and the first error when even the cancellation fails", function()
          server:set { devbox_outcome = "failure" }
          server:fault { path = "/cancel$", status = 400, json = { message = "too late" } }
          local err = expect.failure("state", "failure", begin { interval = 0, cancel_on_failure = true })
          assert.are.same({ server:ids("run")[1], "running" }, { err.run.id, err.run.state })
          assert.are.equal(1, server:count { path = "/cancel$" })
        end)

        it("has the run in the error when the answer names no devbox", function()
          local answers = { method = "POST", path = "/start_run$" }
          views({ { id = "scr_1", state = "running", scenario_id = scenario } }, answers)
          local err = expect.failure("decode", "SHAPE", begin())
          assert.are.equal("scr_1", err.run.id)
          views({ { state = "running" } }, answers)
          expect.failure("decode", "SHAPE", begin { cancel_on_failure = true })
          assert.are.equal(2, server:count())
        end)

        it("gives the error of a run that did not start, and waits for nothing", function()
          server:fault { path = "/start_run$", status = 422, json = { message = "no secret" } }
          local err = expect.failure("api", "unprocessable_entity", begin { cancel_on_failure = true })
          assert.is_nil(err.run)
          assert.are.equal(1, server:count())
        end)

        slow_it("times out while the answer to the start is awaited", function()
          silence "/start_run$"
          local err = times_out(0.6, function() return begin { timeout = 0.6 } end)
          assert.is_true(err.maybe_sent)
          assert.is_nil(err.run)
        end)

        slow_it("survives dropped connections, also that of the start", function()
          server:fault({ path = "/start_run$", reset = true }, { path = "/wait_for_status$", reset = true })
          expect.success(begin { interval = 0 })
          assert.are.equal(1, #server:ids "run")
        end)

        it("sends an idempotency key with the start only", function()
          server:set { devbox_outcome = "failure" }
          local options = { idempotency_key = "key-1" }
          expect.failure("state", "failure", begin({ interval = 0, cancel_on_failure = true }, options))
          local log = server:log()
          assert.are.equal("key-1", log[1].header["x-request-id"])
          assert.is_true(#log > 2)
          for i = 2, #log do assert.are_not.equal("key-1", log[i].header["x-request-id"]) end
          assert.are.same({ idempotency_key = "key-1" }, options)
        end)

        it("checks everything before anything is sent", function()
          expect.raises("'scenario_id' is required", function() begin(nil, nil, {}) end)
          expect.raises("start_run_and_await_env_ready: unknown await option 'timout' (did you mean 'timeout'?)",
            function() begin { timout = 1 } end)
          expect.raises("unknown call option 'deadlin'", function() begin(nil, { deadlin = 1 }) end)
          assert.are.equal(0, server:count())
        end)
      end)
    end)
  end

  describe("in a task that is cancelled,", function()
    -- Starts `fn` in a task and ends it by `finish` once the condition holds; no request may follow.
    local function ended(fn, condition, finish)
      local task = client:spawn(fn)
      tasks.poll_until(client, condition)
      local before = server:count()
      finish = finish or function() task:cancel() end
      finish()
      assert.are.equal("cancelled", task.status)
      expect.failure("cancelled", "CANCELLED", task:wait())
      local other = server:client()
      local stop = support.now() + 0.15
      repeat expect.success(other.scenarios:list():next()) until support.now() > stop
      other:close()
      assert.are.equal(0, server:count { since = before, path = "/wait_for_status$" })
      assert.are.equal(0, server:count { since = before, path = "/runs/" })
    end

    local function seen(path)
      return function() return server:count { path = path } > 0 end
    end

    it("an await ends between two looks", function()
      states({ "scoring" }, { times = math.huge })
      ended(function() return client.scenarios.runs:await_scored("scr_1", { interval = 0.05 }) end, seen "/runs/scr_1$")
    end)

    it("an await ends while an answer is awaited", function()
      silence "/wait_for_status$"
      ended(function() return client.devboxes:await_running "dbx_1" end, seen "/wait_for_status$")
      tasks.look_until(function() return server:stats().in_flight == 0 end, "the end of the request")
    end)

    it("no run is cancelled behind the caller's back", function()
      silence "/wait_for_status$"
      ended(function()
        return client.scenarios:start_run_and_await_env_ready({ scenario_id = server:ids("scenario")[1] },
          { cancel_on_failure = true })
      end, seen "/wait_for_status$")
      assert.are.equal("running", json.decode(server:text("run", server:ids("run")[1])).state)
    end)

    it("an await ends with its client", function()
      states({ "scoring" }, { times = math.huge })
      ended(function() return client.scenarios.runs:await_scored("scr_1", { interval = 0.05 }) end, seen "/runs/scr_1$",
        function() client:close() end)
    end)
  end)

  it("wait at the same time in as many tasks as there are #slow", function()
    server:set { provisioning_polls = 2, scoring_polls = 3 }
    local done = {}
    for i = 1, 8 do
      client:spawn(function()
        local run = assert(client.scenarios:start_run_and_await_env_ready(
          { scenario_id = server:ids("scenario")[1], run_name = "run " .. i }, { interval = 0 }))
        assert(run:score_and_complete { interval = 0.05 })
        done[#done + 1] = run.state
      end)
    end
    client:run()
    assert.are.same({ "completed", "completed", "completed", "completed", "completed", "completed", "completed",
      "completed" }, done)
  end)

  describe("await options", function()
    it("are checked, naming the helper and the option", function()
      local runs = client.scenarios.runs
      for _, name in ipairs { "await_scored", "score_and_await", "score_and_complete" } do
        local where = "scenarios.runs:" .. name
        for option, value in pairs {
          timeout = -1, interval = "1", on_poll = 7, cancel_on_failure = "yes",
        } do
          local message = expect.raises(where, function() runs[name](runs, "scr_1", { [option] = value }) end)
          assert.matches("'" .. option .. "'", message, 1, true)
        end
        expect.raises(where .. ": unknown await option 'intervall' (did you mean 'interval'?)", function()
          runs[name](runs, "scr_1", { intervall = 1 })
        end)
        expect.raises(where, function() runs[name](runs, "scr_1", 7) end)
        expect.raises("unknown call option 'max_retry' (did you mean 'max_retries'?)", function()
          runs[name](runs, "scr_1", nil, { max_retry = 1 })
        end)
      end
      expect.raises("devboxes:await_running", function()
        client.devboxes:await_running("dbx_1", { timeout = 0 / 0 })
      end)
      assert.are.equal(0, server:count())
    end)
  end)
end)
