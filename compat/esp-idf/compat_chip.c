/* compat/esp-idf/compat_chip.c - the chip a program runs on: started, forgotten, and its table
 * listed as Espressif's application does, which ends at the MD5 row and wants one. */
#include "compat_private.h"
#include "esp_flash_partitions.h"
#include "nvs_mounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct compat *started;

struct compat *ferry_compat(void)
{
    if (!started) {
        fprintf(stderr, "no device: ferry_compat_start or ferry_compat_open has not been called\n");
        exit(1);
    }
    return started;
}

esp_err_t ferry_compat_flash_err(ferry_err err)
{
    if (!err)
        return ESP_OK;
    return err == FERRY_ERR_FLASH_RANGE ? ESP_ERR_INVALID_SIZE : ESP_ERR_FLASH_OP_FAIL;
}

struct listing {
    esp_partition_t *rows;
    size_t n;
    uint32_t sector_bytes;
};

static void list_row(void *ctx, const struct ferry_partition *p)
{
    struct listing *l = ctx;
    esp_partition_t *row = &l->rows[l->n++];
    row->type = (esp_partition_type_t)p->type;
    row->subtype = (esp_partition_subtype_t)p->subtype;
    row->address = p->off_bytes;
    row->size = p->size_bytes;
    row->erase_size = l->sector_bytes;
    memcpy(row->label, p->label, sizeof(row->label));
    row->readonly = (p->flags & FERRY_FLAG_READONLY) != 0;
}

static esp_err_t table_err(ferry_err err)
{
    switch (err) {
    case FERRY_ERR_TABLE_MAGIC:
        return ESP_ERR_NOT_FOUND;
    case FERRY_ERR_FLASH_IO:
        return ESP_ERR_FLASH_OP_FAIL;
    default:
        return ESP_ERR_INVALID_STATE;
    }
}

static esp_err_t read_table(struct compat *c)
{
    struct listing l = {.rows = c->partitions, .sector_bytes = c->chip.flash->sector_bytes};
    struct ferry_table table;
    struct ferry_fault fault;
    ferry_err err =
        ferry_table_read(&table, c->chip.flash, c->chip.table_off_bytes, &fault, list_row, &l);
    if (err)
        return table_err(err);
    if (!table.has_md5)
        return ESP_ERR_NOT_FOUND;
    c->n_partitions = l.n;
    err = ferry_device_open(&c->dev, c->chip.flash, c->chip.policy, c->chip.table_off_bytes,
                            &c->work);
    c->dev.running = c->chip.running;
    return err ? table_err(err) : ESP_OK;
}

esp_err_t ferry_compat_start(const struct ferry_compat_chip *chip)
{
    ferry_compat_stop();
    struct compat *c = calloc(1, sizeof(*c));
    if (!c)
        return ESP_ERR_NO_MEM;
    c->chip = *chip;
    c->partitions = calloc(FERRY_TABLE_PARTITIONS, sizeof(*c->partitions));
    const esp_err_t err = c->partitions ? read_table(c) : ESP_ERR_NO_MEM;
    if (err) {
        free(c->partitions);
        free(c);
        return err;
    }
    started = c;
    return ESP_OK;
}

void ferry_compat_stop(void)
{
    if (!started)
        return;
    ferry_compat_drop_sessions();
    ferry_compat_drop_reflashers();
    ferry_compat_nvs_drop();
    free(started->partitions);
    free(started);
    started = NULL;
}

uint32_t ferry_compat_table_offset(void)
{
    return ferry_compat()->chip.table_off_bytes;
}

uint32_t ferry_compat_bootloader_offset(void)
{
    return ferry_compat()->chip.policy->chip->bootloader_off_bytes;
}
