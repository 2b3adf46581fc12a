--- What specs of calls say again and again about what comes back.
local assert = require "luassert"

local expect = {}

-- A value as messages show it: a page of scenarios is no help in one.
local function short(value)
  local text = tostring(value)
  return #text > 200 and text:sub(1, 200) .. "..." or text
end

--- A programming mistake: `fn` must raise a string that holds `text`; it is returned.
function expect.raises(text, fn)
  local ok, message = pcall(fn)
  assert.is_false(ok, "nothing was raised, expected: " .. text)
  assert.are.equal("string", type(message), short(message))
  assert.is_true(message:find(text, 1, true) ~= nil, ("expected %q in %q"):format(text, message))
  return message
end

--- A call must have failed with `nil, err` of this kind and code (nil: any code); the error is returned.
function expect.failure(kind, code, value, err)
  assert.is_true(value == nil, "the call succeeded: " .. short(value))
  assert.are.equal("runloop.error", (getmetatable(err) or {}).__name, short(err))
  assert.are.equal(kind, err.kind, short(err))
  if code then assert.are.equal(code, err.code, short(err)) end
  return err
end

--- A call must have succeeded; all it returned is returned.
function expect.success(value, ...)
  assert.is_true(value ~= nil, short((...)))
  return value, ...
end

return expect
