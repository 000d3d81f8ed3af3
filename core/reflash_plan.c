/* core/reflash_plan.c - making a reflash plan: steps from what is in flash, backups, the guard of a
 * bootloader, giving up and undoing. Nothing here writes but ferry_reflash_abandon, one mark. */
#include "core/reflash_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"
#include "ferry/crc32.h"

#define RECOVERY_OFF 0xfffu // the eFuse field that switches the recovery bootloader off

// Of a sector, by the datasheets of common chips at 80 MHz on two lines.
#define ERASE_US       45000u
#define BLOCK_ERASE_US 150000u // of 64 KB
#define PROG_US        6400u
#define READ_US        460u

ferry_err ferry_reflash_new(struct ferry_reflash *r)
{
    if (r->phase == REFLASH_CLOSED)
        return ferry__reflash_fail(r, -1, FERRY_ERR_STATE, 0, 0, 0);
    if (r->journal.state == FERRY_JOURNAL_UNFINISHED)
        return ferry__reflash_fail(r, -1, FERRY_ERR_REFLASH_UNFINISHED, 0, 0,
                                   r->cfg.journal.off_bytes);
    memset(&r->plan, 0, sizeof(r->plan));
    r->vouched = 0;
    r->plan.flash_bytes = r->cfg.flash->size_bytes;
    r->plan.journal_off_bytes = r->cfg.journal.off_bytes;
    r->phase = REFLASH_OPEN;
    r->step = -1;
    return FERRY_OK;
}

/* May the sector be erased with its block? As core/reflash.c does: the block lies in the step, and
 * chunks of tables and bootloaders are sectors. */
static bool is_in_block(const struct ferry_reflash *r, const struct ferry_step *s, uint32_t at)
{
    const uint32_t block = r->cfg.flash->block_bytes;
    const uint32_t off = ferry_align_down(s->dest_off_bytes + at, block);
    return s->kind != FERRY_STEP_TABLE && s->kind != FERRY_STEP_BOOTLOADER &&
           off >= s->dest_off_bytes &&
           ferry_range_fits(off - s->dest_off_bytes, block, ferry__step_work_bytes(s));
}

ferry_err ferry__reflash_cost(struct ferry_reflash *r, const struct ferry_step *step,
                              struct ferry__reflash_cost *cost)
{
    const uint32_t block = r->cfg.flash->block_bytes;
    uint32_t n_in_block = 0; // of the block in hand, those that differ
    *cost = (struct ferry__reflash_cost){0, 0};
    for (uint32_t at = 0; at < ferry__step_work_bytes(step); at += REFLASH_SECTOR) {
        bool is_same;
        const ferry_err err = ferry__reflash_same(r, step, at, &is_same);
        if (err)
            return err;
        if ((step->dest_off_bytes + at) % block == 0)
            n_in_block = 0;
        n_in_block += !is_same;
        cost->time_us += is_same ? READ_US : ERASE_US + READ_US; // compared, or read back
        if (at < step->length_bytes)
            cost->time_us += is_same ? READ_US : READ_US + PROG_US;
        if (is_in_block(r, step, at) && n_in_block == block / REFLASH_SECTOR)
            cost->time_us -= n_in_block * ERASE_US - BLOCK_ERASE_US;
        cost->n_sectors += !is_same;
    }
    return FERRY_OK;
}

/* Is all that the step must leave blank behind its content blank already? */
static ferry_err is_rest_blank(struct ferry_reflash *r, const struct ferry_step *s, bool *is_blank)
{
    const struct ferry_region chip = ferry__reflash_chip(r);
    uint8_t *piece = ferry__reflash_piece(r);
    const uint32_t end = s->flags & FERRY_STEP_BLANK_REST ? s->dest_size_bytes : s->length_bytes;
    *is_blank = true;
    for (uint32_t at = s->length_bytes; *is_blank && at < end;) {
        const uint32_t n = end - at < REFLASH_PIECE ? end - at : REFLASH_PIECE;
        const ferry_err err = ferry_region_read(&chip, s->dest_off_bytes + at, piece, n);
        if (err)
            return ferry__reflash_fail(r, r->step, err, 0, 0, s->dest_off_bytes + at);
        for (uint32_t i = 0; i < n; i++)
            *is_blank = *is_blank && piece[i] == 0xff;
        at += n;
    }
    return FERRY_OK;
}

