/* A host in plain C: the whole module compiled in as one file, an allocator with a memory limit, a
 * frame loop that ticks the client, and an end while requests are in flight.
 *
 * Build: make amalgamation && cc -o host examples/host.c build/runloop.c -Ibuild \
 *          $(pkg-config --cflags --libs lua5.4 libcurl) -lm -lpthread -ldl
 * Usage: ./host [ticks]   (RUNLOOP_API_KEY, RUNLOOP_BASE_URL)
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "runloop.h"

/* What Lua may use at once. The C core's buffers and libcurl are not in it: max_body_bytes bounds
 * those. */
#define MEMORY_LIMIT ((size_t)16 << 20)

struct memory {
  size_t used, limit;
};

/* A lua_Alloc: past the limit it says no, and Lua raises "not enough memory" where it stands. */
static void *allocate(void *ud, void *ptr, size_t old_size, size_t new_size) {
  struct memory *memory = ud;
  if (ptr == NULL)
    old_size = 0; /* then it is the kind of object, not a size */
  if (new_size == 0) {
    free(ptr);
    memory->used -= old_size;
    return NULL;
  }
  if (new_size > old_size && memory->used + (new_size - old_size) > memory->limit)
    return NULL;
  void *fresh = realloc(ptr, new_size);
  if (fresh != NULL)
    memory->used = memory->used - old_size + new_size;
  return fresh;
}

static const char *const script =
    "local client = runloop.new {\n"
    "  nonblocking = true,\n"
    "  on_error = function(err) print('task failed: ' .. tostring(err)) end,\n"
    "}\n"
    "listed = 0\n"
    "client:spawn(function()\n"
    "  for _ in client.scenarios:list { limit = 100 } do listed = listed + 1 end\n"
    "end)\n"
    "function tick() return client:poll() end\n";

/* What can run out of memory is in the two functions that follow, which lua_pcall calls. */

/* Runs the script, which finds the module as a global. Without the 1, or lua_setglobal, it is there
 * for `require` alone. */
static int start(lua_State *L) {
  luaL_openlibs(L);
#if LUA_VERSION_NUM >= 502
  luaL_requiref(L, "runloop", luaopen_runloop, 1);
#else
  lua_pushcfunction(L, luaopen_runloop);
  lua_call(L, 0, 1);
  lua_setglobal(L, "runloop");
#endif
  if (luaL_loadstring(L, script) != LUA_OK)
    return lua_error(L);
  lua_call(L, 0, 0);
  return 0;
}

/* One frame's share of the client's work: how many tasks are alive, and what they have listed. */
static int tick(lua_State *L) {
  lua_getglobal(L, "tick");
  lua_call(L, 0, 1);
  lua_getglobal(L, "listed");
  return 2;
}

int main(int argc, char **argv) {
  long ticks = argc > 1 ? strtol(argv[1], NULL, 10) : 600;
  struct memory memory = {0, MEMORY_LIMIT};
#if LUA_VERSION_NUM >= 505
  lua_State *L = lua_newstate(allocate, &memory, luaL_makeseed(NULL));
#else
  lua_State *L = lua_newstate(allocate, &memory);
#endif
  if (L == NULL)
    return 1;

  lua_pushcfunction(L, start);
  int status = lua_pcall(L, 0, 0, 0);
  lua_Integer alive = 1, listed = 0;
  int done = 0;
  while (status == LUA_OK && alive > 0 && done < ticks) {
    lua_pushcfunction(L, tick);
    status = lua_pcall(L, 0, 2, 0);
    if (status != LUA_OK)
      break;
    alive = lua_tointeger(L, -2);
    listed = lua_tointeger(L, -1);
    lua_pop(L, 2);
    done++;
    /* The rest of the frame: input, physics, drawing. */
    nanosleep(&(struct timespec){0, 16666667}, NULL);
  }
  if (status == LUA_OK) {
    printf("%d ticks, %lld scenarios, %lld task(s) alive, %zu KB in use\n", done, (long long)listed,
           (long long)alive, memory.used >> 10);
  } else {
    fprintf(stderr, "host: %s\n", lua_isstring(L, -1) ? lua_tostring(L, -1) : "failed");
  }

  /* Whatever is in flight ends here, without a wait for the network. */
  lua_close(L);
  printf("closed, %zu bytes in use\n", memory.used);
  return status == LUA_OK ? 0 : 1;
}
