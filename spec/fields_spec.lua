-- The call option `fields`: items with only the fields that are read.
local expect = require "spec.support.expect"
local json = require "runloop.json"
local runloop = require "runloop"
local support = require "spec.support"
local tasks = require "spec.support.tasks"

describe("a list with fields", function()
  local server, client

  lazy_setup(function() server = support.start { scenarios = 60 } end)
  lazy_teardown(function() server:stop() end)
  before_each(function()
    server:reset()
    client = server:client()
  end)
  after_each(function() client:close() end)

  local function only(fields, item)
    local left = {}
    for _, name in ipairs(fields) do left[name] = item[name] end
    return left
  end

  local function plain(item)
    local copy = {}
    for name, value in pairs(item) do copy[name] = value end
    return copy
  end

  it("has only these in its items, and id", function()
    local whole = expect.success(client.scenarios:list({ limit = 20 }):collect())
    assert.equal(60, #whole)
    assert.is_truthy(whole[1].input_context and whole[1].metadata)
    local some = expect.success(client.scenarios:list({ limit = 20 }, { fields = { "name", "metadata" } }):collect())
    assert.equal(60, #some)
    for i, item in ipairs(some) do assert.same(only({ "id", "name", "metadata" }, whole[i]), plain(item)) end
    for item in client.scenarios:list(nil, { fields = {} }) do
      assert.same({ "id" }, { next(item), (next(item, "id")) })
    end
  end)

  it("has them in pages and in map too, and names of any case", function()
    for page in client.scenarios:list({ limit = 25 }, { fields = { "id", "status" } }):pages() do
      for _, item in ipairs(page.scenarios) do
        assert.is_string(item.status)
        assert.is_nil(item.name)
      end
      assert.is_boolean(page.has_more)
    end
    local seen = 0
    client:map(client.scenarios:list(nil, { fields = { "name" } }), function(item)
      assert.is_nil(item.status)
      seen = seen + 1
    end)
    assert.equal(60, seen)
  end)

  it("has items with methods: refresh brings the rest", function()
    local item = expect.success(client.scenarios:list(nil, { fields = { "name" } }):next())
    assert.is_nil(item.status)
    expect.success(item:refresh())
    assert.is_string(item.status)
  end)

  it("asks for the page ahead, whatever is left out", function()
    local pager = client.scenarios:list({ limit = 10 }, { fields = {} })
    client:spawn(function()
      expect.success(pager:next())
      repeat client:sleep(0.001) until client:stats().in_flight == 0 -- the page is whole
      for _ = 2, 9 do expect.success(pager:next()) end
    end)
    tasks.poll_until(client, function() return server:count() == 2 end)
  end)

  it("raises for what is most likely a slip, and takes names that nobody knows", function()
    for _, case in ipairs {
      { { "nmae" }, "scenarios:list: call option 'fields[1]': there is no field 'nmae' (did you mean 'name'?)" },
      { { "id", "inputContext" },
        "scenarios:list: call option 'fields[2]': there is no field 'inputContext' (did you mean 'input_context'?)" },
      { "name", "scenarios:list: call option 'fields' must be a list, got string" },
      { { 5 }, "scenarios:list: call option 'fields[1]' must be a string, got number" },
      { { "" }, "scenarios:list: call option 'fields[1]' must not be empty" },
    } do
      expect.raises(case[2], function() client.scenarios:list(nil, { fields = case[1] }) end)
    end
    local many = { "name" }
    for i = 1, 40 do many[i + 1] = ("%02d of tomorrow"):format(i) end
    local item = expect.success(client.scenarios:list(nil, { fields = many }):next())
    assert.same(only({ "id", "name" }, item), plain(item))
    assert.is_string(item.name)
    local pager = client:list({ path = "/v1/scenarios", list = "scenarios" }, { fields = { "nmae" } })
    assert.same({ "id" }, { next(expect.success(pager:next())), nil })
  end)

  it("is the only call that takes it", function()
    local id = server:ids("scenario")[1]
    expect.raises("scenarios:retrieve: call option 'fields' is for lists", function()
      client.scenarios:retrieve(id, { fields = { "name" } })
    end)
    expect.raises("client:request: call option 'fields' is for lists", function()
      client:request({ path = "/v1/scenarios" }, { fields = { "name" } })
    end)
  end)

  it("leaves the caller's list as it is", function()
    local fields = { "name" }
    expect.success(client.scenarios:list(nil, { fields = fields }):next())
    assert.same({ "name" }, fields)
  end)

  describe("whose page is", function()
    local function item_of(text, options)
      server:fault { path = "^/v1/scenarios$", status = 200, body = '{"scenarios":[' .. text .. '],"has_more":false}' }
      options.max_retries = 0
      return client.scenarios:list(nil, options):next()
    end

    it("cut anywhere, or full of all there is, gives what the whole items have", function()
      local state = 20250921
      local function random(below)
        state = (state * 1103515245 + 12345) % 2147483648
        return math.floor(state / 65536) % below
      end
      local function one_of(list) return list[random(#list) + 1] end
      local blanks, names = { "", "", "", " ", "\n\t " }, { "name", [[n\u0061me]], "status", "x", [[y\"]], "Zürich", "" }
      local plain_values = { "0", "-1.5e3", "true", "null", [["]}"]], [["\\"]], [["\"{\""]], '"Zürich"', "[]", "{}",
        '"' .. ("[\\\\"):rep(50) .. '"' }
      local function value(depth)
        if depth > 3 or random(2) == 0 then return one_of(plain_values) end
        local inside = {}
        for i = 1, random(4) do inside[i] = one_of(blanks) .. value(depth + 1) .. one_of(blanks) end
        if random(2) == 0 then return "[" .. table.concat(inside, ",") .. "]" end
        for i = 1, #inside do inside[i] = '"' .. one_of(names) .. '":' .. inside[i] end
        return "{" .. table.concat(inside, ",") .. "}"
      end
      local items = {}
      for i = 1, 300 do
        local members, at = {}, random(6) + 1
        for k = 1, 6 do
          local name, text = one_of(names), value(1)
          if k == at then name, text = "id", ('"item %d"'):format(i) end
          members[k] = one_of(blanks) .. '"' .. name .. '"' .. one_of(blanks) .. ":" .. one_of(blanks) .. text
            .. one_of(blanks)
        end
        items[i] = "{" .. table.concat(members, ",") .. "}"
      end
      local function list(options, bytes)
        server:fault {
          path = "^/v1/scenarios$", status = 200, trickle = { bytes = bytes, every = 0 },
          body = '{"scenarios":[' .. table.concat(items, " , ") .. '],"has_more":false}',
        }
        options.nulls = "keep"
        return expect.success(client.scenarios:list(nil, options):collect())
      end
      local whole = list({}, 10000)
      assert.equal(300, #whole)
      for _, bytes in ipairs { 61, 997, 1000000 } do
        local some = list({ fields = { "name", "status", "Zürich" } }, bytes)
        assert.equal(300, #some)
        for i, item in ipairs(some) do
          assert.same(only({ "id", "name", "status", "Zürich" }, whole[i]), plain(item))
        end
      end
    end)

    it("wrong only behind what has been taken fails then, and hands over what came before", function()
      server:fault {
        path = "^/v1/scenarios$", status = 200,
        body = [[{"scenarios":[{"id":"a","x":1},{"id":"b","name":"n"},{"id":"c","x":1,}]}]],
      }
      local items, err, so_far = client.scenarios:list(nil, { fields = { "name" }, max_retries = 0 }):collect()
      expect.failure("decode", "JSON", items, err)
      assert.is_truthy(err.message:find("byte 70: a key must come here", 1, true), err.message)
      assert.same({ { id = "a" }, { id = "b", name = "n" } }, { plain(so_far[1]), plain(so_far[2]) })
    end)

    it("too large in what is left out is too large", function()
      local text = '{"id":"a","x":"' .. ("x"):rep(4000) .. '"}'
      local tight = server:client { max_retries = 0, max_body_bytes = #text }
      for more = 0, 1 do
        server:fault {
          path = "^/v1/scenarios$", status = 200,
          body = '{"scenarios":[' .. text:gsub("x+\"}", function(xs) return ("x"):rep(more) .. xs end) .. ']}',
        }
        local items, err = tight.scenarios:list(nil, { fields = { "name" } }):collect()
        if more == 0 then
          assert.equal(1, #expect.success(items, err))
        else
          expect.failure("limit", "BODY_TOO_LARGE", items, err)
        end
      end
      tight:close()
    end)

    it("unusual: names with escapes, names that come twice, blanks, nulls", function()
      local item = expect.success(item_of([[ { "\u006eame" : "n" , "id":"a", "x":{"name":"]}"}, "metadata":null,
        "id" : "b", "st\u0061tus":[1,{"id":2}], "y":-1.5e3,"z":"\\\"}" } ]],
        { fields = { "name", "metadata", "status" }, nulls = "keep" }))
      assert.same({ id = "b", name = "n", metadata = runloop.null, status = { 1, { id = 2 } } }, json.decode(
        json.encode(item), { nulls = "keep" }))
      item = expect.success(item_of([[{"id":"a","metadata":null}]], { fields = { "metadata" } }))
      assert.same({ id = "a" }, plain(item))
    end)

    it("wrong in what is left out is no worse for it", function()
      local item = expect.success(item_of([[{"id":"a","x":nope,"y":"\q","z":[1 2],"name":"n"}]], { fields = { "name" } }))
      assert.same({ id = "a", name = "n" }, plain(item))
    end)

    it("wrong in what is wanted fails, and says where", function()
      for _, case in ipairs {
        { [[{"id":"a","x":[1],"name":nope}]], "41: a value must come here" },
        { [[{"id":"a","x":[1],"name":[1,"\n",{"y":-}]}]], "54: a digit must come here" },
        { [[{"id":"a","name":1 , "x":2 , "name": 01 , "y":[}]}]], "53: ',' or '}' must come here" },
        { [[{"id":"a","x":1 "name":"n"}]], "31: ',' or '}' must come here" },
        { [[{"id":"a","x":"\q","name":"\q","y" 1}]], "43: bad escape in a string" },
        { [[{"id":"a","x":"\q","y" 1}]], "38: ':' must come here" },
        { [[{"id":"a","x":"\q","\q":1}]], "36: bad escape in a string" },
        { [[{"id":"a","x":[1}]}]], "31: this bracket was not opened" },
      } do
        local value, err = item_of(case[1], { fields = { "name" } })
        expect.failure("decode", "JSON", value, err)
        assert.is_truthy(err.message:find("byte " .. case[2], 1, true), err.message)
      end
      local value, err
      value, err = item_of([[{"x":1,"name":"n"}]], { fields = { "name" } })
      expect.failure("decode", "SHAPE", value, err)
      value, err = item_of([[5]], { fields = { "name" } })
      expect.failure("decode", "SHAPE", value, err)
    end)
  end)
end)
