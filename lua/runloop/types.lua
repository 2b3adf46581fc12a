---@meta _

-- Types for editors (lua-language-server): all that users see. Never loaded; the code's own comments are shorter.

--- A module for the Runloop API: scenarios, their runs and their scorers.
---@class runloop
---@field _VERSION string
---@field null lightuserdata JSON's null, the same value as `cjson.null`
---@field array_mt table the metatable of arrays; a table that carries it is sent as an array
---@field json runloop.Json
---@field features table<string, boolean> what libcurl can do here
local runloop = {}

--- A client. Raises for an unknown option, a value out of range, a `base_url` that is no URL, or no token.
---@param options? runloop.ClientOptions
---@return runloop.Client
function runloop.new(options) end

--- Is x an error of this module?
---@param x any
---@return boolean
function runloop.is_error(x) end

--- Marks a table as an array, so that it is sent as `[]` even when it is empty.
---@generic T: table
---@param t? T a new table when absent
---@return T
function runloop.array(t) end

--- A builder for the parameters of `client.scenarios:create`.
---@param name string
---@return runloop.ScenarioBuilder
function runloop.scenario(name) end

---@class runloop.Json
local Json = {}

--- Decodes a JSON text. Arrays carry `runloop.array_mt`; a null in an array is `runloop.null`, in an object an absent
--- field.
---@param text string
---@param options? runloop.JsonDecodeOptions
---@return any value nil when the text is no JSON
---@return runloop.Error? err
function Json.decode(text, options) end

--- Encodes a value; raises on what JSON cannot hold, naming the place.
---@param value any
---@return string text
function Json.encode(value) end

---@class runloop.JsonDecodeOptions
---@field nulls? "keep" a null in an object is `runloop.null`

---@class runloop.ClientOptions
---@field bearer_token? string the API key; default: the environment variable RUNLOOP_API_KEY
---@field base_url? string default: the environment variable RUNLOOP_BASE_URL, else https://api.runloop.ai
---@field timeout? number seconds for one attempt of a call; for a page or a download the longest silence; default 30
---@field deadline? number seconds for a whole call or page, retries and waits included; default none
---@field connect_timeout? number seconds; default 5
---@field max_retries? integer retries after the first attempt; default 5
---@field max_retry_wait? number seconds; caps the wait before a retry, whoever wants it; default 60
---@field headers? table<string, string|false> over RUNLOOP_CUSTOM_HEADERS; `false` removes a default header
---@field max_connections? integer connections to the API's host; further calls wait in the module; default 20
---@field max_streams? integer streams and long polls, which have connections beside those; default 512
---@field http_version? "2"|"1.1" "2", the default: HTTP/2 where TLS negotiates it
---@field max_body_bytes? integer a larger answer ends in a `limit` error; default 64 MiB
---@field ca_file? string a file of certificates to trust; default: the system's
---@field proxy? string default: curl's environment variables, except for plain http to loopback
---@field insecure_http? boolean allows plain http to hosts that are not loopback
---@field nonblocking? boolean a call outside a task raises instead of blocking the host
---@field on_event? fun(event: runloop.Event) called for each request, response and retry
---@field on_error? fun(err: any, task: runloop.Task) called for a task's error that nobody waits for

---@class runloop.Event
---@field type "request"|"response"|"retry"
---@field method string
---@field url string
---@field attempt integer from 1
---@field status? integer
---@field elapsed? number seconds
---@field http_version? string "1.1" or "2"
---@field wait? number seconds until the retry
---@field err? runloop.Error

--- The last argument of every call.
---@class runloop.CallOptions
---@field timeout? number seconds; see runloop.ClientOptions
---@field deadline? number seconds; see runloop.ClientOptions
---@field max_retries? integer
---@field headers? table<string, string|false> over the client's
---@field query? table<string, string|number|boolean|(string|number|boolean)[]> parameters that the module does not know
---@field idempotency_key? string sent as x-request-id instead of a random one; not with a GET, which has none
---@field nulls? "keep" a null in an object of the answer is `runloop.null`, not an absent field
---@field prefetch? boolean `false`: a list asks for its next page only when it is needed

