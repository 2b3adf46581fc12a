-- Every module but this one and init.lua is loaded here, compiled and run when it is first used: a program that lists
-- scenarios needs no other resource, and one whose calls succeed nothing that makes errors.

local core = require "runloop.core"
local require = require -- a host may take it from its scripts

local assert, pairs, setmetatable, type = assert, pairs, setmetatable, type
local gsub, match = string.gsub, string.match

local name, path = ...

-- Texts are in the core, or are read at once: later the program may have another directory, another package.path, no
-- descriptor left, or nothing to load files with. Where texts cannot be had, modules are loaded at once.
local load = core.global "loadstring" or core.global "load"
local setfenv = core.global "setfenv"
local package = core.global "package"
local loaded, preload = nil, nil
if type(package) == "table" then loaded, preload = package.loaded, package.preload end
local debug = core.global "debug"
if not path and not (preload and preload[name]) and debug and debug.getinfo then -- LuaJIT tells no path
  path = match(debug.getinfo(1, "S").source, "^@(.*)$")
end
local root = name == "runloop.lazy" and type(path) == "string" and match(path, "^(.*[/\\])lazy%.lua$")
if not load or not loaded then root = nil end

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

local texts = {} -- module -> text, or true for the core's own, until it is loaded
local modules = {} -- module -> what it gave

local function file_of(module_name)
  return root .. gsub(module_name, "%.", "/") .. ".lua"
end

-- Whether the core has a module's text: not where the file is another one than that from which it was taken.
local function has_text(module_name)
  local taken = core.text_size(module_name)
  local size = taken and core.file_size(file_of(module_name))
  return taken and (not size or size == taken)
end

--- Says which modules `load` will be asked for. Their files are looked at here and not later, when another version, or
--- another directory's, may stand in their place.
---@param names string[] without "runloop."
function lazy.announce(names)
  local wanted, files = {}, {}
  for i = 1, #names do
    if not root or loaded["runloop." .. names[i]] then
      modules[names[i]] = require("runloop." .. names[i])
    elseif has_text(names[i]) then
      texts[names[i]] = true
    else
      wanted[#wanted + 1], files[#files + 1] = names[i], file_of(names[i])
    end
  end
  local read = core.file_texts(files)
  for i = 1, #wanted do
    if read[i] then texts[wanted[i]] = read[i] else modules[wanted[i]] = require("runloop." .. wanted[i]) end
  end
end

local function chunk_of(module_name, text, file)
  if text == true then return core.load_text(module_name, "@" .. file, globals) end
  local chunk = assert(load(text, "@" .. file, "t", globals))
  return setfenv and setfenv(chunk, globals) or chunk
end

--- A module that was announced.
---@param module_name string without "runloop."
---@return any
function lazy.load(module_name)
  local module = modules[module_name]
  if module then return module end
  local full, text = "runloop." .. module_name, texts[module_name]
  if text then
    local file = file_of(module_name)
    module = chunk_of(module_name, text, file)(full, file)
    modules[module_name], loaded[full] = module, module
    texts[module_name] = nil
  else
    module = require(full)
    modules[module_name] = module
  end
  return module
end

--- A stand-in for a module that is a table of functions: it is loaded when the first of them is asked for.
---@param module_name string without "runloop."
---@return table
function lazy.module(module_name)
  return setmetatable({}, {
    __index = function(self, field)
      local value = lazy.load(module_name)[field]
      self[field] = value
      return value
    end,
  })
end

--- Has a table find functions in a module, which is loaded when one of them is first called.
---@param into table
---@param module_name string without "runloop."
---@param names string[] what they are called, in both
function lazy.methods(into, module_name, names)
  for i = 1, #names do
    local method, loaded_method = names[i], nil
    into[method] = function(...)
      if not loaded_method then
        local module = lazy.load(module_name)
        for j = 1, #names do into[names[j]] = module[names[j]] end
        loaded_method = module[method]
      end
      return loaded_method(...)
    end
  end
end

-- What such a module needs of this one may have been announced, too.
function globals.require(module_name)
  local short = match(module_name, "^runloop%.(.+)$")
  if short then return lazy.load(short) end
  return require(module_name)
end

return lazy
