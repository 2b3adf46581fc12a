/* lua_compat.h: stands in for lua.h and lauxlib.h. The binding is written for Lua 5.4;
 * what 5.3, 5.2, 5.1 and LuaJIT have not, or have in another way, is here under its name in 5.4. */
#ifndef RL_LUA_COMPAT_H
#define RL_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>

/* What is built with a Lua that cannot do is not to be found out by its users. */
#if LUA_VERSION_NUM >= 503 && (LUA_MAXINTEGER >> 31) >> 31 == 0
#error "this Lua has integers of 32 bits (LUA_32BITS): the API's times and counts do not fit"
#endif
#if LUA_VERSION_NUM == 504 && LUA_VERSION_RELEASE_NUM < 50404
#error                                                                                             \
    "Lua 5.4.0 to 5.4.3 crash when tasks with variables to be closed cancel each other: take 5.4.4"
#endif

/* Whether numbers are doubles and nothing else. */
#define RL_LUA_DOUBLES (LUA_VERSION_NUM < 503)

/* An integer of 64 bits; where there are only doubles the nearest. (lua_Integer is a ptrdiff_t
 * there.) */
static inline void rl_push_int64(lua_State *L, int64_t n) {
#if RL_LUA_DOUBLES
  lua_pushnumber(L, (lua_Number)n);
#else
  lua_pushinteger(L, (lua_Integer)n);
#endif
}

/* A number that is one, as an integer. */
static inline int64_t rl_to_int64(lua_State *L, int index) {
#if RL_LUA_DOUBLES
  return (int64_t)lua_tonumber(L, index);
#else
  return (int64_t)lua_tointeger(L, index);
#endif
}

#if LUA_VERSION_NUM < 502
#define LUA_OK 0
#define lua_rawlen lua_objlen
#define lua_getuservalue lua_getfenv
#define lua_setuservalue lua_setfenv
#define lua_pushglobaltable(L) lua_pushvalue(L, LUA_GLOBALSINDEX)
#define luaL_checkversion(L) ((void)(L))
#define lua_load(L, reader, data, name, mode) lua_load(L, reader, data, name)

static inline int lua_absindex(lua_State *L, int index) {
  return index > 0 || index <= LUA_REGISTRYINDEX ? index : lua_gettop(L) + index + 1;
}

static inline const char *rl_pushlstring(lua_State *L, const char *text, size_t len) {
  lua_pushlstring(L, text, len);
  return lua_tostring(L, -1);
}
#define lua_pushlstring rl_pushlstring

/* LuaJIT has this one and the next two. A core that was built with its headers is to load in
 * Lua 5.1 too, which has not. */
static inline void rl_setfuncs(lua_State *L, const luaL_Reg *functions, int upvalues) {
  for (; functions->name != NULL; functions++) {
    int i;
    for (i = 0; i < upvalues; i++)
      lua_pushvalue(L, -upvalues);
    lua_pushcclosure(L, functions->func, upvalues);
    lua_setfield(L, -2 - upvalues, functions->name);
  }
  lua_pop(L, upvalues);
}
#define luaL_setfuncs rl_setfuncs

static inline void rl_setmetatable(lua_State *L, const char *name) {
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
}
#define luaL_setmetatable rl_setmetatable

static inline void *rl_testudata(lua_State *L, int index, const char *name) {
  void *block = lua_touserdata(L, index);
  if (block == NULL || !lua_getmetatable(L, index))
    return NULL;
  luaL_getmetatable(L, name);
  if (!lua_rawequal(L, -1, -2))
    block = NULL;
  lua_pop(L, 2);
  return block;
}
#define luaL_testudata rl_testudata

static inline void lua_rawsetp(lua_State *L, int table, const void *key) {
  table = lua_absindex(L, table);
  lua_pushlightuserdata(L, (void *)(uintptr_t)key);
  lua_insert(L, -2);
  lua_rawset(L, table);
}

static inline void lua_rawgetp(lua_State *L, int table, const void *key) {
  table = lua_absindex(L, table);
  lua_pushlightuserdata(L, (void *)(uintptr_t)key);
  lua_rawget(L, table);
}

/* Here to push a C function is to make one, before which the collector may run finalizers. */
static inline void rl_make_ready(lua_State *L, const lua_CFunction *function) {
  lua_pushcfunction(L, *function);
  lua_rawsetp(L, LUA_REGISTRYINDEX, function);
}

static inline void rl_push_ready(lua_State *L, const lua_CFunction *function) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, function);
}

/* A buffer of one piece whose size is known. A large one is a userdata, on top of the stack until
 * its text is pushed. */
static inline char *luaL_buffinitsize(lua_State *L, luaL_Buffer *b, size_t size) {
  luaL_buffinit(L, b);
  if (size <= LUAL_BUFFERSIZE)
    return luaL_prepbuffer(b);
  b->p = NULL;
  return (char *)lua_newuserdata(L, size);
}

static inline void luaL_pushresultsize(luaL_Buffer *b, size_t len) {
  if (b->p == NULL) {
    lua_pushlstring(b->L, (const char *)lua_touserdata(b->L, -1), len);
    lua_remove(b->L, -2);
  } else {
    luaL_addsize(b, len);
    luaL_pushresult(b);
  }
}
#else
/* Pushes a function without running any code of Lua's; it was made ready when the core was opened.
 */
static inline void rl_push_ready(lua_State *L, const lua_CFunction *function) {
  lua_pushcfunction(L, *function);
}

static inline void rl_make_ready(lua_State *L, const lua_CFunction *function) {
  (void)L, (void)function;
}
#endif

#if LUA_VERSION_NUM < 503
/* From 5.3 on these tell the type of what they push. */
static inline int rl_getfield(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  return lua_type(L, -1);
}
#define lua_getfield rl_getfield

static inline int rl_rawget(lua_State *L, int table) {
  lua_rawget(L, table);
  return lua_type(L, -1);
}
#define lua_rawget rl_rawget

static inline int rl_rawgeti(lua_State *L, int table, lua_Integer i) {
  lua_rawgeti(L, table, (int)i);
  return lua_type(L, -1);
}
#define lua_rawgeti rl_rawgeti

static inline int rl_rawgetp(lua_State *L, int table, const void *key) {
  lua_rawgetp(L, table, key);
  return lua_type(L, -1);
}
#define lua_rawgetp rl_rawgetp

static inline void rl_rawseti(lua_State *L, int table, lua_Integer i) {
  lua_rawseti(L, table, (int)i);
}
#define lua_rawseti rl_rawseti
#endif

#if LUA_VERSION_NUM < 504
/* The user values lie in a table, the only kind of one that all of these have. */
static inline void *lua_newuserdatauv(lua_State *L, size_t size, int values) {
  void *block = lua_newuserdata(L, size);
  if (values > 0) {
    lua_createtable(L, values, 0);
    lua_setuservalue(L, -2);
  }
  return block;
}

static inline void lua_setiuservalue(lua_State *L, int userdata, int n) {
  lua_getuservalue(L, userdata);
  lua_insert(L, -2);
  lua_rawseti(L, -2, n);
  lua_pop(L, 1);
}

static inline void lua_getiuservalue(lua_State *L, int userdata, int n) {
  lua_getuservalue(L, userdata);
  lua_rawgeti(L, -1, n);
  lua_remove(L, -2);
}
#endif

#endif
