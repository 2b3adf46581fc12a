-- A client's tasks, the errors that nobody has seen yet, and its end: what scheduler.lua leaves out.

local core = require "runloop.core"
local coroutines = require "runloop.coroutines"
local errors = require "runloop.error"
local fifo = require "runloop.fifo"
local new_task = require("runloop.task").new

local error, ipairs, next, pairs, pcall, tostring = error, ipairs, next, pairs, pcall, tostring
local concat, sort = table.concat, table.sort

local changed, now, within = core.changed, core.now, core.within
local warn = core.global "warn"

local jobs = {}

--- Waits for some seconds: in a task without holding up the rest, elsewhere by driving the transfers of all.
---@param seconds number
function jobs:sleep(seconds)
  if self:end_if_closed() then return end
  local turns, time = self.turns, now() + seconds
  local task = self:task_here()
  if task then return turns:sleep_until(task, time) end
  local left = seconds
  repeat
    turns:move(left > 0 and left or 0)
    turns:collect()
    left = time - now()
  until left <= 0
end

-- Errors that nobody has seen.

--- Keeps a task whose error nobody has got.
---@param task table
function jobs:add_unseen(task)
  if not task._listed then task._listed = fifo.push(self.unseen, task) end
end

--- Somebody has got it.
---@param task table
function jobs:forget_unseen(task)
  if task._listed then fifo.leave(self.unseen, task._listed) end
end

--- Whether a poll would tell of something, or raise it.
---@return boolean
function jobs:has_unseen()
  return self:first_unseen() ~= nil or fifo.peek(self.problems) ~= nil
end

--- Raises the first error that nobody has seen.
function jobs:raise_unseen()
  self:raise_problem()
  local task = self:first_unseen()
  if task then core.raise(self.unseen, self.unseen.first, task._results[1]) end
end

--- Tells on_error, if there is one, of the errors that nobody has seen. Raises what it raises.
function jobs:tell_unseen()
  -- It may have closed the client, which tells of the rest.
  if self.teller then fifo.leave(self.unseen, self.teller._listed) end
  local task = self.on_error and self:first_unseen()
  while task do
    local ok, err = pcall(within, self.turns, "turning", true,
      within, self, "teller", task, self.on_error, task._results[1], task)
    fifo.leave(self.unseen, task._listed)
    if not ok then error(err, 0) end
    task = self:first_unseen()
  end
end

-- What on_event raised goes to on_error at once, or waits for the client's next call.
local function keep_problem(self, problem)
  if self.on_error then
    local ok, err = pcall(self.on_error, problem, nil)
    if ok then return end
    problem = err
  end
  fifo.push(self.problems, { problem })
  changed()
end

local function call_on_event(self, on_event, fields, ...)
  local told, problem = pcall(on_event, fields(...))
  if not told then keep_problem(self, problem) end
end

--- Calls on_event, which cannot wait; what it raises changes nothing.
---@param on_event function
---@param fields function gives, with the rest, what it is called with
function jobs:tell(on_event, fields, ...)
  pcall(within, self.turns, "telling", true, call_on_event, self, on_event, fields, ...)
end

-- Tasks.

local function add_task(self, cleans, fn, ...)
  local task = new_task(self, fn, ...)
  if cleans then
    task._detached = cleans
    self.jobs[task] = true
  end
  self.turns:begin(task)
  return task
end

--- Starts a task.
---@param fn function
---@return table task
function jobs:spawn(fn, ...)
  self:check_open "client:spawn"
  if not coroutines.yields then
    errors.misuse("client:spawn: there are no tasks in Lua 5.1, whose pcall, metamethods and iterators cannot yield"
      .. " (LuaJIT's can, and those of 5.2 and later)")
  end
  return add_task(self, nil, fn, ...)
end

--- Starts a task that cleans up. It belongs to the client: it goes on when the task that started it is cancelled, and
--- for some time when the client is closed. An error that it returns or raises and nobody waits for goes to on_error.
---@param what string for messages: what it is about
---@param fn function returns a value, or nil and an error
---@return table task
function jobs:detach(what, fn, ...)
  if self.closed and not self.closing_at then errors.misuse "client is closed" end
  return add_task(self, what, function(...)
    local value, err = fn(...)
    if value == nil and err ~= nil then error(err, 0) end
    return value, err
  end, ...)
end

--- Whether what cleans up can still be started.
---@return boolean
function jobs:can_detach()
  return not self.closed or self.closing_at ~= nil
end

--- Tells of what nobody can be told of by a call or a task.
---@param err any
function jobs:tell_late(err)
  if self.on_error then
    pcall(self.on_error, err, nil)
  elseif warn then
    warn("runloop: ", tostring(err))
  end
end

--- Waits for a task's end, where that is possible, and leaves its error to on_error.
---@param task table
function jobs:join(task)
  if pcall(task.wait, task) or task.status ~= "failed" then return end
  task._awaited = nil
  self:add_unseen(task)
end

--- A task has ended.
---@param task table
function jobs:task_left(task)
  self.jobs[task] = nil
end

