/* scan.c: what 64 bytes of a text are, in the best way that the processor has. */
#include "scan.h"

#ifdef RL_SIMD_64

/* Of text in which nothing is sought but its structure. */
struct masks {
  uint64_t quotes, backslashes, brackets;
};

/* What a processor does in its own way; the loops below are made once for each. */
struct block {
  void (*text)(const char *p, struct rl_text_masks *m);
  void (*utf8)(const char *p, struct rl_utf8_masks *m);
  void (*structure)(const char *p, struct masks *m);
  /* each bit becomes the parity of those up to it: from a quote to the next, strings have ones */
  uint64_t (*parity)(uint64_t bits);
};
#define INLINE static inline __attribute__((always_inline))

/* See rl_whole_utf8. */
INLINE int whole_utf8(const struct rl_utf8_masks *m, const char *p, uint64_t high, int len,
                      int ends) {
  uint64_t low = len < 64 ? ((uint64_t)1 << len) - 1 : ~(uint64_t)0, wrong, open, narrow;
  /* where a byte has to continue a character, and does not, or the other way round */
  wrong = (m->two << 1 | m->three << 2 | m->four << 3) ^ (high & ~m->lead);
  if (!ends) {
    open = (m->two & (uint64_t)1 << 63) | (m->three & (uint64_t)1 << 62) |
           (m->four & (uint64_t)1 << 61);
    if (open != 0) {
      len = __builtin_ctzll(open);
      low = ((uint64_t)1 << len) - 1;
    }
  }
  wrong &= low << 1 | 1; /* and the byte behind, which the last of them may lack */
  wrong |= ((m->lead & ~m->two) | m->beyond) & low;
  if (wrong != 0)
    return -1;
  for (narrow = m->narrow & low; narrow != 0; narrow &= narrow - 1)
    if (rl_utf8_length(p + __builtin_ctzll(narrow), p + 64) < 0)
      return -1;
  return len;
}

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

INLINE const char *rewrite(const struct block *block, const char *p, const char *stop, char **at) {
  char *out = *at;
  while (p < stop) {
    struct rl_text_masks m;
    uint64_t carry = 0, escaped, starters, stops, low;
    int len = 64, done = 0, ends;
    block->text(p, &m);
    escaped = rl_find_escaped(m.backslashes, &carry);
    starters = m.backslashes & ~escaped;
    stops = (m.quotes & ~escaped) | m.controls;
    if (stops != 0)
      len = __builtin_ctzll(stops);
    else if (carry != 0)
      len = 63; /* what the last backslash escapes lies in the next block */
    ends = len < 64;
    low = ends ? ((uint64_t)1 << len) - 1 : ~(uint64_t)0;
    if ((m.high & low) != 0) {
      struct rl_utf8_masks u;
      block->utf8(p, &u);
      len = whole_utf8(&u, p, m.high, len, ends);
      if (len < 0)
        break;
      low = len < 64 ? ((uint64_t)1 << len) - 1 : low;
    }
    for (starters &= low; starters != 0; starters &= starters - 1) {
      const int i = __builtin_ctzll(starters);
      const char c = rl_escapes[(unsigned char)p[i + 1]];
      memcpy(out, p + done, 64);
      out += i - done;
      if (c == 0) {
        *at = out;
        return p + i;
      }
      *out++ = c;
      done = i + 2;
    }
    memcpy(out, p + done, 64);
    out += len - done;
    p += len;
    if (stops != 0)
      break;
  }
  *at = out;
  return p;
}

static uint64_t at_least_64(const rl_block *b, unsigned char c) {
  const __m128i least = _mm_set1_epi8((char)c);
  return rl_join_64(_mm_cmpeq_epi8(_mm_max_epu8(b[0], least), b[0]),
                    _mm_cmpeq_epi8(_mm_max_epu8(b[1], least), b[1]),
                    _mm_cmpeq_epi8(_mm_max_epu8(b[2], least), b[2]),
                    _mm_cmpeq_epi8(_mm_max_epu8(b[3], least), b[3]));
}

