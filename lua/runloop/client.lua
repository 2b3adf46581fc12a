-- The client: options, environment, and the parts of the module put together. What it can do is in methods.lua.

local core = require "runloop.core"
local errors = require "runloop.error"
local headers = require "runloop.headers"
local lazy = require "runloop.lazy"
local request = require "runloop.request"
local resource = require "runloop.resource"
local scheduler = require "runloop.scheduler"
local schema = require "runloop.schema"
local version = require "runloop.version"

local proxy = lazy.module "proxy"

local getmetatable, ipairs, rawget, rawset = getmetatable, ipairs, rawget, rawset
local setmetatable, tonumber, type = setmetatable, tonumber, type
local byte, find, format, gmatch, gsub = string.byte, string.find, string.format, string.gmatch, string.gsub
local lower, match, sub = string.lower, string.match, string.sub

local DEFAULT_BASE_URL = "https://api.runloop.ai"
local DEFAULT_CLOSE_TIME = 5 -- seconds that what cleans up may take

local seconds = schema.number { above = 0 }

local CLIENT_OPTIONS = schema.options_of({
  bearer_token = schema.string,
  base_url = schema.string,
  timeout = seconds { default = 30 },
  deadline = seconds,
  connect_timeout = seconds { default = 5 },
  max_retries = schema.integer { min = 0, default = 5 },
  max_retry_wait = schema.number { min = 0, default = 60 },
  headers = schema.table,
  max_connections = schema.integer { min = 1, max = 10000, default = 20 },
  max_streams = schema.integer { min = 1, max = 10000, default = 512 },
  http_version = schema.enum { "1.1", "2" } { default = "2" },
  max_body_bytes = schema.integer { min = 1, default = 64 * 1024 * 1024 },
  ca_file = schema.string,
  proxy = schema.string,
  insecure_http = schema.boolean { default = false },
  nonblocking = schema.boolean { default = false },
  tunnel_url = schema.string { pattern = "^https?://[^%c%s]*{key}[^%c%s]*$", hint = "be a URL with {port} and {key} in it" },
  on_event = schema.callback,
  on_error = schema.callback,
  scheduler = schema.any,
})

-- What tasks, their calls and their lists need. A host that says that it must not be blocked has frames, none of which
-- is to take the milliseconds that loading this takes. What streams need comes with the first resource that has some.
local FOR_TASKS = {
  "attempts", "await", "failure", "jobs", "kinds", "methods", "pager", "query", "retry", "rounds", "waits",
}

local LOOPBACK = { ["localhost"] = true, ["[::1]"] = true }

local function is_loopback(host)
  if LOOPBACK[host] then return true end
  local a, b, c = match(host, "^127%.(%d+)%.(%d+)%.(%d+)$")
  return a ~= nil and tonumber(a) < 256 and tonumber(b) < 256 and tonumber(c) < 256
end

local client = {}

lazy.methods(client, "methods", {
  "request", "list", "warm_up", "stats", "close", "spawn", "poll", "run", "sleep", "map", "evaluate", "fds", "timeout",
})

-- What a client keeps to itself, out of sight of `pairs`, is in its metatable under this key. (A weak table would never
-- let go of it in Lua 5.1 and LuaJIT, as the transport leads back to the client.)
local TRANSPORT = {}

local function private(self)
  local mt = type(self) == "table" and getmetatable(self)
  return type(mt) == "table" and rawget(mt, TRANSPORT) or nil
end

local function transport_of(self, what)
  local transport = private(self)
  if not transport then errors.misuse("client:" .. what .. ": call it with a colon") end
  return transport
end

-- A sandbox without `os` has no environment either: there all comes from the options.
local os = core.global "os"
local getenv = os and os.getenv

local function environment(name)
  local value = getenv and getenv(name)
  value = value and match(value, "^%s*(.-)%s*$")
  return value ~= "" and value or nil
end

-- The first character that is not visible ASCII, and its code for a message; nil when there is none.
local function odd_character(text)
  local at = find(text, "[^\33-\126]")
  if not at then return nil end
  local lead, rest = match(text, "^([\194-\244])([\128-\191]+)", at)
  local count = lead and (byte(lead) < 224 and 1 or byte(lead) < 240 and 2 or 3)
  if not count or #rest < count then return at, format("0x%02X", byte(text, at)) end
  local code = byte(lead) % 2 ^ (6 - count)
  for i = 1, count do code = code * 64 + byte(rest, i) % 64 end
  return at, format("U+%04X", code)
