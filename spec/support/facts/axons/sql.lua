-- What the API's reference says of SQL over axons.

local STATEMENT = { sql = "select ?", params = { 1, "x", 2.5, true } }

return {
  rows = {
    query = { "POST", "/v1/axons/axn_1/sql/query", ids = { "axn_1" }, body = STATEMENT },
    batch = {
      "POST", "/v1/axons/axn_1/sql/batch", ids = { "axn_1" }, body = { statements = { STATEMENT, STATEMENT } },
    },
  },
  helpers = {},
}
