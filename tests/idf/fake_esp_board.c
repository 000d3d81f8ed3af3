/* tests/idf/fake_esp_board.c - a whole board for tests of updates. */
#include "fake_esp_board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/partition.h"
#include "ferry/slots.h"

#include "fake_esp_chip.h"
#include "fake_esp_flash.h"

#define OTADATA_OFF 0xd000u

/* Not a check of a test, which counts its own: without a board there is nothing to test. */
static void must(ferry_err err)
{
    if (!err)
        return;
    printf("fake board: error %d\n", err);
    abort();
}

static void put(uint32_t off, const uint8_t *bytes, uint32_t n)
{
    static struct ferry_flash_esp view;
    must(ferry_flash_esp_open(&view, NULL, fake_chip.is_encrypted));
    uint8_t unit[16];
    for (uint32_t at = 0; at < n; at += 16) {
        memset(unit, 0xff, sizeof unit);
        memcpy(unit, bytes + at, n - at < 16 ? n - at : 16);
        must(view.flash.ops->prog(&view.flash, off + at, unit, 16));
    }
}

void fake_board_fresh(bool is_encrypted, const uint8_t *app, uint32_t n_app)
{
    const struct ferry_partition rows[] = {
        {.off_bytes = 0x9000, .size_bytes = 0x4000, .type = 1, .subtype = 2, .label = "nvs"},
        {.off_bytes = OTADATA_OFF, .size_bytes = 0x2000, .type = 1, .label = "otadata"},
        {.off_bytes = FAKE_SLOT_OFF(0),
         .size_bytes = FAKE_SLOT_BYTES,
         .subtype = 0x10,
         .label = "ota_0"},
        {.off_bytes = FAKE_SLOT_OFF(1),
         .size_bytes = FAKE_SLOT_BYTES,
         .subtype = 0x11,
         .label = "ota_1"},
        {.off_bytes = FAKE_SLOT_OFF(2),
         .size_bytes = 0x8000,
         .type = 1,
         .subtype = 2,
         .label = "ferry_nvs"}};
    uint8_t table[FERRY_TABLE_BYTES];
    fake_flash_reset();
    memset(&fake_chip, 0, sizeof fake_chip);
    fake_chip.is_encrypted = is_encrypted;
    fake_chip.running_address = FAKE_SLOT_OFF(0);
    must(ferry_table_encode(rows, 5, true, table, NULL));
    put(0x8000, table, sizeof table);
    put(FAKE_SLOT_OFF(0), app, n_app);
}

int fake_board_boots(struct ferry_esp *esp, struct ferry_esp_trust *trust)
{
    struct ferry_slots slots;
    must(ferry_esp_open(esp, trust));
    must(ferry_slots_load(&esp->device, &slots));
    return ferry_slots_boot(&esp->device, &slots);
}

void fake_board_manifest(const uint8_t *image, uint32_t n, char json[256],
                         uint8_t sha256[FERRY_SHA256_BYTES])
{
    struct ferry_sha256 h;
    char hex[2 * FERRY_SHA256_BYTES + 1];
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, image, n);
    ferry_sha256_finish(&h, sha256);
    for (unsigned i = 0; i < FERRY_SHA256_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
    snprintf(json, 256, "{\"firmware\":\"app.bin\",\"sha\":\"%s\",\"length\":%u}", hex, n);
}
