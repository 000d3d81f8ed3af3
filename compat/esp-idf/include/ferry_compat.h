/* ferry_compat.h - which device a program written for ESP-IDF runs on here.
 * It names one by a call or by the environment (FERRY_DEVICE: directory or flash file;
 * FERRY_RUNNING: the slot that runs, else the boot decision); its code stays as it is. */
#ifndef FERRY_COMPAT_H
#define FERRY_COMPAT_H

#include "esp_err.h"
#include "ferry/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A chip that has just been switched on: its flash, what its eFuses and bootloader have settled,
 * and the slot the bootloader has started. All of it is borrowed and must outlive its use. */
struct ferry_compat_chip {
    const struct ferry_flash *flash;
    struct ferry_policy *policy; // anti-rollback raises secure_version in it
    uint32_t table_off_bytes;
    int running;                // slot number or FERRY_SLOT_FACTORY, FERRY_SLOT_TEST
    uint32_t journal_off_bytes; // of a reflash; 0: the flash's last sector
    /** Called with every new secure version; NULL: nobody asks. */
    esp_err_t (*secure_version_burnt)(void *ctx, uint32_t version);
    void *ctx;
};

/** Starts anew on this chip, as after a reset: the table is read, no session is open.
 * ESP_ERR_NOT_FOUND the table has no MD5 row, or there is none; ESP_ERR_INVALID_STATE it is
 * damaged; ESP_ERR_NO_MEM. */
esp_err_t ferry_compat_start(const struct ferry_compat_chip *chip);

/** Opens a virtual device (a directory or flash file) and starts on it: in the slot that the
 * environment's FERRY_RUNNING names, else after the boot decision, whose writes are made. What
 * changes is kept when the program ends. A reflash that was interrupted is finished first, as
 * firmware does that calls ferry_reflash_resume at its start, if an app still boots.
 * ESP_ERR_NOT_FOUND no such device or slot; ESP_ERR_INVALID_STATE no partition table, or a reflash
 * cannot be finished; ESP_ERR_OTA_ROLLBACK_FAILED nothing boots; as ferry_compat_start. */
esp_err_t ferry_compat_open(const char *path);

/** Forgets the chip. Whatever was got from the API before is no longer valid. */
void ferry_compat_stop(void);

#ifdef __cplusplus
}
#endif
#endif
