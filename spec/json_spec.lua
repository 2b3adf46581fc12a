local support = require "spec.support"

local portable = require "spec.support.portable"
local json = require "runloop.json"
local null = json.null

local function refuses(value, message)
  local ok, err = pcall(json.encode, value)
  assert.is_false(ok)
  assert.truthy(err:find(message, 1, true), err)
end

local it_integers = portable.integers and it or pending
local it_cjson = portable.cjson and it or pending

describe("encoding", function()
  it_integers("writes integers whole", function()
    assert.equal("[0,-1,9223372036854775807,-9223372036854775808,9007199254740993]",
      json.encode { 0, -1, math.maxinteger, math.mininteger, 9007199254740993 })
  end)

  if not portable.integers then
    it("writes numbers as the shortest text that reads back the same, whole ones as integers", function()
      assert.equal("[1,-0.0,0.1,1e300,5e-324,9007199254740992,0.30000000000000004,1000000000000000,2.5e-5,-1000000000000000000]",
        json.encode { 1, -0.0, 0.1, 1e300, 5e-324, 2 ^ 53, 0.1 + 0.2, 1e15, 2.5e-5, -1e18 })
      assert.equal("[9223372036854774784,-9223372036854775808,9.223372036854776e18]",
        json.encode { 2 ^ 63 - 1024, -2 ^ 63, 2 ^ 63 })
    end)
  end

  it_integers("writes floats as the shortest text that reads back the same, and as floats", function()
    assert.equal("[1.0,-0.0,0.1,1e300,5e-324,9007199254740992.0,0.30000000000000004,1e15,2.5e-5,-1.5e-10,1e100]",
      json.encode { 1.0, -0.0, 0.1, 1e300, 5e-324, 2.0 ^ 53, 0.1 + 0.2, 1e15, 2.5e-5, -1.5e-10, 1e100 })
    assert.equal("float", portable.math_type(json.decode("1e15")))
    for _, n in ipairs { 1 / 3, 2 / 3, 1e15, 123456789012345680, 1.7976931348623157e308, 2.2250738585072014e-308 } do
      assert.equal(n, tonumber(json.encode(n)))
    end
  end)

  it("takes non-empty sequences and marked tables as arrays", function()
    assert.equal("[1,[2],[]]", json.encode { 1, { 2 }, json.array() })
    assert.equal('["a"]', json.encode(json.array { "a" }))
    assert.equal("[]", json.encode(setmetatable({}, json.array_mt)))
    assert.equal("{}", json.encode {})
  end)

  it("marks a table of the caller's, and returns it", function()
    local t = { 1 }
    assert.equal(t, json.array(t))
    assert.equal(json.array_mt, getmetatable(t))
  end)

  it("marks nothing but tables as arrays", function()
    for _, wrong in ipairs { "x", 1, false } do
      local ok, message = pcall(function() json.array(wrong) end)
      assert.is_false(ok)
      assert.matches("^[^:]*json_spec.lua:%d+: runloop.array: the argument must be a table, got " .. type(wrong), message)
    end
  end)

  it("writes null where it is asked to", function()
    assert.equal('{"a":null,"b":[null]}', json.encode({ a = null, b = { null } }, { sort_keys = true }))
    assert.equal("null", json.encode(null))
  end)

  it("writes the names of objects in order where that is asked for", function()
    local value = { b = { y = { 1 }, x = {} }, a = 2, [""] = 0, c = false, ["1"] = 1, B = "b", ab = { { d = 1, c = 2 } } }
    assert.equal('{"":0,"1":1,"B":"b","a":2,"ab":[{"c":2,"d":1}],"b":{"x":{},"y":[1]},"c":false}',
      json.encode(value, { sort_keys = true }))
    assert.same(value, json.decode(json.encode(value)))
  end)

  it("escapes what JSON wants escaped, and leaves slashes and other text alone", function()
    local text = json.encode 'a/b \\/ "q" \n\t\0\127 é 😀'
    assert.truthy(text:find('a/b \\\\/ \\"q\\" \\n\\t\\u0000', 1, true), text)
    assert.truthy(text:find("é 😀", 1, true))
  end)

  it("leaves the caller's tables as they are", function()
    local inner = { 1 }
    local t = { b = inner, a = { c = null } }
    json.encode(t, { sort_keys = true })
    assert.same({ b = { 1 }, a = { c = null } }, t)
    assert.is_nil(getmetatable(inner))
  end)

  it("refuses what JSON cannot hold, and names the place", function()
    refuses({ a = { { b = print } } }, "'a[1].b' is a function, which JSON cannot hold")
    refuses({ a = io.stdout }, "'a' is a userdata, which JSON cannot hold")
    refuses({ a = coroutine.create(print) }, "'a' is a thread")
    refuses(nil, "the value is a nil")
    refuses({ 0 / 0 }, "'[1]' is not finite")
    refuses({ x = math.huge }, "'x' is not finite")
    refuses(-math.huge, "the value is not finite")
  end)

  it("says that a table cannot be marked whose metatable is protected", function()
    for _, protection in ipairs { "locked", false } do
      local t = setmetatable({}, { __metatable = protection })
      local ok, message = pcall(function() json.array(t) end)
      assert.is_false(ok)
      assert.matches("^[^:]*json_spec.lua:%d+: runloop.array: the argument has a protected metatable", message)
    end
    local own = setmetatable({}, {})
    assert.equal(json.array_mt, getmetatable(json.array(own)))
  end)

  it("refuses tables that are neither array nor object", function()
    refuses({ a = { 1, nil, 3 } }, "'a' is a list with holes")
    refuses({ a = { 1, b = 2 } }, "'a' mixes list items and names")
    refuses({ a = { [0] = 1 } }, "'a' has a key that JSON cannot hold (0)")
    refuses({ a = { [1.5] = 1 } }, "'a' has a key that JSON cannot hold (1.5)")
    refuses({ a = { [true] = 1 } }, "'a' has a key that JSON cannot hold (true)")
    refuses({ a = json.array { b = 1 } }, "'a' has names where a list has none")
    refuses({ a = json.array { nil, 1 } }, "'a' is a list with holes")
  end)

  it("refuses text that is not well-formed UTF-8, also as a name", function()
    for _, text in ipairs {
      "\255", "\128", "\192\128", "\193\191", "\224\128\128", "\237\160\128", "\240\128\128\128", "\244\144\128\128",
      "\226\130", "\245\128\128\128", "abc\195",
    } do
      refuses({ a = text }, "'a' is not well-formed UTF-8")
      refuses({ a = { [text] = 1 } }, "'a' has a name that is not well-formed UTF-8")
    end
  end)

  it("refuses a table that contains itself, but not one that stands in two places", function()
    local t = { a = {} }
    t.a.b = { t }
    refuses(t, "'a.b[1]' contains itself")
    local shared = { 1 }
    assert.equal("[[1],[1]]", json.encode { shared, shared })
  end)

  it("goes 512 levels deep and no further", function()
    local function nested(levels)
      local t = json.array()
      for _ = 2, levels do
        t = { t }
      end
      return t
    end
    assert.equal(("["):rep(512) .. ("]"):rep(512), json.encode(nested(512)))
    refuses(nested(513), "is nested deeper than 512 levels")
  end)

  it("shows of a long way to the offender both ends", function()
    local names, value = {}, { print }
    for i = 60, 1, -1 do
      names[i] = "é" .. i
      value = { [names[i]] = value }
    end
    local _, message = pcall(json.encode, value)
    local head, tail = message:match("runloop.json.encode: '(.*)%.%.%.(.*)' is a function")
    assert.is_true(#head + #tail <= 100 and #head + #tail >= 96, message)
    local whole = table.concat(names, ".") .. "[1]"
    assert.equal(head, whole:sub(1, #head))
    assert.equal(tail, whole:sub(-#tail))
    assert.is_true(portable.is_utf8(message))
    refuses({ [("x"):rep(100)] = print }, "runloop.json.encode: '" .. ("x"):rep(100) .. "' is a function")
  end)

  it("blames the line that called it", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local ok, err = pcall(function() json.encode { a = print } end)
    assert.is_false(ok)
    assert.equal("runloop.json.encode: 'a' is a function, which JSON cannot hold", err:match(":%d+: (.*)$"))
    assert.equal(line, tonumber(err:match(":(%d+): ")))
  end)

  it("raises for any other second argument", function()
    assert.has_error(function() json.encode(1, "x") end, "runloop.json.encode: options must be a table, got string")
    assert.has_error(function() json.encode(1, true) end, "runloop.json.encode: options must be a table, got boolean")
    assert.has_error(function() json.encode(1, { sorted = true }) end,
      "runloop.json.encode: unknown option 'sorted' (known: 'sort_keys')")
    assert.has_error(function() json.encode(1, { sort_keys = 1 }) end,
      "runloop.json.encode: option 'sort_keys' must be a boolean, got number")
    assert.equal("1", json.encode(1, {}))
    assert.equal("1", json.encode(1, nil))
  end)

  it("writes lists whose items were stored in any order", function()
    for _, order in ipairs { { 3, 1, 2 }, { 4, 3, 2, 1 }, { 1, 3, 2 }, { 2, 1 } } do
      local list, expected = {}, {}
      for _, i in ipairs(order) do list[i] = { { i } } end
      for i = 1, #order do expected[i] = "[[" .. i .. "]]" end
      assert.equal("[" .. table.concat(expected, ",") .. "]", json.encode(list))
    end
    local nested = {} -- each level is met once, whatever the order
    for _ = 1, 100 do nested = { [2] = 1, [1] = nested } end
    assert.equal(("[{}" .. (",1]"):rep(100)):gsub("^%[", ("["):rep(100)), json.encode(nested))
  end)

  it("looks at tables behind their metatables", function()
    local proxy = setmetatable({ a = 1 }, {
      __index = function() error "asked" end, __pairs = function() error "asked" end,
      __len = function() error "asked" end, __metatable = false,
    })
    assert.equal('{"a":1}', json.encode(proxy))
    assert.equal("[]", json.encode(setmetatable({}, json.array_mt)))
  end)

  it("takes long texts, and many members", function()
    local text = ('x"\n\\é日😀\1'):rep(30000)
    assert.equal(text, json.decode(json.encode { a = text }).a)
    local object = {}
    for i = 1, 3000 do object["k" .. i] = i end
    assert.same(object, json.decode(json.encode(object)))
    assert.same(object, json.decode(json.encode(object, { sort_keys = true })))
  end)

  it("can be used by a finalizer meanwhile #slow", function()
    local made = {}
    local function encode_when_collected()
      portable.guard(function() made[#made + 1] = json.encode { ("y"):rep(70000) } end)
    end
    for i = 1, 50 do
      encode_when_collected()
      assert.equal('["' .. ("x"):rep(100000 + i) .. '"]', json.encode { ("x"):rep(100000 + i) })
    end
    collectgarbage()
    assert.is_true(#made > 0)
    for _, text in ipairs(made) do assert.equal('["' .. ("y"):rep(70000) .. '"]', text) end
  end)
end)

describe("lua-cjson, where the program has loaded it,", function()
  local kept

  before_each(function() kept = { package.loaded.cjson, package.loaded["cjson.safe"] } end)
  after_each(function() package.loaded.cjson, package.loaded["cjson.safe"] = kept[1], kept[2] end)

  it("lends its marks of arrays, whichever module has them", function()
    for _, name in ipairs { "cjson", "cjson.safe" } do
      package.loaded.cjson, package.loaded["cjson.safe"] = nil, nil
      local cjson = { array_mt = {}, empty_array_mt = {}, empty_array = io.stdout }
      package.loaded[name] = cjson
      assert.equal('{"a":[],"b":[],"c":[1],"d":[]}', json.encode({
        a = setmetatable({}, cjson.array_mt), b = setmetatable({}, cjson.empty_array_mt),
        c = setmetatable({ 1 }, cjson.array_mt), d = cjson.empty_array,
      }, { sort_keys = true }))
      package.loaded[name] = nil
      refuses({ cjson.empty_array }, "'[1]' is a userdata")
    end
  end)

  it_cjson("has the null of this module", function()
    assert.equal(null, require("cjson").null)
    assert.equal("[null]", json.encode { require("cjson").null })
  end)

  it("is not needed", function()
    local script = [[
      package.preload.cjson = function() error "there is no lua-cjson" end
      local runloop = require "runloop"
      assert(type(runloop.null) == "userdata" and runloop.json.encode { runloop.null, "a" } == '[null,"a"]')
      assert(runloop.new { bearer_token = "x" })
      assert(not package.loaded.cjson)
      io.write "fine"
    ]]
    local _, out, err = support.lua(script)
    assert.equal("fine", out, err)
  end)
end)

describe("decoding", function()
  it("takes texts that are deep and wide at once", function()
    local members = {}
    for k = 1, 60 do members[k] = ('"k%d":%d,'):format(k, k) end
    local value = assert(json.decode(("{" .. table.concat(members) .. '"in":'):rep(500) .. "[1,[2]]"
      .. (',"z":1}'):rep(500)))
    for _ = 1, 500 do
      assert.are.same({ 1, 60, 1 }, { value.k1, value.k60, value.z })
      value = value["in"]
    end
    assert.are.same({ 1, { 2 } }, value)
    value = assert(json.decode(("[" .. ("7,"):rep(60)):rep(500) .. "0" .. ("]"):rep(500)))
    for _ = 1, 500 do
      assert.are.equal(61, #value)
      value = value[61]
    end
    assert.are.equal(0, value)
  end)

  it("gives what Lua's numbers cannot hold as text where that is asked for", function()
    local text = "[9007199254740992, -9007199254740992, 9223372036854775808, -12345678901234567890, 9007199254740993, 1e20, "
      .. "1E20, 12345678901234567890.0, -0]"
    local big = portable.integers and 9007199254740993 or "9007199254740993"
    assert.same({
      9007199254740992, -9007199254740992, "9223372036854775808", "-12345678901234567890", big, 1e20, 1e20,
      12345678901234567890.0, -0.0,
    }, json.decode(text, { integers = "string" }))
    assert.same({ n = 2 ^ 70 }, json.decode('{"n": 1180591620717411303424}'))
    assert.same({ n = "1180591620717411303424", z = null },
      json.decode('{"n": 1180591620717411303424, "z": null}', { integers = "string", nulls = "keep" }))
    local ok, message = pcall(json.decode, "1", { integers = "text" })
    assert.is_false(ok)
    assert.truthy(message:find([[option 'integers' must be "string" or nil]], 1, true), message)
  end)

  it_integers("tells integers from floats", function()
    local value = assert(json.decode "[1, 1.0, -0, 9007199254740993, 1e2]")
    local types = {}
    for i, number in ipairs(value) do types[i] = portable.math_type(number) end
    assert.same({ "integer", "float", "float", "integer", "float" }, types)
    assert.equal(9007199254740993, value[4])
  end)

  it("leaves nulls out of objects and keeps them in arrays", function()
    local value = assert(json.decode '{"a":null,"b":[null,1]}')
    assert.is_nil(value.a)
    assert.equal(null, value.b[1])
    assert.equal(json.array_mt, getmetatable(value.b))
  end)

  it("keeps nulls when asked to", function()
    assert.equal(null, json.decode('{"a":null}', { nulls = "keep" }).a)
  end)

  it_integers("gives back unchanged what it has decoded with nulls kept", function()
    local text = '{"a":[],"b":{},"c":1.0,"d":9223372036854775807,"e":null,"f":[null,{"g":[]}],"h":-0.0,"i":"é/\\"\\n"}'
    assert.equal(text, json.encode(json.decode(text, { nulls = "keep" }), { sort_keys = true }))
  end)

  it("knows false and null from failure", function()
    local value, err = json.decode "false"
    assert.is_false(value)
    assert.is_nil(err)
    value, err = json.decode "null"
    assert.equal(null, value)
    assert.is_nil(err)
  end)

  it("returns an error of kind decode for what is no JSON", function()
    local value, err = json.decode "[1,"
    assert.is_nil(value)
    assert.equal("decode", err.kind)
    assert.equal("JSON", err.code)
    assert.equal("[1,", err.body)
    assert.truthy(err.message:find "byte")
  end)

  it("returns an error of kind limit for what is too deep", function()
    local value, err = json.decode(("["):rep(513) .. ("]"):rep(513))
    assert.is_nil(value)
    assert.equal("limit", err.kind)
    assert.equal("TOO_DEEP", err.code)
    assert.truthy(json.decode(("["):rep(512) .. ("]"):rep(512)))
  end)

  it("raises for arguments that make no sense", function()
    assert.has_error(function() json.decode(nil) end, "runloop.json.decode: the text must be a string, got nil")
    assert.has_error(function() json.decode("1", "keep") end, "runloop.json.decode: options must be a table, got string")
    assert.has_error(function() json.decode("1", { null = "keep" }) end,
      "runloop.json.decode: unknown option 'null' (known: 'integers', 'nulls')")
    assert.has_error(function() json.decode("1", { nulls = true }) end,
      'runloop.json.decode: option \'nulls\' must be "keep" or nil')
  end)
end)
