-- Helpers that wait for the platform: a run that is being scored, an environment that comes up.

local core = require "runloop.core"
local errors = require "runloop.error"
local retry = require "runloop.retry"

local now = core.now

local await = {}

local MIN_INTERVAL = 0.01 -- seconds between two polls, whatever the user asks for
local MIN_ANSWER_GAP = 0.1 -- seconds between two long polls, however fast the server answers
local MAX_HOLD = 30 -- seconds that wait_for_status holds at most
local HOLD_MARGIN = 5 -- seconds a held answer may be late before the attempt counts as lost
local MAX_FAULTS = 5 -- answers in a row that say the server is in trouble

local SCORING = { running = true, scoring = true }
local BOOTING = { scheduled = true, queued = true, provisioning = true, initializing = true }
local READY_STATUSES = { "running", "failure", "shutdown" }

-- The clock of one helper: what is left of its timeout, whatever it waits for, and the last view it has seen.
local function new_watch(spec, options, what)
  local timeout = spec.timeout
  if options and options.deadline and options.deadline < timeout then timeout = options.deadline end
  return { stop = now() + timeout, timeout = timeout, on_poll = spec.on_poll, what = what, options = options }
end

local function left(watch)
  return watch.stop - now()
end

local function see(watch, view)
  watch.last = view
  if watch.on_poll then watch.on_poll(view) end
end

local function timeout_message(watch)
  return watch.what .. ": not there after " .. errors.number_text(watch.timeout) .. " seconds"
end

local function timed_out(watch)
  return nil, errors.new {
    kind = "timeout", code = "AWAIT", last = watch.last, message = timeout_message(watch),
  }
end

local function wrong_state(watch, view, state)
  if type(state) ~= "string" then
    return nil, errors.new {
      kind = "decode", code = "SHAPE", last = view, message = watch.what .. ": the answer does not say its state",
    }
  end
  return nil, errors.new {
    kind = "state", code = state, last = view, message = string.format("%s: ended in state '%s'", watch.what, state),
  }
end

-- Waits for the next look, at most as long as there is time; an error when the client was closed meanwhile.
local function pause(watch, transport, seconds)
  transport.scheduler:sleep(math.max(0, math.min(seconds, left(watch))))
  local ended = transport.scheduler:end_if_closed()
  if ended then ended.last = watch.last end
  return ended
end

-- The user's call options with what an await decides over them, in a new table. A helper makes several calls: a key
-- that the user gave belongs to the first of them only.
local function options_for_call(watch, over)
  local copy = {}
  for name, value in pairs(watch.options or {}) do copy[name] = value end
  -- An option must be more than 0; a deadline that is too close to begin fails as one that has passed.
  copy.deadline = math.max(left(watch), 1e-6)
  if watch.begun then copy.idempotency_key = nil end
  watch.begun = true
  for name, value in pairs(over or {}) do copy[name] = value end
  return copy
end

-- An error of a call inside an await: the await's own timeout when it was its deadline that ended the call.
local function call_failed(watch, err)
  if err.code == "DEADLINE" then err.code, err.message = "AWAIT", timeout_message(watch) end
  err.last = watch.last
  return nil, err
end

local function wait_scored(watch, transport, runs, id, spec)
  while true do
    if left(watch) <= 0 then return timed_out(watch) end
    local view, response = runs:retrieve(id, options_for_call(watch))
    if not view then return call_failed(watch, response) end
    see(watch, view)
    local state = view.state
    if state == "scored" or (state == "completed" and type(view.scoring_contract_result) == "table") then
      return view, response
    end
    if not SCORING[state] then return wrong_state(watch, view, state) end
    local ended = pause(watch, transport, math.max(spec.interval, MIN_INTERVAL))
    if ended then return nil, ended end
  end
end

local function score_and_wait(watch, transport, runs, id, spec)
  local run, err = runs:score(id, options_for_call(watch))
  if not run then return call_failed(watch, err) end
  return wait_scored(watch, transport, runs, id, spec)
end

--- Waits until a run is scored.
---@param transport table
---@param runs table the resource
---@param id string
---@param spec table checked await options
---@param options table|nil call options
---@return table|nil view, table response_or_err
function await.scored(transport, runs, id, spec, options)
  return wait_scored(new_watch(spec, options, "run " .. id), transport, runs, id, spec)
