/* agent/handover.h - how an updater starts an application that knows nothing of it.
 * The updater runs in factory or in an OTA slot, the application in another slot. The updater arms
 * one otadata entry, NEW; the application never confirms; so the bootloader's rollback brings the
 * updater back at the next restart. Rests on ferry/slots.h; boot rules: docs/formats.md "Boot";
 * what this costs the flash: docs/updater.md. */
#ifndef FERRY_HANDOVER_H
#define FERRY_HANDOVER_H

#include "ferry/crypto.h"
#include "ferry/slots.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Erases of otadata that one start of the application costs: the updater's arming, NEW to
 * PENDING, PENDING to ABORTED. All hit the same sector. */
#define FERRY_HANDOVER_ERASES 3u

/** Whether this table and this running slot can keep an application: a slot beside the updater's,
 * and both sides count slots alike.
 * FERRY_ERR_SLOT_UNKNOWN the updater runs in no app slot, or in test; FERRY_ERR_SLOT_GAP ota_1
 * without ota_0; FERRY_ERR_NO_SLOT no slot beside the updater's; otadata errors. */
FERRY_MUST_CHECK ferry_err ferry_handover_check(struct ferry_device *d);

/** The slot for a new image: the largest beside the updater's and `keep`, and at least as large as
 * `keep`; `keep` itself where there is none. FERRY_SLOT_NONE keeps nothing. Errors as
 * ferry_handover_check. */
FERRY_MUST_CHECK ferry_err ferry_handover_spare(struct ferry_device *d, int keep, int *slot);

/** Makes the updater what the bootloader falls back to: in an OTA slot its entry becomes VALID,
 * in factory no valid entry stays. Writes nothing where that is so. Before anything is armed.
 * Errors of ferry_slots_confirm. */
FERRY_MUST_CHECK ferry_err ferry_handover_settle(struct ferry_device *d);

/** Settles, verifies the image in the slot, and arms it: exactly one entry, NEW. Where an update
 * has armed it already nothing is written. Restart next.
 * Image errors: the slot holds nothing that boots; FERRY_ERR_ARG the slot is the updater's own;
 * else as ferry_slots_set_boot. */
FERRY_MUST_CHECK ferry_err ferry_handover_arm(struct ferry_device *d, int slot);

/** True if otadata says that the slot's application was started and has not confirmed itself. */
bool ferry_handover_was_started(struct ferry_device *d, int slot);

/* ---- whether the bootloader rolls back at all ---- */

enum ferry_probe {
    FERRY_PROBE_WAITING, // written; the bootloader has not seen it
    FERRY_PROBE_ABORTED, // the bootloader has app rollback
    FERRY_PROBE_GONE,    // nothing of it is there: write it (again)
};

/** Writes {seq ffffffff, state PENDING_VERIFY} into the entry that is not the updater's, entry 1
 * from factory. It selects nothing, whatever becomes of it; only a bootloader with app rollback
 * changes it to ABORTED. Settles first. Restart next. Flash and otadata errors. */
FERRY_MUST_CHECK ferry_err ferry_probe_write(struct ferry_device *d);

/** What became of the probe. */
FERRY_MUST_CHECK ferry_err ferry_probe_read(struct ferry_device *d, enum ferry_probe *seen);

/** Erases what is left of it. */
FERRY_MUST_CHECK ferry_err ferry_probe_erase(struct ferry_device *d);

/** SHA-256 of the bootloader's region, from its place on this chip to the partition table. The
 * policy must name the chip. Flash errors; FERRY_ERR_CHIP_UNKNOWN. */
FERRY_MUST_CHECK ferry_err ferry_probe_bootloader(struct ferry_device *d,
                                                  uint8_t sha256[FERRY_SHA256_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
