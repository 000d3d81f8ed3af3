/* tests/fuzz/fuzz_elf.c - an ELF file with any bytes becomes an image or is refused with a reason.
 * Two bytes in front choose chip and options. What is built is an image that the core's reader, by
 * which devices judge, walks to its end: lengths, checksum and SHA-256 agree. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "elf_image.h"
#include "ferry/bytes.h"
#include "ferry/image.h"

static struct ferry_image_build options(const uint8_t bits[2])
{
    struct ferry_image_build o = {.max_rev_full = 0xffff};
    o.chip = ferry_chip_at(bits[0] % 13);
    o.use_segments = bits[1] & 1;
    o.no_digest = bits[1] & 2;
    o.ram_only_header = bits[1] & 4;
    o.secure = bits[1] & 8 ? FERRY_SECURE_PAD_V2 : FERRY_SECURE_PAD_NONE;
    o.page_bytes = bits[1] & 16 ? 32768 : 0;
    o.pad_to_bytes = bits[1] & 32 ? 4096 : 0;
    o.elf_sha256_off = bits[1] & 64 ? 0xb0 : 0;
    return o;
}

static void check_image(const struct ferry_built_image *built)
{
    static const struct ferry_image_rules any = {0};
    struct ferry_image img;
    ferry_image_begin(&img, &any);
    ferry_err err = ferry_image_feed(&img, built->bytes, built->n_bytes);
    if (!err)
        err = ferry_image_end(&img);
    // An app begins with a descriptor; what was built here need not be an app.
    const bool short_start = err == FERRY_ERR_IMAGE_SEG_LEN && img.n_segments == 0;
    const bool many = err == FERRY_ERR_IMAGE_SEGMENTS && built->n_segments > FERRY_IMAGE_SEGMENTS;
    FUZZ_MUST(err == FERRY_OK || short_start || many);
    if (err)
        return;
    FUZZ_MUST(img.n_segments == built->n_segments);
    for (size_t i = img.image_bytes; i < built->n_bytes; i++)
        FUZZ_MUST(built->bytes[i] == 0xff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ferry_built_image built;
    if (n < 2)
        return 0;
    const struct ferry_image_build opt = options(data);
    const ferry_err err = ferry_image_build(&opt, data + 2, n - 2, &built);
    FUZZ_MUST(built.fault.err == err);
    FUZZ_MUST(memchr(built.why, '\0', sizeof(built.why)) != NULL);
    if (err) {
        FUZZ_MUST(built.bytes == NULL);
        FUZZ_MUST(built.why[0] || err == FERRY_ERR_IMAGE_SEGMENTS || err == FERRY_ERR_NO_MEMORY);
        return 0;
    }
    FUZZ_MUST(built.n_bytes >= FERRY_IMAGE_HEADER_BYTES && built.bytes[0] == FERRY_IMAGE_MAGIC);
    if (!opt.ram_only_header)
        check_image(&built);
    free(built.bytes);
    return 0;
}
