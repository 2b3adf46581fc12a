-- The rounds of turns.lua: tasks begin, run and end.

local core = require "runloop.core"
local coroutines = require "runloop.coroutines"
local errors = require "runloop.error"
local waits = require "runloop.waits"

local error, ipairs, next, pairs, pcall, select = error, ipairs, next, pairs, pcall, select
local huge, max = math.huge, math.max
local remove = table.remove

local READY, WAIT = waits.READY, coroutines.WAIT

local now, within = core.now, core.within
local resume_coroutine, status_of, running = coroutines.resume, coroutines.status, coroutines.running
local traceback = core.traceback or (core.global "debug" or {}).traceback
local unpack = table.unpack or unpack -- luacheck: compat

-- Seconds a task may go on without a wait before a pager makes it give way.
local SLICE = 0.0005
-- The part of a poll's budget in which work is begun: what was begun last still has to end.
local BUDGET_SHARE = 0.69
-- The part of that which tasks have at least, however long the sockets were looked at before.
local READ_SHARE = 0.25
-- Work done per turn of `run`, `wait` and `map`, seconds, before the sockets are looked at again.
local RUN_BUDGET = 0.005
-- Tables that have held more entries than this are made anew when they are empty: they never shrink.
local LARGE = 256

local rounds = {}

-- The life of a task.

-- What follows from a task's end. Done again where it was broken off.
local function leave(self, task)
  local waiters = task._waiters
  for i = 1, waiters and #waiters or 0 do
    if waiters[i]._joins == task then self:wake(waiters[i]) end
  end
  if task.status == "failed" and not task._awaited and not (waiters and waiters[1]) then
    task._scheduler:add_unseen(task)
  end
  task._waiters = nil
  if task._ended then task._ended(task) end
  if not self.tasks[task] then return end
  self.tasks[task] = nil
  self.alive = self.alive - 1
  task._scheduler:task_left(task)
  if self.alive == 0 then
    if self.most_alive > LARGE then self.tasks, self.sleepers, self.waiting = {}, {}, {} end
    self.most_alive = 0
  end
end

local function close_lists(task)
  local lists = task._lists
  task._lists = nil
  for list in pairs(lists) do pcall(list.close, list) end
end

local function finish(self, task, status, results)
  if task._lists then close_lists(task) end
  if task._wait ~= nil or task._wake then self:drop_stale_wait(task) end
  task._results = results
  task.status = status
  task._co = nil -- who keeps the task keeps what it brought, not its stack
  leave(self, task)
end

-- Runs the to-be-closed variables of a coroutine that will not go on.
local function close_coroutine(self, task)
  task._closing = true
  return within(self, "current", task, coroutines.close, task)
end

--- Ends a suspended task as cancelled.
---@param task table
function rounds:kill(task)
  local before = self.unsettled
  self.unsettled = true
  task._killed = true
  self:abandon_wait(task, true)
  -- It may have ended in the meantime: nobody will look at what it brought.
  if task._transfer then task._transfer:release() end
  if task._wake then self:leave_sleepers(task) end
  -- What it waited for may have failed already: now it is nobody's.
  local joins = task._joins
  task._joins = nil
  if joins and joins.status == "failed" and not joins._awaited then joins._scheduler:add_unseen(joins) end
  local ok, err = close_coroutine(self, task)
  finish(self, task, "cancelled", not ok and { err } or nil)
  if not ok then task._scheduler:add_unseen(task) end
  self.unsettled = before
end

local function fail(self, task, err)
  -- The name of a chunk may be its text, and that may hold a token.
  task.traceback = traceback and task._scheduler.scrub(traceback(task._co))
  close_coroutine(self, task)
  finish(self, task, "failed", { err })
end

