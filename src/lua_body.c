/* lua_body.c: long bodies of requests, as Lua holds them: put together a slice at a time, so that
 * no frame of a host has to wait, and then the C core's, without a copy. */
#include "lua_compat.h"
#include "lua_body.h"
#include "lua_core.h"

#include "encode.h"

#include <stdint.h>
#include <string.h>

#define BODY "runloop.body"
#define ILL_FORMED "is not well-formed UTF-8"

/* What is written in one go. */
enum { SLICE = 32 * 1024 };

/* The user value keeps alive what is still to be written. */
struct body {
  struct rl_body *body; /* NULL: it was released */
  struct rl_unfinished rest;
  size_t written; /* of rest.out */
  size_t next;    /* of rest.texts, in bytes */
  int plain;      /* texts are not JSON's */
  int whole;
  int pinned; /* it is being given up: a finalizer must neither step nor release it */
};

static void init_rest(struct rl_unfinished *u) {
  rl_buffer_init(&u->out, SIZE_MAX);
  rl_buffer_init(&u->paths, SIZE_MAX);
  rl_buffer_init(&u->texts, SIZE_MAX);
}

static void free_rest(struct rl_unfinished *u) {
  rl_buffer_free(&u->out);
  rl_buffer_free(&u->paths);
  rl_buffer_free(&u->texts);
}

/* An empty one, that keeps the value on top of the stack alive, and takes its place. */
static struct body *push_body(lua_State *L) {
  struct body *b = lua_newuserdatauv(L, sizeof *b, 1);
  memset(b, 0, sizeof *b);
  init_rest(&b->rest);
  luaL_setmetatable(L, BODY);
  lua_insert(L, -2);
  lua_setiuservalue(L, -2, 1);
  b->body = rl_body_new();
  return b;
}

enum rl_status rl_lua_body_push(lua_State *L, struct rl_unfinished *u) {
  struct body *b = push_body(L);
  if (b->body == NULL)
    return RL_NOMEM;
  b->rest = *u;
  init_rest(u);
  return RL_OK;
}

static struct body *to_body(lua_State *L) {
  struct body *b = luaL_checkudata(L, 1, BODY);
  if (b->body == NULL || b->pinned)
    luaL_error(L, "body was released");
  return b;
}

/* Nothing is left to write. */
static void finish(lua_State *L, struct body *b) {
  free_rest(&b->rest);
  b->written = b->next = 0;
  b->whole = 1;
  lua_pushnil(L);
  lua_setiuservalue(L, 1, 1);
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/* Copies of the rest what stands before `end`, as far as the slice goes. */
static enum rl_status copy_rest(struct body *b, struct rl_buffer *slice, size_t end) {
  const size_t n = smaller(end - b->written, SLICE - slice->len);
  enum rl_status status = RL_OK;
  if (n > 0)
    status = rl_buffer_append(slice, b->rest.out.data + b->written, n);
  if (status == RL_OK)
    b->written += n;
  return status;
}

static enum rl_status copy_text(const struct body *b, struct rl_buffer *slice,
                                struct rl_long_text *text) {
  const size_t room = SLICE - slice->len, n = smaller((size_t)(text->end - text->data), room);
  enum rl_status status;
  if (!b->plain)
    return rl_encode_part(slice, &text->data, text->end, room);
  status = rl_buffer_append(slice, text->data, n);
  if (status == RL_OK)
    text->data += n;
  return status;
}

static struct rl_long_text *next_text(const struct body *b) {
  if (b->next == b->rest.texts.len)
    return NULL;
  return (struct rl_long_text *)(void *)(b->rest.texts.data + b->next);
}

/* One slice; what is escaped may make it longer. */
static enum rl_status write_slice(struct body *b, struct rl_buffer *slice) {
  const size_t len = b->rest.out.len;
  struct rl_long_text *text;
  enum rl_status status = RL_OK;
  while (status == RL_OK && slice->len < SLICE && (text = next_text(b)) != NULL) {
    status = copy_rest(b, slice, text->place);
    if (status != RL_OK || slice->len >= SLICE)
      break;
    status = copy_text(b, slice, text);
    if (status == RL_OK && text->data == text->end)
      b->next += sizeof *text;
  }
  if (status == RL_OK && slice->len < SLICE)
    status = copy_rest(b, slice, len);
  return status;
}

static void release(struct body *b) {
  free_rest(&b->rest);
  rl_body_drop(b->body);
  b->body = NULL;
}

/* A slice could not be written: nothing can come of it any more. */
static int give_up(lua_State *L, struct body *b, enum rl_status status) {
  const struct rl_long_text *text = next_text(b);
  const char *paths = b->rest.paths.data;
  if (status != RL_SYNTAX || text == NULL) {
    release(b);
    return rl_no_memory(L);
  }
  b->pinned = 1;
  lua_pushnil(L);
  lua_pushlstring(L, paths != NULL ? paths + text->path : "", text->path_len);
  lua_pushliteral(L, ILL_FORMED);
  release(b);
  return 3;
}

/* body:step() -> true: it is whole | false: there is more to do | nil, path, reason */
static int body_step(lua_State *L) {
  struct body *b = to_body(L);
  struct rl_buffer slice;
  enum rl_status status;
  rl_buffer_init(&slice, SIZE_MAX);
  if (b->rest.texts.len == 0) { /* it is there already, in one block */
    status = rl_body_add(b->body, &b->rest.out);
  } else {
    status = write_slice(b, &slice);
    if (status == RL_OK)
      status = rl_body_add(b->body, &slice);
    rl_buffer_free(&slice);
  }
  if (status != RL_OK)
    return give_up(L, b, status);
  if (!b->whole && b->written == b->rest.out.len && next_text(b) == NULL)
    finish(L, b);
  lua_pushboolean(L, b->whole);
  return 1;
}

/* body:release(): it is not needed any more; transfers that send it go on */
static int body_release(lua_State *L) {
  struct body *b = luaL_checkudata(L, 1, BODY);
  if (!b->pinned)
    release(b);
  return 0;
}

static int body_gc(lua_State *L) {
  release(luaL_checkudata(L, 1, BODY));
  return 0;
}

/* body(text) -> the text, or where it is long a body of it as it is, to be written by `step` */
static int core_body(lua_State *L) {
  struct rl_long_text text;
  struct body *b;
  size_t len;
  const char *data = luaL_checklstring(L, 1, &len);
  lua_settop(L, 1);
  if (len < RL_LONG_TEXT)
    return 1;
  memset(&text, 0, sizeof text);
  text.data = data;
  text.end = data + len;
  b = push_body(L);
  b->plain = 1;
  if (b->body == NULL || rl_buffer_append(&b->rest.texts, &text, sizeof text) != RL_OK)
    return rl_no_memory(L);
  return 1;
}

struct rl_body *rl_lua_body_at(lua_State *L, int index) {
  struct body *b = luaL_testudata(L, index, BODY);
  if (b == NULL)
    return NULL;
  if (b->body == NULL || !b->whole)
    luaL_error(L, "a body must be whole, and not released");
  return b->body;
}

void rl_lua_body_open(lua_State *L) {
  static const luaL_Reg methods[] = {{"step", body_step}, {"release", body_release}, {NULL, NULL}};
  if (luaL_newmetatable(L, BODY)) {
    lua_pushcfunction(L, body_gc);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
  lua_pushcfunction(L, core_body);
  lua_setfield(L, -2, "body");
}
