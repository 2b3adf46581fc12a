-- The API's shapes as data: what may be sent, and what comes back.

local schema = require "runloop.schema"

local any, boolean, id, integer, map, number, text =
  schema.any, schema.boolean, schema.id, schema.integer, schema.map, schema.number, schema.string
local array, enum, object, query, union =
  schema.array, schema.enum, schema.object, schema.query_of, schema.union

local function required(of)
  return of { required = true }
end

local function required_or_null(of)
  return of { required = true, nullable = true }
end

local texts = array(text)

local M = {}

-- Every shape that has a name here has a class of that name in types.lua.

M.ValidationType = enum { "UNSPECIFIED", "FORWARD", "REVERSE", "EVALUATION" }
M.Architecture = enum { "x86_64", "arm64" }
M.IdleAction = enum { "shutdown", "suspend" }
M.ProvisioningTier = enum { "standard", "flex" }
M.ResourceSize = enum { "X_SMALL", "SMALL", "MEDIUM", "LARGE", "X_LARGE", "XX_LARGE", "CUSTOM_SIZE" }
M.BrokerProtocol = enum { "acp", "claude_json", "codex_json", "pi_json" }

M.AfterIdle = object {
  idle_time_seconds = required(integer),
  on_idle = required(M.IdleAction),
}

M.LifecycleHooks = object {
  suspend_commands = texts,
  suspend_deadline_ms = integer,
}

M.ResumeTriggers = object {
  axon_event = boolean,
  http = boolean,
}

M.Lifecycle = object {
  after_idle = M.AfterIdle,
  lifecycle_hooks = M.LifecycleHooks,
  resume_triggers = M.ResumeTriggers,
}

M.UserParameters = object {
  uid = required(integer),
  username = required(text),
}

M.LaunchParameters = object {
  after_idle = M.AfterIdle,
  architecture = M.Architecture,
  available_ports = array(integer),
  custom_cpu_cores = number,
  custom_disk_size = integer,
  custom_gb_memory = integer,
  keep_alive_time_seconds = integer,
  launch_commands = texts,
  lifecycle = M.Lifecycle,
  network_policy_id = id,
  provisioning_tier = M.ProvisioningTier,
  required_services = texts,
  resource_size_request = M.ResourceSize,
  user_parameters = M.UserParameters,
}

M.ScenarioEnvironment = object {
  blueprint_id = id,
  launch_parameters = M.LaunchParameters,
  snapshot_id = id,
  working_directory = text,
}

M.TestFile = object {
  file_contents = text,
  file_path = text,
}

M.ScorerDefinition = union {
  ast_grep_scorer = object {
    lang = text,
    pattern = required(text),
    search_directory = required(text),
  },
  bash_script_scorer = object {
    bash_script = text,
  },
  command_scorer = object {
    command = text,
  },
  custom_scorer = object {
    custom_scorer_type = required(text),
    scorer_params = any,
  },
  python_script_scorer = object {
    python_script = required(text),
    python_version_constraint = text,
    requirements_contents = text,
  },
  test_based_scorer = object {
    test_command = text,
    test_files = array(M.TestFile),
  },
}

M.ScoringFunction = object {
  name = required(text),
  scorer = required(M.ScorerDefinition),
  weight = required(number),
}

M.InputContext = object {
  additional_context = any,
  problem_statement = required(text),
}

M.InputContextUpdate = object {
  additional_context = any,
  problem_statement = text,
}

M.ScoringContract = object {
  scoring_function_parameters = required(array(M.ScoringFunction)),
}

M.ScoringContractUpdate = object {
  scoring_function_parameters = array(M.ScoringFunction),
}

M.ScenarioCreateParameters = object {
  environment_parameters = M.ScenarioEnvironment,
  input_context = required(M.InputContext),
  metadata = map,
  name = required(text),
  reference_output = text,
  required_environment_variables = texts,
  required_secret_names = texts,
  scorer_timeout_sec = integer,
  scoring_contract = required(M.ScoringContract),
  validation_type = M.ValidationType,
}

-- What is absent or null stays as it is; "" takes a validation type away.
M.ScenarioUpdateParameters = object {
  environment_parameters = M.ScenarioEnvironment,
  input_context = M.InputContextUpdate,
  metadata = map,
  name = text,
  reference_output = text,
  required_environment_variables = texts,
  required_secret_names = texts,
  scorer_timeout_sec = integer,
  scoring_contract = M.ScoringContractUpdate,
  validation_type = M.ValidationType { empty = true },
}

