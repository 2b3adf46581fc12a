-- What goes wrong between a client and its server, and what becomes of a call, a page, a download and a stream then.
local core = require "runloop.core"
local portable = require "spec.support.portable"
local support = require "spec.support"
local expect = require "spec.support.expect"

-- One row a fault. The table of docs/faults.md is made from them, and held against them below.
--   the name
--   what goes wrong, one of: `fault` with a request to the stand-in (or a function of the kind that
--     gives it), `redirect` (a status), `idle` with a connection that is kept alive, `refused`, `unknown` (the host),
--     `tls` (a certificate or a protocol), `trickle`, `h2` (steps of an HTTP/2 connection; `asked` how often: libcurl
--     tries a refused stream again by itself), `lost` (the connection that so many calls share)
--   every: what comes of it, and the number of requests until then, when it goes wrong every time
--   once: the same when it goes wrong the first time only, if that makes a difference
--   seconds: the longest time that either may take
--   kinds: of calls, pages, downloads and streams those that it can happen to (HTTP/2 is for calls); default: all of
--     them where the stand-in plays it, else all but streams
--   options: of the client; max_retries is 5 unless given
--   newer: what libcurl 8.14 makes of it, if that is not what 7.88 does: stands over the fields of the same names
-- An outcome is "KIND CODE REQUESTS" of an error or "ok REQUESTS", or a table of those by kind. Where
-- it depends on the moment, CODE is several, joined by "|".
local HASTY = { timeout = 0.5, max_retries = 1 }
local KINDS = { "call", "page", "download", "stream" }
local ALL_BUT_STREAMS = { "call", "page", "download" }
local CALLS = { "call" }
local STREAMS = { "stream" }
local OUTPUT = ("0123456789"):rep(50) -- in five events
local LARGE_ZIP = "local answer = ...; answer.body = ('x'):rep(1000000) .. answer.body"
local ROWS = {
  { "connection refused", refused = true, every = "connection COULDNT_CONNECT 6", once = "ok 2", seconds = 5 },
  { "host cannot be resolved", unknown = true, every = "connection COULDNT_RESOLVE_HOST 6", seconds = 10 },
  { "closed before the answer", fault = { close = true },
    every = "connection GOT_NOTHING 6", once = "ok 2", seconds = 5 },
  { "reset before the answer", fault = { reset = true },
    every = "connection RECV_ERROR 6", once = "ok 2", seconds = 5 },
  { "reset in the answer", fault = { cut = 40, by = "reset" },
    every = "connection RECV_ERROR 6", once = "ok 2", seconds = 5 },
  { "body cut short, with `Content-Length`", fault = { cut = 40 },
    every = "connection PARTIAL_FILE 6", once = "ok 2", seconds = 5 },
  { "body cut short, without a length", fault = { cut = 40, framing = "close" },
    every = "connection PARTIAL_FILE 6", once = "ok 2", seconds = 5 },
  { "chunked, without an end", fault = { cut = portable.tointeger(2 ^ 53), framing = "chunked" },
    kinds = ALL_BUT_STREAMS,
    every = "connection PARTIAL_FILE 6", once = "ok 2", seconds = 5 },
  { "garbage", fault = { garbage = true }, every = "connection UNSUPPORTED_PROTOCOL 6", once = "ok 2", seconds = 5 },
  { "HTTP/0.9", fault = { http09 = true }, every = "connection UNSUPPORTED_PROTOCOL 6", once = "ok 2", seconds = 5 },
  { "endless headers", fault = { endless_headers = true }, every = "limit HEADERS_TOO_LARGE 1", seconds = 5 },
  { "one header of 300 KB", fault = { set_headers = { ["X-Long"] = ("x"):rep(300000) } },
    every = "limit HEADERS_TOO_LARGE 1", seconds = 5 },
  { "100 and 103 first", fault = { interim = { 100, 103 } }, every = "ok 1", seconds = 5 },
  { "204", fault = { status = 204 },
    every = { call = "decode SHAPE 1", page = "decode JSON 1", download = "decode SHAPE 1",
      stream = "decode SHAPE 1" }, seconds = 5 },
  { "empty 200", fault = { status = 200, body = "" },
    every = { call = "decode SHAPE 1", page = "decode JSON 1", download = "decode SHAPE 1",
      stream = "decode SHAPE 1" }, seconds = 5 },
  { "200 with HTML", fault = { html = true, status = 200 },
    every = { call = "decode JSON 1", page = "decode JSON 1", download = "decode SHAPE 1",
      stream = "decode SHAPE 1" }, seconds = 5 },
  { "what was asked for, as `text/html`", fault = { set_headers = { ["Content-Type"] = "text/html" } },
    every = { call = "ok 1", page = "ok 1", download = "ok 1", stream = "decode SHAPE 1" }, seconds = 5 },
  { "malformed JSON, or no zip", fault = { status = 200, body = '{"id":"scn_1","scenarios":[{"id":"scn_1"},]}' },
    every = { call = "decode JSON 1", page = "decode JSON 1", download = "decode SHAPE 1",
      stream = "decode SHAPE 1" }, seconds = 5 },
  { "503", fault = { status = 503 }, every = "api internal_server 6", once = "ok 2", seconds = 5 },
  { "trickle: the body takes longer than `timeout`", trickle = true, options = HASTY,
    every = { call = "timeout OPERATION_TIMEDOUT 2", page = "ok 1", download = "ok 1" }, seconds = 10 },
  { "silence before the answer", fault = { silent = true }, options = HASTY,
    every = "timeout OPERATION_TIMEDOUT 2", once = "ok 2", seconds = 10 },
  { "silence in the body", fault = { cut = 40, by = "stall" }, options = HASTY,
    every = { call = "timeout OPERATION_TIMEDOUT 2", page = "timeout OPERATION_TIMEDOUT 2",
      download = "timeout OPERATION_TIMEDOUT 2" }, once = "ok 2", seconds = 10 },
  { "gzip bomb", fault = function(kind)
      return { status = 200, gzip = "bomb", size = (kind == "download" and 1 or 256) * 1024 * 1024 }
    end,
    kinds = ALL_BUT_STREAMS,
    every = { call = "limit BODY_TOO_LARGE 1", page = "limit BODY_TOO_LARGE 1", download = "connection PARTIAL_FILE 6" },
    once = { download = "ok 2" }, seconds = 20 },
  { "gzip cut short", fault = { gzip = "cut" }, kinds = ALL_BUT_STREAMS,
    every = "connection PARTIAL_FILE 6", once = "ok 2", seconds = 5 },
  { "gzip with a wrong checksum", fault = { gzip = "bad_crc" },
    kinds = ALL_BUT_STREAMS, every = "connection BAD_CONTENT_ENCODING 2", once = "ok 2", seconds = 5 },
  { "oversized body (of a page: one item)", fault = function(kind)
      if kind == "download" then return { lua = LARGE_ZIP } end
      local body = '{"id":"' .. ("x"):rep(1000000) .. '"}'
      return { status = 200, body = kind == "page" and '{"scenarios":[' .. body .. "]}" or body }
    end, options = { max_body_bytes = 200000 },
    kinds = ALL_BUT_STREAMS,
    every = { call = "limit BODY_TOO_LARGE 1", page = "limit BODY_TOO_LARGE 1", download = "ok 1" }, seconds = 5 },
  { "body without end", fault = { endless_body = true }, kinds = { "call", "page" },
    options = { max_body_bytes = 200000 }, every = "limit BODY_TOO_LARGE 1", seconds = 5 },
  { "redirect to another host", redirect = 307, every = "api status_307 1", seconds = 5 },
  { "keep-alive connection closed while idle", idle = "close", every = "ok 1", seconds = 5 },
  { "keep-alive connection reset while idle", idle = "reset", every = "ok 1", seconds = 5 },
  { "TLS: certificate expired", tls = "expired", every = "tls PEER_FAILED_VERIFICATION 6", once = "ok 2", seconds = 10 },
  { "TLS: certificate of another host", tls = "wrong_host",
    every = "tls PEER_FAILED_VERIFICATION 6", once = "ok 2", seconds = 10 },
  { "TLS: certificate self-signed", tls = "self_signed",
    every = "tls PEER_FAILED_VERIFICATION 6", once = "ok 2", seconds = 10 },
  { "TLS: certificate of an unknown CA", tls = "unknown_ca",
    every = "tls PEER_FAILED_VERIFICATION 6", once = "ok 2", seconds = 10 },
  { "TLS 1.0 only", tls = "tlsv1", every = "tls SSL_CONNECT_ERROR 6", once = "ok 2", seconds = 10 },
  { "server that is not HTTP/2", tls = "localhost", every = "ok 1", seconds = 10 },
  { "HTTP/2: GOAWAY, then the connection closes before the answer", kinds = CALLS, h2 = { { goaway = 0 }, { close = true } },
    every = "connection HTTP2 6", once = "ok 2", seconds = 10,
    -- It tries again by itself what the server has not taken, as with a refused stream.
    newer = { every = "connection RECV_ERROR 6", asked = 36 } },
  { "HTTP/2: the connection closes before the answer", kinds = CALLS, h2 = { { close = true } },
    every = "connection PARTIAL_FILE 6", once = "ok 2", seconds = 10,
    newer = { every = "connection HTTP2|SEND_ERROR|RECV_ERROR 6" } },
  { "HTTP/2: RST_STREAM before the answer", kinds = CALLS, h2 = { { rst = 1, code = "INTERNAL_ERROR" } },
    every = "connection HTTP2_STREAM 6", once = "ok 2", seconds = 10 },
  { "HTTP/2: RST_STREAM in the answer", kinds = CALLS,
    h2 = { { answer = 1, cut = 20 }, { rst = 1, code = "NO_ERROR" }, { close = true } },
    every = "connection PARTIAL_FILE 6", once = "ok 2", seconds = 10,
    -- It tells of the reset at once, and the next request would go out just when the connection closes.
    newer = { h2 = { { answer = 1, cut = 20 }, { rst = 1, code = "NO_ERROR" } } } },
  { "HTTP/2: status 000 (nginx, when it gets no HTTP from behind)", kinds = CALLS,
    h2 = { { answer = 1, status = "000" } },
    every = "connection WEIRD_SERVER_REPLY 6", once = "ok 2", seconds = 10,
    newer = { every = "connection UNSUPPORTED_PROTOCOL 6" } },
  { "HTTP/2: REFUSED_STREAM", kinds = CALLS, h2 = { { rst = 1, code = "REFUSED_STREAM" }, { hold = true } }, asked = 36,
    every = "connection RECV_ERROR 6", once = "ok 2", seconds = 10 },
  { "HTTP/2: connection lost with 50 streams open", kinds = CALLS, lost = 50,
    every = "connection PARTIAL_FILE 6", once = "ok 2", seconds = 20,
    newer = { every = "connection HTTP2|SEND_ERROR|RECV_ERROR 6" } },
  { "`Retry-After: 3600`", fault = { status = 503, headers = { ["Retry-After"] = "3600" } },
    options = { max_retry_wait = 60 }, every = "api internal_server 1", seconds = 5 },
  { "`Retry-After: 0`", fault = { status = 503, headers = { ["Retry-After"] = "0" } },
    options = { max_retry_wait = 60 }, every = "api internal_server 6", once = "ok 2", seconds = 5 },
  { "the same page again, `has_more` true", fault = { page = "same_page" }, kinds = { "page" },
    every = "decode SHAPE 2", seconds = 5 },
  { "stream: cut in an event", fault = { cut_events = 2, cut_extra = 20 }, kinds = STREAMS,
    every = "ok 4", once = "ok 2", seconds = 5 },
  { "stream: cut between events", fault = { cut_events = 2 }, kinds = STREAMS,
    every = "ok 5", once = "ok 2", seconds = 5 },
  { "stream: ended as if that were all", fault = { cut_events = 2, by = "end" }, kinds = STREAMS,
    every = "ok 4", once = "ok 2", seconds = 5 },
  { "stream: silence between events", fault = { cut_events = 2, by = "stall" }, kinds = STREAMS, options = HASTY,
    every = "ok 5", once = "ok 2", seconds = 10 },
  { "stream: an `error` event of code 408", fault = { cut_events = 2, error_event = { code = 408, message = "idle" } },
    kinds = STREAMS, every = "ok 5", once = "ok 2", seconds = 5 },
  { "stream: an `error` event of code 500", fault = { cut_events = 2, error_event = { code = 500, message = "no" } },
    kinds = STREAMS, every = "api internal_server 1", seconds = 5 },
  { "stream: a line without an end", fault = { endless_line = true, cut_events = 2 }, kinds = STREAMS,
    options = { max_body_bytes = 100000 }, every = "limit BODY_TOO_LARGE 1", seconds = 5 },
  { "stream: frames without data, and comments", kinds = STREAMS,
    fault = { at_event = 2, insert = ": x\n\nevent: ping\n\ndata:\n\nid: 1\n\n" }, every = "ok 1", seconds = 5 },
  { "stream: CR, LF and CRLF mixed", fault = { newline = "mixed" }, kinds = STREAMS, every = "ok 1", seconds = 5 },
  { "stream: cut, and what was sent comes again", fault = { cut_events = 4, replay = 150 }, kinds = STREAMS,
    every = "ok 3", once = "ok 2", seconds = 5 },
  { "stream: an event is left out", fault = { skip_event = 3 }, kinds = STREAMS, every = "ok 4", once = "ok 2",
    seconds = 5 },
  { "stream: an event comes twice", fault = { twice_event = 3 }, kinds = STREAMS, every = "ok 1", seconds = 5 },
  { "`has_more` missing", fault = { page = "no_has_more" }, kinds = { "page" }, every = "ok 1", seconds = 5 },
}

