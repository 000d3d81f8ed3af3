/* test_reflash_stage - staging goes on after a reset where it stopped, takes the place that costs
 * least, says what it costs; and the time that a check announces is that of the flash model. */
#include "reflash_world.h"
#include "t.h"

#include "ferry/otadata.h"
#include "ferry/update.h"

#include <string.h>

#define CONTENT 200000u
#define SECOND  30000u

static struct reflash_world w;
static uint8_t bytes[CONTENT];
static uint8_t blob[FERRY_CHECKPOINT_BYTES];
static const struct ferry_step first = {.kind = FERRY_STEP_DATA,
                                        .dest_off_bytes = WORLD_FREE_OFF,
                                        .dest_size_bytes = 0x40000,
                                        .length_bytes = CONTENT};
static const struct ferry_step second = {.kind = FERRY_STEP_DATA,
                                         .dest_off_bytes = WORLD_NEW_NVS_OFF,
                                         .dest_size_bytes = 0x10000,
                                         .length_bytes = SECOND};

static void fresh(void)
{
    world_init(&w, &ferry_chip_esp32c3);
    uint32_t x = 5;
    for (uint32_t i = 0; i < CONTENT; i++)
        bytes[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
    memset(blob, 0xee, sizeof(blob));
    T_EQ_INT(world_begin_plan(&w), FERRY_OK);
}

/* Feeds [from, to) of the content and keeps each checkpoint that is due; how many were. */
static int feed(uint32_t from, uint32_t to)
{
    int kept = 0;
    while (from < to) {
        const uint32_t n = to - from < 1436 ? to - from : 1436;
        if (!T_EQ_INT(ferry_stage_write(&w.stage, bytes + from, n), FERRY_OK))
            return kept;
        const ferry_err err = ferry_stage_checkpoint(&w.stage, NULL, blob);
        T_CHECK(err == FERRY_OK || err == FERRY_AGAIN);
        kept += err == FERRY_OK;
        from += n;
    }
    return kept;
}

static uint32_t kept_bytes(void)
{
    struct ferry_checkpoint c = {0};
    T_EQ_INT(ferry_checkpoint_read(blob, sizeof(blob), &c), FERRY_OK);
    return c.off_bytes;
}

/* Staged up to `at`, then a reset: everything in RAM is gone. */
static void lose_power_at(uint32_t at)
{
    bool is_held;
    T_EQ_INT(ferry_stage_begin(&w.stage, &first, NULL, &is_held), FERRY_OK);
    (void)feed(0, at);
    T_EQ_INT(world_begin_plan(&w), FERRY_OK);
}

static ferry_err resume(const struct ferry_step *step, const uint8_t *sha)
{
    bool is_held;
    return ferry_stage_resume(&w.stage, step, sha, blob, &is_held);
}

static void run_plan(void)
{
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, 0, &w.bench, &w.report), FERRY_OK);
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_OK);
    ferry_err err;
    while ((err = ferry_reflash_run(&w.job)) == FERRY_AGAIN)
        ;
    T_EQ_INT(err, FERRY_OK);
}

static bool holds(uint32_t off, const uint8_t *want, uint32_t n)
{
    static uint8_t seen[CONTENT];
    sim_flash_peek(&w.sim, off, seen, n);
    return memcmp(seen, want, n) == 0;
}

static void staging_is_gone_on_with_after_a_reset(void)
{
    fresh();
    lose_power_at(150000);
    const uint32_t off = kept_bytes();
    T_CHECK(off <= 150000 && 150000 - off <= 65536 + 4096);
    T_EQ_INT(resume(&first, NULL), FERRY_OK);
    T_EQ_INT(w.stage.got_bytes, off);
    (void)feed(off, CONTENT);
    T_EQ_INT(ferry_stage_finish(&w.stage), FERRY_OK);
    T_EQ_INT(w.sim.counts.wrong_progs, 0);
    run_plan();
    T_CHECK(holds(first.dest_off_bytes, bytes, CONTENT));
    world_free(&w);
}

