/* esp_flash_partitions.h - where bootloader and partition table lie, of the device that runs: the
 * chip is known when the program starts, and not when it is compiled. */
#ifndef ESP_FLASH_PARTITIONS_H
#define ESP_FLASH_PARTITIONS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

uint32_t ferry_compat_table_offset(void);
uint32_t ferry_compat_bootloader_offset(void);

#define ESP_PARTITION_TABLE_OFFSET      ferry_compat_table_offset()
#define ESP_PARTITION_TABLE_SIZE        0x1000
#define ESP_PARTITION_TABLE_MAX_LEN     0xC00
#define ESP_PARTITION_TABLE_MAX_ENTRIES (ESP_PARTITION_TABLE_MAX_LEN / 32)
#define ESP_PARTITION_MAGIC             0x50AA
#define ESP_PARTITION_MAGIC_MD5         0xEBEB

#define ESP_PRIMARY_BOOTLOADER_OFFSET   ferry_compat_bootloader_offset()
#define ESP_BOOTLOADER_OFFSET           ESP_PRIMARY_BOOTLOADER_OFFSET

#ifdef __cplusplus
}
#endif
#endif
