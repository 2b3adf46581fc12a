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

--- `fn` must not block for a second, where it might for several; what it returned. Time in which it works does not
--- count: under valgrind that may take longer.
function tasks.at_once(fn, ...)
  local began, worked = socket.gettime(), os.clock()
  local results = table.pack(fn(...))
  local blocked = socket.gettime() - began - (os.clock() - worked)
  assert.is_true(blocked < 1, ("blocked for %.3f s"):format(blocked))
  return table.unpack(results, 1, results.n)
end

--- Keeps the processor busy for some seconds: a task that does not give way, a host that does not poll.
function tasks.keep_busy(seconds)
  local stop = socket.gettime() + seconds
  repeat until socket.gettime() > stop
end

return tasks
