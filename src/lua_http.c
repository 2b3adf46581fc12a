/* lua_http.c: clients and transfers for Lua. Never calls libcurl: that is http.c's. */
#include "http.h"
#include "lua_compat.h"
#include "lua_body.h"
#include "lua_core.h"
#include "lua_json.h"
#include "platform.h"
#include "scan.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>

#define CLIENT "runloop.http"
#define TRANSFER "runloop.transfer"

/* The user values of a transfer. The last ones are those of `ready`. */
enum { OF_CLIENT = 1, OF_PAGE, OF_METATABLE, OF_CURSOR };

/* A larger max_body is taken as this, which no buffer reaches. */
#define MAX_BODY (SIZE_MAX >> 2)

/* A client's userdata. The parser decodes for all its transfers, which keep the client alive as
 * their user value. */
struct client {
  struct rl_http *http; /* NULL before it is made and after it was collected */
  struct rl_json json;
  lua_State *stack; /* to decode on; a user value */
  int decoding;     /* texts of transfers, which must not move */
  struct rl_random random;
};

/* How, and how long, a list's items are handed over without more ado: see `ready`. */
struct ready {
  unsigned long changes; /* of the extents when this was said */
  lua_State *L;          /* in which coroutine */
  int yieldable;
  double until;
  int flags;
  struct rl_text cursor;
  int looked_ahead;
};

/* While a function of the binding makes Lua values of a transfer, the collector may run finalizers
 * written in Lua, which may use the same transfer: then it is pinned, and released when the last
 * pin is out. */
struct transfer {
  struct rl_transfer *transfer; /* NULL before it is made and after it was freed */
  struct client *client;
  uint64_t id; /* also when it was released */
  int pins;
  int released;
  struct ready ready;
};

/* The upvalues of the methods of a class: its metatable, and that of transfers. */
enum { UP_CLASS = 1, UP_TRANSFERS };

/* The userdata, or NULL if it is of another class: luaL_checkudata looks that up by its name. */
static void *of_class(lua_State *L, int at) {
  void *p = lua_touserdata(L, at);
  int is_one;
  if (p == NULL || !lua_getmetatable(L, at))
    return NULL;
  is_one = lua_rawequal(L, -1, lua_upvalueindex(UP_CLASS));
  lua_pop(L, 1);
  return is_one ? p : NULL;
}

static struct client *to_client(lua_State *L) {
  struct client *c = of_class(L, 1);
  return c != NULL ? c : luaL_checkudata(L, 1, CLIENT);
}

static struct transfer *to_box(lua_State *L) {
  struct transfer *t = of_class(L, 1);
  return t != NULL ? t : luaL_checkudata(L, 1, TRANSFER);
}

static void check_open(lua_State *L, const struct client *c, int forked(const struct rl_http *)) {
  if (c->http == NULL || rl_http_closed(c->http))
    luaL_error(L, "client is closed");
  if (forked(c->http))
    luaL_error(L, "client used after fork");
}

static struct rl_http *check_client(lua_State *L) {
  struct client *c = to_client(L);
  check_open(L, c, rl_http_forked);
  return c->http;
}

static struct transfer *to_transfer(lua_State *L) {
  struct transfer *t = to_box(L);
  if (t->transfer == NULL || t->released)
    luaL_error(L, "transfer was released");
  return t;
}

/* For what needs the client to be alive. */
static struct transfer *check_transfer(lua_State *L) {
  struct transfer *t = to_transfer(L);
  check_open(L, t->client, rl_http_seems_forked);
  return t;
}

/* For what takes items away, which must not happen under a decoder's feet. */
static struct transfer *check_unpinned(lua_State *L) {
  struct transfer *t = check_transfer(L);
  if (t->pins > 0)
    luaL_error(L, "transfer used in a finalizer while it is read");
  return t;
}

static void free_transfer(struct transfer *t) {
  rl_transfer_free(t->transfer);
  t->transfer = NULL;
}

static void pin(struct transfer *t) {
  t->pins++;
}

static void unpin(struct transfer *t) {
  if (--t->pins == 0 && t->released)
    free_transfer(t);
}

static void get_field(lua_State *L, int table, const char *name, int type) {
  int got = lua_getfield(L, table, name);
  if (got != LUA_TNIL && got != type)
    luaL_error(L, "field '%s' must be a %s, got a %s", name, lua_typename(L, type),
               lua_typename(L, got));
}

/* The string stays alive as long as the table keeps it. */
static int string_field(lua_State *L, int table, const char *name, struct rl_text *out) {
  get_field(L, table, name, LUA_TSTRING);
  out->data = lua_tolstring(L, -1, &out->len);
  lua_pop(L, 1);
  return out->data != NULL;
}

static const char *c_string_field(lua_State *L, int table, const char *name) {
  struct rl_text text;
  if (!string_field(L, table, name, &text))
    return NULL;
  if (strlen(text.data) != text.len)
    luaL_error(L, "field '%s' must not contain a zero byte", name);
  return text.data;
}

static double number_field(lua_State *L, int table, const char *name, double missing) {
  double n;
  get_field(L, table, name, LUA_TNUMBER);
  n = lua_isnil(L, -1) ? missing : lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (!(n >= 0) && n != missing)
    luaL_error(L, "field '%s' must not be negative", name);
  return n;
}

static long count_field(lua_State *L, int table, const char *name, long missing) {
  double n = number_field(L, table, name, (double)missing);
  if (!(n >= 1 && n <= 1000000))
    luaL_error(L, "field '%s' is out of range", name);
  return (long)n;
}

static int boolean_field(lua_State *L, int table, const char *name) {
  int b;
  get_field(L, table, name, LUA_TBOOLEAN);
  b = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return b;
}

/* The texts of an array of strings, which keeps them alive. They are listed in `few`, or when there
 * are more, in a block that is pushed. */
enum { FEW_TEXTS = 16 };
static const struct rl_text *texts_at(lua_State *L, int table, struct rl_text *few, size_t *count) {
  struct rl_text *texts = few;
  size_t i, n = 0;
  if (!lua_isnoneornil(L, table)) {
    luaL_checktype(L, table, LUA_TTABLE);
    n = (size_t)lua_rawlen(L, table);
  }
  if (n > FEW_TEXTS)
    texts = lua_newuserdatauv(L, n * sizeof *texts, 0);
  for (i = 0; i < n; i++) {
    if (lua_rawgeti(L, table, (lua_Integer)i + 1) != LUA_TSTRING)
      luaL_error(L, "a header line or a field's name must be a string");
    texts[i].data = lua_tolstring(L, -1, &texts[i].len);
    lua_pop(L, 1);
  }
  *count = n;
  return texts;
}

