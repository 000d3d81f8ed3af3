/* firmware/bare/bare_trust_none.c - no keys: what is whole may run. */
#include "bare_trust.h"

struct ferry_gate *bare_trust_gate(void)
{
    return NULL;
}

struct ferry_plan_gate *bare_trust_plan_gate(void)
{
    return NULL;
}

ferry_err bare_trust_check(const struct ferry_region *region, uint32_t image_bytes)
{
    (void)region;
    (void)image_bytes;
    return FERRY_OK;
}
