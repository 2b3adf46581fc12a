---@meta _

-- The builder of scenarios, for editors (lua-language-server). Never loaded.

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