/* http(options) -> client
 *
 * options: https, http2, base_headers (an array of lines "Name: value" that go with every request),
 * max_connections, max_streams, connect_timeout, ca_file, ca_chosen, ca_path and proxy, as struct
 * rl_http_options has them. Other fields are not looked at. */
static int core_http(lua_State *L) {
  struct rl_http_options o;
  struct rl_text few[FEW_TEXTS];
  struct client *c;
  enum rl_status status;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  c = lua_newuserdatauv(L, sizeof *c, 1);
  c->http = NULL;
  c->decoding = 0;
  rl_json_init(&c->json);
  c->random.left = 0;
  luaL_setmetatable(L, CLIENT);
  c->stack = lua_newthread(L);
  lua_setiuservalue(L, 2, 1);
  memset(&o, 0, sizeof o);
  o.max_connections = count_field(L, 1, "max_connections", 20);
  o.max_streams = count_field(L, 1, "max_streams", 512);
  o.https = boolean_field(L, 1, "https");
  o.http2 = boolean_field(L, 1, "http2");
  o.connect_timeout = number_field(L, 1, "connect_timeout", 5);
  o.ca_file = c_string_field(L, 1, "ca_file");
  o.ca_chosen = boolean_field(L, 1, "ca_chosen");
  o.ca_path = c_string_field(L, 1, "ca_path");
  o.proxy = c_string_field(L, 1, "proxy");
  get_field(L, 1, "base_headers", LUA_TTABLE);
  o.base_headers = texts_at(L, 3, few, &o.base_header_count);
  status = rl_http_new(&o, &c->http);
  if (status == RL_NOMEM)
    return rl_no_memory(L);
  if (status != RL_OK)
    return luaL_error(L, "a header must not contain CR, LF or NUL");
  lua_settop(L, 2);
  return 1;
}

struct rl_random *rl_lua_random_of(lua_State *L, int arg) {
  struct client *c = luaL_checkudata(L, arg, CLIENT);
  if (c->http == NULL || rl_http_seems_forked(c->http))
    c->random.left = 0;
  return &c->random;
}

static enum rl_lane_kind lane_field(lua_State *L, int table) {
  const char *name = c_string_field(L, table, "lane");
  if (name == NULL)
    return RL_LANE_CALLS;
  if (strcmp(name, "pages") == 0)
    return RL_LANE_PAGES;
  if (strcmp(name, "streams") != 0)
    luaL_error(L, "there is no lane '%s'", name);
  return RL_LANE_STREAMS;
}

/* A piece is a text, a body, or a table with the path of a file, which must not have a zero byte.
 */
static void read_piece(lua_State *L, struct rl_piece *p) {
  p->file = NULL;
  p->body = rl_lua_body_at(L, -1);
  if (p->body != NULL)
    return;
  if (lua_type(L, -1) == LUA_TSTRING) {
    p->text.data = lua_tolstring(L, -1, &p->text.len);
    return;
  }
  if (lua_type(L, -1) == LUA_TTABLE)
    p->file = c_string_field(L, lua_gettop(L), "file");
  if (p->file == NULL)
    luaL_error(L, "a piece of a body must be a string, a body or { file = path }");
}

/* The body of field 'body' if it is in pieces, or in one that is not a text: they are listed in a
 * block that is pushed, or in `one`. */
static void read_pieces(lua_State *L, struct rl_request *r, struct rl_piece *one) {
  struct rl_piece *pieces;
  size_t i, n;
  int table;
  (void)lua_getfield(L, 2, "body");
  table = lua_gettop(L);
  if (lua_type(L, table) == LUA_TUSERDATA) {
    read_piece(L, one);
    r->pieces = one;
    r->piece_count = 1;
  }
  if (lua_type(L, table) != LUA_TTABLE) {
    lua_pop(L, 1);
    return;
  }
  n = (size_t)lua_rawlen(L, table);
  pieces = lua_newuserdatauv(L, n * sizeof *pieces + 1, 0);
  for (i = 0; i < n; i++) {
    (void)lua_rawgeti(L, table, (lua_Integer)i + 1);
    read_piece(L, &pieces[i]);
    lua_pop(L, 1);
  }
  r->pieces = pieces;
  r->piece_count = n;
}

static void read_sink(lua_State *L, struct rl_request *r, struct rl_text *fields) {
  luaL_checktype(L, 6, LUA_TTABLE);
  get_field(L, 6, "fields", LUA_TTABLE);
  if (!lua_isnil(L, -1))
    r->sink.fields = texts_at(L, lua_gettop(L), fields, &r->sink.field_count);
  r->sink.list = c_string_field(L, 6, "list");
  r->sink.file = c_string_field(L, 6, "file");
  r->sink.owner_only = boolean_field(L, 6, "owner_only");
  r->sink.events = boolean_field(L, 6, "events");
  r->lane = lane_field(L, 6);
  r->patient = boolean_field(L, 6, "patient");
  r->pace = number_field(L, 6, "pace", 0);
}

/* The text and the strings of the request stay alive in its tables; a body only until a finalizer
 * releases it: so after its pieces have been read, nothing is allocated. `lines` and `fields` have
 * room for FEW_TEXTS. */
static void read_request(lua_State *L, struct rl_request *r, struct rl_text *body,
                         struct rl_piece *one, struct rl_text *lines, struct rl_text *fields) {
  double max_body;
  memset(r, 0, sizeof *r);
  r->headers = texts_at(L, 3, lines, &r->header_count);
  if (!lua_isnil(L, 6))
    read_sink(L, r, fields);
  if (!string_field(L, 2, "url", &r->url) || !string_field(L, 2, "method", &r->method))
    luaL_error(L, "fields 'url' and 'method' are required");
  read_pieces(L, r, one);
  if (r->pieces == NULL && string_field(L, 2, "body", body))
    r->body = body;
  r->bare = lua_toboolean(L, 4);
  if (!r->bare)
    (void)string_field(L, 2, "idempotency_key", &r->key);
  r->timeout = number_field(L, 2, "timeout", 30);
  max_body = number_field(L, 2, "max_body", 64.0 * 1024 * 1024);
  r->sink.max_body = max_body < (double)MAX_BODY ? (size_t)max_body : MAX_BODY;
  r->raw = boolean_field(L, 2, "raw");
  r->once = boolean_field(L, 2, "once");
  r->any_scheme = boolean_field(L, 2, "any_scheme");
  r->deadline = luaL_optnumber(L, 5, -1);
}

