-- What must not be shown: the client's own secrets and those that calls send and answers bring, taken out by value of
-- errors and events, however these spell them.

local core = require "runloop.core"
local errors = require "runloop.error"

local ipairs, next, tonumber, type = ipairs, next, tonumber, type
local ceil, floor = math.ceil, math.floor
local byte, char, find, gmatch, gsub = string.byte, string.char, string.find, string.gmatch, string.gsub
local lower, match, rep, sub = string.lower, string.match, string.rep, string.sub

local secrets = {}

-- The names under which the API has secrets, for calls that the module has no row for.
local KNOWN_FIELDS = {
  key_secret = true, token = true, auth_token = true, ssh_private_key = true, upload_url = true, download_url = true,
}

-- A shorter one leaves so few digits that other words might have them. The core passes over those of less than 8, too.
local SHORTEST_IN_BASE64 = 8

local MOST_VALUES = 10000 -- of one answer that are looked at

-- What an error carries for the program to go on with, as it came.
local THINGS = { last = true, created = true, run = true }

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

--- A text in base64.
---@param text string
---@return string
function secrets.base64(text)
  return (gsub(text, "..?.?", function(group)
    local a, b, c = byte(group, 1, 3)
    local bits, out = a * 65536 + (b or 0) * 256 + (c or 0), ""
    for shift = 3, 3 - #group, -1 do
      local digit = floor(bits / 64 ^ shift) % 64
      out = out .. sub(DIGITS, digit + 1, digit + 1)
    end
    return out .. rep("=", 3 - #group)
  end))
end

-- What a secret looks like in the base64 of a text that it stands in, by its place there: the digits that hold bits of
-- nothing else.
local function add_base64(scrubber, secret)
  for before = 0, 2 do
    local digits = secrets.base64(rep("x", before) .. secret)
    local first, last = ceil(before * 8 / 6) + 1, floor((before + #secret) * 8 / 6)
    digits = sub(digits, first, last)
    scrubber:add(digits)
    scrubber:add((gsub(digits, "[+/]", { ["+"] = "-", ["/"] = "_" })))
  end
end

local function unescaped(text)
  return (gsub(text, "%%(%x%x)", function(hex) return char(tonumber(hex, 16)) end))
end

-- Of a URL with a query that is the secret; a server may repeat parts of it alone.
local function add_text(scrubber, text)
  local query = match(text, "^%a[%w+.-]*://[^?#]*%?([^#]+)")
  scrubber:add(query or text)
  if not query then return end
  for name, value in gmatch(query, "([^&=]+)=([^&]+)") do
    if find(lower(name), "sig", 1, true) or find(lower(name), "token", 1, true) then
      scrubber:add(value)
      scrubber:add(unescaped(value))
    end
  end
end

-- Adds the strings in fields of these names; `all`: every string. Returns how many values may still be looked at.
local function add_fields(scrubber, value, names, all, left)
  if left <= 0 then return 0 end
  if type(value) == "string" then
    if all then add_text(scrubber, value) end
  elseif type(value) == "table" then
    for name, item in next, value do
      left = add_fields(scrubber, item, names, all or names[name], left - 1)
    end
  end
  return left
end

local SECRET_HEADERS = { "auth", "cookie", "key", "token", "secret", "password", "signature" }

local function is_secret_header(name)
  for _, word in ipairs(SECRET_HEADERS) do
    if find(name, word, 1, true) then return true end
  end
  return false
end

-- Of `Basic dXNlcjpwYXNz` the second word is a secret by itself.
local function add_headers(scrubber, set)
  for name, header in next, set do
    local value = header[2]
    if value and name ~= "idempotency-key" and is_secret_header(name) then
      scrubber:add(value)
      scrubber:add(match(value, "^[^ ]+ +([^ ]+)$") or "")
    end
  end
end

--- What one client must not show.
---@param own string[] secrets that it has from the beginning; short ones are passed over
---@param headers table a set of headers that it sends
---@return fun(x: any): any scrub takes secrets out of a string, a table (a copy) or an error (in place)
---@return fun(value: any, fields: table|nil) learn remembers those in fields of these names, or of known ones
---@return fun(set: table) learn_headers
function secrets.new(own, headers)
  -- Two, since many secrets that come must not push out the token.
  local kept, learned = core.scrubber(), core.scrubber()
  for _, secret in ipairs(own) do
    kept:add(secret)
    if #secret >= SHORTEST_IN_BASE64 then add_base64(kept, secret) end
  end
  add_headers(kept, headers)
  return function(x)
    return errors.scrub(errors.scrub(x, kept), learned, THINGS)
  end, function(value, fields)
    add_fields(learned, value, fields or KNOWN_FIELDS, false, MOST_VALUES)
  end, function(set)
    add_headers(learned, set)
  end
end

return secrets
