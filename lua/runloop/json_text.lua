-- JSON as texts: encoded for programs and for bodies, decoded, and what is wrong with a value.

local core = require "runloop.core"
local errors = require "runloop.error"
local json = require "runloop.json"

local next, pairs, pcall, setmetatable, tostring, type = next, pairs, pcall, setmetatable, tostring, type
local max = math.max
local format, gsub, sub = string.format, string.gsub, string.sub
local concat, sort = table.concat, table.sort

local M = {}

local SHOWN_PATH = 100 -- bytes of the way to an offender that a message shows

local array_mt = json.array_mt

--- The number of items of a sequence.
---@param t table
---@return integer? length nil when t is no sequence
---@return string? reason why it is none
function M.sequence_length(t)
  local count, last, other = 0, 0, nil
  for key in next, t do
    if type(key) == "number" and key >= 1 and key % 1 == 0 then
      count = count + 1
      last = max(last, key)
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
  local name = json.name_of(t)
  if t ~= nil and (type(t) ~= "table" or name) then
    errors.misuse("runloop.array: the argument must be a table, got " .. (name or type(t)))
  end
  local marked, array = pcall(setmetatable, t or {}, array_mt)
  if not marked then
    errors.misuse "runloop.array: the argument has a protected metatable, which cannot be replaced"
  end
  return array
end

-- What stands in the middle of a long text, or of a path of hundreds of keys, is no help in a message.
local function shortened(text)
  if #text <= SHOWN_PATH then
    return text
  end
  local head = gsub(sub(text, 1, SHOWN_PATH / 2), "[\192-\255][\128-\191]*$", "")
  return head .. "..." .. gsub(sub(text, -SHOWN_PATH / 2), "^[\128-\191]+", "")
end

-- Raises for what the core could not write: `path` leads there; without a reason `culprit` is a table that is neither
-- a list nor an object.
local function complain(where, path, reason, culprit)
  local place = path == "" and "the value" or "'" .. shortened(path) .. "'"
  if not reason then
    local _, why = M.sequence_length(culprit)
    reason = why
  end
  errors.misuse(where .. ": " .. place .. " " .. reason)
end

--- Encodes a value for a call, whose name its errors begin with.
---@param value any
---@param where string
---@param sorted boolean? the names of objects come in order
---@return string
function M.encode_for(value, where, sorted)
  local text, path, reason, culprit = core.json_encode(value, sorted)
  if not text then complain(where, path, reason, culprit) end
  return text
end

--- The same as the body of the call. Where it is long, the core's own comes back, which is still to be written by
--- `step`.
---@param value any
---@param where string
---@return string|userdata
function M.body_of(value, where)
  local body, path, reason, culprit = core.json_encode(value, false, true)
  if not body then complain(where, path, reason, culprit) end
  return body
end

--- Writes the next slice of such a body; true when it is whole.
---@param body userdata
---@param where string
---@return boolean
function M.step(body, where)
  local whole, path, reason = body:step()
  if whole == nil then complain(where, path, reason) end
  return whole
end

local function check_options(options, where, known)
  if options == nil then return end
  if type(options) ~= "table" then
    errors.misuse(where .. ": options must be a table, got " .. type(options))
  end
  for name in pairs(options) do
    if not known[name] then
      local names = {}
      for each in pairs(known) do names[#names + 1] = "'" .. each .. "'" end
      sort(names)
      errors.misuse(where .. ": unknown option '" .. tostring(name) .. "' (known: " .. concat(names, ", ") .. ")")
    end
  end
end

--- Encodes a value. A table is an array when it is marked as one or is a sequence that is not empty. Raises, naming
--- the place, on what JSON cannot hold.
---@param value any
---@param options { sort_keys: boolean? }? sort_keys: the names of objects come in order, bytewise
---@return string
function M.encode(value, options)
  check_options(options, "runloop.json.encode", { sort_keys = true })
  local sorted = options and options.sort_keys
  if sorted ~= nil and type(sorted) ~= "boolean" then
    errors.misuse("runloop.json.encode: option 'sort_keys' must be a boolean, got " .. type(sorted))
  end
  return M.encode_for(value, "runloop.json.encode", sorted)
end

local DECODE_OPTIONS = { nulls = "keep", integers = "string" }

--- Decodes a JSON text.
---@param text string
---@param options { nulls: "keep"?, integers: "string"? }? nulls = "keep": a null in an object is runloop.null, not an
--- absent field; integers = "string": an integer that Lua cannot hold exactly is its text
---@return any value nil when it cannot be decoded
---@return runloop.Error? err
function M.decode(text, options)
  if type(text) ~= "string" then
    errors.misuse("runloop.json.decode: the text must be a string, got " .. type(text))
  end
  check_options(options, "runloop.json.decode", DECODE_OPTIONS)
  for name, value in pairs(options or {}) do
    if value ~= DECODE_OPTIONS[name] then
      errors.misuse(format("runloop.json.decode: option '%s' must be \"%s\" or nil", name, DECODE_OPTIONS[name]))
    end
  end
  local value, message, code = core.json_decode(text, json.reading(options))
  if message then
    return nil, errors.new {
      kind = code == "JSON" and "decode" or "limit",
      code = code,
      message = message,
      body = sub(text, 1, 200),
    }
  end
  return value
end

return M