/* client:start(request[, lines[, bare[, deadline[, sink]]]]) -> transfer | nil, why a file could
 * not be made or opened
 *
 * request: url, method, body, timeout and max_body; lines: headers; bare: without those that all
 * requests have, and without the request's idempotency_key, sent as x-request-id; deadline: seconds
 * from now. once in request: libcurl does not send it twice; raw: no content coding is asked for or
 * undone; any_scheme: the URL may be http or https, whatever the client speaks.
 *
 * body: a text, one of `body` or json_encode, or an array of pieces, each of these or { file = path
 * }, that are sent one behind the other, with a Content-Length, and read as they are sent. The
 * files are opened at once and must be regular. One whose size is another when it is read ends the
 * transfer: kind file, code READ.
 *
 * sink: where a 2xx answer's body goes: list (its items are taken by `item`; with fields, an array
 * of names, they have no other members), events (true: a text/event-stream, whose events are taken
 * by `event`), file and owner_only; without any of these it is collected (`json`, `text`). And
 * lane: "pages", or "streams" for what is open for long; a stream goes there anyway. For a list,
 * events and a file `timeout` is the longest silence, while somebody waits (`want`); with patient =
 * true for what is collected too. pace = seconds: that bytes have moved is news, so often at the
 * most (`progress`). */
static int client_start(lua_State *L) {
  struct rl_http *h = check_client(L);
  struct rl_text body, lines[FEW_TEXTS], fields[FEW_TEXTS];
  struct rl_piece one;
  struct rl_request r;
  const char *file = "";
  struct transfer *t;
  enum rl_status status;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 6);
  t = lua_newuserdatauv(L, sizeof *t, lua_isnil(L, 6) ? OF_CLIENT : OF_CURSOR);
  t->transfer = NULL;
  t->client = lua_touserdata(L, 1);
  t->pins = t->released = 0;
  t->id = 0;
  t->ready.L = NULL;
  lua_pushvalue(L, lua_upvalueindex(UP_TRANSFERS));
  lua_setmetatable(L, -2);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, 7, OF_CLIENT);
  read_request(L, &r, &body, &one, lines, fields);
  if (rl_http_closed(h))
    return luaL_error(L, "client is closed"); /* by a finalizer, meanwhile */
  status = rl_http_start(h, &r, &t->transfer, &file);
  if (status == RL_SYSTEM) {
    char why[128] = "not a regular file";
    if (errno != ESPIPE) /* see rl_source_new */
      rl_error_text(errno, why, sizeof why);
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", file, why);
    return 2;
  }
  if (status == RL_NOMEM)
    return rl_no_memory(L);
  if (status != RL_OK)
    return luaL_error(L, "the method, the URL or a header cannot be sent");
  t->id = rl_transfer_id(t->transfer);
  lua_settop(L, 7);
  return 1;
}

/* client:turn([seconds]) -> how many events were handled
 *
 * One turn of all its transfers, as rl_http_turn: waits at most so long, 0 not at all; without it
 * as long as it takes. */
static int client_turn(lua_State *L) {
  struct client *c = to_client(L);
  check_open(L, c, rl_http_seems_forked);
  if (c->decoding > 0)
    return luaL_error(L, "client used in a finalizer while it decodes");
  double seconds = luaL_optnumber(L, 2, -1);
  lua_pushinteger(L, rl_http_turn(c->http, seconds));
  return 1;
}

/* wait(clients[, seconds])
 *
 * Returns once one of these clients has something to do in its turn, or after so long; without
 * `seconds` it may take as long as it takes. */
static int core_wait(lua_State *L) {
  double left = luaL_optnumber(L, 2, HUGE_VAL);
  size_t clients, i, n, room = 0, count = 0;
  struct pollfd *polls;
  int fd, readable, writable;
  luaL_checktype(L, 1, LUA_TTABLE);
  clients = lua_rawlen(L, 1);
  for (i = 1; i <= clients; i++) {
    struct client *c;
    double due;
    lua_rawgeti(L, 1, (lua_Integer)i);
    c = luaL_checkudata(L, -1, CLIENT);
    check_open(L, c, rl_http_forked);
    due = rl_http_timeout(c->http);
    if (due >= 0 && due < left)
      left = due;
    for (n = 0; rl_http_socket(c->http, n, &fd, &readable, &writable); n++)
      room++;
    lua_pop(L, 1);
  }
  /* A finalizer that this runs may give a client more sockets. */
  polls = lua_newuserdatauv(L, (room + 1) * sizeof *polls, 0);
  for (i = 1; i <= clients; i++) {
    struct client *c;
    lua_rawgeti(L, 1, (lua_Integer)i);
    c = luaL_checkudata(L, -1, CLIENT);
    check_open(L, c, rl_http_forked);
    for (n = 0; count < room && rl_http_socket(c->http, n, &fd, &readable, &writable); n++) {
      polls[count].fd = fd;
      polls[count].revents = 0;
      polls[count++].events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
    }
    lua_pop(L, 1);
  }
  if (count > 0 || left < HUGE_VAL)
    (void)poll(polls, (nfds_t)count, left < 60 ? (int)ceil(left * 1000) : 60000);
  return 0;
}

/* client:ready() -> the id of a transfer that was waited for and has news, or nil
 *
 * Each is told once, until it is waited for again. */
static int client_ready(lua_State *L) {
  struct client *c = to_client(L);
  uint64_t id = c->http != NULL ? rl_http_ready(c->http) : 0;
  if (id == 0)
    lua_pushnil(L);
  else
    rl_push_int64(L, (int64_t)id);
  return 1;
}

/* client:hold(seconds): nothing new begins for so long, as rl_http_hold */
static int client_hold(lua_State *L) {
  rl_http_hold(check_client(L), luaL_checknumber(L, 2));
  return 0;
}

/* client:fds() -> an array of { fd = number, events = "r" | "w" | "rw" }
 *
 * The sockets that a host is to watch before it gives the client a turn. */
