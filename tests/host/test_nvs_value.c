/* tests/host/test_nvs_value.c - values of NVS keys between text and bytes, key files and their
 * cipher: every limit and just past it. */
#include "nvs_value.h"

#include "nvs_keys.h"
#include "t.h"

static const struct limit {
    enum ferry_nvs_type type;
    const char *lowest, *highest, *below, *above;
    const char *low_limit, *high_limit; // as the complaint names them
} limits[] = {
    {FERRY_NVS_U8, "0", "255", "-1", "256", "0", "255"},
    {FERRY_NVS_I8, "-128", "127", "-129", "128", "-128", "127"},
    {FERRY_NVS_U16, "0", "0xffff", "-1", "0x10000", "0", "65535"},
    {FERRY_NVS_I16, "-32768", "32767", "-32769", "32768", "-32768", "32767"},
    {FERRY_NVS_U32, "-0", "4294967295", "-1", "4294967296", "0", "4294967295"},
    {FERRY_NVS_I32, "-2147483648", "2147483647", "-2147483649", "2147483648", "-2147483648",
     "2147483647"},
    {FERRY_NVS_U64, "0", "18446744073709551615", "-1", "18446744073709551616", "0",
     "18446744073709551615"},
    {FERRY_NVS_I64, "-9223372036854775808", "9223372036854775807", "-9223372036854775809",
     "9223372036854775808", "-9223372036854775808", "9223372036854775807"},
};

static bool parse(enum ferry_nvs_type type, const char *text, uint64_t *bits, char *why)
{
    return ferry_nvs_parse_number(type, text, strlen(text), bits, why);
}

static void integers_reach_their_limits_and_no_further(void)
{
    char why[FERRY_NVS_WHY_BYTES], words[40];
    uint64_t bits;
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        const struct limit *l = &limits[i];
        T_CHECK(parse(l->type, l->lowest, &bits, why));
        T_EQ_STR(ferry_nvs_number_words(words, sizeof(words), l->type, bits), l->low_limit);
        T_CHECK(parse(l->type, l->highest, &bits, why));
        T_EQ_STR(ferry_nvs_number_words(words, sizeof(words), l->type, bits), l->high_limit);
        T_CHECK(!parse(l->type, l->below, &bits, why) && strstr(why, l->below) &&
                strstr(why, l->low_limit));
        T_CHECK(!parse(l->type, l->above, &bits, why) && strstr(why, l->above) &&
                strstr(why, l->high_limit));
    }
}

static void integers_are_written_as_python_takes_them(void)
{
    static const struct {
        const char *text;
        uint64_t bits;
    } good[] = {{" 12\n", 12}, {"+5", 5},      {"0012", 12}, {"1_000", 1000},
                {"0xFF", 255}, {"0x_ff", 255}, {"0b101", 5}, {"0o17", 15}};
    static const char *const bad[] = {"",   " ",    "-",    "0x",    "1__0", "_1",
                                      "1_", "1 2",  "1.0",  "0x1g",  "1e3",  "--1",
                                      "١",  "0b12", "0o18", "twelve"};
    char why[FERRY_NVS_WHY_BYTES];
    uint64_t bits;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        T_CHECK(parse(FERRY_NVS_U16, good[i].text, &bits, why) && bits == good[i].bits);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        T_CHECK(!parse(FERRY_NVS_U16, bad[i], &bits, why) && strstr(why, "not a whole number"));
}

static void reals_are_bits_that_read_back(void)
{
    char why[FERRY_NVS_WHY_BYTES], words[40];
    uint64_t bits;
    T_CHECK(parse(FERRY_NVS_FLOAT, "1.5", &bits, why) && bits == 0x3fc00000);
    T_CHECK(parse(FERRY_NVS_DOUBLE, "-2", &bits, why) && bits == 0xc000000000000000);
    T_CHECK(parse(FERRY_NVS_FLOAT, "0.1", &bits, why));
    T_EQ_STR(ferry_nvs_number_words(words, sizeof(words), FERRY_NVS_FLOAT, bits), "0.100000001");
    T_CHECK(!parse(FERRY_NVS_FLOAT, "nan", &bits, why));
    T_CHECK(!parse(FERRY_NVS_FLOAT, "", &bits, why));
    T_CHECK(!parse(FERRY_NVS_FLOAT, "1.5x", &bits, why));
    T_CHECK(!parse(FERRY_NVS_FLOAT, "1e39", &bits, why) && strstr(why, "3.40282347e+38"));
    T_CHECK(!parse(FERRY_NVS_DOUBLE, "1e400", &bits, why) && strstr(why, "out of range"));
}

static void check_bytes(bool is_hex, const char *text, const char *want, size_t n)
{
    struct ferry_strbuf out = {0};
    char why[FERRY_NVS_WHY_BYTES] = "";
    const bool ok =
        (is_hex ? ferry_nvs_parse_hex : ferry_nvs_parse_base64)(text, strlen(text), &out, why);
    T_EQ_INT(ok, want != NULL);
    T_CHECK(ok || *why);
    if (ok && T_EQ_INT(out.n, n) && n)
        T_EQ_MEM(out.text, want, n);
    ferry_strbuf_free(&out);
}

