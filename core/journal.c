/* core/journal.c - the sector that remembers a reflash plan and how far it got.
 * Its bytes and why they are written in this order: docs/design/reflash.md. */
#include "core/journal_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"

#define SECTOR        FERRY_JOURNAL_BYTES
#define HEAD          FERRY_PLAN_HEAD_BYTES
#define SHA_OFF       0x020u // written last: the plan stands once this does
#define STEPS_OFF     0x040u
#define SIGNATURE_OFF 0x440u
#define FINISHED_OFF  0x900u
#define ABANDONED_OFF 0x920u
#define MARKS_OFF     0x940u
#define UNIT_BYTES    32u // everything begins on one; also the largest mark
#define CHUNK_LOG2    16u // 64 KB: what one erase can cover
#define CHUNK_BYTE    6u  // in the head
#define MARK_BYTE     7u

static ferry_err fail_at(const struct ferry_journal *j, ferry_err err, uint32_t off,
                         struct ferry_fault *fault)
{
    return ferry_fail(fault, err, 0, 0, j->sector.off_bytes + off);
}

static ferry_err check_sector(const struct ferry_region *r, struct ferry_fault *fault)
{
    if (r->size_bytes != SECTOR || r->off_bytes % SECTOR || r->flash->prog_bytes > UNIT_BYTES)
        return ferry_fail(fault, FERRY_ERR_FLASH_ALIGN, r->off_bytes, SECTOR, 0);
    return FERRY_OK;
}

static void hash_plan(const uint8_t *bytes, uint32_t n, uint8_t out[FERRY_SHA256_BYTES])
{
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, bytes, n);
    ferry_sha256_finish(&h, out);
}

/* ---- marks ---- */

/* Reads one mark: are all its bits programmed, is any? */
static ferry_err read_mark(const struct ferry_journal *j, uint32_t off, bool *all, bool *any)
{
    uint8_t mark[UNIT_BYTES];
    const ferry_err err = ferry_region_read(&j->sector, off, mark, j->mark_bytes);
    *all = true;
    *any = false;
    for (uint32_t i = 0; !err && i < j->mark_bytes; i++) {
        *all = *all && mark[i] == 0;
        *any = *any || mark[i] != 0xff;
    }
    return err;
}

static ferry_err set_mark(struct ferry_journal *j, uint32_t off, struct ferry_fault *fault)
{
    uint8_t zeros[UNIT_BYTES];
    bool all, any;
    memset(zeros, 0, sizeof(zeros));
    ferry_err err = read_mark(j, off, &all, &any);
    if (err || all)
        return err ? fail_at(j, err, off, fault) : FERRY_OK;
    // A torn mark counts as set; only where bytes may be programmed again is it made whole.
    if (any && j->sector.flash->prog_bytes > 1)
        return FERRY_OK;
    err = ferry_region_prog(&j->sector, off, zeros, j->mark_bytes);
    if (!err)
        err = ferry_region_sync(&j->sector);
    if (!err)
        err = read_mark(j, off, &all, &any);
    if (!err && !all)
        err = FERRY_ERR_FLASH_VERIFY;
    return err ? fail_at(j, err, off, fault) : FERRY_OK;
}

static uint32_t mark_off(const struct ferry_journal *j, uint32_t chunk, bool done)
{
    return MARKS_OFF + (2 * chunk + done) * j->mark_bytes;
}

ferry_err ferry_journal_begin_chunk(struct ferry_journal *j, uint32_t i, struct ferry_fault *fault)
{
    return set_mark(j, mark_off(j, i, false), fault);
}

ferry_err ferry_journal_end_chunk(struct ferry_journal *j, uint32_t i, struct ferry_fault *fault)
{
    return set_mark(j, mark_off(j, i, true), fault);
}

ferry_err ferry_journal_last(const struct ferry_journal *j, uint32_t *i, bool *is_done)
{
    for (uint32_t k = j->n_marks; k-- > 0;) {
        bool all, any, done;
        ferry_err err = read_mark(j, mark_off(j, k, false), &all, &any);
        if (!err && any)
            err = read_mark(j, mark_off(j, k, true), &done, &all);
        if (err)
            return err;
        if (!any)
            continue;
        *i = k;
        *is_done = done;
        return FERRY_OK;
    }
    return FERRY_ERR_NOT_FOUND;
}

