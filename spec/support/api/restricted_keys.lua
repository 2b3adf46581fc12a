--- Keys that may do only what their scopes say.
local base = require "api.base"
local json = require "json"

local restricted_keys = {}

local LEVELS = base.names "ACCESS_LEVEL_NONE ACCESS_LEVEL_READ ACCESS_LEVEL_WRITE"
local TYPES = base.names [[RESOURCE_TYPE_DEVBOXES RESOURCE_TYPE_BLUEPRINTS RESOURCE_TYPE_SNAPSHOTS
  RESOURCE_TYPE_BENCHMARKS RESOURCE_TYPE_SCENARIOS RESOURCE_TYPE_AGENTS RESOURCE_TYPE_OBJECTS RESOURCE_TYPE_ACCOUNT]]

local function create(self, request)
  local fields = base.body(request, "expires_at_ms:integer name:string scopes:array")
  for i, scope in ipairs(fields.scopes or {}) do
    local entry = base.check(scope, "access_level:string resource_type:string", ("scopes[%d]."):format(i))
    base.expect((entry.access_level == nil or LEVELS[entry.access_level])
      and (entry.resource_type == nil or TYPES[entry.resource_type]), "Invalid scopes.")
  end
  return base.ok {
    id = base.new_id(self, "key_"), expires_at_ms = base.or_null(fields.expires_at_ms), name = fields.name,
    key_secret = base.new_id(self, "rk_"), scopes = fields.scopes or json.array {},
  }
end

restricted_keys.routes = { { "POST", "/v1/restricted_keys", create } }

return restricted_keys
