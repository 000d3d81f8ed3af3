/* firmware/bare/bare_map.h - who lies where in the machine's RAM, and how one program hands over to
 * the next. firmware/bare/build.sh links by the same numbers. */
#ifndef BARE_MAP_H
#define BARE_MAP_H

#include "ferry/device.h"

#define BARE_BOOTLOADER_ORIGIN 0x80010000u
#define BARE_BOOTLOADER_BYTES  0x30000u
#define BARE_APP_ORIGIN        0x80100000u
#define BARE_APP_BYTES         0x100000u

/* How programs end: by a reset, also after a crash, as on a chip; or, where that would go round in
 * circles, with an exit code of the emulator. */
#define BARE_END_REBOOT        0u
#define BARE_END_NO_FLASH      64u
#define BARE_END_NO_BOOTLOADER 65u
#define BARE_END_NO_BOOT       66u
#define BARE_END_TRAP          70u

/** Loads the segments of an image that was verified just before, and says where to enter it.
 * FERRY_ERR_RANGE a segment or the entry point leaves the window: the image is for another machine;
 * flash errors. */
FERRY_MUST_CHECK ferry_err bare_load(const struct ferry_region *image, struct ferry_span window,
                                     uint32_t *entry_addr);

/** Enters a program. image_off_bytes: where in flash its image lies; it finds that in a0. */
_Noreturn void bare_enter(uint32_t entry_addr, uint32_t image_off_bytes);

#endif
