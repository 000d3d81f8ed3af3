/* tests/unit/test_nvs.c - the NVS store on the flash model: values of all types, refusals that
 * change nothing, pages that fill and are freed, reading only, encryption with a toy cipher. */
#include "ferry/nvs.h"

#include "ferry/crc32.h"
#include "sim_flash.h"
#include "t.h"

#include <stdlib.h>

#define MOST_PAGES 8u

static struct sim_flash sim;
static struct ferry_nvs nvs;
static uint32_t work[FERRY_NVS_WORK_BYTES(MOST_PAGES) / 4];
static uint8_t ns;

static struct ferry_nvs_config config_of(uint32_t n_pages)
{
    return (struct ferry_nvs_config){
        // Not at the start of the flash: positions count from the partition's start.
        .region = {.flash = &sim.flash, .off_bytes = 0x3000, .size_bytes = n_pages * 4096},
        .work = work,
        .work_bytes = sizeof(work)};
}

static void start(uint32_t n_pages)
{
    const struct ferry_nvs_config config = config_of(n_pages);
    sim_flash_init(&sim, 0x20000, 1);
    T_EQ_INT(ferry_nvs_open(&nvs, &config), FERRY_OK);
    T_EQ_INT(ferry_nvs_namespace(&nvs, "app", true, &ns), FERRY_OK);
}

static void reopen(uint32_t n_pages)
{
    const struct ferry_nvs_config config = config_of(n_pages);
    T_EQ_INT(ferry_nvs_open(&nvs, &config), FERRY_OK);
}

static uint32_t flash_crc(void)
{
    static uint8_t bytes[0x20000];
    sim_flash_peek(&sim, 0, bytes, sizeof(bytes));
    return ferry_crc32(0, bytes, sizeof(bytes));
}

static uint32_t n_writes(void)
{
    return sim.counts.progs + sim.counts.erases_4k;
}

static void fill(uint8_t *bytes, uint32_t n, uint32_t seed)
{
    for (uint32_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(seed + i * 7 + i / 251);
}

static uint64_t number(const char *key, enum ferry_nvs_type type)
{
    uint64_t bits = 0;
    T_EQ_INT(ferry_nvs_get_number(&nvs, ns, key, type, &bits), FERRY_OK);
    return bits;
}

static void values_of_all_types_survive_reopening(void)
{
    static const struct {
        const char *key;
        enum ferry_nvs_type type;
        uint64_t bits;
    } numbers[] = {{"u8", FERRY_NVS_U8, 200},
                   {"i8", FERRY_NVS_I8, (uint64_t)-100},
                   {"u16", FERRY_NVS_U16, 65535},
                   {"i16", FERRY_NVS_I16, (uint64_t)-1},
                   {"u32", FERRY_NVS_U32, 0xdeadbeef},
                   {"i32", FERRY_NVS_I32, (uint64_t)INT32_MIN},
                   {"u64", FERRY_NVS_U64, UINT64_MAX - 1},
                   {"i64", FERRY_NVS_I64, (uint64_t)INT64_MIN},
                   {"float", FERRY_NVS_FLOAT, 0x40490fdb},
                   {"double", FERRY_NVS_DOUBLE, UINT64_C(0x400921fb54442d18)}};
    static uint8_t blob[9000], back[9000];
    char text[16];
    uint32_t n = sizeof(back);
    start(6);
    fill(blob, sizeof(blob), 3);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        T_EQ_INT(ferry_nvs_set_number(&nvs, ns, numbers[i].key, numbers[i].type, numbers[i].bits),
                 FERRY_OK);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "text", "hello"), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "empty", ""), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "blob", blob, sizeof(blob)), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "nothing", blob, 0), FERRY_OK);
    reopen(6);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        T_CHECK(number(numbers[i].key, numbers[i].type) == numbers[i].bits);
    T_EQ_INT(ferry_nvs_get_blob(&nvs, ns, "blob", back, &n), FERRY_OK);
    T_EQ_INT(n, sizeof(blob));
    T_EQ_MEM(back, blob, sizeof(blob));
    T_EQ_INT(ferry_nvs_get_blob(&nvs, ns, "nothing", back, &n), FERRY_OK);
    T_EQ_INT(n, 0);
    n = sizeof(text);
    T_EQ_INT(ferry_nvs_get_string(&nvs, ns, "text", text, &n), FERRY_OK);
    T_EQ_INT(n, 6);
    T_EQ_STR(text, "hello");
    n = 0;
    T_EQ_INT(ferry_nvs_get_string(&nvs, ns, "empty", NULL, &n), FERRY_OK);
    T_EQ_INT(n, 1);
    sim_flash_free(&sim);
}

