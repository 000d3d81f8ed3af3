/* host/flash_header.c - one nibble of a header and the hash that covers it. */
#include "flash_header.h"

#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"
#include "ferry/crypto.h"
#include "ferry/image.h"
#include "merged.h"

#define SIZE_BYTE       3u    // of the header; its high nibble
#define SIGNATURE_MAGIC 0xe7u // the first byte of a signature sector behind an image

static uint32_t round_up(uint32_t n, uint32_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static void rehash(uint8_t *image, const struct ferry_image *img)
{
    struct ferry_sha256 hash;
    const uint32_t n_hashed = img->image_bytes - FERRY_SHA256_BYTES;
    ferry_sha256_init(&hash);
    ferry_sha256_update(&hash, image, n_hashed);
    ferry_sha256_finish(&hash, image + n_hashed);
}

/** Rewrites the sectors of the image; what shares the last one with it stays. */
static ferry_err rewrite(const struct ferry_region *r, uint8_t *bytes, uint32_t n_bytes,
                         const struct ferry_image *img, uint8_t code)
{
    ferry_err err = ferry_region_read(r, 0, bytes, n_bytes);
    if (err)
        return err;
    bytes[SIZE_BYTE] = (uint8_t)((bytes[SIZE_BYTE] & 0x0f) | code << 4);
    if (img->header.hash_appended)
        rehash(bytes, img);
    err = ferry_region_erase(r, 0, n_bytes, false);
    return err ? err : ferry_region_prog(r, 0, bytes, n_bytes);
}

ferry_err ferry_flash_header_set(const struct ferry_region *r, uint32_t flash_bytes,
                                 struct ferry_fault *fault)
{
    uint8_t code, work[512], behind = 0xff;
    struct ferry_image img;
    const struct ferry_image_rules rules = {
        .metadata_only = true, .bootloader = true, .max_bytes = r->size_bytes};
    if (!ferry_flash_size_code(flash_bytes, &code))
        return ferry_fail(fault, FERRY_ERR_FLASH_SIZE, flash_bytes, 0, 0);
    ferry_err err = ferry_image_verify(r, &rules, work, sizeof(work), &img);
    if (err)
        return ferry_fail(fault, err, img.fault.value, img.fault.limit, img.fault.off_bytes);
    if (img.header.spi_size_code == code)
        return FERRY_OK;
    const uint32_t n_bytes = round_up(img.image_bytes, r->flash->sector_bytes);
    if (n_bytes > r->size_bytes)
        return ferry_fail(fault, FERRY_ERR_IMAGE_SIZE, n_bytes, r->size_bytes, 0);
    if (n_bytes < r->size_bytes)
        err = ferry_region_read(r, n_bytes, &behind, 1);
    if (!err && behind == SIGNATURE_MAGIC)
        return ferry_fail(fault, FERRY_ERR_SIGNATURE_BAD, 0, 0, 0);
    uint8_t *bytes = err ? NULL : malloc(n_bytes);
    if (!err && !bytes)
        err = FERRY_ERR_NO_MEMORY;
    if (!err)
        err = rewrite(r, bytes, n_bytes, &img, code);
    free(bytes);
    return err ? ferry_fail(fault, err, 0, 0, 0) : FERRY_OK;
}
