/* tests/support/vectors.h - the inputs of the conformance programs: vector files as shipped
 * (.jsonl, .jsonl.gz, .tar.gz) or folders of them, chosen by name. Reading and unpacking is
 * libarchive's, JSON is cJSON's. */
#ifndef VECTORS_H
#define VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

struct vector_set;

/** Takes files and folders (searched to the bottom). Prints why and returns NULL if there are none,
 * or one is missing or cannot be read. */
struct vector_set *vector_set_open(int n_paths, char *const paths[]);
void vector_set_close(struct vector_set *s);

/** Calls each() for every JSON line of every input whose base name begins with prefix and ends in
 * .jsonl or .jsonl.gz; `file` is that base name. Returns how many; -1, with the reason printed, if
 * such a file is unreadable, empty, or holds a line that is not JSON. */
long vector_set_records(const struct vector_set *s, const char *prefix,
                        void (*each)(void *ctx, const char *file, const cJSON *record), void *ctx);

/** The bytes of a file by base name, from a folder or out of a .tar.gz; NULL if there is none. The
 * set owns them. */
const uint8_t *vector_set_file(struct vector_set *s, const char *name, size_t *n_bytes);

struct tally {
    long passed, failed;
};

void tally_pass(struct tally *t);

/** Prints one line that says what differs. */
void tally_fail(struct tally *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Prints "N passed, M failed". 0 if something passed and nothing failed, else 1. */
int tally_end(const struct tally *t);

/** The number under a key, or `otherwise` if there is none. */
double vector_number(const cJSON *record, const char *key, double otherwise);

/** The text under a key, or NULL. */
const char *vector_text(const cJSON *record, const char *key);

/** Decodes the hex digits under a key, 2 * n_bytes of them. False if they are not that. */
int vector_hex(const cJSON *record, const char *key, uint8_t *out, size_t n_bytes);

/** Decodes any number of hex digits; *n_bytes gets the length. NULL if it is not hex; free() it. */
uint8_t *vector_unhex(const char *hex, size_t *n_bytes);

#endif
