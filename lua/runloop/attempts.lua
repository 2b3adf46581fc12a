-- What request.lua leaves out: how a request fails, is told of and is tried again, and the rarer ways to make one and to
-- read its answer.

local core = require "runloop.core"
local errors = require "runloop.error"
local lazy = require "runloop.lazy"

local retry = lazy.module "retry"

local error, ipairs, pairs, pcall, type = error, ipairs, pairs, pcall, type
local find, gmatch, gsub, lower, match = string.find, string.gmatch, string.gsub, string.lower, string.match
local sub = string.sub

local SHOWN_BODY = 200 -- bytes of an answer that an error of kind `decode` shows

local attempts = {}

-- What may be shown of a URL that lets in who knows it; errors leave a query out in any case.
local function shown_url(request)
  return request.shown_url or request.url
end

-- A URL as events show it: of another host, which its query may let in, without that.
local function event_url(self, request)
  local ours = sub(request.url, 1, #self.base_url) == self.base_url
  return self.scrub(ours and request.url or shown_url(request))
end

local function event_of(self, request, event_type, fields)
  local event = {
    type = event_type, method = request.method, url = event_url(self, request), attempt = request.attempts,
  }
  for name, value in pairs(fields or {}) do event[name] = value end
  return event
end

--- Tells `on_event`, which there is, of a step of a request.
function attempts:emit(...)
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
function attempts:fail(request, fields)
  fields.method = request.method
  fields.url = shown_url(request)
  fields.attempts = request.attempts
  if fields.headers then hide_query_elsewhere(self, fields.headers) end
  if request.maybe_sent then fields.maybe_sent = true end
  if request.attempts > 0 then
    fields.request_id = fields.headers and fields.headers["x-request-id"] or request.idempotency_key
  end
  return self.scrub(errors.new(fields))
end

--- The error of a request whose deadline has passed.
---@param request table
---@return table err
function attempts:past_deadline(request)
  return self:fail(request, {
    kind = "timeout", code = "DEADLINE",
    message = "the deadline of " .. errors.number_text(request.deadline) .. " seconds passed",
  })
end

--- A request to a URL that an answer named, which lets in whoever knows it: without the client's token and headers.
---@param method string
---@param url string
---@param options table|nil checked call options
---@param body table|nil pieces
---@return table request
function attempts:request_elsewhere(method, url, options, body)
  local request = self:request(method, url, options, nil, body)
  request.elsewhere, request.any_scheme, request.raw = true, true, true
  request.shown_url = match(url, "^[^?#]*")
  request.headers, request.idempotency_key = nil, nil
  return request
end

local RETRYABLE_KIND = { connection = true, tls = true, timeout = true }

--- The error of an attempt that brought no whole answer.
function attempts:lost(request, kind, code, message, status, sent, final)
  if sent then self.note_lost(request) end
  if code == "DEADLINE" then return self:past_deadline(request) end
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

--- The error that a status other than 2xx means; its body decoded where it is JSON, else as text.
function attempts:refused(request, transfer, status, fields)
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
function attempts:decode_error(request, transfer, code, message)
  local status, fields = transfer:head()
  local coding = request.raw and fields and fields["content-encoding"]
  if coding and lower(coding) ~= "identity" then
    return self:fail(request, {
      kind = "connection", code = self.UNREADABLE, status = status, headers = fields,
      message = "the body's encoding cannot be read (Content-Encoding: " .. sub(coding, 1, 100) .. ")",
    })
  end
  local kind = (code == "TOO_DEEP" or code == "BODY_TOO_LARGE") and "limit" or "decode"
  return self:fail(request, {
    kind = kind, code = code, message = message, status = status, headers = fields,
    body = not request.secrets and transfer:text(SHOWN_BODY) or nil,
  })
end

--- An answer that broke off where the wire itself could not tell (no length, or compressed): a fault of the connection.
---@param request table
---@param message string
---@return table err
function attempts:cut_short(request, message)
  self.note_lost(request)
  return self:fail(request, { kind = "connection", code = "PARTIAL_FILE", message = message, retryable = true })
end

--- Holds back the client's other requests while one waits because the server is overloaded and said for how long.
---@param err table
---@param wait number seconds
---@param asked number|nil the server's wish
function attempts:hold_back(err, wait, asked)
  if asked and (err.status == 429 or err.status == 503) then self.http:hold(wait) end
end

-- Whether a request that failed cannot have done anything: it never left, or the server had no time for it.
local function was_refused(err)
  return err.status == 429 or (not err.status and not err.maybe_sent)
end

-- Whether to ask once more, without a content coding. That is no retry of something that may work the next time, so
-- that a GET has it in any case.
local function may_ask_plainly(self, request, err)
  if err.code ~= self.UNREADABLE then return false end
  local may = not request.raw and not request.once and (request.method == "GET" or request.attempts <= request.max_retries)
  err.retryable = may
  return may
end

--- Decides whether a failed attempt is followed by another one.
---@param request table
---@param err table
---@param failures integer failures so far that count, this one included
---@return number|nil seconds to wait; nil: the error stands (`err.retry_after` says what the server asked for)
function attempts:retry_wait(request, err, failures)
  local unreadable = may_ask_plainly(self, request, err)
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
  if self.options.on_event then self:emit(request, "retry", { status = err.status, wait = wait, err = err }) end
  return wait
end

--- Tells on_progress how far a request is; it may raise.
function attempts.tell_progress(request, transfer)
  local sent, to_send, received, to_receive = transfer:progress()
  if type(request.body) ~= "table" then sent, to_send = received, to_receive end
  local ok, err = pcall(request.on_progress, sent, to_send)
  if ok then return end
  transfer:release()
  error(err, 0)
end

--- Opens the connections that calls and pages will use. Any HTTP answer will do.
---@return boolean|nil ok, table|nil err
function attempts:warm_up()
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

--- A text.
function attempts.decode_text(_, _, transfer)
  return transfer:text()
end

--- Nothing that the API promises anything of: `true`, whatever came.
function attempts.decode_nothing()
  return true
end

--- Whatever came, for calls the module does not know: JSON decoded, else text, `true` where there is no body.
function attempts:decode_any(request, transfer, answer)
  if transfer:text(1) == "" then return true end
  if not is_json(answer.headers["content-type"]) then return transfer:text() end
  local value, message, code = transfer:json(request.reading)
  if value ~= nil then return value end
  if answer.cut_short and code == "CUT_SHORT" then return nil, self:cut_short(request, message) end
  if code == "CUT_SHORT" then code = "JSON" end
  return nil, self:decode_error(request, transfer, code, message)
end

return attempts
