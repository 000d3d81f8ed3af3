/* test_reflash - a plan carried out: every way the original could lose a device is refused, noticed
 * or gone on from. The rows named S3-... are those of docs/coverage.md. */
#include "reflash_world.h"
#include "t.h"

#include <stdlib.h>

static struct reflash_world w;
static uint8_t app_bytes[APP_IMAGE_BYTES(100000)];
static struct world_content app;

static void fresh(void)
{
    world_init(&w, &ferry_chip_esp32c3);
    app = world_app(&w, app_bytes, 70000, 9);
    T_EQ_INT(world_begin_plan(&w), FERRY_OK);
}

static void peek_all(uint8_t *to)
{
    sim_flash_peek(&w.sim, 0, to, WORLD_FLASH_BYTES);
}

static struct ferry_step moved(enum ferry_step_kind kind, uint32_t to, uint32_t size, uint32_t from,
                               uint32_t n)
{
    struct ferry_step s = world_step(kind, to, size);
    s.source = FERRY_SOURCE_MOVED;
    s.source_off_bytes = from;
    s.length_bytes = n;
    return s;
}

static void migration_ends_with_the_new_layout_booting(void)
{
    uint8_t nvs[WORLD_NVS_BYTES], blank[4096];
    fresh();
    memset(blank, 0xff, sizeof(blank));
    sim_flash_peek(&w.sim, WORLD_NVS_OFF, nvs, sizeof(nvs));
    T_EQ_INT(world_plan_migration(&w, app), FERRY_OK);
    T_EQ_INT(world_run(&w, FERRY_REFLASH_DANGEROUS), FERRY_OK);
    T_EQ_INT(w.report.boots, 1);
    T_EQ_INT(w.report.boots_off_bytes, WORLD_NEW_APP_OFF);
    T_CHECK(!w.report.boots_running);
    T_CHECK(world_holds(&w, WORLD_NEW_NVS_OFF, nvs, sizeof(nvs)));
    T_CHECK(world_holds(&w, WORLD_NEW_NVS_OFF + WORLD_NVS_BYTES, blank, sizeof(blank)));
    T_CHECK(world_holds(&w, 0, world_bootloader(&w, 1).bytes, world_bootloader(&w, 1).n));
    T_EQ_INT(world_boot(&w), 1);
    T_EQ_INT(world_open(&w), FERRY_OK);
    T_EQ_INT(w.job.journal.state, FERRY_JOURNAL_FINISHED);
    T_EQ_INT(w.sim.counts.wrong_progs, 0);
    world_free(&w);
}

static void dangerous_steps_come_last_and_are_announced(void)
{
    fresh();
    T_EQ_INT(world_plan_migration(&w, app), FERRY_OK);
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, 0, &w.bench, &w.report),
             FERRY_ERR_REFLASH_WINDOW);
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, FERRY_REFLASH_DANGEROUS, &w.bench, &w.report),
             FERRY_OK);
    T_EQ_INT(w.job.plan.n_steps, 5);
    T_EQ_INT(w.job.plan.steps[3].kind, FERRY_STEP_TABLE);
    T_EQ_INT(w.job.plan.steps[4].kind, FERRY_STEP_BOOTLOADER);
    T_EQ_INT(w.job.plan.switch_step, 3);
    T_EQ_INT(w.report.window_step, 3);
    T_EQ_INT(w.report.window_sectors, 4); // the table's, and three of the bootloader
    T_CHECK(w.report.window_ms >= 4 * 45);
    world_free(&w);
}

static void bootloader_that_resumes_has_no_window_for_the_table(void)
{
    fresh();
    w.site.bootloader_resumes = true;
    T_EQ_INT(world_plan_migration(&w, app), FERRY_OK);
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, FERRY_REFLASH_DANGEROUS, &w.bench, &w.report),
             FERRY_OK);
    T_EQ_INT(w.report.window_sectors, 3);
    T_EQ_INT(w.report.window_step, 4);
    world_free(&w);
}

