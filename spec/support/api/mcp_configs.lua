--- Configurations of MCP servers.
local base = require "api.base"
local configs = require "api.configs"

return configs.resource("mcp_config", {
  path = "/v1/mcp-configs", prefix = "mcp_", label = "MCP config", list = "mcp_configs", name_filter = "prefix",
  create = "allowed_tools!:strings endpoint!:string name!:string auth_mechanism:object custom_headers:array "
    .. "description:string",
  update = "allowed_tools:strings endpoint:string name:string auth_mechanism:object custom_headers:array "
    .. "description:string",
  make = function(self, fields)
    configs.check_mechanism(fields.auth_mechanism)
    base.expect(fields.endpoint:find "^https?://.", "endpoint must be a URL")
    return {
      allowed_tools = fields.allowed_tools, endpoint = fields.endpoint,
      auth_mechanism = fields.auth_mechanism or { type = "bearer" },
      custom_headers = base.or_null(configs.headers(self, fields.custom_headers)),
    }
  end,
  change = function(self, record, fields)
    configs.check_mechanism(fields.auth_mechanism)
    for _, name in ipairs { "allowed_tools", "endpoint", "auth_mechanism" } do
      record.fields[name] = fields[name] or record.fields[name]
    end
    if fields.custom_headers then record.fields.custom_headers = configs.headers(self, fields.custom_headers) end
  end,
  in_use = function(box, record)
    for _, spec in pairs(base.given(box.fields.mcp_specs) or {}) do
      if spec.mcp_config_id == record.id then return true end
    end
    return false
  end,
})
