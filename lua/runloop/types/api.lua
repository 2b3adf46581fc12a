---@meta _

-- The API for editors (lua-language-server), written by `make types` from the files below ../api/. Never loaded.

---@class runloop.Client
---@field scenarios runloop.Scenarios
---@field devboxes runloop.Devboxes

---@class runloop.Scenarios
---@field runs runloop.ScenarioRuns
---@field scorers runloop.ScenarioScorers
local Scenarios = {}

--- Takes a scenario out of the lists. It can still be retrieved, but not updated. Public ones: `permission_denied`.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:archive(id, options) end

--- Creates a scenario; `runloop.scenario` builds the parameters.
---@param params runloop.ScenarioCreateParameters
---@param options? runloop.CallOptions
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:create(params, options) end

--- Lists the account's scenarios, archived ones left out. Makes no request yet.
---@param params? runloop.ScenarioListQuery
---@param options? runloop.CallOptions
---@return runloop.ScenarioPager|fun(): runloop.Scenario
function Scenarios:list(params, options) end

--- Lists the scenarios that everybody may use. Makes no request yet.
---@param params? runloop.PublicScenarioListQuery
---@param options? runloop.CallOptions
---@return runloop.ScenarioPager|fun(): runloop.Scenario
function Scenarios:list_public(params, options) end

--- One scenario, also when it is archived.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:retrieve(id, options) end

--- Starts a run. Its state is `running` before its environment is ready.
---@param params runloop.StartScenarioRunParameters
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:start_run(params, options) end

--- Puts an archived scenario back.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:unarchive(id, options) end

--- Replaces the fields given and keeps the others. `{}`, `[]` and `""` clear a field.
---@param id runloop.Id
---@param params? runloop.ScenarioUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:update(id, params, options) end

--- Starts a run and waits for its environment. When that does not come up, the error's `run` is the run.
---@param params runloop.StartScenarioRunParameters
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:start_run_and_await_env_ready(params, await, options) end

---@class runloop.ScenarioRuns
local ScenarioRuns = {}

--- Ends a run and shuts its devbox down.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRuns:cancel(id, options) end

--- Completes a run that is scored and shuts its devbox down.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRuns:complete(id, options) end

--- The logs of a run as a zip, to a file or as a string. The file appears whole or not at all. One that it replaces
--- keeps its permissions, and a link to it stays; what is no regular file is refused.
---@param id runloop.Id
---@param path? string nil: the bytes are returned
---@param options? runloop.CallOptions
---@return (integer|string)? bytes_written_or_bytes
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRuns:download_logs(id, path, options) end

--- Lists runs. Makes no request yet.
---@param params? runloop.ScenarioRunListQuery
---@param options? runloop.CallOptions
---@return runloop.ScenarioRunPager|fun(): runloop.ScenarioRun
function ScenarioRuns:list(params, options) end

--- One run.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRuns:retrieve(id, options) end

--- Begins to score a run; the result comes later.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRuns:score(id, options) end

--- Waits while a run is `running` or `scoring`. Succeeds on `scored`, and on `completed` with a result; any other state
--- is an error of kind `state`.
---@param id runloop.Id
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRuns:await_scored(id, await, options) end

--- Scores a run and waits for the result.
---@param id runloop.Id
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRuns:score_and_await(id, await, options) end

--- Scores a run, waits for the result and completes the run, which ends its devbox.
---@param id runloop.Id
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRuns:score_and_complete(id, await, options) end

---@class runloop.ScenarioScorers
local ScenarioScorers = {}

--- Creates a scorer; scenarios refer to it by its type.
---@param params runloop.ScorerCreateParameters
---@param options? runloop.CallOptions
---@return runloop.Scorer? scorer
---@return runloop.Response|runloop.Error response_or_err
function ScenarioScorers:create(params, options) end

--- Lists the account's own scorers. Makes no request yet.
---@param params? runloop.ScorerListQuery
---@param options? runloop.CallOptions
---@return runloop.ScorerPager|fun(): runloop.Scorer
function ScenarioScorers:list(params, options) end

--- One scorer.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Scorer? scorer
---@return runloop.Response|runloop.Error response_or_err
function ScenarioScorers:retrieve(id, options) end

