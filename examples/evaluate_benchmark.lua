-- Evaluates an agent: a command that runs on the devbox of each scenario, scored by the scenario's own scorers.

local USAGE = [[
usage: lua5.4 evaluate_benchmark.lua (--benchmark ID | --name NAME | --search TEXT) --agent COMMAND [options]

  --benchmark ID     all scenarios of a benchmark, in a benchmark run
  --name NAME        the scenarios of this name
  --search TEXT      the scenarios that have this in their id or name
  --agent COMMAND    runs on each devbox, in its shell; {problem} is a file with the problem statement, {scenario} the
                     scenario's id; another exit status than 0 is a failure
  --concurrency N    scenarios at once; default 16
  --trials N         how often each is run; default 1
  --timeout SECONDS  for the agent; default 7200
  --run-name NAME    what the runs are called; default: after the scenarios
  --resume           goes on with what was begun under this name, or with the benchmark's newest run
  --logs DIRECTORY   the logs of each run, as a zip
  --json FILE        the report
  --html FILE        the report as a page, with what the scorers said

One of the two files may be -, which is standard output: what else stands there goes to standard error then.

The token comes from RUNLOOP_API_KEY. Exit status: 0 when all was scored, 1 when something failed or was left out, 2 when
nothing could be begun.
]]

local runloop = require "runloop"

local function give_up(message)
  io.stderr:write("evaluate_benchmark: ", tostring(message), "\n")
  os.exit(2, true)
end

-- Options.

local KNOWN = {
  benchmark = "text", name = "text", search = "text", agent = "text", concurrency = "integer", trials = "integer",
  timeout = "number", ["run-name"] = "text", resume = "flag", logs = "text", json = "text", html = "text",
}

local function usage(message)
  io.stderr:write("evaluate_benchmark: ", message, "\n\n", USAGE)
  os.exit(2)
end

local function value_of(name, kind, text)
  if text == nil or text == "" then usage("--" .. name .. " needs a value") end
  if kind == "text" then return text end
  local number = tonumber(text)
  if number and kind == "integer" then number = math.tointeger(number) end
  if not number or number <= 0 or number == math.huge then
    usage(("--%s must be %s above 0, got %s"):format(name, kind == "integer" and "an integer" or "a number", text))
  end
  return number
end

local function options_from(words)
  local options, i = {}, 1
  while words[i] do
    if words[i] == "--help" or words[i] == "-h" then
      io.write(USAGE)
      os.exit(0)
    end
    local name, value = words[i]:match "^%-%-([%l-]+)=(.*)$"
    name = name or words[i]:match "^%-%-([%l-]+)$"
    local kind = KNOWN[name]
    if not kind then usage("unknown: " .. words[i]) end
    if options[name] ~= nil then usage("--" .. name .. " is there twice") end
    if kind == "flag" then
      if value then usage("--" .. name .. " takes no value") end
      options[name] = true
    else
      if not value then
        i = i + 1
        value = words[i]
      end
      options[name] = value_of(name, kind, value)
    end
    i = i + 1
  end
  local sources = 0
  for _, name in ipairs { "benchmark", "name", "search" } do
    if options[name] then sources = sources + 1 end
  end
  if sources ~= 1 then usage("one of --benchmark, --name and --search is needed") end
  if not options.agent then usage("--agent is needed") end
  if options.json == "-" and options.html == "-" then usage("only one of --json and --html can be standard output") end
  return options
end

local options = options_from(arg)

local out = (options.json == "-" or options.html == "-") and io.stderr or io.stdout

local function say(line) out:write(line, "\n") end

-- A file that could not be written would be noticed hours too late.
for _, name in ipairs { "json", "html" } do
  if options[name] and options[name] ~= "-" then
    local file, why = io.open(options[name], "a")
    if not file then give_up(why) end
    file:close()
  end
end

-- The agent.

local PROBLEM = "problem_statement.md"

-- How a command's output ends, for the reason of a failure.
local function last_line(text)
  local line = (text or ""):match "([^\r\n]*%S[^\r\n]*)%s*$"
  return line and line:sub(1, 200) or nil
end

