-- What the API's reference says of agents.

local common = require "spec.support.facts.common"

return {
  rows = {
    create = {
      "POST", "/v1/agents", body = {
        name = "a", version = "1.2.3",
        source = { type = "npm", npm = { package_name = "p", agent_setup = { "x" }, registry_url = "https://r.example" } },
      },
      -- Of which there is but the one that `type` names.
      unsent = {
        source = {
          type = "npm", npm = { package_name = "p", agent_setup = { "x" }, registry_url = "https://r.example" },
          pip = { package_name = "p", agent_setup = { "x" }, registry_url = "https://r.example" },
          git = { repository = "https://g.example", agent_setup = { "x" }, ref = "main" },
          object = { object_id = "obj_1", agent_setup = { "x" } },
        },
      },
    },
    retrieve = { "GET", "/v1/agents/agt_1", ids = { "agt_1" } },
    list = {
      "GET", "/v1/agents", list = "agents",
      query = common.page { name = "n", search = "s", version = "latest", is_public = true },
    },
    list_public = {
      "GET", "/v1/agents/list_public", list = "agents",
      query = common.page { name = "n", search = "s", version = "latest" },
    },
    devbox_counts = { "GET", "/v1/agents/devbox_counts" },
    delete = { "POST", "/v1/agents/agt_1/delete", ids = { "agt_1" }, answer = "{}" },
  },
  helpers = {},
  methods = { "delete", "refresh" },
}
