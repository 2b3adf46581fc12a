-- The rockspec: lists what is in the tree, and LuaRocks can install from it.

local portable = require "spec.support.portable"
local support = require "spec.support"

local PATH = "rockspec/runloop-scm-1.rockspec"
local VERSION = require "runloop.version"
local VERSIONED = "rockspec/runloop-" .. VERSION .. "-1.rockspec"

local function rockspec()
  local fields = {}
  assert(loadfile(support.root .. "/" .. PATH, "t", fields))()
  return fields
end

-- Files below `directory` whose name matches, sorted, relative to the repository.
local function files(directory, pattern)
  local code, out, err = support.run({ "find", directory, "-type", "f", "-name", pattern }, { cwd = support.root })
  assert.are.equal(0, code, err)
  local list = {}
  for file in out:gmatch "[^\n]+" do list[#list + 1] = file end
  table.sort(list)
  assert.is_true(#list > 5)
  return list
end

local function luarocks(words, options)
  options.env = options.env or {}
  -- LuaRocks keeps its settings at home, and would be led by the paths of the specs.
  options.env.HOME = options.home
  for _, name in ipairs { "LUA_PATH", "LUA_CPATH", "LUAROCKS_CONFIG" } do options.env[name] = false end
  return support.run("luarocks --lua-version=5.4 " .. words, options)
end

describe("The rockspec #packaging", function()
  local build = rockspec().build

  it("names every C source of the core", function()
    local sources = { portable.unpack(build.modules["runloop.core"].sources) }
    table.sort(sources)
    local expected = {}
    for _, file in ipairs(files("src", "*.c")) do
      if not file:find "^src/embed/" then expected[#expected + 1] = file end -- for the amalgamation only
    end
    assert.are.same(expected, sources)
  end)

  it("names every Lua module, each where `require` looks for it", function()
    local expected = { ["runloop.core"] = true }
    for _, file in ipairs(files("lua", "*.lua")) do
      local name = file:match("^lua/(.*)%.lua$"):gsub("/init$", ""):gsub("/", ".")
      expected[name] = file
    end
    local found = {}
    for name, file in pairs(build.modules) do found[name] = type(file) == "string" and file or true end
    assert.are.same(expected, found)
  end)

  it("asks for libcurl by its library: Debian's header lies where LuaRocks does not look", function()
    assert.are.same({ CURL = { library = "curl" } }, rockspec().external_dependencies)
  end)

  it("passes luarocks lint", function()
    for _, path in ipairs { PATH, VERSIONED } do
      local code, out, err = luarocks("lint " .. path, { home = support.tmpdir(), cwd = support.root })
      assert.are.equal(0, code, out .. err)
    end
  end)

  it("of the version differs in its version and its tag alone", function()
    local text = support.read_file(support.root .. "/" .. PATH)
    text = text:gsub('"scm%-1"', '"' .. VERSION .. '-1"'):gsub('  url = [^\n]*', '%0\n  tag = "v' .. VERSION .. '",')
    assert.are.equal(text, support.read_file(support.root .. "/" .. VERSIONED))
  end)

  it("is packed by luarocks from a tagged clone", function()
    local copy = support.tmpdir()
    local code, out, err = support.run("cp -R src lua rockspec LICENSE Makefile '" .. copy .. "' && cd '" .. copy .. [[' &&
      sed -i "s|git+file:.|git+file://$PWD|" ]] .. VERSIONED .. [[ && git init -q . && git add . &&
      git -c user.name=spec -c user.email=spec@localhost commit -q -m spec && git tag v]] .. VERSION, { cwd = support.root })
    assert.are.equal(0, code, out .. err)
    code, out, err = luarocks("pack " .. VERSIONED, { home = copy, cwd = copy, timeout = 120 })
    assert.are.equal(0, code, out .. err)
    assert.is_true(support.exists(("%s/runloop-%s-1.src.rock"):format(copy, VERSION)), out)
  end)

  it("installs a module that loads from its tree alone", function()
    local tree, copy = support.tmpdir(), support.tmpdir()
    -- LuaRocks leaves objects beside the sources.
    local code, _, err = support.run("cp -R src lua rockspec LICENSE Makefile '" .. copy .. "'", { cwd = support.root })
    assert.are.equal(0, code, err)
    local out
    code, out, err = luarocks("make --deps-mode none " .. PATH .. " --tree '" .. tree .. "'",
      { home = tree, cwd = copy, timeout = 300 })
    assert.are.equal(0, code, out .. err)

    code, out, err = support.run({ "lua5.4", "-e", [[
      local runloop = require "runloop"
      print(package.searchpath("runloop", package.path))
      print(package.searchpath("runloop.core", package.cpath))
      print(runloop.json.encode(runloop.json.decode('{"a":[1,2.5]}')))
    ]] }, {
      cwd = tree,
      env = {
        LUA_PATH = tree .. "/share/lua/5.4/?.lua;" .. tree .. "/share/lua/5.4/?/init.lua;;",
        LUA_CPATH = tree .. "/lib/lua/5.4/?.so;;",
      },
    })
    assert.are.equal(0, code, err)
    assert.are.equal(tree .. "/share/lua/5.4/runloop/init.lua\n" .. tree .. "/lib/lua/5.4/runloop/core.so\n" ..
      '{"a":[1,2.5]}\n', out)
  end)
end)
