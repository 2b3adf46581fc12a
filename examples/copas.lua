-- The client beside copas: a copas server reports on a list that the client is reading.
--
-- Usage: lua5.4 examples/copas.lua (RUNLOOP_API_KEY, RUNLOOP_BASE_URL; needs copas)
--
-- copas has no call to watch descriptors that are not its own, so the two take turns: the client waits for its sockets,
-- and copas is looked at every PERIOD seconds.

local copas = require "copas"
local socket = require "socket"
local runloop = require "runloop"

local PERIOD = 0.005

local client = runloop.new {
  nonblocking = true,
  on_error = function(err) print("task failed: " .. tostring(err)) end,
}

local listed = 0
client:spawn(function()
  for _ in client.scenarios:list { limit = 50 } do listed = listed + 1 end
end)

local server = assert(socket.bind("127.0.0.1", 0))
local _, port = server:getsockname()
copas.addserver(server, function(connection)
  copas.send(connection, ("%d scenarios so far\n"):format(listed))
  connection:close()
end)

local asking = true
copas.addthread(function()
  local connection, answer = socket.tcp(), nil
  local connected, err = copas.connect(connection, "127.0.0.1", port)
  if connected then answer, err = copas.receive(connection, "*l") end
  connection:close()
  asking = false
  print("the server says: " .. (answer or err))
end)

repeat
  copas.step(0)
  local alive = client:poll(PERIOD)
until alive == 0 and not asking

print(("%d scenarios in all"):format(listed))
server:close()
client:close()