---@class runloop.Response
---@field status integer
---@field headers table<string, string> names in lower case
---@field request_id? string
---@field attempts integer
---@field elapsed number seconds, retries and waits included
---@field http_version string "1.1" or "2"

---@class runloop.AwaitOptions
---@field timeout? number seconds in all; default 3600
---@field interval? number seconds between two looks; default 1
---@field on_poll? fun(view: table) sees every view, the last too
---@field cancel_on_failure? boolean cancels the run whose environment does not come up

---@alias runloop.ErrorKind
---| "api" # the server's answer is not 2xx
---| "connection" # no answer, or half of one
---| "tls" # certificate or handshake
---| "timeout" # a deadline passed
---| "decode" # a 2xx that is not what the API promises
---| "limit" # a cap was exceeded
---| "state" # an await ended in another state
---| "cancelled" # the task or the client was closed
---| "file" # a download could not be written

--- What a call returns after nil, and a `for` over a list raises. `tostring` gives one line.
---@class runloop.Error
---@field kind runloop.ErrorKind
---@field code string `not_found`...; curl's name; `DEADLINE`, `JSON`, `BODY_TOO_LARGE`...; the state reached
---@field message string
---@field status? integer
---@field method? string
---@field url? string without the query
---@field request_id? string
---@field body? any decoded if it is JSON, else the text; of a `decode` error the first 200 bytes
---@field headers? table<string, string> names in lower case
---@field attempts? integer
---@field retryable boolean whether it is worth trying again later; false for the timeouts `DEADLINE` and `AWAIT`
---@field retry_after? number seconds, when the server asks for more than `max_retry_wait`
---@field maybe_sent? boolean an attempt of a request other than GET got no whole answer but may have reached the server
---@field last? table the last view, when an await fails
---@field run? runloop.ScenarioRun the run that was started, when its environment does not come up
---@field cancel_error? runloop.Error why `cancel_on_failure` could not cancel that run

--- An id, or the thing that has it.
---@alias runloop.Id string|{ id: string }

---@class runloop.Client
---@field scenarios runloop.Scenarios
---@field devboxes runloop.Devboxes
local Client = {}

--- Any other endpoint.
---@param fields runloop.RequestFields
---@param options? runloop.CallOptions
---@return any value decoded JSON, a string where the answer is none, `true` where it has no body; nil on failure
---@return runloop.Response|runloop.Error response_or_err
function Client:request(fields, options) end

--- Opens a connection and loads the certificates at a moment that suits the host. May block outside a task.
---@return true? ok
---@return runloop.Error? err
function Client:warm_up() end

--- Counters since the client was made.
---@return runloop.Stats
function Client:stats() end

--- Cancels what is in flight and every task. Calling a closed client raises, but `poll` and `run` return 0.
function Client:close() end

--- Starts a task: a function whose calls wait without blocking the host. It runs at once up to its first wait.
---@param fn function
---@param ... any its arguments
---@return runloop.Task
function Client:spawn(fn, ...) end

--- A slice of work for all tasks. With 0 seconds it never blocks.
---@param seconds? number to wait for something to do; default 0
---@param budget? number seconds of work; default 0.001
---@return integer alive tasks that have not ended
function Client:poll(seconds, budget) end

--- Works until no task is left.
---@return integer alive 0
function Client:run() end

--- Waits; in a task without holding up the rest.
---@param seconds number
---@return true? ok
---@return runloop.Error? err of kind `cancelled`
function Client:sleep(seconds) end

