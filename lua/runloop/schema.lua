-- The shapes of parameters and options as data, and the one check that reads them.

local errors = require "runloop.error"
local json = require "runloop.json"

local null, array_mt = json.null, json.array_mt
local format = string.format

local schema = {}

--- Whether types keep their texts. These are for the reference alone: while nobody writes it, they go with the chunk
--- that they stand in.
schema.keeps_texts = false

-- A type is a table with a `kind`. Called with a text it says what a value of it means; called with attributes it gives
-- a copy that has them too:
--   required   must be there            nullable   a required one may be null, and is sent as null when absent
--   default    value when it is absent  min, max, above (exclusive)   range of a number
--   pattern, hint   what a string must match, and how to say that
--   empty      "" is one of an enumeration's values too
--   at_least   items of a list
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

--- A thing that has a name: the name, or a table that has one as `name`.
schema.name = schema.id_in "name"

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
    local name, text = value:match("^(.-) # (.*)$")
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

local function sorted_names(t)
  local names = {}
  for name in pairs(t) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- fields of an object -> their names and spellings, worked out when the object is first needed.
local spellings = setmetatable({}, { __mode = "k" })

-- The names of an object's fields, sorted; what is meant by a spelling in snake_case, and that spelling of a name.
local function spelled(of)
  local known = spellings[of.fields]
  if not known then
    known = { names = sorted_names(of.fields), meant = {}, alias_of = {} }
    for _, name in ipairs(known.names) do
      local alias = name:gsub("%u", function(letter)
        return "_" .. letter:lower()
      end)
      if alias ~= name then
        known.meant[alias], known.alias_of[name] = name, alias
      end
    end
    spellings[of.fields] = known
  end
  return known
end

--- The spelling in snake_case that is taken for a field, if the API's is another.
---@param of table an object
---@param name string
---@return string?
function schema.alias(of, name)
  return spelled(of).alias_of[name]
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
  local tag = schema.enum(sorted_names(variants)) { required = true }
  for _, variant in pairs(variants) do
    variant.fields.type = tag
  end
  return new_type("union", { variants = variants, tag = tag, text = schema.keeps_texts and text or nil })
end

