-- JSON: encoding in Lua, decoding in the C core. Hides the differences between the lines of lua-cjson.

local core = require "runloop.core"
local errors = require "runloop.error"

local require = require -- a host may take it from its scripts

local M = {}

local MAX_DEPTH = 512
local SHOWN_PATH = 100 -- bytes of the way to an offender that a message shows

--- JSON's null; the same value as cjson.null.
M.null = core.null

--- The metatable of arrays: what is decoded carries it, and a table that carries it is sent as an array.
M.array_mt = core.array_mt

local null, array_mt = M.null, M.array_mt
local find, format, gsub = string.find, string.format, string.gsub
local math_type = math.type

-- Before Lua 5.3 there is no utf8 library: what is left after each well-formed character
-- has become a blank is ill-formed.
local function well_formed_without_utf8(text)
  text = gsub(text, "[\194-\223][\128-\191]", " ")
  text = gsub(text, "\224[\160-\191][\128-\191]", " ")
  text = gsub(text, "[\225-\236\238\239][\128-\191][\128-\191]", " ")
  text = gsub(text, "\237[\128-\159][\128-\191]", " ")
  text = gsub(text, "\240[\144-\191][\128-\191][\128-\191]", " ")
  text = gsub(text, "[\241-\243][\128-\191][\128-\191][\128-\191]", " ")
  text = gsub(text, "\244[\128-\143][\128-\191][\128-\191]", " ")
  return not find(text, "[\128-\255]")
end

local utf8 = core.global "utf8"
local utf8_length = utf8 and utf8.len

local function well_formed(text)
  if not find(text, "[\128-\255]") then
    return true
  elseif utf8_length then
    return utf8_length(text) ~= nil
  end
  return well_formed_without_utf8(text)
end

-- lua-cjson is loaded with the first string: a program that sends none starts without it.
-- The instance is our own, since its settings are shared by everybody who uses the module's.
local quote

local function load_quote()
  local encode = require("cjson").new().encode
  if encode("/") == '"/"' then
    return encode
  end
  -- Each "/" comes with a backslash of its own then, so that removing it needs no look at what stands before.
  return function(text)
    local quoted = encode(text)
    return find(text, "/", 1, true) and (gsub(quoted, "\\/", "/")) or quoted
  end
end

function quote(text)
  quote = load_quote()
  return quote(text)
end

local function number_text(n)
  if math_type and math_type(n) == "integer" then
    return format("%d", n)
  end
  if not math_type and n % 1 == 0 and n > -2 ^ 53 and n < 2 ^ 53 and 1 / n ~= -math.huge then
    return format("%.0f", n)
  end
  -- 15 digits never say more than needed, but for subnormal numbers.
  local text
  for digits = (n > -2 ^ -1022 and n < 2 ^ -1022) and 1 or 15, 17 do
    text = format("%." .. digits .. "g", n)
    if tonumber(text) == n then
      break
    end
  end
  -- The decimal point is the locale's.
  text = gsub(text, "[^0-9eE+-]+", ".")
  text = gsub(text, "e%+?(%-?)0*", "e%1") -- C writes 1e+15 and 2.5e-05
  return find(text, "[.eE]") and text or text .. ".0"
end

--- The number of items of a sequence.
---@param t table
---@return integer? length nil when t is no sequence
---@return string? reason why it is none
function M.sequence_length(t)
  local count, last, other = 0, 0, nil
  for key in next, t do
    if type(key) == "number" and key >= 1 and key % 1 == 0 then
      count = count + 1
      last = math.max(last, key)
    else
      other = key
    end
  end
  if other ~= nil then
    if type(other) == "string" then
      return nil, count > 0 and "mixes list items and names" or "has names where a list has none"
    end
    return nil, "has a key that JSON cannot hold (" .. tostring(other) .. ")"
  elseif count ~= last then
    return nil, "is a list with holes"
  end
  return count
end

--- Marks a table as an array, so that it is sent as [] when it is empty.
---@generic T: table
---@param t T?
---@return T
function M.array(t)
  if t ~= nil and type(t) ~= "table" then
    errors.misuse("runloop.array: the argument must be a table, got " .. type(t))
  end
  return setmetatable(t or {}, array_mt)
end

local package = core.global "package" -- a sandbox may have none
local loaded = package and package.loaded or {}

-- How the lua-cjson that the program itself has loaded marks arrays; only its newer line does.
local function foreign_marks()
  local marks = { [array_mt] = true }
  for _, name in ipairs { "cjson", "cjson.safe" } do
    local cjson = loaded[name]
    if type(cjson) == "table" then
      for _, field in ipairs { "array_mt", "empty_array_mt", "empty_array" } do
        if cjson[field] ~= nil then
          marks[cjson[field]] = true
        end
      end
    end
  end
  return marks
end

-- The encoding functions append to state.out and return nothing, or a reason and the number of keys in
-- state.path that lead to the offender. `depth` is the number of keys that lead to the value.
local encode_value