--- Calls a function for each item, several at a time. A failure spoils no other item.
---@param source any[]|function|table|runloop.Pager an array, an iterator (anything that can be called) or a list
---@param fn fun(item: any, index: integer): any, any fails by raising or with nil and an error
---@param options? runloop.MapOptions
---@return any[]|integer results by index; how many succeeded with `results = false`
---@return table<integer, any>? errors by index; nil when there is none
---@return any source_err why the source ended early
function Client:map(source, fn, options) end

--- The descriptors for an event loop; they change with every poll.
---@return runloop.Descriptor[]
function Client:fds() end

--- When the next poll is due.
---@return number? seconds nil: nothing is pending
function Client:timeout() end

---@class runloop.RequestFields
---@field method? string default GET
---@field path string begins with a slash
---@field query? table<string, string|number|boolean|(string|number|boolean)[]>
---@field body? any sent as JSON
---@field headers? table<string, string|false>

---@class runloop.MapOptions
---@field concurrency? integer items taken and unfinished at most; default 16
---@field results? boolean `false`: results are counted, not kept

---@class runloop.Stats
---@field requests integer
---@field retries integer
---@field connections integer
---@field bytes_received integer
---@field in_flight integer

---@class runloop.Descriptor
---@field fd integer
---@field events "r"|"w"|"rw"

---@class runloop.Task
---@field status "running"|"done"|"failed"|"cancelled"
local Task = {}

--- Waits for the end of the task; raises what it raised.
---@param seconds? number
---@return any ... what the function returned; nil and an error of kind `timeout` or `cancelled`
function Task:wait(seconds) end

--- Ends the task: its pending call ends, its to-be-closed variables run.
function Task:cancel() end

--- A list whose pages are fetched as they are needed. `for item in list do` raises on failure and closes the list.
---@class runloop.Pager
---@field total_count? integer once a page that has it has been read
local Pager = {}

--- The next item.
---@return table? item nil at the end, and on failure
---@return runloop.Error? err
function Pager:next() end

--- An iterator over whole pages. Not to be mixed with `next`.
---@return fun(): runloop.Page
function Pager:pages() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return table[]? items
---@return runloop.Error? err
---@return table[]? collected what came before the failure
function Pager:collect(max) end

--- Stops fetching.
function Pager:close() end

---@class runloop.Page
---@field scenarios? runloop.Scenario[]
---@field runs? runloop.ScenarioRun[]
---@field scorers? runloop.Scorer[]
---@field has_more boolean
---@field total_count? integer

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

---@class runloop.Scenarios
---@field runs runloop.ScenarioRuns
---@field scorers runloop.Scorers
local Scenarios = {}

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

--- Creates a scenario; `runloop.scenario` builds the parameters.
---@param params runloop.ScenarioCreateParameters
---@param options? runloop.CallOptions
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:create(params, options) end

--- Replaces the fields given and keeps the others. `{}`, `[]` and `""` clear a field.
---@param id runloop.Id
---@param params? runloop.ScenarioUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:update(id, params, options) end

--- Takes a scenario out of the lists. It can still be retrieved, but not updated. Public ones: `permission_denied`.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:archive(id, options) end

--- Puts an archived scenario back.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:unarchive(id, options) end

--- Starts a run. Its state is `running` before its environment is ready.
---@param params runloop.StartScenarioRunParameters
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:start_run(params, options) end

--- Starts a run and waits for its environment. When that does not come up, the error's `run` is the run.
---@param params runloop.StartScenarioRunParameters
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function Scenarios:start_run_and_await_env_ready(params, await, options) end

---@class runloop.ScenarioRuns
local ScenarioRuns = {}

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

--- Begins to score a run; the result comes later.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRuns:score(id, options) end

--- The logs of a run as a zip, to a file or as a string. The file appears whole or not at all. One that it replaces
--- keeps its permissions, and a link to it stays; what is no regular file is refused.
---@param id runloop.Id
---@param path? string nil: the zip is returned
---@param options? runloop.CallOptions
---@return integer|string? bytes_or_zip the bytes written, or the zip
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRuns:download_logs(id, path, options) end

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

