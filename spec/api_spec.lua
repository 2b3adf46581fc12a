-- Every call made once, its request compared with what the API's reference says; and no endpoint without its call here.
local support = require "spec.support"
local expect = require "spec.support.expect"
local tables = require "spec.support.tables"

-- What follows is written from the reference, not from the module: every parameter that the API has, in the API's
-- names, so that one that is missing or misspelled in the module shows.

local LAUNCH_PARAMETERS = {
  after_idle = { idle_time_seconds = 600, on_idle = "suspend" },
  architecture = "x86_64",
  available_ports = { 8080, 9090 },
  custom_cpu_cores = 0.5,
  custom_disk_size = 16,
  custom_gb_memory = 2,
  keep_alive_time_seconds = 7200,
  launch_commands = { "make", "make install" },
  lifecycle = {
    after_idle = { idle_time_seconds = 600, on_idle = "suspend" },
    lifecycle_hooks = { suspend_commands = { "sync" }, suspend_deadline_ms = 30000 },
    resume_triggers = { axon_event = true, http = false },
  },
  network_policy_id = "npl_1",
  provisioning_tier = "standard",
  required_services = { "docker" },
  resource_size_request = "CUSTOM_SIZE",
  user_parameters = { uid = 1000, username = "user" },
}

local SCORING_CONTRACT = {
  scoring_function_parameters = {
    { name = "a", weight = 0.25, scorer = {
      type = "ast_grep_scorer", pattern = "print($X)", search_directory = ".", lang = "lua",
    } },
    { name = "b", weight = 0.25, scorer = { type = "bash_script_scorer", bash_script = "echo score=1.0" } },
    { name = "c", weight = 0.125, scorer = { type = "command_scorer", command = "make check" } },
    { name = "d", weight = 0.125, scorer = {
      type = "custom_scorer", custom_scorer_type = "mine", scorer_params = { deep = { 1, 2.5, "x", true } },
    } },
    { name = "e", weight = 0.125, scorer = {
      type = "python_script_scorer", python_script = "print(1)", python_version_constraint = "==3.12.10",
      requirements_contents = "requests",
    } },
    { name = "f", weight = 0.125, scorer = {
      type = "test_based_scorer", test_command = "make test",
      test_files = { { file_path = "a_test.c", file_contents = "int main(void);" } },
    } },
  },
}

local SCENARIO = {
  name = "sort",
  input_context = { problem_statement = "Sort it.", additional_context = { files = { "a", "b" }, count = 2 } },
  scoring_contract = SCORING_CONTRACT,
  environment_parameters = {
    blueprint_id = "bpt_1", snapshot_id = "snp_1", working_directory = "/home/user",
    launch_parameters = LAUNCH_PARAMETERS,
  },
  metadata = { team = "core" },
  reference_output = "diff",
  required_environment_variables = { "HOME" },
  required_secret_names = { "TOKEN" },
  scorer_timeout_sec = 600,
  validation_type = "FORWARD",
}

local START_RUN = {
  scenario_id = "{scenario}",
  benchmark_run_id = "bmr_1",
  metadata = { commit = "abc" },
  run_name = "nightly",
  runProfile = {
    envVars = { LANG = "C" },
    launchParameters = LAUNCH_PARAMETERS,
    mounts = {
      { type = "object_mount", object_id = "obj_1", object_path = "/data" },
      { type = "agent_mount", agent_id = "agt_1", agent_name = "codex", agent_path = "/agent", auth_token = "t" },
      { type = "code_mount", repo_name = "r", repo_owner = "o", token = "t", git_ref = "main",
        install_command = "make" },
      { type = "file_mount", target = "/etc/motd", content = "hello" },
      { type = "broker_mount", axon_id = "axn_1", protocol = "acp", agent_binary = "/bin/agent",
        launch_args = { "--fast" }, working_directory = "/" },
    },
    purpose = "test",
    secrets = { TOKEN = "my-secret" },
  },
}

local SCORER = { type = "mine", bash_script = "echo score=1.0" }

local function page_after(id, fields)
  fields.limit, fields.starting_after, fields.include_total_count = 7, id, false
  return fields
end

