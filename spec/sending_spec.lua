-- Long texts that a task sends: the poll that begins the call is as short as any other.
local expect = require "spec.support.expect"
local json = require "runloop.json"
local support = require "spec.support"
local tasks = require "spec.support.tasks"

local MEGABYTES = 4
local LINE = 'local x = "y"\t-- zürich\n'
local TEXT = LINE:rep(math.floor(MEGABYTES * 2 ^ 20 / #LINE))

describe("a task that sends a long text", function()
  local server, client, sent

  lazy_setup(function() server = support.start { scenarios = 1 } end)
  lazy_teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    server:fault { path = "/v1/x", status = 200, json = {}, times = 9 }
    sent = 0
    client = server:client { on_event = function(event)
      if event.type == "request" then sent = sent + 1 end
    end }
  end)
  after_each(function() client:close() end)

  local function echo(body)
    return expect.success(client:request { method = "POST", path = "/v1/x", body = body })
  end

  local function arrived()
    return assert(json.decode(server:last().body))
  end

  -- Polls that have no budget, so that a task goes on to the next place where it can give way, up to the request.
  local function polls_until_sent()
    local polls = 0
    while sent == 0 do
      client:poll(0, 1e-9)
      polls = polls + 1
      assert.is_true(polls < 1e6)
    end
    return polls
  end

  it("gives way between its pieces #slow", function()
    local task = client:spawn(function() return echo { text = TEXT } end)
    assert.equal(0, sent)
    assert.is_true(polls_until_sent() >= #TEXT / 65536)
    client:run()
    assert.equal("done", task.status)
    local body = arrived()
    assert.is_true(body.text == TEXT)
  end)

  it("sends several of them where they belong", function()
    local long, short = ("é\n"):rep(40000), ("x"):rep(1000)
    local value = { long, { a = short, b = { long .. "1", long .. "2" } }, short, { c = long .. "3" } }
    client:spawn(function() echo(value) end)
    client:run()
    assert.same(value, arrived())
  end)

  it("gives way where many are not so long, but much together", function()
    local value = {}
    for i = 1, 1000 do value[i] = { name = "n" .. i, text = LINE:rep(100) .. i } end
    client:spawn(function() echo(value) end)
    assert.is_true(polls_until_sent() >= 1000 * 100 * #LINE / 65536)
    client:run()
    assert.same(value, arrived())
  end)

  -- A copy there would be made in one go, as would those for further attempts.
  it("keeps what it sends out of Lua's memory, over all attempts #slow", function()
    client:close()
    server:reset()
    client = server:client { max_retries = 2, max_retry_wait = 0.01 }
    server:fault { path = "/v1/x", status = 503, json = {}, times = 2 }
    server:fault { path = "/v1/x", status = 200, json = {}, times = 1 }
    local value = { text = TEXT }
    support.gc()
    collectgarbage "stop"
    local before = collectgarbage "count"
    local _, response
    client:spawn(function() _, response = client:request { method = "POST", path = "/v1/x", body = value } end)
    client:run()
    local grown = (collectgarbage "count" - before) * 1024
    collectgarbage "restart"
    assert.equal(200, response.status)
    assert.equal(3, response.attempts)
    assert.is_true(grown < #TEXT / 8, tostring(grown))
    assert.is_true(arrived().text == TEXT)
  end)

  it("sends them from outside of tasks as well #slow", function()
    echo { text = TEXT, after = true }
    local body = arrived()
    assert.is_true(body.text == TEXT and body.after)
  end)

  it("sends what the table was when the call was made #slow", function()
    local value = { a = TEXT, b = { "before" }, c = 1 }
    client:spawn(function() echo(value) end)
    assert.equal(0, sent)
    value.a, value.b[1], value.b[2], value.c, value.d = "after", "after", "after", nil, "after"
    support.gc()
    polls_until_sent()
    client:run()
    local body = arrived()
    assert.is_true(body.a == TEXT)
    assert.same({ "before" }, body.b)
    assert.equal(1, body.c)
    assert.is_nil(body.d)
  end)

  it("is told where a text is ill-formed, however far behind", function()
    local task = client:spawn(function() return echo { list = { { text = TEXT .. "\255" } } } end)
    local ok, err = pcall(function()
      client:run()
      task:wait()
    end)
    assert.is_false(ok)
    assert.matches("client:request: body: 'list%[1%]%.text' is not well%-formed UTF%-8", tostring(err))
    assert.equal(0, sent)
  end)

  it("sends nothing when it is cancelled meanwhile", function()
    local task = client:spawn(function() return echo { text = TEXT } end)
    client:poll(0, 1e-9)
    assert.is_true(task:cancel())
    assert.equal(0, client:poll(0))
    assert.equal(0, sent)
  end)

  it("does not give way where it cannot", function()
    local value, err
    local task = client:spawn(function()
      return tasks.finally(function()
        value, err = client:request { method = "POST", path = "/v1/x", body = { TEXT } }
      end, function()
        client:sleep(60)
      end)
    end)
    task:cancel()
    expect.failure("cancelled", "CANCELLED", value, err)
    local message
    client:spawn(function()
      table.sort({ 1, 2 }, function()
        local _, problem = pcall(client.request, client, { method = "POST", path = "/v1/x", body = { TEXT } })
        message = problem
      end)
    end)
    client:run()
    assert.matches("Lua cannot yield here", message)
    assert.equal(0, sent)
  end)
end)
