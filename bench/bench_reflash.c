/* bench_reflash - what it costs the flash to put 1 MiB elsewhere, beside esp-self-reflasher.
 * Both run on the same flash model in the same run. ferry is the real core, with everything it
 * checks: the staged content read back, the plan checked, the journal, each sector and the whole
 * result read back. The other is its sequence, replayed from what is known of it: the staging slot
 * of 1.25 MiB erased whole and written, the destination erased, copied in steps of 1 KiB, nothing
 * looked at. Prints counts, multiples of the content and ratios; judges nothing. */
#include "ferry/reflash.h"
#include "sim_flash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT_BYTES 0x100000u
#define FLASH_BYTES   0x800000u
#define RUNNING_OFF   0x010000u
#define SLOT_BYTES    0x140000u // 1.25 MiB
#define STAGE_OFF     (RUNNING_OFF + SLOT_BYTES)
#define DEST_OFF      0x400000u
#define OTADATA_OFF   0xd000u

static uint8_t content[CONTENT_BYTES];

static void must(ferry_err err, const char *what)
{
    if (err) {
        fprintf(stderr, "%s: %s\n", what, ferry_strerror(err));
        exit(1);
    }
}

static void esp_self_reflasher(struct sim_flash *s)
{
    const struct ferry_flash *f = &s->flash;
    uint8_t piece[1024];
    for (uint32_t at = 0; at < SLOT_BYTES; at += 65536)
        must(f->ops->erase(f, STAGE_OFF + at, 65536), "erase");
    for (uint32_t at = 0; at < CONTENT_BYTES; at += sizeof(piece))
        must(f->ops->prog(f, STAGE_OFF + at, content + at, sizeof(piece)), "program");
    for (uint32_t at = 0; at < CONTENT_BYTES; at += 65536)
        must(f->ops->erase(f, DEST_OFF + at, 65536), "erase");
    for (uint32_t at = 0; at < CONTENT_BYTES; at += sizeof(piece)) {
        must(f->ops->read(f, STAGE_OFF + at, piece, sizeof(piece)), "read");
        must(f->ops->prog(f, DEST_OFF + at, piece, sizeof(piece)), "program");
    }
}

static void put_table(struct sim_flash *s)
{
    const struct ferry_partition rows[] = {
        {OTADATA_OFF, 0x2000, 0, FERRY_TYPE_DATA, FERRY_DATA_OTA, "otadata"},
        {RUNNING_OFF, SLOT_BYTES, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0, "ota_0"},
        {STAGE_OFF, SLOT_BYTES, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0 + 1, "ota_1"},
        {DEST_OFF, CONTENT_BYTES, 0, FERRY_TYPE_DATA, 0x82, "storage"},
    };
    uint8_t bytes[FERRY_TABLE_BYTES];
    must(ferry_table_encode(rows, 4, true, bytes, NULL), "table");
    sim_flash_poke(s, FERRY_TABLE_OFF_DEFAULT, bytes, sizeof(bytes));
}

struct job {
    struct ferry_policy policy;
    struct ferry_reflash_site site;
    struct ferry_reflash_config cfg;
    struct ferry_reflash reflash;
    struct ferry_reflash_bench bench;
    struct ferry_reflash_report report;
    struct ferry_stage stage;
    struct ferry_device dev;
    struct ferry_device_work dev_work;
    uint8_t work[FERRY_REFLASH_WORK_BYTES(4096)];
};

static void open_job(struct job *j, struct sim_flash *s)
{
    memset(j, 0, sizeof(*j));
    j->site = (struct ferry_reflash_site){.policy = &j->policy,
                                          .table_off_bytes = FERRY_TABLE_OFF_DEFAULT,
                                          .bootloader_resumes = true};
    j->cfg = (struct ferry_reflash_config){.flash = &s->flash,
                                           .journal = ferry_reflash_journal_default(&s->flash),
                                           .running = {RUNNING_OFF, SLOT_BYTES},
                                           .work = j->work,
                                           .work_bytes = sizeof(j->work)};
    must(ferry_device_open(&j->dev, &s->flash, &j->policy, FERRY_TABLE_OFF_DEFAULT, &j->dev_work),
         "device");
    j->dev.running = 0;
    must(ferry_reflash_open(&j->reflash, &j->cfg), "open");
    must(ferry_reflash_new(&j->reflash), "new");
}

