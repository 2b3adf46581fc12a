-- What the API's reference says of network policies.

local common = require "spec.support.facts.common"

local POLICY = {
  name = "n", description = "d", allow_agent_gateway = true, allow_all = false, allow_devbox_to_devbox = true,
  allow_mcp_gateway = false, allow_runloop_mirrors = true,
  allowed_cidrs = { { cidr = "10.0.0.0/8", ports = { { port = 80, end_port = 90, protocol = "TCP" } } } },
  allowed_hostnames = { "*.example.org" },
}

local PATH = "/v1/network-policies"

return {
  rows = {
    create = { "POST", PATH, body = POLICY },
    retrieve = { "GET", PATH .. "/npl_1", ids = { "npl_1" } },
    update = { "POST", PATH .. "/npl_1", ids = { "npl_1" }, body = POLICY },
    list = {
      "GET", PATH, list = "network_policies", query = common.page { id = "npl_1", name = "n", search = "s" },
    },
    delete = { "POST", PATH .. "/npl_1/delete", ids = { "npl_1" } },
  },
  helpers = {},
  methods = { "delete", "refresh", "update" },
}
