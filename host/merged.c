/* host/merged.c - telling a merged image from a whole flash, and placing it in its flash. */
#include "merged.h"

#include <string.h>

#include "ferry/image.h"
#include "ferry/partition.h"

#define LEAST_FLASH_BYTES   0x40000u // the smallest chips that were ever sold with these
#define HIGHEST_SIZE_CODE   7u       // 128 MB
#define LARGEST_FLASH_BYTES (0x100000u << HIGHEST_SIZE_CODE)

uint32_t ferry_flash_size_of_code(uint8_t spi_size_code)
{
    return spi_size_code <= HIGHEST_SIZE_CODE ? 0x100000u << spi_size_code : 0;
}

bool ferry_flash_size_code(uint32_t flash_bytes, uint8_t *code)
{
    for (uint8_t i = 0; i <= HIGHEST_SIZE_CODE; i++) {
        if (ferry_flash_size_of_code(i) == flash_bytes) {
            *code = i;
            return true;
        }
    }
    return false;
}

static bool is_power_of_two(uint32_t n)
{
    return n && (n & (n - 1)) == 0;
}

/** Where the last partition ends; 0 if no row is one. Rows are taken as they are. */
static uint64_t partitions_end(const struct ferry_region *all, uint32_t table_off_bytes)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < FERRY_TABLE_ROWS; i++) {
        uint8_t row[FERRY_ROW_BYTES];
        struct ferry_partition p;
        if (ferry_region_read(all, table_off_bytes + i * FERRY_ROW_BYTES, row, sizeof(row)) ||
            ferry_row_kind(row) != FERRY_ROW_PARTITION)
            break;
        ferry_partition_decode(row, &p);
        const uint64_t own = (uint64_t)p.off_bytes + p.size_bytes;
        end = own > end ? own : end;
    }
    return end;
}

/** True if the image is over before the table begins, as a bootloader is and an app that happens to
 * be this long is not. */
static bool ends_before(const struct ferry_region *room)
{
    uint8_t work[512];
    struct ferry_image img;
    const struct ferry_image_rules rules = {
        .metadata_only = true, .bootloader = true, .max_bytes = room->size_bytes};
    return !ferry_image_verify(room, &rules, work, sizeof(work), &img);
}

/** What the header says, and never less than what is there. */
static void find_size(struct ferry_merged *m, uint8_t size_code, uint32_t n_bytes, uint64_t end)
{
    const uint64_t held = (uint64_t)m->start_bytes + n_bytes;
    m->header_bytes = ferry_flash_size_of_code(size_code);
    m->flash_bytes = m->header_bytes;
    if (!m->flash_bytes) // the table knows next best
        for (m->flash_bytes = 0x100000;
             m->flash_bytes < end && m->flash_bytes < LARGEST_FLASH_BYTES;)
            m->flash_bytes *= 2;
    if (m->flash_bytes < held)
        m->flash_bytes = (uint32_t)((held + FERRY_FLASH_SECTOR_BYTES - 1) /
                                    FERRY_FLASH_SECTOR_BYTES * FERRY_FLASH_SECTOR_BYTES);
}

/** The bootloader's header, at_bytes into a file that begins with it or at the flash's begin. */
static bool find_header(const struct ferry_region *all, uint32_t at_bytes, struct ferry_merged *m,
                        struct ferry_image_header *header)
{
    uint8_t bytes[FERRY_IMAGE_HEADER_BYTES];
    if (ferry_region_read(all, at_bytes, bytes, sizeof(bytes)) || bytes[0] != FERRY_IMAGE_MAGIC)
        return false;
    ferry_image_header_decode(bytes, header);
    m->chip = ferry_chip_by_id(header->chip_id);
    if (!m->chip || (at_bytes && at_bytes != m->chip->bootloader_off_bytes))
        return false;
    m->start_bytes = m->chip->bootloader_off_bytes - at_bytes;
    return true;
}

/** True if the file holds the table's sector in its place, at least a part of it, before which the
 * bootloader ends. */
static bool has_table(const struct ferry_region *all, uint32_t header_at, uint32_t table_at,
                      uint32_t n_bytes)
{
    uint8_t row[FERRY_ROW_BYTES];
    if (header_at >= table_at || n_bytes <= table_at ||
        ferry_region_read(all, table_at, row, sizeof(row)))
        return false;
    const struct ferry_region room = {all->flash, header_at, table_at - header_at};
    return ferry_row_kind(row) == FERRY_ROW_PARTITION || ends_before(&room);
}

bool ferry_merged_find(const struct ferry_flash *file, uint32_t n_bytes, uint32_t table_off_bytes,
                       struct ferry_merged *out)
{
    static const uint32_t header_places[] = {0, 0x1000, 0x2000};
    const struct ferry_region all = {file, 0, file->size_bytes};
    for (size_t i = 0; i < sizeof(header_places) / sizeof(header_places[0]); i++) {
        struct ferry_image_header header;
        struct ferry_merged m = {0};
        if (!find_header(&all, header_places[i], &m, &header) || m.start_bytes >= table_off_bytes ||
            n_bytes > LARGEST_FLASH_BYTES - m.start_bytes)
            continue;
        const uint32_t table_at = table_off_bytes - m.start_bytes;
        if (!has_table(&all, header_places[i], table_at, n_bytes))
            continue;
        const uint64_t end = partitions_end(&all, table_at);
        if (!m.start_bytes && is_power_of_two(n_bytes) && n_bytes >= LEAST_FLASH_BYTES &&
            end <= n_bytes)
            return false;
        find_size(&m, header.spi_size_code, n_bytes, end);
        *out = m;
        return true;
    }
    return false;
}

static ferry_err place(struct ferry_flash_file *ff, uint32_t table_off_bytes,
                       struct ferry_merged *m, struct ferry_fault *fault)
{
    ferry_err err = FERRY_OK;
    if (ferry_merged_find(&ff->flash, ff->held_bytes, table_off_bytes, m))
        err = ferry_flash_file_place(ff, m->start_bytes, m->flash_bytes);
    else if (ff->held_bytes % FERRY_FLASH_SECTOR_BYTES)
        err = FERRY_ERR_FLASH_SIZE;
    return err ? ferry_fail(fault, err, ff->held_bytes, FERRY_FLASH_SECTOR_BYTES, 0) : FERRY_OK;
}

ferry_err ferry_merged_open(struct ferry_flash_file *ff, const char *path, bool writable,
                            uint32_t table_off_bytes, struct ferry_merged *m,
                            struct ferry_fault *fault)
{
    *m = (struct ferry_merged){0};
    ferry_err err = ferry_flash_file_open_part(ff, path, writable, fault);
    if (err)
        return err;
    err = place(ff, table_off_bytes, m, fault);
    if (err)
        ferry_flash_file_close(ff);
    return err;
}
