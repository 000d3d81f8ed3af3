/* compat/esp-idf/self_reflasher.c - the calls of Espressif's esp-self-reflasher, in its order and
 * with its log lines, over plans of ferry/reflash.h: reflasher_plan.c. */
#include "reflasher_private.h"

#include <stdlib.h>
#include <string.h>

#include "esp_log.h"
#include "ferry/bytes.h"

#define PIECE_BYTES 1024

/* All handles: the original has no call to free one, so a reset frees them. */
static struct reflasher *handles;

static void set_free(struct reflasher *f)
{
    struct reflasher **at = &handles;
    while (*at && *at != f)
        at = &(*at)->next;
    if (*at)
        *at = f->next;
    free(f);
}

void ferry_compat_drop_reflashers(void)
{
    while (handles)
        set_free(handles);
}

static struct reflasher *find(esp_self_reflasher_handle_t handle)
{
    struct reflasher *f = handles;
    while (f && f != handle)
        f = f->next;
    return f;
}

/* ---- which region, which staging area ---- */

static struct ferry_span running_span(void)
{
    const struct compat *c = ferry_compat();
    return ferry_device_span(&c->dev, c->dev.running);
}

static bool overlap(struct ferry_span a, struct ferry_span b)
{
    return ferry_ranges_overlap(a.off_bytes, a.size_bytes, b.off_bytes, b.size_bytes);
}

static esp_err_t take_dest(const addr_region_t *region, struct ferry_span *out)
{
    const uint32_t flash_bytes = ferry_compat()->chip.flash->size_bytes;
    if (region->region_address % SECTOR_BYTES) {
        ESP_LOGE(REFLASHER_TAG, "destination 0x%x is not at the start of a sector",
                 (unsigned)region->region_address);
        return ESP_ERR_INVALID_ARG;
    }
    if (!region->region_size || region->region_size % SECTOR_BYTES ||
        region->region_size > flash_bytes ||
        !ferry_range_fits(region->region_address, (uint32_t)region->region_size, flash_bytes)) {
        ESP_LOGE(REFLASHER_TAG, "destination's size 0x%zx is not whole sectors of the flash",
                 region->region_size);
        return ESP_ERR_INVALID_SIZE;
    }
    *out = (struct ferry_span){region->region_address, (uint32_t)region->region_size};
    if (overlap(*out, running_span())) {
        ESP_LOGE(REFLASHER_TAG, "destination overlaps the running app");
        return ESP_ERR_NOT_ALLOWED;
    }
    return ESP_OK;
}

static esp_err_t no_area(void)
{
    ESP_LOGE(REFLASHER_TAG, "Partition overlaps destination");
    return ESP_ERR_NOT_FOUND;
}

static esp_err_t find_area(struct reflasher *f, const esp_partition_t *wanted,
                           struct ferry_span *out)
{
    struct compat *c = ferry_compat();
    if (wanted) {
        *out = (struct ferry_span){wanted->address, wanted->size};
        return overlap(*out, f->dest) || overlap(*out, running_span()) ? no_area() : ESP_OK;
    }
    struct ferry_fault fault;
    return ferry_stage_find(&f->r, &c->dev, 0, f->dest, out, &fault) ? no_area() : ESP_OK;
}

/* Erases it and opens it anew. */
static esp_err_t clear_area(struct reflasher *f)
{
    f->area_is_open = false;
    const struct ferry_region area = {f->r.cfg.flash, f->area.off_bytes, f->area.size_bytes};
    ferry_err err = ferry_stage_open(&f->stage, &f->r, &f->site, &ferry_compat()->dev, f->area);
    if (err)
        return reflasher_fail(err, &f->stage.fault);
    err = ferry_region_erase(&area, 0, area.size_bytes, true);
    if (!err)
        err = ferry_region_sync(&area);
    if (err)
        return reflasher_fail(err, &(struct ferry_fault){err, 0, 0, area.off_bytes});
    ESP_LOGI(REFLASHER_TAG, "Partition erased successfully");
    f->area_is_open = true;
    return ESP_OK;
}

static void log_ranges(const struct reflasher *f)
{
    ESP_LOGI(REFLASHER_TAG, "src_start 0x%x, src_end 0x%x", (unsigned)f->area.off_bytes,
             (unsigned)(f->area.off_bytes + f->area.size_bytes));
    ESP_LOGI(REFLASHER_TAG, "dest_start 0x%x, dest_end 0x%x", (unsigned)f->dest.off_bytes,
             (unsigned)(f->dest.off_bytes + f->dest.size_bytes));
}

/* ---- init, next, deinit ---- */

static esp_err_t set_up(struct reflasher *f, const esp_self_reflasher_config_t *config)
{
    esp_err_t err = take_dest(&config->dest_region, &f->dest);
    if (err)
        return err;
    const ferry_err opened = reflasher_open_plan(f);
    if (opened)
        return reflasher_fail(opened, &f->r.fault);
    err = find_area(f, config->target_partition, &f->area);
    if (err)
        return err;
    log_ranges(f);
    return clear_area(f);
}

