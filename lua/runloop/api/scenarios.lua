-- Scenarios: what an agent is told, where it works, and how its work is judged.

local errors = require "runloop.error"
local lazy = require "runloop.lazy"
local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local await = lazy.module "await"

local type = type

local any, boolean, id, integer, map, number, text =
  schema.any, schema.boolean, schema.id, schema.integer, schema.map, schema.number, schema.string
local answer, array, enum, object, required, union =
  schema.answer, schema.array, schema.enum, schema.object, schema.required, schema.union

local texts = array(text)

local shapes = schema.shapes(common)

shapes.ValidationType = enum { "UNSPECIFIED", "FORWARD", "REVERSE", "EVALUATION" }
shapes.ScenarioStatus = enum { "active", "archived # not listed, not to be updated" }

shapes.ScenarioEnvironment = object {
  blueprint_id = id,
  launch_parameters = shapes.LaunchParameters,
  snapshot_id = id,
  working_directory = text,
}

shapes.TestFile = object {
  file_contents = text,
  file_path = text "relative to the working directory",
}

shapes.ScorerDefinition = union {
  ast_grep_scorer = object {
    "Looks for a pattern in the syntax tree.",
    lang = text,
    pattern = required(text [[stands in double quotes on a command line: write `\$\$\$`]]),
    search_directory = required(text),
  },
  bash_script_scorer = object {
    "Runs a script that prints `score=` and a number from 0 to 1.",
    bash_script = text,
  },
  command_scorer = object {
    "Runs a command; exit code 0 passes.",
    command = text,
  },
  custom_scorer = object {
    "Runs one of your own scorers.",
    custom_scorer_type = required(text "the scorer's `type`"),
    scorer_params = any "JSON for the scorer",
  },
  python_script_scorer = object {
    "Runs a script that prints a number from 0 to 1.",
    python_script = required(text),
    python_version_constraint = text [[default "==3.12.10"]],
    requirements_contents = text "a requirements.txt",
  },
  test_based_scorer = object {
    "Writes test files and runs a command.",
    test_command = text,
    test_files = array(shapes.TestFile),
  },
}

shapes.ScoringFunction = object {
  name = required(text "letters, digits, `_` and `-`"),
  scorer = required(shapes.ScorerDefinition),
  weight = required(number "the weights of all functions should sum to 1"),
}

shapes.InputContext = object {
  additional_context = any "JSON of your own",
  problem_statement = required(text),
}

shapes.InputContextUpdate = object {
  additional_context = any "JSON of your own",
  problem_statement = text,
}

shapes.ScoringContract = object {
  scoring_function_parameters = required(array(shapes.ScoringFunction)),
}

shapes.ScoringContractUpdate = object {
  scoring_function_parameters = array(shapes.ScoringFunction),
}

shapes.ScenarioCreateParameters = object {
  environment_parameters = shapes.ScenarioEnvironment "where it works",
  input_context = required(shapes.InputContext "what the agent is told"),
  metadata = map "for your own order",
  name = required(text),
  reference_output = text "a solution, such as a diff",
  required_environment_variables = texts "without which a run does not start",
  required_secret_names = array(schema.secret_name) "without which a run does not start",
  scorer_timeout_sec = integer "for all scorers; default 1800",
  scoring_contract = required(shapes.ScoringContract "how its work is judged"),
  validation_type = shapes.ValidationType,
}

shapes.ScenarioUpdateParameters = object {
  "What is absent stays as it is.",
  environment_parameters = shapes.ScenarioEnvironment,
  input_context = shapes.InputContextUpdate,
  metadata = map "`{}` clears it",
  name = text "not blank",
  reference_output = text [[`""` clears it]],
  required_environment_variables = texts "`{}` clears it",
  required_secret_names = array(schema.secret_name) "`{}` clears it",
  scorer_timeout_sec = integer,
  scoring_contract = shapes.ScoringContractUpdate,
  validation_type = shapes.ValidationType { empty = true } [[`""` clears it]],
}

