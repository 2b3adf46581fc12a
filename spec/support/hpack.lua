--- HPACK (RFC 7541): reads the header blocks of clients, and writes plain ones.
local hpack = {}

-- RFC 7541, Appendix A.
local STATIC = {
  { ":authority", "" }, { ":method", "GET" }, { ":method", "POST" }, { ":path", "/" }, { ":path", "/index.html" },
  { ":scheme", "http" }, { ":scheme", "https" }, { ":status", "200" }, { ":status", "204" }, { ":status", "206" },
  { ":status", "304" }, { ":status", "400" }, { ":status", "404" }, { ":status", "500" }, { "accept-charset", "" },
  { "accept-encoding", "gzip, deflate" }, { "accept-language", "" }, { "accept-ranges", "" }, { "accept", "" },
  { "access-control-allow-origin", "" }, { "age", "" }, { "allow", "" }, { "authorization", "" },
  { "cache-control", "" }, { "content-disposition", "" }, { "content-encoding", "" }, { "content-language", "" },
  { "content-length", "" }, { "content-location", "" }, { "content-range", "" }, { "content-type", "" },
  { "cookie", "" }, { "date", "" }, { "etag", "" }, { "expect", "" }, { "expires", "" }, { "from", "" },
  { "host", "" }, { "if-match", "" }, { "if-modified-since", "" }, { "if-none-match", "" }, { "if-range", "" },
  { "if-unmodified-since", "" }, { "last-modified", "" }, { "link", "" }, { "location", "" },
  { "max-forwards", "" }, { "proxy-authenticate", "" }, { "proxy-authorization", "" }, { "range", "" },
  { "referer", "" }, { "refresh", "" }, { "retry-after", "" }, { "server", "" }, { "set-cookie", "" },
  { "strict-transport-security", "" }, { "transfer-encoding", "" }, { "user-agent", "" }, { "vary", "" },
  { "via", "" }, { "www-authenticate", "" },
}

-- RFC 7541, Appendix B: the code is canonical, so the lengths of the symbols 0 to 256 say it all.
local LENGTHS = {
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
  6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6,
  7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
  23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22,
  22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
  23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27,
  27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25,
  24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
}

-- codes[length][code] = symbol
local codes = {}
do
  local code, previous = 0, 0
  for length = 1, 30 do
    for symbol = 0, 256 do
      if LENGTHS[symbol + 1] == length then
        code = code << (length - previous)
        previous = length
        codes[length] = codes[length] or {}
        codes[length][code] = symbol
        code = code + 1
      end
    end
  end
end

local function unpack_huffman(s)
  local out, code, length = {}, 0, 0
  for i = 1, #s do
    local byte = s:byte(i)
    for bit = 7, 0, -1 do
      code, length = code << 1 | (byte >> bit & 1), length + 1
      local symbol = codes[length] and codes[length][code]
      if symbol then
        if symbol == 256 then error("HPACK: end of string in a string", 0) end
        out[#out + 1] = string.char(symbol)
        code, length = 0, 0
      end
    end
  end
  -- What is left is padding: up to seven one bits.
  if length > 7 or code ~= (1 << length) - 1 then error("HPACK: bad padding", 0) end
  return table.concat(out)
end

local function read_integer(s, i, bits)
  local mask = (1 << bits) - 1
  local value = s:byte(i) & mask
  i = i + 1
  if value < mask then return value, i end
  local shift = 0
  repeat
    local byte = s:byte(i) or error("HPACK: cut integer", 0)
    value = value + ((byte & 127) << shift)
    shift, i = shift + 7, i + 1
  until byte < 128
  return value, i
end

local function read_string(s, i)
  local packed = s:byte(i) & 128 ~= 0
  local length
  length, i = read_integer(s, i, 7)
  local text = s:sub(i, i + length - 1)
  if #text < length then error("HPACK: cut string", 0) end
  return packed and unpack_huffman(text) or text, i + length
end

--- A decoder with the dynamic table of one connection: `decoder(block)` -> array of { name, value }; raises on
--- nonsense.
function hpack.decoder()
  local dynamic, size, limit = {}, 0, 4096

  local function shrink(to)
    while size > to do
      local last = table.remove(dynamic)
      size = size - #last[1] - #last[2] - 32
    end
  end

  local function field(index)
    return STATIC[index] or dynamic[index - #STATIC] or error("HPACK: no such index: " .. index, 0)
  end

  return function(s)
    local headers, i = {}, 1
    while i <= #s do
      local byte = s:byte(i)
      if byte & 0x80 ~= 0 then
        local index
        index, i = read_integer(s, i, 7)
        headers[#headers + 1] = { table.unpack(field(index)) }
      elseif byte & 0xE0 == 0x20 then
        limit, i = read_integer(s, i, 5)
        shrink(limit)
      else
        local indexed = byte & 0x40 ~= 0
        local index, name, value
        index, i = read_integer(s, i, indexed and 6 or 4)
        if index == 0 then name, i = read_string(s, i) else name = field(index)[1] end
        value, i = read_string(s, i)
        headers[#headers + 1] = { name, value }
        if indexed then
          local bytes = #name + #value + 32
          shrink(math.max(0, limit - bytes))
          if bytes <= limit then
            table.insert(dynamic, 1, { name, value })
            size = size + bytes
          end
        end
      end
    end
    return headers
  end
end

local function write_string(s)
  local n = #s
  if n < 127 then return string.char(n) .. s end
  local out = { string.char(127) }
  n = n - 127
  while n >= 128 do
    out[#out + 1] = string.char(n & 127 | 128)
    n = n >> 7
  end
  out[#out + 1] = string.char(n)
  return table.concat(out) .. s
end

--- A header block: every field a literal that no table remembers. `headers` is an array of { name, value }.
function hpack.encode(headers)
  local out = {}
  for i, h in ipairs(headers) do
    out[i] = "\0" .. write_string(h[1]:lower()) .. write_string(tostring(h[2]))
  end
  return table.concat(out)
end

return hpack
