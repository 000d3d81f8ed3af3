/* cli/agent_fleet.c - many virtual devices in one process. Each has its own flash with a table,
 * NVS, two slots, and its own agent; a few threads take the devices one after the other. */
#include "agent_fleet.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ferry/boot.h"
#include "interrupt.h"
#include "nvs_memory.h"
#include "read_file.h"
#include "vagent.h"

#define OTADATA_OFF   0xf000u
#define NVS_OFF       0x9000u
#define NVS_BYTES     0x6000u
#define SLOTS_OFF     0x20000u
#define MOST_STARTS   12u
#define MOST_RESTS    60u
#define REST_LEAST_MS 500u

/* What all share. */
struct fleet {
    const struct cli_fleet_args *args;
    struct ferry_join join;
    struct ferry_policy policy;
    uint8_t table[FERRY_TABLE_BYTES];
    uint8_t *updater;
    size_t n_updater;
    uint32_t slot_bytes[2]; // updater's, application's
    uint32_t flash_bytes;
    atomic_uint next, n_done, n_failed;
    uint32_t *life_ms; // of each device
    pthread_mutex_t lock;
    char why[FERRY_SENTENCE_BYTES]; // the first failure
};

/* One device. */
struct unit {
    struct ferry_vagent g;
    struct ferry_device dev;
    struct ferry_device_work work;
    struct ferry_flash flash;
    uint8_t *bytes;
    char last_failure[FERRY_SENTENCE_BYTES];
};

static uint32_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint32_t)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static void on_news(void *ctx, enum ferry_agent_news news, const struct ferry_agent *a)
{
    struct unit *u = ctx;
    const struct ferry_about about = {.detail = a->detail[0] ? a->detail : NULL};
    if (news == FERRY_NEWS_FAILED || news == FERRY_NEWS_REFUSED)
        ferry_sentence(u->last_failure, sizeof(u->last_failure), &a->fault, &about);
}

static ferry_err make(const struct fleet *f, struct unit *u)
{
    memset(u->bytes, 0xff, f->flash_bytes);
    memcpy(u->bytes + FERRY_TABLE_OFF_DEFAULT, f->table, sizeof(f->table));
    memcpy(u->bytes + SLOTS_OFF, f->updater, f->n_updater);
    ferry_nvs_memory(&u->flash, u->bytes, f->flash_bytes);
    u->last_failure[0] = '\0';
    ferry_err err =
        ferry_device_open(&u->dev, &u->flash, &f->policy, FERRY_TABLE_OFF_DEFAULT, &u->work);
    struct ferry_retry retry = {0};
    cli_interrupt_retry(&retry);
    if (!err)
        err = ferry_vagent_open(&u->g, &u->dev, NULL, &retry);
    if (err)
        return err;
    err = ferry_credentials_load(&u->g.agent.credentials, &u->g.store.store);
    if (!err)
        err = ferry_credentials_join(&u->g.agent.credentials, &u->g.store.store, &f->join);
    return err;
}

/* One start of the updater to its restart. A server that has too much to do is asked again. */
static bool run_updater(struct unit *u)
{
    for (uint32_t n_rests = 0; n_rests < MOST_RESTS;) {
        const enum ferry_agent_turn turn = ferry_agent_step(&u->g.agent);
        if (ferry_cancel_asked(&cli_interrupt))
            return false;
        if (turn == FERRY_AGENT_RESTART)
            return true;
        if (turn == FERRY_AGENT_ON)
            continue;
        n_rests++;
        u->g.retry.sleep_ms(NULL, REST_LEAST_MS + u->g.retry.random(NULL) % REST_LEAST_MS);
        ferry_vagent_pass(&u->g, u->g.agent.rest_s);
    }
    return false;
}

