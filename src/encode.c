/* encode.c: texts and numbers as JSON, appended to a buffer. */
#include "encode.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "scan.h"

/* Numbers. */

/* The longest text of one, and its NUL. */
enum { NUMBER_ROOM = 40 };

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static int count_digits(uint64_t n) {
  int count = 1;
  for (; n >= 10000; n /= 10000)
    count += 4;
  return count + (n >= 10) + (n >= 100) + (n >= 1000);
}

/* Writes all `count` digits of a number, with a point behind the first `whole` of them, where more
 * follow. */
static char *put_digits(char *out, uint64_t digits, int count, int whole) {
  char *p = out + count;
  for (; digits >= 10; digits /= 100)
    memcpy(p -= 2, pairs + digits % 100 * 2, 2);
  if (p > out)
    *out = (char)('0' + digits);
  if (whole >= count)
    return out + count;
  memmove(out + whole + 1, out + whole, (size_t)(count - whole));
  out[whole] = '.';
  return out + count + 1;
}

/* What is written ends at `end`, within the room that was reserved. */
static enum rl_status end_at(struct rl_buffer *b, char *end) {
  *end = '\0';
  b->len = (size_t)(end - b->data);
  return RL_OK;
}

enum rl_status rl_encode_integer(struct rl_buffer *b, int64_t n) {
  const uint64_t digits = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
  const int count = count_digits(digits);
  enum rl_status status = rl_buffer_reserve(b, NUMBER_ROOM);
  char *out;
  if (status != RL_OK)
    return status;
  out = b->data + b->len;
  if (n < 0)
    *out++ = '-';
  return end_at(b, put_digits(out, digits, count, count));
}

/* 10^e from LEAST to MOST, the first 128 bits of each, rounded up where there are more. They are
 * worked out once, which takes 50 us. */
enum { LEAST = -292, MOST = 324 };
struct power {
  uint64_t high, low;
};
static struct power powers[MOST - LEAST + 1];
static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

/* As many words as 5^MOST takes, and as leave 128 bits of a one before all of them divided by
 * 5^-LEAST. The lowest comes first. */
enum { WORDS = 27 };

static struct power first_bits(const uint32_t *big, int more) {
  struct power g = {0, 0};
  uint64_t part[4] = {0, 0, 0, 0};
  int i, shift = 0, top = WORDS - 1;
  while (big[top] == 0)
    top--;
  while ((big[top] << shift & 0x80000000u) == 0)
    shift++;
  for (i = 0; i < 4; i++) {
    uint64_t two = 0;
    if (top - i >= 0)
      two = (uint64_t)big[top - i] << 32;
    if (top - i - 1 >= 0)
      two |= big[top - i - 1];
    part[i] = two << shift >> 32;
  }
  g.high = part[0] << 32 | part[1];
  g.low = part[2] << 32 | part[3];
  if (more && ++g.low == 0)
    g.high++;
  return g;
}

static void make_powers(void) {
  uint32_t big[WORDS] = {1};
  int e, i, exact = 1;
  for (e = 0; e <= MOST; e++) {
    uint64_t carry = 0;
    powers[e - LEAST] = first_bits(big, !exact);
    for (i = 0; i < WORDS; i++) {
      carry += (uint64_t)big[i] * 5;
      big[i] = (uint32_t)carry;
      carry >>= 32;
    }
    exact = exact && big[4] == 0; /* 128 bits still hold all of it */
  }
  memset(big, 0, sizeof big);
  big[WORDS - 1] = 1;
  for (e = -1; e >= LEAST; e--) {
    uint64_t rest = 0;
    for (i = WORDS - 1; i >= 0; i--) {
      rest = rest << 32 | big[i];
      big[i] = (uint32_t)(rest / 5);
      rest %= 5;
    }
    powers[e - LEAST] = first_bits(big, 1);
  }
}

/* The upper half of a product, the lower one in *low. Where nothing of a processor's own is to be
 * used, so that it is tested, in C alone. */
