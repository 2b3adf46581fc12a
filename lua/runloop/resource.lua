-- Endpoints as methods, and what comes back as tables with methods: everything is driven by the rows in api/.

local core = require "runloop.core"
local await = require "runloop.await"
local download = require "runloop.download"
local errors = require "runloop.error"
local headers = require "runloop.headers"
local pager = require "runloop.pager"
local schema = require "runloop.schema"
local secrets = require "runloop.secrets"

local resource = {}

local seconds = schema.number { min = 0 }

--- The options that every call takes last.
resource.CALL_OPTIONS = schema.options_of({
  timeout = schema.number { above = 0 },
  deadline = schema.number { above = 0 },
  max_retries = schema.integer { min = 0 },
  headers = schema.table,
  query = schema.table,
  idempotency_key = schema.string { pattern = "^[^%c]+$", hint = "be a line of text" },
  nulls = schema.enum { "keep" },
  prefetch = schema.boolean,
}, "call option")

--- What the helpers that wait take.
resource.AWAIT_OPTIONS = schema.options_of({
  timeout = seconds { default = 3600 },
  interval = seconds { default = 1 },
  on_poll = schema.callback,
  cancel_on_failure = schema.boolean { default = false },
}, "await option")

-- The methods of the tables that come back, by kind: those that bring the table up to date with what the resource's
-- method of that name returns. `await` marks methods whose argument is an await table.
local IN_PLACE = {
  scenario = { archive = "archive", unarchive = "unarchive", update = "update", refresh = "retrieve" },
  run = {
    refresh = "retrieve", score = "score", complete = "complete", cancel = "cancel",
    await_scored = "await_scored", score_and_await = "score_and_await", score_and_complete = "score_and_complete",
  },
  scorer = { refresh = "retrieve" },
  devbox = { refresh = "retrieve", await_running = "await_running" },
}

-- The id of a thing: the id itself, or a table that came from the API, which must be of the right kind.
local function id_of(value, kind, where)
  local mt = type(value) == "table" and getmetatable(value)
  if type(mt) == "table" and mt.kind and mt.kind ~= kind then
    errors.misuse(("%s: 'id' must be the id of a %s or a %s, got a %s"):format(where, kind, kind, mt.kind))
  end
  return schema.path_id(value, where)
end

--- Checks call options; the headers come back as a set (see headers.lua), the query as strings.
---@param options table|nil
---@param where string
---@return table|nil
function resource.call_options(options, where)
  if options == nil then return nil end
  local checked = schema.options(resource.CALL_OPTIONS, options, where)
  checked.headers = headers.check(checked.headers, where)
  checked.query = checked.query and schema.query(nil, checked.query, where)
  return checked
end

local call_options = resource.call_options

local function await_options(spec, where)
  return schema.options(resource.AWAIT_OPTIONS, spec, where, resource.CALL_OPTIONS)
end

local function merge(base, more)
  for name, value in pairs(more or {}) do base[name] = value end
  return base
end

-- What a row's request needs beyond its arguments, worked out once.
local function prepare(row, base_url)
  local before, after = row.path:match("^(.-){id}(.*)$")
  before = before and base_url .. before
  local own = row.accept and { accept = { "Accept", row.accept } }
  -- A file is wanted as it is; libcurl would ask for compression.
  if row.download then own["accept-encoding"] = { "Accept-Encoding", false } end
  return base_url .. row.path, before, after, own
end

