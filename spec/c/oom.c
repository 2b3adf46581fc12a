/* oom.c: the module when memory runs out.
 *
 *   oom [STEP]     STEP: how many allocations the next run goes further, 1 by default
 *   oom SWEEP N    only one run: of the sweep of that number (0 is the first), the N-th allocation
 *
 * A script uses the module from `require` to `close`. It is run again and again, and every time
 * another allocation fails: one of Lua's, of the C core's (RL_TEST_ALLOC) or of libcurl's. Whatever
 * the script makes of it, it must end well or with an error that tells of memory; when its state is
 * closed, no byte, descriptor or file may be left. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include "alloc.h"
#include "server.h"
#include "test.h"

#include <curl/curl.h>
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <sys/stat.h>

int luaopen_runloop_core(lua_State *L);

#if defined(__SANITIZE_ADDRESS__)
enum { STEP = 11 };
#else
enum { STEP = 1 };
#endif

/* The modules' sources take most of the allocations, and most of the time. */
enum { FINE = 3000, LOADING_STEP = 17 };

enum { FOREVER = 1000000000 };

/* After so many it is clear that something is wrong. */
enum { MOST_FAILURES = 20 };

/* A run that takes so many of Lua's instructions goes round in circles. */
enum { TOO_LONG = 5000000 };

/* Somebody's allocations, of which `span` fail from the `from`-th on; 0: none does. */
struct tap {
  long count, from, span, refused;
  long used;    /* bytes or blocks that are out */
  size_t grown; /* of the latest of Lua's blocks that was refused: its size until then */
};

static struct tap lua_tap, curl_tap;

static int refuses(struct tap *tap) {
  if (tap->from == 0 || ++tap->count < tap->from || tap->count - tap->from >= tap->span)
    return 0;
  tap->refused++;
  return 1;
}

static void *lua_allocate(void *userp, void *p, size_t old, size_t size) {
  struct tap *tap = userp;
  void *q;
  if (p == NULL)
    old = 0;
  if (size == 0) {
    tap->used -= (long)old;
    free(p);
    return NULL;
  }
  if (size > old && refuses(tap)) { /* to shrink must not fail */
    tap->grown = old;
    return NULL;
  }
  q = realloc(p, size);
  if (q != NULL)
    tap->used += (long)size - (long)old;
  return q;
}

static void *curl_counted(void *p) {
  curl_tap.used += p != NULL;
  return p;
}

static void *curl_malloc(size_t n) {
  return refuses(&curl_tap) ? NULL : curl_counted(malloc(n));
}

static void *curl_calloc(size_t count, size_t n) {
  return refuses(&curl_tap) ? NULL : curl_counted(calloc(count, n));
}

static void *curl_realloc(void *p, size_t n) {
  if (refuses(&curl_tap))
    return NULL;
  return p == NULL ? curl_counted(malloc(n)) : realloc(p, n);
}

static char *curl_strdup(const char *s) {
  return refuses(&curl_tap) ? NULL : curl_counted(strdup(s));
}

static void curl_release(void *p) {
  curl_tap.used -= p != NULL;
  free(p);
}

