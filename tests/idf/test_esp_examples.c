/* tests/idf/test_esp_examples.c - the examples of examples/esp-idf from app_main on, as they stand,
 * over a chip, a server and a network that are fakes. The updater is test_agent_esp's. */
#include <setjmp.h>
#include <string.h>

#include <nvs_flash.h>

#include "app_image.h"
#include "fake_esp_board.h"
#include "fake_esp_chip.h"
#include "fake_esp_example.h"
#include "fake_esp_flash.h"
#include "fake_esp_http.h"
#include "fake_esp_nvs.h"
#include "ferry/boot.h"
#include "ferry/slots.h"
#include "t.h"

#define PAYLOAD 200000u

enum end {
    END_RETURNED = 1, // app_main has nothing more to do
    END_RESTART,
    END_DEAD, // power failed, or it waits for ever
};

static struct ferry_esp esp;
static uint8_t v1[APP_IMAGE_BYTES(1000)];
static uint8_t v2[APP_IMAGE_BYTES(PAYLOAD)];
static uint32_t n_v1, n_v2;
static jmp_buf off;

static void make_images(void)
{
    struct app_image_spec spec = {
        .project = "demo", .version = "1.0.0", .payload_bytes = 1000, .chip_id = 5};
    n_v1 = app_image_make(v1, &spec);
    spec.version = "2.0.0";
    spec.payload_bytes = PAYLOAD;
    n_v2 = app_image_make(v2, &spec);
}

static void on_restart(void)
{
    longjmp(off, END_RESTART);
}

/* A gentle update waits for a tick now and then; who waits longer has failed. */
static void on_delay(void)
{
    static uint32_t seen;
    const uint32_t ticks = fake_chip.ticks - seen;
    seen = fake_chip.ticks;
    if (ticks > 1)
        longjmp(off, END_DEAD);
}

/* The bootloader's turn, and then the app's in the slot that was chosen. */
static enum end start(void (*app_main)(void))
{
    struct ferry_boot_report report = {0};
    T_EQ_INT(ferry_esp_open(&esp, NULL), FERRY_OK);
    T_EQ_INT(ferry_boot_run(&esp.device, FERRY_HOLD_NONE, NULL, &report), FERRY_OK);
    fake_chip.running_address = FAKE_SLOT_OFF(report.booted);
    fake_nvs_reset();
    fake_example_reset();
    const int end = setjmp(off);
    if (!end)
        app_main();
    T_EQ_INT(fake_http.n_open, 0);
    return end ? (enum end)end : END_RETURNED;
}

static void fresh_chip(bool is_encrypted)
{
    fake_board_fresh(is_encrypted, v1, n_v1);
    fake_nvs_fresh();
    fake_chip.on_restart = on_restart;
    fake_chip.on_delay = on_delay;
}

static int boots_next(void)
{
    return fake_board_boots(&esp, NULL);
}

#define IMAGE                                                                                      \
    {                                                                                              \
        .serves_ranges = true, .fields = {"ETag: \"2\""}, .body = v2, .body_bytes = n_v2           \
    }

/* ---- https_update ---- */

static void https_update_installs_and_restarts(void)
{
    const struct fake_answer good[] = {IMAGE};
    fresh_chip(false);
    fake_http_reset(good);
    T_EQ_INT(start(app_main_https_update), END_RESTART);
    T_EQ_STR(fake_example.ssid, "name");
    T_EQ_STR(fake_example.password, "password");
    T_EQ_STR(fake_http.asked[0].url, "https://updates.example.com/app.bin");
    T_EQ_MEM(fake_flash.bytes + FAKE_SLOT_OFF(1), v2, n_v2);
    T_EQ_INT(boots_next(), 1);
}

static void https_update_says_why_not(void)
{
    const struct fake_answer none[] = {{.status = 404}};
    fresh_chip(false);
    fake_http_reset(none);
    T_EQ_INT(start(app_main_https_update), END_RETURNED);
    T_CHECK(fake_example_said("no update: error -905, value 404, limit 0"));
    T_EQ_INT(boots_next(), 0);
}

/* ---- update_with_resume ---- */

