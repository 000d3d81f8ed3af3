/* tests/unit/test_partition.c - the codec of partition rows, the walk over a table, and a table on
 * flash: what is taken, what is refused, and with which numbers. */
#include "ferry/bytes.h"
#include "ferry/partition.h"
#include "ferry/table.h"
#include "sim_flash.h"
#include "t.h"

#define FLASH_BYTES 0x400000u
#define TABLE_OFF   FERRY_TABLE_OFF_DEFAULT

/* The table of ESP-IDF's partitions_two_ota.csv. */
static const struct ferry_partition two_ota[] = {
    {0x9000, 0x4000, 0, FERRY_TYPE_DATA, FERRY_DATA_NVS, "nvs"},
    {0xd000, 0x2000, 0, FERRY_TYPE_DATA, FERRY_DATA_OTA, "otadata"},
    {0xf000, 0x1000, 0, FERRY_TYPE_DATA, FERRY_DATA_PHY, "phy_init"},
    {0x10000, 0x100000, 0, FERRY_TYPE_APP, FERRY_APP_FACTORY, "factory"},
    {0x110000, 0x100000, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0, "ota_0"},
    {0x210000, 0x100000, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0 + 1, "ota_1"},
};
#define N_TWO_OTA (sizeof(two_ota) / sizeof(*two_ota))

static const uint8_t two_ota_md5[] = {0xbf, 0x25, 0x82, 0x2c, 0x0f, 0xa6, 0xd8, 0x64,
                                      0x1b, 0xd9, 0x30, 0x25, 0x1e, 0x06, 0xb4, 0xc4};

static uint8_t table[FERRY_TABLE_BYTES];
static struct ferry_fault fault;

static void encode_two_ota(bool with_md5)
{
    T_EQ_INT(ferry_table_encode(two_ota, N_TWO_OTA, with_md5, table, &fault), FERRY_OK);
}

static uint8_t *row(size_t i)
{
    return table + i * FERRY_ROW_BYTES;
}

/** Walks the table in memory up to its end or its first error. */
static ferry_err walk(struct ferry_table_walk *w, uint32_t flash_bytes)
{
    struct ferry_partition p;
    ferry_err err = FERRY_OK;
    ferry_table_walk_begin(w);
    for (size_t i = 0; i < FERRY_TABLE_ROWS && !w->done && !err; i++)
        err = ferry_table_walk_row(w, row(i), flash_bytes, &p, &fault);
    return err;
}

static void espressifs_worked_table_is_met_to_the_byte(void)
{
    static const uint8_t first[] = {0xaa, 0x50, 0x01, 0x02, 0x00, 0x90, 0x00, 0x00,
                                    0x00, 0x40, 0x00, 0x00, 'n',  'v',  's',  0};
    encode_two_ota(true);
    T_EQ_MEM(table, first, sizeof(first));
    T_EQ_INT(ferry_le16(row(N_TWO_OTA)), 0xebeb);
    for (int i = 2; i < 16; i++)
        T_EQ_INT(row(N_TWO_OTA)[i], 0xff);
    T_EQ_MEM(row(N_TWO_OTA) + 16, two_ota_md5, sizeof(two_ota_md5));
    for (size_t i = (N_TWO_OTA + 1) * FERRY_ROW_BYTES; i < sizeof(table); i++)
        if (table[i] != 0xff)
            T_EQ_INT(table[i], 0xff);
}

static void rows_decode_to_what_they_were(void)
{
    encode_two_ota(true);
    for (size_t i = 0; i < N_TWO_OTA; i++) {
        struct ferry_partition p;
        T_EQ_INT(ferry_row_kind(row(i)), FERRY_ROW_PARTITION);
        ferry_partition_decode(row(i), &p);
        T_EQ_INT(p.type, two_ota[i].type);
        T_EQ_INT(p.subtype, two_ota[i].subtype);
        T_EQ_INT(p.off_bytes, two_ota[i].off_bytes);
        T_EQ_INT(p.size_bytes, two_ota[i].size_bytes);
        T_EQ_STR(p.label, two_ota[i].label);
    }
}

static void label_of_16_bytes_keeps_all_of_them(void)
{
    const struct ferry_partition p = {.label = "ABCDEFGHIJKLMNOP", .flags = 0x80000003};
    struct ferry_partition back;
    uint8_t bytes[FERRY_ROW_BYTES];
    ferry_partition_encode(&p, bytes);
    T_EQ_MEM(bytes + 12, "ABCDEFGHIJKLMNOP", 16);
    ferry_partition_decode(bytes, &back);
    T_EQ_STR(back.label, "ABCDEFGHIJKLMNOP");
    T_EQ_INT(back.flags, 0x80000003);
}

