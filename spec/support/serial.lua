--- Lua values as Lua text, for messages between a spec and its servers: any bytes, integers apart from floats.
local portable = require((...):gsub("[^.]+$", "") .. "portable")

local serial = {}

-- A number as Lua reads it back: integers apart from floats.
local function number(n)
  if n ~= n then return "(0/0)" end
  if n == 1 / 0 or n == -1 / 0 then return n > 0 and "1e9999" or "-1e9999" end
  if portable.integers then return ("%q"):format(n) end
  return ("%.17g"):format(n)
end

local function write(out, value)
  local kind = type(value)
  if kind == "table" then
    out[#out + 1] = "{"
    local n = #value
    for i = 1, n do
      write(out, value[i])
      out[#out + 1] = ","
    end
    for k, v in pairs(value) do
      if not (portable.math_type(k) == "integer" and k >= 1 and k <= n) then
        out[#out + 1] = "["
        write(out, k)
        out[#out + 1] = "]="
        write(out, v)
        out[#out + 1] = ","
      end
    end
    out[#out + 1] = "}"
  elseif kind == "number" then
    out[#out + 1] = number(value)
  elseif kind == "string" then
    out[#out + 1] = ("%q"):format(value)
  elseif kind == "boolean" or kind == "nil" then
    out[#out + 1] = tostring(value)
  else
    error("a " .. kind .. " cannot be sent to another process", 0)
  end
end

--- `value` (nil, boolean, number, string or a table of these, without cycles) as an expression.
function serial.dump(value)
  local out = {}
  write(out, value)
  return table.concat(out)
end

--- The value of a text made by `dump`.
function serial.load(text)
  return portable.load("return " .. text, "=message")()
end

return serial
