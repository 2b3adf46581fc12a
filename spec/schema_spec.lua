local json = require "runloop.json"
local portable = require "spec.support.portable"
local schema = require "runloop.schema"
local shapes = require("runloop.api.scenarios").shapes
local run_shapes = require("runloop.api.scenarios.runs").shapes

local null = json.null

local function sorted(value) return json.encode(value, { sort_keys = true }) end

local function raises(message, fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok, "raised nothing: " .. message)
  assert.equal(message, (err:gsub("^[^:]+:%d+: ", "")))
end

local function scenario(over)
  local params = {
    name = "s",
    input_context = { problem_statement = "fix it" },
    scoring_contract = {
      scoring_function_parameters = {
        { name = "tests", weight = 1, scorer = { type = "command_scorer", command = "make test" } },
      },
    },
  }
  for name, value in pairs(over or {}) do
    params[name] = value
  end
  return params
end

local function create(params)
  return schema.check(shapes.ScenarioCreateParameters, params, "scenarios:create")
end

local function start_run(profile)
  return schema.check(shapes.StartScenarioRunParameters, { scenario_id = "scn_1", runProfile = profile },
    "scenarios:start_run").runProfile
end

describe("checking parameters", function()
  it("gives a table of its own and leaves the caller's as it is", function()
    local params = scenario { metadata = { a = "b" }, required_secret_names = { "X" } }
    local text = sorted(params)
    local wire = create(params)
    assert.same(params, wire)
    wire.metadata.a = "c"
    wire.required_secret_names[1] = "Y"
    wire.scoring_contract.scoring_function_parameters[1].scorer.command = "other"
    assert.equal(text, sorted(params))
    assert.is_nil(getmetatable(params.required_secret_names))
  end)

  it("names the nearest parameter for one that nobody knows", function()
    raises("scenarios:create: unknown parameter 'metdata' (did you mean 'metadata'?)", create,
      scenario { metdata = {} })
    raises("scenarios:create: unknown parameter 'scorerTimeoutSec' (did you mean 'scorer_timeout_sec'?)", create,
      scenario { scorerTimeoutSec = 1 })
    raises("scenarios:create: unknown parameter 'input_context.problemstatement' "
      .. "(did you mean 'problem_statement'?)", create, scenario { input_context = { problemstatement = "x" } })
    raises("scenarios:create: unknown parameter 'frobnicate'", create, scenario { frobnicate = 1 })
  end)

  it("names what is missing", function()
    raises("scenarios:create: parameter 'input_context' is required", create, nil)
    raises("scenarios:create: parameter 'input_context.problem_statement' is required", create,
      scenario { input_context = {} })
  end)

  it("names the place of a wrong type, and what it got", function()
    local params = scenario()
    params.scoring_contract.scoring_function_parameters[1].weight = "1"
    raises("scenarios:create: parameter 'scoring_contract.scoring_function_parameters[1].weight' "
      .. "must be a number, got string (tonumber makes it a number)", create, params)
    raises("scenarios:create: parameter 'name' must be a string, got number", create, scenario { name = 1 })
    raises("scenarios:create: parameter 'metadata' must be a table of strings, got string", create,
      scenario { metadata = "x" })
    raises("scenarios:create: parameter 'metadata.a' must be a string, got boolean", create,
      scenario { metadata = { a = true } })
    raises("scenarios:create: parameter 'metadata' must have strings as keys, got 1", create,
      scenario { metadata = { "a" } })
    raises("scenarios:create: parameter 'required_secret_names' must be a list, got string", create,
      scenario { required_secret_names = "X" })
    raises("scenarios:create: parameter 'required_secret_names' must be a list, but is a list with holes", create,
      scenario { required_secret_names = { "X", nil, "Y" } })
    raises("scenarios:create: parameter 'required_secret_names' must be a list, but has names where a list has none",
      create, scenario { required_secret_names = { X = "Y" } })
    raises("scenarios:create: parameter 'scorer_timeout_sec' must be an integer, got 1.5", create,
      scenario { scorer_timeout_sec = 1.5 })
    raises("scenarios:create: parameter 'scorer_timeout_sec' must be an integer, got string (tonumber makes it a number)",
      create, scenario { scorer_timeout_sec = "1" })
    raises("scenarios:create: parameters must be a table, got string", create, "s")
    raises("scenarios:create: parameters must have names as keys, got 1", create, { "s" })
  end)

  it("blames the line outside of the module", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local _, err = pcall(function() schema.check(shapes.ScenarioCreateParameters, {}, "scenarios:create") end)
    assert.equal(line, tonumber(err:match(":(%d+): ")))
  end)

  it("refuses numbers that JSON cannot hold", function()
    for _, weight in ipairs { 0 / 0, math.huge, -math.huge } do
      local params = scenario()
      params.scoring_contract.scoring_function_parameters[1].weight = weight
      raises("scenarios:create: parameter 'scoring_contract.scoring_function_parameters[1].weight' "
        .. "must be a finite number", create, params)
    end
  end)

  it("sends whole floats as integers where the API wants integers", function()
    local wire = create(scenario { scorer_timeout_sec = 60.0 })
    assert.equal("integer", portable.math_type(wire.scorer_timeout_sec))
    assert.equal("float", portable.math_type(start_run { launchParameters = { custom_cpu_cores = 0.5 } }.launchParameters
      .custom_cpu_cores))
  end)

  it("checks enumerations, with the nearest value", function()
    raises("scenarios:create: parameter 'validation_type' must be one of UNSPECIFIED, FORWARD, REVERSE, EVALUATION, "
      .. "got \"forwards\" (did you mean 'FORWARD'?)", create, scenario { validation_type = "forwards" })
    assert.equal("REVERSE", create(scenario { validation_type = "REVERSE" }).validation_type)
    raises("scenarios:start_run: parameter 'runProfile.launchParameters.architecture' must be one of x86_64, arm64, "
      .. 'got "sparc"', start_run, { launchParameters = { architecture = "sparc" } })
  end)

  it("keeps a value that it shows short and on one line", function()
    local ok, err = pcall(create, scenario { validation_type = "a\n" .. ("b"):rep(1000) })
    assert.is_false(ok)
    assert.is_nil(err:find "\n")
    assert.is_true(#err < 300)
  end)

  it("takes null for whatever may be left out, and for nothing else", function()
    local wire = create(scenario { metadata = null, environment_parameters = null })
    assert.equal(null, wire.metadata)
    assert.truthy(json.encode(wire):find('"metadata":null', 1, true))
    raises("scenarios:create: parameter 'name' must be a string, got null", create, scenario { name = null })
  end)

  it("sends an empty list as [] and an empty object as {}", function()
    local text = sorted(schema.check(shapes.ScenarioUpdateParameters, {
      metadata = {}, required_secret_names = {}, required_environment_variables = {}, environment_parameters = {},
      scoring_contract = { scoring_function_parameters = {} }, reference_output = "", validation_type = "",
    }, "scenarios:update"))
    assert.equal('{"environment_parameters":{},"metadata":{},"reference_output":"",'
      .. '"required_environment_variables":[],"required_secret_names":[],'
      .. '"scoring_contract":{"scoring_function_parameters":[]},"validation_type":""}', text)
    assert.equal("{}", json.encode(schema.check(shapes.ScenarioUpdateParameters, nil, "scenarios:update")))
  end)

  it("takes an object that was decoded from [] as an empty one", function()
    assert.equal("{}", json.encode(create(scenario { metadata = json.array() }).metadata))
  end)

  it("lets any JSON pass where the API takes any", function()
    local context = { a = { 1, { b = null } }, c = {} }
    assert.same(context, create(scenario {
      input_context = { problem_statement = "x", additional_context = context },
    }).input_context.additional_context)
  end)

  it("tells the variants of a union by their type", function()
    local function with(scorer)
      return create(scenario {
        scoring_contract = { scoring_function_parameters = { { name = "a", weight = 1, scorer = scorer } } },
      })
    end
    local at = "scenarios:create: parameter 'scoring_contract.scoring_function_parameters[1].scorer"
    raises(at .. ".type' is required", with, {})
    raises(at .. ".type' must be one of ast_grep_scorer, bash_script_scorer, command_scorer, custom_scorer, "
      .. "python_script_scorer, test_based_scorer, got \"comand_scorer\" (did you mean 'command_scorer'?)", with,
      { type = "comand_scorer" })
    raises(at .. ".type' must be a string, got number", with, { type = 1 })
    raises(at .. "' must be a table, got string", with, "command_scorer")
    raises(at .. ".pattern' is required", with, { type = "ast_grep_scorer", search_directory = "." })
    raises("scenarios:create: unknown parameter 'scoring_contract.scoring_function_parameters[1].scorer.pattern'", with,
      { type = "command_scorer", pattern = "x" })
    raises(at .. ".test_files[2].file_path' must be a string, got number", with,
      { type = "test_based_scorer", test_files = { {}, { file_path = 1 } } })
  end)
end)

describe("names that the API spells in camelCase", function()
  it("may be spelled in snake_case", function()
    local wire = schema.check(shapes.StartScenarioRunParameters, {
      scenario_id = "scn_1", run_profile = { env_vars = { A = "b" }, launch_parameters = { launch_commands = {} } },
    }, "scenarios:start_run")
    assert.equal('{"runProfile":{"envVars":{"A":"b"},"launchParameters":{"launch_commands":[]}},"scenario_id":"scn_1"}',
      sorted(wire))
  end)

  it("are named as they were spelled", function()
    raises("scenarios:start_run: parameter 'runProfile.env_vars.A' must be a string, got number", start_run,
      { env_vars = { A = 1 } })
  end)

  it("may not be spelled in both ways at once", function()
    raises("scenarios:start_run: parameter 'runProfile.env_vars' is given twice, as 'env_vars' and as 'envVars'",
      start_run, { env_vars = {}, envVars = {} })
  end)

  it("are only those that the API spells so", function()
    raises("scenarios:create: unknown parameter 'environment_parameters.launchParameters' "
      .. "(did you mean 'launch_parameters'?)", create, scenario { environment_parameters = { launchParameters = {} } })
  end)
end)

describe("an id", function()
  it("may be given as the thing itself", function()
    local wire = schema.check(shapes.StartScenarioRunParameters, { scenario_id = { id = "scn_1", name = "x" } },
      "scenarios:start_run")
    assert.equal("scn_1", wire.scenario_id)
  end)

  it("is a string that is not empty", function()
    local function start(id)
      return schema.check(shapes.StartScenarioRunParameters, { scenario_id = id }, "scenarios:start_run")
    end
    raises("scenarios:start_run: parameter 'scenario_id' must not be empty", start, "")
    raises("scenarios:start_run: parameter 'scenario_id' must not be empty", start, { id = "" })
    raises("scenarios:start_run: parameter 'scenario_id' must be an id (a string, or a table with one as 'id'), "
      .. "got number", start, 1)
    raises("scenarios:start_run: parameter 'scenario_id' must be an id (a string, or a table with one as 'id'), "
      .. "got table", start, {})
  end)

  it("that stands in a path is not a dot segment either", function()
    assert.equal("scn_1", schema.path_id("scn_1", "scenarios:archive"))
    assert.equal("scn_1", schema.path_id({ id = "scn_1" }, "scenarios:archive"))
    raises("scenarios:archive: 'id' must not be '.'", schema.path_id, ".", "scenarios:archive")
    raises("scenarios:archive: 'id' must not be '..'", schema.path_id, "..", "scenarios:archive")
    raises("scenarios:archive: 'id' must not be empty", schema.path_id, "", "scenarios:archive")
    raises("scenarios:archive: 'id' must be an id (a string, or a table with one as 'id'), got nil", schema.path_id,
      nil, "scenarios:archive")
  end)

  it("that the API may have null for is sent as null when it is left out", function()
    local mount = start_run { mounts = { { type = "agent_mount", agent_name = "a" } } }.mounts[1]
    assert.equal('{"agent_id":null,"agent_name":"a","type":"agent_mount"}', sorted(mount))
  end)
end)

describe("query parameters", function()
  local function list(params)
    return schema.query(shapes.ScenarioListQuery, params, "scenarios:list")
  end

  it("become strings", function()
    assert.same({ limit = "100", name = "", include_total_count = "false", starting_after = "scn_1" },
      list { limit = 100, name = "", include_total_count = false, starting_after = { id = "scn_1" } })
    assert.same({}, list(nil))
  end)

  it("are checked like other parameters", function()
    raises("scenarios:list: unknown parameter 'benchmrk_id' (did you mean 'benchmark_id'?)", list, { benchmrk_id = "x" })
    raises("scenarios:list: parameter 'limit' must be between 1 and 5000, got 0", list, { limit = 0 })
    raises("scenarios:list: parameter 'limit' must be between 1 and 5000, got 5001", list, { limit = 5001 })
    raises("scenarios:list: parameter 'limit' must be an integer, got 1.5", list, { limit = 1.5 })
    raises("scenarios:list: parameter 'limit' must be an integer, got string (tonumber makes it a number)", list,
      { limit = "5" })
    raises("scenarios:list: parameter 'limit' must be an integer, got string", list, { limit = "five" })
    raises("scenarios:list: parameter 'include_total_count' must be a boolean, got string", list,
      { include_total_count = "true" })
    raises("scenarios:list: parameter 'name' must be a string, got null", list, { name = null })
    assert.equal("1", list { limit = 1 }.limit)
    assert.equal("5000", list { limit = 5000.0 }.limit)
  end)

  it("let states pass that nobody knows yet", function()
    assert.equal("paused", schema.query(run_shapes.ScenarioRunListQuery, { state = "paused" }, "scenarios.runs:list").state)
  end)

  it("are integers where they are whole, whatever their type in Lua", function()
    assert.same({ a = "2", b = "9007199254740992", c = "-3", d = "0.5", e = "1,2" },
      schema.query(nil, { a = 2.0, b = 9007199254740992.0, c = -3.0, d = 0.5, e = { 1.0, 2 } }, "client:request"))
  end)

  it("that the module does not know may be strings, numbers, booleans and lists of these", function()
    local large = portable.integers and "9007199254740993" or "9007199254740992"
    assert.same({ a = "1,x,true", b = "1.5", c = "true", d = "", e = large },
      schema.query(nil, { a = { 1, "x", true }, b = 1.5, c = true, d = {}, e = 9007199254740993 }, "client:request"))
    local wrong = {
      ["query parameter 'a' must be a string, a number, a boolean or a list of these, got null"] = { a = null },
      ["query parameter 'a' must be a string, a number, a boolean or a list of these, got table"] = { a = { {} } },
      ["query parameter 'a' must be a string, a number, a boolean or a list of these, got function"] = { a = print },
      ["query parameter 'a' must be a list, but has names where a list has none"] = { a = { b = 1 } },
      ["query parameter 'a' must be a list, but is a list with holes"] = { a = { 1, nil, 3 } },
      ["query parameter 'a' must be a finite number"] = { a = math.huge },
      ["query parameters must have names as keys, got 1"] = { "a" },
      ["query parameters must be a table, got string"] = "a=b",
    }
    for message, params in pairs(wrong) do
      raises("client:request: " .. message, schema.query, nil, params, "client:request")
    end
  end)

  it("blame the line outside of the module", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local _, known = pcall(function() schema.query(shapes.ScenarioListQuery, { limit = 0 }, "list") end)
    local _, free = pcall(function() schema.query(nil, { a = print }, "list") end)
    assert.equal(line, tonumber(known:match(":(%d+): ")))
    assert.equal(line + 1, tonumber(free:match(":(%d+): ")))
  end)
end)

describe("options", function()
  local spec = schema.options_of {
    timeout = schema.number { above = 0, default = 30 },
    retries = schema.integer { min = 0 },
    strict = schema.boolean { default = true },
    on_event = schema.callback,
    method = schema.string { pattern = "^%u+$", hint = "be in capitals" },
    extra = schema.table,
  }

  local function options(given)
    return schema.options(spec, given, "runloop.new")
  end

  it("have defaults, which false overrides", function()
    assert.same({ timeout = 30, strict = true }, options(nil))
    assert.same({ timeout = 1, strict = false }, options { timeout = 1, strict = false })
  end)

  it("are named as options when they are wrong", function()
    raises("runloop.new: unknown option 'timout' (did you mean 'timeout'?)", options, { timout = 1 })
    raises("runloop.new: option 'timeout' must be greater than 0, got 0", options, { timeout = 0 })
    raises("runloop.new: option 'timeout' must be a number, got string (tonumber makes it a number)", options,
      { timeout = "1" })
    raises("runloop.new: option 'timeout' must be a number, got null", options, { timeout = null })
    raises("runloop.new: option 'retries' must be at least 0, got -1", options, { retries = -1 })
    raises("runloop.new: option 'on_event' must be a function, got table", options, { on_event = {} })
    raises("runloop.new: option 'extra' must be a table, got number", options, { extra = 1 })
    raises('runloop.new: option \'method\' must be in capitals, got "get"', options, { method = "get" })
    raises("runloop.new: options must be a table, got number", options, 1)
  end)
end)

describe("the nearest name", function()
  local known = { "benchmark_id", "limit", "name", "search", "starting_after" }

  it("is found through letters that are wrong, missing, extra or swapped", function()
    assert.equal("limit", schema.nearest("limti", known))
    assert.equal("limit", schema.nearest("limits", known))
    assert.equal("benchmark_id", schema.nearest("bnchmark_id", known))
    assert.equal("benchmark_id", schema.nearest("BenchmarkID", known))
    assert.equal("starting_after", schema.nearest("starting-after", known))
  end)

  it("is found by a part of it, or as a part of what was given; the shortest where there are several", function()
    local options = { "base_url", "bearer_token", "connect_timeout", "headers", "http_version", "timeout" }
    for given, meant in pairs {
      token = "bearer_token", url = "base_url", default_headers = "headers", http = "http_version",
      timeout_seconds = "timeout", timeo = "timeout", Out = "timeout",
    } do
      assert.equal(meant, schema.nearest(given, options))
    end
    assert.is_nil(schema.nearest("ur", { "name", "current_url" }))
  end)

  it("is found by what others call it", function()
    local options = { "base_url", "bearer_token", "http_version", "max_retries" }
    assert.equal("bearer_token", schema.nearest("api_key", options))
    assert.equal("bearer_token", schema.nearest("apiKey", options))
    assert.equal("http_version", schema.nearest("http2", options))
    assert.is_nil(schema.nearest("api_key", known))
  end)

  it("is none when none is near", function()
    assert.is_nil(schema.nearest("colour", known))
    assert.is_nil(schema.nearest(1, known))
    assert.is_nil(schema.nearest(("limit"):rep(100), known))
    assert.is_nil(schema.nearest("limit", {}))
  end)
end)
