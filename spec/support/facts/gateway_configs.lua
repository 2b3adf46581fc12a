-- What the API's reference says of gateway configs.

local common = require "spec.support.facts.common"

local CONFIG = {
  name = "n", description = "d", endpoint = "https://api.example.org", auth_mechanism = common.AUTH_MECHANISM,
  custom_headers = common.CUSTOM_HEADERS,
}

local PATH = "/v1/gateway-configs"

return {
  rows = {
    create = { "POST", PATH, body = CONFIG, unsent = common.UNSENT_HEADERS },
    retrieve = { "GET", PATH .. "/gwc_1", ids = { "gwc_1" } },
    update = { "POST", PATH .. "/gwc_1", ids = { "gwc_1" }, body = CONFIG, unsent = common.UNSENT_HEADERS },
    list = { "GET", PATH, list = "gateway_configs", query = common.page { id = "gwc_1", name = "n", search = "s" } },
    delete = { "POST", PATH .. "/gwc_1/delete", ids = { "gwc_1" } },
  },
  helpers = {},
  methods = { "delete", "refresh", "update" },
}