local function kinds_of(row)
  return row.kinds or (row.fault or row.refused or row.idle or row.redirect) and KINDS or ALL_BUT_STREAMS
end

-- What the scripted servers have to give, large enough to trickle.
local BODIES = {
  call = '{"id":"scn_1","filler":"' .. ("x"):rep(400) .. '"}',
  page = '{"scenarios":[{"id":"scn_1"},{"id":"scn_2"},{"id":"scn_3"}],"filler":"' .. ("x"):rep(400) .. '"}',
  download = support.zip { { "run.log", ("x"):rep(400) } },
}

local function head(body)
  return ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"):format(#body)
end

local function whole_answer(kind)
  return head(BODIES[kind]) .. BODIES[kind]
end

-- An outcome of a row for a call, a page or a download; nil when it has none.
local function outcome_of(row, mode, kind)
  local outcome = row[mode]
  if type(outcome) == "table" then return outcome[kind] end
  return outcome
end

-- The row as the libcurl at hand has it.
local function at_hand(row)
  if not row.newer or core.version:find "^7%." then return row end
  return setmetatable(row.newer, { __index = row })
end

-- "tls SSL_CONNECT_ERROR 6" -> "tls", "SSL_CONNECT_ERROR", 6; "ok 2" -> "ok", nil, 2
local function parsed(outcome)
  local kind, code, requests = outcome:match("^(%l+) ?([%u%l_%d|]-) ?(%d+)$")
  return kind, code ~= "" and code or nil, portable.tointeger(tonumber(requests))
