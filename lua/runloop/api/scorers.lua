-- Endpoints of custom scorers, each a row.

local shapes = require "runloop.api.shapes"

return {
  list = {
    method = "GET", path = "/v1/scenarios/scorers",
    query = shapes.ScorerListQuery, list = "scorers", returns = "scorer",
  },
  retrieve = { method = "GET", path = "/v1/scenarios/scorers/{id}", returns = "scorer" },
  create = {
    method = "POST", path = "/v1/scenarios/scorers",
    body = shapes.ScorerCreateParameters, returns = "scorer",
  },
  update = {
    method = "POST", path = "/v1/scenarios/scorers/{id}",
    body = shapes.ScorerUpdateParameters, returns = "scorer",
  },
}