static void equal_value_writes_nothing(void)
{
    static uint8_t blob[6000];
    start(5);
    fill(blob, sizeof(blob), 1);
    T_EQ_INT(ferry_nvs_set_number(&nvs, ns, "n", FERRY_NVS_U16, 7), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "s", "same"), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "b", blob, sizeof(blob)), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "e", blob, 0), FERRY_OK);
    const uint32_t before = n_writes();
    T_EQ_INT(ferry_nvs_set_number(&nvs, ns, "n", FERRY_NVS_U16, 0x10007), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "s", "same"), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "b", blob, sizeof(blob)), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "e", blob, 0), FERRY_OK);
    uint8_t again;
    T_EQ_INT(ferry_nvs_namespace(&nvs, "app", true, &again), FERRY_OK);
    T_EQ_INT(again, ns);
    T_EQ_INT(n_writes(), before);
    blob[5999] ^= 1;
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "b", blob, sizeof(blob)), FERRY_OK);
    T_CHECK(n_writes() > before);
    sim_flash_free(&sim);
}

/* The call is refused with err, value and limit, and no bit of the flash changes. */
#define REFUSED(call, want, v, l)                                                                  \
    do {                                                                                           \
        const uint32_t crc_ = flash_crc();                                                         \
        T_EQ_INT(call, want);                                                                      \
        T_EQ_INT(nvs.fault.err, want);                                                             \
        T_EQ_INT(nvs.fault.value, v);                                                              \
        T_EQ_INT(nvs.fault.limit, l);                                                              \
        T_EQ_INT(flash_crc(), crc_);                                                               \
    } while (0)

static void refusals_say_why_and_change_nothing(void)
{
    static char text[4002];
    static uint8_t blob[8001];
    uint64_t bits;
    uint32_t n = 3;
    char out[8] = "before";
    struct ferry_nvs_info info;
    start(3);
    memset(text, 'x', 4000);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "s", "hello"), FERRY_OK);
    REFUSED(ferry_nvs_set_number(&nvs, ns, "sixteen_letters_", FERRY_NVS_U8, 1),
            FERRY_ERR_NVS_KEY_LENGTH, 16, 15);
    REFUSED(ferry_nvs_set_number(&nvs, ns, "", FERRY_NVS_U8, 1), FERRY_ERR_NVS_KEY_LENGTH, 0, 15);
    REFUSED(ferry_nvs_namespace(&nvs, "sixteen_letters_", true, &ns), FERRY_ERR_NVS_KEY_LENGTH, 16,
            15);
    REFUSED(ferry_nvs_set_string(&nvs, ns, "t", text), FERRY_ERR_NVS_VALUE_LENGTH, 4001, 4000);
    REFUSED(ferry_nvs_set_blob(&nvs, ns, "b", blob, 8001), FERRY_ERR_NVS_VALUE_LENGTH, 8001, 8000);
    REFUSED(ferry_nvs_get_number(&nvs, ns, "s", FERRY_NVS_U8, &bits), FERRY_ERR_NVS_TYPE,
            FERRY_NVS_STRING, FERRY_NVS_U8);
    REFUSED(ferry_nvs_get_blob(&nvs, ns, "s", out, &n), FERRY_ERR_NVS_TYPE, FERRY_NVS_STRING,
            FERRY_NVS_BLOB);
    REFUSED(ferry_nvs_get_number(&nvs, ns, "none", FERRY_NVS_U8, &bits), FERRY_ERR_NVS_KEY, 0, 0);
    REFUSED(ferry_nvs_erase(&nvs, ns, "none"), FERRY_ERR_NVS_KEY, 0, 0);
    REFUSED(ferry_nvs_find(&nvs, ns, "none", &info), FERRY_ERR_NVS_KEY, 0, 0);
    REFUSED(ferry_nvs_get_string(&nvs, ns, "s", out, &n), FERRY_ERR_NVS_BUFFER, 6, 3);
    T_EQ_INT(n, 6);
    T_EQ_STR(out, "before");
    REFUSED(ferry_nvs_namespace(&nvs, "none", false, &ns), FERRY_ERR_NVS_NAMESPACE, 0, 0);
    REFUSED(ferry_nvs_set_number(&nvs, 0, "k", FERRY_NVS_U8, 1), FERRY_ERR_ARG, 0, 254);
    REFUSED(ferry_nvs_set_number(&nvs, 255, "k", FERRY_NVS_U8, 1), FERRY_ERR_ARG, 255, 254);
    REFUSED(ferry_nvs_set_number(&nvs, ns, "k", FERRY_NVS_STRING, 1), FERRY_ERR_ARG,
            FERRY_NVS_STRING, 0);
    sim_flash_free(&sim);
}

