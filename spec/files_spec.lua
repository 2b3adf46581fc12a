-- Files of devboxes: texts, uploads that are read as they are sent, downloads that are there whole or not at all.
local expect = require "spec.support.expect"
local support = require "spec.support"

describe("Files of a devbox", function()
  local server, client, devbox, directory

  setup(function()
    server = support.start { scenarios = 1 }
    directory = support.tmpdir()
  end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset { scenarios = 1, provisioning_polls = 0 }
    client = server:client()
    devbox = expect.success(client.devboxes:create_and_await_running({}, { interval = 0 }))
    server:clear_log()
  end)
  after_each(function() client:close() end)

  local function local_file(name, bytes)
    local path = directory .. "/" .. name
    support.write_file(path, bytes)
    return path
  end

  it("are sent from local ones as a form of known length, and come back the same", function()
    local bytes = ("\0\1\255binary\r\n--x"):rep(1000)
    local path = local_file("data.bin", bytes)
    assert.are.equal(true, expect.success(devbox:upload_file("up/data.bin", path)))
    local entry = server:last()
    local names = {}
    for name in entry.body:gmatch 'form%-data; ([^\r]*)' do names[#names + 1] = name end
    assert.are.same({ 'name="path"', 'name="file"; filename="data.bin"' }, names)
    assert.matches("^multipart/form%-data; boundary=", entry.header["content-type"])
    assert.is_truthy(entry.header["content-length"])
    assert.is_nil(entry.header["transfer-encoding"])
    assert.are.equal(bytes, expect.success(devbox:download_file "up/data.bin"))
    local target = directory .. "/back.bin"
    assert.are.equal(#bytes, expect.success(client.devboxes:download_file(devbox, { path = "up/data.bin" }, target)))
    assert.are.equal(bytes, support.read_file(target))
  end)

  it("are sent from a text, too, and may be empty", function()
    expect.success(client.devboxes:upload_file(devbox, { path = "a/b.txt", contents = "bytes" }))
    assert.matches('name="file"; filename="b.txt"', server:last().body, 1, true)
    assert.are.equal("bytes", expect.success(devbox:read_file "a/b.txt"))
    expect.success(devbox:upload_file("empty", local_file("empty", "")))
    assert.are.equal("", expect.success(devbox:read_file "empty"))
  end)

  it("are read again from their start when they are sent again", function()
    local bytes = ("0123456789"):rep(100000)
    server:fault({ path = "/upload_file$", status = 503 }, { path = "/upload_file$", unread = true, reset = true })
    expect.success(devbox:upload_file("x", local_file("again", bytes)))
    assert.are.equal(bytes, expect.success(devbox:download_file "x"))
    assert.are.equal(3, server:count { path = "/upload_file$" })
  end)

  it("raise, or fail, before anything is sent when there is no such local file", function()
    for _, path in ipairs { directory .. "/none", directory, "/dev/null" } do
      local err = expect.failure("file", "OPEN", devbox:upload_file("x", path))
      assert.matches(path, err.message, 1, true)
    end
    expect.raises("'path' must be the name of a file", function() devbox:upload_file("x") end)
    expect.raises("have a local file or 'contents', not both", function()
      client.devboxes:upload_file(devbox, { path = "x", contents = "y" }, "z")
    end)
    expect.raises("'path' is required", function() client.devboxes:upload_file(devbox, {}, "z") end)
    expect.raises("'on_progress': only uploads and downloads", function() devbox:refresh { on_progress = print } end)
    assert.are.equal(0, #server:log())
  end)

  it("tell their progress, up and down, a few times a second", function()
    local bytes = ("x"):rep(3000000)
    local path = local_file("large", bytes)
    local seen = {}
    local options = { on_progress = function(done, total) seen[#seen + 1] = { done, total } end }
    expect.success(devbox:upload_file("large", path, options))
    local last = seen[#seen]
    assert.are.equal(last[1], last[2])
    assert.is_true(last[1] > #bytes)
    assert.is_true(#seen <= 20)
    seen = {}
    expect.success(devbox:download_file("large", directory .. "/large.back", options))
    assert.are.same({ #bytes, #bytes }, seen[#seen])
    seen = {}
    expect.success(devbox:download_file("large", nil, options))
    assert.are.same({ #bytes, #bytes }, seen[#seen])
  end)

  it("leave nothing on its way when on_progress raises", function()
    server:fault { path = "/download_file$", trickle = { bytes = 1000, every = 0.01 } }
    expect.success(client.devboxes:upload_file(devbox, { path = "x", contents = ("x"):rep(100000) }))
    local ok, err = pcall(devbox.download_file, devbox, "x", directory .. "/none.yet", {
      on_progress = function() error "enough" end,
    })
    assert.is_false(ok)
    assert.matches("enough", err)
    assert.are.equal(0, client:stats().in_flight)
    assert.is_false(support.exists(directory .. "/none.yet"))
  end)

  it("are sent and fetched in flat memory #slow", function()
    local path = directory .. "/huge"
    support.run("truncate -s 300000000 " .. path)
    support.gc()
    local before, most = support.rss(), 0
    local options = { on_progress = function() most = math.max(most, support.rss()) end }
    expect.success(devbox:upload_file("huge", path, options))
    expect.success(devbox:download_file("huge", directory .. "/huge.back", options))
    assert.is_true(most - before < 25000000, ("%d more bytes"):format(most - before))
    os.remove(path)
    os.remove(directory .. "/huge.back")
  end)
end)
