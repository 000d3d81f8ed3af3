/* host/vagent.c - what a chip gives the agent, for a virtual device. */
#include "vagent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "key_openssl.h"
#include "nvs_keys.h"
#include "read_file.h"
#include "write_file.h"

/* What rtc.notes holds, in this machine's byte order: it is memory, not a format. */
struct kept {
    uint64_t rtc_ms;
    struct ferry_rtc_notes notes;
};

static uint64_t machine_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t rtc_ms(const struct ferry_vagent *g)
{
    return g->rtc_ms + machine_ms() - g->opened_ms;
}

/* ---- the store ---- */

static ferry_err region_is_blank(const struct ferry_region *r, bool *is_blank)
{
    uint8_t piece[512];
    *is_blank = true;
    for (uint32_t at = 0; *is_blank && at < r->size_bytes; at += sizeof piece) {
        const ferry_err err = ferry_region_read(r, at, piece, sizeof piece);
        if (err)
            return err;
        for (size_t i = 0; i < sizeof piece; i++)
            *is_blank = *is_blank && piece[i] == 0xff;
    }
    return FERRY_OK;
}

static ferry_err make_keys(const struct ferry_region *r, uint8_t key[FERRY_XTS_KEY_BYTES])
{
    uint8_t file[FERRY_NVS_KEY_FILE_BYTES];
    ferry_err err = ferry_nvs_keys_random(key, FERRY_XTS_KEY_BYTES);
    if (err)
        return err;
    ferry_nvs_keys_encode(key, file);
    err = ferry_region_prog(r, 0, file, FERRY_NVS_KEY_HEAD_BYTES);
    explicit_bzero(file, sizeof file);
    return err ? err : ferry_region_sync(r);
}

/* As a chip does at its first start: keys are made where the table has room for them, and a store
 * that was written without them stays without. */
static ferry_err open_cipher(struct ferry_vagent *g)
{
    const struct ferry_table *t = &g->device->table;
    struct ferry_partition p;
    struct ferry_region keys;
    uint8_t head[FERRY_NVS_KEY_HEAD_BYTES];
    uint8_t key[FERRY_XTS_KEY_BYTES];
    const char *why;
    bool has_none = false;
    bool is_new = false;
    uint32_t i = 0;
    ferry_err err = ferry_table_find(t, FERRY_TYPE_DATA, FERRY_DATA_NVS_KEYS, NULL, &i, &p);
    if (err)
        return err == FERRY_ERR_NOT_FOUND ? FERRY_OK : err;
    err = ferry_table_region(t, &p, false, &keys, &g->fault);
    if (!err)
        err = region_is_blank(&keys, &has_none);
    if (!err)
        err = region_is_blank(&g->nvs.region, &is_new);
    if (err || (has_none && !is_new))
        return err;
    if (has_none)
        err = make_keys(&keys, key);
    else if (!(err = ferry_region_read(&keys, 0, head, sizeof head)))
        err = ferry_nvs_keys_decode(head, sizeof head, key, &why);
    if (!err)
        err = ferry_xts_open(&g->xts, key);
    explicit_bzero(key, sizeof key);
    explicit_bzero(head, sizeof head);
    g->is_encrypted = !err;
    g->nvs.xts = err ? NULL : &g->xts;
    return err;
}

static ferry_err open_store(struct ferry_vagent *g)
{
    const struct ferry_table *t = &g->device->table;
    ferry_err err = ferry_store_nvs_find(t, &g->partition);
    if (!err)
        err = ferry_table_region(t, &g->partition, false, &g->nvs.region, &g->fault);
    if (err)
        return err;
    const uint32_t n_pages = g->nvs.region.size_bytes / g->device->flash->sector_bytes;
    g->nvs.work_bytes = FERRY_NVS_WORK_BYTES(n_pages ? n_pages : 1);
    g->nvs.work = calloc(1, g->nvs.work_bytes);
    if (!g->nvs.work)
        return FERRY_ERR_NO_MEMORY;
    err = open_cipher(g);
    if (!err) {
        err = ferry_store_nvs_open(&g->store, &g->nvs);
        g->fault = g->store.nvs.fault;
    }
    return err;
}

/* ---- the RTC ---- */

