/* ferry/boot.h - which image boots: Espressif's second-stage bootloader, decision by decision.
 * ferry_boot_select and ferry_boot_next are pure; ferry_boot_run executes them with the writes.
 * The bare-metal bootloader, the virtual device and `ferry status` all call these, so they agree.
 * Facts: docs/formats.md "Boot". */
#ifndef FERRY_BOOT_H
#define FERRY_BOOT_H

#include "ferry/device.h"
#include "ferry/otadata.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Why the decision starts where it starts. */
enum ferry_boot_why {
    FERRY_BOOT_NO_OTADATA,       // no otadata partition: factory
    FERRY_BOOT_OTADATA_UNUSABLE, // otadata too small or unreadable: the chip resets
    FERRY_BOOT_BLANK_FACTORY,    // neither entry can be used: factory
    FERRY_BOOT_BLANK_FIRST_SLOT, // neither entry can be used, no factory: slots from ota_0
    FERRY_BOOT_NO_SLOTS,         // the table has no OTA slot
    FERRY_BOOT_ACTIVE,           // the active entry names the slot
    FERRY_BOOT_NO_ACTIVE,        // entries are there, but none is valid: factory, then slots
    FERRY_BOOT_TEST_HELD,        // the test-app pin was held
    FERRY_BOOT_TEST_MISSING,     // ... but there is no test app: the chip resets
};

/** What the port lends the decision; only asked with anti-rollback, may be NULL without. */
struct ferry_boot_versions {
    /** The secure version of the app in a slot. Any error: it has no descriptor. */
    ferry_err (*secure_version)(void *ctx, int slot, uint32_t *out);
    void *ctx;
};

/** A decision in progress; plain data. */
struct ferry_boot {
    const struct ferry_device *dev;
    const struct ferry_boot_versions *versions;
    struct ferry_otadata entries[2]; // as they will be once the writes below are done
    uint8_t writes[2];               // entries to rewrite in place, in this order, before loading
    uint8_t n_writes;
    bool is_initial; // otadata is blank: the first image that loads gets a VALID entry
    int8_t active;   // entry, or -1
    int raise_from;  // slot whose secure version the eFuse must reach before loading, or NONE
    int start;       // first slot to try, or FERRY_SLOT_NONE: reset
    enum ferry_boot_why why;
    int cursor;
    uint8_t leg;
};

/** Decides. entries: the two entries as read; untouched.
 * otadata_ok: false if the partition exists and could not be read. The writes due before loading
 * stand in b->writes; the caller makes them (erase, then 32 bytes), errors ignored as the
 * bootloader ignores them. */
void ferry_boot_select(struct ferry_boot *b, const struct ferry_device *dev,
                       const struct ferry_boot_versions *versions,
                       const struct ferry_otadata entries[2], bool otadata_ok);

/** The same for the held test-app pin; called after ferry_boot_select, whose writes stay due. */
void ferry_boot_hold_test(struct ferry_boot *b);

/** The next slot to try to load, in Espressif's order; FERRY_SLOT_NONE when none is left. Slots
 * that are absent or whose secure version is too low are passed over. */
int ferry_boot_next(struct ferry_boot *b);

/** The write due after `slot` has loaded: true, and *entry0 is what entry 0 becomes. */
bool ferry_boot_loaded(const struct ferry_boot *b, int slot, struct ferry_otadata *entry0);

enum ferry_boot_hold { FERRY_HOLD_NONE, FERRY_HOLD_FACTORY_RESET, FERRY_HOLD_TEST_APP };

/** What an execution needs from outside; every function gets ctx. */
struct ferry_boot_hooks {
    /** Loads, which is verifies, the image in a slot; an error means: try the next.
     * NULL: ferry_device_verify. */
    ferry_err (*load)(void *ctx, struct ferry_device *d, int slot);
    /** As in ferry_boot_versions. NULL: the descriptor is read from flash. */
    ferry_err (*secure_version)(void *ctx, int slot, uint32_t *out);
    /** Burns the eFuse secure version up to `version`; may be NULL without anti-rollback. */
    ferry_err (*raise_secure_version)(void *ctx, uint32_t version);
    /** Erases the data partitions that a factory reset erases, otadata excepted; NULL: none. */
    ferry_err (*factory_reset)(void *ctx, struct ferry_device *d);
    void *ctx;
};

/** What an execution did. */
struct ferry_boot_report {
    enum ferry_boot_why why;
    int selected; // b.start
    int booted;   // slot, or FERRY_SLOT_NONE: nothing bootable
    uint8_t n_tried;
    int8_t tried[FERRY_SLOTS_MAX + 2];
    ferry_err results[FERRY_SLOTS_MAX + 2]; // of each try
    struct ferry_otadata before[2];
    struct ferry_otadata after[2];
    bool secure_version_raised;
    uint32_t secure_version;
};

/** One power-on: reads otadata, decides, writes what is due, tries images until one loads, writes
 * what is due after that. Flash errors while writing otadata are ignored, as the bootloader does.
 * hooks may be NULL. On FERRY_OK report->booted runs.
 * FERRY_ERR_NO_BOOT nothing bootable: the chip resets and tries again. */
FERRY_MUST_CHECK ferry_err ferry_boot_run(struct ferry_device *d, enum ferry_boot_hold hold,
                                          const struct ferry_boot_hooks *hooks,
                                          struct ferry_boot_report *report);

#ifdef __cplusplus
}
#endif
#endif
