/* tests/support/reflash_world.c - see the header. */
#include "reflash_world.h"

#include "ferry/otadata.h"
#include "ferry/partition.h"

#include <stdlib.h>
#include <string.h>

#define BOOT_PAYLOAD 9000u

static void put_table(uint8_t out[4096], const struct ferry_partition *rows, size_t n)
{
    memset(out, 0xff, 4096);
    if (ferry_table_encode(rows, n, true, out, NULL))
        abort();
}

static void put_old_table(uint8_t out[4096])
{
    const struct ferry_partition rows[] = {
        {WORLD_NVS_OFF, WORLD_NVS_BYTES, 0, FERRY_TYPE_DATA, FERRY_DATA_NVS, "nvs"},
        {WORLD_OTADATA_OFF, 0x2000, 0, FERRY_TYPE_DATA, FERRY_DATA_OTA, "otadata"},
        {WORLD_RUNNING_OFF, WORLD_SLOT_BYTES, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0, "ota_0"},
        {WORLD_STAGE_OFF, WORLD_SLOT_BYTES, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0 + 1, "ota_1"},
        {WORLD_STORAGE_OFF, WORLD_STORAGE_BYTES, 0, FERRY_TYPE_DATA, 0x82, "storage"},
    };
    put_table(out, rows, sizeof(rows) / sizeof(rows[0]));
}

struct world_content world_new_table(void)
{
    static uint8_t table[4096];
    const struct ferry_partition rows[] = {
        {WORLD_RUNNING_OFF, WORLD_SLOT_BYTES, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0, "ota_0"},
        {WORLD_STORAGE_OFF, WORLD_STORAGE_BYTES, 0, FERRY_TYPE_DATA, 0x82, "storage"},
        {WORLD_NEW_APP_OFF, WORLD_NEW_APP_BYTES, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0 + 1, "ota_1"},
        {WORLD_NEW_NVS_OFF, WORLD_NEW_NVS_BYTES, 0, FERRY_TYPE_DATA, FERRY_DATA_NVS, "nvs"},
        {WORLD_NEW_OTADATA_OFF, 0x2000, 0, FERRY_TYPE_DATA, FERRY_DATA_OTA, "otadata"},
    };
    put_table(table, rows, sizeof(rows) / sizeof(rows[0]));
    return (struct world_content){table, FERRY_TABLE_BYTES};
}

struct world_content world_otadata(unsigned slot)
{
    static uint8_t bytes[0x2000];
    const struct ferry_otadata e = ferry_otadata_make(slot + 1, FERRY_STATE_VALID);
    memset(bytes, 0xff, sizeof(bytes));
    ferry_otadata_encode(&e, bytes);
    return (struct world_content){bytes, sizeof(bytes)};
}

struct world_content world_app(const struct reflash_world *w, uint8_t *to, uint32_t payload_bytes,
                               uint32_t seed)
{
    const struct app_image_spec spec = {.project = "demo",
                                        .version = "2.0",
                                        .payload_bytes = payload_bytes,
                                        .seed = seed,
                                        .chip_id = w->policy.chip->id};
    return (struct world_content){to, app_image_make(to, &spec)};
}

struct world_content world_bootloader(const struct reflash_world *w, unsigned generation)
{
    static struct {
        uint8_t bytes[APP_IMAGE_BYTES(BOOT_PAYLOAD + 1000)];
        uint32_t n;
        uint16_t chip_id;
    } made[2]; // the power test asks for them at every cut
    if (made[generation].n && made[generation].chip_id == w->policy.chip->id)
        return (struct world_content){made[generation].bytes, made[generation].n};
    const struct app_image_spec spec = {.project = "boot",
                                        .version = "1",
                                        .payload_bytes = BOOT_PAYLOAD + 1000 * generation,
                                        .seed = 77 + generation,
                                        .chip_id = w->policy.chip->id,
                                        .no_descriptor = true};
    made[generation].n = app_image_make(made[generation].bytes, &spec);
    made[generation].chip_id = spec.chip_id;
    return (struct world_content){made[generation].bytes, made[generation].n};
}

