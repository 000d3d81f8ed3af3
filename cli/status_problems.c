/* cli/status_problems.c - what is wrong with a device, and what to do about each. */
#include <stdio.h>
#include <string.h>

#include "ferry/bytes.h"
#include "status_facts.h"

/** Adds a problem and what to do about it. */
__attribute__((format(printf, 3, 4))) static void add(struct status_facts *f, const char *remedy,
                                                      const char *fmt, ...)
{
    if (f->n_problems == STATUS_PROBLEMS) { // a hostile table can have thousands
        snprintf(f->problems[STATUS_PROBLEMS - 1].what, CLI_WORDS_BYTES,
                 "there are more problems than the %u listed", STATUS_PROBLEMS - 1);
        snprintf(f->problems[STATUS_PROBLEMS - 1].remedy, sizeof(f->problems[0].remedy),
                 "mend these first");
        return;
    }
    struct status_problem *p = &f->problems[f->n_problems++];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->what, sizeof(p->what), fmt, ap);
    va_end(ap);
    snprintf(p->remedy, sizeof(p->remedy), "%s", remedy);
}

static void check_table(struct status_facts *f)
{
    char why[FERRY_SENTENCE_BYTES];
    if (f->v->table_err) {
        const ferry_err err = ferry_vdevice_need_table(f->v);
        (void)err; // it is table_err; this put it into the fault
        add(f, "write the table again (ferry partitions build), or give its place: --table-offset",
            "%s", ferry_sentence(why, sizeof(why), &f->v->fault, &f->v->about));
        return;
    }
    const struct ferry_device *d = &f->v->dev;
    if (!d->table.has_md5)
        add(f, "build it again with the MD5 row, unless the bootloader is older than ESP-IDF 3.1",
            "the partition table carries no MD5, so damage to it stays unnoticed");
    if (d->has_duplicates)
        add(f, "give each app slot and otadata one row",
            "the partition table has otadata or an app slot twice; bootloader and app may take "
            "different ones");
    if (d->n_slots != d->n_slot_rows)
        add(f, "number the slots ota_0, ota_1, ... without gaps",
            "the OTA slots do not count up from ota_0: bootloader and app compute different slots, "
            "so updates are refused");
    for (int slot = 0; slot < (int)FERRY_SLOTS_MAX; slot++)
        if (d->slots[slot].size_bytes && !status_slot(f, slot))
            add(f, "number the slots ota_0, ota_1, ... without gaps",
                "the bootloader never comes to ota_%d: it counts %u slots from ota_0", slot,
                d->n_slot_rows);
}

static void check_update_possible(struct status_facts *f)
{
    const struct ferry_device *d = &f->v->dev;
    if (!f->n_slots)
        add(f, "add app partitions to the table", "there is no app partition: nothing can boot");
    if (!d->n_slot_rows)
        return;
    if (!d->otadata.size_bytes)
        add(f, "add a row: otadata, data, ota, , 0x2000",
            "there is no otadata partition, so no slot can be selected: updates are refused");
    else if (d->otadata.size_bytes < FERRY_OTADATA_PARTITION_BYTES)
        add(f, "make it 0x2000 bytes", "the otadata partition is %s bytes instead of %s",
            cli_thousands(d->otadata.size_bytes), cli_thousands(FERRY_OTADATA_PARTITION_BYTES));
    if (d->n_slot_rows == 1)
        add(f, "make room for ota_1",
            "there is only one OTA slot: while it runs, no update has a "
            "place to go");
}

static bool overlap(const struct ferry_partition *a, const struct ferry_partition *b)
{
    return a->off_bytes <= UINT32_MAX - a->size_bytes &&
           b->off_bytes <= UINT32_MAX - b->size_bytes &&
           ferry_ranges_overlap(a->off_bytes, a->size_bytes, b->off_bytes, b->size_bytes);
}

static void check_partitions(struct status_facts *f)
{
    char a[40], b[40];
    for (unsigned i = 0; i < f->n_partitions; i++) {
        const struct ferry_partition *p = &f->partitions[i];
        cli_printable(a, sizeof(a), p->label);
        if (p->type == FERRY_TYPE_APP && p->off_bytes % FERRY_FLASH_BLOCK_BYTES)
            add(f, "move it to a multiple of 0x10000",
                "%s begins at 0x%x; an app can only be mapped from a 64 KB boundary", a,
                (unsigned)p->off_bytes);
        for (unsigned k = 0; k < i; k++)
            if (overlap(p, &f->partitions[k]))
                add(f, "correct the offsets or sizes in the partition CSV", "%s and %s overlap",
                    cli_printable(b, sizeof(b), f->partitions[k].label), a);
    }
}

