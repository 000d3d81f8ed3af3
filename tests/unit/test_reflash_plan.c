/* test_reflash_plan - what a plan as a whole is refused for, and the order its steps get. */
#include "reflash_world.h"
#include "t.h"

static struct reflash_world w;
static uint8_t app_bytes[APP_IMAGE_BYTES(100000)];
static struct world_content app;

static void fresh(void)
{
    world_init(&w, &ferry_chip_esp32c3);
    app = world_app(&w, app_bytes, 9000, 9);
    T_EQ_INT(world_begin_plan(&w), FERRY_OK);
}

static ferry_err check(uint32_t flags)
{
    return ferry_reflash_check(&w.job, &w.site, flags, &w.bench, &w.report);
}

static struct ferry_step moved(enum ferry_step_kind kind, uint32_t to, uint32_t from, uint32_t n)
{
    struct ferry_step s = world_step(kind, to, (n + 4095) / 4096 * 4096);
    s.source = FERRY_SOURCE_MOVED;
    s.source_off_bytes = from;
    s.length_bytes = n;
    return s;
}

/* A table of these rows, staged as the plan's table step. */
static ferry_err stage_table(const struct ferry_partition *rows, size_t n)
{
    static uint8_t table[FERRY_TABLE_BYTES];
    if (ferry_table_encode(rows, n, true, table, NULL))
        return FERRY_ERR_ARG;
    return world_stage(&w, world_step(FERRY_STEP_TABLE, WORLD_TABLE_OFF, 4096),
                       (struct world_content){table, sizeof(table)});
}

#define ROW_NVS                                                                                    \
    {                                                                                              \
        WORLD_NVS_OFF, WORLD_NVS_BYTES, 0, FERRY_TYPE_DATA, FERRY_DATA_NVS, "nvs"                  \
    }
#define ROW_OTADATA                                                                                \
    {                                                                                              \
        WORLD_OTADATA_OFF, 0x2000, 0, FERRY_TYPE_DATA, FERRY_DATA_OTA, "otadata"                   \
    }
#define ROW_OTA_0                                                                                  \
    {                                                                                              \
        WORLD_RUNNING_OFF, WORLD_SLOT_BYTES, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0, "ota_0"           \
    }

static void table_without_what_boots_is_refused(void)
{
    const struct ferry_partition no_app[] = {ROW_NVS, ROW_OTADATA};
    const struct ferry_partition no_otadata[] = {ROW_NVS, ROW_OTA_0};
    const struct ferry_partition no_nvs[] = {ROW_OTADATA, ROW_OTA_0};
    const struct ferry_partition small_app[] = {
        ROW_NVS, ROW_OTADATA, {0x50000, 0x10000, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0, "ota_0"}};
    fresh();
    T_EQ_INT(stage_table(no_app, 2), FERRY_OK);
    T_EQ_INT(check(FERRY_REFLASH_DANGEROUS), FERRY_ERR_NO_BOOT);
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    T_EQ_INT(stage_table(no_otadata, 2), FERRY_OK);
    T_EQ_INT(check(FERRY_REFLASH_DANGEROUS), FERRY_ERR_NO_OTADATA);
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    T_EQ_INT(stage_table(no_nvs, 2), FERRY_OK);
    T_EQ_INT(check(FERRY_REFLASH_DANGEROUS), FERRY_ERR_REFLASH_LOST);
    T_EQ_INT(w.job.fault.value, WORLD_NVS_OFF);
    T_EQ_INT(check(FERRY_REFLASH_DANGEROUS | FERRY_REFLASH_DROP_DATA), FERRY_OK);
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    T_EQ_INT(stage_table(small_app, 3), FERRY_OK);
    T_EQ_INT(check(FERRY_REFLASH_DANGEROUS), FERRY_ERR_NO_BOOT);
    world_free(&w);
}

static void nvs_that_moves_must_be_brought(void)
{
    const struct ferry_partition rows[] = {
        {WORLD_NEW_NVS_OFF, WORLD_NVS_BYTES, 0, FERRY_TYPE_DATA, FERRY_DATA_NVS, "nvs"},
        ROW_OTADATA,
        ROW_OTA_0};
    fresh();
    T_EQ_INT(stage_table(rows, 3), FERRY_OK);
    T_EQ_INT(check(FERRY_REFLASH_DANGEROUS), FERRY_ERR_REFLASH_LOST);
    const struct ferry_step s =
        moved(FERRY_STEP_DATA, WORLD_NEW_NVS_OFF, WORLD_NVS_OFF, WORLD_NVS_BYTES);
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_OK);
    T_EQ_INT(check(FERRY_REFLASH_DANGEROUS), FERRY_OK);
    T_CHECK(w.report.boots_running);
    world_free(&w);
}

