/* core/journal_plan.c - a reflash plan as bytes: encode, decode, and what a signature signs.
 * Pure: no flash is looked at. Layout: docs/design/reflash.md. */
#include "core/journal_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"

#define SECTOR        FERRY_JOURNAL_BYTES
#define HEAD          FERRY_PLAN_HEAD_BYTES
#define STEP          FERRY_PLAN_STEP_BYTES
#define VERSION       1u
#define ZEROS_OFF     21u // of the head, to its end
#define JOURNAL_OFF   6u  // what only the plan in a journal has there
#define JOURNAL_BYTES 2u
#define STEP_SOURCE   16u
#define STEP_ZEROS    20u
#define STEP_SHA      32u

_Static_assert(FERRY_PLAN_BYTES == HEAD + FERRY_PLAN_STEPS * STEP, "a plan is head and steps");

static const uint8_t magic[4] = {'F', 'R', 'Y', 'J'};

uint32_t ferry_step_span_bytes(const struct ferry_step *step, uint32_t sector_bytes)
{
    if (step->flags & FERRY_STEP_BLANK_REST)
        return step->dest_size_bytes;
    return ferry_align_up(step->length_bytes, sector_bytes);
}

uint32_t ferry__step_work_bytes(const struct ferry_step *step)
{
    return step->source == FERRY_SOURCE_HELD ? 0 : ferry_step_span_bytes(step, SECTOR);
}

void ferry__plan_put_step(const struct ferry_step *s, uint8_t out[FERRY_PLAN_STEP_BYTES])
{
    memset(out, 0, STEP);
    out[0] = s->kind;
    out[1] = s->source;
    ferry_put_le16(out + 2, s->flags);
    ferry_put_le32(out + 4, s->dest_off_bytes);
    ferry_put_le32(out + 8, s->dest_size_bytes);
    ferry_put_le32(out + 12, s->length_bytes);
    ferry_put_le32(out + STEP_SOURCE, s->source_off_bytes);
    memcpy(out + STEP_SHA, s->sha256, FERRY_SHA256_BYTES);
}

void ferry__plan_step(const uint8_t *bytes, uint32_t i, struct ferry_step *s)
{
    const uint8_t *in = bytes + HEAD + i * STEP;
    s->kind = in[0];
    s->source = in[1];
    s->flags = ferry_le16(in + 2);
    s->dest_off_bytes = ferry_le32(in + 4);
    s->dest_size_bytes = ferry_le32(in + 8);
    s->length_bytes = ferry_le32(in + 12);
    s->source_off_bytes = ferry_le32(in + STEP_SOURCE);
    memcpy(s->sha256, in + STEP_SHA, FERRY_SHA256_BYTES);
}

uint32_t ferry_plan_encode(const struct ferry_plan *plan, uint8_t out[FERRY_PLAN_BYTES])
{
    memset(out, 0, HEAD);
    memcpy(out, magic, sizeof(magic));
    out[4] = VERSION;
    out[5] = plan->n_steps;
    ferry_put_le32(out + 8, plan->flags);
    ferry_put_le32(out + 12, plan->flash_bytes);
    ferry_put_le32(out + 16, plan->journal_off_bytes);
    out[20] = plan->switch_step;
    for (uint32_t i = 0; i < plan->n_steps; i++)
        ferry__plan_put_step(&plan->steps[i], out + HEAD + i * STEP);
    return HEAD + plan->n_steps * STEP;
}

/* In the order of their destinations: that of the writes depends on the device. */
static const struct ferry_step *next_by_place(const struct ferry_plan *plan,
                                              const struct ferry_step *behind)
{
    const struct ferry_step *next = NULL;
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct ferry_step *s = &plan->steps[i];
        if ((!behind || s->dest_off_bytes > behind->dest_off_bytes) &&
            (!next || s->dest_off_bytes < next->dest_off_bytes))
            next = s;
    }
    return next;
}

uint32_t ferry_plan_signed_bytes(const struct ferry_plan *plan, uint8_t out[FERRY_PLAN_BYTES])
{
    (void)ferry_plan_encode(plan, out);
    out[20] = 0;
    uint8_t *to = out + HEAD;
    const struct ferry_step *s = next_by_place(plan, NULL);
    for (; s; s = next_by_place(plan, s), to += STEP) {
        ferry__plan_put_step(s, to);
        if (s->source == FERRY_SOURCE_MOVED) {
            memset(to + STEP_SHA, 0, FERRY_SHA256_BYTES);
        } else if (s->source != FERRY_SOURCE_BLANK) {
            to[1] = 0;
            memset(to + STEP_SOURCE, 0, 4);
        }
    }
    return (uint32_t)(to - out);
}

static bool all_zero(const uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (p[i])
            return false;
    }
    return true;
}

ferry_err ferry_plan_decode(const uint8_t *bytes, uint32_t n, struct ferry_plan *out, int *step,
                            struct ferry_fault *fault)
{
    *step = -1;
    if (n < HEAD || memcmp(bytes, magic, sizeof(magic)) != 0)
        return ferry_fail(fault, FERRY_ERR_REFLASH_FORMAT, 0, 0, 0);
    if (bytes[4] != VERSION)
        return ferry_fail(fault, FERRY_ERR_REFLASH_FORMAT, bytes[4], VERSION, 4);
    const uint32_t n_steps = bytes[5];
    if (!n_steps || n_steps > FERRY_PLAN_STEPS)
        return ferry_fail(fault, FERRY_ERR_REFLASH_STEPS, n_steps, FERRY_PLAN_STEPS, 5);
    if (n != HEAD + n_steps * STEP || !all_zero(bytes + JOURNAL_OFF, JOURNAL_BYTES) ||
        !all_zero(bytes + ZEROS_OFF, HEAD - ZEROS_OFF))
        return ferry_fail(fault, FERRY_ERR_REFLASH_FORMAT, n, HEAD + n_steps * STEP, ZEROS_OFF);
    out->n_steps = (uint8_t)n_steps;
    out->flags = ferry_le32(bytes + 8);
    out->flash_bytes = ferry_le32(bytes + 12);
    out->journal_off_bytes = ferry_le32(bytes + 16);
    out->switch_step = bytes[20];
    for (uint32_t i = 0; i < n_steps; i++) {
        const uint8_t *at = bytes + HEAD + i * STEP;
        ferry__plan_step(bytes, i, &out->steps[i]);
        if (!all_zero(at + STEP_ZEROS, STEP_SHA - STEP_ZEROS))
            return ferry_fail(fault, FERRY_ERR_REFLASH_FORMAT, i, 0, HEAD + i * STEP + STEP_ZEROS);
    }
    return ferry__plan_check(out, true, step, fault);
}
