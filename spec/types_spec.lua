-- Holds the annotations and the reference against the API's rows and shapes, the live objects and what the API answers.

local builder = require "runloop.builder"
local generate = require "docs.generate"
local names = require "runloop.api"
local resource = require "runloop.resource"
local runloop = require "runloop"
local schema = require "runloop.schema"
local support = require "spec.support"

local shapes = generate.shapes

-- What the annotations say: classes[name] = { fields = { name = { optional, rest } }, methods = { name = { parameters,
-- types, returns } } }; aliases[name] = { texts }. A class may stand in two files, of which one is generated.
local function read_types(path, classes, aliases)
  local class, alias, by_local, params, returns = nil, nil, {}, {}, {}
  for line in io.lines(path) do
    local name, rest = line:match("^%-%-%-@class ([%w.]+)(.*)$")
    if name then
      class, alias = classes[name] or { fields = {}, methods = {}, parent = rest:match("^: (%S+)") }, nil
      classes[name] = class
    end
    name, rest = line:match("^%-%-%-@alias ([%w.]+)%s*(.*)$")
    if name then
      class, alias = nil, { rest ~= "" and rest or nil }
      aliases[name] = alias
    end
    rest = line:match("^%-%-%-| (.*)$")
    if rest and alias then
      alias[#alias + 1] = rest:match('^"[^"]*"') or rest
    end
    local field, optional, of = line:match("^%-%-%-@field ([%w_]+)(%??) (.*)$")
    if field then
      assert(not class.fields[field], field .. " is there twice")
      class.fields[field] = { optional = optional == "?", rest = of }
    end
    local variable = line:match("^local (%w+) = {}$")
    if variable then
      by_local[variable] = class
    end
    local parameter, may_lack, type_of = line:match("^%-%-%-@param ([%w_.]+)(%??) (.*)$")
    if parameter then
      params[#params + 1] = { name = parameter, optional = may_lack == "?", rest = type_of }
    end
    if line:match("^%-%-%-@return ") then
      returns[#returns + 1] = line:match("^%-%-%-@return (.*)$")
    end
    local owner, method, list = line:match("^function (%w+)[.:]([%w_]+)%((.-)%) end$")
    if owner then
      local methods = by_local[owner].methods
      methods[method] = { list = list, params = params, returns = returns }
      params, returns = {}, {}
    end
  end
end

local FILES = {}
for _, file in ipairs(support.list_dir(support.root .. "/lua/runloop/types")) do
  FILES[#FILES + 1] = support.root .. "/lua/runloop/types/" .. file
end

local classes, aliases = {}, {}
for _, file in ipairs(FILES) do read_types(file, classes, aliases) end

local function sorted(t)
  local list = {}
  for name in pairs(t) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

describe("what is generated", function()
  for path, text in pairs(generate.files) do
    it("is current: " .. path .. " (else: make types)", function()
      local file = assert(io.open(support.root .. "/" .. path, "rb"))
      local written = file:read "a"
      file:close()
      assert.is_true(written == text())
    end)
  end
end)

describe("the annotations", function()
  it("names every type that it uses", function()
    for _, file in ipairs(FILES) do
      for line in io.lines(file) do
        if line:find("^%-%-%-[@|]") then
          for name in line:gmatch("runloop%.%u%w+") do
            assert.truthy(classes[name] or aliases[name], line)
          end
        end
      end
    end
  end)

  it("annotates every parameter of every function under its name", function()
    for class_name, class in pairs(classes) do
      for method, fn in pairs(class.methods) do
        local listed = {}
        for i, param in ipairs(fn.params) do
          listed[i] = param.name
        end
        assert.equal(fn.list, table.concat(listed, ", "), class_name .. ":" .. method)
      end
    end
  end)
end)

describe("the annotations of the builder", function()
  it("are the steps of the scenario builder", function()
    local steps = getmetatable(builder.new("x")).__index
    assert.same(sorted(steps), sorted(classes["runloop.ScenarioBuilder"].methods))
  end)

  local SCORER_STEPS = {
    add_test_command_scorer = "test_based_scorer", add_shell_command_scorer = "command_scorer",
    add_bash_script_scorer = "bash_script_scorer", add_python_script_scorer = "python_script_scorer",
    add_ast_grep_scorer = "ast_grep_scorer", add_custom_scorer = "custom_scorer",
  }
  local PLAIN = { string = "string", number = "number", any = "any", array = "runloop.TestFile[]" }
  it("take the options of the builder's scorers", function()
    for step, scorer_type in pairs(SCORER_STEPS) do
      local class_name = classes["runloop.ScenarioBuilder"].methods[step].params[2].rest
      local fields = { weight = schema.number }
      for name, of in pairs(shapes.ScorerDefinition.variants[scorer_type].fields) do
        fields[name] = of
      end
      fields.type = nil
      local class = assert(classes[class_name], class_name)
      assert.same(sorted(fields), sorted(class.fields))
      for name, of in pairs(fields) do
        assert.equal(PLAIN[of.kind], class.fields[name].rest:match("^%S+"), class_name .. "." .. name)
      end
    end
  end)
end)

local function functions_of(t)
  local found = {}
  for name, value in pairs(t) do
    if type(name) == "string" and type(value) == "function" and name:sub(1, 1) ~= "_" then
      found[name] = true
    end
  end
  return found
end

local function inherited(object)
  local index = getmetatable(object).__index
  return functions_of(type(index) == "table" and index or {})
end

-- The class of a resource in the annotations: scenarios.runs is a runloop.ScenarioRuns.
local function resource_class(name)
  local parent, last = name:match("^(.*)%.([%w_]+)$")
  local kind = parent and resource.class(parent).kind or ""
  return "runloop." .. (("_" .. kind .. "_" .. (last or name)):gsub("_+(%l)", string.upper))
end

describe("live objects", function()
  local client

  setup(function()
    client = runloop.new { bearer_token = "t", base_url = "http://127.0.0.1:9" }
  end)

  teardown(function()
    client:close()
  end)

  it("have the functions of the annotations", function()
    local objects = {
      ["runloop.Pager"] = inherited((client.scenarios:list())),
      ["runloop.Task"] = inherited(client:spawn(function() end)),
      ["runloop.Json"] = functions_of(runloop.json),
      ["runloop"] = functions_of(runloop),
    }
    for class_name, functions in pairs(objects) do
      assert.same(sorted(classes[class_name].methods), sorted(functions), class_name)
    end
    for name in pairs(classes["runloop.Client"].methods) do
      assert.equal("function", type(client[name]), name)
    end
  end)

  for _, name in ipairs(names) do
    it("have the calls and methods of " .. name .. " that are annotated, and no others", function()
      local class = resource.class(name)
      local annotated = classes[resource_class(name)]
      assert.same(sorted(annotated.methods), sorted(functions_of(class.methods)))
      local bound = client
      for part in name:gmatch "[%w_]+" do bound = bound[part] end
      for child in pairs(annotated.fields) do
        assert.equal("table", type(bound[child]))
      end
      local thing = class.definition.thing
      for thing_name, shape in pairs(thing and shapes or {}) do
        if rawget(class.definition.shapes, thing_name) == thing then
          assert.truthy(shape)
          assert.same(sorted(classes["runloop." .. thing_name].methods), sorted(class.thing_methods))
        end
      end
    end)
  end

  it("raise for a method that nobody knows, with the nearest name; names that begin with _ are nil", function()
    for _, case in ipairs {
      { client, "devboxs", "client has no method 'devboxs' (did you mean 'devboxes'?)" },
      { client, "run_all", "client has no method 'run_all'" },
      { client.scenarios, "retreive", "scenarios has no method 'retreive' (did you mean 'retrieve'?)" },
      { client.scenarios.runs, "run", "scenarios.runs has no method 'run'" },
      { runloop.scenario "x", "add_bash_scorer", "builder has no method 'add_bash_scorer'" },
    } do
      local ok, err = pcall(function() return case[1][case[2]] end)
      assert.is_false(ok)
      assert.truthy(err:find("types_spec.lua:%d+: "), err)
      assert.truthy(err:find(case[3], 1, true), err)
      assert.is_nil(case[1]["_" .. case[2]])
    end
  end)

  it("take the options of the annotations", function()
    for name in pairs(classes["runloop.ClientOptions"].fields) do
      local _, err = pcall(runloop.new, { [name] = coroutine.create(print) })
      assert.is_nil(tostring(err):find("unknown", 1, true), name .. ": " .. tostring(err))
    end
    assert.same(sorted(resource.CALL_OPTIONS.fields), sorted(classes["runloop.CallOptions"].fields))
    assert.same(sorted(resource.AWAIT_OPTIONS.fields), sorted(classes["runloop.AwaitOptions"].fields))
    for name in pairs(classes["runloop.MapOptions"].fields) do
      local _, err = pcall(client.map, client, {}, print, { [name] = coroutine.create(print) })
      assert.is_nil(tostring(err):find("unknown", 1, true), name .. ": " .. tostring(err))
    end
    for name in pairs(classes["runloop.RequestFields"].fields) do
      local _, err = pcall(client.request, client, { [name] = coroutine.create(print) })
      assert.is_nil(tostring(err):find("unknown", 1, true), name .. ": " .. tostring(err))
    end
  end)
end)

describe("what the API answers", function()
  local server, client

  setup(function()
    server = support.start { scenarios = 30 }
    client = server:client {}
  end)

  teardown(function()
    client:close()
    server:stop()
  end)

  -- Without what the stand-in sends from the future: a field and a scorer that nobody knows yet.
  local function of_today(value)
    if type(value) ~= "table" then
      return value
    end
    local copy = setmetatable({}, getmetatable(value))
    for k, v in pairs(value) do
      if k ~= "x_future_field" and not (type(v) == "table" and rawget(v, "scorer") and v.scorer.type == "quantum_scorer")
      then
        copy[type(k) == "number" and #copy + 1 or k] = of_today(v)
      end
    end
    return copy
  end

  -- Unknown fields, missing ones and wrong types raise.
  local function is_a(name, thing)
    schema.check(shapes[name], of_today(thing), name)
  end

  local keep = { nulls = "keep" }

  it("is a Scenario, as the shapes have it #slow", function()
    for _, options in ipairs { {}, keep } do
      for scenario in client.scenarios:list({ limit = 30 }, options) do
        is_a("Scenario", scenario)
      end
      for scenario in client.scenarios:list_public({}, options) do
        is_a("Scenario", scenario)
      end
    end
    local scenario = assert(client.scenarios:retrieve(server:ids("scenario")[1]))
    is_a("Scenario", assert(scenario:archive()))
    assert.equal("archived", scenario.status)
  end)

  it("is a ScenarioRun, as the shapes have it", function()
    for run in client.scenarios.runs:list({}, keep) do
      is_a("ScenarioRun", run)
    end
    local run = assert(client.scenarios:start_run { scenario_id = server:ids("scenario")[2] })
    is_a("ScenarioRun", run)
    is_a("Devbox", assert(client.devboxes:await_running(run.devbox_id, { interval = 0.01 })))
    is_a("ScenarioRun", assert(run:score_and_await { interval = 0.01 }))
    is_a("ScoringContractResult", run.scoring_contract_result)
  end)

  it("is a Scorer, as the shapes have it", function()
    for scorer in client.scenarios.scorers:list({}, keep) do
      is_a("Scorer", scorer)
    end
    local scorer = assert(client.scenarios.scorers:create { type = "mine", bash_script = "echo score=1" })
    is_a("Scorer", scorer)
  end)

  it("is what the shapes say of all else that the stand-in has #slow", function()
    local function check(name, ...) is_a(name, (assert(...))) end
    local devboxes, quick = client.devboxes, { interval = 0 }
    local blueprint = assert(client.blueprints:create_and_await_build_complete({ name = "b", metadata = { a = "b" } }, quick))
    is_a("Blueprint", blueprint)
    check("BlueprintBuildLogs", blueprint:logs())
    check("BlueprintPreview", client.blueprints:preview { name = "b" })
    local devbox = assert(devboxes:create_and_await_running({
      blueprint_id = blueprint, metadata = { a = "b" }, name = "d", tunnel = { auth_mode = "authenticated" },
    }, quick))
    is_a("Devbox", devbox)
    check("DevboxResourceUsage", devbox:usage())
    check("DevboxLogsList", devbox:logs())
    check("SshKey", devbox:create_ssh_key())
    local tunnel = assert(devboxes:create_pty_tunnel(devbox))
    is_a("PtyTunnel", tunnel)
    check("ExecutionDetail", devboxes:execute_sync(devbox, { command = "echo hello" }))
    local execution = assert(devbox:exec_async("cat", { attach_stdin = true }))
    is_a("Execution", execution)
    check("SendStdInResult", execution:send_std_in { signal = "EOF" })
    check("Execution", execution:await_completed(quick))
    local snapshot = assert(devbox:snapshot_disk { name = "s" })
    is_a("Snapshot", snapshot)
    check("SnapshotAsyncStatus", devboxes.disk_snapshots:query_status(snapshot))
    check("Snapshot", snapshot:refresh())
    check("Object", client.objects:create { name = "o", content_type = "text", metadata = { a = "b" } })
    check("Agent", client.agents:create { name = "a", source = { type = "pip", pip = { package_name = "p" } } })
    check("AgentDevboxCounts", client.agents:devbox_counts())
    local axon = assert(client.axons:create { name = "x", metadata = { a = "b" } })
    is_a("Axon", axon)
    check("AxonPublishResult", axon:publish { event_type = "t", origin = "USER_EVENT", payload = "{}", source = "s" })
    check("AxonEventList", client.axons.events:list(axon))
    check("Secret", client.secrets:create { name = "S", value = "v" })
    check("SecretList", client.secrets:list())
    check("NetworkPolicy", client.network_policies:create {
      name = "n", allowed_cidrs = { { cidr = "10.0.0.0/8", ports = { { port = 80, protocol = "TCP" } } } },
    })
    local gateway = {
      name = "g", endpoint = "https://x.example", auth_mechanism = { type = "bearer" },
      custom_headers = { { name = "x-a", value = "v" } },
    }
    check("GatewayConfig", client.gateway_configs:create(gateway))
    check("GatewayToken", devboxes:create_gateway_token(devbox, { gateway = "g", secret = "S" }))
    gateway.name, gateway.allowed_tools = "m", { "*" }
    check("McpConfig", client.mcp_configs:create(gateway))
    check("McpToken", devboxes:create_mcp_token(devbox, { mcp_config = "m", secret = "S" }))
    local scenario = server:ids("scenario")[1]
    local benchmark = assert(client.benchmarks:create { name = "b", scenario_ids = { scenario }, metadata = { a = "b" } })
    is_a("Benchmark", benchmark)
    check("BenchmarkRun", benchmark:start_run { run_name = "r" })
    local job = assert(client.benchmark_jobs:create { name = "j", spec = {
      type = "benchmark", benchmark_id = benchmark, agent_configs = { { type = "job_agent", name = "codex" } },
    } })
    is_a("BenchmarkJob", job)
    check("BenchmarkJob", job:await_completed(quick))
    check("Account", client.accounts:me())
    check("ApiKey", client.apikeys:create { name = "k" })
    check("RestrictedKey", client.restricted_keys:create {
      scopes = { { access_level = "ACCESS_LEVEL_READ", resource_type = "RESOURCE_TYPE_DEVBOXES" } },
    })
    for page in client.devboxes:list({}, keep):pages() do
      for _, item in ipairs(page.devboxes) do is_a("Devbox", item) end
    end
  end)

  it("comes with a Response as the annotations have it", function()
    local _, response = assert(client.scenarios:retrieve(server:ids("scenario")[1]))
    for name, field in pairs(classes["runloop.Response"].fields) do
      assert.is_true(field.optional or response[name] ~= nil, name)
    end
    for name in pairs(response) do
      assert.truthy(classes["runloop.Response"].fields[name], name)
    end
  end)

  it("or with an Error as the annotations have it", function()
    local value, err = client.scenarios:retrieve("scn_none")
    assert.is_nil(value)
    for name, field in pairs(classes["runloop.Error"].fields) do
      assert.is_true(field.optional or err[name] ~= nil, name)
    end
    for name in pairs(err) do
      assert.truthy(classes["runloop.Error"].fields[name], name)
    end
  end)

  it("and is told by Events as the annotations have them", function()
    local events = {}
    local watched = server:client { on_event = function(event) events[#events + 1] = event end }
    server:fault { status = 503, times = 1 }
    assert(watched.scenarios:retrieve(server:ids("scenario")[1]))
    watched:close()
    assert.is_true(#events >= 4)
    for _, event in ipairs(events) do
      for name in pairs(event) do
        assert.truthy(classes["runloop.Event"].fields[name], event.type .. "." .. name)
      end
      for name, field in pairs(classes["runloop.Event"].fields) do
        assert.is_true(field.optional or event[name] ~= nil, event.type .. "." .. name)
      end
    end
  end)

  it("counts in Stats and names Descriptors as the annotations have them", function()
    assert.same(sorted(classes["runloop.Stats"].fields), sorted(client:stats()))
    for _, descriptor in ipairs(client:fds()) do
      assert.same(sorted(classes["runloop.Descriptor"].fields), sorted(descriptor))
    end
  end)
end)
