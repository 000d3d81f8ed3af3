/* tests/idf/test_update_esp.c - ferry_esp_update as an app calls it, over a chip and a server that
 * are fakes: what it takes from ESP-IDF, that it resumes, waits, stops, and leaves alone what runs.
 */
#include "update_esp.h"

#include <stdio.h>
#include <string.h>

#include <nvs_flash.h>

#include "app_image.h"
#include "fake_esp_board.h"
#include "fake_esp_chip.h"
#include "fake_esp_flash.h"
#include "fake_esp_http.h"
#include "fake_esp_nvs.h"
#include "keeper_nvs.h"
#include "t.h"

#define PAYLOAD 200000u
#define URL     "https://updates.example.com/app.bin"

static struct ferry_esp_update update;
static struct ferry_esp esp;
static uint8_t v1[APP_IMAGE_BYTES(1000)];
static uint8_t v2[APP_IMAGE_BYTES(PAYLOAD)];
static uint32_t n_v1, n_v2;

static void make_images(void)
{
    n_v1 = app_image_make(
        v1, &(struct app_image_spec){
                .project = "demo", .version = "1.0.0", .payload_bytes = 1000, .chip_id = 5});
    n_v2 = app_image_make(v2, &(struct app_image_spec){.project = "demo",
                                                       .version = "2.0.0",
                                                       .payload_bytes = PAYLOAD,
                                                       .seed = 7,
                                                       .chip_id = 5});
}

static void fresh_chip(bool is_encrypted)
{
    fake_board_fresh(is_encrypted, v1, n_v1);
    fake_nvs_fresh();
    T_EQ_INT(nvs_flash_init(), ESP_OK);
}

/* What NVS has to go on with. */
static bool checkpoint(void)
{
    return fake_nvs_find("nvs", FERRY_KEEPER_NVS_NAMESPACE, FERRY_KEEPER_NVS_KEY) != NULL;
}

static int boots_next(void)
{
    return fake_board_boots(&esp, NULL);
}

static bool slot_holds_v2(void)
{
    static uint8_t got[sizeof v2];
    const struct ferry_flash *f = &esp.flash.flash;
    T_EQ_INT(ferry_esp_open(&esp, NULL), FERRY_OK);
    return !f->ops->read(f, FAKE_SLOT_OFF(1), got, n_v2) && !memcmp(got, v2, n_v2);
}

#define GOOD_SERVER                                                                                \
    {                                                                                              \
        .serves_ranges = true, .fields = {"ETag: \"2\""}, .body = v2, .body_bytes = n_v2           \
    }

static void one_call_updates(void)
{
    static struct ferry_keeper_nvs keeper;
    for (int is_encrypted = 0; is_encrypted < 2; is_encrypted++) {
        fresh_chip(is_encrypted);
        const struct fake_answer a[] = {GOOD_SERVER};
        fake_http_reset(a);
        T_EQ_INT(boots_next(), 0);
        ferry_keeper_nvs_init(&keeper);
        T_EQ_INT(
            ferry_esp_update(
                &update, &(struct ferry_esp_update_config){.url = URL, .keeper = &keeper.keeper}),
            FERRY_OK);
        T_EQ_INT(boots_next(), 1);
        T_CHECK(slot_holds_v2());
        T_EQ_INT(fake_http.n_asked, 1);
        T_EQ_INT(fake_http.n_open, 0);
        T_CHECK(fake_flash.n_blocks >= 2);
        T_CHECK(!checkpoint()); // the checkpoint went with the update
        T_CHECK(fake_nvs.n_blobs_set >= 2);
    }
}

static void policy_comes_from_the_chip(void)
{
    fresh_chip(false);
    T_EQ_INT(ferry_esp_open(&esp, NULL), FERRY_OK);
    T_EQ_INT(esp.policy.chip_rev, 3);
    T_EQ_INT(esp.policy.blk_rev, 1);
    T_CHECK(esp.policy.rollback && !esp.policy.anti_rollback);
    T_EQ_STR(esp.policy.chip->name, "esp32c3");
    T_EQ_INT(esp.device.running, 0);
    fake_chip.running_address = FAKE_SLOT_OFF(1) + 0x20;
    T_EQ_INT(ferry_esp_open(&esp, NULL), FERRY_OK);
    T_EQ_INT(esp.device.running, 1);
    fake_chip.has_no_running = true;
    T_EQ_INT(ferry_esp_open(&esp, NULL), FERRY_OK);
    T_EQ_INT(esp.device.running, FERRY_SLOT_NONE);
}

