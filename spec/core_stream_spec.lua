-- The core's streams of events, and the connections that streams and long polls have to themselves.
local core = require "runloop.core"
local support = require "spec.support"

local CHUNKED = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
local UNTIL_CLOSE = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"

local function chunk(text) return ("%x\r\n%s\r\n"):format(#text, text) end

local LAST = "0\r\n\r\n"

-- The transfer's next event as { data, name, id }, or nil and why there is none, the client being turned meanwhile.
local function next_event(http, transfer, keep_nulls, as_text)
  while true do
    local data, name, id, message = transfer:event(keep_nulls, as_text)
    if data ~= nil then return { data, name, id } end
    if name ~= "more" then return nil, name, id, message end
    if not transfer:want() then http:turn(5) end
    http:ready()
  end
end

local function all_events(http, transfer, as_text)
  local got = {}
  while true do
    local event, why, code, message = next_event(http, transfer, false, as_text)
    if not event then return got, why, code, message end
    got[#got + 1] = event
  end
end

describe("the core's streams of events", function()
  local raw, http

  local function stream(options)
    local request = { url = raw.url .. "/", method = "GET" }
    for name, value in pairs(options or {}) do request[name] = value end
    return http:start(request, nil, nil, nil, { events = true })
  end

  local function kind_and_code(transfer)
    local kind, code = transfer:finish()
    return { kind, code }
  end

  local function serve(...)
    raw = support.raw { ... }
    http = core.http {}
  end

  after_each(function()
    if http then http:close() end
    if raw then raw:stop() end
    raw, http = nil, nil
  end)

  it("are cut into events, decoded one by one, with name and id", function()
    serve(CHUNKED .. chunk 'data: {"output":"a\\n","offset":0}\n\nid: 7\r\ndata: [1,null]\r\n\r\n: ping\n\n'
      .. chunk 'event: error\rdata: {"code":\rdata: 408}\r\rdata: null\n\n' .. LAST)
    local got, why = all_events(http, stream())
    assert.are.equal("done", why)
    local null = core.null
    assert.are.same({
      { { output = "a\n", offset = 0 } }, { { 1, null }, nil, "7" }, { { code = 408 }, "error", "7" }, { null, nil, "7" },
    }, got)
  end)

  it("keep nulls of objects where they are asked to", function()
    serve(CHUNKED .. chunk 'data: {"a":null}\n\ndata: {"a":null}\n\n' .. LAST)
    local transfer = stream()
    assert.are.same({ a = core.null }, next_event(http, transfer, true)[1])
    assert.are.same({}, next_event(http, transfer)[1])
  end)

  it("give data as a text where it is asked for", function()
    serve(CHUNKED .. chunk 'data: {"a":1}\n\nevent: x\ndata: not JSON\ndata:  at all\n\n' .. LAST)
    assert.are.same({ { '{"a":1}' }, { "not JSON\n at all", "x" } }, (all_events(http, stream(), true)))
  end)

  it("give blank data as an empty text, and skip frames without any", function()
    serve(CHUNKED .. chunk ":\n\nevent: ping\n\ndata:\n\nevent: error\ndata\ndata: \n\ndata: 1\n\n" .. LAST)
    assert.are.same({ { "" }, { "", "error" }, { 1 } }, (all_events(http, stream())))
  end)

  it("tell of data that is no JSON, and give it as a text then", function()
    serve(CHUNKED .. chunk 'data: 1\n\ndata: {"a":tru}\n\ndata: 2\n\n' .. LAST)
    local transfer = stream()
    assert.are.same({ 1 }, next_event(http, transfer))
    for _ = 1, 2 do
      local event, why, code, message = next_event(http, transfer)
      assert.is_nil(event)
      assert.are.same({ "error", "JSON" }, { why, code })
      assert.matches("^invalid JSON at byte 9: ", message)
    end
    assert.are.same({ '{"a":tru}' }, next_event(http, transfer, false, true))
    assert.are.same({ 2 }, next_event(http, transfer))
  end)

  it("hand over an event as soon as it is complete", function()
    serve { { read = "request" }, CHUNKED .. chunk "data: 1\n\ndata: 2\n", { hold = true } }
    local transfer = stream()
    assert.are.same({ 1 }, next_event(http, transfer))
    assert.are.same({ nil, "more" }, { transfer:event() })
    assert.is_false(transfer:finished())
  end)

  it("put on the list of what is ready once for news that is waited for", function()
    serve(CHUNKED .. chunk "data: 1\n\ndata: 2\n\n" .. LAST)
    local transfer = stream()
    assert.is_false(transfer:want())
    local ready
    repeat
      http:turn(5)
      ready = http:ready()
    until ready
    assert.are.equal(transfer:id(), ready)
    assert.is_nil(http:ready())
    assert.is_true(transfer:want())
    assert.are.equal(2, transfer:waiting())
  end)

  for name, case in pairs {
    ["between two events"] = { CHUNKED .. chunk "data: 1\n\n" .. LAST, "done" },
    ["in a comment"] = { CHUNKED .. chunk "data: 1\n\n: pin" .. LAST, "done" },
    ["in an event"] = { CHUNKED .. chunk "data: 1\n\ndata: 2\n" .. LAST, "cut" },
    ["in a line"] = { CHUNKED .. chunk "data: 1\n\nda" .. LAST, "cut" },
    ["with the connection between two events"] = { CHUNKED .. chunk "data: 1\n\n", "failed", "connection" },
    ["with the connection in an event"] = { CHUNKED .. chunk "data: 1\n\ndata: 2", "failed", "connection" },
    ["where only the connection's end can tell"] = { UNTIL_CLOSE .. "data: 1\n\n", "done", "ok", true },
    ["in an event where only the connection's end can tell"] = { UNTIL_CLOSE .. "data: 1\n\ndata: 2", "cut", "ok", true },
  } do
    it("tell of an end " .. name, function()
      serve(case[1])
      local transfer = stream()
      local got, why = all_events(http, transfer)
      assert.are.same({ { 1 } }, got)
      assert.are.equal(case[2], why)
      local kind, _, _, status, _, _, _, may_hide_cut = transfer:finish()
      assert.are.same({ case[3] or "ok", 200, case[4] or false }, { kind, status, may_hide_cut })
    end)
  end

  for name, head in pairs {
    ["of JSON"] = "Content-Type: application/json\r\n",
    ["of text"] = "Content-Type: text/plain\r\n",
    ["of a longer type"] = "Content-Type: text/event-streams\r\n",
    ["without a type"] = "",
  } do
    it("are a fault of shape when they are an answer " .. name, function()
      for _, body in ipairs { "", "data: 1\n\n", ("data: 1\n\n"):rep(100) } do
        serve("HTTP/1.1 200 OK\r\n" .. head .. "Content-Length: " .. #body .. "\r\n\r\n" .. body)
        local transfer = stream()
        local got, why, code = all_events(http, transfer)
        assert.are.same({ {}, "error", "SHAPE" }, { got, why, code })
        assert.are.equal("ok", (transfer:finish()))
        assert.are.equal(body:sub(1, 200), transfer:text(200))
        http:close()
        raw:stop()
      end
    end)
  end

  it("end at once when an answer of another type does not", function()
    serve { { read = "request" }, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
      { send = ("<p>"):rep(1000), times = math.huge } }
    local transfer = stream()
    local got, why, code = all_events(http, transfer)
    assert.are.same({ {}, "error", "SHAPE" }, { got, why, code })
    assert.are.equal(200, #transfer:text())
  end)

  it("take any spelling of their type", function()
    serve("HTTP/1.1 200 OK\r\ncontent-type: Text/Event-Stream;charset=UTF-8\r\nContent-Length: 9\r\n\r\ndata: 1\n\n")
    assert.are.same({ { 1 } }, (all_events(http, stream())))
  end)

  it("collect the body of an answer that is no success", function()
    serve('HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"message":"x"}',
      "HTTP/1.1 503 No\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: 1\n\n")
    local transfer = stream()
    local got, why = all_events(http, transfer)
    assert.are.same({ {}, "failed" }, { got, why })
    assert.are.equal(404, (transfer:head()))
    assert.are.equal('{"message":"x"', transfer:text())
    transfer = stream()
    got, why = all_events(http, transfer)
    assert.are.same({ {}, "failed", "data: 1\n\n" }, { got, why, transfer:text() })
  end)

  for name, endless in pairs { line = "data: " .. ("x"):rep(1000), comment = ":" .. ("x"):rep(1000),
    event = "data: " .. ("x"):rep(1000) .. "\n" } do
    it("refuse an endless " .. name, function()
      serve { { read = "request" }, UNTIL_CLOSE .. "data: 1\n\n", { send = endless, times = math.huge } }
      local transfer = stream { max_body = 100000 }
      local got, why, code = all_events(http, transfer)
      assert.are.same({ { { 1 } }, "error", "BODY_TOO_LARGE" }, { got, why, code })
      assert.are.same({ "limit", "BODY_TOO_LARGE" }, kind_and_code(transfer))
    end)
  end

  it("are not read on while nobody takes their events, and lose none #slow", function()
    serve { { read = "request" }, UNTIL_CLOSE, { lua = [[
      local c, n = ..., 0
      repeat
        local lines = {}
        for i = 1, 1000 do
          n = n + 1
          lines[i] = "data: " .. n .. "\n\n"
        end
      until not c:send(table.concat(lines))
    ]] } }
    local transfer = stream()
    repeat until http:turn(0.2) == 0 -- nothing moves any more
    local waiting = transfer:waiting()
    assert.is_true(waiting > 1000 and waiting < 20000, waiting .. " events wait")
    for i = 1, 100000 do
      local event = next_event(http, transfer)
      if event[1] ~= i then assert.are.equal(i, event[1]) end
    end
    assert.is_false(transfer:finished())
  end)

  it("wait as long as their timeout says, and only while somebody waits for them #slow", function()
    serve { { read = "request" }, CHUNKED .. chunk "data: 1\n\n", { hold = true } }
    local transfer = stream { timeout = 0.4 }
    assert.are.same({ 1 }, next_event(http, transfer))
    local until_then = core.now() + 0.6
    repeat http:turn(0.05) until core.now() > until_then
    assert.is_false(transfer:finished())
    local begun = core.now()
    local _, why = next_event(http, transfer)
    assert.are.equal("failed", why)
    assert.is_true(core.now() - begun >= 0.39)
    assert.are.same({ "timeout", "OPERATION_TIMEDOUT" }, kind_and_code(transfer))
    assert.are.equal("no byte for 0.4 s", (select(3, transfer:finish())))
  end)

  it("are kept open by comments #slow", function()
    serve { { read = "request" }, CHUNKED, { send = chunk ": ping\n\n", times = 20, every = 0.05 },
      chunk "data: 1\n\n" .. LAST }
    local transfer = stream { timeout = 0.5 } -- all of it takes a second
    assert.are.same({ 1 }, next_event(http, transfer))
  end)
end)

describe("the lane of streams #slow", function()
  local OPEN = { { read = "request" }, CHUNKED .. chunk "data: 1\n\n", { hold = true } }
  local ANSWERS = { { serve = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" } }
  local streams, calls, http

  before_each(function()
    streams = support.raw { OPEN, after = "repeat" }
    calls = support.raw { ANSWERS, after = "repeat" }
  end)

  after_each(function()
    http:close()
    streams:stop()
    calls:stop()
  end)

  local function stream()
    return http:start({ url = streams.url .. "/", method = "GET" }, nil, nil, nil, { events = true })
  end

  local function call(lane)
    return http:start({ url = calls.url .. "/", method = "GET" }, nil, nil, nil, { lane = lane })
  end

  local function finish(transfer)
    while not transfer:want() do http:turn(5) end
    assert.are.equal("ok", (transfer:finish()))
  end

  it("takes no place of max_connections", function()
    http = core.http { max_connections = 1 }
    local open = {}
    for i = 1, 10 do open[i] = stream() end
    for i = 1, 10 do assert.are.same({ 1 }, next_event(http, open[i])) end
    finish(call())
    finish(call "streams")
    assert.are.equal(10, streams:connections())
  end)

  it("is bounded by max_streams, and lets the next one in when one ends", function()
    http = core.http { max_streams = 2 }
    local open = { stream(), stream(), stream() }
    for i = 1, 2 do assert.are.same({ 1 }, next_event(http, open[i])) end
    for i = 1, 2 do assert.is_false(open[i]:want()) end
    finish(call()) -- so much time has gone by that the third would have begun
    assert.are.equal(2, streams:connections())
    open[1]:release()
    assert.are.same({ 1 }, next_event(http, open[3]))
    assert.are.equal(3, streams:connections())
  end)

  it("lets a long poll in beside streams that nobody waits for", function()
    http = core.http { max_streams = 1 }
    local open = stream()
    assert.are.same({ 1 }, next_event(http, open))
    finish(call "streams")
    assert.is_false(open:finished())
  end)

  it("uses a long poll's connection again", function()
    http = core.http {}
    for _ = 1, 5 do finish(call "streams") end
    assert.are.equal(1, calls:connections())
  end)

  it("holds hundreds of streams open", function()
    http = core.http { max_streams = 300 }
    local open = {}
    for i = 1, 300 do open[i] = stream() end
    for i = 1, 300 do assert.are.same({ 1 }, next_event(http, open[i])) end
    assert.are.equal(300, streams:connections())
    finish(call())
    for i = 1, 300 do open[i]:release() end
    assert.are.equal(0, select(4, http:stats()))
  end)

  it("goes over HTTP/1.1 where calls go over HTTP/2", function()
    if not support.have_nginx() then pending "nginx is not installed" end
    local nginx = support.nginx { proxy = streams.url, http2 = true }
    http = core.http { https = true, http2 = true, ca_file = nginx.ca_file }
    local open = http:start({ url = nginx.url .. "/", method = "GET" }, nil, nil, nil, { events = true })
    assert.are.same({ 1 }, next_event(http, open))
    local poll = http:start({ url = nginx.url .. "/none", method = "HEAD" }, nil, nil, nil, { lane = "streams" })
    while not poll:want() do http:turn(5) end
    assert.are.equal("1.1", (select(6, poll:finish())))
    nginx:stop()
  end)

  it("refuses what it cannot be given", function()
    http = core.http {}
    assert.has_error(function() core.http { max_streams = 0 } end, "field 'max_streams' is out of range")
    assert.has_error(function() call "other" end, "there is no lane 'other'")
  end)
end)
