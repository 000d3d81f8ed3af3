/* agent/agent.h - the updater of an application that knows nothing of it, as a state machine.
 * Whoever starts it calls ferry_agent_step until it says restart or rest; no thread, no clock, no
 * socket of its own. It always ends in the application if there is one, with the server or without.
 * What it keeps and when it does what: docs/updater.md. Wire: docs/design/server.md. */
#ifndef FERRY_AGENT_H
#define FERRY_AGENT_H

#include "agent/client.h"
#include "agent/source_http.h"
#include "agent/start.h"
#include "agent/update_run.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ferry_agent;

/** What the agent is told to do, and by when. {0} means the defaults. */
struct ferry_agent_settings {
    const char *project;   // of the application, where neither the store (key "project") nor an
                           // installed release says it; NULL: not known
    uint32_t quick_starts; // starts of the application between two questions; 0: 10
    uint32_t quick_s;      // most seconds between two questions; 0: the server's wish, else 6 hours
    uint32_t crash_s;      // back sooner than this is a crash; 0: 30
    uint32_t crash_most;   // crashes in a row that make a release bad; 0: 3
    uint32_t tries_most;   // failures of one release that end the trying; 0: 3
    uint32_t talk_ms;      // longest for one exchange with the server; 0: a minute
    uint32_t update_ms;    // longest for one download; 0: an hour
    uint32_t slow_s;       // between two tries of what will hardly change; 0: 6 hours
    bool allow_downgrade;  // an older release than the installed one may take its place
    bool allow_project;    // another project's, too
    bool replaces_itself;  // the server is asked for a newer updater, too; without a third slot it
                           // takes the application's, which is fetched again
};

/** Something worth telling, as it happens. */
enum ferry_agent_news {
    FERRY_NEWS_START,       // a->start, a->run: how the application fared
    FERRY_NEWS_QUICK,       // hands over without asking
    FERRY_NEWS_PROBE,       // a restart will show whether the bootloader rolls back
    FERRY_NEWS_PROVED,      // it does
    FERRY_NEWS_NO_ROLLBACK, // it does not
    FERRY_NEWS_OFFLINE,     // no network
    FERRY_NEWS_ENROLLED,    // a->credentials.join.id
    FERRY_NEWS_RENEWED,     // the certificate
    FERRY_NEWS_UP_TO_DATE,
    FERRY_NEWS_OFFER,     // a->coming is about to be fetched
    FERRY_NEWS_REFUSED,   // a->coming will not be: a->fault, a->detail
    FERRY_NEWS_LATER,     // may_update_now says not now
    FERRY_NEWS_INSTALLED, // a->installed, from now on
    FERRY_NEWS_CONFIRMED, // a->installed ran well
    FERRY_NEWS_CRASHED,   // a->notes->n_crashes times in a row
    FERRY_NEWS_BAD,       // a->bad will not be tried again
    FERRY_NEWS_BACK,      // a->installed is the last good release again
    FERRY_NEWS_FAILED,    // a->fault, a->detail: a step failed; it goes on with the next
    FERRY_NEWS_REPORTED,  // a->report was delivered
    FERRY_NEWS_WEAR,      // otadata has half its life behind it: a->wear erases
    FERRY_NEWS_HANDOVER,  // a->installed.slot is armed
    FERRY_NEWS_SELF,      // a newer updater, a->self, is in its slot and boots next
    FERRY_NEWS_SELF_KEPT, // this updater is new, has reached the server, and stays
    FERRY_NEWS_SELF_BACK, // ... has not, and gives way to the one before
    FERRY_NEWS_NO_APP,    // nothing to hand over to: rests a->rest_s
};

