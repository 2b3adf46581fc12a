-- The options that calls take last, and those of helpers that wait.

local errors = require "runloop.error"
local headers = require "runloop.headers"
local schema = require "runloop.schema"

local ipairs, pairs = ipairs, pairs
local format = string.format

local options = {}

local seconds = schema.number { min = 0 }

--- The options that every call takes last.
options.CALL = schema.options_of({
  timeout = schema.number { above = 0 },
  deadline = schema.number { above = 0 },
  max_retries = schema.integer { min = 0 },
  headers = schema.table,
  query = schema.table,
  body = schema.table,
  idempotency_key = schema.string { pattern = "^[^%c]+$", hint = "be a line of text" },
  nulls = schema.enum { "keep" },
  integers = schema.enum { "string" },
  prefetch = schema.boolean,
  idle_timeout = schema.number { above = 0 },
  on_progress = schema.callback,
  fields = schema.array(schema.string { pattern = ".", hint = "not be empty" }),
}, "call option")

--- What the helpers that wait take.
options.AWAIT = schema.options_of({
  timeout = seconds { default = 3600 },
  interval = seconds { default = 1 },
  on_poll = schema.callback,
  cancel_on_failure = schema.boolean { default = false },
}, "await option")

-- The option `fields` of a list: with `id`, and without what is most likely a slip.
local function check_fields(wanted, of, where)
  local all, known = { "id" }, {}
  for name in pairs(of ~= true and of.fields or {}) do known[#known + 1] = name end
  for i, name in ipairs(wanted) do
    local meant = schema.misspelt(name, known)
    if meant and meant ~= name then
      errors.misuse(format("%s: call option 'fields[%d]': there is no field '%s' (did you mean '%s'?)", where, i, name,
        meant))
    end
    all[#all + 1] = name
  end
  return all
end

--- Checks call options; the headers come back as a set (see headers.lua), the query as strings.
---@param given table?
---@param where string
---@param shape table? the call's parameters, for who puts one of them here
---@param listed table|true|nil of a list what its items are, or true where nobody knows
---@param await table? AWAIT, where the call takes these, too
---@return table?
function options.check(given, where, shape, listed, await)
  if given == nil then return nil end
  local checked = schema.options(options.CALL, given, where, shape, await)
  checked.headers = headers.check(checked.headers, where)
  checked.query = checked.query and schema.query(nil, checked.query, where)
  if checked.fields then
    if not listed then errors.misuse(where .. ": call option 'fields' is for lists") end
    checked.fields = check_fields(checked.fields, listed, where)
  end
  return checked
end

return options
