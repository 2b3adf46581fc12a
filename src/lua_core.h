/* lua_core.h: what the files of the Lua binding share. */
#ifndef RL_LUA_CORE_H
#define RL_LUA_CORE_H

#include "uuid.h"

#include <lua.h>

/* Where the code that runs stands: in a task, in a callback, in neither. `changes` counts how often
 * that may have become another. */
struct rl_extents {
  unsigned long changes;
};

/* Raises what Lua itself does when it is out of memory. */
static inline int rl_no_memory(lua_State *L) {
  lua_pushliteral(L, "not enough memory");
  return lua_error(L);
}

/* Adds http, version, features and what hands over items to the table on top of the stack, and
 * makes the metatables of clients and transfers. At `extents` are the struct rl_extents. Raises
 * when libcurl cannot be initialised. */
void rl_lua_http_open(lua_State *L, int extents);

/* The random bytes that the client at `arg` has ahead; none in a forked child, as far as that is
 * seen without a system call. */
struct rl_random *rl_lua_random_of(lua_State *L, int arg);

/* Adds file_target, file_replace and file_tail to the table on top of the stack. */
void rl_lua_file_open(lua_State *L);

/* Adds scrubber to the table on top of the stack, and makes the metatable of scrubbers. */
void rl_lua_scrub_open(lua_State *L);

/* Adds text_size and load_text to the table on top of the stack. */
void rl_lua_texts_open(lua_State *L);

#endif
