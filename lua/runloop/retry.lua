-- When a request is sent again, and after how long: pure arithmetic over a status and its headers.

local tonumber, type = tonumber, type
local floor, min = math.floor, math.min
local lower, match = string.lower, string.match

local retry = {}

local MONTHS = {
  jan = 1, feb = 2, mar = 3, apr = 4, may = 5, jun = 6,
  jul = 7, aug = 8, sep = 9, oct = 10, nov = 11, dec = 12,
}
local RETRIED = { [408] = true, [409] = true, [429] = true }

-- Seconds since 1970 of a UTC date. os.time would apply the host's time zone.
-- The year starts in March here, so that the leap day is the last one.
local function utc(year, month, day, hour, minute, second)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  local days = 365 * year + floor(year / 4) - floor(year / 100) + floor(year / 400)
    + floor((153 * (month - 3) + 2) / 5) + day - 719469
  return ((days * 24 + hour) * 60 + minute) * 60 + second
end

-- RFC 9110 5.6.7: a year of two digits lies at most 50 years ahead.
local function full_year(year, now)
  local this_year = floor(now / 31556952) + 1970
  local full = this_year - this_year % 100 + year
  if full > this_year + 50 then
    full = full - 100
  end
  return full
end

--- Reads an HTTP date in any of the three formats of RFC 9110, without help from the locale.
---@param text string
---@param now number seconds since 1970, needed for years of two digits
---@return number? seconds since 1970, nil when it is no date
function retry.http_date(text, now)
  local day, month, year, hour, minute, second =
    match(text, "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
  if not day then
    day, month, year, hour, minute, second =
      match(text, "^%a+, (%d%d)-(%a%a%a)-(%d%d) (%d%d):(%d%d):(%d%d) GMT$")
  end
  if not day then
    month, day, hour, minute, second, year =
      match(text, "^%a+ (%a%a%a) ([ %d]%d) (%d%d):(%d%d):(%d%d) (%d%d%d%d)$")
  end
  month = month and MONTHS[lower(month)]
  if not month then
    return nil
  end
  local two_digits = #year == 2
  day, year = tonumber(day), tonumber(year)
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  if day < 1 or day > 31 or hour > 23 or minute > 59 or second > 60 then
    return nil
  end
  if two_digits then
    year = full_year(year, now)
  end
  return utc(year, month, day, hour, minute, second)
end

-- A plain decimal number, or nil. tonumber would take hexadecimal and obey the locale's comma.
local function decimal(text)
  local sign, whole, fraction = match(text, "^([+-]?)(%d+)%.?(%d*)$")
  if not whole then
    return nil
  end
  local value = tonumber(whole)
  if fraction ~= "" then
    value = value + tonumber(fraction) / 10 ^ #fraction
  end
  return sign == "-" and -value or value
end

local function header(headers, name)
  local value = headers and headers[name]
  return type(value) == "string" and match(value, "^%s*(.-)%s*$") or nil
end

-- Seconds that the server asks to wait; nil when it does not, or not legibly.
local function asked(headers, now)
  local text = header(headers, "retry-after-ms")
  local value = text and decimal(text)
  if value and value >= 0 then
    return value / 1000
  end
  text = header(headers, "retry-after")
  if not text then
    return nil
  end
  value = decimal(text)
  if not value then
    local date = retry.http_date(text, now)
    -- By the server's own clock, where it tells: ours may be wrong by hours.
    local sent = header(headers, "date")
    value = date and date - (sent and retry.http_date(sent, now) or now)
  end
  return value and value >= 0 and value or nil
end

--- Is an attempt with this outcome worth another one?
---@param status integer? nil: no answer, or half of one
---@param headers table<string, string>? names in lower case
---@return boolean
function retry.should_retry(status, headers)
  if not status then
    return true
  end
  if status >= 200 and status <= 299 then
    return false
  end
  local wish = header(headers, "x-should-retry")
  wish = wish and lower(wish)
  if wish == "true" or wish == "false" then
    return wish == "true"
  end
  return RETRIED[status] or status >= 500
end

--- How long to wait before the next attempt.
---@param retries integer how many retries there were before this one, from 0
---@param headers table<string, string>? of the answer, names in lower case
---@param max_retry_wait number seconds
---@param now number seconds since 1970
---@param random number 0 <= random < 1, spreads the clients
---@return number? seconds nil when the server asks for more than max_retry_wait
---@return number? asked the seconds that the server asks for, when it does
function retry.wait(retries, headers, max_retry_wait, now, random)
  local seconds = asked(headers, now)
  if not seconds then
    return min(2 ^ retries, max_retry_wait) * (1 - 0.25 * random)
  elseif seconds > max_retry_wait then
    return nil, seconds
  end
  return seconds, seconds
end

return retry
