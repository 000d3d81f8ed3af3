/* ports/esp-idf/device_esp.c - the device that this program runs on, as ferry sees it. */
#include "device_esp.h"

#include <esp_chip_info.h>
#include <esp_efuse.h>
#include <esp_idf_version.h>
#include <esp_ota_ops.h>
#include <esp_system.h>
#include <hal/efuse_hal.h>

#include "ferry/chip.h"
#include "settings_esp.h"
#include "trust_esp.h"

/* The chip that this program was built for, so that only its facts are linked. */
#if CONFIG_IDF_TARGET_ESP32
#define THIS_CHIP (&ferry_chip_esp32)
#elif CONFIG_IDF_TARGET_ESP32S2
#define THIS_CHIP (&ferry_chip_esp32s2)
#elif CONFIG_IDF_TARGET_ESP32S3
#define THIS_CHIP (&ferry_chip_esp32s3)
#elif CONFIG_IDF_TARGET_ESP32C2
#define THIS_CHIP (&ferry_chip_esp32c2)
#elif CONFIG_IDF_TARGET_ESP32C3
#define THIS_CHIP (&ferry_chip_esp32c3)
#elif CONFIG_IDF_TARGET_ESP32C5
#define THIS_CHIP (&ferry_chip_esp32c5)
#elif CONFIG_IDF_TARGET_ESP32C6
#define THIS_CHIP (&ferry_chip_esp32c6)
#elif CONFIG_IDF_TARGET_ESP32C61
#define THIS_CHIP (&ferry_chip_esp32c61)
#elif CONFIG_IDF_TARGET_ESP32H2
#define THIS_CHIP (&ferry_chip_esp32h2)
#elif CONFIG_IDF_TARGET_ESP32P4
#define THIS_CHIP (&ferry_chip_esp32p4)
#else
#error "ferry does not know this chip: add it to core/chip.c"
#endif

/* Blocks of eFuses have had revisions of their own since ESP-IDF 5.2; images of earlier versions
 * ask for none. */
#if ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(5, 2, 0)
#define BLK_REV()        efuse_hal_blk_version()
#define IGNORE_MAX_REV() efuse_hal_get_disable_wafer_version_major()
#else
#define BLK_REV()        0u
#define IGNORE_MAX_REV() false
#endif

static struct ferry_policy policy_here(void)
{
    esp_chip_info_t info;
    esp_chip_info(&info);
    return (struct ferry_policy){
        .chip = THIS_CHIP,
        .chip_rev = info.revision,
        .blk_rev = (uint16_t)BLK_REV(),
        .ignore_max_rev = IGNORE_MAX_REV(),
        .rollback = FERRY_ESP_ROLLBACK,
        .anti_rollback = FERRY_ESP_ANTI_ROLLBACK,
        .secure_version = FERRY_ESP_ANTI_ROLLBACK ? esp_efuse_read_secure_version() : 0,
        .writer = FERRY_ESP_WRITER,
    };
}

ferry_err ferry_esp_open(struct ferry_esp *e, struct ferry_esp_trust *trust)
{
    e->policy = policy_here();
    ferry_err err = ferry_flash_esp_open(&e->flash, NULL, efuse_hal_flash_encryption_enabled());
    if (!err)
        err = ferry_flash_esp_open(&e->plain, NULL, false);
    if (!err)
        err = ferry_device_open(&e->device, &e->flash.flash, &e->policy,
                                CONFIG_PARTITION_TABLE_OFFSET, &e->work);
    if (err)
        return err;
    const esp_partition_t *here = esp_ota_get_running_partition();
    if (here)
        e->device.running = ferry_device_slot_at(&e->device, here->address);
    if (!FERRY_ESP_SIGNED)
        return FERRY_OK;
    return trust ? ferry_esp_trust_running(e, trust)
                 : ferry_fail(&e->device.fault, FERRY_ERR_ARG, 0, 1, 0);
}

const char *ferry_esp_reset_reason(void)
{
    static const char *const words[] = {
        [ESP_RST_POWERON] = "power-on",
        [ESP_RST_EXT] = "reset pin",
        [ESP_RST_SW] = "software",
        [ESP_RST_PANIC] = "panic",
        [ESP_RST_INT_WDT] = "interrupt-watchdog",
        [ESP_RST_TASK_WDT] = "task-watchdog",
        [ESP_RST_WDT] = "watchdog",
        [ESP_RST_DEEPSLEEP] = "deep sleep",
        [ESP_RST_BROWNOUT] = "brownout",
        [ESP_RST_SDIO] = "sdio",
    };
    const unsigned reason = (unsigned)esp_reset_reason();
    const bool is_known = reason < sizeof words / sizeof *words && words[reason];
    return is_known ? words[reason] : "unknown";
}
