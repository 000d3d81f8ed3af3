/* core/update.c - an update session.
 * Bytes gather in the caller's buffer and go to flash a buffer at a time, so the split of the input
 * never shows in what is erased or programmed. The image's first bytes are kept back and written
 * only when everything else was checked and read back: until then no bootloader can start the slot.
 * Design: docs/design.md "The way of the data". */
#include "ferry/update.h"

#include "core/mem.h"
#include "core/slots_private.h"
#include "core/update_private.h"
#include "ferry/bytes.h"
#include "ferry/crc32.h"
#include "ferry/slots.h"

#define HEAD_LEAST   16u
#define WORK_QUANTUM 256u

ferry_err ferry__update_fail(struct ferry_update *u, ferry_err err, uint32_t value, uint32_t limit,
                             uint32_t off_bytes)
{
    u->phase = UPDATE_FAILED;
    return ferry_fail(&u->fault, err, value, limit, off_bytes);
}

/* A lower floor refused and said why in its own fault. */
static ferry_err fail_as(struct ferry_update *u, ferry_err err, const struct ferry_fault *why)
{
    return ferry__update_fail(u, err, why->value, why->limit, why->off_bytes);
}

ferry_err ferry__update_flash(struct ferry_update *u, ferry_err err, uint32_t off_bytes)
{
    return err ? ferry__update_fail(u, err, 0, 0, u->slot.off_bytes + off_bytes) : FERRY_OK;
}

uint32_t ferry__update_head_bytes(const struct ferry_update *u)
{
    const uint32_t unit = u->slot.flash->prog_bytes;
    return unit > HEAD_LEAST ? unit : HEAD_LEAST;
}

static ferry_err check_config(struct ferry_update *u)
{
    const struct ferry_flash *f = u->dev->flash;
    const uint32_t work = u->cfg.work_bytes;
    if (!u->cfg.work || work < FERRY_UPDATE_WORK_LEAST)
        return ferry__update_fail(u, FERRY_ERR_WORK_SIZE, work, FERRY_UPDATE_WORK_LEAST, 0);
    const bool skip_equal = (u->cfg.flags & FERRY_UPDATE_SKIP_EQUAL) != 0;
    if (work % WORK_QUANTUM || f->sector_bytes % work || (skip_equal && work != f->sector_bytes))
        return ferry__update_fail(u, FERRY_ERR_ARG, work, f->sector_bytes, 0);
    if (f->prog_bytes > FERRY_UPDATE_HEAD_BYTES)
        return ferry__update_fail(u, FERRY_ERR_ARG, f->prog_bytes, FERRY_UPDATE_HEAD_BYTES, 0);
    return FERRY_OK;
}

/* Which slot, and that nothing which runs or decides lies in it. */
static ferry_err choose_target(struct ferry_update *u)
{
    struct ferry_device *d = u->dev;
    u->target = u->cfg.slot;
    ferry_err err = FERRY_OK;
    if (u->target == FERRY_SLOT_NEXT)
        err = ferry_slots_next(d, &u->target);
    else if (u->target < 0 || u->target >= d->n_slots)
        err = ferry_fail(&d->fault, FERRY_ERR_NO_SLOT, (uint32_t)u->target, d->n_slots, 0);
    if (!err)
        err = ferry_device_region(d, u->target, &u->slot);
    if (err)
        return fail_as(u, err, &d->fault);
    const struct ferry_span run = ferry_device_span(d, d->running);
    // A table may also lay two partitions over each other.
    if (u->target == d->running ||
        ferry_ranges_overlap(u->slot.off_bytes, u->slot.size_bytes, run.off_bytes, run.size_bytes))
        return ferry__update_fail(u, FERRY_ERR_UPDATE_RUNNING, (uint32_t)u->target, 0, 0);
    if (ferry_ranges_overlap(u->slot.off_bytes, u->slot.size_bytes, d->otadata.off_bytes,
                             d->otadata.size_bytes))
        return ferry__update_fail(u, FERRY_ERR_TABLE_RULE, u->slot.off_bytes, d->otadata.off_bytes,
                                  0);
    return FERRY_OK;
}

static ferry_err check_otadata(struct ferry_update *u)
{
    struct ferry_device *d = u->dev;
    struct ferry_slots s;
    const ferry_err err = ferry_slots_load(d, &s);
    if (err)
        return fail_as(u, err, &d->fault);
    if (d->running == FERRY_SLOT_NONE)
        return ferry__update_fail(u, FERRY_ERR_SLOT_UNKNOWN, 0, 0, 0);
    if (s.running >= 0 && s.entry[s.running].state == FERRY_STATE_PENDING &&
        !(u->cfg.flags & FERRY_UPDATE_PENDING_TOO))
        return ferry__update_fail(u, FERRY_ERR_UPDATE_PENDING, (uint32_t)d->running, 0, 0);
    return FERRY_OK;
}

