--- The stand-in's state and its endpoints: scenarios, runs, scorers, devboxes.
local socket = require "socket"
local data = require "data"
local http = require "http"
local json = require "json"
local loop = require "loop"
local zip = require "zip"

local api = {}
api.__index = api

local array, null = json.array, json.null

api.DEFAULTS = {
  scenarios = 300, public = 20, runs = 30, scorers = 8, seed = 1, token = "test-token",
  provisioning_polls = 1, devbox_outcome = "running", scoring_polls = 2, scoring_outcome = "scored",
  start_state = "running", score = 0.75, hold = 0.02, logs_bytes = 0, delay = 0,
}

-- The seed's things happened then, one a minute: 1 January 2026, 00:00 UTC.
local SEED_TIME = 1767225600000

local SCENARIO_ORDER = {
  "input_context", "scoring_contract", "metadata", "status", "environment", "is_public",
  "reference_output", "required_environment_variables", "required_secret_names", "scorer_timeout_sec",
  "validation_type", "x_future_field",
}
local RUN_ORDER = {
  "id", "devbox_id", "scenario_id", "state", "metadata", "name", "benchmark_run_id", "purpose",
  "environment_variables", "secrets_provided", "start_time_ms", "duration_ms", "scoring_contract_result",
}

local function ok(body)
  return { status = 200, headers = { { "Content-Type", "application/json" } }, body = body }
end

--- The API's way to refuse: raised by handlers, turned into an answer in `api:handle`.
local function refuse(status, message, headers)
  error({ status = status, message = message, headers = headers }, 0)
end