#if defined(__SIZEOF_INT128__) && !defined(RL_NO_SIMD)
static inline uint64_t multiply(uint64_t a, uint64_t b, uint64_t *low) {
  __extension__ const unsigned __int128 product = (unsigned __int128)a * b;
  *low = (uint64_t)product;
  return (uint64_t)(product >> 64);
}
#else
static uint64_t multiply(uint64_t a, uint64_t b, uint64_t *low) {
  const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
  const uint64_t x = a0 * b0, y = a1 * b0 + (x >> 32), z = a0 * b1 + (uint32_t)y;
  *low = z << 32 | (uint32_t)x;
  return a1 * b1 + (y >> 32) + (z >> 32);
}
#endif

/* The integer part of g * c / 2^128, its last bit set when more than a rounding error was left. */
static uint64_t round_to_odd(struct power g, uint64_t c) {
  uint64_t low, middle, ignored;
  uint64_t carried = multiply(g.low, c, &ignored);
  uint64_t high = multiply(g.high, c, &low);
  middle = low + carried;
  high += middle < carried;
  return high | (middle > 1);
}

/* Rounded down; the products stay far below 2^31 for a double's exponents. */
static int floor_log10_pow2(int e, int of_three_quarters) {
  const long scaled = e * 1262611L - (of_three_quarters ? 524031L : 0);
  return (int)(scaled >= 0 ? scaled >> 22 : -((-scaled + (1L << 22) - 1) >> 22));
}

static int floor_log2_pow10(int e) {
  const long scaled = e * 1741647L;
  return (int)(scaled >= 0 ? scaled >> 19 : -((-scaled + (1L << 19) - 1) >> 19));
}

/* The digits of the shortest decimal that rounds to the finite double with these bits, which is not
 * 0 and has no sign, and the power of ten that they are to be multiplied with. Of two that are as
 * short, the nearer one. After R. Giulietti, "The Schubfach way to render doubles" (2020). */
static uint64_t shortest(uint64_t bits, int *exponent) {
  const uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
  const int biased = (int)(bits >> 52);
  const uint64_t c = biased != 0 ? fraction | (uint64_t)1 << 52 : fraction;
  const int q = (biased != 0 ? biased : 1) - 1075;
  /* below a power of two the next double lies only half as far away */
  const int closer = fraction == 0 && biased > 1;
  const uint64_t odd = c & 1;
  const int k = floor_log10_pow2(q, closer), h = q + floor_log2_pow10(-k) + 1;
  struct power g;
  uint64_t lower, value, upper, s, tens, middle;
  int below, above;
  (void)pthread_once(&powers_once, make_powers);
  g = powers[-k - LEAST];
  /* four times the value, and of the ends of the interval that rounds to it */
  value = round_to_odd(g, 4 * c << h);
  lower = round_to_odd(g, (4 * c - 2 + (uint64_t)closer) << h) + odd;
  upper = round_to_odd(g, (4 * c + 2) << h) - odd;
  s = value / 4;
  tens = s / 10;
  *exponent = k;
  below = lower <= 40 * tens;
  above = 40 * tens + 40 <= upper;
  if (s >= 10 && below != above) {
    ++*exponent;
    return tens + (uint64_t)above;
  }
  below = lower <= 4 * s;
  above = 4 * s + 4 <= upper;
  if (below != above)
    return s + (uint64_t)above;
  middle = 4 * s + 2;
  return s + (value > middle || (value == middle && (s & 1) != 0));
}

/* Takes the zeros off the end of what is not 0. */
static uint64_t without_zeros(uint64_t digits, int *exponent) {
  static const struct {
    uint32_t power;
    int zeros;
  } steps[] = {{100000000, 8}, {10000, 4}, {100, 2}, {10, 1}};
  size_t i;
  for (i = 0; i < sizeof steps / sizeof *steps; i++) {
    if (digits % steps[i].power == 0) {
      digits /= steps[i].power;
      *exponent += steps[i].zeros;
    }
  }
  return digits;
}

