-- What the API's reference says of devboxes.

return {
  rows = {
    retrieve = { "GET", "/v1/devboxes/dbx_1", ids = { "dbx_1" } },
    wait_for_status = {
      "POST", "/v1/devboxes/dbx_1/wait_for_status", ids = { "dbx_1" }, internal = true,
      body = { statuses = { "running", "failure", "shutdown" }, timeout_seconds = 7 },
    },
  },
  helpers = { "await_running" },
  methods = { "await_running", "refresh" },
}
