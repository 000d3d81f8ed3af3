/* host/merged.h - flash files as they come: whole dumps of a chip, and merged images, which begin
 * with the bootloader or before it, and end with the last byte that somebody put in.
 * Every tool that opens a flash file opens it here and sees one flash by absolute address. Where
 * the bootloader lies and what its header says: docs/formats.md "Chips", "Application image". */
#ifndef FERRY_MERGED_H
#define FERRY_MERGED_H

#include "ferry/chip.h"
#include "flash_file.h"

/** What a merged image says of the flash it is for. */
struct ferry_merged {
    const struct ferry_chip *chip; // from the bootloader's header
    uint32_t start_bytes;          // where in flash the file begins: 0, 0x1000 or 0x2000 by chip
    uint32_t header_bytes;         // size of the flash by the bootloader's header; 0: says none
    uint32_t flash_bytes;          // the size to work with: that, or what the file holds if more
};

/** True if a file, given as a flash of its own, is a merged image: it begins with a bootloader, or
 * where the flash begins and the bootloader lies in its place, and the partition table's sector
 * lies where it must for that chip (damaged or not). A dump of a whole flash is none: its length is
 * a power of two and holds all its partitions. n_bytes: length of the file. *out is written if
 * true. */
bool ferry_merged_find(const struct ferry_flash *file, uint32_t n_bytes, uint32_t table_off_bytes,
                       struct ferry_merged *out);

/** Opens a flash file of either kind; ff->flash is then the whole flash. m->chip is NULL if the
 * file is no merged image; else what lies outside of it reads as erased, and it grows when
 * something is programmed behind its end. Errors as ferry_flash_file_open. */
FERRY_MUST_CHECK ferry_err ferry_merged_open(struct ferry_flash_file *ff, const char *path,
                                             bool writable, uint32_t table_off_bytes,
                                             struct ferry_merged *m, struct ferry_fault *fault);

/** The flash size of an image header's code (1 MB << code); 0 for codes that have no meaning. */
uint32_t ferry_flash_size_of_code(uint8_t spi_size_code);

/** The code of a flash size. False: no header can say this size. */
bool ferry_flash_size_code(uint32_t flash_bytes, uint8_t *code);

#endif
