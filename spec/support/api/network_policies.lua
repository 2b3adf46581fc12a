--- Network policies: flat on their way in, with an `egress` on their way out.
local base = require "api.base"
local configs = require "api.configs"
local json = require "json"

local expect = base.expect

local FLAGS = {
  "allow_agent_gateway", "allow_all", "allow_devbox_to_devbox", "allow_mcp_gateway", "allow_runloop_mirrors",
}
local EGRESS = "allow_agent_gateway:boolean allow_all:boolean allow_devbox_to_devbox:boolean "
  .. "allow_mcp_gateway:boolean allow_runloop_mirrors:boolean allowed_cidrs:array allowed_hostnames:strings "
  .. "description:string "

local function check(fields)
  for i, cidr in ipairs(fields.allowed_cidrs or {}) do
    local where = ("allowed_cidrs[%d]."):format(i)
    local rule = base.check(cidr, "cidr!:string ports:array", where)
    expect(rule.cidr:find "^%d+%.%d+%.%d+%.%d+/%d+$", where .. "cidr is no IPv4 range")
    for _, port in ipairs(rule.ports or {}) do
      local p = base.check(port, "port!:integer end_port:integer protocol:string", where .. "ports.")
      expect(p.port >= 1 and p.port <= 65535, where .. "ports.port must be between 1 and 65535")
    end
  end
end

local function egress_of(fields, old)
  check(fields)
  local egress = {}
  for _, name in ipairs(FLAGS) do
    egress[name] = fields[name]
    if egress[name] == nil then egress[name] = old[name] or false end
  end
  if egress.allow_all and fields.allow_devbox_to_devbox == nil then egress.allow_devbox_to_devbox = true end
  egress.allowed_cidrs = fields.allowed_cidrs or old.allowed_cidrs or json.array {}
  egress.allowed_hostnames = fields.allowed_hostnames or old.allowed_hostnames or json.array {}
  return egress
end

return configs.resource("network_policy", {
  path = "/v1/network-policies", prefix = "np_", label = "Network policy", list = "network_policies",
  name_filter = "partial", create = EGRESS .. "name!:string", update = EGRESS .. "name:string",
  make = function(self, fields)
    return { egress = egress_of(fields, {}), update_time_ms = base.milliseconds(self) }
  end,
  change = function(self, record, fields)
    record.fields.egress = egress_of(fields, record.fields.egress)
    record.fields.update_time_ms = base.milliseconds(self)
  end,
  in_use = function(box, record)
    return box.fields.launch_parameters.network_policy_id == record.id
  end,
})
