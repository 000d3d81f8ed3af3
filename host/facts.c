/* host/facts.c - looking at a device. */
#include "facts.h"

#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"

#define LOOK_BYTES         0x40000u // more than a bootloader ever has
#define TABLE_SEARCH_BYTES 0x40000u // the last sector that a table is looked for on
#define RANDOM_BYTES       3072     // of a sector, looked at for evenness
#define RANDOM_CHI_LIMIT   400u     // random bytes give 255, give or take 23
#define RANDOM_OFF         0x2000u  // in the bootloader, wherever the chip has it

const char *ferry_content_name(enum ferry_content content)
{
    static const char *const names[] = {"empty", "unfinished", "damaged", "app"};
    return names[content];
}

int ferry_facts_slot_of(const struct ferry_partition *p)
{
    if (p->type != FERRY_TYPE_APP)
        return FERRY_SLOT_NONE;
    if (p->subtype == FERRY_APP_FACTORY)
        return FERRY_SLOT_FACTORY;
    if (p->subtype == FERRY_APP_TEST)
        return FERRY_SLOT_TEST;
    return (p->subtype & 0xf0) == FERRY_APP_OTA_0 ? p->subtype & 0x0f : FERRY_SLOT_NONE;
}

const struct ferry_slot_facts *ferry_facts_slot(const struct ferry_facts *f, int slot)
{
    for (unsigned i = 0; i < f->n_slots; i++)
        if (f->slots[i].slot == slot)
            return &f->slots[i];
    return NULL;
}

bool ferry_facts_read(const struct ferry_facts *f, uint32_t off_bytes, void *dst, uint32_t n)
{
    const struct ferry_flash *flash = &f->v->file.flash;
    return ferry_range_fits(off_bytes, n, flash->size_bytes) &&
           flash->ops->read(flash, off_bytes, dst, n) == FERRY_OK;
}

/** Rows one by one, without the checks that make a table unusable. */
static void gather_rows(struct ferry_facts *f)
{
    uint8_t row[FERRY_ROW_BYTES];
    for (uint32_t i = 0; i < FERRY_TABLE_ROWS; i++) {
        if (f->v->table_off_bytes > UINT32_MAX - FERRY_TABLE_BYTES ||
            !ferry_facts_read(f, f->v->table_off_bytes + i * FERRY_ROW_BYTES, row, sizeof(row)))
            return;
        const enum ferry_row kind = ferry_row_kind(row);
        if (kind == FERRY_ROW_END)
            return;
        if (kind == FERRY_ROW_PARTITION)
            ferry_partition_decode(row, &f->partitions[f->n_partitions++]);
    }
}

static enum ferry_content content_of(const struct ferry_facts *f, const struct ferry_slot_facts *s,
                                     ferry_err verdict)
{
    uint8_t sector[FERRY_FLASH_SECTOR_BYTES];
    if (!verdict)
        return FERRY_CONTENT_APP;
    if (!ferry_facts_read(f, s->span.off_bytes, sector, sizeof(sector)) || sector[0] != 0xff)
        return FERRY_CONTENT_DAMAGED;
    for (size_t i = 0; i < sizeof(sector); i++)
        if (sector[i] != 0xff)
            return FERRY_CONTENT_UNFINISHED;
    return FERRY_CONTENT_EMPTY;
}

static void gather_slot(struct ferry_facts *f, int slot, const struct ferry_slots *entries)
{
    struct ferry_device *d = &f->v->dev;
    const struct ferry_span span = ferry_device_span(d, slot);
    if (!span.size_bytes)
        return;
    struct ferry_slot_facts *s = &f->slots[f->n_slots++];
    *s = (struct ferry_slot_facts){.slot = slot, .span = span};
    const ferry_err verdict = ferry_device_verify(d, slot);
    const struct ferry_image *img = &d->work->image;
    s->fault = d->fault;
    s->fault.err = verdict;
    s->content = content_of(f, s, verdict);
    if (s->content == FERRY_CONTENT_APP)
        s->used_bytes = img->image_bytes;
    const bool has_header = s->content == FERRY_CONTENT_APP || s->content == FERRY_CONTENT_DAMAGED;
    if (has_header && img->at_bytes >= FERRY_IMAGE_HEADER_BYTES)
        s->chip = ferry_chip_by_id(img->header.chip_id);
    s->has_desc = ferry_device_desc(d, slot, &s->desc) == FERRY_OK;
    s->has_state = entries && ferry_slots_state(entries, slot, &s->state) == FERRY_OK;
}

static void gather_slots(struct ferry_facts *f)
{
    struct ferry_slots entries;
    const bool has_entries = ferry_slots_load(&f->v->dev, &entries) == FERRY_OK;
    gather_slot(f, FERRY_SLOT_FACTORY, NULL);
    for (int slot = 0; slot < (int)FERRY_SLOTS_MAX; slot++)
        gather_slot(f, slot, has_entries ? &entries : NULL);
    gather_slot(f, FERRY_SLOT_TEST, NULL);
}

/** Without a table, apps are still to be found: they begin at 64 KB boundaries. */
static void look_for_apps(struct ferry_facts *f)
{
    uint8_t head[FERRY_APP_DESC_OFF + FERRY_APP_DESC_HEAD_BYTES];
    const uint32_t size = f->v->file.flash.size_bytes;
    for (uint32_t at = FERRY_FLASH_BLOCK_BYTES; at < size && f->n_seen < FERRY_FACTS_SEEN;
         at += FERRY_FLASH_BLOCK_BYTES) {
        struct ferry_seen_app *seen = &f->seen[f->n_seen];
        if (ferry_facts_read(f, at, head, sizeof(head)) && head[0] == FERRY_IMAGE_MAGIC &&
            !ferry_app_desc_decode(head + FERRY_APP_DESC_OFF, &seen->desc)) {
            seen->off_bytes = at;
            f->n_seen++;
        }
        if (size - at <= FERRY_FLASH_BLOCK_BYTES)
            break;
    }
}

