-- A client's part in the turns: who may wait, its tasks, and the errors that nobody has seen yet.

local core = require "runloop.core"
local coroutines = require "runloop.coroutines"
local errors = require "runloop.error"
local fifo = require "runloop.fifo"
local new_task = require("runloop.task").new
local new_turns = require("runloop.turns").new

local error, getmetatable, ipairs, next, pairs, pcall = error, getmetatable, ipairs, next, pairs, pcall
local setmetatable, tostring = setmetatable, tostring

local now, within = core.now, core.within
local running, isyieldable = coroutines.running, coroutines.isyieldable
local warn = core.global "warn"

local MAIN = {} -- stands for the main coroutine, which has no name in Lua 5.1

local scheduler = {}

local scheduler_mt = { __name = "runloop.scheduler", __index = scheduler }

--- A scheduler over one HTTP core.
---@param http userdata the core's pool of transfers
---@param options { nonblocking: boolean, on_error: function|nil }
---@param other table|nil a scheduler whose turns are shared
---@return table
local function new(http, options, other)
  local self = setmetatable({
    http = http,
    turns = other and other.turns or new_turns(),
    nonblocking = options.nonblocking,
    scrub = nil, -- takes secrets out of a text; set when the client knows them
    on_error = options.on_error,
    closed = false, -- it takes no more calls, but those of the tasks that clean up
    closing_at = nil, -- when these are cancelled, by the core's clock, as long as there are any
    finished = false, -- they have ended, and so has the core
    jobs = {}, -- the set of them
    unseen = fifo.new(), -- tasks whose errors nobody has seen
    teller = false, -- the one of them that on_error is being told of
    problems = fifo.new(), -- `{ what on_event raised }`
    helping = setmetatable({}, { __mode = "k" }), -- the set of coroutines inside of `as_one`
  }, scheduler_mt)
  self.turns:join(self)
  self:watch_for_end()
  return self
end

-- Where the caller stands.

local function cancelled_error(what)
  return errors.new { kind = "cancelled", code = "CANCELLED", message = "the " .. what }
end

--- The current task, when the code that runs is its own.
---@return table|nil
function scheduler:task_here()
  local task = self.turns.current
  if task and task._co == running() then return task end
  return nil
end

-- Whether the client is closed for the code that runs: what cleans up may still call.
local function is_closed_here(self)
  if not self.closed then return false end
  local task = self.closing_at and self:task_here()
  return not (task and task._detached and task._scheduler == self)
end

--- For code that was let in and goes on after a callback or a wait: the error it ends with when the client has been
--- closed meanwhile. A task ends here.
---@return table|nil err of kind `cancelled`
function scheduler:end_if_closed()
  if not is_closed_here(self) then return nil end
  local task = self:task_here()
  if task then self.turns:end_here(task) end
  return cancelled_error "client was closed"
end

--- Raises unless the client is open.
---@param what string the call's name, for messages
function scheduler:check_open(what)
  if is_closed_here(self) then errors.misuse(what .. ": client is closed") end
end

--- Checks, before a call does anything, that it may wait here; raises what on_event has raised.
---@param what string the call's name, for messages
---@param may_block boolean|nil true: allowed outside a task even with `nonblocking`
---@param quiet boolean|nil true: a step within a call, which what on_event has raised must not change
---@return table|nil err of kind `cancelled`: the caller runs in the closing variables of an ended task
function scheduler:enter(what, may_block, quiet)
  local turns = self.turns
  self:check_open(what)
  if turns.telling then
    errors.misuse(what .. ": cannot be called in on_event, which must not wait; call it later, or in a function given"
      .. " to client:spawn")
  end
  local task, co = turns.current, running()
  if task and task._co == co then
    if task._closing then return cancelled_error "task was cancelled" end
    if not isyieldable() then
      errors.misuse(what .. ": Lua cannot yield here (inside table.sort, string.gsub, require or another C function);"
        .. " make the call outside of it")
    end
  elseif task or turns.turning then
    errors.misuse(what .. ": a call would block the scheduler here; make it in a function given to client:spawn, not"
      .. " in another coroutine or a callback")
  elseif self.nonblocking and not may_block then
    errors.misuse(what .. ": the client is nonblocking; make the call in a function given to client:spawn (of this"
      .. " client, or of one that shares its scheduler)")
  end
  if not quiet and not self.helping[co or MAIN] then self:raise_problem() end
  return nil
end

local function leave_call(self, co, ok, ...)
  self.helping[co] = nil
  if not ok then error((...), 0) end
  return ...
end

--- Calls what makes several calls and is one to its user: what on_event raises in between waits for the next.
---@param fn function
function scheduler:as_one(fn, ...)
  local co = running() or MAIN
  if self.helping[co] then return fn(...) end
  self.helping[co] = true
  return leave_call(self, co, pcall(fn, ...))
end