static void lost_connection_is_taken_up_in_the_same_call(void)
{
    fresh_chip(false);
    struct fake_answer a[] = {GOOD_SERVER, GOOD_SERVER};
    a[0].sends_bytes = 150000;
    fake_http_reset(a);
    T_EQ_INT(ferry_esp_update(&update, &(struct ferry_esp_update_config){.url = URL}), FERRY_OK);
    T_EQ_INT(fake_http.n_asked, 2);
    T_EQ_STR(fake_http.asked[1].headers[0], "Range: bytes=150000-");
    T_EQ_STR(fake_http.asked[1].headers[1], "If-Range: \"2\"");
    T_CHECK(fake_chip.ticks > 0);
    T_CHECK(slot_holds_v2());
}

static bool is_set(void *ctx)
{
    return *(bool *)ctx;
}

struct stop {
    bool stop;
    uint32_t at_bytes;
};

static void stop_at(void *ctx, uint32_t done_bytes, uint32_t total_bytes)
{
    struct stop *s = ctx;
    T_EQ_INT(total_bytes, n_v2);
    s->stop = done_bytes >= s->at_bytes;
}

static void cancelled_update_goes_on_after_a_reset(void)
{
    static struct ferry_keeper_nvs keeper;
    fresh_chip(false);
    const struct fake_answer a[] = {GOOD_SERVER, GOOD_SERVER};
    struct stop s = {.at_bytes = 140000};
    const struct ferry_cancel cancel = {is_set, &s.stop};
    struct ferry_esp_update_config config = {.url = URL,
                                             .cancel = &cancel,
                                             .keeper = &keeper.keeper,
                                             .events = {.progress = stop_at, .ctx = &s}};
    ferry_keeper_nvs_init(&keeper);
    fake_http_reset(a);
    T_EQ_INT(ferry_esp_update(&update, &config), FERRY_ERR_CANCELLED);
    T_CHECK(update.job.can_go_on);
    T_EQ_INT(boots_next(), 0);
    T_CHECK(checkpoint());
    memset(&update, 0, sizeof update); // a reset forgets all but flash and NVS
    s = (struct stop){.at_bytes = UINT32_MAX};
    T_EQ_INT(ferry_esp_update(&update, &config), FERRY_OK);
    T_EQ_STR(fake_http.asked[1].headers[0], "Range: bytes=131072-");
    T_EQ_INT(boots_next(), 1);
    T_CHECK(slot_holds_v2());
}

static void gentle_update_erases_sectors_and_yields(void)
{
    fresh_chip(false);
    const struct fake_answer a[] = {GOOD_SERVER};
    fake_http_reset(a);
    const struct ferry_esp_update_config config = {.url = URL, .flags = FERRY_UPDATE_GENTLE};
    T_EQ_INT(ferry_esp_update(&update, &config), FERRY_OK);
    T_EQ_INT(fake_flash.n_blocks, 0);
    T_CHECK(fake_chip.n_delays >= n_v2 / 4096);
    T_CHECK(slot_holds_v2());
}

static void plain_http_is_refused_unless_allowed(void)
{
    fresh_chip(false);
    const struct fake_answer a[] = {GOOD_SERVER};
    fake_http_reset(a);
    struct ferry_esp_update_config config = {.url = "http://updates.example.com/app.bin"};
    T_EQ_INT(ferry_esp_update(&update, &config), FERRY_ERR_NET_INSECURE);
    T_EQ_INT(fake_http.n_asked, 0);
    config.http.allow_plain_http = true;
    T_EQ_INT(ferry_esp_update(&update, &config), FERRY_OK);
}

