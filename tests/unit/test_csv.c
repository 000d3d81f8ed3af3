/* tests/unit/test_csv.c - partition CSV: numbers, encodings, variables, places, rules, and that
 * every refusal names line, field, value and limit. */
#include <stdlib.h>

#include "csv_number.h"
#include "partition_csv.h"
#include "t.h"
#include "unicode.h"

static struct ferry_rows rows;
static struct ferry_rows_options options;

static void begin(void)
{
    ferry_rows_free(&rows);
    options = (struct ferry_rows_options){.table_off_bytes = FERRY_TABLE_OFF_DEFAULT};
}

static ferry_err read_bytes(const void *bytes, size_t n)
{
    ferry_rows_free(&rows);
    const ferry_err err = ferry_rows_read(&rows, bytes, n, &options);
    return err ? err : ferry_rows_check(&rows, &options);
}

static ferry_err read_csv(const char *csv)
{
    return read_bytes(csv, strlen(csv));
}

/** The CSV is refused, and the sentence says all of `words` (separated by '|'). */
static void refused(const char *csv, ferry_err want, const char *words)
{
    T_EQ_INT(read_csv(csv), want);
    T_EQ_INT(rows.fault.err, want);
    char word[64];
    while (*words) {
        const size_t n = strcspn(words, "|");
        snprintf(word, sizeof(word), "%.*s", (int)n, words);
        if (!T_CHECK(strstr(rows.detail, word)))
            printf("    \"%s\" does not say \"%s\"\n", rows.detail, word);
        words += n + (words[n] == '|');
    }
}

static void numbers_follow_pythons_int(void)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"00", 0},
        {"0_0", 0},
        {"4096", 4096},
        {"0x1000", 0x1000},
        {"0X_1f", 0x1f},
        {"0o17", 15},
        {"0b101", 5},
        {"1_000", 1000},
        {" +7\t", 7},
        {"-0x10", -16},
        {"4K", 4096},
        {"4k", 4096},
        {"2M", 0x200000},
        {"1mk", 1 << 30},
        {"0x10K", 0x4000},
        {"4 K", 4096},
        {"-1M", -0x100000},
        {"0MMMMMMMMM", 0},
        {"9999999999999999999999", FERRY_CSV_NUMBER_MOST},
        {"-1MMMMMMMMM", -FERRY_CSV_NUMBER_MOST},
    };
    static const char *const bad[] = {"",     "K",   "010", "0_8",  "1__0", "_1",  "1_",
                                      "0x",   "0xg", "1.5", "1.5M", "1G",   "- 1", "+-1",
                                      "4K K", "0b2", "0x_", "a",    "4KB",  "--1"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        int64_t value = -1;
        if (!T_CHECK(ferry_csv_number(good[i].text, &value)))
            printf("    %s\n", good[i].text);
        T_EQ_INT(value, good[i].value);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        int64_t value = -77;
        if (!T_CHECK(!ferry_csv_number(bad[i], &value)))
            printf("    %s\n", bad[i]);
        T_EQ_INT(value, -77);
    }
}

static void text_is_read_in_every_encoding_with_a_mark(void)
{
    static const char utf8[] = "\xef\xbb\xbfn\xc3\xa9,data,nvs,,12K";
    static const char utf16[] = "\xff\xfen\0\xe9\0,\0d\0a\0t\0a\0,\0n\0v\0s\0,\0,\0"
                                "1\0002\0K\0";
    static const char utf16_big[] = "\xfe\xff\0n\0\xe9\0,\0d\0a\0t\0a\0,\0n\0v\0s\0,\0,\0"
                                    "1\0002\0K";
    begin();
    T_EQ_INT(read_bytes(utf8, sizeof(utf8) - 1), FERRY_OK);
    T_EQ_STR(rows.rows[0].name, "n\xc3\xa9");
    T_EQ_INT(read_bytes(utf16, sizeof(utf16) - 1), FERRY_OK);
    T_EQ_STR(rows.rows[0].name, "n\xc3\xa9");
    T_EQ_INT(read_bytes(utf16_big, sizeof(utf16_big) - 1), FERRY_OK);
    T_EQ_STR(rows.rows[0].name, "n\xc3\xa9");
    T_EQ_INT(read_bytes("\0\0\xfe\xff\0\0\0#", 8), FERRY_OK);
    T_EQ_INT(rows.n_rows, 0);
}

