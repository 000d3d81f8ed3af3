/* agent/agent_update.c - how a release comes into the application's slot. */
#include "agent/agent_private.h"

#include <string.h>

#include "agent/handover.h"
#include "agent/text.h"
#include "ferry/bytes.h"

#define TRIES_MOST 3u

static void refuse(struct ferry_agent *a, const struct ferry_release *offer, ferry_err err,
                   const char *why)
{
    a->coming = *offer;
    a->fault = (struct ferry_fault){.err = err};
    a->detail[0] = '\0';
    ferry_text_add(a->detail, sizeof a->detail, why);
    ferry__agent_tell(a, FERRY_NEWS_REFUSED);
}

/* How often this very release failed for a reason that is its own. */
static uint32_t tries_of(struct ferry_agent *a, const struct ferry_release *offer)
{
    struct ferry_release before;
    uint32_t n = 0;
    if (ferry_release_load(a->config.store, "coming", &before) ||
        !ferry_release_same(&before, offer) || ferry_store_number(a->config.store, "tries", &n))
        return 0;
    return n;
}

bool ferry__agent_wants(struct ferry_agent *a, const struct ferry_release *offer)
{
    const struct ferry_agent_hooks *h = &a->config.hooks;
    const struct ferry_agent_settings *s = &a->config.settings;
    if (a->has_installed && ferry_release_same(offer, &a->installed))
        return false;
    if (a->has_bad && !ferry_release_may_replace(offer, &a->bad)) {
        refuse(a, offer, FERRY_ERR_RELEASE_BAD, "nothing newer is offered");
        return false;
    }
    if (a->has_installed && !s->allow_downgrade &&
        !ferry_release_may_replace(offer, &a->installed)) {
        refuse(a, offer, FERRY_ERR_UPDATE_DOWNGRADE, "");
        ferry__agent_event(a, "failed", "the release offered is older than the installed one");
        return false;
    }
    if (tries_of(a, offer) >= ferry__or(s->tries_most, TRIES_MOST)) {
        refuse(a, offer, FERRY_ERR_RELEASE_BAD, "it could not be installed, too often");
        return false;
    }
    if (h->may_update_now && !h->may_update_now(h->ctx, offer)) {
        ferry__agent_asked(a, FERRY__LATER_S);
        ferry__agent_tell(a, FERRY_NEWS_LATER);
        return false;
    }
    return true;
}

/* The records before the first byte: where the release goes, and what is lost by that. */
static ferry_err make_room(struct ferry_agent *a)
{
    struct ferry_store *s = a->config.store;
    const int kept = a->has_installed && !a->wants_last ? a->installed.slot : FERRY_SLOT_NONE;
    ferry_err err = ferry_handover_spare(a->config.device, kept, &a->coming.slot);
    if (err)
        return err;
    const uint32_t tries = tries_of(a, &a->coming);
    if (a->has_confirmed && a->has_installed && !a->wants_last &&
        ferry_release_same(&a->confirmed, &a->installed)) {
        a->last_good = a->installed;
        a->has_last_good = true;
    }
    if (a->has_last_good && a->last_good.slot == a->coming.slot)
        a->last_good.slot = FERRY_SLOT_NONE;
    if (a->has_last_good)
        err = ferry_release_save(s, "last_good", &a->last_good);
    if (!err)
        err = ferry_release_save(s, "coming", &a->coming);
    if (!err)
        err = ferry_store_set_number(s, "tries", tries);
    a->has_coming = !err;
    return err;
}

/* The descriptor that the new one is compared with, put together from what is known. */
static void make_replaced(struct ferry_agent *a)
{
    memset(a->replaced, 0, sizeof a->replaced);
    ferry_put_le32(a->replaced, FERRY_APP_DESC_MAGIC);
    const size_t n = strlen(a->installed.version);
    memcpy(a->replaced + 16, a->installed.version, n < 32 ? n : 32);
    memcpy(a->replaced + 48, a->project, strlen(a->project));
}

static uint32_t flags_of(const struct ferry_agent *a)
{
    const struct ferry_agent_settings *s = &a->config.settings;
    uint32_t flags = 0;
    // By their serials the order is known already; back means older.
    if (s->allow_downgrade || a->wants_last || !a->has_installed ||
        (a->coming.has_serial && a->installed.has_serial))
        flags |= FERRY_UPDATE_DOWNGRADE;
    if (s->allow_project || !a->project[0])
        flags |= FERRY_UPDATE_PROJECT;
    return flags;
}

