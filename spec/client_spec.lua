-- The client itself: options, environment, life, counters, events.
local runloop = require "runloop"
local portable = require "spec.support.portable"
local support = require "spec.support"
local finally = require("spec.support.tasks").finally
local expect = require "spec.support.expect"

local TOKEN = "sk-a-very-secret-token"

-- Runs Lua code in a new process whose environment has only these RUNLOOP_ variables; its output.
local function in_environment(variables, source)
  local env = {
    RUNLOOP_API_KEY = false, RUNLOOP_BASE_URL = false, RUNLOOP_CUSTOM_HEADERS = false,
    http_proxy = false, https_proxy = false, HTTPS_PROXY = false, all_proxy = false, ALL_PROXY = false,
    no_proxy = false, NO_PROXY = false,
  }
  for name, value in pairs(variables) do env[name] = value end
  local code, stdout, stderr = support.lua("local runloop = require 'runloop'\n" .. source, { env = env })
  assert.are.equal(0, code, stderr)
  return stdout
end

local it_closing = portable.closing and it or pending

describe("runloop.new", function()
  local function new(options)
    options.bearer_token = options.bearer_token or TOKEN
    return function() runloop.new(options) end
  end

  describe("takes the token", function()
    it("from RUNLOOP_API_KEY, without the white space around it", function()
      local server = support.start { scenarios = 1, token = "key-of-environment" }
      in_environment({ RUNLOOP_API_KEY = "  key-of-environment\n", RUNLOOP_BASE_URL = server.url }, [[
        assert(runloop.new():request { path = "/v1/accounts/me" })]])
      assert.are.equal("Bearer key-of-environment", server:last().header.authorization)
      server:stop()
    end)

    it("from the option first #slow", function()
      local server = support.start { scenarios = 1, token = "key-of-option" }
      in_environment({ RUNLOOP_API_KEY = "key-of-environment", RUNLOOP_BASE_URL = server.url }, [[
        assert(runloop.new { bearer_token = "key-of-option" }:request { path = "/v1/accounts/me" })]])
      assert.are.equal("Bearer key-of-option", server:last().header.authorization)
      server:stop()
    end)

    it("and raises without one, naming the option and the variable #slow", function()
      for _, variables in ipairs { {}, { RUNLOOP_API_KEY = "" }, { RUNLOOP_API_KEY = " \t\n" } } do
        local messages = in_environment(variables, [[
          for _, options in ipairs { false, {}, { bearer_token = "" }, { bearer_token = " \n" } } do
            local ok, message = pcall(runloop.new, options or nil)
            print(ok, message)
          end]])
        local count = 0
        for line in messages:gmatch("[^\n]+") do
          count = count + 1
          assert.matches("^false", line)
          assert.matches("bearer_token", line, 1, true)
          assert.matches("RUNLOOP_API_KEY", line, 1, true)
        end
        assert.are.equal(4, count)
      end
    end)

    it("and counts a blank option as missing, so that the variable is taken", function()
      local server = support.start { scenarios = 1, token = "key-of-environment" }
      in_environment({ RUNLOOP_API_KEY = "key-of-environment", RUNLOOP_BASE_URL = server.url }, [[
        assert(runloop.new { bearer_token = "  " }:request { path = "/v1/accounts/me" })]])
      assert.are.equal("Bearer key-of-environment", server:last().header.authorization)
      server:stop()
    end)

    it("and refuses one with a line break in it, without showing it", function()
      local message = expect.raises("token", new { bearer_token = "sk-secret\r\nX-Evil: 1" })
      assert.is_nil(message:find("sk-secret", 1, true))
    end)
  end)

  describe("takes the base URL", function()
    it("from the option, then RUNLOOP_BASE_URL, then the API's own #slow", function()
      local shown = "print(tostring(runloop.new { bearer_token = 'k', base_url = %s }))"
      local own = in_environment({}, shown:format("nil"))
      assert.matches("https://api.runloop.ai", own, 1, true)
      local blank = in_environment({ RUNLOOP_BASE_URL = "  " }, shown:format("nil"))
      assert.matches("https://api.runloop.ai", blank, 1, true)
      local variable = in_environment({ RUNLOOP_BASE_URL = " https://env.example/api\n" }, shown:format("nil"))
      assert.matches("https://env.example/api", variable, 1, true)
      local option = in_environment({ RUNLOOP_BASE_URL = "https://env.example" }, shown:format("'https://opt.example'"))
      assert.matches("https://opt.example", option, 1, true)
    end)

    it("only when it is one", function()
      for _, url in ipairs {
        "", " ", "api.runloop.ai", "//api.runloop.ai", "ftp://api.runloop.ai", "file:///etc/passwd", "https://",
        "https:///v1", "https://:443", "https://host:port", "https://host:0", "https://host:65536", "https://host:",
        "https://ho st", "https://host/a b", "https://host/a\nb", "https://host\r\n", "https://host/a\\b",
        "https://host?x=1", "https://host/#top", "https://user:password@host", "https://user@host",
        "https://[::1", "https://ho\0st", "https://host/\0", "https://host/../v2", "https://host/a/%2e%2E/b",
        "https://host/./", "http://127.0.0.1:8080/?", "https://host/%zz\127",
      } do
        local message = expect.raises("base_url", new { base_url = url })
        assert.is_nil(message:find("password", 1, true))
      end
      for _, url in ipairs {
        "https://host", "HTTPS://Host.Example", "https://host:8443", "https://host/", "https://host/pre/fix/",
        "https://10.0.0.1", "https://[2001:db8::1]:8443/x", "https://under_score.example",
      } do
        assert.has_no.errors(new { base_url = url })
      end
    end)

    it("and refuses plain http to any host but loopback", function()
      for _, url in ipairs {
        "http://api.runloop.ai", "http://10.0.0.1", "http://0.0.0.0", "http://[::]", "http://[2001:db8::1]:80",
        "http://127.0.0.1.example.com", "http://localhost.example.com", "http://localhosts", "http://128.0.0.1",
        "HTTP://api.runloop.ai", "http://127.1.example", "http://a127.0.0.1",
      } do
        local message = expect.raises("base_url", new { base_url = url })
        assert.matches("insecure_http", message, 1, true)
        assert.has_no.errors(new { base_url = url, insecure_http = true })
      end
      for _, url in ipairs {
        "http://127.0.0.1", "http://127.0.0.1:8080/x", "http://127.200.3.4", "http://localhost:1", "http://LOCALHOST",
        "http://[::1]:8080",
      } do
        assert.has_no.errors(new { base_url = url })
      end
    end)

    it("from the environment under the same rules", function()
      local message = in_environment({ RUNLOOP_API_KEY = "k", RUNLOOP_BASE_URL = "http://api.example" },
        "print(select(2, pcall(runloop.new)))")
      assert.matches("plain http", message, 1, true)
    end)
  end)

  it("names an unknown option, and the nearest known one", function()
    for given, meant in pairs {
      bearertoken = "bearer_token", baseUrl = "base_url", max_retry = "max_retries", time_out = "timeout",
      ["max-connections"] = "max_connections", on_events = "on_event", cafile = "ca_file", Proxy = "proxy",
      http_versoin = "http_version", non_blocking = "nonblocking", header = "headers", token = "bearer_token",
      api_key = "bearer_token", url = "base_url", connections = "max_connections", insecure = "insecure_http",
      max_body = "max_body_bytes", default_headers = "headers", http2 = "http_version",
    } do
      local message = expect.raises("unknown option '" .. given .. "'", new { [given] = 1 })
      assert.matches("did you mean '" .. meant .. "'", message, 1, true)
    end
    local message = expect.raises("unknown option 'colour'", new { colour = "red" })
    assert.is_nil(message:find("did you mean", 1, true))
  end)

  it("has no option that switches verification of the certificate off", function()
    for _, name in ipairs { "insecure", "verify", "verify_peer", "ssl_verify", "verify_ssl", "insecure_https" } do
      expect.raises("unknown option '" .. name .. "'", new { [name] = false })
    end
  end)

  it("refuses values of a wrong type or out of range, naming the option", function()
    local NAN = 0 / 0
    local wrong = {
      bearer_token = { 1, true, {} }, base_url = { 1, {}, false }, timeout = { "30", 0, -1, NAN, math.huge, true },
      deadline = { "1", 0, -0.5, NAN }, connect_timeout = { "5", 0, -1, NAN },
      max_retries = { "5", -1, 1.5, NAN }, max_retry_wait = { "60", -1, NAN, math.huge },
      headers = { "x", 1, true }, max_connections = { "20", 0, -1, 1.5, NAN }, max_streams = { "512", 0, 10001 },
      http_version = { "3", "1.0", "", 2, 1.1 }, max_body_bytes = { "1", 0, -1, 0.5 }, ca_file = { 1, true },
      proxy = { 1, true }, insecure_http = { 1, "yes" }, nonblocking = { 1, "true" }, on_event = { 1, "print", {} },
      on_error = { 1, "print", {} },
    }
    for name, values in pairs(wrong) do
      for _, value in ipairs(values) do
        local message = expect.raises("option '" .. name .. "'", function()
          local options = { bearer_token = TOKEN }
          options[name] = value
          runloop.new(options)
        end)
        assert.is_nil(message:find(TOKEN, 1, true))
      end
    end
    for name, value in pairs { ca_file = "/etc/ca\0.pem", proxy = "http://user:password@host\0" } do
      local message = expect.raises("option '" .. name .. "' must not contain a zero byte", new { [name] = value })
      assert.matches("client_spec.lua:%d+:", message)
      assert.is_nil(message:find("password", 1, true))
    end
    for _, options in ipairs { 1, "key", true } do
      expect.raises("runloop.new", function() runloop.new(options) end)
    end
  end)

  it("takes whole numbers written as floats, and zero where zero makes sense", function()
    assert.has_no.errors(new { max_retries = 0, max_retry_wait = 0, max_connections = 3.0, timeout = 0.001 })
  end)

  it("refuses headers that would break the request, naming them", function()
    for _, value in ipairs { "a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b" } do
      expect.raises("'X-Note'", new { headers = { ["X-Note"] = value } })
    end
    for _, name in ipairs { "", "X Note", "X-Note:", "X\r\nEvil", "Xé", "X\0" } do
      expect.raises("header", new { headers = { [name] = "1" } })
    end
    expect.raises("'X-Note'", new { headers = { ["X-Note"] = true } })
    expect.raises("'X-Note'", new { headers = { ["X-Note"] = {} } })
    expect.raises("header", new { headers = { "X-Note: 1" } })
    expect.raises("twice", new { headers = { ["X-Note"] = "1", ["x-note"] = "2" } })
  end)

  it("neither keeps nor changes the caller's table", function()
    local options = { bearer_token = " " .. TOKEN .. " ", base_url = "https://host/", headers = { A = 1 } }
    local client = runloop.new(options)
    assert.are.same({ bearer_token = " " .. TOKEN .. " ", base_url = "https://host/", headers = { A = 1 } }, options)
    options.base_url = "https://other"
    assert.matches("https://host", tostring(client), 1, true)
    assert.has_no.errors(function() runloop.new(options) end)
  end)

  it("blames the line that called it", function()
    for _, options in ipairs {
      { colour = 1 }, { timeout = -1 }, { base_url = "nonsense" }, { bearer_token = "a\nb" },
      { headers = { ["a b"] = "1" } },
    } do
      options.bearer_token = options.bearer_token or TOKEN
      local message = expect.raises("runloop.new", function()
        runloop.new(options)
      end)
      local line = debug.getinfo(1, "l").currentline - 2
      assert.matches("client_spec.lua:" .. line .. ":", message, 1, true)
    end
  end)
end)

