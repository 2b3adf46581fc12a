--- Blueprints: built over some looks, with logs. Their commands and Dockerfiles are not run: who calls may be root.
local base = require "api.base"
local devboxes = require "api.devboxes"
local json = require "json"

local blueprints = {
  defaults = { build_polls = 1, build_outcome = "build_complete" },
}

local null, ok, expect = json.null, base.ok, base.expect

local PARAMETERS = "name!:string base_blueprint_id:string base_blueprint_name:string build_args:map "
  .. "build_context:object code_mounts:array dockerfile:string file_mounts:map launch_parameters:object metadata:map "
  .. "network_policy_id:string secrets:map services:array system_setup_commands:strings"

local ON_THE_WAY = { queued = "provisioning", provisioning = "building", building = "outcome" }

local function log(self, record, level, message)
  table.insert(record.logs, { level = level, message = message, timestamp_ms = base.milliseconds(self) })
end

local function dockerfile(parameters)
  local lines = { parameters.dockerfile or "FROM runloop:latest" }
  for _, command in ipairs(parameters.system_setup_commands or {}) do lines[#lines + 1] = "RUN " .. command end
  for path in pairs(parameters.file_mounts or {}) do lines[#lines + 1] = "COPY " .. path .. " " .. path end
  return table.concat(lines, "\n")
end

local function look(self, record)
  local following = ON_THE_WAY[record.fields.status]
  if not following then return end
  record.looks = record.looks + 1
  if record.looks <= self.settings.build_polls then return end
  record.looks, record.text = 0, nil
  local fields = record.fields
  if following ~= "outcome" then
    fields.status = following
    log(self, record, "info", "Status: " .. following)
    return
  end
  for line in dockerfile(fields.parameters):gmatch("[^\n]+") do log(self, record, "info", line) end
  fields.status, fields.build_finish_time_ms = self.settings.build_outcome, base.milliseconds(self)
  if fields.status == "failed" then
    fields.failure_reason = "build_failed"
    log(self, record, "error", "The build failed.")
  else
    log(self, record, "info", "Built.")
  end
end

local function latest_build(self, name)
  local list = self.stores.blueprint.list
  for i = #list, 1, -1 do
    local record = list[i]
    if not record.deleted and record.fields.name == name and record.fields.status == "build_complete" then
      return record
    end
  end
end

local function parameters_of(self, request)
  local fields = base.body(request, PARAMETERS)
  devboxes.check(fields)
  expect(fields.name:find("%S"), "name must not be blank")
  expect(not (fields.base_blueprint_id and fields.base_blueprint_name),
    "At most one of base_blueprint_id and base_blueprint_name may be given.")
  local parent
  if fields.base_blueprint_id then
    parent = self.stores.blueprint.by_id[fields.base_blueprint_id]
    expect(parent and not parent.deleted, "No such base blueprint.")
  elseif fields.base_blueprint_name then
    parent = expect(latest_build(self, fields.base_blueprint_name), "No such base blueprint.")
  end
  for _, service in ipairs(fields.services or {}) do
    base.check(service, "image!:string name!:string credentials:object env:map options:string port_mappings:strings",
      "services.")
  end
  local context = fields.build_context
  if context then
    context = base.check(context, "object_id!:string type!:string", "build_context.")
    local object = self.stores.object.by_id[context.object_id]
    expect(object and object.fields.state == "READ_ONLY", "build_context.object_id is no READ_ONLY object.")
  end
  return fields, parent
end

local function create(self, request)
  local fields, parent = parameters_of(self, request)
  local id = base.new_id(self, "bpt_")
  local record = base.add(self.stores.blueprint, {
    id = id, looks = 0, logs = json.array {}, base_id = parent and parent.id,
    fields = {
      id = id, create_time_ms = base.milliseconds(self), name = fields.name, parameters = fields, state = "created",
      status = "queued", base_blueprint_id = base.or_null(parent and parent.id), build_finish_time_ms = null,
      containerized_services = base.or_null(fields.services), devbox_capabilities = json.array { "unknown" },
      failure_reason = null, is_public = false, metadata = fields.metadata or {},
    },
  })
  log(self, record, "info", "Queued.")
  return ok(base.record_text(record))
end

local function find(self, id)
  local record = base.find_own(self, "blueprint", id, "Blueprint")
  look(self, record)
  return record
end

local function list(is_public)
  return function(self, request)
    local query = request.query
    local match, same = base.matcher(query, base.field_name), base.equals(query, "status")
    return base.list_page(self.stores.blueprint, query, "blueprints", base.record_text, function(record)
      return record.fields.is_public == is_public and same(record) and match(record)
    end)
  end
end

local function delete(self, _, id)
  local record = base.find_own(self, "blueprint", id, "Blueprint")
  for _, snapshot in ipairs(self.stores.snapshot.list) do
    expect(snapshot.deleted or snapshot.fields.source_blueprint_id ~= id, "The blueprint has dependent snapshots.")
  end
  record.deleted, record.fields.state = true, "deleted"
  return ok "{}"
end

local function preview(self, request)
  return ok { dockerfile = dockerfile((parameters_of(self, request))) }
end

function blueprints.seed(_, stores)
  stores.blueprint = base.new_store()
  for i = 1, 2 do
    local id, name = ("bpt_public%02d"):format(i), "runloop/starter-" .. i
    base.add(stores.blueprint, {
      id = id, seeded = true, looks = 0,
      logs = json.array { { level = "info", message = "Built.", timestamp_ms = base.SEED_TIME } },
      fields = {
        id = id, create_time_ms = base.SEED_TIME, name = name, parameters = { name = name }, state = "created",
        status = "build_complete", build_finish_time_ms = base.SEED_TIME + 60000, is_public = true, metadata = {},
      },
    })
  end
end

function blueprints.open(self)
  self.latest_build = latest_build
end

blueprints.texts = { blueprint = base.record_text }

blueprints.routes = {
  { "GET", "/v1/blueprints", list(false) },
  { "POST", "/v1/blueprints", create },
  { "GET", "/v1/blueprints/list_public", list(true) },
  { "POST", "/v1/blueprints/preview", preview },
  { "GET", "/v1/blueprints/{id}", function(self, _, id) return ok(base.record_text(find(self, id))) end },
  { "GET", "/v1/blueprints/{id}/logs", function(self, _, id)
    return ok { blueprint_id = id, logs = find(self, id).logs }
  end },
  { "POST", "/v1/blueprints/{id}/delete", delete },
}

return blueprints
