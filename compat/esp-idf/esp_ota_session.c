/* compat/esp-idf/esp_ota_session.c - writing an image through a handle, with Espressif's order of
 * checks, erases and writes (docs/formats.md "Espressif's API"). The device is not looked after as
 * ferry/update.h does: what is written stands at once, and is judged by esp_ota_end. */
#include "compat_private.h"

#include <stdlib.h>
#include <string.h>

struct session {
    struct session *next;
    esp_ota_handle_t handle;
    const esp_partition_t *staging;
    const esp_partition_t *final;
    bool copies_when_done;
    bool erases_ahead;
    bool is_resumed;
    size_t wrote_bytes;
};

static struct session *sessions;
static esp_ota_handle_t last_handle;

void ferry_compat_drop_sessions(void)
{
    while (sessions) {
        struct session *gone = sessions;
        sessions = gone->next;
        free(gone);
    }
    last_handle = 0;
}

static struct session *find(esp_ota_handle_t handle)
{
    struct session *s = sessions;
    while (s && s->handle != handle)
        s = s->next;
    return s;
}

static bool is_open(const esp_partition_t *p)
{
    for (const struct session *s = sessions; s; s = s->next) {
        if (s->staging == p || s->final == p)
            return true;
    }
    return false;
}

static bool is_unconfirmed(void)
{
    esp_ota_img_states_t state;
    return ferry_compat()->chip.policy->rollback &&
           !esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) &&
           state == ESP_OTA_IMG_PENDING_VERIFY;
}

static esp_err_t open_session(const esp_partition_t *p, struct session **out)
{
    if (is_open(p))
        return ESP_ERR_OTA_ALREADY_IN_PROGRESS;
    struct session *s = calloc(1, sizeof(*s));
    if (!s)
        return ESP_ERR_NO_MEM;
    s->handle = ++last_handle;
    s->staging = p;
    s->final = p;
    s->next = sessions;
    sessions = s;
    *out = s;
    return ESP_OK;
}

esp_err_t esp_ota_begin(const esp_partition_t *partition, size_t image_size,
                        esp_ota_handle_t *out_handle)
{
    if (!partition || !out_handle)
        return ESP_ERR_INVALID_ARG;
    const esp_partition_t *p = esp_partition_verify(partition);
    if (!p)
        return ESP_ERR_NOT_FOUND;
    if (p->type == ESP_PARTITION_TYPE_APP) {
        if (!ferry_compat_is_slot(p))
            return ESP_ERR_INVALID_ARG;
        if (p == esp_ota_get_running_partition())
            return ESP_ERR_OTA_PARTITION_CONFLICT;
        if (is_unconfirmed())
            return ESP_ERR_OTA_ROLLBACK_INVALID_STATE;
    }
    struct session *s;
    esp_err_t err = open_session(p, &s);
    if (err)
        return err;
    *out_handle = s->handle;
    s->erases_ahead = image_size == OTA_WITH_SEQUENTIAL_WRITES;
    if (!s->erases_ahead) {
        const bool whole = image_size == 0 || image_size == OTA_SIZE_UNKNOWN;
        const size_t sector = p->erase_size;
        // An error leaves the session open, for the caller to abort.
        err = esp_partition_erase_range(
            p, 0, whole ? p->size : (image_size + sector - 1) / sector * sector);
        if (err)
            return err;
    }
    // That nothing could be invalidated, because there is nothing, is no failure of begin.
    if (ferry_compat_is_slot(p) && ferry_compat()->chip.policy->rollback)
        (void)esp_ota_invalidate_inactive_ota_data_slot();
    return ESP_OK;
}

esp_err_t esp_ota_resume(const esp_partition_t *partition, size_t erase_size, size_t image_offset,
                         esp_ota_handle_t *out_handle)
{
    if (!partition || !out_handle || image_offset > partition->size)
        return ESP_ERR_INVALID_ARG;
    const esp_partition_t *p = esp_partition_verify(partition);
    if (!p)
        return ESP_ERR_NOT_FOUND;
    const bool is_app = p->type == ESP_PARTITION_TYPE_APP;
    if (is_app && !ferry_compat_is_slot(p))
        return ESP_ERR_INVALID_ARG;
    if (p == esp_ota_get_running_partition())
        return ESP_ERR_OTA_PARTITION_CONFLICT;
    if (is_app && is_unconfirmed())
        return ESP_ERR_OTA_ROLLBACK_INVALID_STATE;
    struct session *s;
    const esp_err_t err = open_session(p, &s);
    if (err)
        return err;
    s->is_resumed = true;
    s->wrote_bytes = image_offset;
    s->erases_ahead = erase_size == OTA_WITH_SEQUENTIAL_WRITES;
    *out_handle = s->handle;
    return ESP_OK;
}

