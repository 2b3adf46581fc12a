/* scan.c: what 64 bytes of a text are, in the best way that the processor has. */
#include "scan.h"

#ifdef RL_SIMD_64

/* Of text in which nothing is sought but its structure. */
struct masks {
  uint64_t quotes, backslashes, brackets;
};

/* Of a string. `stops`: quotes and control characters; high: some byte is not ASCII. */
struct string_masks {
  uint64_t backslashes, stops;
  int high;
};

/* Blocks whose escapes are undone in one go, and bytes that are copied in one. */
enum { BLOCKS = 16, COPIED = 128 };

/* What a processor does in its own way; the loops below are made once for each. */
struct block {
  void (*string)(const char *p, struct string_masks *m);
  int (*ill_formed)(const char *p);
  /* Writes the places of the bits behind `base`, and perhaps some more. Returns behind the last. */
  uint32_t *(*places)(uint32_t *to, uint64_t bits, uint32_t base);
  void (*copy)(char *out, const char *p); /* COPIED bytes */
  void (*structure)(const char *p, struct masks *m);
  /* each bit becomes the parity of those up to it: from a quote to the next, strings have ones */
  uint64_t (*parity)(uint64_t bits);
};
#define INLINE static inline __attribute__((always_inline))

INLINE const char *walk(const struct block *block, const char *p, const char *stop,
                        struct rl_structure *s) {
  uint64_t escaped = s->escaped, inside = s->inside;
  s->brackets = 0;
  for (; stop - p >= 64 && s->brackets == 0; p += 64) {
    struct masks m;
    uint64_t carry = escaped, strings;
    block->structure(p, &m);
    /* without a branch, which would be missed every other time */
    strings = block->parity(m.quotes & ~rl_find_escaped(m.backslashes, &carry)) ^ inside;
    if ((m.backslashes & ~strings) != 0)
      break;
    s->brackets = m.brackets & ~strings;
    escaped = carry;
    inside = (uint64_t)0 - (strings >> 63);
  }
  s->escaped = escaped;
  s->inside = inside;
  return s->brackets != 0 ? p - 64 : p;
}

INLINE const char *close_string(const struct block *block, const char *p, const char *stop,
                                uint64_t *escaped, int *closed) {
  uint64_t carry = *escaped;
  for (*closed = 0; stop - p >= 64; p += 64) {
    struct masks m;
    uint64_t quotes;
    block->structure(p, &m);
    quotes = m.quotes & ~rl_find_escaped(m.backslashes, &carry);
    if (quotes != 0) {
      *closed = 1;
      return p + __builtin_ctzll(quotes) + 1;
    }
  }
  *escaped = carry;
  return p;
}

/* What lies in blocks that are read together. */
struct piece {
  uint32_t escapes[BLOCKS * 32 + 4]; /* where backslashes stand that escape something */
  uint32_t *last;                    /* behind the last of these */
  uint32_t len;
  int stopped; /* a quote or a control character is behind it */
};

/* Reads up to `blocks` of them. Returns 0 when they are not all UTF-8. */
INLINE int read_blocks(const struct block *block, const char *p, uint32_t blocks, struct piece *v) {
  uint64_t carry = 0, stops;
  uint32_t base = 0, high = 0;
  v->last = v->escapes;
  do {
    struct string_masks m;
    uint64_t escaped;
    block->string(p + base, &m);
    escaped = m.backslashes << 1 | carry;
    if ((m.backslashes & escaped) != 0)
      escaped = rl_find_escaped(m.backslashes, &carry);
    else
      carry = m.backslashes >> 63;
    stops = m.stops & ~escaped;
    v->last = block->places(v->last, m.backslashes & ~escaped & (stops ^ (stops - 1)), base);
    high = high << 1 | (uint32_t)m.high;
    base += 64;
  } while (stops == 0 && base < 64 * blocks);
  v->stopped = stops != 0;
  v->len = v->stopped ? base - 64 + (uint32_t)__builtin_ctzll(stops) : base;
  /* what follows one that is not ASCII shows that its last character is whole */
  for (high |= high >> 1; high != 0; high &= high - 1)
    if (block->ill_formed(p + base - 64 * ((uint32_t)__builtin_ctz(high) + 1)))
      return 0;
  if (!v->stopped) {
    if (carry != 0) { /* what the last one escapes lies behind it */
      v->last--;
      v->len--;
    } else {
      v->len -= (uint32_t)rl_cut_off(p + base);
    }
  }
  return 1;
}

