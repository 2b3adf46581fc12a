-- The shapes of parameters and options as data, and the one check that reads them.

local errors = require "runloop.error"
local json = require "runloop.json"

local null, array_mt = json.null, json.array_mt
local format = string.format

local M = {}

-- A type is a table with a `kind`. Called with attributes it gives a copy that has them too:
--   required   must be there            nullable   a required one may be null, and is sent as null when absent
--   default    value when it is absent  min, max, above (exclusive)   range of a number
--   pattern, hint   what a string must match, and how to say that
--   empty      "" is one of an enumeration's values too
local type_mt = {}

function type_mt:__call(attributes)
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

M.string = new_type "string"
M.number = new_type "number"
M.integer = new_type "integer"
M.boolean = new_type "boolean"
M.callback = new_type "callback"
--- A table that somebody else looks into.
M.table = new_type "table"
--- Any JSON value.
M.any = new_type "any"
--- A string that is not empty, or a table that has one as `id`.
M.id = new_type "id"
--- An object of strings.
M.map = new_type "map"

--- One of the strings given.
---@param values string[]
function M.enum(values)
  return new_type("enum", { values = values })
end

--- A list of values of one type.
function M.array(of)
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

--- A table of named fields. Names are the API's; where these are camelCase, snake_case is taken too.
---@param fields table<string, table> name -> type
---@param noun string? what messages call a field; default "parameter"
---@return table
function M.object(fields, noun)
  local names, meant, alias_of = sorted_names(fields), {}, {}
  for _, name in ipairs(names) do
    local alias = name:gsub("%u", function(letter)
      return "_" .. letter:lower()
    end)
    if alias ~= name then
      meant[alias], alias_of[name] = name, alias
    end
  end
  return new_type("object", {
    fields = fields, names = names, meant = meant, alias_of = alias_of, noun = noun or "parameter", nulls = true,
  })
end

--- An object that never reaches the wire, and so has no null.
---@param fields table<string, table> name -> type
---@param noun string? what messages call a field; default "option"
---@return table
function M.options_of(fields, noun)
  return M.object(fields, noun or "option") { nulls = false }
end

--- Query parameters: an object of strings, numbers and booleans.
---@param fields table<string, table> name -> type
---@return table
function M.query_of(fields)
  return M.object(fields) { nulls = false }
end

--- One of several objects, told apart by their field `type`.
---@param variants table<string, table> value of `type` -> object
---@return table
function M.union(variants)
  local tag = M.enum(sorted_names(variants)) { required = true }
  local complete = {}
  for name, variant in pairs(variants) do
    local fields = { type = tag }
    for field, of in pairs(variant.fields) do
      fields[field] = of
    end
    complete[name] = M.object(fields)
  end
  return new_type("union", { variants = complete, tag = tag })
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

--- The known name that a wrong one was most likely meant to be.
---@param name any
---@param known string[]
---@return string? nil when none is near
function M.nearest(name, known)
  if type(name) ~= "string" or #name > 64 then
    return nil
  end
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
  return nearest_part(wanted, known)
end

local function did_you_mean(name, known)
  local nearest = M.nearest(name, known)
  return nearest and format(" (did you mean '%s'?)", nearest) or ""
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
    return wrong_type("a number", value)
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
    return wrong_type("an integer", value)
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

function checks.id(_, value)
  local id = value
  if type(value) == "table" then
    id = value.id
  end
  if type(id) ~= "string" then
    return wrong_type("an id (a string, or a table with one as 'id')", value)
  elseif id == "" then
    return false, "must not be empty"
  end
  return true, id
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

function checks.map(_, value)
  if type(value) ~= "table" then
    return wrong_type("a table of strings", value)
  end
  local out = {}
  for key, item in pairs(value) do
    if type(key) ~= "string" then
      return false, "must have strings as keys, got " .. shown(key)
    elseif type(item) ~= "string" then
      local ok, reason = wrong_type("a string", item)
      return ok, reason, key
    end
    out[key] = item
  end
  return true, out
