#pragma once
#include <stddef.h>
#include <stdint.h>

typedef int32_t psa_status_t;
typedef uint16_t psa_key_type_t;
typedef uint32_t psa_algorithm_t;
typedef uint32_t psa_key_usage_t;
typedef uint32_t psa_key_id_t;
typedef uint8_t psa_ecc_family_t;

typedef struct {
    psa_key_type_t type;
    psa_algorithm_t algorithm;
    psa_key_usage_t usage;
} psa_key_attributes_t;

#define PSA_KEY_ATTRIBUTES_INIT                                                                    \
    {                                                                                              \
        0, 0, 0                                                                                    \
    }
#define PSA_SUCCESS                      ((psa_status_t)0)
#define PSA_ERROR_INSUFFICIENT_MEMORY    ((psa_status_t)-141)
#define PSA_KEY_USAGE_EXPORT             ((psa_key_usage_t)0x00000001)
#define PSA_KEY_USAGE_SIGN_HASH          ((psa_key_usage_t)0x00001000)
#define PSA_KEY_USAGE_VERIFY_HASH        ((psa_key_usage_t)0x00002000)
#define PSA_ALG_SHA_256                  ((psa_algorithm_t)0x02000009)
#define PSA_ALG_SHA_384                  ((psa_algorithm_t)0x0200000a)
#define PSA_ALG_RSA_PSS(hash)            ((psa_algorithm_t)(0x06000300 | ((hash)&0xff)))
#define PSA_ALG_ECDSA(hash)              ((psa_algorithm_t)(0x06000600 | ((hash)&0xff)))
#define PSA_KEY_TYPE_RSA_PUBLIC_KEY      ((psa_key_type_t)0x4001)
#define PSA_ECC_FAMILY_SECP_R1           ((psa_ecc_family_t)0x12)
#define PSA_KEY_TYPE_ECC_KEY_PAIR(fam)   ((psa_key_type_t)(0x7100 | (fam)))
#define PSA_KEY_TYPE_ECC_PUBLIC_KEY(fam) ((psa_key_type_t)(0x4100 | (fam)))

typedef struct {
    uint64_t words[30];
} psa_hash_operation_t;

#define PSA_HASH_OPERATION_INIT                                                                    \
    {                                                                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

psa_status_t psa_crypto_init(void);
psa_status_t psa_hash_setup(psa_hash_operation_t *operation, psa_algorithm_t algorithm);
psa_status_t psa_hash_update(psa_hash_operation_t *operation, const uint8_t *input, size_t n);
psa_status_t psa_hash_finish(psa_hash_operation_t *operation, uint8_t *hash, size_t size,
                             size_t *n);
void psa_set_key_type(psa_key_attributes_t *attributes, psa_key_type_t type);
void psa_set_key_usage_flags(psa_key_attributes_t *attributes, psa_key_usage_t usage);
void psa_set_key_algorithm(psa_key_attributes_t *attributes, psa_algorithm_t algorithm);
void psa_set_key_bits(psa_key_attributes_t *attributes, size_t bits);
psa_status_t psa_generate_key(const psa_key_attributes_t *attributes, psa_key_id_t *key);
psa_status_t psa_export_key(psa_key_id_t key, uint8_t *data, size_t size, size_t *n);
psa_status_t psa_export_public_key(psa_key_id_t key, uint8_t *data, size_t size, size_t *n);
psa_status_t psa_sign_hash(psa_key_id_t key, psa_algorithm_t algorithm, const uint8_t *hash,
                           size_t n_hash, uint8_t *signature, size_t size, size_t *n);
psa_status_t psa_import_key(const psa_key_attributes_t *attributes, const uint8_t *data, size_t n,
                            psa_key_id_t *key);
psa_status_t psa_verify_hash(psa_key_id_t key, psa_algorithm_t algorithm, const uint8_t *hash,
                             size_t n_hash, const uint8_t *signature, size_t n_signature);
psa_status_t psa_destroy_key(psa_key_id_t key);
