-- The runs of an evaluation: how they are marked, found again, started and ended.

local core = require "runloop.core"
local lazy = require "runloop.lazy"
local report = require "runloop.evaluate.report"

local ipairs, next, pairs, tonumber, tostring, type = ipairs, next, pairs, tonumber, tostring, type
local format = string.format

local runs = {}

local now = core.now

--- States in which a run stays.
runs.ENDED = { completed = true, canceled = true, failed = true, timeout = true }

-- Of a run that is not shown whole.
local FIELDS = {
  "scenario_id", "devbox_id", "state", "metadata", "start_time_ms", "duration_ms", "scoring_contract_result",
}

--- What a run carries so that it is known again.
---@param self table an evaluation
---@param trial table? nil: for the benchmark run
---@return table<string, string>
function runs.metadata(self, trial)
  local metadata = {}
  for name, value in pairs(self.options.metadata or {}) do metadata[name] = value end
  metadata.runloop_evaluation = self.id
  metadata.runloop_trial = trial and format("%d", trial.trial)
  metadata.runloop_attempt = trial and format("%d", trial.attempt)
  return metadata
end

--- What a run, or a benchmark run, carries: the evaluation's id, trial and attempt; nil for one that is not of an
--- evaluation.
---@param view table
---@return string? evaluation, integer? trial, integer? attempt
function runs.mark(view)
  local metadata = type(view.metadata) == "table" and view.metadata or {}
  local id = metadata.runloop_evaluation
  if type(id) ~= "string" or id == "" then return nil end
  return id, tonumber(metadata.runloop_trial), tonumber(metadata.runloop_attempt) or 1
end

--- The score of a run; nil when it has none.
---@param view table
---@return number?
function runs.score(view)
  local result = view.scoring_contract_result
  local score = type(result) == "table" and result.score
  return type(score) == "number" and score or nil
end

--- The runs among which those of the evaluation are.
---@param self table an evaluation
---@param state string? only those in this state
---@return table pager
function runs.list(self, state)
  local params, options = { state = state, limit = 500 }, { fields = FIELDS }
  if self.benchmark_run then
    return (self.api.benchmark_runs:list_scenario_runs(self.benchmark_run.id, params, options))
  end
  params.name = self.run_name
  return (self.api["scenarios.runs"]:list(params, options))
end

-- Ending.

-- A run that has ended of itself can be cancelled no more, yet may have a devbox.
local function end_devbox(self, run)
  local id = run.devbox_id
  if type(id) ~= "string" or id == "" then return true end
  return lazy.load("devbox").end_devbox(self.api, id)
end

-- What costs money and could not be ended. When nobody reads a report, the error goes to on_error.
local function leave_running(self, run, err)
  self.left_running[#self.left_running + 1] = {
    run_id = run.id, devbox_id = run.devbox_id, scenario_id = run.scenario_id, err = report.err(err),
  }
  if self.reporting then return true end
  return nil, err
end

--- Ends a run that is not to go on, with its devbox. For a task that cleans up.
---@param self table an evaluation
---@param run table
---@return boolean? ok, any err
function runs.cancel(self, run)
  local err
  if not runs.ENDED[run.state] then
    local view
    view, err = self.api["scenarios.runs"]:cancel(run.id)
    if view then
      run.state = view.state
      return true
    end
    local seen = self.api["scenarios.runs"]:retrieve(run.id)
    if seen then run.state = seen.state end
    if seen and (seen.state == "completed" or seen.state == "canceled") then return true end
  end
  local ended, box_err = end_devbox(self, run)
  if ended then return true end
  return leave_running(self, run, err or box_err)
end

--- Completes a run that is scored; one that cannot be completed is cancelled, for the sake of its devbox.
---@param self table an evaluation
---@param run table
---@return table? view, any err why it was not completed
function runs.complete(self, run)
  local view, err = self.api["scenarios.runs"]:complete(run.id)
  if view then return view end
  local seen = self.api["scenarios.runs"]:retrieve(run.id)
  if seen and seen.state == "completed" then return seen end
  runs.cancel(self, seen or run)
  return nil, err
end

--- A run in a message.
---@param run table
---@return string
function runs.name(run)
  return format("run %s of devbox %s", run.id, tostring(run.devbox_id))
end

--- Starts a task that cleans up, which the report waits for.
---@param self table an evaluation
---@param what string for messages: what it is about
---@param fn fun(): any, any
---@return table task
function runs.job(self, what, fn)
  local scheduler = self.scheduler
  local task = scheduler:detach(what, function() return scheduler:as_one(fn) end)
  self.jobs[task] = true
  return task
