/* host/doctor.h - what is wrong with a device, as data: findings, in order of danger.
 * Nothing is written here. `ferry doctor` says the findings in full and repairs what can be
 * repaired safely (host/doctor_repair.h), `ferry status` says them in short.
 * Each finding, what it means and what its repair does: docs/doctor.md. */
#ifndef FERRY_DOCTOR_H
#define FERRY_DOCTOR_H

#include "app_file.h"
#include "facts.h"

/** The worst first. */
enum ferry_danger {
    FERRY_DANGER_DEAD,  // the device does not boot
    FERRY_DANGER_NEAR,  // it boots, but one more fault and it does not
    FERRY_DANGER_WRONG, // it boots, and something does not work
    FERRY_DANGER_ODD,   // worth knowing
};

enum ferry_repair {
    FERRY_REPAIR_NONE,
    FERRY_REPAIR_OTADATA,   // ferry_slots_mend
    FERRY_REPAIR_TABLE_MD5, // the MD5 row written anew
    FERRY_REPAIR_FLASH,     // the flash size in the bootloader's header
    FERRY_REPAIR_NVS,       // what the device does when it mounts the store
    FERRY_REPAIR_DOWNGRADE, // no repair but a wish: back to the app in another slot
};

/** X(NAME, "name", danger, repair): danger is the greatest that it can have, repair the one that
 * may help; whether it is safe is found out before it is offered. Among equal dangers this order
 * is the order of the findings. */
#define FERRY_FINDINGS(X)                                                                          \
    X(FLASH_BLANK, "flash-blank", DEAD, NONE)                                                      \
    X(FLASH_ENCRYPTED, "flash-encrypted", ODD, NONE)                                               \
    X(BOOTLOADER_MISSING, "bootloader-missing", DEAD, NONE)                                        \
    X(BOOTLOADER_DAMAGED, "bootloader-damaged", DEAD, NONE)                                        \
    X(BOOTLOADER_TOO_BIG, "bootloader-too-big", DEAD, NONE)                                        \
    X(BOOTLOADER_CHIP, "bootloader-chip", DEAD, NONE)                                              \
    X(BOOTLOADER_FLASH_SMALL, "bootloader-flash-small", DEAD, FLASH)                               \
    X(TABLE_MISSING, "table-missing", DEAD, NONE)                                                  \
    X(TABLE_ELSEWHERE, "table-elsewhere", DEAD, NONE)                                              \
    X(TABLE_DAMAGED, "table-damaged", DEAD, NONE)                                                  \
    X(TABLE_MD5, "table-md5", DEAD, TABLE_MD5)                                                     \
    X(TABLE_BEYOND, "table-beyond-flash", DEAD, NONE)                                              \
    X(NO_APP_PARTITION, "no-app-partition", DEAD, NONE)                                            \
    X(OTADATA_SMALL, "otadata-small", DEAD, NONE)                                                  \
    X(NOTHING_BOOTS, "nothing-boots", DEAD, NONE)                                                  \
    X(RUNNING_DAMAGED, "running-damaged", NEAR, NONE)                                              \
    X(ENTRIES_SAME_BAD, "entries-same-bad", NEAR, OTADATA)                                         \
    X(SELECTED_BAD, "selected-bad", NEAR, OTADATA)                                                 \
    X(ENTRIES_USELESS, "entries-useless", NEAR, OTADATA)                                           \
    X(ROW_PROTECTED, "row-on-table", NEAR, NONE)                                                   \
    X(ROWS_OVERLAP, "rows-overlap", NEAR, NONE)                                                    \
    X(SLOT_DAMAGED, "slot-damaged", NEAR, NONE)                                                    \
    X(REFLASH_LEFT, "reflash-interrupted", WRONG, NONE)                                            \
    X(TABLE_NO_MD5, "table-no-md5", WRONG, TABLE_MD5)                                              \
    X(TABLE_TWICE, "table-twice", WRONG, NONE)                                                     \
    X(SLOT_GAP, "slot-gap", WRONG, NONE)                                                           \
    X(SLOT_UNREACHED, "slot-unreached", WRONG, NONE)                                               \
    X(OTADATA_MISSING, "otadata-missing", WRONG, NONE)                                             \
    X(ONE_SLOT, "one-slot", WRONG, NONE)                                                           \
    X(APP_MISALIGNED, "app-misaligned", WRONG, NONE)                                               \
    X(BOOTLOADER_FLASH_LARGE, "bootloader-flash-large", WRONG, FLASH)                              \
    X(ROLLBACK_OFF, "rollback-off", WRONG, NONE)                                                   \
    X(ENTRY_SEQ, "entry-seq", WRONG, OTADATA)                                                      \
    X(SLOT_CHIP, "slot-chip", WRONG, NONE)                                                         \
    X(SLOT_MERGED, "slot-merged", WRONG, NONE)                                                     \
    X(SLOT_BOOTLOADER, "slot-bootloader", WRONG, NONE)                                             \
    X(SLOT_LINKED, "slot-linked-elsewhere", WRONG, NONE)                                           \
    X(SLOT_SECURE_VERSION, "slot-secure-version", WRONG, NONE)                                     \
    X(NVS_DAMAGED, "nvs-damaged", WRONG, NVS)                                                      \
    X(APP_TOO_BIG, "app-too-big", WRONG, NONE)                                                     \
    X(APP_MERGED, "app-merged", WRONG, NONE)                                                       \
    X(APP_BOOTLOADER, "app-bootloader", WRONG, NONE)                                               \
    X(APP_CHIP, "app-chip", WRONG, NONE)                                                           \
    X(APP_DAMAGED, "app-damaged", WRONG, NONE)                                                     \
    X(APP_SECURE_VERSION, "app-secure-version", WRONG, NONE)                                       \
    X(BOOTLOADER_FLASH_SPARE, "bootloader-flash-spare", ODD, FLASH)                                \
    X(BOOTLOADER_HASH, "bootloader-hash", ODD, NONE)                                               \
    X(ROLLBACK_UNEXPECTED, "rollback-unexpected", ODD, NONE)                                       \
    X(CHIP_UNKNOWN, "chip-unknown", ODD, NONE)                                                     \
    X(OTADATA_SIZE, "otadata-size", ODD, NONE)                                                     \
    X(ON_TRIAL, "on-trial", ODD, NONE)                                                             \
    X(ENTRY_CRC, "entry-crc", ODD, OTADATA)                                                        \
    X(ENTRY_STATE, "entry-state", ODD, OTADATA)                                                    \
    X(ENTRY_STALE, "entry-stale", ODD, OTADATA)                                                    \
    X(NVS_UNREADABLE, "nvs-unreadable", ODD, NONE)                                                 \
    X(SLOT_UNFINISHED, "slot-unfinished", ODD, NONE)                                               \
    X(SLOT_NO_DESC, "slot-no-descriptor", ODD, NONE)                                               \
    X(UPDATE_LEFT, "update-interrupted", ODD, NONE)                                                \
    X(APP_NO_DESC, "app-no-descriptor", ODD, NONE)

