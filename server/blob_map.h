/* server/blob_map.h - blobs in memory, mapped once for all who are being sent them.
 * TLS copies anyway; from a mapping it copies at three times the speed of the library's small
 * reads. A blob's file is written beside, renamed into place, and never written again, so a mapping
 * never loses its bytes; one that is unlinked lives until its last answer. */
#ifndef SERVER_BLOB_MAP_H
#define SERVER_BLOB_MAP_H

#include <stddef.h>
#include <stdint.h>

struct blob_map;

/** A mapping in use. */
struct blob_view {
    const uint8_t *bytes;
    size_t n;
};

struct blob_map *blob_map_new(void);
void blob_map_free(struct blob_map *m);

/** Maps DIR/blobs/HEX (blobs_open); NULL: errno says why. Give it back with blob_map_release. */
const struct blob_view *blob_map_use(struct blob_map *m, int blobs_fd, const char *hex);
void blob_map_release(struct blob_map *m, const struct blob_view *view);

#endif
