-- Writes the module as one C file and its header: lua .ci/amalgamate.lua DIRECTORY VERSION SOURCE.c... FILE.lua...
-- All but luaopen_runloop is static in there; what only the tests of the core call stays unused. Names that two sources have for themselves get the file's in front.

local c_text = dofile ".ci/c_text.lua"
local read, write, lines_of = c_text.read, c_text.write, c_text.lines_of

local directory, version = arg[1], arg[2]
local sources, modules = {}, {}
for i = 3, #arg do
  local list = arg[i]:find "%.c$" and sources or modules
  list[#list + 1] = arg[i]
end

-- What stands at the left margin of a source: its own functions, variables, tags and constants, and its macros.
local function names_in(text)
  local own, macros = {}, {}
  for line in lines_of(text) do
    local name = line:match "^static [%w_ *]-([%w_]+)[%[(;]" or line:match "^static [%w_ *]-([%w_]+) ="
      or line:match "^struct ([%w_]+) {" or line:match "^enum ([%w_]+) {"
    if name then own[name] = true end
    local macro = line:match "^# *define ([%w_]+)"
    if macro then macros[#macros + 1] = macro end
  end
  for constants in text:gmatch "\nenum [%w_]* ?{(.-)}" do
    for item in constants:gsub("/%*.-%*/", ""):gmatch "[^,]+" do
      own[item:match "[%w_]+" or ""] = true
    end
  end
  return own, macros
end

local texts, owners = {}, {}
assert(#sources > 0 and #modules > 0)
for _, path in ipairs(sources) do
  local text = read(path)
  texts[path] = text
  for name in pairs((names_in(text))) do owners[name] = (owners[name] or 0) + 1 end
end

local out = {}
local function put(line) out[#out + 1] = line end

-- A declaration or definition that other files of the tree see, which here all stand in one.
local function make_static(line)
  if line:find "^static inline " then return (line:gsub("^static", "RL_PRIVATE")) end
  if line:find "^[%a_][%w_ *]-[ *]rl_[%w_]+%(" and not line:find "^static" and not line:find "^return" then
    return "RL_PRIVATE " .. line
  end
  return line
end

local included = {}

local function put_text(path, text)
  local folder = path:match "^(.*/)" or ""
  for line in lines_of(text) do
    local name = line:match '^#include "(.-)"'
    if name then
      local header = (folder .. name):gsub("[^/]+/%.%./", "")
      if name == "texts.h" then
        put(line) -- for who asks for it; all texts are in here anyway
      elseif not included[header] then
        included[header] = true
        put_text(header, read(header))
      end
    else
      put((make_static(line):gsub("^int luaopen_runloop_core", "static %0")
        :gsub("^RL_EXPORT int luaopen_runloop_core", "static int luaopen_runloop_core")))
    end
  end
end

local function put_source(path)
  local own, macros = names_in(texts[path])
  local shared = {}
  for name in pairs(own) do
    if owners[name] > 1 then shared[#shared + 1] = name end
  end
  table.sort(shared)
  put("\n/* " .. path .. " */")
  -- Its headers first: their fields may have such a name, too.
  local head, rest = "", texts[path]
  local _, last = rest:find ".*\n#include [^\n]*\n"
  if last then head, rest = rest:sub(1, last), rest:sub(last + 1) end
  put_text(path, head)
  for _, name in ipairs(shared) do
    put(("#define %s %s_%s"):format(name, path:match "([%w_]+)%.c$", name))
  end
  put_text(path, rest)
  for _, name in ipairs(shared) do put("#undef " .. name) end
  for _, name in ipairs(macros) do
    if name ~= "_GNU_SOURCE" and name ~= "_FILE_OFFSET_BITS" then put("#undef " .. name) end
  end
end

put("/* runloop for Lua " .. version .. [[: the whole module in one file; see runloop.h.
 *
 * Compile it as C99 together with the host and link libcurl and Lua (and, before glibc 2.34, -lpthread -ldl):
 *   cc -O2 host.c runloop.c $(pkg-config --cflags --libs lua5.4 libcurl)
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#if !defined(_FILE_OFFSET_BITS)
#define _FILE_OFFSET_BITS 64
#endif
#if defined(__GNUC__)
#define RL_PRIVATE __attribute__((unused)) static
#else
#define RL_PRIVATE static
#endif]])
for _, path in ipairs(sources) do
  if not path:find "/embed/" then put_source(path) end
end
local rows = {}
included["src/embed/embed.h"] = true
put_text("src/embed/embed.h", read "src/embed/embed.h")
for i, path in ipairs(modules) do
  local file = path:match "lua/runloop/(.*)$"
  local name = "runloop." .. file:gsub("%.lua$", ""):gsub("/", ".")
  rows[i] = ('    {"%s", "@(runloop)/%s", lua_%d, %d},'):format(name:gsub("%.init$", ""), file, i,
    c_text.put_module(put, i, path))
end
put(([[

RL_PRIVATE const struct rl_module *rl_embedded(size_t i) {
  static const struct rl_module modules[] = {
%s
  };
  return i < sizeof modules / sizeof *modules ? &modules[i] : NULL;
}]]):format(table.concat(rows, "\n")))
put_source "src/embed/embed.c"
write(directory .. "/runloop.c", out)

write(directory .. "/runloop.h", { ([[
/* runloop for Lua %s: a client for the Runloop API; see runloop.c.
 *
 *   luaL_requiref(L, "runloop", luaopen_runloop, 0);
 *
 * LuaJIT and Lua 5.1 have no luaL_requiref: there it is lua_pushcfunction and lua_call.
 */
#ifndef RUNLOOP_H
#define RUNLOOP_H

#define RUNLOOP_VERSION "%s"

#ifdef __cplusplus
extern "C" {
#endif

struct lua_State;

/* Leaves the module on the stack. Raises when libcurl cannot be initialised. */
int luaopen_runloop(struct lua_State *L);

#ifdef __cplusplus
}
#endif

#endif]]):format(version, version) })
