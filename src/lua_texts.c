/* lua_texts.c: the texts of Lua modules that are loaded when they are first used. `make` writes
 * them into the core, so that none of their files is opened before; a core that was built without
 * them has none. */
#include "lua_compat.h"
#include "lua_core.h"

#include <string.h>

struct text {
  const char *name; /* "pager", "api.devboxes" */
  int size;         /* of its file */
  const char *const *pieces;
  int count;
};

#if defined(RL_TEXTS)
#include "texts.h"
#else
static const struct text texts[] = {{NULL, 0, NULL, 0}};
#endif

/* has_text(name) -> whether there is one; the size that its file had */
static int has_text(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  size_t i;
  for (i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (texts[i].name != NULL && strcmp(texts[i].name, name) == 0) {
      lua_pushboolean(L, 1);
      lua_pushinteger(L, texts[i].size);
      return 2;
    }
  }
  lua_pushboolean(L, 0);
  return 1;
}

/* text(name) -> the module's text, without its comments but with all its lines, or nil */
static int text(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  size_t i;
  int k;
  for (i = 0; i < sizeof texts / sizeof *texts; i++) {
    luaL_Buffer b;
    if (texts[i].name == NULL || strcmp(texts[i].name, name) != 0)
      continue;
    luaL_buffinit(L, &b);
    for (k = 0; k < texts[i].count; k++)
      luaL_addstring(&b, texts[i].pieces[k]);
    luaL_pushresult(&b);
    return 1;
  }
  return 0;
}

void rl_lua_texts_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"has_text", has_text}, {"text", text}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
