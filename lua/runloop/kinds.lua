-- The checks of checks.lua but those of objects, ids and texts.

local checks = require "runloop.checks"
local errors = require "runloop.error"
local json = require "runloop.json"
local lazy = require "runloop.lazy"

local names = lazy.module "names"

local ipairs, pairs, setmetatable = ipairs, pairs, setmetatable
local tonumber, tostring, type = tonumber, tostring, type
local huge, math_type, tointeger = math.huge, math.type, math.tointeger
local format = string.format
local concat = table.concat

local array_mt = json.array_mt
local check_value, check_field, is_table = checks.check_value, checks.check_field, checks.is_table
local wrong_type, join, quoted = checks.wrong_type, checks.join, checks.quoted

local kinds = {}

-- A number that came as a text, from a command line say.
local function wrong_number(expected, value)
  local hint = type(value) == "string" and tonumber(value) and " (tonumber makes it a number)" or ""
  return false, "must be " .. expected .. ", got " .. checks.type_name(value) .. hint
end

--- A value as messages show it, which is no text.
function kinds.shown(value)
  return type(value) == "number" and errors.number_text(value) or tostring(value)
end

local function check_range(of, value)
  if of.above and value <= of.above then
    return false, "must be greater than " .. kinds.shown(of.above) .. ", got " .. kinds.shown(value)
  elseif of.min and of.max and (value < of.min or value > of.max) then
    return false, format("must be between %s and %s, got %s", kinds.shown(of.min), kinds.shown(of.max), kinds.shown(value))
  elseif of.min and value < of.min then
    return false, "must be at least " .. kinds.shown(of.min) .. ", got " .. kinds.shown(value)
  elseif of.max and value > of.max then
    return false, "must be at most " .. kinds.shown(of.max) .. ", got " .. kinds.shown(value)
  end
  return true, value
end

function kinds.number(of, value)
  if type(value) ~= "number" then
    return wrong_number("a number", value)
  elseif value ~= value or value == huge or value == -huge then
    return false, "must be a finite number"
  end
  return check_range(of, value)
end

-- 3.0 is a whole number too, and goes over the wire as 3.
local function to_integer(value)
  if tointeger then
    return tointeger(value)
  end
  return value % 1 == 0 and value or nil
end

function kinds.integer(of, value)
  if type(value) ~= "number" then
    return wrong_number("an integer", value)
  end
  local integer = to_integer(value)
  if not integer then
    return false, "must be an integer, got " .. kinds.shown(value)
  end
  return check_range(of, integer)
end

-- A value of one of Lua's types.
local function plain(lua_type)
  return function(_, value)
    if type(value) ~= lua_type then
      return wrong_type("a " .. lua_type, value)
    end
    return true, value
  end
end

kinds.boolean, kinds.callback = plain "boolean", plain "function"

function kinds.table(_, value)
  if not is_table(value) then
    return wrong_type("a table", value)
  end
  return true, value
end

-- The encoder looks into it.
function kinds.any(_, value)
  return true, value
end

--- A number as a URL and a header have it: whole ones are integers, whatever their type in Lua.
---@param value number
---@return string
function kinds.number_text(value)
  if math_type and math_type(value) == "integer" then
    return format("%d", value)
  elseif value % 1 == 0 and value > -2 ^ 63 and value < 2 ^ 63 then
    return format("%.0f", value + 0) -- no integer is -0
  end
  return json.encode(value)
end

function kinds.text_of(of, value)
  if type(value) == "string" and of.of.kind ~= "boolean" then
    value = tonumber(value) or value
  elseif value == "true" or value == "false" then
    value = value == "true"
  end
  local ok, checked = check_value(of.of, value)
  if not ok then
    return ok, checked
  end
  return true, type(checked) == "number" and kinds.number_text(checked) or tostring(checked)
end

function kinds.enum(of, value)
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
  return false, format("must be one of %s, got %s%s", concat(of.values, ", "), quoted(value),
    names.did_you_mean(value, of.values))
end

-- Every value of a table that has names as keys, checked by `check(value)`.
local function checked_values(what, value, check)
  if not is_table(value) then
    return wrong_type("a table of " .. what, value)
  end
  local out = {}
  for key, item in pairs(value) do
    if type(key) ~= "string" then
      return false, "must have strings as keys, got " .. kinds.shown(key)
    end
    local ok, wire, path, unknown = check(item)
    if not ok then
      return false, wire, join(key, path), unknown
    end
    out[key] = wire
  end
  return true, out
end

function kinds.map(of, value)
  local kind = of.of.kind
  return checked_values(kind == "string" and "strings" or kind == "id" and "names" or "tables", value, function(item)
    return check_value(of.of, item)
  end)
end

local TEXT = { kind = "string" }
local ONE_OF_SOME = { kind = "array", of = TEXT, at_least = 1 }

function kinds.filter(_, value)
  return checked_values("strings, or of lists of strings", value, function(item)
    return check_value(type(item) == "table" and ONE_OF_SOME or TEXT, item)
  end)
end

function kinds.array(of, value, name)
  if not is_table(value) then
    return wrong_type("a list", value)
  end
  local length, why = json.sequence_length(value)
  if not length then
    return false, "must be a list, but " .. why
  elseif of.at_least and length < of.at_least then
    return false, "must not be empty"
  elseif of.at_most and length > of.at_most then
    return false, format("must have at most %d items, got %d", of.at_most, length)
  end
  local out = setmetatable({}, array_mt)
  for i = 1, length do
    local ok, item, path, unknown = check_value(of.of, value[i], name)
    if not ok then
      return false, item, join(format("[%d]", i), path), unknown
    end
    out[i] = item
  end
  return true, out
end

function kinds.union(of, value)
  if not is_table(value) then
    return wrong_type("a table", value)
  end
  local ok, reason = check_field(of, of.tag, value.type)
  if not ok then
    return false, reason, "type"
  end
  return checks.object(of.variants[value.type], value)
end

return kinds