esp_err_t esp_ota_set_final_partition(esp_ota_handle_t handle, const esp_partition_t *final,
                                      bool finalize_with_copy)
{
    if (!final)
        return ESP_ERR_INVALID_ARG;
    struct session *s = find(handle);
    if (!s)
        return ESP_ERR_NOT_FOUND;
    if (s->wrote_bytes && !s->is_resumed)
        return ESP_ERR_INVALID_STATE;
    const esp_partition_t *own = esp_partition_verify(final);
    if (!own)
        return ESP_ERR_NOT_FOUND;
    if (own != s->staging) {
        s->final = own;
        s->copies_when_done = finalize_with_copy;
    }
    return ESP_OK;
}

/* With sequential writes: erases the sectors that this write is the first to touch. */
static esp_err_t erase_ahead(const struct session *s, size_t size)
{
    const size_t sector = s->staging->erase_size;
    size_t first = s->wrote_bytes / sector;
    const size_t last = (s->wrote_bytes + size - 1) / sector;
    if (s->wrote_bytes % sector)
        first++;
    if (first > last)
        return ESP_OK;
    return esp_partition_erase_range(s->staging, first * sector, (last - first + 1) * sector);
}

/* An image is known by its first bytes, whatever partition it waits in. */
static bool begins_well(const struct session *s, const uint8_t *data, size_t size)
{
    switch (s->final->type) {
    case ESP_PARTITION_TYPE_APP:
    case ESP_PARTITION_TYPE_BOOTLOADER:
        return data[0] == ESP_IMAGE_HEADER_MAGIC;
    case ESP_PARTITION_TYPE_PARTITION_TABLE:
        return size < 2 || (data[0] == 0xaa && data[1] == 0x50);
    default:
        return true;
    }
}

esp_err_t esp_ota_write(esp_ota_handle_t handle, const void *data, size_t size)
{
    if (!data)
        return ESP_ERR_INVALID_ARG;
    if (!size)
        return ESP_OK;
    struct session *s = find(handle);
    if (!s)
        return ESP_ERR_INVALID_ARG;
    esp_err_t err = s->erases_ahead ? erase_ahead(s, size) : ESP_OK;
    if (err)
        return err;
    if (!s->wrote_bytes && !begins_well(s, data, size))
        return ESP_ERR_OTA_VALIDATE_FAILED;
    err = esp_partition_write(s->staging, s->wrote_bytes, data, size);
    if (!err)
        s->wrote_bytes += size;
    return err;
}

esp_err_t esp_ota_write_with_offset(esp_ota_handle_t handle, const void *data, size_t size,
                                    uint32_t offset)
{
    struct session *s = find(handle);
    // Espressif's code stops the program where a session erases while it writes.
    if (!data || !s || s->erases_ahead)
        return ESP_ERR_INVALID_ARG;
    const esp_err_t err = esp_partition_write(s->staging, offset, data, size);
    if (!err)
        s->wrote_bytes += size;
    return err;
}

/* The bytes of a table that waits in p. */
static bool table_ok(const esp_partition_t *p)
{
    struct ferry_table_walk walk;
    ferry_table_walk_begin(&walk);
    for (uint32_t i = 0; i < FERRY_TABLE_ROWS && !walk.done; i++) {
        uint8_t row[FERRY_ROW_BYTES];
        struct ferry_partition partition;
        struct ferry_fault fault;
        if (esp_partition_read(p, i * FERRY_ROW_BYTES, row, sizeof(row)) ||
            ferry_table_walk_row(&walk, row, ferry_compat()->chip.flash->size_bytes, &partition,
                                 &fault))
            return false;
    }
    return walk.done;
}

static bool content_ok(const struct session *s)
{
    switch (s->final->type) {
    case ESP_PARTITION_TYPE_APP:
        return ferry_compat_image_ok(s->staging, NULL);
    case ESP_PARTITION_TYPE_BOOTLOADER:
        return ferry_compat_verify(s->staging, true, NULL);
    case ESP_PARTITION_TYPE_PARTITION_TABLE:
        return table_ok(s->staging);
    default:
        return true;
    }
}

static esp_err_t end_session(const struct session *s)
{
    if (!s->wrote_bytes)
        return ESP_ERR_INVALID_ARG;
    if (!content_ok(s))
        return ESP_ERR_OTA_VALIDATE_FAILED;
    return s->copies_when_done ? esp_partition_copy(s->final, 0, s->staging, 0, s->final->size)
                               : ESP_OK;
}

static void close_session(esp_ota_handle_t handle)
{
    for (struct session **at = &sessions; *at; at = &(*at)->next) {
        if ((*at)->handle == handle) {
            struct session *gone = *at;
            *at = gone->next;
            free(gone);
            return;
        }
    }
}

esp_err_t esp_ota_end(esp_ota_handle_t handle)
{
    const struct session *s = find(handle);
    if (!s)
        return ESP_ERR_NOT_FOUND;
    const esp_err_t err = end_session(s);
    close_session(handle);
    return err;
}

esp_err_t esp_ota_abort(esp_ota_handle_t handle)
{
    if (!find(handle))
        return ESP_ERR_NOT_FOUND;
    close_session(handle);
    return ESP_OK;
}
