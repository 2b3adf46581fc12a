/* lua_quick.c: the quick way to decode, for texts that are well-formed and usual.
 *
 * The strict way asks the parser for one token after the other. Here the text is walked through in
 * one loop, which leaves all that is wrong or rare to the strict way, and which remembers: items of
 * a list have the same keys, mostly in the same order, and values that come again. */
#include "lua_quick.h"

#include <string.h>

#include "scan.h"

/* What is nested deeper is rare. A text has to end so far behind a string for this to be compared
 * with what is known: SPARE bytes are read at once. */
enum { DEPTH = 32, SPARE = 64 };

/* Finding a string that Lua has already costs it a hash of all its bytes. So short strings that
 * come again are remembered: their text here, they themselves in the shared table, the keys first.
 * What is remembered of one lies in one line of the processor's cache, since the bytes of a list
 * drive out of it what is needed for each item. */
enum { KEYS = 512, VALUES = 512, LONGEST = 40, LINE = 64 };

/* Keys are found by their hash where the one before them does not tell. */
enum { PLACES = 1024 };

/* A value that has come again so often stays when as many others have come twice in its place.
 * Where so many values in a row were unknown, such as ids, those that follow are not looked for,
 * until the byte that counts them runs over. */
enum { LASTING = 3, STRANGE = 16 };

/* The sizes of containers are remembered up to this. */
enum { LARGEST = 128 };

struct known_key {
  char text[LINE - 8]; /* with the closing quote */
  uint8_t len;
  uint8_t members;       /* of the object that was its value */
  uint8_t items;         /* of the array */
  uint8_t strange;       /* values in a row that were not known */
  uint16_t next, inside; /* the key that came behind this one, and the first inside of its value */
};

struct known_value {
  char text[LINE - 6];
  uint8_t len;
  uint8_t hits;
  uint32_t last; /* of the hash of the one that was seen last: the second time it is kept */
};

struct rl_memory {
  /* In the order in which they were first seen, which is mostly that in which they come again. The
   * first is none, the last stands for what is around the whole text. */
  struct known_key keys[KEYS + 1];
  struct known_value values[VALUES];
  uint16_t places[PLACES]; /* numbers of keys */
  uint16_t newest;         /* key */
};

/* A container that is being read. */
struct level {
  int slot;          /* of the table on the stack */
  char close;        /* the bracket that ends it */
  uint16_t key;      /* whose value it is */
  uint16_t last;     /* the key that was read last; of an array that whose value it is */
  lua_Integer count; /* of items, or of members that are no null */
};

struct quick {
  lua_State *L;
  struct rl_memory *memory;
  struct rl_json *json;
  const char
      *end; /* before it lies a bracket, which ends every search for a byte other than blanks */
  int shared;
  int keep_nulls;
};

size_t rl_memory_size(void) {
  return sizeof(struct rl_memory) + LINE - 1;
}

int rl_memory_strings(void) {
  return KEYS + VALUES;
}

static inline const char *skip_blanks(const char *p) {
  while (rl_is_json_blank(*p))
    p++;
  return p;
}

/* `len` bytes, of which TEXT can be read on both sides. */
static inline int same_text(const char *a, const char *b, size_t len) {
#ifdef RL_SIMD
  size_t i;
  for (i = 0; i < len; i += 16)
    if (rl_differs(rl_load(a + i), rl_load(b + i), len - i))
      return 0;
  return 1;
#else
  return memcmp(a, b, len) == 0;
#endif
}

static inline uint64_t hash_of(const char *p, size_t len) {
  uint64_t a = 0, b = 0;
  if (len >= 8) {
    memcpy(&a, p, 8);
    memcpy(&b, p + len - 8, 8);
  } else if (len >= 4) {
    memcpy(&a, p, 4);
    memcpy(&b, p + len - 4, 4);
  } else {
    a = (unsigned char)p[0] | (uint64_t)(unsigned char)p[len / 2] << 8;
    b = (unsigned char)p[len - 1];
  }
  return (a ^ (b << 23 | b >> 41) ^ len) * UINT64_C(0x9E3779B97F4A7C15);
}

/* The string on top of the stack is the one of that number from now on. */
static void keep_string(const struct quick *q, int number) {
  lua_pushvalue(q->L, -1);
  lua_rawseti(q->L, q->shared, RL_SHARED_STRINGS + number);
}

