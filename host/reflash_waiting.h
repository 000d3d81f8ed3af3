/* host/reflash_waiting.h - whether a reflash of a device was interrupted: for the commands that
 * must not change it then, and for those that tell. Bytes of the journal: docs/design/reflash.md.
 */
#ifndef FERRY_REFLASH_WAITING_H
#define FERRY_REFLASH_WAITING_H

#include "vdevice.h"

/** The sector of a device's journal: what device.json says, else the flash's last one. */
struct ferry_region ferry_vdevice_journal(const struct ferry_vdevice *v);

/** True if the journal holds a plan that is not finished, or one that this ferry does not
 * understand. A journal that cannot be read holds none: others will say so. */
bool ferry_reflash_waits(const struct ferry_vdevice *v);

#endif
