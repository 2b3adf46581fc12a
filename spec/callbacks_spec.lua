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

describe("on_event", function()
  local server, client, ids
  setup(function() server = support.start { scenarios = 40, runs = 1 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    ids = server:ids("scenario")
  end)
  after_each(function() client:close() end)

  -- A client whose on_event raises "boom 1", "boom 2" and so on: the events of that type.
  local function raising(event_type, options)
    local n = 0
    options = options or {}
    options.on_event = function(event)
      if event.type ~= event_type then return end
      n = n + 1
      error("boom " .. n, 0)
    end
    return server:client(options)
  end

  it("cannot wait, in a task or outside", function()
    local wait
    local problems = {}
    client = server:client {
      on_event = function() wait() end,
      on_error = function(err, task) problems[#problems + 1] = { err, task } end,
    }
    for message, waits in pairs {
      ["client:sleep: cannot be called in on_event"] = function() client:sleep(0.001) end,
      ["scenarios:retrieve: cannot be called in on_event"] = function() client.scenarios:retrieve(ids[1]) end,
      ["scenarios:list: cannot be called in on_event"] = function() client.scenarios:list():next() end,
      ["client:map: cannot be called in on_event"] = function() client:map({ 1 }, print) end,
      ["client:poll: cannot be called in on_event"] = function() client:poll() end,
      ["client:run: cannot be called in on_event"] = function() client:run() end,
      ["attempt to yield"] = coroutine.yield,
    } do
      wait = waits
      for _, call in ipairs {
        function() return client.scenarios:retrieve(ids[1]) end,
        function() return client:spawn(client.scenarios.retrieve, client.scenarios, ids[1]):wait() end,
      } do
        problems = {}
        assert.are.equal(ids[1], expect.success(call()).id)
        assert.are.equal(2, #problems) -- of the request and of the response
        assert.matches(message, problems[1][1], 1, true)
        assert.is_nil(problems[1][2])
      end
    end
    wait = function() end
  end)

  it("starts tasks that begin later, so that one that calls does not call itself", function()
    local begun, done = 0, 0
    client = server:client { on_event = function(event)
      if event.type ~= "request" or begun == 3 then return end
      begun = begun + 1
      client:spawn(function()
        expect.success(client.scenarios:retrieve(ids[1]))
        done = done + 1
      end)
    end }
    expect.success(client.scenarios:retrieve(ids[2]))
    assert.are.equal(0, done)
    client:run()
    assert.are.same({ 3, 3 }, { begun, done })
  end)

  describe("that raises changes no call:", function()
    local calls = {
      ["a call"] = function() return client.scenarios:retrieve(ids[1]) end,
      ["a list"] = function() return client.scenarios:list({ limit = 10 }):collect() end,
      ["a download"] = function() return client.scenarios.runs:download_logs(server:ids("run")[1]) end,
      ["a call in a task"] = function()
        return client:spawn(client.scenarios.retrieve, client.scenarios, ids[1]):wait()
      end,
    }
    for what, call in pairs(calls) do
      for _, event_type in ipairs { "request", "response", "retry" } do
        it(what .. ", which tells " .. event_type .. "; on_error hears of it", function()
          local told = {}
          client = raising(event_type, { max_retry_wait = 0, on_error = function(err, task)
            told[#told + 1] = { err, task }
          end })
          server:fault { status = 503 }
          expect.success(call())
          assert.is_true(#told > 0)
          for i, each in ipairs(told) do assert.are.same({ "boom " .. i }, each) end
          assert.are.equal(0, client:stats().in_flight)
        end)
      end
    end

    it("without on_error the next use of the client raises it, before that does anything", function()
      local uses = {
        call = function() return client.scenarios:retrieve(ids[1]) end,
        step = function() return client.scenarios:list():next() end,
        collect = function() return client.scenarios:list():collect(1) end,
        page = function() return client.scenarios:list():pages()() end,
        map = function() return client:map({ 1 }, function() error "called" end) end,
        poll = function() return client:poll() end,
        run = function() return client:run() end,
        sleep = function() return client:sleep(0) end,
      }
      for what, use in pairs(uses) do
        local once = true
        client = server:client { on_event = function()
          if not once then return end
          once = false
          error("boom", 0)
        end }
        expect.success(client.scenarios:retrieve(ids[1]))
        assert.are.equal(0, client:timeout())
        local asked = server:count()
        local ok, err = pcall(use)
        assert.are.same({ false, "boom" }, { ok, err }, what)
        assert.are.equal(asked, server:count(), what)
        ok, err = pcall(use)
        assert.is_true(ok, err)
        client:close()
      end
    end)

    it("a helper of several calls is one, which it changes not", function()
      client = raising "response"
      local runs = client.scenarios.runs
      local plain = server:client()
      local started = expect.success(plain.scenarios:start_run { scenario_id = ids[1] })
      plain:close()
      local run = expect.success(runs:score_and_complete(started, { interval = 0.01 }))
      assert.are.equal("completed", run.state)
      expect.raises("boom 1", function() runs:retrieve(run.id) end)
      expect.raises("boom 2", function() runs:retrieve(run.id) end)
      expect.raises("boom", function() client:close() end)
    end)

    it("several are raised one after the other, and by close the first of them, saying how many there are", function()
      client = raising "request"
      server:fault { status = 500, times = 3 }
      expect.success(client.scenarios:retrieve(ids[1], { max_retries = 5 }))
      expect.raises("boom 1", function() client:poll() end)
      local ok, err = pcall(client.close, client)
      assert.are.same({ false, "boom 2 (the first of 3 errors that nobody has seen)" }, { ok, err })
      expect.raises("client is closed", function() client.scenarios:retrieve(ids[1]) end)
    end)

    it("what on_error raises of it is raised by the next call", function()
      local raises = true
      client = server:client {
        on_event = function() if raises then error "of on_event" end end,
        on_error = function() error("of on_error", 0) end,
      }
      expect.success(client.scenarios:retrieve(ids[1]))
      raises = false
      for _ = 1, 2 do expect.raises("of on_error", function() client.scenarios:retrieve(ids[1]) end) end
      expect.success(client.scenarios:retrieve(ids[1]))
    end)
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

describe("on_poll that raises", function()
  local server, client
  setup(function() server = support.start { scenarios = 1, runs = 1 } end)
  teardown(function() server:stop() end)
  before_each(function() server:reset() end)
  after_each(function() client:close() end)

  it("leaves no run behind when that was asked for #slow", function()
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
