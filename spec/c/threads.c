/* threads.c: Lua states in threads of their own, for ThreadSanitizer.
 *
 *   threads [CPATH]    without it LUA_CPATH says where the module is
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "server.h"
#include "test.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum { THREADS = 2 };

static const char *cpath;

static const char script[] =
    "local cpath, base = ...\n"
    "package.cpath = cpath or package.cpath\n"
    "local core = require 'runloop.core'\n"
    "for round = 1, 5 do\n"
    "  local http = core.http{ base_headers = { 'Authorization: Bearer t' }, max_connections = 4 "
    "}\n"
    "  local ids, running = {}, 0\n"
    "  for i = 1, 40 do\n"
    "    local page = i % 10 == 0\n"
    "    local t = http:start({ url = base .. (page and '/page/50' or '/ok'), method = 'GET' },\n"
    "                         nil, nil, nil, page and { list = 'scenarios' } or nil)\n"
    "    assert(not ids[t:id()]); ids[t:id()] = t\n"
    "    if not t:want() then running = running + 1 end\n"
    "  end\n"
    "  while running > 0 do\n"
    "    http:turn()\n"
    "    local id = http:ready()\n"
    "    while id do\n"
    "      local t = ids[id]\n"
    "      while t:item() do end\n"
    "      if t:finished() then\n"
    "        assert(t:finish() == 'ok'); t:json(); t:release(); running = running - 1\n"
    "      elseif t:want() then error 'news twice' end\n"
    "      id = http:ready()\n"
    "    end\n"
    "  end\n"
    "  core.uuid()\n"
    "  http:close()\n"
    "end\n";

static void *run(void *arg) {
  char base[64];
  lua_State *L = luaL_newstate();
  (void)arg;
  if (L == NULL)
    return "no state";
  luaL_openlibs(L);
  snprintf(base, sizeof base, "http://127.0.0.1:%d", server_port);
  if (luaL_loadbuffer(L, script, sizeof script - 1, "=script") != LUA_OK)
    return "no script";
  lua_pushstring(L, cpath);
  lua_pushstring(L, base);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    lua_close(L);
    return "failed";
  }
  lua_close(L);
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[THREADS];
  int i;
  cpath = argc > 1 ? argv[1] : NULL;
  if (!server_start())
    return 2;
  for (i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, run, NULL) == 0, "thread %d", i);
  for (i = 0; i < THREADS; i++) {
    void *problem = NULL;
    pthread_join(threads[i], &problem);
    CHECK(problem == NULL, "thread %d: %s", i, (const char *)problem);
  }
  server_stop();
  return test_summary("threads");
}
