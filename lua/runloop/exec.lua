-- Commands run to their end: `execute`, then looks that the server holds, and the whole output.

local await = require "runloop.await"
local errors = require "runloop.error"
local lazy = require "runloop.lazy"
local resource = require "runloop.resource"
local schema = require "runloop.schema"

local error, ipairs, type = error, ipairs, type
local floor, min = math.floor, math.min
local format = string.format
local concat = table.concat

local MAX_HOLD = 25 -- seconds that the API holds an answer about a command at most
local FIRST_HOLD = 1 -- seconds of the first answer, where output is wanted as it comes, or the command may be killed

local await_fields = resource.AWAIT_OPTIONS.fields

local SPEC = schema.options_of({
  shell_name = schema.string,
  stdout = schema.callback,
  stderr = schema.callback,
  last_n = schema.integer { min = 0 },
  timeout = await_fields.timeout,
  interval = await_fields.interval,
  on_poll = await_fields.on_poll,
  kill_on_failure = schema.boolean { default = false },
}, "option")

local is_completed = lazy.load "api.devboxes.executions".is_completed

local function kill(self, execution)
  return self.watch.api["devboxes.executions"]:kill(self.devbox, execution.execution_id,
    { kill_process_group = true })
end

-- Begins the command. The API holds the answer while it runs; half of the time is left at least, so that there is a
-- view, and the execution is known, when the time is over.
local function begin(self)
  local watch, spec = self.watch, self.spec
  local hold = (self.has_functions or spec.kill_on_failure) and FIRST_HOLD or MAX_HOLD
  local function execute()
    local view, response = watch.api.devboxes:execute(self.devbox, {
      command = self.command, shell_name = spec.shell_name, last_n = spec.last_n,
      optimistic_timeout = min(hold, floor(watch:left() / 2)),
    }, watch:call_options())
    if not view or errors.is_id(view.execution_id) then return view, response end
    return nil, errors.without_id(watch.what, response)
  end
  local view, response
  if spec.kill_on_failure then
    view, response = await.begin(self.context.transport.scheduler, "devboxes:exec", execute, function(begun)
      return is_completed(begun) or kill(self, begun)
    end)
  else
    view, response = execute()
  end
  if not view then return watch:failed(response) end
  self.execution = view -- before `on_poll`, which may raise
  watch:see(view)
  return view, response
end

local function wait(self, response)
  local watch, execution = self.watch, self.execution
  if is_completed(watch.last) then return watch.last, response end
  local devboxes, query = watch.api.devboxes, self.spec.last_n
  return watch:hold(MAX_HOLD, function(hold, options)
    local wanted = { statuses = { "completed" }, timeout_seconds = hold, last_n = query }
    return devboxes:wait_for_command(self.devbox, execution.execution_id, wanted, options)
  end, is_completed)
end

local function open_stream(self, name)
  local executions = self.watch.api["devboxes.executions"]
  return executions["stream_" .. name .. "_updates"](executions, self.devbox, self.execution.execution_id, nil,
    self.watch:call_options { timeout = self.options and self.options.timeout })
end

-- Takes a stream's texts, of which each is given to `take`: true, or nil and an error.
local function read_stream(self, name, take)
  local stream = open_stream(self, name)
  local finished, done, err = await.finally(function()
    while true do
      local chunk, failure = stream:next()
      if not chunk then return failure == nil or nil, failure end
      local refused = take(chunk.output) or self.context.transport.scheduler:end_if_closed()
      if refused then return nil, refused end
    end
  end, function() stream:close() end)
  if not finished then error(done, 0) end
  if not done then return self.watch:failed(err) end
  return true
end

-- A stream as one text, as long as that may be.
local function collect(self, name)
  local texts, size = {}, 0
  local most = self.context.transport.options.max_body_bytes
  local done, err = read_stream(self, name, function(text)
    size = size + #text
    if size > most then
      return errors.new {
        kind = "limit", code = "BODY_TOO_LARGE", last = self.watch.last,
        message = format("the command's %s is larger than max_body_bytes", name),
      }
    end
    texts[#texts + 1] = text
  end)
  if not done then return nil, err end
  return concat(texts)
end

-- What the view has cut off of an output that goes to no function.
local function complete(self, view, response)
  for _, name in ipairs { "stdout", "stderr" } do
    if not self.spec[name] and not self.spec.last_n and view[name .. "_truncated"] then
      local text, err = collect(self, name)
      if not text then return nil, err end
      view[name], view[name .. "_truncated"] = text, false
    end
  end
  return view, response
end

-- With functions: their streams beside the wait.
local function follow(self, response)
  local fns = { function() return wait(self, response) end }
  for _, name in ipairs { "stdout", "stderr" } do
    local give = self.spec[name]
    if give then
      fns[#fns + 1] = function()
        return read_stream(self, name, function(text) give(text) end)
      end
    end
  end
  local watch = self.watch
  local values, err = lazy.load "together"(self.context.transport.scheduler, "devboxes:exec", watch.stop, fns)
  if values then return values[1], response end
  if err == nil then return watch:timed_out() end
  err.last = watch.last
  return nil, err
end

local function run(self)
  local view, response = begin(self)
  if not view then return nil, response end
  if self.has_functions then
    view, response = follow(self, response)
  else
    view, response = wait(self, response)
  end
  if not view then return nil, response end
  return complete(self, view, response)
end

-- Kills the command of an `exec` that has not got to its end, however it has ended.
local function run_or_kill(self)
  local settled = false
  local went_on, view, response = await.finally(function()
    local seen, err = run(self)
    settled = seen ~= nil or err.kind ~= "cancelled"
    return seen, err
  end, function()
    if not settled and self.execution then
      await.clean_up(self.context.transport.scheduler, await.name_of(self.execution), function()
        return kill(self, self.execution)
      end)
    end
  end)
  if not went_on then error(view, 0) end
  if not view and self.execution and settled then
    local killed, err = kill(self, self.execution)
    if not killed then response.cancel_error = err end
  end
  return view, response
end

--- Runs a command.
---@param context table of a resource
---@param devbox string its id
---@param command string
---@param spec table? runloop.ExecOptions
---@param options table? call options
---@return table? view, table response_or_err
return function(context, devbox, command, spec, options)
  local where = "devboxes:exec"
  if type(command) ~= "string" then
    errors.misuse(where .. ": argument 'command' must be a string, got " .. type(command))
  end
  spec = schema.options(SPEC, spec, where, resource.CALL_OPTIONS)
  local self = {
    context = context, devbox = devbox, command = command, spec = spec, options = options,
    has_functions = spec.stdout ~= nil or spec.stderr ~= nil,
    watch = await.new(context, spec, options, "the command"),
    execution = nil, -- once it is known
  }
  if spec.kill_on_failure then return run_or_kill(self) end
  return run(self)
end