ferry_err ferry_update_begin(struct ferry_update *u, struct ferry_device *dev,
                             const struct ferry_update_config *cfg)
{
    memset(u, 0, sizeof(*u));
    u->dev = dev;
    u->cfg = *cfg;
    ferry_err err = check_config(u);
    if (!err)
        err = check_otadata(u);
    if (!err)
        err = choose_target(u);
    if (err)
        return err;
    if (cfg->length_bytes > u->slot.size_bytes)
        return ferry__update_fail(u, FERRY_ERR_IMAGE_SIZE, cfg->length_bytes, u->slot.size_bytes,
                                  0);
    ferry_device_rules(dev, u->target, &u->rules);
    u->rules.desc_head = cfg->desc_head;
    ferry_image_begin(&u->image, &u->rules);
    u->phase = UPDATE_RECEIVING;
    return FERRY_OK;
}

/* How far the file is known to reach: by its promised length, or by what its headers prove. */
static uint32_t known_end(const struct ferry_update *u)
{
    if (u->cfg.length_bytes)
        return u->cfg.length_bytes;
    const uint32_t proven = u->image.proven_bytes;
    return proven > u->got_bytes ? proven : u->got_bytes;
}

/* Erases ahead until the slot is blank up to to_bytes: 64 KB at a time where the file surely
 * reaches the block's last sector, single sectors at the edges. */
static ferry_err erase_ahead(struct ferry_update *u, uint32_t to_bytes)
{
    const struct ferry_flash *f = u->slot.flash;
    const uint32_t end = ferry_align_up(known_end(u), f->sector_bytes);
    while (u->erased_to_bytes < to_bytes) {
        const uint32_t at = u->erased_to_bytes;
        const bool block = !(u->cfg.flags & (FERRY_UPDATE_GENTLE | FERRY_UPDATE_SKIP_EQUAL)) &&
                           (u->slot.off_bytes + at) % f->block_bytes == 0 &&
                           ferry_range_fits(at, f->block_bytes, end) &&
                           ferry_range_fits(at, f->block_bytes, u->slot.size_bytes);
        const uint32_t step = block ? f->block_bytes : f->sector_bytes;
        const ferry_err err =
            ferry__update_flash(u, ferry_region_erase(&u->slot, at, step, block), at);
        if (err)
            return err;
        u->erased_to_bytes += step;
    }
    return FERRY_OK;
}

/* Before the first change to flash: the image must be welcome, and otadata must not name the slot
 * while it is half written. */
static ferry_err open_slot(struct ferry_update *u)
{
    if (u->is_open)
        return FERRY_OK;
    ferry_err err = ferry__update_accept(u);
    if (err)
        return err;
    err = ferry_slots_prepare(u->dev, u->target, &u->otadata_erased);
    if (err)
        return fail_as(u, err, &u->dev->fault);
    u->is_open = true;
    return FERRY_OK;
}

/* With skip_equal: whether the sector holds these n bytes already. The first never does: it is
 * erased before all others, so that nothing can boot the slot while it changes. */
static ferry_err holds_already(struct ferry_update *u, uint32_t off_bytes, uint32_t n, bool *equal)
{
    const uint8_t *buf = u->cfg.work;
    uint8_t seen[64];
    *equal = (u->cfg.flags & FERRY_UPDATE_SKIP_EQUAL) && off_bytes > 0;
    for (uint32_t at = 0; *equal && at < n; at += sizeof(seen)) {
        const uint32_t step = n - at < sizeof(seen) ? n - at : (uint32_t)sizeof(seen);
        const ferry_err err = ferry__update_flash(
            u, ferry_region_read(&u->slot, off_bytes + at, seen, step), off_bytes + at);
        if (err)
            return err;
        *equal = memcmp(seen, buf + at, step) == 0;
    }
    return FERRY_OK;
}

/* Erases as far as needed and programs n bytes of the buffer, all but the first `skip`. */
static ferry_err program(struct ferry_update *u, uint32_t off_bytes, uint32_t n, uint32_t skip)
{
    uint8_t *buf = u->cfg.work;
    ferry_err err = erase_ahead(u, off_bytes + n);
    if (err || n <= skip)
        return err;
    return ferry__update_flash(
        u, ferry_region_prog(&u->slot, off_bytes + skip, buf + skip, n - skip), off_bytes);
}

