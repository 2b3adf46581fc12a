-- Runs of benchmarks: what the runs of their scenarios are gathered in.

local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local id, integer, map, number, text = schema.id, schema.integer, schema.map, schema.number, schema.string
local answer, enum, required = schema.answer, schema.enum, schema.required

local shapes = schema.shapes(common)

shapes.BenchmarkRunState = enum { "running", "canceled", "completed", "failed" }

shapes.BenchmarkRunListQuery = common.list_of({
  benchmark_id = id "runs of this benchmark",
  name = text "runs of this name",
  state = text "runs in this state; see runloop.BenchmarkRunState",
}, "ids and names")

shapes.BenchmarkScenarioRunsQuery = common.list_of({
  state = text "runs in this state; see runloop.RunState",
}, "ids and names")

shapes.BenchmarkRun = answer {
  "A run of a benchmark.",
  benchmark_id = text,
  duration_ms = integer,
  environment_variables = map,
  id = required(text),
  metadata = required(map),
  name = text,
  purpose = text,
  score = number "the mean over its runs",
  secrets_provided = map,
  start_time_ms = required(integer "since 1970"),
  state = required(shapes.BenchmarkRunState),
}

return {
  name = "benchmark_runs", kind = "benchmark_run", thing = shapes.BenchmarkRun, shapes = shapes,
  text = "Runs of benchmarks.",

  rows = {
    retrieve = { "GET /v1/benchmark_runs/{id}", "One run of a benchmark.", returns = "benchmark_runs" },
    list = {
      "GET /v1/benchmark_runs", "Lists runs of benchmarks.",
      query = shapes.BenchmarkRunListQuery, list = "runs", returns = "benchmark_runs",
    },
    cancel = { "POST /v1/benchmark_runs/{id}/cancel", "Ends a run and those in it.", returns = "benchmark_runs" },
    complete = { "POST /v1/benchmark_runs/{id}/complete", "Completes a run.", returns = "benchmark_runs" },
    list_scenario_runs = {
      "GET /v1/benchmark_runs/{id}/scenario_runs", "Lists the runs of scenarios in a run of a benchmark.",
      query = shapes.BenchmarkScenarioRunsQuery, list = "runs", returns = "scenarios.runs",
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    cancel = { "Ends it and the runs in it.", in_place = "cancel" },
    complete = { "Completes it.", in_place = "complete" },
    scenario_runs = { "Lists the runs of scenarios in it.", calls = "benchmark_runs:list_scenario_runs" },
  },
}
