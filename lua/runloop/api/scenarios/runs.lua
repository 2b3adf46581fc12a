-- Runs of scenarios: an agent at work, and what its work is worth.

local lazy = require "runloop.lazy"
local schema = require "runloop.schema"
local common = require "runloop.api.shapes"

local await = lazy.module "await"

local type = type

local id, integer, map, number, text = schema.id, schema.integer, schema.map, schema.number, schema.string
local answer, array, enum, required = schema.answer, schema.array, schema.enum, schema.required

local shapes = schema.shapes(common)

shapes.RunState = enum {
  "running # also while the environment comes up", "scoring", "scored", "completed", "canceled", "timeout", "failed",
}
shapes.ScoringFunctionState = enum { "unknown", "complete", "error" }

shapes.ScenarioRunListQuery = common.list_of({
  benchmark_run_id = id "runs of this benchmark run",
  name = text "runs of this name",
  scenario_id = id "runs of this scenario",
  state = text "runs in this state; see runloop.RunState",
}, "ids and names")

shapes.ScoringFunctionResult = answer {
  output = required(text),
  score = required(number),
  scoring_function_name = required(text),
  state = required(shapes.ScoringFunctionState),
}

shapes.ScoringContractResult = answer {
  score = required(number "0 to 1"),
  scoring_function_results = required(array(shapes.ScoringFunctionResult)),
}

shapes.ScenarioRun = answer {
  "A run of a scenario.",
  benchmark_run_id = text,
  devbox_id = required(text),
  duration_ms = integer,
  environment_variables = map,
  id = required(text),
  metadata = required(map),
  name = text,
  purpose = text,
  scenario_id = required(text),
  scoring_contract_result = shapes.ScoringContractResult,
  secrets_provided = map,
  start_time_ms = integer "since 1970",
  state = required(shapes.RunState),
}

local WAITING = { running = true, scoring = true }

local function is_scored(run)
  local state = run.state
  if state == "scored" or (state == "completed" and type(run.scoring_contract_result) == "table") then return true end
  if WAITING[state] then return false end
  return nil, state
end

local function wait(watch, run)
  return watch:poll(function(options) return watch.api["scenarios.runs"]:retrieve(run, options) end, is_scored)
end

local function await_scored(context, run, spec, options)
  return wait(await.new(context, spec, options, "run " .. run), run)
end

local IN_SCORING = { scoring = true, scored = true, completed = true }
local COMPLETED = { completed = true }

-- What an attempt has done whose answer was lost, the next one may be refused: the run, if it is in one of the states.
local function done_before(watch, run, err, states)
  if err.kind ~= "api" or err.retryable or err.attempts < 2 and not err.maybe_sent then return nil end
  local view, response = watch.api["scenarios.runs"]:retrieve(run, watch:call_options())
  if view and states[view.state] then return view, response end
  return nil
end

local function score_and_wait(watch, run)
  local scoring, err = watch.api["scenarios.runs"]:score(run, watch:call_options())
  if not scoring and not done_before(watch, run, err, IN_SCORING) then return watch:failed(err) end
  return wait(watch, run)
end

local function score_and_await(context, run, spec, options)
  return score_and_wait(await.new(context, spec, options, "run " .. run), run)
end

local function score_and_complete(context, run, spec, options)
  local watch = await.new(context, spec, options, "run " .. run)
  local view, response = score_and_wait(watch, run)
  if not view or view.state == "completed" then return view, response end
  view, response = context.api["scenarios.runs"]:complete(run, watch:call_options())
  if view then return view, response end
  local seen, seen_response = done_before(watch, run, response, COMPLETED)
  if seen then return seen, seen_response end
  return watch:failed(response)
end

return {
  name = "scenarios.runs", kind = "run", thing = shapes.ScenarioRun, shapes = shapes,

  rows = {
    list = {
      "GET /v1/scenarios/runs", "Lists runs.",
      query = shapes.ScenarioRunListQuery, list = "runs", returns = "scenarios.runs",
    },
    retrieve = { "GET /v1/scenarios/runs/{id}", "One run.", returns = "scenarios.runs" },
    cancel = {
      "POST /v1/scenarios/runs/{id}/cancel", "Ends a run and shuts its devbox down.", returns = "scenarios.runs",
    },
    complete = {
      "POST /v1/scenarios/runs/{id}/complete", "Completes a run that is scored and shuts its devbox down.",
      returns = "scenarios.runs",
    },
    score = {
      "POST /v1/scenarios/runs/{id}/score", "Begins to score a run; the result comes later.",
      returns = "scenarios.runs",
    },
    download_logs = {
      "POST /v1/scenarios/runs/{id}/download_logs",
      "The logs of a run as a zip, to a file or as a string. The file appears whole or not at all. One that it "
        .. "replaces keeps its permissions, and a link to it stays; what is no regular file is refused.",
      accept = "application/zip", returns = "bytes", check = "zip",
    },
  },

  helpers = {
    await_scored = {
      "Waits while a run is `running` or `scoring`. Succeeds on `scored`, and on `completed` with a result; any other "
        .. "state is an error of kind `state`.",
      takes = { "id", "await", "options" }, returns = "scenarios.runs", call = await_scored,
    },
    score_and_await = {
      "Scores a run and waits for the result.",
      takes = { "id", "await", "options" }, returns = "scenarios.runs", call = score_and_await,
    },
    score_and_complete = {
      "Scores a run, waits for the result and completes the run, which ends its devbox.",
      takes = { "id", "await", "options" }, returns = "scenarios.runs", call = score_and_complete,
    },
  },

  methods = {
    refresh = { "Asks the API for it again.", in_place = "retrieve" },
    cancel = { "Ends it and shuts its devbox down.", in_place = "cancel" },
    complete = { "Completes it and shuts its devbox down.", in_place = "complete" },
    score = { "Begins to score it.", in_place = "score" },
    await_scored = { "Waits for its score.", in_place = "await_scored" },
    score_and_await = { "Scores it and waits for the result.", in_place = "score_and_await" },
    score_and_complete = { "Scores it, waits for the result and completes it.", in_place = "score_and_complete" },
    download_logs = { "Its logs as a zip.", calls = "scenarios.runs:download_logs" },
    scenario = { "Its scenario.", calls = "scenarios:retrieve", field = "scenario_id" },
    devbox = { "The devbox that it works on.", calls = "devboxes:retrieve", field = "devbox_id" },
  },
}
