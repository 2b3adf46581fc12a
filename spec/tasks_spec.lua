-- Tasks: spawn, wait, cancel, poll, run, sleep, and what becomes of errors, coroutines and clients around them.
local portable = require "spec.support.portable"
local support = require "spec.support"
local expect = require "spec.support.expect"
local tasks = require "spec.support.tasks"

local poll_until, finally, at_once = tasks.poll_until, tasks.finally, tasks.at_once

local it_closing = portable.closing and it or pending
local it_hooks = portable.hooks and it or pending
local it_incremental = portable.incremental and it or pending

describe("tasks", function()
  local server, client, ids, others

  -- Another client, closed at the end like the first.
  local function new_client(options)
    local new = server:client(options)
    others[#others + 1] = new
    return new
  end

  lazy_setup(function() server = support.start { scenarios = 120 } end)
  lazy_teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    others = {}
    client = new_client()
    ids = server:ids("scenario")
  end)
  after_each(function()
    for _, each in ipairs(others) do each:close() end
  end)

  local function retrieve(id)
    return client.scenarios:retrieve(id or ids[1])
  end

  local function silence(fields)
    local fault = { silent = true, times = math.huge }
    for name, value in pairs(fields or {}) do fault[name] = value end
    server:fault(fault)
  end

  -- A task that waits for an answer that does not come; the server has got its request.
  local function hanging(fn)
    silence()
    local before = server:count()
    local task = client:spawn(fn or function() return retrieve() end)
    poll_until(client, function() return server:count() > before end, "a request")
    return task
  end

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
      server:set { delay = 0.3 }
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

    it("is there for a task that nobody holds: its call is finished", function()
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
      for _ = 1, 100000 do
        task:wait(0)
        if task.status ~= "running" then break end
      end
      assert.are.equal("done", task.status)
    end)

    it("tells on_error nothing of an error that somebody waits for, though another has given up", function()
      local told = {}
      local own = new_client { on_error = function(err) told[#told + 1] = err end }
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

  it("that have ended keep what they brought, not their stacks", function()
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
      local own = new_client { nonblocking = true }
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
        local own = new_client { on_error = function(err, task) told[#told + 1] = { err, task } end }
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

  describe("task:cancel", function()
    it("ends the pending call, at the server too", function()
      local task = hanging()
      local busy = server:stats().open
      assert.is_true(at_once(task.cancel, task))
      assert.are.equal("cancelled", task.status)
      assert.are.equal(0, client:stats().in_flight)
      tasks.look_until(function() return server:stats().open < busy end, "the connection's end")
      expect.failure("cancelled", "CANCELLED", task:wait())
      assert.are.equal(0, client:poll())
    end)

    it("is false for a task that has ended", function()
      local task = client:spawn(function() end)
      assert.is_false(task:cancel())
      assert.are.equal("done", task.status)
      local other = hanging()
      other:cancel()
      assert.is_false(other:cancel())
    end)

    it("wakes waiters", function()
      local task = hanging()
      local waiter = client:spawn(function() return task:wait() end)
      task:cancel()
      expect.failure("cancelled", "CANCELLED", waiter:wait())
    end)

    it("ends a task that has not begun: it never does", function()
      local begun = false
      client:spawn(function()
        local inner = client:spawn(function() begun = true end)
        assert(inner:cancel())
        assert.are.equal("cancelled", inner.status)
      end)
      assert.are.equal(0, client:run())
      assert.is_false(begun)
    end)

    it("ends a task that sleeps, and the others wake in their order #slow", function()
      local woken, list = {}, {}
      for i = 1, 30 do
        list[i] = client:spawn(function()
          local seconds = 0.02 * (i * 7 % 30)
          local due = support.now() + seconds
          client:sleep(seconds)
          woken[#woken + 1] = due
        end)
      end
      for i = 1, 30, 2 do list[i]:cancel() end
      client:run()
      assert.are.equal(15, #woken)
      for i = 2, 15 do assert.is_true(woken[i] > woken[i - 1] - 0.015) end -- the tasks' clock is not this one
    end)

    it("leaves nothing behind of a sleep", function()
      local task = client:spawn(client.sleep, client, 60)
      assert.is_true(client:timeout() > 0)
      task:cancel()
      assert.is_nil(client:timeout())
      assert.are.equal(0, client:poll())
    end)

    it("ends a task that has yielded of its own accord", function()
      local steps = 0
      local task = client:spawn(function()
        while true do
          steps = steps + 1
          coroutine.yield()
        end
      end)
      client:poll()
      local before = steps
      task:cancel()
      assert.are.equal(0, client:poll())
      assert.are.equal(before, steps)
    end)

    it("ends a task that waits for another one with a limit, which goes on", function()
      server:fault { delay = 0.2 }
      local task = client:spawn(retrieve, ids[2])
      local waiter = client:spawn(function() return task:wait(60) end)
      waiter:cancel()
      assert.are.equal(ids[2], expect.success(task:wait()).id)
      assert.is_nil(client:timeout())
    end)

    it("ends a task whose answer has come but which has not gone on yet", function()
      local went_on = false
      local task = client:spawn(function()
        retrieve(ids[2])
        went_on = true
      end)
      -- Calls outside drive the task's transfer too, and resume nobody.
      repeat expect.success(retrieve(ids[3])) until client:stats().in_flight == 0
      assert.is_true(task:cancel())
      assert.are.equal(0, client:poll())
      assert.is_false(went_on)
      assert.are.equal("cancelled", task.status)
    end)

    it("ends the wait for the next attempt: there is none", function()
      local own = new_client { max_retry_wait = 60 }
      local retries = 0
      server:fault { status = 500, times = math.huge }
      local task = own:spawn(function() return own.scenarios:retrieve(ids[1]) end)
      poll_until(own, function()
        retries = own:stats().retries
        return retries == 1
      end)
      task:cancel()
      assert.is_nil(own:timeout())
      assert.are.equal(0, own:poll())
      assert.are.equal(1, server:count())
    end)

    it("of one of two tasks that share a pager leaves the page to the other #slow", function()
      server:fault { body_delay = 0.5 }
      local list = client.scenarios:list { limit = 50 }
      local first = client:spawn(list.next, list)
      local second = client:spawn(list.next, list)
      poll_until(client, function() return server:count() == 1 end)
      first:cancel()
      assert.are.equal(ids[1], expect.success(second:wait()).id)
      assert.are.equal(119, #list:collect())
      assert.are.equal(3, server:count())
    end)

    it("lets another task take over the page that the cancelled one waited for #slow", function()
      server:fault { body_delay = 0.5 }
      local list = client.scenarios:list { limit = 50 }
      local first = client:spawn(list.next, list)
      poll_until(client, function() return server:count() == 1 end)
      first:cancel()
      assert.are.equal(ids[1], expect.success(list:next()).id)
      assert.are.equal(1, server:count())
    end)

    it("leaves no file of a download", function()
      local directory = support.tmpdir()
      server:fault { path = "/download_logs$", cut = -10, by = "stall" }
      local run = server:ids("run")[1]
      local task = client:spawn(function() return client.scenarios.runs:download_logs(run, directory .. "/logs.zip") end)
      poll_until(client, function() return #support.list_dir(directory) == 1 end, "the file")
      task:cancel()
      assert.are.same({}, support.list_dir(directory))
    end)

    it("runs the to-be-closed variables, newest first, before it returns", function()
      local closed = {}
      local task = hanging(function()
        return finally(function() closed[#closed + 1] = "outer" end, function()
          return finally(function() closed[#closed + 1] = "inner" end, function()
            return retrieve()
          end)
        end)
      end)
      task:cancel()
      assert.are.same({ "inner", "outer" }, closed)
    end)

    it("has calls in to-be-closed variables return nil and an error of kind cancelled", function()
      local results = {}
      local task
      task = hanging(function()
        local begun = client.scenarios:list()
        local scenario = setmetatable({ id = ids[1] }, { __index = {} })
        return finally(function()
          results.call = portable.pack(client.scenarios:archive(scenario.id))
          results.request = portable.pack(client:request { path = "/v1/accounts/me" })
          results.next = portable.pack(begun:next())
          results.collect = portable.pack(begun:collect())
          results.raised = { nil, select(2, pcall(begun)) }
          results.raised_by_pages = { nil, select(2, pcall(client.scenarios:list():pages())) }
          results.sleep = portable.pack(client:sleep(0))
          results.warm_up = portable.pack(client:warm_up())
          results.await = portable.pack(client.scenarios.runs:await_scored("run_1"))
          results.download = portable.pack(client.scenarios.runs:download_logs("run_1"))
          results.wait = portable.pack(client:spawn(function() end):wait())
          results.map = { select(2, client:map({ 1 }, function() end)) }
        end, function()
          return retrieve()
        end)
      end)
      task:cancel()
      for name, result in pairs(results) do
        assert.are.equal("runloop.error", (getmetatable(result[2]) or {}).__name, name)
        expect.failure("cancelled", "CANCELLED", result[1], result[2])
      end
      for _, name in ipairs { "call", "request", "next", "collect", "raised", "raised_by_pages", "sleep", "warm_up",
        "await", "download", "wait", "map" } do
        assert.is_table(results[name], name)
      end
      assert.are.equal(0, client:run())
      assert.are.equal(1, server:count())
    end)

    it("hands over what a to-be-closed variable raises, though somebody waits", function()
      local told = {}
      local own = new_client { on_error = function(err, task) told[#told + 1] = { err, task } end }
      local task = own:spawn(function()
        return finally(function() error("while closing", 0) end, function()
          own:sleep(60)
        end)
      end)
      own:spawn(function()
        own:sleep(0)
        task:cancel()
      end)
      expect.failure("cancelled", "CANCELLED", task:wait())
      own:poll()
      assert.are.same({ { "while closing", task } }, told)
    end)

    it("may be called by to-be-closed variables, for the task itself and for others", function()
      local first, second
      local closed = {}
      first = client:spawn(function()
        return finally(function()
          closed[#closed + 1] = "first"
          first:cancel()
          second:cancel()
        end, function()
          client:sleep(60)
        end)
      end)
      second = client:spawn(function()
        return finally(function()
          closed[#closed + 1] = "second"
          first:cancel()
        end, function()
          client:sleep(60)
        end)
      end)
      first:cancel()
      assert.are.same({ "first", "second" }, closed)
      assert.are.same({ "cancelled", "cancelled" }, { first.status, second.status })
      assert.are.equal(0, client:poll())
    end)

    it("lets to-be-closed variables start tasks, which run later", function()
      local after
      local task = client:spawn(function()
        return finally(function() after = client:spawn(retrieve, ids[2]) end, function()
          client:sleep(60)
        end)
      end)
      task:cancel()
      assert.are.equal(0, server:count())
      assert.are.equal(ids[2], expect.success(after:wait()).id)
    end)

    it("may be called by another task", function()
      local task = hanging()
      client:spawn(function()
        client:sleep(0)
        task:cancel()
      end)
      assert.are.equal(0, client:run())
      assert.are.equal("cancelled", task.status)
    end)

    describe("by the task itself", function()
      it("ends it at its next wait, which begins nothing", function()
        local steps, closed = {}, false
        local task
        task = client:spawn(function()
          return finally(function() closed = true end, function()
            client:sleep(0)
            steps[#steps + 1] = tostring(task:cancel())
            steps[#steps + 1] = task.status
            retrieve()
            steps[#steps + 1] = "went on"
          end)
        end)
        expect.failure("cancelled", "CANCELLED", task:wait())
        assert.are.same({ "true", "running" }, steps)
        assert.is_true(closed)
        client:run()
        assert.are.equal(0, client:stats().in_flight)
        assert.are.equal(0, server:count())
      end)

      it("ends it at a yield of its own", function()
        local task
        task = client:spawn(function()
          client:sleep(0)
          task:cancel()
          coroutine.yield()
          error "went on"
        end)
        expect.failure("cancelled", "CANCELLED", task:wait())
      end)

      it("comes too late when it does not wait again", function()
        local task
        task = client:spawn(function()
          client:sleep(0)
          task:cancel()
          return "done"
        end)
        assert.are.equal("done", task:wait())
        assert.are.equal("done", task.status)
      end)

      it("does not hide an error", function()
        local task
        task = client:spawn(function()
          client:sleep(0)
          task:cancel()
          error "mine"
        end)
        expect.raises("mine", function() task:wait() end)
        assert.are.equal("failed", task.status)
      end)
    end)
  end)

  describe("a task that fails", function()
    it_closing("runs its to-be-closed variables, in which calls return nil and an error of kind cancelled", function()
      local value, err
      local task = client:spawn(function()
        return finally(function() value, err = retrieve() end, function()
          client:sleep(0)
          error "mine"
        end)
      end)
      expect.raises("mine", function() task:wait() end)
      expect.failure("cancelled", "CANCELLED", value, err)
    end)

    it("that nobody waits for makes the next poll raise, after the others went on", function()
      local thing, went_on = {}, false
      client:spawn(error, thing)
      client:spawn(function()
        coroutine.yield()
        went_on = true
      end)
      local ok, err = pcall(client.poll, client)
      assert.is_false(ok)
      assert.are.equal(thing, err)
      assert.is_true(went_on)
      assert.are.equal(0, client:poll())
    end)

    it("makes run raise when no task is left", function()
      local other = client:spawn(retrieve)
      client:spawn(error, "nobody's", 0)
      expect.raises("nobody's", function() client:run() end)
      assert.are.equal("done", other.status)
      assert.are.equal(0, client:run())
    end)

    it("among several gives one error to each poll", function()
      for i = 1, 3 do client:spawn(error, "error " .. i, 0) end
      for i = 1, 3 do expect.raises("error " .. i, function() client:poll() end) end
      assert.are.equal(0, client:poll())
    end)

    it("never makes spawn or a call outside raise", function()
      assert.has_no.errors(function()
        client:spawn(error, "nobody's")
        client:spawn(function() end)
        expect.success(retrieve())
        expect.success(client.scenarios:list({ limit = 50 }):next())
        client:sleep(0)
      end)
      expect.raises("nobody's", function() client:poll() end)
    end)

    it("is handled when somebody waits for it later", function()
      local task = client:spawn(error, "mine", 0)
      expect.raises("mine", function() task:wait() end)
      assert.are.equal(0, client:poll())
      assert.are.equal(0, client:run())
    end)

    it("is not handled by a wait that gave up before", function()
      local task = client:spawn(function()
        client:sleep(0.1)
        error("nobody's", 0)
      end)
      expect.failure("timeout", "AWAIT", task:wait(0))
      expect.raises("nobody's", function() client:run() end)
    end)

    it("wants a poll at once, which does not wait", function()
      client:spawn(error, "nobody's", 0)
      client:spawn(client.sleep, client, 60)
      assert.are.equal(0, client:timeout())
      at_once(expect.raises, "nobody's", function() client:poll(30) end)
    end)
  end)

  describe("on_error", function()
    local told, own, on_error

    before_each(function()
      told = {}
      on_error = nil
      own = new_client {
        on_error = function(err, task)
          told[#told + 1] = { err, task }
          if on_error then on_error(err, task) end
        end,
      }
    end)

    it("gets each error that nobody waited for, with its task, and polls go on", function()
      local list = {}
      for i = 1, 3 do list[i] = own:spawn(error, "error " .. i, 0) end
      assert.are.equal(0, own:poll())
      assert.are.same({ { "error 1", list[1] }, { "error 2", list[2] }, { "error 3", list[3] } }, told)
    end)

    it("gets them while run, wait and map go on", function()
      local function failing(word)
        own:spawn(function()
          own:sleep(0)
          error(word, 0)
        end)
      end
      local function words()
        local list = {}
        for i, each in ipairs(told) do list[i] = each[1] end
        return list
      end
      failing "in wait"
      own:spawn(function() repeat own:sleep(0.005) until told[1] end):wait()
      failing "in map"
      own:map({ 1 }, function() repeat own:sleep(0.005) until told[2] end)
      failing "in run"
      own:spawn(function() repeat own:sleep(0.005) until told[3] end)
      own:run()
      assert.are.same({ "in wait", "in map", "in run" }, words())
    end)

    it("gets no error that somebody takes", function()
      local task = own:spawn(function()
        own:sleep(0)
        error "mine"
      end)
      own:spawn(function() pcall(task.wait, task) end)
      own:run()
      assert.are.same({}, told)
    end)

    it("may raise: poll raises that, the rest comes with the next one", function()
      on_error = function(err) error("on_error: " .. err, 0) end
      own:spawn(error, "one", 0)
      own:spawn(error, "two", 0)
      expect.raises("on_error: one", function() own:poll() end)
      expect.raises("on_error: two", function() own:poll() end)
      assert.are.equal(0, own:poll())
      assert.are.equal(ids[1], expect.success(own.scenarios:retrieve(ids[1])).id)
    end)

    it("may raise while a task is waited for, whose own error is not lost then", function()
      for _, steps in ipairs { 1, 2 } do -- it fails in the same turn, or later
        on_error = function(err) error("on_error: " .. err, 0) end
        local task = own:spawn(function()
          for _ = 1, steps do coroutine.yield() end
          error("mine", 0)
        end)
        own:spawn(function()
          coroutine.yield()
          error("another's", 0)
        end)
        expect.raises("on_error: another's", function() task:wait() end)
        expect.raises("on_error: mine", function() own:run() end)
      end
    end)

    it("may start tasks, but neither call nor poll nor run", function()
      local started, messages = nil, {}
      on_error = function()
        for _, fn in ipairs { "poll", "run" } do messages[fn] = select(2, pcall(own[fn], own)) end
        messages.call = select(2, pcall(own.scenarios.retrieve, own.scenarios, ids[1]))
        messages.foreign = select(2, pcall(coroutine.wrap(function() own.scenarios:retrieve(ids[1]) end)))
        started = own:spawn(function() return own.scenarios:retrieve(ids[2]) end)
        messages.wait = select(2, pcall(started.wait, started))
      end
      own:spawn(error, "mine")
      own:poll()
      assert.matches("client:poll: cannot be called inside", messages.poll, 1, true)
      assert.matches("client:run: cannot be called inside", messages.run, 1, true)
      assert.matches("would block the scheduler", messages.call, 1, true)
      assert.matches("would block the scheduler", messages.foreign, 1, true)
      assert.matches("would block the scheduler", messages.wait, 1, true)
      assert.are.equal(ids[2], expect.success(started:wait()).id)
      assert.are.equal(1, server:count())
    end)

    it("may close the client", function()
      on_error = function() own:close() end
      local other = own:spawn(own.sleep, own, 60)
      own:spawn(error, "one")
      own:spawn(error, "two")
      assert.are.equal(0, own:poll())
      assert.are.equal(2, #told)
      assert.are.equal("cancelled", other.status)
      assert.are.equal(0, own:poll())
    end)

    it("still gets what was not told when the client is closed", function()
      own:spawn(error, "before", 0)
      own:spawn(function()
        return finally(function() error("while closing", 0) end, function()
          own:sleep(60)
        end)
      end)
      own:close()
      assert.are.equal(2, #told)
      assert.are.equal("before", told[1][1])
      assert.are.equal("while closing", told[2][1])
    end)

    it("that raises does not keep the client open", function()
      on_error = function(err) error(err, 0) end
      own:spawn(error, "mine", 0)
      local sleeper = own:spawn(own.sleep, own, 60)
      expect.raises("mine", function() own:close() end)
      assert.are.equal("cancelled", sleeper.status)
      expect.raises("closed", function() own.scenarios:retrieve(ids[1]) end)
    end)
  end)

  describe("client:poll", function()
    it("returns the number of tasks alive", function()
      assert.are.equal(0, client:poll())
      local list = {}
      for i = 1, 3 do list[i] = client:spawn(client.sleep, client, 60) end
      assert.are.equal(3, client:poll())
      list[2]:cancel()
      assert.are.equal(2, client:poll(0, 0.01))
    end)

    it("waits so long for something to do, and no longer", function()
      client:spawn(client.sleep, client, 60)
      local began = support.now()
      assert.are.equal(1, client:poll(0.1))
      assert.is_true(support.now() - began >= 0.09)
      hanging()
      began = support.now()
      assert.are.equal(2, client:poll(0.1))
      assert.is_true(support.now() - began >= 0.09)
    end)

    it("wakes early for an answer, a sleeper, and a task that can go on", function()
      local woken = {}
      local function wake(name, fn)
        client:spawn(function()
          fn()
          woken[#woken + 1] = name
        end)
        local polls = 0
        repeat
          client:poll(60)
          polls = polls + 1
        until #woken > 0 and woken[#woken] == name or polls == 100
      end
      at_once(wake, "answer", retrieve)
      at_once(wake, "sleeper", function() client:sleep(0.01) end)
      at_once(wake, "yield", coroutine.yield)
      at_once(wake, "spawn", function() client:spawn(function() end):wait() end)
      assert.are.same({ "answer", "sleeper", "yield", "spawn" }, woken)
    end)

    it("waits so long also when no task is alive, for a loop that has nothing else to pause with", function()
      local began = support.now()
      assert.are.equal(0, client:poll(0.1))
      assert.is_true(support.now() - began >= 0.09)
    end)

    it("returns as soon as a task was resumed, whatever else is on its way", function()
      hanging()
      local steps = 0
      client:spawn(function()
        client:sleep(0.01)
        steps = 1
        client:sleep(60)
      end)
      assert.are.equal(2, at_once(client.poll, client, 60))
      assert.are.equal(1, steps)
    end)

    it("does a bounded slice of work at a time", function()
      local taken, most, polls = 0, 0, 0
      local task = client:spawn(function()
        for _ = 1, 5 do
          for _ in client.scenarios:list { limit = 120 } do taken = taken + 1 end
        end
      end)
      while task.status == "running" do
        local before = taken
        client:poll()
        most = math.max(most, taken - before)
        polls = polls + 1
      end
      assert.are.equal(600, taken)
      assert.is_true(most < 300, most)
      assert.is_true(polls > 5)
    end)

    it("gets on even with a budget of nothing", function()
      local steps = 0
      for _ = 1, 20 do
        client:spawn(function()
          client:sleep(0)
          retrieve()
          steps = steps + 1
        end)
      end
      local stop = support.now() + 30
      repeat client:poll(0, 0) until steps == 20 or support.now() > stop
      assert.are.equal(20, steps)
    end)

    it("takes nothing but seconds, not negative", function()
      for _, wrong in ipairs { -1, "1", 0 / 0, {} } do
        expect.raises("'seconds'", function() client:poll(wrong) end)
        expect.raises("'budget'", function() client:poll(0, wrong) end)
      end
    end)

    it("raises inside a task, like run, and the outer poll goes on", function()
      local messages
      local task = client:spawn(function()
        client:sleep(0)
        messages = { select(2, pcall(client.poll, client)), select(2, pcall(client.run, client)) }
        return retrieve()
      end)
      assert.are.equal(ids[1], expect.success(task:wait()).id)
      assert.matches("client:poll: cannot be called inside", messages[1], 1, true)
      assert.matches("client:run: cannot be called inside", messages[2], 1, true)
      assert.are.equal(0, client:poll())
    end)

    it("raises in a coroutine of a task, too", function()
      local message
      client:spawn(function()
        client:sleep(0)
        message = select(2, pcall(coroutine.wrap(function() client:poll() end)))
      end):wait()
      assert.matches("client:poll: cannot be called inside", message, 1, true)
    end)
  end)

  describe("client:run", function()
    it("goes on until no task is left, those that tasks have started included", function()
      local ended = 0
      client:spawn(function()
        retrieve()
        client:spawn(function()
          client:sleep(0.01)
          client:spawn(function()
            retrieve()
            ended = ended + 1
          end)
          ended = ended + 1
        end)
        ended = ended + 1
      end)
      assert.are.equal(0, client:run())
      assert.are.equal(3, ended)
    end)

    it("has nothing to do without tasks", function()
      assert.are.equal(0, client:run())
    end)
  end)

  -- What the interpreter makes of Ctrl-C: a hook that raises in the main thread, as soon as a task's code is left.
  describe("an interrupt", function()
    local function interrupt()
      local main = coroutine.running()
      local hook, mask, count = debug.gethook(main)
      return function()
        debug.sethook(main, function()
          debug.sethook(main, hook, mask, count)
          error("interrupted!", 0)
        end, "crl")
      end
    end

    it_hooks("of run leaves a client that goes on", function()
      local strike = interrupt()
      local task = client:spawn(function()
        client:sleep(0.001)
        strike()
        client:sleep(0.001)
        return retrieve().id
      end)
      expect.raises("interrupted!", function() client:run() end)
      assert.are.equal(ids[2], assert(retrieve(ids[2])).id)
      assert.are.equal(0, client:run())
      assert.are.equal(ids[1], task:wait())
    end)

    it_hooks("of spawn leaves a client that goes on", function()
      local strike = interrupt()
      expect.raises("interrupted!", function()
        client:spawn(function()
          strike()
          client:sleep(0.001)
        end)
      end)
      assert.are.equal(ids[2], assert(retrieve(ids[2])).id)
      assert.are.equal(0, client:run())
    end)
  end)

  describe("client:sleep", function()
    it("in a task does not hold up the rest", function()
      local order = {}
      for i, seconds in ipairs { 0.15, 0.05, 0.1 } do
        client:spawn(function()
          assert.is_true(client:sleep(seconds))
          order[#order + 1] = i
        end)
      end
      client:spawn(function()
        retrieve()
        order[#order + 1] = "call"
      end)
      local began = support.now()
      client:run()
      local took = support.now() - began
      assert.are.equal(1, order[4])
      assert.is_true(took >= 0.14)
      table.remove(order, 4)
      for i, each in ipairs(order) do
        if each == "call" then table.remove(order, i) end
      end
      assert.are.same({ 2, 3 }, order)
    end)

    it("outside a task drives what is on its way and resumes nobody", function()
      local went_on = false
      client:spawn(function()
        retrieve()
        went_on = true
      end)
      tasks.look_until(function()
        assert.is_true(client:sleep(0.02))
        return server:count() == 1 and client:stats().in_flight == 0
      end)
      assert.is_false(went_on)
      client:poll()
      assert.is_true(went_on)
    end)

    it("takes nothing but seconds, not negative", function()
      for _, wrong in ipairs { -1, "1", 0 / 0 } do expect.raises("'seconds'", function() client:sleep(wrong) end) end
      expect.raises("'seconds'", function() client:sleep() end)
    end)

    it("is allowed outside though the client is nonblocking", function()
      assert.is_true(new_client({ nonblocking = true }):sleep(0))
    end)
  end)

  describe("a call outside while tasks are alive", function()
    it("drives their transfers, and resumes none of them", function()
      local went_on = false
      local task = client:spawn(function()
        local scenario = retrieve(ids[2])
        went_on = true
        return scenario
      end)
      repeat expect.success(retrieve(ids[3])) until client:stats().in_flight == 0
      assert.are.equal(1, server:count { path = ids[2] })
      assert.is_false(went_on)
      assert.are.equal("running", task.status)
      client:poll()
      assert.is_true(went_on)
    end)

    it("wakes no sleeper", function()
      local woken = false
      client:spawn(function()
        client:sleep(0)
        woken = true
      end)
      expect.success(retrieve())
      for _ in client.scenarios:list { limit = 50 } do assert.is_false(woken) end
      client:poll()
      assert.is_true(woken)
    end)

    it("may take an item of a page that a task waits for, which gets the next #slow", function()
      server:fault { body_delay = 0.5 }
      local list = client.scenarios:list { limit = 50 }
      local task = client:spawn(list.next, list)
      poll_until(client, function() return server:count() == 1 end)
      assert.are.equal(ids[1], expect.success(list:next()).id)
      assert.are.equal(ids[2], expect.success(task:wait()).id)
    end)
  end)

  describe("fairness:", function()
    it("a task that takes item after item does not starve the calls of another", function()
      local busy_items, calls = 0, 0
      local busy = client:spawn(function()
        for _ = 1, 200 do
          for _ in client.scenarios:list { limit = 120 } do
            busy_items = busy_items + 1
            if calls == 5 then return end
          end
        end
      end)
      client:spawn(function()
        for i = 1, 5 do
          assert(retrieve(ids[i]))
          calls = calls + 1
        end
      end)
      busy:wait()
      assert.are.equal(5, calls)
      assert.is_true(busy_items < 200 * 120)
    end)

    it("a map whose function never waits does not starve them either", function()
      local calls, items = 0, 0
      client:spawn(function()
        for i = 1, 3 do
          assert(retrieve(ids[i]))
          calls = calls + 1
        end
      end)
      local stop = support.now() + 30
      local function endless()
        items = items + 1
        if calls < 3 and support.now() < stop then return items end
      end
      client:map(endless, function(item) return item end, { results = false })
      assert.are.equal(3, calls)
    end)

    it("nor does one that yields all the time", function()
      local calls = 0
      local yielder = client:spawn(function()
        repeat coroutine.yield() until calls == 3
      end)
      client:spawn(function()
        for i = 1, 3 do
          assert(retrieve(ids[i]))
          calls = calls + 1
        end
      end)
      yielder:wait(30)
      assert.are.equal(3, calls)
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

  describe("a foreign coroutine", function()
    local function call()
      return client.scenarios:retrieve(ids[1])
    end

    it("in a task makes a call raise, and the task goes on", function()
      local message
      local task = client:spawn(function()
        local ok
        ok, message = pcall(coroutine.wrap(call))
        assert.is_false(ok)
        return retrieve(ids[2])
      end)
      assert.are.equal(ids[2], expect.success(task:wait()).id)
      assert.matches("would block the scheduler", message, 1, true)
      assert.are.equal(1, server:count())
    end)

    it("in a task makes pagers, sleep, map and wait raise", function()
      local messages = {}
      client:spawn(function()
        local other = client:spawn(client.sleep, client, 0)
        for i, fn in ipairs {
          function() return client.scenarios:list():next() end,
          function() for _ in client.scenarios:list() do error "an item" end end,
          function() return client:sleep(0) end,
          function() return client:map({ 1 }, print) end,
          function() return other:wait() end,
        } do
          messages[i] = select(2, pcall(coroutine.wrap(fn)))
        end
      end)
      client:run()
      assert.are.equal(5, #messages)
      for _, message in ipairs(messages) do assert.matches("would block the scheduler", message, 1, true) end
      assert.are.equal(0, server:count())
    end)

    it("in a task may be a generator over what the task gets", function()
      local task = client:spawn(function()
        local items = assert(client.scenarios:list { limit = 50 }:collect(60))
        local n = 0
        for scenario in coroutine.wrap(function() for _, each in ipairs(items) do coroutine.yield(each) end end) do
          n = n + 1
          if n % 20 == 0 then assert(scenario:refresh()) end
        end
        return n
      end)
      assert.are.equal(60, task:wait())
    end)

    it("outside blocks like any code outside", function()
      assert.are.equal(ids[1], expect.success(coroutine.wrap(call)()).id)
      local generator = coroutine.wrap(function()
        for scenario in client.scenarios:list { limit = 50 } do coroutine.yield(scenario.id) end
      end)
      for i = 1, 60 do assert.are.equal(ids[i], generator()) end
    end)

    it("outside raises when the client is nonblocking", function()
      local own = new_client { nonblocking = true }
      expect.raises("nonblocking", coroutine.wrap(function() own.scenarios:retrieve(ids[1]) end))
    end)

    it("that a task has made blocks when it is resumed outside", function()
      local made
      client:spawn(function() made = coroutine.create(call) end)
      assert.are.equal(ids[1], expect.success(select(2, coroutine.resume(made))).id)
    end)

    it("that was made outside raises when a task resumes it", function()
      local made = coroutine.create(call)
      local ok, message
      client:spawn(function() ok, message = coroutine.resume(made) end)
      assert.is_false(ok)
      assert.matches("would block the scheduler", message, 1, true)
    end)
  end)

  describe("a mistake", function()
    -- The message must be `text`, behind the place of a line of `fn`.
    local function blames(fn, text)
      local message = expect.raises(text, fn)
      local file, line = message:match("^(.-):(%d+): [%w.]+:[%w_]+: ")
      local info = debug.getinfo(fn, "S")
      assert.are.equal(info.short_src, file, message)
      assert.is_true(tonumber(line) >= info.linedefined and tonumber(line) <= info.lastlinedefined, message)
    end

    it("outside tasks blames the line that made it", function()
      local closed, nonblocking = new_client(), new_client { nonblocking = true }
      local list = closed.scenarios:list()
      closed:close()
      blames(function() closed.scenarios:retrieve(ids[1]) end, "scenarios:retrieve: client is closed")
      blames(function() closed:request { path = "/" } end, "client:request: client is closed")
      blames(function() closed:spawn(print) end, "spawn: client is closed")
      blames(function() list:next() end, "scenarios:list: client is closed")
      blames(function() for _ in list do error "an item" end end, "scenarios:list: client is closed")
      blames(function() nonblocking.scenarios:retrieve(ids[1]) end, "the client is nonblocking")
      local task = client:spawn(client.sleep, client, 60)
      blames(function() task:wait(-1) end, "argument 'seconds' must be a number")
      local own = new_client()
      local knot
      knot = own:spawn(function() own:map({ 1 }, function() return knot:wait() end) end)
      blames(function() own:run() end, "run: the tasks that are left wait for each other")
      blames(function() knot:wait() end, "task:wait: the tasks that are left wait for each other")
    end)

    it("in a task blames the line that made it", function()
      local task
      task = client:spawn(function()
        client:sleep(0)
        blames(function() client:poll() end, "client:poll: cannot be called inside")
        blames(function() client:run() end, "client:run: cannot be called inside")
        blames(function() task:wait() end, "a task cannot wait for itself")
        blames(function() table.sort({ 1, 2 }, function() return retrieve() end) end, "Lua cannot yield here")
        blames(function()
          error(select(2, coroutine.resume(coroutine.create(function() client:sleep(1) end))), 0)
        end, "would block the scheduler")
      end)
      task:wait()
    end)

    it("of calling a task's methods with a dot is named", function()
      local task = client:spawn(print)
      for _, name in ipairs { "wait", "cancel" } do
        local method = task[name]
        for _, wrong in ipairs { false, "text", {}, client } do
          local message = expect.raises("task:" .. name .. ": call it with a colon", function() method(wrong) end)
          assert.matches("^[^:]*tasks_spec.lua:%d+:", message)
        end
      end
      expect.raises("task:wait: call it with a colon", function() task.wait() end)
    end)
  end)

  describe("where Lua cannot yield,", function()
    local PLACES = {
      ["table.sort"] = function(fn) table.sort({ 1, 2, 3 }, function() return fn() and false end) end,
      ["string.gsub"] = function(fn) string.gsub("text", "%a", function() fn() end) end,
      ["require"] = function(fn)
        package.preload["spec.preloaded"] = fn
        package.loaded["spec.preloaded"] = nil
        require "spec.preloaded"
      end,
    }

    for name, place in pairs(PLACES) do
      it("in " .. name .. ", a call raises a clear error, and the task goes on", function()
        local message
        local task = client:spawn(function()
          message = select(2, pcall(place, function() return retrieve() end))
          return retrieve(ids[2])
        end)
        assert.are.equal(ids[2], expect.success(task:wait()).id)
        assert.matches("scenarios:retrieve", message, 1, true)
        assert.matches("Lua cannot yield here", message, 1, true)
        assert.are.equal(1, server:count())
      end)

      it("in " .. name .. ", outside a task, a call works", function()
        local scenario
        place(function()
          scenario = scenario or retrieve()
          return true
        end)
        assert.are.equal(ids[1], scenario.id)
      end)
    end

    it("a pager raises even though an item is at hand, and loses none", function()
      local messages = {}
      local task = client:spawn(function()
        local list = client.scenarios:list { limit = 100 }
        assert(list:next())
        repeat coroutine.yield() until client:stats().in_flight == 0
        string.gsub("1234", ".", function(i)
          if i == "3" then tasks.keep_busy(0.001) end
          messages[tonumber(i)] = select(2, pcall(list.next, list))
        end)
        local began = support.now()
        client:sleep(0.05)
        assert.is_true(support.now() - began >= 0.04, "it went on too early")
        return #assert(list:collect())
      end)
      assert.are.equal(119, task:wait())
      for i = 1, 4 do assert.matches("Lua cannot yield here", messages[i], 1, true) end
    end)
  end)

  describe("retry waits and intervals", function()
    it("are deadlines: other calls go on meanwhile", function()
      local own = new_client { max_retry_wait = 0.4 }
      server:fault { path = ids[1], status = 500 }
      local order = {}
      local slow = own:spawn(function()
        assert(own.scenarios:retrieve(ids[1]))
        order[#order + 1] = "slow"
      end)
      poll_until(own, function() return own:stats().retries == 1 end)
      assert.is_true(own:timeout() <= 0.4)
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
        assert(run:score_and_await { interval = 0.1 })
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
      local own = new_client { max_retry_wait = 0.4 }
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

  describe("a pager in a task", function()
    it("gives its request up when its loop is left", function()
      server:fault { cut_items = 2, by = "stall" }
      client:spawn(function()
        for _ in client.scenarios:list { limit = 100 } do break end -- luacheck: ignore 512
      end):wait()
      assert.are.equal(0, client:stats().in_flight)
    end)

    it("gives its request up when the task is cancelled in the loop", function()
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
        local first, others = nil, 0
        local reader = client:spawn(function()
          for _ in list do
            others = others + 1
            client:sleep(0.001)
          end
        end)
        client:spawn(function()
          for item in list do
            first = item.id
            break
          end
        end):wait()
        client:run()
        assert.are.equal("done", reader.status)
        assert.are.equal(#ids - 1, others)
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

  describe("callbacks within poll", function()
    it("may start tasks", function()
      local own, started
      own = new_client {
        on_event = function(event)
          if event.type == "response" and not started then
            started = own:spawn(function() return own.scenarios:retrieve(ids[2]) end)
          end
        end,
      }
      own:spawn(function() return own.scenarios:retrieve(ids[1]) end)
      own:run()
      assert.are.equal(ids[2], expect.success(started:wait()).id)
    end)

    it("may cancel the task that they are called for", function()
      local own, task
      own = new_client { on_event = function(event) if event.type == "response" then task:cancel() end end }
      task = own:spawn(function()
        assert(own.scenarios:retrieve(ids[1]))
        own:sleep(0)
        error "went on"
      end)
      expect.failure("cancelled", "CANCELLED", task:wait())
    end)

  end)

  describe("two clients", function()
    it("have tasks of their own", function()
      local own = new_client()
      local one = client:spawn(retrieve, ids[1])
      local two = own:spawn(function() return own.scenarios:retrieve(ids[2]) end)
      client:run()
      assert.are.same({ "done", "running" }, { one.status, two.status })
      own:run()
      assert.are.equal(ids[2], expect.success(two:wait()).id)
    end)

    it("are strangers: a call of the other one blocks in a task", function()
      local own = new_client()
      local task = client:spawn(function()
        local scenario = assert(own.scenarios:retrieve(ids[2]))
        assert(own:spawn(function() return own.scenarios:retrieve(ids[3]) end):wait())
        assert(retrieve(ids[1]))
        return scenario
      end)
      assert.are.equal(ids[2], expect.success(task:wait()).id)
    end)

    it("do not mind when one of them is closed", function()
      local own = new_client()
      local one = client:spawn(retrieve, ids[1])
      local two = own:spawn(function() return own.scenarios:retrieve(ids[2]) end)
      client:close()
      assert.are.equal("cancelled", one.status)
      assert.are.equal(ids[2], expect.success(two:wait()).id)
    end)
  end)

  describe("a client that is dropped without close", function()
    it("takes its tasks and connections along", function()
      silence()
      local open = server:stats().open
      local seen = setmetatable({}, { __mode = "v" })
      do
        local own = server:client()
        seen.client = own
        seen.task = own:spawn(function()
          for _ in own.scenarios:list() do error "an item" end
        end)
        own:spawn(own.sleep, own, 60)
        own:spawn(function() return own.scenarios:retrieve(ids[1]) end)
        poll_until(own, function() return server:count() == 2 end)
        assert.are.equal(open + 2, server:stats().open)
      end
      support.gc()
      assert.is_nil(seen.client)
      assert.is_nil(seen.task)
      tasks.look_until(function() return server:stats().open == open end, "the connections' end")
    end)

    it("lives on in a task that somebody holds", function()
      local task
      do
        local own = server:client()
        task = own:spawn(function() return own.scenarios:retrieve(ids[1]) end)
      end
      support.gc()
      assert.are.equal(ids[1], expect.success(task:wait()).id)
    end)
  end)

  describe("client:close", function()
    -- One task of every kind, all of them waiting.
    local function everything(own)
      silence { path = "/archive$" }
      server:fault { path = ids[1] .. "$", status = 500, times = math.huge }
      server:fault { path = "^/v1/scenarios$", cut_items = 1, by = "stall" }
      local list = {}
      local function add(fn) list[#list + 1] = own:spawn(fn) end
      add(function() return own.scenarios:archive(ids[2]) end)
      add(function() return own.scenarios:retrieve(ids[1]) end) -- will wait for its next attempt
      add(function() for _ in own.scenarios:list() do assert(true) end end)
      add(function() return own:sleep(60) end)
      add(function() return list[1]:wait() end)
      add(function() return list[1]:wait(60) end)
      add(function() return own:map({ ids[3], ids[4] }, function(id) return own.scenarios:archive(id) end) end)
      add(function() while true do coroutine.yield() end end)
      for i = 5, 9 do add(function() return own.scenarios:archive(ids[i]) end) end -- more than connections
      poll_until(own, function() return own:stats().retries == 1 and server:count() >= 4 end)
      add(function() -- has been started, and not run
        own:spawn(error, "has begun")
        own:sleep(60)
      end)
      return list
    end

    it("cancels whatever is going on", function()
      local own = new_client { max_retry_wait = 60, max_connections = 3 }
      local list = everything(own)
      at_once(own.close, own)
      for i, task in ipairs(list) do
        assert.are.equal("cancelled", task.status, i)
        expect.failure("cancelled", "CANCELLED", task:wait())
      end
      assert.are.equal(0, own:poll())
      assert.are.equal(0, own:run())
      own:close()
    end)

    it("in a task lets poll and run return 0", function()
      for _, name in ipairs { "poll", "run" } do
        local own = new_client()
        local message
        local other = own:spawn(own.sleep, own, 60)
        own:spawn(function()
          coroutine.yield()
          own:close()
          own:close()
          message = select(2, pcall(own.scenarios.retrieve, own.scenarios, ids[1]))
        end)
        assert.are.equal(0, own[name](own))
        assert.matches("closed", message, 1, true)
        assert.are.equal("cancelled", other.status)
        assert.are.equal(0, own[name](own))
      end
    end)

    it("in a task ends that task at its next wait", function()
      local own = new_client()
      local task = own:spawn(function()
        coroutine.yield()
        own:close()
        coroutine.yield()
        error "went on"
      end)
      own:poll()
      assert.are.equal("cancelled", task.status)
    end)

    it("in a task wakes who waits outside", function()
      local own = new_client()
      local hung = own:spawn(own.sleep, own, 60)
      own:spawn(function()
        coroutine.yield()
        own:close()
      end)
      expect.failure("cancelled", "CANCELLED", at_once(hung.wait, hung))
    end)

    it("in a task makes a map outside raise", function()
      local own = new_client()
      expect.raises("client:map: client is closed", function()
        at_once(own.map, own, { 1, 2 }, function(i)
          if i == 1 then own:sleep(60) end
          own:close()
        end)
      end)
    end)

    it("may be called by a to-be-closed variable, while it is at work or not", function()
      for _, how in ipairs { "cancel", "close" } do
        local own = new_client()
        local list = {}
        for i = 1, 5 do
          list[i] = own:spawn(function()
            return finally(function() own:close() end, function()
              own:sleep(60)
            end)
          end)
        end
        if how == "close" then own:close() else list[3]:cancel() end
        for i = 1, 5 do assert.are.equal("cancelled", list[i].status) end
        expect.raises("closed", function() own.scenarios:retrieve(ids[1]) end)
      end
    end)

    it("cancels what to-be-closed variables start meanwhile", function()
      local own = new_client()
      local started
      local begun = false
      own:spawn(function()
        return finally(function()
          started = own:spawn(function() begun = true end)
        end, function()
          own:sleep(60)
        end)
      end)
      own:close()
      assert.are.equal("cancelled", started.status)
      assert.is_false(begun)
    end)

    it("has calls in to-be-closed variables return nil and an error of kind cancelled", function()
      local own = new_client()
      local value, err
      own:spawn(function()
        return finally(function() value, err = own.scenarios:retrieve(ids[1]) end, function()
          own:sleep(60)
        end)
      end)
      own:close()
      expect.failure("cancelled", "CANCELLED", value, err)
    end)
  end)
end)
