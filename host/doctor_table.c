/* host/doctor_table.c - what is wrong with the bootloader and with the partition table. */
#include "doctor_private.h"

#include "ferry/bytes.h"

/** Where the last partition ends, and which that is. */
static uint32_t end_of_rows(const struct ferry_facts *f, const struct ferry_partition **last)
{
    uint32_t end = 0;
    for (unsigned i = 0; i < f->n_partitions; i++) {
        const struct ferry_partition *p = &f->partitions[i];
        const uint32_t p_end =
            p->size_bytes > UINT32_MAX - p->off_bytes ? UINT32_MAX : p->off_bytes + p->size_bytes;
        if (p_end > end) {
            end = p_end;
            *last = p;
        }
    }
    return end;
}

/* The bootloader tells the ROM's flash driver the size that its header says, and refuses a table
 * that leaves it. */
static void check_flash_size(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    const struct ferry_bootloader *b = &f->bootloader;
    const uint32_t flash_bytes = f->v->file.flash.size_bytes;
    const struct ferry_partition *last = NULL;
    const uint32_t end = end_of_rows(f, &last);
    enum ferry_finding_id id;
    // A merged image says itself how large its flash is: by this very header.
    if (f->v->merged.chip && b->flash_bytes && end <= b->flash_bytes)
        return;
    if (end > b->flash_bytes && end <= flash_bytes)
        id = FERRY_FINDING_BOOTLOADER_FLASH_SMALL;
    else if (b->flash_bytes > flash_bytes)
        id = FERRY_FINDING_BOOTLOADER_FLASH_LARGE;
    else if (b->flash_bytes < flash_bytes)
        id = FERRY_FINDING_BOOTLOADER_FLASH_SPARE;
    else
        return;
    struct ferry_finding *found = ferry_doctor_add(doc, id, b->off_bytes);
    found->value = b->flash_bytes;
    found->limit = flash_bytes;
    found->row = last;
}

static void check_rollback(struct ferry_doctor *doc)
{
    const struct ferry_policy *p = &doc->facts.v->policy;
    const struct ferry_bootloader *b = &doc->facts.bootloader;
    if (!doc->facts.v->table_err && !doc->facts.v->dev.n_slot_rows)
        return; // nothing to roll back to
    if (!p->rollback && b->rollback == FERRY_TOLD_YES)
        ferry_doctor_add(doc, FERRY_FINDING_ROLLBACK_UNEXPECTED, b->off_bytes);
    else if (!p->rollback || b->rollback == FERRY_TOLD_NO)
        ferry_doctor_add(doc, FERRY_FINDING_ROLLBACK_OFF, FERRY_NOWHERE)->value =
            b->rollback == FERRY_TOLD_NO;
}

static void check_bootloader_image(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    const struct ferry_bootloader *b = &f->bootloader;
    const struct ferry_chip *chip = f->v->policy.chip;
    const uint32_t room = f->v->table_off_bytes - b->off_bytes;
    struct ferry_finding *found = NULL;
    if (b->chip != chip)
        found = ferry_doctor_add(doc, FERRY_FINDING_BOOTLOADER_CHIP, b->off_bytes);
    else if (b->off_bytes < f->v->table_off_bytes && b->image_bytes > room)
        found = ferry_doctor_add(doc, FERRY_FINDING_BOOTLOADER_TOO_BIG, b->off_bytes);
    else if (b->state < FERRY_BOOTLOADER_HASH)
        found = ferry_doctor_add(doc, FERRY_FINDING_BOOTLOADER_DAMAGED, b->off_bytes);
    if (found) {
        found->value = b->image_bytes;
        found->limit = room;
        return;
    }
    if (b->state == FERRY_BOOTLOADER_HASH)
        ferry_doctor_add(doc, FERRY_FINDING_BOOTLOADER_HASH, b->off_bytes);
    check_flash_size(doc);
}

void ferry_doctor_bootloader(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    const struct ferry_bootloader *b = &f->bootloader;
    if (!f->v->policy.chip)
        ferry_doctor_add(doc, FERRY_FINDING_CHIP_UNKNOWN, FERRY_NOWHERE);
    else if (b->state > FERRY_BOOTLOADER_FOREIGN)
        check_bootloader_image(doc);
    else if (!f->v->is_dir || b->state == FERRY_BOOTLOADER_FOREIGN)
        // A virtual device boots without one.
        ferry_doctor_add(doc, FERRY_FINDING_BOOTLOADER_MISSING,
                         f->v->policy.chip->bootloader_off_bytes);
    check_rollback(doc);
}

