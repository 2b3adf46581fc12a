/* lua_encode.c: Lua values as JSON texts. */
#include "lua_compat.h"
#include "lua_core.h"
#include "lua_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encode.h"
#include "lua_body.h"

#define ENCODER "runloop.encoder"
#define ILL_FORMED "is not well-formed UTF-8"
#define TEXT_OF(number) #number
#define LEVELS(number) TEXT_OF(number) " levels"

/* The texts that are escaped later, where that is asked for: long ones, and when so much is written
 * already, those that are not short. */
enum { SHORT_TEXT = 1024 };

/* A block of up to this is kept as long as texts fill it: fresh memory costs as much as a tenth of
 * what is written there. */
enum { KEPT = 2 * 1024 * 1024 };

/* So many levels are given room on the stack together. */
enum { LEVELS_AT_ONCE = 16 };

/* What json_encode has with it: what it works with, the metatable of arrays, the table of texts
 * that are kept alive, and two names. */
#define UPVALUE_ENCODER lua_upvalueindex(1)
#define UPVALUE_ARRAY lua_upvalueindex(2)
#define UPVALUE_KEPT lua_upvalueindex(3)
#define UPVALUE_NAME lua_upvalueindex(4)
#define UPVALUE_HOLDS_DATA lua_upvalueindex(5)

/* What texts are put together in. */
struct encoder {
  struct rl_unfinished u;
  struct rl_buffer members; /* of the objects whose names are being sorted */
  int in_use;
  int closed;
};

/* A table that is being written, and where in it the walk is. */
struct level {
  const void *table;
  int slot; /* of the table on the stack; above it are the key at hand, but `by_index`, and its
               value */
  int array;
  int by_index;              /* the items do not come in order: they are asked for one by one */
  lua_Integer index, length; /* of an array; the length is known only then */
  size_t members; /* of an object whose names are sorted: where those of this one begin */
};

/* The C core finds these in package.loaded: `array_mt` and `empty_array_mt` mark tables,
 * `empty_array` stands for one. Both ways of loading lua-cjson have their own. */
enum { MARKS = 7 };

/* One walk through a value. Nothing in it can run code of Lua's: it looks behind metatables, and
 * pushes nothing new, before or after which the collector could call a finalizer. So what it walks
 * through stays as it is. */
struct walk {
  lua_State *L;
  struct encoder *e;
  int sorted, later;
  int kept; /* where long texts are kept alive on the stack, if they are */
  lua_Integer kept_count;
  const void *marks[MARKS];
  int mark_count;

  enum rl_status status; /* RL_SYNTAX: what is at `levels` cannot be written */
  const char *reason;    /* with %s for `detail`; NULL: the table is no sequence and no object */
  const char *detail;
  int culprit; /* where on the stack that table is */
  unsigned depth;
  struct level levels[RL_JSON_MAX_DEPTH];
};

static int fail(struct walk *w, const char *reason, const char *detail) {
  w->status = RL_SYNTAX;
  w->reason = reason;
  w->detail = detail;
  return 0;
}

/* The innermost table itself cannot be written; without a reason, as it is neither a sequence nor
 * an object. */
static int fail_table(struct walk *w, const char *reason) {
  w->culprit = w->levels[--w->depth].slot;
  return fail(w, reason, NULL);
}

/* The same for the outcome of writing, of which only text can be wrong. */
static int check(struct walk *w, enum rl_status status, const char *reason) {
  if (status == RL_OK)
    return 1;
  (void)fail(w, reason, NULL);
  w->status = status;
  return 0;
}

static int put(struct walk *w, const char *text) {
  return check(w, rl_buffer_append(&w->e->u.out, text, strlen(text)), NULL);
}

static inline int put_char(struct walk *w, char c) {
  struct rl_buffer *b = &w->e->u.out;
  if (!check(w, rl_buffer_reserve(b, 1), NULL))
    return 0;
  b->data[b->len++] = c;
  b->data[b->len] = '\0';
  return 1;
}

static int is_mark(const struct walk *w, const void *p) {
  int i;
  for (i = 0; i < w->mark_count; i++)
    if (w->marks[i] == p)
      return 1;
  return 0;
}

/* The name of a table of ours that holds no data, such as a client or a list; NULL for any other.
 * Its metatable, which keeps the name alive, is on top of the stack. */
