-- Executions: commands that run, or have run, on a devbox.

local lazy = require "runloop.lazy"
local schema = require "runloop.schema"

local await = lazy.module "await"

local type = type

local boolean, integer, text = schema.boolean, schema.integer, schema.string
local answer, enum, object, query_of, required =
  schema.answer, schema.enum, schema.object, schema.query_of, schema.required

local shapes = schema.shapes(lazy.load("api.devboxes").shapes)

shapes.StdInSignal = enum { "EOF", "INTERRUPT" }

shapes.ExecutionKillParameters = object {
  kill_process_group = boolean "what the command has started, too; default false",
}

local function one_input(params)
  if (type(params.text) == "string") == (type(params.signal) == "string") then
    return "have either a 'text' or a 'signal'"
  end
end

shapes.ExecutionSendStdInParameters = object {
  signal = shapes.StdInSignal,
  text = text,
} { rule = one_input }

shapes.OutputStreamQuery = query_of {
  offset = schema.text_of(integer { min = 0 }) "bytes that are passed over; default 0",
}

shapes.Execution = answer {
  "A command on a devbox. Its output is there when it is `completed`: the last lines of each stream.",
  devbox_id = required(text),
  execution_id = required(text),
  exit_status = integer,
  shell_name = text,
  status = required(shapes.ExecutionStatus),
  stderr = text,
  stderr_truncated = boolean "there was more",
  stdout = text,
  stdout_truncated = boolean "there was more",
}

shapes.SendStdInResult = answer {
  devbox_id = required(text),
  execution_id = required(text),
  success = required(boolean),
}

shapes.ExecutionUpdateChunk = answer {
  offset = integer "bytes of output before this",
  output = required(text "of any length, not a line"),
}

local MAX_HOLD = 25 -- seconds that wait_for_command holds at most

local function is_completed(view)
  local status = view.status
  if status == "completed" then return true end
  if status == "queued" or status == "running" then return false end
  return nil, status
end

local function await_completed(context, devbox, execution, spec, options)
  return await.new(context, spec, options, "execution " .. execution):hold(MAX_HOLD, function(hold, call_options)
    local wanted = { statuses = { "completed" }, timeout_seconds = hold }
    return context.api.devboxes:wait_for_command(devbox, execution, wanted, call_options)
  end, is_completed)
end

local IDS = "/v1/devboxes/{devbox_id}/executions/{execution_id}"

return {
  name = "devboxes.executions", kind = "execution", id = "execution_id", thing = shapes.Execution, shapes = shapes,
  text = "Commands on devboxes. An execution alone will do for both ids.",
  is_completed = is_completed, -- for who runs one to its end

  rows = {
    retrieve = {
      "GET " .. IDS, "One execution.", query = shapes.LastLinesQuery, returns = "devboxes.executions",
    },
    kill = {
      "POST " .. IDS .. "/kill", "Kills a command.",
      body = shapes.ExecutionKillParameters, returns = "devboxes.executions",
    },
    send_std_in = {
      "POST " .. IDS .. "/send_std_in", "Writes to the standard input of a command that was begun with `attach_stdin`.",
      body = shapes.ExecutionSendStdInParameters, returns = "SendStdInResult", once = true,
    },
    stream_stdout_updates = {
      "GET " .. IDS .. "/stream_stdout_updates", "The standard output of a command, as it comes.",
      query = shapes.OutputStreamQuery, events = true, resume = "offset", returns = "ExecutionUpdateChunk",
    },
    stream_stderr_updates = {
      "GET " .. IDS .. "/stream_stderr_updates", "The standard error of a command, as it comes.",
      query = shapes.OutputStreamQuery, events = true, resume = "offset", returns = "ExecutionUpdateChunk",
    },
  },

  aliases = { execute_async = "devboxes:execute_async", execute_sync = "devboxes:execute_sync" },

  helpers = {
    await_completed = {
      "Waits until a command is completed, whatever its exit status.",
      takes = { "devbox_id", "execution_id", "await", "options" }, returns = "devboxes.executions",
      call = await_completed,
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    await_completed = { "Waits until it is completed, whatever its exit status.", in_place = "await_completed" },
    kill = { "Kills it.", in_place = "kill" },
    send_std_in = { "Writes to its standard input.", calls = "devboxes.executions:send_std_in" },
    stream_stdout = { "Its standard output, as it comes.", calls = "devboxes.executions:stream_stdout_updates" },
    stream_stderr = { "Its standard error, as it comes.", calls = "devboxes.executions:stream_stderr_updates" },
  },
}
