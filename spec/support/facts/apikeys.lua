-- What the API's reference says of keys.

return {
  rows = { create = { "POST", "/v1/apikeys", body = { name = "n", expires_at_ms = 1700000000000 } } },
  helpers = {},
}
