/* host/doctor_repair.c - the repairs, and the copy they are tried on. */
#include "doctor_repair.h"

#include <stdlib.h>
#include <string.h>

#include "doctor_mend.h"
#include "ferry/bytes.h"
#include "reflash_waiting.h"

#define SECTOR          FERRY_FLASH_SECTOR_BYTES
#define MOST_OPS        1024u // more than any repair has
#define SIGNATURE_OF    0xe7u
#define BOOTLOADER_MOST 0x40000u

/** A flash whose changes stay in memory. After ops_left operations the power is gone. */
struct copy {
    struct ferry_flash flash;
    const struct ferry_flash *base;
    uint32_t ops_left;
    unsigned n;
    uint32_t offs[FERRY_CURE_SECTORS];
    uint8_t sectors[FERRY_CURE_SECTORS][SECTOR];
};

/** What a repair works on: the device, and how a whole sector is set at once. */
struct patient {
    struct ferry_device dev;
    struct ferry_device_work work;
    struct ferry_vdevice *v;
    const struct ferry_flash *flash;
    ferry_err (*set)(struct patient *p, uint32_t off_bytes, const uint8_t sector[SECTOR]);
};

static uint8_t *copied(const struct copy *c, uint32_t off)
{
    for (unsigned i = 0; i < c->n; i++)
        if (c->offs[i] == off)
            return (uint8_t *)(uintptr_t)c->sectors[i];
    return NULL;
}

static ferry_err copy_read(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    const struct copy *c = f->ctx;
    uint8_t *to = dst;
    const ferry_err err = c->base->ops->read(c->base, off, dst, len);
    for (unsigned i = 0; !err && i < c->n; i++) {
        if (!ferry_ranges_overlap(off, len, c->offs[i], SECTOR))
            continue;
        const uint32_t from = off > c->offs[i] ? off : c->offs[i];
        const uint32_t end = off + len < c->offs[i] + SECTOR ? off + len : c->offs[i] + SECTOR;
        memcpy(to + (from - off), c->sectors[i] + (from - c->offs[i]), end - from);
    }
    return err;
}

/** The copy of a sector, made now if need be; NULL: cut, or no room. */
static uint8_t *begin_change(struct copy *c, uint32_t off)
{
    const uint32_t sector = off / SECTOR * SECTOR;
    if (!c->ops_left)
        return NULL;
    uint8_t *bytes = copied(c, sector);
    if (!bytes) {
        if (c->n == FERRY_CURE_SECTORS ||
            c->base->ops->read(c->base, sector, c->sectors[c->n], SECTOR))
            return NULL;
        c->offs[c->n] = sector;
        bytes = c->sectors[c->n++];
    }
    c->ops_left--;
    return bytes;
}

static ferry_err copy_prog(const struct ferry_flash *f, uint32_t off, const void *src, uint32_t len)
{
    const uint8_t *from = src;
    const uint32_t at = off % SECTOR;
    uint8_t *bytes = len <= SECTOR - at ? begin_change(f->ctx, off) : NULL;
    for (uint32_t i = 0; bytes && i < len; i++)
        bytes[at + i] &= from[i];
    return bytes ? FERRY_OK : FERRY_ERR_FLASH_IO;
}

static ferry_err copy_erase(const struct ferry_flash *f, uint32_t off, uint32_t len)
{
    uint8_t *bytes = len == SECTOR ? begin_change(f->ctx, off) : NULL;
    if (bytes)
        memset(bytes, 0xff, SECTOR);
    return bytes ? FERRY_OK : FERRY_ERR_FLASH_IO;
}

static ferry_err copy_sync(const struct ferry_flash *f)
{
    (void)f;
    return FERRY_OK;
}

static ferry_err set_in_copy(struct patient *p, uint32_t off, const uint8_t sector[SECTOR])
{
    uint8_t *bytes = begin_change(p->flash->ctx, off);
    if (bytes)
        memcpy(bytes, sector, SECTOR);
    return bytes ? FERRY_OK : FERRY_ERR_FLASH_IO;
}

static ferry_err set_in_file(struct patient *p, uint32_t off, const uint8_t sector[SECTOR])
{
    const ferry_err err = ferry_flash_file_set(&p->v->file, off, sector, SECTOR);
    return err ? err : p->flash->ops->sync(p->flash);
}

static void begin_copy(struct copy *c, const struct ferry_flash *base, uint32_t ops)
{
    static const struct ferry_flash_ops ops_of_copy = {copy_read, copy_prog, copy_erase, copy_sync};
    *c = (struct copy){.base = base, .ops_left = ops, .flash = *base};
    c->flash.ops = &ops_of_copy;
    c->flash.ctx = c;
}

