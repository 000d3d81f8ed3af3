/* core/reflash.c - carries a reflash plan out, and goes on with it after any cut.
 * All that a bootloader links beside core/journal*.c. Every sector is read back; a
 * chunk is marked before its first change and after its last check. Order and reasons:
 * docs/design/reflash.md. */
#include "core/reflash_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"
#include "ferry/crc32.h"

#define TRIES      3u
#define PIECE_MOST 65536u // erased and written in one go: at most 16 sectors, a bit for each

ferry_err ferry__reflash_fail(struct ferry_reflash *r, int step, ferry_err err, uint32_t value,
                              uint32_t limit, uint32_t off_bytes)
{
    r->step = step;
    return ferry_fail(&r->fault, err, value, limit, off_bytes);
}

struct ferry_region ferry__reflash_chip(const struct ferry_reflash *r)
{
    return (struct ferry_region){r->cfg.flash, 0, r->cfg.flash->size_bytes};
}

uint8_t *ferry__reflash_sector(const struct ferry_reflash *r)
{
    return r->cfg.work;
}

uint8_t *ferry__reflash_piece(const struct ferry_reflash *r)
{
    return (uint8_t *)r->cfg.work + REFLASH_SECTOR;
}

uint8_t *ferry__reflash_plan_bytes(const struct ferry_reflash *r)
{
    return ferry__reflash_piece(r) + REFLASH_PIECE;
}

static ferry_err io(struct ferry_reflash *r, ferry_err err, uint32_t off)
{
    return err ? ferry__reflash_fail(r, r->step, err, 0, 0, off) : FERRY_OK;
}

static ferry_err chip_read(struct ferry_reflash *r, uint32_t off, uint8_t *to, uint32_t n)
{
    const struct ferry_region chip = ferry__reflash_chip(r);
    return io(r, ferry_region_read(&chip, off, to, n), off);
}

ferry_err ferry__reflash_hash(struct ferry_reflash *r, uint32_t off, uint32_t len,
                              uint8_t out[FERRY_SHA256_BYTES])
{
    uint8_t *buf = ferry__reflash_sector(r);
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    for (uint32_t at = 0; at < len;) {
        const uint32_t n = len - at < REFLASH_SECTOR ? len - at : REFLASH_SECTOR;
        const ferry_err err = chip_read(r, off + at, buf, n);
        if (err)
            return err;
        ferry_sha256_update(&h, buf, n);
        at += n;
    }
    ferry_sha256_finish(&h, out);
    return FERRY_OK;
}

/* ---- sectors ---- */

/* What a step wants in n bytes at at_bytes of its span: content, and blank behind it. */
static ferry_err load_wanted(struct ferry_reflash *r, const struct ferry_step *s, uint32_t at,
                             uint32_t n)
{
    uint8_t *want = ferry__reflash_sector(r);
    const uint32_t left = at < s->length_bytes ? s->length_bytes - at : 0;
    const uint32_t n_content = left < n ? left : n;
    memset(want + n_content, 0xff, n - n_content);
    return chip_read(r, s->source_off_bytes + at, want, n_content);
}

/* Compares a piece of flash with one in memory. */
static ferry_err compare_piece(struct ferry_reflash *r, uint32_t off, const uint8_t *want,
                               bool *is_same)
{
    uint8_t *seen = ferry__reflash_piece(r);
    const ferry_err err = chip_read(r, off, seen, REFLASH_PIECE);
    *is_same = !err && memcmp(seen, want, REFLASH_PIECE) == 0;
    return err;
}

/* Compares a sector of flash with the one in memory. */
static ferry_err compare(struct ferry_reflash *r, uint32_t off, bool *is_same)
{
    ferry_err err = FERRY_OK;
    *is_same = true;
    for (uint32_t k = 0; !err && *is_same && k < REFLASH_SECTOR; k += REFLASH_PIECE)
        err = compare_piece(r, off + k, ferry__reflash_sector(r) + k, is_same);
    return err;
}

// Piece by piece on both sides: sectors that differ mostly do so early.
ferry_err ferry__reflash_same(struct ferry_reflash *r, const struct ferry_step *s, uint32_t at,
                              bool *is_same)
{
    ferry_err err = FERRY_OK;
    *is_same = true;
    for (uint32_t k = 0; !err && *is_same && k < REFLASH_SECTOR; k += REFLASH_PIECE) {
        err = load_wanted(r, s, at + k, REFLASH_PIECE);
        if (!err)
            err = compare_piece(r, s->dest_off_bytes + at + k, ferry__reflash_sector(r), is_same);
    }
    return err;
}

static bool is_blank(const uint8_t *p, uint32_t n)
{
    while (n && p[n - 1] == 0xff)
        n--;
    return n == 0;
}