/* Pushes a string that is the value of a key, or in its array; SPARE bytes can be read. */
static void push_text(struct quick *q, struct known_key *key, const char *text, size_t len) {
  struct known_value *value;
  uint64_t hash;
  uint32_t mark;
  int slot;
  if (len == 0 || len > LONGEST || key->strange >= STRANGE) {
    key->strange = (uint8_t)(key->strange + (key->strange >= STRANGE));
    lua_pushlstring(q->L, text, len);
    return;
  }
  hash = hash_of(text, len);
  mark = (uint32_t)(hash >> 20) | 1;
  slot = (int)(hash >> 52) % VALUES;
  value = &q->memory->values[slot];
  if (value->len == len && same_text(value->text, text, len)) {
    value->hits = (uint8_t)(value->hits + (value->hits < LASTING));
    key->strange = 0;
    lua_rawgeti(q->L, q->shared, RL_SHARED_STRINGS + KEYS + slot);
    return;
  }
  key->strange++;
  lua_pushlstring(q->L, text, len);
  if (value->last == mark && value->hits > 0) {
    value->hits--;
  } else if (value->last == mark) {
    keep_string(q, KEYS + slot);
    memcpy(value->text, text, len);
    value->len = (uint8_t)len;
  }
  value->last = mark;
}

static inline int is_key(const struct known_key *key, const char *text, size_t len) {
  return key->len == len && memcmp(key->text, text, len) == 0;
}

/* Pushes a key that was not the one expected, and returns its number. */
static int push_other_key(struct quick *q, const char *text, size_t len) {
  struct rl_memory *const m = q->memory;
  struct known_key *key;
  uint16_t *place;
  int slot;
  if (len == 0 || len > LONGEST) {
    lua_pushlstring(q->L, text, len);
    return KEYS;
  }
  place = &m->places[(hash_of(text, len) >> 52) % PLACES & ~1u];
  if (*place != 0 && !is_key(&m->keys[*place], text, len))
    place++; /* of two, the second gives way */
  if (is_key(&m->keys[*place], text, len)) {
    lua_rawgeti(q->L, q->shared, RL_SHARED_STRINGS + *place);
    return *place;
  }
  slot = m->newest % (KEYS - 1) + 1;
  key = &m->keys[slot];
  *place = m->newest = (uint16_t)slot;
  lua_pushlstring(q->L, text, len);
  keep_string(q, slot);
  memset(key, 0, sizeof *key);
  memcpy(key->text, text, len);
  key->text[len] = '"';
  key->len = (uint8_t)len;
  return slot;
}

/* Reads the key at `p` and its colon. */
static inline const char *read_key(struct quick *q, struct level *v, const char *p) {
  struct known_key *const before = &q->memory->keys[v->last];
  uint16_t *const expected = v->last == v->key && v->count == 0 ? &before->inside : &before->next;
  const struct known_key *const key = &q->memory->keys[*expected];
  if (*p != '"')
    return NULL;
  if (key->len > 0 && q->end - p > SPARE && same_text(p + 1, key->text, key->len + 1u)) {
    v->last = *expected;
    lua_rawgeti(q->L, q->shared, RL_SHARED_STRINGS + *expected);
    p += key->len + 2;
  } else {
    const char *const text = p + 1, *const stop = rl_skip_plain(text, q->end);
    if (stop == q->end)
      return NULL;
    if (*stop == '"') {
      v->last = (uint16_t)push_other_key(q, text, (size_t)(stop - text));
      p = stop + 1;
    } else {
      p = rl_json_string_at(q->json, p);
      if (p == NULL)
        return NULL;
      /* what it becomes may be another key's text: "a\"" is not a"" */
      lua_pushlstring(q->L, q->json->text, q->json->text_len);
      v->last = KEYS;
    }
    *expected = v->last;
  }
  p = skip_blanks(p);
  return *p == ':' ? skip_blanks(p + 1) : NULL;
}

static inline const char *read_string(struct quick *q, const struct level *v, const char *p) {
  const char *const stop = rl_skip_plain(p + 1, q->end);
  if (stop == q->end)
    return NULL;
  if (*stop == '"') {
    if (q->end - p > SPARE)
      push_text(q, &q->memory->keys[v->last], p + 1, (size_t)(stop - p - 1));
    else
      lua_pushlstring(q->L, p + 1, (size_t)(stop - p - 1));
    return stop + 1;
  }
  p = rl_json_string_at(q->json, p);
  if (p != NULL)
    lua_pushlstring(q->L, q->json->text, q->json->text_len);
  return p;
}

static const char *read_number(struct quick *q, const char *p) {
  struct rl_json *j = q->json;
  int whole;
  if (*p >= '1' && *p <= '9' && q->end - p > 20) {
    uint64_t n = (uint64_t)(*p - '0');
    const char *digit = p + 1;
    for (; (unsigned)(*digit - '0') < 10 && digit < p + 18; digit++)
      n = n * 10 + (uint64_t)(*digit - '0');
    if (*digit == ',' || *digit == '}' || *digit == ']') {
      rl_push_int64(q->L, (int64_t)n);
      return digit;
    }
  }
  if (*p != '-' && !(*p >= '0' && *p <= '9'))
    return NULL;
  p = rl_json_number_at(j, p, &whole);
  if (p == NULL)
    return NULL;
  if (whole)
    rl_push_int64(q->L, j->integer);
  else
    lua_pushnumber(q->L, (lua_Number)j->number);
  return p;
}

