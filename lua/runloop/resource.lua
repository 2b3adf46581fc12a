-- Endpoints as methods, and what comes back as tables with methods: everything is driven by the files below api/.
--
-- Such a file gives a definition:
--   name        of the resource on a client: "scenarios.runs"
--   kind        what its ids are ids of; what comes back is a thing of that kind, with methods
--   id          the field of a thing that holds its id; default "id"
--   thing       the shape of such a thing
--   shapes      the shapes of the file by name, from `schema.shapes`
--   rows        its endpoints: name -> row
--   helpers     its other calls: name -> helper
--   aliases     its names for calls of other resources: name -> "resource:row"
--   methods     of its things: name -> method
--   metamethods of its things: function(context) -> table
-- and what other files ask it for.
--
-- A row is { "GET /v1/scenarios/{id}", "What it does.", ... } with
--   query, body    shapes of the parameters that go there; with both a call takes one table
--   list           the field of the answer that holds a page's items: the call returns a pager
--   resume         of events: the parameter by which a stream goes on where it was
--   events         true: the answer is a stream of events: the call returns a stream
--   returns        what comes back: the name of a resource, whose thing it is; the name of a shape; or one of RESULTS; of a list or a
--                  stream: its items
--   things         fields of a plain object -> the resource whose things are there, one or a list
--   check          what a file must be: one of download.CHECKS
--   multipart      the name of the part that a local file goes into; `body` are the other parts
--   accept         instead of application/json
--   timeout        seconds, whatever the client's
--   once           true: sent again only when it cannot have been done
--   completes      function(body) that fills in what a caller may leave out
--   nulls          true: the nulls of the answer are kept
--   conflicts      true: a 409 says what is so, and is not tried again
--   recovers       function(context, ids, err, options) -> value, response or nil, err: looks again at what failed
--   changes        true: without a parameter it would do nothing, and raises
--   long           true: a poll that the server holds, in the lane of the streams
--   internal       true: for helpers alone
--
-- A call whose shapes have fields that are `secret` keeps these, and its answer, out of errors and events.
--
-- A helper is { "What it does.", ... } with
--   takes          its arguments: names of ids, "params", "await", "options"; others are { name, type for editors, text }
--                  and are checked by the call
--   params         the shape of "params"
--   returns        as a row has it, with the name of any type for editors besides
--   call           function(context, ...)
--
-- A method is { "What it does.", ... } with one of
--   in_place       the name of a row or helper of the resource, whose answer the thing is brought up to date with;
--                  `completes` makes parameters of the thing and those given
--   calls          "resource:row": a call that the thing, or its field `field`, is the first id of; with `fills`, the
--                  parameter of that call that the thing is
--   call           function(context, thing, ...), with `takes` and `returns` as a helper has them

local core = require "runloop.core"
local errors = require "runloop.error"
local headers = require "runloop.headers"
local lazy = require "runloop.lazy"
local names = require "runloop.api"
local schema = require "runloop.schema"

local resource = {}

local seconds = schema.number { min = 0 }

--- The options that every call takes last.
resource.CALL_OPTIONS = schema.options_of({
  timeout = schema.number { above = 0 },
  deadline = schema.number { above = 0 },
  max_retries = schema.integer { min = 0 },
  headers = schema.table,
  query = schema.table,
  body = schema.table,
  idempotency_key = schema.string { pattern = "^[^%c]+$", hint = "be a line of text" },
  nulls = schema.enum { "keep" },
  integers = schema.enum { "string" },
  prefetch = schema.boolean,
  idle_timeout = schema.number { above = 0 },
  fields = schema.array(schema.string { pattern = ".", hint = "not be empty" }),
}, "call option")

--- What the helpers that wait take.
resource.AWAIT_OPTIONS = schema.options_of({
  timeout = seconds { default = 3600 },
  interval = seconds { default = 1 },
  on_poll = schema.callback,
  cancel_on_failure = schema.boolean { default = false },
}, "await option")