end

--- Waits for a task that cleans up.
---@param self table an evaluation
---@param task table
function runs.join(self, task)
  if not self.jobs[task] then return end
  self.jobs[task] = nil
  self.scheduler:join(task)
end

--- Waits for all of them.
---@param self table an evaluation
function runs.wait_for_jobs(self)
  local task = next(self.jobs)
  while task do
    runs.join(self, task)
    task = next(self.jobs)
  end
end

-- Starting.

-- The runs that a trial's attempt has begun, of which there should be one.
local function find(self, trial)
  local list = self.api["scenarios.runs"]:list({
    scenario_id = trial.scenario_id, name = not self.benchmark_run and self.run_name or nil,
    benchmark_run_id = self.benchmark_run and self.benchmark_run.id, limit = 100,
  })
  local found = {}
  while true do
    local run, err = list:next()
    if not run then
      if err then return nil, err end
      return found
    end
    local id, number, attempt = runs.mark(run)
    if id == self.id and number == trial.trial and attempt == trial.attempt then found[#found + 1] = run end
  end
end

-- Whether a start may have begun more than the run that came back.
local function is_doubtful(run, response)
  if response.attempts and response.attempts > 1 then return true end
  if run then return false end
  return response.maybe_sent or response.kind ~= "api" or response.status >= 500
end

-- Starts the run, whose answer may be lost, so that there may be two.
local function begin(self, trial)
  local run, response = self.api.scenarios:start_run {
    scenario_id = trial.scenario_id, run_name = self.run_name, metadata = runs.metadata(self, trial),
    runProfile = self.options.run_profile, benchmark_run_id = self.benchmark_run and self.benchmark_run.id,
  }
  if not is_doubtful(run, response) then return run, response end
  local found = find(self, trial)
  if not found then return run, response end -- the sweep at the end looks again
  for _, other in ipairs(found) do
    if not run then
      run = other
    elseif other.id ~= run.id and not runs.ENDED[other.state] then
      runs.cancel(self, other)
    end
  end
  return run, response
end

--- Starts a trial's next attempt; `trial.run` is its run. It cannot be broken off: when nobody waits for it any longer,
--- the run is cancelled.
---@param self table an evaluation
---@param trial table
---@return boolean? ok, any err
function runs.start(self, trial)
  local task = runs.job(self, "the start of a run of " .. trial.scenario_id, function()
    local run, err = begin(self, trial)
    if run and trial.abandoned then return runs.cancel(self, run) end
    trial.run, trial.run_since, trial.err = run, now(), not run and err or nil
    return true
  end)
  local _, err = task:wait()
  self.jobs[task] = nil
  if trial.run then return true end
  return nil, trial.err or err
end

--- Ends a trial's run in a task that cleans up, and waits for it.
---@param self table an evaluation
---@param trial table
function runs.give_up(self, trial)
  local run = trial.run
  runs.join(self, runs.job(self, runs.name(run), function() return runs.cancel(self, run) end))
  runs.ended(self, trial)
end

--- Counts the time of a run's devbox.
---@param self table an evaluation
---@param trial table
function runs.ended(self, trial)
  if trial.run_since then self.devbox_seconds = self.devbox_seconds + (now() - trial.run_since) end
  trial.run_since = nil
end

--- Ends what a trial that was broken off has running. May not wait.
---@param self table an evaluation
---@param trial table
function runs.abandon(self, trial)
  trial.abandoned = true
  local run, scored = trial.run, trial.scored
  if not run or run.state == "completed" then return end
  runs.ended(self, trial)
  if self.scheduler.closed and not self.scheduler.closing_at then return end
  trial.job = runs.job(self, runs.name(run), function()
    if scored then return runs.complete(self, run) end
    return runs.cancel(self, run)
  end)
end

-- Of these, none shall be left when an evaluation ends.
local ALIVE = { "running", "scoring", "scored" }

--- Ends what is left of the evaluation on the server that nobody holds: runs whose start was lost for good, or was sent
--- twice by the transport, or that an earlier process has left.
---@param self table an evaluation
---@return boolean? ok, any err
function runs.sweep(self)
  local known = {}
  for _, left in ipairs(self.left_running) do known[left.run_id] = true end
  for _, state in ipairs(ALIVE) do
    local list = runs.list(self, state)
    local run, err = list:next()
    while run do
      if runs.mark(run) == self.id and not known[run.id] and not runs.ENDED[run.state] then
        if run.state == "scored" then runs.complete(self, run) else runs.cancel(self, run) end
      end
      run, err = list:next()
    end
    if err then return nil, err end
  end
  return true
end

return runs
