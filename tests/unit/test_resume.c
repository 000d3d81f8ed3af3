/* tests/unit/test_resume.c - checkpoints, resuming, and leaving equal sectors alone. */
#include "bench_device.h"

#include "app_image.h"
#include "t.h"

#include "ferry/bytes.h"

#include <string.h>

#define PAYLOAD 200000u

static struct bench_device b;
static uint8_t image[BENCH_IMAGE_LIMIT];
static uint32_t n_bytes;
static struct ferry_update u;
static struct ferry_update_config cfg;
static uint8_t blob[FERRY_CHECKPOINT_BYTES];

static void start(void)
{
    bench_device_init(&b, &(struct bench_layout){.n_slots = 2});
    n_bytes = app_image_make(
        image, &(struct app_image_spec){
                   .project = "demo", .version = "1.0", .payload_bytes = 400, .chip_id = 5});
    bench_device_put(&b, 0, image, n_bytes);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    b.dev.running = 0;
    n_bytes = app_image_make(
        image, &(struct app_image_spec){
                   .project = "demo", .version = "1.1", .payload_bytes = PAYLOAD, .chip_id = 5});
    cfg = (struct ferry_update_config){
        .slot = FERRY_SLOT_NEXT, .work = b.buffer, .work_bytes = sizeof(b.buffer)};
    memset(blob, 0xee, sizeof(blob));
}

static void end(void)
{
    bench_device_free(&b);
}

/* Feeds [from, to) and keeps a checkpoint whenever one is due; how many were kept. */
static int feed(uint32_t from, uint32_t to)
{
    int kept = 0;
    for (uint32_t at = from; at < to;) {
        uint32_t used = 0;
        const uint32_t n = to - at < 1436 ? to - at : 1436;
        if (!T_EQ_INT(ferry_update_write(&u, image + at, n, &used), FERRY_OK))
            break;
        at += used;
        const ferry_err err = ferry_update_checkpoint(&u, NULL, blob);
        T_CHECK(err == FERRY_OK || err == FERRY_AGAIN);
        kept += err == FERRY_OK;
    }
    return kept;
}

static uint32_t checkpoint_off(void)
{
    struct ferry_checkpoint c = {0};
    T_EQ_INT(ferry_checkpoint_read(blob, sizeof(blob), &c), FERRY_OK);
    return c.off_bytes;
}

static void lose_power_at(uint32_t at)
{
    T_EQ_INT(ferry_update_begin(&u, &b.dev, &cfg), FERRY_OK);
    (void)feed(0, at);
    T_EQ_INT(bench_device_boot(&b), 0);
}

static void checkpoints_come_every_64_kb_at_most(void)
{
    start();
    T_EQ_INT(ferry_update_begin(&u, &b.dev, &cfg), FERRY_OK);
    T_EQ_INT(feed(0, n_bytes), (int)(n_bytes / 65536));
    T_EQ_INT(checkpoint_off() % 4096, 0);
    end();
}

static void a_resumed_update_asks_only_for_the_rest(void)
{
    start();
    lose_power_at(150000);
    const uint32_t off = checkpoint_off();
    T_CHECK(off <= 150000 && 150000 - off <= 65536 + 4096);
    T_EQ_INT(ferry_update_resume(&u, &b.dev, &cfg, blob), FERRY_OK);
    T_EQ_INT(ferry_update_rehash(&u), FERRY_OK);
    T_EQ_INT(u.got_bytes, off);
    (void)feed(off, n_bytes);
    T_EQ_INT(ferry_update_finish(&u), FERRY_OK);
    T_EQ_INT(b.sim.counts.wrong_progs, 0);
    T_EQ_INT(bench_device_boot(&b), 1);
    end();
}

static void resuming_gently_gives_way_after_each_piece(void)
{
    start();
    lose_power_at(150000);
    cfg.flags = FERRY_UPDATE_GENTLE;
    T_EQ_INT(ferry_update_resume(&u, &b.dev, &cfg, blob), FERRY_OK);
    uint32_t pieces = 1;
    while (ferry_update_rehash(&u) == FERRY_AGAIN)
        pieces++;
    T_EQ_INT(pieces, checkpoint_off() / 4096);
    end();
}

static void sectors_behind_the_checkpoint_are_erased_again(void)
{
    start();
    lose_power_at(70000);
    const uint32_t off = checkpoint_off();
    T_EQ_INT(off, 65536);
    // Blank-looking, but not to be trusted: what a cut erase leaves.
    const uint32_t erases = b.sim.wear[(BENCH_SLOT_OFF(1) + off + 8192) / 4096];
    T_EQ_INT(ferry_update_resume(&u, &b.dev, &cfg, blob), FERRY_OK);
    T_EQ_INT(ferry_update_rehash(&u), FERRY_OK);
    (void)feed(off, n_bytes);
    T_EQ_INT(b.sim.wear[(BENCH_SLOT_OFF(1) + off + 8192) / 4096], erases + 1);
    end();
}

