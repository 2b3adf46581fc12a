-- The stand-in's other resources: that all endpoints are there, and what each says no to.
local ask = require "spec.support.ask"
local support = require "spec.support"

local json = support.json

-- Every endpoint of the API, as the official clients have it, and the unlisted ones.
local ENDPOINTS = [[
GET /v1/accounts/me
POST /v1/apikeys
POST /v1/restricted_keys
POST /v1/agents
GET /v1/agents
GET /v1/agents/list_public
GET /v1/agents/devbox_counts
GET /v1/agents/{id}
POST /v1/agents/{id}/delete
POST /v1/axons
GET /v1/axons
GET /v1/axons/{id}
POST /v1/axons/{id}
DELETE /v1/axons/{id}
POST /v1/axons/{id}/publish
GET /v1/axons/{id}/subscribe/sse
GET /v1/axons/{id}/events
POST /v1/axons/{id}/sql/query
POST /v1/axons/{id}/sql/batch
POST /v1/blueprints
GET /v1/blueprints
GET /v1/blueprints/list_public
POST /v1/blueprints/preview
GET /v1/blueprints/{id}
GET /v1/blueprints/{id}/logs
POST /v1/blueprints/{id}/delete
POST /v1/devboxes
GET /v1/devboxes
GET /v1/devboxes/{id}
POST /v1/devboxes/{id}
GET /v1/devboxes/{id}/usage
POST /v1/devboxes/{id}/shutdown
POST /v1/devboxes/{id}/suspend
POST /v1/devboxes/{id}/resume
POST /v1/devboxes/{id}/keep_alive
POST /v1/devboxes/{id}/execute
POST /v1/devboxes/{id}/execute_async
POST /v1/devboxes/{id}/execute_sync
POST /v1/devboxes/{id}/executions/{id}/wait_for_status
POST /v1/devboxes/{id}/read_file_contents
POST /v1/devboxes/{id}/write_file_contents
POST /v1/devboxes/{id}/upload_file
POST /v1/devboxes/{id}/download_file
POST /v1/devboxes/{id}/enable_tunnel
POST /v1/devboxes/{id}/remove_tunnel
POST /v1/devboxes/{id}/create_pty_tunnel
POST /v1/devboxes/{id}/create_ssh_key
POST /v1/devboxes/{id}/snapshot_disk
POST /v1/devboxes/{id}/snapshot_disk_async
GET /v1/devboxes/evictions/watch
POST /v1/devboxes/{id}/create_gateway_token
POST /v1/devboxes/{id}/create_mcp_token
POST /v1/devboxes/create_and_await_running
POST /v1/devboxes/{id}/wait_for_status
GET /v1/devboxes/disk_snapshots
POST /v1/devboxes/disk_snapshots/{id}/delete
POST /v1/devboxes/disk_snapshots/{id}
GET /v1/devboxes/disk_snapshots/{id}/status
GET /v1/devboxes/{id}/logs
GET /v1/devboxes/{id}/executions/{id}
POST /v1/devboxes/{id}/executions/{id}/kill
POST /v1/devboxes/{id}/executions/{id}/send_std_in
GET /v1/devboxes/{id}/executions/{id}/stream_stdout_updates
GET /v1/devboxes/{id}/executions/{id}/stream_stderr_updates
POST /v1/gateway-configs
GET /v1/gateway-configs
GET /v1/gateway-configs/{id}
POST /v1/gateway-configs/{id}
POST /v1/gateway-configs/{id}/delete
POST /v1/mcp-configs
GET /v1/mcp-configs
GET /v1/mcp-configs/{id}
POST /v1/mcp-configs/{id}
POST /v1/mcp-configs/{id}/delete
POST /v1/network-policies
GET /v1/network-policies
GET /v1/network-policies/{id}
POST /v1/network-policies/{id}
POST /v1/network-policies/{id}/delete
POST /v1/objects
GET /v1/objects
GET /v1/objects/list_public
GET /v1/objects/{id}
POST /v1/objects/{id}/complete
GET /v1/objects/{id}/download
POST /v1/objects/{id}/delete
POST /v1/secrets
GET /v1/secrets
GET /v1/secrets/{id}
POST /v1/secrets/{id}
POST /v1/secrets/{id}/delete
POST /v1/benchmarks
GET /v1/benchmarks
GET /v1/benchmarks/list_public
POST /v1/benchmarks/start_run
GET /v1/benchmarks/{id}
POST /v1/benchmarks/{id}
GET /v1/benchmarks/{id}/definitions
POST /v1/benchmarks/{id}/scenarios
GET /v1/benchmark_runs
GET /v1/benchmark_runs/{id}
POST /v1/benchmark_runs/{id}/cancel
POST /v1/benchmark_runs/{id}/complete
GET /v1/benchmark_runs/{id}/scenario_runs
POST /v1/benchmark_jobs
GET /v1/benchmark_jobs
GET /v1/benchmark_jobs/{id}
POST /v1/scenarios
GET /v1/scenarios
GET /v1/scenarios/list_public
POST /v1/scenarios/start_run
GET /v1/scenarios/{id}
POST /v1/scenarios/{id}
POST /v1/scenarios/{id}/archive
POST /v1/scenarios/{id}/unarchive
GET /v1/scenarios/runs
GET /v1/scenarios/runs/{id}
POST /v1/scenarios/runs/{id}/cancel
POST /v1/scenarios/runs/{id}/complete
POST /v1/scenarios/runs/{id}/score
POST /v1/scenarios/runs/{id}/download_logs
POST /v1/scenarios/scorers
GET /v1/scenarios/scorers
GET /v1/scenarios/scorers/{id}
POST /v1/scenarios/scorers/{id}
]]

