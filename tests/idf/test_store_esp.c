/* tests/idf/test_store_esp.c - the agent's store of ports/esp-idf over the NVS that compat/esp-idf
 * offers under Espressif's names, on the flash model. Built once more with CONFIG_NVS_ENCRYPTION.
 */
#include "store_esp.h"

#include <string.h>

#include "ferry/bytes.h"
#include "ferry/crc32.h"
#include "ferry/partition.h"
#include "ferry_compat.h"
#include "nvs_flash.h"
#include "sim_flash.h"
#include "t.h"

static struct sim_flash sim;
static struct ferry_policy policy;
static struct ferry_store_esp store;

#define OWN_OFF   0xc000u
#define OWN_BYTES 0x3000u

static void start_chip(void)
{
    const struct ferry_compat_chip chip = {.flash = &sim.flash,
                                           .policy = &policy,
                                           .table_off_bytes = 0x8000,
                                           .running = FERRY_SLOT_FACTORY};
    T_EQ_INT(ferry_compat_start(&chip), ESP_OK);
    T_EQ_INT(nvs_flash_init(), ESP_OK);
    T_EQ_INT(ferry_store_esp_open(&store), FERRY_OK);
}

/* A chip with the default NVS, and with one of the updater's own if has_own. */
static void fresh_chip(bool has_own)
{
    const struct ferry_partition rows[] = {
        {.off_bytes = 0x9000, .size_bytes = 0x3000, .type = 1, .subtype = 2, .label = "nvs"},
        {OWN_OFF, OWN_BYTES, .type = 1, .subtype = 2, .label = "ferry_nvs"},
        {.off_bytes = 0xf000, .size_bytes = 0x1000, .type = 1, .subtype = 4, .label = "nvs_keys"},
        {.off_bytes = 0x10000, .size_bytes = 0x10000, .label = "factory"}};
    const struct ferry_partition without[] = {rows[0], rows[2], rows[3]};
    uint8_t table[FERRY_TABLE_BYTES];
    sim_flash_init(&sim, 0x100000, 1);
    T_EQ_INT(has_own ? ferry_table_encode(rows, 4, true, table, NULL)
                     : ferry_table_encode(without, 3, true, table, NULL),
             FERRY_OK);
    sim_flash_poke(&sim, 0x8000, table, sizeof table);
    start_chip();
}

static void end_chip(void)
{
    ferry_compat_stop();
    sim_flash_free(&sim);
}

static void values_outlive_a_restart(void)
{
    struct ferry_store *s = &store.store;
    char text[8];
    uint8_t blob[4];
    uint32_t n = sizeof blob;
    uint32_t number = 7;
    fresh_chip(true);
    T_EQ_INT(ferry_store_text(s, "id", text, sizeof text), FERRY_ERR_NOT_FOUND);
    T_EQ_INT(ferry_store_number(s, "wear", &number), FERRY_OK);
    T_EQ_INT(number, 0);
    T_EQ_INT(ferry_store_set_text(s, "id", "pump-1"), FERRY_OK);
    T_EQ_INT(s->ops->set(s, FERRY_STORE_BLOB, "key", "abcd", 4), FERRY_OK);
    T_EQ_INT(ferry_store_set_number(s, "wear", 33), FERRY_OK);
    ferry_compat_stop();
    start_chip();
    T_EQ_STR(store.partition, "ferry_nvs");
    T_EQ_INT(ferry_store_text(s, "id", text, sizeof text), FERRY_OK);
    T_EQ_STR(text, "pump-1");
    T_EQ_INT(s->ops->get(s, FERRY_STORE_BLOB, "key", blob, &n), FERRY_OK);
    T_CHECK(n == 4 && memcmp(blob, "abcd", 4) == 0);
    T_EQ_INT(ferry_store_number(s, "wear", &number), FERRY_OK);
    T_EQ_INT(number, 33);
    end_chip();
}

static void value_that_does_not_fit_is_said_to_be_too_large(void)
{
    struct ferry_store *s = &store.store;
    uint8_t blob[2];
    uint32_t n = sizeof blob;
    fresh_chip(true);
    T_EQ_INT(s->ops->set(s, FERRY_STORE_BLOB, "key", "abcd", 4), FERRY_OK);
    T_EQ_INT(s->ops->get(s, FERRY_STORE_BLOB, "key", blob, &n), FERRY_ERR_NVS_BUFFER);
    end_chip();
}

