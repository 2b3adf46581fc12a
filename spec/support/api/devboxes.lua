--- Devboxes: how they boot, run, suspend, resume and end.
local base = require "api.base"
local json = require "json"

local devboxes = {
  defaults = {
    boot = { "provisioning" }, provisioning_polls = 1, devbox_outcome = "running", suspending_polls = 1, hold = 0.02,
  },
}

local array, null, ok, expect, refuse = json.array, json.null, base.ok, base.expect, base.refuse

local STATUSES = base.names [[scheduled queued provisioning initializing running suspending suspended resuming failure
  shutdown]]
local ENDED = base.names "failure shutdown"

--- A devbox that is not in a store yet.
function devboxes.new(id, status, time, owner)
  return {
    id = id, status = status, path = {}, looks = 0, since = 0,
    fields = {
      create_time_ms = time, end_time_ms = null, metadata = {},
      launch_parameters = { resource_size_request = "SMALL" },
      capabilities = array { "unknown" }, initiator_type = owner and "scenario" or "api", initiator_id = owner,
      name = null, state_transitions = array { { status = status, transition_time_ms = time } },
    },
  }
end

function devboxes.text(record)
  local fields = { id = record.id, status = record.status }
  for name, value in pairs(record.fields) do fields[name] = value end
  return base.object_text(fields)
end

local function find(self, id)
  return base.find_own(self, "devbox", id, "Devbox")
end

local function enter(self, record, status)
  record.status, record.looks, record.since = status, 0, self:now()
  local transitions = record.fields.state_transitions
  local now = base.milliseconds(self)
  record.fields.state_transitions = array(table.move(transitions, 1, #transitions, 1, {}))
  table.insert(record.fields.state_transitions, { status = status, transition_time_ms = now })
  if status == "failure" then record.fields.failure_reason = "execution_failed" end
  if ENDED[status] then record.fields.end_time_ms = now end
  for _, listener in ipairs(self.devbox_listeners) do listener(self, record) end
  self.changed:fire()
end

--- Sets a status at once, whatever was on its way.
function devboxes.set_status(self, record, status)
  record.path = {}
  if record.status ~= status then enter(self, record, status) end
end

--- Ends a devbox for a reason of the API's.
function devboxes.shut_down(self, record, reason)
  if ENDED[record.status] then return end
  record.fields.shutdown_reason = reason
  devboxes.set_status(self, record, "shutdown")
end

--- Sends a devbox on its way: the statuses that it goes through, the last of which it keeps.
local function go(self, record, ...)
  local path = { ... }
  local first = table.remove(path, 1)
  if record.status ~= first then enter(self, record, first) end
  record.path, record.looks, record.since = path, 0, self:now()
end

local function looks_needed(self, record)
  local settings = self.settings
  if record.status == "suspending" then return settings.suspending_polls, settings.suspending_seconds end
  return settings.provisioning_polls, settings.provisioning_seconds
end

local function expire(self, record)
  local seconds = base.given(record.fields.launch_parameters.keep_alive_time_seconds)
  if not seconds or record.status ~= "running" then return end
  if self:now() >= (record.kept_alive or record.since) + seconds then
    devboxes.shut_down(self, record, "keep_alive_timeout")
  end
end

--- Counts a look at a devbox that is on its way, and takes it to its next status when the time has come.
function devboxes.look(self, record)
  if not record.path[1] then return expire(self, record) end
  local polls, seconds = looks_needed(self, record)
  record.looks = record.looks + 1
  local due
  if seconds then
    due = self:now() >= record.since + seconds
  else
    due = record.looks > polls
  end
  if not due then return end
  local status = table.remove(record.path, 1)
  enter(self, record, status == "outcome" and self.settings.devbox_outcome or status)
end

local function wait_for_status(self, request, id)
  local record = find(self, id)
  local value = base.body(request, "statuses!:array timeout_seconds:any")
  expect(#value.statuses > 0, "statuses must be an array of statuses")
  local wanted = {}
  for _, status in ipairs(value.statuses) do
    expect(STATUSES[status], ("Invalid status '%s'"):format(tostring(status)))
    wanted[status] = true
  end
  local seconds = value.timeout_seconds or 10
  expect(math.type(seconds) == "integer" and seconds >= 0 and seconds <= 30,
    "timeout_seconds must be an integer between 0 and 30")
  devboxes.look(self, record)
  -- What goes by the clock goes on while the request is held, what goes by looks does not.
  local function next_look()
    local _, by_clock = looks_needed(self, record)
    if by_clock and record.path[1] then return record.since + by_clock - self:now() end
  end
  local reached = base.hold(self.changed, math.min(seconds, self.settings.hold), function()
    if next_look() then devboxes.look(self, record) end
    return wanted[record.status]
  end, next_look)
  if not reached then refuse(408, "Timeout waiting for status.", { { "x-should-retry", "true" } }) end
  return ok(devboxes.text(record))
end

local function retrieve(self, _, id)
  local record = find(self, id)
  devboxes.look(self, record)
  return ok(devboxes.text(record))
end

--- Boots a new devbox.
function devboxes.boot(self, record)
  local statuses = self.settings.boot
  go(self, record, table.unpack(table.move({ "outcome" }, 1, 1, #statuses + 1, { table.unpack(statuses) })))
end

local function shutdown(self, _, id)
  local record = find(self, id)
  devboxes.shut_down(self, record, "api_shutdown")
  return ok(devboxes.text(record))
end

function devboxes.seed(_, stores)
  stores.devbox = base.new_store()
end

devboxes.texts = { devbox = devboxes.text }

devboxes.routes = {
  { "GET", "/v1/devboxes/{id}", retrieve },
  { "POST", "/v1/devboxes/{id}/wait_for_status", wait_for_status },
  { "POST", "/v1/devboxes/{id}/shutdown", shutdown },
}

return devboxes
