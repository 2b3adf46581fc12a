/* lua_core.c: the module runloop.core, and what Lua has no function for. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* dladdr, getentropy, clock_gettime */
#endif

#include "lua_compat.h"
#include "lua_body.h"
#include "lua_core.h"
#include "lua_json.h"
#include "platform.h"
#include "url.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
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

/* let_go(hand, x[, holder, name, value]) -> x, which is no longer in hand[1]; holder[name] is the
 * value then. No debug hook can strike between these. */
static int let_go(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 5);
  if (!lua_isnil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_rawset(L, 3);
  }
  lua_settop(L, 2);
  lua_pushnil(L);
  lua_rawseti(L, 1, 1);
  return 1;
}

static struct rl_extents *extents_of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

/* within(holder, name, value, fn, ...) -> what fn returns. Meanwhile holder[name] is the value;
 * then it is again what it was, whatever fn raises: in Lua a debug hook could strike before that
 * was put right. With a C function between, fn cannot yield. */
static int within(lua_State *L) {
  int rc, room;
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 4);
  luaL_checkstack(L, 3, NULL);
  lua_pushvalue(L, 2);
  lua_rawget(L, 1);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  lua_rawset(L, 1);
  lua_replace(L, 3);
  extents_of(L)->changes++;
  rc = lua_pcall(L, lua_gettop(L) - 4, LUA_MULTRET, 0);
  extents_of(L)->changes++;
  room = lua_checkstack(L, 2);
  if (!room)
    lua_settop(L, 3);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  lua_rawset(L, 1);
  if (!room)
    return luaL_error(L, "too many results");
  return rc == LUA_OK ? lua_gettop(L) - 3 : lua_error(L);
}

/* changed(): something else has come to be so that decides who may go on where; see `ready`. */
static int changed(lua_State *L) {
  extents_of(L)->changes++;
  return 0;
}

/* raise(queue, place, err): takes the member away and raises the error, at once. */
static int raise(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 3);
  lua_pushvalue(L, 2);
  lua_pushnil(L);
  lua_rawset(L, 1);
  return lua_error(L);
}

#if LUA_VERSION_NUM >= 502
/* traceback(coroutine) -> its stack, as text; there is no `debug` in a sandbox. */
static int traceback(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argcheck(L, co != NULL, 1, "coroutine expected");
  luaL_traceback(L, co, NULL, 0);
  return 1;
}
#endif

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

/* url_encode(text) -> text fit for a path segment or a part of a query */
static int url_encode(lua_State *L) {
  size_t len;
  const char *s = luaL_checklstring(L, 1, &len);
  size_t encoded;
  luaL_Buffer b;
  luaL_argcheck(L, len <= (size_t)-1 / 3, 1, "too long");
  encoded = rl_url_encode(luaL_buffinitsize(L, &b, 3 * len), s, len);
  if (encoded == len)
    lua_settop(L, 1); /* it is the text itself */
  else
    luaL_pushresultsize(&b, encoded);
  return 1;
}

/* uuid([prefix[, client]]) -> the prefix and a random UUID behind it, of the bytes that the client
 * has ahead; only for what the client itself sends, which it does not in a forked child */
static int uuid(lua_State *L) {
  size_t len;
  const char *prefix = luaL_optlstring(L, 1, "", &len);
  struct rl_random *ahead = lua_isnoneornil(L, 2) ? NULL : rl_lua_random_of(L, 2);
  luaL_Buffer b;
  char *out = luaL_buffinitsize(L, &b, len + RL_UUID_LEN);
  memcpy(out, prefix, len);
  if (!rl_uuid(ahead, out + len))
    return luaL_error(L, "the system gives no random bytes");
  luaL_pushresultsize(&b, len + RL_UUID_LEN);
  return 1;
}

/* now() -> seconds of a clock that only goes forward */
static int now(lua_State *L) {
  lua_pushnumber(L, rl_monotonic());
  return 1;
}

/* time() -> seconds since 1970 */
static int wall_time(lua_State *L) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_nsec * 1e-9);
  return 1;
}

/* A function in C (pcall, table.sort), one of a file in this directory, or what Lua 5.1 has for a
 * tail call: after `return call()` no line of the program stands between. */
static int has_no_line(const lua_Debug *ar, const char *directory) {
  return *ar->what == 'C' || strcmp(ar->what, "tail") == 0 ||
         (directory != NULL && strncmp(ar->source, directory, strlen(directory)) == 0);
}

