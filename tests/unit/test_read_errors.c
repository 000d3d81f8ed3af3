/* tests/unit/test_read_errors.c - a read error is an error, also while verifying: every read of an
 * update, a boot and a confirm fails once, and nothing that fails is taken for success. */
#include "bench_device.h"

#include "app_image.h"
#include "t.h"

#include <string.h>

#define PAYLOAD 9000u

static struct bench_device b;
static uint8_t old_image[APP_IMAGE_BYTES(PAYLOAD)], image[APP_IMAGE_BYTES(PAYLOAD)];
static uint32_t old_bytes, n_bytes;

/* The model's own operations, with one read that fails. */
static const struct ferry_flash_ops *real_ops;
static uint32_t reads, failing_read;

static ferry_err read_or_fail(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    if (++reads == failing_read)
        return FERRY_ERR_FLASH_IO;
    return real_ops->read(f, off, dst, len);
}

static struct ferry_flash_ops ops;

static void start(uint32_t fail_at)
{
    bench_device_init(&b, &(struct bench_layout){.n_slots = 2});
    bench_device_put(&b, 0, old_image, old_bytes);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    b.dev.running = 0;
    real_ops = b.sim.flash.ops;
    ops = *real_ops;
    ops.read = read_or_fail;
    b.sim.flash.ops = &ops;
    reads = 0;
    failing_read = fail_at;
}

static ferry_err update(void)
{
    static struct ferry_update u;
    return bench_device_update(&b, image, n_bytes, 1000,
                               (struct ferry_update_config){.slot = FERRY_SLOT_NEXT}, &u);
}

static void every_failing_read_fails_the_update_and_keeps_the_old_app(void)
{
    for (uint32_t at = 1;; at++) {
        start(at);
        const ferry_err err = update();
        const bool all_read = reads < at;
        T_EQ_INT(err, all_read ? FERRY_OK : FERRY_ERR_FLASH_IO);
        failing_read = 0;
        T_EQ_INT(bench_device_boot(&b), all_read ? 1 : 0);
        bench_device_free(&b);
        if (all_read)
            break;
    }
}

static void every_failing_read_fails_confirm_and_reject(void)
{
    for (int reject = 0; reject < 2; reject++) {
        for (uint32_t at = 1;; at++) {
            start(at);
            bench_device_put(&b, 1, image, n_bytes);
            bench_device_entry(&b, 1, 2, FERRY_STATE_PENDING);
            b.dev.running = 1;
            int back;
            const ferry_err err =
                reject ? ferry_slots_reject(&b.dev, &back) : ferry_slots_confirm(&b.dev);
            const bool all_read = reads < at;
            // An image that cannot be read is no image to go back to.
            T_CHECK(all_read ? err == FERRY_OK
                             : err == FERRY_ERR_FLASH_IO || err == FERRY_ERR_ROLLBACK_NONE);
            bench_device_free(&b);
            if (all_read)
                break;
        }
    }
}

static void unreadable_otadata_does_not_boot(void)
{
    struct ferry_boot_report report;
    start(1);
    T_EQ_INT(ferry_boot_run(&b.dev, FERRY_HOLD_NONE, NULL, &report), FERRY_ERR_NO_BOOT);
    T_EQ_INT(report.why, FERRY_BOOT_OTADATA_UNUSABLE);
    T_EQ_INT(b.sim.counts.progs + b.sim.counts.erases_4k, 0);
    bench_device_free(&b);
}

static void unreadable_table_is_an_error(void)
{
    start(3);
    T_EQ_INT(bench_device_open(&b), FERRY_ERR_FLASH_IO);
    bench_device_free(&b);
}

int main(void)
{
    const struct app_image_spec old = {
        .project = "demo", .version = "1", .payload_bytes = PAYLOAD, .chip_id = 5};
    const struct app_image_spec new_one = {
        .project = "demo", .version = "2", .payload_bytes = PAYLOAD - 400, .chip_id = 5, .seed = 2};
    old_bytes = app_image_make(old_image, &old);
    n_bytes = app_image_make(image, &new_one);
    T_RUN(every_failing_read_fails_the_update_and_keeps_the_old_app);
    T_RUN(every_failing_read_fails_confirm_and_reject);
    T_RUN(unreadable_otadata_does_not_boot);
    T_RUN(unreadable_table_is_an_error);
    return t_end();
}
