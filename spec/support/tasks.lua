--- What specs of tasks say again and again.
local assert = require "luassert"
local socket = require "socket"

local tasks = {}

local PATIENCE = 30 -- seconds after which something will not happen any more

--- Polls until the condition holds.
function tasks.poll_until(client, condition, what)
  local stop = socket.gettime() + PATIENCE
  while not condition() do
    assert.is_true(socket.gettime() < stop, "still waiting for " .. (what or "a condition"))
    client:poll(0.02)
  end
end

--- Looks again and again, without polling, until the condition holds.
function tasks.look_until(condition, what)
  local stop = socket.gettime() + PATIENCE
  while not condition() do
    assert.is_true(socket.gettime() < stop, "still waiting for " .. (what or "a condition"))
    socket.sleep(0.005)
  end
end

--- A to-be-closed value that calls `fn`.
function tasks.closing(fn)
  return setmetatable({}, { __close = fn })
end

--- `fn` must return within a second, where blocking would take several; what it returned.
function tasks.at_once(fn, ...)
  local began = socket.gettime()
  local results = table.pack(fn(...))
  local took = socket.gettime() - began
  assert.is_true(took < 1, ("took %.3f s"):format(took))
  return table.unpack(results, 1, results.n)
end

--- Keeps the processor busy for some seconds: a task that does not give way, a host that does not poll.
function tasks.keep_busy(seconds)
  local stop = socket.gettime() + seconds
  repeat until socket.gettime() > stop
end

return tasks
