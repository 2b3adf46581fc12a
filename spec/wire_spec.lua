-- What goes over the wire: requests as the server saw them, retries and waits, connections.
local runloop = require "runloop"
local portable = require "spec.support.portable"
local support = require "spec.support"
local stand_in = require "spec.support.stand_in"
local expect = require "spec.support.expect"

local UUID4 = "%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x"
local REQUEST_ID = "^runloop%-lua%-retry%-" .. UUID4 .. "$"
local VERSION = runloop._VERSION:match("[%d.]+$")

local function names_of(headers)
  local names = {}
  for i, header in ipairs(headers) do names[i] = header[1]:lower() end
  table.sort(names)
  return names
end

describe("On the wire", function()
  local server, client
  stand_in({ scenarios = 12, public = 2, runs = 8 }, function(started)
    server, client = started, started:client()
  end)

  local function answer(body, headers)
    headers = headers or {}
    headers["Content-Type"] = headers["Content-Type"] or "application/json"
    server:fault { status = 200, body = body or "{}", headers = headers, times = math.huge }
  end

  describe("every call", function()
    local scenario_body = {
      name = "n", input_context = { problem_statement = "p" }, scoring_contract = { scoring_function_parameters = {} },
    }
    local SCENARIO_TEXT = '{"input_context":{"problem_statement":"p"},"name":"n",'
      .. '"scoring_contract":{"scoring_function_parameters":[]}}'
    local SCORER_TEXT = '{"bash_script":"echo 1","type":"t"}'
    local CALLS = {
      { "GET", "/v1/scenarios", "", function() return client.scenarios:list():next() end },
      { "GET", "/v1/scenarios/list_public", "", function() return client.scenarios:list_public():next() end },
      { "GET", "/v1/scenarios/a", "", function() return client.scenarios:retrieve "a" end },
      { "POST", "/v1/scenarios", SCENARIO_TEXT, function() return client.scenarios:create(scenario_body) end },
      { "POST", "/v1/scenarios/a", '{"name":"n"}', function() return client.scenarios:update("a", { name = "n" }) end },
      { "POST", "/v1/scenarios/a/archive", "", function() return client.scenarios:archive "a" end },
      { "POST", "/v1/scenarios/a/unarchive", "", function() return client.scenarios:unarchive "a" end },
      { "POST", "/v1/scenarios/start_run", '{"scenario_id":"a"}', function()
        return client.scenarios:start_run { scenario_id = "a" }
      end },
      { "GET", "/v1/scenarios/runs", "", function() return client.scenarios.runs:list():next() end },
      { "GET", "/v1/scenarios/runs/r", "", function() return client.scenarios.runs:retrieve "r" end },
      { "POST", "/v1/scenarios/runs/r/cancel", "", function() return client.scenarios.runs:cancel "r" end },
      { "POST", "/v1/scenarios/runs/r/complete", "", function() return client.scenarios.runs:complete "r" end },
      { "POST", "/v1/scenarios/runs/r/score", "", function() return client.scenarios.runs:score "r" end },
      { "POST", "/v1/scenarios/runs/r/download_logs", "", function()
        return client.scenarios.runs:download_logs "r"
      end, accept = "application/zip" },
      { "GET", "/v1/scenarios/scorers", "", function() return client.scenarios.scorers:list():next() end },
      { "GET", "/v1/scenarios/scorers/s", "", function() return client.scenarios.scorers:retrieve "s" end },
      { "POST", "/v1/scenarios/scorers", SCORER_TEXT, function()
        return client.scenarios.scorers:create { type = "t", bash_script = "echo 1" }
      end },
      { "POST", "/v1/scenarios/scorers/s", SCORER_TEXT, function()
        return client.scenarios.scorers:update("s", { type = "t", bash_script = "echo 1" })
      end },
      { "GET", "/v1/devboxes/d", "", function() return client.devboxes:retrieve "d" end },
      { "GET", "/v1/accounts/me", "", function() return client:request { path = "/v1/accounts/me" } end },
      { "DELETE", "/v1/axons/x", "", function() return client:request { method = "DELETE", path = "/v1/axons/x" } end },
      { "PUT", "/v1/x", '{"a":[1]}', function()
        return client:request { method = "PUT", path = "/v1/x", body = { a = { 1 } } }
      end },
    }

    it("is one request with its method, path and body", function()
      answer()
      for i, call in ipairs(CALLS) do
        call[4]()
        assert.are.equal(i, server:count())
        local entry = server:last()
        local function meant(body) return body ~= "" and support.json.decode(body) or body end -- in what order is open
        assert.are.same({ call[1], call[2], meant(call[3]) }, { entry.method, entry.target, meant(entry.body) })
      end
    end)

    it("keeps its path as it was given, beyond ASCII percent-encoded", function()
      answer()
      for _, path in ipairs { "/a?", "/?x", "/a|b{c}", "/%zz", "/a:b@c", "//", "/é" } do
        expect.success(client:request { path = path })
        assert.are.equal((path:gsub("é", "%%c3%%a9")), (server:last().target:gsub("%%C3%%A9", "%%c3%%a9")))
      end
    end)

    it("carries exactly the headers that it should", function()
      answer()
      for _, call in ipairs(CALLS) do
        call[4]()
        local entry = server:last()
        local header = entry.header
        local expected = { "accept", "authorization", "host", "user-agent", "x-stainless-retry-count" }
        -- A file is wanted as it is.
        if call.accept ~= "application/zip" then
          expected[#expected + 1] = "accept-encoding"
          assert.matches("gzip", header["accept-encoding"], 1, true)
        end
        if call[1] ~= "GET" then
          expected[#expected + 1] = "content-type"
          expected[#expected + 1] = "x-request-id"
          assert.are.equal("application/json", header["content-type"])
          assert.matches(REQUEST_ID, header["x-request-id"])
        end
        if call[1] ~= "GET" and call[1] ~= "DELETE" then
          expected[#expected + 1] = "content-length"
          assert.are.equal(tostring(#call[3]), header["content-length"])
        end
        table.sort(expected)
        local names = names_of(entry.headers)
        -- The length of a body that is not there may be said, or not.
        if call[1] == "DELETE" and header["content-length"] == "0" then
          expected[#expected + 1] = "content-length"
          table.sort(expected)
        end
        assert.are.same(expected, names, call[2])
        assert.are.equal("Bearer test-token", header.authorization)
        assert.are.equal(call.accept or "application/json", header.accept)
        assert.are.equal("Runloop/Lua " .. VERSION, header["user-agent"])
        assert.are.equal("0", header["x-stainless-retry-count"])
        assert.are.equal(server.url:match("//(.*)"), header.host)
      end
    end)

    it("keeps the prefix of the base URL", function()
      answer()
      for _, prefix in ipairs { "/pre/fix", "/pre/fix/", "/pre/fix//" } do
        client = server:client { base_url = server.url .. prefix }
        for _, call in ipairs(CALLS) do
          call[4]()
          assert.are.equal("/pre/fix" .. call[2], server:last().target)
        end
      end
      client = server:client { base_url = server.url .. "/" }
      client.scenarios:retrieve "a"
      assert.are.equal("/v1/scenarios/a", server:last().target)
    end)

    it("is decompressed when the server compresses", function()
      server:fault { gzip = true, times = 2 }
      local id = server:ids("scenario")[1]
      assert.are.equal(id, expect.success(client.scenarios:retrieve(id)).id)
      assert.are.equal(id, expect.success(client.scenarios:list():next()).id)
    end)

    it("waits for no permission to send a large body #slow", function()
      answer()
      local text = ("x"):rep(3 * 1024 * 1024)
      expect.success(client:request { method = "POST", path = "/v1/x", body = { text = text } })
      local entry = server:last()
      assert.are.equal(#'{"text":""}' + #text, #entry.body)
      assert.is_nil(entry.header.expect)
      assert.is_nil(entry.header["transfer-encoding"])
    end)
  end)

  describe("a query", function()
    local function target(query)
      server:clear_log()
      answer("{}")
      expect.success(client:request { path = "/q", query = query })
      return server:last().target
    end

    it("has every byte encoded but A-Za-z0-9-._~", function()
      assert.are.equal("/q?a=x%20y", target { a = "x y" })
      assert.are.equal("/q?a=AZaz09-._~", target { a = "AZaz09-._~" })
      assert.are.equal("/q?a=%21%22%23%24%25%26%27%28%29%2A%2B%2C%2F%3A%3B%3C%3D%3E%3F%40", target {
        a = "!\"#$%&'()*+,/:;<=>?@",
      })
      assert.are.equal("/q?a=%5B%5C%5D%5E%60%7B%7C%7D%00%0A%0D%7F", target { a = "[\\]^`{|}\0\n\r\127" })
      assert.are.equal("/q?a=%C3%A9%E2%82%AC%F0%9F%9A%80%FF", target { a = "é€🚀\xff" })
      assert.are.equal("/q?a%20b%26c=1", target { ["a b&c"] = "1" })
    end)

    it("has booleans, numbers, lists and empty strings as they should be", function()
      assert.are.equal("/q?a=true", target { a = true })
      assert.are.equal("/q?a=false", target { a = false })
      assert.are.equal("/q?a=5", target { a = 5 })
      assert.are.equal("/q?a=0.5", target { a = 0.5 })
      if portable.integers then assert.are.equal("/q?a=9223372036854775807", target { a = math.maxinteger }) end
      assert.are.equal("/q?a=", target { a = "" })
      assert.matches("^/q%?a=1(.+)b(.+)true$", target { a = { 1, "b", true } })
      assert.are.equal("/q", target { a = nil })
      assert.are.equal("/q", target {})
    end)

    it("has lists joined by commas", function()
      answer("{}")
      expect.success(client:request { path = "/q", query = { a = { "x", "y z", "w" } } })
      assert.are.equal("x,y z,w", server:last().query.a)
    end)

    it("refuses other values, naming the parameter", function()
      for _, value in ipairs { print, runloop.null, { a = 1 }, { {} }, { [2] = "x" }, 0 / 0, math.huge, io.stdout } do
        expect.raises("'bad'", function() client:request { path = "/q", query = { bad = value } } end)
      end
      assert.are.equal(0, server:count())
    end)

    it("may stand in the path already", function()
      answer("{}")
      expect.success(client:request { path = "/q?x=1%2F2", query = { y = 3 } })
      assert.are.equal("/q?x=1%2F2&y=3", server:last().target)
      expect.success(client:request { path = "/q?x=1" })
      assert.are.equal("/q?x=1", server:last().target)
    end)

    it("of a list holds the filters, with the API's own values kept apart from text", function()
      expect.success(client.scenarios:list({
        name = "a&b=c d", search = "", benchmark_id = "bmd 1", validation_type = "FORWARD", limit = 3,
        include_total_count = false, starting_after = server:ids("scenario")[2],
      }):collect())
      local entry = server:last()
      assert.are.same({
        name = "a&b=c d", search = "", benchmark_id = "bmd 1", validation_type = "FORWARD", limit = "3",
        include_total_count = "false", starting_after = server:ids("scenario")[2],
      }, entry.query)
      assert.matches("name=a%26b%3Dc%20d", entry.target, 1, true)
      assert.matches("search=&", entry.target .. "&", 1, true)
      assert.is_nil(entry.target:find("+", 1, true))
    end)

    it("takes more parameters from the call options, in every kind of call", function()
      answer()
      local options = { query = { extra = "ä b", flag = true } }
      for _, call in ipairs {
        function() return client.scenarios:retrieve("a", options) end,
        function() return client.scenarios:archive("a", options) end,
        function() return client.scenarios:update("a", { name = "x" }, options) end,
        function() return client.scenarios:list({ limit = 2 }, options):next() end,
        function() return client:request({ path = "/v1/x", query = { limit = 2 } }, options) end,
      } do
        call()
        local entry = server:last()
        assert.are.equal("ä b", entry.query.extra)
        assert.are.equal("true", entry.query.flag)
      end
      assert.are.same({ limit = "2", extra = "ä b", flag = "true" }, server:last().query)
    end)

    it("of the call options wins over one of the same name", function()
      answer()
      expect.success(client:request({ path = "/v1/x", query = { a = 1 } }, { query = { a = 2 } }))
      assert.are.equal("/v1/x?a=2", server:last().target)
    end)
  end)

  describe("x-request-id", function()
    it("is new for each call and the same for all its attempts", function()
      -- libcurl itself repeats a request that met a connection which the server had just closed: not so on a new one.
      local last = { Connection = "close" }
      server:fault({ status = 503, headers = last }, { close = true }, { reset = true },
        { status = 429, headers = { ["Retry-After"] = "0" } })
      expect.success(client.scenarios:archive(server:ids("scenario")[1]))
      expect.success(client.scenarios:archive(server:ids("scenario")[1]))
      local log = server:log()
      assert.are.equal(6, #log)
      local id = log[1].header["x-request-id"]
      assert.matches(REQUEST_ID, id)
      for i = 1, 5 do
        assert.are.equal(id, log[i].header["x-request-id"])
        assert.are.equal(tostring(i - 1), log[i].header["x-stainless-retry-count"])
      end
      assert.are_not.equal(id, log[6].header["x-request-id"])
      assert.matches(REQUEST_ID, log[6].header["x-request-id"])
      assert.are.equal("0", log[6].header["x-stainless-retry-count"])
    end)

    it("is not sent with a GET", function()
      expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
      expect.success(client.scenarios:list():next())
      for _, entry in ipairs(server:log()) do assert.is_nil(entry.header["x-request-id"]) end
    end)

    it("is not sent with a GET that has an idempotency_key, but as a header of its own it is", function()
      local id, options = server:ids("scenario")[1], { idempotency_key = "mine" }
      expect.success(client.scenarios:retrieve(id, options))
      expect.success(client:request({ path = "/v1/scenarios/" .. id }, options))
      expect.success(client.scenarios:list({ limit = 10 }, options):collect(20))
      assert.is_true(server:count() >= 4)
      for _, entry in ipairs(server:log()) do assert.is_nil(entry.header["x-request-id"]) end
      options.headers = { ["X-Request-ID"] = "header" }
      expect.success(client.scenarios:retrieve(id, options))
      assert.are.equal("header", server:last().header["x-request-id"])
    end)

    it("may be given as idempotency_key", function()
      server:fault({ status = 503 }, { set_headers = { ["X-Request-Id"] = false } })
      local id = server:ids("scenario")[1]
      local _, response = expect.success(client.scenarios:archive(id, { idempotency_key = "mine-1" }))
      assert.are.equal("mine-1", response.request_id)
      expect.success(client:request({ method = "POST", path = "/v1/scenarios/" .. id .. "/unarchive" },
        { idempotency_key = "mine-2" }))
      local seen = {}
      for i, entry in ipairs(server:log()) do seen[i] = entry.header["x-request-id"] end
      assert.are.same({ "mine-1", "mine-1", "mine-2" }, seen)
    end)

    it("may be set as a header, of the call or of the client, or removed", function()
      local id = server:ids("scenario")[1]
      expect.success(client.scenarios:archive(id, { headers = { ["X-Request-ID"] = "call" } }))
      assert.are.equal("call", server:last().header["x-request-id"])
      expect.success(client.scenarios:archive(id, { headers = { ["X-Request-ID"] = false } }))
      assert.is_nil(server:last().header["x-request-id"])
      client = server:client { headers = { ["X-Request-ID"] = "client" } }
      expect.success(client.scenarios:archive(id))
      assert.are.equal("client", server:last().header["x-request-id"])
      expect.success(client.scenarios:archive(id, { idempotency_key = "key" }))
      assert.are.equal("key", server:last().header["x-request-id"])
      for _, entry in ipairs(server:log()) do
        local count = 0
        for _, header in ipairs(entry.headers) do
          if header[1]:lower() == "x-request-id" then count = count + 1 end
        end
        assert.is_true(count <= 1)
      end
    end)

    it("of the server is what the response and the error name", function()
      server:fault({ set_headers = { ["X-Request-Id"] = "req_ok" } },
        { status = 404, json = { message = "gone" }, headers = { ["x-request-id"] = "req_bad" } })
      local _, response = expect.success(client.scenarios:archive(server:ids("scenario")[1]))
      assert.are.equal("req_ok", response.request_id)
      local err = expect.failure("api", "not_found", client.scenarios:archive("x"))
      assert.are.equal("req_bad", err.request_id)
    end)

    it("of the request is named when the server sends none", function()
      server:fault { set_headers = { ["X-Request-Id"] = false }, times = 2 }
      local _, response = expect.success(client.scenarios:archive(server:ids("scenario")[1]))
      assert.are.equal(server:last().header["x-request-id"], response.request_id)
      local err = expect.failure("api", "not_found", client.scenarios:archive("x"))
      assert.are.equal(server:last().header["x-request-id"], err.request_id)
    end)
  end)

  describe("headers", function()
    it("of a call win over the client's, whatever the case of the name, and false removes", function()
      client = server:client { headers = { ["X-Team"] = "client", ["X-Other"] = "kept", ["User-Agent"] = "mine/1" } }
      answer()
      expect.success(client.scenarios:archive("a", { headers = {
        ["x-team"] = "call", ACCEPT = "application/vnd.test+json", ["USER-AGENT"] = false, ["Content-Type"] = "text/x",
      } }))
      local entry = server:last()
      assert.are.equal("call", entry.header["x-team"])
      assert.are.equal("kept", entry.header["x-other"])
      assert.are.equal("application/vnd.test+json", entry.header.accept)
      assert.are.equal("text/x", entry.header["content-type"])
      assert.is_nil(entry.header["user-agent"])
      local seen = {}
      for _, name in ipairs(names_of(entry.headers)) do
        assert.is_nil(seen[name], name .. " was sent twice")
        seen[name] = true
      end
      expect.success(client.scenarios:archive("a"))
      assert.are.equal("client", server:last().header["x-team"])
      assert.are.equal("mine/1", server:last().header["user-agent"])
    end)

    it("that the module sends can all be removed", function()
      answer()
      local none = {
        Accept = false, ["User-Agent"] = false, ["Content-Type"] = false, ["x-request-id"] = false,
        ["x-stainless-retry-count"] = false, Authorization = false, ["Accept-Encoding"] = false,
      }
      expect.success(client:request({ method = "POST", path = "/v1/x", body = {} }, { headers = none }))
      assert.are.same({ "content-length", "host" }, names_of(server:last().headers))
      expect.success(client:request({ path = "/v1/x", headers = none }))
      assert.are.same({ "host" }, names_of(server:last().headers))
    end)

    it("may be empty, and keep what stands between the spaces around them", function()
      answer()
      expect.success(client.scenarios:retrieve("a", {
        headers = { ["X-Empty"] = "", ["X-Spaces"] = "  a  b; c=\"d\" " },
      }))
      local header = server:last().header
      assert.are.equal("", header["x-empty"])
      assert.are.equal('a  b; c="d"', header["x-spaces"])
    end)

    it("that would break the request raise and nothing is sent", function()
      for _, value in ipairs { "a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\r", "a\0b" } do
        for _, call in ipairs {
          function(h) client.scenarios:retrieve("a", { headers = h }) end,
          function(h) client.scenarios:archive("a", { headers = h }) end,
          function(h) client.scenarios:list({}, { headers = h }) end,
          function(h) client:request { path = "/", headers = h } end,
          function(h) client:request({ path = "/" }, { headers = h }) end,
        } do
          expect.raises("X-Note", function() call { ["X-Note"] = value } end)
          expect.raises("header name", function() call { ["X-Note\r\nX-Evil"] = "1" } end)
          expect.raises("header name", function() call { ["X-Note: 1\r\nX-Evil"] = "1" } end)
        end
      end
      assert.are.equal(0, server:count())
    end)
  end)

  describe("a retry", function()
    -- The wait before the retry that follows on so many quick ones, without waiting for it: the call is given up.
    local function next_wait(fault, quick, options)
      options = options or {}
      local retries = {}
      options.on_event = function(event) if event.type == "retry" then retries[#retries + 1] = event end end
      local own = server:client(options)
      if quick and quick > 0 then
        server:fault { status = 500, headers = { ["Retry-After"] = "0" }, times = quick }
      end
      fault.times = math.huge
      server:fault(fault)
      local result
      local task = own:spawn(function() result = { own.scenarios:archive("a") } end)
      repeat own:poll(0.05) until retries[(quick or 0) + 1] or task.status ~= "running"
      task:cancel()
      own:close()
      server:reset()
      local event = retries[(quick or 0) + 1]
      return event and event.wait, result and result[2]
    end

    it("follows on 408, 409, 429 and everything from 500", function()
      for _, status in ipairs { 408, 409, 429, 500, 501, 502, 503, 504, 520, 599 } do
        server:reset()
        server:fault { status = status, json = { message = "again" } }
        local _, response = expect.success(client.scenarios:archive(server:ids("scenario")[1]))
        assert.are.equal(2, response.attempts)
        assert.are.equal(2, server:count())
      end
    end)

    it("follows on no other status", function()
      for _, status in ipairs { 300, 304, 400, 401, 402, 403, 404, 405, 410, 412, 413, 418, 422, 425, 451, 499 } do
        server:reset()
        server:fault { status = status, body = "" }
        local err = expect.failure("api", nil, client.scenarios:archive(server:ids("scenario")[1]))
        assert.are.equal(status, err.status)
        assert.are.equal(1, err.attempts)
        assert.is_false(err.retryable)
        assert.are.equal(1, server:count())
      end
    end)

    it("follows on answers that did not come, or not whole #slow", function()
      local id = server:ids("scenario")[1]
      for _, fault in ipairs {
        { close = true }, { reset = true }, { cut = 100 }, { cut = 0 }, { cut = -1 }, { cut = 100, by = "reset" },
        { cut = 100, framing = "chunked" }, { cut = 100, framing = "close" }, { gzip = "cut" },
        { garbage = true },
      } do
        for _, name in ipairs { "archive", "retrieve" } do
          server:reset()
          server:fault(fault)
          local own = server:client()
          local scenario, response = expect.success(own.scenarios[name](own.scenarios, id))
          assert.are.equal(id, scenario.id)
          assert.are.equal(2, response.attempts)
          assert.are.equal(2, server:count())
          own:close()
        end
      end
    end)

    it("repeats the request as it was", function()
      server:fault({ status = 500 }, { close = true })
      local params = {
        name = "x", input_context = { problem_statement = ("long "):rep(50000) },
        scoring_contract = { scoring_function_parameters = {} },
      }
      expect.success(client.scenarios:create(params))
      local log = server:log()
      assert.are.equal(3, #log)
      for i = 2, 3 do
        assert.are.equal(log[1].target, log[i].target)
        assert.are.equal(log[1].method, log[i].method)
        assert.are.equal(log[1].body, log[i].body)
        assert.are.same(names_of(log[1].headers), names_of(log[i].headers))
      end
    end)

    it("is decided by x-should-retry where the server sends it", function()
      server:fault { status = 400, json = { message = "again" }, headers = { ["X-Should-Retry"] = "true" } }
      local _, response = expect.success(client.scenarios:archive(server:ids("scenario")[1]))
      assert.are.equal(2, response.attempts)
      for _, status in ipairs { 408, 429, 500, 503 } do
        server:fault { status = status, headers = { ["X-Should-Retry"] = "false" } }
        local err = expect.failure("api", nil, client.scenarios:archive(server:ids("scenario")[1]))
        assert.are.equal(1, err.attempts)
        assert.is_false(err.retryable)
      end
      server:fault { status = 500, headers = { ["X-Should-Retry"] = "perhaps" } }
      expect.success(client.scenarios:archive(server:ids("scenario")[1]))
    end)

    it("does not follow on an answer that came whole but is not what was promised", function()
      for _, body in ipairs { "{", "[]", "null", "<html>" } do
        server:fault { status = 200, body = body, headers = { ["Content-Type"] = "application/json" } }
        server:clear_log()
        expect.failure("decode", nil, client.scenarios:archive("a"))
        assert.are.equal(1, server:count())
      end
    end)

    it("waits min(2^k, max_retry_wait) s x (0.75..1) where the server does not say", function()
      for k, expected in pairs { [0] = 1, [1] = 2, [2] = 4, [3] = 8, [6] = 64 } do
        local wait = next_wait({ status = 500 }, k, { max_retries = 100, max_retry_wait = 1000 })
        assert.is_true(wait >= 0.75 * expected and wait <= expected, k .. ": " .. wait)
      end
      for _, k in ipairs { 0, 3, 40 } do
        local wait = next_wait({ close = true }, k, { max_retries = 100, max_retry_wait = 0.5 })
        assert.is_true(wait >= 0.375 and wait <= 0.5, wait)
      end
    end)

    it("does not wait the same time in every client", function()
      local first, differs = next_wait({ status = 500 }, 0, { max_retry_wait = 60 }), false
      for _ = 1, 20 do
        if next_wait({ status = 500 }, 0, { max_retry_wait = 60 }) ~= first then differs = true break end
      end
      assert.is_true(differs)
    end)

    it("waits as long as the server says, in seconds, milliseconds or until a date", function()
      local function headers(value, ms)
        return { status = 503, headers = { ["Retry-After"] = value, ["retry-after-ms"] = ms } }
      end
      local wide = function() return { max_retry_wait = 60 } end
      assert.are.equal(7, next_wait(headers "7", 0, wide()))
      assert.are.equal(60, next_wait(headers "60", 0, wide()))
      assert.are.equal(1.5, next_wait(headers "1.5", 0, wide()))
      assert.are.equal(0, next_wait(headers "0", 0, wide()))
      assert.are.equal(0.25, next_wait(headers(nil, "250"), 0, wide()))
      assert.are.equal(0.25, next_wait(headers("30", "250"), 0, wide()))
      assert.are.equal(0, next_wait(headers("30", "0"), 0, wide()))
      local date = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 30)
      local wait = next_wait(headers(date), 0, wide())
      assert.is_true(wait > 20 and wait <= 30, wait)
      assert.are.equal(7, next_wait({ status = 500, headers = { ["Retry-After"] = "7" } }, 0, wide()))
      assert.are.equal(7, next_wait({ status = 409, headers = { ["Retry-After"] = "7" } }, 2, wide()))
    end)

    it("waits as if nothing was said when what is said is negative or unreadable", function()
      for _, value in ipairs {
        "-1", "soon", "1,5", "0x10", "1e1", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 32 Jan 2099 00:00:00 GMT",
        "nan", "inf",
      } do
        local wait = next_wait({ status = 503, headers = { ["Retry-After"] = value } }, 0, { max_retry_wait = 0.8 })
        assert.is_true(wait and wait >= 0.6 and wait <= 0.8, value)
      end
      for _, value in ipairs { "-250", "x" } do
        local wait = next_wait({ status = 503, headers = { ["retry-after-ms"] = value } }, 0, { max_retry_wait = 0.8 })
        assert.is_true(wait >= 0.6 and wait <= 0.8)
      end
    end)

    it("does not come when the server asks for longer than max_retry_wait; the error says how long", function()
      local function refused(status, headers, options)
        local wait, err = next_wait({ status = status, headers = headers }, 0, options)
        assert.is_nil(wait)
        assert.are.equal(1, err.attempts)
        return err
      end
      local err = refused(429, { ["Retry-After"] = "61" }, { max_retry_wait = 60 })
      assert.are.equal("rate_limit", err.code)
      assert.are.equal(61, err.retry_after)
      assert.is_true(err.retryable)
      assert.are.equal(2.5, refused(503, { ["retry-after-ms"] = "2500" }, { max_retry_wait = 1 }).retry_after)
      local date = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 3600)
      local seconds = refused(503, { ["Retry-After"] = date }, { max_retry_wait = 60 }).retry_after
      assert.is_true(seconds > 3500 and seconds <= 3600)
      local once = { max_retry_wait = 60, max_retries = 0 }
      assert.are.equal(61, refused(429, { ["Retry-After"] = "61" }, once).retry_after)
      once = { max_retry_wait = 60, max_retries = 0 }
      assert.is_nil(refused(429, { ["Retry-After"] = "59" }, once).retry_after)
    end)

    it("asks for 60 seconds at most unless max_retry_wait says otherwise", function()
      local own = runloop.new { bearer_token = server.token, base_url = server.url }
      server:fault { status = 429, headers = { ["Retry-After"] = "61" } }
      assert.are.equal(61, expect.failure("api", "rate_limit", own.scenarios:archive("a")).retry_after)
    end)
  end)

  describe("a 429 or 503 whose Retry-After is waited for", function()
    -- What another call meets while one waits for a retry.
    local function during_a_wait(headers, status, other)
      local waiting = false
      local own = server:client { max_retry_wait = 60, timeout = 0.7, on_event = function(event)
        if event.type == "retry" then waiting = true end
      end }
      local id = server:ids("scenario")[1]
      expect.success(own:warm_up())
      server:fault { path = "/archive$", status = status, headers = headers }
      local first = own:spawn(function() return own.scenarios:archive(id) end)
      repeat own:poll(0.05) until waiting
      local second = own:spawn(function() return other(own, id) end)
      local value, result = second:wait()
      local refused = server:log({ path = "/archive$" })[1]
      local answered = server:log({ method = "GET", path = "^/v1/scenarios" })[1]
      if value then expect.success(first:wait()) end
      own:close()
      server:reset()
      return answered and answered.at - refused.at, value, result
    end

    local function retrieve(own, id)
      return own.scenarios:retrieve(id)
    end

    it("holds back the client's other requests as long, and not against their timeout #slow", function()
      local gap, value, result = during_a_wait({ ["retry-after-ms"] = "1000" }, 503, retrieve)
      expect.success(value, result)
      assert.are.equal(1, result.attempts)
      assert.is_true(gap >= 0.95, gap)
      gap, value, result = during_a_wait({ ["Retry-After"] = "1" }, 429, function(own)
        return own.scenarios:list():next()
      end)
      expect.success(value, result)
      assert.is_true(gap >= 0.95, gap)
    end)

    it("counts against their deadline", function()
      local _, value, err = during_a_wait({ ["Retry-After"] = "30" }, 429, function(own, id)
        return own.scenarios:retrieve(id, { deadline = 0.1 })
      end)
      expect.failure("timeout", "DEADLINE", value, err)
      assert.is_nil(err.maybe_sent)
    end)

    it("and no other answer, holds them back", function()
      for _, case in ipairs {
        { { ["retry-after-ms"] = "30000" }, 500 }, { {}, 503 }, { { ["Retry-After"] = "soon" }, 429 },
        { { ["Retry-After"] = "-5" }, 429 },
      } do
        local waiting = false
        local own = server:client { max_retry_wait = 30, on_event = function(event)
          if event.type == "retry" then waiting = true end
        end }
        local id = server:ids("scenario")[1]
        server:fault { path = "/archive$", status = case[2], headers = case[1] }
        local first = own:spawn(function() return own.scenarios:archive(id) end)
        repeat own:poll(0.05) until waiting
        expect.success(own.scenarios:retrieve(id, { deadline = 0.7 }))
        assert.are.equal("running", first.status)
        own:close()
        server:reset()
      end
    end)

    it("does not hold back other clients", function()
      local waiting = false
      local own = server:client { max_retry_wait = 30, on_event = function(event)
        if event.type == "retry" then waiting = true end
      end }
      server:fault { path = "/archive$", status = 429, headers = { ["Retry-After"] = "30" } }
      own:spawn(function() return own.scenarios:archive("a") end)
      repeat own:poll(0.05) until waiting
      expect.success(client.scenarios:retrieve(server:ids("scenario")[1], { deadline = 2 }))
      own:close()
    end)
  end)

  describe("a redirect", function()
    it("is not followed but is an error, and the token goes nowhere #slow", function()
      local elsewhere = support.start { scenarios = 1 }
      for _, status in ipairs { 301, 302, 303, 307, 308 } do
        for _, place in ipairs {
          elsewhere.url .. "/v1/scenarios", server.url .. "/v1/accounts/me", "/v1/accounts/me",
        } do
          for _, call in ipairs {
            function() return client.scenarios:archive("a") end,
            function() return client.scenarios:retrieve("a") end,
            function() return client.scenarios:list():next() end,
            function() return client:request { path = "/v1/x" } end,
          } do
            server:reset()
            server:fault { redirect = place, status = status }
            local err = expect.failure("api", "status_" .. status, call())
            assert.are.equal(status, err.status)
            assert.are.equal(place, err.headers.location)
            assert.is_false(err.retryable)
            assert.are.equal(1, server:count())
          end
        end
      end
      assert.are.equal(0, elsewhere:count())
      elsewhere:stop()
    end)

    it("cannot be smuggled in by a path", function()
      answer()
      local elsewhere = support.start { scenarios = 1 }
      local host = elsewhere.url:match("//(.*)")
      for _, path in ipairs { "//" .. host .. "/v1/x", "/@" .. host .. "/v1/x", "/\\\\" .. host, "/:80@" .. host } do
        expect.success(client:request { path = path })
        assert.are.equal(path, server:last().target)
      end
      for _, path in ipairs { elsewhere.url .. "/v1/x", "@" .. host, ".evil.example/", ":1/", "" } do
        expect.raises("'path'", function() client:request { path = path } end)
      end
      assert.are.equal(0, elsewhere:count())
      elsewhere:stop()
    end)
  end)

  describe("connections", function()
    it("are used again and again", function()
      local id = server:ids("scenario")[1]
      for _ = 1, 5 do
        expect.success(client.scenarios:retrieve(id))
        expect.success(client.scenarios:archive(id))
        expect.failure("api", "not_found", client.scenarios:retrieve("nowhere"))
        expect.success(client.scenarios:list({ limit = 2 }):collect())
      end
      local first = server:log()[1].connection
      for _, entry in ipairs(server:log()) do assert.are.equal(first, entry.connection) end
      assert.are.equal(1, client:stats().connections)
    end)

    it("that the server closed meanwhile cost nothing", function()
      local id = server:ids("scenario")[1]
      for _, how in ipairs { true, "reset" } do
        for _ = 1, 3 do
          server:clear_log()
          server:fault { close_after = how }
          expect.success(client.scenarios:archive(id))
          expect.success(client.scenarios:unarchive(id))
          assert.are.equal(2, server:count())
          expect.success(client.scenarios:retrieve(id))
        end
      end
    end)

    it("survive interim answers", function()
      server:fault { interim = { 100, 103, 103 } }
      local id = server:ids("scenario")[1]
      local scenario, response = expect.success(client.scenarios:archive(id))
      assert.are.equal(id, scenario.id)
      assert.are.equal(200, response.status)
      expect.success(client.scenarios:archive(id))
      assert.are.equal(1, client:stats().connections)
    end)
  end)
end)

describe("Over HTTP/2", function()
  local server, nginx, client
  setup(function()
    server = support.start { scenarios = 12 }
    nginx = support.nginx { proxy = server.url }
  end)
  teardown(function()
    nginx:stop()
    server:stop()
  end)
  before_each(function()
    server:reset()
    client = nginx:client { bearer_token = server.token, max_retry_wait = 0.01 }
  end)
  after_each(function() client:close() end)

  it("calls, lists and errors are the same", function()
    local id = server:ids("scenario")[1]
    local scenario, response = expect.success(client.scenarios:archive(id))
    assert.are.equal("archived", scenario.status)
    assert.are.equal("2", response.http_version)
    assert.are.equal("0", server:last().header["content-length"] or "0")
    assert.matches(REQUEST_ID, server:last().header["x-request-id"])
    assert.are.equal("application/json", server:last().header["content-type"])
    assert.are.equal(11, #expect.success(client.scenarios:list({ limit = 4 }):collect()))
    expect.failure("api", "not_found", client.scenarios:retrieve("a/b"))
    assert.are.equal("/v1/scenarios/a%2Fb", server:last().target)
    server:fault { status = 503 }
    local _, again = expect.success(client.scenarios:archive(id))
    assert.are.equal(2, again.attempts)
  end)

  it("a stream that the server refuses is tried again", function()
    local peer = support.h2 {
      { { wait = 1 }, { rst = 1, code = "REFUSED_STREAM" }, { hold = true } },
      { { serve = { status = 200, headers = { { "content-type", "application/json" } }, body = '{"id":"scn_1"}' } } },
    }
    local own = peer:client { max_retry_wait = 0.01 }
    local scenario = expect.success(own.scenarios:archive("scn_1"))
    assert.are.equal("scn_1", scenario.id)
    local ids = {}
    for _, entry in ipairs(peer:log()) do ids[entry.header["x-request-id"]] = true end
    assert.is_truthy(next(ids))
    assert.is_nil(next(ids, next(ids)))
    own:close()
    peer:stop()
  end)

  it("a connection that the server winds up is replaced", function()
    local answer = { status = 200, headers = { { "content-type", "application/json" } }, body = '{"id":"scn_1"}' }
    local peer = support.h2 {
      { { wait = 1 }, { goaway = 0 }, { close = true } },
      { { serve = answer } },
    }
    local own = peer:client { max_retry_wait = 0.01 }
    expect.success(own.scenarios:archive("scn_1"))
    assert.are.equal(2, peer:connections())
    own:close()
    peer:stop()
  end)
end)

describe("What was decoded with nulls = 'keep' and is sent back", function()
  local server, client
  setup(function()
    server = support.start { scenarios = 60 }
    client = server:client()
  end)
  teardown(function()
    client:close()
    server:stop()
  end)
  before_each(function() server:reset() end)

  -- Equal as JSON: 1 is not 1.0, [] is not {}, -0.0 is not 0.0.
  local json = support.json
  local function same(a, b, path)
    if a == json.null or b == json.null then assert.are.equal(a, b, path) return end
    assert.are.equal(type(a), type(b), path)
    if type(a) == "table" then
      assert.are.equal(getmetatable(a) == json.array_mt, getmetatable(b) == json.array_mt, path)
      for k, v in pairs(a) do same(v, b[k], path .. "." .. tostring(k)) end
      for k in pairs(b) do assert.is_not_nil(a[k], path .. "." .. tostring(k)) end
    elseif type(a) == "number" then
      assert.are.equal(portable.math_type(a), portable.math_type(b), path)
      assert.are.equal(("%q"):format(a), ("%q"):format(b), path)
    else
      assert.are.equal(a, b, path)
    end
  end

  it("is unchanged, for every scenario the server has #slow", function()
    for _, id in ipairs(server:ids "scenario") do
      local scenario = expect.success(client.scenarios:retrieve(id, { nulls = "keep" }))
      server:fault { status = 200, json = { ok = true } }
      expect.success(client:request { method = "POST", path = "/v1/echo", body = scenario })
      same(json.decode(server:text("scenario", id)), json.decode(server:last().body), id)
    end
  end)

  it("is unchanged through create and update", function()
    local context = '{"a":null,"b":[],"c":{},"d":[null,[],{}],"e":1.0,"f":-0.0,"g":9223372036854775807,'
      .. '"h":-9223372036854775808,"i":1e300,"j":5e-324,"k":0.1,"l":"",'
      .. '"":"x","m":"\\u0000\\u001f\\u2028é🚀\\"\\\\/","n":false}'
    local value = expect.success(runloop.json.decode(context, { nulls = "keep" }))
    local scenario = expect.success(client.scenarios:create({
      name = "n", input_context = { problem_statement = "p", additional_context = value },
      scoring_contract = { scoring_function_parameters = {} },
    }, { nulls = "keep" }))
    local sent = json.decode(server:last().body).input_context.additional_context
    same(json.decode(context), sent, "create")
    expect.success(client.scenarios:update(scenario, { input_context = scenario.input_context }))
    same(json.decode(context), json.decode(server:last().body).input_context.additional_context, "update")
  end)

  it("loses only nulls in objects without it", function()
    local body = '{"a":null,"b":[null,1],"c":{"d":null,"e":[]},"f":1.0}'
    server:fault { status = 200, body = body, headers = { ["Content-Type"] = "application/json" }, times = 2 }
    local value = expect.success(client:request { path = "/v1/x" })
    expect.success(client:request { method = "POST", path = "/v1/x", body = value })
    same(json.decode '{"b":[null,1],"c":{"e":[]},"f":1.0}', json.decode(server:last().body), "body")
  end)

  it("has ill-formed text mended, and everything around it kept", function()
    server:fault { status = 200, headers = { ["Content-Type"] = "application/json" },
      body = '{"id":"scn_1","name":"a\xffb\xe2\x82c\\ud800d","n":12345678901234567890,"k":1,"k":2}' }
    local scenario = expect.success(client.scenarios:retrieve("scn_1"))
    assert.are.equal("a\u{FFFD}b\u{FFFD}c\u{FFFD}d", scenario.name)
    assert.are.equal(12345678901234567890.0, scenario.n)
    assert.are.equal(2, scenario.k)
  end)
end)
