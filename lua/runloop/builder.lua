-- Builds the parameters of scenarios:create step by step.

local errors = require "runloop.error"
local json = require "runloop.json"
local lazy = require "runloop.lazy"
local schema = require "runloop.schema"

local shapes = lazy.load("api.scenarios").shapes

local getmetatable, ipairs, next, pairs, setmetatable, type = getmetatable, ipairs, next, pairs, setmetatable, type
local max, find = math.max, string.find
local insert = table.insert

local scenario_builder = {}

local builder = {}
local builder_mt = { __name = "runloop.scenario_builder", __index = builder }

setmetatable(builder, {
  __index = function(_, name) return schema.unknown_method("builder", name, builder) end,
})

local parameter = shapes.ScenarioCreateParameters.fields
local environment = shapes.ScenarioEnvironment.fields

local text = schema.string { pattern = "%S", hint = "not be blank" }

local function check_self(self, where)
  if getmetatable(self) ~= builder_mt then
    errors.misuse(where .. ": call it with a colon")
  end
end

-- One argument of a step.
local function check(of, value, where, argument)
  local checked = schema.check(schema.options_of({ [argument] = of { required = true } }, "argument"),
    { [argument] = value }, where)
  return checked[argument]
end

-- A copy, so that neither what was given nor what was built changes with the builder. Metatables mark arrays.
local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  local out = {}
  for k, v in next, value do
    out[k] = copy(v)
  end
  local mt = getmetatable(value)
  return type(mt) == "table" and setmetatable(out, mt) or out
end

-- Anything that JSON can hold, as it is now; the encoder names the place of what it cannot.
local function checked_json(value, where)
  json.encode_for(value, where)
  return copy(value)
end

-- A step that keeps one checked value in a table of the builder, maybe instead of another one there.
local function setter(step, argument, of, section, name, other)
  local where = "builder:" .. step
  builder[step] = function(self, value)
    check_self(self, where)
    self[section][name] = check(of, value, where, argument)
    if other then self[section][other] = nil end
    return self
  end
end

setter("from_blueprint", "blueprint", schema.id, "_environment", "blueprint_id", "snapshot_id")
setter("from_snapshot", "snapshot", schema.id, "_environment", "snapshot_id", "blueprint_id")
setter("with_working_directory", "directory", environment.working_directory, "_environment", "working_directory")
setter("with_launch_parameters", "parameters", environment.launch_parameters, "_environment", "launch_parameters")
setter("with_problem_statement", "statement", text, "_input", "problem_statement")
setter("with_metadata", "metadata", parameter.metadata, "_parameters", "metadata")
setter("with_reference_output", "output", parameter.reference_output, "_parameters", "reference_output")
setter("with_required_env_vars", "names", parameter.required_environment_variables, "_parameters",
  "required_environment_variables")
setter("with_required_secrets", "names", parameter.required_secret_names, "_parameters", "required_secret_names")
setter("with_validation_type", "validation_type", parameter.validation_type, "_parameters", "validation_type")
setter("with_scorer_timeout", "seconds", parameter.scorer_timeout_sec { min = 1 }, "_parameters",
  "scorer_timeout_sec")

--- Whatever else an agent should know.
---@param context any what JSON can hold
---@return runloop.ScenarioBuilder
function builder:with_additional_context(context)
  local where = "builder:with_additional_context"
  check_self(self, where)
  context = check(schema.any, context, where, "context")
  self._input.additional_context = checked_json(context, where .. ": context")
  return self
end

-- A step that adds a scorer of a type: add_x(name, { fields of the scorer, weight = 1 }). `needed` is what such a
-- scorer is useless without, also where the API would take it.
local function scorer_step(step, scorer_type, needed, defaults)
  local fields = { weight = schema.number { above = 0, default = 1 } }
  for name, of in pairs(shapes.ScorerDefinition.variants[scorer_type].fields) do
    if name ~= "type" then
      fields[name] = of { required = name == needed, default = defaults and defaults[name] }
    end
  end
  local options = schema.options_of(fields)
  local where = "builder:" .. step
  builder[step] = function(self, name, scorer)
    check_self(self, where)
    name = check(text, name, where, "name")
    scorer = schema.check(options, scorer, where)
    if scorer.scorer_params ~= nil then
      scorer.scorer_params = checked_json(scorer.scorer_params, where .. ": scorer_params")
    end
    local weight = scorer.weight
    scorer.weight = nil
    scorer.type = scorer_type
    insert(self._functions, { name = name, weight = weight, scorer = scorer })
    return self
  end
end

scorer_step("add_test_command_scorer", "test_based_scorer", "test_command")
scorer_step("add_shell_command_scorer", "command_scorer", "command")
scorer_step("add_bash_script_scorer", "bash_script_scorer", "bash_script")
scorer_step("add_python_script_scorer", "python_script_scorer", "python_script")
scorer_step("add_ast_grep_scorer", "ast_grep_scorer", "pattern", { search_directory = "." })
scorer_step("add_custom_scorer", "custom_scorer", "custom_scorer_type")

-- Scaled by the largest first: the sum of large weights would overflow.
local function normalised(functions)
  local largest, sum = 0, 0
  for _, fn in ipairs(functions) do
    largest = max(largest, fn.weight)
  end
  for _, fn in ipairs(functions) do
    sum = sum + fn.weight / largest
  end
  local out = {}
  for i, fn in ipairs(functions) do
    out[i] = copy(fn)
    out[i].weight = fn.weight / largest / sum
  end
  return out
end

local function build(self, where)
  check_self(self, where)
  if not self._input.problem_statement then
    errors.misuse(where .. ": a problem statement is required; call with_problem_statement first")
  elseif not self._functions[1] then
    errors.misuse(where .. ": a scorer is required; call add_test_command_scorer or another add_..._scorer first")
  end
  local parameters = copy(self._parameters)
  parameters.name = self.name
  parameters.input_context = copy(self._input)
  parameters.scoring_contract = { scoring_function_parameters = normalised(self._functions) }
  if next(self._environment) then
    parameters.environment_parameters = copy(self._environment)
  end
  return parameters
end

--- The parameters of scenarios:create, the weights of the scorers scaled to a sum of 1. Raises without a problem
--- statement or a scorer. The builder may be used further: what was built does not change.
---@return runloop.ScenarioCreateParameters
function builder:build()
  return build(self, "builder:build")
end

--- Builds the scenario and creates it.
---@param client runloop.Client
---@param options runloop.CallOptions?
---@return runloop.Scenario? scenario
---@return runloop.Response|runloop.Error response_or_err
function builder:push(client, options)
  check_self(self, "builder:push")
  if type(client) ~= "table" or type(client.scenarios) ~= "table" then
    errors.misuse("builder:push: argument 'client' must be a client, got " .. type(client))
  end
  local parameters = build(self, "builder:push")
  return client.scenarios:create(parameters, options)
end

for name, method in pairs(builder) do
  local most = find(name, "_scorer$") and 2 or name == "push" and 2 or name == "build" and 0 or 1
  builder[name] = errors.bounded(method, most, "builder:" .. name)
end

--- A builder for a scenario. Each step checks its arguments at once and returns the builder.
---@param name string
---@return runloop.ScenarioBuilder
function scenario_builder.new(name)
  name = check(text, name, "runloop.scenario", "name")
  return setmetatable({ name = name, _parameters = {}, _environment = {}, _input = {}, _functions = {} }, builder_mt)
end

return scenario_builder
