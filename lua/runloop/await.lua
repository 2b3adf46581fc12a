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

-- The clock of one await: what is left of its timeout, and the views it has seen.
local function new_watch(spec, options, what)
  local timeout = spec.timeout
  if options and options.deadline and options.deadline < timeout then timeout = options.deadline end
  return { stop = now() + timeout, timeout = timeout, on_poll = spec.on_poll, what = what }
end

local function left(watch)
  return watch.stop - now()
end

local function see(watch, view)
  watch.last = view
  if watch.on_poll then watch.on_poll(view) end
end

local function timed_out(watch)
  return nil, errors.new {
    kind = "timeout", code = "AWAIT", last = watch.last,
    message = string.format("%s: not there after %g seconds", watch.what, watch.timeout),
  }
end

local function wrong_state(watch, view, state)
  return nil, errors.new {
    kind = "state", code = tostring(state), last = view,
    message = string.format("%s: ended in state '%s'", watch.what, tostring(state)),
  }
end

-- Call options with what an await decides over them; the user's table stays as it is.
local function with(options, over)
  local copy = {}
  for name, value in pairs(options or {}) do copy[name] = value end
  for name, value in pairs(over) do copy[name] = value end
  return copy
end

-- An error of a call inside an await: the await's own timeout when it was its deadline that ended the call.
local function call_failed(watch, err)
  if err.code == "DEADLINE" then return timed_out(watch) end
  err.last = watch.last
  return nil, err
end

--- Waits until a run is scored.
---@param transport table
---@param runs table the resource
---@param id string
---@param spec table checked await options
---@param options table|nil call options
---@return table|nil view, table response_or_err
function await.scored(transport, runs, id, spec, options)
  local watch = new_watch(spec, options, "run " .. id)
  while true do
    if left(watch) <= 0 then return timed_out(watch) end
    local view, response = runs:retrieve(id, with(options, { deadline = left(watch) }))
    if not view then return call_failed(watch, response) end
    see(watch, view)
    local state = view.state
    if state == "scored" or (state == "completed" and type(view.scoring_contract_result) == "table") then
      return view, response
    end
    if not SCORING[state] then return wrong_state(watch, view, state) end
    transport.scheduler:sleep(math.max(0, math.min(left(watch), math.max(spec.interval, MIN_INTERVAL))))
  end
end

-- How long after a failed long poll the next one may come; nil when the error stands.
local function after_failure(transport, watch, err, failures)
  if not err.retryable then return nil end
  if (err.kind == "api" or err.kind == "tls") and failures > MAX_FAULTS then return nil end
  local wait = retry.wait(failures - 1, err.headers, transport.options.max_retry_wait, core.time(), math.random())
  return wait and math.max(MIN_ANSWER_GAP, math.min(wait, left(watch)))
end

--- Waits until a devbox runs.
---@param transport table
---@param devboxes table the resource
---@param id string
---@param spec table checked await options
---@param options table|nil call options
---@return table|nil view, table response_or_err
function await.running(transport, devboxes, id, spec, options)
  local watch = new_watch(spec, options, "devbox " .. id)
  local failures = 0
  while true do
    local remaining = left(watch)
    if remaining <= 0 then return timed_out(watch) end
    local hold = math.max(1, math.min(MAX_HOLD, math.floor(remaining)))
    local began = now()
    local view, response = devboxes:wait_for_status(id, { statuses = READY_STATUSES, timeout_seconds = hold },
      with(options, { deadline = remaining, timeout = hold + HOLD_MARGIN, max_retries = 0 }))
    local wait = math.max(MIN_ANSWER_GAP, spec.interval - (now() - began))
    if view then
      failures = 0
      see(watch, view)
      if view.status == "running" then return view, response end
      if not BOOTING[view.status] then return wrong_state(watch, view, view.status) end
    elseif response.status == 408 then
      failures = 0
    elseif response.code == "DEADLINE" then
      return timed_out(watch)
    else
      failures = failures + 1
      wait = after_failure(transport, watch, response, failures)
      if not wait then return call_failed(watch, response) end
    end
    transport.scheduler:sleep(math.max(0, math.min(wait, left(watch))))
  end
end

--- Scores a run and waits for the result.
function await.score(transport, runs, id, spec, options)
  local run, err = runs:score(id, options)
  if not run then return nil, err end
  return await.scored(transport, runs, id, spec, await.without_key(options))
end

--- Scores a run, waits for the result and completes the run, which ends its devbox.
function await.score_and_complete(transport, runs, id, spec, options)
  local run, err = await.score(transport, runs, id, spec, options)
  if not run then return nil, err end
  if run.state == "completed" then return run, err end
  local done, response = runs:complete(id, await.without_key(options))
  if not done then response.last = run end
  return done, response
end

--- Waits for the environment of a run that was started. The run is never lost: the error carries it.
---@param transport table
---@param client table with scenarios and devboxes
---@param run table
---@param response table of the call that started it
---@param spec table checked await options
---@param options table|nil call options
---@return table|nil run, table response_or_err
function await.env_ready(transport, client, run, response, spec, options)
  local rest = await.without_key(options)
  local ready, err = await.running(transport, client.devboxes, run.devbox_id, spec, rest)
  if ready then return run, response end
  err.run = run
  if spec.cancel_on_failure and err.kind ~= "cancelled" then
    local unhurried = with(rest, {})
    unhurried.deadline = nil -- the await has used it up
    local cancelled, cancel_err = client.scenarios.runs:cancel(run.id, unhurried)
    if cancelled then err.run = cancelled else err.cancel_error = cancel_err end
  end
  return nil, err
end

--- A helper makes several calls: a key that the user gave belongs to the first of them only.
---@param options table|nil
---@return table|nil
function await.without_key(options)
  if not options or not options.idempotency_key then return options end
  local rest = with(options, {})
  rest.idempotency_key = nil
  return rest
end

return await
