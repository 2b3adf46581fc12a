-- Pagers: items and pages of a list on demand, how a list ends, and how it fails rather than look shorter than it is.
local runloop = require "runloop"
local portable = require "spec.support.portable"
local support = require "spec.support"
local stand_in = require "spec.support.stand_in"
local finally = require("spec.support.tasks").finally
local expect = require "spec.support.expect"

local function ids_of(items)
  local ids = {}
  for i, item in ipairs(items) do ids[i] = item.id end
  return ids
end

-- ids[first], …, ids[last]
local function part(ids, first, last)
  return table.move(ids, first, last or #ids, 1, {})
end

-- Works for so long that the scheduler wants the next task to have its turn.
local function be_busy()
  local stop = support.now() + 0.002
  repeat until support.now() >= stop
end

local it_closing = portable.closing and it or pending

describe("A pager", function()
  local server, client, ids
  stand_in({ scenarios = 45, public = 7, runs = 11, scorers = 25 }, function(started)
    server, client = started, started:client()
    ids = server:ids "scenario"
  end)

  -- The items that `next` gives up to the end or the error, their ids, and the error.
  local function drain(list)
    local items = {}
    while true do
      local item, err = list:next()
      if not item then return items, ids_of(items), err end
      items[#items + 1] = item
    end
  end

  -- Every answer to a list breaks off behind its n-th item, in silence.
  local function stall_after(n)
    server:fault { path = "^/v1/scenarios$", cut_items = n, by = "stall", times = math.huge }
  end

  -- A list as a for takes it, with what closes it; the pager itself is kept.
  local last_opened
  local function open(params)
    last_opened = client.scenarios:list(params)
    return last_opened, nil, nil, last_opened
  end

  local function in_flight()
    return client:stats().in_flight
  end

  describe("asks the server", function()
    it("for nothing until an item or a page is asked for", function()
      local list = client.scenarios:list { limit = 5 }
      local other = client.scenarios:list()
      local next_page = other:pages()
      assert.same({}, client.scenarios:list():collect(0))
      assert.are.equal(0, client:stats().requests)
      assert.are.equal(0, server:count())
      expect.success(list:next())
      assert.are.equal(1, server:count())
      next_page()
      assert.are.equal(2, server:count())
    end)

    it("for every page once #slow", function()
      for limit, pages in pairs { [1] = 45, [7] = 7, [20] = 3, [44] = 2, [45] = 1, [46] = 1, [5000] = 1 } do
        server:clear_log()
        local items, got, err = drain(client.scenarios:list { limit = limit })
        assert.is_nil(err)
        assert.are.same(ids, got)
        assert.are.equal(45, #items)
        assert.are.equal(pages, server:count())
        for _, entry in ipairs(server:log()) do assert.are.equal(tostring(limit), entry.query.limit) end
      end
    end)

    it("for pages of the server's own size where no limit is given", function()
      local _, got = drain(client.scenarios:list())
      assert.are.same(ids, got)
      local log = server:log()
      assert.are.equal(3, #log)
      for i, entry in ipairs(log) do
        assert.are.same({ starting_after = ({ nil, ids[20], ids[40] })[i] }, entry.query)
      end
    end)

    it("for what follows the last item, with all filters, parameters and headers kept", function()
      local params = { name = "nightly", search = "n", limit = 2, include_total_count = false }
      local options = { query = { flavour = "a b&c" }, headers = { ["X-Trace"] = "t 1" } }
      local nightly = { ids[1], ids[11], ids[21], ids[31], ids[41] }
      local _, got = drain(client.scenarios:list(params, options))
      assert.are.same(nightly, got)
      local log = server:log()
      assert.are.equal(3, #log)
      for i, entry in ipairs(log) do
        assert.are.same({
          name = "nightly", search = "n", limit = "2", include_total_count = "false", flavour = "a b&c",
          starting_after = ({ nil, ids[11], ids[31] })[i],
        }, entry.query)
        assert.are.equal("t 1", entry.header["x-trace"])
        assert.are.equal("GET", entry.method)
        assert.are.equal("/v1/scenarios", entry.path)
      end
    end)

    it("for what follows starting_after, where the list is to begin there", function()
      local _, got = drain(client.scenarios:list { starting_after = ids[30], limit = 6 })
      assert.are.same(part(ids, 31), got)
      assert.are.equal(ids[30], server:log()[1].query.starting_after)
      assert.are.equal(ids[36], server:log()[2].query.starting_after)
    end)

    it("whatever the list is of", function()
      local lists = {
        scenario = client.scenarios:list { limit = 4 }, public = client.scenarios:list_public { limit = 4 },
        run = client.scenarios.runs:list { limit = 4 }, scorer = client.scenarios.scorers:list { limit = 4 },
      }
      for kind, list in pairs(lists) do
        local _, got, err = drain(list)
        assert.is_nil(err)
        assert.are.same(server:ids(kind), got)
      end
    end)

    it("for one page only, when the loop stops in its first half", function()
      for scenario in client.scenarios:list { limit = 10 } do
        if scenario.id == ids[4] then break end
      end
      assert.are.equal(1, server:count())
      assert.are.equal(0, in_flight())
    end)

    it("for pages of 1 to 5000 items and no others", function()
      for _, limit in ipairs { 0, -1, 5001, 1.5, 0 / 0, math.huge, "10", true } do
        expect.raises("limit", function() client.scenarios:list { limit = limit } end)
        expect.raises("limit", function() client.scenarios.runs:list { limit = limit } end)
      end
      assert.are.equal(0, client:stats().requests)
      for _, limit in ipairs { 1, 5000, 20.0 } do
        expect.success(client.scenarios:list({ limit = limit }):next())
        assert.are.equal(("%d"):format(limit), server:last().query.limit)
      end
    end)
  end)

  describe("in a for loop", function()
    it("gives the items in order and ends", function()
      local got = {}
      for scenario in client.scenarios:list { limit = 10 } do
        assert.are.equal("function", type(scenario.archive))
        got[#got + 1] = scenario.id
      end
      assert.are.same(ids, got)
    end)

    it("comes with what closes it", function()
      local list, state, control, closing = client.scenarios:list()
      assert.is_nil(state)
      assert.is_nil(control)
      assert.are.equal(list, closing)
      local iterator, page_state, page_control, page_closing = list:pages()
      assert.are.equal("function", type(iterator))
      assert.is_nil(page_state)
      assert.is_nil(page_control)
      assert.are.equal(list, page_closing)
    end)

    it("raises the error that a call would return", function()
      server:fault({ method = "GET", skip = 1, status = 404, json = { message = "no such list" } })
      local got = {}
      local list = client.scenarios:list { limit = 10 }
      local ok, err = pcall(function()
        for scenario in list do got[#got + 1] = scenario.id end
      end)
      assert.is_false(ok)
      expect.failure("api", "not_found", nil, err)
      assert.are.equal("no such list", err.message)
      assert.are.same(part(ids, 1, 10), got)
      local returned = select(2, list:next())
      local line = debug.getinfo(1, "l").currentline - 7
      assert.are.equal("spec/pager_spec.lua:" .. line, err.where)
      assert.are.equal(tostring(returned) .. " (at spec/pager_spec.lua:" .. line .. ")", tostring(err))
      assert.is_nil(returned.where)
      err.where = nil
      assert.are.same(returned, err)
    end)

    it("gives all there is to a loop that archives what it gets", function()
      local got = {}
      for scenario in client.scenarios:list { limit = 4 } do
        got[#got + 1] = scenario.id
        expect.success(scenario:archive())
      end
      assert.are.same(ids, got)
      assert.are.same({}, server:ids "scenario")
    end)
  end)

  describe("asked by next", function()
    it("gives nil at the end, and again", function()
      local list = client.scenarios:list { limit = 30 }
      local _, got, err = drain(list)
      assert.are.same(ids, got)
      assert.is_nil(err)
      for _ = 1, 3 do assert.are.equal(0, select("#", (function(...) return select(3, ...) end)(list:next()))) end
      for _ = 1, 3 do
        local item, failure = list:next()
        assert.is_nil(item)
        assert.is_nil(failure)
      end
      assert.are.equal(2, server:count())
    end)

    it("gives nil after the end of a for, which has closed it", function()
      local list
      for _ in open { limit = 30 } do list = last_opened end
      local item, err = list:next()
      assert.is_nil(item)
      assert.is_nil(err)
      list:close()
      assert.is_nil(list:next())
      for _ in list do error "an item after the end" end
      assert.are.same({}, list:collect())
    end)

    it("may be called within a for over the same list", function()
      local got = {}
      local list = client.scenarios:list { limit = 10 }
      for scenario in list do
        got[#got + 1] = scenario.id
        local other = list:next()
        got[#got + 1] = other and other.id
      end
      assert.are.same(ids, got)
    end)

    it("gives the same error again, whoever asks, and asks the server no more", function()
      server:fault { method = "GET", skip = 1, times = math.huge, status = 401 }
      local list = client.scenarios:list { limit = 10 }
      local _, got, err = drain(list)
      assert.are.same(part(ids, 1, 10), got)
      expect.failure("api", "authentication", nil, err)
      local asked = server:count()
      local same
      _, same = list:next()
      err.where = nil
      assert.are.same(same, err)
      err = same
      same = select(2, pcall(list))
      same.where = nil
      assert.are.same(err, same)
      local none, again, sofar = list:collect()
      assert.is_nil(none)
      assert.are.equal(err, again)
      assert.are.same({}, sofar)
      list:close()
      assert.are.equal(err, select(2, list:next()))
      assert.are.equal(asked, server:count())
    end)

    it("keeps nulls apart from absent fields when asked to", function()
      local kept, dropped = 0, 0
      for run in client.scenarios.runs:list({}, { nulls = "keep" }) do
        kept = kept + (run.purpose == runloop.null and 1 or 0)
      end
      for run in client.scenarios.runs:list() do dropped = dropped + (run.purpose == nil and 1 or 0) end
      assert.are.equal(11, kept)
      assert.are.equal(11, dropped)
    end)
  end)

  describe("asked by pages", function()
    it("gives whole pages, each with its list, has_more and total_count", function()
      local sizes, got = {}, {}
      for page in client.scenarios:list({ limit = 20 }):pages() do
        sizes[#sizes + 1] = #page.scenarios
        assert.are.equal(runloop.array_mt, getmetatable(page.scenarios))
        assert.are.equal(#sizes < 3, page.has_more)
        assert.are.equal(45, page.total_count)
        for _, scenario in ipairs(page.scenarios) do
          assert.are.equal("function", type(scenario.archive))
          got[#got + 1] = scenario.id
        end
      end
      assert.are.same({ 20, 20, 5 }, sizes)
      assert.are.same(ids, got)
      assert.are.equal(3, server:count())
    end)

    it("names the list as the API does", function()
      for page in client.scenarios.runs:list():pages() do assert.are.equal(11, #page.runs) end
      for page in client.scenarios.scorers:list({ limit = 50 }):pages() do assert.are.equal(25, #page.scorers) end
      for page in client.scenarios:list_public():pages() do assert.are.equal(7, #page.scenarios) end
    end)

    it("gives an empty page for an empty list, and ends behind it", function()
      local pages = {}
      for page in client.scenarios:list({ name = "nobody has this name" }):pages() do pages[#pages + 1] = page end
      assert.are.equal(1, #pages)
      assert.are.same({}, pages[1].scenarios)
      assert.is_false(pages[1].has_more)
      assert.are.equal(0, pages[1].total_count)
      assert.are.equal(1, server:count())
    end)

    it("gives nil again after the end, and the same error again after a failure", function()
      local next_page = client.scenarios:list({ limit = 40 }):pages()
      assert.are.equal(40, #next_page().scenarios)
      assert.are.equal(5, #next_page().scenarios)
      assert.is_nil(next_page())
      assert.is_nil(next_page())
      server:fault { method = "GET", status = 403 }
      next_page = client.scenarios:list():pages()
      local _, err = pcall(next_page)
      expect.failure("api", "permission_denied", nil, err)
      local line = debug.getinfo(1, "l").currentline + 1
      local _, again = pcall(function() next_page() end)
      assert.are.equal("spec/pager_spec.lua:" .. line, again.where)
      err.where, again.where = nil, nil
      assert.are.same(err, again)
    end)

    it("cannot be asked by next as well", function()
      for _, first in ipairs { "next", "collect", "for" } do
        local list = client.scenarios:list { limit = 40 }
        if first == "for" then list() else list[first](list, first == "collect" and 1 or nil) end
        local message = expect.raises("cannot be mixed", function() list:pages() end)
        assert.matches("pager_spec.lua:%d+:", message)
        expect.success(list:next()) -- nothing was spoilt
      end
      local list = client.scenarios:list { limit = 40 }
      local next_page = list:pages()
      for _, ask in ipairs {
        function() list:next() end, function() list:collect() end, function() list:collect(0) end, function() list() end,
        function() for _ in list do error "an item" end end,
      } do
        local message = expect.raises("cannot be mixed", ask)
        assert.matches("pager_spec.lua:%d+:", message)
      end
      assert.are.equal(40, #next_page().scenarios)
    end)
  end)

  describe("collected", function()
    it("is an array of all items", function()
      local items = expect.success(client.scenarios:list({ limit = 10 }):collect())
      assert.are.same(ids, ids_of(items))
      assert.are.equal(runloop.array_mt, getmetatable(items))
      assert.are.same({}, expect.success(client.scenarios:list({ name = "nobody has this name" }):collect()))
    end)

    it("up to a number of items, goes on behind them", function()
      local list = client.scenarios:list { limit = 10 }
      assert.are.same({}, list:collect(0))
      assert.are.same(part(ids, 1, 3), ids_of(list:collect(3)))
      assert.are.equal(1, server:count())
      assert.are.same(part(ids, 4, 15), ids_of(list:collect(12.0)))
      assert.are.equal(ids[16], list:next().id)
      assert.are.same(part(ids, 17), ids_of(list:collect(1000)))
      assert.are.same({}, list:collect(1))
    end)

    it("gives what it has got beside the error", function()
      server:fault { method = "GET", skip = 2, status = 400, json = { message = "no" } }
      local items, err, sofar = client.scenarios:list({ limit = 10 }):collect()
      expect.failure("api", "bad_request", items, err)
      assert.are.same(part(ids, 1, 20), ids_of(sofar))
      assert.are.equal(runloop.array_mt, getmetatable(sofar))
    end)

    it("takes a whole number, 0 or more", function()
      for _, max in ipairs { -1, 0.5, 0 / 0, math.huge, "3", {}, true } do
        local message = expect.raises("max", function() client.scenarios:list():collect(max) end)
        assert.matches("pager_spec.lua:%d+:", message)
      end
      assert.are.equal(0, client:stats().requests)
    end)
  end)

  describe("knows total_count", function()
    it("once a page that has it was read", function()
      local list = client.scenarios:list { limit = 10 }
      assert.is_nil(list.total_count)
      assert.are.equal(10, #list:collect(10))
      list:next()
      assert.are.equal(45, list.total_count)
      list:collect()
      assert.are.equal(45, list.total_count)
      local pages = client.scenarios:list { limit = 40 }
      pages:pages()()
      assert.are.equal(45, pages.total_count)
    end)

    it("only where the server tells", function()
      local list = client.scenarios:list { include_total_count = false }
      assert.are.equal(45, #list:collect())
      assert.is_nil(list.total_count)
      server:fault { method = "GET", page = "total_null", times = math.huge }
      for _, options in ipairs { {}, { nulls = "keep" } } do
        list = client.scenarios:list({ limit = 30 }, options)
        assert.are.equal(45, #list:collect())
        assert.is_nil(list.total_count)
      end
    end)

    it("for the empty list, too", function()
      local list = client.scenarios:list { name = "nobody has this name" }
      assert.are.same({}, list:collect())
      assert.are.equal(0, list.total_count)
    end)
  end)

  describe("ends", function()
    it("where has_more is missing or null", function()
      server:fault { method = "GET", page = "no_has_more", skip = 1 }
      assert.are.same(part(ids, 1, 20), ids_of(expect.success(client.scenarios:list({ limit = 10 }):collect())))
      for _, options in ipairs { {}, { nulls = "keep" } } do
        server:fault { method = "GET", body = '{"scenarios":[{"id":"a"}],"has_more":null}' }
        assert.are.same({ "a" }, ids_of(expect.success(client.scenarios:list({}, options):collect())))
      end
    end)

    it("at an empty page, whatever that says", function()
      server:fault { method = "GET", page = "empty_page" }
      assert.are.same({}, expect.success(client.scenarios:list():collect()))
      server:fault { method = "GET", page = "empty_page", skip = 2 }
      server:clear_log()
      assert.are.same(part(ids, 1, 20), ids_of(expect.success(client.scenarios:list({ limit = 10 }):collect())))
      assert.are.equal(3, server:count())
      local pages = 0
      server:fault { method = "GET", page = "empty_page", skip = 1 }
      for page in client.scenarios:list({ limit = 10 }):pages() do
        pages = pages + 1
        assert.are.equal(10, #page.scenarios)
      end
      assert.are.equal(1, pages)
    end)

    it("behind the last page of a server that always promises more", function()
      server:fault { method = "GET", page = "has_more", times = math.huge }
      assert.are.same(ids, ids_of(expect.success(client.scenarios:list({ limit = 20 }):collect())))
      assert.are.equal(4, server:count())
    end)
  end)

  describe("is closed", function()
    local function is_closed(list)
      assert.are.equal(0, in_flight())
      for _ = 1, 2 do
        expect.raises("the pager is closed", function() list:next() end)
        expect.raises("the pager is closed", function() list:collect() end)
        local message = expect.raises("the pager is closed", function() for _ in list do error "an item" end end)
        assert.matches("pager_spec.lua:%d+:", message)
      end
    end

    it_closing("by break, by return and by an error in the loop", function()
      stall_after(3)
      local ways_out = {
        function() for _ in open { limit = 10 } do if in_flight() == 1 then break end end end,
        function() for item in open { limit = 10 } do if in_flight() == 1 then return item end end end,
        function()
          local _, err = pcall(function() for _ in open { limit = 10 } do error "mine" end end)
          assert.matches("mine", err)
        end,
        function()
          local co = coroutine.create(function() for item in open { limit = 10 } do coroutine.yield(item) end end)
          assert.is_true(coroutine.resume(co))
          assert.are.equal(1, in_flight())
          assert.is_true(coroutine.close(co))
        end,
      }
      for i, way_out in ipairs(ways_out) do
        way_out()
        assert.are.equal(i, server:count())
        is_closed(last_opened)
      end
    end)

    it_closing("when a loop over its pages ends", function()
      local list = client.scenarios:list { limit = 10 }
      local next_page, _, _, closing = list:pages()
      for page in next_page, nil, nil, closing do
        if page.scenarios[10] then break end
      end
      assert.are.equal(0, in_flight())
      expect.raises("the pager is closed", function() for _ in list:pages() do error "a page" end end)
      for _, ask in ipairs { function() list:pages() end, function() next_page() end } do
        local message = expect.raises("the pager is closed", ask)
        assert.matches("pager_spec.lua:%d+:", message)
      end
    end)

    it_closing("at the end of the block of a to-be-closed variable", function()
      stall_after(3)
      local list = client.scenarios:list { limit = 10 }
      portable.with_closing(list, function()
        expect.success(list:next())
        assert.are.equal(1, in_flight())
      end)
      is_closed(list)
    end)

    it("by close, at any time and more than once", function()
      stall_after(3)
      local list = client.scenarios:list { limit = 10 }
      expect.success(list:next())
      assert.are.equal(1, in_flight())
      list:close()
      is_closed(list)
      list:close()
      is_closed(list)
      local unused = client.scenarios:list()
      unused:close()
      is_closed(unused)
      expect.raises("the pager is closed", function() unused:collect(0) end)
      expect.raises("the pager is closed", function() unused:pages() end)
      assert.are.equal(1, server:count())
    end)

    it("by the collector, when it was dropped", function()
      stall_after(3)
      local seen = setmetatable({}, { __mode = "k" })
      local function take_one(ask)
        local list = client.scenarios:list { limit = 10 }
        seen[list] = true
        ask(list)
        assert.are.equal(1, in_flight())
      end
      take_one(function(list) expect.success(list:next()) end)
      support.gc()
      assert.is_nil(next(seen))
      assert.are.equal(0, in_flight())
      -- A page that nothing has come of yet is no different.
      server:clear_faults()
      server:fault { method = "GET", silent = true }
      take_one(function(list)
        local task = client:spawn(function() return list:next() end)
        client:poll()
        task:cancel()
      end)
      support.gc()
      assert.is_nil(next(seen))
      assert.are.equal(0, in_flight())
    end)

    it("with its client, so that every use raises", function()
      local ended, begun, unused = client.scenarios:list(), client.scenarios:list(), client.scenarios:list()
      ended:collect()
      begun:next()
      local paged = client.scenarios:list():pages()
      client:close()
      for _, list in ipairs { ended, begun, unused } do
        expect.raises("client is closed", function() list:next() end)
        expect.raises("client is closed", function() for _ in list do error "an item" end end)
        expect.raises("client is closed", function() list:collect() end)
        list:close()
      end
      expect.raises("client is closed", paged)
      for _, use in ipairs {
        function() client.scenarios:list() end,
        function() client.scenarios.scorers:list { limit = 5 } end,
        function() unused:pages() end,
        function() unused:collect(0) end,
      } do
        local message = expect.raises("client is closed", use)
        assert.matches("pager_spec.lua:%d+:", message)
      end
    end)

    it("by on_event, whatever has come of the page, so that it raises when it is used again #slow", function()
      for name, fault in pairs {
        whole = {}, truncated = { truncate = 200 }, shapeless = { page = "no_list" }, cut = { cut = 200 },
      } do
        local list
        local tracing = server:client { on_event = function(event)
          if event.type == "response" then list:close() end
        end }
        server:fault(fault)
        list = tracing.scenarios:list { limit = 10 }
        expect.raises("the pager is closed", function()
          for _ in list do end -- luacheck: ignore 542
        end)
        support.gc()
        assert.are.equal(0, tracing:stats().in_flight, name)
        tracing:close()
      end
    end)
  end)

  describe("loses nothing when on_event raises", function()
    -- A client whose on_event raises once: for the n-th event of a type.
    local function interrupted(event_type, n)
      local seen = 0
      return server:client { on_event = function(event)
        if event.type == event_type then
          seen = seen + 1
          if seen == n then error("on_event's", 0) end
        end
      end }
    end

    -- What a step of the list gives, tried again as long as it raises, and what was raised.
    local function insist(step)
      local got, problems = {}, {}
      while #problems < 10 do
        local ok, value = pcall(step)
        if not ok then
          problems[#problems + 1] = value
        elseif value == nil then
          break
        else
          got[#got + 1] = value
        end
      end
      return got, problems
    end

    local events = { { "request", 1 }, { "request", 2 }, { "request", 3 }, { "response", 1 }, { "response", 2 } }

    it("of the items, whichever request or response it is", function()
      for _, event in ipairs(events) do
        local own = interrupted(event[1], event[2])
        local list = own.scenarios:list { limit = 10 }
        local items, problems = insist(function() return list() end)
        assert.are.same(ids, ids_of(items))
        assert.are.same({ "on_event's" }, problems)
        own:close()
      end
    end)

    it("of the pages", function()
      for _, event in ipairs(events) do
        local own = interrupted(event[1], event[2])
        local pages, problems = insist(own.scenarios:list({ limit = 10 }):pages())
        local got = {}
        for _, page in ipairs(pages) do table.move(ids_of(page.scenarios), 1, #page.scenarios, #got + 1, got) end
        assert.are.same(ids, got)
        assert.are.same({ "on_event's" }, problems)
        own:close()
      end
    end)

    it("and hears of it with the next step, also when the list is closed", function()
      local own, list
      local function take_half_a_page()
        own = interrupted("request", 2)
        list = own.scenarios:list { limit = 10 }
        expect.success(list:next())
        repeat own:sleep(0) until own:stats().in_flight == 0
        assert.are.equal(4, #expect.success(list:collect(4)))
      end
      take_half_a_page()
      expect.raises("on_event's", function() list:next() end)
      assert.are.equal(ids[6], expect.success(list:next()).id)
      own:close()
      take_half_a_page()
      list:close()
      expect.raises("on_event's", function() list:next() end)
      expect.raises("the pager is closed", function() list:next() end)
      own:close()
    end)

    it("in a task either", function()
      local own = interrupted("request", 2)
      local list = own.scenarios:list { limit = 10 }
      local items, problems = own:spawn(insist, function() return list() end):wait()
      assert.are.same(ids, ids_of(items))
      assert.are.same({ "on_event's" }, problems)
      own:close()
    end)
  end)

  describe("does not take for a list what is none:", function()
    before_each(function() ids = server:ids "scorer" end)

    -- The ids that come before the error, and the error, whichever way they are asked for.
    local function ways(fault, limit, only)
      local way = {}
      function way.collect(list)
        local items, err, sofar = list:collect()
        return ids_of(sofar or items), err
      end
      function way.each(list)
        local got = {}
        local ok, err = pcall(function() for item in list do got[#got + 1] = item.id end end)
        return got, not ok and err or nil
      end
      function way.pages(list)
        local got = {}
        local ok, err = pcall(function()
          for page in list:pages() do
            for _, item in ipairs(page.scorers) do got[#got + 1] = item.id end
          end
        end)
        return got, not ok and err or nil
      end
      local names = { "collect", "each", "pages" }
      local i = 0
      return function()
        i = i + 1
        local name = names[i]
        if not name or (only and i > 1) then return nil end
        server:reset()
        server:fault(fault)
        local got, err = way[name](client.scenarios.scorers:list { limit = limit })
        return name, got, err
      end
    end

    local function copy(fault, more)
      local all = { method = "GET" }
      for name, value in pairs(fault) do all[name] = value end
      for name, value in pairs(more) do all[name] = value end
      return all
    end

    -- `fault` spoils page 1 or page 2 of 10 items, of which `good` arrive before it shows. The error must come, must
    -- have this code, must come again, and only `good` items before it.
    -- `only_page` = 2: only there, and asked for in one way, where there are many such faults.
    local function spoils(fault, code, good, only_page)
      for page = only_page or 1, 2 do
        for name, got, err in ways(copy(fault, { skip = page - 1 }), 10, only_page) do
          expect.failure("decode", code, nil, err)
          assert.are.equal("GET", err.method)
          assert.are.equal(server.url .. "/v1/scenarios/scorers", err.url)
          assert.are.equal(1, err.attempts)
          assert.are.equal(200, err.status)
          assert.is_truthy(err.headers["content-type"])
          assert.is_false(err.retryable)
          assert.is_true(type(err.body) == "string" and #err.body <= 200)
          local whole = (page - 1) * 10
          if name ~= "pages" then whole = whole + (good or 0) end
          assert.are.same(part(ids, 1, whole), got)
          assert.are.equal(page, server:count())
        end
      end
    end

    it("a list that is missing, null or an object", function()
      spoils({ page = "no_list" }, "SHAPE")
      spoils({ page = "null_list" }, "SHAPE")
      spoils({ page = "object_list" }, "SHAPE")
      for _, text in ipairs { "17", '"scorers"', "true" } do
        spoils({ body = '{"scorers":' .. text .. ',"has_more":false}' }, "SHAPE", 0, 2)
      end
    end)

    it("a list that is there twice", function()
      spoils({ page = "list_twice" }, "SHAPE", 10)
      spoils({ body = '{"scorers":[],"has_more":false,"scorer\\u0073":[]}' }, "SHAPE")
    end)

    it("a page that is no object", function()
      spoils({ page = "array" }, "SHAPE")
      for _, text in ipairs { "[]", "null", "17", '"x"', "true" } do spoils({ body = text }, "SHAPE", 0, 2) end
    end)

    it("a list under another name", function()
      spoils({ body = '{"runs":[],"has_more":false}' }, "SHAPE")
      server:fault { method = "GET", body = '{"scorers":[],"has_more":false}' }
      local items, err = client.scenarios.runs:list():collect()
      expect.failure("decode", "SHAPE", items, err)
    end)

    it("an item without an id, or with an empty one", function()
      spoils({ page = "no_id" }, "SHAPE", 9)
      spoils({ page = "empty_id" }, "SHAPE", 9)
    end)

    it("an item that is no thing with an id", function()
      for _, text in ipairs {
        "null", "17", '"scn_1"', "true", "[]", '[{"id":"scn_1"}]', "{}", '{"id":17}', '{"id":null}',
      } do
        spoils({ body = '{"scorers":[' .. text .. '],"has_more":false}' }, "SHAPE", 0, 2)
        server:fault { method = "GET", body = '{"scorers":[{"id":"a"},' .. text .. ',{"id":"b"}],"has_more":true}' }
        local items, err, sofar = client.scenarios.scorers:list({}, { nulls = "keep" }):collect()
        expect.failure("decode", "SHAPE", items, err)
        assert.are.same({ "a" }, ids_of(sofar))
      end
    end)

    it("a has_more that says neither yes nor no", function()
      for _, text in ipairs { "1", "0", '"false"', '"true"', "{}", "[]" } do
        server:reset()
        server:fault { method = "GET", body = '{"scorers":[{"id":"a"}],"has_more":' .. text .. "}" }
        local items, err, sofar = client.scenarios.scorers:list():collect()
        expect.failure("decode", "SHAPE", items, err)
        assert.are.same({ "a" }, ids_of(sofar))
      end
    end)

    it("the page before, once more", function()
      for name, got, err in ways({ method = "GET", page = "same_page", skip = 1, times = math.huge }, 10) do
        expect.failure("decode", "SHAPE", nil, err)
        assert.matches("cursor", err.message, 1, true)
        assert.are.same(part(ids, 1, 10), got, name)
        assert.are.equal(2, server:count())
      end
    end)

    it("the first page, once more, in the place of a later one", function()
      for name, got, err in ways({ method = "GET", page = "same_page", skip = 3 }, 5) do
        expect.failure("decode", "SHAPE", nil, err)
        assert.are.same(part(ids, 1, 15), got, name)
      end
    end)

    it("the same item as a page of its own, once more", function()
      for name, got, err in ways({ method = "GET", page = "same_page", skip = 1, times = math.huge }, 1) do
        expect.failure("decode", "SHAPE", nil, err)
        assert.are.same({ ids[1] }, got, name)
      end
    end)

    it("a page that ends where it should begin", function()
      -- The server takes a scorer off and moves the others up, so that only the last item is known.
      local function page(...)
        local texts = {}
        for i, id in ipairs { ... } do texts[i] = '{"id":"' .. id .. '"}' end
        return '{"scorers":[' .. table.concat(texts, ",") .. '],"has_more":true}'
      end
      for _, second in ipairs { { "b", "c" }, { "x", "c" }, { "c" }, { "x", "c", "y" } } do
        server:reset()
        server:fault({ method = "GET", body = page("a", "b", "c") },
          { method = "GET", body = page(portable.unpack(second)), times = math.huge })
        local items, err = client.scenarios.scorers:list():collect()
        expect.failure("decode", "SHAPE", items, err)
      end
    end)

    it("what is not JSON", function()
      spoils({ html = true, status = 200 }, "JSON")
      spoils({ body = "" }, "JSON")
      for _, text in ipairs {
        "", " ", "{", "{]", '{"scorers"', '{"scorers":[', '{"scorers":[]', '{"scorers":[],', '{"scorers":[],}',
        '{"scorers":[,],"has_more":false}', '{"scorers":[],"has_more":false}}', '{"scorers":[],"has_more":false}x',
        '{"scorers":[],"has_more":false}{"scorers":[],"has_more":false}', '{"scorers":[],"has_more":False}',
        "{'scorers':[],'has_more':false}", '{"scorers":[] "has_more":false}', '\239\187{"scorers":[]}',
        '{"scorers":[],"has_more":fals', '{"scorers":[],"has_more":false,"total_count":01}', "OK",
      } do
        spoils({ body = text }, "JSON", 0, 2)
      end
    end)

    it("a page that is broken in the middle or cut in what claims to be all of it", function()
      for _, item in ipairs {
        '{"id":"b"', '{"id":"b"]', '{"id":tru}', '{"id":"b",}', '{"id":"b\1"}', '{"id":"b\\q"}', "{id:1}",
      } do
        for _, rest in ipairs { ',{"id":"c"}],"has_more":false}', "" } do
          server:reset()
          server:fault { method = "GET", body = '{"scorers":[{"id":"a"},' .. item .. rest }
          local items, err, sofar = client.scenarios.scorers:list():collect()
          expect.failure("decode", "JSON", items, err)
          assert.are.same({ "a" }, ids_of(sofar))
          assert.are.equal(1, server:count())
        end
      end
      local text = server:text("scorer", ids[1])
      spoils({ truncate = #'{"scorers":[' + #text + 5 }, "JSON", 1)
      spoils({ truncate = #'{"scorers":[' + #text + 20 }, "JSON", 1)
    end)

    it("answers that are none", function()
      for _, case in ipairs {
        { { status = 404, json = { message = "no" } }, "api", "not_found" },
        { { status = 302, headers = { Location = "/" } }, "api", "status_302" },
        { { status = 204 }, "decode" },
        { { status = 422, body = "<html>" }, "api", "unprocessable_entity" },
      } do
        for page = 1, 2 do
          for _, got, err in ways(copy(case[1], { skip = page - 1, times = math.huge }), 10) do
            expect.failure(case[2], case[3], nil, err)
            assert.are.equal(1, err.attempts)
            assert.are.same(part(ids, 1, (page - 1) * 10), got)
          end
        end
      end
    end)

    it("says where the fault lies, and shows the beginning of what came", function()
      server:fault { method = "GET", body = '{"scorers":[{"id":"a"},{"id":"b",}],"has_more":false}' }
      local _, err = client.scenarios.scorers:list():collect()
      assert.matches("byte 34%f[%D]", err.message)
      assert.are.equal('{"scorers":[{"id":"a"},{"id":"b",}],"has_more":false}', err.body)
      assert.are.equal(200, err.status)
      server:fault { method = "GET", page = "no_id" }
      _, err = client.scenarios.scorers:list():collect()
      assert.are.equal(200, #err.body)
      assert.are.equal('{"scorers":[{"id":"', err.body:sub(1, 19))
    end)
  end)

  describe("shared by tasks", function()
    local function report_all(tasks)
      for _, task in ipairs(tasks) do expect.success(task:wait()) end
    end

    it("gives each item to one of them, in order", function()
      local got, takers = {}, {}
      local list = client.scenarios:list { limit = 4 }
      local tasks = {}
      for i = 1, 3 do
        tasks[i] = client:spawn(function()
          while true do
            local item, err = list:next()
            if err then error(err, 0) end
            if not item then return true end
            got[#got + 1] = item.id
            takers[i] = true
            client:sleep(0)
          end
        end)
      end
      client:run()
      report_all(tasks)
      assert.are.same(ids, got)
      assert.are.same({ true, true, true }, takers)
      assert.are.equal(12, server:count())
    end)

    it("gives each page to one of them, in order", function()
      local got = {}
      local list = client.scenarios:list { limit = 5 }
      local tasks = {}
      for i = 1, 3 do
        tasks[i] = client:spawn(function()
          for page in list:pages() do
            assert.are.equal(5, #page.scenarios)
            for _, item in ipairs(page.scenarios) do got[#got + 1] = item.id end
            client:sleep(0)
          end
          return true
        end)
      end
      client:run()
      report_all(tasks)
      assert.are.same(ids, got)
      assert.are.equal(9, server:count())
    end)

    it("loses nothing when one that waits is cancelled", function()
      server:fault { method = "GET", skip = 1, delay = 0.3, times = math.huge }
      for _, others in ipairs { 0, 1 } do
        local list = client.scenarios:list({ limit = 15 }, { prefetch = false })
        local got = ids_of(list:collect(15))
        local task = client:spawn(function() got[#got + 1] = list:next().id end)
        local other = others == 1 and client:spawn(function()
          for item in list do got[#got + 1] = item.id end
          return true
        end)
        client:poll()
        assert.are.equal(1, in_flight())
        assert.is_true(task:cancel())
        client:run()
        if other then expect.success(other:wait()) end
        for _, item in ipairs(list:collect()) do got[#got + 1] = item.id end
        assert.are.same(ids, got)
      end
    end)

    it("loses nothing when one is cancelled that gave way to others", function()
      local got = {}
      local list = client.scenarios:list { limit = 45 }
      local cancelled = 0
      for _ = 1, 8 do
        local task = client:spawn(function()
          while true do
            local item = list:next()
            if not item then return end
            got[#got + 1] = item.id
            be_busy()
          end
        end)
        local before = #got
        repeat client:poll(0.01) until #got > before
        if task:cancel() then cancelled = cancelled + 1 end
      end
      assert.are.equal(8, cancelled)
      for _, item in ipairs(expect.success(list:collect())) do got[#got + 1] = item.id end
      assert.are.same(ids, got)
    end)

    it_closing("loses no page when one is cancelled in the middle of gathering it", function()
      local got = {}
      local list = client.scenarios:list { limit = 30 }
      server:fault { method = "GET", cut_items = 10, by = "stall" }
      local task = client:spawn(function()
        for page in list:pages() do
          for _, item in ipairs(page.scenarios) do got[#got + 1] = item.id end
        end
      end)
      local function wait_for_items()
        for _ = 1, 20 do client:poll(0.005) end
      end
      wait_for_items()
      assert.are.equal("running", task.status)
      local other = client:spawn(function()
        for page in list:pages() do
          for _, item in ipairs(page.scenarios) do got[#got + 1] = item.id end
        end
        return true
      end)
      client:poll()
      task:cancel() -- its loop closes the pager
      expect.raises("the pager is closed", function() other:wait() end)
      assert.are.equal(0, in_flight())

      list = client.scenarios:list { limit = 30 }
      local next_page = list:pages()
      server:fault { method = "GET", trickle = { bytes = 20000, every = 0.06 } } -- some ten pieces
      task = client:spawn(function() next_page() end)
      wait_for_items()
      assert.is_true(task:cancel())
      other = client:spawn(function()
        got[1] = next_page()
        got[2] = next_page()
        return true
      end)
      expect.success(other:wait())
      assert.are.same(part(ids, 1, 30), ids_of(got[1].scenarios))
      assert.are.same(part(ids, 31), ids_of(got[2].scenarios))
    end)

    it("fails for all of them with the same error", function()
      server:fault { method = "GET", skip = 1, delay = 0.02, status = 404 }
      local list = client.scenarios:list { limit = 10 }
      local errs, tasks = {}, {}
      for i = 1, 3 do
        tasks[i] = client:spawn(function()
          repeat
            local item
            item, errs[i] = list:next()
          until not item
          return true
        end)
      end
      client:run()
      report_all(tasks)
      expect.failure("api", "not_found", nil, errs[1])
      assert.are.equal(errs[1], errs[2])
      assert.are.equal(errs[1], errs[3])
    end)

    it("ends for those that wait when it is closed", function()
      server:fault { method = "GET", silent = true, times = math.huge }
      local list = client.scenarios:list()
      local tasks = {}
      for i = 1, 2 do
        tasks[i] = client:spawn(function()
          local item = list:next()
          return item
        end)
      end
      local paged = client.scenarios:list()
      tasks[3] = client:spawn(function() for _ in paged:pages() do error "a page" end end)
      client:poll()
      assert.are.equal(2, in_flight())
      list:close()
      paged:close()
      assert.are.equal(0, in_flight())
      for i = 1, 3 do
        local message = expect.raises("the pager is closed", function() tasks[i]:wait(5) end)
        assert.matches("pager_spec.lua:%d+:", message)
      end
    end)

    it("ends for those that wait for its next attempt when it is closed", function()
      server:fault { method = "GET", status = 503, headers = { ["Retry-After"] = "50" } }
      local own = server:client { max_retry_wait = 60 }
      local list = own.scenarios:list()
      local tasks = {}
      for i = 1, 2 do tasks[i] = own:spawn(function() for _ in list do error "an item" end end) end
      for _ = 1, 1000 do
        own:poll(0.01)
        if own:stats().retries == 1 then break end
      end
      local began = support.now()
      list:close()
      for i = 1, 2 do
        expect.raises("the pager is closed", function() tasks[i]:wait(30) end)
      end
      assert.is_true(support.now() - began < 20)
      own:close()
    end)

    it("gives an error in the closing variables of a cancelled one, and goes on for the others", function()
      local list = client.scenarios:list { limit = 10 }
      expect.success(list:next())
      local item, err
      local task = client:spawn(function()
        return finally(function() item, err = list:next() end, function()
          client:sleep(60)
        end)
      end)
      task:cancel()
      expect.failure("cancelled", "CANCELLED", item, err)
      assert.are.same(part(ids, 2), ids_of(expect.success(list:collect())))
    end)

    it("is closed by the loop of a cancelled one", function()
      server:fault { method = "GET", silent = true }
      local task = client:spawn(function() for _ in open() do error "an item" end end)
      client:poll()
      assert.are.equal(1, in_flight())
      task:cancel()
      assert.are.equal(0, in_flight())
      expect.raises("the pager is closed", function() last_opened:next() end)
    end)
  end)
end)
