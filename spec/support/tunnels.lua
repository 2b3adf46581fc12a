--- Tunnels as a devbox shows them.
local base = require "api.base"
local json = require "json"

local tunnels = {}

tunnels.FIELDS = "auth_mode:string http_keep_alive:boolean wake_on_http:boolean"

--- A new tunnel, of the parameters that `enable_tunnel` takes.
function tunnels.new(self, fields)
  fields = base.check(fields or {}, tunnels.FIELDS, "tunnel.")
  local mode = fields.auth_mode or "open"
  base.expect(mode == "open" or mode == "authenticated", "auth_mode is unknown")
  return {
    auth_mode = mode, create_time_ms = base.milliseconds(self), http_keep_alive = fields.http_keep_alive ~= false,
    wake_on_http = fields.wake_on_http == true, tunnel_key = base.new_id(self, "tnl"):lower(),
    auth_token = mode == "authenticated" and base.new_id(self, "tna_") or json.null,
  }
end

return tunnels
