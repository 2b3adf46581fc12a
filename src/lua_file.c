/* lua_file.c: the file that a download replaces, and files that are read whole. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* realpath, lstat and the like with -std=c99 */
#endif
#if !defined(_FILE_OFFSET_BITS)
#define _FILE_OFFSET_BITS 64 /* files above 2 GiB on 32 bits */
#endif

#include "platform.h"
#include "lua_compat.h"
#include "lua_core.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PERMISSIONS 0777
#define MAX_TAIL (1024 * 1024)
#define MAX_TEXT (64 * 1024)

static const char *check_path(lua_State *L, int arg) {
  size_t len;
  const char *path = luaL_checklstring(L, arg, &len);
  luaL_argcheck(L, strlen(path) == len, arg, "a path must not contain a zero byte");
  return path;
}

static int refuse(lua_State *L, const char *path, const char *why) {
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", path, why);
  return 2;
}

static int refuse_errno(lua_State *L, const char *path) {
  char why[128];
  rl_error_text(errno, why, sizeof why);
  return refuse(L, path, why);
}

/* Why a rename should not replace it, or NULL. */
static const char *fault_of(const struct stat *s) {
  if (S_ISREG(s->st_mode))
    return NULL;
  return S_ISDIR(s->st_mode) ? "Is a directory" : "not a regular file";
}

/* file_target(path) -> the path of the file that is meant and, if it is there, its permissions |
 * nil, why it cannot be replaced */
static int file_target(lua_State *L) {
  const char *path = check_path(L, 1), *fault;
  char real[PATH_MAX];
  struct stat s, itself;
  int there;
  lua_settop(L, 1);
  there = lstat(path, &itself) == 0;
  if (!there && errno == ENOENT)
    return 1; /* new; or it has no directory, which whoever makes the file is told */
  if (!there || stat(path, &s) != 0)
    return refuse_errno(L, path);
  fault = fault_of(&s);
  if (fault != NULL)
    return refuse(L, path, fault);
  /* Any other path stays as it is: realpath wants more, such as a readable working directory. */
  if (S_ISLNK(itself.st_mode)) {
    if (realpath(path, real) == NULL)
      return refuse_errno(L, path);
    lua_pushstring(L, real);
  }
  lua_pushinteger(L, (lua_Integer)(s.st_mode & PERMISSIONS));
  return 2;
}

/* file_replace(part, target[, permissions]) -> true | nil, why not
 *
 * The file gets the permissions that the target has or, if it is gone, those given here. */
static int file_replace(lua_State *L) {
  const char *part = check_path(L, 1), *target = check_path(L, 2);
  lua_Integer permissions = luaL_optinteger(L, 3, -1);
  struct stat s;
  if (lstat(target, &s) == 0) {
    const char *fault = fault_of(&s);
    if (fault != NULL)
      return refuse(L, target, fault);
    permissions = (lua_Integer)(s.st_mode & PERMISSIONS);
  }
  if (permissions >= 0) {
    if (stat(part, &s) != 0)
      return refuse_errno(L, part);
    /* Not every file system lets them be changed. */
    if ((lua_Integer)(s.st_mode & PERMISSIONS) != permissions &&
        chmod(part, (mode_t)permissions) != 0)
      return refuse_errno(L, part);
  }
  if (rename(part, target) != 0)
    return refuse_errno(L, target);
  lua_pushboolean(L, 1);
  return 1;
}

/* Fills the buffer from that place in the file on: how many bytes there were, or -1 with errno. */
static ssize_t read_at(int fd, char *out, size_t size, off_t place) {
  size_t got = 0;
  while (got < size) {
    ssize_t n = pread(fd, out + got, size - got, place + (off_t)got);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    got += (size_t)n;
  }
  return (ssize_t)got;
}

/* file_tail(path, size) -> the last bytes of a file, as many as there are, and its length |
 * nil, why not */
static int file_tail(lua_State *L) {
  const char *path = check_path(L, 1);
  lua_Integer wanted = luaL_checkinteger(L, 2);
  struct stat s;
  char *out;
  ssize_t got;
  int fd, error;
  luaL_argcheck(L, wanted > 0 && wanted <= MAX_TAIL, 2, "out of range");
  /* May raise: before the file is open. No luaL_Buffer, for which Lua does not collect. */
  out = lua_newuserdatauv(L, (size_t)wanted, 0);
  fd = rl_open(path, O_RDONLY, 0);
  if (fd < 0)
    return refuse_errno(L, path);
  got = fstat(fd, &s);
  if (got == 0) {
    size_t size = s.st_size < (off_t)wanted ? (size_t)s.st_size : (size_t)wanted;
    got = read_at(fd, out, size, s.st_size - (off_t)size);
  }
  error = errno;
  close(fd);
  errno = error;
  if (got < 0)
    return refuse_errno(L, path);
  lua_pushlstring(L, out, (size_t)got);
  rl_push_int64(L, (int64_t)s.st_size);
  return 2;
}

/* file_size(path) -> the file's length in bytes, or nil */
static int file_size(lua_State *L) {
  struct stat s;
  if (stat(check_path(L, 1), &s) != 0)
    return 0;
  rl_push_int64(L, (int64_t)s.st_size);
  return 1;
}

/* file_texts(paths) -> what is in these files, as an array with `false` for those that cannot be
 * read or have 64 KiB and more */
static int file_texts(lua_State *L) {
  char *text;
  lua_Integer i, count;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  count = (lua_Integer)lua_rawlen(L, 1);
  text = lua_newuserdatauv(L, MAX_TEXT, 0);
  lua_createtable(L, (int)count, 0);
  for (i = 1; i <= count; i++) {
    ssize_t got = -1;
    int fd;
    lua_rawgeti(L, 1, i);
    fd = rl_open(check_path(L, -1), O_RDONLY, 0);
    if (fd >= 0) {
      got = read_at(fd, text, MAX_TEXT, 0);
      close(fd);
    }
    lua_pop(L, 1);
    if (got >= 0 && got < MAX_TEXT)
      lua_pushlstring(L, text, (size_t)got);
    else
      lua_pushboolean(L, 0);
    lua_rawseti(L, 3, i);
  }
  return 1;
}

void rl_lua_file_open(lua_State *L) {
  static const luaL_Reg functions[] = {{"file_target", file_target}, {"file_replace", file_replace},
                                       {"file_tail", file_tail},     {"file_size", file_size},
                                       {"file_texts", file_texts},   {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
