/* host/image_merge.h - several files at their places in one: what is flashed in one go.
 * Used by `ferry image merge`. Results and refusals are those of esptool's merge-bin; what the
 * header's flash bytes mean: docs/formats.md "Application image". */
#ifndef FERRY_IMAGE_MERGE_H
#define FERRY_IMAGE_MERGE_H

#include "ferry/chip.h"
#include "map_file.h"
#include "write_file.h"

/** One file and its place in flash; its bytes are borrowed. */
struct ferry_merge_part {
    const char *path;
    const uint8_t *bytes;
    size_t n_bytes;
    uint32_t off_bytes;
    const struct ferry_mapped_file
        *file; // that it is, read piece by piece; NULL: its bytes are there
};

/** Sorts parts by their place. FERRY_ERR_RANGE two share a sector, so that flashing one would erase
 * a part of the other: *second is the later one's index, behind the earlier one. */
FERRY_MUST_CHECK ferry_err ferry_merge_sort(struct ferry_merge_part *parts, size_t n,
                                            size_t *second);

/** Flash parameters to set in a bootloader's header; {.mode = -1, .size_code = -1} keeps all. */
struct ferry_merge_flash {
    int mode;      // 0 qio, 1 qout, 2 dio, 3 dout; below 0: keep
    int size_code; // 1 MB << code; below 0: keep
    uint8_t mhz;   // 0: keep
};

/** Makes a copy of a bootloader with other flash parameters and, if one is appended, its SHA-256
 * computed anew. *made is the caller's to free, as long as the original.
 * FERRY_ERR_IMAGE_MAGIC  no whole image begins there, so nothing is to be set; no copy is made
 * FERRY_ERR_ARG          the chip has no such flash clock; FERRY_ERR_NO_MEMORY */
FERRY_MUST_CHECK ferry_err ferry_merge_set_flash(const struct ferry_merge_part *bootloader,
                                                 const struct ferry_chip *chip,
                                                 const struct ferry_merge_flash *want,
                                                 uint8_t **made);

#define FERRY_MERGE_PIECE 0x10000u

/** The merged file, for ferry_write_pieces: sorted parts, from start_bytes of the flash to
 * end_bytes, what lies between them erased. */
struct ferry_merge {
    struct ferry_pieces pieces; // first: a pointer to it is a pointer to the whole
    const struct ferry_merge_part *parts;
    size_t n_parts;
    uint32_t end_bytes;
    uint32_t at_bytes; // begins as the start
    size_t i;          // next part
    size_t n_given;    // bytes of it
    uint8_t erased[4096];
    uint8_t piece[FERRY_MERGE_PIECE];
};

void ferry_merge_begin(struct ferry_merge *m, const struct ferry_merge_part *parts, size_t n_parts,
                       uint32_t start_bytes, uint32_t end_bytes);

#endif
