-- Errors: the tables that calls return, pagers raise and tasks fail with. What they say is made in failure.lua.

local core = require "runloop.core"
local lazy = require "runloop.lazy"

local getmetatable, pairs, select, setmetatable, type = getmetatable, pairs, select, setmetatable, type
local format, gsub = string.format, string.gsub

local errors = {}

lazy.methods(errors, "failure", { "text", "without_id", "number_text", "got", "located", "counted", "api", "scrub" })

local mt = { __name = "runloop.error" }

function mt:__tostring()
  return errors.text(self)
end

function mt.__concat(a, b)
  return lazy.load("failure").joined(a, b)
end

--- Makes an error of its fields; the table given becomes the error.
---@param fields table at least kind and message; see runloop.Error in types/errors.lua
---@return runloop.Error
function errors.new(fields)
  if fields.url then
    fields.url = gsub(fields.url, "[?#].*$", "")
  end
  fields.retryable = fields.retryable or false
  return setmetatable(fields, mt)
end

--- Whether the server has said an id.
---@param id any
---@return boolean
function errors.is_id(id)
  return type(id) == "string" and id ~= ""
end

--- Raises a programming mistake, blaming the line of the program and none in here; and which line that is, as
--- "file:line", or nil where none is known.
---@type fun(message: string), fun(): string?
errors.misuse, errors.place = core.blamer()

--- Raises where something follows the last argument of a call: it would do nothing.
---@param given table the arguments
---@param most integer
---@param where string the call that the message starts with
function errors.refuse_more(given, most, where)
  for i in pairs(given) do
    if i > most then errors.misuse(format("%s: argument %d is one too many: it takes %d", where, i, most)) end
  end
end

--- A method that refuses what follows its last argument.
---@param method fun(self: table, ...): ...
---@param most integer
---@param where string
---@return fun(self: table, ...): ...
function errors.bounded(method, most, where)
  return function(self, ...)
    if select("#", ...) > most then errors.refuse_more({ ... }, most, where) end
    return method(self, ...)
  end
end

--- Is x an error of this module?
---@param x any
---@return boolean
function errors.is(x)
  return type(x) == "table" and getmetatable(x) == mt
end

return errors
