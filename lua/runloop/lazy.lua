-- Modules that are loaded when they are first used: a program that lists scenarios needs no other resource.

local core = require "runloop.core"
local require = require -- a host may take it from its scripts

local name, path = ...

-- A program may change its directory once it has loaded the module, and a sandbox may take away what loads files: where
-- that could matter everything is loaded at once. Else a file finds the globals that there were then.
local loadfile = core.global "loadfile"
local setfenv = core.global "setfenv"
local package = core.global "package"
local loaded = type(package) == "table" and package.loaded
local root = type(path) == "string" and (path:find "^/" or path:find "^%a:[/\\]") and path:match "^(.*[/\\])lazy%.lua$"
if name ~= "runloop.lazy" or not loadfile or not loaded then root = nil end

local globals = {}
for _, global in ipairs {
  "assert", "coroutine", "error", "getmetatable", "ipairs", "math", "next", "pairs", "pcall", "rawget", "rawset",
  "select", "setmetatable", "string", "table", "tonumber", "tostring", "type", "unpack",
} do
  globals[global] = core.global(global)
end

local function chunk_of(file)
  local chunk = assert(loadfile(file, "t", globals))
  if setfenv then setfenv(chunk, globals) end
  return chunk
end

local lazy = {}

--- Says which modules `load` may be asked for; loads them where they might not be found later.
---@param names string[] without "runloop."
function lazy.announce(names)
  for i = 1, root and 0 or #names do require("runloop." .. names[i]) end
end

--- A module that was announced, or that one of those needs.
---@param module_name string without "runloop."
---@return any
function lazy.load(module_name)
  local full = "runloop." .. module_name
  if not root then return require(full) end
  local module = loaded[full]
  if module == nil then
    local file = root .. module_name:gsub("%.", "/") .. ".lua"
    module = chunk_of(file)(full, file)
    loaded[full] = module
  end
  return module
end

-- What such a module needs of this one is found where it is.
function globals.require(module_name)
  local short = module_name:match "^runloop%.(.+)$"
  if short then return lazy.load(short) end
  return require(module_name)
end

return lazy