static void opening_refuses_what_it_cannot_use(void)
{
    struct ferry_nvs_config config = config_of(2);
    start(3);
    REFUSED(ferry_nvs_open(&nvs, &config), FERRY_ERR_NVS_PAGES, 2, 3);
    T_EQ_INT(ferry_nvs_set_number(&nvs, ns, "k", FERRY_NVS_U8, 1), FERRY_ERR_STATE);
    config.read_only = true;
    T_EQ_INT(ferry_nvs_open(&nvs, &config), FERRY_OK);
    config.region.size_bytes = 0;
    REFUSED(ferry_nvs_open(&nvs, &config), FERRY_ERR_NVS_PAGES, 0, 1);
    config.region.size_bytes = 3 * 4096 + 512; // a truncated image
    REFUSED(ferry_nvs_open(&nvs, &config), FERRY_ERR_ARG, 3 * 4096 + 512, 4096);
    config = config_of(3);
    config.work_bytes = FERRY_NVS_WORK_BYTES(3) - 1;
    REFUSED(ferry_nvs_open(&nvs, &config), FERRY_ERR_WORK_SIZE, FERRY_NVS_WORK_BYTES(3) - 1,
            FERRY_NVS_WORK_BYTES(3));
    config = config_of(3);
    sim.flash.prog_bytes = 16;
    REFUSED(ferry_nvs_open(&nvs, &config), FERRY_ERR_ARG, 16, 4);
    sim.flash.prog_bytes = 1;
    sim_flash_free(&sim);
}

static void page_of_a_later_format_is_refused(void)
{
    const struct ferry_nvs_head head = {FERRY_NVS_PAGE_ACTIVE, 0, 0xfd};
    const struct ferry_nvs_config config = config_of(3);
    uint8_t bytes[FERRY_NVS_HEAD_BYTES];
    start(3);
    ferry_nvs_head_encode(&head, bytes);
    sim_flash_poke(&sim, 0x3000 + 4096, bytes, sizeof(bytes));
    REFUSED(ferry_nvs_open(&nvs, &config), FERRY_ERR_NVS_VERSION, 0xfd, 0xfe);
    T_EQ_INT(nvs.fault.off_bytes, 4096);
    sim_flash_free(&sim);
}

static void read_only_store_writes_nothing(void)
{
    struct ferry_nvs_config config = config_of(3);
    struct ferry_nvs_entry e;
    uint8_t bytes[FERRY_NVS_ENTRY_BYTES];
    start(3);
    T_EQ_INT(ferry_nvs_set_number(&nvs, ns, "k", FERRY_NVS_U8, 1), FERRY_OK);
    // An entry whose state was never marked: opening for writing would erase it.
    ferry_nvs_entry_begin(&e, 1, FERRY_NVS_U8, "torn");
    ferry_nvs_entry_encode(&e, bytes);
    sim_flash_poke(&sim, 0x3000 + 64 + 2 * 32, bytes, sizeof(bytes));
    config.read_only = true;
    const uint32_t crc = flash_crc();
    T_EQ_INT(ferry_nvs_open(&nvs, &config), FERRY_OK);
    T_EQ_INT(number("k", FERRY_NVS_U8), 1);
    REFUSED(ferry_nvs_set_number(&nvs, ns, "k", FERRY_NVS_U8, 2), FERRY_ERR_NVS_READ_ONLY, 0, 0);
    REFUSED(ferry_nvs_set_blob(&nvs, ns, "k", bytes, 2), FERRY_ERR_NVS_READ_ONLY, 0, 0);
    REFUSED(ferry_nvs_erase(&nvs, ns, "k"), FERRY_ERR_NVS_READ_ONLY, 0, 0);
    REFUSED(ferry_nvs_erase_all(&nvs, ns), FERRY_ERR_NVS_READ_ONLY, 0, 0);
    REFUSED(ferry_nvs_purge(&nvs, ns), FERRY_ERR_NVS_READ_ONLY, 0, 0);
    REFUSED(ferry_nvs_namespace(&nvs, "new", true, &ns), FERRY_ERR_NVS_READ_ONLY, 0, 0);
    T_EQ_INT(flash_crc(), crc);
    sim_flash_free(&sim);
}

