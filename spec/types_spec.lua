-- Holds types.lua against the shapes, the endpoints, the live objects and what the API answers.

local builder = require "runloop.builder"
local resource = require "runloop.resource"
local runloop = require "runloop"
local schema = require "runloop.schema"
local shapes = require "runloop.api.shapes"

-- What types.lua says: classes[name] = { fields = { name = { optional, rest } }, methods = { name = { parameters,
-- types, returns } } }; aliases[name] = { texts }.
local function read_types(path)
  local classes, aliases = {}, {}
  local class, alias, by_local, params, returns = nil, nil, {}, {}, {}
  for line in io.lines(path) do
    local name, rest = line:match("^%-%-%-@class ([%w.]+)(.*)$")
    if name then
      class, alias = { fields = {}, methods = {}, parent = rest:match("^: (%S+)") }, nil
      assert(not classes[name], name .. " is there twice")
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
  return classes, aliases
end

local classes, aliases = read_types("lua/runloop/types.lua")

local names = {}
for name, shape in pairs(shapes) do
  names[shape] = name
end

-- How a type of the schema reads in an annotation.
local function annotation(of)
  local plain = {
    string = "string", number = "number", integer = "integer", boolean = "boolean", any = "any",
    id = "runloop.Id", map = "table<string, string>",
  }
  if of.kind == "array" then
    return annotation(of.of) .. "[]"
  elseif plain[of.kind] then
    return plain[of.kind]
  end
  -- Attributes make a copy, which is the same shape to its reader.
  for shape, name in pairs(names) do
    if shape == of or (of.fields and shape.fields == of.fields) or (of.values and shape.values == of.values)
      or (of.variants and shape.variants == of.variants) then
      return "runloop." .. name
    end
  end
  error("no annotation for a type of kind " .. of.kind)
end