--- Scores a run, waits for the result and completes the run.
---@param id runloop.Id
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRuns:score_and_complete(id, await, options) end

---@class runloop.Scorers
local Scorers = {}

--- Lists the account's own scorers. Makes no request yet.
---@param params? runloop.ScorerListQuery
---@param options? runloop.CallOptions
---@return runloop.ScorerPager|fun(): runloop.Scorer
function Scorers:list(params, options) end

--- One scorer.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Scorer? scorer
---@return runloop.Response|runloop.Error response_or_err
function Scorers:retrieve(id, options) end

--- Creates a scorer; scenarios refer to it by its type.
---@param params runloop.ScorerCreateParameters
---@param options? runloop.CallOptions
---@return runloop.Scorer? scorer
---@return runloop.Response|runloop.Error response_or_err
function Scorers:create(params, options) end

--- Replaces a scorer's type and script; the API wants both.
---@param id runloop.Id
---@param params runloop.ScorerUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Scorer? scorer
---@return runloop.Response|runloop.Error response_or_err
function Scorers:update(id, params, options) end

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

---@class runloop.ScenarioListQuery
---@field name? string scenarios of this name
---@field benchmark_id? runloop.Id scenarios of this benchmark
---@field validation_type? string
---@field search? string in ids and names
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field starting_after? runloop.Id begins after this item
---@field include_total_count? boolean `false` saves the server the counting

---@class runloop.PublicScenarioListQuery
---@field name? string scenarios of this name
---@field search? string in ids and names
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field starting_after? runloop.Id begins after this item
---@field include_total_count? boolean `false` saves the server the counting

---@class runloop.ScenarioRunListQuery
---@field scenario_id? runloop.Id runs of this scenario
---@field benchmark_run_id? runloop.Id runs of this benchmark run
---@field name? string runs of this name
---@field state? string runs in this state; see runloop.RunState
---@field search? string in ids and names
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field starting_after? runloop.Id begins after this item
---@field include_total_count? boolean `false` saves the server the counting

---@class runloop.ScorerListQuery
---@field search? string in ids and types
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field starting_after? runloop.Id begins after this item
---@field include_total_count? boolean `false` saves the server the counting

---@class runloop.ScenarioCreateParameters
---@field name string
---@field input_context runloop.InputContext what the agent is told
---@field scoring_contract runloop.ScoringContract how its work is judged
---@field environment_parameters? runloop.ScenarioEnvironment where it works
---@field metadata? table<string, string> for your own order
---@field reference_output? string a solution, such as a diff
---@field required_environment_variables? string[] without which a run does not start
---@field required_secret_names? string[] without which a run does not start
---@field scorer_timeout_sec? integer for all scorers; default 1800
---@field validation_type? runloop.ValidationType

--- What is absent stays as it is.
---@class runloop.ScenarioUpdateParameters
---@field name? string not blank
---@field input_context? runloop.InputContextUpdate
---@field scoring_contract? runloop.ScoringContractUpdate
---@field environment_parameters? runloop.ScenarioEnvironment
---@field metadata? table<string, string> `{}` clears it
---@field reference_output? string `""` clears it
---@field required_environment_variables? string[] `{}` clears it
---@field required_secret_names? string[] `{}` clears it
---@field scorer_timeout_sec? integer
---@field validation_type? runloop.ValidationType `""` clears it

---@class runloop.InputContext
---@field problem_statement string
---@field additional_context? any JSON of your own

---@class runloop.InputContextUpdate
---@field problem_statement? string
---@field additional_context? any JSON of your own

---@class runloop.ScoringContract
---@field scoring_function_parameters runloop.ScoringFunction[]

---@class runloop.ScoringContractUpdate
---@field scoring_function_parameters? runloop.ScoringFunction[]

