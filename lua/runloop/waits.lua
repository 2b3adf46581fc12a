-- What tasks wait for: the queue of those that can go on, the heap of those that are due some time, and who waits for
-- which transfer. The fields are those of turns.lua.
--
-- An error may strike anywhere in here: a hook of the host's, or no memory. So what a task waits for stands in one
-- field of its own, `_wait`; the tables follow from it, and are made anew when a mark says that work on them was broken
-- off. What is in them is believed only as far as `_wait` agrees.

local coroutines = require "runloop.coroutines"
local core = require "runloop.core"
local deadlines = require "runloop.deadlines"

local pairs, pcall, type = pairs, pcall, type
local huge, max = math.huge, math.max
local take_out = table.remove

local now = core.now
local wait_here = coroutines.wait

-- A task's `_wait` is one of these, a transfer, or the function that undoes another wait; nil while its code runs.
local READY = "ready" -- it is in the queue
local LATER = "later" -- it has yielded of its own accord
local SLEEPING = "sleeping"

-- Sleepers woken in one go: 10,000 that are due together must not make one long poll.
local WAKE_BATCH = 64

local waits = { READY = READY }

local function remove(list, member)
  for i = #list, 1, -1 do
    if list[i] == member then take_out(list, i) end
  end
end

local function add_waiter(waiting, id, task)
  local other = waiting[id]
  if not other then
    waiting[id] = task
  elseif other.status then
    waiting[id] = { other, task }
  else
    other[#other + 1] = task
  end
end

-- Takes a task off a transfer's waiters; true when none is left.
local function forget_waiter(self, id, task)
  local waiter = self.waiting[id]
  if waiter == task then
    self.waiting[id] = nil
  elseif waiter and not waiter.status then
    remove(waiter, task)
    if not waiter[1] then self.waiting[id] = nil end
  end
  return self.waiting[id] == nil
end

-- The tasks of a list that wait so, in its order and none twice; then the others, `found` so far.
local function still(list, first, last, wait, found)
  local kept = {}
  for i = first, last do
    local task = list[i]
    if task and task._wait == wait and task.status == "running" and not found[task] then
      found[task] = true
      kept[#kept + 1] = task
    end
  end
  return kept
end

--- Makes the queue, the heap and the table of waiters anew.
function waits:reindex()
  local found, sleepers, waiting, alive = {}, {}, {}, 0
  local queue = still(self.queue, self.first, self.last, READY, found)
  local later = still(self.later, 1, #self.later, LATER, found)
  for task in pairs(self.tasks) do
    alive = alive + 1
    if type(task._wait) == "userdata" then
      local ok, news = pcall(task._wait.want, task._wait)
      if news or not ok then task._wait = READY else add_waiter(waiting, task._wait:id(), task) end
    end
    if task._wait == READY or task._wait == LATER then
      task._wake = nil
      local list = task._wait == READY and queue or later
      if not found[task] and task.status == "running" then list[#list + 1] = task end
    end
    task._slot = nil
    if task._wake and task.status == "running" then deadlines.add(sleepers, task) end
  end
  self.queue, self.first, self.last = queue, 1, #queue
  self.later, self.sleepers, self.waiting, self.alive = later, sleepers, waiting, alive
  self.touching = false
end

-- Before the tables are changed.
local function touch(self)
  if self.touching then self:reindex() end
  self.touching = true
end

local function enqueue(self, task)
  task._wait = READY
  local place = self.last + 1
  self.queue[place] = task
  self.last = place
end

--- Takes a new task in.
---@param task table
---@param queued boolean whether it goes into the queue, or is resumed at once
function waits:take_in(task, queued)
  touch(self)
  self.tasks[task] = true
  self.alive = self.alive + 1
  if self.alive > self.most_alive then self.most_alive = self.alive end
  if queued then enqueue(self, task) end
  self.touching = false
end

-- Between `touch` and its end: the task waits no more, and is only in the queue.
local function end_wait(self, task)
  if task._wake then
    deadlines.remove(self.sleepers, task)
    task._wake = nil
  end
  enqueue(self, task)
end

--- Ends a task's wait.
---@param task table
function waits:wake(task)
  if task.status ~= "running" or task._wait == READY then return end
  touch(self)
  end_wait(self, task)
  self.touching = false
end

--- Ends the waits of those who wait for a transfer, of which there are some.
---@param id number
function waits:wake_waiters(id)
  touch(self)
  local waiter = self.waiting[id]
  self.waiting[id] = nil
  local task, i = waiter, 1
  if waiter and not waiter.status then task = waiter[1] end
  while task do
    local wait = task._wait
    if task.status == "running" and type(wait) == "userdata" and wait:id() == id then end_wait(self, task) end
    i = i + 1
    task = waiter[i]
  end
  self.touching = false
end

--- Ends a task's sleep before its time, if it still sleeps.
---@param task table
function waits:rouse(task)
  if task._slot then self:wake(task) end
end

--- Undoes what a task's wait has set up elsewhere.
---@param task table
---@param killed boolean it will not go on
function waits:abandon_wait(task, killed)
  local wait = task._wait
  task._wait = nil
  if type(wait) == "function" then
    wait(killed)
  elseif type(wait) == "userdata" and forget_waiter(self, wait:id(), task) then
    if task._shared then wait:unwant() else wait:cancel() end
  end
end

--- A task is no longer due at some time.
---@param task table
function waits:leave_sleepers(task)
  touch(self)
  deadlines.remove(self.sleepers, task)
  task._wake = nil
  self.touching = false
end

--- Before a wait begins, or at the end: an error may have thrown the task out of the wait before.
---@param task table
function waits:drop_stale_wait(task)
  if task._wait ~= nil then self:abandon_wait(task, false) end
  if task._wake then self:leave_sleepers(task) end
  task._joins = nil
end

-- The time at which the running task goes on whatever it waits for.
local function set_alarm(self, task, time)
  touch(self)
  task._wake = time
  deadlines.add(self.sleepers, task)
  self.touching = false
end

--- Puts the running task to sleep.
---@param task table
---@param time number by the core's clock
function waits:sleep_until(task, time)
  self:drop_stale_wait(task)
  set_alarm(self, task, time)
  task._wait = SLEEPING
  wait_here(task)
end

--- Parks the running task until another piece of code calls `wake`.
---@param task table the running task
---@param abort function called with true when the task is cancelled, with false when its time was first
---@param joins table|nil the task whose end it waits for
---@param time number|nil by the core's clock: when it goes on all the same
function waits:park(task, abort, joins, time)
  self:drop_stale_wait(task)
  task._joins = joins
  if time then set_alarm(self, task, time) end
  -- A finalizer that ran meanwhile may have ended the other one.
  if not joins or joins.status == "running" then
    task._wait = abort
    wait_here(task)
  else
    self:drop_stale_wait(task)
  end
  task._joins = nil
end

--- The running task gives way to the others.
---@param task table
function waits:give_way(task)
  self:drop_stale_wait(task)
  touch(self)
  enqueue(self, task)
  self.touching = false
  wait_here(task)
end

--- The running task is ended, if it was cancelled: what it would do next is left out.
---@param task table
function waits.end_here(_, task)
  if task._cancel then wait_here(task) end
end

--- The running task waits for a transfer's news.
---@param task table
---@param transfer userdata
---@param shared boolean|nil true: others may wait for it, so the end of this task does not end the transfer
function waits:wait_for(task, transfer, shared)
  if task._wait ~= nil or task._wake or task._joins then self:drop_stale_wait(task) end
  touch(self)
  local id = transfer:id()
  add_waiter(self.waiting, id, task)
  task._wait, task._shared = transfer, shared
  task._transfer = not shared and transfer or nil
  self.touching = false
  -- Only now: what was allocated here may have run a finalizer that cancelled the other who waited, or released this.
  if transfer:want() then
    forget_waiter(self, id, task)
    task._wait = nil
  else
    wait_here(task)
  end
  task._transfer = nil
end

--- Wakes those who are due; true when there may be more of them.
---@return boolean
function waits:wake_due()
  if not self.sleepers[1] then return false end
  local time = now()
  for _ = 1, WAKE_BATCH do
    local task = self.sleepers[1]
    if not task or task._wake > time then return false end
    self:abandon_wait(task, false)
    self:wake(task)
  end
  return true
end

--- How long a turn may wait: not at all when a task can go on, else until something is due.
---@param seconds number|nil at most
---@return number|nil
function waits:patience(seconds)
  if self.unsettled or self.touching or self.first <= self.last or self.later[1] then return 0 end
  local due = self.sleepers[1] and self.sleepers[1]._wake or huge
  for i = 1, #self.members do
    local closing_at = self.members[i].closing_at
    if closing_at and closing_at < due then due = closing_at end
  end
  if due == huge then return seconds end
  local left = max(0, due - now())
  return seconds and seconds < left and seconds or left
end

--- A task goes on at the next turn.
---@param task table
function waits:put_off(task)
  task._wait = LATER
  self.later[#self.later + 1] = task
end

--- At the beginning of a turn: those that were put off may go on.
function waits:requeue_later()
  local later = self.later
  if not later[1] then return end
  touch(self)
  for i = 1, #later do
    if later[i]._wait == LATER then enqueue(self, later[i]) end
  end
  self.later = {}
  self.touching = false
end

return waits