static const char *name_of_ours(lua_State *L) {
  static const char prefix[] = "runloop.";
  const char *name = NULL;
  lua_pushvalue(L, UPVALUE_NAME);
  lua_rawget(L, -2);
  if (lua_type(L, -1) == LUA_TSTRING)
    name = lua_tostring(L, -1);
  lua_pushvalue(L, UPVALUE_HOLDS_DATA);
  lua_rawget(L, -3);
  if (name != NULL && (strncmp(name, prefix, sizeof prefix - 1) != 0 || lua_toboolean(L, -1)))
    name = NULL;
  lua_pop(L, 2);
  return name;
}

/* Whether a table is marked as an array; `name` becomes that of one which cannot be written. */
static int is_marked_array(const struct walk *w, int table, const char **name) {
  int marked = 0;
  if (lua_getmetatable(w->L, table)) {
    marked = is_mark(w, lua_topointer(w->L, -1));
    if (!marked)
      *name = name_of_ours(w->L);
    lua_pop(w->L, 1);
  }
  return marked;
}

/* Appends the way that leads to the value at hand: a.b[1]. */
static enum rl_status put_path(struct walk *w) {
  struct rl_buffer *b = &w->e->u.paths;
  enum rl_status status = RL_OK;
  unsigned i;
  for (i = 0; i < w->depth && status == RL_OK; i++) {
    const struct level *v = &w->levels[i];
    size_t len = 0;
    if (!v->array) {
      const char *name = lua_tolstring(w->L, v->slot + 1, &len);
      if (i > 0)
        status = rl_buffer_append(b, ".", 1);
      if (status == RL_OK)
        status = rl_buffer_append(b, name, len);
    } else {
      status = rl_buffer_append(b, "[", 1);
      if (status == RL_OK)
        status = rl_encode_integer(b, (int64_t)v->index);
      if (status == RL_OK)
        status = rl_buffer_append(b, "]", 1);
    }
  }
  return status;
}

static int put_later(struct walk *w, const char *data, size_t len) {
  struct encoder *e = w->e;
  struct rl_long_text text;
  text.place = e->u.out.len + 1; /* behind the quote */
  text.data = data;
  text.end = data + len;
  text.path = e->u.paths.len;
  if (!check(w, put_path(w), NULL))
    return 0;
  text.path_len = e->u.paths.len - text.path;
  lua_pushvalue(w->L, -1);
  lua_rawseti(w->L, w->kept, ++w->kept_count);
  return check(w, rl_buffer_append(&e->u.texts, &text, sizeof text), NULL) && put(w, "\"\"");
}

static int put_text(struct walk *w) {
  size_t len;
  const char *text = lua_tolstring(w->L, -1, &len);
  if (w->later && len >= SHORT_TEXT && (len >= RL_LONG_TEXT || w->e->u.out.len >= RL_LONG_TEXT))
    return put_later(w, text, len);
  return check(w, rl_encode_string(&w->e->u.out, text, len), ILL_FORMED);
}

/* Where all numbers are doubles, those that could be integers are written as such. */
static int is_integer(lua_State *L) {
#if RL_LUA_DOUBLES
  const double x = (double)lua_tonumber(L, -1);
  return floor(x) == x && x >= -9223372036854775808.0 && x < 9223372036854775808.0 &&
         (x != 0 || !signbit(x));
#else
  return lua_isinteger(L, -1);
#endif
}

static int put_number(struct walk *w) {
  double x;
  if (is_integer(w->L))
    return check(w, rl_encode_integer(&w->e->u.out, rl_to_int64(w->L, -1)), NULL);
  x = (double)lua_tonumber(w->L, -1);
  if (!isfinite(x))
    return fail(w, "is not finite, which JSON cannot hold", NULL);
  return check(w, rl_encode_number(&w->e->u.out, x), NULL);
}

/* Whether the key is an integer. */
static int is_index(lua_State *L, int key, lua_Integer *index) {
#if RL_LUA_DOUBLES
  if (lua_type(L, key) != LUA_TNUMBER)
    return 0;
  *index = lua_tointeger(L, key);
  return (lua_Number)*index == lua_tonumber(L, key);
#else
  if (!lua_isinteger(L, key))
    return 0;
  *index = lua_tointeger(L, key);
  return 1;
#endif
}

/* The number of items when the keys are 1, 2, 3..., in whatever order they come, else -1. */
static lua_Integer sequence_length(lua_State *L, int table) {
  lua_Integer count = 0, last = 0;
  lua_pushnil(L);
  while (lua_next(L, table)) {
    lua_Integer i;
    if (!is_index(L, -2, &i) || i < 1) {
      lua_pop(L, 2);
      return -1;
    }
    count++;
    last = i > last ? i : last;
    lua_pop(L, 1);
  }
  return count == last ? count : -1;
}