describe("the stand-in", function()
  local server, api
  lazy_setup(function()
    server = support.start { scenarios = 12, public = 3, stream_idle = 0.01 }
    api = ask.new(server)
  end)
  lazy_teardown(function() server:stop() end)
  before_each(function() server:reset() end)

  it("has every endpoint, and says 404 to an id of nobody #slow", function()
    local count = 0
    for method, path in ENDPOINTS:gmatch "(%u+) (%S+)\n" do
      count = count + 1
      local answer, status = api:send(method, (path:gsub("{id}", "nobody")))
      local message = type(answer) == "table" and answer.message or ""
      assert.is_nil(message:find "No such endpoint", method .. " " .. path)
      if path:find "{id}" then
        assert.are.same({ 404, method .. " " .. path }, { status, method .. " " .. path }, message)
        assert.is_truthy(message:find "not found", message)
      else
        assert.is_true(status == 200 or status == 400, method .. " " .. path .. " " .. status .. " " .. message)
      end
    end
    assert.are.equal(125, count) -- and two of terminals, on the other origin
  end)

  it("has no settings that nothing looks at", function()
    assert.has_error(function() server:set { scoring_pols = 1 } end, "no such setting: scoring_pols")
    assert.has_error(function() server:reset { scenario = 1 } end, "no such setting: scenario")
  end)

  it("pages through every list", function()
    server:set { commands = { x = {} } }
    for i = 1, 3 do
      api:devbox()
      api:post("/v1/agents", { name = "a" .. i })
      api:post("/v1/axons", {})
      api:post("/v1/blueprints", { name = "b" .. i })
      api:post("/v1/objects", { name = "o" .. i, content_type = "text" })
      api:post("/v1/gateway-configs", { name = "g" .. i, endpoint = "https://x", auth_mechanism = { type = "bearer" } })
      api:post("/v1/mcp-configs", { name = "m" .. i, endpoint = "https://x", allowed_tools = json.array { "*" } })
      api:post("/v1/network-policies", { name = "n" .. i })
      api:post("/v1/benchmark_jobs", { name = "j" .. i })
      api:post("/v1/benchmarks/start_run", { benchmark_id = "bmd_beta" })
    end
    for path, key in pairs {
      devboxes = "devboxes", agents = "agents", axons = "axons", blueprints = "blueprints", objects = "objects",
      ["gateway-configs"] = "gateway_configs", ["mcp-configs"] = "mcp_configs", ["network-policies"] = "network_policies",
      benchmarks = "benchmarks", benchmark_runs = "runs", benchmark_jobs = "jobs", scenarios = "scenarios",
      ["scenarios/runs"] = "runs", ["scenarios/scorers"] = "scorers", ["benchmarks/bmd_alpha/definitions"] = "scenarios",
      ["benchmark_runs/bmr_nightly/scenario_runs"] = "runs", ["agents/list_public"] = "agents",
      ["blueprints/list_public"] = "blueprints", ["objects/list_public"] = "objects",
    } do
      local seen, cursor, n = {}, "", 0
      local page, status
      repeat
        page, status = api:get("/v1/" .. path .. "?limit=2&starting_after=" .. cursor)
        assert.are.same({ 200, path }, { status, path })
        for _, item in ipairs(page[key]) do
          assert.is_nil(seen[item.id])
          seen[item.id], cursor, n = true, item.id, n + 1
        end
      until not page.has_more
      assert.are.same({ page.total_count, path }, { n, path })
      assert.is_true(n >= 2, path)
    end
  end)

  it("finds secrets by their names, and never shows a value", function()
    assert.are.equal(200, api:status("POST", "/v1/secrets", { name = "MY-KEY", value = "hidden value" }))
    assert.are.equal(400, api:status("POST", "/v1/secrets", { name = "MY-KEY", value = "x" }))
    assert.are.equal(400, api:status("POST", "/v1/secrets", { name = "my key", value = "x" }))
    local view, _, _, text = api:get "/v1/secrets/MY%2DKEY"
    assert.are.equal("MY-KEY", view.name)
    assert.is_nil(text:find "hidden")
    assert.are.equal(404, api:status("GET", "/v1/secrets/" .. view.id))
    api:post("/v1/secrets/MY-KEY", { value = "other" })
    api:post("/v1/secrets", { name = "B", value = "y" })
    local page = api:get "/v1/secrets?limit=1&starting_after=nobody"
    assert.are.same({ 1, true, 2 }, { #page.secrets, page.has_more, page.total_count })
    assert.are.equal("MY-KEY", api:post("/v1/secrets/MY-KEY/delete").name)
    assert.are.equal(404, api:status("GET", "/v1/secrets/MY-KEY"))
  end)

  it("patches configurations, and keeps what is in use", function()
    api:post("/v1/secrets", { name = "S", value = "x" })
    local gateway = api:post("/v1/gateway-configs", {
      name = "g", endpoint = "https://x", auth_mechanism = { type = "header", key = "X-Key" },
      custom_headers = { { name = "A", secret = "S" } },
    })
    assert.are.equal("sec_", gateway.custom_headers[1].secret:sub(1, 4))
    local at = "/v1/gateway-configs/" .. gateway.id
    assert.are.same({ "h", "https://x" }, { api:post(at, { name = "h" }).name, api:post(at, {}).endpoint })
    assert.are.equal(0, #api:post(at, { custom_headers = json.array {} }).custom_headers)
    assert.are.equal(400, api:status("POST", "/v1/gateway-configs",
      { name = "h", endpoint = "https://x", auth_mechanism = { type = "bearer" } }))
    assert.are.equal(400, api:status("POST", at, { auth_mechanism = { type = "bearer", key = "x" } }))
    assert.are.equal(400, api:status("POST", "/v1/gateway-configs/gwc_openai", { name = "mine" }))
    local box, view = api:devbox { gateways = { MODEL = { gateway = "h", secret = "S" } } }
    assert.are.equal(gateway.id, view.gateway_specs.MODEL.gateway_config_id)
    assert.are.equal(400, api:status("POST", at .. "/delete"))
    assert.are.equal("gws_", api:post(box .. "/create_gateway_token", { gateway = "h", secret = "S" }).token:sub(1, 4))
    api:post(box .. "/shutdown")
    assert.are.equal(200, api:status("POST", at .. "/delete"))

    local policy = api:post("/v1/network-policies", { name = "p", allow_all = true })
    assert.are.same({ true, true }, { policy.egress.allow_all, policy.egress.allow_devbox_to_devbox })
    policy = api:post("/v1/network-policies/" .. policy.id, { allowed_hostnames = { "*.x" } })
    assert.are.same({ true, "*.x" }, { policy.egress.allow_all, policy.egress.allowed_hostnames[1] })
    assert.are.equal(1, #api:get "/v1/network-policies?name=P".network_policies)
  end)

  it("has agents by name and version", function()
    for _, version in ipairs { "1", "2" } do
      assert.are.equal(200, api:status("POST", "/v1/agents", {
        name = "mine", version = version, source = { type = "npm", npm = { package_name = "x" } },
      }))
    end
    assert.are.equal("2", api:get "/v1/agents?name=min&version=latest".agents[1].version)
    assert.are.equal(2, #api:get "/v1/agents?is_public=false".agents)
    assert.are.equal(400, api:status("POST", "/v1/agents", { name = "x", source = { type = "npm" } }))
    api:devbox { mounts = { { type = "agent_mount", agent_id = json.null, agent_name = "mine" } } }
    assert.are.same({ mine = 1 }, api:get "/v1/agents/devbox_counts".counts)
  end)

  it("holds scenarios in benchmarks, and runs in benchmark runs", function()
    local ids = server:ids "scenario"
    local benchmark = api:post("/v1/benchmarks", { name = "b", scenario_ids = { ids[1], ids[2] } })
    local at = "/v1/benchmarks/" .. benchmark.id
    assert.are.same({ ids[1], ids[2] }, { benchmark.scenarioIds[1], benchmark.scenarioIds[2] })
    benchmark = api:post(at .. "/scenarios", { scenarios_to_add = { ids[3] }, scenarios_to_remove = { ids[1] } })
    assert.are.same({ ids[2], ids[3] }, { benchmark.scenarioIds[1], benchmark.scenarioIds[2] })
    assert.are.equal(400, api:status("POST", at, { scenario_ids = { "nobody" } }))
    assert.are.equal(ids[3], api:get(at .. "/definitions?limit=1&starting_after=" .. ids[2]).scenarios[1].id)
    assert.are.equal(4, #api:get "/v1/benchmarks/bmd_alpha/definitions".scenarios)
    local bench = api:post("/v1/benchmarks/start_run", { benchmark_id = benchmark.id, run_name = "r", metadata = { a = "b" } })
    assert.are.equal(1, #api:get "/v1/benchmark_runs?name=r&state=running&metadata%5Ba%5D=b".runs)
    server:set { scoring_polls = 0, provisioning_polls = 0 }
    local last
    for i = 2, 3 do
      last = api:post("/v1/scenarios/start_run", { scenario_id = ids[i], benchmark_run_id = bench.id })
      if i == 2 then
        api:post("/v1/scenarios/runs/" .. last.id .. "/score")
        assert.are.equal("scored", api:get("/v1/scenarios/runs/" .. last.id).state)
      end
    end
    local path = "/v1/benchmark_runs/" .. bench.id
    assert.are.equal(1, #api:get(path .. "/scenario_runs?state=scored").runs)
    local done = api:post(path .. "/complete")
    assert.are.same({ "completed", 0.375 }, { done.state, done.score })
    assert.are.equal(400, api:status("POST", path .. "/cancel"))
    assert.are.equal(400, api:status("POST", "/v1/scenarios/start_run", { scenario_id = ids[1], benchmark_run_id = bench.id }))
    bench = api:post("/v1/benchmarks/start_run", { benchmark_id = benchmark.id })
    local run = api:post("/v1/scenarios/start_run", { scenario_id = ids[2], benchmark_run_id = bench.id })
    assert.are.equal("canceled", api:post("/v1/benchmark_runs/" .. bench.id .. "/cancel").state)
    assert.are.equal("canceled", api:get("/v1/scenarios/runs/" .. run.id).state)
    assert.are.equal("shutdown", api:get("/v1/devboxes/" .. run.devbox_id).status)
  end)

  it("has jobs go on by looks", function()
    local job = api:post("/v1/benchmark_jobs", { name = "j", spec = {
      type = "benchmark", benchmark_id = "bmd_alpha", agent_configs = { { type = "job_agent", name = "me" } },
    } })
    local states = { job.state }
    repeat
      job = api:get("/v1/benchmark_jobs/" .. job.id)
      if job.state ~= states[#states] then states[#states + 1] = job.state end
    until job.state == "completed"
    assert.are.same({ "initializing", "queued", "running", "completed" }, states)
    assert.are.same({ "me", 4, 0.75 }, {
      job.benchmark_outcomes[1].agent_name, #job.benchmark_outcomes[1].scenario_outcomes,
      job.benchmark_outcomes[1].average_score,
    })
    assert.are.equal(400, api:status("POST", "/v1/benchmark_jobs",
      { spec = { type = "scenarios", scenario_ids = json.array {} } }))
    assert.are.equal(400, api:status("POST", "/v1/benchmark_jobs", { spec = { type = "nonsense" } }))
  end)

  it("shows keys once, checks their scopes, and has runs fail that lack what they need", function()
    assert.are.equal("ak_", api:post("/v1/apikeys", {}).key_secret:sub(1, 3))
    assert.are.equal("rk_", api:post("/v1/restricted_keys", { name = "x", scopes = {
      { access_level = "ACCESS_LEVEL_READ", resource_type = "RESOURCE_TYPE_DEVBOXES" },
    } }).key_secret:sub(1, 3))
    assert.are.equal(400, api:status("POST", "/v1/restricted_keys", { scopes = { { access_level = "ALL" } } }))
    server:set { requirements = true }
    local id = server:ids "scenario"[3] -- wants API_KEY and HOME
    assert.are.equal("failed", api:post("/v1/scenarios/start_run", { scenario_id = id }).state)
    assert.are.equal("running", api:post("/v1/scenarios/start_run", {
      scenario_id = id, runProfile = { envVars = { API_KEY = "x", HOME = "y" } },
    }).state)
  end)

  -- The fields that the API promises, and those that it may send besides.
  local VIEWS = {
    AccountView = "account_status billing created_at id name tier | account_billing_type active_subscription "
      .. "external_billing_account_id stripe_customer_id email",
    APIKeyCreatedView = "id key_secret | expires_at_ms name",
    RestrictedKeyCreatedView = "id key_secret scopes | expires_at_ms name",
    AgentView = "create_time_ms id is_public name | source version",
    AxonView = "created_at_ms id metadata | name",
    AxonEventView = "axon_id event_type origin payload sequence source timestamp_ms",
    PublishResultView = "sequence timestamp_ms",
    BlueprintView = "create_time_ms id name parameters state status | base_blueprint_id build_finish_time_ms "
      .. "containerized_services devbox_capabilities failure_reason is_public metadata",
    BlueprintBuildLog = "level message timestamp_ms",
    DevboxView = "capabilities create_time_ms end_time_ms id launch_parameters metadata state_transitions status | "
      .. "blueprint_id failure_reason gateway_specs initiator_id initiator_type mcp_specs name shutdown_reason "
      .. "snapshot_id tunnel",
    DevboxResourceUsageView = "disk_gb_seconds id memory_gb_seconds start_time_ms status total_active_seconds "
      .. "total_elapsed_seconds vcpu_seconds | end_time_ms",
    TunnelView = "auth_mode create_time_ms http_keep_alive tunnel_key wake_on_http | auth_token",
    PtyTunnelView = "auth_token tunnel_key",
    SshKeyView = "id ssh_private_key ssh_user url",
    GatewayTokenView = "auth_mechanism devbox_id endpoint gateway_config_id token url",
    McpTokenView = "allowed_tools devbox_id endpoint mcp_config_id token url",
    AsyncExecution = "devbox_id execution_id status | exit_status shell_name stderr stderr_truncated stdout stdout_truncated",
    ExecutionDetail = "devbox_id exit_status stderr stdout | shell_name",
    Log = "level source timestamp_ms | cmd cmd_id exit_code message shell_name",
    SnapshotView = "create_time_ms id metadata source_devbox_id | commit_message name size_bytes source_blueprint_id",
    SnapshotStatus = "status | error_message snapshot",
    GatewayConfigView = "auth_mechanism create_time_ms endpoint id name | account_id custom_headers description",
    McpConfigView = "allowed_tools auth_mechanism create_time_ms endpoint id name | custom_headers description",
    NetworkPolicyView = "create_time_ms egress id name update_time_ms | description",
    Egress = "allow_agent_gateway allow_all allow_devbox_to_devbox allow_mcp_gateway allow_runloop_mirrors "
      .. "allowed_cidrs allowed_hostnames",
    ObjectView = "content_type create_time_ms id name state | delete_after_time_ms metadata size_bytes upload_url",
    SecretView = "create_time_ms id name update_time_ms",
    BenchmarkView = "id metadata name scenarioIds status | attribution description is_public "
      .. "required_environment_variables required_secret_names",
    BenchmarkRunView = "id metadata start_time_ms state | benchmark_id duration_ms environment_variables name purpose "
      .. "score secrets_provided",
    BenchmarkJobView = "create_time_ms id name state | benchmark_outcomes failure_reason in_progress_runs job_source job_spec",
    BenchmarkOutcome = "agent_name benchmark_run_id n_completed n_failed n_timeout scenario_outcomes | average_score "
      .. "duration_ms model_name",
    ScenarioRunView = "devbox_id id metadata scenario_id state | benchmark_run_id duration_ms environment_variables name "
      .. "purpose scoring_contract_result secrets_provided start_time_ms",
    ScorerView = "bash_script id type",
  }

  local function promised(view, value)
    assert.are.equal("table", type(value), view)
    local must, may = VIEWS[view]:match "^([^|]*)|?(.*)$"
    local known = {}
    for name in must:gmatch "%S+" do
      known[name] = true
      assert.is_truthy(value[name] ~= nil, view .. " has no " .. name .. ": " .. tostring(value.message))
    end
    for name in may:gmatch "%S+" do known[name] = true end
    for name in pairs(value) do assert.is_true(known[name], view .. " has " .. name) end
    return value
  end

  it("answers with the fields that the API promises, and no others", function()
    server:set { provisioning_polls = 0, job_polls = 0, commands = { x = { stdout = "out", stderr = "err" } } }
    local scenario = server:ids "scenario"[1]
    promised("AccountView", api:get "/v1/accounts/me")
    promised("APIKeyCreatedView", api:post("/v1/apikeys", {}))
    promised("RestrictedKeyCreatedView", api:post("/v1/restricted_keys", {}))
    promised("AgentView", api:post("/v1/agents", { name = "a" }))
    promised("AgentView", api:get "/v1/agents/list_public".agents[1])
    promised("SecretView", api:post("/v1/secrets", { name = "S", value = "x" }))
    local axon = promised("AxonView", api:post("/v1/axons", {}))
    promised("PublishResultView", api:post("/v1/axons/" .. axon.id .. "/publish",
      { event_type = "e", origin = "USER_EVENT", payload = "p", source = "s" }))
    promised("AxonEventView", api:get("/v1/axons/" .. axon.id .. "/events").events[1])
    promised("AxonEventView", api:events("/v1/axons/" .. axon.id .. "/subscribe/sse")[1].data)
    local blueprint = promised("BlueprintView", api:post("/v1/blueprints", { name = "b" }))
    promised("BlueprintBuildLog", api:get("/v1/blueprints/" .. blueprint.id .. "/logs").logs[1])
    promised("BlueprintView", api:get "/v1/blueprints/list_public".blueprints[1])
    local gateway = promised("GatewayConfigView", api:post("/v1/gateway-configs",
      { name = "g", endpoint = "https://x", auth_mechanism = { type = "bearer" } }))
    promised("GatewayConfigView", api:get "/v1/gateway-configs/gwc_openai")
    promised("McpConfigView", api:post("/v1/mcp-configs", { name = "m", endpoint = "https://x", allowed_tools = { "*" } }))
    promised("Egress", promised("NetworkPolicyView", api:post("/v1/network-policies", { name = "n" })).egress)
    promised("ObjectView", api:post("/v1/objects", { name = "o", content_type = "text" }))
    promised("ObjectView", api:get "/v1/objects/list_public".objects[1])
    promised("BenchmarkView", api:get "/v1/benchmarks/bmd_alpha")
    promised("BenchmarkRunView", api:post("/v1/benchmarks/start_run", { benchmark_id = "bmd_alpha" }))
    promised("ScenarioRunView", api:post("/v1/scenarios/start_run", { scenario_id = scenario }))
    promised("ScorerView", api:get "/v1/scenarios/scorers".scorers[1])
    local job = promised("BenchmarkJobView", api:post("/v1/benchmark_jobs", { spec = {
      type = "scenarios", scenario_ids = { scenario }, agent_configs = { { type = "job_agent", name = "a" } },
    } }))
    repeat job = api:get("/v1/benchmark_jobs/" .. job.id) until job.state == "completed"
    promised("BenchmarkOutcome", promised("BenchmarkJobView", job).benchmark_outcomes[1])

    local path, box = api:devbox { gateways = { P = { gateway = gateway.id, secret = "S" } }, tunnel = {} }
    promised("DevboxView", box)
    promised("TunnelView", box.tunnel)
    promised("DevboxResourceUsageView", api:get(path .. "/usage"))
    promised("PtyTunnelView", api:post(path .. "/create_pty_tunnel"))
    promised("SshKeyView", api:post(path .. "/create_ssh_key"))
    promised("GatewayTokenView", api:post(path .. "/create_gateway_token", { gateway = "g", secret = "S" }))
    promised("McpTokenView", api:post(path .. "/create_mcp_token", { mcp_config = "m", secret = "S" }))
    promised("AsyncExecution", api:exec(path, "x", { shell_name = "s" }))
    promised("AsyncExecution", api:post(path .. "/execute_async", { command = "x" }))
    promised("ExecutionDetail", api:post(path .. "/execute_sync", { command = "x" }))
    for _, log in ipairs(api:get(path .. "/logs").logs) do promised("Log", log) end
    local snapshot = promised("SnapshotView", api:post(path .. "/snapshot_disk_async", {}))
    promised("SnapshotStatus", api:get("/v1/devboxes/disk_snapshots/" .. snapshot.id .. "/status"))
    promised("SnapshotView", api:get "/v1/devboxes/disk_snapshots".snapshots[1])
    promised("DevboxView", api:post(path .. "/shutdown?force=true"))
  end)
end)
