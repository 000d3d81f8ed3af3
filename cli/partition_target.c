/* cli/partition_target.c - names to regions, in the order in which they are tried. */
#include "partition_target.h"

#include <stdio.h>
#include <string.h>

#include "device_words.h"
#include "ferry/bytes.h"

static bool take_label(const struct ferry_vdevice *v, const char *word, struct ferry_partition *p)
{
    uint32_t i = 0;
    return !v->table_err &&
           !ferry_table_find(&v->dev.table, FERRY_TYPE_ANY, FERRY_SUBTYPE_ANY, word, &i, p);
}

/** The partition of a slot; of two rows the last, as the device takes it. */
static bool take_slot(const struct ferry_vdevice *v, const char *word, struct ferry_partition *p,
                      int *slot)
{
    char name[FERRY_LABEL_BYTES + 1];
    const char *at = word;
    if (v->table_err)
        return false;
    if (*word >= '0' && *word <= '9' && strlen(word) <= 2) {
        snprintf(name, sizeof(name), "ota_%s", word);
        at = name;
    }
    if (ferry_vdevice_slot(v, at, slot))
        return false;
    const struct ferry_span span = ferry_device_span(&v->dev, *slot);
    *p = (struct ferry_partition){.off_bytes = span.off_bytes, .size_bytes = span.size_bytes};
    p->type = FERRY_TYPE_APP;
    ferry_vdevice_label(v, *slot, p->label);
    return true;
}

static bool take_kind(const struct ferry_vdevice *v, const char *word, struct ferry_partition *p)
{
    char type_word[24];
    uint8_t type, subtype;
    uint32_t i = 0;
    const size_t n = strcspn(word, "/");
    if (v->table_err || !word[n] || n >= sizeof(type_word))
        return false;
    snprintf(type_word, sizeof(type_word), "%.*s", (int)n, word);
    return !ferry_type_by_name(type_word, &type) &&
           !ferry_subtype_by_name(type, word + n + 1, &subtype) &&
           !ferry_table_find(&v->dev.table, type, subtype, NULL, &i, p);
}

/** What every flash has, whatever its table says. */
static int take_fixed(const struct cli_call *call, const struct ferry_vdevice *v, const char *word,
                      struct partition_target *t)
{
    const struct ferry_chip *chip = v->policy.chip;
    if (!strcmp(word, "bootloader")) {
        if (!chip)
            return cli_fail_text(call->out, FERRY_ERR_CHIP_UNKNOWN,
                                 "the chip is not known, so not where its bootloader lies: --chip");
        t->kind = TARGET_BOOTLOADER;
        t->p.off_bytes = chip->bootloader_off_bytes;
        t->p.size_bytes =
            v->table_off_bytes > t->p.off_bytes ? v->table_off_bytes - t->p.off_bytes : 0;
    } else {
        t->kind = TARGET_TABLE;
        t->p.off_bytes = v->table_off_bytes;
        t->p.size_bytes = v->file.flash.sector_bytes;
    }
    t->p.type = FERRY_TYPE_BOOTLOADER;
    snprintf(t->p.label, sizeof(t->p.label), "%s",
             t->kind == TARGET_TABLE ? "partition table" : "bootloader");
    return CLI_EXIT_OK;
}

static bool is_table_word(const char *word)
{
    return !strcmp(word, "table") || !strcmp(word, "partition_table") ||
           !strcmp(word, "partition-table");
}

static int fail_unknown(const struct cli_call *call, const struct ferry_vdevice *v,
                        const char *word, bool slots_only)
{
    char shown[80], names[400] = "";
    size_t at = 0;
    for (uint32_t i = 0; !v->table_err && i < v->dev.table.n_partitions && at < sizeof(names);
         i++) {
        struct ferry_partition p;
        char label[40];
        if (ferry_table_get(&v->dev.table, i, &p) || (slots_only && p.type != FERRY_TYPE_APP))
            continue;
        at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", at ? ", " : "",
                               cli_printable(label, sizeof(label), p.label));
    }
    return cli_fail_text(call->out, FERRY_ERR_NOT_FOUND, "%s has no %s '%s'; there %s %s", v->path,
                         slots_only ? "slot" : "partition",
                         cli_printable(shown, sizeof(shown), word), at ? "are" : "is",
                         at ? names : "none");
}

