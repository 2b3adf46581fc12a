-- Parameters of a query as the texts of a URL.

local checks = require "runloop.checks"
local errors = require "runloop.error"
local json = require "runloop.json"

local pairs, tostring, type = pairs, tostring, type
local huge = math.huge
local format = string.format
local concat = table.concat

local query = {}

local number_text = checks.number_text
query.number_text = number_text

local function query_text(value)
  if type(value) == "string" then
    return value
  elseif type(value) == "boolean" then
    return tostring(value)
  elseif type(value) ~= "number" then
    return nil, "must be a string, a number, a boolean or a list of these, got " .. checks.type_name(value)
  elseif value ~= value or value == huge or value == -huge then
    return nil, "must be a finite number"
  end
  return number_text(value)
end

-- One parameter of a query; of a list the items with commas between them.
local function query_value(value)
  if type(value) ~= "table" or json.name_of(value) then
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
  return concat(texts, ",")
end

--- Query parameters as the strings of a URL, whatever their names.
---@param params table
---@param where string the call that messages start with
---@return table<string, string>
function query.texts(params, where)
  local out = {}
  for name, value in pairs(params) do
    if type(name) ~= "string" then
      errors.misuse(format("%s: query parameters must have names as keys, got %s", where, checks.shown(name)))
    end
    local text, reason = query_value(value)
    if not text then
      errors.misuse(format("%s: query parameter '%s' %s", where, name, reason))
    end
    out[name] = text
  end
  return out
end

--- A filter becomes a parameter for each of its names: metadata[team]=core, metadata[team][in]=core,web.
---@param shape table from schema.query_of
---@param params table checked; changed
function query.spread_filters(shape, params)
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

return query