static void what_is_no_text_is_refused_with_its_place(void)
{
    begin();
    T_EQ_INT(read_bytes("ab\xff", 3), FERRY_ERR_SYNTAX);
    T_CHECK(strstr(rows.detail, "0xff at 2"));
    T_EQ_INT(read_bytes("\xc0\x80", 2), FERRY_ERR_SYNTAX);     // overlong
    T_EQ_INT(read_bytes("\xed\xa0\x80", 3), FERRY_ERR_SYNTAX); // a surrogate
    T_EQ_INT(read_bytes("\xe2\x82", 2), FERRY_ERR_SYNTAX);     // cut
    T_EQ_INT(read_bytes("\xff\xfe\0\xd8", 4), FERRY_ERR_SYNTAX);
    T_EQ_INT(read_bytes("\xff\xfe#", 3), FERRY_ERR_SYNTAX);
    T_EQ_INT(read_bytes("\xff\xfe\0\0#\0\0\0", 8), FERRY_ERR_CSV);
    T_CHECK(strstr(rows.detail, "NUL"));
}

static void lines_end_and_blanks_strip_as_in_python(void)
{
    begin();
    T_EQ_INT(read_csv("a,data,fat,,4K\r\nb,data,fat,,4K\rc,data,fat,,4K\vd,data,fat,,4K\x1c"
                      "e,data,fat,,4K\xe2\x80\xa8\xc2\xa0"
                      "f\xc2\xa0,\tdata ,fat,,4K\xe3\x80\x80\xc2\x85  # g"),
             FERRY_OK);
    T_EQ_INT(rows.n_rows, 6);
    T_EQ_STR(rows.rows[5].name, "f");
    T_EQ_INT(rows.rows[1].line, 2);
    T_EQ_INT(rows.rows[5].line, 6);
}

static void variables_come_from_the_environment(void)
{
    begin();
    setenv("FERRY_T_SIZE", "12K", 1);
    setenv("FERRY_T_LINE", "b,data,fat,,$FERRY_T_SIZE", 1);
    unsetenv("FERRY_T_NONE");
    T_EQ_INT(read_csv("a,data,nvs,,$FERRY_T_SIZE\n${FERRY_T_SIZE}x$,data,fat,,4K\n"), FERRY_OK);
    T_EQ_INT(rows.rows[0].p.size_bytes, 0x3000);
    T_EQ_STR(rows.rows[1].name, "12Kx$");
    refused("$FERRY_T_LINE", FERRY_ERR_CSV, "line 1|size|$FERRY_T_SIZE"); // replaced once only
    refused("\n$FERRY_T_NONE,data", FERRY_ERR_CSV, "line 2|FERRY_T_NONE");
    T_EQ_INT(read_csv(" $FERRY_T_NONE,data,fat,,4K"), FERRY_OK);
    T_EQ_STR(rows.rows[0].name, "$FERRY_T_NONE");
    setenv("FERRY_T_BAD", "\xff", 1);
    refused("$FERRY_T_BAD,data,fat,,4K", FERRY_ERR_CSV, "UTF-8");
}

static void open_offsets_are_laid_out_and_aligned(void)
{
    begin();
    T_EQ_INT(read_csv("nvs,data,nvs,,0x4001\notadata,data,ota,,8K\nf,app,factory,,64K\n"
                      "x,0x40,1,0x200000,-0x280000\n"),
             FERRY_OK);
    T_EQ_INT(rows.rows[0].p.off_bytes, 0x9000);
    T_EQ_INT(rows.rows[1].p.off_bytes, 0xe000);
    T_EQ_INT(rows.rows[2].p.off_bytes, 0x10000);
    T_EQ_INT(rows.rows[3].p.size_bytes, 0x80000);
}

