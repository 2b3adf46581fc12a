--- The server's end of the line to the spec that started it. Each message is a length, a newline and a
--- Lua expression. The line is a leash, too: when it breaks, the server ends.
local loop = require "loop"
local serial = require "serial"

local control = {}

-- Who starts a server reads its ports and calls at once; a server that nobody calls has lost its parent.
local FIRST_CALL = 60

local function answer(commands, message)
  local name = message[1]
  local command = assert(commands[name], "no such command: " .. tostring(name))
  return command(table.unpack(message, 2, message.n))
end

--- Listens for the one connection of the spec and runs `commands[name](…)` as it asks; returns the port.
function control.listen(commands)
  local listener
  local called = false
  listener = loop.listen(0, function(conn)
    if called then return end
    called = true
    listener.close()
    while true do
      local length = conn:read_to("\n", 32)
      local text = length and conn:read(math.tointeger(tonumber(length)))
      if not text then break end
      local result = table.pack(pcall(answer, commands, serial.load(text)))
      local done, reply = pcall(serial.dump, result)
      if not done then reply = serial.dump { false, reply, n = 2 } end
      conn:send(#reply .. "\n" .. reply)
    end
    loop.stop()
  end)
  loop.spawn(function()
    loop.sleep(FIRST_CALL)
    if not called then loop.stop() end
  end)
  return listener.port
end

return control