--- Drives everything until `done()` is true or the time has come; for `wait` and `map` outside a task.
---@param what string the call's name, for messages
---@param done function
---@param deadline number|nil time by the core's clock
---@param clean_up function called before anything is raised
function jobs:drive(what, done, deadline, clean_up)
  local ok, problem = pcall(self.turns.drive, self.turns, self, done, deadline)
  if ok and not problem then return end
  clean_up()
  if not ok then error(problem, 0) end
  errors.misuse(what .. ": " .. problem)
end

--- One round of work.
---@param seconds number
---@param budget number
---@return integer alive
function jobs:poll(seconds, budget)
  if self.finished then
    self:tell_unseen()
    if not self.turns:is_inside() then self:raise_unseen() end
    return 0
  end
  return self.turns:poll(seconds, budget)
end

--- Works until no task is left.
---@return integer alive 0
function jobs:run()
  if self.finished then return self:poll(0, 0) end
  return self.turns:run()
end

--- The descriptors that an event loop should watch.
---@return { fd: integer, events: string }[]
function jobs:fds()
  local all = {}
  for _, http in ipairs(self.turns.https) do
    for _, each in ipairs(http:fds()) do all[#all + 1] = each end
  end
  return all
end

--- Seconds until a turn is wanted, 0 when there is something to do now, nil when nothing is pending.
---@return number|nil
function jobs:timeout()
  return self.turns:timeout()
end

-- The end.

-- Cancels the client's tasks, and those that their closing variables start meanwhile.
local function cancel_tasks(self, jobs_too)
  local more = true
  while more do
    local list = {}
    for task in pairs(self.turns.tasks) do
      if task._scheduler == self and not task._cancel and (jobs_too or not task._detached) then
        list[#list + 1] = task
      end
    end
    more = false
    for i = 1, #list do more = list[i]:cancel() or more end
  end
end

-- What the tasks that still clean up are about: something may be left that costs money.
local function unfinished_jobs(self)
  local names = {}
  for task in pairs(self.jobs) do
    if task.status == "running" then names[#names + 1] = task._detached end
  end
  sort(names)
  return names
end

-- Nobody is let in from now on.
local function shut(self)
  self.closed = true
  changed()
end

local function finish(self)
  shut(self)
  local left = unfinished_jobs(self)
  local ok, err = pcall(cancel_tasks, self, true)
  self.http:close() -- come what may
  self.turns:let_go(self)
  self.finished, self.closing_at = true, nil
  if left[1] then
    keep_problem(self, errors.new {
      kind = "cancelled", code = "CANCELLED",
      message = "the client was closed before all was cleaned up: " .. concat(left, ", "),
    })
  end
  if not ok then error(err, 0) end
end

--- Ends the closing when what cleans up has ended, or its time is over.
function jobs:end_closing()
  if self.closing_at and self.closed and (next(self.jobs) == nil or now() >= self.closing_at) then finish(self) end
end

-- All that nobody has seen, in order; it counts as seen.
local function take_unseen(self)
  local all = {} -- each in a table of its own: it may be nil
  while fifo.peek(self.problems) do all[#all + 1] = fifo.pop(self.problems) end
  while self:first_unseen() do all[#all + 1] = { fifo.pop(self.unseen)._results[1] } end
  return all
end

local function warn_of(err)
  local ok, text = pcall(tostring, err)
  if warn then warn("runloop: an error that nobody has seen: ", ok and text or "?") end
end

local function warn_rest(rest, from)
  for i = from, #rest do warn_of(rest[i][1]) end
end

local function raise_rest(rest)
  if not rest[1] then return end
  local first, said = errors.counted(rest[1][1], #rest)
  if not said then warn_rest(rest, 2) end
  error(first, 0)
end

--- Tells on_error of all that nobody has seen, whatever it raises.
---@return table? raised `{ the first }`
function jobs:tell_all()
  local raised, task
  repeat
    local before = task
    task = self:first_unseen()
    local ok, problem = pcall(self.tell_unseen, self)
    if not ok then raised = raised or { problem } end
  until ok or task == before
  return raised
end

--- Cancels the client's tasks and what is in flight. What cleans up goes on: here for some seconds, or, inside of a
--- task or a callback, in the turns that follow. Everything is freed before an error is raised or told that nobody has
--- seen.
---@param seconds number
---@param may_raise boolean false: another error is on its way already
function jobs:close(seconds, may_raise)
  local inside = self.turns:is_inside()
  local ok, err = true, nil
  if not self.finished then
    self.closing_at = self.closing_at or now() + seconds
    ok, err = pcall(cancel_tasks, self, false)
    shut(self)
    local here = self:task_here()
    if not ok or next(self.jobs) == nil and not (here and here._scheduler == self) then -- which may yet clean up
      finish(self)
    elseif not inside then
      ok, err = pcall(self.turns.drive, self.turns, self, function() return self.finished end, self.closing_at)
      if not self.finished then finish(self) end
    end
  end
  if not ok then error(err, 0) end
  local raised = self:tell_all()
  if raised and may_raise then error(raised[1], 0) end
  if raised then warn_of(raised[1]) end
  if inside then return end -- the turn's end, or the next poll, tells of them
  if may_raise then raise_rest(take_unseen(self)) else warn_rest(take_unseen(self), 1) end
end

return jobs
