/* tests/unit/test_signature.c - signature sectors: blocks apart and together again, whom to trust,
 * and each way a signature can fail. Keys are made anew in every run; what Espressif decides is
 * conformance_signature's job. */
#include "ferry/signature.h"

#include "ferry/bytes.h"
#include "ferry/crc32.h"

#include "fresh_key.h"
#include "image_sign.h"
#include "t.h"

#include <stdlib.h>
#include <string.h>

#define FLASH_BYTES 0x10000u
#define IMAGE_BYTES 5000u // not whole sectors, so that padding counts
#define SECTOR_OFF  8192u
#define BLOCK       FERRY_SIGNATURE_BLOCK_BYTES

enum { KEY_RSA, KEY_P192, KEY_P256, KEY_P384, KEY_OTHER, N_KEYS };

static struct ferry_sign_key keys[N_KEYS];
static uint8_t flash_bytes[FLASH_BYTES];
static uint32_t fail_at = UINT32_MAX; // reads that touch this byte fail
static struct ferry_signature_work work;
static struct ferry_fault fault;

static ferry_err flash_read(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    (void)f;
    if (off <= fail_at && fail_at - off < len)
        return FERRY_ERR_FLASH_IO;
    memcpy(dst, flash_bytes + off, len);
    return FERRY_OK;
}

static const struct ferry_flash_ops flash_ops = {.read = flash_read};
static const struct ferry_flash flash = {.ops = &flash_ops,
                                         .size_bytes = FLASH_BYTES,
                                         .sector_bytes = 4096,
                                         .block_bytes = 4096,
                                         .prog_bytes = 1};
static const struct ferry_region slot = {&flash, 0, FLASH_BYTES};

