/* tests/idf/test_key_psa.c - a device's key through the PSA Crypto of Debian's mbedTLS, kept in the
 * NVS that compat/esp-idf offers on the flash model, judged by OpenSSL. */
#include "key_psa.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ferry/partition.h"
#include "ferry_compat.h"
#include "nvs.h"
#include "nvs_flash.h"
#include "sim_flash.h"
#include "t.h"

#define FLASH_BYTES 0x100000u

static struct sim_flash sim;
static struct ferry_policy policy;
static struct ferry_key_psa key;
static const struct ferry_key_place place = {"ferry_nvs", "mtls_auth", "key"};
static const struct ferry_key_place default_place = {NULL, "mtls_auth", "key"};

static void start_chip(void)
{
    const struct ferry_compat_chip chip = {.flash = &sim.flash,
                                           .policy = &policy,
                                           .table_off_bytes = 0x8000,
                                           .running = FERRY_SLOT_FACTORY};
    T_EQ_INT(ferry_compat_start(&chip), ESP_OK);
    T_EQ_INT(nvs_flash_init(), ESP_OK);
    T_EQ_INT(nvs_flash_init_partition("ferry_nvs"), ESP_OK);
}

static void fresh_chip(void)
{
    const struct ferry_partition rows[] = {
        {.off_bytes = 0x9000, .size_bytes = 0x3000, .type = 1, .subtype = 2, .label = "nvs"},
        {.off_bytes = 0xc000, .size_bytes = 0x3000, .type = 1, .subtype = 2, .label = "ferry_nvs"},
        {.off_bytes = 0x10000, .size_bytes = 0x10000, .label = "factory"}};
    uint8_t table[FERRY_TABLE_BYTES];
    sim_flash_init(&sim, FLASH_BYTES, 1);
    T_EQ_INT(ferry_table_encode(rows, 3, true, table, NULL), FERRY_OK);
    sim_flash_poke(&sim, 0x8000, table, sizeof table);
    start_chip();
}

static void end_chip(void)
{
    ferry_compat_stop();
    sim_flash_free(&sim);
}

static void request_is_genuine(void)
{
    uint8_t csr[FERRY_CSR_BYTES];
    const uint8_t *at = csr;
    size_t n = 0;
    T_EQ_INT(ferry_csr_write(key.point, "dev-1", &key.signer, csr, &n), FERRY_OK);
    X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)n);
    if (T_CHECK(req))
        T_EQ_INT(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
    X509_REQ_free(req);
}

static void openssl_takes_request_and_key(void)
{
    uint8_t der[FERRY_KEY_DER_BYTES], raw[FERRY_KEY_POINT_BYTES];
    const uint8_t *at = der;
    size_t n = 0;
    T_EQ_INT(ferry_key_psa_make(&key), FERRY_OK);
    request_is_genuine();
    T_EQ_INT(ferry_key_psa_export(&key, der), FERRY_OK);
    EVP_PKEY *read = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, sizeof der);
    if (T_CHECK(read)) {
        T_EQ_INT(EVP_PKEY_get_octet_string_param(read, "pub", raw, sizeof raw, &n), 1);
        T_EQ_MEM(raw, key.point, sizeof raw);
    }
    EVP_PKEY_free(read);
    ferry_key_psa_close(&key);
}

static void two_keys_differ(void)
{
    struct ferry_key_psa other;
    T_EQ_INT(ferry_key_psa_make(&key), FERRY_OK);
    T_EQ_INT(ferry_key_psa_make(&other), FERRY_OK);
    T_CHECK(memcmp(key.point, other.point, sizeof key.point) != 0);
    ferry_key_psa_close(&other);
    request_is_genuine(); // the first is still open
    ferry_key_psa_close(&key);
}

