/* core/signature_verify.c - signatures where they lie: whose key a block names, whether that key is
 * trusted, and whether the signature holds. The order is Espressif's, which looks at a signature
 * only after its key was found trusted, and not at the digest inside the block at all: what counts
 * is the digest of the bytes that are there. */
#include "core/signature_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"

#define READ_BYTES 1024u // divides a sector, and fits where blocks are read to

void ferry_signature_key_digest(const struct ferry_signature_block *block,
                                uint8_t out[FERRY_SHA256_BYTES])
{
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, block->key, block->n_key_bytes);
    ferry_sha256_finish(&h, out);
}

static bool is_trusted(const struct ferry_trust *trust, const struct ferry_signature_block *block)
{
    uint8_t digest[FERRY_SHA256_BYTES];
    if (block->scheme == FERRY_SCHEME_ECDSA_P384 && !trust->p384)
        return false;
    ferry_signature_key_digest(block, digest);
    bool found = false;
    for (uint8_t i = 0; i < trust->n_keys; i++)
        found |= ferry_equal_const_time(digest, trust->key_digests[i], sizeof(digest));
    return found;
}

ferry_verdict ferry__signature_check_block(const uint8_t bytes[FERRY_SIGNATURE_BLOCK_BYTES],
                                           const struct ferry_signed_digests *digests,
                                           const struct ferry_trust *trust, ferry_err *why)
{
    struct ferry_signature_block block;
    *why = ferry_signature_decode(bytes, &block);
    if (*why)
        return FERRY_VERDICT_NONE;
    *why = FERRY_ERR_SIGNATURE_KEY;
    if (!is_trusted(trust, &block))
        return FERRY_VERDICT_NONE;
    *why = FERRY_ERR_SIGNATURE_BAD;
    return ferry_verify(block.scheme, block.key,
                        block.scheme == FERRY_SCHEME_ECDSA_P384 ? digests->sha384 : digests->sha256,
                        block.signature);
}

/* The sector must lie in the region whole. */
static ferry_err check_room(const struct ferry_region *region, uint32_t off_bytes,
                            struct ferry_fault *fault)
{
    if (ferry_range_fits(off_bytes, FERRY_SIGNATURE_SECTOR_BYTES, region->size_bytes))
        return FERRY_OK;
    const uint32_t most = UINT32_MAX - FERRY_SIGNATURE_SECTOR_BYTES;
    return ferry_fail(fault, FERRY_ERR_IMAGE_SIZE,
                      off_bytes < most ? off_bytes + FERRY_SIGNATURE_SECTOR_BYTES : UINT32_MAX,
                      region->size_bytes, 0);
}

ferry_verdict ferry_signature_check(const struct ferry_region *region, uint32_t off_bytes,
                                    const struct ferry_signed_digests *digests,
                                    const struct ferry_trust *trust,
                                    uint8_t block[FERRY_SIGNATURE_BLOCK_BYTES],
                                    struct ferry_fault *fault)
{
    if (trust->n_keys > FERRY_SIGNATURE_BLOCKS) {
        (void)ferry_fail(fault, FERRY_ERR_ARG, trust->n_keys, FERRY_SIGNATURE_BLOCKS, 0);
        return FERRY_VERDICT_NONE;
    }
    if (check_room(region, off_bytes, fault))
        return FERRY_VERDICT_NONE;
    ferry_err told = ferry_fail(fault, FERRY_ERR_SIGNATURE_NONE, 0, 0, off_bytes);
    const uint32_t n_blocks = trust->first_block_only ? 1 : FERRY_SIGNATURE_BLOCKS;
    for (uint32_t i = 0; i < n_blocks; i++) {
        const uint32_t at = off_bytes + i * FERRY_SIGNATURE_BLOCK_BYTES;
        ferry_err why = ferry_region_read(region, at, block, FERRY_SIGNATURE_BLOCK_BYTES);
        if (why) {
            (void)ferry_fail(fault, why, 0, 0, region->off_bytes + at);
            return FERRY_VERDICT_NONE;
        }
        if (ferry__signature_check_block(block, digests, trust, &why) == FERRY_VERDICT_GENUINE) {
            (void)ferry_fail(fault, FERRY_OK, 0, 0, 0);
            return FERRY_VERDICT_GENUINE;
        }
        // Of several refused blocks the one that came furthest is told; it has the lowest number.
        if (why < told)
            told = ferry_fail(fault, why, i, 0, at);
    }
    return FERRY_VERDICT_NONE;
}

/* Hashes the region's first n_bytes, whole sectors. */
static ferry_err hash_signed(const struct ferry_region *region, uint32_t n_bytes, bool p384,
                             struct ferry_signature_work *work, struct ferry_fault *fault)
{
    ferry_sha256_init(&work->sha256);
    ferry_sha384_init(&work->sha384);
    for (uint32_t at = 0; at < n_bytes; at += READ_BYTES) {
        const ferry_err err = ferry_region_read(region, at, work->block, READ_BYTES);
        if (err)
            return ferry_fail(fault, err, 0, 0, region->off_bytes + at);
        ferry_sha256_update(&work->sha256, work->block, READ_BYTES);
        if (p384)
            ferry_sha384_update(&work->sha384, work->block, READ_BYTES);
    }
    ferry_sha256_finish(&work->sha256, work->digests.sha256);
    ferry_sha384_finish(&work->sha384, work->digests.sha384);
    return FERRY_OK;
}

/* Where the sector lies that belongs to an image; fails if it leaves the region. */
static ferry_err find_sector(const struct ferry_region *region, uint32_t image_bytes,
                             uint32_t *off_bytes, struct ferry_fault *fault)
{
    // Checked before it is padded: the sum may wrap.
    if (image_bytes > region->size_bytes)
        return ferry_fail(fault, FERRY_ERR_IMAGE_SIZE, image_bytes, region->size_bytes, 0);
    *off_bytes = ferry_signature_off(image_bytes);
    return check_room(region, *off_bytes, fault);
}

ferry_verdict ferry_signature_verify(const struct ferry_region *region, uint32_t image_bytes,
                                     const struct ferry_trust *trust,
                                     struct ferry_signature_work *work, struct ferry_fault *fault)
{
    uint32_t off_bytes = 0;
    if (find_sector(region, image_bytes, &off_bytes, fault) ||
        hash_signed(region, off_bytes, trust->p384, work, fault))
        return FERRY_VERDICT_NONE;
    return ferry_signature_check(region, off_bytes, &work->digests, trust, work->block, fault);
}

ferry_err ferry_signature_trust_running(const struct ferry_region *region, uint32_t image_bytes,
                                        struct ferry_signature_work *work, struct ferry_trust *out)
{
    uint32_t off_bytes = 0;
    ferry_err err = find_sector(region, image_bytes, &off_bytes, NULL);
    if (err)
        return err;
    for (uint32_t i = 0; i < FERRY_SIGNATURE_BLOCKS; i++) {
        struct ferry_signature_block block;
        err = ferry_region_read(region, off_bytes + i * FERRY_SIGNATURE_BLOCK_BYTES, work->block,
                                FERRY_SIGNATURE_BLOCK_BYTES);
        if (err)
            return err;
        err = ferry_signature_decode(work->block, &block);
        if (err)
            continue;
        memset(out, 0, sizeof(*out));
        out->n_keys = 1;
        out->first_block_only = true;
        out->p384 = block.scheme == FERRY_SCHEME_ECDSA_P384;
        ferry_signature_key_digest(&block, out->key_digests[0]);
        return FERRY_OK;
    }
    return err;
}