static void not_resumable(void)
{
    T_EQ_INT(ferry_update_resume(&u, &b.dev, &cfg, blob), FERRY_ERR_CHECKPOINT);
    T_EQ_INT(ferry_update_begin(&u, &b.dev, &cfg), FERRY_OK); // a clean start works
    end();
}

static void checkpoints_for_another_update_are_refused(void)
{
    static const uint8_t sha[32] = {1};
    start();
    lose_power_at(100000);
    cfg.length_bytes = n_bytes;
    not_resumable();
    start();
    lose_power_at(100000);
    cfg.sha256 = sha;
    not_resumable();
    start();
    lose_power_at(100000);
    cfg.has_crc32 = true;
    not_resumable();
    start();
    lose_power_at(100000);
    b.dev.running = 1;
    not_resumable();
    for (size_t i = 0; i < sizeof(blob); i++) {
        start();
        lose_power_at(70000);
        blob[i] ^= 0x10;
        not_resumable();
    }
}

static void a_changed_slot_is_noticed(void)
{
    start();
    lose_power_at(100000);
    sim_flash_flip_bit(&b.sim, BENCH_SLOT_OFF(1) + 5000, 1);
    T_EQ_INT(ferry_update_resume(&u, &b.dev, &cfg, blob), FERRY_OK);
    T_EQ_INT(ferry_update_rehash(&u), FERRY_ERR_CHECKPOINT);
    end();
}

/* Power is lost between the header's write and the end: the checkpoint is older than the slot. */
static void a_slot_with_its_header_is_begun_anew(void)
{
    start();
    lose_power_at(150000);
    bench_device_put(&b, 1, image, 16);
    T_EQ_INT(ferry_update_resume(&u, &b.dev, &cfg, blob), FERRY_OK);
    T_EQ_INT(ferry_update_rehash(&u), FERRY_ERR_CHECKPOINT);
    end();
}

static void validator_comes_back(void)
{
    static const uint8_t validator[FERRY_CHECKPOINT_VALIDATOR] = {1, 2, 3};
    start();
    T_EQ_INT(ferry_update_begin(&u, &b.dev, &cfg), FERRY_OK);
    uint32_t used;
    T_EQ_INT(ferry_update_write(&u, image, 70000, &used), FERRY_OK);
    T_EQ_INT(ferry_update_checkpoint(&u, validator, blob), FERRY_OK);
    T_EQ_INT(ferry_update_checkpoint(&u, validator, blob), FERRY_AGAIN);
    struct ferry_checkpoint c;
    T_EQ_INT(ferry_checkpoint_read(blob, sizeof(blob), &c), FERRY_OK);
    T_EQ_MEM(c.validator, validator, sizeof(validator));
    T_EQ_INT(ferry_checkpoint_read(blob, sizeof(blob) - 1, &c), FERRY_ERR_CHECKPOINT);
    end();
}

static void equal_sectors_are_left_alone(void)
{
    start();
    bench_device_put(&b, 1, image, n_bytes);
    sim_flash_flip_bit(&b.sim, BENCH_SLOT_OFF(1) + 100000, 1);
    cfg.flags = FERRY_UPDATE_SKIP_EQUAL;
    T_EQ_INT(bench_device_update(&b, image, n_bytes, 3000, cfg, &u), FERRY_OK);
    T_EQ_INT(b.sim.counts.erases_64k, 0);
    T_EQ_INT(b.sim.counts.erases_4k, 3); // the first sector, the changed one, one entry of otadata
    T_EQ_INT(bench_device_boot(&b), 1);
    cfg.work_bytes = 512;
    end();
}

static void nothing_left_to_receive_still_finishes(void)
{
    start();
    // An image whose length is whole sectors: the checkpoint can stand at its very end.
    n_bytes = app_image_make(image, &(struct app_image_spec){.project = "demo",
                                                             .version = "1.1",
                                                             .payload_bytes = 131072 - 352,
                                                             .chip_id = 5});
    T_EQ_INT(n_bytes, 131072);
    lose_power_at(n_bytes);
    T_EQ_INT(checkpoint_off(), n_bytes);
    T_EQ_INT(ferry_update_resume(&u, &b.dev, &cfg, blob), FERRY_OK);
    T_EQ_INT(ferry_update_rehash(&u), FERRY_OK);
    T_EQ_INT(ferry_update_finish(&u), FERRY_OK);
    T_EQ_INT(bench_device_boot(&b), 1);
    end();
}

int main(void)
{
    T_RUN(checkpoints_come_every_64_kb_at_most);
    T_RUN(a_resumed_update_asks_only_for_the_rest);
    T_RUN(resuming_gently_gives_way_after_each_piece);
    T_RUN(sectors_behind_the_checkpoint_are_erased_again);
    T_RUN(checkpoints_for_another_update_are_refused);
    T_RUN(a_changed_slot_is_noticed);
    T_RUN(a_slot_with_its_header_is_begun_anew);
    T_RUN(validator_comes_back);
    T_RUN(equal_sectors_are_left_alone);
    T_RUN(nothing_left_to_receive_still_finishes);
    return t_end();
}
