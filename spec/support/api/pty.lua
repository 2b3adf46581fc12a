--- Terminals: on a tunnel's host, with its token. As a second origin serves all tunnels here, a tunnel is the first
--- part of the path: /tunnel/PORT-KEY/pty/SESSION. There is no WebSocket.
local base = require "api.base"

local pty = {}

local ok, expect, refuse = base.ok, base.expect, base.refuse

local function tunnel_of(self, request, name)
  local tunnel = self.pty_tunnels[name:match "^13%-(.*)$" or ""]
  if not tunnel then refuse(404, "No such tunnel.") end
  local given = request.header["x-runloop-tunnel-authorization"] or request.header["authorization"]
  if given ~= "Bearer " .. tunnel.token then refuse(401, "Invalid or missing tunnel token.") end
  if tunnel.devbox.status ~= "running" then refuse(503, "The terminal cannot be started.") end
  return tunnel
end

local function size_of(fields)
  local cols, rows = tonumber(fields.cols), tonumber(fields.rows)
  expect((fields.cols == nil) == (fields.rows == nil), "cols and rows: both or neither")
  for _, n in ipairs { cols or 80, rows or 24 } do
    expect(math.tointeger(n) and n >= 1 and n <= 1000, "cols and rows must be between 1 and 1000")
  end
  return math.tointeger(cols), math.tointeger(rows)
end

local function connect(self, request, name, session_name)
  local tunnel = tunnel_of(self, request, name)
  expect(session_name:find "^[%w_-]+$" and #session_name <= 256, "Invalid session name")
  local cols, rows = size_of(request.query)
  local session = tunnel.sessions[session_name]
  local created = session == nil
  session = session or { cols = 80, rows = 24 }
  session.cols, session.rows = cols or session.cols, rows or session.rows
  tunnel.sessions[session_name] = session
  return ok {
    attached = false, created = created, cols = session.cols, rows = session.rows, session_name = session_name,
    connect_url = "/pty/" .. session_name .. "/connect", idle_ttl_seconds = 300, protocol_version = "1", status = "ready",
  }
end

local SIGNALS = base.names "SIGHUP SIGINT SIGQUIT SIGTERM SIGKILL SIGTSTP SIGCONT SIGUSR1 SIGUSR2 SIGWINCH"

local function control(self, request, name, session_name)
  local tunnel = tunnel_of(self, request, name)
  local session = tunnel.sessions[session_name]
  if not session then refuse(404, "Unknown session.") end
  local fields = base.body(request, "action:string cols:integer rows:integer signal:string")
  local status = "ok"
  if fields.action == "resize" then
    expect(fields.cols and fields.rows, "resize needs cols and rows")
    session.cols, session.rows = size_of(fields)
  elseif fields.action == "signal" then
    expect(fields.signal and SIGNALS[fields.signal], "Invalid signal")
  elseif fields.action == "close" then
    tunnel.sessions[session_name], status = nil, "closed"
  else
    expect(false, "action must be resize, signal or close")
  end
  return ok { session_name = session_name, status = status }
end

pty.elsewhere = {
  { "GET", "/tunnel/{tunnel}/pty/{session}", connect },
  { "POST", "/tunnel/{tunnel}/pty/{session}/control", control },
}

return pty
