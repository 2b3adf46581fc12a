-- What the API's reference says of the runs of benchmarks.

local common = require "spec.support.facts.common"

return {
  rows = {
    retrieve = { "GET", "/v1/benchmark_runs/bmr_1", ids = { "bmr_1" } },
    list = {
      "GET", "/v1/benchmark_runs", list = "runs",
      query = common.page { benchmark_id = "bmd_1", name = "n", state = "running", search = "s" },
    },
    cancel = { "POST", "/v1/benchmark_runs/bmr_1/cancel", ids = { "bmr_1" } },
    complete = { "POST", "/v1/benchmark_runs/bmr_1/complete", ids = { "bmr_1" } },
    list_scenario_runs = {
      "GET", "/v1/benchmark_runs/bmr_1/scenario_runs", ids = { "bmr_1" }, list = "runs",
      query = common.page { state = "scored", search = "s" },
    },
  },
  helpers = {},
  methods = { "cancel", "complete", "refresh", "scenario_runs" },
}
