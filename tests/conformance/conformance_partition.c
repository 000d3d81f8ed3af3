/* tests/conformance/conformance_partition.c - partition tables against Espressif's tool, both ways,
 * and against the bootloader's own check (vectors C; see tests/vectors/README.md).
 * Compared: bytes, text, refused or not, verdict numbers; not the tool's prose. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv_number.h"
#include "ferry/partition.h"
#include "partition_csv.h"
#include "vectors.h"

#define BIN_MOST (1u << 20)

/* esp_err_t, as the bootloader gives it. */
#define ESP_OK                0
#define ESP_ERR_INVALID_STATE 0x103
#define ESP_ERR_INVALID_SIZE  0x104

static long number(const cJSON *record, const char *key)
{
    return (long)vector_number(record, key, -1000);
}

/** An option of the tool, given as a number or as the text of one. */
static bool option(const cJSON *flags, const char *key, uint32_t *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(flags, key);
    int64_t value;
    if (cJSON_IsNumber(item))
        value = (int64_t)item->valuedouble;
    else if (!cJSON_IsString(item) ||
             !ferry_csv_int(item->valuestring, strlen(item->valuestring), 0, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool is_on(const cJSON *flags, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(flags, key));
}

/** The tool's options into ours. False: it refused already here. */
static bool read_options(const cJSON *flags, struct ferry_rows_options *o,
                         struct ferry_subtypes *subtypes)
{
    const char *secure = vector_text(flags, "secure");
    const char *flash = vector_text(flags, "flash_size");
    const cJSON *extra,
        *extras = cJSON_GetObjectItemCaseSensitive(flags, "extra_partition_subtypes");
    *o = (struct ferry_rows_options){.table_off_bytes = FERRY_TABLE_OFF_DEFAULT,
                                     .subtypes = subtypes};
    option(flags, "offset", &o->table_off_bytes);
    o->secure = !secure                 ? FERRY_SECURE_NONE
                : !strcmp(secure, "v1") ? FERRY_SECURE_V1
                                        : FERRY_SECURE_V2;
    o->flash_bytes = flash ? (uint32_t)strtoul(flash, NULL, 10) << 20 : 0;
    o->without_md5 = is_on(flags, "disable_md5sum");
    o->without_rules = is_on(flags, "no_verify");
    o->has_primary_bootloader =
        option(flags, "primary_bootloader_offset", &o->primary_bootloader_off_bytes);
    o->has_recovery_bootloader =
        option(flags, "recovery_bootloader_offset", &o->recovery_bootloader_off_bytes);
    cJSON_ArrayForEach(extra, extras)
    {
        char why[128];
        if (!cJSON_IsString(extra) ||
            ferry_subtypes_add(subtypes, extra->valuestring, why, sizeof(why)))
            return false;
    }
    return true;
}

/** The record's table: its bytes, and 0xff behind them up to n_most. NULL if there is none. */
static uint8_t *read_bin(const cJSON *record, size_t n_least, size_t *n_bytes)
{
    const char *hex = vector_text(record, "bin");
    const long bin_len = number(record, "bin_len");
    if (!hex || bin_len < 0 || (unsigned long)bin_len > BIN_MOST)
        return NULL;
    size_t n_given;
    uint8_t *given = vector_unhex(hex, &n_given);
    *n_bytes = (size_t)bin_len > n_least ? (size_t)bin_len : n_least;
    uint8_t *out = given && n_given <= *n_bytes ? malloc(*n_bytes + 1) : NULL;
    if (out) {
        memset(out, 0xff, *n_bytes + 1);
        memcpy(out, given, n_given);
    }
    free(given);
    return out;
}

static bool check_digest(struct tally *t, const char *where, const cJSON *record,
                         const uint8_t table[FERRY_TABLE_BYTES])
{
    uint8_t want[FERRY_SHA256_BYTES], got[FERRY_SHA256_BYTES];
    struct ferry_sha256 sha;
    ferry_sha256_init(&sha);
    ferry_sha256_update(&sha, table, FERRY_TABLE_BYTES);
    ferry_sha256_finish(&sha, got);
    if (vector_hex(record, "bin_sha256", want, sizeof(want)) && !memcmp(got, want, sizeof(got)))
        return true;
    tally_fail(t, "%s: SHA-256 of the table differs", where);
    return false;
}

/** Compares what was built, and that its rows decode to those it was built from. */
static void compare_table(struct tally *t, const char *where, const cJSON *record,
                          const struct ferry_rows *rows, const uint8_t table[FERRY_TABLE_BYTES])
{
    size_t n_want;
    uint8_t *want = read_bin(record, 0, &n_want);
    size_t at = 0;
    while (want && at < FERRY_TABLE_BYTES && at < n_want && want[at] == table[at])
        at++;
    if (!want)
        tally_fail(t, "%s: record has no table", where);
    else if (n_want != FERRY_TABLE_BYTES)
        tally_fail(t, "%s: table of %zu bytes, built %u", where, n_want, FERRY_TABLE_BYTES);
    else if (at < n_want)
        tally_fail(t, "%s: byte %zu is 0x%02x, want 0x%02x", where, at, table[at], want[at]);
    free(want);
    if (!want || at < n_want || !check_digest(t, where, record, table))
        return;
    for (size_t i = 0; i < rows->n_rows; i++) {
        struct ferry_partition p;
        const struct ferry_partition *from = &rows->rows[i].p;
        ferry_partition_decode(table + i * FERRY_ROW_BYTES, &p);
        if (p.type != from->type || p.subtype != from->subtype || p.flags != from->flags ||
            p.off_bytes != from->off_bytes || p.size_bytes != from->size_bytes ||
            strcmp(p.label, from->label) != 0) {
            tally_fail(t, "%s: row %zu does not decode to what it was made from", where, i);
            return;
        }
    }
    tally_pass(t);
}

static void csv_to_bin(void *ctx, const char *file, const cJSON *record)
{
    struct tally *t = ctx;
    char where[256];
    const char *csv = vector_text(record, "csv"), *name = vector_text(record, "name");
    const bool want_ok = is_on(record, "ok");
    snprintf(where, sizeof(where), "%s case %ld (%s)", file, number(record, "id"),
             name ? name : "?");
    if (!csv) {
        tally_fail(t, "%s: record has no csv", where);
        return;
    }
    struct ferry_rows rows = {0};
    struct ferry_subtypes subtypes = {0};
    struct ferry_rows_options o;
    uint8_t table[FERRY_TABLE_BYTES];
    const bool ok =
        read_options(cJSON_GetObjectItemCaseSensitive(record, "flags"), &o, &subtypes) &&
        !ferry_rows_read(&rows, (const uint8_t *)csv, strlen(csv), &o) &&
        !ferry_rows_check(&rows, &o) && !ferry_rows_encode(&rows, &o, table);
    if (ok != want_ok)
        tally_fail(t, "%s: %s, want %s (%s)", where, ok ? "built" : "refused",
                   want_ok ? "built" : "refused", rows.detail);
    else if (!ok)
        tally_pass(t);
    else
        compare_table(t, where, record, &rows, table);
    ferry_rows_free(&rows);
    ferry_subtypes_free(&subtypes);
}

static void bin_to_csv(void *ctx, const char *file, const cJSON *record)
{
    struct tally *t = ctx;
    char where[256];
    size_t n_bytes = 0;
    const char *want = vector_text(record, "out"), *name = vector_text(record, "name");
    uint8_t *bytes = read_bin(record, 0, &n_bytes);
    snprintf(where, sizeof(where), "%s case %ld (%s)", file, number(record, "id"),
             name ? name : "?");
    if (!bytes) {
        tally_fail(t, "%s: record has no table", where);
        return;
    }
    struct ferry_rows rows = {0};
    struct ferry_subtypes subtypes = {0};
    struct ferry_rows_options o;
    struct ferry_strbuf csv = {0};
    const bool want_ok = is_on(record, "ok");
    const bool ok =
        read_options(cJSON_GetObjectItemCaseSensitive(record, "flags"), &o, &subtypes) &&
        !ferry_rows_read(&rows, bytes, n_bytes, &o) && !ferry_rows_check(&rows, &o) &&
        !ferry_rows_csv(&rows, &o, &csv);
    if (ok != want_ok)
        tally_fail(t, "%s: %s, want %s (%s)", where, ok ? "read" : "refused",
                   want_ok ? "read" : "refused", rows.detail);
    else if (ok && (!want || strcmp(csv.text, want) != 0))
        tally_fail(t, "%s: the CSV differs", where);
    else
        tally_pass(t);
    free(bytes);
    ferry_strbuf_free(&csv);
    ferry_rows_free(&rows);
    ferry_subtypes_free(&subtypes);
}

/** The number that Espressif's bootloader gives for what our walk found. */
static long esp_err(ferry_err err)
{
    return !err                          ? ESP_OK
           : err == FERRY_ERR_TABLE_SIZE ? ESP_ERR_INVALID_SIZE
                                         : ESP_ERR_INVALID_STATE;
}

static void table_verify(void *ctx, const char *file, const cJSON *record)
{
    struct tally *t = ctx;
    char where[256];
    size_t n_bytes = 0;
    const char *name = vector_text(record, "name");
    uint8_t *bytes = read_bin(record, FERRY_TABLE_BYTES, &n_bytes);
    const long chip_size = number(record, "chip_size");
    snprintf(where, sizeof(where), "%s (%s, flash of %ld)", file, name ? name : "?", chip_size);
    if (!bytes || chip_size <= 0) {
        tally_fail(t, "%s: record has no table", where);
        free(bytes);
        return;
    }
    struct ferry_table_walk walk;
    ferry_table_walk_begin(&walk);
    ferry_err err = FERRY_OK;
    for (uint32_t i = 0; i <= FERRY_TABLE_ROWS && !walk.done && !err; i++) {
        struct ferry_partition p;
        struct ferry_fault fault;
        static const uint8_t behind[FERRY_ROW_BYTES];
        const uint8_t *row = i < FERRY_TABLE_ROWS ? bytes + i * FERRY_ROW_BYTES : behind;
        err = ferry_table_walk_row(&walk, row, (uint32_t)chip_size, &p, &fault);
    }
    const long n = err ? 0 : walk.n_partitions;
    if (esp_err(err) != number(record, "err"))
        tally_fail(t, "%s: verdict %ld, want %ld", where, esp_err(err), number(record, "err"));
    else if (n != number(record, "num_partitions"))
        tally_fail(t, "%s: %ld partitions, want %ld", where, n, number(record, "num_partitions"));
    else
        tally_pass(t);
    free(bytes);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *prefix;
        void (*each)(void *ctx, const char *file, const cJSON *record);
    } kinds[] = {
        {"C_csv_to_bin", csv_to_bin},
        {"C_bin_to_csv", bin_to_csv},
        {"C_table_verify", table_verify},
    };
    struct tally t = {0};
    struct vector_set *set = vector_set_open(argc - 1, argv + 1);
    if (!set)
        return 1;
    long n_all = 0;
    bool readable = true;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        const long n = vector_set_records(set, kinds[i].prefix, kinds[i].each, &t);
        readable &= n >= 0;
        n_all += n > 0 ? n : 0;
    }
    if (readable && !n_all)
        fprintf(stderr, "no records of C_* among the inputs\n");
    vector_set_close(set);
    const int rc = tally_end(&t);
    return readable && n_all ? rc : 1;
}
