--- Keys of the account: their secrets are shown once, when they are created.
local base = require "api.base"

local apikeys = {}

local function create(self, request)
  local fields = base.body(request, "expires_at_ms:integer name:string")
  return base.ok {
    id = base.new_id(self, "key_"), expires_at_ms = base.or_null(fields.expires_at_ms), name = fields.name,
    key_secret = base.new_id(self, "ak_"),
  }
end

apikeys.routes = { { "POST", "/v1/apikeys", create } }

return apikeys
