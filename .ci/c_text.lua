-- Lua files as literals of C, for .ci/amalgamate.lua and .ci/texts.lua.
local c_text = {}

local PIECE = 3000 -- bytes; C99 promises literals of 4,095 only

--- What a file holds.
function c_text.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- Writes a file of these lines, which is there whole or not at all.
function c_text.write(path, parts)
  local file = assert(io.open(path .. ".new", "wb"))
  assert(file:write(table.concat(parts, "\n"), "\n"))
  assert(file:close())
  assert(os.rename(path .. ".new", path))
end

--- Each line of a text.
function c_text.lines_of(text)
  return (text:gsub("\n$", "") .. "\n"):gmatch "(.-)\n"
end

-- Whole-line comments are left out, their lines stay: messages name the lines of the file.
local function lua_lines(text)
  local lines, long = {}, false
  for line in c_text.lines_of(text) do
    if long then
      long = not line:find("]]", 1, true)
    else
      if line:find "^%s*%-%-" and not line:find "^%s*%-%-%[" then line = "" end
      local _, opened = line:find("[[", 1, true)
      long = opened ~= nil and not line:find("]]", opened, true)
    end
    lines[#lines + 1] = line
  end
  return lines
end

local function literal(line)
  return '"' .. line:gsub('[\\"]', "\\%0"):gsub("%?%?", "?\\?") .. '\\n"'
end

--- Puts a Lua file as literals, in an array `lua_INDEX`: how many they are.
function c_text.put_module(put, index, path)
  local pieces, size = 1, 0
  put(("\n/* %s */\nstatic const char *const lua_%d[] = {"):format(path, index))
  for _, line in ipairs(lua_lines(c_text.read(path))) do
    line = literal(line)
    if size > 0 and size + #line > PIECE then
      put ","
      pieces, size = pieces + 1, 0
    end
    size = size + #line
    put(line)
  end
  put "};"
  return pieces
end

return c_text
