-- The core's clients, where nothing else shows what they do.
local portable = require "spec.support.portable"
local core = require "runloop.core"
local support = require "spec.support"

local it_incremental = portable.incremental and it or pending

describe("core.http", function()
  it("starts nothing in a client that a finalizer has closed meanwhile #slow", function()
    local headers = {}
    for i = 1, 20000 do headers[i] = "x-header: value" end -- so much memory that the collector comes within `start`
    for _ = 1, 20 do
      local http, closed = core.http {}, false
      portable.guard(function()
        closed = true
        http:close()
      end)
      local request = { url = "http://127.0.0.1:9/", method = "GET" }
      repeat
        local ok, transfer = pcall(http.start, http, request, headers)
        if closed then assert.is_true(not ok or transfer:finished()) end
      until closed
    end
  end)

  -- In an interpreter of its own, whose collector never rests: in a large heap it hardly comes within one call.
  it_incremental("lets a finalizer release the transfer that is being read #slow", function()
    local deep, headers = ("["):rep(50), ""
    for i = 1, 60 do headers = headers .. ("X-H%d: %s\r\n"):format(i, ("v"):rep(200)) end
    for _, item in ipairs { '{"id":"a","x":' .. deep .. "tru" .. ("]"):rep(50) .. "}", '{"id":"a","text":"' ..
      ("x"):rep(10000) .. '"}' } do
      local body = '{"scenarios":[' .. item .. '],"has_more":false}'
      local raw = support.raw {
        { { read = "request" }, "HTTP/1.1 200 OK\r\n" .. headers
          .. "Connection: close\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body },
        after = "repeat",
      }
      local code, out, err = support.lua(([[
        local core = require "runloop.core"
        local portable = require "spec.support.portable"
        local target, released = nil, 0
        local function again()
          portable.guard(function()
            if target and pcall(target.release, target) then released = released + 1 end
            again()
          end)
        end
        for _ = 1, 3 do again() end
        collectgarbage("incremental", 1, 10000, 1)
        local http = core.http {}
        for _, read in ipairs { "item", "finish", "head", "json", "members", "last", "text" } do
          for i = 1, 40 do
            local transfer = http:start({ url = %q, method = "GET" }, nil, nil, nil, { list = "scenarios" })
            repeat http:turn(1) until transfer:finished()
            target = transfer
            for j = 1, 5 * i do local _ = { j } end -- so that the collector comes at another place each time
            pcall(transfer[read], transfer)
            target = nil
            transfer:release()
          end
        end
        io.write(released)
        os.exit(0, false) -- the finalizers would go on for ever
      ]]):format(raw.url .. "/"))
      assert.are.equal(0, code, err)
      assert.is_true(tonumber(out) > 0)
      raw:stop()
    end
  end)

  -- In an interpreter of its own, as above.
  it("lets a finalizer decode another answer while one is decoded", function()
    local one = "[" .. ('{"k":"a\\tb' .. ("z"):rep(100) .. '"},'):rep(300) .. "1]"
    local other = '{"x":["\\n' .. ("y"):rep(300) .. '"]}'
    local function answer(body)
      return { { read = "request" }, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " .. #body .. "\r\n\r\n"
        .. body }
    end
    local raw = support.raw { answer(one), answer(other) }
    local code, out, err = support.lua(([[
      local portable = require "spec.support.portable"
      local http = require("runloop.core").http {}
      local function get()
        local transfer = http:start { url = %q, method = "GET" }
        repeat http:turn(1) until transfer:finished()
        return transfer
      end
      local one, other, calls = get(), get(), 0
      local function leave()
        portable.guard(function()
          calls = calls + 1
          assert(other:json().x[1] == "\n" .. ("y"):rep(300))
          leave()
        end)
      end
      collectgarbage("setpause", 0)
      collectgarbage("setstepmul", 10000)
      leave()
      while calls <= 20 do
        for i, item in ipairs(one:json()) do
          assert((i == 301 and item or item.k) == (i == 301 and 1 or "a\tb" .. ("z"):rep(100)))
        end
      end
      leave = function() end
      io.write "done"
    ]]):format(raw.url .. "/"))
    assert.are.same({ 0, "done" }, { code, out }, err)
    raw:stop()
  end)

  -- Before Lua 5.2 the collector runs when a C function is pushed, too. What is freed is overwritten here.
  it("lets a finalizer release the transfer that is about to be read", function()
    local body = '["' .. ("x"):rep(3000) .. '"]'
    local raw = support.raw {
      { { read = "request" }, "HTTP/1.1 200 OK\r\nX-A: b\r\nConnection: close\r\nContent-Length: " .. #body
        .. "\r\n\r\n" .. body },
      after = "repeat",
    }
    local code, out, err = support.lua(([[
      local portable = require "spec.support.portable"
      local http = require("runloop.core").http {}
      local target, released = nil, 0
      local function leave()
        portable.guard(function()
          if target then
            target:release()
            target, released = nil, released + 1
          end
          leave()
        end)
      end
      local text = %q
      local right = {
        text = function(got) return got == text end,
        json = function(got) return got[1] == text:sub(3, -3) end,
        head = function(got, headers) return got == 200 and headers["x-a"] == "b" end,
        finish = function(got) return got == "ok" end,
      }
      collectgarbage("setpause", 0)
      collectgarbage("setstepmul", 10000)
      for _ = 1, 20 do leave() end
      for read, is_right in pairs(right) do
        for i = 1, 64 do
          local transfer = http:start { url = %q, method = "GET" }
          repeat http:turn(1) until transfer:finished()
          for j = 1, i do local _ = { j } end -- so that the collector comes at another place each time
          target = transfer
          local results = portable.pack(pcall(transfer[read], transfer))
          target = nil
          assert(results[1] and is_right(portable.unpack(results, 2)) or results[2] == "transfer was released", read)
          transfer:release()
        end
      end
      leave = function() end
      io.write(released > 0 and "done" or "never")
    ]]):format(body, raw.url .. "/"), { env = { MALLOC_PERTURB_ = "85" } })
    assert.are.same({ 0, "done" }, { code, out }, err)
    raw:stop()
  end)

  it("lets a finalizer close another pager and cancel a task while one is read #slow", function()
    local server = support.start { scenarios = 60 }
    local client = server:client()
    local failure, closed = nil, 0
    for _ = 1, 20 do
      local list, other = client.scenarios:list { limit = 50 }, client.scenarios:list()
      assert(list:next())
      assert(other:next())
      local task = client:spawn(function() return client.scenarios:retrieve(server:ids("scenario")[1]) end)
      portable.guard(function()
        local ok, err = pcall(function()
          other:close()
          task:cancel()
        end)
        if not ok then failure = err end
        closed = closed + 1
      end)
      for _ = 1, 40 do assert(list:next()) end
      collectgarbage()
      assert.are.equal("cancelled", task.status)
    end
    assert.is_nil(failure)
    assert.are.equal(20, closed)
    client:close()
    server:stop()
  end)

  -- What one read of a compressed page unpacks to comes in one turn, so these are not read in large pieces.
  it("reads more of a page in one turn once the page before has come in no coding #slow", function()
    local item = '{"id":"a","text":"' .. ("x"):rep(979) .. '"}' -- 999 bytes, and a comma
    local page = '{"scenarios":[' .. item .. ("," .. item):rep(1999) .. '],"has_more":false}'
    local function answer(body, coding)
      return ("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s"):format(coding or "", #body, body)
    end
    local plain, packed = answer(page), answer(support.gzip(page), "Content-Encoding: gzip\r\n")
    local order, steps = { plain, plain, packed, packed, plain, plain }, {}
    for _, bytes in ipairs(order) do
      steps[#steps + 1] = { read = "request" }
      steps[#steps + 1] = bytes
    end
    local raw = support.raw { steps, after = "repeat" }
    local http, most = core.http {}, {}
    for n = 1, 3 * #order do -- a turn finds less when the server is slow: each place has three tries
      local place = (n - 1) % #order + 1
      local transfer = http:start({ url = raw.url .. "/", method = "GET" }, nil, nil, nil, { list = "scenarios" })
      local before, seen = 0
      repeat
        if not transfer:want() then http:turn(5) end
        repeat until not transfer:item()
        seen = select(2, transfer:waiting())
        most[place] = math.max(most[place] or 0, seen - before)
        before = seen
      until transfer:finished()
      assert.are.equal(2000, seen)
      transfer:release()
    end
    http:close()
    raw:stop()
    for place, large in ipairs { "either", true, "either", false, false, true } do
      if large == true then assert.is_true(most[place] > 100 and most[place] <= 200, place .. ": " .. most[place]) end
      if large == false then assert.is_true(most[place] <= 100, place .. ": " .. most[place]) end
    end
  end)
end)
