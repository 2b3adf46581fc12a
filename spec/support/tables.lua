--- Tables that came from the API, to compare with what the stand-in holds or with what they were before.
local json = require "spec.support.json"

local tables = {}

--- A copy all the way down, without metatables.
function tables.copy(value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for k, v in pairs(value) do copy[k] = tables.copy(v) end
  return copy
end

--- The names of a table's fields, sorted.
function tables.names(value)
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- What a JSON text is as Lua tables: nulls in objects are absent.
function tables.decoded(text)
  local null = require("runloop").null
  local function plain(value)
    if value == json.null then return null end
    if type(value) ~= "table" then return value end
    local copy, is_array = {}, getmetatable(value) == json.array_mt
    for k, v in pairs(value) do
      if is_array or v ~= json.null then copy[k] = plain(v) end
    end
    return copy
  end
  return plain(json.decode(text))
end

return tables