static void full_store_refuses_and_keeps_everything(void)
{
    char key[16];
    uint32_t n = 0;
    ferry_err err = FERRY_OK;
    start(3);
    for (; !err; n++) {
        snprintf(key, sizeof(key), "k%u", (unsigned)n);
        err = ferry_nvs_set_number(&nvs, ns, key, FERRY_NVS_U32, n);
    }
    T_EQ_INT(err, FERRY_ERR_NVS_FULL);
    T_EQ_INT(n - 1, 2 * 126 - 1); // one entry is the namespace's
    T_EQ_INT(nvs.fault.value, 1);
    T_EQ_INT(nvs.fault.limit, 0);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "s", "no room"), FERRY_ERR_NVS_FULL);
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "b", "no room", 7), FERRY_ERR_NVS_FULL);
    T_EQ_INT(ferry_nvs_namespace(&nvs, "other", true, &ns), FERRY_ERR_NVS_FULL);
    for (uint32_t i = 0; i + 1 < n; i++) {
        snprintf(key, sizeof(key), "k%u", (unsigned)i);
        T_EQ_INT(number(key, FERRY_NVS_U32), i);
    }
    T_EQ_INT(ferry_nvs_erase(&nvs, ns, "k7"), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_number(&nvs, ns, "again", FERRY_NVS_U8, 1), FERRY_OK);
    sim_flash_free(&sim);
}

static void namespaces_number_from_one_and_end_at_254(void)
{
    char name[16];
    uint8_t n = 0;
    start(8);
    T_EQ_INT(ns, 1);
    for (unsigned i = 2; i <= 254; i++) {
        snprintf(name, sizeof(name), "ns%u", i);
        T_EQ_INT(ferry_nvs_namespace(&nvs, name, true, &n), FERRY_OK);
        T_EQ_INT(n, i);
    }
    T_EQ_INT(ferry_nvs_namespace(&nvs, "one too many", true, &n), FERRY_ERR_NVS_NAMESPACES);
    T_EQ_INT(nvs.fault.value, 254);
    T_EQ_INT(ferry_nvs_namespace_name(&nvs, 200, name), FERRY_OK);
    T_EQ_STR(name, "ns200");
    sim_flash_free(&sim);
}

static void same_key_lives_in_two_namespaces(void)
{
    uint8_t other = 0;
    uint32_t n = 0;
    start(3);
    T_EQ_INT(ferry_nvs_namespace(&nvs, "other", true, &other), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_number(&nvs, ns, "k", FERRY_NVS_U8, 1), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_string(&nvs, other, "k", "two"), FERRY_OK);
    T_EQ_INT(number("k", FERRY_NVS_U8), 1);
    T_EQ_INT(ferry_nvs_used(&nvs, other, &n), FERRY_OK);
    T_EQ_INT(n, 2);
    T_EQ_INT(ferry_nvs_erase_all(&nvs, other), FERRY_OK);
    T_EQ_INT(ferry_nvs_erase_all(&nvs, other), FERRY_OK);
    T_EQ_INT(ferry_nvs_used(&nvs, other, &n), FERRY_OK);
    T_EQ_INT(n, 0);
    T_EQ_INT(number("k", FERRY_NVS_U8), 1);
    sim_flash_free(&sim);
}

