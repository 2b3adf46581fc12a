/* lua_core.c: the module runloop.core. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* dladdr */
#endif

#include "lua_core.h"
#include "lua_json.h"

#include <dlfcn.h>
#include <lauxlib.h>

#if defined(__GNUC__)
#define RL_EXPORT __attribute__((visibility("default")))
#else
#define RL_EXPORT
#endif

RL_EXPORT int luaopen_runloop_core(lua_State *L);

/* libcurl may leave a resolver's thread behind, which must not lose its code when the last Lua
 * state closes, so this module (and with it libcurl) stays loaded until the process ends. */
static void stay_loaded(void) {
  static const char here;
  Dl_info info;
  if (dladdr((const void *)&here, &info) != 0 && info.dli_fname != NULL)
    (void)dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

/* call(fn, ...) -> what fn returns. With a C function between, fn cannot yield: for callbacks that
 * must not suspend what calls them. */
static int call(lua_State *L) {
  luaL_checkany(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

int luaopen_runloop_core(lua_State *L) {
  stay_loaded();
  luaL_checkversion(L);
  lua_newtable(L);
  lua_pushcfunction(L, call);
  lua_setfield(L, -2, "call");
  rl_lua_json_open(L);
  rl_lua_http_open(L);
  rl_lua_file_open(L);
  return 1;
}