static int client_fds(lua_State *L) {
  struct rl_http *h = check_client(L);
  int fd, readable, writable;
  lua_Integer n = 0;
  size_t i;
  lua_newtable(L);
  for (i = 0; rl_http_socket(h, i, &fd, &readable, &writable); i++) {
    if (!readable && !writable)
      continue;
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, fd);
    lua_setfield(L, -2, "fd");
    lua_pushstring(L, readable ? (writable ? "rw" : "r") : "w");
    lua_setfield(L, -2, "events");
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

/* client:timeout() -> in how many seconds a turn is due at the latest, or nil: no need */
static int client_timeout(lua_State *L) {
  double seconds = rl_http_timeout(check_client(L));
  if (seconds < 0)
    lua_pushnil(L);
  else
    lua_pushnumber(L, seconds);
  return 1;
}

/* client:stats() -> requests, connections, bytes received, transfers in flight
 *
 * As struct rl_http_stats has them; all 0 of one that was collected. */
static int client_stats(lua_State *L) {
  struct client *c = to_client(L);
  struct rl_http_stats stats;
  memset(&stats, 0, sizeof stats);
  if (c->http != NULL)
    rl_http_stats(c->http, &stats);
  rl_push_int64(L, (int64_t)stats.requests);
  rl_push_int64(L, (int64_t)stats.connections);
  rl_push_int64(L, (int64_t)stats.bytes_received);
  rl_push_int64(L, (int64_t)stats.in_flight);
  return 4;
}

/* client:close(): ends its transfers as cancelled and closes its connections, at once. More than
 * once is fine. */
static int client_close(lua_State *L) {
  struct client *c = to_client(L);
  if (c->http != NULL)
    rl_http_close(c->http);
  return 0;
}

/* client:closed() -> whether it is, or was collected */
static int client_closed(lua_State *L) {
  struct client *c = to_client(L);
  lua_pushboolean(L, c->http == NULL || rl_http_closed(c->http));
  return 1;
}

static int client_gc(lua_State *L) {
  struct client *c = to_client(L);
  if (c->http != NULL)
    rl_http_free(c->http);
  c->http = NULL;
  rl_json_free(&c->json);
  rl_json_init(&c->json);
  return 0;
}

/* transfer:id() -> a number that no other transfer of the process has, as client:ready tells it;
 * also of one that was released */
static int transfer_id(lua_State *L) {
  const struct transfer *t = to_box(L);
  rl_push_int64(L, (int64_t)t->id);
  return 1;
}

/* transfer:want() -> true: there is news, or it was released | false: from now on it is waited for,
 * and client:ready will tell of the next */
static int transfer_want(lua_State *L) {
  struct transfer *t = to_box(L);
  lua_pushboolean(L, t->transfer == NULL || t->released || rl_transfer_want(t->transfer));
  return 1;
}

/* transfer:unwant(): it is no longer waited for */
static int transfer_unwant(lua_State *L) {
  rl_transfer_unwant(to_transfer(L)->transfer);
  return 0;
}

struct decode {
  struct rl_json *json;
  struct rl_text text;
  int flags;
  int ok;
};

static int decode_protected(lua_State *L) {
  struct decode *d = lua_touserdata(L, 1);
  d->ok = rl_lua_json_value(L, d->json, d->text.data, d->text.len, d->flags);
  return d->ok;
}
static const lua_CFunction ready_decode = decode_protected;

/* Pushes the value and returns 1, or pushes nothing and returns 0 with the error in the parser; the
 * transfer is left pinned.
 *
 * Decoding takes a large stack. On that of the caller, mostly one of many tasks, every cycle of the
 * collector would shrink it again. */
static int decode(lua_State *L, struct transfer *box, int flags, const char *data, size_t len) {
  struct client *c = box->client;
  lua_State *S = c->decoding > 0 ? L : c->stack;
  struct decode d;
  int rc;
  d.json = &c->json;
  d.text.data = data;
  d.text.len = len;
  d.flags = flags | (c->decoding > 0 ? RL_JSON_NESTED : 0);
  rl_push_ready(S, &ready_decode);
  lua_pushlightuserdata(S, &d);
  pin(box);
  c->decoding++;
  rc = lua_pcall(S, 1, LUA_MULTRET, 0);
  c->decoding--;
  lua_xmove(S, L, rc != LUA_OK ? 1 : d.ok);
  if (rc == LUA_OK && (d.ok || c->json.status != RL_NOMEM))
    return d.ok;
  unpin(box);
  return rc != LUA_OK ? lua_error(L) : rl_no_memory(L);
}

/* code, message. `cut`: nothing is wrong but that the text ended too soon. */
static int push_error(lua_State *L, enum rl_status status, int cut, const char *message,
                      uint64_t offset) {
  struct rl_place place = rl_lua_json_place(offset);
  lua_pushstring(L, cut ? "CUT_SHORT" : rl_lua_json_code(status));
  if (status == RL_SYNTAX)
    lua_pushfstring(L, "invalid JSON at %s: %s", place.text, message);
  else
    lua_pushfstring(L, "%s (at %s)", message, place.text);
  return 2;
}

static int no_item(lua_State *L, const char *why) {
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

/* 1 when the page has arrived to its last byte and closed as it should. */
static int is_whole(struct rl_transfer *t, struct rl_framer *f) {
  struct rl_outcome outcome;
  if (!rl_transfer_finished(t))
    return 0;
  rl_transfer_outcome(t, &outcome);
  return outcome.kind == RL_KIND_OK && rl_framer_done(f);
}

/* What follows the last complete item. Looks at the transfer before it pushes anything. */
static int after_items(lua_State *L, struct rl_transfer *t, struct rl_framer *f) {
  int finished = rl_transfer_finished(t), cut;
  const char *message;
  uint64_t offset;
  enum rl_status status;
  if (f == NULL)
    return no_item(L, finished ? "failed" : "more");
  status = rl_framer_error(f, &message, &offset);
  if (status == RL_OK)
    return no_item(L, !finished ? "more" : is_whole(t, f) ? "done" : "failed");
  cut = rl_framer_cut_short(f);
  (void)no_item(L, "error");
  return 2 + push_error(L, status, cut, message, offset);
}

/* The transfer's oldest item, which was decoded, is the loop's now. */
static void item_taken(struct transfer *box, struct rl_framer *f) {
  rl_framer_drop(f);
  rl_transfer_resume(box->transfer);
  unpin(box);
}

/* transfer:item([flags]) -> item
 *
 * Takes the next item of the list. flags: see rl_lua_json_flags. When there is none:
 *   nil, "more"    wait for news (`want`)
 *   nil, "done"    that was all: the page is whole
 *   nil, "failed"  `finish` tells of a failure, or of a status other than 2xx
 *   nil, "error", code, message
 *                  the page cannot be read (JSON, TOO_DEEP, SHAPE, BODY_TOO_LARGE), or ended too
 *                  soon (CUT_SHORT); so may an item, which then stays where it is */
static int transfer_item(lua_State *L) {
  struct transfer *box = check_unpinned(L);
  struct rl_framer *f = rl_transfer_framer(box->transfer);
  struct rl_json *j = &box->client->json;
  const char *p;
  size_t n;
  if (f == NULL || !rl_framer_first(f, &p, &n))
    return after_items(L, box->transfer, f);
  if (!decode(L, box, rl_lua_json_flags(L, 2), p, n)) {
    uint64_t offset = rl_framer_offset(f, j->offset);
    enum rl_status status = j->status;
    const char *message = j->message;
    unpin(box);
    (void)no_item(L, "error");
    return 2 + push_error(L, status, 0, message, offset);
  }
  item_taken(box, f);
  return 1;
}

/* The upvalues of the functions that follow. */
enum { UP_EXTENTS = UP_CLASS + 1, UP_ID, UP_LAST, UP_ARMED, UP_LONG_WAY };

static struct transfer *ready_at(lua_State *L, int at) {
  struct transfer *box = of_class(L, at);
  return box != NULL && box->transfer != NULL && !box->released && box->pins == 0 ? box : NULL;
}

static unsigned long changes(lua_State *L) {
  const struct rl_extents *extents = lua_touserdata(L, lua_upvalueindex(UP_EXTENTS));
  return extents->changes;
}

static int is_yieldable(lua_State *L) {
#if LUA_VERSION_NUM >= 503
  return lua_isyieldable(L);
#else
  (void)L;
  return 0;
#endif
}

/* ready(transfer, page, until, flags, metatable, cursor, looked_ahead) -> transfer
 *
 * From now on this coroutine may `take` the transfer's items: up to the time `until`, by the clock
 * of `now`, and as long as `within` is neither entered nor left. page: its `last` becomes the id of
 * each; flags: as in transfer:item; metatable: that each gets, or nil; cursor: the id that
 * none has, or nil; looked_ahead: also when the transfer has finished. */
static int core_ready(lua_State *L) {
  static const int values[][2] = {{2, OF_PAGE}, {5, OF_METATABLE}, {6, OF_CURSOR}};
  struct transfer *box = check_unpinned(L);
  struct ready *r = &box->ready;
  size_t i;
  lua_settop(L, 7);
  luaL_checktype(L, 2, LUA_TTABLE);
  if (!lua_isnil(L, 5))
    luaL_checktype(L, 5, LUA_TTABLE);
  r->cursor.data = luaL_optlstring(L, 6, "", &r->cursor.len);
  r->until = luaL_checknumber(L, 3);
  r->flags = rl_lua_json_flags(L, 4);
  r->looked_ahead = lua_toboolean(L, 7);
  r->changes = changes(L);
  r->yieldable = is_yieldable(L);
  r->L = L;
  for (i = 0; i < sizeof values / sizeof *values; i++) {
    lua_pushvalue(L, values[i][0]);
    lua_setiuservalue(L, 1, values[i][1]);
  }
  lua_settop(L, 1);
  return 1;
}

static int is_ready(lua_State *L, const struct transfer *box) {
  const struct ready *r = &box->ready;
  const struct client *c = box->client;
  return r->L == L && r->changes == changes(L) && r->yieldable == is_yieldable(L) &&
         c->decoding == 0 && c->http != NULL && !rl_http_closed(c->http) &&
         !rl_http_seems_forked(c->http) &&
         (r->looked_ahead || !rl_transfer_finished(box->transfer)) && rl_monotonic() < r->until;
}

/* Whether the item on top of the stack, whose id is pushed, may be handed over. */
static int has_new_id(lua_State *L, const struct rl_text *cursor) {
  const char *id;
  size_t len;
  if (lua_type(L, -1) != LUA_TTABLE)
    return 0;
  lua_pushvalue(L, lua_upvalueindex(UP_ID));
  if (lua_rawget(L, -2) != LUA_TSTRING)
    return 0;
  id = lua_tolstring(L, -1, &len);
  return len > 0 && (len != cursor->len || memcmp(id, cursor->data, len) != 0);
}

/* Pushes the oldest item of the transfer at `at` and returns 1; or 0, where it wants a closer look.
 */
static int take_ready(lua_State *L, int at) {
  struct transfer *box = ready_at(L, at);
  struct rl_framer *f;
  const char *p;
  size_t n;
  int top;
  if (box == NULL || !is_ready(L, box))
    return 0;
  f = rl_transfer_framer(box->transfer);
  if (f == NULL || !rl_framer_first(f, &p, &n))
    return 0;
  if (!decode(L, box, box->ready.flags, p, n)) {
    unpin(box);
    return 0;
  }
  top = lua_gettop(L);
  if (!has_new_id(L, &box->ready.cursor)) {
    unpin(box);
    return 0;
  }
  lua_getiuservalue(L, at, OF_PAGE);
  lua_pushvalue(L, lua_upvalueindex(UP_LAST));
  lua_pushvalue(L, top + 1);
  lua_rawset(L, -3);
  lua_getiuservalue(L, at, OF_METATABLE);
  lua_setmetatable(L, top);
  item_taken(box, f);
  lua_settop(L, top);
  return 1;
}

/* take(transfer) -> item, or nil: it is not `ready`, or wants a closer look */
static int core_take(lua_State *L) {
  lua_settop(L, 1);
  return take_ready(L, 1);
}

#if LUA_VERSION_NUM >= 504
static int end_step(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L);
}

/* step(list) -> the next item
 *
 * For each item of a loop, so kept short: that of the transfer list._armed, if it is `ready`. Else
 * what the long way gives. In one C function, since a debug hook could strike between an item's
 * leaving the transfer and the loop's getting it. */
static int core_step(lua_State *L) {
  lua_settop(L, 1);
  if (lua_type(L, 1) == LUA_TTABLE) {
    lua_pushvalue(L, lua_upvalueindex(UP_ARMED));
    (void)lua_rawget(L, 1);
    if (take_ready(L, 2))
      return 1;
  }
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(UP_LONG_WAY));
  lua_insert(L, 1);
  lua_pushboolean(L, 1);
  lua_callk(L, 2, LUA_MULTRET, 0, end_step);
  return end_step(L, LUA_OK, 0);
}

