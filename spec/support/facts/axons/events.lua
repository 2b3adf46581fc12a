-- What the API's reference says of the events of axons.

local common = require "spec.support.facts.common"

return {
  rows = { list = { "GET", "/v1/axons/axn_1/events", ids = { "axn_1" }, query = common.page {} } },
  helpers = {},
}