-- module below lua/runloop/api, row -> method, path, and what goes into the query or the body. `args` are the
-- arguments before `query` or `body`, "{run}" and the like standing for an id.
local ROWS = {
  scenarios = {
    list = { "GET", "/v1/scenarios", query = page_after("{scenario}", {
      name = "n", benchmark_id = "bmd_1", validation_type = "FORWARD", search = "s",
    }) },
    list_public = {
      "GET", "/v1/scenarios/list_public", query = page_after("{public}", { name = "n", search = "s" }),
    },
    retrieve = { "GET", "/v1/scenarios/{scenario}", args = { "{scenario}" } },
    create = { "POST", "/v1/scenarios", body = SCENARIO },
    update = { "POST", "/v1/scenarios/{scenario}", args = { "{scenario}" }, body = SCENARIO },
    archive = { "POST", "/v1/scenarios/{scenario}/archive", args = { "{scenario}" } },
    unarchive = { "POST", "/v1/scenarios/{scenario}/unarchive", args = { "{scenario}" } },
    start_run = { "POST", "/v1/scenarios/start_run", body = START_RUN },
  },
  scenario_runs = {
    list = { "GET", "/v1/scenarios/runs", query = page_after("{run}", {
      scenario_id = "scn_1", benchmark_run_id = "bmr_1", name = "n", state = "scored", search = "s",
    }) },
    retrieve = { "GET", "/v1/scenarios/runs/{run}", args = { "{run}" } },
    cancel = { "POST", "/v1/scenarios/runs/{run}/cancel", args = { "{run}" } },
    complete = { "POST", "/v1/scenarios/runs/{scored}/complete", args = { "{scored}" } },
    score = { "POST", "/v1/scenarios/runs/{run}/score", args = { "{run}" } },
    download_logs = {
      "POST", "/v1/scenarios/runs/{run}/download_logs", args = { "{run}" }, accept = "application/zip",
    },
  },
  scorers = {
    list = { "GET", "/v1/scenarios/scorers", query = page_after("{scorer}", { search = "s" }) },
    retrieve = { "GET", "/v1/scenarios/scorers/{scorer}", args = { "{scorer}" } },
    create = { "POST", "/v1/scenarios/scorers", body = SCORER },
    update = { "POST", "/v1/scenarios/scorers/{scorer}", args = { "{scorer}" }, body = SCORER },
  },
  devboxes = {
    retrieve = { "GET", "/v1/devboxes/{devbox}", args = { "{devbox}" } },
    -- Which only await_running calls.
    wait_for_status = {
      "POST", "/v1/devboxes/{devbox}/wait_for_status", call = "await_running", args = { "{devbox}", { timeout = 7.5 } },
      sends = { statuses = { "running", "failure", "shutdown" }, timeout_seconds = 7 },
    },
  },
}

-- Calls that are made of several requests, in order. What is looked at until something happens is there once.
local HELPERS = {
  scenarios = {
    start_run_and_await_env_ready = {
      args = { { scenario_id = "{scenario}" } },
      { "POST", "/v1/scenarios/start_run" }, { "POST", "/v1/devboxes/{new devbox}/wait_for_status" },
    },
  },
  scenario_runs = {
    await_scored = { args = { "{scored}" }, { "GET", "/v1/scenarios/runs/{scored}" } },
    score_and_await = {
      args = { "{run}" }, { "POST", "/v1/scenarios/runs/{run}/score" }, { "GET", "/v1/scenarios/runs/{run}" },
    },
    score_and_complete = {
      args = { "{run}" }, { "POST", "/v1/scenarios/runs/{run}/score" }, { "GET", "/v1/scenarios/runs/{run}" },
      { "POST", "/v1/scenarios/runs/{run}/complete" },
    },
  },
  scorers = {},
  devboxes = {
    await_running = { args = { "{devbox}" }, { "POST", "/v1/devboxes/{devbox}/wait_for_status" } },
  },
}