static const char script[] =
    "local base, directory = ...\n"
    "local runloop = require 'runloop'\n"
    "local function must(value, err)\n"
    "  if value == nil then error(err, 0) end\n"
    "  return value\n"
    "end\n"
    "local client = runloop.new{ base_url = base, bearer_token = 'secret-token', max_retries = 0,\n"
    "  on_event = function(event) assert(event.attempt) end }\n"
    "local ids, last = '', nil\n"
    "for scenario in client.scenarios:list{ limit = 2 } do\n"
    "  ids, last = ids .. scenario.id, scenario\n"
    "end\n"
    "assert(ids == 'scn_1scn_2scn_3', ids)\n"
    "local one = must(client.scenarios:archive('scn_1'))\n"
    "assert(one.name == 'a\\tb' and #one.tags == 4)\n"
    "must(one:refresh())\n"
    "must(client:request{ method = 'POST', path = '/v1/scenarios/scn_1/archive',\n"
    "  body = { { text = ('\\n'):rep(66000), more = true } } })\n"
    "local none, err = client.scenarios:retrieve('none')\n"
    "if not none and err.kind ~= 'api' then error(err, 0) end\n"
    "assert(err.code == 'not_found' and tostring(err):find('there is none'), err)\n"
    "local path = directory .. '/logs.zip'\n"
    "assert(must(client.scenarios.runs:download_logs('run_1', path)) == 22)\n"
    "local core = require 'runloop.core'\n"
    "local http = core.http{}\n"
    "local function start(method, name, body, sink)\n"
    "  local request = { url = base .. '/v1/' .. name, method = method, body = body }\n"
    "  return must(http:start(request, { 'Content-Type: text/plain' }, nil, nil, sink))\n"
    "end\n"
    "local function finish(transfer)\n"
    "  repeat\n"
    "    transfer:want()\n"
    "    http:turn(30)\n"
    "    http:ready()\n"
    "  until transfer:finished()\n"
    "  local kind, code, message, status = transfer:finish()\n"
    "  if kind ~= 'ok' then error('runloop: ' .. code .. ' ' .. message, 0) end\n"
    "  return status\n"
    "end\n"
    "local stream = start('GET', 'events', nil, { events = true })\n"
    "finish(stream)\n"
    "local data, name, id = stream:event()\n"
    "if data == nil then error(name .. tostring(id), 0) end\n"
    "assert(data.a[1] == 1 and name == nil and id == '7')\n"
    "data, name, id = stream:event(false, true)\n"
    "assert(data == '\"text\"' and name == 'error' and id == '7')\n"
    "data, name = stream:event()\n"
    "assert(data == '' and name == nil)\n"
    "data, name = stream:event()\n"
    "assert(data == nil and name == 'cut')\n"
    "local upload = start('POST', 'scenarios/scn_1/archive', { 'head', { file = path } },\n"
    "  { patient = true, pace = 1e-9 })\n"
    "assert(finish(upload) == 200 and upload:progress() == 26)\n"
    "http:close()\n"
    "local closed\n"
    "local first = client:spawn(function()\n"
    "  local guard <close> = setmetatable({}, { __close = function() closed = true end })\n"
    "  client:sleep(0)\n"
    "  return must(client.scenarios:retrieve('scn_1'))\n"
    "end)\n"
    "local second = client:spawn(function() return first:wait(30) end)\n"
    "while client:poll(1) > 0 do client:fds() client:timeout() end\n"
    "assert(second:wait() == first:wait() and first:wait().id == 'scn_1' and closed)\n"
    "local results, errors = client:map({ 'scn_1', 'none' }, function(id)\n"
    "  return client.scenarios:retrieve(id)\n"
    "end)\n"
    "if not results[1] then error(errors[1], 0) end\n"
    "if errors[2].kind ~= 'api' then error(errors[2], 0) end\n"
    "local page = client.scenarios:list{ limit = 2 }\n"
    "must(page:next())\n"
    "local silent = client:spawn(function() client.scenarios:retrieve('scn_silent') end)\n"
    "client:poll()\n"
    "client:close()\n"
    "assert(silent.status ~= 'running')\n";

/* The modules as bytecode: what does not test the loading need not wait for it. */
static const char dumper[] = "require 'runloop'\n"
                             "local modules = {}\n"
                             "for name in pairs(package.loaded) do\n"
                             "  if name:find('^runloop') and name ~= 'runloop.core' then\n"
                             "    local path = assert(package.searchpath(name, package.path))\n"
                             "    modules[name] = string.dump(assert(loadfile(path)))\n"
                             "  end\n"
                             "end\n"
                             "return modules\n";

enum { MOST_MODULES = 64 };

static struct {
  char *name, *code;
  size_t size;
} modules[MOST_MODULES];

static int module_count;

static void die(const char *what) {
  fprintf(stderr, "oom: %s\n", what);
  exit(2); // NOLINT(concurrency-mt-unsafe): there is one thread
}

static void add_core(lua_State *L) {
  luaL_openlibs(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_runloop_core);
  lua_setfield(L, -2, "runloop.core");
  lua_pop(L, 1);
}

