-- What the API's reference says of benchmarks.

local common = require "spec.support.facts.common"

local BENCHMARK = {
  name = "b", attribution = "a", description = "d", metadata = { team = "core" },
  required_environment_variables = { "HOME" }, required_secret_names = { "TOKEN" }, scenario_ids = { "scn_1", "scn_2" },
}

return {
  rows = {
    create = { "POST", "/v1/benchmarks", body = BENCHMARK },
    retrieve = { "GET", "/v1/benchmarks/bmd_1", ids = { "bmd_1" } },
    update = { "POST", "/v1/benchmarks/bmd_1", ids = { "bmd_1" }, body = BENCHMARK },
    list = { "GET", "/v1/benchmarks", list = "benchmarks", query = common.page { name = "n", search = "s" } },
    list_public = {
      "GET", "/v1/benchmarks/list_public", list = "benchmarks", query = common.page { name = "n", search = "s" },
    },
    definitions = {
      "GET", "/v1/benchmarks/bmd_1/definitions", ids = { "bmd_1" }, list = "scenarios",
      query = { limit = 7, starting_after = "scn_1" },
    },
    start_run = {
      "POST", "/v1/benchmarks/start_run",
      body = { benchmark_id = "bmd_1", metadata = { a = "b" }, run_name = "n", runProfile = common.RUN_PROFILE },
    },
    update_scenarios = {
      "POST", "/v1/benchmarks/bmd_1/scenarios", ids = { "bmd_1" },
      body = { scenarios_to_add = { "scn_1" }, scenarios_to_remove = { "scn_2" } },
    },
  },
  helpers = { "evaluate" },
  methods = { "definitions", "refresh", "start_run", "update", "update_scenarios" },
}
