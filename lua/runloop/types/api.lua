---@meta _

-- The API for editors (lua-language-server), written by `make types` from the files below ../api/. Never loaded.

---@class runloop.Client
---@field scenarios runloop.Scenarios
---@field benchmarks runloop.Benchmarks
---@field benchmark_runs runloop.BenchmarkRuns
---@field benchmark_jobs runloop.BenchmarkJobs
---@field devboxes runloop.Devboxes
---@field blueprints runloop.Blueprints
---@field objects runloop.Objects
---@field agents runloop.Agents
---@field axons runloop.Axons
---@field secrets runloop.Secrets
---@field network_policies runloop.NetworkPolicies
---@field gateway_configs runloop.GatewayConfigs
---@field mcp_configs runloop.McpConfigs
---@field pty runloop.Pty
---@field accounts runloop.Accounts
---@field apikeys runloop.Apikeys
---@field restricted_keys runloop.RestrictedKeys

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

--- Sets of scenarios.
---@class runloop.Benchmarks
local Benchmarks = {}

--- Creates a benchmark.
---@param params runloop.BenchmarkCreateParameters
---@param options? runloop.CallOptions
---@return runloop.Benchmark? benchmark
---@return runloop.Response|runloop.Error response_or_err
function Benchmarks:create(params, options) end

--- Lists the scenarios of a benchmark. Makes no request yet.
---@param id runloop.Id
---@param params? runloop.BenchmarkDefinitionsQuery
---@param options? runloop.CallOptions
---@return runloop.ScenarioPager|fun(): runloop.Scenario
function Benchmarks:definitions(id, params, options) end

--- Lists the account's benchmarks. Makes no request yet.
---@param params? runloop.BenchmarkListQuery
---@param options? runloop.CallOptions
---@return runloop.BenchmarkPager|fun(): runloop.Benchmark
function Benchmarks:list(params, options) end

--- Lists the benchmarks that everybody may use. Makes no request yet.
---@param params? runloop.BenchmarkListQuery
---@param options? runloop.CallOptions
---@return runloop.BenchmarkPager|fun(): runloop.Benchmark
function Benchmarks:list_public(params, options) end

--- One benchmark.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Benchmark? benchmark
---@return runloop.Response|runloop.Error response_or_err
function Benchmarks:retrieve(id, options) end

--- Starts a run of a benchmark, which the runs of its scenarios go into.
---@param params runloop.BenchmarkStartRunParameters
---@param options? runloop.CallOptions
---@return runloop.BenchmarkRun? benchmark_run
---@return runloop.Response|runloop.Error response_or_err
function Benchmarks:start_run(params, options) end

--- Replaces the fields given and keeps the others.
---@param id runloop.Id
---@param params? runloop.BenchmarkUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Benchmark? benchmark
---@return runloop.Response|runloop.Error response_or_err
function Benchmarks:update(id, params, options) end

--- Puts scenarios in and takes some out.
---@param id runloop.Id
---@param params? runloop.BenchmarkUpdateScenariosParameters
---@param options? runloop.CallOptions
---@return runloop.Benchmark? benchmark
---@return runloop.Response|runloop.Error response_or_err
function Benchmarks:update_scenarios(id, params, options) end

--- Starts a run of a benchmark, has an agent work on each of its scenarios, several at a time, scores what it has done,
--- and completes the run.
---@param id runloop.Id
---@param agent fun(run: runloop.ScenarioRun, devbox: runloop.Devbox, scenario: runloop.Scenario): any, any
---@param options? runloop.EvaluateOptions
---@return runloop.Report?
---@return runloop.Response|runloop.Error response_or_err
function Benchmarks:evaluate(id, agent, options) end

--- Runs of benchmarks.
---@class runloop.BenchmarkRuns
local BenchmarkRuns = {}

--- Ends a run and those in it.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.BenchmarkRun? benchmark_run
---@return runloop.Response|runloop.Error response_or_err
function BenchmarkRuns:cancel(id, options) end

--- Completes a run.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.BenchmarkRun? benchmark_run
---@return runloop.Response|runloop.Error response_or_err
function BenchmarkRuns:complete(id, options) end

--- Lists runs of benchmarks. Makes no request yet.
---@param params? runloop.BenchmarkRunListQuery
---@param options? runloop.CallOptions
---@return runloop.BenchmarkRunPager|fun(): runloop.BenchmarkRun
function BenchmarkRuns:list(params, options) end

--- Lists the runs of scenarios in a run of a benchmark. Makes no request yet.
---@param id runloop.Id
---@param params? runloop.BenchmarkScenarioRunsQuery
---@param options? runloop.CallOptions
---@return runloop.ScenarioRunPager|fun(): runloop.ScenarioRun
function BenchmarkRuns:list_scenario_runs(id, params, options) end

--- One run of a benchmark.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.BenchmarkRun? benchmark_run
---@return runloop.Response|runloop.Error response_or_err
function BenchmarkRuns:retrieve(id, options) end

--- Agents that the platform runs over scenarios by itself.
---@class runloop.BenchmarkJobs
local BenchmarkJobs = {}

--- Begins a job.
---@param params? runloop.BenchmarkJobCreateParameters
---@param options? runloop.CallOptions
---@return runloop.BenchmarkJob? benchmark_job
---@return runloop.Response|runloop.Error response_or_err
function BenchmarkJobs:create(params, options) end

--- Lists jobs. Makes no request yet.
---@param params? runloop.BenchmarkJobListQuery
---@param options? runloop.CallOptions
---@return runloop.BenchmarkJobPager|fun(): runloop.BenchmarkJob
function BenchmarkJobs:list(params, options) end

--- One job.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.BenchmarkJob? benchmark_job
---@return runloop.Response|runloop.Error response_or_err
function BenchmarkJobs:retrieve(id, options) end

--- Waits until a job is completed; any state that leads elsewhere is an error of kind `state`.
---@param id runloop.Id
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.BenchmarkJob? benchmark_job
---@return runloop.Response|runloop.Error response_or_err
function BenchmarkJobs:await_completed(id, await, options) end

--- The machines that agents and commands work on.
---@class runloop.Devboxes
---@field executions runloop.DevboxExecutions
---@field disk_snapshots runloop.DevboxDiskSnapshots
---@field logs runloop.DevboxLogs
local Devboxes = {}

--- Creates a devbox, which is not running yet. At most one of `snapshot_id`, `blueprint_id` and `blueprint_name`.
---@param params? runloop.DevboxCreateParameters
---@param options? runloop.CallOptions
---@return runloop.Devbox? devbox
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:create(params, options) end

--- A token for a gateway, for a devbox.
---@param id runloop.Id
---@param params runloop.GatewayTokenParameters
---@param options? runloop.CallOptions
---@return runloop.GatewayToken? answer
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:create_gateway_token(id, params, options) end

--- A token for an MCP config, for a devbox.
---@param id runloop.Id
---@param params runloop.McpTokenParameters
---@param options? runloop.CallOptions
---@return runloop.McpToken? answer
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:create_mcp_token(id, params, options) end

--- What `client.pty` reaches a running devbox by.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.PtyTunnel? answer
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:create_pty_tunnel(id, options) end

--- A key to log in by.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.SshKey? answer
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:create_ssh_key(id, options) end

--- A file of a devbox, to a local file, which appears whole or not at all, or as a string.
---@param id runloop.Id
---@param params runloop.DevboxDownloadFileParameters
---@param path? string nil: the bytes are returned
---@param options? runloop.CallOptions
---@return (integer|string)? bytes_written_or_bytes
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:download_file(id, params, path, options) end

--- Gives a running devbox a tunnel; it has one at most.
---@param id runloop.Id
---@param params? runloop.TunnelParameters
---@param options? runloop.CallOptions
---@return runloop.Tunnel? answer
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:enable_tunnel(id, params, options) end

--- Runs a command and waits for its end, though no longer than `optimistic_timeout`: then the execution comes back
--- `running`.
---@param id runloop.Id
---@param params runloop.DevboxExecuteParameters|runloop.LastLinesQuery
---@param options? runloop.CallOptions
---@return runloop.Execution? execution
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:execute(id, params, options) end

--- Begins a command.
---@param id runloop.Id
---@param params runloop.DevboxExecuteAsyncParameters
---@param options? runloop.CallOptions
---@return runloop.Execution? execution
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:execute_async(id, params, options) end

--- Runs a command and waits for its end. Deprecated by the API.
---@param id runloop.Id
---@param params runloop.DevboxExecuteSyncParameters
---@param options? runloop.CallOptions
---@return runloop.ExecutionDetail? answer
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:execute_sync(id, params, options) end

--- Begins the time anew after which an idle devbox ends.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:keep_alive(id, options) end

--- Lists devboxes. Makes no request yet.
---@param params? runloop.DevboxListQuery
---@param options? runloop.CallOptions
---@return runloop.DevboxPager|fun(): runloop.Devbox
function Devboxes:list(params, options) end

--- A file of a devbox as a text; `download_file` is for large ones.
---@param id runloop.Id
---@param params runloop.DevboxReadFileParameters
---@param options? runloop.CallOptions
---@return (string)? text
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:read_file_contents(id, params, options) end

--- Takes a devbox's tunnel away.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:remove_tunnel(id, options) end

--- Resumes a suspended devbox. Its launch commands run again.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Devbox? devbox
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:resume(id, options) end

--- One devbox.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Devbox? devbox
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:retrieve(id, options) end

--- What a devbox has used up.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.DevboxResourceUsage? answer
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:retrieve_resource_usage(id, options) end

--- Ends a devbox. While snapshots are being taken it is a `conflict`, unless it is forced.
---@param id runloop.Id
---@param params? runloop.DevboxShutdownQuery
---@param options? runloop.CallOptions
---@return runloop.Devbox? devbox
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:shutdown(id, params, options) end

--- Takes a snapshot of a devbox's disk, and waits for it.
---@param id runloop.Id
---@param params? runloop.DevboxSnapshotParameters
---@param options? runloop.CallOptions
---@return runloop.Snapshot? snapshot
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:snapshot_disk(id, params, options) end

--- Begins a snapshot of a devbox's disk; `await_completed` of the snapshot waits for it.
---@param id runloop.Id
---@param params? runloop.DevboxSnapshotParameters
---@param options? runloop.CallOptions
---@return runloop.Snapshot? snapshot
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:snapshot_disk_async(id, params, options) end

--- Suspends a running devbox: its disk is kept, its memory and processes are lost.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Devbox? devbox
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:suspend(id, options) end

--- Replaces the fields given and keeps the others.
---@param id runloop.Id
---@param params? runloop.DevboxUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Devbox? devbox
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:update(id, params, options) end

--- Sends a local file to a devbox, which is read as it is sent; or a text, as `contents`.
---@param id runloop.Id
---@param params runloop.DevboxUploadFileParameters
---@param path string the local file
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:upload_file(id, params, path, options) end

--- Waits until an execution has one of the statuses. A 408 says: not yet.
---@param devbox_id runloop.Id
---@param execution_id runloop.Id
---@param params runloop.DevboxWaitForCommandParameters|runloop.LastLinesQuery
---@param options? runloop.CallOptions
---@return runloop.Execution? execution
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:wait_for_command(devbox_id, execution_id, params, options) end

--- Which devboxes are going to be suspended, and when.
---@param options? runloop.CallOptions
---@return runloop.EvictionEventStream|fun(): runloop.EvictionEvent
function Devboxes:watch_evictions(options) end

