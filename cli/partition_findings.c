/* cli/partition_findings.c - what a table means for the device that gets it. */
#include "partition_findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "device_words.h"
#include "ferry/bytes.h"

#define SECTOR_BYTES    0x1000u
#define GAP_WORTH_BYTES 0x10000u // less than an app's alignment is nobody's loss

/** The app partitions of a table. */
struct slots {
    const struct ferry_partition *ota[FERRY_SLOTS_MAX];
    const struct ferry_partition *factory, *otadata;
    unsigned n_ota, n_apps, n_nvs, highest;
};

void finding(struct findings *f, enum finding_level level, const char *fmt, ...)
{
    char text[FERRY_ROWS_DETAIL_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    f->n[level]++;
    f->each(f->ctx, level, text);
}

static const char *label(char buf[40], const struct ferry_partition *p)
{
    return cli_printable(buf, 40, *p->label ? p->label : "(no name)");
}

static void find_apps(struct findings *f, const struct partition_input *in, struct slots *s)
{
    char a[40];
    for (uint32_t i = 0; i < in->n_partitions; i++) {
        const struct ferry_partition *p = &in->partitions[i];
        const struct ferry_partition **place = NULL;
        s->n_nvs += p->type == FERRY_TYPE_DATA && p->subtype == FERRY_DATA_NVS;
        if (p->type == FERRY_TYPE_DATA && p->subtype == FERRY_DATA_OTA)
            s->otadata = p;
        if (p->type != FERRY_TYPE_APP)
            continue;
        s->n_apps++;
        if (p->subtype == FERRY_APP_FACTORY)
            place = &s->factory;
        const unsigned slot = p->subtype - FERRY_APP_OTA_0;
        if (p->subtype >= FERRY_APP_OTA_0 && slot < FERRY_SLOTS_MAX)
            place = &s->ota[slot];
        if (place && *place)
            finding(f, FINDING_WARNING,
                    "%s is a second app/%s: the bootloader takes the last one, apps the first",
                    label(a, p), ferry_subtype_name(p->type, p->subtype));
        else if (place && place != &s->factory)
            s->n_ota++;
        if (place)
            *place = p;
        if (place && place != &s->factory && slot > s->highest)
            s->highest = slot;
    }
}

static void find_slot_faults(struct findings *f, const struct slots *s)
{
    char a[40], b[40], size[24], least_size[24];
    if (!s->n_apps)
        finding(f, FINDING_WARNING, "there is no app partition: nothing could ever boot");
    if (s->n_ota && !s->otadata)
        finding(f, FINDING_WARNING,
                "there are OTA slots but no data/ota partition: no update could be selected");
    if (!s->n_ota && s->otadata)
        finding(f, FINDING_WARNING, "%s selects between OTA slots, and there are none",
                label(a, s->otadata));
    if (s->n_ota == 1)
        finding(f, FINDING_WARNING, "%s: once that app runs, there is no slot to update into",
                s->factory ? "there is one OTA slot beside factory" : "there is a single app slot");
    if (s->n_ota && s->highest + 1 != s->n_ota)
        finding(f, FINDING_WARNING,
                "the OTA slots do not count up from ota_0 without gaps: bootloader and app would "
                "count them differently");
    const struct ferry_partition *least = NULL, *most = NULL;
    for (unsigned i = 0; i < FERRY_SLOTS_MAX; i++) {
        const struct ferry_partition *p = s->ota[i];
        least = p && (!least || p->size_bytes < least->size_bytes) ? p : least;
        most = p && (!most || p->size_bytes > most->size_bytes) ? p : most;
    }
    if (least && least->size_bytes != most->size_bytes)
        finding(f, FINDING_WARNING,
                "slots differ in size: %s holds %s, %s only %s, and an image must fit into each",
                label(a, most), partition_size_words(size, most->size_bytes), label(b, least),
                partition_size_words(least_size, least->size_bytes));
}

static void find_row_faults(struct findings *f, const struct partition_input *in)
{
    char a[40];
    for (uint32_t i = 0; i < in->n_partitions; i++) {
        const struct ferry_partition *p = &in->partitions[i];
        if (!p->size_bytes)
            finding(f, FINDING_WARNING, "%s is empty: it has no byte", label(a, p));
        else if (p->size_bytes % SECTOR_BYTES)
            finding(f, FINDING_WARNING,
                    "%s is 0x%x bytes, no whole number of sectors: its last 0x%x bytes cannot be "
                    "erased",
                    label(a, p), (unsigned)p->size_bytes, (unsigned)(p->size_bytes % SECTOR_BYTES));
        if (p->type == FERRY_TYPE_ANY)
            finding(f, FINDING_WARNING,
                    "%s has type 0xff: a search for any type means another thing", label(a, p));
        for (uint32_t k = 0; k < i; k++)
            if (strlen(p->label) == FERRY_LABEL_BYTES && !strcmp(in->partitions[k].label, p->label))
                finding(f, FINDING_WARNING,
                        "rows %u and %u have the same label on flash, '%s': names are cut at 16 "
                        "bytes",
                        (unsigned)k, (unsigned)i, label(a, p));
    }
}

/** Where the flash behind the table is left to nobody. */
static void find_gaps(struct findings *f, const struct partition_input *in)
{
    uint32_t order[FERRY_TABLE_ROWS];
    char size[24], a[40] = "the partition table";
    uint64_t end = (uint64_t)in->options.table_off_bytes + SECTOR_BYTES;
    bool ascends = true;
    const uint64_t flash =
        in->options.flash_bytes ? in->options.flash_bytes : UINT64_MAX; // not known: no end
    partition_order(in->partitions, in->n_partitions, order);
    for (uint32_t i = 0; i < in->n_partitions; i++) {
        const struct ferry_partition *p = &in->partitions[order[i]];
        char b[40];
        ascends &= order[i] == i;
        if (p->off_bytes >= end + GAP_WORTH_BYTES && p->off_bytes <= flash)
            finding(f, FINDING_NOTE, "%s at 0x%llx lie free between %s and %s",
                    partition_size_words(size, p->off_bytes - end), (unsigned long long)end, a,
                    label(b, p));
        const uint64_t own_end = (uint64_t)p->off_bytes + p->size_bytes;
        if (own_end > end) {
            end = (own_end + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
            label(a, p);
        }
    }
    if (in->options.flash_bytes && flash >= end + GAP_WORTH_BYTES)
        finding(f, FINDING_NOTE, "%s at 0x%llx lie free behind %s",
                partition_size_words(size, flash - end), (unsigned long long)end, a);
    if (!ascends)
        finding(f, FINDING_NOTE, "the rows are not in order of offset: a CSV must have them so");
}

void find_in_layout(struct findings *f, const struct partition_input *in)
{
    struct slots s = {0};
    if (!in->n_partitions) {
        finding(f, FINDING_WARNING, "the table is empty: it has no partition");
        return;
    }
    find_apps(f, in, &s);
    find_slot_faults(f, &s);
    find_row_faults(f, in);
    if (!in->has_md5 && !in->fault.err)
        finding(f, FINDING_WARNING,
                "there is no MD5 row: an app built with ESP-IDF's defaults finds no partition");
    if (!s.n_nvs)
        finding(f, FINDING_NOTE, "there is no data/nvs partition; Wi-Fi, for one, wants it");
    find_gaps(f, in);
    if (!in->options.flash_bytes)
        finding(f, FINDING_NOTE,
                "the size of the flash is not known, so not whether this fits: --flash-size");
}
