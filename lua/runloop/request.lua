-- One call over the wire: attempts, retries, deadlines, events, and what an answer means.

local core = require "runloop.core"
local errors = require "runloop.error"
local headers = require "runloop.headers"
local lazy = require "runloop.lazy"
local secrets = require "runloop.secrets"
local json = require "runloop.json"

local retry = lazy.module "retry"

local error, getmetatable, ipairs, next, pairs, pcall = error, getmetatable, ipairs, next, pairs, pcall
local setmetatable, tostring, type = setmetatable, tostring, type
local find, gmatch, gsub, lower, match = string.find, string.gmatch, string.gsub, string.lower, string.match
local sub = string.sub
local concat, sort = table.concat, table.sort

local now = core.now
local array_mt = core.array_mt

local DEADLINE_MARGIN = 0.001 -- seconds: less than this is no time for an attempt
local UNREADABLE = "BAD_CONTENT_ENCODING" -- the code of a body whose content coding libcurl cannot undo
local PROGRESS_PACE = 0.25 -- seconds between two calls of on_progress
local SHOWN_BODY = 200 -- bytes of an answer that an error of kind `decode` shows

local transport = {}
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

-- The header lines of one attempt. The usual ones are in the core already (`base_headers`), so that a call without
-- headers of its own only adds what differs; `bare` says that the list is the whole list.
local function header_lines(self, request, attempt)
  if request.elsewhere then return lines_elsewhere(request) end
  local key = request.idempotency_key
  if not request.headers and self.plain then
    if request.method == "GET" then
      return { "x-stainless-retry-count: " .. attempt }, false
    end
    return {
      "x-request-id: " .. key,
      "x-stainless-retry-count: " .. attempt,
      "Content-Type: application/json",
    }, false
  end
  local defaults = { ["x-stainless-retry-count"] = { "x-stainless-retry-count", tostring(attempt) } }
  if request.method ~= "GET" then
    defaults["content-type"] = { "Content-Type", "application/json" }
    defaults["x-request-id"] = { "x-request-id", key }
  end
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

