/* ferry/image.h - application images: read while they stream by, or verified where they lie.
 * The reader takes any split of the bytes and gives the same result; the verifier feeds it from
 * flash. Verdicts are Espressif's, by number where asked. Facts: docs/formats.md "Application
 * image". */
#ifndef FERRY_IMAGE_H
#define FERRY_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/chip.h"
#include "ferry/crypto.h"
#include "ferry/err.h"
#include "ferry/flash.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_IMAGE_MAGIC         0xe9u
#define FERRY_IMAGE_HEADER_BYTES  24u
#define FERRY_IMAGE_SEGMENTS      16u
#define FERRY_APP_DESC_OFF        0x20u
#define FERRY_APP_DESC_BYTES      256u
#define FERRY_APP_DESC_MAGIC      0xabcd5432u
#define FERRY_APP_DESC_HEAD_BYTES 184u // the part of the descriptor that has fields

struct ferry_image_header {
    uint32_t entry_addr;
    uint16_t chip_id;
    uint16_t min_rev_full; // major * 100 + minor
    uint16_t max_rev_full; // 0 and 0xffff: no limit
    uint8_t n_segments;
    uint8_t spi_mode;      // 0 QIO, 1 QOUT, 2 DIO, 3 DOUT, 4 fast read, 5 slow read
    uint8_t spi_speed;     // code, low nibble of byte 3; its meaning differs by chip
    uint8_t spi_size_code; // flash is 1 MB << code
    uint8_t min_rev;       // legacy, not checked
    uint8_t hash_appended; // any non-zero: a SHA-256 follows the checksum
};

struct ferry_segment {
    uint32_t load_addr;
    uint32_t len_bytes;
    uint32_t data_off_bytes; // from the image's start
};

/** The application descriptor; strings are always NUL-terminated here. */
struct ferry_app_desc {
    uint32_t secure_version;
    uint16_t min_blk_rev_full;
    uint16_t max_blk_rev_full; // 0 and 0xffff: no limit
    uint8_t page_log2;         // MMU page the app was built for; 0 or out of range: the default
    uint8_t spi_mode;          // 0 unknown, 1 QIO .. 5 OPI
    char version[33];
    char project[33];
    char time[17];
    char date[17];
    char idf_version[33];
    uint8_t elf_sha256[32];
};

/** Decodes the header's 24 bytes, the magic not looked at. */
void ferry_image_header_decode(const uint8_t bytes[FERRY_IMAGE_HEADER_BYTES],
                               struct ferry_image_header *out);

/** True if these bytes begin with the descriptor's magic. */
bool ferry_app_desc_is(const uint8_t bytes[4]);

/** Decodes the descriptor's first 184 bytes. FERRY_ERR_IMAGE_NO_DESC if its magic is not there. */
FERRY_MUST_CHECK ferry_err ferry_app_desc_decode(const uint8_t bytes[FERRY_APP_DESC_HEAD_BYTES],
                                                 struct ferry_app_desc *out);

/** What an image must fit. Zeros are legal: no chip, revision 0, no limit on the length. */
struct ferry_image_rules {
    const struct ferry_chip *chip;  // NULL: header's chip and revisions, page alignment and block
                                    // revision are not checked
    uint16_t chip_rev;              // of this chip, major * 100 + minor
    uint16_t blk_rev;               // of this chip's eFuse block
    bool ignore_max_rev;            // eFuse "disable wafer version major" is burnt
    bool bootloader;                // no app: no descriptor is looked for, any segment may be
                                    // first and lie anywhere in a page
    bool metadata_only;             // walk and measure; no chip, checksum or SHA-256 checks
    uint32_t base_off_bytes;        // absolute flash address the image will lie at
    uint32_t max_bytes;             // size of its partition; 0: no limit
    uint32_t min_secure_version;    // 0: not checked
    struct ferry_segment *segments; // 16 of them, filled as they come; NULL: not wanted; kept
    uint8_t
        *desc_head; // FERRY_APP_DESC_HEAD_BYTES that take the descriptor; NULL: not wanted; kept
};

/** A reader in the middle of an image; 256 bytes on a 32-bit chip. Fields down to `phase` may be
 * read. */
