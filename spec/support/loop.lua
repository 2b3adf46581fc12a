--- Coroutines over socket.select: what the servers of the specs run on.
local socket = require "socket"

local loop = {}

-- select(2) takes no descriptor above 1023: leave some for files and for the control connection.
local MAX_CONNECTIONS = 960

local readers, writers -- the two sets that select looks at
local timers = {} -- a binary heap of { when, wait }
local runnable, first_runnable, last_runnable = {}, 1, 0
local stopped = false

local function new_set()
  return { sockets = {}, index = {}, waits = {} }
end

readers, writers = new_set(), new_set()

local function set_add(set, sock, wait)
  assert(not set.waits[sock], "two coroutines wait for one socket")
  local n = #set.sockets + 1
  set.sockets[n], set.index[sock], set.waits[sock] = sock, n, wait
end

local function set_remove(set, sock)
  local i, n = set.index[sock], #set.sockets
  local last = set.sockets[n]
  set.sockets[i], set.index[last] = last, i
  set.sockets[n], set.index[sock], set.waits[sock] = nil, nil, nil
end

local function timer_push(when, wait)
  local i = #timers + 1
  while i > 1 do
    local parent = i // 2
    if timers[parent].when <= when then break end
    timers[i] = timers[parent]
    i = parent
  end
  timers[i] = { when = when, wait = wait }
end

local function timer_pop()
  local top, n = timers[1], #timers
  local last = timers[n]
  timers[n] = nil
  n = n - 1
  local i = 1
  while n > 0 do
    local child = i * 2
    if child > n then break end
    if child < n and timers[child + 1].when < timers[child].when then child = child + 1 end
    if last.when <= timers[child].when then break end
    timers[i] = timers[child]
    i = child
  end
  if n > 0 then timers[i] = last end
  return top
end

local function resume(co, value)
  local ok, err = coroutine.resume(co, value)
  if not ok then
    io.stderr:write("spec server: ", debug.traceback(co, tostring(err)), "\n")
    coroutine.close(co)
  end
end

local function finish(wait, value)
  if wait.done then return end
  wait.done = true
  if wait.set then set_remove(wait.set, wait.sock) end
  last_runnable = last_runnable + 1
  runnable[last_runnable] = { wait.co, value }
end

local function pause(wait, seconds)
  wait.co = coroutine.running()
  if seconds and seconds < math.huge then timer_push(socket.gettime() + seconds, wait) end
  return coroutine.yield()
end

--- Runs `fn(...)` in a coroutine of its own, from the loop's next turn on.
function loop.spawn(fn, ...)
  local args = table.pack(...)
  local co = coroutine.create(function() return fn(table.unpack(args, 1, args.n)) end)
  last_runnable = last_runnable + 1
  runnable[last_runnable] = { co }
end

--- Waits `seconds`.
function loop.sleep(seconds)
  if seconds > 0 then pause({}, seconds) end
end

--- Lets all others have a turn: who moves many bytes calls it now and then.
function loop.pass()
  last_runnable = last_runnable + 1
  runnable[last_runnable] = { coroutine.running() }
  coroutine.yield()
end

--- Waits until `sock` can be read ("r") or written ("w"): true, or nil and "timeout" or "closed".
function loop.wait(sock, direction, seconds)
  local set = direction == "w" and writers or readers
  local wait = { set = set, sock = sock }
  set_add(set, sock, wait)
  local result = pause(wait, seconds)
  if result == true then return true end
  return nil, result or "timeout"
end

--- Wakes whoever waits for `sock`; to be called before it is closed.
function loop.forget(sock)
  for _, set in ipairs { readers, writers } do
    local wait = set.waits[sock]
    if wait then finish(wait, "closed") end
  end
end