/* A member that is written already, for its name to be sorted. */
struct member {
  const char *name;
  size_t name_len;
  size_t at, len; /* in the text */
};

static int by_name(const void *a, const void *b) {
  const struct member *x = a, *y = b;
  size_t least = x->name_len < y->name_len ? x->name_len : y->name_len;
  int order = memcmp(x->name, y->name, least);
  return order != 0 ? order : (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

/* Puts the members from `first` on, which end the text, into the order of their names. */
static int sort_members(struct walk *w, size_t first) {
  struct rl_buffer *out = &w->e->u.out, *members = &w->e->members;
  struct member *m = (struct member *)(void *)(members->data + first);
  const size_t count = (members->len - first) / sizeof *m, start = m->at, end = out->len;
  size_t i;
  members->len = first;
  qsort(m, count, sizeof *m, by_name);
  if (!check(w, rl_buffer_reserve(out, end - start), NULL))
    return 0;
  for (i = 0; i < count; i++) {
    if (i > 0)
      out->data[out->len++] = ',';
    memcpy(out->data + out->len, out->data + m[i].at, m[i].len);
    out->len += m[i].len;
  }
  memmove(out->data + start, out->data + end, end - start);
  out->len = end;
  out->data[end] = '\0';
  return 1;
}

/* A name and its value are on the stack: writes the name. */
static inline int put_name(struct walk *w, const struct level *v, int comma) {
  struct encoder *e = w->e;
  struct member m;
  enum rl_status status;
  m.name = lua_tolstring(w->L, v->slot + 1, &m.name_len);
  m.at = e->u.out.len + (size_t)comma;
  m.len = 0;
  if (w->sorted && !check(w, rl_buffer_append(&e->members, &m, sizeof m), NULL))
    return 0;
  status = rl_encode_name(&e->u.out, comma, m.name, m.name_len);
  if (status == RL_SYNTAX)
    return fail_table(w, "has a name that is not well-formed UTF-8");
  return check(w, status, NULL);
}

/* The value of the last name is written. */
static void end_member(struct walk *w) {
  struct rl_buffer *b = &w->e->members;
  struct member *last = (struct member *)(void *)(b->data + b->len) - 1;
  last->len = w->e->u.out.len - last->at;
}

/* What comes next in the innermost table: the first of its members or another, or its end. */
enum next { NEXT_FAILED = 0, NEXT_FIRST, NEXT_OTHER, NEXT_OVER };

/* An item of an array is on the stack, with its key unless it is asked for by that. As long as the
 * keys come in order, which they mostly do, one pass tells that the table is a sequence and writes
 * it. */
static int take_item(struct walk *w, struct level *v, int comma) {
  lua_State *L = w->L;
  lua_Integer index;
  if (comma && !put_char(w, ','))
    return 0;
  if (v->by_index)
    return 1;
  if (is_index(L, v->slot + 1, &index) && index == v->index + 1) {
    v->index = index;
    return 1;
  }
  lua_settop(L, v->slot);
  v->by_index = 1;
  v->length = sequence_length(L, v->slot);
  if (v->length < 0)
    return fail_table(w, NULL);
  lua_rawgeti(L, v->slot, ++v->index);
  return 1;
}

/* Writes what stands before the value that is next. */
static inline int take_member(struct walk *w, int comma) {
  struct level *v = &w->levels[w->depth - 1];
  if (v->array)
    return take_item(w, v, comma);
  if (lua_type(w->L, v->slot + 1) != LUA_TSTRING)
    return fail_table(w, NULL);
  return put_name(w, v, comma);
}

/* Pushes the next value of the innermost table, or writes the table's end. The value before it is
 * on top of the stack, and leaves it. */
static enum next next_member(struct walk *w) {
  lua_State *L = w->L;
  struct level *v = &w->levels[w->depth - 1];
  lua_pop(L, 1);
  if (w->sorted && !v->array)
    end_member(w);
  if (v->by_index) {
    if (v->index < v->length) {
      lua_rawgeti(L, v->slot, ++v->index);
      return NEXT_OTHER;
    }
  } else if (lua_next(L, v->slot)) {
    return NEXT_OTHER;
  }
  w->depth--;
  if (w->sorted && !v->array && !sort_members(w, v->members))
    return NEXT_FAILED;
  return put_char(w, v->array ? ']' : '}') ? NEXT_OVER : NEXT_FAILED;
}

/* The table is on top of the stack. What comes first in it is pushed, unless it is empty. */
static enum next open_table(struct walk *w) {
  lua_State *L = w->L;
  struct level *v = &w->levels[w->depth];
  const int table = lua_gettop(L);
  const void *const address = lua_topointer(L, table);
  const char *name = NULL;
  unsigned i;
  int array;
  for (i = 0; i < w->depth; i++)
    if (w->levels[i].table == address)
      return (enum next)fail(w, "contains itself", NULL);
  if (w->depth == RL_JSON_MAX_DEPTH)
    return (enum next)fail(w, "is nested deeper than " LEVELS(RL_JSON_MAX_DEPTH), NULL);
  /* a table, a key and a value each */
  if (w->depth % LEVELS_AT_ONCE == 0 && !lua_checkstack(L, 3 * LEVELS_AT_ONCE + LUA_MINSTACK)) {
    w->status = RL_NOMEM;
    return NEXT_FAILED;
  }
  array = is_marked_array(w, table, &name);
  if (name != NULL)
    return (enum next)fail(w, "is a %s, which JSON cannot hold", name);
  lua_pushnil(L);
  if (!lua_next(L, table))
    return put(w, array ? "[]" : "{}") ? NEXT_OVER : NEXT_FAILED;
  v->table = address;
  v->slot = table;
  v->array = array || lua_type(L, -2) == LUA_TNUMBER;
  v->by_index = 0;
  v->index = 0;
  v->members = w->e->members.len;
  w->depth++;
  return put_char(w, v->array ? '[' : '{') ? NEXT_FIRST : NEXT_FAILED;
}

/* Writes the value on top of the stack, which is no table. */
static int put_scalar(struct walk *w, int type) {
  lua_State *L = w->L;
  switch (type) {
  case LUA_TSTRING:
    return put_text(w);
  case LUA_TNUMBER:
    return put_number(w);
  case LUA_TBOOLEAN:
    return put(w, lua_toboolean(L, -1) ? "true" : "false");
  case LUA_TLIGHTUSERDATA:
  case LUA_TUSERDATA:
    if (type == LUA_TLIGHTUSERDATA && lua_touserdata(L, -1) == NULL)
      return put(w, "null");
    if (is_mark(w, lua_topointer(L, -1)))
      return put(w, "[]");
    /* fall through */
  default:
    return fail(w, "is a %s, which JSON cannot hold", lua_typename(L, type));
  }
}

/* Writes the value on top of the stack. When it fails, the keys that lead to the offender are still
 * on the stack. */
static int put_value(struct walk *w) {
  for (;;) {
    const int type = lua_type(w->L, -1);
    enum next next = NEXT_OVER;
    if (type == LUA_TTABLE)
      next = open_table(w);
    else if (!put_scalar(w, type))
      next = NEXT_FAILED;
    while (next == NEXT_OVER) {
      if (w->depth == 0)
        return 1;
      next = next_member(w);
    }
    if (next == NEXT_FAILED || !take_member(w, next == NEXT_OTHER))
      return 0;
  }
}

/* What marks arrays: our metatable, at `ours` on the stack, and what the lua-cjson that the program
 * itself has loaded uses; only its newer line does. */
static int find_marks(lua_State *L, int ours, const void **marks) {
  static const char *const modules[] = {"cjson", "cjson.safe"};
  static const char *const fields[] = {"array_mt", "empty_array_mt", "empty_array"};
  const int top = lua_gettop(L);
  int i, j, count = 0;
  marks[count++] = lua_topointer(L, ours);
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  for (i = 0; i < 2; i++) {
    lua_pushstring(L, modules[i]);
    lua_rawget(L, top + 1);
    for (j = 0; j < 3 && lua_istable(L, -1); j++) {
      lua_pushstring(L, fields[j]);
      lua_rawget(L, -2);
      if (lua_topointer(L, -1) != NULL)
        marks[count++] = lua_topointer(L, -1);
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
  lua_settop(L, top);
  return count;
}

static void push_buffer(lua_State *L, const struct rl_buffer *b) {
  lua_pushlstring(L, b->data != NULL ? b->data : "", b->len);
}

/* Gives back what a walk used, or all of it when Lua closes. */
static void clear(struct encoder *e) {
  struct rl_buffer *out = &e->u.out;
  e->in_use = 0;
  if (out->cap <= KEPT && out->len >= out->cap / 4)
    out->len = 0;
  else
    rl_buffer_reset(out);
  rl_buffer_reset(&e->members);
  rl_buffer_reset(&e->u.paths);
  rl_buffer_reset(&e->u.texts);
}

/* nil, the way to the offender, the reason; or in the place of the reason nil and the table that is
 * neither a sequence nor an object. */
static int push_failure(struct walk *w) {
  lua_State *L = w->L;
  struct encoder *e = w->e;
  if (w->status == RL_SYNTAX) {
    e->u.paths.len = 0;
    if (put_path(w) != RL_OK)
      w->status = RL_NOMEM;
  }
  if (w->status != RL_SYNTAX) {
    clear(e);
    return rl_no_memory(L);
  }
  lua_pushnil(L);
  push_buffer(L, &e->u.paths);
  if (w->reason != NULL)
    lua_pushfstring(L, w->reason, w->detail);
  else
    lua_pushnil(L);
  lua_pushvalue(L, w->culprit);
  clear(e);
  return 4;
}

static struct encoder *new_encoder(lua_State *L) {
  struct encoder *e = lua_newuserdatauv(L, sizeof *e, 0);
  memset(e, 0, sizeof *e);
  rl_buffer_init(&e->u.out, SIZE_MAX);
  rl_buffer_init(&e->members, SIZE_MAX);
  rl_buffer_init(&e->u.paths, SIZE_MAX);
  rl_buffer_init(&e->u.texts, SIZE_MAX);
  luaL_setmetatable(L, ENCODER);
  return e;
}

/* What the walk has written, and where it is to be given out as a body a body of that. */
static enum rl_status push_outcome(struct walk *w) {
  struct rl_unfinished *u = &w->e->u;
  if (!w->later || (u->texts.len == 0 && u->out.len < RL_LONG_TEXT)) {
    push_buffer(w->L, &u->out);
    return RL_OK;
  }
  lua_pushvalue(w->L, w->kept);
  return rl_lua_body_push(w->L, u);
}

/* Where long texts are kept alive, for a walk that is to leave them for later: made before it
 * begins, and kept for the next one if it is not used. */
static void push_kept(lua_State *L, const struct encoder *e, int later) {
  if (!later)
    lua_pushnil(L);
  else if (e->in_use)
    lua_newtable(L);
  else
    lua_pushvalue(L, UPVALUE_KEPT);
}

static void renew_kept(const struct walk *w) {
  if (w->kept_count == 0)
    return;
  lua_newtable(w->L);
  lua_replace(w->L, UPVALUE_KEPT);
}

/* json_encode(value[, sorted[, later]]) -> text | body | nil, path, reason | nil, path, nil, table
 *
 * sorted: objects in the order of their names. later: where it is long and not sorted, a body comes
 * back in place of the text; it may have texts still to write. path: a.b[1]; table: the one that is
 * there, which is neither a sequence nor an object. */
static int json_encode(lua_State *L) {
  struct walk w;
  w.e = lua_touserdata(L, UPVALUE_ENCODER);
  if (w.e->closed)
    return luaL_error(L, "the Lua state is being closed");
  luaL_checkany(L, 1);
  lua_settop(L, 3);
  w.L = L;
  w.sorted = lua_toboolean(L, 2);
  w.later = !w.sorted && lua_toboolean(L, 3); /* sorting moves what texts are to be put into */
  w.kept = 4;
  w.kept_count = 0;
  w.status = RL_OK;
  w.depth = 0;
  w.mark_count = find_marks(L, UPVALUE_ARRAY, w.marks);
  push_kept(L, w.e, w.later);
  if (w.e->in_use)
    w.e = new_encoder(L); /* by what a finalizer interrupts */
  else
    lua_pushnil(L);
  w.e->in_use = 1;
  lua_pushvalue(L, 1);
  w.culprit = lua_gettop(L);
  if (!put_value(&w)) {
    renew_kept(&w);
    return push_failure(&w);
  }
  w.status = push_outcome(&w);
  renew_kept(&w);
  clear(w.e);
  return w.status == RL_OK ? 1 : rl_no_memory(L);
}

static int encoder_gc(lua_State *L) {
  struct encoder *e = luaL_checkudata(L, 1, ENCODER);
  rl_buffer_free(&e->u.out);
  rl_buffer_free(&e->u.paths);
  rl_buffer_free(&e->u.texts);
  rl_buffer_free(&e->members);
  e->closed = 1;
  return 0;
}

void rl_lua_encode_open(lua_State *L) {
  if (luaL_newmetatable(L, ENCODER)) {
    lua_pushcfunction(L, encoder_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_pop(L, 1);
  (void)new_encoder(L);
  lua_getfield(L, -2, "array_mt");
  lua_newtable(L);
  lua_pushliteral(L, "__name");
  lua_pushliteral(L, "holds_data");
  lua_pushcclosure(L, json_encode, 5);
  lua_setfield(L, -2, "json_encode");
}
