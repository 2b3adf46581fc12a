-- Tasks: runs coroutines over the transfers of one client; every wait of the module goes through here.

local core = require "runloop.core"
local errors = require "runloop.error"
local fifo = require "runloop.fifo"

local now = core.now
-- A copy: a host may change the library later on, for its own scripts.
local library = {}
for name, fn in pairs(coroutine) do library[name] = fn end
local coroutine = library

local running = coroutine.running
local yield = coroutine.yield
local isyieldable = coroutine.isyieldable or function() return true end
local unpack = table.unpack or unpack -- luacheck: compat

-- What a task yields when it waits for something of ours; any other yield is the task's own.
local WAIT = {}

-- Seconds a task may go on without a wait before a pager makes it give way.
local SLICE = 0.0005
-- The part of a poll's budget in which work is begun: what was begun last still has to end.
local BUDGET_SHARE = 0.7
-- Work done per turn of `run`, `wait` and `map`, seconds, before the sockets are looked at again.
local RUN_BUDGET = 0.005
-- Sleepers woken in one go: 10,000 that are due together must not make one long poll.
local WAKE_BATCH = 64
-- Tables that have held more entries than this are made anew when they are empty: they never shrink.
local LARGE = 256

local scheduler = {}
local scheduler_mt = { __name = "runloop.scheduler", __index = scheduler }

local task_methods = {}

--- A scheduler over one HTTP core.
---@param http userdata the core's pool of transfers
---@param options { nonblocking: boolean, on_error: function|nil }
local function new(http, options)
  local self = setmetatable({
    http = http,
    nonblocking = options.nonblocking,
    on_error = options.on_error,
    closed = false,
    current = nil, -- the task whose code runs now
    turning = false, -- inside poll, run, wait or map
    slice_end = 0, -- when the running task should give way
    stop = math.huge, -- when the turn under way should end
    alive = 0,
    most_alive = 0, -- since there were none
    tasks = {}, -- the set of tasks alive: nobody else need hold them
    waiting = {}, -- transfer id -> task, or array of tasks
    queue = {}, first = 1, last = 0, -- tasks to resume, in order
    deferred = {}, -- tasks that yielded of their own accord: next turn
    sleepers = {}, -- binary heap by _wake
    unhandled = fifo.new(), -- failed tasks that nobody waited for
  }, scheduler_mt)
  self.task_mt = {
    __name = "runloop.task",
    __index = task_methods,
    __tostring = function(task) return "runloop.task: " .. task.status end,
    scheduler = self,
  }
  return self
end

-- The heap of sleepers: `_slot` is a task's place in it, so that a task can leave before its time.

local function sift_up(heap, task, slot)
  while slot > 1 do
    local parent = (slot - slot % 2) / 2
    if heap[parent]._wake <= task._wake then break end
    heap[slot] = heap[parent]
    heap[slot]._slot = slot
    slot = parent
  end
  heap[slot] = task
  task._slot = slot
end

local function sift_down(heap, task, slot)
  local size = #heap
  while true do
    local child = slot * 2
    if child > size then break end
    if child < size and heap[child + 1]._wake < heap[child]._wake then child = child + 1 end
    if task._wake <= heap[child]._wake then break end
    heap[slot] = heap[child]
    heap[slot]._slot = slot
    slot = child
  end
  heap[slot] = task
  task._slot = slot
end

