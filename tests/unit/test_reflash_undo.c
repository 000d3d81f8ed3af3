/* test_reflash_undo - backups, plans given up, and the way back. */
#include "reflash_world.h"
#include "t.h"

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

static void backup_is_brought_back_by_undo(void)
{
    static uint8_t before[WORLD_FLASH_BYTES], after[WORLD_FLASH_BYTES];
    fresh();
    peek_all(before);
    struct ferry_step s = world_step(FERRY_STEP_BOOTLOADER, 0, WORLD_BOOT_BYTES);
    T_EQ_INT(world_stage(&w, s, world_bootloader(&w, 1)), FERRY_OK);
    s = world_step(FERRY_STEP_DATA, WORLD_STORAGE_OFF, WORLD_STORAGE_BYTES);
    T_EQ_INT(world_stage(&w, s, world_otadata(0)), FERRY_OK);
    T_EQ_INT(ferry_reflash_back_up(&w.job, (struct ferry_span){WORLD_FREE_OFF, 0x4000}),
             FERRY_ERR_REFLASH_FULL);
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_OK);
    T_EQ_INT(ferry_reflash_undo(&w.job), FERRY_ERR_REFLASH_NONE);
    w.stage.used_bytes = 0x1000;
    s = world_step(FERRY_STEP_BOOTLOADER, 0, WORLD_BOOT_BYTES);
    T_EQ_INT(world_stage(&w, s, world_bootloader(&w, 1)), FERRY_OK);
    s = world_step(FERRY_STEP_DATA, WORLD_STORAGE_OFF, WORLD_STORAGE_BYTES);
    T_EQ_INT(world_stage(&w, s, world_otadata(0)), FERRY_OK);
    T_EQ_INT(ferry_reflash_back_up(&w.job, (struct ferry_span){WORLD_FREE_OFF, 0x10000}), FERRY_OK);
    T_EQ_INT(w.job.plan.n_steps, 4);
    T_EQ_INT(world_run(&w, FERRY_REFLASH_DANGEROUS), FERRY_OK);
    T_EQ_INT(w.job.plan.steps[0].kind, FERRY_STEP_BACKUP);
    T_EQ_INT(world_open(&w), FERRY_OK);
    T_EQ_INT(ferry_reflash_undo(&w.job), FERRY_OK);
    T_EQ_INT(w.job.plan.n_steps, 2);
    T_EQ_INT(world_run(&w, FERRY_REFLASH_DANGEROUS), FERRY_OK);
    peek_all(after);
    T_CHECK(memcmp(before, after, WORLD_STAGE_OFF) == 0);
    T_CHECK(memcmp(before + WORLD_STORAGE_OFF, after + WORLD_STORAGE_OFF, WORLD_STORAGE_BYTES) ==
            0);
    T_EQ_INT(ferry_reflash_undo(&w.job), FERRY_ERR_REFLASH_BACKUP);
    world_free(&w);
}

static void bootloader_kept_twice_is_brought_back_once(void)
{
    world_init(&w, &ferry_chip_esp32c5);
    w.site.recovery_off_bytes = WORLD_RECOVERY_OFF;
    T_EQ_INT(world_begin_plan(&w), FERRY_OK);
    T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_BOOTLOADER, 0x2000, WORLD_BOOT_BYTES),
                         world_bootloader(&w, 1)),
             FERRY_OK);
    T_EQ_INT(ferry_reflash_back_up(&w.job, (struct ferry_span){WORLD_FREE_OFF, 0x10000}), FERRY_OK);
    T_EQ_INT(ferry_reflash_guard(&w.job, &w.site, &w.bench.work), FERRY_OK);
    T_EQ_INT(w.job.plan.n_steps, 3);
    T_EQ_INT(world_run(&w, FERRY_REFLASH_DANGEROUS), FERRY_OK);
    T_EQ_INT(world_open(&w), FERRY_OK);
    T_EQ_INT(ferry_reflash_undo(&w.job), FERRY_OK);
    T_EQ_INT(w.job.plan.n_steps, 1);
    T_EQ_INT(world_run(&w, FERRY_REFLASH_DANGEROUS), FERRY_OK);
    T_EQ_INT(w.report.window_sectors, 0);
    const struct world_content old = world_bootloader(&w, 0);
    T_CHECK(world_holds(&w, 0x2000, old.bytes, old.n));
    world_free(&w);
}

