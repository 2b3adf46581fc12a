-- Keys for a part of the API.

local schema = require "runloop.schema"

local integer, text = schema.integer, schema.string
local answer, array, enum, object = schema.answer, schema.array, schema.enum, schema.object

local shapes = schema.shapes()

shapes.AccessLevel = enum { "ACCESS_LEVEL_NONE", "ACCESS_LEVEL_READ", "ACCESS_LEVEL_WRITE" }
shapes.ScopeResource = enum {
  "RESOURCE_TYPE_DEVBOXES", "RESOURCE_TYPE_BLUEPRINTS", "RESOURCE_TYPE_SNAPSHOTS", "RESOURCE_TYPE_BENCHMARKS",
  "RESOURCE_TYPE_SCENARIOS", "RESOURCE_TYPE_AGENTS", "RESOURCE_TYPE_OBJECTS", "RESOURCE_TYPE_ACCOUNT",
}

shapes.ScopeEntry = object {
  access_level = shapes.AccessLevel,
  resource_type = shapes.ScopeResource,
}

shapes.RestrictedKeyCreateParameters = object {
  expires_at_ms = integer "since 1970",
  name = text,
  scopes = array(shapes.ScopeEntry),
}

shapes.RestrictedKey = answer {
  expires_at_ms = integer "since 1970",
  id = text,
  key_secret = text { secret = true } "the key, which is shown here alone",
  name = text,
  scopes = array(shapes.ScopeEntry),
}

return {
  name = "restricted_keys", shapes = shapes,
  text = "Keys for a part of the API. There is no call that lists them or takes them back.",

  rows = {
    create = {
      "POST /v1/restricted_keys", "Creates a key that may do what its scopes say.",
      body = shapes.RestrictedKeyCreateParameters, returns = "RestrictedKey",
    },
  },
}
