-- What the API's reference says of the logs of devboxes.

return {
  rows = {
    list = {
      "GET", "/v1/devboxes/dbx_1/logs", ids = { "dbx_1" }, query = { execution_id = "exe_1", shell_name = "s" },
    },
  },
  helpers = {},
}
