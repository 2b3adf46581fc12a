-- Rows: what the endpoints below api/ say, checked, and how a call of one is made. See resource.lua for what a row may
-- say.

local core = require "runloop.core"
local errors = require "runloop.error"
local json = require "runloop.json"
local lazy = require "runloop.lazy"
local names = require "runloop.api"
local options_of = require "runloop.options"
local schema = require "runloop.schema"

local error, getmetatable, ipairs, next, pairs, pcall, rawget = error, getmetatable, ipairs, next, pairs, pcall, rawget
local select, setmetatable, tostring, type = select, setmetatable, tostring, type
local find, format, gmatch, match, sub = string.find, string.format, string.gmatch, string.match, string.sub

local url_encode, NO_IDS = core.url_encode, schema.NO_IDS

local rows = {}

-- What rows need of resources, which are made of rows.
local resource

--- The names of all resources.
rows.LISTED = {}
for _, name in ipairs(names) do rows.LISTED[name] = true end

local LISTED = rows.LISTED

--- Adds the fields of a table to another one.
function rows.merge(base, more)
  for name, value in pairs(more or {}) do base[name] = value end
  return base
end

local merge = rows.merge

--- The id that a value stands for: the id itself, or a table that has it, which must be of the right kind.
---@param value any
---@param id { name: string, kind: string?, field: string? }
---@param where string
---@return string
function rows.id(value, id, where)
  if type(value) ~= "table" then return schema.path_id(value, where, id.name, id.field, id.kind) end
  local mt = getmetatable(value)
  local field = id.field or type(mt) == "table" and mt.is_thing and mt.kind == (id.kind or mt.kind) and mt.class.id
  if not field and rawget(value, id.name) ~= nil then field = id.name end
  return schema.path_id(value, where, id.name, field or nil, id.kind)
end

local ROW = schema.options_of({
  query = schema.table, body = schema.table, list = schema.string, events = schema.boolean,
  resume = schema.string, returns = schema.string { required = true }, check = schema.string,
  multipart = schema.string, accept = schema.string, timeout = schema.number { above = 0 },
  once = schema.boolean, nulls = schema.boolean, changes = schema.boolean, long = schema.boolean,
  internal = schema.boolean, completes = schema.callback, things = schema.map,
  conflicts = schema.boolean, recovers = schema.callback,
}, "field")

local function to_thing(context, plan, request)
  local transport = context.transport
  local value, response = transport:perform(request, transport.decode_object, plan.sink)
  if value == nil then return nil, response end
  return setmetatable(value, resource.metatable(context, plan.returns)), response
end

-- Makes a thing of an object in an answer, or things of the objects in a list.
local function add_methods(context, value, name)
  if type(value) ~= "table" then return end
  if getmetatable(value) ~= core.array_mt then
    setmetatable(value, resource.metatable(context, name))
    return
  end
  for i = 1, #value do add_methods(context, value[i], name) end
end

-- How a call goes on once its request is there, by what comes back.
local RESULTS = {
  object = function(context, plan, request)
    local value, response = context.transport:perform(request, context.transport.decode_object, plan.sink)
    local things = plan.row.things
    if value and things then
      for field, name in pairs(things) do add_methods(context, value[field], name) end
    end
    return value, response
  end,
  text = function(context, plan, request)
    return context.transport:perform(request, context.transport.decode_text, plan.sink)
  end,
  -- Whatever the answer holds.
  nothing = function(context, plan, request)
    return context.transport:perform(request, context.transport.decode_nothing, plan.sink)
  end,
  bytes = function(context, plan, request, path)
    return lazy.load("download").perform(context.transport, request, path, plan.row.check)
  end,
}

local function check_kind(row, definition)
  local returns = row.returns
  if RESULTS[returns] then return end
  if not LISTED[returns] and not pcall(function() return definition.shapes[returns] end) then
    error("'returns' is neither a resource nor a shape nor a kind: " .. returns, 0)
  end
end

