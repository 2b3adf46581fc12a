-- The command examples/evaluate_benchmark.lua, run against the stand-in with agents and scorers that really run.

local portable = require "spec.support.portable"
local runloop = require "runloop"
local support = require "spec.support"

local LUA = arg and arg[-1] and arg[-1]:find("lua[%d.]*$") and arg[-1] or "lua5.4"

if not portable.closing then
  describe("evaluate_benchmark.lua", function() pending "is written for Lua 5.4" end)
  return
end

local SCRIPT = support.root .. "/examples/evaluate_benchmark.lua"

describe("evaluate_benchmark.lua #slow", function()
  local server, benchmark

  lazy_setup(function() server = support.start { scenarios = 0, runs = 0 } end)
  lazy_teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    server:set { provisioning_polls = 0, scoring = "run" }
    local client, ids = server:client(), {}
    for i, wanted in ipairs { "1.0", "0.5", "0.2", "1.0" } do
      ids[i] = assert(runloop.scenario("task " .. i)
        :with_problem_statement("Write it's <score> " .. wanted .. "\nto answer.txt.")
        :add_bash_script_scorer("answer", { bash_script = 'echo "read <$(cat answer.txt)>"; echo score=$(cat answer.txt)' })
        :push(client)).id
    end
    benchmark = assert(client.benchmarks:create { name = "b", scenario_ids = ids }).id
    client:close()
  end)

  local GOOD = "grep -o '[0-9][.][0-9]' {problem} > answer.txt"
  local FAILS = GOOD .. "; if grep -q 0.5 answer.txt; then echo 'cannot do that' >&2; exit 3; fi"

  local function environment(more)
    local env = {
      RUNLOOP_API_KEY = server.token, RUNLOOP_BASE_URL = server.url, RUNLOOP_CUSTOM_HEADERS = false,
      LUA_PATH = package.path, LUA_CPATH = package.cpath,
    }
    for name, value in pairs(more or {}) do env[name] = value end
    return env
  end

  local function command(words, env)
    return support.run({ LUA, SCRIPT, portable.unpack(words) }, { env = environment(env), preload = true })
  end

  local function nothing_runs()
    for _, id in ipairs(server:ids "run") do
      local state = support.json.decode(server:text("run", id)).state
      assert.is_true(state == "completed" or state == "canceled", id .. " is " .. state)
    end
  end

  it("prints a table, a histogram and the totals", function()
    local code, out, err = command { "--benchmark", benchmark, "--agent", GOOD }
    assert.are.same({ 0, "" }, { code, err })
    assert.matches("^scenario  score   seconds  state\ntask 1    1%.000 +[%d.]+  completed\ntask 2    0%.500 ", out)
    assert.matches("\n0%.9 to 1%.0     2  " .. ("#"):rep(40) .. "\n", out)
    assert.matches("\n0%.5 to 0%.6     1  " .. ("#"):rep(20) .. "\n", out)
    assert.matches("\n4 in all: 4 scored, 0 failed, 0 left out; ", out, 1, true)
    assert.matches("mean 0.675 +- 0.", out, 1, true)
    assert.matches("median 0.750, perfect 50 %; over all 0.675", out, 1, true)
    assert.is_nil(out:find("[\r\27]"))
    assert.are.equal("completed", support.json.decode(server:text("benchmark_run", server:ids("benchmark_run")[2])).state)
    nothing_runs()
  end)

  it("says what failed and why, with exit status 1", function()
    local code, out, err = command { "--benchmark=" .. benchmark, "--agent", FAILS, "--concurrency", "2" }
    assert.are.same({ 1, "" }, { code, err })
    assert.matches("\ntask 2        %- +[%d.]+  canceled\n", out)
    assert.matches("\nfailures\ntask 2: exit status 3: cannot do that\n", out, 1, true)
    nothing_runs()
  end)

  it("ends an agent whose time is over", function()
    local code, out = command { "--name", "task 1", "--agent", "sleep 60", "--timeout", "0.5" }
    assert.are.equal(1, code)
    assert.matches("task 1: runloop: timeout AWAIT: ", out, 1, true)
    nothing_runs()
  end)

  it("finds scenarios by their name, or by a part of it", function()
    local code, out = command { "--name", "task 3", "--agent", GOOD, "--trials", "2" }
    assert.are.equal(0, code)
    assert.matches("\ntask 3 %(1%)  0%.200 ", out)
    assert.matches("\ntask 3 %(2%)  0%.200 ", out)
    assert.matches("\npass@2 0.000\n", out, 1, true)
    code, out = command { "--search", "task", "--agent", GOOD }
    assert.are.equal(0, code)
    assert.matches("\n4 in all", out, 1, true)
  end)

  it("writes the report as JSON, the logs, and a page", function()
    local directory = support.tmpdir()
    local logs, json, html = directory .. "/logs", directory .. "/report.json", directory .. "/report.html"
    support.run { "mkdir", logs }
    local code = command { "--benchmark", benchmark, "--agent", FAILS, "--logs", logs, "--json", json, "--html", html }
    assert.are.equal(1, code)
    local report = support.json.decode(support.read_file(json))
    assert.are.same({ 4, 3, 1 }, { report.n, report.scored, report.failed })
    assert.are.equal("exit status 3: cannot do that", report.results[2].err.message)
    assert.are.equal(4, #support.list_dir(logs))
    local page = support.read_file(html)
    assert.matches("<summary>answer: 1.000, complete</summary><pre>read &lt;1.0&gt;\n", page, 1, true)
    assert.matches('data-failed="1"><td>task 2</td>', page, 1, true)
    assert.matches("<div class=\"bad\">exit status 3: cannot do that</div>", page, 1, true)
    assert.matches("<svg .*<title>0%.9 to 1%.0: 2</title>", page)
    -- It needs no network.
    for _, pattern in ipairs { "src=", "href=", "https?:", "url%(", "@import" } do assert.is_nil(page:find(pattern)) end
  end)

  it("writes one of the two to standard output, and all else to standard error", function()
    local code, out, err = command { "--search", "task", "--agent", FAILS, "--json", "-" }
    assert.are.equal(1, code)
    assert.are.equal(3, support.json.decode(out).scored)
    assert.matches("^scenario  score   seconds  state\ntask 1 ", err)
    assert.matches("\nfailures\ntask 2: exit status 3: cannot do that\n", err, 1, true)
    assert.matches("\n4 in all: 3 scored", err, 1, true)
    code, out = command { "--search", "task 1", "--agent", GOOD, "--html=-" }
    assert.are.equal(0, code)
    assert.matches("^<!DOCTYPE html>.*</html>\n$", out)
    assert.is_nil(io.open "-")
  end)

  it("fails when what it writes does not arrive", function()
    for _, words in ipairs { "--json /dev/full", "--json -" } do
      local line = ("%s %s --search 'task 1' --agent %s %s >/dev/full"):format(LUA, SCRIPT, runloop.shell_quote(GOOD), words)
      local code, _, err = support.run({ "sh", "-c", line }, { env = environment(), preload = true })
      assert.are.equal(1, code)
      assert.matches("evaluate_benchmark: .*No space left on device", err)
    end
  end)

  it("goes on with what was begun, and evaluates nothing twice", function()
    assert.are.equal(1, (command { "--search", "task", "--agent", FAILS }))
    assert.are.equal(4, #server:ids "run")
    local code, out = command { "--search", "task", "--agent", GOOD, "--resume" }
    assert.are.equal(0, code)
    assert.matches("\n4 in all: 4 scored", out, 1, true)
    assert.are.equal(5, #server:ids "run")
  end)

  it("shows its progress on a terminal", function()
    local words = ("%s %s --search task --agent %s"):format(LUA, SCRIPT, runloop.shell_quote(GOOD))
    local code, out = support.run({ "script", "-qec", words, "/dev/null" }, { env = environment(), preload = true })
    assert.are.equal(0, code)
    assert.matches("\r\27[K4 of 4, 0 running, mean 0.675, ", out, 1, true)
    assert.matches(" a minute, %d+ s left", out)
    assert.matches("\r\27[Kscenario", out, 1, true)
  end)

  it("begins nothing it cannot make sense of, with exit status 2", function()
    for _, case in ipairs {
      { "one of --benchmark, --name and --search is needed", "--agent", "x" },
      { "one of --benchmark, --name and --search is needed", "--agent", "x", "--name", "a", "--search", "b" },
      { "--agent is needed", "--name", "a" },
      { "unknown: --agnet", "--agnet", "x" },
      { "--name needs a value", "--agent", "x", "--name" },
      { "--concurrency must be an integer above 0, got 1.5", "--concurrency", "1.5" },
      { "--timeout must be a number above 0, got soon", "--timeout=soon" },
      { "--resume takes no value", "--resume=yes" },
      { "--name is there twice", "--name", "a", "--name", "b" },
      { "only one of --json and --html can be standard output", "--name", "a", "--agent", "x", "--json=-", "--html", "-" },
    } do
      local code, out, err = command { portable.unpack(case, 2) }
      assert.are.same({ 2, "" }, { code, out }, err)
      assert.matches("evaluate_benchmark: " .. case[1] .. "\n\nusage: ", err, 1, true)
    end
    for _, case in ipairs {
      { "404 not_found: Benchmark with ID nobody not found", "--benchmark", "nobody", "--agent", "x" },
      { "there are no such scenarios", "--name", "nobody", "--agent", "x" },
      { "No such file or directory", "--name", "task 1", "--agent", "x", "--json", "/nowhere/x.json" },
      { "the directory for logs", "--name", "task 1", "--agent", "x", "--logs", "/nowhere" },
    } do
      local code, _, err = command { portable.unpack(case, 2) }
      assert.are.equal(2, code, err)
      assert.matches(case[1], err, 1, true)
    end
    local code, _, err = command({ "--name", "task 1", "--agent", "x" }, { RUNLOOP_API_KEY = "wrong" })
    assert.are.same({ 2, nil }, { code, err:find("wrong", 1, true) })
    assert.are.same({}, server:ids "run")
    code, err = command { "--help" }
    assert.are.equal(0, code, err)
  end)
end)
