/* host/doctor_mend.c - which stores are mounted to mend them. */
#include "doctor_mend.h"

#include <string.h>

#include "ferry/bytes.h"

/** A store that shares bytes with something else may be anything. */
static bool stands_alone(const struct ferry_table *table, uint32_t row)
{
    struct ferry_partition p, other;
    if (ferry_table_get(table, row, &p) ||
        p.off_bytes < table->off_bytes + FERRY_FLASH_SECTOR_BYTES)
        return false;
    for (uint32_t i = 0; !ferry_table_get(table, i, &other); i++)
        if (i != row &&
            ferry_ranges_overlap(p.off_bytes, p.size_bytes, other.off_bytes, other.size_bytes))
            return false;
    return true;
}

static bool may_be_mended(const struct ferry_table *table, uint32_t row,
                          const struct ferry_partition *p, uint32_t flash_bytes)
{
    return ferry_store_is(p, flash_bytes) &&
           !(p->flags & (FERRY_FLAG_ENCRYPTED | FERRY_FLAG_READONLY)) && stands_alone(table, row);
}

/** Nothing was written: the device cannot mount this one either, and the others may be mended. */
static bool cannot_be_mounted(ferry_err err)
{
    return err == FERRY_ERR_NVS_PAGES || err == FERRY_ERR_NVS_VERSION ||
           err == FERRY_ERR_NVS_NO_FREE;
}

ferry_err ferry_nvs_mend(const struct ferry_flash *base, const struct ferry_flash *flash,
                         const struct ferry_table *table, bool read_only,
                         struct ferry_store_keys *keys)
{
    struct ferry_partition p, nvs_keys;
    uint32_t at = 0;
    const bool has_keys =
        !ferry_table_find(table, FERRY_TYPE_DATA, FERRY_DATA_NVS_KEYS, NULL, &at, &nvs_keys);
    ferry_err why = FERRY_ERR_STATE; // of none
    unsigned n_mounted = 0;
    if (keys)
        memset(keys, 0, sizeof(*keys));
    for (uint32_t i = 0; !ferry_table_get(table, i, &p); i++) {
        struct ferry_store s = {0};
        if (!may_be_mended(table, i, &p, base->size_bytes))
            continue;
        ferry_err err = ferry_store_look(&s, base, &p, has_keys ? &nvs_keys : NULL);
        const bool needs_it = !err && s.report.n_damages && s.report.n_entries;
        if (needs_it)
            err = ferry_store_mount(&s, flash, read_only, keys);
        ferry_store_close(&s);
        n_mounted += needs_it && !err;
        if (cannot_be_mounted(err))
            why = why == FERRY_ERR_STATE ? err : why;
        else if (err)
            return err;
    }
    return n_mounted ? FERRY_OK : why;
}
