-- Scenario runs: every call, the tables that come back, and their methods.
local runloop = require "runloop"
local portable = require "spec.support.portable"
local support = require "spec.support"
local stand_in = require "spec.support.stand_in"
local expect = require "spec.support.expect"
local tables = require "spec.support.tables"

local json = support.json
local copy, names = tables.copy, tables.names

local it_integers = portable.integers and it or pending

describe("client.scenarios.runs", function()
  local server, client
  stand_in({ scenarios = 12, public = 2, runs = 30 }, function(started)
    server, client = started, started:client()
  end)

  local function fields(id)
    return tables.decoded(server:text("run", id))
  end

  local function start(params)
    params = params or {}
    params.scenario_id = params.scenario_id or server:ids("scenario")[1]
    return expect.success(client.scenarios:start_run(params))
  end

  local function scored()
    return expect.success(start():score_and_await { interval = 0.01 })
  end

  local function last_request()
    local entry = server:last()
    return { entry.method, entry.target, entry.body }
  end

  describe("a run", function()
    it("has every field that the API gave, nulls left out, and nothing else", function()
      for _, id in ipairs(server:ids "run") do
        local run = expect.success(client.scenarios.runs:retrieve(id))
        assert.are.same(fields(id), copy(run))
      end
    end)

    it("has only the fields of a ScenarioRunView, of their types", function()
      local TYPES = {
        id = "string", devbox_id = "string", scenario_id = "string", state = "string", metadata = "table",
        benchmark_run_id = "string", duration_ms = "integer", environment_variables = "table", name = "string",
        purpose = "string", scoring_contract_result = "table", secrets_provided = "table", start_time_ms = "integer",
      }
      local seen = {}
      local run = start {
        run_name = "n", benchmark_run_id = "bmr_1", run_profile = { purpose = "p", secrets = { A = "b" } },
      }
      local runs = expect.success(client.scenarios.runs:list { limit = 100 }:collect())
      runs[#runs + 1] = run
      for _, each in ipairs(runs) do
        for name, value in pairs(each) do
          assert.are.equal(TYPES[name], portable.math_type(value) or type(value), name)
          seen[name] = true
        end
        for _, name in ipairs { "id", "devbox_id", "scenario_id", "state", "metadata" } do
          assert.is_not_nil(each[name], name)
        end
      end
      assert.are.same(names(TYPES), names(seen))
    end)

    it_integers("keeps integers as integers and scores as floats", function()
      server:set { score = 1.0 }
      local run = scored()
      assert.are.equal("integer", portable.math_type(run.start_time_ms))
      assert.are.equal("integer", portable.math_type(run.duration_ms))
      assert.are.equal("float", portable.math_type(run.scoring_contract_result.score))
      for _, result in ipairs(run.scoring_contract_result.scoring_function_results) do
        assert.are.equal("float", portable.math_type(result.score))
      end
    end)

    it_integers("keeps an integer that no float can hold", function()
      server:fault { path = "/scenarios/runs/", set_headers = {}, status = 200,
        headers = { ["Content-Type"] = "application/json" },
        body = '{"id":"scr_1","start_time_ms":9007199254740993,"duration_ms":0}' }
      local run = expect.success(client.scenarios.runs:retrieve "scr_1")
      assert.are.equal("9007199254740993", ("%d"):format(run.start_time_ms))
      assert.are.equal("0", tostring(run.duration_ms))
    end)

    it("has nil for what is absent and for what is null", function()
      local run = start()
      for _, name in ipairs {
        "name", "purpose", "benchmark_run_id", "duration_ms", "environment_variables", "secrets_provided",
        "scoring_contract_result",
      } do
        assert.is_nil(run[name], name)
      end
      assert.is_nil(rawget(run, "duration_ms"))
    end)

    it("has null where it is asked for with nulls = 'keep', and still nil for what is absent", function()
      local id = start().id
      local run = expect.success(client.scenarios.runs:retrieve(id, { nulls = "keep" }))
      assert.are.equal(runloop.null, run.name)
      assert.is_nil(run.duration_ms)
    end)

    it("passes fields and states from the future through", function()
      server:fault { path = "/scenarios/runs/", status = 200, headers = { ["Content-Type"] = "application/json" },
        body = '{"id":"scr_1","state":"dreaming","dreams":[{"depth":3}],"refreshed":true}' }
      local run = expect.success(client.scenarios.runs:retrieve "scr_1")
      assert.are.same({ id = "scr_1", state = "dreaming", dreams = { { depth = 3 } }, refreshed = true }, copy(run))
    end)

    it("shows pairs and json.encode the API's fields and nothing else", function()
      local id = server:ids("run")[4]
      local run = expect.success(client.scenarios.runs:retrieve(id))
      assert.are.same(names(fields(id)), names(run))
      assert.are.same(fields(id), tables.decoded(runloop.json.encode(run)))
    end)

    it("has fields that win over methods of the same name", function()
      server:fault { path = "/scenarios/runs/", status = 200, headers = { ["Content-Type"] = "application/json" },
        body = '{"id":"scr_1","score":0.5,"scenario":"scn_1"}' }
      local run = expect.success(client.scenarios.runs:retrieve "scr_1")
      assert.are.equal(0.5, run.score)
      assert.are.equal("scn_1", run.scenario)
      assert.are.equal("function", type(run.refresh))
    end)
  end)

  describe("start_run", function()
    it("starts a run of a scenario and gives it", function()
      local scenario = server:ids("scenario")[2]
      local run, response = expect.success(client.scenarios:start_run {
        scenario_id = scenario, run_name = "nightly 7", metadata = { commit = "abc" }, benchmark_run_id = "bmr_1",
        runProfile = {
          envVars = { LANG = "C" }, purpose = "test", secrets = { TOKEN = "my-secret" },
          launchParameters = { keep_alive_time_seconds = 60 },
          mounts = { { type = "file_mount", target = "/x", content = "y" } },
        },
      })
      assert.are.equal(200, response.status)
      local ids = server:ids "run"
      assert.are.equal(ids[#ids], run.id)
      assert.are.same({
        id = run.id, devbox_id = run.devbox_id, scenario_id = scenario, state = "running", name = "nightly 7",
        metadata = { commit = "abc" }, benchmark_run_id = "bmr_1", purpose = "test",
        environment_variables = { LANG = "C" }, secrets_provided = { TOKEN = "my-secret" },
        start_time_ms = run.start_time_ms,
      }, copy(run))
      assert.are.same({
        scenario_id = scenario, run_name = "nightly 7", metadata = { commit = "abc" }, benchmark_run_id = "bmr_1",
        runProfile = {
          envVars = { LANG = "C" }, purpose = "test", secrets = { TOKEN = "my-secret" },
          launchParameters = { keep_alive_time_seconds = 60 },
          mounts = { { type = "file_mount", target = "/x", content = "y" } },
        },
      }, tables.decoded(server:last().body))
    end)

    it("takes snake_case for the names that are camelCase, and leaves the parameters alone", function()
      local params = {
        scenario_id = server:ids("scenario")[1],
        run_profile = { env_vars = { A = "1" }, launch_parameters = { architecture = "arm64" } },
      }
      local before = copy(params)
      start(params)
      assert.are.same(before, params)
      assert.are.same({
        scenario_id = params.scenario_id,
        runProfile = { envVars = { A = "1" }, launchParameters = { architecture = "arm64" } },
      }, tables.decoded(server:last().body))
    end)

    it("refuses both spellings of a name at once", function()
      expect.raises("runProfile", function()
        client.scenarios:start_run { scenario_id = "s", runProfile = {}, run_profile = {} }
      end)
      assert.are.equal(0, server:count())
    end)

    it("takes the scenario itself", function()
      local scenario = expect.success(client.scenarios:retrieve(server:ids("scenario")[3]))
      assert.are.equal(scenario.id, start({ scenario_id = scenario }).scenario_id)
    end)

    it("sends empty tables as what the API wants there", function()
      start { metadata = {}, runProfile = { envVars = {}, mounts = {}, launchParameters = { launch_commands = {} } } }
      local body = json.decode(server:last().body)
      local profile = body.runProfile
      for _, list in ipairs { profile.mounts, profile.launchParameters.launch_commands } do
        assert.are.equal(json.array_mt, getmetatable(list))
      end
      for _, map in ipairs { body.metadata, profile.envVars } do assert.is_nil(getmetatable(map)) end
    end)

    it("names what is missing, unknown or of a wrong type, and sends nothing", function()
      local function refused(text, params)
        local message = expect.raises(text, function() client.scenarios:start_run(params) end)
        assert.matches("scenarios:start_run:", message, 1, true)
      end
      refused("'scenario_id' is required", {})
      refused("'scenario_id' is required", { run_name = "x" })
      refused("unknown parameter 'runame' (did you mean 'run_name'?)", { scenario_id = "s", runame = "x" })
      refused("unknown parameter 'runProfile.env_var' (did you mean 'env", {
        scenario_id = "s", runProfile = { env_var = {} },
      })
      refused("'runProfile.launchParameters.architecture'", {
        scenario_id = "s", runProfile = { launchParameters = { architecture = "mips" } },
      })
      refused("'runProfile.mounts[1].type'", { scenario_id = "s", runProfile = { mounts = { { type = "usb" } } } })
      refused("'metadata", { scenario_id = "s", metadata = { attempt = 1 } })
      assert.are.equal(0, server:count())
    end)

    it("gives the server's error for a scenario that is not there or archived", function()
      local archived = server:ids("scenario")[1]
      expect.success(client.scenarios:archive(archived))
      expect.failure("api", "bad_request", client.scenarios:start_run { scenario_id = archived })
      local err = expect.failure("api", "not_found", client.scenarios:start_run { scenario_id = "scn_nowhere" })
      assert.are.equal(404, err.status)
      assert.matches("scn_nowhere", err.message, 1, true)
    end)
  end)

  describe("retrieve", function()
    it("gives the run and the response", function()
      local id = server:ids("run")[5]
      local run, response = expect.success(client.scenarios.runs:retrieve(id))
      assert.are.equal(id, run.id)
      assert.are.equal(200, response.status)
      assert.are.same({ "GET", "/v1/scenarios/runs/" .. id, "" }, last_request())
    end)

    it("takes a run in place of its id, and nothing of another kind", function()
      local id = server:ids("run")[5]
      local run = expect.success(client.scenarios.runs:retrieve(id))
      local again = expect.success(client.scenarios.runs:retrieve(run))
      assert.are.same(copy(run), copy(again))
      assert.are_not.equal(run, again)
      expect.raises("got a scenario", function() client.scenarios.runs:retrieve(run:scenario()) end)
    end)

    it("fails as not_found for an id that nobody has", function()
      local err = expect.failure("api", "not_found", client.scenarios.runs:retrieve "scr_nowhere")
      assert.are.equal("GET", err.method)
      assert.are.equal(1, err.attempts)
    end)
  end)

  describe("list", function()
    local function ids_where(test)
      local found = {}
      for _, id in ipairs(server:ids "run") do
        if test(fields(id)) then found[#found + 1] = id end
      end
      return found
    end

    local function listed(params)
      local found = {}
      for _, run in ipairs(expect.success(client.scenarios.runs:list(params):collect())) do
        found[#found + 1] = run.id
      end
      return found
    end

    it("gives all runs in order, page after page", function()
      assert.are.same(server:ids "run", listed { limit = 7 })
      assert.are.equal(5, server:count { path = "^/v1/scenarios/runs$" })
    end)

    it("filters by scenario, benchmark run, name, state and search", function()
      local some = fields(server:ids("run")[3])
      assert.are.same(ids_where(function(r) return r.scenario_id == some.scenario_id end),
        listed { scenario_id = some.scenario_id })
      assert.are.same(ids_where(function(r) return r.benchmark_run_id == "bmr_nightly" end),
        listed { benchmark_run_id = "bmr_nightly" })
      assert.are.same(ids_where(function(r) return r.name == "run 10" end), listed { name = "run 10" })
      assert.are.same(ids_where(function(r) return r.state == "scored" end), listed { state = "scored" })
      assert.are.same(ids_where(function(r) return r.name and r.name:find("run 1", 1, true) end),
        listed { search = "RUN 1" })
      for _, entry in ipairs(server:log()) do assert.are.equal("/v1/scenarios/runs", entry.path) end
    end)

    it("keeps every filter from page to page", function()
      listed { state = "scored", search = "run", limit = 1, include_total_count = false }
      local log = server:log()
      assert.is_true(#log > 1)
      for i, entry in ipairs(log) do
        local query = entry.query
        assert.are.equal(i > 1, query.starting_after ~= nil)
        query.starting_after = nil
        assert.are.same({ state = "scored", search = "run", limit = "1", include_total_count = "false" }, query)
      end
    end)

    it("passes a state from the future on to the server", function()
      assert.are.same({}, listed { state = "dreaming" })
      assert.are.same({ state = "dreaming" }, server:last().query)
    end)

    it("takes a scenario in place of its id", function()
      local scenario = expect.success(client.scenarios:retrieve(server:ids("scenario")[2]))
      expect.success(client.scenarios.runs:list({ scenario_id = scenario }):collect())
      assert.are.equal(scenario.id, server:last().query.scenario_id)
    end)

    it("tells the total count when asked to, and gives pages of runs", function()
      local pager = client.scenarios.runs:list { limit = 10, include_total_count = true }
      local runs = expect.success(pager:collect())
      assert.are.equal(30, pager.total_count)
      assert.are.equal("function", type(runs[30].score_and_await))
      for page in client.scenarios.runs:list({ limit = 30 }):pages() do
        assert.are.equal(30, #page.runs)
        assert.is_false(page.has_more)
        assert.are.equal("function", type(page.runs[30].download_logs))
      end
    end)

    it("refuses parameters that it does not know or that make no sense", function()
      expect.raises("unknown parameter 'scenarioid' (did you mean 'scenario_id'?)", function()
        client.scenarios.runs:list { scenarioid = "x" }
      end)
      for name, value in pairs { limit = 5001, state = 7, scenario_id = "", include_total_count = "yes", name = {} } do
        expect.raises("'" .. name .. "'", function() client.scenarios.runs:list { [name] = value } end)
      end
      assert.are.equal(0, server:count())
    end)
  end)

  describe("score, complete and cancel", function()
    it("lead a run through its life", function()
      local run = start()
      local scoring, response = expect.success(client.scenarios.runs:score(run.id))
      assert.are.equal("scoring", scoring.state)
      assert.are.equal(200, response.status)
      assert.are.same({ "POST", "/v1/scenarios/runs/" .. run.id .. "/score", "" }, last_request())
      expect.success(client.scenarios.runs:await_scored(run.id, { interval = 0.01 }))
      local completed = expect.success(client.scenarios.runs:complete(run.id))
      assert.are.equal("completed", completed.state)
      assert.are.same({ "POST", "/v1/scenarios/runs/" .. run.id .. "/complete", "" }, last_request())
      assert.are.equal("shutdown", expect.success(client.devboxes:retrieve(run.devbox_id)).status)
    end)

    it("cancel a run, which ends its devbox", function()
      local run = start()
      local canceled = expect.success(client.scenarios.runs:cancel(run.id))
      assert.are.equal("canceled", canceled.state)
      assert.are.same({ "POST", "/v1/scenarios/runs/" .. run.id .. "/cancel", "" }, last_request())
      assert.are.equal("shutdown", expect.success(client.devboxes:retrieve(run.devbox_id)).status)
    end)

    it("give the server's error for a run in the wrong state", function()
      local run = start()
      local err = expect.failure("api", "bad_request", client.scenarios.runs:complete(run.id))
      assert.are.equal(400, err.status)
      assert.matches("must be in a scored state", err.message, 1, true)
      assert.are.equal(1, err.attempts)
      expect.success(client.scenarios.runs:cancel(run.id))
      expect.failure("api", "bad_request", client.scenarios.runs:score(run.id))
      assert.are.equal("canceled", fields(run.id).state)
    end)

    it("are sent again with the same key when the connection drops", function()
      local run = start()
      server:clear_log()
      server:fault { path = "/score$", reset = true, times = 2 }
      local scoring = expect.success(client.scenarios.runs:score(run))
      assert.are.equal("scoring", scoring.state)
      local log = server:log { path = "/score$" }
      assert.are.equal(3, #log)
      for _, entry in ipairs(log) do
        assert.are.equal(log[1].header["x-request-id"], entry.header["x-request-id"])
      end
    end)
  end)

  describe("methods of a run", function()
    it("bring the table up to date in place and return it and the response", function()
      local run = start()
      local function in_place(state, method, ...)
        local metadata = run.metadata
        local same, response = expect.success(run[method](run, ...))
        assert.is_true(rawequal(run, same), method)
        assert.are.equal(200, response.status)
        assert.are.equal(state, run.state)
        assert.are.same(fields(run.id), copy(run))
        assert.are_not.equal(metadata, run.metadata)
      end
      in_place("running", "refresh")
      in_place("scoring", "score")
      in_place("scored", "await_scored", { interval = 0.01 })
      in_place("scored", "score_and_await", { interval = 0.01 })
      in_place("completed", "complete")
      run = start()
      in_place("completed", "score_and_complete", { interval = 0.01 })
      run = start()
      in_place("canceled", "cancel")
    end)

    it("remove fields that are gone", function()
      local run = scored()
      assert.is_table(run.scoring_contract_result)
      expect.success(run:score())
      assert.is_nil(run.scoring_contract_result)
      assert.is_nil(rawget(run, "scoring_contract_result"))
      run.note = "mine"
      expect.success(run:refresh())
      assert.is_nil(run.note)
    end)

    it("leave the table untouched when they fail", function()
      local run = start()
      local before, metadata = copy(run), run.metadata
      expect.failure("api", "bad_request", run:complete())
      assert.are.same(before, copy(run))
      server:set { scoring_outcome = "failed" }
      local err = expect.failure("state", "failed", run:score_and_await { interval = 0.01 })
      assert.are.equal("failed", err.last.state)
      assert.are.same(before, copy(run))
      assert.is_true(rawequal(metadata, run.metadata))
      server:fault { path = "/scenarios/runs/", body = "[]", status = 200 }
      expect.failure("decode", "SHAPE", run:refresh())
      assert.are.same(before, copy(run))
    end)

    it("take call options last", function()
      local run = start()
      expect.success(run:refresh { headers = { ["X-Note"] = "a" } })
      assert.are.equal("a", server:last().header["x-note"])
      expect.success(run:score { idempotency_key = "k1" })
      assert.are.equal("k1", server:last().header["x-request-id"])
      expect.success(run:await_scored({ interval = 0.01 }, { headers = { ["X-Note"] = "b" } }))
      assert.are.equal("b", server:last().header["x-note"])
      expect.raises("unknown call option 'timeot' (did you mean 'timeout'?)", function()
        run:refresh { timeot = 1 }
      end)
    end)

    it("are there on every run, wherever it came from", function()
      local METHODS = {
        "refresh", "score", "complete", "cancel", "await_scored", "score_and_await", "score_and_complete",
        "download_logs", "scenario",
      }
      local run = start()
      local function has_all(each)
        for _, name in ipairs(METHODS) do assert.are.equal("function", type(each[name]), name) end
      end
      has_all(run)
      has_all(expect.success(client.scenarios.runs:retrieve(run.id)))
      has_all(expect.success(client.scenarios.runs:list():next()))
      has_all(expect.success(client.scenarios.runs:cancel(run.id)))
      has_all(expect.success(client.scenarios:start_run_and_await_env_ready({ scenario_id = run.scenario_id },
        { interval = 0.01 })))
    end)

    it("give a run's scenario", function()
      local run = start()
      local scenario, response = expect.success(run:scenario())
      assert.are.equal(run.scenario_id, scenario.id)
      assert.are.equal(200, response.status)
      assert.are.equal("function", type(scenario.archive))
      assert.are.same({ "GET", "/v1/scenarios/" .. run.scenario_id, "" }, last_request())
      expect.success(run:scenario { headers = { ["X-Note"] = "a" } })
      assert.are.equal("a", server:last().header["x-note"])
    end)

    it("download the logs", function()
      local run = start()
      local zip, response = expect.success(run:download_logs())
      assert.are.equal("PK\3\4", zip:sub(1, 4))
      assert.are.equal(200, response.status)
      local path = support.tmpdir() .. "/logs.zip"
      assert.are.equal(#zip, expect.success(run:download_logs(path)))
      assert.are.equal(zip, support.read_file(path))
    end)
  end)

  describe("methods of a scenario", function()
    local scenario
    before_each(function()
      scenario = expect.success(client.scenarios:retrieve(server:ids("scenario")[2]))
    end)

    it("start a run of it", function()
      local before = copy(scenario)
      local run, response = expect.success(scenario:start_run { run_name = "mine", metadata = { a = "b" } })
      assert.are.equal(200, response.status)
      assert.are.same({ scenario.id, "mine", { a = "b" } }, { run.scenario_id, run.name, copy(run.metadata) })
      assert.are.equal(scenario.id, expect.success(scenario:start_run()).scenario_id)
      assert.are.same(before, copy(scenario))
      local params = { run_profile = { purpose = "p" } }
      assert.are.equal("p", expect.success(scenario:start_run(params, { idempotency_key = "k2" })).purpose)
      assert.are.equal("k2", server:last().header["x-request-id"])
      assert.are.same({ run_profile = { purpose = "p" } }, params)
    end)

    it("list its runs", function()
      local run = expect.success(scenario:start_run())
      local found = expect.success(scenario:runs():collect())
      assert.are.equal(run.id, found[#found].id)
      for _, each in ipairs(found) do assert.are.equal(scenario.id, each.scenario_id) end
      server:clear_log()
      local params = { state = "running", limit = 3 }
      local ids = {}
      for each in scenario:runs(params) do
        assert.are.same({ scenario.id, "running" }, { each.scenario_id, each.state })
        ids[#ids + 1] = each.id
      end
      assert.are.equal(run.id, ids[#ids])
      assert.are.same({ scenario_id = scenario.id, state = "running", limit = "3" }, server:log()[1].query)
      assert.are.same({ state = "running", limit = 3 }, params)
    end)

    it("refuse another scenario's id", function()
      local other = expect.success(client.scenarios:retrieve(server:ids("scenario")[3]))
      for _, id in ipairs { other.id, other, 5, runloop.null } do
        for _, name in ipairs { "runs", "start_run" } do
          local message = expect.raises("scenario:" .. name .. ": parameter 'scenario_id'", function()
            scenario[name](scenario, { scenario_id = id })
          end)
          assert.matches("runs_spec.lua:%d+:", message)
        end
      end
      for _, id in ipairs { scenario.id, scenario } do
        assert.are.equal(scenario.id, expect.success(scenario:start_run { scenario_id = id }).scenario_id)
        assert.are.equal(scenario.id, expect.success(scenario:runs({ scenario_id = id }):next()).scenario_id)
      end
    end)

    it("refuse what is no table of parameters, naming themselves", function()
      expect.raises("scenario:start_run", function() scenario:start_run "mine" end)
      expect.raises("scenario:runs", function() scenario:runs "mine" end)
      expect.raises("unknown parameter 'stat'", function() scenario:runs { stat = "running" } end)
    end)
  end)

  describe("devboxes", function()
    it("are retrieved as tables with every field", function()
      local run = start()
      local devbox, response = expect.success(client.devboxes:retrieve(run.devbox_id))
      assert.are.equal(200, response.status)
      assert.are.same({ "GET", "/v1/devboxes/" .. run.devbox_id, "" }, last_request())
      assert.are.same(tables.decoded(server:text("devbox", run.devbox_id)), copy(devbox))
      assert.are.equal("integer", portable.math_type(devbox.create_time_ms))
      assert.is_nil(devbox.end_time_ms)
    end)

    it("are no place for the id of something else", function()
      local run = start()
      expect.raises("got a run", function() client.devboxes:retrieve(run) end)
      expect.failure("api", "not_found", client.devboxes:retrieve "dbx_nowhere")
    end)
  end)

  describe("bad ids", function()
    it("raise, naming the call, and send nothing", function()
      local runs = client.scenarios.runs
      for _, name in ipairs {
        "retrieve", "cancel", "complete", "score", "download_logs", "await_scored", "score_and_await",
        "score_and_complete",
      } do
        for _, id in ipairs { "", ".", "..", 7, true, {}, { id = "" } } do
          local message = expect.raises("scenarios.runs:" .. name, function() runs[name](runs, id) end)
          assert.matches("id", message, 1, true)
        end
        expect.raises("'id'", function() runs[name](runs) end)
      end
      assert.are.equal(0, server:count())
    end)

    it("that hold strange bytes stay in their segment of the path", function()
      client.scenarios.runs:retrieve("a/../b c?d#é")
      assert.are.equal("/v1/scenarios/runs/a%2F..%2Fb%20c%3Fd%23%C3%A9", server:last().target)
      client.scenarios.runs:score("a/b")
      assert.are.equal("/v1/scenarios/runs/a%2Fb/score", server:last().target)
    end)
  end)
end)