-- A URL as events show it: of another host, which its query may let in, without that.
local function event_url(self, request)
  local ours = sub(request.url, 1, #self.base_url) == self.base_url
  return self.scrub(ours and request.url or request.shown_url)
end

local function event_of(self, request, event_type, fields)
  local event = {
    type = event_type, method = request.method, url = event_url(self, request), attempt = request.attempts,
  }
  for name, value in pairs(fields or {}) do event[name] = value end
  return event
end

-- Tells `on_event`, which there is, of a step of a request.
local function emit(self, ...)
  self.scheduler:tell(self.options.on_event, event_of, self, ...)
end

-- Where an answer points to another host, the query may be what lets one in there.
local function hide_query_elsewhere(self, fields)
  for _, name in ipairs { "location", "content-location", "refresh" } do
    local place = fields[name]
    local head = place and match(place, "^(.-//.-)%?")
    if head and sub(head, 1, #self.base_url) ~= self.base_url then fields[name] = head .. "?[redacted]" end
  end
end

--- An error of a request, with what belongs to all of them filled in.
---@param request table
---@param fields table
---@return table err
function transport:fail(request, fields)
  fields.method = request.method
  fields.url = request.shown_url
  fields.attempts = request.attempts
  if fields.headers then hide_query_elsewhere(self, fields.headers) end
  if request.maybe_sent then fields.maybe_sent = true end
  if request.attempts > 0 then
    fields.request_id = fields.headers and fields.headers["x-request-id"] or request.idempotency_key
  end
  return self.scrub(errors.new(fields))
end

local function deadline_error(self, request)
  return self:fail(request, {
    kind = "timeout", code = "DEADLINE",
    message = "the deadline of " .. errors.number_text(request.deadline) .. " seconds passed",
  })
end

-- The headers that a call brings itself; nil when there are none. A key that the user gave is one of them, but not of
-- a GET: the pages of a list, or the looks of an await, would all have the same.
local function own_headers(method, row_headers, options)
  local set = headers.merge(row_headers, options.headers)
  local key = method ~= "GET" and options.idempotency_key
  if key and not set["x-request-id"] then set["x-request-id"] = { "x-request-id", key } end
  return next(set) and set or nil
end

-- One key a call, the same on every attempt: the user's, or a new one.
local function idempotency_key(self, method, own)
  if method == "GET" then return nil end
  local header = own and own["x-request-id"] or self.headers["x-request-id"]
  if header then return header[2] or nil end
  return core.uuid("runloop-lua-retry-")
end

local NO_OPTIONS = {}

--- A request table, complete with what a call shares over its attempts.
---@param method string
---@param url string
---@param options table|nil checked call options; their `query` is the caller's to merge
---@param query table|nil name -> string, already checked
---@param body string|nil
---@param row_headers table|nil a set of headers that the endpoint wants
---@return table request
function transport:request(method, url, options, query, body, row_headers)
  local client = self.options
  local own
  if row_headers or options then own = own_headers(method, row_headers, options or NO_OPTIONS) end
  options = options or NO_OPTIONS
  if own then self.learn_headers(own) end
  return {
    method = method, url = transport.with_query(url, query), shown_url = url, -- shown in errors: without the query
    body = body, headers = own, idempotency_key = idempotency_key(self, method, own),
    timeout = options.timeout or client.timeout, deadline = options.deadline or client.deadline,
    max_retries = options.max_retries or client.max_retries, max_body = client.max_body_bytes,
    on_progress = options.on_progress,
    elsewhere = nil, -- true: it goes to another host, without the client's token and headers
    any_scheme = nil, -- true: http or https, whatever the client speaks
    raw = nil, -- true: ask for a body without a content coding
    reading = transport.reading(options), secrets = nil, -- a set of fields that are secrets, in what is sent and comes
    attempts = 0, started = now(), attempt_started = 0, waited = nil, maybe_sent = false,
  }
end

--- A request to a URL that an answer named, which lets in whoever knows it: without the client's token and headers.
---@param method string
---@param url string
---@param options table|nil checked call options
---@param body table|nil pieces
---@return table request
function transport:request_elsewhere(method, url, options, body)
  local request = self:request(method, url, options, nil, body)
  request.elsewhere, request.any_scheme, request.raw = true, true, true
  request.shown_url = match(url, "^[^?#]*")
  request.headers, request.idempotency_key = nil, nil
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
  local ended = self.scheduler:end_if_closed()
  return ended and self:fail(request, ended)
end

--- Puts one attempt on its way.
---@param request table
---@param sink table|nil where the answer's body goes, and how: list, file, owner_only, lane
---@return userdata|nil transfer, table|nil err
function transport:attempt(request, sink)
  local ended = self:ended(request)
  if ended then return nil, ended end
  local left = self:time_left(request)
  if left and left < DEADLINE_MARGIN then return nil, deadline_error(self, request) end
  local lines, bare = header_lines(self, request, request.attempts)
  local transfer, message = self.http:start(request, lines, bare, left, sink)
  if not transfer then return nil, self:fail(request, { kind = "file", code = "OPEN", message = message }) end
  request.attempts = request.attempts + 1
  if self.options.on_event then
    request.attempt_started = now()
    emit(self, request, "request")
  end
  return transfer
end

local RETRYABLE_KIND = { connection = true, tls = true, timeout = true }

-- An attempt that got no whole answer may have changed something all the same, whatever later ones say.
local function note_lost(request)
  if request.method ~= "GET" then request.maybe_sent = true end
end

-- The error of an attempt that brought no whole answer.
local function transport_error(self, request, kind, code, message, status, sent, final)
  if sent then note_lost(request) end
  if code == "DEADLINE" then return deadline_error(self, request) end
  -- A proxy of the environment that libcurl cannot read, and that there was no os.getenv to know about.
  if find(message, "^Unsupported proxy") then message = gsub(message, "'.*@", "'[redacted]@") end
  return self:fail(request, {
    kind = kind, code = code, message = message, status = status, retryable = RETRYABLE_KIND[kind] and not final,
  })
end

-- Whether a content type is JSON's: `application/json`, `application/problem+json`; not that of lines of JSON.
-- A gateway may put one of its own before or behind it: as for other clients, it is enough that JSON's is there.
local function is_json(content_type)
  if content_type == "application/json" then return true end
  local list = content_type and gsub(lower(content_type), '"[^"]*"', "") or ""
  for media in gmatch(list .. ",", "%s*([^,;]*)[^,]*,") do
    if find(media, "[/+]json%s*$") then return true end
  end
  return false
end

-- The error that a status other than 2xx means; its body decoded where it is JSON, else as text.
local function api_error(self, request, transfer, status, fields)
  local body = transfer:text()
  if is_json(fields["content-type"]) or find(sub(body, 1, 64), "^%s*[%[{]") then
    local value = transfer:json(request.reading)
    if value ~= nil then body = value end
  end
  -- Before an excerpt of it becomes the message: that could hold half of the token.
  body = self.scrub(body)
  return self:fail(request, errors.api(status, body, fields))
end

--- The error of an answer that is not what the API promises.
---@param request table
---@param transfer userdata
---@param code string
---@param message string
---@return table err
function transport:decode_error(request, transfer, code, message)
  local status, fields = transfer:head()
  local coding = request.raw and fields and fields["content-encoding"]
  if coding and lower(coding) ~= "identity" then
    return self:fail(request, {
      kind = "connection", code = UNREADABLE, status = status, headers = fields,
      message = "the body's encoding cannot be read (Content-Encoding: " .. sub(coding, 1, 100) .. ")",
    })
  end
  local kind = (code == "TOO_DEEP" or code == "BODY_TOO_LARGE") and "limit" or "decode"
  return self:fail(request, {
    kind = kind, code = code, message = message, status = status, headers = fields,
    body = not request.secrets and transfer:text(SHOWN_BODY) or nil,
  })
end

--- What a finished transfer says: its status and headers, or the error of the attempt.
---@param request table
---@param transfer userdata finished
---@return table|nil answer { status, headers, http_version, cut_short }
---@return table|nil err
function transport:answer(request, transfer)
  local kind, code, message, status, fields, version, sent, cut_short, repeated, final = transfer:finish()
  local err
  if repeated then note_lost(request) end
  -- An error may come in a coding that nobody can read; where a coding is refused, there may be no status.
  if kind ~= "ok" and not (code == UNREADABLE and status and (status < 200 or status > 299)) then
    err = transport_error(self, request, kind, code, message, status, sent, final)
  elseif status < 200 or status > 299 then
    err = api_error(self, request, transfer, status, fields)
    if code == UNREADABLE then request.raw = true end -- if it is tried again, its text will be there
  end
  if self.options.on_event then
    emit(self, request, "response", {
      status = status, elapsed = now() - request.attempt_started, err = err, http_version = version,
    })
  end
  if err then return nil, err end
  return {
    status = status, headers = fields, http_version = version, cut_short = cut_short,
    request_id = nil, attempts = nil, elapsed = nil, -- room for what `to_response` adds
  }
end

--- An answer that broke off where the wire itself could not tell (no length, or compressed): a fault of the connection.
---@param request table
---@param message string
---@return table err
function transport:cut_short(request, message)
  note_lost(request)
  return self:fail(request, { kind = "connection", code = "PARTIAL_FILE", message = message, retryable = true })
end

--- Holds back the client's other requests while one waits because the server is overloaded and said for how long.
---@param err table
---@param wait number seconds
---@param asked number|nil the server's wish
function transport:hold_back(err, wait, asked)
  if asked and (err.status == 429 or err.status == 503) then self.http:hold(wait) end
end

-- Whether a request that failed cannot have done anything: it never left, or the server had no time for it.
local function was_refused(err)
  return err.status == 429 or (not err.status and not err.maybe_sent)
end

-- Whether to ask once more, without a content coding. That is no retry of something that may work the next time, so
-- that a GET has it in any case.
local function may_ask_plainly(request, err)
  if err.code ~= UNREADABLE then return false end
  local may = not request.raw and not request.once and (request.method == "GET" or request.attempts <= request.max_retries)
  err.retryable = may
  return may
end

--- Decides whether a failed attempt is followed by another one.
---@param request table
---@param err table
---@param failures integer failures so far that count, this one included
---@return number|nil seconds to wait; nil: the error stands (`err.retry_after` says what the server asked for)
function transport:retry_wait(request, err, failures)
  local unreadable = may_ask_plainly(request, err)
  local wait, asked = retry.wait(failures - 1, err.headers, self.options.max_retry_wait, core.time(),
    core.random())
  if not wait then err.retry_after = asked end
  if unreadable then
    request.raw, wait, asked = true, 0, nil
  elseif not wait or not err.retryable or failures > request.max_retries then
    return nil
  end
  if request.conflicts and err.status == 409 then return nil end
  if request.once and not was_refused(err) then
    request.maybe_sent, err.maybe_sent = true, true
    return nil
  end
  local left = self:time_left(request)
  if left and wait >= left then return nil end
  self:hold_back(err, wait, asked)
  self.retries = self.retries + 1
  if self.options.on_event then emit(self, request, "retry", { status = err.status, wait = wait, err = err }) end
  return wait
end

-- The answer that a call ends with, as its caller gets it.
local function to_response(request, answer)
  answer.cut_short = nil
  answer.request_id = answer.headers["x-request-id"] or request.idempotency_key
  answer.attempts = request.attempts
  answer.elapsed = now() - request.started
  return answer
end

local function tell_progress(request, transfer)
  local sent, to_send, received, to_receive = transfer:progress()
  if type(request.body) ~= "table" then sent, to_send = received, to_receive end
  local ok, err = pcall(request.on_progress, sent, to_send)
  if ok then return end
  transfer:release()
  error(err, 0)
end

-- What an attempt needs beside its sink to tell of its progress.
local function with_pace(request, sink)
  if not request.on_progress then return sink end
  sink = sink or {}
  sink.pace = PROGRESS_PACE
  return sink
end

-- Waits for a transfer's end; an error when on_progress has closed the client.
local function wait_for_end(self, request, transfer)
  repeat
    self.scheduler:await(transfer)
    if request.on_progress and not transfer:finished() then
      tell_progress(request, transfer)
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
    local transfer, err = self:attempt(request, with_pace(request, sink and sink()))
    local value, answer
    if transfer then
      local gone = wait_for_end(self, request, transfer)
      if gone then
        transfer:release()
        return nil, gone
      end
      answer, err = self:answer(request, transfer)
      if answer then value, err = decode(self, request, transfer, answer) end
      if value ~= nil and request.on_progress then tell_progress(request, transfer) end
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
  local value, response = attempts(self, request, decode, sink)
  if request.body then release_body(request.body) end
  return value, response
end

--- Opens the connections that calls and pages will use. Any HTTP answer will do.
---@return boolean|nil ok, table|nil err
function transport:warm_up()
  local sinks = { {} }
  if find(self.base_url, "^https") and self.options.http_version == "2" then sinks[2] = { lane = "pages" } end
  local begun_all, failure = {}, nil
  for i, sink in ipairs(sinks) do
    local request = self:request("HEAD", self.base_url .. "/")
    local transfer, err = self:attempt(request, sink)
    begun_all[i] = { request = request, transfer = transfer }
    failure = failure or err
  end
  for _, begun in ipairs(begun_all) do
    if begun.transfer then
      repeat self.scheduler:await(begun.transfer) until begun.transfer:finished()
      local _, err = self:answer(begun.request, begun.transfer)
      begun.transfer:release()
      if err and err.kind ~= "api" then failure = failure or err end
    end
  end
  if failure then return nil, failure end
  return true
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

--- A text.
function transport.decode_text(_, _, transfer)
  return transfer:text()
end

--- Nothing that the API promises anything of: `true`, whatever came.
function transport.decode_nothing()
  return true
end

--- Whatever came, for calls the module does not know: JSON decoded, else text, `true` where there is no body.
function transport:decode_any(request, transfer, answer)
  if transfer:text(1) == "" then return true end
  if not is_json(answer.headers["content-type"]) then return transfer:text() end
  local value, message, code = transfer:json(request.reading)
  if value ~= nil then return value end
  if answer.cut_short and code == "CUT_SHORT" then return nil, self:cut_short(request, message) end
  if code == "CUT_SHORT" then code = "JSON" end
  return nil, self:decode_error(request, transfer, code, message)
end

return { new = new }
