-- What stands where it would do nothing: things that are no tables of values, options in the place of others, one
-- argument too many, a colon for a dot.
local portable = require "spec.support.portable"
local runloop = require "runloop"
local support = require "spec.support"
local expect = require "spec.support.expect"

describe("In the place of a table of values", function()
  local server, client, id
  setup(function() server = support.start { scenarios = 3 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    id = server:ids("scenario")[1]
    client = server:client()
  end)
  after_each(function() client:close() end)

  local others = {
    pager = function() return (client.scenarios:list()) end,
    stream = function() return (client.axons:subscribe_sse "axn_1") end,
    task = function() return client:spawn(function() end) end,
    client = function() return client end,
    scenarios = function() return client.scenarios end,
    scenario_builder = function() return runloop.scenario "x" end,
  }
  for name, other in pairs(others) do
    it("a runloop." .. name .. " raises, and nothing is sent", function()
      local got = "got runloop." .. name
      local scenario = expect.success(client.scenarios:retrieve(id))
      local devbox = expect.success(client.devboxes:create())
      server:clear_log()
      expect.raises("parameters must be a table, " .. got, function() scenario:start_run(other()) end)
      expect.raises("parameters must be a table, " .. got, function() devbox:exec_async("true", other()) end)
      expect.raises("parameters must be a table, " .. got, function() client.scenarios:update(id, other()) end)
      expect.raises("parameters must be a table, " .. got, function() client.scenarios:create(other()) end)
      expect.raises("parameters must be a table, " .. got, function() client.scenarios:list(other()) end)
      expect.raises("'metadata' must be a table of strings, " .. got, function()
        client.devboxes:create { metadata = other() }
      end)
      expect.raises("'mounts' must be a list, " .. got, function() client.devboxes:create { mounts = other() } end)
      expect.raises("'launch_parameters' must be a table, " .. got, function()
        client.devboxes:create { launch_parameters = other() }
      end)
      expect.raises("call options must be a table, " .. got, function() client.scenarios:retrieve(id, other()) end)
      for _, option in ipairs { "query", "headers", "body" } do
        expect.raises("call option '" .. option .. "' must be a table, " .. got, function()
          client.scenarios:update(id, { name = "x" }, { [option] = other() })
        end)
      end
      expect.raises("await options must be a table, " .. got, function() client.scenarios.runs:await_scored(id, other()) end)
      expect.raises("options must be a table, " .. got, function() runloop.new(other()) end)
      expect.raises("'id' must be an id (a string, or a table with one as 'id'), " .. got, function()
        client.scenarios:retrieve(other())
      end)
      expect.raises("argument must be a table, " .. got, function() runloop.array(other()) end)
      expect.raises("query parameter 'a' must be a string, a number, a boolean or a list of these, " .. got, function()
        client:request { path = "/v1/x", query = { a = other() } }
      end)
      expect.raises("the value is a runloop." .. name .. ", which JSON cannot hold", function()
        runloop.json.encode(other())
      end)
      expect.raises("'a.b[1]' is a runloop." .. name, function()
        client:request { method = "POST", path = "/v1/x", body = { a = { b = { other() } } } }
      end)
      assert.are.equal(0, server:count())
    end)
  end

  it("and in the place of an agent a list, though it can be called", function()
    expect.raises("argument 'agent' must be a function, got runloop.pager", function()
      client:evaluate(function() end, (client.scenarios:list()))
    end)
    assert.are.equal(0, server:count())
  end)

  it("what came from the API is one", function()
    local devbox = expect.success(client.devboxes:create { metadata = { a = "b" } })
    local again = expect.success(client.devboxes:create { metadata = devbox.metadata, mounts = runloop.array {} })
    assert.are.same({ a = "b" }, again.metadata)
  end)
end)

describe("In the place of an id", function()
  local server, client, things
  setup(function()
    server = support.start { scenarios = 3, runs = 1 }
    client = server:client()
    things = {}
    things.scenario = expect.success(client.scenarios:list():next())
    things.devbox = expect.success(client.devboxes:create_and_await_running({}, { interval = 0.01 }))
    things.benchmark = expect.success(client.benchmarks:list():next())
    things.snapshot = expect.success(things.devbox:snapshot_disk())
    things.secret = expect.success(client.secrets:create { name = "TOKEN", value = "of great value" })
    things.gateway_config = expect.success(client.gateway_configs:list():next())
  end)
  teardown(function()
    client:close()
    server:stop()
  end)
  before_each(function() server:clear_log() end)

  local USES = {
    ["snapshot_id' must be the id of a snapshot"] = {
      "snapshot", function(thing) return client.devboxes:create { snapshot_id = thing } end,
    },
    ["scenarios_to_add[1]' must be the id of a scenario"] = { "scenario", function(thing)
      return client.benchmarks:update_scenarios(things.benchmark, { scenarios_to_add = { thing } })
    end },
    ["gateways.G.gateway' must be the id of a gateway"] = { "gateway_config", function(thing)
      return client.devboxes:create { gateways = { G = { gateway = thing, secret = things.secret } } }
    end },
    ["'starting_after' must be the id of a scenario"] = { "scenario", function(thing)
      return client.scenarios:list({ starting_after = thing }):collect()
    end },
    ["secrets.TOKEN' must be the name of a secret"] = { "secret", function(thing)
      return client.devboxes:create { secrets = { TOKEN = thing } }
    end },
    ["required_secret_names[1]' must be the name of a secret"] = { "secret", function(thing)
      return client.benchmarks:create { name = "b", required_secret_names = { thing } }
    end },
  }
  for text, use in pairs(USES) do
    it("a thing of another kind raises, its own is taken: '" .. text, function()
      for kind, thing in pairs(things) do
        if kind ~= use[1] then expect.raises(text, function() use[2](thing) end) end
      end
      assert.are.equal(0, server:count())
      expect.success(use[2](things[use[1]]))
    end)
  end

  it("what a parameter's name says is a kind of things", function()
    local kinds, seen = { gateway = true }, {}
    for _, name in ipairs(require "runloop.api") do
      kinds[require("runloop.resource").class(name).kind or false] = true
    end
    local function walk(of, name)
      if seen[of] then return end
      seen[of] = true
      if of.kind == "id" and not of.of_kind and name ~= "id" and name ~= "starting_after" then
        local unknown = setmetatable({ id = "x" }, { kind = "nothing" })
        local message = expect.raises("got a nothing", function()
          require("runloop.schema").check(require("runloop.schema").object { [name] = of }, { [name] = unknown }, "x")
        end)
        assert.is_true(kinds[message:match "of an? ([%w_]+)"], message)
      end
      for field, inner in pairs(of.fields or of.variants or {}) do walk(inner, field) end
      if of.of then walk(of.of, name) end
    end
    for _, name in ipairs(require "runloop.api") do
      for _, row in pairs(require("runloop.resource").class(name).definition.rows) do
        for _, part in pairs { row.query or false, row.body or false } do if part then walk(part, "") end end
      end
    end
  end)
end)

describe("One argument too many", function()
  local server, client, id
  setup(function() server = support.start { scenarios = 3, runs = 1 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    id = server:ids("scenario")[1]
    client = server:client()
  end)
  after_each(function() client:close() end)

  it("raises, in calls, helpers and methods", function()
    local scenario = expect.success(client.scenarios:retrieve(id))
    local devbox = expect.success(client.devboxes:create())
    server:clear_log()
    local options = { timeout = 5 }
    expect.raises("scenarios:retrieve: argument 3 is one too many", function()
      client.scenarios:retrieve(id, nil, options)
    end)
    expect.raises("scenarios:list: argument 3 is one too many", function() client.scenarios:list({}, {}, options) end)
    expect.raises("scenarios:update: argument 4 is one too many", function()
      client.scenarios:update(id, { name = "x" }, nil, options)
    end)
    expect.raises("devboxes:await_running: argument 4 is one too many", function()
      client.devboxes:await_running(devbox, {}, {}, options)
    end)
    expect.raises("scenarios:archive: argument 3 is one too many", function() scenario:archive({}, options) end)
    expect.raises("devbox:exec_async: argument 4 is one too many", function()
      devbox:exec_async("true", nil, nil, options)
    end)
    expect.raises("devbox:read_file: argument 3 is one too many", function() devbox:read_file("x", nil, options) end)
    expect.raises("runloop.new: argument 2 is one too many", function() runloop.new({ bearer_token = "t" }, options) end)
    assert.are.equal(0, server:count())
    expect.success(client.scenarios:retrieve(id, nil, nil))
  end)

  local more, unpack = {}, table.unpack or unpack -- luacheck: compat
  local function nothing() end

  for name, most in pairs {
    request = 2, list = 2, warm_up = 0, stats = 0, close = 1, poll = 2, run = 0, sleep = 1, map = 3, evaluate = 3,
    fds = 0, timeout = 0,
  } do
    it("raises: client:" .. name, function()
      local given = ({ map = { {}, nothing }, evaluate = { {}, nothing }, request = { { path = "/" } } })[name] or {}
      given[most + 1] = more
      expect.raises(("client:%s: argument %d is one too many: it takes %d"):format(name, most + 1, most), function()
        client[name](client, unpack(given, 1, most + 1))
      end)
      assert.are.equal(0, server:count())
    end)
  end

  for name, use in pairs {
    ["pager:next: argument 1"] = function() client.scenarios:list():next(more) end,
    ["pager:collect: argument 2"] = function() client.scenarios:list():collect(1, more) end,
    ["pager:pages: argument 1"] = function() client.scenarios:list():pages(more) end,
    ["pager:close: argument 1"] = function() client.scenarios:list():close(more) end,
    ["stream:next: argument 1"] = function() client.devboxes:watch_evictions():next(more) end,
    ["stream:close: argument 1"] = function() client.devboxes:watch_evictions():close(more) end,
    ["task:wait: argument 2"] = function() client:spawn(nothing):wait(1, more) end,
    ["task:cancel: argument 1"] = function() client:spawn(nothing):cancel(more) end,
    ["builder:with_problem_statement: argument 2"] = function()
      runloop.scenario "x":with_problem_statement("fix", more)
    end,
    ["builder:add_bash_script_scorer: argument 3"] = function()
      runloop.scenario "x":add_bash_script_scorer("s", { bash_script = "true" }, more)
    end,
    ["builder:build: argument 1"] = function() runloop.scenario "x":build(more) end,
    ["builder:push: argument 3"] = function() runloop.scenario "x":push(client, {}, more) end,
    ["runloop.scenario: argument 2"] = function() runloop.scenario("x", more) end,
    ["runloop.array: argument 2"] = function() runloop.array(nil, more) end,
    ["runloop.json.encode: argument 3"] = function() runloop.json.encode({}, nil, more) end,
    ["runloop.json.decode: argument 3"] = function() runloop.json.decode("{}", nil, more) end,
  } do
    it("raises: " .. name, function()
      expect.raises(name .. " is one too many", use)
      assert.are.equal(0, server:count())
    end)
  end
end)

describe("A name in the wrong table", function()
  local client = runloop.new { bearer_token = "token_1234", base_url = "http://127.0.0.1:9" }
  teardown(function() client:close() end)

  it("raises and says where it goes: parameters, await options and call options", function()
    local function start(...) client.scenarios:start_run_and_await_env_ready(...) end
    expect.raises("start_run_and_await_env_ready: unknown parameter 'interval' (an await option: these go into a table of"
      .. " their own", function() start { scenario_id = "scn_1", interval = 1 } end)
    expect.raises("start_run_and_await_env_ready: unknown parameter 'deadline' (a call option: these go into the last"
      .. " argument", function() start { scenario_id = "scn_1", deadline = 1 } end)
    expect.raises("unknown await option 'run_name' (a parameter: these go into the table before", function()
      start({ scenario_id = "scn_1" }, { run_name = "x" })
    end)
    expect.raises("unknown await option 'max_retries' (a call option: these go into the last argument", function()
      start({ scenario_id = "scn_1" }, { max_retries = 1 })
    end)
    expect.raises("unknown call option 'on_poll' (an await option: these go into a table of their own", function()
      start({ scenario_id = "scn_1" }, {}, { on_poll = print })
    end)
    expect.raises("unknown call option 'cancel_on_failure' (an await option", function()
      client.scenarios.runs:await_scored("scr_1", nil, { cancel_on_failure = true })
    end)
  end)

  local THERE = { ["#"] = "length", ipairs = "ipairs" }
  for name, use in pairs {
    ["#"] = function(x) return #x end, ipairs = function(x) for _ in ipairs(x) do error "an item" end end,
    ["[1]"] = function(x) return x[1] end,
  } do
    it("a client and its resources are no arrays: " .. name, function()
      if portable[THERE[name]] == false then return pending "this Lua does not ask" end
      expect.raises("client is no array", function() use(client) end)
      expect.raises("scenarios is no array", function() use(client.scenarios) end)
      expect.raises("scenarios.runs is no array", function() use(client.scenarios.runs) end)
    end)
  end
end)

describe("A colon for a dot", function()
  for name, call in pairs {
    new = function() return runloop:new {} end,
    is_error = function() return runloop:is_error({}) end,
    array = function() return runloop:array {} end,
    shell_quote = function() return runloop:shell_quote "x" end,
    ["json.encode"] = function() return runloop.json:encode {} end,
    ["json.decode"] = function() return runloop.json:decode "{}" end,
  } do
    it("raises: runloop." .. name, function() expect.raises("runloop." .. name .. ": call it with a dot", call) end)
  end

  it("is not asked of things with a comparison of their own", function()
    local thing = setmetatable({}, { __eq = function() error "compared" end })
    assert.is_false(runloop.is_error(thing))
  end)
end)

describe("A whole float", function()
  it("is an integer in a query and in headers, and has no sign when it is zero", function()
    local server = support.start { scenarios = 1 }
    finally(function() server:stop() end)
    local client = server:client()
    local numbers = { a = -0.0, b = 0.0, c = -3.0, d = 2.0 ^ 53, e = 1e15 }
    expect.success(client.scenarios:retrieve(server:ids("scenario")[1], { query = numbers, headers = numbers }))
    local sent, wanted = server:last(), { a = "0", b = "0", c = "-3", d = "9007199254740992", e = "1000000000000000" }
    assert.are.same(wanted, sent.query)
    for name, text in pairs(wanted) do assert.are.equal(text, sent.header[name]) end
    for number, text in pairs { [2.0 ^ 53] = "9007199254740992", [123456789012345] = "123456789012345", [3.0] = "3" } do
      client.devboxes.executions:retrieve("dbx_1", "exe_1", { last_n = number })
      assert.are.equal(text, server:last().query.last_n)
    end
    client:close()
  end)
end)