--- Writes a text into a file of a devbox. Whether it was written is in the answer's `exit_status`.
---@param id runloop.Id
---@param params runloop.DevboxWriteFileParameters
---@param options? runloop.CallOptions
---@return runloop.ExecutionDetail? answer
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:write_file_contents(id, params, options) end

--- Waits until a devbox runs, through a suspend and a resume too; any state that leads elsewhere is an error of kind
--- `state`, as is `suspended` when it lasts.
---@param id runloop.Id
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Devbox? devbox
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:await_running(id, await, options) end

--- Waits until a devbox is suspended; any state that leads elsewhere is an error of kind `state`.
---@param id runloop.Id
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Devbox? devbox
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:await_suspended(id, await, options) end

--- Creates a devbox and waits until it runs. When it does not, the error's `created` is the devbox, and with
--- `cancel_on_failure` it is shut down.
---@param params? runloop.DevboxCreateParameters
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Devbox? devbox
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:create_and_await_running(params, await, options) end

--- Runs a command to its end, with its whole output. Another exit status than 0 is no error. `stdout` and `stderr` are
--- functions that are called with text as it comes.
---@param id runloop.Id
---@param command string
---@param spec? runloop.ExecOptions
---@param options? runloop.CallOptions
---@return runloop.Execution? execution
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:exec(id, command, spec, options) end

--- Creates a devbox, waits until it runs, calls `fn` with it, and shuts it down whatever has happened. Returns what
--- `fn` returned.
---@param params? runloop.DevboxCreateParameters
---@param fn fun(devbox: runloop.Devbox): any
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return any
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:with(params, fn, await, options) end

--- The same as `client.devboxes.disk_snapshots:delete`.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Devboxes:delete_disk_snapshot(id, options) end

--- The same as `client.devboxes.disk_snapshots:list`. Makes no request yet.
---@param params? runloop.DiskSnapshotListQuery
---@param options? runloop.CallOptions
---@return runloop.SnapshotPager|fun(): runloop.Snapshot
function Devboxes:list_disk_snapshots(params, options) end

--- Commands on devboxes. An execution alone will do for both ids.
---@class runloop.DevboxExecutions
local DevboxExecutions = {}

--- Kills a command.
---@param devbox_id runloop.Id
---@param execution_id runloop.Id
---@param params? runloop.ExecutionKillParameters
---@param options? runloop.CallOptions
---@return runloop.Execution? execution
---@return runloop.Response|runloop.Error response_or_err
function DevboxExecutions:kill(devbox_id, execution_id, params, options) end

--- One execution.
---@param devbox_id runloop.Id
---@param execution_id runloop.Id
---@param params? runloop.LastLinesQuery
---@param options? runloop.CallOptions
---@return runloop.Execution? execution
---@return runloop.Response|runloop.Error response_or_err
function DevboxExecutions:retrieve(devbox_id, execution_id, params, options) end

--- Writes to the standard input of a command that was begun with `attach_stdin`.
---@param devbox_id runloop.Id
---@param execution_id runloop.Id
---@param params? runloop.ExecutionSendStdInParameters
---@param options? runloop.CallOptions
---@return runloop.SendStdInResult? answer
---@return runloop.Response|runloop.Error response_or_err
function DevboxExecutions:send_std_in(devbox_id, execution_id, params, options) end

--- The standard error of a command, as it comes.
---@param devbox_id runloop.Id
---@param execution_id runloop.Id
---@param params? runloop.OutputStreamQuery
---@param options? runloop.CallOptions
---@return runloop.ExecutionUpdateChunkStream|fun(): runloop.ExecutionUpdateChunk
function DevboxExecutions:stream_stderr_updates(devbox_id, execution_id, params, options) end

--- The standard output of a command, as it comes.
---@param devbox_id runloop.Id
---@param execution_id runloop.Id
---@param params? runloop.OutputStreamQuery
---@param options? runloop.CallOptions
---@return runloop.ExecutionUpdateChunkStream|fun(): runloop.ExecutionUpdateChunk
function DevboxExecutions:stream_stdout_updates(devbox_id, execution_id, params, options) end

--- Waits until a command is completed, whatever its exit status.
---@param devbox_id runloop.Id
---@param execution_id runloop.Id
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Execution? execution
---@return runloop.Response|runloop.Error response_or_err
function DevboxExecutions:await_completed(devbox_id, execution_id, await, options) end

--- The same as `client.devboxes:execute_async`.
---@param id runloop.Id
---@param params runloop.DevboxExecuteAsyncParameters
---@param options? runloop.CallOptions
---@return runloop.Execution? execution
---@return runloop.Response|runloop.Error response_or_err
function DevboxExecutions:execute_async(id, params, options) end

--- The same as `client.devboxes:execute_sync`.
---@param id runloop.Id
---@param params runloop.DevboxExecuteSyncParameters
---@param options? runloop.CallOptions
---@return runloop.ExecutionDetail? answer
---@return runloop.Response|runloop.Error response_or_err
function DevboxExecutions:execute_sync(id, params, options) end

--- Snapshots of disks; `snapshot_disk` of a devbox takes them, and devboxes start from them.
---@class runloop.DevboxDiskSnapshots
local DevboxDiskSnapshots = {}

--- Deletes a snapshot for good. One that is not complete: `conflict`.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function DevboxDiskSnapshots:delete(id, options) end

--- Lists snapshots. Makes no request yet.
---@param params? runloop.DiskSnapshotListQuery
---@param options? runloop.CallOptions
---@return runloop.SnapshotPager|fun(): runloop.Snapshot
function DevboxDiskSnapshots:list(params, options) end

--- How far a snapshot is; with it, once it is complete.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.SnapshotAsyncStatus? answer
---@return runloop.Response|runloop.Error response_or_err
function DevboxDiskSnapshots:query_status(id, options) end

--- Replaces the fields given; metadata is replaced as a whole.
---@param id runloop.Id
---@param params? runloop.DevboxSnapshotParameters
---@param options? runloop.CallOptions
---@return runloop.Snapshot? snapshot
---@return runloop.Response|runloop.Error response_or_err
function DevboxDiskSnapshots:update(id, params, options) end

--- Waits until a snapshot is complete; `error` and `deleted` are errors of kind `state`.
---@param id runloop.Id
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.SnapshotAsyncStatus? answer
---@return runloop.Response|runloop.Error response_or_err
function DevboxDiskSnapshots:await_completed(id, await, options) end

---@class runloop.DevboxLogs
local DevboxLogs = {}

--- The whole log of a devbox.
---@param id runloop.Id
---@param params? runloop.DevboxLogsQuery
---@param options? runloop.CallOptions
---@return runloop.DevboxLogsList? answer
---@return runloop.Response|runloop.Error response_or_err
function DevboxLogs:list(id, params, options) end

--- Images that devboxes start from.
---@class runloop.Blueprints
local Blueprints = {}

--- Begins to build a blueprint.
---@param params runloop.BlueprintBuildParameters
---@param options? runloop.CallOptions
---@return runloop.Blueprint? blueprint
---@return runloop.Response|runloop.Error response_or_err
function Blueprints:create(params, options) end

--- Deletes a blueprint. While snapshots depend on it: `bad_request`.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Blueprints:delete(id, options) end

--- Lists the account's blueprints. Makes no request yet.
---@param params? runloop.BlueprintListQuery
---@param options? runloop.CallOptions
---@return runloop.BlueprintPager|fun(): runloop.Blueprint
function Blueprints:list(params, options) end

--- Lists the blueprints that everybody may use. Makes no request yet.
---@param params? runloop.BlueprintListQuery
---@param options? runloop.CallOptions
---@return runloop.BlueprintPager|fun(): runloop.Blueprint
function Blueprints:list_public(params, options) end

--- The whole log of a build.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.BlueprintBuildLogs? answer
---@return runloop.Response|runloop.Error response_or_err
function Blueprints:logs(id, options) end

--- The dockerfile that a build would have. Deprecated by the API.
---@param params runloop.BlueprintBuildParameters
---@param options? runloop.CallOptions
---@return runloop.BlueprintPreview? answer
---@return runloop.Response|runloop.Error response_or_err
function Blueprints:preview(params, options) end

--- One blueprint.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Blueprint? blueprint
---@return runloop.Response|runloop.Error response_or_err
function Blueprints:retrieve(id, options) end

--- Waits until a blueprint is built; any status that leads elsewhere is an error of kind `state`.
---@param id runloop.Id
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Blueprint? blueprint
---@return runloop.Response|runloop.Error response_or_err
function Blueprints:await_build_complete(id, await, options) end

--- Creates a blueprint and waits until it is built. When it is not, the error's `created` is the blueprint, and with
--- `cancel_on_failure` it is deleted.
---@param params runloop.BlueprintBuildParameters
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Blueprint? blueprint
---@return runloop.Response|runloop.Error response_or_err
function Blueprints:create_and_await_build_complete(params, await, options) end

--- Files that the platform stores, to be mounted into devboxes.
---@class runloop.Objects
local Objects = {}

--- Says that the bytes of an object are there.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Object? object
---@return runloop.Response|runloop.Error response_or_err
function Objects:complete(id, options) end

--- Makes room for an object. Its bytes go to `upload_url`, then comes `complete`.
---@param params runloop.ObjectCreateParameters
---@param options? runloop.CallOptions
---@return runloop.Object? object
---@return runloop.Response|runloop.Error response_or_err
function Objects:create(params, options) end

--- Deletes an object for good.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Object? object
---@return runloop.Response|runloop.Error response_or_err
function Objects:delete(id, options) end

--- A URL that an object can be downloaded from for some time.
---@param id runloop.Id
---@param params? runloop.ObjectDownloadQuery
---@param options? runloop.CallOptions
---@return runloop.ObjectDownloadUrl? answer
---@return runloop.Response|runloop.Error response_or_err
function Objects:download(id, params, options) end

--- Lists the account's objects. Makes no request yet.
---@param params? runloop.ObjectListQuery
---@param options? runloop.CallOptions
---@return runloop.ObjectPager|fun(): runloop.Object
function Objects:list(params, options) end

--- Lists the objects that everybody may use. Makes no request yet.
---@param params? runloop.ObjectListQuery
---@param options? runloop.CallOptions
---@return runloop.ObjectPager|fun(): runloop.Object
function Objects:list_public(params, options) end

--- One object.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Object? object
---@return runloop.Response|runloop.Error response_or_err
function Objects:retrieve(id, options) end

--- Makes an object of a local file, which is read as it is sent: `create`, a PUT to its `upload_url`, `complete`. What
--- does not get to its end is deleted again.
---@param path string
---@param params? runloop.ObjectUploadParameters
---@param options? runloop.CallOptions
---@return runloop.Object? object
---@return runloop.Response|runloop.Error response_or_err
function Objects:upload_from_file(path, params, options) end

--- Makes an object of a text; `name` is required.
---@param text string
---@param params? runloop.ObjectUploadParameters
---@param options? runloop.CallOptions
---@return runloop.Object? object
---@return runloop.Response|runloop.Error response_or_err
function Objects:upload_from_text(text, params, options) end

--- Programs that can be mounted into devboxes.
---@class runloop.Agents
local Agents = {}

--- Creates an agent.
---@param params runloop.AgentCreateParameters
---@param options? runloop.CallOptions
---@return runloop.Agent? agent
---@return runloop.Response|runloop.Error response_or_err
function Agents:create(params, options) end

--- Deletes an agent for good.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Agents:delete(id, options) end

--- How many devboxes have which agent.
---@param options? runloop.CallOptions
---@return runloop.AgentDevboxCounts? answer
---@return runloop.Response|runloop.Error response_or_err
function Agents:devbox_counts(options) end

