-- LÖVE: one poll a frame, in love.update. The game never waits for the network.
--
-- As main.lua of a game, with RUNLOOP_API_KEY set. LÖVE looks into the game first; where the module lies is to be said:
-- LUA_PATH and LUA_CPATH, or package.path and package.cpath. The core is built with `make LUA_VERSION=jit`.

local runloop = require "runloop"

local client = runloop.new { nonblocking = true, on_error = function(err) print("task failed: " .. tostring(err)) end }
local listed, frames, longest = 0, 0, 0

client:spawn(function()
  for _ in client.scenarios:list { limit = 100 } do listed = listed + 1 end
  local id = os.getenv "ARCHIVE" -- the id of a scenario that may go
  if id then print(id .. " is " .. assert(client.scenarios:archive(id)).status) end
end)

function love.update()
  local began = love.timer.getTime()
  local alive = client:poll()
  frames, longest = frames + 1, math.max(longest, love.timer.getTime() - began)
  if alive == 0 then
    print(("%d scenarios in %d frames, the longest poll took %.2f ms"):format(listed, frames, longest * 1000))
    client:close()
    love.event.quit()
  end
end

function love.draw()
  love.graphics.print(listed .. " scenarios so far", 20, 20)
end