static void dump_modules(void) {
  lua_State *L = luaL_newstate();
  add_core(L);
  if (luaL_dostring(L, dumper) != LUA_OK)
    die(lua_tostring(L, -1));
  for (lua_pushnil(L); lua_next(L, -2) && module_count < MOST_MODULES; lua_pop(L, 1)) {
    size_t size;
    const char *code = lua_tolstring(L, -1, &size);
    modules[module_count].name = strdup(lua_tostring(L, -2));
    modules[module_count].code = malloc(size);
    modules[module_count].size = size;
    memcpy(modules[module_count++].code, code, size);
  }
  lua_close(L);
}

static void free_modules(void) {
  while (module_count > 0) {
    free(modules[--module_count].name);
    free(modules[module_count].code);
  }
}

static int load_modules(lua_State *L) {
  int i;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (i = 0; i < module_count; i++) {
    if (luaL_loadbuffer(L, modules[i].code, modules[i].size, modules[i].name) != LUA_OK)
      return lua_error(L);
    lua_setfield(L, -2, modules[i].name);
  }
  if (luaL_dostring(L, "require 'runloop'") != LUA_OK)
    return lua_error(L);
  return 0;
}

static int run_script(lua_State *L) {
  if (luaL_loadbuffer(L, script, sizeof script - 1, "=script") != LUA_OK)
    return lua_error(L);
  lua_insert(L, 1);
  lua_call(L, 2, 0);
  return 0;
}

static void give_up(lua_State *L, lua_Debug *info) {
  (void)info;
  luaL_traceback(L, L, "the run does not end", 0);
  lua_error(L);
}

/* Whose allocations fail, and how. */
struct sweep {
  const char *name;
  struct tap *tap; /* NULL: the C core's, of which one fails */
  long span;
  int loading;  /* `require` is part of it */
  int harmless; /* the script must not notice */
};

static char directory[] = "/tmp/rl-oom-XXXXXX";

/* Runs the script in a state of its own, the `from`-th allocation failing. Its result; *refused is
 * the number of allocations that failed. */
static int run(const struct sweep *sweep, long from, char *message, size_t size, long *refused) {
  char base[64];
  int rc;
  lua_State *L = lua_newstate(lua_allocate, &lua_tap);
  if (L == NULL)
    die("no state");
  snprintf(base, sizeof base, "http://127.0.0.1:%d", server_port);
  add_core(L);
  if (!sweep->loading) {
    lua_pushcfunction(L, load_modules);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
      die(lua_tostring(L, -1));
  }
  lua_sethook(L, give_up, LUA_MASKCOUNT, TOO_LONG);
  lua_pushcfunction(L, run_script);
  lua_pushstring(L, base);
  lua_pushstring(L, directory);
  if (sweep->tap != NULL) {
    sweep->tap->count = sweep->tap->refused = 0;
    sweep->tap->grown = 0;
    sweep->tap->span = sweep->span;
    sweep->tap->from = from;
  } else {
    rl_alloc_fail_at = from;
  }
  rc = lua_pcall(L, 2, 0, 0);
  *refused = sweep->tap != NULL ? sweep->tap->refused : rl_alloc_fail_at == 0;
  lua_tap.from = curl_tap.from = rl_alloc_fail_at = 0;
  snprintf(message, size, "%s", rc == LUA_OK ? "" : luaL_tolstring(L, -1, NULL));
  lua_close(L);
  return rc;
}

/* libcurl has other names for some that it could not get the memory for. */
static int tells_of_memory(const struct sweep *sweep, const char *message) {
  return strstr(message, "memory") != NULL ||
         (sweep->tap == &curl_tap && strncmp(message, "runloop: ", 9) == 0);
}

/* From 5.4.5 on Lua does not collect and try again when a stack cannot grow. One has at least 45
 * slots of 16 bytes, five of them to spare, so that it is no power of two as a table's array is. */
static int was_a_stack(size_t size) {
  return LUA_VERSION_RELEASE_NUM >= 50405 && size % 16 == 0 && size >= 720 &&
         (size & (size - 1)) != 0;
}

