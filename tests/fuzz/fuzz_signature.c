/* tests/fuzz/fuzz_signature.c - a signature sector with any bytes.
 * Parts lie inside the block and make the same block again; and whatever key a block brings along,
 * even a trusted one, it never makes an image genuine that it did not sign. */
#include "fuzz.h"

#include <string.h>

#include "ferry/bytes.h"
#include "ferry/crc32.h"
#include "ferry/signature.h"

#define BLOCK   FERRY_SIGNATURE_BLOCK_BYTES
#define CRC_OFF 1196u

static uint8_t sector[FERRY_SIGNATURE_SECTOR_BYTES];

static ferry_err sector_read(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    (void)f;
    FUZZ_MUST(ferry_range_fits(off, len, sizeof(sector)));
    memcpy(dst, sector + off, len);
    return FERRY_OK;
}

static bool is_inside(const uint8_t *part, size_t n, const uint8_t *block)
{
    return part >= block + 4 && n > 0 && part + n <= block + CRC_OFF;
}

/* A whole block's parts, and the block that they make. Bytes that belong to no part may differ. */
static void take_apart(const uint8_t *bytes, struct ferry_trust *trust)
{
    uint8_t again[BLOCK];
    struct ferry_signature_block a, b;
    if (ferry_signature_decode(bytes, &a) != FERRY_OK)
        return;
    FUZZ_MUST(is_inside(a.digest, a.n_digest_bytes, bytes));
    FUZZ_MUST(is_inside(a.key, a.n_key_bytes, bytes));
    FUZZ_MUST(is_inside(a.signature, a.n_signature_bytes, bytes));
    FUZZ_MUST(ferry_signature_encode(&a, again) == FERRY_OK);
    FUZZ_MUST(ferry_signature_decode(again, &b) == FERRY_OK);
    FUZZ_MUST(a.scheme == b.scheme && !memcmp(a.digest, b.digest, a.n_digest_bytes) &&
              !memcmp(a.key, b.key, a.n_key_bytes) &&
              !memcmp(a.signature, b.signature, a.n_signature_bytes));
    ferry_signature_key_digest(&a, trust->key_digests[trust->n_keys++]);
}

/* Trusts every key in the sector, and asks it about bytes that nobody has signed. */
static void check_sector(void)
{
    static const struct ferry_flash_ops ops = {.read = sector_read};
    static const struct ferry_flash flash = {.ops = &ops,
                                             .size_bytes = sizeof(sector),
                                             .sector_bytes = sizeof(sector),
                                             .block_bytes = sizeof(sector),
                                             .prog_bytes = 1};
    const struct ferry_region region = {&flash, 0, sizeof(sector)};
    static struct ferry_signature_work work;
    struct ferry_trust trust = {.p384 = true};
    struct ferry_fault fault;
    for (uint32_t i = 0; i < FERRY_SIGNATURE_BLOCKS; i++)
        take_apart(sector + i * BLOCK, &trust);
    memset(&work.digests, 0x5a, sizeof(work.digests));
    FUZZ_MUST(ferry_signature_check(&region, 0, &work.digests, &trust, work.block, &fault) ==
              FERRY_VERDICT_NONE);
    FUZZ_MUST(fault.err == (trust.n_keys ? FERRY_ERR_SIGNATURE_BAD : FERRY_ERR_SIGNATURE_NONE));
    struct ferry_trust running;
    const ferry_err err = ferry_signature_trust_running(&region, 0, &work, &running);
    FUZZ_MUST(err == (trust.n_keys ? FERRY_OK : FERRY_ERR_SIGNATURE_NONE));
    if (!err)
        FUZZ_MUST(running.n_keys == 1 && running.first_block_only &&
                  !memcmp(running.key_digests[0], trust.key_digests[0], FERRY_SHA256_BYTES));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    memset(sector, 0xff, sizeof(sector));
    memcpy(sector, data, n < sizeof(sector) ? n : sizeof(sector));
    check_sector();
    // A CRC is nothing that random bytes have; with it they come further.
    for (uint32_t i = 0; i < FERRY_SIGNATURE_BLOCKS; i++) {
        uint8_t *block = sector + i * BLOCK;
        ferry_put_le32(block + CRC_OFF, ferry_crc32(0, block, CRC_OFF));
    }
    check_sector();
    return 0;
}
