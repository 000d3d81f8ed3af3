/* compat/esp-idf/esp_https_ota.c - Espressif's update over https: the steps, their order and their
 * errors (docs/formats.md "Espressif's API"). The header is judged after the slot was opened, as
 * the original does; ferry/update.h looks first. */
#include "https_ota_private.h"

#include <stdlib.h>
#include <string.h>

#include "esp_log.h"

#define PART_BYTES   65536
#define TRIES        10
#define RESUME_LEAST 1024u
#define DESC_OFF     (sizeof(esp_image_header_t) + sizeof(esp_image_segment_header_t))

static const char *TAG = "esp_https_ota";

ESP_EVENT_DEFINE_BASE(ESP_HTTPS_OTA_EVENT);

/* Nobody listens: no loop, and no matter. */
static void tell(esp_https_ota_event_t id, const void *data, size_t n)
{
    (void)esp_event_post(ESP_HTTPS_OTA_EVENT, (int32_t)id, data, n, 0);
}

/* ---- begin ---- */

static bool http_is_allowed(void)
{
    const char *text = getenv("CONFIG_ESP_HTTPS_OTA_ALLOW_HTTP");
    return text && (*text == 'y' || *text == '1');
}

static esp_err_t check_config(const esp_https_ota_config_t *config)
{
    if (!config || !config->http_config)
        return ESP_ERR_INVALID_ARG;
    const esp_http_client_config_t *http = config->http_config;
    if (!http->cert_pem && !http->use_global_ca_store && !http->crt_bundle_attach &&
        !http_is_allowed()) {
        ESP_LOGE(TAG, "the config names no certificate to trust");
        return ESP_ERR_INVALID_ARG;
    }
    return ESP_OK;
}

static void clean_up(struct https_ota *o)
{
    if (o->client)
        esp_http_client_cleanup(o->client);
    free(o->buffer);
    free(o);
}

static struct https_ota *take_config(const esp_https_ota_config_t *config)
{
    const esp_http_client_config_t *http = config->http_config;
    struct https_ota *o = calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    o->image_bytes = -1;
    o->copies_when_done = config->partition.finalize_with_copy;
    o->is_bulk = config->bulk_flash_erase;
    o->asks_parts = config->partial_http_download;
    o->part_bytes = config->max_http_request_size > 0 ? config->max_http_request_size : PART_BYTES;
    o->has_user = http->username != NULL;
    o->n_redirects_most = http->max_redirection_count ? http->max_redirection_count : TRIES;
    o->n_auths_most = http->max_authorization_retries ? http->max_authorization_retries : TRIES;
    o->resumes = config->ota_resumption;
    if (o->resumes && config->ota_image_bytes_written >= RESUME_LEAST)
        o->had_bytes = (int64_t)config->ota_image_bytes_written;
    o->buffer_bytes =
        http->buffer_size > IMAGE_HEADER_BYTES ? http->buffer_size : IMAGE_HEADER_BYTES;
    o->buffer = malloc((size_t)o->buffer_bytes);
    if (o->buffer)
        return o;
    free(o);
    return NULL;
}

static esp_err_t find_partitions(struct https_ota *o, const esp_https_ota_config_t *config)
{
    o->staging = config->partition.staging ? config->partition.staging
                                           : esp_ota_get_next_update_partition(NULL);
    if (!o->staging) {
        ESP_LOGE(TAG, "there is no partition for the update");
        return ESP_FAIL;
    }
    o->final = o->staging;
    if (config->partition.final && config->partition.final != o->staging)
        o->final = esp_partition_verify(config->partition.final);
    return o->final ? ESP_OK : ESP_FAIL;
}

static esp_err_t connect(struct https_ota *o, const esp_https_ota_config_t *config)
{
    o->client = esp_http_client_init(config->http_config);
    if (!o->client)
        return ESP_FAIL;
    esp_err_t err = config->http_client_init_cb ? config->http_client_init_cb(o->client) : ESP_OK;
    if (!err)
        err = https_ota_request_first(o);
    if (err)
        return err;
    tell(ESP_HTTPS_OTA_CONNECTED, NULL, 0);
    return find_partitions(o, config);
}

esp_err_t esp_https_ota_begin(const esp_https_ota_config_t *ota_config,
                              esp_https_ota_handle_t *handle)
{
    tell(ESP_HTTPS_OTA_START, NULL, 0);
    if (!handle)
        return ESP_ERR_INVALID_ARG;
    *handle = NULL;
    esp_err_t err = check_config(ota_config);
    if (err)
        return err;
    struct https_ota *o = take_config(ota_config);
    if (!o)
        return ESP_ERR_NO_MEM;
    err = connect(o, ota_config);
    if (err) {
        ESP_LOGE(TAG, "not begun: %s", esp_err_to_name(err));
        clean_up(o);
        return err;
    }
    o->state = o->had_bytes ? OTA_RESUME : OTA_BEGIN;
    *handle = o;
    return ESP_OK;
}

/* ---- the header ---- */

static bool final_is(const struct https_ota *o, esp_partition_type_t type)
{
    return o->final->type == type;
}