shapes.StartScenarioRunParameters = object {
  benchmark_run_id = id,
  metadata = map "for your own order",
  runProfile = shapes.RunProfile,
  run_name = text,
  scenario_id = required(id),
}

shapes.ScenarioListQuery = common.list_of({
  benchmark_id = id "scenarios of this benchmark",
  name = text "scenarios of this name",
  validation_type = text,
}, "ids and names")

shapes.PublicScenarioListQuery = common.list_of({ name = text "scenarios of this name" }, "ids and names")

shapes.Scenario = answer {
  "A scenario.",
  environment = shapes.ScenarioEnvironment,
  id = required(text),
  input_context = required(shapes.InputContext),
  is_public = boolean,
  metadata = required(map),
  name = required(text),
  reference_output = text,
  required_environment_variables = texts,
  required_secret_names = texts,
  scorer_timeout_sec = integer,
  scoring_contract = required(shapes.ScoringContract),
  status = required(shapes.ScenarioStatus),
  validation_type = shapes.ValidationType,
}

local function wait_for_environment(watch, run)
  if type(run.devbox_id) ~= "string" or run.devbox_id == "" then
    return nil, errors.new { kind = "decode", code = "SHAPE", message = "the run that was started has no devbox_id" }
  end
  return lazy.load("devbox").wait_running(watch, run.devbox_id)
end

local function start_run_and_await_env_ready(context, params, spec, options)
  return await.create(await.new(context, spec, options, "the start of a run"), {
    field = "run",
    begin = function(call_options) return context.api.scenarios:start_run(params, call_options) end,
    wait = wait_for_environment,
    undo = function(run, call_options) return run:cancel(call_options) end,
    result = function(run) return run end,
  })
end

return {
  name = "scenarios", kind = "scenario", thing = shapes.Scenario, shapes = shapes,

  rows = {
    list = {
      "GET /v1/scenarios", "Lists the account's scenarios, archived ones left out.",
      query = shapes.ScenarioListQuery, list = "scenarios", returns = "scenarios",
    },
    list_public = {
      "GET /v1/scenarios/list_public", "Lists the scenarios that everybody may use.",
      query = shapes.PublicScenarioListQuery, list = "scenarios", returns = "scenarios",
    },
    retrieve = { "GET /v1/scenarios/{id}", "One scenario, also when it is archived.", returns = "scenarios" },
    create = {
      "POST /v1/scenarios", "Creates a scenario; `runloop.scenario` builds the parameters.",
      body = shapes.ScenarioCreateParameters, returns = "scenarios",
    },
    update = {
      "POST /v1/scenarios/{id}", "Replaces the fields given and keeps the others. `{}`, `[]` and `\"\"` clear a field.",
      body = shapes.ScenarioUpdateParameters, changes = true, returns = "scenarios",
    },
    archive = {
      "POST /v1/scenarios/{id}/archive",
      "Takes a scenario out of the lists. It can still be retrieved, but not updated. Public ones: `permission_denied`.",
      returns = "scenarios",
    },
    unarchive = { "POST /v1/scenarios/{id}/unarchive", "Puts an archived scenario back.", returns = "scenarios" },
    start_run = {
      "POST /v1/scenarios/start_run", "Starts a run. Its state is `running` before its environment is ready.",
      body = shapes.StartScenarioRunParameters, returns = "scenarios.runs",
    },
  },

  helpers = {
    start_run_and_await_env_ready = {
      "Starts a run and waits for its environment. When that does not come up, the error's `run` is the run.",
      takes = { "params", "await", "options" }, params = shapes.StartScenarioRunParameters, returns = "scenarios.runs",
      call = start_run_and_await_env_ready,
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    archive = { "Takes the scenario out of the lists.", in_place = "archive" },
    unarchive = { "Puts it back.", in_place = "unarchive" },
    update = { "Replaces the fields given.", in_place = "update" },
    start_run = {
      "Starts a run of it; `scenario_id` is filled in.", calls = "scenarios:start_run", fills = "scenario_id",
    },
    runs = { "Lists its runs; `scenario_id` is filled in.", calls = "scenarios.runs:list", fills = "scenario_id" },
  },
}
