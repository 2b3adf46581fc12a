--- The C helpers of the specs (spec/c), compiled once a run.
local here = (...):gsub("[^.]+$", "")
local process = require(here .. "process")

local compile = {}

-- The names of the systems' Lua 5.4 differ.
local FIND_LUA = [[for name in lua5.4 lua-5.4 lua54 lua; do
  pkg-config --atleast-version=5.4 $name 2>/dev/null && exec pkg-config --cflags $name
done; exit 1]]

local function lua_flags()
  return process.once("lua_flags", function()
    local code, out = process.run(FIND_LUA)
    assert(code == 0, "Lua's headers are missing")
    return (out:gsub("%s+$", ""))
  end)
end

--- spec/c/NAME.c as a shared library, to be preloaded or required: its path. `root` is the repository.
function compile.library(root, name)
  return process.once("library " .. name, function()
    local path = process.tmpdir() .. "/" .. name .. ".so"
    local command = "cc -std=c99 -Wall -Wextra -Werror -O1 -g -fPIC -shared %s -o %s %s -ldl -lpthread"
    local code, out, err = process.run(command:format(
      lua_flags(), process.quote(path), process.quote(root .. "/spec/c/" .. name .. ".c")), { timeout = 120 })
    assert(code == 0, out .. err)
    return path
  end)
end

return compile
