-- runloop: a client for the Runloop API.

local core = require "runloop.core"
local lazy = require "runloop.lazy"

lazy.announce {
  "api", "api.shapes", "attempts", "await", "builder", "checks", "client", "coroutines", "deadlines", "devbox",
  "download", "error", "evaluate", "evaluate.benchmark_run", "evaluate.options", "evaluate.report",
  "evaluate.resume", "evaluate.runs", "evaluate.source", "evaluate.statistics", "evaluate.trial", "exec", "failure",
  "fifo", "headers", "jobs", "json", "json_text", "kinds", "map", "methods", "multipart", "names", "options",
  "pager", "proxy", "query", "request", "resource", "retry", "rounds", "rows", "scheduler", "schema", "secrets",
  "source", "steps", "stream", "task", "together", "turns", "upload", "version", "waits",
}
local api = {}
for i, name in ipairs(lazy.load "api") do api[i] = "api." .. name end
lazy.announce(api)

local client, coroutines, errors, json =
  lazy.load "client", lazy.load "coroutines", lazy.load "error", lazy.load "json"

local rawequal, select, type = rawequal, select, type
local find, gsub = string.find, string.gsub

local runloop
local json_functions

local features = {}
for name, there in pairs(core.features) do features[name] = there end
features.lua = coroutines.lua
features.closing = coroutines.closes -- to-be-closed variables
features.tasks = coroutines.yields
features.integers = math.type ~= nil -- of 64 bits

-- The module is no object: with a colon a function would get it as its first argument. One that knows how many
-- arguments it takes refuses what follows them; the others take what Lua gives them, as `text:gsub(...)` gives two values.
local function with_dot(name, fn, most)
  return function(first, ...)
    if rawequal(first, runloop) or rawequal(first, json_functions) then
      errors.misuse("runloop." .. name .. ": call it with a dot, not with a colon")
    end
    if most and select("#", ...) >= most then errors.refuse_more({ first, ... }, most, "runloop." .. name) end
    return fn(first, ...)
  end
end

json_functions = {
  decode = with_dot("json.decode", json.decode, 2), encode = with_dot("json.encode", json.encode, 2),
}

local function shell_quote(text)
  if type(text) ~= "string" then
    errors.misuse("runloop.shell_quote: argument 'text' must be a string, got " .. type(text))
  elseif find(text, "%z") then
    errors.misuse("runloop.shell_quote: argument 'text' must not contain a zero byte")
  end
  return "'" .. gsub(text, "'", "'\\''") .. "'"
end

---@class runloop
runloop = {
  _VERSION = "runloop " .. lazy.load "version",
  --- A client; see runloop.ClientOptions.
  new = with_dot("new", client.new, 1),
  --- Whether something is an error of this module.
  is_error = with_dot("is_error", errors.is),
  --- JSON's null, the same value as cjson.null.
  null = json.null,
  --- Marks a table (default: a new one) as an array, so that it is sent as `[]` even when empty.
  array = with_dot("array", json.array, 1),
  --- The metatable that arrays carry.
  array_mt = json.array_mt,
  json = json_functions,
  --- A builder for the parameters of `scenarios:create`.
  scenario = with_dot("scenario", function(name) return lazy.load("builder").new(name) end, 1),
  --- A text as one word of a POSIX shell.
  shell_quote = with_dot("shell_quote", shell_quote),
  --- What the C core was built with, what libcurl can do here, and which Lua this is.
  features = features,
}

return runloop
