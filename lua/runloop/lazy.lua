-- Modules that are compiled and run when they are first used: a program that lists scenarios needs no other resource.

local core = require "runloop.core"
local require = require -- a host may take it from its scripts

local assert = assert
local gsub, match = string.gsub, string.match

local name, path = ...

-- Texts are read at once: later the program may have another directory, another package.path, no descriptor left, or
-- nothing to load files with. Where texts cannot be had, modules are loaded at once.
local load = core.global "loadstring" or core.global "load"
local setfenv = core.global "setfenv"
local package = core.global "package"
local loaded = type(package) == "table" and package.loaded
local root = name == "runloop.lazy" and type(path) == "string" and match(path, "^(.*[/\\])lazy%.lua$")
if not load or not loaded then root = nil end

local MAX_TEXT = 65536 -- bytes

-- A module finds the globals and libraries that there were when this one was loaded.
local globals = {}
for _, global in ipairs {
  "assert", "coroutine", "error", "getmetatable", "ipairs", "math", "next", "pairs", "pcall", "rawget", "rawset",
  "select", "setmetatable", "string", "table", "tonumber", "tostring", "type", "unpack",
} do
  local value = core.global(global)
  if type(value) == "table" then
    local fields = {}
    for field, member in pairs(value) do fields[field] = member end
    value = fields
  end
  globals[global] = value
end

local lazy = {}

local texts = {} -- module -> text, until it is loaded

local function file_of(module_name)
  return root .. gsub(module_name, "%.", "/") .. ".lua"
end

--- Says which modules `load` will be asked for.
---@param names string[] without "runloop."
function lazy.announce(names)
  for i = 1, #names do
    local text, size
    if root and not loaded["runloop." .. names[i]] then text, size = core.file_tail(file_of(names[i]), MAX_TEXT) end
    if text and size == #text then
      texts[names[i]] = text
    else
      require("runloop." .. names[i])
    end
  end
end

--- A module that was announced.
---@param module_name string without "runloop."
---@return any
function lazy.load(module_name)
  local full, text = "runloop." .. module_name, texts[module_name]
  if not text then return require(full) end
  local file = file_of(module_name)
  local chunk = assert(load(text, "@" .. file, "t", globals))
  if setfenv then setfenv(chunk, globals) end
  texts[module_name] = nil
  loaded[full] = chunk(full, file)
  return loaded[full]
end

-- What such a module needs of this one may have been announced, too.
function globals.require(module_name)
  local short = match(module_name, "^runloop%.(.+)$")
  if short then return lazy.load(short) end
  return require(module_name)
end

return lazy