static void new_bootloader_that_resumes_comes_before_the_table(void)
{
    fresh();
    T_EQ_INT(world_plan_migration(&w, app), FERRY_OK);
    w.job.plan.steps[0].flags |= FERRY_STEP_RESUMES;
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, FERRY_REFLASH_DANGEROUS, &w.bench, &w.report),
             FERRY_OK);
    T_EQ_INT(w.job.plan.steps[3].kind, FERRY_STEP_BOOTLOADER);
    T_EQ_INT(w.job.plan.steps[4].kind, FERRY_STEP_TABLE);
    T_EQ_INT(w.report.window_sectors, 3);
    world_free(&w);
}

static void recovery_bootloader_leaves_no_window(void)
{
    world_init(&w, &ferry_chip_esp32c5);
    app = world_app(&w, app_bytes, 9000, 9);
    w.site.recovery_off_bytes = WORLD_RECOVERY_OFF;
    T_EQ_INT(world_begin_plan(&w), FERRY_OK);
    struct ferry_step boot = world_step(FERRY_STEP_BOOTLOADER, 0x2000, WORLD_BOOT_BYTES);
    T_EQ_INT(world_stage(&w, boot, world_bootloader(&w, 1)), FERRY_OK);
    T_EQ_INT(ferry_reflash_guard(&w.job, &w.site, &w.bench.work), FERRY_OK);
    T_EQ_INT(w.job.plan.n_steps, 2);
    T_EQ_INT(world_run(&w, FERRY_REFLASH_DANGEROUS), FERRY_OK);
    T_EQ_INT(w.report.window_sectors, 0);
    T_EQ_INT(w.report.window_step, -1);
    T_CHECK(world_holds(&w, WORLD_RECOVERY_OFF, world_bootloader(&w, 0).bytes,
                        world_bootloader(&w, 0).n));
    // The next time a good one is there: no guard is needed.
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    T_EQ_INT(world_stage(&w, boot, world_bootloader(&w, 0)), FERRY_OK);
    T_EQ_INT(ferry_reflash_guard(&w.job, &w.site, &w.bench.work), FERRY_OK);
    T_EQ_INT(w.job.plan.n_steps, 1);
    world_free(&w);
}

static void recovery_place_is_known_where_the_rom_knows_it(void)
{
    static const struct {
        const struct ferry_chip *chip;
        uint16_t rev;
        uint32_t efuse, want;
    } cases[] = {
        {&ferry_chip_esp32c5, 0, 0x3f0, 0x3f0000},
        {&ferry_chip_esp32c61, 0, 1, 0x1000},
        {&ferry_chip_esp32s31, 0, 0x3f0, 0x3f0000},
        {&ferry_chip_esp32p4, 300, 0x3f0, 0x3f0000},
        {&ferry_chip_esp32p4, 299, 0x3f0, 0},
        {&ferry_chip_esp32c3, 400, 0x3f0, 0},
        {&ferry_chip_esp32c5, 0, 0, 0},
        {&ferry_chip_esp32c5, 0, 0xfff, 0},
        {NULL, 0, 0x3f0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct ferry_policy policy = {.chip = cases[i].chip, .chip_rev = cases[i].rev};
        T_EQ_INT(ferry_reflash_recovery_off(&policy, cases[i].efuse), cases[i].want);
    }
}

/* S3-D2: neither size nor alignment was looked at. */
static void content_larger_than_its_region_is_refused_before_it_is_staged(void)
{
    bool is_held;
    fresh();
    struct ferry_step s = world_step(FERRY_STEP_RAW, WORLD_FREE_OFF, 0x2000);
    s.length_bytes = 0x2001;
    T_EQ_INT(ferry_stage_begin(&w.stage, &s, NULL, &is_held), FERRY_ERR_REFLASH_SIZE);
    T_EQ_INT(w.stage.fault.value, 0x2001);
    T_EQ_INT(w.stage.fault.limit, 0x2000);
    s.length_bytes = 0; // not known before
    T_EQ_INT(ferry_stage_begin(&w.stage, &s, NULL, &is_held), FERRY_OK);
    T_EQ_INT(ferry_stage_write(&w.stage, app.bytes, 0x2000), FERRY_OK);
    T_EQ_INT(ferry_stage_write(&w.stage, app.bytes, 1), FERRY_ERR_REFLASH_SIZE);
    world_free(&w);
}

/* S3-D2, S3-D8: an unaligned destination lost its first sector's erase. */
static void unaligned_destination_is_refused(void)
{
    bool is_held;
    fresh();
    struct ferry_step s = world_step(FERRY_STEP_RAW, WORLD_FREE_OFF + 512, 0x2000);
    T_EQ_INT(ferry_stage_begin(&w.stage, &s, NULL, &is_held), FERRY_ERR_FLASH_ALIGN);
    s = moved(FERRY_STEP_RAW, WORLD_FREE_OFF, 0x1001, WORLD_STORAGE_OFF, 0x1000);
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_ERR_FLASH_ALIGN);
    T_EQ_INT(w.job.fault.value, 0x1001);
    world_free(&w);
}