static void journal_inside_a_partition_is_refused(void)
{
    const struct ferry_partition over[] = {
        ROW_NVS, ROW_OTADATA, ROW_OTA_0, {0xf0000, 0x10000, 0, FERRY_TYPE_DATA, 0x82, "log"}};
    fresh();
    T_EQ_INT(stage_table(over, 4), FERRY_OK);
    T_EQ_INT(check(FERRY_REFLASH_DANGEROUS), FERRY_ERR_REFLASH_JOURNAL);
    T_EQ_INT(w.job.fault.limit, 0xf0000);
    const struct ferry_step s = moved(FERRY_STEP_RAW, 0xfe000, WORLD_STORAGE_OFF, 0x2000);
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_ERR_REFLASH_JOURNAL);
    w.cfg.journal.off_bytes = WORLD_STORAGE_OFF + 0x5000; // in one of the old table
    T_EQ_INT(world_begin_plan(&w), FERRY_OK);
    const struct ferry_step t = moved(FERRY_STEP_RAW, WORLD_FREE_OFF, WORLD_STORAGE_OFF, 0x2000);
    T_EQ_INT(ferry_reflash_add(&w.job, &t, NULL), FERRY_OK);
    T_EQ_INT(check(0), FERRY_ERR_REFLASH_JOURNAL);
    world_free(&w);
}

static void steps_that_overlap_are_refused(void)
{
    fresh();
    struct ferry_step a = moved(FERRY_STEP_RAW, WORLD_FREE_OFF, WORLD_STORAGE_OFF, 0x2000);
    struct ferry_step b = moved(FERRY_STEP_RAW, WORLD_FREE_OFF + 0x1000, WORLD_STORAGE_OFF, 0x2000);
    T_EQ_INT(ferry_reflash_add(&w.job, &a, NULL), FERRY_OK);
    T_EQ_INT(ferry_reflash_add(&w.job, &b, NULL), FERRY_OK);
    T_EQ_INT(check(0), FERRY_ERR_REFLASH_OVERLAP);
    w.job.plan.steps[1].dest_off_bytes = WORLD_FREE_OFF + 0x2000; // touching is no overlap
    T_EQ_INT(check(0), FERRY_OK);
    // A region moved onto a part of itself.
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    a = moved(FERRY_STEP_RAW, WORLD_STORAGE_OFF + 0x1000, WORLD_STORAGE_OFF, 0x2000);
    T_EQ_INT(ferry_reflash_add(&w.job, &a, NULL), FERRY_OK);
    T_EQ_INT(check(0), FERRY_ERR_REFLASH_OVERLAP);
    world_free(&w);
}

static void moves_are_ordered_and_a_swap_is_refused(void)
{
    fresh();
    // b reads where a writes, so b goes first, whatever was asked for.
    struct ferry_step a =
        moved(FERRY_STEP_RAW, WORLD_STORAGE_OFF, WORLD_STORAGE_OFF + 0x2000, 0x1000);
    struct ferry_step b = moved(FERRY_STEP_RAW, WORLD_FREE_OFF, WORLD_STORAGE_OFF, 0x1000);
    T_EQ_INT(ferry_reflash_add(&w.job, &a, NULL), FERRY_OK);
    T_EQ_INT(ferry_reflash_add(&w.job, &b, NULL), FERRY_OK);
    T_EQ_INT(check(0), FERRY_OK);
    T_EQ_INT(w.job.plan.steps[0].dest_off_bytes, WORLD_FREE_OFF);
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    b.dest_off_bytes = WORLD_STORAGE_OFF + 0x2000; // each wants the other's place
    T_EQ_INT(ferry_reflash_add(&w.job, &a, NULL), FERRY_OK);
    T_EQ_INT(ferry_reflash_add(&w.job, &b, NULL), FERRY_OK);
    T_EQ_INT(check(0), FERRY_ERR_REFLASH_OVERLAP);
    world_free(&w);
}

