-- Logs of devboxes.

local schema = require "runloop.schema"

local integer, text = schema.integer, schema.string
local answer, array, enum, query_of, required =
  schema.answer, schema.array, schema.enum, schema.query_of, schema.required

local shapes = schema.shapes()

shapes.DevboxLogSource = enum { "setup_commands", "entrypoint", "exec", "files", "stats", "kmsg" }

shapes.DevboxLogsQuery = query_of {
  execution_id = schema.id_in "execution_id" "of this execution",
  shell_name = text "of this shell",
}

shapes.DevboxLog = answer {
  cmd = text,
  cmd_id = text,
  exit_code = integer,
  level = required(text),
  message = text,
  shell_name = text,
  source = required(shapes.DevboxLogSource),
  timestamp_ms = required(integer "since 1970"),
}

shapes.DevboxLogsList = answer { logs = required(array(shapes.DevboxLog)) }

return {
  name = "devboxes.logs", kind = "devbox", shapes = shapes,

  rows = {
    list = {
      "GET /v1/devboxes/{id}/logs", "The whole log of a devbox.", query = shapes.DevboxLogsQuery, returns = "DevboxLogsList",
    },
  },
}
