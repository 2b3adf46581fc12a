--- Runs the scorers of a scenario in the directory of a run's devbox.
local base = require "api.base"
local commands = require "commands"
local executions = require "api.executions"
local files = require "api.files"
local json = require "json"
local loop = require "loop"
local scenarios = require "api.scenarios"
local scorers = require "api.scorers"
local socket = require "socket"

local scoring = {}

local OUTPUT_BYTES = 65536

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Runs a command in the working directory: exit status and output; nil when the time is over.
local function run(job, command, env)
  local path = ("%s/.scoring/%d"):format(job.place.root, job.count)
  job.count = job.count + 1
  local ended = loop.event()
  local status
  local number = executions.start(job.self, job.box, command, {
    cwd = job.directory, env = env, out = path .. ".out", err = path .. ".err",
  }, nil, function(code)
    status = code
    ended:fire()
  end)
  while not status do
    local left = job.give_up - socket.gettime()
    if left <= 0 then
      commands.kill(number, "sigkill", true)
      return nil
    end
    ended:wait(left)
  end
  local function text_of(name)
    local file = io.open(name, "rb")
    local text = file and file:read(OUTPUT_BYTES) or ""
    if file then file:close() end
    return text
  end
  return status, text_of(path .. ".out"), text_of(path .. ".err")
end

-- The score that a script printed: its last `score=X`, or a last line that is a number.
local function printed_score(text)
  local score
  for number in text:gmatch "score=([%d.]+)" do score = tonumber(number) end
  score = score or tonumber(text:sub(-100):match "([%d.]+)%s*$")
  if score and score >= 0 and score <= 1 then return score + 0.0 end
end

local function script(job, name, text, command, env)
  local path = ("%s/.scoring/%s"):format(job.place.root, name)
  files.need(files.write(path, text))
  local status, out, err = run(job, command .. " " .. quote(path), env)
  if not status then return nil end
  local score = printed_score(out)
  return { score = score or 0.0, output = out .. err, state = score and "complete" or "error" }
end

local function by_exit(job, command)
  local status, out, err = run(job, command)
  if not status then return nil end
  return { score = status == 0 and 1.0 or 0.0, output = out .. err, state = "complete" }
end

local kinds = {}

function kinds.bash_script_scorer(job, scorer)
  return script(job, "script.sh", scorer.bash_script or "", "bash")
end

function kinds.command_scorer(job, scorer)
  return by_exit(job, scorer.command or "true")
end

function kinds.python_script_scorer(job, scorer)
  return script(job, "script.py", scorer.python_script, "python3")
end

function kinds.test_based_scorer(job, scorer)
  for _, file in ipairs(base.given(scorer.test_files) or {}) do
    if base.given(file.file_path) then
      local path = file.file_path
      if path:sub(1, 1) ~= "/" then path = job.directory .. "/" .. path end
      files.need(files.write(files.path(job.place, path), base.given(file.file_contents) or ""))
    end
  end
  return by_exit(job, scorer.test_command or "true")
end

function kinds.custom_scorer(job, scorer)
  local text = scorers.script(job.self, scorer.custom_scorer_type)
  if not text then return { score = 0.0, output = "no such scorer: " .. scorer.custom_scorer_type, state = "error" } end
  local context = base.given(scorer.scorer_params) or {}
  return script(job, "custom.sh", text, "bash", { RL_SCORER_CONTEXT = json.encode(context) })
end

-- Without ast-grep: whether the pattern's longest piece of plain text is there.
function kinds.ast_grep_scorer(job, scorer)
  local longest = ""
  for piece in (scorer.pattern:gsub("\\%$", "$") .. "$"):gmatch "([^$]*)%$+[%u_]*" do
    if #piece > #longest then longest = piece end
  end
  local directory = scorer.search_directory or "."
  return by_exit(job, ("command -v ast-grep >/dev/null && ast-grep run --pattern %s %s | grep -q . || grep -rqF -- %s %s")
    :format(quote(scorer.pattern), quote(directory), quote(longest), quote(directory)))
end

--- Scores what the box holds: the result; or nil and the state in which the run ends instead. Yields.
function scoring.score(self, box, scenario)
  local functions = scenarios.scoring_functions(scenario)
  if not functions[1] or box.status ~= "running" then return nil, "failed" end
  local place = files.place(self, box)
  local directory = base.given(scenarios.environment(scenario).working_directory)
  directory = directory and files.path(place, directory) or place.home
  files.need(commands.mkdirs(directory, place.root .. "/.scoring"))
  local job = {
    self = self, box = box, place = place, directory = directory, count = 1,
    give_up = socket.gettime() + scenarios.scorer_timeout(scenario),
  }
  local results, total = json.array {}, 0.0
  for i, f in ipairs(functions) do
    local kind = kinds[f.scorer.type]
    local result = { score = 0.0, output = "unknown scorer type " .. f.scorer.type, state = "error" }
    if kind then result = kind(job, f.scorer) end
    if not result then return nil, "timeout" end
    if not utf8.len(result.output) then result.output = result.output:gsub("[\x80-\xFF]", "?") end
    result.scoring_function_name = f.name
    results[i], total = result, total + f.weight * result.score
  end
  return { score = math.max(0.0, math.min(1.0, total)), scoring_function_results = results }
end

return scoring
