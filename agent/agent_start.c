/* agent/agent_start.c - what a start finds out: the records, how the application fared, whether the
 * bootloader rolls back. Each change of the records is one write, or a row of writes of which the
 * next start finishes the rest. */
#include "agent/agent_private.h"

#include <string.h>

#include "agent/handover.h"
#include "agent/text.h"

#define QUICK_STARTS 10u
#define QUICK_S      21600u
#define CRASH_S      30u
#define CRASH_MOST   3u
#define SAVE_S       3600u  // the store counts wear this often at most
#define WEAR_HALF    50000u // of the erases that NOR flash is good for

/* ---- records ---- */

static bool load(struct ferry_agent *a, const char *key, struct ferry_release *out)
{
    const ferry_err err = ferry_release_load(a->config.store, key, out);
    if (!err)
        return true;
    memset(out, 0, sizeof *out);
    out->slot = FERRY_SLOT_NONE;
    if (err != FERRY_ERR_NOT_FOUND)
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, key);
    return false;
}

static void load_event(struct ferry_agent *a)
{
    char kept[sizeof a->state + sizeof a->reason];
    if (ferry_store_text(a->config.store, "reason", kept, sizeof kept))
        return;
    const size_t n = strcspn(kept, " ");
    ferry_text_add_n(a->state, sizeof a->state, kept, n);
    ferry_text_add(a->reason, sizeof a->reason, kept[n] ? kept + n + 1 : "");
}

static void load_records(struct ferry_agent *a)
{
    const ferry_err err = ferry_credentials_load(&a->credentials, a->config.store);
    if (err)
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "the credentials");
    a->has_installed = load(a, "installed", &a->installed);
    a->has_confirmed = load(a, "confirmed", &a->confirmed);
    a->has_last_good = load(a, "last_good", &a->last_good);
    a->has_bad = load(a, "bad", &a->bad);
    a->has_coming = load(a, "coming", &a->coming);
    load_event(a);
}

static bool keep(struct ferry_agent *a, const char *key, const struct ferry_release *r)
{
    const ferry_err err = ferry_release_save(a->config.store, key, r);
    if (err)
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, key);
    return !err;
}

/* Crashes in a row are in the store as well: on some chips no memory outlives the application's
 * run, and a release that crashes would never be given up. A write for each change. */
static void set_crashes(struct ferry_agent *a, uint32_t n)
{
    uint32_t kept = 0;
    a->config.notes->n_crashes = n;
    ferry_err err = ferry_store_number(a->config.store, "crashes", &kept);
    if (!err && kept != n)
        err = ferry_store_set_number(a->config.store, "crashes", n);
    if (err)
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "crashes");
}

static void load_crashes(struct ferry_agent *a)
{
    uint32_t kept = 0;
    if (!a->has_notes && !ferry_store_number(a->config.store, "crashes", &kept))
        a->config.notes->n_crashes = kept;
}

/* ---- what lies in the slots ---- */

ferry_err ferry__agent_hash(struct ferry_device *d, int slot, uint32_t n_bytes,
                            uint8_t sha256[FERRY_SHA256_BYTES])
{
    struct ferry_sha256 hash;
    struct ferry_region region;
    ferry_err err = ferry_device_region(d, slot, &region);
    ferry_sha256_init(&hash);
    for (uint32_t at = 0; !err && at < n_bytes;) {
        const uint32_t left = n_bytes - at;
        const uint32_t n = left < sizeof d->work->buffer ? left : sizeof d->work->buffer;
        err = ferry_region_read(&region, at, d->work->buffer, n);
        ferry_sha256_update(&hash, d->work->buffer, n);
        at += n;
    }
    ferry_sha256_finish(&hash, sha256);
    return err;
}

static void describe(struct ferry_agent *a, struct ferry_release *r)
{
    struct ferry_app_desc desc;
    if (ferry_device_desc(a->config.device, r->slot, &desc))
        return;
    r->project[0] = '\0';
    ferry_text_add(r->project, sizeof r->project, desc.project);
    if (!r->version[0])
        ferry_text_add(r->version, sizeof r->version, desc.version);
}