static void second_content_goes_on_behind_the_first(void)
{
    uint8_t of_first[FERRY_CHECKPOINT_BYTES];
    bool is_held;
    fresh();
    T_EQ_INT(ferry_stage_begin(&w.stage, &first, NULL, &is_held), FERRY_OK);
    T_EQ_INT(feed(0, CONTENT), (int)(CONTENT / 65536));
    T_EQ_INT(ferry_stage_finish(&w.stage), FERRY_OK);
    memcpy(of_first, blob, sizeof(blob));
    T_EQ_INT(ferry_stage_begin(&w.stage, &second, NULL, &is_held), FERRY_OK);
    T_EQ_INT(feed(0, 20000), 0);
    T_EQ_INT(world_begin_plan(&w), FERRY_OK);
    memcpy(blob, of_first, sizeof(blob));
    T_EQ_INT(resume(&first, NULL), FERRY_OK);
    T_CHECK(CONTENT - w.stage.got_bytes <= 65536);
    (void)feed(w.stage.got_bytes, CONTENT);
    T_EQ_INT(ferry_stage_finish(&w.stage), FERRY_OK);
    T_EQ_INT(ferry_stage_begin(&w.stage, &second, NULL, &is_held), FERRY_OK);
    (void)feed(0, SECOND);
    T_EQ_INT(ferry_stage_finish(&w.stage), FERRY_OK);
    run_plan();
    T_CHECK(holds(first.dest_off_bytes, bytes, CONTENT));
    T_CHECK(holds(second.dest_off_bytes, bytes, SECOND));
    world_free(&w);
}

static void content_that_is_here_to_its_end_keeps_the_step_before(void)
{
    struct ferry_step even = first;
    bool is_held;
    fresh();
    even.length_bytes = 2 * 65536;
    T_EQ_INT(ferry_stage_begin(&w.stage, &even, NULL, &is_held), FERRY_OK);
    T_EQ_INT(feed(0, even.length_bytes), 1);
    T_EQ_INT(kept_bytes(), 65536);
    world_free(&w);
}

/* Whatever is wrong with it: refused, and nothing written. */
static void refuses(const struct ferry_step *step, const uint8_t *sha)
{
    const struct sim_counts before = w.sim.counts;
    T_EQ_INT(resume(step, sha), FERRY_ERR_CHECKPOINT);
    T_EQ_INT(w.sim.counts.progs, before.progs);
    T_EQ_INT(w.sim.counts.erases_4k + w.sim.counts.erases_64k,
             before.erases_4k + before.erases_64k);
    T_EQ_INT(ferry_stage_write(&w.stage, bytes, 1), FERRY_ERR_STATE);
}

static void checkpoint_of_something_else_is_refused(void)
{
    const uint8_t sha[FERRY_SHA256_BYTES] = {1};
    struct ferry_step other = first;
    fresh();
    lose_power_at(150000);
    refuses(&first, sha);
    other.length_bytes++;
    refuses(&other, NULL);
    other = first;
    other.kind = FERRY_STEP_RAW;
    refuses(&other, NULL);
    other = first;
    other.length_bytes = 0;
    refuses(&other, NULL);
    w.stage.used_bytes += 4096; // another content has come before it
    refuses(&first, NULL);
    w.stage.used_bytes -= 4096;
    for (uint32_t i = 0; i < sizeof(blob); i++) {
        blob[i] ^= 0x20;
        refuses(&first, NULL);
        blob[i] ^= 0x20;
    }
    T_EQ_INT(resume(&first, NULL), FERRY_OK);
    world_free(&w);
}