/** Opens the device on this flash; an error says why there is no usable table. */
static ferry_err admit(struct patient *p, struct ferry_vdevice *v, const struct ferry_flash *flash)
{
    p->v = v;
    p->flash = flash;
    p->set = flash == &v->file.flash ? set_in_file : set_in_copy;
    const ferry_err err =
        ferry_device_open(&p->dev, flash, &v->policy, v->table_off_bytes, &p->work);
    p->dev.running = v->dev.running;
    return err;
}

static int boots(struct ferry_vdevice *v, const struct ferry_flash *flash,
                 struct ferry_boot_preview *next)
{
    static struct patient p; // 2 KB, and used again before anybody else looks
    memset(next, 0, sizeof(*next));
    next->booted = FERRY_SLOT_NONE;
    if (!admit(&p, v, flash))
        ferry_boot_preview(&p.dev, next);
    return next->booted;
}

static ferry_err repair_otadata(struct patient *p)
{
    struct ferry_boot_preview next;
    ferry_boot_preview(&p->dev, &next);
    p->dev.running = next.booted;
    return ferry_slots_mend(&p->dev);
}

static ferry_err downgrade(struct patient *p)
{
    int slot;
    return ferry_slots_force(&p->dev, &slot);
}

/** Rows up to the first that is none; SIZE_MAX if what follows is no MD5 row and no end. */
static size_t count_rows(const uint8_t sector[SECTOR])
{
    size_t n = 0;
    while (n < FERRY_TABLE_ROWS &&
           ferry_row_kind(sector + n * FERRY_ROW_BYTES) == FERRY_ROW_PARTITION)
        n++;
    if (!n || n > FERRY_TABLE_ROWS - 2)
        return SIZE_MAX; // an MD5 row and an end marker need room
    const enum ferry_row kind = ferry_row_kind(sector + n * FERRY_ROW_BYTES);
    const enum ferry_row then = ferry_row_kind(sector + (n + 1) * FERRY_ROW_BYTES);
    return kind == FERRY_ROW_END || (kind == FERRY_ROW_MD5 && then == FERRY_ROW_END) ? n : SIZE_MAX;
}

/** Rows that somebody could have meant: in order or not, but apart, and apps where apps may be. */
static bool rows_make_sense(const struct patient *p, const uint8_t *sector, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ferry_partition a, b;
        ferry_partition_decode(sector + i * FERRY_ROW_BYTES, &a);
        if (!a.size_bytes || !ferry_range_fits(a.off_bytes, a.size_bytes, p->flash->size_bytes) ||
            a.off_bytes % (a.type == FERRY_TYPE_APP ? FERRY_FLASH_BLOCK_BYTES : SECTOR) ||
            a.off_bytes < p->v->table_off_bytes + SECTOR)
            return false;
        for (size_t k = 0; k < i; k++) {
            ferry_partition_decode(sector + k * FERRY_ROW_BYTES, &b);
            if (ferry_ranges_overlap(a.off_bytes, a.size_bytes, b.off_bytes, b.size_bytes) ||
                !strcmp(a.label, b.label))
                return false;
        }
    }
    return true;
}

static ferry_err repair_table(struct patient *p)
{
    uint8_t sector[SECTOR];
    struct ferry_md5 md5;
    const ferry_err err = p->flash->ops->read(p->flash, p->v->table_off_bytes, sector, SECTOR);
    if (err)
        return err;
    const size_t n = count_rows(sector);
    if (n == SIZE_MAX || !rows_make_sense(p, sector, n))
        return FERRY_ERR_TABLE_RULE;
    uint8_t *row = sector + n * FERRY_ROW_BYTES;
    memset(row, 0xff, FERRY_ROW_BYTES);
    row[0] = row[1] = 0xeb;
    ferry_md5_init(&md5);
    ferry_md5_update(&md5, sector, n * FERRY_ROW_BYTES);
    ferry_md5_finish(&md5, row + 16);
    return p->set(p, p->v->table_off_bytes, sector);
}

/** The size that the bootloader should say: the file's; of a merged image, what its table needs. */
static uint32_t right_size(const struct patient *p)
{
    uint32_t size = 0x100000, end = p->v->file.start_bytes + p->v->file.held_bytes;
    struct ferry_partition row;
    if (!p->v->merged.chip)
        return p->flash->size_bytes;
    for (uint32_t i = 0; !ferry_table_get(&p->dev.table, i, &row); i++)
        if (row.off_bytes + row.size_bytes > end)
            end = row.off_bytes + row.size_bytes;
    while (size < end && size < 0x8000000)
        size *= 2;
    return size;
}

