/* ports/template/flash_template.h - the start of a port: copy this folder, rename it, fill it in.
 * A port gives the core one struct ferry_flash; that is all it needs to update a device. It is
 * done when tests/port passes on it. */
#ifndef FLASH_TEMPLATE_H
#define FLASH_TEMPLATE_H

#include "ferry/flash.h"

/** What your driver needs to reach the chip: a bus handle, a base address. */
struct flash_template {
    struct ferry_flash flash;
};

/** Fills in the geometry and the operations. As it stands, every operation is refused with
 * FERRY_ERR_FLASH_IO, so that a port that was only half written harms nothing. */
void flash_template_init(struct flash_template *t, uint32_t size_bytes);

#endif
