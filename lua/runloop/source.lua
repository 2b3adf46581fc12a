-- Sources of items: an array, an iterator or a list.

local errors = require "runloop.error"
local json = require "runloop.json"
local steps = require "runloop.steps"

local array_mt = require("runloop.core").array_mt

local getmetatable, next, rawget, type = getmetatable, next, rawget, type

local M = {}

local function is_callable(value)
  local mt = type(value) == "table" and getmetatable(value)
  return type(value) == "function" or (type(mt) == "table" and mt.__call ~= nil)
end

-- Raises for an array with holes: of what is behind them, who knows how much would be left out.
local function check_holes(array, where)
  local other = type(rawget(array, "n")) == "number" and rawget(array, "n") or nil -- of table.pack
  local count, last = 0, 0
  for key in next, array do
    if type(key) == "number" then
      count = count + 1
      if key > last then last = key end
      if key < 1 or key % 1 ~= 0 then other = key end
    end
  end
  for i = 1, (last ~= count or other) and count or 0 do
    if rawget(array, i) == nil then
      errors.misuse(where .. ": argument 'source' is an array with a hole: item " .. i .. " is nil, and others follow")
    end
  end
  if other and (other < 1 or other > count) then
    errors.misuse(where .. ": argument 'source' is an array of " .. count .. " items, but speaks of item "
      .. errors.number_text(other))
  end
end

--- What a source of items is; raises when it is none. A scenario or a page would pass for an empty array, and nothing
--- be done in silence.
---@param source any
---@param where string the call's name, for messages
---@return "list"|"iterator"|"array"
function M.kind(source, where)
  if steps.is(source) then return "list" end
  local ours = json.name_of(source)
  if ours then errors.misuse(where .. ": argument 'source' must be an array, an iterator or a pager, got a " .. ours) end
  local is_table, mt = type(source) == "table", getmetatable(source)
  if is_callable(source) and not (is_table and rawget(source, 1) ~= nil) then return "iterator" end
  if is_table then check_holes(source, where) end
  local is_object = type(mt) == "table" and mt.__index ~= nil
  if is_table and (source[1] ~= nil or (next(source) == nil and not is_object)) then return "array" end
  local got = type(source) == "table" and "a table that has names, but no item 1" or type(source)
  errors.misuse(where .. ": argument 'source' must be an array, an iterator or a pager, got " .. got)
end

--- A source as something that, called, gives the next item, or nil and why there is none.
---@param source any
---@param where string the call's name, for messages
---@return fun(): any, any pull
---@return "list"|"iterator"|"array" kind
---@return boolean? at_hand true: to get an item neither waits nor raises
function M.puller(source, where)
  local kind = M.kind(source, where)
  if kind == "list" then return function() return source:_next_of_map() end, kind end
  if kind == "iterator" then return source, kind end
  local index, mt = 0, getmetatable(source)
  return function()
    index = index + 1
    return source[index]
  end, kind, mt == nil or mt == array_mt
end

return M
