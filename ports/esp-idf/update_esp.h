/* ports/esp-idf/update_esp.h - over-the-air updates of an ESP-IDF project, in one call.
 * Runs in the caller's task, on top of esp_http_client and esp_flash; needs a network that is up.
 * Checkpoints in NVS are keeper_nvs.h's. All memory is the caller's: nothing here allocates. */
#ifndef FERRY_UPDATE_ESP_H
#define FERRY_UPDATE_ESP_H

#include "agent/manifest.h"
#include "agent/source_http.h"
#include "agent/update_run.h"
#include "device_esp.h"
#include "http_esp.h"
#include "trust_esp.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What to install. {0} plus url is a config. Pointers are borrowed for the call. */
struct ferry_esp_update_config {
    const char *url;         // of the image; with ferry_esp_update_manifest: of the manifest
    uint32_t flags;          // FERRY_UPDATE_...; FERRY_UPDATE_GENTLE: no flash call longer than one
                             // sector's erase, and a tick for other tasks between two
    const uint8_t *sha256;   // of the whole file, 32 bytes; NULL: not checked
    uint32_t length_bytes;   // of the whole file; 0: what the server says
    const char *min_version; // refuse what is older; NULL: no minimum
    bool is_anew;            // begin at the first byte, whatever an earlier update left behind
    struct ferry_http_options http; // credentials, own CA, client certificate, headers, limits.
                                    // ca_file, cert_file and key_file are the PEM texts themselves
    const struct ferry_cancel *cancel; // asked often; NULL: cannot be cancelled
    struct ferry_update_events events; // progress and what happens; called from this task
    // Where checkpoints are kept, so that an update goes on after a reset: ferry_keeper_nvs_init
    // makes one. NULL: none; then only lost connections are taken up, within the call.
    struct ferry_keeper *keeper;
    struct ferry_esp_trust *trust; // static memory; needed with signed updates only
};

/** Memory of an update: 14 KB, static. After a failure job.fault and job.detail say why, and
 * job.can_go_on that the same call later goes on where this one stopped. After success
 * ferry_image_desc(&update.image, ...) describes what was installed. */
struct ferry_esp_update {
    struct ferry_esp esp;
    struct ferry_update update;
    struct ferry_update_job job;
    struct ferry_update_config config;
    struct ferry_source_http source;
    struct ferry_http_esp http;
    struct ferry_http_options options;
    const struct ferry_cancel *asks; // the caller's
    struct ferry_cancel cancel;      // what the loop asks: the caller, and gentle waits
    bool is_gentle;
    uint8_t desc_head[FERRY_APP_DESC_HEAD_BYTES];
    uint8_t memory[FERRY_MANIFEST_BYTES + 8]; // two sectors, or a manifest
};

/** Fetches an image into the spare slot, checks it on the way and once more from flash, and makes
 * it boot next; then call esp_restart(). A lost connection is taken up again as menuconfig says; an
 * update that failed or lost its power goes on at the last checkpoint, if config has a keeper. On
 * any error what runs, and what boots, is as before.
 * Errors as ferry_esp_open and ferry_update_run; fault and words in u->job. */
FERRY_MUST_CHECK ferry_err ferry_esp_update(struct ferry_esp_update *u,
                                            const struct ferry_esp_update_config *config);

/** The same for a manifest: reads it into *m, then installs the image that it names, held to what
 * it promises. config's own sha256 and length_bytes must agree with it. Needs cJSON, which
 * allocates while the manifest is read.
 * FERRY_ERR_MANIFEST, FERRY_ERR_MANIFEST_SIZE; FERRY_ERR_UPDATE_SHA, FERRY_ERR_UPDATE_LENGTH the
 * two disagree; else as ferry_esp_update. */
FERRY_MUST_CHECK ferry_err ferry_esp_update_manifest(struct ferry_esp_update *u,
                                                     struct ferry_manifest *m,
                                                     const struct ferry_esp_update_config *config);

#ifdef __cplusplus
}
#endif
#endif
