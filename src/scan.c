/* scan.c: what 64 bytes of a text are, in the best way that the processor has. */
#include "scan.h"

#ifdef RL_SIMD_64

static uint64_t at_least_64(const rl_block *b, unsigned char c) {
  const __m128i least = _mm_set1_epi8((char)c);
  return rl_join_64(_mm_cmpeq_epi8(_mm_max_epu8(b[0], least), b[0]),
                    _mm_cmpeq_epi8(_mm_max_epu8(b[1], least), b[1]),
                    _mm_cmpeq_epi8(_mm_max_epu8(b[2], least), b[2]),
                    _mm_cmpeq_epi8(_mm_max_epu8(b[3], least), b[3]));
}

static void text_sse2(const char *p, struct rl_text_masks *m) {
  const rl_block b[4] = {rl_load(p), rl_load(p + 16), rl_load(p + 32), rl_load(p + 48)};
  m->quotes = rl_equal_64(b, '"');
  m->backslashes = rl_equal_64(b, '\\');
  m->controls = ~at_least_64(b, ' ');
  m->high = rl_join_64(b[0], b[1], b[2], b[3]);
}

static void utf8_sse2(const char *p, struct rl_utf8_masks *m) {
  const rl_block b[4] = {rl_load(p), rl_load(p + 16), rl_load(p + 32), rl_load(p + 48)};
  m->lead = at_least_64(b, 0xC0);
  m->two = at_least_64(b, 0xC2);
  m->three = at_least_64(b, 0xE0);
  m->four = at_least_64(b, 0xF0);
  m->beyond = at_least_64(b, 0xF5);
  m->narrow = rl_equal_64(b, (char)0xE0) | rl_equal_64(b, (char)0xED) | rl_equal_64(b, (char)0xF0) |
              rl_equal_64(b, (char)0xF4);
}

static const struct rl_scanner sse2 = {text_sse2, utf8_sse2};

#if defined(__x86_64__) && !defined(RL_NO_AVX2)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2")))

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

static AVX2 void text_avx2(const char *p, struct rl_text_masks *m) {
  const struct half h = load(p);
  m->quotes = equal(h, '"');
  m->backslashes = equal(h, '\\');
  m->controls = ~at_least(h, ' ');
  m->high = join(h.a, h.b);
}

static AVX2 void utf8_avx2(const char *p, struct rl_utf8_masks *m) {
  const struct half h = load(p);
  m->lead = at_least(h, 0xC0);
  m->two = at_least(h, 0xC2);
  m->three = at_least(h, 0xE0);
  m->four = at_least(h, 0xF0);
  m->beyond = at_least(h, 0xF5);
  m->narrow = equal(h, 0xE0) | equal(h, 0xED) | equal(h, 0xF0) | equal(h, 0xF4);
}

static const struct rl_scanner avx2 = {text_avx2, utf8_avx2};
#endif

const struct rl_scanner *rl_scanner(void) {
#if defined(__x86_64__) && !defined(RL_NO_AVX2)
  if (__builtin_cpu_supports("avx2"))
    return &avx2;
#endif
  return &sse2;
}

int rl_whole_utf8(const struct rl_scanner *scanner, const char *p, uint64_t high, int len,
                  int ends) {
  struct rl_utf8_masks m;
  uint64_t low = len < 64 ? ((uint64_t)1 << len) - 1 : ~(uint64_t)0, wrong, open, narrow;
  scanner->utf8(p, &m);
  /* where a byte has to continue a character, and does not, or the other way round */
  wrong = (m.two << 1 | m.three << 2 | m.four << 3) ^ (high & ~m.lead);
  if (!ends) {
    open =
        (m.two & (uint64_t)1 << 63) | (m.three & (uint64_t)1 << 62) | (m.four & (uint64_t)1 << 61);
    if (open != 0) {
      len = __builtin_ctzll(open);
      low = ((uint64_t)1 << len) - 1;
    }
  }
  wrong &= low << 1 | 1; /* and the byte behind, which the last of them may lack */
  wrong |= ((m.lead & ~m.two) | m.beyond) & low;
  if (wrong != 0)
    return -1;
  for (narrow = m.narrow & low; narrow != 0; narrow &= narrow - 1)
    if (rl_utf8_length(p + __builtin_ctzll(narrow), p + 64) < 0)
      return -1;
  return len;
}

#else
/* ISO C wants something in every file. */
typedef int rl_no_scanner;
#endif
