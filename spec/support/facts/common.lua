-- What several of the API's shapes have in common, whole: every parameter that the reference has, in its names.

local facts = {}

facts.LAUNCH_PARAMETERS = {
  after_idle = { idle_time_seconds = 600, on_idle = "suspend" },
  architecture = "x86_64",
  available_ports = { 8080, 9090 },
  custom_cpu_cores = 0.5,
  custom_disk_size = 16,
  custom_gb_memory = 2,
  keep_alive_time_seconds = 7200,
  launch_commands = { "make", "make install" },
  lifecycle = {
    after_idle = { idle_time_seconds = 600, on_idle = "suspend" },
    lifecycle_hooks = { suspend_commands = { "sync" }, suspend_deadline_ms = 30000 },
    resume_triggers = { axon_event = true, http = false },
  },
  network_policy_id = "npl_1",
  provisioning_tier = "standard",
  required_services = { "docker" },
  resource_size_request = "CUSTOM_SIZE",
  user_parameters = { uid = 1000, username = "user" },
}

facts.MOUNTS = {
  { type = "object_mount", object_id = "obj_1", object_path = "/data" },
  { type = "agent_mount", agent_id = "agt_1", agent_name = "codex", agent_path = "/agent", auth_token = "t" },
  { type = "code_mount", repo_name = "r", repo_owner = "o", token = "t", git_ref = "main",
    install_command = "make" },
  { type = "file_mount", target = "/etc/motd", content = "hello" },
  { type = "broker_mount", axon_id = "axn_1", protocol = "acp", agent_binary = "/bin/agent",
    launch_args = { "--fast" }, working_directory = "/" },
}

facts.CODE_MOUNT = { repo_name = "r", repo_owner = "o", token = "t", git_ref = "main", install_command = "make" }

facts.AUTH_MECHANISM = { type = "header", key = "x-api-key" }

-- A header has one of the two; all that it may have.
facts.UNSENT_HEADERS = { custom_headers = { { name = "x-a", secret = "sec_1", value = "v" } } }

facts.CUSTOM_HEADERS = { { name = "x-a", secret = "sec_1" }, { name = "x-b", value = "v" } }

facts.RUN_PROFILE = {
  envVars = { LANG = "C" },
  launchParameters = facts.LAUNCH_PARAMETERS,
  mounts = facts.MOUNTS,
  purpose = "test",
  secrets = { TOKEN = "my-secret" },
}

--- The parameters of a list: its own, and what every list takes.
function facts.page(fields)
  fields.limit, fields.starting_after, fields.include_total_count = 7, "last_1", false
  return fields
end

return facts