esp_err_t esp_self_reflasher_init(const esp_self_reflasher_config_t *self_reflasher_config,
                                  esp_self_reflasher_handle_t *handle)
{
    if (!handle)
        return ESP_ERR_INVALID_ARG;
    *handle = NULL;
    if (!self_reflasher_config || !self_reflasher_config->http_config)
        return ESP_ERR_INVALID_ARG;
    struct reflasher *f = calloc(1, sizeof(*f));
    if (!f)
        return ESP_ERR_NO_MEM;
    f->http_config = self_reflasher_config->http_config;
    const esp_err_t err = set_up(f, self_reflasher_config);
    if (err) {
        free(f);
        return err;
    }
    f->next = handles;
    handles = f;
    *handle = f;
    return ESP_OK;
}

/* Behind what was staged before, if all of the destination would fit there. */
static esp_err_t place_next(struct reflasher *f, const esp_partition_t *wanted)
{
    const bool is_other =
        wanted && (wanted->address != f->area.off_bytes || wanted->size != f->area.size_bytes);
    if (is_other || overlap(f->area, f->dest)) {
        struct ferry_span area;
        const esp_err_t err = find_area(f, wanted, &area);
        if (err)
            return err;
        f->area = area;
        ESP_LOGI(REFLASHER_TAG, "New partition target set");
        return clear_area(f);
    }
    if (f->area_is_open && f->dest.size_bytes <= f->area.size_bytes - f->stage.used_bytes)
        return ESP_OK;
    ESP_LOGI(REFLASHER_TAG, "Current selected partition for download placement will be erased");
    return clear_area(f);
}

esp_err_t
esp_self_reflasher_upd_next_config(const esp_self_reflasher_config_t *self_reflasher_config,
                                   esp_self_reflasher_handle_t handle)
{
    struct reflasher *f = find(handle);
    struct ferry_span dest;
    if (!f || !self_reflasher_config || !self_reflasher_config->http_config)
        return ESP_ERR_INVALID_ARG;
    ESP_LOGI(REFLASHER_TAG, "Updating configuration for next download");
    esp_err_t err = take_dest(&self_reflasher_config->dest_region, &dest);
    if (err)
        return err;
    f->dest = dest;
    f->http_config = self_reflasher_config->http_config;
    const ferry_err opened = reflasher_open_plan(f);
    if (opened)
        return reflasher_fail(opened, &f->r.fault);
    err = place_next(f, self_reflasher_config->target_partition);
    if (!err)
        log_ranges(f);
    return err;
}

esp_err_t esp_self_reflasher_deinit(esp_self_reflasher_handle_t handle)
{
    struct reflasher *f = find(handle);
    if (!f)
        return ESP_ERR_INVALID_ARG;
    set_free(f);
    return ESP_OK;
}

/* ---- download ---- */

/* Every byte of the response, into the staging area. A read that brings nothing ends it. */
static esp_err_t take_body(struct reflasher *f, esp_http_client_handle_t client, uint32_t length)
{
    char piece[PIECE_BYTES];
    bool is_held = false; // never: no hash is promised
    int n;
    ferry_err err = FERRY_OK;
    for (uint32_t got = 0; (n = esp_http_client_read(client, piece, (int)sizeof(piece))) > 0;
         got += (uint32_t)n) {
        if (!got) {
            struct ferry_step step = reflasher_step(f, (const uint8_t *)piece, (size_t)n);
            step.length_bytes = length;
            err = ferry_stage_begin(&f->stage, &step, NULL, &is_held);
        }
        if (!err)
            err = ferry_stage_write(&f->stage, piece, (uint32_t)n);
        if (err)
            return reflasher_fail(err, &f->stage.fault);
    }
    if (n < 0 || !esp_http_client_is_complete_data_received(client)) {
        ESP_LOGE(REFLASHER_TAG, "Error in receiving complete data");
        return ESP_ERR_HTTP_WRITE_DATA;
    }
    return ESP_OK;
}

static esp_err_t finish_content(struct reflasher *f)
{
    const ferry_err err = ferry_stage_finish(&f->stage);
    if (err)
        return reflasher_fail(err, &f->stage.fault);
    if (!reflasher_front_ok(f)) {
        ESP_LOGE(REFLASHER_TAG, "what is to lie at the bootloader's place begins with none");
        return ESP_ERR_IMAGE_INVALID;
    }
    const uint32_t n = f->r.plan.steps[0].length_bytes;
    f->has_content = true;
    ESP_LOGI(REFLASHER_TAG, "Total downloaded binary length: %u (0x%x)", (unsigned)n, (unsigned)n);
    ESP_LOGI(REFLASHER_TAG, "File downloaded successfully");
    return ESP_OK;
}