local function settle(self, task, ok, first, ...)
  if task._args then task._args = nil end
  if ok and first == WAIT then
    if task._cancel then self:kill(task) end
  elseif not ok then
    fail(self, task, first)
  elseif status_of(task._co) == "dead" then
    finish(self, task, "done", { n = select("#", ...) + 1, first, ... })
  elseif task._cancel then
    self:kill(task)
  else
    self:put_off(task)
  end
end

local function resume(self, task, time)
  if task._wait ~= READY or task.status ~= "running" then return end
  task._wait = nil
  self.resumptions = self.resumptions + 1
  local slice_end = time + SLICE
  self.slice_end = slice_end < self.stop and slice_end or self.stop
  local args = task._args
  if args then
    settle(self, task, within(self, "current", task, resume_coroutine, task._co, unpack(args, 1, args.n)))
  else
    settle(self, task, within(self, "current", task, resume_coroutine, task._co))
  end
end

local function start(self, task)
  resume(self, task, now())
end

--- Takes a new task in. Outside of tasks and turns it runs at once, up to its first wait.
---@param task table
function rounds:begin(task)
  local before, inside = self.unsettled, self:is_inside()
  self.unsettled = true
  self:take_in(task, inside)
  if not inside then
    local ok, err = pcall(start, self, task)
    if not ok then
      self.struck = { err }
      error(err, 0)
    end
  end
  self.unsettled = before
end