ferry_err ferry__reflash_held(struct ferry_reflash *r, const struct ferry_step *s, bool *is_held)
{
    uint8_t sha[FERRY_SHA256_BYTES];
    *is_held = false;
    ferry_err err = ferry__reflash_hash(r, s->dest_off_bytes, s->length_bytes, sha);
    if (!err && memcmp(sha, s->sha256, sizeof(sha)) == 0)
        err = is_rest_blank(r, s, is_held);
    return err;
}

/* Settles the SHA-256 of a step's content, and whether it has to be fetched from anywhere. */
static ferry_err measure(struct ferry_reflash *r, struct ferry_step *s, const uint8_t *sha256)
{
    bool is_held = false;
    ferry_err err = FERRY_OK;
    if (s->source == FERRY_SOURCE_BLANK)
        return FERRY_OK;
    if (sha256) {
        memcpy(s->sha256, sha256, FERRY_SHA256_BYTES);
        err = ferry__reflash_held(r, s, &is_held);
    }
    if (is_held) {
        s->source = FERRY_SOURCE_HELD;
        s->source_off_bytes = 0;
    }
    if (err || is_held)
        return err;
    uint8_t sha[FERRY_SHA256_BYTES];
    const uint32_t off = s->source == FERRY_SOURCE_HELD ? s->dest_off_bytes : s->source_off_bytes;
    err = ferry__reflash_hash(r, off, s->length_bytes, sha);
    if (!err && sha256 && memcmp(sha, sha256, sizeof(sha)) != 0)
        err = ferry__reflash_fail(r, r->step, FERRY_ERR_REFLASH_SOURCE, 0, 0, off);
    if (!err)
        memcpy(s->sha256, sha, sizeof(sha));
    return err;
}

uint32_t ferry__reflash_vouchers(const struct ferry_plan *plan)
{
    uint8_t bytes[FERRY_PLAN_STEP_BYTES];
    uint32_t sum = 0;
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        ferry__plan_put_step(&plan->steps[i], bytes);
        sum ^= ferry_crc32(0, bytes, sizeof(bytes));
    }
    return sum;
}

void ferry__reflash_vouch(struct ferry_reflash *r)
{
    r->plan.n_steps++;
    r->vouched = ferry__reflash_vouchers(&r->plan);
    r->phase = REFLASH_OPEN;
}

ferry_err ferry_reflash_add(struct ferry_reflash *r, const struct ferry_step *step,
                            const uint8_t *sha256)
{
    const uint8_t n = r->plan.n_steps;
    if (r->phase != REFLASH_OPEN && r->phase != REFLASH_CHECKED)
        return ferry__reflash_fail(r, -1, FERRY_ERR_STATE, 0, 0, 0);
    if (n >= FERRY_PLAN_STEPS)
        return ferry__reflash_fail(r, n, FERRY_ERR_REFLASH_STEPS, n + 1u, FERRY_PLAN_STEPS, 0);
    r->phase = REFLASH_OPEN;
    r->step = n;
    struct ferry_step *s = &r->plan.steps[n];
    *s = *step;
    ferry_err err = ferry__step_check(&r->plan, s, &r->fault);
    if (!err)
        err = measure(r, s, sha256);
    if (!err)
        ferry__reflash_vouch(r);
    return err;
}

