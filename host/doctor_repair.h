/* host/doctor_repair.h - repairs: planned on a copy, shown, and only then done.
 * A plan runs the repair on a copy of the sectors it touches, once for each point at which it could
 * be cut, and asks the boot decision each time. What boots today must boot at every one of them;
 * else there is no plan. Rests on host/doctor.h and the core's own writers. */
#ifndef FERRY_DOCTOR_REPAIR_H
#define FERRY_DOCTOR_REPAIR_H

#include "doctor.h"
#include "doctor_store.h"

#define FERRY_CURE_SECTORS 32u

/** A sector as it is and as it will be. */
struct ferry_cure_sector {
    uint32_t off_bytes;
    uint8_t before[FERRY_FLASH_SECTOR_BYTES];
    uint8_t after[FERRY_FLASH_SECTOR_BYTES];
};

/** A repair that is safe. Large (350 KB), not for the stack. */
struct ferry_cure {
    enum ferry_repair repair;
    int boots_before, boots_after; // slot, or FERRY_SLOT_NONE: nothing
    uint32_t n_points;             // at which it was cut on the copy
    uint32_t flash_bytes;          // FERRY_REPAIR_FLASH: the size that will be said
    struct ferry_boot_preview next_before, next_after;
    struct ferry_store_keys keys; // FERRY_REPAIR_NVS: what can be read, now and afterwards
    unsigned n;
    struct ferry_cure_sector sectors[FERRY_CURE_SECTORS]; // that change, by offset
    struct ferry_fault fault;                             // why there is no plan
};

/** Plans. Writes nothing.
 * FERRY_ERR_STATE        the repair would change nothing, or not safely: at some point another
 *                        image would boot, or none; fault.value: after how many operations
 * FERRY_ERR_REFLASH_UNFINISHED a reflash waits: until it is finished nothing else may be changed
 * FERRY_ERR_SLOT_UNKNOWN nothing boots, so otadata has nothing to select
 * FERRY_ERR_TABLE_RULE   the rows make no sense: it is not the MD5 that is wrong
 * FERRY_ERR_FLASH_SIZE   no header can say this size
 * FERRY_ERR_NVS_DATA     a mount would change something that can be read now
 * FERRY_ERR_NVS_NO_FREE, FERRY_ERR_NVS_PAGES, FERRY_ERR_NVS_VERSION a mount would fail, too
 * FERRY_ERR_FLASH_PROTECTED the bootloader is signed: a changed header would not start; or what
 *                        would change is a real chip's bootloader or table
 * Else as the core's writers. */
FERRY_MUST_CHECK ferry_err ferry_cure_plan(struct ferry_cure *plan, struct ferry_vdevice *v,
                                           enum ferry_repair repair);

/** Does what was planned, on the device, and reads it back. The undo must have been kept before.
 * FERRY_ERR_FLASH_VERIFY it did not become what was planned; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_cure_apply(struct ferry_cure *plan, struct ferry_vdevice *v);

#endif
