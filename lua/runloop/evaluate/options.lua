-- What an evaluation is told.

local core = require "runloop.core"
local errors = require "runloop.error"
local json = require "runloop.json"
local schema = require "runloop.schema"
local shapes = require "runloop.api.shapes"

local getmetatable, pairs, tostring, type = getmetatable, pairs, tostring, type
local find, format = string.find, string.format

local KEEP_ALIVE = 600 -- seconds

local seconds = schema.number { min = 0 }

local OPTIONS = schema.options_of {
  concurrency = schema.integer { min = 1, default = 16 },
  run_name = schema.string { pattern = "%S", hint = "not be blank" },
  metadata = schema.map,
  run_profile = shapes.RunProfile,
  env_timeout = seconds { default = 1200 },
  agent_timeout = schema.number { above = 0 },
  score_timeout = seconds { default = 3600 },
  interval = seconds { default = 1 },
  retries = schema.integer { min = 0, default = 0 },
  trials = schema.integer { min = 1, default = 1 },
  on_agent_error = schema.enum { "cancel", "score" } { default = "cancel" },
  logs = schema.string { pattern = ".", hint = "be the name of a directory" },
  max_failures = schema.number { above = 0 },
  pass_score = schema.number { min = 0, max = 1, default = 1.0 },
  group_by = schema.string { pattern = ".", hint = "be a key of the scenarios' metadata" },
  results = schema.boolean { default = true },
  on_result = schema.callback,
  on_progress = schema.callback,
  keep_alive = schema.any,
  resume = schema.boolean { default = false },
  benchmark_run = schema.id,
}

-- true: at the usual intervals; false: not at all; or so many seconds apart.
local function keep_alive(value, where)
  if value == nil or value == true then return KEEP_ALIVE end
  if value == false then return nil end
  if type(value) ~= "number" or value <= 0 or value ~= value then
    errors.misuse(where .. ": option 'keep_alive' must be a boolean, or seconds" .. errors.got(value))
  end
  return value
end

-- A directory can be opened, if not read, wherever there is `io`.
local function logs_fault(options)
  local io = core.global "io"
  if not options.logs or not io then return nil end
  local file, why = io.open(options.logs .. "/.", "rb")
  if file then
    file:close()
    return nil
  end
  return errors.new { kind = "file", code = "OPEN", message = "the directory for logs: " .. tostring(why) }
end

--- The options, checked.
---@param where string the call's name, for messages
---@param agent any
---@param given table?
---@return table
return function(where, agent, given)
  local mt, ours = type(agent) == "table" and getmetatable(agent), json.name_of(agent) -- such as a list, which can be called
  if type(agent) ~= "function" and (ours or not (type(mt) == "table" and mt.__call)) then
    errors.misuse(where .. ": argument 'agent' must be a function, got " .. (ours or type(agent)))
  end
  local options = schema.options(OPTIONS, given, where)
  local most = options.max_failures
  if most and most > 1 and most % 1 ~= 0 then
    errors.misuse(where .. ": option 'max_failures' must be an integer, or below 1 for a share of the scenarios")
  end
  for name in pairs(options.metadata or {}) do
    if find(name, "^runloop_") then
      errors.misuse(format("%s: option 'metadata': '%s' is a name of the module's own", where, name))
    end
  end
  options.keep_alive = keep_alive(options.keep_alive, where)
  options.logs_fault = logs_fault
  return options
end
