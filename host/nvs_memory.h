/* host/nvs_memory.h - flash that is memory, with NOR rules: a copy to try a change on. */
#ifndef FERRY_NVS_MEMORY_H
#define FERRY_NVS_MEMORY_H

#include "ferry/flash.h"

/** Sets *flash up over size_bytes at bytes, kept; whole sectors of 4096. Never fails but for a
 * range or alignment that breaks the contract. */
void ferry_nvs_memory(struct ferry_flash *flash, uint8_t *bytes, uint32_t size_bytes);

#endif
