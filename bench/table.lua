-- Measures and prints the table: started by bench/run, which has nginx running and the addresses in the environment.
local now = require("socket").gettime

local ROUNDS, QUICK_ROUNDS = 5, 2
local TIME_LIMIT = 300 -- seconds for one run of one program
-- Programs that take less than so many seconds run again in a round, there and back (a b, b a, a b, ...), for so many
-- seconds, or so many times.
local SHORT, AGAIN, MOST_PASSES = 1, 2, 10

local usage = "usage: bench/run [--quick] [--markdown] [--rounds=N] [--only=PATTERN]"
  .. " [--programs=bare,luasocket,runloop] [--before=TREE]"

local flags = {}
for _, argument in ipairs(arg) do
  local name, value = argument:match("^%-%-(%l+)=?(.*)$")
  local known = { quick = true, markdown = true, rounds = true, only = true, programs = true, before = true }
  if not known[name] then
    io.stderr:write(usage, "\n")
    os.exit(2)
  end
  flags[name] = value
end
local quick = flags.quick
local rounds = tonumber(flags.rounds) or (quick and QUICK_ROUNDS or ROUNDS)
local allowed = flags.programs

local http, tls = os.getenv("BENCH_HTTP"), os.getenv("BENCH_TLS") .. " ca=" .. os.getenv("BENCH_CA")

-- The module of another tree, which is built there, at the same work.
local function tree(directory)
  return ("env LUA_PATH='%s/lua/?.lua;%s/lua/?/init.lua;;' LUA_CPATH='%s/build/?.so;;' lua5.4 bench/runloop.lua")
    :format(directory, directory, directory)
end

local PROGRAMS = {
  { name = "bare", title = "bare libcurl", command = "build/bench/bare" },
  { name = "luasocket", title = "luasocket+cjson", command = "lua5.4 bench/luasocket.lua" },
  { name = "runloop", title = "runloop", command = "lua5.4 bench/runloop.lua" },
  { name = "before", title = "runloop, before", command = flags.before and tree(flags.before) },
  -- A second way to use runloop within one measurement.
  { name = "prefetch", title = "runloop, prefetch", command = "lua5.4 bench/runloop.lua" },
}

-- What a cell of the table says. Each takes the medians of one program.
local function seconds(m) return ("%.3f s"):format(m.seconds) end
local function milliseconds(m) return ("%.1f ms"):format(m.seconds * 1000) end
local function rate(count)
  return function(m) return ("%.0f/s"):format(count / m.seconds) end
end

-- What is held against a target. Each gives a function that takes a measurement's samples and returns a sentence and
-- whether the target is met; ratios are medians of the ratios within one pass.
local function median(numbers)
  local sorted = { table.unpack(numbers) }
  table.sort(sorted)
  return #sorted % 2 == 1 and sorted[#sorted // 2 + 1] or (sorted[#sorted // 2] + sorted[#sorted // 2 + 1]) / 2
end

