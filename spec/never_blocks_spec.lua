-- A host that must never stall: poll(0), cancel, close and lua_close return at once, whatever the outside world does.
local compile = require "spec.support.compile"
local support = require "spec.support"
local expect = require "spec.support.expect"
local tasks = require "spec.support.tasks"

local poll_until, at_once = tasks.poll_until, tasks.at_once

local NO_PROXY = { http_proxy = false, https_proxy = false, HTTPS_PROXY = false, all_proxy = false, ALL_PROXY = false }

-- Some 8 KB of JSON, with text as scenarios have it.
local ITEM = ([[{"id":"scn_1","name":"n","input_context":{"problem_statement":"%s"},"metadata":{}},]]):format(
  ([[def f(x):\n\treturn \"%s\"\n]]):rep(270))

describe("never blocking: #slow", function()
  local server, client, ids, idle

  lazy_setup(function()
    server = support.start { scenarios = 100 }
    idle = server:stats().open
  end)
  lazy_teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    ids = server:ids("scenario")
  end)
  after_each(function()
    if client then client:close() end
    client = nil
    -- What was sent and is not read yet would meet a server without faults, and archive a scenario.
    tasks.look_until(function() return server:stats().open <= idle end, "the ends of all connections")
  end)

  -- Polls for a while; each poll must return at once, and the task must still be running in the end.
  local function poll_for(seconds, task)
    local stop = support.now() + seconds
    repeat
      assert.is_true(at_once(client.poll, client) > 0)
      support.sleep(0.005)
    until support.now() > stop
    assert.are.equal("running", task.status)
  end

  -- What blocks outside a task only makes a task wait; cancelling it and closing the client return at once.
  local function stands_still(what, make)
    describe(what, function()
      it("holds up neither poll nor cancel", function()
        local call
        client, call = make()
        local task = client:spawn(call)
        poll_for(0.3, task)
        at_once(task.cancel, task)
        assert.are.equal("cancelled", task.status)
        support.gc() -- a pager that nobody holds
        assert.are.equal(0, client:stats().in_flight)
        assert.are.equal(0, client:poll())
      end)

      it("does not hold up close", function()
        local call
        client, call = make()
        local task = client:spawn(call)
        poll_for(0.1, task)
        at_once(client.close, client)
        assert.are.equal("cancelled", task.status)
      end)

      it("does not hold up the collector", function()
        local own, call = make()
        local task = own:spawn(call)
        own:poll(0.05)
        assert.are.equal("running", task.status)
        local dropped = setmetatable({ own }, { __mode = "v" })
        own, call, task = nil, nil, nil
        at_once(support.gc)
        assert.is_nil(dropped[1])
        assert.is_nil(own or call or task)
      end)
    end)
  end

  describe("a server that", function()
    local raw
    after_each(function() raw:stop() end)

    stands_still("accepts and never answers", function()
      raw = support.raw { { { hold = true } } }
      local own = raw:client { nonblocking = true }
      return own, function() return own.scenarios:archive(ids[1]) end
    end)

    stands_still("never answers the request for a page", function()
      raw = support.raw { { { hold = true } } }
      local own = raw:client { nonblocking = true }
      return own, function() return own.scenarios:list():collect() end
    end)

    stands_still("stops in the middle of a page", function()
      raw = support.raw {
        { { read = "request" }, 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"scenarios":[{"id":"a"},', { hold = true } },
      }
      local own = raw:client { nonblocking = true }
      return own, function() return own.scenarios:list():collect() end
    end)

    stands_still("takes nothing of a large request", function()
      raw = support.raw { { { hold = true } } }
      local own = raw:client { nonblocking = true }
      local body = { text = ("x"):rep(16 * 1024 * 1024) }
      return own, function() return own:request { method = "POST", path = "/v1/large", body = body } end
    end)

    stands_still("never ends the TLS handshake", function()
      raw = support.raw { { { hold = true } } }
      local own = support.client("https://127.0.0.1:" .. raw.port, { nonblocking = true, connect_timeout = 30 })
      return own, function() return own.scenarios:archive(ids[1]) end
    end)
  end)

  describe("a page of 40 MB that streams in", function()
    local COUNT = 5000
    local raw, items

    before_each(function()
      items = 0
      raw = support.raw {
        {
          { read = "request" }, 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"scenarios":[',
          { send = ITEM, times = COUNT }, '{"id":"scn_last"}],"has_more":false}',
        },
      }
      client = raw:client { nonblocking = true, timeout = 60 }
    end)
    after_each(function() raw:stop() end)

    local function list()
      return client:spawn(function()
        for _ in client.scenarios:list { limit = 5000 } do items = items + 1 end
      end)
    end

    it("is read and decoded in many small pieces", function()
      collectgarbage "stop" -- one that never rests would take a minute
      return tasks.finally(function() collectgarbage "restart" end, function()
        local task = list()
        local most, useful = 0, 0
        while task.status == "running" do
          local before = items
          at_once(client.poll, client)
          if items > before then useful = useful + 1 end
          most = math.max(most, items - before)
        end
        assert.are.equal(COUNT + 1, items)
        assert.is_true(#ITEM > 6000)
        assert.is_true(most < COUNT / 5, most)
        assert.is_true(useful > 10, useful)
      end)
    end)

    it("is cancelled at once", function()
      local task = list()
      poll_until(client, function() return items > 100 end)
      at_once(task.cancel, task)
      assert.are.equal(0, client:stats().in_flight)
      assert.is_true(items < COUNT)
    end)

    it("is closed at once", function()
      local task = list()
      poll_until(client, function() return items > 100 end)
      at_once(client.close, client)
      assert.are.equal("cancelled", task.status)
    end)

    it("does not pile up when the task does not take it", function()
      local own = client
      own:spawn(function()
        local pager = own.scenarios:list { limit = 5000 }
        assert(pager:next())
        own:sleep(60)
        assert(pager:next())
      end)
      poll_until(own, function() return own:stats().in_flight == 1 end)
      local before = support.rss()
      for _ = 1, 500 do at_once(own.poll, own) end
      assert.is_true(support.rss() - before < 15e6)
      assert.are.equal(1, own:stats().in_flight)
    end)
  end)

  describe("a resolver that takes eight seconds", function()
    -- Runs a host in a new process with that resolver; it must end long before the resolver does.
    local function host(source, values)
      local env = {
        SLOWDNS_SECONDS = values and values.seconds or "8",
        LD_PRELOAD = (os.getenv "LD_PRELOAD" or "") .. " " .. compile.library(support.root, "slowdns"),
      }
      for name, value in pairs(NO_PROXY) do env[name] = value end
      local began = support.now()
      local code, out, err = support.lua([[
        local runloop = require "runloop"
        local socket = require "socket"
        local worst = 0
        function timed(fn, ...)
          local began = socket.gettime()
          fn(...)
          worst = math.max(worst, socket.gettime() - began)
        end
        function new()
          local client = runloop.new {
            bearer_token = "t", base_url = "http://nowhere.invalid", insecure_http = true, max_retries = 0,
            connect_timeout = 60,
          }
          local task = client:spawn(function() return client.scenarios:retrieve("scn_1") end)
          local stop = socket.gettime() + 0.3
          repeat timed(client.poll, client) until socket.gettime() > stop
          assert(task.status == "running", task.status)
          return client, task
        end
        ]] .. source .. [[
        assert(worst < 1, worst)]], { env = env, timeout = 60 })
      assert.are.equal("", err)
      assert.are.equal("", out)
      assert.are.equal(0, code)
      return support.now() - began
    end

    it("holds up neither poll nor cancel", function()
      assert.is_true(5 > host [[
        local client, task = new()
        timed(task.cancel, task)
        assert(task.status == "cancelled")
        assert(client:stats().in_flight == 0)
        timed(client.poll, client)
      ]])
    end)

    it("holds up neither close nor the collector", function()
      assert.is_true(5 > host [[
        local client, task = new()
        timed(client.close, client)
        assert(task.status == "cancelled")
        client, task = nil, nil
        new()
        timed(collectgarbage)
        timed(collectgarbage)
      ]])
    end)

    it("does not hold up the end of the Lua state", function()
      assert.is_true(5 > host [[
        client, task = new()
        io.stdout:setvbuf "no"
      ]])
      assert.is_true(5 > host [[
        client, task = new()
        os.exit(0, true)
      ]])
    end)

    it("may come back when its Lua state is long gone", function()
      host(([==[
        local guests = package.loadlib(%q, "luaopen_guests")()
        guests(3, [[
          local client = require("runloop").new {
            bearer_token = "t", base_url = "http://nowhere.invalid", insecure_http = true, max_retries = 0,
          }
          local task = client:spawn(function() return client.scenarios:retrieve("scn_1") end)
          client:poll(0.1)
          assert(task.status == "running")
        ]])
        -- Their states are closed now, while their resolvers are out for another while.
        socket.sleep(1.5)
      ]==]):format(compile.library(support.root, "guests")), { seconds = "1" })
    end)
  end)

  it("the end of the Lua state with everything in flight", function()
    local raw = support.raw { { { hold = true } } }
    local directory = support.tmpdir()
    server:fault { path = "/archive$", silent = true, times = math.huge }
    local source = ([[
      local runloop = require "runloop"
      local url, stalled, id, run, path = %q, %q, %q, %q, %q
      local function new(base_url)
        return runloop.new { bearer_token = "test-token", base_url = base_url, max_connections = 5 }
      end
      client, tls = new(url), new(stalled)
      client:spawn(function() for _ in client.scenarios:list() do end end)
      client:spawn(function() return client.scenarios:retrieve(id) end)
      client:spawn(function() return client.scenarios.runs:download_logs(run, path) end)
      client:spawn(function() return client:sleep(60) end)
      client:spawn(function() while true do coroutine.yield() end end)
      client:spawn(function() client:map({ 1, 2, 3, 4, 5, 6 }, function() return client.scenarios:archive(id) end) end)
      tls:spawn(function() return tls.scenarios:list():collect() end)
      tls:spawn(function() return tls.scenarios:archive(id) end)
      repeat
        client:poll(0.01)
        tls:poll(0.01)
      until client:stats().retries == 1 and client:stats().requests == 6
      assert(client:poll() > 5 and tls:poll() == 2)
    ]]):format(server.url, "https://127.0.0.1:" .. raw.port, ids[1], server:ids("run")[1], directory .. "/logs.zip")
    for _, ending in ipairs { "", "os.exit(0, true)", "client:close() tls:close()" } do
      server:fault { path = "^/v1/scenarios$", cut_items = 2, by = "stall" }
      server:fault { path = "/download_logs$", cut = -10, by = "stall" }
      server:fault { path = ids[1] .. "$", status = 500 }
      local began = support.now()
      local code, out, err = support.lua(source .. ending, { env = NO_PROXY })
      assert.are.equal("", err)
      assert.are.equal("", out)
      assert.are.equal(0, code)
      assert.is_true(support.now() - began < 5)
    end
    raw:stop()
  end)

  it("a host that pauses for two seconds finds its answers though timeout = 1", function()
    client = server:client { timeout = 1, max_retries = 0 }
    local path = support.tmpdir() .. "/logs.zip"
    server:set { delay = 0.2 }
    local call = client:spawn(function() return client.scenarios:retrieve(ids[1]) end)
    local page = client:spawn(function() return client.scenarios:list({ limit = 100 }):collect() end)
    local download = client:spawn(function()
      return client.scenarios.runs:download_logs(server:ids("run")[1], path)
    end)
    poll_until(client, function() return client:stats().requests == 3 end)
    tasks.keep_busy(2)
    assert.are.equal(ids[1], expect.success(call:wait()).id)
    local items = expect.success(page:wait())
    for i, item in ipairs(items) do items[i] = item.id end
    assert.are.same(ids, items)
    local size = expect.success(download:wait())
    assert.are.equal(#support.read_file(path), size)
  end)

  -- Such a socket can be written to at any time, so who watched it for that would not wait at all.
  it("a socket is not watched for writing all the time while flow control stops what is to be sent over it", function()
    local peer = support.h2 { { { answer = 1 }, { hold = true } }, settings = { INITIAL_WINDOW_SIZE = 0 } }
    finally(function() peer:stop() end)
    client = peer:client { max_retries = 0 }
    expect.success(client:request { path = "/first" })
    for _ = 1, 5 do
      client:spawn(client.request, client, { method = "POST", path = "/x", body = { text = ("x"):rep(50000) } })
    end
    local function is_quiet()
      local fds = client:fds()
      return fds[1] ~= nil and fds[1].events == "r" and fds[2] == nil
    end
    for _ = 1, 100 do client:poll() end
    local polls = 0
    repeat
      client:poll()
      polls = polls + 1
    until is_quiet() or polls == 10000
    assert.is_true(polls < 10000)
  end)
end)
