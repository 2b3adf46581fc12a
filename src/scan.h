/* scan.h: finds the bytes of a JSON string, or of a line, that need a look, 16 at a time where that
 * can be done, and takes that look where they are UTF-8.
 *
 * RL_NO_SIMD forces the portable way, RL_NO_AVX2 that of every x86 processor. */
#ifndef RL_SCAN_H
#define RL_SCAN_H

#include <stdint.h>
#include <string.h>

#if !defined(RL_NO_SIMD) && defined(__GNUC__) && defined(__SSE2__)
#include <emmintrin.h>
#define RL_SIMD

typedef __m128i rl_block;
typedef unsigned rl_mask; /* one bit a byte */

static inline rl_block rl_load(const char *p) {
  return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void rl_store(char *p, rl_block b) {
  _mm_storeu_si128((__m128i *)(void *)p, b);
}

/* Quotes, backslashes, control characters and what is not ASCII. */
static inline rl_mask rl_special(rl_block b) {
  /* as signed bytes, those from 0x80 on are below the space too */
  __m128i low = _mm_cmplt_epi8(b, _mm_set1_epi8(' '));
  __m128i quote = _mm_cmpeq_epi8(b, _mm_set1_epi8('"'));
  __m128i backslash = _mm_cmpeq_epi8(b, _mm_set1_epi8('\\'));
  return (rl_mask)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, backslash)));
}

/* Quotes and backslashes. */
static inline rl_mask rl_string_end(rl_block b) {
  __m128i quote = _mm_cmpeq_epi8(b, _mm_set1_epi8('"'));
  __m128i backslash = _mm_cmpeq_epi8(b, _mm_set1_epi8('\\'));
  return (rl_mask)_mm_movemask_epi8(_mm_or_si128(quote, backslash));
}

/* CR and LF. */
static inline rl_mask rl_line_end(rl_block b) {
  __m128i cr = _mm_cmpeq_epi8(b, _mm_set1_epi8('\r'));
  __m128i lf = _mm_cmpeq_epi8(b, _mm_set1_epi8('\n'));
  return (rl_mask)_mm_movemask_epi8(_mm_or_si128(cr, lf));
}

static inline int rl_first(rl_mask m) {
  return __builtin_ctz(m);
}

/* Whether the first `n` bytes are not the same; of more than all, all count. */
static inline int rl_differs(rl_block a, rl_block b, size_t n) {
  const rl_mask same = (rl_mask)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b));
  return (~same & (n < 16 ? (1u << n) - 1 : 0xFFFFu)) != 0;
}

/* What 64 bytes hold, one bit a byte, the first byte's the lowest. */
#define RL_SIMD_64

static inline uint64_t rl_join_64(__m128i a, __m128i b, __m128i c, __m128i d) {
  return (uint64_t)(unsigned)_mm_movemask_epi8(a) | (uint64_t)(unsigned)_mm_movemask_epi8(b) << 16 |
         (uint64_t)(unsigned)_mm_movemask_epi8(c) << 32 |
         (uint64_t)(unsigned)_mm_movemask_epi8(d) << 48;
}

static inline uint64_t rl_equal_64(const rl_block *b, char c) {
  const __m128i like = _mm_set1_epi8(c);
  return rl_join_64(_mm_cmpeq_epi8(b[0], like), _mm_cmpeq_epi8(b[1], like),
                    _mm_cmpeq_epi8(b[2], like), _mm_cmpeq_epi8(b[3], like));
}

/* The bytes that a backslash before them makes plain characters. `*carry`: the last backslash of
 * the bytes before is one of those that do; then the same of these 64 bytes. In a run of
 * backslashes every other one counts, which an addition finds out: the carry runs through the run.
 */
static inline uint64_t rl_find_escaped(uint64_t backslashes, uint64_t *carry) {
  const uint64_t even = 0x5555555555555555u;
  uint64_t behind, odd_starts, even_ends;
  backslashes &= ~*carry;
  behind = backslashes << 1 | *carry;
  odd_starts = backslashes & ~even & ~behind;
  even_ends = odd_starts + backslashes;
  *carry = even_ends < odd_starts;
  return (even ^ even_ends << 1) & behind;
}

#elif !defined(RL_NO_SIMD) && defined(__GNUC__) && defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#define RL_SIMD

