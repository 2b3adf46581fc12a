-- Header sets: defaults, the client's and a call's own merged by case-insensitive name, written as curl's header lines.

local errors = require "runloop.error"
local json = require "runloop.json"
local schema = require "runloop.schema"

local pairs, tostring, type = pairs, tostring, type
local find, gmatch, lower, match = string.find, string.gmatch, string.lower, string.match
local sort = table.sort

-- RFC 9110, 5.6.2. Not %w: which letters that are depends on the locale.
local TOKEN = "^[!#$%%&'*+%-.^_`|~A-Za-z0-9]+$"

local headers = {}

--- Checks a table of headers given by a user.
---@param given table|nil name -> value (string or number), or false to remove a default
---@param where string for messages: the call or option
---@return table|nil set lower-case name -> { name, value|false }
function headers.check(given, where)
  if given == nil then return nil end
  local set = {}
  for name, value in pairs(given) do
    if type(name) ~= "string" or not find(name, TOKEN) then
      -- What follows may be the value, a secret.
      local text = tostring(name)
      local start = match(text, "^[!#$%%&'*+%-.^_`|~A-Za-z0-9]*")
      errors.misuse(where .. ": '" .. start .. (start == text and "" or "...") .. "' is not a header name")
    end
    if type(value) == "number" then
      json.encode_for(value, where .. ": header '" .. name .. "'") -- raises for what is no number
      value = schema.number_text(value)
    end
    if value ~= false and type(value) ~= "string" then
      errors.misuse(where .. ": header '" .. name .. "' must be a string or false, got " .. type(value))
    end
    if value and find(value, "[\r\n%z]") then
      errors.misuse(where .. ": header '" .. name .. "' must not contain CR, LF or NUL")
    end
    local key = lower(name)
    if set[key] then errors.misuse(where .. ": header '" .. name .. "' is given twice") end
    set[key] = { name, value and match(value, "^%s*(.-)%s*$") }
  end
  return set
end

--- Reads `Name: value` lines, as RUNLOOP_CUSTOM_HEADERS has them; lines without a colon are passed over.
---@param text string|nil
---@return table|nil
function headers.parse_lines(text)
  if not text then return nil end
  local given, spelled = {}, {}
  for line in gmatch(text, "[^\n]+") do
    local name, value = match(line, "^%s*([^:]-)%s*:%s*(.-)%s*$")
    if name and name ~= "" then
      -- The last line wins, however its name is spelled.
      local key = lower(name)
      if spelled[key] then given[spelled[key]] = nil end
      given[name], spelled[key] = value, name
    end
  end
  return given
end

--- One set over another; neither is changed.
---@param base table|nil
---@param over table|nil
---@return table
function headers.merge(base, over)
  local set = {}
  for key, header in pairs(base or {}) do set[key] = header end
  for key, header in pairs(over or {}) do set[key] = header end
  return set
end

--- The lines that libcurl takes (CURLOPT_HTTPHEADER): `Name: value`, `Name;` for an empty value, and `Name:` to keep
--- curl from adding a header of its own.
---@param set table
---@return string[] lines in order of their names
function headers.lines(set)
  local lines = {}
  for _, header in pairs(set) do
    local name, value = header[1], header[2]
    if value == "" then
      lines[#lines + 1] = name .. ";"
    elseif value then
      lines[#lines + 1] = name .. ": " .. value
    else
      lines[#lines + 1] = name .. ":"
    end
  end
  sort(lines)
  return lines
end

return headers
