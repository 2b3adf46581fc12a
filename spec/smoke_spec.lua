-- The module's main ways in one pass, for a Lua in which the whole suite is not run.
local runloop = require "runloop"
local portable = require "spec.support.portable"
local support = require "spec.support"
local expect = require "spec.support.expect"

describe("In any Lua", function()
  local server, client, ids

  setup(function() server = support.start { scenarios = 60 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset { scenarios = 60 }
    client = server:client()
    ids = server:ids "scenario"
  end)
  after_each(function() client:close() end)

  it("features say which it is, and what it has", function()
    local version = _VERSION:match "%d+%.%d+"
    local expected = jit and "LuaJIT 2.1" or version -- luacheck: globals jit
    assert.are.equal(expected, runloop.features.lua)
    assert.are.equal(portable.closing, runloop.features.closing)
    assert.are.equal(portable.integers, runloop.features.integers)
    assert.are.equal(portable.yields, runloop.features.tasks)
  end)

  it("scenarios are listed, read, changed and archived", function()
    local listed = {}
    for scenario in client.scenarios:list { limit = 25 } do listed[#listed + 1] = scenario.id end
    assert.are.same(ids, listed)
    assert.are.equal(60, #expect.success(client.scenarios:list({ limit = 25 }):collect()))
    local pages = 0
    for page in client.scenarios:list({ limit = 25 }):pages() do pages = pages + #page.scenarios end
    assert.are.equal(60, pages)
    local scenario = expect.success(client.scenarios:retrieve(ids[1]))
    expect.success(scenario:update { metadata = { text = 'na\195\175ve "x"\n' } })
    assert.are.equal('na\195\175ve "x"\n', expect.success(scenario:refresh()).metadata.text)
    assert.are.equal("archived", expect.success(scenario:archive()).status)
    expect.failure("api", "not_found", client.scenarios:retrieve "nothing")
    expect.raises("'id'", function() client.scenarios:retrieve {} end)
    expect.raises("is nonblocking", function() server:client({ nonblocking = true }).scenarios:retrieve(ids[1]) end)
  end)

  it("failures are retried, and files downloaded", function()
    server:fault { status = 503, times = 2 }
    assert.are.equal(ids[1], expect.success(client.scenarios:retrieve(ids[1])).id)
    local directory = support.tmpdir()
    local run = server:ids("run")[1]
    assert.is_true(expect.success(client.scenarios.runs:download_logs(run, directory .. "/logs.zip")) > 0)
    assert.are.same({ "logs.zip" }, support.list_dir(directory))
  end)

  it("JSON is what it was after it was read and written", function()
    local text = '{"a":[],"b":{},"c":[1,2.5,"é",null,true],"d":-9007199254740991}'
    local value = expect.success(runloop.json.decode(text, { nulls = "keep" }))
    assert.are.equal(text, runloop.json.encode(value, { sort_keys = true }))
  end)

  it("clients that are dropped are collected, with their connections", function()
    local before = support.fds()
    for _ = 1, 20 do
      local dropped = server:client()
      expect.success(dropped.scenarios:retrieve(ids[1]))
    end
    support.gc()
    assert.is_true(support.fds() <= before + 2, support.fds() - before)
  end)

  if not portable.yields then
    it("tasks are refused at once", function()
      expect.raises("there are no tasks in Lua 5.1", function() client:spawn(function() end) end)
      expect.raises("there are no tasks in Lua 5.1", function() client:map({ 1 }, function() end) end)
      assert.are.equal(0, client:poll())
      assert.are.equal(ids[1], expect.success(client.scenarios:retrieve(ids[1])).id)
    end)
    return
  end

  it("tasks wait without holding each other up", function()
    server:set { delay = 0.2 }
    local began = support.now()
    local list = {}
    for i = 1, 10 do
      list[i] = client:spawn(function()
        local ok, scenario = pcall(function() return assert(client.scenarios:retrieve(ids[i])) end)
        for _ in client.scenarios:list { limit = 60 } do break end -- luacheck: ignore 512
        return ok and scenario.id
      end)
    end
    for i = 1, 10 do assert.are.equal(ids[i], list[i]:wait()) end
    assert.is_true(support.now() - began < 3)
    server:set { delay = 0 }
    local results, errors = client:map(ids, function(id) return client.scenarios:archive(id) end)
    assert.are.equal(60, #results)
    assert.is_nil(errors)
  end)

  it("a task that is cancelled runs what cleans up", function()
    local cleaned
    local task = client:spawn(function()
      local ok, err = pcall(client.sleep, client, 60)
      cleaned = { ok, err and err.kind }
      return client.scenarios:retrieve(ids[1])
    end)
    task:cancel()
    assert.are.equal("cancelled", task.status)
    expect.failure("cancelled", "CANCELLED", task:wait())
    if not portable.closing then assert.are.same({ false, "cancelled" }, cleaned) end
    assert.are.equal(0, server:count { path = "^/v1/scenarios/" })
  end)

  it("a call where Lua cannot yield raises, and the task goes on", function()
    local message
    local task = client:spawn(function()
      table.sort({ 1, 2 }, function()
        message = select(2, pcall(client.scenarios.retrieve, client.scenarios, ids[1]))
        return false
      end)
      return client.scenarios:retrieve(ids[2])
    end)
    assert.are.equal(ids[2], expect.success(task:wait()).id)
    assert.matches("Lua cannot yield here", message)
  end)
end)