static ferry_err erase_and_write(struct ferry_reflash *r, uint32_t off, bool is_erased)
{
    const struct ferry_region chip = ferry__reflash_chip(r);
    ferry_err err = FERRY_OK;
    if (!is_erased)
        err = ferry_region_erase(&chip, off, REFLASH_SECTOR, false);
    if (!err && !is_blank(ferry__reflash_sector(r), REFLASH_SECTOR))
        err = ferry_region_prog(&chip, off, ferry__reflash_sector(r), REFLASH_SECTOR);
    if (!err)
        err = ferry_region_sync(&chip);
    return io(r, err, off);
}

ferry_err ferry__reflash_put(struct ferry_reflash *r, uint32_t off, bool is_erased)
{
    ferry_err err = FERRY_OK;
    for (uint32_t k = 0; k < TRIES; k++) {
        bool is_same = false;
        err = erase_and_write(r, off, is_erased && !k);
        if (err)
            continue;
        err = compare(r, off, &is_same);
        if (err || is_same)
            return err;
        err = ferry__reflash_fail(r, r->step, FERRY_ERR_FLASH_VERIFY, 0, 0, off);
    }
    return err;
}

/* ---- chunks ---- */

/* Which sectors of a piece are to be written: those that differ, or after a cut all of them. */
static ferry_err find_work(struct ferry_reflash *r, const struct ferry_step *s, uint32_t at,
                           uint32_t n, uint32_t *mask)
{
    *mask = 0;
    for (uint32_t i = 0; i * REFLASH_SECTOR < n; i++) {
        bool is_same = false;
        if (!r->redo) {
            const ferry_err err = ferry__reflash_same(r, s, at + i * REFLASH_SECTOR, &is_same);
            if (err)
                return err;
        }
        if (!is_same)
            *mask |= UINT32_C(1) << i;
    }
    return FERRY_OK;
}

/* A block is erased in one go only if none of its sectors may stay. */
static ferry_err erase_block(struct ferry_reflash *r, const struct ferry_step *s, uint32_t at,
                             uint32_t n, uint32_t mask, bool *is_erased)
{
    const struct ferry_region chip = ferry__reflash_chip(r);
    const uint32_t block = r->cfg.flash->block_bytes;
    const uint32_t off = s->dest_off_bytes + at;
    *is_erased = n == block && n > REFLASH_SECTOR && off % block == 0 &&
                 mask == (UINT32_C(1) << (n / REFLASH_SECTOR)) - 1;
    return *is_erased ? io(r, ferry_region_erase(&chip, off, n, true), off) : FERRY_OK;
}

/* Hashes the content of the sector in memory, which flash is known to hold. */
static void hash_sector(struct ferry_reflash *r, const struct ferry_step *s, uint32_t at)
{
    const uint32_t left = at < s->length_bytes ? s->length_bytes - at : 0;
    ferry_sha256_update(&r->hash, ferry__reflash_sector(r),
                        left < REFLASH_SECTOR ? left : REFLASH_SECTOR);
}

static ferry_err write_piece(struct ferry_reflash *r, const struct ferry_step *s, uint32_t at,
                             uint32_t n, uint32_t mask)
{
    bool is_erased = false;
    ferry_err err = mask ? erase_block(r, s, at, n, mask, &is_erased) : FERRY_OK;
    for (uint32_t i = 0; !err && i * REFLASH_SECTOR < n; i++) {
        const uint32_t sector = at + i * REFLASH_SECTOR;
        err = load_wanted(r, s, sector, REFLASH_SECTOR);
        if (!err && (mask >> i & 1)) {
            err = ferry__reflash_put(r, s->dest_off_bytes + sector, is_erased);
            r->n_written += !err;
        }
        if (!err)
            hash_sector(r, s, sector);
    }
    return err;
}

/* One chunk: compare, mark, write, mark. It is more than one piece only where marks are scarce. */
static ferry_err do_chunk(struct ferry_reflash *r, const struct ferry_step *s, uint32_t n)
{
    bool is_begun = false;
    for (uint32_t at = 0; at < n;) {
        const uint32_t off = s->dest_off_bytes + r->at_bytes + at;
        const uint32_t to_edge = PIECE_MOST - off % PIECE_MOST;
        const uint32_t step = n - at < to_edge ? n - at : to_edge;
        uint32_t mask;
        ferry_err err = find_work(r, s, r->at_bytes + at, step, &mask);
        if (!err && mask && !is_begun) {
            err = ferry_journal_begin_chunk(&r->journal, r->chunk, &r->fault);
            is_begun = true;
        }
        if (!err)
            err = write_piece(r, s, r->at_bytes + at, step, mask);
        if (err) {
            r->redo |= is_begun; // what stands in the chunk now is not to be trusted
            return err;
        }
        at += step;
    }
    const ferry_err err =
        is_begun ? ferry_journal_end_chunk(&r->journal, r->chunk, &r->fault) : FERRY_OK;
    r->redo = err != FERRY_OK;
    return err;
}

