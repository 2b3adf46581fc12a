--- Benchmark jobs: evaluations in the cloud, which go on by looks.
local base = require "api.base"
local json = require "json"
local scenarios = require "api.scenarios"

local benchmark_jobs = { defaults = { job_polls = 1, job_outcome = "completed" } }

local null, ok, expect = json.null, base.ok, base.expect

local KINDS = {
  harbor = "inline_yaml!:string",
  benchmark = "benchmark_id!:string agent_configs!:array orchestrator_config:object",
  scenarios = "scenario_ids!:strings agent_configs!:array orchestrator_config:object",
}
local AGENT = "type!:string name!:string agent_id:string model_name:string timeout_seconds:number kwargs:map "
  .. "agent_environment:object"
local ORCHESTRATOR = "n_attempts:integer n_concurrent_trials:integer quiet:boolean timeout_multiplier:number"
local NEXT = { initializing = "queued", queued = "running", running = "outcome" }

local function checked_spec(self, spec)
  expect(base.is_object(spec) and KINDS[spec.type], "spec.type is unknown")
  local members = {}
  for name, value in pairs(spec) do
    if name ~= "type" then members[name] = value end
  end
  local fields = base.check(members, KINDS[spec.type], "spec.")
  if fields.agent_configs then
    expect(fields.agent_configs[1], "spec.agent_configs needs an agent")
    for i, agent in ipairs(fields.agent_configs) do
      local checked = base.check(agent, AGENT, ("spec.agent_configs[%d]."):format(i))
      expect(checked.type == "job_agent", "spec.agent_configs: type must be job_agent")
    end
  end
  if fields.orchestrator_config then base.check(fields.orchestrator_config, ORCHESTRATOR, "spec.orchestrator_config.") end
  if fields.benchmark_id then
    local benchmark = base.find(self, "benchmark", fields.benchmark_id, "Benchmark")
    fields.benchmark_name, fields.ids = benchmark.fields.name, benchmark.fields.scenarioIds
  end
  for _, id in ipairs(fields.scenario_ids or {}) do expect(scenarios.by_id(self, id), "No such scenario: " .. id) end
  fields.ids = fields.ids or fields.scenario_ids or json.array {}
  return fields
end

local SOURCES = {
  harbor = function(spec) return { type = "harbor", inline_yaml = spec.inline_yaml } end,
  benchmark = function(spec)
    return { type = "benchmark", benchmark_id = spec.benchmark_id, benchmark_name = spec.benchmark_name }
  end,
  scenarios = function(spec) return { type = "scenarios", scenario_ids = spec.scenario_ids } end,
}

local function create(self, request)
  local fields = base.body(request, "name:string spec:object")
  local spec = fields.spec and checked_spec(self, fields.spec)
  local id = base.new_id(self, "bmj_")
  return ok(base.record_text(base.add(self.stores.benchmark_job, {
    id = id, looks = 0, spec = spec,
    fields = {
      id = id, name = fields.name or id, create_time_ms = base.milliseconds(self), state = "initializing",
      failure_reason = null, job_source = spec and SOURCES[fields.spec.type](spec) or null,
      job_spec = spec and spec.agent_configs and {
        agent_configs = spec.agent_configs, scenario_ids = spec.ids,
        orchestrator_config = base.or_null(spec.orchestrator_config),
      } or null,
      benchmark_outcomes = null, in_progress_runs = null,
    },
  })))
end

local function outcomes(self, record)
  local list = json.array {}
  for _, agent in ipairs(record.spec and record.spec.agent_configs or {}) do
    local runs = json.array {}
    for i, id in ipairs(record.spec.ids) do
      runs[i] = {
        scenario_definition_id = id, scenario_name = scenarios.by_id(self, id).name or id, state = "COMPLETED",
        duration_ms = 1000, failure_reason = null, scenario_run_id = base.new_id(self, "scr_"),
        score = self.settings.score,
      }
    end
    list[#list + 1] = {
      agent_name = agent.name, benchmark_run_id = record.run_id, n_completed = #runs, n_failed = 0, n_timeout = 0,
      scenario_outcomes = runs, average_score = runs[1] and self.settings.score or null, duration_ms = 1000,
      model_name = base.or_null(base.given(agent.model_name)),
    }
  end
  return list
end

local function look(self, record)
  local fields, following = record.fields, NEXT[record.fields.state]
  if not following then return end
  record.looks = record.looks + 1
  if record.looks <= self.settings.job_polls then return end
  record.looks, record.text = 0, nil
  fields.state = following == "outcome" and self.settings.job_outcome or following
  if fields.state == "running" then
    record.run_id = base.new_id(self, "bmr_")
    fields.in_progress_runs = json.array { {
      benchmark_run_id = record.run_id, start_time_ms = base.milliseconds(self), state = "running", duration_ms = null,
      agent_config = null,
    } }
  elseif following == "outcome" then
    fields.in_progress_runs = json.array {}
    if fields.state == "completed" then
      fields.benchmark_outcomes = outcomes(self, record)
    else
      fields.failure_reason = "The job ended as " .. fields.state .. "."
    end
  end
end

local function retrieve(self, _, id)
  local record = base.find_own(self, "benchmark_job", id, "Benchmark job")
  look(self, record)
  return ok(base.record_text(record))
end

local function list(self, request)
  return base.list_page(self.stores.benchmark_job, request.query, "jobs", base.record_text,
    base.matcher(request.query, base.field_name))
end

function benchmark_jobs.seed(_, stores)
  stores.benchmark_job = base.new_store()
end

benchmark_jobs.texts = { benchmark_job = base.record_text }

benchmark_jobs.routes = {
  { "GET", "/v1/benchmark_jobs", list },
  { "POST", "/v1/benchmark_jobs", create },
  { "GET", "/v1/benchmark_jobs/{id}", retrieve },
}

return benchmark_jobs