end

local function token_from(options)
  local token, source = options.bearer_token, "option 'bearer_token'"
  token = token and match(token, "^[ \t\r\n]*(.-)[ \t\r\n]*$")
  if token == "" then token = nil end
  if not token then token, source = environment "RUNLOOP_API_KEY", "RUNLOOP_API_KEY" end
  if not token then
    errors.misuse("runloop.new: no token: set the option 'bearer_token' or the environment variable RUNLOOP_API_KEY")
  end
  -- The token itself is not shown.
  if find(lower(token), "^bearer[ \t]") then
    errors.misuse("runloop.new: " .. source .. " must be the token alone, without 'Bearer' before it")
  end
  local at, code = odd_character(token)
  if at then
    errors.misuse(format("runloop.new: %s must have visible ASCII characters only: byte %d begins %s", source, at,
      code))
  end
  return token
end

-- What libcurl would take from the environment, of the requests' scheme: the variable's name and its value.
local function proxy_of_environment(https)
  if not getenv then return nil end
  for _, name in ipairs { https and "https_proxy" or "http_proxy", https and "HTTPS_PROXY" or "", "all_proxy", "ALL_PROXY" } do
    local url = getenv(name)
    if url and url ~= "" then return name, url end
  end
  return nil
end

-- What libcurl is told of a proxy, and what must not be shown of it. A proxy's URL is never shown: it may hold a
-- password, which one that is no URL at all would have in any place.
local function proxy_from(options, https)
  local url = options.proxy
  if url == "" then return url, {} end
  if url then
    local fault = proxy.fault(url, true)
    if fault then errors.misuse("runloop.new: option 'proxy' " .. fault) end
    return url, proxy.secrets(url)
  end
  -- Of plain http to loopback a proxy of the environment would see the token.
  if not https and not options.insecure_http then return "", {} end
  local name, found = proxy_of_environment(https)
  if not name then return nil, {} end
  local fault = proxy.fault(found, false)
  if fault and not environment "no_proxy" and not environment "NO_PROXY" then
    errors.misuse("runloop.new: the environment variable " .. name .. " " .. fault)
  end
  return nil, proxy.secrets(found)
end

-- The part of a path that a server would take for "." or "..", if there is one.
local function dots_in(path)
  for segment in gmatch(path, "[^/]+") do
    local plain = gsub(segment, "%%2[eE]", ".")
    if plain == "." or plain == ".." then return plain end
  end
  return nil
end

-- A base URL taken apart; what is no URL raises. RFC 3986, 3.2.
local function base_url_from(options)
  local url = options.base_url or environment("RUNLOOP_BASE_URL") or DEFAULT_BASE_URL
  local function refuse(why)
    errors.misuse("runloop.new: option 'base_url' " .. why)
  end
  local scheme, authority, path = match(url, "^(%a[%w+.-]*)://([^/?#]*)(.*)$")
  scheme = scheme and lower(scheme)
  if scheme ~= "http" and scheme ~= "https" then refuse("must be a URL that begins with https:// (or http://)") end
  if find(authority, "@", 1, true) then refuse("must not contain credentials") end
  local host, port = match(authority, "^(%[[0-9A-Fa-f:.]+%])(.*)$")
  if not host then host, port = match(authority, "^([A-Za-z0-9._~-]+)(.*)$") end
  if not host or not (port == "" or find(port, "^:%d+$")) then refuse("has no valid host") end
  if port ~= "" and (tonumber(sub(port, 2)) < 1 or tonumber(sub(port, 2)) > 65535) then refuse("has no valid port") end
  if find(path, "[?#]") then refuse("must not contain a query or a fragment") end
  if find(path, "[%c%s]") or find(path, "\\", 1, true) then refuse("must not contain spaces or control characters") end
  local dots = dots_in(path)
  if dots then refuse("must not contain '" .. dots .. "' as a part of its path") end
  if scheme == "http" and not is_loopback(lower(host)) and not options.insecure_http then
    refuse("is plain http, which would show the token to the network (insecure_http = true allows it)")
  end
  return scheme .. "://" .. authority .. gsub(path, "/+$", ""), scheme == "https"
end

