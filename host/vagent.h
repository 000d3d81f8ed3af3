/* host/vagent.h - what a chip gives the agent, for a virtual device: NVS in its flash, an RTC, the
 * network of this machine. Used by `ferry enroll` and `ferry agent`, by a fleet in memory too.
 * RTC and what it keeps stand in DIR/rtc.notes; a loss of power is that file's end. */
#ifndef FERRY_VAGENT_H
#define FERRY_VAGENT_H

#include "agent/agent.h"
#include "agent/store_nvs.h"
#include "http_curl.h"
#include "keeper_file.h"

/** What a start is told beyond what the virtual chip knows. All may be zero. */
struct ferry_vagent_start {
    enum ferry_reset reset;
    struct ferry_agent_settings settings;
    void (*news)(void *ctx, enum ferry_agent_news news, const struct ferry_agent *a);
    void *ctx; // of news
    struct ferry_update_events events;
    const struct ferry_cancel *cancel;
};

/** Large (60 KB); caller-owned. */
struct ferry_vagent {
    struct ferry_agent agent; // the start under way
    struct ferry_device *device;
    struct ferry_store_nvs store;
    struct ferry_partition partition; // where the store is
    struct ferry_nvs_config nvs;
    struct ferry_xts xts;
    bool is_encrypted;
    struct ferry_identity identity;
    struct ferry_http_curl http;
    struct ferry_keeper_file keeper;
    struct ferry_rtc_notes notes;
    uint64_t rtc_ms;          // at opened_ms
    uint64_t opened_ms;       // by this machine's clock
    struct ferry_retry retry; // sleep and chance, the caller's
    char keeper_path[4096 + 16];
    char rtc_path[4096 + 16]; // "" in memory
    struct ferry_vagent_start start;
    struct ferry_fault fault;
};

/** Opens the store of a device, making it if its region is blank: encrypted where the table has a
 * partition nvs_keys, whose keys are made too if there are none. dir: of the virtual device, for
 * what no flash keeps; NULL: kept in *g alone. retry: how to wait and roll dice; copied.
 * FERRY_ERR_NOT_FOUND no NVS partition; FERRY_ERR_KEY the keys cannot be read; errors of
 * ferry_nvs_open; the fault is in g->fault. */
FERRY_MUST_CHECK ferry_err ferry_vagent_open(struct ferry_vagent *g, struct ferry_device *d,
                                             const char *dir, const struct ferry_retry *retry);

/** Power was off: RTC and notes are lost. */
void ferry_vagent_power_cycle(struct ferry_vagent *g);

/** Seconds pass on the RTC that nobody waits for. */
void ferry_vagent_pass(struct ferry_vagent *g, uint32_t seconds);

uint64_t ferry_vagent_rtc_s(const struct ferry_vagent *g);

/** Begins a start of the updater, whose slot is in device->running; go on with ferry_agent_step on
 * g->agent. Errors of ferry_nvs_open. */
FERRY_MUST_CHECK ferry_err ferry_vagent_begin(struct ferry_vagent *g,
                                              const struct ferry_vagent_start *start);

/** Writes RTC and notes to their file. FERRY_ERR_FILE_WRITE. */
FERRY_MUST_CHECK ferry_err ferry_vagent_save(struct ferry_vagent *g);

void ferry_vagent_close(struct ferry_vagent *g);

#endif
