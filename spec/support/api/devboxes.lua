--- Devboxes: how they boot, run, suspend, resume and end.
local base = require "api.base"
local json = require "json"
local tunnels = require "tunnels"

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
function devboxes.go(self, record, ...)
  local path = { ... }
  local first = table.remove(path, 1)
  if record.status ~= first then enter(self, record, first) end
  record.path, record.looks, record.since = path, 0, self:now()
end

local go = devboxes.go

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
  record.since = self:now()
  local statuses = self.settings.boot
  go(self, record, table.unpack(table.move({ "outcome" }, 1, 1, #statuses + 1, { table.unpack(statuses) })))
end

local function shutdown(self, request, id)
  local record = find(self, id)
  if request.query.force ~= "true" and self.snapshotting(self, record) then
    refuse(409, "The devbox has in-progress snapshots; use force=true to shut it down nevertheless.")
  end
  devboxes.shut_down(self, record, "api_shutdown")
  return ok(devboxes.text(record))
end

local MOUNTS = {
  object_mount = "object_id!:string object_path!:string", code_mount = "repo_name!:string repo_owner!:string "
    .. "token:string git_ref:string install_command:string",
  file_mount = "content!:string target!:string",
  broker_mount = "axon_id!:string agent_binary:string launch_args:strings protocol:string working_directory:string",
  agent_mount = "agent_id:string agent_name:string agent_path:string auth_token:string",
}
local LAUNCH = "after_idle:object architecture:string available_ports:array custom_cpu_cores:number "
  .. "custom_disk_size:integer custom_gb_memory:integer keep_alive_time_seconds:integer launch_commands:strings "
  .. "lifecycle:object network_policy_id:string provisioning_tier:string required_services:strings "
  .. "resource_size_request:string user_parameters:object"
local SIZES = base.names "X_SMALL SMALL MEDIUM LARGE X_LARGE XX_LARGE CUSTOM_SIZE"

--- Checks the parts that devboxes, blueprints and runs have in common.
function devboxes.check(fields)
  for i, mount in ipairs(fields.mounts or {}) do
    local where = ("mounts[%d]."):format(i)
    expect(base.is_object(mount) and MOUNTS[mount.type], where .. "type is unknown")
    local copy = {}
    for name, value in pairs(mount) do
      if name ~= "type" then copy[name] = value end
    end
    copy = base.check(copy, MOUNTS[mount.type], where)
    if mount.type == "agent_mount" then
      expect(mount.agent_id ~= nil and mount.agent_name ~= nil, where .. "agent_id and agent_name: both keys are needed")
      expect(copy.agent_id or copy.agent_name, where .. "agent_id or agent_name is required")
    end
  end
  for i, mount in ipairs(fields.code_mounts or {}) do
    base.check(mount, MOUNTS.code_mount, ("code_mounts[%d]."):format(i))
  end
  local launch = fields.launch_parameters
  if launch then
    launch = base.check(launch, LAUNCH, "launch_parameters.")
    local size = launch.resource_size_request
    expect(size == nil or SIZES[size], "launch_parameters.resource_size_request is unknown")
    local seconds = launch.keep_alive_time_seconds
    expect(seconds == nil or seconds > 0 and seconds <= 172800,
      "launch_parameters.keep_alive_time_seconds must be between 1 and 172800")
  end
end

local CREATE = "blueprint_id:string blueprint_name:string code_mounts:array entrypoint:string "
  .. "environment_variables:map file_mounts:map gateways:object launch_parameters:object mcp:object metadata:map "
  .. "mounts:array name:string secrets:map snapshot_id:string tunnel:object"

--- The secret or configuration of this id or name, or a refusal.
function devboxes.named(self, kind, word)
  return expect(base.by_id_or_name(self, kind, word), ("No such %s: %s"):format((kind:gsub("_", " ")), word))
end

local named = devboxes.named

local function add_gateways(self, box, gateways)
  box.fields.gateway_specs = next(gateways) and {} or null
  for prefix, given in pairs(gateways) do
    local spec = base.check(given, "gateway!:string secret!:string", "gateways." .. prefix .. ".")
    local config = named(self, "gateway_config", spec.gateway)
    box.fields.gateway_specs[prefix] = {
      gateway_config_id = config.id, secret_id = named(self, "secret", spec.secret).id,
    }
    box.env[prefix], box.env[prefix .. "_URL"] = base.new_id(self, "gws_"), "https://gateway.invalid/" .. config.id
  end
end

local function add_mcp(self, box, mcp)
  box.fields.mcp_specs = next(mcp) and {} or null
  for name, given in pairs(mcp) do
    local spec = base.check(given, "mcp_config!:string secret!:string", "mcp." .. name .. ".")
    local config = named(self, "mcp_config", spec.mcp_config)
    box.fields.mcp_specs[name] = { mcp_config_id = config.id, secret_id = named(self, "secret", spec.secret).id }
    box.env[name], box.env.RL_MCP_URL = base.new_id(self, "mcs_"), "https://mcp.invalid/" .. config.id
  end
end

--- Gives a devbox what it is made from: refused when there is no such blueprint, snapshot or secret.
function devboxes.equip(self, box, fields)
  devboxes.check(fields)
  local images = 0
  for _, name in ipairs { "blueprint_id", "blueprint_name", "snapshot_id" } do
    if fields[name] then images = images + 1 end
  end
  expect(images <= 1, "At most one of snapshot_id, blueprint_id and blueprint_name may be given.")
  box.recipe, box.env, box.secrets = fields, {}, fields.secrets or {}
  local blueprint
  if fields.blueprint_id then
    blueprint = self.stores.blueprint.by_id[fields.blueprint_id]
    expect(blueprint and not blueprint.deleted, ("Blueprint with ID %s not found"):format(fields.blueprint_id))
    expect(blueprint.fields.status == "build_complete", "The blueprint is not built.")
  elseif fields.blueprint_name then
    blueprint = expect(self.latest_build(self, fields.blueprint_name),
      ("No built blueprint is named %s"):format(fields.blueprint_name))
  elseif fields.snapshot_id then
    local snapshot = self.stores.snapshot.by_id[fields.snapshot_id]
    expect(snapshot and not snapshot.deleted, ("Snapshot with ID %s not found"):format(fields.snapshot_id))
    expect(snapshot.status == "complete", "The snapshot is not complete.")
    box.snapshot_id = snapshot.id
  end
  box.blueprint_id = blueprint and blueprint.id
  box.fields.blueprint_id, box.fields.snapshot_id = base.or_null(box.blueprint_id), base.or_null(box.snapshot_id)
  local inherited = blueprint and base.given(blueprint.fields.parameters.launch_parameters)
  box.fields.launch_parameters = fields.launch_parameters or inherited or box.fields.launch_parameters
  box.fields.metadata, box.fields.name = fields.metadata or {}, base.or_null(fields.name)
  for name, value in pairs(fields.environment_variables or {}) do box.env[name] = value end
  for _, secret in pairs(box.secrets) do named(self, "secret", secret) end
  add_gateways(self, box, fields.gateways or {})
  add_mcp(self, box, fields.mcp or {})
  box.fields.tunnel = fields.tunnel and tunnels.new(self, fields.tunnel) or null
end

local function create(self, request)
  local fields = base.body(request, CREATE)
  local box = devboxes.new(base.new_id(self, "dbx_"), self.settings.boot[1] or "provisioning", base.milliseconds(self))
  devboxes.equip(self, box, fields)
  base.add(self.stores.devbox, box)
  devboxes.boot(self, box)
  return box
end

local function create_and_await_running(self, request)
  local box = create(self, request)
  base.hold(self.changed, self.settings.hold, function()
    devboxes.look(self, box)
    return not box.path[1]
  end, function() return 0.01 end)
  return ok(devboxes.text(box))
end

local function update(self, request, id)
  local box, fields = find(self, id), base.body(request, "name:string metadata:map")
  if fields.name then box.fields.name = fields.name ~= "" and fields.name or null end
  if fields.metadata then box.fields.metadata = fields.metadata end
  return ok(devboxes.text(box))
end

local function list(self, request)
  local status = request.query.status
  expect(status == nil or status == "" or STATUSES[status], "status is unknown")
  return base.list_page(self.stores.devbox, request.query, "devboxes", devboxes.text, function(record)
    return not status or status == "" or record.status == status
  end)
end

local SIZE_CPU = { X_SMALL = 1, SMALL = 1, MEDIUM = 2, LARGE = 2, X_LARGE = 4, XX_LARGE = 8 }

local function usage(self, _, id)
  local box = base.find(self, "devbox", id, "Devbox")
  local begun, ended = box.fields.create_time_ms, base.given(box.fields.end_time_ms)
  local elapsed = ((ended or base.milliseconds(self)) - begun) // 1000
  local active, last, running = 0, begun, false
  for _, transition in ipairs(box.fields.state_transitions) do
    if running then active = active + transition.transition_time_ms - last end
    last, running = transition.transition_time_ms, transition.status == "running"
  end
  if running then active = active + (ended or base.milliseconds(self)) - last end
  active = active // 1000
  local cpu = SIZE_CPU[box.fields.launch_parameters.resource_size_request] or 1
  return ok {
    id = id, status = box.status, start_time_ms = begun, end_time_ms = base.or_null(ended),
    total_elapsed_seconds = elapsed, total_active_seconds = active, vcpu_seconds = active * cpu,
    memory_gb_seconds = active * cpu * 2, disk_gb_seconds = elapsed * 4,
  }
end

--- The devbox of this id, which has to be running.
function devboxes.running(self, id)
  local box = find(self, id)
  devboxes.look(self, box)
  expect(box.status == "running", ("Devbox %s is not running, it is %s."):format(id, box.status))
  return box
end

local function suspend(self, _, id)
  local box = devboxes.running(self, id)
  go(self, box, "suspending", "suspended")
  return ok(devboxes.text(box))
end

local function resume(self, _, id)
  local box = find(self, id)
  devboxes.look(self, box)
  expect(box.status == "suspended", ("Devbox %s is not suspended, it is %s."):format(id, box.status))
  go(self, box, "resuming", "running")
  return ok(devboxes.text(box))
end

local function keep_alive(self, _, id)
  local box = find(self, id)
  devboxes.look(self, box)
  box.kept_alive = self:now()
  return ok "{}"
end

devboxes.calls = {}

--- Sets a devbox's status from outside, as what happens to devboxes does.
function devboxes.calls.devbox_status(self, id, status, reason)
  local box = find(self, id)
  if status == "shutdown" then box.fields.shutdown_reason = reason end
  devboxes.set_status(self, box, status)
  if status == "failure" and reason then box.fields.failure_reason = reason end
end

function devboxes.close(self)
  self.changed:fire()
end

function devboxes.seed(_, stores)
  stores.devbox = base.new_store()
end

devboxes.texts = { devbox = devboxes.text }

devboxes.routes = {
  { "GET", "/v1/devboxes", list },
  { "POST", "/v1/devboxes", function(self, request) return ok(devboxes.text(create(self, request))) end },
  { "POST", "/v1/devboxes/create_and_await_running", create_and_await_running },
  { "POST", "/v1/devboxes/{id}", update },
  { "GET", "/v1/devboxes/{id}/usage", usage },
  { "POST", "/v1/devboxes/{id}/suspend", suspend },
  { "POST", "/v1/devboxes/{id}/resume", resume },
  { "POST", "/v1/devboxes/{id}/keep_alive", keep_alive },
  { "GET", "/v1/devboxes/{id}", retrieve },
  { "POST", "/v1/devboxes/{id}/wait_for_status", wait_for_status },
  { "POST", "/v1/devboxes/{id}/shutdown", shutdown },
}

return devboxes
