/* host/littlefs_kind.h - which file system a region holds, by the marks that each leaves.
 * For words where a littlefs was expected; nothing is read with it. Rests on nothing but the flash.
 * Marks: littlefs' SPEC.md, Microsoft's FAT specification, spiffs_nucleus.h. */
#ifndef FERRY_LITTLEFS_KIND_H
#define FERRY_LITTLEFS_KIND_H

#include "ferry/flash.h"

enum ferry_fs_kind {
    FERRY_FS_ERASED, // the first sectors are
    FERRY_FS_LITTLEFS,
    FERRY_FS_FAT, // with or without Espressif's wear levelling
    FERRY_FS_SPIFFS,
    FERRY_FS_OTHER
};

/** Looks at the region. claimed_bytes gets the size that a littlefs claims in its first entry, as
 * good as it can be had without mounting (saturated); else 0. Flash errors. */
FERRY_MUST_CHECK ferry_err ferry_fs_kind(const struct ferry_region *region,
                                         enum ferry_fs_kind *kind, uint32_t *claimed_bytes);

/** "a FAT file system", "nothing: it is erased". */
const char *ferry_fs_kind_words(enum ferry_fs_kind kind);

#endif
