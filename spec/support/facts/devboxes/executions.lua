-- What the API's reference says of the executions of devboxes.

local PATH, IDS = "/v1/devboxes/dbx_1/executions/exe_1", { "dbx_1", "exe_1" }

local function stream(name)
  return {
    "GET", PATH .. "/" .. name, ids = IDS, query = { offset = 12 }, events = true, accept = "text/event-stream",
  }
end

return {
  rows = {
    retrieve = { "GET", PATH, ids = IDS, query = { last_n = 20 } },
    kill = { "POST", PATH .. "/kill", ids = IDS, body = { kill_process_group = true } },
    send_std_in = {
      "POST", PATH .. "/send_std_in", ids = IDS, body = { text = "y" }, unsent = { signal = "EOF" }, once = true,
    },
    stream_stdout_updates = stream "stream_stdout_updates",
    stream_stderr_updates = stream "stream_stderr_updates",
  },
  aliases = { execute_async = "devboxes:execute_async", execute_sync = "devboxes:execute_sync" },
  helpers = { "await_completed" },
  methods = { "await_completed", "kill", "refresh", "send_std_in", "stream_stderr", "stream_stdout" },
}
