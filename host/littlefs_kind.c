/* host/littlefs_kind.c - marks of file systems. */
#include "littlefs_kind.h"

#include <string.h>

#include "ferry/bytes.h"

#define SECTOR_BYTES       4096u
#define LITTLEFS_BLOCK_MAX 65536u

#define SPIFFS_MAGIC       0x20140529u
#define SPIFFS_BLOCK       4096u // Espressif's: blocks of a sector
#define SPIFFS_PAGE_LEAST  256u

/** The second of the two superblocks lies one block behind the first, and blocks differ. */
static ferry_err find_littlefs(const struct ferry_region *r, bool *found, uint32_t *claimed_bytes)
{
    uint8_t head[32];
    for (uint32_t at = 0; at <= LITTLEFS_BLOCK_MAX; at = at ? 2 * at : SECTOR_BYTES) {
        if (!ferry_range_fits(at, sizeof(head), r->size_bytes))
            break;
        const ferry_err err = ferry_region_read(r, at, head, sizeof(head));
        if (err)
            return err;
        if (memcmp(head + 8, "littlefs", 8) != 0)
            continue;
        const uint64_t claimed = (uint64_t)ferry_le32(head + 24) * ferry_le32(head + 28);
        const uint32_t n_bytes = claimed > UINT32_MAX ? UINT32_MAX : (uint32_t)claimed;
        *claimed_bytes = n_bytes > *claimed_bytes ? n_bytes : *claimed_bytes;
        *found = true;
    }
    return FERRY_OK;
}

static bool is_fat(const uint8_t *sector)
{
    const uint32_t bytes_per_sector = ferry_le16(sector + 11);
    return (sector[0] == 0xeb || sector[0] == 0xe9) && sector[510] == 0x55 && sector[511] == 0xaa &&
           bytes_per_sector >= 512 && bytes_per_sector <= SECTOR_BYTES &&
           !(bytes_per_sector & (bytes_per_sector - 1));
}

/** The mark stands at the end of a block's first page, made of the page's size and, as Espressif
 * configures it, of how many blocks are left. */
static bool is_spiffs(const uint8_t *block, uint32_t n_blocks)
{
    for (uint32_t page = SPIFFS_PAGE_LEAST; page <= SPIFFS_BLOCK / 2; page *= 2) {
        const uint16_t mark = ferry_le16(block + page - 4);
        if (mark == (uint16_t)(SPIFFS_MAGIC ^ page) ||
            mark == (uint16_t)(SPIFFS_MAGIC ^ page ^ n_blocks))
            return true;
    }
    return false;
}

static bool is_erased(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

ferry_err ferry_fs_kind(const struct ferry_region *region, enum ferry_fs_kind *kind,
                        uint32_t *claimed_bytes)
{
    uint8_t sectors[2 * SECTOR_BYTES];
    bool found = false;
    const uint32_t n =
        region->size_bytes < sizeof(sectors) ? region->size_bytes : (uint32_t)sizeof(sectors);
    memset(sectors, 0xff, sizeof(sectors));
    *claimed_bytes = 0;
    ferry_err err = find_littlefs(region, &found, claimed_bytes);
    if (!err)
        err = ferry_region_read(region, 0, sectors, n);
    if (err)
        return err;
    if (found)
        *kind = FERRY_FS_LITTLEFS;
    else if (is_fat(sectors) || is_fat(sectors + SECTOR_BYTES))
        *kind = FERRY_FS_FAT;
    else if (is_spiffs(sectors, region->size_bytes / SPIFFS_BLOCK))
        *kind = FERRY_FS_SPIFFS;
    else
        *kind = is_erased(sectors, n) ? FERRY_FS_ERASED : FERRY_FS_OTHER;
    return FERRY_OK;
}

const char *ferry_fs_kind_words(enum ferry_fs_kind kind)
{
    static const char *const words[] = {"nothing: it is erased", "a littlefs", "a FAT file system",
                                        "a SPIFFS", "something that is not known"};
    return words[kind];
}
