-- The shapes of parameters and options as data, and the one check that reads them.

local checks = require "runloop.checks"
local errors = require "runloop.error"
local lazy = require "runloop.lazy"

local query = lazy.module "query"

local error, ipairs, pairs, select, setmetatable, tostring = error, ipairs, pairs, select, setmetatable, tostring
local type = type
local format, match = string.format, string.match

local schema = {}

-- What was meant by a name, for who has names of his own.
lazy.methods(schema, "names", { "nearest", "no_array", "misspelt", "unknown_method" })
lazy.methods(schema, "query", { "number_text" })

--- Whether types keep their texts. These are for the reference alone: while nobody writes it, they go with the chunk
--- that they stand in.
schema.keeps_texts = false

-- A type is a table with a `kind`. Called with a text it says what a value of it means; called with attributes it gives
-- a copy that has them too:
--   required   must be there            nullable   a required one may be null, and is sent as null when absent
--   default    value when it is absent  min, max, above (exclusive)   range of a number
--   pattern, hint   what a string must match, and how to say that
--   empty      "" is one of an enumeration's values too
--   at_least, at_most   items of a list; at_most of a string: characters
--   rule       of an object: fun(wire): reason|nil, what holds between its fields
--   secret     what it holds must not be shown
local type_mt = {}

function type_mt:__call(attributes)
  if type(attributes) == "string" then
    if not schema.keeps_texts then
      return self
    end
    attributes = { text = attributes }
  end
  local copy = setmetatable({}, type_mt)
  for k, v in pairs(self) do
    copy[k] = v
  end
  for k, v in pairs(attributes) do
    copy[k] = v
  end
  return copy
end

local function new_type(kind, fields)
  fields = fields or {}
  fields.kind = kind
  return setmetatable(fields, type_mt)
end

-- A copy with the same attribute for whoever asks: shapes have hundreds of required texts.
local function shared(attributes)
  local copies = setmetatable({}, { __mode = "k" })
  return function(of)
    local copy = copies[of]
    if not copy then
      copy = of(attributes)
      copies[of] = copy
    end
    return copy
  end
end

--- A type whose value must be there.
schema.required = shared { required = true }
--- A type whose value must be there, and may be null; it is sent as null when it is absent.
schema.required_or_null = shared { required = true, nullable = true }

schema.string = new_type "string"
schema.number = new_type "number"
schema.integer = new_type "integer"
schema.boolean = new_type "boolean"
schema.callback = new_type "callback"
--- A table that somebody else looks into.
schema.table = new_type "table"
--- Any JSON value.
schema.any = new_type "any"
--- A string that is not empty, or a table that has one as `id`.
schema.id = new_type "id"
--- What a thing has in another field than `id`: the string, or a table that has one in that field.
---@param field string
function schema.id_in(field)
  return new_type("id", { field = field })
end

--- A secret's name, or the secret.
schema.secret_name = new_type("id", { field = "name", of_kind = "secret" })

--- An object of values of one type under any names.
function schema.map_of(of)
  return new_type("map", { of = of })
end

--- An object of strings.
schema.map = schema.map_of(schema.string)
--- A filter by metadata: an object of strings, or of lists of strings of which one must match.
schema.filter = new_type "filter"

--- A number or a boolean that the API wants as a text.
function schema.text_of(of)
  return new_type("text_of", { of = of })
end

--- One of the strings given; what one of them means may stand behind it: "flex # provisioned late".
---@param values string[]
function schema.enum(values)
  local plain, texts = {}, schema.keeps_texts and {} or nil
  for i, value in ipairs(values) do
    local name, text = match(value, "^(.-) # (.*)$")
    plain[i] = name or value
    if texts then
      texts[i] = text or false
    end
  end
  return new_type("enum", { values = plain, texts = texts })
end

--- A list of values of one type.
function schema.array(of)
  return new_type("array", { of = of })
end

--- The spelling in snake_case that is taken for a field, if the API's is another.
---@param of table an object
---@param name string
---@return string?
function schema.alias(of, name)
  return checks.spelled(of).alias_of[name]
end

-- The first of `fields` may be a text about the object.
local function new_object(fields, attributes)
  local text = fields[1]
  fields[1] = nil
  attributes.fields = fields
  attributes.text = schema.keeps_texts and text or nil
  return new_type("object", attributes)
end

--- A table of named fields. Names are the API's; where these are camelCase, snake_case is taken too.
---@param fields table<string, table> name -> type; a text at 1
---@param noun string? what messages call a field; default "parameter"
---@return table
function schema.object(fields, noun)
  return new_object(fields, { noun = noun or "parameter", nulls = true })
end

--- An object that never reaches the wire, and so has no null.
---@param fields table<string, table> name -> type
---@param noun string? what messages call a field; default "option"
---@return table
function schema.options_of(fields, noun)
  return new_object(fields, { noun = noun or "option", nulls = false })
