/* ports/sifive-u/spi_nor.c - the flash contract in commands of a SPI NOR chip.
 * Every write is: enable, command, wait until the chip is no longer busy. A chip that ignores the
 * enable (write protected) or stays busy is an error; nothing here waits forever. */
#include "spi_nor.h"

#include "ferry/bytes.h"

#define STATUS_BUSY     1u
#define STATUS_ENABLED  2u
#define HEAD_BYTES      5u
#define ID_BYTES        3u
#define SIZE_LOG2_LEAST 16u
#define SIZE_LOG2_MOST  31u

/* Longest times of the data sheet, generously: a chip past these is broken. */
#define PROGRAM_MOST_US 10000u
#define SECTOR_MOST_US  1000000u
#define BLOCK_MOST_US   4000000u

static const struct spi_nor *nor_of(const struct ferry_flash *f)
{
    return f->ctx;
}

static uint8_t status_of(const struct spi_nor *nor)
{
    const uint8_t command = SPI_NOR_READ_STATUS;
    uint8_t status = 0;
    nor->bus->transfer(nor->bus->ctx, &command, 1, NULL, &status, 1);
    return status;
}

static void put_head(uint8_t head[HEAD_BYTES], enum spi_nor_command command, uint32_t off)
{
    head[0] = (uint8_t)command;
    for (unsigned i = 0; i < 4; i++)
        head[1 + i] = (uint8_t)(off >> (24 - 8 * i)); // most significant first
}

/* Enables, sends the command with n bytes of data, and waits. */
static ferry_err write_command(const struct spi_nor *nor, enum spi_nor_command command,
                               uint32_t off, const uint8_t *data, uint32_t n, uint32_t most_us)
{
    const struct spi_nor_bus *bus = nor->bus;
    const uint8_t enable = SPI_NOR_WRITE_ENABLE;
    uint8_t head[HEAD_BYTES];
    bus->transfer(bus->ctx, &enable, 1, NULL, NULL, 0);
    if ((status_of(nor) & (STATUS_ENABLED | STATUS_BUSY)) != STATUS_ENABLED)
        return FERRY_ERR_FLASH_IO;
    put_head(head, command, off);
    bus->transfer(bus->ctx, head, sizeof(head), data, NULL, n);
    const uint32_t start = bus->now_us(bus->ctx);
    while (status_of(nor) & STATUS_BUSY)
        if (bus->now_us(bus->ctx) - start > most_us)
            return FERRY_ERR_FLASH_IO;
    return FERRY_OK;
}

static ferry_err nor_read(const struct ferry_flash *f, uint32_t off_bytes, void *dst,
                          uint32_t len_bytes)
{
    const struct spi_nor *nor = nor_of(f);
    uint8_t head[HEAD_BYTES];
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    put_head(head, SPI_NOR_READ, off_bytes);
    nor->bus->transfer(nor->bus->ctx, head, sizeof(head), NULL, dst, len_bytes);
    return FERRY_OK;
}

/* A chip wraps inside its page, so no command may cross a page's end. */
static ferry_err nor_prog(const struct ferry_flash *f, uint32_t off_bytes, const void *src,
                          uint32_t len_bytes)
{
    const uint8_t *from = src;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    while (len_bytes) {
        const uint32_t room = SPI_NOR_PAGE_BYTES - off_bytes % SPI_NOR_PAGE_BYTES;
        const uint32_t n = len_bytes < room ? len_bytes : room;
        const ferry_err err =
            write_command(nor_of(f), SPI_NOR_PROGRAM, off_bytes, from, n, PROGRAM_MOST_US);
        if (err)
            return err;
        off_bytes += n;
        from += n;
        len_bytes -= n;
    }
    return FERRY_OK;
}

static ferry_err nor_erase(const struct ferry_flash *f, uint32_t off_bytes, uint32_t len_bytes)
{
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if ((len_bytes != f->sector_bytes && len_bytes != f->block_bytes) || off_bytes % len_bytes)
        return FERRY_ERR_FLASH_ALIGN;
    if (len_bytes == f->block_bytes)
        return write_command(nor_of(f), SPI_NOR_ERASE_BLOCK, off_bytes, NULL, 0, BLOCK_MOST_US);
    return write_command(nor_of(f), SPI_NOR_ERASE_SECTOR, off_bytes, NULL, 0, SECTOR_MOST_US);
}

/* Every operation has waited for the chip already. */
static ferry_err nor_sync(const struct ferry_flash *f)
{
    const struct spi_nor *nor = nor_of(f);
    if (status_of(nor) & STATUS_BUSY)
        return FERRY_ERR_FLASH_IO;
    if (nor->bus->settle)
        nor->bus->settle(nor->bus->ctx);
    return FERRY_OK;
}

static const struct ferry_flash_ops ops = {
    .read = nor_read,
    .prog = nor_prog,
    .erase = nor_erase,
    .sync = nor_sync,
};

ferry_err spi_nor_init(struct spi_nor *nor, const struct spi_nor_bus *bus)
{
    const uint8_t command = SPI_NOR_READ_ID;
    uint8_t id[ID_BYTES] = {0};
    bus->transfer(bus->ctx, &command, 1, NULL, id, sizeof(id));
    // The third byte is the size's logarithm; 0x00 and 0xff are a bus that nobody drives.
    if (id[2] < SIZE_LOG2_LEAST || id[2] > SIZE_LOG2_MOST)
        return FERRY_ERR_FLASH_IO;
    *nor = (struct spi_nor){
        .flash = {.ops = &ops,
                  .ctx = nor,
                  .size_bytes = 1u << id[2],
                  .sector_bytes = 4096,
                  .block_bytes = 65536,
                  .prog_bytes = 1},
        .bus = bus,
    };
    return FERRY_OK;
}
