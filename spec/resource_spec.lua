-- What a resource's file may say: what nobody knows raises when the resource is bound, instead of doing less in silence.

local resource = require "runloop.resource"
local schema = require "runloop.schema"

local function definition(fields)
  local shapes = schema.shapes()
  shapes.Widget = schema.answer { id = schema.required(schema.string), size = schema.integer }
  shapes.Resize = schema.object { size = schema.integer }
  local base = { name = "widgets", kind = "widget", thing = shapes.Widget, shapes = shapes, rows = {} }
  for name, value in pairs(fields) do base[name] = value end
  return base
end

local function raises(message, fields)
  local ok, err = pcall(resource.define, definition(fields))
  assert.is_false(ok, "raised nothing: " .. message)
  assert.is_true(tostring(err):find(message, 1, true) ~= nil, ("expected %q in %q"):format(message, tostring(err)))
end

describe("A row", function()
  local function row(of) return { rows = { resize = of } } end

  it("is bound when all that it says is known", function()
    local class = resource.define(definition(row {
      "POST /v1/widgets/{id}/resize", "Text.", body = schema.object { size = schema.integer }, returns = "Widget",
    }))
    assert.are.equal("function", type(class.methods.resize))
  end)

  it("names a shape that is there", function()
    local shapes = schema.shapes()
    assert.has_error(function() return shapes.Nope end, "no shape is called 'Nope'")
    raises("'returns' is neither a resource nor a shape nor a kind: Nope", row { "GET /v1/widgets", returns = "Nope" })
    raises("'returns' is required", row { "GET /v1/widgets" })
    raises("'body' must be a table, got string", row { "POST /v1/widgets", body = "Resize", returns = "Widget" })
  end)

  it("has no kind and no field that nobody knows", function()
    raises("unknown field 'bdy' (did you mean 'body'?)", row { "POST /v1/widgets", bdy = {}, returns = "Widget" })
    raises("no check is called 'tar'", row { "GET /v1/widgets", returns = "bytes", check = "tar" })
  end)

  it("has in its path ids of the resource, or of one that it is below, and no braces else", function()
    raises("braces in the path", row { "GET /v1/widgets/{id", returns = "Widget" })
    raises("'{wheel_id}' is no id of anything", row { "GET /v1/widgets/{wheel_id}", returns = "Widget" })
    raises("'{name}' is no id of anything", row { "GET /v1/widgets/{name}", returns = "Widget" })
    raises("'{}' is no id of anything", row { "GET /v1/widgets/{}", returns = "Widget" })
    raises("a row begins with a method and a path", row { "/v1/widgets", returns = "Widget" })
    raises("a row begins with a method and a path", row { "GET v1/widgets", returns = "Widget" })
  end)

  it("says which one is wrong", function()
    raises("the row of widgets:resize: ", row { "GET /v1/widgets", returns = "Nope" })
  end)
end)

describe("A method", function()
  it("has no name that is a field of its thing, which would hide it", function()
    raises("method 'size' has the name of a field of a widget", {
      rows = { get = { "GET /v1/widgets/{id}", returns = "Widget" } }, methods = { size = { "Text.", in_place = "get" } },
    })
  end)

  it("leads to a call that is there", function()
    raises("method 'refresh' is made of 'get', which is no call", { methods = { refresh = { "Text.", in_place = "get" } } })
    raises("method 'logs' calls 'logs:list', which is no call", { methods = { logs = { "Text.", calls = "logs:list" } } })
  end)
end)
