/* tests/unit/test_update.c - update sessions on the flash model. */
#include "bench_device.h"

#include "app_image.h"
#include "t.h"

#include "ferry/bytes.h"
#include "ferry/crc32.h"

#include <stdlib.h>
#include <string.h>

#define PAYLOAD 150000u

static struct bench_device b;
static uint8_t old_image[APP_IMAGE_BYTES(5000)];
static uint8_t image[BENCH_IMAGE_LIMIT + 4096];
static uint32_t old_bytes, n_bytes;
static struct ferry_update u;

static struct app_image_spec release(const char *version, uint32_t payload)
{
    return (struct app_image_spec){.project = "demo",
                                   .version = version,
                                   .payload_bytes = payload,
                                   .chip_id = 5,
                                   .seed = payload};
}

/* ota_0 runs release 1.0.0; image holds release 1.1.0. */
static void start(void)
{
    bench_device_init(&b, &(struct bench_layout){.n_slots = 2});
    const struct app_image_spec old = release("1.0.0", 5000);
    const struct app_image_spec new_one = release("1.1.0", PAYLOAD);
    old_bytes = app_image_make(old_image, &old);
    n_bytes = app_image_make(image, &new_one);
    bench_device_put(&b, 0, old_image, old_bytes);
    bench_device_put(&b, 1, old_image, old_bytes); // what a former update left
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    b.dev.running = 0;
}

static void end(void)
{
    bench_device_free(&b);
}

static const struct ferry_update_config next_slot = {.slot = FERRY_SLOT_NEXT};

static ferry_err run(struct ferry_update_config cfg, uint32_t chunk)
{
    return bench_device_update(&b, image, n_bytes, chunk, cfg, &u);
}

/* After a failure: what runs, its entry and every other partition are as they were, and the target
 * can never boot. */
static void check_untouched(void)
{
    static uint8_t now[APP_IMAGE_BYTES(5000)];
    sim_flash_peek(&b.sim, BENCH_SLOT_OFF(0), now, old_bytes);
    T_EQ_MEM(now, old_image, old_bytes);
    struct ferry_slots s;
    T_EQ_INT(ferry_slots_load(&b.dev, &s), FERRY_OK);
    T_EQ_INT(s.entry[0].seq, 1);
    T_EQ_INT(s.entry[0].state, FERRY_STATE_VALID);
    T_EQ_INT(bench_device_boot(&b), 0);
}

static void check_target_cannot_boot(void)
{
    T_CHECK(ferry_device_verify(&b.dev, 1) != FERRY_OK);
}

static void update_boots_the_new_release_and_confirms(void)
{
    start();
    T_EQ_INT(run(next_slot, 1436), FERRY_OK);
    T_EQ_INT(u.target, 1);
    T_EQ_INT(bench_device_boot(&b), 1);
    T_EQ_INT(ferry_slots_confirm(&b.dev), FERRY_OK);
    T_EQ_INT(bench_device_boot(&b), 1);
    T_EQ_INT(bench_device_boot(&b), 1);
    end();
}

static void unconfirmed_release_is_rolled_back(void)
{
    start();
    T_EQ_INT(run(next_slot, 4096), FERRY_OK);
    T_EQ_INT(bench_device_boot(&b), 1);
    T_EQ_INT(bench_device_boot(&b), 0);
    T_EQ_INT(bench_device_boot(&b), 0);
    end();
}

static void any_chunk_gives_the_same_flash_operations(void)
{
    static const uint32_t chunks[] = {1, 3, 1436, 4096, 65536, 1000000};
    struct sim_counts first = {0};
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        start();
        struct ferry_update_config cfg = next_slot;
        cfg.length_bytes = n_bytes;
        T_EQ_INT(run(cfg, chunks[i]), FERRY_OK);
        if (!i)
            first = b.sim.counts;
        T_EQ_MEM(&b.sim.counts, &first, sizeof(first));
        T_EQ_INT(first.wrong_progs, 0);
        end();
    }
    // 150 KB in a slot on a 64 KB border: two whole blocks, then sectors; and one otadata entry.
    const uint32_t sectors = (n_bytes + 4095) / 4096;
    T_EQ_INT(first.erases_64k, sectors / 16);
    T_EQ_INT(first.erases_4k, sectors % 16 + 1);
    T_EQ_INT(first.prog_bytes, n_bytes + 32);
}

static void without_a_length_blocks_wait_for_the_segment_header(void)
{
    start();
    T_EQ_INT(run(next_slot, 512), FERRY_OK);
    const uint32_t sectors = (n_bytes + 4095) / 4096;
    T_EQ_INT(b.sim.counts.erases_64k * 16 + b.sim.counts.erases_4k, sectors + 1);
    T_EQ_INT(b.sim.counts.erases_64k, 2);
    end();
}

