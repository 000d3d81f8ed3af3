#pragma once
#include <stdbool.h>
#include <stdint.h>

uint32_t efuse_hal_blk_version(void);                 // from 5.2, 5.1.5
bool efuse_hal_get_disable_wafer_version_major(void); // from 5.2
bool efuse_hal_flash_encryption_enabled(void);