/* ---- steps ---- */

/* Does [off, off + length) hold the step's content? */
static ferry_err check_hash(struct ferry_reflash *r, const struct ferry_step *s, uint32_t off)
{
    uint8_t sha[FERRY_SHA256_BYTES];
    if (!s->length_bytes)
        return FERRY_OK;
    const ferry_err err = ferry__reflash_hash(r, off, s->length_bytes, sha);
    if (err)
        return err;
    if (!ferry_equal_const_time(sha, s->sha256, sizeof(sha)))
        return ferry__reflash_fail(r, r->step, FERRY_ERR_REFLASH_SOURCE, 0, 0, off);
    return FERRY_OK;
}

/* What is still to be written may not be what runs. */
static ferry_err check_running(struct ferry_reflash *r)
{
    const struct ferry_span run = r->cfg.running;
    for (int i = r->step; i < r->plan.n_steps; i++) {
        const struct ferry_step *s = &r->plan.steps[i];
        const bool is_past = i == r->step && r->at_bytes == ferry__step_work_bytes(s);
        if (!is_past && s->source != FERRY_SOURCE_HELD &&
            ferry_ranges_overlap(s->dest_off_bytes, s->dest_size_bytes, run.off_bytes,
                                 run.size_bytes))
            return ferry__reflash_fail(r, i, FERRY_ERR_REFLASH_RUNNING, s->dest_off_bytes,
                                       run.off_bytes, 0);
    }
    return FERRY_OK;
}

/* The whole content in place. What was read back in one go was hashed on the way. */
static ferry_err verify_step(struct ferry_reflash *r, const struct ferry_step *s)
{
    uint8_t sha[FERRY_SHA256_BYTES];
    if (!r->hash_whole || !s->length_bytes)
        return check_hash(r, s, s->dest_off_bytes);
    ferry_sha256_finish(&r->hash, sha);
    r->hash_whole = false; // used up; asked again, flash is read
    if (!ferry_equal_const_time(sha, s->sha256, sizeof(sha)))
        return ferry__reflash_fail(r, r->step, FERRY_ERR_REFLASH_SOURCE, 0, 0, s->source_off_bytes);
    return FERRY_OK;
}

static ferry_err end_step(struct ferry_reflash *r, const struct ferry_step *s)
{
    ferry_err err = verify_step(r, s);
    if (err)
        return err;
    r->at_bytes = 0;
    r->source_good = r->in_session;
    if (++r->step < r->plan.n_steps)
        return FERRY_AGAIN;
    err = ferry_journal_close(&r->journal, FERRY_JOURNAL_FINISHED, &r->fault);
    if (!err)
        r->phase = REFLASH_DONE;
    return err;
}

ferry_err ferry_reflash_run(struct ferry_reflash *r)
{
    if (r->phase == REFLASH_DONE)
        return FERRY_OK;
    if (r->phase != REFLASH_RUNNING)
        return ferry__reflash_fail(r, -1, FERRY_ERR_STATE, 0, 0, 0);
    ferry_err err = check_running(r);
    if (err)
        return err;
    const struct ferry_step *s = &r->plan.steps[r->step];
    const uint32_t n = ferry__journal_chunk_bytes(&r->journal, s, r->at_bytes);
    if (!n)
        return end_step(r, s);
    if (!r->source_good)
        err = check_hash(r, s, s->source_off_bytes);
    if (err)
        return err;
    r->source_good = true;
    if (!r->at_bytes) {
        ferry_sha256_init(&r->hash);
        r->hash_whole = true;
    }
    err = do_chunk(r, s, n);
    if (err) {
        r->hash_whole = false;
        return err;
    }
    r->at_bytes += n;
    r->done_bytes += n;
    r->chunk++;
    return FERRY_AGAIN;
}

/* ---- begin and resume ---- */

static ferry_err ask_gate(struct ferry_reflash *r, const uint8_t *signature)
{
    struct ferry_plan_gate *gate = r->cfg.gate;
    if (!gate)
        return FERRY_OK;
    return gate->verdict(gate, &r->plan, signature, ferry__reflash_plan_bytes(r), &r->fault);
}

