/* agent/agent_self.c - how the updater itself is replaced, on trial. The new one boots unconfirmed,
 * with the old one's entry VALID behind it. If it reaches the server it confirms itself; if not, or
 * if it crashes, the bootloader goes back, and after some tries the release is left alone.
 * It comes into a third slot and stays there. Where there is none it comes into the application's,
 * copies itself to its old home once it is confirmed, and the application is fetched again. */
#include "agent/agent_private.h"

#include <string.h>

#include "agent/handover.h"
#include "agent/text.h"
#include "ferry/version.h"

#define TRIES_MOST 3u

/* Kept as the slot's number and one. */
static ferry_err keep_home(struct ferry_agent *a, int slot)
{
    struct ferry_store *s = a->config.store;
    return slot < 0 ? s->ops->drop(s, "home")
                    : ferry_store_set_number(s, "home", (uint32_t)slot + 1);
}

static int load_home(struct ferry_agent *a)
{
    uint32_t n = 0;
    const ferry_err err = ferry_store_number(a->config.store, "home", &n);
    if (err)
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "home");
    return n && n <= a->config.device->n_slots ? (int)n - 1 : FERRY_SLOT_NONE;
}

void ferry__agent_begin_trial(struct ferry_agent *a)
{
    struct ferry_slots s;
    const int running = a->config.device->running;
    a->is_trial = running >= 0 && !ferry_slots_load(a->config.device, &s) && s.running >= 0 &&
                  s.entry[s.running].state == FERRY_STATE_PENDING;
    a->home = load_home(a);
    if (a->home < 0 || a->home != running)
        return;
    a->home = FERRY_SLOT_NONE;
    // The same bytes are confirmed already, in the slot that they come from.
    if (a->is_trial && ferry_handover_settle(a->config.device))
        return;
    a->is_trial = false;
    (void)!keep_home(a, FERRY_SLOT_NONE); // else it goes next time
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

/* Where a newer updater goes, and in *home where it has to go from there; FERRY_SLOT_NONE: it may
 * stay. */
static int place_for_self(struct ferry_agent *a, int *home)
{
    struct ferry_device *d = a->config.device;
    int app = a->has_installed ? a->installed.slot : FERRY_SLOT_NONE;
    *home = FERRY_SLOT_NONE;
    if (app < 0 && ferry_handover_spare(d, FERRY_SLOT_NONE, &app))
        return FERRY_SLOT_NONE;
    for (int i = d->n_slots - 1; i >= 0; i--)
        if (i != d->running && i != app)
            return i;
    *home = d->running; // from factory there is no way back home
    return d->running >= 0 ? app : FERRY_SLOT_NONE;
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

/* True if a newer updater is offered that fits; it is in a->self then. */
static bool is_offered(struct ferry_agent *a, int slot, int home)
{
    struct ferry_release now;
    bool has_offer = false;
    struct ferry_device *d = a->config.device;
    uint32_t size_bytes = ferry_device_span(d, slot).size_bytes;
    if (home >= 0 && ferry_device_span(d, home).size_bytes < size_bytes)
        size_bytes = ferry_device_span(d, home).size_bytes;
    const ferry_err err = describe_self(a, &now);
    if (err) {
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "the updater's own image");
        return false;
    }
    const struct ferry_client_question q = {
        .project = now.project,
        .chip = d->policy->chip ? d->policy->chip->name : "",
        .installed = &now,
        .slot_bytes = size_bytes,
    };
    if (ferry_client_check(&a->client, &q, &a->manifest, &has_offer)) {
        (void)ferry__agent_failed(a, &a->client.fault, a->client.detail);
        return false;
    }
    if (!has_offer)
        return false;
    ferry_release_of(&a->manifest, &a->self);
    a->self.slot = slot;
    if (ferry_version_compare(a->self.version, now.version) != FERRY_ORDER_NEWER)
        return false;
    if (a->self.length_bytes <= size_bytes)
        return true;
    const struct ferry_fault f = {FERRY_ERR_IMAGE_SIZE, a->self.length_bytes, size_bytes, 0};
    (void)ferry__agent_failed(a, &f, "the newer updater");
    return false;
}

static void left_alone(struct ferry_agent *a)
{
    char reason[FERRY_AGENT_REASON_BYTES] = "updater ";
    ferry_text_add(reason, sizeof reason, a->self.version);
    ferry_text_add(reason, sizeof reason, " did not stay, and is left alone");
    ferry__agent_event(a, "failed", reason);
}

/* Counted before the try: one that ends in a crash of the new updater is one as well. *n_tries gets
 * how many there were. */
static bool may_try(struct ferry_agent *a, uint32_t *n_tries)
{
    struct ferry_store *s = a->config.store;
    struct ferry_release before;
    uint32_t n = 0;
    const uint32_t most = ferry__or(a->config.settings.tries_most, TRIES_MOST);
    ferry_err err = ferry_release_load(s, "self", &before);
    if (!err && ferry_release_same(&before, &a->self))
        err = ferry_store_number(s, "self_tries", &n);
    else
        err = ferry_release_save(s, "self", &a->self);
    if (!err && n > most)
        return false;
    if (!err)
        err = ferry_store_set_number(s, "self_tries", n + 1);
    if (!err && n == most) {
        left_alone(a); // told once
        return false;
    }
    if (err)
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "self");
    *n_tries = n;
    return !err;
}

