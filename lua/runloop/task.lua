-- A task: what it is made of, and its methods.

local core = require "runloop.core"
local coroutines = require "runloop.coroutines"
local errors = require "runloop.error"

local error, getmetatable, select, setmetatable, type = error, getmetatable, select, setmetatable, type
local insert, remove = table.insert, table.remove

local now = core.now
local create, status_of = coroutines.create, coroutines.status
local unpack = table.unpack or unpack -- luacheck: compat

local task_methods = {}
local task_mt = { __name = "runloop.task", __index = task_methods }

function task_mt:__tostring()
  return "runloop.task: " .. self.status
end

local PUBLIC = { "status", "traceback" }

local function next_public(task, name)
  for i = 1, #PUBLIC do
    if name == nil and task[PUBLIC[i]] ~= nil then return PUBLIC[i], task[PUBLIC[i]] end
    if name == PUBLIC[i] then name = nil end
  end
  return nil
end

function task_mt:__pairs()
  return next_public, self, nil
end

--- A task that has not begun.
---@param scheduler table of the client that it belongs to
---@param fn function
---@param ... any its arguments
---@return table
local function new(scheduler, fn, ...)
  local n = select("#", ...)
  return setmetatable({
    status = "running", -- then "done", "failed" or "cancelled"
    _scheduler = scheduler,
    _co = create(fn), -- until it has ended
    _args = n > 0 and { n = n, ... } or nil, -- until it has begun
    _wait = "ready", -- what it waits for: see turns.lua
    -- Room for these would be taken by each of ten thousand tasks, so they begin as nil:
    -- traceback   of one that failed: where that was raised
    -- _results    what it returned, `{ n =, ... }`, or `{ what it raised }`
    -- _wake       when it is due all the same, by the core's clock
    -- _slot       its place in the heap of those that are due some time
    -- _shared     others may wait for the transfer that it waits for
    -- _transfer   the transfer that ends with it
    -- _joins      the task whose end it waits for
    -- _waiters    the tasks that wait for its end
    -- _awaited    somebody has got its outcome, or waits for it
    -- _listed     its place among the errors that nobody has seen
    -- _cancel     it ends at its next wait
    -- _killed     it was cancelled, and is being ended
    -- _closing    its to-be-closed variables run, or have run
    -- _waits      it can be told of its end: see coroutines.lua
    -- _lists      the lists that it loops over, to be closed at its end: see scheduler:loops_over
    -- _detached   what it cleans up: it outlives the client's closing
    -- _ended      called with it when it has ended, perhaps twice
  }, task_mt)
end

local function check_task(task, method)
  if getmetatable(task) ~= task_mt then errors.misuse("task:" .. method .. ": call it with a colon") end
end

local function outcome(task)
  task._awaited = true
  if task.status == "done" then return unpack(task._results, 1, task._results.n) end
  if task.status == "failed" then
    task._scheduler:forget_unseen(task)
    error(task._results[1], 0)
  end
  return nil, errors.new { kind = "cancelled", code = "CANCELLED", message = "the task was cancelled" }
end

local function wait_timeout(seconds)
  return nil, errors.new {
    kind = "timeout", code = "AWAIT",
    message = "the task was not done after " .. errors.number_text(seconds) .. " seconds",
  }
end

local function remove_waiter(task, waiter)
  local waiters = task._waiters
  for i = 1, waiters and #waiters or 0 do
    if waiters[i] == waiter then return remove(waiters, i) end
  end
end

-- Whether `task` waits, directly or through others, for `other`, and nothing but that can end its wait.
local function waits_for(task, other)
  while task and not task._slot do
    if task == other then return true end
    task = task._joins
  end
  return false
end

local function wait_outside(task, scheduler, deadline)
  task._awaited = true
  scheduler:drive("task:wait", function() return task.status ~= "running" end, deadline, function()
    task._awaited = nil
    if task.status == "failed" then task._scheduler:add_unseen(task) end
  end)
  if task.status == "running" then task._awaited = nil end
end

local function wait_inside(task, here, scheduler, deadline)
  task._waiters = task._waiters or {}
  insert(task._waiters, here)
  scheduler.turns:park(here, function() remove_waiter(task, here) end, task, deadline)
end

--- Waits for the task's end.
---@param seconds number|nil the longest wait; nil: for ever
---@return any ... what the task's function returned (raises again what it raised), or `nil, err` of kind `timeout`
--- or `cancelled`
function task_methods:wait(seconds)
  check_task(self, "wait")
  if seconds ~= nil and (type(seconds) ~= "number" or seconds < 0 or seconds ~= seconds) then
    errors.misuse("task:wait: argument 'seconds' must be a number of seconds, 0 or more" .. errors.got(seconds))
  end
  if self.status ~= "running" then return outcome(self) end
  local scheduler = self._scheduler
  local refused = scheduler:enter("task:wait", true)
  if refused then return nil, refused end
  local here, deadline = scheduler:task_here(), seconds and now() + seconds
  if not here then
    wait_outside(self, scheduler, deadline)
  else
    if here == self then errors.misuse("task:wait: a task cannot wait for itself") end
    if not deadline and waits_for(self, here) then
      errors.misuse("task:wait: the two tasks would wait for each other")
    end
    wait_inside(self, here, scheduler, deadline)
  end
  if self.status ~= "running" then return outcome(self) end
  return wait_timeout(seconds)
end

--- Ends the task: its pending call ends, its to-be-closed variables run, waiters wake. A task that cancels itself
--- ends at its next wait.
---@return boolean cancelled false when the task had already ended
function task_methods:cancel()
  check_task(self, "cancel")
  if self.status ~= "running" then return false end
  if status_of(self._co) == "suspended" then
    self._scheduler.turns:kill(self)
  else
    self._cancel = true
  end
  return true
end

for name, most in pairs { wait = 1, cancel = 0 } do
  task_methods[name] = errors.bounded(task_methods[name], most, "task:" .. name)
end

return { new = new }