-- The method of one row.
local function method_of(transport, self, name, row)
  local where = self._name .. ":" .. name
  local url, before, after, row_headers = prepare(row, transport.base_url)
  local kind, metatable = self._kind, transport.metatables[row.returns]
  local shape, is_query = row.body or row.query, row.query ~= nil
  local secret_fields = secrets.fields(row.secrets)

  local function query_of(params, options)
    local more = options and options.query
    if is_query then return merge(params, more) end
    return more
  end

  local function request(id, params, options)
    local place = id and before .. core.url_encode(id) .. after or url
    local body = not is_query and params and transport.encode(params, where) or nil
    local made = transport:request(row.method, place, options, query_of(params, options), body, row_headers)
    if secret_fields then
      made.secrets = secret_fields
      transport.learn(params, secret_fields)
    end
    return made
  end

  local function perform(id, params, options)
    options = call_options(options, where)
    local refused = transport.scheduler:enter(where)
    if refused then return nil, refused end
    local value, response = transport:perform(request(id, params, options), transport.decode_object)
    if value == nil then return nil, response end
    return setmetatable(value, metatable), response
  end

  local function check(params)
    if is_query then return schema.query(shape, params, where, resource.CALL_OPTIONS) end
    return schema.check(shape, params, where, resource.CALL_OPTIONS)
  end

  if row.list then
    return function(params, options)
      options = call_options(options, where)
      local query = query_of(check(params), options)
      transport.scheduler:check_open(where)
      local list = pager.new(transport, {
        name = where, url = url, list = row.list, metatable = metatable, query = query, options = options,
        secrets = secret_fields,
      })
      return list, nil, nil, list
    end
  elseif row.download then
    return function(id, path, options)
      id = id_of(id, kind, where)
      if path ~= nil and (type(path) ~= "string" or path == "" or path:find("%z")) then
        errors.misuse(where .. ": 'path' must be the name of a file, or nil")
      end
      options = call_options(options, where)
      local refused = transport.scheduler:enter(where)
      if refused then return nil, refused end
      return download.zip(transport, request(id, nil, options), path)
    end
  elseif before and shape then
    return function(id, params, options)
      return perform(id_of(id, kind, where), check(params), options)
    end
  elseif before then
    return function(id, options) return perform(id_of(id, kind, where), nil, options) end
  end
  return function(params, options) return perform(nil, check(params), options) end
end

-- Calling a method with a dot instead of a colon is the commonest slip: say so instead of blaming an argument.
local function expose(self, name, fn)
  local where = self._name .. ":" .. name
  self[name] = function(first, a, b, c)
    if first ~= self then errors.misuse(where .. ": call it with a colon, " .. where .. "(...)") end
    return fn(a, b, c)
  end
end

--- A resource: a table with a method for each row.
---@param transport table
---@param name string "scenarios", "scenarios.runs", ...
---@param kind string what its ids are ids of
---@param rows table
---@return table
function resource.bind(transport, name, kind, rows)
  local self = setmetatable({}, {
    __name = "runloop." .. name,
    __index = { _name = name, _kind = kind, _transport = transport },
  })
  for row_name, row in pairs(rows) do
    local method = method_of(transport, self, row_name, row)
    if row.internal then
      getmetatable(self).__index[row_name] = function(_, ...) return method(...) end
    else
      expose(self, row_name, method)
    end
  end
  return self
end

--- Adds the helpers that wait.
---@param transport table
---@param client table with scenarios and devboxes bound
function resource.add_awaits(transport, client)
  local scenarios, devboxes = client.scenarios, client.devboxes
  local runs = scenarios.runs

  -- The views that an error carries are the server's words as well.
  local function scrubbed(value, result)
    if value == nil then result = transport.scrub(result) end
    return value, result
  end

  local function helper(owner, name, kind, fn)
    local where = owner._name .. ":" .. name
    expose(owner, name, function(id, spec, options)
      id = id_of(id, kind, where)
      spec = await_options(spec, where)
      call_options(options, where) -- the calls that follow take them as they are
      local refused = transport.scheduler:enter(where)
      if refused then return nil, refused end
      return scrubbed(fn(transport, owner, id, spec, options))
    end)
  end

  helper(runs, "await_scored", "run", await.scored)
  helper(runs, "score_and_await", "run", await.score)
  helper(runs, "score_and_complete", "run", await.score_and_complete)
  helper(devboxes, "await_running", "devbox", await.running)

  local name = "start_run_and_await_env_ready"
  local where = scenarios._name .. ":" .. name
  expose(scenarios, name, function(params, spec, options)
    spec = await_options(spec, where)
    call_options(options, where) -- the calls that follow take them as they are
    return scrubbed(await.env_ready(transport, client, params, spec, options))
  end)
