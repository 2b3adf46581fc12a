--- CRC-32, gzip and zip, made of stored blocks: enough to feed a client with, since nothing here can squeeze.
local zip = {}

local crc_table = {}
for i = 0, 255 do
  local c = i
  for _ = 1, 8 do c = c & 1 == 1 and (0xEDB88320 ~ (c >> 1)) or c >> 1 end
  crc_table[i] = c
end

--- The CRC-32 of `s`; `crc` is that of what comes before it.
function zip.crc32(s, crc)
  local c = (crc or 0) ~ 0xFFFFFFFF
  local byte, t = string.byte, crc_table
  local n = #s
  for i = 1, n - 7, 8 do
    local b1, b2, b3, b4, b5, b6, b7, b8 = byte(s, i, i + 7)
    c = t[(c ~ b1) & 255] ~ (c >> 8)
    c = t[(c ~ b2) & 255] ~ (c >> 8)
    c = t[(c ~ b3) & 255] ~ (c >> 8)
    c = t[(c ~ b4) & 255] ~ (c >> 8)
    c = t[(c ~ b5) & 255] ~ (c >> 8)
    c = t[(c ~ b6) & 255] ~ (c >> 8)
    c = t[(c ~ b7) & 255] ~ (c >> 8)
    c = t[(c ~ b8) & 255] ~ (c >> 8)
  end
  for i = n - n % 8 + 1, n do c = t[(c ~ byte(s, i)) & 255] ~ (c >> 8) end
  return c ~ 0xFFFFFFFF
end

-- A CRC is linear over GF(2): a matrix that appends zero bits is applied to one half, the other is added.
local function times(matrix, vector)
  local sum, i = 0, 1
  while vector ~= 0 do
    if vector & 1 == 1 then sum = sum ~ matrix[i] end
    vector = vector >> 1
    i = i + 1
  end
  return sum
end

local function square(matrix)
  local result = {}
  for i = 1, 32 do result[i] = times(matrix, matrix[i]) end
  return result
end

--- The CRC-32 of two texts in a row, of which the second has `length` bytes.
function zip.crc32_combine(first, second, length)
  local matrix = { 0xEDB88320 }
  for i = 2, 32 do matrix[i] = 1 << (i - 2) end
  matrix = square(square(square(matrix)))
  while length > 0 do
    if length & 1 == 1 then first = times(matrix, first) end
    matrix = square(matrix)
    length = length >> 1
  end
  return first ~ second
end

local function crc32_repeated(byte, count)
  local crc, unit, length = 0, zip.crc32(byte), 1
  while count > 0 do
    if count & 1 == 1 then crc = zip.crc32_combine(crc, unit, length) end
    unit = zip.crc32_combine(unit, unit, length)
    length = length * 2
    count = count >> 1
  end
  return crc
end

local GZIP_HEAD = "\x1f\x8b\x08\0\0\0\0\0\0\xff"

--- `s` as a gzip file of stored blocks.
function zip.gzip(s)
  local parts = { GZIP_HEAD }
  local first = 1
  repeat
    local block = s:sub(first, first + 65534)
    first = first + #block
    parts[#parts + 1] = ("<BI2I2"):pack(first > #s and 1 or 0, #block, ~#block & 0xFFFF) .. block
  until first > #s
  parts[#parts + 1] = ("<I4I4"):pack(zip.crc32(s), #s & 0xFFFFFFFF)
  return table.concat(parts)
end

local function bit_writer()
  local bits = {}
  local writer = {}
  function writer.value(v, n)
    for i = 0, n - 1 do bits[#bits + 1] = (v >> i) & 1 end
  end
  -- Huffman codes are the one thing in deflate that is written from the highest bit down.
  function writer.code(v, n)
    for i = n - 1, 0, -1 do bits[#bits + 1] = (v >> i) & 1 end
  end
  function writer.literal(c)
    local b = c:byte()
    if b < 144 then writer.code(b + 0x30, 8) else writer.code(b - 144 + 0x190, 9) end
  end
  function writer.bytes()
    local out = {}
    for i = 1, #bits, 8 do
      local b = 0
      for j = 0, 7 do b = b | (bits[i + j] or 0) << j end
      out[#out + 1] = string.char(b)
    end
    return table.concat(out)
  end
  return writer
end

-- The block's three bits and the five letters of nine bits in here make whole bytes: what follows is aligned.
local BOMB_HEAD, BOMB_TAIL = '{"id":"\u{e9}\u{1f600}a', '"}'

--- A gzip file that unpacks to `{"id":"é😀aaa…a"}` of about `size` bytes, some 160 times its own length.
function zip.bomb(size)
  local head, match, tail = bit_writer(), bit_writer(), bit_writer()
  head.value(1, 1)
  head.value(1, 2)
  for c in BOMB_HEAD:gmatch("[\0-\xff]") do head.literal(c) end
  -- Length 258 is the code 285 (8 bits), distance 1 the code 0 (5 bits): eight of them are 13 whole bytes.
  for _ = 1, 8 do
    match.code(0xC5, 8)
    match.code(0, 5)
  end
  for c in BOMB_TAIL:gmatch(".") do tail.literal(c) end
  tail.code(0, 7)

  local times_eight = math.max(1, (size - #BOMB_HEAD - #BOMB_TAIL) // (8 * 258))
  local fill = times_eight * 8 * 258
  local crc = zip.crc32_combine(zip.crc32(BOMB_HEAD), crc32_repeated("a", fill), fill)
  crc = zip.crc32_combine(crc, zip.crc32(BOMB_TAIL), #BOMB_TAIL)
  local total = #BOMB_HEAD + fill + #BOMB_TAIL
  return GZIP_HEAD .. head.bytes() .. match.bytes():rep(times_eight) .. tail.bytes()
    .. ("<I4I4"):pack(crc, total & 0xFFFFFFFF)
end

-- 1 January 2026, 00:00, as MS-DOS has it: archives do not depend on the day they are made.
local DOS_TIME, DOS_DATE = 0, (2026 - 1980) << 9 | 1 << 5 | 1

--- A zip archive of stored files, as a list of pieces and the sum of their lengths. `files` is an array of
--- { name, content }; equal contents are the same string in the result, so a large archive costs little memory.
function zip.pieces(files)
  local pieces, directory, length = {}, {}, 0
  local crcs = {}
  local function add(piece)
    pieces[#pieces + 1] = piece
    length = length + #piece
  end
  for _, file in ipairs(files) do
    local name, content = file[1], file[2]
    local crc = crcs[content] or zip.crc32(content)
    crcs[content] = crc
    local common = ("<I2I2I2I2I2I4I4I4I2I2"):pack(
      20, 0x0800, 0, DOS_TIME, DOS_DATE, crc, #content, #content, #name, 0)
    directory[#directory + 1] = "PK\1\2" .. ("<I2"):pack(20) .. common
      .. ("<I2I2I2I4I4"):pack(0, 0, 0, 0, length) .. name
    add("PK\3\4" .. common .. name)
    add(content)
  end
  local start = length
  add(table.concat(directory))
  add("PK\5\6" .. ("<I2I2I2I2I4I4I2"):pack(0, 0, #files, #files, length - start, start, 0))
  return pieces, length
end

--- A zip archive of stored files as one string.
function zip.archive(files)
  return table.concat((zip.pieces(files)))
end

return zip
