-- What the API's reference says of benchmark jobs.

local common = require "spec.support.facts.common"

local SPEC = {
  type = "benchmark", benchmark_id = "bmd_1",
  agent_configs = {
    {
      type = "job_agent", name = "codex", agent_id = "agt_1", kwargs = { a = "b" }, model_name = "m",
      timeout_seconds = 60.5,
      agent_environment = { environment_variables = { A = "b" }, secrets = { TOKEN = "my-secret" } },
    },
  },
  orchestrator_config = { n_attempts = 2, n_concurrent_trials = 3, quiet = true, timeout_multiplier = 1.5 },
}

return {
  rows = {
    create = { "POST", "/v1/benchmark_jobs", body = { name = "n", spec = SPEC } },
    retrieve = { "GET", "/v1/benchmark_jobs/bmj_1", ids = { "bmj_1" } },
    list = { "GET", "/v1/benchmark_jobs", list = "jobs", query = common.page { name = "n", search = "s" } },
  },
  helpers = { "await_completed" },
  methods = { "await_completed", "refresh" },
}
