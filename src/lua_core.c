/* lua_core.c: the module runloop.core. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* dladdr, getentropy */
#endif

#include "lua_compat.h"
#include "lua_core.h"
#include "lua_json.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

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

/* global(name) -> what the host has under that name, or nil. Some hosts take libraries away, and
 * some make it an error to ask for what is not there. */
static int global(lua_State *L) {
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  lua_pushglobaltable(L);
  lua_insert(L, 1);
  lua_rawget(L, 1);
  return 1;
}

/* random() -> a number from 0 up to, not including, 1. math.random is the program's: what it draws
 * after a seed of its own stays the same with this module at work, and unseeded ones differ. */
static int random_number(lua_State *L) {
  uint64_t r;
  if (getentropy(&r, sizeof r) != 0)
    return luaL_error(L, "the system gives no random bytes");
  lua_pushnumber(L, (lua_Number)(r >> 11) / 9007199254740992.0); /* 53 bits */
  return 1;
}

/* A function in C (pcall, table.sort), one of a file in this directory, or what Lua 5.1 has for a
 * tail call: after `return call()` no line of the program stands between. */
static int has_no_line(const lua_Debug *ar, const char *directory) {
  return *ar->what == 'C' || strcmp(ar->what, "tail") == 0 ||
         (directory != NULL && strncmp(ar->source, directory, strlen(directory)) == 0);
}

/* Raises a programming mistake, blaming the line of the program and none of the library. */
static int misuse(lua_State *L) {
  const char *directory = lua_tostring(L, lua_upvalueindex(1));
  lua_Debug ar;
  int level = 1;
  luaL_checkstring(L, 1);
  while (lua_getstack(L, level, &ar) && lua_getinfo(L, "S", &ar) && has_no_line(&ar, directory))
    level++;
  luaL_where(L, level);
  lua_pushvalue(L, 1);
  lua_concat(L, 2);
  return lua_error(L);
}

/* blamer() -> misuse(message), for the library whose files lie where that of the caller does. Here
 * and not in Lua, since there may be no debug library. */
static int blamer(lua_State *L) {
  lua_Debug ar;
  const char *slash = NULL;
  if (lua_getstack(L, 1, &ar) && lua_getinfo(L, "S", &ar) && *ar.source == '@') {
    const char *s;
    for (s = ar.source; *s != '\0'; s++) {
      if (*s == '/' || *s == '\\')
        slash = s;
    }
  }
  if (slash != NULL)
    lua_pushlstring(L, ar.source, (size_t)(slash + 1 - ar.source));
  else
    lua_pushnil(L);
  lua_pushcclosure(L, misuse, 1);
  return 1;
}

int luaopen_runloop_core(lua_State *L) {
  static const luaL_Reg functions[] = {{"call", call},
                                       {"global", global},
                                       {"random", random_number},
                                       {"blamer", blamer},
                                       {NULL, NULL}};
  stay_loaded();
  luaL_checkversion(L);
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  rl_lua_json_open(L);
  rl_lua_encode_open(L);
  rl_lua_http_open(L);
  rl_lua_file_open(L);
  rl_lua_scrub_open(L);
  return 1;
}