uint32_t ferry__journal_chunk_bytes(const struct ferry_journal *j, const struct ferry_step *step,
                                    uint32_t at_bytes)
{
    const bool by_sector = step->kind == FERRY_STEP_TABLE || step->kind == FERRY_STEP_BOOTLOADER;
    const uint32_t whole = by_sector ? SECTOR : UINT32_C(1) << j->chunk_log2;
    const uint32_t left = ferry__step_work_bytes(step) - at_bytes;
    const uint32_t n = whole - ((step->dest_off_bytes + at_bytes) & (whole - 1));
    return n < left ? n : left;
}

uint32_t ferry_journal_chunks(const struct ferry_journal *j, const struct ferry_plan *plan)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct ferry_step *s = &plan->steps[i];
        for (uint32_t at = 0; at < ferry__step_work_bytes(s); n++)
            at += ferry__journal_chunk_bytes(j, s, at);
    }
    return n;
}

ferry_err ferry_journal_close(struct ferry_journal *j, enum ferry_journal_state as,
                              struct ferry_fault *fault)
{
    const ferry_err err =
        set_mark(j, as == FERRY_JOURNAL_FINISHED ? FINISHED_OFF : ABANDONED_OFF, fault);
    if (!err)
        j->state = (uint8_t)as;
    return err;
}

/* ---- reading ---- */

static ferry_err read_state(struct ferry_journal *j, struct ferry_fault *fault)
{
    bool all, finished, abandoned;
    ferry_err err = read_mark(j, FINISHED_OFF, &all, &finished);
    if (!err)
        err = read_mark(j, ABANDONED_OFF, &all, &abandoned);
    if (err)
        return fail_at(j, err, FINISHED_OFF, fault);
    // Torn or whole: who set it had come that far.
    j->state = finished    ? FERRY_JOURNAL_FINISHED
               : abandoned ? FERRY_JOURNAL_ABANDONED
                           : FERRY_JOURNAL_UNFINISHED;
    return FERRY_OK;
}

/* A plan with a good hash was written whole; what it says is checked nevertheless. */
static ferry_err take_plan(struct ferry_journal *j, struct ferry_plan *plan, uint8_t *bytes,
                           uint32_t n, struct ferry_fault *fault)
{
    const uint8_t chunk_log2 = bytes[CHUNK_BYTE];
    const uint8_t mark = bytes[MARK_BYTE];
    if (chunk_log2 < CHUNK_LOG2 || chunk_log2 > 31 || !mark || mark > UNIT_BYTES ||
        (mark & (mark - 1)) || mark % j->sector.flash->prog_bytes)
        return fail_at(j, FERRY_ERR_REFLASH_FORMAT, CHUNK_BYTE, fault);
    j->chunk_log2 = chunk_log2;
    j->mark_bytes = mark;
    j->n_marks = (SECTOR - MARKS_OFF) / (2u * mark);
    bytes[CHUNK_BYTE] = 0;
    bytes[MARK_BYTE] = 0;
    int step;
    const ferry_err err = ferry_plan_decode(bytes, n, plan, &step, fault);
    if (err)
        return err;
    if (plan->flash_bytes != j->sector.flash->size_bytes ||
        plan->journal_off_bytes != j->sector.off_bytes ||
        ferry_journal_chunks(j, plan) > j->n_marks)
        return fail_at(j, FERRY_ERR_REFLASH_FORMAT, 0, fault);
    return read_state(j, fault);
}

ferry_err ferry_journal_open(struct ferry_journal *j, const struct ferry_region *sector,
                             struct ferry_plan *plan, uint8_t *work, struct ferry_fault *fault)
{
    *j = (struct ferry_journal){.sector = *sector};
    ferry_err err = check_sector(sector, fault);
    if (err)
        return err;
    uint8_t stands[FERRY_SHA256_BYTES], counts[FERRY_SHA256_BYTES];
    err = ferry_region_read(sector, 0, work, HEAD);
    const uint32_t n_steps = work[5];
    if (!err && (!n_steps || n_steps > FERRY_PLAN_STEPS))
        return FERRY_OK;
    if (!err)
        err = ferry_region_read(sector, SHA_OFF, stands, sizeof(stands));
    if (!err)
        err = ferry_region_read(sector, STEPS_OFF, work + HEAD, n_steps * FERRY_PLAN_STEP_BYTES);
    if (err)
        return fail_at(j, err, 0, fault);
    const uint32_t n = HEAD + n_steps * FERRY_PLAN_STEP_BYTES;
    hash_plan(work, n, counts);
    if (!ferry_equal_const_time(stands, counts, sizeof(stands)))
        return FERRY_OK;
    return take_plan(j, plan, work, n, fault);
}

