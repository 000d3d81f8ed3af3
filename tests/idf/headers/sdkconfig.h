/* tests/idf/headers/sdkconfig.h - what menuconfig would have written for these tests: an ESP32-C3
 * with rollback and the component's defaults. A test may define others on the command line.
 * The headers beside it declare what ferry's component uses of ESP-IDF 5.1 to 6.x, in our own
 * words; tests/idf/README.md says how they are held to the real ones. */
#pragma once

#if !CONFIG_IDF_TARGET_ESP32C6 && !CONFIG_IDF_TARGET_ESP32
#define CONFIG_IDF_TARGET_ESP32C3 1
#endif
#define CONFIG_SOC_RTC_FAST_MEM_SUPPORTED     1
#define CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE 1
#define CONFIG_PARTITION_TABLE_OFFSET         0x8000
#define CONFIG_MBEDTLS_CERTIFICATE_BUNDLE     1
#define CONFIG_FERRY_HTTP_BUFFER_BYTES        2048
#ifndef CONFIG_FERRY_RETRIES
#define CONFIG_FERRY_RETRIES 5
#endif

// The examples' own questions.
#define CONFIG_EXAMPLE_WIFI_NAME     "name"
#define CONFIG_EXAMPLE_WIFI_PASSWORD "password"
#define CONFIG_EXAMPLE_UPDATE_URL    "https://updates.example.com/app.bin"
#define CONFIG_EXAMPLE_MANIFEST_URL  "https://updates.example.com/app.json"
#define CONFIG_EXAMPLE_JOIN          ""
#define CONFIG_EXAMPLE_PROJECT       "demo"
#define CONFIG_EXAMPLE_CHECK_URL     "https://updates.example.com/"