static void flash_outranks_the_checkpoint(void)
{
    static const uint32_t offsets[] = {0, 4095, 4096, 70000, 4096 + 131071};
    fresh();
    lose_power_at(150000);
    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        uint8_t was, is;
        sim_flash_peek(&w.sim, WORLD_STAGE_OFF + offsets[i], &was, 1);
        is = was ^ 1;
        sim_flash_poke(&w.sim, WORLD_STAGE_OFF + offsets[i], &is, 1);
        refuses(&first, NULL);
        sim_flash_poke(&w.sim, WORLD_STAGE_OFF + offsets[i], &was, 1);
    }
    T_EQ_INT(resume(&first, NULL), FERRY_OK);
    world_free(&w);
}

static void sectors_behind_the_checkpoint_are_erased_again(void)
{
    fresh();
    lose_power_at(150000);
    const uint32_t off = kept_bytes();
    const uint32_t sector = (WORLD_STAGE_OFF + 4096 + off) / 4096;
    const uint32_t before = w.sim.wear[sector], prefix = w.sim.wear[sector - 1];
    T_EQ_INT(resume(&first, NULL), FERRY_OK);
    (void)feed(off, CONTENT);
    T_EQ_INT(w.sim.wear[sector], before + 1);
    T_EQ_INT(w.sim.wear[sector - 1], prefix);
    world_free(&w);
}

/* ---- where to stage, and what it costs ---- */

#define SLOT_OFF(i) (WORLD_RUNNING_OFF + (i)*0x20000u)

/* Four slots; ota_0 runs, `holding` have apps, and a rollback goes to ota_1 if that is one. */
static void four_slots(unsigned holding)
{
    static uint8_t image[APP_IMAGE_BYTES(5000)];
    uint8_t table[4096], entries[8192];
    struct ferry_partition rows[5] = {
        {WORLD_OTADATA_OFF, 0x2000, 0, FERRY_TYPE_DATA, FERRY_DATA_OTA, "otadata"}};
    fresh();
    for (unsigned i = 0; i < 4; i++) {
        rows[i + 1] = (struct ferry_partition){
            SLOT_OFF(i), 0x20000, 0, FERRY_TYPE_APP, (uint8_t)(FERRY_APP_OTA_0 + i), "ota_0"};
        rows[i + 1].label[4] = (char)('0' + i);
        const struct world_content app = world_app(&w, image, 5000, i);
        if (holding >> i & 1)
            sim_flash_poke(&w.sim, SLOT_OFF(i), app.bytes, app.n);
    }
    memset(table, 0xff, sizeof(table));
    T_EQ_INT(ferry_table_encode(rows, 5, true, table, NULL), FERRY_OK);
    sim_flash_poke(&w.sim, WORLD_TABLE_OFF, table, sizeof(table));
    memset(entries, 0xff, sizeof(entries));
    for (uint32_t i = 0; i < 2; i++) { // seq 5 names ota_0, seq 2 ota_1
        const struct ferry_otadata e = ferry_otadata_make(i ? 2 : 5, FERRY_STATE_VALID);
        ferry_otadata_encode(&e, entries + 4096 * i);
    }
    sim_flash_poke(&w.sim, WORLD_OTADATA_OFF, entries, sizeof(entries));
    w.cfg.running = (struct ferry_span){SLOT_OFF(0), 0x20000};
    T_EQ_INT(world_open(&w), FERRY_OK);
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
}

static uint32_t found(uint32_t need_bytes)
{
    struct ferry_span area = {0, 0};
    T_EQ_INT(ferry_stage_find(&w.job, &w.dev, need_bytes, (struct ferry_span){0, 0}, &area, NULL),
             FERRY_OK);
    T_EQ_INT(ferry_stage_open(&w.stage, &w.job, &w.site, &w.dev, area), FERRY_OK);
    return area.off_bytes;
}

static void staging_takes_what_costs_least(void)
{
    four_slots(1u << 0 | 1u << 1 | 1u << 2); // ota_3 is empty
    T_EQ_INT(found(1000), SLOT_OFF(3));
    T_EQ_INT(w.stage.lost_slot, FERRY_SLOT_NONE);
    T_CHECK(!w.stage.loses_rollback);
    world_free(&w);
    four_slots(15); // all hold apps; ota_1 is the way back
    T_EQ_INT(found(1000), SLOT_OFF(2));
    T_EQ_INT(w.stage.lost_slot, 2);
    T_CHECK(!w.stage.loses_rollback);
    world_free(&w);
}