static void small_work_memory_gives_the_same_slot(void)
{
    start();
    struct ferry_update_config cfg = next_slot;
    cfg.work_bytes = 512;
    T_EQ_INT(run(cfg, 700), FERRY_OK);
    static uint8_t now[BENCH_IMAGE_LIMIT];
    sim_flash_peek(&b.sim, BENCH_SLOT_OFF(1), now, n_bytes);
    T_EQ_MEM(now, image, n_bytes);
    T_EQ_INT(b.sim.counts.wrong_progs, 0);
    end();
}

static void gentle_never_blocks_longer_than_one_sector(void)
{
    start();
    struct ferry_update_config cfg = next_slot;
    cfg.flags = FERRY_UPDATE_GENTLE;
    cfg.length_bytes = n_bytes;
    T_EQ_INT(run(cfg, 20000), FERRY_OK);
    T_EQ_INT(b.sim.counts.erases_64k, 0);
    T_CHECK(b.sim.counts.longest_us <= 45000);
    T_EQ_INT(bench_device_boot(&b), 1);
    end();
}

static void gentle_write_takes_one_buffer_at_most(void)
{
    start();
    struct ferry_update_config cfg = next_slot;
    cfg.flags = FERRY_UPDATE_GENTLE;
    cfg.work = b.buffer;
    cfg.work_bytes = sizeof(b.buffer);
    T_EQ_INT(ferry_update_begin(&u, &b.dev, &cfg), FERRY_OK);
    uint32_t used = 0;
    T_EQ_INT(ferry_update_write(&u, image, 100, &used), FERRY_OK);
    T_EQ_INT(used, 100);
    T_EQ_INT(ferry_update_write(&u, image + 100, 9000, &used), FERRY_OK);
    T_EQ_INT(used, 4096 - 100);
    ferry_update_abort(&u);
    check_untouched();
    end();
}

static void flash_is_read_at_most_once_for_the_check(void)
{
    start();
    struct ferry_update_config cfg = next_slot;
    cfg.length_bytes = n_bytes;
    T_EQ_INT(run(cfg, 4096), FERRY_OK);
    T_CHECK(b.sim.counts.read_bytes <= n_bytes + 8192);
    end();
}

static void nothing_changes_before_the_descriptor_is_accepted(void)
{
    start();
    struct ferry_update_config cfg = next_slot;
    cfg.work = b.buffer;
    cfg.work_bytes = sizeof(b.buffer);
    T_EQ_INT(ferry_update_begin(&u, &b.dev, &cfg), FERRY_OK);
    uint32_t used;
    T_EQ_INT(ferry_update_write(&u, image, 4095, &used), FERRY_OK);
    T_EQ_INT(b.sim.counts.progs + b.sim.counts.erases_4k + b.sim.counts.erases_64k, 0);
    ferry_update_abort(&u);
    end();
}

static void header_is_written_last(void)
{
    start();
    struct ferry_update_config cfg = next_slot;
    cfg.work = b.buffer;
    cfg.work_bytes = sizeof(b.buffer);
    T_EQ_INT(ferry_update_begin(&u, &b.dev, &cfg), FERRY_OK);
    uint32_t used;
    T_EQ_INT(ferry_update_write(&u, image, n_bytes, &used), FERRY_OK);
    uint8_t head[16];
    sim_flash_peek(&b.sim, BENCH_SLOT_OFF(1), head, sizeof(head));
    for (size_t i = 0; i < sizeof(head); i++)
        T_EQ_INT(head[i], 0xff);
    check_target_cannot_boot();
    ferry_update_abort(&u);
    check_untouched();
    end();
}

/* One thing wrong, the error it must give, and the device as it was. */
static void refused(struct ferry_update_config cfg, ferry_err want)
{
    T_EQ_INT(run(cfg, 4096), want);
    T_EQ_INT(u.fault.err, want);
    uint32_t used;
    T_EQ_INT(ferry_update_write(&u, image, 1, &used), want); // and it stays refused
    check_untouched();
    end();
}

static void promises_that_do_not_hold_are_refused(void)
{
    struct ferry_update_config cfg = next_slot;
    start();
    cfg.length_bytes = n_bytes + 1;
    refused(cfg, FERRY_ERR_UPDATE_LENGTH);
    start();
    cfg.length_bytes = n_bytes - 1;
    refused(cfg, FERRY_ERR_UPDATE_LENGTH);
    start();
    cfg = next_slot;
    cfg.has_crc32 = true;
    cfg.crc32 = ferry_crc32(0, image, n_bytes) ^ 1;
    refused(cfg, FERRY_ERR_UPDATE_CRC);
    start();
    cfg = next_slot;
    static const uint8_t wrong[32] = {1};
    cfg.sha256 = wrong;
    refused(cfg, FERRY_ERR_UPDATE_SHA);
}

