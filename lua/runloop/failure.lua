-- What errors say, where they belong, and what they must not show.

local errors = require "runloop.error"
local json = require "runloop.json"
local retry = require "runloop.retry"

local getmetatable, ipairs, next, rawset, setmetatable = getmetatable, ipairs, next, rawset, setmetatable
local tonumber, tostring, type = tonumber, tostring, type
local format, gsub, match, sub = string.format, string.gsub, string.match, string.sub
local concat = table.concat

local failure = {}

local EXCERPT = 200

local CODES = {
  [400] = "bad_request",
  [401] = "authentication",
  [403] = "permission_denied",
  [404] = "not_found",
  [409] = "conflict",
  [422] = "unprocessable_entity",
  [429] = "rate_limit",
}

-- Whatever a server wrote must not break a log's line.
local function one_line(text)
  return (gsub(text, "[%z\1-\32\127]+", " "))
end

--- `runloop: 404 not_found: no such scenario (GET /v1/scenarios/x, request req_12)`
function failure.text(self)
  local head = "runloop: " .. tostring(self.status and self.kind == "api" and self.status or self.kind)
  if self.code then
    head = head .. " " .. tostring(self.code)
  end
  if self.message then
    head = head .. ": " .. tostring(self.message)
  end
  local tail = {}
  if self.method and self.url then
    tail[1] = self.method .. " " .. gsub(self.url, "^%a[%w+.-]*://[^/]*", "")
  end
  if self.request_id then
    tail[#tail + 1] = "request " .. tostring(self.request_id)
  end
  if tail[1] then
    head = head .. " (" .. concat(tail, ", ") .. ")"
  end
  if self.where then
    head = head .. " (at " .. tostring(self.where) .. ")"
  end
  return one_line(head)
end

--- The same of what errors are joined with.
---@return string
function failure.joined(a, b)
  return tostring(a) .. tostring(b)
end

--- An answer that does not say what it is about: with it there is nothing to go on.
---@param what string
---@param response table
---@return runloop.Error
function failure.without_id(what, response)
  return errors.new {
    kind = "decode", code = "SHAPE", message = what .. ": the answer has no id",
    status = response.status, headers = response.headers, request_id = response.request_id,
    attempts = response.attempts,
  }
end

--- A number as messages show it: the decimal point is not the locale's.
---@param n number
---@return string
function failure.number_text(n)
  return (gsub(format("%.14g", n), "[^0-9a-z+-]+", "."))
end

--- What stood in the place of a number, as a message about it ends.
---@param value any
---@return string
function failure.got(value)
  if type(value) == "number" then return ", got " .. failure.number_text(value) end
  local hint = type(value) == "string" and tonumber(value) and " (tonumber makes it a number)" or ""
  return ", got " .. type(value) .. hint
end

local function copy_of(err)
  local new = {}
  for name, value in next, err do
    new[name] = value
  end
  return setmetatable(new, getmetatable(err))
end

--- What a `for` raises of an error: nobody sees a stack there, so it says where the loop is.
---@param err any
---@return any
function failure.located(err)
  if not errors.is(err) then
    return err
  end
  local located = copy_of(err)
  located.where = errors.place()
  return located
end

--- The first of some errors, saying how many there are, where it can.
---@param err any
---@param count integer
---@return any err
---@return boolean said false: it cannot say so
function failure.counted(err, count)
  local rest = " (the first of " .. count .. " errors that nobody has seen)"
  if count == 1 then
    return err, true
  elseif type(err) == "string" then
    return err .. rest, true
  elseif errors.is(err) then
    err = copy_of(err)
    err.message = (err.message or err.kind) .. rest
    return err, true
  end
  return err, false
end

local function excerpt(text)
  local line = match(text, "[^\r\n]*%S[^\r\n]*") or ""
  line = match(line, "^%s*(.-)%s*$")
  if #line > EXCERPT then
    line = gsub(sub(line, 1, EXCERPT), "[\192-\255][\128-\191]*$", "") .. "..."
  end
  return line
end

-- How much of a budget of values is left after counting those in `value`; 0 when it is spent.
local function count_down(value, left)
  left = left - 1
  if type(value) == "table" then
    for _, item in next, value do
      left = count_down(item, left)
      if left <= 0 then
        return 0
      end
    end
  end
  return left
end

local function message_of(body)
  if type(body) == "string" then
    local line = excerpt(body)
    return line ~= "" and line or "status code (no body)"
  elseif type(body) ~= "table" then
    return type(body) == "userdata" and "null" or tostring(body) -- JSON's null is a userdata
  end
  for _, key in ipairs { "message", "error", "detail" } do
    local value = body[key]
    if type(value) == "table" then
      value = value.message
    end
    if type(value) == "string" and value ~= "" then
      return value
    end
  end
  -- A huge body must not hold up the host for a message.
  if count_down(body, 100) == 0 then
    return "the answer's body has no message"
  end
  return excerpt(json.encode(body, { sort_keys = true }))
end

--- The error for an answer that is not 2xx. What the request was is for the caller to fill in.
---@param status integer
---@param body any the decoded body, or its text when it is not JSON; "" when there is none
---@param headers table<string, string>? names in lower case
---@return runloop.Error
function failure.api(status, body, headers)
  return errors.new {
    kind = "api",
    code = CODES[status] or status >= 500 and "internal_server" or "status_" .. status,
    status = status,
    message = message_of(body),
    body = body,
    headers = headers,
    retryable = retry.should_retry(status, headers),
  }
end

-- `seen`: the tables around this one, since a program may have made a view contain itself.
local function scrub_value(value, clean, seen)
  if type(value) == "string" then
    return clean(value)
  elseif type(value) ~= "table" or seen and seen[value] then
    return value
  end
  seen = seen or {}
  seen[value] = true
  local copy -- as soon as there is something to remove
  for k, v in next, value do
    local key, item = scrub_value(k, clean, seen), scrub_value(v, clean, seen)
    if key ~= k or item ~= v then
      if not copy then
        copy = setmetatable({}, getmetatable(value))
        for name, other in next, value do
          rawset(copy, name, other)
        end
      end
      rawset(copy, k, nil)
      rawset(copy, key, item)
    end
  end
  seen[value] = nil
  return copy or value
end

--- Removes secrets from a string, or from everything in an error (in place).
---@generic T
---@param x T a string, an error or another table
---@param clean fun(text: string): string
---@param except table<string, true>? fields of an error that stay as they are
---@return T
function failure.scrub(x, clean, except)
  if not errors.is(x) then
    return scrub_value(x, clean)
  end
  for k, v in next, x do
    -- A secret may be a word of ours; scripts go by those. Of a state only the server knows the name.
    if k ~= "kind" and k ~= "method" and (k ~= "code" or x.kind == "state") and not (except and except[k]) then
      x[k] = scrub_value(v, clean)
    end
  end
  return x
end

return failure