/* S3-D3: "staging contains destination" was missed, touching ranges were called overlapping. */
static void overlap_is_seen_in_every_direction_and_touching_is_none(void)
{
    static const struct {
        uint32_t off, size;
        bool overlaps;
    } cases[] = {
        {WORLD_STAGE_OFF, WORLD_SLOT_BYTES, true},       // the same
        {WORLD_STAGE_OFF + 0x1000, 0x1000, true},        // staging contains destination
        {WORLD_STAGE_OFF - 0x1000, 0x2000, true},        // over its start
        {WORLD_STORAGE_OFF - 0x1000, 0x2000, true},      // over its end
        {WORLD_STORAGE_OFF, WORLD_STORAGE_BYTES, false}, // touching behind
        {WORLD_STAGE_OFF - 0x1000, 0x1000, false},       // touching before
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool is_held;
        fresh();
        w.job.cfg.running = (struct ferry_span){WORLD_RUNNING_OFF, 0x10000};
        struct ferry_step s = world_step(FERRY_STEP_RAW, cases[i].off, cases[i].size);
        s.length_bytes = 100;
        T_EQ_INT(ferry_stage_begin(&w.stage, &s, NULL, &is_held),
                 cases[i].overlaps ? FERRY_ERR_REFLASH_OVERLAP : FERRY_OK);
        world_free(&w);
    }
}

/* S3-D4: no image was ever looked at. */
static void contents_are_judged_before_they_count(void)
{
    bool is_held;
    fresh();
    struct ferry_step s = world_step(FERRY_STEP_APP, WORLD_NEW_APP_OFF, WORLD_NEW_APP_BYTES);
    app_bytes[40000] ^= 1;
    T_EQ_INT(world_stage(&w, s, app), FERRY_ERR_IMAGE_CHECKSUM);
    app_bytes[40000] ^= 1;
    app_bytes[12] ^= 9;
    T_EQ_INT(world_stage(&w, s, app), FERRY_ERR_IMAGE_CHIP);
    app_bytes[12] ^= 9;
    s = world_step(FERRY_STEP_BOOTLOADER, 0, WORLD_BOOT_BYTES);
    struct world_content html = {(const uint8_t *)"<html><body>404 not found</body></html>", 39};
    T_EQ_INT(world_stage(&w, s, html), FERRY_ERR_IMAGE_MAGIC);
    uint8_t broken[APP_IMAGE_BYTES(12000)];
    const struct world_content boot = world_bootloader(&w, 1);
    memcpy(broken, boot.bytes, boot.n);
    broken[5000] ^= 1;
    T_EQ_INT(world_stage(&w, s, (struct world_content){broken, boot.n}), FERRY_ERR_IMAGE_CHECKSUM);
    broken[5000] ^= 1;
    broken[3] ^= 0x10; // in the header: no part of the checksum
    T_EQ_INT(world_stage(&w, s, (struct world_content){broken, boot.n}), FERRY_ERR_IMAGE_HASH);
    broken[3] ^= 0x10;
    uint8_t hollow[32] = {0}; // a header, no segment, a checksum that is right
    memcpy(hollow, boot.bytes, 23);
    hollow[1] = 0;
    hollow[31] = 0xef;
    T_EQ_INT(world_stage(&w, s, (struct world_content){hollow, 32}), FERRY_ERR_IMAGE_SEGMENTS);
    T_EQ_INT(world_stage(&w, s, (struct world_content){boot.bytes, boot.n - 40}),
             FERRY_ERR_IMAGE_TRUNC);
    s = world_step(FERRY_STEP_TABLE, WORLD_TABLE_OFF, 4096);
    T_EQ_INT(world_stage(&w, s, html), FERRY_ERR_TABLE_MAGIC);
    const uint8_t wrong_sha[32] = {1};
    s = world_step(FERRY_STEP_RAW, WORLD_FREE_OFF, 4096);
    T_EQ_INT(ferry_stage_begin(&w.stage, &s, wrong_sha, &is_held), FERRY_OK);
    T_EQ_INT(ferry_stage_write(&w.stage, html.bytes, html.n), FERRY_OK);
    T_EQ_INT(ferry_stage_finish(&w.stage), FERRY_ERR_UPDATE_SHA);
    T_EQ_INT(w.job.plan.n_steps, 0);
    world_free(&w);
}

