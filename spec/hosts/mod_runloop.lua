-- A module of Prosody: its loop watches the client's descriptors, a timer its deadlines.
local server = require "net.server"
local timer = require "util.timer"
local work = require "spec.hosts.work"

local function tick()
  local done = work.tick()
  if not done then return 0.002 end
  print(done)
  io.stdout:flush()
  require("util.startup").exit()
end

timer.add_task(0.002, tick)
assert(server.watchfd, "a loop that watches descriptors")
