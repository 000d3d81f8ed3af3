/* tests/unit/test_gate.c - trusted keys configured, so a valid signature is required: of
 * every update session, whatever its flags say. Keys are made anew in every run. */
#include "bench_device.h"

#include "app_image.h"
#include "fresh_key.h"
#include "image_sign.h"
#include "t.h"

#include "ferry/gate.h"
#include "ferry/slots.h"

#include <stdlib.h>
#include <string.h>

#define PAYLOAD 70001u / 4 * 4

enum { KEY_P256, KEY_P384, KEY_RSA, KEY_OTHER, N_KEYS };

static struct ferry_sign_key keys[N_KEYS];
static struct bench_device b;
static struct ferry_update u;
static struct ferry_trust trust;
static struct ferry_signature_gate gate;
static uint8_t image[APP_IMAGE_BYTES(PAYLOAD)];
static uint32_t n_bytes;

static void make_keys(void)
{
    fresh_key_take(&keys[KEY_P256], EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
    fresh_key_take(&keys[KEY_P384], EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"));
    fresh_key_take(&keys[KEY_RSA], EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072));
    fresh_key_take(&keys[KEY_OTHER], EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
}

/* ota_0 runs; whoever updates must be signed by this key. */
static void start(int trusted)
{
    bench_device_init(&b, &(struct bench_layout){.n_slots = 2});
    bench_device_put(&b, 0, image, n_bytes);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    b.dev.running = 0;
    trust =
        (struct ferry_trust){.n_keys = 1, .p384 = keys[trusted].scheme == FERRY_SCHEME_ECDSA_P384};
    ferry_sign_key_digest(&keys[trusted], trust.key_digests[0]);
    ferry_signature_gate_init(&gate, &trust);
    b.policy.gate = &gate.gate;
}

static ferry_err update(const uint8_t *bytes, uint32_t n, uint32_t flags)
{
    const struct ferry_update_config cfg = {.slot = FERRY_SLOT_NEXT, .flags = flags};
    return bench_device_update(&b, bytes, n, 3000, cfg, &u);
}

/* The update is refused for this reason; the old app stays, and the target cannot boot. */
static void refused(const uint8_t *bytes, uint32_t n, ferry_err want)
{
    static const uint32_t every_flag = FERRY_UPDATE_DOWNGRADE | FERRY_UPDATE_PROJECT |
                                       FERRY_UPDATE_PENDING_TOO | FERRY_UPDATE_NO_DESC;
    T_EQ_INT(update(bytes, n, every_flag), want);
    T_EQ_INT(u.fault.err, want);
    T_CHECK(ferry_device_verify(&b.dev, 1) != FERRY_OK);
    T_EQ_INT(bench_device_boot(&b), 0);
    bench_device_free(&b);
}

static struct ferry_signed_image sign(int key)
{
    struct ferry_signed_image made;
    T_EQ_INT(ferry_image_sign(image, n_bytes, &keys[key], 1, false, &made), FERRY_OK);
    return made;
}

static void a_trusted_signature_passes_gently_and_at_full_speed(void)
{
    for (int key = KEY_P256; key <= KEY_RSA; key++) {
        struct ferry_signed_image made = sign(key);
        start(key);
        T_EQ_INT(update(made.bytes, made.n_bytes, 0), FERRY_OK);
        T_EQ_INT(bench_device_boot(&b), 1);
        bench_device_free(&b);
        start(key);
        T_EQ_INT(update(made.bytes, made.n_bytes, FERRY_UPDATE_GENTLE), FERRY_OK);
        bench_device_free(&b);
        free(made.bytes);
    }
}

static void a_signature_costs_no_second_reading_of_the_image(void)
{
    struct ferry_signed_image made = sign(KEY_P256);
    start(KEY_P256);
    T_EQ_INT(update(made.bytes, made.n_bytes, 0), FERRY_OK);
    T_CHECK(b.sim.counts.read_bytes <= made.n_bytes + 16384);
    bench_device_free(&b);
    free(made.bytes);
}

static void an_unsigned_image_is_refused(void)
{
    start(KEY_P256);
    refused(image, n_bytes, FERRY_ERR_SIGNATURE_NONE);
}

static void another_key_is_refused(void)
{
    struct ferry_signed_image made = sign(KEY_OTHER);
    start(KEY_P256);
    refused(made.bytes, made.n_bytes, FERRY_ERR_SIGNATURE_KEY);
    free(made.bytes);
}

static void one_different_bit_is_refused(void)
{
    struct ferry_signed_image made = sign(KEY_P256);
    // In the padding between image and sector, which only the signature covers.
    T_CHECK(made.n_padding > 0);
    made.bytes[n_bytes] ^= 1;
    start(KEY_P256);
    refused(made.bytes, made.n_bytes, FERRY_ERR_SIGNATURE_BAD);
    made.bytes[n_bytes] ^= 1;
    // In the signature itself.
    made.bytes[made.n_bytes - FERRY_SIGNATURE_SECTOR_BYTES + 120] ^= 1;
    start(KEY_P256);
    refused(made.bytes, made.n_bytes, FERRY_ERR_SIGNATURE_NONE); // the block's CRC is wrong now
    free(made.bytes);
}

/* What an older update left behind the new image is not the new image's signature. */
static void a_sector_from_before_does_not_count(void)
{
    struct ferry_signed_image made = sign(KEY_P256);
    start(KEY_P256);
    bench_device_put(&b, 1, made.bytes, made.n_bytes);
    refused(made.bytes, n_bytes, FERRY_ERR_SIGNATURE_NONE);
    free(made.bytes);
}

/* The bootloader asks for a signature as well. */
static void start_secure(void)
{
    static struct ferry_signed_boot secure;
    start(KEY_P256);
    ferry_signed_boot_init(&secure, &trust);
    b.policy.boot_check = &secure.check;
}

static void secure_boot_passes_over_what_nobody_signed(void)
{
    struct ferry_signed_image ours = sign(KEY_P256), theirs = sign(KEY_OTHER);
    start_secure();
    T_EQ_INT(ferry_device_verify(&b.dev, 0), FERRY_ERR_SIGNATURE_NONE);
    T_EQ_INT(b.dev.fault.err, FERRY_ERR_SIGNATURE_NONE);
    bench_device_put(&b, 0, ours.bytes, ours.n_bytes);
    bench_device_put(&b, 1, theirs.bytes, theirs.n_bytes);
    bench_device_entry(&b, 1, 2, FERRY_STATE_VALID);
    T_EQ_INT(ferry_device_verify(&b.dev, 0), FERRY_OK);
    T_EQ_INT(ferry_device_verify(&b.dev, 1), FERRY_ERR_SIGNATURE_KEY);
    T_EQ_INT(bench_device_boot(&b), 0);
    ours.bytes[n_bytes] ^= 1; // only the signature covers the padding
    bench_device_put(&b, 1, ours.bytes, ours.n_bytes);
    T_EQ_INT(ferry_device_verify(&b.dev, 1), FERRY_ERR_SIGNATURE_BAD);
    ours.bytes[n_bytes] ^= 1;
    bench_device_put(&b, 1, ours.bytes, ours.n_bytes);
    T_EQ_INT(bench_device_boot(&b), 1);
    bench_device_free(&b);
    free(ours.bytes);
    free(theirs.bytes);
}

/* A release that rejected itself for one that secure boot refuses would leave nothing bootable. */
static void release_does_not_go_back_to_what_would_not_boot(void)
{
    struct ferry_signed_image ours = sign(KEY_P256);
    int slot = FERRY_SLOT_NONE;
    start_secure();
    bench_device_put(&b, 1, ours.bytes, ours.n_bytes);
    bench_device_entry(&b, 1, 2, FERRY_STATE_PENDING);
    b.dev.running = 1;
    T_EQ_INT(ferry_slots_reject(&b.dev, &slot), FERRY_ERR_ROLLBACK_NONE);
    T_EQ_INT(ferry_slots_force(&b.dev, &slot), FERRY_ERR_ROLLBACK_NONE);
    bench_device_put(&b, 0, ours.bytes, ours.n_bytes);
    T_EQ_INT(ferry_slots_reject(&b.dev, &slot), FERRY_OK);
    T_EQ_INT(slot, 0);
    T_EQ_INT(bench_device_boot(&b), 0);
    bench_device_free(&b);
    free(ours.bytes);
}

int main(void)
{
    make_keys();
    n_bytes = app_image_make(
        image, &(struct app_image_spec){
                   .project = "demo", .version = "1", .payload_bytes = PAYLOAD, .chip_id = 5});
    T_RUN(a_trusted_signature_passes_gently_and_at_full_speed);
    T_RUN(a_signature_costs_no_second_reading_of_the_image);
    T_RUN(an_unsigned_image_is_refused);
    T_RUN(another_key_is_refused);
    T_RUN(one_different_bit_is_refused);
    T_RUN(a_sector_from_before_does_not_count);
    T_RUN(secure_boot_passes_over_what_nobody_signed);
    T_RUN(release_does_not_go_back_to_what_would_not_boot);
    for (int i = 0; i < N_KEYS; i++)
        ferry_sign_key_close(&keys[i]);
    return t_end();
}