end

-- Methods of the tables that come back.

local function replace(target, fresh)
  for name in pairs(target) do
    if rawget(fresh, name) == nil then target[name] = nil end -- a method of that name does not count
  end
  for name, value in pairs(fresh) do target[name] = value end
end

-- An answer that does not say what it is about brings nothing up to date.
local function without_id(owner, name, response)
  return errors.new {
    kind = "decode", code = "SHAPE", message = owner._name .. ":" .. name .. ": the answer has no id",
    status = response.status, headers = response.headers, request_id = response.request_id,
    attempts = response.attempts,
  }
end

local function in_place(owner, name)
  local method = owner[name]
  return function(self, ...)
    local fresh, response = method(owner, self, ...)
    if fresh == nil then return nil, response end
    if type(fresh.id) ~= "string" or fresh.id == "" then return nil, without_id(owner, name, response) end
    replace(self, fresh)
    return self, response
  end
end

local function with_scenario(scenario, params, where)
  if params ~= nil and type(params) ~= "table" then
    errors.misuse(where .. ": parameters must be a table, got " .. type(params))
  end
  local given = params and params.scenario_id
  if type(given) == "table" and given.id ~= nil then given = given.id end
  if given ~= nil and given ~= scenario.id then
    errors.misuse(where .. ": parameter 'scenario_id' is not the scenario's own; leave it out")
  end
  return merge({ scenario_id = scenario.id }, params)
end

local function with_colon(kind, name, fn)
  return function(self, ...)
    local mt = getmetatable(self)
    if type(mt) ~= "table" or mt.kind ~= kind then errors.misuse(kind .. ":" .. name .. ": call it with a colon") end
    return fn(self, ...)
  end
end

--- Fills the metatables of what comes back; resources must be bound.
---@param transport table
---@param client table
function resource.add_methods(transport, client)
  local scenarios = client.scenarios
  local owners = {
    scenario = scenarios, run = scenarios.runs, scorer = scenarios.scorers, devbox = client.devboxes,
  }
  for kind, methods in pairs(IN_PLACE) do
    local index = transport.metatables[kind].__index
    for name, method in pairs(methods) do index[name] = in_place(owners[kind], method) end
  end
  local metatables = transport.metatables
  local scenario, run, scorer = metatables.scenario.__index, metatables.run.__index, metatables.scorer.__index

  function scenario:start_run(params, options)
    return scenarios:start_run(with_scenario(self, params, "scenario:start_run"), options)
  end

  function scenario:runs(params, options)
    return scenarios.runs:list(with_scenario(self, params, "scenario:runs"), options)
  end

  -- The API wants all of a scorer with every update.
  local update_scorer = in_place(scenarios.scorers, "update")
  function scorer:update(params, options)
    if params == nil or type(params) == "table" then
      params = merge({ type = self.type, bash_script = self.bash_script }, params)
    end
    return update_scorer(self, params, options)
  end

  function run:download_logs(path, options)
    return scenarios.runs:download_logs(self, path, options)
  end

  function run:scenario(options)
    return scenarios:retrieve(self.scenario_id, options)
  end

  for kind, metatable in pairs(metatables) do
    local index = metatable.__index
    for name, fn in pairs(index) do index[name] = with_colon(kind, name, fn) end
  end
end

--- The metatables of what comes back, one set for each client; the methods are added later.
---@return table<string, table>
function resource.metatables()
  local set = {}
  for kind in pairs(IN_PLACE) do
    set[kind] = { __name = "runloop." .. kind, kind = kind, __index = {} }
  end
  return set
end

return resource