/** True if a table's first row is here, and rows up to its end. */
static bool is_table(const struct ferry_facts *f, uint32_t off_bytes)
{
    struct ferry_table table;
    struct ferry_fault fault;
    return !ferry_table_open(&table, &f->v->file.flash, off_bytes, &fault) && table.n_partitions;
}

/** A build with another table offset puts the table on another sector, near the default one. */
static void look_for_table(struct ferry_facts *f)
{
    const uint32_t sector = FERRY_FLASH_SECTOR_BYTES, size = f->v->file.flash.size_bytes;
    for (uint32_t at = sector; at < TABLE_SEARCH_BYTES && at < size; at += sector)
        if (at != f->v->table_off_bytes && is_table(f, at)) {
            f->table_at_bytes = at;
            return;
        }
}

/** Encrypted bytes are spread evenly over all values; code, tables and texts are far from it. */
static bool is_random(const struct ferry_facts *f, uint32_t off_bytes)
{
    uint8_t bytes[RANDOM_BYTES];
    unsigned count[256] = {0};
    uint32_t chi = 0;
    if (!ferry_facts_read(f, off_bytes, bytes, sizeof(bytes)))
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        count[bytes[i]]++;
    for (size_t i = 0; i < 256; i++) {
        const int off = (int)count[i] - RANDOM_BYTES / 256;
        chi += (uint32_t)(off * off);
    }
    return chi / (RANDOM_BYTES / 256) < RANDOM_CHI_LIMIT;
}

static bool is_blank(const struct ferry_facts *f)
{
    uint8_t sector[FERRY_FLASH_SECTOR_BYTES];
    for (uint32_t at = 0; at < f->v->file.flash.size_bytes; at += (uint32_t)sizeof(sector)) {
        if (!ferry_facts_read(f, at, sector, sizeof(sector)))
            return false;
        for (size_t i = 0; i < sizeof(sector); i++)
            if (sector[i] != 0xff)
                return false;
    }
    return true;
}

/** Looks at what lies at off_bytes as at a bootloader. False: out of memory, or outside. */
static bool look_at(const struct ferry_facts *f, uint32_t off_bytes, struct ferry_bootloader *b)
{
    const uint32_t size = f->v->file.flash.size_bytes;
    if (off_bytes >= size)
        return false;
    const uint32_t left = size - off_bytes;
    const uint32_t n = left < LOOK_BYTES ? left : LOOK_BYTES;
    uint8_t *bytes = malloc(n);
    const bool ok = bytes && ferry_facts_read(f, off_bytes, bytes, n);
    b->off_bytes = off_bytes;
    if (ok)
        ferry_bootloader_look(b, bytes, n);
    free(bytes);
    return ok;
}

/** In the chip's place; else in the place of the chip that it is for. */
static void gather_bootloader(struct ferry_facts *f)
{
    static const uint32_t offs[] = {0x0, 0x1000, 0x2000};
    struct ferry_bootloader b;
    if (f->v->policy.chip && !look_at(f, f->v->policy.chip->bootloader_off_bytes, &f->bootloader))
        return;
    if (f->bootloader.state > FERRY_BOOTLOADER_FOREIGN)
        return;
    for (size_t i = 0; i < sizeof(offs) / sizeof(*offs); i++)
        if (look_at(f, offs[i], &b) && b.state > FERRY_BOOTLOADER_CUT && b.chip &&
            b.chip->bootloader_off_bytes == offs[i]) {
            f->bootloader = b;
            return;
        }
}

/** Row 0 of a partition table, at this place of a slot? */
static bool has_row(const struct ferry_facts *f, const struct ferry_slot_facts *s, uint32_t off)
{
    uint8_t row[FERRY_ROW_BYTES];
    return ferry_range_fits(off, sizeof(row), s->span.size_bytes) &&
           ferry_facts_read(f, s->span.off_bytes + off, row, sizeof(row)) &&
           ferry_row_kind(row) == FERRY_ROW_PARTITION;
}

static enum ferry_intruder intruder_in(const struct ferry_facts *f,
                                       const struct ferry_slot_facts *s)
{
    struct ferry_bootloader b;
    if (s->has_desc)
        return FERRY_INTRUDER_NONE;
    // A merged file begins with the bootloader, or with what is erased before it: such a slot looks
    // empty at its begin.
    for (uint32_t off = 0x6000; off <= FERRY_TABLE_OFF_DEFAULT; off += 0x1000)
        if (has_row(f, s, off))
            return FERRY_INTRUDER_MERGED;
    return look_at(f, s->span.off_bytes, &b) && b.is_bootloader ? FERRY_INTRUDER_BOOTLOADER
                                                                : FERRY_INTRUDER_NONE;
}

void ferry_facts_gather(struct ferry_facts *f, struct ferry_vdevice *v)
{
    memset(f, 0, sizeof(*f));
    f->v = v;
    gather_rows(f);
    gather_bootloader(f);
    if (v->table_err) {
        f->is_blank = is_blank(f);
        f->looks_encrypted = f->bootloader.state <= FERRY_BOOTLOADER_FOREIGN &&
                             is_random(f, v->table_off_bytes) && is_random(f, RANDOM_OFF);
        look_for_table(f);
        look_for_apps(f);
        return;
    }
    gather_slots(f);
    for (unsigned i = 0; i < f->n_slots; i++)
        f->slots[i].intruder = intruder_in(f, &f->slots[i]);
    ferry_boot_preview(&v->dev, &f->next);
}