static void update_with_resume_goes_on_after_a_loss_of_power(void)
{
    char json[256];
    uint8_t sha256[FERRY_SHA256_BYTES];
    fake_board_manifest(v2, n_v2, json, sha256);
    struct fake_answer a[] = {{.serves_ranges = true,
                               .body = (const uint8_t *)json,
                               .body_bytes = (uint32_t)strlen(json)},
                              IMAGE};
    fresh_chip(false);
    a[1].sends_bytes = 150000;
    fake_http_reset(a);
    T_EQ_INT(start(app_main_update_with_resume), END_DEAD);
    T_CHECK(fake_example_said("asking again in"));
    T_EQ_INT(boots_next(), 0);
    a[1].sends_bytes = 0;
    fake_http_reset(a);
    T_EQ_INT(start(app_main_update_with_resume), END_RESTART);
    T_CHECK(fake_example_said("going on at byte 131072"));
    T_CHECK(fake_example_said("reading back"));
    T_EQ_STR(fake_http.asked[1].headers[0], "Range: bytes=131072-");
    T_EQ_MEM(fake_flash.bytes + FAKE_SLOT_OFF(1), v2, n_v2);
    T_EQ_INT(boots_next(), 1);
    T_EQ_INT(fake_flash.n_blocks, 0); // gently
}

/* ---- rollback_selftest ---- */

/* A device whose release in ota_1 boots for the first time. */
static void put_on_trial(void)
{
    const struct fake_answer good[] = {IMAGE};
    fresh_chip(false);
    fake_http_reset(good);
    T_EQ_INT(start(app_main_https_update), END_RESTART);
}

static uint32_t state_of_running(void)
{
    struct ferry_slots slots;
    uint32_t state = 0;
    T_EQ_INT(ferry_esp_open(&esp, NULL), FERRY_OK);
    T_EQ_INT(ferry_slots_load(&esp.device, &slots), FERRY_OK);
    T_EQ_INT(ferry_slots_state(&slots, esp.device.running, &state), FERRY_OK);
    return state;
}

static void rollback_selftest_confirms_where_the_server_answers(void)
{
    const struct fake_answer page[] = {{.status = 200,
                                        .fields = {"Content-Type: text/html", "Content-Length: 9"},
                                        .body = (const uint8_t *)"<p>hi</p>",
                                        .body_bytes = 9}};
    put_on_trial();
    fake_http_reset(page);
    T_EQ_INT(start(app_main_rollback_selftest), END_RETURNED);
    T_CHECK(fake_example_said("well: this release stays"));
    T_EQ_INT(state_of_running(), FERRY_STATE_VALID);
    fake_http_reset(page);
    T_EQ_INT(start(app_main_rollback_selftest), END_RETURNED); // the next start
    T_CHECK(fake_example_said("confirmed before"));
    T_EQ_INT(fake_http.n_asked, 0);
    T_EQ_INT(esp.device.running, 1);
}

static void rollback_selftest_goes_back_where_none_does(void)
{
    const struct fake_answer none[] = {{.open_err = ESP_ERR_HTTP_CONNECT}};
    put_on_trial();
    fake_http_reset(none);
    T_EQ_INT(start(app_main_rollback_selftest), END_RESTART);
    T_CHECK(fake_example_said("back to slot 0"));
    T_EQ_INT(start(app_main_rollback_selftest), END_RETURNED);
    T_CHECK(fake_example_said("nothing to confirm"));
    T_EQ_INT(fake_chip.running_address, FAKE_SLOT_OFF(0));
}

/* ---- reflash_migrate ---- */

static bool has_storage(void)
{
    struct ferry_partition p;
    T_EQ_INT(ferry_esp_open(&esp, NULL), FERRY_OK);
    for (uint32_t i = 0; i < esp.device.table.n_partitions; i++)
        if (!ferry_table_get(&esp.device.table, i, &p) && !strcmp(p.label, "storage"))
            return p.off_bytes == FAKE_SLOT_OFF(2) + 0x8000 && p.size_bytes == 0x80000;
    return false;
}

static void reflash_migrate_adds_its_partition_once(void)
{
    for (int is_encrypted = 0; is_encrypted < 2; is_encrypted++) {
        fresh_chip(is_encrypted);
        T_CHECK(!has_storage());
        T_EQ_INT(start(app_main_reflash_migrate), END_RESTART);
        T_CHECK(fake_example_said("ms a power cut would need a cable"));
        T_CHECK(has_storage());
        T_EQ_INT(boots_next(), 0);
        T_EQ_INT(start(app_main_reflash_migrate), END_RETURNED);
        T_CHECK(fake_example_said("the partition is there"));
    }
}

int main(void)
{
    make_images();
    T_RUN(https_update_installs_and_restarts);
    T_RUN(https_update_says_why_not);
    T_RUN(update_with_resume_goes_on_after_a_loss_of_power);
    T_RUN(rollback_selftest_confirms_where_the_server_answers);
    T_RUN(rollback_selftest_goes_back_where_none_does);
    T_RUN(reflash_migrate_adds_its_partition_once);
    return t_end();
}
