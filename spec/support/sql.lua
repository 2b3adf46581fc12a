--- SQLite in memory, where Debian's lua-sql-sqlite3 is: statements with `?` parameters, answers as the API has them.
local socket = require "socket"
local json = require "json"

local sql = {}

-- An answer has no more rows than this, and says so.
local MAX_ROWS = 10000

local function literal(value)
  if value == nil or value == json.null then return "NULL" end
  if value == true then return "1" end
  if value == false then return "0" end
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if type(value) == "number" then return ("%.17g"):format(value) end
  if type(value) == "table" then value = json.encode(value) end
  if value:find "%z" then
    return "CAST(x'" .. value:gsub(".", function(c) return ("%02x"):format(c:byte()) end) .. "' AS TEXT)"
  end
  return "'" .. value:gsub("'", "''") .. "'"
end

-- What may hold a question mark that is no parameter: texts, names, comments.
local SKIPPED = { "^'[^']*'", '^"[^"]*"', "^`[^`]*`", "^%[[^%]]*%]", "^%-%-[^\n]*", "^/%*.-%*/" }

--- The statement with its parameters put in, or nil and what is wrong.
local function bound(text, params)
  local parts, at, n = {}, 1, 0
  while at <= #text do
    local plain = text:match("^[^'\"`%[%-/?]+", at)
    if plain then
      parts[#parts + 1], at = plain, at + #plain
    elseif text:sub(at, at) == "?" then
      n = n + 1
      parts[#parts + 1], at = literal(params[n]), at + 1
    else
      local skipped
      for _, pattern in ipairs(SKIPPED) do skipped = skipped or text:match(pattern, at) end
      skipped = skipped or text:sub(at, at)
      parts[#parts + 1], at = skipped, at + #skipped
    end
  end
  local given = params.n or #params
  if n ~= given then return nil, ("the statement has %d parameters, %d were given"):format(n, given) end
  return table.concat(parts)
end

local function row_of(values, n)
  local row = json.array {}
  for i = 1, n do
    local value = values[i]
    if value == nil then value = json.null end
    if type(value) == "string" and not utf8.len(value) then value = value:gsub("[\x80-\xFF]", "\u{FFFD}") end
    row[i] = value
  end
  return row
end

local database = {}
database.__index = database

--- Runs one statement: { columns, rows, meta }, or nil and the message.
function database:run(text, params)
  local begun = socket.gettime()
  local statement, why = bound(text, params or {})
  if not statement then return nil, why end
  local done, result
  done, result, why = pcall(self.connection.execute, self.connection, statement)
  if not done then return nil, tostring(result) end
  if not result then return nil, (tostring(why):gsub("^LuaSQL: ", "")) end
  local answer = { columns = json.array {}, rows = json.array {}, meta = { changes = 0, rows_read_limit_reached = false } }
  if type(result) == "number" then
    -- SQLite repeats the last number for a statement that changes no rows.
    local verb = statement:match "^%s*(%a*)":upper()
    local changes = verb == "INSERT" or verb == "UPDATE" or verb == "DELETE" or verb == "REPLACE" or verb == "WITH"
    answer.meta.changes = changes and math.tointeger(result) or 0
  else
    local names, types = result:getcolnames(), result:getcoltypes()
    for i, name in ipairs(names) do answer.columns[i] = { name = name, type = (types[i] or ""):upper() } end
    local values = {}
    while result:fetch(values, "n") do
      if #answer.rows == MAX_ROWS then
        answer.meta.rows_read_limit_reached = true
        break
      end
      answer.rows[#answer.rows + 1] = row_of(values, #names)
      values = {}
    end
    pcall(result.close, result)
  end
  answer.meta.duration_ms = (socket.gettime() - begun) * 1000 + 0.0
  return answer
end

function database:close()
  self.connection:close()
  self.environment:close()
end

--- A new database, or nil and why there is none.
function sql.open()
  local there, driver = pcall(require, "luasql.sqlite3")
  if not there then return nil, "lua-sql-sqlite3 is not installed" end
  local environment = driver.sqlite3()
  local connection = environment:connect(":memory:")
  return setmetatable({ environment = environment, connection = connection }, database)
end

return sql
