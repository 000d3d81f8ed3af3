/* tests/host/test_serial_chip.c - the flash behind a serial port, over a link that is an array:
 * what is fetched, in which order it is written, and what stands there when the link is cut. */
#include "serial_chip.h"

#include <stdlib.h>
#include <string.h>

#include "t.h"

#define SIZE   0x100000u
#define SECTOR 4096u

static struct {
    uint8_t bytes[SIZE];
    uint32_t reads[16][2], writes[16][2]; // offset and length
    unsigned n_reads, n_writes;
    unsigned writes_left; // before the link is lost
} far;

static struct ferry_serial_chip chip;

static ferry_err far_read(void *ctx, uint32_t off_bytes, uint8_t *dst, uint32_t n_bytes)
{
    (void)ctx;
    T_CHECK(off_bytes % SECTOR == 0 && n_bytes % SECTOR == 0 && n_bytes > 0);
    if (far.n_reads < 16) {
        far.reads[far.n_reads][0] = off_bytes;
        far.reads[far.n_reads++][1] = n_bytes;
    }
    memcpy(dst, far.bytes + off_bytes, n_bytes);
    return FERRY_OK;
}

static ferry_err far_write(void *ctx, uint32_t off_bytes, const uint8_t *src, uint32_t n_bytes)
{
    (void)ctx;
    if (!far.writes_left)
        return FERRY_ERR_FLASH_IO;
    far.writes_left--;
    if (far.n_writes < 16) {
        far.writes[far.n_writes][0] = off_bytes;
        far.writes[far.n_writes++][1] = n_bytes;
    }
    memcpy(far.bytes + off_bytes, src, n_bytes);
    return FERRY_OK;
}

/* A chip of pattern bytes, 0xff nowhere. */
static void begin(void)
{
    static const struct ferry_serial_link link = {far_read, far_write, NULL};
    memset(&far, 0, sizeof far);
    far.writes_left = 100;
    for (uint32_t i = 0; i < SIZE; i++)
        far.bytes[i] = (uint8_t)(i % 251);
    T_EQ_INT(ferry_serial_chip_open(&chip, SIZE, &link, NULL), FERRY_OK);
}

static ferry_err prog(uint32_t off, uint8_t byte, uint32_t n)
{
    static uint8_t src[0x10000];
    memset(src, byte, n);
    return chip.flash.ops->prog(&chip.flash, off, src, n);
}

static ferry_err erase(uint32_t off, uint32_t n)
{
    return chip.flash.ops->erase(&chip.flash, off, n);
}

static ferry_err sync_all(void)
{
    return chip.flash.ops->sync(&chip.flash);
}

static void fetches_grow_while_the_reader_goes_on(void)
{
    uint8_t byte;
    begin();
    for (uint32_t at = 0x8000; at < 0x80000; at += 512)
        T_EQ_INT(chip.flash.ops->read(&chip.flash, at, &byte, 1), FERRY_OK);
    T_EQ_INT(far.n_reads, 4);
    T_EQ_INT(far.reads[0][1], 0x8000);
    T_EQ_INT(far.reads[1][1], 0x20000);
    T_EQ_INT(far.reads[2][1], 0x40000);
    T_EQ_INT(chip.flash.ops->read(&chip.flash, 0x8000, &byte, 1), FERRY_OK);
    T_EQ_INT(far.n_reads, 4);
    ferry_serial_chip_close(&chip);
}

static void nothing_is_written_before_a_sync(void)
{
    uint8_t seen[16];
    begin();
    T_EQ_INT(erase(0x10000, 0x10000), FERRY_OK);
    T_EQ_INT(prog(0x10000, 0x5a, SECTOR), FERRY_OK);
    T_EQ_INT(far.n_writes, 0);
    T_EQ_INT(chip.flash.ops->read(&chip.flash, 0x10000, seen, sizeof seen), FERRY_OK);
    T_EQ_INT(seen[0], 0x5a);
    T_EQ_INT(far.bytes[0x10000], 0x10000 % 251);
    ferry_serial_chip_close(&chip);
}

/* A block that is erased and filled is one piece; what was left blank of it comes along. */
static void block_and_its_contents_travel_once(void)
{
    begin();
    T_EQ_INT(erase(0x10000, 0x10000), FERRY_OK);
    for (uint32_t s = 0; s < 3; s++)
        T_EQ_INT(prog(0x10000 + s * SECTOR, 0x5a, SECTOR), FERRY_OK);
    T_EQ_INT(sync_all(), FERRY_OK);
    T_EQ_INT(far.n_writes, 1);
    T_EQ_INT(far.writes[0][0], 0x10000);
    T_EQ_INT(far.writes[0][1], 0x10000);
    T_EQ_INT(far.bytes[0x12fff], 0x5a);
    T_EQ_INT(far.bytes[0x13000], 0xff);
    T_EQ_INT(sync_all(), FERRY_OK);
    T_EQ_INT(far.n_writes, 1);
    ferry_serial_chip_close(&chip);
}

