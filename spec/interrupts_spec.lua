-- An error that strikes anywhere: a hook of the host's raises once, after n instructions, for n up to the last one.
-- RUNLOOP_SWEEP=1 makes it every n, which takes minutes.
local portable = require "spec.support.portable"
local support = require "spec.support"

-- Not through busted's globals, which run code of its own.
local error, pcall, pack, unpack = error, pcall, portable.pack, portable.unpack
local gethook, getinfo, sethook = debug.gethook, debug.getinfo, debug.sethook

local STRIDE = tonumber(os.getenv "RUNLOOP_SWEEP") or 17

if not portable.hooks then -- LuaJIT: what is compiled calls no hook
  describe("An interrupt", function() pending "cannot be had at every place" end)
  return
end

describe("An interrupt", function()
  local server, client, ids

  setup(function() server = support.start { scenarios = 12 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    ids = server:ids("scenario")
  end)

  -- Where it is not direct (Lua 5.3) a function has one instruction left behind a C function that it calls last, here the
  -- one that takes an item out of the hand: an error there costs the item, as docs/hosts.md says.
  local lines = {}
  local function hands_over(place)
    if portable.direct then return false end
    local file = place.source:match "^@(.*)$"
    if file and not lines[file] then
      lines[file] = {}
      for line in io.lines(file) do table.insert(lines[file], line) end
    end
    return file and lines[file][place.currentline]:find("return let_go(", 1, true) ~= nil
  end

  -- Calls `fn`, in which the n-th instruction of this coroutine is struck, unless it is one of its own: whether it was,
  -- and what pcall says.
  local function strike(n, fn, ...)
    local struck = false
    local hook = { gethook() } -- that of .ci/gc_stress.lua, or none
    local own = {}
    local function call(...)
      sethook(function()
        sethook(unpack(hook))
        local place = getinfo(2, "Slf")
        if own[place.func] or hands_over(place) then return end
        struck = true
        error("struck!", 0)
      end, "", n)
      return fn(...)
    end
    own[call] = true
    own[getinfo(1, "f").func] = true
    local results = pack(pcall(call, ...))
    sethook(unpack(hook))
    return struck, unpack(results, 1, results.n)
  end

  -- Calls `try` with a `strike` for every place that it has, `least` of them or more.
  local function at_every_place(try, least, stride)
    stride = stride or STRIDE
    local n, missed, places = 1 - stride, 0, 0
    repeat
      n = n + stride
      local struck = try(function(fn, ...) return strike(n, fn, ...) end, n)
      missed = struck and 0 or missed + 1
      places = places + (struck and 1 or 0)
    until missed == 20 -- the first ones are the spec's own
    assert.is_true(places > (least or 40) / stride, "only " .. places .. " places")
  end

  -- What is left of a list, or why that cannot be had.
  local function rest_of(list, got)
    local ok, err = pcall(function()
      for scenario in list do got[#got + 1] = scenario.id end
    end)
    return ok, err
  end

  describe("of a stream", function()
    local EVENTS = 6
    local axon

    local function check_stream(step)
      local own = server:client()
      axon = assert(own.axons:create { name = "a" })
      server:axon_events(axon.id, EVENTS)
      own:close()
      at_every_place(function(strike_at, n)
        client = server:client { max_retries = 0 }
        local stream = client.axons:subscribe_sse(axon.id)
        local got = {}
        local struck = step(strike_at, stream, got)
        local ok, err = true, nil
        while ok and #got < EVENTS do
          local item
          ok, item = pcall(stream, nil, nil)
          if ok then got[#got + 1] = item.sequence else err = item end
        end
        if ok then
          for i = 1, EVENTS do assert.are.equal(i, got[i], "place " .. n) end
        else
          assert.are.equal("INTERRUPTED", err.code, "place " .. n .. ": " .. tostring(err))
          assert.are.equal("INTERRUPTED", select(2, stream:next()).code)
        end
        client:close()
        return struck
      end)
    end

    for _, taken in ipairs { 0, 1, 3 } do
      it("fails it, or costs no event: next, after " .. taken, function()
        check_stream(function(strike_at, stream, got)
          for i = 1, taken do got[i] = assert(stream:next()).sequence end
          local struck, ok, item = strike_at(stream.next, stream)
          if ok then got[#got + 1] = item.sequence end
          return struck
        end)
      end)
    end

    it("fails it, or costs no event: the opening behind a break #slow", function()
      check_stream(function(strike_at, stream, got)
        server:clear_faults()
        server:fault { path = "/subscribe/sse$", cut_events = 2 }
        stream:close()
        stream = client.axons:subscribe_sse(axon.id, { after_sequence = 0 }, { max_retries = 1 })
        got[1], got[2] = assert(stream:next()).sequence, assert(stream:next()).sequence
        local struck, ok, item = strike_at(stream.next, stream)
        if ok then got[3] = item.sequence end
        while #got < EVENTS do
          local event, err = stream:next()
          if err then
            assert.are.equal("INTERRUPTED", err.code)
            break
          end
          got[#got + 1] = event.sequence
        end
        for i, sequence in ipairs(got) do assert.are.equal(i, sequence) end
        for i = #got + 1, EVENTS do got[i] = i end
        return struck
      end)
    end)
  end)

  describe("of a list", function()
    local function check_list(step, least)
      at_every_place(function(strike_at, n)
        client = server:client { max_retries = 0 }
        local list = client.scenarios:list { limit = 5 }
        local got = {}
        local struck = step(strike_at, list, got)
        local ok, err = rest_of(list, got)
        if ok then
          assert.are.same(ids, got, "place " .. n)
        else
          assert.are.equal("INTERRUPTED", err.code, "place " .. n .. ": " .. tostring(err))
          assert.are.equal("INTERRUPTED", select(2, list:next()).code)
        end
        client:close()
        return struck
      end, least)
    end

    for taken = 0, 5 do
      it("fails it, or costs no item: next, after " .. taken, function()
        check_list(function(strike_at, list, got)
          for i = 1, taken do got[i] = assert(list:next()).id end
          local struck, ok, item = strike_at(list.next, list)
          if ok then got[#got + 1] = item.id end
          return struck
        end, 10) -- most of an item that is at hand is taken in C
      end)
    end

    it("fails it, or costs no item: the call that a for makes", function()
      check_list(function(strike_at, list, got)
        local struck, ok, item = strike_at(list)
        if ok then got[#got + 1] = item.id end
        return struck
      end)
    end)

    for most, what in pairs { [7] = "some", [math.huge] = "all" } do
      it("fails it, or costs no item: collect " .. what, function()
        check_list(function(strike_at, list, got)
          local struck, ok, items = strike_at(list.collect, list, most < math.huge and most or nil)
          for _, item in ipairs(ok and items or {}) do got[#got + 1] = item.id end
          return struck
        end)
      end)
    end

    it("fails it, or costs no item, though the step that finds it broken off is struck as well", function()
      local late, struck = 2000, nil
      local function strike_late(list, got)
        local ok, items
        struck, ok, items = strike(late, list.collect, list, 7)
        for _, item in ipairs(ok and items or {}) do got[#got + 1] = item.id end
        return struck
      end
      repeat -- until it strikes when there are items already
        late = late - 40
        client = server:client { max_retries = 0 }
        local done = strike_late(client.scenarios:list { limit = 5 }, {})
        client:close()
      until done
      check_list(function(strike_at, list, got)
        strike_late(list, got)
        local second, ok, item = strike_at(list.next, list)
        if ok and item then got[#got + 1] = item.id end
        return second
      end)
    end)

    it("fails it, or costs no item: a page", function()
      at_every_place(function(strike_at, n)
        client = server:client { max_retries = 0 }
        local got = {}
        local next_page = client.scenarios:list({ limit = 5 }):pages()
        local function take(ok, page)
          for _, item in ipairs(ok and page and page.scenarios or {}) do got[#got + 1] = item.id end
          return ok and page
        end
        local struck = (function(struck, ...)
          take(...)
          return struck
        end)(strike_at(next_page))
        local ok, page
        repeat ok, page = pcall(next_page) until not take(ok, page)
        if ok then
          assert.are.same(ids, got, "place " .. n)
        else
          assert.are.equal("INTERRUPTED", page.code, "place " .. n .. ": " .. tostring(page))
        end
        client:close()
        return struck
      end)
    end)

    it("fails it, or costs no item: collect in a task, beside another that collects", function()
      at_every_place(function(strike_at, n)
        client = server:client { max_retries = 0 }
        local list = client.scenarios:list { limit = 5 }
        local got, struck, was_over = {}, nil, nil
        local function add(items)
          for _, item in ipairs(items or {}) do got[#got + 1] = item.id end
        end
        local other = client:spawn(function()
          local items, err, some = list:collect()
          add(items or some)
          return items, err
        end)
        client:spawn(function()
          local ok, items
          struck, ok, items = strike_at(list.collect, list)
          was_over = other.status ~= "running" -- then nothing is lost that it could have been told of
          if ok then add(items) end
          error "so it is gone"
        end)
        pcall(client.run, client)
        local items, err = other:wait()
        if items and was_over then err = select(2, list:next()) end
        if not err then
          table.sort(got)
          table.sort(ids)
          assert.are.same(ids, got, "place " .. n)
        else
          assert.are.equal("INTERRUPTED", err.code, "place " .. n .. ": " .. tostring(err))
        end
        client:close()
        return struck
      end)
    end)

    for _, other_is in ipairs { "waits", "has used up its share of the turn" } do
      it("in a task that shares it with another, which " .. other_is .. ", fails it, or costs no item", function()
        at_every_place(function(strike_at, n)
          client = server:client { max_retries = 0 }
          local list = client.scenarios:list { limit = 5 }
          local got, struck, problem = {}, nil, nil
          local function add(item) got[#got + 1] = item.id end
          local function others()
            for item in list do
              add(item)
              local stop = support.now() + (other_is == "waits" and 0 or 0.001)
              repeat until support.now() >= stop
            end
          end
          local task = client:spawn(function()
            local ok, item
            struck, ok, item = strike_at(list.next, list)
            if ok then add(item) end
          end)
          local other = client:spawn(others)
          client:spawn(function()
            pcall(task.wait, task)
            problem = select(2, pcall(other.wait, other))
          end)
          client:run()
          table.sort(got)
          table.sort(ids)
          if problem == nil then
            assert.are.same(ids, got, "place " .. n)
          else
            assert.are.equal("INTERRUPTED", problem.code, "place " .. n .. ": " .. tostring(problem))
          end
          client:close()
          return struck
        end)
      end)
    end
  end)

  describe("of the turns #slow", function()
    -- Tasks that do all that tasks do; each adds its name when it has done it.
    local function start(done, told)
      client = server:client { max_retries = 0, on_error = function(err, task) told[task] = err end }
      local list = client.scenarios:list { limit = 5 }
      local tasks = {}
      local function add(name, fn)
        tasks[name] = client:spawn(function()
          fn()
          done[name] = true
        end)
      end
      add("call", function() assert(client.scenarios:retrieve(ids[1])) end)
      add("sleep", function() client:sleep(0.001) end)
      add("yield", function() coroutine.yield() end)
      add("list", function() assert(list:next()) end)
      add("the same list", function() assert(list:next()) end)
      add("wait", function() assert(tasks.call:wait(60) == nil) end)
      add("map", function() client:map({ 1, 2, 3 }, function() client:sleep(0) end, { concurrency = 2 }) end)
      add("spawn", function() client:spawn(function() client:sleep(0.001) done["spawned"] = true end) end)
      return tasks
    end

    for _, drive in ipairs { "run", "poll", "wait" } do
      it("loses no task, and leaves the client usable: " .. drive, function()
        at_every_place(function(strike_at, n)
          local done, told = {}, {}
          local tasks = start(done, told)
          local struck
          if drive == "wait" then
            struck = strike_at(tasks.map.wait, tasks.map)
          elseif drive == "poll" then
            struck = strike_at(function()
              for _ = 1, 3 do client:poll(0.002) end
            end)
          else
            struck = strike_at(client.run, client)
          end
          for _ = 1, 100 do -- on_error hears of it in one of these, whoever raises in another
            local ok, alive = pcall(client.run, client)
            if ok and alive == 0 then break end
            assert.is_true(ok, "place " .. n .. ": " .. tostring(alive))
          end
          for name, task in pairs(tasks) do
            local message = "place " .. n .. ": " .. name .. " is " .. task.status
            if task.status == "done" then
              assert.is_true(done[name], message)
            else
              assert.are.equal("failed", task.status, message)
              local waited_for = task == tasks.call or (task == tasks.map and drive == "wait")
              if not waited_for then assert.is_not_nil(told[task], message) end
            end
          end
          assert.is_true(done.spawned or tasks.spawn.status == "failed", "place " .. n)
          assert.are.equal(ids[2], assert(client.scenarios:retrieve(ids[2])).id)
          assert.are.equal(0, client:poll())
          client:close()
          return struck
        end)
      end)
    end

    it("loses no task, and leaves the client usable: spawn and cancel", function()
      at_every_place(function(strike_at, n)
        client = server:client()
        local sleeper = client:spawn(client.sleep, client, 60)
        local ran = 0
        local struck = strike_at(function()
          client:spawn(function()
            client:sleep(0)
            ran = ran + 1
          end)
          sleeper:cancel()
        end)
        sleeper:cancel()
        local ok, err = pcall(client.run, client)
        if not ok then ok, err = pcall(client.run, client) end
        assert.is_true(ok, "place " .. n .. ": " .. tostring(err))
        assert.are.equal("cancelled", sleeper.status, "place " .. n)
        assert.are.equal(ids[2], assert(client.scenarios:retrieve(ids[2])).id)
        pcall(client.close, client)
        return struck
      end)
    end)

    it("of a task that closes a list leaves none of those behind that wait for it", function()
      at_every_place(function(strike_at, n)
        server:fault { path = "^/v1/scenarios$", silent = true }
        client = server:client { max_retries = 0 }
        local list = client.scenarios:list()
        local struck, ended = nil, 0
        for _ = 1, 3 do
          client:spawn(function()
            pcall(list.next, list)
            ended = ended + 1
          end)
        end
        client:spawn(function()
          struck = strike_at(list.close, list)
          list:close()
        end)
        assert.is_true(pcall(client.run, client), "place " .. n)
        assert.are.equal(3, ended)
        client:close()
        return struck
      end, 20, 1)
    end)

    it("of a task that goes on all the same leaves no wait behind", function()
      at_every_place(function(strike_at, n)
        client = server:client { max_retries = 0 }
        local struck, began, waited
        local other = client:spawn(client.sleep, client, 0.001)
        client:spawn(function()
          struck = strike_at(function()
            client:sleep(0.001)
            client.scenarios:retrieve(ids[1])
            other:wait(0.001)
            client:map({ 1, 2 }, function() client:sleep(0) end)
          end)
          began = support.now()
          client:sleep(0.02)
          waited = support.now() - began
        end)
        client:run()
        assert.is_true(waited > 0.015, "place " .. n .. ": " .. waited)
        client:close()
        return struck
      end)
    end)
  end)
end)
