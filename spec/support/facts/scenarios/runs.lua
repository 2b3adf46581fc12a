-- What the API's reference says of the runs of scenarios.

local common = require "spec.support.facts.common"

return {
  rows = {
    list = { "GET", "/v1/scenarios/runs", list = "runs", query = common.page {
      scenario_id = "scn_1", benchmark_run_id = "bmr_1", name = "n", state = "scored", search = "s",
    } },
    retrieve = { "GET", "/v1/scenarios/runs/run_1", ids = { "run_1" } },
    cancel = { "POST", "/v1/scenarios/runs/run_1/cancel", ids = { "run_1" } },
    complete = { "POST", "/v1/scenarios/runs/run_1/complete", ids = { "run_1" } },
    score = { "POST", "/v1/scenarios/runs/run_1/score", ids = { "run_1" } },
    download_logs = {
      "POST", "/v1/scenarios/runs/run_1/download_logs", ids = { "run_1" }, accept = "application/zip", answer = "zip",
    },
  },
  helpers = { "await_scored", "score_and_await", "score_and_complete" },
  methods = {
    "await_scored", "cancel", "complete", "devbox", "download_logs", "refresh", "scenario", "score", "score_and_await",
    "score_and_complete",
  },
}
