/* tests/fuzz/fuzz_key.c - a key file with any bytes.
 * What is taken has a scheme and a digest, and only a private key signs. What is refused has a
 * reason and leaves nothing behind. */
#include "fuzz.h"

#include <string.h>

#include "sign_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct ferry_sign_key none;
    static const uint8_t digest[FERRY_SHA384_BYTES] = {1, 2, 3};
    uint8_t key_digest[FERRY_SHA256_BYTES], signature[FERRY_SIGNATURE_MOST];
    struct ferry_sign_key key;
    const char *why = NULL;
    if (ferry_sign_key_parse(data, n, &key, &why) != FERRY_OK) {
        FUZZ_MUST(why && *why && !memcmp(&key, &none, sizeof(key)));
        return 0;
    }
    FUZZ_MUST(key.scheme != FERRY_SCHEME_NONE && key.pkey);
    ferry_sign_key_digest(&key, key_digest);
    const ferry_err err = ferry_sign_key_sign(&key, digest, signature);
    // A private key may still refuse: its halves need not belong together.
    FUZZ_MUST(key.is_private || err == FERRY_ERR_KEY);
    ferry_sign_key_close(&key);
    return 0;
}
