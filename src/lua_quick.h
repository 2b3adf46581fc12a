/* lua_quick.h: the quick way to decode, for texts that are well-formed and usual. */
#ifndef RL_LUA_QUICK_H
#define RL_LUA_QUICK_H

#include "json.h"
#include "lua_compat.h"

#include <stddef.h>

/* What is in the table that all decoders of a Lua state share. */
enum { RL_SHARED_ARRAY_MT = 1, RL_SHARED_MEMORY, RL_SHARED_STRINGS };

/* What is remembered of the texts of before; all zeros is nothing. The strings that it knows are in
 * the shared table from RL_SHARED_STRINGS on. */
struct rl_memory;
size_t rl_memory_size(void);
int rl_memory_strings(void);

/* Decodes a text that must be an object or an array, with nothing but white space around it. Pushes
 * the value and returns 1; or returns 0, with anything above the stack's old top, when only the
 * strict way can tell what the text is. `shared` and `memory` are where on the stack the two are;
 * raises and allocates like rl_lua_json_value. `j` is used for numbers and unusual strings. */
int rl_quick_decode(lua_State *L, int shared, struct rl_memory *memory, struct rl_json *j,
                    const char *data, size_t len, int keep_nulls);

#endif