/* S3-D5: a cut in the copy was the end. Here: every cut in a data step, then resume. */
static void cut_in_the_copy_is_gone_on_from(void)
{
    fresh();
    T_EQ_INT(world_plan_migration(&w, app), FERRY_OK);
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, FERRY_REFLASH_DANGEROUS, &w.bench, &w.report),
             FERRY_OK);
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_OK);
    sim_flash_plan_cut(&w.sim, 9, SIM_CUT_PROG_PREFIX);
    ferry_err err;
    while ((err = ferry_reflash_run(&w.job)) == FERRY_AGAIN)
        ;
    T_EQ_INT(err, FERRY_ERR_FLASH_IO);
    T_EQ_INT(world_boot(&w), 0); // the running app, by its old table
    T_EQ_INT(ferry_reflash_resume(&w.job, &w.cfg), FERRY_OK);
    T_EQ_INT(w.job.journal.state, FERRY_JOURNAL_FINISHED);
    T_CHECK(w.job.n_written > 0);
    T_EQ_INT(world_boot(&w), 1);
    T_EQ_INT(ferry_reflash_resume(&w.job, &w.cfg), FERRY_OK);
    T_EQ_INT(w.job.n_written, 0);
    world_free(&w);
}

/* S3-D8: the second image's size was tested without the offset already used. */
static void second_content_is_measured_behind_the_first(void)
{
    bool is_held;
    fresh();
    struct ferry_step s = world_step(FERRY_STEP_RAW, WORLD_NEW_APP_OFF, WORLD_NEW_APP_BYTES);
    T_EQ_INT(world_stage(&w, s, app), FERRY_OK);
    T_EQ_INT(w.stage.used_bytes, 0x1000 + 0x12000);
    s = world_step(FERRY_STEP_RAW, WORLD_STORAGE_OFF, 0x20000);
    s.length_bytes = 0x20000;
    T_EQ_INT(ferry_stage_begin(&w.stage, &s, NULL, &is_held), FERRY_OK);
    s = world_step(FERRY_STEP_RAW, WORLD_RUNNING_OFF, 0x40000);
    s.length_bytes = 0x2d001;
    w.job.cfg.running.size_bytes = 0;
    T_EQ_INT(ferry_stage_begin(&w.stage, &s, NULL, &is_held), FERRY_ERR_REFLASH_FULL);
    T_EQ_INT(w.stage.fault.limit, 0x2d000);
    world_free(&w);
}

/* S3-D9: the search for a staging slot could give the running one. */
static void staging_is_never_where_it_runs_nor_where_it_goes(void)
{
    struct ferry_span area;
    struct ferry_fault fault;
    const struct ferry_span none = {0, 0};
    fresh();
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    T_EQ_INT(ferry_stage_find(&w.job, &w.dev, 0x10000, none, &area, &fault), FERRY_OK);
    T_EQ_INT(area.off_bytes, WORLD_STAGE_OFF);
    // Running from ota_0 with the destination over ota_1: there is none.
    const struct ferry_span dest = {WORLD_STAGE_OFF, 0x1000};
    T_EQ_INT(ferry_stage_find(&w.job, &w.dev, 0x10000, dest, &area, &fault),
             FERRY_ERR_REFLASH_STAGING);
    w.dev.running = 1;
    w.job.cfg.running = (struct ferry_span){WORLD_STAGE_OFF, WORLD_SLOT_BYTES};
    T_EQ_INT(ferry_stage_find(&w.job, &w.dev, 0x10000, none, &area, &fault), FERRY_OK);
    T_EQ_INT(area.off_bytes, WORLD_RUNNING_OFF);
    T_EQ_INT(ferry_stage_find(&w.job, &w.dev, 0x40000, none, &area, &fault),
             FERRY_ERR_REFLASH_STAGING);
    T_EQ_INT(fault.limit, 0x3f000);
    world_free(&w);
    world_init(&w, &ferry_chip_esp32c3);
    T_EQ_INT(world_open(&w), FERRY_OK);
    T_EQ_INT(ferry_stage_open(&w.stage, &w.job, &w.site, &w.dev,
                              (struct ferry_span){WORLD_RUNNING_OFF, WORLD_SLOT_BYTES}),
             FERRY_ERR_REFLASH_RUNNING);
    T_EQ_INT(w.sim.counts.erased_bytes, 0);
    world_free(&w);
}

