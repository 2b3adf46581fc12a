-- Archives all scenarios that match a filter, many at a time. See --help.

local runloop = require "runloop"

local HELP = [[
usage: lua5.4 examples/archive_stale.lua [options] FILTER...

Archives every scenario that matches all filters. Asks nothing: try --dry-run first.

filters (at least one):
  --name NAME              the scenario's name is NAME
  --search TEXT            TEXT is in its id or name
  --benchmark-id ID        it belongs to this benchmark
  --validation-type TYPE   UNSPECIFIED, FORWARD, REVERSE or EVALUATION
options:
  --concurrency N          calls in flight at once (default 32)
  --dry-run                prints what would be archived
  --help                   prints this
environment: RUNLOOP_API_KEY, RUNLOOP_BASE_URL
exit code: 0 all done, 1 something failed, 2 wrong usage
]]

local FILTERS = {
  ["--name"] = "name",
  ["--search"] = "search",
  ["--benchmark-id"] = "benchmark_id",
  ["--validation-type"] = "validation_type",
}

local function usage(message)
  io.stderr:write("archive_stale: ", message, "\n", HELP)
  os.exit(2)
end

local function parse(words)
  local filter, options = { limit = 100 }, { concurrency = 32 }
  local i = 1
  local function value()
    i = i + 1
    return words[i] or usage(words[i - 1] .. " needs a value")
  end
  while words[i] do
    local word = words[i]
    if word == "--help" then
      io.write(HELP)
      os.exit(0)
    elseif word == "--dry-run" then
      options.dry_run = true
    elseif word == "--concurrency" then
      options.concurrency = math.tointeger(tonumber(value())) or 0
      if options.concurrency < 1 then usage("--concurrency must be a whole number, 1 or more") end
    elseif FILTERS[word] then
      filter[FILTERS[word]] = value()
      options.filtered = true
    else
      usage("unknown option " .. word)
    end
    i = i + 1
  end
  if not options.filtered then usage("no filter") end
  return filter, options
end

-- A line that is written over and over, on a terminal; nothing where the output is a file or a pipe.
local function new_progress()
  local terminal = os.execute("test -t 2")
  return function(...)
    if terminal then io.stderr:write("\r\27[K", ...):flush() end
  end
end

local filter, options = parse(arg)
local client <close> = runloop.new()
local list = client.scenarios:list(filter)
local progress = new_progress()
local failures, done = {}, 0

-- Called for many scenarios at once; what it returns decides what counts as a failure.
local function archive(scenario)
  local ok, err = true, nil
  if options.dry_run then
    print(scenario.id .. "  " .. scenario.name)
  else
    ok, err = scenario:archive()
  end
  done = done + 1
  if not ok then failures[#failures + 1] = scenario.id .. ": " .. err end
  progress(("%d of %s, %d failed"):format(done, list.total_count or "?", #failures))
  return ok, err
end

local archived, _, list_err = client:map(list, archive, { concurrency = options.concurrency, results = false })
progress()
for i = 1, math.min(#failures, 20) do io.stderr:write(failures[i], "\n") end
if #failures > 20 then io.stderr:write("and ", #failures - 20, " more\n") end
if list_err then io.stderr:write("the list broke off: ", tostring(list_err), "\n") end
print(("%d %s, %d failed"):format(archived, options.dry_run and "would be archived" or "archived", #failures))
os.exit(not list_err and #failures == 0, true)
