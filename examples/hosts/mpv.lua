-- mpv: a periodic timer polls while the video plays.
--
-- mpv --script=mpv.lua ..., with RUNLOOP_API_KEY set and the module in LUA_PATH and LUA_CPATH (`make LUA_VERSION=5.2`, or
-- what `mpv --version` names).

local runloop = require "runloop"

local client = runloop.new { nonblocking = true, on_error = function(err) mp.msg.error(tostring(err)) end }
local listed, polls, longest = 0, 0, 0

client:spawn(function()
  for _ in client.scenarios:list { limit = 100 } do listed = listed + 1 end
  local id = os.getenv "ARCHIVE" -- the id of a scenario that may go
  if id then mp.msg.info(id .. " is " .. assert(client.scenarios:archive(id)).status) end
end)

local timer
timer = mp.add_periodic_timer(0.005, function()
  local began = mp.get_time()
  local alive = client:poll()
  polls, longest = polls + 1, math.max(longest, mp.get_time() - began)
  if alive == 0 then
    timer:kill()
    mp.msg.info(("%d scenarios in %d polls, the longest took %.2f ms"):format(listed, polls, longest * 1000))
    client:close()
    mp.command "quit"
  end
end)