/** Which slot a partition is, and how its contents matter. */
static int describe(const struct cli_call *call, const struct ferry_vdevice *v,
                    struct partition_target *t)
{
    const struct ferry_flash *f = &v->file.flash;
    const uint32_t first_safe = v->table_off_bytes + f->sector_bytes;
    if (!ferry_range_fits(t->p.off_bytes, t->p.size_bytes, f->size_bytes))
        return cli_fail(
            call->out,
            &(struct ferry_fault){FERRY_ERR_FLASH_RANGE, t->p.off_bytes, f->size_bytes, 0},
            &(struct ferry_about){.slot = t->p.label});
    t->region = (struct ferry_region){f, t->p.off_bytes, t->p.size_bytes};
    t->is_protected = t->kind != TARGET_PARTITION || t->p.off_bytes < first_safe ||
                      t->p.type == FERRY_TYPE_BOOTLOADER || t->p.type == FERRY_TYPE_TABLE;
    for (int slot = FERRY_SLOT_TEST;
         t->kind == TARGET_PARTITION && !v->table_err && slot < (int)FERRY_SLOTS_MAX; slot++) {
        const struct ferry_span span = ferry_device_span(&v->dev, slot);
        if (!span.size_bytes || span.off_bytes >= t->p.off_bytes + t->p.size_bytes ||
            t->p.off_bytes >= span.off_bytes + span.size_bytes)
            continue;
        if (span.off_bytes == t->p.off_bytes && t->p.type == FERRY_TYPE_APP)
            t->slot = slot;
        t->runs |= slot == v->dev.running;
    }
    return CLI_EXIT_OK;
}

int partition_target_find(const struct cli_call *call, const struct ferry_vdevice *v,
                          const char *word, bool slots_only, struct partition_target *t)
{
    *t = (struct partition_target){.slot = FERRY_SLOT_NONE};
    int slot;
    if (slots_only) {
        if (!take_slot(v, word, &t->p, &slot))
            return fail_unknown(call, v, word, true);
    } else if (!take_label(v, word, &t->p)) {
        if (!strcmp(word, "bootloader") || is_table_word(word)) {
            const int exit_code = take_fixed(call, v, word, t);
            if (exit_code)
                return exit_code;
        } else if (!take_slot(v, word, &t->p, &slot) && !take_kind(v, word, &t->p)) {
            return fail_unknown(call, v, word, false);
        }
    }
    return describe(call, v, t);
}

int partition_target_check(const struct cli_call *call, const struct ferry_vdevice *v,
                           const struct partition_target *t, bool force)
{
    char name[40];
    cli_printable(name, sizeof(name), t->p.label);
    if (force)
        return CLI_EXIT_OK;
    if (t->is_protected)
        return cli_fail_text(call->out, FERRY_ERR_FLASH_PROTECTED,
                             "%s at 0x%x is part of what boots the device; --force changes it "
                             "all the same",
                             name, (unsigned)t->p.off_bytes);
    if (t->runs)
        return cli_fail_text(call->out, FERRY_ERR_UPDATE_RUNNING,
                             "%s holds the running app (%s); --force changes it all the same", name,
                             *cli_running_words(v->running_by) ? cli_running_words(v->running_by)
                                                               : "device.json says so");
    return CLI_EXIT_OK;
}

static int add_pair(const struct cli_call *call, const char *word, size_t n_name, const char *file,
                    struct partition_pair *pairs, size_t *n)
{
    struct partition_pair *p = &pairs[*n];
    if (!n_name || n_name >= sizeof(p->name) || (file && !*file))
        return cli_usage(call, "'%s' is neither NAME nor NAME=FILE", word);
    snprintf(p->name, sizeof(p->name), "%.*s", (int)n_name, word);
    p->file = file;
    ++*n;
    return CLI_EXIT_OK;
}

int partition_pairs_read(const struct cli_call *call, struct partition_pair *pairs, size_t *n)
{
    int exit_code = CLI_EXIT_OK;
    *n = 0;
    const char *first = call->args[1];
    if (!strchr(first, '=')) {
        if (call->n_args > 3)
            return cli_usage(call, "several partitions are given as NAME=FILE, not '%s'",
                             call->args[3]);
        return add_pair(call, first, strlen(first), call->n_args == 3 ? call->args[2] : NULL, pairs,
                        n);
    }
    for (int i = 1; !exit_code && i < call->n_args; i++) {
        const char *word = call->args[i], *equals = strchr(word, '=');
        if (!equals)
            return cli_usage(call, "'%s' is not NAME=FILE", word);
        exit_code = add_pair(call, word, (size_t)(equals - word), equals + 1, pairs, n);
    }
    return exit_code;
}
