/* tests/unit/test_image.c - the streaming reader: any split gives the same result, and each way an
 * image can be wrong has its own error. What Espressif says of each is conformance_image's job. */
#include "ferry/image.h"

#include "ferry/bytes.h"

#include "app_image.h"
#include "t.h"

#include <string.h>

#define PAYLOAD 4000u

static uint8_t image[APP_IMAGE_BYTES(PAYLOAD) + 64];

static const struct app_image_spec good = {
    .project = "demo", .version = "1.2.3", .payload_bytes = PAYLOAD, .chip_id = 5, .seed = 1};

static uint8_t desc_head[FERRY_APP_DESC_HEAD_BYTES];

static const struct ferry_image_rules rules = {.desc_head = desc_head,
                                               .chip = &ferry_chip_esp32c3,
                                               .chip_rev = 3,
                                               .base_off_bytes = 0x10000,
                                               .max_bytes = 0x100000};

static ferry_err read_in_pieces(struct ferry_image *img, const struct ferry_image_rules *r,
                                const uint8_t *bytes, uint32_t n, uint32_t piece)
{
    ferry_image_begin(img, r);
    for (uint32_t at = 0; at < n; at += piece) {
        const ferry_err err = ferry_image_feed(img, bytes + at, n - at < piece ? n - at : piece);
        if (err)
            return err;
    }
    return ferry_image_end(img);
}

static ferry_err read_whole(struct ferry_image *img, uint32_t n)
{
    return read_in_pieces(img, &rules, image, n, n);
}

static void any_split_gives_the_same_result(void)
{
    const uint32_t n = app_image_make(image, &good);
    struct ferry_image whole;
    T_EQ_INT(read_whole(&whole, n), FERRY_OK);
    T_EQ_INT(whole.image_bytes, n);
    uint8_t whole_desc[sizeof(desc_head)];
    memcpy(whole_desc, desc_head, sizeof(desc_head));
    static const uint32_t pieces[] = {1, 2, 3, 7, 16, 23, 24, 25, 255, 256, 257, 4095};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct ferry_image img;
        T_EQ_INT(read_in_pieces(&img, &rules, image, n, pieces[i]), FERRY_OK);
        T_EQ_INT(img.image_bytes, n);
        T_EQ_MEM(img.digest, whole.digest, sizeof(whole.digest));
        T_EQ_MEM(img.desc_key, whole.desc_key, sizeof(whole.desc_key));
        T_EQ_MEM(desc_head, whole_desc, sizeof(desc_head));
    }
}

static void descriptor_is_there_as_soon_as_its_bytes_are(void)
{
    const uint32_t n = app_image_make(image, &good);
    struct ferry_image img;
    struct ferry_app_desc desc;
    ferry_image_begin(&img, &rules);
    T_EQ_INT(ferry_image_feed(&img, image, 0x20 + 183), FERRY_OK);
    T_EQ_INT(ferry_image_desc(&img, &desc), FERRY_ERR_IMAGE_NO_DESC);
    T_EQ_INT(ferry_image_feed(&img, image + 0x20 + 183, 1), FERRY_OK);
    T_EQ_INT(ferry_image_desc(&img, &desc), FERRY_OK);
    T_EQ_STR(desc.version, "1.2.3");
    T_EQ_STR(desc.project, "demo");
    T_CHECK(n > 0x20 + 184);
}

static void trailing_bytes_are_passed_over(void)
{
    const uint32_t n = app_image_make(image, &good);
    memset(image + n, 0xff, 64);
    struct ferry_image img;
    T_EQ_INT(read_whole(&img, n + 64), FERRY_OK);
    T_EQ_INT(img.image_bytes, n);
}

static void image_without_hash_is_accepted(void)
{
    struct app_image_spec spec = good;
    spec.no_hash = true;
    const uint32_t n = app_image_make(image, &spec);
    struct ferry_image img;
    T_EQ_INT(read_whole(&img, n), FERRY_OK);
    T_CHECK(!img.digest_ready);
}

static void every_truncation_is_noticed(void)
{
    const uint32_t n = app_image_make(image, &good);
    for (uint32_t cut = 0; cut < n; cut += cut < 400 ? 1 : 37) {
        struct ferry_image img;
        T_EQ_INT(read_in_pieces(&img, &rules, image, cut, 64), FERRY_ERR_IMAGE_TRUNC);
    }
}

static ferry_err after_change(uint32_t off, uint8_t value, bool seal)
{
    const uint32_t n = app_image_make(image, &good);
    image[off] = value;
    if (seal)
        app_image_seal(image, n);
    struct ferry_image img;
    const ferry_err err = read_whole(&img, n);
    T_EQ_INT(img.fault.err, err);
    return err;
}