--- An event: `event:wait([seconds])` -> true, or nil, "timeout"; `event:fire()` wakes all who wait.
function loop.event()
  local event = { waits = {} }
  function event:wait(seconds)
    local wait = {}
    self.waits[#self.waits + 1] = wait
    if pause(wait, seconds) == true then return true end
    return nil, "timeout"
  end
  function event:fire()
    local waits = self.waits
    self.waits = {}
    for _, wait in ipairs(waits) do finish(wait, true) end
  end
  return event
end

--- Ends `loop.run`.
function loop.stop()
  stopped = true
end

--- Runs until `loop.stop`.
function loop.run()
  while not stopped do
    -- Only those who are there now: what they add comes after a look at the sockets.
    local turn = last_runnable
    while first_runnable <= turn and not stopped do
      local entry = runnable[first_runnable]
      runnable[first_runnable] = nil
      first_runnable = first_runnable + 1
      resume(entry[1], entry[2])
    end
    if stopped then break end
    local seconds = first_runnable <= last_runnable and 0 or nil
    while timers[1] do
      if timers[1].wait.done then
        timer_pop()
      else
        local left = timers[1].when - socket.gettime()
        if left > 0 then
          seconds = math.min(seconds or left, left)
          break
        end
        finish(timer_pop().wait, "timeout")
        seconds = 0
        break
      end
    end
    local readable, writable = socket.select(readers.sockets, writers.sockets, seconds)
    for i = 1, #readable do
      local wait = readers.waits[readable[i]]
      if wait then finish(wait, true) end
    end
    for i = 1, #writable do
      local wait = writers.waits[writable[i]]
      if wait then finish(wait, true) end
    end
  end
end

local connection = {}
connection.__index = connection

local function wants(err)
  if err == "timeout" or err == "wantread" then return "r" end
  if err == "wantwrite" then return "w" end
end

-- An error that came with the last bytes is kept: LuaSec spins for ever when it is asked to read or write after one.
local function failed(self, err)
  self.left = true
  self.failure = err
  return nil, err
end

--- Reads what is there into `buffer`, waiting for at least one byte: true, or nil and the reason. `left` tells
--- afterwards whether the client has gone.
function connection:fill(seconds)
  while not self.closed do
    if self.failure then return nil, self.failure end
    local data, err, partial = self.sock:receive(65536)
    if not data and not wants(err) then failed(self, err) end
    data = data or partial
    if data and data ~= "" then
      self.buffer = self.buffer == "" and data or self.buffer .. data
      if self.on_receive then self.on_receive(data) end
      return true
    end
    if not self.failure then
      local ok, why = loop.wait(self.sock, wants(err), seconds)
      if not ok then return nil, why end
    end
  end
  return nil, "closed"
end

--- Exactly `n` bytes, or nil and the reason.
function connection:read(n)
  if #self.buffer < n then
    -- Pieces are gathered apart: appending to one long string again and again is quadratic.
    local parts, have = { self.buffer }, #self.buffer
    while have < n do
      self.buffer = ""
      local ok, err = self:fill()
      if not ok then
        self.buffer = table.concat(parts)
        return nil, err
      end
      parts[#parts + 1] = self.buffer
      have = have + #self.buffer
    end
    self.buffer = table.concat(parts)
  end
  local data = self.buffer:sub(1, n)
  self.buffer = self.buffer:sub(n + 1)
  return data
end

--- Everything up to and including the plain text `mark`, at most `limit` bytes, or nil and the reason.
function connection:read_to(mark, limit)
  local from = 1
  while true do
    local _, last = self.buffer:find(mark, from, true)
    if last then
      local data = self.buffer:sub(1, last)
      self.buffer = self.buffer:sub(last + 1)
      return data
    end
    from = math.max(1, #self.buffer - #mark + 2)
    if #self.buffer > limit then return nil, "too long" end
    local ok, err = self:fill()
    if not ok then return nil, err end
  end
end

--- Sends all of `data`: true, or nil and the reason.
function connection:send(data)
  local first = 1
  while first <= #data do
    if self.closed then return nil, "closed" end
    if self.failure and self.tls then return nil, self.failure end
    local last, err, partial = self.sock:send(data, first)
    if last then return true end
    if partial then first = math.max(first, partial + 1) end
    local direction = wants(err)
    if not direction then
      if self.tls then failed(self, err) end
      return nil, err
    end
    -- A plain socket says "timeout" in both directions; here it can only mean that the buffer is full.
    if err == "timeout" then direction = "w" end
    local ok, why = loop.wait(self.sock, direction)
    if not ok then return nil, why end
  end
  return true
end

--- Reads and forgets until the client goes away.
function connection:drain()
  repeat self.buffer = "" until not self:fill()
end

function connection.sleep(_, seconds)
  loop.sleep(seconds)
end

-- LuaSec can only close politely, and it does not let go of a descriptor. So that is closed behind its back, and
-- its number given to a socket that was never connected, where LuaSec's farewell goes nowhere.
local function close_at_once(self, linger)
  local fd = self.sock:getfd()
  local plain = self.sock
  if self.tls then
    plain = socket.tcp()
    plain:setfd(fd)
  end
  if linger then plain:setoption("linger", linger) end
  plain:close()
  if not self.tls then return end
  local spares = {}
  repeat
    local spare = assert(socket.tcp4())
    spares[#spares + 1] = spare
  until spare:getfd() == fd
  table.remove(spares):setfd(-1)
  self.sock:close()
  for _, spare in ipairs(spares) do spare:close() end
end

local function forget(self)
  if self.closed then return false end
  self.closed = true
  loop.forget(self.sock)
  if self.on_close then self.on_close() end
  return true
end

--- Closes with a FIN (over TLS after a close_notify).
function connection:close()
  if not forget(self) then return end
  -- LuaSec says goodbye with a blocking write, which would stop everything when the client does not read.
  if self.tls then
    local _, writable = socket.select(nil, { self.sock }, 0)
    if not writable[1] then return close_at_once(self) end
  end
  self.sock:close()
end

--- Closes with a FIN, over TLS without a close_notify.
function connection:abort()
  if forget(self) then close_at_once(self) end
end

--- Closes with a RST; what was not sent yet is lost.
function connection:reset()
  if forget(self) then close_at_once(self, { on = true, timeout = 0 }) end
end

--- Sends no more, goes on reading.
function connection:shutdown()
  if not self.closed and not self.tls then self.sock:shutdown("send") end
end

--- Turns the connection into TLS, as the server of `context` (ssl.newcontext): true, or nil and the reason.
function connection:start_tls(context)
  local ssl = require "ssl"
  local wrapped, err = ssl.wrap(self.sock, context)
  if not wrapped then return nil, err end
  self.sock, self.tls = wrapped, true
  wrapped:settimeout(0)
  while true do
    local ok, why = wrapped:dohandshake()
    if ok then return true end
    local direction = wants(why)
    if not direction then return nil, why end
    ok, why = loop.wait(wrapped, direction)
    if not ok then return nil, why end
  end
end

local connections, room = 0, loop.event() -- of all listeners

--- A listening socket on 127.0.0.1; port 0 takes a free one. Each connection runs `serve(connection)` in
--- a coroutine and is closed after it. Returns { port, close(), accepted, open, live = set }.
function loop.listen(port, serve)
  local listener = { accepted = 0, open = 0, live = {} }

  local function accept(sock)
    sock:settimeout(0)
    sock:setoption("tcp-nodelay", true)
    listener.accepted = listener.accepted + 1
    listener.open, connections = listener.open + 1, connections + 1
    local conn = setmetatable({ sock = sock, buffer = "", number = listener.accepted }, connection)
    listener.live[conn] = true
    function conn.on_close()
      listener.open, connections = listener.open - 1, connections - 1
      listener.live[conn] = nil
      room:fire()
    end
    loop.spawn(function()
      local ok, err = xpcall(serve, debug.traceback, conn)
      conn:close()
      if not ok then io.stderr:write("spec server: ", tostring(err), "\n") end
    end)
  end

  function listener.start()
    local server = assert(socket.tcp4())
    assert(server:setoption("reuseaddr", true))
    assert(server:bind("127.0.0.1", listener.port or port))
    assert(server:listen(1024))
    server:settimeout(0)
    listener.sock = server
    listener.port = math.tointeger(tonumber((select(2, server:getsockname()))))
    loop.spawn(function()
      while listener.sock == server do
        local sock, err = server:accept()
        if sock then
          accept(sock)
        elseif err ~= "timeout" or not loop.wait(server, "r") then
          return
        end
        while connections >= MAX_CONNECTIONS do room:wait() end
      end
    end)
  end

  function listener.close()
    if not listener.sock then return end
    loop.forget(listener.sock)
    listener.sock:close()
    listener.sock = nil
  end

  listener.start()
  return listener
end

return loop