ferry_err ferry__agent_install(struct ferry_agent *a)
{
    struct ferry_store *s = a->config.store;
    describe(a, &a->coming);
    set_crashes(a, 0); // first: were power to fail in between, the new one had to wait for the old
    ferry_rtc_seal(a->config.notes);
    ferry_err err = ferry_release_save(s, "installed", &a->coming);
    if (err)
        return err;
    a->installed = a->coming;
    a->has_installed = true;
    a->has_coming = a->has_offer = a->wants_last = false;
    err = s->ops->drop(s, "coming");
    return err ? err : s->ops->drop(s, "tries");
}

/* Power failed between the last byte of a release and its record. */
static void finish_interrupted(struct ferry_agent *a)
{
    uint8_t seen[FERRY_SHA256_BYTES];
    struct ferry_device *d = a->config.device;
    const struct ferry_release *c = &a->coming;
    if (!a->has_coming || c->slot == d->running || ferry_device_verify(d, c->slot) ||
        ferry__agent_hash(d, c->slot, c->length_bytes, seen) ||
        memcmp(seen, c->sha256, sizeof seen) != 0)
        return;
    const ferry_err err = ferry__agent_install(a);
    if (err)
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "installed");
    else
        ferry__agent_tell(a, FERRY_NEWS_INSTALLED);
}

/* An updater, this one or another, which is told by its project. */
static bool is_updater(struct ferry_agent *a, int slot)
{
    struct ferry_app_desc own, other;
    struct ferry_device *d = a->config.device;
    return slot == d->running ||
           (!ferry_device_desc(d, d->running, &own) && !ferry_device_desc(d, slot, &other) &&
            strcmp(own.project, other.project) == 0);
}

/* An application that came with the device, or that somebody flashed by cable. */
static void adopt(struct ferry_agent *a)
{
    struct ferry_device *d = a->config.device;
    struct ferry_release found = {.slot = FERRY_SLOT_NONE};
    if (a->has_installed || a->has_coming)
        return;
    for (int i = 0; i < d->n_slots && found.slot < 0; i++)
        if (!is_updater(a, i) && !ferry_device_verify(d, i))
            found.slot = i;
    if (found.slot < 0)
        return;
    found.length_bytes = d->work->image.image_bytes;
    if (ferry__agent_hash(d, found.slot, found.length_bytes, found.sha256))
        return;
    describe(a, &found);
    (void)keep(a, "installed", &found); // else it is found again
    a->installed = found;
    a->has_installed = true;
}

/* ---- how it ran ---- */

static void count_wear(struct ferry_agent *a)
{
    struct ferry_rtc_notes *n = a->config.notes;
    const uint64_t now = a->config.start.rtc_s;
    uint32_t kept = 0;
    // After a loss of power what the notes counted is gone; this start's share is known.
    if (!a->has_notes && a->run != FERRY_RUN_NONE)
        n->wear += FERRY_HANDOVER_ERASES;
    ferry_err err = ferry_store_number(a->config.store, "wear", &kept);
    a->wear = kept + n->wear;
    if (!err && n->wear && (!a->has_notes || now < n->saved_s || now - n->saved_s >= SAVE_S)) {
        err = ferry_store_set_number(a->config.store, "wear", a->wear);
        if (!err) {
            n->wear = 0;
            n->saved_s = now;
        }
    }
    if (err)
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "wear");
    if (a->wear >= WEAR_HALF)
        ferry__agent_tell(a, FERRY_NEWS_WEAR);
}

static void crashed_too_often(struct ferry_agent *a)
{
    const struct ferry_release *r = &a->installed;
    char reason[FERRY_AGENT_REASON_BYTES] = "";
    ferry_text_add(reason, sizeof reason, r->version[0] ? r->version : "the application");
    ferry_text_add(reason, sizeof reason, " crashed ");
    ferry_text_add_number(reason, sizeof reason, a->config.notes->n_crashes);
    ferry_text_add(reason, sizeof reason, " times in a row, last by ");
    ferry_text_add(reason, sizeof reason, ferry_reset_name(a->config.start.reset));
    a->is_urgent = true;
    ferry__agent_event(a, "failed", reason);
}

/* True for the release that the device went back to from the bad one. There is nothing before it;
 * were it bad instead, the later one would be tried again, and the two take turns for ever. */
static bool is_last_resort(const struct ferry_agent *a)
{
    return a->has_bad && a->has_last_good && ferry_release_same(&a->last_good, &a->installed) &&
           ferry_release_may_replace(&a->bad, &a->installed);
}

