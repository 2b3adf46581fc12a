--- The stand-in's state and its endpoints: what the files in api/ offer, one a resource, put together.
local socket = require "socket"
local base = require "api.base"
local http = require "http"
local json = require "json"
local loop = require "loop"

local api = {}
api.__index = api

-- In an order in which each finds the seed that its own builds on.
local RESOURCES = {
  "scenarios", "scorers", "secrets", "agents", "gateway_configs", "mcp_configs", "network_policies", "objects",
  "blueprints", "devboxes", "access", "evictions", "files", "executions", "snapshots", "pty", "runs", "benchmarks",
  "benchmark_runs", "benchmark_jobs", "axons", "accounts", "apikeys", "restricted_keys",
}

api.DEFAULTS = { seed = 1, token = "test-token", delay = 0 }

-- Settings without a value of their own.
local OTHERS = base.names "provisioning_seconds scoring_seconds suspending_seconds log_limit"

local resources, texts, calls = {}, {}, {}

-- Routes by their number of segments. Fixed paths stand before those with an id.
local routes = {}

local function segments(path)
  return select(2, path:gsub("/", ""))
end

local function add_route(row, elsewhere)
  local pattern, ids = row[2]:gsub("%-", "%%-"):gsub("{[%w_]+}", "([^/]+)")
  local n = segments(row[2])
  routes[n] = routes[n] or {}
  table.insert(routes[n], {
    method = row[1], pattern = "^" .. pattern .. "$", ids = ids, handler = row[3], body = row.body,
    elsewhere = elsewhere, order = ids * 1000 + #routes[n],
  })
end

for i, name in ipairs(RESOURCES) do
  local resource = require("api." .. name)
  resources[i] = resource
  for option, value in pairs(resource.defaults or {}) do api.DEFAULTS[option] = value end
  for kind, text in pairs(resource.texts or {}) do texts[kind] = text end
  for _, row in ipairs(resource.routes or {}) do add_route(row, false) end
  for _, row in ipairs(resource.elsewhere or {}) do add_route(row, true) end
  for what, fn in pairs(resource.calls or {}) do calls[what] = fn end
end
for _, list in pairs(routes) do
  table.sort(list, function(a, b) return a.order < b.order end)
end

local seeds = {} -- by what they are made of: a reset costs a copy of a few lists

local function seeded_stores(options)
  local key = table.concat({ options.scenarios, options.public, options.runs, options.scorers, options.seed }, "/")
  local stores = seeds[key]
  if not stores then
    stores = {}
    for _, resource in ipairs(resources) do
      if resource.seed then resource.seed(options, stores) end
    end
    seeds[key] = stores
  end
  local copies = {}
  for kind, store in pairs(stores) do copies[kind] = base.copy_store(store) end
  return copies
end

--- Changes settings; one that nothing looks at raises.
function api.set(settings, changes)
  for name, value in pairs(changes) do
    if api.DEFAULTS[name] == nil and not OTHERS[name] then error("no such setting: " .. tostring(name), 0) end
    settings[name] = value
  end
end

--- A fresh state; `options` as `support.start` takes them.
function api.new(options)
  local settings = {}
  for name, value in pairs(api.DEFAULTS) do settings[name] = value end
  api.set(settings, options or {})
  local self = setmetatable({
    settings = settings, stores = seeded_stores(settings), offset = 0, created = 0, changed = loop.event(),
    devbox_listeners = {},
  }, api)
  for _, resource in ipairs(resources) do
    if resource.open then resource.open(self) end
  end
  return self
end

--- Ends what the state has running outside of this process.
function api:close()
  self.closed = true
  for _, resource in ipairs(resources) do
    if resource.close then resource.close(self) end
  end
end

--- The clock of the API's times, in seconds.
function api:now()
  return socket.gettime() + self.offset
end

--- Moves the clock; who holds a wait_for_status looks again.
function api:advance(seconds)
  self.offset = self.offset + seconds
  self.changed:fire()
end

local function error_answer(e)
  local headers = { { "Content-Type", "application/json" } }
  for _, h in ipairs(e.headers or {}) do headers[#headers + 1] = h end
  return { status = e.status, headers = headers, body = json.encode { message = e.message } }
end

--- The route of a request, and the ids in its path; nil when there is none.
function api.route(request, elsewhere)
  local method = request.method == "HEAD" and "GET" or request.method
  for _, route in ipairs(routes[segments(request.raw_path)] or {}) do
    if route.method == method and route.elsewhere == elsewhere then
      local ids = table.pack(request.raw_path:match(route.pattern))
      if ids[1] then
        for i = 1, route.ids do ids[i] = http.percent_decode(ids[i]) end
        return route, ids
      end
    end
  end
end

local function dispatch(self, request, elsewhere)
  if not elsewhere and request.header["authorization"] ~= "Bearer " .. self.settings.token then
    error({ status = 401, message = "Invalid or missing API key." }, 0)
  end
  local route, ids = api.route(request, elsewhere)
  if not route then
    error({ status = 404, message = ("No such endpoint: %s %s"):format(request.method, request.path) }, 0)
  end
  local kind = (request.header["content-type"] or ""):lower()
  local wanted = route.body or "application/json"
  if wanted ~= "any" and (request.body ~= "" or request.body_file or request.form) and kind:sub(1, #wanted) ~= wanted then
    error({ status = 415, message = "Content-Type must be " .. wanted }, 0)
  end
  return route.handler(self, request, table.unpack(ids, 1, route.ids))
end

--- The answer { status, headers, body | pieces, length | stream } to a request; `elsewhere`: to the second origin.
--- May yield to the loop.
function api:handle(request, elsewhere)
  local done, answer = xpcall(dispatch, function(err)
    return type(err) == "table" and err or debug.traceback(tostring(err), 2)
  end, self, request, elsewhere)
  if done then return answer end
  if type(answer) == "table" then return error_answer(answer) end
  io.stderr:write("stand-in: ", tostring(answer), "\n")
  return error_answer { status = 500, message = "stand-in failed: " .. tostring(answer) }
end

--- What a spec can have done that is no endpoint: `server:evict(…)` and the like.
function api:call(name, ...)
  return (calls[name] or error("no such call: " .. tostring(name)))(self, ...)
end

--- The ids of a kind in list order; "archived" are the scenarios that left the list.
function api:ids(kind)
  local store = self.stores[kind == "archived" and "scenario" or kind]
  assert(store, "no such kind: " .. tostring(kind))
  local status = ({ scenario = "active", archived = "archived" })[kind]
  local ids = {}
  for _, record in ipairs(store.list) do
    if not record.deleted and (not status or record.status == status) then ids[#ids + 1] = record.id end
  end
  return ids
end

--- The JSON text of a thing as it is now (not a look at it), or nil.
function api:text(kind, id)
  if kind == "archived" then kind = "scenario" end
  local record = self.stores[kind].by_id[id]
  return record and not record.deleted and texts[kind](record) or nil
end

return api