---@class runloop.ScoringFunction
---@field name string letters, digits, `_` and `-`
---@field weight number the weights of all functions should sum to 1
---@field scorer runloop.ScorerDefinition

---@alias runloop.ScorerDefinition
---| runloop.AstGrepScorer
---| runloop.BashScriptScorer
---| runloop.CommandScorer
---| runloop.CustomScorer
---| runloop.PythonScriptScorer
---| runloop.TestBasedScorer

--- Looks for a pattern in the syntax tree.
---@class runloop.AstGrepScorer
---@field type "ast_grep_scorer"
---@field pattern string stands in double quotes on a command line: write `\$\$\$`
---@field search_directory string
---@field lang? string

--- Runs a script that prints `score=` and a number from 0 to 1.
---@class runloop.BashScriptScorer
---@field type "bash_script_scorer"
---@field bash_script? string

--- Runs a command; exit code 0 passes.
---@class runloop.CommandScorer
---@field type "command_scorer"
---@field command? string

--- Runs one of your own scorers.
---@class runloop.CustomScorer
---@field type "custom_scorer"
---@field custom_scorer_type string the scorer's `type`
---@field scorer_params? any JSON for the scorer

--- Runs a script that prints a number from 0 to 1.
---@class runloop.PythonScriptScorer
---@field type "python_script_scorer"
---@field python_script string
---@field python_version_constraint? string default "==3.12.10"
---@field requirements_contents? string a requirements.txt

--- Writes test files and runs a command.
---@class runloop.TestBasedScorer
---@field type "test_based_scorer"
---@field test_command? string
---@field test_files? runloop.TestFile[]

---@class runloop.TestFile
---@field file_path? string relative to the working directory
---@field file_contents? string

---@class runloop.ScenarioEnvironment
---@field blueprint_id? runloop.Id
---@field snapshot_id? runloop.Id
---@field working_directory? string
---@field launch_parameters? runloop.LaunchParameters

---@class runloop.LaunchParameters
---@field after_idle? runloop.AfterIdle the same as `lifecycle.after_idle`, if both are there
---@field architecture? runloop.Architecture default x86_64
---@field available_ports? integer[] ignored by the API
---@field custom_cpu_cores? number 0.5, 1 or a multiple of 2 up to 16
---@field custom_disk_size? integer GiB, even, 2 to 64
---@field custom_gb_memory? integer GiB, 1 or even, up to 64
---@field keep_alive_time_seconds? integer default 3600, at most 172800
---@field launch_commands? string[]
---@field lifecycle? runloop.Lifecycle
---@field network_policy_id? runloop.Id
---@field provisioning_tier? runloop.ProvisioningTier
---@field required_services? string[]
---@field resource_size_request? runloop.ResourceSize default SMALL
---@field user_parameters? runloop.UserParameters

---@class runloop.AfterIdle
---@field idle_time_seconds integer
---@field on_idle runloop.IdleAction

---@class runloop.Lifecycle
---@field after_idle? runloop.AfterIdle
---@field lifecycle_hooks? runloop.LifecycleHooks
---@field resume_triggers? runloop.ResumeTriggers

---@class runloop.LifecycleHooks
---@field suspend_commands? string[]
---@field suspend_deadline_ms? integer default 30000, at most 60000

---@class runloop.ResumeTriggers
---@field axon_event? boolean
---@field http? boolean

---@class runloop.UserParameters
---@field uid integer
---@field username string

---@class runloop.StartScenarioRunParameters
---@field scenario_id runloop.Id
---@field benchmark_run_id? runloop.Id
---@field run_name? string
---@field metadata? table<string, string> for your own order
---@field runProfile? runloop.RunProfile
---@field run_profile? runloop.RunProfile the same as `runProfile`

