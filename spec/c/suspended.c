/* suspended.c: runs argv[1] in a Lua whose coroutines are all suspended, also those that are being
 * closed, as in Lua 5.4.0 to 5.4.3: its lua_status stands before that of the library. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

int lua_status(lua_State *L) {
  (void)L;
  return LUA_YIELD;
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (argc < 2 || luaL_dostring(L, argv[1]) != LUA_OK)
    puts(lua_tostring(L, -1));
  lua_close(L);
  return 0;
}
