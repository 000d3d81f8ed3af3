/* firmware/bare/bare_trust_keys.c - the keys that are trusted: BARE_KEY_DIGESTS on the compiler's
 * command line is one or more of {0x12, ...}, the SHA-256 of a public key as eFuses hold it. As
 * with secure boot, one good signature of up to three suffices. */
#include "bare_trust.h"

#include "ferry/gate.h"
#include "ferry/plan_gate.h"

static const uint8_t digests[][FERRY_SHA256_BYTES] = {BARE_KEY_DIGESTS};
static const struct ferry_trust trust = {.n_keys = sizeof(digests) / sizeof(*digests),
                                         .key_digests = {BARE_KEY_DIGESTS}};

struct ferry_gate *bare_trust_gate(void)
{
    static struct ferry_signature_gate gate;
    ferry_signature_gate_init(&gate, &trust);
    return &gate.gate;
}

struct ferry_plan_gate *bare_trust_plan_gate(void)
{
    static struct ferry_signed_plan_gate gate;
    ferry_signed_plan_gate_init(&gate, &trust);
    return &gate.gate;
}

struct ferry_boot_check *bare_trust_boot_check(void)
{
    static struct ferry_signed_boot secure;
    ferry_signed_boot_init(&secure, &trust);
    return &secure.check;
}