local function agent(_, devbox, scenario)
  local written, err = devbox:write_file(PROBLEM, scenario.input_context.problem_statement)
  if not written then return nil, err end
  local fill = { problem = '"$HOME"/' .. PROBLEM, scenario = runloop.shell_quote(scenario.id) }
  local command = options.agent:gsub("{(%l+)}", fill)
  local result
  result, err = devbox:exec(command, { timeout = options.timeout or 7200, kill_on_failure = true, last_n = 100 })
  if not result then return nil, err end
  if result.exit_status == 0 then return true end
  local said = last_line(result.stderr) or last_line(result.stdout)
  return nil, "exit status " .. result.exit_status .. (said and ": " .. said or "")
end

-- Progress, on a terminal.

local terminal = os.execute "test -t 1 && test -t 2" == true
local began = os.time()

local function duration(seconds)
  seconds = math.floor(seconds + 0.5)
  if seconds < 60 then return seconds .. " s" end
  if seconds < 3600 then return ("%d min %02d s"):format(seconds // 60, seconds % 60) end
  return ("%d h %02d min"):format(seconds // 3600, seconds % 3600 // 60)
end

local function show_progress(p)
  local elapsed = math.max(1, os.time() - began)
  local parts = { ("%d of %s"):format(p.done, p.total or "?"), p.started - p.done .. " running" }
  if p.failed > 0 then parts[#parts + 1] = p.failed .. " failed" end
  if p.mean_score then parts[#parts + 1] = ("mean %.3f"):format(p.mean_score) end
  if p.done > 0 then
    parts[#parts + 1] = ("%.1f a minute"):format(p.done * 60 / elapsed)
    if p.total and p.total > p.done then
      parts[#parts + 1] = duration((p.total - p.done) * elapsed / p.done) .. " left"
    end
  end
  io.stderr:write("\r\27[K", table.concat(parts, ", "))
  io.stderr:flush()
end

-- The report on the terminal.

local BINS, WIDTH = 10, 40

local function bin_of(score)
  return math.max(1, math.min(BINS, math.floor(score * BINS + 1e-9) + 1))
end

local function counts_of(report)
  local counts, most = {}, 0
  for i = 1, BINS do counts[i] = 0 end
  for _, result in ipairs(report.results) do
    if result.score then
      local bin = bin_of(result.score)
      counts[bin] = counts[bin] + 1
      most = math.max(most, counts[bin])
    end
  end
  return counts, most
end

local function bin_name(i)
  return ("%.1f to %.1f"):format((i - 1) / BINS, i / BINS)
end

local function name_of(result)
  local name = result.scenario_name or result.scenario_id
  return (options.trials or 1) > 1 and ("%s (%d)"):format(name, result.trial) or name
end

local function print_table(report)
  local width = #"scenario"
  for _, result in ipairs(report.results) do width = math.max(width, utf8.len(name_of(result)) or #name_of(result)) end
  local function row(name, score, seconds, state)
    local fill = (" "):rep(width - (utf8.len(name) or #name))
    say(("%s%s  %5s  %8s  %s"):format(name, fill, score, seconds, state))
  end
  row("scenario", "score", "seconds", "state")
  for _, result in ipairs(report.results) do
    row(name_of(result), result.score and ("%.3f"):format(result.score) or "-", ("%.1f"):format(result.seconds),
      result.state)
  end
end

local function print_histogram(report)
  local counts, most = counts_of(report)
  if most == 0 then return end
  say "\nscores"
  for i = BINS, 1, -1 do
    local bar = ("#"):rep(math.ceil(counts[i] / most * WIDTH))
    say((("%s  %4d  %s"):format(bin_name(i), counts[i], bar):gsub("%s+$", "")))
  end
end

local function print_failures(report)
  local first = true
  for _, result in ipairs(report.results) do
    if result.err then
      if first then say "\nfailures" end
      first = false
      say(("%s: %s"):format(name_of(result), (result.err.message:gsub("%s+", " "))))
    end
  end
end

local function print_totals(report)
  say(("\n%d in all: %d scored, %d failed, %d left out; %s, devboxes %s"):format(report.n, report.scored,
    report.failed, report.skipped, duration(report.seconds), duration(report.devbox_seconds)))
  if report.mean_score then
    say(("mean %.3f%s, median %.3f, perfect %.0f %%; over all %.3f"):format(report.mean_score,
      report.std_error and (" +- %.3f"):format(report.std_error) or "", report.median, report.perfect * 100,
      report.score))
  end
  for k, value in ipairs(#report.pass_at_k > 1 and report.pass_at_k or {}) do
    say(("pass@%d %.3f"):format(k, value))
  end
  for _, left in ipairs(report.left_running) do
    say(("LEFT RUNNING: run %s, devbox %s"):format(left.run_id, left.devbox_id))
  end
  if report.err then say("ended early: " .. report.err.message) end
end

-- The page.

local function html(text)
  return (tostring(text):gsub('[&<>"]', { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local STYLE = [[
:root { color-scheme: light dark; --line: #8884; --bar: #4a7bd0; --bad: #c4413a; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; }
dt { opacity: .7; font-size: .85rem; } dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
svg { width: 40rem; max-width: 100%; height: auto; } svg rect { fill: var(--bar); }
svg text { fill: currentColor; font-size: 12px; }
table { border-collapse: collapse; width: 100%; } td, th { border-bottom: 1px solid var(--line); padding: .35rem .5rem;
  text-align: left; vertical-align: top; } th { position: sticky; top: 0; background: Canvas; }
th button { all: unset; cursor: pointer; } th button:focus-visible { outline: 2px solid var(--bar); }
th[aria-sort=ascending] button::after { content: " ▲"; } th[aria-sort=descending] button::after { content: " ▼"; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; } .bad { color: var(--bad); }
pre { overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; background: #8881; padding: .5rem;
  max-height: 20rem; }
input[type=search] { font: inherit; padding: .3rem .5rem; width: 20rem; max-width: 100%; } label { margin-right: 1rem; }
]]

local SCRIPT = [[
const body = document.querySelector("tbody"), rows = [...body.rows];
const filter = document.getElementById("filter"), failed = document.getElementById("failed");
function show() {
  const words = filter.value.toLowerCase().split(/\s+/);
  let count = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !(words.every(word => text.includes(word)) && (!failed.checked || row.dataset.failed));
    if (!row.hidden) count++;
  }
  document.getElementById("count").textContent = count + " of " + rows.length;
}
filter.addEventListener("input", show);
failed.addEventListener("change", show);
document.querySelectorAll("th button").forEach((button, column) => button.addEventListener("click", () => {
  const head = button.parentElement, down = head.getAttribute("aria-sort") === "ascending";
  document.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = row => row.cells[column].dataset.key ?? row.cells[column].textContent;
  const number = head.classList.contains("number");
  rows.sort((a, b) => (number ? key(a) - key(b) : key(a).localeCompare(key(b))) * (down ? -1 : 1));
  body.append(...rows);
}));
show();
]]

local function svg(report)
  local counts, most = counts_of(report)
  local parts = { '<svg viewBox="-12 0 664 190" role="img" aria-label="Distribution of the scores">' }
  for i = 1, BINS do
    local height = most > 0 and counts[i] / most * 130 or 0
    local x = (i - 1) * 62 + 12
    parts[#parts + 1] = ('<rect x="%d" y="%.1f" width="50" height="%.1f"><title>%s: %d</title></rect>'):format(x,
      160 - height, height, bin_name(i), counts[i])
    if counts[i] > 0 then
      parts[#parts + 1] = ('<text x="%d" y="%.1f" text-anchor="middle">%d</text>'):format(x + 25, 154 - height,
        counts[i])
    end
    parts[#parts + 1] = ('<text x="%d" y="180" text-anchor="middle">%.1f</text>'):format(x - 6, (i - 1) / BINS)
  end
  parts[#parts + 1] = '<text x="626" y="180" text-anchor="middle">1.0</text>'
    .. '<line x1="6" x2="632" y1="160.5" y2="160.5" stroke="currentColor"/></svg>'
  return table.concat(parts, "\n")
end

local function scorers_html(scorers)
  local parts = {}
  for _, scorer in ipairs(scorers or {}) do
    parts[#parts + 1] = ("<details><summary>%s: %.3f, %s</summary><pre>%s</pre></details>"):format(
      html(scorer.scoring_function_name), scorer.score, html(scorer.state), html(scorer.output))
  end
  return table.concat(parts)
end

local function page(report, scorers, title)
  local parts = {}
  local function add(text, ...) parts[#parts + 1] = select("#", ...) > 0 and text:format(...) or text end
  add('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>%s</title>', html(title))
  add '<meta name="viewport" content="width=device-width"><style>'
  add(STYLE)
  add("</style></head><body>\n<h1>%s</h1>\n<dl>", html(title))
  local function fact(name, value)
    if value then add("<div><dt>%s</dt><dd>%s</dd></div>", name, html(value)) end
  end
  local function decimal(value) return value and ("%.3f"):format(value) end
  fact("scored", report.scored .. " of " .. report.n)
  fact("failed", report.failed > 0 and report.failed)
  fact("left out", report.skipped > 0 and report.skipped)
  fact("mean", report.mean_score and decimal(report.mean_score)
    .. (report.std_error and " ± " .. decimal(report.std_error) or ""))
  fact("over all", decimal(report.score))
  fact("median", decimal(report.median))
  fact("perfect", report.perfect and ("%.0f %%"):format(report.perfect * 100))
  for k, value in ipairs(#report.pass_at_k > 1 and report.pass_at_k or {}) do fact("pass@" .. k, decimal(value)) end
  fact("time", duration(report.seconds))
  fact("devboxes", duration(report.devbox_seconds))
  fact("benchmark run", report.benchmark_run)
  add "</dl>"
  if report.err then add('<p class="bad">Ended early: %s</p>', html(report.err.message)) end
  for _, left in ipairs(report.left_running) do
    add('<p class="bad">Left running: run %s, devbox %s</p>', html(left.run_id), html(left.devbox_id))
  end
  add(svg(report))
  add '<p><label>Filter <input id="filter" type="search"></label>'
  add '<label><input id="failed" type="checkbox"> failed only</label> <span id="count"></span></p>'
  add '<table><thead><tr><th><button>Scenario</button></th><th class="number"><button>Trial</button></th>'
  add '<th><button>State</button></th><th class="number"><button>Score</button></th>'
  add '<th class="number"><button>Seconds</button></th><th><button>Scorers and errors</button></th></tr></thead><tbody>'
  for _, result in ipairs(report.results) do
    add("<tr%s><td>%s</td><td class=number>%d</td><td>%s</td>", result.score and "" or ' data-failed="1"',
      html(result.scenario_name or result.scenario_id), result.trial, html(result.state))
    add('<td class=number data-key="%s">%s</td><td class=number>%.1f</td><td>', result.score or -1,
      decimal(result.score) or "–", result.seconds)
    if result.err then add('<div class="bad">%s</div>', html(result.err.message)) end
    add("%s</td></tr>", scorers_html(result.run_id and scorers[result.run_id]))
  end
  add "</tbody></table>\n<script>"
  add(SCRIPT)
  add "</script></body></html>\n"
  return table.concat(parts, "\n")
end

-- What happens.

local function write(path, text)
  local file = path == "-" and io.stdout or assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:flush())
end

local function main()
  local client <close> = runloop.new()
  local scorers = {}
  local all = {
    concurrency = options.concurrency, trials = options.trials, resume = options.resume, logs = options.logs,
    run_name = options["run-name"],
    on_progress = terminal and show_progress or nil,
    on_result = function(result, run)
      if not options.html or not result.score then return end
      scorers[result.run_id] = run.scoring_contract_result.scoring_function_results
    end,
  }
  local report, err
  if options.benchmark then
    report, err = client.benchmarks:evaluate(options.benchmark, agent, all)
  else
    all.run_name = all.run_name or "evaluate_benchmark " .. (options.name or options.search)
    report, err = client:evaluate(client.scenarios:list { name = options.name, search = options.search }, agent, all)
  end
  if terminal then io.stderr:write "\r\27[K" end
  if not report then return nil, err end
  print_table(report)
  print_histogram(report)
  print_failures(report)
  print_totals(report)
  if options.json then write(options.json, runloop.json.encode(report, { sort_keys = true }) .. "\n") end
  if options.html then
    local title = options.benchmark and "Benchmark " .. options.benchmark or all.run_name
    write(options.html, page(report, scorers, title))
  end
  if report.n == 0 then return nil, "there are no such scenarios" end
  return report.scored == report.n and not report.err and 0 or 1
end

local ok, code, err = pcall(main)
if not ok then
  if terminal then io.stderr:write "\r\27[K" end
  io.stderr:write("evaluate_benchmark: ", tostring(code), "\n")
  os.exit(1, true)
end
if not code then give_up(err) end
os.exit(code, true)
