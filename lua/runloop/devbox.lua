-- What helpers and methods of devboxes do in more than one call: waits, tunnels, commands, files.

local core = require "runloop.core"
local errors = require "runloop.error"
local await = require "runloop.await"
local schema = require "runloop.schema"

local error, pairs, select, tostring, type = error, pairs, select, tostring, type
local format, gsub = string.format, string.gsub

local unpack = table.unpack or unpack -- luacheck: compat
local pack = table.pack or function(...) return { n = select("#", ...), ... } end -- luacheck: compat

local helpers = {}

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
function helpers.wait_running(watch, devbox)
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

function helpers.await_running(context, devbox, spec, options)
  return helpers.wait_running(await.new(context, spec, options), devbox)
end

function helpers.await_suspended(context, devbox, spec, options)
  return hold(await.new(context, spec, options), devbox, REST_STATUSES, function(view)
    local status = view.status
    if status == "suspended" then return true end
    if GOING_TO_REST[status] then return false end
    return nil, status
  end)
end

function helpers.create_and_await_running(context, params, spec, options)
  local devboxes = context.api.devboxes
  return await.create(await.new(context, spec, options, "the creation of a devbox"), {
    begin = function(call_options) return devboxes:create(params, call_options) end,
    wait = function(watch, devbox) return helpers.wait_running(watch, devbox.id) end,
    undo = function(devbox, call_options) return devboxes:shutdown(devbox.id, nil, call_options) end,
  })
end

local ENDED = { failure = true, shutdown = true }

--- Shuts a devbox down, if it has not ended of itself.
---@param api table<string, table>
---@param devbox string its id
---@return true? done, table? err
function helpers.end_devbox(api, devbox)
  local view, err = api.devboxes:shutdown(devbox)
  if view or err.status == 404 then return true end
  local seen = api.devboxes:retrieve(devbox)
  if seen and ENDED[seen.status] then return true end
  return nil, err
end

-- Shuts a devbox down whatever becomes of who asked for it.
function helpers.shut_down_detached(context, devbox)
  if ENDED[devbox.status] then return end
  await.clean_up(context.transport.scheduler, "devbox " .. tostring(devbox.id), function()
    return helpers.end_devbox(context.api, devbox.id)
  end)
end

function helpers.with(context, params, fn, spec, options)
  if type(fn) ~= "function" then
    errors.misuse("devboxes:with: argument 'fn' must be a function, got " .. type(fn))
  end
  local ending = { cancel_on_failure = true } -- one that does not come up is in nobody's hands
  for name, value in pairs(spec) do ending[name] = ending[name] or value end
  local devbox, err = helpers.create_and_await_running(context, params, ending, options)
  if not devbox then return nil, err end
  local results = pack(await.finally(function() return fn(devbox) end,
    function() helpers.shut_down_detached(context, devbox) end))
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, results.n)
end

-- Tunnels.

local DEFAULT_TUNNEL = "https://{port}-{key}.tunnel.runloop.ai"

local function check_port(port, where)
  if type(port) ~= "number" or port % 1 ~= 0 or port < 1 or port > 65535 then
    errors.misuse(where .. ": argument 'port' must be an integer from 1 to 65535" .. errors.got(port))
  end
  return format("%d", port)
end

--- The URL of a port behind a tunnel.
---@param context table
---@param key string
---@param port string
---@return string
function helpers.tunnel_url(context, key, port)
  local fill = { port = port, key = key }
  return (gsub(context.transport.options.tunnel_url or DEFAULT_TUNNEL, "{(%l+)}", fill))
end

function helpers.url_of_port(context, devbox, port)
  port = check_port(port, "devbox:tunnel_url")
  local key = type(devbox.tunnel) == "table" and devbox.tunnel.tunnel_key
  if type(key) ~= "string" then
    return nil, errors.new {
      kind = "state", code = "NO_TUNNEL", last = devbox,
      message = "devbox " .. devbox.id .. " has no tunnel; enable_tunnel gives it one",
    }
  end
  return helpers.tunnel_url(context, key, port)
end

function helpers.enable_tunnel(context, devbox, params, options)
  local tunnel, response = context.api.devboxes:enable_tunnel(devbox, params, options)
  if not tunnel then return nil, response end
  devbox.tunnel = tunnel
  return tunnel, response
end

function helpers.remove_tunnel(context, devbox, options)
  local done, response = context.api.devboxes:remove_tunnel(devbox, options)
  if not done then return nil, response end
  devbox.tunnel = nil
  return done, response
end

-- Commands and files.

function helpers.exec_async(context, devbox, command, params, options)
  schema.check_table(params, "devbox:exec_async")
  if params and params.command ~= nil then
    errors.misuse "devbox:exec_async: parameter 'command' is given twice: the command is the first argument"
  end
  local all = { command = command }
  for name, value in pairs(params or {}) do all[name] = value end
  return context.api.devboxes:execute_async(devbox, all, options)
end

function helpers.read_file(context, devbox, path, options)
  return context.api.devboxes:read_file_contents(devbox, { file_path = path }, options)
end

-- The API writes by a command, which may have failed though the call has not.
function helpers.write_file(context, devbox, path, contents, options)
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

function helpers.upload_file(context, devbox, remote_path, local_path, options)
  return context.api.devboxes:upload_file(devbox, { path = remote_path }, local_path, options)
end

function helpers.download_file(context, devbox, remote_path, local_path, options)
  return context.api.devboxes:download_file(devbox, { path = remote_path }, local_path, options)
end

return helpers
