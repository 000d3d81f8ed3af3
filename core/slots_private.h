/* core/slots_private.h - what core/slots.c and its two ways of writing otadata share.
 * slots_safe.c writes so that every instant boots; slots_idf.c writes as Espressif's app does. */
#ifndef FERRY_CORE_SLOTS_PRIVATE_H
#define FERRY_CORE_SLOTS_PRIVATE_H

#include "ferry/slots.h"

/** A snapshot with the region it came from. */
struct ferry__otadata_view {
    struct ferry_region region;
    struct ferry_slots s;
};

/** Reads both entries; every write below reads them anew, so the view is what flash holds. */
ferry_err ferry__slots_view(struct ferry_device *d, struct ferry__otadata_view *v);

/** Erases the sector of entry i. */
ferry_err ferry__entry_erase(struct ferry_device *d, struct ferry__otadata_view *v, int i);

/** The state a freshly armed entry carries. */
uint32_t ferry__armed_state(const struct ferry_device *d);

/** One way of writing otadata. What firmware may do without (reject, cancel, force) is built in
 * slots.c from these, so that who never calls it does not link it. */
struct ferry_slots_writer {
    ferry_err (*prepare)(struct ferry_device *d, int target, uint8_t *erased);
    ferry_err (*set_boot)(struct ferry_device *d, int slot, uint32_t flags);
    ferry_err (*confirm)(struct ferry_device *d);
    /** Erases the sector of entry i and writes *e into it. */
    ferry_err (*rewrite)(struct ferry_device *d, struct ferry__otadata_view *v, int i,
                         const struct ferry_otadata *e);
    bool rejects_active; // Espressif rejects the active entry; ours that of the slot that runs
};

/** ferry_slots_set_boot without verifying: for an update, which has just done so. */
ferry_err ferry__slots_arm(struct ferry_device *d, int slot, uint32_t flags);

#endif