---@class runloop.RunProfile
---@field envVars? table<string, string>
---@field env_vars? table<string, string> the same as `envVars`
---@field launchParameters? runloop.LaunchParameters
---@field launch_parameters? runloop.LaunchParameters the same as `launchParameters`
---@field mounts? runloop.Mount[]
---@field purpose? string
---@field secrets? table<string, string> environment variable to name of a secret

---@alias runloop.Mount
---| runloop.AgentMount
---| runloop.BrokerMount
---| runloop.CodeMount
---| runloop.FileMount
---| runloop.ObjectMount

--- An agent, by id or by name.
---@class runloop.AgentMount
---@field type "agent_mount"
---@field agent_id? runloop.Id
---@field agent_name? string
---@field agent_path? string
---@field auth_token? string

--- An event stream.
---@class runloop.BrokerMount
---@field type "broker_mount"
---@field axon_id runloop.Id
---@field protocol? runloop.BrokerProtocol
---@field agent_binary? string
---@field launch_args? string[]
---@field working_directory? string

--- A repository.
---@class runloop.CodeMount
---@field type "code_mount"
---@field repo_name string
---@field repo_owner string
---@field token? string
---@field git_ref? string
---@field install_command? string

--- A file.
---@class runloop.FileMount
---@field type "file_mount"
---@field target string
---@field content string

--- A stored object.
---@class runloop.ObjectMount
---@field type "object_mount"
---@field object_id runloop.Id
---@field object_path string

---@class runloop.ScorerCreateParameters
---@field type string
---@field bash_script string reads JSON from $RL_SCORER_CONTEXT

---@class runloop.ScorerUpdateParameters
---@field type string
---@field bash_script string

---@alias runloop.ValidationType
---| "UNSPECIFIED"
---| "FORWARD"
---| "REVERSE"
---| "EVALUATION"

---@alias runloop.Architecture
---| "x86_64"
---| "arm64"

---@alias runloop.IdleAction
---| "shutdown"
---| "suspend"

---@alias runloop.ProvisioningTier
---| "standard"
---| "flex" # provisioned late, and may be taken away

---@alias runloop.ResourceSize
---| "X_SMALL" # 0.5 CPU, 1 GiB of memory, 4 GiB of disk
---| "SMALL" # 1 CPU, 2 GiB, 4 GiB
---| "MEDIUM" # 2 CPU, 4 GiB, 8 GiB
---| "LARGE" # 2 CPU, 8 GiB, 16 GiB
---| "X_LARGE" # 4 CPU, 16 GiB, 16 GiB
---| "XX_LARGE" # 8 CPU, 32 GiB, 16 GiB
---| "CUSTOM_SIZE" # as the fields `custom_...` say

---@alias runloop.BrokerProtocol
---| "acp"
---| "claude_json"
---| "codex_json"
---| "pi_json"

---@alias runloop.ScenarioStatus
---| "active"
---| "archived" # not listed, not to be updated

---@alias runloop.RunState
---| "running" # also while the environment comes up
---| "scoring"
---| "scored"
---| "completed"
---| "canceled"
---| "timeout"
---| "failed"

---@alias runloop.ScoringFunctionState
---| "unknown"
---| "complete"
---| "error"

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

--- A scenario: a plain table of the API's fields; methods come from its metatable and bring it up to date in place.
---@class runloop.Scenario
---@field id string
---@field name string
---@field status runloop.ScenarioStatus
---@field input_context runloop.InputContext
---@field scoring_contract runloop.ScoringContract
---@field metadata table<string, string>
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

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.Scenario? self
---@return runloop.Response|runloop.Error response_or_err
function Scenario:refresh(options) end

--- Starts a run of it; `scenario_id` is filled in.
---@param params? runloop.StartScenarioRunParameters|{ scenario_id: nil }
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? run
---@return runloop.Response|runloop.Error response_or_err
function Scenario:start_run(params, options) end

--- Lists its runs; `scenario_id` is filled in.
---@param params? runloop.ScenarioRunListQuery
---@param options? runloop.CallOptions
---@return runloop.ScenarioRunPager|fun(): runloop.ScenarioRun
function Scenario:runs(params, options) end

