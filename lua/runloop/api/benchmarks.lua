-- Benchmarks: sets of scenarios.

local lazy = require "runloop.lazy"
local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local boolean, id, integer, map, text = schema.boolean, schema.id, schema.integer, schema.map, schema.string
local answer, array, enum, object, query_of, required =
  schema.answer, schema.array, schema.enum, schema.object, schema.query_of, schema.required

local texts = array(text)

local shapes = schema.shapes(common)

shapes.BenchmarkStatus = enum { "active", "archived" }

shapes.BenchmarkCreateParameters = object {
  attribution = text "whose work it is",
  description = text,
  metadata = map "for your own order",
  name = required(text),
  required_environment_variables = texts "without which a run does not start",
  required_secret_names = array(schema.secret_name) "without which a run does not start",
  scenario_ids = array(id),
}

shapes.BenchmarkUpdateParameters = object {
  "What is absent stays as it is.",
  attribution = text,
  description = text,
  metadata = map "`{}` clears it",
  name = text "not blank",
  required_environment_variables = texts "`{}` clears it",
  required_secret_names = array(schema.secret_name) "`{}` clears it",
  scenario_ids = array(id),
}

shapes.BenchmarkUpdateScenariosParameters = object {
  scenarios_to_add = array(id),
  scenarios_to_remove = array(id),
}

shapes.BenchmarkStartRunParameters = object {
  benchmark_id = required(id),
  metadata = map "for your own order",
  runProfile = shapes.RunProfile,
  run_name = text,
}

shapes.BenchmarkListQuery = common.list_of({ name = text "benchmarks of this name" }, "ids and names")

shapes.BenchmarkDefinitionsQuery = query_of {
  limit = integer { min = 1, max = 5000 } "items a page, 1 to 5000; the server's default is 20",
  starting_after = id "begins after this item",
}

shapes.Benchmark = answer {
  "A set of scenarios.",
  attribution = text,
  description = text,
  id = required(text),
  is_public = boolean,
  metadata = required(map),
  name = required(text),
  required_environment_variables = texts,
  required_secret_names = texts,
  scenarioIds = required(texts),
  status = required(shapes.BenchmarkStatus),
}

return {
  name = "benchmarks", kind = "benchmark", thing = shapes.Benchmark, shapes = shapes,
  text = "Sets of scenarios.",

  rows = {
    create = {
      "POST /v1/benchmarks", "Creates a benchmark.", body = shapes.BenchmarkCreateParameters, returns = "benchmarks",
    },
    retrieve = { "GET /v1/benchmarks/{id}", "One benchmark.", returns = "benchmarks" },
    update = {
      "POST /v1/benchmarks/{id}", "Replaces the fields given and keeps the others.",
      body = shapes.BenchmarkUpdateParameters, changes = true, returns = "benchmarks",
    },
    list = {
      "GET /v1/benchmarks", "Lists the account's benchmarks.",
      query = shapes.BenchmarkListQuery, list = "benchmarks", returns = "benchmarks",
    },
    list_public = {
      "GET /v1/benchmarks/list_public", "Lists the benchmarks that everybody may use.",
      query = shapes.BenchmarkListQuery, list = "benchmarks", returns = "benchmarks",
    },
    definitions = {
      "GET /v1/benchmarks/{id}/definitions", "Lists the scenarios of a benchmark.",
      query = shapes.BenchmarkDefinitionsQuery, list = "scenarios", returns = "scenarios",
    },
    start_run = {
      "POST /v1/benchmarks/start_run", "Starts a run of a benchmark, which the runs of its scenarios go into.",
      body = shapes.BenchmarkStartRunParameters, returns = "benchmark_runs",
    },
    update_scenarios = {
      "POST /v1/benchmarks/{id}/scenarios", "Puts scenarios in and takes some out.",
      body = shapes.BenchmarkUpdateScenariosParameters, changes = true, returns = "benchmarks",
    },
  },

  helpers = {
    evaluate = {
      "Starts a run of a benchmark, has an agent work on each of its scenarios, several at a time, scores what it has "
        .. "done, and completes the run.",
      takes = {
        "id", { "agent", "fun(run: runloop.ScenarioRun, devbox: runloop.Devbox, scenario: runloop.Scenario): any, any" },
        { "options?", "runloop.EvaluateOptions" },
      },
      returns = "runloop.Report?", drives = true,
      call = function(context, ...) return lazy.load("evaluate").benchmark(context, ...) end,
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    update = { "Replaces the fields given.", in_place = "update" },
    update_scenarios = { "Puts scenarios in and takes some out.", in_place = "update_scenarios" },
    start_run = {
      "Starts a run of it; `benchmark_id` is filled in.", calls = "benchmarks:start_run", fills = "benchmark_id",
    },
    definitions = { "Lists its scenarios.", calls = "benchmarks:definitions" },
  },
}