local function begins_with(text, start)
  return text == start or text:sub(1, #start + 1) == start .. " "
end

local function sorted(t)
  local list = {}
  for name in pairs(t) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

-- The fields of an object, each under every spelling that is taken.
local function spellings(shape)
  local all = {}
  for name, of in pairs(shape.fields) do
    all[name] = of
    if shape.alias_of[name] then
      all[shape.alias_of[name]] = of
    end
  end
  return all
end

local function holds(class_name, shape)
  local class = assert(classes[class_name], "no class " .. class_name)
  local fields = spellings(shape)
  assert.same(sorted(fields), sorted(class.fields), class_name)
  for name, of in pairs(fields) do
    local where = class_name .. "." .. name
    local required = of.required and not of.nullable
    assert.equal(not required, class.fields[name].optional, where .. " is optional")
    if name ~= "type" or of.kind ~= "enum" then
      assert.is_true(begins_with(class.fields[name].rest, annotation(of)),
        where .. " must be " .. annotation(of) .. ", is " .. class.fields[name].rest)
    end
  end
end

describe("types.lua", function()
  for name, shape in pairs(shapes) do
    if shape.kind == "object" and name ~= "WaitForStatusParameters" then
      it("has the fields of " .. name, function()
        holds("runloop." .. name, shape)
      end)
    elseif shape.kind == "enum" then
      it("has the values of " .. name, function()
        local values = {}
        for i, value in ipairs(shape.values) do
          values[i] = '"' .. value .. '"'
        end
        assert.same(values, aliases["runloop." .. name])
      end)
    elseif shape.kind == "union" then
      it("has the variants of " .. name, function()
        local seen = {}
        for _, class_name in ipairs(aliases["runloop." .. name]) do
          local tag = classes[class_name].fields.type.rest:match('^"([%w_]+)"$')
          assert.truthy(shape.variants[tag], class_name)
          seen[tag] = true
          holds(class_name, shape.variants[tag])
        end
        assert.same(sorted(shape.variants), sorted(seen))
      end)
    end
  end

  it("has no class of parameters or of answers that no shape stands behind", function()
    local others = {}
    for name in pairs(classes) do
      local short = name:match("^runloop%.(%w+)$")
      if short and (short:find("Parameters$") or short:find("Query$") or short:find("Update$")) then
        assert.truthy(shapes[short], name)
      elseif short and not shapes[short] then
        others[#others + 1] = short
      end
    end
    table.sort(others)
    assert.same({
      "AgentMount", "AstGrepScorer", "AstGrepScorerOptions", "AwaitOptions", "BashScriptScorer",
      "BashScriptScorerOptions", "BrokerMount", "CallOptions", "Client", "ClientOptions", "CodeMount", "CommandScorer",
      "CustomScorer", "CustomScorerOptions", "Descriptor", "Devboxes", "Error", "Event", "FileMount", "Json",
      "JsonDecodeOptions", "MapOptions", "ObjectMount", "Page", "Pager", "PythonScriptScorer",
      "PythonScriptScorerOptions", "RequestFields", "Response", "ScenarioBuilder", "ScenarioPager", "ScenarioRunPager",
      "ScenarioRuns", "Scenarios", "ScorerPager", "Scorers", "ShellCommandScorerOptions", "Stats", "Task",
      "TestBasedScorer", "TestCommandScorerOptions",
    }, others)
  end)

  it("names every type that it uses", function()
    for line in io.lines("lua/runloop/types.lua") do
      if line:find("^%-%-%-[@|]") then
        for name in line:gmatch("runloop%.%u%w+") do
          assert.truthy(classes[name] or aliases[name], line)
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

local RESOURCES = {
  scenarios = { class = "runloop.Scenarios", helpers = { "start_run_and_await_env_ready" } },
  scenario_runs = {
    class = "runloop.ScenarioRuns", helpers = { "await_scored", "score_and_await", "score_and_complete" },
  },
  scorers = { class = "runloop.Scorers", helpers = {} },
  devboxes = { class = "runloop.Devboxes", helpers = { "await_running" } },
}
local ITEM = { scenario = "Scenario", run = "ScenarioRun", scorer = "Scorer", devbox = "Devbox" }

local function parameters_of(row)
  local list = {}
  if row.path:find("{id}", 1, true) then
    list[#list + 1] = "id"
  end
  if row.body or row.query then
    list[#list + 1] = "params"
  elseif row.download then
    list[#list + 1] = "path"
  end
  list[#list + 1] = "options"
  return table.concat(list, ", ")
end

describe("the calls in types.lua", function()
  for name, calls in pairs(RESOURCES) do
    local rows = require("runloop.api." .. name)

    it("are the endpoints of " .. name .. " and its helpers", function()
      local expected = {}
      for row_name, row in pairs(rows) do
        if not row.internal then
          expected[row_name] = true
        end
      end
      for _, helper in ipairs(calls.helpers) do
        expected[helper] = true
      end
      assert.same(sorted(expected), sorted(classes[calls.class].methods))
    end)

    it("take and return what the endpoints of " .. name .. " say", function()
      for row_name, row in pairs(rows) do
        local fn = not row.internal and classes[calls.class].methods[row_name]
        if fn then
          local where = calls.class .. ":" .. row_name
          assert.equal(parameters_of(row), fn.list, where)
          local shape = row.body or row.query
          for _, param in ipairs(fn.params) do
            if param.name == "params" then
              local needs = false
              for _, of in pairs(shape.fields) do
                needs = needs or of.required
              end
              assert.equal(annotation(shape), param.rest:match("^%S+"), where)
              assert.equal(not needs, param.optional, where .. " params")
            elseif param.name == "options" then
              assert.equal("runloop.CallOptions", param.rest)
              assert.is_true(param.optional)
            end
          end
          if row.list then
            assert.equal(("runloop.%sPager|fun(): runloop.%s"):format(ITEM[row.returns], ITEM[row.returns]),
              fn.returns[1])
          elseif row.returns then
            assert.is_true(begins_with(fn.returns[1], "runloop." .. ITEM[row.returns] .. "?"), where)
            assert.equal("runloop.Response|runloop.Error response_or_err", fn.returns[2])
          end
        end
      end
    end)
  end

  it("are the steps of the scenario builder", function()
    local steps = getmetatable(builder.new("x")).__index
    assert.same(sorted(steps), sorted(classes["runloop.ScenarioBuilder"].methods))
  end)

  local SCORER_STEPS = {
    add_test_command_scorer = "test_based_scorer", add_shell_command_scorer = "command_scorer",
    add_bash_script_scorer = "bash_script_scorer", add_python_script_scorer = "python_script_scorer",
    add_ast_grep_scorer = "ast_grep_scorer", add_custom_scorer = "custom_scorer",
  }
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
        assert.is_true(begins_with(class.fields[name].rest, annotation(of)), class_name .. "." .. name)
      end
    end
  end)
end)

-- Functions among the fields of a live object, inherited ones too.
local function functions_of(object)
  local found = {}
  local index = (getmetatable(object) or {}).__index
  for _, t in ipairs { object, type(index) == "table" and index or {} } do
    for name, value in pairs(t) do
      if type(name) == "string" and type(value) == "function" and name:sub(1, 1) ~= "_" then
        found[name] = true
      end
    end
  end
  return found
end

describe("live objects", function()
  local client

  setup(function()
    client = runloop.new { bearer_token = "t", base_url = "http://127.0.0.1:9" }
  end)

  teardown(function()
    client:close()
  end)

  it("have the functions and fields of types.lua", function()
    local objects = {
      ["runloop.Client"] = client,
      ["runloop.Scenarios"] = client.scenarios,
      ["runloop.ScenarioRuns"] = client.scenarios.runs,
      ["runloop.Scorers"] = client.scenarios.scorers,
      ["runloop.Devboxes"] = client.devboxes,
      ["runloop.Pager"] = (client.scenarios:list()),
      ["runloop.Task"] = client:spawn(function() end),
      ["runloop.Json"] = runloop.json,
      ["runloop"] = runloop,
    }
    for class_name, object in pairs(objects) do
      local functions = functions_of(object)
      functions.wait_for_status = nil -- internal
      assert.same(sorted(classes[class_name].methods), sorted(functions), class_name)
      for name, field in pairs(classes[class_name].fields) do
        if not field.optional then
          assert.not_nil(object[name], class_name .. "." .. name)
        end
      end
    end
  end)

  it("take the options of types.lua", function()
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
  local support = require "spec.support"
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

  it("is a Scenario as types.lua has it, with its methods", function()
    for _, options in ipairs { {}, keep } do
      for scenario in client.scenarios:list({ limit = 30 }, options) do
        is_a("Scenario", scenario)
      end
      for scenario in client.scenarios:list_public({}, options) do
        is_a("Scenario", scenario)
      end
    end
    local scenario = assert(client.scenarios:retrieve(server:ids("scenario")[1]))
    assert.same(sorted(classes["runloop.Scenario"].methods), sorted(getmetatable(scenario).__index))
    is_a("Scenario", assert(scenario:archive()))
    assert.equal("archived", scenario.status)
  end)

  it("is a ScenarioRun as types.lua has it, with its methods", function()
    for run in client.scenarios.runs:list({}, keep) do
      is_a("ScenarioRun", run)
    end
    local run = assert(client.scenarios:start_run { scenario_id = server:ids("scenario")[2] })
    is_a("ScenarioRun", run)
    assert.same(sorted(classes["runloop.ScenarioRun"].methods), sorted(getmetatable(run).__index))
    is_a("Devbox", assert(client.devboxes:await_running(run.devbox_id, { interval = 0.01 })))
    is_a("ScenarioRun", assert(run:score_and_await { interval = 0.01 }))
    is_a("ScoringContractResult", run.scoring_contract_result)
  end)

  it("is a Scorer as types.lua has it, with its methods", function()
    for scorer in client.scenarios.scorers:list({}, keep) do
      is_a("Scorer", scorer)
    end
    local scorer = assert(client.scenarios.scorers:create { type = "mine", bash_script = "echo score=1" })
    is_a("Scorer", scorer)
    assert.same(sorted(classes["runloop.Scorer"].methods), sorted(getmetatable(scorer).__index))
  end)

  it("comes with a Response as types.lua has it", function()
    local _, response = assert(client.scenarios:retrieve(server:ids("scenario")[1]))
    for name, field in pairs(classes["runloop.Response"].fields) do
      assert.is_true(field.optional or response[name] ~= nil, name)
    end
    for name in pairs(response) do
      assert.truthy(classes["runloop.Response"].fields[name], name)
    end
  end)

  it("or with an Error as types.lua has it", function()
    local value, err = client.scenarios:retrieve("scn_none")
    assert.is_nil(value)
    for name, field in pairs(classes["runloop.Error"].fields) do
      assert.is_true(field.optional or err[name] ~= nil, name)
    end
    for name in pairs(err) do
      assert.truthy(classes["runloop.Error"].fields[name], name)
    end
  end)

  it("and is told by Events as types.lua has them", function()
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

  it("counts in Stats and names Descriptors as types.lua has them", function()
    assert.same(sorted(classes["runloop.Stats"].fields), sorted(client:stats()))
    for _, descriptor in ipairs(client:fds()) do
      assert.same(sorted(classes["runloop.Descriptor"].fields), sorted(descriptor))
    end
  end)
end)
