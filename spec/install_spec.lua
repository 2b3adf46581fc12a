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

    local expected = { "usr/lib/lua/5.4/runloop/core.so" }
    for file in select(2, support.run("find lua -name '*.lua'", { cwd = support.root })):gmatch "[^\n]+" do
      expected[#expected + 1] = "usr/share/" .. file:gsub("^lua/", "lua/5.4/")
    end
    table.sort(expected)
    assert.are.same(expected, files_in(stage))
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
