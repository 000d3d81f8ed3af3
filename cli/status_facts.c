/* cli/status_facts.c - looking at a device. */
#include "status_facts.h"

#include <string.h>

#include "ferry/bytes.h"

const char *status_content_name(enum status_content content)
{
    static const char *const names[] = {"empty", "unfinished", "damaged", "app"};
    return names[content];
}

int status_slot_of(const struct ferry_partition *p)
{
    if (p->type != FERRY_TYPE_APP)
        return FERRY_SLOT_NONE;
    if (p->subtype == FERRY_APP_FACTORY)
        return FERRY_SLOT_FACTORY;
    if (p->subtype == FERRY_APP_TEST)
        return FERRY_SLOT_TEST;
    return (p->subtype & 0xf0) == FERRY_APP_OTA_0 ? p->subtype & 0x0f : FERRY_SLOT_NONE;
}

const struct status_slot *status_slot(const struct status_facts *f, int slot)
{
    for (unsigned i = 0; i < f->n_slots; i++)
        if (f->slots[i].slot == slot)
            return &f->slots[i];
    return NULL;
}

static bool read_flash(const struct status_facts *f, uint32_t off_bytes, void *dst, uint32_t n)
{
    const struct ferry_flash *flash = &f->v->file.flash;
    return ferry_range_fits(off_bytes, n, flash->size_bytes) &&
           flash->ops->read(flash, off_bytes, dst, n) == FERRY_OK;
}

/** Rows one by one, without the checks that make a table unusable. */
static void gather_rows(struct status_facts *f)
{
    uint8_t row[FERRY_ROW_BYTES];
    for (uint32_t i = 0; i < FERRY_TABLE_ROWS; i++) {
        if (f->v->table_off_bytes > UINT32_MAX - FERRY_TABLE_BYTES ||
            !read_flash(f, f->v->table_off_bytes + i * FERRY_ROW_BYTES, row, sizeof(row)))
            return;
        const enum ferry_row kind = ferry_row_kind(row);
        if (kind == FERRY_ROW_END)
            return;
        if (kind == FERRY_ROW_PARTITION)
            ferry_partition_decode(row, &f->partitions[f->n_partitions++]);
    }
}

static enum status_content content_of(const struct status_facts *f, const struct status_slot *s,
                                      ferry_err verdict)
{
    uint8_t sector[FERRY_FLASH_SECTOR_BYTES];
    if (!verdict)
        return STATUS_APP;
    if (!read_flash(f, s->span.off_bytes, sector, sizeof(sector)) || sector[0] != 0xff)
        return STATUS_DAMAGED;
    for (size_t i = 0; i < sizeof(sector); i++)
        if (sector[i] != 0xff)
            return STATUS_UNFINISHED;
    return STATUS_EMPTY;
}

static void gather_slot(struct status_facts *f, int slot, const struct ferry_slots *entries)
{
    struct ferry_device *d = &f->v->dev;
    const struct ferry_span span = ferry_device_span(d, slot);
    if (!span.size_bytes)
        return;
    struct status_slot *s = &f->slots[f->n_slots++];
    *s = (struct status_slot){.slot = slot, .span = span};
    const ferry_err verdict = ferry_device_verify(d, slot);
    const struct ferry_image *img = &d->work->image;
    s->fault = d->fault;
    s->fault.err = verdict;
    s->content = content_of(f, s, verdict);
    if (s->content == STATUS_APP)
        s->used_bytes = img->image_bytes;
    const bool has_header = s->content == STATUS_APP || s->content == STATUS_DAMAGED;
    if (has_header && img->at_bytes >= FERRY_IMAGE_HEADER_BYTES)
        s->chip = ferry_chip_by_id(img->header.chip_id);
    s->has_desc = ferry_device_desc(d, slot, &s->desc) == FERRY_OK;
    s->has_state = entries && ferry_slots_state(entries, slot, &s->state) == FERRY_OK;
}

static void gather_slots(struct status_facts *f)
{
    struct ferry_slots entries;
    const bool has_entries = ferry_slots_load(&f->v->dev, &entries) == FERRY_OK;
    gather_slot(f, FERRY_SLOT_FACTORY, NULL);
    for (int slot = 0; slot < (int)FERRY_SLOTS_MAX; slot++)
        gather_slot(f, slot, has_entries ? &entries : NULL);
    gather_slot(f, FERRY_SLOT_TEST, NULL);
}

/** Without a table, apps are still to be found: they begin at 64 KB boundaries. */
static void look_for_apps(struct status_facts *f)
{
    uint8_t head[FERRY_APP_DESC_OFF + FERRY_APP_DESC_HEAD_BYTES];
    const uint32_t size = f->v->file.flash.size_bytes;
    for (uint32_t at = FERRY_FLASH_BLOCK_BYTES; at < size && f->n_seen < STATUS_SEEN;
         at += FERRY_FLASH_BLOCK_BYTES) {
        struct status_seen *seen = &f->seen[f->n_seen];
        if (read_flash(f, at, head, sizeof(head)) && head[0] == FERRY_IMAGE_MAGIC &&
            !ferry_app_desc_decode(head + FERRY_APP_DESC_OFF, &seen->desc)) {
            seen->off_bytes = at;
            f->n_seen++;
        }
        if (size - at <= FERRY_FLASH_BLOCK_BYTES)
            break;
    }
}

void status_gather(struct status_facts *f, struct ferry_vdevice *v)
{
    uint8_t first = 0;
    memset(f, 0, sizeof(*f));
    f->v = v;
    gather_rows(f);
    f->has_bootloader = v->policy.chip &&
                        read_flash(f, v->policy.chip->bootloader_off_bytes, &first, 1) &&
                        first == FERRY_IMAGE_MAGIC;
    if (v->table_err) {
        look_for_apps(f);
        return;
    }
    gather_slots(f);
    ferry_boot_preview(&v->dev, &f->next);
}
