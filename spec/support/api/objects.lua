--- Objects: their bytes go by presigned URLs to and from a second origin, which wants no token.
local base = require "api.base"
local files = require "api.files"
local json = require "json"

local objects = {}

local null, ok, expect, refuse = json.null, base.ok, base.expect, base.refuse

local TYPES = base.names "unspecified text binary gzip tar tgz"
local STATES = base.names "UPLOADING READ_ONLY DELETED ERROR"

local function find(self, id)
  local record = base.find_own(self, "object", id, "Object")
  local due = base.given(record.fields.delete_after_time_ms)
  if due and base.milliseconds(self) >= due then record.fields.state = "DELETED" end
  return record
end

local function presigned(self, record, verb, seconds)
  local key = base.new_id(self, "sig")
  record.signatures[key] = { verb = verb, expires = self:now() + seconds }
  return ("%s/storage/%s?X-Expires=%d&X-Signature=%s"):format(self.storage_url, record.id, seconds, key)
end

local function create(self, request)
  local fields = base.body(request, "content_type!:string name!:string metadata:map ttl_ms:integer")
  expect(TYPES[fields.content_type], "content_type is unknown")
  expect(fields.name:find("%S"), "name must not be blank")
  local id, now = base.new_id(self, "obj_"), base.milliseconds(self)
  local record = base.add(self.stores.object, {
    id = id, signatures = {},
    fields = {
      id = id, content_type = fields.content_type, create_time_ms = now, name = fields.name, state = "UPLOADING",
      delete_after_time_ms = fields.ttl_ms and now + fields.ttl_ms or null, metadata = fields.metadata or {},
      size_bytes = null,
    },
  })
  local view = { upload_url = presigned(self, record, "PUT", 3600) }
  for name, value in pairs(record.fields) do view[name] = value end
  return ok(base.object_text(view))
end

local function complete(self, _, id)
  local record = find(self, id)
  if record.fields.state ~= "UPLOADING" then refuse(409, "The object is not in the UPLOADING state.") end
  expect(record.path or record.bytes, "Nothing was uploaded.")
  record.fields.state, record.fields.size_bytes = "READ_ONLY", record.size
  return ok(base.record_text(record))
end

local function download(self, request, id)
  local record = find(self, id)
  expect(record.fields.state == "READ_ONLY", "The object cannot be downloaded, it is " .. record.fields.state .. ".")
  local seconds = request.query.duration_seconds
  if seconds == nil or seconds == "" then seconds = "3600" end
  expect(seconds:find("^%d+$") and tonumber(seconds) > 0, "duration_seconds must be a positive integer")
  return ok { download_url = presigned(self, record, "GET", math.tointeger(tonumber(seconds))) }
end

local function delete(self, _, id)
  local record = find(self, id)
  record.fields.state = "DELETED"
  if record.path then os.remove(record.path) end
  record.path, record.bytes = nil, nil
  return ok(base.record_text(record))
end

local function list(is_public)
  return function(self, request)
    local query = request.query
    expect(query.content_type == nil or query.content_type == "" or TYPES[query.content_type], "content_type is unknown")
    expect(query.state == nil or query.state == "" or STATES[query.state], "state is unknown")
    local match = base.matcher(query, base.field_name, "partial")
    local same = base.equals(query, "content_type state")
    return base.list_page(self.stores.object, query, "objects", base.record_text, function(record)
      return (record.is_public or false) == is_public and same(record) and match(record)
        and (record.fields.state ~= "DELETED" or query.state == "DELETED")
    end)
  end
end

-- The second origin. What an S3-like store would say to a request that was not signed so.

local function denied(status, code, message)
  return {
    status = status, headers = { { "Content-Type", "application/xml" } },
    body = ("<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message></Error>"):format(code, message),
  }
end

local function signed(self, request, id, verb)
  if request.header["authorization"] then
    return nil, denied(400, "InvalidArgument", "Only one auth mechanism allowed.")
  end
  local record = self.stores.object.by_id[id]
  local signature = record and record.signatures[request.query["X-Signature"]]
  if not signature or signature.verb ~= verb or signature.expires < self:now() then
    return nil, denied(403, "SignatureDoesNotMatch", "The request signature does not match.")
  end
  for name in pairs(request.header) do
    if name == "content-type" or name:find "^x%-" then
      return nil, denied(403, "SignatureDoesNotMatch", "The header " .. name .. " was not signed.")
    end
  end
  return record
end

local function put(self, request, id)
  local record, refusal = signed(self, request, id, "PUT")
  if not record then return refusal end
  if not request.header["content-length"] then return denied(411, "MissingContentLength", "A length is needed.") end
  if record.path then os.remove(record.path) end
  if request.body_file then
    record.path, record.size, request.taken = request.body_file, request.body_bytes, request.body_file
  else
    record.path, record.size = files.spool(self), #request.body
    files.write(record.path, request.body)
  end
  return { status = 200, headers = { { "ETag", '"' .. id .. '"' } }, body = "" }
end

local function get(self, request, id)
  local record, refusal = signed(self, request, id, "GET")
  if not record then return refusal end
  if record.bytes then
    return { status = 200, headers = { { "Content-Type", "binary/octet-stream" } }, body = record.bytes }
  end
  if not record.path then return denied(404, "NoSuchKey", "The object is gone.") end
  return files.answer(record.path, "binary/octet-stream")
end

function objects.seed(_, stores)
  stores.object = base.new_store()
  for i = 1, 2 do
    local id = ("obj_public%02d"):format(i)
    base.add(stores.object, {
      id = id, seeded = true, is_public = true, bytes = "public " .. i .. "\n", size = 9, signatures = {},
      fields = {
        id = id, content_type = "text", create_time_ms = base.SEED_TIME, name = "public-" .. i .. ".txt",
        state = "READ_ONLY", delete_after_time_ms = null, metadata = {}, size_bytes = 9,
      },
    })
  end
end

objects.texts = { object = base.record_text }

objects.routes = {
  { "GET", "/v1/objects", list(false) },
  { "POST", "/v1/objects", create },
  { "GET", "/v1/objects/list_public", list(true) },
  { "GET", "/v1/objects/{id}", function(self, _, id) return ok(base.record_text(find(self, id))) end },
  { "POST", "/v1/objects/{id}/complete", complete },
  { "GET", "/v1/objects/{id}/download", download },
  { "POST", "/v1/objects/{id}/delete", delete },
}

objects.elsewhere = {
  { "PUT", "/storage/{id}", put, body = "any" },
  { "GET", "/storage/{id}", get },
}

return objects
