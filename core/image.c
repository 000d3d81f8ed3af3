/* core/image.c - the streaming reader of application images.
 * A small machine that consumes whatever it is fed: header, segment headers, segment data, padding
 * with the checksum, appended SHA-256, rest. The order of its checks is Espressif's; see
 * docs/formats.md "Application image". */
#include "ferry/image.h"

#include "core/mem.h"
#include "ferry/bytes.h"

enum phase { PHASE_HEADER, PHASE_SEG_HEADER, PHASE_SEG_DATA, PHASE_PAD, PHASE_DIGEST, PHASE_REST };

#define SEG_HEADER_BYTES   8u
#define SEG_LEN_LIMIT      0x1000000u  // 16 MB; Espressif refuses a segment this long
#define IMAGE_LIMIT        0x80000000u // keeps every sum of lengths below 32 bits
#define CHECKSUM_START     0xefu
#define CHECKSUM_ALIGN     16u
#define PAGE_DEFAULT       0x10000u
#define DESC_END           (FERRY_APP_DESC_OFF + FERRY_APP_DESC_HEAD_BYTES)
#define KEY_SECURE_VERSION 4u // in desc_key, as in the descriptor
#define KEY_TAIL           8u // desc_key from here on holds the descriptor from 176 on
#define DESC_TAIL          176u
#define REV_UNLIMITED(r)   ((r) == 0 || (r) == 0xffff)

void ferry_image_header_decode(const uint8_t b[FERRY_IMAGE_HEADER_BYTES],
                               struct ferry_image_header *out)
{
    out->n_segments = b[1];
    out->spi_mode = b[2];
    out->spi_speed = b[3] & 15;
    out->spi_size_code = b[3] >> 4;
    out->entry_addr = ferry_le32(b + 4);
    out->chip_id = ferry_le16(b + 12);
    out->min_rev = b[14];
    out->min_rev_full = ferry_le16(b + 15);
    out->max_rev_full = ferry_le16(b + 17);
    out->hash_appended = b[23];
}

static void copy_text(char *to, const uint8_t *from, size_t n)
{
    memcpy(to, from, n);
    to[n] = '\0';
}

bool ferry_app_desc_is(const uint8_t bytes[4])
{
    return ferry_le32(bytes) == FERRY_APP_DESC_MAGIC;
}

ferry_err ferry_app_desc_decode(const uint8_t b[FERRY_APP_DESC_HEAD_BYTES],
                                struct ferry_app_desc *out)
{
    if (!ferry_app_desc_is(b))
        return FERRY_ERR_IMAGE_NO_DESC;
    out->secure_version = ferry_le32(b + 4);
    copy_text(out->version, b + 16, 32);
    copy_text(out->project, b + 48, 32);
    copy_text(out->time, b + 80, 16);
    copy_text(out->date, b + 96, 16);
    copy_text(out->idf_version, b + 112, 32);
    memcpy(out->elf_sha256, b + 144, 32);
    out->min_blk_rev_full = ferry_le16(b + 176);
    out->max_blk_rev_full = ferry_le16(b + 178);
    out->page_log2 = b[180];
    out->spi_mode = b[181];
    return FERRY_OK;
}

void ferry_image_begin(struct ferry_image *img, const struct ferry_image_rules *rules)
{
    memset(img, 0, sizeof(*img));
    img->rules = rules;
    img->checksum = CHECKSUM_START;
    img->phase = PHASE_HEADER;
    img->part_end_bytes = FERRY_IMAGE_HEADER_BYTES;
    ferry_sha256_init(&img->hash);
}

static ferry_err fail(struct ferry_image *img, ferry_err err, uint32_t value, uint32_t limit)
{
    return ferry_fail(&img->fault, err, value, limit, img->at_bytes);
}

static ferry_err check_chip(struct ferry_image *img)
{
    const struct ferry_image_rules *r = img->rules;
    const struct ferry_image_header *h = &img->header;
    if (!r->chip || r->metadata_only)
        return FERRY_OK;
    if (h->chip_id != r->chip->id)
        return fail(img, FERRY_ERR_IMAGE_CHIP, h->chip_id, r->chip->id);
    if (r->chip_rev < h->min_rev_full)
        return fail(img, FERRY_ERR_IMAGE_REV_MIN, h->min_rev_full, r->chip_rev);
    if (!REV_UNLIMITED(h->max_rev_full) && !r->ignore_max_rev && r->chip_rev > h->max_rev_full)
        return fail(img, FERRY_ERR_IMAGE_REV_MAX, h->max_rev_full, r->chip_rev);
    return FERRY_OK;
}