end

--- Query parameters: an object of strings, numbers and booleans.
---@param fields table<string, table> name -> type
---@return table
function schema.query_of(fields)
  return new_object(fields, { noun = "parameter", nulls = false })
end

--- An object that only comes back, in the API's names alone.
---@param fields table<string, table> name -> type; a text at 1
---@return table
function schema.answer(fields)
  return new_object(fields, { noun = "field", nulls = true, comes_back = true })
end

--- A table of shapes, to be filled. A name that is not in it raises when it is asked for.
---@param others table? shapes of somebody else that are found here, too
---@return table<string, table>
function schema.shapes(others)
  return setmetatable({}, {
    __index = function(_, name)
      return others and others[name] or error("no shape is called '" .. tostring(name) .. "'", 2)
    end,
  })
end

--- One of several objects, told apart by their field `type`.
---@param variants table<string, table> value of `type` -> object, which gets the field `type`; a text at 1
---@return table
function schema.union(variants)
  local text = variants[1]
  variants[1] = nil
  local tag = schema.enum(checks.sorted(variants)) { required = true }
  for _, variant in pairs(variants) do
    variant.fields.type = tag
  end
  return new_type("union", { variants = variants, tag = tag, text = schema.keeps_texts and text or nil })
end

-- Where names go, by what they are called.
local PLACES = {
  ["call option"] = " (a call option: these go into the last argument, a table of their own)",
  ["await option"] = " (an await option: these go into a table of their own, before the call options)",
  parameter = " (a parameter: these go into the table before the call options)",
  field = " (a field: these go into the table before the call options)",
}

-- What says where a name goes that is unknown here and known to another table of the call.
local function its_place(name, ...)
  for i = 1, select("#", ...) do
    local other = select(i, ...)
    if other and other.fields and other.fields[name] then
      return PLACES[other.noun]
    end
  end
  return nil
end

local function complain(where, noun, reason, path, unknown, ...)
  if unknown then
    return format("%s: unknown %s '%s'%s", where, noun, path, its_place(path, ...) or reason)
  elseif path then
    return format("%s: %s '%s' %s", where, noun, path, reason)
  end
  return format("%s: %ss %s", where, noun, reason)
end

--- Checks a table against an object and gives the table for the wire: new, with the API's names, defaults and marked
--- arrays. The one given stays as it is. Raises, naming the argument.
---@param shape table from object, options_of or query_of
---@param value table? nil counts as empty
---@param where string the call that messages start with
---@param ... table? what the call's other tables are checked against: a message says where their names go
---@return table
function schema.check(shape, value, where, ...)
  if value == nil then
    value = {}
  end
  local ok, wire, path, unknown = checks[shape.kind](shape, value)
  if not ok then
    errors.misuse(complain(where, shape.noun, wire, path, unknown, ...))
  end
  return wire
end

--- The same check; reads better where options are meant.
schema.options = schema.check

--- Raises for what stands in the place of a table of parameters and is none: `pairs` would show nothing of a list.
---@param value any
---@param where string the call that the message starts with
function schema.check_table(value, where)
  if value ~= nil then
    local ok, reason = checks.table(nil, value)
    if not ok then
      errors.misuse(format("%s: parameters %s", where, reason))
    end
  end
end

--- Checks query parameters and writes them as the strings of a URL, not yet percent-encoded.
---@param shape table? from query_of; nil: any names
---@param params table?
---@param where string the call that messages start with
---@param ... table? as `check` takes them
---@return table<string, string>
function schema.query(shape, params, where, ...)
  if params == nil then
    params = {}
  end
  if shape then
    params = schema.check(shape, params, where, ...)
    query.spread_filters(shape, params)
  elseif type(params) ~= "table" then
    errors.misuse(format("%s: query parameters must be a table, got %s", where, checks.type_name(params)))
  end
  return query.texts(params, where)
end

--- Texts that are no ids: they cannot stand in a path.
schema.NO_IDS = { [""] = true, ["."] = true, [".."] = true }
local NO_IDS = schema.NO_IDS

--- The id that is meant by an id or by the thing itself; raises unless it can stand in a path.
---@param value any
---@param where string the call that messages start with
---@param name string? what the argument is called; default "id"
---@param field string? what a thing has it as; default "id"
---@param kind string? what it is an id of
---@return string
function schema.path_id(value, where, name, field, kind)
  if type(value) == "string" and not NO_IDS[value] then return value end
  local ok, id = checks.id({ field = field, of_kind = kind }, value)
  if ok and NO_IDS[id] then
    ok, id = false, "must not be '" .. id .. "'"
  end
  if not ok then
    errors.misuse(format("%s: '%s' %s", where, name or "id", id))
  end
  return id
end

return schema
