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

ferry_err ferry__slots_view(struct ferry_device *d, struct ferry__otadata_view *v);

/** Entry i of the view becomes *e, and the snapshot with it; e NULL erases the sector. */
void ferry__slots_note(const struct ferry_device *d, struct ferry__otadata_view *v, int i,
                       const struct ferry_otadata *e);

/** Erases the sector of entry i. */
ferry_err ferry__entry_erase(struct ferry_device *d, struct ferry__otadata_view *v, int i);

/** The state a freshly armed entry carries. */
uint32_t ferry__armed_state(const struct ferry_device *d);

/** One way of writing otadata; the functions of ferry/slots.h check and dispatch. */
struct ferry_slots_writer {
    ferry_err (*prepare)(struct ferry_device *d, int target, uint8_t *erased);
    ferry_err (*set_boot)(struct ferry_device *d, int slot, uint32_t flags);
    ferry_err (*confirm)(struct ferry_device *d);
    ferry_err (*reject)(struct ferry_device *d, int *back);
    ferry_err (*cancel_force)(struct ferry_device *d);
};

#endif
