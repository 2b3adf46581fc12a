-- Answers that come before the request's body has gone out, over HTTP/2.

local support = require "spec.support"

-- The flag END_STREAM: with the answer's headers, with its body, or not at all, since the request is not whole either.
local ENDS = { ["headers"] = { 1, nil }, ["body"] = { 0, 1 }, ["nothing"] = { 0, 0 } }

-- A step that answers as soon as a piece of the body is there, and from then on lets no more of it come: the stream's
-- window stays closed. The headers are HPACK (RFC 7541): literals with indexed names.
local function answers_at_once(ends)
  return { lua = ("local at_headers, at_body = %s, %s\n"):format(ends[1], ends[2]) .. [[
  local peer = ...
  local frame, answered = peer.frame, {}
  function peer:frame(kind, flags, stream, payload)
    if kind ~= 8 or stream == 0 then return frame(self, kind, flags, stream, payload) end
    if answered[stream] then return end
    answered[stream] = true
    frame(self, 1, 4 + at_headers, stream, "\x08\x03" .. "409" .. "\x0f\x0d\x01" .. (at_body and "2" or "0"))
    if at_body then frame(self, 0, at_body, stream, "{}") end
  end]] }
end

describe("An answer that comes before the request's body is sent", function()
  local peer, client

  after_each(function()
    if client then client:close() end
    if peer then peer:stop() end
  end)

  for what, ends in pairs(ENDS) do
    it("ends the call, and the connection serves the next ones; its stream ends with " .. what, function()
      peer = support.h2 { { answers_at_once(ends), { serve = { body = '{"id":"scn_1"}' } } } }
      client = peer:client { max_retries = 0, timeout = 5 }
      for _ = 1, 3 do
        local value, err = client:request { method = "POST", path = "/v1/large", body = { text = ("x"):rep(300000) } }
        assert.is_nil(value)
        assert.equal("conflict", err.code)
        assert.equal("scn_1", assert(client.scenarios:retrieve("scn_1")).id)
      end
      assert.equal(1, peer:connections())
    end)
  end
end)