/* stepper(long_way) -> step: long_way(list, true) gives the next item, or raises */
static int core_stepper(lua_State *L) {
  int i;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  for (i = UP_CLASS; i < UP_LONG_WAY; i++)
    lua_pushvalue(L, lua_upvalueindex(i));
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, core_step, UP_LONG_WAY);
  return 1;
}
#endif

struct event_texts {
  struct rl_event event;
  int data;  /* is one of them */
  int blank; /* and is given as an empty text */
};

/* [data,] name, id; nil for one that is empty. */
static int push_event_texts(lua_State *L) {
  const struct event_texts *t = lua_touserdata(L, 1);
  const struct rl_event *e = &t->event;
  if (t->data)
    lua_pushlstring(L, e->data, t->blank ? 0 : e->data_len);
  if (e->name_len > 0)
    lua_pushlstring(L, e->name, e->name_len);
  else
    lua_pushnil(L);
  if (e->id_len > 0)
    lua_pushlstring(L, e->id, e->id_len);
  else
    lua_pushnil(L);
  return t->data ? 3 : 2;
}
static const lua_CFunction ready_event_texts = push_event_texts;

/* Pushes the texts of the transfer's event, which is pinned, and returns how many there are; when
 * it raises, one pin is out. No finalizer may turn the client meanwhile, which would move them. */
