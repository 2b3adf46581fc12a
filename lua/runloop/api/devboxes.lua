-- Devboxes: the machines that agents and commands work on.

local await = require "runloop.await"
local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local any, integer, map, text = schema.any, schema.integer, schema.map, schema.string
local answer, array, enum, object, required =
  schema.answer, schema.array, schema.enum, schema.object, schema.required

local texts = array(text)

local shapes = schema.shapes(common)

shapes.DevboxStatus = enum {
  "scheduled", "queued", "provisioning", "initializing", "running", "suspending", "suspended", "resuming", "failure",
  "shutdown",
}

shapes.WaitForStatusParameters = object {
  statuses = required(texts),
  timeout_seconds = integer,
}

shapes.StateTransition = answer {
  status = shapes.DevboxStatus,
  transition_time_ms = any,
}

shapes.Tunnel = answer {
  auth_token = text { secret = true },
}

shapes.Devbox = answer {
  "The machine that a run works on.",
  blueprint_id = text,
  capabilities = required(texts),
  create_time_ms = required(integer "since 1970"),
  end_time_ms = integer "since 1970",
  failure_reason = text,
  id = required(text),
  initiator_id = text,
  initiator_type = text "`scenario` for the devboxes of runs",
  launch_parameters = required(shapes.LaunchParameters),
  metadata = required(map),
  name = text,
  shutdown_reason = text,
  snapshot_id = text,
  state_transitions = required(array(shapes.StateTransition)),
  status = required(shapes.DevboxStatus),
  tunnel = shapes.Tunnel,
}

local MAX_HOLD = 30 -- seconds that wait_for_status holds at most
local READY_STATUSES = { "running", "failure", "shutdown" }
local BOOTING = { scheduled = true, queued = true, provisioning = true, initializing = true }

local function is_running(devbox)
  local status = devbox.status
  if status == "running" then return true end
  if BOOTING[status] then return false end
  return nil, status
end

-- Waits until a devbox runs.
local function wait_running(watch, devbox)
  watch.what = "devbox " .. devbox
  return watch:hold(MAX_HOLD, function(hold, options)
    return watch.api.devboxes:_wait_for_status(devbox, { statuses = READY_STATUSES, timeout_seconds = hold }, options)
  end, is_running)
end

local function await_running(context, devbox, spec, options)
  return wait_running(await.new(context, spec, options), devbox)
end

return {
  name = "devboxes", kind = "devbox", thing = shapes.Devbox, shapes = shapes,
  wait_running = wait_running, -- for whoever starts one

  rows = {
    retrieve = { "GET /v1/devboxes/{id}", "One devbox.", returns = "devboxes" },
    wait_for_status = {
      "POST /v1/devboxes/{id}/wait_for_status", "Which await_running calls.",
      body = shapes.WaitForStatusParameters, returns = "devboxes", internal = true,
    },
  },

  helpers = {
    await_running = {
      "Waits until a devbox runs; any state that leads elsewhere is an error of kind `state`.",
      takes = { "id", "await", "options" }, returns = "devboxes", call = await_running,
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    await_running = { "Waits until it runs.", in_place = "await_running" },
  },
}
