/* ferry/device.h - a device: a flash, the partition table read from it, the running slot, and a
 * policy. Opened once at start-up by firmware, bootloader, virtual device and tools alike; boot,
 * slots and update work on it. */
#ifndef FERRY_DEVICE_H
#define FERRY_DEVICE_H

#include "ferry/image.h"
#include "ferry/table.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A slot is named by its number, 0 to 15 for ota_0 to ota_15, or by one of these. */
#define FERRY_SLOT_FACTORY (-1)
#define FERRY_SLOT_TEST    (-2)
#define FERRY_SLOT_NONE    (-99)

/** How otadata is written, chosen by pointer so that firmware links only the way it uses. */
struct ferry_slots_writer;
extern const struct ferry_slots_writer ferry_slots_safe; // every instant boots a good image
extern const struct ferry_slots_writer ferry_slots_idf;  // Espressif's writes, bit for bit

struct ferry_region;

/** A check that only some devices ask for, lent by pointer so that the others link none of it: it
 * sees what an update has written and has the last word before the image's first bytes are.
 * ferry/gate.h demands a signature with it. */
struct ferry_gate {
    /** A file is about to be read back; the image in it is image_bytes long. */
    void (*begin)(struct ferry_gate *g, uint32_t image_bytes);
    /** The next n bytes of the file, as they stand in flash (the first ones as they will). */
    void (*feed)(struct ferry_gate *g, const uint8_t *data, uint32_t n);
    /** All of it was fed. Anything but FERRY_OK refuses the update, its cause in *fault. */
    ferry_err (*verdict)(struct ferry_gate *g, const struct ferry_region *slot,
                         struct ferry_fault *fault);
};

/** What a bootloader asks of an image beyond being whole, lent by pointer too: ferry/gate.h has the
 * one of secure boot. */
struct ferry_boot_check {
    /** Whether the image of image_bytes at the slot's start, just found whole, may boot. Anything
     * but FERRY_OK: it does not, the cause in *fault. */
    ferry_err (*image)(struct ferry_boot_check *c, const struct ferry_region *slot,
                       uint32_t image_bytes, struct ferry_fault *fault);
};

/** What the device's bootloader, eFuses and owner have settled. */
struct ferry_policy {
    const struct ferry_chip *chip; // NULL: images are not checked against a chip
    uint16_t chip_rev;             // major * 100 + minor
    uint16_t blk_rev;
    bool ignore_max_rev;
    bool rollback;                           // bootloader built with app rollback
    bool anti_rollback;                      // ... and with anti-rollback
    uint32_t secure_version;                 // burnt in eFuse; looked at with anti_rollback only
    const struct ferry_slots_writer *writer; // NULL: ferry_slots_safe
    struct ferry_gate *gate;                 // what every update must pass; NULL: nothing more
    struct ferry_boot_check *boot_check;     // what every image must that boots; NULL: the same
};

/** A part of the flash; size 0: the table has none. */
struct ferry_span {
    uint32_t off_bytes;
    uint32_t size_bytes;
};

/** Scratch memory for looking at images in slots; nothing in it outlives a call. */
struct ferry_device_work {
    struct ferry_image image;
    struct ferry_image_rules rules; // of the image looked at
    uint8_t desc_head[FERRY_APP_DESC_HEAD_BYTES];
    uint8_t buffer[512];
};

/** An opened device. flash, policy and work are kept; plain data, nothing to close. */
struct ferry_device {
    const struct ferry_flash *flash;
    const struct ferry_policy *policy;
    struct ferry_device_work *work;
    struct ferry_table table;
    struct ferry_span otadata;
    struct ferry_span factory;
    struct ferry_span test;
    struct ferry_span slots[FERRY_SLOTS_MAX];
    uint8_t n_slot_rows;      // rows of type app/ota_x: the bootloader counts these
    uint8_t n_slots;          // slots from ota_0 up to the first gap: the app counts these
    bool has_duplicates;      // a slot, otadata, factory or test stands in the table twice
    int running;              // slot number, FERRY_SLOT_..., or FERRY_SLOT_NONE while not known
    struct ferry_fault fault; // of the last refusal
};

/** Opens the device on a flash: reads the table at table_off_bytes and finds the partitions that
 * matter for booting. d->running is FERRY_SLOT_NONE until set. Duplicate rows: the last one wins,
 * as in the bootloader, and has_duplicates is set.
 * Errors as ferry_table_open. */
FERRY_MUST_CHECK ferry_err ferry_device_open(struct ferry_device *d,
                                             const struct ferry_flash *flash,
                                             const struct ferry_policy *policy,
                                             uint32_t table_off_bytes,
                                             struct ferry_device_work *work);

/** The span of a slot by number or FERRY_SLOT_FACTORY/TEST; size 0 if the table has none.
 * A slot that the bootloader cannot reach (its number >= n_slot_rows) has size 0 too. */
struct ferry_span ferry_device_span(const struct ferry_device *d, int slot);

/** The region of a slot. Refused if it overlaps what boots the device (bootloader, table).
 * FERRY_ERR_NOT_FOUND fault: slot; FERRY_ERR_FLASH_PROTECTED fault: offset, first safe offset. */
FERRY_MUST_CHECK ferry_err ferry_device_region(struct ferry_device *d, int slot,
                                               struct ferry_region *out);

/** The region of otadata.
 * FERRY_ERR_NO_OTADATA; FERRY_ERR_OTADATA_SIZE fault: size, 0x2000; FERRY_ERR_FLASH_PROTECTED. */
FERRY_MUST_CHECK ferry_err ferry_device_otadata(struct ferry_device *d, struct ferry_region *out);

/** The slot that holds this absolute flash address, as a running program finds itself;
 * FERRY_SLOT_NONE if no app partition does. */
int ferry_device_slot_at(const struct ferry_device *d, uint32_t off_bytes);

/** The rules for an image that is to lie in this slot of this device. */
void ferry_device_rules(const struct ferry_device *d, int slot, struct ferry_image_rules *out);

/** Verifies the image in a slot with the device's rules, the secure version too with anti-rollback.
 * d->work->image afterwards holds what was found out, until the next call that uses the work
 * memory. Errors as ferry_image_verify, ferry_device_region. */
FERRY_MUST_CHECK ferry_err ferry_device_verify(struct ferry_device *d, int slot);

/** Reads the descriptor of the app in a slot without looking at anything else.
 * FERRY_ERR_IMAGE_NO_DESC; errors as ferry_device_region; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_device_desc(struct ferry_device *d, int slot,
                                             struct ferry_app_desc *out);

#ifdef __cplusplus
}
#endif
#endif
