/* host/partition_copy.h - an edited table carried out on a copy of a flash: what becomes of each
 * partition's contents, and that the same app boots as before.
 * The command line copies the file, plans, applies and checks; the original is only read. Rests on
 * host/partition_edit.h for the rows and on core for what boots. */
#ifndef FERRY_PARTITION_COPY_H
#define FERRY_PARTITION_COPY_H

#include "partition_edit.h"
#include "vdevice.h"

/** What becomes of a partition's contents. */
enum ferry_fate {
    FERRY_FATE_KEPT,      // stays where it is
    FERRY_FATE_MOVED,     // lies elsewhere now
    FERRY_FATE_ERASED,    // new, or its contents would not survive the change
    FERRY_FATE_REWRITTEN, // otadata, made anew so that the same app boots
};

/** One row's plan, and why. */
struct ferry_fate_row {
    enum ferry_fate fate;
    uint32_t used_bytes; // of the old contents, up to the last byte that is not erased
    char why[96];        // "" if it is plain
};

/** One edit of one flash. edit, src and the three flags are the caller's; large. */
struct ferry_copy {
    struct ferry_edit *edit;
    struct ferry_vdevice *src;     // open for reading
    bool moves;                    // contents go with their partitions, or the edit is refused
    bool sets_size;                // the bootloader's header gets edit->flash_bytes
    const struct ferry_chip *chip; // where the bootloader lies; NULL: nobody knows

    struct ferry_fate_row fates[FERRY_TABLE_PARTITIONS]; // of edit->rows
    bool boots;                                          // the original boots something
    int boots_row;                                       // row of edit that must boot then
    int slot;                                            // its slot number in the new table
    struct ferry_otadata entries[2];                     // for FERRY_FATE_REWRITTEN
    struct ferry_device dev;                             // the copy, as ferry_copy_check finds it
    struct ferry_device_work work;
    struct ferry_boot_preview next;
};

/** How far it is; may be NULL. */
struct ferry_copy_progress {
    void (*at)(void *ctx, uint32_t done_bytes, uint32_t total_bytes);
    void *ctx;
};

/** Decides what becomes of everything. Reads only; edit->detail says why it is refused.
 * FERRY_ERR_NO_BOOT     the app that boots would have no partition, or would have to move
 * FERRY_ERR_IMAGE_SIZE  it would no longer fit; with `moves` also: contents would not fit
 * FERRY_ERR_SLOT_GAP, FERRY_ERR_TABLE_DUPLICATE  slots would be counted in different ways
 * FERRY_ERR_NO_OTADATA  there would be nothing to choose the slot with; flash errors */
FERRY_MUST_CHECK ferry_err ferry_copy_plan(struct ferry_copy *c);

/** Carries the plan out on dst, which holds a copy of the original's bytes: contents, table, and
 * with sets_size the bootloader's header. Flash errors; FERRY_ERR_FLASH_SIZE, FERRY_ERR_IMAGE_MAGIC
 * there is no bootloader whose header could be set. */
FERRY_MUST_CHECK ferry_err ferry_copy_apply(struct ferry_copy *c, const struct ferry_flash *dst,
                                            const struct ferry_copy_progress *progress);

/** Reads the copy as a device and plays the next power-on through: what boots must be what booted.
 * FERRY_ERR_NO_BOOT, errors of ferry_device_open. */
FERRY_MUST_CHECK ferry_err ferry_copy_check(struct ferry_copy *c, const struct ferry_flash *dst);

/** The slot of the row in its own table: a number, FERRY_SLOT_FACTORY, FERRY_SLOT_TEST, or
 * FERRY_SLOT_NONE. */
int ferry_edit_slot(const struct ferry_partition *p);

#endif
