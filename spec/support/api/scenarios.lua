--- Scenarios: kept as the JSON text of their fields, so that what a client sent comes back byte for byte.
local base = require "api.base"
local data = require "data"
local json = require "json"

local scenarios = { defaults = { scenarios = 300, public = 20 } }

local expect, refuse, ok, names = base.expect, base.refuse, base.ok, base.names
local is_array, is_object, members, null = base.is_array, base.is_object, base.members, json.null

local SCENARIO_ORDER = {
  "input_context", "scoring_contract", "metadata", "status", "environment", "is_public",
  "reference_output", "required_environment_variables", "required_secret_names", "scorer_timeout_sec",
  "validation_type", "x_future_field",
}

local function scenario_fields(record)
  if not record.fields then record.fields = data.scenario_fields(record.seed, record.i, record.is_public) end
  return record.fields
end

local function scenario_text(record)
  if record.text then return record.text end
  local fields = scenario_fields(record)
  local parts = { ('{"id":%s,"name":%s'):format(json.string(record.id), json.string(record.name)) }
  for _, name in ipairs(SCENARIO_ORDER) do
    local text = name == "status" and json.string(record.status) or fields[name]
    if text then parts[#parts + 1] = json.string(name) .. ":" .. text end
  end
  record.text = table.concat(parts, ",") .. "}"
  return record.text
end

local function seed_store(options, count, prefix, is_public)
  local store = base.new_store()
  for i = 1, count do
    base.add(store, {
      id = data.id(prefix, options.seed, i), name = data.scenario_name(i), status = "active",
      seed = options.seed, i = i, is_public = is_public,
      validation_type = data.validation_type(i), seeded = true,
    })
  end
  return store
end

--- The scenario, public or not, or nil.
function scenarios.by_id(self, id)
  return self.stores.scenario.by_id[id] or self.stores.public.by_id[id]
end

local function find_scenario(self, id)
  return scenarios.by_id(self, id) or base.find(self, "scenario", id, "Scenario")
end

local function scenario_name(record)
  return record.name
end

local CREATE = names [[name input_context scoring_contract environment_parameters metadata reference_output
  required_environment_variables required_secret_names scorer_timeout_sec validation_type]]
local CREATE_FIELDS = names [[metadata reference_output required_environment_variables required_secret_names
  scorer_timeout_sec]]
local VALIDATION = names "UNSPECIFIED FORWARD REVERSE EVALUATION"

local function check_scoring_contract(contract)
  expect(is_object(contract) and is_array(contract.scoring_function_parameters),
    "scoring_contract.scoring_function_parameters must be an array")
  for _, f in ipairs(contract.scoring_function_parameters) do
    expect(is_object(f) and type(f.name) == "string" and f.name:find("^[%w_-]+$"), "A scoring function needs a name")
    expect(type(f.weight) == "number", "A scoring function needs a weight")
    expect(is_object(f.scorer) and type(f.scorer.type) == "string", "A scoring function needs a scorer with a type")
  end
end

local function check_scenario(value)
  local function given(name) return value[name] ~= nil and value[name] ~= null end
  if given "name" then
    expect(type(value.name) == "string" and value.name:find("%S"), "name must not be blank")
  end
  if given "input_context" then
    expect(is_object(value.input_context), "input_context must be an object")
    local statement = value.input_context.problem_statement
    expect(statement == nil or statement == null or type(statement) == "string", "problem_statement must be a string")
  end
  if given "scoring_contract" then check_scoring_contract(value.scoring_contract) end
  if given "environment_parameters" then
    expect(is_object(value.environment_parameters), "environment_parameters must be an object")
  end
  if given "metadata" then
    expect(is_object(value.metadata), "metadata must be an object")
    for _, v in pairs(value.metadata) do expect(type(v) == "string", "metadata values must be strings") end
  end
  for _, name in ipairs { "required_environment_variables", "required_secret_names" } do
    if given(name) then expect(is_array(value[name]), name .. " must be an array") end
  end
  if given "scorer_timeout_sec" then
    expect(math.type(value.scorer_timeout_sec) == "integer", "scorer_timeout_sec must be an integer")
  end
  if given "reference_output" then
    expect(type(value.reference_output) == "string", "reference_output must be a string")
  end
  if given "validation_type" then
    expect(value.validation_type == "" or VALIDATION[value.validation_type], "validation_type is unknown")
  end
end

local function create_scenario(self, request)
  local value, raw = members(request, CREATE)
  check_scenario(value)
  expect(type(value.name) == "string", "name is required")
  expect(is_object(value.input_context) and type(value.input_context.problem_statement) == "string",
    "input_context.problem_statement is required")
  expect(is_object(value.scoring_contract), "scoring_contract is required")
  local fields = {
    input_context = raw.input_context, scoring_contract = raw.scoring_contract, metadata = "{}",
    environment = raw.environment_parameters or "null", reference_output = "null",
    required_environment_variables = "[]", required_secret_names = "[]", scorer_timeout_sec = "1800",
  }
  for name in pairs(CREATE_FIELDS) do
    if raw[name] and raw[name] ~= "null" then fields[name] = raw[name] end
  end
  local kind = value.validation_type
  if kind == null or kind == "" then kind = nil end
  fields.validation_type = kind and raw.validation_type
  return ok(scenario_text(base.add(self.stores.scenario, {
    id = base.new_id(self, "scn_"), name = value.name, status = "active", fields = fields, validation_type = kind,
  })))
end

local function changeable(self, id, verb)
  local record = find_scenario(self, id)
  if record.is_public then refuse(403, ("Cannot %s public scenarios."):format(verb)) end
  scenario_fields(record)
  return base.own(self.stores.scenario, record)
end

local UPDATED = names [[scoring_contract metadata required_environment_variables required_secret_names
  scorer_timeout_sec]]

local function update_input_context(record, value, raw)
  if type(value.problem_statement) == "string" then
    record.fields.input_context = raw
    return
  end
  -- Without a problem statement of its own, a new context keeps the old one's.
  local old, new = {}, {}
  json.decode(record.fields.input_context, function(name, text) old[name] = text end)
  json.decode(raw, function(name, text) new[name] = text end)
  local additional = new.additional_context or old.additional_context
  record.fields.input_context = ('{"problem_statement":%s'):format(old.problem_statement)
    .. (additional and ',"additional_context":' .. additional or "") .. "}"
end

local function update_scenario(self, request, id)
  local record = find_scenario(self, id)
  local value, raw = members(request, CREATE)
  if record.is_public then refuse(403, "Cannot update public scenarios.") end
  if record.status == "archived" then refuse(400, "Cannot update archived scenarios.") end
  check_scenario(value)
  record = changeable(self, id, "update")
  record.text = nil
  for name in pairs(value) do
    if value[name] ~= null then
      if UPDATED[name] then record.fields[name] = raw[name] end
      if name == "name" then record.name = value.name end
      if name == "input_context" then update_input_context(record, value.input_context, raw.input_context) end
      if name == "environment_parameters" then record.fields.environment = raw[name] end
      if name == "reference_output" then record.fields[name] = value[name] == "" and "null" or raw[name] end
      if name == "validation_type" then
        record.validation_type = value[name] ~= "" and value[name] or nil
        record.fields[name] = record.validation_type and raw[name]
      end
    end
  end
  return ok(scenario_text(record))
end

local function set_status(status, verb)
  return function(self, _, id)
    local record = changeable(self, id, verb)
    record.status, record.text = status, nil
    return ok(scenario_text(record))
  end
end

local function list_scenarios(self, request)
  local query = request.query
  local match = base.matcher(query, scenario_name)
  local benchmark, members_of = self.stores.benchmark.by_id[query.benchmark_id or ""], {}
  for _, id in ipairs(benchmark and benchmark.fields.scenarioIds or {}) do members_of[id] = true end
  local any = query.benchmark_id == nil or query.benchmark_id == ""
  local kind = query.validation_type ~= "" and query.validation_type
  if kind then expect(VALIDATION[kind], "validation_type is unknown") end
  return base.list_page(self.stores.scenario, query, "scenarios", scenario_text, function(record)
    return record.status == "active" and (any or members_of[record.id])
      and (not kind or record.validation_type == kind) and match(record)
  end)
end

local function list_public(self, request)
  return base.list_page(self.stores.public, request.query, "scenarios", scenario_text, base.matcher(request.query, scenario_name))
end

--- The scoring functions of a scenario.
local function scoring_functions(record)
  return json.decode(scenario_fields(record).scoring_contract).scoring_function_parameters
end

scenarios.find, scenarios.text, scenarios.scoring_functions = find_scenario, scenario_text, scoring_functions

--- Where a run of the scenario lives: the decoded environment, {} when there is none.
function scenarios.environment(record)
  return base.given(json.decode(scenario_fields(record).environment or "null")) or {}
end

--- What a run of the scenario has to be given: arrays of names.
function scenarios.requirements(record)
  local fields, required = scenario_fields(record), {}
  for _, name in ipairs { "required_environment_variables", "required_secret_names" } do
    required[name] = base.given(json.decode(fields[name] or "[]")) or {}
  end
  return required
end

--- The seconds that scoring may take.
function scenarios.scorer_timeout(record)
  return base.given(json.decode(scenario_fields(record).scorer_timeout_sec or "null")) or 1800
end

function scenarios.seed(options, stores)
  stores.scenario = seed_store(options, options.scenarios, "scn_")
  stores.public = seed_store(options, options.public, "scn_pub", true)
end

scenarios.texts = { scenario = scenario_text, public = scenario_text }

scenarios.routes = {
  { "GET", "/v1/scenarios", list_scenarios },
  { "POST", "/v1/scenarios", create_scenario },
  { "GET", "/v1/scenarios/list_public", list_public },
  { "GET", "/v1/scenarios/{id}", function(self, _, id) return ok(scenario_text(find_scenario(self, id))) end },
  { "POST", "/v1/scenarios/{id}", update_scenario },
  { "POST", "/v1/scenarios/{id}/archive", set_status("archived", "archive") },
  { "POST", "/v1/scenarios/{id}/unarchive", set_status("active", "unarchive") },
}

return scenarios
