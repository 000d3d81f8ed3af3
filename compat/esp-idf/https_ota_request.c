/* compat/esp-idf/https_ota_request.c - what esp_https_ota asks of the server: the whole image, the
 * rest of it, or parts; and what it makes of each status. */
#include "https_ota_private.h"

#include <inttypes.h>
#include <stdio.h>

#include "esp_log.h"
#include "http_client_private.h"

static const char *TAG = "esp_https_ota";

static bool is_redirect(int status)
{
    return (status >= HttpStatus_MovedPermanently && status <= HttpStatus_SeeOther) ||
           status == HttpStatus_TemporaryRedirect || status == HttpStatus_PermanentRedirect;
}

/* One request with all its redirects and the answer to a 401; any other status is a result. */
static esp_err_t exchange(struct https_ota *o)
{
    int n_redirects = 0;
    int n_auths = 0;
    for (;;) {
        esp_err_t err = esp_http_client_open(o->client, 0);
        if (err)
            return err;
        if (esp_http_client_fetch_headers(o->client) < 0)
            return ESP_FAIL;
        const int status = esp_http_client_get_status_code(o->client);
        if (status == HttpStatus_Unauthorized) {
            // The same name and password would only be refused once more.
            if (!o->has_user || ++n_auths > 1 || n_auths > o->n_auths_most)
                return ESP_OK;
            esp_http_client_add_auth(o->client);
        } else if (is_redirect(status)) {
            if (++n_redirects > o->n_redirects_most)
                return ESP_ERR_HTTP_MAX_REDIRECT;
            err = esp_http_client_set_redirection(o->client);
            if (err)
                return err;
        } else {
            return ESP_OK;
        }
    }
}

static esp_err_t judge(const struct https_ota *o)
{
    const int status = esp_http_client_get_status_code(o->client);
    if (status == HttpStatus_NotModified)
        return ESP_ERR_HTTP_NOT_MODIFIED;
    if (status == HttpStatus_RangeNotSatisfiable)
        return ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE;
    if (status >= HttpStatus_BadRequest) {
        ESP_LOGE(TAG, "the server answers %d", status);
        return ESP_FAIL;
    }
    return o->resumes && status != HttpStatus_PartialContent ? ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE
                                                             : ESP_OK;
}

/* last < 0: to the end. */
static esp_err_t set_range(struct https_ota *o, int64_t first, int64_t last)
{
    char range[64];
    if (last < 0)
        snprintf(range, sizeof(range), "bytes=%" PRId64 "-", first);
    else
        snprintf(range, sizeof(range), "bytes=%" PRId64 "-%" PRId64, first, last);
    return esp_http_client_set_header(o->client, "Range", range);
}

/* How long the image is, for a download in parts: by HEAD, or of servers that know none by asking
 * for its first byte. */
static esp_err_t ask_length(struct https_ota *o)
{
    esp_http_client_set_method(o->client, HTTP_METHOD_HEAD);
    esp_err_t err = exchange(o);
    esp_http_client_set_method(o->client, HTTP_METHOD_GET);
    if (err)
        return err;
    int status = esp_http_client_get_status_code(o->client);
    if (status == HttpStatus_NotModified)
        return ESP_ERR_HTTP_NOT_MODIFIED;
    o->image_bytes = esp_http_client_get_content_length(o->client);
    if (status != HttpStatus_Ok) {
        err = set_range(o, 0, 0);
        if (!err)
            err = exchange(o);
        if (err)
            return err;
        status = esp_http_client_get_status_code(o->client);
        const struct ferry_http_head *head = &o->client->head;
        o->image_bytes = -1;
        if (status == HttpStatus_PartialContent && head->has_range && head->range_total)
            o->image_bytes = (int64_t)head->range_total;
        if (status == HttpStatus_Ok)
            o->image_bytes = esp_http_client_get_content_length(o->client);
        esp_http_client_delete_header(o->client, "Range");
    }
    esp_http_client_close(o->client);
    return o->image_bytes < 0 ? ESP_FAIL : ESP_OK;
}

/* The first request's range ends one byte behind the image, if the part would reach that far. */
static esp_err_t set_first_part(struct https_ota *o)
{
    const int64_t end = o->had_bytes + o->part_bytes;
    if (!o->had_bytes && o->part_bytes >= o->image_bytes && !o->resumes)
        return esp_http_client_delete_header(o->client, "Range");
    return set_range(o, o->had_bytes, end <= o->image_bytes ? end - 1 : o->image_bytes);
}

static esp_err_t set_first_range(struct https_ota *o)
{
    o->part_at_bytes = o->had_bytes;
    if (o->asks_parts)
        return set_first_part(o);
    // Also from byte 0: a server without ranges is found out before it matters.
    return o->resumes ? set_range(o, o->had_bytes, -1)
                      : esp_http_client_delete_header(o->client, "Range");
}

esp_err_t https_ota_request_first(struct https_ota *o)
{
    esp_err_t err = o->asks_parts ? ask_length(o) : ESP_OK;
    if (!err)
        err = set_first_range(o);
    if (!err)
        err = exchange(o);
    if (!err)
        err = judge(o);
    if (err == ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE && o->resumes) {
        ESP_LOGW(TAG, "the server does not go on from %" PRId64 ": from the start", o->had_bytes);
        o->resumes = false;
        o->had_bytes = 0;
        esp_http_client_close(o->client);
        err = set_first_range(o);
        if (!err)
            err = exchange(o);
        if (!err)
            err = judge(o);
    }
    if (!err && !o->asks_parts)
        o->image_bytes = esp_http_client_get_content_length(o->client);
    return err;
}

esp_err_t https_ota_request_next(struct https_ota *o)
{
    const int64_t end = o->had_bytes + o->part_bytes;
    if (o->had_bytes == o->part_at_bytes) {
        ESP_LOGE(TAG, "the server sent an empty part");
        return ESP_FAIL;
    }
    o->part_at_bytes = o->had_bytes;
    esp_http_client_close(o->client);
    esp_err_t err = set_range(o, o->had_bytes, end < o->image_bytes ? end - 1 : -1);
    if (!err)
        err = exchange(o);
    return err ? err : judge(o);
}
