-- The module's side of the bench, one measured thing a process: lua5.4 bench/runloop.lua MODE name=value...
-- All modes take url= and, for TLS, ca=. Options of their own stand above each.
local support = require "bench.support"
local runloop = require "runloop"
local core = require "runloop.core"
local now = core.now

local options = support.options(arg)

local function new_client(more)
  local settings = { bearer_token = "bench", base_url = options.url, ca_file = options.ca }
  for name, value in pairs(more or {}) do settings[name] = value end
  return runloop.new(settings)
end

local function list_params(limit, from)
  return { limit = limit, starting_after = from and support.id(from) }
end

local modes = {}

-- limit= [from=]; at_most=: leaves the loop after so many items; warm=1: on an open connection; fields=1: with three
-- of the thirteen fields.
function modes.list()
  local client
  if options.warm then
    client = new_client()
    assert(client:warm_up())
  end
  local items, text, first = 0, 0, nil
  local began = now()
  client = client or new_client()
  local fields = options.fields and { fields = { "id", "name", "status" } }
  for scenario in client.scenarios:list(list_params(options.limit, options.from), fields) do
    first = first or now() - began
    items = items + 1
    if not fields then text = text + #scenario.input_context.problem_statement end
    if items == options.at_most then break end
  end
  support.report { seconds = now() - began, first = first, items = items, text = not fields and text or nil }
end

-- count=: one call after the other.
function modes.archive()
  local began = now()
  local client = new_client()
  for n = 1, options.count do
    assert(assert(client.scenarios:archive(support.id(n))).status == "archived")
  end
  local seconds = now() - began
  support.report { seconds = seconds, connections = client:stats().connections }
end

-- count= flying= connections=: so many calls at a time.
function modes.many()
  local ids = {}
  for n = 1, options.count do ids[n] = support.id(n) end
  local began = now()
  local client = new_client { max_connections = options.connections }
  local done, failed = client:map(ids, function(id)
    return client.scenarios:archive(id)
  end, { concurrency = options.flying, results = false })
  local seconds = now() - began
  assert(not failed, failed and tostring(select(2, next(failed))))
  assert(done == options.count)
  support.report { seconds = seconds, connections = client:stats().connections }
end

function modes.start()
  assert(assert(new_client().scenarios:retrieve(support.id(1))).id)
  support.answered()
  support.report {}
end

function modes.first()
  assert(assert(new_client().scenarios:list({ limit = 100 }):next()).id)
  support.answered()
  support.report {}
end

-- limit= work= prefetch=(0|1): the loop works for `work` seconds on every item, as a program that computes does.
function modes.work()
  local client = new_client()
  assert(client:warm_up())
  local items = 0
  local began = now()
  for _ in client.scenarios:list(list_params(options.limit), { prefetch = options.prefetch == 1 }) do
    items = items + 1
    local busy_until = now() + options.work
    while now() < busy_until do end
  end
  support.report { seconds = now() - began, items = items }
end

-- limit= items=: a list in a task that rests after each item, while archive calls run 50 at a time on the same client.
function modes.busy()
  local client = new_client()
  local items, calls = 0, 0
  local began = now()
  client:spawn(function()
    for _ in client.scenarios:list(list_params(options.limit)) do
      items = items + 1
      if items == options.items then break end
      client:sleep(0.001)
    end
  end)
  for n = 1, 50 do
    client:spawn(function()
      while items < options.items do
        assert(client.scenarios:archive(support.id(n)))
        calls = calls + 1
      end
    end)
  end
  client:run()
  support.report { seconds = now() - began, items = items, calls = calls }
end

-- A fixed piece of work of about 0.2 ms. What it takes longer now and then is the machine's own doing.
local function yardstick()
  local rounds = 1000
  local function work()
    local sum = 0
    for i = 1, rounds do sum = sum + i % 7 end
    return sum
  end
  local began, n = now(), 0
  while now() - began < 0.02 do
    work()
    n = n + 1
  end
  rounds = math.ceil(rounds * n / 100)
  return work
