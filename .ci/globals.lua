-- Says where a function of the library asks for what a host can take away when it is loaded, a global or a method of
-- strings, and fails: lua .ci/globals.lua LUAC FILE... What is wanted is captured when a file is loaded.
local luac = table.remove(arg, 1)
local bad = false

local function look_at(file)
  local listing = assert(io.popen(('%s -l -l -p "%s"'):format(luac, file)))
  local in_function = false
  for line in listing:lines() do
    if line:find "^main <" then
      in_function = false
    elseif line:find "^function <" then
      in_function = true
    elseif in_function then
      local place, operation, rest = line:match "^%s+%d+%s+%[(%d+)%]%s+(%u+)%s+(.*)$"
      local name = place and rest:match '"([^"]*)"$'
      local global = operation == "GETTABUP" and rest:find("_ENV", 1, true)
      if global or operation == "SELF" and string[name] then
        print(("%s:%s: %s '%s'"):format(file, place, global and "the global" or "the method", name))
        bad = true
      end
    end
  end
  assert(listing:close())
end

for _, file in ipairs(arg) do look_at(file) end
os.exit(not bad)
