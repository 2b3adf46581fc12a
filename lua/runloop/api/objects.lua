-- Objects: files that the platform stores.

local errors = require "runloop.error"
local lazy = require "runloop.lazy"
local resource = require "runloop.resource"
local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local type = type
local find = string.find

local integer, map, text = schema.integer, schema.map, schema.string
local answer, enum, object, query_of, required =
  schema.answer, schema.enum, schema.object, schema.query_of, schema.required

local shapes = schema.shapes(common)

shapes.ObjectContentType = enum {
  "unspecified", "text", "binary", "gzip # unpacked where it is mounted, as are tar and tgz", "tar", "tgz",
}
shapes.ObjectState = enum {
  "UPLOADING # until `complete`; not to be mounted or downloaded", "READ_ONLY", "DELETED", "ERROR",
}

shapes.ObjectCreateParameters = object {
  content_type = required(shapes.ObjectContentType),
  metadata = map "for your own order",
  name = required(text),
  ttl_ms = integer "how long it lives",
}

shapes.ObjectUploadParameters = object {
  content_type = shapes.ObjectContentType "default: by the end of the name",
  metadata = map "for your own order",
  name = text "default: the file's",
  ttl_ms = integer "how long it lives",
}

shapes.ObjectListQuery = common.list_of({
  content_type = shapes.ObjectContentType,
  name = text "objects with this in their name",
  state = shapes.ObjectState,
}, "ids and names")

shapes.ObjectDownloadQuery = query_of { duration_seconds = integer "how long the URL is good for; default 3600" }

shapes.Object = answer {
  "A stored file.",
  content_type = required(shapes.ObjectContentType),
  create_time_ms = required(integer "since 1970"),
  delete_after_time_ms = integer "since 1970",
  id = required(text),
  metadata = map,
  name = required(text),
  size_bytes = integer "once it has been uploaded",
  state = required(shapes.ObjectState),
  upload_url = text { secret = true } "from `create` alone: where the bytes go, by a PUT",
}

shapes.ObjectDownloadUrl = answer { download_url = required(text { secret = true }) }

-- Of an attempt whose answer was lost the next one hears that the object is not UPLOADING any more: as it should be.
local function recover_complete(context, ids, err, options)
  if err.status ~= 409 or err.attempts < 2 and not err.maybe_sent then return nil, err end
  local view, response = context.api.objects:retrieve(ids[1], options)
  if view and view.state == "READ_ONLY" then return view, response end
  return nil, err
end

local function check_upload(params, where)
  return schema.check(shapes.ObjectUploadParameters, params, where, resource.CALL_OPTIONS)
end

local function upload_from_file(context, path, params, options)
  local where = "objects:upload_from_file"
  if type(path) ~= "string" or path == "" or find(path, "%z") then
    errors.misuse(where .. ": 'path' must be the name of a file")
  end
  params = check_upload(params, where)
  return lazy.load("upload").object(context, where, { file = path }, params, options)
end

local function upload_from_text(context, contents, params, options)
  local where = "objects:upload_from_text"
  if type(contents) ~= "string" then
    errors.misuse(where .. ": argument 'text' must be a string, got " .. type(contents))
  end
  params = check_upload(params, where)
  if not params.name then errors.misuse(where .. ": parameter 'name' is required") end
  return lazy.load("upload").object(context, where, { text = contents }, params, options)
end

local function download(context, stored, path, options)
  local where = "object:download"
  if path ~= nil and (type(path) ~= "string" or path == "" or find(path, "%z")) then
    errors.misuse(where .. ": 'path' must be the name of a file, or nil")
  end
  resource.call_options(options, where)
  local refused = context.transport.scheduler:enter(where)
  if refused then return nil, refused end
  return lazy.load("upload").fetch(context, stored.id, path, options)
end

return {
  name = "objects", kind = "object", thing = shapes.Object, shapes = shapes,
  text = "Files that the platform stores, to be mounted into devboxes.",

  rows = {
    create = {
      "POST /v1/objects", "Makes room for an object. Its bytes go to `upload_url`, then comes `complete`.",
      body = shapes.ObjectCreateParameters, returns = "objects",
    },
    retrieve = { "GET /v1/objects/{id}", "One object.", returns = "objects" },
    list = {
      "GET /v1/objects", "Lists the account's objects.",
      query = shapes.ObjectListQuery, list = "objects", returns = "objects",
    },
    list_public = {
      "GET /v1/objects/list_public", "Lists the objects that everybody may use.",
      query = shapes.ObjectListQuery, list = "objects", returns = "objects",
    },
    complete = {
      "POST /v1/objects/{id}/complete", "Says that the bytes of an object are there.",
      returns = "objects", conflicts = true, recovers = recover_complete,
    },
    download = {
      "GET /v1/objects/{id}/download", "A URL that an object can be downloaded from for some time.",
      query = shapes.ObjectDownloadQuery, returns = "ObjectDownloadUrl",
    },
    delete = { "POST /v1/objects/{id}/delete", "Deletes an object for good.", returns = "objects" },
  },

  helpers = {
    upload_from_file = {
      "Makes an object of a local file, which is read as it is sent: `create`, a PUT to its `upload_url`, `complete`. What "
        .. "does not get to its end is deleted again.",
      takes = { { "path", "string" }, "params", "options" }, params = shapes.ObjectUploadParameters, returns = "objects",
      call = upload_from_file,
    },
    upload_from_text = {
      "Makes an object of a text; `name` is required.",
      takes = { { "text", "string" }, "params", "options" }, params = shapes.ObjectUploadParameters, returns = "objects",
      call = upload_from_text,
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    complete = { "Says that its bytes are there.", in_place = "complete" },
    delete = { "Deletes it for good.", in_place = "delete" },
    download = {
      "Its bytes, to a local file, which appears whole or not at all, or as a string.",
      takes = { { "path?", "string", "nil: the bytes are returned" }, "options" }, returns = "bytes", call = download,
    },
  },
}
