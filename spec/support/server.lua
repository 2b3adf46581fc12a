--- The stand-in for the Runloop API, for specs and for the demo.
---
---     lua5.4 spec/support/server.lua [--port N] [--scenarios N] [--public N] [--runs N] [--scorers N]
---                                    [--seed N] [--token TOKEN] [--until-eof] [--controlled] [--idle SECONDS]
---
--- Prints `listening on http://127.0.0.1:PORT`, and where the second origin listens (see init.lua). It ends after
--- `--idle` seconds without a request (900), with `--until-eof` when its standard input ends, and with `--controlled`
--- when the spec that started it lets go of it.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path

local socket = require "socket"
local api = require "api"
local chaos_faults = require "chaos"
local control = require "control"
local faults = require "faults"
local http = require "http"
local loop = require "loop"
local runner = require "commands"
local sse = require "sse"
local uploads = require "uploads"

local LOG_LIMIT = 20000

local server = {} -- the state that commands and connections share
local begun = socket.gettime()
local last_request = begun

local storage -- the listener of the second origin: presigned URLs and tunnels

local function start(options)
  local fresh = api.new(options)
  if server.api then server.api:close() end
  server.options, server.api = options, fresh
  server.api.storage_url = "http://127.0.0.1:" .. storage.port
  server.faults, server.fault_count, server.chaos = {}, 0, nil
  server.log, server.first, server.n = {}, 1, 0
  server.in_flight, server.max_in_flight = 0, 0
end

local function random_source(seed)
  local state = seed
  return function(n)
    state = state * 6364136223846793005 + 1442695040888963407
    return (state >> 33) % n + 1
  end
end

local any_random = random_source(1)

