-- Blueprints: images that devboxes start from.

local lazy = require "runloop.lazy"
local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local await = lazy.module "await"

local type = type

local boolean, id, integer, map, text = schema.boolean, schema.id, schema.integer, schema.map, schema.string
local answer, array, enum, object, required =
  schema.answer, schema.array, schema.enum, schema.object, schema.required

local texts = array(text)

local shapes = schema.shapes(common)

shapes.BlueprintStatus = enum {
  "queued", "provisioning", "building", "build_complete", "failed", "awaiting_upload",
}
shapes.BlueprintState = enum { "created", "deleted" }

shapes.BuildContext = object {
  object_id = required(id "of an object that is a tar or tgz, and READ_ONLY"),
  type = required(enum { "object" }),
}

shapes.ServiceCredentials = object {
  password = required(text { secret = true }),
  username = required(text),
}

shapes.BlueprintService = object {
  "A container that runs beside, on each devbox.",
  credentials = shapes.ServiceCredentials,
  env = map,
  image = required(text),
  name = required(text),
  options = text "of docker create",
  port_mappings = texts "host:container",
}

local function check_blueprint(params)
  if type(params.base_blueprint_id) == "string" and type(params.base_blueprint_name) == "string" then
    return "have 'base_blueprint_id' and 'base_blueprint_name', of which one at most may be there"
  end
  return common.file_mounts_fault(params.file_mounts)
end

shapes.BlueprintBuildParameters = object {
  base_blueprint_id = id,
  base_blueprint_name = text "the latest good build of this name",
  build_args = map "of docker build",
  build_context = shapes.BuildContext,
  code_mounts = array(shapes.CodeMountParameters),
  dockerfile = text "its contents",
  file_mounts = map "path to contents, at most 98250 bytes each",
  launch_parameters = shapes.LaunchParameters "which its devboxes have, too",
  metadata = map "for your own order",
  name = required(text "several builds may have the same"),
  network_policy_id = id "while it is built",
  secrets = schema.map_of(schema.secret_name) "environment variable to name of a secret, while it is built",
  services = array(shapes.BlueprintService),
  system_setup_commands = texts,
} { rule = check_blueprint }

shapes.BlueprintListQuery = common.list_of {
  name = text "blueprints of this name",
  status = text "see runloop.BlueprintStatus",
}

shapes.Blueprint = answer {
  "An image that devboxes start from.",
  base_blueprint_id = text,
  build_finish_time_ms = integer "since 1970",
  containerized_services = array(shapes.BlueprintService),
  create_time_ms = required(integer "since 1970"),
  devbox_capabilities = texts,
  failure_reason = text "out_of_memory, out_of_disk or build_failed",
  id = required(text),
  is_public = boolean,
  metadata = map,
  name = required(text),
  parameters = required(shapes.BlueprintBuildParameters),
  state = required(shapes.BlueprintState),
  status = required(shapes.BlueprintStatus),
}

shapes.BlueprintBuildLog = answer {
  level = required(text),
  message = required(text),
  timestamp_ms = required(integer "since 1970"),
}

shapes.BlueprintBuildLogs = answer {
  blueprint_id = required(text),
  logs = required(array(shapes.BlueprintBuildLog)),
}

shapes.BlueprintPreview = answer { dockerfile = required(text) }

local BUILDING = { queued = true, provisioning = true, building = true, awaiting_upload = true }

local function is_built(blueprint)
  local status = blueprint.status
  if status == "build_complete" then return true end
  if BUILDING[status] then return false end
  return nil, status
end

local function wait(watch, blueprint)
  watch.what = "blueprint " .. blueprint
  local view, response = watch:poll(function(options)
    return watch.api.blueprints:retrieve(blueprint, options)
  end, is_built)
  local last = view == nil and response.last
  if last and response.kind == "state" and type(last.failure_reason) == "string" then
    response.message = response.message .. " (" .. last.failure_reason .. ")"
  end
  return view, response
end

local function await_build_complete(context, blueprint, spec, options)
  return wait(await.new(context, spec, options), blueprint)
end

local function create_and_await_build_complete(context, params, spec, options)
  local blueprints = context.api.blueprints
  return await.create(await.new(context, spec, options, "the creation of a blueprint"), {
    begin = function(call_options) return blueprints:create(params, call_options) end,
    wait = function(watch, blueprint) return wait(watch, blueprint.id) end,
    undo = function(blueprint, call_options) return blueprints:delete(blueprint.id, call_options) end,
  })
end

return {
  name = "blueprints", kind = "blueprint", thing = shapes.Blueprint, shapes = shapes,
  text = "Images that devboxes start from.",

  rows = {
    create = {
      "POST /v1/blueprints", "Begins to build a blueprint.",
      body = shapes.BlueprintBuildParameters, returns = "blueprints",
    },
    retrieve = { "GET /v1/blueprints/{id}", "One blueprint.", returns = "blueprints" },
    list = {
      "GET /v1/blueprints", "Lists the account's blueprints.",
      query = shapes.BlueprintListQuery, list = "blueprints", returns = "blueprints",
    },
    list_public = {
      "GET /v1/blueprints/list_public", "Lists the blueprints that everybody may use.",
      query = shapes.BlueprintListQuery, list = "blueprints", returns = "blueprints",
    },
    logs = { "GET /v1/blueprints/{id}/logs", "The whole log of a build.", returns = "BlueprintBuildLogs" },
    delete = {
      "POST /v1/blueprints/{id}/delete", "Deletes a blueprint. While snapshots depend on it: `bad_request`.",
      returns = "nothing",
    },
    preview = {
      "POST /v1/blueprints/preview", "The dockerfile that a build would have. Deprecated by the API.",
      body = shapes.BlueprintBuildParameters, returns = "BlueprintPreview",
    },
  },

  helpers = {
    await_build_complete = {
      "Waits until a blueprint is built; any status that leads elsewhere is an error of kind `state`.",
      takes = { "id", "await", "options" }, returns = "blueprints", call = await_build_complete,
    },
    create_and_await_build_complete = {
      "Creates a blueprint and waits until it is built. When it is not, the error's `created` is the blueprint, and with "
        .. "`cancel_on_failure` it is deleted.",
      takes = { "params", "await", "options" }, params = shapes.BlueprintBuildParameters, returns = "blueprints",
      call = create_and_await_build_complete,
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    delete = { "Deletes it.", calls = "blueprints:delete" },
    logs = { "The whole log of its build.", calls = "blueprints:logs" },
    await_build_complete = { "Waits until it is built.", in_place = "await_build_complete" },
  },
}