static void fix_pointers(struct reflash_world *w)
{
    w->site.policy = &w->policy;
    w->cfg.flash = &w->sim.flash;
    w->cfg.journal.flash = &w->sim.flash;
    w->cfg.work = w->work;
}

static void fill(struct reflash_world *w, uint32_t off, uint32_t n, uint32_t seed)
{
    for (uint32_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        const uint8_t byte = (uint8_t)(seed >> 24);
        sim_flash_poke(&w->sim, off + i, &byte, 1);
    }
}

void world_init(struct reflash_world *w, const struct ferry_chip *chip)
{
    world_init_prog(w, chip, 1);
}

void world_init_prog(struct reflash_world *w, const struct ferry_chip *chip, uint32_t prog_bytes)
{
    static uint8_t image[APP_IMAGE_BYTES(5000)];
    static uint8_t table[4096];
    memset(w, 0, sizeof(*w));
    sim_flash_init(&w->sim, WORLD_FLASH_BYTES, prog_bytes);
    w->policy = (struct ferry_policy){.chip = chip, .chip_rev = 100, .rollback = true};
    w->site.table_off_bytes = WORLD_TABLE_OFF;
    w->cfg.journal = (struct ferry_region){NULL, WORLD_JOURNAL_OFF, 4096};
    w->cfg.running = (struct ferry_span){WORLD_RUNNING_OFF, WORLD_SLOT_BYTES};
    w->cfg.work_bytes = sizeof(w->work);
    fix_pointers(w);
    const struct world_content boot = world_bootloader(w, 0);
    sim_flash_poke(&w->sim, chip->bootloader_off_bytes, boot.bytes, boot.n);
    put_old_table(table);
    sim_flash_poke(&w->sim, WORLD_TABLE_OFF, table, sizeof(table));
    fill(w, WORLD_NVS_OFF, WORLD_NVS_BYTES, 3);
    fill(w, WORLD_STORAGE_OFF, 0x3000, 4);
    const struct world_content otadata = world_otadata(0);
    sim_flash_poke(&w->sim, WORLD_OTADATA_OFF, otadata.bytes, otadata.n);
    const struct world_content app = world_app(w, image, 5000, 1);
    sim_flash_poke(&w->sim, WORLD_RUNNING_OFF, image, app.n);
}

void world_fork(struct reflash_world *to, const struct reflash_world *from, uint32_t seed)
{
    to->policy = from->policy;
    to->site = from->site;
    to->cfg = from->cfg;
    memcpy(to->kept, from->kept, sizeof(to->kept));
    to->n_resumed = 0;
    sim_flash_fork(&to->sim, &from->sim, seed);
    fix_pointers(to);
}

void world_free(struct reflash_world *w)
{
    sim_flash_free(&w->sim);
}

ferry_err world_open(struct reflash_world *w)
{
    const ferry_err err = ferry_device_open(&w->dev, &w->sim.flash, &w->policy,
                                            w->site.table_off_bytes, &w->dev_work);
    w->dev.running = err ? FERRY_SLOT_NONE : 0;
    return err ? err : ferry_reflash_open(&w->job, &w->cfg);
}

ferry_err world_begin_plan(struct reflash_world *w)
{
    ferry_err err = world_open(w);
    w->n_begun = 0;
    if (!err)
        err = ferry_reflash_new(&w->job);
    if (!err)
        err = ferry_stage_open(&w->stage, &w->job, &w->site, &w->dev,
                               (struct ferry_span){WORLD_STAGE_OFF, WORLD_SLOT_BYTES});
    return err;
}

struct ferry_step world_step(enum ferry_step_kind kind, uint32_t off, uint32_t size)
{
    return (struct ferry_step){
        .kind = (uint8_t)kind, .dest_off_bytes = off, .dest_size_bytes = size};
}

