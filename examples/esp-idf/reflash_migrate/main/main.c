/* Gives a device in the field one more partition: the table of today and a row behind its last one,
 * written as a reflash plan. The plan is checked as a whole before anything changes, and a reset in
 * the middle is gone on from at the next start. */
#include <string.h>

#include <esp_log.h>
#include <esp_system.h>
#include <sdkconfig.h>

#include "device_esp.h"
#include "ferry/partition.h"
#include "ferry/reflash.h"

#define NEW_LABEL      "storage"
#define NEW_SIZE_BYTES 0x80000u
#define ROWS_MOST      32u
#define SUBTYPE_SPIFFS 0x82u

static const char tag[] = "reflash_migrate";
static struct ferry_esp esp;
static struct ferry_reflash job;
static struct ferry_reflash_bench bench;
static struct ferry_stage stage;
static struct ferry_partition rows[ROWS_MOST];
static uint8_t table[FERRY_TABLE_BYTES];
static uint8_t work[FERRY_REFLASH_WORK_BYTES(4096)];

/* How the device reflashes itself; the journal is not encrypted and always in the same place. */
static struct ferry_reflash_config config_here(void)
{
    return (struct ferry_reflash_config){
        .flash = &esp.flash.flash,
        .journal = ferry_reflash_journal_default(&esp.plain.flash),
        .running = ferry_device_span(&esp.device, esp.device.running),
        .work = work,
        .work_bytes = sizeof work,
    };
}

/* Today's rows and the new one. FERRY_ERR_NOT_FOUND: it is there already. */
static ferry_err make_table(void)
{
    const struct ferry_table *today = &esp.device.table;
    uint32_t n = 0, end = 0;
    for (; n < today->n_partitions && n + 1 < ROWS_MOST; n++) {
        const ferry_err err = ferry_table_get(today, n, &rows[n]);
        if (err)
            return err;
        if (!strcmp(rows[n].label, NEW_LABEL))
            return FERRY_ERR_NOT_FOUND;
        if (rows[n].off_bytes + rows[n].size_bytes > end)
            end = rows[n].off_bytes + rows[n].size_bytes;
    }
    rows[n] = (struct ferry_partition){.off_bytes = end,
                                       .size_bytes = NEW_SIZE_BYTES,
                                       .type = 1,
                                       .subtype = SUBTYPE_SPIFFS,
                                       .label = NEW_LABEL};
    return ferry_table_encode(rows, n + 1, true, table, NULL);
}

/* Puts the table into a free slot first: a plan's sources are all in flash before it begins. */
static ferry_err stage_table(const struct ferry_reflash_site *site)
{
    const struct ferry_step step = {.kind = FERRY_STEP_TABLE,
                                    .dest_off_bytes = CONFIG_PARTITION_TABLE_OFFSET,
                                    .dest_size_bytes = 4096,
                                    .length_bytes = sizeof table};
    struct ferry_span area;
    bool is_held = false;
    ferry_err err =
        ferry_stage_find(&job, &esp.device, 4096, (struct ferry_span){0}, &area, &job.fault);
    if (!err)
        err = ferry_stage_open(&stage, &job, site, &esp.device, area);
    if (!err)
        err = ferry_stage_begin(&stage, &step, NULL, &is_held);
    if (!err && !is_held)
        err = ferry_stage_write(&stage, table, sizeof table);
    if (!err && !is_held)
        err = ferry_stage_finish(&stage);
    return err;
}

static ferry_err migrate(const struct ferry_reflash_config *config)
{
    const struct ferry_reflash_site site = {.policy = &esp.policy,
                                            .table_off_bytes = CONFIG_PARTITION_TABLE_OFFSET};
    struct ferry_reflash_report report;
    ferry_err err = ferry_reflash_open(&job, config);
    if (!err)
        err = ferry_reflash_new(&job);
    if (!err)
        err = stage_table(&site);
    if (!err)
        err = ferry_reflash_check(&job, &site, FERRY_REFLASH_DANGEROUS, &bench, &report);
    if (err)
        return err;
    ESP_LOGW(tag, "for %lu ms a power cut would need a cable", (unsigned long)report.window_ms);
    err = ferry_reflash_begin(&job, NULL);
    while (!err && (err = ferry_reflash_run(&job)) == FERRY_AGAIN)
        err = FERRY_OK;
    return err;
}

void app_main(void)
{
    ferry_err err = ferry_esp_open(&esp, NULL);
    const struct ferry_reflash_config config = config_here();
    if (!err)
        err = ferry_reflash_resume(&job, &config); // first, at every start
    if (!err && job.n_written) {
        ESP_LOGI(tag, "finished what a reset had interrupted");
        esp_restart();
    }
    if (!err)
        err = make_table();
    if (err == FERRY_ERR_NOT_FOUND) {
        ESP_LOGI(tag, "the partition is there");
        return;
    }
    if (!err)
        err = migrate(&config);
    if (!err)
        esp_restart();
    ESP_LOGE(tag, "error %d, value 0x%lx, limit 0x%lx", err, (unsigned long)job.fault.value,
             (unsigned long)job.fault.limit);
}
