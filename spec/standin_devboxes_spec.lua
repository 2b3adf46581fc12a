-- The stand-in's devboxes: their lives, commands that really run, files that are really there, and what is left.
local ask = require "spec.support.ask"
local socket = require "socket"
local support = require "spec.support"

local have_luv = pcall(require, "luv")

-- Whether the process ends. An init that is slow to take its last leave does not count: a zombie runs no more.
local function gone(pid)
  for _ = 1, 1000 do
    local stat = support.read_file("/proc/" .. pid .. "/stat")
    if stat and stat:match "^.*%) (%a)" == "Z" or support.run("kill -0 " .. pid) ~= 0 then return true end
    support.sleep(0.005)
  end
  return false
end

describe("a devbox of the stand-in #slow", function()
  local server, api
  lazy_setup(function()
    server = support.start { scenarios = 2, runs = 2 }
    api = ask.new(server)
  end)
  lazy_teardown(function() server:stop() end)
  before_each(function() server:reset() end)

  it("boots by looks, suspends, resumes and ends", function()
    server:set { boot = { "queued", "provisioning", "initializing" }, provisioning_polls = 0 }
    local box = api:post("/v1/devboxes", { name = "a", metadata = { k = "v" } })
    assert.are.same({ "queued", "a", { k = "v" } }, { box.status, box.name, box.metadata })
    local path, seen = "/v1/devboxes/" .. box.id, {}
    for i = 1, 4 do seen[i] = api:get(path).status end
    assert.are.same({ "provisioning", "initializing", "running", "running" }, seen)
    assert.are.equal("suspending", api:post(path .. "/suspend").status)
    assert.are.equal(400, api:status("POST", path .. "/resume"))
    assert.are.equal("suspended", api:get(path).status)
    assert.are.equal(400, api:status("POST", path .. "/execute_async", { command = "true" }))
    assert.are.equal("resuming", api:post(path .. "/resume").status)
    assert.are.equal("running", api:get(path).status)
    box = api:post(path .. "/shutdown")
    assert.are.same({ "shutdown", "api_shutdown", "number" }, { box.status, box.shutdown_reason, type(box.end_time_ms) })
    assert.are.equal(400, api:status("POST", path .. "/suspend"))
    assert.are.equal(404, api:status("POST", "/v1/devboxes/nobody/suspend"))
    local statuses = {}
    for i, transition in ipairs(box.state_transitions) do statuses[i] = transition.status end
    assert.are.same({ "queued", "provisioning", "initializing", "running", "suspending", "suspended", "resuming",
      "running", "shutdown" }, statuses)
  end)

  it("ends when its time to live is over, unless it is kept alive", function()
    local path = api:devbox { launch_parameters = { keep_alive_time_seconds = 600 } }
    server:advance(500)
    assert.are.equal(200, api:status("POST", path .. "/keep_alive"))
    server:advance(500)
    assert.are.equal("running", api:get(path).status)
    server:advance(200)
    local box = api:get(path)
    assert.are.same({ "shutdown", "keep_alive_timeout" }, { box.status, box.shutdown_reason })
  end)

  it("is changed, listed, and has what is asked of it checked", function()
    local path = api:devbox { name = "a", metadata = { k = "v" } }
    assert.are.same({ "a", {} }, { api:post(path, { metadata = {} }).name, api:get(path).metadata })
    assert.are.equal(support.json.null, api:post(path, { name = "" }).name)
    assert.are.equal(1, #api:get("/v1/devboxes?status=running&limit=1").devboxes)
    for _, body in ipairs {
      { nmae = "x" }, { blueprint_id = "a", snapshot_id = "b" }, { blueprint_id = "nobody" }, { metadata = { a = 1 } },
      { mounts = { { type = "nonsense" } } }, { mounts = { { type = "agent_mount", agent_id = "x" } } },
      { launch_parameters = { resource_size_request = "HUGE" } }, { secrets = { A = "nobody" } },
    } do
      assert.are.equal(400, api:status("POST", "/v1/devboxes", body), support.json.encode(body))
    end
  end)

  it("has one tunnel, keys, and terminals on another origin", function()
    local path = api:devbox()
    local tunnel = api:post(path .. "/enable_tunnel", { auth_mode = "authenticated" })
    assert.are.same({ "authenticated", "string" }, { tunnel.auth_mode, type(tunnel.auth_token) })
    assert.are.equal(400, api:status("POST", path .. "/enable_tunnel", {}))
    assert.are.equal(tunnel.tunnel_key, api:get(path).tunnel.tunnel_key)
    assert.are.equal(200, api:status("POST", path .. "/remove_tunnel"))
    assert.are.equal(404, api:status("POST", path .. "/remove_tunnel"))
    assert.is_truthy(api:post(path .. "/create_ssh_key").ssh_private_key:find "BEGIN")
    local pty = api:post(path .. "/create_pty_tunnel")
    local function connect(token, session)
      local http = require "socket.http"
      local _, status = http.request {
        url = ("%s/tunnel/13-%s/pty/%s?cols=100&rows=30"):format(server.storage_url, pty.tunnel_key, session),
        headers = { Authorization = "Bearer " .. token },
      }
      return status
    end
    assert.are.equal(200, connect(pty.auth_token, "main"))
    assert.are.equal(400, connect(pty.auth_token, "a.b"))
    assert.are.equal(401, connect(server.token, "main"))
  end)

  it("answers commands from a table", function()
    server:set { commands = {
      hello = { stdout = "hi\n", stderr = "oops\n", exit_status = 3 },
      { pattern = "^big", stdout = { text = "0123456789\n", times = 10000 } },
    } }
    local path = api:devbox()
    local view = api:exec(path, "hello")
    assert.are.same({ "completed", 3, "hi\n", "oops\n", false },
      { view.status, view.exit_status, view.stdout, view.stderr, view.stdout_truncated })
    view = api:exec(path, "big one")
    assert.are.same({ ("0123456789\n"):rep(100), true }, { view.stdout, view.stdout_truncated })
    local size = 0
    local stream = ("%s/executions/%s/stream_stdout_updates"):format(path, view.execution_id)
    for _, event in ipairs(api:events(stream)) do
      assert.are.equal(size, event.data.offset)
      size = size + #event.data.output
    end
    assert.are.equal(110000, size)
  end)

  it("answers 408 while a command goes on, and as soon as it ends", function()
    server:set { command_hold = 0.01, commands = { slow = { seconds = 60 }, quick = { seconds = 0.02 } } }
    local path = api:devbox()
    local slow = api:exec(path, "slow")
    assert.are.equal("running", slow.status)
    local wait = ("%s/executions/%s/wait_for_status"):format(path, slow.execution_id)
    local _, status, headers = api:post(wait, { statuses = { "completed" }, timeout_seconds = 25 })
    assert.are.same({ 408, "true" }, { status, headers["x-should-retry"] })
    assert.are.equal(200, api:status("POST", wait, { statuses = { "running" } }))
    assert.are.equal(400, api:status("POST", wait, { statuses = { "done" } }))
    assert.are.equal(400, api:status("POST", wait, { statuses = { "completed" }, timeout_seconds = 26 }))
    assert.are.equal(137, api:post(wait:gsub("wait_for_status", "kill"), {}).exit_status)
    server:set { command_hold = 25 }
    assert.are.equal("completed", api:exec(path, "quick").status)
  end)

  it("takes the same command_id for the same command", function()
    server:set { commands = { x = {} } }
    local path = api:devbox()
    local one, two = api:exec(path, "x", { command_id = "one" }), api:exec(path, "x", { command_id = "one" })
    assert.are.equal(one.execution_id, two.execution_id)
    assert.are_not.equal(one.execution_id, api:exec(path, "x", { command_id = "two" }).execution_id)
  end)

  it("shows the last lines, and says when there were more", function()
    server:set { view_bytes = 10, commands = { x = { stdout = "one\ntwo\nthree\nfour" }, e = { stdout = "é\né\né\né\né\n" } } }
    local path = api:devbox()
    local function shown(n, command)
      local view = api:post(path .. "/execute?last_n=" .. n, { command = command or "x", command_id = n .. (command or "") })
      return { view.stdout, view.stdout_truncated }
    end
    assert.are.same({ "four", true }, shown(1))
    assert.are.same({ "three\nfour", true }, shown(2))
    assert.are.same({ "three\nfour", true }, shown(50))
    server:set { view_bytes = 8 }
    assert.are.same({ "\né\né\n", true }, shown(50, "e")) -- and no half of a character
    assert.are.equal(400, api:status("POST", path .. "/execute?last_n=x", { command = "x", command_id = "y" }))
    server:set { view_bytes = 100 }
    assert.are.same({ "one\ntwo\nthree\nfour", false }, shown(4))
  end)
end)

describe("a devbox of the stand-in that really runs commands #slow", function()
  if not have_luv then return it("needs lua-luv", function() pending "lua-luv is not installed" end) end

  local server, api, path
  lazy_setup(function()
    server = support.start { scenarios = 2 }
    api = ask.new(server)
  end)
  lazy_teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    path = api:devbox { environment_variables = { GREETING = "hi there" } }
  end)

  local function execution(id, what)
    return ("%s/executions/%s/%s"):format(path, id, what)
  end

  local function start(command, stdin)
    return api:post(path .. "/execute_async", { command = command, attach_stdin = stdin }).execution_id
  end

  local function ended(id)
    return (api:post(execution(id, "wait_for_status"), { statuses = { "completed" } }))
  end

  it("has their output, status and environment", function()
    local view = api:exec(path, 'echo "$GREETING"; cat; pwd >&2; exit 7')
    assert.are.same({ "hi there\n", 7 }, { view.stdout, view.exit_status })
    assert.is_truthy(view.stderr:find "/home/user\n$")
    assert.are.equal(127, api:exec(path, "no-such-program").exit_status)
    assert.are.equal(137, api:exec(path, "kill -9 $$").exit_status)
  end)

  it("streams output as it comes, in offsets that add up, as well-formed text", function()
    local id = start "printf 'one\\303'; sleep 0.05; printf '\\251two\\377'; echo oops >&2"
    local text = ""
    for _, event in ipairs(api:events(execution(id, "stream_stdout_updates"))) do
      assert.are.equal(#text, event.data.offset)
      text = text .. event.data.output
    end
    assert.are.equal("oneétwo\239\191\189", text)
    assert.are.equal("oops\n", api:events(execution(id, "stream_stderr_updates"))[1].data.output)
    assert.are.equal(text, ended(id).stdout)
  end)

  it("keeps what a command has written faster than it is read", function()
    local ids = {}
    for i = 1, 4 do ids[i] = start "head -c 200000 /dev/zero | tr '\\000' '\\377'" end
    for _, id in ipairs(ids) do
      local bytes = 0
      for _, event in ipairs(api:events(execution(id, "stream_stdout_updates"))) do bytes = bytes + #event.data.output end
      assert.are.equal(600000, bytes)
    end
  end)

  it("gives them input, signals and an end of input", function()
    local id = start("while read line; do echo \"got $line\"; done; echo end", true)
    assert.is_true(api:post(execution(id, "send_std_in"), { text = "a\nb\n" }).success)
    api:post(execution(id, "send_std_in"), { signal = "EOF" })
    assert.are.equal("got a\ngot b\nend\n", ended(id).stdout)
    id = start("exec sleep 600", true)
    api:post(execution(id, "send_std_in"), { signal = "INTERRUPT" })
    assert.are.equal(130, ended(id).exit_status)
    assert.are.equal(400, api:status("POST", execution(start "sleep 600", "send_std_in"), { text = "x" }))
  end)

  it("kills one process, or its whole group", function()
    local id = start "sleep 600 & echo $!; wait"
    -- It has said the process's number when the log has a second line.
    repeat local said = api:get(path .. "/logs?execution_id=" .. id).logs[2] until said
    api:post(execution(id, "kill"), { kill_process_group = true })
    local view = ended(id)
    assert.are.equal(137, view.exit_status)
    assert.is_true(gone(view.stdout))
    id = start "sleep 600 & echo $!; wait"
    repeat local said = api:get(path .. "/logs?execution_id=" .. id).logs[2] until said
    api:post(execution(id, "kill"), {})
    view = ended(id)
    assert.are.same({ 137, 0 }, { view.exit_status, (support.run("kill -0 " .. view.stdout)) })
  end)

  it("keeps a named shell's directory and variables, one command at a time", function()
    local function shell(command) return api:exec(path, command, { shell_name = "main" }) end
    assert.are.equal(0, shell "mkdir -p a/b; cd a/b; X='two words'; export Y=1".exit_status)
    assert.is_truthy(shell 'pwd; echo "$X/$Y"'.stdout:find "/a/b\ntwo words/1\n$")
    assert.is_nil(api:exec(path, "pwd").stdout:find "/a/b")
    assert.are.equal(3, shell "exit 3".exit_status)
    local wait = "until [ -f ~/go ]; do sleep 0.01; done; echo 1 >>order"
    local first = api:post(path .. "/execute_async", { command = wait, shell_name = "main" })
    local second = api:post(path .. "/execute_async", { command = "echo 2 >>order", shell_name = "main" })
    assert.are.same({ "running", "queued" }, { first.status, second.status })
    api:exec(path, ": >go")
    ended(second.execution_id)
    assert.are.equal("1\n2\n", api:exec(path, "cat a/b/order").stdout)
  end)

  it("has files that are read, written, uploaded and downloaded", function()
    local function read(name) return select(4, api:post(path .. "/read_file_contents", { file_path = name })) end
    assert.are.equal(0, api:post(path .. "/write_file_contents", { file_path = "d/é.txt", contents = "text ✓" }).exit_status)
    assert.are.equal("text ✓", api:exec(path, "cat d/é.txt").stdout)
    assert.are.equal("text ✓", api:exec(path, "cat /home/user/d/é.txt").stdout)
    assert.are.equal("text ✓", read "/home/user/d/../d/é.txt")
    assert.are.equal(404, api:status("POST", path .. "/read_file_contents", { file_path = "../../../etc/passwd" }))
    local failed = api:post(path .. "/write_file_contents", { file_path = "d", contents = "x" })
    assert.are.same({ 1, true }, { failed.exit_status, failed.stderr:find "directory" ~= nil })
    api:exec(path, ": >empty")
    assert.are.equal("", read "empty")

    local function upload(name, bytes, tail)
      local status = server:request {
        method = "POST", path = path .. "/upload_file",
        headers = { ["Content-Type"] = "multipart/form-data; boundary=b-1" },
        body = '--b-1\r\nContent-Disposition: form-data; name="path"\r\n\r\n' .. name .. "\r\n--b-1\r\n"
          .. 'Content-Disposition: form-data; name="file"; filename="x"\r\nContent-Type: application/octet-stream\r\n\r\n'
          .. bytes .. (tail or "\r\n--b-1--\r\n"),
      }
      return status
    end
    local bytes = "\0\r\n--b-\r\n" .. ("\255x\r\n"):rep(1000)
    for _, size in ipairs { 0, 1, #bytes, 3000000 } do -- the last is more than is held in memory
      local content = bytes:rep(math.floor(size / #bytes) + 1):sub(1, size)
      assert.are.equal(200, upload("up/file.bin", content))
      local status, headers, got = server:request {
        method = "POST", path = path .. "/download_file", body = '{"path":"up/file.bin"}',
      }
      assert.are.same({ 200, "application/octet-stream" }, { status, headers["content-type"] })
      assert.is_true(got == content)
    end
    assert.are.equal(400, upload("x", "y", ""))
    assert.are.equal(400, upload("", "y"))
    assert.are.equal(415, (server:request { method = "POST", path = path .. "/upload_file", body = "{}" }))
    assert.is_true(server:last().body_bytes == 2)
  end)

  it("goes on as a copy through a snapshot, and has what its blueprint has", function()
    api:exec(path, "echo old >file; ln -s file link")
    local snapshot = api:post(path .. "/snapshot_disk_async", { name = "s", metadata = { env = "prod" } })
    local at = "/v1/devboxes/disk_snapshots/" .. snapshot.id
    assert.are.equal(409, api:status("POST", path .. "/shutdown"))
    assert.are.equal(409, api:status("POST", at .. "/delete"))
    repeat local status = api:get(at .. "/status") until status.status == "complete"
    api:exec(path, "echo new >file")
    local copy = api:devbox { snapshot_id = snapshot.id }
    assert.are.equal("old\n", api:exec(copy, "cat link").stdout)
    assert.are.equal(1, #api:get("/v1/devboxes/disk_snapshots?metadata%5Benv%5D=prod").snapshots)
    assert.are.equal(0, #api:get("/v1/devboxes/disk_snapshots?metadata%5Benv%5D=test").snapshots)
    assert.are.same({ a = "b" }, api:post(at, { metadata = { a = "b" } }).metadata)
    assert.are.equal(200, api:status("POST", at .. "/delete"))
    assert.are.equal("deleted", api:get(at .. "/status").status)

    local blueprint = api:post("/v1/blueprints", { name = "bp", file_mounts = { ["/etc/conf"] = "42\n" } })
    assert.are.equal("queued", blueprint.status)
    assert.are.equal(400, api:status("POST", "/v1/devboxes", { blueprint_id = blueprint.id }))
    repeat blueprint = api:get("/v1/blueprints/" .. blueprint.id) until blueprint.status == "build_complete"
    assert.is_true(#api:get("/v1/blueprints/" .. blueprint.id .. "/logs").logs > 2)
    local built = api:devbox { blueprint_name = "bp", mounts = { { type = "file_mount", target = "m", content = "n" } } }
    assert.are.equal("42\n", select(4, api:post(built .. "/read_file_contents", { file_path = "/etc/conf" })))
    assert.are.equal("n", api:exec(built, "cat m").stdout)
  end)

  it("has objects, whose bytes go by URLs of another origin that wants no token", function()
    local function transfer(method, url, body, extra)
      local port, target = url:match ":(%d+)(/.*)$"
      local connection = assert(socket.connect("127.0.0.1", tonumber(port)))
      connection:settimeout(10)
      connection:send(("%s %s HTTP/1.1\r\nConnection: close\r\n%s%s\r\n%s"):format(method, target, extra or "",
        body and "Content-Length: " .. #body .. "\r\n" or "", body or ""))
      local text = connection:receive "*a"
      connection:close()
      return tonumber(text:match "HTTP/1.1 (%d+)"), text:match "\r\n\r\n(.*)$"
    end
    for _, size in ipairs { 5, 2000000 } do
      local object = api:post("/v1/objects", { name = "o.txt", content_type = "text", ttl_ms = 60000 })
      local at = "/v1/objects/" .. object.id
      assert.are.equal(400, api:status("GET", at .. "/download"))
      assert.are.equal(400, (transfer("PUT", object.upload_url, "x", "Authorization: Bearer x\r\n")))
      assert.are.equal(403, (transfer("PUT", object.upload_url, "x", "Content-Type: text/plain\r\n")))
      assert.are.equal(403, (transfer("PUT", object.upload_url .. "x", "x")))
      local bytes = ("0123456789"):rep(math.floor(size / 10) + 1):sub(1, size)
      assert.are.equal(200, (transfer("PUT", object.upload_url, bytes)))
      local complete = api:post(at .. "/complete")
      assert.are.same({ "READ_ONLY", size }, { complete.state, complete.size_bytes })
      assert.are.equal(409, api:status("POST", at .. "/complete"))
      assert.is_nil(api:get(at).upload_url)
      local url = api:get(at .. "/download?duration_seconds=60").download_url
      local status, got = transfer("GET", url)
      assert.is_true(status == 200 and got == bytes)
      assert.are.equal("storage", server:last().origin)
      local box = api:devbox { mounts = { { type = "object_mount", object_id = object.id, object_path = "/home/user/o" } } }
      assert.are.equal(tostring(size), api:exec(box, "wc -c <o").stdout:match "%d+")
      server:advance(61)
      assert.are.equal(403, (transfer("GET", url)))
      assert.are.equal("DELETED", api:get(at).state)
    end
  end)

  it("keeps little of what goes through it", function()
    local function resident()
      return tonumber(support.read_file("/proc/" .. server.pid .. "/status"):match "VmHWM:%s*(%d+)") * 1024
    end
    local before = resident()
    local id = start "head -c 16000000 /dev/zero | tr '\\0' x"
    local size = #select(4, api:get(execution(id, "stream_stdout_updates")))
    assert.is_true(size > 16000000)
    assert.is_true(ended(id).stdout_truncated)
    local status = server:request {
      method = "POST", path = path .. "/upload_file", headers = { ["Content-Type"] = "multipart/form-data; boundary=b" },
      body = '--b\r\nContent-Disposition: form-data; name="path"\r\n\r\nbig\r\n--b\r\nContent-Disposition: form-data; '
        .. 'name="file"; filename="x"\r\n\r\n' .. ("x"):rep(16000000) .. "\r\n--b--\r\n",
    }
    assert.are.equal(200, status)
    local entry = server:last()
    assert.are.same({ "", 16000000, "x" }, { entry.body, entry.parts[2].size, entry.parts[2].filename })
    assert.are.equal(16000000, #select(4, api:post(path .. "/download_file", { path = "big" })))
    assert.is_true(resident() - before < 10e6, (resident() - before) .. " bytes more")
  end)

  it("holds hundreds of requests, and answers others meanwhile", function()
    server:set { commands = { slow = { seconds = 3600, stdout = "out" } } }
    local id = start "slow"
    local body = '{"statuses":["completed"]}'
    local connections = {}
    local function ask_for(method, what, text)
      local connection = assert(socket.connect("127.0.0.1", server.port))
      connection:settimeout(10)
      connection:send(("%s %s HTTP/1.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nConnection: close\r\n"
        .. "Content-Length: %d\r\n\r\n%s"):format(method, execution(id, what), server.token, #text, text))
      connections[#connections + 1] = connection
    end
    for _ = 1, 150 do
      ask_for("GET", "stream_stdout_updates", "")
      ask_for("POST", "wait_for_status", body)
    end
    repeat
      local waiting = server:stats().in_flight
      assert.are.equal("running", api:get(path).status)
    until waiting == 300
    api:post(execution(id, "kill"), {})
    for _, connection in ipairs(connections) do
      assert.is_truthy(connection:receive "*a":find("200 OK", 1, true))
      connection:close()
    end
  end)

  it("scores runs with their scorers, in their directories", function()
    server:set { scoring = "run", provisioning_polls = 0 }
    local scorer = api:post("/v1/scenarios/scorers", { type = "mine", bash_script = 'echo "$RL_SCORER_CONTEXT"; echo 0.5' })
    local function f(name, weight, definition) return { name = name, weight = weight, scorer = definition } end
    local scenario = api:post("/v1/scenarios", {
      name = "real", input_context = { problem_statement = "x" },
      environment_parameters = { working_directory = "/home/user/work" },
      scoring_contract = { scoring_function_parameters = {
        f("bash", 0.2, { type = "bash_script_scorer", bash_script = "cat answer; echo score=1.0" }),
        f("command", 0.2, { type = "command_scorer", command = "grep -q 42 answer" }),
        f("tests", 0.2, { type = "test_based_scorer", test_command = "sh t/it.sh",
          test_files = { { file_path = "t/it.sh", file_contents = "echo tested; exit 1" } } }),
        f("custom", 0.2, { type = "custom_scorer", custom_scorer_type = "mine", scorer_params = { a = 1 } }),
        f("silent", 0.2, { type = "bash_script_scorer", bash_script = "exit 1" }),
      } },
    })
    assert.are.equal("string", type(scorer.id))
    local run = api:post("/v1/scenarios/start_run", { scenario_id = scenario.id, metadata = { mark = "m" } })
    local box = "/v1/devboxes/" .. run.devbox_id
    assert.are.equal("running", api:get(box).status)
    api:exec(box, "mkdir -p work; echo 42 >work/answer")
    local at = "/v1/scenarios/runs/" .. run.id
    assert.are.equal("scoring", api:post(at .. "/score").state)
    repeat run = api:get(at) until run.state ~= "scoring"
    local result = run.scoring_contract_result
    assert.are.equal("scored", run.state)
    assert.is_true(math.abs(result.score - 0.5) < 1e-9)
    local scores = {}
    for i, one in ipairs(result.scoring_function_results) do scores[i] = ("%.1f %s"):format(one.score, one.state) end
    assert.are.same({ "1.0 complete", "1.0 complete", "0.0 complete", "0.5 complete", "0.0 error" }, scores)
    assert.is_truthy(result.scoring_function_results[4].output:find('{"a":1}', 1, true))
    assert.are.equal(1, #api:get("/v1/scenarios/runs?metadata%5Bmark%5D=m").runs)
    assert.are.equal("completed", api:post(at .. "/complete").state)
    assert.are.equal("shutdown", api:get(box).status)
  end)

  it("ends a scoring that takes too long as a timeout, and one without scorers as failed", function()
    server:set { scoring = "run", provisioning_polls = 0 }
    local function outcome(functions)
      local scenario = api:post("/v1/scenarios", {
        name = "x", input_context = { problem_statement = "x" }, scorer_timeout_sec = 0,
        scoring_contract = { scoring_function_parameters = support.json.array(functions) },
      })
      local run = api:post("/v1/scenarios/start_run", { scenario_id = scenario.id })
      api:get("/v1/devboxes/" .. run.devbox_id)
      local at = "/v1/scenarios/runs/" .. run.id
      api:post(at .. "/score")
      repeat run = api:get(at) until run.state ~= "scoring"
      return run.state
    end
    local slow = { name = "a", weight = 1, scorer = { type = "command_scorer", command = "sleep 600" } }
    assert.are.equal("timeout", outcome { slow })
    assert.are.equal("failed", outcome {})
  end)
end)

describe("what the stand-in has started #slow", function()
  if not have_luv then return it("needs lua-luv", function() pending "lua-luv is not installed" end) end

  -- Commands in the foreground, in the background, and away from their group; the third line is their directory.
  local COMMAND = "sleep 600 >/dev/null 2>&1 & echo $!; setsid sh -c 'echo $$ >two; exec sleep 600 >/dev/null 2>&1' & "
    .. "until [ -s two ]; do sleep 0.01; done; cat two; pwd"

  local function started(server)
    local api = ask.new(server)
    local path = api:devbox()
    local one, two, directory = api:exec(path, COMMAND).stdout:match "(%d+)\n(%d+)\n(%S+)"
    assert.are.same({ 0, 0, 0 }, { (support.run("kill -0 " .. one)), (support.run("kill -0 " .. two)),
      (support.run { "test", "-d", directory }) })
    return api, path, one, two, directory
  end

  it("ends with its devbox, and with a reset", function()
    local server = support.start { scenarios = 1 }
    local api, path, one, two, directory = started(server)
    api:post(path .. "/shutdown")
    assert.is_true(gone(one) and gone(two))
    for _ = 1, 1000 do
      if support.run { "test", "-d", directory } ~= 0 then break end
    end
    assert.are.equal(1, (support.run { "test", "-d", directory }))
    local _
    _, _, one, two = started(server)
    server:reset()
    assert.is_true(gone(one) and gone(two))
    server:stop()
  end)

  it("is gone when it is stopped", function()
    local server = support.start { scenarios = 1 }
    local _, _, one, two, directory = started(server)
    server:stop()
    assert.is_true(gone(one) and gone(two))
    assert.are.equal(1, (support.run { "test", "-d", directory:match "^(.*)/%d+/devboxes/" }))
  end)

  it("is gone when it, or who started it, is killed", function()
    for _, victim in ipairs { "server.pid", "support.run('echo $PPID') and '$PPID'" } do
      local _, out, err = support.lua(([[
        local support = require "spec.support"
        local ask = require "spec.support.ask"
        local server = support.start { scenarios = 1 }
        local api = ask.new(server)
        local path = api:devbox()
        print((api:exec(path, %q).stdout))
        io.stdout:flush()
        os.execute("kill -9 " .. (%s))
      ]]):format(COMMAND, victim), { env = { TMPDIR = support.tmpdir() } })
      local one, two, directory = out:match "(%d+)\n(%d+)\n(%S+)"
      assert(directory, err)
      assert.is_true(gone(one) and gone(two))
      local scratch = directory:match "^(.*)/%d+/devboxes/"
      for _ = 1, 1000 do
        if support.run { "test", "-d", scratch } ~= 0 then break end
      end
      assert.are.equal(1, (support.run { "test", "-d", scratch }))
    end
  end)
end)