ferry_err world_stage(struct reflash_world *w, struct ferry_step step, struct world_content c)
{
    uint8_t sha[FERRY_SHA256_BYTES];
    struct ferry_sha256 h;
    bool is_held;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, c.bytes, c.n);
    ferry_sha256_finish(&h, sha);
    step.length_bytes = c.n;
    uint8_t *kept = w->kept[w->n_begun++ % WORLD_KEPT];
    ferry_err err = ferry_stage_resume(&w->stage, &step, sha, kept, &is_held);
    w->n_resumed += !err && !is_held;
    if (err == FERRY_ERR_CHECKPOINT)
        err = ferry_stage_begin(&w->stage, &step, sha, &is_held);
    if (err || is_held)
        return err;
    for (uint32_t at = w->stage.got_bytes; !err && at < c.n; at += 1000) {
        err = ferry_stage_write(&w->stage, c.bytes + at, c.n - at < 1000 ? c.n - at : 1000);
        if (!err)
            err = ferry_stage_checkpoint(&w->stage, NULL, kept);
        err = err == FERRY_AGAIN ? FERRY_OK : err;
    }
    return err ? err : ferry_stage_finish(&w->stage);
}

ferry_err world_plan_migration(struct reflash_world *w, struct world_content app)
{
    struct ferry_step nvs = world_step(FERRY_STEP_DATA, WORLD_NEW_NVS_OFF, WORLD_NEW_NVS_BYTES);
    nvs.source = FERRY_SOURCE_MOVED;
    nvs.flags = FERRY_STEP_BLANK_REST;
    nvs.length_bytes = WORLD_NVS_BYTES;
    nvs.source_off_bytes = WORLD_NVS_OFF;
    const uint32_t boot_off = w->policy.chip->bootloader_off_bytes;
    // The dangerous ones first: it is the check that puts them in order.
    ferry_err err = world_stage(w, world_step(FERRY_STEP_BOOTLOADER, boot_off, WORLD_BOOT_BYTES),
                                world_bootloader(w, 1));
    if (!err)
        err =
            world_stage(w, world_step(FERRY_STEP_TABLE, WORLD_TABLE_OFF, 4096), world_new_table());
    if (!err)
        err = world_stage(w, world_step(FERRY_STEP_DATA, WORLD_NEW_OTADATA_OFF, 0x2000),
                          world_otadata(1));
    if (!err)
        err =
            world_stage(w, world_step(FERRY_STEP_APP, WORLD_NEW_APP_OFF, WORLD_NEW_APP_BYTES), app);
    return err ? err : ferry_reflash_add(&w->job, &nvs, NULL);
}

ferry_err world_run(struct reflash_world *w, uint32_t flags)
{
    ferry_err err = ferry_reflash_check(&w->job, &w->site, flags, &w->bench, &w->report);
    if (!err)
        err = ferry_reflash_begin(&w->job, NULL);
    if (err)
        return err;
    do {
        err = ferry_reflash_run(&w->job);
    } while (err == FERRY_AGAIN);
    return err;
}

int world_boot(struct reflash_world *w)
{
    struct ferry_boot_report report;
    sim_flash_power_on(&w->sim);
    w->cfg.running = (struct ferry_span){0, 0};
    if (ferry_device_open(&w->dev, &w->sim.flash, &w->policy, w->site.table_off_bytes,
                          &w->dev_work) ||
        ferry_boot_run(&w->dev, FERRY_HOLD_NONE, NULL, &report))
        return FERRY_SLOT_NONE;
    w->cfg.running = ferry_device_span(&w->dev, report.booted);
    return report.booted;
}

bool world_holds(const struct reflash_world *w, uint32_t off, const void *bytes, uint32_t n)
{
    const uint8_t *want = bytes;
    uint8_t seen[4096];
    for (uint32_t at = 0; at < n; at += sizeof(seen)) {
        const uint32_t step = n - at < sizeof(seen) ? n - at : (uint32_t)sizeof(seen);
        sim_flash_peek(&w->sim, off + at, seen, step);
        if (memcmp(seen, want + at, step) != 0)
            return false;
    }
    return true;
}

bool world_has_bootloader(const struct reflash_world *w)
{
    for (unsigned generation = 0; generation < 2; generation++) {
        const struct world_content c = world_bootloader(w, generation);
        if (world_holds(w, w->policy.chip->bootloader_off_bytes, c.bytes, c.n) ||
            (w->site.recovery_off_bytes &&
             world_holds(w, w->site.recovery_off_bytes, c.bytes, c.n)))
            return true;
    }
    return false;
}
