-- Devboxes: the machines that agents and commands work on.

local core = require "runloop.core"
local lazy = require "runloop.lazy"
local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local ipairs, type = ipairs, type
local floor = math.floor
local format, sub = string.format, string.sub
local concat = table.concat

local boolean, id, integer, map, number, text =
  schema.boolean, schema.id, schema.integer, schema.map, schema.number, schema.string
local answer, array, enum, map_of, object, query_of, required =
  schema.answer, schema.array, schema.enum, schema.map_of, schema.object, schema.query_of, schema.required

local texts = array(text)

local LONG = 600 -- seconds: what may take long by nature is not hurried by the client's timeout

local shapes = schema.shapes(common)

shapes.DevboxStatus = enum {
  "scheduled # queued, in an older word", "queued", "provisioning", "initializing", "running", "suspending",
  "suspended # its disk is kept, its memory and processes are lost", "resuming", "failure", "shutdown",
}
shapes.TunnelAuthMode = enum { "open", "authenticated # requests need the tunnel's `auth_token`" }

shapes.GatewaySpec = object {
  gateway = required(id "a gateway config, or its name"),
  secret = required(id "a secret, or its name"),
}

shapes.McpSpec = object {
  mcp_config = required(id "an MCP config, or its name"),
  secret = required(id "a secret, or its name"),
}

shapes.TunnelParameters = object {
  auth_mode = shapes.TunnelAuthMode "default open",
  http_keep_alive = boolean "requests through the tunnel count as work; default true",
  wake_on_http = boolean "a request resumes a suspended devbox; default false",
}