static inline void text_sse2(const char *p, struct rl_text_masks *m) {
  const rl_block b[4] = {rl_load(p), rl_load(p + 16), rl_load(p + 32), rl_load(p + 48)};
  m->quotes = rl_equal_64(b, '"');
  m->backslashes = rl_equal_64(b, '\\');
  m->controls = ~at_least_64(b, ' ');
  m->high = rl_join_64(b[0], b[1], b[2], b[3]);
}

static inline void utf8_sse2(const char *p, struct rl_utf8_masks *m) {
  const rl_block b[4] = {rl_load(p), rl_load(p + 16), rl_load(p + 32), rl_load(p + 48)};
  m->lead = at_least_64(b, 0xC0);
  m->two = at_least_64(b, 0xC2);
  m->three = at_least_64(b, 0xE0);
  m->four = at_least_64(b, 0xF0);
  m->beyond = at_least_64(b, 0xF5);
  m->narrow = rl_equal_64(b, (char)0xE0) | rl_equal_64(b, (char)0xED) | rl_equal_64(b, (char)0xF0) |
              rl_equal_64(b, (char)0xF4);
}

static __m128i is_bracket(rl_block b) {
  __m128i folded = _mm_or_si128(b, _mm_set1_epi8(0x20)); /* '[' is '{' then, and ']' is '}' */
  return _mm_or_si128(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')),
                      _mm_cmpeq_epi8(folded, _mm_set1_epi8('}')));
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

static const struct block block_sse2 = {text_sse2, utf8_sse2, structure_sse2, parity_sse2};

static const char *walk_sse2(const char *p, const char *stop, struct rl_structure *s) {
  return walk(&block_sse2, p, stop, s);
}

static const char *close_sse2(const char *p, const char *stop, uint64_t *escaped, int *closed) {
  return close_string(&block_sse2, p, stop, escaped, closed);
}

static const char *rewrite_sse2(const char *p, const char *stop, char **at) {
  return rewrite(&block_sse2, p, stop, at);
}

static const struct rl_scanner sse2 = {text_sse2, utf8_sse2, walk_sse2, close_sse2, rewrite_sse2};

#if defined(__x86_64__) && !defined(RL_NO_AVX2)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2,bmi,pclmul")))

struct half {
  __m256i a, b;
};

static inline AVX2 struct half load(const char *p) {
  struct half h;
  h.a = _mm256_loadu_si256((const __m256i *)(const void *)p);
  h.b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
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

static inline AVX2 void utf8_avx2(const char *p, struct rl_utf8_masks *m) {
  const struct half h = load(p);
  m->lead = at_least(h, 0xC0);
  m->two = at_least(h, 0xC2);
  m->three = at_least(h, 0xE0);
  m->four = at_least(h, 0xF0);
  m->beyond = at_least(h, 0xF5);
  m->narrow = equal(h, 0xE0) | equal(h, 0xED) | equal(h, 0xF0) | equal(h, 0xF4);
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

static const struct block block_avx2 = {text_avx2, utf8_avx2, structure_avx2, parity_avx2};

static AVX2 const char *walk_avx2(const char *p, const char *stop, struct rl_structure *s) {
  return walk(&block_avx2, p, stop, s);
}

static AVX2 const char *close_avx2(const char *p, const char *stop, uint64_t *escaped,
                                   int *closed) {
  return close_string(&block_avx2, p, stop, escaped, closed);
}

static AVX2 const char *rewrite_avx2(const char *p, const char *stop, char **at) {
  return rewrite(&block_avx2, p, stop, at);
}

static const struct rl_scanner avx2 = {text_avx2, utf8_avx2, walk_avx2, close_avx2, rewrite_avx2};
#endif

const struct rl_scanner *rl_scanner(void) {
#if defined(__x86_64__) && !defined(RL_NO_AVX2)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("pclmul"))
    return &avx2;
#endif
  return &sse2;
}

int rl_whole_utf8(const struct rl_scanner *scanner, const char *p, uint64_t high, int len,
                  int ends) {
  struct rl_utf8_masks m;
  scanner->utf8(p, &m);
  return whole_utf8(&m, p, high, len, ends);
}

#else
/* ISO C wants something in every file. */
typedef int rl_no_scanner;
#endif
