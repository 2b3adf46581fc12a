-- A busted helper: the collector never rests. At the start of a test every single allocation brings a whole cycle,
-- so that whatever is not anchored is gone at once; the specs would take hours that way, so a test that has
-- used up its share of such time goes on with a cycle for every few allocations.
local SHARE = 0.2 -- seconds of processor time for each test
local EVERY_ALLOCATION, EVERY_FEW = 1000, 100 -- step multipliers

local deadline

-- An object that nobody holds: its finalizer runs in every cycle.
local function watch()
  setmetatable({}, {
    __gc = function()
      if os.clock() < deadline then
        watch()
      else
        collectgarbage("setstepmul", EVERY_FEW)
      end
    end,
  })
end

local function press()
  deadline = os.clock() + SHARE
  collectgarbage("setstepmul", EVERY_ALLOCATION)
  watch()
  return nil, true
end

collectgarbage "incremental"
collectgarbage("setpause", 0)
press()
require("busted").subscribe({ "test", "start" }, press)