static void key_comes_back_after_a_reset(void)
{
    const struct ferry_key_place *const places[] = {&place, &default_place};
    for (size_t i = 0; i < 2; i++) {
        uint8_t point[FERRY_KEY_POINT_BYTES];
        fresh_chip();
        T_EQ_INT(ferry_key_psa_load(&key, places[i]), FERRY_ERR_NOT_FOUND);
        T_EQ_INT(ferry_key_psa_make(&key), FERRY_OK);
        memcpy(point, key.point, sizeof point);
        T_EQ_INT(ferry_key_psa_save(&key, places[i]), FERRY_OK);
        ferry_key_psa_close(&key);
        ferry_compat_stop();
        start_chip();
        T_EQ_INT(ferry_key_psa_load(&key, places[i]), FERRY_OK);
        T_EQ_MEM(key.point, point, sizeof point);
        request_is_genuine();
        ferry_key_psa_close(&key);
        T_EQ_INT(ferry_key_psa_load(&key, places[1 - i]), FERRY_ERR_NOT_FOUND);
        end_chip();
    }
}

/* Every single byte of what NVS keeps counts. */
static void damaged_key_is_refused(void)
{
    uint8_t der[FERRY_KEY_DER_BYTES + 1] = {0};
    nvs_handle_t nvs;
    fresh_chip();
    T_EQ_INT(ferry_key_psa_make(&key), FERRY_OK);
    T_EQ_INT(ferry_key_psa_export(&key, der), FERRY_OK);
    ferry_key_psa_close(&key);
    T_EQ_INT(nvs_open_from_partition(place.partition, place.space, NVS_READWRITE, &nvs), ESP_OK);
    for (size_t i = 0; i < FERRY_KEY_DER_BYTES; i += 5) {
        der[i] ^= 1;
        T_EQ_INT(nvs_set_blob(nvs, place.name, der, FERRY_KEY_DER_BYTES), ESP_OK);
        T_EQ_INT(ferry_key_psa_load(&key, &place), FERRY_ERR_KEY);
        T_CHECK(!key.signer.sign);
        der[i] ^= 1;
    }
    for (size_t n = FERRY_KEY_DER_BYTES - 1; n <= sizeof der; n += 2) {
        T_EQ_INT(nvs_set_blob(nvs, place.name, der, n), ESP_OK);
        T_EQ_INT(ferry_key_psa_load(&key, &place), FERRY_ERR_KEY);
    }
    T_EQ_INT(nvs_set_blob(nvs, place.name, der, FERRY_KEY_DER_BYTES), ESP_OK);
    nvs_close(nvs);
    T_EQ_INT(ferry_key_psa_load(&key, &place), FERRY_OK);
    ferry_key_psa_close(&key);
    end_chip();
}

static void key_that_psa_lost_signs_nothing(void)
{
    uint8_t csr[FERRY_CSR_BYTES], der[FERRY_KEY_DER_BYTES];
    size_t n = 0;
    T_EQ_INT(ferry_key_psa_make(&key), FERRY_OK);
    T_EQ_INT(psa_destroy_key(key.id), PSA_SUCCESS);
    T_EQ_INT(ferry_csr_write(key.point, "a", &key.signer, csr, &n), FERRY_ERR_KEY);
    T_EQ_INT(key.psa_status, PSA_ERROR_INVALID_HANDLE);
    T_EQ_INT(ferry_key_psa_export(&key, der), FERRY_ERR_KEY);
    ferry_key_psa_close(&key);
    ferry_key_psa_close(&key); // once more harms nothing
}

static void store_that_nobody_opened_is_said(void)
{
    fresh_chip();
    T_EQ_INT(nvs_flash_deinit_partition("ferry_nvs"), ESP_OK);
    T_EQ_INT(ferry_key_psa_load(&key, &place), FERRY_ERR_STATE);
    T_EQ_INT(ferry_key_psa_make(&key), FERRY_OK);
    T_EQ_INT(ferry_key_psa_save(&key, &place), FERRY_ERR_STATE);
    ferry_key_psa_close(&key);
    end_chip();
}

int main(void)
{
    T_RUN(openssl_takes_request_and_key);
    T_RUN(two_keys_differ);
    T_RUN(key_comes_back_after_a_reset);
    T_RUN(damaged_key_is_refused);
    T_RUN(key_that_psa_lost_signs_nothing);
    T_RUN(store_that_nobody_opened_is_said);
    return t_end();
}
