-- Whose word is taken, and for how long: certificates, proxies, and what children inherit.
local core = require "runloop.core"
local support = require "spec.support"
local compile = require "spec.support.compile"
local expect = require "spec.support.expect"
local process = require "spec.support.process"

local ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n" .. '{"id":"x"}'

local servers = {}
local function started(server)
  servers[#servers + 1] = server
  return server
end

local function retrieve(client) return client.scenarios:retrieve "x" end

describe("Trust:", function()
  local certificates
  setup(function() certificates = support.certificates() end)
  after_each(function()
    for _, server in ipairs(servers) do server:stop() end
    servers = {}
  end)

  -- Runs a script with the specs' paths, in a shell that `before` has prepared.
  local function run(before, script, env)
    local path = support.tmpdir() .. "/script.lua"
    support.write_file(path, script)
    env.LUA_PATH, env.LUA_CPATH = package.path, package.cpath
    local code, out, err = support.run(before .. "exec " .. process.interpreter() .. " " .. path, {
      preload = true, cwd = support.root, env = env,
    })
    assert.are.equal(0, code, err)
    return out
  end

  describe("certificates", function()
    local function tls() return started(support.raw { tls = "localhost", { { serve = ANSWER } } }) end

    it("are those of SSL_CERT_FILE, where ca_file names none #slow", function()
      local script = ([[
        local client = require "runloop".new { base_url = %q, bearer_token = "test-token", max_retries = 0, ca_file = %s }
        local value, err = client.scenarios:retrieve "x"
        io.write(value and "ok" or err.kind)
      ]])
      local url, mine = tls().url, ("%q"):format(certificates.ca_file)
      local stranger = certificates.self_signed.certificate
      assert.are.equal("ok", run("", script:format(url, "nil"), { SSL_CERT_FILE = certificates.ca_file }))
      assert.are.equal("tls", run("", script:format(url, "nil"), { SSL_CERT_FILE = stranger }))
      assert.are.equal("tls", run("", script:format(url, "nil"), { SSL_CERT_FILE = false }))
      assert.are.equal("ok", run("", script:format(url, mine), { SSL_CERT_FILE = stranger }))
    end)

    it("are those of SSL_CERT_DIR, where nothing names a file #slow", function()
      local script = ([[
        local client = require "runloop".new { base_url = %q, bearer_token = "test-token", max_retries = 0, ca_file = %s }
        local value, err = client.scenarios:retrieve "x"
        io.write(value and "ok" or err.kind)
      ]])
      local url, empty, directory = tls().url, support.tmpdir(), support.tmpdir()
      local _, hash = support.run("openssl x509 -noout -hash -in " .. certificates.ca_file)
      support.write_file(directory .. "/" .. hash:match "%x+" .. ".0", support.read_file(certificates.ca_file))
      local stranger = ("%q"):format(certificates.self_signed.certificate)
      local function kind(ca_file, env) return run("", script:format(url, ca_file), env) end
      assert.are.equal("ok", kind("nil", { SSL_CERT_FILE = false, SSL_CERT_DIR = directory }))
      assert.are.equal("tls", kind("nil", { SSL_CERT_FILE = false, SSL_CERT_DIR = empty }))
      assert.are.equal("ok", kind("nil", { SSL_CERT_FILE = certificates.ca_file, SSL_CERT_DIR = empty }))
      assert.are.equal("tls", kind(stranger, { SSL_CERT_FILE = false, SSL_CERT_DIR = directory }))
    end)

    it("are read again once their file has been replaced, by the next attempt: of calls, lists, streams, files #slow", function()
      local path = support.tmpdir() .. "/ca.pem"
      local function rename(file)
        support.write_file(path .. ".new", support.read_file(file))
        os.rename(path .. ".new", path)
      end
      local function overwrite(file) support.write_file(path, support.read_file(file)) end
      -- A connection each, so that every call has to trust anew.
      local server = started(support.raw { tls = "localhost", { { read = "request" }, ANSWER } })
      for i, sink in ipairs { {}, { list = "scenarios" }, { events = true }, { file = path .. ".target" } } do
        local install = i % 2 == 0 and rename or overwrite
        install(certificates.self_signed.certificate)
        local http = core.http { https = true, http2 = true, ca_file = path }
        local function attempt()
          os.remove(path .. ".target")
          local transfer = http:start({ url = server.url .. "/", method = "GET" }, nil, nil, nil, sink)
          while not transfer:want() do http:turn(5) end
          while not transfer:finished() do http:turn(5) end
          return (transfer:finish())
        end
        assert.are.equal("tls", attempt())
        install(certificates.ca_file)
        assert.are_not.equal("tls", attempt())
        os.remove(path) -- about to come: what was read will do
        assert.are_not.equal("tls", attempt())
        install(certificates.self_signed.certificate)
        assert.are.equal("tls", attempt())
        http:close()
      end
    end)
  end)

  -- What libcurl says of its OpenSSL and its paths is made up by spec/c/castore.c.
  describe("the system's certificates", function()
    local function hash_of(certificate)
      local _, hash = support.run("openssl x509 -noout -hash -in " .. certificate)
      return hash:match "%x+"
    end

    -- A bundle of these certificates, and a directory of those by their names there.
    local function store(bundle, directory)
      local root = support.tmpdir()
      local self = { bundle = root .. "/ca.crt", directory = root .. "/certs", log = root .. "/log" }
      assert(support.run { "mkdir", self.directory } == 0)
      function self.write(certs)
        local texts = {}
        for i, file in ipairs(certs) do texts[i] = support.read_file(file) end
        support.write_file(self.bundle .. ".new", table.concat(texts))
        os.rename(self.bundle .. ".new", self.bundle)
      end
      function self.add(name, file) support.write_file(self.directory .. "/" .. name, support.read_file(file)) end
      self.write(bundle)
      for name, file in pairs(directory) do self.add(name, file) end
      return self
    end

    -- Calls a server in a new process: how that ends, and which of the store's files OpenSSL has opened.
    local function call(system, options)
      options = options or {}
      local server = started(support.raw { tls = "localhost", { { read = "request" }, ANSWER } })
      support.write_file(system.log, "")
      local out = run("", ([[
        local support = { write_file = function(path, text)
          local file = assert(io.open(path, "w"))
          file:write(text)
          file:close()
        end }
        local client = require "runloop".new {
          base_url = %q, bearer_token = "test-token", max_retries = 0, ca_file = %s, proxy = %s,
        }
        local function retrieve()
          local value, err = client.scenarios:retrieve "x"
          io.write(value and "ok" or err.kind .. " " .. err.attempts, "\n")
        end
        retrieve()
        %s
      ]]):format(options.url or server.url, options.ca_file and ("%q"):format(options.ca_file) or "nil",
        options.proxy and ("%q"):format(options.proxy) or "nil", options.more or ""), {
        SSL_CERT_FILE = options.env or false, SSL_CERT_DIR = false,
        CASTORE_BUNDLE = system.bundle, CASTORE_DIRECTORY = not options.nameless and system.directory or false,
        CASTORE_LOG = system.log,
        LD_PRELOAD = (os.getenv "LD_PRELOAD" or "") .. " " .. compile.library(support.root, "castore"),
      })
      local opened = {}
      for path in support.read_file(system.log):gmatch "[^\n]+" do
        if path == system.bundle then opened.bundle = true end
        local name = path:sub(1, #system.directory) == system.directory and path:match "[^/]+$"
        if name then opened[name] = true end
      end
      return out, opened, server
    end

    local ours, stranger, name, strange_name
    setup(function()
      ours, stranger = certificates.ca_file, certificates.self_signed.certificate
      name, strange_name = hash_of(ours) .. ".0", hash_of(stranger) .. ".0"
    end)

    it("are looked for in the hashed directory where that holds what the bundle holds: the one that is needed #slow", function()
      local system = store({ ours, stranger }, { [name] = ours, [strange_name] = stranger, ["README"] = stranger })
      for _, options in ipairs { {}, { nameless = true }, { env = system.bundle } } do
        if options.nameless then -- the directory that the bundle is in
          assert(os.rename(system.bundle, system.directory .. "/ca.crt"))
          system.bundle = system.directory .. "/ca.crt"
        elseif options.env then
          options.env = system.bundle
        end
        local out, opened = call(system, options)
        assert.are.same({ "ok\n", { [name] = true } }, { out, opened })
      end
    end)

    it("are read from a file that the program names, even if it is the system's #slow", function()
      local system = store({ ours }, { [name] = ours })
      local out, opened = call(system, { ca_file = system.bundle })
      assert.are.same({ "ok\n", { bundle = true } }, { out, opened })
    end)

    it("are the bundle's where the directory lacks one of them #slow", function()
      local lacks = {
        ["it was added to the bundle alone"] = { [strange_name] = stranger },
        ["no link is hashed"] = { ["ours.pem"] = ours, ["stranger.pem"] = stranger },
        ["OpenSSL does not count so far"] = { [name:gsub("0$", "1")] = ours, [strange_name] = stranger },
        ["the directory is empty"] = {},
      }
      for why, directory in pairs(lacks) do
        local out, opened = call(store({ stranger, ours }, directory))
        assert.are.same({ "ok\n", { bundle = true } }, { out, opened }, why)
      end
      local system = store({ stranger, ours }, { [name] = ours })
      assert(support.run { "ln", "-s", system.directory .. "/gone.pem", system.directory .. "/" .. strange_name } == 0)
      local out, opened = call(system)
      assert.are.same({ "ok\n", { bundle = true } }, { out, opened }, "a link leads nowhere")
      system = store({ ours }, {})
      assert(support.run { "rmdir", system.directory } == 0)
      assert.are.equal("ok\n", (call(system)))
    end)

    it("are the bundle's where the directory has one more: nobody else is trusted #slow", function()
      local out, opened = call(store({ stranger }, { [strange_name] = stranger, [name] = ours }))
      assert.are.same({ "tls 1\n", { bundle = true } }, { out, opened })
    end)

    it("of the same subject are told apart #slow", function()
      local twin = support.tmpdir() .. "/twin.pem"
      assert(support.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        .. " -subj '/CN=runloop spec authority' -keyout /dev/null -out " .. twin) == 0)
      assert.are.equal(hash_of(ours), hash_of(twin))
      local second = name:gsub("0$", "1")
      local out, opened = call(store({ ours, twin }, { [name] = twin, [second] = ours }))
      assert.are.same({ "ok\n", { [name] = true, [second] = true } }, { out, opened })
    end)

    it("that OpenSSL does not find in the directory are those of the bundle, without another attempt #slow", function()
      local out, opened = call(store({ ours }, { ["01234567.0"] = ours }), { more = "retrieve()" }) -- another hash
      assert.are.same({ "ok\nok\n", { bundle = true } }, { out, opened })
    end)

    it("that trust nobody like that are an error of one attempt #slow", function()
      local out, opened, server = call(store({ stranger }, { [strange_name] = stranger }), { more = "retrieve()" })
      assert.are.equal("tls 1\ntls 1\n", out)
      assert.is_true(opened.bundle)
      assert.are.equal(0, server:request_count())
    end)

    it("are looked at anew when the bundle or the directory has changed #slow", function()
      local system = store({ stranger }, { [strange_name] = stranger })
      local out, opened = call(system, { more = ([[
        support.write_file(%q, %q)
        os.rename(%q, %q)
        retrieve()
        support.write_file(%q, %q)
        retrieve()
        os.remove(%q)
        retrieve()
      ]]):format(system.bundle .. ".new", support.read_file(stranger) .. support.read_file(ours),
        system.bundle .. ".new", system.bundle, system.directory .. "/" .. name, support.read_file(ours),
        system.directory .. "/" .. strange_name) })
      assert.are.equal("tls 1\nok\nok\nok\n", out)
      assert.is_true(opened.bundle)
    end)

    it("count for an HTTPS proxy, too #slow", function()
      local proxy = started(support.raw { tls = "localhost", "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n" })
      local out, opened = call(store({ ours, stranger }, { [name] = ours, [strange_name] = stranger }),
        { url = "https://api.example", proxy = proxy.url })
      assert.are.same({ "connection 1\n", { [name] = true } }, { out, opened })
    end)
  end)

  describe("a proxy", function()
    local function refusing(status, tls)
      return started(support.raw { tls = tls, "HTTP/1.1 " .. status .. " Go away\r\nContent-Length: 0\r\n\r\n" })
    end
    local function through(proxy, options)
      options.proxy = proxy
      return support.client("https://api.example", options)
    end

    it("that refuses is not asked again, and nothing was sent", function()
      for _, status in ipairs { 401, 403, 404, 407 } do
        local proxy = refusing(status)
        local client = through(proxy.url:gsub("//", "//user:wrong@"), {})
        local err = expect.failure("connection", "PROXY", client.scenarios:archive "x")
        assert.matches("proxy answered " .. status, err.message, 1, true)
        assert.are.same({ 1, false }, { err.attempts, err.retryable })
        assert.is_nil(err.maybe_sent)
        assert.are.equal(1, proxy:request_count())
        client:close()
      end
    end)

    it("that cannot for now is asked again #slow", function()
      for _, status in ipairs { 408, 429, 502, 503, 504 } do
        local proxy = refusing(status)
        local client = through(proxy.url, { max_retries = 2 })
        local err = expect.failure("connection", "PROXY", client.scenarios:archive "x")
        assert.matches("proxy answered " .. status, err.message, 1, true)
        assert.are.same({ 3, true }, { err.attempts, err.retryable })
        assert.is_nil(err.maybe_sent)
        client:close()
      end
    end)

    it("of SOCKS that refuses the password is not asked again", function()
      local proxy = started(support.raw {
        { { lua = [[
          local conn = ...
          conn:read(conn:read(2):byte(2)) -- the methods that the client knows: RFC 1928
          conn:send("\5\2")
          conn:read(conn:read(2):byte(2)) -- name and password: RFC 1929
          conn:read(conn:read(1):byte())
          conn:send("\1\1")]] } },
      })
      local client = through(("socks5h://user:wrong@127.0.0.1:%d"):format(proxy.port), {})
      local err = expect.failure("connection", nil, retrieve(client))
      assert.are.same({ 1, false }, { err.attempts, err.retryable })
      client:close()
    end)

    it("that opens the tunnel to a handshake that fails has sent nothing", function()
      local proxy = started(support.raw {
        { { read = "request" }, "HTTP/1.1 200 OK\r\n\r\n", { read = 5 }, { close = true } },
      })
      local client = through(proxy.url, { max_retries = 0 })
      local value, err = client.scenarios:archive "x"
      assert.is_nil(value)
      assert.is_true(err.kind == "tls" or err.kind == "connection")
      assert.is_nil(err.maybe_sent)
      client:close()
    end)

    it("of HTTPS is trusted by ca_file, and an error says that it is about the proxy #slow", function()
      local proxy = refusing(403, "localhost")
      local client = through(proxy.url, { max_retries = 0 })
      local err = expect.failure("tls", "PEER_FAILED_VERIFICATION", retrieve(client))
      assert.matches("^the proxy: ", err.message)
      client:close()
      client = through(proxy.url, { max_retries = 0, ca_file = certificates.ca_file })
      expect.failure("connection", "PROXY", retrieve(client))
      client:close()
    end)
  end)

  it("a child of the host inherits no socket", function()
    local server = started(support.start { scenarios = 1 })
    local out = run("", ([[
      local client = require "runloop".new { base_url = %q, bearer_token = "test-token" }
      assert(client.scenarios:list():next())
      os.execute "ls -l /proc/self/fd | grep -c socket:"
    ]]):format(server.url), {})
    assert.are.equal("0\n", out)
  end)

  -- Lua opens what a path under /proc/self/fd leads to: of a socket it says so, of a closed descriptor that it is not
  -- there.
  it("standard descriptors that the host has closed stay closed: no socket and no file gets one #slow", function()
    local server = started(support.start { scenarios = 3 })
    local closing = started(support.raw { { { read = "request" }, { sleep = 0.02 }, ANSWER, { close = true } } })
    local slow = started(support.raw {
      { { lua = ("local c = ... while c:read_request() do c:sleep(0.05) c:send(%q) end"):format(ANSWER) } },
    })
    local directory = support.tmpdir()
    support.write_file(directory .. "/up.txt", ("x"):rep(1000))
    run("exec <&- >&- 2>&-; ", ([[
      local runloop, core, directory = require "runloop", require "runloop.core", %q
      local seen = {}
      local function look(when)
        for fd = 0, 2 do
          local file, why = io.open("/proc/self/fd/" .. fd)
          if file or not why:find "No such file" then seen[#seen + 1] = when .. ": " .. fd .. " " .. tostring(why) end
          if file then file:close() end
        end
      end
      local client = runloop.new { base_url = %q, bearer_token = "test-token", max_retries = 0 }
      local list = client.scenarios:list { limit = 1 }
      assert(list:next())
      look "a list"
      local tasks = {}
      for i = 1, 3 do tasks[i] = client:spawn(function() return client.scenarios:list():collect() end) end
      repeat look "calls" until client:poll(0.01) == 0
      local again = runloop.new { base_url = %q, bearer_token = "test-token", max_retries = 0 }
      for i = 1, 3 do
        local task = again:spawn(function() return assert(again.scenarios:retrieve "x") end)
        repeat look("connection " .. i) until again:poll(0.001) == 0
        assert(task.status == "done")
      end
      local away = runloop.new { base_url = "https://runloop.invalid", bearer_token = "test-token", max_retries = 0 }
      for _ = 1, 2 do
        away:spawn(function() return away.scenarios:retrieve "x" end)
        repeat until away:poll(0.01) == 0 -- between polls the resolver's thread may have one for a moment
        look "a name"
      end
      local http = core.http { max_connections = 40 }
      local many, sink = {}, { file = directory .. "/down.txt" }
      local request = { url = %q .. "/v1/scenarios/none", method = "POST", body = { { file = directory .. "/up.txt" } } }
      local transfer = assert(http:start(request, nil, nil, nil, sink))
      look "files"
      repeat
        transfer:want()
        http:turn(1)
        look "an upload"
      until transfer:finished()
      for _, connections in ipairs { "new", "kept" } do
        for i = 1, 40 do many[i] = http:start { url = %q, method = "GET" } end
        repeat
          http:turn(0.05)
          look("many over " .. connections .. " connections")
        until select(4, http:stats()) == 0
      end
      http:close()
      local out = io.open(directory .. "/seen", "w")
      out:write(table.concat(seen, "\n"))
      out:close()
    ]]):format(directory, server.url, closing.url, server.url, slow.url), {})
    assert.are.equal("", support.read_file(directory .. "/seen"))
  end)

  it("too few descriptors are named in the error", function()
    local server = started(support.start { scenarios = 1 })
    local out = run("ulimit -n 30; ", ([[
      local client = require "runloop".new { base_url = %q, bearer_token = "test-token", max_retries = 0 }
      local scenarios, files = client.scenarios, {} -- their modules are loaded with their first use
      while true do
        local file = io.open "/dev/null"
        if not file then break end
        files[#files + 1] = file
      end
      local value, err = scenarios:retrieve "x"
      print(value, err.kind, err.message)
      for _, file in ipairs(files) do file:close() end
      _, err = scenarios:retrieve "x"
      print(err.kind)
    ]]):format(server.url), {})
    assert.matches("^nil\tconnection\ttoo many open files: [^\n]*\napi\n$", out)
  end)
end)
