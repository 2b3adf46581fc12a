--- Commands on devboxes: really run in the devbox's directory, or answered from a table; their output and its streams.
local base = require "api.base"
local commands = require "commands"
local devboxes = require "api.devboxes"
local files = require "api.files"
local json = require "json"
local loop = require "loop"
local sse = require "sse"

local executions = {
  defaults = {
    commands = {}, command_hold = 25, view_bytes = 65536, max_output = 1 << 30, chunk_bytes = 4096,
    chunk_offset = "start", stream_delay = 0, stream_idle = 60,
  },
}

local null, ok, expect, refuse = json.null, base.ok, base.expect, base.refuse

local STATUSES = base.names "queued running completed"
local HOME = "/home/user"

-- Output: of a file, or of a text that stands so many times.

local function read_output(output, offset, n)
  n = math.min(n, output.size - offset)
  if n <= 0 then return "" end
  if output.text then
    local length = #output.text
    local first = offset % length
    return output.text:rep((first + n + length - 1) // length):sub(first + 1, first + n)
  end
  local file = io.open(output.path, "rb")
  if not file then return "" end
  file:seek("set", offset)
  local text = file:read(n) or ""
  file:close()
  return text
end

--- The last lines of an output, cut to what a view holds, and whether something is missing.
local function tail(self, output, last_n)
  local offset = math.max(0, output.size - self.settings.view_bytes)
  local text = read_output(output, offset, self.settings.view_bytes)
  -- Half of a character is none.
  text = offset > 0 and text:gsub("^[\x80-\xBF]+", "") or text
  local at, lines = #text, 0
  while lines < last_n and at > 0 do
    -- The last line ends with the text, with a newline or without.
    local before = text:sub(1, at - 1):match("^.*()\n")
    lines = lines + 1
    at = before or 0
  end
  if at > 0 then text = text:sub(at + 1) end
  return text, offset > 0 or at > 0
end

local function view(self, record, last_n)
  local v = {
    devbox_id = record.devbox_id, execution_id = record.id, status = record.status, shell_name = record.shell_name,
    exit_status = base.or_null(record.exit_status), stdout = null, stderr = null,
  }
  if record.status == "completed" then
    v.stdout, v.stdout_truncated = tail(self, record.stdout, last_n or 100)
    v.stderr, v.stderr_truncated = tail(self, record.stderr, last_n or 100)
  end
  return v
end

local function last_n_of(request)
  local text = request.query.last_n
  if text == nil or text == "" then return nil end
  local n = text:find("^%d+$") and math.tointeger(tonumber(text))
  return expect(n, "last_n must be a number")
end

local function find(self, devbox_id, id)
  base.find(self, "devbox", devbox_id, "Devbox")
  local record = base.find(self, "execution", id, "Execution")
  if record.devbox_id ~= devbox_id then refuse(404, ("Execution with ID %s not found"):format(id)) end
  return record
end

local function wake(record)
  record.changed:fire()
end

local function complete(self, record, status)
  if record.status == "completed" then return end
  record.status, record.exit_status, record.ended_ms = "completed", status, base.milliseconds(self)
  wake(record)
  local shell = record.shell
  if not shell then return end
  shell.busy = nil
  local next_one = table.remove(shell.queue, 1)
  if next_one then next_one() end
end

--- The settings' answer to a command, if it has one.
local function canned(self, command)
  local exact = self.settings.commands[command]
  if exact then return exact end
  for _, answer in ipairs(self.settings.commands) do
    if answer.command == command or answer.pattern and command:find(answer.pattern) then return answer end
  end
end

local function canned_output(given)
  if type(given) == "table" then return { text = given.text, size = #given.text * (given.times or 1) } end
  return { text = given or "", size = #(given or "") }
end

local function play_canned(self, record, answer)
  record.status = "running"
  record.stdout, record.stderr = canned_output(answer.stdout), canned_output(answer.stderr)
  if (answer.seconds or 0) <= 0 then return complete(self, record, answer.exit_status or 0) end
  local set = self.settings.commands
  loop.spawn(function()
    if answer.seconds < math.huge then
      loop.sleep(answer.seconds)
    else
      repeat loop.sleep(0.1) until self.settings.commands ~= set
    end
    complete(self, record, answer.exit_status or 0)
  end)
end

local function environment(self, box, place)
  local env = {
    PATH = os.getenv "PATH", HOME = place.home, USER = "user", LOGNAME = "user", TMPDIR = place.tmp, LANG = "C.UTF-8",
  }
  for name, value in pairs(box.env or {}) do env[name] = value end
  for name, secret in pairs(box.secrets or {}) do
    local record = base.by_id_or_name(self, "secret", secret)
    env[name] = record and record.value or ""
  end
  return env
end

-- A named shell keeps its directory and its variables from one command to the next.
local IN_SHELL = [[STATE=%s
[ -f "$STATE" ] && . "$STATE"
[ -f "$STATE.cwd" ] && cd "$(cat "$STATE.cwd")"
trap '__status=$?; pwd >"$STATE.cwd"; { [ -n "$BASH_VERSION" ] || set; export -p; } >"$STATE"; exit $__status' EXIT
]]

--- Runs a text with /bin/sh in a devbox: its number with the runner. In the text the devbox's home has its usual name.
function executions.start(self, box, command, options, on_output, on_exit)
  local place = files.place(self, box)
  local text = (options.before or "") .. command:gsub(HOME .. "%f[^%w_.-]", function() return place.home end)
  local env = environment(self, box, place)
  for name, value in pairs(options.env or {}) do env[name] = value end
  return files.need(commands.start({
    argv = { "/bin/sh", "-c", text }, cwd = options.cwd or place.home, env = env, stdin = options.stdin,
    out = options.out, err = options.err, limit = self.settings.max_output, owner = place.root,
  }, on_output, on_exit))
end

local function play_really(self, box, record)
  local place = files.place(self, box)
  local base_path = place.root .. "/.executions/" .. record.id
  files.need(commands.mkdirs(files.parent(base_path)))
  local before
  if record.shell_name then
    local name = record.shell_name:gsub("%W", function(c) return ("_%02x"):format(c:byte()) end)
    before = IN_SHELL:format(place.root .. "/.executions/shell-" .. name)
  end
  record.stdout, record.stderr = { path = base_path .. ".out", size = 0 }, { path = base_path .. ".err", size = 0 }
  record.number = executions.start(self, box, record.command, {
    before = before, stdin = record.attach_stdin, out = record.stdout.path, err = record.stderr.path,
  }, function(name, size)
    record[name].size = size
    wake(record)
  end, function(status)
    complete(self, record, status)
  end)
  -- Its devbox may have ended while its directory was made.
  if record.status == "completed" then return commands.kill(record.number, "sigkill", true) end
  record.status = "running"
end

local function begin(self, box, record)
  local answer = canned(self, record.command)
  if answer then return play_canned(self, record, answer) end
  play_really(self, box, record)
end

local function new_execution(self, box, value)
  local id = base.new_id(self, "exec_")
  local record = {
    id = id, devbox_id = box.id, status = "queued", command = value.command, shell_name = value.shell_name,
    attach_stdin = value.attach_stdin, command_id = value.command_id, changed = loop.event(),
    stdout = { text = "", size = 0 }, stderr = { text = "", size = 0 }, begun_ms = base.milliseconds(self),
  }
  base.add(self.stores.execution, record)
  box.executions = box.executions or {}
  table.insert(box.executions, record)
  if value.command_id then
    box.command_ids = box.command_ids or {}
    box.command_ids[value.command_id] = record
  end
  if not value.shell_name then
    begin(self, box, record)
    return record
  end
  box.shells = box.shells or {}
  local shell = box.shells[value.shell_name] or { queue = {} }
  box.shells[value.shell_name], record.shell = shell, shell
  local function start()
    if record.status == "completed" then return end
    shell.busy = record
    begin(self, box, record)
  end
  if shell.busy then
    table.insert(shell.queue, function() loop.spawn(start) end)
  else
    start()
  end
  return record
end

local function wait_until(record, wanted, seconds)
  return base.hold(record.changed, seconds, function() return wanted[record.status] end)
end

local COMPLETED = { completed = true }

local function seconds_of(value, name)
  local seconds = value[name] or 25
  expect(math.type(seconds) == "integer" and seconds >= 0 and seconds <= 25,
    name .. " must be an integer between 0 and 25")
  return seconds
end

local function execute(self, request, id)
  local box = devboxes.running(self, id)
  local value = base.body(request,
    "command!:string command_id!:string shell_name:string optimistic_timeout:any")
  local last_n, seconds = last_n_of(request), seconds_of(value, "optimistic_timeout")
  local record = box.command_ids and box.command_ids[value.command_id] or new_execution(self, box, value)
  wait_until(record, COMPLETED, math.min(seconds, self.settings.command_hold))
  return ok(view(self, record, last_n))
end

local function execute_async(self, request, id)
  local box = devboxes.running(self, id)
  local value = base.body(request, "command!:string shell_name:string attach_stdin:boolean")
  return ok(view(self, new_execution(self, box, value)))
end

local function execute_sync(self, request, id)
  local box = devboxes.running(self, id)
  local value = base.body(request, "command!:string shell_name:string")
  local record = new_execution(self, box, value)
  wait_until(record, COMPLETED, math.huge)
  local v = view(self, record)
  return ok {
    devbox_id = v.devbox_id, exit_status = v.exit_status, stdout = v.stdout, stderr = v.stderr,
    shell_name = v.shell_name,
  }
end

local function wait_for_command(self, request, devbox_id, id)
  local record, last_n = find(self, devbox_id, id), last_n_of(request)
  local value = base.body(request, "statuses!:array timeout_seconds:any")
  expect(value.statuses[1], "statuses must have a status")
  local wanted = {}
  for _, status in ipairs(value.statuses) do
    expect(STATUSES[status], ("Invalid status '%s'"):format(tostring(status)))
    wanted[status] = true
  end
  if not wait_until(record, wanted, math.min(seconds_of(value, "timeout_seconds"), self.settings.command_hold)) then
    refuse(408, "Timeout waiting for command completion.", { { "x-should-retry", "true" } })
  end
  return ok(view(self, record, last_n))
end

local function retrieve(self, request, devbox_id, id)
  return ok(view(self, find(self, devbox_id, id), last_n_of(request)))
end

--- Ends an execution that has not ended; 137 is what SIGKILL leaves.
local function kill(self, record, group)
  if record.status == "completed" then return end
  if record.number then
    commands.kill(record.number, "sigkill", group)
  else
    complete(self, record, 137)
  end
end

local function kill_execution(self, request, devbox_id, id)
  local record = find(self, devbox_id, id)
  local value = base.body(request, "kill_process_group:boolean")
  kill(self, record, value.kill_process_group)
  return ok(view(self, record))
end

local function send_std_in(self, request, devbox_id, id)
  local record = find(self, devbox_id, id)
  local value = base.body(request, "text:string signal:string")
  expect((value.text == nil) ~= (value.signal == nil), "Exactly one of text and signal is expected")
  expect(value.text or value.signal == "EOF" or value.signal == "INTERRUPT", "Invalid signal")
  expect(record.attach_stdin, "The execution was started without attach_stdin.")
  expect(record.status == "running", "The execution is not running.")
  if record.number then
    if value.signal == "INTERRUPT" then
      commands.kill(record.number, "sigint", true)
    else
      commands.stdin(record.number, value.text, value.signal == "EOF")
    end
  end
  return ok { devbox_id = devbox_id, execution_id = id, success = true }
end

-- The bytes from `first` on, at most `size` of them, but no half characters, and one whole character at least.
local function piece_of(text, first, size)
  local last = math.min(#text, first + size - 1)
  local following = text:byte(last + 1)
  while following and following >= 0x80 and following < 0xC0 and last >= first do
    last = last - 1
    following = text:byte(last + 1)
  end
  if last < first then last = first + #text:match("^.[\x80-\xBF]*", first) - 1 end
  return text:sub(first, last)
end

local READ = 1 << 18

-- The events of large outputs cost little but this: where lua-cjson is, it writes the texts ten times as fast.
local there, cjson = pcall(require, "cjson")
local quote = there and cjson.encode or json.string

-- The frames of the output from `offset` on, as much as is read at once, and the offset behind them.
local function chunks(self, output, offset)
  local size, place = self.settings.chunk_bytes, self.settings.chunk_offset
  local text = read_output(output, offset, math.max(READ, size))
  -- The last bytes may be those of half a character: they come again with the next ones.
  if text ~= "" and offset + #text < output.size then text = piece_of(text .. "\x80", 1, #text) end
  local frames, n, first = {}, 0, 1
  local last, quoted -- the same small piece comes again and again where many are wanted
  while first <= #text do
    local piece = piece_of(text, first, size)
    if piece ~= last then last, quoted = piece, quote(piece) end
    local from = offset + first - 1
    if place == "end" then from = from + #piece end
    n = n + 1
    if place == "none" then
      frames[n] = 'data: {"output":' .. quoted .. "}\n\n"
    else
      frames[n] = 'data: {"output":' .. quoted .. ',"offset":' .. from .. "}\n\n"
    end
    first = first + #piece
  end
  return frames, offset + first - 1
end

local function stream(name)
  return function(self, request, devbox_id, id)
    local record = find(self, devbox_id, id)
    local text = request.query.offset
    local offset = (text == nil or text == "") and 0 or text:find("^%d+$") and math.tointeger(tonumber(text))
    expect(offset, "offset must be a number")
    return sse.answer(function(sink)
      local settings = self.settings
      while true do
        local output = record[name]
        if offset < output.size then
          local frames
          frames, offset = chunks(self, output, offset)
          if not frames[1] then return end -- its devbox has ended, and taken the file with it
          for first = 1, #frames, 64 do
            if not sink:send(table.unpack(frames, first, math.min(#frames, first + 63))) then return end
          end
          if settings.stream_delay > 0 then loop.sleep(settings.stream_delay) else loop.pass() end
        elseif record.status == "completed" then
          return
        else
          local woken, why = sink:wait(record.changed, settings.stream_idle)
          if sink.gone or self.closed then return end
          if not woken and why == "timeout" then return sink:send(sse.idle_frame()) end
        end
      end
    end)
  end
end

local function logs(self, request, id)
  local box = base.find(self, "devbox", id, "Devbox")
  local list = json.array {}
  local query = request.query
  for _, record in ipairs(box.executions or {}) do
    if (not query.execution_id or query.execution_id == record.id)
      and (not query.shell_name or query.shell_name == record.shell_name) then
      local function line(message, more)
        local entry = {
          level = "info", source = "exec", timestamp_ms = record.begun_ms, cmd_id = record.id, message = message,
          shell_name = base.or_null(record.shell_name),
        }
        for field, value in pairs(more or {}) do entry[field] = value end
        list[#list + 1] = entry
      end
      line(nil, { cmd = record.command })
      for text in tail(self, record.stdout, 100):gmatch("[^\n]+") do line(text) end
      for text in tail(self, record.stderr, 100):gmatch("[^\n]+") do line(text, { level = "error" }) end
      if record.exit_status then line(nil, { exit_code = record.exit_status, timestamp_ms = record.ended_ms }) end
    end
  end
  return ok { logs = list }
end

-- What ends a devbox, or suspends it, ends its processes.
local function on_devbox(self, box)
  if box.status == "running" or not box.executions then return end
  for _, record in ipairs(box.executions) do
    if record.status == "queued" then complete(self, record, 137) else kill(self, record, true) end
  end
end

function executions.seed(_, stores)
  stores.execution = base.new_store()
end

function executions.open(self)
  table.insert(self.devbox_listeners, 1, on_devbox)
end

function executions.close(self)
  for _, record in ipairs(self.stores.execution.list) do
    kill(self, record, true)
    wake(record)
  end
end

executions.texts = { execution = function(record) return base.object_text { id = record.id, status = record.status } end }

executions.routes = {
  { "POST", "/v1/devboxes/{id}/execute", execute },
  { "POST", "/v1/devboxes/{id}/execute_async", execute_async },
  { "POST", "/v1/devboxes/{id}/execute_sync", execute_sync },
  { "POST", "/v1/devboxes/{id}/executions/{id}/wait_for_status", wait_for_command },
  { "GET", "/v1/devboxes/{id}/executions/{id}", retrieve },
  { "POST", "/v1/devboxes/{id}/executions/{id}/kill", kill_execution },
  { "POST", "/v1/devboxes/{id}/executions/{id}/send_std_in", send_std_in },
  { "GET", "/v1/devboxes/{id}/executions/{id}/stream_stdout_updates", stream "stdout" },
  { "GET", "/v1/devboxes/{id}/executions/{id}/stream_stderr_updates", stream "stderr" },
  { "GET", "/v1/devboxes/{id}/logs", logs },
}

return executions
