-- The turns: tasks run over the transfers of a client, or of several that share them. What there is here will do for a
-- program without tasks; theirs is in rounds.lua and waits.lua.

local core = require "runloop.core"
local lazy = require "runloop.lazy"

local setmetatable = setmetatable
local huge = math.huge
local remove = table.remove

local turns = {}
local turns_mt = { __name = "runloop.turns", __index = turns }

lazy.methods(turns, "rounds", { "kill", "begin", "has_unseen", "leave_for_good", "poll", "run", "drive", "timeout" })
lazy.methods(turns, "waits", {
  "reindex", "take_in", "wake", "wake_waiters", "rouse", "abandon_wait", "leave_sleepers", "drop_stale_wait",
  "sleep_until", "park", "give_way", "end_here", "wait_for", "wake_due", "patience", "put_off", "requeue_later",
})

--- Turns of nobody yet: clients join.
---@return table
local function new()
  return setmetatable({
    members = {}, -- the clients' schedulers
    https = {}, -- their cores, as long as they are open
    current = false, -- the task whose code runs now
    turning = false, -- inside poll, run, wait or map
    telling = false, -- inside on_event
    slice_end = 0, -- when the running task should give way
    stop = huge, -- when the turn under way should end
    resumptions = 0,
    alive = 0,
    most_alive = 0, -- since there were none
    tasks = {}, -- the set of tasks alive: nobody else need hold them
    waiting = {}, -- transfer id -> task, or array of tasks
    queue = {}, first = 1, last = 0, -- tasks to resume, in order
    later = {}, -- tasks to be queued at the next turn
    sleepers = {}, -- heap of deadlines
    touching = false, -- the tables above are being changed; found true: that was broken off
    unsettled = false, -- tasks are being moved; found true: that was broken off
    struck = nil, -- { what broke it off }
  }, turns_mt)
end

--- Takes a client in.
---@param member table its scheduler
function turns:join(member)
  self.members[#self.members + 1] = member
  self.https[#self.https + 1] = member.http
end

--- Whether code runs that must not begin a turn.
---@return boolean
function turns:is_inside()
  return self.current ~= false or self.turning or self.telling
end

--- Whether somebody else may wait for a transfer's news.
---@return boolean
function turns:has_tasks()
  return self.alive > 0 or self.unsettled or self.touching
end

--- Moves bytes, waiting for something to happen for so long (nil: as long as it takes).
---@param seconds number|nil
---@return integer events 0: nothing happened
function turns:move(seconds)
  local https = self.https
  if https[1] and not https[2] then return https[1]:turn(seconds) end
  local events = 0
  for i = 1, #https do events = events + https[i]:turn(0) end
  if events > 0 or seconds == 0 then return events end
  core.wait(https, seconds)
  for i = 1, #https do events = events + https[i]:turn(0) end
  return events
end

local function collect_of(self, http)
  local id = http:ready()
  while id do
    if self.waiting[id] then self:wake_waiters(id) end
    id = http:ready()
  end
end

--- Tasks whose transfers have news go to the queue. Blocking calls outside do this too, or the core would report the
--- same news again and again.
function turns:collect()
  local before = self.unsettled
  self.unsettled = true
  for i = 1, #self.https do collect_of(self, self.https[i]) end
  self.unsettled = before
end

--- Lets go of a client's core, which was closed. Tasks of other clients may wait for its transfers.
---@param member table
function turns:let_go(member)
  collect_of(self, member.http)
  for i = #self.https, 1, -1 do
    if self.https[i] == member.http then remove(self.https, i) end
  end
end

--- Wakes the tasks that wait for a transfer that is about to be given up.
---@param transfer userdata
function turns:dismiss(transfer)
  local id = transfer:id()
  if self.waiting[id] then self:wake_waiters(id) end
end

return { new = new }
