/* ports/esp-idf/manifest_esp.c - an update that a manifest describes. A file of its own, so that
 * who gives the image's address directly links no JSON. */
#include <string.h>

#include "update_esp.h"
#include "update_esp_private.h"

_Static_assert(sizeof(((struct ferry_esp_update *)0)->memory) > FERRY_MANIFEST_BYTES,
               "a manifest fits");

/* Loads the manifest, again and again where that is worth it. */
static ferry_err load(struct ferry_esp_update *u, struct ferry_manifest *m, const char *url)
{
    struct ferry_source *s = &u->source.source;
    const struct ferry_retry *retry = &u->job.retry;
    for (uint32_t n = 1;; n++) {
        const ferry_err err = ferry_manifest_load(m, url, s, (char *)u->memory);
        if (!err)
            return FERRY_OK;
        u->job.fault = m->fault;
        u->job.detail = m->detail[0] ? m->detail : NULL;
        u->job.is_source_to_blame = true;
        if (n > retry->n_most || !ferry_retry_is_worth(&m->fault))
            return err;
        retry->sleep_ms(retry->ctx, ferry_retry_pause_ms(retry, n, s->retry_after_s));
        if (ferry_cancel_asked(u->asks))
            return ferry_fail(&u->job.fault, FERRY_ERR_CANCELLED, 0, 0, 0);
    }
}

ferry_err ferry_esp_update_manifest(struct ferry_esp_update *u, struct ferry_manifest *m,
                                    const struct ferry_esp_update_config *config)
{
    ferry__esp_begin(u, config);
    const ferry_err err = load(u, m, config->url);
    if (err)
        return err;
    if (config->sha256 && memcmp(config->sha256, m->sha256, sizeof m->sha256) != 0)
        return ferry_fail(&u->job.fault, FERRY_ERR_UPDATE_SHA, 0, 0, 0);
    if (config->length_bytes && config->length_bytes != m->length_bytes)
        return ferry_fail(&u->job.fault, FERRY_ERR_UPDATE_LENGTH, m->length_bytes,
                          config->length_bytes, 0);
    struct ferry_esp_update_config image = *config;
    image.url = m->firmware;
    image.sha256 = m->sha256;
    image.length_bytes = m->length_bytes;
    if (!image.min_version && m->min_version[0])
        image.min_version = m->min_version;
    if (!image.http.secrets_for) // of the manifest's origin, wherever it sends us
        image.http.secrets_for = config->url;
    return ferry_esp_update(u, &image);
}
