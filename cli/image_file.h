/* cli/image_file.h - a file that the user calls an image: mapped, told apart from whole flash
 * contents, walked. Shared by `ferry image info` and `ferry image verify`. */
#ifndef CLI_IMAGE_FILE_H
#define CLI_IMAGE_FILE_H

#include "command.h"
#include "ferry/image.h"
#include "map_file.h"

/** An application found inside of whole flash contents. */
struct image_file_app {
    char label[17];
    uint32_t off_bytes; // in the file
    uint32_t n_bytes;
    bool has_desc;
    struct ferry_app_desc desc;
};

#define IMAGE_FILE_APPS 18u // factory, test, ota_0 to ota_15

struct image_file {
    const char *path;
    struct ferry_mapped_file mapped;
    const uint8_t *bytes; // of it, for who needs all at once; else: image_file_read
    uint32_t n_bytes;
    struct ferry_flash flash; // the file, as the verifier wants it
    uint8_t work[4096];

    bool is_flash;            // with a partition table: bootloader and more, not one image
    uint32_t flash_off_bytes; // where in flash the file begins
    uint32_t table_off_bytes; // in the file
    unsigned n_partitions;
    struct image_file_app apps[IMAGE_FILE_APPS];
    unsigned n_apps;
};

/** What is known of the image at the file's start. */
struct image_found {
    const struct ferry_chip *chip; // the rules'; NULL if the header names none that is known
    struct ferry_image_rules rules;
    struct ferry_segment segments[FERRY_IMAGE_SEGMENTS];
    struct ferry_image img;
    ferry_err err;
    int32_t esp_err; // what Espressif's verifier gives
    bool has_desc;
    bool is_bootloader; // by its descriptor or texts; judged as one
    struct ferry_app_desc desc;
};

/** What the image must fit. */
struct image_wanted {
    const struct ferry_chip *chip; // NULL: the one the header names
    bool has_rev;                  // else the image's own limits are met
    uint16_t rev;
    bool has_blk_rev;
    uint16_t blk_rev;
};

/** Opens the file. Returns CLI_EXIT_OK, or the exit code after complaining. */
int image_file_open(const struct cli_call *call, const char *path, struct image_file *f);
void image_file_close(struct image_file *f);

/** Copies n bytes from off on; erased ones stand for what the file does not hold. */
void image_file_read(const struct image_file *f, uint32_t off, void *dst, uint32_t n);

/** Walks and checks the image at the file's start. */
void image_file_walk(const struct image_file *f, const struct image_wanted *want,
                     struct image_found *found);

/** SHA-256 of the whole file; what image_file_walk has hashed is not hashed again. */
void image_file_sha256(const struct image_file *f, const struct image_found *found,
                       uint8_t digest[FERRY_SHA256_BYTES]);

/** Reads --chip, its names as esptool spells them. False: complained, return CLI_EXIT_USAGE. */
bool image_file_chip(const struct cli_call *call, int key, const struct ferry_chip **chip);

/** Adds "segments", "sha256" (the one appended to the image) and "app" to the JSON object. */
void image_file_json(cJSON *to, const struct image_found *found);

/** The digits of bytes in buf, which holds 2 * n + 1; returns buf. */
const char *image_file_hex(char *buf, const uint8_t *bytes, size_t n);

#endif
