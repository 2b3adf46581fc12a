--- A scripted HTTP/2 peer: enough frames to answer requests and to play every fault a server can have.
local hpack = require "hpack"
local loop = require "loop"
local socket = require "socket"

local h2 = {}

local PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

local DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
local END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32

local ERRORS = {
  NO_ERROR = 0, PROTOCOL_ERROR = 1, INTERNAL_ERROR = 2, FLOW_CONTROL_ERROR = 3, SETTINGS_TIMEOUT = 4,
  STREAM_CLOSED = 5, FRAME_SIZE_ERROR = 6, REFUSED_STREAM = 7, CANCEL = 8, COMPRESSION_ERROR = 9,
  CONNECT_ERROR = 10, ENHANCE_YOUR_CALM = 11, INADEQUATE_SECURITY = 12, HTTP_1_1_REQUIRED = 13,
}
local SETTING_IDS = {
  HEADER_TABLE_SIZE = 1, ENABLE_PUSH = 2, MAX_CONCURRENT_STREAMS = 3, INITIAL_WINDOW_SIZE = 4,
  MAX_FRAME_SIZE = 5, MAX_HEADER_LIST_SIZE = 6,
}

local MAX_FRAME, WINDOW = 16384, 65535

local peer = {}
peer.__index = peer

local function code_number(code)
  return type(code) == "number" and code or ERRORS[code or "NO_ERROR"] or error("no such HTTP/2 error: " .. code, 0)
end

