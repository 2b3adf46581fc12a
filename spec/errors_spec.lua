-- Errors as real answers, and their absence, bring them about: every kind and code.
local runloop = require "runloop"
local support = require "spec.support"
local stand_in = require "spec.support.stand_in"
local expect = require "spec.support.expect"

describe("An error", function()
  local server, client
  stand_in({ scenarios = 5, public = 1, runs = 7 }, function(started)
    server, client = started, started:client { max_retries = 0 }
  end)

  -- A call's error when the server answers (or fails) as the fault says.
  local function fails(kind, code, fault, call)
    server:fault(fault)
    return expect.failure(kind, code, (call or function() return client.scenarios:archive("scn_1") end)())
  end

  describe("of kind 'api'", function()
    local CODES = {
      [400] = "bad_request", [401] = "authentication", [403] = "permission_denied", [404] = "not_found",
      [409] = "conflict", [422] = "unprocessable_entity", [429] = "rate_limit",
      [500] = "internal_server", [501] = "internal_server",
      [502] = "internal_server", [503] = "internal_server", [504] = "internal_server", [529] = "internal_server",
      [599] = "internal_server", [402] = "status_402", [405] = "status_405", [408] = "status_408", [410] = "status_410",
      [413] = "status_413", [418] = "status_418", [451] = "status_451", [499] = "status_499", [300] = "status_300",
      [301] = "status_301", [302] = "status_302", [303] = "status_303", [304] = "status_304", [307] = "status_307",
      [308] = "status_308",
    }
    local RETRYABLE = { [408] = true, [409] = true, [429] = true }

    it("has the code of its status, from every kind of call", function()
      for status, code in pairs(CODES) do
        for _, call in ipairs {
          function() return client.scenarios:archive("scn_1") end,
          function() return client.scenarios:retrieve("scn_1") end,
          function() return client.scenarios:list():next() end,
          function() return client.scenarios.runs:download_logs("run_1") end,
          function() return client:request { path = "/v1/x" } end,
        } do
          local body = status ~= 304 and '{"message":"because"}' or ""
          local err = fails("api", code, { status = status, body = body, headers = { ["X-Reason"] = "r" } }, call)
          assert.are.equal(status, err.status)
          assert.are.equal(RETRYABLE[status] or status >= 500, err.retryable)
          assert.are.equal("r", err.headers["x-reason"])
          assert.are.equal(1, err.attempts)
          assert.is_nil(err.maybe_sent)
          if status ~= 304 then
            assert.are.equal("because", err.message)
            assert.are.same({ message = "because" }, err.body)
          end
        end
      end
    end)

    it("is what the API itself answers", function()
      local err = fails("api", "authentication", {}, function()
        return server:client({ bearer_token = "wrong" }).scenarios:retrieve("scn_1")
      end)
      assert.are.equal("Invalid or missing API key.", err.message)
      server:reset()
      err = expect.failure("api", "permission_denied", client.scenarios:archive(server:ids("public")[1]))
      assert.are.same({ message = "Cannot archive public scenarios." }, err.body)
    end)

    it("knows its request: method, url without query, attempts, request id", function()
      local err = fails("api", "not_found", { status = 404, headers = { ["X-Request-Id"] = "req_12" } }, function()
        return client:request({ path = "/v1/x/a%2Fb?secret=1", query = { more = "2" } })
      end)
      assert.are.equal("GET", err.method)
      assert.are.equal(server.url .. "/v1/x/a%2Fb", err.url)
      assert.are.equal("req_12", err.request_id)
      local patient = server:client { max_retries = 2 }
      server:fault { status = 503, times = math.huge }
      err = expect.failure("api", "internal_server", patient.scenarios:list({ name = "n" }):next())
      assert.are.equal(3, err.attempts)
      assert.are.equal(server.url .. "/v1/scenarios", err.url)
      patient:close()
    end)

    it("has its body decoded when that is JSON, and as text otherwise", function()
      local function body(text, content_type)
        return fails("api", "bad_request", {
          status = 400, body = text, headers = { ["Content-Type"] = content_type },
        }).body
      end
      assert.are.same({ message = "m", code = 7 }, body('{"message":"m","code":7}', "application/json"))
      assert.are.same({ detail = "d" }, body('{"detail":"d"}', "application/problem+json; charset=utf-8"))
      assert.are.same({ message = "m" }, body('{"message":"m"}', "text/plain"))
      assert.are.equal("just text", body("just text", "text/plain"))
      assert.are.equal("{broken", body("{broken", "application/json"))
      assert.are.equal("<html>no</html>", body("<html>no</html>", "text/html"))
      assert.are.equal("", body("", "application/json"))
      assert.are.equal("quoted", body('"quoted"', "application/json"))
      assert.are.equal(runloop.null, body("null", "application/json"))
      assert.are.equal(runloop.array_mt, getmetatable(body("[1]", "application/json")))
    end)

    it("has a message whatever the body is, and is one line as a string", function()
      for _, case in ipairs {
        { '{"message":"Scenario with ID x not found"}', "Scenario with ID x not found" },
        { '{"message":"two\\nlines\\r\\n"}', "two" }, { "", "no body" }, { "<html>\n<h1>502</h1>\n", "<html>" },
        { '{"message":{"a":1}}', '{"message":{"a":1}}' }, { "[1,2]", "[1,2]" }, { "null", "null" }, { "{", "{" },
        { "\r\n\r\n", "no body" }, { '{"message":""}', '{"message":""}' }, { "\xff\xfe\0\1", "" },
      } do
        local err = fails("api", "not_found", { status = 404, body = case[1] })
        assert.is_string(err.message)
        assert.matches(case[2], err.message, 1, true)
        assert.is_nil(tostring(err):find("[%c\n]"))
        assert.matches("^runloop: 404 not_found: ", tostring(err))
      end
    end)

    it("reads as its status, code, message, request and id", function()
      local err = fails("api", "not_found", {
        status = 404, json = { message = "Scenario with ID x not found" }, headers = { ["X-Request-Id"] = "req_12" },
      }, function() return client.scenarios:archive("x") end)
      assert.are.equal(
        "runloop: 404 not_found: Scenario with ID x not found (POST /v1/scenarios/x/archive, request req_12)",
        tostring(err))
      assert.are.equal("error: " .. tostring(err), "error: " .. err)
      assert.are.equal(tostring(err) .. "!", err .. "!")
      assert.is_true(runloop.is_error(err))
    end)

    it("is what a 2xx is not, whatever the number", function()
      for _, status in ipairs { 200, 201, 202, 203, 206, 226, 299 } do
        server:fault { status = status, json = { id = "scn_1" } }
        local scenario, response = expect.success(client.scenarios:archive("scn_1"))
        assert.are.equal("scn_1", scenario.id)
        assert.are.equal(status, response.status)
      end
    end)
  end)

  it("is told from anything else by runloop.is_error", function()
    for _, value in ipairs { "text", 1, true, {}, { kind = "api" }, print, runloop.null } do
      assert.is_false(runloop.is_error(value))
    end
    assert.is_false(runloop.is_error(nil))
    assert.is_true(runloop.is_error(select(2, client.scenarios:archive("x"))))
  end)

  describe("never holds the token", function()
    local TOKEN = "sk-0123456789abcdef"

    local function search(value, seen)
      seen = seen or {}
      if type(value) == "table" and not seen[value] then
        seen[value] = true
        for k, v in pairs(value) do
          search(k, seen)
          search(v, seen)
        end
      end
      local text = tostring(value)
      assert.is_nil(text:find(TOKEN, 1, true), text)
      assert.is_nil(text:find(TOKEN:sub(1, 12), 1, true), text)
    end

    before_each(function()
      server:set { token = TOKEN }
      client = server:client { max_retries = 0, bearer_token = TOKEN }
    end)
    after_each(function() server:set { token = "test-token" } end)

    it("in whatever way the server repeats it", function()
      for _, status in ipairs { 400, 401, 429, 500, 302 } do
        local err = fails("api", nil, { echo_token = true, status = status })
        search(err)
        assert.matches("[redacted]", err.message .. tostring(err.headers["x-echo"]), 1, true)
      end
      for _, fault in ipairs {
        { status = 400, body = TOKEN }, { status = 400, body = "x " .. TOKEN .. " y" .. TOKEN },
        { status = 400, json = { [TOKEN] = { TOKEN, { a = TOKEN } }, message = TOKEN .. TOKEN } },
        { status = 404, headers = {
          ["X-Request-Id"] = TOKEN, Location = "http://x/?" .. TOKEN, ["Content-Type"] = TOKEN,
        } },
      } do
        search(fails("api", nil, fault))
      end
      search(fails("decode", "JSON", { status = 200, body = "<" .. TOKEN, headers = { ["X-Echo"] = TOKEN } }))
      search(fails("decode", "SHAPE", { status = 200, json = { TOKEN } }))
      local page = '{"scenarios":[{"a":"' .. TOKEN .. '"}],"has_more":false}'
      search(fails("decode", nil, { status = 200, body = page }, function() return client.scenarios:list():next() end))
      search(fails("decode", nil, { status = 200, body = TOKEN }, function()
        return client.scenarios.runs:download_logs("run_1")
      end))
      search(fails("api", "not_found", { status = 404 }, function() return client.scenarios:retrieve(TOKEN) end))
    end)

    it("not even in part, where an excerpt ends within it", function()
      for before = 180, 200 do
        search(fails("api", "bad_request", { status = 400, body = ("x"):rep(before) .. TOKEN .. ("y"):rep(50) }))
        search(fails("decode", "JSON", { status = 200, body = ("x"):rep(before) .. TOKEN .. ("y"):rep(50) }))
      end
    end)
  end)

  describe("of kind 'connection'", function()
    it("COULDNT_CONNECT: nobody listens", function()
      local port = support.free_port()
      local lonely = runloop.new { bearer_token = "k", base_url = "http://127.0.0.1:" .. port, max_retries = 0 }
      for _, call in ipairs {
        function() return lonely.scenarios:archive("scn_1") end,
        function() return lonely.scenarios:list():next() end,
        function() return lonely.scenarios.runs:download_logs("run_1") end,
        function() return lonely:request { path = "/v1/x" } end,
      } do
        local err = expect.failure("connection", "COULDNT_CONNECT", call())
        assert.is_true(err.retryable)
        assert.is_nil(err.status)
        assert.is_nil(err.maybe_sent)
        assert.is_nil(err.body)
        assert.are.equal(1, err.attempts)
        assert.matches("^runloop: connection COULDNT_CONNECT: .*%(%u+ /v1/", tostring(err))
      end
    end)

    it("COULDNT_RESOLVE_HOST or its like: a name that nobody has", function()
      local lost = runloop.new {
        bearer_token = "k", base_url = "https://no-such-host.invalid", max_retries = 0, proxy = "",
      }
      local value, err = lost.scenarios:retrieve("scn_1")
      assert.is_nil(value)
      -- Where no name server answers at all, it takes the connect timeout.
      assert.is_true(err.code == "COULDNT_RESOLVE_HOST" or err.code == "OPERATION_TIMEDOUT", tostring(err))
      assert.are.equal(err.code == "OPERATION_TIMEDOUT" and "timeout" or "connection", err.kind)
    end)

    it("GOT_NOTHING or RECV_ERROR: no answer", function()
      expect.failure("connection", nil, nil, fails("connection", "GOT_NOTHING", { close = true }))
      fails("connection", "RECV_ERROR", { reset = true })
    end)

    it("PARTIAL_FILE: half an answer, where the length or the chunks tell", function()
      for _, framing in ipairs { "length", "chunked" } do
        for _, call in ipairs {
          function() return client.scenarios:archive("scn_1") end,
          function() return client:request { path = "/v1/x" } end,
          function() return client.scenarios.runs:download_logs("run_1") end,
        } do
          local err = fails("connection", nil, {
            status = 200, body = '{"id":"scn_1","name":"a"}', cut = 10, framing = framing,
          }, call)
          assert.is_true(err.code == "PARTIAL_FILE" or err.code == "RECV_ERROR", err.code)
          assert.is_true(err.retryable)
        end
      end
    end)

    it("PARTIAL_FILE: half an answer, where only its JSON tells", function()
      fails("connection", "PARTIAL_FILE", {
        status = 200, body = '{"id":"scn_1","name":"a"}', cut = 20, framing = "close",
      })
      fails("connection", "PARTIAL_FILE", { status = 200, body = '{"a":1}', cut = 3, framing = "close" }, function()
        return client:request { path = "/v1/x" }
      end)
      fails("connection", "PARTIAL_FILE", { cut_items = 1, framing = "close" }, function()
        return client.scenarios:list():collect()
      end)
    end)

    it("of an error's body that broke off", function()
      local err = fails("connection", nil, { status = 500, json = { message = "long enough" }, cut = 5 })
      assert.is_true(err.retryable)
      assert.are_not.equal("api", err.kind)
    end)

    it("what is no HTTP at all", function()
      local err = fails("connection", nil, { garbage = true })
      assert.is_truthy(err.code)
      fails("connection", nil, { http09 = true })
    end)

    it("a compressed body that cannot be unpacked", function()
      fails("connection", "BAD_CONTENT_ENCODING", { gzip = "garbage", times = 2 }, function()
        return client.scenarios:retrieve(server:ids("scenario")[1])
      end)
      local err = fails("connection", nil, { gzip = "cut" }, function()
        return client.scenarios:retrieve(server:ids("scenario")[1])
      end)
      assert.is_true(err.retryable)
    end)

    it("after all retries, with their number", function()
      local patient = server:client { max_retries = 3 }
      server:fault { reset = true, times = math.huge }
      assert.are.equal(4, expect.failure("connection", nil, patient.scenarios:archive("scn_1")).attempts)
      patient:close()
    end)
  end)

  describe("says maybe_sent", function()
    it("when a non-GET got no answer but may have reached the server", function()
      for _, fault in ipairs { { close = true }, { reset = true } } do
        assert.is_true(fails("connection", nil, fault).maybe_sent)
        fault.times = nil
        assert.is_true(fails("connection", nil, fault, function()
          return client:request { method = "DELETE", path = "/v1/x" }
        end).maybe_sent)
      end
      local hasty = server:client { max_retries = 0, timeout = 0.6 }
      server:fault { silent = true }
      assert.is_true(expect.failure("timeout", nil, hasty.scenarios:archive("scn_1")).maybe_sent)
      server:fault { silent = true }
      local err = expect.failure("timeout", "DEADLINE", hasty.scenarios:archive("scn_1", { deadline = 0.4 }))
      assert.is_true(err.maybe_sent)
      hasty:close()
    end)

    it("when an earlier attempt may have", function()
      local raw = support.raw { { { read = "request" }, { close = true } }, { { read = "request" }, { close = true } } }
      local patient = raw:client { max_retries = 1, max_retry_wait = 0.01 }
      assert.is_true(expect.failure("connection", nil, patient.scenarios:archive("scn_1")).maybe_sent)
      assert.are.equal(2, raw:request_count())
      patient:close()
      raw:stop()
    end)

    it("when an earlier attempt may have, whatever a later one was answered", function()
      local patient = server:client { max_retries = 1 }
      for _, later in ipairs { { status = 404 }, { status = 302 }, { status = 200, body = "{" } } do
        server:fault({ reset = true }, later)
        local value, err = patient.scenarios:archive("scn_1")
        assert.is_nil(value)
        assert.are.equal(later.status, err.status)
        assert.is_true(err.maybe_sent)
        server:fault({ status = 503 }, later)
        assert.is_nil(select(2, patient.scenarios:archive("scn_1")).maybe_sent)
      end
      patient:close()
    end)

    it("when half an answer came, whatever its status", function()
      for _, framing in ipairs { "length", "chunked", "close" } do
        assert.is_true(fails("connection", nil, {
          status = 200, body = '{"id":"scn_1","name":"a"}', cut = 10, framing = framing,
        }).maybe_sent)
      end
    end)

    it("when the connection, kept alive, died under the request and libcurl sent it again", function()
      local id = server:ids("scenario")[1]
      for _, how in ipairs { "reset", "close" } do
        expect.success(client.scenarios:unarchive(id))
        server:fault({ [how] = true, effect = true }, { status = 404 })
        local err = expect.failure("api", "not_found", client.scenarios:archive(id))
        assert.are.equal(1, err.attempts)
        assert.is_true(err.maybe_sent)
        assert.are.same({ id }, server:ids "archived")
      end
    end)

    it("not when it was a GET, was answered, or never left", function()
      assert.is_nil(fails("connection", nil, { close = true }, function()
        return client.scenarios:retrieve("scn_1")
      end).maybe_sent)
      assert.is_nil(fails("api", nil, { status = 500 }).maybe_sent)
      assert.is_nil(fails("decode", nil, { status = 200, body = "{" }).maybe_sent)
      local lonely = runloop.new {
        bearer_token = "k", base_url = "http://127.0.0.1:" .. support.free_port(), max_retries = 0,
      }
      assert.is_nil(expect.failure("connection", nil, lonely.scenarios:archive("scn_1")).maybe_sent)
    end)
  end)

  describe("of kind 'tls'", function()
    it("is a certificate that is expired, another host's, self-signed or of an unknown authority #slow", function()
      for _, name in ipairs { "expired", "wrong_host", "self_signed", "unknown_ca" } do
        local nginx = support.nginx { proxy = server.url, certificate = name }
        local strict = nginx:client { max_retries = 0 }
        for _, call in ipairs {
          function() return strict.scenarios:archive("scn_1") end, function() return strict.scenarios:list():next() end,
        } do
          local err = expect.failure("tls", nil, call())
          assert.matches("^[%u_%d]+$", err.code)
          assert.is_nil(err.code:find("CURLE", 1, true))
          assert.is_nil(err.status)
          assert.is_nil(err.maybe_sent)
        end
        strict:close()
        nginx:stop()
      end
      assert.are.equal(0, server:count())
    end)

    it("is a server that speaks no TLS, or only an old one #slow", function()
      local plain = support.raw { { { read = 1 }, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" } }
      local strict = runloop.new { bearer_token = "k", base_url = plain.url:gsub("^http:", "https:"), max_retries = 0 }
      expect.failure("tls", "SSL_CONNECT_ERROR", strict.scenarios:archive("scn_1"))
      plain:stop()
      local old = support.raw { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", tls = {
        certificate = "localhost", protocol = "tlsv1_1",
      } }
      strict = old:client { max_retries = 0 }
      expect.failure("tls", nil, strict.scenarios:archive("scn_1"))
      assert.are.equal(0, old:request_count())
      old:stop()
    end)
  end)

  describe("of kind 'timeout'", function()
    it("OPERATION_TIMEDOUT: no answer in time, and it may be retried #slow", function()
      local hasty = server:client { timeout = 0.15, max_retries = 1 }
      server:fault { silent = true, times = 2 }
      local err = expect.failure("timeout", "OPERATION_TIMEDOUT", hasty.scenarios:archive("scn_1"))
      assert.are.equal(2, err.attempts)
      assert.is_true(err.retryable)
      for _, fault in ipairs {
        { body_delay = 5 }, { delay = 5 }, { status = 200, body = '{"id":1}', cut = 3, by = "stall" },
        { endless_headers = true },
      } do
        server:reset()
        server:fault(fault)
        local value
        value, err = hasty.scenarios:retrieve("scn_1", { max_retries = 0 })
        assert.is_nil(value)
        assert.is_true(err.kind == "timeout" or fault.endless_headers and err.kind == "limit", tostring(err))
      end
      hasty:close()
    end)

    it("DEADLINE: the whole call took too long", function()
      local err = fails("timeout", "DEADLINE", { silent = true }, function()
        return client.scenarios:archive("scn_1", { deadline = 0.1 })
      end)
      assert.is_false(err.retryable)
      assert.matches("0.1", err.message, 1, true)
      fails("timeout", "DEADLINE", { silent = true }, function()
        return client.scenarios:list({}, { deadline = 0.1 }):next()
      end)
    end)

    it("AWAIT: what was waited for did not come about", function()
      server:set { scoring_polls = math.huge }
      local run = expect.success(client.scenarios:start_run { scenario_id = server:ids("scenario")[1] })
      local err = expect.failure("timeout", "AWAIT", run:score_and_await { timeout = 0.6, interval = 0.02 })
      assert.are.equal("scoring", err.last.state)
      local task = client:spawn(function() client:sleep(60) end)
      expect.failure("timeout", "AWAIT", task:wait(0.01))
      task:cancel()
    end)
  end)

  describe("of kind 'decode'", function()
    it("JSON: a 2xx body that is not JSON; body is its beginning", function()
      for _, body in ipairs {
        "<html>" .. ("x"):rep(300), "{", '{"id":}', '{"id":"a"} trailing', '{"id":"a",}', "{'id':1}", '{"id":01}',
        '{"id":"\t"}', "\u{FEFF}\u{FEFF}{}", '{"a":1e999}', "nul",
      } do
        local err = fails("decode", "JSON", { status = 200, body = body })
        assert.are.equal(200, err.status)
        assert.are.equal(body:sub(1, 200), err.body)
        assert.is_false(err.retryable)
        assert.is_table(err.headers)
      end
      fails("decode", "JSON", { status = 200, body = "{" }, function() return client:request { path = "/v1/x" } end)
      local err = fails("decode", "JSON", { status = 200, body = "<html>" }, function()
        return client.scenarios:list():next()
      end)
      assert.are.equal("<html>", err.body)
      assert.are.equal("GET", err.method)
    end)

    it("SHAPE: JSON that is not what the API promises", function()
      for _, body in ipairs { "[]", "null", "1", '"text"', "true", "false", "" } do
        local err = fails("decode", nil, { status = 200, body = body })
        assert.are.equal(body, err.body)
        if body ~= "" then assert.are.equal("SHAPE", err.code) end
      end
      fails("decode", nil, { status = 204, body = "" })
      for _, page in ipairs { "no_list", "null_list", "object_list", "list_twice", "no_id", "empty_id", "array" } do
        fails("decode", "SHAPE", { page = page }, function() return client.scenarios:list():collect() end)
      end
      fails("decode", "SHAPE", { status = 200, body = "no zip" }, function()
        return client.scenarios.runs:download_logs(server:ids("run")[1])
      end)
    end)

    it("has code JSON or SHAPE, whatever the body", function()
      for _, body in ipairs { " ", "\n\t ", "\0", "{}{}", "]", "\xff", "/**/{}", "-", "[", '"' } do
        for _, call in ipairs {
          function() return client.scenarios:archive("scn_1") end,
          function() return client:request { path = "/v1/x" } end,
          function() return client.scenarios:list():next() end,
        } do
          local err = fails("decode", nil, { status = 200, body = body }, call)
          assert.is_true(err.code == "JSON" or err.code == "SHAPE", err.code)
        end
      end
    end)
  end)

  describe("of kind 'limit'", function()
    it("BODY_TOO_LARGE: more than max_body_bytes", function()
      local small = server:client { max_body_bytes = 500, max_retries = 3 }
      server:fault { status = 200, body = '{"a":"' .. ("x"):rep(1000) .. '"}', times = math.huge }
      local err = expect.failure("limit", "BODY_TOO_LARGE", small.scenarios:archive("scn_1"))
      assert.are.equal(1, err.attempts)
      assert.is_false(err.retryable)
      small:close()
    end)

    it("TOO_DEEP: more than 512 levels", function()
      local function nested(depth)
        return { status = 200, body = '{"a":' .. ("["):rep(depth - 1) .. ("]"):rep(depth - 1) .. "}" }
      end
      fails("limit", "TOO_DEEP", nested(513))
      server:fault(nested(512))
      expect.success(client.scenarios:archive("scn_1"))
      local page = '{"scenarios":[{"id":"a","x":' .. ("["):rep(511) .. ("]"):rep(511) .. '}],"has_more":false}'
      fails("limit", "TOO_DEEP", { status = 200, body = page }, function() return client.scenarios:list():collect() end)
    end)

    it("headers without end, and interim answers without end", function()
      local err = fails("limit", nil, { endless_headers = true })
      assert.matches("^[%u_]+$", err.code)
      local raw = support.raw { {
        { read = "request" }, { send = "HTTP/1.1 103 Early Hints\r\n\r\n", times = math.huge },
      } }
      local own = raw:client { max_retries = 0, timeout = 10 }
      local value
      value, err = own.scenarios:archive("scn_1")
      assert.is_nil(value)
      assert.are.equal("limit", err.kind, tostring(err))
      own:close()
      raw:stop()
    end)
  end)

  describe("of kind 'state'", function()
    it("has the state that was reached as its code, and the last view", function()
      for _, state in ipairs { "failed", "timeout", "canceled" } do
        server:reset()
        server:set { scoring_outcome = state, scoring_polls = 0 }
        local run = expect.success(client.scenarios:start_run { scenario_id = server:ids("scenario")[1] })
        local err = expect.failure("state", state, run:score_and_await { interval = 0.01 })
        assert.are.equal(state, err.last.state)
        assert.is_false(err.retryable)
      end
      server:reset()
      server:set { devbox_outcome = "failure" }
      local run = expect.success(client.scenarios:start_run { scenario_id = server:ids("scenario")[1] })
      local err = expect.failure("state", "failure", client.devboxes:await_running(run.devbox_id, { interval = 0.01 }))
      assert.are.equal("failure", err.last.status)
    end)
  end)

  describe("of kind 'cancelled'", function()
    it("CANCELLED: the task was, or its client was closed", function()
      server:fault { silent = true, times = 2 }
      local task = client:spawn(function() return client.scenarios:archive("scn_1") end)
      client:poll()
      task:cancel()
      assert.is_false(expect.failure("cancelled", "CANCELLED", task:wait()).retryable)
      task = client:spawn(function() return client.scenarios:archive("scn_1") end)
      client:poll()
      client:close()
      expect.failure("cancelled", "CANCELLED", task:wait())
    end)
  end)

  it("is raised by a for loop as a copy of what a call returns, which says where the loop is", function()
    server:fault { status = 403, json = { message = "no" } }
    local pager = client.scenarios:list()
    local ok, err = pcall(function() for _ in pager do error "an item" end end)
    assert.is_false(ok)
    expect.failure("api", "permission_denied", nil, err)
    local again, same = pager:next()
    assert.is_nil(again)
    assert.matches("^spec/errors_spec.lua:%d+$", err.where)
    assert.are.equal(tostring(same) .. " (at " .. err.where .. ")", tostring(err))
    err.where = nil
    assert.are.same(same, err)
  end)
end)