typedef uint8x16_t rl_block;
typedef uint64_t rl_mask; /* four bits a byte, since there is no movemask */

static inline rl_block rl_load(const char *p) {
  return vld1q_u8((const uint8_t *)p);
}

static inline void rl_store(char *p, rl_block b) {
  vst1q_u8((uint8_t *)p, b);
}

static inline uint8x16_t rl_string_end_bytes(rl_block b) {
  return vorrq_u8(vceqq_u8(b, vdupq_n_u8('"')), vceqq_u8(b, vdupq_n_u8('\\')));
}

static inline rl_mask rl_to_mask(uint8x16_t bytes) {
  return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(bytes), 4)), 0);
}

static inline rl_mask rl_special(rl_block b) {
  uint8x16_t low = vcltq_s8(vreinterpretq_s8_u8(b), vdupq_n_s8(' '));
  return rl_to_mask(vorrq_u8(low, rl_string_end_bytes(b)));
}

static inline rl_mask rl_string_end(rl_block b) {
  return rl_to_mask(rl_string_end_bytes(b));
}

static inline rl_mask rl_line_end(rl_block b) {
  return rl_to_mask(vorrq_u8(vceqq_u8(b, vdupq_n_u8('\r')), vceqq_u8(b, vdupq_n_u8('\n'))));
}

static inline int rl_first(rl_mask m) {
  return __builtin_ctzll(m) >> 2;
}

static inline int rl_differs(rl_block a, rl_block b, size_t n) {
  const rl_mask same = rl_to_mask(vceqq_u8(a, b));
  return (~same & (n < 16 ? ((rl_mask)1 << 4 * n) - 1 : ~(rl_mask)0)) != 0;
}
#endif

/* White space of JSON (RFC 8259, 2). */
static inline int rl_is_json_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* What an escaped character stands for; 0: no such escape. \u is not here. */
static const char rl_escapes[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};

/* The first quote or backslash from `p` on, or `end`. */
static inline const char *rl_skip_string(const char *p, const char *end) {
#ifdef RL_SIMD
  while (end - p >= 16) {
    rl_mask m = rl_string_end(rl_load(p));
    if (m != 0)
      return p + rl_first(m);
    p += 16;
  }
#endif
  while (p < end && *p != '"' && *p != '\\')
    p++;
  return p;
}

/* The first CR or LF from `p` on, or `end`. */
static inline const char *rl_skip_line(const char *p, const char *end) {
#ifdef RL_SIMD
  while (end - p >= 16) {
    rl_mask m = rl_line_end(rl_load(p));
    if (m != 0)
      return p + rl_first(m);
    p += 16;
  }
#endif
  while (p < end && *p != '\n' && *p != '\r')
    p++;
  return p;
}

static inline int rl_is_special(char c) {
  unsigned char u = (unsigned char)c;
  return u < ' ' || u >= 0x80 || u == '"' || u == '\\';
}

/* 1 when no byte of the eight is special. */
static inline int rl_is_plain_8(uint64_t x) {
  const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
  const uint64_t quote = x ^ ones * '"', backslash = x ^ ones * '\\';
  const uint64_t special = (x - ones * ' ') | (quote - ones) | (backslash - ones) | x;
  return (special & high) == 0;
}

/* Copies a text of up to 64 bytes in which nothing is special. Returns 0 when it is longer or
 * something is; what is at `out` is undefined then. */
static inline int rl_copy_short(const char *p, size_t n, char *out) {
  size_t i;
  if (n < 4) {
    for (i = 0; i < n; i++)
      if (rl_is_special(out[i] = p[i]))
        return 0;
    return 1;
  }
  if (n < 8) {
    uint32_t a, b;
    memcpy(&a, p, 4);
    memcpy(&b, p + n - 4, 4);
    memcpy(out, &a, 4);
    memcpy(out + n - 4, &b, 4);
    return rl_is_plain_8((uint64_t)a << 32 | b);
  }
  if (n > 64)
    return 0;
  for (i = 0; i < n; i += 8) {
    const size_t at = i + 8 <= n ? i : n - 8;
    uint64_t x;
    memcpy(&x, p + at, 8);
    memcpy(out + at, &x, 8);
    if (!rl_is_plain_8(x))
      return 0;
  }
  return 1;
}

