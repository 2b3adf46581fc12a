-- Snapshots of the disks of devboxes.

local lazy = require "runloop.lazy"
local resource = require "runloop.resource"
local schema = require "runloop.schema"

local await = lazy.module "await"

local pairs, type = pairs, type

local id, integer, map, text = schema.id, schema.integer, schema.map, schema.string
local answer, enum, required = schema.answer, schema.enum, schema.required

local devbox_shapes = lazy.load("api.devboxes").shapes
local shapes = schema.shapes(devbox_shapes)

shapes.SnapshotStatus = enum { "in_progress", "error", "complete", "deleted" }

shapes.DiskSnapshotListQuery = devbox_shapes.list_of {
  devbox_id = id "snapshots of this devbox",
  metadata = schema.filter "snapshots that have all of these; a list: one of its values",
  source_blueprint_id = id "snapshots of devboxes of this blueprint",
}

shapes.Snapshot = answer {
  "A snapshot of a devbox's disk.",
  commit_message = text,
  create_time_ms = required(integer "since 1970"),
  error_message = text "once it has been asked for again",
  id = required(text),
  metadata = required(map),
  name = text,
  size_bytes = integer "beyond the blueprint's",
  source_blueprint_id = text,
  source_devbox_id = required(text),
  status = shapes.SnapshotStatus "once it has been asked for again",
}

shapes.SnapshotAsyncStatus = answer {
  "How far a snapshot is.",
  error_message = text,
  snapshot = shapes.Snapshot "when it is complete",
  status = required(shapes.SnapshotStatus),
}

local function is_complete(view)
  if view.status == "complete" then return true end
  if view.status == "in_progress" then return false end
  return nil, view.status
end

local function wait(context, snapshot, spec, options)
  local view, response = await.new(context, spec, options, "snapshot " .. snapshot):poll(function(call_options)
    return context.api["devboxes.disk_snapshots"]:query_status(snapshot, call_options)
  end, is_complete)
  local last = view == nil and response.last
  if last and type(last.error_message) == "string" and response.kind == "state" then
    response.message = response.message .. ": " .. last.error_message
  end
  return view, response
end

-- There is no call for one snapshot: what its status brings makes it up to date.
local function take_over(snapshot, view, response)
  if not view then return nil, response end
  local fresh = {}
  for name, value in pairs(type(view.snapshot) == "table" and view.snapshot or snapshot) do fresh[name] = value end
  fresh.status, fresh.error_message = view.status, view.error_message
  return resource.update(snapshot, fresh, response, "devboxes.disk_snapshots:query_status")
end

local function refresh(context, snapshot, options)
  return take_over(snapshot, context.api["devboxes.disk_snapshots"]:query_status(snapshot, options))
end

local function await_completed(context, snapshot, spec, options)
  return take_over(snapshot, context.api["devboxes.disk_snapshots"]:await_completed(snapshot, spec, options))
end

return {
  name = "devboxes.disk_snapshots", kind = "snapshot", thing = shapes.Snapshot, shapes = shapes,
  text = "Snapshots of disks; `snapshot_disk` of a devbox takes them, and devboxes start from them.",

  rows = {
    list = {
      "GET /v1/devboxes/disk_snapshots", "Lists snapshots.",
      query = shapes.DiskSnapshotListQuery, list = "snapshots", returns = "devboxes.disk_snapshots",
    },
    delete = {
      "POST /v1/devboxes/disk_snapshots/{id}/delete",
      "Deletes a snapshot for good. One that is not complete: `conflict`.", returns = "nothing", conflicts = true,
    },
    update = {
      "POST /v1/devboxes/disk_snapshots/{id}", "Replaces the fields given; metadata is replaced as a whole.",
      body = shapes.DevboxSnapshotParameters, changes = true, returns = "devboxes.disk_snapshots",
    },
    query_status = {
      "GET /v1/devboxes/disk_snapshots/{id}/status", "How far a snapshot is; with it, once it is complete.",
      returns = "SnapshotAsyncStatus", things = { snapshot = "devboxes.disk_snapshots" },
    },
  },

  helpers = {
    await_completed = {
      "Waits until a snapshot is complete; `error` and `deleted` are errors of kind `state`.",
      takes = { "id", "await", "options" }, returns = "SnapshotAsyncStatus", call = wait,
    },
  },

  methods = {
    refresh = {
      "Asks the API how far it is, which brings `status` and `error_message`.",
      takes = { "options" }, returns = "devboxes.disk_snapshots", call = refresh,
    },
    update = { "Replaces the fields given.", in_place = "update" },
    delete = { "Deletes it for good.", calls = "devboxes.disk_snapshots:delete" },
    await_completed = {
      "Waits until it is complete.",
      takes = { "await", "options" }, returns = "devboxes.disk_snapshots", call = await_completed,
    },
  },
}
