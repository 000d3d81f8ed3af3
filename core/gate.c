/* core/gate.c - the gate that demands a Secure Boot v2 signature of every update. It
 * hashes the signed bytes as they are read back, then has the sector behind them checked. And the
 * check that demands one of what is to boot, where it lies. */
#include "ferry/gate.h"

/* gate is the first member, and the only one outsiders see. */
static struct ferry_signature_gate *own(struct ferry_gate *gate)
{
    return (struct ferry_signature_gate *)(void *)gate;
}

static void begin(struct ferry_gate *gate, uint32_t image_bytes)
{
    struct ferry_signature_gate *g = own(gate);
    g->off_bytes = ferry_signature_off(image_bytes);
    g->left_bytes = g->off_bytes;
    ferry_sha256_init(&g->work.sha256);
    if (g->trust->p384)
        ferry_sha384_init(&g->work.sha384);
}

static void feed(struct ferry_gate *gate, const uint8_t *data, uint32_t n)
{
    struct ferry_signature_gate *g = own(gate);
    const uint32_t step = n < g->left_bytes ? n : g->left_bytes;
    ferry_sha256_update(&g->work.sha256, data, step);
    if (g->trust->p384)
        ferry_sha384_update(&g->work.sha384, data, step);
    g->left_bytes -= step;
}

static ferry_err verdict(struct ferry_gate *gate, const struct ferry_region *slot,
                         struct ferry_fault *fault)
{
    struct ferry_signature_gate *g = own(gate);
    // The file ended before its padding did: there is no sector of its own behind it, and what
    // the slot holds there belongs to somebody else.
    if (g->left_bytes)
        return ferry_fail(fault, FERRY_ERR_SIGNATURE_NONE, 0, 0, slot->off_bytes + g->off_bytes);
    ferry_sha256_finish(&g->work.sha256, g->work.digests.sha256);
    if (g->trust->p384)
        ferry_sha384_finish(&g->work.sha384, g->work.digests.sha384);
    fault->err = FERRY_ERR_SIGNATURE_NONE; // a refusal without a cause is a refusal still
    if (ferry_signature_check(slot, g->off_bytes, &g->work.digests, g->trust, g->work.block,
                              fault) == FERRY_VERDICT_GENUINE)
        return FERRY_OK;
    return fault->err;
}

void ferry_signature_gate_init(struct ferry_signature_gate *g, const struct ferry_trust *trust)
{
    *g = (struct ferry_signature_gate){.gate = {begin, feed, verdict}, .trust = trust};
}

static ferry_err check_image(struct ferry_boot_check *check, const struct ferry_region *slot,
                             uint32_t image_bytes, struct ferry_fault *fault)
{
    struct ferry_signed_boot *s = (struct ferry_signed_boot *)(void *)check; // its first member
    fault->err = FERRY_ERR_SIGNATURE_NONE; // a refusal without a cause is a refusal still
    if (ferry_signature_verify(slot, image_bytes, s->trust, &s->work, fault) ==
        FERRY_VERDICT_GENUINE)
        return FERRY_OK;
    return fault->err;
}

void ferry_signed_boot_init(struct ferry_signed_boot *s, const struct ferry_trust *trust)
{
    *s = (struct ferry_signed_boot){.check = {check_image}, .trust = trust};
}
