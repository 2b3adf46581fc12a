/* lua_json.c: JSON texts as Lua values. */
#include "lua_compat.h"
#include "lua_core.h"
#include "lua_json.h"
#include "lua_quick.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { GATHER = 128 }; /* values kept on the stack before they go into their table */

/* The key in the registry of the table that all decoders of a Lua state share is the address of
 * this. */
static const char shared_key = 0;

/* A container that is being read. Its values wait on the stack above `slot` until their number is
 * known, so that the table is made with its exact size; those of a large one go in pieces. */
struct level {
  int slot;     /* of the table */
  int gathered; /* values above it, and keys */
  int absent;   /* members among them that are null and will leave no field */
  int array;
  int made;
  lua_Integer stored; /* elements of an array that are in the table */
};

struct decoder {
  lua_State *L;
  int flags;
  int shared; /* where the shared table is on the stack */
  struct level *top;
  struct level levels[RL_JSON_MAX_DEPTH + 1];
};

static void make_table(struct decoder *d, struct level *v) {
  lua_State *L = d->L;
  if (v->array) {
    lua_createtable(L, v->gathered, 0);
    lua_rawgeti(L, d->shared, RL_SHARED_ARRAY_MT);
    lua_setmetatable(L, -2);
  } else {
    lua_createtable(L, 0, v->gathered / 2 - v->absent);
  }
  lua_replace(L, v->slot);
  v->made = 1;
}

/* Moves what has been gathered into the table, but for `keep` keys at its end. In the order of the
 * text, so that of members with the same key the last wins. */
static void store(struct decoder *d, struct level *v, int keep) {
  lua_State *L = d->L;
  int i, end = v->slot + v->gathered - keep;
  if (!v->made)
    make_table(d, v);
  for (i = v->slot + 1; i <= end; i++) {
    lua_pushvalue(L, i);
    if (v->array) {
      lua_rawseti(L, v->slot, ++v->stored);
    } else {
      lua_pushvalue(L, ++i);
      lua_rawset(L, v->slot);
    }
  }
  if (keep > 0)
    lua_replace(L, v->slot + 1);
  lua_settop(L, v->slot + keep);
  v->gathered = keep;
}

#if LUA_VERSION_NUM < 502
/* A C function has 8,000 slots at most there: the outer levels must not hold them all. */
enum { CROWDED = 32 };
#endif

static int open_level(struct decoder *d, int array) {
  struct level *v;
#if LUA_VERSION_NUM < 502
  if (d->top - d->levels > CROWDED && d->top->gathered > 1)
    store(d, d->top, !d->top->array);
#endif
  v = ++d->top;
  if (!lua_checkstack(d->L, GATHER + LUA_MINSTACK))
    return 0;
  lua_pushnil(d->L);
  memset(v, 0, sizeof *v);
  v->slot = lua_gettop(d->L);
  v->array = array;
  return 1;
}

static void push_null(struct decoder *d) {
  struct level *v = d->top;
  if (v > d->levels && !v->array && !(d->flags & RL_JSON_KEEP_NULLS)) {
    lua_pushnil(d->L);
    v->absent++;
  } else {
    lua_pushlightuserdata(d->L, NULL);
  }
}

static int out_of_memory(struct rl_json *j) {
  j->status = RL_NOMEM;
  j->message = "out of memory";
  j->offset = 0;
  return 0;
}

/* The largest number up to which every integer is a double as well. */
#define EXACT 9007199254740992.0

/* Whether the number that was just read is written as an integer, and is another one in Lua. */
static int is_inexact(const struct rl_json *j, enum rl_json_token token) {
  if (token == RL_JSON_INTEGER)
    return RL_LUA_DOUBLES && (j->integer > (int64_t)EXACT || j->integer < -(int64_t)EXACT);
  return (j->number >= EXACT || j->number <= -EXACT) && memchr(j->text, '.', j->text_len) == NULL &&
         memchr(j->text, 'e', j->text_len) == NULL && memchr(j->text, 'E', j->text_len) == NULL;
}

