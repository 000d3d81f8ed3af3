/* tests/idf/test_signed_esp.c - ferry_esp_update with "Require signed updates" in menuconfig: whose
 * image it takes, by the key of the app that runs, checked through PSA. Keys are fresh. */
#include <stdlib.h>
#include <string.h>

#include "update_esp.h"

#include "app_image.h"
#include "fake_esp_board.h"
#include "fake_esp_chip.h"
#include "fake_esp_flash.h"
#include "fake_esp_http.h"
#include "fresh_key.h"
#include "image_sign.h"

#define PAYLOAD 70000u
#define URL     "http://updates.example.com/app.bin" // a signature vouches for it

enum { KEY_RSA, KEY_P256, KEY_P384, KEY_OTHER, N_KEYS };

static struct ferry_sign_key keys[N_KEYS];
static struct ferry_esp_update update;
static struct ferry_esp_trust trust;
static struct ferry_esp esp;
static struct ferry_signed_image running, next;

static void make_keys(void)
{
    fresh_key_take(&keys[KEY_RSA], EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072));
    fresh_key_take(&keys[KEY_P256], EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
    fresh_key_take(&keys[KEY_P384], EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"));
    fresh_key_take(&keys[KEY_OTHER], EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
}

/* An image signed with these keys; the caller frees its bytes. */
static struct ferry_signed_image signed_image(const char *version, const struct ferry_sign_key *key)
{
    static uint8_t app[APP_IMAGE_BYTES(PAYLOAD)];
    struct ferry_signed_image out = {0};
    const uint32_t n = app_image_make(
        app, &(struct app_image_spec){
                 .project = "demo", .version = version, .payload_bytes = PAYLOAD, .chip_id = 5});
    T_EQ_INT(ferry_image_sign(app, n, key, 1, false, &out), FERRY_OK);
    return out;
}

/* A board that runs 1.0.0 signed with one key, and 2.0.0 signed with another on the server. */
static void fresh_world(int key_running, int key_next)
{
    free(running.bytes);
    free(next.bytes);
    running = signed_image("1.0.0", &keys[key_running]);
    next = signed_image("2.0.0", &keys[key_next]);
    fake_board_fresh(false, running.bytes, running.n_bytes);
}

static ferry_err run(const uint8_t *file, uint32_t n)
{
    const struct fake_answer a[] = {{.serves_ranges = true, .body = file, .body_bytes = n}};
    fake_http_reset(a);
    memset(&trust, 0, sizeof trust);
    return ferry_esp_update(&update,
                            &(struct ferry_esp_update_config){.url = URL, .trust = &trust});
}

static void same_key_updates(void)
{
    for (int key = KEY_RSA; key <= KEY_P384; key++) {
        fresh_world(key, key);
        T_EQ_INT(run(next.bytes, next.n_bytes), FERRY_OK);
        T_EQ_INT(fake_board_boots(&esp, &trust), 1);
    }
}

static void other_key_is_refused(void)
{
    static const int others[] = {KEY_OTHER, KEY_P384, KEY_RSA};
    for (size_t i = 0; i < 3; i++) {
        fresh_world(KEY_P256, others[i]);
        T_EQ_INT(run(next.bytes, next.n_bytes), FERRY_ERR_SIGNATURE_KEY);
        T_EQ_INT(fake_board_boots(&esp, &trust), 0);
    }
}

static void unsigned_image_is_refused(void)
{
    fresh_world(KEY_P256, KEY_P256);
    // Without its sector, and without the padding before it.
    T_EQ_INT(run(next.bytes, next.n_bytes - 4096), FERRY_ERR_SIGNATURE_NONE);
    T_EQ_INT(fake_board_boots(&esp, &trust), 0);
    T_EQ_INT(run(next.bytes, next.n_bytes - 4096 - next.n_padding), FERRY_ERR_SIGNATURE_NONE);
    T_EQ_INT(fake_board_boots(&esp, &trust), 0);
}

/* Each byte of the block counts: its number is its key's, its digest's, its signature's or its
 * CRC's. */
static void changed_signature_is_refused(void)
{
    for (int key = KEY_RSA; key <= KEY_P384; key++)
        for (uint32_t at = 0; at < 1200; at += 149) {
            fresh_world(key, key);
            next.bytes[next.n_bytes - 4096 + at] ^= 0x10;
            const ferry_err err = run(next.bytes, next.n_bytes);
            T_CHECK(err == FERRY_ERR_SIGNATURE_NONE || err == FERRY_ERR_SIGNATURE_KEY ||
                    err == FERRY_ERR_SIGNATURE_BAD);
            T_EQ_INT(fake_board_boots(&esp, &trust), 0);
        }
}

static void signature_of_another_image_is_refused(void)
{
    fresh_world(KEY_P256, KEY_P256);
    // The sector of the running release behind the new one's bytes.
    memcpy(next.bytes + next.n_bytes - 4096, running.bytes + running.n_bytes - 4096, 4096);
    T_EQ_INT(run(next.bytes, next.n_bytes), FERRY_ERR_SIGNATURE_BAD);
    T_EQ_INT(fake_board_boots(&esp, &trust), 0);
}

static void unsigned_app_trusts_nobody(void)
{
    fresh_world(KEY_P256, KEY_P256);
    fake_board_fresh(false, running.bytes, running.n_bytes - 4096);
    T_EQ_INT(run(next.bytes, next.n_bytes), FERRY_ERR_SIGNATURE_NONE);
    T_EQ_INT(fake_http.n_asked, 0);
}

static void memory_for_trust_is_needed(void)
{
    fresh_world(KEY_P256, KEY_P256);
    T_EQ_INT(ferry_esp_update(&update, &(struct ferry_esp_update_config){.url = URL}),
             FERRY_ERR_ARG);
    T_EQ_INT(fake_http.n_asked, 0);
}

int main(void)
{
    make_keys();
    T_RUN(same_key_updates);
    T_RUN(other_key_is_refused);
    T_RUN(unsigned_image_is_refused);
    T_RUN(changed_signature_is_refused);
    T_RUN(signature_of_another_image_is_refused);
    T_RUN(unsigned_app_trusts_nobody);
    T_RUN(memory_for_trust_is_needed);
    free(running.bytes);
    free(next.bytes);
    for (int i = 0; i < N_KEYS; i++)
        ferry_sign_key_close(&keys[i]);
    return t_end();
}
