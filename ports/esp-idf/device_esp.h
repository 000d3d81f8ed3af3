/* ports/esp-idf/device_esp.h - the device that this program runs on, as ferry sees it.
 * Flash, partition table, running slot and policy come from ESP-IDF: chip and revisions, the eFuse
 * secure version, the bootloader's options in menuconfig, flash encryption. */
#ifndef FERRY_DEVICE_ESP_H
#define FERRY_DEVICE_ESP_H

#include "ferry/device.h"
#include "flash_esp.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ferry_esp_trust;

/** A device; caller-owned, 1.3 KB, static memory. It points into itself: open it where it stays. */
struct ferry_esp {
    struct ferry_device device; // for every call of the core that takes one
    struct ferry_policy policy;
    struct ferry_flash_esp flash; // encrypts on a device whose eFuses say so
    struct ferry_flash_esp plain; // never encrypts: the reflash journal
    struct ferry_device_work work;
};

/** Opens it. Writes nothing. trust: memory for signed updates, kept; with the option "Require
 * signed updates" of menuconfig it is needed, without it NULL is right.
 * FERRY_ERR_ARG            trust is needed and NULL
 * FERRY_ERR_SIGNATURE_NONE signed updates are required and the running app is not signed
 * flash errors; errors as ferry_table_open; fault in e->device.fault. */
FERRY_MUST_CHECK ferry_err ferry_esp_open(struct ferry_esp *e, struct ferry_esp_trust *trust);

/** Why the chip was started last, in a word: "power-on", "software", "panic", "task-watchdog",
 * "brownout"...; "unknown" for a reason that this version does not know. Static text. */
const char *ferry_esp_reset_reason(void);

#ifdef __cplusplus
}
#endif
#endif