describe("RUNLOOP_CUSTOM_HEADERS", function()
  local server
  setup(function() server = support.start { scenarios = 1 } end)
  teardown(function() server:stop() end)
  before_each(function() server:reset() end)

  local function sent(lines, options)
    in_environment({ RUNLOOP_API_KEY = "test-token", RUNLOOP_BASE_URL = server.url, RUNLOOP_CUSTOM_HEADERS = lines },
      ("assert(runloop.new(%s):request { path = '/v1/accounts/me' })"):format(options or ""))
    return server:last().header
  end

  it("adds a header for each line, trimmed, and passes over lines without a colon", function()
    local header = sent("X-One: 1\n  X-Two :  two: and a half \r\n\nno colon here\nX-Three:3")
    assert.are.equal("1", header["x-one"])
    assert.are.equal("two: and a half", header["x-two"])
    assert.are.equal("3", header["x-three"])
  end)

  it("gives way to the option 'headers', whatever the case of the name", function()
    local header = sent("X-One: env\nX-Two: env\nX-Three: env",
      "{ headers = { ['x-one'] = 'own', ['X-TWO'] = false } }")
    assert.are.equal("own", header["x-one"])
    assert.is_nil(header["x-two"])
    assert.are.equal("env", header["x-three"])
  end)

  it("wins over the module's own headers", function()
    assert.are.equal("curious/1", sent("user-agent: curious/1")["user-agent"])
  end)

  it("takes the last of lines with the same name", function()
    assert.are.equal("2", sent("X-One: 1\nx-one: 2")["x-one"])
  end)

  it("raises on a line that cannot be a header, naming the variable", function()
    local message = in_environment({ RUNLOOP_API_KEY = "k", RUNLOOP_CUSTOM_HEADERS = "X One: 1" },
      "print(select(2, pcall(runloop.new)))")
    assert.matches("RUNLOOP_CUSTOM_HEADERS", message, 1, true)
  end)
end)

