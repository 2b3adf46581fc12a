--- Runs the commands of the stand-in's devboxes, in a process of its own: the stand-in stays one loop that nothing
--- blocks. Started by commands.lua with a port and a secret word; what it is told and what it tells are messages as
--- of control.lua. When the line to the stand-in breaks, however that ended, it kills what it has started, removes
--- its scratch directory, and ends.
package.path = (arg[0]:match("^(.*/)") or "./") .. "?.lua;" .. package.path

local uv = require "luv"
local serial = require "serial"

local port, word = tonumber(arg[1]), arg[2]
local scratch = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/runloop-standin.XXXXXX"))

-- After its end a command's background processes may hold its output open: nobody waits for them longer than two looks
-- that find nothing new, or for more than pipes can hold of what the command has written itself.
local LOOK_MS = 100
local PIPES = 1024 * 1024
local MARK = "RUNLOOP_STANDIN"

-- How often the growth of an output is told of, at most.
local TELL_MS = 1

local line = uv.new_tcp()
local commands = {} -- by the stand-in's number
local leashes = {} -- of what may have processes: leash -> { pid =, owner = }

local function tell(...)
  if line:is_closing() then return end
  local text = serial.dump(table.pack(...))
  line:write(#text .. "\n" .. text)
end

-- What has grown and was not told of yet: "out 12" -> size.
local grown, telling = {}, uv.new_timer()

local function tell_growth()
  for key, size in pairs(grown) do
    grown[key] = nil
    tell(key:match "^%a+", math.tointeger(tonumber(key:match "%d+")), size)
  end
end

local function note_growth(name, n, size)
  grown[name .. " " .. n] = size
  if not telling:is_active() then telling:start(TELL_MS, 0, tell_growth) end
end

-- Output is text. What is no UTF-8 becomes U+FFFD; the beginning of a character waits for its rest.
local function well_formed(text, at_end)
  if utf8.len(text) then return text, "" end
  local parts, first = {}, 1
  while first <= #text do
    local _, bad = utf8.len(text, first)
    if not bad then
      parts[#parts + 1] = text:sub(first)
      break
    end
    parts[#parts + 1] = text:sub(first, bad - 1)
    local lead = text:byte(bad)
    local length = lead >= 0xF0 and 4 or lead >= 0xE0 and 3 or lead >= 0xC2 and 2 or 1
    if not at_end and #text - bad + 1 < length and text:find("^[\xC2-\xF4][\x80-\xBF]*$", bad) then
      return table.concat(parts), text:sub(bad)
    end
    parts[#parts + 1] = "\u{FFFD}"
    first = bad + 1
  end
  return table.concat(parts), ""
end

local function new_output(command, name, path)
  local file = path and io.open(path, "wb") -- none where its devbox has ended, and its directory is gone
  if file then file:setvbuf("no") end
  local output = { pipe = uv.new_pipe(), size = 0, rest = "", late = 0 }

  local function write(text)
    if text == "" or not file then return end
    if output.size + #text > command.limit then text = text:sub(1, command.limit - output.size) end
    if text == "" then return end
    file:write(text)
    output.size = output.size + #text
    note_growth(name, command.n, output.size)
  end

  function output.finish()
    if output.finished then return end
    output.finished = true
    output.pipe:close()
    local text = well_formed(output.rest, true)
    write(text)
    if file then file:close() end
  end

  function output.start(on_end)
    output.pipe:read_start(function(err, data)
      if output.finished then return end
      if err or not data then
        output.finish()
        on_end()
      elseif file then
        local text
        output.late = output.late + #data
        text, output.rest = well_formed(output.rest .. data)
        write(text)
      end
    end)
  end
  return output
end

local function finish(command)
  if not command.status or command.told then return end
  if not (command.out.finished and command.err.finished) then
    if command.timer then return end
    command.timer = uv.new_timer()
    command.out.late, command.err.late = 0, 0
    local seen, quiet = 0, 0
    command.timer:start(LOOK_MS, LOOK_MS, function()
      local late = command.out.late + command.err.late -- bytes since the exit
      quiet = late > seen and 0 or quiet + 1
      seen = late
      if quiet < 2 and late <= PIPES then return end
      command.out.finish()
      command.err.finish()
      finish(command)
    end)
    return
  end
  command.told = true
  if command.timer then command.timer:close() end
  if command.stdin and not command.stdin:is_closing() then command.stdin:close() end
  commands[command.n] = nil
  tell_growth()
  tell("exit", command.n, command.status)
end

local handle = {}

--- { n, argv, cwd, env, stdin = bool, out = path, err = path, limit, owner }
function handle.exec(message)
  local command = { n = message.n, limit = message.limit or math.huge }
  command.out = new_output(command, "out", message.out)
  command.err = new_output(command, "err", message.err)
  if message.stdin then command.stdin = uv.new_pipe() end
  local env = { MARK .. "=" .. message.owner }
  for name, value in pairs(message.env or {}) do env[#env + 1] = name .. "=" .. value end
  local leash = uv.new_pipe()
  local process, pid
  -- The fourth descriptor is inherited by all that the command starts: its end is theirs.
  process, pid = uv.spawn(message.argv[1], {
    args = { table.unpack(message.argv, 2) }, cwd = message.cwd, env = env, detached = true,
    stdio = { command.stdin, command.out.pipe, command.err.pipe, leash },
  }, function(code, signal)
    process:close()
    command.status = signal ~= 0 and 128 + signal or code
    finish(command)
  end)
  if not process then
    leash:close()
    command.out.rest, command.err.rest = "", tostring(pid) .. "\n"
    command.out.finish()
    command.err.finish()
    command.status = 127
    return finish(command)
  end
  command.pid = pid
  commands[message.n] = command
  leashes[leash] = { pid = pid, owner = message.owner }
  leash:read_start(function(err, data)
    if err or not data then
      leashes[leash] = nil
      leash:close()
    end
  end)
  command.out.start(function() finish(command) end)
  command.err.start(function() finish(command) end)
end

--- { n, text = nil, eof = bool }
function handle.stdin(message)
  local command = commands[message.n]
  if not command or not command.stdin or command.stdin:is_closing() then return end
  if message.text then command.stdin:write(message.text) end
  if message.eof then
    command.stdin:shutdown(function()
      if not command.stdin:is_closing() then command.stdin:close() end
    end)
  end
end

--- { n, signal = "sigkill", group = bool }
function handle.kill(message)
  local command = commands[message.n]
  if command and not command.status then
    uv.kill(message.group and -command.pid or command.pid, message.signal)
  end
end

-- Kills what the owner (nil: anybody) has started. What has left its process group is known by its environment.
local function kill_all(owner)
  local left = false
  for _, started in pairs(leashes) do
    if not owner or started.owner == owner then
      uv.kill(-started.pid, "sigkill")
      left = true
    end
  end
  local processes = left and uv.fs_scandir "/proc"
  if not processes then return end
  local mark = "\0" .. MARK .. "=" .. (owner and owner .. "\0" or scratch)
  for pid in function() return (uv.fs_scandir_next(processes)) end do
    local file = pid:find "^%d+$" and io.open("/proc/" .. pid .. "/environ", "rb")
    if file then
      local environment = file:read "a"
      file:close()
      if environment and ("\0" .. environment):find(mark, 1, true) then uv.kill(tonumber(pid), "sigkill") end
    end
  end
end

--- { owner }
function handle.end_owner(message)
  kill_all(message.owner)
end

--- { n, paths }: makes directories with all above them
function handle.mkdirs(message)
  for _, path in ipairs(message.paths) do
    local at = scratch
    for part in path:sub(#scratch + 1):gmatch("[^/]+") do
      at = at .. "/" .. part
      uv.fs_mkdir(at, 493)
    end
  end
  tell("exit", message.n, 0)
end

local stop

local function serve(text)
  local name, message = table.unpack(serial.load(text))
  if name == "stop" then return stop() end
  handle[name](message)
end

-- Ends when all that was started is gone, and at the latest after a second.
function stop()
  kill_all()
  local removal
  removal = uv.spawn("/bin/rm", { args = { "-rf", scratch }, env = { "PATH=/bin:/usr/bin" } }, function()
    removal:close()
    tell "stopped"
    line:shutdown(function() os.exit(0, false) end)
    uv.new_timer():start(200, 0, function() os.exit(0, false) end)
  end)
end

line:connect("127.0.0.1", port, function(err)
  if err then return stop() end
  line:nodelay(true)
  line:write(word .. "\n")
  tell("ready", scratch)
  local buffer = ""
  line:read_start(function(failure, data)
    if failure or not data then return stop() end
    buffer = buffer .. data
    while true do
      local length, first = buffer:match("^(%d+)\n()")
      if not length or #buffer < first - 1 + tonumber(length) then return end
      local last = first - 1 + tonumber(length)
      local text = buffer:sub(first, last)
      buffer = buffer:sub(last + 1)
      serve(text)
    end
  end)
end)
uv.run()