static void judge_crash(struct ferry_agent *a)
{
    struct ferry_rtc_notes *n = a->config.notes;
    const uint32_t most = ferry__or(a->config.settings.crash_most, CRASH_MOST);
    if (n->n_crashes < UINT32_MAX)
        set_crashes(a, n->n_crashes + 1);
    ferry__agent_tell(a, FERRY_NEWS_CRASHED);
    if (n->n_crashes < most || (a->has_bad && ferry_release_same(&a->bad, &a->installed)))
        return;
    if (is_last_resort(a)) {
        if (n->n_crashes == most)
            crashed_too_often(a);
        return;
    }
    if (!keep(a, "bad", &a->installed))
        return;
    a->bad = a->installed;
    a->has_bad = true;
    crashed_too_often(a);
    ferry__agent_tell(a, FERRY_NEWS_BAD);
}

void ferry__agent_went_back(struct ferry_agent *a)
{
    char reason[FERRY_AGENT_REASON_BYTES] = "";
    ferry_text_add(reason, sizeof reason, a->reason);
    if (!reason[0]) {
        ferry_text_add(reason, sizeof reason, "back from ");
        ferry_text_add(reason, sizeof reason, a->bad.version);
    }
    ferry__agent_event(a, "rolled_back", reason);
    ferry__agent_tell(a, FERRY_NEWS_BACK);
}

void ferry__agent_go_back(struct ferry_agent *a)
{
    const struct ferry_release *to = &a->last_good;
    if (!a->has_bad || !a->has_installed || !ferry_release_same(&a->bad, &a->installed) ||
        !a->has_last_good || ferry_release_same(to, &a->bad))
        return;
    if (to->slot < 0 || to->slot == a->config.device->running ||
        ferry_device_verify(a->config.device, to->slot)) {
        a->wants_last = true;
        return;
    }
    set_crashes(a, 0); // first, as above
    if (!keep(a, "installed", to))
        return;
    a->installed = *to;
    ferry__agent_went_back(a);
}

static void judge(struct ferry_agent *a)
{
    struct ferry_rtc_notes *n = a->config.notes;
    const struct ferry_agent_settings *s = &a->config.settings;
    const bool was_started =
        a->has_installed && ferry_handover_was_started(a->config.device, a->installed.slot);
    a->run = ferry_run_judge(&a->config.start, n, a->has_notes, was_started,
                             ferry__or(s->crash_s, CRASH_S));
    n->is_armed = 0;
    ferry__agent_tell(a, FERRY_NEWS_START);
    if (a->run == FERRY_RUN_WELL && a->has_installed) {
        set_crashes(a, 0);
        if (!a->has_confirmed || !ferry_release_same(&a->confirmed, &a->installed)) {
            a->has_confirmed = keep(a, "confirmed", &a->installed);
            a->confirmed = a->installed;
            a->is_urgent = true;
            ferry__agent_tell(a, FERRY_NEWS_CONFIRMED);
        }
    }
    if (a->run == FERRY_RUN_CRASHED && a->has_installed)
        judge_crash(a);
}

/* Which application this device is for: as provisioned, else what is installed, else as built. */
static void know_project(struct ferry_agent *a)
{
    const struct ferry_agent_settings *s = &a->config.settings;
    if (!ferry_store_text(a->config.store, "project", a->project, sizeof a->project))
        return;
    ferry_text_add(a->project, sizeof a->project, a->installed.project);
    if (!a->project[0] && s->project)
        ferry_text_add(a->project, sizeof a->project, s->project);
}

void ferry__agent_start(struct ferry_agent *a)
{
    a->has_notes = ferry_rtc_open(a->config.notes);
    load_records(a);
    load_crashes(a);
    finish_interrupted(a);
    adopt(a);
    know_project(a);
    judge(a);
    ferry__agent_go_back(a);
    count_wear(a);
    ferry__agent_begin_trial(a);
    ferry_rtc_seal(a->config.notes);
}

bool ferry__agent_is_quick(const struct ferry_agent *a)
{
    const struct ferry_rtc_notes *n = a->config.notes;
    const struct ferry_agent_settings *s = &a->config.settings;
    const uint64_t now = a->config.start.rtc_s;
    uint32_t limit_s = ferry__or(n->poll_s, ferry__or(s->quick_s, QUICK_S));
    const bool is_asleep = a->config.start.reset == FERRY_RESET_DEEP_SLEEP;
    if (s->quick_s && limit_s > s->quick_s)
        limit_s = s->quick_s;
    // What is urgent is so for the server, which an unenrolled device cannot talk to.
    if (a->is_urgent && a->credentials.cert[0])
        return false;
    if (!a->is_proved || !a->has_installed || a->installed.slot < 0 || a->is_trial)
        return false;
    if (!a->has_notes || !n->checked_s || now < n->checked_s || now - n->checked_s >= limit_s)
        return false;
    return is_asleep || n->n_starts < ferry__or(s->quick_starts, QUICK_STARTS);
}

