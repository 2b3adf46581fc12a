-- Downloads: a run's logs to a file that is there whole or not at all, or as a string.
local lfs = require "lfs"
local process = require "spec.support.process"
local portable = require "spec.support.portable"
local support = require "spec.support"
local stand_in = require "spec.support.stand_in"
local expect = require "spec.support.expect"
local tasks = require "spec.support.tasks"

local PATH = "/download_logs$"

describe("runs:download_logs", function()
  local server, client, run, directory, path

  stand_in({ scenarios = 3, public = 0, runs = 3, scorers = 0 }, function(started)
    server, client = started, started:client { max_retries = 1 }
    run = server:ids("run")[1]
    directory = support.tmpdir()
    path = directory .. "/logs.zip"
  end)

  local function download(to, options)
    return client.scenarios.runs:download_logs(run, to, options)
  end

  -- The logs as the stand-in has them.
  local function whole()
    local _, _, body = server:request { method = "POST", path = "/v1/scenarios/runs/" .. run .. "/download_logs" }
    server:clear_log()
    return body
  end

  local function fault(fields)
    fields.path = PATH
    server:fault(fields)
  end

  -- An answer of 200 with this body.
  local function body(bytes, fields)
    fields = fields or {}
    fields.status, fields.body = 200, bytes
    fields.headers = fields.headers or { ["Content-Type"] = "application/zip" }
    fields.times = fields.times or math.huge
    fault(fields)
  end

  local function files()
    return support.list_dir(directory)
  end

  local function size_of(name)
    local file = assert(io.open(directory .. "/" .. name, "rb"))
    local size = file:seek("end")
    file:close()
    return size
  end

  local function permissions_of(name)
    local code, out, complaint = support.run { "stat", "-c", "%a", name }
    assert.are.equal(0, code, complaint)
    return out:match "%d+"
  end

  local function chmod(permissions, name)
    assert.are.equal(0, (support.run { "chmod", permissions, name }))
  end

  local function fifo(name)
    assert.are.equal(0, (support.run { "mkfifo", name }))
  end

  local function link(to, name)
    assert(lfs.link(to, name, true))
  end

  -- Something that happens once the answer has come, before the file gets its name.
  local function at_the_answer(act)
    client:close()
    client = server:client { on_event = function(event)
      if event.type == "response" then act() end
    end }
  end

  -- A task whose download has brought its first bytes and waits for more.
  local function stalled(options)
    fault { cut = 100, by = "stall", times = math.huge }
    local task = client:spawn(download, path, options)
    tasks.poll_until(client, function()
      for _, name in ipairs(files()) do
        if name ~= "logs.zip" and size_of(name) == 100 then return true end
      end
    end, "the first bytes")
    return task
  end

  -- A task whose download has arrived whole, but that has not been resumed since: calls outside drive the transfers
  -- of all and resume no task.
  local function arrived()
    local size = #whole()
    local task = client:spawn(download, path)
    local before = client:stats().requests
    tasks.look_until(function()
      expect.success(client.scenarios:list():next())
      return client:stats().requests > before and files()[1] and size_of(files()[1]) == size
        and client:stats().in_flight == 0
    end, "the whole file")
    assert.are.equal("running", task.status)
    assert.are_not.same({ "logs.zip" }, files())
    return task
  end

  describe("to a path", function()
    it("writes what the server sent and returns the number of bytes and the response #slow", function()
      server:set { logs_bytes = 3e6 }
      local logs = whole()
      local bytes, response = expect.success(download(path))
      assert.are.equal(#logs, bytes)
      assert.are.equal("integer", portable.math_type(bytes))
      assert.is_true(logs == support.read_file(path))
      assert.are.same({ "logs.zip" }, files())
      assert.are.equal(200, response.status)
      assert.are.equal('attachment; filename="scenario_run_logs.zip"', response.headers["content-disposition"])
    end)

    it("asks for a zip as it is: without a body, without compression", function()
      expect.success(download(path))
      local entry = server:last()
      assert.are.same({ "POST", "/v1/scenarios/runs/" .. run .. "/download_logs", "" },
        { entry.method, entry.target, entry.body })
      assert.are.equal("application/zip", entry.header.accept)
      assert.is_nil(entry.header["accept-encoding"])
      assert.are.equal("0", entry.header["content-length"])
    end)

    it("writes as the bytes arrive, beside the target", function()
      local logs = whole()
      local task = stalled()
      local names = files()
      assert.are.equal(1, #names)
      assert.are_not.equal("logs.zip", names[1])
      assert.are.equal(logs:sub(1, 100), support.read_file(directory .. "/" .. names[1]))
      task:cancel()
    end)

    it("leaves the target alone until the new one is whole, and then replaces it", function()
      support.write_file(path, "old")
      local task = stalled()
      assert.are.equal("old", support.read_file(path))
      task:cancel()
      assert.are.equal("old", support.read_file(path))
      server:clear_faults()
      local logs = whole()
      expect.success(download(path))
      assert.is_true(logs == support.read_file(path))
      assert.are.same({ "logs.zip" }, files())
    end)

    it("takes a path relative to the working directory, with spaces and any letters", function()
      local name = "spec download é \" '.zip"
      finally(function() os.remove(name) end)
      local bytes = expect.success(download(name))
      assert.are.equal(bytes, #support.read_file(name))
    end)

    it("takes any name that a file may have, the longest too", function()
      local logs = whole()
      for _, name in ipairs {
        ("x"):rep(255), "x" .. ("\u{e9}"):rep(127), ("\u{20ac}"):rep(85), ".zip", ("x"):rep(251) .. ".zip",
      } do
        assert.are.equal(#logs, expect.success(download(directory .. "/" .. name)))
        assert.are.same({ name }, files())
        os.remove(directory .. "/" .. name)
      end
      local err = expect.failure("file", "OPEN", download(directory .. "/" .. ("x"):rep(256)))
      assert.matches("name too long", err.message)
      assert.are.same({}, files())
    end)

    it("makes a file with the permissions of any new file", function()
      expect.success(download(path))
      support.write_file(directory .. "/other", "")
      assert.are.equal(permissions_of(directory .. "/other"), permissions_of(path))
    end)

    it("keeps the permissions that the file has", function()
      for _, permissions in ipairs { "600", "640", "755", "400" } do
        support.write_file(path, "old")
        chmod(permissions, path)
        expect.success(download(path))
        assert.are.equal(permissions, permissions_of(path))
        os.remove(path)
      end
    end)

    it("lets nobody else read what comes for a file until it has that file's permissions", function()
      support.write_file(path, "old")
      for _, permissions in ipairs { "600", "644" } do
        chmod(permissions, path)
        local task = stalled()
        for _, name in ipairs(files()) do
          if name ~= "logs.zip" then assert.are.equal("600", permissions_of(directory .. "/" .. name)) end
        end
        task:cancel()
      end
    end)

    it("gives the permissions that the file has in the end, or had if it is gone", function()
      support.write_file(path, "old")
      at_the_answer(function() chmod("640", path) end)
      expect.success(download(path))
      assert.are.equal("640", permissions_of(path))
      at_the_answer(function() os.remove(path) end)
      expect.success(download(path))
      assert.are.equal("640", permissions_of(path))
    end)

    describe("that is a link", function()
      local elsewhere, real

      before_each(function()
        elsewhere = support.tmpdir()
        real = elsewhere .. "/real.zip"
        support.write_file(real, "old")
        link(real, path)
      end)

      local function is_link(to)
        assert.are.same({ "logs.zip" }, files())
        assert.are.equal("link", lfs.symlinkattributes(path, "mode"))
        assert.are.equal(to or real, lfs.symlinkattributes(path, "target"))
      end

      it("replaces the file behind it and keeps the link and the permissions", function()
        chmod("600", real)
        local logs = whole()
        assert.are.equal(#logs, expect.success(download(path)))
        is_link()
        assert.is_true(logs == support.read_file(real))
        assert.are.same({ "real.zip" }, support.list_dir(elsewhere))
        assert.are.equal("600", permissions_of(real))
      end)

      it("follows links to links, relative ones too", function()
        os.remove(path)
        link("logs.zip", directory .. "/first.zip")
        link("../" .. elsewhere:match "[^/]+$" .. "/second.zip", path)
        link("real.zip", elsewhere .. "/second.zip")
        local logs = whole()
        expect.success(download(directory .. "/first.zip"))
        assert.is_true(logs == support.read_file(real))
        assert.are.same({ "first.zip", "logs.zip" }, files())
        assert.are.same({ "real.zip", "second.zip" }, support.list_dir(elsewhere))
        for _, name in ipairs { path, directory .. "/first.zip", elsewhere .. "/second.zip" } do
          assert.are.equal("link", lfs.symlinkattributes(name, "mode"))
        end
      end)

      it("writes beside the file behind it, and leaves that alone until the new one is whole", function()
        fault { cut = 100, by = "stall", times = math.huge }
        local task = client:spawn(download, path)
        tasks.poll_until(client, function() return #support.list_dir(elsewhere) == 2 end, "the part")
        is_link()
        assert.are.equal("old", support.read_file(real))
        task:cancel()
        assert.are.same({ "real.zip" }, support.list_dir(elsewhere))
        is_link()
        assert.are.equal("old", support.read_file(real))
      end)
    end)

    it("undoes compression that nobody asked for", function()
      local logs = whole()
      fault { gzip = true, times = 2 }
      assert.are.equal(#logs, expect.success(download(path)))
      assert.is_true(logs == support.read_file(path))
      assert.is_true(logs == expect.success(download()))
    end)

    it("is not bound by max_body_bytes", function()
      client:close()
      client = server:client { max_body_bytes = 1000 }
      server:set { logs_bytes = 3e6 }
      assert.is_true(expect.success(download(path)) > 3e6)
    end)

    it("takes no memory that grows with the file #heavy", function()
      server:set { logs_bytes = 2.2e8 }
      support.gc()
      local rss, lua = support.rss(), collectgarbage("count")
      local most = 0
      local task = client:spawn(download, path)
      while task.status == "running" do
        client:poll(0.05, 0.05)
        most = math.max(most, support.rss())
      end
      local bytes = expect.success(task:wait())
      assert.is_true(bytes > 2.2e8)
      assert.are.equal(bytes, size_of "logs.zip")
      assert.is_true(most - rss < 16 * 2 ^ 20, ("%.1f MB more"):format((most - rss) / 2 ^ 20))
      assert.is_true(collectgarbage("count") - lua < 4096)
      os.remove(path)
    end)

    it("goes on with other downloads at the same time, also to the same path #slow", function()
      server:set { logs_bytes = 2e6 }
      local logs = whole()
      local list = {}
      for i = 1, 4 do list[i] = client:spawn(download, directory .. "/" .. i .. ".zip") end
      for i = 5, 8 do list[i] = client:spawn(download, path) end
      for i = 1, 8 do assert.are.equal(#logs, expect.success(list[i]:wait())) end
      assert.are.same({ "1.zip", "2.zip", "3.zip", "4.zip", "logs.zip" }, files())
      for _, name in ipairs(files()) do assert.is_true(logs == support.read_file(directory .. "/" .. name), name) end
    end)

    describe("tries again", function()
      for name, fields in pairs {
        ["after an answer that broke off"] = { cut = 100 },
        ["after an answer that broke off where it had no length"] = { cut = 100, framing = "close" },
        ["after a reset"] = { cut = 100, by = "reset" },
        ["after a 503"] = { status = 503 },
      } do
        it(name .. ", and leaves one file", function()
          local logs = whole()
          fault(fields)
          local bytes, response = expect.success(download(path))
          assert.are.equal(2, response.attempts)
          assert.are.equal(#logs, bytes)
          assert.is_true(logs == support.read_file(path))
          assert.are.same({ "logs.zip" }, files())
          local log = server:log()
          assert.are.equal(log[1].header["x-request-id"], log[2].header["x-request-id"])
        end)
      end
    end)

    -- name -> what makes it fail, kind and code of the error, how many attempts it is worth
    local FAILURES = {
      ["an answer that breaks off before its length"] = {
        { cut = 100 }, "connection", "PARTIAL_FILE", 2,
      },
      ["an answer without a length that breaks off"] = {
        { cut = 100, framing = "close" }, "connection", "PARTIAL_FILE", 2,
      },
      ["an answer without a length that breaks off before its last byte"] = {
        { cut = -1, framing = "close" }, "connection", "PARTIAL_FILE", 2,
      },
      ["an answer in chunks that breaks off"] = {
        { cut = 100, framing = "chunked" }, "connection", nil, 2,
      },
      ["a reset in the middle"] = { { cut = 100, by = "reset" }, "connection", nil, 2 },
      ["a reset before the answer"] = { { reset = true }, "connection", nil, 2 },
      ["a silence in the middle"] = {
        { cut = 100, by = "stall" }, "timeout", "OPERATION_TIMEDOUT", 2, { timeout = 0.15 },
      },
      ["a silence before the answer"] = { { silent = true }, "timeout", "OPERATION_TIMEDOUT", 2, { timeout = 0.15 } },
      ["a deadline that passes in the middle"] = {
        { trickle = { bytes = 1, every = 0.02 } }, "timeout", "DEADLINE", 1, { deadline = 0.2 },
      },
      ["a 404"] = { { status = 404, json = { message = "no such run" } }, "api", "not_found", 1 },
      ["a redirect"] = { { redirect = "/elsewhere" }, "api", "status_302", 1 },
      ["a server in trouble for good"] = { { html = true }, "api", "internal_server", 2 },
      ["a zip that was cut short by the server"] = { { truncate = 500 }, "decode", "SHAPE", 1 },
      ["a zip without its last byte"] = { { lua = [[
        local answer = ...
        answer.body = (answer.body or table.concat(answer.pieces)):sub(1, -2)
        answer.pieces, answer.length = nil, nil]] }, "decode", "SHAPE", 1 },
      ["compression that breaks off"] = { { gzip = "cut" }, "connection", nil, 2 },
      ["a page in place of a zip"] = { { html = true, status = 200 }, "decode", "SHAPE", 1 },
      ["JSON in place of a zip"] = { { status = 200, json = { url = "x" } }, "decode", "SHAPE", 1 },
      ["an answer without a body"] = { { status = 204 }, "decode", "SHAPE", 1 },
      ["something that is not HTTP"] = { { garbage = true }, "connection", nil, 2 },
    }

    for name, failure in pairs(FAILURES) do
      it("leaves nothing behind, and the target as it was, after " .. name, function()
        local fields, kind, code, attempts, options = portable.unpack(failure, 1, 5)
        fields.times = math.huge
        fault(fields)
        local err = expect.failure(kind, code, download(path, options))
        assert.are.equal(attempts, err.attempts)
        assert.are.same({}, files())
        support.write_file(path, "old")
        expect.failure(kind, code, download(path, options))
        assert.are.same({ "logs.zip" }, files())
        assert.are.equal("old", support.read_file(path))
      end)
    end

    it("shows the beginning of what is no zip", function()
      body("<html>" .. ("x"):rep(1000))
      local err = expect.failure("decode", "SHAPE", download(path))
      assert.are.equal("<html>" .. ("x"):rep(194), err.body)
      assert.are.equal(200, err.status)
      assert.is_false(err.retryable)
    end)

    it("has the server's words in the error, not in the file", function()
      fault { status = 403, json = { message = "not yours" } }
      local err = expect.failure("api", "permission_denied", download(path))
      assert.are.equal("not yours", err.message)
      assert.are.same({ message = "not yours" }, err.body)
    end)

    describe("that cannot be written", function()
      -- An error of kind file, before anything is sent.
      local function refused(to, text)
        local err = expect.failure("file", "OPEN", download(to))
        assert.matches(text, err.message, 1, true)
        assert.matches(to, err.message, 1, true)
        assert.are.equal(0, err.attempts)
        assert.is_false(err.retryable)
        assert.is_nil(err.maybe_sent)
        assert.are.equal(0, server:count())
      end

      it("is refused before anything is sent: a directory that is not there", function()
        refused(directory .. "/nowhere/logs.zip", "No such file or directory")
      end)

      it("is refused before anything is sent: a file where a directory should be", function()
        support.write_file(directory .. "/file", "mine")
        refused(directory .. "/file/logs.zip", "Not a directory")
        assert.are.equal("mine", support.read_file(directory .. "/file"))
      end)

      it("is refused before anything is sent: the path is a directory", function()
        refused(directory, "Is a directory")
        refused(directory .. "/", "Is a directory")
        assert.are.same({}, files())
      end)

      it("is refused before anything is sent: a directory in which nobody may write", function()
        if not support.exists("/proc/self/status") then return pending("needs /proc") end
        refused("/proc/self/logs.zip", ":")
      end)

      it("is refused before anything is sent: what is there is no regular file", function()
        fifo(path)
        link(path, directory .. "/link")
        for _, to in ipairs { path, directory .. "/link" } do
          refused(to, "not a regular file")
          assert.are.equal(to .. ": not a regular file", select(2, download(to)).message)
        end
        assert.are.equal("named pipe", lfs.attributes(path, "mode"))
        assert.are.equal("link", lfs.symlinkattributes(directory .. "/link", "mode"))
        assert.are.same({ "link", "logs.zip" }, files())
      end)

      it("is refused before anything is sent: a link to nothing, to itself or to a directory", function()
        local elsewhere = support.tmpdir()
        for to, words in pairs {
          [elsewhere .. "/nothing"] = "No such file or directory",
          [path] = "Too many levels of symbolic links",
          [elsewhere] = "Is a directory",
        } do
          link(to, path)
          refused(path, words)
          assert.are.equal(path .. ": " .. words, select(2, download(path)).message)
          assert.are.equal(to, lfs.symlinkattributes(path, "target"))
          assert.are.same({ "logs.zip" }, files())
          assert.are.same({}, support.list_dir(elsewhere))
          os.remove(path)
        end
      end)

      it("ends with an error when something else takes its place meanwhile, and leaves that alone", function()
        local elsewhere = support.tmpdir() .. "/real"
        for mode, make in pairs {
          ["named pipe"] = function() fifo(path) end,
          link = function() link(elsewhere, path) end,
        } do
          at_the_answer(make)
          local err = expect.failure("file", "RENAME", download(path))
          assert.are.equal(path .. ": not a regular file", err.message)
          assert.are.equal(mode, lfs.symlinkattributes(path, "mode"))
          assert.are.same({ "logs.zip" }, files())
          assert.is_false(support.exists(elsewhere))
          os.remove(path)
        end
      end)

      it("ends with an error when the disk is full, and leaves nothing behind #slow", function()
        server:set { logs_bytes = 3e6 }
        local script = support.tmpdir() .. "/full.lua"
        support.write_file(script, ([[
          local client = require("runloop").new { base_url = %q, bearer_token = "test-token" }
          local bytes, err = client.scenarios.runs:download_logs(%q, %q)
          print(bytes, err.kind, err.code, err.attempts, err.message)
        ]]):format(server.url, run, path))
        -- A limit on the size of files is the small disk that every system has.
        local code, out, complaint = support.run("trap '' XFSZ; ulimit -f 1000; exec " .. process.interpreter()
          .. " " .. script, {
            preload = true, cwd = support.root, env = { LUA_PATH = package.path, LUA_CPATH = package.cpath },
          })
        assert.are.equal(0, code, complaint)
        assert.are.equal("nil\tfile\tWRITE_ERROR\t1\tFile too large\n", out)
        assert.are.same({}, files())
      end)

      it("ends with an error when a directory takes its place meanwhile, and leaves nothing else", function()
        at_the_answer(function() assert(lfs.mkdir(path)) end)
        local err = expect.failure("file", "RENAME", download(path))
        assert.is_false(err.retryable)
        assert.are.equal(path .. ": Is a directory", err.message)
        assert.are.same({ "logs.zip" }, files())
        assert.are.same({}, support.list_dir(path))
      end)

      it("is a mistake if it is no path", function()
        for _, bad in ipairs { "", "a\0b", 7, true, {} } do
          local message = expect.raises("'path'", function() download(bad) end)
          assert.matches("scenarios.runs:download_logs", message, 1, true)
        end
        assert.are.equal(0, server:count())
      end)
    end)

    describe("in a task", function()
      it("leaves nothing behind when the task is cancelled in the middle", function()
        local task = stalled()
        task:cancel()
        assert.are.same({}, files())
        expect.failure("cancelled", "CANCELLED", task:wait())
        tasks.look_until(function() return server:stats().in_flight == 0 end, "the end of the request")
      end)

      it("leaves nothing behind when the task is cancelled before the answer", function()
        fault { silent = true }
        local task = client:spawn(download, path)
        tasks.poll_until(client, function() return server:count() == 1 end, "the request")
        task:cancel()
        assert.are.same({}, files())
      end)

      it("leaves nothing behind when the task is cancelled after the last byte", function()
        local task = arrived()
        task:cancel()
        assert.are.same({}, files())
      end)

      it("leaves nothing behind when the client is closed in the middle", function()
        local task = stalled()
        client:close()
        assert.are.same({}, files())
        assert.are.equal("cancelled", task.status)
      end)

      it("leaves nothing behind when the client is closed after the last byte", function()
        arrived()
        client:close()
        assert.are.same({}, files())
      end)

      it("leaves nothing behind when the client is forgotten in the middle #slow", function()
        stalled()
        client = server:client()
        tasks.look_until(function()
          support.gc()
          return #files() == 0
        end, "the collector")
      end)

      it("keeps the old target through all of that", function()
        support.write_file(path, "old")
        stalled():cancel()
        stalled()
        client:close()
        assert.are.same({ "logs.zip" }, files())
        assert.are.equal("old", support.read_file(path))
      end)
    end)

    it("keeps the file when on_event raises", function()
      for _, event_type in ipairs { "request", "response", "retry" } do
        client:close()
        client = server:client { max_retry_wait = 0, on_event = function(event)
          if event.type == event_type then error("mine", 0) end
        end }
        if event_type == "retry" then fault { cut = 100 } end
        expect.success(download(path))
        assert.are.same({ "logs.zip" }, files())
        assert(os.remove(path))
        repeat local ok, raised = pcall(client.close, client) until ok or raised ~= "mine"
      end
    end)

    it("leaves nothing behind when the program ends in the middle #slow", function()
      fault { cut = 100, by = "stall", times = math.huge }
      for _, ending in ipairs { "", "os.exit(0, true)", "error('over')" } do
        local code, out, complaint = support.lua(([[
          local client = require("runloop").new { base_url = %q, bearer_token = "test-token" }
          client:spawn(function() client.scenarios.runs:download_logs(%q, %q) end)
          local lfs = require "lfs"
          local function found()
            for name in lfs.dir(%q) do
              if name:find("zip") then return true end
            end
          end
          for _ = 1, 100 do
            client:poll(0.1)
            if found() then break end
          end
          print(found())
          %s
        ]]):format(server.url, run, path, directory, ending))
        assert.are.equal("true\n", out, complaint)
        assert.are.equal(ending:find("error") and 1 or 0, code, complaint)
        assert.are.same({}, files())
      end
    end)

    it("comes over TLS too #slow", function()
      if not support.have_nginx() then return pending("needs nginx") end
      local nginx = support.nginx { proxy = server.url }
      finally(function() nginx:stop() end)
      server:set { logs_bytes = 1e6 }
      local logs = whole()
      client:close()
      client = nginx:client { max_retries = 0 }
      assert.are.equal(#logs, expect.success(download(path)))
      assert.is_true(logs == support.read_file(path))
      fault { cut = 5e5 }
      expect.failure("connection", nil, download(path))
      assert.is_true(logs == support.read_file(path))
      assert.are.same({ "logs.zip" }, files())
    end)
  end)

  describe("takes for a whole zip", function()
    local EMPTY = "PK\5\6" .. ("\0"):rep(18)

    local function accepted(bytes)
      server:clear_faults()
      body(bytes)
      assert.is_true(bytes == expect.success(download()))
      assert.are.equal(#bytes, expect.success(download(path)))
      assert.is_true(bytes == support.read_file(path))
      os.remove(path)
    end

    local function refused(bytes)
      server:clear_faults()
      body(bytes)
      expect.failure("decode", "SHAPE", download())
      expect.failure("decode", "SHAPE", download(path))
      assert.are.same({}, files())
    end

    -- The end of a zip of which `length` bytes of directory begin at `offset`.
    local function ending(offset, length, comment)
      local function number(n, bytes)
        local text = ""
        for _ = 1, bytes do text, n = text .. string.char(n % 256), math.floor(n / 256) end
        return text
      end
      comment = comment or ""
      return "PK\5\6\0\0\0\0\1\0\1\0" .. number(length, 4) .. number(offset, 4) .. number(#comment, 2) .. comment
    end

    it("one with files, and one without", function()
      accepted(support.zip { { "a.log", "text" }, { "b.log", ("x"):rep(100000) } })
      accepted(EMPTY)
    end)

    it("one with a comment of any length, even one that looks like the end", function()
      local start = ("x"):rep(46)
      accepted(start .. ending(0, 46, "hello"))
      accepted(start .. ending(0, 46, ("c"):rep(65535)))
      accepted(start .. ending(0, 46, "PK\5\6 and more than twenty bytes behind it"))
    end)

    it("one of more than 4 GB, which says its sizes elsewhere", function()
      accepted(("x"):rep(100) .. ending(0xFFFFFFFF, 46))
      accepted(("x"):rep(100) .. ending(0xFFFFFFFF, 0xFFFFFFFF))
    end)

    it("one that has a program in front", function()
      accepted("#!/bin/sh\n" .. support.zip { { "a.log", "text" } })
    end)

    it("none that is followed by something, or lacks its first half", function()
      local zip = support.zip { { "a.log", "text" } }
      refused(zip .. "\n")
      refused(zip:sub(50))
      refused(zip:sub(1, -23))
      refused("")
      refused("PK\5\6")
      refused(("x"):rep(200000))
    end)
  end)

  describe("without a path", function()
    it("gives the zip as a string, and the response", function()
      local logs = whole()
      local zip, response = expect.success(download())
      assert.is_true(logs == zip)
      assert.are.equal(200, response.status)
      assert.are.equal("application/zip", server:last().header.accept)
      assert.is_nil(server:last().header["accept-encoding"])
    end)

    it("keeps every byte", function()
      local bytes = {}
      for i = 0, 255 do bytes[i + 1] = string.char(i) end
      local zip = support.zip { { "all", table.concat(bytes):rep(300) } }
      body(zip)
      assert.is_true(zip == expect.success(download()))
    end)

    it("takes no more than max_body_bytes", function()
      client:close()
      client = server:client { max_body_bytes = 1000 }
      server:set { logs_bytes = 1e6 }
      expect.failure("limit", "BODY_TOO_LARGE", download())
    end)

    it("tries again after an answer that broke off, with or without a length", function()
      local logs = whole()
      for _, framing in ipairs { "length", "chunked", "close" } do
        fault { cut = 300, framing = framing }
        local zip, response = expect.success(download())
        assert.is_true(logs == zip)
        assert.are.equal(2, response.attempts)
      end
    end)

    it("gives an error and no half of a zip", function()
      for _, fields in ipairs { { cut = 100 }, { cut = 100, framing = "close" }, { cut = -1, framing = "close" } } do
        fields.times = 2
        fault(fields)
        expect.failure("connection", "PARTIAL_FILE", download())
      end
      body "no zip"
      local err = expect.failure("decode", "SHAPE", download())
      assert.are.equal("no zip", err.body)
      assert.are.equal(1, err.attempts)
    end)

    describe("over HTTP/2", function()
      local peer
      after_each(function() peer:stop() end)

      -- The answer begins with half a zip; then come these steps.
      local function after_half(...)
        peer = support.h2 { {
          { headers = 1, status = 200, fields = { { "content-type", "application/zip" } } },
          { data = 1, body = whole():sub(1, 200) }, ...,
        } }
        client:close()
        client = peer:client { max_retries = 0 }
        return download()
      end

      for _, code in ipairs { "NO_ERROR", "INTERNAL_ERROR", "CANCEL" } do
        it("never takes a stream that was reset with " .. code .. " for the end of a zip", function()
          expect.failure("connection", nil, after_half({ rst = 1, code = code }, { hold = true }))
          assert.are.equal("POST", peer:log()[1].method)
        end)
      end

      it("never takes a connection that was closed for the end of a zip", function()
        expect.failure("connection", nil, after_half { close = true })
      end)

      it("never takes a stream that ended too early for a zip", function()
        expect.failure("connection", "PARTIAL_FILE", after_half({ data = 1, finish = true }, { hold = true }))
      end)

      it("brings a zip", function()
        local logs = whole()
        local zip, response = expect.success(after_half({ data = 1, body = logs:sub(201), finish = true },
          { hold = true }))
        assert.is_true(logs == zip)
        assert.are.equal("2", response.http_version)
      end)
    end)

    it("takes call options behind a nil", function()
      expect.success(download(nil, { idempotency_key = "key-1", headers = { Accept = "application/x-zip" } }))
      assert.are.equal("key-1", server:last().header["x-request-id"])
      assert.are.equal("application/x-zip", server:last().header.accept)
      expect.raises("unknown call option 'path'", function() download(nil, { path = path }) end)
    end)
  end)

  it("does not hold up the host while a large file arrives #slow", function()
    server:set { logs_bytes = 5e7 }
    local task = client:spawn(download, path)
    while task.status == "running" do tasks.at_once(client.poll, client) end
    assert.is_true(expect.success(task:wait()) > 5e7)
    os.remove(path)
  end)
end)
