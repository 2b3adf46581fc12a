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

static const struct text *find(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  size_t i;
  for (i = 0; i < sizeof texts / sizeof *texts; i++) {
    if (texts[i].name != NULL && strcmp(texts[i].name, name) == 0)
      return &texts[i];
  }
  return NULL;
}

/* text_size(name) -> the size that the module's file had when its text was taken, or nil: it is not
 * here */
static int text_size(lua_State *L) {
  const struct text *t = find(L);
  if (t == NULL)
    return 0;
  lua_pushinteger(L, t->size);
  return 1;
}

struct reader {
  const struct text *text;
  int next;
};

static const char *read_piece(lua_State *L, void *data, size_t *size) {
  struct reader *r = (struct reader *)data;
  const char *piece = r->next < r->text->count ? r->text->pieces[r->next++] : NULL;
  (void)L;
  *size = piece != NULL ? strlen(piece) : 0;
  return piece;
}

/* load_text(name, chunkname, globals) -> the function that makes the module */
static int load_text(lua_State *L) {
  struct reader r = {find(L), 0};
  const char *chunk = luaL_checkstring(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  luaL_argcheck(L, r.text != NULL, 1, "unknown");
  lua_settop(L, 3);
  if (lua_load(L, read_piece, &r, chunk, "t") != LUA_OK)
    return lua_error(L);
  lua_pushvalue(L, 3);
#if LUA_VERSION_NUM >= 502
  if (lua_setupvalue(L, 4, 1) == NULL)
    lua_pop(L, 1); /* it needs no globals */
#else
  (void)lua_setfenv(L, 4);
#endif
  return 1;
}

void rl_lua_texts_open(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"text_size", text_size}, {"load_text", load_text}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
