-- The client: options, environment, and the parts of the module put together.

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

local getmetatable, ipairs, pairs, rawget, rawset = getmetatable, ipairs, pairs, rawget, rawset
local setmetatable, tonumber, type = setmetatable, tonumber, type
local byte, find, format, gmatch, gsub = string.byte, string.find, string.format, string.gmatch, string.gsub
local lower, match, sub = string.lower, string.match, string.sub

local DEFAULT_BASE_URL = "https://api.runloop.ai"
local DEFAULT_POLL_BUDGET = 0.001 -- seconds
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

local PATH = schema.string { required = true, pattern = "^/[^%c%s#]*$", hint = "begin with '/' and hold no spaces" }

local REQUEST_FIELDS = schema.options_of({
  method = schema.string { pattern = "^%u+$", hint = "be an HTTP method in capitals", default = "GET" },
  path = PATH,
  query = schema.table,
  body = schema.any,
  headers = schema.table,
}, "field")

local LIST_FIELDS = schema.options_of({
  path = PATH,
  list = schema.string { required = true, pattern = "^[^%z]+$", hint = "name the field of a page that holds its items" },
  query = schema.table,
}, "field")

local MAP_OPTIONS = schema.options_of {
  concurrency = schema.integer { min = 1, default = 16 },
  results = schema.boolean { default = true },
}

local LOOPBACK = { ["localhost"] = true, ["[::1]"] = true }

local function is_loopback(host)
  if LOOPBACK[host] then return true end
  local a, b, c = match(host, "^127%.(%d+)%.(%d+)%.(%d+)$")
  return a ~= nil and tonumber(a) < 256 and tonumber(b) < 256 and tonumber(c) < 256
end

local client = {}

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

-- For what a closed client cannot tell.
local function open_transport_of(self, what)
  local transport = transport_of(self, what)
  if transport.http:closed() then errors.misuse("client:" .. what .. ": client is closed") end
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
      transport.scheduler:close(DEFAULT_CLOSE_TIME, err == nil)
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
  return setmetatable({}, metatable_for(transport))
end

local function check_seconds(value, name, where)
  if value == nil then return end
  if type(value) ~= "number" or value < 0 or value ~= value then
    errors.misuse(where .. ": argument '" .. name .. "' must be a number of seconds, 0 or more")
  end
end

local function check_path(path, where)
  local dots = dots_in(match(path, "^[^?]*"))
  if dots then errors.misuse(where .. ": field 'path' must not contain '" .. dots .. "' as a part") end
end

--- Any other endpoint.
---@param fields { method: string|nil, path: string, query: table|nil, body: any, headers: table|nil }
---@param options runloop.CallOptions|nil
---@return any value decoded JSON, a string where the answer is not JSON, `true` where it has no body
---@return runloop.Response|runloop.Error response_or_err
function client:request(fields, options)
  local transport = transport_of(self, "request")
  local where = "client:request"
  local checked = schema.options(REQUEST_FIELDS, fields, where, resource.CALL_OPTIONS)
  options = resource.call_options(options, where)
  check_path(checked.path, where)
  local body = checked.body
  if body ~= nil then
    if checked.method == "GET" or checked.method == "HEAD" then
      errors.misuse(where .. ": a " .. checked.method .. " has no body")
    end
    body = transport:encode(body, where .. ": body")
  end
  local query = schema.query(nil, checked.query, where)
  for name, value in pairs(options and options.query or {}) do query[name] = value end
  local refused = transport.scheduler:enter(where)
  if refused then return nil, refused end
  local own = headers.check(checked.headers, where)
  local url = transport.base_url .. checked.path
  transport.learn(checked.body)
  local made = transport:request(checked.method, url, options, query, body, own)
  local value, response = transport:perform(made, transport.decode_any)
  if value ~= nil then transport.learn(value) end
  return value, response
end

--- A list of any other endpoint: pages with a cursor, as the API's lists have them. Makes no request yet.
---@param fields { path: string, list: string, query: table|nil }
---@param options runloop.CallOptions|nil
---@return runloop.Pager
function client:list(fields, options)
  local transport = transport_of(self, "list")
  local where = "client:list"
  local checked = schema.options(LIST_FIELDS, fields, where, resource.CALL_OPTIONS)
  options = resource.call_options(options, where, LIST_FIELDS, true)
  if options and options.body then errors.misuse(where .. ": call option 'body': a GET is not sent with a body") end
  check_path(checked.path, where)
  local query = schema.query(nil, checked.query, where)
  for name, value in pairs(options and options.query or {}) do query[name] = value end
  transport.scheduler:check_open(where)
  local list = lazy.load("pager").new(transport, {
    name = where, url = transport.base_url .. checked.path, list = checked.list, query = query, options = options,
  })
  return list, nil, nil, list
end

--- Opens connections and loads the certificates at a moment that suits the host; may block outside a task.
---@return boolean|nil ok, runloop.Error|nil err
function client:warm_up()
  local transport = transport_of(self, "warm_up")
  local refused = transport.scheduler:enter("client:warm_up", true)
  if refused then return nil, refused end
  return transport:warm_up()
end

