/* guests.c: a Lua module for specs that need Lua states in threads of their own.
 *
 *   local guests = require "guests"
 *   guests(n, source, ...)     runs this Lua text in n threads at once, each with the number of its
 *                              thread and the given strings as `...`, and waits for all of them;
 *                              raises the error of one that failed
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>

int luaopen_guests(lua_State *L);

enum { MAX_GUESTS = 16, MAX_STRINGS = 8 };

struct guest {
  pthread_t thread;
  int number, strings_count;
  const char *source, **strings;
  char problem[500]; /* empty: none */
};

static void *run(void *arg) {
  struct guest *g = arg;
  lua_State *L = luaL_newstate();
  int i;
  if (L == NULL) {
    snprintf(g->problem, sizeof g->problem, "no state");
    return NULL;
  }
  luaL_openlibs(L);
  if (luaL_loadstring(L, g->source) == LUA_OK) {
    lua_pushinteger(L, g->number);
    for (i = 0; i < g->strings_count; i++)
      lua_pushstring(L, g->strings[i]);
    (void)lua_pcall(L, 1 + g->strings_count, 0, 0);
  }
  if (lua_gettop(L) > 0)
    snprintf(g->problem, sizeof g->problem, "%s",
             lua_tostring(L, -1) != NULL ? lua_tostring(L, -1) : "an error that is no text");
  lua_close(L);
  return NULL;
}

static int guests(lua_State *L) {
  struct guest all[MAX_GUESTS];
  const char *strings[MAX_STRINGS];
  int n = (int)luaL_checkinteger(L, 1), count = lua_gettop(L) - 2, i, started;
  const char *source = luaL_checkstring(L, 2);
  luaL_argcheck(L, n >= 0 && n <= MAX_GUESTS, 1, "too many");
  luaL_argcheck(L, count <= MAX_STRINGS, 3, "too many");
  for (i = 0; i < count; i++)
    strings[i] = luaL_checkstring(L, 3 + i);
  for (started = 0; started < n; started++) {
    struct guest *g = &all[started];
    g->number = started + 1;
    g->source = source;
    g->strings = strings;
    g->strings_count = count;
    g->problem[0] = '\0';
    if (pthread_create(&g->thread, NULL, run, g) != 0)
      break;
  }
  for (i = 0; i < started; i++)
    pthread_join(all[i].thread, NULL);
  for (i = 0; i < started; i++) {
    if (all[i].problem[0] != '\0')
      return luaL_error(L, "guest %d: %s", i + 1, all[i].problem);
  }
  return started == n ? 0 : luaL_error(L, "thread %d could not be started", started + 1);
}

int luaopen_guests(lua_State *L) {
  lua_pushcfunction(L, guests);
  return 1;
}