static void key_changes_its_type(void)
{
    struct ferry_nvs_info info;
    struct ferry_nvs_stats stats;
    start(3);
    T_EQ_INT(ferry_nvs_set_number(&nvs, ns, "k", FERRY_NVS_U8, 1), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "k", "blob", 4), FERRY_OK);
    T_EQ_INT(ferry_nvs_find(&nvs, ns, "k", &info), FERRY_OK);
    T_EQ_INT(info.type, FERRY_NVS_BLOB);
    T_EQ_INT(info.size_bytes, 4);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "k", "text"), FERRY_OK);
    T_EQ_INT(ferry_nvs_find(&nvs, ns, "k", &info), FERRY_OK);
    T_EQ_INT(info.type, FERRY_NVS_STRING);
    T_EQ_INT(ferry_nvs_stats(&nvs, &stats), FERRY_OK);
    T_EQ_INT(stats.n_used, 3); // the namespace, the string and its value: no chunk is left
    T_EQ_INT(stats.n_free, 3 * 126 - 3);
    T_EQ_INT(stats.n_available, 2 * 126 - 3);
    T_EQ_INT(stats.n_total, 3 * 126);
    T_EQ_INT(stats.n_namespaces, 1);
    sim_flash_free(&sim);
}

static void listing_shows_each_key_once(void)
{
    static uint8_t blob[6000];
    struct ferry_nvs_iter it = {0};
    struct ferry_nvs_info info;
    uint8_t other = 0;
    int n = 0, n_blobs = 0;
    start(6);
    T_EQ_INT(ferry_nvs_namespace(&nvs, "other", true, &other), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "large", blob, sizeof(blob)), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_number(&nvs, other, "n", FERRY_NVS_I8, 1), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "small", blob, 3), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "s", "x"), FERRY_OK);
    while (ferry_nvs_next(&nvs, &it, &info) == FERRY_OK) {
        n++;
        n_blobs += info.type == FERRY_NVS_BLOB;
        if (strcmp(info.key, "large") == 0)
            T_EQ_INT(info.size_bytes, sizeof(blob));
    }
    T_EQ_INT(n, 4);
    T_EQ_INT(n_blobs, 2);
    it = (struct ferry_nvs_iter){.ns = other};
    T_EQ_INT(ferry_nvs_next(&nvs, &it, &info), FERRY_OK);
    T_EQ_STR(info.key, "n");
    T_EQ_INT(ferry_nvs_next(&nvs, &it, &info), FERRY_ERR_NOT_FOUND);
    it = (struct ferry_nvs_iter){.type = FERRY_NVS_STRING};
    T_EQ_INT(ferry_nvs_next(&nvs, &it, &info), FERRY_OK);
    T_EQ_STR(info.key, "s");
    T_EQ_INT(ferry_nvs_next(&nvs, &it, &info), FERRY_ERR_NOT_FOUND);
    sim_flash_free(&sim);
}

static void rewriting_one_key_spreads_the_wear(void)
{
    start(4);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "stays", "here"), FERRY_OK);
    for (uint32_t i = 0; i < 126 * 40; i++)
        T_EQ_INT(ferry_nvs_set_number(&nvs, ns, "cnt", FERRY_NVS_U32, i), FERRY_OK);
    // The first page holds what stays; the others take turns.
    uint32_t least = UINT32_MAX, most = 0;
    for (uint32_t i = 4; i < 7; i++) {
        least = sim.wear[i] < least ? sim.wear[i] : least;
        most = sim.wear[i] > most ? sim.wear[i] : most;
    }
    T_CHECK(least > 10 && most - least <= 1);
    reopen(4);
    T_EQ_INT(number("cnt", FERRY_NVS_U32), 126 * 40 - 1);
    T_EQ_INT(sim.counts.wrong_progs, 0);
    sim_flash_free(&sim);
}

static void purge_leaves_no_readable_byte(void)
{
    static uint8_t page[4096];
    start(3);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "secret", "hunter2hunter2"), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "other", "hunter3hunter3"), FERRY_OK);
    T_EQ_INT(ferry_nvs_erase(&nvs, ns, "other"), FERRY_OK);
    nvs.purge = true;
    T_EQ_INT(ferry_nvs_erase(&nvs, ns, "secret"), FERRY_OK);
    sim_flash_peek(&sim, 0x3000, page, sizeof(page));
    T_CHECK(!memmem(page, sizeof(page), "hunter2", 7));
    T_CHECK(memmem(page, sizeof(page), "hunter3", 7));
    T_EQ_INT(ferry_nvs_purge(&nvs, ns), FERRY_OK);
    sim_flash_peek(&sim, 0x3000, page, sizeof(page));
    T_CHECK(!memmem(page, sizeof(page), "hunter3", 7));
    sim_flash_free(&sim);
}

