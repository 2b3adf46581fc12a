-- The examples and the manual's code, run against the stand-in: what they print and what they send.

local lfs = require "lfs"
local socket = require "socket"
local portable = require "spec.support.portable"
local support = require "spec.support"

local LUA = arg and arg[-1] and arg[-1]:find("lua[%d.]*$") and arg[-1] or "lua5.4"

if not portable.closing then
  describe("examples", function() pending "and the manual are written for Lua 5.4" end)
  return
end

describe("examples #slow", function()
  local server

  lazy_setup(function() server = support.start { scenarios = 60 } end)
  lazy_teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    server:set { provisioning_polls = 0, scoring_polls = 0 }
  end)

  -- The environment of a child that runs an example against the stand-in.
  local function environment(more)
    local env = {
      RUNLOOP_API_KEY = server.token, RUNLOOP_BASE_URL = server.url, RUNLOOP_CUSTOM_HEADERS = false, NO_COLOR = false,
      LUA_PATH = package.path, LUA_CPATH = package.cpath,
    }
    for name, value in pairs(more or {}) do env[name] = value end
    return env
  end

  local function example(name, arguments, env)
    local command = { LUA, support.root .. "/examples/" .. name .. ".lua" }
    for _, word in ipairs(arguments or {}) do command[#command + 1] = word end
    return support.run(command, { env = environment(env), preload = true })
  end

  -- As on a terminal: util-linux's script(1) gives the child one.
  local function example_on_terminal(words, env)
    return support.run({ "script", "-qec", LUA .. " " .. support.root .. "/examples/" .. words, "/dev/null" },
      { env = environment(env), preload = true })
  end

  -- "METHOD path" of every request, in order.
  local function requests(filter)
    local lines = {}
    for i, entry in ipairs(server:log(filter)) do lines[i] = entry.method .. " " .. entry.path end
    return lines
  end

  local function assert_ran(code, out, err)
    assert.are.equal("", err)
    assert.are.equal(0, code, out)
  end

  describe("demo.lua", function()
    local WITHOUT_KEY = { RUNLOOP_API_KEY = false, RUNLOOP_BASE_URL = false }

    it("shows each step, its result, and one clean error", function()
      local code, out, err = example("demo", {}, WITHOUT_KEY)
      assert_ran(code, out, err)
      assert.matches("\nfor scenario in list do\n", out, 1, true)
      assert.matches("--> 300 of 300 scenarios in 3 pages\n", out, 1, true)
      assert.matches("--> 30 scenarios are named 'nightly'", out, 1, true)
      assert.matches("--> 30 before, 29 now\n", out, 1, true)
      assert.matches("--> 29 problem statements", out, 1, true)
      assert.matches("--> thinking\n--> wrote 3 bytes\n--> exit status 0\n", out, 1, true)
      assert.matches("--> answer  complete  1.00\n--> completed  score 1.00  shutdown\n", out, 1, true)
      assert.matches("--> runloop: 404 not_found: Scenario with ID scn_of_nobody not found", out, 1, true)
      assert.matches("\n%-%-> sum%-11 +1  canceled +%- +[%d.]+  the agent gave up with exit status 3\n", out)
      assert.matches("\n--> 12 in all: 10 scored, 2 failed, 0 skipped; ", out, 1, true)
    end)

    it("leaves no server behind", function()
      local _, out = example("demo", {}, WITHOUT_KEY)
      local port = tonumber(out:match('base_url = "http://127%.0%.0%.1:(%d+)"'))
      local connection = socket.tcp()
      assert.are.same({ nil, "connection refused" }, { connection:connect("127.0.0.1", port) })
      connection:close()
    end)

    it("lists and reads only, with a key", function()
      local code, out, err = example("demo")
      assert_ran(code, out, err)
      for _, entry in ipairs(server:log()) do assert.are.equal("GET", entry.method) end
      assert.is_true(server:count() >= 4)
      assert.are.equal("Bearer " .. server.token, server:last().header.authorization)
    end)

    it("prints a script that does what it shows", function()
      local _, out = example("demo")
      -- How far ahead the list had got when the loop ended shows in the number of the server's last answer.
      local function unnumbered(text) return (text:gsub(", request req_%d+", "")) end
      local expected = {}
      for line in out:gmatch("%-%-> ([^\n]*)") do expected[#expected + 1] = (line:gsub("  ", "\t")) end
      local code, again, err = support.lua(out, { env = environment() })
      assert_ran(code, again, err)
      assert.are.equal(unnumbered(table.concat(expected, "\n")) .. "\n", unnumbered(again))
    end)

    it("creates and archives a scenario of its own, with --write", function()
      local before = server:ids("scenario")
      local code, out, err = example("demo", { "--write" })
      assert_ran(code, out, err)
      local id = out:match("%-%-> (%S+)  archived\n")
      assert.are.same({ "POST /v1/scenarios", "POST /v1/scenarios/" .. id .. "/archive" },
        requests { method = "POST" })
      assert.are.same(before, server:ids("scenario"))
      assert.matches("--> 1 before, 0 now\n", out, 1, true)
    end)

    it("ends with a message and code 1 when something fails", function()
      local code, _, err = example("demo", {}, { RUNLOOP_API_KEY = "wrong" })
      assert.are.equal(1, code)
      assert.matches("demo: failed: runloop: 401 authentication: ", err, 1, true)
      assert.is_nil(err:find("wrong", 1, true))
    end)

    it("uses colours on a terminal only", function()
      local _, piped = example("demo")
      assert.is_nil(piped:find("\27", 1, true))
      local code, shown = example_on_terminal("demo.lua")
      assert.are.equal(0, code)
      assert.matches("\27%[1mlocal runloop = require \"runloop\"\27%[0m", shown)
      local _, plain = example_on_terminal("demo.lua", { NO_COLOR = "1" })
      assert.is_nil(plain:find("\27", 1, true))
    end)
  end)

  describe("frame_loop.lua", function()
    it("lists while its frames go on", function()
      local code, out, err = example("frame_loop")
      assert_ran(code, out, err)
      local frames = 0
      for frame in out:gmatch("frame +(%d+)  poll +[%d.]+ ms  %a+: %d+ scenarios\n") do
        frames = frames + 1
        assert.are.equal(frames, tonumber(frame))
      end
      assert.is_true(frames > 1)
      assert.matches("  done: 60 scenarios\n" .. frames .. " frames, poll [%d.]+ ms on average, [%d.]+ ms at most\n$", out)
      assert.are.equal(1, server:count { method = "GET", path = "^/v1/scenarios$" })
    end)

    it("says what a task failed with", function()
      server:fault { path = "^/v1/scenarios$", status = 403, json = { message = "not yours" } }
      local code, out = example("frame_loop")
      assert.are.equal(0, code)
      assert.matches("task failed: runloop: 403 permission_denied: not yours", out, 1, true)
    end)
  end)

  describe("luv.lua", function()
    it("reads scenarios in a libuv loop that goes on meanwhile", function()
      server:set { delay = 0.02 }
      local code, out, err = example("luv")
      assert_ran(code, out, err)
      assert.are.equal("6 scenarios read, none failed\nthe loop ticked on meanwhile\n", out)
      assert.are.equal(6, server:count { path = "^/v1/scenarios/scn_" })
      assert.are.equal("nightly", server:log()[1].query.name)
    end)

    it("ends when its task fails", function()
      server:fault { status = 403, json = { message = "not yours" } }
      local code, out = example("luv")
      assert.are.equal(0, code)
      assert.matches("task failed: runloop: 403", out, 1, true)
    end)
  end)

  describe("copas.lua", function()
    -- Debian has copas for Lua 5.1 and 5.2 only, and what it needs for those or for 5.3, in plain Lua that 5.4 runs.
    local env = { LUA_PATH = package.path .. ";/usr/share/lua/5.2/?.lua;/usr/share/lua/5.3/?.lua" }

    it("lists beside a copas server", function()
      local code, out, err = example("copas", {}, env)
      assert_ran(code, out, err)
      assert.matches("^the server says: %d+ scenarios so far\n60 scenarios in all\n$", out)
      assert.are.equal(2, server:count { path = "^/v1/scenarios$" })
    end)
  end)

  for _, lua in ipairs { "lua5.4", "luajit" } do
    describe("host.c with " .. lua, function()
      local host

      if support.run("pkg-config --exists " .. lua) ~= 0 then
        return it("needs its headers", function() pending "not installed" end)
      end

      lazy_setup(function()
        host = support.tmpdir() .. "/host"
        local source = support.read_file(support.root .. "/examples/host.c")
        local build = assert(source:match("Build: (make .-)\n %* Usage"), "no build line"):gsub("\\\n %*", "")
        build = build:gsub("libs lua5.4", "libs " .. lua)
        local code, out, err = support.run(
          (build:gsub("cc %-o host", "cc -std=c99 -Wall -Wextra -Wpedantic -Wshadow -Werror -o " .. host)),
          { cwd = support.root, timeout = 300 })
        assert.are.equal(0, code, out .. err)
      end)

      local function run(ticks)
        -- Nothing but the program: no directory of the module, no lua-cjson.
        return support.run({ host, tostring(ticks) }, { cwd = "/", env = environment { LUA_PATH = "", LUA_CPATH = "" } })
      end

      it("lists, a tick at a time", function()
        local code, out, err = run(600)
        assert_ran(code, out, err)
        assert.matches("^%d+ ticks, 60 scenarios, 0 task%(s%) alive, %d+ KB in use\nclosed, 0 bytes in use\n$", out)
      end)

      it("closes while a request is in flight", function()
        server:fault { path = "^/v1/scenarios$", silent = true }
        local code, out, err = run(3)
        assert_ran(code, out, err)
        assert.matches("^3 ticks, 0 scenarios, 1 task%(s%) alive, %d+ KB in use\nclosed, 0 bytes in use\n$", out)
      end)

      it("says why it cannot start", function()
        local code, _, err = support.run({ host, "1" },
          { env = environment { RUNLOOP_API_KEY = false } })
        assert.are.equal(1, code)
        assert.matches("host: .*RUNLOOP_API_KEY", err)
      end)
    end)
  end

  describe("evaluate.lua", function()
    local logs

    before_each(function() logs = support.tmpdir() .. "/logs.zip" end)

    it("takes a scenario through its whole life", function()
      local code, out, err = example("evaluate", { logs })
      assert_ran(code, out, err)
      local scenario, run, devbox = out:match("^created   (%S+)\nrunning   (%S+) on devbox (%S+)\n")
      assert.are.same({
        "POST /v1/scenarios",
        "POST /v1/scenarios/start_run",
        "POST /v1/devboxes/" .. devbox .. "/wait_for_status",
        "POST /v1/scenarios/runs/" .. run .. "/score",
        "GET /v1/scenarios/runs/" .. run,
        "POST /v1/scenarios/runs/" .. run .. "/download_logs",
        "POST /v1/scenarios/runs/" .. run .. "/complete",
        "POST /v1/scenarios/" .. scenario .. "/archive",
      }, requests())
      assert.matches("state     scored\nscore     0.750\n  tests  +[%d.]+  complete\n  is_executable  +[%d.]+  complete\n", out)
      local zip = support.read_file(logs)
      assert.matches(("logs      %d bytes in %s\nstate     completed\narchived  %s\n"):format(#zip, logs, scenario), out,
        1, true)
      assert.are.equal("PK\3\4", zip:sub(1, 4))
    end)

    it("sends the contract that the builder made", function()
      example("evaluate", { logs })
      local body = support.json.decode(server:log()[1].body)
      local tests, executable = portable.unpack(body.scoring_contract.scoring_function_parameters)
      assert.are.equal("test_based_scorer", tests.scorer.type)
      assert.are.equal(0.75, tests.weight)
      assert.are.equal("bash_script_scorer", executable.scorer.type)
      assert.are.equal(0.25, executable.weight)
      assert.are.equal("/home/user/work", body.environment_parameters.working_directory)
      assert.are.equal(300, body.scorer_timeout_sec)
      assert.are.equal("examples/evaluate.lua", body.metadata.origin)
    end)

    it("cancels the run and archives the scenario when the environment does not come up", function()
      server:set { devbox_outcome = "failure" }
      local code, out, err = example("evaluate", { logs })
      assert.are.equal(1, code)
      assert.matches("runloop: state failure: ", err, 1, true)
      assert.are.equal(1, server:count { method = "POST", path = "/cancel$" })
      assert.matches("archived  " .. out:match("^created   (%S+)"), out, 1, true)
      assert.is_false(support.exists(logs))
    end)

    it("cancels the run and archives the scenario when scoring fails", function()
      server:set { scoring_outcome = "failed" }
      local code, out, err = example("evaluate", { logs })
      assert.are.equal(1, code)
      assert.matches("runloop: state failed: ", err, 1, true)
      assert.are.equal(1, server:count { method = "POST", path = "/cancel$" })
      assert.matches("archived  " .. out:match("^created   (%S+)"), out, 1, true)
    end)
  end)

  describe("archive_stale.lua", function()
    local NIGHTLY = 6

    it("archives every scenario that matches, and says so", function()
      local before = #server:ids("scenario")
      local code, out, err = example("archive_stale", { "--name", "nightly" })
      assert_ran(code, out, err)
      assert.are.equal("6 archived, 0 failed\n", out)
      assert.are.equal(NIGHTLY, server:count { method = "POST", path = "/archive$" })
      assert.are.equal(before - NIGHTLY, #server:ids("scenario"))
    end)

    it("sends every filter", function()
      local code = example("archive_stale", {
        "--name", "nightly", "--search", "scn", "--benchmark-id", "bmd_alpha", "--validation-type", "FORWARD",
      })
      assert.are.equal(0, code)
      local query = server:log()[1].query
      assert.are.same({ "nightly", "scn", "bmd_alpha", "FORWARD" },
        { query.name, query.search, query.benchmark_id, query.validation_type })
    end)

    it("changes nothing with --dry-run", function()
      local code, out, err = example("archive_stale", { "--name", "nightly", "--dry-run" })
      assert_ran(code, out, err)
      assert.are.equal(0, server:count { method = "POST" })
      local first = server:log()[1]
      assert.are.equal("/v1/scenarios", first.path)
      local _, lines = out:gsub("scn_%w+  nightly\n", "")
      assert.are.equal(NIGHTLY, lines)
      assert.matches("\n6 would be archived, 0 failed\n$", out)
    end)

    it("goes on behind a failure, names it and ends with code 1", function()
      server:fault { method = "POST", path = "/archive$", skip = 2, status = 403, json = { message = "no, not this one" } }
      local code, out, err = example("archive_stale", { "--name", "nightly", "--concurrency", "1" })
      assert.are.equal(1, code)
      assert.are.equal("5 archived, 1 failed\n", out)
      local failed = server:log { method = "POST" }[3].path:match("(scn_%w+)")
      assert.matches("^" .. failed .. ": runloop: 403 permission_denied: no, not this one [^\n]*\n$", err)
    end)

    it("says when the list broke off", function()
      server:fault { method = "GET", status = 400, json = { message = "bad filter" } }
      local code, out, err = example("archive_stale", { "--name", "nightly" })
      assert.are.equal(1, code)
      assert.are.equal("0 archived, 0 failed\n", out)
      assert.matches("^the list broke off: runloop: 400 bad_request: bad filter", err)
    end)

    it("keeps to its concurrency", function()
      server:set { delay = 0.02 }
      local code = example("archive_stale", { "--search", "scn_", "--concurrency", "3" })
      assert.are.equal(0, code)
      assert.are.equal(60, server:count { method = "POST", path = "/archive$" })
      local most = server:stats().max_in_flight
      assert.is_true(most == 3 or most == 4, most) -- the page itself may still be on its way
    end)

    it("shows its progress on a terminal only", function()
      local _, _, piped = example("archive_stale", { "--name", "nightly", "--dry-run" })
      assert.are.equal("", piped)
      local code, shown = example_on_terminal("archive_stale.lua --name nightly")
      assert.are.equal(0, code)
      assert.matches("\r\27%[K%d of 6, 0 failed", shown)
      assert.matches("6 archived, 0 failed\r\n$", shown)
    end)

    it("explains itself", function()
      local code, out, err = example("archive_stale", { "--help" }, { RUNLOOP_API_KEY = false })
      assert_ran(code, out, err)
      assert.matches("^usage: lua5.4 examples/archive_stale.lua", out)
      for _, words in ipairs { {}, { "--nmae", "x" }, { "--name" }, { "--name", "x", "--concurrency", "0" } } do
        local wrong, _, message = example("archive_stale", words)
        assert.are.equal(2, wrong)
        assert.matches("^archive_stale: [^\n]+\nusage: ", message)
      end
      assert.are.equal(0, server:count())
    end)
  end)

  -- README.md, CONTRIBUTING.md and the chapters of docs/.
  describe("the manual", function()
    local documents = {} -- path from the root -> text

    lazy_setup(function()
      for _, name in ipairs { "README.md", "CONTRIBUTING.md" } do
        documents[name] = support.read_file(support.root .. "/" .. name)
      end
      for name in lfs.dir(support.root .. "/docs") do
        if name:find("%.md$") then
          documents["docs/" .. name] = support.read_file(support.root .. "/docs/" .. name)
        end
      end
    end)

    -- { language, code, line of its fence } of every block of a document, in order.
    local function blocks_of(text)
      local blocks = {}
      for at, language, code in text:gmatch("\n()```(%l+)\n(.-\n)```") do
        local _, line = text:sub(1, at):gsub("\n", "")
        blocks[#blocks + 1] = { language, code, line + 1, text:match("^\n*```text\n(.-\n)```", at + #language + #code + 7) }
      end
      return blocks
    end

    it("has code that runs, and prints what stands below it", function()
      local ran, held = 0, 0
      for name, text in pairs(documents) do
        for _, block in ipairs(blocks_of(text)) do
          local language, code, line, below = portable.unpack(block, 1, 4)
          if language == "lua" then
            server:reset { scenarios = 300 }
            server:set { provisioning_polls = 0, scoring_polls = 0 }
            local status, out, err = support.lua(code, { env = environment() })
            assert.are.same({ 0, "" }, { status, err }, ("%s:%d\n%s"):format(name, line, err))
            if below then assert.are.equal(below, out, ("%s:%d"):format(name, line)) end
            ran, held = ran + 1, held + (below and 1 or 0)
          end
        end
      end
      assert.is_true(ran > 10)
      assert.is_true(held > 0)
    end)

    -- What the heading is called behind a #, as the sites that show Markdown make it.
    local function anchors_of(text)
      local anchors = {}
      for heading in ("\n" .. text:gsub("\n```.-\n```", "\n")):gmatch("\n#+ ([^\n]+)") do
        anchors[heading:lower():gsub("[^%w _-]", ""):gsub(" ", "-")] = true
      end
      return anchors
    end

    it("has links that lead somewhere", function()
      local links = 0
      for name, text in pairs(documents) do
        local directory = name:match("^(.*/)") or ""
        for target in text:gmatch("%]%(([^)]+)%)") do
          local file, anchor = target:match("^([^#]*)#?(.*)$")
          if not file:find("^https?://") then
            local path = file == "" and name or (directory .. file):gsub("^docs/%.%./", "")
            assert.is_true(support.exists(support.root .. "/" .. path), name .. " links to " .. target)
            if anchor ~= "" then
              assert.is_true(anchors_of(documents[path])[anchor], name .. " links to " .. target)
            end
            links = links + 1
          end
        end
      end
      assert.is_true(links > 20)
    end)

    it("has every file of the house on the map of its rooms", function()
      local map = documents["CONTRIBUTING.md"]
      local function check(directory, pattern)
        for name in lfs.dir(support.root .. "/" .. directory) do
          if name:find(pattern) then
            assert.is_truthy(map:find("`" .. name .. "`", 1, true) or map:find("/" .. name .. "`", 1, true), name)
          end
        end
      end
      check("lua/runloop", "%.lua$")
      check("src", "^[^_]+%.c$") -- the binding's are lua_*.c there
    end)

    it("is all linked from README.md", function()
      for name in pairs(documents) do
        assert.is_truthy(name == "README.md" or documents["README.md"]:find("](" .. name .. ")", 1, true), name)
      end
    end)
  end)
end)
