-- A frame loop that never waits for the network: the shape of love.update, at 60 frames a second.
--
-- Usage: lua5.4 examples/frame_loop.lua (RUNLOOP_API_KEY, RUNLOOP_BASE_URL; needs luasocket for the clock)

local socket = require "socket"
local runloop = require "runloop"

local FRAME = 1 / 60 -- seconds

-- nonblocking: a call outside of a task raises, instead of freezing the game by mistake.
local client = runloop.new {
  nonblocking = true,
  on_error = function(err) print("task failed: " .. tostring(err)) end,
}

-- While the loading screen shows, a wait does no harm: connect, and load the certificates.
local connected, why = client:warm_up()
if not connected then error(why) end

local listed, status = 0, "listing"

client:spawn(function()
  for _ in client.scenarios:list { limit = 100 } do listed = listed + 1 end
  status = "done"
end)

local function update() -- love.update
  return client:poll()
end

local function draw(frame, elapsed) -- love.draw
  print(("frame %3d  poll %5.2f ms  %s: %d scenarios"):format(frame, elapsed * 1000, status, listed))
end

local frame, total, longest = 0, 0, 0
local alive
repeat
  local began = socket.gettime()
  alive = update()
  local elapsed = socket.gettime() - began
  frame, total, longest = frame + 1, total + elapsed, math.max(longest, elapsed)
  draw(frame, elapsed)
  socket.sleep(math.max(0, began + FRAME - socket.gettime()))
until alive == 0
print(("%d frames, poll %.2f ms on average, %.2f ms at most"):format(frame, total / frame * 1000, longest * 1000))
client:close()