ferry_err ferry_reflash_back_up(struct ferry_reflash *r, struct ferry_span space)
{
    uint32_t used = 0;
    const uint8_t n_steps = r->plan.n_steps;
    for (uint8_t i = 0; i < n_steps; i++) {
        const struct ferry_step *s = &r->plan.steps[i];
        struct ferry__reflash_cost cost = {0, 0};
        ferry_err err = s->kind == FERRY_STEP_BACKUP ? FERRY_OK : ferry__reflash_cost(r, s, &cost);
        if (err)
            return err;
        if (!cost.n_sectors)
            continue;
        const uint32_t n = ferry__step_work_bytes(s);
        if (n > space.size_bytes - used)
            return ferry__reflash_fail(r, i, FERRY_ERR_REFLASH_FULL, n, space.size_bytes - used, 0);
        const struct ferry_step keep = {.kind = FERRY_STEP_BACKUP,
                                        .source = FERRY_SOURCE_MOVED,
                                        .dest_off_bytes = space.off_bytes + used,
                                        .dest_size_bytes = n,
                                        .length_bytes = n,
                                        .source_off_bytes = s->dest_off_bytes};
        err = ferry_reflash_add(r, &keep, NULL);
        if (err)
            return err;
        used += n;
    }
    return FERRY_OK;
}

uint32_t ferry_reflash_recovery_off(const struct ferry_policy *policy, uint32_t efuse_sector)
{
    static const struct {
        uint16_t chip_id;
        uint16_t least_rev;
    } known[] = {{0x0017, 0}, {0x0014, 0}, {0x0012, 300}, {0x0020, 0}};
    if (!policy->chip || !efuse_sector || efuse_sector >= RECOVERY_OFF)
        return 0;
    for (uint32_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (policy->chip->id == known[i].chip_id && policy->chip_rev >= known[i].least_rev)
            return efuse_sector * REFLASH_SECTOR;
    }
    return 0;
}

/* A plan that needs a guard: it writes the bootloader, and not the recovery place. */
static bool wants_guard(const struct ferry_reflash *r, const struct ferry_reflash_site *site)
{
    bool writes_bootloader = false;
    for (uint8_t i = 0; i < r->plan.n_steps; i++) {
        const struct ferry_step *s = &r->plan.steps[i];
        if (s->dest_off_bytes == site->recovery_off_bytes)
            return false;
        writes_bootloader |= s->kind == FERRY_STEP_BOOTLOADER && s->source != FERRY_SOURCE_HELD;
    }
    return writes_bootloader && site->recovery_off_bytes && site->policy->chip;
}

ferry_err ferry_reflash_guard(struct ferry_reflash *r, const struct ferry_reflash_site *site,
                              struct ferry_device_work *work)
{
    const struct ferry_flash *f = r->cfg.flash;
    uint32_t n;
    if (!wants_guard(r, site))
        return FERRY_OK;
    if (site->recovery_off_bytes >= f->size_bytes)
        return ferry__reflash_fail(r, -1, FERRY_ERR_FLASH_RANGE, site->recovery_off_bytes,
                                   f->size_bytes, 0);
    const struct ferry_region spare = {f, site->recovery_off_bytes,
                                       f->size_bytes - site->recovery_off_bytes};
    if (!ferry__reflash_bootloader(r, site->policy, &spare, work, &n))
        return FERRY_OK;
    const struct ferry_span place =
        ferry__reflash_bootloader_place(site->policy, site->table_off_bytes);
    const struct ferry_region today = {f, place.off_bytes, place.size_bytes};
    ferry_err err = ferry__reflash_bootloader(r, site->policy, &today, work, &n);
    if (err)
        return err;
    const struct ferry_step guard = {.kind = FERRY_STEP_BACKUP,
                                     .source = FERRY_SOURCE_MOVED,
                                     .dest_off_bytes = spare.off_bytes,
                                     .dest_size_bytes = ferry_align_up(n, REFLASH_SECTOR),
                                     .length_bytes = n,
                                     .source_off_bytes = place.off_bytes};
    return ferry_reflash_add(r, &guard, NULL);
}

/* The chunk that the first step of the switch begins with. */
static uint32_t switch_chunk(const struct ferry_reflash *r)
{
    uint32_t n = 0;
    for (uint8_t i = 0; i < r->plan.switch_step && i < r->plan.n_steps; i++) {
        const struct ferry_step *s = &r->plan.steps[i];
        for (uint32_t at = 0; at < ferry__step_work_bytes(s); n++)
            at += ferry__journal_chunk_bytes(&r->journal, s, at);
    }
    return n;
}

