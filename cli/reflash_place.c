/* cli/reflash_place.c - where things lie: places in words become spans of the flash, and the gaps
 * between the partitions are found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"
#include "reflash_make.h"

#define SECTOR FERRY_FLASH_SECTOR_BYTES

const char *reflash_resolve(const struct reflash_rows *rows, const struct reflash_place *place,
                            struct ferry_span *out)
{
    static char why[80];
    if (place->by == REFLASH_BY_RANGE) {
        *out = (struct ferry_span){place->off_bytes, place->size_bytes};
        return NULL;
    }
    for (unsigned i = 0; i < rows->n; i++) {
        const struct ferry_partition *p = &rows->rows[i];
        if (!strcmp(p->label, place->label)) {
            *out = (struct ferry_span){p->off_bytes, p->size_bytes};
            return NULL;
        }
    }
    snprintf(why, sizeof(why), "has no partition '%.16s'", place->label);
    return why;
}

/** Where a bootloader or a table belongs. False: the chip is not known. */
static bool own_place(const struct reflash_job *job, uint8_t kind, struct ferry_span *out)
{
    const struct ferry_reflash_site *site = &job->site;
    const uint32_t table =
        site->new_table_off_bytes ? site->new_table_off_bytes : site->table_off_bytes;
    const struct ferry_chip *chip = job->v.policy.chip;
    if (kind == FERRY_STEP_TABLE) {
        *out = (struct ferry_span){table, SECTOR};
        return true;
    }
    if (!chip || chip->bootloader_off_bytes >= table)
        return false;
    *out = (struct ferry_span){chip->bootloader_off_bytes, table - chip->bootloader_off_bytes};
    return true;
}

int reflash_destination(struct reflash_job *job, const struct reflash_wish *wish,
                        struct ferry_span *out)
{
    struct cli_output *out_ = job->call->out;
    struct ferry_span own = {0, 0};
    const bool has_own = wish->kind == FERRY_STEP_BOOTLOADER || wish->kind == FERRY_STEP_TABLE;
    const bool knows_own = has_own && own_place(job, wish->kind, &own);
    if (wish->to.by == REFLASH_BY_KIND) {
        *out = own;
        return knows_own ? CLI_EXIT_OK
                         : cli_fail_text(out_, FERRY_ERR_CHIP_UNKNOWN,
                                         "which chip it is is not known, so neither is where its "
                                         "bootloader lies: --chip, or bootloader@0xOFFSET+SIZE");
    }
    const char *why = reflash_resolve(&job->after, &wish->to, out);
    if (why)
        return cli_fail_text(out_, FERRY_ERR_NOT_FOUND, "in the step %s: the %s %s", wish->words,
                             job->has_new_table ? "new table" : "partition table", why);
    if (out->size_bytes)
        return CLI_EXIT_OK;
    out->size_bytes = wish->kind == FERRY_STEP_TABLE    ? SECTOR
                      : out->off_bytes == own.off_bytes ? own.size_bytes
                                                        : 0;
    return out->size_bytes ? CLI_EXIT_OK
                           : cli_fail_text(out_, FERRY_ERR_ARG,
                                           "the step %s does not say how large its place is: +SIZE",
                                           wish->words);
}

/* ---- gaps ---- */

static void take(bool *used, uint32_t n, uint32_t off_bytes, uint32_t size_bytes)
{
    const uint64_t end = ((uint64_t)off_bytes + size_bytes + SECTOR - 1) / SECTOR;
    for (uint32_t i = off_bytes / SECTOR; size_bytes && i < n && i < end; i++)
        used[i] = true;
}

static void take_rows(bool *used, uint32_t n, const struct reflash_rows *rows)
{
    for (unsigned i = 0; i < rows->n; i++)
        take(used, n, rows->rows[i].off_bytes, rows->rows[i].size_bytes);
}

ferry_err reflash_gap(const struct reflash_job *job, struct ferry_span *out)
{
    const uint32_t n = job->cfg.flash->size_bytes / SECTOR;
    const uint32_t new_table = job->site.new_table_off_bytes;
    bool *used = calloc(n, sizeof(*used));
    if (!used)
        return FERRY_ERR_NO_MEMORY;
    // Bootloader and table lie before the first partition; nothing else is known to, but may.
    take(used, n, 0, job->site.table_off_bytes + SECTOR);
    take(used, n, 0, new_table ? new_table + SECTOR : 0);
    take(used, n, job->cfg.journal.off_bytes, SECTOR);
    take(used, n, job->site.recovery_off_bytes, job->site.recovery_off_bytes ? 16 * SECTOR : 0);
    take_rows(used, n, &job->today);
    take_rows(used, n, &job->after);
    take(used, n, job->stage.area.off_bytes, job->stage.area.size_bytes);
    for (int i = 0; i < job->r.plan.n_steps; i++) {
        const struct ferry_step *s = &job->r.plan.steps[i];
        take(used, n, s->dest_off_bytes, s->dest_size_bytes);
        take(used, n, s->source_off_bytes, s->length_bytes);
    }
    *out = (struct ferry_span){0, 0};
    for (uint32_t i = 0, run = 0; i < n; i++) {
        run = used[i] ? 0 : run + 1;
        if (run * SECTOR > out->size_bytes)
            *out = (struct ferry_span){(i + 1 - run) * SECTOR, run * SECTOR};
    }
    free(used);
    return FERRY_OK;
}
