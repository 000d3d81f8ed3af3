/* compat/esp-idf/reflasher_journal.c - where a reflash under Espressif's names keeps its journal:
 * in the device's sector for it, or, where something else lies there, in memory. */
#include "reflasher_private.h"

#include <string.h>

#include "esp_log.h"
#include "ferry/bytes.h"

static const struct reflasher_flash *of(const struct ferry_flash *f)
{
    return f->ctx;
}

static bool is_memory(const struct reflasher_flash *v, uint32_t off)
{
    return off >= v->chip->size_bytes;
}

/* A whole range is on one side: everything here works by sectors. */
static uint8_t *at(const struct reflasher_flash *v, uint32_t off)
{
    return ((struct reflasher_flash *)(uintptr_t)v)->sector + (off - v->chip->size_bytes);
}

static ferry_err read_either(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    const struct reflasher_flash *v = of(f);
    if (!ferry_range_fits(off, len, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if (!is_memory(v, off))
        return v->chip->ops->read(v->chip, off, dst, len);
    memcpy(dst, at(v, off), len);
    return FERRY_OK;
}

static ferry_err prog_either(const struct ferry_flash *f, uint32_t off, const void *src,
                             uint32_t len)
{
    const struct reflasher_flash *v = of(f);
    const uint8_t *bytes = src;
    if (!ferry_range_fits(off, len, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if (!is_memory(v, off))
        return v->chip->ops->prog(v->chip, off, src, len);
    for (uint32_t i = 0; i < len; i++)
        at(v, off)[i] &= bytes[i];
    return FERRY_OK;
}

static ferry_err erase_either(const struct ferry_flash *f, uint32_t off, uint32_t len)
{
    const struct reflasher_flash *v = of(f);
    if (!ferry_range_fits(off, len, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if (!is_memory(v, off))
        return v->chip->ops->erase(v->chip, off, len);
    memset(at(v, off), 0xff, len);
    return FERRY_OK;
}

static ferry_err sync_chip(const struct ferry_flash *f)
{
    return of(f)->chip->ops->sync(of(f)->chip);
}

static bool is_anybodys(uint32_t off)
{
    const struct compat *c = ferry_compat();
    for (size_t i = 0; i < c->n_partitions; i++) {
        const esp_partition_t *p = &c->partitions[i];
        if (ferry_ranges_overlap(off, SECTOR_BYTES, p->address, p->size))
            return true;
    }
    return false;
}

struct ferry_region reflasher_journal(struct reflasher *f)
{
    static const struct ferry_flash_ops ops = {read_either, prog_either, erase_either, sync_chip};
    const struct compat *c = ferry_compat();
    const struct ferry_flash *chip = c->chip.flash;
    const uint32_t off =
        c->chip.journal_off_bytes ? c->chip.journal_off_bytes : chip->size_bytes - SECTOR_BYTES;
    f->remembers = !is_anybodys(off) &&
                   !ferry_ranges_overlap(off, SECTOR_BYTES, f->dest.off_bytes, f->dest.size_bytes);
    if (f->remembers)
        return (struct ferry_region){chip, off, SECTOR_BYTES};
    ESP_LOGW(REFLASHER_TAG,
             "the journal's sector 0x%x is in use: a power cut while copying is not gone on from",
             (unsigned)off);
    f->flash.chip = chip;
    f->flash.flash = *chip;
    f->flash.flash.ops = &ops;
    f->flash.flash.ctx = &f->flash;
    f->flash.flash.size_bytes = chip->size_bytes + SECTOR_BYTES;
    memset(f->flash.sector, 0xff, sizeof(f->flash.sector));
    return (struct ferry_region){&f->flash.flash, chip->size_bytes, SECTOR_BYTES};
}