end

function checks.array(of, value)
  if type(value) ~= "table" then
    return wrong_type("a list", value)
  end
  local length, why = json.sequence_length(value)
  if not length then
    return false, "must be a list, but " .. why
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
  for key in pairs(value) do
    local name = of.meant[key]
    if name and value[name] ~= nil then
      return false, format("is given twice, as '%s' and as '%s'", key, name), key
    elseif not name and not of.fields[key] then
      if type(key) ~= "string" then
        return false, "must have names as keys, got " .. shown(key)
      end
      return false, did_you_mean(key, of.names), key, true
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
  local out = {}
  for _, name in ipairs(of.names) do
    local spelled = name
    if value[name] == nil and of.alias_of[name] and value[of.alias_of[name]] ~= nil then
      spelled = of.alias_of[name]
    end
    local wire
    ok, wire, path, unknown = check_field(of, of.fields[name], value[spelled])
    if not ok then
      return false, wire, join(spelled, path), unknown
    end
    out[name] = wire
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

local function complain(where, noun, reason, path, unknown, call_options)
  if unknown then
    if call_options and call_options.fields[path] then
      reason = " (a call option: these go into the last argument, a table of their own)"
    end
    return format("%s: unknown %s '%s'%s", where, noun, path, reason)
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
---@param call_options table? from options_of: the call's own options, which a message says the place of
---@return table
function M.check(shape, value, where, call_options)
  if value == nil then
    value = {}
  end
  local ok, wire, path, unknown = check_value(shape, value)
  if not ok then
    errors.misuse(complain(where, shape.noun, wire, path, unknown, call_options))
  end
  return wire
end

--- The same check; reads better where options are meant.
M.options = M.check

local QUERY_TYPES = { string = true, number = true, boolean = true }

local function query_text(value)
  if type(value) == "string" then
    return value
  elseif type(value) == "number" and (value ~= value or value == math.huge or value == -math.huge) then
    return nil, "must be a finite number"
  elseif QUERY_TYPES[type(value)] then
    return json.encode(value)
  end
  return nil, "must be a string, a number, a boolean or a list of these, got " .. type_name(value)
end

-- Query parameters whose names nobody knows here.
local function free_query(params, where)
  if type(params) ~= "table" then
    errors.misuse(format("%s: query parameters must be a table, got %s", where, type_name(params)))
  end
  local out = {}
  for name, value in pairs(params) do
    local items, texts, reason = value, {}, nil
    if type(name) ~= "string" then
      errors.misuse(format("%s: query parameters must have names as keys, got %s", where, shown(name)))
    elseif type(value) ~= "table" then
      items = { value }
    elseif not json.sequence_length(value) then
      reason = "must be a list"
    end
    for i = 1, reason and 0 or #items do
      texts[i], reason = query_text(items[i])
      if reason then
        break
      end
    end
    if reason then
      errors.misuse(format("%s: query parameter '%s' %s", where, name, reason))
    end
    out[name] = table.concat(texts, ",")
  end
  return out
end

--- Checks query parameters and writes them as the strings of a URL, not yet percent-encoded.
---@param shape table? from query_of; nil: any names
---@param params table?
---@param where string the call that messages start with
---@param call_options table? as `check` takes it
---@return table<string, string>
function M.query(shape, params, where, call_options)
  if params == nil then
    params = {}
  end
  if shape then
    params = M.check(shape, params, where, call_options)
  end
  return free_query(params, where)
end

--- The id that is meant by an id or by the thing itself; raises unless it can stand in a path.
---@param value any
---@param where string the call that messages start with
---@return string
function M.path_id(value, where)
  local ok, id = checks.id(M.id, value)
  if ok and (id == "." or id == "..") then
    ok, id = false, "must not be '" .. id .. "'"
  end
  if not ok then
    errors.misuse(format("%s: 'id' %s", where, id))
  end
  return id
end

return M
