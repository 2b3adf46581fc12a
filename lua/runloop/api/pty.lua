-- Terminals of devboxes: on the host of a tunnel, with its token, and never with the API's key.

local core = require "runloop.core"
local errors = require "runloop.error"
local lazy = require "runloop.lazy"
local resource = require "runloop.resource"
local schema = require "runloop.schema"
local version = require "runloop.version"

local pairs, type = pairs, type
local find = string.find

local boolean, integer, text = schema.boolean, schema.integer, schema.string
local answer, enum, object, query_of, required =
  schema.answer, schema.enum, schema.object, schema.query_of, schema.required

local PORT = "13" -- where the terminals of a devbox are, behind its tunnel

local shapes = schema.shapes()

local size = integer { min = 1, max = 1000 }

-- A null, which an object may hold, says nothing.
local function both_or_neither(params)
  if (type(params.cols) == "number") ~= (type(params.rows) == "number") then
    return "have 'cols' and 'rows' together, or neither"
  end
end

local function check_control(params)
  if params.action == "resize" and type(params.cols) ~= "number" then return "need 'cols' and 'rows' to resize" end
  if params.action == "signal" and type(params.signal) ~= "string" then return "need a 'signal' to send" end
  return both_or_neither(params)
end

shapes.PtyAction = enum { "resize", "signal", "close" }

shapes.PtyConnectQuery = query_of { cols = size "default 80", rows = size "default 24" } { rule = both_or_neither }

shapes.PtyControlParameters = object {
  action = shapes.PtyAction,
  cols = size,
  rows = size,
  signal = text "a name: SIGTERM",
} { rule = check_control }

shapes.PtySession = answer {
  attached = required(boolean),
  cols = integer,
  connect_url = text "where a WebSocket goes, on the tunnel's host",
  created = required(boolean),
  idle_ttl_seconds = integer,
  protocol_version = text,
  rows = integer,
  session_name = text,
  status = text,
}

shapes.PtyControlResult = answer { session_name = text, status = text }

local TOKEN = { auth_token = true }

local function request(context, method, tunnel, session_name, suffix, query, body, options, where)
  if type(tunnel) ~= "table" or type(tunnel.tunnel_key) ~= "string" or type(tunnel.auth_token) ~= "string" then
    errors.misuse(where .. ": 'tunnel' must be what devboxes:create_pty_tunnel returns")
  end
  if type(session_name) ~= "string" or not find(session_name, "^[A-Za-z0-9_-]+$") or #session_name > 256 then
    errors.misuse(where .. ": 'session_name' must be 1 to 256 letters, digits, '_' and '-'")
  end
  local transport = context.transport
  transport.learn(tunnel, TOKEN)
  options = resource.call_options(options, where)
  for name, value in pairs(options and options.query or {}) do query[name] = value end
  if options and options.body then
    if not body then errors.misuse(where .. ": call option 'body': a GET is not sent with a body of JSON") end
    for name, value in pairs(options.body) do body[name] = value end
  end
  local base = lazy.load("devbox").tunnel_url(context, core.url_encode(tunnel.tunnel_key), PORT)
  local bearer = "Bearer " .. tunnel.auth_token
  local made = transport:request(method, base .. "/pty/" .. session_name .. suffix, options, query,
    body and transport:encode(body, where), {
      authorization = { "Authorization", bearer },
      ["x-runloop-tunnel-authorization"] = { "X-Runloop-Tunnel-Authorization", bearer },
      accept = { "Accept", "application/json" },
      ["content-type"] = body and { "Content-Type", "application/json" },
      ["user-agent"] = { "User-Agent", "Runloop/Lua " .. version },
    })
  made.elsewhere, made.any_scheme = true, true
  return transport:perform(made, transport.decode_object)
end

local function connect(context, tunnel, session_name, params, options)
  local query = schema.query(shapes.PtyConnectQuery, params, "pty:connect", resource.CALL_OPTIONS)
  return request(context, "GET", tunnel, session_name, "", query, nil, options, "pty:connect")
end

local function control(context, tunnel, session_name, params, options)
  local body = schema.check(shapes.PtyControlParameters, params, "pty:control", resource.CALL_OPTIONS)
  return request(context, "POST", tunnel, session_name, "/control", {}, body, options, "pty:control")
end

local TUNNEL = { "tunnel", "runloop.PtyTunnel", "from `devboxes:create_pty_tunnel`" }
local SESSION = { "session_name", "string", "1 to 256 letters, digits, `_` and `-`" }

return {
  name = "pty", shapes = shapes,
  text = "Terminals of devboxes, on a tunnel's host. The module has no WebSocket: what comes back says where one goes.",

  rows = {},

  helpers = {
    connect = {
      "Makes a terminal, or finds it by its name: `GET /pty/{session_name}` of the tunnel.",
      takes = { TUNNEL, SESSION, "params", "options" }, params = shapes.PtyConnectQuery, returns = "PtySession",
      call = connect,
    },
    control = {
      "Resizes, signals or closes a terminal: `POST /pty/{session_name}/control` of the tunnel.",
      takes = { TUNNEL, SESSION, "params", "options" }, params = shapes.PtyControlParameters,
      returns = "PtyControlResult", call = control,
    },
  },
}
