/* host/image_sign.h - signs an image for Secure Boot v2; the bytes are espsecure's, save for the
 * signatures, which are random, and what follows from them. */
#ifndef FERRY_IMAGE_SIGN_H
#define FERRY_IMAGE_SIGN_H

#include <stdbool.h>

#include "ferry/signature.h"
#include "sign_key.h"

/** What signing gives. bytes is the caller's to free. */
struct ferry_signed_image {
    uint8_t *bytes;
    uint32_t n_bytes;
    uint32_t n_padding; // bytes put between image and sector
    unsigned n_blocks;  // in the sector now
    struct ferry_fault fault;
};

/** True if the last sector of the file holds at least one whole signature block. */
bool ferry_image_is_signed(const uint8_t *image, uint32_t n_bytes);

/** Signs with each key in turn. append: a sector that is there already keeps its blocks, and the
 * new ones follow; without whole blocks at its end the file is signed afresh.
 * FERRY_ERR_SIGNATURE_FULL  fault: signatures it would have, three
 * FERRY_ERR_KEY             a key is not private; FERRY_ERR_NO_MEMORY; out->bytes is NULL then
 * FERRY_ERR_RANGE           the file would be too long */
FERRY_MUST_CHECK ferry_err ferry_image_sign(const uint8_t *image, uint32_t n_bytes,
                                            const struct ferry_sign_key *keys, unsigned n_keys,
                                            bool append, struct ferry_signed_image *out);

#endif
