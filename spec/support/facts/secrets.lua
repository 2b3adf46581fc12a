-- What the API's reference says of secrets, whose names stand in the paths.

return {
  rows = {
    create = { "POST", "/v1/secrets", body = { name = "TOKEN", value = "v" } },
    retrieve = { "GET", "/v1/secrets/MY-TOKEN", ids = { "MY-TOKEN" } },
    update = { "POST", "/v1/secrets/MY-TOKEN", ids = { "MY-TOKEN" }, body = { value = "w" } },
    list = { "GET", "/v1/secrets", query = { limit = 7 } },
    delete = { "POST", "/v1/secrets/MY-TOKEN/delete", ids = { "MY-TOKEN" } },
  },
  helpers = {},
  methods = { "delete", "refresh", "update" },
}