/** What the port lends. now_ms, rtc_s and sleep_ms are required. */
struct ferry_agent_hooks {
    uint32_t (*now_ms)(void *ctx); // monotonic while it runs
    uint64_t (*rtc_s)(void *ctx);  // as ferry_start.rtc_s
    void (*sleep_ms)(void *ctx, uint32_t ms);
    uint32_t (*random)(void *ctx); // NULL: pauses are as long as they can be
    /** Joins the network; bounded in time. NULL: it is there. */
    ferry_err (*connect)(void *ctx);
    /** Whether this is a time for updates. NULL: always. A release is asked for again later. */
    bool (*may_update_now)(void *ctx, const struct ferry_release *offer);
    void (*news)(void *ctx, enum ferry_agent_news news, const struct ferry_agent *a);
    void *ctx;
    struct ferry_update_events events; // of the download
};

/** What the agent works with; kept. */
struct ferry_agent_config {
    struct ferry_device *device; // running is set, policy names the chip
    struct ferry_store *store;
    struct ferry_identity *identity;
    struct ferry_http *http;
    struct ferry_keeper *keeper;       // of an interrupted download; NULL: each begins anew
    struct ferry_rtc_notes *notes;     // memory that a reset spares
    const struct ferry_cancel *cancel; // ends what waits for the network; NULL: nobody does
    struct ferry_start start;
    struct ferry_agent_hooks hooks;
    struct ferry_agent_settings settings;
};

enum ferry_agent_turn {
    FERRY_AGENT_ON,      // call again
    FERRY_AGENT_RESTART, // restart the chip now: the application boots, or the probe is judged
    FERRY_AGENT_REST,    // nothing to start: call again in rest_s seconds
};

#define FERRY_AGENT_REPORT_BYTES 1024u
#define FERRY_AGENT_REASON_BYTES 160u

/** An agent; caller-owned, about 34 KB, no part of it on the stack. Fields are for reading. */
struct ferry_agent {
    struct ferry_agent_config config;
    struct ferry_credentials credentials;
    struct ferry_client client;
    enum ferry_run run; // of the application, before this start
    struct ferry_release installed, confirmed, last_good, bad, coming, self;
    bool has_installed, has_confirmed, has_last_good, has_bad, has_coming;
    bool has_offer;   // coming is what the server offers, not what an earlier start began
    uint32_t wear;    // erases of otadata so far
    uint32_t rest_s;  // with FERRY_AGENT_REST
    char project[33]; // of the application; "" not known
    char reason[FERRY_AGENT_REASON_BYTES]; // to be reported; "" none
    char state[16];                        // for the next report, if reason tells of an event
    char report[FERRY_AGENT_REPORT_BYTES];
    struct ferry_fault fault; // of the last step that failed
    char detail[FERRY_SOURCE_DETAIL_BYTES];

    /* the machine's own */
    uint8_t at;
    bool has_notes;
    bool is_proved;
    bool is_urgent;  // something happened that the server is asked about at once
    bool wants_last; // the installed release is bad, and the last good one is to be fetched
    bool is_trial;   // this updater is new, and not confirmed yet
    int home;        // where this updater is to go first, or FERRY_SLOT_NONE
    bool has_rested; // since the application last crashed
    bool has_renewed;
    bool is_expired; // the certificate is, says the server
    struct ferry_agent_deadline {
        struct ferry_cancel cancel;
        struct ferry_agent *agent;
        uint32_t begun_ms, most_ms;
    } deadline;
    struct ferry_manifest manifest;
    struct ferry_source_http source;
    struct ferry_http_options options;
    struct ferry_update update;
    uint8_t desc[FERRY_APP_DESC_HEAD_BYTES];
    uint8_t replaced[FERRY_APP_DESC_HEAD_BYTES];
    uint8_t work[FERRY_UPDATE_WORK_BYTES(4096)];
    uint8_t buffer[4096];
};

/** Begins after a start; reads and writes nothing yet. */
void ferry_agent_init(struct ferry_agent *a, const struct ferry_agent_config *config);

/** Does the next thing; see enum ferry_agent_turn. Each call ends within talk_ms or update_ms. */
enum ferry_agent_turn ferry_agent_step(struct ferry_agent *a);

#ifdef __cplusplus
}
#endif
#endif