static esp_err_t receive(struct reflasher *f, esp_http_client_handle_t client)
{
    if (esp_http_client_open(client, 0) || esp_http_client_fetch_headers(client) < 0 ||
        esp_http_client_get_status_code(client) != HttpStatus_Ok) {
        ESP_LOGE(REFLASHER_TAG, "HTTP request error, status %d",
                 esp_http_client_get_status_code(client));
        return ESP_ERR_HTTP_CONNECT;
    }
    const int64_t length = esp_http_client_get_content_length(client);
    const uint32_t room = f->stage.area.size_bytes - f->stage.used_bytes;
    if (length > f->dest.size_bytes || length > room) {
        ESP_LOGE(REFLASHER_TAG, "Blob size exceeds partition size");
        return ESP_ERR_INVALID_SIZE;
    }
    const esp_err_t err = take_body(f, client, length > 0 ? (uint32_t)length : 0);
    return err ? err : finish_content(f);
}

esp_err_t esp_self_reflasher_download_bin(esp_self_reflasher_handle_t handle)
{
    struct reflasher *f = find(handle);
    if (!f)
        return ESP_ERR_INVALID_ARG;
    if (!f->area_is_open || overlap(f->area, f->dest))
        return ESP_ERR_INVALID_STATE; // the last new configuration was refused
    const ferry_err opened = reflasher_open_plan(f);
    if (opened)
        return reflasher_fail(opened, &f->r.fault);
    esp_http_client_handle_t client = esp_http_client_init(f->http_config);
    if (!client)
        return ESP_ERR_HTTP_CONNECT;
    const esp_err_t err = receive(f, client);
    esp_http_client_cleanup(client);
    return err;
}

/* ---- copy ---- */

static esp_err_t copy(struct reflasher *f)
{
    const struct ferry_step s = f->r.plan.steps[0];
    ESP_LOGI(REFLASHER_TAG, "Starting copy 0x%x bytes from 0x%x to 0x%x", (unsigned)s.length_bytes,
             (unsigned)s.source_off_bytes, (unsigned)s.dest_off_bytes);
    const ferry_err err = reflasher_carry_out(f);
    f->has_content = false;
    if (err)
        return reflasher_fail(err, &f->r.fault);
    ESP_LOGI(REFLASHER_TAG, "Flash destination region erased successfully");
    ESP_LOGI(REFLASHER_TAG, "Data copied from 0x%x to 0x%x and read back",
             (unsigned)s.source_off_bytes, (unsigned)s.dest_off_bytes);
    return ESP_OK;
}

esp_err_t esp_self_reflasher_copy_to_region(esp_self_reflasher_handle_t handle)
{
    struct reflasher *f = find(handle);
    if (!f)
        return ESP_ERR_INVALID_ARG;
    return f->has_content ? copy(f) : ESP_ERR_INVALID_STATE;
}

static esp_err_t add_source(struct reflasher *f, const esp_self_reflasher_config_t *config)
{
    const struct ferry_flash *flash = ferry_compat()->chip.flash;
    const struct ferry_span run = running_span();
    const uint32_t off = config->src_region.region_address;
    const size_t n = config->src_bin_size ? config->src_bin_size : config->src_region.region_size;
    uint8_t head[16];
    if (!n || n > config->src_region.region_size || n > flash->size_bytes ||
        !ferry_range_fits(off, (uint32_t)n, flash->size_bytes))
        return ESP_ERR_INVALID_SIZE;
    const size_t n_head = n < sizeof(head) ? n : sizeof(head);
    if (flash->ops->read(flash, off, head, (uint32_t)n_head))
        return ESP_ERR_FLASH_OP_FAIL;
    struct ferry_step step = reflasher_step(f, head, n_head);
    const bool is_own = off >= run.off_bytes && off - run.off_bytes < run.size_bytes;
    step.source = is_own ? FERRY_SOURCE_EMBEDDED : FERRY_SOURCE_MOVED;
    step.source_off_bytes = off;
    step.length_bytes = (uint32_t)n;
    const ferry_err err = ferry_reflash_add(&f->r, &step, NULL);
    if (err)
        return reflasher_fail(err, &f->r.fault);
    return reflasher_front_ok(f) ? ESP_OK : ESP_ERR_IMAGE_INVALID;
}

esp_err_t
esp_self_reflasher_directly_copy_to_region(const esp_self_reflasher_config_t *self_reflasher_config)
{
    if (!self_reflasher_config)
        return ESP_ERR_INVALID_ARG;
    struct reflasher *f = calloc(1, sizeof(*f));
    if (!f)
        return ESP_ERR_NO_MEM;
    esp_err_t err = take_dest(&self_reflasher_config->dest_region, &f->dest);
    if (!err) {
        const ferry_err opened = reflasher_open_plan(f);
        err = opened ? reflasher_fail(opened, &f->r.fault) : add_source(f, self_reflasher_config);
    }
    if (!err)
        err = copy(f);
    free(f);
    return err;
}
