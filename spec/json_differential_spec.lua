-- Our decoder against lua-cjson and dkjson, on documents that are generated, and on such documents damaged. Where they
-- differ, it must be for one of the reasons listed here. And our encoder against lua-cjson's, in both directions.

local portable = require "spec.support.portable"

if not portable.cjson then
  describe("lua-cjson", function() pending "is not there to be compared with" end)
  return
end

local cjson = require("cjson").new()
local core = require "runloop.core"
local dkjson = require "dkjson"

local DOCUMENTS = 2000
local DAMAGED = 10000

cjson.decode_invalid_numbers(false) -- its strict way

-- The same numbers everywhere, whatever Lua's own generator is.
local function generator(seed)
  local state = seed
  return function(below)
    state = (state * 1103515245 + 12345) % 2147483648
    return math.floor(state / 65536) % below
  end
end

-- Documents.

local SPACES = { "", "", "", " ", "\n", "\r\n", "\t", "  " }
local NUMBERS = {
  "0", "-0", "7", "-12", "10", "9007199254740993", "9223372036854775807", "-9223372036854775808",
  "9223372036854775808", "18446744073709551616", "0.5", "-0.0", "1.0", "3.14159", "1e5", "1E+2", "2e-3", "-1.5e300",
  "1e-400", "123456789012345678901234567890", "0.1e1", "4.9e-324", "1.7976931348623157e308",
}
local PIECES = {
  "a", "key", " ", "/", "<b>", "Zürich", "日本", "😀", "\127", "\239\191\191", [[\"]], [[\\]], [[\/]], [[\b]], [[\f]],
  [[\n]], [[\r]], [[\t]], [[\u0041]], [[\u00e9]], [[\u20AC]], [[\uD83D\uDE00]], [[\u0000]], [[\uFFFF]], "[1,2]", "{:}",
  "text that is somewhat longer than the others, as texts are",
}
-- What our decoder takes for U+FFFD.
local ILL_FORMED = {
  [[\uD800]], [[\uDC00]], [[\uDFFFx]], [[\uD83D\u0041]], "\255", "\128", "\195", "\226\130", "\240\159\152", "\192\175",
}

local function document(random)
  local out = {}
  local function put(text) out[#out + 1] = text end
  local function space() put(SPACES[random(#SPACES) + 1]) end
  local function text()
    put '"'
    for _ = 1, random(6) do
      if random(40) == 0 then put(ILL_FORMED[random(#ILL_FORMED) + 1]) end
      put(PIECES[random(#PIECES) + 1])
    end
    put '"'
  end
  local value
  local function list(open, close, depth, item)
    put(open)
    space()
    for i = 1, random(5) do
      if i > 1 then put "," end
      space()
      item(depth + 1)
      space()
    end
    put(close)
  end
  local function member(depth)
    text()
    space()
    put ":"
    space()
    value(depth)
  end
  function value(depth)
    local kind = random(depth < 6 and 10 or 6)
    if kind < 2 then
      put(NUMBERS[random(#NUMBERS) + 1])
    elseif kind < 4 then
      text()
    elseif kind < 6 then
      put(({ "true", "false", "null" })[random(3) + 1])
    elseif kind < 8 then
      list("[", "]", depth, value)
    else
      list("{", "}", depth, member)
    end
  end
  space()
  value(0)
  space()
  return table.concat(out)
end

local DAMAGE = {
  "[", "]", "{", "}", ",", ":", '"', "\\", "\\u", "0", "1", "-", "+", ".", "e", "E", "t", "n", "/", " ", "\n", "\0",
  "\1", "\11", "\127", "\128", "\195", "\239\187\191", "null", "true", "1e999", "//", "/**/", "'", "x", "0x1", "NaN",
}

-- One or two changes: something put in, taken out or overwritten.
local function damaged(text, random)
  for _ = 0, random(2) do
    local at, what = random(#text + 1) + 1, DAMAGE[random(#DAMAGE) + 1]
    local kind = random(4)
    if kind == 0 then
      text = text:sub(1, at - 1) .. what .. text:sub(at)
    elseif kind == 1 then
      text = text:sub(1, at - 1) .. text:sub(at + 1)
    elseif kind == 2 then
      text = text:sub(1, at - 1) .. what .. text:sub(at + #what)
    else
      text = text:sub(1, at - 1)
    end
  end
  return text
end

-- The other decoders: value | nil, and what is wrong. A document is one value, with nothing but white space behind it.

local function by_cjson(text)
  local ok, value = pcall(cjson.decode, text)
  if not ok then return nil, value end
  return value
end

local function by_dkjson(text)
  local value, rest, err = dkjson.decode(text, 1, core.null, nil, nil)
  if err then return nil, err end
  if text:find("[^ \t\r\n]", rest) then return nil, "something follows" end
  return value
end

-- Ill-formed UTF-8 as our decoder has it, by Unicode's table 3-7.
local TRAILING = {
  { "[\194-\223]", "\128\191" }, { "\224", "\160\191", "\128\191" }, { "[\225-\236\238\239]", "\128\191", "\128\191" },
  { "\237", "\128\159", "\128\191" }, { "\240", "\144\191", "\128\191", "\128\191" },
  { "[\241-\243]", "\128\191", "\128\191", "\128\191" }, { "\244", "\128\143", "\128\191", "\128\191" },
}
local function mended(text)
  local out, at = {}, 1
  while at <= #text do
    local plain = text:match("^[%z\1-\127]+", at)
    if plain then
      out[#out + 1], at = plain, at + #plain
    else
      local length, whole = 1, false
      for _, row in ipairs(TRAILING) do
        if text:find("^" .. row[1], at) then
          whole = true
          for i = 2, #row do
            local byte = text:byte(at + length)
            whole = byte ~= nil and byte >= row[i]:byte(1) and byte <= row[i]:byte(2)
            if not whole then break end
            length = length + 1
          end
        end
      end
      out[#out + 1] = whole and text:sub(at, at + length - 1) or "\239\191\189"
      at = at + length
    end
  end
  return table.concat(out)
end

-- A half of a surrogate pair without the other half.
local function has_lone_surrogate(text)
  text = text:gsub("\\\\", "  "):gsub("\\u[dD][89aAbB]%x%x\\u[dD][c-fC-F]%x%x", "")
  return text:find("\\u[dD][89a-fA-F]%x%x") ~= nil
end

-- Values.

-- What our decoder makes of what cjson yields: numbers are all floats there, and bytes stay what they are.
local function same(ours, theirs, mend)
  if type(ours) ~= type(theirs) then return false end
  if type(ours) == "number" then
    return ours == theirs or portable.tointeger(ours) ~= nil and theirs == ours + 0.0
  elseif type(ours) == "string" then
    return ours == mend(theirs)
  elseif type(ours) ~= "table" then
    return ours == theirs
  end
  -- Names that differ only where they are ill-formed are one name to us; which value it has is not told by theirs.
  local names = {}
  for name, value in pairs(theirs) do
    local key = type(name) == "string" and mend(name) or name
    if names[key] == nil then names[key] = value else names[key] = names end
  end
  for name, value in pairs(ours) do
    local other = names[name]
    if other == nil or other ~= names and not same(value, other, mend) then return false end
    names[name] = nil
  end
  return next(names) == nil
end

-- Halves of surrogate pairs are bytes on their own with dkjson: those of one half are one U+FFFD here.
local function mended_halves(text)
  return mended((text:gsub("\237[\160-\191][\128-\191]", "\239\191\189")))
end

-- Reasons.

-- Ours refuses with `message` at a byte that matches `at`, after text that matches `before`; the other accepts.
local REFUSED_HERE = {
  cjson = {
    { "control characters in a string", message = "control character in a string", at = "[^%z]", example = '"a\1b"' },
    { "a number beyond all doubles (infinite there)", message = "number out of range", example = "[-1e999]" },
    { "a point without digits behind it", before = "%d%.$", example = "[1.]" },
    { "a point behind a minus", before = "%-$", at = "%.", example = "[-.5]" },
    { "whatever follows a NUL behind the value", message = "nothing may follow the value", at = "%z",
      example = "[1]\0x" },
  },
  dkjson = {
    { "control characters in a string", message = "control character in a string", example = '"a\0b"' },
    { "a backslash before anything", message = "bad escape in a string", example = [["\x\u12"]] },
    { "a number beyond all doubles (infinite there)", message = "number out of range", example = "[-1e999]" },
    { "a point without digits behind it", before = "%d%.$", example = "[1.]" },
    { "a point without digits before it", message = "a (%l+) must come here", at = "%.", example = "[.5]" },
    { "zeros before a number", message = "must come here", before = "0$", at = "%d", example = "[01]" },
    { "zeros before the only number", message = "nothing may follow", before = "0$", at = "%d", example = "01" },
    { "commas left out", message = "',' or '[]}]' must come here", at = '[%w%-."{%[]', example = '[1"a"]' },
    { "a comma too many at the end", message = "a (%l+) must come here", before = ",%s*$", at = "[]}]",
      example = "[1,]" },
    { "a name of any type", message = "a key must come here", at = "[%w%-.%[{]", example = "{1:2}" },
    { "no name at all", message = "':' must come here", at = '[,}%w%-."{%[]', example = '{"a",1}' },
    { "a member in an array", message = "',' or ']' must come here", at = ":", example = '["a":1]' },
    { "a comment", message = "must come here", at = "/", example = "[/**/1]" },
    { "a byte order mark", message = "must come here", at = "\239", example = "\239\187\191[1]" },
    { "other white space", message = "must come here", at = "[\11\12]", example = "[\0111]" },
  },
}

-- The other refuses.
local REFUSED_THERE = {
  cjson = {
    { "half of a surrogate pair", holds = has_lone_surrogate, example = [["\uD800x"]] },
  },
  dkjson = {},
}

local function matches(reason, text, message, offset)
  return message:find(reason.message or "") and text:sub(offset, offset):find(reason.at or "")
    and text:sub(1, offset - 1):find(reason.before or "")
end

-- Why the two differ about the text: nil when they do not, a reason of the lists, or false when there is none.
local function difference(name, decode, mend, text)
  local ours, message, _, offset = core.json_decode(text, true)
  local theirs, err = decode(text)
  if not message and err then
    for _, reason in ipairs(REFUSED_THERE[name]) do
      if reason.holds(text) then return reason end
    end
    return false
  elseif message and not err then
    for _, reason in ipairs(REFUSED_HERE[name]) do
      if matches(reason, text, message, offset) then return reason end
    end
    return false
  end
  return message == nil and not same(ours, theirs, mend) and { "another value" } or nil
end

local OTHERS = { cjson = { by_cjson, mended }, dkjson = { by_dkjson, mended_halves } }

for name, other in pairs(OTHERS) do
  local decode, mend = other[1], other[2]

  describe("decoding beside " .. name, function()
    for _, list in ipairs { REFUSED_HERE[name], REFUSED_THERE[name] } do
      for _, reason in ipairs(list) do
        it("differs about " .. reason[1], function()
          assert.equal(reason[1], (difference(name, decode, mend, reason.example) or {})[1])
        end)
      end
    end

    it("yields the same for generated documents #slow", function()
      local random, valid = generator(1), 0
      for _ = 1, DOCUMENTS do
        local text = document(random)
        local reason = difference(name, decode, mend, text)
        if reason ~= nil then
          assert.equal("half of a surrogate pair", reason and reason[1], text)
        else
          valid = valid + 1
        end
        assert.is_nil(select(2, core.json_decode(text)))
      end
      assert.is_true(valid > DOCUMENTS / 2)
    end)

    it("accepts and yields the same for damaged documents, but for what is listed #heavy", function()
      local random, refused = generator(2), 0
      for _ = 1, DAMAGED do
        local text = damaged(document(random), random)
        local reason = difference(name, decode, mend, text)
        if reason == false or reason and reason[1] == "another value" then
          local _, ours = core.json_decode(text)
          local _, theirs = decode(text)
          error(("%q\nwe say: %s\nthey say: %s"):format(text, ours or "fine", theirs or "fine"))
        end
        if select(2, core.json_decode(text)) then refused = refused + 1 end
      end
      assert.is_true(refused > DAMAGED / 2 and refused < DAMAGED)
    end)
  end)
end

describe("encoding beside cjson #slow", function()
  -- Its numbers have 14 digits at most.
  local function near(a, b)
    if type(a) == "table" and type(b) == "table" then
      for key, value in pairs(a) do
        if not near(value, b[key]) then return false end
      end
      for key in pairs(b) do
        if a[key] == nil then return false end
      end
      return true
    elseif type(a) == "number" and type(b) == "number" then
      return a == b or math.abs(a + 0.0 - b) <= 1e-13 * math.abs(a + 0.0)
    end
    return a == b
  end

  local function values()
    local random, left = generator(3), DOCUMENTS
    return function()
      while left > 0 do
        left = left - 1
        local text = document(random)
        local value, message = core.json_decode(text, true)
        if not message then return value, text end
      end
    end
  end

  it("writes what cjson reads as the same value", function()
    for value, text in values() do
      local written = core.json_encode(value)
      local read = by_cjson(written)
      assert.is_true(same(value, read, mended), text)
      assert.is_true(near(value, (core.json_decode(written, true))), text)
    end
  end)

  it("reads what cjson writes as the same value", function()
    for value, text in values() do
      local ok, written = pcall(cjson.encode, value)
      assert.is_true(ok, written)
      local read, message = core.json_decode(written, true)
      assert.is_nil(message, text)
      assert.is_true(near(value, read), text)
    end
  end)

  it("writes in order what it writes in no order", function()
    for value, text in values() do
      assert.same(core.json_decode(core.json_encode(value), true), core.json_decode(core.json_encode(value, true), true),
        text)
    end
  end)
end)

describe("decoding the quick way", function()
  local function identical(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then
      return a == b and portable.math_type(a) == portable.math_type(b) and (a ~= 0 or 1 / a == 1 / b)
    elseif getmetatable(a) ~= getmetatable(b) then
      return false
    end
    for key, value in pairs(a) do
      if not identical(value, b[key]) then return false end
    end
    for key in pairs(b) do
      if a[key] == nil then return false end
    end
    return true
  end

  local function check(text, keep)
    local quick, message, code, offset = core.json_decode(text, keep)
    local strict, strict_message, strict_code, strict_offset = core.json_decode(text, keep, true)
    if message ~= strict_message or code ~= strict_code or offset ~= strict_offset or not identical(quick, strict) then
      error(("%q\nquickly: %s\nstrictly: %s"):format(text, message or "another value", strict_message or "a value"))
    end
    return message == nil
  end

  -- Like the items of a list: the same names come again, in this order or another one.
  local NAMES = { "id", "name", "status", "metadata", "a\\u0062c", "x", "zürich", ("long"):rep(11), "", "id" }
  local function item(random)
    local parts = {}
    for i = 1, random(12) do
      local name = NAMES[random(4) == 0 and random(#NAMES) + 1 or (i - 1) % #NAMES + 1]
      parts[i] = ('"%s":%s'):format(name, random(3) == 0 and document(random) or random(2) == 0 and "null" or '"active"')
    end
    return "{" .. table.concat(parts, ",") .. "}"
  end

  local function compare(texts, seed)
    local random, valid, n = generator(seed), 0, 0
    while n < texts do
      local text = random(2) == 0 and document(random) or item(random)
      local list = ("[%s,%s, %s]"):format(text, item(random), text)
      for _, whole in ipairs { text, list } do
        for _, case in ipairs { whole, whole:sub(1, random(#whole + 1)), damaged(whole, random), damaged(whole, random) } do
          if check(case, random(2) == 0) then valid = valid + 1 end
          n = n + 1
        end
      end
    end
    assert.is_true(valid > n / 5 and valid < n * 4 / 5)
  end

  it("comes to the same as the strict way: valid texts, cut and damaged ones #heavy", function()
    compare(3000, 4)
  end)

  it("comes to the same as the strict way for 100,000 of these #long", function()
    compare(100000, 5)
  end)

  it("leaves a text that is nested deeper than usual to the strict way", function()
    for _, depth in ipairs { 31, 32, 33, 511, 512, 513 } do
      check(("["):rep(depth) .. ("]"):rep(depth))
      check(('{"a":'):rep(depth) .. "1" .. ("}"):rep(depth))
      check(('[{"a":'):rep(depth) .. "1" .. ("}]"):rep(depth))
    end
  end)

  it("knows names and values that come again among more of them than it remembers", function()
    local random = generator(6)
    for names = 100, 1600, 500 do
      local items = {}
      for i = 1, 200 do
        local members = { ('"id":"%d","state":"%s"'):format(i, i % 100 < 50 and "new" or i) }
        for m = 2, 12 do
          members[m] = ('"name %d":["v%d","same",{"w":"%d"}]'):format(random(names), i, random(900))
        end
        items[i] = "{" .. table.concat(members, ",") .. "}"
      end
      assert.is_true(check("[" .. table.concat(items, ",") .. "]"))
    end
  end)

  it("reads texts of every length around the sizes of blocks", function()
    for _, piece in ipairs { "x", "\\n", "é", "\\u00e9", "\255", "日" } do
      for n = 0, 140 do
        local text = ("y"):rep(n) .. piece
        for _, rest in ipairs { "", "z", ("z"):rep(40) } do
          for _, form in ipairs { '{"%s":1}', '["%s"]', '{"k":"%s","l":"%s"}', '[[{"%s":[]}]' } do
            check((form:gsub("%%s", function() return text .. rest end)))
          end
        end
      end
    end
  end)
end)
