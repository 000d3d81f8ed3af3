/* host/image_sign.c - padding, digest, blocks and sector of a signed image. */
#include "image_sign.h"

#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"

#define ERASED 0xff

static const uint8_t *block_at(const uint8_t *sector, unsigned i)
{
    return sector + i * FERRY_SIGNATURE_BLOCK_BYTES;
}

/* Whole blocks at the file's end, up to the first that is none. */
static unsigned count_blocks(const uint8_t *image, uint32_t n_bytes)
{
    unsigned n = 0;
    struct ferry_signature_block block;
    if (n_bytes < FERRY_SIGNATURE_SECTOR_BYTES || n_bytes % FERRY_SIGNATURE_SECTOR_BYTES)
        return 0;
    const uint8_t *sector = image + n_bytes - FERRY_SIGNATURE_SECTOR_BYTES;
    while (n < FERRY_SIGNATURE_BLOCKS &&
           ferry_signature_decode(block_at(sector, n), &block) == FERRY_OK)
        n++;
    return n;
}

bool ferry_image_is_signed(const uint8_t *image, uint32_t n_bytes)
{
    return count_blocks(image, n_bytes) > 0;
}

static void digest_of(enum ferry_scheme scheme, const uint8_t *bytes, uint32_t n_bytes,
                      uint8_t out[FERRY_SHA384_BYTES])
{
    if (scheme == FERRY_SCHEME_ECDSA_P384) {
        struct ferry_sha384 h;
        ferry_sha384_init(&h);
        ferry_sha384_update(&h, bytes, n_bytes);
        ferry_sha384_finish(&h, out);
    } else {
        struct ferry_sha256 h;
        ferry_sha256_init(&h);
        ferry_sha256_update(&h, bytes, n_bytes);
        ferry_sha256_finish(&h, out);
    }
}

static ferry_err make_block(const struct ferry_sign_key *key, const uint8_t *bytes,
                            uint32_t n_bytes, uint8_t out[FERRY_SIGNATURE_BLOCK_BYTES])
{
    uint8_t digest[FERRY_SHA384_BYTES], signature[FERRY_SIGNATURE_MOST];
    digest_of(key->scheme, bytes, n_bytes, digest);
    const ferry_err err = ferry_sign_key_sign(key, digest, signature);
    if (err)
        return err;
    const struct ferry_signature_block block = {
        .scheme = key->scheme, .digest = digest, .key = key->part, .signature = signature};
    return ferry_signature_encode(&block, out);
}

/* The image, padded, with an erased sector behind it. */
static ferry_err lay_out(const uint8_t *image, uint32_t n_bytes, struct ferry_signed_image *out)
{
    if (n_bytes > INT32_MAX)
        return ferry_fail(&out->fault, FERRY_ERR_RANGE, n_bytes, INT32_MAX, 0);
    const uint32_t off_bytes = ferry_signature_off(n_bytes);
    out->n_bytes = off_bytes + FERRY_SIGNATURE_SECTOR_BYTES;
    out->n_padding = off_bytes - n_bytes;
    out->bytes = malloc(out->n_bytes);
    if (!out->bytes)
        return ferry_fail(&out->fault, FERRY_ERR_NO_MEMORY, 0, 0, 0);
    memset(out->bytes + n_bytes, ERASED, out->n_bytes - n_bytes);
    memcpy(out->bytes, image, n_bytes);
    return FERRY_OK;
}

ferry_err ferry_image_sign(const uint8_t *image, uint32_t n_bytes,
                           const struct ferry_sign_key *keys, unsigned n_keys, bool append,
                           struct ferry_signed_image *out)
{
    *out = (struct ferry_signed_image){0};
    const unsigned n_old = append ? count_blocks(image, n_bytes) : 0;
    const uint32_t n_image = n_old ? n_bytes - FERRY_SIGNATURE_SECTOR_BYTES : n_bytes;
    out->n_blocks = n_old + n_keys;
    if (out->n_blocks > FERRY_SIGNATURE_BLOCKS)
        return ferry_fail(&out->fault, FERRY_ERR_SIGNATURE_FULL, out->n_blocks,
                          FERRY_SIGNATURE_BLOCKS, 0);
    ferry_err err = lay_out(image, n_image, out);
    if (err)
        return err;
    const uint32_t off_bytes = out->n_bytes - FERRY_SIGNATURE_SECTOR_BYTES;
    uint8_t *sector = out->bytes + off_bytes;
    memcpy(sector, image + n_image, n_old * FERRY_SIGNATURE_BLOCK_BYTES);
    for (unsigned i = 0; i < n_keys && !err; i++)
        err = make_block(&keys[i], out->bytes, off_bytes,
                         sector + (n_old + i) * FERRY_SIGNATURE_BLOCK_BYTES);
    if (!err)
        return FERRY_OK;
    free(out->bytes);
    out->bytes = NULL;
    return ferry_fail(&out->fault, err, 0, 0, 0);
}
