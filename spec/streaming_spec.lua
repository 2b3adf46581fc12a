-- Pages as they arrive: the first item at once, flat memory, one page ahead, resumed where they broke off, and silence
-- instead of total time.
local portable = require "spec.support.portable"
local support = require "spec.support"
local expect = require "spec.support.expect"

local HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

local function item_text(id, size)
  return ('{"id":"%s","filler":"%s"}'):format(id, ("x"):rep(size or 10))
end

-- The JSON text of a page: `rest` is what follows the list.
local function page_text(ids, rest)
  local texts = {}
  for i, id in ipairs(ids) do texts[i] = item_text(id) end
  return '{"scenarios":[' .. table.concat(texts, ",") .. "]," .. (rest or '"has_more":false') .. "}"
end

-- A whole answer.
local function answer(body)
  return HEAD .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

-- An answer that ends in the middle of its body.
local function broken_answer(body)
  return HEAD .. "Content-Length: 100000\r\n\r\n" .. body
end

local function ids_of(items)
  local ids = {}
  for i, item in ipairs(items) do ids[i] = item.id end
  return ids
end

-- ids[first], …, ids[last]
local function part(ids, first, last)
  return table.move(ids, first, last or #ids, 1, {})
end

-- Waits for something that another process does.
local function eventually(condition)
  local stop = support.now() + 10
  repeat
    if condition() then return true end
  until support.now() > stop
  return false
end

-- Servers that a spec starts are stopped behind it.
local running = {}
local function raw(script)
  local server = support.raw(script)
  running[#running + 1] = server
  return server
end
local function stop_all()
  for _, server in ipairs(running) do server:stop() end
  running = {}
end

-- A server whose first connection reads a request and sends pieces of an answer, the last of them only when another
-- connection has been asked for something. `true` among the pieces reads one more request.
local function stop_and_go(pieces)
  local lines = { "local c = ...", "if not c:read_request() then return end" }
  for i, piece in ipairs(pieces) do
    if i == #pieces then lines[#lines + 1] = "while not go do c:sleep(0.002) end" end
    lines[#lines + 1] = piece == true and "if not c:read_request() then return end" or ("c:send(%q)"):format(piece)
  end
  lines[#lines + 1] = "c:drain()"
  return raw { { { lua = table.concat(lines, "\n") } }, { { lua = ([[
    local c = ...
    while c:read_request() do
      go = true
      c:send(%q)
    end]]):format(answer "{}") } } }
end

local it_closing = portable.closing and it or pending

describe("A page that is on its way", function()
  after_each(stop_all)

  for name, tls in pairs { http = false, https = "localhost" } do
    it("gives its first item before the rest has been sent, over " .. name, function()
      local server = raw { { { read = "request" }, broken_answer('{"scenarios":[' .. item_text "a"), { hold = true } },
        tls = tls or nil }
      local client = server:client()
      local list = client.scenarios:list()
      assert.are.equal("a", expect.success(list:next()).id)
      assert.are.equal(1, client:stats().in_flight)
      client:close()
    end)
  end

  it("gives every item before the next one has been sent", function()
    -- The server sends an item when it has heard, on another connection, that the loop has got the one before.
    local server = raw {
      { { lua = ([[
        local c = ...
        heard = 0
        if not c:read_request() then return end
        c:send(%q)
        for i = 1, 5 do
          c:send((i > 1 and "," or "") .. '{"id":"item ' .. i .. '"}')
          while heard < i do c:sleep(0.001) end
        end
        c:send('],"has_more":false}')]]):format(HEAD .. 'Connection: close\r\n\r\n{"scenarios":[') } },
      { { lua = [[
        local c = ...
        while c:read_request() do
          heard = heard + 1
          c:send "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        end]] } },
    }
    local client = server:client()
    local got = {}
    for item in client.scenarios:list() do
      got[#got + 1] = item.id
      expect.success(client:request { path = "/heard" })
    end
    assert.are.same({ "item 1", "item 2", "item 3", "item 4", "item 5" }, got)
    client:close()
  end)

  it("is not read on while the loop has enough to do #heavy", function()
    -- 4,000 items, 64 MB. The second connection tells how many bytes of the page have left the server.
    for name, tls in pairs { http = false, https = "localhost" } do
      local server = raw {
        { { lua = ([[
          local c = ...
          sent = 0
          if not c:read_request() then return end
          local function send(text) return c:send(("%%x\r\n%%s\r\n"):format(#text, text)) end
          c:send(%q)
          send '{"scenarios":['
          local filler = ("x"):rep(16000)
          for i = 1, 4000 do
            local item = '{"id":"item ' .. i .. '","filler":"' .. filler .. '"}'
            if not send((i > 1 and "," or "") .. item) then return end
            sent = sent + 16000
          end
          send '],"has_more":false}'
          c:send "0\r\n\r\n"
          c:drain()]]):format(HEAD .. "Transfer-Encoding: chunked\r\n\r\n") } },
        { { lua = [[
          local c = ...
          while c:read_request() do
            local body = '{"sent":' .. sent .. '}'
            c:send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " .. #body
              .. "\r\n\r\n" .. body)
          end]] } },
        tls = tls or nil,
      }
      -- A page that is held back takes no connection away from calls.
      local client = server:client { max_connections = 2 }
      local function sent()
        return expect.success(client:request { path = "/sent" }).sent
      end
      local list = client.scenarios:list()
      assert.are.equal("item 1", expect.success(list:next()).id)
      local before = -1
      for _ = 1, 2000 do
        local now = sent()
        if now == before and now > 3e6 then break end
        before = now
      end
      for _ = 1, 20 do before = sent() end
      assert.is_true(before < 32e6, name .. ": so many bytes were sent: " .. before)
      local n = 1
      for item in list do
        n = n + 1
        if item.id ~= "item " .. n then error("item " .. n .. " is " .. item.id) end
      end
      assert.are.equal(4000, n)
      client:close()
    end
  end)

  it("takes no memory that grows with its size #heavy", function()
    local server = raw { { { lua = ([[
      local c = ...
      local filler = ("x"):rep(7400)
      while c:read_request() do
        local count = requests and 50000 or 500
        requests = true
        c:send(%q)
        local parts = {}
        for i = 1, count do
          parts[#parts + 1] = '{"id":"item ' .. i .. '","filler":"' .. filler .. '"}'
          if #parts == 20 or i == count then
            local text = table.concat(parts, ",") .. (i < count and "," or "")
            if not c:send(("%%x\r\n"):format(#text) .. text .. "\r\n") then return end
            parts = {}
          end
        end
        c:send("13\r\n" .. '],"has_more":false}' .. "\r\n0\r\n\r\n")
      end]]):format(HEAD .. 'Transfer-Encoding: chunked\r\n\r\ne\r\n{"scenarios":[\r\n') } } }
    local code, stdout, stderr = support.lua(([[
      local support = require "spec.support"
      local client = require "runloop".new { base_url = %q, bearer_token = "test-token" }
      local most
      for _, count in ipairs { 500, 50000 } do
        local n = 0
        for _ in client.scenarios:list() do
          n = n + 1
          if n %% 250 == 0 then
            local rss = support.rss()
            if not most or rss > most then most = rss end
          end
        end
        assert(n == count, n)
        print(most)
      end]]):format(server.url), {
      -- Freed memory that a sanitizer keeps back would count as well.
      env = { ASAN_OPTIONS = os.getenv "ASAN_OPTIONS" and os.getenv "ASAN_OPTIONS" .. ":quarantine_size_mb=1" },
    })
    assert.are.equal(0, code, stderr)
    local small, large = stdout:match("(%d+)%s+(%d+)")
    local growth = (large - small) / 1e6
    assert.is_true(growth < 24, "page of 375 MB: " .. growth .. " MB more than a page of 4 MB")
  end)
end)

describe("max_body_bytes", function()
  after_each(stop_all)

  local function collect(items, rest, options)
    local body = '{"scenarios":[' .. table.concat(items, ",") .. "]," .. (rest or '"has_more":false') .. "}"
    local server = raw { answer(body) }
    local client = server:client(options)
    local all, err, sofar = client.scenarios:list():collect()
    client:close()
    assert.are.equal(1, server:request_count())
    return all, err, sofar
  end

  it("counts a page item by item", function()
    local items = {}
    for i = 1, 100 do items[i] = item_text("item " .. i, 900) end
    assert.are.equal(100, #expect.success((collect(items, nil, { max_body_bytes = 1000 }))))
  end)

  it("is passed by one item that is larger, and what came before is there #slow", function()
    local cap = #item_text("c", 5000)
    for size, fits in pairs { [5000] = true, [5001] = false, [200000] = false } do
      local all, err, sofar = collect({ item_text "a", item_text "b", item_text("c", size), item_text "d" }, nil,
        { max_body_bytes = cap })
      if fits then
        assert.are.same({ "a", "b", "c", "d" }, ids_of(expect.success(all, err)))
      else
        expect.failure("limit", "BODY_TOO_LARGE", all, err)
        assert.matches("max_body_bytes", err.message, 1, true)
        assert.are.same({ "a", "b" }, ids_of(sofar))
      end
    end
  end)

  it("is passed by what stands beside the list", function()
    local all, err = collect({ item_text "a" }, '"note":"' .. ("x"):rep(3000) .. '","has_more":false',
      { max_body_bytes = 2000 })
    expect.failure("limit", "BODY_TOO_LARGE", all, err)
  end)

  it("is passed by an item without end, before it has arrived", function()
    local server = raw { { { read = "request" },
      HEAD .. "Connection: close\r\n\r\n" .. '{"scenarios":[{"id":"a"},{"id":"b',
      { send = ("x"):rep(65536), times = math.huge } } }
    local client = server:client { max_body_bytes = 1000000 }
    local list = client.scenarios:list()
    assert.are.equal("a", expect.success(list:next()).id)
    expect.failure("limit", "BODY_TOO_LARGE", list:next())
    assert.are.equal(0, client:stats().in_flight)
    client:close()
  end)

  it("is not the cap on depth", function()
    local deep = ("["):rep(600) .. ("]"):rep(600)
    local all, err, sofar = collect { item_text "a", '{"id":"b","deep":' .. deep .. "}" }
    expect.failure("limit", "TOO_DEEP", all, err)
    assert.are.same({ "a" }, ids_of(sofar))
  end)
end)

describe("The page ahead", function()
  -- Scorers are small: a page of them is there all at once, so that it only matters what the loop has taken.
  local server, client
  setup(function() server = support.start { scenarios = 30, scorers = 40 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    client = server:client()
  end)
  after_each(function()
    client:close()
    stop_all()
  end)

  local function asked()
    return client:stats().requests
  end

  -- How many requests have been made when the first, second, … item is there.
  local function requests_by_item(params, options)
    local counts = {}
    for _ in client.scenarios.scorers:list(params, options) do counts[#counts + 1] = asked() end
    return table.concat(counts, " ")
  end

  it("is asked for when half of page 1 has been taken, later ones at the first item", function()
    assert.are.equal(("1 "):rep(4) .. ("2 "):rep(6) .. ("3 "):rep(10) .. ("4 "):rep(20),
      requests_by_item { limit = 10 } .. " ")
    assert.are.equal(4, server:count())
    assert.are.equal(1, client:stats().connections)
  end)

  it("is asked for in the middle of page 1 when that is odd", function()
    assert.are.equal(("1 "):rep(6) .. ("2 "):rep(7) .. ("3 "):rep(13) .. ("4 "):rep(14),
      requests_by_item { limit = 13 } .. " ")
  end)

  it("is asked for by the first item when pages have one", function()
    local counts = requests_by_item { limit = 1 }
    assert.are.equal("2 3 4 5 6", counts:sub(1, 9))
    assert.are.equal("39 40 40", counts:sub(-8))
  end)

  it("is not asked for behind the last page", function()
    assert.are.equal(("1 "):rep(40), requests_by_item { limit = 40 } .. " ")
    assert.are.equal(1, server:count())
  end)

  it("is not asked for with prefetch = false", function()
    assert.are.equal(("1 "):rep(15) .. ("2 "):rep(15) .. ("3 "):rep(10),
      requests_by_item({ limit = 15 }, { prefetch = false }) .. " ")
  end)

  it("is asked for on the wire while the loop has its hands full", function()
    local ids = server:ids "scorer"
    for item in client.scenarios.scorers:list { limit = 10 } do
      local log = server:log()
      if #log == 2 then
        assert.are.equal(ids[10], log[2].query.starting_after)
        break
      end
      -- From half of the page on the request needs no more help from the loop.
      if item.id == ids[5] then assert.is_true(eventually(function() return server:count() == 2 end)) end
      assert.are_not.equal(ids[7], item.id)
    end
  end)

  it("of pages() is asked for when page 2 or a later one is handed out", function()
    local counts = {}
    for page in client.scenarios.scorers:list({ limit = 10 }):pages() do
      counts[#counts + 1] = asked()
      assert.are.equal(10, #page.scorers)
      if #counts == 2 then assert.is_true(eventually(function() return server:count() == 3 end)) end
    end
    assert.are.same({ 1, 3, 4, 4 }, counts)
    assert.are.equal(4, server:count())
  end)

  it("of pages() is not asked for with prefetch = false", function()
    local counts = {}
    for _ in client.scenarios.scorers:list({ limit = 10 }, { prefetch = false }):pages() do
      counts[#counts + 1] = asked()
    end
    assert.are.same({ 1, 2, 3, 4 }, counts)
  end)

  it("is asked for in tasks, too", function()
    local counts = {}
    client:spawn(function()
      for _ in client.scenarios.scorers:list { limit = 10 } do
        client:sleep(0)
        counts[#counts + 1] = asked()
      end
    end)
    client:run()
    assert.are.equal(1, counts[4])
    assert.are.equal(2, counts[10])
    assert.are.equal(3, counts[20])
    assert.are.equal(4, counts[30])
    assert.are.equal(40, #counts)
    assert.are.equal(4, server:count())
  end)

  describe("is cancelled", function()
    -- Page 2 is asked for and does not come.
    local function begin(list)
      server:fault { method = "GET", query = { starting_after = server:ids("scorer")[10] }, silent = true }
      for _ = 1, 5 do expect.success(list:next()) end
      assert.are.equal(1, client:stats().in_flight)
    end

    it("by close", function()
      local list = client.scenarios.scorers:list { limit = 10 }
      begin(list)
      list:close()
      assert.are.equal(0, client:stats().in_flight)
    end)

    it_closing("by break", function()
      local list = client.scenarios.scorers:list { limit = 10 }
      begin(list)
      for _ in list, nil, nil, list do
        if asked() == 2 then break end
      end
      assert.are.equal(0, client:stats().in_flight)
    end)

    it("by the collector, when the pager was dropped", function()
      do
        local list = client.scenarios.scorers:list { limit = 10 }
        begin(list)
      end
      support.gc()
      assert.are.equal(0, client:stats().in_flight)
    end)

    it("when the page before it turns out to be broken", function()
      local ids = server:ids "scorer"
      server:fault { method = "GET", body = '{"scorers":[{"id":"a"},{"id":"b"},{"id":3},{"id":"d"}],"has_more":true}' }
      server:fault { method = "GET", silent = true }
      local items, err, sofar = client.scenarios.scorers:list():collect()
      expect.failure("decode", "SHAPE", items, err)
      assert.are.same({ "a", "b" }, ids_of(sofar))
      assert.are.equal(0, client:stats().in_flight)
      assert.are.equal(40, #ids)
    end)

    it_closing("of pages(), by break", function()
      server:fault { method = "GET", skip = 2, silent = true }
      local pages = 0
      for _ in client.scenarios.scorers:list({ limit = 10 }):pages() do
        pages = pages + 1
        if pages == 2 then
          assert.are.equal(1, client:stats().in_flight)
          break
        end
      end
      assert.are.equal(0, client:stats().in_flight)
    end)
  end)

  it("that fails is retried when the loop gets there", function()
    local ids = server:ids "scorer"
    for _, fault in ipairs {
      { status = 503 }, { reset = true }, { close = true }, { cut = 0 }, { cut_items = 4 }, { gzip = "cut" },
      { status = 429, headers = { ["Retry-After"] = "0" } },
    } do
      server:reset()
      fault.method, fault.skip = "GET", 1
      server:fault(fault)
      local items = expect.success(client.scenarios.scorers:list({ limit = 10 }):collect())
      assert.are.same(ids, ids_of(items))
      assert.are.equal(5, server:count())
    end
  end)

  it("that fails for good is heard of behind the items of the page before", function()
    local ids = server:ids "scorer"
    server:fault { method = "GET", skip = 1, status = 404, times = math.huge }
    local list = client.scenarios.scorers:list { limit = 10 }
    for i = 1, 10 do
      assert.are.equal(ids[i], expect.success(list:next()).id)
      if i == 6 then assert.is_true(eventually(function() return server:count() == 2 end)) end
    end
    expect.failure("api", "not_found", list:next())
    assert.are.equal(2, server:count())
  end)

  it("of pages() that fails is retried when the loop gets there", function()
    server:fault { method = "GET", skip = 2, cut_items = 4, times = 2 }
    local got = {}
    for page in client.scenarios.scorers:list({ limit = 10 }):pages() do
      for _, scorer in ipairs(page.scorers) do got[#got + 1] = scorer.id end
    end
    assert.are.same(server:ids "scorer", got)
    assert.are.equal(6, server:count())
  end)
end)

describe("A page that breaks off", function()
  local server, client, ids
  setup(function()
    server = support.start { scenarios = 25 }
    ids = server:ids "scenario"
  end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    client = server:client()
  end)
  after_each(function()
    client:close()
    stop_all()
  end)

  -- Lists with a fault on page 1 (or `page`); everything must come, once and in order. Gives the requests.
  local function survives(fault, options, page)
    server:reset()
    local all = { method = "GET", skip = (page or 1) - 1 }
    for name, value in pairs(fault) do all[name] = value end
    server:fault(all)
    local own = server:client(options)
    local items = expect.success(own.scenarios:list({ limit = 10 }):collect())
    own:close()
    assert.are.same(ids, ids_of(items))
    assert.are.equal(0, server:faults_left())
    return server:log()
  end

  it("is resumed behind the last item that arrived, wherever it broke off #slow", function()
    for page = 1, 2 do
      local first = (page - 1) * 10
      for _, n in ipairs { 0, 3, 10 } do
        for _, more in ipairs { 0, 1, 300 } do
          local log = survives({ cut_items = n, cut_extra = more }, { max_retries = 1 }, page)
          local arrived = n
          if n == 10 and more == 300 then arrived = nil end -- that is all of the page: nothing broke
          if arrived and first + arrived > 0 then
            assert.are.equal(ids[first + arrived], log[page + 1].query.starting_after)
          elseif arrived then
            assert.is_nil(log[page + 1].query.starting_after)
          end
          for _, entry in ipairs(log) do assert.are.equal("10", entry.query.limit) end
        end
      end
    end
  end)

  it("is resumed however it broke off #slow", function()
    for _, how in ipairs {
      { by = "close" }, { by = "reset" }, { framing = "chunked" }, { framing = "chunked", by = "reset" },
      { framing = "close" }, { framing = "close", http_version = "1.0" },
    } do
      for _, more in ipairs { 0, 700 } do
        how.cut_items, how.cut_extra = 3, more
        local log = survives(how, { max_retries = 1 })
        assert.are.equal(ids[3], log[2].query.starting_after)
      end
    end
  end)

  it("is resumed when it falls silent for longer than the timeout #slow", function()
    local log = survives({ cut_items = 3, cut_extra = 20, by = "stall" }, { max_retries = 1, timeout = 1 })
    assert.are.equal(ids[3], log[2].query.starting_after)
  end)

  it("is resumed when what broke off is the compressed text", function()
    local log = survives({ gzip = "cut" }, { max_retries = 1 })
    assert.is_true(log[2].query.starting_after ~= nil and log[2].query.starting_after ~= ids[10])
  end)

  it("is resumed over TLS #slow", function()
    local first = '{"scenarios":[' .. item_text "a" .. "," .. item_text "b" .. ',{"id":"c'
    for _, how in ipairs { { close = true }, { close = "abrupt" }, { reset = true } } do
      for _, head in ipairs { HEAD .. "Content-Length: 100000\r\n\r\n", HEAD .. "Connection: close\r\n\r\n" } do
        local peer = raw {
          -- What was sent must have been read before a reset, which would undo it.
          { { read = "request" }, head .. first, how.reset and { sleep = 0.05 } or { sleep = 0 }, how },
          answer(page_text { "c", "d" }),
          tls = "localhost",
        }
        local own = peer:client { max_retries = 1 }
        local items = expect.success(own.scenarios:list():collect())
        own:close()
        assert.are.same({ "a", "b", "c", "d" }, ids_of(items))
        assert.matches("starting_after=b ", peer:log()[2].requests[1], 1, true)
      end
    end
  end)

  it("is resumed behind a proxy that speaks HTTP/2", function()
    if not support.have_nginx() then return pending "nginx is missing" end
    local nginx = support.nginx { proxy = server.url }
    running[#running + 1] = nginx
    for _, by in ipairs { "close", "reset" } do
      server:reset()
      server:fault { method = "GET", cut_items = 3, cut_extra = 50, by = by }
      local own = nginx:client { bearer_token = server.token }
      local items = expect.success(own.scenarios:list({ limit = 10 }):collect())
      own:close()
      assert.are.same(ids, ids_of(items))
      assert.are.equal(0, server:faults_left())
    end
  end)

  it("does not lose or repeat anything when all of them do, at random #slow", function()
    local requests = 0
    for seed = 1, 5 do
      server:reset()
      server:chaos {
        seed = seed, rate = 0.7, method = "GET",
        faults = {
          { cut = "random" }, { cut = "random", framing = "chunked" }, { cut = "random", framing = "close" },
          { cut = "random", by = "reset" }, { gzip = "cut" }, { status = 503 }, { reset = true },
        },
      }
      local own = server:client { max_retries = 50, max_retry_wait = 0.001 }
      local items = expect.success(own.scenarios:list({ limit = 7 }):collect())
      own:close()
      assert.are.same(ids, ids_of(items))
      requests = requests + server:count()
    end
    assert.is_true(requests > 5 * 4)
  end)

  it("may do so again and again as long as it gets further #slow", function()
    local log = survives({ cut_items = 2, times = 12 }, { max_retries = 1 })
    assert.are.equal(13, #log)
    for i = 2, 13 do assert.are.equal(ids[2 * (i - 1)], log[i].query.starting_after) end
  end)

  it("ends in the error of the last attempt after max_retries without progress #slow", function()
    for _, case in ipairs {
      { { cut_items = 0 }, "connection", "PARTIAL_FILE" },
      { { reset = true }, "connection" },
      { { cut_items = 0, framing = "close" }, "connection", "PARTIAL_FILE" },
      { { status = 503 }, "api", "internal_server" },
      { { cut_items = 0, by = "stall" }, "timeout", "OPERATION_TIMEDOUT" },
    } do
      server:reset()
      local fault = { method = "GET", times = math.huge }
      for name, value in pairs(case[1]) do fault[name] = value end
      server:fault({ method = "GET", cut_items = 3 }, fault)
      local own = server:client { max_retries = 2, timeout = case[2] == "timeout" and 0.6 or 10 }
      local items, err, sofar = own.scenarios:list({ limit = 10 }):collect()
      expect.failure(case[2], case[3], items, err)
      own:close()
      assert.are.same(part(ids, 1, 3), ids_of(sofar))
      assert.are.equal(3, err.attempts)
      assert.are.equal(3, server:count())
      assert.is_true(err.retryable)
    end
  end)

  it("is not asked for again with max_retries = 0", function()
    server:fault { method = "GET", cut_items = 3, cut_extra = 10 }
    local items, err, sofar = client.scenarios:list({ limit = 10 }, { max_retries = 0 }):collect()
    expect.failure("connection", "PARTIAL_FILE", items, err)
    assert.are.same(part(ids, 1, 3), ids_of(sofar))
    assert.are.equal(1, server:count())
  end)

  it("ends the list when nothing is left behind its last item", function()
    server:fault { method = "GET", skip = 2, cut_items = 5, cut_extra = 1 }
    local items = expect.success(client.scenarios:list({ limit = 10 }):collect())
    assert.are.same(ids, ids_of(items))
    local log = server:log()
    assert.are.equal(4, #log)
    assert.are.equal(ids[25], log[4].query.starting_after)
  end)

  it("goes by what the resumed page says about the rest", function()
    local rest = page_text({ "a", "b" }, '"x":1'):sub(2)
    server:fault(
      { method = "GET", body = '{"has_more":true,"total_count":9,' .. rest, cut = -4 },
      { method = "GET", body = page_text({ "c" }, '"has_more":false,"total_count":3') })
    local list = client.scenarios:list()
    assert.are.same({ "a", "b", "c" }, ids_of(expect.success(list:collect())))
    assert.are.equal(3, list.total_count)
    assert.are.equal(2, server:count())
    server:reset()
    server:fault(
      { method = "GET", body = '{"has_more":false,' .. rest, cut = -4 },
      { method = "GET", body = page_text({ "c" }, '"has_more":true') },
      { method = "GET", body = page_text { "d" } })
    assert.are.same({ "a", "b", "c", "d" }, ids_of(expect.success(client.scenarios:list():collect())))
  end)

  it("is no page to look ahead from, even if it says that there is more", function()
    local body = '{"has_more":true,' .. page_text({ "a", "b", "c", "d", "e" }, '"x":1'):sub(2)
    for _, how in ipairs { { framing = "close", cut = -4 }, { truncate = #body - 4, gzip = true }, { cut = -4 } } do
      server:reset()
      how.method, how.body = "GET", body
      server:fault(how, { method = "GET", body = page_text { "f" } })
      assert.are.same({ "a", "b", "c", "d", "e", "f" }, ids_of(expect.success(client.scenarios:list():collect())))
      assert.are.equal(2, server:count())
      assert.are.equal("e", server:last().query.starting_after)
    end
  end)

  it("is not resumed by a server that begins anew", function()
    for page = 1, 2 do
      server:reset()
      server:fault({ method = "GET", skip = page - 1, cut_items = 3 },
        { method = "GET", skip = page - 1, page = "same_page", times = math.huge })
      local items, err, sofar = client.scenarios:list({ limit = 10 }):collect()
      expect.failure("decode", "SHAPE", items, err)
      assert.matches("cursor", err.message, 1, true)
      assert.are.same(part(ids, 1, (page - 1) * 10 + 3), ids_of(sofar))
    end
  end)

  it("is told to on_event once, as is every other", function()
    local events = {}
    local own = server:client { on_event = function(event) events[#events + 1] = event end }
    server:fault({ method = "GET", cut_items = 20, cut_extra = 3 }, { method = "GET", status = 503 })
    local items = expect.success(own.scenarios:list({ limit = 25 }):collect())
    own:close()
    assert.are.same(ids, ids_of(items))
    local types = {}
    for i, event in ipairs(events) do types[i] = event.type .. " " .. event.attempt end
    assert.are.same({
      "request 1", "response 1", "retry 1", "request 2", "response 2", "retry 2", "request 3", "response 3",
    }, types)
    assert.are.equal("connection", events[2].err.kind)
    assert.are.equal(503, events[5].status)
    assert.is_nil(events[8].err)
    assert.matches("starting_after=" .. ids[20], events[4].url, 1, true)
  end)

  it("is asked for again as a whole by pages(), which gives whole pages only #slow", function()
    for page = 1, 3 do
      server:reset()
      server:fault({ method = "GET", skip = page - 1, cut_items = 3 },
        { method = "GET", skip = page - 1, cut_items = 5, cut_extra = 9, framing = "chunked" })
      local got = {}
      for whole in client.scenarios:list({ limit = 10 }):pages() do
        got[#got + 1] = #whole.scenarios
        for i, scenario in ipairs(whole.scenarios) do assert.are.equal(ids[(#got - 1) * 10 + i], scenario.id) end
      end
      assert.are.same({ 10, 10, 5 }, got)
      local log = server:log()
      assert.are.equal(5, #log)
      local cursor = page > 1 and ids[(page - 1) * 10] or nil
      for i = page, page + 2 do assert.are.equal(cursor, log[i].query.starting_after) end
    end
  end)

  it("ends pages() after max_retries, however much of it arrived each time", function()
    server:fault { method = "GET", skip = 1, cut_items = 4, times = math.huge }
    local pages = 0
    local ok, err = pcall(function()
      for _ in client.scenarios:list({ limit = 10 }, { max_retries = 3 }):pages() do pages = pages + 1 end
    end)
    assert.is_false(ok)
    expect.failure("connection", "PARTIAL_FILE", nil, err)
    assert.are.equal(1, pages)
    assert.are.equal(4, err.attempts)
    assert.are.equal(5, server:count())
  end)

  it("is resumed for tasks that share the pager, each item to one of them", function()
    server:fault({ method = "GET", cut_items = 3 }, { method = "GET", cut_items = 4, cut_extra = 9 },
      { method = "GET", status = 503 })
    local list = client.scenarios:list { limit = 10 }
    local got, tasks = {}, {}
    for i = 1, 3 do
      tasks[i] = client:spawn(function()
        for item in list do
          got[#got + 1] = item.id
          client:sleep(0)
        end
        return true
      end)
    end
    client:run()
    for i = 1, 3 do expect.success(tasks[i]:wait()) end
    assert.are.same(ids, got)
    assert.are.equal(0, server:faults_left())
  end)

  it("is resumed when the task that waited for its next attempt was cancelled #slow", function()
    server:fault({ method = "GET", cut_items = 3 },
      { method = "GET", status = 503, headers = { ["retry-after-ms"] = "300" } })
    local own = server:client { max_retry_wait = 0.3 }
    local list = own.scenarios:list { limit = 10 }
    local got = {}
    local task = own:spawn(function()
      for item in function() return list:next() end do got[#got + 1] = item.id end
    end)
    assert.is_true(eventually(function()
      own:poll(0.01)
      return own:stats().retries == 2
    end))
    task:cancel()
    for _, item in ipairs(expect.success(list:collect())) do got[#got + 1] = item.id end
    own:close()
    assert.are.same(ids, got)
  end)
end)

describe("The timeout of a page #slow", function()
  after_each(stop_all)

  it("is the longest silence, not the whole time", function()
    local server = support.start { scenarios = 1, scorers = 10 }
    running[1] = server
    server:fault { method = "GET", trickle = { bytes = 100, every = 0.1 } }
    local client = server:client { timeout = 0.7, max_retries = 0 }
    local began = support.now()
    assert.are.equal(10, #expect.success(client.scenarios.scorers:list():collect()))
    assert.is_true(support.now() - began > 0.7, "the server was too quick to tell")
    client:close()
  end)

  it("passes when the loop waits for a byte for so long", function()
    local some = broken_answer('{"scenarios":[' .. item_text "a" .. ',{"id"')
    for _, sent in ipairs { "", HEAD, broken_answer "", some } do
      local server = raw { { { read = "request" }, sent, { hold = true } } }
      local client = server:client { timeout = 0.5, max_retries = 0 }
      local began = support.now()
      local items, err, sofar = client.scenarios:list():collect()
      local passed = support.now() - began
      expect.failure("timeout", "OPERATION_TIMEDOUT", items, err)
      assert.is_true(err.retryable)
      assert.are.equal(sent:find '"a"' and 1 or 0, #sofar)
      assert.is_true(passed >= 0.5 and passed < 5, passed)
      client:close()
    end
  end)

  -- Time that passes in the loop's body, with the network going on and without.
  local BODIES = {
    sleep = function(client, seconds) client:sleep(seconds) end,
    work = function(_, seconds) support.sleep(seconds) end,
  }

  -- A deadline only counts what the loop waits, just as the timeout.
  local SHORT, LONG = { timeout = 1, deadline = 1, max_retries = 0 }, { timeout = 10, deadline = 10 }

  for name, body in pairs(BODIES) do
    it("and its deadline do not count what the loop's body takes to " .. name, function()
      local page, first = page_text { "a", "b" }, #'{"scenarios":[' + #item_text "a"
      local server = stop_and_go { answer(page):sub(1, first - #page - 1), page:sub(first + 1) }
      local client = server:client(SHORT)
      local list = client.scenarios:list()
      assert.are.equal("a", expect.success(list:next()).id)
      body(client, 1.2)
      expect.success(client:request({ path = "/go" }, LONG))
      assert.are.equal("b", expect.success(list:next()).id)
      assert.is_nil(list:next())
      assert.are.equal(2, server:connections())
      client:close()
    end)

    it("and its deadline do not count for the page ahead what the body takes to " .. name, function()
      local server = stop_and_go { answer(page_text({ "a", "b" }, '"has_more":true')), true, answer(page_text { "c" }) }
      local client = server:client(SHORT)
      local list = client.scenarios:list()
      assert.are.equal("a", expect.success(list:next()).id)
      assert.are.equal(2, client:stats().requests)
      body(client, 1.2)
      expect.success(client:request({ path = "/go" }, LONG))
      assert.are.same({ "b", "c" }, ids_of(expect.success(list:collect())))
      assert.are.equal(2, server:connections())
      client:close()
    end)
  end

  it("is not touched by a server that closes under a loop that takes its time", function()
    -- All of the page, or half of it; the end comes while nobody waits.
    local whole = answer(page_text { "a", "b", "c" })
    local half = broken_answer('{"scenarios":[' .. item_text "a" .. "," .. item_text "b" .. ',{"id":"c')
    for _, first in ipairs { whole, half } do
      for name, how in pairs { sleep = { close = true }, work = { reset = true } } do
        local server = raw {
          { { read = "request" }, first, { sleep = 0.03 }, how },
          answer(page_text { "c" }),
        }
        local client = server:client { timeout = 0.6, max_retries = 1 }
        local list = client.scenarios:list()
        local got = { expect.success(list:next()).id }
        BODIES[name](client, 0.8)
        for _, item in ipairs(expect.success(list:collect())) do got[#got + 1] = item.id end
        assert.are.same({ "a", "b", "c" }, got, name)
        assert.are.equal(first == half and 2 or 1, server:connections())
        client:close()
      end
    end
  end)

  it("is not touched by a server that closes the connection between two pages", function()
    local server = support.start { scenarios = 1, scorers = 30 }
    running[1] = server
    for _, how in ipairs { true, "reset" } do
      server:reset()
      server:fault { method = "GET", close_after = how, times = 2 }
      local client = server:client { max_retries = 1 }
      local list = client.scenarios.scorers:list({ limit = 10 }, { prefetch = false })
      local got = {}
      for item in list do
        got[#got + 1] = item.id
        if #got % 10 == 0 then client:sleep(0.05) end
      end
      assert.are.same(server:ids "scorer", got)
      client:close()
    end
  end)
end)

describe("The deadline of a page #slow", function()
  after_each(stop_all)

  it("passes when the loop has waited so long in all", function()
    local server = raw {
      { { read = "request" }, broken_answer('{"scenarios":[' .. item_text "a" .. ","), { hold = true } },
    }
    local client = server:client()
    local list = client.scenarios:list({}, { deadline = 0.6 })
    assert.are.equal("a", expect.success(list:next()).id)
    local began = support.now()
    expect.failure("timeout", "DEADLINE", list:next())
    assert.is_true(support.now() - began < 5)
    assert.are.equal(1, server:connections())
    client:close()
  end)

  it("counts attempts and the waits between them together", function()
    local server = support.start { scenarios = 3 }
    running[1] = server
    server:fault {
      method = "GET", delay = 0.1, status = 503, headers = { ["retry-after-ms"] = "100" }, times = math.huge,
    }
    local client = server:client { max_retries = 1000, max_retry_wait = 1 }
    local began = support.now()
    local items, err = client.scenarios:list({}, { deadline = 0.7 }):collect()
    assert.is_nil(items)
    assert.is_true(err.code == "DEADLINE" or err.code == "internal_server", tostring(err))
    assert.is_true(support.now() - began < 5)
    local attempts = server:count()
    assert.is_true(attempts >= 2 and attempts <= 5, attempts)
    client:close()
  end)

  it("is not passed sooner when several tasks wait", function()
    local server = support.start { scenarios = 3 }
    running[1] = server
    server:fault { method = "GET", delay = 0.2, reset = true }
    local client = server:client()
    local list = client.scenarios:list({}, { deadline = 2 })
    local got, tasks = {}, {}
    for i = 1, 16 do
      tasks[i] = client:spawn(function()
        for item in list do got[#got + 1] = item.id end
        return true
      end)
    end
    client:run()
    for _, task in ipairs(tasks) do expect.success(task:wait()) end
    assert.are.same(server:ids "scenario", got)
    client:close()
  end)

  it("begins anew with each page", function()
    local server = support.start { scenarios = 1, scorers = 8 }
    running[1] = server
    server:fault { method = "GET", delay = 0.25, times = math.huge }
    local client = server:client { max_retries = 0 }
    local list = client.scenarios.scorers:list({ limit = 2 }, { deadline = 0.9 })
    assert.are.equal(8, #expect.success(list:collect()))
    client:close()
  end)
end)
