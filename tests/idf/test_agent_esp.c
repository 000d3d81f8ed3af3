/* tests/idf/test_agent_esp.c - the updater as a chip runs it, from power-on to the application:
 * flash, NVS, key, transport and clock are those of ports/esp-idf over fakes, the bootloader is the
 * core's, the server that of tests/support. What the agent decides is tests/agent's; here is what
 * the port gives it. */
#include "agent_esp.h"

#include <setjmp.h>

#include <esp_system.h>
#include <nvs_flash.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "agent_device.h"
#include "fake_esp_board.h"
#include "fake_esp_chip.h"
#include "fake_esp_example.h"
#include "fake_esp_flash.h"
#include "fake_esp_fleet.h"
#include "fake_esp_nvs.h"
#include "t.h"

#define STARTS_MOST 8

enum end {
    END_APP = 1, // the application runs
    END_RESTING, // the updater has nothing to start, and waits
    END_GAVE_UP, // ferry_esp_agent_run returned
    END_NOTHING, // nothing boots
    END_DEAD,    // no power any more
    END_ENDLESS, // the updater restarts and restarts
};

static struct ferry_esp_agent updater;
static struct ferry_rtc_notes notes;
static struct ferry_esp_agent_config config;
static struct ferry_esp esp;
static struct fake_fleet *const fleet = &fake_esp_fleet.fleet;
static char join[512];

static void (*app_main)(void);

static jmp_buf off;     // where restarts lead, and waits that nobody waits for
static bool is_resting; // told by the updater
static bool is_dying;   // power fails as soon as the updater waits, once

/* What was told; of failures the first. */
static enum ferry_reset told_reset;
static bool was_told[FERRY_NEWS_NO_APP + 1];
static struct ferry_fault told_fault;
static char told_detail[FERRY_SOURCE_DETAIL_BYTES];

static void on_restart(void)
{
    longjmp(off, END_ENDLESS);
}

static void on_delay(void)
{
    const bool dies = is_dying;
    is_dying = false;
    if (dies || is_resting || app_main == app_main_updater)
        longjmp(off, dies ? END_DEAD : END_RESTING);
}

static void on_news(void *ctx, enum ferry_agent_news news, const struct ferry_agent *a)
{
    T_CHECK(ctx == config.ctx);
    const bool is_first = !was_told[news];
    was_told[news] = true;
    if (news == FERRY_NEWS_START)
        told_reset = a->config.start.reset;
    if (news == FERRY_NEWS_NO_APP)
        is_resting = true;
    if (news == FERRY_NEWS_FAILED && is_first) {
        told_fault = a->fault;
        memcpy(told_detail, a->detail, sizeof told_detail);
    }
}

/* ---- the chip ---- */

static void main_of_config(void)
{
    (void)nvs_flash_init();
    (void)ferry_esp_agent_run(&updater, &config);
}

static void fresh_chip(void)
{
    const struct fake_release *first = agent_device_app(1); // which makes the images
    const struct fake_release *own = agent_device_updater(1);
    fake_board_fresh(false, own->image, own->n);
    fake_esp_fleet_reset();
    fake_nvs_fresh();
    fleet->offer = *first;
    memset(&notes, 0xa5, sizeof notes);
    config = (struct ferry_esp_agent_config){.notes = &notes,
                                             .join = fake_fleet_join(join),
                                             .settings = {.project = "demo"},
                                             .news = on_news,
                                             .ctx = &notes};
    app_main = main_of_config;
    fake_chip.rtc_us = 1000000;
    fake_chip.on_delay = on_delay;
    fake_chip.on_restart = on_restart;
}

static bool slot_holds(int slot, const struct fake_release *r)
{
    return memcmp(fake_flash.bytes + FAKE_SLOT_OFF(slot), r->image, r->n) == 0;
}

/* The bootloader's turn: the slot it starts. */
static int boot(void)
{
    struct ferry_boot_report report;
    T_EQ_INT(ferry_esp_open(&esp, NULL), FERRY_OK);
    return ferry_boot_run(&esp.device, FERRY_HOLD_NONE, NULL, &report) ? FERRY_SLOT_NONE
                                                                       : report.booted;
}

static enum end run_updater(void)
{
    is_resting = false;
    memset(&updater, 0x5a, sizeof updater); // memory that nobody has cleared
    fake_nvs_reset();
    fake_example_reset();
    const int end = setjmp(off);
    if (!end)
        app_main();
    T_EQ_INT(fake_esp_fleet.n_open, 0);
    T_EQ_INT(fake_nvs.n_handles, 0);
    return end ? (enum end)end : END_GAVE_UP;
}