/* From the first start until the application has run twice and is confirmed. */
static bool live(struct unit *u, const char *project)
{
    struct ferry_boot_report r;
    struct ferry_vagent_start start = {.reset = FERRY_RESET_POWER_ON,
                                       .news = on_news,
                                       .ctx = u,
                                       .settings = {.project = project},
                                       .cancel = &cli_interrupt};
    for (uint32_t i = 0; i < MOST_STARTS && !ferry_cancel_asked(&cli_interrupt); i++) {
        if (ferry_boot_run(&u->dev, FERRY_HOLD_NONE, NULL, &r))
            return false;
        u->dev.running = r.booted;
        if (r.booted != 0) {
            ferry_vagent_pass(&u->g, 60);
            if (u->g.agent.has_confirmed)
                return true;
            start.reset = FERRY_RESET_SOFTWARE;
            continue;
        }
        if (ferry_vagent_begin(&u->g, &start) || !run_updater(u))
            return false;
        start.reset = FERRY_RESET_SOFTWARE;
    }
    return false;
}

static void note_failure(struct fleet *f, uint32_t i, const char *why)
{
    atomic_fetch_add(&f->n_failed, 1);
    pthread_mutex_lock(&f->lock);
    if (!f->why[0])
        snprintf(f->why, sizeof(f->why), "device %u: %.900s", (unsigned)i,
                 why[0] ? why : "did not come to its application");
    pthread_mutex_unlock(&f->lock);
}

static void *work(void *ctx)
{
    struct fleet *f = ctx;
    struct unit *u = calloc(1, sizeof(*u));
    if (u)
        u->bytes = malloc(f->flash_bytes);
    for (;;) {
        const uint32_t i = atomic_fetch_add(&f->next, 1);
        if (i >= f->args->n_devices || ferry_cancel_asked(&cli_interrupt))
            break;
        const uint32_t begun = now_ms();
        const ferry_err err = u && u->bytes ? make(f, u) : FERRY_ERR_NO_MEMORY;
        if (err)
            note_failure(f, i, ferry_strerror(err));
        else if (!live(u, f->args->project))
            note_failure(f, i, u->last_failure);
        else
            atomic_fetch_add(&f->n_done, 1);
        f->life_ms[i] = now_ms() - begun;
        if (!err)
            ferry_vagent_close(&u->g);
    }
    free(u ? u->bytes : NULL);
    free(u);
    return NULL;
}

/* ---- before and after ---- */

static struct ferry_partition row(uint8_t type, uint8_t subtype, uint32_t off, uint32_t size,
                                  const char *label)
{
    struct ferry_partition p = {
        .off_bytes = off, .size_bytes = size, .type = type, .subtype = subtype};
    snprintf(p.label, sizeof(p.label), "%s", label);
    return p;
}

static ferry_err lay_out(struct fleet *f)
{
    f->slot_bytes[0] = ((uint32_t)f->n_updater + 0xffff) & ~0xffffu;
    f->slot_bytes[1] = (f->args->slot_bytes + 0xfff) & ~0xfffu;
    f->flash_bytes = SLOTS_OFF + f->slot_bytes[0] + f->slot_bytes[1];
    const struct ferry_partition rows[] = {
        row(FERRY_TYPE_DATA, FERRY_DATA_NVS, NVS_OFF, NVS_BYTES, FERRY_STORE_PARTITION),
        row(FERRY_TYPE_DATA, FERRY_DATA_OTA, OTADATA_OFF, FERRY_OTADATA_PARTITION_BYTES, "otadata"),
        row(FERRY_TYPE_APP, FERRY_APP_OTA_0, SLOTS_OFF, f->slot_bytes[0], "updater"),
        row(FERRY_TYPE_APP, FERRY_APP_OTA_0 + 1, SLOTS_OFF + f->slot_bytes[0], f->slot_bytes[1],
            "app"),
    };
    return ferry_table_encode(rows, sizeof(rows) / sizeof(rows[0]), true, f->table, NULL);
}

