-- HAProxy: a task of its own polls, requests wait for tasks of the client.
--
--   global
--     lua-load /etc/haproxy/haproxy.lua
--   frontend http
--     bind :8080
--     http-request use-service lua.scenarios
--
-- With RUNLOOP_API_KEY set and the module in LUA_PATH and LUA_CPATH (Debian's HAProxy: `make LUA_VERSION=5.3`).

local runloop = require "runloop"

local client = runloop.new {
  nonblocking = true,
  on_error = function(err) core.Alert("task failed: " .. tostring(err)) end,
}
local polls, longest = 0, 0

-- The time at which HAProxy's loop woke up last.
local function woken()
  local time = core.now()
  return time.sec + time.usec * 1e-6
end

core.register_task(function()
  local last = woken()
  while true do
    client:poll()
    core.msleep(2)
    polls, longest, last = polls + 1, math.max(longest, woken() - last), woken()
  end
end)

local function list(id)
  local listed = 0
  for _ in client.scenarios:list { limit = 100 } do listed = listed + 1 end
  local archived = id and ("%s is %s\n"):format(id, assert(client.scenarios:archive(id)).status) or ""
  return ("%s%d scenarios in %d polls, the longest took %.2f ms with the pause after it\n"):format(archived, listed, polls,
    longest * 1000)
end

core.register_service("scenarios", "http", function(applet)
  local task = client:spawn(list, os.getenv "ARCHIVE") -- the id of a scenario that may go
  while task.status == "running" do core.msleep(2) end
  local ok, text = pcall(task.wait, task)
  text = ok and text or tostring(text)
  applet:set_status(ok and 200 or 502)
  applet:add_header("content-length", tostring(#text))
  applet:start_response()
  applet:send(text)
end)
