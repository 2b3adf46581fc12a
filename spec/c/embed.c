/* embed.c: the module in a host with an allocator of its own.
 *
 *   embed [CPATH]      without it LUA_CPATH says where the module is
 *
 * Creates Lua states, requires runloop.core, runs requests and closes the states with requests in
 * flight, a hundred times; then lets the n-th and all later Lua allocations fail, for every n,
 * until a whole run succeeds. Each closed state must have given back every byte. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "server.h"
#include "test.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum { ROUNDS = 100 };

struct memory {
  size_t used;    /* bytes that Lua holds */
  long fail_from; /* the first allocation that fails; 0: none does */
  long count;
};

static void *allocate(void *userp, void *p, size_t old, size_t size) {
  struct memory *m = userp;
  void *q;
  if (p == NULL)
    old = 0;
  if (size == 0) {
    m->used -= old;
    free(p);
    return NULL;
  }
  if (size > old && m->fail_from > 0 && ++m->count >= m->fail_from)
    return NULL;
  q = realloc(p, size);
  if (q != NULL)
    m->used += size - old;
  return q;
}

static const char script[] =
    "local cpath, base, leave_open = ...\n"
    "package.cpath = cpath or package.cpath\n"
    "local core = require 'runloop.core'\n"
    "local http = core.http{ base_headers = { 'Authorization: Bearer t' }, max_connections = 4 }\n"
    "local function run(request, lines, sink)\n"
    "  request.url, request.method = base .. request.url, request.method or 'GET'\n"
    "  local transfer = assert(http:start(request, lines, false, nil, sink))\n"
    "  while not transfer:want() do http:turn() end\n"
    "  return transfer\n"
    "end\n"
    "local call = run({ url = '/ok', method = 'POST', body = '{}' }, { 'X: 1' })\n"
    "assert(call:finish() == 'ok' and call:json().id == 'scn_1' and call:text(3) == '{\"i')\n"
    "call:release()\n"
    "local page, n = run({ url = '/page/5' }, nil, { list = 'scenarios' }), 0\n"
    "while true do\n"
    "  local item, why = page:item()\n"
    "  if item then n = n + 1\n"
    "  elseif why == 'more' then while not page:want() do http:turn() end\n"
    "  else assert(why == 'done') break end\n"
    "end\n"
    "assert(n == 5 and page:members().total_count == 5)\n"
    "local missing = run{ url = '/status/404' }\n"
    "assert(select(4, missing:finish()) == 404 and not missing:json())\n"
    "http:stats() http:fds() http:timeout()\n"
    "if leave_open then\n"
    "  for i = 1, 3 do\n"
    "    http:start{ url = base .. '/silent', method = 'GET' }:want()\n"
    "    http:start({ url = base .. '/page/1000', method = 'GET' }, nil, nil, nil,\n"
    "               { list = 'scenarios' }):want()\n"
    "    http:turn(0)\n"
    "  end\n"
    "else\n"
    "  http:close()\n"
    "end\n";

static int body(lua_State *L) {
  luaL_openlibs(L);
  if (luaL_loadbuffer(L, script, sizeof script - 1, "=script") != LUA_OK)
    return lua_error(L);
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 0);
  return 0;
}

/* Runs the script in a state of its own. The script's result, or -1 when there was no state. */
static int run(struct memory *m, const char *cpath, int leave_open, char *message, size_t size) {
  char base[64];
  long fail_from = m->fail_from;
  int rc;
  lua_State *L = lua_newstate(allocate, m);
  message[0] = '\0';
  if (L == NULL)
    return -1;
  snprintf(base, sizeof base, "http://127.0.0.1:%d", server_port);
  m->fail_from = 0; /* the arguments are the host's, not the module's */
  lua_pushcfunction(L, body);
  lua_pushstring(L, cpath);
  lua_pushstring(L, base);
  lua_pushboolean(L, leave_open);
  m->fail_from = fail_from;
  rc = lua_pcall(L, 3, 0, 0);
  m->fail_from = 0;
  if (rc != LUA_OK) {
    const char *text = lua_tostring(L, -1);
    snprintf(message, size, "%s", text != NULL ? text : "?");
  }
  lua_close(L);
  return rc;
}

static void close_mid_flight(const char *cpath) {
  struct memory m = {0, 0, 0};
  char message[256];
  int i;
  for (i = 0; i < ROUNDS; i++) {
    int rc = run(&m, cpath, 1, message, sizeof message);
    CHECK(rc == LUA_OK, "round %d: %s", i, message);
    CHECK(m.used == 0, "round %d: %zu bytes are left", i, m.used);
  }
}

static void fail_allocations(const char *cpath) {
  char message[256];
  long n;
  int rc;
  for (n = 1;; n++) {
    struct memory m = {0, 0, 0};
    m.fail_from = n;
    rc = run(&m, cpath, 0, message, sizeof message);
    CHECK(m.used == 0, "allocation %ld: %zu bytes are left", n, m.used);
    if (rc == LUA_OK)
      break;
    CHECK(rc != LUA_ERRRUN || strstr(message, "memory") != NULL, "allocation %ld: %s", n, message);
    if (rc == LUA_ERRRUN && strstr(message, "memory") == NULL)
      break;
  }
  printf("figures: embed: %ld allocations failed\n", n - 1);
}

int main(int argc, char **argv) {
  const char *cpath = argc > 1 ? argv[1] : NULL;
  if (!server_start())
    return 2;
  close_mid_flight(cpath);
  fail_allocations(cpath);
  server_stop();
  return test_summary("embed");
}
