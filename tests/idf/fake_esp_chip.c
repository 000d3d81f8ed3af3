/* tests/idf/fake_esp_chip.c - the rest of ESP-IDF that an update touches. */
#include "fake_esp_chip.h"

#include <stdlib.h>

#include <esp_chip_info.h>
#include <esp_efuse.h>
#include <esp_ota_ops.h>
#include <esp_random.h>
#include <esp_rtc_time.h>
#include <esp_system.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <hal/efuse_hal.h>

struct fake_chip fake_chip;

void esp_chip_info(esp_chip_info_t *out_info)
{
    *out_info = (esp_chip_info_t){.revision = 3};
}

uint32_t esp_efuse_read_secure_version(void)
{
    return fake_chip.secure_version;
}

uint32_t efuse_hal_blk_version(void)
{
    return 1;
}

bool efuse_hal_get_disable_wafer_version_major(void)
{
    return false;
}

bool efuse_hal_flash_encryption_enabled(void)
{
    return fake_chip.is_encrypted;
}

const esp_partition_t *esp_ota_get_running_partition(void)
{
    static esp_partition_t here;
    here.address = fake_chip.running_address;
    return fake_chip.has_no_running ? NULL : &here;
}

esp_reset_reason_t esp_reset_reason(void)
{
    return (esp_reset_reason_t)fake_chip.reset_reason;
}

uint32_t esp_random(void)
{
    return 0x80000000u;
}

uint64_t esp_rtc_get_time_us(void)
{
    return fake_chip.rtc_us;
}

void esp_restart(void)
{
    if (fake_chip.on_restart)
        fake_chip.on_restart();
    abort(); // no test expected it
}

void vTaskDelay(TickType_t ticks)
{
    fake_chip.ticks += ticks;
    fake_chip.rtc_us += ticks * 10000ull;
    fake_chip.n_delays++;
    if (fake_chip.on_delay)
        fake_chip.on_delay();
}
