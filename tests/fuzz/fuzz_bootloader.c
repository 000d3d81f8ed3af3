/* tests/fuzz/fuzz_bootloader.c - any bytes where a bootloader should be.
 * What is whole stays whole when its flash size is set, and then says that size; what is not is
 * left alone. */
#include "fuzz.h"

#include <string.h>

#include "bootloader.h"

#define MOST_BYTES 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static uint8_t copy[MOST_BYTES];
    struct ferry_bootloader b = {0}, again = {0};
    ferry_bootloader_look(&b, data, n);
    FUZZ_MUST(b.image_bytes <= n && b.off_bytes == 0);
    FUZZ_MUST(b.rollback == FERRY_TOLD_NOTHING || b.state >= FERRY_BOOTLOADER_HASH);
    FUZZ_MUST(b.anti_rollback != FERRY_TOLD_YES || b.rollback == FERRY_TOLD_YES);
    if (n > MOST_BYTES)
        return 0;
    memcpy(copy, data, n);
    if (!ferry_bootloader_set_flash(copy, n, 0x800000)) {
        FUZZ_MUST(b.state < FERRY_BOOTLOADER_HASH && !memcmp(copy, data, n));
        return 0;
    }
    ferry_bootloader_look(&again, copy, n);
    FUZZ_MUST(again.state == FERRY_BOOTLOADER_WHOLE && again.flash_bytes == 0x800000);
    FUZZ_MUST(again.image_bytes == b.image_bytes && again.rollback == b.rollback);
    return 0;
}
