/* tests/fuzz/fuzz_csv.c - a partition table as CSV or binary, any bytes, any options.
 * The first byte chooses the options. A table that passes the rules keeps them as bytes: what it
 * encodes to reads back to the same rows and encodes to the same bytes again, no two of its
 * partitions overlap, and all lie behind the table and inside the flash. */
#include "fuzz.h"

#include <string.h>

#include "partition_csv.h"

#define TABLE_END (FERRY_TABLE_OFF_DEFAULT + 0x1000u)
#define FLASH     (4u << 20)

static bool labels_are_ascii(const struct ferry_rows *t)
{
    for (size_t i = 0; i < t->n_rows; i++)
        for (const char *c = t->rows[i].p.label; *c; c++)
            if (*c < ' ' || *c > '~')
                return false;
    return true;
}

static void rules_hold(const struct ferry_rows *t)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct ferry_partition *a = &t->rows[i].p;
        if (ferry_row_is_primary(a))
            continue;
        FUZZ_MUST(a->off_bytes >= TABLE_END);
        // The tool measures the first of the rows at the highest offset; the warning says the rest.
        FUZZ_MUST((a->off_bytes <= FLASH && a->size_bytes <= FLASH - a->off_bytes) ||
                  (t->warnings.n && strstr(t->warnings.text, "the flash ends at")));
        FUZZ_MUST(a->off_bytes % ferry_offset_align(a->type) == 0);
        for (size_t k = 0; k < i; k++) {
            const struct ferry_partition *b = &t->rows[k].p;
            FUZZ_MUST(ferry_row_is_primary(b) || strcmp(t->rows[i].name, t->rows[k].name) != 0);
            FUZZ_MUST(a->off_bytes >= b->off_bytes + b->size_bytes ||
                      b->off_bytes >= a->off_bytes + a->size_bytes);
        }
    }
}

static void reads_back(const struct ferry_rows *t, const struct ferry_rows_options *o,
                       const uint8_t bytes[FERRY_TABLE_BYTES])
{
    uint8_t again[FERRY_TABLE_BYTES];
    struct ferry_rows r = {0};
    FUZZ_MUST(ferry_rows_read(&r, bytes, FERRY_TABLE_BYTES, o) == FERRY_OK);
    FUZZ_MUST(r.n_rows == t->n_rows);
    FUZZ_MUST(ferry_rows_encode(&r, o, again) == FERRY_OK);
    FUZZ_MUST(memcmp(again, bytes, FERRY_TABLE_BYTES) == 0);
    ferry_rows_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 1)
        return 0;
    const struct ferry_rows_options o = {
        .table_off_bytes = FERRY_TABLE_OFF_DEFAULT,
        .secure = (enum ferry_secure_boot)((data[0] & 3) % 3),
        .flash_bytes = FLASH,
        .without_md5 = data[0] & 4,
        .has_primary_bootloader = data[0] & 8,
        .primary_bootloader_off_bytes = 0x1000,
    };
    struct ferry_rows t = {0};
    uint8_t bytes[FERRY_TABLE_BYTES];
    ferry_err err = ferry_rows_read(&t, data + 1, n - 1, &o);
    if (!err)
        err = ferry_rows_check(&t, &o);
    if (!err)
        rules_hold(&t);
    if (!err)
        err = ferry_rows_encode(&t, &o, bytes);
    if (!err && t.n_rows && labels_are_ascii(&t))
        reads_back(&t, &o, bytes);
    FUZZ_MUST(!err || t.fault.err == err);
    FUZZ_MUST(memchr(t.detail, '\0', sizeof(t.detail)));
    ferry_rows_free(&t);
    return 0;
}
