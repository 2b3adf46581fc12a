local builder = require "runloop.builder"
local json = require "runloop.json"
local schema = require "runloop.schema"
local shapes = require("runloop.api.scenarios").shapes

local function ready()
  return builder.new("fix-it"):with_problem_statement("Fix it."):add_shell_command_scorer("tests", { command = "make" })
end

-- The message must also blame a line of `fn`.
local function raises(message, fn)
  local ok, err = pcall(fn)
  assert.is_false(ok, "raised nothing: " .. message)
  local file, line, rest = err:match("^(.-):(%d+): (.*)$")
  assert.equal(message, rest)
  local where = debug.getinfo(fn, "S")
  assert.equal(where.short_src, file)
  assert.is_true(tonumber(line) >= where.linedefined and tonumber(line) <= where.lastlinedefined, err)
end

describe("the scenario builder", function()
  it("builds the least that a scenario needs, and no more", function()
    assert.same({
      name = "fix-it",
      input_context = { problem_statement = "Fix it." },
      scoring_contract = {
        scoring_function_parameters = {
          { name = "tests", weight = 1, scorer = { type = "command_scorer", command = "make" } },
        },
      },
    }, ready():build())
  end)

  it("takes every step, in any order", function()
    local built = builder.new("all")
      :with_validation_type("FORWARD")
      :with_required_secrets({ "TOKEN" })
      :with_required_env_vars({ "HOME" })
      :with_reference_output("diff")
      :with_metadata({ team = "a" })
      :add_custom_scorer("custom", { custom_scorer_type = "mine", scorer_params = { depth = 1 } })
      :add_ast_grep_scorer("ast", { pattern = "$A", lang = "python" })
      :add_python_script_scorer("python", {
        python_script = "print(1)", requirements_contents = "x", python_version_constraint = ">=3.9",
      })
      :add_bash_script_scorer("bash", { bash_script = "echo score=1" })
      :add_shell_command_scorer("shell", { command = "true" })
      :add_test_command_scorer("test", {
        test_command = "pytest", test_files = { { file_path = "t.py", file_contents = "x" } },
      })
      :with_additional_context({ hint = { "a" } })
      :with_problem_statement("Do it.")
      :with_launch_parameters({ resource_size_request = "LARGE" })
      :with_scorer_timeout(60)
      :with_working_directory("/app")
      :from_blueprint("bpt_1")
      :build()
    assert.same({
      blueprint_id = "bpt_1", working_directory = "/app", launch_parameters = { resource_size_request = "LARGE" },
    }, built.environment_parameters)
    assert.same({ problem_statement = "Do it.", additional_context = { hint = { "a" } } }, built.input_context)
    assert.same({ team = "a" }, built.metadata)
    assert.equal("diff", built.reference_output)
    assert.same({ "HOME" }, built.required_environment_variables)
    assert.same({ "TOKEN" }, built.required_secret_names)
    assert.equal("FORWARD", built.validation_type)
    assert.equal(60, built.scorer_timeout_sec)
    local scorers = {}
    for i, fn in ipairs(built.scoring_contract.scoring_function_parameters) do
      scorers[i] = fn.name .. " " .. json.encode(fn.scorer, { sort_keys = true })
    end
    assert.same({
      'custom {"custom_scorer_type":"mine","scorer_params":{"depth":1},"type":"custom_scorer"}',
      'ast {"lang":"python","pattern":"$A","search_directory":".","type":"ast_grep_scorer"}',
      'python {"python_script":"print(1)","python_version_constraint":">=3.9","requirements_contents":"x",'
        .. '"type":"python_script_scorer"}',
      'bash {"bash_script":"echo score=1","type":"bash_script_scorer"}',
      'shell {"command":"true","type":"command_scorer"}',
      'test {"test_command":"pytest","test_files":[{"file_contents":"x","file_path":"t.py"}],'
        .. '"type":"test_based_scorer"}',
    }, scorers)
    assert.has_no_error(function() schema.check(shapes.ScenarioCreateParameters, built, "scenarios:create") end)
  end)

  it("scales the weights to a sum of 1", function()
    local functions = ready():add_bash_script_scorer("b", { bash_script = "x", weight = 2 })
      :add_bash_script_scorer("c", { bash_script = "x", weight = 5 }):build().scoring_contract
      .scoring_function_parameters
    assert.same({ 0.125, 0.25, 0.625 }, { functions[1].weight, functions[2].weight, functions[3].weight })
  end)

  it("scales weights whose sum is out of range", function()
    local functions = builder.new("s"):with_problem_statement("x")
      :add_bash_script_scorer("a", { bash_script = "x", weight = 1.5e308 })
      :add_bash_script_scorer("b", { bash_script = "x", weight = 1.5e308 }):build().scoring_contract
      .scoring_function_parameters
    assert.equal(0.5, functions[1].weight)
    assert.equal(0.5, functions[2].weight)
  end)

  it("starts from the blueprint or the snapshot that was named last", function()
    assert.same({ snapshot_id = "snp_1" },
      ready():from_blueprint("bpt_1"):from_snapshot("snp_1"):build().environment_parameters)
    assert.same({ blueprint_id = "bpt_1" },
      ready():from_snapshot("snp_1"):from_blueprint({ id = "bpt_1" }):build().environment_parameters)
  end)

  it("keeps what was built apart from the builder and from the caller's tables", function()
    local metadata, context = { a = "1" }, { list = { 1 } }
    local steps = ready():with_metadata(metadata):with_additional_context(context)
    local first = steps:build()
    metadata.a = "2"
    first.input_context.additional_context.list[1] = 2
    first.scoring_contract.scoring_function_parameters[1].weight = 7
    steps:with_metadata { b = "3" }
    assert.same({ a = "1" }, first.metadata)
    assert.same({ list = { 1 } }, context)
    assert.same({ b = "3" }, steps:build().metadata)
    assert.equal(1, steps:build().scoring_contract.scoring_function_parameters[1].weight)
  end)

  it("sends empty lists as [] and empty tables as {}", function()
    local text = json.encode(ready():with_metadata({}):with_required_secrets({}):build())
    assert.truthy(text:find('"metadata":{}', 1, true))
    assert.truthy(text:find('"required_secret_names":[]', 1, true))
  end)

  it("keeps what it was given as that was then", function()
    local context, params = { list = { 1 }, empty = json.array() }, { depth = { 1 } }
    local steps = ready():with_additional_context(context)
      :add_custom_scorer("custom", { custom_scorer_type = "mine", scorer_params = params })
    context.list[2], context.new = print, true
    params.depth[1] = 2
    local built = steps:build()
    assert.equal('{"empty":[],"list":[1]}', json.encode(built.input_context.additional_context, { sort_keys = true }))
    local scorer = built.scoring_contract.scoring_function_parameters[2].scorer
    assert.same({ depth = { 1 } }, scorer.scorer_params)
  end)

  it("takes any value that JSON can hold as context, and refuses others at once", function()
    for _, value in ipairs { "text", 1.5, false, json.null, setmetatable({ a = 1 }, { __metatable = "locked" }) } do
      assert.equal(json.encode(value), json.encode(ready():with_additional_context(value):build()
        .input_context.additional_context))
    end
    local knot = {}
    knot.self = knot
    local steps = ready()
    raises("builder:with_additional_context: argument 'context' is required",
      function() steps:with_additional_context(nil) end)
    raises("builder:with_additional_context: context: 'self' contains itself",
      function() steps:with_additional_context(knot) end)
    raises("builder:with_additional_context: context: 'a[2]' is a function, which JSON cannot hold",
      function() steps:with_additional_context { a = { 1, print } } end)
    raises("builder:add_custom_scorer: scorer_params: the value is not finite, which JSON cannot hold",
      function() steps:add_custom_scorer("a", { custom_scorer_type = "mine", scorer_params = 0 / 0 }) end)
    assert.same(ready():build(), steps:build())
  end)

  it("refuses to build without a problem statement or a scorer", function()
    raises("builder:build: a problem statement is required; call with_problem_statement first", function()
      builder.new("x"):add_shell_command_scorer("a", { command = "x" }):build() end)
    raises("builder:build: a scorer is required; call add_test_command_scorer or another add_..._scorer first",
      function() builder.new("x"):with_problem_statement("y"):build() end)
  end)

  it("refuses bad steps at once, at the caller's line", function()
    local steps = ready()
    raises("runloop.scenario: argument 'name' is required", function() builder.new() end)
    raises('runloop.scenario: argument \'name\' must not be blank, got " "', function() builder.new(" ") end)
    raises("builder:with_problem_statement: argument 'statement' is required",
      function() steps:with_problem_statement() end)
    raises('builder:with_problem_statement: argument \'statement\' must not be blank, got ""',
      function() steps:with_problem_statement("") end)
    raises("builder:from_blueprint: argument 'blueprint' must not be empty", function() steps:from_blueprint("") end)
    raises("builder:with_metadata: argument 'metadata.a' must be a string, got number",
      function() steps:with_metadata { a = 1 } end)
    raises("builder:with_required_secrets: argument 'names' must be a list, got string",
      function() steps:with_required_secrets("X") end)
    raises("builder:with_validation_type: argument 'validation_type' must be one of UNSPECIFIED, FORWARD, REVERSE, "
      .. 'EVALUATION, got "SIDEWAYS"', function() steps:with_validation_type("SIDEWAYS") end)
    raises("builder:with_scorer_timeout: argument 'seconds' must be at least 1, got 0",
      function() steps:with_scorer_timeout(0) end)
    raises("builder:add_shell_command_scorer: argument 'name' is required",
      function() steps:add_shell_command_scorer(nil, { command = "x" }) end)
    raises("builder:add_shell_command_scorer: option 'command' is required",
      function() steps:add_shell_command_scorer("a") end)
    raises("builder:add_shell_command_scorer: unknown option 'comand' (did you mean 'command'?)",
      function() steps:add_shell_command_scorer("a", { comand = "x" }) end)
    raises("builder:add_test_command_scorer: option 'test_files[1].file_path' must be a string, got number",
      function() steps:add_test_command_scorer("a", { test_command = "x", test_files = { { file_path = 1 } } }) end)
    raises("builder:push: argument 'client' must be a client, got nil", function() steps:push() end)
  end)

  it("says how a step is to be called when the colon is forgotten", function()
    local steps = ready()
    for _, name in ipairs { "with_metadata", "from_blueprint", "add_shell_command_scorer", "build", "push" } do
      raises("builder:" .. name .. ": call it with a colon", function() steps[name] { a = "1" } end)
      raises("builder:" .. name .. ": call it with a colon", function() steps[name]() end)
    end
  end)

  it("refuses weights that are not finite and above 0", function()
    for _, weight in ipairs { 0, -1, 0 / 0, math.huge, -math.huge, "1" } do
      local ok, err = pcall(function() ready():add_shell_command_scorer("a", { command = "x", weight = weight }) end)
      assert.is_false(ok)
      assert.truthy(err:find("option 'weight' must be", 1, true), err)
    end
  end)

  it("is not changed by a step that was refused", function()
    local steps = ready()
    local before = json.encode(steps:build(), { sort_keys = true })
    pcall(steps.add_shell_command_scorer, steps, "a", { command = "x", weight = 0 })
    pcall(steps.with_metadata, steps, 1)
    pcall(steps.from_snapshot, steps, "")
    assert.equal(before, json.encode(steps:build(), { sort_keys = true }))
  end)

  it("creates the scenario with the options given", function()
    local seen
    local client = { scenarios = { create = function(_, params, options)
      seen = { params, options }
      return { id = "scn_1" }, { status = 200 }
    end } }
    local options = { timeout = 1 }
    local scenario, response = ready():push(client, options)
    assert.same({ id = "scn_1" }, scenario)
    assert.same({ status = 200 }, response)
    assert.same(ready():build(), seen[1])
    assert.equal(options, seen[2])
  end)
end)
