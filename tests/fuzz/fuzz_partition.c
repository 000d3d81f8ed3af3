/* tests/fuzz/fuzz_partition.c - a partition table with any bytes.
 * What is accepted lies inside the flash, and encoding what was read gives the bytes that were
 * read, so nothing in a row is lost or misunderstood. */
#include "fuzz.h"

#include <string.h>

#include "ferry/partition.h"

#define FLASH_BYTES (16u << 20)

struct table {
    struct ferry_partition rows[FERRY_TABLE_ROWS];
    size_t n_rows;
    struct ferry_table_walk walk;
};

static ferry_err read_table(struct table *t, const uint8_t *data, size_t n)
{
    t->n_rows = 0;
    ferry_table_walk_begin(&t->walk);
    for (size_t i = 0; !t->walk.done; i++) {
        if ((i + 1) * FERRY_ROW_BYTES > n)
            return FERRY_ERR_TRUNC;
        struct ferry_fault fault;
        struct ferry_partition row;
        const uint8_t n_before = t->walk.n_partitions;
        const ferry_err err =
            ferry_table_walk_row(&t->walk, data + i * FERRY_ROW_BYTES, FLASH_BYTES, &row, &fault);
        if (err != FERRY_OK) {
            FUZZ_MUST(fault.err == err);
            return err;
        }
        FUZZ_MUST(i < FERRY_TABLE_ROWS);
        if (t->walk.n_partitions == n_before)
            continue;
        FUZZ_MUST(row.off_bytes <= FLASH_BYTES && row.size_bytes <= FLASH_BYTES - row.off_bytes);
        FUZZ_MUST(strlen(row.label) <= FERRY_LABEL_BYTES);
        t->rows[t->n_rows++] = row;
    }
    return FERRY_OK;
}

/** A label may hide bytes behind its NUL, which no struct carries. */
static bool labels_are_plain(const uint8_t *data, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        const uint8_t *label = data + i * FERRY_ROW_BYTES + 12;
        const size_t n = strnlen((const char *)label, FERRY_LABEL_BYTES);
        for (size_t k = n; k < FERRY_LABEL_BYTES; k++)
            if (label[k])
                return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct table t, again;
    static uint8_t bytes[FERRY_TABLE_BYTES];
    if (read_table(&t, data, n) != FERRY_OK)
        return 0;
    FUZZ_MUST(t.n_rows == t.walk.n_partitions && t.n_rows <= FERRY_TABLE_PARTITIONS);

    struct ferry_fault fault;
    if (ferry_table_encode(t.rows, t.n_rows, t.walk.md5_seen, bytes, &fault) != FERRY_OK) {
        FUZZ_MUST(fault.err == FERRY_ERR_TABLE_FULL);
        return 0;
    }
    FUZZ_MUST(read_table(&again, bytes, sizeof(bytes)) == FERRY_OK);
    FUZZ_MUST(again.n_rows == t.n_rows && again.walk.md5_seen == t.walk.md5_seen);
    // Rows behind the MD5 row move in front of it; else every byte comes back.
    const bool md5_is_last =
        !t.walk.md5_seen || ferry_row_kind(data + t.n_rows * FERRY_ROW_BYTES) == FERRY_ROW_MD5;
    if (md5_is_last && labels_are_plain(data, t.n_rows))
        FUZZ_MUST(memcmp(bytes, data, t.n_rows * FERRY_ROW_BYTES) == 0);
    return 0;
}
