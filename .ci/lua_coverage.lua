-- A busted helper: counts the lines of lua/ that the specs run, and prints the shares at the end.
-- What could be run is taken from luac's listing; specs' child processes are not counted.
local ran = {} -- file -> set of lines
local lines_by_source = {} -- source of a chunk -> its lines in `ran`, or false: not below lua/
local lines_by_function = setmetatable({}, { __mode = "k" })

local getinfo = debug.getinfo

local function lines_of_function(fn)
  local source = getinfo(fn, "S").source
  local lines = lines_by_source[source]
  if lines == nil then
    local file = source:match("^@.-(lua/runloop/.+%.lua)$")
    lines = file and (ran[file] or {}) or false
    if file then ran[file] = lines end
    lines_by_source[source] = lines
  end
  lines_by_function[fn] = lines
  return lines
end

local function on_line(_, line)
  local fn = getinfo(2, "f").func
  local lines = lines_by_function[fn]
  if lines == nil then lines = lines_of_function(fn) end
  if lines then lines[line] = true end
end

-- A hook belongs to one coroutine.
-- luacheck: globals coroutine.create coroutine.wrap
local create = coroutine.create
local function hooked(fn)
  local co = create(fn)
  debug.sethook(co, on_line, "l")
  return co
end
coroutine.create = hooked
coroutine.wrap = function(fn)
  local co = hooked(fn)
  local function pass(ok, ...)
    if not ok then error((...), 0) end
    return ...
  end
  return function(...) return pass(coroutine.resume(co, ...)) end
end
debug.sethook(on_line, "l")

local function lines_of(file)
  local lines = {}
  local listing = assert(io.popen("luac5.4 -l -p " .. file))
  for line in listing:lines() do
    local number, instruction = line:match("^%s+%d+%s+%[(%d+)%]%s+(%u+)")
    -- A chunk's first instruction sets up its arguments, and no hook sees it.
    if number and instruction ~= "VARARGPREP" then lines[tonumber(number)] = true end
  end
  listing:close()
  return lines
end

local function report()
  debug.sethook()
  local all, all_ran = 0, 0
  local files = assert(io.popen("find lua -name '*.lua' ! -path '*/types/*' | sort"))
  for file in files:lines() do
    local count, count_ran, missed = 0, 0, {}
    for line in pairs(lines_of(file)) do
      count = count + 1
      if ran[file] and ran[file][line] then
        count_ran = count_ran + 1
      else
        missed[#missed + 1] = line
      end
    end
    table.sort(missed)
    print(string.format("%-36s %6.1f %%  of %5d lines  %s", file, 100 * count_ran / math.max(count, 1), count,
      table.concat(missed, " ", 1, math.min(#missed, 12)) .. (#missed > 12 and " …" or "")))
    all, all_ran = all + count, all_ran + count_ran
  end
  files:close()
  print(string.format("figures: coverage: %.1f %% of %d lines of Lua", 100 * all_ran / math.max(all, 1), all))
end

require("busted").subscribe({ "exit" }, function()
  report()
  return nil, true
end)