static int event_texts(lua_State *L, struct transfer *box, struct event_texts *t) {
  int rc, results = t->data ? 3 : 2;
  rl_push_ready(L, &ready_event_texts);
  lua_pushlightuserdata(L, t);
  box->client->decoding++;
  rc = lua_pcall(L, 1, results, 0);
  box->client->decoding--;
  if (rc == LUA_OK)
    return results;
  unpin(box);
  return lua_error(L);
}

static int is_blank(const char *p, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) {
    if (!rl_is_json_blank(p[i]))
      return 0;
  }
  return 1;
}

/* What follows the last complete event. */
static int after_events(lua_State *L, struct rl_transfer *t, const struct rl_events *e) {
  int finished = rl_transfer_finished(t);
  const char *message;
  uint64_t offset;
  enum rl_status status;
  struct rl_outcome outcome;
  if (e == NULL && finished && rl_transfer_mistyped(t)) {
    (void)no_item(L, "error");
    lua_pushliteral(L, "SHAPE");
    lua_pushliteral(L, "the answer is no text/event-stream");
    return 4;
  }
  if (e == NULL)
    return no_item(L, finished ? "failed" : "more");
  status = rl_events_error(e, &message, &offset);
  if (status != RL_OK) {
    (void)no_item(L, "error");
    return 2 + push_error(L, status, 0, message, offset);
  }
  if (!finished)
    return no_item(L, "more");
  rl_transfer_outcome(t, &outcome);
  if (outcome.kind != RL_KIND_OK)
    return no_item(L, "failed");
  return no_item(L, rl_events_inside(e) ? "cut" : "done");
}

/* transfer:event([flags[, as_text]]) -> data, name | nil, id | nil
 *
 * Takes the next event: its data decoded ("" where it is blank), or as a text; its name, nil where
 * it has none of its own; the last id that the server sent. When there is none:
 *   nil, "more"    wait for news (`want`)
 *   nil, "done"    the answer has ended between two events
 *   nil, "cut"     it has ended, as HTTP goes, in the middle of one, which is dropped
 *   nil, "failed"  `finish` tells of a failure, or of a status other than 2xx
 *   nil, "error", code, message
 *                  SHAPE: the answer is no event stream; BODY_TOO_LARGE: an event or a line is;
 *                  JSON, TOO_DEEP: the data is no JSON, and waits to be taken as a text */
static int transfer_event(lua_State *L) {
  struct transfer *box = check_unpinned(L);
  struct rl_events *e = rl_transfer_events(box->transfer);
  struct rl_json *j = &box->client->json;
  struct event_texts t;
  int results = 1;
  t.data = lua_toboolean(L, 3);
  if (e == NULL || !rl_events_first(e, &t.event))
    return after_events(L, box->transfer, e);
  t.blank = !t.data && is_blank(t.event.data, t.event.data_len);
  t.data |= t.blank;
  if (t.data) {
    pin(box);
    results = 0;
  } else if (!decode(L, box, rl_lua_json_flags(L, 2), t.event.data, t.event.data_len)) {
    enum rl_status status = j->status;
    const char *message = j->message;
    uint64_t offset = j->offset;
    unpin(box);
    (void)no_item(L, "error");
    return 2 + push_error(L, status, 0, message, offset);
  }
  if (t.data || t.event.name_len + t.event.id_len > 0)
    results += event_texts(L, box, &t);
  rl_events_drop(e);
  rl_transfer_resume(box->transfer);
  unpin(box);
  return results;
}

/* transfer:waiting() -> how many items wait, how many have come in all, whether the page is whole
 *
 * Of a stream: the events that wait and those that have come. 0, 0 while there is neither. */
static int transfer_waiting(lua_State *L) {
  struct rl_transfer *t = to_transfer(L)->transfer;
  struct rl_framer *f = rl_transfer_framer(t);
  const struct rl_events *e = rl_transfer_events(t);
  if (e != NULL) {
    lua_pushinteger(L, (lua_Integer)rl_events_waiting(e));
    lua_pushinteger(L, (lua_Integer)rl_events_count(e));
    return 2;
  }
  lua_pushinteger(L, f != NULL ? (lua_Integer)rl_framer_waiting(f) : 0);
  lua_pushinteger(L, f != NULL ? (lua_Integer)rl_framer_count(f) : 0);
  lua_pushboolean(L, f != NULL && is_whole(t, f));
  return 3;
}

/* transfer:last([flags]) -> the newest of the items that wait, which stays there | nil: none waits,
 * or it cannot be decoded */
static int transfer_last(lua_State *L) {
  struct transfer *box = check_transfer(L);
  struct rl_framer *f = rl_transfer_framer(box->transfer);
  const char *p;
  size_t n;
  if (f == NULL || !rl_framer_last(f, &p, &n)) {
    lua_pushnil(L);
    return 1;
  }
  if (!decode(L, box, rl_lua_json_flags(L, 2), p, n))
    lua_pushnil(L);
  unpin(box);
  return 1;
}

/* transfer:members([flags]) -> a table of the page's members that are not its list, as far as they
 * have come; an empty one where there is no page */
