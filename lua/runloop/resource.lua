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
--   drives         true: outside of tasks it drives them all, as `map` does, and a nonblocking client allows that
--   call           function(context, ...)
--
-- A method is { "What it does.", ... } with one of
--   in_place       the name of a row or helper of the resource, whose answer the thing is brought up to date with;
--                  `completes` makes parameters of the thing and those given
--   calls          "resource:row": a call that the thing, or its field `field`, is the first id of; with `fills`, the
--                  parameter of that call that the thing is
--   call           function(context, thing, ...), with `takes` and `returns` as a helper has them

local errors = require "runloop.error"
local lazy = require "runloop.lazy"
local names = require "runloop.api"
local options_of = require "runloop.options"
local rows = require "runloop.rows"
local schema = require "runloop.schema"

local error, getmetatable, ipairs, next, pairs, pcall = error, getmetatable, ipairs, next, pairs, pcall
local rawget, rawset, select, setmetatable, tostring, type = rawget, rawset, select, setmetatable, tostring, type
local find, format, match, sub = string.find, string.format, string.match, string.sub

local resource = {
  CALL_OPTIONS = options_of.CALL, AWAIT_OPTIONS = options_of.AWAIT, call_options = options_of.check,
}

rows.use(resource)

local LISTED, merge = rows.LISTED, rows.merge

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

local function plan_of(class, where, row)
  local ok, plan = pcall(rows.plan, class.definition, row)
  if not ok then error(format("the row of %s: %s", where, tostring(plan)), 0) end
  return plan
end

-- A row is looked into when it is first called: most never are.
local function method_of(class, name, row)
  local where, plan = class.name .. ":" .. name, nil
  return function(self, ...)
    local context = context_of(self, class, where)
    plan = plan or plan_of(class, where, row)
    return rows.perform(context, plan, where, ...)
  end
end

-- Helpers.

-- The views that an error carries are the server's words as well.
local function scrubbed(context, value, ...)
  if value == nil then return nil, context.transport.scrub((...)) end
  return value, ...
end

-- What a helper is called with: parameters, await options (which `await` says how to check, where it takes some) and
-- call options checked, ids as texts.
local function arguments_of(helper, class, where, given, await)
  local call = options_of.CALL
  for i, name in ipairs(helper.takes) do
    if name == "await" then
      given[i] = schema.options(await, given[i], where, call, helper.params)
    elseif name == "params" and helper.params then
      schema.check(helper.params, given[i], where, call, await) -- the calls that follow take them as they are
    elseif name == "options" then
      options_of.check(given[i], where, helper.params, nil, await) -- and these
    elseif type(name) == "string" and (name == class.id or find(name, "_?id$")) then
      local kind = match(name, "^(.+)_id$") or class.kind
      given[i] = rows.id(given[i], { name = name, kind = kind, field = kind == class.kind and class.id or nil }, where)
    end
  end
  return given
end

local unpack = table.unpack or unpack -- luacheck: compat

local function helper_of(class, name, helper)
  local where = class.name .. ":" .. name
  local count, id_names, await = #helper.takes, {}, nil
  for i, argument in ipairs(helper.takes) do
    if type(argument) == "string" and find(argument, "_id$") then id_names[i] = argument end
    if argument == "await" then await = options_of.AWAIT end
  end
  return function(self, ...)
    local context = context_of(self, class, where)
    local given = { ... }
    if id_names[2] then rows.spread_ids(id_names, given, select("#", ...)) end
    given = arguments_of(helper, class, where, given, await)
    errors.refuse_more(given, count, where)
    local refused = context.transport.scheduler:enter(where, helper.drives)
    if refused then return nil, refused end
    return scrubbed(context, context.transport.scheduler:as_one(helper.call, context, unpack(given, 1, count)))
  end
end

local function alias_of(class, name, call)
  local where = class.name .. ":" .. name
  local owner_name, row_name = match(call, "^([%w_.]+):([%w_]+)$")
  if not LISTED[owner_name] then error(format("%s is an alias of '%s', which is no call", where, call), 0) end
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

