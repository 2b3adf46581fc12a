-- What tasks need of coroutines, in every Lua.

local core = require "runloop.core"
local errors = require "runloop.error"

local error, pcall = error, pcall
local match = string.match

-- A copy: a host may change the library later on, for its own scripts, or have taken it away from them.
local library, package = {}, core.global "package"
for name, fn in pairs(core.global "coroutine" or package and package.loaded.coroutine or {}) do library[name] = fn end
for _, name in ipairs { "create", "resume", "running", "status", "yield" } do
  if not library[name] then error("runloop needs coroutine." .. name .. ", which is not there", 0) end
end

-- nginx's Lua module has coroutines of its own, which belong to one request; those of Lua are behind them.
if core.global "ngx" and library._resume then
  for _, name in ipairs { "create", "resume", "yield", "status" } do library[name] = library["_" .. name] end
end

local yield, resume, status = library.yield, library.resume, library.status

-- What a task yields when it waits for something of ours; any other yield is the task's own.
local WAIT = {}

local M = {
  create = library.create, status = status, running = library.running, resume = resume,
  isyieldable = library.isyieldable, WAIT = WAIT,
}

-- What it yields to see whether it can: it goes on at once.
local PROBE = {}
-- What it is told, instead of going on, when it is ended and Lua cannot do that by itself.
local CANCEL = {}

--- Whether this Lua has to-be-closed variables: `break` closes a list, and the end of a task what it has open.
M.closes = library.close ~= nil

--- Whether a coroutine may yield inside of pcall, metamethods and iterators; in Lua 5.1 (but not LuaJIT) it may not.
M.yields = select(2, resume(library.create(function() return pcall(yield, true) end))) == true

--- Which Lua this is: "5.4", "LuaJIT 2.1", ...
M.lua = core.lua
if core.lua == "5.1" and M.yields then
  local jit = core.global "jit"
  M.lua = type(jit) == "table" and type(jit.version) == "string" and match(jit.version, "^LuaJIT %d+%.%d+") or "LuaJIT"
end

if not M.isyieldable then -- Lua 5.2, 5.1
  function M.isyieldable() return (pcall(yield, PROBE)) end

  local function go_on(co, ok, first, ...)
    if ok and first == PROBE then return go_on(co, resume(co)) end
    return ok, first, ...
  end

  function M.resume(co, ...) return go_on(co, resume(co, ...)) end
end

local function cancelled()
  return errors.new { kind = "cancelled", code = "CANCELLED", message = "the task was cancelled" }
end

--- Waits until the task is resumed. Where Lua cannot close a coroutine, the wait of a task that is ended raises an
--- error of kind `cancelled`, so that what cleans up behind a pcall runs.
---@param task table the one that runs
function M.wait(task)
  if task._closing then error(cancelled(), 0) end
  task._waits = true
  local told = yield(WAIT)
  task._waits = nil
  if told == CANCEL then error(cancelled(), 0) end
end

--- Ends a task's coroutine, which will not go on: its to-be-closed variables run.
---@param task table its `_closing` is set
---@return boolean ok, any err what one of them raised
function M.close(task)
  if status(task._co) ~= "suspended" or not task._waits then return true end
  local ok, err = M.resume(task._co, CANCEL)
  if not ok and errors.is(err) and err.kind == "cancelled" then return true end
  return ok, not ok and err or nil
end

if M.closes then
  function M.wait() yield(WAIT) end
  function M.close(task) return library.close(task._co) end
end

return M
