/* core/plan_gate.c - the gate that demands a Secure Boot v2 signature of every reflash plan. */
#include "ferry/plan_gate.h"

#include "core/signature_private.h"

/* gate is the first member, and the only one outsiders see. */
static struct ferry_signed_plan_gate *own(struct ferry_plan_gate *gate)
{
    return (struct ferry_signed_plan_gate *)(void *)gate;
}

static void hash_signed(struct ferry_signed_plan_gate *g, const uint8_t *bytes, uint32_t n)
{
    ferry_sha256_init(&g->sha256);
    ferry_sha256_update(&g->sha256, bytes, n);
    ferry_sha256_finish(&g->sha256, g->digests.sha256);
    if (!g->trust->p384)
        return;
    ferry_sha384_init(&g->sha384);
    ferry_sha384_update(&g->sha384, bytes, n);
    ferry_sha384_finish(&g->sha384, g->digests.sha384);
}

static ferry_err verdict(struct ferry_plan_gate *gate, const struct ferry_plan *plan,
                         const uint8_t *signature, uint8_t *work, struct ferry_fault *fault)
{
    struct ferry_signed_plan_gate *g = own(gate);
    ferry_err why = FERRY_ERR_SIGNATURE_NONE; // a refusal without a cause is a refusal still
    if (g->trust->n_keys > FERRY_SIGNATURE_BLOCKS)
        return ferry_fail(fault, FERRY_ERR_ARG, g->trust->n_keys, FERRY_SIGNATURE_BLOCKS, 0);
    hash_signed(g, work, ferry_plan_signed_bytes(plan, work));
    if (ferry__signature_check_block(signature, &g->digests, g->trust, &why) ==
        FERRY_VERDICT_GENUINE)
        return FERRY_OK;
    return ferry_fail(fault, why, 0, 0, 0);
}

void ferry_signed_plan_gate_init(struct ferry_signed_plan_gate *g, const struct ferry_trust *trust)
{
    *g = (struct ferry_signed_plan_gate){.gate = {verdict}, .trust = trust};
}
