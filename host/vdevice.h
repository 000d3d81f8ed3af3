/* host/vdevice.h - the virtual device: a directory with flash.bin and device.json, or a bare flash
 * dump or merged image with the same facts given by the caller or worked out from the flash.
 * Every command that takes DEVICE opens it here. The bytes are those of a chip; what a chip keeps
 * outside of its flash (eFuses, which slot runs) stands in device.json. */
#ifndef FERRY_VDEVICE_H
#define FERRY_VDEVICE_H

#include "ferry/boot.h"
#include "ferry/device.h"
#include "ferry/gate.h"
#include "flash_file.h"
#include "merged.h"
#include "sentence.h"

#define FERRY_VDEVICE_PATH_BYTES   4096u
#define FERRY_VDEVICE_DETAIL_BYTES 256u

/** A chip at hand instead of a file: its flash, and what is known of it. Lent by who opened it. */
struct ferry_vdevice_chip {
    const struct ferry_flash *flash;
    char name[32]; // of this very chip, fit for a file's name: "esp32c3-a0764e000001"
    bool is_lost;  // it has stopped answering: what was read last is not what it holds
    bool has_revision;
    uint16_t revision; // major * 100 + minor
    void (*close)(struct ferry_vdevice_chip *c);
};

/** What the owner of a bare dump says about the chip it came from; {0} says nothing. Refused for a
 * directory, whose device.json says it. */
struct ferry_vdevice_given {
    const struct ferry_chip *chip; // NULL: worked out from bootloader or app
    const char *running;           // label or slot name; NULL: worked out from otadata
    bool has_rollback, rollback;   // default on
    bool anti_rollback;
    uint32_t secure_version;
    const struct ferry_slots_writer *writer;
    struct ferry_trust trust; // whose signature every update must carry; no keys: nobody's
    bool secure_boot;         // the bootloader asks for it too; needs a key
    bool has_table_off;
    uint32_t table_off_bytes;        // default 0x8000
    bool is_any;                     // something was given
    struct ferry_vdevice_chip *real; // the device is this chip, path only its name; NULL: path is
};

/** How it is known which slot runs. */
enum ferry_running_by {
    FERRY_RUNNING_UNKNOWN,
    FERRY_RUNNING_STORED,   // device.json
    FERRY_RUNNING_GIVEN,    // the caller
    FERRY_RUNNING_ACTIVE,   // the active otadata entry
    FERRY_RUNNING_OTHER,    // the active entry is NEW, so the other entry's slot still runs
    FERRY_RUNNING_FALLBACK, // what otadata names does not boot; this is what the bootloader takes
    FERRY_RUNNING_ONLY_BOOT // no entry names a slot; this is what the bootloader takes
};

/** An opened virtual device. Large (16 KB) because of its paths; caller-owned. */
struct ferry_vdevice {
    struct ferry_flash_file file;
    struct ferry_merged merged; // chip NULL: the file is a whole flash
    struct ferry_policy policy;
    struct ferry_trust trust;
    struct ferry_signature_gate gate; // in the policy if somebody is trusted
    bool has_secure_boot;
    struct ferry_signed_boot signed_boot; // in the policy if it has
    struct ferry_device_work work;
    struct ferry_device dev; // usable if table_err is FERRY_OK
    ferry_err table_err;     // why there is no table to work with
    struct ferry_fault table_fault;
    bool is_dir;
    struct ferry_vdevice_chip *real; // NULL: the flash is in a file
    bool chip_is_guessed;
    enum ferry_running_by running_by;
    uint32_t table_off_bytes;
    uint32_t boot_count;                       // directory only
    bool has_journal;                          // directory: device.json says where it is
    uint32_t journal_off_bytes;                // ... of a reflash; else the flash's last sector
    char path[FERRY_VDEVICE_PATH_BYTES];       // as given
    char flash_path[FERRY_VDEVICE_PATH_BYTES]; // of the file with the flash
    char running_label[FERRY_LABEL_BYTES + 1]; // as device.json has it; "" none

