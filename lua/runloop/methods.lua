-- What a client can do.

local client = require "runloop.client"
local errors = require "runloop.error"
local headers = require "runloop.headers"
local lazy = require "runloop.lazy"
local resource = require "runloop.resource"
local schema = require "runloop.schema"

local pairs, type = pairs, type
local match = string.match

local dots_in, transport_of = client.dots_in, client.transport_of

local DEFAULT_POLL_BUDGET = 0.001 -- seconds

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

local methods = {}

-- For what a closed client cannot tell.
local function open_transport_of(self, what)
  local transport = transport_of(self, what)
  if transport.http:closed() then errors.misuse("client:" .. what .. ": client is closed") end
  return transport
end

local function check_seconds(value, name, where)
  if value == nil then return end
  if type(value) ~= "number" or value < 0 or value ~= value then
    errors.misuse(where .. ": argument '" .. name .. "' must be a number of seconds, 0 or more" .. errors.got(value))
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
function methods:request(fields, options)
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
function methods:list(fields, options)
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
function methods:warm_up()
  local transport = transport_of(self, "warm_up")
  local refused = transport.scheduler:enter("client:warm_up", true)
  if refused then return nil, refused end
  return transport:warm_up()
end

--- Counters since the client was made.
---@return { requests: integer, retries: integer, connections: integer, bytes_received: integer, in_flight: integer }
function methods:stats()
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
function methods:close(wait)
  local transport = transport_of(self, "close")
  check_seconds(wait, "seconds", "client:close")
  transport.scheduler:close(wait or client.CLOSE_TIME, true)
end

--- Starts a task: a function whose calls wait without blocking the host. It runs at once up to its first wait;
--- from within a task, at the scheduler's next turn.
---@param fn function
---@param ... any its arguments
---@return runloop.Task
function methods:spawn(fn, ...)
  local transport = transport_of(self, "spawn")
  if type(fn) ~= "function" then errors.misuse("client:spawn: argument 'fn' must be a function, got " .. type(fn)) end
  return transport.scheduler:spawn(fn, ...)
end

--- One round of work for all tasks.
---@param wait number|nil seconds to wait for something to do; 0, the default, never blocks
---@param budget number|nil seconds of work; default 0.001
---@return integer alive tasks not yet ended
function methods:poll(wait, budget)
  local transport = transport_of(self, "poll")
  check_seconds(wait, "seconds", "client:poll")
  check_seconds(budget, "budget", "client:poll")
  return transport.scheduler:poll(wait or 0, budget or DEFAULT_POLL_BUDGET)
end

--- Works until no task is left.
---@return integer alive 0
function methods:run()
  return transport_of(self, "run").scheduler:run()
end

--- Waits some seconds: in a task without holding up the rest.
---@param duration number seconds
---@return boolean|nil true, runloop.Error|nil err of kind `cancelled`
function methods:sleep(duration)
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
function methods:map(source, fn, options)
  local transport = transport_of(self, "map")
  local checked = schema.options(MAP_OPTIONS, options, "client:map")
  if type(fn) ~= "function" then errors.misuse("client:map: argument 'fn' must be a function, got " .. type(fn)) end
  local pull, _, at_hand = lazy.load("source").puller(source, "client:map")
  local refused = transport.scheduler:enter("client:map", true)
  if refused then return nil, nil, refused, 0 end
  return lazy.load("map")(transport.scheduler, pull, fn, checked, at_hand)
end

--- Evaluates an agent: runs it on each scenario, several at a time, and scores what it has done.
---@param source table|function|runloop.Pager scenarios or their ids: an array, an iterator or a pager
---@param agent function called with a run, its devbox and the scenario; fails by raising or with `nil, err`
---@param options runloop.EvaluateOptions|nil
---@return runloop.Report|nil report nil when nothing could be started
---@return any err why the source ended early
function methods:evaluate(source, agent, options)
  local transport = transport_of(self, "evaluate")
  return lazy.load("evaluate").scenarios(transport, source, agent, options)
end

--- The descriptors an event loop should watch; may change with every poll.
---@return { fd: integer, events: string }[] events is "r", "w" or "rw"
function methods:fds()
  return open_transport_of(self, "fds").scheduler:fds()
end

--- When the next poll is due.
---@return number|nil seconds nil: nothing is pending
function methods:timeout()
  return open_transport_of(self, "timeout").scheduler:timeout()
end

-- What follows the last argument would do nothing: options in a wrong place, say.
for name, most in pairs {
  request = 2, list = 2, warm_up = 0, stats = 0, close = 1, poll = 2, run = 0, sleep = 1, map = 3, evaluate = 3, fds = 0,
  timeout = 0,
} do
  methods[name] = errors.bounded(methods[name], most, "client:" .. name)
end

return methods
