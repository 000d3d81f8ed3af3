/* ferry/plan_gate.h - signed reflash plans: trusted keys configured, so every plan needs a valid
 * signature, when it is begun and again when it is resumed. The signature is one Secure Boot v2
 * block over the SHA-256 (P-384: SHA-384) of ferry_plan_signed_bytes. Rests on ferry/signature.h.
 */
#ifndef FERRY_PLAN_GATE_H
#define FERRY_PLAN_GATE_H

#include "ferry/journal.h"
#include "ferry/signature.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Caller-owned; lives as long as the config that names it. */
struct ferry_signed_plan_gate {
    struct ferry_plan_gate gate; // what the config points to
    const struct ferry_trust *trust;
    struct ferry_sha256 sha256;
    struct ferry_sha384 sha384;
    struct ferry_signed_digests digests;
};

/** Readies the gate; trust is kept, and must name at least one key. It refuses with
 * FERRY_ERR_SIGNATURE_NONE, FERRY_ERR_SIGNATURE_KEY or FERRY_ERR_SIGNATURE_BAD. */
void ferry_signed_plan_gate_init(struct ferry_signed_plan_gate *g, const struct ferry_trust *trust);

#ifdef __cplusplus
}
#endif
#endif