describe("the API", function()
  local server, client, resources, ids

  setup(function() server = support.start { scenarios = 2, public = 1, runs = 0, scorers = 2 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset { scenarios = 2, public = 1, runs = 0, scorers = 2, provisioning_polls = 0, scoring_polls = 0 }
    client = server:client { max_retries = 0 }
    resources = {
      scenarios = client.scenarios, scenario_runs = client.scenarios.runs, scorers = client.scenarios.scorers,
      devboxes = client.devboxes,
    }
    local scenario = server:ids("scenario")[1]
    local run = expect.success(client.scenarios:start_run { scenario_id = scenario })
    local scored = expect.success(client.scenarios:start_run { scenario_id = scenario })
    expect.success(scored:score_and_await { interval = 0 })
    ids = {
      scenario = scenario, run = run.id, scored = scored.id, scorer = server:ids("scorer")[1], devbox = run.devbox_id,
      public = server:ids("public")[1],
    }
    server:clear_log()
  end)
  after_each(function() client:close() end)

  -- Puts ids in the place of "{run}" and the like.
  local function filled(value)
    if type(value) == "table" then
      local copy = {}
      for k, v in pairs(value) do copy[k] = filled(v) end
      return copy
    end
    return type(value) == "string" and value:gsub("{([%a ]+)}", ids) or value
  end

  local function call(resource, name, expected)
    local args = filled(expected.args or {})
    args[#args + 1] = filled(expected.query or expected.body)
    local method = resources[resource][expected.call or name]
    assert.are.equal("function", type(method), resource .. ":" .. name .. " is no method")
    if expected.query then
      return method(resources[resource], table.unpack(args)):collect()
    end
    return method(resources[resource], table.unpack(args))
  end

  local function as_query(values)
    local query = {}
    for name, value in pairs(values) do query[name] = tostring(value) end
    return query
  end

  for module, rows in pairs(ROWS) do
    for name, expected in pairs(rows) do
      it("is called by " .. module .. ":" .. name .. " with one request, as the reference has it", function()
        expect.success(call(module, name, expected))
        assert.are.equal(1, server:count())
        local entry = server:last()
        assert.are.equal(200, entry.status)
        assert.are.same({ expected[1], filled(expected[2]) }, { entry.method, entry.path })
        assert.are.same(as_query(filled(expected.query or {})), entry.query)
        local body = expected.body or expected.sends
        if body then
          assert.are.same(filled(body), tables.decoded(entry.body))
          assert.are.equal("application/json", entry.header["content-type"])
        else
          assert.are.equal("", entry.body)
        end
        assert.are.equal(expected.accept or "application/json", entry.header.accept)
      end)
    end
  end

  for module, helpers in pairs(HELPERS) do
    for name, expected in pairs(helpers) do
      it("is called by " .. module .. ":" .. name .. " with its requests in order", function()
        expect.success(call(module, name, expected))
        local boxes = server:ids "devbox"
        ids["new devbox"] = boxes[#boxes]
        local requests = {}
        for i, entry in ipairs(server:log()) do requests[i] = { entry.method, entry.path } end
        assert.are.same(filled(table.move(expected, 1, #expected, 1, {})), requests)
      end)
    end
  end

  it("is called through client:request for everything else", function()
    local answer = expect.success(client:request {
      method = "POST", path = "/v1/devboxes/" .. ids.devbox .. "/shutdown", query = { force = "true" },
    })
    assert.are.equal(ids.devbox, answer.id)
    local entry = server:last()
    assert.are.same({ "POST", "/v1/devboxes/" .. ids.devbox .. "/shutdown", "", { force = "true" } },
      { entry.method, entry.path, entry.body, entry.query })
  end)

  describe("has no endpoint that is not called here:", function()
    local modules = {}
    for _, file in ipairs(support.list_dir(support.root .. "/lua/runloop/api")) do
      local module = file:match "^(.*)%.lua$"
      if module ~= "shapes" then modules[#modules + 1] = module end
    end

    it("every module is known", function()
      assert.are.same(tables.names(ROWS), modules)
    end)

    for _, module in ipairs(modules) do
      local rows = require("runloop.api." .. module)

      it("every row of " .. module .. " has its call, and every call its row", function()
        assert.are.same(tables.names(ROWS[module]), tables.names(rows))
      end)

      it("every row of " .. module .. " has the method and the path of its call", function()
        for name, row in pairs(rows) do
          local expected = ROWS[module][name]
          assert.are.same({ expected[1], (expected[2]:gsub("{%a+}", "{id}")) }, { row.method, row.path })
        end
      end)

      it("every method of client's " .. module .. " is a row or a helper", function()
        local methods = {}
        for name, value in pairs(resources[module]) do
          if type(value) == "function" then methods[name] = true end
        end
        local expected = {}
        for name in pairs(HELPERS[module]) do expected[name] = true end
        for name, row in pairs(ROWS[module]) do
          if not row.call then expected[name] = true end
        end
        assert.are.same(tables.names(expected), tables.names(methods))
      end)
    end
  end)

  describe("has no parameter that is not sent here:", function()
    local compare

    -- Holds a value against the shape it must match whole: no field of the shape may be absent from the value.
    local COMPARED = {
      object = function(shape, value, where)
        for name, field in pairs(shape.fields) do
          assert.is_not_nil(value[name], where .. "." .. name .. " is in the module, but not in the reference")
          compare(field, value[name], where .. "." .. name)
        end
      end,
      union = function(shape, value, where)
        compare(shape.variants[value.type], value, where .. "<" .. value.type .. ">")
      end,
      array = function(shape, value, where)
        local seen = {}
        for i, item in ipairs(value) do
          compare(shape.of, item, where .. "[" .. i .. "]")
          if type(item) == "table" then
            local variant = item.type or item.scorer and item.scorer.type
            if variant then seen[variant] = true end
          end
        end
        local union = shape.of.variants or shape.of.fields and shape.of.fields.scorer
          and shape.of.fields.scorer.variants
        if union then assert.are.same(tables.names(union), tables.names(seen), where) end
      end,
    }

    function compare(shape, value, where)
      local compared = COMPARED[shape.kind]
      if compared then return compared(shape, value, where) end
    end

    for module, rows in pairs(ROWS) do
      for name, expected in pairs(rows) do
        it(module .. ":" .. name, function()
          local row = require("runloop.api." .. module)[name]
          if row.query then compare(row.query, assert(expected.query), name) end
          if row.body then compare(row.body, assert(expected.body or expected.sends), name) end
        end)
      end
    end
  end)
end)
