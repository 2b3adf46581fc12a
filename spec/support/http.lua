--- The server's half of HTTP/1.1: reads requests, writes heads.
local http = {}

-- A test's client may send nonsense; what it sends is never larger than this.
local MAX_HEAD, MAX_BODY = 1 << 20, 1 << 30

http.REASONS = {
  [100] = "Continue", [103] = "Early Hints", [200] = "OK", [204] = "No Content", [301] = "Moved Permanently",
  [302] = "Found", [303] = "See Other", [304] = "Not Modified", [307] = "Temporary Redirect",
  [308] = "Permanent Redirect", [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden",
  [404] = "Not Found", [405] = "Method Not Allowed", [408] = "Request Timeout", [409] = "Conflict",
  [413] = "Content Too Large", [415] = "Unsupported Media Type", [422] = "Unprocessable Content",
  [429] = "Too Many Requests", [500] = "Internal Server Error", [502] = "Bad Gateway",
  [503] = "Service Unavailable", [504] = "Gateway Timeout",
}

--- `%41+` -> "A+": a path has no spaces written as plus.
function http.percent_decode(s)
  return (s:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function parse_query(text)
  local query = {}
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    query[http.percent_decode((name:gsub("+", " ")))] = http.percent_decode((value:gsub("+", " ")))
  end
  return query
end

--- Reads a head: { method, target, raw_path, path, query, headers, header, version }, or nil and the reason
--- ("closed" when the client went away between two requests).
function http.read_head(conn)
  local text, err = conn:read_to("\r\n\r\n", MAX_HEAD)
  if not text then return nil, err end
  local method, target, version = text:match("^(%u+) (%S+) HTTP/(1%.[01])\r\n")
  if not method then return nil, "not a request" end
  local headers, header = {}, {}
  for name, value in text:gmatch("\r\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
    headers[#headers + 1] = { name, value }
    header[name:lower()] = value
  end
  local raw_path, query = target:match("^([^?]*)%??(.*)$")
  return {
    method = method, target = target, raw_path = raw_path, path = http.percent_decode(raw_path),
    query = query == "" and {} or parse_query(query), headers = headers, header = header,
    version = version, body = "", head_text = text,
  }
end

local function read_chunks(conn)
  local parts = {}
  while true do
    local line, err = conn:read_to("\r\n", 256)
    if not line then return nil, err end
    local size = tonumber(line:match("^%x+") or "", 16)
    if not size or size > MAX_BODY then return nil, "bad chunk" end
    if size == 0 then
      repeat
        line, err = conn:read_to("\r\n", MAX_HEAD)
        if not line then return nil, err end
      until line == "\r\n"
      return table.concat(parts)
    end
    local data
    data, err = conn:read(size + 2)
    if not data then return nil, err end
    parts[#parts + 1] = data:sub(1, size)
  end
end

--- Reads the body of a request into `request.body`: true, or nil and the reason.
function http.read_body(conn, request)
  local header = request.header
  if (header["expect"] or ""):lower() == "100-continue" then
    conn:send("HTTP/1.1 100 Continue\r\n\r\n")
  end
  local body, err
  if (header["transfer-encoding"] or ""):lower():find("chunked", 1, true) then
    body, err = read_chunks(conn)
  else
    local length = math.tointeger(tonumber(header["content-length"] or "0"))
    if not length or length < 0 or length > MAX_BODY then return nil, "bad length" end
    if length == 0 then return true end
    body, err = conn:read(length)
  end
  request.body = body or ""
  return body and true, err
end

--- Whether a client wants to use the connection again.
function http.keeps_alive(request)
  return request.version == "1.1" and (request.header["connection"] or ""):lower() ~= "close"
end

--- The text of a head; `headers` is an array of { name, value } or of raw lines.
function http.head(status, headers, version)
  local lines = { ("HTTP/%s %d %s"):format(version or "1.1", status, http.REASONS[status] or "Status") }
  for i = 1, #headers do
    local h = headers[i]
    lines[i + 1] = type(h) == "string" and h or h[1] .. ": " .. h[2]
  end
  lines[#lines + 1] = "\r\n"
  return table.concat(lines, "\r\n")
end

return http