-- A tunnel's token goes there.
local function check_tunnel_url(options)
  local url = options.tunnel_url
  if url and match(url, "^%a+://[^/?#\\]*@") then
    errors.misuse "runloop.new: option 'tunnel_url' must not contain credentials"
  end
  local host = url and (match(url, "^http://(%[[^%]/]*%])") or match(url, "^http://([^/:?#\\]*)"))
  if host and not is_loopback(lower(host)) and not options.insecure_http then
    errors.misuse("runloop.new: option 'tunnel_url' is plain http, which would show a tunnel's token to the network"
      .. " (insecure_http = true allows it)")
  end
end

-- The core takes C strings. The value is not shown: a proxy's URL may hold a password.
local function refuse_zero_bytes(options)
  for _, name in ipairs { "ca_file", "proxy" } do
    if options[name] and find(options[name], "%z") then
      errors.misuse("runloop.new: option '" .. name .. "' must not contain a zero byte")
    end
  end
end

local function metatable_for(transport)
  return {
    __name = "runloop.client",
    __len = function() schema.no_array "client" end,
    -- A resource is bound when it is first used.
    __index = function(self, name)
      local value = client[name]
      if value == nil then
        value = resource.of_client(transport.api, name, client)
        if value then rawset(self, name, value) end
      end
      return value
    end,
    __tostring = function()
      return "runloop.client: " .. transport.base_url .. (transport.http:closed() and " (closed)" or "")
    end,
    __close = function(_, err)
      transport.scheduler.turns:leave_for_good()
      transport.scheduler:close(DEFAULT_CLOSE_TIME, err == nil and not core.unheard())
    end,
    [TRANSPORT] = transport,
  }
end

-- The scheduler of the client that shares its own.
local function shared_scheduler(other)
  if other == nil then return nil end
  local transport = private(other)
  if not transport then errors.misuse("runloop.new: option 'scheduler' must be a client, got " .. type(other)) end
  if transport.scheduler.closed then errors.misuse "runloop.new: option 'scheduler': that client is closed" end
  return transport.scheduler
end

--- A client for the Runloop API.
---@param options runloop.ClientOptions|nil
---@return runloop.Client
local function new(options)
  local checked = schema.options(CLIENT_OPTIONS, options, "runloop.new")
  refuse_zero_bytes(checked)
  check_tunnel_url(checked)
  local shared = shared_scheduler(checked.scheduler)
  local token = token_from(checked)
  local base_url, https = base_url_from(checked)
  local own = headers.merge(headers.check(headers.parse_lines(environment "RUNLOOP_CUSTOM_HEADERS"),
    "RUNLOOP_CUSTOM_HEADERS"), headers.check(checked.headers, "runloop.new"))
  local defaults = {
    authorization = { "Authorization", "Bearer " .. token },
    accept = { "Accept", "application/json" },
    ["accept-encoding"] = { "Accept-Encoding", core.codings }, -- libcurl takes longer to write its own
    ["user-agent"] = { "User-Agent", "Runloop/Lua " .. version },
  }
  local proxy_url, own_secrets = proxy_from(checked, https)
  own_secrets[#own_secrets + 1] = token
  local ca_file = checked.ca_file or environment "SSL_CERT_FILE"
  local http = core.http {
    base_headers = headers.lines(headers.merge(defaults, own)),
    max_connections = checked.max_connections, max_streams = checked.max_streams,
    https = https, http2 = https and checked.http_version == "2",
    ca_file = ca_file, ca_chosen = checked.ca_file ~= nil, ca_path = not ca_file and environment "SSL_CERT_DIR" or nil,
    proxy = proxy_url, connect_timeout = checked.connect_timeout,
  }
  checked.bearer_token, checked.proxy, checked.headers = nil, nil, nil -- they are not asked for again, and are secret
  checked.scheduler = nil
  local transport = request.new({
    http = http, options = checked, base_url = base_url, headers = own,
    scheduler = scheduler.new(http, { nonblocking = checked.nonblocking, on_error = checked.on_error }, shared),
  }, own_secrets, defaults)
  transport.api = resource.api(transport)
  for _, name in ipairs(checked.nonblocking and FOR_TASKS or {}) do lazy.load(name) end
  return setmetatable({}, metatable_for(transport))
end

return { new = new, transport_of = transport_of, dots_in = dots_in, CLOSE_TIME = DEFAULT_CLOSE_TIME }
