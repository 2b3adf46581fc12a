-- What an earlier process has left of an evaluation: looked for once, then taken up trial by trial.

local runs = require "runloop.evaluate.runs"

local ipairs, pairs, setmetatable, tonumber = ipairs, pairs, setmetatable, tonumber
local huge, max, min = math.huge, math.max, math.min
local format = string.format

local resume = {}

local earlier = {}
local earlier_mt = { __index = earlier }

local function key_of(scenario_id, trial)
  return format("%s %d", scenario_id, trial)
end

-- How much of a run can be made use of; 0: nothing.
local function worth(run)
  if run.state == "completed" then return runs.score(run) and 3 or 0 end
  return run.state == "scored" and 2 or run.state == "scoring" and 1 or 0
end

-- Takes a run in: the best one of each trial is kept, others that live are stale.
local function add(self, run, number, attempt)
  local key = key_of(run.scenario_id, number)
  local entry = self.trials[key] or { attempt = 0, run = nil }
  self.trials[key] = entry
  entry.attempt = max(entry.attempt, attempt)
  local lesser = run
  if worth(run) > (entry.run and worth(entry.run) or 0) then lesser, entry.run = entry.run, run end
  if lesser and not runs.ENDED[lesser.state] then self.stale[#self.stale + 1] = lesser end
end

local function each(list, fn)
  while true do
    local item, err = list:next()
    if not item then return err == nil or nil, err end
    fn(item)
  end
end

--- The newest evaluation of this name, or of this benchmark run: its id is taken over.
---@param self table an evaluation
---@return table? earlier nil without an error: there is nothing to go on with
---@return any err
function resume.look(self)
  local evaluations = {} -- id -> { first = when it began, runs = { { run, trial, attempt } } }
  local wanted = self.benchmark_run and runs.mark(self.benchmark_run)
  if self.benchmark_run and not wanted then return nil end
  local ok, err = each(runs.list(self), function(run)
    local id, number, attempt = runs.mark(run)
    if not id or not number or wanted and id ~= wanted then return end
    local one = evaluations[id] or { first = huge, runs = {} }
    evaluations[id] = one
    one.first = min(one.first, tonumber(run.start_time_ms) or 0)
    one.runs[#one.runs + 1] = { run, number, attempt }
  end)
  if not ok then return nil, err end
  local newest = wanted
  for id, one in pairs(evaluations) do
    if not newest or one.first > evaluations[newest].first then newest = id end
  end
  if not newest then return nil end
  local found = setmetatable({ trials = {}, stale = {} }, earlier_mt)
  self.id = newest
  for _, each_run in ipairs(evaluations[newest] and evaluations[newest].runs or {}) do
    add(found, each_run[1], each_run[2], each_run[3])
  end
  return found
end

--- What there is of a trial: the attempts so far, and a run that is scored or will be. Given once.
---@param trial table
---@return { attempt: integer, run: table? }?
function earlier:take(trial)
  local key = key_of(trial.scenario_id, trial.trial)
  local entry = self.trials[key]
  self.trials[key] = nil
  return entry
end

return resume
