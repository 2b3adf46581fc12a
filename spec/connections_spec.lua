-- Connections that are silent, opening, closing or of another version: what a call does about them.
local core = require "runloop.core"
local socket = require "socket"
local support = require "spec.support"
local compile = require "spec.support.compile"
local expect = require "spec.support.expect"
local process = require "spec.support.process"
local tasks = require "spec.support.tasks"

local ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n" .. '{"id":"x"}'
local OBJECT = { body = '{"id":"x"}' }

local servers = {}
local function started(server)
  servers[#servers + 1] = server
  return server
end

local function retrieve(client, options) return client.scenarios:retrieve("x", options) end

-- Several calls at once -> how many were successful, the first error. All of them begin before any answer is read, which
-- those of a map might not: it gives way when its turn has taken long.
local function retrieve_many(client, n, options)
  local list, count, first_err = {}, 0, nil
  for i = 1, n do list[i] = client:spawn(retrieve, client, options) end
  for _, task in ipairs(list) do
    local value, err = task:wait()
    if value then count = count + 1 else first_err = first_err or err end
  end
  return count, first_err
end

-- As tasks.poll_until, of the core's client.
local function turn_until(http, condition)
  tasks.poll_until({ poll = function(_, seconds) http:turn(seconds) end }, condition)
end

describe("A connection #slow", function()
  after_each(function()
    for _, server in ipairs(servers) do server:stop() end
    servers = {}
  end)

  describe("that went silent", function()
    -- A call that meets silence: the next attempt has as much time, and must not miss it on a slow machine.
    local HASTY = { timeout = 1 }
    -- Answers one request, and then nobody, as when a router has forgotten the connection.
    local ONCE = { { serve = OBJECT, count = 1 }, { hold = true } }

    it("over HTTP/2 costs one attempt, and serves nobody again", function()
      local peer = started(support.h2 { ONCE, { { serve = OBJECT } } })
      local client = peer:client { max_retries = 1 }
      expect.success(retrieve(client))
      local _, response = expect.success(retrieve(client, HASTY))
      assert.are.equal(2, response.attempts)
      for _ = 1, 3 do
        _, response = expect.success(retrieve(client))
        assert.are.equal(1, response.attempts)
      end
      assert.are.equal(2, peer:connections())
      client:close()
    end)

    it("over HTTP/2 is left by those that wait for it, too", function()
      local peer = started(support.h2 {
        settings = { MAX_CONCURRENT_STREAMS = 2 }, ONCE, { { serve = OBJECT } },
      })
      local client = peer:client { max_retries = 1, max_connections = 1 }
      expect.success(retrieve(client))
      local count, err = retrieve_many(client, 20, HASTY)
      assert.is_nil(err)
      assert.are.equal(20, count)
      assert.are.equal(2, peer:connections())
      client:close()
    end)

    it("by a deadline is left by the next call", function()
      local peer = started(support.h2 { ONCE, { { serve = OBJECT } } })
      local client = peer:client { timeout = 10, max_retries = 0 }
      expect.success(retrieve(client))
      expect.failure("timeout", "DEADLINE", retrieve(client, { deadline = 0.3 }))
      expect.success(retrieve(client))
      assert.are.equal(2, peer:connections())
      client:close()
    end)

    it("in the middle of an answer is not asked for the rest", function()
      local peer = started(support.h2 {
        { { answer = 1, body = '{"id":"x"}' }, { answer = 2, cut = 4, body = '{"id":"x"}' }, { hold = true } },
        { { serve = OBJECT } },
      })
      local client = peer:client { max_retries = 1 }
      expect.success(retrieve(client))
      local _, response = expect.success(retrieve(client, HASTY))
      assert.are.equal(2, response.attempts)
      client:close()
    end)

    it("over HTTP/1.1 makes the idle ones of its age suspect", function()
      local scripts = {}
      for i = 1, 5 do scripts[i] = { { read = "request" }, ANSWER, { hold = true } } end
      scripts[6] = { { serve = ANSWER } }
      local raw = started(support.raw(scripts))
      local client = raw:client { max_retries = 1 }
      assert.are.equal(5, (retrieve_many(client, 5)))
      assert.are.equal(5, raw:connections())
      local _, response = expect.success(retrieve(client, HASTY))
      assert.are.equal(2, response.attempts)
      for _ = 1, 3 do
        _, response = expect.success(retrieve(client))
        assert.are.equal(1, response.attempts)
      end
      assert.are.equal(6, raw:connections())
      client:close()
    end)

    it("of lists and of calls makes those of the other suspect", function()
      local peer = started(support.h2 {
        { { serve = OBJECT, count = 1 }, { hold = true } },
        { http1 = ANSWER }, { { serve = OBJECT } }, { http1 = ANSWER },
      })
      local client = peer:client { max_retries = 1 }
      expect.success(retrieve(client))
      client.scenarios:list():next()
      assert.are.equal(2, peer:connections())
      expect.success(retrieve(client, HASTY))
      assert.are.equal(3, peer:connections())
      client.scenarios:list():next()
      assert.are.equal(4, peer:connections())
      client:close()
    end)

    it("keeps its place in max_connections until it is closed", function()
      local server = started(support.start { scenarios = 5 })
      local client = server:client { timeout = 1, max_retries = 2, max_connections = 2 }
      expect.success(retrieve_many(client, 2))
      server:fault { silent = true, times = 2 }
      local most = 0
      for _ = 1, 8 do
        client:spawn(function() expect.success(client.scenarios:retrieve(server:ids("scenario")[1])) end)
      end
      while client:poll(0.02) > 0 do most = math.max(most, #client:fds()) end
      assert.is_true(most > 0 and most <= 2, "there were " .. most)
      client:close()
    end)
  end)

  describe("that works", function()
    it("over HTTP/2 is kept when one of its calls gets no answer", function()
      local peer = started(support.h2 {
        { { answer = 1, body = '{"id":"x"}' }, { wait = 3 }, { sleep = 0.3 }, { answer = 3, body = '{"id":"x"}' },
          { wait = 4 }, { answer = 4, body = '{"id":"x"}' }, { hold = true } },
      })
      local client = peer:client { timeout = 1, max_retries = 1 }
      expect.success(retrieve(client))
      assert.are.equal(2, (retrieve_many(client, 2)))
      assert.are.equal(1, peer:connections())
      client:close()
    end)

    it("is kept when a new one next to it meets a slow server", function()
      local read = { read = "request" }
      local raw = started(support.raw {
        { read, ANSWER, read, { sleep = 0.15 }, ANSWER, { serve = ANSWER } }, { read, { hold = true } },
      })
      local client = raw:client { timeout = 1, max_retries = 0 }
      expect.success(retrieve(client))
      assert.are.equal(1, (retrieve_many(client, 2)))
      expect.success(retrieve(client))
      assert.are.equal(2, raw:connections())
      client:close()
    end)
  end)

  describe("that is being opened", function()
    local ONE_STREAM = { MAX_CONCURRENT_STREAMS = 1 }

    it("beside one that has no stream left counts against timeout and connect_timeout", function()
      for _, limits in ipairs { { timeout = 1, connect_timeout = 30 }, { timeout = 30, connect_timeout = 1 } } do
        local peer = started(support.h2 {
          settings = ONE_STREAM, { { answer = 1, body = '{"id":"x"}' }, { hold = true } }, { mute = true },
        })
        limits.max_retries = 0
        local client = peer:client(limits)
        expect.success(retrieve(client))
        client:spawn(function() client.scenarios:retrieve("x", { timeout = 60 }) end) -- takes the stream
        local began = support.now()
        expect.failure("timeout", "OPERATION_TIMEDOUT", retrieve(client))
        assert.is_true(support.now() - began < 5)
        client:close()
      end
    end)
  end)

  describe("to a server that stops speaking HTTP/2", function()
    it("is waited for as long as it takes, by all that wait", function()
      local head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n"
      local peer = started(support.h2 {
        { { serve = OBJECT, count = 1 }, { close = true } }, { http1 = head .. '{"id":"x"}', delay = 0.3 },
      })
      local client = peer:client { connect_timeout = 1, timeout = 20, max_retries = 1, max_connections = 2 }
      expect.success(retrieve(client))
      local count, err = retrieve_many(client, 12)
      assert.is_nil(err)
      assert.are.equal(12, count)
      client:close()
    end)
  end)

  -- What is sent and held back is told by spec/c/packets.c.
  describe("that several calls share", function()
    it("sends what begins together in packets that it shares, and holds nothing back longer than that", function()
      local log = support.tmpdir() .. "/packets"
      local peer = started(support.h2 { { { serve = OBJECT, count = 1 }, { wait = 9 }, { serve = OBJECT } } })
      local script = ([[
        local client = require "runloop".new {
          base_url = %q, ca_file = %q, bearer_token = "test-token", max_retries = 0,
        }
        local function note(what)
          local file = assert(io.open(%q, "a"))
          file:write(what, "\n")
          file:close()
        end
        local function retrieve() return assert(client.scenarios:retrieve "x") end
        retrieve()
        note "together"
        local ids = { 1, 2, 3, 4, 5, 6, 7, 8 }
        assert(client:map(ids, retrieve, { concurrency = 8, results = false }) == 8)
        note "alone"
        retrieve()
      ]]):format(peer.url, peer.ca_file, log)
      local code, _, err = support.run({ process.interpreter(), "-e", script }, {
        preload = true, cwd = support.root, env = {
          LUA_PATH = package.path, LUA_CPATH = package.cpath, PACKETS_LOG = log,
          LD_PRELOAD = (os.getenv "LD_PRELOAD" or "") .. " " .. compile.library(support.root, "packets"),
        },
      })
      assert.are.equal(0, code, err)
      local phase, held, sent, sent_held = "before", nil, {}, {}
      for line in support.read_file(log):gmatch "[^\n]+" do
        local what, fd = line:match "^(.-) (%d+)$"
        if what == "hold" then
          assert.is_nil(held)
          held = fd
        elseif what == "let go" then
          assert.are.equal(held, fd)
          held = nil
        elseif what == "send" then
          sent[phase] = true
          sent_held[phase] = sent_held[phase] or held == fd
        else
          assert.is_nil(held)
          phase = line
        end
      end
      assert.is_nil(held)
      assert.are.same({ before = true, together = true, alone = true }, sent)
      assert.are.same({ before = false, together = true, alone = false }, sent_held)
    end)
  end)

  describe("that was given up by its server", function()
    -- What the server does with an idle connection; the second is asked, as libcurl has it.
    local function given_up(bytes, tls)
      local path = support.tmpdir() .. "/sent"
      local raw = started(support.raw {
        tls = tls,
        { { read = "request" }, ANSWER, { lua = ([[
          local conn = ...
          conn:send(%q)
          conn:close()
          io.open(%q, "w"):close()]]):format(bytes, path) } },
        { { serve = ANSWER } },
      })
      local client = raw:client { max_retries = 0 }
      expect.success(retrieve(client))
      tasks.poll_until(client, function() return support.exists(path) end)
      return raw, client
    end

    for _, tls in ipairs { false, "localhost" } do
      local how = tls and " (TLS)" or ""
      it("with a 408 on it is dropped, and costs no attempt" .. how, function()
        local raw, client = given_up("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
          tls or nil)
        for _ = 1, 2 do
          local _, response = expect.success(client.scenarios:archive("x"))
          assert.are.same({ 200, 1 }, { response.status, response.attempts })
        end
        assert.are.equal(2, raw:connections())
        client:close()
      end)

      it("without a word is dropped, and costs no attempt" .. how, function()
        local raw, client = given_up("", tls or nil)
        local _, response = expect.success(client.scenarios:archive("x"))
        assert.are.same({ 200, 1 }, { response.status, response.attempts })
        assert.are.equal(2, raw:connections())
        client:close()
      end)
    end

    -- Of two idle connections the one that is asked ends without an answer, and the other has been given up meanwhile.
    local function both_given_up()
      local idle = { { read = "request" }, ANSWER, { lua = [=[
        local conn = ...
        idle = idle or {}
        idle[conn] = true
        if not conn:read_request() then return end
        for other in pairs(idle) do
          if other ~= conn then other:send "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n" end
        end
        conn:close()]=] } }
      local raw = started(support.raw {
        idle, idle, { { serve = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n" } },
      })
      local client = raw:client { max_retries = 0 }
      assert.are.equal(2, (retrieve_many(client, 2)))
      assert.are.equal(2, raw:connections())
      return raw, client
    end

    it("is dropped, and that the request was sent over another one before is not forgotten", function()
      local raw, client = both_given_up()
      local err = expect.failure("api", "internal_server", client.scenarios:archive("x"))
      assert.is_true(err.maybe_sent)
      assert.are.equal(4, raw:request_count())
      client:close()
    end)

    it("is not asked what must not come twice, when it was sent over another one before", function()
      local raw, client = both_given_up()
      local err = expect.failure("connection", "RECV_ERROR", client.devboxes:execute_async("x", { command = "true" }))
      assert.is_true(err.maybe_sent)
      assert.are.equal(3, raw:request_count())
      client:close()
    end)

    -- Ends this process's connections to the server for writing, as those that were reset while they were written to.
    local function end_writing(raw)
      local listener = assert(socket.bind("127.0.0.1", 0))
      local _, port = listener:getsockname()
      local lens = assert(socket.connect("127.0.0.1", port))
      local own, ended = lens:getfd(), 0
      for _, name in ipairs(support.list_dir "/proc/self/fd") do
        lens:setfd(tonumber(name))
        local _, peer = lens:getpeername()
        if tonumber(peer) == raw.port then
          lens:shutdown "send"
          ended = ended + 1
        end
      end
      lens:setfd(own)
      lens:close()
      listener:close()
      assert.are.equal(1, ended)
    end

    -- A server that answers once, and reads but the beginning of the second request; and whether it has done so.
    local function reading_little()
      local path = support.tmpdir() .. "/begun"
      local raw = started(support.raw {
        { { read = "request" }, ANSWER, { read = 1000 }, { lua = ([[io.open(%q, "w"):close()]]):format(path) }, { sleep = 60 } },
        ANSWER,
      })
      return raw, function() return support.exists(path) end
    end

    -- Makes a call with a body, over a kept connection that ends while that is sent.
    local function while_sending(call)
      local raw, has_begun = reading_little()
      local client = raw:client { max_retries = 0 }
      expect.success(retrieve(client))
      local value, answer
      client:spawn(function() value, answer = call(client, ("x"):rep(20000000)) end)
      tasks.poll_until(client, has_begun)
      assert.is_nil(answer)
      end_writing(raw)
      tasks.poll_until(client, function() return answer end)
      client:close()
      return raw, value, answer
    end

    it("while a request is sent is dropped, and costs no attempt", function()
      local raw, value, response = while_sending(function(client, text)
        return client.scenarios:update("x", { name = text })
      end)
      assert.are.equal("x", value.id)
      assert.are.same({ 200, 1 }, { response.status, response.attempts })
      assert.are.equal(2, raw:request_count())
      assert.matches('"name":"x*"}$', raw:log()[2].requests[1])
    end)

    it("before an answer comes is dropped, and costs no attempt, however often that was so", function()
      local raw = started(support.raw { { { read = "request" }, ANSWER, { read = "request" }, { reset = true } } })
      local client = raw:client { max_retries = 0 }
      for _ = 1, 15 do
        local _, response = expect.success(retrieve(client))
        assert.are.equal(1, response.attempts)
      end
      assert.are.equal(15, raw:connections())
      client:close()
    end)

    it("while a request is sent is not forgotten if that one never goes out again", function()
      local raw, has_begun = reading_little()
      local http = core.http { base_headers = {}, proxy = "" }
      local first = http:start { url = raw.url .. "/", method = "GET" }
      turn_until(http, function() return first:finished() end)
      local transfer = http:start { url = raw.url .. "/", method = "POST", body = ("x"):rep(20000000) }
      turn_until(http, has_begun)
      http:hold(3600)
      end_writing(raw)
      turn_until(http, function() return http:stats() == 1 end) -- it waits for another connection
      transfer:cancel()
      local kind, _, _, _, _, _, sent, _, repeated = transfer:finish()
      assert.are.same({ "cancelled", true, true }, { kind, sent, repeated })
      http:close()
    end)

    it("while it is sent what must not come twice ends the call", function()
      local raw, value, err = while_sending(function(client, text)
        return client.devboxes:execute_async("x", { command = text })
      end)
      expect.failure("connection", "SEND_ERROR", value, err)
      assert.is_true(err.maybe_sent)
      assert.are.equal(1, raw:request_count())
    end)
  end)
end)
