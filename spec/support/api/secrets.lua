--- Secrets: found by their names; a value that was set is never shown again.
local base = require "api.base"

local secrets = {}

local ok, expect, refuse = base.ok, base.expect, base.refuse

local function find(self, name)
  local record = base.by_id_or_name(self, "secret", name)
  if not record or record.fields.name ~= name then refuse(404, ("Secret %s not found"):format(name)) end
  return record
end

local function create(self, request)
  local fields = base.body(request, "name!:string value!:string")
  expect(fields.name:find("^[%a_][%w_-]*$"), "name is not a valid environment variable name")
  expect(not base.by_id_or_name(self, "secret", fields.name), "A secret with this name exists already.")
  local id, now = base.new_id(self, "sec_"), base.milliseconds(self)
  return ok(base.record_text(base.add(self.stores.secret, {
    id = id, value = fields.value,
    fields = { id = id, name = fields.name, create_time_ms = now, update_time_ms = now },
  })))
end

local function update(self, request, name)
  local record = find(self, name)
  record.value = base.body(request, "value!:string").value
  record.fields.update_time_ms, record.text = base.milliseconds(self), nil
  return ok(base.record_text(record))
end

local function delete(self, _, name)
  local record = find(self, name)
  record.deleted = true
  return ok(base.record_text(record))
end

-- Without a cursor: what lies behind the limit cannot be reached.
local function list(self, request)
  return base.list_page(self.stores.secret, { limit = request.query.limit }, "secrets", base.record_text)
end

function secrets.seed(_, stores)
  stores.secret = base.new_store()
end

secrets.texts = { secret = base.record_text }

secrets.routes = {
  { "GET", "/v1/secrets", list },
  { "POST", "/v1/secrets", create },
  { "GET", "/v1/secrets/{name}", function(self, _, name) return ok(base.record_text(find(self, name))) end },
  { "POST", "/v1/secrets/{name}", update },
  { "POST", "/v1/secrets/{name}/delete", delete },
}

return secrets
