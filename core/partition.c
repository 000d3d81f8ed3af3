/* core/partition.c - the partition table's rows. Rules: docs/formats.md "Partition table". */
#include "ferry/partition.h"

#include "core/mem.h"
#include "ferry/bytes.h"

#define MAGIC_PARTITION 0x50aau
#define MAGIC_MD5       0xebebu
#define MD5_DIGEST_OFF  16u

enum ferry_row ferry_row_kind(const uint8_t row[FERRY_ROW_BYTES])
{
    const uint16_t magic = ferry_le16(row);
    if (magic == MAGIC_PARTITION)
        return FERRY_ROW_PARTITION;
    if (magic == MAGIC_MD5)
        return FERRY_ROW_MD5;
    // The bootloader looks at these four bytes only, so trailing junk does not hide the end.
    if (magic == 0xffff && row[2] == 0xff && row[3] == 0xff)
        return FERRY_ROW_END;
    return FERRY_ROW_OTHER;
}

void ferry_partition_decode(const uint8_t row[FERRY_ROW_BYTES], struct ferry_partition *out)
{
    out->type = row[2];
    out->subtype = row[3];
    out->off_bytes = ferry_le32(row + 4);
    out->size_bytes = ferry_le32(row + 8);
    memcpy(out->label, row + 12, FERRY_LABEL_BYTES);
    out->label[FERRY_LABEL_BYTES] = '\0';
    out->flags = ferry_le32(row + 28);
}

void ferry_partition_encode(const struct ferry_partition *p, uint8_t row[FERRY_ROW_BYTES])
{
    ferry_put_le16(row, MAGIC_PARTITION);
    row[2] = p->type;
    row[3] = p->subtype;
    ferry_put_le32(row + 4, p->off_bytes);
    ferry_put_le32(row + 8, p->size_bytes);
    bool ended = false;
    for (unsigned i = 0; i < FERRY_LABEL_BYTES; i++) {
        ended = ended || !p->label[i];
        row[12 + i] = ended ? 0 : (uint8_t)p->label[i];
    }
    ferry_put_le32(row + 28, p->flags);
}

void ferry_table_walk_begin(struct ferry_table_walk *w)
{
    memset(w, 0, sizeof(*w));
    ferry_md5_init(&w->md5);
}

static ferry_err walk_partition(struct ferry_table_walk *w, const uint8_t *row,
                                uint32_t flash_bytes, struct ferry_partition *out,
                                struct ferry_fault *fault)
{
    struct ferry_partition p;
    ferry_partition_decode(row, &p);
    if (flash_bytes && !ferry_range_fits(p.off_bytes, p.size_bytes, flash_bytes)) {
        const uint32_t room = UINT32_MAX - p.off_bytes;
        const uint32_t end = p.off_bytes + (p.size_bytes < room ? p.size_bytes : room);
        return ferry_fail(fault, FERRY_ERR_TABLE_SIZE, end, flash_bytes, w->n_rows);
    }
    if (!w->md5_seen)
        ferry_md5_update(&w->md5, row, FERRY_ROW_BYTES);
    w->n_rows++;
    w->n_partitions++;
    *out = p;
    return FERRY_OK;
}

static ferry_err walk_md5(struct ferry_table_walk *w, const uint8_t *row, struct ferry_fault *fault)
{
    if (w->md5_seen)
        return ferry_fail(fault, FERRY_ERR_TABLE_MD5_TWICE, 0, 0, w->n_rows);
    uint8_t digest[FERRY_MD5_BYTES];
    ferry_md5_finish(&w->md5, digest);
    if (memcmp(digest, row + MD5_DIGEST_OFF, sizeof(digest)) != 0)
        return ferry_fail(fault, FERRY_ERR_TABLE_MD5, 0, 0, w->n_rows);
    w->md5_seen = true;
    w->n_rows++;
    return FERRY_OK;
}

ferry_err ferry_table_walk_row(struct ferry_table_walk *w, const uint8_t row[FERRY_ROW_BYTES],
                               uint32_t flash_bytes, struct ferry_partition *out,
                               struct ferry_fault *fault)
{
    const enum ferry_row kind = ferry_row_kind(row);
    if (w->n_rows == FERRY_TABLE_ROWS)
        return ferry_fail(fault, FERRY_ERR_TABLE_END, w->n_rows, FERRY_TABLE_ROWS, 0);
    if (kind == FERRY_ROW_PARTITION)
        return walk_partition(w, row, flash_bytes, out, fault);
    if (kind == FERRY_ROW_MD5)
        return walk_md5(w, row, fault);
    if (w->n_rows == 0)
        return ferry_fail(fault, FERRY_ERR_TABLE_MAGIC, ferry_le16(row), MAGIC_PARTITION, 0);
    if (kind == FERRY_ROW_OTHER)
        return ferry_fail(fault, FERRY_ERR_TABLE_ROW, ferry_le16(row), MAGIC_PARTITION, w->n_rows);
    w->done = true;
    return FERRY_OK;
}

ferry_err ferry_table_encode(const struct ferry_partition *rows, size_t n_rows, bool with_md5,
                             uint8_t out[FERRY_TABLE_BYTES], struct ferry_fault *fault)
{
    const size_t most = FERRY_TABLE_PARTITIONS - (with_md5 ? 1 : 0);
    if (n_rows > most)
        return ferry_fail(fault, FERRY_ERR_TABLE_FULL, (uint32_t)n_rows, (uint32_t)most, 0);
    memset(out, 0xff, FERRY_TABLE_BYTES);
    for (size_t i = 0; i < n_rows; i++)
        ferry_partition_encode(&rows[i], out + i * FERRY_ROW_BYTES);
    if (with_md5) {
        uint8_t *row = out + n_rows * FERRY_ROW_BYTES;
        struct ferry_md5 md5;
        ferry_md5_init(&md5);
        ferry_md5_update(&md5, out, n_rows * FERRY_ROW_BYTES);
        ferry_put_le16(row, MAGIC_MD5);
        ferry_md5_finish(&md5, row + MD5_DIGEST_OFF);
    }
    return FERRY_OK;
}