--- Replaces a scorer's type and script; the API wants both.
---@param id runloop.Id
---@param params runloop.ScorerUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Scorer? scorer
---@return runloop.Response|runloop.Error response_or_err
function ScenarioScorers:update(id, params, options) end

---@class runloop.Devboxes
local Devboxes = {}

--- One devbox.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Devbox? devbox
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:retrieve(id, options) end

--- Waits until a devbox runs; any state that leads elsewhere is an error of kind `state`.
---@param id runloop.Id
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Devbox? devbox
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:await_running(id, await, options) end

--- A scenario.
---@class runloop.Scenario
---@field id string
---@field input_context runloop.InputContext
---@field metadata table<string, string>
---@field name string
---@field scoring_contract runloop.ScoringContract
---@field status runloop.ScenarioStatus
---@field environment? runloop.ScenarioEnvironment
---@field is_public? boolean
---@field reference_output? string
---@field required_environment_variables? string[]
---@field required_secret_names? string[]
---@field scorer_timeout_sec? integer
---@field validation_type? runloop.ValidationType
local Scenario = {}

--- Takes the scenario out of the lists.
---@param options? runloop.CallOptions
---@return runloop.Scenario? self
---@return runloop.Response|runloop.Error response_or_err
function Scenario:archive(options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.Scenario? self
---@return runloop.Response|runloop.Error response_or_err
function Scenario:refresh(options) end

--- Lists its runs; `scenario_id` is filled in. Makes no request yet.
---@param params? runloop.ScenarioRunListQuery|{ scenario_id: nil }
---@param options? runloop.CallOptions
---@return runloop.ScenarioRunPager|fun(): runloop.ScenarioRun
function Scenario:runs(params, options) end

--- Starts a run of it; `scenario_id` is filled in.
---@param params? runloop.StartScenarioRunParameters|{ scenario_id: nil }
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function Scenario:start_run(params, options) end

--- Puts it back.
---@param options? runloop.CallOptions
---@return runloop.Scenario? self
---@return runloop.Response|runloop.Error response_or_err
function Scenario:unarchive(options) end

--- Replaces the fields given.
---@param params? runloop.ScenarioUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Scenario? self
---@return runloop.Response|runloop.Error response_or_err
function Scenario:update(params, options) end

--- A run of a scenario.
---@class runloop.ScenarioRun
---@field devbox_id string
---@field id string
---@field metadata table<string, string>
---@field scenario_id string
---@field state runloop.RunState
---@field benchmark_run_id? string
---@field duration_ms? integer
---@field environment_variables? table<string, string>
---@field name? string
---@field purpose? string
---@field scoring_contract_result? runloop.ScoringContractResult
---@field secrets_provided? table<string, string>
---@field start_time_ms? integer since 1970
local ScenarioRun = {}

--- Waits for its score.
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? self
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:await_scored(await, options) end

--- Ends it and shuts its devbox down.
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? self
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:cancel(options) end

--- Completes it and shuts its devbox down.
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? self
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:complete(options) end

--- The devbox that it works on.
---@param options? runloop.CallOptions
---@return runloop.Devbox? devbox
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:devbox(options) end

--- Its logs as a zip.
---@param path? string nil: the bytes are returned
---@param options? runloop.CallOptions
---@return (integer|string)? bytes_written_or_bytes
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:download_logs(path, options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? self
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:refresh(options) end

--- Its scenario.
---@param options? runloop.CallOptions
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:scenario(options) end

--- Begins to score it.
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? self
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:score(options) end

--- Scores it and waits for the result.
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? self
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:score_and_await(await, options) end

--- Scores it, waits for the result and completes it.
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? self
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:score_and_complete(await, options) end

--- A scorer of one's own.
---@class runloop.Scorer
---@field bash_script string
---@field id string
---@field type string
local Scorer = {}

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.Scorer? self
---@return runloop.Response|runloop.Error response_or_err
function Scorer:refresh(options) end

--- Replaces its type, its script or both.
---@param params table
---@param options? runloop.CallOptions
---@return runloop.Scorer? self
---@return runloop.Response|runloop.Error response_or_err
function Scorer:update(params, options) end

--- The machine that a run works on.
---@class runloop.Devbox
---@field capabilities string[]
---@field create_time_ms integer since 1970
---@field id string
---@field launch_parameters runloop.LaunchParameters
---@field metadata table<string, string>
---@field state_transitions runloop.StateTransition[]
---@field status runloop.DevboxStatus
---@field blueprint_id? string
---@field end_time_ms? integer since 1970
---@field failure_reason? string
---@field initiator_id? string
---@field initiator_type? string `scenario` for the devboxes of runs
---@field name? string
---@field shutdown_reason? string
---@field snapshot_id? string
---@field tunnel? runloop.Tunnel
local Devbox = {}

--- Waits until it runs.
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Devbox? self
---@return runloop.Response|runloop.Error response_or_err
function Devbox:await_running(await, options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.Devbox? self
---@return runloop.Response|runloop.Error response_or_err
function Devbox:refresh(options) end

---@class runloop.Page
---@field runs? runloop.ScenarioRun[]
---@field scenarios? runloop.Scenario[]
---@field scorers? runloop.Scorer[]

---@class runloop.ScenarioPager: runloop.Pager
local ScenarioPager = {}

--- The next item.
---@return runloop.Scenario? item nil at the end, and on failure
---@return runloop.Error? err
function ScenarioPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.Scenario[]? items
---@return runloop.Error? err
---@return runloop.Scenario[]? collected what came before the failure
function ScenarioPager:collect(max) end

---@class runloop.ScenarioRunPager: runloop.Pager
local ScenarioRunPager = {}

--- The next item.
---@return runloop.ScenarioRun? item nil at the end, and on failure
---@return runloop.Error? err
function ScenarioRunPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.ScenarioRun[]? items
---@return runloop.Error? err
---@return runloop.ScenarioRun[]? collected what came before the failure
function ScenarioRunPager:collect(max) end

---@class runloop.ScorerPager: runloop.Pager
local ScorerPager = {}

--- The next item.
---@return runloop.Scorer? item nil at the end, and on failure
---@return runloop.Error? err
function ScorerPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.Scorer[]? items
---@return runloop.Error? err
---@return runloop.Scorer[]? collected what came before the failure
function ScorerPager:collect(max) end

---@class runloop.AfterIdle
---@field idle_time_seconds integer
---@field on_idle runloop.IdleAction

--- An agent, by id or by name.
---@class runloop.AgentMount
---@field type "agent_mount"
---@field agent_id? runloop.Id
---@field agent_name? string the newest agent of this name
---@field agent_path? string absolute; agents from git and from objects need it
---@field auth_token? string for a private repository

---@alias runloop.Architecture
---| "x86_64"
---| "arm64"

--- Looks for a pattern in the syntax tree.
---@class runloop.AstGrepScorer
---@field pattern string stands in double quotes on a command line: write `\$\$\$`
---@field search_directory string
---@field type "ast_grep_scorer"
---@field lang? string

--- Runs a script that prints `score=` and a number from 0 to 1.
---@class runloop.BashScriptScorer
---@field type "bash_script_scorer"
---@field bash_script? string

--- An event stream.
---@class runloop.BrokerMount
---@field axon_id runloop.Id
---@field type "broker_mount"
---@field agent_binary? string
---@field launch_args? string[]
---@field protocol? runloop.BrokerProtocol
---@field working_directory? string default: the user's home

---@alias runloop.BrokerProtocol
---| "acp"
---| "claude_json"
---| "codex_json"
---| "pi_json"

--- A repository.
---@class runloop.CodeMount
---@field repo_name string
---@field repo_owner string
---@field type "code_mount"
---@field git_ref? string a branch or a tag
---@field install_command? string
---@field token? string

--- Runs a command; exit code 0 passes.
---@class runloop.CommandScorer
---@field type "command_scorer"
---@field command? string

--- Runs one of your own scorers.
---@class runloop.CustomScorer
---@field custom_scorer_type string the scorer's `type`
---@field type "custom_scorer"
---@field scorer_params? any JSON for the scorer

---@alias runloop.DevboxStatus
---| "scheduled"
---| "queued"
---| "provisioning"
---| "initializing"
---| "running"
---| "suspending"
---| "suspended"
---| "resuming"
---| "failure"
---| "shutdown"

--- A file.
---@class runloop.FileMount
---@field content string
---@field target string
---@field type "file_mount"

---@alias runloop.IdleAction
---| "shutdown"
---| "suspend"

---@class runloop.InputContext
---@field problem_statement string
---@field additional_context? any JSON of your own

---@class runloop.InputContextUpdate
---@field additional_context? any JSON of your own
---@field problem_statement? string

---@class runloop.LaunchParameters
---@field after_idle? runloop.AfterIdle the same as `lifecycle.after_idle`, if both are there
---@field architecture? runloop.Architecture default x86_64
---@field available_ports? integer[] ignored by the API
---@field custom_cpu_cores? number 0.5, 1 or a multiple of 2 up to 16
---@field custom_disk_size? integer GiB, even, 2 to 64
---@field custom_gb_memory? integer GiB, 1 or even, up to 64
---@field keep_alive_time_seconds? integer default 3600, at most 172800; ignored with `after_idle`
---@field launch_commands? string[] run at every start, after a suspend too
---@field lifecycle? runloop.Lifecycle
---@field network_policy_id? runloop.Id
---@field provisioning_tier? runloop.ProvisioningTier
---@field required_services? string[]
---@field resource_size_request? runloop.ResourceSize default SMALL
---@field user_parameters? runloop.UserParameters who works there

---@class runloop.Lifecycle
---@field after_idle? runloop.AfterIdle
---@field lifecycle_hooks? runloop.LifecycleHooks
---@field resume_triggers? runloop.ResumeTriggers what wakes a suspended devbox

---@class runloop.LifecycleHooks
---@field suspend_commands? string[] run before a suspend, which their failures do not stop
---@field suspend_deadline_ms? integer default 30000, at most 60000

---@alias runloop.Mount
---| runloop.AgentMount
---| runloop.BrokerMount
---| runloop.CodeMount
---| runloop.FileMount
---| runloop.ObjectMount

--- A stored object.
---@class runloop.ObjectMount
---@field object_id runloop.Id
---@field object_path string absolute; a directory for an archive, which is unpacked
---@field type "object_mount"

---@alias runloop.ProvisioningTier
---| "standard"
---| "flex" # provisioned late, and may be taken away

---@class runloop.PublicScenarioListQuery
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string scenarios of this name
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item

--- Runs a script that prints a number from 0 to 1.
---@class runloop.PythonScriptScorer
---@field python_script string
---@field type "python_script_scorer"
---@field python_version_constraint? string default "==3.12.10"
---@field requirements_contents? string a requirements.txt

---@alias runloop.ResourceSize
---| "X_SMALL" # 0.5 CPU, 1 GiB of memory, 4 GiB of disk
---| "SMALL" # 1 CPU, 2 GiB, 4 GiB
---| "MEDIUM" # 2 CPU, 4 GiB, 8 GiB
---| "LARGE" # 2 CPU, 8 GiB, 16 GiB
---| "X_LARGE" # 4 CPU, 16 GiB, 16 GiB
---| "XX_LARGE" # 8 CPU, 32 GiB, 16 GiB
---| "CUSTOM_SIZE" # as the fields `custom_...` say

---@class runloop.ResumeTriggers
---@field axon_event? boolean an event of its axon
---@field http? boolean a request through its tunnel

---@class runloop.RunProfile
---@field envVars? table<string, string>
---@field env_vars? table<string, string> the same as `envVars`
---@field launchParameters? runloop.LaunchParameters
---@field launch_parameters? runloop.LaunchParameters the same as `launchParameters`
---@field mounts? runloop.Mount[]
---@field purpose? string
---@field secrets? table<string, string> environment variable to name of a secret

---@alias runloop.RunState
---| "running" # also while the environment comes up
---| "scoring"
---| "scored"
---| "completed"
---| "canceled"
---| "timeout"
---| "failed"

---@class runloop.ScenarioCreateParameters
---@field input_context runloop.InputContext what the agent is told
---@field name string
---@field scoring_contract runloop.ScoringContract how its work is judged
---@field environment_parameters? runloop.ScenarioEnvironment where it works
---@field metadata? table<string, string> for your own order
---@field reference_output? string a solution, such as a diff
---@field required_environment_variables? string[] without which a run does not start
---@field required_secret_names? string[] without which a run does not start
---@field scorer_timeout_sec? integer for all scorers; default 1800
---@field validation_type? runloop.ValidationType

---@class runloop.ScenarioEnvironment
---@field blueprint_id? runloop.Id
---@field launch_parameters? runloop.LaunchParameters
---@field snapshot_id? runloop.Id
---@field working_directory? string

---@class runloop.ScenarioListQuery
---@field benchmark_id? runloop.Id scenarios of this benchmark
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string scenarios of this name
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item
---@field validation_type? string

---@class runloop.ScenarioRunListQuery
---@field benchmark_run_id? runloop.Id runs of this benchmark run
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string runs of this name
---@field scenario_id? runloop.Id runs of this scenario
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item
---@field state? string runs in this state; see runloop.RunState

---@alias runloop.ScenarioStatus
---| "active"
---| "archived" # not listed, not to be updated

--- What is absent stays as it is.
---@class runloop.ScenarioUpdateParameters
---@field environment_parameters? runloop.ScenarioEnvironment
---@field input_context? runloop.InputContextUpdate
---@field metadata? table<string, string> `{}` clears it
---@field name? string not blank
---@field reference_output? string `""` clears it
---@field required_environment_variables? string[] `{}` clears it
---@field required_secret_names? string[] `{}` clears it
---@field scorer_timeout_sec? integer
---@field scoring_contract? runloop.ScoringContractUpdate
---@field validation_type? runloop.ValidationType `""` clears it

---@class runloop.ScorerCreateParameters
---@field bash_script string reads JSON from $RL_SCORER_CONTEXT
---@field type string

---@alias runloop.ScorerDefinition
---| runloop.AstGrepScorer
---| runloop.BashScriptScorer
---| runloop.CommandScorer
---| runloop.CustomScorer
---| runloop.PythonScriptScorer
---| runloop.TestBasedScorer

---@class runloop.ScorerListQuery
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field search? string in ids and types
---@field starting_after? runloop.Id begins after this item

---@class runloop.ScorerUpdateParameters
---@field bash_script string
---@field type string

---@class runloop.ScoringContract
---@field scoring_function_parameters runloop.ScoringFunction[]

---@class runloop.ScoringContractResult
---@field score number 0 to 1
---@field scoring_function_results runloop.ScoringFunctionResult[]

---@class runloop.ScoringContractUpdate
---@field scoring_function_parameters? runloop.ScoringFunction[]

---@class runloop.ScoringFunction
---@field name string letters, digits, `_` and `-`
---@field scorer runloop.ScorerDefinition
---@field weight number the weights of all functions should sum to 1

---@class runloop.ScoringFunctionResult
---@field output string
---@field score number
---@field scoring_function_name string
---@field state runloop.ScoringFunctionState

---@alias runloop.ScoringFunctionState
---| "unknown"
---| "complete"
---| "error"

---@class runloop.StartScenarioRunParameters
---@field scenario_id runloop.Id
---@field benchmark_run_id? runloop.Id
---@field metadata? table<string, string> for your own order
---@field runProfile? runloop.RunProfile
---@field run_profile? runloop.RunProfile the same as `runProfile`
---@field run_name? string

---@class runloop.StateTransition
---@field status? runloop.DevboxStatus
---@field transition_time_ms? any

--- Writes test files and runs a command.
---@class runloop.TestBasedScorer
---@field type "test_based_scorer"
---@field test_command? string
---@field test_files? runloop.TestFile[]

---@class runloop.TestFile
---@field file_contents? string
---@field file_path? string relative to the working directory

---@class runloop.Tunnel
---@field auth_token? string

---@class runloop.UserParameters
---@field uid integer
---@field username string

---@alias runloop.ValidationType
---| "UNSPECIFIED"
---| "FORWARD"
---| "REVERSE"
---| "EVALUATION"

---@class runloop.WaitForStatusParameters
---@field statuses string[]
---@field timeout_seconds? integer