static void each_damage_has_its_error(void)
{
    T_EQ_INT(after_change(0, 0xea, false), FERRY_ERR_IMAGE_MAGIC);
    T_EQ_INT(after_change(1, 17, false), FERRY_ERR_IMAGE_SEGMENTS);
    T_EQ_INT(after_change(12, 9, true), FERRY_ERR_IMAGE_CHIP);
    T_EQ_INT(after_change(15, 4, true), FERRY_ERR_IMAGE_REV_MIN);
    T_EQ_INT(after_change(15, 3, true), FERRY_OK);
    T_EQ_INT(after_change(24, 0x24, true), FERRY_ERR_IMAGE_SEG_ALIGN);
    T_EQ_INT(after_change(28, 1, false), FERRY_ERR_IMAGE_SEG_LEN);
    T_EQ_INT(after_change(31, 1, false), FERRY_ERR_IMAGE_SEG_LEN);
    T_EQ_INT(after_change(30, 0x80, false), FERRY_ERR_IMAGE_SIZE);
    T_EQ_INT(after_change(1000, 0, false), FERRY_ERR_IMAGE_CHECKSUM);
    T_EQ_INT(after_change(4, 1, false), FERRY_ERR_IMAGE_HASH);
    T_EQ_INT(after_change(0x20 + 176, 1, true), FERRY_ERR_IMAGE_BLK_REV);
}

static void maximum_revision_can_be_ignored(void)
{
    const uint32_t n = app_image_make(image, &good);
    ferry_put_le16(image + 17, 2);
    app_image_seal(image, n);
    struct ferry_image img;
    T_EQ_INT(read_whole(&img, n), FERRY_ERR_IMAGE_REV_MAX);
    struct ferry_image_rules lenient = rules;
    lenient.ignore_max_rev = true;
    T_EQ_INT(read_in_pieces(&img, &lenient, image, n, n), FERRY_OK);
}

static void secure_version_below_the_device_is_refused(void)
{
    struct app_image_spec spec = good;
    spec.secure_version = 3;
    const uint32_t n = app_image_make(image, &spec);
    struct ferry_image img;
    struct ferry_image_rules strict = rules;
    strict.min_secure_version = 3;
    T_EQ_INT(read_in_pieces(&img, &strict, image, n, n), FERRY_OK);
    strict.min_secure_version = 4;
    T_EQ_INT(read_in_pieces(&img, &strict, image, n, n), FERRY_ERR_IMAGE_SECURE_VERSION);
    T_EQ_INT(img.fault.value, 3);
    T_EQ_INT(img.fault.limit, 4);
}

static void configurable_pages_need_a_descriptor(void)
{
    struct app_image_spec spec = good;
    spec.no_descriptor = true;
    const uint32_t n = app_image_make(image, &spec);
    struct ferry_image img;
    T_EQ_INT(read_whole(&img, n), FERRY_OK);
    spec.chip_id = ferry_chip_esp32c6.id;
    app_image_make(image, &spec);
    struct ferry_image_rules c6 = rules;
    c6.chip = &ferry_chip_esp32c6;
    T_EQ_INT(read_in_pieces(&img, &c6, image, n, n), FERRY_ERR_IMAGE_NO_DESC);
}

static void first_error_is_final(void)
{
    const uint32_t n = app_image_make(image, &good);
    struct ferry_image img;
    ferry_image_begin(&img, &rules);
    image[0] = 0;
    T_EQ_INT(ferry_image_feed(&img, image, 24), FERRY_ERR_IMAGE_MAGIC);
    image[0] = 0xe9;
    T_EQ_INT(ferry_image_feed(&img, image, n), FERRY_ERR_IMAGE_MAGIC);
    T_EQ_INT(ferry_image_end(&img), FERRY_ERR_IMAGE_MAGIC);
}

int main(void)
{
    T_RUN(any_split_gives_the_same_result);
    T_RUN(descriptor_is_there_as_soon_as_its_bytes_are);
    T_RUN(trailing_bytes_are_passed_over);
    T_RUN(image_without_hash_is_accepted);
    T_RUN(every_truncation_is_noticed);
    T_RUN(each_damage_has_its_error);
    T_RUN(maximum_revision_can_be_ignored);
    T_RUN(secure_version_below_the_device_is_refused);
    T_RUN(configurable_pages_need_a_descriptor);
    T_RUN(first_error_is_final);
    return t_end();
}