static void promises_that_hold_are_kept(void)
{
    start();
    uint8_t sha[32];
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, image, n_bytes);
    ferry_sha256_finish(&h, sha);
    struct ferry_update_config cfg = next_slot;
    cfg.length_bytes = n_bytes;
    cfg.has_crc32 = true;
    cfg.crc32 = ferry_crc32(0, image, n_bytes);
    cfg.sha256 = sha;
    cfg.min_version = "1.0.5";
    T_EQ_INT(run(cfg, 999), FERRY_OK);
    T_EQ_MEM(u.sha256, sha, 32);
    end();
}

static void bad_images_are_refused(void)
{
    start();
    image[0] = 0x7f;
    refused(next_slot, FERRY_ERR_IMAGE_MAGIC);
    start();
    image[12] = 9;
    refused(next_slot, FERRY_ERR_IMAGE_CHIP);
    start();
    image[n_bytes - 40] ^= 1;
    refused(next_slot, FERRY_ERR_IMAGE_HASH);
    start();
    image[n_bytes - 33] ^= 1;
    refused(next_slot, FERRY_ERR_IMAGE_CHECKSUM);
    start();
    n_bytes -= 100;
    refused(next_slot, FERRY_ERR_IMAGE_TRUNC);
    start();
    n_bytes = 0;
    refused(next_slot, FERRY_ERR_UPDATE_EMPTY);
    start();
    struct app_image_spec spec = release("1.1.0", PAYLOAD);
    spec.no_descriptor = true;
    n_bytes = app_image_make(image, &spec);
    refused(next_slot, FERRY_ERR_IMAGE_NO_DESC);
}

static void what_does_not_fit_the_slot_is_refused(void)
{
    start();
    ferry_put_le32(image + 28, 0x40000);
    refused(next_slot, FERRY_ERR_IMAGE_SIZE);
    start();
    struct ferry_update_config cfg = next_slot;
    cfg.length_bytes = BENCH_SLOT_BYTES + 1;
    refused(cfg, FERRY_ERR_IMAGE_SIZE);
    start();
    memset(image + n_bytes, 0xff, sizeof(image) - n_bytes); // an endless tail
    n_bytes = sizeof(image);
    refused(next_slot, FERRY_ERR_IMAGE_SIZE);
}

static void other_projects_and_older_versions_need_a_word(void)
{
    struct app_image_spec spec = release("1.1.0", PAYLOAD);
    spec.project = "other";
    struct ferry_update_config cfg = next_slot;
    start();
    n_bytes = app_image_make(image, &spec);
    refused(cfg, FERRY_ERR_UPDATE_PROJECT);
    start();
    n_bytes = app_image_make(image, &spec);
    cfg.flags = FERRY_UPDATE_PROJECT;
    T_EQ_INT(run(cfg, 4096), FERRY_OK);
    end();

    spec = release("0.9.9", PAYLOAD);
    start();
    n_bytes = app_image_make(image, &spec);
    refused(next_slot, FERRY_ERR_UPDATE_DOWNGRADE);
    start();
    n_bytes = app_image_make(image, &spec);
    cfg.flags = FERRY_UPDATE_DOWNGRADE;
    T_EQ_INT(run(cfg, 4096), FERRY_OK);
    end();

    cfg = next_slot;
    cfg.min_version = "1.2";
    start();
    refused(cfg, FERRY_ERR_UPDATE_MIN_VERSION);
    cfg.min_version = "nightly";
    start();
    refused(cfg, FERRY_ERR_UPDATE_COMPARE);
}

static void secure_version_is_checked_with_anti_rollback(void)
{
    start();
    b.policy.anti_rollback = true;
    b.policy.secure_version = 2;
    T_EQ_INT(run(next_slot, 4096), FERRY_ERR_IMAGE_SECURE_VERSION);
    T_EQ_INT(u.fault.value, 0);
    T_EQ_INT(u.fault.limit, 2);
    end();
}

static void running_slot_is_never_a_target(void)
{
    start();
    struct ferry_update_config cfg = {.slot = 0};
    refused(cfg, FERRY_ERR_UPDATE_RUNNING);
    start();
    b.dev.slots[1].off_bytes = b.dev.slots[0].off_bytes + 0x1000; // a table that lays them over
    refused(next_slot, FERRY_ERR_UPDATE_RUNNING);
    start();
    b.dev.slots[1].off_bytes = 0; // or over the bootloader
    refused(next_slot, FERRY_ERR_FLASH_PROTECTED);
}

