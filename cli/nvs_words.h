/* cli/nvs_words.h - keys and values of a store in words: what is secret, how a value is shown and
 * how it goes into JSON. */
#ifndef CLI_NVS_WORDS_H
#define CLI_NVS_WORDS_H

#include "nvs_input.h"
#include "nvs_value.h"

#define NVS_SECRETS_ABOUT                                                                          \
    "Secret is every string and blob in the namespace mtls_auth, and every value whose key "       \
    "contains, in any case: key, pass, pswd, pwd, apsw, psk, pmk, pin, secret, token, cred."

/** True by the rule above. */
bool nvs_is_secret(const char *ns, const char *key, uint8_t type);

/** A value read from a store. */
struct nvs_value {
    struct ferry_nvs_info info;
    uint64_t bits;  // of a number
    uint8_t *bytes; // of a string (with NUL) or blob; owned, NULL for numbers
};

/** Reads the value that info names. Errors as ferry_nvs_get_...(); free it in any case. */
FERRY_MUST_CHECK ferry_err nvs_value_read(struct ferry_nvs *nvs, const struct ferry_nvs_info *info,
                                          struct nvs_value *out);
void nvs_value_free(struct nvs_value *v);

/** One line of at most width columns: a number, a string in quotes, the first bytes of a blob. */
void nvs_value_words(const struct nvs_value *v, int width, struct ferry_strbuf *out);

/** Adds "value" to the object: a number, for u64 and i64 beyond 53 bits a decimal string; a
 * string; a blob, or a string that is no UTF-8, as hex with "encoding": "hex". */
void nvs_value_json(const struct nvs_value *v, cJSON *to);

#endif