-- What in a row would do nothing, or would be lost, beside the rest of it.
local function contradiction(method, row)
  local query, body, asks = row.query, row.body, method == "GET"
  for name, part in pairs { query = query, body = body } do
    if not (part.fields or part.variants) then return "'" .. name .. "' is no object" end
  end
  for name in pairs(query and body and query.fields or {}) do
    if body.fields[name] then return "'" .. name .. "' is in the query and in the body" end
  end
  for _, name in pairs(row.things or {}) do
    if not LISTED[name] then return "'things': no resource is called '" .. name .. "'" end
  end
  if asks and (body or row.multipart) then return "a GET has no body" end
  if not asks and (row.list or row.events) then return "a list or a stream is a GET" end
  if row.list and row.events then return "a list is no stream" end
  if row.resume and not (row.events and query and query.fields[row.resume]) then
    return "'resume' is a parameter of a stream's query"
  end
  if row.check and row.returns ~= "bytes" then return "'check' is for what returns bytes" end
  if row.multipart and not body then return "'multipart' needs a body, which are its other parts" end
  if row.changes and not body then return "'changes' needs a body" end
  return nil
end

-- Whether a resource, or one that it is below or that is right below it, has things of a kind.
local function has_things(definition, kind)
  if definition.kind == kind or LISTED[definition.name .. "." .. kind .. "s"] then return true end
  local parent = match(definition.name, "^(.*)%.[%w_]+$")
  return parent ~= nil and has_things(resource.class(parent).definition, kind)
end

