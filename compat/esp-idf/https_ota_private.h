/* compat/esp-idf/https_ota_private.h - an update over https between its two files: asking the
 * server (https_ota_request.c) and filling the slot (esp_https_ota.c). */
#ifndef HTTPS_OTA_PRIVATE_H
#define HTTPS_OTA_PRIVATE_H

#include "esp_https_ota.h"

#define IMAGE_HEADER_BYTES 1024 // read and judged before the rest; shorter images fail

enum https_ota_state { OTA_BEGIN, OTA_RESUME, OTA_IN_PROGRESS, OTA_SUCCESS };

struct https_ota {
    esp_http_client_handle_t client;
    enum https_ota_state state;
    const esp_partition_t *staging;
    const esp_partition_t *final;
    bool copies_when_done;
    bool is_bulk;
    esp_ota_handle_t handle;
    char *buffer;
    int buffer_bytes;
    int64_t image_bytes; // as the server says; of the rest, where a download is resumed; -1: not
    int64_t had_bytes;   // received, former attempts included
    bool asks_parts;
    int64_t part_bytes;    // the most of one request
    int64_t part_at_bytes; // where the part in hand began
    bool resumes;          // a Range must be honoured
    int n_redirects_most;
    int n_auths_most;
    bool has_user;
};

/** Asks for the image, or its first part: redirects, 401 and the fall-back from a resumed download
 * to a new one included. ESP_ERR_HTTP_..., ESP_FAIL. */
esp_err_t https_ota_request_first(struct https_ota *o);

/** Asks for the part that follows. */
esp_err_t https_ota_request_next(struct https_ota *o);

#endif
