-- Caps on what a server may send: at each edge what is just inside passes, and what is just outside is an error of kind
-- `limit`. docs/limits.md names every one of them.
local runloop = require "runloop"
local support = require "spec.support"
local expect = require "spec.support.expect"

local KIB, MIB = 1024, 1024 * 1024

local CAPS = {
  headers = 256 * KIB, header = 64 * KIB, count = 500, interim = 32, body = 64 * MIB, depth = 512, number = 4096, streams = 100,
}

local ANSWER = '{"id":"scn_1"}'

-- A call's, a page's and a text's way to the same body.
local function archive(client, options) return client.scenarios:archive("scn_1", options) end
local function list(client, options) return client.scenarios:list({}, options):collect() end
local function get(client, options) return client:request({ path = "/v1/x" }, options) end
local function download(client, options) return client.scenarios.runs:download_logs("run_1", nil, options) end

describe("Caps on headers: #slow", function()
  -- A client of a server that answers once with these bytes, and well ever after.
  local function answered_by(bytes)
    local good = "HTTP/1.1 200 OK\r\nContent-Length: " .. #ANSWER .. "\r\n\r\n" .. ANSWER
    local raw = support.raw { { { read = "request" }, bytes }, { { serve = good } } }
    local client = raw:client { max_retries = 0 }
    finally(function()
      client:close()
      raw:stop()
    end)
    return client
  end

  local START = "HTTP/1.1 200 OK\r\nContent-Length: " .. #ANSWER .. "\r\n"

  -- The head of an answer: `size` bytes in all, in headers of at most 1,000.
  local function head_of(size)
    local parts, left = { START }, size - #START - 2
    while left > 0 do
      local n = left > 2000 and 1000 or left > 1000 and math.floor(left / 2) or left
      parts[#parts + 1] = "X-Filler: " .. ("x"):rep(n - 12) .. "\r\n"
      left = left - n
    end
    parts[#parts + 1] = "\r\n"
    local head = table.concat(parts)
    assert.are.equal(size, #head)
    return head
  end

  it("all of them together, line ends and status line included", function()
    expect.success(archive(answered_by(head_of(CAPS.headers) .. ANSWER)))
    local client = answered_by(head_of(CAPS.headers + 1) .. ANSWER)
    expect.failure("limit", "HEADERS_TOO_LARGE", archive(client))
    expect.success(archive(client))
    -- Those of interim answers count as well.
    local interim = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    expect.success(archive(answered_by(interim .. head_of(CAPS.headers - #interim) .. ANSWER)))
    expect.failure("limit", "HEADERS_TOO_LARGE", archive(answered_by(interim .. head_of(CAPS.headers) .. ANSWER)))
  end)

  local function with_header(size)
    local header = "X-Filler: " .. ("x"):rep(size - 12) .. "\r\n"
    assert.are.equal(size, #header)
    return START .. header .. "\r\n" .. ANSWER
  end

  it("a single one, with its name and its line end", function()
    local _, response = expect.success(archive(answered_by(with_header(CAPS.header))))
    assert.are.equal(CAPS.header - 12, #response.headers["x-filler"])
    local client = answered_by(with_header(CAPS.header + 1))
    expect.failure("limit", "HEADERS_TOO_LARGE", archive(client))
    expect.success(archive(client))
  end)

  it("their number", function()
    local function with_headers(n)
      return START .. ("X-A: b\r\n"):rep(n - 1) .. "\r\n" .. ANSWER -- START has one
    end
    local _, response = expect.success(archive(answered_by(with_headers(CAPS.count))))
    assert.are.equal(("b, "):rep(CAPS.count - 2) .. "b", response.headers["x-a"])
    expect.failure("limit", "HEADERS_TOO_LARGE", archive(answered_by(with_headers(CAPS.count + 1))))
  end)

  it("the status line", function()
    local function with_reason(size)
      return "HTTP/1.1 200 " .. ("x"):rep(size - 15) .. "\r\n" .. "Content-Length: " .. #ANSWER .. "\r\n\r\n" .. ANSWER
    end
    expect.success(archive(answered_by(with_reason(CAPS.header))))
    expect.failure("limit", "HEADERS_TOO_LARGE", archive(answered_by(with_reason(CAPS.header + 1))))
  end)

  it("interim answers before the one that counts", function()
    local interim = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    expect.success(archive(answered_by(interim:rep(CAPS.interim) .. START .. "\r\n" .. ANSWER)))
    local client = answered_by(interim:rep(CAPS.interim + 1) .. START .. "\r\n" .. ANSWER)
    expect.failure("limit", "HEADERS_TOO_LARGE", archive(client))
    expect.success(archive(client))
  end)

  it("trailers, which are not kept", function()
    local start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    local chunks = ("%x\r\n"):format(#ANSWER) .. ANSWER .. "\r\n0\r\n"
    local _, response = expect.success(archive(answered_by(start .. chunks .. "X-Late: 1\r\n\r\n")))
    assert.is_nil(response.headers["x-late"])
    -- In lines of 1,024 bytes, the last of which the status line and the header before them make too much.
    local trailers = ("X-Late: " .. ("x"):rep(1014) .. "\r\n"):rep(math.floor(CAPS.headers / KIB))
    expect.success(archive(answered_by(start .. chunks .. trailers:sub(1025) .. "\r\n")))
    for _, ask in ipairs { archive, get, download } do
      expect.failure("limit", "HEADERS_TOO_LARGE", ask(answered_by(start .. chunks .. trailers .. "\r\n")))
    end
  end)

  it("over HTTP/2 no more get through, and the client works on", function()
    local server = support.start { scenarios = 1 }
    local nginx = support.nginx {
      proxy = server.url, http = "proxy_buffer_size 1m; proxy_buffers 4 1m; proxy_busy_buffers_size 1m;",
    }
    local client = nginx:client { bearer_token = server.token, max_retries = 0 }
    local function with_headers(count)
      local headers = {}
      for i = 1, count do headers["X-Filler-" .. i] = ("x"):rep(1000) end
      server:fault { status = 200, body = ANSWER, headers = headers, times = math.huge }
      local value, result = archive(client)
      server:clear_faults()
      return value, result
    end
    local _, response = expect.success(with_headers(90))
    assert.are.equal("2", response.http_version)
    for _, count in ipairs { 150, 300 } do
      -- libcurl 7.88 gives up before this module does, later ones behind it.
      local value, err = with_headers(count)
      if count * 1000 > CAPS.headers or value == nil then
        assert.is_nil(value)
        assert.is_true(err.kind == "connection" or err.kind == "limit", tostring(err))
      end
    end
    -- The rest of the headers may still arrive, and end the connection: nghttp2 takes eight frames of CONTINUATION.
    expect.success(client.scenarios:retrieve(server:ids("scenario")[1], { max_retries = 1 }))
    client:close()
    nginx:stop()
    server:stop()
  end)
end)

describe("Caps on bodies: #slow", function()
  local server, client
  local CAP = 10000

  setup(function() server = support.start { scenarios = 1 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    client = server:client { max_retries = 0, max_body_bytes = CAP }
  end)
  after_each(function() client:close() end)

  local function answers(fault)
    fault.status = fault.status or 200
    server:fault(fault)
  end

  -- Texts of so many bytes that each way takes.
  local function object(size) return '{"id":"' .. ("x"):rep(size - 9) .. '"}' end
  local function zip(size)
    local empty = support.zip { { "run.log", "" } }
    return support.zip { { "run.log", ("x"):rep(size - #empty) } }
  end
  local WAYS = { { archive, object }, { get, object }, { download, zip } }

  it("max_body_bytes is what a body may have, however it is framed", function()
    for _, way in ipairs(WAYS) do
      local ask, text = way[1], way[2]
      assert.are.equal(CAP, #text(CAP))
      for _, framing in ipairs { "length", "chunked", "close" } do
        answers { body = text(CAP), framing = framing }
        expect.success(ask(client))
        answers { body = text(CAP + 1), framing = framing }
        expect.failure("limit", "BODY_TOO_LARGE", ask(client))
      end
    end
  end)

  it("and it counts what has been unpacked, not what was sent", function()
    for _, way in ipairs(WAYS) do
      local ask, text = way[1], way[2]
      assert.is_true(#support.gzip(text(CAP)) > CAP)
      answers { body = text(CAP), gzip = true }
      expect.success(ask(client))
      answers { body = text(CAP + 1), gzip = true }
      expect.failure("limit", "BODY_TOO_LARGE", ask(client))
      assert.is_true(#support.gzip_bomb(MIB) < CAP)
      answers { body = "", gzip = "bomb", size = MIB }
      expect.failure("limit", "BODY_TOO_LARGE", ask(client))
    end
  end)

  it("it holds for the body of an error, too", function()
    for _, ask in ipairs { archive, list, get, download } do
      answers { status = 404, body = object(CAP) }
      assert.are.equal(("x"):rep(CAP - 9), expect.failure("api", "not_found", ask(client)).body.id)
      answers { status = 404, body = object(CAP + 1) }
      expect.failure("limit", "BODY_TOO_LARGE", ask(client))
    end
  end)

  it("it is what a string may have, less what is around it", function()
    answers { body = object(CAP) }
    assert.are.equal(CAP - 9, #expect.success(archive(client)).id)
    -- Escapes count as they are sent.
    answers { body = '{"id":"' .. ([[\u0061]]):rep(math.floor((CAP - 9) / 6)) .. '"}' }
    assert.are.equal(math.floor((CAP - 9) / 6), #expect.success(archive(client)).id)
    answers { body = '{"id":"' .. ([[\u0061]]):rep(math.floor((CAP - 9) / 6) + 1) .. '"}' }
    expect.failure("limit", "BODY_TOO_LARGE", archive(client))
  end)

  it("of a page it is what one item may have", function()
    local function page(size)
      return '{"scenarios":[{"id":"a"}, ' .. object(size) .. ' ,{"id":"b"}],"has_more":false}'
    end
    for _, gzip in ipairs { false, true } do
      answers { body = page(CAP), gzip = gzip or nil }
      assert.are.equal(3, #expect.success(list(client)))
      answers { body = page(CAP + 1), gzip = gzip or nil }
      local items, err, so_far = list(client)
      expect.failure("limit", "BODY_TOO_LARGE", items, err)
      assert.are.equal("a", so_far[1].id)
      assert.are.equal(1, #so_far)
    end
    local many = {}
    for i = 0, 9 do many[i + 1] = (object(CAP):gsub("x", i, 1)) end
    answers { body = '{"scenarios":[' .. table.concat(many, ",") .. "]}" }
    assert.are.equal(10, #expect.success(list(client)))
  end)

  it("and all that stands beside the list, with names and commas", function()
    local function page(size)
      return '{"a":1,"scenarios":[{"id":"a"}],"x":"' .. ("x"):rep(size - 12) .. '"}'
    end
    answers { body = page(CAP) }
    assert.are.equal(1, #expect.success(list(client)))
    answers { body = page(CAP + 1) }
    expect.failure("limit", "BODY_TOO_LARGE", list(client))
  end)

  it("it is 64 MiB unless given", function()
    for more = 0, 1 do
      local raw = support.raw { {
        { read = "request" }, ("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"):format(CAPS.body + more),
        { send = ("x"):rep(MIB), times = CAPS.body / MIB }, ("x"):rep(more),
      } }
      local own = raw:client { max_retries = 0 }
      local value, err = get(own)
      if more == 0 then
        assert.are.equal(CAPS.body, #expect.success(value, err))
      else
        expect.failure("limit", "BODY_TOO_LARGE", value, err)
      end
      own:close()
      raw:stop()
    end
  end)

  it("what unpacks to nothing, without end, runs into the timeout", function()
    -- Empty blocks (RFC 1951 3.2.4), of which no cap on what is unpacked takes notice.
    local head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: application/json\r\n\r\n"
    local raw = support.raw { { { read = "request" }, head .. support.gzip(""):sub(1, 10), {
      send = ("\0\0\0\255\255"):rep(200), times = math.huge,
    } } }
    local own = raw:client { max_retries = 0, timeout = 0.5 }
    for _, ask in ipairs { archive, list, get } do
      local began = support.now()
      expect.failure("timeout", "OPERATION_TIMEDOUT", ask(own))
      assert.is_true(support.now() - began < 10)
    end
    own:close()
    raw:stop()
  end)

  it("of a page that unpacks all at once, more than libcurl keeps for one that is paused", function()
    -- zstd (RFC 8878): 400 MB in blocks that repeat one byte, behind one with the beginning of an item.
    local block, blocks, start = 128 * KIB, 3200, '{"scenarios":[{"id":"'
    local function bytes(n) return string.char(n % 256, math.floor(n / 256) % 256, math.floor(n / 65536)) end
    local function header(last) return bytes(block * 8 + 2 + last) .. "x" end
    local body = "\x28\xb5\x2f\xfd\x00\x38" .. bytes(#start * 8) .. start .. header(0):rep(blocks - 1) .. header(1)
    local raw = support.raw { { { read = "request" }, "HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: "
      .. #body .. "\r\n\r\n" .. body } }
    local own = raw:client { max_retries = 2 }
    local _, response = own.scenarios:list():collect()
    assert.is_false(response.retryable)
    expect.failure("limit", "BODY_TOO_LARGE", nil, response)
    own:close()
    raw:stop()
  end)

  it("memory does not grow with what a bomb would unpack to #heavy", function()
    server:fault { path = "/archive$", status = 200, gzip = "bomb", size = 1024 * MIB, times = math.huge }
    server:fault { path = "^/v1/scenarios$", status = 200, gzip = "bomb", size = 1024 * MIB, skip = 1, times = math.huge }
    local code, out, err = support.lua(([[
      local support = require "spec.support"
      local client = support.client(%q, { bearer_token = %q, max_retries = 0, max_body_bytes = 1000000 })
      local function peak()
        return tonumber(support.read_file("/proc/self/status"):match("VmHWM:%%s*(%%d+) kB")) / 1024
      end
      assert(client.scenarios:list():collect()) -- from here on all is loaded
      local before = peak()
      for _ = 1, 3 do
        local _, err = client.scenarios:archive("scn_1")
        assert(err.code == "BODY_TOO_LARGE", tostring(err))
        _, err = client.scenarios:list():collect()
        assert(err.code == "BODY_TOO_LARGE", tostring(err))
      end
      io.write(peak() - before)
    ]]):format(server.url, server.token), { measured = true })
    assert.are.equal(0, code, err)
    assert.is_true(tonumber(out) < 50, out .. " MiB more")
  end)
end)

describe("Caps on JSON:", function()
  local server, client
  setup(function()
    server = support.start { scenarios = 1 }
    client = server:client { max_retries = 0 }
  end)
  teardown(function()
    client:close()
    server:stop()
  end)

  -- `text(n)` has n of what is capped, as whole text or within one; each way takes those just inside, and none beyond.
  local function capped(n, code, texts)
    local function check(ask, text)
      server:fault { status = 200, body = text(n) }
      expect.success(ask(client))
      server:fault { status = 200, body = text(n + 1) }
      local value, err = ask(client)
      expect.failure("limit", code, value, err)
      assert.is_false(err.retryable)
    end
    check(archive, texts.object)
    check(get, texts.object)
    for _, page in ipairs(texts.pages) do check(list, page) end
    assert.is_truthy(runloop.json.decode(texts.object(n)))
    expect.failure("limit", code, runloop.json.decode(texts.object(n + 1)))
  end

  it("depth", function()
    local function nested(n) return ("["):rep(n) .. ("]"):rep(n) end
    capped(CAPS.depth, "TOO_DEEP", {
      object = function(n) return '{"id":' .. nested(n - 1) .. "}" end,
      pages = {
        function(n) return '{"scenarios":[{"id":"a","x":' .. nested(n - 3) .. "}]}" end,
        function(n) return '{"scenarios":[{"id":"a"}],"x":' .. nested(n - 1) .. "}" end,
      },
    })
    assert.is_truthy(runloop.json.decode(nested(CAPS.depth)))
    expect.failure("limit", "TOO_DEEP", runloop.json.decode(nested(CAPS.depth + 1)))
    local deep = runloop.array {}
    for _ = 2, CAPS.depth do deep = { deep } end
    assert.are.equal(nested(CAPS.depth), runloop.json.encode(deep))
    expect.raises("deep", function() runloop.json.encode { deep } end)
  end)

  it("length of a number", function()
    local function number(n) return "0." .. ("1"):rep(n - 2) end
    capped(CAPS.number, "BODY_TOO_LARGE", {
      object = function(n) return '{"id":' .. number(n) .. "}" end,
      pages = {
        function(n) return '{"scenarios":[{"id":"a","x":' .. number(n) .. "}]}" end,
        function(n) return '{"scenarios":[{"id":"a"}],"x":' .. number(n) .. "}" end,
      },
    })
    assert.are.equal(1 / 9, runloop.json.decode(number(CAPS.number)))
  end)

  it("length of a string: none but its body's", function()
    local long = ("x"):rep(MIB)
    server:fault { status = 200, body = '{"id":"' .. long .. '","' .. long .. '":1}' }
    local value = expect.success(archive(client))
    assert.are.equal(long, value.id)
    assert.are.equal(1, value[long])
  end)
end)

describe("A cap on HTTP/2:", function()
  it("so many calls at once, the others wait in the module #slow", function()
    local n, more = CAPS.streams, 50
    local peer = support.h2 { settings = { MAX_CONCURRENT_STREAMS = 1000 }, {
      { answer = 1, body = ANSWER }, { wait = 1 + n }, { sleep = 0.3 }, { answer = "all", body = ANSWER },
      { serve = { body = ANSWER } },
    } }
    local client, ids = peer:client { max_retries = 0 }, {}
    expect.success(archive(client)) -- from here on the client knows that it is HTTP/2
    for i = 1, n + more do ids[i] = "scn_" .. i end
    assert.are.equal(n + more, (client:map(ids, function(id) return client.scenarios:archive(id) end, {
      concurrency = n + more, results = false,
    })))
    local log = peer:log()
    assert.are.equal(1 + n + more, #log)
    assert.are.equal(1, peer:connections())
    -- So many have come before the first was answered, and not one more.
    assert.is_true(log[1 + n + 1].at - log[1 + n].at >= 0.25)
    client:close()
    peer:stop()
  end)
end)

describe("The manual's table of limits", function()
  it("names every cap", function()
    local limits = support.read_file(support.root .. "/docs/limits.md")
    for text, number in pairs {
      ["`max_body_bytes` (%d MiB)"] = CAPS.body / MIB, ["%d KiB in all"] = math.floor(CAPS.headers / KIB),
      ["one header: %d KiB"] = CAPS.header / KIB, ["%d headers"] = CAPS.count, ["1xx answers: %d;"] = CAPS.interim,
      ["JSON depth | %d;"] = CAPS.depth, ["JSON number | %d bytes"] = CAPS.number,
      ["HTTP/2 | at most %d calls"] = CAPS.streams,
    } do
      assert.is_truthy(limits:find(text:format(number), 1, true), text:format(number))
    end
  end)
end)
