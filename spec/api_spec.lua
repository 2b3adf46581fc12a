-- Every call made once, its request compared with what the API's reference says; and no endpoint without its call here.
local names = require "runloop.api"
local resource = require "runloop.resource"
local definitions = require "spec.support.definitions"
local portable = require "spec.support.portable"
local support = require "spec.support"
local expect = require "spec.support.expect"
local tables = require "spec.support.tables"

-- What stands below support/facts is written from the reference, not from the module: every parameter that the API
-- has, in the API's names, so that one that is missing or misspelled in the module shows.
--   rows     name -> { method, path, ids, query, body, list, accept, answer, timeout, once, ... }; unsent: parameters
--            that cannot be sent beside the others
--   aliases  other names of other resources' rows
--   helpers  the calls that are made of several requests
--   methods  of the things that come back
local FACTS = {}
for _, name in ipairs(names) do FACTS[name] = require("spec.support.facts." .. name) end

local ZIP = "PK\5\6" .. ("\0"):rep(18)

-- An event with what any stream goes by.
local EVENT = 'data: {"output":"x","offset":12,"sequence":4,"devbox_id":"dbx_1","eviction_deadline_ms":1}\n\n'

-- What the peer answers: as little as the call can do with.
local function answer_to(fact)
  local json = { "application/json", '{"id":"x"}' }
  if fact.list then json[2] = ('{"%s":[],"has_more":false}'):format(fact.list) end
  if fact.events then json[2] = EVENT end
  if fact.answer == "zip" then return { status = 200, body = ZIP, headers = { ["Content-Type"] = fact.accept } } end
  return { status = 200, body = fact.answer or json[2], headers = { ["Content-Type"] = fact.accept or json[1] } }
end

-- Uploads have a spec of their own: their bodies are no JSON.
local function is_built(fact)
  return not fact.multipart
end

local function as_query(values)
  local query = {}
  for name, value in pairs(values or {}) do query[name] = tostring(value) end
  return query
end