local function heap_remove(heap, task)
  local slot = task._slot
  if not slot then return end
  task._slot = nil
  local moved = heap[#heap]
  heap[#heap] = nil
  if moved == task then return end
  sift_up(heap, moved, slot)
  sift_down(heap, moved, moved._slot)
end

function scheduler:enqueue(task)
  local place = self.last + 1
  self.queue[place] = task -- which may raise, when there is no memory
  self.last = place
end

-- Ends a task's wait: from here it is only in the queue.
function scheduler:wake(task)
  heap_remove(self.sleepers, task)
  task._wait = nil
  self:enqueue(task)
end

--- Ends a task's sleep before its time, if it still sleeps.
function scheduler:rouse(task)
  if task._slot then self:wake(task) end
end

function scheduler:sleep_until(task, time)
  task._wake = time
  local heap = self.sleepers
  sift_up(heap, task, #heap + 1)
end

local function wake_waiters(self, id)
  local waiter = self.waiting[id]
  self.waiting[id] = nil
  if not waiter then return end
  if waiter.status then
    self:wake(waiter)
  else
    for i = 1, #waiter do self:wake(waiter[i]) end
  end
end

-- Tasks whose transfers have news go to the queue. Blocking calls outside do this too, or the core would
-- report the same news again and again.
function scheduler:collect()
  local http = self.http
  local id = http:ready()
  while id do
    wake_waiters(self, id)
    id = http:ready()
  end
end

--- Wakes the tasks that wait for a transfer that is about to be given up.
function scheduler:dismiss(transfer)
  wake_waiters(self, transfer:id())
end

local function add_waiter(self, id, task)
  local waiting = self.waiting
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
  elseif waiter then
    for i = #waiter, 1, -1 do
      if waiter[i] == task then table.remove(waiter, i) end
    end
    if not waiter[1] then self.waiting[id] = nil end
  end
  return self.waiting[id] == nil
end

-- Undoes what a task's wait has set up elsewhere. `killed`: the task will not go on.
local function abandon_wait(self, task, killed)
  local wait = task._wait
  task._wait = nil
  if not wait then return end
  if type(wait) == "function" then
    wait(killed)
  elseif forget_waiter(self, wait:id(), task) then
    if task._shared then wait:unwant() else wait:cancel() end
  end
end

-- Wakes those who are due; true when there may be more of them.
local function wake_due(self)
  local heap = self.sleepers
  if not heap[1] then return false end
  local time = now()
  for _ = 1, WAKE_BATCH do
    local task = heap[1]
    if not task or task._wake > time then return false end
    abandon_wait(self, task, false)
    self:wake(task)
  end
  return true
end

-- Where the caller stands.

local function cancelled_error(what)
  return errors.new { kind = "cancelled", code = "CANCELLED", message = "the " .. what }
end

--- For code that was let in and goes on after a callback: the error it ends with when the client has been closed
--- meanwhile. A task ends here.
---@return table|nil err of kind `cancelled`
function scheduler:end_if_closed()
  if not self.closed then return nil end
  local task = self:task_here()
  if task and task._cancel then yield(WAIT) end
  return cancelled_error "client was closed"
end

--- Raises unless the client is open.
---@param what string the call's name, for messages
function scheduler:check_open(what)
  if self.closed then errors.misuse("runloop: " .. what .. ": client is closed") end
end

--- Checks, before a call does anything, that it may wait here.
---@param what string the call's name, for messages
---@param may_block boolean|nil true: allowed outside a task even with `nonblocking`
---@return table|nil err of kind `cancelled`: the caller runs in the closing variables of an ended task
function scheduler:enter(what, may_block)
  self:check_open(what)
  local task, co = self.current, running()
  if task and task._co == co then
    if task._closing then return cancelled_error "task was cancelled" end
    if not isyieldable() then
      errors.misuse("runloop: " .. what .. ": Lua cannot yield here (inside table.sort, string.gsub, require, on_event"
        .. " or another C function); make the call outside of it")
    end
  elseif task or self.turning then
    errors.misuse("runloop: " .. what .. ": a call would block the scheduler here; make it in a function given to"
      .. " client:spawn, not in another coroutine or a callback")
  elseif self.nonblocking and not may_block then
    errors.misuse("runloop: " .. what .. ": the client is nonblocking; make the call in a function given to"
      .. " client:spawn")
  end
  return nil
end

--- Whether code that need not wait may go on here: the cheap part of `enter` and `breathe`, for what is done for
--- every item.
function scheduler:may_take()
  local task = self.current
  if self.closed then return false end
  if task then
    return now() < self.slice_end and not task._closing and task._co == running() and isyieldable()
  end
  return not self.turning and not self.nonblocking
end

-- The current task, when the code that runs is its own.
function scheduler:task_here()
  local task = self.current
  if task and task._co == running() then return task end
  return nil
end

--- Gives way when the running task has used up its slice; for code that can go on without waiting.
function scheduler:breathe()
  local task = self.current
  if task and now() >= self.slice_end and task._co == running() and not task._closing and isyieldable() then
    self:enqueue(task)
    yield(WAIT)
  end
end

--- Waits until a transfer has news (see `transfer:want`).
---@param transfer userdata
---@param shared boolean|nil true: others may wait for it, so the end of this task does not end the transfer
function scheduler:await(transfer, shared)
  if transfer:want() then
    if self.closed then self:end_if_closed() end
    return
  end
  local task = self:task_here()
  if not task then
    local http = self.http
    repeat
      http:turn(nil)
      self:collect()
    until transfer:want()
    return
  end
  add_waiter(self, transfer:id(), task)
  task._wait, task._shared = transfer, shared
  task._transfer = not shared and transfer or nil
  -- Only now: what was allocated here may have run a finalizer that cancelled the other who waited.
  if transfer:want() then
    forget_waiter(self, transfer:id(), task)
    task._wait = nil
  else
    yield(WAIT)
  end
  task._transfer = nil
end

--- Waits for some seconds: in a task without holding up the rest, elsewhere by driving the transfers of all.
---@param seconds number
function scheduler:sleep(seconds)
  if self:end_if_closed() then return end
  local time = now() + seconds
  local task = self:task_here()
  if task then
    self:sleep_until(task, time)
    yield(WAIT)
    return
  end
  local left = seconds
  repeat
    self.http:turn(left > 0 and left or 0)
    self:collect()
    left = time - now()
  until left <= 0
end

-- The life of a task.

-- Whether somebody has got a failed task's error. What a cancelled task's closing variables raised, nobody gets.
local function is_handled(task)
  return task._awaited and task.status == "failed"
end

-- Whether there is an error that `report` has to tell of.
local function has_unhandled(self)
  local task = fifo.peek(self.unhandled)
  while task and is_handled(task) do
    fifo.pop(self.unhandled)
    task = fifo.peek(self.unhandled)
  end
  return task ~= nil
end

local function add_unhandled(self, task)
  if task._listed then return end
  has_unhandled(self) -- drops those that have been handled since
  task._listed = fifo.push(self.unhandled, task)
end

-- Somebody has got the error: the list need not keep it.
local function take_unhandled(self, task)
  if task._listed then fifo.leave(self.unhandled, task._listed) end
end

local function finish(self, task, status, results)
  task.status = status
  task._results = results
  task._co = nil -- who keeps the task keeps what it brought, not its stack
  self.tasks[task] = nil
  self.alive = self.alive - 1
  if self.alive == 0 then
    if self.most_alive > LARGE then self.tasks, self.sleepers, self.waiting = {}, {}, {} end
    self.most_alive = 0
  end
  if task._ended then task._ended(task) end
  local waiters = task._waiters
  task._waiters = nil
  if waiters then
    for i = 1, #waiters do self:wake(waiters[i]) end
  end
  if status == "failed" and not task._awaited and not (waiters and waiters[1]) then add_unhandled(self, task) end
end

-- Runs the to-be-closed variables of a coroutine that will not go on.
local function close_coroutine(self, task)
  if not coroutine.close then return true end
  local before = self.current
  self.current = task
  task._closing = true
  local ok, err = coroutine.close(task._co)
  self.current = before
  return ok, err
end

local function kill(self, task)
  abandon_wait(self, task, true)
  -- It may have ended in the meantime: nobody will look at what it brought.
  if task._transfer then task._transfer:release() end
  heap_remove(self.sleepers, task)
  -- What it waited for may have failed already: now it is nobody's.
  local joins = task._joins
  task._joins = nil
  if joins and joins.status == "failed" and not joins._awaited then add_unhandled(self, joins) end
  local ok, err = close_coroutine(self, task)
  finish(self, task, "cancelled", not ok and { err } or nil)
  if not ok then add_unhandled(self, task) end
end

local function settle(self, task, before, ok, first, ...)
  self.current = before
  if not ok then
    close_coroutine(self, task)
    finish(self, task, "failed", { first })
  elseif coroutine.status(task._co) == "dead" then
    finish(self, task, "done", { n = select("#", ...) + 1, first, ... })
  elseif task._cancel then
    kill(self, task)
  elseif first ~= WAIT then
    self.deferred[#self.deferred + 1] = task
  end
end

local function resume(self, task, time)
  if task.status ~= "running" then return end
  local before = self.current
  self.current = task
  local slice_end = time + SLICE
  self.slice_end = slice_end < self.stop and slice_end or self.stop
  local args = task._results
  if args then
    task._results = nil
    settle(self, task, before, coroutine.resume(task._co, unpack(args, 1, args.n)))
  else
    settle(self, task, before, coroutine.resume(task._co))
  end
end

--- Starts a task.
---@param fn function
---@return table task
function scheduler:spawn(fn, ...)
  self:check_open("spawn")
  local task = setmetatable({ _co = coroutine.create(fn), status = "running" }, self.task_mt)
  local n = select("#", ...)
  if n > 0 then task._results = { n = n, ... } end
  self.tasks[task] = true
  self.alive = self.alive + 1
  if self.alive > self.most_alive then self.most_alive = self.alive end
  if self.current or self.turning then
    self:enqueue(task)
  else
    local ok, err = pcall(resume, self, task, now())
    self.current = nil -- see `inside`
    if not ok then error(err, 0) end
  end
  return task
end

-- Resumes tasks from the queue until it is empty or `stop` (a time) has come; true when the queue is empty.
local function resume_queued(self, stop)
  local time = now()
  while self.first <= self.last do
    local task = self.queue[self.first]
    self.queue[self.first] = nil
    self.first = self.first + 1
    resume(self, task, time)
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

-- How long a turn may wait: not at all when a task can go on, else until the next sleeper is due.
local function patience(self, seconds)
  if self.first <= self.last or self.deferred[1] then return 0 end
  local sleeper = self.sleepers[1]
  if sleeper then
    local left = sleeper._wake - now()
    if left < 0 then left = 0 end
    if not seconds or left < seconds then return left end
  end
  return seconds
end

-- One round: sockets, then tasks, until nothing is left to do or the budget is spent. `until_done` (optional)
-- ends it early.
local function turn(self, seconds, budget, until_done)
  local http = self.http
  local wait = patience(self, seconds)
  local deferred = self.deferred
  if deferred[1] then
    self.deferred = {}
    for i = 1, #deferred do self:enqueue(deferred[i]) end
  end
  local busy = http:turn(wait)
  local stop = now() + budget * BUDGET_SHARE
  self.stop = stop
  while true do
    self:collect()
    local more = wake_due(self)
    local idle = resume_queued(self, stop)
    if self.closed or now() >= stop or (until_done and until_done()) then return end
    if idle and busy == 0 and not more then return end
    busy = http:turn(0)
  end
end

-- Runs `fn` marked as inside the scheduler, so that callbacks cannot start it again. An interrupt (Ctrl-C, a hook of
-- the host) may throw us out anywhere.
local function inside(self, fn, ...)
  local before, current = self.turning, self.current
  self.turning = true
  local ok, err = pcall(fn, self, ...)
  self.turning, self.current, self.stop = before, current, math.huge
  if not ok then error(err, 0) end
end

local function next_unhandled(self)
  return has_unhandled(self) and fifo.pop(self.unhandled) or nil
end

local function tell(self, task)
  self.on_error(task._results[1], task)
end

-- Tells the host of errors that nobody waited for: through on_error, or (where `raises`) by raising the oldest.
local function report(self, raises)
  if self.on_error then
    local task = next_unhandled(self)
    while task do
      inside(self, tell, task)
      task = next_unhandled(self)
    end
  elseif raises then
    local task = next_unhandled(self)
    if task then error(task._results[1], 0) end
  end
end

--- The same for what is left when the client is closed; raises what on_error raises.
function scheduler:report_rest()
  report(self, false)
end

-- Whether the tasks alive wait for nothing but each other, so that no turn would ever bring one of them further.
local function is_stuck(self)
  return self.alive > 0 and self.first > self.last and not self.deferred[1] and not self.sleepers[1]
    and next(self.waiting) == nil
end

local STUCK = "the tasks that are left wait for each other"

local function refuse_inside(self, what)
  if self.current or self.turning then
    errors.misuse("runloop: " .. what .. " cannot be called inside a task or another poll")
  end
end

--- One round of work; never blocks with seconds = 0.
---@param seconds number how long to wait for something to do
---@param budget number seconds of work after that
---@return integer alive
function scheduler:poll(seconds, budget)
  if self.closed then
    self:report_rest()
    return 0
  end
  refuse_inside(self, "poll")
  if self.alive == 0 or has_unhandled(self) then seconds = 0 end
  inside(self, turn, seconds, budget)
  report(self, true)
  return self.alive
end

--- Works until no task is left.
function scheduler:run()
  if self.closed then
    self:report_rest()
    return 0
  end
  refuse_inside(self, "run")
  while self.alive > 0 do
    inside(self, turn, nil, RUN_BUDGET)
    if self.on_error then report(self, false) end
    if is_stuck(self) then
      report(self, true)
      errors.misuse("runloop: run: " .. STUCK)
    end
  end
  report(self, true)
  return 0
end

-- Drives everything until `done()` is true or the time has come (by the core's clock); gives why it never would be.
local function drive_until(self, done, deadline)
  local left
  while not done() do
    if self.closed then return "client is closed" end
    if not deadline and is_stuck(self) then return STUCK end
    if left == 0 then return nil end -- after one turn at least
    left = deadline and math.max(0, deadline - now())
    inside(self, turn, left, RUN_BUDGET, done)
    if self.on_error then report(self, false) end
  end
  return nil
end

--- Drives everything until `done()` is true or the time has come; for `wait` and `map` outside a task.
---@param what string the call's name, for messages
---@param done function
---@param deadline number|nil time by the core's clock
---@param clean_up function called before anything is raised
function scheduler:drive(what, done, deadline, clean_up)
  local ok, problem = pcall(drive_until, self, done, deadline)
  if ok and not problem then return end
  clean_up()
  if not ok then error(problem, 0) end
  errors.misuse("runloop: " .. what .. ": " .. problem)
end

--- Seconds until the scheduler wants a turn, 0 when it has something to do now, nil when nothing is pending.
function scheduler:timeout()
  if self.closed then return nil end
  if has_unhandled(self) then return 0 end
  local wait = patience(self, nil)
  if wait == 0 then return 0 end
  local http = self.http:timeout()
  if not wait or (http and http < wait) then return http end
  return wait
end

--- Parks the running task until another piece of code calls `wake`.
---@param task table the running task
---@param abort function called with true when the task is cancelled, with false when its timer was first
function scheduler.park(_, task, abort)
  task._wait = abort
  yield(WAIT)
end

--- Cancels every task and stops; the HTTP core is closed by the client.
function scheduler:close()
  if self.closed then return end
  local more = true
  while more do -- closing variables may have started others
    local list = {}
    for task in pairs(self.tasks) do
      if not task._cancel then list[#list + 1] = task end
    end
    more = false
    for i = 1, #list do more = list[i]:cancel() or more end
  end
  self.closed = true
end

-- Methods of a task.

local function scheduler_of(task)
  return getmetatable(task).scheduler
end

local function check_task(task, method)
  local mt = getmetatable(task)
  if type(mt) ~= "table" or mt.__index ~= task_methods then
    errors.misuse("task:" .. method .. ": call it with a colon")
  end
end

local function outcome(task)
  task._awaited = true
  if task.status == "failed" then take_unhandled(scheduler_of(task), task) end
  local results = task._results
  if task.status == "done" then return unpack(results, 1, results.n) end
  if task.status == "failed" then error(results[1], 0) end
  return nil, cancelled_error "task was cancelled"
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
    if waiters[i] == waiter then return table.remove(waiters, i) end
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

-- Outside a task.
local function wait_outside(sched, task, deadline)
  task._awaited = true
  sched:drive("task:wait", function() return task.status ~= "running" end, deadline, function()
    task._awaited = nil
    if task.status == "failed" then add_unhandled(sched, task) end
  end)
  if task.status == "running" then task._awaited = nil end
end

local function wait_inside(sched, task, here, deadline)
  local function leave() remove_waiter(task, here) end
  task._waiters = task._waiters or {}
  table.insert(task._waiters, here)
  if deadline then sched:sleep_until(here, deadline) end
  here._joins = task
  if task.status == "running" then
    sched:park(here, leave)
  else -- ended by a finalizer that ran meanwhile
    heap_remove(sched.sleepers, here)
  end
  here._joins = nil
end

--- Waits for the task's end.
---@param seconds number|nil the longest wait; nil: for ever
---@return any ... what the task's function returned (raises again what it raised), or `nil, err` of kind `timeout`
--- or `cancelled`
function task_methods:wait(seconds)
  check_task(self, "wait")
  if seconds ~= nil and (type(seconds) ~= "number" or seconds < 0 or seconds ~= seconds) then
    errors.misuse("runloop: task:wait: argument 'seconds' must be a number of seconds, 0 or more")
  end
  if self.status ~= "running" then return outcome(self) end
  local sched = scheduler_of(self)
  local refused = sched:enter("task:wait", true)
  if refused then return nil, refused end
  local here, deadline = sched:task_here(), seconds and now() + seconds
  if not here then
    wait_outside(sched, self, deadline)
  else
    if here == self then errors.misuse("runloop: task:wait: a task cannot wait for itself") end
    if not deadline and waits_for(self, here) then
      errors.misuse("runloop: task:wait: the two tasks would wait for each other")
    end
    wait_inside(sched, self, here, deadline)
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
  if coroutine.status(self._co) == "suspended" then
    kill(scheduler_of(self), self)
  else
    self._cancel = true
  end
  return true
end

return { new = new }
