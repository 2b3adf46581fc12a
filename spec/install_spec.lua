-- `make install` and `make uninstall`, as a packager calls them.

local support = require "spec.support"

local function make(words)
  local code, out, err = support.run("make --no-print-directory " .. words, { cwd = support.root, timeout = 300 })
  assert.are.equal(0, code, out .. err)
end

local function files_in(directory)
  local list = {}
  for file in select(2, support.run({ "find", directory, "!", "-type", "d" })):gmatch "[^\n]+" do
    list[#list + 1] = file:sub(#directory + 2)
  end
  table.sort(list)
  return list
end

describe("make install #packaging", function()
  local stage

  before_each(function() stage = support.tmpdir() end)

  it("puts the module below DESTDIR and PREFIX, where Lua finds it", function()
    make("install PREFIX=/opt/rl DESTDIR='" .. stage .. "'")

    local code, out, err = support.run({ "lua5.4", "-e", [[
      local runloop = require "runloop"
      print(package.searchpath("runloop.pager", package.path))
      print(runloop.json.encode { 1 })
    ]] }, {
      cwd = stage,
      env = {
        LUA_PATH = stage .. "/opt/rl/share/lua/5.4/?.lua;" .. stage .. "/opt/rl/share/lua/5.4/?/init.lua;;",
        LUA_CPATH = stage .. "/opt/rl/lib/lua/5.4/?.so;;",
      },
    })
    assert.are.equal(0, code, err)
    assert.are.equal(stage .. "/opt/rl/share/lua/5.4/runloop/pager.lua\n[1]\n", out)
  end)

  it("installs every module and the core, and nothing else", function()
    make("install PREFIX=/usr DESTDIR='" .. stage .. "'")

    local expected = { "usr/lib/lua/5.4/runloop/core.so", "usr/lib/pkgconfig/runloop-lua5.4.pc" }
    for file in select(2, support.run("find lua -name '*.lua'", { cwd = support.root })):gmatch "[^\n]+" do
      expected[#expected + 1] = "usr/share/" .. file:gsub("^lua/", "lua/5.4/")
    end
    table.sort(expected)
    assert.are.same(expected, files_in(stage))
  end)

  it("tells pkg-config its version and where Lua finds it", function()
    make("install PREFIX=" .. stage)

    local code, out, err = support.run(
      "pkg-config --modversion runloop-lua5.4 && LUA_PATH=$(pkg-config --variable=lua_path runloop-lua5.4) "
        .. "LUA_CPATH=$(pkg-config --variable=lua_cpath runloop-lua5.4) lua5.4 -e 'print(require(\"runloop\")._VERSION)'",
      { cwd = stage, env = { PKG_CONFIG_PATH = stage .. "/lib/pkgconfig" } })
    assert.are.equal(0, code, err)
    assert.are.equal(out:match "^(%S+)\n" .. "\n" .. "runloop " .. out:match "^(%S+)\n" .. "\n", out)
  end)

  it("can be for another Lua, linked with it", function()
    if (support.run "pkg-config --exists lua5.3") ~= 0 then return pending "no Lua 5.3" end
    make("install LUA_VERSION=5.3 LINK_LUA=1 PREFIX=/usr DESTDIR='" .. stage .. "'")

    local core = stage .. "/usr/lib/lua/5.3/runloop/core.so"
    assert.matches("NEEDED[^\n]*lua5%.3", select(2, support.run { "readelf", "-d", core }))
    assert.is_true(support.exists(stage .. "/usr/share/lua/5.3/runloop/init.lua"))
    assert.is_true(support.exists(stage .. "/usr/lib/pkgconfig/runloop-lua5.3.pc"))
  end)

  it("makes files that everybody may read", function()
    support.run("umask 077; make --no-print-directory install PREFIX=/usr DESTDIR='" .. stage .. "'",
      { cwd = support.root })

    local _, out = support.run({ "find", stage .. "/usr", "!", "-perm", "-444", "-o", "-type", "d", "!", "-perm",
      "-555" })
    assert.are.equal("", out)
  end)

  it("is undone by make uninstall, which leaves other modules alone", function()
    support.run { "install", "-D", "/dev/null", stage .. "/usr/share/lua/5.4/runloop_other.lua" }
    make("install PREFIX=/usr DESTDIR='" .. stage .. "'")

    make("uninstall PREFIX=/usr DESTDIR='" .. stage .. "'")

    assert.are.same({ "usr/share/lua/5.4/runloop_other.lua" }, files_in(stage))
  end)
end)
