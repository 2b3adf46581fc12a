-- What the API's reference says of the snapshots of disks.

local common = require "spec.support.facts.common"

local PATH = "/v1/devboxes/disk_snapshots"

return {
  rows = {
    list = {
      "GET", PATH, list = "snapshots",
      query = common.page {
        devbox_id = "dbx_1", source_blueprint_id = "bpt_1", metadata = { env = "prod", team = { "a", "b" } },
      },
      wire_query = common.page {
        devbox_id = "dbx_1", source_blueprint_id = "bpt_1", ["metadata[env]"] = "prod", ["metadata[team][in]"] = "a,b",
      },
    },
    delete = { "POST", PATH .. "/snp_1/delete", ids = { "snp_1" }, answer = "{}" },
    update = {
      "POST", PATH .. "/snp_1", ids = { "snp_1" }, body = { commit_message = "m", metadata = { a = "b" }, name = "n" },
    },
    query_status = { "GET", PATH .. "/snp_1/status", ids = { "snp_1" } },
  },
  helpers = { "await_completed" },
  methods = { "await_completed", "delete", "refresh", "update" },
}
