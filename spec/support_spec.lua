-- The servers the other specs lean on: what they claim to do, checked without the module under test.
local socket = require "socket"
local portable = require "spec.support.portable"

if not portable.bytes then
  describe("The servers' parts that deal in bits", function() pending "cannot run in this Lua" end)
  return
end

local hpack = require "spec.support.hpack"
local support = require "spec.support"

local json = support.json

-- Sends `text` over a new connection and gives all that comes back until it ends, and how it ended: "closed",
-- "reset" (of which LuaSocket says "closed" too, but it cannot send any more) or "timeout".
local function exchange(port, text, seconds)
  local connection = assert(socket.connect("127.0.0.1", port))
  connection:settimeout(seconds or 10)
  connection:send(text)
  local data, err, partial = connection:receive("*a")
  local how = data and "closed" or err
  if how == "closed" and not connection:send("x") then how = "reset" end
  connection:close()
  return data or partial, how
end

-- Whether the process is alive; it may take a moment to end.
local function ends(pid)
  for _ = 1, 1000 do
    if support.run("kill -0 " .. pid) ~= 0 then return true end
    support.sleep(0.005)
  end
  return false
end

describe("the stand-in #slow", function()
  local server
  setup(function() server = support.start { scenarios = 60, public = 5, runs = 14, scorers = 3 } end)
  teardown(function() server:stop() end)
  before_each(function() server:reset() end)

  local function get(path)
    local status, headers, body = server:request { path = path }
    return json.decode(body), status, headers, body
  end

  local function post(path, value, headers)
    local status, answered, body = server:request {
      method = "POST", path = path, body = value and json.encode(value), headers = headers,
    }
    return json.decode(body), status, answered, body
  end

  local function scenario(i) return server:ids "scenario"[i] end

  local function ids_of(list)
    local ids = {}
    for i, item in ipairs(list) do ids[i] = item.id end
    return ids
  end

  it("wants the token", function()
    local status, _, body = server:request { path = "/v1/scenarios", auth = false }
    assert.are.equal(401, status)
    assert.are.equal("string", type(json.decode(body).message))
  end)

  it("knows no other endpoints", function()
    assert.are.equal(404, (select(2, get "/v1/nothing")))
    assert.are.equal(404, (select(2, post("/v1/scenarios/list_public/archive/now"))))
  end)

  it("lists 20 at first, then after the cursor, all in order", function()
    local all, cursor, pages = {}, "", 0
    repeat
      local _, _, text = server:request { path = "/v1/scenarios?starting_after=" .. cursor }
      pages = pages + 1
      for id in text:gmatch '{"id":"(scn_%w+)"' do all[#all + 1] = id end
      cursor = all[#all]
      local has_more = text:match '%],"has_more":(%l+),"total_count":60}$'
      assert.are.equal(pages < 3 and "true" or "false", has_more)
    until has_more == "false"
    assert.are.equal(3, pages)
    assert.are.same(server:ids "scenario", all)
  end)

  it("takes a limit from 1 to 5000 and can leave out the count", function()
    local page = get "/v1/scenarios/runs?limit=14&include_total_count=false"
    assert.are.equal(14, #page.runs)
    assert.is_false(page.has_more)
    assert.is_nil(page.total_count)
    for _, limit in ipairs { "0", "5001", "-1", "x", "1.5" } do
      assert.are.equal(400, (select(2, get("/v1/scenarios?limit=" .. limit))), limit)
    end
    assert.are.equal(400, (select(2, get "/v1/scenarios?starting_after=nobody")))
  end)

  it("filters by name, search, benchmark and validation type", function()
    local function count(query) return get("/v1/scenarios?limit=1&" .. query).total_count end
    assert.are.equal(6, count "name=nightly")
    assert.are.equal(0, count "name=night")
    assert.are.equal(6, count "search=NIGHT")
    assert.are.equal(1, count("search=" .. scenario(7)))
    assert.are.equal(20, count "benchmark_id=bmd_alpha")
    assert.are.equal(12, count "validation_type=FORWARD")
    assert.are.equal(2, count "name=nightly&benchmark_id=bmd_alpha")
    local item = get("/v1/scenarios?limit=2&name=nightly").scenarios[2]
    assert.are.same({ scenario(11), "nightly" }, { item.id, item.name })
  end)

  it("has texts of every kind in valid JSON", function()
    local seen = {}
    for _, id in ipairs(server:ids "scenario") do
      local text = server:text("scenario", id)
      local value = assert(json.decode(text))
      assert.is_true(utf8.len(value.input_context.problem_statement) > 0)
      for _, mark in ipairs { "\\u0000", "\\\\n", '\\"', "\\t", "🚀", "9223372036854775807", ":[]", ":{}", "null", ":1.0" } do
        if text:find(mark, 1, true) then seen[mark] = true end
      end
      seen.future = seen.future or value.x_future_field
    end
    for _, mark in ipairs { "\\u0000", "\\\\n", '\\"', "\\t", "🚀", "9223372036854775807", ":[]", ":{}", "null", ":1.0" } do
      assert.is_true(seen[mark], mark)
    end
    assert.is_table(seen.future)
  end)

  it("gives the same data again", function()
    local before = server:text("scenario", scenario(9))
    local other = support.start { scenarios = 60 }
    assert.are.equal(before, other:text("scenario", other:ids "scenario"[9]))
    other:reset { scenarios = 10, seed = 2 }
    assert.are.equal(10, #other:ids "scenario")
    assert.is_nil(other:text("scenario", scenario(9)))
    other:stop()
  end)

  it("archives and brings back", function()
    local id = scenario(3)
    local view, status = post("/v1/scenarios/" .. id .. "/archive")
    assert.are.same({ 200, "archived" }, { status, view.status })
    assert.are.same({ id }, server:ids "archived")
    assert.are.equal(59, get("/v1/scenarios?limit=1").total_count)
    assert.are.equal("archived", get("/v1/scenarios/" .. id).status)
    assert.are.equal(400, (select(2, post("/v1/scenarios/" .. id, { name = "x" }))))
    assert.are.equal("active", post("/v1/scenarios/" .. id .. "/unarchive").status)
    assert.are.equal(60, #server:ids "scenario")
  end)

  it("goes on after a cursor that was archived meanwhile", function()
    local ids = server:ids "scenario"
    post("/v1/scenarios/" .. ids[20] .. "/archive")
    assert.are.equal(ids[21], get("/v1/scenarios?limit=1&starting_after=" .. ids[20]).scenarios[1].id)
  end)

  it("keeps public scenarios apart and unchanged", function()
    local public = server:ids "public"
    assert.are.same(public, ids_of(get("/v1/scenarios/list_public").scenarios))
    assert.is_true(get("/v1/scenarios/" .. public[1]).is_public)
    assert.are.equal(403, (select(2, post("/v1/scenarios/" .. public[1] .. "/archive"))))
    assert.are.equal(403, (select(2, post("/v1/scenarios/" .. public[1], { name = "x" }))))
    assert.are.equal(404, (select(2, post("/v1/scenarios/nobody/archive"))))
  end)

  it("keeps what a client creates as it was written", function()
    local context = '{"problem_statement":"x\\u00e9","additional_context":{"a":1.0,"b":[],"c":{},"d":9007199254740993,"e":null}}'
    local body = '{"name":"new","input_context":' .. context .. ',"scoring_contract":{"scoring_function_parameters":'
      .. '[{"name":"a","weight":1.0,"scorer":{"type":"command_scorer","command":"true"}}]},"metadata":{}}'
    local _, _, text = server:request { method = "POST", path = "/v1/scenarios", body = body }
    assert.is_true(text:find('"input_context":' .. context, 1, true) ~= nil)
    local view = json.decode(text)
    assert.are.same({ "new", "active", 1800 }, { view.name, view.status, view.scorer_timeout_sec })
    assert.are.equal(view.id, server:ids "scenario"[61])
  end)

  it("refuses a body that is not right", function()
    local function status_of(body, kind)
      return (server:request {
        method = "POST", path = "/v1/scenarios", body = body, headers = { ["Content-Type"] = kind },
      })
    end
    assert.are.equal(400, status_of "{")
    assert.are.equal(400, status_of "[]")
    assert.are.equal(400, status_of '{"nmae":"x"}')
    assert.are.equal(400, status_of '{"name":"x"}')
    assert.are.equal(415, status_of("{}", "text/plain"))
  end)

  it("updates the given fields and keeps the others", function()
    local id = scenario(2)
    local before = json.decode(server:text("scenario", id))
    local after = post("/v1/scenarios/" .. id, { name = "renamed", metadata = {}, reference_output = "" })
    assert.are.same({ "renamed", {}, json.null }, { after.name, after.metadata, after.reference_output })
    assert.are.same(before.input_context, after.input_context)
    assert.are.equal(400, (select(2, post("/v1/scenarios/" .. id, { name = " " }))))
    after = post("/v1/scenarios/" .. id, { metadata = json.null, input_context = { additional_context = "more" } })
    assert.are.same({}, after.metadata)
    assert.are.equal(before.input_context.problem_statement, after.input_context.problem_statement)
    assert.are.equal("more", after.input_context.additional_context)
  end)

  it("plays the life of a run", function()
    local run = post("/v1/scenarios/start_run", {
      scenario_id = scenario(1), run_name = "mine", runProfile = { envVars = { A = "b" }, purpose = "test" },
    })
    assert.are.same({ "running", "mine", "b" }, { run.state, run.name, run.environment_variables.A })
    local path, box = "/v1/scenarios/runs/" .. run.id, "/v1/devboxes/" .. run.devbox_id
    assert.are.equal("provisioning", get(box).status)
    assert.are.equal("running", get(box).status)
    assert.are.equal(400, (select(2, post(path .. "/complete"))))
    assert.are.equal("scoring", post(path .. "/score").state)
    assert.are.equal("scoring", get(path).state)
    assert.are.equal("scoring", get(path).state)
    run = get(path)
    assert.are.equal("scored", run.state)
    assert.are.equal(0.75, run.scoring_contract_result.score)
    assert.are.equal("main", run.scoring_contract_result.scoring_function_results[1].scoring_function_name)
    assert.are.equal("completed", post(path .. "/complete").state)
    assert.are.equal("shutdown", get(box).status)
    assert.are.equal(400, (select(2, post(path .. "/cancel"))))
  end)

  it("lets runs and devboxes fail, by looks or by the clock", function()
    server:set { scoring_seconds = 3600, scoring_outcome = "failed", devbox_outcome = "failure", provisioning_polls = 0 }
    local run = post("/v1/scenarios/start_run", { scenario_id = scenario(1) })
    assert.are.equal("failure", get("/v1/devboxes/" .. run.devbox_id).status)
    post("/v1/scenarios/runs/" .. run.id .. "/score")
    assert.are.equal("scoring", get("/v1/scenarios/runs/" .. run.id).state)
    server:advance(3600)
    assert.are.equal("failed", get("/v1/scenarios/runs/" .. run.id).state)
    server:set { start_state = "failed" }
    assert.are.equal("failed", post("/v1/scenarios/start_run", { scenario_id = scenario(1) }).state)
  end)

  it("holds wait_for_status, and answers 408 when its time is over", function()
    local run = post("/v1/scenarios/start_run", { scenario_id = scenario(1) })
    local path = "/v1/devboxes/" .. run.devbox_id .. "/wait_for_status"
    local _, status, headers = post(path, { statuses = { "running" }, timeout_seconds = 30 })
    assert.are.same({ 408, "true" }, { status, headers["x-should-retry"] })
    local view
    view, status = post(path, { statuses = { "running", "failure" } })
    assert.are.same({ 200, "running" }, { status, view.status })
    for _, body in ipairs {
      { statuses = {} }, { statuses = { "nonsense" } }, { statuses = { "running" }, timeout_seconds = 1.5 },
      { statuses = { "running" }, timeout_seconds = 31 },
    } do
      assert.are.equal(400, (select(2, post(path, body))))
    end
  end)

  it("answers a held wait_for_status as soon as the devbox is there", function()
    server:set { provisioning_seconds = 0.05, hold = 10 }
    local run = post("/v1/scenarios/start_run", { scenario_id = scenario(1) })
    local view, status = post("/v1/devboxes/" .. run.devbox_id .. "/wait_for_status", { statuses = { "running" } })
    assert.are.same({ 200, "running" }, { status, view.status })
  end)

  it("lists runs by scenario, benchmark run, name, state and search", function()
    assert.are.equal(14, get("/v1/scenarios/runs?limit=1").total_count)
    assert.are.equal(2, get("/v1/scenarios/runs?state=scored").total_count)
    assert.are.equal(3, get("/v1/scenarios/runs?benchmark_run_id=bmr_nightly").total_count)
    assert.are.equal(1, get("/v1/scenarios/runs?name=run%202").total_count)
    assert.are.equal(1, get("/v1/scenarios/runs?scenario_id=" .. scenario(2)).total_count)
    assert.are.equal(5, get("/v1/scenarios/runs?search=RUN+1").total_count)
  end)

  it("gives logs as a zip archive that unzips", function()
    server:set { logs_bytes = 3e6 }
    local id = server:ids "run"[1]
    local status, headers, body = server:request { method = "POST", path = "/v1/scenarios/runs/" .. id .. "/download_logs" }
    assert.are.same({ 200, "application/zip", tostring(#body) },
      { status, headers["content-type"], headers["content-length"] })
    assert.is_true(#body > 3e6)
    assert.are.equal("PK\5\6", body:sub(-22, -19))
    local entries, size, start = ("<I2I4I4"):unpack(body, #body - 11)
    assert.are.equal(#body - 22, start + size)
    assert.are.equal("PK\1\2", body:sub(start + 1, start + 4))
    local crc, length = ("<I4I4"):unpack(body, 15)
    local name_length = ("<I2"):unpack(body, 27)
    local first = body:sub(31 + name_length, 30 + name_length + length)
    assert.are.same({ "started\nscored\n", support.crc32(first) }, { first, crc })
    assert.is_true(entries > 3)
  end)

  it("creates, updates and lists scorers", function()
    local scorer = post("/v1/scenarios/scorers", { type = "mine", bash_script = "echo score=1.0" })
    assert.are.same(scorer, get("/v1/scenarios/scorers/" .. scorer.id))
    assert.are.equal(400, (select(2, post("/v1/scenarios/scorers", { type = "mine", bash_script = "x" }))))
    assert.are.equal("x", post("/v1/scenarios/scorers/" .. scorer.id, { bash_script = "x" }).bash_script)
    assert.are.same({ scorer.id }, ids_of(get("/v1/scenarios/scorers?search=MINE").scorers))
  end)

  it("logs what it was asked, byte for byte", function()
    exchange(server.port, "POST /v1/scenarios/a%2Fb/archive?x=1%202&y= HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nx-two: 2\r\n"
      .. "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
    local entry = server:last()
    assert.are.same({ 1, "POST", "/v1/scenarios/a%2Fb/archive?x=1%202&y=", "/v1/scenarios/a/b/archive", "abcde", 401 },
      { entry.n, entry.method, entry.target, entry.path, entry.body, entry.status })
    assert.are.same({ x = "1 2", y = "" }, entry.query)
    assert.are.same({ "X-Two", "1" }, entry.headers[2])
    assert.are.equal("2", entry.header["x-two"])
    get "/v1/scenarios/scorers"
    assert.are.equal(2, server:count())
    assert.are.equal(1, server:count { method = "GET", path = "scorers$" })
    assert.are.equal(1, #server:log { since = 1 })
    assert.are.equal(entry.connection + 1, server:last().connection)
    server:clear_log()
    assert.are.equal(0, server:count())
  end)

  it("forgets the oldest log entries when there are too many", function()
    local small = support.start { scenarios = 1, log_limit = 3 }
    for _ = 1, 5 do small:request { path = "/v1/accounts/me" } end
    local log = small:log()
    small:stop()
    assert.are.same({ 3, 3, 5 }, { #log, log[1].n, log[3].n })
  end)

  it("serves a hundred connections at once, one after another and in pipelines", function()
    local request = "GET /v1/accounts/me HTTP/1.1\r\nAuthorization: Bearer test-token\r\n\r\n"
    local connections = {}
    for i = 1, 100 do connections[i] = assert(socket.connect("127.0.0.1", server.port)) end
    for _, connection in ipairs(connections) do connection:send(request .. request) end
    for _, connection in ipairs(connections) do
      connection:settimeout(10)
      for _ = 1, 2 do
        assert.are.equal("HTTP/1.1 200 OK", connection:receive "*l")
        local length
        repeat
          local line = connection:receive "*l"
          length = line:match "^Content%-Length: (%d+)" or length
        until line == ""
        assert.are.equal("Ada", json.decode(connection:receive(tonumber(length))).name)
      end
    end
    assert.are.equal(100, server:stats().open)
    assert.are.equal(100, server:drop())
    assert.is_nil(connections[1]:receive(1))
    for _, connection in ipairs(connections) do connection:close() end
  end)

  it("can stop listening and start again", function()
    server:refuse(true)
    assert.is_nil((socket.connect("127.0.0.1", server.port)))
    server:refuse(false)
    assert.are.equal(200, (select(2, get "/v1/accounts/me")))
  end)

  it("asks for the body of a client that waits for it", function()
    local answer = exchange(server.port, "POST /v1/x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n"
      .. "Connection: close\r\n\r\nx")
    assert.is_truthy(answer:find("^HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 "))
  end)

  describe("under a fault", function()
    local REQUEST = "GET /v1/scenarios/scorers HTTP/1.1\r\nAuthorization: Bearer test-token\r\n\r\n"
    local CLOSING = REQUEST:gsub("\r\n\r\n", "\r\nConnection: close\r\n\r\n")

    -- The whole answer's bytes, head and body of a request under a fault; the fault must be used up.
    local function faulty(fault, text)
      server:fault(fault)
      local answer, err = exchange(server.port, text or CLOSING)
      assert.are.equal(0, server:faults_left())
      local head, body = answer:match("^(.-\r\n\r\n)(.*)$")
      return { answer = answer, err = err, head = head, body = body }
    end

    local good
    before_each(function() good = exchange(server.port, CLOSING):match("\r\n\r\n(.*)$") end)

    it("meets the requests that match, as often as said", function()
      server:fault({ status = 503, path = "/scorers$", skip = 1, times = 2 }, { status = 500, method = "DELETE" },
        { status = 418, path = "/scorers$", query = { limit = "7", search = false } })
      local function status(path) return (select(2, get(path))) end
      assert.are.equal(200, status "/v1/accounts/me")
      assert.are.equal(200, status "/v1/scenarios/scorers")
      assert.are.equal(503, status "/v1/scenarios/scorers")
      assert.are.equal(503, status "/v1/scenarios/scorers")
      assert.are.equal(200, status "/v1/scenarios/scorers")
      assert.are.equal(418, status "/v1/scenarios/scorers?limit=7")
      assert.are.same({ 3, 418 }, { server:last().fault, server:last().status })
      assert.are.equal(1, server:faults_left())
      server:clear_faults()
      assert.are.equal(0, server:faults_left())
    end)

    it("refuses a fault with a misspelt field", function()
      assert.has_error(function() server:fault { stauts = 500 } end, "a fault has no field stauts")
    end)

    it("answers by itself, without effect unless told", function()
      local id = scenario(1)
      server:fault { status = 503, headers = { ["Retry-After"] = "1" }, json = { message = "later" } }
      local value, status, headers = post("/v1/scenarios/" .. id .. "/archive")
      assert.are.same({ 503, "later", "1" }, { status, value.message, headers["retry-after"] })
      assert.are.equal(60, #server:ids "scenario")
      server:fault { reset = true, effect = true }
      assert.is_nil((server:request { method = "POST", path = "/v1/scenarios/" .. id .. "/archive" }))
      assert.are.equal(59, #server:ids "scenario")
      assert.is_nil(server:last().status)
    end)

    it("sends no answer", function()
      assert.are.equal("", faulty { close = true }.answer)
      local reset = faulty { reset = true }
      assert.are.same({ "", "reset" }, { reset.answer, reset.err })
      assert.are.equal("hello", faulty { raw = "hello" }.answer)
      assert.is_nil(faulty { garbage = true }.answer:find "^HTTP")
      assert.are.equal("{", faulty { http09 = true }.answer:sub(1, 1))
      server:fault { silent = true }
      assert.are.same({ "", "timeout" }, { exchange(server.port, REQUEST, 0.05) })
    end)

    it("never ends a head or a body", function()
      for _, name in ipairs { "endless_headers", "endless_body" } do
        server:fault { [name] = true }
        local connection = assert(socket.connect("127.0.0.1", server.port))
        connection:settimeout(10)
        connection:send(REQUEST)
        assert.are.equal(1000000, #assert(connection:receive(1000000)))
        connection:close()
      end
    end)

    it("breaks a body off", function()
      local cut = faulty { cut = 10 }
      assert.are.equal(good:sub(1, 10), cut.body)
      assert.is_truthy(cut.head:find("Content-Length: " .. #good, 1, true))
      assert.are.equal(good:sub(1, -4), faulty { cut = -3 }.body)
      local reset = faulty { cut = 10, by = "reset" }
      assert.are.same({ good:sub(1, 10), "reset" }, { reset.body, reset.err })
      local chunked = faulty { cut = 10, framing = "chunked" }
      assert.are.equal(("%x\r\n"):format(#good) .. good:sub(1, 10), chunked.body)
      assert.are.equal(good:sub(1, 10), faulty { cut = 10, framing = "close" }.body)
      server:fault { cut = 10, by = "stall" }
      assert.are.equal("timeout", (select(2, exchange(server.port, REQUEST, 0.05))))
    end)

    it("breaks a page off after an item", function()
      local body = faulty { cut_items = 2 }.body
      assert.are.equal(2, #json.elements(body:match("%[.*$") .. "]"))
      assert.are.equal(body .. ",{", faulty { cut_items = 2, cut_extra = 2 }.body)
    end)

    it("frames a body otherwise", function()
      assert.is_nil(faulty { framing = "close" }.head:find "Content%-Length")
      assert.are.equal(("%x\r\n%s\r\n0\r\n\r\n"):format(#good, good), faulty { framing = "chunked" }.body)
      assert.is_truthy(faulty { http_version = "1.0" }.head:find "^HTTP/1%.0 200")
      assert.is_truthy(faulty { length = 5 }.head:find "Content%-Length: 5\r\n")
      assert.are.equal(good, faulty { trickle = { bytes = 100, every = 0 } }.body)
      local interim = faulty { interim = { 100, 103 } }.answer
      assert.is_truthy(interim:find "^HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n.-\r\n\r\nHTTP/1.1 200")
    end)

    it("changes headers", function()
      local head = faulty { set_headers = { ["X-A"] = { "1", "2" }, ["content-type"] = false } }.head
      assert.is_truthy(head:find "X%-A: 1\r\nX%-A: 2\r\n")
      assert.is_nil(head:find "Content%-Type")
      assert.is_truthy(faulty { redirect = "http://127.0.0.1:1/" }.head:find "302 .*Location: http://127.0.0.1:1/\r\n")
      assert.is_truthy(faulty { echo_token = true }.body:find("Bearer test-token", 1, true))
      assert.is_truthy(faulty { html = true }.body:find "^<html>")
    end)

    it("changes the body", function()
      assert.are.equal("X" .. good:sub(2), faulty { flip = { at = 1, to = "X" } }.body)
      local short = faulty { truncate = 7 }
      assert.are.equal(good:sub(1, 7), short.body)
      assert.is_truthy(short.head:find "Content%-Length: 7\r\n")
      assert.are.equal("[]", faulty { lua = "local answer, request = ...; answer.body = '[]'" }.body)
    end)

    it("packs the body with gzip, rightly and wrongly", function()
      local packed = faulty { gzip = true }
      assert.is_truthy(packed.head:find "Content%-Encoding: gzip")
      assert.are.equal(support.gzip(good), packed.body)
      local function unzip(data)
        local path = support.tmpdir() .. "/x.gz"
        support.write_file(path, data)
        return support.run("gzip -dc " .. path .. " | head -c 2000000; exit ${PIPESTATUS[0]}")
      end
      assert.are.same({ 0, good }, { unzip(packed.body) , (select(2, unzip(packed.body))) })
      assert.are_not.equal(0, (unzip(faulty { gzip = "cut" }.body)))
      assert.are_not.equal(0, (unzip(faulty { gzip = "bad_crc" }.body)))
      assert.are_not.equal(0, (unzip(faulty { gzip = "garbage" }.body)))
      local code, text = unzip(faulty { gzip = "bomb", size = 1000000 }.body)
      assert.are.equal(0, code)
      assert.is_true(#text > 990000 and #text <= 1000000)
      assert.are.equal('"}', text:sub(-2))
    end)

    it("makes pages wrong", function()
      local path = "/v1/scenarios/scorers?limit=1&starting_after=" .. server:ids "scorer"[1]
      local function page(kind)
        server:fault { page = kind }
        local value, _, _, text = get(path)
        return value, text
      end
      assert.is_nil(page "no_has_more".has_more)
      assert.is_true(page "has_more".has_more)
      assert.are.equal(server:ids "scorer"[1], page "same_page".scorers[1].id)
      assert.is_nil(page "no_id".scorers[1].id)
      assert.are.equal("", page "empty_id".scorers[1].id)
      assert.is_nil(page "no_list".scorers)
      assert.are.equal(json.null, page "null_list".scorers)
      assert.is_nil(getmetatable(page "object_list".scorers))
      assert.are.equal(2, select(2, select(2, page "list_twice"):gsub('"scorers":', "")))
      local empty = page "empty_page"
      assert.are.same({ 0, true }, { #empty.scorers, empty.has_more })
      assert.are.equal(json.null, page "total_null".total_count)
      assert.are.equal(json.array_mt, getmetatable(page "array"))
    end)

    it("closes a connection that it promised to keep", function()
      for _, fault in ipairs { { close_after = true }, { close_after = "reset" } } do
        local answer = faulty(fault, REQUEST)
        assert.are.equal(good, answer.body)
        assert.is_nil(answer.head:find "Connection: close")
      end
    end)

    it("can leave a request unread", function()
      server:fault { unread = true, close = true }
      exchange(server.port, "POST /v1/x HTTP/1.1\r\nContent-Length: 100\r\n\r\n")
      assert.are.same({ 1, "" }, { server:count { method = "POST" }, server:last().body })
    end)

    it("gets chaos that is the same for the same seed", function()
      local function outcomes()
        server:reset()
        server:chaos { seed = 7, rate = 0.5, path = "scorers", faults = { { status = 503 }, { status = 500 } } }
        local list = {}
        for i = 1, 40 do list[i] = select(2, get "/v1/scenarios/scorers") end
        server:chaos(false)
        return list
      end
      local first = outcomes()
      assert.are.same(first, outcomes())
      local counts = {}
      for _, status in ipairs(first) do counts[status] = (counts[status] or 0) + 1 end
      assert.is_true(counts[200] > 5 and counts[503] > 2 and counts[500] > 2)
    end)
  end)
end)

describe("support.raw #slow", function()
  it("plays one script per connection, and the last one again", function()
    local raw = support.raw { "first", { { read = 3 }, "a", { send = "bc", times = 3, bytes = 1, every = 0 } } }
    assert.are.equal("first", exchange(raw.port, "GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"))
    assert.are.equal("abcbcbc", exchange(raw.port, "xyz"))
    assert.are.equal("abcbcbc", exchange(raw.port, "xyz"))
    local log = raw:log()
    assert.are.same({ 3, 1 }, { raw:connections(), raw:request_count() })
    assert.are.equal("GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", log[1].requests[1])
    assert.are.equal("xyz", log[3].received)
    raw:stop()
    raw:stop()
    assert.is_nil((socket.connect("127.0.0.1", raw.port)))
  end)

  it("answers every request, resets, or runs Lua", function()
    local raw = support.raw {
      { { serve = "ok;" } }, { { read = "request" }, { reset = true } },
      { { lua = "local c = ...; c:read_request(); c:send('from Lua')" } }, after = "close",
    }
    local request = "GET / HTTP/1.1\r\n\r\n"
    assert.are.equal("ok;ok;", (exchange(raw.port, request .. request, 1)))
    assert.are.equal("reset", (select(2, exchange(raw.port, request))))
    assert.are.equal("from Lua", exchange(raw.port, request))
    assert.are.equal("", (exchange(raw.port, "")))
    raw:stop()
  end)

  it("speaks TLS with the certificate that is asked for", function()
    local ssl = require "ssl"
    local raw = support.raw { { "hello", { close = "abrupt" } }, tls = { certificate = "localhost", alpn = { "http/1.1" } } }
    local connection = assert(socket.connect("127.0.0.1", raw.port))
    connection = assert(ssl.wrap(connection, {
      mode = "client", protocol = "any", verify = "peer", cafile = support.certificates().ca_file, alpn = { "http/1.1" },
    }))
    assert(connection:dohandshake())
    assert.are.equal("http/1.1", connection:getalpn())
    assert.are.equal("hello", connection:receive(5))
    connection:close()
    raw:stop()
  end)

  it("goes on when TLS clients go without a goodbye", function()
    local raw = support.raw { { { serve = "x" } }, tls = "localhost" }
    local code, _, err = support.lua(([[
      local socket, ssl = require "socket", require "ssl"
      local connections = {}
      for i = 1, 50 do
        local tcp = assert(socket.connect("127.0.0.1", %d))
        local connection = assert(ssl.wrap(tcp, { mode = "client", protocol = "any", verify = "none" }))
        assert(connection:dohandshake())
        connection:send(("GET / HTTP/1.1\r\n\r\n"):rep(i))
        connections[i] = connection
      end
      os.exit(0, false)
    ]]):format(raw.port), { preload = false })
    assert.are.same({ 0, "" }, { code, err })
    assert.are.equal(50, raw:connections())
    raw:stop()
  end)
end)

describe("support.certificates #slow", function()
  it("has good ones and bad ones", function()
    local certificates = support.certificates()
    local function verify(name)
      return (support.run { "openssl", "verify", "-verify_hostname", "localhost", "-CAfile", certificates.ca_file,
        certificates[name].certificate })
    end
    assert.are.equal(0, verify "localhost")
    for _, name in ipairs { "expired", "wrong_host", "self_signed", "unknown_ca" } do
      assert.are_not.equal(0, verify(name), name)
    end
  end)
end)

describe("the HPACK decoder", function()
  local function bytes(hex) return (hex:gsub("%s", ""):gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)) end

  -- RFC 7541, C.4: three requests with Huffman coding on one connection.
  it("reads the examples of its standard", function()
    local decode = hpack.decoder()
    assert.are.same({ { ":method", "GET" }, { ":scheme", "http" }, { ":path", "/" }, { ":authority", "www.example.com" } },
      decode(bytes "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"))
    assert.are.same({ "cache-control", "no-cache" }, decode(bytes "8286 84be 5886 a8eb 1064 9cbf")[5])
    local third = decode(bytes "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")
    assert.are.same({ { ":authority", "www.example.com" }, { "custom-key", "custom-value" } }, { third[4], third[5] })
  end)

  it("reads what the encoder writes", function()
    local headers = { { ":status", "200" }, { "x-long", ("y"):rep(1000) }, { "empty", "" } }
    assert.are.same(headers, hpack.decoder()(hpack.encode(headers)))
  end)

  it("refuses nonsense", function()
    for _, hex in ipairs { "ff00", "bf", "0085", "418cf1", "418201" } do
      assert.is_false((pcall(hpack.decoder(), bytes(hex))), hex)
    end
  end)
end)

describe("support.h2 #slow", function()
  local ssl = require "ssl"
  local peer, connection
  after_each(function()
    if connection then connection:close() end
    peer:stop()
  end)

  local function frame(kind, flags, stream, payload)
    return (">I3BBI4"):pack(#payload, kind, flags, stream) .. payload
  end

  local function request(stream, path)
    return frame(1, 5, stream, hpack.encode {
      { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "localhost" }, { ":path", path },
    })
  end

  -- A connection that has greeted the peer.
  local function open(scripts)
    peer = support.h2(scripts)
    local tcp = assert(socket.connect("127.0.0.1", peer.port))
    tcp:settimeout(10)
    connection = assert(ssl.wrap(tcp, { mode = "client", protocol = "any", verify = "none", alpn = { "h2" } }))
    assert(connection:dohandshake())
    assert.are.equal("h2", connection:getalpn())
    connection:send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" .. frame(4, 0, 0, ""))
  end

  -- The next frame that is no SETTINGS: type, flags, stream, payload; nil at the end.
  local function next_frame()
    while true do
      local head = connection:receive(9)
      if not head then return nil end
      local length, kind, flags, stream = (">I3BBI4"):unpack(head)
      local payload = length > 0 and assert(connection:receive(length)) or ""
      if kind ~= 4 then return kind, flags, stream, payload end
    end
  end

  it("answers, resets and says goodbye", function()
    open { {
      { answer = 1, body = "hello", headers = { { "x-a", "b" } } }, { rst = 2, code = "REFUSED_STREAM" },
      { goaway = 2, code = "ENHANCE_YOUR_CALM" }, { close = true },
    } }
    connection:send(request(1, "/one?x=1") .. request(3, "/two"))
    local _, _, stream, block = next_frame()
    assert.are.equal(1, stream)
    assert.are.same({ { ":status", "200" }, { "content-type", "application/json" }, { "x-a", "b" } },
      hpack.decoder()(block))
    assert.are.same({ 0, 1, 1, "hello" }, { next_frame() })
    assert.are.same({ 3, 0, 3, "\0\0\0\7" }, { next_frame() })
    assert.are.same({ 7, 0, 0, "\0\0\0\3\0\0\0\11" }, { next_frame() })
    assert.is_nil((next_frame()))
    local log = peer:log()
    assert.are.same({ 2, "/one?x=1", "GET", "localhost" },
      { #log, log[1].path, log[1].method, log[2].header[":authority"] })
  end)

  it("keeps the client's windows", function()
    open { { { serve = { body = ("x"):rep(70000) } } } }
    connection:send(request(1, "/"))
    next_frame()
    local got = 0
    while got < 65535 do got = got + #select(4, next_frame()) end
    assert.are.equal(65535, got)
    connection:send(frame(8, 0, 0, "\0\1\0\0") .. frame(8, 0, 1, "\0\1\0\0"))
    assert.are.same({ 0, 1, 1, ("x"):rep(70000 - 65535) }, { next_frame() })
  end)

  it("answers pings while its script waits", function()
    open { { { wait = 1 } } }
    connection:send(frame(6, 0, 0, "12345678"))
    assert.are.same({ 6, 1, 0, "12345678" }, { next_frame() })
  end)
end)

describe("support.nginx #slow", function()
  it("puts TLS and HTTP/2 before the stand-in", function()
    if not support.have_nginx() then return pending("nginx is not installed") end
    local server = support.start { scenarios = 2 }
    local nginx = support.nginx { proxy = server.url, locations = "location = /fixed { return 200 '{}'; }" }
    local ssl = require "ssl"
    local connection = assert(ssl.wrap(assert(socket.connect("127.0.0.1", tonumber(nginx.url:match "%d+$"))), {
      mode = "client", protocol = "any", verify = "peer", cafile = nginx.ca_file, alpn = { "h2" },
    }))
    assert(connection:dohandshake())
    assert.are.equal("h2", connection:getalpn())
    connection:close()
    local http = require "socket.http"
    assert.are.equal("{}", (http.request(nginx.http_url .. "/fixed")))
    assert.are.equal(401, (select(2, http.request(nginx.http_url .. "/v1/scenarios"))))
    assert.are.equal("/v1/scenarios", server:last().path)
    assert.are.equal(2, #nginx:access_log())
    nginx:restart()
    assert.are.equal("{}", (http.request(nginx.http_url .. "/fixed")))
    nginx:stop()
    server:stop()
    assert.is_true(ends(nginx.pid))
  end)
end)

describe("child processes #slow", function()
  it("end with the process that started them, however it ends", function()
    local code, out = support.lua([[
      local support = require "spec.support"
      local server = support.start { scenarios = 1 }
      local raw = support.raw { { { lua = "while true do end" } } }
      assert(require("socket").connect("127.0.0.1", raw.port))
      local child = support.spawn { "sleep", "600" }
      print(server.pid, raw.pid, child.pid)
      io.stdout:flush()
      os.execute("kill -9 $PPID")
    ]], { env = { TMPDIR = support.tmpdir() } })
    assert.are.equal(137, code)
    local count = 0
    for pid in out:gmatch "%d+" do
      count = count + 1
      assert.is_true(ends(pid), "process " .. pid .. " lives on")
    end
    assert.are.equal(3, count)
  end)

  it("are stopped, and directories removed, when the Lua state closes", function()
    for _, ending in ipairs { "", "os.exit(0, true)", "error('x')" } do
      local _, out = support.lua([[
        local support = require "spec.support"
        print(support.tmpdir(), support.start({ scenarios = 1 }).pid, support.spawn("sleep 600").pid)
      ]] .. ending)
      local directory, first, second = out:match "(%S+)%s+(%d+)%s+(%d+)"
      assert.is_true(ends(first) and ends(second))
      assert.are.equal(2, (support.run { "ls", directory }))
    end
  end)

  it("are run to their end with all they say", function()
    assert.are.same({ 3, "in x'y", "err\n" },
      { support.run("cat; printf ' %s' \"$A\"; echo err >&2; exit 3", { stdin = "in", env = { A = "x'y" } }) })
    assert.are.equal(137, (support.run "kill -9 $$"))
    assert.are.equal(124, (support.run("sleep 60", { timeout = 0.05 })))
    assert.are.same({ 0, "a b\n/\n", "" },
      { support.run({ "sh", "-c", 'echo "$1"; pwd', "-", "a b" }, { cwd = "/" }) })
  end)

  it("are read line by line", function()
    local child = support.spawn "echo one; echo two; exec sleep 600"
    assert.are.same({ "one", "two", true }, { child:line(), child:line(), child:alive() })
    child:stop()
    assert.is_true(ends(child.pid))
  end)

  it("have no descriptors of their parent", function()
    local before = support.fds()
    local connection = assert(socket.bind("127.0.0.1", 0))
    assert.are.equal(before + 1, support.fds())
    local child = support.spawn "ls /proc/self/fd | wc -l; exec sleep 600"
    assert.are.equal("4", child:line():match "%d+") -- three, and that of the directory
    child:stop()
    connection:close()
  end)
end)
