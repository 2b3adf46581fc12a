-- What the files below lua/runloop/api/ may say: what nobody knows, or what contradicts itself, raises here instead of
-- doing less in silence when it is used.
local resource = require "runloop.resource"
local rows = require "runloop.rows"

local KNOWN = {
  method = {
    in_place = true, completes = true, calls = true, field = true, fills = true, call = true, takes = true, params = true,
    returns = true,
  },
  helper = { takes = true, params = true, returns = true, drives = true, call = true },
}

-- Raises for what a helper or a method says that nobody reads, and for one that says too little or too much.
local function check_parts(kind, name, of)
  local function fail(why) error(("the %s '%s' %s"):format(kind, name, why), 0) end
  for field in pairs(of) do
    if type(field) == "string" and not KNOWN[kind][field] then fail("has a field that nobody knows: " .. field) end
  end
  local ways = (of.in_place and 1 or 0) + (of.calls and 1 or 0) + (of.call and 1 or 0)
  if ways ~= 1 then fail("must have one of in_place, calls and call") end
  if of.call and not of.takes then fail "must say what it takes" end
  for _, taken in ipairs(of.takes or {}) do
    if type(taken) == "string" and not (taken == "params" or taken == "await" or taken == "options"
      or taken:find("_?id$") or taken == "name") then
      fail("takes what nobody knows: " .. taken)
    end
    if taken == "params" and not of.params then fail "takes 'params', but has no shape of them" end
  end
end

-- Raises unless there is a call that an alias or a method leads to, with the parameter that the method fills.
local function check_call(definition, what, call, parameter)
  local owner_name, name = call:match("^([%w_.]+):([%w_]+)$")
  local owner = owner_name == definition.name and definition or rows.LISTED[owner_name] and resource.class(owner_name).definition
  local target = owner and (owner.rows[name] or (owner.helpers or {})[name])
  if not target then error(("%s leads to '%s', which is no call"):format(what, call), 0) end
  local has = not parameter
  for _, part in pairs { target.query or false, target.body or false, target.params or false } do
    has = has or part and part.fields[parameter] ~= nil
  end
  if not has then error(("%s fills '%s', which is no parameter of %s"):format(what, parameter, call), 0) end
end

local definitions = {}

--- The class of a definition; raises for a row, a helper or a method that says what nobody knows.
---@param definition table
---@return table
function definitions.check(definition)
  for name, helper in pairs(definition.helpers or {}) do
    if definition.rows[name] then error(("'%s' is a row and a helper"):format(name), 0) end
    check_parts("helper", name, helper)
  end
  for name, method in pairs(definition.methods or {}) do check_parts("method", name, method) end
  local class = resource.new_class(definition)
  for name, call in pairs(definition.aliases or {}) do check_call(definition, "the alias '" .. name .. "'", call) end
  for name, method in pairs(definition.methods or {}) do
    if method.calls then check_call(definition, "the method '" .. name .. "'", method.calls, method.fills) end
  end
  for name, row in pairs(definition.rows) do
    local ok, problem = pcall(rows.plan, definition, row)
    if not ok then error(("the row of %s:%s: %s"):format(definition.name, name, tostring(problem)), 0) end
  end
  for name in pairs(class.children) do
    if class.methods[name] then error(("'%s' is a call and a resource of %s"):format(name, class.name), 0) end
  end
  return class
end

return definitions
