-- A client's part in the turns: who may wait, and how. Its tasks are in jobs.lua.

local core = require "runloop.core"
local coroutines = require "runloop.coroutines"
local errors = require "runloop.error"
local fifo = require "runloop.fifo"
local lazy = require "runloop.lazy"
local new_turns = require("runloop.turns").new

local error, getmetatable, pcall, setmetatable = error, getmetatable, pcall, setmetatable
local huge = math.huge

local now = core.now
local running, isyieldable = coroutines.running, coroutines.isyieldable

local MAIN = {} -- stands for the main coroutine, which has no name in Lua 5.1

local scheduler = {}

local scheduler_mt = { __name = "runloop.scheduler", __index = scheduler }

lazy.methods(scheduler, "jobs", {
  "sleep", "add_unseen", "forget_unseen", "has_unseen", "raise_unseen", "tell_unseen", "tell", "spawn", "detach",
  "can_detach", "tell_late", "join", "task_left", "drive", "poll", "run", "fds", "timeout", "end_closing",
  "tell_all", "close",
})

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
  local turns, problems = self.turns, self.problems
  if self.closed then self:check_open(what) end
  if turns.telling then
    errors.misuse(what .. ": cannot be called in on_event, which must not wait; call it later, or in a function given"
      .. " to client:spawn")
  end
  local task = turns.current
  if task and task._co == running() then
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
  if problems.first <= problems.last and not quiet and not self.helping[running() or MAIN] then
    self:raise_problem()
  end
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

-- Until when code that need not wait may go on here, by the core's clock: the cheap part of `enter` and `breathe`, for
-- what is done for every item; nil: it may not.
local function free_until(self)
  local turns, problems = self.turns, self.problems
  local task = turns.current
  if self.closed or turns.telling or problems.first <= problems.last then return nil end
  if task then
    return not task._closing and task._co == running() and isyieldable() and turns.slice_end or nil
  end
  return not (turns.turning or self.nonblocking) and huge or nil
end

--- Whether code that need not wait may go on here.
---@return boolean
function scheduler:may_take()
  local free = free_until(self)
  return free ~= nil and (free == huge or now() < free)
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
  local turns = self.turns
  local task = turns.current and self:task_here()
  if task then return turns:wait_for(task, transfer, shared) end
  repeat
    if turns:move(nil) == 0 or turns:has_tasks() then turns:collect() end
  until transfer:want()
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

--- The first task whose error nobody has seen. What a cancelled one's closing variables raised, nobody gets who waits
--- for it.
---@return table|nil task
function scheduler:first_unseen()
  local task = fifo.peek(self.unseen)
  while task and task._awaited and task.status == "failed" do
    fifo.pop(self.unseen)
    task = fifo.peek(self.unseen)
  end
  return task
end

--- Raises the first thing that on_event has raised and nobody has been told of.
function scheduler:raise_problem()
  local problem = fifo.peek(self.problems)
  if problem then core.raise(self.problems, self.problems.first, problem[1]) end
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

local function tell_rest(self)
  if self:first_unseen() or fifo.peek(self.problems) then self:tell_all() end
end

-- For a client that was dropped: somebody may have spawned and never polled. Before Lua 5.2 only userdata can tell.
function scheduler_mt:__gc()
  pcall(tell_rest, self)
end

function scheduler:watch_for_end()
  local newproxy = core.global "newproxy"
  if not newproxy then return end
  self.guard = newproxy(true)
  getmetatable(self.guard).__gc = function() scheduler_mt.__gc(self) end
end

return { free_until = free_until, new = new }