static void bootloader_and_table_rows_take_their_places_from_the_options(void)
{
    static const char csv[] = "b,bootloader,primary,N/A,N/A\np,partition_table,primary\n"
                              "bo,bootloader,ota\nr,bootloader,recovery,N/A\n";
    begin();
    refused(csv, FERRY_ERR_CSV, "line 1|--primary-bootloader-offset");
    options.has_primary_bootloader = true;
    options.primary_bootloader_off_bytes = 0x1000;
    refused(csv, FERRY_ERR_CSV, "line 4|--recovery-bootloader-offset");
    options.has_recovery_bootloader = true;
    options.recovery_bootloader_off_bytes = 0x3f0000;
    T_EQ_INT(read_csv(csv), FERRY_OK);
    T_EQ_INT(rows.rows[0].p.off_bytes, 0x1000);
    T_EQ_INT(rows.rows[0].p.size_bytes, 0x7000);
    T_EQ_INT(rows.rows[1].p.off_bytes, 0x8000);
    T_EQ_INT(rows.rows[2].p.off_bytes, 0x9000);
    T_EQ_INT(rows.rows[3].p.off_bytes, 0x3f0000);
    options.primary_bootloader_off_bytes = 0x8000;
    refused(csv, FERRY_ERR_ARG, "0x8000");
}

static void fields_are_refused_by_line_name_and_value(void)
{
    begin();
    refused("nvs", FERRY_ERR_CSV, "line 1|type is missing");
    refused("# c\n\nx,foo,1,,4K", FERRY_ERR_CSV, "line 3|type 'foo'|app");
    refused("x,400,1,,4K", FERRY_ERR_CSV, "type 400|255");
    refused("x,-1,1,,4K", FERRY_ERR_CSV, "type -1|255");
    refused("x,app,,,64K", FERRY_ERR_CSV, "subtype is missing");
    refused("x,app,ota_16,,64K", FERRY_ERR_CSV, "subtype 'ota_16'|app");
    refused("x,data,0x100,,64K", FERRY_ERR_CSV, "subtype 0x100|255");
    refused("x,0x40,nvs,,64K", FERRY_ERR_CSV, "subtype 'nvs'");
    refused("x,data,nvs,zz,64K", FERRY_ERR_CSV, "offset 'zz'");
    refused("x,data,nvs,,1.5M", FERRY_ERR_CSV, "size '1.5M'");
    refused("x,data,nvs", FERRY_ERR_CSV, "size is missing");
    refused("x,data,nvs,,64K,Encrypted", FERRY_ERR_CSV, "flag 'Encrypted'");
    refused("x,data,fat,,0x100000000", FERRY_ERR_CSV, "size 0x100000000|0xffffffff");
    refused("x,data,fat,0x100000000,1", FERRY_ERR_CSV, "offset 0x100000000");
    refused("x,app,factory,0x20000,-0x10000", FERRY_ERR_CSV, "0x10000|0x20000");
    refused("x,data,nvs,0x8000,64K", FERRY_ERR_CSV, "0x8000|0x9000|table");
    refused("a,data,nvs,,64K\nb,data,fat,0x9000,4K", FERRY_ERR_CSV, "line 2|0x9000|0x19000");
    refused("x,data,f\x07t,,4K", FERRY_ERR_CSV, "f?t"); // nothing rings the bell
}

