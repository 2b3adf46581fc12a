-- Writes the texts of Lua modules for src/lua_texts.c: lua .ci/texts.lua OUT FILE.lua...
local c_text = dofile ".ci/c_text.lua"

local out, rows = {}, {}
local function put(line) out[#out + 1] = line end

put "/* Written by .ci/texts.lua. */"
for i = 2, #arg do
  local name = arg[i]:match "lua/runloop/(.*)%.lua$":gsub("/", ".")
  local count = c_text.put_module(put, i, arg[i])
  rows[#rows + 1] = ('    {"%s", %d, lua_%d, %d},'):format(name, #c_text.read(arg[i]), i, count)
end
put(("\nstatic const struct text texts[] = {\n%s\n};"):format(table.concat(rows, "\n")))
c_text.write(arg[1], out)