-- Which image a devbox starts from is said once.
local function check_devbox(params)
  local given = {}
  for _, name in ipairs { "snapshot_id", "blueprint_id", "blueprint_name" } do
    if type(params[name]) == "string" then given[#given + 1] = "'" .. name .. "'" end
  end
  if given[2] then return "have " .. concat(given, " and ") .. ", of which one at most may be there" end
  return common.file_mounts_fault(params.file_mounts)
end

shapes.DevboxCreateParameters = object {
  blueprint_id = id,
  blueprint_name = text "the latest good build of this name",
  code_mounts = array(shapes.CodeMountParameters) "use `mounts`",
  entrypoint = text "a command; the devbox ends with it",
  environment_variables = map,
  file_mounts = map "path to contents, at most 98250 bytes each; use `mounts`",
  gateways = map_of(shapes.GatewaySpec) "P: the environment has a token in `P` and its URL in `P_URL`",
  launch_parameters = shapes.LaunchParameters,
  mcp = map_of(shapes.McpSpec),
  metadata = map "for your own order",
  mounts = array(shapes.Mount),
  name = text,
  secrets = map_of(schema.secret_name) "environment variable to name of a secret",
  snapshot_id = id,
  tunnel = shapes.TunnelParameters,
} { rule = check_devbox }

shapes.DevboxUpdateParameters = object {
  "What is absent stays as it is.",
  metadata = map "`{}` clears it",
  name = text [[`""` clears it]],
}

shapes.DevboxListQuery = common.list_of { status = shapes.DevboxStatus }

shapes.DevboxShutdownQuery = query_of { force = schema.text_of(boolean) "though snapshots are being taken" }

shapes.LastLinesQuery = query_of { last_n = schema.text_of(integer { min = 0 }) "lines of output; default 100" }

shapes.DevboxExecuteParameters = object {
  command = required(text),
  command_id = text "a UUIDv7, the same on every attempt; default: a new one",
  optimistic_timeout = integer { min = 0, max = 25 } "seconds to wait for the end of the command; default 25",
  shell_name = text "a shell that keeps its directory and environment, and runs one command at a time",
}

shapes.DevboxExecuteAsyncParameters = object {
  attach_stdin = boolean "for `send_std_in`; default false",
  command = required(text),
  shell_name = text "a shell that keeps its directory and environment, and runs one command at a time",
}

shapes.DevboxExecuteSyncParameters = object {
  command = required(text),
  shell_name = text,
}

shapes.ExecutionStatus = enum { "queued", "running", "completed" }

shapes.DevboxWaitForCommandParameters = object {
  statuses = required(array(shapes.ExecutionStatus) { at_least = 1 }),
  timeout_seconds = integer { min = 0, max = 25 } "how long the answer is held; default 25",
}

shapes.DevboxReadFileParameters = object { file_path = required(text "from the user's home, or absolute") }

shapes.DevboxWriteFileParameters = object {
  contents = required(text),
  file_path = required(text "from the user's home, or absolute"),
}

shapes.DevboxUploadFileParameters = object {
  contents = text "the file's bytes, in the place of a local file",
  path = required(text "from the user's home, or absolute"),
}

shapes.DevboxDownloadFileParameters = object { path = required(text "from the user's home, or absolute") }

shapes.DevboxSnapshotParameters = object {
  commit_message = text { at_most = 1000 } "at most 1000 characters",
  metadata = map "for your own order",
  name = text,
}

shapes.GatewayTokenParameters = object {
  gateway = required(id "a gateway config, or its name"),
  secret = required(id "a secret, or its name"),
}

shapes.McpTokenParameters = object {
  mcp_config = required(id "an MCP config, or its name"),
  secret = required(id "a secret, or its name"),
}

shapes.WaitForStatusParameters = object {
  statuses = required(array(shapes.DevboxStatus)),
  timeout_seconds = integer { min = 0, max = 30 } "how long the answer is held; default 10",
}

shapes.StateTransition = answer {
  failure_reason = text,
  status = shapes.DevboxStatus,
  transition_time_ms = number "since 1970",
}

shapes.GatewaySpecView = answer {
  gateway_config_id = required(text),
  secret_id = required(text),
}

shapes.McpSpecView = answer {
  mcp_config_id = required(text),
  secret_id = required(text),
}

shapes.Tunnel = answer {
  "What makes a devbox's ports reachable; see `devbox:tunnel_url`.",
  auth_mode = required(shapes.TunnelAuthMode),
  auth_token = text { secret = true } "goes into the header X-Runloop-Tunnel-Authorization, after `Bearer `",
  create_time_ms = required(integer "since 1970"),
  http_keep_alive = required(boolean),
  tunnel_key = required(text),
  wake_on_http = required(boolean),
}

shapes.Devbox = answer {
  "A machine.",
  blueprint_id = text,
  capabilities = required(texts),
  create_time_ms = required(integer "since 1970"),
  end_time_ms = integer "since 1970",
  failure_reason = text "out_of_memory, out_of_disk, execution_failed or health_check_failed",
  gateway_specs = map_of(shapes.GatewaySpecView),
  id = required(text),
  initiator_id = text,
  initiator_type = text "api, `scenario` for the devboxes of runs, scoring_validation, reflex or unknown",
  launch_parameters = required(shapes.LaunchParameters),
  mcp_specs = map_of(shapes.McpSpecView),
  metadata = required(map),
  name = text,
  shutdown_reason = text "api_shutdown, keep_alive_timeout, entrypoint_exit, idle or ttl_expired",
  snapshot_id = text,
  state_transitions = required(array(shapes.StateTransition) "the oldest first"),
  status = required(shapes.DevboxStatus),
  tunnel = shapes.Tunnel,
}

shapes.DevboxResourceUsage = answer {
  disk_gb_seconds = required(integer "time that it was suspended is counted, too"),
  end_time_ms = integer "since 1970",
  id = required(text),
  memory_gb_seconds = required(integer),
  start_time_ms = required(integer "since 1970"),
  status = required(text),
  total_active_seconds = required(integer "time that it was suspended is not counted"),
  total_elapsed_seconds = required(integer),
  vcpu_seconds = required(integer),
}

shapes.PtyTunnel = answer {
  "What `client.pty` reaches a devbox by; a new one at each call.",
  auth_token = required(text { secret = true }),
  tunnel_key = required(text),
}

shapes.SshKey = answer {
  id = required(text),
  ssh_private_key = required(text { secret = true } "PEM"),
  ssh_user = required(text),
  url = required(text "the host for SNI"),
}

shapes.GatewayToken = answer {
  "A token that is worth something on its devbox alone, and not after a resume.",
  auth_mechanism = required(shapes.AuthMechanism),
  devbox_id = required(text),
  endpoint = required(text),
  gateway_config_id = required(text),
  token = required(text { secret = true }),
  url = required(text),
}

shapes.McpToken = answer {
  "A token that is worth something on its devbox alone, and not after a resume.",
  allowed_tools = required(texts),
  devbox_id = required(text),
  endpoint = required(text),
  mcp_config_id = required(text),
  token = required(text { secret = true }),
  url = required(text),
}

shapes.EvictionEvent = answer {
  devbox_id = required(text),
  eviction_deadline_ms = required(integer "since 1970; the devbox is suspended then"),
}

shapes.ExecutionDetail = answer {
  devbox_id = required(text),
  exit_status = required(integer),
  shell_name = text,
  stderr = required(text),
  stdout = required(text),
}

-- A UUIDv7 (RFC 9562): milliseconds since 1970, and random bits behind them.
local function uuid7()
  local ms = format("%012x", floor(core.time() * 1000))
  return sub(ms, 1, 8) .. "-" .. sub(ms, 9) .. "-7" .. sub(core.uuid(), 16)
end

-- What takes more than one call is in devbox.lua.
local helpers = {}
lazy.methods(helpers, "devbox", {
  "await_running", "await_suspended", "create_and_await_running", "download_file", "enable_tunnel", "exec_async",
  "read_file", "remove_tunnel", "shut_down_detached", "upload_file", "url_of_port", "with", "write_file",
})

local function exec(context, ...) return lazy.load("exec")(context, ...) end

return {
  name = "devboxes", kind = "devbox", thing = shapes.Devbox, shapes = shapes,
  text = "The machines that agents and commands work on.",

  rows = {
    create = {
      "POST /v1/devboxes", "Creates a devbox, which is not running yet. At most one of `snapshot_id`, `blueprint_id` and "
        .. "`blueprint_name`.",
      body = shapes.DevboxCreateParameters, returns = "devboxes",
    },
    retrieve = { "GET /v1/devboxes/{id}", "One devbox.", returns = "devboxes" },
    update = {
      "POST /v1/devboxes/{id}", "Replaces the fields given and keeps the others.",
      body = shapes.DevboxUpdateParameters, changes = true, returns = "devboxes",
    },
    list = {
      "GET /v1/devboxes", "Lists devboxes.", query = shapes.DevboxListQuery, list = "devboxes", returns = "devboxes",
    },
    retrieve_resource_usage = {
      "GET /v1/devboxes/{id}/usage", "What a devbox has used up.", returns = "DevboxResourceUsage",
    },
    shutdown = {
      "POST /v1/devboxes/{id}/shutdown",
      "Ends a devbox. While snapshots are being taken it is a `conflict`, unless it is forced.",
      query = shapes.DevboxShutdownQuery, returns = "devboxes", conflicts = true,
    },
    suspend = {
      "POST /v1/devboxes/{id}/suspend", "Suspends a running devbox: its disk is kept, its memory and processes are lost.",
      returns = "devboxes",
    },
    resume = {
      "POST /v1/devboxes/{id}/resume", "Resumes a suspended devbox. Its launch commands run again.", returns = "devboxes",
    },
    keep_alive = {
      "POST /v1/devboxes/{id}/keep_alive", "Begins the time anew after which an idle devbox ends.", returns = "nothing",
    },
    execute = {
      "POST /v1/devboxes/{id}/execute",
      "Runs a command and waits for its end, though no longer than `optimistic_timeout`: then the execution comes back "
        .. "`running`.",
      query = shapes.LastLinesQuery, body = shapes.DevboxExecuteParameters, returns = "devboxes.executions",
      timeout = LONG, long = true, completes = function(params)
        local given = params.command_id
        if type(given) ~= "string" or given == "" then params.command_id = uuid7() end
      end,
    },
    execute_async = {
      "POST /v1/devboxes/{id}/execute_async", "Begins a command.",
      body = shapes.DevboxExecuteAsyncParameters, returns = "devboxes.executions", once = true,
    },
    execute_sync = {
      "POST /v1/devboxes/{id}/execute_sync", "Runs a command and waits for its end. Deprecated by the API.",
      body = shapes.DevboxExecuteSyncParameters, returns = "ExecutionDetail", timeout = LONG, long = true,
      once = true,
    },
    wait_for_command = {
      "POST /v1/devboxes/{devbox_id}/executions/{execution_id}/wait_for_status",
      "Waits until an execution has one of the statuses. A 408 says: not yet.",
      query = shapes.LastLinesQuery, body = shapes.DevboxWaitForCommandParameters, returns = "devboxes.executions",
      long = true,
    },
    read_file_contents = {
      "POST /v1/devboxes/{id}/read_file_contents", "A file of a devbox as a text; `download_file` is for large ones.",
      body = shapes.DevboxReadFileParameters, returns = "text", timeout = LONG,
    },
    write_file_contents = {
      "POST /v1/devboxes/{id}/write_file_contents",
      "Writes a text into a file of a devbox. Whether it was written is in the answer's `exit_status`.",
      body = shapes.DevboxWriteFileParameters, returns = "ExecutionDetail", timeout = LONG,
    },
    upload_file = {
      "POST /v1/devboxes/{id}/upload_file",
      "Sends a local file to a devbox, which is read as it is sent; or a text, as `contents`.",
      body = shapes.DevboxUploadFileParameters, multipart = "file", returns = "nothing", timeout = LONG,
    },
    download_file = {
      "POST /v1/devboxes/{id}/download_file",
      "A file of a devbox, to a local file, which appears whole or not at all, or as a string.",
      body = shapes.DevboxDownloadFileParameters, returns = "bytes", timeout = LONG,
    },
    enable_tunnel = {
      "POST /v1/devboxes/{id}/enable_tunnel", "Gives a running devbox a tunnel; it has one at most.",
      body = shapes.TunnelParameters, returns = "Tunnel",
    },
    remove_tunnel = { "POST /v1/devboxes/{id}/remove_tunnel", "Takes a devbox's tunnel away.", returns = "nothing" },
    create_pty_tunnel = {
      "POST /v1/devboxes/{id}/create_pty_tunnel", "What `client.pty` reaches a running devbox by.", returns = "PtyTunnel",
    },
    create_ssh_key = { "POST /v1/devboxes/{id}/create_ssh_key", "A key to log in by.", returns = "SshKey" },
    snapshot_disk = {
      "POST /v1/devboxes/{id}/snapshot_disk", "Takes a snapshot of a devbox's disk, and waits for it.",
      body = shapes.DevboxSnapshotParameters, returns = "devboxes.disk_snapshots", timeout = LONG,
    },
    snapshot_disk_async = {
      "POST /v1/devboxes/{id}/snapshot_disk_async",
      "Begins a snapshot of a devbox's disk; `await_completed` of the snapshot waits for it.",
      body = shapes.DevboxSnapshotParameters, returns = "devboxes.disk_snapshots",
    },
    watch_evictions = {
      "GET /v1/devboxes/evictions/watch", "Which devboxes are going to be suspended, and when.",
      events = true, returns = "EvictionEvent",
    },
    create_gateway_token = {
      "POST /v1/devboxes/{id}/create_gateway_token", "A token for a gateway, for a devbox.",
      body = shapes.GatewayTokenParameters, returns = "GatewayToken",
    },
    create_mcp_token = {
      "POST /v1/devboxes/{id}/create_mcp_token", "A token for an MCP config, for a devbox.",
      body = shapes.McpTokenParameters, returns = "McpToken",
    },
    wait_for_status = {
      "POST /v1/devboxes/{id}/wait_for_status", "Which the helpers that wait call.",
      body = shapes.WaitForStatusParameters, returns = "devboxes", long = true, internal = true,
    },
  },

  aliases = {
    list_disk_snapshots = "devboxes.disk_snapshots:list",
    delete_disk_snapshot = "devboxes.disk_snapshots:delete",
  },

  helpers = {
    await_running = {
      "Waits until a devbox runs, through a suspend and a resume too; any state that leads elsewhere is an error of kind "
        .. "`state`, as is `suspended` when it lasts.",
      takes = { "id", "await", "options" }, returns = "devboxes", call = helpers.await_running,
    },
    await_suspended = {
      "Waits until a devbox is suspended; any state that leads elsewhere is an error of kind `state`.",
      takes = { "id", "await", "options" }, returns = "devboxes", call = helpers.await_suspended,
    },
    create_and_await_running = {
      "Creates a devbox and waits until it runs. When it does not, the error's `created` is the devbox, and with "
        .. "`cancel_on_failure` it is shut down.",
      takes = { "params", "await", "options" }, params = shapes.DevboxCreateParameters, returns = "devboxes",
      call = helpers.create_and_await_running,
    },
    exec = {
      "Runs a command to its end, with its whole output. Another exit status than 0 is no error. `stdout` and `stderr` are "
        .. "functions that are called with text as it comes.",
      takes = { "id", { "command", "string" }, { "spec?", "runloop.ExecOptions" }, "options" },
      returns = "devboxes.executions", call = exec,
    },
    with = {
      "Creates a devbox, waits until it runs, calls `fn` with it, and shuts it down whatever has happened. Returns what "
        .. "`fn` returned.",
      takes = { "params", { "fn", "fun(devbox: runloop.Devbox): any" }, "await", "options" },
      params = shapes.DevboxCreateParameters, returns = "any", call = helpers.with,
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    update = { "Replaces the fields given.", in_place = "update" },
    shutdown = { "Ends it.", in_place = "shutdown" },
    suspend = { "Suspends it.", in_place = "suspend" },
    resume = { "Resumes it.", in_place = "resume" },
    keep_alive = { "Begins the time anew after which it ends when it is idle.", calls = "devboxes:keep_alive" },
    await_running = { "Waits until it runs.", in_place = "await_running" },
    await_suspended = { "Waits until it is suspended.", in_place = "await_suspended" },
    logs = { "Its logs.", calls = "devboxes.logs:list" },
    usage = { "What it has used up.", calls = "devboxes:retrieve_resource_usage" },
    snapshot_disk = { "Takes a snapshot of its disk, and waits for it.", calls = "devboxes:snapshot_disk" },
    enable_tunnel = {
      "Gives it a tunnel.", takes = { "params", "options" }, params = shapes.TunnelParameters, returns = "Tunnel",
      call = helpers.enable_tunnel,
    },
    remove_tunnel = {
      "Takes its tunnel away.", takes = { "options" }, returns = "nothing", call = helpers.remove_tunnel,
    },
    tunnel_url = {
      "The URL of one of its ports behind its tunnel; an error of kind `state` when it has none. Makes no request.",
      takes = { { "port", "integer" } }, returns = "text", call = helpers.url_of_port,
    },
    create_ssh_key = { "A key to log in by.", calls = "devboxes:create_ssh_key" },
    exec = { "Runs a command on it to its end, with its whole output.", calls = "devboxes:exec" },
    exec_async = {
      "Begins a command.",
      takes = { { "command", "string" }, { "params?", "{ shell_name: string?, attach_stdin: boolean? }" }, "options" },
      returns = "devboxes.executions", call = helpers.exec_async,
    },
    read_file = {
      "A file of it as a text.", takes = { { "path", "string" }, "options" }, returns = "text", call = helpers.read_file,
    },
    write_file = {
      "Writes a text into a file of it. A write that failed there is an error of kind `state`, code `EXIT_STATUS`.",
      takes = { { "path", "string" }, { "contents", "string" }, "options" }, returns = "nothing", call = helpers.write_file,
    },
    upload_file = {
      "Sends a local file to it, which is read as it is sent.",
      takes = { { "remote_path", "string" }, { "path", "string" }, "options" }, returns = "nothing", call = helpers.upload_file,
    },
    download_file = {
      "A file of it, to a local file, which appears whole or not at all, or as a string.",
      takes = { { "remote_path", "string" }, { "path?", "string", "nil: the bytes are returned" }, "options" },
      returns = "bytes", call = helpers.download_file,
    },
  },

  metamethods = function(context)
    return {
      -- `local devbox <close> = …`: it ends with the block.
      __close = function(thing) helpers.shut_down_detached(context, thing) end,
    }
  end,
}
