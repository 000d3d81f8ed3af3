/* firmware/bare/bare_load.c - an image's segments into RAM. For the boot ROM and the bootloader;
 * both have verified the image, so what is checked here is only that it belongs on this machine. */
#include "bare_map.h"

#include "ferry/bytes.h"

#define SEGMENT_HEADER_BYTES 8u

static ferry_err load_segment(const struct ferry_region *image, struct ferry_span window,
                              uint32_t *off)
{
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    ferry_err err = ferry_region_read(image, *off, bytes, sizeof(bytes));
    if (err)
        return err;
    const uint32_t addr = ferry_le32(bytes), len = ferry_le32(bytes + 4);
    if (addr < window.off_bytes ||
        !ferry_range_fits(addr - window.off_bytes, len, window.size_bytes))
        return FERRY_ERR_RANGE;
    err = ferry_region_read(image, *off + SEGMENT_HEADER_BYTES, (void *)(uintptr_t)addr, len);
    *off += SEGMENT_HEADER_BYTES + len;
    return err;
}

ferry_err bare_load(const struct ferry_region *image, struct ferry_span window,
                    uint32_t *entry_addr)
{
    struct ferry_image_header header;
    uint8_t bytes[FERRY_IMAGE_HEADER_BYTES];
    uint32_t off = sizeof(bytes);
    ferry_err err = ferry_region_read(image, 0, bytes, sizeof(bytes));
    if (err)
        return err;
    ferry_image_header_decode(bytes, &header);
    for (uint8_t i = 0; i < header.n_segments; i++) {
        err = load_segment(image, window, &off);
        if (err)
            return err;
    }
    if (header.entry_addr < window.off_bytes ||
        header.entry_addr - window.off_bytes >= window.size_bytes)
        return FERRY_ERR_RANGE;
    *entry_addr = header.entry_addr;
    return FERRY_OK;
}

_Noreturn void bare_enter(uint32_t entry_addr, uint32_t image_off_bytes)
{
    __asm__ volatile("fence.i" ::: "memory"); // what was just written is code
    ((void (*)(uint32_t))(uintptr_t)entry_addr)(image_off_bytes);
    for (;;)
        ;
}
