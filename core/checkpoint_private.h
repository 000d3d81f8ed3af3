/* core/checkpoint_private.h - the blob of a checkpoint, for the two who make them.
 * What was promised about the file, where its bytes lie, how many and their CRC-32; the maker adds
 * up to 32 bytes of its own. Layout: core/checkpoint.c. */
#ifndef FERRY_CORE_CHECKPOINT_PRIVATE_H
#define FERRY_CORE_CHECKPOINT_PRIVATE_H

#include <stdbool.h>

#include "ferry/checkpoint.h"

#define CHECKPOINT_UPDATE    0x31504b46u // "FKP1"
#define CHECKPOINT_STAGE     0x31534b46u // "FKS1"
#define CHECKPOINT_OWN_BYTES 32u

/** A blob's contents. NULL pointers are zeros in the blob. */
struct ferry__kept {
    uint32_t magic;
    uint8_t target; // the maker's: which slot, which kind
    bool has_crc32;
    uint32_t off_bytes;
    uint32_t length_bytes; // promised; 0: none
    uint32_t prefix_crc32; // of the off_bytes that are in flash
    uint32_t file_crc32;   // promised
    const uint8_t *sha256; // promised; NULL: none
    const uint8_t *validator;
    const uint8_t *own;       // CHECKPOINT_OWN_BYTES
    uint32_t place_off_bytes; // where in flash they lie
};

void ferry__checkpoint_put(const struct ferry__kept *k, uint8_t blob[FERRY_CHECKPOINT_BYTES]);

/** May whoever makes checkpoints as *now go on from this blob? It was made by the same maker for
 * the same place, with the same promises; place_bytes: room there. *out points into the blob.
 * FERRY_ERR_CHECKPOINT no. */
FERRY_MUST_CHECK ferry_err ferry__checkpoint_get(const uint8_t blob[FERRY_CHECKPOINT_BYTES],
                                                 const struct ferry__kept *now,
                                                 uint32_t place_bytes, uint32_t sector_bytes,
                                                 struct ferry__kept *out);

#endif