--- A run of a scenario: a plain table of the API's fields, with methods like a scenario's.
---@class runloop.ScenarioRun
---@field id string
---@field devbox_id string
---@field scenario_id string
---@field state runloop.RunState
---@field metadata table<string, string>
---@field benchmark_run_id? string
---@field duration_ms? integer
---@field environment_variables? table<string, string>
---@field name? string
---@field purpose? string
---@field scoring_contract_result? runloop.ScoringContractResult
---@field secrets_provided? table<string, string>
---@field start_time_ms? integer since 1970
local ScenarioRun = {}

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? self
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:refresh(options) end

--- Begins to score it.
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? self
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:score(options) end

--- Completes it and shuts its devbox down.
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? self
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:complete(options) end

--- Ends it and shuts its devbox down.
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? self
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:cancel(options) end

--- Waits for its score.
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.ScenarioRun? self
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:await_scored(await, options) end

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

--- Its logs as a zip.
---@param path? string nil: the zip is returned
---@param options? runloop.CallOptions
---@return integer|string? bytes_or_zip
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:download_logs(path, options) end

--- Its scenario.
---@param options? runloop.CallOptions
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function ScenarioRun:scenario(options) end

---@class runloop.ScoringContractResult
---@field score number 0 to 1
---@field scoring_function_results runloop.ScoringFunctionResult[]

---@class runloop.ScoringFunctionResult
---@field scoring_function_name string
---@field score number
---@field state runloop.ScoringFunctionState
---@field output string

--- A custom scorer: a plain table of the API's fields, with methods like a scenario's.
---@class runloop.Scorer
---@field id string
---@field type string
---@field bash_script string
local Scorer = {}

