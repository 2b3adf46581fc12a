--- Benchmark runs: the frame of many scenario runs, and their mean score.
local base = require "api.base"
local json = require "json"
local runs = require "api.runs"

local benchmark_runs = {}

local null, ok, expect = json.null, base.ok, base.expect

local ENDED = base.names "completed canceled failed"

local function start_run(self, request)
  local fields = base.body(request, "benchmark_id!:string metadata:map run_name:string runProfile:object")
  local benchmark = base.find(self, "benchmark", fields.benchmark_id, "Benchmark")
  expect(benchmark.fields.status == "active", "Cannot start a run of an archived benchmark.")
  local profile = runs.profile(fields.runProfile)
  local id = base.new_id(self, "bmr_")
  return ok(base.record_text(base.add(self.stores.benchmark_run, {
    id = id,
    fields = {
      id = id, metadata = fields.metadata or {}, start_time_ms = base.milliseconds(self), state = "running",
      benchmark_id = benchmark.id, duration_ms = null, environment_variables = base.or_null(profile.envVars),
      name = base.or_null(fields.run_name), purpose = base.or_null(profile.purpose), score = null,
      secrets_provided = base.or_null(profile.secrets),
    },
  })))
end

local function each_run(self, id)
  local list, i = self.stores.run.list, 0
  return function()
    repeat i = i + 1 until not list[i] or list[i].fields.benchmark_run_id == id
    return list[i]
  end
end

local function close(self, record, state)
  local fields = record.fields
  if fields.state == state then return ok(base.record_text(record)) end
  fields.state, fields.duration_ms, record.text = state, base.milliseconds(self) - fields.start_time_ms, nil
  return nil
end

-- The sum of the scores over the number of runs.
local function complete(self, _, id)
  local record = base.find_own(self, "benchmark_run", id, "Benchmark run")
  local state = record.fields.state
  expect(not ENDED[state] or state == "completed", ("Benchmark run in state %s cannot be completed."):format(state))
  local sum, n = 0, 0
  for run in each_run(self, id) do
    local result = base.given(run.fields.scoring_contract_result)
    sum, n = sum + (result and result.score or 0), n + 1
  end
  record.fields.score = n > 0 and sum / n or null
  return close(self, record, "completed") or ok(base.record_text(record))
end

local function cancel(self, _, id)
  local record = base.find_own(self, "benchmark_run", id, "Benchmark run")
  local state = record.fields.state
  expect(not ENDED[state] or state == "canceled", ("Benchmark run in state %s cannot be canceled."):format(state))
  for run in each_run(self, id) do runs.cancel(self, run) end
  return close(self, record, "canceled") or ok(base.record_text(record))
end

local function list(self, request)
  local query = request.query
  local match, same = base.matcher(query, base.field_name), base.equals(query, "benchmark_id state")
  local metadata = base.metadata_matcher(query)
  return base.list_page(self.stores.benchmark_run, query, "runs", base.record_text, function(record)
    return same(record) and match(record) and metadata(record)
  end)
end

local function list_scenario_runs(self, request, id)
  base.find(self, "benchmark_run", id, "Benchmark run")
  local query = request.query
  local match, same = base.matcher(query, base.field_name), base.equals(query, "state")
  return base.list_page(self.stores.run, query, "runs", runs.text, function(record)
    return record.fields.benchmark_run_id == id and same(record) and match(record)
  end)
end

function benchmark_runs.seed(_, stores)
  stores.benchmark_run = base.new_store()
  base.add(stores.benchmark_run, {
    id = "bmr_nightly", seeded = true,
    fields = {
      id = "bmr_nightly", metadata = {}, start_time_ms = base.SEED_TIME, state = "running", benchmark_id = "bmd_alpha",
      duration_ms = null, environment_variables = null, name = "nightly", purpose = null, score = null,
      secrets_provided = null,
    },
  })
end

benchmark_runs.texts = { benchmark_run = base.record_text }

benchmark_runs.routes = {
  { "POST", "/v1/benchmarks/start_run", start_run },
  { "GET", "/v1/benchmark_runs", list },
  { "GET", "/v1/benchmark_runs/{id}", function(self, _, id)
    return ok(base.record_text(base.find(self, "benchmark_run", id, "Benchmark run")))
  end },
  { "GET", "/v1/benchmark_runs/{id}/scenario_runs", list_scenario_runs },
  { "POST", "/v1/benchmark_runs/{id}/cancel", cancel },
  { "POST", "/v1/benchmark_runs/{id}/complete", complete },
}

return benchmark_runs
