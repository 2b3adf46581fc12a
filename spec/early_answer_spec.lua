-- Answers that come before the request's body has gone out, and calls that wait for a stream of HTTP/2.

local support = require "spec.support"
local expect = require "spec.support.expect"

local BODY = { text = ("x"):rep(8000000) } -- more than the buffers between client and server take

-- Large bodies go over connections of their own, in HTTP/1.1. This one answers as soon as the head of the request is
-- there, and reads no more; it is closed after some seconds, or at once.
local function answers_at_once(status, seconds)
  return {
    http1 = ("HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"):format(status),
    early = seconds,
  }
end

describe("An answer that comes before the request's body is sent #slow", function()
  local peer, client

  after_each(function()
    if client then client:close() end
    if peer then peer:stop() end
  end)

  for what, seconds in pairs { ["stays silent"] = 30, ["closes the connection"] = 0.3 } do
    it("ends the call when it is a refusal, and the next ones go on; the server " .. what, function()
      local refusal = answers_at_once("409 Conflict", seconds)
      peer = support.h2 { refusal, { { serve = { body = '{"id":"scn_1"}' } } }, refusal }
      client = peer:client { max_retries = 0, timeout = 5 }
      for _ = 1, 3 do
        local value, err = client:request { method = "POST", path = "/v1/large", body = BODY }
        assert.is_nil(value)
        assert.equal("conflict", err.code)
        assert.equal("scn_1", assert(client.scenarios:retrieve("scn_1")).id)
      end
      assert.equal(4, peer:connections())
    end)
  end

  it("ends a call that succeeded when the server reads no more for a second", function()
    peer = support.h2 { answers_at_once("200 OK", 30) }
    client = peer:client { max_retries = 0, timeout = 20 }
    local began = support.now()
    local _, response = expect.success(client:request { method = "POST", path = "/v1/large", body = BODY })
    assert.are.equal(200, response.status)
    assert.is_true(support.now() - began >= 0.9, "the server was given no time")
    assert.is_true(support.now() - began < 10)
  end)

  it("counts when the connection closes behind it", function()
    peer = support.h2 { answers_at_once("200 OK", 0.3) }
    client = peer:client { max_retries = 0, timeout = 20 }
    expect.success(client:request { method = "POST", path = "/v1/large", body = BODY })
  end)

  it("leaves the body whole over HTTP/1.1, with TLS as without", function()
    for _, tls in ipairs { false, "localhost" } do
      peer = support.raw {
        { { read = 300 }, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
          { sleep = 0.2 }, { read = "eof" } },
        tls = tls or nil,
      }
      client = peer:client { max_retries = 0, timeout = 20 }
      expect.success(client:request { method = "POST", path = "/v1/large", body = { text = ("x"):rep(5000000) } })
      client:close()
      local received = 0
      for _ = 1, 500 do
        received = #peer:log()[1].received
        if received >= 5000000 then break end
        support.sleep(0.01)
      end
      assert.is_true(received > 5000000, "the server got " .. received .. " bytes")
      peer:stop()
    end
  end)
end)

describe("Calls that wait for a stream #slow", function()
  it("are not counted against connect_timeout and timeout", function()
    local peer = support.h2 { { { serve = { delay = 0.3 } } }, settings = { MAX_CONCURRENT_STREAMS = 2 } }
    local client = peer:client { max_retries = 0, timeout = 1.5, connect_timeout = 0.5, max_connections = 1 }
    expect.success(client:request { path = "/v1/first" })
    local _, failed = client:map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function(i)
      return client:request { path = "/v1/" .. i }
    end, { concurrency = 8 })
    assert.is_nil(failed)
    assert.are.equal(1, peer:connections())
    client:close()
    peer:stop()
  end)
end)