--- Counters since the client was made.
---@return { requests: integer, retries: integer, connections: integer, bytes_received: integer, in_flight: integer }
function client:stats()
  local transport = open_transport_of(self, "stats")
  local requests, connections, bytes_received, in_flight = transport.http:stats()
  return {
    requests = requests, retries = transport.retries, connections = connections, bytes_received = bytes_received,
    in_flight = in_flight,
  }
end

--- Cancels what is in flight and every task; what cleans up is sent and waited for. Then raises the first error of a
--- task that nobody has seen. May be called again.
---@param wait number|nil seconds that what cleans up may take; default 5
function client:close(wait)
  local transport = transport_of(self, "close")
  check_seconds(wait, "seconds", "client:close")
  transport.scheduler:close(wait or DEFAULT_CLOSE_TIME, true)
end

--- Starts a task: a function whose calls wait without blocking the host. It runs at once up to its first wait;
--- from within a task, at the scheduler's next turn.
---@param fn function
---@param ... any its arguments
---@return runloop.Task
function client:spawn(fn, ...)
  local transport = transport_of(self, "spawn")
  if type(fn) ~= "function" then errors.misuse("client:spawn: argument 'fn' must be a function, got " .. type(fn)) end
  return transport.scheduler:spawn(fn, ...)
end

--- One round of work for all tasks.
---@param wait number|nil seconds to wait for something to do; 0, the default, never blocks
---@param budget number|nil seconds of work; default 0.001
---@return integer alive tasks not yet ended
function client:poll(wait, budget)
  local transport = transport_of(self, "poll")
  check_seconds(wait, "seconds", "client:poll")
  check_seconds(budget, "budget", "client:poll")
  return transport.scheduler:poll(wait or 0, budget or DEFAULT_POLL_BUDGET)
end

--- Works until no task is left.
---@return integer alive 0
function client:run()
  return transport_of(self, "run").scheduler:run()
end

--- Waits some seconds: in a task without holding up the rest.
---@param duration number seconds
---@return boolean|nil true, runloop.Error|nil err of kind `cancelled`
function client:sleep(duration)
  local transport = transport_of(self, "sleep")
  if duration == nil then errors.misuse("client:sleep: argument 'seconds' is missing") end
  check_seconds(duration, "seconds", "client:sleep")
  local refused = transport.scheduler:enter("client:sleep", true)
  if refused then return nil, refused end
  transport.scheduler:sleep(duration)
  return true
end

--- Calls a function for each item, several at a time.
---@param source table|function|runloop.Pager an array, an iterator or a pager
---@param fn function called with an item (and its index); fails by raising or with `nil, err`
---@param options { concurrency: integer, results: boolean }|nil
---@return table|integer results by index; how many succeeded with `results = false`
---@return table|nil errors index -> err; nil when there is none
---@return any source_err why the source ended early
---@return integer n how many items were taken
function client:map(source, fn, options)
  local transport = transport_of(self, "map")
  local checked = schema.options(MAP_OPTIONS, options, "client:map")
  if type(fn) ~= "function" then errors.misuse("client:map: argument 'fn' must be a function, got " .. type(fn)) end
  local pull = lazy.load("source").puller(source, "client:map")
  local refused = transport.scheduler:enter("client:map", true)
  if refused then return nil, nil, refused, 0 end
  return lazy.load("map")(transport.scheduler, pull, fn, checked)
end

--- Evaluates an agent: runs it on each scenario, several at a time, and scores what it has done.
---@param source table|function|runloop.Pager scenarios or their ids: an array, an iterator or a pager
---@param agent function called with a run, its devbox and the scenario; fails by raising or with `nil, err`
---@param options runloop.EvaluateOptions|nil
---@return runloop.Report|nil report nil when nothing could be started
---@return any err why the source ended early
function client:evaluate(source, agent, options)
  local transport = transport_of(self, "evaluate")
  return lazy.load("evaluate").scenarios(transport, source, agent, options)
end

--- The descriptors an event loop should watch; may change with every poll.
---@return { fd: integer, events: string }[] events is "r", "w" or "rw"
function client:fds()
  return open_transport_of(self, "fds").scheduler:fds()
end

--- When the next poll is due.
---@return number|nil seconds nil: nothing is pending
function client:timeout()
  return open_transport_of(self, "timeout").scheduler:timeout()
end

-- What follows the last argument would do nothing: options in a wrong place, say.
for name, most in pairs {
  request = 2, list = 2, warm_up = 0, stats = 0, close = 1, poll = 2, run = 0, sleep = 1, map = 3, evaluate = 3, fds = 0,
  timeout = 0,
} do
  client[name] = errors.bounded(client[name], most, "client:" .. name)
end

-- Says what is loaded when it is first used, once all that it needs is there.
local function announce()
  lazy.announce {
    "builder", "deadlines", "evaluate", "evaluate.benchmark_run", "evaluate.options", "evaluate.report",
    "evaluate.resume", "evaluate.runs", "evaluate.source", "evaluate.statistics", "evaluate.trial", "failure",
    "jobs", "json_text", "map", "names", "pager", "proxy", "query", "retry", "rounds", "source", "steps", "task",
    "waits",
  }
  resource.announce()
end

return { new = new, announce = announce }
