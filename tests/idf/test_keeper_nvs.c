/* tests/idf/test_keeper_nvs.c - the keeper of ports/esp-idf over the NVS that compat/esp-idf offers
 * under Espressif's names, on the flash model. */
#include "keeper_nvs.h"

#include <string.h>

#include "ferry/partition.h"
#include "ferry_compat.h"
#include "nvs_flash.h"
#include "sim_flash.h"
#include "t.h"

#define FLASH_BYTES 0x100000u
#define NVS_OFF     0x9000u

static struct sim_flash sim;
static struct ferry_policy policy;
static struct ferry_keeper_nvs keeper;

static void start_chip(void)
{
    const struct ferry_compat_chip chip = {.flash = &sim.flash,
                                           .policy = &policy,
                                           .table_off_bytes = 0x8000,
                                           .running = FERRY_SLOT_FACTORY};
    T_EQ_INT(ferry_compat_start(&chip), ESP_OK);
    T_EQ_INT(nvs_flash_init(), ESP_OK);
}

static void fresh_chip(void)
{
    const struct ferry_partition rows[] = {
        {.off_bytes = NVS_OFF, .size_bytes = 3 * 4096, .type = 1, .subtype = 2, .label = "nvs"},
        {.off_bytes = 0x10000, .size_bytes = 0x10000, .label = "factory"}};
    uint8_t table[FERRY_TABLE_BYTES];
    sim_flash_init(&sim, FLASH_BYTES, 1);
    T_EQ_INT(ferry_table_encode(rows, 2, true, table, NULL), FERRY_OK);
    sim_flash_poke(&sim, 0x8000, table, sizeof table);
    start_chip();
    ferry_keeper_nvs_init(&keeper);
}

static void end_chip(void)
{
    ferry_compat_stop();
    sim_flash_free(&sim);
}

static ferry_err load(uint8_t *note)
{
    return keeper.keeper.ops->load(&keeper.keeper, note);
}

static ferry_err save(uint8_t fill)
{
    uint8_t note[FERRY_NOTE_BYTES];
    memset(note, fill, sizeof note);
    return keeper.keeper.ops->save(&keeper.keeper, note);
}

static void note_comes_back_after_a_reset(void)
{
    uint8_t note[FERRY_NOTE_BYTES], want[FERRY_NOTE_BYTES];
    memset(want, 2, sizeof want);
    fresh_chip();
    T_EQ_INT(load(note), FERRY_ERR_NOT_FOUND);
    T_EQ_INT(save(1), FERRY_OK);
    T_EQ_INT(save(2), FERRY_OK);
    ferry_compat_stop();
    start_chip();
    T_EQ_INT(load(note), FERRY_OK);
    T_EQ_MEM(note, want, sizeof note);
    end_chip();
}

static void dropped_note_is_gone_and_drop_may_be_repeated(void)
{
    uint8_t note[FERRY_NOTE_BYTES];
    fresh_chip();
    T_EQ_INT(keeper.keeper.ops->drop(&keeper.keeper), FERRY_OK);
    T_EQ_INT(save(3), FERRY_OK);
    T_EQ_INT(keeper.keeper.ops->drop(&keeper.keeper), FERRY_OK);
    T_EQ_INT(load(note), FERRY_ERR_NOT_FOUND);
    T_EQ_INT(keeper.keeper.ops->drop(&keeper.keeper), FERRY_OK);
    end_chip();
}

static void note_of_another_size_is_none(void)
{
    uint8_t note[FERRY_NOTE_BYTES + 16] = {0};
    nvs_handle_t nvs;
    fresh_chip();
    for (size_t n = 16; n <= sizeof note; n += sizeof note - 16) {
        T_EQ_INT(nvs_open(FERRY_KEEPER_NVS_NAMESPACE, NVS_READWRITE, &nvs), ESP_OK);
        T_EQ_INT(nvs_set_blob(nvs, FERRY_KEEPER_NVS_KEY, note, n), ESP_OK);
        nvs_close(nvs);
        T_EQ_INT(load(note), FERRY_ERR_NOT_FOUND);
    }
    T_EQ_INT(save(4), FERRY_OK);
    T_EQ_INT(load(note), FERRY_OK);
    end_chip();
}

static void full_store_is_said(void)
{
    static const uint8_t big[1900];
    char key[8] = "big0";
    nvs_handle_t nvs;
    fresh_chip();
    T_EQ_INT(nvs_open("app", NVS_READWRITE, &nvs), ESP_OK);
    while (nvs_set_blob(nvs, key, big, sizeof big) == ESP_OK)
        key[3]++;
    for (size_t n = 1024; n; n /= 2) // the corners too
        for (key[2] = 'a'; nvs_set_blob(nvs, key, big, n) == ESP_OK; key[2]++)
            ;
    nvs_close(nvs);
    T_EQ_INT(save(5), FERRY_ERR_NVS_FULL);
    T_EQ_INT(keeper.esp_err, ESP_ERR_NVS_NOT_ENOUGH_SPACE);
    end_chip();
}

static void store_that_nobody_opened_is_said(void)
{
    uint8_t note[FERRY_NOTE_BYTES];
    fresh_chip();
    T_EQ_INT(nvs_flash_deinit(), ESP_OK);
    T_EQ_INT(load(note), FERRY_ERR_STATE);
    T_EQ_INT(save(6), FERRY_ERR_STATE);
    end_chip();
}

int main(void)
{
    T_RUN(note_comes_back_after_a_reset);
    T_RUN(dropped_note_is_gone_and_drop_may_be_repeated);
    T_RUN(note_of_another_size_is_none);
    T_RUN(full_store_is_said);
    T_RUN(store_that_nobody_opened_is_said);
    return t_end();
}
