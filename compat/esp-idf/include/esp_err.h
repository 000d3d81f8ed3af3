/* esp_err.h - Espressif's error numbers and their names, for programs that run over ferry.
 * Numbers: docs/formats.md "Espressif's API". */
#ifndef ESP_ERR_H
#define ESP_ERR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int esp_err_t;

#define ESP_OK                   0
#define ESP_FAIL                 (-1)
#define ESP_ERR_NO_MEM           0x101
#define ESP_ERR_INVALID_ARG      0x102
#define ESP_ERR_INVALID_STATE    0x103
#define ESP_ERR_INVALID_SIZE     0x104
#define ESP_ERR_NOT_FOUND        0x105
#define ESP_ERR_NOT_SUPPORTED    0x106
#define ESP_ERR_TIMEOUT          0x107
#define ESP_ERR_INVALID_RESPONSE 0x108
#define ESP_ERR_INVALID_CRC      0x109
#define ESP_ERR_INVALID_VERSION  0x10a
#define ESP_ERR_INVALID_MAC      0x10b
#define ESP_ERR_NOT_FINISHED     0x10c
#define ESP_ERR_NOT_ALLOWED      0x10d

#define ESP_ERR_NVS_BASE         0x1100
#define ESP_ERR_OTA_BASE         0x1500
#define ESP_ERR_IMAGE_BASE       0x2000
#define ESP_ERR_FLASH_BASE       0x6000
#define ESP_ERR_HTTP_BASE        0x7000
#define ESP_ERR_HTTPS_OTA_BASE   0x9000

#define ESP_ERR_IMAGE_FLASH_FAIL (ESP_ERR_IMAGE_BASE + 1)
#define ESP_ERR_IMAGE_INVALID    (ESP_ERR_IMAGE_BASE + 2)
#define ESP_ERR_FLASH_OP_FAIL    (ESP_ERR_FLASH_BASE + 1)
#define ESP_ERR_FLASH_OP_TIMEOUT (ESP_ERR_FLASH_BASE + 2)

/** The name of a number, or "UNKNOWN ERROR". Static text. */
const char *esp_err_to_name(esp_err_t code);

/** Prints what failed and where, and ends the program. */
void ferry_compat_check_failed(esp_err_t code, const char *file, int line, const char *function,
                               const char *expression) __attribute__((noreturn));

/** Ends the program unless x is ESP_OK. */
#define ESP_ERROR_CHECK(x)                                                                         \
    do {                                                                                           \
        const esp_err_t ferry_err_rc_ = (x);                                                       \
        if (ferry_err_rc_ != ESP_OK)                                                               \
            ferry_compat_check_failed(ferry_err_rc_, __FILE__, __LINE__, __func__, #x);            \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