local LISTED = {}
for _, name in ipairs(names) do LISTED[name] = true end

-- The option `fields` of a list: with `id`, and without what is most likely a slip.
local function check_fields(wanted, of, where)
  local all, known = { "id" }, {}
  for name in pairs(of ~= true and of.fields or {}) do known[#known + 1] = name end
  for i, name in ipairs(wanted) do
    local meant = schema.misspelt(name, known)
    if meant and meant ~= name then
      errors.misuse(("%s: call option 'fields[%d]': there is no field '%s' (did you mean '%s'?)"):format(where, i, name,
        meant))
    end
    all[#all + 1] = name
  end
  return all
end

--- Checks call options; the headers come back as a set (see headers.lua), the query as strings.
---@param options table?
---@param where string
---@param shape table? the call's parameters, for who puts one of them here
---@param listed table|true|nil of a list what its items are, or true where nobody knows
---@return table?
function resource.call_options(options, where, shape, listed)
  if options == nil then return nil end
  local checked = schema.options(resource.CALL_OPTIONS, options, where, shape)
  checked.headers = headers.check(checked.headers, where)
  checked.query = checked.query and schema.query(nil, checked.query, where)
  if checked.fields then
    if not listed then errors.misuse(where .. ": call option 'fields' is for lists") end
    checked.fields = check_fields(checked.fields, listed, where)
  end
  return checked
end

local call_options = resource.call_options

local function merge(base, more)
  for name, value in pairs(more or {}) do base[name] = value end
  return base
end

-- What is on a resource or a thing: its context, which its methods find in its metatable.
--   class      what its definition became; for all clients
--   transport  of its client
--   api        the resources of its client
local function context_of(self, class, where, is_thing)
  local mt = getmetatable(self)
  if type(mt) ~= "table" or mt.class ~= class or mt.is_thing ~= is_thing then
    errors.misuse(where .. ": call it with a colon" .. (is_thing and "" or ", " .. where .. "(...)"))
  end
  return mt
end

-- The id that a value stands for: the id itself, or a table that has it, which must be of the right kind.
local function id_of(value, id, where)
  local mt = type(value) == "table" and getmetatable(value)
  if type(mt) == "table" and mt.kind and id.kind and mt.kind ~= id.kind then
    local article = id.kind:find "^[aeiou]" and "an" or "a"
    local wanted = article .. " " .. id.kind
    errors.misuse(("%s: '%s' must be the id of %s or %s, got a %s"):format(where, id.name, wanted, wanted, mt.kind))
  end
  local field = id.field or type(mt) == "table" and mt.is_thing and mt.class.id
  if not field and type(value) == "table" and rawget(value, id.name) ~= nil then field = id.name end
  return schema.path_id(value, where, id.name, field or nil)
end

-- Rows.

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
    for field, name in pairs(value and plan.row.things or {}) do add_methods(context, value[field], name) end
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

-- Whether a resource, or one that it is below or that is right below it, has things of a kind.
local function has_things(definition, kind)
  if definition.kind == kind or LISTED[definition.name .. "." .. kind .. "s"] then return true end
  local parent = definition.name:match "^(.*)%.[%w_]+$"
  return parent ~= nil and has_things(resource.class(parent).definition, kind)
end

-- The ids in a row's path, each with what it is the id of.
local function ids_of(path, definition)
  local ids = {}
  for name in path:gmatch "{([^}]*)}" do
    local kind = name:match "^([%w_]+)_id$" or definition.kind
    if not kind or not has_things(definition, kind) or not (name:find "_id$" or name == (definition.id or "id")) then
      error("'{" .. name .. "}' is no id of anything", 0)
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

-- What a row says, checked and worked out once for all clients.
local function plan_of(definition, row)
  local spec = {}
  for field, value in pairs(row) do
    if type(field) == "string" then spec[field] = value end
  end
  spec = schema.check(ROW, spec, "row")
  local method, path = tostring(row[1]):match "^(%u+) (/[%w_{}/.-]*)$"
  if not method then error("a row begins with a method and a path: " .. tostring(row[1]), 0) end
  local parts, rest = {}, path
  for before, after in path:gmatch "([^{}]*){[^{}]*}()" do
    parts[#parts + 1], rest = before, path:sub(after)
  end
  parts[#parts + 1] = rest
  if rest:find "[{}]" then error("braces in the path: " .. path, 0) end
  check_kind(spec, definition)
  if spec.check and not lazy.load("download").CHECKS[spec.check] then
    error("no check is called '" .. spec.check .. "'", 0)
  end
  local ids = ids_of(path, definition)
  local shape, id_names = shape_of(spec), {}
  for i = 1, #ids do id_names[i] = ids[i].name end
  local has_file = spec.returns == "bytes" or spec.multipart ~= nil
  return {
    row = spec, method = method, parts = parts, ids = ids, id_names = ids[2] and id_names, shape = shape,
    headers = headers_of(spec),
    returns = spec.returns, result = RESULTS[spec.returns] or (LISTED[spec.returns] and to_thing) or RESULTS.object,
    params_at = shape and #ids + 1, file_at = has_file and #ids + (shape and 2 or 1) or nil,
    options_at = #ids + (shape and 1 or 0) + (has_file and 1 or 0) + 1,
    sink = spec.long and function() return { lane = "streams" } end or nil,
  }
end

-- The parameters for the query, as strings, and for the body, checked.
local function sorted_params(plan, params, where)
  local row = plan.row
  if not row.body then return schema.query(plan.shape, params, where, resource.CALL_OPTIONS), nil end
  local body, query = schema.check(plan.shape, params, where, resource.CALL_OPTIONS), nil
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
      errors.misuse(("%s: parameter '%s' stands in the place of the id: write %s(id, { %s = ... })"):format(where,
        field, where, field))
    end
  end
  errors.misuse(where .. ": nothing to update: what changes goes into a table, update { name = ... }")
end

local function is_empty(t)
  return t == nil or (type(t) == "table" and next(t) == nil)
end

-- The URL, and the ids in it.
local function url_of(plan, transport, given, where)
  local parts, ids, texts = plan.parts, plan.ids, {}
  local url = transport.base_url .. parts[1]
  for i = 1, #ids do
    texts[i] = id_of(given[i], ids[i], where)
    url = url .. core.url_encode(texts[i]) .. parts[i + 1]
  end
  return url, texts
end

-- A thing that carries the ids above its own stands for all of them; `wanted` are their names in order.
local function spread_ids(wanted, given)
  local thing = given[1]
  if type(thing) ~= "table" then return end
  for i = 1, #wanted do
    if type(rawget(thing, wanted[i])) ~= "string" then return end
  end
  for i = #wanted - 1, 1, -1 do table.insert(given, 1, thing[wanted[i]]) end
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
  if type(path) ~= "string" or path == "" or path:find "%z" then
    errors.misuse(where .. ": 'path' must be the name of a file" .. (required and "" or ", or nil"))
  end
end

-- The arguments of a call, checked, before anything is done: url, query, body, path, options.
local function arguments_of_call(context, plan, where, ...)
  local transport, row, given = context.transport, plan.row, { ... }
  if plan.id_names then spread_ids(plan.id_names, given) end
  local call = {}
  call.url, call.ids = url_of(plan, transport, given, where)
  local params, options = plan.params_at and given[plan.params_at], given[plan.options_at]
  if row.changes and is_empty(params) and is_empty(type(options) == "table" and options.body or nil) then
    nothing_to_change(plan, given[#plan.ids], where)
  end
  if plan.shape then call.query, call.body = sorted_params(plan, params, where) end
  if plan.file_at then
    call.path = given[plan.file_at]
    check_path(call.path, where, row.multipart)
  end
  call.options = call_options(options, where, plan.shape, row.list and (came_of(plan, context.class) or true))
  if call.options and call.options.query then call.query = merge(call.query or {}, call.options.query) end
  if call.options and call.options.body then
    if plan.method == "GET" or row.multipart then
      errors.misuse(where .. ": call option 'body': a " .. (row.multipart and "file" or plan.method)
        .. " is not sent with a body of JSON")
    end
    call.body = merge(call.body or {}, call.options.body)
  end
  if row.completes then row.completes(call.body) end
  return call
end

local function open_list(context, plan, where, call)
  local transport, row = context.transport, plan.row
  transport.scheduler:check_open(where)
  local list = lazy.load(row.list and "pager" or "stream").new(transport, {
    name = where, url = call.url, list = row.list, query = call.query, options = call.options,
    metatable = LISTED[row.returns] and resource.metatable(context, row.returns) or nil,
    secrets = secrets_of(plan, context.class), resume = row.resume, headers = plan.headers,
  })
  return list, nil, nil, list
end

local function perform(context, plan, where, ...)
  local transport, row = context.transport, plan.row
  local call = arguments_of_call(context, plan, where, ...)
  if row.list or row.events then return open_list(context, plan, where, call) end
  local options, body = call.options, call.body
  local text = body and not row.multipart and transport:encode(body, where) or nil
  local refused = transport.scheduler:enter(where)
  if refused then return nil, refused end
  local request = transport:request(plan.method, call.url, options, call.query, text, plan.headers)
  if row.timeout then request.timeout = options and options.timeout or row.timeout end
  request.once, request.conflicts = row.once, row.conflicts
  if row.nulls then request.reading = transport.reading(options, true) end
  request.secrets = secrets_of(plan, context.class)
  if request.secrets then transport.learn(body, request.secrets) end
  if row.multipart then
    return lazy.load("upload").multipart(transport, request, row.multipart, body, call.path)
  end
  if row.recovers then
    local value, response = plan.result(context, plan, request, call.path)
    if value == nil then return row.recovers(context, call.ids, response, options) end
    return value, response
  end
  return plan.result(context, plan, request, call.path)
end

local function method_of(class, name, row)
  local where = class.name .. ":" .. name
  local ok, plan = pcall(plan_of, class.definition, row)
  if not ok then error(("the row of %s: %s"):format(where, tostring(plan)), 0) end
  class.plans[name] = plan
  return function(self, ...)
    return perform(context_of(self, class, where), plan, where, ...)
  end
end

-- Helpers.

-- The views that an error carries are the server's words as well.
local function scrubbed(context, value, ...)
  if value == nil then return nil, context.transport.scrub((...)) end
  return value, ...
end

-- What a helper is called with: await options and call options checked, ids as texts.
local function arguments_of(helper, class, where, given)
  for i, name in ipairs(helper.takes) do
    if name == "await" then
      given[i] = schema.options(resource.AWAIT_OPTIONS, given[i], where, resource.CALL_OPTIONS)
    elseif name == "options" then
      call_options(given[i], where, helper.params) -- the calls that follow take them as they are
    elseif type(name) == "string" and (name == class.id or name:find "_?id$") then
      local kind = name:match "^(.+)_id$" or class.kind
      given[i] = id_of(given[i], { name = name, kind = kind, field = kind == class.kind and class.id or nil }, where)
    end
  end
  return given
end

local unpack = table.unpack or unpack -- luacheck: compat

local function helper_of(class, name, helper)
  local where = class.name .. ":" .. name
  local count, id_names = #helper.takes, {}
  for i, argument in ipairs(helper.takes) do
    if type(argument) == "string" and argument:find "_id$" then id_names[i] = argument end
  end
  return function(self, ...)
    local context = context_of(self, class, where)
    local given = { ... }
    if id_names[2] then spread_ids(id_names, given) end
    given = arguments_of(helper, class, where, given)
    local refused = context.transport.scheduler:enter(where)
    if refused then return nil, refused end
    return scrubbed(context, context.transport.scheduler:as_one(helper.call, context, unpack(given, 1, count)))
  end
end

local function alias_of(class, name, call)
  local where = class.name .. ":" .. name
  local owner_name, row_name = call:match "^([%w_.]+):([%w_]+)$"
  if not LISTED[owner_name] then error(("%s is an alias of '%s', which is no call"):format(where, call), 0) end
  return function(self, ...)
    local owner = context_of(self, class, where).api[owner_name]
    return owner[row_name](owner, ...)
  end
end

-- Methods of the tables that come back.

local function replace(target, fresh)
  for name in pairs(target) do
    if rawget(fresh, name) == nil then target[name] = nil end -- a method of that name does not count
  end
  for name, value in pairs(fresh) do target[name] = value end
end

-- An answer that does not say what it is about brings nothing up to date.
local function without_id(where, response)
  return errors.new {
    kind = "decode", code = "SHAPE", message = where .. ": the answer has no id",
    status = response.status, headers = response.headers, request_id = response.request_id,
    attempts = response.attempts,
  }
end

--- Brings a thing up to date with a fresh one.
---@param thing table
---@param fresh table?
---@param response table the response, or the error
---@param where string
---@return table? thing, table response_or_err
function resource.update(thing, fresh, response, where)
  if fresh == nil then return nil, response end
  local id = fresh[getmetatable(thing).class.id]
  if type(id) ~= "string" or id == "" then return nil, without_id(where, response) end
  replace(thing, fresh)
  return thing, response
end

local function in_place(class, method)
  local name, completes = method.in_place, method.completes
  local where = class.name .. ":" .. name
  return function(context, thing, params, ...)
    local owner = context.api[class.name]
    if completes and type(params) == "table" and next(params) ~= nil then params = completes(thing, params) end
    local fresh, response = owner[name](owner, thing, params, ...)
    return resource.update(thing, fresh, response, where)
  end
end

-- A call of another resource about a thing, or about what one of its fields names.
local function calls(method)
  local owner_name, name = method.calls:match "^([%w_.]+):([%w_]+)$"
  return function(context, thing, ...)
    local owner = context.api[owner_name]
    return owner[name](owner, method.field and thing[method.field] or thing, ...)
  end
end

-- A call of another resource with the thing as one of its parameters.
local function fills(method, where)
  local owner_name, name = method.calls:match "^([%w_.]+):([%w_]+)$"
  local parameter = method.fills
  return function(context, thing, params, ...)
    if params ~= nil and type(params) ~= "table" then
      errors.misuse(where .. ": parameters must be a table, got " .. type(params))
    end
    local id, given = thing[context.class.id], params and params[parameter]
    if type(given) == "table" and given.id ~= nil then given = given.id end
    if given ~= nil and given ~= id then
      errors.misuse(("%s: parameter '%s' is not the %s's own; leave it out"):format(where, parameter, context.kind))
    end
    local owner = context.api[owner_name]
    return owner[name](owner, merge({ [parameter] = id }, params), ...)
  end
end

-- A field wins over a method of its name, so that the method could not be called. What a method leads to is looked for
-- when it is called, where that is in another file.
local function check_method(class, name, method)
  local definition = class.definition
  if definition.thing.fields[name] then
    error(("method '%s' has the name of a field of a %s"):format(name, definition.kind), 0)
  end
  local owner = method.calls and method.calls:match "^([%w_.]+):[%w_]+$"
  if method.in_place and not definition.rows[method.in_place] and not (definition.helpers or {})[method.in_place] then
    error(("method '%s' is made of '%s', which is no call"):format(name, method.in_place), 0)
  elseif method.calls and not LISTED[owner] then
    error(("method '%s' calls '%s', which is no call"):format(name, method.calls), 0)
  end
end

local function thing_method_of(class, name, method)
  check_method(class, name, method)
  local where = class.kind .. ":" .. name
  local call = method.call or method.in_place and in_place(class, method)
    or method.fills and fills(method, where) or calls(method)
  return function(self, ...)
    return call(context_of(self, class, where, true), self, ...)
  end
end

-- Classes: what a definition becomes, once for all clients.

local classes = {}

-- The resources right below another one, or on a client: name there -> whole name.
local function children_of(prefix)
  local found = {}
  for _, name in ipairs(names) do
    local child = name:sub(1, #prefix) == prefix and name:sub(#prefix + 1):match "^[%w_]+$"
    if child then found[child] = name end
  end
  return found
end

--- What a definition becomes; raises for a row or a method that says what nobody knows.
---@param definition table
---@return table
function resource.define(definition)
  local class = {
    name = definition.name, kind = definition.kind, id = definition.id or "id", definition = definition,
    plans = {}, methods = {}, thing_methods = {}, children = children_of(definition.name .. "."),
  }
  for name, row in pairs(definition.rows) do
    class.methods[(row.internal and "_" or "") .. name] = method_of(class, name, row)
  end
  for name, helper in pairs(definition.helpers or {}) do class.methods[name] = helper_of(class, name, helper) end
  for name, call in pairs(definition.aliases or {}) do class.methods[name] = alias_of(class, name, call) end
  for name, method in pairs(definition.methods or {}) do
    class.thing_methods[name] = thing_method_of(class, name, method)
  end
  return class
end

--- The class of a resource; loads its file.
---@param name string
---@return table
function resource.class(name)
  local class = classes[name]
  if not class then
    if not LISTED[name] then error("no resource is called '" .. tostring(name) .. "'", 2) end
    class = resource.define(lazy.load("api." .. name))
    classes[name] = class
  end
  return class
end

-- One of a client's resources, whose methods find the client in the metatable.
local function new_instance(shared, name)
  local class = resource.class(name)
  local mt = { __name = "runloop." .. name, class = class }
  function mt.__index(self, key)
    local method = class.methods[key]
    if method then return method end
    local child = class.children[key]
    if not child then return schema.unknown_method(name, key, class.methods, class.children) end
    rawset(self, key, shared.api[child])
    return self[key]
  end
  return setmetatable({}, merge(mt, shared))
end

--- The resources of a client by their whole names; each is loaded when it is first used.
---@param transport table
---@return table<string, table>
function resource.api(transport)
  local shared = { transport = transport, things = {} }
  shared.api = setmetatable({}, {
    __index = function(self, name)
      local instance = new_instance(shared, name)
      rawset(self, name, instance)
      return instance
    end,
  })
  return shared.api
end

--- What a client finds under a name that it has no method of: a resource. A name that nobody knows raises.
---@param api table
---@param name any
---@param methods table the client's
---@return table?
function resource.of_client(api, name, methods)
  local children = children_of ""
  if children[name] then return api[name] end
  return schema.unknown_method("client", name, methods, children)
end

--- The metatable of a resource's things, of one client.
---@param context table
---@param name string of the resource
---@return table
function resource.metatable(context, name)
  local mt = context.things[name]
  if not mt then
    local class = resource.class(name)
    mt = {
      __name = "runloop." .. class.kind, __index = class.thing_methods, kind = class.kind, class = class, is_thing = true,
      transport = context.transport, api = context.api, things = context.things,
    }
    if class.definition.metamethods then merge(mt, class.definition.metamethods(mt)) end
    context.things[name] = mt
  end
  return mt
end

--- Announces what is loaded when it is first used, once all this can be asked for.
function resource.announce()
  local modules = { "await", "download", "exec", "multipart", "stream", "together", "api.shapes" }
  for _, name in ipairs(names) do modules[#modules + 1] = "api." .. name end
  lazy.announce(modules)
end

return resource