static void contents_belong_where_the_new_layout_looks(void)
{
    fresh();
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_APP, WORLD_FREE_OFF, 0x10000), app), FERRY_OK);
    T_EQ_INT(check(0), FERRY_ERR_REFLASH_PLACE);
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_TABLE, WORLD_FREE_OFF, 4096), world_new_table()),
             FERRY_OK);
    T_EQ_INT(check(0), FERRY_ERR_REFLASH_PLACE);
    T_EQ_INT(w.job.fault.limit, WORLD_TABLE_OFF);
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_BOOTLOADER, 0x1000, WORLD_BOOT_BYTES),
                         world_bootloader(&w, 1)),
             FERRY_OK);
    T_EQ_INT(check(FERRY_REFLASH_DANGEROUS), FERRY_ERR_REFLASH_PLACE);
    T_EQ_INT(w.job.fault.limit, 0);
    world_free(&w);
}

/* A bootloader that reads its table elsewhere: the table is quiet there until the bootloader is in,
 * and the old table is nobody's any more afterwards. */
static void table_that_moves_is_written_before_its_bootloader(void)
{
    fresh();
    w.site.new_table_off_bytes = 0xf0000;
    const struct ferry_step nvs =
        moved(FERRY_STEP_DATA, WORLD_NEW_NVS_OFF, WORLD_NVS_OFF, WORLD_NVS_BYTES);
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_BOOTLOADER, 0, WORLD_BOOT_BYTES),
                         world_bootloader(&w, 1)),
             FERRY_OK);
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_DATA, WORLD_NEW_OTADATA_OFF, 0x2000),
                         world_otadata(0)),
             FERRY_OK);
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_TABLE, 0xf0000, 4096), world_new_table()),
             FERRY_OK);
    T_EQ_INT(ferry_reflash_add(&w.job, &nvs, NULL), FERRY_OK);
    // The ESP32-C3 has slots below a table up there, which no bootloader of Espressif's boots.
    T_EQ_INT(check(FERRY_REFLASH_DANGEROUS), FERRY_ERR_NO_BOOT);
    T_EQ_INT(check(FERRY_REFLASH_DANGEROUS | FERRY_REFLASH_FOREIGN), FERRY_OK);
    T_EQ_INT(w.job.plan.steps[3].kind, FERRY_STEP_BOOTLOADER);
    T_EQ_INT(w.job.plan.switch_step, 3);
    world_free(&w);
}

/* S3-10: MCUboot or NuttX in, ESP-IDF out. */
static void foreign_plan_names_the_step_of_no_return(void)
{
    fresh();
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_RAW, 0, WORLD_BOOT_BYTES),
                         (struct world_content){app.bytes, 0x3000}),
             FERRY_OK);
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_RAW, WORLD_NEW_APP_OFF, 0x10000), app),
             FERRY_OK);
    T_EQ_INT(check(FERRY_REFLASH_FOREIGN), FERRY_ERR_REFLASH_WINDOW);
    T_EQ_INT(w.job.fault.value, 3);
    T_EQ_INT(check(FERRY_REFLASH_FOREIGN | FERRY_REFLASH_DANGEROUS), FERRY_OK);
    T_EQ_INT(w.report.no_return_step, 1);
    T_EQ_INT(w.job.plan.steps[1].dest_off_bytes, 0);
    world_free(&w);
}

static void unconfirmed_or_armed_devices_are_not_reflashed(void)
{
    fresh();
    const struct ferry_step s = moved(FERRY_STEP_RAW, WORLD_FREE_OFF, WORLD_STORAGE_OFF, 0x2000);
    sim_flash_poke(&w.sim, WORLD_STAGE_OFF, app.bytes, app.n);
    const struct world_content armed = world_otadata(1);
    sim_flash_poke(&w.sim, WORLD_OTADATA_OFF + 0x1000, armed.bytes, 32);
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_OK);
    T_EQ_INT(check(0), FERRY_ERR_REFLASH_UNSETTLED);
    T_EQ_INT(w.job.fault.value, WORLD_STAGE_OFF);
    w.site.bootloader_resumes = true;
    T_EQ_INT(check(0), FERRY_OK);
    world_free(&w);
}

static void otadata_in_use_is_dangerous(void)
{
    fresh();
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_DATA, WORLD_OTADATA_OFF, 0x2000),
                         (struct world_content){world_otadata(0).bytes, 0x20}),
             FERRY_OK);
    T_EQ_INT(check(0), FERRY_OK); // it holds just that
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_DATA, WORLD_OTADATA_OFF, 0x2000),
                         (struct world_content){world_new_table().bytes, 0x40}),
             FERRY_OK);
    T_EQ_INT(check(0), FERRY_ERR_REFLASH_WINDOW);
    w.site.bootloader_resumes = true;
    T_EQ_INT(check(0), FERRY_ERR_FLASH_PROTECTED);
    world_free(&w);
}

