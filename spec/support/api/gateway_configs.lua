--- Gateway configurations; `anthropic` and `openai` are the system's and belong to no account.
local base = require "api.base"
local configs = require "api.configs"

local function system(name, endpoint)
  return {
    id = "gwc_" .. name, name = name, endpoint = endpoint, auth_mechanism = { type = "bearer" },
    create_time_ms = base.SEED_TIME,
  }
end

return configs.resource("gateway_config", {
  path = "/v1/gateway-configs", prefix = "gwc_", label = "Gateway config", list = "gateway_configs",
  name_filter = "partial",
  system = { system("anthropic", "https://api.anthropic.com"), system("openai", "https://api.openai.com") },
  create = "auth_mechanism!:object endpoint!:string name!:string custom_headers:array description:string",
  update = "auth_mechanism:object endpoint:string name:string custom_headers:array description:string",
  make = function(self, fields)
    configs.check_mechanism(fields.auth_mechanism)
    base.expect(fields.endpoint:find "^https?://.", "endpoint must be a URL")
    return {
      account_id = "acc_1", auth_mechanism = fields.auth_mechanism, endpoint = fields.endpoint,
      custom_headers = base.or_null(configs.headers(self, fields.custom_headers)),
    }
  end,
  change = function(self, record, fields)
    configs.check_mechanism(fields.auth_mechanism)
    record.fields.auth_mechanism = fields.auth_mechanism or record.fields.auth_mechanism
    record.fields.endpoint = fields.endpoint or record.fields.endpoint
    if fields.custom_headers then record.fields.custom_headers = configs.headers(self, fields.custom_headers) end
  end,
  in_use = function(box, record)
    for _, spec in pairs(base.given(box.fields.gateway_specs) or {}) do
      if spec.gateway_config_id == record.id then return true end
    end
    return false
  end,
})
