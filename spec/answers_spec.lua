-- Answers that are legal or common but odd: codings, marks, headers that come twice.
local support = require "spec.support"
local expect = require "spec.support.expect"

local OBJECT = '{"id":"x"}'

describe("An answer", function()
  local server, client
  setup(function() server = support.start { scenarios = 5 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    client = server:client { max_retries = 3 }
  end)
  after_each(function() client:close() end)

  local function answers(body, headers, times)
    headers["Content-Type"] = headers["Content-Type"] or "application/json"
    server:fault { status = 200, body = body, headers = headers, times = times or math.huge }
  end

  local function attempts(_, response_or_err) return response_or_err.attempts end

  describe("in a coding", function()
    local page = '{"scenarios":[{"id":"a"}],"has_more":false}'
    local zip = support.zip { { "a", "b" } }

    for _, coding in ipairs { "UTF-8", "binary", "aws-chunked", "zip" } do
      it("that nobody knows is taken as it is (" .. coding .. ")", function()
        answers(OBJECT, { ["Content-Encoding"] = coding })
        local value, response = expect.success(client.scenarios:retrieve "x")
        assert.are.same({ "x", 2 }, { value.id, response.attempts })
        server:clear_faults()
        answers(page, { ["Content-Encoding"] = coding })
        assert.are.equal("a", expect.success(client.scenarios:list():collect())[1].id)
        server:clear_faults()
        answers(zip, { ["Content-Encoding"] = coding, ["Content-Type"] = "application/zip" })
        assert.are.equal(zip, expect.success(client.scenarios.runs:download_logs "r"))
      end)
    end

    it("that it has not, such as a zip that says it is gzip, is taken as it is", function()
      answers(zip, { ["Content-Encoding"] = "gzip", ["Content-Type"] = "application/zip" })
      assert.are.equal(zip, expect.success(client.scenarios.runs:download_logs "r"))
    end)

    local ODD = {
      ["of several members"] = function(text) return support.gzip(text:sub(1, 6)) .. support.gzip(text:sub(7)) end,
      ["with a last member that is empty"] = function(text) return support.gzip(text) .. support.gzip "" end,
      ["with padding"] = function(text) return support.gzip(text) .. ("\0"):rep(8) end,
      ["that is none"] = function(text) return "\31\139" .. text:reverse() end,
    }
    for what, pack in pairs(ODD) do
      it("gzip " .. what .. " is asked for once more without one", function()
        answers(pack(OBJECT), { ["Content-Encoding"] = "gzip" }, 1)
        answers(OBJECT, {})
        local value, response = expect.success(client.scenarios:retrieve "x")
        assert.are.same({ "x", 2 }, { value.id, response.attempts })
        assert.are.equal("identity", server:last().header["accept-encoding"])
        -- The handle is used again, and asks for codings as before.
        expect.success(client.scenarios:retrieve "x")
        assert.matches("gzip", server:last().header["accept-encoding"])
      end)

      it("gzip " .. what .. " is one error when nothing else comes", function()
        local calls = {
          [OBJECT] = function() return client.scenarios:retrieve "x" end,
          [page] = function() return client.scenarios:list():collect() end,
          [zip] = function() return client.scenarios.runs:download_logs "r" end,
        }
        for body, call in pairs(calls) do
          server:clear_faults()
          answers(pack(body), { ["Content-Encoding"] = "gzip" })
          local err = expect.failure("connection", "BAD_CONTENT_ENCODING", call())
          assert.matches("Content-Encoding: gzip", err.message, 1, true)
          assert.are.same({ 2, false }, { err.attempts, err.retryable })
        end
      end)
    end

    it("is asked for once more by a GET without retries, not by what may have changed something", function()
      answers(support.gzip(OBJECT) .. "\0", { ["Content-Encoding"] = "gzip" })
      assert.are.equal(2, attempts(client.scenarios:retrieve("x", { max_retries = 0 })))
      assert.are.equal(1, attempts(client.scenarios:archive("x", { max_retries = 0 })))
      assert.are.equal(2, attempts(client.scenarios:archive("x", { max_retries = 1 })))
    end)

    it("that cannot be read hides no status", function()
      server:fault { status = 404, body = "?", headers = { ["Content-Encoding"] = "gzip" } }
      local err = expect.failure("api", "not_found", client.scenarios:retrieve "x")
      assert.are.equal(1, err.attempts)
    end)

    it("that is one of many is one error, whatever the status", function()
      local many = { ["Content-Encoding"] = ("gzip, "):rep(20) .. "gzip" }
      for _, status in ipairs { 200, 404 } do
        server:fault { status = status, body = "?", headers = many, times = 1 }
        local value, response = expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
        assert.are.same({ server:ids("scenario")[1], 2 }, { value.id, response.attempts })
        server:fault { status = status, body = "?", headers = many, times = 1 }
        local err = expect.failure("connection", "BAD_CONTENT_ENCODING", client.scenarios:archive("x", { max_retries = 0 }))
        assert.matches("content encoding", err.message, 1, true)
      end
    end)

    it("that cannot be read is asked for without one where the status is one to try again", function()
      for _, coding in ipairs { "gzip", "UTF-8", "zstd" } do
        server:fault {
          status = 500, body = '{"message":"why"}', times = 2,
          headers = { ["Content-Encoding"] = coding, ["Content-Type"] = "application/json" },
        }
        local err = expect.failure("api", "internal_server", client.scenarios:archive("x", { max_retries = 1 }))
        assert.are.same({ "why", 2 }, { err.message, err.attempts })
      end
    end)

    it("of no bytes is what an empty one is", function()
      for _, framing in ipairs { "length", "chunked" } do
        for _, call in ipairs {
          function() return client.scenarios:retrieve "x" end,
          function() return client.scenarios:list():collect() end,
        } do
          server:clear_faults()
          server:fault { status = 200, body = "", framing = framing }
          local plain = select(2, call())
          server:fault { status = 200, body = "", framing = framing, headers = { ["Content-Encoding"] = "gzip" } }
          local packed = select(2, call())
          assert.are.same({ plain.kind, plain.code, plain.message, 1 },
            { packed.kind, packed.code, packed.message, packed.attempts })
        end
      end
    end)
  end)

  describe("with a byte order mark", function()
    local MARK = "\239\187\191"

    it("is read without it", function()
      answers(MARK .. OBJECT, {})
      assert.are.equal("x", expect.success(client.scenarios:retrieve "x").id)
      assert.are.equal("x", expect.success(client:request { path = "/x" }).id)
      server:clear_faults()
      server:fault { status = 404, body = MARK .. '{"message":"gone"}', headers = { ["Content-Type"] = "application/json" } }
      assert.are.equal("gone", expect.failure("api", nil, client.scenarios:retrieve "x").message)
    end)

    it("is read as a page, however it arrives", function()
      for _, trickle in ipairs { false, { bytes = 1, every = 0.001 } } do
        server:clear_faults()
        server:fault {
          status = 200, body = MARK .. '{"scenarios":[{"id":"a"}],"has_more":false}', trickle = trickle or nil,
          headers = { ["Content-Type"] = "application/json" },
        }
        assert.are.equal("a", expect.success(client.scenarios:list():collect())[1].id)
      end
    end)

    it("may have one, and tells where an error is with it", function()
      answers(MARK .. MARK .. OBJECT, {}, 1)
      local err = expect.failure("decode", "JSON", client.scenarios:retrieve "x")
      assert.matches("at byte 4:", err.message, 1, true)
    end)
  end)

  -- libcurl goes by the last of them, or by the digits that one begins with: a part would look like the whole.
  for what, headers in pairs {
    ["that differ"] = { { "Content-Length", "2" }, { "Content-Length", "3" } },
    ["that differ in one header"] = { { "Content-Length", "3, 2" } },
    ["that are none"] = { { "Content-Length", "0x2" } },
    ["beyond all bounds"] = { { "Content-Length", "99999999999999999999" } },
  } do
    it("with lengths " .. what .. " is an error of the connection, and tried again", function()
      local head = { "HTTP/1.1 200 OK", "Content-Type: text/plain" }
      for _, header in ipairs(headers) do head[#head + 1] = header[1] .. ": " .. header[2] end
      local raw = support.raw { table.concat(head, "\r\n") .. "\r\n\r\nwhole" }
      finally(function() raw:stop() end)
      local own = raw:client { max_retries = 1, max_retry_wait = 0 }
      local err = expect.failure("connection", "WEIRD_SERVER_REPLY", own:request { path = "/text" })
      assert.are.equal(2, err.attempts)
      own:close()
    end)
  end

  it("with one length said twice is read", function()
    local raw = support.raw {
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5, 5\r\nContent-Length: 5\r\n\r\nwhole",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nwhole\r\n0\r\n\r\n",
    }
    finally(function() raw:stop() end)
    local own = raw:client { max_retries = 0 }
    assert.are.equal("whole", expect.success(own:request { path = "/text" }))
    assert.are.equal("whole", expect.success(own:request { path = "/text" })) -- chunks go before lengths (RFC 9112, 6.3)
    own:close()
  end)

  it("whose content type comes twice is read as what it is", function()
    for _, content_type in ipairs {
      { "application/json", "application/json" }, { "application/json, application/json;charset=utf-8" },
      { "application/problem+json;a=b", "text/plain" }, { "text/plain, application/json ; charset=utf-8" },
      { 'text/plain;a="b,c"', "Application/JSON" },
    } do
      server:fault { status = 200, body = OBJECT, set_headers = { ["Content-Type"] = content_type } }
      assert.are.equal("x", expect.success(client:request { path = "/x" }).id)
    end
  end)

  it("whose content type only speaks of JSON is a text", function()
    for _, content_type in ipairs {
      "application/jsonl", 'text/plain; a="x,application/json"', "text/plain;application/json",
    } do
      server:fault { status = 200, body = OBJECT, set_headers = { ["Content-Type"] = { content_type } } }
      assert.are.equal(OBJECT, (expect.success(client:request { path = "/x" })))
    end
  end)
end)
