/* core/checkpoint.c - the blob of a checkpoint: written, read, and held against what is promised
 * now. Pure: whether flash still holds the bytes is for the maker to find out. */
#include "core/checkpoint_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"
#include "ferry/crc32.h"
#include "ferry/crypto.h"

#define FLAG_HAS_CRC   1u
#define FLAG_HAS_SHA   2u
#define OFF_TARGET     4u
#define OFF_FLAGS      5u
#define OFF_OFFSET     8u
#define OFF_LENGTH     12u
#define OFF_PREFIX_CRC 16u
#define OFF_FILE_CRC   20u
#define OFF_SHA        24u
#define OFF_VALIDATOR  56u
#define OFF_OWN        88u
#define OFF_PLACE      120u
#define OFF_OWN_CRC    124u

static void put(uint8_t *to, const uint8_t *from, uint32_t n)
{
    if (from)
        memcpy(to, from, n);
}

void ferry__checkpoint_put(const struct ferry__kept *k, uint8_t blob[FERRY_CHECKPOINT_BYTES])
{
    memset(blob, 0, FERRY_CHECKPOINT_BYTES);
    ferry_put_le32(blob, k->magic);
    blob[OFF_TARGET] = k->target;
    blob[OFF_FLAGS] = (uint8_t)((k->has_crc32 ? FLAG_HAS_CRC : 0) | (k->sha256 ? FLAG_HAS_SHA : 0));
    ferry_put_le32(blob + OFF_OFFSET, k->off_bytes);
    ferry_put_le32(blob + OFF_LENGTH, k->length_bytes);
    ferry_put_le32(blob + OFF_PREFIX_CRC, k->prefix_crc32);
    ferry_put_le32(blob + OFF_FILE_CRC, k->has_crc32 ? k->file_crc32 : 0);
    put(blob + OFF_SHA, k->sha256, FERRY_SHA256_BYTES);
    put(blob + OFF_VALIDATOR, k->validator, FERRY_CHECKPOINT_VALIDATOR);
    put(blob + OFF_OWN, k->own, CHECKPOINT_OWN_BYTES);
    ferry_put_le32(blob + OFF_PLACE, k->place_off_bytes);
    ferry_put_le32(blob + OFF_OWN_CRC, ferry_crc32(0, blob, OFF_OWN_CRC));
}

static bool is_whole(const uint8_t *blob)
{
    const uint32_t magic = ferry_le32(blob);
    return (magic == CHECKPOINT_UPDATE || magic == CHECKPOINT_STAGE) &&
           ferry_le32(blob + OFF_OWN_CRC) == ferry_crc32(0, blob, OFF_OWN_CRC);
}

ferry_err ferry_checkpoint_read(const uint8_t *blob, size_t blob_bytes,
                                struct ferry_checkpoint *out)
{
    if (blob_bytes != FERRY_CHECKPOINT_BYTES || !is_whole(blob))
        return FERRY_ERR_CHECKPOINT;
    out->off_bytes = ferry_le32(blob + OFF_OFFSET);
    out->length_bytes = ferry_le32(blob + OFF_LENGTH);
    memcpy(out->validator, blob + OFF_VALIDATOR, FERRY_CHECKPOINT_VALIDATOR);
    return FERRY_OK;
}

/* Of a good blob. */
static void get(const uint8_t *blob, struct ferry__kept *k)
{
    *k = (struct ferry__kept){
        .magic = ferry_le32(blob),
        .target = blob[OFF_TARGET],
        .has_crc32 = blob[OFF_FLAGS] & FLAG_HAS_CRC,
        .off_bytes = ferry_le32(blob + OFF_OFFSET),
        .length_bytes = ferry_le32(blob + OFF_LENGTH),
        .prefix_crc32 = ferry_le32(blob + OFF_PREFIX_CRC),
        .file_crc32 = ferry_le32(blob + OFF_FILE_CRC),
        .sha256 = blob[OFF_FLAGS] & FLAG_HAS_SHA ? blob + OFF_SHA : NULL,
        .validator = blob + OFF_VALIDATOR,
        .own = blob + OFF_OWN,
        .place_off_bytes = ferry_le32(blob + OFF_PLACE),
    };
}

static bool same_promises(const struct ferry__kept *a, const struct ferry__kept *b)
{
    if (a->length_bytes != b->length_bytes || a->has_crc32 != b->has_crc32 ||
        !a->sha256 != !b->sha256 || (a->has_crc32 && a->file_crc32 != b->file_crc32))
        return false;
    return !a->sha256 || memcmp(a->sha256, b->sha256, FERRY_SHA256_BYTES) == 0;
}

ferry_err ferry__checkpoint_get(const uint8_t blob[FERRY_CHECKPOINT_BYTES],
                                const struct ferry__kept *now, uint32_t place_bytes,
                                uint32_t sector_bytes, struct ferry__kept *out)
{
    if (!is_whole(blob))
        return FERRY_ERR_CHECKPOINT;
    get(blob, out);
    const uint32_t off = out->off_bytes;
    if (out->magic != now->magic || out->target != now->target ||
        out->place_off_bytes != now->place_off_bytes || !same_promises(out, now) || !off ||
        off % sector_bytes || off >= place_bytes || (out->length_bytes && off > out->length_bytes))
        return FERRY_ERR_CHECKPOINT;
    return FERRY_OK;
}