static void rules_are_refused_with_value_and_limit(void)
{
    begin();
    refused("f,app,factory,0x11000,64K", FERRY_ERR_TABLE_RULE, "f|0x11000|0x10000");
    T_EQ_INT(rows.fault.value, 0x11000);
    T_EQ_INT(rows.fault.limit, 0x10000);
    refused("f,app,factory,,0x10800", FERRY_ERR_TABLE_RULE, "size of f|0x10800|0x1000");
    options.secure = FERRY_SECURE_V1;
    refused("f,app,factory,,0x11000", FERRY_ERR_TABLE_RULE, "0x11000|0x10000");
    options.secure = FERRY_SECURE_V2;
    T_EQ_INT(read_csv("f,app,factory,,0x11000"), FERRY_OK);
    refused("n,data,nvs,0x9100,64K", FERRY_ERR_TABLE_RULE, "0x9100|0x1000");
    refused("n,data,nvs,,8K", FERRY_ERR_TABLE_RULE, "0x2000|0x3000|readonly");
    T_EQ_INT(read_csv("n,data,nvs,,8K,readonly"), FERRY_OK);
    refused("o,data,ota,,8K,readonly", FERRY_ERR_TABLE_RULE, "o|readonly");
    refused("c,data,coredump,,8K,readonly", FERRY_ERR_TABLE_RULE, "coredump");
    refused("a,data,fat,,4K\na,data,nvs,,12K", FERRY_ERR_TABLE_RULE, "name 'a'");
    refused("a,data,ota,,8K\nb,data,ota,,8K", FERRY_ERR_TABLE_RULE, "a and b|data/ota");
    refused("a,data,ota,,12K", FERRY_ERR_TABLE_RULE, "0x3000|0x2000");
    refused("a,data,tee_ota,,4K", FERRY_ERR_TABLE_RULE, "tee_ota|0x1000|0x2000");
    options.flash_bytes = 0x200000;
    refused("f,app,factory,0x10000,0x1f1000", FERRY_ERR_TABLE_SIZE, "f");
    T_EQ_INT(rows.fault.value, 0x201000);
    T_EQ_INT(rows.fault.limit, 0x200000);
    T_EQ_INT(read_csv("f,app,factory,0x10000,0x1f0000"), FERRY_OK);
}

static void every_broken_rule_is_listed(void)
{
    begin();
    T_EQ_INT(read_csv("n,data,nvs,0x9100,8K\nf,app,factory,0x11000,0x10800"), FERRY_ERR_TABLE_RULE);
    unsigned n_lines = 0;
    for (const char *c = rows.problems.text; *c; c++)
        n_lines += *c == '\n';
    T_EQ_INT(n_lines, 4);
}

static void without_rules_only_the_reading_counts(void)
{
    begin();
    options.without_rules = true;
    T_EQ_INT(read_csv("n,data,nvs,0x9100,8K\nn,app,factory,0x11000,0x10800"), FERRY_OK);
    refused("a,data,nvs,,64K\nb,data,fat,0x9000,4K", FERRY_ERR_CSV, "line 2");
}

static void extra_subtypes_are_names_like_any_other(void)
{
    struct ferry_subtypes s = {0};
    char why[128] = "";
    begin();
    options.subtypes = &s;
    refused("x,app,mine,,64K", FERRY_ERR_CSV, "'mine'");
    T_EQ_INT(ferry_subtypes_add(&s, " app , mine , 40 ", why, sizeof(why)), FERRY_OK);
    T_EQ_INT(read_csv("x,app,MINE,,64K"), FERRY_OK);
    T_EQ_INT(rows.rows[0].p.subtype, 0x40);
    T_EQ_STR(ferry_subtypes_name(&s, 0, 0x40), "mine");
    T_EQ_INT(ferry_subtypes_add(&s, "app,other,0x40", why, sizeof(why)), FERRY_ERR_CSV);
    T_CHECK(strstr(why, "mine"));
    T_EQ_INT(ferry_subtypes_add(&s, "data,nvs2,0x02", why, sizeof(why)), FERRY_ERR_CSV);
    T_CHECK(strstr(why, "nvs"));
    T_EQ_INT(ferry_subtypes_add(&s, "foo,x,0x02", why, sizeof(why)), FERRY_ERR_CSV);
    T_EQ_INT(ferry_subtypes_add(&s, "app,x", why, sizeof(why)), FERRY_ERR_CSV);
    T_EQ_INT(ferry_subtypes_add(&s, "app,x,zz", why, sizeof(why)), FERRY_ERR_CSV);
    T_EQ_INT(ferry_subtypes_add(&s, "app,mine,0x41", why, sizeof(why)), FERRY_OK);
    T_CHECK(!ferry_subtypes_name(&s, 0, 0x40));
    ferry_subtypes_free(&s);
    options.subtypes = NULL;
}