local function each_pass(samples, a, b, combine)
  local results = {}
  for pass, values in pairs(samples[a]) do
    local others = samples[b][pass]
    if others then results[#results + 1] = combine(values, others) end
  end
  return median(results)
end

local function times(a, b, limit)
  return { needs = { a, b }, judge = function(samples)
    local value = each_pass(samples, a, b, function(x, y) return x.seconds / y.seconds end)
    return ("%.2f x %s"):format(value, b), limit and ("≤ %.2f"):format(limit), not limit or value <= limit
  end }
end

local function share_of_rate(a, b, limit)
  return { needs = { a, b }, judge = function(samples)
    local value = each_pass(samples, a, b, function(x, y) return y.seconds / x.seconds end)
    return ("%.0f %% of %s"):format(value * 100, b), ("≥ %.0f %%"):format(limit * 100), value >= limit
  end }
end

local function memory_above(a, b, limit)
  return { needs = { a, b }, judge = function(samples)
    local value = each_pass(samples, a, b, function(x, y) return (x.peak - y.peak) / 1024 end)
    return ("%+.1f MB over %s"):format(value, b), ("≤ %d MB"):format(limit), value <= limit
  end }
end

-- compute takes the values of one run; shown with `format`.
local function at_most(program, format, limit, compute, shown_limit)
  return { needs = { program }, judge = function(samples)
    local value = each_pass(samples, program, program, compute)
    return format:format(value), shown_limit, value <= limit
  end }
end

local function count(full, small) return quick and small or full end

local items, from = count(20000, 5000), count("", " from=15000")
local archives, parallel = count(2000, 500), count(5000, 1000)

local function list(title, url, limit, checks)
  local pages = items // limit
  return {
    title = ("list %d, %d page%s of %d, %s"):format(items, pages, pages == 1 and "" or "s", limit, title),
    bare = ("list url=%s limit=%d pages=%d%s"):format(url, limit, pages, from),
    luasocket = ("list url=%s limit=%d%s"):format(url, limit, from),
    runloop = ("list url=%s limit=%d%s"):format(url, limit, from),
    before = ("list url=%s limit=%d%s"):format(url, limit, from),
    expect = { items = items }, show = seconds, checks = checks,
  }
end

local function sequence(title, beside_server)
  local options = ("archive count=%d url=%s"):format(archives, http)
  return {
    title = ("%d archive calls in sequence, %s"):format(archives, title),
    bare = options, luasocket = options, runloop = options, before = options, beside_server = beside_server,
    expect = { connections = 1 }, show = rate(archives),
    checks = { share_of_rate("runloop", "bare", 0.6), times("runloop", "before", 0.95) },
  }
end

local function encode(title, kind, limit)
  local options = "encode kind=" .. kind
  return {
    title = "encoding " .. title, luasocket = options, runloop = options, before = options, show = milliseconds,
    checks = { times("runloop", "luasocket", limit), times("runloop", "before") },
  }
end

local function many(title, url, limit)
  local options = ("many url=%s count=%d flying=100 connections=20"):format(url, parallel)
  return {
    title = ("%d archive calls, 100 at a time, %s"):format(parallel, title),
    bare = options, runloop = options, before = options, show = rate(parallel),
    checks = { share_of_rate("runloop", "bare", limit), times("runloop", "before", 1) },
  }
end

local function start(title, url, limit, more)
  local options = "start url=" .. url
  local row = {
    title = "process start to first answer, " .. title,
    bare = options, luasocket = options, runloop = options, before = options,
    until_answer = true, show = milliseconds,
    checks = { times("runloop", "bare"), times("runloop", "before", limit) },
  }
  for name, value in pairs(more or {}) do row[name] = value end
  return row
end

-- With the system's certificates, among which bench/run has put the bench's own. Only its own processes see that.
local system_tls = os.getenv("BENCH_TLS")
local trusted = { needs_system = true, luasocket = false }

-- What a program reports of its polls.
local function polls(title, command, count_of_items, p99, longest)
  local function ms(name)
    return function(m) return m[name] * 1000 end
  end
  return {
    title = "poll(0) 1,000 times a second while a task " .. title,
    runloop = command, before = command, expect = { items = count_of_items }, once = true,
    show = function(m)
      return ("p50 %.2f, p99 %.2f, max %.2f ms; machine's jitter: p99 %.2f, max %.2f ms; %.0f polls/s"):format(
        m.p50 * 1000, m.p99 * 1000, m.max * 1000, m.jitter_p99 * 1000, m.jitter_max * 1000, m.polls / m.seconds)
    end,
    checks = {
      at_most("runloop", "p99 %.2f ms", p99, ms("p99"), ("≤ %.2f ms"):format(p99)),
      at_most("runloop", "max %.2f ms", longest, ms("max"), ("≤ %.1f ms"):format(longest)),
    },
  }
end

local function frames(title, url, p99, longest)
  return polls(("lists %d in pages of 5000, %s"):format(items, title),
    ("frames url=%s limit=5000%s"):format(url, from), items, p99, longest)
end

local function sending(title, url)
  return polls("sends a text of 4 MB ten times, " .. title, ("send url=%s count=10"):format(url), 10, 5, 5)
end

local again_pages, slow_pages, naps = count(20, 5), 20, count(10000, 2000)
local small = count(100000, 20000)

local measurements = {
  list("HTTP", http, 500, {
    times("runloop", "bare", 4), times("runloop", "luasocket", 0.33), times("runloop", "before", 0.7),
    memory_above("runloop", "before", 1),
  }),
  {
    title = ("list %d with 3 of 13 fields, HTTP, beside the whole list"):format(items),
    bare = ("list url=%s limit=500 pages=%d%s"):format(http, items // 500, from),
    runloop = ("list url=%s limit=500 fields=1%s"):format(http, from),
    before = ("list url=%s limit=500%s"):format(http, from),
    expect = { items = items }, show = seconds,
    checks = { times("runloop", "bare", 2.6), times("runloop", "before", 0.36) },
  },
  {
    title = "list 20000, HTTP, beside lua-cjson decoding the pages alone",
    luasocket = "decode limit=500", runloop = "list limit=500 url=" .. http,
    expect = { items = 20000 }, show = seconds, checks = { times("runloop", "luasocket", 0.5) },
  },
  {
    title = ("list %d small items, pages of 500, HTTP"):format(small),
    bare = ("list limit=500 pages=%d wrap=39 url=%s/small"):format(small // 500, http),
    luasocket = ("list limit=500 at_most=%d url=%s/small"):format(small, http),
    runloop = ("list limit=500 at_most=%d url=%s/small"):format(small, http),
    before = ("list limit=500 at_most=%d url=%s/small"):format(small, http),
    expect = { items = small }, show = function(m) return ("%.2f us each"):format(m.seconds / small * 1e6) end,
    checks = { times("runloop", "bare"), times("runloop", "luasocket"), times("runloop", "before", 0.72) },
  },
  encode("4,000 objects", "objects", 0.6),
  encode("a text of 4 MB", "text", 0.3),
  list("TLS, HTTP/2", tls, 500, {
    times("runloop", "bare"), times("runloop", "luasocket"), times("runloop", "before", 0.76),
  }),
  list("HTTP", http, 5000, { times("runloop", "bare"), memory_above("runloop", "bare", 16) }),
  {
    title = "one page of 5000 on an open connection, HTTP",
    bare = "list limit=5000 from=15000 url=" .. http,
    runloop = "list limit=5000 from=15000 warm=1 url=" .. http,
    expect = { items = 5000 }, show = seconds,
    checks = {
      at_most("runloop", "first item after %.1f %% of the page", 5,
        function(m) return m.first / m.seconds * 100 end, "≤ 5 %"),
      memory_above("runloop", "bare", 16),
    },
  },
  {
    title = ("%d pages of 5000, HTTP"):format(again_pages),
    bare = ("list limit=5000 pages=%d wrap=3 url=%s/again"):format(again_pages, http),
    runloop = ("list limit=5000 at_most=%d url=%s/again"):format(again_pages * 5000, http),
    expect = { items = again_pages * 5000 }, show = seconds, checks = { memory_above("runloop", "bare", 16) },
  },
  {
    title = "pages of 5000 in a slow loop beside 50 archive calls at a time, TLS, HTTP/2",
    bare = "list limit=5000 pages=4 url=" .. tls,
    runloop = ("busy limit=5000 items=%d url=%s"):format(count(3000, 1000), tls),
    show = function(m)
      return m.calls and ("%.3f s, %.0f calls/s"):format(m.seconds, m.calls / m.seconds) or seconds(m)
    end,
    checks = { memory_above("runloop", "bare", 16) },
  },
  sequence("HTTP"),
  sequence("HTTP, server on the same core", true),
  many("TLS, HTTP/2", tls, 0.7),
  many("HTTP/1.1", http, 0.5),
  start("HTTP", http, 0.9),
  start("TLS, HTTP/2", tls),
  start("TLS, HTTP/2, the system's certificates", system_tls, 0.55, trusted),
  {
    title = "process start to the first item of a list, TLS, the system's certificates",
    runloop = "first url=" .. system_tls, before = "first url=" .. system_tls,
    needs_system = true, until_answer = true, show = milliseconds, checks = { times("runloop", "before", 0.55) },
  },
  {
    title = ("%d pages of 100, 50 ms each in the server and in the loop"):format(slow_pages),
    runloop = "work limit=100 work=0.0005 prefetch=0 url=" .. http .. "/slow",
    prefetch = "work limit=100 work=0.0005 prefetch=1 url=" .. http .. "/slow",
    needs_echo = true, expect = { items = slow_pages * 100 },
    show = seconds, checks = { times("prefetch", "runloop", 0.6) },
  },
  frames("HTTP", http, 0.86, 1.2),
  frames("TLS", tls, 2, 5),
  sending("HTTP", http),
  sending("TLS", tls),
  {
    title = ("%d tasks in client:sleep"):format(naps),
    runloop = ("sleep count=%d url=%s"):format(naps, http),
    show = function(m)
      return ("%.0f bytes each (resident memory: %.0f), %+.1f KB left"):format(
        m.task_bytes, m.resident_bytes, m.left_bytes / 1024)
    end,
    checks = {
      at_most("runloop", "%.2f KB each", 3, function(m) return m.task_bytes / 1024 end, "≤ 3 KB"),
      at_most("runloop", "%.2f KB each left", 0.05, function(m) return m.left_bytes / 1024 / naps end, "≤ 0.05 KB"),
    },
  },
  {
    title = "time per item in lists of 1,000, 10,000 and 100,000, pages of 500, HTTP",
    runloop = "items url=" .. http,
    show = function(m)
      return ("%.2f, %.2f, %.2f us"):format(m.items_1000 * 1e6, m.items_10000 * 1e6, m.items_100000 * 1e6)
    end,
    checks = {
      at_most("runloop", "%.0f %% apart", 20, function(m)
        local low = math.min(m.items_1000, m.items_10000, m.items_100000)
        return (math.max(m.items_1000, m.items_10000, m.items_100000) / low - 1) * 100
      end, "≤ 20 %"),
    },
  },
}

-- Runs one program once; returns its values, or nil and what is wrong.
local function run(measurement, program)
  local command = program.command .. " " .. measurement[program.name]
  if measurement.beside_server then command = "taskset -c " .. os.getenv("BENCH_SERVER_CPU") .. " " .. command end
  local began = now()
  -- exec: no shell stays between, and a program that hangs does not hang the bench.
  local pipe = assert(io.popen(measurement.until_answer and "exec " .. command
    or ("exec timeout --foreground %d %s"):format(TIME_LIMIT, command)))
  local values, answered = {}, nil
  for line in pipe:lines() do
    local name, value = line:match("^(%S+) (%S+)$")
    if name then values[name] = tonumber(value) end
    if name == "answered" then answered = now() - began end
  end
  local ok, _, code = pipe:close()
  if not ok then return nil, ("exit status %s: %s"):format(code, command) end
  values.seconds, values.took = answered or values.seconds, now() - began
  for name, value in pairs(measurement.expect or {}) do
    if values[name] and values[name] ~= value then
      return nil, ("%s is %g, not %g: %s"):format(name, values[name], value, command)
    end
  end
  return values
end

local failures = {}

-- Two programs that read the same texts counted the same bytes, or one of them lost something.
local function same_texts(measurement, results)
  local text
  for _, values in pairs(results) do
    if values.text and text and values.text ~= text then
      failures[#failures + 1] = measurement.title .. ": the programs read different texts"
    end
    text = text or values.text
  end
end

local function uses(measurement, program)
  local family = (program.name == "prefetch" or program.name == "before") and "runloop" or program.name
  return program.command and measurement[program.name] and (not allowed or allowed:find(family, 1, true))
end

-- One pass over programs. Returns those that are short, the last first; nil when one has failed.
local function pass(measurement, programs)
  local results, short = {}, {}
  for _, program in ipairs(programs) do
    local values, problem = run(measurement, program)
    if not values then
      measurement.failed = true
      failures[#failures + 1] = measurement.title .. ": " .. problem
      return nil
    end
    results[program.name] = values
    if values.took < SHORT then table.insert(short, 1, program) end
  end
  same_texts(measurement, results)
  measurement.passes = measurement.passes + 1
  for name, values in pairs(results) do
    measurement.samples[name] = measurement.samples[name] or {}
    measurement.samples[name][measurement.passes] = values
  end
  return short
end

local function measure(measurement)
  local programs, stop = {}, nil
  for _, program in ipairs(PROGRAMS) do
    if uses(measurement, program) then programs[#programs + 1] = program end
  end
  for _ = 1, measurement.once and 1 or MOST_PASSES do
    programs = pass(measurement, programs)
    stop = stop or now() + (quick and 0 or AGAIN)
    if not programs or not programs[2] or now() >= stop then return end
  end
end

local function medians(samples)
  local result = {}
  local _, first = next(samples)
  for name in pairs(first) do
    local numbers = {}
    for _, values in pairs(samples) do numbers[#numbers + 1] = values[name] end
    result[name] = median(numbers)
  end
  return result
end

local missed = 0

local function judge(measurement)
  local sentences = {}
  for _, check in ipairs(measurement.checks) do
    local there = true
    for _, name in ipairs(check.needs) do there = there and measurement.samples[name] end
    if there then
      local text, limit, met = check.judge(measurement.samples)
      if limit then text = ("%s (%s%s)"):format(text, limit, met and "" or ", MISSED") end
      if not met then missed = missed + 1 end
      sentences[#sentences + 1] = text
    end
  end
  return table.concat(sentences, "; ")
end

local function rows_of(measurement)
  local rows = {}
  for _, program in ipairs(PROGRAMS) do
    local samples = measurement.samples[program.name]
    if samples then
      local m = medians(samples)
      rows[#rows + 1] = {
        #rows == 0 and measurement.title or "",
        program.title,
        measurement.show(m),
        ("%.1f MB"):format(m.peak / 1024),
        m.first and ("%.1f ms"):format(m.first * 1000) or "",
        "",
      }
    end
  end
  if measurement.failed then rows[#rows + 1] = { #rows == 0 and measurement.title or "", "", "FAILED", "", "", "" } end
  if #rows > 0 then rows[#rows][6] = judge(measurement) end
  return rows
end

local HEAD = { "measured", "program", "result", "peak memory", "first item", "compared (target)" }

local function print_markdown(rows)
  print("| " .. table.concat(HEAD, " | ") .. " |")
  print(("|---"):rep(#HEAD) .. "|")
  for _, row in ipairs(rows) do print("| " .. table.concat(row, " | ") .. " |") end
end

local function print_plain(rows)
  local widths = {}
  for column = 1, #HEAD do
    widths[column] = 0
    for _, row in ipairs { HEAD, table.unpack(rows) } do
      widths[column] = math.max(widths[column], utf8.len(row[column]))
    end
  end
  local function line(row)
    local cells = {}
    for column, text in ipairs(row) do cells[column] = text .. (" "):rep(widths[column] - utf8.len(text)) end
    print((table.concat(cells, "  "):gsub("%s+$", "")))
  end
  line(HEAD)
  for _, row in ipairs(rows) do line(row) end
end

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("a")
  pipe:close()
  return (text:gsub("%s+$", ""))
end

local function print_machine()
  print(("%s, %s cores, load %s; %s; %s; %s; %d rounds"):format(
    output_of("sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1"), output_of("nproc --all"),
    output_of("cut -d' ' -f1 /proc/loadavg"), output_of("curl-config --version"), output_of("nginx -v 2>&1"),
    _VERSION, rounds))
  print(output_of("cat build/bench/data/stamp"))
  print("")
end

local chosen = {}
for _, measurement in ipairs(measurements) do
  measurement.samples, measurement.passes = {}, 0
  if measurement.needs_echo and os.getenv("BENCH_ECHO") == "" then
    io.stderr:write("bench: left out, as nginx has no echo module (nginx-light has): ", measurement.title, "\n")
  elseif measurement.needs_system and os.getenv("BENCH_SYSTEM") ~= "yes" then
    io.stderr:write("bench: left out, as this user may not mount in a namespace of its own: ", measurement.title, "\n")
  elseif not flags.only or measurement.title:find(flags.only) then
    chosen[#chosen + 1] = measurement
  end
end

local function refuse(reason)
  io.stderr:write("bench: ", reason, "\n")
  os.exit(2)
end

if #chosen == 0 then refuse("no measurement's name matches " .. flags.only) end
if (not allowed or allowed:find("runloop", 1, true)) and not io.open("build/runloop/core.so") then
  refuse("the module is not built yet: make")
end

print_machine()
for round = 1, rounds do
  io.stderr:write(("bench: round %d of %d\n"):format(round, rounds))
  for _, measurement in ipairs(chosen) do
    if not measurement.failed then measure(measurement) end
  end
end

local rows = {}
for _, measurement in ipairs(chosen) do
  for _, row in ipairs(rows_of(measurement)) do rows[#rows + 1] = row end
end
(flags.markdown and print_markdown or print_plain)(rows)
print(("\n%d targets missed"):format(missed))
for _, failure in ipairs(failures) do io.stderr:write("bench: ", failure, "\n") end
os.exit(#failures == 0)