/* Brings the gathered bytes, which begin at off_bytes of the slot, into flash. */
static ferry_err flush(struct ferry_update *u, uint32_t off_bytes, uint32_t n)
{
    uint8_t *buf = u->cfg.work;
    uint32_t skip = 0;
    ferry_err err = open_slot(u);
    if (err)
        return err;
    if (off_bytes == 0) {
        skip = ferry__update_head_bytes(u);
        memset(u->head, 0xff, sizeof(u->head));
        memcpy(u->head, buf, n < skip ? n : skip);
    }
    const uint32_t padded = ferry_align_up(n, u->slot.flash->prog_bytes);
    memset(buf + n, 0xff, padded - n);
    bool equal;
    err = holds_already(u, off_bytes, padded, &equal);
    if (!err && equal)
        u->erased_to_bytes = off_bytes + u->slot.flash->sector_bytes;
    else if (!err)
        err = program(u, off_bytes, padded, skip);
    if (!err && u->got_bytes % u->slot.flash->sector_bytes == 0) {
        u->flushed_bytes = u->got_bytes;
        u->flushed_crc32 = u->crc32;
    }
    return err;
}

static ferry_err check_room(struct ferry_update *u, uint32_t n)
{
    const uint32_t promised = u->cfg.length_bytes;
    const uint32_t room = u->slot.size_bytes;
    const uint32_t sum = n > UINT32_MAX - u->got_bytes ? UINT32_MAX : u->got_bytes + n;
    if (promised && sum > promised)
        return ferry__update_fail(u, FERRY_ERR_UPDATE_LENGTH, sum, promised, 0);
    if (sum > room)
        return ferry__update_fail(u, FERRY_ERR_IMAGE_SIZE, sum, room, 0);
    return FERRY_OK;
}

/* Takes what fits into the buffer, and writes it when it is full. */
static ferry_err take(struct ferry_update *u, const uint8_t *data, uint32_t n)
{
    uint8_t *buf = u->cfg.work;
    const uint32_t fill = u->got_bytes % u->cfg.work_bytes;
    ferry_err err = ferry_image_feed(&u->image, data, n);
    if (err)
        return fail_as(u, err, &u->image.fault);
    memcpy(buf + fill, data, n);
    u->crc32 = ferry_crc32(u->crc32, data, n);
    u->got_bytes += n;
    if (fill + n == u->cfg.work_bytes)
        err = flush(u, u->got_bytes - u->cfg.work_bytes, u->cfg.work_bytes);
    return err;
}

ferry_err ferry_update_write(struct ferry_update *u, const void *data, uint32_t n, uint32_t *used)
{
    const uint8_t *p = data;
    uint32_t left = n;
    if (u->fault.err)
        return u->fault.err;
    if (u->phase != UPDATE_RECEIVING)
        return FERRY_ERR_STATE;
    ferry_err err = check_room(u, n);
    while (!err && left) {
        const uint32_t room = u->cfg.work_bytes - u->got_bytes % u->cfg.work_bytes;
        const uint32_t step = left < room ? left : room;
        err = take(u, p, step);
        p += step;
        left -= step;
        if (u->cfg.flags & FERRY_UPDATE_GENTLE)
            break;
    }
    if (!err)
        *used = n - left;
    return err;
}

void ferry_update_progress(const struct ferry_update *u, uint32_t *done_bytes,
                           uint32_t *total_bytes)
{
    *done_bytes = u->got_bytes;
    *total_bytes = u->cfg.length_bytes;
}

/* All bytes are in: every promise about them must hold before the last of them are written. */
static ferry_err end_receiving(struct ferry_update *u)
{
    if (!u->got_bytes)
        return ferry__update_fail(u, FERRY_ERR_UPDATE_EMPTY, 0, 0, 0);
    if (u->cfg.length_bytes && u->got_bytes != u->cfg.length_bytes)
        return ferry__update_fail(u, FERRY_ERR_UPDATE_LENGTH, u->got_bytes, u->cfg.length_bytes, 0);
    ferry_err err = ferry_image_end(&u->image);
    if (err)
        return fail_as(u, err, &u->image.fault);
    ferry_sha256_finish(&u->image.hash, u->sha256);
    if (u->cfg.has_crc32 && u->crc32 != u->cfg.crc32)
        return ferry__update_fail(u, FERRY_ERR_UPDATE_CRC, u->crc32, u->cfg.crc32, 0);
    if (u->cfg.sha256 && !ferry_equal_const_time(u->sha256, u->cfg.sha256, FERRY_SHA256_BYTES))
        return ferry__update_fail(u, FERRY_ERR_UPDATE_SHA, 0, 0, 0);
    err = open_slot(u); // not yet done if a resumed session had nothing left to receive
    if (err)
        return err;
    const uint32_t rest = u->got_bytes % u->cfg.work_bytes;
    if (rest)
        err = flush(u, u->got_bytes - rest, rest);
    if (err)
        return err;
    err = ferry__update_flash(u, ferry_region_sync(&u->slot), 0);
    if (err)
        return err;
    ferry_sha256_init(&u->image.hash);
    if (u->dev->policy->gate)
        u->dev->policy->gate->begin(u->dev->policy->gate, u->image.image_bytes);
    u->phase = UPDATE_READING_BACK;
    return FERRY_OK;
}

