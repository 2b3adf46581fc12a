-- Devboxes: the machines that agents and commands work on.

local core = require "runloop.core"
local errors = require "runloop.error"
local lazy = require "runloop.lazy"
local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local await = lazy.module "await"

local error, ipairs, pairs, select, tostring, type = error, ipairs, pairs, select, tostring, type
local floor = math.floor
local format, gsub, sub = string.format, string.gsub, string.sub
local concat = table.concat

local boolean, id, integer, map, number, text =
  schema.boolean, schema.id, schema.integer, schema.map, schema.number, schema.string
local answer, array, enum, map_of, object, query_of, required =
  schema.answer, schema.array, schema.enum, schema.map_of, schema.object, schema.query_of, schema.required

local unpack = table.unpack or unpack -- luacheck: compat
local pack = table.pack or function(...) return { n = select("#", ...), ... } end -- luacheck: compat

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

-- Waiting.

local MAX_HOLD = 30 -- seconds that wait_for_status holds at most
local SETTLED = 5 -- seconds after which a devbox that is still suspended has not been resumed
local READY_STATUSES = { "running", "failure", "shutdown" }
local BOOTING = {
  scheduled = true, queued = true, provisioning = true, initializing = true, resuming = true, suspending = true,
}
local REST_STATUSES = { "suspended", "failure", "shutdown" }
local GOING_TO_REST = { running = true, suspending = true }

local function hold(watch, devbox, statuses, judge, look)
  watch.what = "devbox " .. devbox
  return watch:hold(MAX_HOLD, function(seconds, options)
    local wanted = { statuses = statuses, timeout_seconds = seconds }
    local view, response = watch.api.devboxes:_wait_for_status(devbox, wanted, options)
    if not view and response.status == 408 and look then return look(options, response) end
    return view, response
  end, judge)
end

-- Waits until a devbox runs. Right after a resume it may still be told to be suspended: that counts when it is seen
-- twice, some seconds apart. The long poll does not ask for it, so that it is looked for now and then.
local function wait_running(watch, devbox)
  local looked, suspended_since = core.now(), nil
  return hold(watch, devbox, READY_STATUSES, function(view)
    local status = view.status
    if status == "running" then return true end
    if status == "suspended" then
      suspended_since = suspended_since or core.now()
      if core.now() - suspended_since < SETTLED then return false end
    else
      suspended_since = nil
      if BOOTING[status] then return false end
    end
    return nil, status
  end, function(options, not_yet)
    if core.now() - looked < SETTLED then return nil, not_yet end
    looked = core.now()
    local view, response = watch.api.devboxes:retrieve(devbox, options)
    if view and view.status == "suspended" then return view, response end
    return nil, not_yet
  end)
end

local function await_running(context, devbox, spec, options)
  return wait_running(await.new(context, spec, options), devbox)
end

local function await_suspended(context, devbox, spec, options)
  return hold(await.new(context, spec, options), devbox, REST_STATUSES, function(view)
    local status = view.status
    if status == "suspended" then return true end
    if GOING_TO_REST[status] then return false end
    return nil, status
  end)
end

local function create_and_await_running(context, params, spec, options)
  local devboxes = context.api.devboxes
  return await.create(await.new(context, spec, options, "the creation of a devbox"), {
    begin = function(call_options) return devboxes:create(params, call_options) end,
    wait = function(watch, devbox) return wait_running(watch, devbox.id) end,
    undo = function(devbox, call_options) return devboxes:shutdown(devbox.id, nil, call_options) end,
  })
end

local ENDED = { failure = true, shutdown = true }

-- Shuts a devbox down, if it has not ended of itself.
local function end_devbox(api, devbox)
  local view, err = api.devboxes:shutdown(devbox)
  if view or err.status == 404 then return true end
  local seen = api.devboxes:retrieve(devbox)
  if seen and ENDED[seen.status] then return true end
  return nil, err
end

-- Shuts a devbox down whatever becomes of who asked for it.
local function shut_down_detached(context, devbox)
  if ENDED[devbox.status] then return end
  await.clean_up(context.transport.scheduler, "devbox " .. tostring(devbox.id), function()
    return end_devbox(context.api, devbox.id)
  end)
end

local function with(context, params, fn, spec, options)
  if type(fn) ~= "function" then
    errors.misuse("devboxes:with: argument 'fn' must be a function, got " .. type(fn))
  end
  local ending = { cancel_on_failure = true } -- one that does not come up is in nobody's hands
  for name, value in pairs(spec) do ending[name] = ending[name] or value end
  local devbox, err = create_and_await_running(context, params, ending, options)
  if not devbox then return nil, err end
  local results = pack(await.finally(function() return fn(devbox) end,
    function() shut_down_detached(context, devbox) end))
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, results.n)
end

-- Tunnels.

local DEFAULT_TUNNEL = "https://{port}-{key}.tunnel.runloop.ai"

local function check_port(port, where)
  if type(port) ~= "number" or port % 1 ~= 0 or port < 1 or port > 65535 then
    errors.misuse(where .. ": argument 'port' must be an integer from 1 to 65535")
  end
  return format("%d", port)
end

--- The URL of a port behind a tunnel.
local function tunnel_url(context, key, port)
  local fill = { port = port, key = key }
  return (gsub(context.transport.options.tunnel_url or DEFAULT_TUNNEL, "{(%l+)}", fill))
end

