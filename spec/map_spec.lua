-- client:map: a function for every item of a source, several at a time.
local portable = require "spec.support.portable"
local support = require "spec.support"
local expect = require "spec.support.expect"
local tasks = require "spec.support.tasks"

local poll_until, finally, at_once = tasks.poll_until, tasks.finally, tasks.at_once

describe("client:map", function()
  local server, client, ids, others

  local function new_client(options)
    local new = server:client(options)
    others[#others + 1] = new
    return new
  end

  lazy_setup(function() server = support.start { scenarios = 120 } end)
  lazy_teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    others = {}
    client = new_client()
    ids = server:ids("scenario")
  end)
  after_each(function()
    for _, each in ipairs(others) do each:close() end
  end)

  local function retrieve(id) return client.scenarios:retrieve(id) end
  local function archive(scenario) return scenario:archive() end

  -- The first n ids.
  local function first(n) return table.move(ids, 1, n, 1, {}) end

  local function ids_of(scenarios)
    local list = {}
    for i, scenario in ipairs(scenarios) do list[i] = scenario.id end
    return list
  end

  -- An iterator that counts up to n.
  local function counter(n)
    local i = 0
    return function()
      i = i + 1
      if i <= n then return i end
    end
  end

  local function twice(n) return n * 2 end

  describe("takes", function()
    it("an array, and gives the results in its order, with no errors", function()
      local finished = 0
      local results, errors, source_err = client:map(first(10), function(id, index)
        local scenario = assert(retrieve(id))
        if index == 1 then
          repeat client:sleep(0) until finished == 9
        end
        finished = finished + 1
        return scenario
      end)
      assert.are.same(first(10), ids_of(results))
      assert.is_nil(errors)
      assert.is_nil(source_err)
    end)

    it("an iterator", function()
      assert.are.same({ { 2, 4, 6 }, nil, nil, 3 }, { client:map(counter(3), twice) })
    end)

    it("a table that can be called, as an iterator", function()
      local callable = setmetatable({ step = 1 }, { __call = counter(3) })
      assert.are.same({ { 2, 4, 6 }, nil, nil, 3 }, { client:map(callable, twice) })
      assert.are.same({ { 14 }, nil, nil, 1 }, { client:map(setmetatable({ 7 }, { __call = error }), twice) })
    end)

    it("a pager, whose items it takes as they come", function()
      local results = client:map(client.scenarios:list { name = "nightly", limit = 5 }, archive)
      assert.are.equal(12, #results)
      assert.are.equal(12, server:count { method = "POST", path = "/archive$" })
      assert.are.equal(0, #client.scenarios:list({ name = "nightly" }):collect())
    end)

    it("a source without items", function()
      local function never() error "called" end
      for _, source in ipairs { {}, counter(0), client.scenarios:list { name = "nobody's" } } do
        assert.are.same({ n = 4, {}, nil, nil, 0 }, portable.pack(client:map(source, never)))
      end
    end)

    it("an array that holds false", function()
      assert.are.same({ { "boolean", "boolean" }, nil, nil, 2 }, { client:map({ false, true }, type) })
    end)

    it("a source whose iterator makes calls of its own", function()
      local list = client.scenarios:list { limit = 10 }
      local function every_other()
        assert(list:next())
        local scenario, err = list:next()
        if scenario then return assert(retrieve(scenario.id)) end
        return nil, err
      end
      local results = client:map(every_other, function(scenario) return scenario.id end, { concurrency = 5 })
      assert.are.equal(60, #results)
      for i = 1, 60 do assert.are.equal(ids[2 * i], results[i]) end
    end)
  end)

  it("calls the function with the item and its index", function()
    local seen = {}
    client:map({ "a", "b", "c" }, function(...) seen[#seen + 1] = portable.pack(...) end)
    assert.are.same({ { n = 2, "a", 1 }, { n = 2, "b", 2 }, { n = 2, "c", 3 } }, seen)
  end)

  it("resumes other tasks meanwhile", function()
    local done = false
    client:spawn(function()
      assert(retrieve(ids[1]))
      done = true
    end)
    client:map({ 1 }, function() repeat client:sleep(0.001) until done end)
    assert.is_true(done)
  end)

  it("is allowed outside a task though the client is nonblocking", function()
    local own = new_client { nonblocking = true }
    local results = own:map(own.scenarios:list { name = "nightly" }, function(scenario) return scenario:refresh() end)
    assert.are.equal(12, #results)
  end)

  it("raises on a source, a function or options that make no sense", function()
    for _, source in ipairs { 1, "text", true } do
      expect.raises("'source'", function() client:map(source, print) end)
    end
    expect.raises("'source'", function() client:map(nil, print) end)
    local page = client.scenarios:list():pages()()
    for _, source in ipairs { page, page.scenarios[1], { name = "nightly" }, { [2] = "x" }, client, client.scenarios } do
      local message = expect.raises("'source'", function() client:map(source, print) end)
      assert.matches("map_spec.lua:%d+:", message)
    end
    expect.raises("'fn'", function() client:map({}) end)
    expect.raises("concurrency", function() client:map({}, print, { concurency = 5 }) end)
    for _, wrong in ipairs { 0, -1, 1.5, "5" } do
      expect.raises("concurrency", function() client:map({}, print, { concurrency = wrong }) end)
    end
    expect.raises("results", function() client:map({}, print, { results = "no" }) end)
  end)

  describe("with a concurrency", function()
    -- How many calls are on their way when none of them is answered.
    local function reached(expected, options)
      server:fault { silent = true, times = math.huge }
      local task = client:spawn(client.map, client, ids, retrieve, options)
      poll_until(client, function() return server:count() >= expected end)
      for _ = 1, 20 do client:poll(0.002) end
      task:cancel()
      return server:count()
    end

    it("keeps that many calls on their way, and never more", function()
      assert.are.equal(6, reached(6, { concurrency = 6 }))
    end)

    it("of 16 unless told otherwise", function()
      assert.are.equal(16, reached(16))
    end)

    it("never has more on their way while answers come", function()
      server:set { delay = 0.005 }
      client:map(ids, retrieve, { concurrency = 6 })
      assert.is_true(server:stats().max_in_flight <= 6)
    end)

    it("of 1 takes one after the other", function()
      server:set { delay = 0.001 }
      client:map(first(10), retrieve, { concurrency = 1 })
      assert.are.equal(1, server:stats().max_in_flight)
      local asked = {}
      for i, entry in ipairs(server:log()) do asked[i] = entry.path:match("[^/]+$") end
      assert.are.same(first(10), asked)
    end)

    it("takes no more items than that before they are finished", function()
      local taken, finished, most = 0, 0, 0
      local function source()
        if taken == 50 then return nil end
        taken = taken + 1
        most = math.max(most, taken - finished)
        return ids[taken]
      end
      local stop = support.now() + 20
      client:map(source, function()
        repeat client:sleep(0) until most >= 7 or support.now() > stop
        client:sleep(0)
        finished = finished + 1
      end, { concurrency = 7 })
      assert.are.equal(50, finished)
      assert.are.equal(7, most)
    end)

    it("larger than max_connections makes calls queue in the module, where no timeout runs #slow", function()
      local own = new_client { max_connections = 2, timeout = 1, max_retries = 0 }
      server:set { delay = 0.25 }
      local results, errors = own:map(first(12), function(id) return own.scenarios:retrieve(id) end, { concurrency = 12 })
      assert.is_nil(errors and errors[next(errors)])
      assert.are.equal(12, #results)
      assert.are.equal(2, server:stats().max_in_flight)
      assert.are.equal(2, own:stats().connections)
    end)
  end)

  describe("keeps failures apart:", function()
    it("what the function returns as nil and an error is in errors, by index", function()
      local results, errors, source_err = client:map({ ids[1], "scn_x", ids[3], "scn_y" }, retrieve)
      assert.are.equal(ids[1], results[1].id)
      assert.are.equal(ids[3], results[3].id)
      assert.is_nil(results[2])
      expect.failure("api", "not_found", nil, errors[2])
      expect.failure("api", "not_found", nil, errors[4])
      assert.are.same({ nil, nil }, { errors[1], errors[3] })
      assert.is_nil(source_err)
    end)

    it("what it raises, too", function()
      local thing = {}
      local results, errors = client:map({ 1, 2, 3 }, function(n)
        client:sleep(0)
        if n == 2 then error(thing) end
        return n
      end)
      assert.are.same({ 1, nil, 3 }, results)
      assert.are.equal(thing, errors[2])
      assert.are.equal(0, client:poll())
    end)

    it("raising nil is a failure as well", function()
      local _, errors = client:map({ 1 }, function() error() end)
      assert.is_not_nil(errors[1])
    end)

    it("nil alone and false are no failures", function()
      local results, errors = client:map({ 1, 2, 3, 4 }, function(n)
        if n == 2 then return nil end
        if n == 3 then return false, "whatever" end
        return n
      end)
      assert.are.same({ 1, nil, false, 4 }, results)
      assert.is_nil(errors)
    end)

    it("with results = false the first result counts what succeeded", function()
      local count, errors, source_err = client:map({ ids[1], "scn_x", ids[3] }, retrieve, { results = false })
      assert.are.equal(2, count)
      expect.failure("api", "not_found", nil, errors[2])
      assert.is_nil(source_err)
      assert.are.equal(0, (client:map({}, print, { results = false })))
    end)
  end)

  describe("whose source ends early", function()
    it("returns what there was and why: an iterator's nil, err", function()
      local i = 0
      local function source()
        i = i + 1
        if i <= 3 then return i end
        return nil, "no more"
      end
      assert.are.same({ n = 4, { 2, 4, 6 }, nil, "no more", 3 }, portable.pack(client:map(source, twice)))
      assert.are.equal(4, i)
    end)

    it("because it raises returns that", function()
      local thing = {}
      local i = 0
      local results, errors, source_err = client:map(function()
        i = i + 1
        if i == 3 then error(thing) end
        return i
      end, twice)
      assert.are.same({ 2, 4 }, results)
      assert.is_nil(errors)
      assert.are.equal(thing, source_err)
      assert.are.equal(3, i)
    end)

    it("because a page cannot be had returns its error, and all items before are done", function()
      server:fault { path = "^/v1/scenarios$", skip = 2, status = 403, json = { message = "not yours" } }
      local results, errors, source_err = client:map(client.scenarios:list { limit = 10 }, function(scenario)
        return scenario:refresh()
      end)
      assert.are.same(first(20), ids_of(results))
      assert.is_nil(errors)
      expect.failure("api", "permission_denied", nil, source_err)
    end)
  end)

  describe("in a task", function()
    it("does not hold up the others", function()
      local order = {}
      local task = client:spawn(function()
        local results = client:map(first(20), retrieve, { concurrency = 2 })
        order[#order + 1] = "map"
        return results
      end)
      client:spawn(function()
        assert(retrieve(ids[1]))
        order[#order + 1] = "call"
      end)
      assert.are.same(first(20), ids_of(task:wait()))
      assert.are.same({ "call", "map" }, order)
    end)

    it("returns the same as outside", function()
      local task = client:spawn(client.map, client, { ids[1], "scn_x" }, retrieve)
      local results, errors, source_err = task:wait()
      assert.are.same({ ids[1] }, ids_of(results))
      expect.failure("api", "not_found", nil, errors[2])
      assert.is_nil(source_err)
      assert.are.same({ n = 4, {}, nil, nil, 0 }, portable.pack(client:spawn(client.map, client, {}, print):wait()))
    end)

    it("may be nested", function()
      local results = client:map({ 0, 1, 2 }, function(i)
        local scenarios = client:map({ ids[3 * i + 1], ids[3 * i + 2], ids[3 * i + 3] }, retrieve)
        return table.concat(ids_of(scenarios), " ")
      end)
      assert.are.equal(table.concat(first(9), " "), table.concat(results, " "))
    end)

    it("raises in a foreign coroutine", function()
      local message
      client:spawn(function() message = select(2, pcall(coroutine.wrap(function() client:map({}, print) end))) end)
      assert.matches("would block the scheduler", message, 1, true)
    end)

    it("lets the function yield of its own accord", function()
      local results = client:map(counter(20), function(n)
        for _ = 1, n do coroutine.yield() end
        return n
      end)
      for i = 1, 20 do assert.are.equal(i, results[i]) end
    end)

    describe("that is cancelled", function()
      it("ends the calls that are on their way, and takes no item more", function()
        server:fault { silent = true, times = math.huge }
        local taken = 0
        local task = client:spawn(function()
          client:map(function()
            taken = taken + 1
            return ids[taken]
          end, retrieve, { concurrency = 5 })
        end)
        poll_until(client, function() return server:count() == 5 end)
        local open = server:stats().open
        at_once(task.cancel, task)
        assert.are.equal(0, client:poll())
        assert.are.equal(0, client:stats().in_flight)
        tasks.look_until(function() return server:stats().open == open - 5 end, "the connections' end")
        assert.are.equal(5, taken)
        assert.are.equal(5, server:count())
      end)

      it("while it waits for a pager leaves that to whoever holds it #slow", function()
        server:fault { body_delay = 0.5 }
        local list = client.scenarios:list()
        local task = client:spawn(client.map, client, list, print)
        poll_until(client, function() return server:count() == 1 end)
        task:cancel()
        assert.are.equal(0, client:poll())
        assert.are.equal(120, #expect.success(list:collect()))
        assert.are.equal(6, server:count())
      end)

      it("closes what the functions have to close", function()
        local begun, closed = 0, 0
        local task = client:spawn(function()
          client:map(counter(50), function()
            return finally(function() closed = closed + 1 end, function()
              begun = begun + 1
              client:sleep(60)
            end)
          end, { concurrency = 10 })
        end)
        poll_until(client, function() return begun == 10 end)
        task:cancel()
        assert.are.equal(10, closed)
      end)

      it("by one of its items begins no other, even where that one never waits", function()
        local calls = 0
        local task
        task = client:spawn(function()
          client:sleep(0)
          client:map(counter(1000), function()
            calls = calls + 1
            if calls == 3 then task:cancel() end
          end, { concurrency = 1 })
        end)
        expect.failure("cancelled", "CANCELLED", task:wait())
        assert.are.equal(0, client:run())
        assert.are.equal(3, calls)
      end)
    end)
  end)

  it("raises what on_error raises, and ends its calls first", function()
    server:fault { silent = true, times = math.huge }
    local own = new_client { on_error = function(err) error("on_error: " .. err, 0) end }
    own:spawn(function()
      own:sleep(0.01)
      error("nobody's", 0)
    end)
    expect.raises("on_error: nobody's", function()
      own:map(first(3), function(id) return own.scenarios:retrieve(id) end)
    end)
    assert.are.equal(0, own:poll())
    assert.are.equal(0, own:stats().in_flight)
  end)

  it("over twenty pages that are held back does not keep out the calls of their loop bodies #slow", function()
    local big = support.start { scenarios = 500 }
    local own = big:client { max_connections = 4 }
    local all = big:ids("scenario")
    local results, errors = own:map(counter(20), function(i)
      local list = own.scenarios:list { limit = 500 }
      return tasks.finally(function() list:close() end, function()
        assert(list:next())
        assert(own.scenarios:archive(all[i])) -- while some 4 MB wait to be read
        return assert(list:next()).id
      end)
    end, { concurrency = 20 })
    assert.is_nil(errors and errors[next(errors)])
    assert.are.equal(20, #results)
    assert.are.equal(20, big:count { method = "POST", path = "/archive$" })
    own:close()
    big:stop()
  end)

  describe("over HTTP/2", function()
    it("makes all its calls on one connection #slow", function()
      local nginx = support.nginx { locations = "location / { return 200 '{\"id\":\"scn_1\"}'; }" }
      local own = nginx:client { connect_timeout = 60, timeout = 60 } -- a slow machine must not try again
      local list = {}
      for i = 1, 200 do list[i] = "scn_" .. i end
      local results, errors = own:map(list, function(id) return own.scenarios:archive(id) end, { concurrency = 100 })
      assert.is_nil(errors and errors[next(errors)])
      assert.are.equal(200, #results)
      assert.are.equal(1, own:stats().connections)
      own:close()
      local connections, requests = {}, 0
      tasks.look_until(function()
        requests = 0
        for _, line in ipairs(nginx:access_log()) do
          local connection, protocol, status = line:match('^(%d+) %d+ (%S+) "POST [^"]*" (%d+)$')
          assert.are.same({ "HTTP/2.0", "200" }, { protocol, status }, line)
          connections[connection] = true
          requests = requests + 1
        end
        return requests == 200
      end, "the log")
      local connection = next(connections)
      assert.is_nil(next(connections, connection))
      nginx:stop()
    end)

    it("streams from a pager and archives what it gives #slow", function()
      local nginx = support.nginx { proxy = server.url }
      local own = nginx:client()
      local count, errors = own:map(own.scenarios:list { limit = 30 }, archive, { concurrency = 50, results = false })
      assert.is_nil(errors and errors[next(errors)])
      assert.are.equal(120, count)
      assert.are.equal(120, server:count { method = "POST", path = "/archive$" })
      assert.are.equal(0, #server:ids("scenario"))
      assert.is_true(own:stats().connections <= 2) -- pages have one of their own
      own:close()
      nginx:stop()
    end)
  end)
end)
