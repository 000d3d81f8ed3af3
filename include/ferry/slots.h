/* ferry/slots.h - the running app's side of otadata: what runs, what boots next, confirm, reject,
 * force. In mode `safe` every write leaves a bootable device at every instant; in mode `idf` the
 * writes are Espressif's. Rules: docs/design.md "otadata, written safely". */
#ifndef FERRY_SLOTS_H
#define FERRY_SLOTS_H

#include "ferry/device.h"
#include "ferry/otadata.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Both entries and what they mean; a snapshot. */
struct ferry_slots {
    struct ferry_otadata entry[2];
    int names[2]; // slot each entry names, or FERRY_SLOT_NONE (blank, bad CRC, no slots)
    int active;   // entry, or -1
    int running;  // entry of the running slot (valid; of two the higher seq), or -1
};

/** Reads otadata. Needs n_slots > 0.
 * FERRY_ERR_NO_OTADATA, FERRY_ERR_OTADATA_SIZE, FERRY_ERR_NO_SLOT, FERRY_ERR_SLOT_GAP,
 * FERRY_ERR_TABLE_DUPLICATE; flash errors. d->fault says more. */
FERRY_MUST_CHECK ferry_err ferry_slots_load(struct ferry_device *d, struct ferry_slots *s);

/** The state of a slot by its entry (the valid one, else the one with the higher seq that names
 * it). FERRY_ERR_NOT_FOUND no entry names it. */
FERRY_MUST_CHECK ferry_err ferry_slots_state(const struct ferry_slots *s, int slot,
                                             uint32_t *state);

/** The slot the next update goes to: round robin behind the running slot; ota_0 from factory; from
 * test the first slot that the active entry does not name. Never the running slot.
 * FERRY_ERR_NO_SLOT there is no spare slot; FERRY_ERR_SLOT_UNKNOWN running slot not known. */
FERRY_MUST_CHECK ferry_err ferry_slots_next(struct ferry_device *d, int *slot);

/** The slot otadata selects for the next boot, as the app computes it: the active entry's, else
 * factory, else the first slot, else test. FERRY_SLOT_NONE if there is no app partition at all. */
int ferry_slots_boot(const struct ferry_device *d, const struct ferry_slots *s);

/** The slot that was last rejected or rolled back and still holds a good image.
 * FERRY_ERR_NOT_FOUND none. */
FERRY_MUST_CHECK ferry_err ferry_slots_last_invalid(struct ferry_device *d, int *slot);

/** The slot a rollback from the running one would boot. FERRY_ERR_ROLLBACK_NONE there is none. */
FERRY_MUST_CHECK ferry_err ferry_slots_rollback_target(struct ferry_device *d, int *slot);

/** Readies otadata for writing into `target`: nothing may name it while it is half written, and
 * the running slot must keep an entry of its own. *erased gets a bit for each entry left erased.
 * FERRY_ERR_UPDATE_RUNNING target runs; otadata and flash errors. */
FERRY_MUST_CHECK ferry_err ferry_slots_prepare(struct ferry_device *d, int target, uint8_t *erased);

#define FERRY_SET_BOOT_VERIFIED    1u // the caller has just verified the image
#define FERRY_SET_BOOT_INVALID_TOO 2u // arm even a slot whose entry says INVALID
#define FERRY_SET_BOOT_PENDING_TOO 4u // even while the running app is not confirmed
// The entries that ferry_slots_prepare left erased in this session and power cycle.
static inline uint32_t ferry_set_boot_erased(uint8_t mask)
{
    return (uint32_t)mask << 8;
}

/** Makes `slot` boot next: verifies its image, then one entry is written, NEW with rollback and
 * UNDEFINED without. FERRY_SLOT_FACTORY erases both entries.
 * FERRY_ERR_UPDATE_PENDING  running app is not confirmed (mode safe)
 * FERRY_ERR_SLOT_INVALID    the slot was rejected and no flag says to try it again (mode safe)
 * FERRY_ERR_OTADATA_SEQ, FERRY_ERR_OTADATA_VERIFY; image, otadata and flash errors. */
FERRY_MUST_CHECK ferry_err ferry_slots_set_boot(struct ferry_device *d, int slot, uint32_t flags);

/** The running app works: its entry becomes VALID. Already VALID: nothing is written.
 * FERRY_ERR_SLOT_FACTORY factory or test runs; FERRY_ERR_SLOT_UNKNOWN; otadata and flash errors. */
FERRY_MUST_CHECK ferry_err ferry_slots_confirm(struct ferry_device *d);

/** The running app does not work: its entry becomes INVALID, so that the next boot goes back.
 * *back gets the slot that will boot. Refused, with nothing written, if none would.
 * FERRY_ERR_ROLLBACK_NONE, FERRY_ERR_SLOT_FACTORY, FERRY_ERR_SLOT_NO_ENTRY, FERRY_ERR_SLOT_UNKNOWN;
 * otadata and flash errors. */
FERRY_MUST_CHECK ferry_err ferry_slots_reject(struct ferry_device *d, int *back);

/** Makes the previous slot boot next: the one the other entry names, else the next lower slot that
 * holds a good image. *slot gets it.
 * FERRY_ERR_ROLLBACK_NONE no other slot holds a good image; else as ferry_slots_set_boot. */
FERRY_MUST_CHECK ferry_err ferry_slots_force(struct ferry_device *d, int *slot);

/** Takes a force, or an update that has not booted yet, back: the running slot boots again.
 * FERRY_ERR_NOT_FORCED no other slot is selected; FERRY_ERR_SLOT_INVALID the running app was
 * rejected; otadata and flash errors. */
FERRY_MUST_CHECK ferry_err ferry_slots_cancel_force(struct ferry_device *d);

/** Puts otadata in order for the running slot, for a tool that repairs: that slot gets an entry
 * that selects it, if none does, and what could not be trusted is erased (a wrong CRC, an unknown
 * state, a number at its end, the name of a slot without a good image). What boots, boots at every
 * instant; entries that are sound stay. Always writes as mode safe does. FERRY_ERR_SLOT_UNKNOWN;
 * otadata and flash errors. */
FERRY_MUST_CHECK ferry_err ferry_slots_mend(struct ferry_device *d);

#ifdef __cplusplus
}
#endif
#endif