/** Writes the sectors of bytes that differ from flash; they begin at off, on a sector. */
static ferry_err set_differing(struct patient *p, uint32_t off, const uint8_t *bytes, uint32_t n)
{
    uint8_t sector[SECTOR];
    for (uint32_t at = 0; at + SECTOR <= n; at += SECTOR) {
        ferry_err err = p->flash->ops->read(p->flash, off + at, sector, SECTOR);
        if (!err && memcmp(sector, bytes + at, SECTOR) != 0)
            err = p->set(p, off + at, bytes + at);
        if (err)
            return err;
    }
    return FERRY_OK;
}

/** Secure boot signs the bootloader, header and all. */
static bool is_signed(const uint8_t *bytes, uint32_t n)
{
    struct ferry_bootloader b = {0};
    ferry_bootloader_look(&b, bytes, n);
    const uint32_t at = ferry_align_up(b.image_bytes, SECTOR);
    return at + 2 <= n && bytes[at] == SIGNATURE_OF && (bytes[at + 1] == 2 || bytes[at + 1] == 3);
}

static ferry_err repair_flash_size(struct patient *p)
{
    const uint32_t off = p->v->policy.chip->bootloader_off_bytes;
    const uint32_t room = p->v->table_off_bytes - off;
    const uint32_t n = room < BOOTLOADER_MOST ? room : BOOTLOADER_MOST;
    uint8_t *bytes = malloc(n);
    ferry_err err = bytes ? p->flash->ops->read(p->flash, off, bytes, n) : FERRY_ERR_NO_MEMORY;
    if (!err && is_signed(bytes, n))
        err = FERRY_ERR_FLASH_PROTECTED;
    if (!err && !ferry_bootloader_set_flash(bytes, n, right_size(p)))
        err = FERRY_ERR_FLASH_SIZE;
    if (!err)
        err = set_differing(p, off, bytes, n);
    free(bytes);
    return err;
}

static ferry_err treat(struct patient *p, enum ferry_repair repair)
{
    switch (repair) {
    case FERRY_REPAIR_OTADATA:
        return repair_otadata(p);
    case FERRY_REPAIR_TABLE_MD5:
        return repair_table(p);
    case FERRY_REPAIR_FLASH:
        return p->v->policy.chip ? repair_flash_size(p) : FERRY_ERR_CHIP_UNKNOWN;
    case FERRY_REPAIR_DOWNGRADE:
        return downgrade(p);
    case FERRY_REPAIR_NVS:
        return ferry_nvs_mend(&p->v->file.flash, p->flash, &p->v->dev.table, false, NULL);
    case FERRY_REPAIR_NONE:
        break;
    }
    return FERRY_ERR_STATE;
}

/** May this boot in the middle of it? A downgrade may have happened or not. */
static bool may_boot(const struct ferry_cure *plan, int booted)
{
    return plan->boots_before == FERRY_SLOT_NONE || booted == plan->boots_before ||
           (plan->repair == FERRY_REPAIR_DOWNGRADE && booted == plan->boots_after);
}

static int by_offset(const void *a, const void *b)
{
    const struct ferry_cure_sector *x = a, *y = b;
    return x->off_bytes < y->off_bytes ? -1 : x->off_bytes > y->off_bytes;
}

/** What has become different on the copy. */
static ferry_err note_sectors(struct ferry_cure *plan, const struct copy *c)
{
    for (unsigned i = 0; i < c->n; i++) {
        struct ferry_cure_sector *s = &plan->sectors[plan->n];
        const ferry_err err = c->base->ops->read(c->base, c->offs[i], s->before, SECTOR);
        if (err)
            return err;
        memcpy(s->after, c->sectors[i], SECTOR);
        s->off_bytes = c->offs[i];
        plan->n += memcmp(s->before, s->after, SECTOR) != 0;
    }
    qsort(plan->sectors, plan->n, sizeof(*plan->sectors), by_offset);
    return plan->n ? FERRY_OK : FERRY_ERR_STATE;
}

/** The repair on a fresh copy, with power for so many operations. */
static ferry_err rehearse(struct copy *c, struct ferry_vdevice *v, enum ferry_repair repair,
                          uint32_t ops)
{
    static struct patient p;
    begin_copy(c, &v->file.flash, ops);
    const ferry_err err = admit(&p, v, &c->flash);
    return err && repair != FERRY_REPAIR_TABLE_MD5 ? err : treat(&p, repair);
}

/** A store was mended half: does the next mount find the same keys and values? */
static bool keeps_keys(const struct ferry_cure *plan, struct copy *c, struct ferry_vdevice *v)
{
    static struct ferry_store_keys keys; // 90 KB
    c->ops_left = MOST_OPS;
    return plan->repair != FERRY_REPAIR_NVS ||
           (!ferry_nvs_mend(&v->file.flash, &c->flash, &v->dev.table, false, &keys) &&
            !memcmp(keys.mark, plan->keys.mark, sizeof(keys.mark)));
}

