/* server/blobs.h - firmware in DIR/blobs: a file per SHA-256, whole or not there.
 * Names are 64 hex digits that we made, never a client's words; links are not followed. A blob
 * stands before the row that names it, so a row without its blob cannot be; a blob without a row is
 * what a cut left behind, and is taken up when the same bytes come again. */
#ifndef SERVER_BLOBS_H
#define SERVER_BLOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Puts n bytes there under their SHA-256, on disk when this returns. False: errno says why, and
 * nothing of it is left. A blob that is there already is kept. */
bool blobs_put(int blobs_fd, const char *sha256, const void *bytes, size_t n);

/** The same for an upload that lies in blobs/ under a name of its own: it is renamed. */
bool blobs_adopt(int blobs_fd, const char *upload, const char *sha256);

/** Whether it is there. */
bool blobs_has(int blobs_fd, const char *sha256);

/** Opens one for reading. -1: errno says why; *n_bytes is its length. */
int blobs_open(int blobs_fd, const char *sha256, uint64_t *n_bytes);

#endif
