-- `make amalgamation`: the module as one C file.

local support = require "spec.support"

local WARNINGS = " -std=c99 -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Werror "

-- What the C compiler of the specs' Lua is told.
local FLAGS = (os.getenv "RUNLOOP_SPEC_CFLAGS" or "$(pkg-config --cflags lua5.4)")
  .. " $(pkg-config --cflags --libs libcurl) -lm -lpthread -ldl"

local function run(command, options)
  options = options or {}
  options.cwd = options.cwd or support.root
  options.timeout = options.timeout or 300
  return support.run(command, options)
end

local function passes(command, options)
  local code, out, err = run(command, options)
  assert.are.equal(0, code, out .. err)
  return out, err
end

local function has(program)
  return (support.run("command -v " .. program)) == 0
end

describe("The amalgamation #packaging", function()
  local directory, library

  setup(function()
    directory = support.tmpdir()
    passes "make --no-print-directory amalgamation"
    passes("cp build/runloop.c build/runloop.h " .. directory)
    library = directory .. "/runloop.so"
    passes("cc -O1 -g -shared -fPIC" .. WARNINGS .. "-o " .. library .. " " .. directory .. "/runloop.c " .. FLAGS)
  end)

  -- A script with nothing of the module but the library, as `so`.
  local function script(source, env)
    local all = { LUA_PATH = "", LUA_CPATH = "" }
    for name, value in pairs(env or {}) do all[name] = value end
    local code, out, err = support.lua(("local so = %q\n"):format(library) .. source, { cwd = "/", env = all })
    assert.are.equal(0, code, out .. err)
    return out
  end

  it("compiles without a warning by clang too", function()
    if not has "clang" then return pending "no clang" end
    passes("clang -fsyntax-only -Wno-unused-command-line-argument" .. WARNINGS .. "build/runloop.c " .. FLAGS)
  end)

  it("has a header that C++ takes", function()
    if not has "g++" then return pending "no g++" end
    passes("g++ -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ build/runloop.h")
  end)

  it("exports one function, also to a host that compiles it in", function()
    passes("cc -c -o " .. directory .. "/runloop.o build/runloop.c " .. FLAGS)
    assert.matches("^%x+ T luaopen_runloop\n$", passes("nm -g --defined-only " .. directory .. "/runloop.o"))
  end)

  it("passes the specs of pagers and tasks, with no file of the module beside it", function()
    local out = passes({ arg[-1], ".ci/busted.lua", "spec/pager_spec.lua", "spec/tasks_spec.lua", "spec/task_ends_spec.lua",
      "spec/turns_spec.lua" }, {
      timeout = 600, env = {
        LUA_PATH = package.path:gsub("[^;]*/lua/%?[^;]*;", ""), LUA_CPATH = directory .. "/?.so;" ..
          package.cpath:gsub("[^;]*/build/[^;]*;", ""),
      },
    })
    local passed = tonumber(out:match "(%d+) successes / 0 failures / 0 errors")
    assert.is_true(passed and passed > 150, out)
  end)

  it("needs no package, require, path or second module", function()
    local server = support.start { scenarios = 30 }
    assert.are.equal("30 archived\n", script(([[
      local open, print, assert = package.loadlib(so, "luaopen_runloop"), print, assert
      for _, name in ipairs { "package", "require", "os", "io", "debug", "load", "loadfile", "dofile" } do
        _G[name] = nil
      end
      local runloop = open()
      local client = runloop.new { base_url = %q, bearer_token = "test-token" }
      local n, last = 0, nil
      for scenario in client.scenarios:list { limit = 7 } do n, last = n + 1, scenario end
      assert(last:update { metadata = { name = "a/b" } })
      assert(last:archive())
      print(n .. " " .. last.status)
    ]]):format(server.url)))
    server:stop()
  end)

  it("is the same module whenever a state opens it, and its parts are there for require", function()
    assert.are.equal("true true true true ", script [[
      local open = package.loadlib(so, "luaopen_runloop")
      local runloop = open()
      for _, same in ipairs { runloop == open(), require "runloop" == runloop, require "runloop.json".null == runloop.null,
        require "runloop.core".array_mt == runloop.array_mt } do io.write(tostring(same), " ") end
    ]])
  end)

  it("leaves alone what the host has preloaded itself", function()
    assert.are.equal("mine table", script [[
      package.preload["runloop.json"] = function() return "mine" end
      local runloop = package.loadlib(so, "luaopen_runloop")()
      io.write(require "runloop.json", " ", type(runloop.json))
    ]])
  end)

  it("names its files in messages as no file of the program can be named", function()
    local out = script [[
      local runloop = package.loadlib(so, "luaopen_runloop")()
      print(debug.getinfo(runloop.new, "S").short_src)
      print(select(2, pcall(runloop.new, { bearer_tokn = "x" })))
    ]]
    assert.matches("^%(runloop%)/[%w_]+%.lua\n[^\n]*script%.lua:4: runloop%.new: [^\n]*'bearer_token'", out)
  end)
end)
