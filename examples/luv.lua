-- The client in a libuv loop: uv_poll for its descriptors, a timer for its deadlines.
--
-- Usage: lua5.4 examples/luv.lua (RUNLOOP_API_KEY, RUNLOOP_BASE_URL; needs luv)

local uv = require "luv"
local runloop = require "runloop"

local client = runloop.new {
  nonblocking = true,
  on_error = function(err) print("task failed: " .. tostring(err)) end,
}

local watched = {} -- descriptor -> uv_poll
local timer = uv.new_timer()

-- One round of work, then watch what the client waits for now; both may be others after every round.
local function step()
  client:poll()
  local wanted = {}
  for _, socket in ipairs(client:fds()) do wanted[socket.fd] = socket.events end
  for fd, poll in pairs(watched) do
    if not wanted[fd] then
      poll:close()
      watched[fd] = nil
    end
  end
  for fd, events in pairs(wanted) do
    watched[fd] = watched[fd] or uv.new_poll(fd)
    watched[fd]:start(events, step) -- again even if it runs: the number may have become another socket
  end
  local seconds = client:timeout()
  if seconds then
    timer:start(math.ceil(seconds * 1000), 0, step)
  else
    timer:stop()
  end
end

-- Something else that the loop does meanwhile.
local ticks = 0
local ticker = uv.new_timer()
ticker:start(0, 5, function() ticks = ticks + 1 end)
ticker:unref() -- the loop ends without it

client:spawn(function()
  local scenarios, err = client.scenarios:list { name = "nightly" }:collect()
  if not scenarios then error(err) end
  local _, errors = client:map(scenarios, function(scenario) return scenario:refresh() end)
  print(("%d scenarios read, %s"):format(#scenarios, errors and "some failed" or "none failed"))
end)

step()
uv.run() -- ends by itself: when the client waits for nothing, nothing is watched and no timer runs
print(("the loop ticked %s meanwhile"):format(ticks > 0 and "on" or "not"))
client:close()
