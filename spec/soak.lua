-- Very many calls through a server that fails in every way: memory and descriptors must stay flat.
--
--     lua5.4 spec/soak.lua [calls]      200000 by default

local runloop = require "runloop"
local support = require "spec.support"

local CALLS = tonumber(arg and arg[1]) or 200000
local ROUND = 500 -- calls between two looks at memory and descriptors
local WARM_UP = 0.2 -- the part of all calls after which memory must not grow
local CONNECTIONS = 8
local CONCURRENCY = 24
local MAX_GROWTH = 1024 * 1024 -- bytes of memory in all, for what malloc and the collector do not give back at once
local MAX_LUA_GROWTH = 64 * 1024

local server = support.start { scenarios = 300, runs = 30, scoring_polls = 0 }
local scenarios, runs = server:ids "scenario", server:ids "run"
local path = support.tmpdir() .. "/logs.zip"

local faults = {
  { truncate = "random" }, { flip = { at = 1, to = "x" } }, { status = 404 }, { redirect = "http://127.0.0.1:1/" },
}
for _, fault in ipairs(support.chaos_faults) do faults[#faults + 1] = fault end
server:chaos { seed = 1, rate = 0.1, faults = faults }

local descriptors = support.fds()

local function new_client()
  return server:client {
    max_connections = CONNECTIONS, max_retries = 2, max_retry_wait = 0.001, timeout = 5, on_event = function() end,
  }
end

local calls, failed, cancelled = 0, 0, 0

-- What came of a call: a value, or an error that is one of ours.
local function took(value, err)
  calls = calls + 1
  if value ~= nil then return value end
  if not runloop.is_error(err) then error("not an error of the module: " .. tostring(err)) end
  failed = failed + 1
  return nil
end

local function walk(client, limit, last)
  local pager = client.scenarios:list { limit = limit }
  for _ = 1, last do
    local scenario, err = pager:next()
    if err then return took(nil, err) end
    if not scenario then break end
  end
  took(true)
  if last % 2 == 0 then pager:close() end -- else it is the collector's
end

-- The kinds of calls, one after the other; `i` makes them differ.
local kinds = {
  function(client, id) took(client.scenarios:retrieve(id)) end,
  function(client, id) took(client.scenarios:archive(id)) end,
  function(client, id) took(client.scenarios:unarchive(id)) end,
  function(client, id, i) took(client.scenarios:update(id, { metadata = { number = tostring(i), text = "é\n" } })) end,
  function(client, _, i) walk(client, 20, i % 50) end,
  function(client) took(client.scenarios:retrieve("no such thing")) end,
  function(client, _, i) took(client.scenarios.runs:download_logs(runs[i % #runs + 1], i % 2 == 0 and path or nil)) end,
  function(client) took(client.scenarios.runs:list { limit = 10 }:collect()) end,
  function(client, id) took(client:request({ path = "/v1/scenarios/" .. id }, { deadline = 2 })) end,
  function(client, id)
    local scenario = took(client.scenarios:retrieve(id, { nulls = "keep" }))
    if scenario then took(scenario:refresh()) end
  end,
}

local function call(client, i)
  kinds[i % #kinds + 1](client, scenarios[i * 7 % #scenarios + 1], i)
  return true
end

-- Tasks that are cancelled wherever they happen to be.
local function cancel_some(client, number)
  local tasks = {}
  for i = 1, number do tasks[i] = client:spawn(call, client, i) end
  client:poll(0.002)
  for i = 1, number do
    if tasks[i]:cancel() then cancelled = cancelled + 1 end
  end
end

local function numbers(first, last)
  local i = first - 1
  return function()
    i = i + 1
    return i <= last and i or nil
  end
end

local function round(client, first)
  local before = calls
  cancel_some(client, 20)
  local _, errors = client:map(numbers(first, first + ROUND / 2), function(i) return call(client, i) end,
    { concurrency = CONCURRENCY, results = false })
  if errors then error(select(2, next(errors)), 0) end
  local i = first
  while calls - before < ROUND do
    i = i + 1
    call(client, i)
  end
end

local function measure()
  support.gc()
  return { calls = calls, rss = support.rss(), lua = collectgarbage("count") * 1024, fds = support.fds() }
end

local started = support.now()
local client = new_client()
local warm, most
local told = 0
while calls < CALLS do
  round(client, calls)
  local short = new_client()
  call(short, calls)
  if calls % 2 == 0 then short:close() end -- else it is the collector's
  short = nil -- luacheck: ignore
  local now = measure()
  if not warm and calls >= CALLS * WARM_UP then warm, most = now, now end
  if calls >= told + CALLS / 10 then
    told = calls
    print(("%d calls: %.2f MB, %d descriptors"):format(calls, now.rss / 2 ^ 20, now.fds))
  end
  if most and now.rss > most.rss then most = now end
  assert(now.fds <= descriptors + 2 * CONNECTIONS, "descriptors: " .. now.fds)
end
local last = measure()
local requests = server:stats().requests
client:close()
client = nil -- luacheck: ignore
local final = measure()
local seconds = support.now() - started
server:stop()

print(("figures: soak: %d calls in %.0f s, %d requests, %d errors, %d cancelled"):format(
  calls, seconds, requests, failed, cancelled))
print(("figures: soak: memory %.2f MB after %d calls, %.2f at most, %.2f at the end (of Lua %.2f and %.2f)"):format(
  warm.rss / 2 ^ 20, warm.calls, most.rss / 2 ^ 20, last.rss / 2 ^ 20, warm.lua / 2 ^ 20, last.lua / 2 ^ 20))
print(("figures: soak: descriptors %d before, %d while it ran, %d after"):format(descriptors, last.fds, final.fds))

assert(last.rss - warm.rss <= MAX_GROWTH, "memory grew")
assert(last.lua - warm.lua <= MAX_LUA_GROWTH, "Lua's memory grew")
assert(final.fds == descriptors, "descriptors were left")
assert(failed < calls / 5, "too many calls failed")
