local core = require "runloop.core"
local errors = require "runloop.error"

local function not_found(fields)
  local err = {
    kind = "api", code = "not_found", status = 404, message = "Scenario with ID x not found",
    method = "POST", url = "https://api.runloop.ai/v1/scenarios/x/archive", request_id = "req_12",
  }
  for name, value in pairs(fields or {}) do
    err[name] = value
  end
  return errors.new(err)
end

describe("an error", function()
  it("reads as one line with status, code, message, request and request id", function()
    assert.equal("runloop: 404 not_found: Scenario with ID x not found "
      .. "(POST /v1/scenarios/x/archive, request req_12)", tostring(not_found()))
  end)

  it("leads with its kind where there was no answer", function()
    local err = errors.new {
      kind = "connection", code = "COULDNT_CONNECT", message = "refused", method = "GET",
      url = "http://127.0.0.1:1/v1/scenarios",
    }
    assert.equal("runloop: connection COULDNT_CONNECT: refused (GET /v1/scenarios)", tostring(err))
  end)

  it("keeps the prefix of a base URL's path", function()
    local err = not_found { url = "https://h/pre/v1/x", request_id = false }
    assert.equal("runloop: 404 not_found: Scenario with ID x not found (POST /pre/v1/x)", tostring(err))
  end)

  it("stays one line whatever the server wrote", function()
    local err = not_found { message = "a\r\nb\tc\0d" }
    assert.truthy(tostring(err):find("not_found: a b c d (", 1, true))
  end)

  it("needs no more than a kind", function()
    assert.equal("runloop: cancelled", tostring(errors.new { kind = "cancelled" }))
  end)

  it("is concatenated as its line on either side", function()
    local err = errors.new { kind = "timeout", code = "AWAIT", message = "late" }
    assert.equal("oh: runloop: timeout AWAIT: late", "oh: " .. err)
    assert.equal("runloop: timeout AWAIT: late!", err .. "!")
    assert.equal("1runloop: timeout AWAIT: late", 1 .. err)
    assert.equal(tostring(err) .. tostring(err), err .. err)
  end)

  it("is told from other values", function()
    assert.is_true(errors.is(errors.new { kind = "api" }))
    assert.is_false(errors.is { kind = "api" })
    assert.is_false(errors.is "runloop: timeout")
    assert.is_false(errors.is(nil))
    assert.equal("runloop.error", getmetatable(errors.new { kind = "api" }).__name)
  end)

  it("shows the URL without its query", function()
    assert.equal("https://h/v1/scenarios", errors.new { kind = "api", url = "https://h/v1/scenarios?name=x" }.url)
  end)

  it("is not retryable unless told so", function()
    assert.is_false(errors.new { kind = "decode" }.retryable)
    assert.is_true(errors.new { kind = "connection", retryable = true }.retryable)
  end)
end)

describe("the error of an answer", function()
  local codes = {
    [302] = "status_302", [400] = "bad_request", [401] = "authentication", [402] = "status_402",
    [403] = "permission_denied", [404] = "not_found", [408] = "status_408", [409] = "conflict",
    [422] = "unprocessable_entity", [429] = "rate_limit", [500] = "internal_server", [503] = "internal_server",
  }
  for status, code in pairs(codes) do
    it("has the code " .. code .. " for " .. status, function()
      local err = errors.api(status, "")
      assert.equal("api", err.kind)
      assert.equal(status, err.status)
      assert.equal(code, err.code)
    end)
  end

  it("takes its message from the body's message, and keeps the body and the headers", function()
    local body, headers = { message = "bad thing", code = "X1" }, { ["x-a"] = "b" }
    local err = errors.api(400, body, headers)
    assert.equal("bad thing", err.message)
    assert.equal(body, err.body)
    assert.equal(headers, err.headers)
  end)

  it("finds a message where other servers put it", function()
    assert.equal("no", errors.api(400, { error = "no" }).message)
    assert.equal("no", errors.api(400, { error = { message = "no" } }).message)
    assert.equal("no", errors.api(400, { detail = "no" }).message)
  end)

  it("shows a body without a message as JSON", function()
    assert.equal('{"message":{"a":1}}', errors.api(422, { message = { a = 1 } }).message)
    assert.equal("[1,2]", errors.api(400, { 1, 2 }).message)
  end)

  it("does not show a large body without a message", function()
    local body = {}
    for i = 1, 1000 do
      body[i] = { i }
    end
    assert.equal("the answer's body has no message", errors.api(400, body).message)
  end)

  it("shows the first line of a text", function()
    assert.equal("<html>x</html>", errors.api(502, "\n\n  <html>x</html>\r\n<p>").message)
  end)

  it("cuts a long line, and no character in two", function()
    local message = errors.api(502, ("x"):rep(199) .. "é" .. ("y"):rep(100)).message
    assert.equal(("x"):rep(199) .. "...", message)
  end)

  it("says so when there is no body", function()
    assert.equal("status code (no body)", errors.api(404, "").message)
    assert.equal("status code (no body)", errors.api(404, " \n").message)
  end)

  it("is retryable where a retry may help, as the server has the last word on", function()
    assert.is_true(errors.api(503, "").retryable)
    assert.is_false(errors.api(404, "").retryable)
    assert.is_false(errors.api(503, "", { ["x-should-retry"] = "false" }).retryable)
  end)
end)

describe("scrubbing", function()
  local token = "ak_secret-token.1"

  local function cleaner(secret)
    local clean = core.scrubber()
    clean:add(secret)
    return clean
  end

  it("removes the token from every field, at any depth and from names too", function()
    local err = errors.new {
      kind = "api", message = "token " .. token .. " is " .. token, url = "https://h/" .. token,
      body = { [token] = { { "Bearer " .. token } } }, headers = { ["www-authenticate"] = token },
    }
    assert.equal(err, errors.scrub(err, cleaner(token)))
    assert.equal("token [redacted] is [redacted]", err.message)
    assert.equal("https://h/[redacted]", err.url)
    assert.same({ ["[redacted]"] = { { "Bearer [redacted]" } } }, err.body)
    assert.equal("[redacted]", err.headers["www-authenticate"])
  end)

  it("keeps the marks of arrays", function()
    local mt = {}
    local err = errors.scrub(errors.new { kind = "api", body = setmetatable({ token }, mt) }, cleaner(token))
    assert.equal(mt, getmetatable(err.body))
  end)

  it("removes what a cut left of the token", function()
    assert.equal("token: [redacted]", errors.scrub("token: " .. token:sub(1, -3), cleaner(token)))
    assert.equal("token: ak", errors.scrub("token: ak", cleaner(token)))
  end)

  it("takes the token literally", function()
    assert.equal("a.b.c.d.e", errors.scrub("a.b.c.d.e", cleaner "%w.%w.%w"))
    assert.equal("[redacted]b", errors.scrub("%w.%w.%wb", cleaner "%w.%w.%w"))
  end)

  it("passes strings and values by when there is nothing to remove", function()
    assert.equal("x", errors.scrub("x", cleaner(token)))
    assert.equal(1, errors.scrub(1, cleaner(token)))
  end)
end)
