--- Streams of events as an answer: framed, sent as they come, ended when the client goes.
local loop = require "loop"

local sse = {}

--- A frame of the wire.
function sse.frame(data, event)
  return (event and "event: " .. event .. "\n" or "") .. "data: " .. data .. "\n\n"
end

--- An answer whose body `play(sink)` sends. The sink has
---   sink:send(frame, …) -> true, or nil when the client is gone or a fault has ended the stream
---   sink:wait(event[, seconds]) -> true, or nil and "timeout"; look at `sink.gone` afterwards
function sse.answer(play)
  return {
    status = 200, stream = play,
    headers = { { "Content-Type", "text/event-stream" }, { "Cache-Control", "no-cache" } },
  }
end

--- What the API does with a stream that was silent for too long.
function sse.idle_frame()
  return sse.frame('{"code":"408","message":"Stream timed out waiting for events."}', "error")
end

local sink = {}
sink.__index = sink

--- A sink on a connection whose head was sent. It watches for the client's going.
function sse.sink(conn, chunked)
  local self = setmetatable({ conn = conn, chunked = chunked, gone = false }, sink)
  loop.spawn(function()
    while not self.ended and conn:fill() do end
    if self.ended then return end
    self.gone = true
    if self.event then self.event:fire() end
  end)
  return self
end

--- Sends bytes as they are: true, or nil when the client is gone.
function sink:write(text)
  if self.gone then return nil end
  if text == "" then return true end
  if self.chunked then text = ("%x\r\n%s\r\n"):format(#text, text) end
  if not self.conn:send(text) then self.gone = true end
  return not self.gone or nil
end

function sink:send(...)
  return self:write(table.concat({ ... }))
end

function sink:wait(event, seconds)
  if self.gone then return nil, "gone" end
  self.event = event
  local ok, why = event:wait(seconds)
  self.event = nil
  return ok, why
end

--- Ends the body; true when the connection may be used again.
function sink:finish()
  self.ended = true
  -- The watcher stops waiting for the socket, which the next request is read from.
  if not self.conn.closed then loop.forget(self.conn.sock) end
  if self.gone then return false end
  if self.chunked then return self.conn:send("0\r\n\r\n") ~= nil end
  return false
end

return sse