/* The chip is reset, for this reason, after the application ran for so long. */
static enum end live(uint32_t seconds, esp_reset_reason_t reset)
{
    fake_chip.rtc_us += seconds * 1000000ull;
    memset(was_told, 0, sizeof was_told);
    for (int i = 0; i < STARTS_MOST; i++) {
        const int slot = boot();
        if (slot == FERRY_SLOT_NONE)
            return END_NOTHING;
        if (slot == 1)
            return END_APP;
        fake_chip.running_address = FAKE_SLOT_OFF(slot);
        fake_chip.reset_reason = (int)reset;
        const enum end end = run_updater();
        if (end != END_ENDLESS)
            return end;
        reset = ESP_RST_SW;
    }
    return END_ENDLESS;
}

static void install(void)
{
    fresh_chip();
    T_EQ_INT(live(0, ESP_RST_POWERON), END_APP);
    T_CHECK(slot_holds(1, agent_device_app(1)));
}

/* ---- tests ---- */

/* OpenSSL's opinion of what the device asked its certificate with; its public key in *point. */
static void request_is_genuine(uint8_t point[FERRY_KEY_POINT_BYTES])
{
    size_t n = 0;
    BIO *text = BIO_new_mem_buf(fake_esp_fleet.enrolment, -1);
    X509_REQ *req = PEM_read_bio_X509_REQ(text, NULL, NULL, NULL);
    if (T_CHECK(req)) {
        EVP_PKEY *key = X509_REQ_get0_pubkey(req);
        T_EQ_INT(X509_REQ_verify(req, key), 1);
        T_EQ_INT(EVP_PKEY_get_octet_string_param(key, "pub", point, FERRY_KEY_POINT_BYTES, &n), 1);
        T_EQ_INT(n, FERRY_KEY_POINT_BYTES);
    }
    X509_REQ_free(req);
    BIO_free(text);
}

static const struct fake_value *kept(const char *key)
{
    return fake_nvs_find("ferry_nvs", "mtls_auth", key);
}

/* What the updater's own partition of NVS has after it. */
static void records_are_kept(const uint8_t point[FERRY_KEY_POINT_BYTES])
{
    const struct fake_value *key = kept("key");
    if (T_CHECK(key && key->type == 'b')) {
        T_EQ_INT(key->n_bytes, FERRY_KEY_DER_BYTES);
        T_EQ_MEM(key->bytes + FERRY_KEY_DER_BYTES - FERRY_KEY_POINT_BYTES, point,
                 FERRY_KEY_POINT_BYTES);
    }
    T_CHECK(kept("cert") && kept("ca") && kept("installed"));
    T_CHECK(!kept("token"));
    T_CHECK(!fake_nvs_find("nvs", "mtls_auth", NULL));
}

static void first_start_enrols_with_a_key_of_its_own_and_starts_the_application(void)
{
    uint8_t point[FERRY_KEY_POINT_BYTES] = {0};
    uint8_t other[FERRY_KEY_POINT_BYTES] = {0};
    install();
    T_EQ_INT(fleet->n_enrolled, 1);
    T_CHECK(was_told[FERRY_NEWS_PROVED] && was_told[FERRY_NEWS_HANDOVER]);
    T_CHECK(!was_told[FERRY_NEWS_FAILED]);
    T_CHECK(!fleet->saw_untrusted_secret);
    T_EQ_STR(fleet->states, "installed ");
    request_is_genuine(point);
    records_are_kept(point);
    install(); // another device
    request_is_genuine(other);
    T_CHECK(memcmp(point, other, sizeof point) != 0);
}

static void each_start_is_judged_by_the_rtcs_clock(void)
{
    install();
    T_EQ_INT(live(5, ESP_RST_SW), END_APP); // back too soon
    T_EQ_INT(notes.n_crashes, 1);
    T_EQ_INT(live(100, ESP_RST_PANIC), END_APP);
    T_EQ_INT(notes.n_crashes, 2);
    T_EQ_INT(live(100, ESP_RST_SW), END_APP);
    T_EQ_INT(notes.n_crashes, 0);
    T_CHECK(was_told[FERRY_NEWS_CONFIRMED]);
    T_EQ_STR(fleet->states, "installed confirmed ");
    T_EQ_INT(fleet->n_enrolled, 1);
    const uint32_t n = fleet->n_requests;
    T_EQ_INT(live(100, ESP_RST_SW), END_APP);
    T_EQ_INT(fleet->n_requests, n);
    T_EQ_INT(live(7 * 3600, ESP_RST_SW), END_APP); // that is time for a question
    T_EQ_INT(fleet->n_requests, n + 1);
}

