-- Waiting for the platform, by looks at intervals or by polls that the server holds.

local core = require "runloop.core"
local errors = require "runloop.error"
local lazy = require "runloop.lazy"

local retry = lazy.module "retry"

local error, getmetatable, pairs, pcall, select = error, getmetatable, pairs, pcall, select
local setmetatable, type = setmetatable, type
local floor, max, min = math.floor, math.max, math.min
local format = string.format

local now = core.now
local unpack = table.unpack or unpack -- luacheck: compat
local pack = table.pack or function(...) return { n = select("#", ...), ... } end -- luacheck: compat

local await = {}

local MIN_INTERVAL = 0.01 -- seconds between two polls, whatever the user asks for
local MIN_ANSWER_GAP = 0.1 -- seconds between two long polls, however fast the server answers
local HOLD_MARGIN = 5 -- seconds a held answer may be late before the attempt counts as lost
local MAX_FAULTS = 5 -- answers in a row that say the server is in trouble

-- One wait: its clock, what is left of its timeout whatever it waits for, and the last view it has seen.
local watch = {}
local watch_mt = { __index = watch }

--- A wait that begins now.
---@param context table of the resource
---@param spec table checked await options
---@param options table? call options
---@param what string? what messages call it
---@return table
function await.new(context, spec, options, what)
  local timeout = spec.timeout
  if options and options.deadline and options.deadline < timeout then timeout = options.deadline end
  return setmetatable({
    api = context.api, transport = context.transport, spec = spec, options = options, what = what,
    stop = now() + timeout, timeout = timeout, last = nil, begun = false,
  }, watch_mt)
end

function watch:left()
  return self.stop - now()
end

--- A view that a call has brought.
---@param view table
function watch:see(view)
  self.last = view
  if self.spec.on_poll then self.spec.on_poll(view) end
end

local function timeout_message(self)
  return self.what .. ": not there after " .. errors.number_text(self.timeout) .. " seconds"
end

--- The error of a wait whose time is over.
---@return nil, table err
function watch:timed_out()
  return nil, errors.new { kind = "timeout", code = "AWAIT", last = self.last, message = timeout_message(self) }
end

local function wrong_state(self, view, state)
  if type(state) ~= "string" then
    return nil, errors.new {
      kind = "decode", code = "SHAPE", last = view, message = self.what .. ": the answer does not say its state",
    }
  end
  return nil, errors.new {
    kind = "state", code = state, last = view, message = format("%s: ended in state '%s'", self.what, state),
  }
end

-- Waits for the next look, at most as long as there is time; an error when the client was closed meanwhile.
local function pause(self, seconds)
  local scheduler = self.transport.scheduler
  scheduler:sleep(max(0, min(seconds, self:left())))
  local ended = scheduler:end_if_closed()
  if ended then ended.last = self.last end
  return ended
end

--- The user's call options with what a wait decides over them, in a new table. A helper makes several calls: a key and
--- a body that the user gave belong to the first of them only.
---@param over table?
---@return table
function watch:call_options(over)
  local copy = {}
  for name, value in pairs(self.options or {}) do copy[name] = value end
  -- An option must be more than 0; a deadline that is too close to begin fails as one that has passed.
  copy.deadline = max(self:left(), 1e-6)
  if self.begun then copy.idempotency_key, copy.body = nil, nil end
  self.begun = true
  for name, value in pairs(over or {}) do copy[name] = value end
  return copy
end

--- The error of a call inside a wait: the wait's own timeout when it was its deadline that ended the call.
---@param err table
---@return nil, table err
function watch:failed(err)
  if err.code == "DEADLINE" then err.code, err.message = "AWAIT", timeout_message(self) end
  err.last = self.last
  return nil, err
end

--- Looks again and again, until what is seen is what is waited for.
---@param look fun(options: table): table?, table one call; nil, err ends the wait
---@param judge fun(view: table): boolean?, any true: it is there; false: not yet; nil and the state: it never will be
---@return table? view, table response_or_err
function watch:poll(look, judge)
  while true do
    if self:left() <= 0 then return self:timed_out() end
    local view, response = look(self:call_options())
    if not view then return self:failed(response) end
    self:see(view)
    local there, state = judge(view)
    if there then return view, response end
    if there == nil then return wrong_state(self, view, state) end
    local ended = pause(self, max(self.spec.interval, MIN_INTERVAL))
    if ended then return nil, ended end
  end
end

-- How long after a failed long poll the next one may come; nil when the error stands.
local function after_failure(self, err, failures)
  if not err.retryable then return nil end
  if (err.kind == "api" or err.kind == "tls") and failures > MAX_FAULTS then return nil end
  local transport = self.transport
  local wait, asked = retry.wait(failures - 1, err.headers, transport.options.max_retry_wait, core.time(),
    core.random())
  if not wait then return nil end
  wait = max(MIN_ANSWER_GAP, min(wait, self:left()))
  transport:hold_back(err, wait, asked)
  return wait
end