/* The eFuse block revisions that the descriptor asks for. Espressif looks at them only behind the
 * last segment, so a damaged segment is reported before them. */
static ferry_err check_blk_rev(struct ferry_image *img)
{
    const struct ferry_image_rules *r = img->rules;
    if (!r->chip || !r->chip->has_blk_rev || r->metadata_only)
        return FERRY_OK;
    const uint16_t min = ferry_le16(img->desc_key + KEY_TAIL);
    const uint16_t max = ferry_le16(img->desc_key + KEY_TAIL + 2);
    if (r->blk_rev < min)
        return fail(img, FERRY_ERR_IMAGE_BLK_REV, min, r->blk_rev);
    if (!REV_UNLIMITED(max) && r->blk_rev > max)
        return fail(img, FERRY_ERR_IMAGE_BLK_REV, max, r->blk_rev);
    return FERRY_OK;
}

/* Behind the data: padding up to a checksum byte that closes a block of 16. */
static ferry_err begin_segment_or_pad(struct ferry_image *img)
{
    if (img->n_segments < img->header.n_segments) {
        img->phase = PHASE_SEG_HEADER;
        img->part_end_bytes += SEG_HEADER_BYTES;
        return FERRY_OK;
    }
    img->phase = PHASE_PAD;
    img->part_end_bytes = ferry_align_up(img->part_end_bytes + 1, CHECKSUM_ALIGN);
    return check_blk_rev(img);
}

static ferry_err end_header(struct ferry_image *img)
{
    if (img->part[0] != FERRY_IMAGE_MAGIC)
        return fail(img, FERRY_ERR_IMAGE_MAGIC, img->part[0], FERRY_IMAGE_MAGIC);
    ferry_image_header_decode(img->part, &img->header);
    const ferry_err err = check_chip(img);
    if (err)
        return err;
    if (img->header.n_segments > FERRY_IMAGE_SEGMENTS)
        return fail(img, FERRY_ERR_IMAGE_SEGMENTS, img->header.n_segments, FERRY_IMAGE_SEGMENTS);
    return begin_segment_or_pad(img);
}

static bool in_range(const struct ferry_addr_range *r, uint32_t addr)
{
    return addr >= r->start && addr < r->end;
}

/* Mapped data is not copied: the flash page appears in the address space, so both must agree on
 * the place within a page. The descriptor may name a smaller page than the default. */
static ferry_err check_align(struct ferry_image *img, uint32_t load_addr, uint32_t data_off)
{
    const struct ferry_chip *c = img->rules->chip;
    if (!c || img->rules->bootloader)
        return FERRY_OK;
    if (!in_range(&c->drom, load_addr) && !in_range(&c->irom, load_addr) &&
        !in_range(&c->psram, load_addr))
        return FERRY_OK;
    uint32_t page = PAGE_DEFAULT;
    const uint8_t log2 = img->desc_key[KEY_TAIL + 4];
    if (c->page_log2_min < c->page_log2_max && log2 >= c->page_log2_min && log2 <= c->page_log2_max)
        page = 1u << log2;
    const uint32_t flash_off = img->rules->base_off_bytes + data_off;
    if ((flash_off ^ load_addr) & (page - 1))
        return ferry_fail(&img->fault, FERRY_ERR_IMAGE_SEG_ALIGN, load_addr, page, data_off);
    return FERRY_OK;
}

static ferry_err end_segment_header(struct ferry_image *img)
{
    const uint32_t load_addr = ferry_le32(img->part);
    const uint32_t len = ferry_le32(img->part + 4);
    const uint32_t header_off = img->at_bytes - SEG_HEADER_BYTES;
    // Chips that map more than 16 MB have no limit of their own, only the flash's.
    const bool big = img->rules->chip && img->rules->chip->big_flash;
    if (len % 4 || (!big && len >= SEG_LEN_LIMIT))
        return ferry_fail(&img->fault, FERRY_ERR_IMAGE_SEG_LEN, len, SEG_LEN_LIMIT, header_off);
    // The first segment begins with the descriptor, which every app has.
    if (img->n_segments == 0 && len < FERRY_APP_DESC_BYTES && !img->rules->bootloader)
        return ferry_fail(&img->fault, FERRY_ERR_IMAGE_SEG_LEN, len, FERRY_APP_DESC_BYTES,
                          header_off);
    // Espressif notices this only at the very end, after reading past the partition.
    const uint32_t max = img->rules->max_bytes;
    const uint32_t limit = max && max < IMAGE_LIMIT ? max : IMAGE_LIMIT;
    if (!ferry_range_fits(img->at_bytes, len, limit))
        return ferry_fail(&img->fault, FERRY_ERR_IMAGE_SIZE,
                          len <= UINT32_MAX - img->at_bytes ? img->at_bytes + len : UINT32_MAX,
                          limit, header_off);
    if (img->rules->segments)
        img->rules->segments[img->n_segments] =
            (struct ferry_segment){load_addr, len, img->at_bytes};
    // What page the app was built for stands in the first segment's data, so that segment's own
    // place is checked once its descriptor is in.
    if (img->n_segments > 0) {
        const ferry_err err = check_align(img, load_addr, img->at_bytes);
        if (err)
            return err;
    }
    img->n_segments++;
    img->phase = PHASE_SEG_DATA;
    img->part_end_bytes = img->at_bytes + len;
    img->proven_bytes = img->part_end_bytes;
    return FERRY_OK;
}