enum rl_status rl_encode_number(struct rl_buffer *b, double x) {
  enum rl_status status = rl_buffer_reserve(b, NUMBER_ROOM);
  uint64_t bits, digits;
  int exponent, count;
  char *out;
  if (status != RL_OK)
    return status;
  out = b->data + b->len;
  memcpy(&bits, &x, sizeof bits);
  if (bits >> 63)
    *out++ = '-';
  bits &= ~((uint64_t)1 << 63);
  if (bits == 0) {
    memcpy(out, "0.0", sizeof "0.0");
    return end_at(b, out + 3);
  }
  digits = shortest(bits, &exponent);
  digits = without_zeros(digits, &exponent);
  count = count_digits(digits);
  exponent += count - 1; /* of the first digit */
  /* As printf's %g with 15 digits or as many as it takes. */
  if (exponent < -4 || (exponent >= 15 && exponent >= count)) {
    out = put_digits(out, digits, count, 1);
    *out++ = 'e';
    if (exponent < 0)
      *out++ = '-';
    digits = (uint64_t)(exponent < 0 ? -exponent : exponent);
    out = put_digits(out, digits, count_digits(digits), 3);
  } else if (exponent < 0) {
    memcpy(out, "0.000", sizeof "0.000");
    out = put_digits(out + 1 - exponent, digits, count, count);
  } else if (exponent + 1 < count) {
    out = put_digits(out, digits, count, exponent + 1);
  } else {
    out = put_digits(out, digits, count, count);
    for (; count <= exponent; count++)
      *out++ = '0';
    *out++ = '.';
    *out++ = '0';
  }
  return end_at(b, out);
}

/* Texts. */

/* Kept free behind what is written: a block, or an escape and a quote. */
enum { ROOM = 32, MORE = 1024 };

/* What stands for a character that cannot stand for itself. */
static const struct {
  char text[7];
  unsigned char len;
} escape_of['\\' + 1] = {
    {"\\u0000", 6}, {"\\u0001", 6}, {"\\u0002", 6},      {"\\u0003", 6},       {"\\u0004", 6},
    {"\\u0005", 6}, {"\\u0006", 6}, {"\\u0007", 6},      {"\\b", 2},           {"\\t", 2},
    {"\\n", 2},     {"\\u000b", 6}, {"\\f", 2},          {"\\r", 2},           {"\\u000e", 6},
    {"\\u000f", 6}, {"\\u0010", 6}, {"\\u0011", 6},      {"\\u0012", 6},       {"\\u0013", 6},
    {"\\u0014", 6}, {"\\u0015", 6}, {"\\u0016", 6},      {"\\u0017", 6},       {"\\u0018", 6},
    {"\\u0019", 6}, {"\\u001a", 6}, {"\\u001b", 6},      {"\\u001c", 6},       {"\\u001d", 6},
    {"\\u001e", 6}, {"\\u001f", 6}, ['"'] = {"\\\"", 2}, ['\\'] = {"\\\\", 2},
};

/* Eight bytes can be written at `out`. */
static inline char *put_escape(char *out, unsigned char c) {
  memcpy(out, &escape_of[c], sizeof *escape_of);
  return out + escape_of[c].len;
}

/* Copies the characters that are not ASCII from `p` up to `stop` or to the first other one. Returns
 * NULL when they are ill-formed. */
static const char *copy_utf8(const char *p, const char *stop, const char *end, char **at) {
  char *out = *at;
  do {
    int n = rl_utf8_length(p, end);
    if (n < 0)
      return NULL;
    for (; n > 0; n--)
      *out++ = *p++;
  } while (p < stop && (unsigned char)*p >= 0x80);
  *at = out;
  return p;
}

#ifdef RL_SIMD_64
/* What a block can become at most, and is written behind it. */
enum { AHEAD = 128, BLOCK_ROOM = 6 * 64 + 64 };

/* Does what rl_encode_part does, 64 bytes at a time: up to `stop`, behind which AHEAD bytes can be
 * read, as can three before `p`, up to `full`, behind which BLOCK_ROOM bytes can be written, or up
 * to what is ill-formed. */