describe("A client", function()
  local server
  setup(function() server = support.start { scenarios = 30 } end)
  teardown(function() server:stop() end)
  before_each(function() server:reset() end)

  describe("tells nobody its token:", function()
    it("not in tostring, nor in the tables that it shows", function()
      local client = runloop.new { bearer_token = TOKEN, base_url = server.url }
      assert.matches(server.url, tostring(client), 1, true)
      assert.is_nil(tostring(client):find(TOKEN, 1, true))
      local seen = {}
      local function search(value)
        if type(value) == "string" then
          assert.is_nil(value:find(TOKEN, 1, true))
        elseif type(value) == "table" and not seen[value] then
          seen[value] = true
          assert.is_nil(tostring(value):find(TOKEN, 1, true))
          for k, v in pairs(value) do
            search(k)
            search(v)
          end
        end
      end
      search(client)
    end)

    it("not in the errors of a server that repeats it", function()
      local client = server:client { max_retries = 0 }
      server:fault { echo_token = true, times = math.huge }
      local _, err = client.scenarios:archive("scn_1")
      assert.are.equal("api", err.kind)
      local function search(value)
        if type(value) == "table" then
          for k, v in pairs(value) do
            search(k)
            search(v)
          end
        else
          assert.is_nil(tostring(value):find(server.token, 1, true))
        end
      end
      search(err)
      assert.is_nil(tostring(err):find(server.token, 1, true))
    end)

    it("not in events, even when it stands in the URL", function()
      local events = {}
      local client = server:client { max_retries = 1, on_event = function(event) events[#events + 1] = event end }
      server:fault { status = 500, echo_token = true, times = 2 }
      client:request { path = "/v1/" .. server.token, query = { token = server.token } }
      assert.are.equal(5, #events)
      for _, event in ipairs(events) do
        for _, value in pairs(event) do assert.is_nil(tostring(value):find(server.token, 1, true)) end
        assert.is_nil(event.err and event.err.message:find(server.token, 1, true))
      end
    end)
  end)

  describe("reports on_event", function()
    local function recorder()
      local events = {}
      return events, function(event) events[#events + 1] = event end
    end

    it("a request and its response", function()
      local events, on_event = recorder()
      local client = server:client { on_event = on_event }
      local id = server:ids("scenario")[1]
      expect.success(client.scenarios:retrieve(id))
      assert.are.equal(2, #events)
      local url = server.url .. "/v1/scenarios/" .. id
      assert.are.same({ type = "request", method = "GET", url = url, attempt = 1 }, events[1])
      local response = events[2]
      assert.are.equal("response", response.type)
      assert.are.equal("GET", response.method)
      assert.are.equal(url, response.url)
      assert.are.equal(1, response.attempt)
      assert.are.equal(200, response.status)
      assert.is_true(response.elapsed >= 0 and response.elapsed < 10)
      assert.is_nil(response.err)
    end)

    it("each retry with its wait and its reason", function()
      local events, on_event = recorder()
      local client = server:client { on_event = on_event }
      server:fault { status = 503, json = { message = "busy" }, headers = { Connection = "close" } }
      server:fault { close = true }
      expect.success(client.scenarios:archive(server:ids("scenario")[1]))
      local types = {}
      for i, event in ipairs(events) do
        types[i] = event.type .. " " .. event.attempt
        assert.are.equal("POST", event.method)
      end
      assert.are.same({
        "request 1", "response 1", "retry 1", "request 2", "response 2", "retry 2", "request 3", "response 3",
      }, types)
      assert.are.equal(503, events[2].status)
      assert.are.equal("internal_server", events[2].err.code)
      assert.are.equal(503, events[3].status)
      assert.are.equal("busy", events[3].err.message)
      assert.is_true(events[3].wait > 0 and events[3].wait <= 0.01)
      assert.is_nil(events[5].status)
      assert.are.equal("connection", events[5].err.kind)
      assert.are.equal(200, events[8].status)
    end)

    it("the pages of a list too", function()
      local events, on_event = recorder()
      local client = server:client { on_event = on_event }
      expect.success(client.scenarios:list({ limit = 20 }):collect())
      assert.are.equal(4, #events)
      for _, event in ipairs(events) do
        assert.matches("^" .. server.url:gsub("%p", "%%%0") .. "/v1/scenarios%?", event.url)
      end
    end)
  end)

  describe("counts in stats", function()
    it("requests, retries, connections, bytes and what is in flight", function()
      local client = server:client()
      assert.are.same({ requests = 0, retries = 0, connections = 0, bytes_received = 0, in_flight = 0 }, client:stats())
      server:fault { status = 503 }
      for _ = 1, 2 do expect.success(client.scenarios:retrieve(server:ids("scenario")[1])) end
      local stats = client:stats()
      assert.are.equal(3, stats.requests)
      assert.are.equal(1, stats.retries)
      assert.are.equal(1, stats.connections)
      assert.are.equal(0, stats.in_flight)
      assert.is_true(stats.bytes_received >= 2 * #server:text("scenario", server:ids("scenario")[1]))
    end)

    it("a call of a task that has no answer yet as in flight", function()
      local client = server:client()
      server:fault { silent = true }
      client:spawn(function() return client.scenarios:retrieve("scn_1") end)
      client:poll()
      assert.are.equal(1, client:stats().in_flight)
      client:close()
    end)
  end)

  describe("warms up", function()
    it("the connection that the next call uses", function()
      local alone = support.start { scenarios = 1 } -- whose log has nobody else's late requests
      local client = alone:client()
      assert.is_true(expect.success(client:warm_up()))
      assert.are.equal(1, client:stats().connections)
      expect.success(client.scenarios:retrieve(alone:ids("scenario")[1]))
      assert.are.equal(1, client:stats().connections)
      local log = alone:log()
      assert.are.equal(2, #log)
      assert.are.equal(log[1].connection, log[2].connection)
      client:close()
      alone:stop()
    end)

    it("and says why it could not", function()
      local client = runloop.new {
        bearer_token = TOKEN, base_url = "http://127.0.0.1:" .. support.free_port(), max_retries = 0,
      }
      expect.failure("connection", "COULDNT_CONNECT", client:warm_up())
    end)

    it("over TLS with a certificate that it trusts #slow", function()
      local nginx = support.nginx { proxy = server.url }
      local client = nginx:client()
      assert.is_true(expect.success(client:warm_up()))
      local stranger = runloop.new { bearer_token = TOKEN, base_url = nginx.url, max_retries = 0 }
      expect.failure("tls", nil, stranger:warm_up())
      nginx:stop()
    end)
  end)

  describe("once closed", function()
    it("raises in every call, saying so", function()
      local client = server:client()
      local scenario = expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
      local pager = client.scenarios:list()
      local begun = client.scenarios:list { limit = 20 }
      expect.success(begun:next())
      client:close()
      local id = scenario.id
      for _, call in ipairs {
        function() client.scenarios:retrieve(id) end,
        function() client.scenarios:archive(id) end,
        function() client.scenarios:update(id, { name = "x" }) end,
        function() client.scenarios.runs:retrieve(id) end,
        function() client.scenarios.runs:download_logs(id) end,
        function() client.scenarios.runs:await_scored(id) end,
        function() client.scenarios.scorers:retrieve(id) end,
        function() client.devboxes:retrieve(id) end,
        function() client:request { path = "/v1/accounts/me" } end,
        function() client:warm_up() end,
        function() client:sleep(0) end,
        function() client:spawn(function() end) end,
        function() client:map({}, function() end) end,
        function() client:stats() end,
        function() client:fds() end,
        function() client:timeout() end,
        function() scenario:archive() end,
        function() scenario:refresh() end,
        function() pager:next() end,
        function() pager:collect() end,
        function() for _ in client.scenarios:list() do error "an item" end end,
        function() begun:next() end,
      } do
        local message = expect.raises("closed", call)
        assert.is_nil(message:find("an item", 1, true))
      end
      assert.are.equal(2, server:count())
    end)

    it("still polls and runs, with nothing to do", function()
      local client = server:client()
      client:close()
      assert.are.equal(0, client:poll())
      assert.are.equal(0, client:poll(1))
      assert.are.equal(0, client:run())
    end)

    it("may be closed again", function()
      local client = server:client()
      client:close()
      assert.has_no.errors(function() client:close() end)
      assert.is_string(tostring(client))
    end)

    it("has closed its connections", function()
      local alone = support.start { scenarios = 1 } -- nobody else's connections come and go
      local before = alone:stats().open
      local client = alone:client()
      expect.success(client:warm_up())
      assert.are.equal(before + 1, alone:stats().open)
      client:close()
      local looks = 0
      repeat looks = looks + 1 until alone:stats().open == before or looks == 1000
      assert.are.equal(before, alone:stats().open)
      alone:stop()
    end)

    it("has cancelled its tasks and what they waited for", function()
      local client = server:client()
      server:fault { silent = true }
      local closed = false
      local task = client:spawn(function()
        return finally(function() closed = true end, function()
          return client.scenarios:retrieve("scn_1")
        end)
      end)
      client:poll()
      client:close()
      assert.are.equal("cancelled", task.status)
      assert.is_true(closed)
      expect.failure("cancelled", "CANCELLED", task:wait())
    end)
  end)

  it_closing("is closed by a to-be-closed variable", function()
    local client = server:client()
    portable.with_closing(client, function()
      expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
    end)
    expect.raises("closed", function() client.scenarios:retrieve("scn_1") end)
  end)

  it("that is forgotten closes its connections when it is collected", function()
    support.gc() -- those of other specs
    server:drop()
    do
      local client = server:client()
      expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
      assert.are.equal(1, server:stats().open)
    end
    support.gc()
    local looks = 0
    repeat looks = looks + 1 until server:stats().open == 0 or looks == 1000
    assert.are.equal(0, server:stats().open)
  end)

  it("says how it is to be called when the colon is forgotten", function()
    local client = server:client()
    expect.raises("client:request", function() client.request { path = "/" } end)
    expect.raises("scenarios:retrieve", function() client.scenarios.retrieve("scn_1") end)
    expect.raises("scenarios.runs:list", function() client.scenarios.runs.list {} end)
    expect.raises("client:spawn", function() client.spawn(function() end) end)
    local list = client.scenarios:list()
    for _, name in ipairs { "next", "pages", "collect", "close" } do
      for _, wrong in ipairs { false, 10, "text", client } do
        local message = expect.raises("pager:" .. name .. ": call it with a colon", function() list[name](wrong) end)
        assert.matches("client_spec.lua:%d+:", message)
      end
    end
    expect.raises("pager:next: call it with a colon", function() list.next() end)
    assert.are.equal(0, server:count())
    local scenario = expect.success(list:next())
    for _, name in ipairs { "archive", "update", "runs", "start_run" } do
      local message = expect.raises("scenario:" .. name .. ": call it with a colon", function() scenario[name] {} end)
      assert.matches("client_spec.lua:%d+:", message)
    end
    assert.are.equal(1, server:count())
  end)

  it("says how it is to be made when there is a colon instead of a dot", function()
    local message = expect.raises("runloop.new: call it with a dot", function() runloop:new { bearer_token = "k" } end)
    assert.matches("client_spec.lua:%d+:", message)
    expect.raises("runloop.new: call it with a dot", function() runloop:new() end)
    expect.raises("runloop.scenario: call it with a dot", function() runloop:scenario("name") end)
  end)

  it("is one of several that do not disturb each other", function()
    local one = server:client { headers = { ["X-Client"] = "one" } }
    local two = server:client { headers = { ["X-Client"] = "two" } }
    local id = server:ids("scenario")[1]
    expect.success(one.scenarios:retrieve(id))
    expect.success(two.scenarios:retrieve(id))
    one:close()
    expect.success(two.scenarios:retrieve(id))
    local seen = {}
    for i, entry in ipairs(server:log()) do seen[i] = entry.header["x-client"] end
    assert.are.same({ "one", "two", "two" }, seen)
  end)

  describe("with nonblocking = true", function()
    it("raises where a call or a pager would block, and works in a task", function()
      local client = server:client { nonblocking = true }
      local id = server:ids("scenario")[1]
      expect.raises("nonblocking", function() client.scenarios:retrieve(id) end)
      expect.raises("nonblocking", function() client:request { path = "/v1/accounts/me" } end)
      expect.raises("nonblocking", function() client.scenarios:list():next() end)
      expect.raises("nonblocking", function() for _ in client.scenarios:list() do error "an item" end end)
      assert.are.equal(0, server:count())
      local task = client:spawn(function() return client.scenarios:retrieve(id) end)
      assert.are.equal(id, expect.success(task:wait()).id)
      assert.is_true(expect.success(client:warm_up()))
      assert.is_true(client:sleep(0))
    end)
  end)

  describe("with on_error", function()
    it("hands over what a task that nobody waits for has raised", function()
      local given
      local client = server:client { on_error = function(...) given = { ... } end }
      local task = client:spawn(function() error { reason = "mine" } end)
      client:run()
      assert.are.same({ reason = "mine" }, given[1])
      assert.are.equal(task, given[2])
    end)
  end)
end)

describe("The option #slow", function()
  local server
  setup(function() server = support.start { scenarios = 30, runs = 3 } end)
  teardown(function() server:stop() end)
  before_each(function() server:reset() end)

  local function elapsed(fn)
    local began = support.now()
    fn()
    return support.now() - began
  end

  describe("timeout", function()
    it("ends an attempt of a call that gets no answer", function()
      local client = server:client { timeout = 0.2, max_retries = 0 }
      server:fault { silent = true }
      local took = elapsed(function()
        local err = expect.failure("timeout", "OPERATION_TIMEDOUT", client.scenarios:retrieve("scn_1"))
        assert.is_nil(err.status)
      end)
      assert.is_true(took >= 0.19 and took < 5, took)
    end)

    it("counts for the whole answer of a call, not for its silences", function()
      local client = server:client { timeout = 0.3, max_retries = 0 }
      server:fault { trickle = { bytes = 1, every = 0.01 } }
      local took = elapsed(function()
        expect.failure("timeout", "OPERATION_TIMEDOUT", client.scenarios:retrieve(server:ids("scenario")[1]))
      end)
      assert.is_true(took < 5, took)
    end)

    it("counts for the silences of a page, not for the whole of it", function()
      local client = server:client { timeout = 1, max_retries = 0 }
      local ids = server:ids "scenario"
      local size = #server:text("scenario", ids[29]) + #server:text("scenario", ids[30])
      server:fault { trickle = { bytes = math.floor(size / 5), every = 0.25 } }
      local took = elapsed(function()
        assert.are.equal(2, #expect.success(client.scenarios:list({ starting_after = ids[28] }):collect()))
      end)
      assert.is_true(took > 1, took)
    end)

    it("counts for the silences of a download", function()
      local client = server:client { timeout = 1, max_retries = 0 }
      local run = server:ids("run")[1]
      local zip = expect.success(client.scenarios.runs:download_logs(run))
      local path = support.tmpdir() .. "/logs.zip"
      server:fault { trickle = { bytes = math.floor(#zip / 5), every = 0.25 } }
      local took = elapsed(function()
        assert.are.equal(#zip, expect.success(client.scenarios.runs:download_logs(run, path)))
      end)
      assert.is_true(took > 1, took)
    end)

    it("ends a page and a download that fall silent", function()
      local client = server:client { timeout = 0.2, max_retries = 0 }
      server:fault({ cut = 5, by = "stall" }, { cut = 5, by = "stall" })
      local path = support.tmpdir() .. "/logs.zip"
      local took = elapsed(function()
        expect.failure("timeout", "OPERATION_TIMEDOUT", client.scenarios:list():next())
        expect.failure("timeout", "OPERATION_TIMEDOUT", client.scenarios.runs:download_logs(server:ids("run")[1], path))
      end)
      assert.is_true(took < 5, took)
    end)

    it("of a call wins over the client's", function()
      local client = server:client { timeout = 60, max_retries = 0 }
      server:fault { silent = true, times = 2 }
      expect.failure("timeout", "OPERATION_TIMEDOUT", client.scenarios:retrieve("scn_1", { timeout = 0.1 }))
      expect.failure("timeout", "OPERATION_TIMEDOUT", client:request({ path = "/v1/x" }, { timeout = 0.1 }))
    end)

    it("begins anew with each attempt", function()
      local client = server:client { timeout = 0.3, max_retries = 3 }
      server:fault { silent = true, times = 2 }
      local _, response = expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
      assert.are.equal(3, response.attempts)
    end)

    it("does not count the host's absence, and reads what lies in the socket first", function()
      local client = server:client { timeout = 0.6, max_retries = 0 }
      local id = server:ids("scenario")[1]
      expect.success(client:warm_up())
      server:fault { path = "^/v1/scenarios/", delay = 0.1 }
      local task = client:spawn(function() return client.scenarios:retrieve(id) end)
      repeat client:poll() until server:count { path = "^/v1/scenarios/" } == 1
      support.sleep(1)
      assert.are.equal(id, expect.success(task:wait()).id)
    end)
  end)

  describe("deadline", function()
    it("ends a call, retries and all", function()
      local client = server:client { timeout = 60, deadline = 0.5, max_retries = 100 }
      server:fault({ status = 503 }, { silent = true, times = math.huge })
      local took = elapsed(function()
        local err = expect.failure("timeout", "DEADLINE", client.scenarios:retrieve("scn_1"))
        assert.are.equal(2, err.attempts)
      end)
      assert.is_true(took < 5, took)
    end)

    it("that a retry's wait would overrun brings the last error at once", function()
      local client = server:client { deadline = 0.7, max_retry_wait = 60 }
      server:fault { status = 500, json = { message = "out of order" }, times = math.huge }
      local took = elapsed(function()
        local err = expect.failure("api", "internal_server", client.scenarios:retrieve("scn_1"))
        assert.are.equal("out of order", err.message)
        assert.are.equal(1, err.attempts)
      end)
      assert.is_true(took < 0.7, took)
      assert.are.equal(1, server:count())
    end)

    it("of a call wins over the client's", function()
      local client = server:client { deadline = 60 }
      server:fault { silent = true }
      expect.failure("timeout", "DEADLINE", client.scenarios:retrieve("scn_1", { deadline = 0.1 }))
    end)
  end)

  describe("connect_timeout", function()
    it("ends an attempt whose connection does not come about", function()
      local raw = support.raw { { { hold = true } } }
      local client = runloop.new {
        bearer_token = TOKEN, base_url = raw.url:gsub("^http:", "https:"), connect_timeout = 0.2, max_retries = 0,
      }
      local took = elapsed(function()
        local err = expect.failure("timeout", "OPERATION_TIMEDOUT", client.scenarios:archive("scn_1"))
        assert.is_nil(err.maybe_sent)
      end)
      assert.is_true(took < 5, took)
      raw:stop()
    end)

    it("is not about connections that are there", function()
      local client = server:client { connect_timeout = 0.4, max_retries = 0 }
      server:fault { delay = 0.7 }
      expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
    end)
  end)

  describe("max_retries", function()
    it("is 5 unless given", function()
      local client = runloop.new { bearer_token = server.token, base_url = server.url }
      server:fault { status = 500, headers = { ["Retry-After"] = "0" }, times = math.huge }
      local err = expect.failure("api", "internal_server", client.scenarios:retrieve("scn_1"))
      assert.are.equal(6, err.attempts)
      assert.are.equal(6, server:count())
      assert.are.equal(5, client:stats().retries)
    end)

    it("may be 0, and a call's own wins", function()
      local client = server:client { max_retries = 0 }
      server:fault { status = 500, times = math.huge }
      assert.are.equal(1, expect.failure("api", nil, client.scenarios:retrieve("scn_1")).attempts)
      assert.are.equal(3, expect.failure("api", nil, client.scenarios:retrieve("scn_1", { max_retries = 2 })).attempts)
      assert.are.equal(4, server:count())
    end)
  end)

  describe("headers", function()
    it("adds to every request, replaces defaults and removes them", function()
      local client = server:client {
        headers = { ["X-Team"] = "core", ["user-agent"] = "nightly/3", ACCEPT = false, ["X-Number"] = 7 },
      }
      expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
      expect.success(client.scenarios:archive(server:ids("scenario")[1]))
      for _, entry in ipairs(server:log()) do
        assert.are.equal("core", entry.header["x-team"])
        assert.are.equal("7", entry.header["x-number"])
        assert.are.equal("nightly/3", entry.header["user-agent"])
        assert.is_nil(entry.header.accept)
      end
    end)
  end)

  describe("max_connections", function()
    local function archive_all(client, count)
      local tasks = {}
      for i, id in ipairs(server:ids "scenario") do
        if i > count then break end
        tasks[i] = client:spawn(function() return client.scenarios:archive(id) end)
      end
      client:run()
      for _, task in ipairs(tasks) do expect.success(task:wait()) end
    end

    it("is 20 unless given", function()
      local client = server:client()
      server:set { delay = 0.6 }
      archive_all(client, 30)
      assert.are.equal(20, server:stats().max_in_flight)
      assert.are.equal(20, client:stats().connections)
    end)

    it("makes further calls wait in the module, not counted against timeout", function()
      local client = server:client { max_connections = 2, timeout = 1.5, max_retries = 0 }
      server:set { delay = 0.3 }
      archive_all(client, 12)
      assert.are.equal(2, server:stats().max_in_flight)
      assert.are.equal(2, client:stats().connections)
    end)

    it("counts waiting calls against their deadline", function()
      local client = server:client { max_connections = 1 }
      server:fault { silent = true }
      local first = client:spawn(function() return client.scenarios:retrieve("scn_1") end)
      local second = client:spawn(function() return client.scenarios:retrieve("scn_2", { deadline = 0.1 }) end)
      local err = expect.failure("timeout", "DEADLINE", second:wait())
      assert.is_nil(err.maybe_sent)
      assert.are.equal("running", first.status)
      client:close()
      assert.are.equal(1, server:count())
    end)

    it("does not count pages that a slow loop holds back", function()
      local item = ('{"id":"scn_%s","text":"%s"},'):format("x", ("y"):rep(4000))
      local raw = support.raw {
        {
          { read = "request" },
          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" .. '{"scenarios":[{"id":"scn_first"},',
          { send = item, times = math.huge },
        },
        { { serve = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
          .. '{"id":"scn_one"}' } },
      }
      local client = raw:client { max_connections = 1, timeout = 5, max_retries = 0 }
      local pager = client.scenarios:list()
      assert.are.equal("scn_first", expect.success(pager:next()).id)
      assert.are.equal("scn_one", expect.success(client.scenarios:archive("scn_one")).id)
      assert.are.equal(2, raw:connections())
      pager:close()
      client:close()
      raw:stop()
    end)
  end)

  describe("max_body_bytes", function()
    it("caps the body of a call", function()
      local client = server:client { max_body_bytes = 1000 }
      server:fault { status = 200, body = ("x"):rep(1001), headers = { ["Content-Type"] = "text/plain" } }
      local err = expect.failure("limit", "BODY_TOO_LARGE", client:request { path = "/v1/x" })
      assert.is_false(err.retryable)
      server:fault { status = 200, body = ("x"):rep(1000), headers = { ["Content-Type"] = "text/plain" } }
      assert.are.equal(("x"):rep(1000), expect.success(client:request { path = "/v1/x" }))
      assert.are.equal(2, server:count())
    end)

    it("counts after decompression, and is 64 MiB unless given", function()
      local client = server:client()
      server:fault { gzip = "bomb", size = 65 * 1024 * 1024 }
      expect.failure("limit", "BODY_TOO_LARGE", client.scenarios:retrieve(server:ids("scenario")[1]))
      assert.are.equal(1, server:count())
    end)

    it("caps an answer that never ends", function()
      local client = server:client { max_body_bytes = 100000 }
      server:fault { endless_body = true }
      expect.failure("limit", "BODY_TOO_LARGE", client.scenarios:retrieve("scn_1"))
    end)

    it("caps the body of an error", function()
      local client = server:client { max_body_bytes = 1000, max_retries = 0 }
      server:fault { status = 500, body = ("x"):rep(5000) }
      expect.failure("limit", "BODY_TOO_LARGE", client.scenarios:retrieve("scn_1"))
    end)

    it("caps a download into memory, and none to a file", function()
      local client = server:client { max_body_bytes = 100 }
      local run, path = server:ids("run")[1], support.tmpdir() .. "/logs.zip"
      expect.failure("limit", "BODY_TOO_LARGE", client.scenarios.runs:download_logs(run))
      assert.is_true(expect.success(client.scenarios.runs:download_logs(run, path)) > 100)
    end)

    it("counts a page item by item", function()
      local sizes, largest = 0, 0
      for _, id in ipairs(server:ids "scenario") do
        sizes, largest = sizes + #server:text("scenario", id), math.max(largest, #server:text("scenario", id))
      end
      assert.is_true(sizes > largest + 2000)
      local client = server:client { max_body_bytes = largest + 1000 }
      assert.are.equal(30, #expect.success(client.scenarios:list({ limit = 100 }):collect()))
      client = server:client { max_body_bytes = largest - 1000 }
      expect.failure("limit", "BODY_TOO_LARGE", client.scenarios:list({ limit = 100 }):collect())
    end)
  end)

  describe("proxy", function()
    local ANSWER = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"id":"scn_1"}'
    local CALL = [[
      local client = runloop.new { base_url = %q, insecure_http = true, proxy = %s, max_retries = 0 }
      assert(client.scenarios:retrieve("scn_1"))]]

    it("takes the requests", function()
      local proxy = support.raw { { { serve = ANSWER } } }
      in_environment({ RUNLOOP_API_KEY = "k" }, CALL:format("http://far.example:81/x", ("%q"):format(proxy.url)))
      assert.matches("^GET http://far%.example:81/x/v1/scenarios/scn_1 HTTP/1%.1\r\n", proxy:log()[1].requests[1])
      proxy:stop()
    end)

    it("may come from curl's environment variables", function()
      local proxy = support.raw { { { serve = ANSWER } } }
      in_environment({ RUNLOOP_API_KEY = "k", http_proxy = proxy.url }, CALL:format("http://far.example", "nil"))
      assert.matches("^GET http://far%.example/v1/scenarios/scn_1 HTTP/1%.1\r\n", proxy:log()[1].requests[1])
      in_environment({ RUNLOOP_API_KEY = "k", http_proxy = "http://127.0.0.1:1" },
        CALL:format("http://far.example", ("%q"):format(proxy.url)))
      assert.are.equal(2, proxy:request_count())
      proxy:stop()
    end)

    it("takes all requests when it was asked for, whatever the environment excepts from its own", function()
      local proxy = support.raw { { { serve = ANSWER } } }
      for i, name in ipairs { "no_proxy", "NO_PROXY" } do
        local env = { RUNLOOP_API_KEY = "k", [name] = "*" }
        in_environment(env, CALL:format("http://far.example:81/x", ("%q"):format(proxy.url)))
        assert.are.equal(i, proxy:request_count())
      end
      proxy:stop()
    end)

    it("never sees the token of an https request", function()
      local proxy = support.raw { "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" }
      local client = runloop.new {
        bearer_token = TOKEN, base_url = "https://far.example", proxy = proxy.url, max_retries = 0,
      }
      expect.failure("connection", nil, client.scenarios:retrieve("scn_1"))
      local received = proxy:log()[1].received
      assert.matches("^CONNECT far%.example:443 HTTP/1%.1\r\n", received)
      assert.is_nil(received:find(TOKEN, 1, true))
      assert.is_nil(received:lower():find("authorization", 1, true))
      proxy:stop()
    end)
  end)

  describe("ca_file and http_version:", function()
    local nginx
    setup(function() nginx = support.nginx { proxy = server.url } end)
    teardown(function() nginx:stop() end)

    local function call(options)
      options.base_url, options.bearer_token, options.max_retries = nginx.url, server.token, 0
      return runloop.new(options).scenarios:archive(server:ids("scenario")[1])
    end

    it("a certificate that nobody vouches for is refused, and the token stays here", function()
      local err = expect.failure("tls", nil, call {})
      assert.is_nil(err.maybe_sent)
      assert.are.equal(0, server:count())
    end)

    it("ca_file names who is trusted", function()
      expect.success(call { ca_file = nginx.ca_file })
    end)

    it("a ca_file that is not there, or holds no certificate, is an error of the call", function()
      expect.failure("tls", nil, call { ca_file = "/does/not/exist.pem" })
      local empty = support.tmpdir() .. "/empty.pem"
      support.write_file(empty, "nothing\n")
      expect.failure("tls", nil, call { ca_file = empty })
    end)

    it("HTTP/2 is spoken by default where the server can, HTTP/1.1 on demand", function()
      for given, spoken in pairs { ["2"] = "2", ["1.1"] = "1.1", default = "2" } do
        local _, response = expect.success(call {
          ca_file = nginx.ca_file, http_version = given ~= "default" and given or nil,
        })
        assert.are.equal(spoken, response.http_version)
      end
    end)

    it("HTTP/1.1 is spoken with a server that knows no other", function()
      local old = support.nginx { proxy = server.url, http2 = false }
      local client = old:client { http_version = "2" }
      local _, response = expect.success(client.scenarios:archive(server:ids("scenario")[1]))
      assert.are.equal("1.1", response.http_version)
      old:stop()
    end)

    it("over plain http no HTTP/2 is tried", function()
      local client = server:client { http_version = "2" }
      local _, response = expect.success(client.scenarios:archive(server:ids("scenario")[1]))
      assert.are.equal("1.1", response.http_version)
      assert.is_nil(server:last().header.upgrade)
    end)

    it("over HTTP/2 many calls at once share a connection", function()
      local client = nginx:client()
      expect.success(client:warm_up())
      local before = client:stats().connections
      for _, id in ipairs(server:ids "scenario") do
        client:spawn(function() expect.success(client.scenarios:archive(id)) end)
      end
      client:run()
      assert.are.equal(before, client:stats().connections)
      assert.are.equal(0, #server:ids "scenario")
    end)
  end)
end)