/* S3-07: an image inside the running app is used where it lies, if nothing writes there. */
static void embedded_content_is_used_in_place(void)
{
    fresh();
    const struct world_content boot = world_bootloader(&w, 1);
    const uint32_t at = WORLD_RUNNING_OFF + 0x3010; // on no sector
    sim_flash_poke(&w.sim, at, boot.bytes, boot.n);
    struct ferry_step s = world_step(FERRY_STEP_BOOTLOADER, 0, WORLD_BOOT_BYTES);
    s.source = FERRY_SOURCE_EMBEDDED;
    s.source_off_bytes = at;
    s.length_bytes = boot.n;
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_OK);
    T_EQ_INT(world_run(&w, FERRY_REFLASH_DANGEROUS), FERRY_OK);
    T_CHECK(world_holds(&w, 0, boot.bytes, boot.n));
    // A step that writes over the app it lies in.
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    w.job.cfg.running = (struct ferry_span){0, 0};
    s.source_off_bytes = at + 0x1000;
    s.kind = FERRY_STEP_RAW;
    s.dest_off_bytes = WORLD_FREE_OFF;
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_OK);
    s = moved(FERRY_STEP_RAW, WORLD_RUNNING_OFF + 0x4000, 0x1000, WORLD_STORAGE_OFF, 0x1000);
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_OK);
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, FERRY_REFLASH_DANGEROUS, &w.bench, &w.report),
             FERRY_ERR_REFLASH_OVERLAP);
    world_free(&w);
}

/* S3-03: any partition may be the staging area, if it is in nobody's way. */
static void staging_area_is_the_users_to_choose(void)
{
    static const struct {
        uint32_t off, size;
        ferry_err want;
    } cases[] = {
        {WORLD_STORAGE_OFF, WORLD_STORAGE_BYTES, FERRY_OK},
        {WORLD_FREE_OFF, 0x8000, FERRY_OK}, // in no partition at all
        {WORLD_RUNNING_OFF + 0x20000, 0x1000, FERRY_ERR_REFLASH_RUNNING},
        {0, 0x8000, FERRY_ERR_FLASH_PROTECTED},
        {WORLD_OTADATA_OFF, 0x2000, FERRY_ERR_REFLASH_OVERLAP},
        {WORLD_JOURNAL_OFF - 0x1000, 0x2000, FERRY_ERR_REFLASH_JOURNAL},
        {WORLD_STORAGE_OFF + 1, 0x1000, FERRY_ERR_FLASH_ALIGN},
        {WORLD_JOURNAL_OFF, 0x2000, FERRY_ERR_FLASH_RANGE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fresh();
        const struct ferry_span area = {cases[i].off, cases[i].size};
        T_EQ_INT(ferry_stage_open(&w.stage, &w.job, &w.site, &w.dev, area), cases[i].want);
        if (!cases[i].want) {
            T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_DATA, WORLD_NEW_APP_OFF, 0x4000),
                                 world_otadata(0)),
                     FERRY_OK);
            T_EQ_INT(w.job.plan.steps[0].source_off_bytes, cases[i].off);
            T_EQ_INT(world_run(&w, 0), FERRY_OK);
        }
        world_free(&w);
    }
}