struct ferry_image {
    const struct ferry_image_rules *rules; // kept
    struct ferry_fault fault;
    struct ferry_image_header header;   // valid once at_bytes >= 24
    uint32_t at_bytes;                  // bytes fed
    uint32_t image_bytes;               // length of the image; 0 until its end was seen
    uint32_t proven_bytes;              // the image reaches at least this far, by its headers
    uint8_t n_segments;                 // segments whose header was seen
    bool desc_ready;                    // the descriptor has passed by and its magic was there
    bool digest_ready;                  // the SHA-256 appended to the image has passed by
    uint8_t digest[FERRY_SHA256_BYTES]; // appended SHA-256; zeros if none
    uint8_t phase;
    uint8_t checksum;
    uint8_t n_part;
    uint8_t differs;
    uint32_t part_end_bytes; // where the current part ends
    uint8_t desc_key[16];    // what the rules ask of a descriptor: bytes 0-7 and 176-183
    uint8_t part[FERRY_IMAGE_HEADER_BYTES];
    struct ferry_sha256 hash; // of all bytes fed
};

/** Begins a reader; rules are kept. */
void ferry_image_begin(struct ferry_image *img, const struct ferry_image_rules *rules);

/** Feeds the next n bytes of the file. Bytes behind the image's end are hashed and passed over.
 * The first error is final: every later call gives it again. Causes, in Espressif's order:
 * FERRY_ERR_IMAGE_MAGIC      fault: first byte, 0xe9
 * FERRY_ERR_IMAGE_CHIP       fault: chip_id of image, of device
 * FERRY_ERR_IMAGE_REV_MIN/MAX fault: revision the image asks for, of device
 * FERRY_ERR_IMAGE_SEGMENTS   fault: count, 16
 * FERRY_ERR_IMAGE_SEG_LEN    fault: length, limit, offset of the segment header
 * FERRY_ERR_IMAGE_SIZE       fault: bytes needed, max_bytes
 * FERRY_ERR_IMAGE_SEG_ALIGN  fault: load address, page size, offset of the data
 * FERRY_ERR_IMAGE_NO_DESC, FERRY_ERR_IMAGE_BLK_REV, FERRY_ERR_IMAGE_SECURE_VERSION
 * FERRY_ERR_IMAGE_CHECKSUM   fault: found, computed; FERRY_ERR_IMAGE_HASH */
FERRY_MUST_CHECK ferry_err ferry_image_feed(struct ferry_image *img, const uint8_t *data, size_t n);

/** Says that no byte follows. FERRY_ERR_IMAGE_TRUNC fault: bytes seen, bytes the image needs. */
FERRY_MUST_CHECK ferry_err ferry_image_end(struct ferry_image *img);

/** The descriptor, as soon as its bytes are in, from rules->desc_head.
 * FERRY_ERR_IMAGE_NO_DESC not there (yet), or not wanted. */
FERRY_MUST_CHECK ferry_err ferry_image_desc(const struct ferry_image *img,
                                            struct ferry_app_desc *out);

/** Verifies the image at the start of a region, reading no further than its end or the region's.
 * rules->max_bytes and base_off_bytes are for the caller to set (usually the region's).
 * work: at least 64 bytes, more is faster. *img afterwards holds what was found out.
 * FERRY_ERR_PARTITION_LIMIT the region is larger than the chip can map; flash errors; the rest as
 * ferry_image_feed. */
FERRY_MUST_CHECK ferry_err ferry_image_verify(const struct ferry_region *region,
                                              const struct ferry_image_rules *rules, void *work,
                                              size_t work_bytes, struct ferry_image *img);

/** Reads the descriptor of the app in a region without looking at anything else.
 * work: at least 184 bytes. FERRY_ERR_IMAGE_NO_DESC; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_image_read_desc(const struct ferry_region *region, uint8_t *work,
                                                 struct ferry_app_desc *out);

/** The number Espressif's esp_image_verify gives for this cause: 0, -1 (ESP_FAIL), 0x102, 0x2001
 * or 0x2002. */
int32_t ferry_image_esp_err(ferry_err err);

/** The same for a reader that is done or has failed, in a flash of flash_bytes: Espressif's code
 * reads a segment before it looks at the partition's end, so one that leaves the chip altogether
 * gets the flash driver's number. */
int32_t ferry_image_esp_verdict(const struct ferry_image *img, uint32_t flash_bytes);

#ifdef __cplusplus
}
#endif
#endif
