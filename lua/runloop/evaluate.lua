-- Evaluations: many scenarios, an agent, scores. What happens to one of them is in evaluate/trial.lua.

local await = require "runloop.await"
local benchmark_run = require "runloop.evaluate.benchmark_run"
local core = require "runloop.core"
local errors = require "runloop.error"
local map = require "runloop.map"
local options_of = require "runloop.evaluate.options"
local report = require "runloop.evaluate.report"
local resume = require "runloop.evaluate.resume"
local runs = require "runloop.evaluate.runs"
local source_of = require "runloop.evaluate.source"
local statistics = require "runloop.evaluate.statistics"
local trials = require "runloop.evaluate.trial"

local error, next, pairs, pcall, tostring, type = error, next, pairs, pcall, tostring, type
local format = string.format

local now = core.now

local CLEAN_UP_TIME = 5 -- seconds that an interrupted program waits for what is cancelled

local evaluate = {}

local function new(transport, where, agent, options)
  local scheduler = transport.scheduler
  return {
    transport = transport, api = transport.api, scheduler = scheduler, where = where,
    agent = type(agent) == "function" and agent or function(...) return agent(...) end, -- it may be a callable table
    options = options,
    keep_alive = options.keep_alive,
    id = core.uuid(), run_name = options.run_name,
    benchmark_run = nil,
    source = nil, -- see evaluate/source.lua
    total = nil, -- trials, as far as that is known
    earlier = nil, -- what there is to go on with
    tally = statistics.new(options.trials, options.pass_score),
    groups = options.group_by and {} or nil, -- value -> tally
    results = options.results and {} or nil,
    started = 0, -- trials
    active = {}, -- the set of their tasks
    jobs = {}, -- the set of tasks that clean up
    left_running = {},
    devbox_seconds = 0,
    reporting = true, -- there will be a report
    began = now(),
    stopped = nil, -- why no new run is started: "failures", or, all others being cancelled, "source" or "raised"
    err = nil, -- what the source or the benchmark run ended with, or too many failures
    raised = nil, -- { what a callback of the user's has raised }
  }
end

-- No new run is started. What runs goes on only after too many failures.
local function stop(self, why)
  self.stopped = self.stopped ~= "raised" and why or self.stopped
  if why == "failures" then return end
  local list = {}
  for task in pairs(self.active) do list[#list + 1] = task end
  for i = 1, #list do list[i]:cancel() end
end

-- Calls a function of the user's; what it raises ends the evaluation.
local function tell(self, fn, ...)
  if not fn or self.raised then return end
  local ok, err = pcall(fn, ...)
  if ok then return end
  self.raised = { err }
  stop(self, "raised")
end

local function total_of(self)
  local count = self.total or self.source.count()
  return count and count * self.options.trials or nil
end

local function progress(self, trial, err)
  local fn = self.options.on_progress
  if not fn then return end
  local tally = self.tally
  tell(self, fn, {
    total = total_of(self), started = self.started, done = tally.n, scored = tally.scored, failed = tally.failed,
    mean_score = tally:mean(), scenario = trial.scenario, run = trial.run, err = err,
  })
end

local function too_many(self)
  local most, tally = self.options.max_failures, self.tally
  if not most then return false end
  if most >= 1 then return tally.failed >= most end
  local ended = tally.scored + tally.failed
  return ended >= 10 and tally.failed >= most * ended
end

local function group_of(self, trial)
  local metadata = trial.scenario.metadata
  local value = type(metadata) == "table" and metadata[self.options.group_by]
  value = value and tostring(value) or "(none)"
  local tally = self.groups[value] or statistics.new(self.options.trials, self.options.pass_score)
  self.groups[value] = tally
  return tally
end

-- A trial has ended, one way or another.
local function finish(self, trial)
  local outcome = trial.score and "scored" or trial.skipped and "skipped" or "failed"
  local run = trial.run
  self.tally:add(trial.cluster, outcome, trial.score)
  if self.groups then group_of(self, trial):add(trial.cluster, outcome, trial.score) end
  local result = {
    scenario_id = trial.scenario_id, scenario_name = trial.scenario.name, trial = trial.trial,
    run_id = run and run.id, state = run and run.state or trial.skipped and "skipped" or "failed",
    score = trial.score, seconds = trial.took or trial.began and now() - trial.began or 0,
    attempts = trial.attempt, err = report.err(trial.err, trial.traceback), logs_err = report.err(trial.logs_err),
  }
  if self.results then self.results[trial.index] = result end
  if not self.stopped and too_many(self) then
    self.err = errors.new {
      kind = "state", code = "MAX_FAILURES", message = format("%d of %d failed", self.tally.failed, self.tally.n),
    }
    stop(self, "failures")
  end
  tell(self, self.options.on_result, result, run)
  progress(self, trial, trial.err)
end

-- Has a trial run, as a task that can be broken off.
local function work(self, trial)
  if self.stopped then
    trial.skipped = true
    return finish(self, trial)
  end
  self.started, trial.began = self.started + 1, now()
  progress(self, trial)
  if not self.stopped then
    local task = self.scheduler:spawn(trials.run, self, trial)
    self.active[task] = true
    local ok, _, err = await.finally(function() return task:wait() end, function()
      self.active[task] = nil
      task:cancel()
    end)
    if task.status == "failed" then
      self.raised = self.raised or { task._results[1] }
      stop(self, "raised")
    elseif not ok then
      error(err, 0) -- this task is cancelled
    end
    if task.status == "cancelled" then
      trial.err = err
      -- One that had its score is completed all the same.
      trial.score, trial.skipped = trial.scored and runs.score(trial.run) or nil, not trial.scored
    end
    if trial.job then runs.join(self, trial.job) end
  elseif self.stopped then
    trial.skipped = true
  end
  finish(self, trial)
end

-- The next trial; nil when there is none, or none shall be begun. After too many failures those that are left are
-- counted, as far as the source has an end.
local function next_trial(self)
  if self.stopped and (self.stopped ~= "failures" or self.source.kind == "iterator") then return nil end
  local trial, err = self.source.next()
  if not trial and err ~= nil then
    self.err = err
    stop(self, "source")
  end
  return trial
end

-- Ends what an earlier process has left, which would go on for nobody.
local function cancel_stale(self)
  local stale, index = self.earlier.stale, 0
  map(self.scheduler, function()
    index = index + 1
    return stale[index]
  end, function(run)
    return runs.job(self, runs.name(run), function() return runs.cancel(self, run) end):wait()
  end, { concurrency = self.options.concurrency, results = false })
end

local function go_on(self)
  local err
  self.earlier, err = resume.look(self)
  if err ~= nil then return nil, err end
  if self.earlier then cancel_stale(self) end
  return true
end

-- All that happens, in a task: the report, or nil and why nothing could be started.
local function run(self, prepare)
  local ready, err = prepare(self)
  if not ready then return nil, err end
  map(self.scheduler, function() return next_trial(self) end, function(trial) return work(self, trial) end,
    { concurrency = self.options.concurrency, results = false })
  runs.wait_for_jobs(self)
  if self.started > 0 or self.earlier then
    local swept, why = runs.sweep(self)
    if not swept then self.err = self.err or why end
  end
  if self.raised then error(self.raised[1], 0) end
  local source_err = self.stopped == "source" and self.err or nil
  if source_err and self.tally.n == 0 and not self.benchmark_run then return nil, source_err end
  if self.benchmark_run and not self.stopped then
    local whole
    whole, err = self.api.benchmark_runs:complete(self.benchmark_run.id)
    if whole then self.benchmark_run = whole else self.err, source_err = err, err end
  end
  return report.new(self), source_err
end

-- Outside of a task everything is driven here, and what an interrupt leaves is still cancelled.
local function drive(self, fn)
  local scheduler = self.scheduler
  if scheduler:task_here() then return fn() end
  local task = scheduler:spawn(fn)
  task._awaited = true
  local ok, problem = pcall(scheduler.drive, scheduler, self.where, function() return task.status ~= "running" end,
    nil, function() end)
  if ok then return task:wait() end
  task:cancel()
  pcall(scheduler.drive, scheduler, self.where, function()
    local job = next(self.jobs)
    while job and job.status ~= "running" do
      self.jobs[job] = nil
      job = next(self.jobs)
    end
    return job == nil
  end, now() + CLEAN_UP_TIME, function() end)
  error(problem, 0)
end

local function begin(self, prepare)
  local refused = self.scheduler:enter(self.where, true)
  if refused then return nil, refused end
  return drive(self, function()
    local ok, value, err = await.finally(function() return self.scheduler:as_one(run, self, prepare) end,
      function() self.reporting = false end)
    if not ok then error(value, 0) end
    return value, err
  end)
end

--- `client:evaluate`.
---@param transport table
---@param source any scenarios or their ids
---@param agent function
---@param given table?
---@return table? report, any err
function evaluate.scenarios(transport, source, agent, given)
  local where = "client:evaluate"
  local options = options_of(where, agent, given)
  if options.benchmark_run then
    errors.misuse(where .. ": option 'benchmark_run' is for client.benchmarks:evaluate")
  elseif options.resume and not options.run_name then
    errors.misuse(where .. ": option 'resume' needs 'run_name', by which what was begun is found")
  end
  local self = new(transport, where, agent, options)
  self.source = source_of(source, where, options.trials)
  -- By its name a run is found whose start was lost.
  self.run_name = self.run_name or "evaluation " .. self.id
  return begin(self, function()
    local fault = options:logs_fault()
    if fault then return nil, fault end
    if options.resume then return go_on(self) end
    return true
  end)
end

--- `client.benchmarks:evaluate`.
---@param context table of the resource
---@param benchmark string its id
---@param agent function
---@param given table?
---@return table? report, any err
function evaluate.benchmark(context, benchmark, agent, given)
  local where = "benchmarks:evaluate"
  local options = options_of(where, agent, given)
  local self = new(context.transport, where, agent, options)
  return begin(self, function()
    local fault = options:logs_fault()
    if fault then return nil, fault end
    local view, err = self.api.benchmarks:retrieve(benchmark)
    if not view then return nil, err end
    self.total = type(view.scenarioIds) == "table" and #view.scenarioIds or nil
    self.source = source_of((self.api.benchmarks:definitions(view.id, { limit = 100 })), where, options.trials)
    return benchmark_run.find(self, view, go_on)
  end)
end

return evaluate