-- The ids in a row's path, each with what it is the id of.
local function ids_of(path, definition)
  local ids = {}
  for name in gmatch(path, "{([^}]*)}") do
    local kind = match(name, "^([%w_]+)_id$") or definition.kind
    if not kind or not has_things(definition, kind) or not (find(name, "_id$") or name == (definition.id or "id")) then
      error("'{" .. name .. "}' is no id of anything", 0)
    end
    for i = 1, #ids do
      if ids[i].name == name then error("'{" .. name .. "}' stands there twice", 0) end
    end
    ids[#ids + 1] = { name = name, kind = kind, field = kind == definition.kind and definition.id or nil }
  end
  return ids
end

-- Parameters of a call: those of the query, of the body, or of both.
local function shape_of(row)
  local query, body = row.query, row.body
  if not (query and body) then return query or body end
  return schema.object(merge(merge({}, body.fields), query.fields))
end

local ACCEPTED = { text = "text/plain", bytes = "application/octet-stream" }

local function headers_of(row)
  local accept = row.accept or row.events and "text/event-stream" or ACCEPTED[row.returns]
  local own = accept and { accept = { "Accept", accept } }
  -- A file is wanted as it is; libcurl would ask for compression.
  if row.returns == "bytes" then own["accept-encoding"] = { "Accept-Encoding", false } end
  return own
end

--- What a row says, checked and worked out once for all clients.
function rows.plan(definition, row)
  local spec = {}
  for field, value in pairs(row) do
    if type(field) == "string" then spec[field] = value end
  end
  spec = schema.check(ROW, spec, "row")
  local method, path = match(tostring(row[1]), "^(%u+) (/[%w_{}/.-]*)$")
  if not method then error("a row begins with a method and a path: " .. tostring(row[1]), 0) end
  local parts, rest = {}, path
  for before, after in gmatch(path, "([^{}]*){[^{}]*}()") do
    parts[#parts + 1], rest = before, sub(path, after)
  end
  parts[#parts + 1] = rest
  if find(rest, "[{}]") then error("braces in the path: " .. path, 0) end
  check_kind(spec, definition)
  local why = contradiction(method, spec)
  if why then error(why, 0) end
  if spec.check and not lazy.load("download").CHECKS[spec.check] then
    error("no check is called '" .. spec.check .. "'", 0)
  end
  local ids = ids_of(path, definition)
  local shape, id_names = shape_of(spec), {}
  for i = 1, #ids do id_names[i] = ids[i].name end
  local has_file = spec.returns == "bytes" or spec.multipart ~= nil
  local opens = spec.list or spec.events
  return {
    row = spec, method = method, parts = parts, ids = ids, id_names = ids[2] and id_names, shape = shape,
    headers = headers_of(spec),
    returns = spec.returns, result = RESULTS[spec.returns] or (LISTED[spec.returns] and to_thing) or RESULTS.object,
    params_at = shape and #ids + 1, file_at = has_file and #ids + (shape and 2 or 1) or nil,
    options_at = #ids + (shape and 1 or 0) + (has_file and 1 or 0) + 1,
    sink = spec.long and function() return { lane = "streams" } end or nil,
    opens = opens, marks = spec.timeout or spec.once or spec.conflicts or spec.nulls,
    takes_one = #ids == 1 and not (shape or has_file or opens or spec.recovers or spec.completes),
  }
end

local OWN_IDS = { "id", "starting_after" }

-- Of a list's own `id` and cursor the name does not say what they are ids of.
local function check_cursor(row, params, where)
  for _, name in ipairs(OWN_IDS) do
    local value = params and params[name]
    if type(value) == "table" then
      rows.id(value, { name = name, kind = LISTED[row.returns] and resource.class(row.returns).kind }, where)
    end
  end
end

-- The parameters for the query, as strings, and for the body, checked.
local function sorted_params(plan, params, where)
  local row = plan.row
  if not row.body then return schema.query(plan.shape, params, where, options_of.CALL), nil end
  local body, query = schema.check(plan.shape, params, where, options_of.CALL), nil
  if row.query then
    query = {}
    for field in pairs(row.query.fields) do query[field], body[field] = body[field], nil end
    query = schema.query(nil, query, where)
  end
  return query, body
end

-- Parameters in the place of the id are the commonest slip with a call that changes something: nothing would change.
local function nothing_to_change(plan, id, where)
  for field in pairs(type(id) == "table" and not getmetatable(id) and id or {}) do
    if plan.shape.fields[field] then
      errors.misuse(format("%s: parameter '%s' stands in the place of the id: write %s(id, { %s = ... })", where,
        field, where, field))
    end
  end
  errors.misuse(where .. ": nothing to update: what changes goes into a table, update { name = ... }")
end

local function is_empty(t)
  return t == nil or (type(t) == "table" and next(t) == nil and not json.name_of(t))
end

-- The URL of a call that takes one id.
local function url_of_one(plan, transport, id, where)
  local parts = plan.parts
  if type(id) ~= "string" or NO_IDS[id] then id = rows.id(id, plan.ids[1], where) end
  return transport.base_url .. parts[1] .. url_encode(id) .. parts[2]
end

-- The URL. The ids are put into `texts`, where they are wanted.
local function url_of(plan, transport, given, where, texts)
  local parts, ids = plan.parts, plan.ids
  local url = transport.base_url .. parts[1]
  for i = 1, #ids do
    local id = rows.id(given[i], ids[i], where)
    url = url .. url_encode(id) .. parts[i + 1]
    if texts then texts[i] = id end
  end
  return url
end

-- A thing that carries the ids above its own stands for all of them; `wanted` are their names in order. Of the `count`
-- arguments given some may be nil.
function rows.spread_ids(wanted, given, count)
  local thing = given[1]
  if type(thing) ~= "table" then return end
  for i = 1, #wanted do
    if type(rawget(thing, wanted[i])) ~= "string" then return end
  end
  local more = #wanted - 1
  for i = count, 1, -1 do given[i + more] = given[i] end
  for i = 1, more do given[i] = thing[wanted[i]] end
end

-- Adds the names of the fields of a shape that are secrets to a set, which is made when there is one.
local function add_secrets(set, of, seen)
  if of.secret then return set end -- by its name, below
  if seen[of] then return set end
  seen[of] = true
  if of.of then set = add_secrets(set, of.of, seen) end
  for name, field in pairs(of.fields or of.variants or {}) do
    if field.secret then
      set = set or {}
      set[name] = true
    end
    set = add_secrets(set, field, seen)
  end
  return set
end

-- What comes back, as far as it is known: a shape.
local function came_of(plan, class)
  local row = plan.row
  if LISTED[row.returns] then return resource.class(row.returns).definition.thing end
  return not RESULTS[row.returns] and class.definition.shapes[row.returns] or nil
end

-- The names of the fields that are secrets in what a call sends and brings; nil when there are none. Worked out when
-- the call is made: what comes back may be another resource's.
local function secrets_of(plan, class)
  if plan.secrets == nil then
    local row, came = plan.row, came_of(plan, class)
    local set = came and add_secrets(nil, came, {})
    plan.secrets = row.body and add_secrets(set, row.body, {}) or set or false
  end
  return plan.secrets or nil
end

local function check_path(path, where, required)
  if path == nil and not required then return end
  if type(path) ~= "string" or path == "" or find(path, "%z") then
    errors.misuse(where .. ": 'path' must be the name of a file" .. (required and "" or ", or nil"))
  end
end

-- The arguments of a call, checked, before anything is done: url, query, body, options, the path of a file, and the ids
-- where `recovers` wants them.
local function arguments_of_call(context, plan, where, ...)
  local transport = context.transport
  local row, given = plan.row, { ... }
  if plan.id_names then rows.spread_ids(plan.id_names, given, select("#", ...)) end
  local ids = row.recovers and {} or nil
  local url, query, body, path = url_of(plan, transport, given, where, ids), nil, nil, nil
  local params, options = plan.params_at and given[plan.params_at], given[plan.options_at]
  if row.changes and is_empty(params) and is_empty(type(options) == "table" and options.body or nil) then
    nothing_to_change(plan, given[#plan.ids], where)
  end
  if plan.shape then query, body = sorted_params(plan, params, where) end
  if row.list then check_cursor(row, params, where) end
  if plan.file_at then
    local has_contents = row.multipart and body.contents ~= nil
    path = given[plan.file_at]
    if has_contents and path ~= nil then errors.misuse(where .. ": have a local file or 'contents', not both") end
    check_path(path, where, row.multipart and not has_contents)
  end
  options = options_of.check(options, where, plan.shape, row.list and (came_of(plan, context.class) or true))
  if options then
    if options.on_progress and not plan.file_at then
      errors.misuse(where .. ": call option 'on_progress': only uploads and downloads have a progress")
    end
    if options.query then query = merge(query or {}, options.query) end
    if options.body then
      if plan.method == "GET" or row.multipart then
        errors.misuse(where .. ": call option 'body': a " .. (row.multipart and "file" or plan.method)
          .. " is not sent with a body of JSON")
      end
      body = merge(body or {}, options.body)
    end
  end
  if plan.id_names or select("#", ...) > plan.options_at then errors.refuse_more(given, plan.options_at, where) end
  if row.completes then row.completes(body) end
  return url, query, body, options, path, ids
end

local function open_list(context, plan, where, url, query, options)
  local transport, row = context.transport, plan.row
  transport.scheduler:check_open(where)
  local list = lazy.load(row.list and "pager" or "stream").new(transport, {
    name = where, url = url, list = row.list, query = query, options = options,
    metatable = LISTED[row.returns] and resource.metatable(context, row.returns) or nil,
    secrets = secrets_of(plan, context.class), resume = row.resume, headers = plan.headers,
  })
  return list, nil, nil, list
end

-- What a row says of its requests.
local function mark(row, transport, request, options)
  if row.timeout then request.timeout = options and options.timeout or row.timeout end
  request.once, request.conflicts = row.once, row.conflicts
  if row.nulls then request.reading = transport.reading(options, true) end
end

local function request_of(context, plan, url, options, query, text)
  local transport, secret = context.transport, plan.secrets
  local request = transport:request(plan.method, url, options, query, text, plan.headers)
  if plan.marks then mark(plan.row, transport, request, options) end
  if secret == nil then secret = secrets_of(plan, context.class) end
  if secret then request.secrets = secret end
  return request
end

-- A call of nothing but an id.
local function perform_one(context, plan, where, id)
  local url = url_of_one(plan, context.transport, id, where)
  local refused = context.transport.scheduler:enter(where)
  if refused then return nil, refused end
  return plan.result(context, plan, request_of(context, plan, url))
end

--- Makes a call.
---@param context table of the resource
---@param plan table
---@param where string
---@param ... any its arguments
function rows.perform(context, plan, where, ...)
  if plan.takes_one and select("#", ...) == 1 then return perform_one(context, plan, where, (...)) end
  local transport, row = context.transport, plan.row
  local url, query, body, options, path, ids = arguments_of_call(context, plan, where, ...)
  if plan.opens then return open_list(context, plan, where, url, query, options) end
  local text = body and not row.multipart and transport:encode(body, where) or nil
  local refused = transport.scheduler:enter(where)
  if refused then return nil, refused end
  local request = request_of(context, plan, url, options, query, text)
  if request.secrets then transport.learn(body, request.secrets) end
  if row.multipart then return lazy.load("upload").multipart(transport, request, row.multipart, body, path) end
  local value, response = plan.result(context, plan, request, path)
  if value == nil and row.recovers then return row.recovers(context, ids, response, options) end
  return value, response
end

--- Lets rows find resources.
---@param resources table
function rows.use(resources) resource = resources end

return rows