static void reset_reasons_are_the_chips(void)
{
    static const struct {
        esp_reset_reason_t esp;
        enum ferry_reset ours;
    } all[] = {
        {ESP_RST_POWERON, FERRY_RESET_POWER_ON},   {ESP_RST_SW, FERRY_RESET_SOFTWARE},
        {ESP_RST_PANIC, FERRY_RESET_PANIC},        {ESP_RST_INT_WDT, FERRY_RESET_WATCHDOG},
        {ESP_RST_TASK_WDT, FERRY_RESET_WATCHDOG},  {ESP_RST_WDT, FERRY_RESET_WATCHDOG},
        {ESP_RST_BROWNOUT, FERRY_RESET_BROWN_OUT}, {ESP_RST_DEEPSLEEP, FERRY_RESET_DEEP_SLEEP},
        {ESP_RST_EXT, FERRY_RESET_OTHER},          {ESP_RST_UNKNOWN, FERRY_RESET_OTHER},
        {ESP_RST_SDIO, FERRY_RESET_OTHER}};
    install();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        (void)live(100, all[i].esp); // after three crashes it rests first
        T_EQ_INT(told_reset, all[i].ours);
    }
}

static void application_s_word_is_passed_on(void)
{
    install();
    config.is_said_well = true;
    T_EQ_INT(live(5, ESP_RST_SW), END_APP);
    T_EQ_INT(notes.n_crashes, 0);
    T_CHECK(was_told[FERRY_NEWS_CONFIRMED]);
}

/* ---- the network, and the project's say ---- */

struct project {
    ferry_err network;
    bool must_wait;
    char ssid[33];
    char offered[64];
};

static ferry_err connect(void *ctx, struct ferry_store *store)
{
    struct project *p = ctx;
    if (ferry_store_text(store, "wifi_ssid", p->ssid, sizeof p->ssid))
        p->ssid[0] = '\0';
    return p->network;
}

static bool may_update_now(void *ctx, const struct ferry_release *offer)
{
    struct project *p = ctx;
    memcpy(p->offered, offer->version, sizeof p->offered);
    return !p->must_wait;
}

static void without_network_it_rests_or_starts_what_is_there(void)
{
    struct project p = {.network = FERRY_ERR_NET_CONNECT};
    struct ferry_store_esp store;
    fresh_chip();
    T_EQ_INT(nvs_flash_init(), ESP_OK);
    config.ctx = &p;
    config.connect = connect;
    T_EQ_INT(ferry_store_esp_open(&store), FERRY_OK);
    T_EQ_INT(ferry_store_set_text(&store.store, "wifi_ssid", "workshop"), FERRY_OK);
    T_EQ_INT(live(0, ESP_RST_POWERON), END_RESTING);
    T_EQ_STR(p.ssid, "workshop");
    T_CHECK(was_told[FERRY_NEWS_OFFLINE]);
    T_EQ_INT(fake_chip.ticks, 10 * 100 + 1); // the first rest
    T_EQ_INT(fleet->n_requests, 0);
    p.network = FERRY_OK;
    T_EQ_INT(live(0, ESP_RST_POWERON), END_APP);
    p.network = FERRY_ERR_NET_CONNECT;
    T_EQ_INT(live(7 * 3600, ESP_RST_SW), END_APP);
    T_CHECK(was_told[FERRY_NEWS_OFFLINE]);
}

static void project_may_put_an_update_off(void)
{
    struct project p = {.must_wait = true};
    install();
    config.ctx = &p;
    config.may_update_now = may_update_now;
    fleet->offer = *agent_device_app(2);
    T_EQ_INT(live(7 * 3600, ESP_RST_SW), END_APP);
    T_EQ_STR(p.offered, "2.0.0");
    T_CHECK(was_told[FERRY_NEWS_LATER]);
    T_CHECK(slot_holds(1, agent_device_app(1)));
    p.must_wait = false;
    T_EQ_INT(live(7 * 3600, ESP_RST_SW), END_APP);
    T_CHECK(slot_holds(1, agent_device_app(2)));
}

static void download_goes_on_after_a_loss_of_power(void)
{
    fresh_chip();
    fleet->cut_after = 140000;
    fleet->n_cuts = 1;
    is_dying = true;
    T_EQ_INT(live(0, ESP_RST_POWERON), END_DEAD);
    memset(&notes, 0xa5, sizeof notes);
    T_EQ_INT(live(0, ESP_RST_POWERON), END_APP);
    T_EQ_INT(fleet->n_downloads, 2);
    T_EQ_INT(fleet->last_offset, 131072); // the last checkpoint
    T_CHECK(slot_holds(1, agent_device_app(1)));
}

static void download_has_its_time(void)
{
    fresh_chip();
    config.settings.update_ms = 5000;
    fleet->cut_after = 1;
    fleet->n_cuts = 100;
    T_EQ_INT(live(0, ESP_RST_POWERON), END_RESTING);
    T_EQ_INT(told_fault.err, FERRY_ERR_NET_TIMEOUT);
    T_CHECK(fake_chip.ticks < (5 + 4 + 10) * 100); // what it has, one pause more, the rest
}

/* ---- what is out of order ---- */