/* From the first chunk, or behind the last that was finished. */
static void seek(struct ferry_reflash *r, uint32_t chunk)
{
    r->total_bytes = 0;
    for (int i = 0; i < r->plan.n_steps; i++)
        r->total_bytes += ferry__step_work_bytes(&r->plan.steps[i]);
    r->step = 0;
    r->at_bytes = 0;
    r->done_bytes = 0;
    for (r->chunk = 0; r->chunk < chunk; r->chunk++) {
        const struct ferry_step *s = &r->plan.steps[r->step];
        uint32_t n = ferry__journal_chunk_bytes(&r->journal, s, r->at_bytes);
        // A step's end is passed only on the way to the next one's chunk: then it was verified.
        while (!n && r->step + 1 < r->plan.n_steps) {
            s = &r->plan.steps[++r->step];
            r->at_bytes = 0;
            n = ferry__journal_chunk_bytes(&r->journal, s, 0);
        }
        r->at_bytes += n;
        r->done_bytes += n;
    }
    r->source_good = false;
    r->hash_whole = false;
    r->phase = REFLASH_RUNNING;
}

static ferry_err take_up(struct ferry_reflash *r)
{
    uint32_t chunk = 0;
    bool is_done = false;
    uint8_t *signature = ferry__reflash_sector(r);
    ferry_err err = FERRY_OK;
    if (r->cfg.gate)
        err = ferry_journal_signature(&r->journal, signature);
    if (!err)
        err = ask_gate(r, signature);
    if (err)
        return err == r->fault.err ? err : io(r, err, r->cfg.journal.off_bytes);
    err = ferry_journal_last(&r->journal, &chunk, &is_done);
    if (err && err != FERRY_ERR_NOT_FOUND)
        return io(r, err, r->cfg.journal.off_bytes);
    r->redo = !err && !is_done;
    seek(r, !err && is_done ? chunk + 1 : chunk);
    return FERRY_OK;
}

ferry_err ferry_reflash_open(struct ferry_reflash *r, const struct ferry_reflash_config *cfg)
{
    memset(r, 0, sizeof(*r));
    r->cfg = *cfg;
    r->step = -1;
    const uint32_t least = FERRY_REFLASH_WORK_BYTES(REFLASH_SECTOR);
    if (cfg->work_bytes < least)
        return ferry__reflash_fail(r, -1, FERRY_ERR_WORK_SIZE, cfg->work_bytes, least, 0);
    const struct ferry_flash *f = cfg->flash;
    if (f->sector_bytes != REFLASH_SECTOR || f->block_bytes > PIECE_MOST ||
        f->size_bytes != cfg->journal.flash->size_bytes)
        return ferry__reflash_fail(r, -1, FERRY_ERR_FLASH_ALIGN, f->sector_bytes, REFLASH_SECTOR,
                                   0);
    const ferry_err err = ferry_journal_open(&r->journal, &cfg->journal, &r->plan,
                                             ferry__reflash_plan_bytes(r), &r->fault);
    r->phase = REFLASH_OPEN;
    if (err)
        return err;
    return r->journal.state == FERRY_JOURNAL_UNFINISHED ? take_up(r) : FERRY_OK;
}

ferry_err ferry_reflash_begin(struct ferry_reflash *r, const uint8_t *signature)
{
    uint8_t *bytes = ferry__reflash_plan_bytes(r);
    if (r->journal.state == FERRY_JOURNAL_UNFINISHED)
        return ferry__reflash_fail(r, -1, FERRY_ERR_REFLASH_UNFINISHED, 0, 0,
                                   r->cfg.journal.off_bytes);
    if (r->phase != REFLASH_CHECKED ||
        ferry_crc32(0, bytes, ferry_plan_encode(&r->plan, bytes)) != r->checked)
        return ferry__reflash_fail(r, -1, FERRY_ERR_STATE, 0, 0, 0);
    uint8_t *stated = ferry__reflash_sector(r);
    memset(stated, 0xff, FERRY_PLAN_SIGNATURE_BYTES);
    if (signature)
        memcpy(stated, signature, FERRY_PLAN_SIGNATURE_BYTES);
    ferry_err err = ask_gate(r, stated);
    if (err)
        return err;
    if (!r->n_needed) {
        r->phase = REFLASH_DONE;
        return FERRY_OK;
    }
    err = ferry_journal_write(&r->journal, &r->plan, signature, bytes, &r->fault);
    if (err)
        return err;
    seek(r, 0);
    // The check has just hashed every source; after a reset each is hashed again.
    r->in_session = true;
    r->source_good = true;
    return FERRY_OK;
}

ferry_err ferry_reflash_resume(struct ferry_reflash *r, const struct ferry_reflash_config *cfg)
{
    ferry_err err = ferry_reflash_open(r, cfg);
    if (err || r->phase != REFLASH_RUNNING)
        return err;
    do {
        err = ferry_reflash_run(r);
    } while (err == FERRY_AGAIN);
    return err;
}
