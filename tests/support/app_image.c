/* tests/support/app_image.c - written from docs/formats.md "Application image". */
#include "app_image.h"

#include "ferry/bytes.h"
#include "ferry/crypto.h"

#include <string.h>

#define RAM_SEGMENT_BYTES 8u

static void put_header(uint8_t *out, const struct app_image_spec *spec)
{
    memset(out, 0, 24);
    out[0] = 0xe9;
    out[1] = 2;
    out[2] = 2;    // DIO
    out[3] = 0x20; // 4 MB
    ferry_put_le32(out + 4, 0x40380000);
    out[8] = 0xee;
    ferry_put_le16(out + 12, spec->chip_id);
    ferry_put_le16(out + 17, 0xffff);
    out[23] = spec->no_hash ? 0 : 1;
}

static void put_descriptor(uint8_t *out, const struct app_image_spec *spec)
{
    memset(out, 0, 256);
    ferry_put_le32(out, spec->no_descriptor ? 0 : 0xabcd5432);
    ferry_put_le32(out + 4, spec->secure_version);
    strncpy((char *)out + 16, spec->version, 31);
    strncpy((char *)out + 48, spec->project, 31);
    memcpy(out + 80, "12:00:00", 8);
    memcpy(out + 96, "Jan  1 2026", 11);
    memcpy(out + 112, "v5.5", 4);
}

uint32_t app_image_make(uint8_t *out, const struct app_image_spec *spec)
{
    uint32_t at = 24;
    put_header(out, spec);
    ferry_put_le32(out + at, 0x3c000020);
    ferry_put_le32(out + at + 4, 256 + spec->payload_bytes);
    put_descriptor(out + at + 8, spec);
    at += 8 + 256;
    uint32_t x = spec->seed * 2654435761u + 1;
    for (uint32_t i = 0; i < spec->payload_bytes; i++) {
        x = x * 1664525u + 1013904223u;
        out[at++] = (uint8_t)(x >> 24);
    }
    ferry_put_le32(out + at, 0x3fc80000);
    ferry_put_le32(out + at + 4, RAM_SEGMENT_BYTES);
    memset(out + at + 8, 0x5a, RAM_SEGMENT_BYTES);
    at += 8 + RAM_SEGMENT_BYTES;
    const uint32_t end = ferry_align_up(at + 1, 16);
    memset(out + at, 0, end - at);
    const uint32_t image_bytes = end + (spec->no_hash ? 0 : FERRY_SHA256_BYTES);
    app_image_seal(out, image_bytes);
    return image_bytes;
}

void app_image_seal(uint8_t *image, uint32_t image_bytes)
{
    uint32_t at = 24;
    uint8_t sum = 0xef;
    for (unsigned s = 0; s < image[1]; s++) {
        const uint32_t len = ferry_le32(image + at + 4);
        at += 8;
        for (uint32_t i = 0; i < len; i++)
            sum ^= image[at + i];
        at += len;
    }
    const uint32_t end = ferry_align_up(at + 1, 16);
    image[end - 1] = sum;
    if (image_bytes > end) {
        struct ferry_sha256 h;
        ferry_sha256_init(&h);
        ferry_sha256_update(&h, image, end);
        ferry_sha256_finish(&h, image + end);
    }
}