static void damaged_value_is_an_error_and_stays(void)
{
    char out[8];
    uint32_t n = sizeof(out);
    start(3);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "s", "hello"), FERRY_OK);
    sim_flash_flip_bit(&sim, 0x3000 + 64 + 2 * 32, 0);
    const uint32_t crc = flash_crc();
    T_EQ_INT(ferry_nvs_get_string(&nvs, ns, "s", out, &n), FERRY_ERR_NVS_DATA);
    T_EQ_INT(nvs.fault.off_bytes, 64 + 32);
    T_EQ_INT(flash_crc(), crc);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "s", "hello"), FERRY_OK);
    n = sizeof(out);
    T_EQ_INT(ferry_nvs_get_string(&nvs, ns, "s", out, &n), FERRY_OK);
    sim_flash_free(&sim);
}

static void blob_of_version_1_is_read_and_replaced(void)
{
    struct ferry_nvs_entry e;
    uint8_t unit[FERRY_NVS_ENTRY_BYTES], map[FERRY_NVS_MAP_BYTES], out[8];
    uint32_t n = sizeof(out);
    struct ferry_nvs_info info;
    start(3);
    ferry_nvs_entry_begin(&e, ns, FERRY_NVS_BLOB_V1, "old");
    ferry_nvs_entry_put_value(&e, 5, ferry_nvs_value_crc("v1...", 5));
    ferry_nvs_entry_encode(&e, unit);
    sim_flash_poke(&sim, 0x3000 + 64 + 32, unit, sizeof(unit));
    sim_flash_poke(&sim, 0x3000 + 64 + 64, "v1...", 5);
    sim_flash_peek(&sim, 0x3000 + 32, map, sizeof(map));
    ferry_nvs_map_put(map, 1, FERRY_NVS_ENTRY_WRITTEN);
    ferry_nvs_map_put(map, 2, FERRY_NVS_ENTRY_WRITTEN);
    sim_flash_poke(&sim, 0x3000 + 32, map, sizeof(map));
    reopen(3);
    T_EQ_INT(ferry_nvs_get_blob(&nvs, ns, "old", out, &n), FERRY_OK);
    T_EQ_INT(n, 5);
    T_EQ_MEM(out, "v1...", 5);
    T_EQ_INT(ferry_nvs_find(&nvs, ns, "old", &info), FERRY_OK);
    T_EQ_INT(info.type, FERRY_NVS_BLOB);
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "old", "v2", 2), FERRY_OK);
    n = sizeof(out);
    T_EQ_INT(ferry_nvs_get_blob(&nvs, ns, "old", out, &n), FERRY_OK);
    T_EQ_INT(n, 2);
    struct ferry_nvs_iter it = {0};
    T_EQ_INT(ferry_nvs_next(&nvs, &it, &info), FERRY_OK);
    T_EQ_INT(ferry_nvs_next(&nvs, &it, &info), FERRY_ERR_NOT_FOUND);
    sim_flash_free(&sim);
}

/* Makes a page with one entry, as a region can have when something else wrote it. */
static void put_page(uint32_t page, uint32_t state, const struct ferry_nvs_entry *e)
{
    const struct ferry_nvs_head head = {state, page, FERRY_NVS_VERSION_2};
    uint8_t bytes[64 + FERRY_NVS_ENTRY_BYTES];
    memset(bytes, 0xff, sizeof(bytes));
    ferry_nvs_head_encode(&head, bytes);
    ferry_nvs_map_put(bytes + FERRY_NVS_MAP_OFF, 0, FERRY_NVS_ENTRY_WRITTEN);
    ferry_nvs_entry_encode(e, bytes + FERRY_NVS_ENTRIES_OFF);
    sim_flash_poke(&sim, 0x3000 + page * 4096, bytes, sizeof(bytes));
}