#define FERRY_FINDING_ENUM_(name, text, danger, repair) FERRY_FINDING_##name,
enum ferry_finding_id { FERRY_FINDINGS(FERRY_FINDING_ENUM_) FERRY_N_FINDINGS };
#undef FERRY_FINDING_ENUM_

#define FERRY_NOWHERE        UINT32_MAX
#define FERRY_FINDING_MAX    128u // a hostile table can have thousands; more are not listed
#define FERRY_FINDING_DETAIL 448u

/** One thing that is wrong. What value, limit and the rest are stands with each name in
 * cli/doctor_words.c; what a finding does not need is FERRY_NOWHERE, FERRY_SLOT_NONE, -1 or 0. */
struct ferry_finding {
    enum ferry_finding_id id;
    enum ferry_danger danger;
    enum ferry_repair repair;
    uint32_t at_bytes;                        // in flash
    int slot;                                 // number, or FERRY_SLOT_...
    int entry;                                // of otadata
    const struct ferry_partition *row, *with; // rows of facts.partitions
    uint32_t value, limit;
    struct ferry_fault fault;
    char detail[FERRY_FINDING_DETAIL]; // in words, where numbers do not do
};

/** An examination; large (100 KB), not for the stack. */
struct ferry_doctor {
    struct ferry_facts facts;
    const struct ferry_app_file *app; // that somebody wants to install; NULL: none
    bool update_left;                 // an interrupted update could go on
    unsigned n;
    bool has_more; // than are listed
    struct ferry_finding findings[FERRY_FINDING_MAX];
};

/** Examines the device. doc->app and doc->update_left are the caller's to set before; the rest is
 * filled. v is kept. Reads only. */
void ferry_doctor_examine(struct ferry_doctor *doc, struct ferry_vdevice *v);

/** Its name, as --json and docs/doctor.md have it: "selected-bad". */
const char *ferry_finding_name(enum ferry_finding_id id);

/** "will not boot", "one fault from not booting", "wrong", "odd". */
const char *ferry_danger_words(enum ferry_danger danger);

#endif
