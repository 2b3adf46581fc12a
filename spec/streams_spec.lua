-- Streams of events: each event once, whatever breaks; when they end, when they are opened again, when they fail.
local core = require "runloop.core"
local expect = require "spec.support.expect"
local portable = require "spec.support.portable"
local support = require "spec.support"
local tasks = require "spec.support.tasks"

local it_closing = portable.closing and it or pending

local OUTPUT = ("0123456789abcdefghijklmnopqrstuvwxyz\n"):rep(300)
local SSE = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

local function chunk(text) return ("%x\r\n%s\r\n"):format(#text, text) end

local function event(text) return chunk("data: " .. text .. "\n\n") end

-- All events of a stream, and the error that it ended with.
local function read(stream, max)
  local events = {}
  while not max or #events < max do
    local item, err = stream:next()
    if not item then return events, err end
    events[#events + 1] = item
  end
  return events
end

local function joined(events)
  local texts = {}
  for i, item in ipairs(events) do texts[i] = item.output end
  return table.concat(texts)
end

describe("A stream", function()
  local server, client, devbox, execution, axon

  setup(function() server = support.start { scenarios = 1 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset { scenarios = 1, provisioning_polls = 0 }
    server:set { commands = { big = { stdout = OUTPUT }, slow = { stdout = "x", seconds = 0.3 } }, chunk_bytes = 100 }
    client = server:client()
    devbox = expect.success(client.devboxes:create_and_await_running({}, { interval = 0 }))
    execution = expect.success(client.devboxes:execute(devbox, { command = "big" }))
    axon = expect.success(client.axons:create { name = "a" })
    server:clear_log()
  end)
  after_each(function() client:close() end)

  local function opened() return server:count { path = "/stream_stdout_updates$" } end

  it("makes no request before its first event is asked for, and is no array", function()
    local stream = execution:stream_stdout()
    assert.are.equal(0, opened())
    expect.raises("a stream is no array: loop over it", function() return stream[1] end)
    assert.is_nil(stream.length)
    assert.are.equal("runloop.stream: devboxes.executions:stream_stdout_updates", tostring(stream))
    expect.raises("stream:next: call it with a colon", function() stream.next {} end)
    expect.raises("'idle_timeout' must be greater than 0", function() execution:stream_stdout({}, { idle_timeout = 0 }) end)
    expect.raises("'offset' must be at least 0", function() execution:stream_stdout { offset = -1 } end)
    stream:close()
    expect.raises("the stream is closed", function() stream:next() end)
  end)

  it("gives a command's output, in order, and ends when the command has", function()
    local text = {}
    for item in execution:stream_stdout() do text[#text + 1] = item.output end
    assert.are.equal(OUTPUT, table.concat(text))
    local events, err = read(execution:stream_stderr())
    assert.are.same({ {}, nil }, { events, err })
    local stream = client.devboxes.executions:stream_stdout_updates(devbox, execution.execution_id, { offset = 11000 })
    assert.are.equal(OUTPUT:sub(11001), joined(read(stream)))
    assert.is_nil(stream:next())
    local last = server:log({ path = "/stream_stdout_updates$" })
    assert.are.equal("text/event-stream", last[#last].header.accept)
    assert.are.same({ offset = "11000" }, last[#last].query)
  end)

  it("follows a command that runs", function()
    local running = expect.success(devbox:exec_async "echo one; sleep 0.2; echo two")
    assert.are.equal("one\ntwo\n", joined(read(running:stream_stdout())))
  end)

  it("works in tasks without holding up others, and is closed by a break and with its client", function()
    local slow = expect.success(devbox:exec_async "slow")
    local text
    client:spawn(function() text = joined(read(slow:stream_stdout())) end)
    tasks.at_once(client.poll, client)
    client:run()
    assert.are.equal("x", text)
    local stream = execution:stream_stdout()
    client:close()
    expect.raises("client is closed", function() stream:next() end)
  end)

  it_closing("is closed by a break", function()
    local stream = execution:stream_stdout()
    for _ in stream, nil, nil, stream do break end -- luacheck: ignore 512
    expect.raises("the stream is closed", function() stream:next() end)
    assert.are.equal(0, client:stats().in_flight)
  end)

  it("may be shared: each event goes to one", function()
    local stream, texts = execution:stream_stdout(), {}
    for _ = 1, 3 do
      client:spawn(function()
        for item in stream, nil, nil, nil do
          texts[#texts + 1] = item.output
          client:sleep(0)
        end
      end)
    end
    client:run()
    assert.are.equal(OUTPUT, table.concat(texts))
  end)

  it("is a source for map", function()
    local done, failed, err, n = client:map(execution:stream_stdout(), function(item) return #item.output end)
    assert.is_nil(failed or err)
    assert.are.equal(n, #done)
  end)

  -- What may befall a stream, with what it does then; `once` more than one opening in all.
  local BREAKS = {
    { "cut between events", { cut_events = 10 } },
    { "cut in an event", { cut_events = 5, cut_extra = 30 } },
    { "reset", { cut_events = 7, by = "reset" } },
    { "ended as if that were all", { cut_events = 3, by = "end" } },
    { "ended as if that were all, in an event", { cut_events = 3, cut_extra = 10, by = "end" } },
    { "gone silent", { cut_events = 4, by = "stall" } },
    { "cut off where HTTP cannot tell", { cut_events = 9, framing = "close" } },
    { "ended by an error event 408", { cut_events = 4, error_event = { code = 408, message = "idle" } } },
    { "ended by an error event \"408\"", { cut_events = 4, error_event = { code = "408", message = "idle" } } },
    { "refused at first", { status = 503 } },
  }

  for _, place in ipairs { "start", "end" } do
    for _, row in ipairs(BREAKS) do
      it(("of output is taken up when it was %s (offsets are the %s)"):format(row[1], place), function()
        server:set { chunk_offset = place }
        local fault = { path = "/stream_stdout_updates$" }
        for name, value in pairs(row[2]) do fault[name] = value end
        server:fault(fault)
        local events, err = read(execution:stream_stdout(nil, { idle_timeout = 1 }))
        assert.is_nil(err)
        assert.are.equal(OUTPUT, joined(events))
        assert.are.equal(2, opened())
      end)
    end

    it("leaves out what a server sends again (offsets are the " .. place .. ")", function()
      server:set { chunk_offset = place }
      for n = 1, 250, 7 do
        server:clear_faults()
        server:fault({ path = "/stream_stdout_updates$", cut_events = 10 },
          { path = "/stream_stdout_updates$", replay = n })
        local events, err = read(execution:stream_stdout())
        assert.is_nil(err)
        assert.are.equal(OUTPUT, joined(events))
      end
    end)

    it("takes up output that is no UTF-8 (offsets are the " .. place .. ")", function()
      server:set { chunk_offset = place, commands = { odd = { stdout = ("\255\254z\239\191\189"):rep(500) } } }
      execution = expect.success(client.devboxes:execute(devbox, { command = "odd" }))
      local whole = joined(read(execution:stream_stdout()))
      for n = 1, 20 do
        server:fault { path = "/stream_stdout_updates$", cut_events = n }
        assert.are.equal(whole, joined(read(execution:stream_stdout())))
      end
    end)
  end

  it("of output without offsets is not taken up: it fails, with what broke it", function()
    server:set { chunk_offset = "none" }
    assert.are.equal(OUTPUT, joined(read(execution:stream_stdout())))
    server:fault { path = "/stream_stdout_updates$", status = 503 }
    assert.are.equal(OUTPUT, joined(read(execution:stream_stdout())))
    for _, row in ipairs {
      { { cut_events = 10 }, "connection", "PARTIAL_FILE" },
      { { cut_events = 10, by = "reset" }, "connection", "RECV_ERROR" },
      { { cut_events = 10, by = "end" }, "connection", "PARTIAL_FILE" },
      { { cut_events = 10, by = "stall" }, "timeout", "OPERATION_TIMEDOUT" },
      { { cut_events = 10, error_event = { code = 408, message = "idle" } }, "api", "status_408" },
    } do
      row[1].path = "/stream_stdout_updates$"
      server:fault(row[1])
      local before = opened()
      local events, err = read(execution:stream_stdout(nil, { idle_timeout = 1 }))
      expect.failure(row[2], row[3], nil, err)
      assert.are.equal(10, #events)
      assert.are.equal(before + 1, opened())
    end
  end)

  it("refuses other output from the same place", function()
    local raw = support.raw {
      { { read = "request" }, SSE .. event '{"offset":0,"output":"ab"}' .. event '{"offset":2,"output":"cd"}' },
      { { read = "request" }, SSE .. event '{"offset":2,"output":"cx"}' },
    }
    local own = raw:client()
    local stream = own.devboxes.executions:stream_stdout_updates("d", "e")
    assert.are.equal("abcd", joined(read(stream, 2)))
    local err = expect.failure("decode", "SHAPE", stream:next())
    assert.matches("the server sent other output than before", err.message, 1, true)
    assert.are.equal(err, select(2, stream:next()))
    own:close()
    raw:stop()
  end)

  it("begins a longer chunk behind what was had of it", function()
    local raw = support.raw {
      { { read = "request" }, SSE .. event '{"offset":0,"output":"ab"}' .. event '{"offset":2,"output":"cd"}' },
      { { read = "request" }, SSE .. event '{"offset":2,"output":"cdef"}' .. event '{"offset":6,"output":"cd"}' },
    }
    local own = raw:client()
    local events = read(own.devboxes.executions:stream_stdout_updates("d", "e"), 4)
    assert.are.same({ { offset = 0, output = "ab" }, { offset = 2, output = "cd" }, { offset = 4, output = "ef" },
      { offset = 6, output = "cd" } }, events)
    assert.matches("offset=2 ", raw:log()[2].requests[1], 1, true)
    own:close()
    raw:stop()
  end)

  -- Reads a stream of output whose openings are answered so; behind them stands the completed command. Returns the text,
  -- the error that it ended with, and the offsets that it was opened at.
  local function read_openings(params, openings)
    local view = '{"devbox_id":"d","execution_id":"e","status":"completed","exit_status":0}'
    local script = {}
    for i, events in ipairs(openings) do
      local frames = {}
      for k, item in ipairs(events) do
        local offset = item[1] and ('"offset":%d,'):format(item[1]) or ""
        frames[k] = event(('{%s"output":"%s"}'):format(offset, item[2]))
      end
      script[i] = { { read = "request" }, SSE .. table.concat(frames) .. chunk "" }
    end
    script[#script + 1] = ("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"):format(#view, view)
    local raw = support.raw(script)
    local own = raw:client()
    local events, err = read(own.devboxes.executions:stream_stdout_updates("d", "e", params))
    local offsets = {}
    for _, connection in ipairs(raw:log()) do
      local query = connection.requests[1]:match "stream_stdout_updates(%S*)"
      if query then offsets[#offsets + 1] = query:match "offset=(%d+)" or "none" end
    end
    own:close()
    raw:stop()
    return joined(events), err, table.concat(offsets, " ")
  end

  it("of output asks again for what is missing between two chunks #slow", function()
    for _, row in ipairs {
      { { { 0, "ab" }, { 4, "ef" } }, { { 0, "ab" }, { 2, "cd" }, { 4, "ef" } }, "none 0", "abcdef" },
      { { { 0, "ab" }, { 2, "cd" }, { 6, "gh" } }, { { 2, "cdef" }, { 6, "gh" } }, "none 2", "abcdefgh" },
      { { { 2, "cdef" } }, { { 0, "ab" }, { 2, "cdef" } }, "none none", "abcdef" },
      { { { 4, "ef" } }, { { 0, "abcd" }, { 4, "ef" } }, "none none", "abcdef" },
      { { { 2, "ab" }, { 9, "efghi" } }, { { 4, "cd" }, { 9, "efghi" } }, "none 2", "abcdefghi" },
    } do
      assert.are.same({ row[4], nil, row[3] }, { read_openings(nil, { row[1], row[2] }) })
    end
  end)

  it("of output fails when what is missing is missing again, but not for characters that are cut in two", function()
    local gap = { { 0, "ab" }, { 4, "ef" } }
    local text, err, offsets = read_openings(nil, { gap, gap })
    expect.failure("decode", "SHAPE", nil, err)
    assert.matches("the server has left out output before offset 4", err.message, 1, true)
    assert.are.same({ "ab", "none 0" }, { text, offsets })
    text, err, offsets = read_openings(nil, { { { 0, "ab" }, { 4, "\226\130\172e" }, { 6, "f" } } })
    assert.are.same({ "ab\226\130\172ef", nil, "none" }, { text, err, offsets })
  end)

  it("of output does not miss what came without an offset, as the first chunk may", function()
    for _, events in ipairs {
      { { false, "ab" }, { 2, "cde" }, { 5, "f" } },
      { { false, "ab" }, { 5, "cde" }, { 6, "f" } },
      { { 0, "ab" }, { false, "cd" }, { 4, "ef" } },
      { { 0, "ab" }, { 2, "c" }, { false, "de" }, { 5, "f" } },
      { { 2, "ab" }, { 3, "c" }, { false, "de" }, { 6, "f" } },
      { { 0, "ab" }, { false, "c" }, { false, "d" }, { 4, "ef" } },
    } do
      assert.are.same({ "abcdef", nil, "none" }, { read_openings(nil, { events }) })
    end
  end)

  it("of output leaves out what a server sends twice over one connection", function()
    for _, openings in ipairs {
      { { { 0, "ab" }, { 0, "ab" }, { 2, "cdef" } } },
      { { { 0, "ab" }, { 2, "cd" }, { 0, "ab" }, { 2, "cd" }, { 4, "ef" } } },
      { { { 0, "abcd" }, { 2, "cdef" } } },
      { { { 2, "ab" }, { 4, "cd" }, { 2, "ab" }, { 4, "cd" }, { 6, "ef" } } },
      { { { 2, "ab" }, { 5, "bcde" }, { 6, "f" } } },
      { { { 2, "ab" }, { 4, "cd" }, { 6, "abcdef" } } },
    } do
      assert.are.same({ "abcdef", nil, "none" }, { read_openings(nil, openings) })
    end
    local _, err = read_openings(nil, { { { 0, "ab" }, { 0, "xx" } } })
    expect.failure("decode", "SHAPE", nil, err)
  end)

  it("of output whose command still runs is opened again, though it has ended well", function()
    local running = expect.success(devbox:exec_async "echo one; sleep 0.3; echo two")
    server:fault { path = "/stream_stdout_updates$", cut_events = 1, by = "end" }
    assert.are.equal("one\ntwo\n", joined(read(running:stream_stdout())))
    assert.is_true(opened() >= 2)
  end)

  it("of an axon goes on behind the last event, whatever it ends with #slow", function()
    server:axon_events(axon.id, 50, { payload = "n#" })
    for _, row in ipairs(BREAKS) do
      local fault = { path = "/subscribe/sse$" }
      for name, value in pairs(row[2]) do fault[name] = value end
      server:clear_faults()
      server:clear_log()
      server:fault(fault)
      local stream = axon:subscribe(nil, { idle_timeout = 1 })
      local events = read(stream, 50)
      for i = 1, 50 do assert.are.equal(i, events[i].sequence) end
      local log = server:log { path = "/subscribe/sse$" }
      assert.are.equal(2, #log)
      local had = row[2].cut_events
      assert.are.equal(had and tostring(had), log[2].query.after_sequence)
      stream:close()
    end
    local stream = client.axons:subscribe_sse(axon, { after_sequence = 48 })
    assert.are.equal(49, stream:next().sequence)
    stream:close()
  end)

  it("of an axon goes on behind a number that no float holds", function()
    if not portable.integers then return pending "this Lua has no such numbers" end
    local raw = support.raw {
      { { read = "request" }, SSE .. event '{"sequence":9007199254740995}' },
      { { read = "request" }, SSE .. event '{"sequence":"9007199254740997"}' },
      { { read = "request" }, SSE .. event '{"sequence":9007199254740998}' },
    }
    local own = raw:client()
    assert.are.equal(3, #read(own.axons:subscribe_sse("a"), 3))
    assert.matches("after_sequence=9007199254740995 ", raw:log()[2].requests[1], 1, true)
    assert.matches("after_sequence=9007199254740997 ", raw:log()[3].requests[1], 1, true)
    own:close()
    raw:stop()
  end)

  it("of an axon leaves out what a server sends again", function()
    server:axon_events(axon.id, 50, { payload = "n#" })
    server:fault({ path = "/subscribe/sse$", cut_events = 20 }, { path = "/subscribe/sse$", replay = 15 })
    local stream = axon:subscribe()
    local events = read(stream, 50)
    for i = 1, 50 do assert.are.equal(i, events[i].sequence) end
    stream:close()
  end)

  it("is never opened twice within a tenth of a second where nothing has failed #slow", function()
    server:fault { path = "/subscribe/sse$", times = 4, error_event = { code = 408, message = "idle" } }
    server:axon_events(axon.id, 1)
    local began = core.now()
    local stream = axon:subscribe()
    assert.are.equal(1, stream:next().sequence)
    assert.is_true(core.now() - began >= 0.4)
    stream:close()
  end)

  it("fails when breaks follow each other without an event between them", function()
    local own = server:client { max_retries = 2 }
    server:axon_events(axon.id, 50)
    server:fault { path = "/subscribe/sse$", times = 10, cut_events = 3 }
    local stream = own.axons:subscribe_sse(axon)
    assert.are.equal(30, #read(stream, 30))
    server:clear_faults()
    server:fault { path = "/subscribe/sse$", times = 10, cut_events = 0 }
    stream = own.axons:subscribe_sse(axon)
    local err = expect.failure("connection", nil, stream:next())
    assert.are.equal(3, err.attempts)
    own:close()
  end)

  it("of evictions tells of each once, though every opening tells of all", function()
    server:evict(devbox.id, 60)
    server:fault { path = "/evictions/watch$", cut_events = 1 }
    local stream = client.devboxes:watch_evictions()
    assert.are.equal(devbox.id, stream:next().devbox_id)
    local other = expect.success(client.devboxes:create_and_await_running({}, { interval = 0 }))
    server:evict(other.id, 60)
    assert.are.equal(other.id, stream:next().devbox_id)
    assert.are.equal("text/event-stream", server:log({ path = "/evictions/watch$" })[1].header.accept)
    stream:close()
  end)

  it("fails with what an error event says", function()
    for _, row in ipairs {
      { { code = 500, message = "boo" }, 500, "internal_server", "boo" },
      { { code = "403", message = "no" }, 403, "permission_denied", "no" },
      { { code = "leader_changed", message = "moved" }, nil, "leader_changed", "moved" },
      { { message = "what" }, nil, "error", "what" },
    } do
      server:fault { path = "/stream_stdout_updates$", cut_events = 2, error_event = row[1] }
      local events, err = read(execution:stream_stdout())
      expect.failure("api", row[3], nil, err)
      assert.are.equal(2, #events)
      assert.are.same({ row[2], row[4] }, { err.status, err.message })
    end
    server:fault { path = "/stream_stdout_updates$", insert = "event: error\ndata: not JSON\n\n", at_event = 1 }
    local _, err = read(execution:stream_stdout())
    expect.failure("api", "error", nil, err)
    assert.matches("not JSON", err.message, 1, true)
  end)

  it("is no stream when it is no stream, and holds objects alone", function()
    for _, fault in ipairs {
      { set_headers = { ["Content-Type"] = "text/plain" } },
      { status = 200, body = "" },
      { status = 200, json = {} },
      { insert = "data: 1\n\n", at_event = 0 },
      { insert = "data: []\n\n", at_event = 0 },
      { insert = "data: {}\n\n", at_event = 0 },
      { insert = 'data: {"output":1,"offset":0}\n\n', at_event = 0 },
      { insert = 'data: {"output":"x","offset":"y"}\n\n', at_event = 0 },
    } do
      fault.path = "/stream_stdout_updates$"
      server:fault(fault)
      expect.failure("decode", "SHAPE", execution:stream_stdout():next())
    end
    server:fault { path = "/stream_stdout_updates$", insert = "data: {\n\n", at_event = 0 }
    expect.failure("decode", "JSON", execution:stream_stdout():next())
    server:fault { path = "/stream_stdout_updates$", endless_line = true }
    local own = server:client { max_body_bytes = 100000 }
    expect.failure("limit", "BODY_TOO_LARGE", own.devboxes.executions:stream_stdout_updates(execution):next())
    own:close()
    server:fault { path = "/stream_stdout_updates$", status = 404, json = { message = "gone" } }
    expect.failure("api", "not_found", execution:stream_stdout():next())
  end)

  it("passes over frames without data, comments and any line's end", function()
    for _, newline in ipairs { "\r", "\r\n", "mixed" } do
      server:fault {
        path = "/stream_stdout_updates$", newline = newline, at_event = 2,
        insert = ": hello\n\nevent: ping\n\ndata:\n\nevent: error\ndata\n\nid: 7\n\n",
      }
      assert.are.equal(OUTPUT, joined(read(execution:stream_stdout())))
    end
  end)

  it("raises in a for what next returns, and says where", function()
    server:fault { path = "/stream_stdout_updates$", status = 404, json = { message = "gone" } }
    local ok, err = pcall(function()
      for _ in execution:stream_stdout() do error "an event" end
    end)
    assert.is_false(ok)
    assert.are.equal("not_found", err.code)
    assert.matches("streams_spec.lua:%d+", err.where)
  end)

  it("is not read while nobody takes its events #slow", function()
    server:set { commands = { flood = { stdout = { text = ("x"):rep(1000), times = 100000 } } } }
    local flood = expect.success(client.devboxes:execute(devbox, { command = "flood", optimistic_timeout = 25 }))
    server:set { chunk_bytes = 10000 }
    local stream = flood:stream_stdout()
    stream:next()
    local before = client:stats().bytes_received
    for _ = 1, 20 do client:poll(0.01) end
    assert.is_true(client:stats().bytes_received - before < 4000000)
    local size = 0
    for item in stream, nil, nil, stream do size = size + #item.output end
    assert.is_true(size > 99000000)
  end)

  it("has its deadline, of which the time between events is no part", function()
    server:set { commands = { long = { stdout = "x", seconds = 60 } } }
    local long = expect.success(devbox:exec_async "long")
    local stream = long:stream_stdout(nil, { deadline = 1 })
    assert.are.equal("x", stream:next().output)
    expect.failure("timeout", "DEADLINE", stream:next())
  end)
end)

-- Numbers that depend on the seed alone.
local function generator(seed)
  local state = seed * 48271 % 2147483647
  return function(n)
    state = state * 16807 % 2147483647
    return state % n + 1
  end
end

local RUNS = portable.tointeger(tonumber(os.getenv "RUNLOOP_RANDOM_RUNS" or 1000))
local PER_SPEC = 50

describe("Streams that are cut at random places, #slow", function()
  local server, client, devbox, axon

  setup(function()
    server = support.start { scenarios = 1, provisioning_polls = 0 }
    server:set { commands = { big = { stdout = OUTPUT } } }
    client = server:client { max_retry_wait = 0.001, max_retries = 8 }
    devbox = expect.success(client.devboxes:create_and_await_running({}, { interval = 0 }))
    axon = expect.success(client.axons:create { name = "a" })
    server:axon_events(axon.id, 100)
  end)
  teardown(function()
    client:close()
    server:stop()
  end)

  local function faults_of(random, path)
    local faults = {}
    for i = 1, random(6) do
      local fault = { path = path, by = random(2) == 1 and "close" or "reset" }
      if random(3) > 1 then fault.cut, fault.within = "random", 6000 else fault.cut_events = random(20) - 1 end
      if random(3) == 1 then fault.replay = random(300) end
      if random(4) == 1 then fault.newline = random(2) == 1 and "\r\n" or "mixed" end
      if random(4) == 1 then fault.trickle = { bytes = random(2000), every = 0 } end
      if random(4) == 1 then fault.twice_event = random(20) end
      if random(8) == 1 then fault = { path = path, status = 503 } end
      faults[i] = fault
    end
    return faults
  end

  local function output_run(random)
    server:set { chunk_bytes = random(500), chunk_offset = random(2) == 1 and "start" or "end" }
    local execution = expect.success(client.devboxes:execute(devbox, { command = "big" }))
    local faults = faults_of(random, "/stream_stdout_updates$")
    -- Without its first chunk a stream cannot know that one is missing; and twice from the same place is an error.
    if random(3) == 1 then faults[1].skip_event = 1 + random(20) end
    server:fault(portable.unpack(faults))
    local events, err = read(execution:stream_stdout())
    if err then error(err, 0) end
    if joined(events) ~= OUTPUT then error "the output is not what the command wrote" end
  end

  local function axon_run(random)
    server:fault(portable.unpack(faults_of(random, "/subscribe/sse$")))
    local stream = axon:subscribe()
    local events, err = read(stream, 100)
    stream:close()
    if err then error(err, 0) end
    for i = 1, 100 do
      if events[i].sequence ~= i then error(("event %d has the sequence %s"):format(i, events[i].sequence)) end
    end
  end

  for first = 1, RUNS, PER_SPEC do
    it(("give each event once (seeds %d to %d)"):format(first, math.min(first + PER_SPEC - 1, RUNS)), function()
      for seed = first, math.min(first + PER_SPEC - 1, RUNS) do
        local random = generator(seed)
        local run = random(2) == 1 and output_run or axon_run
        local work = random(3) == 1 and function(...) return client:spawn(run, ...):wait() end or run
        local ok, err = pcall(work, random)
        server:clear_faults()
        assert.is_true(ok, ("seed %d: %s"):format(seed, tostring(err)))
      end
    end)
  end
end)