static void push_number(struct decoder *d, const struct rl_json *j, enum rl_json_token token) {
  if ((d->flags & RL_JSON_EXACTLY) && is_inexact(j, token))
    lua_pushlstring(d->L, j->text, j->text_len);
  else if (token == RL_JSON_INTEGER)
    rl_push_int64(d->L, j->integer);
  else
    lua_pushnumber(d->L, (lua_Number)j->number);
}

/* Reads one value and leaves it on the stack; 0 when it cannot be read. */
static int decode(struct decoder *d, struct rl_json *j) {
  lua_State *L = d->L;
  for (;;) {
    enum rl_json_token token = rl_json_next(j);
    switch (token) {
    case RL_JSON_KEY:
      lua_pushlstring(L, j->text, j->text_len);
      d->top->gathered++;
      continue;
    case RL_JSON_STRING:
      lua_pushlstring(L, j->text, j->text_len);
      break;
    case RL_JSON_INTEGER:
    case RL_JSON_NUMBER:
      push_number(d, j, token);
      break;
    case RL_JSON_TRUE:
    case RL_JSON_FALSE:
      lua_pushboolean(L, token == RL_JSON_TRUE);
      break;
    case RL_JSON_NULL:
      push_null(d);
      break;
    case RL_JSON_OBJECT:
    case RL_JSON_ARRAY:
      if (!open_level(d, token == RL_JSON_ARRAY))
        return out_of_memory(j);
      continue;
    case RL_JSON_OBJECT_END:
    case RL_JSON_ARRAY_END:
      store(d, d->top, 0);
      d->top--;
      break;
    case RL_JSON_END:
      return rl_json_only(j);
    default:
      return 0;
    }
    if (++d->top->gathered >= GATHER)
      store(d, d->top, 0);
  }
}

static int decode_strictly(lua_State *L, int shared, struct rl_json *j, int flags) {
  struct decoder d;
  d.L = L;
  d.flags = flags;
  d.shared = shared;
  d.top = d.levels;
  memset(d.top, 0, sizeof *d.top);
  return decode(&d, j);
}

static int scratch_gc(lua_State *L) {
  rl_buffer_free(lua_touserdata(L, 1));
  return 0;
}

/* Pushes a buffer that the collector frees. */
static struct rl_buffer *push_scratch(lua_State *L) {
  struct rl_buffer *b = lua_newuserdatauv(L, sizeof *b, 0);
  rl_buffer_init(b, SIZE_MAX);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, scratch_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  return b;
}

int rl_lua_json_value(lua_State *L, struct rl_json *j, const char *data, size_t len, int flags) {
  /* The state of this run is a copy, since a finalizer that the collector runs meanwhile may use
   * the same parser. A string lies in the scratch while Lua makes its own of it, and before Lua 5.3
   * the collector runs first: so a run within a run has one for itself. */
  struct rl_json run = *j;
  int base = lua_gettop(L), done;
  if (!lua_checkstack(L, LUA_MINSTACK))
    return out_of_memory(j);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &shared_key);
  lua_rawgeti(L, base + 1, RL_SHARED_MEMORY);
  if (flags & RL_JSON_NESTED)
    run.scratch = push_scratch(L);
  else
    lua_pushnil(L);
  rl_json_start(&run, data, len);
  done = !(flags & (RL_JSON_STRICTLY | RL_JSON_EXACTLY)) &&
         rl_quick_decode(L, base + 1, lua_touserdata(L, base + 2), &run, data, len,
                         flags & RL_JSON_KEEP_NULLS);
  if (!done) {
    lua_settop(L, base + 3);
    rl_json_start(&run, data, len);
    done = decode_strictly(L, base + 1, &run, flags);
  }
  if (done)
    lua_replace(L, base + 1);
  j->status = run.status;
  j->message = run.message;
  j->offset = run.offset;
  /* A large one is given back now, not when the next text comes. */
  if (flags & RL_JSON_NESTED)
    rl_buffer_free(run.scratch);
  else
    rl_buffer_reset(run.scratch);
  lua_settop(L, base + done);
  return done;
}