static void loss_of_the_way_back_is_said_beforehand(void)
{
    four_slots(15);
    const struct ferry_span way_back = {SLOT_OFF(1), 0x40000}; // ota_1 and ota_2
    const struct sim_counts before = w.sim.counts;
    T_EQ_INT(ferry_stage_open(&w.stage, &w.job, &w.site, &w.dev, way_back), FERRY_OK);
    T_EQ_INT(w.stage.lost_slot, 1);
    T_CHECK(w.stage.loses_rollback);
    T_EQ_INT(w.sim.counts.progs, before.progs);
    T_EQ_INT(w.sim.counts.erases_4k + w.sim.counts.erases_64k,
             before.erases_4k + before.erases_64k);
    world_free(&w);
}

/* ---- time ---- */

/* The announced milliseconds within a tenth of what the flash model takes. */
static void expect_time(void)
{
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, FERRY_REFLASH_DANGEROUS, &w.bench, &w.report),
             FERRY_OK);
    const uint64_t before = w.sim.counts.time_us;
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_OK);
    ferry_err err;
    while ((err = ferry_reflash_run(&w.job)) == FERRY_AGAIN)
        ;
    T_EQ_INT(err, FERRY_OK);
    const int64_t took_ms = (int64_t)(w.sim.counts.time_us - before) / 1000;
    const int64_t off_ms = took_ms - (int64_t)w.report.time_ms;
    if (!T_CHECK((off_ms < 0 ? -off_ms : off_ms) <= took_ms / 10))
        T_EQ_INT(w.report.time_ms, took_ms);
}

static void announced_time_is_that_of_the_model(void)
{
    fresh(); // blocks: from 0xa0000 two whole ones and parts
    T_EQ_INT(world_stage(&w, first, (struct world_content){bytes, CONTENT}), FERRY_OK);
    expect_time();
    world_free(&w);
    fresh(); // sectors only, half of them right already
    for (uint32_t at = 0; at < 0x20000; at += 8192)
        sim_flash_poke(&w.sim, WORLD_FREE_OFF + at, bytes + at, 4096);
    struct ferry_step s = first;
    s.length_bytes = 0x20000;
    T_EQ_INT(world_stage(&w, s, (struct world_content){bytes, 0x20000}), FERRY_OK);
    expect_time();
    world_free(&w);
    fresh(); // nothing to program
    s = world_step(FERRY_STEP_DATA, WORLD_STORAGE_OFF, WORLD_STORAGE_BYTES);
    s.source = FERRY_SOURCE_BLANK;
    s.flags = FERRY_STEP_BLANK_REST;
    for (uint32_t at = 0; at < WORLD_STORAGE_BYTES; at += 4096)
        sim_flash_poke(&w.sim, WORLD_STORAGE_OFF + at, bytes, 4096);
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_OK);
    expect_time();
    world_free(&w);
    fresh(); // a bootloader, sector by sector
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_BOOTLOADER, 0, WORLD_BOOT_BYTES),
                         world_bootloader(&w, 1)),
             FERRY_OK);
    expect_time();
    world_free(&w);
}

int main(void)
{
    T_RUN(staging_is_gone_on_with_after_a_reset);
    T_RUN(second_content_goes_on_behind_the_first);
    T_RUN(content_that_is_here_to_its_end_keeps_the_step_before);
    T_RUN(checkpoint_of_something_else_is_refused);
    T_RUN(flash_outranks_the_checkpoint);
    T_RUN(sectors_behind_the_checkpoint_are_erased_again);
    T_RUN(staging_takes_what_costs_least);
    T_RUN(loss_of_the_way_back_is_said_beforehand);
    T_RUN(announced_time_is_that_of_the_model);
    return t_end();
}
