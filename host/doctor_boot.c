/* host/doctor_boot.c - what is wrong with otadata and the apps it chooses from, and with an app
 * that is to come. */
#include "doctor_private.h"

#include <string.h>

static uint32_t entry_off(const struct ferry_doctor *doc, int i)
{
    return doc->facts.v->dev.otadata.off_bytes + (uint32_t)i * FERRY_OTADATA_STRIDE;
}

static bool is_blank(const struct ferry_otadata *e)
{
    uint8_t bytes[FERRY_OTADATA_BYTES];
    ferry_otadata_encode(e, bytes);
    for (size_t i = 0; i < sizeof(bytes); i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

/** The slot that an entry selects, with the bootloader's count. */
static int slot_of(const struct ferry_facts *f, int i)
{
    const struct ferry_otadata *e = &f->next.entries[i];
    const uint32_t n = f->v->dev.n_slot_rows;
    return n && ferry_otadata_names_slot(e) ? (int)ferry_otadata_slot(e->seq, n) : FERRY_SLOT_NONE;
}

static bool is_good(const struct ferry_facts *f, int slot)
{
    const struct ferry_slot_facts *s = ferry_facts_slot(f, slot);
    return s && s->content == FERRY_CONTENT_APP;
}

static unsigned count_good(const struct ferry_facts *f)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->n_slots; i++)
        n += f->slots[i].content == FERRY_CONTENT_APP;
    return n;
}

/* Neither entry can be used, though somebody wrote one: what boots does so by the bootloader's last
 * resort, whatever was meant. A rejected update with a factory app behind it is as it should be. */
static void check_useless(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    unsigned n_written = 0, n_damaged = 0;
    for (int i = 0; i < 2; i++) {
        const struct ferry_otadata *e = &f->next.entries[i];
        n_written += !is_blank(e);
        n_damaged += !is_blank(e) && !ferry_otadata_names_slot(e);
    }
    if (n_damaged == 2 || (n_written && f->next.booted >= 0))
        ferry_doctor_add(doc, FERRY_FINDING_ENTRIES_USELESS, entry_off(doc, 0))->slot =
            f->next.booted;
}

static void check_selection(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    const int active = ferry_otadata_active(f->next.boot.entries);
    if (active < 0) {
        check_useless(doc);
        return;
    }
    const int slot = slot_of(f, active);
    if (f->next.boot.start == f->next.booted || f->next.boot.start != slot)
        return;
    const bool same =
        slot_of(f, 1 - active) == slot && ferry_otadata_is_valid(&f->next.boot.entries[1 - active]);
    struct ferry_finding *found =
        ferry_doctor_add(doc, same ? FERRY_FINDING_ENTRIES_SAME_BAD : FERRY_FINDING_SELECTED_BAD,
                         entry_off(doc, active));
    found->slot = slot;
    found->entry = active;
}

static void check_running(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    const struct ferry_slot_facts *s = ferry_facts_slot(f, f->v->dev.running);
    if (!s)
        return;
    if (s->content != FERRY_CONTENT_APP) {
        struct ferry_finding *found =
            ferry_doctor_add(doc, FERRY_FINDING_RUNNING_DAMAGED, s->span.off_bytes);
        found->slot = s->slot;
        found->fault = s->fault;
    }
    if (s->has_state && s->state == FERRY_STATE_PENDING && f->v->policy.rollback)
        ferry_doctor_add(doc, FERRY_FINDING_ON_TRIAL, s->span.off_bytes)->slot = s->slot;
}

void ferry_doctor_boot(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    if (f->next.booted == FERRY_SLOT_NONE && ferry_doctor_has_app_row(doc))
        ferry_doctor_add(doc, FERRY_FINDING_NOTHING_BOOTS, FERRY_NOWHERE);
    else if (f->next.has_entries)
        check_selection(doc);
    check_running(doc);
}

static enum ferry_finding_id damage_of(const struct ferry_slot_facts *s)
{
    if (s->intruder == FERRY_INTRUDER_MERGED)
        return FERRY_FINDING_SLOT_MERGED;
    if (s->intruder == FERRY_INTRUDER_BOOTLOADER)
        return FERRY_FINDING_SLOT_BOOTLOADER;
    if (s->content == FERRY_CONTENT_UNFINISHED)
        return FERRY_FINDING_SLOT_UNFINISHED;
    switch (s->fault.err) {
    case FERRY_ERR_IMAGE_CHIP:
        return FERRY_FINDING_SLOT_CHIP;
    case FERRY_ERR_IMAGE_SEG_ALIGN:
        return FERRY_FINDING_SLOT_LINKED;
    case FERRY_ERR_IMAGE_SECURE_VERSION:
        return FERRY_FINDING_SLOT_SECURE_VERSION;
    default:
        return FERRY_FINDING_SLOT_DAMAGED;
    }
}

