/* tests/compat/test_app_desc.c - what an app learns of itself through Espressif's names: read from
 * the slot that runs, cut as ESP-IDF cuts it. */
#include <string.h>

#include "app_image.h"
#include "esp_app_desc.h"
#include "esp_ota_ops.h"
#include "ferry/partition.h"
#include "ferry_compat.h"
#include "sim_flash.h"
#include "t.h"

#define SLOT_OFF(n) (0x10000u + 0x10000u * (uint32_t)(n))

static struct sim_flash sim;
static struct ferry_policy policy;

/* A chip with 1.0.0 in ota_0 and 2.0.0 in ota_1; the second begins its ELF's hash with 12 34 56. */
static void fresh_chip(int running)
{
    static const char *const versions[] = {"1.0.0", "2.0.0"};
    const struct ferry_partition rows[] = {
        {.off_bytes = 0xd000, .size_bytes = 0x2000, .type = 1, .label = "otadata"},
        {.off_bytes = SLOT_OFF(0), .size_bytes = 0x10000, .subtype = 0x10, .label = "ota_0"},
        {.off_bytes = SLOT_OFF(1), .size_bytes = 0x10000, .subtype = 0x11, .label = "ota_1"}};
    uint8_t table[FERRY_TABLE_BYTES], image[APP_IMAGE_BYTES(64)];
    sim_flash_init(&sim, 0x100000, 1);
    T_EQ_INT(ferry_table_encode(rows, 3, true, table, NULL), FERRY_OK);
    sim_flash_poke(&sim, 0x8000, table, sizeof table);
    for (int i = 0; i < 2; i++) {
        const uint32_t n = app_image_make(image, &(struct app_image_spec){.project = "demo",
                                                                          .version = versions[i],
                                                                          .payload_bytes = 64});
        memcpy(image + 32 + 144, "\x12\x34\x56\x78\x9a\xbc", 6);
        app_image_seal(image, n);
        sim_flash_poke(&sim, SLOT_OFF(i), image, n);
    }
    const struct ferry_compat_chip chip = {
        .flash = &sim.flash, .policy = &policy, .table_off_bytes = 0x8000, .running = running};
    T_EQ_INT(ferry_compat_start(&chip), ESP_OK);
}

static void end_chip(void)
{
    ferry_compat_stop();
    sim_flash_free(&sim);
}

static void description_is_the_running_slots(void)
{
    fresh_chip(0);
    T_EQ_STR(esp_app_get_description()->version, "1.0.0");
    end_chip();
    fresh_chip(1);
    T_EQ_STR(esp_app_get_description()->version, "2.0.0");
    T_EQ_STR(esp_ota_get_app_description()->version, "2.0.0");
    T_EQ_STR(esp_ota_get_app_description()->project_name, "demo");
    end_chip();
}

static void hash_is_cut_and_counted_with_its_end(void)
{
    char text[66];
    fresh_chip(1);
    T_EQ_INT(esp_app_get_elf_sha256(text, sizeof text), 10);
    T_EQ_STR(text, "123456789");
    T_EQ_STR(esp_app_get_elf_sha256_str(), "123456789");
    T_EQ_INT(esp_ota_get_app_elf_sha256(text, 10), 10);
    T_EQ_STR(text, "123456789");
    T_EQ_INT(esp_app_get_elf_sha256(text, 4), 4);
    T_EQ_STR(text, "123");
    T_EQ_INT(esp_app_get_elf_sha256(text, 2), 2);
    T_EQ_STR(text, "1");
    T_EQ_INT(esp_app_get_elf_sha256(text, 1), 0);
    T_EQ_INT(esp_app_get_elf_sha256(NULL, 9), 0);
    T_EQ_STR(text, "1");
    end_chip();
}

int main(void)
{
    T_RUN(description_is_the_running_slots);
    T_RUN(hash_is_cut_and_counted_with_its_end);
    return t_end();
}