--- Brings a thing up to date with a fresh one.
---@param thing table
---@param fresh table?
---@param response table the response, or the error
---@param where string
---@return table? thing, table response_or_err
function resource.update(thing, fresh, response, where)
  if fresh == nil then return nil, response end
  if not errors.is_id(fresh[getmetatable(thing).class.id]) then return nil, errors.without_id(where, response) end
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
local function calls(method, where)
  local owner_name, name = match(method.calls, "^([%w_.]+):([%w_]+)$")
  return function(context, thing, ...)
    local owner, about = context.api[owner_name], thing
    if method.field then
      about = thing[method.field]
      if not errors.is_id(about) then errors.misuse(format("%s: the %s has no %s", where, context.kind, method.field)) end
    end
    return owner[name](owner, about, ...)
  end
end

-- A call of another resource with the thing as one of its parameters.
local function fills(method, where)
  local owner_name, name = match(method.calls, "^([%w_.]+):([%w_]+)$")
  local parameter = method.fills
  return function(context, thing, params, ...)
    schema.check_table(params, where)
    local id, given = thing[context.class.id], params and params[parameter]
    if type(given) == "table" and given.id ~= nil then given = given.id end
    if given ~= nil and given ~= id then
      errors.misuse(format("%s: parameter '%s' is not the %s's own; leave it out", where, parameter, context.kind))
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
    error(format("method '%s' has the name of a field of a %s", name, definition.kind), 0)
  end
  local owner = method.calls and match(method.calls, "^([%w_.]+):[%w_]+$")
  if method.in_place and not definition.rows[method.in_place] and not (definition.helpers or {})[method.in_place] then
    error(format("method '%s' is made of '%s', which is no call", name, method.in_place), 0)
  elseif method.calls and not LISTED[owner] then
    error(format("method '%s' calls '%s', which is no call", name, method.calls), 0)
  end
end

local function thing_method_of(class, name, method)
  check_method(class, name, method)
  local where = class.kind .. ":" .. name
  local call = method.call or method.in_place and in_place(class, method)
    or method.fills and fills(method, where) or calls(method, where)
  local most = method.takes and #method.takes
  if not most then
    return function(self, ...) return call(context_of(self, class, where, true), self, ...) end
  end
  return function(self, ...)
    local context = context_of(self, class, where, true)
    errors.refuse_more({ ... }, most, where)
    return call(context, self, ...)
  end
end

-- Classes: what a definition becomes, once for all clients.

local classes = {}

-- The resources right below another one, or on a client: name there -> whole name.
local function children_of(prefix)
  local found = {}
  for _, name in ipairs(names) do
    local child = sub(name, 1, #prefix) == prefix and match(sub(name, #prefix + 1), "^[%w_]+$")
    if child then found[child] = name end
  end
  return found
end

--- What a definition becomes. What it says wrongly shows when it is used: spec/support/definitions.lua finds it before.
---@param definition table
---@return table
function resource.new_class(definition)
  local class = {
    name = definition.name, kind = definition.kind, id = definition.id or "id", definition = definition,
    methods = {}, thing_methods = {}, children = children_of(definition.name .. "."),
  }
  for name, row in pairs(definition.rows) do
    class.methods[(row.internal and "_" or "") .. name] = method_of(class, name, row)
    class.streams = class.streams or row.events
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
    class = resource.new_class(lazy.load("api." .. name))
    classes[name] = class
  end
  return class
end

-- One of a client's resources, whose methods find the client in the metatable.
local function new_instance(shared, name)
  local class = resource.class(name)
  if class.streams and shared.transport.options.nonblocking then lazy.load "stream" end -- as client.lua's FOR_TASKS
  local mt = { __name = "runloop." .. name, class = class, __len = function() schema.no_array(name) end }
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
      holds_data = true,
      transport = context.transport, api = context.api, things = context.things,
    }
    if class.definition.metamethods then merge(mt, class.definition.metamethods(mt)) end
    context.things[name] = mt
  end
  return mt
end

return resource
