/* tests/fuzz/fuzz_image.c - an application image with any bytes, in any split.
 * The first two bytes choose the rules and the length of the pieces. Whatever the split, verdict,
 * fault, length and digest are the same; an accepted image fits its limit, and the verifier over
 * flash agrees. */
#include "fuzz.h"

#include <string.h>

#include "ferry/image.h"

#define SLOT_BYTES 0x10000u

static ferry_err read_image(struct ferry_image *img, const struct ferry_image_rules *rules,
                            const uint8_t *data, size_t n, size_t piece)
{
    ferry_image_begin(img, rules);
    for (size_t at = 0; at < n; at += piece) {
        const size_t take = n - at < piece ? n - at : piece;
        const ferry_err err = ferry_image_feed(img, data + at, take);
        if (err != FERRY_OK) {
            FUZZ_MUST(ferry_image_feed(img, data + at, 1) == err);
            return err;
        }
    }
    return ferry_image_end(img);
}

static void same(const struct ferry_image *a, const struct ferry_image *b)
{
    FUZZ_MUST(a->image_bytes == b->image_bytes && a->n_segments == b->n_segments);
    FUZZ_MUST(a->desc_ready == b->desc_ready);
    FUZZ_MUST(memcmp(a->digest, b->digest, sizeof(a->digest)) == 0);
}

static void same_fault(const struct ferry_fault *a, const struct ferry_fault *b)
{
    FUZZ_MUST(a->err == b->err && a->value == b->value);
    FUZZ_MUST(a->limit == b->limit && a->off_bytes == b->off_bytes);
}

static ferry_err slot_read(const struct ferry_flash *f, uint32_t off_bytes, void *dst,
                           uint32_t len_bytes)
{
    FUZZ_MUST(off_bytes <= SLOT_BYTES && len_bytes <= SLOT_BYTES - off_bytes);
    memcpy(dst, (const uint8_t *)f->ctx + off_bytes, len_bytes);
    return FERRY_OK;
}

/** The verifier reads the same bytes from a slot; it writes nothing, so the flash cannot. */
static void verify_in_flash(const struct ferry_image_rules *rules, const uint8_t *data, size_t n,
                            const struct ferry_image *read)
{
    static uint8_t bytes[SLOT_BYTES];
    static const struct ferry_flash_ops ops = {.read = slot_read};
    const struct ferry_flash flash = {&ops, bytes, SLOT_BYTES, 4096, 65536, 1};
    const struct ferry_region slot = {&flash, 0, SLOT_BYTES};
    uint8_t work[512];
    struct ferry_image img;
    memset(bytes, 0xff, sizeof(bytes));
    memcpy(bytes, data, n);
    FUZZ_MUST(ferry_image_verify(&slot, rules, work, sizeof(work), &img) == FERRY_OK);
    same(&img, read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 2 || n - 2 > SLOT_BYTES)
        return 0;
    const uint8_t how = data[0];
    const size_t piece = 1u + data[1];
    data += 2;
    n -= 2;

    static const struct ferry_chip *const chips[] = {NULL, &ferry_chip_esp32, &ferry_chip_esp32c3,
                                                     &ferry_chip_esp32c6};
    const struct ferry_image_rules rules = {
        .chip = chips[how & 3],
        .chip_rev = how & 4 ? 0 : 9999,
        .ignore_max_rev = how & 8,
        .metadata_only = how & 16,
        .max_bytes = how & 32 ? SLOT_BYTES : 0x1000,
        .min_secure_version = how & 64 ? 1 : 0,
    };
    struct ferry_image whole, pieces;
    const ferry_err err = read_image(&whole, &rules, data, n, n ? n : 1);
    FUZZ_MUST(read_image(&pieces, &rules, data, n, piece) == err);
    if (err != FERRY_OK) {
        same_fault(&whole.fault, &pieces.fault);
        return 0;
    }
    same(&whole, &pieces);
    FUZZ_MUST(whole.image_bytes <= n && whole.image_bytes <= rules.max_bytes);
    FUZZ_MUST(whole.proven_bytes <= whole.image_bytes);
    verify_in_flash(&rules, data, n, &whole);
    return 0;
}
