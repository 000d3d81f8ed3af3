/* ports/esp-idf/agent_esp.c - the updater of an unaware application, on the chip. */
#include "agent_esp.h"

#include <esp_idf_version.h>
#include <esp_random.h>
#include <esp_system.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>

#include "agent/text.h"
#include "key_psa.h"

#if ESP_IDF_VERSION >= ESP_IDF_VERSION_VAL(5, 5, 0)
#include <esp_rtc_time.h>
#else
uint64_t esp_rtc_get_time_us(void); // declared in a header for each chip before
#endif

static struct ferry_esp_agent *as_agent(void *ctx)
{
    return ctx;
}

/* ---- the clock, chance and the network ---- */

static uint32_t now_ms(void *ctx)
{
    (void)ctx;
    return (uint32_t)(esp_rtc_get_time_us() / 1000);
}

static uint64_t rtc_s(void *ctx)
{
    (void)ctx;
    return esp_rtc_get_time_us() / 1000000;
}

static void sleep_ms(void *ctx, uint32_t ms)
{
    (void)ctx;
    vTaskDelay(pdMS_TO_TICKS(ms) + 1);
}

static uint32_t any_number(void *ctx)
{
    (void)ctx;
    return esp_random();
}

static ferry_err join_network(void *ctx)
{
    struct ferry_esp_agent *a = as_agent(ctx);
    return a->config.connect ? a->config.connect(a->config.ctx, &a->store.store) : FERRY_OK;
}

static bool may_update_now(void *ctx, const struct ferry_release *offer)
{
    const struct ferry_esp_agent_config *c = &as_agent(ctx)->config;
    return !c->may_update_now || c->may_update_now(c->ctx, offer);
}

static void on_news(void *ctx, enum ferry_agent_news news, const struct ferry_agent *agent)
{
    const struct ferry_esp_agent_config *c = &as_agent(ctx)->config;
    if (c->news)
        c->news(c->ctx, news, agent);
}

static enum ferry_reset reset_of_chip(void)
{
    switch (esp_reset_reason()) {
    case ESP_RST_POWERON:
        return FERRY_RESET_POWER_ON;
    case ESP_RST_SW:
        return FERRY_RESET_SOFTWARE;
    case ESP_RST_PANIC:
        return FERRY_RESET_PANIC;
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT:
        return FERRY_RESET_WATCHDOG;
    case ESP_RST_BROWNOUT:
        return FERRY_RESET_BROWN_OUT;
    case ESP_RST_DEEPSLEEP:
        return FERRY_RESET_DEEP_SLEEP;
    default:
        return FERRY_RESET_OTHER;
    }
}

/* ---- the key ---- */

static ferry_err make_key(struct ferry_identity *id, uint8_t der[FERRY_KEY_DER_BYTES])
{
    struct ferry_key_psa key;
    (void)id;
    ferry_err err = ferry_key_psa_make(&key);
    if (err)
        return err;
    err = ferry_key_psa_export(&key, der);
    ferry_key_psa_close(&key);
    return err;
}

/* The key is in NVS by then, and is taken from there: PSA checks that it is whole. */
static ferry_err sign(struct ferry_identity *id, const uint8_t der[FERRY_KEY_DER_BYTES],
                      const uint8_t digest[32], uint8_t rs[FERRY_KEY_RS_BYTES])
{
    const struct ferry_esp_agent *a =
        (const struct ferry_esp_agent *)((const char *)id -
                                         offsetof(struct ferry_esp_agent, identity));
    const struct ferry_key_place place = {a->store.partition, FERRY_STORE_NAMESPACE, "key"};
    struct ferry_key_psa key;
    (void)der;
    ferry_err err = ferry_key_psa_load(&key, &place);
    if (err)
        return err;
    err = key.signer.sign(key.signer.ctx, digest, rs);
    ferry_key_psa_close(&key);
    return err;
}

/* ---- running ---- */

/* The join string that the project was built with, for a device that has none of its own. */
static ferry_err join_by_default(struct ferry_esp_agent *a, const char **why)
{
    struct ferry_credentials *k = &a->agent.credentials;
    struct ferry_join join;
    ferry_err err = ferry_credentials_load(k, &a->store.store);
    if (err || k->cert[0] || k->join.token[0] || !a->config.join || !a->config.join[0])
        return err;
    err = ferry_join_parse(a->config.join, &join, why);
    return err ? err : ferry_credentials_join(k, &a->store.store, &join);
}

static void begin(struct ferry_esp_agent *a)
{
    const struct ferry_agent_config config = {
        .device = &a->esp.device,
        .store = &a->store.store,
        .identity = &a->identity,
        .http = &a->http.http,
        .keeper = &a->keeper.keeper,
        .notes = a->config.notes,
        .start = {reset_of_chip(), rtc_s(NULL), a->config.is_said_well},
        .hooks = {.now_ms = now_ms,
                  .rtc_s = rtc_s,
                  .sleep_ms = sleep_ms,
                  .random = any_number,
                  .connect = join_network,
                  .may_update_now = may_update_now,
                  .news = on_news,
                  .ctx = a},
        .settings = a->config.settings,
    };
    ferry_agent_init(&a->agent, &config);
}

/* What fails here is told and no more: without its records or its server the updater still starts
 * the application. */
static ferry_err ready_store(struct ferry_esp_agent *a, const char **why)
{
    *why = "NVS cannot be used";
    const ferry_err err = ferry_store_esp_open(&a->store);
    if (err)
        return err;
    *why = "the credentials";
    return join_by_default(a, why);
}

static void tell_failure(struct ferry_esp_agent *a, ferry_err err, const char *why)
{
    a->agent.fault = (struct ferry_fault){.err = err};
    ferry_text_add(a->agent.detail, sizeof a->agent.detail, why);
    on_news(a, FERRY_NEWS_FAILED, &a->agent);
}

ferry_err ferry_esp_agent_run(struct ferry_esp_agent *a,
                              const struct ferry_esp_agent_config *config)
{
    static const struct ferry_identity_ops identity = {make_key, sign};
    const char *why;
    a->config = *config;
    a->identity.ops = &identity;
    const ferry_err err = ferry_esp_open(&a->esp, config->trust);
    if (err)
        return err;
    const ferry_err unready = ready_store(a, &why);
    ferry_http_esp_init(&a->http);
    ferry_keeper_nvs_init(&a->keeper);
    begin(a);
    if (unready)
        tell_failure(a, unready, why);
    for (;;) {
        const enum ferry_agent_turn turn = ferry_agent_step(&a->agent);
        if (turn == FERRY_AGENT_RESTART)
            esp_restart();
        if (turn == FERRY_AGENT_REST)
            sleep_ms(NULL, a->agent.rest_s * 1000);
    }
}