static bool is_time(struct ferry_agent *a)
{
    const struct ferry_agent_hooks *h = &a->config.hooks;
    if (!h->may_update_now || h->may_update_now(h->ctx, &a->self))
        return true;
    ferry__agent_asked(a, FERRY__LATER_S);
    ferry__agent_tell(a, FERRY_NEWS_LATER);
    return false;
}

/* What is lost with the slot's content is forgotten first, and where to go from there is known. */
static ferry_err make_room(struct ferry_agent *a, int slot, int home)
{
    struct ferry_store *s = a->config.store;
    ferry_err err = keep_home(a, home);
    if (!err && a->has_last_good && a->last_good.slot == slot) {
        a->last_good.slot = FERRY_SLOT_NONE;
        err = ferry_release_save(s, "last_good", &a->last_good);
    }
    if (err || !a->has_installed || a->installed.slot != slot)
        return err;
    if (a->project[0]) // known by the installed release so far
        err = ferry_store_set_text(s, "project", a->project);
    if (!err)
        err = s->ops->drop(s, "installed");
    a->has_installed = err != FERRY_OK;
    return err;
}

bool ferry__agent_replace_self(struct ferry_agent *a)
{
    bool is_own_fault = false;
    uint32_t n_tries = 0;
    int home;
    const int slot = place_for_self(a, &home);
    if (slot < 0 || !is_offered(a, slot, home) || !is_time(a) || !may_try(a, &n_tries))
        return false;
    const ferry_err err = make_room(a, slot, home);
    if (err) {
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "room for the updater");
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

/* Until the copy is whole, and its entry is written, this one is what boots. */
static ferry_err copy_home(struct ferry_agent *a)
{
    struct ferry_device *d = a->config.device;
    struct ferry_region from;
    const struct ferry_update_config config = {
        .slot = a->home,
        .length_bytes = a->self.length_bytes,
        .sha256 = a->self.sha256,
        .desc_head = a->desc,
        .work = a->work,
        .work_bytes = sizeof a->work,
    };
    ferry_err err = ferry_device_region(d, d->running, &from);
    if (err)
        return err;
    err = ferry_update_begin(&a->update, d, &config);
    for (uint32_t at = 0; !err && at < config.length_bytes;) {
        const uint32_t left = config.length_bytes - at;
        uint32_t n = left < sizeof a->buffer ? left : sizeof a->buffer;
        err = ferry_region_read(&from, at, a->buffer, n);
        if (!err)
            err = ferry_update_write(&a->update, a->buffer, n, &n);
        at += n;
    }
    if (!err)
        return ferry_update_finish(&a->update);
    ferry_update_abort(&a->update);
    return err;
}

bool ferry__agent_go_home(struct ferry_agent *a)
{
    ferry_err err = describe_self(a, &a->self);
    a->self.slot = a->home;
    if (!err)
        err = ferry_handover_settle(a->config.device);
    if (!err)
        err = copy_home(a);
    if (err) {
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "the updater's way home");
        return false;
    }
    ferry__agent_tell(a, FERRY_NEWS_SELF);
    return true;
}
