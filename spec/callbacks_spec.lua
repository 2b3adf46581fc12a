-- What on_event and on_poll may do to the call that tells them: close the client, or raise.
local support = require "spec.support"
local expect = require "spec.support.expect"

describe("A callback that closes the client", function()
  local server, client, id, run_id
  setup(function() server = support.start { scenarios = 30, runs = 1 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    id, run_id = server:ids("scenario")[1], server:ids("run")[1]
  end)

  local calls = {
    ["a call"] = function() return client.scenarios:retrieve(id) end,
    ["a list"] = function() return client.scenarios:list({ limit = 10 }):collect() end,
    ["a download"] = function() return client.scenarios.runs:download_logs(run_id) end,
  }

  for what, call in pairs(calls) do
    for _, event_type in ipairs { "request", "response", "retry" } do
      -- A client that is closed with the first event of the type.
      local function new_client()
        server:fault { status = 503, headers = { ["Retry-After"] = "0" } }
        client = server:client { on_event = function(event)
          if event.type == event_type then client:close() end
        end }
      end

      it("ends " .. what .. " with an error of kind cancelled: " .. event_type, function()
        new_client()
        expect.failure("cancelled", "CANCELLED", call())
      end)

      it("ends the task of " .. what .. ": " .. event_type, function()
        new_client()
        local went_on = false
        local task = client:spawn(function()
          call()
          went_on = true
        end)
        for _ = 1, 1000 do
          if client:poll(0.01) == 0 then break end
        end
        assert.are.equal("cancelled", task.status)
        assert.is_false(went_on)
        expect.failure("cancelled", "CANCELLED", task:wait())
      end)
    end
  end

  it("ends an await that it was to look at", function()
    client = server:client()
    server:fault { path = run_id, status = 200, json = { id = run_id, state = "running" }, times = math.huge }
    local _, err = client.scenarios.runs:await_scored(run_id, { interval = 0.01, on_poll = function() client:close() end })
    expect.failure("cancelled", "CANCELLED", nil, err)
    assert.are.equal("running", err.last.state)
  end)

  it("hides no error of a task from on_error", function()
    for _, drive in ipairs { "poll", "run" } do
      local told = {}
      client = server:client { on_error = function(err) told[#told + 1] = tostring(err):match("boom") end }
      client:spawn(function()
        client:close()
        error "boom"
      end)
      client[drive](client)
      assert.are.same({ "boom" }, told)
    end
  end)
end)

describe("on_event in a task", function()
  local server, client, ids
  setup(function() server = support.start { scenarios = 40 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    ids = server:ids("scenario")
  end)
  after_each(function() client:close() end)

  it("cannot wait, which would suspend its request half-way", function()
    local wait
    client = server:client { on_event = function() wait() end }
    for name, waits in pairs {
      ["Lua cannot yield here"] = function() client:sleep(0.001) end,
      ["attempt to yield"] = coroutine.yield,
    } do
      wait = waits
      local task = client:spawn(function() return client.scenarios:retrieve(ids[1]) end)
      expect.raises(name, function() task:wait() end)
    end
    wait = function() end
    assert.are.equal(ids[1], expect.success(client.scenarios:retrieve(ids[1])).id)
  end)

  it("may close the list whose page is asked for, and nothing stays in flight", function()
    local list
    for _, event in ipairs { 1, 2 } do
      local heard = 0
      client = server:client { on_event = function(e)
        heard = heard + (e.type == "request" and 1 or 0)
        if heard == event then list:close() end
      end }
      list = client.scenarios:list { limit = 10 }
      pcall(function()
        for _ in list do end -- luacheck: ignore
      end)
      collectgarbage "stop"
      client:poll()
      assert.are.equal(0, client:stats().in_flight)
      collectgarbage "restart"
    end
  end)
end)

describe("A callback that raises", function()
  local server, client
  setup(function() server = support.start { scenarios = 1, runs = 1 } end)
  teardown(function() server:stop() end)
  before_each(function() server:reset() end)
  after_each(function() client:close() end)

  it("leaves nothing of a download behind", function()
    client = server:client { on_event = function(event)
      if event.type == "response" then error "no more" end
    end }
    local directory = support.tmpdir()
    collectgarbage "stop" -- which would clean up as well
    expect.raises("no more", function()
      client.scenarios.runs:download_logs(server:ids("run")[1], directory .. "/a.zip")
    end)
    collectgarbage "restart"
    assert.are.same({}, support.list_dir(directory))
  end)

  it("leaves no run behind when that was asked for", function()
    client = server:client()
    for _, cancel in ipairs { false, true } do
      server:clear_log()
      expect.raises("no more", function()
        client.scenarios:start_run_and_await_env_ready({ scenario_id = server:ids("scenario")[1] }, {
          cancel_on_failure = cancel, on_poll = function() error "no more" end,
        })
      end)
      assert.are.equal(cancel and 1 or 0, server:count { path = "/cancel$" })
    end
  end)
end)

describe("An answer that says too little", function()
  local server, client
  setup(function() server = support.start { scenarios = 1, runs = 1 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    client = server:client()
  end)
  after_each(function() client:close() end)

  it("without an id leaves the table as it was", function()
    local run = expect.success(client.scenarios.runs:retrieve(server:ids("run")[1]))
    for _, body in ipairs { "{}", '{"id":null}', '{"id":5,"state":"scored"}', '{"id":""}' } do
      server:fault { status = 200, body = body, headers = { ["Content-Type"] = "application/json" } }
      local id = run.id
      local err = expect.failure("decode", "SHAPE", run:refresh())
      assert.are.equal(200, err.status)
      assert.are.equal(id, run.id)
    end
    expect.success(run:refresh())
  end)

  it("of a run that on_poll has put into itself is told all the same", function()
    server:fault { path = "scr_1", status = 200, json = { id = "scr_1", state = "failed" } }
    local err = expect.failure("state", "failed",
      client.scenarios.runs:await_scored("scr_1", { on_poll = function(view) view.itself = view end }))
    assert.are.equal(err.last, err.last.itself)
  end)

  it("without a state ends an await with an error of kind decode, which has the view", function()
    for _, body in ipairs { '{"id":"scr_1"}', '{"id":"scr_1","state":null}', '{"id":"scr_1","state":7}' } do
      server:fault { status = 200, body = body, headers = { ["Content-Type"] = "application/json" } }
      local err = expect.failure("decode", "SHAPE",
        client.scenarios.runs:await_scored("scr_1", { interval = 0.01 }, { nulls = "keep" }))
      assert.are.equal("scr_1", err.last.id)
    end
  end)
end)
