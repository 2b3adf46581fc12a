--- The C helpers of the specs (spec/c), compiled once a run.
local here = (...):gsub("[^.]+$", "")
local process = require(here .. "process")

local compile = {}

-- Where this Lua's headers are; `make test` knows.
local function lua_flags()
  return os.getenv "RUNLOOP_SPEC_CFLAGS" or "$(pkg-config --cflags lua5.4)"
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
