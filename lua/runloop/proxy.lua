-- The URL of a proxy: checked without showing it, since it may hold a password.

local secrets = require "runloop.secrets"

local tonumber = tonumber
local char, find, gsub, lower, match = string.char, string.find, string.gsub, string.lower, string.match

local proxy = {}

local SCHEMES = { http = true, https = true, socks4 = true, socks4a = true, socks5 = true, socks5h = true }

local ENCODE = "; characters such as @ / ? # and spaces in a user or a password must be percent-encoded"

-- Scheme, user and password, and the rest; nil for what there is none of. A password that nobody encoded may hold any
-- character, so the last @ is the one that counts.
local function split(url)
  local scheme, rest = match(url, "^([A-Za-z][A-Za-z0-9+.-]*)://(.*)$")
  rest = rest or url
  local user, place = match(rest, "^(.*)@([^@]*)$")
  return scheme and lower(scheme), user, place or rest
end

-- libcurl takes a socket's path behind localhost.
local function check_place(place, scheme)
  local host, rest = match(place, "^(%[[0-9A-Fa-f:.%%]+%])(.*)$")
  if not host then host, rest = match(place, "^([^:/?#%[%]\\]+)(.*)$") end
  if not host then return "has no valid host" end
  if scheme and find(scheme, "^socks") and host == "localhost" and find(rest, "^/") then return nil end
  local port = match(rest, "^:?([0-9]*)/?$")
  if not port or port ~= "" and (tonumber(port) < 1 or tonumber(port) > 65535) then return "has no valid port" end
  return nil
end

--- Why a URL cannot be a proxy's, without a word of the URL itself; nil when it can.
---@param url string
---@param scheme_needed boolean a URL with a password must have its scheme
---@return string|nil reason
function proxy.fault(url, scheme_needed)
  local scheme, user, place = split(url)
  if scheme and not SCHEMES[scheme] then return "has a scheme that is none of a proxy (http, https, socks5, ...)" end
  if user and not scheme and scheme_needed then return "must begin with its scheme, such as http://" end
  if find(url, "[%z\1-\32\127]") then return "must not contain spaces or control characters" .. ENCODE end
  -- libcurl 7.88 would go without such a proxy, and say nothing.
  if find(url, "%%[01]%x") then return "must not contain control characters, percent-encoded ones neither" end
  if user and find(user, "[@/?#\\]") then return "is no proxy's URL" .. ENCODE end
  local fault = check_place(place, scheme)
  return fault and fault .. ENCODE
end

--- What must not be shown of a proxy's URL, as the URL has it and as it is sent.
---@param url string
---@return string[]
function proxy.secrets(url)
  local _, user = split(url)
  if not user then return {} end
  local function plain(text)
    return (gsub(text, "%%(%x%x)", function(hex) return char(tonumber(hex, 16)) end))
  end
  local password = match(user, "^[^:]*:(.*)$") or ""
  return { user, plain(user), password, plain(password), secrets.base64(plain(user)) }
end

return proxy