static int may_fail(const struct sweep *sweep) {
  return !sweep->harmless || was_a_stack(sweep->tap->grown);
}

/* 1: nothing but the target of the download was in the directory. */
static int directory_is_clean(void) {
  char path[64];
  snprintf(path, sizeof path, "%s/logs.zip", directory);
  if (unlink(path) != 0 && errno != ENOENT)
    return 0;
  return rmdir(directory) == 0 && mkdir(directory, 0700) == 0;
}

static int lowest_descriptor(void) {
  int fd = dup(0);
  close(fd);
  return fd;
}

static long stride(const struct sweep *sweep, long n, long step) {
  if (sweep->tap != &lua_tap)
    return 1;
  return sweep->loading && n > FINE ? step * LOADING_STEP : step;
}

/* Every `step`-th from the `first` on; 0: only that. */
static long fail_each(const struct sweep *sweep, long first, long step) {
  char message[2048];
  long n, refused, failed = 0, runs = 0, errors = 0, blocks = curl_tap.used;
  int descriptor = lowest_descriptor(), rc;
  for (n = first;; n += stride(sweep, n, step)) {
    rc = run(sweep, n, message, sizeof message, &refused);
    CHECK(lua_tap.used == 0, "%s %ld: %ld bytes of Lua are left", sweep->name, n, lua_tap.used);
    CHECK(rl_alloc_live == 0, "%s %ld: %ld blocks are left", sweep->name, n, rl_alloc_live);
    CHECK(curl_tap.used == blocks, "%s %ld: %ld blocks of libcurl are left", sweep->name, n,
          curl_tap.used - blocks);
    CHECK(lowest_descriptor() == descriptor, "%s %ld: a descriptor is left", sweep->name, n);
    CHECK(directory_is_clean(), "%s %ld: a file is left", sweep->name, n);
    CHECK(rc == LUA_OK || (may_fail(sweep) && tells_of_memory(sweep, message)), "%s %ld: %s",
          sweep->name, n, message);
    lua_tap.used = rl_alloc_live = 0;
    curl_tap.used = blocks;
    runs++;
    failed += refused;
    errors += rc != LUA_OK;
    if (refused == 0 || step == 0 || test_failed >= MOST_FAILURES)
      break;
  }
  printf("%-36s %6ld allocations failed in %5ld runs, %5ld errors\n", sweep->name, failed, runs,
         errors);
  return failed;
}

int main(int argc, char **argv) {
  static const struct sweep sweeps[] = {
      {"Lua's, while it loads, for good", &lua_tap, FOREVER, 1, 0},
      {"Lua's, while it loads, one", &lua_tap, 2, 1, 0},
      {"Lua's, for good", &lua_tap, FOREVER, 0, 0},
      /* Lua collects and tries again, so that one means two. */
      {"Lua's, one", &lua_tap, 2, 0, 0},
      {"Lua's, until it has collected", &lua_tap, 1, 0, 1},
      {"the C core's, one", NULL, 1, 0, 0},
      {"libcurl's, for good", &curl_tap, FOREVER, 0, 0},
      {"libcurl's, one", &curl_tap, 1, 0, 0},
  };
  long step = argc > 1 ? strtol(argv[1], NULL, 10) : STEP, failed = 0;
  size_t count = sizeof sweeps / sizeof *sweeps, i;
  if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, curl_release, curl_realloc,
                           curl_strdup, curl_calloc) != CURLE_OK)
    die("libcurl could not be initialised");
  if (!server_start() || mkdtemp(directory) == NULL)
    die("no server or no directory");
  dump_modules();
  for (i = 0; i < count; i++)
    if (argc < 3)
      failed += fail_each(&sweeps[i], 1, step);
    else if (i == (size_t)step)
      failed += fail_each(&sweeps[i], strtol(argv[2], NULL, 10), 0);
  free_modules();
  rmdir(directory);
  server_stop();
  curl_global_cleanup();
  printf("figures: oom: %ld allocations failed\n", failed);
  return test_summary("oom");
}
