-- What the hosts of spec/programs_spec.lua have the client do: list, archive one, and say how long the polls took.
local runloop = require "runloop"
local core = require "runloop.core"

local work = {}

local client = runloop.new { nonblocking = true }
local polls, longest, failure = 0, 0, nil
local summary

local task = client:spawn(function()
  local listed = 0
  for _ in client.scenarios:list { limit = 100 } do listed = listed + 1 end
  local id = os.getenv "ARCHIVE"
  local archived = assert(client.scenarios:archive(id)).status
  summary = ("%s is %s\n%d scenarios"):format(id, archived, listed)
end)

--- One round: nil as long as there is more to do, then what was done. `wait`: seconds that it may take.
function work.tick(wait)
  if task.status == "running" then
    local began = core.now()
    local ok, err = pcall(client.poll, client, wait)
    polls, longest = polls + 1, math.max(longest, core.now() - began)
    if not ok then failure = tostring(err) end
    if not failure and task.status == "running" then return nil end
  end
  if failure or not summary then return failure or "the task ended as " .. task.status end
  return ("%s in %d polls, the longest took %.2f ms"):format(summary, polls, longest * 1000)
end


--- The same to its end, for a host that gives a script no turns.
function work.whole()
  local done
  repeat done = work.tick(0.005) until done
  return done
end

return work