local function url_of_port(context, devbox, port)
  port = check_port(port, "devbox:tunnel_url")
  local key = type(devbox.tunnel) == "table" and devbox.tunnel.tunnel_key
  if type(key) ~= "string" then
    return nil, errors.new {
      kind = "state", code = "NO_TUNNEL", last = devbox,
      message = "devbox " .. devbox.id .. " has no tunnel; enable_tunnel gives it one",
    }
  end
  return tunnel_url(context, key, port)
end

local function enable_tunnel(context, devbox, params, options)
  local tunnel, response = context.api.devboxes:enable_tunnel(devbox, params, options)
  if not tunnel then return nil, response end
  devbox.tunnel = tunnel
  return tunnel, response
end

local function remove_tunnel(context, devbox, options)
  local done, response = context.api.devboxes:remove_tunnel(devbox, options)
  if not done then return nil, response end
  devbox.tunnel = nil
  return done, response
end

-- Commands and files.

local function check_table(value, where)
  if value ~= nil and type(value) ~= "table" then
    errors.misuse(where .. ": parameters must be a table, got " .. type(value))
  end
end

local function exec(context, devbox, command, spec, options)
  return lazy.load("exec")(context, devbox, command, spec, options)
end

local function exec_async(context, devbox, command, params, options)
  check_table(params, "devbox:exec_async")
  if params and params.command ~= nil then
    errors.misuse "devbox:exec_async: parameter 'command' is given twice: the command is the first argument"
  end
  local all = { command = command }
  for name, value in pairs(params or {}) do all[name] = value end
  return context.api.devboxes:execute_async(devbox, all, options)
end

local function read_file(context, devbox, path, options)
  return context.api.devboxes:read_file_contents(devbox, { file_path = path }, options)
end

-- The API writes by a command, which may have failed though the call has not.
local function write_file(context, devbox, path, contents, options)
  local view, response = context.api.devboxes:write_file_contents(devbox, { file_path = path, contents = contents },
    options)
  if not view then return nil, response end
  if view.exit_status ~= 0 then
    return nil, context.transport.scrub(errors.new {
      kind = "state", code = "EXIT_STATUS", last = view,
      message = format("writing %s ended with exit status %s", path, tostring(view.exit_status)),
    })
  end
  return true, response
end

local function upload_file(context, devbox, remote_path, local_path, options)
  return context.api.devboxes:upload_file(devbox, { path = remote_path }, local_path, options)
end

local function download_file(context, devbox, remote_path, local_path, options)
  return context.api.devboxes:download_file(devbox, { path = remote_path }, local_path, options)
end

return {
  name = "devboxes", kind = "devbox", thing = shapes.Devbox, shapes = shapes,
  text = "The machines that agents and commands work on.",
  -- For who starts one, and ends it, and for who reaches one by a tunnel.
  wait_running = wait_running, end_devbox = end_devbox, tunnel_url = tunnel_url,

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
      takes = { "id", "await", "options" }, returns = "devboxes", call = await_running,
    },
    await_suspended = {
      "Waits until a devbox is suspended; any state that leads elsewhere is an error of kind `state`.",
      takes = { "id", "await", "options" }, returns = "devboxes", call = await_suspended,
    },
    create_and_await_running = {
      "Creates a devbox and waits until it runs. When it does not, the error's `created` is the devbox, and with "
        .. "`cancel_on_failure` it is shut down.",
      takes = { "params", "await", "options" }, params = shapes.DevboxCreateParameters, returns = "devboxes",
      call = create_and_await_running,
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
      params = shapes.DevboxCreateParameters, returns = "any", call = with,
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
      call = enable_tunnel,
    },
    remove_tunnel = {
      "Takes its tunnel away.", takes = { "options" }, returns = "nothing", call = remove_tunnel,
    },
    tunnel_url = {
      "The URL of one of its ports behind its tunnel; an error of kind `state` when it has none. Makes no request.",
      takes = { { "port", "integer" } }, returns = "text", call = url_of_port,
    },
    create_ssh_key = { "A key to log in by.", calls = "devboxes:create_ssh_key" },
    exec = { "Runs a command on it to its end, with its whole output.", calls = "devboxes:exec" },
    exec_async = {
      "Begins a command.",
      takes = { { "command", "string" }, { "params?", "{ shell_name: string?, attach_stdin: boolean? }" }, "options" },
      returns = "devboxes.executions", call = exec_async,
    },
    read_file = {
      "A file of it as a text.", takes = { { "path", "string" }, "options" }, returns = "text", call = read_file,
    },
    write_file = {
      "Writes a text into a file of it. A write that failed there is an error of kind `state`, code `EXIT_STATUS`.",
      takes = { { "path", "string" }, { "contents", "string" }, "options" }, returns = "nothing", call = write_file,
    },
    upload_file = {
      "Sends a local file to it, which is read as it is sent.",
      takes = { { "remote_path", "string" }, { "path", "string" }, "options" }, returns = "nothing", call = upload_file,
    },
    download_file = {
      "A file of it, to a local file, which appears whole or not at all, or as a string.",
      takes = { { "remote_path", "string" }, { "path?", "string", "nil: the bytes are returned" }, "options" },
      returns = "bytes", call = download_file,
    },
  },

  metamethods = function(context)
    return {
      -- `local devbox <close> = …`: it ends with the block.
      __close = function(devbox)
        shut_down_detached(context, devbox)
      end,
    }
  end,
}
