-- Shapes that several resources share: how a devbox is launched, what is mounted into it, what every list takes.

local schema = require "runloop.schema"

local pairs, type = pairs, type
local format = string.format
local concat, sort = table.concat, table.sort

local boolean, id, integer, map, number, text =
  schema.boolean, schema.id, schema.integer, schema.map, schema.number, schema.string
local array, enum, object, query_of, required, required_or_null, union =
  schema.array, schema.enum, schema.object, schema.query_of, schema.required, schema.required_or_null, schema.union

local texts = array(text)

local shapes = schema.shapes()

shapes.Architecture = enum { "x86_64", "arm64" }
shapes.IdleAction = enum { "shutdown", "suspend" }
shapes.ProvisioningTier = enum { "standard", "flex # provisioned late, and may be taken away" }
shapes.ResourceSize = enum {
  "X_SMALL # 0.5 CPU, 1 GiB of memory, 4 GiB of disk", "SMALL # 1 CPU, 2 GiB, 4 GiB", "MEDIUM # 2 CPU, 4 GiB, 8 GiB",
  "LARGE # 2 CPU, 8 GiB, 16 GiB", "X_LARGE # 4 CPU, 16 GiB, 16 GiB", "XX_LARGE # 8 CPU, 32 GiB, 16 GiB",
  "CUSTOM_SIZE # as the fields `custom_...` say",
}
shapes.BrokerProtocol = enum { "acp", "claude_json", "codex_json", "pi_json" }

shapes.AfterIdle = object {
  idle_time_seconds = required(integer),
  on_idle = required(shapes.IdleAction),
}

shapes.LifecycleHooks = object {
  suspend_commands = texts "run before a suspend, which their failures do not stop",
  suspend_deadline_ms = integer "default 30000, at most 60000",
}

shapes.ResumeTriggers = object {
  axon_event = boolean "an event of its axon",
  http = boolean "a request through its tunnel",
}

shapes.Lifecycle = object {
  after_idle = shapes.AfterIdle,
  lifecycle_hooks = shapes.LifecycleHooks,
  resume_triggers = shapes.ResumeTriggers "what wakes a suspended devbox",
}

shapes.UserParameters = object {
  uid = required(integer),
  username = required(text),
}

shapes.LaunchParameters = object {
  after_idle = shapes.AfterIdle "the same as `lifecycle.after_idle`, if both are there",
  architecture = shapes.Architecture "default x86_64",
  available_ports = array(integer) "ignored by the API",
  custom_cpu_cores = number "0.5, 1 or a multiple of 2 up to 16",
  custom_disk_size = integer "GiB, even, 2 to 64",
  custom_gb_memory = integer "GiB, 1 or even, up to 64",
  keep_alive_time_seconds = integer "default 3600, at most 172800; ignored with `after_idle`",
  launch_commands = texts "run at every start, after a suspend too",
  lifecycle = shapes.Lifecycle,
  network_policy_id = id,
  provisioning_tier = shapes.ProvisioningTier,
  required_services = texts,
  resource_size_request = shapes.ResourceSize "default SMALL",
  user_parameters = shapes.UserParameters "who works there",
}

local function needs_agent(mount)
  if type(mount.agent_id) ~= "string" and (type(mount.agent_name) ~= "string" or mount.agent_name == "") then
    return "needs an 'agent_id' or an 'agent_name'"
  end
end

shapes.Mount = union {
  agent_mount = object {
    "An agent, by id or by name.",
    agent_id = required_or_null(id),
    agent_name = required_or_null(text "the newest agent of this name"),
    agent_path = text "absolute; agents from git and from objects need it",
    auth_token = text { secret = true } "for a private repository",
  } { rule = needs_agent },
  broker_mount = object {
    "An event stream.",
    agent_binary = text,
    axon_id = required(id),
    launch_args = texts,
    protocol = shapes.BrokerProtocol,
    working_directory = text "default: the user's home",
  },
  code_mount = object {
    "A repository.",
    git_ref = text "a branch or a tag",
    install_command = text,
    repo_name = required(text),
    repo_owner = required(text),
    token = text { secret = true },
  },
  file_mount = object {
    "A file.",
    content = required(text),
    target = required(text),
  },
  object_mount = object {
    "A stored object.",
    object_id = required(id),
    object_path = required(text "absolute; a directory for an archive, which is unpacked"),
  },
}

shapes.CodeMountParameters = object {
  "A repository, mounted at /home/user/{repo_name}.",
  git_ref = text "a branch or a tag",
  install_command = text,
  repo_name = required(text),
  repo_owner = required(text),
  token = text { secret = true },
}

local function key_with_header(mechanism)
  local has_key = type(mechanism.key) == "string"
  if mechanism.type == "header" and (not has_key or mechanism.key == "") then return "needs a 'key', the header's name" end
  if mechanism.type ~= "header" and has_key then return "has a 'key', which only a header has" end
end

shapes.AuthMechanism = object {
  "How a gateway shows its secret to the endpoint.",
  key = text "the name of the header; of type `header` alone",
  type = required(text "`header`, `bearer`, or `basic`, whose secret is `user:password`"),
} { rule = key_with_header }

local function secret_or_value(header)
  local has_secret, has_value = type(header.secret) == "string", type(header.value) == "string"
  if has_secret == has_value then return "needs either a 'secret' or a 'value'" end
end

shapes.CustomHeader = object {
  name = required(text),
  secret = id "a secret, or its name; its id comes back",
  value = text "stored, and shown, as it is",
} { rule = secret_or_value }

shapes.RunProfile = object {
  envVars = map,
  launchParameters = shapes.LaunchParameters,
  mounts = array(shapes.Mount),
  purpose = text,
  secrets = schema.map_of(schema.secret_name) "environment variable to name of a secret",
}

-- What the API's own clients hold files to: 131,000 bytes are the shell's limit, for a file in base64.
local MAX_FILE, MAX_FILES = 98250, 7860000

--- What is wrong with files that are given with their contents.
---@param files any path -> contents
---@return string?
function shapes.file_mounts_fault(files)
  if type(files) ~= "table" then return nil end
  local large, total = {}, 0
  for path, contents in pairs(files) do
    total = total + #contents
    if #contents > MAX_FILE then large[#large + 1] = format("'%s' (%d bytes)", path, #contents) end
  end
  sort(large)
  if large[1] then
    return format("have file_mounts of more than %d bytes: %s; mount objects instead", MAX_FILE, concat(large, ", "))
  elseif total > MAX_FILES then
    return format("have file_mounts of %d bytes in all, of which %d are taken; mount objects instead", total,
      MAX_FILES)
  end
end

--- The parameters of a list: what every list takes, and what is its own.
---@param fields table<string, table>
---@param search string? what the search looks at; nil: the list has none
---@return table
function shapes.list_of(fields, search)
  fields.include_total_count = boolean "`false` saves the server the counting"
  fields.limit = integer { min = 1, max = 5000 } "items a page, 1 to 5000; the server's default is 20"
  fields.starting_after = id "begins after this item"
  fields.search = search and text("in " .. search) or nil
  return query_of(fields)
end

return shapes
