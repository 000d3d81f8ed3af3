/* server/archive_in.h - a backup being read. It is read twice: once to see that every file in it is
 * what its SHA256SUMS says and nothing is missing, before anything is made of it; once for use. */
#ifndef SERVER_ARCHIVE_IN_H
#define SERVER_ARCHIVE_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive_out.h"

struct archive_entry;

/** One file or folder of it. */
struct archive_item {
    const char *name; // relative, of plain words; no dot leads one
    bool is_folder;
    unsigned mode;
    uint64_t n;
    struct archive *tar; // its bytes: archive_in_read
};

/** Takes one; false ends the reading, why is the reader's then. */
typedef bool (*archive_visit)(const struct archive_item *item, void *ctx,
                              char why[ARCHIVE_WHY_BYTES]);

/** Visits every entry but SHA256SUMS. */
bool archive_in_each(const char *path, archive_visit visit, void *ctx, char why[ARCHIVE_WHY_BYTES]);

/** Reads the whole file and compares. */
bool archive_in_check(const char *path, char why[ARCHIVE_WHY_BYTES]);

/** The next bytes of an item: how many; 0 at its end, -1 with why. */
long archive_in_read(const struct archive_item *item, void *bytes, size_t n,
                     char why[ARCHIVE_WHY_BYTES]);

/** All bytes of an item of at most `most`, NUL after them; the caller's to free. NULL: why. */
char *archive_in_whole(const struct archive_item *item, size_t most, char why[ARCHIVE_WHY_BYTES]);

#endif
