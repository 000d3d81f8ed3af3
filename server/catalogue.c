/* server/catalogue.c - an image in memory, seen as a flash by the core's verifier. */
#include "catalogue.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "ferry/bytes.h"
#include "ferry/crc32.h"
#include "ferry/crypto.h"
#include "ferry/image.h"
#include "ferry/signature.h"
#include "ferry/table.h"
#include "hex.h"
#include "merged.h"
#include "sentence.h"
#include "store_channel.h"
#include "store_report.h"

#define TABLE_OFF 0x8000u

/** The bytes as the core reads them. */
struct image_flash {
    struct ferry_flash flash;
    const uint8_t *bytes;
    uint32_t n;
};

static ferry_err read_bytes(const struct ferry_flash *flash, uint32_t off, void *dst, uint32_t len)
{
    const struct image_flash *f = flash->ctx;
    if (!ferry_range_fits(off, len, f->n))
        return FERRY_ERR_FLASH_RANGE;
    memcpy(dst, f->bytes + off, len);
    return FERRY_OK;
}

static const struct ferry_flash_ops read_ops = {.read = read_bytes};

static void as_flash(struct image_flash *f, const uint8_t *bytes, uint32_t n)
{
    *f = (struct image_flash){.bytes = bytes, .n = n};
    f->flash = (struct ferry_flash){.ops = &read_ops,
                                    .ctx = f,
                                    .size_bytes = n,
                                    .sector_bytes = 4096,
                                    .block_bytes = 65536,
                                    .prog_bytes = 1};
}

__attribute__((format(printf, 2, 3))) static bool refuse(char why[CATALOGUE_WHY_BYTES],
                                                         const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, CATALOGUE_WHY_BYTES, fmt, args);
    va_end(args);
    return false;
}

static bool refuse_fault(char why[CATALOGUE_WHY_BYTES], const struct ferry_fault *fault)
{
    const struct ferry_about about = {.file = "the file"};
    ferry_sentence(why, CATALOGUE_WHY_BYTES, fault, &about);
    return false;
}

/** Each block of the signature sector whose signature holds gives its key. */
static void read_keys(const struct image_flash *f, uint32_t image_bytes, struct release *out)
{
    const uint32_t off = ferry_signature_off(image_bytes);
    const struct ferry_region region = {&f->flash, 0, f->n};
    out->n_keys = 0;
    if (!ferry_range_fits(off, FERRY_SIGNATURE_SECTOR_BYTES, f->n))
        return;
    for (unsigned i = 0; i < FERRY_SIGNATURE_BLOCKS; i++) {
        struct ferry_signature_block block;
        struct ferry_signature_work work;
        struct ferry_fault fault;
        struct ferry_trust trust = {.n_keys = 1};
        if (ferry_signature_decode(f->bytes + off + i * FERRY_SIGNATURE_BLOCK_BYTES, &block))
            continue;
        ferry_signature_key_digest(&block, trust.key_digests[0]);
        trust.p384 = block.scheme == FERRY_SCHEME_ECDSA_P384;
        if (ferry_signature_verify(&region, image_bytes, &trust, &work, &fault) ==
            FERRY_VERDICT_GENUINE)
            hex_write(trust.key_digests[0], FERRY_SHA256_BYTES, out->keys[out->n_keys++]);
    }
}

/** What the file is if it is no application image: the likely mistakes by name. */
static bool refuse_other(const struct image_flash *f, char why[CATALOGUE_WHY_BYTES])
{
    struct ferry_merged merged;
    if (ferry_merged_find(&f->flash, f->n, TABLE_OFF, &merged))
        return refuse(why,
                      "it is a merged image, a whole flash with bootloader and partition table; a "
                      "release is the application alone: `ferry image extract` takes it out");
    struct ferry_table table;
    if (ferry_table_open(&table, &f->flash, TABLE_OFF, NULL) == FERRY_OK)
        return refuse(why, "it is the contents of a whole flash, with a partition table; a release "
                           "is the application alone: `ferry image extract` takes it out");
    if (f->n < FERRY_IMAGE_HEADER_BYTES)
        return refuse(why, "it has %" PRIu32 " bytes; an image's header alone has %u", f->n,
                      FERRY_IMAGE_HEADER_BYTES);
    return true;
}