/* The address of a release that the manifest does not name: the server keeps it by its hash. */
static void make_address(const struct ferry_agent *a, const struct ferry_release *r, char *out,
                         size_t n_out)
{
    static const char digits[] = "0123456789abcdef";
    out[0] = '\0';
    ferry_text_add(out, n_out, a->credentials.join.url);
    ferry_text_add(out, n_out, "/api/v1/firmware/");
    for (size_t i = 0; i < sizeof r->sha256; i++) {
        const char two[3] = {digits[r->sha256[i] >> 4], digits[r->sha256[i] & 15], '\0'};
        ferry_text_add(out, n_out, two);
    }
    ferry_text_add(out, n_out, ".bin");
}

/* The way to the bytes: only the origin that the device enrolled at gets its certificate. */
static void make_source(struct ferry_agent *a)
{
    a->options = (struct ferry_http_options){
        .ca_pem = a->credentials.ca,
        .cert_pem = a->credentials.cert,
        .key_der = a->credentials.key,
        .key_der_bytes = sizeof a->credentials.key,
        .secrets_for = a->credentials.join.url,
        .connect_timeout_ms = a->client.connect_timeout_ms,
        .stall_timeout_ms = a->client.stall_timeout_ms,
    };
    ferry_source_http_init(&a->source, a->config.http, a->manifest.firmware, &a->options,
                           &a->deadline.cancel);
}

ferry_err ferry__agent_fetch(struct ferry_agent *a, const struct ferry_release *r, uint32_t flags,
                             const uint8_t *replaced, bool *is_own_fault)
{
    const struct ferry_agent_hooks *h = &a->config.hooks;
    const bool is_offer = memcmp(r->sha256, a->manifest.sha256, FERRY_SHA256_BYTES) == 0;
    if (!is_offer)
        make_address(a, r, a->manifest.firmware, sizeof a->manifest.firmware);
    make_source(a);
    const struct ferry_update_config config = {
        .slot = r->slot,
        .flags = flags,
        .length_bytes = r->length_bytes,
        .sha256 = r->sha256,
        .has_crc32 = is_offer && a->manifest.has_crc32,
        .crc32 = a->manifest.crc32,
        .replaced = replaced,
        .desc_head = a->desc,
        .work = a->work,
        .work_bytes = sizeof a->work,
    };
    struct ferry_update_job job = {
        .device = a->config.device,
        .source = &a->source.source,
        .config = &config,
        .buffer = a->buffer,
        .buffer_bytes = sizeof a->buffer,
        .cancel = &a->deadline.cancel,
        .keeper = a->config.keeper,
        .retry = {FERRY_RETRY_TRIES, h->sleep_ms, h->random, h->ctx},
        .events = h->events,
    };
    const ferry_err err = ferry_update_run(&a->update, &job);
    // The link's failures are nobody's fault, and the next try goes on where this one stopped.
    *is_own_fault = err && err != FERRY_ERR_CANCELLED && !job.is_source_to_blame;
    if (!err)
        return FERRY_OK;
    if (err == FERRY_ERR_CANCELLED) {
        job.fault.err = FERRY_ERR_NET_TIMEOUT;
        job.detail = "not done within the time for one download";
    }
    return ferry__agent_failed(a, &job.fault, job.detail);
}

static ferry_err fetch(struct ferry_agent *a)
{
    bool is_own_fault = false;
    make_replaced(a);
    const ferry_err err =
        ferry__agent_fetch(a, &a->coming, flags_of(a), a->replaced, &is_own_fault);
    if (!is_own_fault)
        return err;
    const ferry_err kept =
        ferry_store_set_number(a->config.store, "tries", tries_of(a, &a->coming) + 1);
    if (kept)
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = kept}, "tries");
    return err;
}

static void failed(struct ferry_agent *a, ferry_err err)
{
    char reason[FERRY_AGENT_REASON_BYTES] = "";
    ferry_text_add(reason, sizeof reason, a->coming.version);
    ferry_text_add(reason, sizeof reason, ": ");
    ferry_text_add(reason, sizeof reason, ferry_strerror(err));
    if (a->detail[0])
        ferry_text_add(reason, sizeof reason, ": ");
    ferry_text_add(reason, sizeof reason, a->detail);
    ferry__agent_event(a, "failed", reason);
    ferry__agent_asked(a, FERRY__FAIL_S);
}

void ferry__agent_update(struct ferry_agent *a)
{
    const bool is_back = a->wants_last && ferry_release_same(&a->coming, &a->last_good);
    ferry_err err = make_room(a);
    if (!err) {
        // An updater that is not settled must not begin what arms another slot.
        err = ferry_handover_settle(a->config.device);
    }
    if (err) {
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "room for the release");
        failed(a, err);
        return;
    }
    ferry__agent_tell(a, FERRY_NEWS_OFFER);
    err = fetch(a);
    if (!err)
        err = ferry__agent_install(a);
    if (err) {
        failed(a, err);
        return;
    }
    ferry__agent_tell(a, FERRY_NEWS_INSTALLED);
    if (is_back)
        ferry__agent_went_back(a);
}