/* Counts as received from here on, whether or not it was written yet. */
static esp_err_t read_header(struct https_ota *o)
{
    const int n = esp_http_client_read(o->client, o->buffer, IMAGE_HEADER_BYTES);
    if (n != IMAGE_HEADER_BYTES) {
        ESP_LOGE(TAG, "an image begins with %d bytes; %d came", IMAGE_HEADER_BYTES, n);
        return ESP_FAIL;
    }
    o->had_bytes = n;
    return ESP_OK;
}

static esp_err_t judge_header(const struct https_ota *o)
{
    esp_image_header_t header;
    esp_app_desc_t desc;
    memcpy(&header, o->buffer, sizeof(header));
    memcpy(&desc, o->buffer + DESC_OFF, sizeof(desc));
    const esp_chip_id_t id = header.chip_id;
    const uint16_t revision = header.min_chip_rev_full;
    tell(ESP_HTTPS_OTA_VERIFY_CHIP_ID, &id, sizeof(id));
    tell(ESP_HTTPS_OTA_VERIFY_CHIP_REVISION, &revision, sizeof(revision));
    const esp_err_t err = esp_ota_check_image_validity(
        o->final->type, &header, final_is(o, ESP_PARTITION_TYPE_APP) ? &desc : NULL);
    if (err)
        ESP_LOGE(TAG, "the image is not for this chip: %s", esp_err_to_name(err));
    return err;
}

/* The descriptor as it stands in the slot, or in the header that has just come. */
static esp_err_t read_desc(struct https_ota *o, void *desc, size_t n)
{
    if (o->had_bytes >= (int64_t)(DESC_OFF + n))
        return esp_partition_read(o->staging, DESC_OFF, desc, n);
    const esp_err_t err = read_header(o);
    if (err)
        return err;
    memcpy(desc, o->buffer + DESC_OFF, n);
    return ESP_OK;
}

esp_err_t esp_https_ota_get_img_desc(esp_https_ota_handle_t handle, esp_app_desc_t *new_app_info)
{
    tell(ESP_HTTPS_OTA_GET_IMG_DESC, NULL, 0);
    if (!handle || !new_app_info)
        return ESP_ERR_INVALID_ARG;
    const esp_err_t err = read_desc(handle, new_app_info, sizeof(*new_app_info));
    if (err)
        return err;
    return new_app_info->magic_word == ESP_APP_DESC_MAGIC_WORD ? ESP_OK : ESP_FAIL;
}

esp_err_t esp_https_ota_get_bootloader_img_desc(esp_https_ota_handle_t handle,
                                                esp_bootloader_desc_t *new_img_info)
{
    tell(ESP_HTTPS_OTA_GET_IMG_DESC, NULL, 0);
    if (!handle || !new_img_info)
        return ESP_ERR_INVALID_ARG;
    const esp_err_t err = read_desc(handle, new_img_info, sizeof(*new_img_info));
    if (err)
        return err;
    return new_img_info->magic_byte == ESP_BOOTLOADER_DESC_MAGIC_BYTE ? ESP_OK : ESP_FAIL;
}

/* ---- perform ---- */

static esp_err_t write_piece(struct https_ota *o, int n)
{
    const esp_err_t err = esp_ota_write(o->handle, o->buffer, (size_t)n);
    const int total = (int)o->had_bytes;
    if (err)
        ESP_LOGE(TAG, "not written: %s", esp_err_to_name(err));
    tell(ESP_HTTPS_OTA_WRITE_FLASH, &total, sizeof(total));
    return err ? err : ESP_ERR_HTTPS_OTA_IN_PROGRESS;
}

static size_t erase_size(const struct https_ota *o)
{
    if (!o->is_bulk)
        return OTA_WITH_SEQUENTIAL_WRITES;
    return o->image_bytes > 0 ? (size_t)o->image_bytes : OTA_SIZE_UNKNOWN;
}

static esp_err_t open_slot(struct https_ota *o)
{
    esp_err_t err = o->state == OTA_RESUME ? esp_ota_resume(o->staging, erase_size(o),
                                                            (size_t)o->had_bytes, &o->handle)
                                           : esp_ota_begin(o->staging, erase_size(o), &o->handle);
    if (err) {
        ESP_LOGE(TAG, "%s cannot be opened: %s", o->staging->label, esp_err_to_name(err));
        return err;
    }
    o->state = OTA_IN_PROGRESS;
    err = esp_ota_set_final_partition(o->handle, o->final, o->copies_when_done);
    if (err)
        ESP_LOGE(TAG, "%s cannot be final: %s", o->final->label, esp_err_to_name(err));
    return err;
}

static esp_err_t first_step(struct https_ota *o)
{
    esp_err_t err = open_slot(o);
    if (err)
        return err;
    if (!final_is(o, ESP_PARTITION_TYPE_APP) && !final_is(o, ESP_PARTITION_TYPE_BOOTLOADER))
        return ESP_ERR_HTTPS_OTA_IN_PROGRESS;
    if (!o->had_bytes)
        err = read_header(o);
    if (!err)
        err = judge_header(o);
    return err ? err : write_piece(o, IMAGE_HEADER_BYTES);
}