ferry_err ferry_journal_signature(const struct ferry_journal *j,
                                  uint8_t out[FERRY_PLAN_SIGNATURE_BYTES])
{
    return ferry_region_read(&j->sector, SIGNATURE_OFF, out, FERRY_PLAN_SIGNATURE_BYTES);
}

/* ---- writing ---- */

/* What the sector holds at off, a unit, before the hash is in; NULL: blank. */
static const uint8_t *written_at(uint32_t off, const uint8_t *bytes, uint32_t n,
                                 const uint8_t *signature)
{
    if (off < HEAD)
        return bytes;
    if (off >= STEPS_OFF && off - STEPS_OFF < n - HEAD)
        return bytes + HEAD + (off - STEPS_OFF);
    if (signature && off >= SIGNATURE_OFF && off - SIGNATURE_OFF < FERRY_PLAN_SIGNATURE_BYTES)
        return signature + (off - SIGNATURE_OFF);
    return NULL;
}

static ferry_err read_back(const struct ferry_journal *j, const uint8_t *bytes, uint32_t n,
                           const uint8_t *signature)
{
    uint8_t seen[UNIT_BYTES], blank[UNIT_BYTES];
    memset(blank, 0xff, sizeof(blank));
    for (uint32_t off = 0; off < SECTOR; off += UNIT_BYTES) {
        const uint8_t *want = written_at(off, bytes, n, signature);
        const ferry_err err = ferry_region_read(&j->sector, off, seen, sizeof(seen));
        if (err)
            return err;
        if (memcmp(seen, want ? want : blank, sizeof(seen)) != 0)
            return FERRY_ERR_FLASH_VERIFY;
    }
    return FERRY_OK;
}

static ferry_err write_body(const struct ferry_journal *j, const uint8_t *bytes, uint32_t n,
                            const uint8_t *signature)
{
    ferry_err err = ferry_region_erase(&j->sector, 0, SECTOR, false);
    if (!err && signature)
        err = ferry_region_prog(&j->sector, SIGNATURE_OFF, signature, FERRY_PLAN_SIGNATURE_BYTES);
    if (!err)
        err = ferry_region_prog(&j->sector, STEPS_OFF, bytes + HEAD, n - HEAD);
    if (!err)
        err = ferry_region_prog(&j->sector, 0, bytes, HEAD);
    if (!err)
        err = ferry_region_sync(&j->sector);
    return err ? err : read_back(j, bytes, n, signature);
}

static ferry_err write_hash(const struct ferry_journal *j, const uint8_t *bytes, uint32_t n)
{
    uint8_t sha[FERRY_SHA256_BYTES], seen[FERRY_SHA256_BYTES];
    hash_plan(bytes, n, sha);
    ferry_err err = ferry_region_prog(&j->sector, SHA_OFF, sha, sizeof(sha));
    if (!err)
        err = ferry_region_sync(&j->sector);
    if (!err)
        err = ferry_region_read(&j->sector, SHA_OFF, seen, sizeof(seen));
    if (!err && memcmp(seen, sha, sizeof(sha)) != 0)
        err = FERRY_ERR_FLASH_VERIFY;
    return err;
}

ferry_err ferry_journal_write(struct ferry_journal *j, const struct ferry_plan *plan,
                              const uint8_t *signature, uint8_t *work, struct ferry_fault *fault)
{
    ferry_err err = check_sector(&j->sector, fault);
    if (err)
        return err;
    j->mark_bytes = (uint8_t)j->sector.flash->prog_bytes;
    j->n_marks = (SECTOR - MARKS_OFF) / (2u * j->mark_bytes);
    j->chunk_log2 = CHUNK_LOG2;
    while (ferry_journal_chunks(j, plan) > j->n_marks && j->chunk_log2 < 31)
        j->chunk_log2++;
    if (ferry_journal_chunks(j, plan) > j->n_marks)
        return ferry_fail(fault, FERRY_ERR_REFLASH_STEPS, ferry_journal_chunks(j, plan), j->n_marks,
                          0);
    const uint32_t n = ferry_plan_encode(plan, work);
    work[CHUNK_BYTE] = j->chunk_log2;
    work[MARK_BYTE] = j->mark_bytes;
    j->state = FERRY_JOURNAL_NONE;
    err = write_body(j, work, n, signature);
    if (!err)
        err = write_hash(j, work, n);
    if (err)
        return fail_at(j, err, 0, fault);
    j->state = FERRY_JOURNAL_UNFINISHED;
    return FERRY_OK;
}
