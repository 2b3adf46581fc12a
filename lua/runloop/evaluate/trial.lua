-- One trial of a scenario: its run from the start to the score, and what becomes of it on the way.

local await = require "runloop.await"
local core = require "runloop.core"
local errors = require "runloop.error"
local lazy = require "runloop.lazy"
local runs = require "runloop.evaluate.runs"

local error, pcall, type = error, pcall, type
local huge, max, min = math.huge, math.max, math.min
local format, gsub = string.format, string.gsub

local now = core.now

-- States of a run that has a score, or will have one.
local SCORING = { scoring = true, scored = true, completed = true }

local trials = {}

local function state_error(code, message, last)
  return errors.new { kind = "state", code = code, message = message, last = last }
end

-- A source may have ids, or scenarios of which only some fields were read.
local function scenario_of(self, trial)
  local scenario = trial.scenario
  if type(scenario.input_context) ~= "table" then
    local err
    scenario, err = self.api.scenarios:retrieve(trial.scenario_id)
    if not scenario then return nil, err end
    trial.scenario = scenario
  end
  local contract = scenario.scoring_contract
  local functions = type(contract) == "table" and contract.scoring_function_parameters
  if type(functions) == "table" and functions[1] == nil then
    return nil, state_error("NO_SCORER", format("scenario %s has no scorer", trial.scenario_id), scenario)
  end
  return scenario
end

-- The devbox, when it runs; nil and the error when the run's environment does not come up.
local function environment(self, trial)
  local run, options = trial.run, self.options
  if runs.ENDED[run.state] then
    return nil, state_error(run.state, format("run %s: ended in state '%s'", run.id, run.state), run)
  end
  local spec = { timeout = options.env_timeout, interval = min(1, options.interval) }
  local watch = await.new(self, spec, nil, "run " .. run.id)
  if type(run.devbox_id) ~= "string" or run.devbox_id == "" then
    return nil, errors.new { kind = "decode", code = "SHAPE", message = "the run that was started has no devbox_id" }
  end
  return lazy.load("devbox").wait_running(watch, run.devbox_id)
end

-- Nobody waits for it, and its failure shows in what the agent does.
local function keep_alive(self, devbox)
  self.scheduler:spawn(function() self.api.devboxes:keep_alive(devbox.id) end)
end

-- Waits for the agent's task to its end, or to that of its time.
local function wait_for_agent(self, task, devbox)
  local options = self.options
  local deadline = options.agent_timeout and now() + options.agent_timeout
  local alive_at = self.keep_alive and now() + self.keep_alive
  while true do
    local due = min(deadline or huge, alive_at or huge)
    local ok, value, err = pcall(task.wait, task, due < huge and max(0, due - now()) or nil)
    if task.status == "failed" then return nil, value == nil and "unknown error" or value end
    if not ok then error(value, 0) end -- this trial is cancelled
    if task.status == "done" then
      if value == nil and err ~= nil then return nil, err end
      return true
    end
    if task.status == "cancelled" then return nil, err end
    if deadline and now() >= deadline then
      return nil, errors.new {
        kind = "timeout", code = "AWAIT",
        message = "the agent was not done after " .. errors.number_text(options.agent_timeout) .. " seconds",
      }
    end
    if alive_at and now() >= alive_at then
      keep_alive(self, devbox)
      alive_at = now() + self.keep_alive
    end
  end
end

-- Calls the agent, in a task of its own: true, or nil and why it has failed.
local function call_agent(self, trial, devbox)
  local task = self.scheduler:spawn(self.agent, trial.run, devbox, trial.scenario)
  task._awaited = true -- whatever becomes of it is the trial's matter
  local ok, done, err = await.finally(function() return wait_for_agent(self, task, devbox) end,
    function() task:cancel() end)
  trial.traceback = task.traceback
  if not ok then error(done, 0) end
  return done, err
end

-- Whether a run cannot be scored because it is already, by its agent.
local function is_scored_already(self, run, err)
  if err.kind ~= "api" or err.retryable then return false end
  local seen = self.api["scenarios.runs"]:retrieve(run.id)
  return seen and SCORING[seen.state]