/** An image's length, with its signature sector if it has one. */
static bool check_length(size_t n, const struct ferry_image *img, const struct release *r,
                         char why[CATALOGUE_WHY_BYTES])
{
    const size_t signed_bytes =
        (size_t)ferry_signature_off(img->image_bytes) + FERRY_SIGNATURE_SECTOR_BYTES;
    if (n == img->image_bytes || (n == signed_bytes && r->n_keys > 0))
        return true;
    if (n == signed_bytes)
        return refuse(why, "it has a signature sector, and no signature in it holds");
    return refuse(why, "%zu bytes follow the image, which has %" PRIu32 " bytes",
                  n - img->image_bytes, img->image_bytes);
}

bool catalogue_read(const uint8_t *bytes, size_t n, struct release *out,
                    char why[CATALOGUE_WHY_BYTES])
{
    struct image_flash f;
    struct ferry_image img;
    struct ferry_app_desc desc;
    uint8_t desc_head[FERRY_APP_DESC_HEAD_BYTES];
    if (n > CATALOGUE_MOST_BYTES)
        return refuse(why, "it has %zu bytes; a slot holds %u at most", n, CATALOGUE_MOST_BYTES);
    as_flash(&f, bytes, (uint32_t)n);
    if (!refuse_other(&f, why))
        return false;
    const struct ferry_image_rules rules = {.desc_head = desc_head};
    ferry_image_begin(&img, &rules);
    if (ferry_image_feed(&img, bytes, n) || ferry_image_end(&img))
        return refuse_fault(why, &img.fault);
    const struct ferry_chip *chip = ferry_chip_by_id(img.header.chip_id);
    if (!chip)
        return refuse(why, "its chip id is %u, and no chip has that", img.header.chip_id);
    if (ferry_image_desc(&img, &desc))
        return refuse(why, "it has no application descriptor: a bootloader, or an application "
                           "that was built without one");
    if (!desc.project[0] || !desc.version[0])
        return refuse(why, "its descriptor has no %s", desc.project[0] ? "version" : "project");
    read_keys(&f, img.image_bytes, out);
    if (!check_length(n, &img, out, why))
        return false;
    hex_sha256(bytes, n, out->sha256);
    snprintf(out->project, sizeof(out->project), "%s", desc.project);
    snprintf(out->version, sizeof(out->version), "%s", desc.version);
    snprintf(out->chip, sizeof(out->chip), "%s", chip->name);
    out->secure_version = desc.secure_version;
    out->length = (int64_t)n;
    out->crc32 = ferry_crc32(0, bytes, n);
    return true;
}

/** One attempt to add. */
struct addition {
    struct release *release;
    const char *channel, *actor;
    char *why;
    bool is_public; // is to be
    int64_t now;
    enum catalogue_result result;
};

static enum db_result settle(struct addition *a)
{
    a->result = CATALOGUE_REFUSED;
    return DB_OK;
}

static bool has_key(const struct release *r, const char *key_sha256)
{
    for (unsigned i = 0; i < r->n_keys; i++)
        if (strcmp(r->keys[i], key_sha256) == 0)
            return true;
    return false;
}

