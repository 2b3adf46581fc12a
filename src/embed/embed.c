/* embed.c: the module runloop of build/runloop.c. Its Lua files are in there: they find each other
 * without a path, a directory, the library `package` or a global `require`. */
#include "../lua_compat.h"
#include "embed.h"

#include <string.h>

#if defined(__GNUC__)
#define RL_EXPORT __attribute__((visibility("default")))
#else
#define RL_EXPORT
#endif

int luaopen_runloop_core(lua_State *L);
RL_EXPORT int luaopen_runloop(lua_State *L);

/* Its address is the key in the registry of what has been loaded, by name. */
static const char loaded_key = 0;

struct reader {
  const struct rl_module *module;
  size_t next;
};

/* Every file begins with this, on its own first line. */
static const char head[] = "local require = ...; ";

static const char *read_piece(lua_State *L, void *data, size_t *size) {
  struct reader *r = (struct reader *)data;
  const char *piece = NULL;
  (void)L;
  if (r->next == 0)
    piece = head;
  else if (r->next <= r->module->count)
    piece = r->module->pieces[r->next - 1];
  r->next++;
  *size = piece != NULL ? strlen(piece) : 0;
  return piece;
}

/* Pushes the function that makes the module; 0: there is none of this name. */
static int push_loader(lua_State *L, const char *name) {
  struct reader r = {NULL, 0};
  size_t i = 0;
  if (strcmp(name, "runloop.core") == 0) {
    lua_pushcfunction(L, luaopen_runloop_core);
    return 1;
  }
  do
    r.module = rl_embedded(i++);
  while (r.module != NULL && strcmp(r.module->name, name) != 0);
  if (r.module == NULL)
    return 0;
  if (lua_load(L, read_piece, &r, r.module->chunk, "t") != LUA_OK)
    (void)lua_error(L);
  return 1;
}

/* What the host's own `require` gives, for what is not in here. */
static int require_of_host(lua_State *L, const char *name) {
  lua_pushglobaltable(L);
  lua_pushliteral(L, "require");
  if (lua_rawget(L, -2) == LUA_TNIL)
    return luaL_error(L, "module '%s' not found: this Lua has no 'require'", name);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* require(name) for the modules in here. Upvalue: what has been loaded. */
static int embedded_require(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  lua_settop(L, 1);
  lua_pushvalue(L, 1);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
    return 1;
  lua_settop(L, 1);
  if (!push_loader(L, name))
    return require_of_host(L, name);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, embedded_require, 1);
  lua_call(L, 1, 1);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_rawset(L, lua_upvalueindex(1));
  return 1;
}

/* A script may ask for the parts as well, by the host's `require`, if there is one. */
static void offer(lua_State *L, const char *name) {
  lua_pushstring(L, name);
  if (lua_rawget(L, -2) == LUA_TNIL) {
    lua_pushstring(L, name);
    lua_pushvalue(L, -4);
    lua_rawset(L, -4);
  }
  lua_pop(L, 1);
}

/* With the function on top of the stack. */
static void offer_all(lua_State *L) {
  int top = lua_gettop(L);
  const struct rl_module *module;
  size_t i;
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  if (lua_istable(L, -1) && lua_getfield(L, -1, "package") == LUA_TTABLE &&
      lua_getfield(L, -1, "preload") == LUA_TTABLE) {
    lua_pushvalue(L, top);
    lua_insert(L, -2);
    offer(L, "runloop.core");
    for (i = 0; (module = rl_embedded(i)) != NULL; i++)
      offer(L, module->name);
  }
  lua_settop(L, top);
}

/* The module. Opened again in the same state, it is the one that is there. */
int luaopen_runloop(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);
  }
  lua_pushcclosure(L, embedded_require, 1);
  offer_all(L);
  lua_pushliteral(L, "runloop");
  lua_call(L, 1, 1);
  return 1;
}