/* Hashes the next piece of the slot; its first bytes are not there yet and come from memory. */
static ferry_err read_back(struct ferry_update *u)
{
    uint8_t *buf = u->cfg.work;
    const uint32_t left = u->got_bytes - u->checked_bytes;
    const uint32_t n = left < u->cfg.work_bytes ? left : u->cfg.work_bytes;
    const ferry_err err = ferry__update_flash(
        u, ferry_region_read(&u->slot, u->checked_bytes, buf, n), u->checked_bytes);
    if (err)
        return err;
    if (u->checked_bytes == 0)
        memcpy(buf, u->head, n < ferry__update_head_bytes(u) ? n : ferry__update_head_bytes(u));
    ferry_sha256_update(&u->image.hash, buf, n);
    struct ferry_gate *gate = u->dev->policy->gate;
    if (gate)
        gate->feed(gate, buf, n);
    u->checked_bytes += n;
    if (u->checked_bytes < u->got_bytes)
        return FERRY_OK;
    uint8_t digest[FERRY_SHA256_BYTES];
    ferry_sha256_finish(&u->image.hash, digest);
    if (!ferry_equal_const_time(digest, u->sha256, sizeof(digest)))
        return ferry__update_fail(u, FERRY_ERR_FLASH_VERIFY, 0, 0, u->slot.off_bytes);
    if (gate) {
        struct ferry_fault why = {0};
        const ferry_err refusal = gate->verdict(gate, &u->slot, &why);
        if (refusal)
            return fail_as(u, refusal, &why);
    }
    u->phase = UPDATE_WRITING_HEAD;
    return FERRY_OK;
}

static ferry_err write_head(struct ferry_update *u)
{
    const uint32_t n = ferry__update_head_bytes(u);
    uint8_t seen[FERRY_UPDATE_HEAD_BYTES];
    ferry_err err = ferry_region_prog(&u->slot, 0, u->head, n);
    if (!err)
        err = ferry_region_sync(&u->slot);
    if (!err)
        err = ferry_region_read(&u->slot, 0, seen, n);
    if (!err && memcmp(seen, u->head, n) != 0)
        err = FERRY_ERR_FLASH_VERIFY;
    if (err)
        return ferry__update_flash(u, err, 0);
    u->phase = UPDATE_FLIPPING;
    return FERRY_OK;
}

static ferry_err flip(struct ferry_update *u)
{
    uint32_t flags = ferry_set_boot_erased(u->otadata_erased);
    if (u->cfg.flags & FERRY_UPDATE_PENDING_TOO)
        flags |= FERRY_SET_BOOT_PENDING_TOO;
    const ferry_err err = ferry__slots_arm(u->dev, u->target, flags);
    if (err)
        return fail_as(u, err, &u->dev->fault);
    u->phase = UPDATE_DONE;
    return FERRY_OK;
}

static ferry_err next_step(struct ferry_update *u)
{
    switch (u->phase) {
    case UPDATE_RECEIVING:
        return end_receiving(u);
    case UPDATE_READING_BACK:
        return read_back(u);
    case UPDATE_WRITING_HEAD:
        return write_head(u);
    case UPDATE_FLIPPING:
        return flip(u);
    default:
        return FERRY_ERR_STATE;
    }
}

/* A header that stands while the session failed would let a bootloader's fallback find the image:
 * it goes. If that erase fails too, there is nothing left to try, and the first cause stands. */
static void drop_head(struct ferry_update *u)
{
    ferry_err err = ferry_region_erase(&u->slot, 0, u->slot.flash->sector_bytes, false);
    if (!err)
        err = ferry_region_sync(&u->slot);
    (void)err;
}

ferry_err ferry_update_finish(struct ferry_update *u)
{
    if (u->fault.err)
        return u->fault.err;
    for (;;) {
        const uint8_t was = u->phase;
        const ferry_err err = next_step(u);
        if (err && (was == UPDATE_WRITING_HEAD || was == UPDATE_FLIPPING))
            drop_head(u);
        if (err || u->phase == UPDATE_DONE)
            return err;
        if (u->cfg.flags & FERRY_UPDATE_GENTLE)
            return FERRY_AGAIN;
    }
}

void ferry_update_abort(struct ferry_update *u)
{
    if (u->phase == UPDATE_FLIPPING)
        drop_head(u);
    if (u->phase != UPDATE_DONE && u->phase != UPDATE_FAILED)
        (void)ferry__update_fail(u, FERRY_ERR_CANCELLED, u->got_bytes, u->cfg.length_bytes, 0);
}