--- Whether a call here blocks the program until it is over: outside of tasks, where that is allowed.
---@return boolean
function scheduler:blocks_here()
  local turns = self.turns
  return not (self.closed or self.nonblocking or turns.current or turns.turning or turns.telling)
end

--- Whether code that need not wait may go on here: the cheap part of `enter` and `breathe`, for what is done for
--- every item.
---@return boolean
function scheduler:may_take()
  local turns = self.turns
  local task = turns.current
  if self.closed or turns.telling or self.problems.first <= self.problems.last then return false end
  if task then
    return now() < turns.slice_end and not task._closing and task._co == running() and isyieldable()
  end
  return not turns.turning and not self.nonblocking
end

-- Waits.

--- Gives way when the running task has used up its slice; for code that can go on without waiting.
function scheduler:breathe()
  local turns = self.turns
  local task = turns.current
  if task and now() >= turns.slice_end and task._co == running() and not task._closing and isyieldable() then
    turns:give_way(task)
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
  local turns, task = self.turns, self:task_here()
  if task then return turns:wait_for(task, transfer, shared) end
  repeat
    turns:move(nil)
    turns:collect()
  until transfer:want()
end

--- Waits for some seconds: in a task without holding up the rest, elsewhere by driving the transfers of all.
---@param seconds number
function scheduler:sleep(seconds)
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

--- Moves what is on its way without waiting, outside of tasks: while a loop's body works.
---@param turns_at_most integer
function scheduler:look(turns_at_most)
  local turns = self.turns
  for _ = 1, turns_at_most do
    if turns:move(0) == 0 then break end
  end
  turns:collect()
end

-- Errors that nobody has seen.

--- Keeps a task whose error nobody has got.
---@param task table
function scheduler:add_unseen(task)
  if not task._listed then task._listed = fifo.push(self.unseen, task) end
end

--- Somebody has got it.
---@param task table
function scheduler:forget_unseen(task)
  if task._listed then fifo.leave(self.unseen, task._listed) end
end

-- The first one. What a cancelled task's closing variables raised, nobody gets who waits for it.
local function first_unseen(self)
  local task = fifo.peek(self.unseen)
  while task and task._awaited and task.status == "failed" do
    fifo.pop(self.unseen)
    task = fifo.peek(self.unseen)
  end
  return task
end

--- Whether a poll would tell of something, or raise it.
---@return boolean
function scheduler:has_unseen()
  return first_unseen(self) ~= nil or fifo.peek(self.problems) ~= nil
end

--- Raises the first thing that on_event has raised and nobody has been told of.
function scheduler:raise_problem()
  local problem = fifo.peek(self.problems)
  if problem then core.raise(self.problems, self.problems.first, problem[1]) end
end

--- Raises the first error that nobody has seen.
function scheduler:raise_unseen()
  self:raise_problem()
  local task = first_unseen(self)
  if task then core.raise(self.unseen, self.unseen.first, task._results[1]) end
end

--- Tells on_error, if there is one, of the errors that nobody has seen. Raises what it raises.
function scheduler:tell_unseen()
  -- It may have closed the client, which tells of the rest.
  if self.teller then fifo.leave(self.unseen, self.teller._listed) end
  local task = self.on_error and first_unseen(self)
  while task do
    local ok, err = pcall(within, self.turns, "turning", true,
      within, self, "teller", task, self.on_error, task._results[1], task)
    fifo.leave(self.unseen, task._listed)
    if not ok then error(err, 0) end
    task = first_unseen(self)
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
end

local function call_on_event(self, on_event, fields, ...)
  local told, problem = pcall(on_event, fields(...))
  if not told then keep_problem(self, problem) end
end

--- Calls on_event, which cannot wait; what it raises changes nothing.
---@param on_event function
---@param fields function gives, with the rest, what it is called with
function scheduler:tell(on_event, fields, ...)
  pcall(within, self.turns, "telling", true, call_on_event, self, on_event, fields, ...)
end

-- Tasks.

local function add_task(self, detached, fn, ...)
  local task = new_task(self, fn, ...)
  if detached then
    task._detached = true
    self.jobs[task] = true
  end
  self.turns:begin(task)
  return task
end

--- Starts a task.
---@param fn function
---@return table task
function scheduler:spawn(fn, ...)
  self:check_open "client:spawn"
  if not coroutines.yields then
    errors.misuse("client:spawn: there are no tasks in Lua 5.1, whose pcall, metamethods and iterators cannot yield"
      .. " (LuaJIT's can, and those of 5.2 and later)")
  end
  return add_task(self, false, fn, ...)
end

--- Starts a task that cleans up. It belongs to the client: it goes on when the task that started it is cancelled, and
--- for some time when the client is closed. An error that it returns or raises and nobody waits for goes to on_error.
---@param fn function returns a value, or nil and an error
---@return table task
function scheduler:detach(fn, ...)
  if self.closed and not self.closing_at then errors.misuse "client is closed" end
  return add_task(self, true, function(...)
    local value, err = fn(...)
    if value == nil and err ~= nil then error(err, 0) end
    return value, err
  end, ...)