/* ---- the probe ---- */

enum { PROBE_BEGUN = 1, PROBE_PROVED, PROBE_REFUSED };

#define PROBE_TRIES 3u

/* State, tries, SHA-256 of the bootloader that it is about. */
struct probe {
    uint8_t state, n_tries;
    uint8_t sha256[FERRY_SHA256_BYTES];
};

static ferry_err load_probe(struct ferry_agent *a, struct probe *p)
{
    uint8_t kept[2 + FERRY_SHA256_BYTES];
    uint32_t n = sizeof kept;
    p->state = p->n_tries = 0;
    ferry_err err = ferry_probe_bootloader(a->config.device, p->sha256);
    if (err)
        return err;
    err = a->config.store->ops->get(a->config.store, FERRY_STORE_BLOB, "probe", kept, &n);
    if (err && err != FERRY_ERR_NOT_FOUND && err != FERRY_ERR_NVS_BUFFER)
        return err;
    if (!err && n == sizeof kept && memcmp(kept + 2, p->sha256, sizeof p->sha256) == 0) {
        p->state = kept[0];
        p->n_tries = kept[1];
    }
    return FERRY_OK;
}

static ferry_err keep_probe(struct ferry_agent *a, const struct probe *p)
{
    uint8_t bytes[2 + FERRY_SHA256_BYTES] = {p->state, p->n_tries};
    memcpy(bytes + 2, p->sha256, sizeof p->sha256);
    return a->config.store->ops->set(a->config.store, FERRY_STORE_BLOB, "probe", bytes,
                                     sizeof bytes);
}

/* The verdict is kept before what is left of the probe goes: erased first, a cut would ask again.
 */
static ferry_err conclude(struct ferry_agent *a, struct probe *p, uint8_t state)
{
    p->state = state;
    const ferry_err err = keep_probe(a, p);
    return err ? err : ferry_probe_erase(a->config.device);
}

static ferry_err begin_probe(struct ferry_agent *a, struct probe *p, bool *restart)
{
    p->state = PROBE_BEGUN;
    p->n_tries++;
    ferry_err err = keep_probe(a, p);
    if (!err)
        err = ferry_probe_write(a->config.device);
    *restart = !err;
    if (!err)
        ferry__agent_tell(a, FERRY_NEWS_PROBE);
    return err;
}

static ferry_err go_on_probing(struct ferry_agent *a, struct probe *p, bool *restart)
{
    enum ferry_probe seen = FERRY_PROBE_GONE;
    if (p->state != PROBE_BEGUN)
        return begin_probe(a, p, restart);
    ferry_err err = ferry_probe_read(a->config.device, &seen);
    if (err)
        return err;
    if (seen == FERRY_PROBE_ABORTED) {
        err = conclude(a, p, PROBE_PROVED);
        if (!err)
            ferry__agent_tell(a, FERRY_NEWS_PROVED);
        return err;
    }
    // Gone: a cut in our write or in the bootloader's.
    if (seen == FERRY_PROBE_GONE && p->n_tries < PROBE_TRIES)
        return begin_probe(a, p, restart);
    return conclude(a, p, PROBE_REFUSED);
}

static bool has_rolled_back(struct ferry_agent *a)
{
    for (int i = 0; i < a->config.device->n_slots; i++)
        if (i != a->config.device->running && ferry_handover_was_started(a->config.device, i))
            return true;
    return false;
}

void ferry__agent_probe(struct ferry_agent *a, bool *restart)
{
    struct probe p;
    ferry_err err = load_probe(a, &p);
    if (!err && p.state != PROBE_PROVED && p.state != PROBE_REFUSED)
        err = go_on_probing(a, &p, restart);
    if (err)
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "the rollback probe");
    // Where the store is out of order: an application that was rolled back is a proof as well.
    a->is_proved = err ? has_rolled_back(a) : p.state == PROBE_PROVED;
    if (!err && p.state == PROBE_REFUSED)
        ferry__agent_tell(a, FERRY_NEWS_NO_ROLLBACK);
}
