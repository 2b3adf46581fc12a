-- What the core refuses to be built with or loaded by, and how it is built for small machines.

local support = require "spec.support"

describe("The core #packaging", function()
  -- The headers of the system's Lua, with one line changed.
  local function changed_headers(file, from, to)
    local directory = support.tmpdir()
    local _, flags = support.run "pkg-config --cflags-only-I lua5.4 | sed 's/-I//g'"
    local source = flags:match "%S+"
    support.run { "cp", "-r", source .. "/.", directory }
    local text, count = support.read_file(directory .. "/" .. file):gsub(from, to)
    assert.are.equal(1, count)
    support.write_file(directory .. "/" .. file, text)
    return directory
  end

  local function complaint(headers)
    local code, _, err = support.run("cc -std=c99 -fsyntax-only -I" .. headers
      .. " $(pkg-config --cflags libcurl) src/lua_core.c", { cwd = support.root })
    return code ~= 0 and err or "none"
  end

  it("is not built with a Lua whose numbers have 32 bits", function()
    local headers = changed_headers("luaconf.h", "#define LUA_32BITS%s+0", "#define LUA_32BITS 1")
    assert.matches("this Lua has integers of 32 bits", complaint(headers), 1, true)
  end)

  it("is not built with a Lua before 5.4.4", function()
    local release = '#define LUA_VERSION_RELEASE%s+"%d+"'
    assert.are.equal("none", complaint(changed_headers("lua.h", release, '#define LUA_VERSION_RELEASE "4"')))
    local headers = changed_headers("lua.h", "LUA_VERSION_NUM %* 100 %+ %d+", "LUA_VERSION_NUM * 100 + 3")
    assert.matches("Lua 5.4.0 to 5.4.3 crash", complaint(headers), 1, true)
  end)

  it("is not loaded by a Lua that takes a coroutine which is being closed for a suspended one", function()
    local host = support.tmpdir() .. "/host"
    assert.are.equal(0, (support.run("cc -rdynamic -o " .. host
      .. " spec/c/suspended.c $(pkg-config --cflags --libs lua5.4)", { cwd = support.root })))
    local code, out = support.run({ host, 'require "runloop.core"' }, {
      env = { LUA_PATH = package.path, LUA_CPATH = support.root .. "/build/?.so" },
    })
    assert.are.equal(0, code)
    assert.matches("runloop needs Lua 5.4.4 or later", out, 1, true)
  end)

  it("knows files of more than 2 GiB wherever it opens or looks at one", function()
    local _, sources = support.run("grep -lE 'sys/stat.h|<fcntl.h>' src/*.c", { cwd = support.root })
    for source in sources:gmatch "%S+" do
      local _, defines = support.run("cc -std=c99 -E -dM $(pkg-config --cflags lua5.4 libcurl) " .. source,
        { cwd = support.root })
      assert.matches("#define _FILE_OFFSET_BITS 64", defines, 1, true, source)
    end
  end)
end)
