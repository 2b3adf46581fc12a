/* fork.c: a Lua module for specs that need a child process.
 *
 *   local forking = require "fork"
 *   local pid = forking.fork()         0 in the child
 *   local code = forking.wait(pid)     its exit code, or nil and the signal that ended it
 *   forking.exit(code)                 ends the process at once; os.exit(code, true) closes the
 *                                      state first
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int luaopen_fork(lua_State *L);

static int forking_fork(lua_State *L) {
  pid_t pid;
  fflush(NULL); /* or the child would write it once more */
  pid = fork();
  if (pid < 0)
    return luaL_error(L, "fork failed (errno %d)", errno);
  lua_pushinteger(L, pid);
  return 1;
}

static int forking_wait(lua_State *L) {
  int status;
  pid_t pid = (pid_t)luaL_checkinteger(L, 1);
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR)
      return luaL_error(L, "waitpid failed (errno %d)", errno);
  }
  if (WIFEXITED(status)) {
    lua_pushinteger(L, WEXITSTATUS(status));
    return 1;
  }
  lua_pushnil(L);
  lua_pushinteger(L, WTERMSIG(status));
  return 2;
}

static int forking_exit(lua_State *L) {
  int code = (int)luaL_optinteger(L, 1, 0);
  fflush(NULL);
  _exit(code);
}

int luaopen_fork(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"fork", forking_fork}, {"wait", forking_wait}, {"exit", forking_exit}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
