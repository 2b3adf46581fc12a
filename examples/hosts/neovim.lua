-- Neovim: the client in its loop, by uv_poll for the descriptors and a timer for the deadlines.
--
-- :luafile neovim.lua, with RUNLOOP_API_KEY set and the module in LUA_PATH and LUA_CPATH (`make LUA_VERSION=jit`).

local uv = vim.loop
local runloop = require "runloop"

local client = runloop.new {
  nonblocking = true,
  on_error = vim.schedule_wrap(function(err) vim.notify(tostring(err), vim.log.levels.ERROR) end),
}
local listed, polls, longest = 0, 0, 0
local watched, timer = {}, uv.new_timer()

-- One round of work, then watch what the client waits for now; both may be others after every round.
local function step()
  local began = uv.hrtime()
  client:poll()
  polls, longest = polls + 1, math.max(longest, uv.hrtime() - began)
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
    watched[fd]:start(events, step)
  end
  local seconds = client:timeout()
  if seconds then timer:start(math.ceil(seconds * 1000), 0, step) else timer:stop() end
end

client:spawn(function()
  for _ in client.scenarios:list { limit = 100 } do listed = listed + 1 end
  local id = os.getenv "ARCHIVE" -- the id of a scenario that may go
  local archived = id and assert(client.scenarios:archive(id)).status
  vim.schedule(function() -- Neovim's own functions may be called there only
    if archived then print(id .. " is " .. archived) end
    print(("%d scenarios in %d polls, the longest took %.2f ms"):format(listed, polls, longest / 1e6))
    vim.g.runloop_listed = listed
    client:close()
  end)
end)
step()
