-- Functions that run as tasks beside each other: all of them to their end, or none longer than the first that fails.

local core = require "runloop.core"

local error, pairs, select = error, pairs, select

local now = core.now

local function run(self, index, fn)
  local value, err = fn()
  if value == nil then
    self.failure = self.failure or { err = err }
    return
  end
  self.values[index] = value
end

local function is_over(self)
  return self.left == 0 or self.failure ~= nil
end

local function ended(self, task)
  if not self.tasks[task] then return end -- heard of already
  self.tasks[task] = nil
  self.left = self.left - 1
  if task.status == "failed" then
    task._awaited = true
    self.failure = self.failure or { raised = true, err = task._results[1] }
  elseif task.status == "cancelled" then
    self.failure = self.failure or { err = select(2, task:wait()) }
  end
  if self.waiting and is_over(self) then
    self.waiting = false
    self.scheduler.turns:wake(self.caller)
  end
end

local function cancel(self)
  local list = {}
  for task in pairs(self.tasks) do list[#list + 1] = task end
  for i = 1, #list do list[i]:cancel() end
end

local function start(self, index, fn)
  local task = self.scheduler:spawn(run, self, index, fn)
  self.tasks[task] = true
  task._ended = function() ended(self, task) end
  if task.status ~= "running" then ended(self, task) end
end

local function wait(self, what, deadline)
  local function abort() cancel(self) end
  if not self.caller then
    self.scheduler:drive(what, function() return is_over(self) end, deadline, abort)
  elseif not is_over(self) and now() < deadline then
    self.waiting = true
    self.scheduler.turns:park(self.caller, function(killed)
      if killed then abort() end
    end, nil, deadline)
    self.waiting = false
  end
end

--- Runs functions as tasks; outside of a task that drives those of all, as `map` does. When one fails, the others are
--- cancelled; what one raises is raised again.
---@param scheduler table
---@param what string the call's name, for messages
---@param deadline number by the core's clock
---@param fns (fun(): any, any)[] each returns a value, or nil and an error
---@return table|nil values by the functions' numbers; nil without an error: the time was over
---@return any err
return function(scheduler, what, deadline, fns)
  local self = {
    scheduler = scheduler,
    caller = scheduler:task_here(),
    waiting = false, -- the caller does, in a task
    tasks = {}, -- the set of those alive
    left = #fns, -- of them, and of those that have not begun
    values = {},
    failure = nil, -- { err =, raised = } of the first that failed
  }
  for i = 1, #fns do
    if not self.failure then start(self, i, fns[i]) end
  end
  wait(self, what, deadline)
  local failure = self.failure
  if self.left == 0 and not failure then return self.values end
  cancel(self)
  if not failure then return nil, nil end
  if failure.raised then error(failure.err, 0) end
  return nil, failure.err
end