-- Edit distance in which two letters that changed places count once.
local function distance(a, b)
  local before, last = nil, {}
  for j = 0, #b do
    last[j] = j
  end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before, last = last, row
  end
  return last[#b]
end

-- `benchmarkId` and `benchmark-id` are spellings of `benchmark_id`.
local function spelling(name)
  return (name:lower():gsub("[_%- ]", ""))
end

-- What other clients call it, in our spelling -> what it is called here.
local ALIASES = { apikey = "bearer_token", http2 = "http_version" }

-- The shortest name that the wanted one is a part of, or that is a part of it: `token` and `bearer_token`.
local function nearest_part(wanted, known)
  local nearest
  for _, candidate in ipairs(known) do
    local name = spelling(candidate)
    local short, long = wanted, name
    if #short > #long then
      short, long = long, short
    end
    if #short >= 3 and long:find(short, 1, true) and (not nearest or #candidate < #nearest) then
      nearest = candidate
    end
  end
  return nearest
end

--- The known name of which a name is another spelling, or a misspelling.
---@param name string
---@param known string[]
---@return string? nil when none is near
function schema.misspelt(name, known)
  local wanted, nearest, least = spelling(name), nil, math.huge
  for _, candidate in ipairs(known) do
    if candidate == ALIASES[wanted] then
      return candidate
    end
    local d = distance(wanted, spelling(candidate))
    if d < least then
      nearest, least = candidate, d
    end
  end
  if nearest and least <= math.max(1, math.floor(#nearest / 3)) then
    return nearest
  end
end

--- The known name that a wrong one was most likely meant to be.
---@param name any
---@param known string[]
---@return string? nil when none is near
function schema.nearest(name, known)
  if type(name) ~= "string" or #name > 64 then
    return nil
  end
  return schema.misspelt(name, known) or nearest_part(spelling(name), known)
end

local function did_you_mean(name, known)
  local nearest = schema.nearest(name, known)
  return nearest and format(" (did you mean '%s'?)", nearest) or ""
end

--- Raises for a method that nobody knows, with the nearest name; nil for a name that begins with `_`, which scripts ask
--- whether there is.
---@param what string what has no such method
---@param name any
---@param ... table tables whose names are known
---@return nil
function schema.unknown_method(what, name, ...)
  if type(name) ~= "string" or name:find("^_") then
    return nil
  end
  local known = {}
  for _, list in ipairs { ... } do
    for method in pairs(list) do
      known[method] = true
    end
  end
  errors.misuse(format("%s has no method '%s'%s", what, name, did_you_mean(name, sorted_names(known))))
end

-- A check returns true and the value for the wire, or false, what is wrong, the path of the offender below the
-- value (nil: the value itself), and whether it is a name that nobody knows.
local checks = {}

local function check_value(of, value)
  return checks[of.kind](of, value)
end

local function type_name(value)
  if value == null then
    return "null"
  end
  return type(value)
end

local function wrong_type(expected, value)
  return false, "must be " .. expected .. ", got " .. type_name(value)
end

-- A number that came as a text, from a command line say.
local function wrong_number(expected, value)
  local hint = type(value) == "string" and tonumber(value) and " (tonumber makes it a number)" or ""
  return false, "must be " .. expected .. ", got " .. type_name(value) .. hint
end

local function join(name, path)
  if not path then
    return name
  end
  return name .. (path:sub(1, 1) == "[" and "" or ".") .. path
end

-- A value as messages show it: short, on one line.
local function quoted(text)
  if #text > 60 then
    text = text:sub(1, 60) .. "..."
  end
  return (format("%q", text):gsub("\n", "n"))
end

function checks.string(of, value)
  if type(value) ~= "string" then
    return wrong_type("a string", value)
  elseif of.pattern and not value:find(of.pattern) then
    return false, format("must %s, got %s", of.hint, quoted(value))
  end
  return true, value
end

local function shown(value)
  return type(value) == "number" and errors.number_text(value) or tostring(value)
end

local function check_range(of, value)
  if of.above and value <= of.above then
    return false, "must be greater than " .. shown(of.above) .. ", got " .. shown(value)
  elseif of.min and of.max and (value < of.min or value > of.max) then
    return false, format("must be between %s and %s, got %s", shown(of.min), shown(of.max), shown(value))
  elseif of.min and value < of.min then
    return false, "must be at least " .. shown(of.min) .. ", got " .. shown(value)
  elseif of.max and value > of.max then
    return false, "must be at most " .. shown(of.max) .. ", got " .. shown(value)
  end
  return true, value
end

function checks.number(of, value)
  if type(value) ~= "number" then
    return wrong_number("a number", value)
  elseif value ~= value or value == math.huge or value == -math.huge then
    return false, "must be a finite number"
  end
  return check_range(of, value)
end

-- 3.0 is a whole number too, and goes over the wire as 3.
local function to_integer(value)
  if math.tointeger then
    return math.tointeger(value)
  end
  return value % 1 == 0 and value or nil
end

function checks.integer(of, value)
  if type(value) ~= "number" then
    return wrong_number("an integer", value)
  end
  local integer = to_integer(value)
  if not integer then
    return false, "must be an integer, got " .. shown(value)
  end
  return check_range(of, integer)
end

function checks.boolean(_, value)
  if type(value) ~= "boolean" then
    return wrong_type("a boolean", value)
  end
  return true, value
end

function checks.callback(_, value)
  if type(value) ~= "function" then
    return wrong_type("a function", value)
  end
  return true, value
end

function checks.table(_, value)
  if type(value) ~= "table" then
    return wrong_type("a table", value)
  end
  return true, value
end

-- The encoder looks into it.
function checks.any(_, value)
  return true, value
end

function checks.id(of, value)
  local field = of.field or "id"
  local id = value
  if type(value) == "table" then
    id = value[field]
  end
  if type(id) ~= "string" then
    local article = field:find("^[aeiou]") and "an" or "a"
    return wrong_type(format("%s %s (a string, or a table with one as '%s')", article, field, field), value)
  elseif id == "" then
    return false, "must not be empty"
  end
  return true, id
end

function checks.text_of(of, value)
  if type(value) == "string" and of.of.kind ~= "boolean" then
    value = tonumber(value) or value
  elseif value == "true" or value == "false" then
    value = value == "true"
  end
  local ok, checked = check_value(of.of, value)
  if not ok then
    return ok, checked
  end
  return true, tostring(checked)
end

function checks.enum(of, value)
  if type(value) ~= "string" then
    return wrong_type("a string", value)
  end
  if value == "" and of.empty then
    return true, value
  end
  for _, known in ipairs(of.values) do
    if value == known then
      return true, value
    end
  end
  return false, format("must be one of %s, got %s%s", table.concat(of.values, ", "), quoted(value),
    did_you_mean(value, of.values))
end

-- Every value of a table that has names as keys, checked by `check(value)`.
local function checked_values(what, value, check)
  if type(value) ~= "table" then
    return wrong_type("a table of " .. what, value)
  end
  local out = {}
  for key, item in pairs(value) do
    if type(key) ~= "string" then
      return false, "must have strings as keys, got " .. shown(key)
    end
    local ok, wire, path, unknown = check(item)
    if not ok then
      return false, wire, join(key, path), unknown
    end
    out[key] = wire
  end
  return true, out
end

function checks.map(of, value)
  return checked_values(of.of.kind == "string" and "strings" or "tables", value, function(item)
    return check_value(of.of, item)
  end)
end

local ONE_OF_SOME = schema.array(schema.string)

function checks.filter(_, value)
  return checked_values("strings, or of lists of strings", value, function(item)
    return check_value(type(item) == "table" and ONE_OF_SOME or schema.string, item)
  end)
end

function checks.array(of, value)
  if type(value) ~= "table" then
    return wrong_type("a list", value)
  end
  local length, why = json.sequence_length(value)
  if not length then
    return false, "must be a list, but " .. why
  elseif of.at_least and length < of.at_least then
    return false, "must not be empty"
  end
  local out = setmetatable({}, array_mt)
  for i = 1, length do
    local ok, item, path, unknown = check_value(of.of, value[i])
    if not ok then
      return false, item, join(format("[%d]", i), path), unknown
    end
    out[i] = item
  end
  return true, out
end

-- The first name in `value` that the object does not have, or that says the same as another one.
local function wrong_name(of, value)
  local known = spelled(of)
  for key in pairs(value) do
    local name = known.meant[key]
    if name and value[name] ~= nil then
      return false, format("is given twice, as '%s' and as '%s'", key, name), key
    elseif not name and not of.fields[key] then
      if type(key) ~= "string" then
        return false, "must have names as keys, got " .. shown(key)
      end
      return false, did_you_mean(key, known.names), key, true
    end
  end
  return true
end

local function check_field(of, field, value)
  if value == nil then
    if not field.required then
      return true, field.default
    elseif field.nullable then
      return true, null
    end
    return false, "is required"
  elseif value == null and of.nulls and (field.nullable or not field.required) then
    return true, null
  end
  return check_value(field, value)
end

function checks.object(of, value)
  if type(value) ~= "table" then
    return wrong_type("a table", value)
  end
  local ok, reason, path, unknown = wrong_name(of, value)
  if not ok then
    return ok, reason, path, unknown
  end
  local out, known = {}, spelled(of)
  for _, name in ipairs(known.names) do
    local given, alias = name, known.alias_of[name]
    if value[name] == nil and alias and value[alias] ~= nil then
      given = alias
    end
    local wire
    ok, wire, path, unknown = check_field(of, of.fields[name], value[given])
    if not ok then
      return false, wire, join(given, path), unknown
    end
    out[name] = wire
  end
  local broken = of.rule and of.rule(out)
  if broken then
    return false, broken
  end
  return true, out
end

function checks.union(of, value)
  if type(value) ~= "table" then
    return wrong_type("a table", value)
  end
  local ok, reason = check_field(of, of.tag, value.type)
  if not ok then
    return false, reason, "type"
  end
  return checks.object(of.variants[value.type], value)
end

-- What says where a name goes that is unknown here and known to the other table of a call.
local function its_place(elsewhere, name)
  if not elsewhere or not elsewhere.fields or not elsewhere.fields[name] then
    return nil
  elseif elsewhere.noun == "call option" then
    return " (a call option: these go into the last argument, a table of their own)"
  end
  return " (a " .. elsewhere.noun .. ": these go into the table before the call options)"
end

local function complain(where, noun, reason, path, unknown, elsewhere)
  if unknown then
    return format("%s: unknown %s '%s'%s", where, noun, path, its_place(elsewhere, path) or reason)
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
---@param elsewhere table? the object that the call's other table is checked against, which a message says the place of
---@return table
function schema.check(shape, value, where, elsewhere)
  if value == nil then
    value = {}
  end
  local ok, wire, path, unknown = check_value(shape, value)
  if not ok then
    errors.misuse(complain(where, shape.noun, wire, path, unknown, elsewhere))
  end
  return wire
end

--- The same check; reads better where options are meant.
schema.options = schema.check

--- A number as a URL and a header have it: whole ones are integers, whatever their type in Lua.
---@param value number
---@return string
function schema.number_text(value)
  if math.type and math.type(value) == "integer" then
    return format("%d", value)
  elseif value % 1 == 0 and value > -2 ^ 63 and value < 2 ^ 63 then
    return format("%.0f", value)
  end
  return json.encode(value)
end

local function query_text(value)
  if type(value) == "string" then
    return value
  elseif type(value) == "boolean" then
    return tostring(value)
  elseif type(value) ~= "number" then
    return nil, "must be a string, a number, a boolean or a list of these, got " .. type_name(value)
  elseif value ~= value or value == math.huge or value == -math.huge then
    return nil, "must be a finite number"
  end
  return schema.number_text(value)
end

-- One parameter of a query; of a list the items with commas between them.
local function query_value(value)
  if type(value) ~= "table" then
    return query_text(value)
  end
  local length, why = json.sequence_length(value)
  if not length then
    return nil, "must be a list, but " .. why
  end
  local texts = {}
  for i = 1, length do
    local text, reason = query_text(value[i])
    if not text then
      return nil, reason
    end
    texts[i] = text
  end
  return table.concat(texts, ",")
end

-- Query parameters as the strings of a URL, whatever their names.
local function query_texts(params, where)
  local out = {}
  for name, value in pairs(params) do
    if type(name) ~= "string" then
      errors.misuse(format("%s: query parameters must have names as keys, got %s", where, shown(name)))
    end
    local text, reason = query_value(value)
    if not text then
      errors.misuse(format("%s: query parameter '%s' %s", where, name, reason))
    end
    out[name] = text
  end
  return out
end

-- A filter becomes a parameter for each of its names: metadata[team]=core, metadata[team][in]=core,web.
local function spread_filters(shape, params)
  for name, of in pairs(shape.fields) do
    local filter = of.kind == "filter" and params[name]
    if filter then
      params[name] = nil
      for key, value in pairs(filter) do
        params[format(type(value) == "table" and "%s[%s][in]" or "%s[%s]", name, key)] = value
      end
    end
  end
end

--- Checks query parameters and writes them as the strings of a URL, not yet percent-encoded.
---@param shape table? from query_of; nil: any names
---@param params table?
---@param where string the call that messages start with
---@param elsewhere table? as `check` takes it
---@return table<string, string>
function schema.query(shape, params, where, elsewhere)
  if params == nil then
    params = {}
  end
  if shape then
    params = schema.check(shape, params, where, elsewhere)
    spread_filters(shape, params)
  elseif type(params) ~= "table" then
    errors.misuse(format("%s: query parameters must be a table, got %s", where, type_name(params)))
  end
  return query_texts(params, where)
end

--- The id that is meant by an id or by the thing itself; raises unless it can stand in a path.
---@param value any
---@param where string the call that messages start with
---@param name string? what the argument is called; default "id"
---@param field string? what a thing has it as; default "id"
---@return string
function schema.path_id(value, where, name, field)
  local ok, id = checks.id({ field = field }, value)
  if ok and (id == "." or id == "..") then
    ok, id = false, "must not be '" .. id .. "'"
  end
  if not ok then
    errors.misuse(format("%s: '%s' %s", where, name or "id", id))
  end
  return id
end

return schema