/* The first special byte from `p` on, or `end`. */
static inline const char *rl_skip_plain(const char *p, const char *end) {
#ifdef RL_SIMD
  while (end - p >= 16) {
    rl_mask m = rl_special(rl_load(p));
    if (m != 0)
      return p + rl_first(m);
    p += 16;
  }
#endif
  while (p < end && !rl_is_special(*p))
    p++;
  return p;
}

/* The same, and copies what it skips to *out, where 15 bytes more may be overwritten. */
static inline const char *rl_copy_plain(const char *p, const char *end, char **out) {
  char *o = *out;
#ifdef RL_SIMD
  while (end - p >= 16) {
    rl_block b = rl_load(p);
    rl_mask m = rl_special(b);
    rl_store(o, b);
    if (m != 0) {
      *out = o + rl_first(m);
      return p + rl_first(m);
    }
    p += 16;
    o += 16;
  }
#endif
  while (p < end && !rl_is_special(*p))
    *o++ = *p++;
  *out = o;
  return p;
}

/* The length of the well-formed UTF-8 sequence at `p` (a byte of 0x80 or more), or, negative, the
 * length of the ill-formed one's maximal subpart. */
static inline int rl_utf8_length(const char *p, const char *end) {
  unsigned char lead = (unsigned char)*p, low = 0x80, high = 0xBF;
  int length, i;
  if (lead < 0xC2 || lead > 0xF4)
    return -1;
  length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  /* the second byte's range keeps out overlong forms, surrogates and what is beyond U+10FFFF */
  if (lead == 0xE0)
    low = 0xA0;
  else if (lead == 0xED)
    high = 0x9F;
  else if (lead == 0xF0)
    low = 0x90;
  else if (lead == 0xF4)
    high = 0x8F;
  for (i = 1; i < length; i++) {
    if (p + i == end || (unsigned char)p[i] < low || (unsigned char)p[i] > high)
      return -i;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

#ifdef RL_SIMD_64
/* What 64 bytes of text are, one bit a byte. */
struct rl_text_masks {
  uint64_t quotes, backslashes, controls, high; /* high: not ASCII */
};

/* Where a walk through a text stands. */
struct rl_structure {
  uint64_t escaped;  /* 1: the byte at hand is escaped, since the last one was such a backslash */
  uint64_t inside;   /* all ones: it is inside of a string */
  uint64_t brackets; /* of the block that the walk stopped at: those outside of strings */
};

struct rl_scanner {
  void (*text)(const char *p, struct rl_text_masks *m);

  /* Whether a byte of the 64 at `p` cannot follow those before it, of which three can be read. A
   * character that the block cuts off is no fault. */
  int (*ill_formed)(const char *p);

  /* Walks from `p` on, 64 bytes at a time. Returns where the block with brackets lies, and stands
   * behind it; or, with none, where the walk ends: less than a block is left up to `stop`, or the
   * next one is not JSON, since a backslash outside of strings escapes nothing. */
  const char *(*walk)(const char *p, const char *stop, struct rl_structure *s);

  /* Looks for the quote that closes a string from `p` on, 64 bytes at a time. Returns behind it
   * with *closed set, or where less than a block is left up to `stop`. *escaped: as in
   * rl_structure. */
  const char *(*close)(const char *p, const char *stop, uint64_t *escaped, int *closed);

  /* Copies text to *at and undoes its escapes, up to a quote, up to an escape or a byte that needs
   * a closer look, or up to `stop`, behind which RL_AHEAD bytes can be read, as can three before
   * `p`, where a character begins. Writes up to RL_AHEAD bytes behind the rest. `wary`: a place to
   * look at is near. */
  const char *(*rewrite)(const char *p, const char *stop, char **at, int wary);
};
enum { RL_AHEAD = 192 };

/* The best one that the processor has. */
const struct rl_scanner *rl_scanner(void);

/* How many bytes of a character that is cut off lie before `end`, of text that is well-formed
 * besides; three bytes can be read. */
static inline int rl_cut_off(const char *end) {
  static const unsigned char least[] = {0, 0xC0, 0xE0, 0xF0};
  int n = 1;
  while (n < 3 && ((unsigned char)end[-n] & 0xC0) == 0x80)
    n++;
  return (unsigned char)end[-n] >= least[n] ? n : 0;
}
#endif

#endif
