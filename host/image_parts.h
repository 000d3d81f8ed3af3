/* host/image_parts.h - the parts of an image between ELF and layout: merged, sorted, split by
 * where they live. Used by host/elf_image.c alone. */
#ifndef FERRY_IMAGE_PARTS_H
#define FERRY_IMAGE_PARTS_H

#include "chip_build.h"
#include "elf_parts.h"

/** One segment of the image to be; length a multiple of 4. */
struct image_part {
    const char *name; // of the first section in it; "" for an ELF segment
    uint8_t *bytes;   // owned
    uint32_t n_bytes;
    uint32_t addr;
    uint32_t taken; // bytes already written as filler
};

/** A list of parts, in the order in which they are to be written. */
struct image_part_list {
    struct image_part *parts;
    size_t n;
};

struct image_parts {
    struct image_part_list mapped; // flash: appear where they lie
    struct image_part_list ram;    // copied at boot
    struct image_part *all;        // both lists point in here
};

/** Which ELF parts to take and how to join them. */
struct image_parts_rules {
    const struct ferry_chip_build *build;
    bool use_segments;
    bool by_address; // sort before joining, and join over a gap that is only alignment
};

/** Makes the parts out of an ELF file. why gets the reason in words.
 * FERRY_ERR_IMAGE_SEGMENTS fault: count, 16; FERRY_ERR_IMAGE_LAYOUT more bytes than any flash;
 * FERRY_ERR_NO_MEMORY. On failure nothing needs to be freed. */
FERRY_MUST_CHECK ferry_err image_parts_make(struct image_parts *out,
                                            const struct ferry_elf_parts *elf,
                                            const struct image_parts_rules *rules,
                                            struct ferry_fault *fault, char *why, size_t why_bytes);
void image_parts_free(struct image_parts *parts);

#endif