static void ferry(struct sim_flash *s)
{
    static struct job j;
    uint8_t sha[FERRY_SHA256_BYTES];
    struct ferry_sha256 h;
    struct ferry_span area;
    bool is_held;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, content, sizeof(content));
    ferry_sha256_finish(&h, sha);
    const struct ferry_step step = {.kind = FERRY_STEP_DATA,
                                    .dest_off_bytes = DEST_OFF,
                                    .dest_size_bytes = CONTENT_BYTES,
                                    .length_bytes = CONTENT_BYTES};
    open_job(&j, s);
    must(ferry_stage_find(&j.reflash, &j.dev, CONTENT_BYTES,
                          (struct ferry_span){DEST_OFF, CONTENT_BYTES}, &area, NULL),
         "staging area");
    must(ferry_stage_open(&j.stage, &j.reflash, &j.site, &j.dev, area), "stage");
    must(ferry_stage_begin(&j.stage, &step, sha, &is_held), "stage");
    for (uint32_t at = 0; !is_held && at < CONTENT_BYTES; at += 1024)
        must(ferry_stage_write(&j.stage, content + at, 1024), "stage");
    if (!is_held)
        must(ferry_stage_finish(&j.stage), "stage");
    must(ferry_reflash_check(&j.reflash, &j.site, FERRY_REFLASH_FOREIGN, &j.bench, &j.report),
         "check");
    must(ferry_reflash_begin(&j.reflash, NULL), "begin");
    ferry_err err;
    while ((err = ferry_reflash_run(&j.reflash)) == FERRY_AGAIN)
        ;
    must(err, "run");
}

/* held_bytes of the destination are right before it begins. */
static struct sim_counts measure(void (*run)(struct sim_flash *), uint32_t held_bytes)
{
    struct sim_flash s;
    sim_flash_init(&s, FLASH_BYTES, 1);
    put_table(&s);
    uint8_t old[4096];
    memset(old, 0xa5, sizeof(old));
    for (uint32_t at = 0; at < CONTENT_BYTES; at += sizeof(old))
        sim_flash_poke(&s, DEST_OFF + at, at < held_bytes ? content + at : old, sizeof(old));
    run(&s);
    const struct sim_counts counts = s.counts;
    sim_flash_free(&s);
    return counts;
}

static void print_row(const char *name, const struct sim_counts *c, const struct sim_counts *other)
{
    const double size = CONTENT_BYTES;
    printf("%-34s %5u %5u %7.3f %7.3f %7.3f %8.2f %8.2fx\n", name, c->erases_64k, c->erases_4k,
           (double)c->erased_bytes / size, (double)c->prog_bytes / size,
           (double)c->read_bytes / size, (double)c->time_us / 1e6,
           (double)c->time_us / (double)other->time_us);
}

int main(void)
{
    uint32_t x = 1;
    for (uint32_t i = 0; i < CONTENT_BYTES; i++) {
        x = x * 1664525u + 1013904223u;
        content[i] = (uint8_t)(x >> 24);
    }
    const struct sim_counts other = measure(esp_self_reflasher, 0);
    const struct sim_counts anew = measure(ferry, 0);
    const struct sim_counts half = measure(ferry, CONTENT_BYTES / 2);
    const struct sim_counts held = measure(ferry, CONTENT_BYTES);
    printf("1 MiB to another place by way of a slot of 1.25 MiB: erase operations, bytes as\n"
           "multiples of the content, seconds in the flash model.\n\n");
    printf("%-34s %5s %5s %7s %7s %7s %8s %9s\n", "", "64K", "4K", "erased", "written", "read",
           "seconds", "/original");
    print_row("esp-self-reflasher", &other, &other);
    print_row("ferry, verified and journalled", &anew, &other);
    print_row("ferry, half of it there already", &half, &other);
    print_row("ferry, all of it there already", &held, &other);
    return 0;
}
