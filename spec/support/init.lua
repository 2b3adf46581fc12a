--- What the specs use to meet the outside world: servers, faults, certificates, child processes.
--
--     local support = require "spec.support"
--
-- Nothing here uses the module under test, except `server:client` and `support.client`, which make a
-- client of it. Every server is a process of its own (a spec may block in the client while the server
-- answers), listens on 127.0.0.1 only, and ends with the spec's process, even when that is killed.
-- `stop` may be called twice; what a spec forgets to stop is stopped when the Lua state closes.
-- Times are in seconds. "Pattern" is a Lua pattern.
--
-- ## The stand-in: a small, stateful Runloop API
--
--     local server = support.start { scenarios = 300 }
--
-- options: scenarios = 300, public = 20 (public scenarios, not among the 300), runs = 30,
--   scorers = 8, seed = 1, token = "test-token", log_limit = 20000 (older entries are forgotten),
--   and every setting of `server:set`. The data is the same for the same options.
-- server.url ("http://127.0.0.1:PORT"), server.port, server.token, server.pid
--
-- server:client(options) -> a runloop client: base_url, bearer_token, max_retry_wait = 0.01 and
--   timeout = 10 are filled in, `options` win.
-- server:reset([options]) -> data, settings, faults, chaos and log are as after the start (or after
--   a start with `options`); connections stay open, and their numbers go on.
-- server:stop()
-- server:request { method = "GET", path =, headers = {}, body =, auth = true } -> status, headers,
--   body: a plain request over a new connection by luasocket; header names in lower case.
-- server:ids(kind) -> array of ids in list order; kind: "scenario" (without the archived ones),
--   "archived", "public", "run", "scorer", "devbox", and
--   (public or not: "object", "blueprint", "agent"), "execution", "snapshot", "benchmark",
--   "benchmark_run", "benchmark_job", "axon", "secret", "network_policy", "gateway_config", "mcp_config"
-- server:text(kind, id) -> the JSON text of that thing as it is now, or nil; not a look at it
-- server.storage_url: a second origin, of presigned URLs (/storage/ID?…) and of tunnels
--   (/tunnel/PORT-KEY/pty/SESSION). It is no business of the API's token: storage answers 400 to an
--   Authorization header, 403 to any other header that was not signed. Its requests are in the same
--   log, with origin = "storage", and get faults as all others do.
--
-- Lists are in the order of creation. `name` is an exact match, `search` a substring of id or name
-- (any case). Of the seeded scenarios every tenth (1, 11, 21, …) is named "nightly"; the others have
-- names such as "flask-0002-slow-regex". Scenario i belongs to benchmark "bmd_alpha", "bmd_beta" or
-- "bmd_gamma" (i % 3 = 1, 2, 0) and has validation_type FORWARD, REVERSE, EVALUATION, UNSPECIFIED or
-- none (i % 5 = 1, 2, 3, 4, 0). Scenarios have 2 to 16 KB with code, quotes, tabs, newlines,
-- non-ASCII, emoji, nulls, empty arrays and objects, integers beyond 2^53, floats; every fiftieth
-- (7, 57, …) has fields and values from the future, every fiftieth (3, 53, …) a NUL and other control
-- characters. What a client creates or updates is kept as the JSON text it sent: 1.0 stays 1.0.
-- Every answer has a header `x-request-id: req_N`, N being the number of its log entry.
--
-- server:log([filter]) -> array of entries, oldest first:
--   { n = 1.., at = seconds since the server's start, connection = number (the first is 1, the second
--     origin's are negative), method =,
--     target = as sent, path = decoded and without query, query = { name = value } (decoded),
--     headers = { {name, value}, … } as sent, in order, header = { lower-case name = last value },
--     body = "" or text (of 1 MB and more that is no JSON: "", it went to a file), body_bytes = its
--     length, parts = of such a form { {name, filename, size, headers}, … }, origin = nil or "storage",
--     status = what was answered (nil: nothing), fault = number or nil }
--   filter: method, path (pattern on the decoded path), query (as in a fault), connection, since
--   (entries with n > since)
-- server:count([filter]) -> number of entries; server:last() -> the newest or nil; server:clear_log()
-- server:stats() -> { requests (log entries), connections (accepted so far), open (now), in_flight,
--   max_in_flight (since start or reset) }
--
-- server:fault(fault, …) -> number of the last of them. A request gets the first fault in the queue
--   that matches it and has `times` left. An unknown field raises. Fields, all optional:
--   matching: method, path (pattern), query = { name = value, or false: absent },
--     skip = 0 (so many matching requests pass first), times = 1 (math.huge: for ever),
--     unread = true (the request's body is left unread)
--   the fault's own answer (the request takes no effect, unless effect = true):
--     status = 503; body = "text" or json = value with support.json's marks; headers =
--       { ["Retry-After"] = "1" }, { {name, value}, … } or raw lines { "Name: value" }
--     redirect = url (status 302, or `status`)    html = true (a 502 page, or `status`)
--     echo_token = true (status 400, or `status`; body and a header have the Authorization value)
--   no answer in HTTP (likewise without effect unless effect = true):
--     close = true (FIN)    reset = true (RST)    silent = true (open until the client goes)
--     raw = "bytes" (then closed)    garbage = true    http09 = true
--     endless_headers = true    endless_body = true (chunked JSON without end)
--   changes to the answer, the fault's own or the stand-in's:
--     delay = s (before it)    body_delay = s (between head and body)
--     interim = { 100, 103 } (these responses come first)
--     set_headers = { Name = value, false or { values } }: replaced, removed, sent several times
--     http_version = "1.0"    length = n (Content-Length says n whatever the body)
--     framing = "length" | "chunked" | "close" (its end is the connection's end)
--     cut = n, the body breaks off after n bytes on the wire (negative: before its end; "random");
--       cut_items = n, after the n-th item of a page and cut_extra = 0 more bytes;
--       by = "close" | "reset" | "stall" (silence; the connection stays open). Over 32 KB a reset
--       comes 50 ms after the last byte, so that the client's system can take them.
--     trickle = { bytes = 1, every = 0.001, headers = false (true: the head too) }
--     truncate = n or "random": the body has n bytes, and the framing says so (broken JSON)
--     flip = { at = n or "random", to = "x" }: byte n of the body (from 1) is replaced
--     gzip = true | "cut" (half of the gzip stream in whole HTTP) | "bad_crc" | "garbage" |
--       "bomb" (size = bytes unpacked, default 256 MiB); it is sent whatever the client accepts
--     page = "no_has_more" | "has_more" (always true) | "same_page" (the first page again) |
--       "no_id", "empty_id" (last item; has_more true) | "no_list" | "null_list" | "object_list" |
--       "list_twice" | "empty_page" (has_more true) | "total_null" | "array" (at the top level)
--   changes to a stream of events (set_headers, delay, body_delay, trickle, framing = "close",
--     http_version, cut and close are as above; with cut = "random", within = 4096):
--     cut_events = n: it breaks off after n events and cut_extra = 0 bytes of the next, by = "close" |
--       "reset" | "stall" (silence) | "end" (a whole end, as if that were all)
--     error_event = { code = 408, message = "idle" }: an event `error` after cut_events = 0 events,
--       then a whole end    endless_line = true: a line without end after cut_events = 0 events
--     insert = "bytes" after at_event = 0 events: comments, frames without data, anything
--     skip_event = n: the n-th event is left out    twice_event = n: it comes twice
--     newline = "\r" | "\r\n" | "mixed": the ends of lines
--     replay = n: it begins so many bytes (or events) before the place that was asked for
--     close_after = true (a whole answer that promises keep-alive, then FIN), seconds, or "reset"
--     lua = "local answer, request, server = ...; answer.body = answer.body:upper()", the last word;
--       answer = { status, headers = { {name, value} }, body }
-- server:faults_left() -> how often faults may still apply (math.huge counts as one)
-- server:clear_faults()
-- server:chaos { seed = 1, rate = 0.2, faults =, method =, path = }: every matching request that has
--   no fault in the queue gets with this probability one of `faults` (support.chaos_faults, which a
--   client mends by trying again). server:chaos(false) ends it.
-- server:drop(how = "close" | "reset"[, only_idle]) -> number of connections closed from this side
-- server:refuse(true | false): listens no longer / again on the same port
--
-- server:set { … } settings of the life of runs and devboxes:
--   provisioning_polls = 1 (a devbox is `provisioning` for so many looks: retrieves and
--     wait_for_status) or provisioning_seconds (for so long), devbox_outcome = "running" (or
--     "failure", "shutdown", …), scoring_polls = 2 (a run is `scoring` for so many retrieves) or
--     scoring_seconds, scoring_outcome = "scored" (or "failed", "timeout", "canceled", "completed"),
--   start_state = "running" ("failed": a new run has failed), score = 0.75,
--   scoring = "setting" ("run": the scenario's scorers really run in the run's devbox, and the score is
--     what they say: see below), requirements = false (true: a run without the variables and secrets that
--     its scenario requires has failed),
--   boot = { "provisioning" } (the statuses on the way, each for provisioning_polls looks or
--     provisioning_seconds), suspending_polls = 1 or suspending_seconds,
--   hold = 0.02 (a devbox's wait_for_status holds no longer, whatever the request says),
--   command_hold = 25 (likewise of `execute` and a command's wait_for_status),
--   commands = { ["command"] = answer, { pattern = "^agent", …answer }, … }: what these commands answer;
--     no process is started. An answer is { stdout = "" or { text =, times = }, stderr =, exit_status = 0,
--     seconds = 0 (so long it runs; math.huge: until other `commands` are set) }
--   view_bytes = 65536 (a view shows no more of an output), max_output = 1 GiB (what comes behind is lost),
--   chunk_bytes = 4096 (an event has no more), chunk_offset = "start" ("end", "none": what the events say),
--   stream_delay = 0 (between reads of output), stream_idle = 60 (then the 408 event),
--   snapshot_polls = 1, snapshot_outcome = "complete", build_polls = 1 (of each status),
--   build_outcome = "build_complete", job_polls = 1 (of each state), job_outcome = "completed",
--   logs_bytes = 0 (download_logs has about so many bytes more; 3e8 takes no memory),
--   delay = 0 (before every answer), token (what it expects)
-- server:advance(seconds) moves the clock of provisioning_seconds, scoring_seconds, of API times, and of
--   what lives so long: devboxes with a keep_alive_time_seconds, objects with a ttl_ms, presigned URLs.
-- server:evict(devbox_id, seconds) -> deadline: announced to watch_evictions, then suspended
-- server:devbox_status(devbox_id, status[, reason]) what may happen to a devbox from outside
-- server:axon_events(axon_id, count[, event]) appends events at once; # in a payload is the sequence
--
-- Commands really run, with /bin/sh in the devbox's directory, in a process of their own beside the
-- server (it needs lua-luv; without it they are answered 501, except by the table above). The devbox's
-- files lie below a scratch directory: its home is the commands' HOME, and `/home/user` in a command
-- means that. Other absolute paths of a command are those of this machine; in calls that read, write,
-- upload, download and mount, all paths are the devbox's. The directory is made when it is first needed,
-- from snapshot, blueprint and mounts; blueprints' commands, launch commands and install commands are
-- not run. When a devbox ends or is suspended, its processes are killed; at its end, a reset, and when
-- the server stops or dies, the files are removed as well.
-- Scorers with scoring = "run": bash and custom scripts and python (3, of this machine) print
-- `score=X`, or a number as the last line, else their state is `error`; commands and tests pass with exit
-- status 0; ast_grep runs ast-grep, where there is none it looks for the pattern's longest plain piece.
-- Custom scripts have their scorer_params as JSON in RL_SCORER_CONTEXT.
-- `spec.support.ask` makes plain requests with JSON in and out: ask.new(server):post(path, value).
--
-- ## Raw bytes: a server that plays a script
--
--     local raw = support.raw { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" }
--
-- support.raw { connection 1, connection 2, …, tls = nil, after = "repeat" }
--   -> server with url, port, pid, stop(), client(options), log(), connections(), request_count()
--   A connection is a string (one request is read, the string is sent, the connection is closed) or
--   an array of steps, after which it is closed. What comes after the last connection plays the last
--   one again, or with after = "close" is closed at once.
--   steps: "bytes" or { send = "bytes", times = 1 (math.huge: endless), bytes = size of the pieces,
--       every = seconds between them }
--     { read = "request" } a whole request    { read = n } n bytes    { read = "eof" } all there is
--     { serve = "bytes" } answers every request of this connection with these bytes
--     { sleep = s }    { hold = true } silence until the client goes    { shutdown = true } FIN,
--     still reading    { close = true } ("abrupt": over TLS without close_notify)    { reset = true }
--     { lua = "local c = ..." } with c:read_request(), c:read(n), c:send(s), c:sleep(s), c:close(),
--     c:reset(), c:drain()
--   tls = "localhost" (a name of support.certificates()) or { certificate = "localhost", alpn = {},
--     protocol = "any" | "tlsv1" | "tlsv1_2" | … }; url is https://localhost:PORT then
-- raw:log() -> array by connection: { connection =, at =, received = "all its bytes",
--   requests = { "bytes of the first", … }, closed = bool (the client has gone), handshake = error }
-- raw:connections() -> number accepted; raw:request_count() -> number of whole requests read
--
-- ## HTTP/2: a scripted peer over TLS with ALPN h2
--
--     local peer = support.h2 { { { rst = 1, code = "REFUSED_STREAM" }, { serve = {} } } }
--
-- support.h2 { connection 1, …, settings = { MAX_CONCURRENT_STREAMS = 100, … },
--   certificate = "localhost", after = "repeat" } -> as support.raw; url is https://localhost:PORT
--   A connection is { mute = true }: accepted, and not a byte comes, not even of TLS; { http1 =
--   "bytes", delay = s }: HTTP/1.1, each request is answered with these bytes; with early = s the
--   first is, before its body is read, and the connection is closed after so long; or
--   an array of steps, after which it is closed. SETTINGS, PING and window updates
--   are answered all the while, flow control is kept. Requests are numbered from 1 on per
--   connection as they arrive whole; a step that names a request waits for it.
--   answer: { status = 200, headers = { {name, value} }, body = "{}", delay = s, cut = n (so many
--     bytes, and the stream stays open) }; a content-type is added where there is none
--   steps: { wait = n } until n requests have arrived on this connection
--     { answer = n, …the fields of an answer }    { answer = "all", … } all that have none yet
--     { serve = answer, count = nil } answers what waits and what comes (so many of them)
--     { headers = n, status = 200, fields = { {name, value} } }    { data = n, body =, finish = false }
--     { rst = n or "all", code = "REFUSED_STREAM" | "CANCEL" | "INTERNAL_ERROR" | "NO_ERROR" | … }
--     { goaway = n (the last request taken up, 0: none, "all"), code = "NO_ERROR" }
--     { ping = true }    { settings = { … } }    { frame = { type =, flags =, stream =, payload = } }
--     { sleep = s }    { hold = true }    { close = true } ("abrupt")    { reset = true }
--     { raw = "bytes" }    { lua = "local peer = ..." }
-- peer:log() -> array of { connection =, n =, at =, stream =, method =, path = (as sent),
--   headers = { {name, value} }, header = { name = value }, body = }
--
-- ## nginx: TLS, HTTP/2, static files, a proxy to the stand-in
--
--     local nginx = support.nginx { proxy = server.url }
--
-- support.nginx { proxy = url, locations = "location /x { return 200 '{}'; }", root = directory,
--   certificate = "localhost", http2 = true, http = "more directives of http", server = "of server" }
--   -> { url = "https://localhost:PORT", http_url = "http://127.0.0.1:PORT", ca_file, pid, stop(),
--     client(options), restart() (on the same ports), access_log() -> array of lines
--     'connection requests-so-far protocol "request line" status' }
-- support.have_nginx() -> bool
-- support.certificates() -> { ca_file, dir, and localhost, expired, wrong_host, self_signed,
--   unknown_ca, each { certificate = path, key = path } }
--
-- ## Processes, and odds and ends
--
-- support.run(command, { stdin = "", env = { NAME = value or false }, timeout = 300, cwd = nil,
--   preload = false (true: LD_PRELOAD is handed on) }) -> exit code (128 + signal when killed, 124
--   after the timeout), stdout, stderr. command: a text for bash, or an array of words
-- support.lua(source, options) -> likewise, of a new interpreter with the specs' module paths (and
--   with preload, which a sanitizer's build of the core needs); measured = true: of its memory, a
--   sanitizer holds back little of what was freed
-- support.spawn(command, { env, cwd, preload }) -> { pid, line() a line of its stdout, alive(),
--   stop() (SIGTERM, after 2 s SIGKILL) }; it ends with the spec's process
-- support.client(base_url, options) -> a client as of server:client
-- support.free_port() -> a port that nobody listens on, kept for who is told of it
-- support.tmpdir() -> a new directory, gone at the end; support.root: the repository's directory
-- support.read_file(path) -> text or nil; support.write_file(path, text); support.exists(path);
--   support.list_dir(path) -> sorted names
-- support.json: decode(text) -> value or nil, err (support.json.null; arrays have array_mt; integers
--   that fit are integers), encode(value), array(t), elements(text); a strict codec of its own
-- support.crc32(s), support.gzip(s) (stored, not squeezed), support.gzip_bomb(size),
--   support.zip { {name, content}, … }
-- support.sleep(s), support.now() (wall clock), support.gc() collects all there is
-- support.fds() -> open descriptors of this process; support.rss() -> its resident bytes (Linux)

local here = (...) or "spec.support"
local socket = require "socket"
local certificates = require(here .. ".certificates")
local chaos_faults = require(here .. ".chaos")
local json = require(here .. ".json")
local nginx = require(here .. ".nginx")
local portable = require(here .. ".portable")
local process = require(here .. ".process")
local serial = require(here .. ".serial")
local zip = portable.bytes and require(here .. ".zip")

local support = {
  json = json, chaos_faults = chaos_faults, sleep = socket.sleep, now = socket.gettime, tmpdir = process.tmpdir,
  read_file = process.read_file, write_file = process.write_file, run = process.run,
  spawn = process.spawn,
}

local TOKEN = "test-token"

local directory = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$") or "spec/support"
support.root = process.once("root", function()
  return process.capture("cd " .. process.quote(directory .. "/../..") .. " && pwd")
end)
local programs = support.root .. "/spec/support/"

-- What deals in bits is another process's work where this Lua cannot.
local IN_ANOTHER = [[
  package.path = "./?.lua;" .. package.path
  local serial, zip = require "serial", require "zip"
  local arguments = serial.load(io.read "a")
  local name = arguments[1]
  io.write(serial.dump((zip[name](table.unpack(arguments, 2, arguments.n)))))
]]

local function zip_function(name)
  if zip then return zip[name] end
  return function(...)
    local code, out, err = process.run({ process.server_interpreter(), "-e", IN_ANOTHER }, {
      cwd = programs, stdin = serial.dump(portable.pack(name, ...)),
    })
    if code ~= 0 then error(err, 2) end
    return serial.load(out)
  end
end

for ours, theirs in pairs { crc32 = "crc32", gzip = "gzip", gzip_bomb = "bomb", zip = "archive" } do
  support[ours] = zip_function(theirs)
end

--- A client of the module under test for `base_url`, quick to retry.
function support.client(base_url, options)
  local all = { base_url = base_url, bearer_token = TOKEN, max_retry_wait = 0.01, timeout = 10 }
  for name, value in pairs(options or {}) do all[name] = value end
  return require("runloop").new(all)
end

-- Functions that take the server as `self` and pass everything else on to its process.
local function remote(name)
  return function(self, ...) return self.process.call(name, ...) end
end

local stand_in = {}
stand_in.__index = stand_in

for _, name in ipairs {
  "reset", "log", "count", "last", "clear_log", "stats", "clear_faults", "faults_left", "drop", "refuse",
  "set", "advance", "ids", "text",
} do
  stand_in[name] = remote(name)
end

for _, name in ipairs { "evict", "devbox_status", "axon_events" } do
  stand_in[name] = function(self, ...) return self.process.call("call", name, ...) end
end

-- What the server's process cannot be told as it is: JSON with this module's marks.
local function prepared(fault)
  local copy = {}
  for name, value in pairs(fault) do copy[name] = value end
  if copy.json ~= nil then copy.body, copy.json = json.encode(copy.json), nil end
  return copy
end

local FAULT_FIELDS = {}
for name in ([[method path query skip times effect unread status body json headers redirect echo_token raw garbage
  http09 html close reset silent endless_headers endless_body delay body_delay interim set_headers http_version
  framing cut within cut_items cut_events cut_extra insert at_event error_event endless_line skip_event twice_event
  newline replay by trickle flip truncate gzip size page close_after length lua]]):gmatch("%S+") do
  FAULT_FIELDS[name] = true
end

local function check_fault(fault)
  for name in pairs(fault) do
    if not FAULT_FIELDS[name] then error("a fault has no field " .. tostring(name), 3) end
  end
end

function stand_in:fault(...)
  local faults = { ... }
  for i, fault in ipairs(faults) do
    check_fault(fault)
    faults[i] = prepared(fault)
  end
  return self.process.call("fault", portable.unpack(faults))
end

function stand_in:chaos(chaos)
  if chaos then
    local copy = {}
    for name, value in pairs(chaos) do copy[name] = value end
    copy.faults = {}
    for i, fault in ipairs(chaos.faults or chaos_faults) do
      check_fault(fault)
      copy.faults[i] = prepared(fault)
    end
    chaos = copy
  end
  self.process.call("chaos", chaos)
end

function stand_in:client(options)
  local all = { bearer_token = self.token }
  for name, value in pairs(options or {}) do all[name] = value end
  return support.client(self.url, all)
end

local function chunks(text)
  local parts, at = {}, 1
  while true do
    local size, first = text:match("^(%x+)[^\r\n]*\r\n()", at)
    if not size then return table.concat(parts) end
    parts[#parts + 1] = text:sub(first, first + tonumber(size, 16) - 1)
    at = first + tonumber(size, 16) + 2
  end
end

-- LuaSocket's own HTTP client will not hand out the body of a 408, among others.
function stand_in:request(r)
  local lines = { ("%s %s HTTP/1.1"):format(r.method or "GET", r.path), "Host: 127.0.0.1", "Connection: close" }
  if r.auth ~= false then lines[#lines + 1] = "Authorization: Bearer " .. self.token end
  local headers = { ["Content-Type"] = r.body and "application/json", ["Content-Length"] = r.body and #r.body }
  for name, value in pairs(r.headers or {}) do headers[name] = value end
  for name, value in pairs(headers) do lines[#lines + 1] = name .. ": " .. value end
  local connection, err = socket.connect("127.0.0.1", self.port)
  if not connection then return nil, err end
  connection:settimeout(60)
  connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n" .. (r.body or ""))
  local text, how, partial = connection:receive("*a")
  connection:close()
  local head, body = (text or partial):match("^(HTTP/1%.. %d+ .-)\r\n\r\n(.*)$")
  if not head then return nil, how or "closed" end
  local received = {}
  for name, value in head:gmatch("\r\n([^:]+): *([^\r]*)") do received[name:lower()] = value end
  if received["transfer-encoding"] then body = chunks(body) end
  return portable.tointeger(tonumber(head:match(" (%d+)"))), received, body
end

function stand_in:stop()
  pcall(self.process.call, "stop") -- it may be stopped already, or have been killed
  self.process.stop()
end

function support.start(options)
  options = options or {}
  local child = process.server(programs .. "server.lua", { "--controlled" })
  local storage_url = child.call("reset", options)
  return setmetatable({
    process = child, pid = child.pid, port = child.port, url = "http://127.0.0.1:" .. child.port,
    storage_url = storage_url,
    token = options.token or TOKEN,
  }, stand_in)
end

local scripted = {}
scripted.__index = scripted

for _, name in ipairs { "log", "connections", "request_count" } do
  scripted[name] = remote(name)
end

function scripted:client(options)
  local all = { ca_file = self.ca_file }
  for name, value in pairs(options or {}) do all[name] = value end
  return support.client(self.url, all)
end

function scripted:stop()
  self.process.stop()
end

local function start_player(options)
  local child = process.server(programs .. "player.lua", {})
  child.call("play", options)
  local tls = options.tls
  return setmetatable({
    process = child, pid = child.pid, port = child.port, ca_file = tls and support.certificates().ca_file,
    url = (tls and "https://localhost:" or "http://127.0.0.1:") .. child.port,
  }, scripted)
end

local function tls_options(tls)
  if not tls then return nil end
  if type(tls) == "string" then tls = { certificate = tls } end
  local pair = support.certificates()[tls.certificate or "localhost"]
  return { certificate = pair.certificate, key = pair.key, protocol = tls.protocol, alpn = tls.alpn }
end

function support.raw(script)
  return start_player {
    kind = "raw", scripts = { portable.unpack(script) }, after = script.after,
    tls = tls_options(script.tls),
  }
end

function support.h2(script)
  return start_player {
    kind = "h2", scripts = { portable.unpack(script) }, after = script.after, settings = script.settings,
    tls = tls_options { certificate = script.certificate, alpn = { "h2" } },
  }
end

function support.certificates()
  return process.once("certificates", function() return certificates.make(process) end)
end

function support.have_nginx()
  return nginx.program(process) ~= nil
end

function support.nginx(options)
  local server = nginx.start(options or {}, {
    process = process, certificates = support.certificates(), free_port = support.free_port,
    connectable = function(port)
      local connection = socket.connect("127.0.0.1", port)
      if connection then connection:close() end
      return connection ~= nil
    end,
    sleep = socket.sleep,
  })
  server.client = scripted.client
  return server
end

function support.lua(source, options)
  local all = { preload = true }
  for name, value in pairs(options or {}) do all[name] = value end
  local path = process.scratch() .. "/script.lua"
  process.write_file(path, source)
  all.cwd = all.cwd or support.root
  local asan_options = os.getenv "ASAN_OPTIONS"
  all.env = {
    LUA_PATH = package.path, LUA_CPATH = package.cpath,
    ASAN_OPTIONS = all.measured and asan_options and asan_options .. ":quarantine_size_mb=1" or nil,
  }
  for name, value in pairs(options and options.env or {}) do all.env[name] = value end
  return process.run({ process.interpreter(), path }, all)
end

-- Bound, and never listening: the system gives their ports to nobody, but a program that names one may listen there.
local held = {}

function support.free_port()
  local holder = assert(socket.tcp4())
  assert(holder:setoption("reuseaddr", true))
  assert(holder:bind("127.0.0.1", 0))
  held[#held + 1] = holder
  local _, port = holder:getsockname()
  return portable.tointeger(tonumber(port))
end

function support.exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

function support.list_dir(path)
  local lfs = require "lfs" -- the demo does without it
  local names = {}
  for name in lfs.dir(path) do
    if name ~= "." and name ~= ".." then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

function support.gc()
  local before
  repeat
    before = collectgarbage("count")
    collectgarbage()
    collectgarbage()
  until collectgarbage("count") >= before - 0.5
end

function support.fds()
  -- One of them is that of reading the directory.
  return #support.list_dir("/proc/self/fd") - 1
end

function support.rss()
  local status = process.read_file("/proc/self/status")
  local kilobytes = status and status:match("VmRSS:%s*(%d+) kB")
  return kilobytes and tonumber(kilobytes) * 1024
end

return support
