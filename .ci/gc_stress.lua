-- A busted helper: the collector never rests. At the start of a test every single allocation brings a whole cycle,
-- so that whatever is not anchored is gone at once; the specs would take hours that way, so a test that has
-- used up its share of such time goes on with a cycle whenever the heap has grown by half.
local SHARE = 0.05 -- seconds of processor time for each test
local EVERY_ALLOCATION = 1000 -- step multiplier
local PAUSE_AFTERWARDS = 150 -- per cent
local LOOK = 500 -- instructions between two looks at the clock

local function press()
  local deadline = os.clock() + SHARE
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", EVERY_ALLOCATION)
  -- A finalizer could not do this: in one, collectgarbage does nothing.
  debug.sethook(function()
    if os.clock() < deadline then return end
    collectgarbage("setpause", PAUSE_AFTERWARDS)
    debug.sethook()
  end, "", LOOK)
  return nil, true
end

collectgarbage "incremental"
press()
require("busted").subscribe({ "test", "start" }, press)