M.Mount = union {
  agent_mount = object {
    agent_id = required_or_null(id),
    agent_name = required_or_null(text),
    agent_path = text,
    auth_token = text,
  },
  broker_mount = object {
    agent_binary = text,
    axon_id = required(id),
    launch_args = texts,
    protocol = M.BrokerProtocol,
    working_directory = text,
  },
  code_mount = object {
    git_ref = text,
    install_command = text,
    repo_name = required(text),
    repo_owner = required(text),
    token = text,
  },
  file_mount = object {
    content = required(text),
    target = required(text),
  },
  object_mount = object {
    object_id = required(id),
    object_path = required(text),
  },
}

M.RunProfile = object {
  envVars = map,
  launchParameters = M.LaunchParameters,
  mounts = array(M.Mount),
  purpose = text,
  secrets = map,
}

M.StartScenarioRunParameters = object {
  benchmark_run_id = id,
  metadata = map,
  runProfile = M.RunProfile,
  run_name = text,
  scenario_id = required(id),
}

M.ScorerCreateParameters = object {
  bash_script = required(text),
  type = required(text),
}

M.ScorerUpdateParameters = object {
  bash_script = required(text),
  type = required(text),
}

M.WaitForStatusParameters = object {
  statuses = required(texts),
  timeout_seconds = integer,
}

-- What every list takes, and what is its own.
local function list_query(fields)
  fields.include_total_count = boolean
  fields.limit = integer { min = 1, max = 5000 }
  fields.search = text
  fields.starting_after = id
  return query(fields)
end

M.ScenarioListQuery = list_query { benchmark_id = id, name = text, validation_type = text }

M.PublicScenarioListQuery = list_query { name = text }

M.ScenarioRunListQuery = list_query { benchmark_run_id = id, name = text, scenario_id = id, state = text }

M.ScorerListQuery = list_query {}

-- What comes back is never checked against these: unknown fields and values pass through. They hold the types for
-- editors and the answers of the stand-in server together.

M.ScenarioStatus = enum { "active", "archived" }
M.RunState = enum { "running", "scoring", "scored", "completed", "canceled", "timeout", "failed" }
M.ScoringFunctionState = enum { "unknown", "complete", "error" }
M.DevboxStatus = enum {
  "scheduled", "queued", "provisioning", "initializing", "running", "suspending", "suspended", "resuming", "failure",
  "shutdown",
}

M.Scenario = object {
  environment = M.ScenarioEnvironment,
  id = required(text),
  input_context = required(M.InputContext),
  is_public = boolean,
  metadata = required(map),
  name = required(text),
  reference_output = text,
  required_environment_variables = texts,
  required_secret_names = texts,
  scorer_timeout_sec = integer,
  scoring_contract = required(M.ScoringContract),
  status = required(M.ScenarioStatus),
  validation_type = M.ValidationType,
}

M.ScoringFunctionResult = object {
  output = required(text),
  score = required(number),
  scoring_function_name = required(text),
  state = required(M.ScoringFunctionState),
}

M.ScoringContractResult = object {
  score = required(number),
  scoring_function_results = required(array(M.ScoringFunctionResult)),
}

M.ScenarioRun = object {
  benchmark_run_id = text,
  devbox_id = required(text),
  duration_ms = integer,
  environment_variables = map,
  id = required(text),
  metadata = required(map),
  name = text,
  purpose = text,
  scenario_id = required(text),
  scoring_contract_result = M.ScoringContractResult,
  secrets_provided = map,
  start_time_ms = integer,
  state = required(M.RunState),
}

M.Scorer = object {
  bash_script = required(text),
  id = required(text),
  type = required(text),
}

M.StateTransition = object {
  status = M.DevboxStatus,
  transition_time_ms = any,
}

M.Devbox = object {
  blueprint_id = text,
  capabilities = required(texts),
  create_time_ms = required(integer),
  end_time_ms = integer,
  failure_reason = text,
  id = required(text),
  initiator_id = text,
  initiator_type = text,
  launch_parameters = required(M.LaunchParameters),
  metadata = required(map),
  name = text,
  shutdown_reason = text,
  snapshot_id = text,
  state_transitions = required(array(M.StateTransition)),
  status = required(M.DevboxStatus),
}

return M
