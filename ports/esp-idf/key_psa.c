/* ports/esp-idf/key_psa.c - a device's own key through PSA Crypto. */
#include "key_psa.h"

#include <string.h>

#include <nvs.h>

#include "nvs_esp_private.h"

#define SCALAR_OFF 7u  // in a key's DER
#define POINT_OFF  56u // its last field

#define ALGORITHM  PSA_ALG_ECDSA(PSA_ALG_SHA_256)

_Static_assert(POINT_OFF + FERRY_KEY_POINT_BYTES == FERRY_KEY_DER_BYTES, "nothing follows it");

/* Through volatile, because a compiler drops a memset of what nobody reads again. */
static void wipe(uint8_t *secret, size_t n)
{
    volatile uint8_t *p = secret;
    while (n--)
        *p++ = 0;
}

static ferry_err err_of(struct ferry_key_psa *k, psa_status_t status)
{
    k->psa_status = status;
    if (status == PSA_SUCCESS)
        return FERRY_OK;
    return status == PSA_ERROR_INSUFFICIENT_MEMORY ? FERRY_ERR_NO_MEMORY : FERRY_ERR_KEY;
}

static ferry_err sign(void *ctx, const uint8_t digest[32], uint8_t rs[FERRY_KEY_RS_BYTES])
{
    struct ferry_key_psa *k = ctx;
    size_t n = 0;
    return err_of(k, psa_sign_hash(k->id, ALGORITHM, digest, 32, rs, FERRY_KEY_RS_BYTES, &n));
}

/* A new key, or the one that is given. */
static psa_status_t put_into_psa(struct ferry_key_psa *k, const uint8_t *scalar)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_HASH | PSA_KEY_USAGE_EXPORT);
    psa_set_key_algorithm(&attributes, ALGORITHM);
    const psa_status_t status = psa_crypto_init();
    if (status != PSA_SUCCESS)
        return status;
    if (!scalar)
        return psa_generate_key(&attributes, &k->id);
    return psa_import_key(&attributes, scalar, FERRY_KEY_SCALAR_BYTES, &k->id);
}

static ferry_err open_key(struct ferry_key_psa *k, const uint8_t *scalar)
{
    size_t n = 0;
    memset(k, 0, sizeof *k);
    const ferry_err err = err_of(k, put_into_psa(k, scalar));
    if (err)
        return err;
    k->signer = (struct ferry_signer){sign, k};
    const psa_status_t status = psa_export_public_key(k->id, k->point, sizeof k->point, &n);
    if (status != PSA_SUCCESS)
        ferry_key_psa_close(k);
    return err_of(k, status);
}

ferry_err ferry_key_psa_make(struct ferry_key_psa *k)
{
    return open_key(k, NULL);
}

static esp_err_t open_place(const struct ferry_key_place *place, nvs_open_mode_t mode,
                            nvs_handle_t *nvs)
{
    if (place->partition)
        return nvs_open_from_partition(place->partition, place->space, mode, nvs);
    return nvs_open(place->space, mode, nvs);
}

static ferry_err read_place(const struct ferry_key_place *place, uint8_t der[FERRY_KEY_DER_BYTES])
{
    nvs_handle_t nvs;
    size_t n = FERRY_KEY_DER_BYTES;
    esp_err_t e = open_place(place, NVS_READONLY, &nvs);
    if (e != ESP_OK)
        return ferry__nvs_err(e);
    e = nvs_get_blob(nvs, place->name, der, &n);
    nvs_close(nvs);
    if (e == ESP_ERR_NVS_INVALID_LENGTH || (e == ESP_OK && n != FERRY_KEY_DER_BYTES))
        return FERRY_ERR_KEY;
    return ferry__nvs_err(e);
}

ferry_err ferry_key_psa_load(struct ferry_key_psa *k, const struct ferry_key_place *place)
{
    uint8_t der[FERRY_KEY_DER_BYTES], same[FERRY_KEY_DER_BYTES];
    memset(k, 0, sizeof *k);
    ferry_err err = read_place(place, der);
    if (!err)
        err = open_key(k, der + SCALAR_OFF);
    if (!err) {
        // All of it must be as it was written, its public half above all.
        ferry_key_der(der + SCALAR_OFF, k->point, same);
        if (memcmp(der, same, sizeof der) != 0) {
            ferry_key_psa_close(k);
            err = FERRY_ERR_KEY;
        }
        wipe(same, sizeof same);
    }
    wipe(der, sizeof der);
    return err;
}

ferry_err ferry_key_psa_export(struct ferry_key_psa *k, uint8_t der[FERRY_KEY_DER_BYTES])
{
    uint8_t scalar[FERRY_KEY_SCALAR_BYTES];
    size_t n = 0;
    const ferry_err err = err_of(k, psa_export_key(k->id, scalar, sizeof scalar, &n));
    if (!err)
        ferry_key_der(scalar, k->point, der);
    wipe(scalar, sizeof scalar);
    return err;
}

ferry_err ferry_key_psa_save(struct ferry_key_psa *k, const struct ferry_key_place *place)
{
    uint8_t der[FERRY_KEY_DER_BYTES];
    nvs_handle_t nvs;
    const ferry_err err = ferry_key_psa_export(k, der);
    if (err)
        return err;
    esp_err_t e = open_place(place, NVS_READWRITE, &nvs);
    if (e == ESP_OK) {
        e = nvs_set_blob(nvs, place->name, der, sizeof der);
        if (e == ESP_OK)
            e = nvs_commit(nvs);
        nvs_close(nvs);
    }
    wipe(der, sizeof der);
    return ferry__nvs_err(e);
}

void ferry_key_psa_close(struct ferry_key_psa *k)
{
    if (k->signer.sign)
        (void)psa_destroy_key(k->id); // a volatile key: nothing that a second try would mend
    memset(k, 0, sizeof *k);
}