INLINE char *copy(const struct block *block, char *out, const char *p, size_t n) {
  block->copy(out, p);
  if (n > COPIED)
    memcpy(out + COPIED, p + COPIED, n - COPIED);
  return out + n;
}

/* A branch for each escape would be missed about once a block. So their places are found first, and
 * what lies between two is copied in one way whatever its length. */
INLINE const char *rewrite(const struct block *block, const char *p, const char *stop, char **at,
                           int wary) {
  uint32_t most = wary ? 1 : BLOCKS;
  char *out = *at;
  if (((unsigned char)*p & 0xC0) == 0x80)
    return p; /* behind what is ill-formed itself it could look right */
  while (p < stop) {
    const size_t left = (size_t)(stop - p + 63) / 64;
    const char *done = p;
    const uint32_t *place;
    struct piece v;
    if (!read_blocks(block, p, left < most ? (uint32_t)left : most, &v)) {
      if (most == 1)
        break;
      most = 1;
      continue;
    }
    for (place = v.escapes; place < v.last; place++) {
      const char *const escape = p + *place;
      const char c = rl_escapes[(unsigned char)escape[1]];
      out = copy(block, out, done, (size_t)(escape - done));
      if (c == 0) {
        *at = out;
        return escape;
      }
      *out++ = c;
      done = escape + 2;
    }
    p += v.len;
    out = copy(block, out, done, (size_t)(p - done));
    if (v.stopped)
      break;
    most = BLOCKS;
  }
  *at = out;
  return p;
}

static __m128i from(rl_block b, unsigned char c) {
  return _mm_cmpeq_epi8(_mm_max_epu8(b, _mm_set1_epi8((char)c)), b);
}

static __m128i is(rl_block b, unsigned char c) {
  return _mm_cmpeq_epi8(b, _mm_set1_epi8((char)c));
}

INLINE void text_sse2(const char *p, struct rl_text_masks *m) {
  const rl_block b[4] = {rl_load(p), rl_load(p + 16), rl_load(p + 32), rl_load(p + 48)};
  m->quotes = rl_equal_64(b, '"');
  m->backslashes = rl_equal_64(b, '\\');
  m->controls = ~rl_join_64(from(b[0], ' '), from(b[1], ' '), from(b[2], ' '), from(b[3], ' '));
  m->high = rl_join_64(b[0], b[1], b[2], b[3]);
}

static inline void string_sse2(const char *p, struct string_masks *m) {
  struct rl_text_masks t;
  text_sse2(p, &t);
  m->backslashes = t.backslashes;
  m->stops = t.quotes | t.controls;
  m->high = t.high != 0;
}