static inline int is_word(const struct quick *q, const char *p, const char *word, size_t len) {
  return (size_t)(q->end - p) > len && memcmp(p, word, len) == 0;
}

/* Pushes the value at `p`, which is no container. */
static inline const char *read_scalar(struct quick *q, struct level *v, const char *p) {
  switch (*p) {
  case '"':
    return read_string(q, v, p);
  case 't':
    lua_pushboolean(q->L, 1);
    return is_word(q, p, "true", 4) ? p + 4 : NULL;
  case 'f':
    lua_pushboolean(q->L, 0);
    return is_word(q, p, "false", 5) ? p + 5 : NULL;
  case 'n':
    if (v->close == '}' && !q->keep_nulls) {
      lua_pushnil(q->L);
      v->count--;
    } else {
      lua_pushlightuserdata(q->L, NULL);
    }
    return is_word(q, p, "null", 4) ? p + 4 : NULL;
  default:
    return read_number(q, p);
  }
}

static inline void open_level(struct quick *q, struct level *v, const char *p) {
  struct level *const around = v - 1;
  const struct known_key *const key = &q->memory->keys[around->last];
  const int empty = p[1] == '}' || p[1] == ']';
  v->key = v->last = around->last;
  v->count = 0;
  v->slot = around->slot + 1 + (around->close == '}'); /* above a key */
  if (*p == '[') {
    v->close = ']';
    lua_createtable(q->L, empty ? 0 : key->items, 0);
    lua_rawgeti(q->L, q->shared, RL_SHARED_ARRAY_MT);
    lua_setmetatable(q->L, v->slot);
  } else {
    v->close = '}';
    lua_createtable(q->L, 0, empty ? 0 : key->members);
  }
}

/* Sizes go up at once and down by and by. */
static inline void close_level(struct quick *q, const struct level *v) {
  struct known_key *const key = &q->memory->keys[v->key];
  uint8_t *const size = v->close == ']' ? &key->items : &key->members;
  const int count = v->count > LARGEST ? LARGEST : (int)v->count;
  *size = (uint8_t)(count >= *size ? count : *size - (*size - count + 3) / 4);
}

static inline void store(struct quick *q, struct level *v) {
  if (v->close == ']') {
    lua_rawseti(q->L, v->slot, ++v->count);
  } else {
    v->count++;
    lua_rawset(q->L, v->slot);
  }
}

static int decode(struct quick *q, const char *p) {
  struct level levels[DEPTH + 1], *v = levels;
  v->last = KEYS;
  v->close = 0;
  v->slot = lua_gettop(q->L);
  for (;;) {
    if (v->close == '}') {
      p = read_key(q, v, p);
      if (p == NULL)
        return 0;
    }
    if (*p == '{' || *p == '[') {
      if (v == levels + DEPTH)
        return 0;
      open_level(q, ++v, p);
      p = skip_blanks(p + 1);
      if (*p != v->close)
        continue;
      p++;
      v--;
    } else {
      p = read_scalar(q, v, p);
    }
    for (;;) {
      if (v == levels || p == q->end || p == NULL)
        return v == levels && p == q->end;
      store(q, v);
      p = skip_blanks(p);
      if (*p == ',')
        break;
      if (*p++ != v->close)
        return 0;
      close_level(q, v--);
    }
    p = skip_blanks(p + 1);
  }
}

/* Where in the block of rl_memory_size bytes the first line begins. */
static struct rl_memory *first_line(struct rl_memory *block) {
  const size_t into = (uintptr_t)block % LINE;
  return (struct rl_memory *)(void *)((char *)block + (into > 0 ? LINE - into : 0));
}

int rl_quick_decode(lua_State *L, int shared, struct rl_memory *memory, struct rl_json *j,
                    const char *data, size_t len, int keep_nulls) {
  const char *p = data, *end = data + len;
  struct quick q;
  while (p < end && rl_is_json_blank(*p))
    p++;
  while (p < end && rl_is_json_blank(end[-1]))
    end--;
  if (end - p < 2 || (*p != '{' && *p != '[') || (end[-1] != '}' && end[-1] != ']'))
    return 0;
  if (!lua_checkstack(L, 3 * DEPTH + LUA_MINSTACK))
    return 0;
  q.L = L;
  q.memory = first_line(memory);
  q.json = j;
  q.end = end;
  q.shared = shared;
  q.keep_nulls = keep_nulls;
  return decode(&q, p);
}
