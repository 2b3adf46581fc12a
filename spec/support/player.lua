--- Plays scripts to clients: raw bytes over TCP or TLS, or HTTP/2 frames. Started by `support.raw` and `support.h2`.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path

local socket = require "socket"
local control = require "control"
local h2 = require "h2"
local http = require "http"
local loop = require "loop"

local player = { log = {}, requests = 0, begun = socket.gettime() }
local listener

--- Reads one whole request; its bytes are kept in the connection's log. nil when the client goes away.
local function read_request(conn)
  local entry = player.log[conn.number]
  local request = http.read_head(conn)
  if not request or not http.read_body(conn, request) then return nil end
  table.insert(entry.requests, request.head_text .. request.body)
  player.requests = player.requests + 1
  return request
end

local function send(conn, step)
  local bytes = step.send
  local piece = step.bytes or #bytes
  local n = 0
  repeat
    n = n + 1
    for first = 1, #bytes, math.max(1, piece) do
      if not conn:send(bytes:sub(first, first + piece - 1)) then return end
      if step.every then loop.sleep(step.every) end
    end
  until n >= (step.times or 1)
end

local steps = {}

function steps.send(conn, step) send(conn, step) end
function steps.sleep(_, step) loop.sleep(step.sleep) end
function steps.reset(conn) conn:reset() end
function steps.shutdown(conn) conn:shutdown() end
function steps.hold(conn) conn:drain() end

function steps.close(conn, step)
  if step.close == "abrupt" then conn:abort() else conn:close() end
end

function steps.read(conn, step)
  if step.read == "request" then
    if not read_request(conn) then conn:close() end
  elseif step.read == "eof" then
    conn:drain()
  elseif not conn:read(step.read) then
    conn:close()
  end
end

function steps.serve(conn, step)
  while read_request(conn) do conn:send(step.serve) end
end

function steps.lua(conn, step)
  conn.read_request = read_request
  assert(load(step.lua, "=script"))(conn)
end

local function play(conn, script)
  if type(script) == "string" then script = { { read = "request" }, script } end
  for _, step in ipairs(script) do
    if conn.closed then return end
    if type(step) == "string" then step = { send = step } end
    local known
    for name, action in pairs(steps) do
      if step[name] ~= nil then
        known = true
        action(conn, step)
      end
    end
    if not known then error("raw script: no such step", 0) end
  end
end

local function script_of(number)
  local scripts = player.scripts
  if scripts[number] then return scripts[number] end
  return player.after ~= "close" and scripts[#scripts] or nil
end

-- A connection of a server that once spoke HTTP/2.
local function serve_http1(conn, script)
  if not conn:start_tls(player.http1_context) then return end
  while true do
    local request = http.read_head(conn)
    if request and script.early then
      conn:send(script.http1)
      loop.sleep(script.early)
      return conn:abort()
    end
    if not request or not http.read_body(conn, request) then return end
    if script.delay then loop.sleep(script.delay) end
    if not conn:send(script.http1) then return end
  end
end

local function serve(conn)
  local entry = {
    connection = conn.number, at = socket.gettime() - player.begun, received = {}, requests = {},
  }
  if player.kind == "raw" then player.log[conn.number] = entry end
  local script = script_of(conn.number)
  if not script then return end
  if script.mute then return conn:drain() end
  if script.http1 then return serve_http1(conn, script) end
  if player.context then
    local ok, err = conn:start_tls(player.context)
    if not ok then
      entry.handshake = err
      return
    end
  end
  if player.kind == "h2" then return h2.play(conn, script, player) end
  entry.conn = conn
  function conn.on_receive(data)
    table.insert(entry.received, data)
  end
  play(conn, script)
end

local function tls_context(tls)
  local ssl = require "ssl"
  local params = {
    mode = "server", protocol = tls.protocol or "any", key = tls.key, certificate = tls.certificate,
    -- The second option: LuaSec's `receive` spins for ever when a client goes without a close_notify.
    options = { "all", "ignore_unexpected_eof" }, alpn = tls.alpn,
  }
  if params.protocol == "tlsv1" or params.protocol == "tlsv1_1" then
    -- OpenSSL has put the old protocols away: they need its lowest security level.
    params.ciphers = "ALL:@SECLEVEL=0"
  end
  return assert(ssl.newcontext(params))
end

local commands = {}

function commands.play(options)
  player.kind, player.scripts, player.after = options.kind, options.scripts, options.after
  player.settings = options.settings
  player.context = options.tls and tls_context(options.tls)
  if options.kind == "h2" then
    options.tls.alpn = { "http/1.1" }
    player.http1_context = tls_context(options.tls)
  end
end

function commands.log()
  if player.kind == "h2" then return player.log end
  local entries = {}
  for i, entry in ipairs(player.log) do
    entries[i] = {
      connection = entry.connection, at = entry.at, received = table.concat(entry.received),
      requests = entry.requests, closed = entry.conn ~= nil and entry.conn.left == true, handshake = entry.handshake,
    }
  end
  return entries
end

function commands.connections()
  return listener.accepted
end

function commands.request_count()
  return player.kind == "h2" and #player.log or player.requests
end

listener = loop.listen(0, serve)
print("listening on 127.0.0.1:" .. listener.port)
print("control on 127.0.0.1:" .. control.listen(commands))
io.stdout:flush()
loop.run()
