/* host/bootloader.c - walking a bootloader image and reading between its lines. */
#include "bootloader.h"

#include <string.h>

#include "ferry/bytes.h"
#include "merged.h"

#define ERASED_BYTES     4096u // so much of it is looked at; behind it lies the table
#define BOOTLOADER_MOST  0x40000u
#define SEG_HEADER_BYTES 8u
#define CHECKSUM_START   0xefu
#define CHECKSUM_BLOCK   16u
#define DESC_OFF         32u
#define DESC_BYTES       80u
#define DESC_MAGIC       0x50u

/* Texts of the bootloader's log. The compiler keeps those up to the log level it was built with:
 * some prove a feature, and some prove that the level would have shown the feature. */
static const char rollback_text[] = "PENDING_VERIFY";           // debug level, rollback only
static const char debug_text[] = "Mapping seq ";                // debug level, always
static const char anti_rollback_text[] = "for anti rollback";   // info level, anti-rollback only
static const char own_text[] = "load partition table error";    // error level: no app has it
static const char info_text[] = "Loaded app from partition at"; // info level, always

static bool has_text(const uint8_t *bytes, size_t n, const char *text)
{
    return memmem(bytes, n, text, strlen(text)) != NULL;
}

static bool is_erased(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

static void read_texts(struct ferry_bootloader *b, const uint8_t *bytes, size_t n)
{
    if (has_text(bytes, n, anti_rollback_text))
        b->anti_rollback = FERRY_TOLD_YES;
    else if (has_text(bytes, n, info_text))
        b->anti_rollback = FERRY_TOLD_NO;
    // Anti-rollback cannot be built without rollback.
    if (b->anti_rollback == FERRY_TOLD_YES || has_text(bytes, n, rollback_text))
        b->rollback = FERRY_TOLD_YES;
    else if (has_text(bytes, n, debug_text))
        b->rollback = FERRY_TOLD_NO;
}

static void read_desc(struct ferry_bootloader *b, const uint8_t *bytes, size_t n)
{
    if (n < DESC_OFF + DESC_BYTES || bytes[DESC_OFF] != DESC_MAGIC)
        return;
    const uint8_t *desc = bytes + DESC_OFF;
    // One byte of magic is little: the rest must look like a descriptor too.
    if (desc[1] || desc[2] || desc[8] != 'v')
        return;
    b->has_desc = true;
    b->version = ferry_le32(desc + 4);
    memcpy(b->idf_version, desc + 8, 32);
}

/** Where the checksum byte is; 0 if the segments leave the n bytes. *sum gets what it should be. */
static size_t walk_segments(const uint8_t *bytes, size_t n, unsigned n_segments, uint8_t *sum)
{
    size_t at = FERRY_IMAGE_HEADER_BYTES;
    *sum = CHECKSUM_START;
    for (unsigned i = 0; i < n_segments; i++) {
        if (n - at < SEG_HEADER_BYTES)
            return 0;
        const uint32_t len = ferry_le32(bytes + at + 4);
        at += SEG_HEADER_BYTES;
        if (len > n - at)
            return 0;
        for (uint32_t k = 0; k < len; k++)
            *sum ^= bytes[at + k];
        at += len;
    }
    at |= CHECKSUM_BLOCK - 1;
    return at < n ? at : 0;
}

static bool hash_fits(const uint8_t *bytes, size_t n_hashed)
{
    uint8_t digest[FERRY_SHA256_BYTES];
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, bytes, n_hashed);
    ferry_sha256_finish(&h, digest);
    return !memcmp(bytes + n_hashed, digest, sizeof(digest));
}

void ferry_bootloader_look(struct ferry_bootloader *b, const uint8_t *bytes, size_t n)
{
    uint8_t sum;
    *b = (struct ferry_bootloader){.off_bytes = b->off_bytes};
    b->state = is_erased(bytes, n < ERASED_BYTES ? n : ERASED_BYTES) ? FERRY_BOOTLOADER_ERASED
                                                                     : FERRY_BOOTLOADER_FOREIGN;
    if (n < FERRY_IMAGE_HEADER_BYTES || bytes[0] != FERRY_IMAGE_MAGIC)
        return;
    ferry_image_header_decode(bytes, &b->header);
    if (b->header.n_segments > FERRY_IMAGE_SEGMENTS)
        return;
    b->chip = ferry_chip_by_id(b->header.chip_id);
    b->flash_bytes = ferry_flash_size_of_code(b->header.spi_size_code);
    b->state = FERRY_BOOTLOADER_CUT;
    const size_t at = walk_segments(bytes, n, b->header.n_segments, &sum);
    const size_t end = at + 1;
    if (!at || (b->header.hash_appended && n - end < FERRY_SHA256_BYTES))
        return;
    b->image_bytes = (uint32_t)(end + (b->header.hash_appended ? FERRY_SHA256_BYTES : 0));
    b->state = FERRY_BOOTLOADER_CHECKSUM;
    const uint8_t *data = bytes + FERRY_IMAGE_HEADER_BYTES; // a header has no texts
    read_desc(b, bytes, end);
    b->is_bootloader = b->has_desc || has_text(data, end - FERRY_IMAGE_HEADER_BYTES, own_text);
    if (bytes[at] != sum)
        return;
    b->state = b->header.hash_appended && !hash_fits(bytes, end) ? FERRY_BOOTLOADER_HASH
                                                                 : FERRY_BOOTLOADER_WHOLE;
    read_texts(b, data, end - FERRY_IMAGE_HEADER_BYTES);
}

bool ferry_is_bootloader(const uint8_t *bytes, size_t n)
{
    struct ferry_bootloader b = {0};
    ferry_bootloader_look(&b, bytes, n < BOOTLOADER_MOST ? n : BOOTLOADER_MOST);
    return b.is_bootloader;
}

bool ferry_bootloader_set_flash(uint8_t *bytes, size_t n, uint32_t flash_bytes)
{
    struct ferry_bootloader b = {0};
    uint8_t code;
    ferry_bootloader_look(&b, bytes, n);
    if (b.state < FERRY_BOOTLOADER_HASH || !ferry_flash_size_code(flash_bytes, &code))
        return false;
    bytes[3] = (uint8_t)((bytes[3] & 0x0f) | code << 4);
    if (!b.header.hash_appended)
        return true;
    struct ferry_sha256 h;
    const size_t n_hashed = b.image_bytes - FERRY_SHA256_BYTES;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, bytes, n_hashed);
    ferry_sha256_finish(&h, bytes + n_hashed);
    return true;
}
