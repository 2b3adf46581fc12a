-- Devboxes, their executions and snapshots: what comes back and its methods, waiting, and what is cleaned up.
local runloop = require "runloop"
local portable = require "spec.support.portable"
local support = require "spec.support"
local expect = require "spec.support.expect"
local tables = require "spec.support.tables"

local it_closing = portable.closing and it or pending
local unpack = table.unpack or unpack -- luacheck: compat

describe("client.devboxes", function()
  local server, client

  setup(function() server = support.start { scenarios = 1 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset { scenarios = 1, provisioning_polls = 0 }
    client = server:client { tunnel_url = server.storage_url .. "/tunnel/{port}-{key}" }
  end)
  after_each(function() client:close() end)

  local function boot(params)
    return expect.success(client.devboxes:create_and_await_running(params or {}, { interval = 0 }))
  end

  local function requests(filter)
    local list = {}
    for i, entry in ipairs(server:log(filter)) do list[i] = entry.method .. " " .. entry.path end
    return list
  end

  it("create and wait until one runs", function()
    local devbox, response = boot { name = "build", metadata = { a = "b" } }
    assert.are.equal("running", devbox.status)
    assert.are.equal("build", devbox.name)
    assert.are.equal(200, response.status)
    assert.are.same({ "POST /v1/devboxes", "POST /v1/devboxes/" .. devbox.id .. "/wait_for_status" }, requests())
  end)

  it("lose none that does not come up: the error carries it", function()
    server:set { devbox_outcome = "failure" }
    local err = expect.failure("state", "failure", client.devboxes:create_and_await_running({}, { interval = 0 }))
    assert.is_truthy(server:text("devbox", err.created.id))
    assert.are.equal("failure", err.last.status)
    assert.are.equal(0, server:count { path = "/shutdown$" })
    err.created:refresh()
    assert.are.equal("failure", err.created.status)
  end)

  it("shut one down that does not come up, where that is asked for", function()
    server:fault({ path = "/wait_for_status$", status = 400, json = { message = "no" } })
    local err = expect.failure("api", "bad_request",
      client.devboxes:create_and_await_running({}, { cancel_on_failure = true }))
    assert.are.equal("POST /v1/devboxes/" .. err.created.id .. "/shutdown", requests()[3])
    assert.is_nil(err.cancel_error)
  end)

  it("shut one down whose waiting task is cancelled", function()
    server:set { provisioning_polls = 1000 }
    local task = client:spawn(function()
      return client.devboxes:create_and_await_running({}, { cancel_on_failure = true })
    end)
    while server:count { path = "/wait_for_status$" } == 0 do client:poll(0.01) end
    task:cancel()
    while server:count { path = "/shutdown$" } == 0 do client:poll(0.01) end
    assert.are.equal("cancelled", task.status)
  end)

  it("are an error where the server does not say which: there is nothing to wait for", function()
    for _, answer in ipairs { {}, { id = "" }, { id = 5 } } do
      server:fault { method = "POST", path = "^/v1/devboxes$", json = answer }
      expect.failure("decode", "SHAPE", client.devboxes:create_and_await_running({}, { cancel_on_failure = true }))
      server:fault { method = "POST", path = "^/v1/blueprints$", json = answer }
      expect.failure("decode", "SHAPE", client.blueprints:create_and_await_build_complete { name = "b" })
      server:fault { method = "POST", path = "^/v1/objects$", json = answer }
      expect.failure("decode", "SHAPE", client.objects:upload_from_text("x", { name = "n" }))
      server:fault { path = "/execute$", json = { status = "running", execution_id = answer.id } }
      expect.failure("decode", "SHAPE", client.devboxes:exec("dbx_1", "true", { kill_on_failure = true }))
    end
    assert.are.equal(12, server:count())
  end)

  it("leave one alone whose waiting task is cancelled, where nothing else is asked for", function()
    server:set { provisioning_polls = 1000 }
    local task = client:spawn(function() return client.devboxes:create_and_await_running {} end)
    while server:count { path = "/wait_for_status$" } == 0 do client:poll(0.01) end
    task:cancel()
    client:run()
    assert.are.equal(0, server:count { path = "/shutdown$" })
  end)

  it("suspend and resume one, and wait for both", function()
    local devbox = boot()
    expect.success(devbox:suspend())
    assert.are.equal("suspending", devbox.status)
    expect.success(devbox:await_suspended { interval = 0 })
    assert.are.equal("suspended", devbox.status)
    expect.success(devbox:resume())
    expect.success(devbox:await_running { interval = 0 })
    assert.are.equal("running", devbox.status)
    expect.success(devbox:shutdown())
    expect.failure("state", "shutdown", devbox:await_suspended { interval = 0 })
  end)

  it("update one in place, and have methods for what has no call of its own", function()
    local devbox = boot()
    local same = expect.success(devbox:update { name = "named" })
    assert.is_true(rawequal(devbox, same))
    assert.are.equal("named", devbox.name)
    assert.are.equal(true, expect.success(devbox:keep_alive()))
    assert.are.equal(devbox.id, expect.success(devbox:usage()).id)
    assert.are.equal("table", type(expect.success(devbox:logs()).logs))
    assert.are.equal("table", type(expect.success(devbox:logs { shell_name = "s" }).logs))
    assert.are.equal("string", type(expect.success(devbox:create_ssh_key()).ssh_private_key))
  end)

  it("take numbers and booleans that are text on the wire", function()
    local devbox = boot()
    expect.success(devbox:shutdown { force = true })
    assert.are.same({ force = "true" }, server:last().query)
    local executions = client.devboxes.executions
    for given, sent in pairs { [3.0] = "3", ["4"] = "4" } do
      executions:retrieve("dbx_1", "exe_1", { last_n = given })
      assert.are.same({ last_n = sent }, server:last().query)
    end
    expect.raises("'last_n' must be an integer", function() executions:retrieve("dbx_1", "exe_1", { last_n = "x" }) end)
    expect.raises("'last_n' must be at least 0", function() executions:retrieve("dbx_1", "exe_1", { last_n = -1 }) end)
    expect.raises("'force' must be a boolean", function() client.devboxes:shutdown("dbx_1", { force = "yes" }) end)
  end)

  it("raise for what the API would refuse", function()
    local devboxes = client.devboxes
    for message, params in pairs {
      ["have 'snapshot_id' and 'blueprint_name', of which one"] = { snapshot_id = "snp_1", blueprint_name = "b" },
      ["'mounts[1]' needs an 'agent_id' or an 'agent_name'"] = { mounts = { { type = "agent_mount" } } },
      ["have file_mounts of more than 98250 bytes: '/big' (98251 bytes)"] = {
        file_mounts = { ["/big"] = ("x"):rep(98251), ["/small"] = "x" },
      },
      ["'gateways.LLM.secret' is required"] = { gateways = { LLM = { gateway = "anthropic" } } },
      ["'mcp' must be a table of tables, got string"] = { mcp = "x" },
      ["'mounts[2]' needs an 'agent_id' or an 'agent_name'"] = {
        mounts = { { type = "file_mount", target = "/a", content = "x" }, { type = "agent_mount", agent_name = "" } },
      },
    } do
      expect.raises(message, function() devboxes:create(params) end)
    end
    expect.raises("'signal' must be one of EOF, INTERRUPT", function()
      devboxes.executions:send_std_in("dbx_1", "exe_1", { signal = "KILL" })
    end)
    expect.raises("have either a 'text' or a 'signal'", function() devboxes.executions:send_std_in("dbx_1", "exe_1", {}) end)
    expect.raises("'id' must be the id of a devbox or a devbox, got a scenario", function()
      devboxes:retrieve((client.scenarios:list():next()))
    end)
    expect.raises("'commit_message' must have at most 1000 characters", function()
      devboxes:snapshot_disk("dbx_1", { commit_message = ("x"):rep(1001) })
    end)
    expect.raises("'metadata.team' must not be empty", function()
      devboxes.disk_snapshots:list { metadata = { team = {} } }
    end)
    assert.are.equal(0, server:count { path = "^/v1/devboxes" })
  end)

  describe("with a tunnel", function()
    it("tell the URL of a port", function()
      local devbox = boot()
      local err = expect.failure("state", "NO_TUNNEL", devbox:tunnel_url(8080))
      assert.are.equal(devbox, err.last)
      local tunnel = expect.success(devbox:enable_tunnel { auth_mode = "authenticated" })
      assert.are.equal(server.storage_url .. "/tunnel/8080-" .. tunnel.tunnel_key, devbox:tunnel_url(8080))
      assert.are.equal(server.storage_url .. "/tunnel/80-" .. tunnel.tunnel_key, devbox:tunnel_url(80.0))
      expect.raises("'port' must be an integer from 1 to 65535", function() devbox:tunnel_url "80" end)
      expect.success(devbox:remove_tunnel())
      assert.is_nil(devbox.tunnel)
      devbox = expect.success(client.devboxes:retrieve(devbox, { nulls = "keep" }))
      expect.failure("state", "NO_TUNNEL", devbox:tunnel_url(8080))
    end)

    it("have terminals there, with its token and never with the key or what else the client sends", function()
      client = server:client { tunnel_url = server.storage_url .. "/tunnel/{port}-{key}", headers = { ["X-Gate"] = "ours" } }
      local devbox = boot()
      local tunnel = expect.success(client.devboxes:create_pty_tunnel(devbox))
      local session = expect.success(client.pty:connect(tunnel, "main", { cols = 100, rows = 30 }))
      assert.are.same({ 100, 30, "main", true }, { session.cols, session.rows, session.session_name, session.created })
      expect.success(client.pty:control(tunnel, "main", { action = "resize", cols = 80, rows = 24 }))
      expect.success(client.pty:control(tunnel, "main", { action = "signal", signal = "SIGTERM" }))
      assert.are.equal("closed", expect.success(client.pty:control(tunnel, "main", { action = "close" })).status)
      for _, entry in ipairs(server:log { path = "^/tunnel" }) do
        assert.are.equal("storage", entry.origin)
        assert.are.equal("Bearer " .. tunnel.auth_token, entry.header.authorization)
        assert.is_nil(entry.header["x-gate"])
        assert.are.equal("application/json", entry.header.accept)
        assert.are.equal(entry.method == "POST" and "application/json" or nil, entry.header["content-type"])
        assert.is_true((entry.header["x-request-id"] ~= nil) == (entry.method == "POST"))
        for _, header in ipairs(entry.headers) do assert.is_nil(header[2]:find(server.token, 1, true)) end
      end
      local err = expect.failure("api", "not_found", client.pty:control(tunnel, "gone", { action = "close" }))
      assert.is_nil(tostring(err):find(tunnel.auth_token, 1, true))
      expect.raises("'session_name' must be", function() client.pty:connect(tunnel, "../x") end)
      expect.raises("have 'cols' and 'rows' together", function() client.pty:connect(tunnel, "x", { cols = 1 }) end)
      for _, params in ipairs {
        { action = "resize", cols = runloop.null, rows = runloop.null }, { action = "resize", cols = 80, rows = runloop.null },
        { action = "resize" },
      } do
        expect.raises("'cols' and 'rows'", function() client.pty:control(tunnel, "x", params) end)
      end
      expect.raises("need a 'signal'", function()
        client.pty:control(tunnel, "x", { action = "signal", signal = runloop.null })
      end)
      expect.raises("a GET is not sent with a body", function() client.pty:connect(tunnel, "x", {}, { body = { a = 1 } }) end)
      client.pty:control(tunnel, "main", { action = "close" }, { body = { later = 1 } })
      assert.are.same({ action = "close", later = 1 }, tables.decoded(server:last().body))
      expect.raises("'tunnel' must be what", function() client.pty:connect({ tunnel_key = "k" }, "x") end)
    end)
  end)

  describe("with commands and files", function()
    it("begin a command and wait for it", function()
      local devbox = boot()
      expect.raises("'command' is given twice", function() devbox:exec_async("true", { command = "false" }) end)
      local execution = expect.success(devbox:exec_async("echo hello; exit 3", { shell_name = "s" }))
      expect.success(execution:await_completed { interval = 0 })
      assert.are.same({ "completed", 3, "hello\n" }, { execution.status, execution.exit_status, execution.stdout })
      local again = expect.success(client.devboxes.executions:retrieve(execution, { last_n = 1 }))
      assert.are.equal(execution.execution_id, again.execution_id)
      again = expect.success(client.devboxes.executions:await_completed(execution, { interval = 0 }))
      assert.are.equal(3, again.exit_status)
      again = expect.success(client.devboxes.executions:await_completed(devbox, execution.execution_id))
      assert.are.equal(3, again.exit_status)
      again = expect.success(client.devboxes:wait_for_command(devbox, execution, { statuses = { "completed" } }))
      assert.are.equal(3, again.exit_status)
      again = expect.success(client.devboxes:wait_for_command(execution, { statuses = { "completed" } }))
      assert.are.equal(3, again.exit_status)
      expect.raises("'execution_id' must be", function() client.devboxes.executions:retrieve(devbox) end)
      assert.are.same({ statuses = { "completed" }, timeout_seconds = 25 },
        tables.decoded(server:log({ path = "/wait_for_status$" })[2].body))
    end)

    it("kill a command", function()
      local devbox = boot()
      local execution = expect.success(devbox:exec_async "sleep 60")
      expect.success(execution:kill { kill_process_group = true })
      assert.are.same({ kill_process_group = true }, tables.decoded(server:last().body))
      expect.success(execution:await_completed { interval = 0 })
    end)

    it("give a command an id of its own, the same on every attempt", function()
      local devbox = boot()
      server:fault { path = "/execute$", status = 503 }
      expect.success(client.devboxes:execute(devbox, { command = "true" }))
      local log, ids = server:log { path = "/execute$" }, {}
      for i, entry in ipairs(log) do ids[i] = tables.decoded(entry.body).command_id end
      assert.are.equal(2, #ids)
      assert.are.equal(ids[1], ids[2])
      assert.matches("^%x+%-%x%x%x%x%-7%x%x%x%-[89ab]%x%x%x%-%x+$", ids[1])
      assert.are.equal(36, #ids[1])
      local ms = tonumber(ids[1]:sub(1, 8) .. ids[1]:sub(10, 13), 16)
      assert.is_true(math.abs(ms - os.time() * 1000) < 60000)
      expect.success(client.devboxes:execute(devbox, { command = "true", command_id = ids[1] }))
      assert.are.equal(ids[1], tables.decoded(server:last().body).command_id)
      for _, none in ipairs { "", runloop.null } do
        expect.success(client.devboxes:execute(devbox, { command = "true", command_id = none }))
        assert.are.equal(36, #tables.decoded(server:last().body).command_id)
      end
    end)

    it("write and read a file, and download it", function()
      local devbox = boot()
      assert.is_true(expect.success(devbox:write_file("a.txt", "na\u{ef}ve\n")))
      assert.are.equal("na\u{ef}ve\n", expect.success(devbox:read_file "a.txt"))
      assert.are.equal("na\u{ef}ve\n", expect.success(devbox:download_file "a.txt"))
      local path = support.tmpdir() .. "/a.txt"
      assert.are.equal(7, expect.success(devbox:download_file("a.txt", path)))
      assert.are.equal("na\u{ef}ve\n", support.read_file(path))
      expect.success(devbox:write_file("empty", ""))
      assert.are.equal("", expect.success(devbox:read_file "empty"))
      expect.failure("api", "not_found", devbox:read_file "none")
    end)

    it("tell of a write that failed though its call did not", function()
      local devbox = boot()
      server:fault {
        path = "/write_file_contents$", status = 200,
        json = { devbox_id = devbox.id, exit_status = 1, stdout = "", stderr = "read-only" },
      }
      local err = expect.failure("state", "EXIT_STATUS", devbox:write_file("/proc/x", "y"))
      assert.are.equal("read-only", err.last.stderr)
    end)

    it("never begin a command twice: it is sent again only when it cannot have run", function()
      local devbox = boot()
      server:fault { path = "/execute_async$", status = 503 }
      local err = expect.failure("api", "internal_server", devbox:exec_async "true")
      assert.are.equal(1, err.attempts)
      assert.is_true(err.maybe_sent)
      server:fault { path = "/execute_async$", reset = true }
      err = expect.failure("connection", nil, devbox:exec_async "true")
      assert.are.equal(1, err.attempts)
      assert.is_true(err.maybe_sent)
      server:fault { path = "/execute_async$", status = 429 }
      local _, response = expect.success(devbox:exec_async "true")
      assert.are.equal(2, response.attempts)
      local away = runloop.new { bearer_token = "test-token", base_url = "http://127.0.0.1:1", max_retry_wait = 0.01 }
      err = expect.failure("connection", "COULDNT_CONNECT", away.devboxes:execute_async("dbx_1", { command = "x" }))
      away:close()
      assert.are.equal(6, err.attempts)
      assert.is_nil(err.maybe_sent)
    end)
  end)

  it("are not hurried by the client's timeout where a call takes long by nature #slow", function()
    local devbox = boot()
    local hasty = server:client { timeout = 0.1, max_retries = 0 }
    server:fault({ path = "/execute$", delay = 0.3 }, { path = "/write_file_contents$", delay = 0.3 },
      { path = "/usage$", delay = 0.3 }, { path = "/execute$", delay = 0.3 })
    expect.success(hasty.devboxes:execute(devbox, { command = "true" }))
    expect.success(hasty.devboxes:write_file_contents(devbox, { file_path = "a", contents = "b" }))
    expect.failure("timeout", nil, hasty.devboxes:retrieve_resource_usage(devbox))
    expect.failure("timeout", nil, hasty.devboxes:execute(devbox, { command = "true" }, { timeout = 0.1 }))
    hasty:close()
  end)

  it("are not asked again to end while they cannot", function()
    local devbox = boot()
    server:fault { path = "/shutdown$", status = 409, json = { message = "in-progress snapshots" } }
    local err = expect.failure("api", "conflict", devbox:shutdown())
    assert.are.equal(1, err.attempts)
    server:fault { path = "/delete$", status = 409, json = { message = "not complete" } }
    err = expect.failure("api", "conflict", client.devboxes.disk_snapshots:delete "snp_1")
    assert.are.equal(1, err.attempts)
  end)

  describe("with snapshots", function()
    it("take one, and wait for one that was begun", function()
      local devbox = boot()
      local words = ("\u{e9}"):rep(1000) -- characters are counted, not bytes
      local snapshot = expect.success(devbox:snapshot_disk { name = "whole", commit_message = words })
      assert.are.equal(devbox.id, snapshot.source_devbox_id)
      snapshot = expect.success(client.devboxes:snapshot_disk_async(devbox, { metadata = { env = "prod" } }))
      local same = expect.success(snapshot:await_completed { interval = 0 })
      assert.is_true(rawequal(snapshot, same))
      assert.are.same({ "complete", devbox.id }, { snapshot.status, snapshot.source_devbox_id })
      local view = expect.success(client.devboxes.disk_snapshots:await_completed(snapshot, { interval = 0 }))
      assert.are.equal("complete", view.status)
      expect.success(view.snapshot:update { name = "named" })
      assert.are.equal("named", view.snapshot.name)
      local found = expect.success(client.devboxes:list_disk_snapshots({ metadata = { env = "prod" } }):collect())
      assert.are.same({ snapshot.id }, { found[1].id, found[2] and found[2].id })
      local copy = boot { snapshot_id = snapshot }
      assert.are.equal(snapshot.id, copy.snapshot_id)
      assert.is_true(expect.success(snapshot:delete()))
    end)

    it("tell why one failed", function()
      server:fault {
        path = "/status$", status = 200, json = { status = "error", error_message = "disk full" },
      }
      local err = expect.failure("state", "error", client.devboxes.disk_snapshots:await_completed "snp_1")
      assert.matches("disk full", err.message, 1, true)
    end)
  end)

  describe("are shut down", function()
    local function shut_down(id)
      return server:count { path = "^/v1/devboxes/" .. id .. "/shutdown$" }
    end

    it_closing("at the end of their block, also by an error", function()
      local ids = {}
      do
        portable.with_closing(boot(), function(devbox)
          ids[1] = devbox.id
        end)
      end
      assert.are.equal(1, shut_down(ids[1]))
      expect.raises("oops", function()
        portable.with_closing(boot(), function(devbox)
          ids[2] = devbox.id
          error "oops"
        end)
      end)
      assert.are.equal(1, shut_down(ids[2]))
    end)

    it_closing("once: one that is down already is left alone", function()
      local id
      do
        portable.with_closing(boot(), function(devbox)
          id = devbox.id
          expect.success(devbox:shutdown())
        end)
      end
      assert.are.equal(1, shut_down(id))
    end)

    it_closing("when their task is cancelled", function()
      local id
      local task = client:spawn(function()
        portable.with_closing(boot(), function(devbox)
          id = devbox.id
          client:sleep(60)
        end)
      end)
      while not id do client:poll(0.01) end
      task:cancel()
      while shut_down(id) == 0 do client:poll(0.01) end
    end)

    it_closing("when their client is closed, which waits for it", function()
      local id
      client:spawn(function()
        portable.with_closing(boot(), function(devbox)
          id = devbox.id
          client:sleep(60)
        end)
      end)
      while not id do client:poll(0.01) end
      client:close()
      assert.are.equal(1, shut_down(id))
    end)

    it_closing("without an error of their own: that goes to on_error", function()
      local told = {}
      local own = server:client { max_retries = 0, on_error = function(err) told[#told + 1] = err end }
      server:fault { path = "/shutdown$", status = 400, json = { message = "not now" } }
      do
        portable.with_closing(expect.success(own.devboxes:create_and_await_running({}, { interval = 0 })), function(devbox)
          assert.are.equal("running", devbox.status)
        end)
      end
      own:close()
      assert.are.equal(1, #told)
      assert.are.equal("bad_request", told[1].code)
    end)

    it("behind a function that devboxes:with calls, whatever becomes of it", function()
      local id
      local a, b = client.devboxes:with({ name = "w" }, function(devbox)
        id = devbox.id
        assert.are.equal(0, shut_down(id))
        return "a", "b"
      end, { interval = 0 })
      assert.are.same({ "a", "b" }, { a, b })
      assert.are.equal(1, shut_down(id))
      expect.raises("oops", function()
        client.devboxes:with({}, function(devbox)
          id = devbox.id
          error "oops"
        end, { interval = 0 })
      end)
      assert.are.equal(1, shut_down(id))
      local task = client:spawn(function()
        return client.devboxes:with({}, function(devbox)
          id = devbox.id
          client:sleep(60)
        end, { interval = 0 })
      end)
      local before = id
      while id == before do client:poll(0.01) end
      task:cancel()
      while shut_down(id) == 0 do client:poll(0.01) end
      server:set { devbox_outcome = "failure" }
      expect.failure("state", "failure", client.devboxes:with({}, error, { interval = 0 }))
      expect.raises("'fn' must be a function", function() client.devboxes:with({}) end)
    end)

    it("before a function that devboxes:with would have called, when they do not come up in time", function()
      server:set { provisioning_polls = 1000 }
      local err = expect.failure("timeout", "AWAIT", client.devboxes:with({}, error, { timeout = 0.1, interval = 0 }))
      assert.are.equal(1, shut_down(err.created.id))
      local own = server:client()
      local task = own:spawn(function() return own.devboxes:with({}, error, { interval = 0 }) end)
      server:clear_log()
      while server:count { path = "/wait_for_status$" } == 0 do own:poll(0.01) end
      task:cancel()
      while server:count { path = "/shutdown$" } == 0 do own:poll(0.01) end
      own:spawn(function() return own.devboxes:with({}, error, { interval = 0 }) end)
      server:clear_log()
      while server:count { path = "/wait_for_status$" } == 0 do own:poll(0.01) end
      own:close()
      assert.are.equal(1, server:count { path = "/shutdown$" })
      server:set { provisioning_polls = 0 }
      expect.raises("oops", function()
        client.devboxes:with({}, error, { on_poll = function() error "oops" end })
      end)
      assert.are.equal(2, server:count { path = "/shutdown$" })
    end)

    it("when their task is cancelled, or its client closed, before it has heard of them #slow", function()
      for _, finish in ipairs { "cancel", "close" } do
        local own = server:client()
        server:clear_log()
        server:fault { method = "POST", path = "^/v1/devboxes$", delay = 0.2 }
        local task = own:spawn(function()
          return own.devboxes:create_and_await_running({}, { cancel_on_failure = true })
        end)
        while server:count { path = "^/v1/devboxes$" } == 0 do own:poll(0.01) end
        if finish == "cancel" then
          task:cancel()
          while server:count { path = "/shutdown$" } == 0 do own:poll(0.01) end
        end
        own:close()
        assert.are.same({ 1, 1 }, { server:count { path = "^/v1/devboxes$" }, server:count { path = "/shutdown$" } })
      end
    end)

    it("by a task that closes its client, which ends only then", function()
      local own = server:client()
      server:set { build_polls = 1000 }
      own:spawn(function()
        own.blueprints:create_and_await_build_complete({ name = "b" }, {
          interval = 0, cancel_on_failure = true, on_poll = function() own:close() end,
        })
      end)
      own:run()
      assert.are.equal(1, server:count { path = "^/v1/blueprints/.*/delete$" })
      expect.raises("client is closed", function() own.devboxes:list() end)
    end)

    it("no more when their client is closed before them: on_error hears of it", function()
      local told = {}
      local own = server:client { on_error = function(err) told[#told + 1] = err end }
      local devbox = expect.success(own.devboxes:create_and_await_running({}, { interval = 0 }))
      own:close()
      getmetatable(devbox).__close(devbox)
      assert.are.equal(1, #told)
      assert.are.same({ "cancelled", "devbox " .. devbox.id .. ": not cleaned up, since the client is closed" },
        { told[1].kind, told[1].message })
    end)

    it("if they have not ended of themselves, whatever the API says then", function()
      local told = {}
      local own = server:client { on_error = function(err) told[#told + 1] = err end }
      own.devboxes:with({}, function(devbox)
        server:devbox_status(devbox.id, "shutdown", "idle")
        server:fault { path = "/shutdown$", status = 400 }
      end)
      own:close()
      assert.are.same({}, told)
    end)

    it("no longer than close waits: what could not be ended is told, or raised by close where nobody hears", function()
      server:fault { path = "/shutdown$", silent = true, times = 2 }
      for _, hears in ipairs { true, false } do
        local told = {}
        local own = server:client { on_error = hears and function(err) told[#told + 1] = err end or nil }
        local devbox
        own:spawn(function()
          own.devboxes:with({}, function(made)
            devbox = made
            own:sleep(60)
          end)
        end)
        while not devbox do own:poll(0.01) end
        local ok, raised = pcall(own.close, own, 0.05)
        assert.are.equal(hears, ok)
        local err = hears and told[1] or raised
        assert.are.same({ "cancelled", "the client was closed before all was cleaned up: devbox " .. devbox.id },
          { err.kind, err.message })
        assert.is_nil(told[2])
        own:close()
      end
    end)

    it("under the name of what was made, whatever has made it", function()
      local devbox = boot()
      server:set { command_hold = 0, commands = { slow = { seconds = 30 } } }
      for name, one in pairs {
        devbox = { { path = "^/v1/devboxes$", delay = 0.1 }, "/v1/devboxes$", "/shutdown$", function(own)
          own.devboxes:create_and_await_running({}, { cancel_on_failure = true })
        end },
        blueprint = { { path = "/blueprints/bpt", silent = true, times = 9 }, "/blueprints/bpt", "/delete$", function(own)
          own.blueprints:create_and_await_build_complete({ name = "b" }, { cancel_on_failure = true })
        end },
        object = { { method = "PUT", silent = true, times = 9 }, "/storage/", "/delete$", function(own)
          own.objects:upload_from_text("text", { name = "t" })
        end },
        execution = { { path = "/wait_for_status$", silent = true, times = 9 }, "/wait_for_status$", "/kill$", function(own)
          own.devboxes:exec(devbox, "slow", { kill_on_failure = true })
        end },
      } do
        local fault, at, undo, fn = unpack(one)
        server:fault(fault)
        server:fault { path = undo, silent = true, times = 9 }
        local own, before = server:client(), server:count { path = at }
        own:spawn(fn, own)
        while server:count { path = at } == before do own:poll(0.01) end
        local ok, err = pcall(own.close, own, 0.5)
        assert.is_false(ok)
        assert.matches("before all was cleaned up: " .. name .. " %w+_%w+$", err.message)
        server:clear_faults()
      end
    end)

    it("never, where a mistake is raised: that says where it is in the task, too", function()
      local task = client:spawn(function()
        local devbox = client.devboxes:create_and_await_running({ nam = "x" }, { cancel_on_failure = true })
        return devbox
      end)
      expect.raises("devboxes_spec.lua:", function() task:wait() end)
      assert.are.same({}, requests())
    end)
  end)
end)

describe("runloop.shell_quote", function()
  it("makes one word for a shell of any text", function()
    for _, text in ipairs { "", "plain", "it's", "a b\n$c `d` \\ \"e\"", "'", "''", "na\u{ef}ve *" } do
      local _, out = support.run("printf %s " .. runloop.shell_quote(text))
      assert.are.equal(text, out)
    end
    expect.raises("must be a string, got nil", function() runloop.shell_quote() end)
    expect.raises("must not contain a zero byte", function() runloop.shell_quote "a\0b" end)
  end)
end)