static int ill_formed_sse2(const char *p) {
  __m128i wrong = _mm_setzero_si128();
  int i;
  for (i = 0; i < 64; i += 16) {
    const rl_block b = rl_load(p + i), before = rl_load(p + i - 1);
    const __m128i continues = _mm_andnot_si128(from(b, 0xC0), b); /* in the highest bit */
    const __m128i has_to =
        _mm_or_si128(from(before, 0xC0),
                     _mm_or_si128(from(rl_load(p + i - 2), 0xE0), from(rl_load(p + i - 3), 0xF0)));
    const __m128i never =
        _mm_or_si128(_mm_andnot_si128(from(b, 0xC2), from(b, 0xC0)), from(b, 0xF5));
    /* the second byte's range keeps out overlong forms, surrogates and what is beyond U+10FFFF */
    const __m128i low = _mm_or_si128(_mm_andnot_si128(from(b, 0xA0), is(before, 0xE0)),
                                     _mm_andnot_si128(from(b, 0x90), is(before, 0xF0)));
    const __m128i large = _mm_or_si128(_mm_and_si128(from(b, 0xA0), is(before, 0xED)),
                                       _mm_and_si128(from(b, 0x90), is(before, 0xF4)));
    wrong = _mm_or_si128(wrong, _mm_xor_si128(continues, has_to));
    wrong = _mm_or_si128(wrong, _mm_or_si128(never, _mm_or_si128(low, large)));
  }
  return _mm_movemask_epi8(wrong) != 0;
}

static inline uint32_t *places_sse2(uint32_t *to, uint64_t bits, uint32_t base) {
  for (; bits != 0; bits &= bits - 1)
    *to++ = base + (uint32_t)__builtin_ctzll(bits);
  return to;
}

static inline void copy_sse2(char *out, const char *p) {
  memcpy(out, p, COPIED);
}

static __m128i is_bracket(rl_block b) {
  __m128i folded = _mm_or_si128(b, _mm_set1_epi8(0x20)); /* '[' is '{' then, and ']' is '}' */
  return _mm_or_si128(is(folded, '{'), is(folded, '}'));
}

static inline void structure_sse2(const char *p, struct masks *m) {
  const rl_block b[4] = {rl_load(p), rl_load(p + 16), rl_load(p + 32), rl_load(p + 48)};
  m->quotes = rl_equal_64(b, '"');
  m->backslashes = rl_equal_64(b, '\\');
  m->brackets = rl_join_64(is_bracket(b[0]), is_bracket(b[1]), is_bracket(b[2]), is_bracket(b[3]));
}

static inline uint64_t parity_sse2(uint64_t bits) {
  bits ^= bits << 1;
  bits ^= bits << 2;
  bits ^= bits << 4;
  bits ^= bits << 8;
  bits ^= bits << 16;
  return bits ^ bits << 32;
}

static const struct block block_sse2 = {string_sse2, ill_formed_sse2, places_sse2,
                                        copy_sse2,   structure_sse2,  parity_sse2};

static const char *walk_sse2(const char *p, const char *stop, struct rl_structure *s) {
  return walk(&block_sse2, p, stop, s);
}

static const char *close_sse2(const char *p, const char *stop, uint64_t *escaped, int *closed) {
  return close_string(&block_sse2, p, stop, escaped, closed);
}

static const char *rewrite_sse2(const char *p, const char *stop, char **at, int wary) {
  return rewrite(&block_sse2, p, stop, at, wary);
}

static const struct rl_scanner sse2 = {text_sse2, ill_formed_sse2, walk_sse2, close_sse2,
                                       rewrite_sse2};

#if defined(__x86_64__) && !defined(RL_NO_AVX2)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,bmi,pclmul,popcnt")))

struct half {
  __m256i a, b;
};