static void one_mount_erases_all_that_the_last_key_replaces(void)
{
    const struct ferry_nvs_config config = config_of(4);
    struct ferry_nvs_entry e;
    sim_flash_init(&sim, 0x20000, 1);
    ferry_nvs_entry_begin(&e, 1, FERRY_NVS_U8, "k");
    for (uint32_t page = 0; page < 3; page++) {
        ferry_nvs_entry_put_number(&e, page);
        put_page(page, page < 2 ? FERRY_NVS_PAGE_FULL : FERRY_NVS_PAGE_ACTIVE, &e);
    }
    ns = 1;
    T_EQ_INT(ferry_nvs_open(&nvs, &config), FERRY_OK);
    T_EQ_INT(number("k", FERRY_NVS_U8), 2);
    const uint32_t n = n_writes();
    T_EQ_INT(ferry_nvs_open(&nvs, &config), FERRY_OK);
    T_EQ_INT(n_writes(), n);
    sim_flash_free(&sim);
}

/* A toy: every byte by the place of its unit, so that a unit copied elsewhere is not readable. */
static ferry_err toy(const struct ferry_xts *x, uint32_t off_bytes, uint8_t unit[32])
{
    const uint8_t *key = x->ctx;
    if (off_bytes % 32 || off_bytes < 64)
        return FERRY_ERR_NVS_CRYPT;
    for (uint32_t i = 0; i < 32; i++)
        unit[i] = (uint8_t)(unit[i] ^ *key ^ (off_bytes / 32 * 13 + i * 5));
    return FERRY_OK;
}

static void encrypted_store_reads_back_and_hides(void)
{
    static uint8_t blob[5000], back[5000], page[4096];
    static const struct ferry_xts_ops ops = {toy, toy};
    uint8_t key = 0x5a, wrong = 0x5b;
    struct ferry_xts xts = {&ops, &key};
    struct ferry_nvs_config config = config_of(4);
    uint32_t n = sizeof(back);
    config.xts = &xts;
    sim_flash_init(&sim, 0x20000, 1);
    fill(blob, sizeof(blob), 9);
    T_EQ_INT(ferry_nvs_open(&nvs, &config), FERRY_OK);
    T_EQ_INT(ferry_nvs_namespace(&nvs, "app", true, &ns), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_string(&nvs, ns, "s", "hunter2"), FERRY_OK);
    T_EQ_INT(ferry_nvs_set_blob(&nvs, ns, "b", blob, sizeof(blob)), FERRY_OK);
    sim_flash_peek(&sim, 0x3000, page, sizeof(page));
    T_CHECK(!memmem(page, sizeof(page), "hunter2", 7));
    for (uint32_t i = 0; i < 400; i++) // through the copying of pages
        T_EQ_INT(ferry_nvs_set_number(&nvs, ns, "cnt", FERRY_NVS_U32, i), FERRY_OK);
    T_EQ_INT(ferry_nvs_open(&nvs, &config), FERRY_OK);
    T_EQ_INT(number("cnt", FERRY_NVS_U32), 399);
    T_EQ_INT(ferry_nvs_get_blob(&nvs, ns, "b", back, &n), FERRY_OK);
    T_EQ_MEM(back, blob, sizeof(blob));
    xts.ctx = &wrong;
    config.read_only = true;
    T_EQ_INT(ferry_nvs_open(&nvs, &config), FERRY_OK);
    T_EQ_INT(ferry_nvs_namespace(&nvs, "app", false, &ns), FERRY_ERR_NVS_NAMESPACE);
    sim_flash_free(&sim);
}

int main(void)
{
    T_RUN(values_of_all_types_survive_reopening);
    T_RUN(equal_value_writes_nothing);
    T_RUN(refusals_say_why_and_change_nothing);
    T_RUN(opening_refuses_what_it_cannot_use);
    T_RUN(page_of_a_later_format_is_refused);
    T_RUN(read_only_store_writes_nothing);
    T_RUN(full_store_refuses_and_keeps_everything);
    T_RUN(namespaces_number_from_one_and_end_at_254);
    T_RUN(same_key_lives_in_two_namespaces);
    T_RUN(key_changes_its_type);
    T_RUN(listing_shows_each_key_once);
    T_RUN(rewriting_one_key_spreads_the_wear);
    T_RUN(purge_leaves_no_readable_byte);
    T_RUN(damaged_value_is_an_error_and_stays);
    T_RUN(blob_of_version_1_is_read_and_replaced);
    T_RUN(one_mount_erases_all_that_the_last_key_replaces);
    T_RUN(encrypted_store_reads_back_and_hides);
    return t_end();
}
