/* lua_body.h: long bodies of requests, as Lua holds them. */
#ifndef RL_LUA_BODY_H
#define RL_LUA_BODY_H

#include "body.h"

#include <lua.h>

/* A text from this size on is not copied or escaped in one go where there are tasks. */
enum { RL_LONG_TEXT = 64 * 1024 };

/* One that is still to be escaped. */
struct rl_long_text {
  size_t place;           /* in the rest of the text, where it belongs */
  const char *data, *end; /* `data` moves on as it is written */
  size_t path, path_len;  /* the way to it, in `paths` */
};

/* A text in which long ones are still missing. */
struct rl_unfinished {
  struct rl_buffer out; /* the rest of it */
  struct rl_buffer paths;
  struct rl_buffer texts; /* a struct rl_long_text each, by their places */
};

/* Pushes a body of what is in there, which is empty then. The value on top of the stack keeps the
 * long texts alive. Raises Lua's own memory error; RL_NOMEM: nothing has changed. */
enum rl_status rl_lua_body_push(lua_State *L, struct rl_unfinished *u);

/* The body at `index`, which is whole, or NULL: it is something else. Raises for one that is not
 * whole, or was released. */
struct rl_body *rl_lua_body_at(lua_State *L, int index);

/* Adds body to the table on top of the stack, and makes the metatable of bodies. */
void rl_lua_body_open(lua_State *L);

#endif