/* Given up while the backups were being made, or behind them: either way all is as before. */
static void abandoned_plan_is_undone(void)
{
    static uint8_t before[WORLD_FLASH_BYTES], after[WORLD_FLASH_BYTES];
    for (int n_chunks = 0; n_chunks < 4; n_chunks++) {
        fresh();
        peek_all(before);
        T_EQ_INT(world_stage(&w, world_step(FERRY_STEP_DATA, WORLD_STORAGE_OFF, 0x4000),
                             world_otadata(0)),
                 FERRY_OK);
        T_EQ_INT(ferry_reflash_back_up(&w.job, (struct ferry_span){WORLD_FREE_OFF, 0x10000}),
                 FERRY_OK);
        T_EQ_INT(ferry_reflash_check(&w.job, &w.site, 0, &w.bench, &w.report), FERRY_OK);
        T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_OK);
        for (int i = 0; i < n_chunks; i++)
            T_EQ_INT(ferry_reflash_run(&w.job), FERRY_AGAIN);
        T_EQ_INT(ferry_reflash_abandon(&w.job), FERRY_OK);
        T_EQ_INT(ferry_reflash_undo(&w.job), FERRY_OK);
        T_EQ_INT(world_run(&w, 0), FERRY_OK);
        T_EQ_INT(w.report.n_sectors, n_chunks < 3 ? 0 : 2);
        peek_all(after);
        T_CHECK(memcmp(before, after, WORLD_STAGE_OFF) == 0);
        T_CHECK(memcmp(before + WORLD_STORAGE_OFF, after + WORLD_STORAGE_OFF, 0x10000) == 0);
        world_free(&w);
    }
}

static void plan_is_given_up_only_before_the_switch(void)
{
    fresh();
    T_EQ_INT(world_plan_migration(&w, app), FERRY_OK);
    T_EQ_INT(ferry_reflash_check(&w.job, &w.site, FERRY_REFLASH_DANGEROUS, &w.bench, &w.report),
             FERRY_OK);
    T_EQ_INT(ferry_reflash_begin(&w.job, NULL), FERRY_OK);
    T_EQ_INT(ferry_reflash_run(&w.job), FERRY_AGAIN);
    T_EQ_INT(ferry_reflash_new(&w.job), FERRY_ERR_REFLASH_UNFINISHED);
    struct reflash_world late;
    memset(&late, 0, sizeof(late));
    world_fork(&late, &w, 1);
    T_EQ_INT(ferry_reflash_abandon(&w.job), FERRY_OK);
    T_EQ_INT(ferry_reflash_resume(&w.job, &w.cfg), FERRY_OK);
    T_EQ_INT(w.job.journal.state, FERRY_JOURNAL_ABANDONED);
    T_EQ_INT(world_boot(&w), 0);
    T_EQ_INT(world_open(&late), FERRY_OK);
    while (late.job.step < late.job.plan.switch_step || !late.job.at_bytes)
        T_EQ_INT(ferry_reflash_run(&late.job), FERRY_AGAIN);
    T_EQ_INT(ferry_reflash_abandon(&late.job), FERRY_ERR_REFLASH_BEGUN);
    world_free(&late);
    world_free(&w);
}

int main(void)
{
    T_RUN(backup_is_brought_back_by_undo);
    T_RUN(bootloader_kept_twice_is_brought_back_once);
    T_RUN(abandoned_plan_is_undone);
    T_RUN(plan_is_given_up_only_before_the_switch);
    return t_end();
}