static void load_rtc(struct ferry_vagent *g)
{
    struct kept kept;
    uint8_t *bytes;
    size_t n;
    int os_errno;
    g->opened_ms = machine_ms();
    g->rtc_ms = 1000;
    if (!g->rtc_path[0] || ferry_read_file(g->rtc_path, sizeof kept, &bytes, &n, &os_errno))
        return;
    if (n == sizeof kept) {
        memcpy(&kept, bytes, sizeof kept);
        g->rtc_ms = kept.rtc_ms;
        g->notes = kept.notes;
    }
    free(bytes);
}

ferry_err ferry_vagent_save(struct ferry_vagent *g)
{
    const struct kept kept = {rtc_ms(g), g->notes};
    int os_errno;
    if (!g->rtc_path[0])
        return FERRY_OK;
    return ferry_write_file(g->rtc_path, (const uint8_t *)&kept, sizeof kept, &os_errno);
}

void ferry_vagent_power_cycle(struct ferry_vagent *g)
{
    memset(&g->notes, 0, sizeof g->notes);
    g->rtc_ms = 1000;
    g->opened_ms = machine_ms();
}

void ferry_vagent_pass(struct ferry_vagent *g, uint32_t seconds)
{
    g->rtc_ms += (uint64_t)seconds * 1000;
}

uint64_t ferry_vagent_rtc_s(const struct ferry_vagent *g)
{
    return rtc_ms(g) / 1000;
}

/* ---- open, begin, close ---- */

ferry_err ferry_vagent_open(struct ferry_vagent *g, struct ferry_device *d, const char *dir,
                            const struct ferry_retry *retry)
{
    memset(g, 0, sizeof *g);
    g->device = d;
    g->retry = *retry;
    if (dir) {
        snprintf(g->keeper_path, sizeof g->keeper_path, "%s/update.resume", dir);
        snprintf(g->rtc_path, sizeof g->rtc_path, "%s/rtc.notes", dir);
        ferry_keeper_file_init(&g->keeper, g->keeper_path);
    }
    load_rtc(g);
    ferry_http_curl_init(&g->http);
    g->http.keeps_connection = true;
    ferry_key_openssl_init(&g->identity);
    const ferry_err err = open_store(g);
    if (err)
        ferry_vagent_close(g);
    if (err && !g->fault.err)
        g->fault = (struct ferry_fault){.err = err};
    return err;
}

static uint32_t hook_now_ms(void *ctx)
{
    (void)ctx;
    return (uint32_t)machine_ms();
}

static uint64_t hook_rtc_s(void *ctx)
{
    return ferry_vagent_rtc_s(ctx);
}

static void hook_sleep_ms(void *ctx, uint32_t ms)
{
    const struct ferry_vagent *g = ctx;
    g->retry.sleep_ms(g->retry.ctx, ms);
}

static uint32_t hook_random(void *ctx)
{
    const struct ferry_vagent *g = ctx;
    return g->retry.random ? g->retry.random(g->retry.ctx) : UINT32_MAX;
}

/* The hooks' context is the virtual chip, the news' is the caller's. */
static void hook_news(void *ctx, enum ferry_agent_news news, const struct ferry_agent *a)
{
    const struct ferry_vagent *g = ctx;
    if (g->start.news)
        g->start.news(g->start.ctx, news, a);
}

ferry_err ferry_vagent_begin(struct ferry_vagent *g, const struct ferry_vagent_start *start)
{
    const ferry_err err = ferry_store_nvs_open(&g->store, &g->nvs);
    if (err) {
        g->fault = g->store.nvs.fault;
        return err;
    }
    g->start = *start;
    const struct ferry_agent_config config = {
        .device = g->device,
        .store = &g->store.store,
        .identity = &g->identity,
        .http = &g->http.http,
        .keeper = g->keeper_path[0] ? &g->keeper.keeper : NULL,
        .notes = &g->notes,
        .cancel = start->cancel,
        .start = {.reset = start->reset, .rtc_s = ferry_vagent_rtc_s(g)},
        .hooks = {.now_ms = hook_now_ms,
                  .rtc_s = hook_rtc_s,
                  .sleep_ms = hook_sleep_ms,
                  .random = hook_random,
                  .news = hook_news,
                  .ctx = g,
                  .events = start->events},
        .settings = start->settings,
    };
    ferry_agent_init(&g->agent, &config);
    return FERRY_OK;
}

void ferry_vagent_close(struct ferry_vagent *g)
{
    ferry_http_curl_end(&g->http);
    if (g->is_encrypted)
        ferry_xts_close(&g->xts);
    g->is_encrypted = false;
    free(g->nvs.work);
    g->nvs.work = NULL;
    explicit_bzero(&g->agent, sizeof g->agent); // keys and tokens
}
