/* ports/esp-idf/flash_esp.h - the main flash chip by absolute address, through esp_flash.
 * Two views of one chip: as it is, and one that encrypts, for devices with flash encryption: app,
 * otadata and partition table are read and written through that one, the reflash journal and NVS
 * through the plain one. Whatever must run while the cache is off is esp_flash's and lies in IRAM
 * there; what stands here is called before and after. */
#ifndef FERRY_FLASH_ESP_H
#define FERRY_FLASH_ESP_H

#include "ferry/flash.h"
#include <esp_flash.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_FLASH_ESP_CRYPT_BYTES 16u // one AES block: the unit of an encrypted write

/** A view; caller-owned, plain data, nothing to close. */
struct ferry_flash_esp {
    struct ferry_flash flash;
    esp_flash_t *chip; // NULL: the main one
};

/** Makes a view of the chip (NULL: the main one, which alone can encrypt), which ESP-IDF has begun
 * to use before app_main. encrypts: through the flash encryption unit, in units of 16 bytes; an
 * erased unit reads as 0xff all the same, as ferry/flash.h has it.
 * FERRY_ERR_FLASH_IO the chip does not say how large it is. */
FERRY_MUST_CHECK ferry_err ferry_flash_esp_open(struct ferry_flash_esp *f, esp_flash_t *chip,
                                                bool encrypts);

#ifdef __cplusplus
}
#endif
#endif