static int transfer_members(lua_State *L) {
  struct transfer *box = check_transfer(L);
  struct rl_framer *f = rl_transfer_framer(box->transfer);
  size_t n = 2;
  const char *p = f != NULL ? rl_framer_members(f, &n) : "{}";
  if (!decode(L, box, rl_lua_json_flags(L, 2), p, n))
    lua_newtable(L); /* cannot be: they have been checked */
  unpin(box);
  return 1;
}

/* transfer:finished() -> whether it has ended */
static int transfer_finished(lua_State *L) {
  lua_pushboolean(L, rl_transfer_finished(to_transfer(L)->transfer));
  return 1;
}

static int comes_again(const struct rl_headers *h, size_t position, const char *name) {
  const char *other, *value;
  while (rl_headers_next(h, &position, &other, &value)) {
    if (*other == *name && strcmp(other, name) == 0)
      return 1;
  }
  return 0;
}

/* The values of all headers with this name from `position` on, behind `value`. */
static void push_joined(lua_State *L, const struct rl_headers *h, size_t position, const char *name,
                        const char *value) {
  luaL_Buffer b;
  const char *other;
  luaL_buffinit(L, &b);
  luaL_addstring(&b, value);
  while (rl_headers_next(h, &position, &other, &value)) {
    if (strcmp(other, name) == 0) {
      luaL_addstring(&b, ", ");
      luaL_addstring(&b, value);
    }
  }
  luaL_pushresult(&b);
}

/* 1: the table at the top has the header already. */
static int has_header(lua_State *L, const char *name) {
  int has = lua_getfield(L, -1, name) != LUA_TNIL;
  lua_pop(L, 1);
  return has;
}

static void push_headers(lua_State *L, const struct rl_headers *h) {
  size_t position = 0;
  const char *name, *value;
  int joined = 0;
  lua_createtable(L, 0, h->count);
  while (rl_headers_next(h, &position, &name, &value)) {
    if (joined && has_header(L, name))
      continue;
    lua_pushlstring(L, name, (size_t)(value - 1 - name));
    if (comes_again(h, position, name)) {
      push_joined(L, h, position, name, value);
      joined = 1;
    } else {
      lua_pushlstring(L, value, (size_t)(h->fields.data + position - 1 - value));
    }
    lua_rawset(L, -3);
  }
}

static void push_version(lua_State *L, int version) {
  if (version == 0)
    lua_pushnil(L);
  else if (version == 11)
    lua_pushliteral(L, "1.1");
  else if (version == 20)
    lua_pushliteral(L, "2");
  else if (version >= 20 && version % 10 == 0)
    lua_pushfstring(L, "%d", version / 10);
  else
    lua_pushfstring(L, "%d.%d", version / 10, version % 10);
}

static int push_head(lua_State *L) {
  const struct transfer *box = lua_touserdata(L, 1);
  const struct rl_headers *headers = rl_transfer_headers(box->transfer);
  if (headers->complete) {
    lua_pushinteger(L, headers->status);
    push_headers(L, headers);
  } else {
    lua_pushnil(L);
    lua_pushnil(L);
  }
  return 2;
}
static const lua_CFunction ready_head = push_head;

static int push_outcome(lua_State *L) {
  static const char *const kinds[] = {
      [RL_KIND_OK] = "ok",       [RL_KIND_CONNECTION] = "connection",
      [RL_KIND_TLS] = "tls",     [RL_KIND_TIMEOUT] = "timeout",
      [RL_KIND_LIMIT] = "limit", [RL_KIND_CANCELLED] = "cancelled",
      [RL_KIND_FILE] = "file"};
  const struct transfer *box = lua_touserdata(L, 1);
  struct rl_outcome o;
  rl_transfer_outcome(box->transfer, &o);
  lua_pushstring(L, kinds[o.kind]);
  lua_pushstring(L, o.code);
  lua_pushstring(L, o.message);
  (void)push_head(L);
  push_version(L, o.http_version);
  lua_pushboolean(L, o.sent);
  lua_pushboolean(L, o.may_hide_cut);
  lua_pushboolean(L, o.repeated);
  lua_pushboolean(L, o.final);
  return 10;
}
static const lua_CFunction ready_outcome = push_outcome;

/* Calls what is on the stack, with one argument, while the transfer is pinned. */
static int call_pinned(lua_State *L, struct transfer *box, int results) {
  int rc;
  pin(box);
  rc = lua_pcall(L, 1, results, 0);
  unpin(box);
  return rc == LUA_OK ? results : lua_error(L);
}

static int pinned(lua_State *L, struct transfer *box, const lua_CFunction *push, int results) {
  rl_push_ready(L, push);
  lua_pushlightuserdata(L, box);
  return call_pinned(L, box, results);
}

static int push_body_text(lua_State *L) {
  const struct rl_text *text = lua_touserdata(L, 1);
  lua_pushlstring(L, text->data, text->len);
  return 1;
}
static const lua_CFunction ready_body_text = push_body_text;

/* transfer:head() -> status, headers | nil, nil as long as they have not come
 *
 * headers: a table by names in lower case; the values of one that comes more than once are joined
 * by ", ". */
static int transfer_head(lua_State *L) {
  return pinned(L, to_transfer(L), &ready_head, 2);
}

/* transfer:finish() -> kind, code, message, status, headers, version, sent, may_hide_cut, repeated,
 * final
 *
 * Only after its end. As struct rl_outcome has them, and `head`; kind: "ok", "connection", "tls",
 * "timeout", "limit", "cancelled" or "file"; version: of HTTP, "1.1" or "2", nil without an answer.
 */
static int transfer_finish(lua_State *L) {
  struct transfer *box = to_transfer(L);
  if (!rl_transfer_finished(box->transfer))
    return luaL_error(L, "the transfer has not finished");
  return pinned(L, box, &ready_outcome, 10);
}

