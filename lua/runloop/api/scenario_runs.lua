-- Endpoints of scenario runs, each a row.

local shapes = require "runloop.api.shapes"

return {
  list = {
    method = "GET", path = "/v1/scenarios/runs",
    query = shapes.ScenarioRunListQuery, list = "runs", returns = "run",
  },
  retrieve = { method = "GET", path = "/v1/scenarios/runs/{id}", returns = "run" },
  cancel = { method = "POST", path = "/v1/scenarios/runs/{id}/cancel", returns = "run" },
  complete = { method = "POST", path = "/v1/scenarios/runs/{id}/complete", returns = "run" },
  score = { method = "POST", path = "/v1/scenarios/runs/{id}/score", returns = "run" },
  download_logs = {
    method = "POST", path = "/v1/scenarios/runs/{id}/download_logs",
    accept = "application/zip", download = true,
  },
}
