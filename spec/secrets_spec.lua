-- Where the token never shows up, where it never goes, and what a script passes that cannot become something else.
local runloop = require "runloop"
local support = require "spec.support"
local expect = require "spec.support.expect"

-- With characters that URLs and JSON write in other ways.
local TOKEN = 'sk-012/34+56=78"9\\abcdef'
local URL_TOKEN, JSON_TOKEN = "sk-012%2F34%2B56%3D78%229%5Cabcdef", [[sk-012\/34+56=78\"9\\abcdef]]
local SLASH_TOKEN = [[sk-012/34+56=78\"9\\abcdef]] -- JSON's, too

-- Where in a value the token stands, in any of its spellings or the first half of one; nil when nowhere. Looks into
-- tables, their metatables and what tostring says.
local function find_token(root)
  local seen = {}
  local function look(value, path)
    local kind = type(value)
    if kind == "table" or kind == "userdata" or kind == "string" then
      local text = tostring(value)
      for _, spelling in ipairs { TOKEN, URL_TOKEN, JSON_TOKEN } do
        if text:find(spelling:sub(1, 12), 1, true) then return path end
      end
    end
    if kind == "string" or seen[value] then return nil end
    seen[value] = true
    local found = getmetatable(value) and look(debug.getmetatable(value), path .. "<metatable>")
    if kind ~= "table" then return found end
    for k, v in next, value do
      local name = path .. "." .. tostring(k)
      found = found or look(k, name) or look(v, name)
    end
    return found
  end
  return look(root, "it")
end

local function no_token(value)
  assert.is_nil(find_token(value))
end

describe("The token is found by this file's own search", function()
  it("wherever it stands", function()
    assert.are.equal("it", find_token("<" .. TOKEN .. ">"))
    assert.are.equal("it.a.1", find_token { a = { "/" .. URL_TOKEN } })
    assert.are.equal("it.a.1", find_token { a = { JSON_TOKEN } })
    assert.are.equal("it." .. TOKEN, find_token { [TOKEN] = 1 })
    assert.are.equal("it<metatable>.x", find_token(setmetatable({}, { x = TOKEN })))
    assert.are.equal("it", find_token(setmetatable({}, { __tostring = function() return TOKEN end })))
    assert.is_nil(find_token { "[redacted]", io.stdout, 1, true, print })
  end)
end)

describe("The token stands", function()
  local server, client, events
  setup(function() server = support.start { scenarios = 20, public = 1, runs = 5, token = TOKEN } end)
  teardown(function() server:stop() end)

  local function new_client(options)
    local all = { bearer_token = TOKEN, max_retries = 0, on_event = function(event) events[#events + 1] = event end }
    for name, value in pairs(options or {}) do all[name] = value end
    return server:client(all)
  end

  before_each(function()
    server:reset()
    events = {}
    client = new_client()
  end)
  after_each(function()
    client:close()
    no_token(events)
  end)

  it("in nothing that a script can hold", function()
    local held = { module = runloop, client = client, loaded = {} }
    for name, module in pairs(package.loaded) do
      if name:find "^runloop" then held.loaded[name] = module end
    end
    held.scenario, held.response = expect.success(client.scenarios:retrieve(server:ids("scenario")[1]))
    held.pager = client.scenarios:list { limit = 5 }
    held.item = expect.success(held.pager:next())
    held.page = client.scenarios:list({ limit = 5 }):pages()()
    held.run = expect.success(held.scenario:start_run {})
    held.task = client:spawn(function() client:sleep(60) end)
    held.devbox = expect.success(client.devboxes:retrieve(held.run.devbox_id))
    held.stats, held.fds = client:stats(), client:fds()
    no_token(held)
    client:close()
    no_token(held)
  end)

  it("in no message about a mistake", function()
    for _, options in ipairs {
      { bearer_token = TOKEN .. "\n" .. TOKEN }, { bearer_token = TOKEN, tiemout = 1 }, { bearer_token = { TOKEN } },
      { bearer_token = TOKEN, base_url = "http://far.example" }, { bearer_token = TOKEN, timeout = TOKEN },
      { bearer_token = TOKEN, headers = { Authorization = "Bearer " .. TOKEN .. "\r\n" } },
      { bearer_token = TOKEN, headers = { Authorization = { TOKEN } } },
      { bearer_token = TOKEN, base_url = "https://" .. TOKEN .. "@far.example" },
      { bearer_token = TOKEN, base_url = "https://far.example/?key=" .. TOKEN },
    } do
      local ok, message = pcall(runloop.new, options)
      assert.is_false(ok)
      no_token(message)
    end
  end)

  describe("in no error of kind", function()
    -- The error of each kind of call when the server does so.
    local function errors_of(fault)
      return coroutine.wrap(function()
        local directory = support.tmpdir()
        for _, call in ipairs {
          function() return client.scenarios:archive("scn_1") end,
          function() return client.scenarios:list():collect() end,
          function() return client.scenarios.runs:download_logs("run_1") end,
          function() return client.scenarios.runs:download_logs("run_1", directory .. "/logs.zip") end,
          function() return client:request { path = "/v1/" .. TOKEN:gsub("[^%w-]", ""), query = { key = TOKEN } } end,
        } do
          server:fault(fault)
          local value, err = call()
          assert.is_nil(value)
          coroutine.yield(err)
          server:clear_faults()
        end
      end)
    end

    local function check(kind, fault)
      for err in errors_of(fault) do
        expect.failure(kind, nil, nil, err)
        no_token(err)
      end
    end

    local EVERYWHERE = { ["X-Echo"] = "Bearer " .. TOKEN, ["x-request-id"] = TOKEN, ["X-" .. ("y"):rep(9)] = URL_TOKEN }

    it("'api', whatever the server repeats it in #slow", function()
      for _, status in ipairs { 302, 400, 401, 403, 404, 409, 429, 500, 503 } do
        check("api", { echo_token = true, status = status })
        check("api", { status = status, json = { [TOKEN] = { TOKEN, { a = TOKEN .. TOKEN } }, message = TOKEN } })
        check("api", { status = status, body = "no JSON: " .. TOKEN .. JSON_TOKEN .. URL_TOKEN, headers = EVERYWHERE })
        check("api", { status = status, body = "no JSON: " .. SLASH_TOKEN .. " " .. SLASH_TOKEN:sub(1, -3) })
        check("api", { status = status, body = '{"message":"' .. JSON_TOKEN .. '","error":"' .. URL_TOKEN .. '"}' })
      end
      for before = 170, 200 do
        check("api", { status = 400, body = ("x"):rep(before) .. TOKEN })
        check("api", { status = 400, json = { ("x"):rep(before - 20) .. TOKEN } })
      end
    end)

    it("'decode', where a piece of the body is shown #slow", function()
      for _, body in ipairs {
        "<" .. TOKEN, "[" .. JSON_TOKEN, "[" .. SLASH_TOKEN, URL_TOKEN, '{"scenarios":[{"name":"' .. JSON_TOKEN .. '"},"',
      } do
        for err in errors_of { status = 200, body = body, headers = EVERYWHERE, set_headers = {
          ["Content-Type"] = "application/json",
        } } do
          expect.failure("decode", nil, nil, err)
          no_token(err)
        end
      end
      for before = 170, 200 do
        check("decode", {
          status = 200, body = "[" .. ("1"):rep(before) .. TOKEN, set_headers = { ["Content-Type"] = "application/json" },
        })
      end
    end)

    it("'connection' and 'timeout' #slow", function()
      check("connection", { reset = true })
      check("connection", { raw = "HTTP/1.1 " .. TOKEN .. "\r\n\r\n" })
      check("connection", { raw = TOKEN })
      check("connection", { status = 200, cut = -1, body = '{"scenarios":[{"id":"' .. JSON_TOKEN, headers = EVERYWHERE })
      client:close()
      client = new_client { timeout = 0.1 }
      check("timeout", { silent = true })
      client:close()
      client = new_client { deadline = 0.1 }
      check("timeout", { silent = true })
    end)

    it("'limit'", function()
      client:close()
      client = new_client { max_body_bytes = 50 }
      server:fault { status = 200, body = '{"id":"' .. JSON_TOKEN:rep(10) .. '"}', headers = EVERYWHERE }
      no_token(expect.failure("limit", nil, client.scenarios:archive("scn_1")))
      server:fault { status = 200, body = '{"scenarios":["' .. JSON_TOKEN:rep(10) .. '"]}', headers = EVERYWHERE }
      no_token(expect.failure("limit", nil, client.scenarios:list():next()))
    end)

    it("'state', nor in the last view", function()
      local run = expect.success(client.scenarios:start_run { scenario_id = server:ids("scenario")[1] })
      local view = { id = run.id, devbox_id = "d", state = "gone " .. TOKEN, metadata = { [TOKEN] = { TOKEN } } }
      server:fault { path = "/runs/", json = view }
      local err = expect.failure("state", nil, run:await_scored { interval = 0.01 })
      assert.are.equal("gone [redacted]", err.code)
      assert.are.equal("gone [redacted]", err.last.state)
      no_token(err)
    end)

    it("'cancelled'", function()
      server:fault { silent = true }
      local task = client:spawn(function() return client:request { path = "/v1/x", query = { key = TOKEN } } end)
      client:poll(0.01)
      task:cancel()
      no_token(expect.failure("cancelled", nil, task:wait()))
    end)

    it("'file', where the path has it", function()
      local directory = support.tmpdir() .. "/" .. TOKEN:gsub("/", "")
      local err = expect.failure("file", "OPEN", client.scenarios.runs:download_logs("run_1", directory .. "/none/logs.zip"))
      assert.is_nil(tostring(err):find(TOKEN, 1, true))
    end)

    it("any, and what it is about can still be told", function()
      server:fault { echo_token = true, status = 400 }
      local err = expect.failure("api", "bad_request", client.scenarios:archive("scn_1"))
      assert.are.equal("refused: Bearer [redacted]", err.message)
      assert.are.equal("Bearer [redacted]", err.headers["x-echo"])
      assert.are.same({ message = "refused: Bearer [redacted]", request = { authorization = "Bearer [redacted]" } }, err.body)
      no_token(expect.failure("api", "not_found", client.scenarios:retrieve(TOKEN)))
    end)
  end)

  it("in no event, whatever is retried", function()
    client:close()
    client = new_client { max_retries = 2 }
    server:fault { echo_token = true, status = 500, times = math.huge }
    local err = expect.failure("api", nil, client.scenarios:retrieve(TOKEN, { query = { key = TOKEN } }))
    no_token(err)
    assert.are.equal(8, #events)
    for _, event in ipairs(events) do assert.matches("%[redacted%]", event.url) end
  end)

  local function message_of_402(token, message)
    server:set { token = token }
    local own = server:client { bearer_token = token, max_retries = 0 }
    server:fault { status = 402, json = { message = message } }
    local err = expect.failure("api", "status_402", own.scenarios:archive("scn_1"))
    assert.are.equal("POST", err.method)
    own:close()
    server:set { token = TOKEN }
    return err.message
  end

  it("in no task's traceback, though the name of its chunk is its text", function()
    local chunk = assert(load("local key = 'sk-0123456789'; error(key)"))
    local own = server:client { bearer_token = "sk-0123456789" }
    local task = own:spawn(chunk)
    pcall(task.wait, task)
    assert.matches("[redacted]", task.traceback, 1, true)
    assert.is_nil(task.traceback:find("sk-0123456789", 1, true))
    own:close()
  end)

  it("in no error from 8 bytes on, and kinds and codes stay what they are", function()
    for _, token in ipairs { "status_402", "sk_12345", "scenario" } do
      assert.are.equal("<[redacted]>", message_of_402(token, "<" .. token .. ">"))
    end
  end)

  it("in no message about a header whose name has its value in it", function()
    for _, name in ipairs { "Authorization: Bearer " .. TOKEN, "X-Key=" .. TOKEN, "X-Key " .. TOKEN } do
      local message = expect.raises("...' is not a header name", function()
        runloop.new { bearer_token = "another-token", headers = { [name] = "x" } }
      end)
      if not name:find "=" then assert.matches("'" .. name:match "^[%w-]+" .. "...'", message, 1, true) end
      assert.is_nil(message:find(TOKEN, 1, true))
    end
  end)

  it("in no error in the base64 of a text either, wherever it stands in that", function()
    local secrets = require "runloop.secrets"
    local token = "Token-of~a?spec>0123"
    for _, before in ipairs { "", ":", "Bearer ", "me:", "a", "ab", "abc" } do
      for _, after in ipairs { "", "x", "xy", "xyz" } do
        local text = secrets.base64(before .. token .. after)
        for _, form in ipairs { text, (text:gsub("[+/]", { ["+"] = "-", ["/"] = "_" })) } do
          local message = message_of_402(token, "<" .. form .. ">")
          assert.matches("[redacted]", message, 1, true)
          assert.is_true(#message <= #"<[redacted]>" + #text - math.floor(#token * 8 / 6) + 2, message)
        end
      end
    end
  end)

  it("in errors when it is shorter than that, which no real one is: words would be garbled", function()
    for _, token in ipairs { "t", "test", "api", "POST", "a_token" } do
      local message = "a_token: the tests of the api POST it"
      assert.are.equal(message, message_of_402(token, message))
    end
  end)
end)

describe("A proxy's password", function()
  it("is in no error and in nothing that a client shows", function()
    local PASSWORD = "sesame-0123456789"
    local held = {}
    for _, proxy in ipairs {
      "http://user:" .. PASSWORD .. "@127.0.0.1:" .. support.free_port(),
      "http://user:" .. PASSWORD .. "@" .. ("x"):rep(64) .. ".example:1",
      "socks5h://user:" .. PASSWORD .. "@localhost:" .. support.free_port(),
    } do
      local client = runloop.new { bearer_token = TOKEN, base_url = "https://far.example", proxy = proxy, max_retries = 0 }
      local value, err = client.scenarios:archive("scn_1")
      assert.is_nil(value)
      held[#held + 1] = { client, err, client.scenarios:list(), tostring(err) }
    end
    local seen = {}
    local function search(value)
      if type(value) == "string" then assert.is_nil(value:find(PASSWORD, 1, true)) end
      if type(value) ~= "table" or seen[value] then return end
      seen[value] = true
      search(getmetatable(value))
      for k, v in next, value do
        search(k)
        search(v)
      end
    end
    search(held)
  end)
end)

describe("A proxy's URL #slow", function()
  local PASSWORDS = {
    "pa ss-word", "pa/ss-word", "p@ss-word", "S3/CRET-WORD", "12/34-56-78", "a?b-c-d-e", "a#b-c-d-e", "pa\\ss-word",
    "pa\tss-word", "pa\nss-word", "'p@ss-word", "1@2/3-4-5-6",
  }

  -- No piece of a password of three letters or more may stand in it.
  local function shows_nothing(password, text)
    for piece in password:gmatch "[^@/?#%c\\ ]+" do
      if #piece > 2 then assert.is_nil(text:find(piece, 1, true), text) end
    end
  end

  it("is refused, and not shown, when its password is not encoded", function()
    for _, scheme in ipairs { "http://", "https://", "socks5://", "SOCKS5H://", "" } do
      for _, password in ipairs(PASSWORDS) do
        for _, user in ipairs { "user:", ":" } do
          local url = scheme .. user .. password .. "@127.0.0.1:9"
          shows_nothing(password, expect.raises("runloop.new: option 'proxy'", function()
            runloop.new { bearer_token = TOKEN, proxy = url }
          end))
        end
      end
    end
  end)

  it("is refused, and not shown, when it is none", function()
    for _, url in ipairs {
      "user:S3CRET-1@127.0.0.1:9", "user:S3CRET-1@127.0.0.1:99999", "http://user:S3CRET-1@127.0.0.1:99999",
      "http://user:S3CRET-1@", "http://user:S3CRET-1@:80", "http://user:S3CRET-1@127.0.0.1:x",
      "nonsense://user:S3CRET-1@x", "http://user:S3CRET-1@127.0.0.1:9/path", "http://user:S3CRET-1@[::1", "S3CRET-1 ",
      "http://user:S3CRET-1@host:9?x", "http:/user:S3CRET-1@host", "http://user:S3CRET-1\0@host:1",
      "http://user:S3CRET-1%00@host:1", "http://user%0a:S3CRET-1@host:1", "http://user:S3CRET-1@host:0",
    } do
      local message = expect.raises("runloop.new: option 'proxy'", function()
        runloop.new { bearer_token = TOKEN, proxy = url }
      end)
      assert.is_nil(message:find("S3CRET", 1, true), message)
    end
  end)

  it("is taken when it is one", function()
    for _, url in ipairs {
      "127.0.0.1:9", "proxy.example", "localhost", "http://proxy.example:3128", "http://proxy.example:3128/",
      "https://user:pa%20ss%2Fword%40@proxy.example:443", "http://user@proxy.example", "http://[::1]:8080", "[::1]:8080",
      "HTTP://u:p$&!*'()+,;=~^|`{}@x", "socks4://x", "socks4a://x:1", "socks5://x:1", "socks5h://user:p@x:1080",
      "socks5h://localhost/run/proxy.sock", "",
    } do
      runloop.new({ bearer_token = TOKEN, proxy = url }):close()
    end
  end)

  -- A call of a new interpreter with that proxy in its environment; all that it says.
  local function from_environment(env)
    env.RUNLOOP_API_KEY = TOKEN
    local code, out, err = support.lua([[
      local client = require("runloop").new { base_url = "https://127.0.0.1:1", max_retries = 0 }
      local value, err = client.scenarios:retrieve("a")
      assert(value == nil)
      print(err, err.message)
    ]], { env = env })
    return out .. err, code
  end

  it("of the environment is not shown either, and refused by its variable's name", function()
    local function refused(name, scheme, password)
      local said, code = from_environment { [name] = scheme .. "user:" .. password .. "@127.0.0.1:9" }
      assert.are.equal(1, code)
      assert.matches("environment variable " .. name, said, 1, true)
      shows_nothing(password, said)
    end
    for _, name in ipairs { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" } do refused(name, "", "pa ss-word") end
    for _, password in ipairs(PASSWORDS) do refused("https_proxy", "http://", password) end
  end)

  it("of the environment is not shown by libcurl, whose own rules for no_proxy it is left to", function()
    for _, password in ipairs(PASSWORDS) do
      shows_nothing(password, (from_environment {
        https_proxy = "http://user:" .. password .. "@127.0.0.1:9", no_proxy = "far.example",
      }))
      local said, code = from_environment {
        https_proxy = "http://user:" .. password .. "@127.0.0.1:9", no_proxy = "127.0.0.1",
      }
      assert.are.equal(0, code)
      assert.matches("COULDNT_CONNECT", said)
    end
  end)

  it("of the environment needs no scheme, and is not read where a proxy is given", function()
    local said, code = from_environment { https_proxy = "user:S3CRET-1@127.0.0.1:1" }
    assert.are.equal(0, code)
    assert.is_nil(said:find("S3CRET", 1, true))
    code = support.lua([[require("runloop").new { proxy = "" }]], { env = {
      RUNLOOP_API_KEY = TOKEN, https_proxy = "http://user:pa ss@x",
    } })
    assert.are.equal(0, code)
  end)

  it("is known in every form, should a server repeat what the proxy was sent", function()
    local server = support.start { scenarios = 1, token = TOKEN }
    local proxied = runloop.new {
      bearer_token = TOKEN, base_url = server.url, proxy = "http://user:p%40ss%20word@127.0.0.1:" .. server.port,
      max_retries = 0,
    }
    for _, form in ipairs { "user:p@ss word", "p%40ss%20word", "p@ss word", "p%40ss+word", "dXNlcjpwQHNzIHdvcmQ=" } do
      server:fault { status = 400, json = { message = "<" .. form .. ">" } }
      assert.are.equal("<[redacted]>", expect.failure("api", nil, proxied.scenarios:retrieve("x")).message)
    end
    proxied:close()
    server:stop()
  end)
end)

describe("A token #slow", function()
  it("of anything but visible ASCII is refused, and the character named", function()
    for token, where in pairs {
      ["\u{feff}token_1234"] = "byte 1 begins U+FEFF", ["token_1234\u{200b}"] = "byte 11 begins U+200B",
      ["token_1234\u{a0}"] = "byte 11 begins U+00A0", ["“token_1234”"] = "byte 1 begins U+201C",
      ["token…1234"] = "byte 6 begins U+2026", ["token\u{1F511}1234"] = "byte 6 begins U+1F511",
      ["token 1234"] = "byte 6 begins 0x20", ["token\t1234"] = "byte 6 begins 0x09",
      ["token\n1234"] = "byte 6 begins 0x0A", ["token\0001234"] = "byte 6 begins 0x00",
      ["token\1271234"] = "byte 6 begins 0x7F", ["token\xff1234"] = "byte 6 begins 0xFF",
      ["token\xe2\x801234"] = "byte 6 begins 0xE2", ["token_1234\xc3"] = "byte 11 begins 0xC3",
    } do
      local message = expect.raises("option 'bearer_token' must have visible ASCII characters only: " .. where,
        function() runloop.new { bearer_token = token } end)
      assert.is_nil(message:find("1234", 1, true))
      if not token:find "%z" then
        local code, _, err = support.lua('require("runloop").new()', { env = { RUNLOOP_API_KEY = token } })
        assert.are.equal(1, code)
        assert.matches("RUNLOOP_API_KEY must have visible ASCII characters only: " .. where, err, 1, true)
      end
    end
  end)

  it("with Bearer before it is refused, from the environment too", function()
    for _, token in ipairs { "Bearer token_1234", "bearer token_1234", "  BEARER \ttoken_1234 ", "Bearer\ttoken_1234" } do
      local message = expect.raises("without 'Bearer'", function() runloop.new { bearer_token = token } end)
      assert.is_nil(message:find("1234", 1, true))
      local code, _, err = support.lua('require("runloop").new()', { env = { RUNLOOP_API_KEY = token } })
      assert.are.equal(1, code)
      assert.matches("RUNLOOP_API_KEY must be the token alone", err, 1, true)
    end
    for _, token in ipairs { "Bearer", "bearer_1234", "Bearer-1234", " token_1234\r\n" } do
      runloop.new({ bearer_token = token }):close()
    end
  end)
end)

describe("A secret that", function()
  local KEY = "-----BEGIN KEY-----\nab/cd+ef=\n\"gh\"\n-----END KEY-----\n"
  local SIGNATURE = "q9/Zb+0123456789=="
  local UPLOAD = "https://store.example/bucket/obj?X-Date=20260101&X-Signature=q9%2FZb%2B0123456789%3D%3D"

  local server, client, events
  setup(function() server = support.start { scenarios = 20, runs = 5 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    events = {}
    client = server:client { max_retries = 0, on_event = function(event) events[#events + 1] = event end }
  end)
  after_each(function() client:close() end)

  -- The error of a call whose server writes this text wherever it can.
  local function error_with(text, json)
    server:fault {
      status = 400, body = not json and "<" .. text .. ">" or nil,
      json = json and { message = "<" .. text .. ">", [text] = { text } },
      headers = { ["X-Echo"] = (text:gsub("%c", " ")), Location = "https://elsewhere.example/" },
    }
    return expect.failure("api", nil, client.scenarios:retrieve("x"))
  end

  it("an answer brought is in no later error or event, in whatever spelling", function()
    server:fault { json = {
      ssh_private_key = KEY, tunnel = { { auth_token = "tunnel-token" } }, upload_url = UPLOAD, key_secret = "ak_987654321",
    } }
    local answer = expect.success(client:request { method = "POST", path = "/v1/x", body = { token = "ghp_sent_12345" } })
    assert.are.equal(KEY, answer.ssh_private_key)
    local spellings = {
      KEY, KEY:gsub("\n", "\\n"):gsub('"', '\\"'), KEY:gsub("[/+=\n\" -]", function(c) return ("%%%02x"):format(c:byte()) end),
      "tunnel-token", "ak_987654321", "ghp_sent_12345", "ak_9876543%32%31", "\\u0061k_987654321",
      SIGNATURE, (SIGNATURE:gsub("/", "\\/")), (SIGNATURE:gsub("=", "&#61;")),
    }
    for _, text in ipairs(spellings) do
      local err = error_with(text)
      assert.are.equal("<[redacted]>", err.body)
      assert.are.equal("<[redacted]>", err.message)
      assert.are.equal("runloop: 400 bad_request: <[redacted]> (GET /v1/scenarios/x)", tostring(err))
      if not text:find "%c" then assert.are.equal("[redacted]", err.headers["x-echo"]) end
      assert.are.same({ message = "<[redacted]>", ["[redacted]"] = { "[redacted]" } }, error_with(text, true).body)
    end
    assert.are.equal("<https://store.example/bucket/obj?[redacted]>", error_with(UPLOAD).message)
    client:request { path = "/v1/x", query = { key = "ak_987654321" } }
    assert.matches("key=%[redacted%]$", events[#events].url)
  end)

  it("a thing has is out of what is said of it, and stays in the thing", function()
    local run = expect.success(client.scenarios:start_run { scenario_id = server:ids("scenario")[1] })
    server:fault { path = "/devboxes/", json = {
      id = run.devbox_id, status = "failure", failure_reason = "no tunnel-token", tunnel = { auth_token = "tunnel-token" },
    } }
    local err = expect.failure("state", nil, client.devboxes:await_running(run.devbox_id, { interval = 0.01 }))
    assert.are.equal("tunnel-token", err.last.tunnel.auth_token)
    assert.are.equal("<[redacted]>", error_with("tunnel-token").message)
  end)

  it("a call sends is not in its own error", function()
    server:fault { status = 422, json = { message = "bad mount: ghp_sent_12345" } }
    local err = expect.failure("api", nil, client.scenarios:start_run {
      scenario_id = "x",
      run_profile = { mounts = { { type = "code_mount", repo_name = "r", repo_owner = "o", token = "ghp_sent_12345" } } },
    })
    assert.are.equal("bad mount: [redacted]", err.message)
    server:fault { status = 400, json = { message = "bad cookie: abcdefgh=12; no key-0123456789; dXNlcjpwYXNz" } }
    err = expect.failure("api", nil, client:request { path = "/v1/x", headers = {
      Cookie = "abcdefgh=12", ["X-Api-Key"] = "key-0123456789", ["Proxy-Authorization"] = "Basic dXNlcjpwYXNz",
    } })
    assert.are.equal("bad cookie: [redacted]; no [redacted]; [redacted]", err.message)
  end)

  it("a broken answer may hold is not shown where its row is known to bring one", function()
    server:fault { status = 200, body = '{"id":"d","tunnel":{"auth_token":"tunnel-token",', headers = {
      ["Content-Type"] = "application/json", ["Content-Length"] = "48",
    } }
    local err = expect.failure("decode", "JSON", client.devboxes:retrieve("d"))
    assert.is_nil(err.body)
    server:fault { status = 200, body = '{"id":"d",,}' }
    assert.are.equal('{"id":"d",,}', expect.failure("decode", "JSON", client.scenarios:retrieve("d")).body)
  end)

  it("lets one in at another host is not shown with its URL", function()
    for name, shown in pairs { Location = UPLOAD:match "^[^?]*" .. "?[redacted]", Refresh = false } do
      local place = name == "Refresh" and "0; url=" .. UPLOAD or UPLOAD
      server:fault { status = 302, headers = { [name] = place } }
      local err = expect.failure("api", "status_302", client.scenarios:retrieve("x"))
      assert.are.equal(shown or "0; url=" .. UPLOAD:match "^[^?]*" .. "?[redacted]", err.headers[name:lower()])
    end
    server:fault { status = 302, headers = { Location = server.url .. "/v1/y?page=2" } }
    local err = expect.failure("api", "status_302", client.scenarios:retrieve("x"))
    assert.are.equal(server.url .. "/v1/y?page=2", err.headers.location)
  end)

  it("came long ago makes room for later ones, and the token never does", function()
    for i = 1, 3 do
      local many = {}
      for j = 1, 200 do many[j] = { token = ("secret-%d-%03d"):format(i, j) } end
      server:fault { json = { id = "x", many = many } }
      expect.success(client:request { path = "/v1/x" })
    end
    assert.are.equal("<secret-1-001>", error_with("secret-1-001").message)
    assert.are.equal("<[redacted]>", error_with("secret-3-001").message)
    assert.are.equal("<[redacted]>", error_with(server.token).message)
  end)
end)

describe("Authorization #slow", function()
  local server, elsewhere
  setup(function()
    server = support.start { scenarios = 3, runs = 3 }
    elsewhere = support.start { scenarios = 3, runs = 3 }
  end)
  teardown(function()
    server:stop()
    elsewhere:stop()
  end)
  before_each(function()
    server:reset()
    elsewhere:reset()
  end)

  it("goes to no other host that an answer names", function()
    local client = server:client { max_retries = 1 }
    local path = support.tmpdir() .. "/logs.zip"
    local place = elsewhere.url .. "/v1/scenarios"
    local pointing = {
      Location = place, Refresh = "0; url=" .. place, ["Content-Location"] = place, ["Alt-Svc"] = 'h2="' ..
        elsewhere.url:match("//(.*)") .. '"; ma=3600', Link = "<" .. place .. ">; rel=preload",
      ["WWW-Authenticate"] = 'Basic realm="' .. place .. '"',
    }
    for _, status in ipairs { 200, 201, 300, 301, 302, 303, 305, 307, 308, 401, 407, 421, 503 } do
      for _, call in ipairs {
        function() return client.scenarios:archive("scn_1") end,
        function() return client.scenarios:retrieve("scn_1") end,
        function() return client.scenarios:list():collect() end,
        function() return client.scenarios.runs:download_logs("run_1", path) end,
        function() return client.scenarios.runs:download_logs("run_1") end,
        function() return client:request { method = "PUT", path = "/v1/x", body = { 1 } } end,
        function() return client:warm_up() end,
      } do
        server:fault { status = status, headers = pointing, times = 2 }
        call()
        server:clear_faults()
      end
    end
    assert.are.equal(0, elsewhere:stats().connections)
    client:close()
  end)

  -- What a new interpreter does with this environment; it must end well.
  local function in_environment(env, source)
    env.RUNLOOP_API_KEY = TOKEN
    local code, out, err = support.lua('local runloop = require "runloop"\n' .. source, { env = env })
    assert.are.equal(0, code, out .. err)
  end

  it("of plain http to loopback goes through no proxy of the environment", function()
    local proxy = support.raw { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" }
    server:set { token = TOKEN }
    for _, name in ipairs { "http_proxy", "all_proxy", "ALL_PROXY" } do
      in_environment({ [name] = proxy.url, no_proxy = false }, ([[
        local client = runloop.new { base_url = %q, max_retries = 0 }
        assert(client.scenarios:archive(%q))]]):format(server.url, server:ids("scenario")[1]))
    end
    assert.are.equal(0, proxy:connections())
    in_environment({}, ([[
      local client = runloop.new { base_url = %q, proxy = %q, max_retries = 0 }
      assert(client:request { path = "/v1/x" })]]):format(server.url, proxy.url))
    assert.are.equal(1, proxy:request_count())
    proxy:stop()
    server:set { token = "test-token" }
  end)

  it("of https is never shown to a proxy, whatever that answers", function()
    for _, answer in ipairs {
      "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 302 Found\r\nLocation: " .. elsewhere.url .. "\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "garbage\r\n\r\n",
    } do
      local proxy = support.raw { { { read = "request" }, answer, { read = "eof" } } }
      local client = runloop.new {
        bearer_token = TOKEN, base_url = "https://far.example", proxy = proxy.url, max_retries = 1, max_retry_wait = 0.01,
        timeout = 0.5,
      }
      for _, call in ipairs {
        function() return client.scenarios:archive("scn_1") end, function() return client.scenarios:list():next() end,
      } do
        local value, err = call()
        assert.is_nil(value)
        assert.is_true(runloop.is_error(err))
      end
      client:close()
      for _, connection in ipairs(proxy:log()) do
        no_token(connection.received)
        assert.is_nil(connection.received:lower():find("\nauthorization", 1, true))
      end
      proxy:stop()
    end
    assert.are.equal(0, elsewhere:stats().connections)
  end)

  it("is sent to a server only when its certificate is good", function()
    for _, name in ipairs { "expired", "wrong_host", "self_signed", "unknown_ca" } do
      local raw = support.raw { { { read = "eof" } }, tls = name }
      local client = raw:client { bearer_token = TOKEN, max_retries = 0 }
      expect.failure("tls", nil, client.scenarios:archive("scn_1"))
      expect.failure("tls", nil, client.scenarios:list():next())
      assert.are.equal(2, raw:connections())
      for _, connection in ipairs(raw:log()) do no_token(connection.received) end
      client:close()
      raw:stop()
    end
  end)
end)

describe("A base_url with credentials #slow", function()
  it("is refused, from the option as from the environment, and not shown", function()
    for _, url in ipairs {
      "https://user@far.example", "https://user:pass@far.example", "https://:pass@far.example", "https://@far.example",
      "https://user:pass@far.example:443/v1", "https://a@b@far.example", "https://user%40x:pass@far.example",
      "https://far.example\\@evil.example", "https://far.example:80@evil.example", "http://localhost:80@evil.example",
      "http://127.0.0.1:pass@evil.example", "HTTPS://USER:PASS@FAR.EXAMPLE",
    } do
      local message = expect.raises("'base_url'", function() runloop.new { bearer_token = "k", base_url = url } end)
      assert.is_nil(message:lower():find("pass", 1, true))
      local code, _, err = support.lua('require("runloop").new()', { env = { RUNLOOP_API_KEY = "k", RUNLOOP_BASE_URL = url } })
      assert.are.equal(1, code)
      assert.matches("'base_url'", err, 1, true)
      assert.is_nil(err:lower():find(":pass", 1, true))
    end
  end)

  it("is no way to call something loopback that is not", function()
    for _, host in ipairs {
      "127.0.0.1.evil.example", "127.0.0.256", "127.1", "127.999.0.1", "localhost.evil.example", "localhost.", "[::2]",
      "evil.example", "0.0.0.0", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]",
    } do
      expect.raises("'base_url'", function() runloop.new { bearer_token = "k", base_url = "http://" .. host } end)
    end
    for _, host in ipairs { "127.0.0.1", "127.255.255.255:8080", "localhost:1", "LOCALHOST", "[::1]:80" } do
      runloop.new({ bearer_token = "k", base_url = "http://" .. host }):close()
    end
  end)
end)

describe("A tunnel_url", function()
  local function with(url) return runloop.new { bearer_token = "token_1234", tunnel_url = url } end

  it("that would show a tunnel's token to the network is refused", function()
    for _, host in ipairs { "far.example", "127.0.0.1.evil.example", "localhost.evil.example", "[::2]", "127.1" } do
      expect.raises("'tunnel_url' is plain http", function() with("http://" .. host .. "/{port}-{key}") end)
    end
    for _, url in ipairs {
      "http://localhost:80@evil.example/{key}", "https://user:pass@far.example/{key}", "http://[::1]@evil.example/{key}",
    } do
      local message = expect.raises("'tunnel_url' must not contain credentials", function() with(url) end)
      assert.is_nil(message:find("pass", 1, true))
    end
    expect.raises("'tunnel_url' must be a URL", function() with "https://far.example/ {key}" end)
    for _, url in ipairs {
      "http://[::1]:80/{port}-{key}", "http://127.0.0.1:80/{key}", "http://localhost/{key}", "https://{port}-{key}.far.example",
    } do
      with(url):close()
    end
  end)
end)

describe("What a script passes cannot become something else:", function()
  local server, client
  setup(function()
    server = support.start { scenarios = 1 }
    client = server:client { max_retries = 0 }
  end)
  teardown(function()
    client:close()
    server:stop()
  end)
  before_each(function() server:reset() end)

  local function each_byte()
    local byte = -1
    return function()
      byte = byte + 1
      if byte < 256 then return byte, string.char(byte) end
    end
  end

  local function encoded(text)
    return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
  end

  -- What the call sent: its request line and the names of its headers.
  local function sent(call)
    server:clear_log()
    server:fault { status = 200, json = { id = "x" } }
    expect.success(call())
    local log = server:log()
    assert.are.equal(1, #log)
    local names = {}
    for i, header in ipairs(log[1].headers) do names[i] = header[1] end
    return log[1].method .. " " .. log[1].target, table.concat(names, " "), log[1]
  end

  local HEADERS -- of a plain GET
  before_each(function()
    HEADERS = select(2, sent(function() return client.scenarios:retrieve("x") end))
  end)

  it("an id stays a segment of the path, whatever its bytes #slow", function()
    for _, c in each_byte() do
      local line, headers = sent(function() return client.scenarios:retrieve("a" .. c .. "b") end)
      assert.are.equal("GET /v1/scenarios/a" .. encoded(c) .. "b", line)
      assert.are.equal(HEADERS, headers)
    end
    for _, id in ipairs {
      "../../secrets", "x/archive?y=1", "x HTTP/1.1\r\nX-Evil: 1\r\n\r\n", "...", "%2e%2e", "..%2f", "a\0b",
    } do
      local line, headers = sent(function() return client.scenarios:retrieve(id) end)
      assert.are.equal("GET /v1/scenarios/" .. encoded(id), line)
      assert.are.equal(HEADERS, headers)
    end
  end)

  it("a name or a value of the query stays one, whatever its bytes #slow", function()
    for _, c in each_byte() do
      local text = "a" .. c .. "b"
      local line, headers = sent(function() return client:request { path = "/v1/x", query = { [text] = text } } end)
      assert.are.equal("GET /v1/x?" .. encoded(text) .. "=" .. encoded(text), line)
      assert.are.equal(HEADERS, headers)
    end
  end)

  it("a path of client:request stays one, or raises #slow", function()
    for byte, c in each_byte() do
      local path = "/v1/a" .. c .. "b"
      local call = function() return client:request { path = path } end
      if byte <= 32 or byte == 127 or c == "#" then
        expect.raises("'path'", call)
      else
        local line, headers = sent(call)
        assert.are.equal(("GET " .. path:gsub("[\128-\255]", encoded)):lower(), line:lower())
        assert.are.equal(HEADERS, headers)
      end
    end
  end)

  it("a header's value stays one, or raises", function()
    for byte, c in each_byte() do
      local value = "a" .. c .. "b"
      local call = function() return client.scenarios:retrieve("x", { headers = { ["X-Note"] = value } }) end
      if byte == 0 or c == "\r" or c == "\n" then
        expect.raises("X-Note", call)
      else
        local _, headers, entry = sent(call)
        assert.are.equal(value, entry.header["x-note"])
        assert.are.equal(#HEADERS + #" X-Note", #headers)
      end
    end
  end)

  it("a header's name stays one, or raises", function()
    for _, c in each_byte() do
      local name = "X" .. c .. "Y"
      local call = function() return client.scenarios:retrieve("x", { headers = { [name] = "1" } }) end
      if c:find "^[%w!#$%%&'*+%-.^_`|~]$" then
        local _, _, entry = sent(call)
        assert.are.equal("1", entry.header[name:lower()])
      else
        expect.raises("header name", call)
      end
    end
  end)

  it("an idempotency key stays one, or raises", function()
    for byte, c in each_byte() do
      local key = "a" .. c .. "b"
      local call = function() return client.scenarios:archive("x", { idempotency_key = key }) end
      if byte < 32 or byte == 127 then
        expect.raises("'idempotency_key'", call)
      else
        local _, _, entry = sent(call)
        assert.are.equal(key, entry.header["x-request-id"])
      end
    end
  end)

  it("a method is one, or raises", function()
    for _, method in ipairs { "GET /evil HTTP/1.1\r\nX: ", "get", "GET ", "G\0T", "", "GET\n" } do
      expect.raises("'method'", function() client:request { method = method, path = "/v1/x" } end)
    end
  end)

  it("a file's path with a zero byte raises and makes no other file", function()
    local directory = support.tmpdir()
    assert.is_false(pcall(client.scenarios.runs.download_logs, client.scenarios.runs, "run_1", directory .. "/a\0b"))
    assert.are.same({}, support.list_dir(directory))
  end)

  it("lines of RUNLOOP_CUSTOM_HEADERS are headers each, or raise", function()
    local code, _, err = support.lua(([[
      local client = require("runloop").new { base_url = %q, max_retries = 0 }
      assert(client.scenarios:list():collect())
    ]]):format(server.url), { env = {
      RUNLOOP_API_KEY = server.token, RUNLOOP_CUSTOM_HEADERS = "X-One: 1\r\nX-Two: a\rX-Evil: 1\n",
    } })
    assert.are.equal(1, code)
    assert.matches("RUNLOOP_CUSTOM_HEADERS", err, 1, true)
    assert.are.equal(0, server:count { path = "^/v1/scenarios$" })
  end)
end)
