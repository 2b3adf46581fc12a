-- What the API's reference says of devboxes.

local common = require "spec.support.facts.common"

local CREATE = {
  blueprint_id = "bpt_1",
  code_mounts = { common.CODE_MOUNT },
  entrypoint = "sleep 1", environment_variables = { LANG = "C" }, file_mounts = { ["/etc/motd"] = "hello" },
  gateways = { LLM = { gateway = "anthropic", secret = "sec_1" } },
  launch_parameters = common.LAUNCH_PARAMETERS,
  mcp = { MCP_SECRET = { mcp_config = "mcp_1", secret = "sec_2" } },
  metadata = { team = "core" },
  mounts = common.MOUNTS,
  name = "build", secrets = { TOKEN = "my-secret" },
  tunnel = { auth_mode = "authenticated", http_keep_alive = true, wake_on_http = false },
}

local SNAPSHOT = { commit_message = "m", metadata = { team = "core" }, name = "n" }

local function post(path, fact)
  fact[1], fact[2], fact.ids = "POST", "/v1/devboxes/dbx_1/" .. path, { "dbx_1" }
  return fact
end

return {
  rows = {
    create = {
      "POST", "/v1/devboxes", body = CREATE,
      -- Which of these there may be but one of.
      unsent = { snapshot_id = "snp_1", blueprint_name = "b" },
    },
    retrieve = { "GET", "/v1/devboxes/dbx_1", ids = { "dbx_1" } },
    update = { "POST", "/v1/devboxes/dbx_1", ids = { "dbx_1" }, body = { name = "n", metadata = { a = "b" } } },
    list = { "GET", "/v1/devboxes", list = "devboxes", query = common.page { status = "running" } },
    retrieve_resource_usage = { "GET", "/v1/devboxes/dbx_1/usage", ids = { "dbx_1" } },
    shutdown = post("shutdown", { query = { force = true } }),
    suspend = post("suspend", {}),
    resume = post("resume", {}),
    keep_alive = post("keep_alive", { answer = "{}" }),
    execute = post("execute", {
      query = { last_n = 20 }, timeout = 600,
      body = { command = "make", command_id = "0198-7", shell_name = "s", optimistic_timeout = 5 },
    }),
    execute_async = post("execute_async", {
      body = { command = "make", shell_name = "s", attach_stdin = true }, once = true,
    }),
    execute_sync = post("execute_sync", { body = { command = "make", shell_name = "s" }, once = true, timeout = 600 }),
    wait_for_command = {
      "POST", "/v1/devboxes/dbx_1/executions/exe_1/wait_for_status", ids = { "dbx_1", "exe_1" },
      query = { last_n = 20 }, body = { statuses = { "completed" }, timeout_seconds = 25 },
    },
    read_file_contents = post("read_file_contents", {
      body = { file_path = "a" }, accept = "text/plain", answer = "text", timeout = 600,
    }),
    write_file_contents = post("write_file_contents", { body = { file_path = "a", contents = "b" }, timeout = 600 }),
    upload_file = post("upload_file", { body = { path = "a" }, multipart = true, unsent = { contents = "x" }, timeout = 600 }),
    download_file = post("download_file", {
      body = { path = "a" }, accept = "application/octet-stream", answer = "bytes", timeout = 600,
    }),
    enable_tunnel = post("enable_tunnel", { body = CREATE.tunnel }),
    remove_tunnel = post("remove_tunnel", { answer = "{}" }),
    create_pty_tunnel = post("create_pty_tunnel", {}),
    create_ssh_key = post("create_ssh_key", {}),
    snapshot_disk = post("snapshot_disk", { body = SNAPSHOT, timeout = 600 }),
    snapshot_disk_async = post("snapshot_disk_async", { body = SNAPSHOT }),
    watch_evictions = { "GET", "/v1/devboxes/evictions/watch", events = true, accept = "text/event-stream" },
    create_gateway_token = post("create_gateway_token", { body = { gateway = "gwc_1", secret = "sec_1" } }),
    create_mcp_token = post("create_mcp_token", { body = { mcp_config = "mcp_1", secret = "sec_1" } }),
    wait_for_status = post("wait_for_status", {
      internal = true, body = { statuses = { "running", "failure", "shutdown" }, timeout_seconds = 7 },
    }),
  },
  aliases = {
    list_disk_snapshots = "devboxes.disk_snapshots:list", delete_disk_snapshot = "devboxes.disk_snapshots:delete",
  },
  helpers = { "await_running", "await_suspended", "create_and_await_running", "exec", "with" },
  methods = {
    "await_running", "await_suspended", "create_ssh_key", "download_file", "enable_tunnel", "exec", "exec_async",
    "keep_alive", "logs", "read_file", "refresh", "remove_tunnel", "resume", "shutdown", "snapshot_disk", "suspend", "tunnel_url",
    "update", "upload_file", "usage", "write_file",
  },
}
