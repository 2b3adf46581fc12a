-- What would pass in silence: slips that do nothing, and errors that nobody looks at.
local portable = require "spec.support.portable"
local support = require "spec.support"
local expect = require "spec.support.expect"
local finally = require("spec.support.tasks").finally

local it_closing = portable.closing and it or pending
local it_pairs = portable.pairs and it or pending

describe("In silence", function()
  local server, client, ids
  setup(function() server = support.start { scenarios = 12, runs = 2 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    ids = server:ids("scenario")
    client = server:client()
  end)
  after_each(function() pcall(client.close, client) end)

  describe("a list is not taken for an array:", function()
    for name, use in pairs {
      ["ipairs"] = function(list) for _ in ipairs(list) do error "an item" end end,
      ["#"] = function(list) return #list end,
      ["[1]"] = function(list) return list[1] end,
      ["table.unpack"] = function(list) return table.unpack(list) end,
      ["table.concat"] = function(list) return table.concat(list) end,
      ["table.sort"] = function(list) return table.sort(list) end,
    } do
      local can_raise = name == "[1]" or name == "ipairs" and portable.ipairs or name ~= "ipairs" and portable.length
      local it_raising = can_raise and it or pending
      it_raising(name, function()
        local list = client.scenarios:list()
        expect.raises("for item in list", function() use(list) end)
        assert.are.equal(0, server:count())
      end)
    end

    it("but other names may be asked for", function()
      local list = client.scenarios:list()
      assert.is_nil(list.total_count)
      assert.is_nil(list.nothing)
    end)
  end)

  it("a number that came as a text is told how to become one, wherever numbers go", function()
    for _, use in pairs {
      function() client:sleep "1" end, function() client:poll "1" end, function() client:close "1" end,
      function() client:spawn(error):wait "1" end, function() client.scenarios:list():collect "1" end,
      function() client.scenarios:list { limit = "1" } end, function() client.scenarios:retrieve("x", { timeout = "1" }) end,
      function() client:evaluate({}, print, { keep_alive = "1" }) end, function() server:client { timeout = "1" } end,
    } do
      expect.raises("got string (tonumber makes it a number)", use)
    end
    expect.raises("0 or more, got -1", function() client:sleep(-1) end)
    expect.raises("0 or more, got table", function() client:poll {} end)
  end)

  it_pairs("pairs shows of a list and of a task what is for users, and no more", function()
    local function shown(of)
      local all = {}
      for name, value in pairs(of) do all[name] = value end
      return all
    end
    local list = client.scenarios:list { limit = 5 }
    assert.are.same({}, shown(list))
    repeat expect.success(list:next()) until list.total_count
    assert.are.same({ total_count = 12 }, shown(list))
    local task = client:spawn(error, "mine")
    assert.are.same({ status = "failed", traceback = task.traceback }, shown(task))
    assert.are.same({ status = "running" }, shown(client:spawn(client.sleep, client, 60)))
  end)

  it("total_count is known with the first item, when the page has arrived by then", function()
    for _, options in ipairs { {}, { prefetch = false } } do
      local list = client.scenarios:list({ limit = 10 }, options)
      expect.success(list:next())
      repeat client:sleep(0) until client:stats().in_flight == 0
      expect.success(list:next())
      assert.are.equal(12, list.total_count)
    end
  end)

  describe("map", function()
    it("refuses an array with a hole, wherever it is", function()
      for _, source in ipairs {
        { "a", nil, "c" }, { nil, "b" }, { "a", "b", nil, nil, "e" }, table.pack("a", nil, "c"), table.pack("a", "b", nil),
        { [0] = "a", "b" }, { "a", [1.5] = "b" }, { [2] = "b" }, { [-1] = "b" },
      } do
        local called = 0
        expect.raises("client:map: argument 'source'", function()
          client:map(source, function() called = called + 1 end)
        end)
        assert.are.equal(0, called)
      end
    end)

    it("gives results that are an array for JSON, and says how many items there were", function()
      local runloop = require "runloop"
      local results, errors, source_err, n = client:map({ 1, 2, 3 }, function(i) return nil, i > 1 and "no" or nil end)
      assert.are.equal("[]", runloop.json.encode(results))
      assert.are.same({ [2] = "no", [3] = "no" }, errors)
      assert.is_nil(source_err)
      assert.are.equal(3, n)
      assert.are.equal(12, (select(4, client:map(client.scenarios:list { limit = 5 }, function() end))))
    end)
  end)

  describe("the error of a task that nobody waited for", function()
    it("has the place where it was raised as task.traceback", function()
      local function deep() error "mine" end
      local line = debug.getinfo(deep, "S").linedefined
      local told
      client = server:client { on_error = function(_, task) told = task.traceback end }
      client:spawn(function()
        client:sleep(0)
        deep()
      end)
      client:run()
      assert.matches("slips_spec.lua:" .. line .. ":", told, 1, true)
    end)

    it("is raised by close, which has freed everything before", function()
      local thing = {}
      client:spawn(error, thing)
      local sleeper = client:spawn(client.sleep, client, 60)
      local ok, err = pcall(client.close, client)
      assert.is_false(ok)
      assert.are.equal(thing, err)
      assert.are.equal("cancelled", sleeper.status)
      expect.raises("client is closed", function() client.scenarios:retrieve(ids[1]) end)
      client:close()
    end)

    it("is raised by close with their number, when there are several", function()
      for i = 1, 3 do client:spawn(error, "error " .. i, 0) end
      local ok, err = pcall(client.close, client)
      assert.are.same({ false, "error 1 (the first of 3 errors that nobody has seen)" }, { ok, err })
      client = server:client()
      server:fault { status = 403, json = { message = "no" }, times = 2 }
      for _ = 1, 2 do
        client:spawn(function()
          local _, why = client.scenarios:retrieve(ids[1])
          error(why)
        end)
      end
      client:spawn(function() repeat client:sleep(0.001) until client:stats().in_flight == 0 end):wait()
      ok, err = pcall(client.close, client)
      assert.is_false(ok)
      expect.failure("api", "permission_denied", nil, err)
      assert.are.equal("no (the first of 2 errors that nobody has seen)", err.message)
    end)

    it_closing("is raised at the end of a block that ended without another", function()
      local ok, err = pcall(function()
        portable.with_closing(server:client(), function(own)
          own:spawn(error, "mine", 0)
        end)
      end)
      assert.are.same({ false, "mine" }, { ok, err })
    end)

    it_closing("does not hide the error that ended the block: it goes to warn", function()
      local process = require "spec.support.process"
      local script = ([[
        local runloop = require "runloop"
        local function block()
          local own <close> = runloop.new { base_url = %q, bearer_token = "token-of-a-spec" }
          own:spawn(error, "mine", 0)
          error("the block's", 0)
        end
        print(pcall(block))
      ]]):format(server.url)
      local _, out, err = process.run({ process.interpreter(), "-W", "-e", script }, { preload = true })
      assert.are.equal("false\tthe block's\n", out, err)
      assert.matches("an error that nobody has seen: mine", err, 1, true)
    end)

    it_closing("nor does what on_error raises of it", function()
      local told = 0
      local ok, err = pcall(portable.with_closing, server:client {
        on_error = function()
          told = told + 1
          error("on_error's", 0)
        end,
      }, function(own)
        for _ = 1, 2 do own:spawn(error, "mine", 0) end
        error("the block's", 0)
      end)
      assert.are.same({ false, "the block's", 2 }, { ok, err, told })
    end)

    it_closing("that cannot say how many there are is raised by close, and the rest goes to warn", function()
      local process = require "spec.support.process"
      local script = ([[
        local runloop = require "runloop"
        local own = runloop.new { base_url = %q, bearer_token = "token-of-a-spec" }
        for i = 1, 3 do own:spawn(error, { i }) end
        local ok, err = pcall(own.close, own)
        print(ok, err[1])
      ]]):format(server.url)
      local _, out, err = process.run({ process.interpreter(), "-W", "-e", script }, { preload = true })
      assert.are.equal("false\t1\n", out, err)
      assert.are.equal(2, select(2, err:gsub("an error that nobody has seen: ", "")))
    end)

    it("goes to on_error when the client is collected", function()
      local told = {}
      do
        local own = server:client { on_error = function(err) told[#told + 1] = err end }
        own:spawn(error, "mine", 0)
      end
      support.gc()
      assert.are.same({ "mine" }, told)
    end)
  end)

  describe("clients that share a scheduler", function()
    local other
    before_each(function() other = server:client { scheduler = client } end)
    after_each(function() pcall(other.close, other) end)

    it("may be called in each other's tasks, which wait without blocking", function()
      server:fault { path = ids[1] .. "$", delay = 0.6 }
      local order = {}
      client:spawn(function()
        assert(other.scenarios:retrieve(ids[1]))
        order[#order + 1] = "slow"
      end)
      other:spawn(function()
        assert(client.scenarios:retrieve(ids[2]))
        for _ in client.scenarios:list { limit = 5 } do order[#order + 1] = "item" end
      end)
      assert.are.equal(2, client:poll())
      assert.are.equal(0, other:run())
      assert.are.equal("slow", order[#order])
      assert.are.equal(13, #order)
    end)

    it("wait in poll, run and sleep for what is on its way of either", function()
      server:fault { delay = 0.05, times = 2 }
      local task = other:spawn(function() return other.scenarios:retrieve(ids[1]) end)
      local began = support.now()
      repeat until client:poll(30) == 0
      assert.is_true(support.now() - began < 10)
      assert.are.equal(ids[1], task:wait().id)
      assert.is_true(#client:fds() >= #other:fds())
    end)

    it("tell of a task's error through the client that it was spawned through", function()
      local told = {}
      local third = server:client { scheduler = client, on_error = function(err) told[#told + 1] = err end }
      third:spawn(error, "third's", 0)
      other:spawn(error, "other's", 0)
      expect.raises("other's", function() client:poll() end)
      assert.are.same({ "third's" }, told)
      third:close()
    end)

    it("end apart: the tasks spawned through one, and its calls; the rest goes on", function()
      local mine = client:spawn(function() return client.scenarios:retrieve(ids[1]) end)
      local others = other:spawn(other.sleep, other, 60)
      local caller = client:spawn(function()
        client:sleep(0)
        return pcall(other.scenarios.retrieve, other.scenarios, ids[1])
      end)
      other:close()
      assert.are.equal("cancelled", others.status)
      local ok, message = caller:wait()
      assert.is_false(ok)
      assert.matches("scenarios:retrieve: client is closed", message, 1, true)
      assert.are.equal(ids[1], expect.success(mine:wait()).id)
      assert.are.equal(0, other:poll())
      assert.are.equal(0, client:poll())
    end)

    it("end a call of one that is closed meanwhile with an error of kind cancelled", function()
      server:fault { silent = true, times = math.huge }
      local task = client:spawn(function() return other.scenarios:retrieve(ids[1]) end)
      client:poll(0.01)
      client:spawn(function() other:close() end)
      client:poll()
      expect.failure("cancelled", "CANCELLED", task:wait())
    end)

    it("must be open, and clients", function()
      for _, wrong in ipairs { {}, "client", true } do
        expect.raises("option 'scheduler'", function() server:client { scheduler = wrong } end)
      end
      client:close()
      expect.raises("option 'scheduler'", function() server:client { scheduler = client } end)
    end)
  end)

  describe("cleaning up", function()
    -- A task that waits for the environment of a run, which never comes up.
    local function starting(own)
      server:fault { path = "wait_for_status", silent = true, times = math.huge }
      local task = own:spawn(function()
        return own.scenarios:start_run_and_await_env_ready({ scenario_id = ids[1] }, { cancel_on_failure = true })
      end)
      repeat own:poll(0.01) until server:count { path = "wait_for_status" } > 0
      return task
    end

    it("goes on when the task that began it is cancelled", function()
      local task = starting(client)
      task:cancel()
      assert.are.equal("cancelled", task.status)
      assert.are.equal(0, client:run())
      assert.are.equal(1, server:count { path = "/cancel$" })
    end)

    it("is waited for by close", function()
      starting(client)
      server:fault { path = "/cancel$", delay = 0.1 }
      client:close()
      assert.are.equal(1, server:count { path = "/cancel$" })
      assert.are.equal(0, client:poll())
    end)

    it("is waited for by close so long, and no longer", function()
      starting(client)
      server:fault { path = "/cancel$", silent = true }
      local began = support.now()
      local _, err = pcall(client.close, client, 0.1)
      local took = support.now() - began
      assert.are.equal("CANCELLED", err.code)
      assert.is_true(took >= 0.09 and took < 4, took)
      expect.raises("client is closed", function() client.scenarios:retrieve(ids[1]) end)
    end)

    it("goes on in the turns that follow when a task closes the client", function()
      starting(client)
      local message
      client:spawn(function()
        finally(function() end, function()
          client:close()
          message = select(2, pcall(client.scenarios.retrieve, client.scenarios, ids[1]))
        end)
      end)
      assert.are.equal(0, client:run())
      assert.matches("client is closed", message, 1, true)
      assert.are.equal(1, server:count { path = "/cancel$" })
      assert.are.equal(0, client:run())
    end)

    it("tells on_error when it fails", function()
      local told = {}
      local own = server:client { max_retries = 0, on_error = function(err) told[#told + 1] = err end }
      starting(own)
      server:fault { path = "/cancel$", status = 403, json = { message = "no" } }
      own:close()
      assert.are.equal(1, #told)
      expect.failure("api", "permission_denied", nil, told[1])
    end)
  end)
end)