/** Cut after each operation, does it still boot what it boots now? */
static ferry_err rehearse_cuts(struct ferry_cure *plan, struct copy *c, struct ferry_vdevice *v)
{
    struct ferry_boot_preview next;
    for (uint32_t ops = 1;; ops++) {
        const ferry_err err = rehearse(c, v, plan->repair, ops);
        if (!may_boot(plan, boots(v, &c->flash, &next)) || !keeps_keys(plan, c, v) ||
            ops == MOST_OPS)
            return ferry_fail(&plan->fault, FERRY_ERR_STATE, ops, 0, 0);
        plan->n_points = ops;
        if (!err)
            return FERRY_OK;
    }
}

/** What can be read of the stores now; it must be the same once they are mended on the copy. */
static ferry_err note_keys(struct ferry_cure *plan, const struct copy *c, struct ferry_vdevice *v)
{
    static struct ferry_store_keys after; // 90 KB
    const struct ferry_flash *base = &v->file.flash;
    if (plan->repair != FERRY_REPAIR_NVS)
        return FERRY_OK;
    ferry_err err = ferry_nvs_mend(base, base, &v->dev.table, true, &plan->keys);
    if (!err)
        err = ferry_nvs_mend(base, &c->flash, &v->dev.table, true, &after);
    const bool same = !memcmp(after.mark, plan->keys.mark, sizeof(after.mark));
    return !err && !same ? FERRY_ERR_NVS_DATA : err;
}

ferry_err ferry_cure_plan(struct ferry_cure *plan, struct ferry_vdevice *v,
                          enum ferry_repair repair)
{
    static struct copy c; // 130 KB
    memset(plan, 0, sizeof(*plan));
    plan->repair = repair;
    if (ferry_reflash_waits(v))
        return ferry_fail(&plan->fault, FERRY_ERR_REFLASH_UNFINISHED, 0, 0, 0);
    // On a chip such a sector is erased before it is written, and a cut then is the end.
    if (v->real && (repair == FERRY_REPAIR_TABLE_MD5 || repair == FERRY_REPAIR_FLASH))
        return ferry_fail(&plan->fault, FERRY_ERR_FLASH_PROTECTED, 0, 0, 0);
    plan->boots_before = boots(v, &v->file.flash, &plan->next_before);
    ferry_err err = rehearse(&c, v, repair, MOST_OPS);
    if (err)
        return ferry_fail(&plan->fault, err, 0, 0, 0);
    plan->boots_after = boots(v, &c.flash, &plan->next_after);
    // Without a table there was nothing to compare with: then something must boot for it.
    const bool proves =
        repair != FERRY_REPAIR_TABLE_MD5 || plan->boots_after != FERRY_SLOT_NONE || !v->table_err;
    if (!proves)
        return ferry_fail(&plan->fault, FERRY_ERR_TABLE_RULE, 0, 0, 0);
    err = note_sectors(plan, &c);
    if (!err)
        err = note_keys(plan, &c, v);
    if (err)
        return ferry_fail(&plan->fault, err, 0, 0, 0);
    if (repair == FERRY_REPAIR_FLASH) {
        struct ferry_image_header header;
        ferry_image_header_decode(plan->sectors[0].after, &header);
        plan->flash_bytes = ferry_flash_size_of_code(header.spi_size_code);
    }
    return rehearse_cuts(plan, &c, v);
}

ferry_err ferry_cure_apply(struct ferry_cure *plan, struct ferry_vdevice *v)
{
    static struct patient p;
    uint8_t now[SECTOR];
    ferry_err err = admit(&p, v, &v->file.flash);
    if (!err || plan->repair == FERRY_REPAIR_TABLE_MD5) // which mends an unusable table
        err = treat(&p, plan->repair);
    if (!err) // not every writer ends with one, and to a real chip bytes go at a sync
        err = v->file.flash.ops->sync(&v->file.flash);
    for (unsigned i = 0; !err && i < plan->n; i++) {
        const struct ferry_cure_sector *s = &plan->sectors[i];
        err = v->file.flash.ops->read(&v->file.flash, s->off_bytes, now, SECTOR);
        if (!err && memcmp(now, s->after, SECTOR) != 0)
            err = ferry_fail(&plan->fault, FERRY_ERR_FLASH_VERIFY, 0, 0, s->off_bytes);
    }
    if (err && plan->fault.err != err)
        plan->fault = (struct ferry_fault){.err = err};
    return err;
}