--- Sends bytes. The script and the frames' reader both do: whoever comes second leaves it to the first.
function peer:send(bytes)
  self.outgoing[#self.outgoing + 1] = bytes
  if self.sending then return end
  self.sending = true
  while self.outgoing[1] do
    local all = table.concat(self.outgoing)
    self.outgoing = {}
    if not self.conn:send(all) then break end
  end
  self.sending = false
  self.sent:fire()
end

function peer:frame(kind, flags, stream, payload)
  payload = payload or ""
  return self:send((">I3BBI4"):pack(#payload, kind, flags or 0, stream or 0) .. payload)
end

function peer:settings(settings)
  local parts = {}
  for name, value in pairs(settings or {}) do
    parts[#parts + 1] = (">I2I4"):pack(assert(SETTING_IDS[name], "no such setting: " .. name), value)
  end
  self:frame(SETTINGS, 0, 0, table.concat(parts))
end

local function finish_request(self, stream)
  if stream.n then return end
  local header = {}
  for _, h in ipairs(stream.headers) do header[h[1]] = h[2] end
  self.count = self.count + 1
  stream.n = self.count
  self.requests[stream.n] = stream
  table.insert(self.server.log, {
    connection = self.conn.number, n = stream.n, at = socket.gettime() - self.server.begun, stream = stream.id,
    method = header[":method"], path = header[":path"], headers = stream.headers, header = header,
    body = table.concat(stream.body),
  })
  self.changed:fire()
end

local function strip_padding(flags, payload)
  if flags & PADDED == 0 then return payload end
  local length = payload:byte(1)
  return payload:sub(2, #payload - length)
end

local on_frame = {}

on_frame[HEADERS] = function(self, flags, id, payload)
  local block = strip_padding(flags, payload)
  if flags & PRIORITY ~= 0 then block = block:sub(6) end
  while flags & END_HEADERS == 0 do
    local kind, more, _, text = self:read_frame()
    if kind ~= CONTINUATION then error("HTTP/2: CONTINUATION expected", 0) end
    block = block .. text
    flags = flags | more & END_HEADERS
  end
  local stream = { id = id, headers = self.decode(block), body = {}, window = self.initial_window }
  self.streams[id] = stream
  if flags & END_STREAM ~= 0 then finish_request(self, stream) end
end

on_frame[DATA] = function(self, flags, id, payload)
  local stream = self.streams[id]
  if #payload > 0 then
    self:frame(WINDOW_UPDATE, 0, 0, (">I4"):pack(#payload))
    if flags & END_STREAM == 0 then self:frame(WINDOW_UPDATE, 0, id, (">I4"):pack(#payload)) end
  end
  if not stream then return end
  table.insert(stream.body, strip_padding(flags, payload))
  if flags & END_STREAM ~= 0 then finish_request(self, stream) end
end

on_frame[SETTINGS] = function(self, flags, _, payload)
  if flags & ACK ~= 0 then return end
  for i = 1, #payload, 6 do
    local name, value = (">I2I4"):unpack(payload, i)
    if name == SETTING_IDS.INITIAL_WINDOW_SIZE then
      for _, stream in pairs(self.streams) do stream.window = stream.window + value - self.initial_window end
      self.initial_window = value
    end
  end
  self:frame(SETTINGS, ACK)
  self.changed:fire()
end

on_frame[PING] = function(self, flags, _, payload)
  if flags & ACK == 0 then self:frame(PING, ACK, 0, payload) end
end

on_frame[WINDOW_UPDATE] = function(self, _, id, payload)
  local n = (">I4"):unpack(payload)
  if id == 0 then
    self.window = self.window + n
  elseif self.streams[id] then
    self.streams[id].window = self.streams[id].window + n
  end
  self.changed:fire()
end

on_frame[RST_STREAM] = function(self, _, id)
  local stream = self.streams[id]
  if stream then stream.reset, stream.answered = true, true end
  self.changed:fire()
end

function peer:read_frame()
  local head = self.conn:read(9)
  if not head then return nil end
  local length, kind, flags, stream = (">I3BBI4"):unpack(head)
  local payload = self.conn:read(length)
  if not payload then return nil end
  return kind, flags, stream & 0x7FFFFFFF, payload
end

local function read_frames(self)
  local ok, err = pcall(function()
    while true do
      local kind, flags, stream, payload = self:read_frame()
      if not kind then break end
      if on_frame[kind] then on_frame[kind](self, flags, stream, payload) end
    end
  end)
  self.gone = true
  self.changed:fire()
  if not ok then error(err, 0) end
end

--- Waits until n requests have arrived; false when the client went away before.
function peer:wait(n)
  while self.count < n and not self.gone do self.changed:wait() end
  return self.count >= n
end

function peer:headers(n, answer, end_stream)
  local block = { { ":status", answer.status or 200 } }
  local has_type = false
  for _, h in ipairs(answer.headers or {}) do
    block[#block + 1] = h
    has_type = has_type or h[1]:lower() == "content-type"
  end
  if not has_type then table.insert(block, 2, { "content-type", "application/json" }) end
  self:frame(HEADERS, END_HEADERS | (end_stream and END_STREAM or 0), self.requests[n].id, hpack.encode(block))
end

--- Sends DATA of request n as the client's windows allow.
function peer:data(n, body, finish)
  local stream = self.requests[n]
  local first = 1
  repeat
    local room = math.min(self.window, stream.window, MAX_FRAME)
    local piece = body:sub(first, first + math.max(0, room) - 1)
    local last = first + #piece > #body
    if self.gone or stream.reset then return end
    if piece == "" and not last then
      self.changed:wait()
    else
      self.window, stream.window = self.window - #piece, stream.window - #piece
      first = first + #piece
      if piece ~= "" or finish then
        self:frame(DATA, last and finish and END_STREAM or 0, stream.id, piece)
      end
    end
  until last
end

--- Answers request n; with `cut` only so many bytes of the body, and the stream stays open.
function peer:answer(n, answer)
  local stream = self.requests[n]
  stream.answered = true
  if answer.delay then loop.sleep(answer.delay) end
  local body = answer.body or "{}"
  if answer.cut then
    self:headers(n, answer, false)
    self:data(n, body:sub(1, answer.cut), false)
  else
    self:headers(n, answer, body == "")
    if body ~= "" then self:data(n, body, true) end
  end
end

function peer:rst(n, code)
  local stream = self.requests[n]
  stream.answered = true
  self:frame(RST_STREAM, 0, stream.id, (">I4"):pack(code_number(code)))
end

--- The last request that was taken up is n (0: none; nil: all there can be).
function peer:goaway(n, code)
  local id = n == 0 and 0 or n and self.requests[n].id or 0x7FFFFFFF
  self:frame(GOAWAY, 0, 0, (">I4I4"):pack(id, code_number(code)))
end

--- Answers what waits and what comes, `count` requests or until the client goes.
function peer:serve(answer, count)
  local served = 0
  while not (count and served >= count) do
    local waiting = self:unanswered()
    if waiting[1] then
      self:answer(waiting[1], answer)
      served = served + 1
    elseif self.gone then
      return
    else
      self.changed:wait()
    end
  end
end

--- The numbers of the requests that have no answer yet.
function peer:unanswered()
  local list = {}
  for n = 1, self.count do
    if not self.requests[n].answered then list[#list + 1] = n end
  end
  return list
end

local function each(self, n, action)
  if n == "all" then
    for _, i in ipairs(self:unanswered()) do action(i) end
  elseif self:wait(n) then
    action(n)
  end
end

-- A step that returns false ends the script: the client has gone.
local steps = {}

function steps.wait(self, step) return self:wait(step.wait) end
function steps.answer(self, step) each(self, step.answer, function(n) self:answer(n, step) end) end
function steps.serve(self, step) self:serve(step.serve, step.count) end
function steps.rst(self, step) each(self, step.rst, function(n) self:rst(n, step.code) end) end
function steps.goaway(self, step) self:goaway(step.goaway ~= "all" and step.goaway or nil, step.code) end
function steps.ping(self) self:frame(PING, 0, 0, "\1\2\3\4\5\6\7\8") end
function steps.settings(self, step) self:settings(step.settings) end
function steps.raw(self, step) self:send(step.raw) end
function steps.sleep(_, step) loop.sleep(step.sleep) end
function steps.reset(self) self.conn:reset() end
function steps.lua(self, step) assert(load(step.lua, "=script"))(self) end

function steps.close(self, step)
  while self.sending do self.sent:wait() end
  if step.close == "abrupt" then self.conn:abort() else self.conn:close() end
end

function steps.headers(self, step)
  if not self:wait(step.headers) then return false end
  self.requests[step.headers].answered = true
  self:headers(step.headers, { status = step.status, headers = step.fields }, false)
end

function steps.data(self, step)
  if not self:wait(step.data) then return false end
  self:data(step.data, step.body or "", step.finish)
end

function steps.hold(self)
  while not self.gone do self.changed:wait() end
end

function steps.frame(self, step)
  local f = step.frame
  self:frame(f.type, f.flags, f.stream, f.payload)
end

--- A step is a table with one of these names, besides those of the step's arguments.
local ORDER = {
  "wait", "answer", "serve", "rst", "goaway", "ping", "frame", "headers", "data", "settings", "raw", "sleep", "close",
  "reset", "hold", "lua",
}

local function play_step(self, step)
  for _, name in ipairs(ORDER) do
    if step[name] ~= nil then return steps[name](self, step) end
  end
  error("HTTP/2 script: no such step", 0)
end

--- Plays a script on a connection that has done its TLS handshake. `server` = { log, begun, settings }.
function h2.play(conn, script, server)
  local preface = conn:read(#PREFACE)
  if preface ~= PREFACE then return end
  local self = setmetatable({
    conn = conn, server = server, streams = {}, requests = {}, count = 0, window = WINDOW, initial_window = WINDOW,
    changed = loop.event(), sent = loop.event(), decode = hpack.decoder(), outgoing = {}, sending = false,
  }, peer)
  self:settings(server.settings or { MAX_CONCURRENT_STREAMS = 100 })
  loop.spawn(read_frames, self)
  for _, step in ipairs(script) do
    if conn.closed then return end
    if play_step(self, step) == false then break end
  end
  while self.sending do self.sent:wait() end
end

return h2
