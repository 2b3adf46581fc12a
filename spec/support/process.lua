--- Child processes that never outlive the specs, temporary directories, and running a command to its end.
local here = (...):gsub("[^.]+$", "")
local socket = require "socket"
local portable = require(here .. "portable")
local serial = require(here .. "serial")

local process = {}

-- busted loads this module anew for every spec file; what has to be ended at the end must not be forgotten with it.
local REGISTRY_KEY = "runloop.spec.processes"

local function state()
  local registry = debug.getregistry()
  local all = registry[REGISTRY_KEY]
  if not all then
    all = { stops = {}, directories = {} }
    registry[REGISTRY_KEY] = all
  end
  return all
end

local function stop_everything(all)
  for stop in pairs(all.stops) do pcall(stop) end
  for directory in pairs(all.directories) do os.execute("rm -rf '" .. directory .. "'") end
  all.stops, all.directories = {}, {}
end

-- Finalizers run newest first. This one has to come before those of the pipes (whose close waits for the
-- child), so it is renewed with every child.
local function renew_guard(all)
  if all.guard then portable.drop_guard(all.guard) end
  all.guard = portable.guard(function() stop_everything(all) end)
end

local function register(stop)
  local all = state()
  all.stops[stop] = true
  renew_guard(all)
end

local function unregister(stop)
  state().stops[stop] = nil
end

--- `text` as one word for a shell.
function process.quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function command_text(command)
  if type(command) == "string" then return command end
  local words = {}
  for i, word in ipairs(command) do words[i] = process.quote(word) end
  return table.concat(words, " ")
end

