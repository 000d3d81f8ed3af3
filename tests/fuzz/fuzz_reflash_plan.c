/* tests/fuzz/fuzz_reflash_plan.c - any bytes as a plan. What decodes encodes to the same bytes, and
 * its ranges lie in the flash, on sectors, and apart. */
#include "fuzz.h"

#include <string.h>

#include "ferry/bytes.h"
#include "ferry/journal.h"

static void must_be_sound(const struct ferry_plan *p)
{
    for (uint32_t i = 0; i < p->n_steps; i++) {
        const struct ferry_step *s = &p->steps[i];
        FUZZ_MUST(s->dest_off_bytes % 4096 == 0 && s->dest_size_bytes % 4096 == 0);
        FUZZ_MUST(ferry_range_fits(s->dest_off_bytes, s->dest_size_bytes, p->flash_bytes));
        FUZZ_MUST(ferry_range_fits(s->source_off_bytes, s->length_bytes, p->flash_bytes));
        FUZZ_MUST(ferry_step_span_bytes(s, 4096) <= s->dest_size_bytes);
        FUZZ_MUST(!ferry_ranges_overlap(s->dest_off_bytes, s->dest_size_bytes, p->journal_off_bytes,
                                        4096));
        for (uint32_t k = 0; k < i; k++)
            FUZZ_MUST(!ferry_ranges_overlap(s->dest_off_bytes, s->dest_size_bytes,
                                            p->steps[k].dest_off_bytes,
                                            p->steps[k].dest_size_bytes));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct ferry_plan plan;
    static uint8_t again[FERRY_PLAN_BYTES], signed_bytes[FERRY_PLAN_BYTES];
    struct ferry_fault fault = {FERRY_OK, 0, 0, 0};
    int step;
    const ferry_err err =
        ferry_plan_decode(data, n > UINT32_MAX ? UINT32_MAX : (uint32_t)n, &plan, &step, &fault);
    if (err) {
        FUZZ_MUST(fault.err == err);
        FUZZ_MUST(step >= -1 && step < (int)FERRY_PLAN_STEPS);
        return 0;
    }
    must_be_sound(&plan);
    FUZZ_MUST(ferry_plan_encode(&plan, again) == n);
    FUZZ_MUST(data[6] == 0 && data[7] == 0 && memcmp(again, data, n) == 0);
    FUZZ_MUST(ferry_plan_signed_bytes(&plan, signed_bytes) == n);
    return 0;
}
