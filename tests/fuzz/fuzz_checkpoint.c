/* tests/fuzz/fuzz_checkpoint.c - a checkpoint of any bytes, taken up over a half-written slot.
 * What does not fit is refused without a write; what is taken up ends in the very image that was
 * sent, or in nothing that boots. */
#include "fuzz.h"

#include <string.h>

#include "app_image.h"
#include "bench_device.h"

#include "ferry/bytes.h"
#include "ferry/crc32.h"

#define PAYLOAD 70000u

static uint8_t old_image[APP_IMAGE_BYTES(400)], image[APP_IMAGE_BYTES(PAYLOAD)];
static uint32_t old_bytes, n_bytes;
static struct bench_device start;
static uint8_t genuine[FERRY_CHECKPOINT_BYTES];

static void make_start(void)
{
    static struct ferry_update u;
    uint32_t used;
    bench_device_init(&start, &(struct bench_layout){.n_slots = 2});
    old_bytes = app_image_make(
        old_image, &(struct app_image_spec){
                       .project = "demo", .version = "1", .payload_bytes = 400, .chip_id = 5});
    n_bytes = app_image_make(
        image, &(struct app_image_spec){
                   .project = "demo", .version = "2", .payload_bytes = PAYLOAD, .chip_id = 5});
    bench_device_put(&start, 0, old_image, old_bytes);
    bench_device_entry(&start, 0, 1, FERRY_STATE_VALID);
    start.dev.running = 0;
    const struct ferry_update_config cfg = {
        .slot = FERRY_SLOT_NEXT, .work = start.buffer, .work_bytes = sizeof(start.buffer)};
    FUZZ_MUST(!ferry_update_begin(&u, &start.dev, &cfg));
    FUZZ_MUST(!ferry_update_write(&u, image, 68000, &used));
    FUZZ_MUST(!ferry_update_checkpoint(&u, NULL, genuine));
}

/* The genuine blob with the input laid over it from where its first byte says. Its own CRC is made
 * to fit for every second input, or no change would get past it. */
static void damage(uint8_t blob[FERRY_CHECKPOINT_BYTES], const uint8_t *data, size_t n)
{
    memcpy(blob, genuine, FERRY_CHECKPOINT_BYTES);
    const size_t at = data[0] % FERRY_CHECKPOINT_BYTES;
    const size_t room = FERRY_CHECKPOINT_BYTES - at;
    memcpy(blob + at, data + 2, n - 2 < room ? n - 2 : room);
    if (data[1] & 1) {
        const uint32_t crc = ferry_crc32(0, blob, FERRY_CHECKPOINT_BYTES - 4);
        ferry_put_le32(blob + FERRY_CHECKPOINT_BYTES - 4, crc);
    }
}

static void take_up(struct bench_device *b, const uint8_t *blob)
{
    static struct ferry_update u;
    uint32_t used;
    const struct ferry_update_config cfg = {
        .slot = FERRY_SLOT_NEXT, .work = b->buffer, .work_bytes = sizeof(b->buffer)};
    ferry_err err = ferry_update_resume(&u, &b->dev, &cfg, blob);
    if (!err)
        err = ferry_update_rehash(&u);
    if (err) {
        FUZZ_MUST(b->sim.counts.progs + b->sim.counts.erases_4k + b->sim.counts.erases_64k == 0);
        FUZZ_MUST(bench_device_boot(b) == 0);
        return;
    }
    FUZZ_MUST(u.got_bytes <= n_bytes);
    err = ferry_update_write(&u, image + u.got_bytes, n_bytes - u.got_bytes, &used);
    if (!err)
        err = ferry_update_finish(&u);
    const int booted = bench_device_boot(b);
    FUZZ_MUST(booted == (err ? 0 : 1));
    if (!err) {
        static uint8_t now[sizeof(image)];
        sim_flash_peek(&b->sim, BENCH_SLOT_OFF(1), now, n_bytes);
        FUZZ_MUST(memcmp(now, image, n_bytes) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct bench_device b;
    uint8_t blob[FERRY_CHECKPOINT_BYTES];
    if (!n_bytes)
        make_start();
    struct ferry_checkpoint c;
    if (!ferry_checkpoint_read(data, n, &c))
        FUZZ_MUST(n == FERRY_CHECKPOINT_BYTES);
    if (n < 2)
        return 0;
    damage(blob, data, n);
    bench_device_fork(&b, &start, 1);
    take_up(&b, blob);
    bench_device_free(&b);
    return 0;
}
