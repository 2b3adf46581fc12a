-- How tasks end otherwise than with a result: cancelled, failed, or with their client.
local portable = require "spec.support.portable"
local expect = require "spec.support.expect"
local stand_in = require "spec.support.stand_in"
local support = require "spec.support"
local tasks = require "spec.support.tasks"

local poll_until, finally, at_once = tasks.poll_until, tasks.finally, tasks.at_once

local it_closing = portable.closing and it or pending

describe("the end of tasks:", function()
  local server, client, ids

  stand_in({ scenarios = 120 }, function(started)
    server, client, ids = started, started:client(), started:ids("scenario")
  end)
  local with = tasks.with(function() return server, client, ids end)
  local retrieve, silence, hanging = with.retrieve, with.silence, with.hanging

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
      local own = server:client { max_retry_wait = 60 }
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
      local own = server:client { on_error = function(err, task) told[#told + 1] = { err, task } end }
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
      own = server:client {
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
        own:spawn(function() -- first, since a turn may end behind it
          coroutine.yield()
          error("another's", 0)
        end)
        local task = own:spawn(function()
          for _ = 1, steps do coroutine.yield() end
          error("mine", 0)
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

    it("that raises while the client is closed gets the rest all the same; the first thing it raised is raised", function()
      on_error = function(err) error("told: " .. err, 0) end
      for i = 1, 3 do own:spawn(error, "mine " .. i, 0) end
      expect.raises("told: mine 1", function() own:close() end)
      assert.are.equal(3, #told)
      own:close()
      assert.are.equal(3, #told)
    end)

    it("may start tasks, which run waits for, too", function()
      local started
      on_error = function() started = own:spawn(function() return (own:sleep(0)) end) end
      own:spawn(error, "mine", 0)
      assert.are.equal(0, own:run())
      assert.are.equal("done", started.status)
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

  describe("two clients", function()
    it("have tasks of their own", function()
      local own = server:client()
      local one = client:spawn(retrieve, ids[1])
      local two = own:spawn(function() return own.scenarios:retrieve(ids[2]) end)
      client:run()
      assert.are.same({ "done", "running" }, { one.status, two.status })
      own:run()
      assert.are.equal(ids[2], expect.success(two:wait()).id)
    end)

    it("are strangers: a call of the other one blocks in a task", function()
      local own = server:client()
      local task = client:spawn(function()
        local scenario = assert(own.scenarios:retrieve(ids[2]))
        assert(own:spawn(function() return own.scenarios:retrieve(ids[3]) end):wait())
        assert(retrieve(ids[1]))
        return scenario
      end)
      assert.are.equal(ids[2], expect.success(task:wait()).id)
    end)

    it("do not mind when one of them is closed", function()
      local own = server:client()
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
      local own = server:client { max_retry_wait = 60, max_connections = 3 }
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
        local own = server:client()
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
      local own = server:client()
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
      local own = server:client()
      local hung = own:spawn(own.sleep, own, 60)
      own:spawn(function()
        coroutine.yield()
        own:close()
      end)
      expect.failure("cancelled", "CANCELLED", at_once(hung.wait, hung))
    end)

    it("in a task makes a map outside raise", function()
      local own = server:client()
      expect.raises("client:map: client is closed", function()
        at_once(own.map, own, { 1, 2 }, function(i)
          if i == 1 then own:sleep(60) end
          own:close()
        end)
      end)
    end)

    it("by what a map calls makes it raise as well, though nothing is left that would wait", function()
      local line = debug.getinfo(1, "l").currentline
      for _, concurrency in ipairs { 1, 2, 16 } do
        for _, wait in ipairs { false, true } do
          local own = server:client()
          local message = expect.raises("client:map: client is closed", function()
            own:map({ 1, 2, 3 }, function()
              if wait then own:sleep(0) end
              own:close()
            end, { concurrency = concurrency })
          end)
          assert.are.equal("spec/task_ends_spec.lua:" .. line + 5, message:match "^[^:]*:%d+")
        end
        local own = server:client()
        expect.raises("client:map: client is closed", function()
          own:map(function()
            own:close()
            return 1
          end, function() end, { concurrency = concurrency })
        end)
      end
    end)

    it("makes a map of its raise in a task of a client that shares its scheduler, and is not closed", function()
      for _, concurrency in ipairs { 1, 2, 16 } do
        local host = server:client()
        local guest = server:client { scheduler = host }
        local task = host:spawn(function()
          return pcall(guest.map, guest, { 1, 2, 3, 4 }, function(i)
            guest:sleep(0)
            if i == 2 then guest:close() end
            guest:sleep(0)
          end, { concurrency = concurrency })
        end)
        host:run()
        local ok, message = task:wait()
        assert.is_false(ok)
        assert.matches("client:map: client is closed", message, 1, true)
        host:close()
      end
    end)

    it("ends what helpers have begun in a task of a client that shares its scheduler, and is not closed", function()
      local devbox = expect.success(client.devboxes:create_and_await_running({}, { interval = 0 }))
      for path, fn in pairs {
        ["^/v1/devboxes$"] = function(guest)
          return guest.devboxes:create_and_await_running({}, { cancel_on_failure = true })
        end,
        ["/execute$"] = function(guest) return guest.devboxes:exec(devbox, "true", { kill_on_failure = true }) end,
        ["^/v1/objects$"] = function(guest) return guest.objects:upload_from_text("text", { name = "t" }) end,
      } do
        server:clear_log()
        server:fault { path = path, silent = true }
        local host = server:client()
        local guest = server:client { scheduler = host }
        local task = host:spawn(fn, guest)
        while server:count { path = path } == 0 do host:poll(0.01) end
        local ok, err = pcall(guest.close, guest, 0)
        assert.is_false(ok)
        assert.matches("the client was closed before all was cleaned up", err.message, 1, true)
        host:run()
        expect.failure("cancelled", "CANCELLED", task:wait())
        host:close()
      end
    end)

    it("may be called by a to-be-closed variable, while it is at work or not", function()
      for _, how in ipairs { "cancel", "close" } do
        local own = server:client()
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
      local own = server:client()
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
      local own = server:client()
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