static void check_entries(struct status_facts *f)
{
    char words[160];
    for (int i = 0; f->next.has_entries && i < 2; i++) {
        const struct ferry_otadata *e = &f->next.entries[i];
        if (cli_entry_is_blank(e))
            continue;
        if (!ferry_otadata_names_slot(e))
            add(f, "nothing to do: the next update writes it anew", "otadata entry %d is %s", i,
                cli_entry_words(words, sizeof(words), f->v, e));
        else if (!ferry_otadata_state_name(e->state))
            add(f, "ferry confirm, once the right app runs",
                "otadata entry %d has a state that nobody wrote: 0x%x", i, (unsigned)e->state);
    }
}

static void check_running(struct status_facts *f)
{
    char label[FERRY_LABEL_BYTES + 1], remedy[256], words[FERRY_SENTENCE_BYTES];
    const int running = f->v->dev.running;
    const struct status_slot *s = status_slot(f, running);
    if (!s)
        return;
    cli_label(f->v, running, label);
    if (s->content != STATUS_APP)
        add(f, "do not switch it off before a good app lies in another slot",
            "%s runs, but its image does not verify: %s", label,
            cli_try_words(words, sizeof(words), f->v, running, &s->fault));
    if (s->has_state && s->state == FERRY_STATE_PENDING && f->v->policy.rollback) {
        snprintf(remedy, sizeof(remedy), "ferry confirm %.200s - or ferry reject", f->v->path);
        add(f, remedy, "%s runs on trial: unless it is confirmed, the next reset goes back", label);
    }
}

static void check_next(struct status_facts *f)
{
    char why[CLI_WORDS_BYTES], remedy[256];
    snprintf(remedy, sizeof(remedy), "put a good image into a slot: ferry update %.180s IMAGE",
             f->v->path);
    if (f->next.booted == FERRY_SLOT_NONE)
        add(f, f->n_slots ? remedy : "add app partitions to the table", "nothing boots: %s",
            cli_next_words(why, sizeof(why), f->v, &f->next));
    else if (f->next.booted != f->next.boot.start &&
             ferry_device_span(&f->v->dev, f->next.boot.start).size_bytes)
        add(f, remedy, "what is selected does not boot: %s",
            cli_next_words(why, sizeof(why), f->v, &f->next));
}

static void check_slots(struct status_facts *f)
{
    char label[FERRY_LABEL_BYTES + 1], remedy[256], words[FERRY_SENTENCE_BYTES];
    snprintf(remedy, sizeof(remedy), "write it again: ferry update %.200s IMAGE", f->v->path);
    for (unsigned i = 0; i < f->n_slots; i++) {
        const struct status_slot *s = &f->slots[i];
        cli_label(f->v, s->slot, label);
        if (s->slot == f->v->dev.running || s->slot == f->next.boot.start)
            continue; // said already
        if (s->content == STATUS_UNFINISHED)
            add(f, remedy, "%s holds an update that did not finish; it will not boot", label);
        else if (s->content == STATUS_DAMAGED)
            add(f, remedy, "%s cannot boot: %s", label,
                cli_try_words(words, sizeof(words), f->v, s->slot, &s->fault));
    }
}

static void check_bootloader(struct status_facts *f)
{
    // A virtual device boots without one; without a table there are worse things to say.
    if (f->v->is_dir || f->has_bootloader || f->v->table_err)
        return;
    if (!f->v->policy.chip)
        add(f, "say which chip it is: --chip",
            "the chip is not known, so images are not checked "
            "against it");
    else
        add(f, "write the bootloader there",
            "there is no bootloader at 0x%x: the chip will not "
            "start",
            (unsigned)f->v->policy.chip->bootloader_off_bytes);
}

void status_find_problems(struct status_facts *f)
{
    f->n_problems = 0;
    check_table(f);
    check_bootloader(f);
    if (f->v->table_err)
        return;
    check_update_possible(f);
    check_partitions(f);
    check_next(f);
    check_running(f);
    check_slots(f);
    check_entries(f);
}
