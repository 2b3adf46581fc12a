-- What the API's reference says of objects.

local common = require "spec.support.facts.common"

local LIST = common.page { content_type = "text", name = "n", state = "READ_ONLY", search = "s" }

return {
  rows = {
    create = {
      "POST", "/v1/objects", body = { content_type = "tgz", name = "n", metadata = { a = "b" }, ttl_ms = 60000 },
    },
    retrieve = { "GET", "/v1/objects/obj_1", ids = { "obj_1" } },
    list = { "GET", "/v1/objects", list = "objects", query = LIST },
    list_public = { "GET", "/v1/objects/list_public", list = "objects", query = LIST },
    complete = { "POST", "/v1/objects/obj_1/complete", ids = { "obj_1" } },
    download = { "GET", "/v1/objects/obj_1/download", ids = { "obj_1" }, query = { duration_seconds = 60 } },
    delete = { "POST", "/v1/objects/obj_1/delete", ids = { "obj_1" } },
  },
  helpers = { "upload_from_file", "upload_from_text" },
  methods = { "complete", "delete", "download", "refresh" },
}
