/* tests/support/app_image.h - small valid application images, made in memory, for tests that need
 * many of them. Real ones come from the cross compiler; see firmware/demo. */
#ifndef APP_IMAGE_H
#define APP_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

/** What the image says of itself. Zeros are legal; version and project must not be NULL. */
struct app_image_spec {
    const char *project;
    const char *version;
    uint32_t secure_version;
    uint32_t payload_bytes; // data behind the descriptor; a multiple of 4
    uint32_t seed;          // of the payload
    uint16_t chip_id;
    bool no_descriptor;
    bool no_hash;
};

/** Most bytes app_image_make writes for this payload. */
#define APP_IMAGE_BYTES(payload) (24u + 8u + 256u + (payload) + 8u + 16u + 16u + 32u)

/** Writes the image and returns its length: one DROM segment of descriptor and payload, one short
 * RAM segment, checksum, SHA-256. Laid out for an offset that is a multiple of 64 KB. */
uint32_t app_image_make(uint8_t *out, const struct app_image_spec *spec);

/** Recomputes checksum and SHA-256 after a test changed something. */
void app_image_seal(uint8_t *image, uint32_t image_bytes);

#endif
