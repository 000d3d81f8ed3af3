/* compat/esp-idf/esp_ota_boot.c - which slot boots, runs and comes next, and the writes to otadata
 * that choose it: Espressif's, window without the entry included. */
#include "compat_private.h"

#include <string.h>

static const esp_partition_t *slot_partition(uint32_t slot)
{
    return esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_OTA(slot), NULL);
}

static const esp_partition_t *app_partition(esp_partition_subtype_t subtype)
{
    return esp_partition_find_first(ESP_PARTITION_TYPE_APP, subtype, NULL);
}

uint8_t esp_ota_get_app_partition_count(void)
{
    uint8_t n = 0;
    while (n < FERRY_SLOTS_MAX && slot_partition(n))
        n++;
    return n;
}

esp_err_t ferry_compat_otadata(struct compat_otadata *o)
{
    o->partition =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
    if (!o->partition)
        return ESP_ERR_NOT_FOUND;
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t bytes[FERRY_OTADATA_BYTES];
        const esp_err_t err =
            esp_partition_read(o->partition, i * FERRY_OTADATA_STRIDE, bytes, sizeof(bytes));
        if (err)
            return err;
        ferry_otadata_decode(bytes, &o->entry[i]);
    }
    o->active = ferry_otadata_active(o->entry);
    o->n_slots = esp_ota_get_app_partition_count();
    return ESP_OK;
}

const esp_partition_t *ferry_compat_named(const struct compat_otadata *o, int i)
{
    return slot_partition(ferry_otadata_slot(o->entry[i].seq, o->n_slots));
}

esp_err_t ferry_compat_otadata_write(const struct compat_otadata *o, int i)
{
    const uint32_t off = (uint32_t)i * FERRY_OTADATA_STRIDE;
    uint8_t bytes[FERRY_OTADATA_BYTES];
    ferry_otadata_encode(&o->entry[i], bytes);
    const esp_err_t err = esp_partition_erase_range(o->partition, off, o->partition->erase_size);
    return err ? err : esp_partition_write(o->partition, off, bytes, sizeof(bytes));
}

/* The smallest (slot + 1) mod n + i * n that is not below the active number, in arithmetic that
 * wraps like the original's. */
static uint32_t next_seq(uint32_t slot, uint32_t n, uint32_t active)
{
    uint32_t seq = (slot + 1) % n;
    if (active > seq)
        seq += (active - seq + n - 1) / n * n;
    return seq;
}

static esp_err_t select_slot(uint32_t slot)
{
    struct compat_otadata o;
    const esp_err_t err = ferry_compat_otadata(&o);
    if (err)
        return err;
    if (slot >= o.n_slots)
        return ESP_ERR_INVALID_ARG;
    int i = 0;
    uint32_t seq = slot + 1;
    if (o.active >= 0) {
        const uint32_t active = o.entry[o.active].seq;
        const bool same = ferry_otadata_slot(active, o.n_slots) == slot;
        i = same ? o.active : 1 - o.active;
        seq = same ? active : next_seq(slot, o.n_slots, active);
    }
    o.entry[i].seq = seq;
    o.entry[i].state =
        ferry_compat()->chip.policy->rollback ? (uint32_t)FERRY_STATE_NEW : FERRY_STATE_UNDEFINED;
    o.entry[i].crc = ferry_otadata_crc(seq);
    return ferry_compat_otadata_write(&o, i);
}

esp_err_t esp_ota_set_boot_partition_skip_validate(const esp_partition_t *partition)
{
    if (!partition || partition->type != ESP_PARTITION_TYPE_APP)
        return ESP_ERR_INVALID_ARG;
    if (partition->subtype == ESP_PARTITION_SUBTYPE_APP_FACTORY) {
        const esp_partition_t *otadata =
            esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
        return otadata ? esp_partition_erase_range(otadata, 0, otadata->size) : ESP_ERR_NOT_FOUND;
    }
    if (!ferry_compat_version_ok(partition)) {
        const esp_err_t err = esp_partition_erase_range(partition, 0, partition->size);
        return err ? err : ESP_ERR_OTA_SMALL_SEC_VER;
    }
    return select_slot((uint32_t)partition->subtype & 0x0f);
}

esp_err_t esp_ota_set_boot_partition(const esp_partition_t *partition)
{
    if (!partition)
        return ESP_ERR_INVALID_ARG;
    if (!ferry_compat_image_ok(partition, NULL))
        return ESP_ERR_OTA_VALIDATE_FAILED;
    return esp_ota_set_boot_partition_skip_validate(partition);
}

/* What boots while otadata decides nothing. */
static const esp_partition_t *default_partition(void)
{
    const esp_partition_t *p = app_partition(ESP_PARTITION_SUBTYPE_APP_FACTORY);
    for (uint32_t slot = 0; !p && slot < FERRY_SLOTS_MAX; slot++)
        p = slot_partition(slot);
    return p ? p : app_partition(ESP_PARTITION_SUBTYPE_APP_TEST);
}

const esp_partition_t *esp_ota_get_boot_partition(void)
{
    struct compat_otadata o;
    if (ferry_compat_otadata(&o))
        return NULL;
    if (!o.n_slots || o.active < 0)
        return default_partition();
    return ferry_compat_named(&o, o.active);
}

const esp_partition_t *esp_ota_get_running_partition(void)
{
    const struct compat *c = ferry_compat();
    const struct ferry_span span = ferry_device_span(&c->dev, c->dev.running);
    for (size_t i = 0; i < c->n_partitions; i++) {
        const esp_partition_t *p = &c->partitions[i];
        if (span.size_bytes && p->type == ESP_PARTITION_TYPE_APP && p->address == span.off_bytes)
            return p;
    }
    return NULL;
}

const esp_partition_t *esp_ota_get_next_update_partition(const esp_partition_t *start_from)
{
    const esp_partition_t *from =
        start_from ? esp_partition_verify(start_from) : esp_ota_get_running_partition();
    const esp_partition_t *first = NULL;
    bool passed = false;
    for (uint32_t slot = 0; slot < FERRY_SLOTS_MAX; slot++) {
        const esp_partition_t *p = slot_partition(slot);
        if (p && passed)
            return p;
        if (p && !first)
            first = p;
        passed = passed || (p && p == from);
    }
    return first;
}