/* The descriptor's fields are complete: what the image asks of the device beyond its header. */
static ferry_err end_desc(struct ferry_image *img)
{
    const struct ferry_image_rules *r = img->rules;
    img->desc_ready = ferry_app_desc_is(img->desc_key);
    const bool page_varies = r->chip && r->chip->page_log2_min < r->chip->page_log2_max;
    if (!img->desc_ready && page_varies)
        return fail(img, FERRY_ERR_IMAGE_NO_DESC, ferry_le32(img->desc_key), FERRY_APP_DESC_MAGIC);
    const ferry_err err = check_align(img, ferry_le32(img->part), FERRY_APP_DESC_OFF);
    if (err || r->metadata_only)
        return err;
    if (r->min_secure_version) {
        if (!img->desc_ready)
            return fail(img, FERRY_ERR_IMAGE_NO_DESC, ferry_le32(img->desc_key),
                        FERRY_APP_DESC_MAGIC);
        const uint32_t version = ferry_le32(img->desc_key + KEY_SECURE_VERSION);
        if (version < r->min_secure_version)
            return fail(img, FERRY_ERR_IMAGE_SECURE_VERSION, version, r->min_secure_version);
    }
    return FERRY_OK;
}

static ferry_err end_image(struct ferry_image *img)
{
    img->image_bytes = img->part_end_bytes;
    img->phase = PHASE_REST;
    if (img->rules->max_bytes && img->image_bytes > img->rules->max_bytes)
        return fail(img, FERRY_ERR_IMAGE_SIZE, img->image_bytes, img->rules->max_bytes);
    if (img->differs && !img->rules->metadata_only)
        return fail(img, FERRY_ERR_IMAGE_HASH, 0, 0);
    img->digest_ready = img->header.hash_appended != 0;
    return FERRY_OK;
}

static ferry_err end_pad(struct ferry_image *img)
{
    if (img->part[0] != img->checksum && !img->rules->metadata_only)
        return fail(img, FERRY_ERR_IMAGE_CHECKSUM, img->part[0], img->checksum);
    if (!img->header.hash_appended)
        return end_image(img);
    struct ferry_sha256 clone = img->hash;
    ferry_sha256_finish(&clone, img->digest);
    img->phase = PHASE_DIGEST;
    img->part_end_bytes += FERRY_SHA256_BYTES;
    return FERRY_OK;
}

static ferry_err end_part(struct ferry_image *img)
{
    img->n_part = 0;
    switch (img->phase) {
    case PHASE_HEADER:
        return end_header(img);
    case PHASE_SEG_HEADER:
        return end_segment_header(img);
    case PHASE_SEG_DATA:
        return begin_segment_or_pad(img);
    case PHASE_PAD:
        return end_pad(img);
    default:
        return end_image(img);
    }
}

/* n bytes of the descriptor's head, which never run past its end: see step_bytes. */
static void take_desc(struct ferry_image *img, const uint8_t *data, uint32_t at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++, at++) {
        if (at < KEY_TAIL)
            img->desc_key[at] = data[i];
        else if (at >= DESC_TAIL)
            img->desc_key[at - DESC_TAIL + KEY_TAIL] = data[i];
        if (img->rules->desc_head)
            img->rules->desc_head[at] = data[i];
    }
}

/* Whether the descriptor, with which an app's first segment begins, is passing by. */
static bool in_desc(const struct ferry_image *img)
{
    return img->at_bytes < DESC_END && !img->rules->bootloader;
}

static void take_data(struct ferry_image *img, const uint8_t *data, uint32_t n)
{
    uint8_t sum = img->checksum;
    for (uint32_t i = 0; i < n; i++)
        sum ^= data[i];
    img->checksum = sum;
    if (in_desc(img))
        take_desc(img, data, img->at_bytes - FERRY_APP_DESC_OFF, n);
}

