--- What specs of tasks say again and again.
local assert = require "luassert"
local portable = require "spec.support.portable"
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

--- Calls `body`, and `clean_up` whatever ends it: as a to-be-closed variable does or, where there is none, by pcall.
function tasks.finally(clean_up, body)
  if portable.closing then return portable.with_closing(setmetatable({}, { __close = clean_up }), body) end
  local results = portable.pack(pcall(body))
  clean_up()
  if not results[1] then error(results[2], 0) end
  return portable.unpack(results, 2, results.n)
end

-- Seconds in which this process worked, or would have if others had left it a processor.
local function worked()
  local file = io.open "/proc/self/schedstat"
  local waited = file and file:read "*a":match "^%d+ (%d+)" or 0 -- in nanoseconds
  if file then file:close() end
  return os.clock() + waited / 1e9
end

--- `fn` must not block for a second, where it might for several; what it returned. Time in which it works does not
--- count: under valgrind, or beside other programs, that may take longer.
function tasks.at_once(fn, ...)
  local began, before = socket.gettime(), worked()
  local results = portable.pack(fn(...))
  local blocked = socket.gettime() - began - (worked() - before)
  assert.is_true(blocked < 1, ("blocked for %.3f s"):format(blocked))
  return portable.unpack(results, 1, results.n)
end

--- Keeps the processor busy for some seconds: a task that does not give way, a host that does not poll.
function tasks.keep_busy(seconds)
  local stop = socket.gettime() + seconds
  repeat until socket.gettime() > stop
end

--- What specs of tasks do with a stand-in. `here` gives the server, the client and the ids of scenarios at the moment.
---@param here fun(): table, table, string[]
function tasks.with(here)
  local with = {}

  function with.retrieve(id)
    local _, client, ids = here()
    return client.scenarios:retrieve(id or ids[1])
  end

  --- Requests get no answer; `fields` of the fault.
  function with.silence(fields)
    local server = here()
    local fault = { silent = true, times = math.huge }
    for name, value in pairs(fields or {}) do fault[name] = value end
    server:fault(fault)
  end

  --- A task that waits for an answer that does not come; the server has got its request.
  function with.hanging(fn)
    local server, client = here()
    with.silence()
    local before = server:count()
    local task = client:spawn(fn or function() return with.retrieve() end)
    tasks.poll_until(client, function() return server:count() > before end, "a request")
    return task
  end

  return with
end

return tasks
