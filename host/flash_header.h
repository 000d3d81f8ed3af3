/* host/flash_header.h - the size of the flash in the header of an image that lies on it, changed
 * the way esptool changes it: with the SHA-256 behind the image made anew. */
#ifndef FERRY_FLASH_HEADER_H
#define FERRY_FLASH_HEADER_H

#include "ferry/flash.h"

/** Sets the size code of the bootloader image at the region's start. Nothing is written if it has
 * that code already. fault may be NULL.
 * FERRY_ERR_FLASH_SIZE     no header can say this size; fault: size
 * FERRY_ERR_IMAGE_MAGIC    no image lies there; fault: first byte, 0xe9
 * FERRY_ERR_SIGNATURE_BAD  the bootloader is signed: another header would make that worthless
 * Image and flash errors. */
FERRY_MUST_CHECK ferry_err ferry_flash_header_set(const struct ferry_region *bootloader,
                                                  uint32_t flash_bytes, struct ferry_fault *fault);

#endif
