-- Objects: made of files and texts by a URL that was signed for it, fetched by another.
local expect = require "spec.support.expect"
local support = require "spec.support"

describe("client.objects", function()
  local server, client, directory

  setup(function()
    server = support.start { scenarios = 1 }
    directory = support.tmpdir()
  end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset { scenarios = 1 }
    client = server:client { headers = { ["X-Mine"] = "1" } }
  end)
  after_each(function() client:close() end)

  local function local_file(name, bytes)
    local path = directory .. "/" .. name
    support.write_file(path, bytes)
    return path
  end

  local function requests()
    local list = {}
    for i, entry in ipairs(server:log()) do list[i] = entry.method .. " " .. entry.path:gsub("obj_new%w+", "ID") end
    return list
  end

  local function states()
    local list = {}
    for _, id in ipairs(server:ids "object") do
      local state = server:text("object", id):match '"state":"(%u+_?%u*)"'
      if id:find "^obj_new" then list[#list + 1] = state end
    end
    return list
  end

  it("are made of a local file by three requests, of which the second has nothing of ours", function()
    local path = local_file("data.tar.gz", ("\0bytes"):rep(1000))
    local object, response = expect.success(client.objects:upload_from_file(path, { metadata = { a = "b" } }))
    assert.are.same({ "READ_ONLY", "data.tar.gz", "tgz", 6000 },
      { object.state, object.name, object.content_type, object.size_bytes })
    assert.are.equal(200, response.status)
    assert.are.same({ "POST /v1/objects", "PUT /storage/ID", "POST /v1/objects/ID/complete" }, requests())
    local put = server:log()[2]
    assert.are.equal("storage", put.origin)
    local names = {}
    for name in pairs(put.header) do names[#names + 1] = name end
    table.sort(names)
    assert.are.same({ "content-length", "host" }, names)
    assert.are.equal(("\0bytes"):rep(1000), expect.success(object:download()))
    local target = directory .. "/back"
    assert.are.equal(6000, expect.success(object:download(target)))
    assert.are.equal(("\0bytes"):rep(1000), support.read_file(target))
    assert.is_nil(server:last().header.authorization)
  end)

  it("are made of a text", function()
    local object = expect.success(client.objects:upload_from_text("hello", { name = "notes" }))
    assert.are.same({ "text", 5 }, { object.content_type, object.size_bytes })
    assert.are.equal("hello", expect.success(object:download()))
    object = expect.success(client.objects:upload_from_text("", { name = "a.unknown", content_type = "binary" }))
    assert.are.same({ "binary", "" }, { object.content_type, (expect.success(object:download())) })
    for name, kind in pairs { ["a.json"] = "text", ["a.GZ"] = "gzip", ["a.tar"] = "tar", ["b"] = "text" } do
      object = expect.success(client.objects:upload_from_text("x", { name = name }))
      assert.are.equal(kind, object.content_type)
    end
  end)

  it("are sent again from the start", function()
    local bytes = ("0123456789"):rep(100000)
    server:fault({ path = "^/storage", status = 503 }, { path = "^/storage", unread = true, reset = true })
    local object = expect.success(client.objects:upload_from_file(local_file("again", bytes)))
    assert.are.equal(bytes, expect.success(object:download()))
  end)

  it("are whole when only the answer that says so was lost", function()
    for i, lost in ipairs { { status = 503 }, { close = true } } do -- the second libcurl sends again, unseen
      lost.path, lost.effect = "/complete$", true
      server:fault(lost)
      local object = expect.success(client.objects:upload_from_text("x", { name = "n" }))
      assert.are.equal("READ_ONLY", object.state)
      assert.are.equal("READ_ONLY", states()[i])
    end
  end)

  it("leave nothing behind that is still UPLOADING", function()
    for _, fault in ipairs {
      { path = "^/storage", status = 403, body = "<Error/>" },
      { path = "/complete$", status = 400, json = { message = "no" } },
    } do
      server:fault(fault)
      expect.failure("api", nil, client.objects:upload_from_text("x", { name = "n" }))
      assert.are.same({ "DELETED" }, { states()[#states()] })
    end
    for _, row in ipairs { { {}, "decode", "SHAPE" }, { { id = "obj_1", state = "ERROR" }, "state", "ERROR" } } do
      server:fault { path = "/complete$", status = 200, json = row[1] }
      expect.failure(row[2], row[3], client.objects:upload_from_text("x", { name = "n" }))
      assert.are.same({ "DELETED" }, { states()[#states()] })
    end
    server:fault({ path = "^/storage", status = 403 }, { path = "/delete$", status = 400, json = { message = "no" } })
    local err = expect.failure("api", "permission_denied", client.objects:upload_from_text("x", { name = "n" }))
    assert.are.same({ "UPLOADING", "no" }, { err.created.state, err.cancel_error.message })
  end)

  it("leave nothing behind when their task is cancelled", function()
    server:fault { path = "^/storage", silent = true }
    local task = client:spawn(function() return client.objects:upload_from_text("x", { name = "n" }) end)
    while server:count { path = "^/storage" } == 0 do client:poll(0.01) end
    task:cancel()
    while server:count { path = "/delete$" } == 0 do client:poll(0.01) end
    client:run()
    assert.are.same({ "DELETED" }, states())
  end)

  it("leave nothing behind either when that is cancelled before it has heard of the object", function()
    server:fault { method = "POST", path = "^/v1/objects$", delay = 0.2 }
    local task = client:spawn(function() return client.objects:upload_from_text("x", { name = "n" }) end)
    while server:count { path = "^/v1/objects$" } == 0 do client:poll(0.01) end
    task:cancel()
    while server:count { path = "/delete$" } == 0 do client:poll(0.01) end
    client:run()
    assert.are.same({ "DELETED" }, states())
  end)

  it("show no URL that lets somebody in", function()
    local shown = {}
    local own = server:client { on_event = function(event) shown[#shown + 1] = event.url end }
    server:fault({ path = "^/storage", echo_token = true, status = 403 })
    local err = expect.failure("api", "permission_denied", own.objects:upload_from_text("x", { name = "n" }))
    expect.success(own.objects:upload_from_text("x", { name = "n" })):download()
    own:close()
    shown[#shown + 1] = tostring(err)
    shown[#shown + 1] = err.url
    for _, text in ipairs(shown) do assert.is_nil(text:find("Signature", 1, true), text) end
  end)

  it("raise, or fail, before anything is sent when there is nothing to send", function()
    for _, path in ipairs { directory .. "/none", directory, "/dev/null" } do
      expect.failure("file", "OPEN", client.objects:upload_from_file(path))
    end
    expect.raises("'path' must be the name of a file", function() client.objects:upload_from_file() end)
    expect.raises("'text' must be a string", function() client.objects:upload_from_text({}, { name = "n" }) end)
    expect.raises("'name' is required", function() client.objects:upload_from_text("x", {}) end)
    expect.raises("unknown parameter 'names'", function() client.objects:upload_from_text("x", { names = "n" }) end)
    assert.are.equal(0, #server:log())
  end)

  it("tell their progress", function()
    local seen
    local options = { on_progress = function(done, total) seen = { done, total } end }
    local object = expect.success(client.objects:upload_from_text(("x"):rep(100000), { name = "n" }, options))
    assert.are.same({ 100000, 100000 }, seen)
    seen = nil
    expect.success(object:download(nil, options))
    assert.are.same({ 100000, 100000 }, seen)
  end)

  it("keep to one deadline with all their requests #slow", function()
    server:set { delay = 0.2 }
    local began = support.now()
    expect.failure("timeout", "DEADLINE", client.objects:upload_from_text("x", { name = "n" }, { deadline = 0.5 }))
    assert.is_true(support.now() - began < 2)
    server:set { delay = 0 }
    assert.are.same({ "DELETED" }, states())
  end)
end)
