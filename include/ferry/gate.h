/* ferry/gate.h - signed updates: trusted keys configured, so a valid signature is
 * required. Put the gate into ferry_policy.gate and every update session demands it; no flag,
 * manifest or server turns it off. Secure boot: the same of whatever is to boot. Rests on
 * ferry/signature.h. Rules: docs/design.md "Trust". */
#ifndef FERRY_GATE_H
#define FERRY_GATE_H

#include "ferry/device.h"
#include "ferry/signature.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Caller-owned; lives as long as the policy that names it. Its digests come from the read-back
 * that an update makes anyway, so a signature costs no further reading of the image. */
struct ferry_signature_gate {
    struct ferry_gate gate; // what the policy points to
    const struct ferry_trust *trust;
    struct ferry_signature_work work;
    uint32_t off_bytes;  // of the signature sector
    uint32_t left_bytes; // of the signed bytes, still to come
};

/** Readies the gate; trust is kept, and must name at least one key.
 * The errors it refuses with are those of ferry_signature_check. */
void ferry_signature_gate_init(struct ferry_signature_gate *g, const struct ferry_trust *trust);

/** A bootloader that starts only what a trusted key has signed; caller-owned. Goes into
 * ferry_policy.boot_check of that bootloader, of the apps under it, so that none rejects itself for
 * an image that would not boot, and of tools that say what it will do. */
struct ferry_signed_boot {
    struct ferry_boot_check check; // what the policy points to
    const struct ferry_trust *trust;
    struct ferry_signature_work work;
};

/** Readies the check; trust is kept, and must name at least one key.
 * The errors it refuses with are those of ferry_signature_verify. */
void ferry_signed_boot_init(struct ferry_signed_boot *s, const struct ferry_trust *trust);

#ifdef __cplusplus
}
#endif
#endif
