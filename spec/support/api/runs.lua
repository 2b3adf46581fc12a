--- Scenario runs: started, scored, completed or canceled; their logs.
local base = require "api.base"
local data = require "data"
local json = require "json"
local devboxes = require "api.devboxes"
local scenarios = require "api.scenarios"
local loop = require "loop"
local scoring = require "api.scoring"
local zip = require "zip"

local runs = {
  defaults = {
    runs = 30, scoring_polls = 2, scoring_outcome = "scored", start_state = "running", score = 0.75, logs_bytes = 0,
    scoring = "setting", requirements = false,
  },
}

local null, ok, expect, is_object, or_null = json.null, base.ok, base.expect, base.is_object, base.or_null

local RUN_ORDER = {
  "id", "devbox_id", "scenario_id", "state", "metadata", "name", "benchmark_run_id", "purpose",
  "environment_variables", "secrets_provided", "start_time_ms", "duration_ms", "scoring_contract_result",
}

local function ordered_text(fields, order)
  local parts = {}
  for _, name in ipairs(order) do
    if fields[name] ~= nil then parts[#parts + 1] = json.string(name) .. ":" .. json.encode(fields[name]) end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function run_text(record)
  record.text = record.text or ordered_text(record.fields, RUN_ORDER)
  return record.text
end


function runs.seed(options, stores)
  local store = base.new_store()
  for i = 1, options.runs do
    local scenario = stores.scenario.list[(i - 1) % math.max(1, #stores.scenario.list) + 1]
    local state = data.RUN_STATES[(i - 1) % #data.RUN_STATES + 1]
    local id, time = data.id("scr_", options.seed, i), base.SEED_TIME + i * 60000
    local box = devboxes.new(data.id("dbx_", options.seed, i), "provisioning", time, id)
    box.status, box.seeded = state == "running" and "running" or "shutdown", true
    base.add(stores.devbox, box)
    base.add(store, {
      id = id, seeded = true, settled = true,
      fields = {
        id = id, devbox_id = box.id, scenario_id = scenario and scenario.id or "scn_none", state = state,
        metadata = i % 2 == 0 and { attempt = tostring(i) } or {}, name = i % 3 == 0 and null or "run " .. i,
        benchmark_run_id = i % 4 == 0 and "bmr_nightly" or null, purpose = null, start_time_ms = time,
        environment_variables = i % 5 == 0 and { LANG = "C.UTF-8" } or null, secrets_provided = null,
        duration_ms = state ~= "running" and 1000 * i or nil,
        scoring_contract_result = (state == "completed" or state == "scored")
          and data.scoring_result({ "main" }, (i % 9) / 8) or nil,
      },
    })
  end
  stores.run = store
end

local START = base.names "scenario_id benchmark_run_id metadata run_name runProfile"
local PROFILE = base.names "envVars launchParameters mounts purpose secrets"

--- The checked members of a run profile.
function runs.profile(value)
  if value == nil or value == null then return {} end
  expect(is_object(value), "runProfile must be an object")
  for name in pairs(value) do expect(PROFILE[name], ("Unknown field 'runProfile.%s'"):format(name)) end
  local profile = {}
  for name, v in pairs(value) do profile[name] = base.given(v) end
  devboxes.check { mounts = profile.mounts, launch_parameters = profile.launchParameters }
  return profile
end

-- Whether something is missing that the scenario says it cannot do without.
local function lacks(scenario, profile)
  local required = scenarios.requirements(scenario)
  for _, name in ipairs(required.required_environment_variables) do
    if not (profile.envVars or {})[name] then return true end
  end
  for _, name in ipairs(required.required_secret_names) do
    if not (profile.secrets or {})[name] then return true end
  end
  return false
end

-- The devbox of a run is made from the scenario's environment and the run's profile.
local function equip(self, box, scenario, profile)
  local environment = scenarios.environment(scenario)
  box.env, box.secrets, box.recipe = profile.envVars or {}, profile.secrets or {}, { mounts = profile.mounts }
  local snapshot, blueprint = base.given(environment.snapshot_id), base.given(environment.blueprint_id)
  box.snapshot_id = self.stores.snapshot.by_id[snapshot or ""] and snapshot
  box.blueprint_id = self.stores.blueprint.by_id[blueprint or ""] and blueprint
  box.fields.snapshot_id, box.fields.blueprint_id = or_null(box.snapshot_id), or_null(box.blueprint_id)
  box.fields.launch_parameters = profile.launchParameters or base.given(environment.launch_parameters)
    or box.fields.launch_parameters
end

local function start_run(self, request)
  local value = base.members(request, START)
  expect(type(value.scenario_id) == "string", "scenario_id is required")
  local scenario = scenarios.find(self, value.scenario_id)
  expect(scenario.status == "active", "Cannot start a run of an archived scenario.")
  local profile = runs.profile(value.runProfile)
  local benchmark_run = self.stores.benchmark_run.by_id[base.given(value.benchmark_run_id) or ""]
  expect(not benchmark_run or benchmark_run.fields.state == "running", "The benchmark run has ended.")
  local id, now = base.new_id(self, "scr_"), base.milliseconds(self)
  local box = base.add(self.stores.devbox, devboxes.new(base.new_id(self, "dbx_"), "provisioning", now, id))
  local state = self.settings.start_state
  if state == "running" and self.settings.requirements and lacks(scenario, profile) then state = "failed" end
  equip(self, box, scenario, profile)
  if state == "running" then devboxes.boot(self, box) else devboxes.set_status(self, box, "failure") end
  local metadata = value.metadata
  return ok(run_text(base.add(self.stores.run, {
    id = id,
    fields = {
      id = id, devbox_id = box.id, scenario_id = scenario.id, state = state,
      metadata = metadata ~= null and metadata or {}, name = or_null(value.run_name),
      benchmark_run_id = value.benchmark_run_id, purpose = profile.purpose, start_time_ms = now,
      environment_variables = or_null(profile.envVars), secrets_provided = profile.secrets,
    },
  })))
end

local function set_run_state(self, record, state)
  record.text, record.fields.state = nil, state
  if state ~= "scoring" then record.fields.duration_ms = base.milliseconds(self) - record.fields.start_time_ms end
end

local function scoring_function_names(self, scenario_id)
  local scenario, list = scenarios.by_id(self, scenario_id), {}
  for i, f in ipairs(scenario and scenarios.scoring_functions(scenario) or {}) do list[i] = f.name end
  return list
end

--- Ends the scoring of a run when the time has come.
local function look_at_run(self, record)
  local settings = self.settings
  if record.fields.state ~= "scoring" or record.settled or record.scorers then return end
  record.looks = (record.looks or 0) + 1
  local due
  if settings.scoring_seconds then
    due = self:now() >= record.scoring_since + settings.scoring_seconds
  else
    due = record.looks > settings.scoring_polls
  end
  if not due then return end
  local outcome = settings.scoring_outcome
  set_run_state(self, record, outcome)
  if outcome == "scored" or outcome == "completed" then
    record.fields.scoring_contract_result =
      data.scoring_result(scoring_function_names(self, record.fields.scenario_id), settings.score)
  end
end

local function owned_run(self, id)
  return base.find_own(self, "run", id, "Scenario run")
end

local function retrieve_run(self, _, id)
  local record = owned_run(self, id)
  look_at_run(self, record)
  return ok(run_text(record))
end

-- Has the scorers run; when they are done, the run is scored, unless it has ended meanwhile.
local function run_scorers(self, record)
  local this = {}
  record.scorers = this
  local box, scenario = self.stores.devbox.by_id[record.fields.devbox_id], scenarios.by_id(self, record.fields.scenario_id)
  loop.spawn(function()
    local done, result, state = pcall(scoring.score, self, box, scenario)
    if record.scorers ~= this or record.fields.state ~= "scoring" then return end
    record.scorers = nil
    if not done then
      io.stderr:write("stand-in: scoring: ", tostring(type(result) == "table" and result.message or result), "\n")
      result, state = nil, "failed"
    end
    record.fields.scoring_contract_result = result
    set_run_state(self, record, result and "scored" or state)
  end)
end

local function score_run(self, _, id)
  local record = owned_run(self, id)
  local state = record.fields.state
  if state ~= "scoring" then
    expect(state == "running" or state == "scored", ("Scenario run in state %s cannot be scored."):format(state))
    record.looks, record.settled, record.scoring_since = 0, false, self:now()
    record.fields.scoring_contract_result = nil
    set_run_state(self, record, "scoring")
    record.scorers = nil
    if self.settings.scoring == "run" then run_scorers(self, record) end
  end
  return ok(run_text(record))
end

local function end_run(self, record, state)
  if record.fields.state ~= state then
    set_run_state(self, record, state)
    local box = self.stores.devbox.by_id[record.fields.devbox_id]
    if box then devboxes.shut_down(self, base.own(self.stores.devbox, box), "api_shutdown") end
  end
  return ok(run_text(record))
end

local function complete_run(self, _, id)
  local record = owned_run(self, id)
  local state = record.fields.state
  expect(state == "scored" or state == "completed",
    ("Scenario run must be in a scored state to be completed, it is %s."):format(state))
  return end_run(self, record, "completed")
end

--- Cancels a run that has not ended.
function runs.cancel(self, record)
  local state = record.fields.state
  if state == "running" or state == "scoring" or state == "scored" then
    end_run(self, base.own(self.stores.run, record), "canceled")
  end
end

local function cancel_run(self, _, id)
  local record = owned_run(self, id)
  local state = record.fields.state
  expect(state == "running" or state == "scoring" or state == "scored" or state == "canceled",
    ("Scenario run in state %s cannot be canceled."):format(state))
  return end_run(self, record, "canceled")
end

local LOG_BLOCK = ("2026-01-01T00:00:00.000Z INFO  agent \"step\" done\ttokens=512 ✓\n"):rep(16384)

local function download_logs(self, _, id)
  local record = base.find(self, "run", id, "Scenario run")
  local entries = {
    { id .. "/scenario.log", "started\nscored\n" },
    { id .. "/devbox/stdout.log", "hello from " .. record.fields.devbox_id .. "\n" },
    { id .. "/empty.log", "" },
  }
  for _, one in ipairs(base.given(record.fields.scoring_contract_result)
    and record.fields.scoring_contract_result.scoring_function_results or {}) do
    entries[#entries + 1] = { ("%s/scorers/%s.log"):format(id, one.scoring_function_name), one.output }
  end
  for i = 1, math.ceil(self.settings.logs_bytes / #LOG_BLOCK) do
    entries[#entries + 1] = { ("%s/agent-%04d.log"):format(id, i), LOG_BLOCK }
  end
  local pieces, length = zip.pieces(entries)
  return {
    status = 200, pieces = pieces, length = length,
    headers = {
      { "Content-Type", "application/zip" },
      { "Content-Disposition", 'attachment; filename="scenario_run_logs.zip"' },
    },
  }
end

local function list_runs(self, request)
  local query = request.query
  local match, same = base.matcher(query, base.field_name), base.equals(query, "scenario_id benchmark_run_id state")
  local metadata = base.metadata_matcher(query)
  return base.list_page(self.stores.run, query, "runs", run_text, function(record)
    return same(record) and match(record) and metadata(record)
  end)
end

runs.text = run_text
runs.texts = { run = run_text }

runs.routes = {
  { "POST", "/v1/scenarios/start_run", start_run },
  { "GET", "/v1/scenarios/runs", list_runs },
  { "GET", "/v1/scenarios/runs/{id}", retrieve_run },
  { "POST", "/v1/scenarios/runs/{id}/score", score_run },
  { "POST", "/v1/scenarios/runs/{id}/complete", complete_run },
  { "POST", "/v1/scenarios/runs/{id}/cancel", cancel_run },
  { "POST", "/v1/scenarios/runs/{id}/download_logs", download_logs },
}

return runs