--- Replaces its type and script.
---@param params runloop.ScorerUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Scorer? self
---@return runloop.Response|runloop.Error response_or_err
function Scorer:update(params, options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.Scorer? self
---@return runloop.Response|runloop.Error response_or_err
function Scorer:refresh(options) end

--- The machine that a run works on.
---@class runloop.Devbox
---@field id string
---@field status runloop.DevboxStatus
---@field create_time_ms integer since 1970
---@field end_time_ms? integer since 1970
---@field metadata table<string, string>
---@field launch_parameters runloop.LaunchParameters
---@field capabilities string[]
---@field state_transitions runloop.StateTransition[]
---@field blueprint_id? string
---@field snapshot_id? string
---@field name? string
---@field initiator_id? string
---@field initiator_type? string `scenario` for the devboxes of runs
---@field failure_reason? string
---@field shutdown_reason? string

---@class runloop.StateTransition
---@field status? runloop.DevboxStatus
---@field transition_time_ms? any

--- Builds the parameters of `client.scenarios:create`. Each step checks its arguments at once and returns the builder.
---@class runloop.ScenarioBuilder
---@field name string
local ScenarioBuilder = {}

--- The blueprint that the environment starts from; takes a snapshot back.
---@param blueprint runloop.Id
---@return runloop.ScenarioBuilder
function ScenarioBuilder:from_blueprint(blueprint) end

--- The snapshot that the environment starts from; takes a blueprint back.
---@param snapshot runloop.Id
---@return runloop.ScenarioBuilder
function ScenarioBuilder:from_snapshot(snapshot) end

--- Where the agent works.
---@param directory string
---@return runloop.ScenarioBuilder
function ScenarioBuilder:with_working_directory(directory) end

--- How the environment's devbox is launched.
---@param parameters runloop.LaunchParameters
---@return runloop.ScenarioBuilder
function ScenarioBuilder:with_launch_parameters(parameters) end

--- What the agent is told.
---@param statement string not blank
---@return runloop.ScenarioBuilder
function ScenarioBuilder:with_problem_statement(statement) end

--- JSON of your own beside the problem statement.
---@param context any
---@return runloop.ScenarioBuilder
function ScenarioBuilder:with_additional_context(context) end

--- Strings for your own order.
---@param metadata table<string, string>
---@return runloop.ScenarioBuilder
function ScenarioBuilder:with_metadata(metadata) end

--- A solution, such as a diff.
---@param output string
---@return runloop.ScenarioBuilder
function ScenarioBuilder:with_reference_output(output) end

--- Environment variables without which a run does not start.
---@param names string[]
---@return runloop.ScenarioBuilder
function ScenarioBuilder:with_required_env_vars(names) end

--- Secrets without which a run does not start.
---@param names string[]
---@return runloop.ScenarioBuilder
function ScenarioBuilder:with_required_secrets(names) end

--- How the scenario is validated.
---@param validation_type runloop.ValidationType
---@return runloop.ScenarioBuilder
function ScenarioBuilder:with_validation_type(validation_type) end

--- How long all scorers together may take.
---@param seconds integer
---@return runloop.ScenarioBuilder
function ScenarioBuilder:with_scorer_timeout(seconds) end

--- A scorer that writes test files and runs a command.
---@param name string
---@param scorer runloop.TestCommandScorerOptions
---@return runloop.ScenarioBuilder
function ScenarioBuilder:add_test_command_scorer(name, scorer) end

--- A scorer that runs a command; exit code 0 passes.
---@param name string
---@param scorer runloop.ShellCommandScorerOptions
---@return runloop.ScenarioBuilder
function ScenarioBuilder:add_shell_command_scorer(name, scorer) end

--- A scorer that runs a script, which prints `score=` and a number from 0 to 1.
---@param name string
---@param scorer runloop.BashScriptScorerOptions
---@return runloop.ScenarioBuilder
function ScenarioBuilder:add_bash_script_scorer(name, scorer) end

--- A scorer that runs a script, which prints a number from 0 to 1.
---@param name string
---@param scorer runloop.PythonScriptScorerOptions
---@return runloop.ScenarioBuilder
function ScenarioBuilder:add_python_script_scorer(name, scorer) end

--- A scorer that looks for a pattern in the syntax tree.
---@param name string
---@param scorer runloop.AstGrepScorerOptions
---@return runloop.ScenarioBuilder
function ScenarioBuilder:add_ast_grep_scorer(name, scorer) end

--- One of your own scorers.
---@param name string
---@param scorer runloop.CustomScorerOptions
---@return runloop.ScenarioBuilder
function ScenarioBuilder:add_custom_scorer(name, scorer) end

--- The parameters of `client.scenarios:create`, the weights scaled to a sum of 1. Raises without a problem statement or
--- a scorer.
---@return runloop.ScenarioCreateParameters
function ScenarioBuilder:build() end

--- Builds the scenario and creates it.
---@param client runloop.Client
---@param options? runloop.CallOptions
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function ScenarioBuilder:push(client, options) end

---@class runloop.TestCommandScorerOptions
---@field test_command string
---@field test_files? runloop.TestFile[]
---@field weight? number greater than 0; default 1

---@class runloop.ShellCommandScorerOptions
---@field command string
---@field weight? number greater than 0; default 1

---@class runloop.BashScriptScorerOptions
---@field bash_script string
---@field weight? number greater than 0; default 1

---@class runloop.PythonScriptScorerOptions
---@field python_script string
---@field python_version_constraint? string default "==3.12.10"
---@field requirements_contents? string a requirements.txt
---@field weight? number greater than 0; default 1

---@class runloop.AstGrepScorerOptions
---@field pattern string
---@field search_directory? string default "."
---@field lang? string
---@field weight? number greater than 0; default 1

---@class runloop.CustomScorerOptions
---@field custom_scorer_type string the scorer's `type`
---@field scorer_params? any JSON for the scorer
---@field weight? number greater than 0; default 1
