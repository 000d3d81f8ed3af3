/* server/archive_out.h - a tar file being written, with a SHA-256 of every file in it: its last
 * entry is SHA256SUMS, as sha256sum reads it. The file stands under its name only when it is whole
 * and on disk; until then FILE.part is there. It holds secrets, so it is its owner's only. */
#ifndef SERVER_ARCHIVE_OUT_H
#define SERVER_ARCHIVE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

#define ARCHIVE_WHY_BYTES 512u

struct archive;

struct archive_out {
    struct archive *tar;
    int fd;
    char *path, *part;
    struct ferry_strbuf sums;
    char why[ARCHIVE_WHY_BYTES]; // of the call that returned false
};

/** Begins path, which must not be there. False: a->why; nothing is to be closed. */
bool archive_out_open(struct archive_out *a, const char *path);

/** Adds a file of n bytes. */
bool archive_out_bytes(struct archive_out *a, const char *name, const void *bytes, size_t n);

/** Adds a file as it is: the n bytes that fd gives, and its mode. sha256 (may be NULL) gets its
 * hash in hex. False also if it gives fewer bytes. */
bool archive_out_file(struct archive_out *a, const char *name, int fd, char sha256[65]);

/** Adds a folder's name and mode. */
bool archive_out_folder(struct archive_out *a, const char *name, unsigned mode);

/** Writes the sums, syncs, and gives the file its name. a is closed in any case. */
bool archive_out_close(struct archive_out *a);

/** Gives up: what was written is removed. */
void archive_out_drop(struct archive_out *a);

#endif
