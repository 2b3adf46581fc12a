-- Tasks: spawn and wait, and what is done in one: yields, pagers, retry waits.
local portable = require "spec.support.portable"
local expect = require "spec.support.expect"
local stand_in = require "spec.support.stand_in"
local support = require "spec.support"
local tasks = require "spec.support.tasks"

local poll_until, finally, at_once = tasks.poll_until, tasks.finally, tasks.at_once

local it_incremental = portable.incremental and it or pending

describe("tasks", function()
  local server, client, ids

  stand_in({ scenarios = 120 }, function(started)
    server, client, ids = started, started:client(), started:ids("scenario")
  end)
  local with = tasks.with(function() return server, client, ids end)
  local retrieve, hanging = with.retrieve, with.hanging

  describe("client:spawn", function()
    it("runs the function at once, up to its first wait", function()
      local steps = {}
      local task = client:spawn(function()
        steps[#steps + 1] = "begun"
        retrieve()
        steps[#steps + 1] = "answered"
      end)
      steps[#steps + 1] = "spawned"
      assert.are.equal("running", task.status)
      task:wait()
      assert.are.same({ "begun", "spawned", "answered" }, steps)
    end)

    it("hands its arguments on, nil among them", function()
      local got
      client:spawn(function(...) got = portable.pack(...) end, 1, nil, "three", nil)
      assert.are.same({ n = 4, 1, nil, "three", nil }, got)
    end)

    it("from within a task begins at the scheduler's next turn", function()
      local steps, inner = {}, nil
      local outer = client:spawn(function()
        inner = client:spawn(function(word) steps[#steps + 1] = word end, "inner")
        steps[#steps + 1] = "outer"
        client:sleep(0)
      end)
      assert.are.same({ "outer" }, steps)
      assert.are.equal("running", inner.status)
      outer:wait()
      inner:wait()
      assert.are.same({ "outer", "inner" }, steps)
    end)

    it("takes nothing but a function", function()
      expect.raises("'fn'", function() client:spawn() end)
      expect.raises("'fn'", function() client:spawn("print") end)
    end)

    it("lets many calls be on their way at once #slow", function()
      server:set { delay = 0.6 }
      local list = {}
      for i = 1, 10 do list[i] = client:spawn(retrieve, ids[i]) end
      for i = 1, 10 do assert.are.equal(ids[i], expect.success(list[i]:wait()).id) end
      assert.are.equal(10, server:stats().max_in_flight)
    end)

    it("gives every kind of call a way to wait: pagers, helpers, downloads #slow", function()
      local path = support.tmpdir() .. "/logs.zip"
      local run = server:ids("run")[1]
      local results = {}
      local function start(name, fn)
        client:spawn(function() results[name] = fn() end)
      end
      start("collect", function() return #assert(client.scenarios:list { limit = 50 }:collect()) end)
      start("pages", function()
        local pages = 0
        for _ in client.scenarios:list { limit = 50 }:pages() do pages = pages + 1 end
        return pages
      end)
      start("await", function()
        local started = assert(client.scenarios:start_run { scenario_id = ids[1] })
        return assert(started:score_and_await { interval = 0.01 }).state
      end)
      start("environment", function()
        return assert(client.scenarios:start_run_and_await_env_ready({ scenario_id = ids[2] }, { interval = 0.01 })).state
      end)
      start("download", function() return assert(client.scenarios.runs:download_logs(run, path)) end)
      start("warm_up", function() return client:warm_up() end)
      assert.are.equal(0, client:run())
      assert.are.same({
        collect = 120, pages = 3, await = "scored", environment = "running", download = #support.read_file(path),
        warm_up = true,
      }, results)
    end)

    it("is there for a task that nobody holds: its call is finished #slow", function()
      local done
      client:spawn(function() done = retrieve(ids[3]) end)
      support.gc()
      poll_until(client, function()
        support.gc()
        return done
      end)
      assert.are.equal(ids[3], done.id)
    end)

    it("may be nested a thousand deep", function()
      local depth, deepest = 0, nil
      local function deeper()
        depth = depth + 1
        if depth < 1000 then
          client:spawn(deeper)
        else
          deepest = retrieve()
        end
      end
      client:spawn(deeper)
      client:run()
      assert.are.equal(1000, depth)
      assert.are.equal(ids[1], deepest.id)
    end)

    it("goes on with every wait from outside, also one of 0 seconds", function()
      local task = client:spawn(retrieve)
      local stop = support.now() + 30
      repeat task:wait(0) until task.status ~= "running" or support.now() > stop
      assert.are.equal("done", task.status)
    end)

    it("tells on_error nothing of an error that somebody waits for, though another has given up", function()
      local told = {}
      local own = server:client { on_error = function(err) told[#told + 1] = err end }
      local failing = own:spawn(function()
        own:sleep(0.05)
        error "boom"
      end)
      own:spawn(function() failing:wait(0.01) end)
      expect.raises("boom", function() failing:wait() end)
      own:run()
      assert.are.same({}, told)
    end)

    -- In an interpreter of its own: in a large heap the collector hardly comes at the right moment.
    it_incremental("wakes who waits for a task that a finalizer has cancelled #slow", function()
      local code, out, err = support.lua(([[
        local client = require "runloop".new { base_url = %q, bearer_token = "test-token" }
        for i = 1, 100 do
          local first = client:spawn(function() client:sleep(1000) end)
          local second = client:spawn(function()
            client:sleep(0)
            collectgarbage()
            collectgarbage("incremental", 1, 1000, 1 + i %% 20)
            for _ = 1, i do local _ = {} end -- so that it comes at another place each time
            do local _ = setmetatable({}, { __gc = function() first:cancel() end }) end
            return first:wait()
          end)
          for _ = 1, 20 do
            if client:poll(0.005) == 0 then break end
            collectgarbage()
          end
          assert(second.status == "done", "round " .. i)
        end]]):format(server.url))
      assert.are.equal(0, code, out .. err)
    end)

    it("wakes all who are due while the budget lasts", function()
      local woken = 0
      for _ = 1, 2000 do
        client:spawn(function()
          client:sleep(0.01)
          woken = woken + 1
        end)
      end
      support.sleep(0.02)
      client:poll(0, 10)
      assert.are.equal(2000, woken)
    end)

    it("carries ten thousand, and their memory comes back #heavy", function()
      collectgarbage "stop" -- a collector that never rests would go over all of them all the time
      return finally(function() collectgarbage "restart" end, function()
        local ended = 0
        local function sleeper()
          client:sleep(0.01)
          ended = ended + 1
        end
        local function spawn_all(n)
          for _ = 1, n do client:spawn(sleeper) end
        end
        spawn_all(100) -- what is kept for ever is there now
        client:run()
        support.gc()
        local before = collectgarbage("count")
        spawn_all(10000)
        support.gc()
        local full = collectgarbage("count")
        for _ = 1, 10000 do client:spawn(coroutine.yield) end
        client:run()
        assert.are.equal(10100, ended)
        support.gc()
        assert.is_true(collectgarbage("count") - before < 64, "memory was kept")
        assert.is_true((full - before) / 10000 <= 3, ("%.2f KB each"):format((full - before) / 10000))
      end)
    end)
  end)

  it("that have ended keep what they brought, not their stacks #slow", function()
    local list = {}
    for i = 1, 1000 do list[i] = false end
    support.gc()
    local before = collectgarbage("count")
    for i = 1, 1000 do list[i] = client:spawn(function() return i end) end
    support.gc()
    assert.is_true((collectgarbage("count") - before) / 1000 < 0.6)
    assert.are.equal(1000, list[1000]:wait())
  end)

  describe("task.status", function()
    it("is running, then done, failed or cancelled", function()
      local done = client:spawn(function() client:sleep(0) end)
      local failed = client:spawn(function()
        client:sleep(0)
        error "no"
      end)
      local cancelled = client:spawn(function() client:sleep(60) end)
      for _, task in ipairs { done, failed, cancelled } do assert.are.equal("running", task.status) end
      cancelled:cancel()
      done:wait()
      pcall(failed.wait, failed)
      assert.are.same({ "done", "failed", "cancelled" }, { done.status, failed.status, cancelled.status })
    end)

    it("shows in tostring", function()
      assert.matches("done", tostring(client:spawn(function() end)))
    end)
  end)

  describe("task:wait", function()
    it("returns what the function returned, nil among it, as often as one asks", function()
      local task = client:spawn(function()
        client:sleep(0)
        return nil, 2, nil
      end)
      for _ = 1, 2 do assert.are.same({ n = 3, nil, 2, nil }, portable.pack(task:wait())) end
    end)

    it("returns nil and the error of a call as the function does", function()
      local task = client:spawn(retrieve, "scn_of_nobody")
      expect.failure("api", "not_found", task:wait())
      assert.are.equal("done", task.status)
    end)

    it("raises again the very thing that the function raised", function()
      local thing = {}
      local task = client:spawn(function()
        client:sleep(0)
        error(thing)
      end)
      for _ = 1, 2 do
        local ok, err = pcall(task.wait, task)
        assert.is_false(ok)
        assert.are.equal(thing, err)
      end
      assert.are.equal(0, client:poll())
    end)

    it("raises again even nil", function()
      local task = client:spawn(function() error() end)
      assert.are.same({ n = 2, false, nil }, portable.pack(pcall(task.wait, task)))
    end)

    it("gives up after some seconds, and the task goes on", function()
      local go = false
      local task = client:spawn(function()
        repeat client:sleep(0.001) until go
        return retrieve(ids[2])
      end)
      expect.failure("timeout", "AWAIT", task:wait(0.02))
      expect.failure("timeout", "AWAIT", task:wait(0))
      assert.are.equal("running", task.status)
      go = true
      assert.are.equal(ids[2], expect.success(task:wait()).id)
      assert.are.equal(1, server:count())
    end)

    it("takes nothing but seconds, not negative", function()
      local task = client:spawn(function() end)
      for _, wrong in ipairs { -1, "1", 0 / 0, {} } do
        expect.raises("'seconds'", function() task:wait(wrong) end)
      end
    end)

    it("resumes the other tasks meanwhile", function()
      local other = client:spawn(function()
        client:sleep(0)
        return retrieve(ids[2])
      end)
      client:spawn(function()
        repeat client:sleep(0) until other.status == "done"
      end):wait()
      assert.are.equal("done", other.status)
    end)

    it("never raises the error of another task", function()
      local task = client:spawn(function()
        client:sleep(0)
        return retrieve()
      end)
      client:spawn(function()
        client:sleep(0)
        error "another's"
      end)
      assert.are.equal(ids[1], expect.success(task:wait()).id)
      expect.raises("another's", function() client:poll() end)
    end)

    it("is allowed outside a task though the client is nonblocking", function()
      local own = server:client { nonblocking = true }
      local task = own:spawn(function() return own.scenarios:retrieve(ids[1]) end)
      assert.are.equal(ids[1], expect.success(task:wait()).id)
    end)

    describe("in a task", function()
      it("gives every waiter the results", function()
        local task = client:spawn(retrieve, ids[2])
        local waiters = {}
        for i = 1, 3 do waiters[i] = client:spawn(task.wait, task) end
        for i = 1, 3 do assert.are.equal(ids[2], expect.success(waiters[i]:wait()).id) end
        assert.are.equal(1, server:count())
      end)

      it("raises what the other has raised, to the waiter alone", function()
        local thing = {}
        local task = client:spawn(function()
          client:sleep(0)
          error(thing)
        end)
        local ok, err
        client:spawn(function() ok, err = pcall(task.wait, task) end)
        client:run()
        assert.is_false(ok)
        assert.are.equal(thing, err)
      end)

      it("gives up after some seconds, once, though the other ends later", function()
        local resumed = 0
        local task = client:spawn(function()
          repeat client:sleep(0.001) until resumed > 0
          return retrieve(ids[2])
        end)
        local waiter = client:spawn(function()
          task:wait(0.02)
          resumed = resumed + 1
          client:sleep(60)
          resumed = resumed + 1
        end)
        assert.are.equal(ids[2], expect.success(task:wait()).id)
        for _ = 1, 10 do client:poll() end
        assert.are.equal(1, resumed)
        assert.are.equal("running", waiter.status)
      end)

      it("returns nil and an error of kind timeout then", function()
        local task = hanging()
        local waiter = client:spawn(function() return task:wait(0.02) end)
        expect.failure("timeout", "AWAIT", waiter:wait())
        assert.are.equal("running", task.status)
      end)

      it("does not wait on when the other was in time: its timer is gone", function()
        local task = client:spawn(retrieve, ids[2])
        local waiter = client:spawn(function() return task:wait(60) end)
        assert.are.equal(ids[2], expect.success(waiter:wait()).id)
        assert.is_true((client:timeout() or 0) < 60)
        assert.are.equal(0, client:poll())
      end)

      it("raises for the task itself", function()
        local task
        task = client:spawn(function()
          client:sleep(0)
          return task:wait()
        end)
        expect.raises("cannot wait for itself", function() task:wait() end)
      end)

      it("raises for a task that waits for this one, directly or through others", function()
        local first, second, third, message
        first = client:spawn(function()
          client:sleep(0)
          return second:wait()
        end)
        third = client:spawn(function()
          client:sleep(0)
          client:sleep(0)
          message = select(2, pcall(first.wait, first))
          return "the last"
        end)
        second = client:spawn(function() return third:wait() end)
        assert.are.equal("the last", first:wait())
        assert.matches("would wait for each other", message, 1, true)
      end)

      it("lets two tasks wait for each other when one of them does so for some seconds", function()
        for _, limits in ipairs { { 0.05, nil }, { nil, 0.05 } } do
          local first, second
          first = client:spawn(function()
            client:sleep(0)
            return second:wait(limits[1])
          end)
          second = client:spawn(function()
            client:sleep(0)
            return first:wait(limits[2])
          end)
          expect.failure("timeout", "AWAIT", first:wait())
          expect.failure("timeout", "AWAIT", second:wait())
        end
      end)

      it("is not mistaken about a task that did wait for this one, and has been cancelled", function()
        local first, second, third
        first = client:spawn(function()
          client:sleep(0)
          second:cancel()
          return third:wait()
        end)
        second = client:spawn(function() return first:wait() end)
        third = client:spawn(function()
          second:wait()
          return "the last"
        end)
        assert.are.equal("the last", first:wait())
      end)

      it("leaves an error to on_error when the waiter ends before it could take it", function()
        local told = {}
        local own = server:client { on_error = function(err, task) told[#told + 1] = { err, task } end }
        local failing = own:spawn(function()
          coroutine.yield()
          error("nobody's", 0)
        end)
        local waiter = own:spawn(failing.wait, failing)
        own:spawn(function()
          coroutine.yield()
          assert.are.equal("failed", failing.status)
          waiter:cancel()
        end)
        own:run()
        assert.are.equal("cancelled", waiter.status)
        assert.are.same({ { "nobody's", failing } }, told)
      end)
    end)
  end)

  describe("tasks that wait for nothing but each other", function()
    -- A map that is waited for by one of its own items.
    local function knot()
      local task
      task = client:spawn(function()
        client:map({ 1 }, function() return task:wait() end)
      end)
      return task
    end

    it("make run raise instead of spinning", function()
      local task = knot()
      expect.raises("wait for each other", function() client:run() end)
      assert.are.equal("running", task.status)
      assert.is_true(task:cancel())
      assert.are.equal(0, client:run())
    end)

    it("make task:wait raise", function()
      local task = knot()
      expect.raises("wait for each other", function() task:wait() end)
    end)

    it("let task:wait give up after its seconds", function()
      local task = knot()
      expect.failure("timeout", "AWAIT", task:wait(0.05))
    end)

    it("stay alive in poll, which does not wait longer than it is told", function()
      knot()
      for _ = 1, 20 do client:poll() end
      assert.are.equal(2, at_once(client.poll, client, 0.01))
    end)
  end)

  describe("a task's own yield", function()
    it("lets it go on at the next poll, one step each", function()
      local steps = 0
      local task = client:spawn(function()
        for _ = 1, 3 do
          steps = steps + 1
          coroutine.yield("whatever")
        end
      end)
      assert.are.equal(1, steps)
      client:poll()
      assert.are.equal(2, steps)
      client:poll(0, 1)
      assert.are.equal(3, steps)
      assert.are.equal(0, client:timeout())
      assert.are.equal(0, client:poll())
      assert.are.equal("done", task.status)
    end)

    it("is resumed with nothing", function()
      local got
      client:spawn(function() got = portable.pack(coroutine.yield(1, 2)) end, "an argument")
      client:run()
      assert.are.same({ n = 0 }, got)
    end)

    it("mixes with calls", function()
      local task = client:spawn(function()
        coroutine.yield()
        local scenario = retrieve(ids[2])
        coroutine.yield()
        client:sleep(0.001)
        coroutine.yield()
        return scenario
      end)
      assert.are.equal(ids[2], expect.success(task:wait()).id)
    end)
  end)

  describe("a pager in a task", function()
    it("gives its request up when its loop is left #slow", function()
      server:fault { cut_items = 2, by = "stall" }
      client:spawn(function()
        for _ in client.scenarios:list { limit = 100 } do break end -- luacheck: ignore 512
      end):wait()
      assert.are.equal(0, client:stats().in_flight)
    end)

    it("gives its request up when the task is cancelled in the loop #slow", function()
      server:fault { cut_items = 2, by = "stall" }
      local taken = 0
      local task = client:spawn(function()
        for _ in client.scenarios:list { limit = 100 } do taken = taken + 1 end
      end)
      poll_until(client, function() return taken == 2 end)
      task:cancel()
      assert.are.equal(0, client:stats().in_flight)
    end)

    if not portable.closing then
      it("stays open behind a loop that was left, as long as another task reads on", function()
        local list = client.scenarios:list { limit = 10 }
        local first, read = nil, 0
        local reader = client:spawn(function()
          for _ in list do
            read = read + 1
            client:sleep(0.001)
          end
        end)
        client:spawn(function()
          for item in list do -- luacheck: ignore 512
            first = item.id
            break
          end
        end):wait()
        client:run()
        assert.are.equal("done", reader.status)
        assert.are.equal(#ids - 1, read)
        assert.is_string(first)
      end)

      it("stays open behind a task that took single items of it", function()
        local list = client.scenarios:list { limit = 10 }
        client:spawn(function() return list:next() end):wait()
        assert.are.equal(#ids - 1, #assert(list:collect()))
      end)
    end

    it("is closed by the collector when it is abandoned #slow", function()
      server:fault { cut_items = 2, by = "stall" }
      client:spawn(function() assert(client.scenarios:list({ limit = 100 }):next()) end):wait()
      support.gc()
      assert.are.equal(0, client:stats().in_flight)
      assert.are.equal(0, client:poll())
    end)

    it("that others wait for may be closed: they raise", function()
      server:fault { body_delay = 10 }
      local list = client.scenarios:list { limit = 100 }
      local waiting = { client:spawn(list.next, list), client:spawn(list.next, list) }
      poll_until(client, function() return server:count() == 1 end)
      client:spawn(function() list:close() end)
      for _, task in ipairs(waiting) do expect.raises("closed", function() at_once(task.wait, task) end) end
      assert.are.equal(0, client:stats().in_flight)
    end)

    it("is shared: each item goes to one task, in order", function()
      local list = client.scenarios:list { limit = 25 }
      local taken, seen = {}, {}
      for i = 1, 4 do
        taken[i] = {}
        client:spawn(function()
          for scenario in list do
            table.insert(taken[i], scenario.id)
            client:sleep(0)
          end
        end)
      end
      client:run()
      local place = {}
      for i, id in ipairs(ids) do place[id] = i end
      for i = 1, 4 do
        for j, id in ipairs(taken[i]) do
          assert.is_nil(seen[id])
          seen[id] = true
          assert.is_true(j == 1 or place[taken[i][j - 1]] < place[id])
        end
      end
      for _, id in ipairs(ids) do assert.is_true(seen[id]) end
    end)

    it("whose page fails gives the same error to all who wait for it", function()
      server:fault { status = 403, delay = 0.1 }
      local list = client.scenarios:list { limit = 25 }
      local first, second = client:spawn(list.next, list), client:spawn(list.next, list)
      local one = expect.failure("api", "permission_denied", first:wait())
      assert.are.equal(one, expect.failure("api", "permission_denied", second:wait()))
      assert.are.equal(1, server:count())
    end)
  end)

  describe("retry waits and intervals", function()
    it("are deadlines: other calls go on meanwhile #slow", function()
      local own = server:client { max_retry_wait = 1 }
      server:fault { path = ids[1], status = 500 }
      local order = {}
      local slow = own:spawn(function()
        assert(own.scenarios:retrieve(ids[1]))
        order[#order + 1] = "slow"
      end)
      poll_until(own, function() return own:stats().retries == 1 end)
      assert.is_true(own:timeout() <= 1)
      own:spawn(function()
        assert(own.scenarios:retrieve(ids[2]))
        order[#order + 1] = "quick"
      end):wait()
      slow:wait()
      assert.are.same({ "quick", "slow" }, order)
      assert.are.equal(2, server:count { path = ids[1] })
    end)

    it("of helpers are, too", function()
      local run = expect.success(client.scenarios:start_run { scenario_id = ids[1] })
      server:set { scoring_polls = 3 }
      local order = {}
      local slow = client:spawn(function()
        assert(run:score_and_await { interval = 0.3 })
        order[#order + 1] = "slow"
      end)
      client:spawn(function()
        for i = 1, 3 do assert(retrieve(ids[i])) end
        order[#order + 1] = "quick"
      end)
      slow:wait()
      assert.are.same({ "quick", "slow" }, order)
    end)

    it("of a list are, too #slow", function()
      local own = server:client { max_retry_wait = 1 }
      server:fault { path = "^/v1/scenarios$", status = 500 }
      local order = {}
      local slow = own:spawn(function()
        assert(own.scenarios:list { limit = 50 }:next())
        order[#order + 1] = "slow"
      end)
      own:spawn(function()
        assert(own.scenarios:retrieve(ids[2]))
        order[#order + 1] = "quick"
      end)
      slow:wait()
      assert.are.same({ "quick", "slow" }, order)
    end)
  end)
end)
