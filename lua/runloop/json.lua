-- JSON: what the core's encoder and decoder leave to Lua. Most of it is in json_text.lua.

local core = require "runloop.core"
local lazy = require "runloop.lazy"

local getmetatable, rawget, type = getmetatable, rawget, type
local find = string.find

local M = {}

lazy.methods(M, "json_text", { "sequence_length", "array", "encode_for", "body_of", "step", "encode", "decode" })

--- JSON's null; the same value as cjson.null.
M.null = core.null

--- The metatable of arrays: what is decoded carries it, and a table that carries it is sent as an array.
M.array_mt = core.array_mt

local array_mt = M.array_mt

--- What a table is whose metatable says that it is one of ours, such as a list, a client or a scenario.
---@param t any
---@return string? name nil for any other table
function M.name_of(t)
  local mt = type(t) == "table" and getmetatable(t)
  if type(mt) ~= "table" or mt == array_mt then return nil end
  local name = rawget(mt, "__name")
  return type(name) == "string" and find(name, "^runloop%.") and name or nil
end

-- What the core's decoder takes the sum of.
local KEEP_NULLS, EXACTLY = 1, 4

--- How the core is to decode.
---@param options { nulls: "keep"?, integers: "string"? }?
---@param keep_nulls boolean? whatever the options say
---@return integer
function M.reading(options, keep_nulls)
  local sum = (keep_nulls or options and options.nulls == "keep") and KEEP_NULLS or 0
  return options and options.integers == "string" and sum + EXACTLY or sum
end

return M