static void wrong_image_changes_nothing(void)
{
    static uint8_t before[FAKE_FLASH_BYTES];
    fresh_chip(false);
    const struct fake_answer a[] = {
        {.status = 200, .fields = {"Content-Length: 1320"}, .body = v1, .body_bytes = n_v1}};
    fake_http_reset(a);
    memcpy(before, fake_flash.bytes, sizeof before);
    const struct ferry_esp_update_config config = {.url = URL, .min_version = "1.5"};
    T_EQ_INT(ferry_esp_update(&update, &config), FERRY_ERR_NET_LENGTH);
    const struct fake_answer b[] = {{.serves_ranges = true, .body = v1, .body_bytes = n_v1}};
    fake_http_reset(b);
    T_EQ_INT(ferry_esp_update(&update, &config), FERRY_ERR_UPDATE_MIN_VERSION);
    T_CHECK(!memcmp(before, fake_flash.bytes, sizeof before));
}

static void server_that_stays_away_ends_in_its_error(void)
{
    fresh_chip(false);
    struct fake_answer a[FAKE_MOST];
    for (unsigned i = 0; i < FAKE_MOST; i++)
        a[i] = (struct fake_answer){.open_err = ESP_ERR_HTTP_CONNECT};
    fake_http_reset(a);
    T_EQ_INT(ferry_esp_update(&update, &(struct ferry_esp_update_config){.url = URL}),
             FERRY_ERR_NET_CONNECT);
    T_EQ_INT(fake_http.n_asked, 6); // once, and five retries
    T_EQ_STR(update.job.detail, "ESP_ERR_SOMETHING");
    T_EQ_INT(fake_http.n_open, 0);
}

static void manifest_names_the_image(void)
{
    fresh_chip(false);
    static struct ferry_manifest manifest;
    char json[256];
    uint8_t digest[FERRY_SHA256_BYTES];
    fake_board_manifest(v2, n_v2, json, digest);
    const struct fake_answer a[] = {{.serves_ranges = true,
                                     .body = (const uint8_t *)json,
                                     .body_bytes = (uint32_t)strlen(json)},
                                    GOOD_SERVER};
    struct ferry_esp_update_config config = {.url = "https://updates.example.com/app.json",
                                             .http = {.cert_file = "CERT"}};
    fake_http_reset(a);
    T_EQ_INT(ferry_esp_update_manifest(&update, &manifest, &config), FERRY_OK);
    T_EQ_STR(fake_http.asked[1].url, URL);
    T_EQ_STR(fake_http.asked[1].config.client_cert_pem, "CERT");
    T_CHECK(slot_holds_v2());
    digest[0] ^= 1; // the caller was promised something else
    config.sha256 = digest;
    fake_http_reset(a);
    T_EQ_INT(ferry_esp_update_manifest(&update, &manifest, &config), FERRY_ERR_UPDATE_SHA);
    config.sha256 = NULL;
    config.length_bytes = n_v2 + 1;
    fake_http_reset(a);
    T_EQ_INT(ferry_esp_update_manifest(&update, &manifest, &config), FERRY_ERR_UPDATE_LENGTH);
    T_EQ_INT(update.job.fault.limit, n_v2 + 1);
}

static void reset_reasons_have_words(void)
{
    fake_chip.reset_reason = 1;
    T_EQ_STR(ferry_esp_reset_reason(), "power-on");
    fake_chip.reset_reason = 0;
    T_EQ_STR(ferry_esp_reset_reason(), "unknown");
    fake_chip.reset_reason = 99;
    T_EQ_STR(ferry_esp_reset_reason(), "unknown");
}

int main(void)
{
    make_images();
    T_RUN(one_call_updates);
    T_RUN(policy_comes_from_the_chip);
    T_RUN(lost_connection_is_taken_up_in_the_same_call);
    T_RUN(cancelled_update_goes_on_after_a_reset);
    T_RUN(gentle_update_erases_sectors_and_yields);
    T_RUN(plain_http_is_refused_unless_allowed);
    T_RUN(wrong_image_changes_nothing);
    T_RUN(server_that_stays_away_ends_in_its_error);
    T_RUN(manifest_names_the_image);
    T_RUN(reset_reasons_have_words);
    return t_end();
}
