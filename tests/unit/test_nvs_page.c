/* tests/unit/test_nvs_page.c - the codec of NVS pages: bytes known from Espressif's tools, and each
 * flaw found where it is planted. Values: docs/formats.md "NVS". */
#include "ferry/nvs_page.h"

#include "ferry/bytes.h"
#include "t.h"

static void head_has_the_known_crc(void)
{
    static const struct {
        uint32_t seq, crc;
        uint8_t version;
    } known[] = {{0, 0xb9ba2d84, FERRY_NVS_VERSION_2},
                 {1, 0x389f48a3, FERRY_NVS_VERSION_2},
                 {2, 0x6081e18b, FERRY_NVS_VERSION_2},
                 {0, 0xdcdd16c2, FERRY_NVS_VERSION_1}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const struct ferry_nvs_head head = {FERRY_NVS_PAGE_FULL, known[i].seq, known[i].version};
        struct ferry_nvs_head back;
        uint8_t bytes[FERRY_NVS_HEAD_BYTES];
        ferry_nvs_head_encode(&head, bytes);
        T_EQ_INT(ferry_le32(bytes + 28), known[i].crc);
        T_EQ_INT(ferry_nvs_head_decode(bytes, &back), FERRY_NVS_FLAW_NONE);
        T_EQ_INT(back.seq, known[i].seq);
        T_EQ_INT(back.version, known[i].version);
        T_EQ_INT(back.state, FERRY_NVS_PAGE_FULL);
    }
}

static void head_flaws_are_told_apart(void)
{
    struct ferry_nvs_head head = {FERRY_NVS_PAGE_ACTIVE, 7, FERRY_NVS_VERSION_2}, back;
    uint8_t bytes[FERRY_NVS_HEAD_BYTES];
    ferry_nvs_head_encode(&head, bytes);
    bytes[4] ^= 1;
    T_EQ_INT(ferry_nvs_head_decode(bytes, &back), FERRY_NVS_FLAW_HEAD_CRC);
    bytes[4] ^= 1;
    ferry_put_le32(bytes, 0xfffffff0); // the state has no part in the CRC
    T_EQ_INT(ferry_nvs_head_decode(bytes, &back), FERRY_NVS_FLAW_HEAD_STATE);
    head.version = 0xfd;
    ferry_nvs_head_encode(&head, bytes);
    T_EQ_INT(ferry_nvs_head_decode(bytes, &back), FERRY_NVS_FLAW_VERSION);
    memset(bytes, 0xff, sizeof(bytes));
    T_EQ_INT(ferry_nvs_head_decode(bytes, &back), FERRY_NVS_FLAW_NONE);
    T_EQ_INT(back.state, FERRY_NVS_PAGE_BLANK);
}

static void map_only_clears_bits(void)
{
    uint8_t map[FERRY_NVS_MAP_BYTES];
    memset(map, 0xff, sizeof(map));
    for (uint32_t i = 0; i < FERRY_NVS_ENTRIES; i++)
        T_EQ_INT(ferry_nvs_map_get(map, i), FERRY_NVS_ENTRY_EMPTY);
    ferry_nvs_map_put(map, 0, FERRY_NVS_ENTRY_WRITTEN);
    ferry_nvs_map_put(map, 17, FERRY_NVS_ENTRY_WRITTEN);
    ferry_nvs_map_put(map, 125, FERRY_NVS_ENTRY_ERASED);
    T_EQ_INT(map[0], 0xfe);
    T_EQ_INT(map[4], 0xfb);
    T_EQ_INT(map[31], 0xf3);
    ferry_nvs_map_put(map, 125, FERRY_NVS_ENTRY_WRITTEN);
    T_EQ_INT(ferry_nvs_map_get(map, 125), FERRY_NVS_ENTRY_ERASED);
    T_EQ_INT(ferry_nvs_map_get(map, 17), FERRY_NVS_ENTRY_WRITTEN);
    T_EQ_INT(ferry_nvs_map_get(map, 16), FERRY_NVS_ENTRY_EMPTY);
}

