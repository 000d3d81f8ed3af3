/* host/elf_parts.h - the loadable parts of a 32-bit ELF file, section by section or segment by
 * segment. Read with libelf out of memory; every offset is checked before it is followed, because
 * the file may come from anywhere. */
#ifndef FERRY_ELF_PARTS_H
#define FERRY_ELF_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/err.h"

/** A part that has bytes in the file and a place in memory. */
struct ferry_elf_part {
    const char *name;     // of the section; "" for a segment
    const uint8_t *bytes; // in the file
    uint32_t n_bytes;     // at least 1
    uint32_t addr;        // of a section its address, of a segment its physical one; never 0
    uint32_t align;       // at least 1
};

struct ferry_elf_parts {
    struct ferry_elf_part *sections; // PROGBITS and arrays of functions, in the file's order
    size_t n_sections;
    struct ferry_elf_part *segments; // PT_LOAD, in the file's order; NULL: no program headers
    size_t n_segments;
    uint32_t entry_addr;
    bool is_xtensa; // else RISC-V
    void *elf;      // libelf's handle; the names live in it
};

/** Reads what an ELF file would load. file is borrowed until ferry_elf_parts_close.
 * FERRY_ERR_ELF not a 32-bit little-endian ELF, or one that points outside itself; why says what.
 * FERRY_ERR_NO_MEMORY. On failure nothing needs to be closed. */
FERRY_MUST_CHECK ferry_err ferry_elf_parts_open(struct ferry_elf_parts *parts, const uint8_t *file,
                                                size_t n_bytes, char *why, size_t why_bytes);
void ferry_elf_parts_close(struct ferry_elf_parts *parts);

#endif
