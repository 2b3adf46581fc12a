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
    server:set { command_hold = 0.05, commands = { slow = { stdout = "done", seconds = 0.3 } } }
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
    local err = expect.failure("timeout", "AWAIT", devbox:exec("slow", { timeout = 0.2 }))
    assert.are.equal("running", err.last.status)
    assert.matches("the command: not there after 0.2 seconds", err.message, 1, true)
    assert.are.equal("running", err.last:refresh().status)
  end)

  it("kills a command that did not get to its end, where that is asked for, and what it has started", function()
    local err = expect.failure("timeout", "AWAIT", devbox:exec("sleep 60; true", {
      timeout = 0.2, kill_on_failure = true,
    }))
    assert.are.same({ kill_process_group = true }, tables.decoded(server:log({ path = "/kill$" })[1].body))
    assert.is_nil(err.cancel_error)
    assert.are.equal("completed", expect.success(err.last:await_completed { interval = 0 }).status)
    server:fault { path = "/kill$", status = 400, json = { message = "no" } }
    server:set { commands = { slow = { seconds = 30 } } }
    err = expect.failure("timeout", "AWAIT", devbox:exec("slow", { timeout = 0.2, kill_on_failure = true }))
    assert.are.equal("bad_request", err.cancel_error.code)
  end)

  it("kills the command of a task that is cancelled, where that is asked for", function()
    server:set { command_hold = 0, commands = { slow = { seconds = 30 } } }
    local task = client:spawn(function() return devbox:exec("slow", { kill_on_failure = true }) end)
    while server:count { path = "/wait_for_status$" } == 0 do client:poll(0.01) end
    task:cancel()
    while server:count { path = "/kill$" } == 0 do client:poll(0.01) end
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

  it("holds up no other call, though hundreds of commands are waited for", function()
    server:set { commands = { slow = { seconds = 0.5 } } }
    local own = server:client { max_connections = 1 }
    local tasks = {}
    for i = 1, 100 do tasks[i] = own:spawn(function() return own.devboxes:exec(devbox.id, "slow") end) end
    while server:count { path = "/execute$" } < 100 do own:poll(0.01) end
    local quick = own:spawn(function() return own.devboxes:retrieve(devbox.id) end)
    expect.success(quick:wait())
    assert.are.equal("running", tasks[100].status)
    for i = 1, 100 do expect.success(tasks[i]:wait()) end
    own:close()
  end)
end)
