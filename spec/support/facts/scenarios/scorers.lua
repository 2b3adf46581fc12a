-- What the API's reference says of scorers.

local common = require "spec.support.facts.common"

local SCORER = { type = "mine", bash_script = "echo score=1.0" }

return {
  rows = {
    list = { "GET", "/v1/scenarios/scorers", list = "scorers", query = common.page { search = "s" } },
    retrieve = { "GET", "/v1/scenarios/scorers/scs_1", ids = { "scs_1" } },
    create = { "POST", "/v1/scenarios/scorers", body = SCORER },
    update = { "POST", "/v1/scenarios/scorers/scs_1", ids = { "scs_1" }, body = SCORER },
  },
  helpers = {},
  methods = { "refresh", "update" },
}
