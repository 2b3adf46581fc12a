--- What network policies and the configurations of gateways and MCP servers have in common: named, patched, deleted
--- unless in use.
local base = require "api.base"
local json = require "json"

local configs = {}

local ok, expect = base.ok, base.expect

--- Checks { type, key }: `key` is for headers alone.
function configs.check_mechanism(mechanism)
  if not mechanism then return end
  local fields = base.check(mechanism, "type!:string key:string", "auth_mechanism.")
  expect(fields.type == "header" or fields.type == "bearer" or fields.type == "basic", "auth_mechanism.type is unknown")
  expect((fields.type == "header") == (fields.key ~= nil), "auth_mechanism.key is for type header, which needs it")
end

--- The custom headers as they are shown: a secret by its id.
function configs.headers(self, headers)
  if not headers then return nil end
  expect(#headers <= 8, "There may be at most 8 custom_headers.")
  local shown = json.array {}
  for i, header in ipairs(headers) do
    local fields = base.check(header, "name!:string secret:string value:string", ("custom_headers[%d]."):format(i))
    expect((fields.secret == nil) ~= (fields.value == nil), "A custom header has either a secret or a value.")
    local secret
    if fields.secret then
      secret = expect(base.by_id_or_name(self, "secret", fields.secret), ("Secret %s not found"):format(fields.secret))
    end
    shown[i] = {
      name = fields.name, secret = base.or_null(secret and secret.id), value = base.or_null(fields.value),
    }
  end
  return shown
end

--- The resource of `kind`: { path, prefix, label, list, create = spec, update = spec, name_filter, make(self, fields)
--- -> fields, change(self, record, fields), in_use(self, record) -> bool }.
function configs.resource(kind, definition)
  local resource = { texts = { [kind] = base.record_text } }
  local path, label = definition.path, definition.label

  local function check_name(self, name, own)
    if not name then return end
    expect(name:find("%S"), "name must not be blank")
    local other = base.by_id_or_name(self, kind, name)
    expect(not other or other == own, ("%s with this name exists already."):format(label))
  end

  local function create(self, request)
    local fields = base.body(request, definition.create)
    check_name(self, fields.name)
    local id = base.new_id(self, definition.prefix)
    local made = definition.make(self, fields)
    made.id, made.name, made.create_time_ms = id, fields.name, base.milliseconds(self)
    made.description = base.or_null(fields.description)
    return ok(base.record_text(base.add(self.stores[kind], { id = id, fields = made })))
  end

  local function update(self, request, id)
    local record = base.find_own(self, kind, id, label)
    local fields = base.body(request, definition.update)
    check_name(self, fields.name, record)
    expect(record.fields.account_id ~= nil or kind ~= "gateway_config", "A system gateway cannot be changed.")
    definition.change(self, record, fields)
    record.fields.name = fields.name or record.fields.name
    if fields.description then record.fields.description = fields.description end
    return ok(base.record_text(record))
  end

  local function delete(self, _, id)
    local record = base.find_own(self, kind, id, label)
    for _, box in ipairs(self.stores.devbox.list) do
      local active = box.status ~= "shutdown" and box.status ~= "failure"
      expect(not (active and definition.in_use(box, record)), label .. " is in use by active devboxes.")
    end
    record.deleted = true
    return ok(base.record_text(record))
  end

  local function list(self, request)
    local query = request.query
    local match = base.matcher(query, base.field_name, definition.name_filter)
    return base.list_page(self.stores[kind], query, definition.list, base.record_text, function(record)
      return (not query.id or query.id == "" or record.id == query.id) and match(record)
    end)
  end

  function resource.seed(_, stores)
    stores[kind] = base.new_store()
    for _, fields in ipairs(definition.system or {}) do
      base.add(stores[kind], { id = fields.id, seeded = true, fields = fields })
    end
  end

  resource.routes = {
    { "GET", path, list },
    { "POST", path, create },
    { "GET", path .. "/{id}", function(self, _, id)
      return ok(base.record_text(base.find(self, kind, id, label)))
    end },
    { "POST", path .. "/{id}", update },
    { "POST", path .. "/{id}/delete", delete },
  }
  return resource
end

return configs