--- Lists agents. Makes no request yet.
---@param params? runloop.AgentListQuery
---@param options? runloop.CallOptions
---@return runloop.AgentPager|fun(): runloop.Agent
function Agents:list(params, options) end

--- Lists the agents that everybody may use. Makes no request yet.
---@param params? runloop.PublicAgentListQuery
---@param options? runloop.CallOptions
---@return runloop.AgentPager|fun(): runloop.Agent
function Agents:list_public(params, options) end

--- One agent.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Agent? agent
---@return runloop.Response|runloop.Error response_or_err
function Agents:retrieve(id, options) end

--- Streams of events that agents and programs talk by.
---@class runloop.Axons
---@field events runloop.AxonEvents
---@field sql runloop.AxonSql
local Axons = {}

--- Creates an axon.
---@param params? runloop.AxonCreateParameters
---@param options? runloop.CallOptions
---@return runloop.Axon? axon
---@return runloop.Response|runloop.Error response_or_err
function Axons:create(params, options) end

--- Deletes an axon.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Axons:delete(id, options) end

--- Lists active axons. Makes no request yet.
---@param params? runloop.AxonListQuery
---@param options? runloop.CallOptions
---@return runloop.AxonPager|fun(): runloop.Axon
function Axons:list(params, options) end

--- Adds an event. One that may have been added is not sent again.
---@param id runloop.Id
---@param params runloop.AxonPublishParameters
---@param options? runloop.CallOptions
---@return runloop.AxonPublishResult? answer
---@return runloop.Response|runloop.Error response_or_err
function Axons:publish(id, params, options) end

--- One axon.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.Axon? axon
---@return runloop.Response|runloop.Error response_or_err
function Axons:retrieve(id, options) end

--- The events of an axon, those that there are and those that come.
---@param id runloop.Id
---@param params? runloop.AxonSubscribeQuery
---@param options? runloop.CallOptions
---@return runloop.AxonEventStream|fun(): runloop.AxonEvent
function Axons:subscribe_sse(id, params, options) end

--- Replaces the fields given and keeps the others.
---@param id runloop.Id
---@param params? runloop.AxonUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Axon? axon
---@return runloop.Response|runloop.Error response_or_err
function Axons:update(id, params, options) end

---@class runloop.AxonEvents
local AxonEvents = {}

--- The newest events of an axon. Events have no id, so that this is no lazy list.
---@param id runloop.Id
---@param params? runloop.AxonEventsQuery
---@param options? runloop.CallOptions
---@return runloop.AxonEventList? answer
---@return runloop.Response|runloop.Error response_or_err
function AxonEvents:list(id, params, options) end

--- SQLite over the events of an axon: the table `rl_axon_events` with `sequence`, `timestamp_ms`, `origin` (1 to 4:
--- external, agent, user, system), `source`, `event_type` and `payload`.
---@class runloop.AxonSql
local AxonSql = {}

--- Statements in one transaction, each with its result or its error.
---@param id runloop.Id
---@param params runloop.SqlBatchParameters
---@param options? runloop.CallOptions
---@return runloop.SqlBatchResult? answer
---@return runloop.Response|runloop.Error response_or_err
function AxonSql:batch(id, params, options) end

--- One statement.
---@param id runloop.Id
---@param params runloop.SqlStatement
---@param options? runloop.CallOptions
---@return runloop.SqlResult? answer
---@return runloop.Response|runloop.Error response_or_err
function AxonSql:query(id, params, options) end

--- Values that devboxes get by their names. A secret's name stands where others have an id.
---@class runloop.Secrets
local Secrets = {}

--- Creates a secret.
---@param params runloop.SecretCreateParameters
---@param options? runloop.CallOptions
---@return runloop.Secret? secret
---@return runloop.Response|runloop.Error response_or_err
function Secrets:create(params, options) end

--- Deletes a secret.
---@param name runloop.Name
---@param options? runloop.CallOptions
---@return runloop.Secret? secret
---@return runloop.Response|runloop.Error response_or_err
function Secrets:delete(name, options) end

--- The account's secrets, as many as there may be at once: the API has no cursor here.
---@param params? runloop.SecretListQuery
---@param options? runloop.CallOptions
---@return runloop.SecretList? answer
---@return runloop.Response|runloop.Error response_or_err
function Secrets:list(params, options) end

--- One secret, without its value.
---@param name runloop.Name
---@param options? runloop.CallOptions
---@return runloop.Secret? secret
---@return runloop.Response|runloop.Error response_or_err
function Secrets:retrieve(name, options) end

--- Replaces a secret's value.
---@param name runloop.Name
---@param params runloop.SecretUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Secret? secret
---@return runloop.Response|runloop.Error response_or_err
function Secrets:update(name, params, options) end

--- Whom devboxes may talk to.
---@class runloop.NetworkPolicies
local NetworkPolicies = {}

--- Creates a network policy.
---@param params runloop.NetworkPolicyCreateParameters
---@param options? runloop.CallOptions
---@return runloop.NetworkPolicy? network_policy
---@return runloop.Response|runloop.Error response_or_err
function NetworkPolicies:create(params, options) end

--- Deletes a network policy. While it is in use: `bad_request`.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.NetworkPolicy? network_policy
---@return runloop.Response|runloop.Error response_or_err
function NetworkPolicies:delete(id, options) end

--- Lists network policies. Makes no request yet.
---@param params? runloop.NetworkPolicyListQuery
---@param options? runloop.CallOptions
---@return runloop.NetworkPolicyPager|fun(): runloop.NetworkPolicy
function NetworkPolicies:list(params, options) end

--- One network policy.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.NetworkPolicy? network_policy
---@return runloop.Response|runloop.Error response_or_err
function NetworkPolicies:retrieve(id, options) end

--- Replaces the fields given and keeps the others.
---@param id runloop.Id
---@param params? runloop.NetworkPolicyUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.NetworkPolicy? network_policy
---@return runloop.Response|runloop.Error response_or_err
function NetworkPolicies:update(id, params, options) end

--- Endpoints that devboxes reach without seeing the secret.
---@class runloop.GatewayConfigs
local GatewayConfigs = {}

--- Creates a gateway config.
---@param params runloop.GatewayConfigCreateParameters
---@param options? runloop.CallOptions
---@return runloop.GatewayConfig? gateway_config
---@return runloop.Response|runloop.Error response_or_err
function GatewayConfigs:create(params, options) end

--- Deletes a gateway config. While devboxes use it: `bad_request`.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.GatewayConfig? gateway_config
---@return runloop.Response|runloop.Error response_or_err
function GatewayConfigs:delete(id, options) end

--- Lists gateway configs, those of the platform too. Makes no request yet.
---@param params? runloop.GatewayConfigListQuery
---@param options? runloop.CallOptions
---@return runloop.GatewayConfigPager|fun(): runloop.GatewayConfig
function GatewayConfigs:list(params, options) end

--- One gateway config.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.GatewayConfig? gateway_config
---@return runloop.Response|runloop.Error response_or_err
function GatewayConfigs:retrieve(id, options) end

--- Replaces the fields given and keeps the others.
---@param id runloop.Id
---@param params? runloop.GatewayConfigUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.GatewayConfig? gateway_config
---@return runloop.Response|runloop.Error response_or_err
function GatewayConfigs:update(id, params, options) end

--- Servers of tools that devboxes reach without seeing the secret.
---@class runloop.McpConfigs
local McpConfigs = {}

--- Creates an MCP config.
---@param params runloop.McpConfigCreateParameters
---@param options? runloop.CallOptions
---@return runloop.McpConfig? mcp_config
---@return runloop.Response|runloop.Error response_or_err
function McpConfigs:create(params, options) end

--- Deletes an MCP config. While devboxes use it: `bad_request`.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.McpConfig? mcp_config
---@return runloop.Response|runloop.Error response_or_err
function McpConfigs:delete(id, options) end

--- Lists MCP configs. Makes no request yet.
---@param params? runloop.McpConfigListQuery
---@param options? runloop.CallOptions
---@return runloop.McpConfigPager|fun(): runloop.McpConfig
function McpConfigs:list(params, options) end

--- One MCP config.
---@param id runloop.Id
---@param options? runloop.CallOptions
---@return runloop.McpConfig? mcp_config
---@return runloop.Response|runloop.Error response_or_err
function McpConfigs:retrieve(id, options) end

--- Replaces the fields given and keeps the others.
---@param id runloop.Id
---@param params? runloop.McpConfigUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.McpConfig? mcp_config
---@return runloop.Response|runloop.Error response_or_err
function McpConfigs:update(id, params, options) end

--- Terminals of devboxes, on a tunnel's host. The module has no WebSocket: what comes back says where one goes.
---@class runloop.Pty
local Pty = {}

--- Makes a terminal, or finds it by its name: `GET /pty/{session_name}` of the tunnel.
---@param tunnel runloop.PtyTunnel from `devboxes:create_pty_tunnel`
---@param session_name string 1 to 256 letters, digits, `_` and `-`
---@param params? runloop.PtyConnectQuery
---@param options? runloop.CallOptions
---@return runloop.PtySession? answer
---@return runloop.Response|runloop.Error response_or_err
function Pty:connect(tunnel, session_name, params, options) end

--- Resizes, signals or closes a terminal: `POST /pty/{session_name}/control` of the tunnel.
---@param tunnel runloop.PtyTunnel from `devboxes:create_pty_tunnel`
---@param session_name string 1 to 256 letters, digits, `_` and `-`
---@param params? runloop.PtyControlParameters
---@param options? runloop.CallOptions
---@return runloop.PtyControlResult? answer
---@return runloop.Response|runloop.Error response_or_err
function Pty:control(tunnel, session_name, params, options) end

--- The account that the key belongs to.
---@class runloop.Accounts
local Accounts = {}

--- The account; a cheap way to see whether the key is good.
---@param options? runloop.CallOptions
---@return runloop.Account? answer
---@return runloop.Response|runloop.Error response_or_err
function Accounts:me(options) end

--- Keys for the API. There is no call that lists them or takes them back.
---@class runloop.Apikeys
local Apikeys = {}

--- Creates a key.
---@param params? runloop.ApiKeyCreateParameters
---@param options? runloop.CallOptions
---@return runloop.ApiKey? answer
---@return runloop.Response|runloop.Error response_or_err
function Apikeys:create(params, options) end

--- Keys for a part of the API. There is no call that lists them or takes them back.
---@class runloop.RestrictedKeys
local RestrictedKeys = {}

--- Creates a key that may do what its scopes say.
---@param params? runloop.RestrictedKeyCreateParameters
---@param options? runloop.CallOptions
---@return runloop.RestrictedKey? answer
---@return runloop.Response|runloop.Error response_or_err
function RestrictedKeys:create(params, options) end

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

--- A set of scenarios.
---@class runloop.Benchmark
---@field id string
---@field metadata table<string, string>
---@field name string
---@field scenarioIds string[]
---@field status runloop.BenchmarkStatus
---@field attribution? string
---@field description? string
---@field is_public? boolean
---@field required_environment_variables? string[]
---@field required_secret_names? string[]
local Benchmark = {}

