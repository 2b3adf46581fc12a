-- client:request: the rest of the API.
local runloop = require "runloop"
local stand_in = require "spec.support.stand_in"
local portable = require "spec.support.portable"
local expect = require "spec.support.expect"

describe("client:request", function()
  local server, client
  stand_in({ scenarios = 5 }, function(started)
    server, client = started, started:client()
  end)

  local function answered(body, content_type, status)
    server:fault {
      status = status or 200, body = body, headers = { ["Content-Type"] = content_type or "application/json" },
    }
    return client:request { path = "/v1/x" }
  end

  it("gets what the API has", function()
    local me, response = expect.success(client:request { path = "/v1/accounts/me" })
    assert.are.same({ "acc_1", "Ada" }, { me.id, me.name })
    assert.are.equal(200, response.status)
    assert.are.equal("GET", server:last().method)
  end)

  describe("gives", function()
    it("decoded JSON, of any type", function()
      assert.are.same({ a = { 1, 2.5, "x" } }, (expect.success(answered '{"a":[1,2.5,"x"]}')))
      assert.are.equal(runloop.array_mt, getmetatable((expect.success(answered "[]"))))
      assert.are.equal("text", (expect.success(answered '"text"')))
      local one = expect.success(answered "1")
      assert.are.equal("integer", portable.math_type(one))
      assert.is_true((expect.success(answered "true")))
      local value, response = answered "false"
      assert.is_false(value)
      assert.are.equal(200, response.status)
      assert.are.equal(runloop.null, (expect.success(answered "null")))
      assert.are.equal(runloop.null, (expect.success(answered " null ")))
    end)

    it("decoded JSON under every name that JSON goes by", function()
      for _, name in ipairs {
        "application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/problem+json",
        "application/vnd.runloop.v1+json;charset=UTF-8", " application/json ;x", "text/json",
      } do
        assert.are.same({ 1 }, (expect.success(answered("[1]", name))))
      end
    end)

    it("text where the answer is not JSON", function()
      for _, name in ipairs {
        "text/plain", "text/html; charset=utf-8", "application/octet-stream", "application/x-ndjson",
        "application/jsonl", "application/json-seq",
      } do
        assert.are.equal('{"a":1}\n{"a":2}', (expect.success(answered('{"a":1}\n{"a":2}', name))))
      end
      local bytes = "\0\1\255\r\n\0" .. ("\xfe"):rep(100000)
      assert.are.equal(bytes, (expect.success(answered(bytes, "application/octet-stream"))))
      server:fault { status = 200, body = "bare", set_headers = { ["Content-Type"] = false } }
      assert.are.equal("bare", (expect.success(client:request { path = "/v1/x" })))
    end)

    it("true where there is no body", function()
      assert.is_true((expect.success(answered "")))
      assert.is_true((expect.success(answered("", "text/plain"))))
      server:fault { status = 204 }
      local value, response = expect.success(client:request { path = "/v1/x" })
      assert.is_true(value)
      assert.are.equal(204, response.status)
      server:fault { status = 200, body = "", framing = "chunked" }
      assert.is_true((expect.success(client:request { path = "/v1/x" })))
      server:fault { status = 200, body = "", framing = "close" }
      assert.is_true((expect.success(client:request { path = "/v1/x" })))
    end)

    it("nulls as asked for", function()
      server:fault { status = 200, body = '{"a":null,"b":[null]}', times = 2 }
      assert.are.same({ b = { runloop.null } }, (expect.success(client:request { path = "/v1/x" })))
      assert.are.same({ a = runloop.null, b = { runloop.null } },
        (expect.success(client:request({ path = "/v1/x" }, { nulls = "keep" }))))
    end)
  end)

  it("makes HEAD requests, which have no body whatever the headers promise", function()
    local id = server:ids("scenario")[1]
    local value, response = expect.success(client:request { method = "HEAD", path = "/v1/scenarios/" .. id })
    assert.is_true(value)
    assert.are.equal(200, response.status)
    assert.are.equal("HEAD", server:last().method)
    assert.is_true((expect.success(client:request { method = "HEAD", path = "/v1/scenarios/" .. id })))
    assert.are.equal(1, client:stats().connections)
    expect.failure("api", "not_found", client:request { method = "HEAD", path = "/v1/scenarios/nowhere" })
  end)

  it("makes DELETE requests, with a body or without", function()
    server:fault { method = "DELETE", status = 204, times = 2 }
    assert.is_true((expect.success(client:request { method = "DELETE", path = "/v1/axons/axn_1" })))
    assert.are.equal("DELETE", server:last().method)
    assert.are.equal("", server:last().body)
    assert.is_true((expect.success(client:request {
      method = "DELETE", path = "/v1/axons/axn_1", body = { force = true },
    })))
    assert.are.equal("DELETE", server:last().method)
    assert.are.equal('{"force":true}', server:last().body)
    assert.are.equal("14", server:last().header["content-length"])
  end)

  it("makes requests of any other method", function()
    for _, method in ipairs { "POST", "PUT", "PATCH", "OPTIONS", "PROPFIND" } do
      server:fault { status = 200, json = {}, times = 2 }
      expect.success(client:request { method = method, path = "/v1/x" })
      assert.are.equal(method, server:last().method)
      assert.are.equal("", server:last().body)
      expect.success(client:request { method = method, path = "/v1/x", body = { 1 } })
      assert.are.equal(method, server:last().method)
      assert.are.equal("[1]", server:last().body)
    end
  end)

  it("sends Content-Length: 0 where a body would be expected and there is none", function()
    for _, method in ipairs { "POST", "PUT", "PATCH" } do
      server:fault { status = 200, json = {} }
      expect.success(client:request { method = method, path = "/v1/x" })
      assert.are.equal("0", server:last().header["content-length"])
      assert.is_nil(server:last().header["transfer-encoding"])
    end
    server:fault { status = 200, json = {} }
    expect.success(client:request { path = "/v1/x" })
    assert.is_nil(server:last().header["content-length"])
  end)

  it("sends any JSON value as body, and leaves it as it is", function()
    local marked = runloop.array {}
    for _, case in ipairs {
      { {}, "{}" }, { marked, "[]" }, { { 1, "a", true, runloop.null }, '[1,"a",true,null]' }, { "text", '"text"' },
      { 5, "5" }, { 1.0, portable.integers and "1.0" or "1" }, { false, "false" }, { runloop.null, "null" },
      { { b = { { c = {} } } }, '{"b":[{"c":{}}]}' },
    } do
      server:fault { status = 200, json = {} }
      expect.success(client:request { method = "POST", path = "/v1/x", body = case[1] })
      assert.are.equal(case[2], server:last().body)
      assert.are.equal(tostring(#case[2]), server:last().header["content-length"])
    end
    assert.are.equal(runloop.array_mt, getmetatable(marked))
  end)

  it("sends a scenario that came back as a body", function()
    local scenario = expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
    server:fault { status = 200, json = {} }
    expect.success(client:request { method = "POST", path = "/v1/x", body = scenario })
    assert.are.equal(runloop.json.encode(scenario), server:last().body)
  end)

  it("takes headers of its own, over which those of the call options win", function()
    server:fault { status = 200, json = {} }
    expect.success(client:request({
      path = "/v1/x", headers = { ["X-One"] = "field", ["X-Two"] = "field", Accept = false },
    }, { headers = { ["x-two"] = "option" } }))
    local header = server:last().header
    assert.are.equal("field", header["x-one"])
    assert.are.equal("option", header["x-two"])
    assert.is_nil(header.accept)
  end)

  it("refuses bad fields, naming them, before anything is sent", function()
    local function refuses(text, fields, options)
      local message = expect.raises(text, function() client:request(fields, options) end)
      assert.matches("client:request", message, 1, true)
    end
    refuses("'path'", {})
    refuses("client:request", nil)
    refuses("client:request", "/v1/x")
    for _, path in ipairs {
      "", "v1/x", "https://api.runloop.ai/v1/x", "/v1/a b", "/v1/\r\nX: 1", "/v1/\0", "/v1/x#top", "/v1/../x", "/v1/.",
      "/./x", "/v1/%2e%2E/x", "/v1/.%2e", 7, true,
    } do
      refuses("'path'", { path = path })
    end
    for _, method in ipairs { "get", "", "G T", "POST\r\n", "P\0", 1, true } do
      refuses("'method'", { method = method, path = "/v1/x" })
    end
    refuses("unknown field 'metod' (did you mean 'method'?)", { metod = "POST", path = "/v1/x" })
    refuses("unknown field 'json'", { path = "/v1/x", json = {} })
    refuses("'query'", { path = "/v1/x", query = "a=b" })
    refuses("'headers'", { path = "/v1/x", headers = "X: 1" })
    refuses("X-Note", { path = "/v1/x", headers = { ["X-Note"] = 1 / 0 > 0 } })
    refuses("body", { method = "POST", path = "/v1/x", body = print })
    refuses("body", { method = "POST", path = "/v1/x", body = { a = { b = 0 / 0 } } })
    refuses("a.b", { method = "POST", path = "/v1/x", body = { a = { b = 0 / 0 } } })
    refuses("body", { method = "POST", path = "/v1/x", body = { [1] = 1, x = 2 } })
    refuses("body", { method = "POST", path = "/v1/x", body = { [1] = 1, [3] = 3 } })
    refuses("body", { method = "POST", path = "/v1/x", body = "\xff" })
    local cyclic = {}
    cyclic.self = cyclic
    refuses("self", { method = "POST", path = "/v1/x", body = cyclic })
    refuses("body", { path = "/v1/x", body = { a = 1 } })
    refuses("body", { method = "HEAD", path = "/v1/x", body = { a = 1 } })
    assert.are.equal(0, server:count())
  end)

  it("leaves its fields as they are", function()
    local fields = {
      method = "POST", path = "/v1/x", query = { a = { 1, 2 } }, body = { tags = {}, n = 1 },
      headers = { ["X-One"] = 1 },
    }
    server:fault { status = 200, json = {}, times = 2 }
    for _ = 1, 2 do
      expect.success(client:request(fields))
      assert.are.same({
        method = "POST", path = "/v1/x", query = { a = { 1, 2 } }, body = { tags = {}, n = 1 },
        headers = { ["X-One"] = 1 },
      }, fields)
    end
    assert.are.equal(server:log()[1].target, server:log()[2].target)
    assert.are.equal(server:log()[1].body, server:log()[2].body)
  end)

  it("retries like any other call", function()
    server:fault { status = 503, times = 2 }
    local _, response = expect.success(client:request { path = "/v1/accounts/me" })
    assert.are.equal(3, response.attempts)
  end)
end)