describe("the API", function()
  local server, client

  setup(function()
    server = support.start { scenarios = 1 }
    client = server:client { max_retries = 0 }
  end)
  teardown(function()
    client:close()
    server:stop()
  end)

  local function bound(name)
    local owner = client
    for part in name:gmatch "[%w_]+" do owner = owner[part] end
    return owner
  end

  local function call(name, row, fact)
    local owner, args = bound(name), { portable.unpack(fact.ids or {}) }
    local params = {}
    for _, part in ipairs { fact.query or {}, fact.body or {} } do
      for field, value in pairs(part) do params[field] = value end
    end
    if next(params) ~= nil then args[#args + 1] = params end
    local method = owner[(fact.internal and "_" or "") .. row]
    if fact.list then return method(owner, portable.unpack(args)):collect() end
    if fact.events then
      local stream = method(owner, portable.unpack(args))
      local event, err = stream:next()
      stream:close()
      return event, err
    end
    return method(owner, portable.unpack(args))
  end

  for _, name in ipairs(names) do
    for row, fact in pairs(FACTS[name].rows) do
      if not is_built(fact) then goto next end
      it(("is called by %s:%s with one request, as the reference has it"):format(name, row), function()
        server:clear_log()
        server:fault(answer_to(fact))
        expect.success(call(name, row, fact))
        assert.are.equal(1, server:count())
        local entry = server:last()
        assert.are.same({ fact[1], fact[2] }, { entry.method, entry.path })
        assert.are.same(as_query(fact.wire_query or fact.query), entry.query)
        if fact.body then
          assert.are.same(fact.body, tables.decoded(entry.body))
        else
          assert.are.equal("", entry.body)
        end
        assert.are.equal(fact[1] ~= "GET" and "application/json" or nil, entry.header["content-type"])
        assert.are.equal(fact.accept or "application/json", entry.header.accept)
        assert.are.equal(fact[1] ~= "GET", entry.header["x-request-id"] ~= nil)
      end)
      ::next::
    end

    for alias, call_name in pairs(FACTS[name].aliases or {}) do
      it(("is called by %s:%s as by %s"):format(name, alias, call_name), function()
        local owner, row = call_name:match "^([%w_.]+):([%w_]+)$"
        local fact = FACTS[owner].rows[row]
        server:clear_log()
        server:fault(answer_to(fact))
        expect.success(call(name, alias, fact))
        assert.are.same({ fact[1], fact[2] }, { server:last().method, server:last().path })
      end)
    end
  end

  it("is called through client:request for everything else", function()
    local id = server:ids("scenario")[1]
    local answer = expect.success(client:request {
      method = "POST", path = "/v1/scenarios/" .. id .. "/archive", query = { force = "true" },
    })
    assert.are.equal(id, answer.id)
    local entry = server:last()
    assert.are.same({ "POST", "/v1/scenarios/" .. id .. "/archive", "", { force = "true" } },
      { entry.method, entry.path, entry.body, entry.query })
  end)

  describe("has no endpoint that is not called here:", function()
    for _, name in ipairs(names) do
      local class = resource.class(name)

      it("every row of " .. name .. " has its fact, and every fact its row", function()
        local rows = class.definition.rows
        assert.are.same(tables.names(FACTS[name].rows), tables.names(rows))
        for row_name, fact in pairs(FACTS[name].rows) do
          local row = rows[row_name]
          local shown = { row.timeout, row.once or false, row.internal or false }
          assert.are.same({ fact.timeout, fact.once or false, fact.internal or false }, shown,
            name .. ":" .. row_name)
        end
        assert.has_no_error(function() definitions.check(class.definition) end)
      end)

      it("every other call of " .. name .. " is a helper, and its things have their methods", function()
        local calls, helpers = {}, {}
        for method in pairs(class.methods) do
          if not class.definition.rows[method:gsub("^_", "")] then calls[#calls + 1] = method end
        end
        for i, helper in ipairs(FACTS[name].helpers) do helpers[i] = helper end
        for alias in pairs(FACTS[name].aliases or {}) do helpers[#helpers + 1] = alias end
        table.sort(calls)
        table.sort(helpers)
        assert.are.same(helpers, calls)
        assert.are.same(FACTS[name].methods or {}, tables.names(class.thing_methods))
      end)
    end
  end)

  describe("has no parameter that is not sent here:", function()
    local compare

    -- Holds a value against the shape it must match whole: no field of the shape may be absent from the value.
    local COMPARED = {
      object = function(shape, value, where)
        for name, field in pairs(shape.fields) do
          assert.is_not_nil(value[name], where .. "." .. name .. " is in the module, but not in the reference")
          compare(field, value[name], where .. "." .. name)
        end
      end,
      union = function(shape, value, where)
        compare(shape.variants[value.type], value, where .. "<" .. value.type .. ">")
      end,
      array = function(shape, value, where)
        local seen = {}
        for i, item in ipairs(value) do
          compare(shape.of, item, where .. "[" .. i .. "]")
          if type(item) == "table" then
            local variant = item.type or item.scorer and item.scorer.type
            if variant then seen[variant] = true end
          end
        end
        local union = shape.of.variants or shape.of.fields and shape.of.fields.scorer
          and shape.of.fields.scorer.variants
        if union then assert.are.same(tables.names(union), tables.names(seen), where) end
      end,
    }

    function compare(shape, value, where)
      local compared = COMPARED[shape.kind]
      if compared then return compared(shape, value, where) end
    end

    for _, name in ipairs(names) do
      for row, fact in pairs(FACTS[name].rows) do
        it(name .. ":" .. row, function()
          local spec = resource.class(name).definition.rows[row]
          local unsent = fact.unsent or {}
          local function whole(part)
            local all = {}
            for _, values in ipairs { part, unsent } do
              for field, value in pairs(values) do all[field] = value end
            end
            return all
          end
          if spec.query then compare(spec.query, whole(fact.query), row) end
          if spec.body then compare(spec.body, whole(fact.body), row) end
        end)
      end
    end
  end)
end)

-- Calls that are made of several requests, in order. What is looked at until something happens is there once.
local HELPERS = {
  scenarios = {
    start_run_and_await_env_ready = {
      args = { { scenario_id = "{scenario}" } },
      { "POST", "/v1/scenarios/start_run" }, { "POST", "/v1/devboxes/{new devbox}/wait_for_status" },
    },
  },
  ["scenarios.runs"] = {
    await_scored = { args = { "{scored}" }, { "GET", "/v1/scenarios/runs/{scored}" } },
    score_and_await = {
      args = { "{run}" }, { "POST", "/v1/scenarios/runs/{run}/score" }, { "GET", "/v1/scenarios/runs/{run}" },
    },
    score_and_complete = {
      args = { "{run}" }, { "POST", "/v1/scenarios/runs/{run}/score" }, { "GET", "/v1/scenarios/runs/{run}" },
      { "POST", "/v1/scenarios/runs/{run}/complete" },
    },
  },
  devboxes = {
    await_running = { args = { "{devbox}" }, { "POST", "/v1/devboxes/{devbox}/wait_for_status" } },
  },
}

describe("the helpers of the API", function()
  local server, client, ids

  setup(function() server = support.start { scenarios = 2, public = 1, runs = 0, scorers = 2 } end)
  teardown(function() server:stop() end)
  before_each(function()
    server:reset { scenarios = 2, public = 1, runs = 0, scorers = 2, provisioning_polls = 0, scoring_polls = 0 }
    client = server:client { max_retries = 0 }
    local scenario = server:ids("scenario")[1]
    local run = expect.success(client.scenarios:start_run { scenario_id = scenario })
    local scored = expect.success(client.scenarios:start_run { scenario_id = scenario })
    expect.success(scored:score_and_await { interval = 0 })
    ids = { scenario = scenario, run = run.id, scored = scored.id, devbox = run.devbox_id }
    server:clear_log()
  end)
  after_each(function() client:close() end)

  -- Puts ids in the place of "{run}" and the like.
  local function filled(value)
    if type(value) == "table" then
      local copy = {}
      for k, v in pairs(value) do copy[k] = filled(v) end
      return copy
    end
    return type(value) == "string" and value:gsub("{([%a ]+)}", ids) or value
  end

  for resource_name, helpers in pairs(HELPERS) do
    for name, expected in pairs(helpers) do
      it("make their requests in order: " .. resource_name .. ":" .. name, function()
        local owner = client
        for part in resource_name:gmatch "[%w_]+" do owner = owner[part] end
        expect.success(owner[name](owner, portable.unpack(filled(expected.args))))
        local boxes = server:ids "devbox"
        ids["new devbox"] = boxes[#boxes]
        local requests = {}
        for i, entry in ipairs(server:log()) do requests[i] = { entry.method, entry.path } end
        assert.are.same(filled(table.move(expected, 1, #expected, 1, {})), requests)
      end)
    end
  end
end)
