-- What the API's reference says of blueprints.

local common = require "spec.support.facts.common"

local BUILD = {
  name = "b", base_blueprint_id = "bpt_0", build_args = { A = "1" },
  build_context = { type = "object", object_id = "obj_1" }, code_mounts = { common.CODE_MOUNT },
  dockerfile = "FROM scratch", file_mounts = { ["/a"] = "b" }, launch_parameters = common.LAUNCH_PARAMETERS,
  metadata = { team = "core" }, network_policy_id = "npl_1", secrets = { TOKEN = "my-secret" },
  services = {
    {
      name = "db", image = "postgres", credentials = { username = "u", password = "p" }, env = { A = "b" },
      options = "--cpus 1", port_mappings = { "5432:5432" },
    },
  },
  system_setup_commands = { "apt-get update" },
}

local UNSENT = { base_blueprint_name = "base" } -- of base_blueprint_id and this there may be but one
local LIST = common.page { name = "n", status = "build_complete" }

return {
  rows = {
    create = { "POST", "/v1/blueprints", body = BUILD, unsent = UNSENT },
    retrieve = { "GET", "/v1/blueprints/bpt_1", ids = { "bpt_1" } },
    list = { "GET", "/v1/blueprints", list = "blueprints", query = LIST },
    list_public = { "GET", "/v1/blueprints/list_public", list = "blueprints", query = LIST },
    logs = { "GET", "/v1/blueprints/bpt_1/logs", ids = { "bpt_1" } },
    delete = { "POST", "/v1/blueprints/bpt_1/delete", ids = { "bpt_1" }, answer = "{}" },
    preview = { "POST", "/v1/blueprints/preview", body = BUILD, unsent = UNSENT },
  },
  helpers = { "await_build_complete", "create_and_await_build_complete" },
  methods = { "await_build_complete", "delete", "logs", "refresh" },
}