static void long_names_are_cut_but_told_apart(void)
{
    begin();
    T_EQ_INT(read_csv("abcdefghijklmnopqrst,data,fat,,4K\nabcdefghijklmnopqrsu,data,fat,,4K"),
             FERRY_OK);
    T_EQ_STR(rows.rows[0].p.label, "abcdefghijklmnop");
    T_EQ_STR(rows.rows[0].name, "abcdefghijklmnopqrst");
}

static void misleading_names_and_unknown_flags_are_warned_of(void)
{
    uint8_t table[FERRY_TABLE_BYTES];
    begin();
    T_EQ_INT(read_csv("app,data,nvs,,12K\nota_0,app,ota_0,,64K"), FERRY_OK);
    T_CHECK(strstr(rows.warnings.text, "app") && !strstr(rows.warnings.text, "ota_0"));
    T_EQ_INT(read_csv("factory,data,nvs,,12K"), FERRY_OK);
    T_CHECK(strstr(rows.warnings.text, "factory"));
    T_EQ_INT(ferry_rows_encode(&rows, &options, table), FERRY_OK);
    table[31] = 0x80;
    options.without_md5 = true;
    memset(table + 32, 0xff, 32);
    T_EQ_INT(read_bytes(table, sizeof(table)), FERRY_OK);
    T_CHECK(strstr(rows.warnings.text, "0x80000000"));
    T_EQ_INT(rows.rows[0].p.flags, 0);
}

static void long_lines_and_many_rows_are_nothing_special(void)
{
    const size_t n_name = 100000;
    char *csv = malloc(n_name + 64);
    begin();
    if (!T_CHECK(csv))
        return;
    memset(csv, 'x', n_name);
    strcpy(csv + n_name, ",data,fat,,4K");
    T_EQ_INT(read_csv(csv), FERRY_OK);
    T_EQ_INT(strlen(rows.rows[0].name), n_name);
    strcpy(csv + n_name, ",data,nvs,,4K");
    T_EQ_INT(read_csv(csv), FERRY_ERR_TABLE_RULE);
    char *at = csv;
    for (int i = 0; i < 200; i++)
        at += sprintf(at, "p%d,data,fat,,4K\n", i);
    T_EQ_INT(read_csv(csv), FERRY_OK);
    uint8_t table[FERRY_TABLE_BYTES];
    T_EQ_INT(ferry_rows_encode(&rows, &options, table), FERRY_ERR_TABLE_FULL);
    T_EQ_INT(rows.fault.value, 200);
    T_EQ_INT(rows.fault.limit, 94);
    free(csv);
}

int main(void)
{
    T_RUN(numbers_follow_pythons_int);
    T_RUN(text_is_read_in_every_encoding_with_a_mark);
    T_RUN(what_is_no_text_is_refused_with_its_place);
    T_RUN(lines_end_and_blanks_strip_as_in_python);
    T_RUN(variables_come_from_the_environment);
    T_RUN(open_offsets_are_laid_out_and_aligned);
    T_RUN(bootloader_and_table_rows_take_their_places_from_the_options);
    T_RUN(fields_are_refused_by_line_name_and_value);
    T_RUN(rules_are_refused_with_value_and_limit);
    T_RUN(every_broken_rule_is_listed);
    T_RUN(without_rules_only_the_reading_counts);
    T_RUN(extra_subtypes_are_names_like_any_other);
    T_RUN(long_names_are_cut_but_told_apart);
    T_RUN(misleading_names_and_unknown_flags_are_warned_of);
    T_RUN(long_lines_and_many_rows_are_nothing_special);
    ferry_rows_free(&rows);
    return t_end();
}