static void check_slot(struct ferry_doctor *doc, const struct ferry_slot_facts *s)
{
    struct ferry_finding *found = NULL;
    if (s->content == FERRY_CONTENT_EMPTY && !s->intruder)
        return;
    if (s->content != FERRY_CONTENT_APP || s->intruder)
        found = ferry_doctor_add(doc, damage_of(s), s->span.off_bytes);
    else if (!s->has_desc)
        found = ferry_doctor_add(doc, FERRY_FINDING_SLOT_NO_DESC, s->span.off_bytes);
    if (!found)
        return;
    found->slot = s->slot;
    found->fault = s->fault;
    // With two good apps, or none, a damaged third is not what stands between booting and not.
    if (found->danger == FERRY_DANGER_NEAR && count_good(&doc->facts) != 1)
        found->danger = FERRY_DANGER_WRONG;
}

void ferry_doctor_slots(struct ferry_doctor *doc)
{
    for (unsigned i = 0; i < doc->facts.n_slots; i++)
        check_slot(doc, &doc->facts.slots[i]);
}

/* What is wrong with an entry that names a slot. */
static bool check_named(const struct ferry_doctor *doc, int i, enum ferry_finding_id *id)
{
    const struct ferry_facts *f = &doc->facts;
    const struct ferry_otadata *e = &f->next.entries[i];
    if (e->seq > UINT32_MAX - 2u * f->v->dev.n_slot_rows)
        *id = FERRY_FINDING_ENTRY_SEQ;
    else if (!ferry_otadata_state_name(e->state))
        *id = FERRY_FINDING_ENTRY_STATE;
    else if (f->v->dev.n_slot_rows && !is_good(f, slot_of(f, i)) &&
             i != ferry_otadata_active(f->next.boot.entries))
        *id = FERRY_FINDING_ENTRY_STALE;
    else
        return false;
    return true;
}

void ferry_doctor_entries(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    for (int i = 0; f->next.has_entries && i < 2; i++) {
        const struct ferry_otadata *e = &f->next.entries[i];
        enum ferry_finding_id id = FERRY_FINDING_ENTRY_CRC;
        if (is_blank(e) || (ferry_otadata_names_slot(e) && !check_named(doc, i, &id)))
            continue;
        struct ferry_finding *found = ferry_doctor_add(doc, id, entry_off(doc, i));
        found->entry = i;
        found->slot = slot_of(f, i);
        found->value = id == FERRY_FINDING_ENTRY_STATE ? e->state : e->seq;
        found->limit = UINT32_MAX - 2u * f->v->dev.n_slot_rows;
    }
}

/** The largest slot an update could go to; 0 without one. */
static uint32_t largest_slot(const struct ferry_facts *f)
{
    uint32_t most = 0;
    for (unsigned i = 0; i < f->n_slots; i++)
        if (f->slots[i].slot >= 0 && f->slots[i].span.size_bytes > most)
            most = f->slots[i].span.size_bytes;
    return most;
}

void ferry_doctor_app(struct ferry_doctor *doc)
{
    const struct ferry_app_file *a = doc->app;
    if (!a)
        return;
    struct ferry_finding *found = NULL;
    if (a->kind == FERRY_APP_MERGED)
        found = ferry_doctor_add(doc, FERRY_FINDING_APP_MERGED, FERRY_NOWHERE);
    else if (a->kind == FERRY_APP_BOOTLOADER)
        found = ferry_doctor_add(doc, FERRY_FINDING_APP_BOOTLOADER, FERRY_NOWHERE);
    else if (a->fault.err == FERRY_ERR_IMAGE_CHIP)
        found = ferry_doctor_add(doc, FERRY_FINDING_APP_CHIP, FERRY_NOWHERE);
    else if (a->fault.err == FERRY_ERR_IMAGE_SECURE_VERSION)
        found = ferry_doctor_add(doc, FERRY_FINDING_APP_SECURE_VERSION, FERRY_NOWHERE);
    else if (a->fault.err)
        found = ferry_doctor_add(doc, FERRY_FINDING_APP_DAMAGED, FERRY_NOWHERE);
    if (found) {
        found->fault = a->fault;
        return;
    }
    if (!a->has_desc)
        ferry_doctor_add(doc, FERRY_FINDING_APP_NO_DESC, FERRY_NOWHERE);
    const uint32_t room = largest_slot(&doc->facts);
    if (doc->facts.v->table_err || a->image_bytes <= room)
        return;
    found = ferry_doctor_add(doc, FERRY_FINDING_APP_TOO_BIG, FERRY_NOWHERE);
    found->value = a->image_bytes;
    found->limit = room;
}