ferry_err ferry_reflash_abandon(struct ferry_reflash *r)
{
    uint32_t chunk;
    bool is_done;
    if (r->journal.state != FERRY_JOURNAL_UNFINISHED)
        return ferry__reflash_fail(r, -1, FERRY_ERR_STATE, 0, 0, 0);
    ferry_err err = ferry_journal_last(&r->journal, &chunk, &is_done);
    if (err && err != FERRY_ERR_NOT_FOUND)
        return ferry__reflash_fail(r, -1, err, 0, 0, r->cfg.journal.off_bytes);
    if (!err && chunk >= switch_chunk(r))
        return ferry__reflash_fail(r, r->plan.switch_step, FERRY_ERR_REFLASH_BEGUN,
                                   r->plan.switch_step, 0, 0);
    err = ferry_journal_close(&r->journal, FERRY_JOURNAL_ABANDONED, &r->fault);
    if (!err)
        r->phase = REFLASH_OPEN;
    return err;
}

/* The step that overwrote what a backup kept. */
static void find_overwriter(const uint8_t *bytes, uint32_t n_steps, const struct ferry_step *backup,
                            struct ferry_step *out)
{
    for (uint32_t i = 0; i < n_steps; i++) {
        ferry__plan_step(bytes, i, out);
        if (out->kind != FERRY_STEP_BACKUP && out->dest_off_bytes == backup->source_off_bytes)
            return;
    }
    out->kind = FERRY_STEP_RAW;
    out->dest_size_bytes = ferry_align_up(backup->length_bytes, REFLASH_SECTOR);
}

static bool writes_at(const struct ferry_plan *plan, uint32_t off)
{
    for (uint8_t i = 0; i < plan->n_steps; i++) {
        if (plan->steps[i].dest_off_bytes == off)
            return true;
    }
    return false;
}

static ferry_err add_undo(struct ferry_reflash *r, const struct ferry_step *backup,
                          const uint8_t *bytes, uint32_t n_steps)
{
    struct ferry_step back;
    find_overwriter(bytes, n_steps, backup, &back);
    back.source = FERRY_SOURCE_MOVED;
    back.flags = 0;
    back.dest_off_bytes = backup->source_off_bytes;
    back.length_bytes = backup->length_bytes;
    back.source_off_bytes = backup->dest_off_bytes;
    return ferry_reflash_add(r, &back, backup->sha256);
}

ferry_err ferry_reflash_undo(struct ferry_reflash *r)
{
    const uint8_t state = r->journal.state;
    if (state != FERRY_JOURNAL_FINISHED && state != FERRY_JOURNAL_ABANDONED)
        return ferry__reflash_fail(r, -1,
                                   state == FERRY_JOURNAL_UNFINISHED ? FERRY_ERR_REFLASH_UNFINISHED
                                                                     : FERRY_ERR_REFLASH_NONE,
                                   0, 0, r->cfg.journal.off_bytes);
    // r->plan may have been changed since; what was done stands in the journal.
    uint8_t *bytes = ferry__reflash_plan_bytes(r);
    ferry_err err = ferry_journal_open(&r->journal, &r->cfg.journal, &r->plan, bytes, &r->fault);
    const uint32_t n_steps = r->plan.n_steps;
    if (!err)
        err = ferry_reflash_new(r);
    for (uint32_t i = 0; !err && i < n_steps; i++) {
        struct ferry_step backup;
        ferry__plan_step(bytes, i, &backup);
        // A bootloader may have been kept twice: for undo, and as its own guard.
        if (backup.kind == FERRY_STEP_BACKUP && !writes_at(&r->plan, backup.source_off_bytes))
            err = add_undo(r, &backup, bytes, n_steps);
    }
    if (!err && !r->plan.n_steps)
        return ferry__reflash_fail(r, -1, FERRY_ERR_REFLASH_BACKUP, 0, 0, 0);
    return err;
}
