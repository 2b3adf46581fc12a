-- The scenarios of an evaluation, one trial after the other.

local errors = require "runloop.error"
local sources = require "runloop.source"

local getmetatable, ipairs, pcall, type = getmetatable, ipairs, pcall, type
local format, gsub = string.format, string.gsub

-- The id of a scenario, and what is known of it; nil for what is none.
local function scenario_of(item)
  if type(item) == "string" then
    if item == "" then return nil end
    return item, { id = item }
  end
  local mt = type(item) == "table" and getmetatable(item)
  if type(item) ~= "table" or type(item.id) ~= "string" or item.id == "" then return nil end
  if type(mt) == "table" and mt.kind and mt.kind ~= "scenario" then return nil end
  return item.id, item
end

local function check_array(array, where)
  for i = 1, #array do
    if not scenario_of(array[i]) then
      errors.misuse(format("%s: argument 'source' must be a list of scenarios or their ids; item %d is neither", where,
        i))
    end
  end
end

local function check_list(list, where)
  local kind, fields = list:_gives()
  if kind and kind ~= "scenario" then
    local kinds = gsub(gsub(kind, "y$", "ie"), "x$", "xe") .. "s"
    errors.misuse(format("%s: argument 'source' must be a list of scenarios or their ids, got one of %s", where, kinds))
  end
  if not fields then return end
  for _, name in ipairs(fields) do
    if name == "input_context" then return end
  end
  errors.misuse(where .. ": argument 'source' leaves out 'input_context', which says what the agent is to do: add it to"
    .. " 'fields'")
end

--- The trials that a source gives.
---@param source any
---@param where string the call's name, for messages
---@param trials integer how often each scenario is tried
---@return { kind: string, next: fun(): table?, any, count: fun(): integer? }
return function(source, where, trials)
  local pull, kind = sources.puller(source, where)
  if kind == "array" then check_array(source, where) end
  if kind == "list" then check_list(source, where) end
  local seen = {} -- scenario id -> how often: each time it has trials of its own
  local index, left, scenario_id, scenario, cluster = 0, 0, nil, nil, nil
  local function next_scenario()
    local ok, item, err = pcall(pull)
    if not ok then item, err = nil, item == nil and "unknown error" or item end
    if item == nil then return nil, err end
    scenario_id, scenario = scenario_of(item)
    if not scenario_id then
      return nil, where .. ": the source has given something that is neither a scenario nor an id"
    end
    left, cluster = trials, {}
    return true
  end
  return {
    kind = kind,
    next = function()
      if left == 0 then
        local there, err = next_scenario()
        if not there then return nil, err end
      end
      left, index = left - 1, index + 1
      local trial = (seen[scenario_id] or 0) + 1
      seen[scenario_id] = trial
      return {
        index = index, scenario_id = scenario_id, scenario = scenario, cluster = cluster, trial = trial, attempt = 0,
      }
    end,
    -- How many scenarios there are, as far as that is known.
    count = function()
      if kind == "array" then return #source end
      return kind == "list" and source.total_count or nil
    end,
  }
end
