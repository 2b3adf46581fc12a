-- The whole life of a scenario: made, run, scored, logged, archived.
--
-- Usage: lua5.4 examples/evaluate.lua [zip file for the logs] (RUNLOOP_API_KEY, RUNLOOP_BASE_URL)

local runloop = require "runloop"

local client <close> = runloop.new()
local logs = arg[1] or "run_logs.zip"

-- Calls return nil and an error; here any of them ends the script.
local function check(value, err)
  if value == nil then error(err, 0) end
  return value
end

local scenario = check(runloop.scenario("lua-evaluate-example")
  :with_problem_statement("Write bin/hello: it prints `Hello, <name>!` for the name it is given.")
  :with_working_directory("/home/user/work")
  :add_test_command_scorer("tests", {
    test_command = "sh test.sh",
    test_files = { { file_path = "test.sh", file_contents = 'test "$(bin/hello Lua)" = "Hello, Lua!"\n' } },
    weight = 3,
  })
  :add_bash_script_scorer("is_executable", { bash_script = "test -x bin/hello && echo score=1.0 || echo score=0.0" })
  :with_scorer_timeout(300)
  :with_metadata { origin = "examples/evaluate.lua" }
  :push(client))
print("created   " .. scenario.id)
-- Closed on success and on error: no scenario stays in the list.
local _ <close> = setmetatable({}, {
  __close = function()
    local archived, err = scenario:archive()
    print(archived and "archived  " .. scenario.id or "not archived: " .. err)
  end,
})

-- A run has a devbox, which costs money until the run is completed or cancelled.
local run = check(client.scenarios:start_run_and_await_env_ready({
  scenario_id = scenario.id,
  run_name = "evaluate example",
}, { timeout = 600, cancel_on_failure = true }))
print("running   " .. run.id .. " on devbox " .. run.devbox_id)
local _ <close> = setmetatable({}, {
  __close = function(_, failure)
    if failure then run:cancel() end
  end,
})

-- Here the agent works on the devbox `run.devbox_id`, told scenario.input_context.problem_statement.

check(run:score_and_await { timeout = 1800, interval = 1, on_poll = function(view) print("state     " .. view.state) end })
local result = run.scoring_contract_result
print(("score     %.3f"):format(result.score))
for _, scoring in ipairs(result.scoring_function_results) do
  print(("  %-20s %.3f  %s"):format(scoring.scoring_function_name, scoring.score, scoring.state))
end

print(("logs      %d bytes in %s"):format(check(run:download_logs(logs)), logs))
check(run:complete())
print("state     " .. run.state)
