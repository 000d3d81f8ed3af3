/* ports/esp-idf/settings_esp.h - the one place where menuconfig's values become C.
 * CONFIG_FERRY_... is what esp-idf/ferry/Kconfig asks, the others are ESP-IDF's own. A switch that
 * is off is not defined at all, which is why each is given a number here. */
#ifndef FERRY_SETTINGS_ESP_H
#define FERRY_SETTINGS_ESP_H

#include <sdkconfig.h>

#ifdef CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE
#define FERRY_ESP_ROLLBACK 1
#else
#define FERRY_ESP_ROLLBACK 0
#endif

#ifdef CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK
#define FERRY_ESP_ANTI_ROLLBACK 1
#else
#define FERRY_ESP_ANTI_ROLLBACK 0
#endif

#ifdef CONFIG_FERRY_SIGNED_UPDATES
#define FERRY_ESP_SIGNED 1
#else
#define FERRY_ESP_SIGNED 0
#endif

#ifdef CONFIG_FERRY_ALLOW_UNSIGNED_HTTP
#define FERRY_ESP_PLAIN_HTTP 1
#else
#define FERRY_ESP_PLAIN_HTTP FERRY_ESP_SIGNED // a signature vouches for the image, however it came
#endif

#ifdef CONFIG_FERRY_OTADATA_IDF
#define FERRY_ESP_WRITER (&ferry_slots_idf)
#else
#define FERRY_ESP_WRITER (&ferry_slots_safe)
#endif

#ifdef CONFIG_MBEDTLS_CERTIFICATE_BUNDLE
#define FERRY_ESP_BUNDLE 1
#else
#define FERRY_ESP_BUNDLE 0
#endif

// Builds that do not read our Kconfig, PlatformIO's among them, get its defaults.
#ifdef CONFIG_FERRY_RETRIES
#define FERRY_ESP_RETRIES CONFIG_FERRY_RETRIES
#else
#define FERRY_ESP_RETRIES 5
#endif

#ifdef CONFIG_FERRY_HTTP_BUFFER_BYTES
#define FERRY_ESP_HTTP_BUFFER_BYTES CONFIG_FERRY_HTTP_BUFFER_BYTES
#else
#define FERRY_ESP_HTTP_BUFFER_BYTES 2048
#endif

#endif