local function choose_fault(request)
  local fault = faults.take(server.faults, request)
  if fault then return fault, any_random end
  local chaos = server.chaos
  if chaos and faults.matches(chaos, request) and chaos.random(1000000) <= chaos.rate * 1000000 then
    return chaos.faults[chaos.random(#chaos.faults)], chaos.random
  end
end

local function write_log(conn, request)
  server.n = server.n + 1
  local entry = {
    n = server.n, at = socket.gettime() - begun, connection = conn.number, method = request.method,
    target = request.target, path = request.path, query = {}, headers = request.headers,
    header = request.header, body = "", origin = conn.origin,
  }
  for name, value in pairs(request.query) do entry.query[name] = value end
  server.log[server.n] = entry
  if server.n - server.first >= (server.options.log_limit or LOG_LIMIT) then
    server.log[server.first] = nil
    server.first = server.first + 1
  end
  return entry
end

local NO_FAULT = {}

local function send_stream(conn, request, answer)
  local chunked = request.version == "1.1"
  answer.headers[#answer.headers + 1] = chunked and { "Transfer-Encoding", "chunked" } or { "Connection", "close" }
  conn:send(http.head(answer.status, answer.headers))
  local sink = sse.sink(conn, chunked)
  answer.stream(sink)
  return sink:finish() and http.keeps_alive(request)
end

local function send_plainly(conn, request, answer)
  if answer.stream then return send_stream(conn, request, answer) end
  if not answer.pieces then return faults.send(conn, request, answer, NO_FAULT) end
  local headers = answer.headers
  local keep = http.keeps_alive(request)
  headers[#headers + 1] = { "Content-Length", tostring(answer.length) }
  if not keep then headers[#headers + 1] = { "Connection", "close" } end
  conn:send(http.head(answer.status, headers))
  local sent = 0
  for piece in faults.pieces(answer) do
    if not conn:send(piece) then return false end
    sent = sent + #piece
    if sent % (1 << 20) < #piece then loop.pass() end
  end
  -- A file that became shorter meanwhile leaves an answer that only the connection's end can end.
  return keep and sent == answer.length
end

--- Reads a request's body: a large one to a file, unless it is JSON.
local function read_body(conn, request, state)
  local length = math.tointeger(tonumber(request.header["content-length"] or ""))
  local is_json = (request.header["content-type"] or ""):find "^application/json"
  if not length or length <= uploads.LARGE or is_json then return http.read_body(conn, request) end
  local spool = require "api.files".spool
  local can, path = pcall(spool, state)
  return uploads.receive(conn, request, length, can and function()
    local this = path or spool(state)
    path = nil
    return this
  end)
end

--- Answers one request; true when the connection may be used again.
local function serve_request(conn, request)
  local fault, random = choose_fault(request)
  local entry = write_log(conn, request)
  entry.fault = fault and fault.number
  local state = server.api
  if not (fault and fault.unread) then
    if not read_body(conn, request, state) then return false end
    entry.body, entry.body_bytes = request.body, request.body_bytes or #request.body
    entry.parts = request.form and request.form.parts
  end
  local function handle(r)
    if state.settings.delay > 0 then loop.sleep(state.settings.delay) end
    local answer = state:handle(r, conn.origin == "storage")
    answer.headers[#answer.headers + 1] = { "x-request-id", "req_" .. entry.n }
    return answer
  end
  if not fault then
    local answer = handle(request)
    entry.status = answer.status
    return send_plainly(conn, request, answer)
  end
  local answer = faults.answer(fault, request, handle, random, server)
  if not answer then
    faults.play(conn, fault)
    return false
  end
  entry.status = answer.status
  return faults.send(conn, request, answer, fault)
end

local function serve(conn)
  repeat
    conn.idle = true
    local request, err = http.read_head(conn)
    if not request then
      if err ~= "closed" and not conn.closed then
        conn:send(http.head(400, { { "Connection", "close" }, { "Content-Length", "0" } }))
      end
      return
    end
    conn.idle, last_request = false, socket.gettime()
    server.in_flight = server.in_flight + 1
    server.max_in_flight = math.max(server.max_in_flight, server.in_flight)
    local counted = server.log
    local ok, keep = xpcall(serve_request, debug.traceback, conn, request)
    uploads.discard(request)
    if counted == server.log then server.in_flight = server.in_flight - 1 end
    if not ok then error(keep, 0) end
  until not keep
end

local commands = {}
local listener

function commands.reset(options)
  start(options or server.options)
  return server.api.storage_url
end

--- Ends what runs outside of this process, before this one is ended.
function commands.stop()
  server.api:close()
  runner.stop()
end

function commands.call(name, ...)
  return server.api:call(name, ...)
end

function commands.fault(...)
  for _, fault in ipairs { ... } do
    server.fault_count = server.fault_count + 1
    fault.number = server.fault_count
    table.insert(server.faults, fault)
  end
  return server.fault_count
end

function commands.clear_faults()
  server.faults = {}
end

function commands.faults_left()
  local n = 0
  for _, fault in ipairs(server.faults) do
    local times = fault.times or 1
    n = n + (times == math.huge and 1 or times)
  end
  return n
end

function commands.chaos(chaos)
  server.chaos = chaos or nil
  if chaos then
    chaos.rate, chaos.faults = chaos.rate or 0.2, chaos.faults or chaos_faults
    chaos.random = random_source(chaos.seed or 1)
  end
end

local function each_entry(filter)
  local i = math.max(server.first, filter.since and filter.since + 1 or 1) - 1
  return function()
    while i < server.n do
      i = i + 1
      local entry = server.log[i]
      if faults.matches(filter, entry) and (not filter.connection or filter.connection == entry.connection) then
        return entry
      end
    end
  end
end

function commands.log(filter)
  local entries = {}
  for entry in each_entry(filter or {}) do entries[#entries + 1] = entry end
  return entries
end

function commands.count(filter)
  local n = 0
  for _ in each_entry(filter or {}) do n = n + 1 end
  return n
end

function commands.last()
  return server.log[server.n]
end

function commands.clear_log()
  server.log, server.first, server.n = {}, 1, 0
end

function commands.stats()
  return {
    requests = server.n, connections = listener.accepted, open = listener.open,
    in_flight = server.in_flight, max_in_flight = server.max_in_flight,
  }
end

function commands.drop(how, only_idle)
  local n = 0
  local live = {}
  for conn in pairs(listener.live) do live[#live + 1] = conn end
  for _, conn in ipairs(live) do
    if not only_idle or conn.idle then
      if how == "reset" then conn:reset() else conn:close() end
      n = n + 1
    end
  end
  return n
end

function commands.refuse(yes)
  if yes then listener.close() elseif not listener.sock then listener.start() end
end

function commands.set(settings)
  api.set(server.api.settings, settings)
end

function commands.advance(seconds)
  server.api:advance(seconds)
end

function commands.ids(kind)
  return server.api:ids(kind)
end

function commands.text(kind, id)
  return server.api:text(kind, id)
end

local NUMBERS = {
  port = true, scenarios = true, public = true, runs = true, scorers = true, seed = true, idle = true,
}

local function parse(args)
  local flags = {}
  local i = 1
  while i <= #args do
    local name = args[i]:match("^%-%-([%a-]+)$")
    if name == "until-eof" or name == "controlled" then
      flags[name] = true
    elseif NUMBERS[name] or name == "token" then
      i = i + 1
      local value = args[i]
      if NUMBERS[name] then value = math.tointeger(tonumber(value)) end
      flags[name] = value or error("--" .. name .. " needs a value", 0)
    else
      error("unknown argument: " .. args[i], 0)
    end
    i = i + 1
  end
  return flags
end

local function end_when_idle(seconds)
  repeat
    local left = last_request + seconds - socket.gettime()
    if left > 0 then loop.sleep(left) end
  until left <= 0
  loop.stop()
end

local function end_with_stdin()
  local stdin = { getfd = function() return 0 end, dirty = function() return false end }
  repeat loop.wait(stdin, "r") until not io.stdin:read(1)
  loop.stop()
end

local function serve_storage(conn)
  conn.origin, conn.number = "storage", -conn.number
  return serve(conn)
end

local flags = parse(arg)
storage = loop.listen(0, serve_storage)
start {
  scenarios = flags.scenarios, public = flags.public, runs = flags.runs, scorers = flags.scorers,
  seed = flags.seed, token = flags.token,
}
listener = loop.listen(flags.port or 0, serve)
print("listening on http://127.0.0.1:" .. listener.port)
if flags.controlled then
  print("control on 127.0.0.1:" .. control.listen(commands))
else
  print("storage on " .. server.api.storage_url)
  loop.spawn(end_when_idle, flags.idle or 900)
  if flags["until-eof"] then loop.spawn(end_with_stdin) end
end
io.stdout:flush()
loop.run()
