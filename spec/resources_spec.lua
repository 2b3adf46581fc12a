-- The API's other resources against the stand-in: what comes back, its methods, and what is special about each.
local runloop = require "runloop"
local support = require "spec.support"
local expect = require "spec.support.expect"
local tables = require "spec.support.tables"

describe("client", function()
  local server, client

  setup(function() server = support.start { scenarios = 30 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset { scenarios = 30, provisioning_polls = 0 }
    client = server:client {}
  end)
  after_each(function() client:close() end)

  describe(".blueprints", function()
    it("are built and waited for", function()
      local blueprint = expect.success(client.blueprints:create_and_await_build_complete({ name = "b" }, { interval = 0 }))
      assert.are.equal("build_complete", blueprint.status)
      local same = expect.success(blueprint:await_build_complete { interval = 0 })
      assert.is_true(rawequal(blueprint, same))
      assert.are.equal(blueprint.id, expect.success(blueprint:logs()).blueprint_id)
      assert.are.same({ blueprint.id }, { expect.success(client.blueprints:list({ name = "b" }):collect())[1].id })
      assert.is_true(expect.success(blueprint:delete()))
    end)

    it("are carried by the error of a build that failed, which says why; and deleted where that is asked for", function()
      server:fault {
        path = "^/v1/blueprints/[^/]+$", status = 200,
        json = { id = "bpt_x", status = "failed", failure_reason = "out_of_disk" },
      }
      local err = expect.failure("state", "failed",
        client.blueprints:create_and_await_build_complete({ name = "b" }, { interval = 0, cancel_on_failure = true }))
      assert.matches("out_of_disk", err.message, 1, true)
      assert.are.equal("/v1/blueprints/" .. err.created.id .. "/delete", server:last().path)
    end)

    it("raise for what the API would refuse", function()
      for message, params in pairs {
        ["have 'base_blueprint_id' and 'base_blueprint_name'"] = { base_blueprint_id = "b", base_blueprint_name = "b" },
        ["have file_mounts of 7860100 bytes in all"] = { file_mounts = {} },
        ["'build_context.type' must be one of object"] = { build_context = { type = "git", object_id = "o" } },
      } do
        params.name = "b"
        if params.file_mounts then
          for i = 1, 85 do params.file_mounts["/" .. i] = ("x"):rep(92471) end
          params.file_mounts["/86"] = ("x"):rep(65)
        end
        expect.raises(message, function() client.blueprints:create(params) end)
      end
    end)
  end)

  describe(".benchmarks", function()
    it("page through their scenarios, which have methods", function()
      local ids = {}
      for i, scenario in ipairs(client.scenarios:list { limit = 30 }:collect()) do ids[i] = scenario.id end
      local benchmark = expect.success(client.benchmarks:create { name = "b", scenario_ids = ids })
      local found = expect.success(benchmark:definitions({ limit = 7 }):collect())
      assert.are.equal(#ids, #found)
      expect.success(found[1]:refresh())
      expect.success(benchmark:update_scenarios { scenarios_to_remove = { ids[1] } })
      assert.are.equal(#ids - 1, #benchmark.scenarioIds)
      expect.raises("nothing to update", function() benchmark:update_scenarios() end)
      local run = expect.success(benchmark:start_run { run_name = "nightly" })
      assert.are.equal(benchmark.id, run.benchmark_id)
      expect.success(client.scenarios:start_run { scenario_id = ids[2], benchmark_run_id = run })
      local runs = expect.success(run:scenario_runs():collect())
      assert.are.equal(run.id, runs[1].benchmark_run_id)
      expect.success(run:cancel())
      assert.are.equal("canceled", run.state)
    end)

    it("page through jobs, and wait for one", function()
      local spec = {
        type = "scenarios", scenario_ids = server:ids("scenario"),
        agent_configs = { { type = "job_agent", name = "codex" } },
      }
      spec.scenario_ids = { spec.scenario_ids[1] }
      local job = expect.success(client.benchmark_jobs:create { name = "j", spec = spec })
      expect.success(client.benchmark_jobs:create { name = "k", spec = spec })
      assert.are.equal(2, #expect.success(client.benchmark_jobs:list({ limit = 1 }):collect()))
      local same = expect.success(job:await_completed { interval = 0 })
      assert.is_true(rawequal(job, same))
      assert.are.equal("completed", job.state)
      spec.agent_configs = {}
      expect.raises("'spec.agent_configs' must not be empty", function() client.benchmark_jobs:create { spec = spec } end)
    end)
  end)

  describe(".secrets", function()
    it("are known by their names, and things stand for these", function()
      local secret = expect.success(client.secrets:create { name = "MY-TOKEN", value = "s3cret-value" })
      assert.is_nil(secret.value)
      expect.success(secret:update { value = "another-value" })
      assert.are.equal("/v1/secrets/MY-TOKEN", server:last().path)
      assert.are.equal("MY-TOKEN", expect.success(client.secrets:retrieve "MY-TOKEN").name)
      expect.success(client.secrets:retrieve(secret))
      expect.success(client.secrets:retrieve { name = "MY-TOKEN" })
      local list = expect.success(client.secrets:list { limit = 5 })
      assert.are.same({ "MY-TOKEN", false }, { list.secrets[1].name, list.has_more })
      expect.success(list.secrets[1]:delete())
      expect.failure("api", "not_found", client.secrets:retrieve "MY-TOKEN")
      client.secrets:retrieve "a/b c"
      assert.are.equal("/v1/secrets/a%2Fb%20c", server:last().target)
      expect.raises("'name' must not be empty", function() client.secrets:retrieve "" end)
      expect.raises("'name' must be a name (a string, or a table with one as 'name'), got table", function()
        client.secrets:retrieve { id = "sec_1" }
      end)
    end)

    it("are not shown", function()
      local value = "correct horse battery"
      server:fault { status = 400, json = { message = "bad value: " .. value } }
      local err = expect.failure("api", "bad_request", client.secrets:create { name = "T", value = value })
      assert.is_nil(tostring(err):find(value, 1, true))
      assert.is_nil(runloop.json.encode(err.body):find(value, 1, true))
      server:fault { status = 200, body = '{"id":"' .. value }
      err = expect.failure("decode", "JSON", client.secrets:create { name = "T", value = value })
      assert.is_nil(err.body)
    end)
  end)

  describe(".axons", function()
    it("take events, and keep the nulls of an answer to SQL", function()
      local axon = expect.success(client.axons:create { name = "a", metadata = { env = "prod" } })
      local event = { event_type = "t", origin = "USER_EVENT", payload = "{}", source = "s" }
      assert.are.equal("number", type(expect.success(axon:publish(event)).sequence))
      assert.are.equal(axon.id, expect.success(client.axons:list({ metadata = { env = { "prod", "dev" } } }):next()).id)
      assert.are.equal("t", expect.success(client.axons.events:list(axon, { limit = 1 })).events[1].event_type)
      server:fault { status = 200, body = '{"columns":[],"meta":{"changes":null},"rows":[[1,null,2.0]]}' }
      local result = expect.success(axon:query { sql = "select 1, null, 2.0 where ? is null", params = { runloop.null } })
      assert.are.equal('{"params":[null],"sql":"select 1, null, 2.0 where ? is null"}',
        runloop.json.encode(runloop.json.decode(server:last().body, { nulls = "keep" }), { sort_keys = true }))
      assert.are.same({ 1, runloop.null, 2.0 }, tables.copy(result.rows[1]))
      assert.are.equal(runloop.null, result.meta.changes)
      expect.raises("'origin' must be one of", function()
        axon:publish { event_type = "t", origin = "SYSTEM_EVENT", payload = "{}", source = "s" }
      end)
    end)

    it("never take an event twice", function()
      local axon = expect.success(client.axons:create {})
      server:fault { path = "/publish$", reset = true }
      local event = { event_type = "t", origin = "USER_EVENT", payload = "{}", source = "s" }
      local err = expect.failure("connection", nil, axon:publish(event))
      assert.are.same({ 1, true }, { err.attempts, err.maybe_sent })
    end)

    it("are deleted by the API's one DELETE", function()
      local axon = expect.success(client.axons:create {})
      assert.is_true(expect.success(axon:delete()))
      assert.are.same({ "DELETE", "" }, { server:last().method, server:last().body })
    end)
  end)

  it("has what is flat in a network policy's parameters below `egress` in what comes back", function()
    local policy = expect.success(client.network_policies:create { name = "n", allowed_hostnames = { "*.example.org" } })
    assert.are.same({ "*.example.org" }, tables.copy(policy.egress.allowed_hostnames))
    expect.success(policy:update { allow_all = true })
    assert.is_true(policy.egress.allow_all)
    expect.success(policy:delete())
    for message, rule in pairs {
      ["'allowed_cidrs[1].ports[1].port' must be between 1 and 65535"] = { port = 0 },
      ["'allowed_cidrs[1].ports[1].end_port' must be between 1 and 65535"] = { port = 1, end_port = 65536 },
      ["'allowed_cidrs[1].ports[1]' has an 'end_port' below its 'port'"] = { port = 100, end_port = 99 },
    } do
      expect.raises(message, function()
        client.network_policies:create { name = "n", allowed_cidrs = { { cidr = "10.0.0.0/8", ports = { rule } } } }
      end)
    end
  end)

  it("has gateways and MCP configs that say what of them cannot be", function()
    local gateway = expect.success(client.gateway_configs:create {
      name = "g", endpoint = "https://x.example", auth_mechanism = { type = "header", key = "x-api-key" },
    })
    expect.success(gateway:update { custom_headers = {} })
    assert.are.equal('{"custom_headers":[]}', server:last().body)
    local nine = {}
    for i = 1, 9 do nine[i] = { name = "x-" .. i, value = "v" } end
    for message, fields in pairs {
      ["'custom_headers' must have at most 8 items, got 9"] = { custom_headers = nine },
      ["'auth_mechanism' needs a 'key', the"] = { auth_mechanism = { type = "header", key = "" } },
      ["'auth_mechanism' needs a 'key'"] = { auth_mechanism = { type = "header" } },
      ["'auth_mechanism' has a 'key'"] = { auth_mechanism = { type = "bearer", key = "k" } },
      ["'custom_headers[1]' needs either a 'secret' or a 'value'"] = { custom_headers = { { name = "x" } } },
    } do
      expect.raises(message, function() gateway:update(fields) end)
    end
    local config = expect.success(client.mcp_configs:create {
      name = "m", endpoint = "https://x.example", allowed_tools = { "*" },
    })
    expect.success(config:delete())
  end)

  it("has agents, objects, keys and the account", function()
    local agent = expect.success(client.agents:create {
      name = "a", source = { type = "git", git = { repository = "https://g" } },
    })
    expect.success(agent:refresh())
    assert.are.equal("number", type(expect.success(client.agents:devbox_counts()).total_count))
    expect.raises("'source' of type 'npm' needs its field 'npm'", function()
      client.agents:create { name = "a", source = { type = "npm" } }
    end)
    expect.raises("'source' of type 'npm' has a field 'pip'", function()
      client.agents:create {
        name = "a", source = { type = "npm", npm = { package_name = "p" }, pip = { package_name = "p" } },
      }
    end)
    assert.is_true(expect.success(agent:delete()))
    local object = expect.success(client.objects:create { name = "o", content_type = "text" })
    local err = expect.failure("api", nil, client.objects:retrieve("obj_none", { headers = { ["X-A"] = object.upload_url } }))
    assert.is_nil(tostring(err):find(object.upload_url, 1, true))
    expect.success(object:delete())
    local key = expect.success(client.apikeys:create {})
    assert.are.equal("{}", server:last().body)
    assert.are.equal("string", type(key.key_secret))
    server:fault { status = 400, json = { message = "no " .. key.key_secret } }
    err = expect.failure("api", "bad_request", client.accounts:me())
    assert.is_nil(tostring(err):find(key.key_secret, 1, true))
    assert.are.equal("string", type(expect.success(client.accounts:me()).name))
  end)

  it("takes an object for complete when only the answer that said so was lost", function()
    local object = expect.success(client.objects:create { name = "o", content_type = "text" })
    local conflict = { path = "/complete$", status = 409, json = { message = "not UPLOADING" } }
    local err
    server:fault(conflict)
    err = expect.failure("api", "conflict", object:complete())
    assert.are.equal(1, err.attempts)
    local there = { path = "^/v1/objects/[^/]+$", status = 200, json = { id = object.id, state = "READ_ONLY" } }
    server:fault({ path = "/complete$", status = 503 }, conflict, there)
    expect.success(object:complete())
    assert.are.equal("READ_ONLY", object.state)
    there.json.state = "ERROR"
    server:fault({ path = "/complete$", status = 503 }, conflict, there)
    expect.failure("api", "conflict", object:complete())
  end)

  describe(":list", function()
    it("pages through anything with a cursor", function()
      local items = expect.success(client:list {
        path = "/v1/scenarios", list = "scenarios", query = { limit = 7 },
      }:collect())
      assert.are.same(server:ids "scenario", (function()
        local ids = {}
        for i, item in ipairs(items) do ids[i] = item.id end
        return ids
      end)())
      assert.is_nil(getmetatable(items[1]))
      local names = {}
      for scenario in client:list { path = "/v1/scenarios?search=slow", list = "scenarios" } do
        names[#names + 1] = scenario.name
      end
      assert.is_true(#names > 0 and #names < 30)
    end)

    it("raises for what makes no sense", function()
      for message, fields in pairs {
        ["'list' must name the field"] = { path = "/x", list = "a\0b" },
        ["'path' is required"] = { list = "x" }, ["'list' is required"] = { path = "/x" },
        ["'path' must begin with '/'"] = { path = "x", list = "x" }, ["unknown field 'lst'"] = { path = "/x", lst = "x" },
        ["'path' must not contain '..'"] = { path = "/v1/../x", list = "x" },
      } do
        expect.raises(message, function() client:list(fields) end)
      end
      expect.raises("unknown call option 'list' (a field:", function()
        client:list({ path = "/x", list = "x" }, { list = "x" })
      end)
    end)
  end)

  it("says where a parameter goes that stands among the call options, and the other way round", function()
    expect.raises("unknown call option 'limit' (a parameter: these go into the table before the call options)", function()
      client.scenarios:list({}, { limit = 5 })
    end)
    expect.raises("unknown parameter 'timeout' (a call option: these go into the last argument", function()
      client.scenarios:list { timeout = 5 }
    end)
    expect.raises("'limit' must be an integer, got string (tonumber makes it a number)", function()
      client.scenarios:list { limit = "50" }
    end)
    expect.raises("query parameter 'a' must be a list, but is a list with holes", function()
      client.scenarios:list({}, { query = { a = { 1, nil, 3 } } })
    end)
  end)

  it("writes whole floats as integers into queries and headers", function()
    local id = server:ids("scenario")[1]
    expect.success(client.scenarios:retrieve(id, {
      query = { a = 2.0, b = 9007199254740992.0, c = { 1.0, 2.5 } }, headers = { ["X-N"] = 3.0, ["X-M"] = 0.5 },
    }))
    local entry = server:last()
    assert.are.same({ a = "2", b = "9007199254740992", c = "1,2.5" }, entry.query)
    assert.are.same({ "3", "0.5" }, { entry.header["x-n"], entry.header["x-m"] })
  end)

  it("downloads as a string for as long as bytes come, as to a file #slow", function()
    local run = expect.success(client.scenarios:start_run { scenario_id = server:ids("scenario")[1] })
    local size = #expect.success(run:download_logs())
    server:fault { path = "/download_logs$", trickle = { bytes = math.floor(size / 10), every = 0.1 } }
    local zip, response = expect.success(run:download_logs(nil, { timeout = 0.8, max_retries = 0 }))
    assert.matches("^PK", zip)
    assert.is_true(response.elapsed > 0.8)
    server:fault { path = "/download_logs$", cut = 20, by = "stall" }
    expect.failure("timeout", nil, run:download_logs(nil, { timeout = 0.2, max_retries = 0 }))
  end)
end)