static void numbers_encode_as_known(void)
{
    static const uint8_t ns_crc[] = {0x00, 0x01, 0x01, 0xff, 0x68, 0xc5, 0x3f, 0x0b};
    static const uint8_t u32_head[] = {0x01, 0x04, 0x01, 0xff, 0x21, 0x1d, 0xf2, 0x86};
    static const uint8_t u32_data[] = {0x06, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff};
    struct ferry_nvs_entry e;
    uint8_t bytes[FERRY_NVS_ENTRY_BYTES];
    ferry_nvs_entry_begin(&e, 0, FERRY_NVS_U8, "test_ns");
    ferry_nvs_entry_put_number(&e, 1);
    ferry_nvs_entry_encode(&e, bytes);
    T_EQ_MEM(bytes, ns_crc, sizeof(ns_crc));
    ferry_nvs_entry_begin(&e, 1, FERRY_NVS_U32, "channel");
    ferry_nvs_entry_put_number(&e, 6);
    ferry_nvs_entry_encode(&e, bytes);
    T_EQ_MEM(bytes, u32_head, sizeof(u32_head));
    T_EQ_MEM(bytes + 8, "channel\0\0\0\0\0\0\0\0\0", 16);
    T_EQ_MEM(bytes + 24, u32_data, sizeof(u32_data));
}

static void values_and_index_encode_as_known(void)
{
    static const uint8_t blob[] = {0, 1, 2, 3, 4};
    static const uint8_t chunk[] = {0x01, 0x42, 0x02, 0x00, 0xc9, 0xac, 0x3c, 0x1b};
    static const uint8_t chunk_data[] = {0x05, 0x00, 0xff, 0xff, 0x2e, 0xdb, 0x87, 0x68};
    static const uint8_t index[] = {0x01, 0x48, 0x01, 0xff, 0x3e, 0xf1, 0x34, 0x34};
    static const uint8_t text[] = {0x01, 0x21, 0x02, 0xff, 0xb5, 0x59, 0x37, 0x8d};
    struct ferry_nvs_entry e;
    uint8_t bytes[FERRY_NVS_ENTRY_BYTES];
    ferry_nvs_entry_begin(&e, 1, FERRY_NVS_BLOB, "blob");
    e.chunk = 0;
    ferry_nvs_entry_put_value(&e, 5, ferry_nvs_value_crc(blob, 5));
    ferry_nvs_entry_encode(&e, bytes);
    T_EQ_MEM(bytes, chunk, sizeof(chunk));
    T_EQ_MEM(bytes + 24, chunk_data, sizeof(chunk_data));
    ferry_nvs_entry_begin(&e, 1, FERRY_NVS_BLOB_INDEX, "blob");
    ferry_nvs_entry_put_index(&e, 5, 1, 0);
    ferry_nvs_entry_encode(&e, bytes);
    T_EQ_MEM(bytes, index, sizeof(index));
    ferry_nvs_entry_begin(&e, 1, FERRY_NVS_STRING, "name");
    ferry_nvs_entry_put_value(&e, 6, ferry_nvs_value_crc("hello", 6));
    ferry_nvs_entry_encode(&e, bytes);
    T_EQ_MEM(bytes, text, sizeof(text));
    T_EQ_INT(ferry_nvs_value_crc(NULL, 0), 0xffffffff);
}

static void numbers_come_back_with_their_sign(void)
{
    static const struct {
        enum ferry_nvs_type type;
        uint64_t put, got;
        uint32_t size;
    } cases[] = {{FERRY_NVS_U8, 0x1ff, 0xff, 1},
                 {FERRY_NVS_I8, (uint64_t)-1, (uint64_t)-1, 1},
                 {FERRY_NVS_I16, (uint64_t)-32768, (uint64_t)-32768, 2},
                 {FERRY_NVS_I16, 32767, 32767, 2},
                 {FERRY_NVS_U32, (uint64_t)-1, 0xffffffff, 4},
                 {FERRY_NVS_I64, UINT64_C(1) << 63, UINT64_C(1) << 63, 8},
                 {FERRY_NVS_FLOAT, 0xbf800000, 0xbf800000, 4},
                 {FERRY_NVS_DOUBLE, UINT64_C(0xbff0000000000000), UINT64_C(0xbff0000000000000), 8}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ferry_nvs_entry e;
        ferry_nvs_entry_begin(&e, 1, cases[i].type, "k");
        ferry_nvs_entry_put_number(&e, cases[i].put);
        T_CHECK(ferry_nvs_entry_number(&e) == cases[i].got);
        T_EQ_INT(ferry_nvs_entry_size(&e), cases[i].size);
        T_CHECK(ferry_nvs_type_is_number(cases[i].type));
        T_CHECK(!ferry_nvs_type_has_value(cases[i].type));
    }
    T_CHECK(!ferry_nvs_type_is_number(FERRY_NVS_STRING));
    T_CHECK(!ferry_nvs_type_is_number(FERRY_NVS_BLOB));
    T_CHECK(!ferry_nvs_type_is_number(FERRY_NVS_ANY));
    T_CHECK(!ferry_nvs_type_is_number(0x03));
    T_CHECK(!ferry_nvs_type_is_number(0x22));
}