static void not_while_the_running_app_is_pending(void)
{
    start();
    bench_device_entry(&b, 0, 1, FERRY_STATE_PENDING);
    T_EQ_INT(run(next_slot, 4096), FERRY_ERR_UPDATE_PENDING);
    struct ferry_update_config cfg = next_slot;
    cfg.flags = FERRY_UPDATE_PENDING_TOO;
    T_EQ_INT(run(cfg, 4096), FERRY_OK);
    end();
}

static void a_flash_that_does_not_keep_is_noticed(void)
{
    start();
    struct ferry_update_config cfg = next_slot;
    cfg.work = b.buffer;
    cfg.work_bytes = sizeof(b.buffer);
    T_EQ_INT(ferry_update_begin(&u, &b.dev, &cfg), FERRY_OK);
    uint32_t used;
    T_EQ_INT(ferry_update_write(&u, image, n_bytes, &used), FERRY_OK);
    sim_flash_flip_bit(&b.sim, BENCH_SLOT_OFF(1) + 50000, 0);
    T_EQ_INT(ferry_update_finish(&u), FERRY_ERR_FLASH_VERIFY);
    check_target_cannot_boot();
    check_untouched();
    end();
}

static void every_failing_flash_operation_leaves_the_old_app(void)
{
    for (uint32_t op = 1;; op++) {
        start();
        sim_flash_plan_cut(&b.sim, op, SIM_CUT_BEFORE);
        const ferry_err err = run(next_slot, 4096);
        if (!err) {
            T_CHECK(op > 40); // every program and erase of the update had its turn
            end();
            return;
        }
        T_EQ_INT(err, FERRY_ERR_FLASH_IO);
        T_EQ_INT(bench_device_boot(&b), 0);
        T_EQ_INT(run(next_slot, 4096), FERRY_OK); // and the next attempt completes
        T_EQ_INT(bench_device_boot(&b), 1);
        end();
    }
}

/* Pieces smaller than a unit as well, the first among them. */
static void coarse_program_units_work(void)
{
    static const uint32_t units[] = {4, 16, 32};
    static const uint32_t chunks[] = {1, 15, 777};
    for (size_t i = 0; i < 9; i++) {
        start();
        b.sim.flash.prog_bytes = units[i % 3];
        T_EQ_INT(run(next_slot, chunks[i / 3]), FERRY_OK);
        T_EQ_INT(bench_device_boot(&b), 1);
        end();
    }
}

static void configs_that_make_no_sense_are_refused(void)
{
    start();
    struct ferry_update_config cfg = next_slot;
    cfg.work = b.buffer;
    cfg.work_bytes = 256;
    T_EQ_INT(ferry_update_begin(&u, &b.dev, &cfg), FERRY_ERR_WORK_SIZE);
    cfg.work_bytes = 768;
    T_EQ_INT(ferry_update_begin(&u, &b.dev, &cfg), FERRY_ERR_ARG);
    cfg.work_bytes = 4096;
    cfg.slot = 5;
    T_EQ_INT(ferry_update_begin(&u, &b.dev, &cfg), FERRY_ERR_NO_SLOT);
    b.dev.running = FERRY_SLOT_NONE;
    cfg.slot = 1;
    T_EQ_INT(ferry_update_begin(&u, &b.dev, &cfg), FERRY_ERR_SLOT_UNKNOWN);
    T_EQ_INT(ferry_update_finish(&u), FERRY_ERR_SLOT_UNKNOWN);
    end();
}

int main(void)
{
    T_RUN(update_boots_the_new_release_and_confirms);
    T_RUN(unconfirmed_release_is_rolled_back);
    T_RUN(any_chunk_gives_the_same_flash_operations);
    T_RUN(without_a_length_blocks_wait_for_the_segment_header);
    T_RUN(small_work_memory_gives_the_same_slot);
    T_RUN(gentle_never_blocks_longer_than_one_sector);
    T_RUN(gentle_write_takes_one_buffer_at_most);
    T_RUN(flash_is_read_at_most_once_for_the_check);
    T_RUN(nothing_changes_before_the_descriptor_is_accepted);
    T_RUN(header_is_written_last);
    T_RUN(promises_that_do_not_hold_are_refused);
    T_RUN(promises_that_hold_are_kept);
    T_RUN(bad_images_are_refused);
    T_RUN(what_does_not_fit_the_slot_is_refused);
    T_RUN(other_projects_and_older_versions_need_a_word);
    T_RUN(secure_version_is_checked_with_anti_rollback);
    T_RUN(running_slot_is_never_a_target);
    T_RUN(not_while_the_running_app_is_pending);
    T_RUN(a_flash_that_does_not_keep_is_noticed);
    T_RUN(every_failing_flash_operation_leaves_the_old_app);
    T_RUN(coarse_program_units_work);
    T_RUN(configs_that_make_no_sense_are_refused);
    return t_end();
}