end

--- Scores a run and waits for the result.
function await.score(transport, runs, id, spec, options)
  return score_and_wait(new_watch(spec, options, "run " .. id), transport, runs, id, spec)
end

--- Scores a run, waits for the result and completes the run, which ends its devbox.
function await.score_and_complete(transport, runs, id, spec, options)
  local watch = new_watch(spec, options, "run " .. id)
  local run, response = score_and_wait(watch, transport, runs, id, spec)
  if not run or run.state == "completed" then return run, response end
  run, response = runs:complete(id, options_for_call(watch))
  if not run then return call_failed(watch, response) end
  return run, response
end

-- How long after a failed long poll the next one may come; nil when the error stands.
local function after_failure(transport, watch, err, failures)
  if not err.retryable then return nil end
  if (err.kind == "api" or err.kind == "tls") and failures > MAX_FAULTS then return nil end
  local wait, asked = retry.wait(failures - 1, err.headers, transport.options.max_retry_wait, core.time(),
    core.random())
  if not wait then return nil end
  wait = math.max(MIN_ANSWER_GAP, math.min(wait, left(watch)))
  transport:hold_back(err, wait, asked)
  return wait
end

local function wait_running(watch, transport, devboxes, id, spec)
  local failures = 0
  while true do
    local remaining = left(watch)
    if remaining <= 0 then return timed_out(watch) end
    local hold = math.max(1, math.min(MAX_HOLD, math.floor(remaining)))
    local began = now()
    local view, response = devboxes:wait_for_status(id, { statuses = READY_STATUSES, timeout_seconds = hold },
      options_for_call(watch, { timeout = hold + HOLD_MARGIN, max_retries = 0 }))
    local wait = math.max(MIN_ANSWER_GAP, spec.interval - (now() - began))
    if view then
      failures = 0
      see(watch, view)
      if view.status == "running" then return view, response end
      if not BOOTING[view.status] then return wrong_state(watch, view, view.status) end
    elseif response.status == 408 then
      failures = 0
    else
      failures = failures + 1
      wait = after_failure(transport, watch, response, failures)
      if not wait then return call_failed(watch, response) end
    end
    local ended = pause(watch, transport, wait)
    if ended then return nil, ended end
  end
end

--- Waits until a devbox runs.
---@param transport table
---@param devboxes table the resource
---@param id string
---@param spec table checked await options
---@param options table|nil call options
---@return table|nil view, table response_or_err
function await.running(transport, devboxes, id, spec, options)
  return wait_running(new_watch(spec, options, "devbox " .. id), transport, devboxes, id, spec)
end

local function is_id(value)
  return type(value) == "string" and value ~= ""
end

local function wait_environment(watch, transport, client, run, spec)
  local id = run.devbox_id
  if not is_id(id) then
    return nil, errors.new { kind = "decode", code = "SHAPE", message = "the run that was started has no devbox_id" }
  end
  watch.what = "devbox " .. id
  return wait_running(watch, transport, client.devboxes, id, spec)
end

--- Starts a run and waits for its environment. The run is never lost: the error carries it.
---@param transport table
---@param client table with scenarios and devboxes
---@param params table of the run
---@param spec table checked await options
---@param options table|nil call options
---@return table|nil run, table response_or_err
function await.env_ready(transport, client, params, spec, options)
  local watch = new_watch(spec, options, "the start of a run")
  local run, response = client.scenarios:start_run(params, options_for_call(watch))
  if not run then return call_failed(watch, response) end
  local function cancel_run()
    local unhurried = options_for_call(watch)
    unhurried.deadline = nil -- the await has used it up
    return client.scenarios.runs:cancel(run.id, unhurried)
  end
  local may_cancel = spec.cancel_on_failure and is_id(run.id)
  local went_on, ready, err = pcall(wait_environment, watch, transport, client, run, spec)
  if not went_on then -- `on_poll` has raised
    if may_cancel and not transport.scheduler.closed then cancel_run() end
    error(ready, 0)
  end
  if ready then return run, response end
  err.run = run
  if may_cancel and err.kind ~= "cancelled" then
    local cancelled, cancel_err = cancel_run()
    if cancelled then err.run = cancelled else err.cancel_error = cancel_err end
  end
  return nil, err
end

return await