-- Puts right what an error broke off. No task's code runs now.
local function recover(self)
  local all = {}
  for task in pairs(self.tasks) do all[#all + 1] = task end
  self:reindex()
  for _, task in ipairs(all) do
    if task.status ~= "running" then
      leave(self, task)
    elseif task._killed then
      self:kill(task)
    elseif status_of(task._co) == "dead" then -- what it brought is lost
      fail(self, task, self.struck and self.struck[1] or "the task was interrupted")
    elseif task._cancel then
      self:kill(task)
    elseif task._wait == nil then
      self:wake(task)
    end
  end
  self.struck, self.unsettled = nil, false
end

-- Turns.

-- Resumes tasks from the queue until it is empty or `stop` (a time) has come; true when the queue is empty.
local function resume_queued(self, stop)
  local time = now()
  while self.first <= self.last do
    local task = self.queue[self.first]
    self.queue[self.first] = nil
    self.first = self.first + 1
    if task then resume(self, task, time) end
    time = now()
    if time >= stop then break end
  end
  if self.first > self.last then
    if self.last > LARGE then self.queue = {} end
    self.first, self.last = 1, 0
    return true
  end
  return false
end

local function work(self, seconds, budget, until_done)
  self:requeue_later()
  local began, share = now(), budget * BUDGET_SHARE
  local events = self:move(seconds)
  local time = now()
  local stop, cost = time + share, 0
  -- What is read without a wait is part of the work, which it may not crowd out. Nor is a read begun that would not end
  -- in time if it took as long as the longest before: it brings what this poll could not work on.
  if seconds == 0 then stop, cost = max(began + share, time + share * READ_SHARE), time - began end
  self.stop = stop
  while true do
    self:collect()
    local more = self:wake_due()
    local idle = resume_queued(self, stop)
    time = now()
    if not self.https[1] or time + cost >= stop or (until_done and until_done()) then return end
    if idle and events == 0 and not more then return end
    events = self:move(0)
    cost = max(cost, now() - time)
  end
end

-- One round: sockets, then tasks, until nothing is left to do or the budget is spent. `until_done` (optional)
-- ends it early.
local function turn(self, seconds, budget, until_done)
  if self.unsettled or self.touching then recover(self) end
  local wait = self:patience(seconds)
  self.unsettled = true
  work(self, wait, budget, until_done)
  self.unsettled = false
  for i = #self.members, 1, -1 do self.members[i]:end_closing() end
end

-- One round, marked as such, so that callbacks cannot begin another.
local function take_turn(self, seconds, budget, until_done)
  local ok, err = pcall(within, self, "turning", true, turn, self, seconds, budget, until_done)
  self.stop = huge
  if not ok then
    self.struck = { err }
    error(err, 0)
  end
end

-- Tells of errors that nobody has seen: through on_error, or (where `raises`) by raising the oldest.
local function report(self, raises)
  for i = #self.members, 1, -1 do
    local member = self.members[i]
    member:tell_unseen()
    if raises then member:raise_unseen() end
    if member.finished and not member:has_unseen() then remove(self.members, i) end
  end
end

--- Whether there is an error that a poll would raise or tell of.
---@return boolean
function rounds:has_unseen()
  for i = 1, #self.members do
    if self.members[i]:has_unseen() then return true end
  end
  return false
end

-- Whether the tasks alive wait for nothing but each other, so that no turn would ever bring one of them further.
local function is_stuck(self)
  return self.alive > 0 and not self.unsettled and not self.touching and self.first > self.last and not self.later[1]
    and not self.sleepers[1] and next(self.waiting) == nil
end

local STUCK = "the tasks that are left wait for each other"

--- The program ends: `os.exit(code, true)` has left a task, or a callback of a turn, for good, and what the main program
--- has open is closed. That is seen from the main coroutine running while they should. What goes on from here is a turn
--- of its own.
function rounds:leave_for_good()
  local co, is_main = running()
  if not (co == nil or is_main) or not self:is_inside() then return end
  local task = self.current
  self.current, self.turning, self.telling, self.unsettled = false, false, false, true
  if task and task._co and status_of(task._co) ~= "suspended" then finish(self, task, "cancelled") end
end

local function refuse_inside(self, what)
  if self.telling then errors.misuse(what .. ": cannot be called in on_event") end
  if self:is_inside() then errors.misuse(what .. ": cannot be called inside a task or another poll") end
end

local function raise_problems(self)
  for i = 1, #self.members do self.members[i]:raise_problem() end
end

--- One round of work; never blocks with seconds = 0. With more it waits so long, or until a task was resumed.
---@param seconds number how long to wait for something to do
---@param budget number seconds of work after that
---@return integer alive
function rounds:poll(seconds, budget)
  refuse_inside(self, "client:poll")
  raise_problems(self)
  if self:has_unseen() then seconds = 0 end
  local resumptions, left, stop = self.resumptions, seconds, now() + seconds
  repeat
    take_turn(self, left, budget)
    left = stop - now()
  until left <= 0 or self.resumptions ~= resumptions or not self.https[1] or self:has_unseen()
  report(self, true)
  return self.alive
end

--- Works until no task is left.
---@return integer alive 0
function rounds:run()
  refuse_inside(self, "client:run")
  raise_problems(self)
  repeat
    while self.alive > 0 do
      take_turn(self, nil, RUN_BUDGET)
      report(self, false)
      if is_stuck(self) then
        report(self, true)
        errors.misuse("client:run: " .. STUCK)
      end
    end
    report(self, true)
  until self.alive == 0 -- on_error may have started tasks
  return 0
end

--- Drives everything until `done()` is true or the time has come (by the core's clock).
---@param member table the scheduler of the client that waits
---@param done function
---@param deadline number|nil
---@return string|nil why it never would be
function rounds:drive(member, done, deadline)
  local left
  while not done() do
    if member.closed and not member.closing_at then return "client is closed" end
    if not deadline and is_stuck(self) then return STUCK end
    if left == 0 then return nil end -- after one turn at least
    left = deadline and max(0, deadline - now())
    take_turn(self, left, RUN_BUDGET, done)
    report(self, false)
  end
  return nil
end

--- Seconds until a turn is wanted, 0 when there is something to do now, nil when nothing is pending.
---@return number|nil
function rounds:timeout()
  if self:has_unseen() then return 0 end
  local wait = self:patience(nil)
  if wait == 0 then return 0 end
  for i = 1, #self.https do
    local due = self.https[i]:timeout()
    if due and (not wait or due < wait) then wait = due end
  end
  return wait
end

return rounds