local function env_text(env)
  local parts = {}
  for name, value in pairs(env or {}) do
    if value == false then
      parts[#parts + 1] = "unset " .. name
    else
      parts[#parts + 1] = ("export %s=%s"):format(name, process.quote(value))
    end
  end
  table.sort(parts)
  return table.concat(parts, "; ") .. (parts[1] and "; " or "")
end

-- A child inherits the specs' descriptors, the client's sockets among them, and would keep them open.
local CLOSE_ALL = 'for f in /dev/fd/*; do n=${f##*/}; [ "$n" -gt 2 ] && eval "exec $n>&-"; done; '

-- A sanitizer that is preloaded into the specs' interpreter must not judge shells and tools, only what asks for it.
local function shell(script)
  return "RUNLOOP_SPEC_PRELOAD=$LD_PRELOAD LD_PRELOAD= exec bash -c " .. process.quote(CLOSE_ALL .. script)
end

local KEEP_PRELOAD = 'export LD_PRELOAD="$RUNLOOP_SPEC_PRELOAD"; '

local function kill(pid, signal)
  os.execute(("LD_PRELOAD= kill -%s %d 2>/dev/null"):format(signal or "KILL", pid))
end
process.kill = kill

--- Text of a file, or nil.
function process.read_file(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

function process.write_file(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

local function capture(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("\n$", ""))
end
process.capture = capture

--- A new directory that is gone at the end.
function process.tmpdir()
  local all = state()
  local directory = capture("LD_PRELOAD= mktemp -d \"${TMPDIR:-/tmp}/runloop-spec.XXXXXX\"")
  assert(directory ~= "", "mktemp failed")
  all.directories[directory] = true
  renew_guard(all)
  return directory
end

--- The directory for this run's small files.
function process.scratch()
  local all = state()
  if not all.scratch then all.scratch = process.tmpdir() end
  return all.scratch
end

--- A value that is made once per run, however often this module is loaded.
function process.once(name, make)
  local all = state()
  all.once = all.once or {}
  if all.once[name] == nil then all.once[name] = make() end
  return all.once[name]
end

local function new_name(kind)
  local all = state()
  all.names = (all.names or 0) + 1
  return ("%s/%s-%d"):format(process.scratch(), kind, all.names)
end

--- The interpreter that runs the specs.
function process.interpreter()
  local lowest = 0
  for i in pairs(arg or {}) do
    if type(i) == "number" and i < lowest then lowest = i end
  end
  local name = arg and arg[lowest]
  return name and name:match("lua[%w.]*$") and name or "lua5.4"
end

--- The one that runs the servers: they are written for Lua 5.4.
function process.server_interpreter()
  return _VERSION == "Lua 5.4" and process.interpreter() or "lua5.4"
end

--- Runs a command to its end: exit code, stdout, stderr. See `support.run`.
function process.run(command, options)
  options = options or {}
  local base = new_name("run")
  process.write_file(base .. ".in", options.stdin or "")
  local words = type(command) == "table" and command_text(command)
    or "bash -c " .. process.quote(command)
  local script = (options.cwd and "cd " .. process.quote(options.cwd) .. " || exit 125; " or "")
    .. (options.preload and KEEP_PRELOAD or "export LD_PRELOAD=; unset LD_PRELOAD; ") .. env_text(options.env)
  local outer = ("exec 2>/dev/null; ( %sexec timeout -k 2 %s %s ) <%s.in >%s.out 2>%s.err; echo $?"):format(
    script, options.timeout or 300, words, base, base, base)
  local code = portable.tointeger(tonumber(capture(shell(outer))))
  local out, err = process.read_file(base .. ".out"), process.read_file(base .. ".err")
  for _, ending in ipairs { ".in", ".out", ".err" } do os.remove(base .. ending) end
  return code, out, err
end

--- Starts a command whose stdout is read line by line. It gets SIGTERM when the specs' end of its leash, a
--- pipe, is closed: by `stop`, or by the kernel. See `support.spawn`.
function process.spawn(command, options)
  options = options or {}
  local base = new_name("spawn")
  local fifo, pid_file = base .. ".fifo", base .. ".pid"
  assert(os.execute("LD_PRELOAD= mkfifo " .. fifo))
  local script = (options.cwd and "cd " .. process.quote(options.cwd) .. " || exit 125; " or "")
    .. (options.preload and KEEP_PRELOAD or "unset LD_PRELOAD; ") .. env_text(options.env)
  local words = type(command) == "table" and command_text(command) or "bash -c " .. process.quote(command)
  local leash = assert(io.popen(shell(([[
    ( %sexec %s ) </dev/null >%s &
    pid=$!; echo $pid >%s.new; mv %s.new %s
    cat >/dev/null
    kill $pid 2>/dev/null
    for i in {1..200}; do kill -0 $pid 2>/dev/null || break; sleep 0.01; done
    kill -9 $pid 2>/dev/null; wait $pid]]):format(script, words, fifo, pid_file, pid_file, pid_file)), "w"))
  local out = assert(io.open(fifo, "r"))
  local pid
  repeat
    pid = portable.tointeger(tonumber(process.read_file(pid_file) or ""))
    if not pid then socket.sleep(0.002) end
  until pid
  local child = { pid = pid }
  local stopped = false
  local function stop()
    if stopped then return end
    stopped = true
    unregister(stop)
    leash:close()
    out:close()
    os.remove(fifo)
    os.remove(pid_file)
  end
  register(stop)
  function child.line() return out:read("*l") end
  function child.stop() stop() end
  function child.alive()
    local ended = os.execute("LD_PRELOAD= kill -0 " .. pid .. " 2>/dev/null")
    return ended == true or ended == 0 -- in LuaJIT the exit code
  end
  return child
end

-- A server ends when its control connection does. One that hangs would not notice: where there is setpriv (Linux),
-- the kernel ends it with its parent.
local WITH_PARENT = 'with=; setpriv --pdeathsig KILL true 2>/dev/null && with="setpriv --pdeathsig KILL"; exec $with '

-- Where another Lua finds its modules is no place for 5.4 to look.
local OWN_PATHS = _VERSION == "Lua 5.4" and "" or "unset LUA_PATH LUA_CPATH; "

--- Starts one of the servers beside this file: { pid, port, call(name, …), stop() }.
function process.server(path, arguments)
  local command = ("%s %s %s </dev/null"):format(
    process.quote(process.server_interpreter()), process.quote(path), command_text(arguments or {}))
  local out = assert(io.popen(shell("unset LD_PRELOAD; " .. OWN_PATHS .. "echo $$; " .. WITH_PARENT .. command)))
  local pid = portable.tointeger(tonumber(out:read("*l") or ""))
  local port = (out:read("*l") or ""):match(":(%d+)$")
  local control_port = (out:read("*l") or ""):match(":(%d+)$")
  if not control_port then
    if pid then kill(pid) end
    out:close()
    error(path .. " did not start", 2)
  end
  local line = socket.tcp()
  line:settimeout(60)
  assert(line:connect("127.0.0.1", tonumber(control_port)))
  line:setoption("tcp-nodelay", true)

  local server = { pid = pid, port = portable.tointeger(tonumber(port)) }
  local stopped = false
  local function stop()
    if stopped then return end
    stopped = true
    unregister(stop)
    line:close()
    kill(pid)
    out:close()
  end
  register(stop)
  server.stop = stop

  function server.call(name, ...)
    if stopped then error("the server is stopped", 2) end
    local message = serial.dump(portable.pack(name, ...))
    assert(line:send(#message .. "\n" .. message))
    local length = assert(line:receive("*l"))
    local result = serial.load(assert(line:receive(portable.tointeger(tonumber(length)))))
    if not result[1] then error(result[2], 2) end
    return portable.unpack(result, 2, result.n)
  end
  return server
end

return process
