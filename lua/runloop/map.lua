-- client:map: a bounded number of tasks that share one source.

local fifo = require "runloop.fifo"

-- The source as something that, called, gives the next item, or nil and why there is none.
local function puller(source, source_kind)
  if source_kind == "pager" then return function() return source:next() end end
  if source_kind == "iterator" then return source end
  local index = 0
  return function()
    index = index + 1
    return source[index]
  end
end

-- Only one worker at a time may ask the source, which may wait; the others queue up here, in order.
local function new_gate(scheduler)
  local holder, queue = nil, fifo.new()
  local function leave()
    holder = fifo.pop(queue)
    if holder then scheduler:wake(holder) end
  end
  local function enter(task)
    if not holder then
      holder = task
      return
    end
    local place = fifo.push(queue, task)
    scheduler:park(task, function() fifo.leave(queue, place) end)
  end
  return enter, leave
end

--- Runs `fn` for every item of a source.
---@param scheduler table
---@param source table|function
---@param source_kind "pager"|"iterator"|"array"
---@param fn function
---@param options { concurrency: integer, results: boolean }
---@return table|integer results, table|nil errors, any source_err
return function(scheduler, source, source_kind, fn, options)
  local pull = puller(source, source_kind)
  local enter_gate, leave_gate = new_gate(scheduler)
  local results, succeeded = {}, 0
  local errors, source_err
  local taken, workers, started, alive = 0, {}, 0, 0
  local ended = false
  local caller = scheduler:task_here()
  local waiting = false
  local broken, why_broken = false, nil -- a worker died: there was no memory for it

  -- The next item and its index; nil when the source has ended.
  local function take()
    enter_gate(scheduler:task_here())
    if ended then
      leave_gate()
      return nil
    end
    local ok, item, err = pcall(pull)
    if not ok then item, err = nil, item end
    if item == nil then
      ended, source_err = true, err
      leave_gate()
      return nil
    end
    taken = taken + 1
    local index = taken
    leave_gate()
    return item, index
  end

  local function keep(index, ok, value, err)
    if not ok then value, err = nil, value end
    if not ok or (value == nil and err ~= nil) then
      errors = errors or {}
      errors[index] = err == nil and "unknown error" or err
      return
    end
    succeeded = succeeded + 1
    if options.results then results[index] = value end
  end

  local function is_over()
    return alive == 0 or broken
  end

  local function worker_ended(worker)
    if worker.status == "cancelled" then return end -- and so is the map, or the client is closed
    alive = alive - 1
    if worker.status == "failed" and not broken then
      worker._awaited = true
      broken, why_broken = true, worker._results[1]
    end
    if waiting and is_over() then
      waiting = false
      scheduler:wake(caller)
    end
  end

  local work
  local function start_worker()
    started, alive = started + 1, alive + 1
    local worker = scheduler:spawn(work) -- the first one may run at once, and start the second
    workers[#workers + 1] = worker
    worker._ended = worker_ended
    if worker.status ~= "running" then worker_ended(worker) end
  end

  function work()
    while true do
      local item, index = take()
      if item == nil then break end
      -- There was an item, so there may be more: one more worker looks, until there are enough.
      if started < options.concurrency and not ended then start_worker() end
      keep(index, pcall(fn, item, index))
      scheduler:breathe()
    end
  end

  local function cancel_workers()
    ended = true -- one of them may be running, and cancelled only at its next wait
    for i = 1, #workers do workers[i]:cancel() end
  end

  start_worker()
  if not caller then
    scheduler:drive("client:map", is_over, nil, cancel_workers)
  elseif not is_over() then
    waiting = true
    scheduler:park(caller, cancel_workers)
    waiting = false
  end
  if broken then
    cancel_workers()
    error(why_broken, 0)
  end
  if not options.results then results = succeeded end
  return results, errors, source_err
end
