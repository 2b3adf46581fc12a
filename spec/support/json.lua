--- A strict JSON codec of the specs' own, so that they do not check the module against itself.
local portable = require((...):gsub("[^.]+$", "") .. "portable")

local json = {}

--- JSON's null, in objects as in arrays.
json.null = setmetatable({}, { __name = "null", __tostring = function() return "null" end })

--- The metatable of arrays: tells `[]` from `{}`.
json.array_mt = { __name = "array" }

--- Marks `t` as an array.
function json.array(t)
  return setmetatable(t or {}, json.array_mt)
end

local MAX_DEPTH = 512

local ESCAPES = {
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

local function fail(at, what)
  error({ at = at, message = ("invalid JSON at byte %d: %s"):format(at, what) }, 0)
end

local function skip(s, i)
  return s:find("[^ \t\r\n]", i) or #s + 1
end

local function read_unicode(s, i)
  local hex = s:match("^%x%x%x%x", i)
  if not hex then fail(i, "bad \\u escape") end
  local code, after = tonumber(hex, 16), i + 4
  if code >= 0xD800 and code < 0xDC00 then
    local low = s:match("^\\u([dD][c-fC-F]%x%x)", after)
    if not low then fail(i, "lone surrogate") end
    code = 0x10000 + (code - 0xD800) * 0x400 + (tonumber(low, 16) - 0xDC00)
    after = after + 6
  elseif code >= 0xDC00 and code < 0xE000 then
    fail(i, "lone surrogate")
  end
  return portable.utf8_char(code), after
end

local function read_string(s, i)
  local start, parts = i + 1, nil
  i = start
  while true do
    local at = s:find('["\\%c]', i)
    -- DEL is a control character for Lua, and an ordinary one for JSON.
    while at and s:byte(at) == 127 do at = s:find('["\\%c]', at + 1) end
    if not at then fail(#s + 1, "unfinished string") end
    local c = s:sub(at, at)
    if c == '"' then
      local text = s:sub(i, at - 1)
      if parts then
        parts[#parts + 1] = text
        text = table.concat(parts)
      end
      if not portable.is_utf8(text) then fail(start, "ill-formed UTF-8") end
      return text, at + 1
    elseif c == "\\" then
      parts = parts or {}
      parts[#parts + 1] = s:sub(i, at - 1)
      local e = s:sub(at + 1, at + 1)
      if e == "u" then
        parts[#parts + 1], i = read_unicode(s, at + 2)
      else
        parts[#parts + 1] = ESCAPES[e] or fail(at, "bad escape")
        i = at + 2
      end
    else
      fail(at, "control character in a string")
    end
  end
end

local function read_number(s, i)
  local last = select(2, s:find("^-?%d+", i))
  if not last or s:find("^-?0%d", i) then fail(i, "bad number") end
  local whole = true
  local fraction = select(2, s:find("^%.%d+", last + 1))
  if fraction then last, whole = fraction, false end
  local exponent = select(2, s:find("^[eE][+-]?%d+", last + 1))
  if exponent then last, whole = exponent, false end
  local text = s:sub(i, last)
  local value = whole and text ~= "-0" and portable.tointeger(tonumber(text)) or tonumber(text) + 0.0
  -- Lua turns an integer beyond 64 bits into a float, which must stay one even if it has an integer's value.
  if whole and portable.math_type(tonumber(text)) == "float" then value = tonumber(text) end
  return value, last + 1
end

local read_value

local function read_array(s, i, depth, on_element)
  local array = json.array()
  i = skip(s, i + 1)
  if s:sub(i, i) == "]" then return array, i + 1 end
  while true do
    local first = skip(s, i)
    array[#array + 1], i = read_value(s, first, depth + 1)
    if on_element then on_element(s:sub(first, i - 1)) end
    i = skip(s, i)
    local c = s:sub(i, i)
    if c == "]" then return array, i + 1 end
    if c ~= "," then fail(i, "',' or ']' expected") end
    i = skip(s, i + 1)
  end
end

local function read_object(s, i, depth, on_member)
  local object = {}
  i = skip(s, i + 1)
  if s:sub(i, i) == "}" then return object, i + 1 end
  while true do
    if s:sub(i, i) ~= '"' then fail(i, "a name expected") end
    local name, value
    name, i = read_string(s, i)
    i = skip(s, i)
    if s:sub(i, i) ~= ":" then fail(i, "':' expected") end
    local first = skip(s, i + 1)
    value, i = read_value(s, first, depth + 1)
    object[name] = value
    if on_member then on_member(name, s:sub(first, i - 1), value) end
    i = skip(s, i)
    local c = s:sub(i, i)
    if c == "}" then return object, i + 1 end
    if c ~= "," then fail(i, "',' or '}' expected") end
    i = skip(s, i + 1)
  end
end

local LITERALS = { t = { "true", true }, f = { "false", false }, n = { "null", json.null } }

function read_value(s, i, depth, on_member)
  if depth > MAX_DEPTH then fail(i, "too deep") end
  local c = s:sub(i, i)
  if c == '"' then return read_string(s, i) end
  if c == "{" then return read_object(s, i, depth, on_member) end
  if c == "[" then return read_array(s, i, depth) end
  if c:find("[-%d]") then return read_number(s, i) end
  local literal = LITERALS[c]
  if literal and s:sub(i, i + #literal[1] - 1) == literal[1] then
    return literal[2], i + #literal[1]
  end
  fail(i, c == "" and "unexpected end" or "a value expected")
end

--- The value of a JSON text, or nil and a message. Integers that fit are integers, nulls are `json.null`,
--- arrays have `json.array_mt`. `on_member(name, raw_text, value)` is called for each member of the top-level object.
function json.decode(text, on_member)
  local ok, value = pcall(function()
    local v, after = read_value(text, skip(text, 1), 1, on_member)
    after = skip(text, after)
    if after <= #text then fail(after, "more than one value") end
    return v
  end)
  if ok then return value end
  if type(value) ~= "table" then error(value, 0) end
  return nil, value.message
end

--- The raw texts of the elements of a JSON array's text.
function json.elements(text)
  local texts = {}
  read_array(text, 1, 1, function(raw) texts[#texts + 1] = raw end)
  return texts
end

local ESCAPED = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
for b = 0, 31 do
  local c = string.char(b)
  ESCAPED[c] = ESCAPED[c] or ("\\u%04x"):format(b)
end

--- A string as JSON text.
function json.string(s)
  return '"' .. s:gsub('[%z\1-\31"\\]', ESCAPED) .. '"'
end

local function number(v)
  if portable.math_type(v) == "integer" and (portable.integers or v > -2 ^ 53 and v < 2 ^ 53) then
    return ("%d"):format(v)
  end
  assert(v == v and v ~= math.huge and v ~= -math.huge, "not a JSON number")
  local text
  for digits = 15, 17 do
    text = ("%%.%dg"):format(digits):format(v)
    if tonumber(text) == v then break end
  end
  return text:find("[.e]") and text or text .. ".0"
end

local function write(out, v)
  local kind = type(v)
  if v == json.null or kind == "userdata" then
    out[#out + 1] = "null"
  elseif kind == "string" then
    out[#out + 1] = json.string(v)
  elseif kind == "number" then
    out[#out + 1] = number(v)
  elseif kind == "boolean" then
    out[#out + 1] = tostring(v)
  elseif kind ~= "table" then
    error("JSON has no " .. kind)
  elseif getmetatable(v) == json.array_mt or v[1] ~= nil then
    out[#out + 1] = "["
    for i = 1, #v do
      if i > 1 then out[#out + 1] = "," end
      write(out, v[i])
    end
    out[#out + 1] = "]"
  else
    local names = {}
    for name in pairs(v) do names[#names + 1] = name end
    table.sort(names)
    for i, name in ipairs(names) do
      out[#out + 1] = (i == 1 and "{" or ",") .. json.string(name) .. ":"
      write(out, v[name])
    end
    out[#out + 1] = names[1] and "}" or "{}"
  end
end

--- The JSON text of a value; names are in sorted order. A sequence with an element is an array even without a mark.
function json.encode(value)
  local out = {}
  write(out, value)
  return table.concat(out)
end

return json
