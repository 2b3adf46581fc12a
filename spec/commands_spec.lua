-- Commands on devboxes: run to their end with their whole output, or followed as it comes.
local expect = require "spec.support.expect"
local support = require "spec.support"
local tables = require "spec.support.tables"

describe("devbox:exec", function()
  local server, client, devbox

  setup(function() server = support.start { scenarios = 1 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset { scenarios = 1, provisioning_polls = 0 }
    client = server:client()
    devbox = expect.success(client.devboxes:create_and_await_running({}, { interval = 0 }))
    server:clear_log()
  end)
  after_each(function() client:close() end)

  -- The end of each path that was asked for.
  local function calls()
    local list = {}
    for i, entry in ipairs(server:log()) do list[i] = entry.path:match "[^/]+$" end
    return list
  end

  it("exec ends as cancelled when a function of its output closes the client", function()
    for _, kill in ipairs { false, true } do
      local own = server:client()
      local machine = expect.success(own.devboxes:create_and_await_running({}, { interval = 0.01 }))
      expect.failure("cancelled", "CANCELLED", machine:exec("echo one; sleep 0.1; echo two", {
        kill_on_failure = kill, stdout = function() own:close() end, stderr = function() end,
      }))
    end
  end)

  it("gives the output and the exit status of a command, which is no error whatever it is", function()
    local result, response = expect.success(devbox:exec "echo out; echo err >&2; exit 3")
    assert.are.same({ "completed", 3, "out\n", "err\n" },
      { result.status, result.exit_status, result.stdout, result.stderr })
    assert.are.equal(200, response.status)
    assert.are.same({ "execute" }, calls())
    result = expect.success(client.devboxes:exec(devbox.id, "echo $0; true", { shell_name = "s" }))
    assert.are.equal("s", result.shell_name)
    result = expect.success(client.devboxes:exec(devbox, "true"))
    assert.are.equal(0, result.exit_status)
  end)

  it("waits for one that runs longer than an answer is held", function()
    server:set { command_hold = 0.05, commands = { slow = { stdout = "done", seconds = 1 } } }
    local seen = {}
    local result = expect.success(devbox:exec("slow", {
      interval = 0, on_poll = function(view) seen[#seen + 1] = view.status end,
    }))
    assert.are.equal("done", result.stdout)
    assert.are.equal("running", seen[1])
    assert.are.equal("completed", seen[#seen])
    local log = server:log()
    assert.are.equal("execute", log[1].path:match "[^/]+$")
    for i = 2, #log do assert.matches("/executions/" .. result.execution_id .. "/wait_for_status$", log[i].path) end
    assert.are.equal(408, log[2].status)
    assert.are.same({ "completed" }, tables.decoded(log[2].body).statuses)
  end)

  it("runs a command once, though its answer is lost", function()
    server:fault { path = "/execute$", effect = true, status = 503 }
    local result, response = expect.success(devbox:exec "echo x >>file; cat file")
    assert.are.equal("x\n", result.stdout)
    assert.are.equal(2, response.attempts)
    local log = server:log { path = "/execute$" }
    local ids = { tables.decoded(log[1].body).command_id, tables.decoded(log[2].body).command_id }
    assert.are.equal(ids[1], ids[2])
    assert.matches("^%x+%-%x%x%x%x%-7", ids[1])
    expect.success(devbox:exec "true")
    assert.are_not.equal(ids[1], tables.decoded(server:last().body).command_id)
  end)

  it("ends when its time is over, with the last view; the command goes on", function()
    server:set { commands = { slow = { seconds = 30 } } }
    local err = expect.failure("timeout", "AWAIT", devbox:exec("slow", { timeout = 0.6 }))
    assert.are.equal("running", err.last.status)
    assert.matches("the command: not there after 0.6 seconds", err.message, 1, true)
    assert.are.equal("running", err.last:refresh().status)
  end)

  it("kills a command that did not get to its end, where that is asked for, and what it has started #slow", function()
    local err = expect.failure("timeout", "AWAIT", devbox:exec("sleep 60; true", {
      timeout = 0.6, kill_on_failure = true,
    }))
    assert.are.same({ kill_process_group = true }, tables.decoded(server:log({ path = "/kill$" })[1].body))
    assert.is_nil(err.cancel_error)
    assert.are.equal("completed", expect.success(err.last:await_completed { interval = 0 }).status)
    server:fault { path = "/kill$", status = 400, json = { message = "no" } }
    server:set { commands = { slow = { seconds = 30 } } }
    err = expect.failure("timeout", "AWAIT", devbox:exec("slow", { timeout = 0.6, kill_on_failure = true }))
    assert.are.equal("bad_request", err.cancel_error.code)
  end)

  it("kills the command of a task that is cancelled, where that is asked for", function()
    server:set { command_hold = 0, commands = { slow = { seconds = 30 } } }
    local task = client:spawn(function() return devbox:exec("slow", { kill_on_failure = true }) end)
    while server:count { path = "/wait_for_status$" } == 0 do client:poll(0.01) end
    task:cancel()
    while server:count { path = "/kill$" } == 0 do client:poll(0.01) end
  end)

  it("kills it also when its first answer has not come yet, which is not held for long #slow", function()
    server:set { commands = { slow = { seconds = 30 } } }
    local task = client:spawn(function() return devbox:exec("slow", { kill_on_failure = true }) end)
    while server:count { path = "/execute$" } == 0 do client:poll(0.01) end
    assert.are.equal(1, tables.decoded(server:log({ path = "/execute$" })[1].body).optimistic_timeout)
    task:cancel()
    while server:count { path = "/kill$" } == 0 do client:poll(0.01) end
  end)

  it("kills it when on_poll raises at the first answer", function()
    server:set { command_hold = 0, commands = { slow = { seconds = 30 } } }
    expect.raises("oops", function()
      devbox:exec("slow", { kill_on_failure = true, on_poll = function() error "oops" end })
    end)
    assert.are.equal(1, server:count { path = "/kill$" })
  end)

  it("says what the API says", function()
    local err = expect.failure("api", "not_found", client.devboxes:exec("dbx_none", "true"))
    assert.is_nil(err.last)
  end)

  it("raises for what cannot be meant", function()
    expect.raises("'command' must be a string, got nil", function() devbox:exec() end)
    expect.raises("'stdout' must be a function, got table", function() devbox:exec("x", { stdout = {} }) end)
    expect.raises("unknown option 'shell' (did you mean 'shell_name'?)", function() devbox:exec("x", { shell = "s" }) end)
    expect.raises("unknown option 'max_retries' (a call option", function() devbox:exec("x", { max_retries = 1 }) end)
    expect.raises("'last_n' must be at least 0", function() devbox:exec("x", { last_n = -1 }) end)
    assert.are.same({}, calls())
  end)

  it("holds up no other call, though hundreds of commands are waited for #slow", function()
    server:set { commands = { slow = { seconds = math.huge } } }
    local own = server:client { max_connections = 1 }
    local tasks = {}
    for i = 1, 100 do tasks[i] = own:spawn(function() return own.devboxes:exec(devbox.id, "slow") end) end
    while server:count { path = "/execute$" } < 100 do own:poll(0.01) end
    local quick = own:spawn(function() return own.devboxes:retrieve(devbox.id) end)
    expect.success(quick:wait())
    assert.are.equal("running", tasks[100].status)
    server:set { commands = {} }
    for i = 1, 100 do expect.success(tasks[i]:wait()) end
    own:close()
  end)

  describe("with functions", function()
    local function collector()
      local texts = {}
      return function(text) texts[#texts + 1] = text end, function() return table.concat(texts) end
    end

    it("gives them the output as it comes, both streams to their end", function()
      local out, out_text = collector()
      local err, err_text = collector()
      local result = expect.success(devbox:exec("echo one; sleep 0.1; echo two; echo bad >&2; exit 2", {
        stdout = out, stderr = err,
      }))
      assert.are.same({ 2, "one\ntwo\n", "bad\n" }, { result.exit_status, out_text(), err_text() })
      assert.are.equal(1, tables.decoded(server:log({ path = "/execute$" })[1].body).optimistic_timeout)
      assert.are.equal(1, server:count { path = "/stream_stdout_updates$" })
      assert.are.equal(1, server:count { path = "/stream_stderr_updates$" })
    end)

    it("opens no stream that nobody asked for", function()
      local out, text = collector()
      local result = expect.success(devbox:exec("echo one; echo bad >&2", { stdout = out }))
      assert.are.same({ "one\n", "bad\n" }, { text(), result.stderr })
      assert.are.equal(0, server:count { path = "/stream_stderr_updates$" })
    end)

    it("streams beside the wait, while the command runs #slow", function()
      server:set { command_hold = 0.02 }
      local states, last = {}, nil
      expect.success(devbox:exec("echo one; sleep 0.5; echo two", {
        interval = 0, on_poll = function(view) last = view.status end,
        stdout = function(text) states[text] = last end,
      }))
      assert.are.equal("running", states["one\n"])
      assert.are.equal("completed", last)
    end)

    it("works in a task, and its functions may make calls", function()
      local name
      local task = client:spawn(function()
        return devbox:exec("echo one", { stdout = function() name = assert(client.devboxes:retrieve(devbox.id)).id end })
      end)
      client:run()
      assert.are.equal(0, task:wait().exit_status)
      assert.are.equal(devbox.id, name)
    end)

    it("raises again what one of them raised, and kills the command where that is asked for #slow", function()
      local thrown = {}
      local function work()
        devbox:exec("echo one; sleep 60", { stdout = function() error(thrown) end, kill_on_failure = true })
      end
      local ok, err = pcall(work)
      assert.is_false(ok)
      assert.is_true(rawequal(thrown, err))
      assert.are.equal(1, server:count { path = "/kill$" })
      ok, err = pcall(function() client:spawn(work):wait() end)
      assert.is_false(ok)
      assert.is_true(rawequal(thrown, err))
      client:run()
      assert.are.equal(2, server:count { path = "/kill$" })
      assert.are.equal(0, client:stats().in_flight)
    end)

    it("ends when its time is over, though a stream does not #slow", function()
      server:set { commands = { slow = { stdout = "x", seconds = 30 } } }
      for _, spec in ipairs { { timeout = 0.6 }, { timeout = 0.6, kill_on_failure = true } } do
        local out, text = collector()
        spec.stdout = out
        local err = expect.failure("timeout", "AWAIT", devbox:exec("slow", spec))
        assert.are.equal("running", err.last.status)
        assert.are.equal("x", text())
      end
      assert.are.equal(1, server:count { path = "/kill$" })
      assert.are.equal(0, client:stats().in_flight)
    end)

    it("fails when a stream cannot be had: less output is no output", function()
      server:fault { path = "/stream_stdout_updates$", status = 404, json = { message = "gone" } }
      local err = expect.failure("api", "not_found", devbox:exec("echo one", { stdout = function() end }))
      assert.are.equal("completed", err.last.status)
      assert.are.equal(0, client:stats().in_flight)
    end)

    it("is cancelled with its task, and leaves nothing on its way #slow", function()
      server:set { commands = { slow = { stdout = "x", seconds = 30 } } }
      local begun
      local task = client:spawn(function()
        return devbox:exec("slow", { stdout = function() begun = true end })
      end)
      while not begun do client:poll(0.01) end
      task:cancel()
      assert.are.equal("cancelled", task.status)
      assert.are.equal(0, client:poll())
      assert.are.equal(0, client:stats().in_flight)
    end)

    it("keeps no text: 200 MB go through in flat memory #heavy", function()
      server:set { commands = { flood = { stdout = { text = ("x"):rep(1000), times = 200000 } } }, chunk_bytes = 65536 }
      support.gc()
      local size, most, before = 0, 0, support.rss()
      local result = expect.success(devbox:exec("flood", {
        stdout = function(text)
          size = size + #text
          most = math.max(most, support.rss())
        end,
      }))
      assert.are.equal(200000000, size)
      assert.is_true(#result.stdout <= 65536)
      assert.is_true(most - before < 25000000, ("%d more bytes"):format(most - before))
    end)
  end)

  it("fetches what the view has cut off, whole", function()
    local result = expect.success(devbox:exec "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; seq 300 >&2")
    local lines = {}
    for i = 0, 4999 do lines[i + 1] = "line " .. i .. "\n" end
    assert.are.equal(table.concat(lines), result.stdout)
    assert.is_false(result.stdout_truncated)
    local _, count = result.stderr:gsub("\n", "")
    assert.are.equal(300, count)
    assert.are.equal(1, server:count { path = "/stream_stdout_updates$" })
  end)

  it("gives the last lines where these are enough, and fetches no more", function()
    local result = expect.success(devbox:exec("seq 1000", { last_n = 2 }))
    assert.are.equal("999\n1000\n", result.stdout)
    assert.are.same({ "execute" }, calls())
    assert.are.same({ last_n = "2" }, server:last().query)
  end)

  it("gives no output that is larger than it may be", function()
    local own = server:client { max_body_bytes = 100000 }
    server:set { view_bytes = 1000, commands = { big = { stdout = { text = "0123456789", times = 20000 } } } }
    local err = expect.failure("limit", "BODY_TOO_LARGE", own.devboxes:exec(devbox.id, "big"))
    assert.are.equal("completed", err.last.status)
    own:close()
  end)

  it("fails when the rest of the output cannot be had", function()
    server:set { view_bytes = 1000, commands = { big = { stdout = { text = "0123456789", times = 20000 } } } }
    server:fault { path = "/stream_stdout_updates$", times = 10, status = 503 }
    local err = expect.failure("api", "internal_server", devbox:exec "big")
    assert.are.equal("completed", err.last.status)
  end)
end)
