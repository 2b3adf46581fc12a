-- Names that somebody may have spelled otherwise, and what was meant.

local checks = require "runloop.checks"
local errors = require "runloop.error"

local ipairs, pairs, type = ipairs, pairs, type
local floor, huge, max, min = math.floor, math.huge, math.max, math.min
local byte, find, format, gsub, lower = string.byte, string.find, string.format, string.gsub, string.lower

local names = {}

-- Edit distance in which two letters that changed places count once.
local function distance(a, b)
  local before, last = nil, {}
  for j = 0, #b do
    last[j] = j
  end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local cost = byte(a, i) == byte(b, j) and 0 or 1
      row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
      if i > 1 and j > 1 and byte(a, i) == byte(b, j - 1) and byte(a, i - 1) == byte(b, j) then
        row[j] = min(row[j], before[j - 2] + 1)
      end
    end
    before, last = last, row
  end
  return last[#b]
end

-- `benchmarkId` and `benchmark-id` are spellings of `benchmark_id`.
local function spelling(name)
  return (gsub(lower(name), "[_%- ]", ""))
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
    if #short >= 3 and find(long, short, 1, true) and (not nearest or #candidate < #nearest) then
      nearest = candidate
    end
  end
  return nearest
end

--- The known name of which a name is another spelling, or a misspelling.
---@param name string
---@param known string[]
---@return string? nil when none is near
function names.misspelt(name, known)
  local wanted, nearest, least = spelling(name), nil, huge
  for _, candidate in ipairs(known) do
    if candidate == ALIASES[wanted] then
      return candidate
    end
    local d = distance(wanted, spelling(candidate))
    if d < least then
      nearest, least = candidate, d
    end
  end
  if nearest and least <= max(1, floor(#nearest / 3)) then
    return nearest
  end
end

--- The known name that a wrong one was most likely meant to be.
---@param name any
---@param known string[]
---@return string? nil when none is near
function names.nearest(name, known)
  if type(name) ~= "string" or #name > 64 then
    return nil
  end
  return names.misspelt(name, known) or nearest_part(spelling(name), known)
end

--- What a message says of a wrong name: the nearest one.
---@param name any
---@param known string[]
---@return string
function names.did_you_mean(name, known)
  local nearest = names.nearest(name, known)
  return nearest and format(" (did you mean '%s'?)", nearest) or ""
end

--- Raises for what is taken for an array: it would pass for an empty one.
---@param what string
function names.no_array(what)
  errors.misuse(what .. " is no array")
end

--- Raises for a method that nobody knows, with the nearest name, and for an index; nil for a name that begins with `_`,
--- which scripts ask whether there is.
---@param what string what has no such method
---@param name any
---@param ... table tables whose names are known
---@return nil
function names.unknown_method(what, name, ...)
  if type(name) == "number" then
    names.no_array(what)
  elseif type(name) ~= "string" or find(name, "^_") then
    return nil
  end
  local known = {}
  for _, list in ipairs { ... } do
    for method in pairs(list) do
      known[method] = true
    end
  end
  errors.misuse(format("%s has no method '%s'%s", what, name, names.did_you_mean(name, checks.sorted(known))))
end

return names
