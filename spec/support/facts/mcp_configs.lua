-- What the API's reference says of MCP configs.

local common = require "spec.support.facts.common"

local CONFIG = {
  name = "n", description = "d", endpoint = "https://api.example.org", auth_mechanism = common.AUTH_MECHANISM,
  custom_headers = common.CUSTOM_HEADERS, allowed_tools = { "github.search_*" },
}

local PATH = "/v1/mcp-configs"

return {
  rows = {
    create = { "POST", PATH, body = CONFIG, unsent = common.UNSENT_HEADERS },
    retrieve = { "GET", PATH .. "/mcp_1", ids = { "mcp_1" } },
    update = { "POST", PATH .. "/mcp_1", ids = { "mcp_1" }, body = CONFIG, unsent = common.UNSENT_HEADERS },
    list = { "GET", PATH, list = "mcp_configs", query = common.page { id = "mcp_1", name = "n", search = "s" } },
    delete = { "POST", PATH .. "/mcp_1/delete", ids = { "mcp_1" } },
  },
  helpers = {},
  methods = { "delete", "refresh", "update" },
}