static int read_inputs(const struct cli_call *call, struct fleet *f)
{
    const char *why = NULL;
    const char *text = f->args->join;
    uint8_t *bytes = NULL;
    size_t n = 0;
    int os_errno = 0;
    struct ferry_image_header header;
    ferry_err err = FERRY_OK;
    if (text[0] == '@') {
        err = ferry_read_file(text + 1, 1024, &bytes, &n, &os_errno);
        if (err)
            return cli_fail_err(call->out, err, &(struct ferry_about){.file = text + 1});
        char line[1025];
        snprintf(line, sizeof(line), "%.*s", (int)n, (const char *)bytes);
        line[strcspn(line, "\r\n")] = '\0';
        free(bytes);
        err = ferry_join_parse(line, &f->join, &why);
    } else {
        err = ferry_join_parse(text, &f->join, &why);
    }
    if (err)
        return cli_fail_err(call->out, err, &(struct ferry_about){.detail = why});
    err = ferry_read_file(f->args->updater, 4 * 1024 * 1024, &f->updater, &f->n_updater, &os_errno);
    if (!err && (f->n_updater < FERRY_IMAGE_HEADER_BYTES || f->updater[0] != FERRY_IMAGE_MAGIC))
        err = FERRY_ERR_IMAGE_MAGIC;
    if (err)
        return cli_fail_err(call->out, err, &(struct ferry_about){.file = f->args->updater});
    ferry_image_header_decode(f->updater, &header);
    f->policy = (struct ferry_policy){.chip = ferry_chip_by_id(header.chip_id), .rollback = true};
    err = lay_out(f);
    return err ? cli_fail_err(call->out, err, NULL) : CLI_EXIT_OK;
}

static int by_size(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int put_result(const struct cli_call *call, struct fleet *f, uint32_t took_ms)
{
    cJSON *root = cli_json(call->out);
    const uint32_t n = f->args->n_devices;
    const uint32_t n_done = atomic_load(&f->n_done), n_failed = atomic_load(&f->n_failed);
    qsort(f->life_ms, n, sizeof(*f->life_ms), by_size);
    const uint32_t median_ms = f->life_ms[n / 2];
    cJSON_AddNumberToObject(root, "devices", n);
    cJSON_AddNumberToObject(root, "updated", n_done);
    cJSON_AddNumberToObject(root, "failed", n_failed);
    cJSON_AddNumberToObject(root, "seconds", took_ms / 1000.0);
    cJSON_AddNumberToObject(root, "median_ms", median_ms);
    cJSON_AddNumberToObject(root, "slowest_ms", f->life_ms[n - 1]);
    cli_text(call->out,
             "%u of %u devices enrolled, updated and confirmed in %.1f s (%.1f a second; one took "
             "%u ms in the median, %u ms at most).\n",
             (unsigned)n_done, (unsigned)n, took_ms / 1000.0,
             took_ms ? n_done * 1000.0 / took_ms : 0.0, (unsigned)median_ms,
             (unsigned)f->life_ms[n - 1]);
    if (n_done == n)
        return cli_done(call->out);
    return cli_fail_text(call->out, FERRY_ERR_UNSOUND, "%u of %u devices did not come through; %s",
                         (unsigned)(n - n_done), (unsigned)n,
                         f->why[0] ? f->why : "stopped before the last one");
}

int cli_run_fleet(const struct cli_call *call, const struct cli_fleet_args *args)
{
    static struct fleet f;
    struct ferry_curl_library curl;
    char why[CURL_ERROR_SIZE] = "";
    f = (struct fleet){.args = args, .lock = PTHREAD_MUTEX_INITIALIZER};
    const int exit_code = read_inputs(call, &f);
    if (exit_code)
        return exit_code;
    // libcurl sets itself up at the first handle, which must not happen in two threads at once.
    const ferry_err err = ferry_curl_library_load(&curl, why, sizeof(why));
    if (err)
        return cli_fail_err(call->out, err, &(struct ferry_about){.detail = why});
    curl.easy_cleanup(curl.easy_init());
    cli_interrupt_watch();
    const uint32_t n = args->n_threads < args->n_devices ? args->n_threads : args->n_devices;
    pthread_t *threads = calloc(n, sizeof(*threads));
    f.life_ms = calloc(args->n_devices, sizeof(*f.life_ms));
    const uint32_t begun = now_ms();
    uint32_t n_begun = 0;
    while (threads && f.life_ms && n_begun < n &&
           pthread_create(&threads[n_begun], NULL, work, &f) == 0)
        n_begun++;
    for (uint32_t i = 0; i < n_begun; i++)
        pthread_join(threads[i], NULL);
    const int result = n_begun ? put_result(call, &f, now_ms() - begun)
                               : cli_fail_err(call->out, FERRY_ERR_NO_MEMORY, NULL);
    free(threads);
    free(f.life_ms);
    free(f.updater);
    return result;
}
