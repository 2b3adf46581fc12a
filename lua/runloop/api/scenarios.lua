-- Endpoints of scenarios, each a row.

local shapes = require "runloop.api.shapes"

return {
  list = {
    method = "GET", path = "/v1/scenarios",
    query = shapes.ScenarioListQuery, list = "scenarios", returns = "scenario",
  },
  list_public = {
    method = "GET", path = "/v1/scenarios/list_public",
    query = shapes.PublicScenarioListQuery, list = "scenarios", returns = "scenario",
  },
  retrieve = { method = "GET", path = "/v1/scenarios/{id}", returns = "scenario" },
  create = { method = "POST", path = "/v1/scenarios", body = shapes.ScenarioCreateParameters, returns = "scenario" },
  update = {
    method = "POST", path = "/v1/scenarios/{id}",
    body = shapes.ScenarioUpdateParameters, returns = "scenario",
  },
  archive = { method = "POST", path = "/v1/scenarios/{id}/archive", returns = "scenario" },
  unarchive = { method = "POST", path = "/v1/scenarios/{id}/unarchive", returns = "scenario" },
  start_run = {
    method = "POST", path = "/v1/scenarios/start_run",
    body = shapes.StartScenarioRunParameters, returns = "run", secrets = { "auth_token", "token" }, -- of mounts
  },
}
