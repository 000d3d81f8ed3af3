/* compat/esp-idf/esp_ota_rollback.c - states of slots, confirm, reject and what can be gone back
 * to. Espressif acts on the active entry, which after a fallback is not that of the slot that runs;
 * ferry/slots.h acts on the latter. */
#include "compat_private.h"

/* otadata with an active entry, as confirm and reject need it. */
static esp_err_t active_otadata(struct compat_otadata *o)
{
    const esp_err_t err = ferry_compat_otadata(o);
    if (err)
        return err;
    return o->n_slots && o->active >= 0 ? ESP_OK : ESP_FAIL;
}

esp_err_t esp_ota_get_state_partition(const esp_partition_t *partition,
                                      esp_ota_img_states_t *ota_state)
{
    if (!partition || !ota_state)
        return ESP_ERR_INVALID_ARG;
    if (!ferry_compat_is_slot(partition))
        return ESP_ERR_NOT_SUPPORTED;
    struct compat_otadata o;
    const esp_err_t err = ferry_compat_otadata(&o);
    if (err)
        return err;
    for (int i = 0; o.n_slots && i < 2; i++) {
        if (ferry_otadata_names_slot(&o.entry[i]) && ferry_compat_named(&o, i) == partition) {
            *ota_state = (esp_ota_img_states_t)o.entry[i].state;
            return ESP_OK;
        }
    }
    return ESP_ERR_NOT_FOUND;
}

/* With anti-rollback a confirmed app raises the eFuse to its own version. */
static esp_err_t burn_secure_version(void)
{
    struct compat *c = ferry_compat();
    esp_app_desc_t desc;
    if (!c->chip.policy->anti_rollback)
        return ESP_OK;
    const esp_err_t err = esp_ota_get_partition_description(esp_ota_get_running_partition(), &desc);
    if (err || desc.secure_version <= c->chip.policy->secure_version)
        return err;
    c->chip.policy->secure_version = desc.secure_version;
    return c->chip.secure_version_burnt
               ? c->chip.secure_version_burnt(c->chip.ctx, desc.secure_version)
               : ESP_OK;
}

esp_err_t esp_ota_mark_app_valid_cancel_rollback(void)
{
    struct compat_otadata o;
    esp_err_t err = active_otadata(&o);
    if (err || o.entry[o.active].state == FERRY_STATE_VALID)
        return err;
    o.entry[o.active].state = FERRY_STATE_VALID;
    err = ferry_compat_otadata_write(&o, o.active);
    return err ? err : burn_secure_version();
}

static bool can_roll_back(const struct compat_otadata *o)
{
    const int other = 1 - o->active;
    if (ferry_otadata_is_valid(&o->entry[other])) {
        const esp_partition_t *p = ferry_compat_named(o, other);
        return p && ferry_compat_image_ok(p, NULL) && ferry_compat_version_ok(p);
    }
    const esp_partition_t *factory =
        esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL);
    return factory && !ferry_compat()->chip.policy->anti_rollback &&
           ferry_compat_image_ok(factory, NULL);
}

bool esp_ota_check_rollback_is_possible(void)
{
    struct compat_otadata o;
    return !active_otadata(&o) && can_roll_back(&o);
}

esp_err_t esp_ota_mark_app_invalid_rollback(void)
{
    struct compat_otadata o;
    const esp_err_t err = active_otadata(&o);
    if (err)
        return err;
    if (!can_roll_back(&o))
        return ESP_ERR_OTA_ROLLBACK_FAILED;
    o.entry[o.active].state = FERRY_STATE_INVALID;
    return ferry_compat_otadata_write(&o, o.active);
}

const esp_partition_t *esp_ota_get_last_invalid_partition(void)
{
    struct compat_otadata o;
    if (ferry_compat_otadata(&o) || !o.n_slots)
        return NULL;
    bool refused[2];
    for (int i = 0; i < 2; i++) {
        const uint32_t state = o.entry[i].state;
        refused[i] = ferry_otadata_names_slot(&o.entry[i]) &&
                     (state == FERRY_STATE_INVALID || state == FERRY_STATE_ABORTED);
    }
    const int i = ferry_otadata_pick(o.entry, refused, false);
    const esp_partition_t *p = i >= 0 ? ferry_compat_named(&o, i) : NULL;
    return p && ferry_compat_image_ok(p, NULL) ? p : NULL;
}

/* The entry that is not active, if it names a slot that does not run. */
static esp_err_t inactive_entry(struct compat_otadata *o, const esp_partition_t **slot)
{
    if (active_otadata(o) || !ferry_otadata_names_slot(&o->entry[1 - o->active]))
        return ESP_FAIL;
    *slot = ferry_compat_named(o, 1 - o->active);
    return *slot && *slot != esp_ota_get_running_partition() ? ESP_OK : ESP_FAIL;
}

static esp_err_t erase_inactive(const struct compat_otadata *o)
{
    return esp_partition_erase_range(o->partition, (uint32_t)(1 - o->active) * FERRY_OTADATA_STRIDE,
                                     o->partition->erase_size);
}

esp_err_t esp_ota_erase_last_boot_app_partition(void)
{
    struct compat_otadata o;
    const esp_partition_t *slot;
    esp_err_t err = inactive_entry(&o, &slot);
    if (!err)
        err = esp_partition_erase_range(slot, 0, slot->size);
    return err ? err : erase_inactive(&o);
}

esp_err_t esp_ota_invalidate_inactive_ota_data_slot(void)
{
    struct compat_otadata o;
    const esp_partition_t *slot;
    const esp_err_t err = inactive_entry(&o, &slot);
    return err ? err : erase_inactive(&o);
}

esp_err_t esp_ota_revoke_secure_boot_public_key(esp_ota_secure_boot_public_key_index_t index)
{
    (void)index;
    return ESP_FAIL;
}