static void dropped_value_is_gone_and_dropping_nothing_is_fine(void)
{
    struct ferry_store *s = &store.store;
    char text[8];
    fresh_chip(true);
    T_EQ_INT(s->ops->drop(s, "token"), FERRY_OK);
    T_EQ_INT(ferry_store_set_text(s, "token", "secret"), FERRY_OK);
    T_EQ_INT(s->ops->drop(s, "token"), FERRY_OK);
    T_EQ_INT(ferry_store_text(s, "token", text, sizeof text), FERRY_ERR_NOT_FOUND);
    end_chip();
}

static void applications_erase_spares_the_updaters_partition(void)
{
    struct ferry_store *s = &store.store;
    char text[8];
    fresh_chip(true);
    T_EQ_INT(ferry_store_set_text(s, "id", "pump-1"), FERRY_OK);
    T_EQ_INT(nvs_flash_erase(), ESP_OK);
    T_EQ_INT(ferry_store_text(s, "id", text, sizeof text), FERRY_OK);
    end_chip();
}

/* Whether these letters stand anywhere in the flash. */
static bool stands_in_flash(const char *word)
{
    const size_t n = strlen(word);
    uint8_t flash[0x20000];
    T_EQ_INT(sim.flash.ops->read(&sim.flash, 0, flash, sizeof flash), FERRY_OK);
    for (size_t i = 0; i + n <= sizeof flash; i++)
        if (memcmp(flash + i, word, n) == 0)
            return true;
    return false;
}

static void values_are_in_clear_only_without_encryption(void)
{
    fresh_chip(true);
    T_EQ_INT(ferry_store_set_text(&store.store, "token", "only the server knows"), FERRY_OK);
#ifdef CONFIG_NVS_ENCRYPTION
    T_CHECK(!stands_in_flash("only the server knows"));
#else
    T_CHECK(stands_in_flash("only the server knows"));
#endif
    end_chip();
}

/* Makes every page of the own partition one of a version that NVS does not know. */
static void spoil_with_a_later_version(void)
{
    uint8_t page[32];
    memset(page, 0xff, sizeof page);
    memcpy(page, "\xfe\xff\xff\xff\x00\x00\x00\x00\x80", 9); // active, sequence 0, version
    ferry_put_le32(page + 28, ferry_crc32(0xffffffff, page + 4, 24));
    for (uint32_t off = 0; off < OWN_BYTES; off += 4096)
        sim_flash_poke(&sim, OWN_OFF + off, page, sizeof page);
}

static void store_of_a_later_version_is_begun_anew(void)
{
    char text[8];
    fresh_chip(true);
    T_EQ_INT(ferry_store_set_text(&store.store, "id", "pump-1"), FERRY_OK);
    ferry_compat_stop();
    spoil_with_a_later_version();
    start_chip();
    T_EQ_STR(store.partition, "ferry_nvs");
    T_EQ_INT(ferry_store_text(&store.store, "id", text, sizeof text), FERRY_ERR_NOT_FOUND);
    T_EQ_INT(ferry_store_set_text(&store.store, "id", "pump-2"), FERRY_OK);
    end_chip();
}

static void default_partition_serves_where_there_is_no_other(void)
{
    fresh_chip(false);
    T_EQ_STR(store.partition, "nvs");
    T_EQ_INT(ferry_store_set_text(&store.store, "id", "pump-1"), FERRY_OK);
    end_chip();
}

int main(void)
{
    T_RUN(values_outlive_a_restart);
    T_RUN(value_that_does_not_fit_is_said_to_be_too_large);
    T_RUN(dropped_value_is_gone_and_dropping_nothing_is_fine);
    T_RUN(applications_erase_spares_the_updaters_partition);
    T_RUN(values_are_in_clear_only_without_encryption);
    T_RUN(store_of_a_later_version_is_begun_anew);
    T_RUN(default_partition_serves_where_there_is_no_other);
    return t_end();
}
