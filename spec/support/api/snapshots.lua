--- Snapshots of devboxes' disks: copies of their directories.
local base = require "api.base"
local files = require "api.files"
local json = require "json"
local loop = require "loop"

local snapshots = { defaults = { snapshot_polls = 1, snapshot_outcome = "complete" } }

local null, ok, expect, refuse = json.null, base.ok, base.expect, base.refuse

local PARAMETERS = "commit_message:string metadata:map name:string"

local function find(self, id)
  return base.find_own(self, "snapshot", id, "Snapshot")
end

local function check(fields)
  expect(utf8.len(fields.commit_message or "") <= 1000, "commit_message may have at most 1000 characters")
  return fields
end

local function directory_size(record)
  if not record.path then return 0 end
  return record.size or 0
end

local function take(self, record, box)
  -- A devbox without a directory and without anything to make one of has nothing to be copied.
  local recipe = box.recipe or {}
  local from_something = box.snapshot_id or box.blueprint_id or recipe.file_mounts or recipe.mounts or recipe.code_mounts
  if box.place or from_something then
    local place = files.place(self, box)
    local path = files.scratch(self) .. "/snapshots/" .. record.id
    files.copy(place.root, path)
    record.path = path
  end
  record.copied = true
  self.changed:fire()
end

local function begin(self, request, id)
  local box = files.running_or_suspended(self, id)
  local fields = check(base.body(request, PARAMETERS))
  local record = base.add(self.stores.snapshot, {
    id = base.new_id(self, "snp_"), status = "in_progress", looks = 0,
    fields = {
      create_time_ms = base.milliseconds(self), metadata = fields.metadata or {}, source_devbox_id = box.id,
      commit_message = base.or_null(fields.commit_message), name = base.or_null(fields.name), size_bytes = null,
      source_blueprint_id = base.or_null(box.blueprint_id),
    },
  })
  record.fields.id = record.id
  loop.spawn(function()
    local done, err = pcall(take, self, record, box)
    if not done then
      record.copied, record.error = true, type(err) == "table" and err.message or tostring(err)
      self.changed:fire()
    end
  end)
  return record
end

-- Ends a snapshot that is copied when the time has come.
local function look(self, record, at_once)
  if record.status ~= "in_progress" or not record.copied then return end
  record.looks = record.looks + 1
  if not at_once and record.looks <= self.settings.snapshot_polls then return end
  record.status = record.error and "error" or self.settings.snapshot_outcome
  if record.status == "error" then record.error = record.error or "The disk could not be read." end
  record.text = nil
  record.fields.size_bytes = directory_size(record)
end

local function snapshot_disk_async(self, request, id)
  return ok(base.record_text(begin(self, request, id)))
end

local function snapshot_disk(self, request, id)
  local record = begin(self, request, id)
  base.hold(self.changed, 60, function() return record.copied end)
  look(self, record, true)
  if record.status == "error" then refuse(500, record.error) end
  return ok(base.record_text(record))
end

local function query_status(self, _, id)
  local record = self.stores.snapshot.by_id[id]
  if not record then refuse(404, ("Snapshot with ID %s not found"):format(id)) end
  if record.deleted then return ok { status = "deleted", error_message = null, snapshot = null } end
  look(self, record)
  return ok {
    status = record.status, error_message = base.or_null(record.status == "error" and record.error or nil),
    snapshot = record.status == "complete" and record.fields or null,
  }
end

local function update(self, request, id)
  local record, fields = find(self, id), check(base.body(request, PARAMETERS))
  if fields.name then record.fields.name = fields.name end
  if fields.commit_message then record.fields.commit_message = fields.commit_message end
  record.fields.metadata = fields.metadata or record.fields.metadata
  return ok(base.record_text(record))
end

local function delete(self, _, id)
  local record = find(self, id)
  look(self, record)
  if record.status ~= "complete" then refuse(409, "Only complete snapshots can be deleted.") end
  record.deleted = true
  return ok "{}"
end

local function list(self, request)
  local query = request.query
  if query.devbox_id and query.devbox_id ~= "" then base.find(self, "devbox", query.devbox_id, "Devbox") end
  local metadata = base.metadata_matcher(query)
  return base.list_page(self.stores.snapshot, query, "snapshots", base.record_text, function(record)
    local fields = record.fields
    return (not query.devbox_id or query.devbox_id == "" or fields.source_devbox_id == query.devbox_id)
      and (not query.source_blueprint_id or query.source_blueprint_id == ""
        or fields.source_blueprint_id == query.source_blueprint_id)
      and metadata(record)
  end)
end

function snapshots.seed(_, stores)
  stores.snapshot = base.new_store()
end

function snapshots.open(self)
  --- Whether a devbox has a snapshot in progress.
  function self.snapshotting(_, box)
    for _, record in ipairs(self.stores.snapshot.list) do
      if record.fields.source_devbox_id == box.id and record.status == "in_progress" then return true end
    end
    return false
  end
end

snapshots.texts = { snapshot = base.record_text }

snapshots.routes = {
  { "POST", "/v1/devboxes/{id}/snapshot_disk", snapshot_disk },
  { "POST", "/v1/devboxes/{id}/snapshot_disk_async", snapshot_disk_async },
  { "GET", "/v1/devboxes/disk_snapshots", list },
  { "POST", "/v1/devboxes/disk_snapshots/{id}", update },
  { "POST", "/v1/devboxes/disk_snapshots/{id}/delete", delete },
  { "GET", "/v1/devboxes/disk_snapshots/{id}/status", query_status },
}

return snapshots
