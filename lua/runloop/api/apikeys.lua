-- Keys for the API.

local schema = require "runloop.schema"

local integer, text = schema.integer, schema.string
local answer, object = schema.answer, schema.object

local shapes = schema.shapes()

shapes.ApiKeyCreateParameters = object {
  expires_at_ms = integer "since 1970",
  name = text,
}

shapes.ApiKey = answer {
  expires_at_ms = integer "since 1970",
  id = text,
  key_secret = text { secret = true } "the key, which is shown here alone",
  name = text,
}

return {
  name = "apikeys", shapes = shapes,
  text = "Keys for the API. There is no call that lists them or takes them back.",

  rows = {
    create = { "POST /v1/apikeys", "Creates a key.", body = shapes.ApiKeyCreateParameters, returns = "ApiKey" },
  },
}
