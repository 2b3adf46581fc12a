-- What the API's reference says of axons.

local common = require "spec.support.facts.common"

return {
  rows = {
    create = { "POST", "/v1/axons", body = { name = "a", metadata = { a = "b" } } },
    retrieve = { "GET", "/v1/axons/axn_1", ids = { "axn_1" } },
    update = { "POST", "/v1/axons/axn_1", ids = { "axn_1" }, body = { metadata = { a = "b" } } },
    list = {
      "GET", "/v1/axons", list = "axons",
      query = common.page { id = "axn_1", name = "n", search = "s", metadata = { env = "prod", team = { "a", "b" } } },
      wire_query = common.page {
        id = "axn_1", name = "n", search = "s", ["metadata[env]"] = "prod", ["metadata[team][in]"] = "a,b",
      },
    },
    delete = { "DELETE", "/v1/axons/axn_1", ids = { "axn_1" }, answer = "{}" },
    publish = {
      "POST", "/v1/axons/axn_1/publish", ids = { "axn_1" }, once = true,
      body = { event_type = "t", origin = "USER_EVENT", payload = "{}", source = "s" },
    },
    subscribe_sse = {
      "GET", "/v1/axons/axn_1/subscribe/sse", ids = { "axn_1" }, query = { after_sequence = 3 }, events = true,
      accept = "text/event-stream",
    },
  },
  helpers = {},
  methods = { "delete", "publish", "query", "refresh", "subscribe", "update" },
}
