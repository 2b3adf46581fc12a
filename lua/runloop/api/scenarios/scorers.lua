-- Scorers of one's own: scripts that judge the work of a run.

local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local pairs = pairs

local text = schema.string
local answer, object, required = schema.answer, schema.object, schema.required

local shapes = schema.shapes(common)

shapes.ScorerCreateParameters = object {
  bash_script = required(text "reads JSON from $RL_SCORER_CONTEXT"),
  type = required(text),
}

shapes.ScorerUpdateParameters = object {
  bash_script = required(text),
  type = required(text),
}

shapes.ScorerListQuery = common.list_of({}, "ids and types")

shapes.Scorer = answer {
  "A scorer of one's own.",
  bash_script = required(text),
  id = required(text),
  type = required(text),
}

-- The API wants all of a scorer with every update.
local function complete(scorer, params)
  local all = { type = scorer.type, bash_script = scorer.bash_script }
  for name, value in pairs(params) do all[name] = value end
  return all
end

return {
  name = "scenarios.scorers", kind = "scorer", thing = shapes.Scorer, shapes = shapes,

  rows = {
    list = {
      "GET /v1/scenarios/scorers", "Lists the account's own scorers.",
      query = shapes.ScorerListQuery, list = "scorers", returns = "scenarios.scorers",
    },
    retrieve = { "GET /v1/scenarios/scorers/{id}", "One scorer.", returns = "scenarios.scorers" },
    create = {
      "POST /v1/scenarios/scorers", "Creates a scorer; scenarios refer to it by its type.",
      body = shapes.ScorerCreateParameters, returns = "scenarios.scorers",
    },
    update = {
      "POST /v1/scenarios/scorers/{id}", "Replaces a scorer's type and script; the API wants both.",
      body = shapes.ScorerUpdateParameters, changes = true, returns = "scenarios.scorers",
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    update = { "Replaces its type, its script or both.", in_place = "update", completes = complete },
  },
}
