/* lua_scrub.c: what must not be shown, for Lua code that shows texts. */
#include "lua_compat.h"
#include "lua_core.h"
#include "scrub.h"

#define SCRUBBER "runloop.scrubber"
#define REDACTED "[redacted]"

/* scrubber:add(secret): one that is too short to be told from words is passed over */
static int add(lua_State *L) {
  struct rl_scrub *s = luaL_checkudata(L, 1, SCRUBBER);
  size_t len;
  const char *secret = luaL_checklstring(L, 2, &len);
  if (rl_scrub_add(s, secret, len) != RL_OK)
    return rl_no_memory(L);
  return 0;
}

/* scrubber(text) -> the text without secrets */
static int scrub(lua_State *L) {
  struct rl_scrub *s = luaL_checkudata(L, 1, SCRUBBER);
  size_t text_len, from = 0, at, len;
  const char *text = luaL_checklstring(L, 2, &text_len);
  luaL_Buffer b;
  lua_settop(L, 2);
  if (!rl_scrub_find(s, text, text_len, 0, &at, &len))
    return 1;
  luaL_buffinit(L, &b);
  do {
    luaL_addlstring(&b, text + from, at - from);
    luaL_addstring(&b, REDACTED);
    from = at + len;
  } while (rl_scrub_find(s, text, text_len, from, &at, &len));
  luaL_addlstring(&b, text + from, text_len - from);
  luaL_pushresult(&b);
  return 1;
}

static int gc(lua_State *L) {
  rl_scrub_free(luaL_checkudata(L, 1, SCRUBBER));
  return 0;
}

/* scrubber() -> one that knows no secret yet */
static int scrubber(lua_State *L) {
  rl_scrub_init(lua_newuserdatauv(L, sizeof(struct rl_scrub), 0));
  luaL_setmetatable(L, SCRUBBER);
  return 1;
}

void rl_lua_scrub_open(lua_State *L) {
  static const luaL_Reg metamethods[] = {{"__call", scrub}, {"__gc", gc}, {NULL, NULL}};
  luaL_newmetatable(L, SCRUBBER);
  luaL_setfuncs(L, metamethods, 0);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, add);
  lua_setfield(L, -2, "add");
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushcfunction(L, scrubber);
  lua_setfield(L, -2, "scrubber");
}
