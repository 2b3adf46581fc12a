--- What the specs need of Lua that not every version has, and what each of them can.
local portable = {}

local compile = loadstring or load

--- The function that a text is, with no globals; raises for what is none.
function portable.load(text, name)
  if not setfenv then return assert(load(text, name, "t", {})) end
  return setfenv(assert(loadstring(text, name)), {})
end

portable.unpack = table.unpack or unpack

portable.pack = table.pack or function(...)
  return { n = select("#", ...), ... }
end

--- "integer" or "float"; where there are only doubles, what is whole is an integer.
portable.math_type = math.type or function(n)
  if type(n) ~= "number" then return nil end
  return n % 1 == 0 and "integer" or "float"
end

--- A number as an integer, or nil when it is not whole.
portable.tointeger = math.tointeger or function(n)
  return type(n) == "number" and n % 1 == 0 and n or nil
end

--- A character's bytes.
portable.utf8_char = utf8 and utf8.char or function(code)
  if code < 0x80 then return string.char(code) end
  local tail = ""
  local first = 0x40
  repeat
    tail = string.char(0x80 + code % 0x40) .. tail
    code = math.floor(code / 0x40)
    first = first / 2
  until code < first
  return string.char(0x100 - 2 * first + code) .. tail
end

-- What is left of well-formed text when each of its characters is gone: nothing above ASCII.
local WELL_FORMED = {
  "[\194-\223][\128-\191]", "\224[\160-\191][\128-\191]", "[\225-\236\238\239][\128-\191][\128-\191]",
  "\237[\128-\159][\128-\191]", "\240[\144-\191][\128-\191][\128-\191]",
  "[\241-\243][\128-\191][\128-\191][\128-\191]", "\244[\128-\143][\128-\191][\128-\191]",
}

-- Lua 5.3 takes surrogates.
local utf8_length = utf8 and not utf8.len "\237\160\128" and utf8.len

--- Whether a text is well-formed UTF-8.
function portable.is_utf8(text)
  if utf8_length then return utf8_length(text) ~= nil end
  for _, pattern in ipairs(WELL_FORMED) do text = text:gsub(pattern, " ") end
  return not text:find "[\128-\255]"
end

--- Has `finalizer` called when nothing holds the result any more.
function portable.guard(finalizer)
  if _VERSION ~= "Lua 5.1" then return setmetatable({}, { __gc = finalizer }) end
  local proxy = newproxy(true)
  getmetatable(proxy).__gc = finalizer
  return proxy
end

--- Takes it away again.
function portable.drop_guard(guard)
  if _VERSION ~= "Lua 5.1" then
    setmetatable(guard, nil)
  else
    getmetatable(guard).__gc = nil
  end
end

--- Calls `body` with `value` in a to-be-closed variable.
portable.with_closing = compile "local value, body = ...; local _ <close> = value; return body(value)"

--- Features, to mark specs by: local it_closing = portable.closing and it or pending
-- closing: to-be-closed variables, and the fourth value of a `for`
portable.closing = portable.with_closing ~= nil
-- incremental: the collector can be told so, and collects tables with a finalizer
portable.incremental = pcall(collectgarbage, "incremental")
-- hooks: debug.sethook can strike the main thread from another one
portable.hooks = coroutine.running() ~= nil
-- direct: a C function that is called last comes back where that call came from, and nothing is left to be struck between
portable.direct = (function()
  local left, late = { 1 }, false
  local function last() return table.remove(left) end
  local hook = { debug.gethook() }
  debug.sethook(function()
    late = late or (left[1] == nil and debug.getinfo(2, "f").func == last)
  end, "", 1)
  last()
  debug.sethook(portable.unpack(hook))
  return not late
end)()
-- integers: of 64 bits, apart from floats
portable.integers = math.type ~= nil
-- length: `#` of a table can be given a meaning; ipairs: it heeds __index
portable.length = #setmetatable({}, { __len = function() return 7 end }) == 7
portable.ipairs = ipairs(setmetatable({}, { __index = { "x" } }))(setmetatable({}, { __index = { "x" } }), 0) == 1
-- pairs: it heeds __pairs
portable.pairs = pairs(setmetatable({}, { __pairs = function() return print end })) == print
-- sizes: a table's parts take the memory that they take in Lua 5.4
portable.sizes = (function()
  local tables = {}
  for i = 1, 1000 do tables[i] = false end
  collectgarbage "stop"
  local before = collectgarbage "count"
  for i = 1, #tables do tables[i] = { a = 1 } end
  local used = collectgarbage "count" - before
  collectgarbage "restart"
  return used * 1024 == 80 * 1000
end)()
-- cjson: there is lua-cjson
portable.cjson = (pcall(require, "cjson"))
-- bytes: string.pack and the bit operators are there
portable.bytes = string.pack ~= nil
-- yields: through pcall, metamethods and iterators
portable.yields = coroutine.resume(coroutine.create(function() return pcall(coroutine.yield) end))
  and coroutine.wrap(function() return select("#", pcall(coroutine.yield, 1)) end)() == 1

return portable
