-- What `make demo` runs: the module at work, each step's code shown and then run. The output is a Lua script.
--
-- Usage: lua5.4 examples/demo.lua [--write]
-- Without RUNLOOP_API_KEY it starts the stand-in server of the specs and talks to that. With it, it talks to the real
-- API, lists and reads there, and changes nothing; --write lets it create a scenario of its own and archive it.

local root = arg[0]:match("^(.*)/examples/[^/]*$") or (arg[0]:find("^examples/") and "." or "..")
package.path = package.path .. (";%s/lua/?.lua;%s/lua/?/init.lua;%s/?.lua;%s/?/init.lua"):gsub("%%s", root)
package.cpath = package.cpath .. (";%s/build/?.so"):format(root)

local CONNECT_STAND_IN = [[
-- A client. Without options, the token comes from RUNLOOP_API_KEY.
local runloop = require "runloop"
local client = runloop.new { base_url = "%s", bearer_token = "%s" }
]]

local CONNECT = [[
-- A client. The token comes from RUNLOOP_API_KEY.
local runloop = require "runloop"
local client = runloop.new()
]]

local LIST = [[
-- List all scenarios. A page is asked for when the loop needs it, the next one a little earlier.
local list, count = client.scenarios:list { limit = 100 }, 0
for scenario in list do
  count = count + 1
  if count % 50 == 1 then print(count, scenario.id, scenario.status, scenario.name) end
end
print(count .. " of " .. list.total_count .. " scenarios in " .. client:stats().requests .. " pages")

-- Filter: only those with a certain name, all of them in a table.
local nightly = assert(client.scenarios:list { name = "nightly" }:collect())
print(#nightly .. " scenarios are named 'nightly', the first is " .. nightly[1].id)
]]

local LIST_SOME = [[
-- List scenarios. A page is asked for when the loop needs it: one that stops early asks for no more.
local count, name = 0, nil
for scenario in client.scenarios:list { limit = 5 } do
  count, name = count + 1, scenario.name
  print(count, scenario.id, scenario.status, scenario.name)
  if count == 12 then break end
end

-- Filter: only those with a certain name, in a table.
local named = assert(client.scenarios:list { name = name }:collect(100))
print(#named .. " have the name " .. tostring(name))
]]

local READ = [[
-- Read one. What comes back is a plain table: `pairs` shows the API's fields.
local scenario = assert(client.scenarios:retrieve(nightly[1].id))
print(scenario.name, scenario.input_context.problem_statement:match("[^\n]+"))
for _, scoring in ipairs(scenario.scoring_contract.scoring_function_parameters) do
  print(scoring.name, scoring.weight, scoring.scorer.type)
end
]]

local CREATE = [[
-- Create a scenario of our own.
local scenario = assert(runloop.scenario("runloop-lua-demo")
  :with_problem_statement("Make the tests pass.")
  :add_shell_command_scorer("tests", { command = "make test" })
  :push(client))
print(scenario.id, scenario.name, scenario.status)
]]

local ARCHIVE = [[
-- Archive it: the call brings the table up to date, and the list no longer has the scenario.
local before = assert(client.scenarios:list { name = scenario.name }:collect())
assert(scenario:archive())
print(scenario.id, scenario.status)
local left = assert(client.scenarios:list { name = scenario.name }:collect())
print(#before .. " before, " .. #left .. " now")
for _, other in ipairs(left) do assert(other.id ~= scenario.id, "it is still in the list") end
]]

local BULK = [[
-- Many calls at once: read all that are left, eight at a time.
local sizes, errors = client:map(left, function(item)
  local whole, err = client.scenarios:retrieve(item)
  return whole and #whole.input_context.problem_statement, err
end, { concurrency = 8 })
assert(not errors)
print(#sizes .. " problem statements, " .. math.min(table.unpack(sizes)) .. " to "
  .. math.max(table.unpack(sizes)) .. " bytes")
]]

local WORK = [[
-- A task for an agent: what to do, and a script that scores it.
local task = assert(runloop.scenario("runloop-lua-demo-task")
  :with_problem_statement("Write the answer to the file answer.txt.")
  :add_bash_script_scorer("answer", { bash_script = "grep -qx 42 answer.txt && echo score=1.0 || echo score=0.0" })
  :push(client))

-- Start a run of it. It has a devbox, a machine of its own, which boots.
local run = assert(client.scenarios:start_run_and_await_env_ready { scenario_id = task.id, run_name = "demo" })
local devbox = assert(run:devbox())
print(run.id, run.state, devbox.id, devbox.status)

-- The agent's work: a command, really run on the devbox.
local result = assert(devbox:exec "echo thinking; echo 42 > answer.txt; echo wrote $(wc -c < answer.txt) bytes")
for line in result.stdout:gmatch("[^\n]+") do print(line) end
print("exit status " .. result.exit_status)

-- Score what the agent left, and complete the run, which ends the devbox.
assert(run:score_and_complete { interval = 0.1 })
for _, scored in ipairs(run.scoring_contract_result.scoring_function_results) do
  print(scored.scoring_function_name, scored.state, ("%.2f"):format(scored.score))
end
print(run.state, ("score %.2f"):format(run.scoring_contract_result.score), assert(devbox:refresh()).status)
assert(task:archive())
]]

local FAIL = [[
-- When the outside world says no, a call returns nil and an error: a table with the facts, and a line of text.
local missing, err = client.scenarios:retrieve("scn_of_nobody")
print(missing, err.kind, err.code, err.status)
print(err)
]]

local EVALUATE = [[
-- An evaluation: twelve tasks, and an agent that is told each. Its command really runs, and so do the scorers.
local ids = {}
for i = 1, 12 do
  ids[i] = assert(runloop.scenario(("sum-%02d"):format(i))
    :with_problem_statement(("Write %d + %d to the file sum.txt."):format(i, i * i))
    :add_shell_command_scorer("is-right", { command = "test $(cat sum.txt) = " .. i + i * i, weight = 3 })
    :add_shell_command_scorer("is-one-line", { command = "test $(wc -l < sum.txt) = 1" })
    :push(client)).id
end
local benchmark = assert(client.benchmarks:create { name = "sums", scenario_ids = ids })

-- This agent is bad at larger numbers: it gives up on some, and gets others wrong.
local function agent(run, devbox, scenario)
  local a, b = scenario.input_context.problem_statement:match("(%d+) %+ (%d+)")
  local result = assert(devbox:exec(("test %d -lt 110 || exit 3; expr %d %% 9 + %d > sum.txt"):format(b, a, b)))
  if result.exit_status ~= 0 then return nil, "the agent gave up with exit status " .. result.exit_status end
end

-- All of them, four at a time. What fails spoils no other, and no devbox is left running.
local report = assert(client.benchmarks:evaluate(benchmark, agent, { concurrency = 4, interval = 0.1 }))
for line in tostring(report):gmatch("[^\n]+") do print(line) end
]]

local END = [[
-- Done: closing ends what is still in flight.
client:close()
]]

local terminal = os.getenv("NO_COLOR") == nil and os.execute("test -t 1") == true

local function paint(style, text)
  return terminal and ("\27[%sm%s\27[0m"):format(style, text) or text
end

local function show(code)
  for line in code:gmatch("[^\n]+") do
    io.write(paint(line:find("^%-%-") and "36" or "1", line), "\n")
  end
end

-- What a step prints is shown as a comment, so that the whole output is a script.
local function print_result(...)
  local values = table.pack(...)
  for i = 1, values.n do values[i] = tostring(values[i]) end
  io.write(paint("32", "--> " .. table.concat(values, "  ")), "\n")
end

-- The steps become one chunk, so that a `local` of one is there in the next; before each, its code is shown.
local function run(lesson)
  local steps, chunk = {}, {}
  for step in (lesson .. "\n"):gmatch("(.-\n)\n+") do
    steps[#steps + 1] = step
    chunk[#chunk + 1] = ("show(%d)\n%s"):format(#steps, step)
  end
  local environment = setmetatable({
    print = print_result,
    show = function(i)
      io.write("\n")
      show(steps[i])
    end,
  }, { __index = _G })
  return xpcall(assert(load(table.concat(chunk, "\n"), "=demo", "t", environment)), function(err)
    return require("runloop").is_error(err) and err or debug.traceback(tostring(err), 2)
  end)
end

local write = false
for _, word in ipairs(arg) do
  if word ~= "--write" then
    io.stderr:write("usage: lua5.4 examples/demo.lua [--write]\n")
    os.exit(2)
  end
  write = true
end

local server
local steps
if (os.getenv("RUNLOOP_API_KEY") or ""):find("%S") then
  io.write("-- RUNLOOP_API_KEY is set: this is the real API. ",
    write and "One scenario is created and archived.\n" or "Nothing is changed.\n")
  steps = { CONNECT, LIST_SOME, FAIL }
  if write then steps = { CONNECT, LIST_SOME, CREATE, ARCHIVE, FAIL } end
else
  server = require("spec.support").start {
    scenarios = 300, scoring = "run", provisioning_seconds = 0.1, hold = 10,
  }
  io.write("-- RUNLOOP_API_KEY is not set: a server on this machine plays the API.\n")
  steps = { CONNECT_STAND_IN:format(server.url, server.token), LIST, READ, ARCHIVE, BULK, WORK, FAIL, EVALUATE }
end
steps[#steps + 1] = END

local ok, err = run(table.concat(steps, "\n"))
if server then server:stop() end
if not ok then
  io.stderr:write("\ndemo: failed: ", tostring(err), "\n")
  os.exit(1)
end