/* A staged bootloader has an app's format: no fallback may find it at the start of a slot. */
static void staged_content_does_not_boot(void)
{
    uint8_t blank[4096];
    fresh();
    memset(blank, 0xff, sizeof(blank));
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_BOOTLOADER, 0, WORLD_BOOT_BYTES),
                         world_bootloader(&w, 1)),
             FERRY_OK);
    T_CHECK(world_holds(&w, WORLD_STAGE_OFF, blank, sizeof(blank)));
    world_free(&w);
}

static void plan_that_is_fulfilled_writes_nothing(void)
{
    static uint8_t before[WORLD_FLASH_BYTES], after[WORLD_FLASH_BYTES];
    fresh();
    T_EQ_INT(world_plan_migration(&w, app), FERRY_OK);
    T_EQ_INT(world_run(&w, FERRY_REFLASH_DANGEROUS), FERRY_OK);
    world_boot(&w);
    T_EQ_INT(world_open(&w), FERRY_OK);
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    w.dev.running = 1;
    w.cfg.running = w.job.cfg.running = (struct ferry_span){WORLD_NEW_APP_OFF, WORLD_NEW_APP_BYTES};
    T_EQ_INT(ferry_stage_open(&w.stage, &w.job, &w.site, &w.dev,
                              (struct ferry_span){WORLD_STAGE_OFF, WORLD_SLOT_BYTES}),
             FERRY_OK);
    peek_all(before);
    T_EQ_INT(
        world_stage(&w, world_step(FERRY_STEP_APP, WORLD_NEW_APP_OFF, WORLD_NEW_APP_BYTES), app),
        FERRY_OK);
    T_EQ_INT(
        world_stage(&w, world_step(FERRY_STEP_TABLE, WORLD_TABLE_OFF, 4096), world_new_table()),
        FERRY_OK);
    T_EQ_INT(w.job.plan.steps[0].source, FERRY_SOURCE_HELD);
    T_EQ_INT(world_run(&w, 0), FERRY_OK); // not even the flag is needed
    peek_all(after);
    T_CHECK(memcmp(before, after, sizeof(before)) == 0);
    T_EQ_INT(w.report.n_sectors, 0);
    world_free(&w);
}

static void sectors_that_are_right_stay(void)
{
    fresh();
    // The destination differs in one sector only.
    sim_flash_poke(&w.sim, WORLD_NEW_APP_OFF, app.bytes, app.n);
    const uint8_t zero = 0;
    sim_flash_poke(&w.sim, WORLD_NEW_APP_OFF + 0x5008, &zero, 1);
    sim_flash_poke(&w.sim, WORLD_NEW_APP_OFF + 0x5009, &zero, 1);
    T_EQ_INT(
        world_stage(&w, world_step(FERRY_STEP_RAW, WORLD_NEW_APP_OFF, WORLD_NEW_APP_BYTES), app),
        FERRY_OK);
    memset(w.sim.wear, 0, w.sim.n_sectors * sizeof(w.sim.wear[0]));
    T_EQ_INT(world_run(&w, 0), FERRY_OK);
    uint32_t erased = 0;
    for (uint32_t i = 0; i < w.sim.n_sectors; i++)
        erased += w.sim.wear[i];
    T_EQ_INT(erased, 2); // that one, and the journal
    T_EQ_INT(w.sim.wear[(WORLD_NEW_APP_OFF + 0x5000) / 4096], 1);
    world_free(&w);
}

/* One sector of the flash that never takes a program. */
static uint32_t bad_sector;
static unsigned bad_tries, bad_after;
static const struct ferry_flash_ops *good_ops;

static ferry_err stubborn_prog(const struct ferry_flash *f, uint32_t off, const void *src,
                               uint32_t len)
{
    static uint8_t wrong[4096];
    if (off / 4096 != bad_sector || bad_tries++ >= bad_after)
        return good_ops->prog(f, off, src, len);
    memcpy(wrong, src, len);
    wrong[len / 2] = (uint8_t)~wrong[len / 2];
    return good_ops->prog(f, off, wrong, len);
}