/* Pushes "file:line: " of the line of the program that runs, none of the library's, or "". */
static void push_place(lua_State *L) {
  const char *directory = lua_tostring(L, lua_upvalueindex(1));
  lua_Debug ar;
  int level = 1;
  while (lua_getstack(L, level, &ar) && lua_getinfo(L, "S", &ar) && has_no_line(&ar, directory))
    level++;
  luaL_where(L, level);
}

/* Raises a programming mistake, blaming that line. */
static int misuse(lua_State *L) {
  luaL_checkstring(L, 1);
  push_place(L);
  lua_pushvalue(L, 1);
  lua_concat(L, 2);
  return lua_error(L);
}

/* place() -> "file:line", or nil */
static int place(lua_State *L) {
  size_t n;
  const char *where;
  push_place(L);
  where = lua_tolstring(L, -1, &n);
  if (n > 2)
    lua_pushlstring(L, where, n - 2);
  else
    lua_pushnil(L);
  return 1;
}

/* blamer() -> misuse(message), place(), for the library whose files lie where that of the caller
 * does. Here and not in Lua, since there may be no debug library. */
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
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, misuse, 1);
  lua_insert(L, -2);
  lua_pushcclosure(L, place, 1);
  return 2;
}

/* unheard() -> whether nobody would hear what the function raises that calls this, to close a
 * variable: the end of the state has called it, with nothing below it in the main coroutine. */
static int unheard(lua_State *L) {
  lua_Debug ar;
  int is_main = lua_pushthread(L);
  lua_pushboolean(L, is_main && !lua_getstack(L, 2, &ar));
  return 1;
}

#if LUA_VERSION_NUM == 504
static int note_status(lua_State *L) {
  int *suspended = lua_touserdata(L, lua_upvalueindex(1));
  *suspended = lua_status(L) == LUA_YIELD;
  return 0;
}

/* Yields with a variable to be closed, argument 1. */
static int yield_inside(lua_State *L) {
  lua_toclose(L, 1);
  return lua_yield(L, 0);
}

/* Lua 5.4.0 to 5.4.3 take a coroutine that is being closed for a suspended one, resume it, and
 * crash. A release cannot be asked for its number. */
static void check_release(lua_State *L) {
  int suspended = 0, results = 0, top = lua_gettop(L);
  lua_State *co = lua_newthread(L);
  lua_pushcfunction(co, yield_inside);
  lua_newtable(co);
  lua_newtable(co);
  lua_pushlightuserdata(co, &suspended);
  lua_pushcclosure(co, note_status, 1);
  lua_setfield(co, -2, "__close");
  lua_setmetatable(co, -2);
  if (lua_resume(co, L, 1, &results) == LUA_YIELD)
    (void)lua_resetthread(co);
  lua_settop(L, top);
  if (suspended)
    luaL_error(L,
               "runloop needs Lua 5.4.4 or later: earlier releases crash when tasks with variables"
               " to be closed cancel each other");
}
#endif

/* A core that was built with another Lua's headers may be loaded all the same. */
static void check_lua(lua_State *L) {
  luaL_checkversion(L);
#if LUA_VERSION_NUM == 504
  check_release(L);
#endif
}

int luaopen_runloop_core(lua_State *L) {
  static const luaL_Reg functions[] = {
    {"let_go", let_go},
    {"raise", raise},
#if LUA_VERSION_NUM >= 502
    {"traceback", traceback},
#endif
    {"global", global},
    {"random", random_number},
    {"uuid", uuid},
    {"url_encode", url_encode},
    {"now", now},
    {"time", wall_time},
    {"blamer", blamer},
    {"unheard", unheard},
    {NULL, NULL}
  };
  static const luaL_Reg of_extents[] = {{"within", within}, {"changed", changed}, {NULL, NULL}};
  struct rl_extents *extents;
  int place;
  stay_loaded();
  check_lua(L);
  extents = lua_newuserdatauv(L, sizeof *extents, 0);
  extents->changes = 0;
  place = lua_gettop(L);
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  lua_pushvalue(L, place);
  luaL_setfuncs(L, of_extents, 1);
  lua_pushfstring(L, "%d.%d", LUA_VERSION_NUM / 100, LUA_VERSION_NUM % 100);
  lua_setfield(L, -2, "lua");
  rl_lua_json_open(L);
  rl_lua_encode_open(L);
  rl_lua_body_open(L);
  rl_lua_http_open(L, place);
  rl_lua_file_open(L);
  rl_lua_scrub_open(L);
  rl_lua_texts_open(L);
  return 1;
}
