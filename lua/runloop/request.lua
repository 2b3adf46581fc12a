-- One call over the wire: made, sent, answered. How it fails, is told of and is tried again is in attempts.lua.

local core = require "runloop.core"
local headers = require "runloop.headers"
local lazy = require "runloop.lazy"
local secrets = require "runloop.secrets"
local json = require "runloop.json"

local getmetatable, next, pairs = getmetatable, next, pairs
local setmetatable, tostring, type = setmetatable, tostring, type
local find = string.find
local concat, sort = table.concat, table.sort

local now, uuid = core.now, core.uuid
local array_mt = core.array_mt

local DEADLINE_MARGIN = 0.001 -- seconds: less than this is no time for an attempt
local PROGRESS_PACE = 0.25 -- seconds between two calls of on_progress

local transport = {
  UNREADABLE = "BAD_CONTENT_ENCODING", -- the code of a body whose content coding libcurl cannot undo
}

lazy.methods(transport, "attempts", {
  "emit", "fail", "past_deadline", "request_elsewhere", "lost", "refused", "decode_error", "cut_short", "hold_back",
  "retry_wait", "tell_progress", "warm_up", "decode_text", "decode_nothing", "decode_any",
})

local transport_mt = { __name = "runloop.transport", __index = transport }

--- What all calls of one client share.
---@param fields { http: userdata, scheduler: table, options: table, base_url: string, headers: table }
---@param own_secrets string[] what it must not show
---@param defaults table headers that the core has too, the token's among them
---@return table
local function new(fields, own_secrets, defaults)
  local self = setmetatable(fields, transport_mt)
  -- In functions, not in fields: pagers lead here, and who prints one must not see the token.
  self.scrub, self.learn, self.learn_headers = secrets.new(own_secrets, self.headers)
  self.scheduler.scrub = self.scrub -- for what it tells of tasks
  function self.defaults() return defaults end
  self.retries = 0
  -- What differs from call to call is left out here, unless the user has set or removed it.
  local own = self.headers
  self.plain = not (own["x-request-id"] or own["x-stainless-retry-count"] or own["content-type"])
  return self
end

-- What libcurl would add by itself. A URL that was signed for anybody lets in who sends what was signed: nothing of ours,
-- nor of libcurl's.
local BARE = {
  accept = { "Accept", false }, ["accept-encoding"] = { "Accept-Encoding", false },
  ["content-type"] = { "Content-Type", false },
}

-- Of the client's headers none is another host's business: only the request's own go there.
local function lines_elsewhere(request)
  local set, key = headers.merge(BARE, request.headers), request.idempotency_key
  if key then set["x-request-id"] = { "x-request-id", key } end
  return headers.lines(set), true
end

-- What goes with those that the core has already (`base_headers`) and the idempotency key, which it adds.
local function usual_lines(method, attempt)
  local count = "x-stainless-retry-count: " .. attempt
  if method == "GET" then return { count } end
  return { count, "Content-Type: application/json" }
end

local GET_LINES, OTHER_LINES = {}, {}
for i = 0, 9 do
  GET_LINES[i], OTHER_LINES[i] = usual_lines("GET", i), usual_lines("POST", i)
end

-- The header lines of one attempt. A call without headers of its own only adds what differs; `bare` says that the list is
-- the whole list.
local function header_lines(self, request, attempt)
  if self.plain and not (request.headers or request.raw or request.elsewhere) then
    local method = request.method
    return (method == "GET" and GET_LINES or OTHER_LINES)[attempt] or usual_lines(method, attempt), false
  end
  if request.elsewhere then return lines_elsewhere(request) end
  local key = request.idempotency_key
  local defaults = { ["x-stainless-retry-count"] = { "x-stainless-retry-count", tostring(attempt) } }
  if request.method ~= "GET" then
    defaults["content-type"] = { "Content-Type", "application/json" }
    defaults["x-request-id"] = { "x-request-id", key }
  end
  if request.raw then defaults["accept-encoding"] = { "Accept-Encoding", "identity" } end
  local set = headers.merge(headers.merge(headers.merge(self.defaults(), defaults), self.headers), request.headers)
  return headers.lines(set), true
end

--- How an answer is decoded, by the call options.
transport.reading = json.reading

