-- client:map: a bounded number of tasks that share one source.

local core = require "runloop.core"
local fifo = require "runloop.fifo"

local error, next, pairs, pcall, setmetatable = error, next, pairs, pcall, setmetatable

local function new_map(scheduler, pull, fn, options, at_hand)
  return {
    scheduler = scheduler,
    fn = fn,
    concurrency = options.concurrency,
    pull = pull,
    at_hand = at_hand, -- true: that neither waits nor raises
    holder = nil, -- the worker that asks the source, which may wait: only one at a time
    gate = fifo.new(), -- those that would like to, in order
    taken = 0, -- items
    ended = false, -- there are no more
    source_err = nil, -- and why
    results = options.results and setmetatable({}, core.array_mt) or nil,
    succeeded = 0,
    errors = nil, -- index -> err
    workers = {}, -- the set of those alive
    started = 0, -- workers ever
    caller = scheduler:task_here(),
    waiting = false, -- the caller does, in a task
    broken = nil, -- { why a worker died }: there was no memory for it
  }
end

local function leave_gate(self)
  self.holder = fifo.pop(self.gate)
  if self.holder then self.scheduler.turns:wake(self.holder) end
end

local function enter_gate(self, worker)
  if not self.holder then
    self.holder = worker
    return
  end
  local place = fifo.push(self.gate, worker)
  self.scheduler.turns:park(worker, function() fifo.leave(self.gate, place) end)
end

-- What the source gives, or nil and why there is nothing.
local function ask(self)
  if self.at_hand then return self.pull() end
  local ok, value, err = pcall(self.pull)
  if ok then return value, err end
  return nil, value
end

-- The next item and its index; nil when the source has ended.
local function next_item(self)
  if self.ended then return nil end
  local item, err = ask(self)
  if item == nil then
    self.ended, self.source_err = true, err
    return nil
  end
  self.taken = self.taken + 1
  return item, self.taken
end

-- The same, when it is the worker's turn to ask.
local function take(self)
  if self.at_hand then return next_item(self) end
  enter_gate(self, self.scheduler:task_here())
  local item, index = next_item(self)
  leave_gate(self)
  return item, index
end

local function keep(self, index, ok, value, err)
  if not ok then value, err = nil, value end
  if not ok or (value == nil and err ~= nil) then
    self.errors = self.errors or {}
    self.errors[index] = err == nil and "unknown error" or err
    return
  end
  self.succeeded = self.succeeded + 1
  if self.results then self.results[index] = value end
end

local function is_over(self)
  return next(self.workers) == nil or self.broken ~= nil
end

-- May come twice.
local function worker_ended(self, worker)
  self.workers[worker] = nil
  if worker.status == "failed" then
    worker._awaited = true
    self.broken = self.broken or { worker._results[1] }
  end
  if self.waiting and is_over(self) then self.scheduler.turns:wake(self.caller) end
end

local work

local function start_worker(self)
  self.started = self.started + 1
  local worker = self.scheduler:spawn(work, self) -- the first one may run at once, and start the second
  self.workers[worker] = true
  worker._ended = function() worker_ended(self, worker) end
  if worker.status ~= "running" then worker_ended(self, worker) end
end

function work(self)
  while true do
    local item, index = take(self)
    if item == nil then break end
    -- There was an item, so there may be more: one more worker looks, until there are enough.
    if self.scheduler.closed then return end -- by the source or by a function: whoever called map hears of it
    if self.started < self.concurrency and not self.ended then start_worker(self) end
    keep(self, index, pcall(self.fn, item, index))
    self.scheduler:breathe()
  end
end

local function cancel_workers(self)
  self.ended = true -- one of them may be running, and cancelled only at its next wait
  local list = {}
  for worker in pairs(self.workers) do list[#list + 1] = worker end
  for i = 1, #list do list[i]:cancel() end
end

local function run(self)
  local function abort()
    self.waiting = false
    cancel_workers(self)
  end
  start_worker(self)
  if not self.caller then
    self.scheduler:drive("client:map", function() return is_over(self) end, nil, abort)
  elseif not is_over(self) then
    self.waiting = true
    self.scheduler.turns:park(self.caller, abort)
    self.waiting = false
  end
  self.scheduler:check_open "client:map" -- what closed it has cancelled workers, or left none that waited
  if self.broken then error(self.broken[1], 0) end
end

--- Runs `fn` for every item of a source.
---@param scheduler table
---@param pull fun(): any, any gives the next item, or nil and why there is none
---@param fn function
---@param options { concurrency: integer, results: boolean }
---@param at_hand boolean|nil true: `pull` neither waits nor raises
---@return table|integer results, table|nil errors, any source_err, integer n
return function(scheduler, pull, fn, options, at_hand)
  local self = new_map(scheduler, pull, fn, options, at_hand)
  local ok, problem = pcall(run, self)
  if not ok then
    cancel_workers(self)
    error(problem, 0)
  end
  return self.results or self.succeeded, self.errors, self.source_err, self.taken
end
