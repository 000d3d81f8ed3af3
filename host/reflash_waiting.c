/* host/reflash_waiting.c - a look into the journal. */
#include "reflash_waiting.h"

#include "ferry/bytes.h"
#include "ferry/reflash.h"

struct ferry_region ferry_vdevice_journal(const struct ferry_vdevice *v)
{
    struct ferry_region sector = ferry_reflash_journal_default(&v->file.flash);
    if (v->has_journal)
        sector.off_bytes = v->journal_off_bytes;
    return sector;
}

bool ferry_reflash_waits(const struct ferry_vdevice *v)
{
    uint8_t work[FERRY_PLAN_BYTES];
    struct ferry_journal j;
    struct ferry_plan plan;
    struct ferry_fault fault;
    const struct ferry_region sector = ferry_vdevice_journal(v);
    if (sector.off_bytes % sector.size_bytes ||
        !ferry_range_fits(sector.off_bytes, sector.size_bytes, v->file.flash.size_bytes))
        return false;
    const ferry_err err = ferry_journal_open(&j, &sector, &plan, work, &fault);
    // Other errors are about a plan that is whole, and not one that could be carried out.
    return err ? err != FERRY_ERR_FLASH_IO : j.state == FERRY_JOURNAL_UNFINISHED;
}