end

--- Whether what cleans up can still be started.
---@return boolean
function scheduler:can_detach()
  return not self.closed or self.closing_at ~= nil
end

--- Tells of what nobody can be told of by a call or a task.
---@param err any
function scheduler:tell_late(err)
  if self.on_error then
    pcall(self.on_error, err, nil)
  elseif warn then
    warn("runloop: ", tostring(err))
  end
end

--- Waits for a task's end, where that is possible, and leaves its error to on_error.
---@param task table
function scheduler:join(task)
  if pcall(task.wait, task) or task.status ~= "failed" then return end
  task._awaited = nil
  self:add_unseen(task)
end

--- A task has ended.
---@param task table
function scheduler:task_left(task)
  self.jobs[task] = nil
end

--- A loop takes a step of a list: where `break` closes nothing, the list is closed when the task ends whose loop it is,
--- unless others take steps of it, too.
---@param list table has `close`, and keeps `_looper`
function scheduler:loops_over(list)
  local task, before = self:task_here(), list._looper
  if task == before then return end
  if before == nil then
    task._lists = task._lists or {}
    task._lists[list] = true
    list._looper = task
  elseif before then
    if before._lists then before._lists[list] = nil end
    list._looper = false
  end
end

--- Drives everything until `done()` is true or the time has come; for `wait` and `map` outside a task.
---@param what string the call's name, for messages
---@param done function
---@param deadline number|nil time by the core's clock
---@param clean_up function called before anything is raised
function scheduler:drive(what, done, deadline, clean_up)
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
function scheduler:poll(seconds, budget)
  if self.finished then
    self:tell_unseen()
    if not self.turns:is_inside() then self:raise_unseen() end
    return 0
  end
  return self.turns:poll(seconds, budget)
end

--- Works until no task is left.
---@return integer alive 0
function scheduler:run()
  if self.finished then return self:poll(0, 0) end
  return self.turns:run()
end

--- The descriptors that an event loop should watch.
---@return { fd: integer, events: string }[]
function scheduler:fds()
  local all = {}
  for _, http in ipairs(self.turns.https) do
    for _, each in ipairs(http:fds()) do all[#all + 1] = each end
  end
  return all
end

--- Seconds until a turn is wanted, 0 when there is something to do now, nil when nothing is pending.
---@return number|nil
function scheduler:timeout()
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

local function finish(self)
  self.closed = true
  local ok, err = pcall(cancel_tasks, self, true)
  self.http:close() -- come what may
  self.turns:let_go(self)
  self.finished, self.closing_at = true, nil
  if not ok then error(err, 0) end
end

--- Ends the closing when what cleans up has ended, or its time is over.
function scheduler:end_closing()
  if self.closing_at and self.closed and (next(self.jobs) == nil or now() >= self.closing_at) then finish(self) end
end

-- All that nobody has seen, in order; it counts as seen.
local function take_unseen(self)
  local all = {} -- each in a table of its own: it may be nil
  while fifo.peek(self.problems) do all[#all + 1] = fifo.pop(self.problems) end
  while first_unseen(self) do all[#all + 1] = { fifo.pop(self.unseen)._results[1] } end
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

-- Tells on_error of all that nobody has seen, whatever it raises: that is returned, `{ the first }`.
local function tell_all(self)
  local raised, task
  repeat
    local before = task
    task = first_unseen(self)
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
function scheduler:close(seconds, may_raise)
  local inside = self.turns:is_inside()
  local ok, err = true, nil
  if not self.finished then
    self.closing_at = self.closing_at or now() + seconds
    ok, err = pcall(cancel_tasks, self, false)
    self.closed = true
    local here = self:task_here()
    if not ok or next(self.jobs) == nil and not (here and here._scheduler == self) then -- which may yet clean up
      finish(self)
    elseif not inside then
      ok, err = pcall(self.turns.drive, self.turns, self, function() return self.finished end, self.closing_at)
      if not self.finished then finish(self) end
    end
  end
  if not ok then error(err, 0) end
  local raised = tell_all(self)
  if raised and may_raise then error(raised[1], 0) end
  if raised then warn_of(raised[1]) end
  if inside then return end -- the turn's end, or the next poll, tells of them
  if may_raise then raise_rest(take_unseen(self)) else warn_rest(take_unseen(self), 1) end
end

-- For a client that was dropped: somebody may have spawned and never polled. Before Lua 5.2 only userdata can tell.
function scheduler_mt:__gc()
  pcall(tell_all, self)
end

function scheduler:watch_for_end()
  local newproxy = core.global "newproxy"
  if not newproxy then return end
  self.guard = newproxy(true)
  getmetatable(self.guard).__gc = function() scheduler_mt.__gc(self) end
end

return { new = new }
