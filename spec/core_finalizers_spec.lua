-- What finalizers may do while the core is at work. In interpreters of their own, whose collectors never rest: in a
-- large heap they hardly come within one call, and before Lua 5.2 they come where later ones do not.
local support = require "spec.support"

-- `armed` is called once, by a finalizer, when so many others as `late` says have run.
-- LuaJIT interprets it: under a collector this busy its compiled code has been seen to spin without end, in no call.
local PRELUDE = [[
  if jit then jit.off() end
  local core = require "runloop.core"
  local portable = require "spec.support.portable"
  local armed, late, struck = nil, 0, 0
  local function leave()
    portable.guard(function()
      late = late - 1
      if armed and late < 0 then
        local strike = armed
        armed = nil
        strike()
        struck = struck + 1
      end
      leave()
    end)
  end
  local function call(i, strike, ...)
    for j = 1, i % 64 do local _ = { j } end -- so that the collector comes at another place each time
    late, armed = i % 30, strike
    local results = portable.pack(pcall(...))
    armed = nil
    return portable.unpack(results, 1, results.n)
  end
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", 10000)
  leave()
]]

local function run(script)
  local code, out, err = support.lua(PRELUDE .. script .. [[
    leave = function() end
    io.write(struck > 0 and "done" or "never")
  ]], { env = { MALLOC_PERTURB_ = "85" } })
  assert.are.same({ 0, "done" }, { code, out }, err)
end

describe("a finalizer", function()
  it("cannot change a table while that is encoded", function()
    run [[
      for i = 1, 300 do
        local value = {}
        for k = 1, 20 do value["old" .. k] = setmetatable({ k }, {}) end
        local ok, text = call(i, function()
          for k = 1, 50 do value["new" .. k] = k end
        end, core.json_encode, value, i % 2 == 0)
        local _, old = assert(ok and text, text):gsub('"old', "")
        local _, new = text:gsub('"new', "")
        assert(old == 20 and (new == 0 or new == 50), old .. " " .. new)
      end
    ]]
  end)

  it("may decode another text while an error is told", function()
    run [[
      for i = 1, 300 do
        local ok, value, message, code, offset = call(i, function() core.json_decode(("["):rep(5000)) end,
          core.json_decode, "[1,2,3,x")
        assert(ok and value == nil and message:find "byte 8", message)
        assert(code == "JSON" and offset == 8, code .. " " .. offset)
      end
    ]]
  end)

  it("cannot go on with a body that is being given up", function()
    run [[
      local name = ("n"):rep(3000)
      for i = 1, 300 do
        local body = core.json_encode({ [name] = ("z"):rep(70000) .. "\255" }, false, true)
        local ok, step, path
        repeat
          ok, step, path = call(i, function() pcall(body.step, body) end, body.step, body)
        until step ~= false
        assert(not ok or path == name)
      end
    ]]
  end)

  it("may release a body that is about to be sent", function()
    run [[
      local http, lines = core.http {}, {}
      for i = 1, 40 do lines[i] = "X-A: b" end
      for i = 1, 300 do
        local body = core.body(("x"):rep(70000))
        repeat until body:step()
        local ok, transfer = call(i, function() body:release() end, http.start, http,
          { url = "http://127.0.0.1:9/", method = "POST", body = body }, lines)
        assert(not ok or select(2, transfer:progress()) == 70000)
        if ok then transfer:release() end
      end
    ]]
  end)

  it("may close a list in the middle of its step", function()
    local server = support.start { scenarios = 12 }
    run(([[
      local client = require("runloop").new { base_url = %q, bearer_token = %q }
      local function step(list)
        if not portable.yields then return list:next() end
        return client:spawn(list.next, list):wait()
      end
      for i = 1, 210 do -- every place with every number of items
        local list = client.scenarios:list { limit = 4 }
        for _ = 1, i %% 7 do assert(list:next()) end
        local ok, item = call(i, function() list:close() end, i %% 2 == 0 and step or list.next, list)
        assert(ok and item or tostring(item):find "the pager is closed", item)
        list:close()
      end
    ]]):format(server.url, server.token))
    server:stop()
  end)
end)
