/* host/elf_image.h - from a linked ELF file to the application image that a chip boots.
 * The image is byte for byte what esptool's elf2image makes of the same file and options, with one
 * exception: pad_to_bytes without an appended digest, where esptool 5.3.1 fills from byte 2 and so
 * destroys the image. Facts: docs/formats.md "Building images". */
#ifndef FERRY_ELF_IMAGE_H
#define FERRY_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/chip.h"
#include "ferry/err.h"

/** How to pad so that the image, once signed, ends on an MMU page. */
enum ferry_secure_pad {
    FERRY_SECURE_PAD_NONE,
    FERRY_SECURE_PAD_V1, // room for the 68-byte signature of ESP32's first scheme
    FERRY_SECURE_PAD_V2, // the signature sector begins on the page border
};

/** Zeros are legal everywhere but in chip: QIO, 1 MB, the chip's default clock, revision 0 and no
 * upper limit. esptool writes a max_rev_full of 65535 unless told otherwise. */
struct ferry_image_build {
    const struct ferry_chip *chip;
    uint8_t flash_mode;           // 0 QIO, 1 QOUT, 2 DIO, 3 DOUT
    uint8_t flash_mhz;            // 0: the chip's default
    uint8_t flash_mb;             // 1, 2, 4 .. 128; 0: 1
    uint8_t min_rev;              // legacy
    uint16_t min_rev_full;        // major * 100 + minor
    uint16_t max_rev_full;        // 65535: no limit
    uint32_t elf_sha256_off;      // where the ELF's SHA-256 goes; 0: into the descriptor, if any
    uint32_t page_bytes;          // MMU page; 0: what the app was built for, else 64 KB
    uint32_t pad_to_bytes;        // fill with 0xff up to a multiple; 0: no filling
    enum ferry_secure_pad secure; // only ESP32 has V1: elsewhere it changes nothing
    bool use_segments;            // take ELF segments instead of sections
    bool no_digest;               // append no SHA-256
    bool ram_only_header;         // header and checksum cover RAM only; implies no_digest
};

/** What came out. The caller frees bytes. */
struct ferry_built_image {
    uint8_t *bytes;
    size_t n_bytes;
    unsigned n_segments;      // in the file, fillers too
    bool page_fixed;          // page_bytes was asked for and the chip has but one
    bool other_cpu;           // the ELF is for Xtensa and the chip RISC-V, or the reverse
    bool elf_sha256_missed;   // elf_sha256_off was given and lies in no segment
    struct ferry_fault fault; // on failure
    char why[256];            // on failure, in words; may be empty
};

/** Builds the image. elf is borrowed. On failure out->bytes is NULL, fault and why say what.
 * FERRY_ERR_CHIP_UNKNOWN  no images can be built for this chip
 * FERRY_ERR_ARG           the chip has no such clock, flash size or page
 * FERRY_ERR_ELF           not an ELF file for these chips, or a damaged one
 * FERRY_ERR_IMAGE_SEGMENTS   fault: count, 16
 * FERRY_ERR_IMAGE_LAYOUT  it cannot be laid out; why names the segment and what to change
 * FERRY_ERR_NO_MEMORY */
FERRY_MUST_CHECK ferry_err ferry_image_build(const struct ferry_image_build *opt,
                                             const uint8_t *elf, size_t n_bytes,
                                             struct ferry_built_image *out);

#endif
