--- Custom scorers.
local base = require "api.base"
local data = require "data"

local scorers = { defaults = { scorers = 8 } }

local expect, ok, members = base.expect, base.ok, base.members

function scorers.seed(options, stores)
  local store = base.new_store()
  for i = 1, options.scorers do
    local id = data.id("scs_", options.seed, i)
    base.add(store, {
      id = id, seeded = true,
      fields = { id = id, type = "my_scorer_" .. i, bash_script = "#!/bin/bash\necho \"score=0." .. i .. "\"\n" },
    })
  end
  stores.scorer = store
end

local SCORER = base.names "type bash_script"

local function check_scorer(self, value, own_id)
  for name in pairs(value) do expect(type(value[name]) == "string" and value[name] ~= "", name .. " must be a string") end
  for _, other in ipairs(self.stores.scorer.list) do
    expect(other.id == own_id or other.fields.type ~= value.type, "Custom scorer type already exists.")
  end
end

local function create_scorer(self, request)
  local value = members(request, SCORER)
  check_scorer(self, value)
  expect(value.type and value.bash_script, "type and bash_script are required")
  local id = base.new_id(self, "scs_")
  value.id = id
  return ok(base.record_text(base.add(self.stores.scorer, { id = id, fields = value })))
end

local function update_scorer(self, request, id)
  local record = base.find_own(self, "scorer", id, "Scorer")
  local value = members(request, SCORER)
  check_scorer(self, value, id)
  for name, v in pairs(value) do record.fields[name] = v end
  record.text = nil
  return ok(base.record_text(record))
end

local function list_scorers(self, request)
  local match = base.matcher(request.query, function(record) return record.fields.type end)
  return base.list_page(self.stores.scorer, request.query, "scorers", base.record_text, match)
end

--- The script of a scorer type, or nil.
function scorers.script(self, kind)
  for _, record in ipairs(self.stores.scorer.list) do
    if record.fields.type == kind then return record.fields.bash_script end
  end
end

scorers.texts = { scorer = base.record_text }

scorers.routes = {
  { "GET", "/v1/scenarios/scorers", list_scorers },
  { "POST", "/v1/scenarios/scorers", create_scorer },
  { "GET", "/v1/scenarios/scorers/{id}", function(self, _, id)
    return ok(base.record_text(base.find(self, "scorer", id, "Scorer")))
  end },
  { "POST", "/v1/scenarios/scorers/{id}", update_scorer },
}

return scorers
