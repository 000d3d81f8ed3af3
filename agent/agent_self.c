/* agent/agent_self.c - how the updater itself is replaced: into a third slot, on trial. The new one
 * boots unconfirmed, with the old one's entry VALID behind it. If it reaches the server it confirms
 * itself; if not, or if it crashes, the bootloader goes back, and after some tries the release is
 * left alone. */
#include "agent/agent_private.h"

#include <string.h>

#include "agent/handover.h"
#include "agent/text.h"
#include "ferry/version.h"

#define TRIES_MOST 3u

void ferry__agent_begin_trial(struct ferry_agent *a)
{
    struct ferry_slots s;
    a->is_trial = a->config.device->running >= 0 && !ferry_slots_load(a->config.device, &s) &&
                  s.running >= 0 && s.entry[s.running].state == FERRY_STATE_PENDING;
}

void ferry__agent_end_trial(struct ferry_agent *a)
{
    if (!a->is_trial)
        return;
    if (ferry_handover_settle(a->config.device)) {
        const struct ferry_fault fault = a->config.device->fault;
        (void)ferry__agent_failed(a, &fault, "the new updater's entry");
        return;
    }
    a->is_trial = false;
    ferry__agent_tell(a, FERRY_NEWS_SELF_KEPT);
}

/* A slot that holds neither this updater nor the application. */
static int third_slot(const struct ferry_agent *a)
{
    const struct ferry_device *d = a->config.device;
    for (int i = d->n_slots - 1; i >= 0; i--)
        if (i != d->running && (!a->has_installed || i != a->installed.slot))
            return i;
    return FERRY_SLOT_NONE;
}

/* This updater as a release, by what lies in its slot. */
static ferry_err describe_self(struct ferry_agent *a, struct ferry_release *out)
{
    struct ferry_app_desc desc;
    struct ferry_device *d = a->config.device;
    memset(out, 0, sizeof *out);
    out->slot = d->running;
    ferry_err err = ferry_device_desc(d, d->running, &desc);
    if (!err)
        err = ferry_device_verify(d, d->running);
    if (err)
        return err;
    ferry_text_add(out->version, sizeof out->version, desc.version);
    ferry_text_add(out->project, sizeof out->project, desc.project);
    out->length_bytes = d->work->image.image_bytes;
    return ferry__agent_hash(d, d->running, out->length_bytes, out->sha256);
}

/* True if a newer updater is offered; it is in a->self then. */
static bool is_offered(struct ferry_agent *a, int slot)
{
    struct ferry_release now;
    bool has_offer = false;
    struct ferry_device *d = a->config.device;
    const ferry_err err = describe_self(a, &now);
    if (err) {
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "the updater's own image");
        return false;
    }
    const struct ferry_client_question q = {
        .project = now.project,
        .chip = d->policy->chip ? d->policy->chip->name : "",
        .installed = &now,
        .slot_bytes = ferry_device_span(d, slot).size_bytes,
    };
    if (ferry_client_check(&a->client, &q, &a->manifest, &has_offer)) {
        (void)ferry__agent_failed(a, &a->client.fault, a->client.detail);
        return false;
    }
    if (!has_offer)
        return false;
    ferry_release_of(&a->manifest, &a->self);
    a->self.slot = slot;
    return ferry_version_compare(a->self.version, now.version) == FERRY_ORDER_NEWER;
}

/* Counted before the try: one that ends in a crash of the new updater is one as well. *n_tries gets
 * how many there were. */
static bool may_try(struct ferry_agent *a, uint32_t *n_tries)
{
    struct ferry_store *s = a->config.store;
    struct ferry_release before;
    uint32_t n = 0;
    ferry_err err = ferry_release_load(s, "self", &before);
    if (!err && ferry_release_same(&before, &a->self))
        err = ferry_store_number(s, "self_tries", &n);
    else
        err = ferry_release_save(s, "self", &a->self);
    if (!err && n >= ferry__or(a->config.settings.tries_most, TRIES_MOST))
        return false;
    if (!err)
        err = ferry_store_set_number(s, "self_tries", n + 1);
    if (err)
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "self");
    *n_tries = n;
    return !err;
}

bool ferry__agent_replace_self(struct ferry_agent *a)
{
    bool is_own_fault = false;
    uint32_t n_tries = 0;
    const int slot = third_slot(a);
    if (slot < 0 || !is_offered(a, slot) || !may_try(a, &n_tries))
        return false;
    if (a->has_last_good && a->last_good.slot == slot) {
        a->last_good.slot = FERRY_SLOT_NONE;
        if (ferry_release_save(a->config.store, "last_good", &a->last_good))
            return false;
    }
    if (ferry_handover_settle(a->config.device))
        return false;
    if (ferry__agent_fetch(a, &a->self, 0, NULL, &is_own_fault)) {
        if (!is_own_fault) // a lost link is no try
            (void)!ferry_store_set_number(a->config.store, "self_tries", n_tries);
        return false;
    }
    ferry__agent_tell(a, FERRY_NEWS_SELF);
    return true;
}