--- Lists its scenarios. Makes no request yet.
---@param params? runloop.BenchmarkDefinitionsQuery
---@param options? runloop.CallOptions
---@return runloop.ScenarioPager|fun(): runloop.Scenario
function Benchmark:definitions(params, options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.Benchmark? self
---@return runloop.Response|runloop.Error response_or_err
function Benchmark:refresh(options) end

--- Starts a run of it; `benchmark_id` is filled in.
---@param params? runloop.BenchmarkStartRunParameters|{ benchmark_id: nil }
---@param options? runloop.CallOptions
---@return runloop.BenchmarkRun? benchmark_run
---@return runloop.Response|runloop.Error response_or_err
function Benchmark:start_run(params, options) end

--- Replaces the fields given.
---@param params? runloop.BenchmarkUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Benchmark? self
---@return runloop.Response|runloop.Error response_or_err
function Benchmark:update(params, options) end

--- Puts scenarios in and takes some out.
---@param params? runloop.BenchmarkUpdateScenariosParameters
---@param options? runloop.CallOptions
---@return runloop.Benchmark? self
---@return runloop.Response|runloop.Error response_or_err
function Benchmark:update_scenarios(params, options) end

--- A run of a benchmark.
---@class runloop.BenchmarkRun
---@field id string
---@field metadata table<string, string>
---@field start_time_ms integer since 1970
---@field state runloop.BenchmarkRunState
---@field benchmark_id? string
---@field duration_ms? integer
---@field environment_variables? table<string, string>
---@field name? string
---@field purpose? string
---@field score? number the mean over its runs
---@field secrets_provided? table<string, string>
local BenchmarkRun = {}

--- Ends it and the runs in it.
---@param options? runloop.CallOptions
---@return runloop.BenchmarkRun? self
---@return runloop.Response|runloop.Error response_or_err
function BenchmarkRun:cancel(options) end

--- Completes it.
---@param options? runloop.CallOptions
---@return runloop.BenchmarkRun? self
---@return runloop.Response|runloop.Error response_or_err
function BenchmarkRun:complete(options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.BenchmarkRun? self
---@return runloop.Response|runloop.Error response_or_err
function BenchmarkRun:refresh(options) end

--- Lists the runs of scenarios in it. Makes no request yet.
---@param params? runloop.BenchmarkScenarioRunsQuery
---@param options? runloop.CallOptions
---@return runloop.ScenarioRunPager|fun(): runloop.ScenarioRun
function BenchmarkRun:scenario_runs(params, options) end

--- A job.
---@class runloop.BenchmarkJob
---@field create_time_ms integer since 1970
---@field id string
---@field name string
---@field state runloop.BenchmarkJobState
---@field benchmark_outcomes? runloop.BenchmarkOutcome[]
---@field failure_reason? string
---@field in_progress_runs? runloop.InProgressRun[]
---@field job_source? runloop.JobSource Where a job's scenarios came from.
---@field job_spec? runloop.JobSpec
local BenchmarkJob = {}

--- Waits until it is completed.
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.BenchmarkJob? self
---@return runloop.Response|runloop.Error response_or_err
function BenchmarkJob:await_completed(await, options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.BenchmarkJob? self
---@return runloop.Response|runloop.Error response_or_err
function BenchmarkJob:refresh(options) end

--- A machine.
---@class runloop.Devbox
---@field capabilities string[]
---@field create_time_ms integer since 1970
---@field id string
---@field launch_parameters runloop.LaunchParameters
---@field metadata table<string, string>
---@field state_transitions runloop.StateTransition[] the oldest first
---@field status runloop.DevboxStatus
---@field blueprint_id? string
---@field end_time_ms? integer since 1970
---@field failure_reason? string out_of_memory, out_of_disk, execution_failed or health_check_failed
---@field gateway_specs? table<string, runloop.GatewaySpecView>
---@field initiator_id? string
---@field initiator_type? string api, `scenario` for the devboxes of runs, scoring_validation, reflex or unknown
---@field mcp_specs? table<string, runloop.McpSpecView>
---@field name? string
---@field shutdown_reason? string api_shutdown, keep_alive_timeout, entrypoint_exit, idle or ttl_expired
---@field snapshot_id? string
---@field tunnel? runloop.Tunnel What makes a devbox's ports reachable; see `devbox:tunnel_url`.
local Devbox = {}

--- Waits until it runs.
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Devbox? self
---@return runloop.Response|runloop.Error response_or_err
function Devbox:await_running(await, options) end

--- Waits until it is suspended.
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Devbox? self
---@return runloop.Response|runloop.Error response_or_err
function Devbox:await_suspended(await, options) end

--- A key to log in by.
---@param options? runloop.CallOptions
---@return runloop.SshKey? answer
---@return runloop.Response|runloop.Error response_or_err
function Devbox:create_ssh_key(options) end

--- A file of it, to a local file, which appears whole or not at all, or as a string.
---@param remote_path string
---@param path? string nil: the bytes are returned
---@param options? runloop.CallOptions
---@return (integer|string)? bytes_written_or_bytes
---@return runloop.Response|runloop.Error response_or_err
function Devbox:download_file(remote_path, path, options) end

--- Gives it a tunnel.
---@param params? runloop.TunnelParameters
---@param options? runloop.CallOptions
---@return runloop.Tunnel? answer
---@return runloop.Response|runloop.Error response_or_err
function Devbox:enable_tunnel(params, options) end

--- Runs a command on it to its end, with its whole output.
---@param command string
---@param spec? runloop.ExecOptions
---@param options? runloop.CallOptions
---@return runloop.Execution? execution
---@return runloop.Response|runloop.Error response_or_err
function Devbox:exec(command, spec, options) end

--- Begins a command.
---@param command string
---@param params? { shell_name: string?, attach_stdin: boolean? }
---@param options? runloop.CallOptions
---@return runloop.Execution? execution
---@return runloop.Response|runloop.Error response_or_err
function Devbox:exec_async(command, params, options) end

--- Begins the time anew after which it ends when it is idle.
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Devbox:keep_alive(options) end

--- Its logs.
---@param params? runloop.DevboxLogsQuery
---@param options? runloop.CallOptions
---@return runloop.DevboxLogsList? answer
---@return runloop.Response|runloop.Error response_or_err
function Devbox:logs(params, options) end

--- A file of it as a text.
---@param path string
---@param options? runloop.CallOptions
---@return (string)? text
---@return runloop.Response|runloop.Error response_or_err
function Devbox:read_file(path, options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.Devbox? self
---@return runloop.Response|runloop.Error response_or_err
function Devbox:refresh(options) end

--- Takes its tunnel away.
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Devbox:remove_tunnel(options) end

--- Resumes it.
---@param options? runloop.CallOptions
---@return runloop.Devbox? self
---@return runloop.Response|runloop.Error response_or_err
function Devbox:resume(options) end

--- Ends it.
---@param params? runloop.DevboxShutdownQuery
---@param options? runloop.CallOptions
---@return runloop.Devbox? self
---@return runloop.Response|runloop.Error response_or_err
function Devbox:shutdown(params, options) end

--- Takes a snapshot of its disk, and waits for it.
---@param params? runloop.DevboxSnapshotParameters
---@param options? runloop.CallOptions
---@return runloop.Snapshot? snapshot
---@return runloop.Response|runloop.Error response_or_err
function Devbox:snapshot_disk(params, options) end

--- Suspends it.
---@param options? runloop.CallOptions
---@return runloop.Devbox? self
---@return runloop.Response|runloop.Error response_or_err
function Devbox:suspend(options) end

--- The URL of one of its ports behind its tunnel; an error of kind `state` when it has none. Makes no request.
---@param port integer
---@return (string)? text
---@return runloop.Response|runloop.Error response_or_err
function Devbox:tunnel_url(port) end

--- Replaces the fields given.
---@param params? runloop.DevboxUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Devbox? self
---@return runloop.Response|runloop.Error response_or_err
function Devbox:update(params, options) end

--- Sends a local file to it, which is read as it is sent.
---@param remote_path string
---@param path string
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Devbox:upload_file(remote_path, path, options) end

--- What it has used up.
---@param options? runloop.CallOptions
---@return runloop.DevboxResourceUsage? answer
---@return runloop.Response|runloop.Error response_or_err
function Devbox:usage(options) end

--- Writes a text into a file of it. A write that failed there is an error of kind `state`, code `EXIT_STATUS`.
---@param path string
---@param contents string
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Devbox:write_file(path, contents, options) end

--- A command on a devbox. Its output is there when it is `completed`: the last lines of each stream.
---@class runloop.Execution
---@field devbox_id string
---@field execution_id string
---@field status runloop.ExecutionStatus
---@field exit_status? integer
---@field shell_name? string
---@field stderr? string
---@field stderr_truncated? boolean there was more
---@field stdout? string
---@field stdout_truncated? boolean there was more
local Execution = {}

--- Waits until it is completed, whatever its exit status.
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Execution? self
---@return runloop.Response|runloop.Error response_or_err
function Execution:await_completed(await, options) end

--- Kills it.
---@param params? runloop.ExecutionKillParameters
---@param options? runloop.CallOptions
---@return runloop.Execution? self
---@return runloop.Response|runloop.Error response_or_err
function Execution:kill(params, options) end

--- Asks the API for it again.
---@param params? runloop.LastLinesQuery
---@param options? runloop.CallOptions
---@return runloop.Execution? self
---@return runloop.Response|runloop.Error response_or_err
function Execution:refresh(params, options) end

--- Writes to its standard input.
---@param params? runloop.ExecutionSendStdInParameters
---@param options? runloop.CallOptions
---@return runloop.SendStdInResult? answer
---@return runloop.Response|runloop.Error response_or_err
function Execution:send_std_in(params, options) end

--- Its standard error, as it comes.
---@param params? runloop.OutputStreamQuery
---@param options? runloop.CallOptions
---@return runloop.ExecutionUpdateChunkStream|fun(): runloop.ExecutionUpdateChunk
function Execution:stream_stderr(params, options) end

--- Its standard output, as it comes.
---@param params? runloop.OutputStreamQuery
---@param options? runloop.CallOptions
---@return runloop.ExecutionUpdateChunkStream|fun(): runloop.ExecutionUpdateChunk
function Execution:stream_stdout(params, options) end

--- A snapshot of a devbox's disk.
---@class runloop.Snapshot
---@field create_time_ms integer since 1970
---@field id string
---@field metadata table<string, string>
---@field source_devbox_id string
---@field commit_message? string
---@field error_message? string once it has been asked for again
---@field name? string
---@field size_bytes? integer beyond the blueprint's
---@field source_blueprint_id? string
---@field status? runloop.SnapshotStatus once it has been asked for again
local Snapshot = {}

--- Waits until it is complete.
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Snapshot? snapshot
---@return runloop.Response|runloop.Error response_or_err
function Snapshot:await_completed(await, options) end

--- Deletes it for good.
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Snapshot:delete(options) end

--- Asks the API how far it is, which brings `status` and `error_message`.
---@param options? runloop.CallOptions
---@return runloop.Snapshot? snapshot
---@return runloop.Response|runloop.Error response_or_err
function Snapshot:refresh(options) end

--- Replaces the fields given.
---@param params? runloop.DevboxSnapshotParameters
---@param options? runloop.CallOptions
---@return runloop.Snapshot? self
---@return runloop.Response|runloop.Error response_or_err
function Snapshot:update(params, options) end

--- An image that devboxes start from.
---@class runloop.Blueprint
---@field create_time_ms integer since 1970
---@field id string
---@field name string
---@field parameters runloop.BlueprintBuildParameters
---@field state runloop.BlueprintState
---@field status runloop.BlueprintStatus
---@field base_blueprint_id? string
---@field build_finish_time_ms? integer since 1970
---@field containerized_services? runloop.BlueprintService[]
---@field devbox_capabilities? string[]
---@field failure_reason? string out_of_memory, out_of_disk or build_failed
---@field is_public? boolean
---@field metadata? table<string, string>
local Blueprint = {}

--- Waits until it is built.
---@param await? runloop.AwaitOptions
---@param options? runloop.CallOptions
---@return runloop.Blueprint? self
---@return runloop.Response|runloop.Error response_or_err
function Blueprint:await_build_complete(await, options) end

--- Deletes it.
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Blueprint:delete(options) end

--- The whole log of its build.
---@param options? runloop.CallOptions
---@return runloop.BlueprintBuildLogs? answer
---@return runloop.Response|runloop.Error response_or_err
function Blueprint:logs(options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.Blueprint? self
---@return runloop.Response|runloop.Error response_or_err
function Blueprint:refresh(options) end

--- A stored file.
---@class runloop.Object
---@field content_type runloop.ObjectContentType
---@field create_time_ms integer since 1970
---@field id string
---@field name string
---@field state runloop.ObjectState
---@field delete_after_time_ms? integer since 1970
---@field metadata? table<string, string>
---@field size_bytes? integer once it has been uploaded
---@field upload_url? string from `create` alone: where the bytes go, by a PUT
local Object = {}

--- Says that its bytes are there.
---@param options? runloop.CallOptions
---@return runloop.Object? self
---@return runloop.Response|runloop.Error response_or_err
function Object:complete(options) end

--- Deletes it for good.
---@param options? runloop.CallOptions
---@return runloop.Object? self
---@return runloop.Response|runloop.Error response_or_err
function Object:delete(options) end

--- Its bytes, to a local file, which appears whole or not at all, or as a string.
---@param path? string nil: the bytes are returned
---@param options? runloop.CallOptions
---@return (integer|string)? bytes_written_or_bytes
---@return runloop.Response|runloop.Error response_or_err
function Object:download(path, options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.Object? self
---@return runloop.Response|runloop.Error response_or_err
function Object:refresh(options) end

--- A program that can be mounted into devboxes.
---@class runloop.Agent
---@field create_time_ms integer since 1970
---@field id string
---@field is_public boolean
---@field name string
---@field source? runloop.AgentSource Where an agent comes from: of the fields the one that `type` names.
---@field version? string
local Agent = {}

--- Deletes it for good.
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Agent:delete(options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.Agent? self
---@return runloop.Response|runloop.Error response_or_err
function Agent:refresh(options) end

--- A stream of events.
---@class runloop.Axon
---@field created_at_ms integer since 1970
---@field id string
---@field metadata? table<string, string>
---@field name? string
local Axon = {}

--- Deletes it.
---@param options? runloop.CallOptions
---@return (true)? ok
---@return runloop.Response|runloop.Error response_or_err
function Axon:delete(options) end

--- Adds an event.
---@param params runloop.AxonPublishParameters
---@param options? runloop.CallOptions
---@return runloop.AxonPublishResult? answer
---@return runloop.Response|runloop.Error response_or_err
function Axon:publish(params, options) end

--- Asks its events a question in SQL.
---@param params runloop.SqlStatement
---@param options? runloop.CallOptions
---@return runloop.SqlResult? answer
---@return runloop.Response|runloop.Error response_or_err
function Axon:query(params, options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.Axon? self
---@return runloop.Response|runloop.Error response_or_err
function Axon:refresh(options) end

--- Its events, those that there are and those that come.
---@param params? runloop.AxonSubscribeQuery
---@param options? runloop.CallOptions
---@return runloop.AxonEventStream|fun(): runloop.AxonEvent
function Axon:subscribe(params, options) end

--- Replaces the fields given.
---@param params? runloop.AxonUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Axon? self
---@return runloop.Response|runloop.Error response_or_err
function Axon:update(params, options) end

--- A secret; its value never comes back.
---@class runloop.Secret
---@field create_time_ms integer since 1970
---@field id string
---@field name string
---@field update_time_ms integer since 1970
local Secret = {}

--- Deletes it.
---@param options? runloop.CallOptions
---@return runloop.Secret? self
---@return runloop.Response|runloop.Error response_or_err
function Secret:delete(options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.Secret? self
---@return runloop.Response|runloop.Error response_or_err
function Secret:refresh(options) end

--- Replaces its value.
---@param params runloop.SecretUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.Secret? self
---@return runloop.Response|runloop.Error response_or_err
function Secret:update(params, options) end

--- Whom devboxes may talk to. What a call takes side by side comes back in `egress`.
---@class runloop.NetworkPolicy
---@field create_time_ms integer since 1970
---@field egress runloop.Egress Nothing at all, where hostnames and CIDRs are empty and not all is allowed.
---@field id string
---@field name string
---@field update_time_ms integer since 1970
---@field description? string
local NetworkPolicy = {}

--- Deletes it.
---@param options? runloop.CallOptions
---@return runloop.NetworkPolicy? self
---@return runloop.Response|runloop.Error response_or_err
function NetworkPolicy:delete(options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.NetworkPolicy? self
---@return runloop.Response|runloop.Error response_or_err
function NetworkPolicy:refresh(options) end

--- Replaces the fields given.
---@param params? runloop.NetworkPolicyUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.NetworkPolicy? self
---@return runloop.Response|runloop.Error response_or_err
function NetworkPolicy:update(params, options) end

--- An endpoint that devboxes reach without seeing the secret.
---@class runloop.GatewayConfig
---@field auth_mechanism runloop.AuthMechanism How a gateway shows its secret to the endpoint.
---@field create_time_ms integer since 1970
---@field endpoint string
---@field id string
---@field name string
---@field account_id? string those of the platform have none
---@field custom_headers? runloop.CustomHeader[]
---@field description? string
local GatewayConfig = {}

--- Deletes it.
---@param options? runloop.CallOptions
---@return runloop.GatewayConfig? self
---@return runloop.Response|runloop.Error response_or_err
function GatewayConfig:delete(options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.GatewayConfig? self
---@return runloop.Response|runloop.Error response_or_err
function GatewayConfig:refresh(options) end

--- Replaces the fields given.
---@param params? runloop.GatewayConfigUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.GatewayConfig? self
---@return runloop.Response|runloop.Error response_or_err
function GatewayConfig:update(params, options) end

--- A server of tools that devboxes reach without seeing the secret.
---@class runloop.McpConfig
---@field allowed_tools string[]
---@field auth_mechanism runloop.AuthMechanism How a gateway shows its secret to the endpoint.
---@field create_time_ms integer since 1970
---@field endpoint string
---@field id string
---@field name string
---@field custom_headers? runloop.CustomHeader[]
---@field description? string
local McpConfig = {}

--- Deletes it.
---@param options? runloop.CallOptions
---@return runloop.McpConfig? self
---@return runloop.Response|runloop.Error response_or_err
function McpConfig:delete(options) end

--- Asks the API for it again.
---@param options? runloop.CallOptions
---@return runloop.McpConfig? self
---@return runloop.Response|runloop.Error response_or_err
function McpConfig:refresh(options) end

--- Replaces the fields given.
---@param params? runloop.McpConfigUpdateParameters
---@param options? runloop.CallOptions
---@return runloop.McpConfig? self
---@return runloop.Response|runloop.Error response_or_err
function McpConfig:update(params, options) end

---@class runloop.Page
---@field agents? runloop.Agent[]
---@field axons? runloop.Axon[]
---@field benchmarks? runloop.Benchmark[]
---@field blueprints? runloop.Blueprint[]
---@field devboxes? runloop.Devbox[]
---@field gateway_configs? runloop.GatewayConfig[]
---@field jobs? runloop.BenchmarkJob[]
---@field mcp_configs? runloop.McpConfig[]
---@field network_policies? runloop.NetworkPolicy[]
---@field objects? runloop.Object[]
---@field runs? runloop.BenchmarkRun[]|runloop.ScenarioRun[]
---@field scenarios? runloop.Scenario[]
---@field scorers? runloop.Scorer[]
---@field snapshots? runloop.Snapshot[]

---@class runloop.AgentPager: runloop.Pager
local AgentPager = {}

--- The next item.
---@return runloop.Agent? item nil at the end, and on failure
---@return runloop.Error? err
function AgentPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.Agent[]? items
---@return runloop.Error? err
---@return runloop.Agent[]? collected what came before the failure
function AgentPager:collect(max) end

---@class runloop.AxonPager: runloop.Pager
local AxonPager = {}

--- The next item.
---@return runloop.Axon? item nil at the end, and on failure
---@return runloop.Error? err
function AxonPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.Axon[]? items
---@return runloop.Error? err
---@return runloop.Axon[]? collected what came before the failure
function AxonPager:collect(max) end

---@class runloop.BenchmarkPager: runloop.Pager
local BenchmarkPager = {}

--- The next item.
---@return runloop.Benchmark? item nil at the end, and on failure
---@return runloop.Error? err
function BenchmarkPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.Benchmark[]? items
---@return runloop.Error? err
---@return runloop.Benchmark[]? collected what came before the failure
function BenchmarkPager:collect(max) end

---@class runloop.BenchmarkJobPager: runloop.Pager
local BenchmarkJobPager = {}

--- The next item.
---@return runloop.BenchmarkJob? item nil at the end, and on failure
---@return runloop.Error? err
function BenchmarkJobPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.BenchmarkJob[]? items
---@return runloop.Error? err
---@return runloop.BenchmarkJob[]? collected what came before the failure
function BenchmarkJobPager:collect(max) end

---@class runloop.BenchmarkRunPager: runloop.Pager
local BenchmarkRunPager = {}

--- The next item.
---@return runloop.BenchmarkRun? item nil at the end, and on failure
---@return runloop.Error? err
function BenchmarkRunPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.BenchmarkRun[]? items
---@return runloop.Error? err
---@return runloop.BenchmarkRun[]? collected what came before the failure
function BenchmarkRunPager:collect(max) end

---@class runloop.BlueprintPager: runloop.Pager
local BlueprintPager = {}

--- The next item.
---@return runloop.Blueprint? item nil at the end, and on failure
---@return runloop.Error? err
function BlueprintPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.Blueprint[]? items
---@return runloop.Error? err
---@return runloop.Blueprint[]? collected what came before the failure
function BlueprintPager:collect(max) end

---@class runloop.DevboxPager: runloop.Pager
local DevboxPager = {}

--- The next item.
---@return runloop.Devbox? item nil at the end, and on failure
---@return runloop.Error? err
function DevboxPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.Devbox[]? items
---@return runloop.Error? err
---@return runloop.Devbox[]? collected what came before the failure
function DevboxPager:collect(max) end

---@class runloop.GatewayConfigPager: runloop.Pager
local GatewayConfigPager = {}

--- The next item.
---@return runloop.GatewayConfig? item nil at the end, and on failure
---@return runloop.Error? err
function GatewayConfigPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.GatewayConfig[]? items
---@return runloop.Error? err
---@return runloop.GatewayConfig[]? collected what came before the failure
function GatewayConfigPager:collect(max) end

---@class runloop.McpConfigPager: runloop.Pager
local McpConfigPager = {}

--- The next item.
---@return runloop.McpConfig? item nil at the end, and on failure
---@return runloop.Error? err
function McpConfigPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.McpConfig[]? items
---@return runloop.Error? err
---@return runloop.McpConfig[]? collected what came before the failure
function McpConfigPager:collect(max) end

---@class runloop.NetworkPolicyPager: runloop.Pager
local NetworkPolicyPager = {}

--- The next item.
---@return runloop.NetworkPolicy? item nil at the end, and on failure
---@return runloop.Error? err
function NetworkPolicyPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.NetworkPolicy[]? items
---@return runloop.Error? err
---@return runloop.NetworkPolicy[]? collected what came before the failure
function NetworkPolicyPager:collect(max) end

---@class runloop.ObjectPager: runloop.Pager
local ObjectPager = {}

--- The next item.
---@return runloop.Object? item nil at the end, and on failure
---@return runloop.Error? err
function ObjectPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.Object[]? items
---@return runloop.Error? err
---@return runloop.Object[]? collected what came before the failure
function ObjectPager:collect(max) end

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

---@class runloop.SnapshotPager: runloop.Pager
local SnapshotPager = {}

--- The next item.
---@return runloop.Snapshot? item nil at the end, and on failure
---@return runloop.Error? err
function SnapshotPager:next() end

--- Takes all items, or the first `max`.
---@param max? integer
---@return runloop.Snapshot[]? items
---@return runloop.Error? err
---@return runloop.Snapshot[]? collected what came before the failure
function SnapshotPager:collect(max) end

---@class runloop.AxonEventStream: runloop.Stream
local AxonEventStream = {}

--- The next item.
---@return runloop.AxonEvent? item nil at the end, and on failure
---@return runloop.Error? err
function AxonEventStream:next() end

---@class runloop.EvictionEventStream: runloop.Stream
local EvictionEventStream = {}

--- The next item.
---@return runloop.EvictionEvent? item nil at the end, and on failure
---@return runloop.Error? err
function EvictionEventStream:next() end

---@class runloop.ExecutionUpdateChunkStream: runloop.Stream
local ExecutionUpdateChunkStream = {}

--- The next item.
---@return runloop.ExecutionUpdateChunk? item nil at the end, and on failure
---@return runloop.Error? err
function ExecutionUpdateChunkStream:next() end

---@alias runloop.AccessLevel
---| "ACCESS_LEVEL_NONE"
---| "ACCESS_LEVEL_READ"
---| "ACCESS_LEVEL_WRITE"

---@class runloop.Account
---@field account_status runloop.AccountStatus
---@field billing runloop.Billing
---@field created_at string a date
---@field id string
---@field name string
---@field tier runloop.AccountTier
---@field account_billing_type? runloop.BillingType deprecated, see `billing`
---@field active_subscription? string deprecated, see `billing`
---@field external_billing_account_id? string deprecated, see `billing`
---@field stripe_customer_id? string deprecated, see `billing`

---@alias runloop.AccountStatus
---| "ACCOUNT_STATUS_INVALID"
---| "ACCOUNT_STATUS_ONBOARDING"
---| "ACCOUNT_STATUS_ENABLED"
---| "ACCOUNT_STATUS_DISABLED_BY_ADMIN"
---| "ACCOUNT_STATUS_DISABLED_QUOTA_REACHED"
---| "ACCOUNT_STATUS_TRIAL_CANCELLED"
---| "ACCOUNT_STATUS_STRIPE_PENDING_RESOURCES"
---| "UNRECOGNIZED"

---@alias runloop.AccountTier
---| "ACCOUNT_TIER_INVALID"
---| "ACCOUNT_TIER_BASIC"
---| "ACCOUNT_TIER_PRO"
---| "ACCOUNT_TIER_ENTERPRISE"
---| "ACCOUNT_TIER_TRIAL"
---| "UNRECOGNIZED"

---@class runloop.AfterIdle
---@field idle_time_seconds integer
---@field on_idle runloop.IdleAction

---@class runloop.AgentConfig
---@field name string
---@field type "job_agent"
---@field agent_environment? runloop.AgentEnvironment
---@field agent_id? runloop.Id
---@field kwargs? table<string, string>
---@field model_name? string
---@field timeout_seconds? number

---@class runloop.AgentCreateParameters
---@field name string
---@field source? runloop.AgentSource Where an agent comes from: of the fields the one that `type` names.
---@field version? string of npm and pip packages; a branch or a tag; any for an object

---@class runloop.AgentDevboxCounts
---@field counts table<string, integer> by the agents' names
---@field total_count integer

---@class runloop.AgentEnvironment
---@field environment_variables? table<string, string>
---@field secrets? table<string, runloop.Name> environment variable to name of a secret

---@class runloop.AgentGitSource
---@field repository string a URL
---@field agent_setup? string[] shell commands, after the install
---@field ref? string a branch or a tag

---@class runloop.AgentListQuery
---@field include_total_count? boolean `false` saves the server the counting
---@field is_public? boolean
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string agents with this in their name
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item
---@field version? string `latest`: the newest of each name

--- An agent, by id or by name.
---@class runloop.AgentMount
---@field type "agent_mount"
---@field agent_id? runloop.Id
---@field agent_name? string the newest agent of this name
---@field agent_path? string absolute; agents from git and from objects need it
---@field auth_token? string for a private repository

---@class runloop.AgentNpmSource
---@field package_name string
---@field agent_setup? string[] shell commands, after the install
---@field registry_url? string

---@class runloop.AgentObjectSource
---@field object_id runloop.Id
---@field agent_setup? string[] shell commands, after the install

---@class runloop.AgentPipSource
---@field package_name string
---@field agent_setup? string[] shell commands, after the install
---@field registry_url? string

--- Where an agent comes from: of the fields the one that `type` names.
---@class runloop.AgentSource
---@field type string git, npm, object or pip
---@field git? runloop.AgentGitSource
---@field npm? runloop.AgentNpmSource
---@field object? runloop.AgentObjectSource
---@field pip? runloop.AgentPipSource

---@class runloop.AllowedCidr
---@field cidr string IPv4, the host's bits 0
---@field ports? runloop.PortRule[] none: all

---@class runloop.ApiKey
---@field expires_at_ms? integer since 1970
---@field id? string
---@field key_secret? string the key, which is shown here alone
---@field name? string

---@class runloop.ApiKeyCreateParameters
---@field expires_at_ms? integer since 1970
---@field name? string

---@alias runloop.Architecture
---| "x86_64"
---| "arm64"

--- Looks for a pattern in the syntax tree.
---@class runloop.AstGrepScorer
---@field pattern string stands in double quotes on a command line: write `\$\$\$`
---@field search_directory string
---@field type "ast_grep_scorer"
---@field lang? string

--- How a gateway shows its secret to the endpoint.
---@class runloop.AuthMechanism
---@field type string `header`, `bearer`, or `basic`, whose secret is `user:password`
---@field key? string the name of the header; of type `header` alone

---@class runloop.AxonCreateParameters
---@field metadata? table<string, string> for your own order
---@field name? string

---@class runloop.AxonEvent
---@field axon_id string
---@field event_type string
---@field origin runloop.AxonEventOrigin
---@field payload string JSON by convention
---@field sequence integer grows by each event of an axon
---@field source string
---@field timestamp_ms integer since 1970

---@class runloop.AxonEventList
---@field events runloop.AxonEvent[]
---@field has_more boolean
---@field total_count? integer

---@alias runloop.AxonEventOrigin
---| "EXTERNAL_EVENT"
---| "AGENT_EVENT"
---| "USER_EVENT"
---| "SYSTEM_EVENT"

---@class runloop.AxonEventsQuery
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer events, 1 to 5000; the server's default is 20
---@field starting_after? runloop.Id which of the events' fields this is is not documented; their `sequence` presumably

---@class runloop.AxonListQuery
---@field id? runloop.Id
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field metadata? table<string, string|string[]> axons that have all of these; a list: one of its values
---@field name? string axons whose name begins so
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item

---@alias runloop.AxonOrigin
---| "EXTERNAL_EVENT"
---| "AGENT_EVENT"
---| "USER_EVENT"

---@class runloop.AxonPublishParameters
---@field event_type string
---@field origin runloop.AxonOrigin
---@field payload string JSON by convention
---@field source string

---@class runloop.AxonPublishResult
---@field sequence integer
---@field timestamp_ms integer since 1970

---@class runloop.AxonSubscribeQuery
---@field after_sequence? integer begins after this event

--- What is absent stays as it is.
---@class runloop.AxonUpdateParameters
---@field metadata? table<string, string> `{}` clears it

--- Runs a script that prints `score=` and a number from 0 to 1.
---@class runloop.BashScriptScorer
---@field type "bash_script_scorer"
---@field bash_script? string

---@class runloop.BenchmarkCreateParameters
---@field name string
---@field attribution? string whose work it is
---@field description? string
---@field metadata? table<string, string> for your own order
---@field required_environment_variables? string[] without which a run does not start
---@field required_secret_names? runloop.Name[] without which a run does not start
---@field scenario_ids? runloop.Id[]

---@class runloop.BenchmarkDefinitionsQuery
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field starting_after? runloop.Id begins after this item

---@class runloop.BenchmarkJobCreateParameters
---@field name? string
---@field spec? runloop.BenchmarkJobSpec

---@class runloop.BenchmarkJobListQuery
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string jobs of this name
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item

---@alias runloop.BenchmarkJobSpec
---| runloop.BenchmarkJobSpecBenchmark
---| runloop.BenchmarkJobSpecHarbor
---| runloop.BenchmarkJobSpecScenarios

--- All scenarios of a benchmark.
---@class runloop.BenchmarkJobSpecBenchmark
---@field agent_configs runloop.AgentConfig[]
---@field benchmark_id runloop.Id
---@field type "benchmark"
---@field orchestrator_config? runloop.OrchestratorConfig

---@class runloop.BenchmarkJobSpecHarbor
---@field inline_yaml string
---@field type "harbor"

--- These scenarios.
---@class runloop.BenchmarkJobSpecScenarios
---@field agent_configs runloop.AgentConfig[]
---@field scenario_ids runloop.Id[]
---@field type "scenarios"
---@field orchestrator_config? runloop.OrchestratorConfig

---@alias runloop.BenchmarkJobState
---| "initializing"
---| "queued"
---| "running"
---| "completed"
---| "failed"
---| "cancelled"
---| "timeout"

---@class runloop.BenchmarkListQuery
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string benchmarks of this name
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item

--- What became of an agent's run of the benchmark.
---@class runloop.BenchmarkOutcome
---@field agent_name string
---@field benchmark_run_id string
---@field n_completed integer
---@field n_failed integer
---@field n_timeout integer
---@field scenario_outcomes runloop.ScenarioOutcome[]
---@field average_score? number
---@field duration_ms? integer
---@field model_name? string

---@alias runloop.BenchmarkOutcomeState
---| "COMPLETED"
---| "FAILED"
---| "TIMEOUT"
---| "CANCELED"

---@class runloop.BenchmarkRunListQuery
---@field benchmark_id? runloop.Id runs of this benchmark
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string runs of this name
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item
---@field state? string runs in this state; see runloop.BenchmarkRunState

---@alias runloop.BenchmarkRunState
---| "running"
---| "canceled"
---| "completed"
---| "failed"

---@class runloop.BenchmarkScenarioRunsQuery
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item
---@field state? string runs in this state; see runloop.RunState

---@class runloop.BenchmarkStartRunParameters
---@field benchmark_id runloop.Id
---@field metadata? table<string, string> for your own order
---@field runProfile? runloop.RunProfile
---@field run_profile? runloop.RunProfile the same as `runProfile`
---@field run_name? string

---@alias runloop.BenchmarkStatus
---| "active"
---| "archived"

--- What is absent stays as it is.
---@class runloop.BenchmarkUpdateParameters
---@field attribution? string
---@field description? string
---@field metadata? table<string, string> `{}` clears it
---@field name? string not blank
---@field required_environment_variables? string[] `{}` clears it
---@field required_secret_names? runloop.Name[] `{}` clears it
---@field scenario_ids? runloop.Id[]

---@class runloop.BenchmarkUpdateScenariosParameters
---@field scenarios_to_add? runloop.Id[]
---@field scenarios_to_remove? runloop.Id[]

---@class runloop.Billing
---@field account_billing_type runloop.BillingType
---@field aws? runloop.BillingAws
---@field stripe? runloop.BillingStripe
---@field stripe_customer_id? string deprecated

---@class runloop.BillingAws
---@field customer_identifier? string
---@field license_arn? string
---@field subscription_status? string

---@class runloop.BillingStripe
---@field active_subscription? string
---@field customer_id? string

---@alias runloop.BillingType
---| "STRIPE"
---| "AWS_MARKETPLACE"
---| "STRIPE_PROJECTS"
---| "UNRECOGNIZED"

---@class runloop.BlueprintBuildLog
---@field level string
---@field message string
---@field timestamp_ms integer since 1970

---@class runloop.BlueprintBuildLogs
---@field blueprint_id string
---@field logs runloop.BlueprintBuildLog[]

---@class runloop.BlueprintBuildParameters
---@field name string several builds may have the same
---@field base_blueprint_id? runloop.Id
---@field base_blueprint_name? string the latest good build of this name
---@field build_args? table<string, string> of docker build
---@field build_context? runloop.BuildContext
---@field code_mounts? runloop.CodeMountParameters[]
---@field dockerfile? string its contents
---@field file_mounts? table<string, string> path to contents, at most 98250 bytes each
---@field launch_parameters? runloop.LaunchParameters which its devboxes have, too
---@field metadata? table<string, string> for your own order
---@field network_policy_id? runloop.Id while it is built
---@field secrets? table<string, runloop.Name> environment variable to name of a secret, while it is built
---@field services? runloop.BlueprintService[]
---@field system_setup_commands? string[]

---@class runloop.BlueprintListQuery
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string blueprints of this name
---@field starting_after? runloop.Id begins after this item
---@field status? string see runloop.BlueprintStatus

---@class runloop.BlueprintPreview
---@field dockerfile string

--- A container that runs beside, on each devbox.
---@class runloop.BlueprintService
---@field image string
---@field name string
---@field credentials? runloop.ServiceCredentials
---@field env? table<string, string>
---@field options? string of docker create
---@field port_mappings? string[] host:container

---@alias runloop.BlueprintState
---| "created"
---| "deleted"

---@alias runloop.BlueprintStatus
---| "queued"
---| "provisioning"
---| "building"
---| "build_complete"
---| "failed"
---| "awaiting_upload"

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

---@class runloop.BuildContext
---@field object_id runloop.Id of an object that is a tar or tgz, and READ_ONLY
---@field type "object"

--- A repository.
---@class runloop.CodeMount
---@field repo_name string
---@field repo_owner string
---@field type "code_mount"
---@field git_ref? string a branch or a tag
---@field install_command? string
---@field token? string

--- A repository, mounted at /home/user/{repo_name}.
---@class runloop.CodeMountParameters
---@field repo_name string
---@field repo_owner string
---@field git_ref? string a branch or a tag
---@field install_command? string
---@field token? string

--- Runs a command; exit code 0 passes.
---@class runloop.CommandScorer
---@field type "command_scorer"
---@field command? string

---@class runloop.CustomHeader
---@field name string
---@field secret? runloop.Id a secret, or its name; its id comes back
---@field value? string stored, and shown, as it is

--- Runs one of your own scorers.
---@class runloop.CustomScorer
---@field custom_scorer_type string the scorer's `type`
---@field type "custom_scorer"
---@field scorer_params? any JSON for the scorer

---@class runloop.DevboxCreateParameters
---@field blueprint_id? runloop.Id
---@field blueprint_name? string the latest good build of this name
---@field code_mounts? runloop.CodeMountParameters[] use `mounts`
---@field entrypoint? string a command; the devbox ends with it
---@field environment_variables? table<string, string>
---@field file_mounts? table<string, string> path to contents, at most 98250 bytes each; use `mounts`
---@field gateways? table<string, runloop.GatewaySpec> P: the environment has a token in `P` and its URL in `P_URL`
---@field launch_parameters? runloop.LaunchParameters
---@field mcp? table<string, runloop.McpSpec>
---@field metadata? table<string, string> for your own order
---@field mounts? runloop.Mount[]
---@field name? string
---@field secrets? table<string, runloop.Name> environment variable to name of a secret
---@field snapshot_id? runloop.Id
---@field tunnel? runloop.TunnelParameters

---@class runloop.DevboxDownloadFileParameters
---@field path string from the user's home, or absolute

---@class runloop.DevboxExecuteAsyncParameters
---@field command string
---@field attach_stdin? boolean for `send_std_in`; default false
---@field shell_name? string a shell that keeps its directory and environment, and runs one command at a time

---@class runloop.DevboxExecuteParameters
---@field command string
---@field command_id? string a UUIDv7, the same on every attempt; default: a new one
---@field optimistic_timeout? integer seconds to wait for the end of the command; default 25
---@field shell_name? string a shell that keeps its directory and environment, and runs one command at a time

---@class runloop.DevboxExecuteSyncParameters
---@field command string
---@field shell_name? string

---@class runloop.DevboxListQuery
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field starting_after? runloop.Id begins after this item
---@field status? runloop.DevboxStatus

---@class runloop.DevboxLog
---@field level string
---@field source runloop.DevboxLogSource
---@field timestamp_ms integer since 1970
---@field cmd? string
---@field cmd_id? string
---@field exit_code? integer
---@field message? string
---@field shell_name? string

---@alias runloop.DevboxLogSource
---| "setup_commands"
---| "entrypoint"
---| "exec"
---| "files"
---| "stats"
---| "kmsg"

---@class runloop.DevboxLogsList
---@field logs runloop.DevboxLog[]

---@class runloop.DevboxLogsQuery
---@field execution_id? runloop.Id of this execution
---@field shell_name? string of this shell

---@class runloop.DevboxReadFileParameters
---@field file_path string from the user's home, or absolute

---@class runloop.DevboxResourceUsage
---@field disk_gb_seconds integer time that it was suspended is counted, too
---@field id string
---@field memory_gb_seconds integer
---@field start_time_ms integer since 1970
---@field status string
---@field total_active_seconds integer time that it was suspended is not counted
---@field total_elapsed_seconds integer
---@field vcpu_seconds integer
---@field end_time_ms? integer since 1970

---@class runloop.DevboxShutdownQuery
---@field force? boolean|string though snapshots are being taken

---@class runloop.DevboxSnapshotParameters
---@field commit_message? string at most 1000 characters
---@field metadata? table<string, string> for your own order
---@field name? string

---@alias runloop.DevboxStatus
---| "scheduled" # queued, in an older word
---| "queued"
---| "provisioning"
---| "initializing"
---| "running"
---| "suspending"
---| "suspended" # its disk is kept, its memory and processes are lost
---| "resuming"
---| "failure"
---| "shutdown"

--- What is absent stays as it is.
---@class runloop.DevboxUpdateParameters
---@field metadata? table<string, string> `{}` clears it
---@field name? string `""` clears it

---@class runloop.DevboxUploadFileParameters
---@field path string from the user's home, or absolute
---@field contents? string the file's bytes, in the place of a local file

---@class runloop.DevboxWaitForCommandParameters
---@field statuses runloop.ExecutionStatus[]
---@field timeout_seconds? integer how long the answer is held; default 25

---@class runloop.DevboxWriteFileParameters
---@field contents string
---@field file_path string from the user's home, or absolute

---@class runloop.DiskSnapshotListQuery
---@field devbox_id? runloop.Id snapshots of this devbox
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field metadata? table<string, string|string[]> snapshots that have all of these; a list: one of its values
---@field source_blueprint_id? runloop.Id snapshots of devboxes of this blueprint
---@field starting_after? runloop.Id begins after this item

--- Nothing at all, where hostnames and CIDRs are empty and not all is allowed.
---@class runloop.Egress
---@field allow_agent_gateway boolean
---@field allow_all boolean
---@field allow_devbox_to_devbox boolean
---@field allow_mcp_gateway boolean
---@field allow_runloop_mirrors boolean
---@field allowed_cidrs runloop.AllowedCidr[]
---@field allowed_hostnames string[]

---@class runloop.EvictionEvent
---@field devbox_id string
---@field eviction_deadline_ms integer since 1970; the devbox is suspended then

---@class runloop.ExecutionDetail
---@field devbox_id string
---@field exit_status integer
---@field stderr string
---@field stdout string
---@field shell_name? string

---@class runloop.ExecutionKillParameters
---@field kill_process_group? boolean what the command has started, too; default false

---@class runloop.ExecutionSendStdInParameters
---@field signal? runloop.StdInSignal
---@field text? string

---@alias runloop.ExecutionStatus
---| "queued"
---| "running"
---| "completed"

---@class runloop.ExecutionUpdateChunk
---@field output string of any length, not a line
---@field offset? integer bytes of output before this

--- A file.
---@class runloop.FileMount
---@field content string
---@field target string
---@field type "file_mount"

---@class runloop.GatewayConfigCreateParameters
---@field auth_mechanism runloop.AuthMechanism How a gateway shows its secret to the endpoint.
---@field endpoint string a URL
---@field name string which no other of the account has
---@field custom_headers? runloop.CustomHeader[] 8 at most
---@field description? string

---@class runloop.GatewayConfigListQuery
---@field id? runloop.Id
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string configs with this in their name
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item

--- What is absent stays as it is.
---@class runloop.GatewayConfigUpdateParameters
---@field auth_mechanism? runloop.AuthMechanism How a gateway shows its secret to the endpoint.
---@field custom_headers? runloop.CustomHeader[] 8 at most; replaces all, and `{}` clears them
---@field description? string
---@field endpoint? string
---@field name? string

---@class runloop.GatewaySpec
---@field gateway runloop.Id a gateway config, or its name
---@field secret runloop.Id a secret, or its name

---@class runloop.GatewaySpecView
---@field gateway_config_id string
---@field secret_id string

--- A token that is worth something on its devbox alone, and not after a resume.
---@class runloop.GatewayToken
---@field auth_mechanism runloop.AuthMechanism How a gateway shows its secret to the endpoint.
---@field devbox_id string
---@field endpoint string
---@field gateway_config_id string
---@field token string
---@field url string

---@class runloop.GatewayTokenParameters
---@field gateway runloop.Id a gateway config, or its name
---@field secret runloop.Id a secret, or its name

---@alias runloop.IdleAction
---| "shutdown"
---| "suspend"

---@class runloop.InProgressRun
---@field benchmark_run_id string
---@field start_time_ms integer since 1970
---@field state string running, canceled, completed or failed
---@field agent_config? runloop.JobAgent The agent of a run: `external_api` with its `info`, or a `job_agent`.
---@field duration_ms? integer

---@class runloop.InputContext
---@field problem_statement string
---@field additional_context? any JSON of your own

---@class runloop.InputContextUpdate
---@field additional_context? any JSON of your own
---@field problem_statement? string

--- The agent of a run: `external_api` with its `info`, or a `job_agent`.
---@class runloop.JobAgent
---@field type string
---@field agent_environment? runloop.AgentEnvironment
---@field agent_id? string
---@field info? string
---@field kwargs? table<string, string>
---@field model_name? string
---@field name? string
---@field timeout_seconds? number

---@class runloop.JobFailureReason
---@field exception_message string
---@field exception_type string

--- Where a job's scenarios came from.
---@class runloop.JobSource
---@field type string harbor, benchmark or scenarios
---@field benchmark_id? string
---@field benchmark_name? string
---@field inline_yaml? string
---@field scenario_ids? string[]

---@class runloop.JobSpec
---@field agent_configs runloop.AgentConfig[]
---@field scenario_ids string[]
---@field orchestrator_config? runloop.OrchestratorConfig

---@class runloop.LastLinesQuery
---@field last_n? integer|string lines of output; default 100

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

---@class runloop.McpConfigCreateParameters
---@field allowed_tools string[] patterns: `*`, `github.search_*`
---@field endpoint string a URL
---@field name string what is before the first `-` is the service, by which tools are told apart
---@field auth_mechanism? runloop.AuthMechanism How a gateway shows its secret to the endpoint.
---@field custom_headers? runloop.CustomHeader[] 8 at most
---@field description? string

---@class runloop.McpConfigListQuery
---@field id? runloop.Id
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string configs whose name begins so
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item

--- What is absent stays as it is.
---@class runloop.McpConfigUpdateParameters
---@field allowed_tools? string[] patterns: `*`, `github.search_*`
---@field auth_mechanism? runloop.AuthMechanism How a gateway shows its secret to the endpoint.
---@field custom_headers? runloop.CustomHeader[] 8 at most; replaces all, and `{}` clears them
---@field description? string
---@field endpoint? string
---@field name? string

---@class runloop.McpSpec
---@field mcp_config runloop.Id an MCP config, or its name
---@field secret runloop.Id a secret, or its name

---@class runloop.McpSpecView
---@field mcp_config_id string
---@field secret_id string

--- A token that is worth something on its devbox alone, and not after a resume.
---@class runloop.McpToken
---@field allowed_tools string[]
---@field devbox_id string
---@field endpoint string
---@field mcp_config_id string
---@field token string
---@field url string

---@class runloop.McpTokenParameters
---@field mcp_config runloop.Id an MCP config, or its name
---@field secret runloop.Id a secret, or its name

---@alias runloop.Mount
---| runloop.AgentMount
---| runloop.BrokerMount
---| runloop.CodeMount
---| runloop.FileMount
---| runloop.ObjectMount

--- What is absent is false or empty.
---@class runloop.NetworkPolicyCreateParameters
---@field name string
---@field allow_agent_gateway? boolean
---@field allow_all? boolean
---@field allow_devbox_to_devbox? boolean
---@field allow_mcp_gateway? boolean
---@field allow_runloop_mirrors? boolean
---@field allowed_cidrs? runloop.AllowedCidr[]
---@field allowed_hostnames? string[] `*.` stands for any subdomain
---@field description? string

---@class runloop.NetworkPolicyListQuery
---@field id? runloop.Id
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string policies with this in their name
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item

--- What is absent stays as it is.
---@class runloop.NetworkPolicyUpdateParameters
---@field allow_agent_gateway? boolean
---@field allow_all? boolean
---@field allow_devbox_to_devbox? boolean
---@field allow_mcp_gateway? boolean
---@field allow_runloop_mirrors? boolean
---@field allowed_cidrs? runloop.AllowedCidr[]
---@field allowed_hostnames? string[] `*.` stands for any subdomain
---@field description? string
---@field name? string

---@alias runloop.ObjectContentType
---| "unspecified"
---| "text"
---| "binary"
---| "gzip" # unpacked where it is mounted, as are tar and tgz
---| "tar"
---| "tgz"

---@class runloop.ObjectCreateParameters
---@field content_type runloop.ObjectContentType
---@field name string
---@field metadata? table<string, string> for your own order
---@field ttl_ms? integer how long it lives

---@class runloop.ObjectDownloadQuery
---@field duration_seconds? integer how long the URL is good for; default 3600

---@class runloop.ObjectDownloadUrl
---@field download_url string

---@class runloop.ObjectListQuery
---@field content_type? runloop.ObjectContentType
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string objects with this in their name
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item
---@field state? runloop.ObjectState

--- A stored object.
---@class runloop.ObjectMount
---@field object_id runloop.Id
---@field object_path string absolute; a directory for an archive, which is unpacked
---@field type "object_mount"

---@alias runloop.ObjectState
---| "UPLOADING" # until `complete`; not to be mounted or downloaded
---| "READ_ONLY"
---| "DELETED"
---| "ERROR"

---@class runloop.ObjectUploadParameters
---@field content_type? runloop.ObjectContentType default: by the end of the name
---@field metadata? table<string, string> for your own order
---@field name? string default: the file's
---@field ttl_ms? integer how long it lives

---@class runloop.OrchestratorConfig
---@field n_attempts? integer default 0
---@field n_concurrent_trials? integer default 1
---@field quiet? boolean default false
---@field timeout_multiplier? number default 1

---@class runloop.OutputStreamQuery
---@field offset? integer|string bytes that are passed over; default 0

---@alias runloop.PortProtocol
---| "TCP"
---| "UDP"

---@class runloop.PortRule
---@field port integer
---@field end_port? integer up to this one
---@field protocol? runloop.PortProtocol

---@alias runloop.ProvisioningTier
---| "standard"
---| "flex" # provisioned late, and may be taken away

---@alias runloop.PtyAction
---| "resize"
---| "signal"
---| "close"

---@class runloop.PtyConnectQuery
---@field cols? integer default 80
---@field rows? integer default 24

---@class runloop.PtyControlParameters
---@field action? runloop.PtyAction
---@field cols? integer
---@field rows? integer
---@field signal? string a name: SIGTERM

---@class runloop.PtyControlResult
---@field session_name? string
---@field status? string

---@class runloop.PtySession
---@field attached boolean
---@field created boolean
---@field cols? integer
---@field connect_url? string where a WebSocket goes, on the tunnel's host
---@field idle_ttl_seconds? integer
---@field protocol_version? string
---@field rows? integer
---@field session_name? string
---@field status? string

--- What `client.pty` reaches a devbox by; a new one at each call.
---@class runloop.PtyTunnel
---@field auth_token string
---@field tunnel_key string

---@class runloop.PublicAgentListQuery
---@field include_total_count? boolean `false` saves the server the counting
---@field limit? integer items a page, 1 to 5000; the server's default is 20
---@field name? string agents with this in their name
---@field search? string in ids and names
---@field starting_after? runloop.Id begins after this item
---@field version? string `latest`: the newest of each name

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

---@class runloop.RestrictedKey
---@field expires_at_ms? integer since 1970
---@field id? string
---@field key_secret? string the key, which is shown here alone
---@field name? string
---@field scopes? runloop.ScopeEntry[]

---@class runloop.RestrictedKeyCreateParameters
---@field expires_at_ms? integer since 1970
---@field name? string
---@field scopes? runloop.ScopeEntry[]

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
---@field secrets? table<string, runloop.Name> environment variable to name of a secret

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
---@field required_secret_names? runloop.Name[] without which a run does not start
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

---@class runloop.ScenarioOutcome
---@field scenario_definition_id string
---@field scenario_name string
---@field state runloop.BenchmarkOutcomeState
---@field duration_ms? integer
---@field failure_reason? runloop.JobFailureReason
---@field scenario_run_id? string
---@field score? number

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
---@field required_secret_names? runloop.Name[] `{}` clears it
---@field scorer_timeout_sec? integer
---@field scoring_contract? runloop.ScoringContractUpdate
---@field validation_type? runloop.ValidationType `""` clears it

---@class runloop.ScopeEntry
---@field access_level? runloop.AccessLevel
---@field resource_type? runloop.ScopeResource

---@alias runloop.ScopeResource
---| "RESOURCE_TYPE_DEVBOXES"
---| "RESOURCE_TYPE_BLUEPRINTS"
---| "RESOURCE_TYPE_SNAPSHOTS"
---| "RESOURCE_TYPE_BENCHMARKS"
---| "RESOURCE_TYPE_SCENARIOS"
---| "RESOURCE_TYPE_AGENTS"
---| "RESOURCE_TYPE_OBJECTS"
---| "RESOURCE_TYPE_ACCOUNT"

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

---@class runloop.SecretCreateParameters
---@field name string that of an environment variable
---@field value string

---@class runloop.SecretList
---@field has_more boolean those beyond `limit` cannot be had
---@field secrets runloop.Secret[]
---@field total_count? integer

---@class runloop.SecretListQuery
---@field limit? integer 1 to 5000; the server's default is 20

---@class runloop.SecretUpdateParameters
---@field value string

---@class runloop.SendStdInResult
---@field devbox_id string
---@field execution_id string
---@field success boolean

---@class runloop.ServiceCredentials
---@field password string
---@field username string

--- How far a snapshot is.
---@class runloop.SnapshotAsyncStatus
---@field status runloop.SnapshotStatus
---@field error_message? string
---@field snapshot? runloop.Snapshot when it is complete

---@alias runloop.SnapshotStatus
---| "in_progress"
---| "error"
---| "complete"
---| "deleted"

---@class runloop.SqlBatchParameters
---@field statements runloop.SqlStatement[]

---@class runloop.SqlBatchResult
---@field results runloop.SqlStepResult[] in the order of the statements

---@class runloop.SqlColumn
---@field name string
---@field type string as it was declared: TEXT, INTEGER, REAL, BLOB or empty

---@class runloop.SqlError
---@field message string

---@class runloop.SqlMeta
---@field changes integer
---@field duration_ms number
---@field rows_read_limit_reached boolean there are more rows

---@class runloop.SqlResult
---@field columns runloop.SqlColumn[]
---@field meta runloop.SqlMeta
---@field rows any[][] each a list of values in the order of the columns; a NULL is `runloop.null`

---@class runloop.SqlStatement
---@field sql string
---@field params? any[] for each `?`; `runloop.null` is a NULL

---@class runloop.SqlStepResult
---@field error? runloop.SqlError
---@field success? runloop.SqlResult

---@class runloop.SshKey
---@field id string
---@field ssh_private_key string PEM
---@field ssh_user string
---@field url string the host for SNI

---@class runloop.StartScenarioRunParameters
---@field scenario_id runloop.Id
---@field benchmark_run_id? runloop.Id
---@field metadata? table<string, string> for your own order
---@field runProfile? runloop.RunProfile
---@field run_profile? runloop.RunProfile the same as `runProfile`
---@field run_name? string

---@class runloop.StateTransition
---@field failure_reason? string
---@field status? runloop.DevboxStatus
---@field transition_time_ms? number since 1970

---@alias runloop.StdInSignal
---| "EOF"
---| "INTERRUPT"

--- Writes test files and runs a command.
---@class runloop.TestBasedScorer
---@field type "test_based_scorer"
---@field test_command? string
---@field test_files? runloop.TestFile[]

---@class runloop.TestFile
---@field file_contents? string
---@field file_path? string relative to the working directory

--- What makes a devbox's ports reachable; see `devbox:tunnel_url`.
---@class runloop.Tunnel
---@field auth_mode runloop.TunnelAuthMode
---@field create_time_ms integer since 1970
---@field http_keep_alive boolean
---@field tunnel_key string
---@field wake_on_http boolean
---@field auth_token? string goes into the header X-Runloop-Tunnel-Authorization, after `Bearer `

---@alias runloop.TunnelAuthMode
---| "open"
---| "authenticated" # requests need the tunnel's `auth_token`

---@class runloop.TunnelParameters
---@field auth_mode? runloop.TunnelAuthMode default open
---@field http_keep_alive? boolean requests through the tunnel count as work; default true
---@field wake_on_http? boolean a request resumes a suspended devbox; default false

---@class runloop.UserParameters
---@field uid integer
---@field username string

---@alias runloop.ValidationType
---| "UNSPECIFIED"
---| "FORWARD"
---| "REVERSE"
---| "EVALUATION"

---@class runloop.WaitForStatusParameters
---@field statuses runloop.DevboxStatus[]
---@field timeout_seconds? integer how long the answer is held; default 10