    struct ferry_fault fault; // why open, need_table or save failed
    struct ferry_about about; // for its sentence
    char detail[FERRY_VDEVICE_DETAIL_BYTES];
};

/** Opens a device for reading or writing (given->real is closed when this fails); a damaged
 * partition table is no failure (table_err). given may be NULL. writable: nobody else may use it
 * until ferry_vdevice_close. FERRY_ERR_FILE_OPEN, FERRY_ERR_FLASH_SIZE, FERRY_ERR_FLASH_LOCKED;
 * FERRY_ERR_DEVICE_JSON the detail says which key; FERRY_ERR_NOT_FOUND --running names no app
 * partition; FERRY_ERR_ARG something was given for a directory; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_vdevice_open(struct ferry_vdevice *v, const char *path,
                                              bool writable,
                                              const struct ferry_vdevice_given *given);

void ferry_vdevice_close(struct ferry_vdevice *v);

/** FERRY_OK if there is a partition table; else its error, with v->fault set. */
FERRY_MUST_CHECK ferry_err ferry_vdevice_need_table(struct ferry_vdevice *v);

/** Stores policy.secure_version, the running slot and boot_count in device.json: whole or not at
 * all. Nothing to do for a bare dump.
 * FERRY_ERR_FILE_WRITE the detail has the system's reason. */
FERRY_MUST_CHECK ferry_err ferry_vdevice_save(struct ferry_vdevice *v);

/** What a new device is to be. */
struct ferry_vdevice_new {
    const char *dir;
    uint32_t flash_bytes;
    struct ferry_policy policy;
    struct ferry_trust trust;
    bool secure_boot;
    uint32_t table_off_bytes;
};

/** Makes DIR with a blank flash.bin and its device.json, and opens it for writing in *v with no
 * table yet. On failure nothing is left behind that was not there before.
 * FERRY_ERR_FILE_EXISTS DIR holds a device or anything else; FERRY_ERR_FILE_WRITE,
 * FERRY_ERR_FLASH_FULL, FERRY_ERR_FLASH_SIZE. */
FERRY_MUST_CHECK ferry_err ferry_vdevice_create(struct ferry_vdevice *v,
                                                const struct ferry_vdevice_new *what);

/** Removes a device that ferry_vdevice_create has just made, and closes it. */
void ferry_vdevice_discard(struct ferry_vdevice *v);

/** Reads the table from flash again, after it was written. */
FERRY_MUST_CHECK ferry_err ferry_vdevice_reload(struct ferry_vdevice *v);

/** The label of a slot's partition, in the table's words; the slot's own name ("ota_0") where the
 * table has none. Writes at most 17 bytes into buf and returns it. */
const char *ferry_vdevice_label(const struct ferry_vdevice *v, int slot,
                                char buf[FERRY_LABEL_BYTES + 1]);

/** The slot that a word names: a label of the table, or "ota_3", "factory", "test".
 * FERRY_ERR_NOT_FOUND leaves *slot as it was. */
FERRY_MUST_CHECK ferry_err ferry_vdevice_slot(const struct ferry_vdevice *v, const char *word,
                                              int *slot);

/** What the next power-on would do, found without writing. */
struct ferry_boot_preview {
    struct ferry_boot boot;          // the decision, after entries and writes due
    struct ferry_otadata entries[2]; // as they stand; blank where there is no otadata
    bool has_entries;
    int booted; // slot, or FERRY_SLOT_NONE: nothing bootable
    uint8_t n_tried;
    int8_t tried[FERRY_SLOTS_MAX + 2];
    struct ferry_fault results[FERRY_SLOTS_MAX + 2]; // of each try
};

/** Decides and verifies as ferry_boot_run would, on a copy of the entries. Needs a table. */
void ferry_boot_preview(struct ferry_device *d, struct ferry_boot_preview *p);

#endif
