-- What the API's reference says of restricted keys.

return {
  rows = {
    create = {
      "POST", "/v1/restricted_keys", body = {
        name = "n", expires_at_ms = 1700000000000,
        scopes = { { access_level = "ACCESS_LEVEL_READ", resource_type = "RESOURCE_TYPE_DEVBOXES" } },
      },
    },
  },
  helpers = {},
}