/* Erase entry, write slot, write the slot's first sector again, write entry: none overtakes. */
static void order_of_the_core_is_kept(void)
{
    begin();
    T_EQ_INT(erase(0xe000, SECTOR), FERRY_OK);
    T_EQ_INT(erase(0x70000, SECTOR), FERRY_OK);
    T_EQ_INT(prog(0x70010, 0x11, SECTOR - 16), FERRY_OK);
    T_EQ_INT(erase(0x71000, SECTOR), FERRY_OK);
    T_EQ_INT(prog(0x71000, 0x22, SECTOR), FERRY_OK);
    T_EQ_INT(prog(0x70000, 0xe9, 16), FERRY_OK);
    T_EQ_INT(prog(0xe000, 0x33, 32), FERRY_OK);
    T_EQ_INT(sync_all(), FERRY_OK);
    static const uint32_t want[][2] = {
        {0xe000, SECTOR}, {0x70000, 2 * SECTOR}, {0x70000, SECTOR}, {0xe000, SECTOR}};
    T_EQ_INT(far.n_writes, 4);
    for (unsigned i = 0; i < 4; i++) {
        T_EQ_INT(far.writes[i][0], want[i][0]);
        T_EQ_INT(far.writes[i][1], want[i][1]);
    }
    T_EQ_INT(far.bytes[0x70000], 0xe9);
    T_EQ_INT(far.bytes[0x70010], 0x11);
    T_EQ_INT(far.bytes[0xe01f], 0x33);
    T_EQ_INT(far.bytes[0xe020], 0xff);
    ferry_serial_chip_close(&chip);
}

static void blank_sector_is_not_erased_again(void)
{
    uint8_t byte;
    begin();
    memset(far.bytes + 0xe000, 0xff, SECTOR);
    T_EQ_INT(chip.flash.ops->read(&chip.flash, 0xe000, &byte, 1), FERRY_OK);
    T_EQ_INT(erase(0xe000, SECTOR), FERRY_OK);
    T_EQ_INT(sync_all(), FERRY_OK);
    T_EQ_INT(far.n_writes, 0);
    ferry_serial_chip_close(&chip);
}

static void programming_can_only_clear_bits(void)
{
    begin();
    T_EQ_INT(prog(0x9000, 0x0f, 4), FERRY_OK);
    T_EQ_INT(sync_all(), FERRY_OK);
    for (uint32_t i = 0; i < 4; i++)
        T_EQ_INT(far.bytes[0x9000 + i], (0x9000 + i) % 251 & 0x0f);
    ferry_serial_chip_close(&chip);
}

static void lost_link_ends_everything(void)
{
    uint8_t byte;
    begin();
    far.writes_left = 1;
    T_EQ_INT(erase(0x10000, SECTOR), FERRY_OK);
    T_EQ_INT(erase(0x20000, SECTOR), FERRY_OK);
    T_EQ_INT(erase(0x30000, SECTOR), FERRY_OK);
    T_EQ_INT(sync_all(), FERRY_ERR_FLASH_IO);
    T_EQ_INT(far.n_writes, 1);
    far.writes_left = 100;
    T_EQ_INT(erase(0x40000, SECTOR), FERRY_OK);
    T_EQ_INT(sync_all(), FERRY_ERR_FLASH_IO);
    T_EQ_INT(far.n_writes, 1);
    T_EQ_INT(chip.flash.ops->read(&chip.flash, 0x20000, &byte, 1), FERRY_ERR_FLASH_IO);
    ferry_serial_chip_close(&chip);
}

static void what_is_no_flash_access_is_refused(void)
{
    uint8_t byte;
    static const struct ferry_serial_link link = {far_read, far_write, NULL};
    T_EQ_INT(ferry_serial_chip_open(&chip, 0, &link, NULL), FERRY_ERR_FLASH_SIZE);
    T_EQ_INT(ferry_serial_chip_open(&chip, 0x18000, &link, NULL), FERRY_ERR_FLASH_SIZE);
    begin();
    T_EQ_INT(chip.flash.ops->read(&chip.flash, SIZE, &byte, 1), FERRY_ERR_FLASH_RANGE);
    T_EQ_INT(prog(SIZE - 1, 0, 2), FERRY_ERR_FLASH_RANGE);
    T_EQ_INT(erase(0x1000, 0x10000), FERRY_ERR_FLASH_ALIGN);
    T_EQ_INT(erase(0x1000, 0x2000), FERRY_ERR_FLASH_ALIGN);
    T_EQ_INT(erase(SIZE, SECTOR), FERRY_ERR_FLASH_RANGE);
    ferry_serial_chip_close(&chip);
}

int main(void)
{
    T_RUN(fetches_grow_while_the_reader_goes_on);
    T_RUN(nothing_is_written_before_a_sync);
    T_RUN(block_and_its_contents_travel_once);
    T_RUN(order_of_the_core_is_kept);
    T_RUN(blank_sector_is_not_erased_again);
    T_RUN(programming_can_only_clear_bits);
    T_RUN(lost_link_ends_everything);
    T_RUN(what_is_no_flash_access_is_refused);
    return t_end();
}
