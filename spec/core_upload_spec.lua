-- The core's request bodies that are read as they are sent, and what is told of how far they are.
local core = require "runloop.core"
local multipart = require "runloop.multipart"
local support = require "spec.support"

local OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
-- The peer closes behind its answer in any case: said so, no request meets a connection that is about to go.
local CLOSING = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
-- Header lines that take away what libcurl would send of its own accord.
local NO_HEADERS = { "Accept:", "Accept-Encoding:", "Content-Type:" }

describe("a body that is read as it is sent", function()
  local raw, http, directory

  before_each(function()
    http = core.http {}
    directory = support.tmpdir()
  end)

  after_each(function()
    http:close()
    if raw then raw:stop() end
    raw = nil
  end)

  local function serve(...) raw = support.raw { ... } end

  local function file(text, name)
    local path = directory .. "/" .. (name or "file")
    support.write_file(path, text)
    return path
  end

  local function start(body, fields, sink, lines)
    local request = { url = raw.url .. "/x", method = "POST", body = body }
    for name, value in pairs(fields or {}) do request[name] = value end
    return http:start(request, lines or { "Content-Type: text/plain" }, nil, nil, sink)
  end

  local function finish(transfer)
    while not transfer:finished() do
      if not transfer:want() then http:turn(5) end
      http:ready()
    end
    return transfer:finish()
  end

  local function head_and_body(n)
    local request = raw:log()[n or 1].requests[1]
    local head, body = request:match("^(.-\r\n\r\n)(.*)$")
    return head, body
  end

  it("is a file's content, with its length", function()
    serve(CLOSING)
    local text = ("line\0\r\n"):rep(20000)
    for _, method in ipairs { "POST", "PUT" } do
      local kind, _, _, status = finish(start({ { file = file(text) } }, { method = method }))
      assert.are.same({ "ok", 200 }, { kind, status })
    end
    for n, method in ipairs { "POST", "PUT" } do
      local head, body = head_and_body(n)
      assert.matches("^" .. method .. " /x HTTP/1.1\r\n", head)
      assert.matches("\r\nContent%-Length: 140000\r\n", head)
      assert.not_matches("[Cc]hunked", head)
      assert.not_matches("Expect", head)
      assert.is_true(body == text)
    end
  end)

  it("may be empty", function()
    serve(CLOSING)
    for n, body in ipairs { { { file = file "" } }, {}, { "" } } do
      assert.are.equal("ok", (finish(start(body, { method = "PUT" }))))
      assert.matches("\r\nContent%-Length: 0\r\n", (head_and_body(n)))
    end
  end)

  it("is texts and files, one behind the other", function()
    serve(OK)
    finish(start { "head|", { file = file("one", "1") }, "", "|", { file = file("two", "2") }, "|tail" })
    local head, body = head_and_body()
    assert.are.equal("head|one|two|tail", body)
    assert.matches("\r\nContent%-Length: 17\r\n", head)
  end)

  local function whole(body)
    while not body:step() do end
    return body
  end

  it("is long texts in memory of the core's, beside others", function()
    serve(CLOSING)
    local text = ("0123456789\0\255"):rep(20000)
    local long = whole(core.body(text))
    finish(start { "head|", long, { file = file("one", "1") }, long, "|tail" })
    finish(start(long))
    local _, body = head_and_body()
    assert.is_true(body == "head|" .. text .. "one" .. text .. "|tail")
    _, body = head_and_body(2)
    assert.is_true(body == text)
  end)

  it("is a long JSON text that is written piece by piece", function()
    serve(CLOSING)
    local value = { a = { ('x"\n'):rep(50000), "b", ("é"):rep(90000) } }
    local long = whole(core.json_encode(value, false, true))
    finish(start(long))
    local _, body = head_and_body()
    assert.is_true(body == core.json_encode(value))
    local numbers = {}
    for i = 1, 30000 do numbers[i] = i end
    finish(start(whole(core.json_encode(numbers, false, true))))
    _, body = head_and_body(2)
    assert.is_true(body == core.json_encode(numbers))
  end)

  it("is written in pieces that do not grow with it", function()
    local text, steps = ('x"\n'):rep(1e6), 0
    for _, body in ipairs { core.body(text), core.json_encode({ text }, false, true) } do
      repeat steps = steps + 1 until body:step()
    end
    assert.is_true(steps >= 2 * #text / 2 ^ 16)
  end)

  it("is a text where names are sorted", function()
    local value = { z = ("x"):rep(100000), a = 1 }
    assert.is_true(core.json_encode(value, true, true) == core.json_encode(value, true))
  end)

  it("lasts as long as it is sent, though it was released #slow", function()
    serve(OK)
    local text = ("0123456789"):rep(100000)
    local long = whole(core.body(text))
    local transfer = start(long)
    long:release()
    support.gc()
    assert.are.equal("ok", (finish(transfer)))
    local _, body = head_and_body()
    assert.is_true(body == text)
  end)

  it("is refused before it is whole, and when it was released", function()
    serve()
    local long = core.body(("x"):rep(100000))
    local function starts(body)
      local ok, message = pcall(start, body)
      assert.is_false(ok)
      assert.matches("a body must be whole, and not released", message)
    end
    starts(long)
    starts { "x", long }
    whole(long)
    long:release()
    long:release()
    starts(long)
    assert.is_false((pcall(long.step, long)))
    assert.equal("short", core.body "short")
    local refused = core.json_encode({ a = { ("x"):rep(100000) .. "\255" } }, false, true)
    local step, path, reason
    repeat step, path, reason = refused:step() until step ~= false
    assert.are.same({ "a[1]", "is not well-formed UTF-8" }, { path, reason })
    assert.is_nil(step)
    starts(refused)
  end)

  it("is sent in an order that is its own though others are sent beside it #slow", function()
    serve(OK)
    local texts, transfers = {}, {}
    for i = 1, 8 do
      texts[i] = (i .. ","):rep(50000)
      transfers[i] = start { { file = file(texts[i], i) } }
    end
    for i = 1, 8 do assert.are.equal("ok", (finish(transfers[i]))) end
    local got = {}
    for n = 1, 8 do
      local _, body = head_and_body(n)
      got[tonumber(body:match "^%d")] = body
    end
    for i = 1, 8 do assert.is_true(got[i] == texts[i]) end
  end)

  it("goes to another origin with nothing of ours but its length", function()
    serve(OK)
    http:close()
    http = core.http { base_headers = { "Authorization: Bearer secret", "Accept: application/json" } }
    local transfer = http:start({ url = raw.url .. "/put?sig=1", method = "PUT", body = { { file = file "abc" } } },
      NO_HEADERS, true)
    assert.are.equal("ok", (finish(transfer)))
    assert.are.equal("PUT /put?sig=1 HTTP/1.1\r\nHost: 127.0.0.1:" .. raw.port .. "\r\nContent-Length: 3\r\n\r\n",
      (head_and_body()))
  end)

  it("goes over the other scheme only where that is allowed #slow", function()
    raw = support.raw { OK, after = "repeat" }
    local secure = support.raw { OK, after = "repeat", tls = "localhost" }
    for _, case in ipairs { { https = true, url = raw.url }, { https = false, url = secure.url } } do
      local client = core.http { https = case.https, ca_file = support.certificates().ca_file }
      for _, allowed in ipairs { false, true, false, true } do
        local transfer = client:start { url = case.url .. "/", method = "PUT", body = { "x" }, any_scheme = allowed }
        while not transfer:want() do client:turn(5) end
        local kind, code = transfer:finish()
        assert.are.same(allowed and { "ok", "OK" } or { "connection", "UNSUPPORTED_PROTOCOL" }, { kind, code })
      end
      client:close()
    end
    secure:stop()
  end)

  it("is refused before anything is sent when a file cannot be read", function()
    serve(OK)
    support.run { "mkfifo", directory .. "/pipe" }
    for name, why in pairs { none = "No such file or directory", [""] = "Is a directory", pipe = "not a regular file" } do
      local path = directory .. "/" .. name
      local transfer, message = start { "x", { file = file "y" }, { file = path } }
      assert.is_nil(transfer)
      assert.are.equal(path .. ": " .. why, message)
    end
    http:turn(0)
    assert.are.equal(0, (http:stats()))
    assert.are.equal(0, raw:connections())
  end)

  for name, text in pairs { grown = "12345", shrunk = "123" } do
    it("is a fault of the file when that has " .. name .. " since", function()
      serve(OK)
      local path = file "1234"
      local transfer = start { { file = path } }
      file(text)
      local kind, code, message = finish(transfer)
      assert.are.same({ "file", "READ", "the file has " .. name .. " while it was sent" }, { kind, code, message })
    end)
  end

  it("is a fault of the file when that shrinks while it is sent #slow", function()
    serve { { read = 1000 }, { sleep = 60 } }
    local path = file(("x"):rep(20 * 1000 * 1000))
    local transfer = start { { file = path } }
    repeat until http:turn(0.2) == 0 -- the server takes no more
    file "x"
    local sent = transfer:progress()
    assert.is_true(sent > 0 and sent < 20 * 1000 * 1000)
    raw:stop()
    local kind = finish(transfer)
    assert.is_true(kind == "file" or kind == "connection", kind)
  end)

  it("is sent again from its start when a kept connection had died", function()
    serve({ { read = "request" }, OK, { read = 100000 }, { reset = true } }, OK)
    assert.are.equal("ok", (finish(http:start { url = raw.url .. "/", method = "GET" })))
    local text = ("0123456789"):rep(50000)
    local transfer = start { "head", { file = file(text) } }
    local kind, _, _, status, _, _, _, _, repeated = finish(transfer)
    assert.are.same({ "ok", 200, true }, { kind, status, repeated })
    local _, body = head_and_body(2)
    assert.is_true(body == "head" .. text)
    assert.are.same({ #body, #body }, { transfer:progress(), (select(2, transfer:progress())) })
  end)

  it("need not be read to its end by a server that refuses it #slow", function()
    serve { { read = 1000 }, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
      { shutdown = true }, { hold = true } }
    local kind, _, _, status = finish(start { { file = file(("x"):rep(20 * 1000 * 1000)) } })
    assert.are.same({ "ok", 413 }, { kind, status })
  end)

  it("leaves no descriptor open, however it ends", function()
    serve(CLOSING, CLOSING, { { hold = true } })
    local path = file(("x"):rep(1000000))
    finish(http:start { url = raw.url .. "/", method = "GET" })
    local before = support.fds()
    assert.are.equal("ok", (finish(start { { file = path } })))
    local cancelled, released = start { { file = path } }, start { { file = path } }
    http:turn(0)
    cancelled:cancel()
    released:release()
    assert.is_nil((start { { file = path }, { file = directory .. "/none" } }))
    assert.is_true(support.fds() <= before + 1, "descriptors are left open") -- a connection may have been kept
  end)

  it("raises for what is no body", function()
    serve(OK)
    for _, body in ipairs { { 1 }, { {} }, { { file = 1 } }, { "x", false } } do
      assert.has_error(function() start(body) end)
    end
    assert.has_error(function() start { { file = "a\0b" } } end, "field 'file' must not contain a zero byte")
    assert.has_error(function() start(12) end, "field 'body' must be a string, got a number")
  end)

  describe("as a form", function()
    it("has its parts in order, and a boundary of its own", function()
      serve(OK)
      local function send()
        local body, content_type = multipart.form {
          { name = "path", text = "dir/a file.txt" },
          { name = "file", file = file "content\r\n", filename = 'a"b\r\n.txt', content_type = "application/octet-stream" },
        }
        finish(start(body, nil, nil, { "Content-Type: " .. content_type }))
        return content_type:match "^multipart/form%-data; boundary=(.*)$"
      end
      local first, second = send(), send()
      assert.are_not.equal(first, second)
      assert.is_true(#first <= 70)
      for n, boundary in ipairs { first, second } do
        local head, body = head_and_body(n)
        assert.are.equal(table.concat {
          "--", boundary, '\r\nContent-Disposition: form-data; name="path"\r\n\r\ndir/a file.txt\r\n--', boundary,
          '\r\nContent-Disposition: form-data; name="file"; filename="a%22b%0D%0A.txt"\r\n',
          "Content-Type: application/octet-stream\r\n\r\ncontent\r\n\r\n--", boundary, "--\r\n",
        }, body)
        assert.matches("\r\nContent%-Length: " .. #body .. "\r\n", head)
      end
    end)

    it("has texts in the place of files", function()
      serve(OK)
      local body, content_type = multipart.form { { name = "file", text = "bytes\0", filename = "upload" } }
      finish(start(body, nil, nil, { "Content-Type: " .. content_type }))
      local _, got = head_and_body()
      assert.matches('filename="upload"\r\n\r\nbytes%z\r\n%-%-', got)
    end)
  end)

  describe("tells how far it is", function()
    it("as news, at the pace that is asked for", function()
      serve(OK)
      local size = 5 * 1000 * 1000
      local transfer = start({ { file = file(("x"):rep(size)) } }, nil, { pace = 1e-9 })
      local steps, last = 0, 0
      while not transfer:finished() do
        while not transfer:want() do http:turn(5) end
        local sent, total = transfer:progress()
        assert.is_true(total == size and sent >= last and sent <= total)
        steps, last = steps + 1, sent
      end
      assert.are.equal(size, last)
      assert.is_true(steps > 10, steps .. " steps")
    end)

    it("and is no news more often than that", function()
      serve(OK)
      local transfer = start({ { file = file(("x"):rep(5000000)) } }, nil, { pace = 1000 })
      transfer:progress()
      local steps = 0
      repeat
        while not transfer:want() do http:turn(5) end
        steps = steps + 1
      until transfer:finished()
      assert.are.equal(1, steps)
    end)

    it("of what is received, and of how much that will be where it is known", function()
      serve(OK, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      for _, expected in ipairs { { 5, 5, 2, 2 }, { 5, 5, 3 }, { 5, 5, 0, 0 } } do
        local transfer = start { "12345" }
        finish(transfer)
        assert.are.same(expected, { transfer:progress() })
      end
      local transfer = start "123"
      assert.are.same({ 0, 3, 0 }, { transfer:progress() })
      finish(transfer)
      assert.are.same({ 3, 3, 0, 0 }, { transfer:progress() })
    end)
  end)

  describe("with patience", function()
    it("is timed by its longest silence, which sending ends #slow", function()
      serve { { lua = [[
        local c = ...
        for _ = 1, 6 do
          c:read(2000000)
          c:sleep(0.25)
        end
        c:send "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        c:drain()
      ]] } }
      local transfer = start({ { file = file(("x"):rep(12000000)) } }, { timeout = 1 }, { patient = true })
      assert.are.equal("ok", (finish(transfer)))
    end)

    it("times out in silence #slow", function()
      serve { { read = 1000 }, { sleep = 60 } }
      local transfer = start({ { file = file(("x"):rep(20000000)) } }, { timeout = 0.2 }, { patient = true })
      local kind, code, message = finish(transfer)
      assert.are.same({ "timeout", "OPERATION_TIMEDOUT", "no byte for 0.2 s" }, { kind, code, message })
    end)

    it("or without, by the whole attempt", function()
      serve { { read = 1000 }, { hold = true } }
      local kind, _, message = finish(start({ { file = file "x" } }, { timeout = 0.2 }))
      assert.are.same({ "timeout", "no answer within 0.2 s" }, { kind, message })
    end)
  end)

  it("takes no memory for what a large file holds #slow", function()
    serve { { lua = [[
      local c = ...
      for _ = 1, 1000 do c:read(2^16) end
      c:send "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
      c:drain()
    ]] } }
    local path = directory .. "/sparse"
    support.run { "truncate", "-s", "64M", path }
    local code, out, err = support.lua(([[
      local core, support = require "runloop.core", require "spec.support"
      local http = core.http {}
      local before = support.rss()
      local transfer = http:start { url = %q, method = "PUT", body = { { file = %q } } }
      repeat http:turn(5) until transfer:finished()
      local _, _, _, status = transfer:finish()
      io.write(status, " ", support.rss() - before)
    ]]):format(raw.url .. "/", path), { measured = true })
    assert.are.equal(0, code, err)
    local status, grown = out:match "^(%d+) (%-?%d+)"
    assert.are.equal("200", status)
    assert.is_true(tonumber(grown) < 8e6, grown)
  end)
end)