/* A byte order mark in front of a text is not of it (RFC 8259, 8.1). */
static size_t mark_of(struct rl_text text) {
  return text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* transfer:json([flags]) -> the body, decoded | nil, message, code, offset (from 1)
 *
 * code: as json_decode's, or CUT_SHORT: nothing is wrong but that it ended too soon. Of an empty
 * body: nil, "empty body", "EMPTY". */
static int transfer_json(lua_State *L) {
  struct transfer *box = to_transfer(L);
  struct rl_text body = rl_transfer_body(box->transfer);
  const struct rl_json *j = &box->client->json;
  size_t offset, mark = mark_of(body);
  int ok;
  if (body.len == 0) {
    lua_pushnil(L);
    lua_pushliteral(L, "empty body");
    lua_pushliteral(L, "EMPTY");
    return 3;
  }
  ok = decode(L, box, rl_lua_json_flags(L, 2), body.data + mark, body.len - mark);
  unpin(box);
  if (ok)
    return 1;
  offset = j->offset + mark;
  lua_pushnil(L);
  (void)push_error(L, j->status, j->status == RL_SYNTAX && offset == body.len, j->message, offset);
  lua_insert(L, -2);
  lua_pushinteger(L, (lua_Integer)offset + 1);
  return 4;
}

/* transfer:text([max]) -> the body as it is, or its first so many bytes
 *
 * Of one that went into a list, a file or events: its beginning, for errors. */
static int transfer_text(lua_State *L) {
  struct transfer *box = to_transfer(L);
  struct rl_text body = rl_transfer_body(box->transfer);
  lua_Number max = luaL_optnumber(L, 2, (lua_Number)body.len);
  if (max >= 0 && max < (lua_Number)body.len)
    body.len = (size_t)max;
  rl_push_ready(L, &ready_body_text);
  lua_pushlightuserdata(L, &body);
  return call_pinned(L, box, 1);
}

/* transfer:progress() -> sent, to send, received, to receive (nil: nobody knows)
 *
 * Bytes of the two bodies so far. There is no news of that until more have moved. */
static int transfer_progress(lua_State *L) {
  struct rl_progress p;
  rl_transfer_progress(to_transfer(L)->transfer, &p);
  rl_push_int64(L, (int64_t)p.sent);
  rl_push_int64(L, (int64_t)p.to_send);
  rl_push_int64(L, (int64_t)p.received);
  if (p.to_receive >= 0)
    rl_push_int64(L, p.to_receive);
  else
    lua_pushnil(L);
  return 4;
}

/* transfer:cancel(): ends it as cancelled, at once; nobody is told */
static int transfer_cancel(lua_State *L) {
  rl_transfer_cancel(to_transfer(L)->transfer);
  return 0;
}

/* transfer:release(): gives everything back, at the latest when the last pin is out. When memory is
 * short, Lua may fail to call __gc. */
static int transfer_release(lua_State *L) {
  struct transfer *box = to_box(L);
  box->released = 1;
  if (box->pins == 0)
    free_transfer(box);
  return 0;
}

static int transfer_gc(lua_State *L) {
  free_transfer(to_box(L));
  return 0;
}

static const luaL_Reg client_methods[] = {{"start", client_start},   {"turn", client_turn},
                                          {"ready", client_ready},   {"hold", client_hold},
                                          {"fds", client_fds},       {"timeout", client_timeout},
                                          {"stats", client_stats},   {"close", client_close},
                                          {"closed", client_closed}, {NULL, NULL}};

static const luaL_Reg client_meta[] = {
    {"__gc", client_gc}, {"__close", client_close}, {NULL, NULL}};

static const luaL_Reg transfer_methods[] = {{"id", transfer_id},
                                            {"want", transfer_want},
                                            {"unwant", transfer_unwant},
                                            {"item", transfer_item},
                                            {"event", transfer_event},
                                            {"waiting", transfer_waiting},
                                            {"last", transfer_last},
                                            {"members", transfer_members},
                                            {"finished", transfer_finished},
                                            {"head", transfer_head},
                                            {"finish", transfer_finish},
                                            {"json", transfer_json},
                                            {"text", transfer_text},
                                            {"progress", transfer_progress},
                                            {"cancel", transfer_cancel},
                                            {"release", transfer_release},
                                            {NULL, NULL}};

static const luaL_Reg transfer_meta[] = {{"__gc", transfer_gc}, {NULL, NULL}};

/* Adds the functions to the table on top of the stack. Their upvalues are the class and that of
 * transfers. */
static void set_methods(lua_State *L, const char *class, const luaL_Reg *functions) {
  luaL_getmetatable(L, class);
  luaL_getmetatable(L, TRANSFER);
  luaL_setfuncs(L, functions, UP_TRANSFERS);
}

static void make_class(lua_State *L, const char *name, const luaL_Reg *meta,
                       const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  set_methods(L, name, meta);
  lua_newtable(L);
  set_methods(L, name, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

static void set_feature(lua_State *L, const char *name, int present) {
  lua_pushboolean(L, present);
  lua_setfield(L, -2, name);
}

/* Adds what hands over items to the table on top of the stack. */
static void open_items(lua_State *L, int extents) {
  static const luaL_Reg functions[] = {
    {"ready", core_ready},
    {"take", core_take},
#if LUA_VERSION_NUM >= 504
    {"stepper", core_stepper},
#endif
    {NULL, NULL}
  };
  luaL_getmetatable(L, TRANSFER);
  lua_pushvalue(L, extents);
  lua_pushliteral(L, "id");
  lua_pushliteral(L, "last");
  lua_pushliteral(L, "_armed");
  luaL_setfuncs(L, functions, UP_ARMED);
}

void rl_lua_http_open(lua_State *L, int extents) {
  static const lua_CFunction *const ready[] = {&ready_decode, &ready_event_texts, &ready_head,
                                               &ready_outcome, &ready_body_text};
  struct rl_http_library library;
  size_t i;
  int rc = rl_http_global_init();
  if (rc != 0)
    luaL_error(L, "libcurl could not be initialised (error %d)", rc);
  for (i = 0; i < sizeof ready / sizeof *ready; i++)
    rl_make_ready(L, ready[i]);
  make_class(L, TRANSFER, transfer_meta, transfer_methods);
  make_class(L, CLIENT, client_meta, client_methods);
  open_items(L, extents);
  lua_pushcfunction(L, core_http);
  lua_setfield(L, -2, "http");
  lua_pushcfunction(L, core_wait);
  lua_setfield(L, -2, "wait");
  rl_http_library(&library);
  lua_pushstring(L, library.version);
  lua_setfield(L, -2, "version");
  lua_pushstring(L, library.codings);
  lua_setfield(L, -2, "codings");
  lua_createtable(L, 0, 4);
  set_feature(L, "async_dns", library.async_dns);
  set_feature(L, "http2", library.http2);
  set_feature(L, "ssl", library.ssl);
  set_feature(L, "quick_exit", library.quick_exit);
  lua_setfield(L, -2, "features");
}