end

local stand_in, elsewhere
local scripted = {} -- servers of the spec that runs

-- Where a row's fault happens: url, ca_file, and what is there to ask for (scenario, ids, run); `begin(client)` makes
-- it go wrong, `mend()` ends that, `seen()` counts the requests that arrived.

-- A command that has run, and left an output of five events.
local function new_execution()
  stand_in:set { commands = { agent = { stdout = OUTPUT } }, chunk_bytes = 100, provisioning_polls = 0 }
  local client = stand_in:client()
  local devbox = expect.success(client.devboxes:create_and_await_running({}, { interval = 0 }))
  local execution = expect.success(client.devboxes:execute(devbox, { command = "agent" }))
  client:close()
  stand_in:clear_log()
  return execution
end

local function in_the_stand_in(row, kind, mode)
  local ids = stand_in:ids "scenario"
  local place = { url = stand_in.url, scenario = ids[1], ids = ids, run = stand_in:ids("run")[1] }
  if kind == "stream" then place.execution = new_execution() end
  function place.begin(client)
    if row.refused then return stand_in:refuse(true) end
    if row.idle then
      expect.success(client.scenarios:retrieve(ids[1]))
      stand_in:clear_log()
      return assert.are.equal(1, stand_in:drop(row.idle, true))
    end
    local fault = row.redirect and { redirect = elsewhere.url .. "/v1/scenarios", status = row.redirect } or row.fault
    if type(fault) == "function" then fault = fault(kind) end
    local copy = { times = mode == "every" and math.huge or 1 }
    for name, value in pairs(fault) do copy[name] = value end
    if kind == "stream" then copy.path = "/stream_stdout_updates$" end
    stand_in:fault(copy)
  end
  function place.mend()
    stand_in:clear_faults()
    stand_in:refuse(false)
  end
  function place.seen()
    return stand_in:count(kind == "stream" and { path = "/stream_stdout_updates$" } or nil)
  end
  return place