--- A URL with a query added.
---@param url string
---@param query table|nil name -> string, already checked
---@return string
function transport.with_query(url, query)
  if not query then return url end
  local names = {}
  for name in pairs(query) do names[#names + 1] = name end
  if not names[1] then return url end
  sort(names)
  for i = 1, #names do
    names[i] = core.url_encode(names[i]) .. "=" .. core.url_encode(query[names[i]])
  end
  return url .. (find(url, "?", 1, true) and "&" or "?") .. concat(names, "&")
end

-- The headers that a call brings itself; nil when there are none. A key that the user gave is one of them, but not of
-- a GET: the pages of a list, or the looks of an await, would all have the same.
local function own_headers(method, row_headers, options)
  local set = headers.merge(row_headers, options.headers)
  local key = method ~= "GET" and options.idempotency_key
  if key and not set["x-request-id"] then set["x-request-id"] = { "x-request-id", key } end
  return next(set) and set or nil
end

-- One key a call that is no GET, the same on every attempt: the user's, or a new one.
local function idempotency_key(self, own)
  local header = own and own["x-request-id"] or self.headers["x-request-id"]
  if header then return header[2] or nil end
  return uuid("runloop-lua-retry-", self.http)
end

local NO_OPTIONS = {}
local USUAL_READING = json.reading()

-- What the options of a call change about its request.
local function take_options(request, options)
  request.timeout = options.timeout or request.timeout
  request.deadline = options.deadline or request.deadline
  request.max_retries = options.max_retries or request.max_retries
  request.on_progress = options.on_progress
  request.reading = transport.reading(options)
end

--- A request table, complete with what a call shares over its attempts. Some requests have besides:
---   elsewhere   true: it goes to another host, without the client's token and headers
---   shown_url   what may be shown of its URL
---   any_scheme  true: http or https, whatever the client speaks
---   raw         true: ask for a body without a content coding
---   secrets     a set of fields that are secrets, in what is sent and comes
---   waited      see `time_left`
---   maybe_sent  true: it may have changed something
---@param method string
---@param url string
---@param options table|nil checked call options; their `query` is the caller's to merge
---@param query table|nil name -> string, already checked
---@param body string|nil
---@param row_headers table|nil a set of headers that the endpoint wants
---@return table request
function transport:request(method, url, options, query, body, row_headers)
  local client = self.options
  local request = {
    method = method, url = url, body = body,
    timeout = client.timeout, deadline = client.deadline,
    max_retries = client.max_retries, max_body = client.max_body_bytes, reading = USUAL_READING,
    attempts = 0, started = now(),
  }
  local own
  if query then request.url = transport.with_query(url, query) end
  if row_headers or options then
    own = own_headers(method, row_headers, options or NO_OPTIONS)
    if own then self.learn_headers(own) end
    request.headers = own
    if options then take_options(request, options) end
  end
  if method ~= "GET" then request.idempotency_key = idempotency_key(self, own) end
  return request
end

--- Seconds that the request's deadline leaves; nil when it has none. A page counts what was spent waiting for it
--- (`request.waited`), not what the loop body takes.
---@param request table
---@return number|nil
function transport.time_left(_, request)
  if not request.deadline then return nil end
  return request.deadline - (request.waited or now() - request.started)
end

--- For what goes on after a callback, which may have closed the client: the error that ends it then, or its task ends.
---@param request table
---@return table|nil err of kind `cancelled`
function transport:ended(request)
  local scheduler = self.scheduler
  if not scheduler.closed then return nil end
  local ended = scheduler:end_if_closed()
  return ended and self:fail(request, ended)
end

--- Puts one attempt on its way.
---@param request table
---@param sink table|nil where the answer's body goes, and how: list, file, owner_only, lane
---@return userdata|nil transfer, table|nil err
function transport:attempt(request, sink)
  local ended = self.scheduler.closed and self:ended(request)
  if ended then return nil, ended end
  local left = request.deadline and self:time_left(request)
  if left and left < DEADLINE_MARGIN then return nil, self:past_deadline(request) end
  local lines, bare = header_lines(self, request, request.attempts)
  local transfer, message = self.http:start(request, lines, bare, left, sink)
  if not transfer then return nil, self:fail(request, { kind = "file", code = "OPEN", message = message }) end
  request.attempts = request.attempts + 1
  if self.options.on_event then
    request.attempt_started = now()
    self:emit(request, "request")
  end
  return transfer
end

--- An attempt that got no whole answer may have changed something all the same, whatever later ones say.
---@param request table
function transport.note_lost(request)
  if request.method ~= "GET" then request.maybe_sent = true end
end

--- What a finished transfer says: its status and headers, or the error of the attempt.
---@param request table
---@param transfer userdata finished
---@return table|nil answer { status, headers, http_version, cut_short }
---@return table|nil err
function transport:answer(request, transfer)
  local kind, code, message, status, fields, version, sent, cut_short, repeated, final = transfer:finish()
  local err
  if repeated then self.note_lost(request) end
  -- An error may come in a coding that nobody can read; where a coding is refused, there may be no status.
  if kind ~= "ok" and not (code == self.UNREADABLE and status and (status < 200 or status > 299)) then
    err = self:lost(request, kind, code, message, status, sent, final)
  elseif status < 200 or status > 299 then
    err = self:refused(request, transfer, status, fields)
    if code == self.UNREADABLE then request.raw = true end -- if it is tried again, its text will be there
  end
  if self.options.on_event then
    self:emit(request, "response", {
      status = status, elapsed = now() - request.attempt_started, err = err, http_version = version,
    })
  end
  if err then return nil, err end
  return {
    status = status, headers = fields, http_version = version, cut_short = cut_short or nil,
    request_id = fields["x-request-id"] or request.idempotency_key, attempts = request.attempts,
    elapsed = nil, -- room for what `to_response` adds
  }
end

-- The answer that a call ends with, as its caller gets it.
local function to_response(request, answer)
  if answer.cut_short then answer.cut_short = nil end
  answer.elapsed = now() - request.started
  return answer
end

-- What an attempt needs beside its sink to tell of its progress.
local function with_pace(sink)
  sink = sink or {}
  sink.pace = PROGRESS_PACE
  return sink
end

-- Waits for a transfer's end; an error when on_progress has closed the client.
local function wait_for_end(self, request, transfer)
  repeat
    self.scheduler:await(transfer)
    if request.on_progress and not transfer:finished() then
      self.tell_progress(request, transfer)
      local ended = self:ended(request)
      if ended then return ended end
    end
  until transfer:finished()
  return nil
end

-- Bodies. A long one is the core's own from the beginning, is written a slice at a time, so that a task may give way in
-- between, and lasts over all attempts.

--- Encodes a body; bad values raise with the argument's name. The structure is read in one go; of its long texts, which
--- cannot change, a slice at a time.
---@param value any
---@param where string
---@return string|userdata
function transport:encode(value, where)
  local body = json.body_of(value, where)
  if type(body) == "string" then return body end
  repeat self.scheduler:breathe() until json.step(body, where)
  return body
end

--- A text as a body, or as a piece of one.
---@param text string
---@return string|userdata
function transport:body(text)
  local body = core.body(text)
  if type(body) == "string" then return body end
  repeat self.scheduler:breathe() until body:step()
  return body
end

-- Gives the memory back that the collector does not see.
local function release_body(body)
  if type(body) == "userdata" then
    body:release()
  elseif type(body) == "table" then
    for i = 1, #body do release_body(body[i]) end
  end
end

-- Attempts until one has an answer or an error that stands.
local function attempts(self, request, decode, sink)
  while true do
    local to = sink and sink()
    if request.on_progress then to = with_pace(to) end
    local transfer, err = self:attempt(request, to)
    local value, answer
    if transfer then
      local gone = wait_for_end(self, request, transfer)
      if gone then
        transfer:release()
        return nil, gone
      end
      answer, err = self:answer(request, transfer)
      if answer then value, err = decode(self, request, transfer, answer) end
      if value ~= nil and request.on_progress then self.tell_progress(request, transfer) end
      transfer:release()
      if err == nil then
        if request.secrets then self.learn(value, request.secrets) end
        return value, to_response(request, answer)
      end
    end
    local ended = self:ended(request)
    if ended then return nil, ended end
    local wait = self:retry_wait(request, err, request.attempts)
    if not wait then return nil, err end
    self.scheduler:sleep(wait)
  end
end

--- Performs a request until it has an answer or an error that stands.
---@param request table from `transport:request`
---@param decode fun(self: table, request: table, transfer: userdata, answer: table): any, table|nil
---@param sink (fun(): table)|nil gives what `attempt` takes, anew for every attempt
---@return any value, table response_or_err
function transport:perform(request, decode, sink)
  if not request.body then return attempts(self, request, decode, sink) end
  local value, response = attempts(self, request, decode, sink)
  release_body(request.body)
  return value, response
end

-- What an answer's body is.

--- An object, as every endpoint promises.
function transport:decode_object(request, transfer, answer)
  local value, message, code = transfer:json(request.reading)
  if type(value) == "table" and getmetatable(value) ~= array_mt then return value end
  if value ~= nil then
    return nil, self:decode_error(request, transfer, "SHAPE", "the answer is JSON, but not an object")
  end
  if code == "EMPTY" then
    return nil, self:decode_error(request, transfer, "SHAPE", "the answer has no body")
  end
  if answer.cut_short and code == "CUT_SHORT" then return nil, self:cut_short(request, message) end
  if code == "CUT_SHORT" then code = "JSON" end
  return nil, self:decode_error(request, transfer, code, message)
end

return { new = new }