local function error_answer(e)
  local headers = { { "Content-Type", "application/json" } }
  for _, h in ipairs(e.headers or {}) do headers[#headers + 1] = h end
  return { status = e.status, headers = headers, body = json.encode { message = e.message } }
end

-- A scenario's fields are kept as JSON text, so that what a client sent comes back byte for byte.

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

local function scorer_text(record)
  record.text = record.text or ordered_text(record.fields, { "id", "type", "bash_script" })
  return record.text
end

local TEXTS = { scenario = scenario_text, public = scenario_text, run = run_text, scorer = scorer_text }

-- Kinds of things: an array in order of creation, and by id.
local function new_store()
  return { list = {}, by_id = {} }
end

local function store_add(store, record)
  store.list[#store.list + 1] = record
  record.position = #store.list
  store.by_id[record.id] = record
  return record
end

-- A seeded record is shared by every reset: a change goes to a copy that takes its place.
local function own(store, record)
  if not record.seeded then return record end
  local copy = {}
  for k, v in pairs(record) do copy[k] = v end
  copy.seeded = nil
  if record.fields then
    copy.fields = {}
    for k, v in pairs(record.fields) do copy.fields[k] = v end
  end
  store.list[record.position], store.by_id[record.id] = copy, copy
  return copy
end

local function copy_store(store)
  local copy = new_store()
  table.move(store.list, 1, #store.list, 1, copy.list)
  for id, record in pairs(store.by_id) do copy.by_id[id] = record end
  return copy
end

local function seed_scenarios(options, count, prefix, is_public)
  local store = new_store()
  for i = 1, count do
    store_add(store, {
      id = data.id(prefix, options.seed, i), name = data.scenario_name(i), status = "active",
      seed = options.seed, i = i, is_public = is_public, benchmark_id = data.benchmark_id(i),
      validation_type = data.validation_type(i), seeded = true,
    })
  end
  return store
end

local function new_devbox(id, status, time, owner)
  return {
    id = id, status = status, looks = 0,
    fields = {
      create_time_ms = time, end_time_ms = null, metadata = {},
      launch_parameters = { resource_size_request = "SMALL" },
      capabilities = array { "unknown" }, initiator_type = "scenario", initiator_id = owner, name = null,
      state_transitions = array { { status = "provisioning", transition_time_ms = time } },
    },
  }
end

local function seed_runs(options, stores)
  local runs, devboxes = new_store(), new_store()
  for i = 1, options.runs do
    local scenario = stores.scenario.list[(i - 1) % math.max(1, #stores.scenario.list) + 1]
    local state = data.RUN_STATES[(i - 1) % #data.RUN_STATES + 1]
    local id, time = data.id("scr_", options.seed, i), SEED_TIME + i * 60000
    local box = new_devbox(data.id("dbx_", options.seed, i), state == "running" and "running" or "shutdown", time, id)
    box.seeded, box.settled = true, true
    store_add(devboxes, box)
    store_add(runs, {
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
  return runs, devboxes
end

local function seed_scorers(options)
  local store = new_store()
  for i = 1, options.scorers do
    local id = data.id("scs_", options.seed, i)
    store_add(store, {
      id = id, seeded = true,
      fields = { id = id, type = "my_scorer_" .. i, bash_script = "#!/bin/bash\necho \"score=0." .. i .. "\"\n" },
    })
  end
  return store
end

local seeds = {} -- by what they are made of: a reset costs a copy of a few lists

local function seeded_stores(options)
  local key = table.concat({ options.scenarios, options.public, options.runs, options.scorers, options.seed }, "/")
  local stores = seeds[key]
  if not stores then
    stores = {
      scenario = seed_scenarios(options, options.scenarios, "scn_"),
      public = seed_scenarios(options, options.public, "scn_pub", true),
      scorer = seed_scorers(options),
    }
    stores.run, stores.devbox = seed_runs(options, stores)
    seeds[key] = stores
  end
  local copies = {}
  for kind, store in pairs(stores) do copies[kind] = copy_store(store) end
  return copies
end

--- A fresh state; `options` as `support.start` takes them.
function api.new(options)
  local settings = {}
  for name, value in pairs(api.DEFAULTS) do settings[name] = value end
  for name, value in pairs(options or {}) do settings[name] = value end
  return setmetatable({
    settings = settings, stores = seeded_stores(settings), offset = 0, created = 0, changed = loop.event(),
  }, api)
end

--- The clock of the API's times, in seconds.
function api:now()
  return socket.gettime() + self.offset
end

local function milliseconds(self)
  return math.floor(self:now() * 1000)
end

--- Moves the clock; who holds a wait_for_status looks again.
function api:advance(seconds)
  self.offset = self.offset + seconds
  self.changed:fire()
end

local function new_id(self, prefix)
  self.created = self.created + 1
  return data.id(prefix .. "new", self.settings.seed, self.created)
end

--- The record of `id`, or a 404.
local function find(self, kind, id, label)
  local record = self.stores[kind].by_id[id]
  if not record then refuse(404, ("%s with ID %s not found"):format(label, id)) end
  return record
end

local function find_scenario(self, id)
  return self.stores.scenario.by_id[id] or self.stores.public.by_id[id] or find(self, "scenario", id, "Scenario")
end

--- The members of the request's JSON object: values and raw texts by name. `known` names what may be there.
local function members(request, known)
  if request.body == "" then refuse(400, "A JSON object is expected as body") end
  local raw = {}
  local value, err = json.decode(request.body, function(name, text) raw[name] = text end)
  if err then refuse(400, err) end
  if type(value) ~= "table" or value == null or getmetatable(value) == json.array_mt then
    refuse(400, "A JSON object is expected as body")
  end
  for name in pairs(value) do
    if not known[name] then refuse(400, ("Unknown field '%s'"):format(name)) end
  end
  return value, raw
end

local function names(list)
  local set = {}
  for name in list:gmatch("%S+") do set[name] = true end
  return set
end

local function is_array(v)
  return getmetatable(v) == json.array_mt
end

local function is_object(v)
  return type(v) == "table" and v ~= null and not is_array(v)
end

local function expect(condition, message)
  if not condition then refuse(400, message) end
end

local function page_size(query)
  if query.limit == nil or query.limit == "" then return 20 end
  local limit = query.limit:find("^%d+$") and math.tointeger(tonumber(query.limit))
  if not limit or limit < 1 or limit > 5000 then refuse(400, "limit must be between 1 and 5000") end
  return limit
end

--- The page that a list request asks for. `wanted(record)` -> bool filters, nil takes all.
local function list_page(store, query, key, text, wanted)
  local limit = page_size(query)
  local count = query.include_total_count or "true"
  expect(count == "true" or count == "false", "include_total_count must be true or false")
  local list, first = store.list, 1
  if query.starting_after and query.starting_after ~= "" then
    local last = store.by_id[query.starting_after]
    expect(last, "starting_after: no such ID")
    first = last.position + 1
  end
  local texts, has_more = {}, false
  for i = first, #list do
    if wanted(list[i]) then
      if #texts == limit then
        has_more = true
        break
      end
      texts[#texts + 1] = text(list[i])
    end
  end
  local total = ""
  if count == "true" then
    local n = 0
    for i = 1, #list do
      if wanted(list[i]) then n = n + 1 end
    end
    total = ',"total_count":' .. n
  end
  local rest = ('],"has_more":%s%s}'):format(has_more, total)
  return ok('{"' .. key .. '":[' .. table.concat(texts, ",") .. rest)
end

local function matcher(query, name_of)
  local search = query.search and query.search ~= "" and query.search:lower()
  local name = query.name ~= "" and query.name
  return function(record)
    local its_name = name_of(record)
    if name and its_name ~= name then return false end
    return not search or record.id:lower():find(search, 1, true) ~= nil
      or type(its_name) == "string" and its_name:lower():find(search, 1, true) ~= nil
  end
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
  return ok(scenario_text(store_add(self.stores.scenario, {
    id = new_id(self, "scn_"), name = value.name, status = "active", fields = fields, validation_type = kind,
  })))
end

local function changeable(self, id, verb)
  local record = find_scenario(self, id)
  if record.is_public then refuse(403, ("Cannot %s public scenarios."):format(verb)) end
  scenario_fields(record)
  return own(self.stores.scenario, record)
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
  local value, raw = members(request, CREATE)
  local record = find_scenario(self, id)
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
  local match = matcher(query, scenario_name)
  local benchmark = query.benchmark_id ~= "" and query.benchmark_id
  local kind = query.validation_type ~= "" and query.validation_type
  if kind then expect(VALIDATION[kind], "validation_type is unknown") end
  return list_page(self.stores.scenario, query, "scenarios", scenario_text, function(record)
    return record.status == "active" and (not benchmark or record.benchmark_id == benchmark)
      and (not kind or record.validation_type == kind) and match(record)
  end)
end

local function list_public(self, request)
  return list_page(self.stores.public, request.query, "scenarios", scenario_text, matcher(request.query, scenario_name))
end

local STATUSES = names [[scheduled queued provisioning initializing running suspending suspended resuming failure
  shutdown]]

local function devbox_text(record)
  local fields = { id = record.id, status = record.status }
  for name, value in pairs(record.fields) do fields[name] = value end
  return json.encode(fields)
end
TEXTS.devbox = devbox_text

local function set_devbox_status(self, record, status)
  if record.status == status then return end
  record.status, record.settled = status, true
  local transitions = record.fields.state_transitions
  local now = milliseconds(self)
  record.fields.state_transitions = array(table.move(transitions, 1, #transitions, 1, {}))
  table.insert(record.fields.state_transitions, { status = status, transition_time_ms = now })
  if status == "failure" then record.fields.failure_reason = "execution_failed" end
  if status == "failure" or status == "shutdown" then record.fields.end_time_ms = now end
  self.changed:fire()
end

--- Counts a look at a devbox that is being provisioned, and ends its provisioning when the time has come.
local function look_at_devbox(self, record)
  if record.settled then return end
  local settings = self.settings
  record.looks = record.looks + 1
  local due
  if settings.provisioning_seconds then
    due = self:now() >= record.created + settings.provisioning_seconds
  else
    due = record.looks > settings.provisioning_polls
  end
  if due then set_devbox_status(self, record, settings.devbox_outcome) end
end

local function wait_for_status(self, request, id)
  local record = own(self.stores.devbox, find(self, "devbox", id, "Devbox"))
  local value = members(request, names "statuses timeout_seconds")
  expect(is_array(value.statuses) and #value.statuses > 0, "statuses must be an array of statuses")
  local wanted = {}
  for _, status in ipairs(value.statuses) do
    expect(STATUSES[status], ("Invalid status '%s'"):format(tostring(status)))
    wanted[status] = true
  end
  local seconds = value.timeout_seconds
  if seconds == nil or seconds == null then seconds = 10 end
  expect(math.type(seconds) == "integer" and seconds >= 0 and seconds <= 30,
    "timeout_seconds must be an integer between 0 and 30")
  local give_up = socket.gettime() + math.min(seconds, self.settings.hold)
  look_at_devbox(self, record)
  while not wanted[record.status] do
    local left = give_up - socket.gettime()
    if left <= 0 then refuse(408, "Timeout waiting for status.", { { "x-should-retry", "true" } }) end
    -- Provisioning by the clock goes on while the request is held, provisioning by looks does not.
    if self.settings.provisioning_seconds and not record.settled then
      self.changed:wait(math.max(0, math.min(left, record.created + self.settings.provisioning_seconds - self:now())))
      look_at_devbox(self, record)
    else
      self.changed:wait(left)
    end
  end
  return ok(devbox_text(record))
end

local function retrieve_devbox(self, _, id)
  local record = own(self.stores.devbox, find(self, "devbox", id, "Devbox"))
  look_at_devbox(self, record)
  return ok(devbox_text(record))
end

local function shutdown_devbox(self, _, id)
  local record = own(self.stores.devbox, find(self, "devbox", id, "Devbox"))
  set_devbox_status(self, record, "shutdown")
  return ok(devbox_text(record))
end

local START = names "scenario_id benchmark_run_id metadata run_name runProfile"
local PROFILE = names "envVars launchParameters mounts purpose secrets"

local function or_null(v)
  if v == nil then return null end
  return v
end

local function start_run(self, request)
  local value = members(request, START)
  expect(type(value.scenario_id) == "string", "scenario_id is required")
  local scenario = find_scenario(self, value.scenario_id)
  expect(scenario.status == "active", "Cannot start a run of an archived scenario.")
  local profile = value.runProfile
  if profile == nil or profile == null then profile = {} end
  expect(is_object(profile), "runProfile must be an object")
  for name in pairs(profile) do expect(PROFILE[name], ("Unknown field 'runProfile.%s'"):format(name)) end
  local id, now = new_id(self, "scr_"), milliseconds(self)
  local box = store_add(self.stores.devbox, new_devbox(new_id(self, "dbx_"), "provisioning", now, id))
  box.created = self:now()
  local state = self.settings.start_state
  if state ~= "running" then set_devbox_status(self, box, "failure") end
  if profile.launchParameters and profile.launchParameters ~= null then
    box.fields.launch_parameters = profile.launchParameters
  end
  local metadata = value.metadata
  return ok(run_text(store_add(self.stores.run, {
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
  if state ~= "scoring" then record.fields.duration_ms = milliseconds(self) - record.fields.start_time_ms end
end

local function scoring_function_names(self, scenario_id)
  local scenario = self.stores.scenario.by_id[scenario_id] or self.stores.public.by_id[scenario_id]
  local list = {}
  if scenario then
    local contract = json.decode(scenario_fields(scenario).scoring_contract)
    for i, f in ipairs(contract.scoring_function_parameters) do list[i] = f.name end
  end
  return list
end

--- Ends the scoring of a run when the time has come.
local function look_at_run(self, record)
  if record.fields.state ~= "scoring" or record.settled then return end
  local settings = self.settings
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
  return own(self.stores.run, find(self, "run", id, "Scenario run"))
end

local function retrieve_run(self, _, id)
  local record = owned_run(self, id)
  look_at_run(self, record)
  return ok(run_text(record))
end

local function score_run(self, _, id)
  local record = owned_run(self, id)
  local state = record.fields.state
  if state ~= "scoring" then
    expect(state == "running" or state == "scored", ("Scenario run in state %s cannot be scored."):format(state))
    record.looks, record.settled, record.scoring_since = 0, false, self:now()
    record.fields.scoring_contract_result = nil
    set_run_state(self, record, "scoring")
  end
  return ok(run_text(record))
end

local function end_run(self, record, state)
  if record.fields.state ~= state then
    set_run_state(self, record, state)
    local box = self.stores.devbox.by_id[record.fields.devbox_id]
    if box then set_devbox_status(self, own(self.stores.devbox, box), "shutdown") end
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

local function cancel_run(self, _, id)
  local record = owned_run(self, id)
  local state = record.fields.state
  expect(state == "running" or state == "scoring" or state == "scored" or state == "canceled",
    ("Scenario run in state %s cannot be canceled."):format(state))
  return end_run(self, record, "canceled")
end

local LOG_BLOCK = ("2026-01-01T00:00:00.000Z INFO  agent \"step\" done\ttokens=512 ✓\n"):rep(16384)

local function download_logs(self, _, id)
  local record = find(self, "run", id, "Scenario run")
  local files = {
    { id .. "/scenario.log", "started\nscored\n" },
    { id .. "/devbox/stdout.log", "hello from " .. record.fields.devbox_id .. "\n" },
    { id .. "/empty.log", "" },
  }
  for i = 1, math.ceil(self.settings.logs_bytes / #LOG_BLOCK) do
    files[#files + 1] = { ("%s/agent-%04d.log"):format(id, i), LOG_BLOCK }
  end
  local pieces, length = zip.pieces(files)
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
  local match = matcher(query, function(record) return record.fields.name end)
  return list_page(self.stores.run, query, "runs", run_text, function(record)
    for _, name in ipairs { "scenario_id", "benchmark_run_id", "state" } do
      local wanted = query[name]
      if wanted and wanted ~= "" and record.fields[name] ~= wanted then return false end
    end
    return match(record)
  end)
end

local SCORER = names "type bash_script"

local function check_scorer(self, value, own_id)
  for name in pairs(value) do expect(type(value[name]) == "string" and value[name] ~= "", name .. " must be a string") end
  for _, other in ipairs(self.stores.scorer.list) do
    expect(other.id == own_id or other.fields.type ~= value.type, "Custom scorer type already exists.")
  end
end

local function create_scorer(self, request)
  local value = members(request, SCORER)
  check_scorer(self, value)
  expect(value.type and value.bash_script, "type and bash_script are required")
  local id = new_id(self, "scs_")
  value.id = id
  return ok(scorer_text(store_add(self.stores.scorer, { id = id, fields = value })))
end

local function update_scorer(self, request, id)
  local record = own(self.stores.scorer, find(self, "scorer", id, "Scorer"))
  local value = members(request, SCORER)
  check_scorer(self, value, id)
  for name, v in pairs(value) do record.fields[name] = v end
  record.text = nil
  return ok(scorer_text(record))
end

local function list_scorers(self, request)
  local match = matcher(request.query, function(record) return record.fields.type end)
  return list_page(self.stores.scorer, request.query, "scorers", scorer_text, match)
end

local function retrieve(kind, label)
  return function(self, _, id)
    return ok(TEXTS[kind](find(self, kind, id, label)))
  end
end

-- The first row that fits is taken: fixed paths stand before those with an id.
local ROUTES = {
  { "GET", "/v1/scenarios", list_scenarios },
  { "POST", "/v1/scenarios", create_scenario },
  { "GET", "/v1/scenarios/list_public", list_public },
  { "POST", "/v1/scenarios/start_run", start_run },
  { "GET", "/v1/scenarios/runs", list_runs },
  { "GET", "/v1/scenarios/runs/{id}", retrieve_run },
  { "POST", "/v1/scenarios/runs/{id}/score", score_run },
  { "POST", "/v1/scenarios/runs/{id}/complete", complete_run },
  { "POST", "/v1/scenarios/runs/{id}/cancel", cancel_run },
  { "POST", "/v1/scenarios/runs/{id}/download_logs", download_logs },
  { "GET", "/v1/scenarios/scorers", list_scorers },
  { "POST", "/v1/scenarios/scorers", create_scorer },
  { "GET", "/v1/scenarios/scorers/{id}", retrieve("scorer", "Scorer") },
  { "POST", "/v1/scenarios/scorers/{id}", update_scorer },
  { "GET", "/v1/scenarios/{id}", function(self, _, id) return ok(scenario_text(find_scenario(self, id))) end },
  { "POST", "/v1/scenarios/{id}", update_scenario },
  { "POST", "/v1/scenarios/{id}/archive", set_status("archived", "archive") },
  { "POST", "/v1/scenarios/{id}/unarchive", set_status("active", "unarchive") },
  { "GET", "/v1/devboxes/{id}", retrieve_devbox },
  { "POST", "/v1/devboxes/{id}/wait_for_status", wait_for_status },
  { "POST", "/v1/devboxes/{id}/shutdown", shutdown_devbox },
  { "GET", "/v1/accounts/me", function() return ok('{"id":"acc_1","name":"Ada","email":null}') end },
  { "DELETE", "/v1/axons/{id}", function() return { status = 204, headers = {}, body = "" } end },
}
for _, route in ipairs(ROUTES) do
  route.pattern = "^" .. route[2]:gsub("{id}", "([^/]+)") .. "$"
end

local function dispatch(self, request)
  if request.header["authorization"] ~= "Bearer " .. self.settings.token then
    refuse(401, "Invalid or missing API key.")
  end
  local method = request.method == "HEAD" and "GET" or request.method
  for _, route in ipairs(ROUTES) do
    local id = route[1] == method and request.raw_path:match(route.pattern)
    if id then
      local kind = (request.header["content-type"] or ""):lower()
      if request.body ~= "" and not kind:find("^application/json") then
        refuse(415, "Content-Type must be application/json")
      end
      return route[3](self, request, http.percent_decode(id))
    end
  end
  refuse(404, ("No such endpoint: %s %s"):format(request.method, request.path))
end

--- The answer { status, headers, body | pieces, length } to a request. May yield to the loop.
function api:handle(request)
  local done, answer = pcall(dispatch, self, request)
  if done then return answer end
  if type(answer) == "table" then return error_answer(answer) end
  io.stderr:write("stand-in: ", tostring(answer), "\n")
  return error_answer { status = 500, message = "stand-in failed: " .. tostring(answer) }
end

--- The ids of a kind in list order; "archived" are the scenarios that left the list.
function api:ids(kind)
  local store = self.stores[kind == "archived" and "scenario" or kind]
  assert(store, "no such kind: " .. tostring(kind))
  local status = ({ scenario = "active", archived = "archived" })[kind]
  local ids = {}
  for _, record in ipairs(store.list) do
    if not status or record.status == status then ids[#ids + 1] = record.id end
  end
  return ids
end

--- The JSON text of a thing as it is now (not a look at it), or nil.
function api:text(kind, id)
  local record = self.stores[kind == "archived" and "scenario" or kind].by_id[id]
  return record and TEXTS[kind == "archived" and "scenario" or kind](record)
end

return api
