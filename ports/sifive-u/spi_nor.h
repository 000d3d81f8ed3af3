/* ports/sifive-u/spi_nor.h - a SPI NOR flash chip as a struct ferry_flash: the commands that every
 * such chip has, with four address bytes. Knows no controller: a bus of one function carries it,
 * so that a test can listen in. Facts: the data sheet of ISSI's IS25WP256. */
#ifndef SPI_NOR_H
#define SPI_NOR_H

#include "ferry/flash.h"

#define SPI_NOR_PAGE_BYTES 256u

enum spi_nor_command {
    SPI_NOR_WRITE_ENABLE = 0x06,
    SPI_NOR_READ_STATUS = 0x05,
    SPI_NOR_READ_ID = 0x9f,
    SPI_NOR_READ = 0x13,
    SPI_NOR_PROGRAM = 0x12,
    SPI_NOR_ERASE_SECTOR = 0x21, // 4 KB
    SPI_NOR_ERASE_BLOCK = 0xdc,  // 64 KB
};

/** What carries the commands, and a clock. */
struct spi_nor_bus {
    /** One transaction: selects the chip, sends n_head bytes, then sends the n bytes of `out`, or
     * if that is NULL receives n bytes into `in`, and releases the chip. */
    void (*transfer)(void *ctx, const uint8_t *head, uint32_t n_head, const uint8_t *out,
                     uint8_t *in, uint32_t n);
    /** Microseconds since some moment; wraps. */
    uint32_t (*now_us)(void *ctx);
    /** Returns once what the chip has taken would survive a power loss. NULL: a chip that is no
     * longer busy has it. */
    void (*settle)(void *ctx);
    void *ctx;
};

/** Caller-owned. */
struct spi_nor {
    struct ferry_flash flash;
    const struct spi_nor_bus *bus; // kept
};

/** Asks the chip who it is and fills in the geometry by its answer.
 * FERRY_ERR_FLASH_IO no chip answers, or it does not say a size from 64 KB to 2 GB. */
FERRY_MUST_CHECK ferry_err spi_nor_init(struct spi_nor *nor, const struct spi_nor_bus *bus);

#endif