static void sector_that_does_not_take_is_retried_then_named(void)
{
    for (unsigned after = 2; after <= 3; after++) {
        fresh();
        good_ops = w.sim.flash.ops;
        struct ferry_flash_ops ops = *good_ops;
        ops.prog = stubborn_prog;
        T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_RAW, WORLD_NEW_APP_OFF, WORLD_NEW_APP_BYTES),
                             app),
                 FERRY_OK);
        w.sim.flash.ops = &ops;
        bad_sector = (WORLD_NEW_APP_OFF + 0x3000) / 4096;
        bad_tries = 0;
        bad_after = after;
        const ferry_err err = world_run(&w, 0);
        T_EQ_INT(err, after < 3 ? FERRY_OK : FERRY_ERR_FLASH_VERIFY);
        if (err)
            T_EQ_INT(w.job.fault.off_bytes, WORLD_NEW_APP_OFF + 0x3000);
        // The plan waits in the journal; a later start, with the sector in a better mood, goes on.
        T_EQ_INT(ferry_reflash_resume(&w.job, &w.cfg), FERRY_OK);
        T_CHECK(world_holds(&w, WORLD_NEW_APP_OFF, app.bytes, app.n));
        world_free(&w);
    }
}

static ferry_err failing_read(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    if (off <= bad_sector * 4096 && bad_sector * 4096 - off < len)
        return FERRY_ERR_FLASH_IO;
    return good_ops->read(f, off, dst, len);
}

static void read_error_is_an_error(void)
{
    fresh();
    T_EQ_INT(
        world_stage(&w, world_step(FERRY_STEP_RAW, WORLD_NEW_APP_OFF, WORLD_NEW_APP_BYTES), app),
        FERRY_OK);
    good_ops = w.sim.flash.ops;
    struct ferry_flash_ops ops = *good_ops;
    ops.read = failing_read;
    w.sim.flash.ops = &ops;
    bad_sector = WORLD_NEW_APP_OFF / 4096;
    T_EQ_INT(world_run(&w, 0), FERRY_ERR_FLASH_IO);
    T_EQ_INT(w.job.fault.off_bytes, WORLD_NEW_APP_OFF);
    world_free(&w);
}

static void running_app_is_never_written(void)
{
    fresh();
    struct ferry_step s =
        moved(FERRY_STEP_DATA, WORLD_RUNNING_OFF + 0x20000, 0x1000, WORLD_STORAGE_OFF, 0x1000);
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_OK);
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, FERRY_REFLASH_DANGEROUS, &w.bench, &w.report),
             FERRY_ERR_REFLASH_RUNNING);
    // Begun by a bootloader or tool, then met by the app that lives there.
    w.job.cfg.running = (struct ferry_span){0, 0};
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, FERRY_REFLASH_DANGEROUS, &w.bench, &w.report),
             FERRY_OK);
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_OK);
    T_EQ_INT(ferry_reflash_resume(&w.job, &w.cfg), FERRY_ERR_REFLASH_RUNNING);
    w.cfg.running = (struct ferry_span){0, 0};
    T_EQ_INT(ferry_reflash_resume(&w.job, &w.cfg), FERRY_OK);
    world_free(&w);
}

int main(void)
{
    T_RUN(migration_ends_with_the_new_layout_booting);
    T_RUN(dangerous_steps_come_last_and_are_announced);
    T_RUN(bootloader_that_resumes_has_no_window_for_the_table);
    T_RUN(new_bootloader_that_resumes_comes_before_the_table);
    T_RUN(recovery_bootloader_leaves_no_window);
    T_RUN(recovery_place_is_known_where_the_rom_knows_it);
    T_RUN(content_larger_than_its_region_is_refused_before_it_is_staged);
    T_RUN(unaligned_destination_is_refused);
    T_RUN(overlap_is_seen_in_every_direction_and_touching_is_none);
    T_RUN(contents_are_judged_before_they_count);
    T_RUN(cut_in_the_copy_is_gone_on_from);
    T_RUN(second_content_is_measured_behind_the_first);
    T_RUN(staging_is_never_where_it_runs_nor_where_it_goes);
    T_RUN(embedded_content_is_used_in_place);
    T_RUN(staging_area_is_the_users_to_choose);
    T_RUN(staged_content_does_not_boot);
    T_RUN(plan_that_is_fulfilled_writes_nothing);
    T_RUN(sectors_that_are_right_stay);
    T_RUN(sector_that_does_not_take_is_retried_then_named);
    T_RUN(read_error_is_an_error);
    T_RUN(running_app_is_never_written);
    return t_end();
}
