-- The client in real programs of Debian that embed Lua: each lists, archives one, and is not held up.
--
-- `make test-hosts` installs the programs; those that are not there are pending.

local socket = require "socket"
local support = require "spec.support"

local COUNT = 1200
local DELAY = 0.15 -- seconds before each answer: a program that waited for one would stand still so long, each time
local LONGEST = 20 -- milliseconds
local LONGEST_ON_BUSY = 100 -- where more wants to run than there are processors, they are taken away in mid-poll
local ATTEMPTS = 4

local function program(name)
  local code, out = support.run("PATH=$PATH:/usr/sbin:/usr/games command -v " .. name)
  return code == 0 and out:match "[^\n]+" or nil
end

local function longest_allowed()
  local load = tonumber((support.read_file "/proc/loadavg" or ""):match "^%S+")
  local processors = tonumber((select(2, support.run "nproc")))
  return load and processors and load > 0.8 * processors and LONGEST_ON_BUSY or LONGEST
end

describe("Embedded in a program #packaging #hosts", function()
  local server, directory, last
  local cores = {}

  setup(function() server = support.start { scenarios = COUNT } end)
  teardown(function() server:stop() end)

  before_each(function()
    server:reset { scenarios = COUNT }
    directory = support.tmpdir()
    local ids = server:ids "scenario"
    last = ids[#ids]
  end)

  -- Where the core for this Lua lies.
  local function core_for(version)
    if not cores[version] then
      local code, out, err = support.run("make --no-print-directory LUA_VERSION=" .. version,
        { cwd = support.root, timeout = 300 })
      assert.are.equal(0, code, out .. err)
      cores[version] = support.root .. "/build/" .. (version == "5.4" and "" or "lua" .. version .. "/")
    end
    return cores[version]
  end

  local function environment(version, more)
    local env = {
      LUA_PATH = ("%s/lua/?.lua;%s/lua/?/init.lua;%s/?.lua;;"):format(support.root, support.root, support.root),
      LUA_CPATH = core_for(version) .. "?.so;;", LUA_PATH_5_4 = false, LUA_CPATH_5_4 = false, HOME = directory,
      RUNLOOP_BASE_URL = server.url, RUNLOOP_API_KEY = server.token, RUNLOOP_CUSTOM_HEADERS = false, ARCHIVE = last,
      XDG_RUNTIME_DIR = directory, TERM = "xterm",
    }
    for name, value in pairs(more or {}) do env[name] = value end
    return env
  end

  -- Runs the program until a poll of it was short enough. `run(env)` returns what it printed.
  local function in_program(title, name, version, run)
    it(title, function()
      local path = name:find "^/" and support.exists(name) and name or program(name)
      if not path then return pending(title .. " is not installed: make test-hosts") end
      local text, longest
      for _ = 1, ATTEMPTS do
        server:reset { scenarios = COUNT }
        server:set { delay = DELAY }
        text = run(path, environment(version))
        assert.is_truthy(text:find(last .. " is archived", 1, true), text)
        local listed
        listed, longest = text:match "(%d+) scenarios in %d+ %l+, the longest p?o?l?l? ?took ([%d.]+) ms"
        assert.are.equal(COUNT, tonumber(listed), text)
        assert.are.equal(COUNT / 100, server:count { method = "GET", path = "^/v1/scenarios$" })
        assert.are.equal(1, server:count { method = "POST", path = "/archive$" })
        longest = tonumber(longest)
        if longest <= LONGEST then break end
      end
      print(("figures: %s: longest poll %.2f ms"):format(title, longest))
      assert.is_true(longest <= longest_allowed(), text)
    end)
  end

  -- A program that ends by itself.
  local function ending(command, more)
    return function(path, env)
      for name, value in pairs(more or {}) do env[name] = value end
      local code, out, err = support.run(command(path), { env = env, cwd = directory, timeout = 60 })
      assert.are.equal(0, code, out .. err)
      return out .. err .. (support.read_file(directory .. "/said") or "")
    end
  end

  -- One that serves until it is stopped: `ask` is tried until it gives what the program says.
  local function serving(command, ask)
    return function(path, env)
      local child = support.spawn(command(path), { env = env, cwd = directory })
      local text
      for _ = 1, 3000 do
        text = ask()
        if text or not child.alive() then break end
        support.sleep(0.01)
      end
      child.stop()
      return text or support.read_file(directory .. "/error.log") or "it said nothing"
    end
  end

  local function get(port, path)
    local connection = socket.connect("127.0.0.1", port)
    if not connection then return nil end
    connection:settimeout(30)
    connection:send("GET " .. path .. " HTTP/1.0\r\n\r\n")
    local text = connection:receive "*a"
    connection:close()
    return text and text:match "^HTTP/1%.%d 200.-\r\n\r\n(.+)$"
  end

  local function example(name)
    return support.root .. "/examples/hosts/" .. name
  end

  local function script(name)
    return support.root .. "/spec/hosts/" .. name
  end

  in_program("LÖVE", "love", "jit", ending(function(path)
    support.run { "mkdir", "-p", directory .. "/game" }
    support.write_file(directory .. "/game/main.lua", support.read_file(example "love.lua"))
    -- No window and no sound: there is no screen.
    support.write_file(directory .. "/game/conf.lua", [[
      package.path, package.cpath = os.getenv "LUA_PATH" .. package.path, os.getenv "LUA_CPATH" .. package.cpath
      function love.conf(t)
        t.modules.window, t.modules.graphics, t.modules.audio, t.modules.sound = false, false, false, false
      end]])
    return { path, directory .. "/game" }
  end, { SDL_VIDEODRIVER = "dummy", SDL_AUDIODRIVER = "dummy" }))

  in_program("Neovim", "nvim", "jit", ending(function(path)
    return {
      path, "--headless", "-u", "NONE", "-i", "NONE", "-c", "luafile " .. example "neovim.lua",
      "-c", "lua vim.wait(30000, function() return vim.g.runloop_listed end, 5)", "-c", "qa!",
    }
  end))

  local port
  in_program("HAProxy", "haproxy", "5.3", serving(function(path)
    port = support.free_port()
    support.write_file(directory .. "/haproxy.cfg", ([[
      global
        lua-load %s
      defaults
        mode http
        timeout connect 5s
        timeout client 60s
        timeout server 60s
      frontend spec
        bind 127.0.0.1:%d
        http-request use-service lua.scenarios
    ]]):format(example "haproxy.lua", port) .. "\n")
    return { path, "-db", "-f", directory .. "/haproxy.cfg" }
  end, function() return get(port, "/") end))

  in_program("nginx's Lua module", "/usr/lib/nginx/modules/ngx_http_lua_module.so", "jit",
    serving(function()
      port = support.free_port()
      local block = support.read_file(example "nginx.conf"):gsub("127%.0%.0%.1:8080", "127.0.0.1:" .. port)
      support.write_file(directory .. "/nginx.conf", ([[
        daemon off;
        master_process off;
        load_module /usr/lib/nginx/modules/ndk_http_module.so;
        load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
        pid nginx.pid;
        error_log error.log warn;
        env RUNLOOP_API_KEY; env RUNLOOP_BASE_URL; env ARCHIVE; env LUA_PATH; env LUA_CPATH;
        events { worker_connections 100; }
        http {
          access_log off;
          client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
          scgi_temp_path scgi;
          lua_package_path "%s/lua/?.lua;%s/lua/?/init.lua;;";
          lua_package_cpath "%s?.so;;";
          %s
        }
      ]]):format(support.root, support.root, core_for "jit", block))
      return { "/usr/sbin/nginx", "-e", directory .. "/error.log", "-p", directory, "-c", directory .. "/nginx.conf" }
    end, function() return get(port, "/scenarios") end))

  in_program("mpv", "mpv", "5.2", ending(function(path)
    return { path, "--no-config", "--idle=yes", "--vo=null", "--ao=null", "--msg-level=all=error,mpv=info", "--script="
      .. example "mpv.lua" }
  end))

  in_program("WeeChat", "weechat-headless", "5.3", ending(function(path)
    return { path, "-d", directory .. "/weechat", "--stdout", "-r", "/lua load " .. script "weechat.lua" }
  end))

  in_program("Prosody", "prosody", "5.4", ending(function(path)
    support.write_file(directory .. "/prosody.cfg.lua", ([[
      run_as_root = true
      pidfile = %q
      data_path = %q
      plugin_paths = { %q }
      modules_enabled = { "runloop" }
      modules_disabled = { "s2s", "c2s", "tls", "saslauth", "http", "posix", "offline" }
      log = { warn = "*console" }
      interfaces = { "127.0.0.1" }
      c2s_ports, s2s_ports, http_ports, https_ports = {}, {}, {}, {}
      VirtualHost "localhost"
    ]]):format(directory .. "/pid", directory, support.root .. "/spec/hosts"))
    return { path, "-F", "--config", directory .. "/prosody.cfg.lua" }
  end))

  in_program("lighttpd", "lighttpd", "5.4", serving(function(path)
    port = support.free_port()
    support.write_file(directory .. "/lighttpd.conf", ([[
      server.document-root = "%s"
      server.bind = "127.0.0.1"
      server.port = %d
      server.errorlog = "%s/error.log"
      server.modules = ( "mod_magnet" )
      magnet.attract-raw-url-to = ( "%s" )
    ]]):format(directory, port, directory, script "lighttpd.lua"))
    return { path, "-D", "-f", directory .. "/lighttpd.conf" }
  end, function() return get(port, "/") end))

  in_program("pandoc", "pandoc", "5.3", ending(function(path)
    support.write_file(directory .. "/empty.md", "")
    return { path, "-t", "plain", "-L", script "pandoc.lua", directory .. "/empty.md" }
  end))

  in_program("tshark", "tshark", "5.2", ending(function(path)
    -- A capture without packets.
    support.write_file(directory .. "/empty.pcap", "\212\195\178\161\2\0\4\0" .. ("\0"):rep(8) .. "\255\255\0\0\1\0\0\0")
    return { path, "-r", directory .. "/empty.pcap", "-X", "lua_script:" .. script "tshark.lua" }
  end))
end)