/* Encodes e, so that its CRC is right, and says what is wrong with it at place i. */
static enum ferry_nvs_flaw flaw_of(const struct ferry_nvs_entry *e, uint32_t i)
{
    struct ferry_nvs_entry back;
    uint8_t bytes[FERRY_NVS_ENTRY_BYTES];
    ferry_nvs_entry_encode(e, bytes);
    return ferry_nvs_entry_decode(bytes, i, &back);
}

static void entry_flaws_are_told_apart(void)
{
    struct ferry_nvs_entry e;
    ferry_nvs_entry_begin(&e, 1, FERRY_NVS_U8, "k");
    T_EQ_INT(flaw_of(&e, 0), FERRY_NVS_FLAW_NONE);
    e.span = 2;
    T_EQ_INT(flaw_of(&e, 0), FERRY_NVS_FLAW_SPAN);
    e.type = 0x43;
    T_EQ_INT(flaw_of(&e, 0), FERRY_NVS_FLAW_TYPE);
    ferry_nvs_entry_begin(&e, 1, FERRY_NVS_STRING, "k");
    ferry_nvs_entry_put_value(&e, 64, 0);
    T_EQ_INT(flaw_of(&e, 123), FERRY_NVS_FLAW_NONE);
    T_EQ_INT(flaw_of(&e, 124), FERRY_NVS_FLAW_SIZE);
    e.span = 0;
    T_EQ_INT(flaw_of(&e, 0), FERRY_NVS_FLAW_SPAN);
    ferry_nvs_entry_begin(&e, 1, FERRY_NVS_BLOB, "k");
    ferry_nvs_entry_put_value(&e, 0, 0);
    T_EQ_INT(flaw_of(&e, 0), FERRY_NVS_FLAW_CHUNK);
    e.chunk = 0xfe;
    T_EQ_INT(flaw_of(&e, 125), FERRY_NVS_FLAW_NONE);
    ferry_nvs_entry_begin(&e, 1, FERRY_NVS_BLOB_INDEX, "k");
    ferry_nvs_entry_put_index(&e, 508000, 127, 0);
    T_EQ_INT(flaw_of(&e, 0), FERRY_NVS_FLAW_NONE);
    ferry_nvs_entry_put_index(&e, 508001, 127, 0);
    T_EQ_INT(flaw_of(&e, 0), FERRY_NVS_FLAW_SIZE);
    e.chunk = 0;
    T_EQ_INT(flaw_of(&e, 0), FERRY_NVS_FLAW_CHUNK);
}

static void entry_with_any_bit_flipped_is_flawed(void)
{
    struct ferry_nvs_entry e, back;
    uint8_t bytes[FERRY_NVS_ENTRY_BYTES];
    ferry_nvs_entry_begin(&e, 3, FERRY_NVS_STRING, "fifteen_letters");
    ferry_nvs_entry_put_value(&e, 33, 0x12345678);
    ferry_nvs_entry_encode(&e, bytes);
    for (uint32_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        T_EQ_INT(ferry_nvs_entry_decode(bytes, 0, &back), FERRY_NVS_FLAW_CRC);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    T_EQ_INT(ferry_nvs_entry_decode(bytes, 0, &back), FERRY_NVS_FLAW_NONE);
    T_EQ_MEM(back.key, "fifteen_letters", 16);
    T_EQ_INT(back.span, 3);
    T_EQ_INT(ferry_nvs_entry_value_crc(&back), 0x12345678);
}

int main(void)
{
    T_RUN(head_has_the_known_crc);
    T_RUN(head_flaws_are_told_apart);
    T_RUN(map_only_clears_bits);
    T_RUN(numbers_encode_as_known);
    T_RUN(values_and_index_encode_as_known);
    T_RUN(numbers_come_back_with_their_sign);
    T_RUN(entry_flaws_are_told_apart);
    T_RUN(entry_with_any_bit_flipped_is_flawed);
    return t_end();
}