end

-- The run's score, and its completion.
local function score(self, trial)
  local options, run = self.options, trial.run
  local spec = { timeout = options.score_timeout, interval = options.interval }
  local view, err
  if run.state == "scored" or run.state == "completed" then
    view = run
  elseif run.state == "scoring" then
    view, err = self.api["scenarios.runs"]:await_scored(run.id, spec)
  else
    view, err = self.api["scenarios.runs"]:score_and_await(run.id, spec)
    if not view and is_scored_already(self, run, err) then
      view, err = self.api["scenarios.runs"]:await_scored(run.id, spec)
    end
  end
  if not view then
    if errors.is(err) and err.kind == "state" then run.state = err.code end
    return nil, err
  end
  local value = runs.score(view)
  if not value then
    return nil, errors.new { kind = "decode", code = "SHAPE", message = format("run %s has no score", run.id) }
  end
  trial.run, trial.scored = view, true
  if view.state ~= "completed" then
    local whole, why = runs.complete(self, view)
    if whole then trial.run = whole else trial.err = trial.err or why end
  end
  trial.score = value
  return true
end

local function is_there(path)
  local io = core.global "io"
  local file = io and io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function logs(self, trial)
  local directory, run = self.options.logs, trial.run
  if not directory or not run then return end
  local path = directory .. "/" .. gsub(run.id, "[^%w_.-]", "_") .. ".zip"
  if trial.taken and is_there(path) then return end -- from an earlier process
  local size, err = self.api["scenarios.runs"]:download_logs(run.id, path)
  if not size then trial.logs_err = err end
end

-- Begins a run and has the agent work in it. Returns whether to begin anew.
local function attempt(self, trial)
  trial.run, trial.err, trial.traceback = nil, nil, nil
  trial.attempt = trial.attempt + 1
  local started, err = runs.start(self, trial)
  if not started then
    trial.err = err
    return errors.is(err) and err.retryable
  end
  local devbox
  devbox, err = environment(self, trial)
  if not devbox then
    trial.err = err
    runs.give_up(self, trial)
    return true
  end
  local done
  done, trial.err = call_agent(self, trial, devbox)
  if done or self.options.on_agent_error == "score" then
    done, err = score(self, trial)
    trial.err = trial.err or err
  end
  if not done then runs.give_up(self, trial) else runs.ended(self, trial) end
  return false
end

-- What an earlier process has begun: true when that is all there is to do.
local function take_up(self, trial)
  local had = self.earlier and self.earlier:take(trial)
  if not had then return false end
  trial.attempt = had.attempt
  if not had.run then return false end
  trial.run = had.run
  if trial.run.state == "completed" then
    trial.score = runs.score(trial.run)
  elseif not score(self, trial) then
    runs.give_up(self, trial)
    return false
  end
  trial.taken = true
  local duration = trial.run.duration_ms
  trial.took = type(duration) == "number" and duration / 1000 or nil
  self.devbox_seconds = self.devbox_seconds + (trial.took or 0)
  return true
end

local function flow(self, trial)
  local scenario, err = scenario_of(self, trial)
  if not scenario then
    trial.err = err
    return
  end
  if not take_up(self, trial) then
    local left = self.options.retries
    while not self.stopped and attempt(self, trial) and left > 0 do left = left - 1 end
    if not trial.run and not trial.err then trial.skipped = true end -- it was stopped before
  end
  logs(self, trial)
end

--- Runs a trial, in a task of its own, to its end: `score` or `err`, `run`, `attempt` are then what has become of it.
--- What it has running is cancelled when the task is.
---@param self table an evaluation
---@param trial table { scenario_id, scenario, trial }
function trials.run(self, trial)
  local settled = false
  local ok, err = await.finally(function()
    self.scheduler:as_one(flow, self, trial)
    settled = true
  end, function()
    if not settled then runs.abandon(self, trial) end
  end)
  if not ok then error(err, 0) end
end

return trials