--- Waits by long polls, which the server holds until there is something to say or answers with 408.
---@param max_hold integer seconds that the server holds one at most
---@param look fun(hold: integer, options: table): table?, table one call
---@param judge fun(view: table): boolean?, any as `poll` takes it
---@return table? view, table response_or_err
function watch:hold(max_hold, look, judge)
  local failures = 0
  while true do
    local remaining = self:left()
    if remaining <= 0 then return self:timed_out() end
    local hold = max(1, min(max_hold, floor(remaining)))
    local began = now()
    local view, response = look(hold, self:call_options { timeout = hold + HOLD_MARGIN, max_retries = 0 })
    local wait = max(MIN_ANSWER_GAP, self.spec.interval - (now() - began))
    if view then
      failures = 0
      self:see(view)
      local there, state = judge(view)
      if there then return view, response end
      if there == nil then return wrong_state(self, view, state) end
    elseif response.status == 408 then
      failures = 0
    else
      failures = failures + 1
      wait = after_failure(self, response, failures)
      if not wait then return self:failed(response) end
    end
    local ended = pause(self, wait)
    if ended then return nil, ended end
  end
end

local function once(_, done)
  if not done then return true end
end

--- Calls `fn`, and `last` behind it, whatever ended `fn`. A task that is cancelled is closed where it waits: there only
--- a to-be-closed variable hears of it, which a `for` has in every Lua that has any.
---@param fn fun(): ...
---@param last fun()
---@return ... what `pcall(fn)` returned
function await.finally(fn, last)
  local is_due, results = true, nil
  local function finish()
    if not is_due then return end
    is_due = false
    last()
  end
  for _ in once, nil, nil, setmetatable({}, { __close = finish }) do
    results = pack(pcall(fn))
  end
  finish()
  return unpack(results, 1, results.n)
end

--- A thing in a message.
---@param thing table
---@return string
function await.name_of(thing)
  local mt = getmetatable(thing)
  return mt.kind .. " " .. thing[mt.class.id]
end

--- Cleans up whatever becomes of who asked for it. Outside of a task the program waits for it, since it may be at its
--- end.
---@param scheduler table
---@param what string for messages: what it is about
---@param fn fun(): any, any
function await.clean_up(scheduler, what, fn)
  if not scheduler:can_detach() then
    return scheduler:tell_late(errors.new {
      kind = "cancelled", code = "CANCELLED", message = what .. ": not cleaned up, since the client is closed",
    })
  end
  local task = scheduler:detach(what, fn)
  if scheduler:blocks_here() then
    scheduler:drive(what, function() return task.status ~= "running" end, nil, function() end)
  end
end

--- Begins what must not be left alone: in a task it is begun by one that cleans up, which goes on when the task is
--- cancelled before the answer has come, and then undoes what was begun.
---@param scheduler table
---@param what string for messages: what it is about until there is a thing
---@param begin fun(): any, any
---@param undo fun(thing: any): any, any
---@return any thing, any response_or_err as `begin` has returned them
function await.begin(scheduler, what, begin, undo)
  if not scheduler:task_here() then return begin() end
  local abandoned, taken, thing, response = false, false, nil, nil
  local job
  job = scheduler:detach(what, scheduler.as_one, scheduler, function()
    thing, response = begin()
    if thing == nil or not abandoned then return true end
    job._detached = await.name_of(thing)
    return undo(thing)
  end)
  local went_on, problem = await.finally(function()
    local _, err = job:wait()
    response = response or err -- it was cancelled, as its client was closed, which is not this task's
    taken = true
  end, function()
    abandoned = not taken
    if abandoned and thing ~= nil and scheduler:can_detach() then
      scheduler:detach(await.name_of(thing), undo, thing)
    end
  end)
  if went_on then return thing, response end
  if type(problem) == "string" then errors.misuse(problem) end -- whose place is in this task
  error(problem, 0)
end

--- Makes something and waits for it. What was made is never lost: the error carries it. With `cancel_on_failure` it is
--- taken away again, also when the task that waits is cancelled.
---@param self table a wait
---@param steps table
---  begin(options) -> thing, response
---  wait(watch, thing) -> view, response
---  undo(thing, options) -> value or nil, err
---  field   of the error that carries the thing; default "created"
---  result(thing, view): what is returned; default: the view
---@return any value, table response_or_err
function await.create(self, steps)
  local scheduler, settled, job = self.transport.scheduler, false, nil
  local function undo(thing)
    local unhurried = self:call_options()
    unhurried.deadline = nil -- the wait has used it up
    return steps.undo(thing, unhurried)
  end
  local may_undo = self.spec.cancel_on_failure
  local function begin()
    local thing, response = steps.begin(self:call_options())
    if not thing or errors.is_id(thing[getmetatable(thing).class.id]) then return thing, response end
    return nil, errors.without_id(self.what, response)
  end
  local thing, response
  if may_undo then thing, response = await.begin(scheduler, self.what, begin, undo) else thing, response = begin() end
  if not thing then return self:failed(response) end
  local went_on, view, err = await.finally(function()
    local seen, why = steps.wait(self, thing)
    settled = seen ~= nil or why.kind ~= "cancelled"
    return seen, why
  end, function()
    if not settled and may_undo and scheduler:can_detach() then
      job = scheduler:detach(await.name_of(thing), undo, thing)
    end
  end)
  if not went_on then -- `on_poll` has raised
    if job then scheduler:join(job) end
    error(view, 0)
  end
  if view then
    if steps.result then return steps.result(thing, view), response end
    return view, err
  end
  err[steps.field or "created"] = thing
  if may_undo and settled then
    local undone, undo_err = undo(thing)
    if not undone then err.cancel_error = undo_err end
  end
  return nil, err
end

return await