/** Whether the channel takes it. DB_OK: yes, or why says why not and the result is set. */
static enum db_result judge(struct db *db, struct addition *a)
{
    const struct release *r = a->release;
    struct channel channel;
    struct release other;
    struct smallest_slot slot;
    enum db_result result = channel_find(db, a->channel, &channel);
    if (result == DB_OK) {
        refuse(a->why, "there is no channel '%.80s'; `ferryd channel add` makes one", a->channel);
        return settle(a);
    }
    if (result != DB_ROW)
        return result;
    if (channel.key_sha256[0] && !has_key(r, channel.key_sha256)) {
        refuse(a->why,
               "channel '%s' takes only what is signed with the key %.12s...; this image %s",
               a->channel, channel.key_sha256, r->n_keys ? "is signed with others" : "is unsigned");
        return settle(a);
    }
    result = release_find_version(db, r->project, r->chip, r->version, &other);
    if (result == DB_ROW && strcmp(other.sha256, r->sha256) != 0) {
        refuse(a->why,
               "%s %s for %s is in the catalogue with other bytes (SHA-256 %.12s...); "
               "build it with a version of its own",
               r->project, r->version, r->chip, other.sha256);
        return settle(a);
    }
    if (result != DB_OK && result != DB_ROW)
        return result;
    result = report_smallest_slot(db, r->project, r->chip, &slot);
    if (result == DB_ROW && r->length > slot.bytes) {
        refuse(a->why,
               "it has %" PRId64 " bytes; the smallest slot that a device of project %s with %s "
               "has reported, %s, holds %" PRId64,
               r->length, r->project, r->chip, slot.device, slot.bytes);
        return settle(a);
    }
    return result == DB_ROW ? DB_OK : result;
}

/** Adds the release's row, or finds it; CATALOGUE_KNOWN: there is nothing left to do. */
static enum db_result keep_row(struct db *db, struct addition *a, bool *is_offered)
{
    struct release known, *const r = a->release;
    enum db_result result = release_find(db, r->sha256, &known);
    if (result == DB_OK)
        return release_add(db, r);
    if (result != DB_ROW)
        return result;
    *r = known;
    result = channel_offers(db, a->channel, r->sha256, is_offered);
    if (result == DB_OK && a->is_public && !r->is_public) {
        r->is_public = true;
        return release_set_public(db, r->sha256, true);
    }
    if (*is_offered)
        a->result = CATALOGUE_KNOWN;
    return result;
}

static enum db_result add(struct db *db, void *ctx)
{
    struct addition *a = ctx;
    struct release *r = a->release;
    char detail[128];
    bool is_offered = false;
    a->result = CATALOGUE_ADDED;
    enum db_result result = judge(db, a);
    if (result != DB_OK || a->result == CATALOGUE_REFUSED)
        return result;
    result = keep_row(db, a, &is_offered);
    if (result != DB_OK || a->result == CATALOGUE_KNOWN)
        return result;
    if (!is_offered)
        result = channel_offer(db, a->channel, r->sha256, a->now);
    snprintf(detail, sizeof(detail), "%.32s %.32s serial %" PRId64 " in channel %.40s", r->project,
             r->version, r->serial, a->channel);
    return result == DB_OK ? audit_add(db, a->actor, "add release", r->sha256, detail) : result;
}

static enum db_result check(struct db *db, void *ctx)
{
    struct addition *a = ctx;
    a->result = CATALOGUE_ADDED;
    return judge(db, a);
}

static enum catalogue_result run(struct db *db, db_work work, struct addition *a)
{
    const enum db_result result = db_transaction(db, work, a);
    if (result == DB_OK)
        return a->result;
    refuse(a->why, "the database says: %s", db->detail);
    return result == DB_GONE || result == DB_RETRY ? CATALOGUE_LATER : CATALOGUE_REFUSED;
}

enum catalogue_result catalogue_check(struct db *db, struct release *release, const char *channel,
                                      char why[CATALOGUE_WHY_BYTES])
{
    struct addition a = {.release = release, .channel = channel, .why = why};
    return run(db, check, &a);
}

enum catalogue_result catalogue_add(struct db *db, struct release *release, const char *channel,
                                    const char *actor, char why[CATALOGUE_WHY_BYTES])
{
    struct addition a = {.release = release,
                         .channel = channel,
                         .actor = actor,
                         .why = why,
                         .is_public = release->is_public,
                         .now = release->added};
    return run(db, add, &a);
}