/* Takes n bytes that lie within the current part. */
static void take(struct ferry_image *img, const uint8_t *data, uint32_t n)
{
    switch (img->phase) {
    case PHASE_SEG_DATA:
        take_data(img, data, n);
        break;
    case PHASE_PAD:
        img->part[0] = data[n - 1]; // its last byte is the checksum
        break;
    case PHASE_DIGEST:
        // digest holds what was computed; what is read replaces it, byte for byte.
        for (uint32_t i = 0; i < n; i++) {
            uint8_t *d = &img->digest[img->n_part++];
            img->differs = (uint8_t)(img->differs | (*d ^ data[i]));
            *d = data[i];
        }
        break;
    case PHASE_REST:
        break;
    default:
        memcpy(img->part + img->n_part, data, n);
        img->n_part = (uint8_t)(img->n_part + n);
        break;
    }
    if (!img->rules->metadata_only)
        ferry_sha256_update(&img->hash, data, n);
    img->at_bytes += n;
}

/* How many of n bytes the machine can take in one step without passing a point of decision. */
static uint32_t step_bytes(const struct ferry_image *img, size_t n)
{
    uint32_t until = UINT32_MAX; // file offsets are 32 bits; a longer file is refused by feed
    if (img->phase != PHASE_REST)
        until = img->part_end_bytes;
    if (img->phase == PHASE_SEG_DATA && in_desc(img))
        until = DESC_END; // the first segment is longer than the descriptor
    const uint32_t room = until - img->at_bytes;
    return n < room ? (uint32_t)n : room;
}

ferry_err ferry_image_feed(struct ferry_image *img, const uint8_t *data, size_t n)
{
    if (img->fault.err)
        return img->fault.err;
    while (n) {
        const uint32_t step = step_bytes(img, n);
        if (!step)
            return fail(img, FERRY_ERR_RANGE, UINT32_MAX, UINT32_MAX);
        take(img, data, step);
        data += step;
        n -= step;
        ferry_err err = FERRY_OK;
        if (img->phase == PHASE_SEG_DATA && img->at_bytes == DESC_END && !img->rules->bootloader)
            err = end_desc(img);
        // A segment may be empty, so one step can end more than one part.
        while (!err && img->phase != PHASE_REST && img->at_bytes == img->part_end_bytes)
            err = end_part(img);
        if (err)
            return err;
    }
    return FERRY_OK;
}

ferry_err ferry_image_end(struct ferry_image *img)
{
    if (img->fault.err)
        return img->fault.err;
    if (img->phase == PHASE_REST)
        return FERRY_OK;
    return fail(img, FERRY_ERR_IMAGE_TRUNC, img->at_bytes, img->part_end_bytes);
}

ferry_err ferry_image_desc(const struct ferry_image *img, struct ferry_app_desc *out)
{
    if (!img->desc_ready || !img->rules->desc_head)
        return FERRY_ERR_IMAGE_NO_DESC;
    return ferry_app_desc_decode(img->rules->desc_head, out);
}

int32_t ferry_image_esp_err(ferry_err err)
{
    switch (err) {
    case FERRY_OK:
        return 0;
    case FERRY_ERR_IMAGE_CHIP:
    case FERRY_ERR_IMAGE_REV_MIN:
    case FERRY_ERR_IMAGE_REV_MAX:
    case FERRY_ERR_IMAGE_BLK_REV:
    case FERRY_ERR_IMAGE_NO_DESC:
    case FERRY_ERR_IMAGE_SECURE_VERSION:
        return -1; // ESP_FAIL
    case FERRY_ERR_PARTITION_LIMIT:
    case FERRY_ERR_ARG:
        return 0x102; // ESP_ERR_INVALID_ARG
    case FERRY_ERR_FLASH_IO:
        return 0x2001; // ESP_ERR_IMAGE_FLASH_FAIL
    default:
        return 0x2002; // ESP_ERR_IMAGE_INVALID
    }
}

int32_t ferry_image_esp_verdict(const struct ferry_image *img, uint32_t flash_bytes)
{
    const struct ferry_fault *f = &img->fault;
    const bool in_segments = f->err == FERRY_ERR_IMAGE_SIZE && img->phase == PHASE_SEG_HEADER;
    if (!in_segments || ferry_range_fits(img->rules->base_off_bytes, f->value, flash_bytes))
        return ferry_image_esp_err(f->err);
    if (!img->rules->metadata_only)
        return -1; // ESP_FAIL: the segment cannot be mapped
    // The segment is passed over unread; what fails is reading the header or digest behind it.
    const bool reads_on = img->n_segments + 1 < img->header.n_segments || img->header.hash_appended;
    return reads_on && f->value != UINT32_MAX ? 0x102 : 0x2002;
}