static void check_unusable_table(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    enum ferry_finding_id id = FERRY_FINDING_TABLE_DAMAGED;
    switch (f->v->table_err) {
    case FERRY_ERR_TABLE_MAGIC:
        id = f->table_at_bytes ? FERRY_FINDING_TABLE_ELSEWHERE : FERRY_FINDING_TABLE_MISSING;
        break;
    case FERRY_ERR_TABLE_MD5:
        id = FERRY_FINDING_TABLE_MD5;
        break;
    case FERRY_ERR_TABLE_SIZE:
        id = FERRY_FINDING_TABLE_BEYOND;
        break;
    default:
        break;
    }
    struct ferry_finding *found = ferry_doctor_add(doc, id, f->v->table_off_bytes);
    found->fault = f->v->table_fault;
    found->value = f->table_at_bytes;
}

static void check_slot_numbers(struct ferry_doctor *doc)
{
    const struct ferry_device *d = &doc->facts.v->dev;
    const uint32_t at = doc->facts.v->table_off_bytes;
    if (d->has_duplicates)
        ferry_doctor_add(doc, FERRY_FINDING_TABLE_TWICE, at);
    if (d->n_slots != d->n_slot_rows)
        ferry_doctor_add(doc, FERRY_FINDING_SLOT_GAP, at);
    for (int slot = 0; slot < (int)FERRY_SLOTS_MAX; slot++)
        if (d->slots[slot].size_bytes && !ferry_facts_slot(&doc->facts, slot)) {
            struct ferry_finding *found =
                ferry_doctor_add(doc, FERRY_FINDING_SLOT_UNREACHED, d->slots[slot].off_bytes);
            found->slot = slot;
            found->value = d->n_slot_rows;
        }
    if (d->n_slots == 1 && d->n_slot_rows == 1)
        ferry_doctor_add(doc, FERRY_FINDING_ONE_SLOT, d->slots[0].off_bytes);
}

static void check_otadata_row(struct ferry_doctor *doc)
{
    const struct ferry_device *d = &doc->facts.v->dev;
    const uint32_t size = d->otadata.size_bytes;
    if (d->n_slot_rows && !size)
        ferry_doctor_add(doc, FERRY_FINDING_OTADATA_MISSING, doc->facts.v->table_off_bytes);
    if (!size || size == FERRY_OTADATA_PARTITION_BYTES)
        return;
    struct ferry_finding *found =
        ferry_doctor_add(doc,
                         size < FERRY_OTADATA_PARTITION_BYTES ? FERRY_FINDING_OTADATA_SMALL
                                                              : FERRY_FINDING_OTADATA_SIZE,
                         d->otadata.off_bytes);
    found->value = size;
    found->limit = FERRY_OTADATA_PARTITION_BYTES;
}

static bool overlap(const struct ferry_partition *a, const struct ferry_partition *b)
{
    return a->off_bytes <= UINT32_MAX - a->size_bytes &&
           b->off_bytes <= UINT32_MAX - b->size_bytes &&
           ferry_ranges_overlap(a->off_bytes, a->size_bytes, b->off_bytes, b->size_bytes);
}

static void check_rows(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    const uint32_t first_free = f->v->table_off_bytes + FERRY_FLASH_SECTOR_BYTES;
    for (unsigned i = 0; i < f->n_partitions; i++) {
        const struct ferry_partition *p = &f->partitions[i];
        const bool may_be_there = p->type == FERRY_TYPE_BOOTLOADER || p->type == FERRY_TYPE_TABLE;
        if (p->type == FERRY_TYPE_APP && p->off_bytes % FERRY_FLASH_BLOCK_BYTES)
            ferry_doctor_add(doc, FERRY_FINDING_APP_MISALIGNED, p->off_bytes)->row = p;
        if (p->off_bytes < first_free && !may_be_there) {
            struct ferry_finding *found =
                ferry_doctor_add(doc, FERRY_FINDING_ROW_PROTECTED, p->off_bytes);
            found->row = p;
            found->limit = first_free;
        }
        for (unsigned k = 0; k < i; k++) {
            if (!overlap(p, &f->partitions[k]))
                continue;
            struct ferry_finding *found =
                ferry_doctor_add(doc, FERRY_FINDING_ROWS_OVERLAP, p->off_bytes);
            found->row = &f->partitions[k];
            found->with = p;
        }
    }
}

bool ferry_doctor_has_app_row(const struct ferry_doctor *doc)
{
    for (unsigned i = 0; i < doc->facts.n_partitions; i++)
        if (doc->facts.partitions[i].type == FERRY_TYPE_APP)
            return true;
    return false;
}

void ferry_doctor_table(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    if (f->v->table_err) {
        check_unusable_table(doc);
        return;
    }
    if (!f->v->dev.table.has_md5)
        ferry_doctor_add(doc, FERRY_FINDING_TABLE_NO_MD5, f->v->table_off_bytes);
    if (!ferry_doctor_has_app_row(doc))
        ferry_doctor_add(doc, FERRY_FINDING_NO_APP_PARTITION, f->v->table_off_bytes);
    check_otadata_row(doc);
    check_slot_numbers(doc);
    check_rows(doc);
}
