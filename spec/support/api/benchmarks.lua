--- Benchmarks: sets of scenarios.
local base = require "api.base"
local data = require "data"
local json = require "json"
local scenarios = require "api.scenarios"

local benchmarks = {}

local ok, expect, refuse = base.ok, base.expect, base.refuse

local FIELDS = "attribution:string description:string metadata:map required_environment_variables:strings "
  .. "required_secret_names:strings scenario_ids:strings "
local NAMES = { "attribution", "description", "metadata", "required_environment_variables", "required_secret_names" }

local function check_scenarios(self, ids)
  for _, id in ipairs(ids or {}) do expect(scenarios.by_id(self, id), ("Scenario with ID %s not found"):format(id)) end
end

local function create(self, request)
  local fields = base.body(request, FIELDS .. "name!:string")
  expect(fields.name:find "%S", "name must not be blank")
  check_scenarios(self, fields.scenario_ids)
  local id = base.new_id(self, "bmd_")
  return ok(base.record_text(base.add(self.stores.benchmark, {
    id = id,
    fields = {
      id = id, name = fields.name, metadata = fields.metadata or {}, status = "active",
      scenarioIds = fields.scenario_ids or json.array {}, attribution = base.or_null(fields.attribution),
      description = base.or_null(fields.description), is_public = false,
      required_environment_variables = fields.required_environment_variables or json.array {},
      required_secret_names = fields.required_secret_names or json.array {},
    },
  })))
end

local function changeable(self, id)
  local record = base.find_own(self, "benchmark", id, "Benchmark")
  if record.fields.is_public then refuse(403, "Cannot change public benchmarks.") end
  expect(record.fields.status == "active", "Cannot change archived benchmarks.")
  return record
end

local function update(self, request, id)
  local record = changeable(self, id)
  local fields = base.body(request, FIELDS .. "name:string")
  expect(not fields.name or fields.name:find "%S", "name must not be blank")
  check_scenarios(self, fields.scenario_ids)
  record.fields.name = fields.name or record.fields.name
  record.fields.scenarioIds = fields.scenario_ids or record.fields.scenarioIds
  for _, name in ipairs(NAMES) do
    if fields[name] ~= nil then record.fields[name] = fields[name] end
  end
  return ok(base.record_text(record))
end

local function update_scenarios(self, request, id)
  local record = changeable(self, id)
  local fields = base.body(request, "scenarios_to_add:strings scenarios_to_remove:strings")
  check_scenarios(self, fields.scenarios_to_add)
  local removed, there, ids = {}, {}, json.array {}
  for _, one in ipairs(fields.scenarios_to_remove or {}) do removed[one] = true end
  local function take(list)
    for _, one in ipairs(list or {}) do
      if not removed[one] and not there[one] then
        there[one] = true
        ids[#ids + 1] = one
      end
    end
  end
  take(record.fields.scenarioIds)
  take(fields.scenarios_to_add)
  record.fields.scenarioIds = ids
  return ok(base.record_text(record))
end

local function list(is_public)
  return function(self, request)
    local match = base.matcher(request.query, base.field_name)
    return base.list_page(self.stores.benchmark, request.query, "benchmarks", base.record_text, function(record)
      return record.fields.is_public == is_public and record.fields.status == "active" and match(record)
    end)
  end
end

local function definitions(self, request, id)
  local record = base.find(self, "benchmark", id, "Benchmark")
  local records = {}
  for _, one in ipairs(record.fields.scenarioIds) do records[#records + 1] = scenarios.by_id(self, one) end
  return base.list_page(base.part(records), request.query, "scenarios", scenarios.text)
end

local function set_status(status, verb)
  return function(self, _, id)
    local record = base.find_own(self, "benchmark", id, "Benchmark")
    if record.fields.is_public then refuse(403, ("Cannot %s public benchmarks."):format(verb)) end
    record.fields.status = status
    return ok(base.record_text(record))
  end
end

function benchmarks.seed(options, stores)
  local store = base.new_store()
  local by_id = {}
  local function add(id, name, is_public, ids)
    by_id[id] = base.add(store, {
      id = id, seeded = true,
      fields = {
        id = id, name = name, metadata = {}, status = "active", scenarioIds = ids, attribution = json.null,
        description = name, is_public = is_public, required_environment_variables = json.array {},
        required_secret_names = json.array {},
      },
    })
  end
  for _, name in ipairs { "alpha", "beta", "gamma" } do add("bmd_" .. name, name, false, json.array {}) end
  for i = 1, options.scenarios do
    local ids = by_id[data.benchmark_id(i)].fields.scenarioIds
    ids[#ids + 1] = stores.scenario.list[i].id
  end
  local public = json.array {}
  for i = 1, options.public do public[i] = stores.public.list[i].id end
  add("bmd_public", "runloop public", true, public)
  stores.benchmark = store
end

benchmarks.texts = { benchmark = base.record_text }

benchmarks.routes = {
  { "GET", "/v1/benchmarks", list(false) },
  { "POST", "/v1/benchmarks", create },
  { "GET", "/v1/benchmarks/list_public", list(true) },
  { "GET", "/v1/benchmarks/{id}", function(self, _, id)
    return ok(base.record_text(base.find(self, "benchmark", id, "Benchmark")))
  end },
  { "POST", "/v1/benchmarks/{id}", update },
  { "GET", "/v1/benchmarks/{id}/definitions", definitions },
  { "POST", "/v1/benchmarks/{id}/scenarios", update_scenarios },
  { "POST", "/v1/benchmarks/{id}/archive", set_status("archived", "archive") },
  { "POST", "/v1/benchmarks/{id}/unarchive", set_status("active", "unarchive") },
}

return benchmarks
