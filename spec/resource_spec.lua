-- What a resource's file may say: what nobody knows raises when the resource is bound, instead of doing less in silence.

local definitions = require "spec.support.definitions"
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
  local ok, err = pcall(definitions.check, definition(fields))
  assert.is_false(ok, "raised nothing: " .. message)
  assert.is_true(tostring(err):find(message, 1, true) ~= nil, ("expected %q in %q"):format(message, tostring(err)))
end

describe("A row", function()
  local function row(of) return { rows = { resize = of } } end

  it("is bound when all that it says is known", function()
    local class = definitions.check(definition(row {
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

  it("says nothing that would do nothing, or be lost, beside the rest of it", function()
    local size, no_size = schema.object { size = schema.integer }, schema.query_of {}
    for message, of in pairs {
      ["'size' is in the query and in the body"] = {
        "POST /v1/widgets", query = schema.query_of { size = schema.integer }, body = size, returns = "Widget",
      },
      ["'query' is no object"] = { "GET /v1/widgets", query = { size = schema.integer }, returns = "Widget" },
      ["a GET has no body"] = { "GET /v1/widgets", body = size, returns = "Widget" },
      ["a list or a stream is a GET"] = { "POST /v1/widgets", list = "widgets", returns = "Widget" },
      ["a list is no stream"] = { "GET /v1/widgets", list = "widgets", events = true, returns = "Widget" },
      ["'resume' is a parameter of a stream's query"] = {
        "GET /v1/widgets", events = true, query = no_size, resume = "offset", returns = "Widget",
      },
      ["'check' is for what returns bytes"] = { "GET /v1/widgets", check = "zip", returns = "Widget" },
      ["'multipart' needs a body"] = { "POST /v1/widgets", multipart = "file", returns = "Widget" },
      ["'changes' needs a body"] = { "POST /v1/widgets/{id}", changes = true, returns = "Widget" },
      ["no resource is called 'wheels'"] = { "GET /v1/widgets", things = { wheel = "wheels" }, returns = "Widget" },
      ["'{id}' stands there twice"] = { "GET /v1/widgets/{id}/{id}", returns = "Widget" },
    } do
      raises(message, row(of))
    end
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
    raises("the method 'x' leads to 'scenarios:nope', which is no call", { methods = { x = { calls = "scenarios:nope" } } })
    raises("the alias 'x' leads to 'scenarios:nope', which is no call", { aliases = { x = "scenarios:nope" } })
    raises("the method 'x' fills 'wheel', which is no parameter of scenarios:start_run", {
      methods = { x = { calls = "scenarios:start_run", fills = "wheel" } },
    })
  end)

  it("and a helper say what somebody reads, and how they are done, once", function()
    local rows = { get = { "GET /v1/widgets/{id}", returns = "Widget" } }
    local function call() end
    for message, method in pairs {
      ["the method 'x' must have one of in_place, calls and call"] = {},
      ["'x' must have one of in_place"] = { in_place = "get", takes = {}, call = call },
      ["the method 'x' has a field that nobody knows: feild"] = { in_place = "get", feild = "id" },
      ["the method 'x' must say what it takes"] = { call = call },
      ["the method 'x' takes what nobody knows: optoins"] = { takes = { "optoins" }, call = call },
      ["the method 'x' takes 'params', but has no shape of them"] = { takes = { "params" }, call = call },
    } do
      raises(message, { rows = rows, methods = { x = method } })
    end
    raises("the helper 'x' must have one of", { helpers = { x = { takes = {} } } })
    raises("'get' is a row and a helper", { rows = rows, helpers = { get = { takes = {}, call = call } } })
  end)
end)