static void bytes_behind_a_labels_end_are_not_encoded(void)
{
    struct ferry_partition p = {.label = "ab"};
    uint8_t bytes[FERRY_ROW_BYTES];
    memcpy(p.label + 3, "secret", 6);
    ferry_partition_encode(&p, bytes);
    T_EQ_MEM(bytes + 12, "ab\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

static void table_holds_94_rows_with_md5_and_95_without(void)
{
    static struct ferry_partition rows[FERRY_TABLE_ROWS];
    for (int md5 = 0; md5 < 2; md5++) {
        const size_t most = md5 ? 94 : 95;
        struct ferry_table_walk w;
        T_EQ_INT(ferry_table_encode(rows, most, md5, table, &fault), FERRY_OK);
        T_EQ_INT(walk(&w, FLASH_BYTES), FERRY_OK);
        T_CHECK(w.done);
        T_EQ_INT(w.n_partitions, most);
        T_EQ_INT(w.md5_seen, md5);
        T_EQ_INT(ferry_table_encode(rows, most + 1, md5, table, &fault), FERRY_ERR_TABLE_FULL);
        T_EQ_INT(fault.value, most + 1);
        T_EQ_INT(fault.limit, most);
    }
}

static void blank_flash_is_no_table(void)
{
    struct ferry_table_walk w;
    memset(table, 0xff, sizeof(table));
    T_EQ_INT(walk(&w, FLASH_BYTES), FERRY_ERR_TABLE_MAGIC);
    T_EQ_INT(fault.value, 0xffff);
    T_EQ_INT(fault.limit, 0x50aa);
}

static void wrong_md5_is_refused(void)
{
    struct ferry_table_walk w;
    encode_two_ota(true);
    row(4)[8] ^= 1;
    T_EQ_INT(walk(&w, FLASH_BYTES), FERRY_ERR_TABLE_MD5);
    T_EQ_INT(fault.off_bytes, N_TWO_OTA);
}

static void second_md5_row_is_refused(void)
{
    struct ferry_table_walk w;
    encode_two_ota(true);
    memcpy(row(N_TWO_OTA + 1), row(N_TWO_OTA), FERRY_ROW_BYTES);
    T_EQ_INT(walk(&w, FLASH_BYTES), FERRY_ERR_TABLE_MD5_TWICE);
}

static void missing_md5_row_is_accepted(void)
{
    struct ferry_table_walk w;
    encode_two_ota(false);
    T_EQ_INT(walk(&w, FLASH_BYTES), FERRY_OK);
    T_CHECK(!w.md5_seen);
    T_EQ_INT(w.n_partitions, N_TWO_OTA);
}

static void row_of_no_kind_is_refused_with_its_number(void)
{
    struct ferry_table_walk w;
    encode_two_ota(true);
    row(2)[0] = 0xab;
    T_EQ_INT(walk(&w, FLASH_BYTES), FERRY_ERR_TABLE_ROW);
    T_EQ_INT(fault.off_bytes, 2);
    T_EQ_INT(fault.value, 0x50ab);
}

static void table_without_an_end_is_refused(void)
{
    struct ferry_table_walk w;
    struct ferry_partition p;
    encode_two_ota(false);
    for (size_t i = N_TWO_OTA; i < FERRY_TABLE_ROWS; i++)
        memcpy(row(i), row(0), FERRY_ROW_BYTES);
    T_EQ_INT(walk(&w, FLASH_BYTES), FERRY_OK);
    T_CHECK(!w.done);
    T_EQ_INT(ferry_table_walk_row(&w, row(0), FLASH_BYTES, &p, &fault), FERRY_ERR_TABLE_END);
}

static void end_marker_with_junk_behind_its_first_bytes_ends(void)
{
    struct ferry_table_walk w;
    encode_two_ota(true);
    memset(row(N_TWO_OTA + 1) + 4, 0x55, FERRY_ROW_BYTES - 4);
    T_EQ_INT(walk(&w, FLASH_BYTES), FERRY_OK);
    T_CHECK(w.done);
}

static void partition_outside_the_flash_is_refused(void)
{
    static const struct {
        uint32_t off, size, end;
    } cases[] = {
        {0x300000, 0x100001, 0x400001},
        {0x400001, 0, 0x400001},
        {0xfffff000, 0x2000, 0xffffffff}, // the sum wraps
        {0x1000, 0xffffffff, 0xffffffff},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct ferry_partition p = {.off_bytes = cases[i].off, .size_bytes = cases[i].size};
        struct ferry_table_walk w;
        T_EQ_INT(ferry_table_encode(&p, 1, true, table, &fault), FERRY_OK);
        T_EQ_INT(walk(&w, FLASH_BYTES), FERRY_ERR_TABLE_SIZE);
        T_EQ_INT(fault.value, cases[i].end);
        T_EQ_INT(fault.limit, FLASH_BYTES);
        T_EQ_INT(walk(&w, 0), FERRY_OK);
    }
}

static void partition_that_ends_with_the_flash_is_accepted(void)
{
    const struct ferry_partition p = {.off_bytes = 0x300000, .size_bytes = 0x100000};
    struct ferry_table_walk w;
    T_EQ_INT(ferry_table_encode(&p, 1, true, table, &fault), FERRY_OK);
    T_EQ_INT(walk(&w, FLASH_BYTES), FERRY_OK);
}

static void keywords_and_numbers_name_each_other(void)
{
    unsigned n = 0;
    for (unsigned type = 0; type < 256; type++) {
        for (unsigned subtype = 0; subtype < 256; subtype++) {
            const char *word = ferry_subtype_name((uint8_t)type, (uint8_t)subtype);
            uint8_t back = 0xee;
            if (!word)
                continue;
            n++;
            T_EQ_INT(ferry_subtype_by_name((uint8_t)type, word, &back), FERRY_OK);
            T_EQ_INT(back, subtype);
        }
    }
    T_EQ_INT(n, 37);
    uint8_t type = 0xee;
    T_EQ_INT(ferry_type_by_name("Partition_Table", &type), FERRY_OK);
    T_EQ_INT(type, FERRY_TYPE_TABLE);
    type = 0xee;
    T_EQ_INT(ferry_type_by_name("ap", &type), FERRY_ERR_NOT_FOUND);
    T_EQ_INT(ferry_type_by_name("apps", &type), FERRY_ERR_NOT_FOUND);
    T_EQ_INT(ferry_subtype_by_name(FERRY_TYPE_APP, "ota_16", &type), FERRY_ERR_NOT_FOUND);
    T_EQ_INT(type, 0xee);
    T_CHECK(!ferry_type_name(4));
}

/* On flash. */

static struct sim_flash sim;
static struct ferry_table opened;

static void put_two_ota(uint32_t off)
{
    sim_flash_init(&sim, FLASH_BYTES, 1);
    encode_two_ota(true);
    sim_flash_poke(&sim, off, table, sizeof(table));
}

static void table_is_opened_from_any_sector(void)
{
    put_two_ota(0x20000);
    T_EQ_INT(ferry_table_open(&opened, &sim.flash, 0x20000, &fault), FERRY_OK);
    T_EQ_INT(opened.n_partitions, N_TWO_OTA);
    T_CHECK(opened.has_md5);
    T_EQ_INT(ferry_table_open(&opened, &sim.flash, TABLE_OFF, &fault), FERRY_ERR_TABLE_MAGIC);
    T_EQ_INT(ferry_table_open(&opened, &sim.flash, 0x20100, &fault), FERRY_ERR_FLASH_ALIGN);
    T_EQ_INT(ferry_table_open(&opened, &sim.flash, FLASH_BYTES, &fault), FERRY_ERR_FLASH_RANGE);
    T_EQ_INT(ferry_table_open(&opened, &sim.flash, 0xfffff000, &fault), FERRY_ERR_FLASH_RANGE);
    sim_flash_free(&sim);
}

static void rows_behind_the_md5_row_are_refused(void)
{
    put_two_ota(TABLE_OFF);
    sim_flash_poke(&sim, TABLE_OFF + (N_TWO_OTA + 1) * FERRY_ROW_BYTES, row(0), FERRY_ROW_BYTES);
    T_EQ_INT(ferry_table_open(&opened, &sim.flash, TABLE_OFF, &fault), FERRY_ERR_TABLE_ROW);
    T_EQ_INT(fault.off_bytes, N_TWO_OTA + 1);
    sim_flash_free(&sim);
}

static void partitions_are_found_in_table_order(void)
{
    struct ferry_partition p;
    uint32_t i = 0, n = 0;
    put_two_ota(TABLE_OFF);
    T_EQ_INT(ferry_table_open(&opened, &sim.flash, TABLE_OFF, &fault), FERRY_OK);
    for (; !ferry_table_find(&opened, FERRY_TYPE_APP, FERRY_SUBTYPE_ANY, NULL, &i, &p); i++)
        T_EQ_STR(p.label, two_ota[3 + n++].label);
    T_EQ_INT(n, 3);
    i = 0;
    T_EQ_INT(ferry_table_find(&opened, FERRY_TYPE_ANY, FERRY_SUBTYPE_ANY, "ota_1", &i, &p),
             FERRY_OK);
    T_EQ_INT(i, 5);
    T_EQ_INT(p.off_bytes, 0x210000);
    i = 0;
    T_EQ_INT(ferry_table_find(&opened, FERRY_TYPE_DATA, FERRY_DATA_OTA, "ota_1", &i, &p),
             FERRY_ERR_NOT_FOUND);
    T_EQ_INT(ferry_table_get(&opened, 5, &p), FERRY_OK);
    T_EQ_INT(ferry_table_get(&opened, 6, &p), FERRY_ERR_NOT_FOUND);
    sim_flash_free(&sim);
}

static void region_of_a_dangerous_row_needs_permission(void)
{
    static const struct ferry_partition dangerous[] = {
        {0x0, 0x8000, 0, FERRY_TYPE_BOOTLOADER, 0, "bootloader"},
        {0x8000, 0x1000, 0, FERRY_TYPE_TABLE, 0, "table"},
        {0x300000, 0x8000, 0, FERRY_TYPE_BOOTLOADER, 2, "recovery"},
        {0x8000, 0x1000, 0, FERRY_TYPE_DATA, FERRY_DATA_NVS, "nvs"},
        {0x0, 0x100000, 0, FERRY_TYPE_APP, FERRY_APP_OTA_0, "ota_0"},
    };
    put_two_ota(TABLE_OFF);
    T_EQ_INT(ferry_table_open(&opened, &sim.flash, TABLE_OFF, &fault), FERRY_OK);
    for (size_t i = 0; i < sizeof(dangerous) / sizeof(*dangerous); i++) {
        const struct ferry_partition *p = &dangerous[i];
        struct ferry_region r = {0};
        T_EQ_INT(ferry_table_region(&opened, p, false, &r, &fault), FERRY_ERR_FLASH_PROTECTED);
        T_EQ_INT(fault.value, p->off_bytes);
        T_EQ_INT(fault.limit, 0x9000);
        T_CHECK(!r.flash);
        T_EQ_INT(ferry_table_region(&opened, p, true, &r, &fault), FERRY_OK);
        T_EQ_INT(r.off_bytes, p->off_bytes);
        T_EQ_INT(r.size_bytes, p->size_bytes);
    }
    sim_flash_free(&sim);
}

static void region_outside_the_flash_is_refused(void)
{
    const struct ferry_partition p = {0x3ff000, 0x2000, 0, FERRY_TYPE_DATA, FERRY_DATA_NVS, "nvs"};
    struct ferry_region r;
    put_two_ota(TABLE_OFF);
    T_EQ_INT(ferry_table_open(&opened, &sim.flash, TABLE_OFF, &fault), FERRY_OK);
    T_EQ_INT(ferry_table_region(&opened, &p, true, &r, &fault), FERRY_ERR_TABLE_SIZE);
    sim_flash_free(&sim);
}

int main(void)
{
    T_RUN(espressifs_worked_table_is_met_to_the_byte);
    T_RUN(rows_decode_to_what_they_were);
    T_RUN(label_of_16_bytes_keeps_all_of_them);
    T_RUN(bytes_behind_a_labels_end_are_not_encoded);
    T_RUN(table_holds_94_rows_with_md5_and_95_without);
    T_RUN(blank_flash_is_no_table);
    T_RUN(wrong_md5_is_refused);
    T_RUN(second_md5_row_is_refused);
    T_RUN(missing_md5_row_is_accepted);
    T_RUN(row_of_no_kind_is_refused_with_its_number);
    T_RUN(table_without_an_end_is_refused);
    T_RUN(end_marker_with_junk_behind_its_first_bytes_ends);
    T_RUN(partition_outside_the_flash_is_refused);
    T_RUN(partition_that_ends_with_the_flash_is_accepted);
    T_RUN(keywords_and_numbers_name_each_other);
    T_RUN(table_is_opened_from_any_sector);
    T_RUN(rows_behind_the_md5_row_are_refused);
    T_RUN(partitions_are_found_in_table_order);
    T_RUN(region_of_a_dangerous_row_needs_permission);
    T_RUN(region_outside_the_flash_is_refused);
    return t_end();
}