static inline AVX2 __m256i load_32(const char *p) {
  return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline AVX2 struct half load(const char *p) {
  const struct half h = {load_32(p), load_32(p + 32)};
  return h;
}

static inline AVX2 uint64_t join(__m256i a, __m256i b) {
  return (uint64_t)(uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b)
                                                           << 32;
}

static inline AVX2 uint64_t equal(struct half h, unsigned char c) {
  const __m256i like = _mm256_set1_epi8((char)c);
  return join(_mm256_cmpeq_epi8(h.a, like), _mm256_cmpeq_epi8(h.b, like));
}

static inline AVX2 uint64_t at_least(struct half h, unsigned char c) {
  const __m256i least = _mm256_set1_epi8((char)c);
  return join(_mm256_cmpeq_epi8(_mm256_max_epu8(h.a, least), h.a),
              _mm256_cmpeq_epi8(_mm256_max_epu8(h.b, least), h.b));
}

static inline AVX2 void text_avx2(const char *p, struct rl_text_masks *m) {
  const struct half h = load(p);
  m->quotes = equal(h, '"');
  m->backslashes = equal(h, '\\');
  m->controls = ~at_least(h, ' ');
  m->high = join(h.a, h.b);
}

static inline AVX2 void string_avx2(const char *p, struct string_masks *m) {
  /* with that bit turned round a quote comes next to the control characters, and, as signed bytes,
   * these come first */
  const __m256i turn = _mm256_set1_epi8((char)(0x80 | 2)), behind = _mm256_set1_epi8((char)0xA1);
  const struct half h = load(p);
  m->backslashes = equal(h, '\\');
  m->stops = join(_mm256_cmpgt_epi8(behind, _mm256_xor_si256(h.a, turn)),
                  _mm256_cmpgt_epi8(behind, _mm256_xor_si256(h.b, turn)));
  m->high = _mm256_movemask_epi8(_mm256_or_si256(h.a, h.b)) != 0;
}

/* What is wrong with two bytes that follow each other: the first one's upper half allows for some
 * of this, so does its lower half, and so does the second one's upper half. What all three do is
 * so. */
enum {
  SHORT = 1 << 0,      /* a lead, and nothing that continues it */
  LONG = 1 << 1,       /* what continues, and no lead */
  OVERLONG_2 = 1 << 2, /* of so many bytes */
  OVERLONG_3 = 1 << 3,
  SURROGATE = 1 << 4,
  BEYOND = 1 << 5, /* U+10FFFF */
  FOUR = 1 << 6,   /* leads of four bytes of which the second is 80 to 8F: overlong, or beyond */
  TWO = 1 << 7,    /* both continue, which is right behind a lead of three or four bytes */
  ALWAYS = SHORT | LONG | TWO
};
static const uint8_t first_upper[16] = {
    LONG,
    LONG,
    LONG,
    LONG,
    LONG,
    LONG,
    LONG,
    LONG,
    TWO,
    TWO,
    TWO,
    TWO,
    SHORT | OVERLONG_2,
    SHORT,
    SHORT | OVERLONG_3 | SURROGATE,
    SHORT | BEYOND | FOUR,
};
static const uint8_t first_lower[16] = {
    ALWAYS | OVERLONG_2 | OVERLONG_3 | FOUR,
    ALWAYS | OVERLONG_2,
    ALWAYS,
    ALWAYS,
    ALWAYS | BEYOND,
    ALWAYS | BEYOND | FOUR,
    ALWAYS | BEYOND | FOUR,
    ALWAYS | BEYOND | FOUR,
    ALWAYS | BEYOND | FOUR,
    ALWAYS | BEYOND | FOUR,
    ALWAYS | BEYOND | FOUR,
    ALWAYS | BEYOND | FOUR,
    ALWAYS | BEYOND | FOUR,
    ALWAYS | BEYOND | FOUR | SURROGATE,
    ALWAYS | BEYOND | FOUR,
    ALWAYS | BEYOND | FOUR,
};
static const uint8_t second_upper[16] = {
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
    LONG | TWO | OVERLONG_2 | OVERLONG_3 | FOUR,
    LONG | TWO | OVERLONG_2 | OVERLONG_3 | BEYOND,
    LONG | TWO | OVERLONG_2 | SURROGATE | BEYOND,
    LONG | TWO | OVERLONG_2 | SURROGATE | BEYOND,
    SHORT,
    SHORT,
    SHORT,
    SHORT,
};

static inline AVX2 __m256i look_up(const uint8_t *table, __m256i halves) {
  const __m128i t = _mm_loadu_si128((const __m128i *)(const void *)table);
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(t), halves);
}