static void make_keys(void)
{
    fresh_key_take(&keys[KEY_RSA], EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072));
    fresh_key_take(&keys[KEY_P192], EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-192"));
    fresh_key_take(&keys[KEY_P256], EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
    fresh_key_take(&keys[KEY_P384], EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"));
    fresh_key_take(&keys[KEY_OTHER], EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
}

static struct ferry_trust trust_in(const struct ferry_sign_key *key)
{
    struct ferry_trust trust = {.n_keys = 1, .p384 = key->scheme == FERRY_SCHEME_ECDSA_P384};
    ferry_sign_key_digest(key, trust.key_digests[0]);
    return trust;
}

/* An image in an erased slot, signed with these keys. */
static void put_signed(const struct ferry_sign_key *by, unsigned n)
{
    struct ferry_signed_image made;
    memset(flash_bytes, 0xff, sizeof(flash_bytes));
    for (uint32_t i = 0; i < IMAGE_BYTES; i++)
        flash_bytes[i] = (uint8_t)(i * 7);
    T_EQ_INT(ferry_image_sign(flash_bytes, IMAGE_BYTES, by, n, false, &made), FERRY_OK);
    T_EQ_INT(made.n_bytes, SECTOR_OFF + FERRY_SIGNATURE_SECTOR_BYTES);
    memcpy(flash_bytes, made.bytes, made.n_bytes);
    free(made.bytes);
}

static ferry_err verify(const struct ferry_trust *trust)
{
    memset(&fault, 0x55, sizeof(fault));
    const ferry_verdict verdict = ferry_signature_verify(&slot, IMAGE_BYTES, trust, &work, &fault);
    T_EQ_INT(verdict, fault.err ? FERRY_VERDICT_NONE : FERRY_VERDICT_GENUINE);
    return fault.err;
}

static void fix_crc(uint8_t *block)
{
    ferry_put_le32(block + 1196, ferry_crc32(0, block, 1196));
}

static void every_scheme_signs_and_verifies(void)
{
    for (unsigned i = 0; i < N_KEYS; i++) {
        const struct ferry_trust trust = trust_in(&keys[i]);
        put_signed(&keys[i], 1);
        T_EQ_INT(verify(&trust), FERRY_OK);
    }
}

static void any_changed_bit_of_the_signed_bytes_is_noticed(void)
{
    for (unsigned i = 0; i < N_KEYS; i++) {
        const struct ferry_trust trust = trust_in(&keys[i]);
        put_signed(&keys[i], 1);
        static const uint32_t places[] = {0, IMAGE_BYTES - 1, IMAGE_BYTES, SECTOR_OFF - 1};
        for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
            flash_bytes[places[p]] ^= 0x10;
            T_EQ_INT(verify(&trust), FERRY_ERR_SIGNATURE_BAD);
            T_EQ_INT(fault.off_bytes, SECTOR_OFF);
            flash_bytes[places[p]] ^= 0x10;
        }
        T_EQ_INT(verify(&trust), FERRY_OK);
    }
}

static void any_changed_byte_of_a_block_breaks_it(void)
{
    uint8_t *block = flash_bytes + SECTOR_OFF;
    struct ferry_signature_block parts;
    put_signed(&keys[KEY_P256], 1);
    for (uint32_t at = 0; at < BLOCK; at++) {
        block[at] ^= 1;
        T_EQ_INT(ferry_signature_decode(block, &parts),
                 at < 1200 ? FERRY_ERR_SIGNATURE_NONE : FERRY_OK);
        block[at] ^= 1;
    }
}

static void block_comes_apart_and_together_again(void)
{
    for (unsigned i = 0; i < N_KEYS; i++) {
        uint8_t again[BLOCK];
        struct ferry_signature_block parts;
        uint8_t digest[FERRY_SHA256_BYTES], want[FERRY_SHA256_BYTES];
        put_signed(&keys[i], 1);
        T_EQ_INT(ferry_signature_decode(flash_bytes + SECTOR_OFF, &parts), FERRY_OK);
        T_EQ_INT(parts.scheme, keys[i].scheme);
        T_EQ_MEM(parts.key, keys[i].part, parts.n_key_bytes);
        ferry_signature_key_digest(&parts, digest);
        ferry_sign_key_digest(&keys[i], want);
        T_EQ_MEM(digest, want, sizeof(want));
        T_EQ_INT(ferry_signature_encode(&parts, again), FERRY_OK);
        T_EQ_MEM(again, flash_bytes + SECTOR_OFF, BLOCK);
    }
    const struct ferry_signature_block none = {.scheme = FERRY_SCHEME_NONE};
    uint8_t bytes[BLOCK];
    T_EQ_INT(ferry_signature_encode(&none, bytes), FERRY_ERR_ARG);
}

static ferry_err decode_with(uint32_t at, uint8_t value, enum ferry_scheme *scheme)
{
    uint8_t block[BLOCK];
    struct ferry_signature_block parts = {.scheme = FERRY_SCHEME_NONE};
    memcpy(block, flash_bytes + SECTOR_OFF, BLOCK);
    block[at] = value;
    fix_crc(block);
    const ferry_err err = ferry_signature_decode(block, &parts);
    *scheme = parts.scheme;
    return err;
}

static void version_and_curve_decide_the_scheme(void)
{
    enum ferry_scheme scheme;
    put_signed(&keys[KEY_P256], 1);
    T_EQ_INT(decode_with(1, 1, &scheme), FERRY_ERR_SIGNATURE_NONE);
    T_EQ_INT(decode_with(1, 4, &scheme), FERRY_ERR_SIGNATURE_NONE);
    T_EQ_INT(decode_with(36, 0, &scheme), FERRY_ERR_SIGNATURE_NONE);
    T_EQ_INT(decode_with(36, 3, &scheme), FERRY_ERR_SIGNATURE_NONE);
    T_EQ_INT(decode_with(36, 1, &scheme), FERRY_OK);
    T_EQ_INT(scheme, FERRY_SCHEME_ECDSA_P192);
    T_EQ_INT(decode_with(2, 0x10, &scheme), FERRY_OK);
    T_EQ_INT(scheme, FERRY_SCHEME_ECDSA_P256);
    put_signed(&keys[KEY_P384], 1);
    T_EQ_INT(decode_with(3, 0, &scheme), FERRY_OK);
    T_EQ_INT(scheme, FERRY_SCHEME_ECDSA_P384);
    T_EQ_INT(decode_with(52, 4, &scheme), FERRY_ERR_SIGNATURE_NONE);
}

static void only_trusted_keys_count(void)
{
    const struct ferry_trust nobody = {0};
    struct ferry_trust trust = trust_in(&keys[KEY_OTHER]);
    put_signed(&keys[KEY_P256], 1);
    T_EQ_INT(verify(&nobody), FERRY_ERR_SIGNATURE_KEY);
    T_EQ_INT(verify(&trust), FERRY_ERR_SIGNATURE_KEY);
    trust.n_keys = 3;
    T_EQ_INT(verify(&trust), FERRY_ERR_SIGNATURE_KEY);
    ferry_sign_key_digest(&keys[KEY_P256], trust.key_digests[2]);
    T_EQ_INT(verify(&trust), FERRY_OK);
    trust.n_keys = 2; // what lies behind the count is not looked at
    T_EQ_INT(verify(&trust), FERRY_ERR_SIGNATURE_KEY);
    trust.n_keys = 4;
    T_EQ_INT(verify(&trust), FERRY_ERR_ARG);
}

static void p384_counts_only_where_its_digest_is_made(void)
{
    struct ferry_trust trust = trust_in(&keys[KEY_P384]);
    put_signed(&keys[KEY_P384], 1);
    trust.p384 = false;
    T_EQ_INT(verify(&trust), FERRY_ERR_SIGNATURE_KEY);
}

static void one_good_block_of_three_suffices(void)
{
    const struct ferry_sign_key by[] = {keys[KEY_OTHER], keys[KEY_RSA], keys[KEY_P256]};
    struct ferry_trust trust = trust_in(&keys[KEY_P256]);
    put_signed(by, 3);
    T_EQ_INT(verify(&trust), FERRY_OK);
    trust.first_block_only = true;
    T_EQ_INT(verify(&trust), FERRY_ERR_SIGNATURE_KEY);
    trust.first_block_only = false;
    memset(flash_bytes + SECTOR_OFF, 0, 2 * BLOCK);
    T_EQ_INT(verify(&trust), FERRY_OK);
    trust.first_block_only = true;
    T_EQ_INT(verify(&trust), FERRY_ERR_SIGNATURE_NONE);
}

static void block_that_came_furthest_is_told(void)
{
    const struct ferry_sign_key by[] = {keys[KEY_OTHER], keys[KEY_P256]};
    const struct ferry_trust trust = trust_in(&keys[KEY_P256]);
    put_signed(by, 2);
    flash_bytes[0] ^= 1;
    T_EQ_INT(verify(&trust), FERRY_ERR_SIGNATURE_BAD);
    T_EQ_INT(fault.value, 1);
    T_EQ_INT(fault.off_bytes, SECTOR_OFF + BLOCK);
}

static void unsigned_image_is_refused(void)
{
    const struct ferry_trust trust = trust_in(&keys[KEY_P256]);
    put_signed(&keys[KEY_P256], 1);
    memset(flash_bytes + SECTOR_OFF, 0xff, FERRY_SIGNATURE_SECTOR_BYTES);
    T_EQ_INT(verify(&trust), FERRY_ERR_SIGNATURE_NONE);
    memset(flash_bytes + SECTOR_OFF, 0, FERRY_SIGNATURE_SECTOR_BYTES);
    T_EQ_INT(verify(&trust), FERRY_ERR_SIGNATURE_NONE);
}

static void sector_beyond_the_slot_is_refused(void)
{
    const struct ferry_trust trust = trust_in(&keys[KEY_P256]);
    const struct ferry_region small = {&flash, 0, SECTOR_OFF + 4095};
    put_signed(&keys[KEY_P256], 1);
    T_CHECK(ferry_signature_verify(&small, IMAGE_BYTES, &trust, &work, &fault) !=
            FERRY_VERDICT_GENUINE);
    T_EQ_INT(fault.err, FERRY_ERR_IMAGE_SIZE);
    T_EQ_INT(fault.value, SECTOR_OFF + 4096);
    T_EQ_INT(fault.limit, SECTOR_OFF + 4095);
    T_CHECK(ferry_signature_verify(&slot, UINT32_MAX, &trust, &work, &fault) !=
            FERRY_VERDICT_GENUINE);
    T_EQ_INT(fault.err, FERRY_ERR_IMAGE_SIZE);
    T_CHECK(ferry_signature_check(&slot, UINT32_MAX - 4094, &work.digests, &trust, work.block,
                                  &fault) != FERRY_VERDICT_GENUINE);
    T_EQ_INT(fault.err, FERRY_ERR_IMAGE_SIZE);
    T_EQ_INT(fault.value, UINT32_MAX);
}

static void digest_of_other_bytes_is_refused(void)
{
    const struct ferry_trust trust = trust_in(&keys[KEY_RSA]);
    const struct ferry_signed_digests zero = {{0}, {0}};
    put_signed(&keys[KEY_RSA], 1);
    T_EQ_INT(verify(&trust), FERRY_OK);
    const struct ferry_signed_digests good = work.digests;
    T_EQ_INT(ferry_signature_check(&slot, SECTOR_OFF, &good, &trust, work.block, NULL),
             FERRY_VERDICT_GENUINE);
    T_EQ_INT(ferry_signature_check(&slot, SECTOR_OFF, &zero, &trust, work.block, NULL),
             FERRY_VERDICT_NONE);
}

static void unreadable_flash_is_no_verdict_for_the_image(void)
{
    const struct ferry_trust trust = trust_in(&keys[KEY_P256]);
    put_signed(&keys[KEY_P256], 1);
    fail_at = 100;
    T_EQ_INT(verify(&trust), FERRY_ERR_FLASH_IO);
    fail_at = SECTOR_OFF + 100;
    T_EQ_INT(verify(&trust), FERRY_ERR_FLASH_IO);
    struct ferry_trust running;
    T_EQ_INT(ferry_signature_trust_running(&slot, IMAGE_BYTES, &work, &running),
             FERRY_ERR_FLASH_IO);
    fail_at = UINT32_MAX;
}

static void running_app_gives_trust_in_its_first_whole_block(void)
{
    const struct ferry_sign_key by[] = {keys[KEY_P384], keys[KEY_P256]};
    struct ferry_trust trust = {.n_keys = 9};
    put_signed(by, 2);
    T_EQ_INT(ferry_signature_trust_running(&slot, IMAGE_BYTES, &work, &trust), FERRY_OK);
    T_CHECK(trust.n_keys == 1 && trust.p384 && trust.first_block_only);
    T_EQ_INT(verify(&trust), FERRY_OK);
    flash_bytes[SECTOR_OFF + 500] ^= 1;
    T_EQ_INT(ferry_signature_trust_running(&slot, IMAGE_BYTES, &work, &trust), FERRY_OK);
    T_CHECK(trust.n_keys == 1 && !trust.p384);
    put_signed(&keys[KEY_P256], 1);
    T_EQ_INT(verify(&trust), FERRY_OK);
    memset(flash_bytes + SECTOR_OFF, 0xff, BLOCK);
    T_EQ_INT(ferry_signature_trust_running(&slot, IMAGE_BYTES, &work, &trust),
             FERRY_ERR_SIGNATURE_NONE);
    T_EQ_INT(ferry_signature_trust_running(&slot, FLASH_BYTES, &work, &trust),
             FERRY_ERR_IMAGE_SIZE);
    T_EQ_INT(trust.n_keys, 1);
}

static void nonsense_key_is_refused(void)
{
    static const uint8_t zero[FERRY_KEY_PART_MOST];
    for (int scheme = FERRY_SCHEME_NONE; scheme <= FERRY_SCHEME_ECDSA_P384; scheme++)
        T_EQ_INT(ferry_verify((enum ferry_scheme)scheme, zero, zero, zero), FERRY_VERDICT_NONE);
    uint8_t off_curve[FERRY_KEY_PART_MOST];
    memcpy(off_curve, keys[KEY_P256].part, sizeof(off_curve));
    off_curve[40] ^= 1;
    T_EQ_INT(ferry_verify(FERRY_SCHEME_ECDSA_P256, off_curve, zero, zero), FERRY_VERDICT_NONE);
}

static void sha384_is_the_standard_one(void)
{
    static const uint8_t want[] = {0xcb, 0x00, 0x75, 0x3f, 0x45, 0xa3, 0x5e, 0x8b, 0xb5, 0xa0};
    uint8_t got[FERRY_SHA384_BYTES];
    struct ferry_sha384 h, clone;
    ferry_sha384_init(&h);
    ferry_sha384_update(&h, "a", 1);
    clone = h;
    ferry_sha384_update(&h, "zz", 2);
    ferry_sha384_update(&clone, "bc", 2);
    ferry_sha384_finish(&clone, got);
    T_EQ_MEM(got, want, sizeof(want));
}

static void blocks_are_added_until_the_sector_is_full(void)
{
    struct ferry_signed_image made;
    const uint32_t n = SECTOR_OFF + FERRY_SIGNATURE_SECTOR_BYTES;
    put_signed(keys, 2);
    T_EQ_INT(ferry_image_sign(flash_bytes, n, &keys[KEY_P256], 1, true, &made), FERRY_OK);
    T_EQ_INT(made.n_blocks, 3);
    T_EQ_INT(made.n_bytes, n);
    T_EQ_MEM(made.bytes, flash_bytes, SECTOR_OFF + 2 * BLOCK);
    memcpy(flash_bytes, made.bytes, n);
    free(made.bytes);
    for (unsigned i = KEY_RSA; i <= KEY_P256; i++) {
        const struct ferry_trust trust = trust_in(&keys[i]);
        T_EQ_INT(verify(&trust), FERRY_OK);
    }
    T_EQ_INT(ferry_image_sign(flash_bytes, n, &keys[KEY_P384], 1, true, &made),
             FERRY_ERR_SIGNATURE_FULL);
    T_EQ_INT(made.fault.value, 4);
    T_CHECK(!made.bytes);
}

int main(void)
{
    make_keys();
    T_RUN(every_scheme_signs_and_verifies);
    T_RUN(any_changed_bit_of_the_signed_bytes_is_noticed);
    T_RUN(any_changed_byte_of_a_block_breaks_it);
    T_RUN(block_comes_apart_and_together_again);
    T_RUN(version_and_curve_decide_the_scheme);
    T_RUN(only_trusted_keys_count);
    T_RUN(p384_counts_only_where_its_digest_is_made);
    T_RUN(one_good_block_of_three_suffices);
    T_RUN(block_that_came_furthest_is_told);
    T_RUN(unsigned_image_is_refused);
    T_RUN(sector_beyond_the_slot_is_refused);
    T_RUN(digest_of_other_bytes_is_refused);
    T_RUN(unreadable_flash_is_no_verdict_for_the_image);
    T_RUN(running_app_gives_trust_in_its_first_whole_block);
    T_RUN(nonsense_key_is_refused);
    T_RUN(sha384_is_the_standard_one);
    T_RUN(blocks_are_added_until_the_sector_is_full);
    for (unsigned i = 0; i < N_KEYS; i++)
        ferry_sign_key_close(&keys[i]);
    return t_end();
}