local function encode_array(state, t, length, depth)
  local out, path = state.out, state.path
  out[#out + 1] = "["
  for i = 1, length do
    if i > 1 then
      out[#out + 1] = ","
    end
    path[depth + 1] = i
    local reason, at = encode_value(state, t[i], depth + 1)
    if reason then
      return reason, at
    end
  end
  out[#out + 1] = "]"
end

local function encode_object(state, t, depth)
  local keys = {}
  for key in next, t do
    if type(key) ~= "string" then
      local _, why = M.sequence_length(t)
      return why, depth
    elseif not well_formed(key) then
      return "has a name that is not well-formed UTF-8", depth
    end
    keys[#keys + 1] = key
  end
  -- The same value is always the same text.
  table.sort(keys)
  local out, path = state.out, state.path
  out[#out + 1] = "{"
  for i = 1, #keys do
    local key = keys[i]
    if i > 1 then
      out[#out + 1] = ","
    end
    out[#out + 1] = quote(key)
    out[#out + 1] = ":"
    path[depth + 1] = key
    local reason, at = encode_value(state, t[key], depth + 1)
    if reason then
      return reason, at
    end
  end
  out[#out + 1] = "}"
end

local function encode_table(state, t, depth)
  if state.open[t] then
    return "contains itself", depth
  elseif depth >= MAX_DEPTH then
    return format("is nested deeper than %d levels", MAX_DEPTH), depth
  end
  state.open[t] = true
  local length, why = M.sequence_length(t)
  local reason, at
  if state.marks[getmetatable(t)] then
    if not length then
      return why, depth
    end
    reason, at = encode_array(state, t, length, depth)
  elseif length and length > 0 then
    reason, at = encode_array(state, t, length, depth)
  else
    reason, at = encode_object(state, t, depth)
  end
  state.open[t] = nil
  return reason, at
end

function encode_value(state, value, depth)
  local kind, out = type(value), state.out
  if kind == "string" then
    if not well_formed(value) then
      return "is not well-formed UTF-8", depth
    end
    out[#out + 1] = quote(value)
  elseif kind == "table" then
    return encode_table(state, value, depth)
  elseif kind == "number" then
    if value ~= value or value == math.huge or value == -math.huge then
      return "is not finite, which JSON cannot hold", depth
    end
    out[#out + 1] = number_text(value)
  elseif kind == "boolean" then
    out[#out + 1] = value and "true" or "false"
  elseif value == null then
    out[#out + 1] = "null"
  elseif kind == "userdata" and state.marks[value] then
    out[#out + 1] = "[]"
  else
    return "is a " .. kind .. ", which JSON cannot hold", depth
  end
end

-- What stands in the middle of a long text, or of a path of hundreds of keys, is no help in a message.
local function shortened(text)
  if #text <= SHOWN_PATH then
    return text
  end
  local head = gsub(text:sub(1, SHOWN_PATH / 2), "[\192-\255][\128-\191]*$", "")
  return head .. "..." .. gsub(text:sub(-SHOWN_PATH / 2), "^[\128-\191]+", "")
end

local function path_text(path, depth)
  local parts = {}
  for i = 1, depth do
    local key = path[i]
    if type(key) == "number" then
      parts[i] = format("[%d]", key)
    else
      parts[i] = (i > 1 and "." or "") .. key
    end
  end
  return depth == 0 and "the value" or "'" .. shortened(table.concat(parts)) .. "'"
end

--- Encodes a value. A table is an array when it is marked as one or is a sequence that is not empty; of
--- any other table the names are written in order. Raises, naming the place, on what JSON cannot hold.
---@param value any
---@param where string? the call that the error's message starts with
---@return string
function M.encode(value, where)
  local state = { out = {}, path = {}, open = {}, marks = foreign_marks() }
  local reason, at = encode_value(state, value, 0)
  if reason then
    errors.misuse(format("%s: %s %s", where or "json.encode", path_text(state.path, at), reason))
  end
  return table.concat(state.out)
end

--- Decodes a JSON text.
---@param text string
---@param options { nulls: "keep"? }? nulls = "keep": a null in an object is runloop.null, not an absent field
---@return any value nil when it cannot be decoded
---@return runloop.Error? err
function M.decode(text, options)
  if type(text) ~= "string" then
    errors.misuse("json.decode: the text must be a string, got " .. type(text))
  end
  local nulls
  if options ~= nil then
    if type(options) ~= "table" then
      errors.misuse("json.decode: options must be a table, got " .. type(options))
    end
    for name in pairs(options) do
      if name ~= "nulls" then
        errors.misuse("json.decode: unknown option '" .. tostring(name) .. "' (known: 'nulls')")
      end
    end
    nulls = options.nulls
    if nulls ~= nil and nulls ~= "keep" then
      errors.misuse("json.decode: option 'nulls' must be \"keep\" or nil")
    end
  end
  local value, message, code = core.json_decode(text, nulls == "keep")
  if message then
    return nil, errors.new {
      kind = code == "JSON" and "decode" or "limit",
      code = code,
      message = message,
      body = text:sub(1, 200),
    }
  end
  return value
end

return M