/* Bits in the bytes that make 32 ill-formed. */
static inline AVX2 __m256i wrong(const char *p) {
  const __m256i b = load_32(p), before = load_32(p - 1), low = _mm256_set1_epi8(15);
  const __m256i third = _mm256_subs_epu8(load_32(p - 2), _mm256_set1_epi8(0xE0 - 0x80));
  const __m256i fourth = _mm256_subs_epu8(load_32(p - 3), _mm256_set1_epi8(0xF0 - 0x80));
  const __m256i has_to =
      _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)TWO));
  const __m256i upper = look_up(first_upper, _mm256_and_si256(_mm256_srli_epi16(before, 4), low));
  const __m256i lower = look_up(first_lower, _mm256_and_si256(before, low));
  const __m256i second = look_up(second_upper, _mm256_and_si256(_mm256_srli_epi16(b, 4), low));
  return _mm256_xor_si256(_mm256_and_si256(_mm256_and_si256(upper, lower), second), has_to);
}

static inline AVX2 int ill_formed_avx2(const char *p) {
  const __m256i w = _mm256_or_si256(wrong(p), wrong(p + 32));
  return !_mm256_testz_si256(w, w);
}

static inline AVX2 uint64_t place(uint32_t *to, uint64_t bits, uint32_t base) {
  *to = base + (uint32_t)_tzcnt_u64(bits);
  return _blsr_u64(bits);
}

static inline AVX2 uint32_t *places_avx2(uint32_t *to, uint64_t bits, uint32_t base) {
  uint32_t *const behind = to + _mm_popcnt_u64(bits);
  bits = place(to, bits, base);
  bits = place(to + 1, bits, base);
  bits = place(to + 2, bits, base);
  bits = place(to + 3, bits, base);
  for (to += 4; to < behind; to++)
    bits = place(to, bits, base);
  return behind;
}

static inline AVX2 void copy_avx2(char *out, const char *p) {
  int i;
  for (i = 0; i < COPIED; i += 32)
    _mm256_storeu_si256((__m256i *)(void *)(out + i), load_32(p + i));
}

static inline AVX2 __m256i is_bracket_avx2(__m256i b) {
  const __m256i folded = _mm256_or_si256(b, _mm256_set1_epi8(0x20));
  return _mm256_or_si256(_mm256_cmpeq_epi8(folded, _mm256_set1_epi8('{')),
                         _mm256_cmpeq_epi8(folded, _mm256_set1_epi8('}')));
}

static inline AVX2 void structure_avx2(const char *p, struct masks *m) {
  const struct half h = load(p);
  m->quotes = equal(h, '"');
  m->backslashes = equal(h, '\\');
  m->brackets = join(is_bracket_avx2(h.a), is_bracket_avx2(h.b));
}

static inline AVX2 uint64_t parity_avx2(uint64_t bits) {
  const __m128i all = _mm_set1_epi8((char)0xFF);
  return (uint64_t)_mm_cvtsi128_si64(
      _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)bits), all, 0));
}

static const struct block block_avx2 = {string_avx2, ill_formed_avx2, places_avx2,
                                        copy_avx2,   structure_avx2,  parity_avx2};

static AVX2 const char *walk_avx2(const char *p, const char *stop, struct rl_structure *s) {
  return walk(&block_avx2, p, stop, s);
}

static AVX2 const char *close_avx2(const char *p, const char *stop, uint64_t *escaped,
                                   int *closed) {
  return close_string(&block_avx2, p, stop, escaped, closed);
}

static AVX2 const char *rewrite_avx2(const char *p, const char *stop, char **at, int wary) {
  return rewrite(&block_avx2, p, stop, at, wary);
}

static const struct rl_scanner avx2 = {text_avx2, ill_formed_avx2, walk_avx2, close_avx2,
                                       rewrite_avx2};
#endif

const struct rl_scanner *rl_scanner(void) {
#if defined(__x86_64__) && !defined(RL_NO_AVX2)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("popcnt"))
    return &avx2;
#endif
  return &sse2;
}

#else
/* ISO C wants something in every file. */
typedef int rl_no_scanner;
#endif
