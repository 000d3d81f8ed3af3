/* host/layouts.h - partition tables by name, and the short way of writing a partition.
 * The named layouts are those of the MicroPython tool, of ESP-IDF and of esp-hal-ota's template; a
 * layout may also be spelled out: "nvs=7B,factory=2M,vfs=0". What becomes of it on a flash of a
 * given size: host/partition_edit.h. */
#ifndef FERRY_LAYOUTS_H
#define FERRY_LAYOUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/partition.h"

#define FERRY_LAYOUT_PARTS        32u
#define FERRY_LAYOUT_DETAIL_BYTES 200u

/** A partition that is to be. */
struct ferry_layout_part {
    char name[FERRY_LABEL_BYTES + 1];
    uint8_t type, subtype;
    uint32_t off_bytes;  // 0: the next free place that suits the type
    uint32_t size_bytes; // 0: all that is left
};

struct ferry_layout {
    struct ferry_layout_part parts[FERRY_LAYOUT_PARTS];
    size_t n;
};

/** What some sizes of a named layout depend on. */
struct ferry_layout_room {
    uint32_t flash_bytes;
    uint32_t table_off_bytes;
    uint32_t app_off_bytes; // of the first app; 0: the first place behind the table that suits one
    uint32_t app_bytes;     // of each app partition; 0: what the layout recommends
};

/** The i-th named layout; false past the end. Both strings are static. */
bool ferry_layout_at(size_t i, const char **name, const char **what);

/** Makes a layout from a name or, where it is none, from its parts spelled out; detail,
 * FERRY_LAYOUT_DETAIL_BYTES, says what is wrong.
 * FERRY_ERR_NOT_FOUND neither a name nor parts; FERRY_ERR_SYNTAX; FERRY_ERR_TABLE_SIZE the layout
 * needs more room than there is before the first app. */
FERRY_MUST_CHECK ferry_err ferry_layout_make(struct ferry_layout *out, const char *text,
                                             const struct ferry_layout_room *room, char *detail);

/** Reads parts with commas between: NAME[[:TYPE]:SUBTYPE[:OFFSET]]:SIZE each, = as good as :.
 * Without a subtype it is the one that the name stands for. Sizes: ferry_layout_number.
 * FERRY_ERR_SYNTAX, FERRY_ERR_TABLE_FULL too many parts. */
FERRY_MUST_CHECK ferry_err ferry_layout_parse(struct ferry_layout *out, const char *text,
                                              char *detail);

/** Reads the first n characters as a size: decimal or 0x, M, K (MB, KB) or B behind it for
 * megabytes, kilobytes and blocks of 4096; decimal ones may have a fraction. 0x1fB is 31 blocks. */
bool ferry_layout_number(const char *text, size_t n, uint32_t *out);

#endif
