/* core/journal_check.c - what must hold of any plan, whatever flash contains: ranges on sectors and
 * inside the chip, contents that fit, and no two ranges in each other's way. Ranges that touch do
 * not overlap. Asked when a plan is made, and of every plan that a journal holds. */
#include "core/journal_private.h"

#include "ferry/bytes.h"

#define SECTOR FERRY_JOURNAL_BYTES

static ferry_err check_shape(const struct ferry_step *s, struct ferry_fault *fault)
{
    const bool blank = s->source == FERRY_SOURCE_BLANK;
    if (s->kind < FERRY_STEP_DATA || s->kind > FERRY_STEP_BACKUP ||
        s->source < FERRY_SOURCE_STAGED || s->source > FERRY_SOURCE_HELD)
        return ferry_fail(fault, FERRY_ERR_REFLASH_FORMAT, s->kind, s->source, 0);
    // A blank region is all rest; any other content has at least one byte.
    if (blank != !s->length_bytes || (blank && !(s->flags & FERRY_STEP_BLANK_REST)) ||
        (s->flags & ~(FERRY_STEP_BLANK_REST | FERRY_STEP_RESUMES)))
        return ferry_fail(fault, FERRY_ERR_REFLASH_FORMAT, s->length_bytes, s->flags, 0);
    return FERRY_OK;
}

static ferry_err check_place(const struct ferry_plan *plan, const struct ferry_step *s,
                             struct ferry_fault *fault)
{
    if (s->dest_off_bytes % SECTOR)
        return ferry_fail(fault, FERRY_ERR_FLASH_ALIGN, s->dest_off_bytes, SECTOR, 0);
    if (!s->dest_size_bytes || s->dest_size_bytes % SECTOR)
        return ferry_fail(fault, FERRY_ERR_FLASH_ALIGN, s->dest_size_bytes, SECTOR, 0);
    if (!ferry_range_fits(s->dest_off_bytes, s->dest_size_bytes, plan->flash_bytes))
        return ferry_fail(fault, FERRY_ERR_FLASH_RANGE, s->dest_off_bytes, plan->flash_bytes, 0);
    if (s->length_bytes > s->dest_size_bytes)
        return ferry_fail(fault, FERRY_ERR_REFLASH_SIZE, s->length_bytes, s->dest_size_bytes, 0);
    if (!ferry_range_fits(s->source_off_bytes, s->length_bytes, plan->flash_bytes))
        return ferry_fail(fault, FERRY_ERR_FLASH_RANGE, s->source_off_bytes, plan->flash_bytes, 0);
    if (ferry_ranges_overlap(s->dest_off_bytes, s->dest_size_bytes, plan->journal_off_bytes,
                             SECTOR))
        return ferry_fail(fault, FERRY_ERR_REFLASH_JOURNAL, plan->journal_off_bytes,
                          s->dest_off_bytes, 0);
    return FERRY_OK;
}

ferry_err ferry__step_check(const struct ferry_plan *plan, const struct ferry_step *s,
                            struct ferry_fault *fault)
{
    const ferry_err err = check_shape(s, fault);
    return err ? err : check_place(plan, s, fault);
}

/* May `writer` come before or behind `reader` without taking its source away? A region that is
 * moved or kept may be overwritten once it was read; what was staged stays until the end. */
static bool spoils(const struct ferry_step *writer, const struct ferry_step *reader, bool is_before)
{
    if (reader->source == FERRY_SOURCE_BLANK || reader->source == FERRY_SOURCE_HELD ||
        (reader->source == FERRY_SOURCE_MOVED && !is_before))
        return false;
    return ferry_ranges_overlap(writer->dest_off_bytes, writer->dest_size_bytes,
                                reader->source_off_bytes, reader->length_bytes);
}

static ferry_err check_pair(const struct ferry_step *a, const struct ferry_step *b, bool a_is_first,
                            struct ferry_fault *fault)
{
    if (spoils(a, b, a_is_first))
        return ferry_fail(fault, FERRY_ERR_REFLASH_OVERLAP, a->dest_off_bytes, b->source_off_bytes,
                          0);
    if (a != b && ferry_ranges_overlap(a->dest_off_bytes, a->dest_size_bytes, b->dest_off_bytes,
                                       b->dest_size_bytes))
        return ferry_fail(fault, FERRY_ERR_REFLASH_OVERLAP, a->dest_off_bytes, b->dest_off_bytes,
                          0);
    return FERRY_OK;
}

ferry_err ferry__plan_check(const struct ferry_plan *plan, bool is_ordered, int *step,
                            struct ferry_fault *fault)
{
    *step = -1;
    if (plan->journal_off_bytes % SECTOR || plan->flash_bytes % SECTOR)
        return ferry_fail(fault, FERRY_ERR_FLASH_ALIGN, plan->journal_off_bytes, SECTOR, 0);
    if (!ferry_range_fits(plan->journal_off_bytes, SECTOR, plan->flash_bytes))
        return ferry_fail(fault, FERRY_ERR_FLASH_RANGE, plan->journal_off_bytes, plan->flash_bytes,
                          0);
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        *step = (int)i;
        ferry_err err = ferry__step_check(plan, &plan->steps[i], fault);
        // A step that writes over its own source is its own predecessor, in any order.
        for (uint32_t k = 0; !err && k < plan->n_steps; k++)
            err = check_pair(&plan->steps[i], &plan->steps[k], i == k || (is_ordered && i < k),
                             fault);
        if (err)
            return err;
    }
    *step = -1;
    return FERRY_OK;
}