end

-- A scripted server, or none.
local function place_at(peer)
  local place = { url = peer.url, ca_file = peer.ca_file, scenario = "scn_1", ids = { "scn_1", "scn_2", "scn_3" } }
  place.run = "run_1"
  scripted[#scripted + 1] = peer
  function place.begin() end
  function place.mend() end
  function place.seen() return peer:request_count() end
  return place
end

local function at_an_unknown_host()
  -- A label of more than 63 bytes can be no name: nobody has to be asked.
  return place_at {
    url = "https://" .. ("x"):rep(64) .. ".example", stop = function() end, request_count = function() return 0 end,
  }
end

local function behind_tls(row, kind)
  local tls = row.tls:find "^tlsv1" and { protocol = row.tls } or row.tls
  local peer = support.raw { whole_answer(kind), tls = tls }
  local place = place_at(peer)
  function place.mend()
    -- The same server, now with a certificate that is good.
    peer.process.call("play", {
      kind = "raw", scripts = { whole_answer(kind) }, tls = support.certificates().localhost,
    })
  end
  return place
end

local function at_a_trickle(_, kind)
  local body = BODIES[kind]
  local slow = { { read = "request" }, head(body), { send = body, bytes = math.floor(#body / 15), every = 0.05 } }
  local good = whole_answer(kind)
  return place_at(support.raw(kind == "call" and { slow, slow, good } or { slow, good }))
end

-- The connections of a server that plays the row's steps for so many requests, and then serves.
local function h2_connections(row, body, times)
  local connections, good = { {} }, { serve = { body = body } }
  for i = 1, times do
    local script = connections[#connections]
    local last = row.h2[#row.h2]
    local one_each = last.close or last.hold -- a request has a connection of its own
    script[#script + 1] = { wait = one_each and 1 or i }
    for _, step in ipairs(row.h2) do
      local copy = { body = step.answer and body or nil }
      for name, value in pairs(step) do copy[name] = value end
      for _, name in ipairs { "answer", "rst" } do
        if copy[name] and not one_each then copy[name] = i end
      end
      script[#script + 1] = copy
    end
    if one_each then connections[i + 1] = {} end
  end
  table.insert(connections[#connections], good)
  return connections
end

local function over_h2(row, kind, mode)
  local _, _, requests = parsed(row.every)
  local times = mode == "once" and 1 or row.asked or requests
  return place_at(support.h2(h2_connections(row, BODIES[kind], times)))
end

local function place_of(row, kind, mode)
  if row.unknown then return at_an_unknown_host() end
  if row.tls then return behind_tls(row, kind) end
  if row.trickle then return at_a_trickle(row, kind) end
  if row.h2 then return over_h2(row, kind, mode) end
  return in_the_stand_in(row, kind, mode)
end

-- A client for the place. What goes wrong once is mended before the first retry.
local function client_for(place, row, mode)
  local options = { ca_file = place.ca_file, bearer_token = stand_in.token }
  for name, value in pairs(row.options or {}) do options[name] = value end
  if mode == "once" then
    function options.on_event(event)
      if event.type == "retry" then place.mend() end
    end
  end
  return support.client(place.url, options)
end

local function perform(kind, client, place, options)
  if kind == "call" then return client.scenarios:archive(place.scenario, options) end
  if kind == "page" then return client.scenarios:list({ limit = 100 }, options):collect() end
  if kind == "stream" then
    options = options or { idle_timeout = place.idle_timeout }
    local executions, texts = client.devboxes.executions, {}
    local stream = executions:stream_stdout_updates(place.execution.devbox_id, place.execution.execution_id, {}, options)
    while true do
      local chunk, err = stream:next()
      if err then return nil, err end
      if not chunk then return table.concat(texts) end
      texts[#texts + 1] = chunk.output
    end
  end
  return client.scenarios.runs:download_logs(place.run, place.directory .. "/logs.zip", options)
end

-- What came is all of what was asked for.
local function check_value(kind, place, value)
  if kind == "call" then
    assert.are.equal(place.scenario, value.id)
  elseif kind == "stream" then
    assert.are.equal(OUTPUT, value)
  elseif kind == "page" then
    local ids = {}
    for i, item in ipairs(value) do ids[i] = item.id end
    assert.are.same(place.ids, ids)
  else
    local file = support.read_file(place.directory .. "/logs.zip")
    assert.are.equal(#file, value)
    assert.is_truthy(file:find("PK\5\6", 1, true))
    assert.are.same({ "logs.zip" }, support.list_dir(place.directory))
  end
end

local NEVER_SENT = { COULDNT_CONNECT = true, COULDNT_RESOLVE_HOST = true }
local NO_WHOLE_ANSWER = { connection = true, timeout = true, limit = true }

-- A call must have failed so; "A|B" are two codes.
local function failure(kind, codes, value, err)
  expect.failure(kind, nil, value, err)
  assert.is_truthy(("|" .. codes .. "|"):find("|" .. err.code .. "|", 1, true), tostring(err))
  return err
end

local function check_error(kind, row, place, requests, err)
  local sent = err.kind ~= "tls" and not NEVER_SENT[err.code]
  assert.are.equal(sent and (row.asked or requests) or 0, place.seen())
  if kind == "page" or kind == "stream" then
    assert.is_nil(err.maybe_sent)
  else
    assert.are.equal(requests, err.attempts)
    assert.are.equal(sent and NO_WHOLE_ANSWER[err.kind] or nil, err.maybe_sent)
  end
  if kind == "download" then assert.are.same({}, support.list_dir(place.directory)) end
end

local function check(row, mode, kind)
  local place = place_of(row, kind, mode)
  place.directory = kind == "download" and support.tmpdir()
  place.idle_timeout = row.options and row.options.timeout
  local client = client_for(place, row, mode)
  place.begin(client)
  local began = support.now()
  local value, err = perform(kind, client, place)
  local took = support.now() - began
  local error_kind, code, requests = parsed(outcome_of(row, mode, kind))
  if error_kind == "ok" then
    check_value(kind, place, expect.success(value, err))
    assert.are.equal((row.refused or row.tls) and 1 or requests, place.seen())
  else
    check_error(kind, row, place, requests, failure(error_kind, code, value, err))
  end
  assert.is_true(took < row.seconds, ("took %.3f s"):format(took))
  assert.are.equal(0, client:stats().in_flight)
  -- The client is as good as new.
  place.mend()
  value, err = perform(kind, client, place, { timeout = 10 })
  if row.unknown then
    failure(error_kind, code, value, err)
  else
    check_value(kind, place, expect.success(value, err))
  end
  client:close()
end

-- So many calls at once over one connection, which the server closes with all of them open.
local function check_lost_connection(row, mode)
  local n = row.lost
  local error_kind, code, requests = parsed(row[mode])
  local body = BODIES.call
  local connections = { { { answer = 1, body = body }, { wait = n + 1 }, { close = true } } }
  while mode == "every" and #connections < requests do
    connections[#connections + 1] = { { wait = n }, { close = true } }
  end
  table.insert(connections, { { serve = { body = body } } })
  local peer = support.h2(connections)
  scripted[1] = peer
  local client, ids = peer:client(), {}
  for i = 1, n do ids[i] = "scn_" .. i end
  expect.success(client.scenarios:archive("scn_1")) -- from here on the client knows that the connection can be shared
  local began = support.now()
  local results, errors = client:map(ids, function(id) return client.scenarios:archive(id) end, { concurrency = n })
  assert.is_true(support.now() - began < row.seconds)
  for i = 1, n do
    if error_kind == "ok" then
      assert.are.equal("scn_1", expect.success(results[i], errors and errors[i]).id)
    else
      assert.are.equal(requests, failure(error_kind, code, results[i], errors and errors[i]).attempts)
    end
  end
  assert.are.equal(1 + n * requests, peer:request_count())
  expect.success(client.scenarios:archive("scn_1"))
  client:close()
end

describe("What goes wrong on the way: #slow", function()
  setup(function()
    stand_in = support.start { scenarios = 4, public = 0, runs = 3, scorers = 0 }
    elsewhere = support.start { scenarios = 1 }
  end)
  teardown(function()
    stand_in:stop()
    elsewhere:stop()
  end)
  before_each(function()
    stand_in:reset()
    elsewhere:reset()
  end)
  after_each(function()
    for _, server in ipairs(scripted) do server:stop() end
    scripted = {}
  end)

  for _, any in ipairs(ROWS) do
    local row = at_hand(any)
    describe(row[1] .. ",", function()
      for _, mode in ipairs { "every", "once" } do
        local when = mode == "every" and "every time" or "once"
        for _, kind in ipairs(kinds_of(row)) do
          local outcome = outcome_of(row, mode, kind)
          if outcome and row.lost then
            it(("%s, under %d calls: %s"):format(when, row.lost, outcome), function() check_lost_connection(row, mode) end)
          elseif outcome then
            it(("%s, to a %s: %s"):format(when, kind, outcome), function()
              check(row, mode, kind)
              assert.are.equal(0, elsewhere:count())
            end)
          end
        end
      end
    end)
  end
end)

describe("JSON that is broken at any byte #slow", function()
  local PAGE = [[{"scenarios":[{"id":"a","n":-1.5e3,"t":[true,null,"\u00e9\n"]},{"id":"b"}],"has_more":false,"total_count":2}]]
  local CALL = [[{"id":"a","n":-1.5e3,"t":[true,null,"\u00e9\n",{}]}]]
  local server, client
  setup(function()
    server = support.start { scenarios = 1, runs = 1 }
    client = server:client()
  end)
  teardown(function()
    client:close()
    server:stop()
  end)

  local function answers(body)
    server:fault { status = 200, body = body }
  end

  local function ids_of(items)
    local ids = {}
    for i, item in ipairs(items) do ids[i] = item.id end
    return ids
  end

  it("is an error wherever it is cut, behind the items that are whole", function()
    for n = 0, #PAGE - 1 do
      answers(PAGE:sub(1, n))
      local items, err, so_far = client.scenarios:list():collect()
      expect.failure("decode", "JSON", items, err)
      local whole = {}
      for id, rest in PAGE:sub(1, n):gmatch '"id":"(%a)"()' do
        local closed = PAGE:find("}", rest, true)
        if closed <= n then whole[#whole + 1] = id end
      end
      assert.are.same(whole, ids_of(so_far))
    end
    for n = 0, #CALL - 1 do
      answers(CALL:sub(1, n))
      expect.failure("decode", n == 0 and "SHAPE" or "JSON", client.scenarios:archive("a"))
    end
  end)

  it("is an error wherever a download is cut", function()
    local zip = support.zip { { "run.log", "what happened" } }
    local directory = support.tmpdir()
    for n = 0, #zip - 1 do
      answers(zip:sub(1, n))
      expect.failure("decode", "SHAPE", client.scenarios.runs:download_logs("a", directory .. "/logs.zip"))
    end
    assert.are.same({}, support.list_dir(directory))
  end)

  -- Every text that differs from the given one in one bit.
  local function each_flip(text)
    return coroutine.wrap(function()
      for i = 1, #text do
        for bit = 0, 7 do
          local byte, value = text:byte(i), 2 ^ bit
          byte = byte % (2 * value) < value and byte + value or byte - value
          coroutine.yield(text:sub(1, i - 1) .. string.char(byte) .. text:sub(i + 1))
        end
      end
    end)
  end

  -- What a strict parser makes of it; a byte that is no UTF-8 counts as U+FFFD.
  local function meaning(text)
    return (support.json.decode((text:gsub("[\128-\255]", "\239\191\189"))))
  end

  it("is an error wherever a bit of a call's answer is flipped, or is what it says then", function()
    for text in each_flip(CALL) do
      local expected = meaning(text)
      answers(text)
      if expected then
        assert.are.equal(expected.id, expect.success(client.scenarios:archive("a")).id, text)
      else
        expect.failure("decode", "JSON", client.scenarios:archive("a"))
      end
    end
  end)

  it("is an error wherever a bit of a page is flipped, or is what it says then", function()
    local wrong, right = 0, 0
    for text in each_flip(PAGE) do
      local page = meaning(text)
      local list = page and page.scenarios
      answers(text)
      local items, err, so_far = client.scenarios:list():collect()
      if list and list[1].id and list[2].id then
        assert.are.same(ids_of(list), ids_of(expect.success(items, err)), text)
        right = right + 1
      else
        expect.failure("decode", page and "SHAPE" or nil, items, err)
        if so_far[1] then assert.are.equal("a", so_far[1].id, text) end
        wrong = wrong + 1
      end
    end
    assert.are.equal(#PAGE * 8, wrong + right)
    assert.is_true(wrong > right)
  end)
end)

describe("A first line that is not HTTP's", function()
  it("is an error of kind 'connection', whatever follows", function()
    local lines = {
      "HTTP/1.1 000 X", "HTTP/1.1 042 X", "HTTP/1.1 99 X", "HTTP/1.1 2000 X", "HTTP/1.1 200X", "HTTP/1.1 +20 X", "HTTP/1.1 OK",
      "HTTP/1.1", "HTTP/3.7 200 OK", "HTTP/9 200 OK", "http/1.1 200 OK", "ICY 200 OK", "HTTP/1.1 101 Switching Protocols", "",
    }
    local answers = {}
    for i, line in ipairs(lines) do
      answers[i] = line .. "\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n" .. '{"id":"scn_1"}'
    end
    local raw = support.raw(answers)
    local client = raw:client { max_retries = 0, timeout = 5 }
    for _, line in ipairs(lines) do
      local value, err = client.scenarios:retrieve("scn_1")
      assert.is_nil(value, line)
      expect.failure("connection", nil, value, err)
    end
    assert.are.equal(#lines, raw:request_count())
    client:close()
    raw:stop()
  end)
end)

describe("The manual's table of faults", function()
  local function shown(outcome)
    local kind, code, requests = parsed(outcome)
    if kind == "ok" then return "succeeds, " .. requests end
    return ("`%s` `%s`, %d"):format(kind, code, requests)
  end

  -- An outcome as the manual has it; where kinds differ, those that are alike stand together.
  local function cell(row, mode)
    local kinds, groups, by_outcome = kinds_of(row), {}, {}
    for _, kind in ipairs(kinds) do
      local outcome = outcome_of(row, mode, kind)
      if outcome and not by_outcome[outcome] then
        by_outcome[outcome] = {}
        groups[#groups + 1] = outcome
      end
      if outcome then table.insert(by_outcome[outcome], kind) end
    end
    if #groups == 1 and #by_outcome[groups[1]] == #kinds and #kinds > 2 then return shown(groups[1]) end
    for i, outcome in ipairs(groups) do
      groups[i] = table.concat(by_outcome[outcome], ", ") .. ": " .. shown(outcome)
    end
    return table.concat(groups, "; ")
  end

  local function line_of(row)
    return ("| %s | %s | %s | %d |"):format(row[1], cell(row, "every"), cell(row, "once"), row.seconds):gsub("  +", " ")
  end

  it("has every row of the table above, in order, and no other", function()
    local expected, found = {}, {}
    for i, row in ipairs(ROWS) do expected[i] = line_of(row) end
    for line in support.read_file(support.root .. "/docs/faults.md"):gmatch("[^\n]+") do
      local ours = line:match("^(| .- | .- | .-| %d+ |)")
      if ours then found[#found + 1] = ours end
    end
    assert.are.same(expected, found)
  end)
end)
