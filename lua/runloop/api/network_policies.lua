-- Network policies: whom devboxes may talk to.

local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local type = type

local boolean, id, integer, text = schema.boolean, schema.id, schema.integer, schema.string
local answer, array, enum, object, required =
  schema.answer, schema.array, schema.enum, schema.object, schema.required

local shapes = schema.shapes(common)

shapes.PortProtocol = enum { "TCP", "UDP" }

local function check_ports(rule)
  if type(rule.end_port) == "number" and rule.end_port < rule.port then return "has an 'end_port' below its 'port'" end
end

shapes.PortRule = object {
  end_port = integer { min = 1, max = 65535 } "up to this one",
  port = required(integer { min = 1, max = 65535 }),
  protocol = shapes.PortProtocol,
} { rule = check_ports }

shapes.AllowedCidr = object {
  cidr = required(text "IPv4, the host's bits 0"),
  ports = array(shapes.PortRule) "none: all",
}

local function policy(fields)
  fields.allow_agent_gateway = boolean
  fields.allow_all = boolean
  fields.allow_devbox_to_devbox = boolean
  fields.allow_mcp_gateway = boolean
  fields.allow_runloop_mirrors = boolean
  fields.allowed_cidrs = array(shapes.AllowedCidr)
  fields.allowed_hostnames = array(text) "`*.` stands for any subdomain"
  fields.description = text
  return object(fields)
end

shapes.NetworkPolicyCreateParameters = policy { "What is absent is false or empty.", name = required(text) }

shapes.NetworkPolicyUpdateParameters = policy { "What is absent stays as it is.", name = text }

shapes.NetworkPolicyListQuery = common.list_of({ id = id, name = text "policies with this in their name" }, "ids and names")

shapes.Egress = answer {
  "Nothing at all, where hostnames and CIDRs are empty and not all is allowed.",
  allow_agent_gateway = required(boolean),
  allow_all = required(boolean),
  allow_devbox_to_devbox = required(boolean),
  allow_mcp_gateway = required(boolean),
  allow_runloop_mirrors = required(boolean),
  allowed_cidrs = required(array(shapes.AllowedCidr)),
  allowed_hostnames = required(array(text)),
}

shapes.NetworkPolicy = answer {
  "Whom devboxes may talk to. What a call takes side by side comes back in `egress`.",
  create_time_ms = required(integer "since 1970"),
  description = text,
  egress = required(shapes.Egress),
  id = required(text),
  name = required(text),
  update_time_ms = required(integer "since 1970"),
}

return {
  name = "network_policies", kind = "network_policy", thing = shapes.NetworkPolicy, shapes = shapes,
  text = "Whom devboxes may talk to.",

  rows = {
    create = {
      "POST /v1/network-policies", "Creates a network policy.",
      body = shapes.NetworkPolicyCreateParameters, returns = "network_policies",
    },
    retrieve = { "GET /v1/network-policies/{id}", "One network policy.", returns = "network_policies" },
    update = {
      "POST /v1/network-policies/{id}", "Replaces the fields given and keeps the others.",
      body = shapes.NetworkPolicyUpdateParameters, changes = true, returns = "network_policies",
    },
    list = {
      "GET /v1/network-policies", "Lists network policies.",
      query = shapes.NetworkPolicyListQuery, list = "network_policies", returns = "network_policies",
    },
    delete = {
      "POST /v1/network-policies/{id}/delete", "Deletes a network policy. While it is in use: `bad_request`.",
      returns = "network_policies",
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    update = { "Replaces the fields given.", in_place = "update" },
    delete = { "Deletes it.", in_place = "delete" },
  },
}