static void join_string_that_cannot_be_read_is_told(void)
{
    fresh_chip();
    config.join = "ferry1:http://no";
    T_EQ_INT(live(0, ESP_RST_POWERON), END_RESTING);
    T_EQ_INT(told_fault.err, FERRY_ERR_JOIN);
    T_EQ_STR(told_detail, "its first part is an https address of at most 256 characters");
    T_EQ_INT(fleet->n_requests, 0);
}

static void build_s_join_string_is_for_a_device_without_one(void)
{
    install();
    config.join = "ferry1:https://elsewhere.test#"
                  "0000000000000000000000000000000000000000000000000000000000000000#" FAKE_TOKEN;
    T_EQ_INT(live(7 * 3600, ESP_RST_SW), END_APP);
    T_CHECK(!was_told[FERRY_NEWS_FAILED]);
    T_EQ_INT(fleet->n_enrolled, 1);
    config.join = NULL;
    T_EQ_INT(live(7 * 3600, ESP_RST_SW), END_APP);
    T_CHECK(!was_told[FERRY_NEWS_FAILED]);
}

static void application_starts_though_nvs_is_out_of_order(void)
{
    install();
    fake_nvs.is_broken = true;
    T_EQ_INT(live(100, ESP_RST_SW), END_APP);
    T_EQ_STR(told_detail, "NVS cannot be used");
    fake_nvs.is_broken = false;
    T_EQ_INT(live(100, ESP_RST_SW), END_APP); // and it is itself again
    T_CHECK(!was_told[FERRY_NEWS_FAILED]);
    T_EQ_INT(fleet->n_enrolled, 1);
}

static void device_without_a_table_ends_in_its_error(void)
{
    fresh_chip();
    memset(fake_flash.bytes + 0x8000, 0xff, 0x1000);
    T_EQ_INT(ferry_esp_agent_run(&updater, &config), FERRY_ERR_TABLE_MAGIC);
}

/* ---- examples/esp-idf/updater, as it stands ---- */

static void provision(const char *key, const char *value)
{
    nvs_handle_t nvs;
    T_EQ_INT(nvs_open_from_partition("ferry_nvs", "mtls_auth", NVS_READWRITE, &nvs), ESP_OK);
    T_EQ_INT(nvs_set_str(nvs, key, value), ESP_OK);
    nvs_close(nvs);
}

static void provisioned_chip(void)
{
    struct ferry_join parts;
    const char *why;
    fresh_chip();
    app_main = app_main_updater;
    T_EQ_INT(ferry_join_parse(join, &parts, &why), FERRY_OK);
    T_EQ_INT(nvs_flash_init_partition("ferry_nvs"), ESP_OK);
    provision("url", parts.url);
    provision("pin", parts.pin);
    provision("token", parts.token);
    provision("wifi_ssid", "workshop");
    provision("wifi_pass", "secret");
}

static void example_is_provisioned_through_nvs(void)
{
    provisioned_chip();
    T_EQ_INT(live(0, ESP_RST_POWERON), END_APP);
    T_EQ_STR(fake_example.ssid, "workshop");
    T_EQ_STR(fake_example.password, "secret");
    T_CHECK(fake_example_said("enrolled as dev-1"));
    T_CHECK(fake_example_said("1.0.0 is in its slot"));
    T_CHECK(slot_holds(1, agent_device_app(1)));
    fake_nvs.is_broken = true;
    T_EQ_INT(live(100, ESP_RST_PANIC), END_APP);
    T_CHECK(fake_example_said("started by panic"));
    T_CHECK(fake_example_said("NVS cannot be used"));
}

static void example_without_a_join_string_says_so(void)
{
    fresh_chip();
    app_main = app_main_updater;
    T_EQ_INT(live(0, ESP_RST_POWERON), END_RESTING);
    T_CHECK(fake_example_said(ferry_strerror(FERRY_ERR_NOT_ENROLLED)));
}

int main(void)
{
    T_RUN(first_start_enrols_with_a_key_of_its_own_and_starts_the_application);
    T_RUN(each_start_is_judged_by_the_rtcs_clock);
    T_RUN(reset_reasons_are_the_chips);
    T_RUN(application_s_word_is_passed_on);
    T_RUN(without_network_it_rests_or_starts_what_is_there);
    T_RUN(project_may_put_an_update_off);
    T_RUN(download_goes_on_after_a_loss_of_power);
    T_RUN(download_has_its_time);
    T_RUN(join_string_that_cannot_be_read_is_told);
    T_RUN(build_s_join_string_is_for_a_device_without_one);
    T_RUN(application_starts_though_nvs_is_out_of_order);
    T_RUN(device_without_a_table_ends_in_its_error);
    T_RUN(example_is_provisioned_through_nvs);
    T_RUN(example_without_a_join_string_says_so);
    return t_end();
}
