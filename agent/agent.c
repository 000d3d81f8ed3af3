/* agent/agent.c - the machine: start, probe, connect, enrol, ask, fetch, report, hand over. */
#include "agent/agent_private.h"

#include <string.h>

#include "agent/handover.h"
#include "agent/text.h"

#define TALK_MS     60000u
#define UPDATE_MS   3600000u
#define SLOW_S      21600u
#define CRASH_MOST  3u
#define REST_S      10u // first pause without an application; doubles
#define REST_MOST_S 3600u

enum {
    AT_START,
    AT_PROBE,
    AT_CONNECT,
    AT_ENROL,
    AT_CHECK,
    AT_RENEW,
    AT_UPDATE,
    AT_SELF,
    AT_REPORT,
    AT_HANDOVER
};

uint32_t ferry__or(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

void ferry__agent_tell(struct ferry_agent *a, enum ferry_agent_news news)
{
    if (a->config.hooks.news)
        a->config.hooks.news(a->config.hooks.ctx, news, a);
}

ferry_err ferry__agent_failed(struct ferry_agent *a, const struct ferry_fault *fault,
                              const char *detail)
{
    a->fault = *fault;
    a->detail[0] = '\0';
    ferry_text_add(a->detail, sizeof a->detail, detail ? detail : "");
    ferry__agent_tell(a, FERRY_NEWS_FAILED);
    return fault->err;
}

void ferry__agent_event(struct ferry_agent *a, const char *state, const char *reason)
{
    char kept[sizeof a->state + sizeof a->reason] = "";
    a->state[0] = a->reason[0] = '\0';
    ferry_text_add(a->state, sizeof a->state, state);
    ferry_text_add(a->reason, sizeof a->reason, reason);
    ferry_text_add(kept, sizeof kept, a->state);
    ferry_text_add(kept, sizeof kept, " ");
    ferry_text_add(kept, sizeof kept, a->reason);
    // Kept in vain, it is still reported if this start comes that far.
    const ferry_err err = ferry_store_set_text(a->config.store, "reason", kept);
    if (err)
        (void)ferry__agent_failed(a, &(struct ferry_fault){.err = err}, "the reason is not kept");
}

void ferry__agent_asked(struct ferry_agent *a, uint32_t poll_s)
{
    struct ferry_rtc_notes *n = a->config.notes;
    n->checked_s = a->config.hooks.rtc_s(a->config.hooks.ctx);
    n->poll_s = poll_s;
    n->n_starts = 0;
    ferry_rtc_seal(n);
}

static bool is_over(void *ctx)
{
    const struct ferry_agent_deadline *d = ctx;
    const struct ferry_agent_hooks *h = &d->agent->config.hooks;
    if (ferry_cancel_asked(d->agent->config.cancel))
        return true;
    return h->now_ms(h->ctx) - d->begun_ms >= d->most_ms;
}

void ferry__agent_limit(struct ferry_agent *a, uint32_t ms)
{
    a->deadline.cancel = (struct ferry_cancel){is_over, &a->deadline};
    a->deadline.agent = a;
    a->deadline.begun_ms = a->config.hooks.now_ms(a->config.hooks.ctx);
    a->deadline.most_ms = ms;
    a->client.cancel = &a->deadline.cancel;
}

static void limit_talk(struct ferry_agent *a)
{
    ferry__agent_limit(a, ferry__or(a->config.settings.talk_ms, TALK_MS));
}

static uint32_t slow_s(const struct ferry_agent *a)
{
    return ferry__or(a->config.settings.slow_s, SLOW_S);
}

void ferry_agent_init(struct ferry_agent *a, const struct ferry_agent_config *config)
{
    memset(a, 0, sizeof *a);
    a->config = *config;
    a->at = AT_START;
    a->client.http = config->http;
    a->client.store = config->store;
    a->client.identity = config->identity;
    a->client.credentials = &a->credentials;
}

/* ---- the server ---- */

static ferry_err client_failed(struct ferry_agent *a)
{
    return ferry__agent_failed(a, &a->client.fault, a->client.detail);
}

static uint8_t connect(struct ferry_agent *a)
{
    const struct ferry_agent_hooks *h = &a->config.hooks;
    const ferry_err err = h->connect ? h->connect(h->ctx) : FERRY_OK;
    a->has_renewed = false;
    if (!err)
        return a->credentials.cert[0] ? AT_CHECK : AT_ENROL;
    a->fault = (struct ferry_fault){.err = err};
    ferry__agent_tell(a, FERRY_NEWS_OFFLINE);
    ferry__agent_asked(a, FERRY__FAIL_S);
    return AT_HANDOVER;
}

/* What the server has refused it will refuse again, until somebody does something about it. */
static uint32_t poll_after_failure(const struct ferry_agent *a)
{
    const struct ferry_http_head *h = &a->client.head;
    switch (a->client.fault.err) {
    case FERRY_ERR_NOT_ENROLLED:
    case FERRY_ERR_ENROL:
    case FERRY_ERR_RELEASE_NEEDED:
    case FERRY_ERR_PIN:
        return slow_s(a);
    case FERRY_ERR_NET_STATUS:
        break;
    default:
        return FERRY__FAIL_S;
    }
    if (h->retry_after_s)
        return h->retry_after_s < slow_s(a) ? h->retry_after_s : slow_s(a);
    return h->status == 401 || h->status == 403 ? slow_s(a) : FERRY__FAIL_S;
}

static uint8_t enrol(struct ferry_agent *a)
{
    limit_talk(a);
    if (ferry_client_enrol(&a->client)) {
        (void)client_failed(a);
        ferry__agent_asked(a, poll_after_failure(a));
        return AT_HANDOVER;
    }
    a->config.notes->reported = 0; // what a server was told by another key does not count
    ferry__agent_tell(a, FERRY_NEWS_ENROLLED);
    return AT_CHECK;
}

/* A question went unanswered. Whoever is away, too busy, or knows no such device is told nothing
 * either: that would keep the application waiting once more. */
static uint8_t after_failed_check(struct ferry_agent *a)
{
    const struct ferry_http_head *h = &a->client.head;
    const struct ferry_fault *f = &a->client.fault;
    const bool is_answer = f->err == FERRY_ERR_NET_STATUS || f->err == FERRY_ERR_MANIFEST;
    if (h->wants_renewal && !a->has_renewed) {
        a->is_expired = h->status == 403;
        return AT_RENEW;
    }
    const bool is_refusal = h->status == 401 || h->status == 403 || ferry_retry_is_worth(f);
    return is_answer && !is_refusal ? AT_REPORT : AT_HANDOVER;
}

static void no_longer_asked(struct ferry_agent *a)
{
    a->has_offer = false;
    if (a->wants_last) { // nothing newer: the last good one it is
        a->coming = a->last_good;
        a->coming.slot = FERRY_SLOT_NONE;
        a->has_offer = true;
    }
}

static uint8_t check(struct ferry_agent *a)
{
    struct ferry_device *d = a->config.device;
    int slot = FERRY_SLOT_NONE;
    bool has_offer = false;
    const ferry_err no_slot =
        ferry_handover_spare(d, a->has_installed ? a->installed.slot : FERRY_SLOT_NONE, &slot);
    const struct ferry_client_question q = {
        .project = a->project,
        .chip = d->policy->chip ? d->policy->chip->name : "",
        .installed = a->has_installed ? &a->installed : NULL,
        .slot_bytes = no_slot ? 0 : ferry_device_span(d, slot).size_bytes,
    };
    limit_talk(a);
    if (ferry_client_check(&a->client, &q, &a->manifest, &has_offer)) {
        (void)client_failed(a);
        ferry__agent_asked(a, poll_after_failure(a));
        return after_failed_check(a);
    }
    ferry__agent_asked(a, a->client.head.poll_s);
    ferry__agent_end_trial(a);
    if (a->home >= 0)
        return AT_SELF;
    struct ferry_release offer;
    if (has_offer)
        ferry_release_of(&a->manifest, &offer);
    if (has_offer && ferry__agent_wants(a, &offer)) {
        a->coming = offer;
        a->has_offer = true;
    } else {
        if (!has_offer)
            ferry__agent_tell(a, FERRY_NEWS_UP_TO_DATE);
        no_longer_asked(a);
    }
    return a->client.head.wants_renewal && !a->has_renewed ? AT_RENEW : AT_UPDATE;
}

/* Once a start: a server that wants more than that is mistaken. With a certificate that ran out
 * nothing else was answered, so the question is asked again. */
static uint8_t renew(struct ferry_agent *a)
{
    const bool was_expired = a->is_expired;
    a->is_expired = false;
    a->has_renewed = true;
    limit_talk(a);
    if (!ferry_client_renew(&a->client)) {
        ferry__agent_tell(a, FERRY_NEWS_RENEWED);
        return was_expired ? AT_CHECK : AT_UPDATE;
    }
    (void)client_failed(a);
    if (!was_expired)
        return AT_UPDATE;
    ferry__agent_asked(a, poll_after_failure(a));
    return AT_HANDOVER;
}

static uint8_t update(struct ferry_agent *a)
{
    if (a->has_offer && a->is_proved) {
        ferry__agent_limit(a, ferry__or(a->config.settings.update_ms, UPDATE_MS));
        ferry__agent_update(a);
        return AT_REPORT;
    }
    return a->is_proved && a->config.settings.replaces_itself ? AT_SELF : AT_REPORT;
}

static enum ferry_agent_turn replace_self(struct ferry_agent *a)
{
    if (a->home >= 0) {
        a->at = AT_HANDOVER;
        return !a->is_trial && ferry__agent_go_home(a) ? FERRY_AGENT_RESTART : FERRY_AGENT_ON;
    }
    ferry__agent_limit(a, ferry__or(a->config.settings.update_ms, UPDATE_MS));
    a->at = AT_REPORT;
    return ferry__agent_replace_self(a) ? FERRY_AGENT_RESTART : FERRY_AGENT_ON;
}

static uint8_t report(struct ferry_agent *a)
{
    limit_talk(a);
    return ferry__agent_report(a) ? AT_REPORT : AT_HANDOVER;
}

/* ---- the application ---- */

static enum ferry_agent_turn rest(struct ferry_agent *a, uint32_t n)
{
    a->rest_s = n < 9 ? REST_S << n : REST_MOST_S;
    if (a->rest_s > REST_MOST_S)
        a->rest_s = REST_MOST_S;
    a->at = AT_CONNECT;
    ferry__agent_tell(a, FERRY_NEWS_NO_APP);
    return FERRY_AGENT_REST;
}

/* Each start of an application that crashes at once costs the flash its erases: where there is no
 * other release to start, the pauses grow. */
static bool must_cool_down(struct ferry_agent *a)
{
    const uint32_t most = ferry__or(a->config.settings.crash_most, CRASH_MOST);
    return a->config.notes->n_crashes >= most && !a->has_rested;
}

static enum ferry_agent_turn no_app(struct ferry_agent *a, const struct ferry_fault *fault)
{
    struct ferry_rtc_notes *n = a->config.notes;
    a->fault = *fault;
    const uint32_t n_rests = n->n_rests;
    if (n_rests < UINT32_MAX)
        n->n_rests++;
    ferry_rtc_seal(n);
    return rest(a, n_rests);
}

/* What was installed does not verify any more: it is forgotten, so that the server's offer of the
 * same release is one again. */
static enum ferry_agent_turn lost_app(struct ferry_agent *a)
{
    const struct ferry_fault fault = a->config.device->fault;
    (void)ferry__agent_failed(a, &fault, "the installed release");
    a->has_installed = false;
    a->installed = (struct ferry_release){.slot = FERRY_SLOT_NONE};
    const ferry_err err = a->config.store->ops->drop(a->config.store, "installed");
    const struct ferry_fault undropped = {.err = err};
    return no_app(a, err ? &undropped : &fault);
}

static enum ferry_agent_turn hand_over(struct ferry_agent *a)
{
    struct ferry_rtc_notes *n = a->config.notes;
    if (a->is_trial) { // unconfirmed, so that the bootloader goes back
        ferry__agent_tell(a, FERRY_NEWS_SELF_BACK);
        return FERRY_AGENT_RESTART;
    }
    if (!a->is_proved)
        return no_app(a, &(struct ferry_fault){.err = FERRY_ERR_NO_ROLLBACK});
    if (!a->has_installed || a->installed.slot < 0)
        return no_app(a, &(struct ferry_fault){.err = FERRY_ERR_NO_APP});
    if (must_cool_down(a)) {
        a->has_rested = true;
        return rest(a, n->n_crashes);
    }
    // The notes first: an application that runs unnoticed would not be judged.
    n->is_armed = 1;
    n->armed_s = a->config.hooks.rtc_s(a->config.hooks.ctx);
    n->n_starts++;
    n->wear += FERRY_HANDOVER_ERASES;
    n->n_rests = 0;
    ferry_rtc_seal(n);
    if (ferry_handover_arm(a->config.device, a->installed.slot)) {
        n->is_armed = 0;
        ferry_rtc_seal(n);
        return lost_app(a);
    }
    ferry__agent_tell(a, FERRY_NEWS_HANDOVER);
    return FERRY_AGENT_RESTART;
}

static enum ferry_agent_turn probe(struct ferry_agent *a)
{
    bool restart = false;
    ferry__agent_probe(a, &restart);
    if (restart)
        return FERRY_AGENT_RESTART;
    if (a->home >= 0 && !a->is_trial) { // power failed on the way
        a->at = AT_SELF;
        return FERRY_AGENT_ON;
    }
    const bool is_quick = ferry__agent_is_quick(a);
    if (is_quick)
        ferry__agent_tell(a, FERRY_NEWS_QUICK);
    a->at = is_quick ? AT_HANDOVER : AT_CONNECT;
    return FERRY_AGENT_ON;
}

enum ferry_agent_turn ferry_agent_step(struct ferry_agent *a)
{
    switch (a->at) {
    case AT_START:
        ferry__agent_start(a);
        a->at = AT_PROBE;
        break;
    case AT_PROBE:
        return probe(a);
    case AT_CONNECT:
        a->at = connect(a);
        break;
    case AT_ENROL:
        a->at = enrol(a);
        break;
    case AT_CHECK:
        a->at = check(a);
        break;
    case AT_RENEW:
        a->at = renew(a);
        break;
    case AT_UPDATE:
        a->at = update(a);
        break;
    case AT_SELF:
        return replace_self(a);
    case AT_REPORT:
        a->at = report(a);
        break;
    default:
        return hand_over(a);
    }
    return FERRY_AGENT_ON;
}
