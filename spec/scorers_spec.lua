-- Custom scorers: every call, the tables that come back, and their methods.
local runloop = require "runloop"
local stand_in = require "spec.support.stand_in"
local expect = require "spec.support.expect"
local tables = require "spec.support.tables"

local copy, names = tables.copy, tables.names

describe("client.scenarios.scorers", function()
  local server, client, scorers
  stand_in({ scenarios = 2, public = 0, runs = 0, scorers = 8 }, function(started)
    server, client = started, started:client()
    scorers = client.scenarios.scorers
  end)

  local function fields(id)
    return tables.decoded(server:text("scorer", id))
  end

  local function last_request()
    local entry = server:last()
    return { entry.method, entry.target }, tables.decoded(entry.body ~= "" and entry.body or "null")
  end

  describe("create", function()
    it("makes a scorer of a type and a script", function()
      local params = { type = "my_linter", bash_script = 'echo "score=1.0" # é\n' }
      local scorer, response = expect.success(scorers:create(params))
      assert.are.equal(200, response.status)
      local ids = server:ids "scorer"
      assert.are.same({ id = ids[9], type = "my_linter", bash_script = 'echo "score=1.0" # é\n' }, copy(scorer))
      assert.are.same({ type = "my_linter", bash_script = 'echo "score=1.0" # é\n' }, params)
      local request, body = last_request()
      assert.are.same({ "POST", "/v1/scenarios/scorers" }, request)
      assert.are.same(params, body)
    end)

    it("gives the server's error for a type that exists", function()
      local taken = fields(server:ids("scorer")[1]).type
      local err = expect.failure("api", "bad_request", scorers:create { type = taken, bash_script = "x" })
      assert.are.equal("Custom scorer type already exists.", err.message)
      assert.are.equal(8, #server:ids "scorer")
    end)

    it("names what is missing, unknown or of a wrong type, and sends nothing", function()
      local function refused(text, params)
        local message = expect.raises(text, function() scorers:create(params) end)
        assert.matches("scenarios.scorers:create", message, 1, true)
      end
      refused("'type' is required", { bash_script = "x" })
      refused("'bash_script' is required", { type = "x" })
      refused("'bash_script' must be a string, got number", { type = "x", bash_script = 1 })
      refused("unknown parameter 'bash_scrip' (did you mean 'bash_script'?)", { type = "x", bash_scrip = "x" })
      refused("", nil)
      refused("", "my_linter")
      assert.are.equal(0, server:count())
    end)
  end)

  describe("retrieve", function()
    it("gives a scorer and the response", function()
      for _, id in ipairs(server:ids "scorer") do
        local scorer, response = expect.success(scorers:retrieve(id))
        assert.are.same(fields(id), copy(scorer))
        assert.are.equal(200, response.status)
        assert.are.same({ "GET", "/v1/scenarios/scorers/" .. id }, (last_request()))
      end
    end)

    it("takes a scorer in place of its id, and nothing of another kind", function()
      local scorer = expect.success(scorers:retrieve(server:ids("scorer")[2]))
      assert.are.same(copy(scorer), copy(expect.success(scorers:retrieve(scorer))))
      local scenario = expect.success(client.scenarios:list():next())
      expect.raises("got a scenario", function() scorers:retrieve(scenario) end)
      for _, id in ipairs { "", ".", "..", 7, {} } do
        expect.raises("scenarios.scorers:retrieve", function() scorers:retrieve(id) end)
      end
    end)

    it("fails as not_found for an id that nobody has", function()
      expect.failure("api", "not_found", scorers:retrieve "scs_nowhere")
    end)

    it("passes fields from the future through", function()
      server:fault { path = "/scorers/", status = 200, headers = { ["Content-Type"] = "application/json" },
        body = '{"id":"scs_1","type":"t","bash_script":null,"languages":["lua"],"refresh":7}' }
      local scorer = expect.success(scorers:retrieve "scs_1")
      assert.are.same({ id = "scs_1", type = "t", languages = { "lua" }, refresh = 7 }, copy(scorer))
    end)
  end)

  describe("update", function()
    it("replaces type and script", function()
      local id = server:ids("scorer")[3]
      local params = { type = "renamed", bash_script = "echo score=0.5" }
      local scorer = expect.success(scorers:update(id, params))
      assert.are.same({ id = id, type = "renamed", bash_script = "echo score=0.5" }, copy(scorer))
      assert.are.same(fields(id), copy(scorer))
      local request, body = last_request()
      assert.are.same({ "POST", "/v1/scenarios/scorers/" .. id }, request)
      assert.are.same(params, body)
    end)

    it("needs both, as the API does", function()
      local id = server:ids("scorer")[3]
      expect.raises("'type' is required", function() scorers:update(id, { bash_script = "x" }) end)
      expect.raises("'bash_script' is required", function() scorers:update(id, { type = "x" }) end)
      assert.are.equal(0, server:count())
    end)
  end)

  describe("list", function()
    it("gives all scorers in order, page after page", function()
      local ids = {}
      for scorer in scorers:list { limit = 3 } do
        ids[#ids + 1] = scorer.id
        assert.are.same(fields(scorer.id), copy(scorer))
      end
      assert.are.same(server:ids "scorer", ids)
      assert.are.equal(3, server:count { path = "^/v1/scenarios/scorers$" })
    end)

    it("searches by id and type, from page to page", function()
      local all = server:ids "scorer"
      local some = fields(all[5])
      assert.are.same({ all[5] }, { expect.success(scorers:list({ search = some.id }):next()).id })
      local found = expect.success(scorers:list({ search = some.type:upper() }):collect())
      assert.are.equal(some.id, found[1].id)
      server:clear_log()
      expect.success(scorers:list({ search = "s", limit = 1, include_total_count = false }):collect())
      for i, entry in ipairs(server:log()) do
        assert.are.equal(i > 1, entry.query.starting_after ~= nil)
        entry.query.starting_after = nil
        assert.are.same({ search = "s", limit = "1", include_total_count = "false" }, entry.query)
      end
    end)

    it("gives pages of scorers", function()
      local page = scorers:list({ limit = 5, include_total_count = true }):pages()()
      assert.are.equal(5, #page.scorers)
      assert.is_true(page.has_more)
      assert.are.equal(8, page.total_count)
      assert.are.equal("function", type(page.scorers[1].update))
    end)

    it("refuses parameters that scorers do not have", function()
      expect.raises("unknown parameter 'name'", function() scorers:list { name = "x" } end)
      expect.raises("'limit'", function() scorers:list { limit = 0 } end)
      assert.are.equal(0, server:count())
    end)
  end)

  describe("methods of a scorer", function()
    local scorer
    before_each(function()
      scorer = expect.success(scorers:retrieve(server:ids("scorer")[1]))
      server:clear_log()
    end)

    it("update it in place, keeping what is not given", function()
      local kind = scorer.type
      local params = { bash_script = "echo score=0.25" }
      local same, response = expect.success(scorer:update(params))
      assert.is_true(rawequal(scorer, same))
      assert.are.equal(200, response.status)
      assert.are.same({ id = scorer.id, type = kind, bash_script = "echo score=0.25" }, copy(scorer))
      assert.are.same(fields(scorer.id), copy(scorer))
      assert.are.same({ bash_script = "echo score=0.25" }, params)
      local request, body = last_request()
      assert.are.same({ "POST", "/v1/scenarios/scorers/" .. scorer.id }, request)
      assert.are.same({ type = kind, bash_script = "echo score=0.25" }, body)
      expect.success(scorer:update({ type = "other" }, { idempotency_key = "key-1" }))
      assert.are.same({ "other", "echo score=0.25" }, { scorer.type, scorer.bash_script })
      assert.are.equal("key-1", server:last().header["x-request-id"])
      expect.raises("nothing to update", function() scorer:update() end)
    end)

    it("refresh it in place", function()
      expect.success(scorers:update(scorer.id, { type = "elsewhere", bash_script = "x" }))
      scorer.note = "mine"
      assert.are.equal(scorer, expect.success(scorer:refresh()))
      assert.are.same({ id = scorer.id, type = "elsewhere", bash_script = "x" }, copy(scorer))
    end)

    it("leave the table untouched when they fail", function()
      local before = copy(scorer)
      local taken = fields(server:ids("scorer")[2]).type
      expect.failure("api", "bad_request", scorer:update { type = taken })
      assert.are.same(before, copy(scorer))
      server:fault { path = "/scorers/", status = 404 }
      expect.failure("api", "not_found", scorer:refresh())
      assert.are.same(before, copy(scorer))
    end)

    it("refuse what they do not know, naming the call", function()
      expect.raises("unknown parameter 'script'", function() scorer:update { script = "x" } end)
      expect.raises("scenarios.scorers:update", function() scorer:update "x" end)
      assert.are.equal(0, server:count())
    end)

    it("do not show", function()
      assert.are.same({ "bash_script", "id", "type" }, names(scorer))
      assert.are.same(copy(scorer), copy(assert(runloop.json.decode(runloop.json.encode(scorer)))))
    end)
  end)
end)
