/* lua_json.h: JSON texts as Lua values. */
#ifndef RL_LUA_JSON_H
#define RL_LUA_JSON_H

#include "json.h"

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

enum {
  RL_JSON_KEEP_NULLS = 1, /* null in an object is core.null instead of an absent field */
  RL_JSON_STRICTLY = 2,   /* without the quick way, which comes to the same */
  RL_JSON_EXACTLY = 4,    /* an integer that Lua's numbers cannot hold is its text */
  RL_JSON_NESTED = 8,     /* the same parser is at work already: a finalizer wants another text */
};

/* The flags that argument `arg` stands for: a number, or a boolean, whether nulls are kept. */
int rl_lua_json_flags(lua_State *L, int arg);

/* Decodes a text of one value with the parser `j`. Pushes it and returns 1, or pushes nothing and
 * returns 0 with j->status, j->message and j->offset set. Raises nothing but Lua's own memory
 * error, so `j` must be owned by something that the collector frees. `data` must not move until it
 * returns, and the collector may run finalizers meanwhile. rl_lua_json_open must have been called
 * before. */
int rl_lua_json_value(lua_State *L, struct rl_json *j, const char *data, size_t len, int flags);

/* "byte N" for an offset, counted from 1. */
struct rl_place {
  char text[32];
};
struct rl_place rl_lua_json_place(uint64_t offset);

/* The code that Lua code sees for a status: "JSON", "TOO_DEEP", "TOO_LARGE", ... */
const char *rl_lua_json_code(enum rl_status status);

/* Adds null, array_mt, json_decode, url_encode, uuid, now and time to the table on top of the
 * stack. */
void rl_lua_json_open(lua_State *L);

/* Adds json_encode to the table on top of the stack, which must have array_mt. */
void rl_lua_encode_open(lua_State *L);

#endif