static const char *escape_blocks(const char *p, const char *stop, char **at, const char *full) {
  const struct rl_scanner *const scanner = rl_scanner();
  char *out = *at;
  while (p < stop && out < full) {
    struct rl_text_masks m;
    uint64_t special;
    int len = 64, done = 0;
    scanner->text(p, &m);
    special = m.quotes | m.backslashes | m.controls;
    if (m.high != 0) {
      if (scanner->ill_formed(p))
        break;
      len -= rl_cut_off(p + 64);
      special &= len < 64 ? ((uint64_t)1 << len) - 1 : ~(uint64_t)0;
    }
    for (; special != 0; special &= special - 1) {
      const int i = __builtin_ctzll(special);
      memcpy(out, p + done, 64);
      out = put_escape(out + (i - done), (unsigned char)p[i]);
      done = i + 1;
    }
    memcpy(out, p + done, 64);
    out += len - done;
    p += len;
  }
  *at = out;
  return p;
}
#endif

enum rl_status rl_encode_part(struct rl_buffer *b, const char **at, const char *end, size_t most) {
  const char *const stop = (size_t)(end - *at) > most ? *at + most : end;
  const char *p = *at, *limit;
  char *out = NULL, *full = NULL;
  while (p < stop) {
    if (out == full) {
      enum rl_status status;
      if (out != NULL)
        b->len = (size_t)(out - b->data);
      status =
          rl_buffer_reserve(b, (size_t)(stop - p) + ((size_t)(stop - p) < 128 ? 2 * ROOM : MORE));
      if (status != RL_OK)
        return status;
      out = b->data + b->len;
      full = b->data + b->cap - ROOM;
    }
#ifdef RL_SIMD_64
    if (stop - p > AHEAD && full - out > BLOCK_ROOM && p - *at >= 3)
      p = escape_blocks(p, stop - AHEAD, &out, full - BLOCK_ROOM);
#endif
    limit = stop - p < full - out ? stop : p + (full - out);
    p = rl_copy_plain(p, limit, &out);
    if (p == limit)
      continue;
    if ((unsigned char)*p >= 0x80)
      p = copy_utf8(p, limit, end, &out);
    else
      out = put_escape(out, (unsigned char)*p++);
    if (p == NULL)
      return RL_SYNTAX;
    if (out > full)
      full = out; /* into the room that was kept */
  }
  if (out != NULL) {
    b->len = (size_t)(out - b->data);
    *out = '\0';
  }
  *at = p;
  return RL_OK;
}

static enum rl_status encode_slowly(struct rl_buffer *b, const char *p, size_t n) {
  enum rl_status status = rl_buffer_append(b, "\"", 1);
  if (status == RL_OK)
    status = rl_encode_part(b, &p, p + n, n);
  if (status == RL_OK)
    status = rl_buffer_append(b, "\"", 1);
  return status;
}

enum rl_status rl_encode_string(struct rl_buffer *b, const char *p, size_t n) {
  enum rl_status status = rl_buffer_reserve(b, n + ROOM);
  char *out;
  if (status != RL_OK)
    return status;
  out = b->data + b->len;
  if (!rl_copy_short(p, n, out + 1))
    return encode_slowly(b, p, n);
  out[0] = out[n + 1] = '"';
  return end_at(b, out + n + 2);
}

enum rl_status rl_encode_name(struct rl_buffer *b, int comma, const char *p, size_t n) {
  enum rl_status status = rl_buffer_reserve(b, n + ROOM);
  char *out;
  if (status != RL_OK)
    return status;
  out = b->data + b->len;
  *out = ',';
  out += comma;
  if (rl_copy_short(p, n, out + 1)) {
    out[0] = out[n + 1] = '"';
    out[n + 2] = ':';
    return end_at(b, out + n + 3);
  }
  b->len += (size_t)comma;
  status = encode_slowly(b, p, n);
  return status == RL_OK ? rl_buffer_append(b, ":", 1) : status;
}
