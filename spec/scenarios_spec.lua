-- Scenarios: every call, the tables that come back, and their methods.
local portable = require "spec.support.portable"
local runloop = require "runloop"
local support = require "spec.support"
local stand_in = require "spec.support.stand_in"
local expect = require "spec.support.expect"
local tables = require "spec.support.tables"

local json = support.json
local snapshot, sorted_keys = tables.copy, tables.names

local function minimal(name)
  return {
    name = name or "sort-numbers",
    input_context = { problem_statement = "Sort the numbers in input.txt." },
    scoring_contract = { scoring_function_parameters = {
      { name = "tests", weight = 1.0, scorer = { type = "command_scorer", command = "make check" } },
    } },
  }
end

describe("client.scenarios", function()
  local server, client
  stand_in({ scenarios = 40, public = 5, runs = 12 }, function(started)
    server, client = started, started:client()
  end)

  -- The fields the server has, nulls left out.
  local function fields(id)
    return tables.decoded(server:text("scenario", id) or server:text("public", id))
  end

  describe("retrieve", function()
    it("gives every field of a scenario, nulls left out #slow", function()
      for _, id in ipairs(server:ids "scenario") do
        local scenario = expect.success(client.scenarios:retrieve(id))
        assert.are.same(fields(id), snapshot(scenario))
      end
    end)

    it("gives the response too", function()
      server:fault { set_headers = { ["X-Request-Id"] = "req_77", ["X-Mixed-Case"] = "Kept As Is" } }
      local id = server:ids("scenario")[3]
      local scenario, response = expect.success(client.scenarios:retrieve(id))
      assert.are.equal(id, scenario.id)
      assert.are.same({ "attempts", "elapsed", "headers", "http_version", "request_id", "status" },
        sorted_keys(response))
      assert.are.equal(200, response.status)
      assert.are.equal("application/json", response.headers["content-type"])
      assert.are.equal("Kept As Is", response.headers["x-mixed-case"])
      for name in pairs(response.headers) do assert.are.equal(name:lower(), name) end
      assert.are.equal("req_77", response.request_id)
      assert.are.equal(1, response.attempts)
      assert.are.equal("1.1", response.http_version)
      assert.is_true(response.elapsed > 0 and response.elapsed < 10)
    end)

    it("passes unknown fields and unknown values of enumerations on", function()
      server:fault { status = 200, json = {
        id = "scn_1", status = "hibernating", validation_type = "SIDEWAYS", is_public = "maybe", novelty = { a = 1 },
      } }
      local scenario = expect.success(client.scenarios:retrieve("scn_1"))
      assert.are.same({
        id = "scn_1", status = "hibernating", validation_type = "SIDEWAYS", is_public = "maybe", novelty = { a = 1 },
      }, snapshot(scenario))
    end)

    it("takes public and archived ones too", function()
      local public = server:ids("public")[1]
      assert.is_true(expect.success(client.scenarios:retrieve(public)).is_public)
      local id = server:ids("scenario")[1]
      expect.success(client.scenarios:archive(id))
      assert.are.equal("archived", expect.success(client.scenarios:retrieve(id)).status)
    end)

    it("fails with what the server says about an unknown id", function()
      local err = expect.failure("api", "not_found", client.scenarios:retrieve("scn_nowhere"))
      assert.are.equal("Scenario with ID scn_nowhere not found", err.message)
    end)
  end)

  describe("list and list_public", function()
    it("page through what the filters leave", function()
      local ids = {}
      for scenario in client.scenarios:list { limit = 7 } do ids[#ids + 1] = scenario.id end
      assert.are.same(server:ids "scenario", ids)
      assert.are.equal(5, #expect.success(client.scenarios:list_public({ limit = 2 }):collect()))
      local nightly = expect.success(client.scenarios:list({ name = "nightly", limit = 2 }):collect())
      assert.are.equal(4, #nightly)
      for _, scenario in ipairs(nightly) do assert.are.equal("nightly", scenario.name) end
      assert.are.equal(13, #expect.success(client.scenarios:list({ benchmark_id = "bmd_beta" }):collect()))
      assert.are.equal(8, #expect.success(client.scenarios:list({ validation_type = "FORWARD" }):collect()))
      local id = server:ids("scenario")[5]
      assert.are.equal(id, expect.success(client.scenarios:list({ search = id:upper() }):collect())[1].id)
      local tenth = server:ids("scenario")[10]
      assert.are.equal(30, #expect.success(client.scenarios:list({ starting_after = tenth }):collect()))
    end)

    it("give scenarios with methods", function()
      local scenario = expect.success(client.scenarios:list():next())
      assert.are.equal(scenario, expect.success(scenario:archive()))
      assert.are.equal("archived", scenario.status)
      assert.are.same({ scenario.id }, server:ids "archived")
      local page = client.scenarios:list({ limit = 2 }):pages()()
      expect.success(page.scenarios[2]:archive())
      assert.are.equal(2, #server:ids "archived")
    end)

    it("take no parameters that the other one has, and none that nobody has", function()
      expect.raises("unknown parameter 'benchmark_id'", function()
        client.scenarios:list_public { benchmark_id = "b" }
      end)
      local message = expect.raises("unknown parameter 'benchmrk_id'", function()
        client.scenarios:list { benchmrk_id = "b" }
      end)
      assert.matches("did you mean 'benchmark_id'", message, 1, true)
      assert.matches("scenarios:list:", message, 1, true)
    end)

    it("refuse values that make no sense, naming the parameter", function()
      for name, values in pairs {
        limit = { 0, 5001, -1, 1.5, "10", true }, name = { 1, true, {} }, search = { 1, {} }, benchmark_id = { 1, "" },
        starting_after = { 1, true, "" }, include_total_count = { "true", 1 }, validation_type = { 1, true },
      } do
        for _, value in ipairs(values) do
          expect.raises("'" .. name .. "'", function() client.scenarios:list { [name] = value } end)
        end
      end
      expect.raises("scenarios:list", function() client.scenarios:list("nightly") end)
      assert.are.equal(0, server:count())
    end)
  end)

  describe("create", function()
    it("makes a scenario of the parameters", function()
      local params = minimal "created"
      params.metadata = { team = "core", ["ключ"] = "значение" }
      params.environment_parameters = {
        blueprint_id = "bpt_1", working_directory = "/home/user", launch_parameters = {
          resource_size_request = "CUSTOM_SIZE", custom_cpu_cores = 0.5, custom_gb_memory = 2,
          launch_commands = { "a", "b" }, user_parameters = { uid = 1000, username = "user" },
        },
      }
      params.reference_output = "diff\n"
      params.required_environment_variables = { "HOME" }
      params.required_secret_names = {}
      params.scorer_timeout_sec = 60
      params.validation_type = "FORWARD"
      params.input_context.additional_context = { big = 9007199254740993, list = runloop.array {}, map = {}, one = 1.0 }
      local before = snapshot(params)
      local scenario, response = expect.success(client.scenarios:create(params))
      assert.are.equal(200, response.status)
      assert.are.same(before, snapshot(params))
      assert.is_nil(getmetatable(params.required_secret_names))
      assert.are.same({ id = scenario.id, method = "POST", path = "/v1/scenarios" },
        { id = server:ids("scenario")[41], method = server:last().method, path = server:last().path })
      assert.are.equal("created", scenario.name)
      assert.are.equal("active", scenario.status)
      assert.are.same(before.environment_parameters, snapshot(scenario.environment))
      assert.are.same(before.input_context, snapshot(scenario.input_context))
      assert.are.same(before.metadata, snapshot(scenario.metadata))
      local sent = json.decode(server:last().body)
      assert.are.equal(json.array_mt, getmetatable(sent.required_secret_names))
      assert.are.equal(json.array_mt, getmetatable(sent.input_context.additional_context.list))
      assert.is_nil(getmetatable(sent.input_context.additional_context.map))
      if portable.integers then
        assert.matches('"one":1.0', server:last().body, 1, true)
        assert.matches('"big":9007199254740993', server:last().body, 1, true)
      end
    end)

    it("takes every scorer that the API knows", function()
      local params = minimal()
      params.scoring_contract.scoring_function_parameters = {
        { name = "a", weight = 0.1, scorer = {
          type = "ast_grep_scorer", pattern = "x", search_directory = ".", lang = "lua",
        } },
        { name = "b", weight = 0.1, scorer = { type = "bash_script_scorer", bash_script = "echo score=1.0" } },
        { name = "c", weight = 0.2, scorer = { type = "command_scorer", command = "true" } },
        { name = "d", weight = 0.2, scorer = {
          type = "custom_scorer", custom_scorer_type = "mine", scorer_params = { 1 },
        } },
        { name = "e", weight = 0.2, scorer = { type = "python_script_scorer", python_script = "print(1)" } },
        { name = "f", weight = 0.2, scorer = {
          type = "test_based_scorer", test_command = "make", test_files = { { file_path = "a", file_contents = "b" } },
        } },
      }
      local scenario = expect.success(client.scenarios:create(params))
      assert.are.same(snapshot(params.scoring_contract), snapshot(scenario.scoring_contract))
    end)

    it("may be called again with the same parameters", function()
      local params = minimal "twice"
      local one, two = expect.success(client.scenarios:create(params)), expect.success(client.scenarios:create(params))
      assert.are_not.equal(one.id, two.id)
      assert.are.equal(server:log()[1].body, server:log()[2].body)
    end)

    it("refuses what is missing, unknown or of a wrong type, naming the place", function()
      local function broken(text, change)
        local params = minimal()
        change(params)
        local message = expect.raises(text, function() client.scenarios:create(params) end)
        assert.matches("scenarios:create:", message, 1, true)
      end
      broken("'name' is required", function(p) p.name = nil end)
      broken("'input_context' is required", function(p) p.input_context = nil end)
      broken("'input_context.problem_statement' is required", function(p) p.input_context.problem_statement = nil end)
      broken("'scoring_contract.scoring_function_parameters' is required", function(p)
        p.scoring_contract.scoring_function_parameters = nil
      end)
      broken("unknown parameter 'nmae' (did you mean 'name'?)", function(p) p.nmae = "x" end)
      broken("unknown parameter 'input_context.problem_statment' (did you mean 'problem_statement'", function(p)
        p.input_context.problem_statment = "x"
      end)
      broken("'name' must be a string, got number", function(p) p.name = 7 end)
      broken("'scoring_contract.scoring_function_parameters[1].weight' must be a number, got string", function(p)
        p.scoring_contract.scoring_function_parameters[1].weight = "1"
      end)
      broken("'scoring_contract.scoring_function_parameters[1].scorer.type'", function(p)
        p.scoring_contract.scoring_function_parameters[1].scorer.type = "quantum_scorer"
      end)
      broken("'metadata", function(p) p.metadata = { attempt = 1 } end)
      broken("'required_secret_names", function(p) p.required_secret_names = { a = "b" } end)
      broken("'required_secret_names[2]'", function(p) p.required_secret_names = { "a", 2 } end)
      broken("'validation_type'", function(p) p.validation_type = "forward" end)
      broken("input_context.additional_context", function(p) p.input_context.additional_context = print end)
      broken("input_context.additional_context", function(p) p.input_context.additional_context = { a = { 0 / 0 } } end)
      broken("input_context.additional_context", function(p) p.input_context.additional_context = { [3] = 1 } end)
      broken("name", function(p) p.name = "\xff\xfe" end)
      expect.raises("scenarios:create", function() client.scenarios:create() end)
      expect.raises("scenarios:create", function() client.scenarios:create("name") end)
      assert.are.equal(0, server:count())
    end)
  end)

  describe("update", function()
    it("replaces the fields given, keeps the others, and knows null, empty list and empty object apart", function()
      local id = server:ids("scenario")[3]
      local before = fields(id)
      local params = {
        name = "renamed", metadata = {}, required_secret_names = {}, reference_output = "",
        scorer_timeout_sec = runloop.null, validation_type = "",
      }
      local scenario = expect.success(client.scenarios:update(id, params))
      local sent = json.decode(server:last().body)
      assert.are.equal(json.array_mt, getmetatable(sent.required_secret_names))
      assert.is_nil(getmetatable(sent.metadata))
      assert.are.equal(json.null, sent.scorer_timeout_sec)
      assert.are.equal("", sent.reference_output)
      assert.are.equal("renamed", scenario.name)
      assert.are.same({}, snapshot(scenario.metadata))
      assert.are.same(before.input_context, snapshot(scenario.input_context))
      assert.are.equal(before.scorer_timeout_sec, scenario.scorer_timeout_sec)
      assert.is_nil(scenario.validation_type)
      assert.are.same({ name = "renamed", metadata = {}, required_secret_names = {}, reference_output = "",
        scorer_timeout_sec = runloop.null, validation_type = "" }, params)
      assert.is_nil(getmetatable(params.required_secret_names))
    end)

    it("raises when there is nothing to change, which would change nothing in silence", function()
      local scenario = expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
      local name, before = scenario.name, server:count()
      for _, call in ipairs {
        function() client.scenarios:update(scenario) end, function() client.scenarios:update(scenario.id, {}) end,
        function() client.scenarios:update({ id = scenario.id }, nil, { timeout = 5 }) end,
        function() scenario:update() end, function() scenario:update {} end,
      } do
        expect.raises("nothing to update", call)
      end
      scenario.name = "mine"
      expect.raises("nothing to update", function() scenario:update() end)
      expect.raises("parameter 'name' stands in the place of the id", function()
        client.scenarios:update { id = scenario.id, name = "mine" }
      end)
      expect.raises("parameter 'metadata' stands in the place of the id", function()
        client.scenarios:update({ id = scenario.id, metadata = { a = "b" } }, {})
      end)
      assert.are.equal(before, server:count())
      assert.are.equal(name, expect.success(scenario:refresh()).name)
    end)

    it("takes a table with an id for the scenario, and fields that the module does not know", function()
      local id = server:ids("scenario")[1]
      expect.success(client.scenarios:update({ id = id }, { name = "named" }))
      server:fault { status = 200, json = { id = id } }
      expect.success(client.scenarios:update(id, {}, { body = { x_future_field = { 1 } } }))
      assert.are.same({ x_future_field = { 1 } }, tables.decoded(server:last().body))
      expect.success(client.scenarios:update(id, { name = "named" }, { body = { name = "over" } }))
      assert.are.same({ name = "over" }, tables.decoded(server:last().body))
      expect.raises("a GET is not sent with a body of JSON", function() client.scenarios:retrieve(id, { body = { a = 1 } }) end)
      expect.raises("a GET is not sent with a body of JSON", function() client.scenarios:list({}, { body = { a = 1 } }) end)
    end)

    it("takes a part of an input context and of a scoring contract", function()
      local id = server:ids("scenario")[2]
      local scenario = expect.success(client.scenarios:update(id, {
        input_context = { additional_context = { hint = "try harder" } },
        scoring_contract = { scoring_function_parameters = {
          { name = "only", weight = 1, scorer = { type = "command_scorer", command = "true" } },
        } },
      }))
      assert.are.same({ hint = "try harder" }, scenario.input_context.additional_context)
      assert.are.equal(fields(id).input_context.problem_statement, scenario.input_context.problem_statement)
      assert.are.equal("only", scenario.scoring_contract.scoring_function_parameters[1].name)
    end)

    it("refuses unknown names and wrong types", function()
      expect.raises("unknown parameter 'metdata' (did you mean 'metadata'?)", function()
        client.scenarios:update("scn_1", { metdata = {} })
      end)
      expect.raises("'scorer_timeout_sec'", function()
        client.scenarios:update("scn_1", { scorer_timeout_sec = "1" })
      end)
      expect.raises("scenarios:update", function() client.scenarios:update("scn_1", "renamed") end)
      expect.raises("'id'", function() client.scenarios:update({ name = "renamed" }) end)
      assert.are.equal(0, server:count())
    end)

    it("of an archived or public scenario fails with what the server says", function()
      local id = server:ids("scenario")[1]
      expect.success(client.scenarios:archive(id))
      local err = expect.failure("api", "bad_request", client.scenarios:update(id, { name = "x" }))
      assert.are.equal("Cannot update archived scenarios.", err.message)
      expect.failure("api", "permission_denied", client.scenarios:update(server:ids("public")[1], { name = "x" }))
    end)
  end)

  describe("archive and unarchive", function()
    it("take a scenario off the list and put it back", function()
      local id = server:ids("scenario")[4]
      local archived = expect.success(client.scenarios:archive(id))
      assert.are.equal("archived", archived.status)
      assert.are.equal(39, #expect.success(client.scenarios:list({ limit = 100 }):collect()))
      local active = expect.success(client.scenarios:unarchive(id))
      assert.are.equal("active", active.status)
      assert.are.equal(40, #expect.success(client.scenarios:list({ limit = 100 }):collect()))
    end)

    it("fail with 403 for a public one and 404 for none", function()
      local err = expect.failure("api", "permission_denied", client.scenarios:archive(server:ids("public")[1]))
      assert.are.equal(403, err.status)
      assert.are.equal("Cannot archive public scenarios.", err.message)
      expect.failure("api", "not_found", client.scenarios:archive("scn_x"))
      expect.failure("api", "not_found", client.scenarios:unarchive("scn_x"))
    end)
  end)

  describe("start_run", function()
    it("starts a run with the API's names or their snake_case", function()
      local id = server:ids("scenario")[1]
      local profile = {
        envVars = { LANG = "C" }, launchParameters = { keep_alive_time_seconds = 60 }, purpose = "nightly",
        secrets = { TOKEN = "GITHUB" }, mounts = { { type = "file_mount", target = "/a", content = "b" } },
      }
      local params = { scenario_id = id, run_name = "one", runProfile = profile }
      local run = expect.success(client.scenarios:start_run(params))
      assert.are.equal("running", run.state)
      assert.are.equal(id, run.scenario_id)
      local body = server:last().body
      local again = {
        scenario_id = id, run_name = "one", run_profile = {
          env_vars = profile.envVars, launch_parameters = profile.launchParameters, purpose = "nightly",
          secrets = profile.secrets, mounts = profile.mounts,
        },
      }
      local before = snapshot(again)
      expect.success(client.scenarios:start_run(again))
      assert.are.equal(body, server:last().body)
      assert.are.same(before, snapshot(again))
      expect.raises("run_profile", function()
        client.scenarios:start_run { scenario_id = id, run_profile = {}, runProfile = {} }
      end)
    end)

    it("takes the scenario itself as its id", function()
      local scenario = expect.success(client.scenarios:list():next())
      local run = expect.success(client.scenarios:start_run { scenario_id = scenario })
      assert.are.equal(scenario.id, run.scenario_id)
      expect.raises("'scenario_id'", function() client.scenarios:start_run {} end)
    end)
  end)

  describe("an id", function()
    local function each_call(id)
      return {
        function() return client.scenarios:retrieve(id) end,
        function() return client.scenarios:update(id, { name = "x" }) end,
        function() return client.scenarios:archive(id) end,
        function() return client.scenarios:unarchive(id) end,
      }
    end

    it("may be the thing itself, or any table with an id", function()
      local scenario = expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
      for _, thing in ipairs { scenario, { id = scenario.id } } do
        for _, call in ipairs(each_call(thing)) do
          if scenario.status == "archived" then break end
          assert.are.equal(scenario.id, expect.success(call()).id)
        end
      end
      assert.are.equal("active", scenario.status)
    end)

    it("may be the thing itself in parameters and filters too", function()
      local scenario = expect.success(client.scenarios:retrieve(server:ids("scenario")[10]))
      assert.are.equal(30, #expect.success(client.scenarios:list({ starting_after = scenario, limit = 100 }):collect()))
      assert.are.equal(scenario.id, server:last().query.starting_after)
      expect.success(client.scenarios.runs:list({ scenario_id = scenario }):collect())
      assert.are.equal(scenario.id, server:last().query.scenario_id)
    end)

    it("may not be empty, dots, missing or of another type", function()
      for _, id in ipairs { "", ".", "..", 7, true, {}, { id = "" }, { id = 7 }, { id = ".." }, print } do
        for _, call in ipairs(each_call(id)) do expect.raises("'id'", call) end
      end
      for _, call in ipairs(each_call(nil)) do expect.raises("'id'", call) end
      assert.are.equal(0, server:count())
    end)

    it("may not be a thing of another kind", function()
      local run = expect.success(client.scenarios.runs:list():next())
      local message = expect.raises("'id'", function() client.scenarios:archive(run) end)
      assert.matches("run", message, 1, true)
      local scenario = expect.success(client.scenarios:list():next())
      expect.raises("'id'", function() client.scenarios.runs:cancel(scenario) end)
    end)

    it("is one segment of the path, whatever it holds", function()
      for _, id in ipairs {
        "a/b", "../x", "a?b=c", "a#b", "a%2Fb", "a b", "é", "\0", "a\r\nHost: evil", "...", "a&b+c;d=e", "~-._",
        "\xff", "%2e%2e", ("x"):rep(2000),
      } do
        expect.failure("api", "not_found", client.scenarios:retrieve(id))
        assert.are.equal("/v1/scenarios/" .. id:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end),
          server:last().target)
      end
    end)
  end)

  describe("call options", function()
    it("are known by name, with the nearest when they are not", function()
      for _, call in ipairs {
        function(o) client.scenarios:retrieve("scn_1", o) end,
        function(o) client.scenarios:archive("scn_1", o) end,
        function(o) client.scenarios:update("scn_1", { name = "n" }, o) end,
        function(o) client.scenarios:create(minimal(), o) end,
        function(o) client.scenarios:list({}, o) end,
        function(o) client:request({ path = "/" }, o) end,
      } do
        local message = expect.raises("unknown call option 'timout'", function() call { timout = 1 } end)
        assert.matches("did you mean 'timeout'", message, 1, true)
        for name, values in pairs {
          timeout = { 0, -1, "1" }, deadline = { 0, "1" }, max_retries = { -1, 0.5, "1" }, headers = { "x" },
          query = { "x", 1 }, idempotency_key = { 1, "", "a\r\nb" }, nulls = { true, "drop" }, prefetch = { 1 },
        } do
          for _, value in ipairs(values) do
            expect.raises("'" .. name .. "'", function() call { [name] = value } end)
          end
        end
        expect.raises("X-Note", function() call { headers = { ["X-Note"] = "a\r\nb" } } end)
        for _, value in ipairs { { {} }, { x = {} }, print, runloop.null, 0 / 0 } do
          expect.raises("'extra'", function() call { query = { extra = value } } end)
        end
      end
      expect.raises("scenarios:retrieve", function() client.scenarios:retrieve("scn_1", 5) end)
      assert.are.equal(0, server:count())
    end)

    it("are pointed to their place when they stand among the parameters", function()
      for _, call in ipairs {
        function() client.scenarios:list { timeout = 5 } end,
        function() client.scenarios:create { timeout = 5 } end,
        function() client.scenarios.runs:await_scored("run_1", { max_retries = 5 }) end,
        function() client:request { path = "/", deadline = 5 } end,
      } do
        local message = expect.raises("(a call option: these go into the last argument", call)
        assert.matches("scenarios_spec.lua:%d+: .*: unknown %a+[ %a]* '[%a_]+' %(a call", message)
      end
      local message = expect.raises("unknown parameter 'input_context.timeout'", function()
        client.scenarios:update("scn_1", { input_context = { timeout = 5 } })
      end)
      assert.is_nil(message:find("call option", 1, true))
    end)

    it("are not changed, and may be used again", function()
      local options = {
        headers = { ["X-Note"] = 1 }, query = { a = { 1, 2 }, b = true }, idempotency_key = "k", timeout = 5,
        nulls = "keep",
      }
      local before = snapshot(options)
      local id = server:ids("scenario")[1]
      for _ = 1, 2 do
        expect.success(client.scenarios:retrieve(id, options))
        expect.success(client.scenarios:archive(id, options))
        expect.success(client.scenarios:list({}, options):next())
        assert.are.same(before, snapshot(options))
      end
    end)

    it("integers = 'string' keeps what Lua's numbers cannot hold", function()
      local item = '{"id":"scn_1","metadata":{"n":98765432109876543210,"m":1}}'
      local options = { integers = "string" }
      server:fault { times = 2, body = item }
      assert.are.same({ n = 98765432109876543210, m = 1 }, expect.success(client.scenarios:retrieve("scn_1")).metadata)
      local kept = { n = "98765432109876543210", m = 1 }
      assert.are.same(kept, expect.success(client.scenarios:retrieve("scn_1", options)).metadata)
      server:fault { body = '{"scenarios":[' .. item .. '],"has_more":false,"total_count":1}' }
      assert.are.same(kept, expect.success(client.scenarios:list({}, options):collect())[1].metadata)
    end)

    it("nulls = 'keep' keeps nulls apart from absent fields", function()
      server:fault { status = 200, body = '{"id":"scn_1","a":null,"b":{"c":null},"d":[null]}', times = 2,
        headers = { ["Content-Type"] = "application/json" } }
      local kept = expect.success(client.scenarios:retrieve("scn_1", { nulls = "keep" }))
      assert.are.same({ id = "scn_1", a = runloop.null, b = { c = runloop.null }, d = { runloop.null } },
        snapshot(kept))
      local dropped = expect.success(client.scenarios:retrieve("scn_1"))
      assert.are.same({ id = "scn_1", b = {}, d = { runloop.null } }, snapshot(dropped))
    end)
  end)
end)

describe("A scenario that came back", function()
  local server, client, scenario
  stand_in({ scenarios = 20, public = 2, runs = 6 }, function(started)
    server, client = started, started:client()
    scenario = expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
    server:clear_log()
  end)

  it("shows its fields and nothing else", function()
    local expected = {}
    for name, value in pairs(json.decode(server:text("scenario", scenario.id))) do
      if value ~= json.null then expected[#expected + 1] = name end
    end
    table.sort(expected)
    assert.are.same(expected, sorted_keys(scenario))
    assert.is_nil(rawget(scenario, "archive"))
    assert.is_nil(scenario.no_such_field)
  end)

  it("can be encoded as JSON, by this module and by others", function()
    local text = runloop.json.encode(scenario)
    assert.are.same(snapshot(scenario), snapshot(runloop.json.decode(text)))
    local dkjson = require "dkjson"
    assert.are.equal(scenario.input_context.problem_statement,
      dkjson.decode(dkjson.encode(scenario)).input_context.problem_statement)
  end)

  it("is archived and brought up to date in place", function()
    local input = scenario.input_context
    local returned, response = scenario:archive()
    assert.are.equal(scenario, returned)
    assert.are.equal(200, response.status)
    assert.are.equal("archived", scenario.status)
    assert.are_not.equal(input, scenario.input_context)
    assert.are.same(snapshot(input), snapshot(scenario.input_context))
    assert.are.same({ scenario.id }, server:ids "archived")
    assert.are.equal(scenario, expect.success(scenario:unarchive()))
    assert.are.equal("active", scenario.status)
  end)

  it("is updated in place", function()
    local returned, response = scenario:update { name = "renamed" }
    assert.are.equal(scenario, returned)
    assert.are.equal(200, response.status)
    assert.are.equal("renamed", scenario.name)
    assert.are.equal("POST", server:last().method)
    assert.are.equal('{"name":"renamed"}', server:last().body)
  end)

  it("is refreshed: fields replaced, new ones added, vanished ones removed", function()
    scenario.local_note = "mine"
    server:fault { status = 200, json = { id = scenario.id, name = "other", status = "active", novelty = 1 } }
    assert.are.equal(scenario, expect.success(scenario:refresh()))
    assert.are.same({ id = scenario.id, name = "other", status = "active", novelty = 1 }, snapshot(scenario))
    assert.are.equal("GET", server:last().method)
    assert.are.equal(scenario, expect.success(scenario:refresh()))
    assert.is_nil(scenario.novelty)
    assert.is_string(scenario.input_context.problem_statement)
  end)

  it("stays as it is when the call fails", function()
    local before = snapshot(scenario)
    local input = scenario.input_context
    server:fault { status = 403, json = { message = "no" }, times = 4 }
    for _, call in ipairs {
      function() return scenario:archive() end, function() return scenario:unarchive() end,
      function() return scenario:update { name = "x" } end, function() return scenario:refresh() end,
    } do
      expect.failure("api", "permission_denied", call())
    end
    server:fault { status = 200, body = '{"id":"other","name":' , headers = { ["Content-Type"] = "application/json" } }
    expect.failure("decode", "JSON", scenario:refresh())
    assert.are.same(before, snapshot(scenario))
    assert.are.equal(input, scenario.input_context)
    expect.raises("unknown parameter 'nam'", function() scenario:update { nam = "x" } end)
    assert.are.same(before, snapshot(scenario))
  end)

  it("takes call options in its methods", function()
    local before = client:stats().requests
    server:fault { status = 503, times = math.huge }
    for _, call in ipairs {
      function(o) return scenario:archive(o) end, function(o) return scenario:unarchive(o) end,
      function(o) return scenario:update({ name = "n" }, o) end, function(o) return scenario:refresh(o) end,
      function(o) return scenario:start_run({}, o) end, function(o) return scenario:runs({}, o):next() end,
    } do
      local err = expect.failure("api", "internal_server", call { max_retries = 0, headers = { ["X-Note"] = "here" } })
      assert.are.equal(1, err.attempts)
      assert.are.equal("here", server:last().header["x-note"])
    end
    assert.are.equal(before + 6, client:stats().requests)
  end)

  it("keeps nulls in place when asked to", function()
    server:fault { status = 200, body = ('{"id":%q,"validation_type":null}'):format(scenario.id),
      headers = { ["Content-Type"] = "application/json" } }
    expect.success(scenario:refresh { nulls = "keep" })
    assert.are.equal(runloop.null, scenario.validation_type)
  end)

  it("starts runs of itself", function()
    local params = { run_name = "nightly", metadata = { a = "b" } }
    local run = expect.success(scenario:start_run(params))
    assert.are.equal(scenario.id, run.scenario_id)
    assert.are.equal("nightly", run.name)
    assert.are.same({ run_name = "nightly", metadata = { a = "b" } }, params)
    assert.are.equal(scenario.id, expect.success(scenario:start_run()).scenario_id)
    assert.are.equal(scenario.id, expect.success(run:scenario()).id)
    expect.raises("start_run", function() scenario:start_run("nightly") end)
  end)

  it("lists its runs", function()
    local params = { limit = 2 }
    local pager, a, b, closing = scenario:runs(params)
    assert.is_nil(a)
    assert.is_nil(b)
    assert.are.equal(pager, closing)
    assert.are.equal(0, server:count())
    local runs = expect.success(pager:collect())
    assert.are.equal(1, #runs)
    assert.are.equal(scenario.id, runs[1].scenario_id)
    assert.are.same({ limit = 2 }, params)
    assert.are.equal(scenario.id, server:last().query.scenario_id)
    assert.are.equal(1, #expect.success(scenario:runs():collect()))
    expect.raises("runs", function() scenario:runs("scored") end)
  end)

  it("may have fields with the names of methods, which win", function()
    server:fault { status = 200, json = { id = "scn_1", archive = "a field", update = { 1 }, refresh = false } }
    local odd = expect.success(client.scenarios:retrieve("scn_1"))
    assert.are.equal("a field", odd.archive)
    assert.are.same({ 1 }, snapshot(odd.update))
    assert.is_false(odd.refresh)
    assert.is_function(odd.unarchive)
    assert.are.same({ "archive", "id", "refresh", "update" }, sorted_keys(odd))
  end)

  it("loses such a field when it vanishes", function()
    server:fault { status = 200, json = { id = "scn_1", unarchive = "a field" } }
    local odd = expect.success(client.scenarios:retrieve("scn_1"))
    server:fault { status = 200, json = { id = "scn_1" } }
    expect.success(odd:refresh())
    assert.are.same({ "id" }, sorted_keys(odd))
    assert.is_function(odd.unarchive)
  end)

  it("needs its id for its methods", function()
    scenario.id = nil
    expect.raises("'id'", function() scenario:archive() end)
    assert.are.equal(0, server:count())
  end)

  it("belongs to its client", function()
    local other = server:client { headers = { ["X-Client"] = "other" } }
    expect.success(expect.success(other.scenarios:retrieve(scenario.id)):refresh())
    assert.are.equal("other", server:last().header["x-client"])
    expect.success(scenario:refresh())
    assert.is_nil(server:last().header["x-client"])
    other:close()
  end)

  it("blames the line that called its method wrongly", function()
    for _, call in ipairs {
      function()
        scenario:update { nam = "x" } -- the line
      end,
      function()
        scenario:archive { timout = 1 } -- the line
      end,
      function()
        client.scenarios:retrieve "" -- the line
      end,
      function()
        client.scenarios:retrieve(scenario, { timout = 1 }) -- the line
      end,
      function()
        client.scenarios:create {} -- the line
      end,
      function()
        client.scenarios:create(minimal(), { headers = { [""] = 1 } }) -- the line
      end,
      function()
        client.scenarios:list { limit = 0 } -- the line
      end,
      function()
        client.scenarios:list({}, { query = { a = print } }) -- the line
      end,
      function()
        client:request { path = "nowhere" } -- the line
      end,
      function()
        client:request({ path = "/" }, { timout = 1 }) -- the line
      end,
      function()
        client:request { method = "POST", path = "/", body = print } -- the line
      end,
      function()
        client.scenarios.runs:await_scored("") -- the line
      end,
      function()
        client.scenarios.runs:await_scored("run_1", { intervall = 1 }) -- the line
      end,
    } do
      local line = debug.getinfo(call, "S").linedefined + 1
      assert.matches("scenarios_spec.lua:" .. line .. ":", expect.raises("", call), 1, true)
    end
  end)
end)