int rl_lua_json_flags(lua_State *L, int arg) {
  if (lua_type(L, arg) == LUA_TNUMBER)
    return (int)lua_tointeger(L, arg);
  return lua_toboolean(L, arg) ? RL_JSON_KEEP_NULLS : 0;
}

struct rl_place rl_lua_json_place(uint64_t offset) {
  struct rl_place place;
  (void)snprintf(place.text, sizeof place.text, "byte %" PRIu64, offset + 1);
  return place;
}

const char *rl_lua_json_code(enum rl_status status) {
  static const char *const codes[] = {"OK", "NOMEM", "BODY_TOO_LARGE", "TOO_DEEP", "JSON", "SHAPE"};
  return codes[status];
}

/* What json_decode works with. When Lua closes, it is collected while other objects' finalizers may
 * still call the function. */
struct decoder_box {
  struct rl_json json;
  int in_use; /* stays so when Lua's memory error breaks a decode off: the next ones count as nested
               */
  int closed;
};

static int json_gc(lua_State *L) {
  struct decoder_box *box = lua_touserdata(L, 1);
  rl_json_free(&box->json);
  box->closed = 1;
  return 0;
}

/* json_decode(text[, flags[, strictly]]) -> value | nil, message, code, offset (from 1) */
static int json_decode(lua_State *L) {
  struct decoder_box *box = lua_touserdata(L, lua_upvalueindex(1));
  struct rl_json *j = &box->json;
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  int flags = rl_lua_json_flags(L, 2) | (lua_toboolean(L, 3) ? RL_JSON_STRICTLY : 0);
  const int nested = box->in_use;
  struct rl_place place;
  enum rl_status status;
  const char *message;
  uint64_t offset;
  int done;
  if (box->closed)
    return luaL_error(L, "the Lua state is being closed");
  box->in_use = 1;
  done = rl_lua_json_value(L, j, text, len, nested ? flags | RL_JSON_NESTED : flags);
  box->in_use = nested;
  if (done)
    return 1;
  status = j->status; /* a finalizer may decode another text as soon as something is pushed */
  message = j->message;
  offset = j->offset;
  if (status == RL_NOMEM)
    return rl_no_memory(L);
  lua_pushnil(L);
  place = rl_lua_json_place(offset);
  lua_pushfstring(L, "invalid JSON at %s: %s", place.text, message);
  lua_pushstring(L, rl_lua_json_code(status));
  lua_pushinteger(L, (lua_Integer)offset + 1);
  return 4;
}

/* Pushes the shared table. A module that is loaded again in the same state finds the one that is
 * there, so that the arrays of before are still arrays. */
static void push_shared(lua_State *L) {
  const size_t size = rl_memory_size();
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &shared_key) == LUA_TTABLE)
    return;
  lua_pop(L, 1);
  lua_createtable(L, RL_SHARED_STRINGS + rl_memory_strings(), 0);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "runloop.array");
  lua_setfield(L, -2, "__name");
  lua_rawseti(L, -2, RL_SHARED_ARRAY_MT);
  memset(lua_newuserdatauv(L, size, 0), 0, size);
  lua_rawseti(L, -2, RL_SHARED_MEMORY);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &shared_key);
}

void rl_lua_json_open(lua_State *L) {
  struct decoder_box *box;
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");

  push_shared(L);
  lua_rawgeti(L, -1, RL_SHARED_ARRAY_MT);
  lua_setfield(L, -3, "array_mt");
  lua_pop(L, 1);

  box = lua_newuserdatauv(L, sizeof *box, 0);
  rl_json_init(&box->json);
  box->in_use = box->closed = 0;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, json_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_pushcclosure(L, json_decode, 1);
  lua_setfield(L, -2, "json_decode");
}