static void source_that_changed_since_is_refused(void)
{
    const uint8_t zero = 0;
    fresh();
    const struct ferry_step s = moved(FERRY_STEP_RAW, WORLD_FREE_OFF, WORLD_STORAGE_OFF, 0x2000);
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_OK);
    w.job.plan.steps[0].sha256[0] ^= 1; // a plan from elsewhere
    T_EQ_INT(check(0), FERRY_ERR_REFLASH_SOURCE);
    T_EQ_INT(w.job.fault.off_bytes, WORLD_STORAGE_OFF);
    w.job.plan.steps[0].sha256[0] ^= 1;
    T_EQ_INT(check(0), FERRY_OK);
    w.job.plan.steps[0].dest_off_bytes += 0x1000; // behind the check's back
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_ERR_STATE);
    T_EQ_INT(check(0), FERRY_OK);
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_OK);
    // Changed while the power was off: nothing is copied.
    sim_flash_poke(&w.sim, WORLD_STORAGE_OFF + 77, &zero, 1);
    T_EQ_INT(ferry_reflash_resume(&w.job, &w.cfg), FERRY_ERR_REFLASH_SOURCE);
    T_EQ_INT(w.job.n_written, 0);
    world_free(&w);
}

static void too_many_steps_are_refused(void)
{
    fresh();
    for (uint32_t i = 0; i <= FERRY_PLAN_STEPS; i++) {
        const struct ferry_step s =
            moved(FERRY_STEP_RAW, WORLD_FREE_OFF + i * 0x1000, WORLD_STORAGE_OFF, 0x1000);
        T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL),
                 i < FERRY_PLAN_STEPS ? FERRY_OK : FERRY_ERR_REFLASH_STEPS);
    }
    T_EQ_INT(world_run(&w, 0), FERRY_OK);
    world_free(&w);
}

/* Two views of one chip, as with flash encryption: the journal's is the plain one. */
static void plain_partition_has_no_place_in_an_encrypted_plan(void)
{
    struct ferry_step s = world_step(FERRY_STEP_DATA, WORLD_FREE_OFF, 0x4000);
    fresh();
    const struct ferry_flash plain = w.sim.flash;
    w.cfg.journal.flash = &plain;
    T_EQ_INT(world_begin_plan(&w), FERRY_OK);
    s.source = FERRY_SOURCE_MOVED; // out of NVS, which flash encryption leaves alone
    s.source_off_bytes = WORLD_NVS_OFF;
    s.length_bytes = WORLD_NVS_BYTES;
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_OK);
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, 0, &w.bench, &w.report), FERRY_ERR_REFLASH_PLAIN);
    T_EQ_INT(w.job.fault.limit, WORLD_NVS_OFF);
    T_EQ_INT(world_begin_plan(&w), FERRY_OK);
    s = world_step(FERRY_STEP_DATA, WORLD_STORAGE_OFF, 0x4000);
    s.source = FERRY_SOURCE_BLANK;
    s.flags = FERRY_STEP_BLANK_REST;
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_OK);
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, 0, &w.bench, &w.report), FERRY_ERR_REFLASH_PLAIN);
    T_EQ_INT(w.job.fault.limit, WORLD_STORAGE_OFF);
    T_EQ_INT(world_begin_plan(&w), FERRY_OK);
    s.dest_off_bytes = WORLD_STAGE_OFF; // an app partition: encrypted always
    T_EQ_INT(ferry_reflash_add(&w.job, &s, NULL), FERRY_OK);
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, 0, &w.bench, &w.report), FERRY_OK);
    world_free(&w);
}

int main(void)
{
    T_RUN(table_without_what_boots_is_refused);
    T_RUN(nvs_that_moves_must_be_brought);
    T_RUN(journal_inside_a_partition_is_refused);
    T_RUN(steps_that_overlap_are_refused);
    T_RUN(moves_are_ordered_and_a_swap_is_refused);
    T_RUN(contents_belong_where_the_new_layout_looks);
    T_RUN(table_that_moves_is_written_before_its_bootloader);
    T_RUN(foreign_plan_names_the_step_of_no_return);
    T_RUN(unconfirmed_or_armed_devices_are_not_reflashed);
    T_RUN(otadata_in_use_is_dangerous);
    T_RUN(source_that_changed_since_is_refused);
    T_RUN(too_many_steps_are_refused);
    T_RUN(plain_partition_has_no_place_in_an_encrypted_plan);
    return t_end();
}
