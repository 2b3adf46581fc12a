-- Benchmark jobs: agents that the platform runs over scenarios by itself.

local lazy = require "runloop.lazy"
local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local await = lazy.module "await"

local boolean, id, integer, map, number, text =
  schema.boolean, schema.id, schema.integer, schema.map, schema.number, schema.string
local answer, array, enum, object, required, union =
  schema.answer, schema.array, schema.enum, schema.object, schema.required, schema.union

local shapes = schema.shapes(common)

shapes.BenchmarkJobState = enum { "initializing", "queued", "running", "completed", "failed", "cancelled", "timeout" }
shapes.BenchmarkOutcomeState = enum { "COMPLETED", "FAILED", "TIMEOUT", "CANCELED" }

shapes.AgentEnvironment = object {
  environment_variables = map,
  secrets = schema.map_of(schema.secret_name) "environment variable to name of a secret",
}

shapes.AgentConfig = object {
  agent_environment = shapes.AgentEnvironment,
  agent_id = id,
  kwargs = map,
  model_name = text,
  name = required(text),
  timeout_seconds = number,
  type = required(enum { "job_agent" }),
}

shapes.OrchestratorConfig = object {
  n_attempts = integer "default 0",
  n_concurrent_trials = integer "default 1",
  quiet = boolean "default false",
  timeout_multiplier = number "default 1",
}

local agents = array(shapes.AgentConfig) { at_least = 1 }

shapes.BenchmarkJobSpec = union {
  harbor = object { inline_yaml = required(text) },
  benchmark = object {
    "All scenarios of a benchmark.",
    agent_configs = required(agents),
    benchmark_id = required(id),
    orchestrator_config = shapes.OrchestratorConfig,
  },
  scenarios = object {
    "These scenarios.",
    agent_configs = required(agents),
    orchestrator_config = shapes.OrchestratorConfig,
    scenario_ids = required(array(id)),
  },
}

shapes.BenchmarkJobCreateParameters = object {
  name = text,
  spec = shapes.BenchmarkJobSpec,
}

shapes.BenchmarkJobListQuery = common.list_of({ name = text "jobs of this name" }, "ids and names")

shapes.JobSource = answer {
  "Where a job's scenarios came from.",
  benchmark_id = text,
  benchmark_name = text,
  inline_yaml = text,
  scenario_ids = array(text),
  type = required(text "harbor, benchmark or scenarios"),
}

shapes.JobSpec = answer {
  agent_configs = required(array(shapes.AgentConfig)),
  orchestrator_config = shapes.OrchestratorConfig,
  scenario_ids = required(array(text)),
}

shapes.JobFailureReason = answer {
  exception_message = required(text),
  exception_type = required(text),
}

shapes.ScenarioOutcome = answer {
  duration_ms = integer,
  failure_reason = shapes.JobFailureReason,
  scenario_definition_id = required(text),
  scenario_name = required(text),
  scenario_run_id = text,
  score = number,
  state = required(shapes.BenchmarkOutcomeState),
}

shapes.BenchmarkOutcome = answer {
  "What became of an agent's run of the benchmark.",
  agent_name = required(text),
  average_score = number,
  benchmark_run_id = required(text),
  duration_ms = integer,
  model_name = text,
  n_completed = required(integer),
  n_failed = required(integer),
  n_timeout = required(integer),
  scenario_outcomes = required(array(shapes.ScenarioOutcome)),
}

shapes.JobAgent = answer {
  "The agent of a run: `external_api` with its `info`, or a `job_agent`.",
  agent_environment = shapes.AgentEnvironment,
  agent_id = text,
  info = text,
  kwargs = map,
  model_name = text,
  name = text,
  timeout_seconds = number,
  type = required(text),
}

shapes.InProgressRun = answer {
  agent_config = shapes.JobAgent,
  benchmark_run_id = required(text),
  duration_ms = integer,
  start_time_ms = required(integer "since 1970"),
  state = required(text "running, canceled, completed or failed"),
}

shapes.BenchmarkJob = answer {
  "A job.",
  benchmark_outcomes = array(shapes.BenchmarkOutcome),
  create_time_ms = required(integer "since 1970"),
  failure_reason = text,
  id = required(text),
  in_progress_runs = array(shapes.InProgressRun),
  job_source = shapes.JobSource,
  job_spec = shapes.JobSpec,
  name = required(text),
  state = required(shapes.BenchmarkJobState),
}

local GOING_ON = { initializing = true, queued = true, running = true }

local function is_completed(job)
  if job.state == "completed" then return true end
  if GOING_ON[job.state] then return false end
  return nil, job.state
end

local function await_completed(context, job, spec, options)
  return await.new(context, spec, options, "benchmark job " .. job):poll(function(call_options)
    return context.api.benchmark_jobs:retrieve(job, call_options)
  end, is_completed)
end

return {
  name = "benchmark_jobs", kind = "benchmark_job", thing = shapes.BenchmarkJob, shapes = shapes,
  text = "Agents that the platform runs over scenarios by itself.",

  rows = {
    create = {
      "POST /v1/benchmark_jobs", "Begins a job.",
      body = shapes.BenchmarkJobCreateParameters, returns = "benchmark_jobs",
    },
    retrieve = { "GET /v1/benchmark_jobs/{id}", "One job.", returns = "benchmark_jobs" },
    list = {
      "GET /v1/benchmark_jobs", "Lists jobs.",
      query = shapes.BenchmarkJobListQuery, list = "jobs", returns = "benchmark_jobs",
    },
  },

  helpers = {
    await_completed = {
      "Waits until a job is completed; any state that leads elsewhere is an error of kind `state`.",
      takes = { "id", "await", "options" }, returns = "benchmark_jobs", call = await_completed,
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    await_completed = { "Waits until it is completed.", in_place = "await_completed" },
  },
}