static void blobs_are_read_from_hex_and_base64(void)
{
    check_bytes(true, "", "", 0);
    check_bytes(true, " 00fFaB\n", "\x00\xff\xab", 3);
    check_bytes(true, "0", NULL, 0);
    check_bytes(true, "0g", NULL, 0);
    check_bytes(true, "0 0f", NULL, 0);
    check_bytes(false, "", "", 0);
    check_bytes(false, "AAEC", "\x00\x01\x02", 3);
    check_bytes(false, "AA\nE=\n", "\x00\x01", 2);
    check_bytes(false, "AA==", "\x00", 1);
    check_bytes(false, "A===", NULL, 0);
    check_bytes(false, "AAA", NULL, 0);
    check_bytes(false, "AA=A", NULL, 0);
    check_bytes(false, "AA_A", NULL, 0);
}

/* The first two blocks of vector 10 of IEEE 1619-2018. */
static void the_cipher_is_xts_aes_256(void)
{
    static const uint8_t key[FERRY_XTS_KEY_BYTES] = {
        0x27, 0x18, 0x28, 0x18, 0x28, 0x45, 0x90, 0x45, 0x23, 0x53, 0x60, 0x28, 0x74,
        0x71, 0x35, 0x26, 0x62, 0x49, 0x77, 0x57, 0x24, 0x70, 0x93, 0x69, 0x99, 0x59,
        0x57, 0x49, 0x66, 0x96, 0x76, 0x27, 0x31, 0x41, 0x59, 0x26, 0x53, 0x58, 0x97,
        0x93, 0x23, 0x84, 0x62, 0x64, 0x33, 0x83, 0x27, 0x95, 0x02, 0x88, 0x41, 0x97,
        0x16, 0x93, 0x99, 0x37, 0x51, 0x05, 0x82, 0x09, 0x74, 0x94, 0x45, 0x92};
    static const uint8_t want[FERRY_XTS_UNIT_BYTES] = {
        0x1c, 0x3b, 0x3a, 0x10, 0x2f, 0x77, 0x03, 0x86, 0xe4, 0x83, 0x6c,
        0x99, 0xe3, 0x70, 0xcf, 0x9b, 0xea, 0x00, 0x80, 0x3f, 0x5e, 0x48,
        0x23, 0x57, 0xa4, 0xae, 0x12, 0xd4, 0x14, 0xa3, 0xe6, 0x3b};
    uint8_t unit[FERRY_XTS_UNIT_BYTES], plain[FERRY_XTS_UNIT_BYTES];
    struct ferry_xts x;
    for (unsigned i = 0; i < sizeof(unit); i++)
        plain[i] = unit[i] = (uint8_t)i;
    T_EQ_INT(ferry_xts_open(&x, key), FERRY_OK);
    T_EQ_INT(x.ops->encrypt(&x, 0xff, unit), FERRY_OK);
    T_EQ_MEM(unit, want, sizeof(unit));
    T_EQ_INT(x.ops->decrypt(&x, 0xff, unit), FERRY_OK);
    T_EQ_MEM(unit, plain, sizeof(unit));
    T_EQ_INT(x.ops->encrypt(&x, 0xff00, unit), FERRY_OK);
    T_CHECK(memcmp(unit, want, sizeof(unit)) != 0);
    ferry_xts_close(&x);
    T_CHECK(!x.ctx && !x.ops);
    ferry_xts_close(&x);
}

static void equal_halves_are_refused_at_once(void)
{
    uint8_t key[FERRY_XTS_KEY_BYTES], file[FERRY_NVS_KEY_FILE_BYTES], got[FERRY_XTS_KEY_BYTES];
    struct ferry_xts x;
    const char *why = "";
    memset(key, 0x11, sizeof(key));
    T_EQ_INT(ferry_xts_open(&x, key), FERRY_ERR_NVS_CRYPT);
    T_CHECK(!x.ctx);
    ferry_nvs_keys_encode(key, file);
    T_EQ_INT(ferry_nvs_keys_decode(file, sizeof(file), got, &why), FERRY_ERR_KEY);
    T_CHECK(strstr(why, "equal"));
}

static void key_files_are_whole_or_refused(void)
{
    uint8_t key[FERRY_XTS_KEY_BYTES], file[FERRY_NVS_KEY_FILE_BYTES], got[FERRY_XTS_KEY_BYTES];
    const char *why = "";
    T_EQ_INT(ferry_nvs_keys_random(key, sizeof(key)), FERRY_OK);
    ferry_nvs_keys_encode(key, file);
    T_EQ_INT(ferry_nvs_keys_decode(file, FERRY_NVS_KEY_HEAD_BYTES, got, &why), FERRY_OK);
    T_EQ_MEM(got, key, sizeof(key));
    T_EQ_INT(ferry_nvs_keys_decode(file, FERRY_NVS_KEY_HEAD_BYTES - 1, got, &why), FERRY_ERR_KEY);
    for (unsigned i = 0; i < FERRY_NVS_KEY_HEAD_BYTES; i++) {
        file[i] ^= 0x10;
        T_EQ_INT(ferry_nvs_keys_decode(file, sizeof(file), got, &why), FERRY_ERR_KEY);
        file[i] ^= 0x10;
    }
}

int main(void)
{
    T_RUN(integers_reach_their_limits_and_no_further);
    T_RUN(integers_are_written_as_python_takes_them);
    T_RUN(reals_are_bits_that_read_back);
    T_RUN(blobs_are_read_from_hex_and_base64);
    T_RUN(the_cipher_is_xts_aes_256);
    T_RUN(equal_halves_are_refused_at_once);
    T_RUN(key_files_are_whole_or_refused);
    return t_end();
}
