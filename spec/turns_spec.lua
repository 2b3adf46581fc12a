-- What makes tasks go on: poll, run, sleep and blocking calls, how they share the time, and where they raise.
local portable = require "spec.support.portable"
local expect = require "spec.support.expect"
local stand_in = require "spec.support.stand_in"
local support = require "spec.support"
local tasks = require "spec.support.tasks"

local poll_until, at_once = tasks.poll_until, tasks.at_once

local it_hooks = portable.hooks and it or pending

describe("the turns", function()
  local server, client, ids

  stand_in({ scenarios = 120 }, function(started)
    server, client, ids = started, started:client(), started:ids("scenario")
  end)
  local with = tasks.with(function() return server, client, ids end)
  local retrieve, hanging = with.retrieve, with.hanging

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

    it("does a bounded slice of work at a time #slow", function()
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
      local late, called = client:spawn(client.sleep, client, 60), false
      client:spawn(function()
        retrieve()
        called = true
      end)
      local began = support.now()
      poll_until(client, function() return order[3] ~= nil end)
      assert.is_true(support.now() - began >= 0.14)
      assert.are.same({ 2, 3, 1 }, order)
      poll_until(client, function() return called end)
      assert.are.equal("running", late.status)
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
      assert.is_true(server:client({ nonblocking = true }):sleep(0))
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
    local calls

    before_each(function() calls = 0 end)

    -- A task that makes so many calls, one after the other.
    local function count_calls(count)
      client:spawn(function()
        for i = 1, count do
          assert(retrieve(ids[i]))
          calls = calls + 1
        end
      end)
    end

    it("a task that takes item after item does not starve the calls of another", function()
      local busy_items = 0
      local busy = client:spawn(function()
        for _ = 1, 200 do
          for _ in client.scenarios:list { limit = 120 } do
            busy_items = busy_items + 1
            if calls == 5 then return end
          end
        end
      end)
      count_calls(5)
      busy:wait()
      assert.are.equal(5, calls)
      assert.is_true(busy_items < 200 * 120)
    end)

    it("a map whose function never waits does not starve them either", function()
      local items = 0
      count_calls(3)
      local stop = support.now() + 30
      local function endless()
        items = items + 1
        if calls < 3 and support.now() < stop then return items end
      end
      client:map(endless, function(item) return item end, { results = false })
      assert.are.equal(3, calls)
    end)

    it("nor does one that yields all the time", function()
      local yielder = client:spawn(function()
        repeat coroutine.yield() until calls == 3
      end)
      count_calls(3)
      yielder:wait(30)
      assert.are.equal(3, calls)
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
      local own = server:client { nonblocking = true }
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
      local closed, nonblocking = server:client(), server:client { nonblocking = true }
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
      local own = server:client()
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
          assert.matches("^[^:]*turns_spec.lua:%d+:", message)
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
        for _ = 1, 3 do assert(list:next()) end
        string.gsub("1234", ".", function(i)
          if i == "3" then tasks.keep_busy(0.001) end
          messages[tonumber(i)] = select(2, pcall(list.next, list))
        end)
        local began = support.now()
        client:sleep(0.05)
        assert.is_true(support.now() - began >= 0.04, "it went on too early")
        return #assert(list:collect())
      end)
      assert.are.equal(116, task:wait())
      for i = 1, 4 do assert.matches("Lua cannot yield here", messages[i], 1, true) end
    end)

    it("a pager raises in another coroutine of the task even though an item is at hand, and loses none", function()
      local messages = {}
      local task = client:spawn(function()
        local list = client.scenarios:list { limit = 100 }
        for _ = 1, 3 do assert(list:next()) end
        for i, step in ipairs { list, list.next } do
          messages[i] = select(2, coroutine.resume(coroutine.create(function() step(list) end)))
        end
        return #assert(list:collect())
      end)
      assert.are.equal(117, task:wait())
      for i = 1, 2 do assert.matches("would block the scheduler", messages[i], 1, true) end
    end)
  end)

  describe("callbacks within poll", function()
    it("may start tasks", function()
      local own, started
      own = server:client {
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
      own = server:client { on_event = function(event) if event.type == "response" then task:cancel() end end }
      task = own:spawn(function()
        assert(own.scenarios:retrieve(ids[1]))
        own:sleep(0)
        error "went on"
      end)
      expect.failure("cancelled", "CANCELLED", task:wait())
    end)

  end)
end)
