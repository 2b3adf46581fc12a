--- The stand-in's end of runner.lua: starts it when the first command or directory is wanted, and talks to it.
local loop = require "loop"
local serial = require "serial"

local commands = {}

local runner -- { conn, scratch, ready = event, failed = message }
local waiting = {} -- by number: { event, on_output, status }
local count = 0

local directory = (arg[0]:match("^(.*/)") or "./")

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function interpreter()
  local lowest = 0
  for i in pairs(arg) do
    if math.type(i) == "integer" and i < lowest then lowest = i end
  end
  return arg[lowest]
end

local told = {}

function told.ready(scratch)
  runner.scratch = scratch
  runner.ready:fire()
end

function told.stopped()
  runner.stopped = true
  runner.ready:fire()
end

local function output(name)
  return function(n, size)
    local wait = waiting[n]
    if wait and wait.on_output then wait.on_output(name, size) end
  end
end
told.out, told.err = output "stdout", output "stderr"

function told.exit(n, status)
  local wait = waiting[n]
  waiting[n] = nil
  if not wait then return end
  wait.status = status
  wait.event:fire()
  if wait.on_exit then wait.on_exit(status) end
end

local function listen(conn)
  while true do
    local length = conn:read_to("\n", 32)
    local text = length and conn:read(math.tointeger(tonumber(length)))
    if not text then return end
    local message = serial.load(text)
    told[message[1]](table.unpack(message, 2, message.n))
  end
end

-- How the runner starts: without the descriptors of the stand-in, whose connections it would keep open, and without
-- the stand-in's standard output, at whose end somebody may be waiting. It may have as many as it wants of its own.
local START = [[ulimit -n "$(ulimit -Hn)" 2>/dev/null
for f in /dev/fd/*; do n=${f##*/}; [ "$n" -gt 2 ] && eval "exec $n>&-"; done 2>/dev/null
exec %s %s %d %s </dev/null >/dev/null]]

local function start()
  local this = { ready = loop.event(), outbox = {} }
  runner = this
  if not pcall(require, "luv") then
    this.failed = "commands need lua-luv, which is not installed"
    return
  end
  local file = io.open("/dev/urandom", "rb")
  local word = (file and file:read(16) or tostring(runner)):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  if file then file:close() end
  local listener
  listener = loop.listen(0, function(conn)
    if conn:read_to("\n", 100) ~= word .. "\n" or this.conn then return end
    this.conn = conn
    listener.close()
    listen(conn)
    if not this.stopped then this.failed = "the runner of commands has ended" end
    this.ready:fire()
    for n in pairs(waiting) do told.exit(n, 255) end
  end)
  local script = START:format(quote(interpreter()), quote(directory .. "runner.lua"), listener.port, word)
  os.execute("bash -c " .. quote(script) .. " &")
end

--- The scratch directory, or nil and why commands cannot be run here. May yield, as all that follows.
function commands.scratch()
  if not runner then start() end
  while not runner.scratch and not runner.failed do runner.ready:wait(10) end
  if runner.failed then return nil, runner.failed end
  return runner.scratch
end

-- One coroutine sends what all have to say: a socket takes only one waiting writer, and messages must stay whole.
local function tell(name, message)
  local text = serial.dump { name, message }
  local to = runner
  to.outbox[#to.outbox + 1] = #text .. "\n" .. text
  if to.sending then return end
  to.sending = true
  loop.spawn(function()
    while to.outbox[1] do
      local all = table.concat(to.outbox)
      to.outbox = {}
      to.conn:send(all)
    end
    to.sending = false
  end)
end

--- Starts a command { argv, cwd, env, stdin = bool, out = path, err = path, limit, owner = directory }: its number,
--- or nil and why not. `on_output("stdout" | "stderr", size)` tells of the files' growth, `on_exit(status)` of the end.
function commands.start(command, on_output, on_exit)
  local scratch, why = commands.scratch()
  if not scratch then return nil, why end
  count = count + 1
  command.n = count
  command.owner = command.owner or scratch
  waiting[count] = { event = loop.event(), on_output = on_output, on_exit = on_exit }
  tell("exec", command)
  return count
end

local function wait_for(n)
  local wait = waiting[n]
  while wait and not wait.status do wait.event:wait() end
  return wait and wait.status
end

--- Runs a program to its end: its exit status, or nil and why not.
function commands.run(argv, cwd)
  local n, why = commands.start { argv = argv, cwd = cwd, env = { PATH = os.getenv "PATH" } }
  if not n then return nil, why end
  return wait_for(n)
end

--- Makes directories below the scratch directory, with all above them: true, or nil and why not.
function commands.mkdirs(...)
  local scratch, why = commands.scratch()
  if not scratch then return nil, why end
  count = count + 1
  local n = count
  waiting[n] = { event = loop.event() }
  tell("mkdirs", { n = n, paths = { ... } })
  wait_for(n)
  return true
end

function commands.stdin(n, text, eof)
  tell("stdin", { n = n, text = text, eof = eof })
end

function commands.kill(n, signal, group)
  tell("kill", { n = n, signal = signal, group = group })
end

--- Kills all that was started for an owner.
function commands.end_owner(owner)
  if runner and runner.conn then tell("end_owner", { owner = owner }) end
end

--- Ends the runner and all it has started; returns when that is done.
function commands.stop()
  if not runner then return end
  if not commands.scratch() then return end
  tell("stop", {})
  while not runner.stopped and not runner.failed do runner.ready:wait(5) end
  runner = nil
end

return commands
