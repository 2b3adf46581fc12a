-- JSON texts as Lua values, straight from the C core.
local support = require "spec.support"
local portable = require "spec.support.portable"
local core = require "runloop.core"

local decode = core.json_decode

local function is_array(t)
  return getmetatable(t) == core.array_mt
end

local it_sizes = portable.sizes and it or pending

describe("core.json_decode", function()
  it("gives each kind of value its Lua counterpart", function()
    assert.equal("text", decode('"text"'))
    assert.equal(true, decode("true"))
    assert.equal(false, decode("false"))
    assert.equal(core.null, decode("null"))
    assert.same({ a = { b = "c" } }, decode('{"a":{"b":"c"}}'))
    assert.is_nil(getmetatable(decode("{}")))
    assert.is_true(is_array(decode("[]")))
    assert.equal("runloop.array", core.array_mt.__name)
  end)

  it("gives back what it needed for a large string #slow", function()
    local code, out = support.lua([[
      local support, core = require "spec.support", require "runloop.core"
      local text = '"' .. ("\\n"):rep(15e6) .. '"'
      local before = support.rss()
      assert(#core.json_decode(text) == 15e6)
      collectgarbage()
      io.write(support.rss() - before)
    ]], { measured = true })
    assert.are.equal(0, code)
    assert.is_true(tonumber(out) < 5e6, out .. " bytes are kept")
  end)

  it("makes integers of what fits 64 bits and floats of all other numbers", function()
    for text, number in pairs {
      ["0"] = 0, ["-1"] = -1, ["9223372036854775807"] = math.maxinteger,
      ["-9223372036854775808"] = math.mininteger, ["1.0"] = 1.0, ["1e2"] = 100.0,
      ["9223372036854775808"] = 2.0 ^ 63, ["-0"] = -0.0,
    } do
      local got = decode(text)
      assert.equal(number, got)
      assert.equal(portable.math_type(number), portable.math_type(got), text)
    end
    assert.equal(-math.huge, 1 / decode("-0"))
  end)

  it("leaves nulls out of objects, unless they are to be kept, and keeps them in arrays", function()
    local text = '{"a":null,"b":[null,1,null],"c":{"d":null}}'
    local value = decode(text)
    assert.is_nil(value.a)
    assert.is_nil(next(value.c))
    assert.equal(3, #value.b)
    assert.equal(core.null, value.b[1])
    assert.equal(core.null, value.b[3])
    value = decode(text, true)
    assert.equal(core.null, value.a)
    assert.equal(core.null, value.c.d)
  end)

  it("lets the last of members with the same name win", function()
    assert.same({ a = 2, b = 3 }, decode '{"a":1,"b":3,"a":2}')
    assert.same({}, decode '{"a":1,"a":null}')
    assert.same({ a = 1 }, decode '{"a":null,"a":1}')
    assert.equal(core.null, decode('{"a":1,"a":null}', true).a)
  end)

  it("lets the last win in large objects too", function()
    local members, expected = {}, {}
    for i = 1, 500 do
      members[i] = ('"k%d":%s'):format(i % 200, i % 7 == 0 and "null" or i)
      expected["k" .. i % 200] = i % 7 ~= 0 and i or nil
    end
    assert.same(expected, decode("{" .. table.concat(members, ",") .. "}"))
  end)

  it("reads containers of any size, inside of each other #slow", function()
    for _, size in ipairs { 0, 1, 2, 63, 64, 65, 127, 128, 129, 200, 256, 1000, 5000 } do
      local elements, members = {}, {}
      for i = 1, size do
        elements[i] = i % 10 == 3 and "[1,[2]]" or tostring(i)
        members[i] = ('"key %d":{"v":[%d]}'):format(i, i)
      end
      local array = decode("[" .. table.concat(elements, ",") .. "]")
      local object = decode("[0,{" .. table.concat(members, ",") .. "}]")[2]
      assert.equal(size, #array)
      local count = 0
      for name, value in pairs(object) do
        count = count + 1
        assert.equal(name, "key " .. value.v[1])
      end
      assert.equal(size, count)
      for i = 1, size do
        if i % 10 == 3 then
          assert.same({ 1, { 2 } }, array[i])
          assert.is_true(is_array(array[i][2]))
        else
          assert.equal(i, array[i])
        end
      end
    end
  end)

  it("keeps names apart, short and long, known and new #slow", function()
    for round = 1, 3 do
      local members, expected = {}, {}
      for i = 1, 2000 do
        local name = (i % 3 == 0 and "n" or "a name of some length ") .. (i * round) % 1700
        if i % 50 == 0 then
          name = name .. ("x"):rep(50)
        end
        members[i] = ('{"%s":%d,"":0}'):format(name, i)
        expected[i] = name
      end
      for i, object in ipairs(decode("[" .. table.concat(members, ",") .. "]")) do
        assert.equal(i, object[expected[i]])
        assert.equal(0, object[""])
      end
    end
  end)

  describe("makes tables", function()
    -- Bytes of what a text becomes, on average, once as many like it were read before.
    local function size_once(text, before)
      local values = {}
      for i = 1, 100 do
        values[i] = false
      end
      for _ = 1, before do
        decode(text)
      end
      collectgarbage()
      collectgarbage("stop")
      local used = collectgarbage("count")
      for i = 1, 100 do
        values[i] = decode(text)
      end
      used = collectgarbage("count") - used
      collectgarbage("restart")
      return math.floor(used * 1024 / #values)
    end

    -- Now and then something else grows meanwhile.
    local function size(text, before)
      return math.min(size_once(text, before), size_once(text, before), size_once(text, before))
    end

    local function items(n) return "[0" .. (",0"):rep(n - 1) .. "]" end

    it_sizes("of their exact size, where they come again #slow", function()
      decode("{" .. ('"a":1,'):rep(200) .. '"b":1}') -- as other specs may: sizes go down by and by
      local empty = size("{}", 0)
      assert.equal(size('{"a":1}', 30) - empty, (size('{"a":1,"b":1,"c":1,"d":1}', 30) - empty) / 4)
      assert.equal(size('{"a":1}', 30), size('{"a":1,"b":null,"c":null}', 30))
      assert.equal(size("[]", 0) + 16 * 100, size(items(100), 30))
      assert.equal(size("[]", 0) + 16 * 5, size(items(5), 30))
    end)

    it_sizes("no larger for those that were, above a limit and in the long run", function()
      local empty = size("[]", 0)
      decode(items(5000))
      collectgarbage()
      local used = collectgarbage("count")
      local value = decode(items(1))
      assert.is_true(collectgarbage("count") - used < 3)
      assert.equal(1, #value)
      assert.equal(empty + 16, size(items(1), 30))
    end)
  end)

  it("nests 512 levels deep and no further", function()
    local value = decode(("["):rep(512) .. ("]"):rep(512))
    for _ = 1, 511 do
      value = value[1]
    end
    assert.same({}, value)
    local mixed = decode(('{"a":['):rep(256) .. "1" .. ("]}"):rep(256))
    for _ = 1, 256 do
      mixed = mixed.a[1]
    end
    assert.equal(1, mixed)
    local nothing, message, code, offset = decode(("["):rep(513) .. ("]"):rep(513))
    assert.is_nil(nothing)
    assert.equal("invalid JSON at byte 513: nested too deeply", message)
    assert.equal("TOO_DEEP", code)
    assert.equal(513, offset)
  end)

  it("names the byte where a text goes wrong", function()
    local function refuses(text, byte, why)
      local value, message, code, offset = decode(text)
      assert.is_nil(value)
      assert.equal(("invalid JSON at byte %d: %s"):format(byte, why), message)
      assert.equal("JSON", code)
      assert.equal(byte, offset)
    end
    refuses("", 1, "unexpected end")
    refuses("[1,2", 5, "unexpected end")
    refuses("[1,]", 4, "a value must come here")
    refuses('{"a":1}}', 8, "nothing may follow the value")
    refuses('{"a" 1}', 6, "':' must come here")
    refuses("1e400", 1, "number out of range")
    assert.equal("BODY_TOO_LARGE", (select(3, decode(("1"):rep(4097)))))
  end)

  it("takes strings with any byte", function()
    assert.equal("a\0b", decode '"a\\u0000b"')
    assert.equal("\239\191\189", decode '"\255"')
    assert.equal("\240\159\152\128", decode '"\\ud83d\\ude00"')
    local long = ('line "%d"\n\195\169'):rep(5000, "\t")
    assert.equal(long, decode('"' .. long:gsub('[\n\t"]', { ["\n"] = "\\n", ["\t"] = "\\t",
      ['"'] = '\\"' }) .. '"'))
    assert.equal("JSON", (select(3, decode '"a\0b"')))
  end)

  -- In an interpreter of its own: in a large heap the collector takes long, and hardly comes within one call.
  it("may be called by a finalizer that runs while it is at work", function()
    local code, out, err = support.lua [=[
      local decode = require "runloop.core".json_decode
      local portable = require "spec.support.portable"
      local calls = 0
      local function leave()
        portable.guard(function()
          calls = calls + 1
          assert(decode('{"x":["\\n' .. ("y"):rep(300) .. '"]}').x[1] == "\n" .. ("y"):rep(300))
          assert(decode "[[[[" == nil)
          leave()
        end)
      end
      local text = "[" .. ('{"k":"a\\tb' .. ("z"):rep(100) .. '"},'):rep(300) .. "1]"
      collectgarbage("setpause", 0)
      collectgarbage("setstepmul", 10000)
      leave()
      while calls <= 20 do
        for i, item in ipairs(decode(text)) do
          assert((i == 301 and item or item.k) == (i == 301 and 1 or "a\tb" .. ("z"):rep(100)))
        end
      end
      leave = function() end
      io.write "done"
    ]=]
    assert.are.same({ 0, "done" }, { code, out }, err)
  end)

  it("raises for what is no text", function()
    assert.has_error(function() decode(nil) end)
    assert.has_error(function() decode({}) end)
  end)
end)

describe("the core's small functions", function()
  it("encodes what a URL cannot hold", function()
    assert.equal("a%20b%2F..%3F%C3%A9-._~", core.url_encode("a b/..?\195\169-._~"))
    assert.equal("", core.url_encode(""))
    assert.equal(("%00"):rep(10000), core.url_encode(("\0"):rep(10000)))
  end)

  it("makes random UUIDs of version 4", function()
    local seen = {}
    for _ = 1, 200 do
      local uuid = core.uuid()
      assert.truthy(uuid:match "^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$")
      assert.equal(36, #uuid)
      assert.equal("-", uuid:sub(9, 9))
      assert.equal("-", uuid:sub(24, 24))
      assert.is_nil(seen[uuid])
      seen[uuid] = true
    end
  end)

  it("tells the time", function()
    local now = core.now()
    assert.is_true(core.now() >= now)
    assert.is_true(math.abs(core.time() - os.time()) <= 2)
  end)
end)