end

-- A host with 1,000 frames a second, each of which polls, while a task does its work: what that returns is reported.
local function frames(client, fn)
  local socket = require "socket"
  assert(client:warm_up())
  local began = now()
  local task = client:spawn(fn)
  local work = yardstick()
  local polls, yards = {}, {}
  local frame = now()
  repeat
    local before = now()
    local alive = client:poll(0)
    local after = now()
    work()
    polls[#polls + 1], yards[#yards + 1] = after - before, now() - after
    frame = frame + 0.001
    if frame > now() then socket.sleep(frame - now()) else frame = now() end
  until alive == 0
  local report = { seconds = now() - began, polls = #polls }
  assert(task.status == "done", task.status)
  table.sort(polls)
  table.sort(yards)
  local typical = support.percentile(yards, 0.5)
  report.p50, report.p99, report.max = support.percentile(polls, 0.5), support.percentile(polls, 0.99), polls[#polls]
  report.jitter_p99, report.jitter_max = support.percentile(yards, 0.99) - typical, yards[#yards] - typical
  for name, value in pairs(task:wait()) do report[name] = value end
  support.report(report)
end

-- limit= [from=]: a task lists.
function modes.frames()
  local client = new_client { nonblocking = true }
  frames(client, function()
    local items, first = 0, nil
    local began = now()
    for _ in client.scenarios:list(list_params(options.limit, options.from)) do
      first = first or now() - began
      items = items + 1
    end
    return { items = items, first = first }
  end)
end

-- count=: a task sends a text of 4 MB so many times, in a nested table.
function modes.send()
  local client = new_client { nonblocking = true }
  local body = { file = { path = "a", contents = support.value "text" } }
  frames(client, function()
    for _ = 1, options.count do
      assert(client:request { method = "POST", path = "/sink/v1/scenarios/" .. support.id(1), body = body })
    end
    return { items = options.count }
  end)
end

-- count=: tasks that do nothing but sleep. Bytes are those of the Lua state; resident memory holds C's as well.
function modes.sleep()
  local client = new_client()
  local function nap() client:sleep(1) end
  local function heap()
    collectgarbage()
    collectgarbage()
    return collectgarbage("count") * 1024
  end
  for _ = 1, 100 do client:spawn(nap) end -- so that what is made once is there
  client:run()
  local before, resident_before = heap(), support.resident()
  for _ = 1, options.count do client:spawn(nap) end
  local asleep, resident_asleep = heap(), support.resident()
  client:run()
  support.report {
    task_bytes = (asleep - before) / options.count,
    resident_bytes = (resident_asleep - resident_before) * 1024 / options.count,
    left_bytes = heap() - before,
  }
end

-- Seconds an item in lists of 1,000, 10,000 and 100,000, in pages of 500 over a warm connection. The data ends with
-- scenario 20,000: shorter lists begin so late that they end there, the longest reads the endless list.
function modes.items()
  local endless = new_client { base_url = options.url .. "/again" }
  local client = new_client()
  local function run(source, items, from)
    collectgarbage()
    local n = 0
    local began = now()
    for _ in source.scenarios:list(list_params(500, from)) do
      n = n + 1
      if n == items then break end
    end
    assert(n == items)
    return (now() - began) / items
  end
  local function median(times, ...)
    local taken = {}
    for i = 1, times do taken[i] = run(...) end
    table.sort(taken)
    return support.percentile(taken, 0.5)
  end
  run(client, 1000, 19000)
  run(endless, 1000)
  support.report {
    items_1000 = median(11, client, 1000, 19000),
    items_10000 = median(3, client, 10000, 10000),
    items_100000 = median(1, endless, 100000),
  }
end

-- kind=: see support.value.
function modes.encode()
  support.encode(runloop.json.encode, now, options.kind)
end

modes[arg[1]]()
