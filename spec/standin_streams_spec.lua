-- The stand-in's streams of events, and the faults that they can be given.
local ask = require "spec.support.ask"
local socket = require "socket"
local support = require "spec.support"

local json = support.json

describe("a stream of the stand-in #slow", function()
  local server, api, box, lines
  lazy_setup(function()
    server = support.start { scenarios = 1 }
    api = ask.new(server)
  end)
  lazy_teardown(function() server:stop() end)

  -- A finished command whose output is "line 1\n" to "line 5\n", a chunk each.
  before_each(function()
    server:reset()
    server:set { chunk_bytes = 7, commands = { lines = { stdout = "line 1\nline 2\nline 3\nline 4\nline 5\n" } } }
    box = api:devbox()
    lines = box .. "/executions/" .. api:exec(box, "lines").execution_id .. "/stream_stdout_updates"
  end)

  local function open(path)
    local connection = assert(socket.connect("127.0.0.1", server.port))
    connection:settimeout(10)
    connection:send(("GET %s HTTP/1.1\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n"
      .. "Connection: close\r\n\r\n"):format(path, server.token))
    return connection
  end

  -- What comes over a new connection until it ends, and how it ended; the body without its chunks.
  local function raw(path)
    local connection = open(path)
    local data, err, partial = connection:receive "*a"
    local how = data and "closed" or err
    if how == "closed" and not connection:send "x" then how = "reset" end
    connection:close()
    local head, body = (data or partial):match "^(.-\r\n\r\n)(.*)$"
    local text, whole = {}, body:sub(-5) == "0\r\n\r\n"
    local at = 1
    while true do
      local size, first = body:match("^(%x+)\r\n()", at)
      if not size or size == "0" then break end
      text[#text + 1] = body:sub(first, first + tonumber(size, 16) - 1)
      at = first + tonumber(size, 16) + 2
    end
    return { head = head, body = table.concat(text), how = how, whole = whole }
  end

  local function frame(i)
    return ('data: {"output":"line %d\\n","offset":%d}\n\n'):format(i, 7 * (i - 1))
  end

  local function frames(first, last)
    local list = {}
    for i = first, last do list[#list + 1] = frame(i) end
    return table.concat(list)
  end

  it("has all events and a whole end, from the beginning or from an offset", function()
    local answer = raw(lines)
    assert.is_truthy(answer.head:find "200 OK\r\n.*Content%-Type: text/event%-stream\r\n")
    assert.are.same({ frames(1, 5), true }, { answer.body, answer.whole })
    assert.are.equal(frames(3, 5), raw(lines .. "?offset=14").body)
    assert.are.equal("", raw(lines .. "?offset=35").body)
    for _, bad in ipairs { "-1", "x", "1.5" } do
      assert.are.equal(400, api:status("GET", lines .. "?offset=" .. bad))
    end
  end)

  it("has whole characters in its events, however small or large they are", function()
    for size, times in pairs { [1] = 3, [3] = 3, [65536] = 60000 } do
      server:set { chunk_bytes = size, commands = { x = { stdout = { text = "aé€😀", times = times } } } }
      local id, parts, offset = api:exec(box, "x").execution_id, {}, 0
      for i, event in ipairs(api:events(box .. "/executions/" .. id .. "/stream_stdout_updates")) do
        parts[i] = event.data.output -- whose decoder refuses half a character
        assert.are.equal(offset, event.data.offset)
        offset = offset + #parts[i]
      end
      assert.is_true(table.concat(parts) == ("aé€😀"):rep(times), size)
    end
  end)

  it("ends when its devbox does, which takes the output with it", function()
    if not pcall(require, "luv") then return pending "lua-luv is not installed" end
    local id = api:exec(box, "echo out").execution_id
    api:post(box .. "/shutdown")
    for _ = 1, 2000 do
      local events = api:events(box .. "/executions/" .. id .. "/stream_stdout_updates")
      if #events == 0 then return end
      assert.are.equal("out\n", events[1].data.output)
      support.sleep(0.002)
    end
    error("the output is still there")
  end)

  it("says the chunks' ends, or nothing, where it is set to", function()
    server:set { chunk_offset = "end" }
    assert.are.equal(7, api:events(lines)[1].data.offset)
    server:set { chunk_offset = "none" }
    assert.is_nil(api:events(lines)[1].data.offset)
  end)

  it("leaves its connection to the next request", function()
    local connection = assert(socket.connect("127.0.0.1", server.port))
    connection:settimeout(10)
    local request = ("GET %s HTTP/1.1\r\nAuthorization: Bearer %s\r\n\r\n"):format(lines, server.token)
    connection:send(request)
    local text = ""
    repeat text = text .. assert(connection:receive(1)) until text:sub(-5) == "0\r\n\r\n"
    connection:send(request:gsub("/v1%S*", "/v1/accounts/me"))
    assert.are.equal("HTTP/1.1 200 OK", connection:receive "*l")
    connection:close()
  end)

  it("ends with a 408 event when there is nothing to say for too long", function()
    server:set { stream_idle = 0.02, commands = { slow = { stdout = "", seconds = 60 } } }
    local slow = box .. "/executions/" .. api:post(box .. "/execute_async", { command = "slow" }).execution_id
    local events = api:events(slow .. "/stream_stderr_updates")
    assert.are.same({ 1, "error", "408" }, { #events, events[1].event, events[1].data.code })
  end)

  it("notices that its client has gone", function()
    server:set { commands = { slow = { stdout = "", seconds = 60 } } }
    local slow = box .. "/executions/" .. api:post(box .. "/execute_async", { command = "slow" }).execution_id
    local connection = assert(socket.connect("127.0.0.1", server.port))
    connection:settimeout(10)
    connection:send(("GET %s/stream_stdout_updates HTTP/1.1\r\nAuthorization: Bearer %s\r\n\r\n"):format(slow, server.token))
    assert.are.equal("HTTP/1.1 200 OK", connection:receive "*l")
    local connected = server:stats().open
    connection:close()
    for _ = 1, 1000 do
      if server:stats().open < connected then return end
      support.sleep(0.002)
    end
    error("the connection is still open")
  end)

  describe("under a fault", function()
    local function faulty(fault, path)
      server:fault(fault)
      local answer = raw(path or lines)
      assert.are.equal(0, server:faults_left())
      return answer
    end

    it("is cut between events, by a close or a reset, or ends as if it were whole", function()
      local cut = faulty { cut_events = 2 }
      assert.are.same({ frames(1, 2), "closed", false }, { cut.body, cut.how, cut.whole })
      cut = faulty { cut_events = 2, by = "reset" }
      assert.are.same({ frames(1, 2), "reset", false }, { cut.body, cut.how, cut.whole })
      cut = faulty { cut_events = 2, by = "end" }
      assert.are.same({ frames(1, 2), "closed", true }, { cut.body, cut.how, cut.whole })
      assert.are.equal("", faulty { cut_events = 0 }.body)
    end)

    it("falls silent after some events, or from its beginning on", function()
      for events = 0, 2 do
        server:fault { cut_events = events, by = "stall" }
        local connection = open(lines)
        repeat until assert(connection:receive "*l") == ""
        for i = 1, events do
          local chunk = ("%x\r\n%s\r\n"):format(#frame(i), frame(i))
          assert.are.equal(chunk, connection:receive(#chunk))
        end
        connection:settimeout(0.05)
        assert.are.same({ nil, "timeout" }, { (connection:receive(1)), (select(2, connection:receive(1))) })
        connection:close()
      end
    end)

    it("is cut in an event, or after so many bytes", function()
      local cut = faulty { cut_events = 2, cut_extra = 9 }
      assert.are.same({ frames(1, 2) .. frame(3):sub(1, 9), false }, { cut.body, cut.whole })
      assert.are.equal(frames(1, 5):sub(1, 50), faulty { cut = 50 }.body)
      assert.are.equal("", faulty { cut = 0 }.body)
      local random = faulty { cut = "random", within = 100 }.body
      assert.is_true(#random < 100)
      assert.are.equal(frames(1, 5):sub(1, #random), random)
    end)

    it("gets an error event, of the API's or any other", function()
      local answer = faulty { error_event = { code = 408, message = "idle" }, cut_events = 1 }
      assert.are.same({ frame(1) .. 'event: error\ndata: {"code":408,"message":"idle"}\n\n', true },
        { answer.body, answer.whole })
      assert.are.equal('event: error\ndata: {"code":"x"}\n\n', faulty { error_event = { code = "x" } }.body)
    end)

    it("gets other bytes between its events", function()
      local answer = faulty { insert = ": ping\n\nevent: ping\n\n", at_event = 3 }
      assert.are.equal(frames(1, 3) .. ": ping\n\nevent: ping\n\n" .. frames(4, 5), answer.body)
      assert.are.equal("\u{FEFF}" .. frames(1, 5), faulty { insert = "\u{FEFF}" }.body)
    end)

    it("has lines of other ends", function()
      assert.are.equal((frames(1, 5):gsub("\n", "\r\n")), faulty { newline = "\r\n" }.body)
      assert.are.equal((frames(1, 5):gsub("\n", "\r")), faulty { newline = "\r" }.body)
      local mixed = faulty { newline = "mixed" }.body
      assert.are.equal(frames(1, 5), (mixed:gsub("\r\n?", "\n")))
      assert.is_truthy(mixed:find "\r\n" and mixed:find "\r[^\n]" and mixed:find "[^\r]\n")
    end)

    it("has a line without end", function()
      server:fault { endless_line = true, cut_events = 1 }
      local connection = assert(socket.connect("127.0.0.1", server.port))
      connection:settimeout(10)
      connection:send(("GET %s HTTP/1.1\r\nAuthorization: Bearer %s\r\n\r\n"):format(lines, server.token))
      local text = assert(connection:receive(1000000))
      connection:close()
      assert.is_truthy(text:find(frame(1), 1, true))
      assert.is_nil(text:sub(-900000):find "\n\n")
    end)

    it("goes back before the place that it was asked for", function()
      assert.are.equal(frames(2, 5), faulty({ replay = 7 }, lines .. "?offset=14").body)
      assert.are.equal(frames(1, 5), faulty({ replay = 99 }, lines .. "?offset=14").body)
      assert.are.equal("14", server:last().query.offset)
    end)

    it("has another type, or other framing", function()
      local answer = faulty { set_headers = { ["Content-Type"] = "application/json" } }
      assert.is_truthy(answer.head:find "Content%-Type: application/json\r\n")
      assert.is_nil(faulty { framing = "close" }.head:find "chunked")
      assert.are.equal(frames(1, 5), faulty { trickle = { bytes = 3, every = 0 } }.body)
      assert.is_truthy(faulty { status = 404 }.head:find "^HTTP/1.1 404")
    end)
  end)
end)

describe("the stand-in's axons #slow", function()
  local server, api, axon
  lazy_setup(function()
    server = support.start { scenarios = 1 }
    api = ask.new(server)
  end)
  lazy_teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    axon = "/v1/axons/" .. api:post("/v1/axons", { name = "bus" }).id
  end)

  local function publish(payload)
    return api:post(axon .. "/publish", { event_type = "e", origin = "USER_EVENT", payload = payload, source = "s" })
  end

  it("keep events with sequences, newest first", function()
    for i = 1, 5 do assert.are.equal(i, publish("p" .. i).sequence) end
    local page = api:get(axon .. "/events?limit=2")
    assert.are.same({ 5, 4, true, 5 },
      { page.events[1].sequence, page.events[2].sequence, page.has_more, page.total_count })
    page = api:get(axon .. "/events?limit=3&starting_after=3")
    assert.are.same({ 2, "p2", false }, { page.events[1].sequence, page.events[1].payload, page.has_more })
  end)

  it("refuse what is no event", function()
    assert.are.equal(400, api:status("POST", axon .. "/publish", { event_type = "e", origin = "USER_EVENT", payload = "p" }))
    assert.are.equal(400, api:status("POST", axon .. "/publish",
      { event_type = "e", origin = "SYSTEM_EVENT", payload = "p", source = "s" }))
  end)

  it("replay and follow", function()
    server:set { stream_idle = 0.02 }
    for i = 1, 3 do publish("p" .. i) end
    local events = api:events(axon .. "/subscribe/sse?after_sequence=1")
    assert.are.same({ 2, 3, "error" }, { events[1].data.sequence, events[2].data.sequence, events[3].event })
    server:set { stream_idle = 10 }
    local connection = assert(socket.connect("127.0.0.1", server.port))
    connection:settimeout(10)
    connection:send(("GET %s/subscribe/sse?after_sequence=3 HTTP/1.1\r\nAuthorization: Bearer %s\r\n\r\n")
      :format(axon, server.token))
    repeat until assert(connection:receive "*l") == ""
    publish "new"
    connection:receive "*l"
    assert.are.equal(4, json.decode(assert(connection:receive "*l"):match "data: (.*)").sequence)
    connection:close()
    server:axon_events(axon:match "[^/]+$", 100, { payload = "n#" })
    assert.are.equal("n104", api:get(axon .. "/events?limit=1").events[1].payload)
  end)

  it("are asked with SQL, or say that there is none", function()
    publish "it's"
    local answer, status = api:post(axon .. "/sql/query", {
      sql = "SELECT sequence, payload, ? AS given, '?' AS mark FROM rl_axon_events WHERE payload = ?",
      params = json.array { json.null, "it's" },
    })
    if not pcall(require, "luasql.sqlite3") then return assert.are.equal(501, status) end
    assert.are.same({ 1, "it's", json.null, "?" }, answer.rows[1])
    assert.are.same({ "sequence", "INTEGER" }, { answer.columns[1].name, answer.columns[1].type })
    assert.are.equal(400, api:status("POST", axon .. "/sql/query", { sql = "SELECT nothing" }))
    local batch = api:post(axon .. "/sql/batch", { statements = {
      { sql = "CREATE TABLE t (a)" }, { sql = "INSERT INTO t VALUES (?)", params = json.array { 1.5 } }, { sql = "nonsense" },
    } })
    assert.are.equal(1, batch.results[2].success.meta.changes)
    assert.are.equal("string", type(batch.results[3].error.message))
    assert.are.equal(400, api:status("POST", axon .. "/sql/query", { sql = "SELECT * FROM t" }))
  end)

  it("are deleted, listed and changed", function()
    api:post("/v1/axons", { name = "bust", metadata = { env = "prod" } })
    assert.are.equal(2, #api:get("/v1/axons?name=bu").axons)
    assert.are.equal(1, #api:get("/v1/axons?metadata%5Benv%5D%5Bin%5D=test,prod").axons)
    assert.are.same({ a = "b" }, api:post(axon, { metadata = { a = "b" } }).metadata)
    assert.are.same({ a = "b" }, api:post(axon, {}).metadata)
    assert.are.same({}, api:post(axon, { metadata = {} }).metadata)
    assert.are.equal(200, api:status("DELETE", axon))
    assert.are.equal(404, api:status("GET", axon))
    assert.are.equal(1, #api:get("/v1/axons").axons)
  end)
end)

describe("the stand-in's evictions #slow", function()
  it("are told as a snapshot and as they come, to who accepts events", function()
    local server = support.start { scenarios = 1, stream_idle = 0.02, suspending_polls = 0 }
    local api = ask.new(server)
    local _, status, headers, text = api:get "/v1/devboxes/evictions/watch"
    assert.are.same({ 200, "text/plain", "" }, { status, headers["content-type"], text })
    local box, view = api:devbox()
    local deadline = server:evict(view.id, 600)
    local events = api:events "/v1/devboxes/evictions/watch"
    assert.are.same({ devbox_id = view.id, eviction_deadline_ms = deadline }, events[1].data)
    assert.are.equal("error", events[2].event)
    server:set { stream_idle = 10 }
    local connection = assert(socket.connect("127.0.0.1", server.port))
    connection:settimeout(10)
    connection:send(("GET /v1/devboxes/evictions/watch HTTP/1.1\r\nAuthorization: Bearer %s\r\n"
      .. "Accept: text/event-stream\r\n\r\n"):format(server.token))
    repeat until assert(connection:receive "*l") == ""
    local _, other = api:devbox()
    server:evict(other.id, 0.05)
    repeat local line = assert(connection:receive "*l") until line:find(other.id, 1, true)
    connection:close()
    repeat local now = api:get("/v1/devboxes/" .. other.id).status until now == "suspended"
    server:set { stream_idle = 0.02 }
    api:post(box .. "/shutdown")
    assert.are.equal("error", api:events "/v1/devboxes/evictions/watch"[1].event)
    server:stop()
  end)
end)
