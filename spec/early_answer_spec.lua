-- Answers that come before the request's body has gone out, and calls that wait for a stream of HTTP/2.

local support = require "spec.support"
local expect = require "spec.support.expect"

-- The flag END_STREAM: with the answer's headers, with its body, or not at all, since the request is not whole either.
local ENDS = { ["headers"] = { 1, nil }, ["body"] = { 0, 1 }, ["nothing"] = { 0, 0 } }

local BODY = { text = ("x"):rep(300000) }

-- A step that answers as soon as a piece of the body is there, and from then on lets no more of it come: the stream's
-- window stays closed. The headers are HPACK (RFC 7541): literals with indexed names.
local function answers_at_once(status, ends)
  return { lua = ("local status, at_headers, at_body = %q, %s, %s\n"):format(status, ends[1], ends[2]) .. [[
  local peer = ...
  local frame, answered = peer.frame, {}
  function peer:frame(kind, flags, stream, payload)
    if kind ~= 8 or stream == 0 then return frame(self, kind, flags, stream, payload) end
    if answered[stream] then return end
    answered[stream] = true
    frame(self, 1, 4 + at_headers, stream, "\x08\x03" .. status .. "\x0f\x0d\x01" .. (at_body and "2" or "0"))
    if at_body then frame(self, 0, at_body, stream, "{}") end
  end]] }
end

describe("An answer that comes before the request's body is sent #slow", function()
  local peer, client

  after_each(function()
    if client then client:close() end
    if peer then peer:stop() end
  end)

  for what, ends in pairs(ENDS) do
    it("ends the call, and the connection serves the next ones; its stream ends with " .. what, function()
      peer = support.h2 { { answers_at_once("409", ends), { serve = { body = '{"id":"scn_1"}' } } } }
      client = peer:client { max_retries = 0, timeout = 5 }
      for _ = 1, 3 do
        local value, err = client:request { method = "POST", path = "/v1/large", body = BODY }
        assert.is_nil(value)
        assert.equal("conflict", err.code)
        assert.equal("scn_1", assert(client.scenarios:retrieve("scn_1")).id)
      end
      assert.equal(1, peer:connections())
    end)
  end

  it("ends a call that succeeded when the server reads no more for a second", function()
    peer = support.h2 { { answers_at_once("200", ENDS.body), { serve = {} } } }
    client = peer:client { max_retries = 0, timeout = 20 }
    local began = support.now()
    local _, response = expect.success(client:request { method = "POST", path = "/v1/large", body = BODY })
    assert.are.equal(200, response.status)
    assert.is_true(support.now() - began >= 0.9, "the server was given no time")
    assert.is_true(support.now() - began < 10)
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