static esp_err_t next_step(struct https_ota *o)
{
    const int n = esp_http_client_read(o->client, o->buffer, o->buffer_bytes);
    if (n > 0) {
        o->had_bytes += n;
        return write_piece(o, n);
    }
    if (n == -ESP_ERR_HTTP_EAGAIN)
        return ESP_ERR_HTTPS_OTA_IN_PROGRESS;
    if (n < 0)
        return ESP_FAIL;
    if (!esp_http_client_is_complete_data_received(o->client)) {
        ESP_LOGE(TAG, "the connection ended too early, after %d bytes", (int)o->had_bytes);
        return ESP_FAIL;
    }
    if (o->asks_parts && o->had_bytes != o->image_bytes)
        return https_ota_request_next(o) ? ESP_FAIL : ESP_ERR_HTTPS_OTA_IN_PROGRESS;
    o->state = OTA_SUCCESS;
    return ESP_OK;
}

esp_err_t esp_https_ota_perform(esp_https_ota_handle_t handle)
{
    struct https_ota *o = handle;
    if (!o)
        return ESP_ERR_INVALID_ARG;
    esp_err_t err;
    switch (o->state) {
    case OTA_BEGIN:
        return first_step(o);
    case OTA_RESUME:
        err = open_slot(o);
        return err ? err : next_step(o);
    case OTA_IN_PROGRESS:
        return next_step(o);
    default:
        return ESP_FAIL;
    }
}

/* ---- the end ---- */

/* Never for factory, and always what is in the staging partition. */
static esp_err_t make_it_boot(const struct https_ota *o)
{
    const bool is_slot = final_is(o, ESP_PARTITION_TYPE_APP) &&
                         o->final->subtype >= ESP_PARTITION_SUBTYPE_APP_OTA_MIN &&
                         o->final->subtype < ESP_PARTITION_SUBTYPE_APP_OTA_MAX;
    if (!is_slot)
        return ESP_OK;
    const esp_err_t err = esp_ota_set_boot_partition(o->staging);
    const esp_partition_subtype_t subtype = o->staging->subtype;
    if (err)
        ESP_LOGE(TAG, "%s does not become what boots: %s", o->staging->label, esp_err_to_name(err));
    tell(ESP_HTTPS_OTA_UPDATE_BOOT_PARTITION, &subtype, sizeof(subtype));
    return err;
}

esp_err_t esp_https_ota_finish(esp_https_ota_handle_t handle)
{
    struct https_ota *o = handle;
    esp_err_t err = ESP_OK;
    if (!o)
        return ESP_ERR_INVALID_ARG;
    if (o->state >= OTA_IN_PROGRESS)
        err = esp_ota_end(o->handle);
    if (!err && o->state == OTA_SUCCESS)
        err = make_it_boot(o);
    clean_up(o);
    tell(ESP_HTTPS_OTA_FINISH, NULL, 0);
    return err;
}

esp_err_t esp_https_ota_abort(esp_https_ota_handle_t handle)
{
    struct https_ota *o = handle;
    esp_err_t err = ESP_OK;
    if (!o)
        return ESP_ERR_INVALID_ARG;
    tell(ESP_HTTPS_OTA_ABORT, NULL, 0);
    if (o->state >= OTA_IN_PROGRESS)
        err = esp_ota_abort(o->handle);
    clean_up(o);
    return err;
}

esp_err_t esp_https_ota(const esp_https_ota_config_t *ota_config)
{
    esp_https_ota_handle_t handle = NULL;
    if (!ota_config || !ota_config->http_config)
        return ESP_ERR_INVALID_ARG;
    if (ota_config->ota_resumption)
        return ESP_ERR_NOT_SUPPORTED;
    esp_err_t err = esp_https_ota_begin(ota_config, &handle);
    if (err)
        return err;
    do {
        err = esp_https_ota_perform(handle);
    } while (err == ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    if (!err)
        return esp_https_ota_finish(handle);
    esp_https_ota_abort(handle);
    return err;
}

/* ---- questions ---- */

bool esp_https_ota_is_complete_data_received(esp_https_ota_handle_t handle)
{
    const struct https_ota *o = handle;
    if (!o)
        return false;
    return o->asks_parts ? o->had_bytes == o->image_bytes
                         : esp_http_client_is_complete_data_received(o->client);
}

int esp_https_ota_get_image_len_read(esp_https_ota_handle_t handle)
{
    const struct https_ota *o = handle;
    return o && o->state >= OTA_IN_PROGRESS ? (int)o->had_bytes : -1;
}

int esp_https_ota_get_image_size(esp_https_ota_handle_t handle)
{
    const struct https_ota *o = handle;
    return o ? (int)o->image_bytes : -1;
}

int esp_https_ota_get_status_code(esp_https_ota_handle_t handle)
{
    const struct https_ota *o = handle;
    return o ? esp_http_client_get_status_code(o->client) : -1;
}
