/* host/csv_number.h - numbers as Espressif's partition tool writes them: Python's int() with the
 * suffixes K and M. Facts: docs/formats.md "Partition table", CSV. */
#ifndef FERRY_CSV_NUMBER_H
#define FERRY_CSV_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A number whose true value is beyond this, either way, is given as exactly this: so sums of two
 * never overflow, and no field of a table reaches it. */
#define FERRY_CSV_NUMBER_MOST (INT64_C(1) << 60)

/** Reads the n bytes at s as Python's int(s, base) would: blanks around, a sign, single underscores
 * between digits. base 0 takes the prefixes 0x, 0o, 0b and refuses 010; base 16 an optional 0x.
 * False if it is no number; *out is then as it was. */
bool ferry_csv_int(const char *s, size_t n, unsigned base, int64_t *out);

/** Splits the suffixes off: any number of K and M, each multiplying. *n becomes the length of what
 * stands before them; the product is returned, FERRY_CSV_NUMBER_MOST at most. */
int64_t ferry_csv_suffixes(const char *s, size_t *n);

/** a times b, kept within FERRY_CSV_NUMBER_MOST. b is not negative. */
int64_t ferry_csv_times(int64_t a, int64_t b);

/** Reads a number with suffixes, base 0. False as for ferry_csv_int. */
bool ferry_csv_number(const char *s, int64_t *out);

#endif
