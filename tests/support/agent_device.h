/* tests/support/agent_device.h - a device with an updater, an application and an NVS on the flash
 * model, and the chip around it: reset reasons, RTC, power. Forkable, for power cuts. */
#ifndef AGENT_DEVICE_H
#define AGENT_DEVICE_H

#include "agent/agent.h"
#include "agent/store_nvs.h"
#include "bench_device.h"
#include "fake_fleet.h"

/** What runs, and what becomes of it. */
enum life_end {
    LIFE_APP,      // the application runs
    LIFE_RESTING,  // the updater waits
    LIFE_NOTHING,  // nothing boots
    LIFE_STRANGER, // what boots is neither
    LIFE_ENDLESS,  // the updater restarts and restarts
    LIFE_CUT,      // power failed
};

struct agent_device {
    struct bench_device b;
    struct ferry_rtc_notes notes;
    uint64_t rtc_s;
    uint32_t now_ms;
    enum ferry_reset reset;
    int updater_slot, running;
    uint32_t slept_ms;
    bool must_not_update; // may_update_now says no
    bool no_network;
    bool says_well;           // the application leaves word that it is well
    bool is_new_updater_deaf; // the second updater reaches nobody
    uint32_t updater;         // which one ran last, 1 or 2
    uint32_t cut_at;          // the updater's flash operation in which power fails; 0: none
    bool has_note;
    uint8_t note[FERRY_NOTE_BYTES];
    struct ferry_agent_settings settings;
    struct fake_fleet *fleet;
    struct fake_fleet own_fleet; // of a fork: an exchange under way is not shared
    char news[64];               // a letter for each piece of news; see agent_device.c
    uint32_t rest_s;
};

/** A blank device with this table and the updater in its slot; provisioned with the fleet's join
 * string. */
void agent_device_init(struct agent_device *u, const struct bench_layout *layout, int updater_slot,
                       struct fake_fleet *fleet);

void agent_device_fork(struct agent_device *to, const struct agent_device *from, uint32_t seed);
void agent_device_free(struct agent_device *u);

/** Power-on or reset with this reason: boots and, as long as the updater comes up, runs it. */
enum life_end agent_device_live(struct agent_device *u, enum ferry_reset reset);

/** The same after seconds of running, at a loss of power: the notes are gone. */
enum life_end agent_device_power_cycle(struct agent_device *u);

/** True if the slot holds this image. */
bool agent_device_holds(const struct agent_device *u, int slot, const uint8_t *image, uint32_t n);

/** The store of the device, opened; and the release under key, has false if none. */
struct ferry_store *agent_device_store(struct agent_device *u);

/** The updater images: 9.0.0, 10.0.0 in project updater, numbered 1 and 2. */
const struct fake_release *agent_device_updater(uint32_t n);

/** The application images: version N.0.0, serial N, N from 1 to 5, in project demo. */
const struct fake_release *agent_device_app(uint32_t n);

#endif
