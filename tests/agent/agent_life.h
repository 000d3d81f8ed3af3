/* tests/agent/agent_life.h - what the tests of the agent's life say: begin, install, after so long.
 * One device and one server in each test program. */
#ifndef AGENT_LIFE_H
#define AGENT_LIFE_H

#include "agent_device.h"
#include "t.h"

static struct fake_fleet fleet;
static struct agent_device dev;

static const struct bench_layout two_slots = {2, false, false, false};
static const struct bench_layout three_slots = {3, false, false, false};
static const struct bench_layout factory_and_one = {1, true, false, false};

static inline void begin(const struct bench_layout *layout, int updater_slot)
{
    fake_fleet_init(&fleet);
    agent_device_init(&dev, layout, updater_slot, &fleet);
    fleet.offer = *agent_device_app(1);
}

static inline void end(void)
{
    T_CHECK(!fleet.saw_untrusted_secret);
    agent_device_free(&dev);
}

static inline bool runs(uint32_t version)
{
    const struct fake_release *r = agent_device_app(version);
    return dev.running >= 0 && agent_device_holds(&dev, dev.running, r->image, r->n);
}

/* The application ran for this long and ends so. */
static inline enum life_end after(uint32_t seconds, enum ferry_reset reset)
{
    dev.rtc_s += seconds;
    return agent_device_live(&dev, reset);
}

/* Until version is up, from a blank device. */
static inline void install(uint32_t version)
{
    fleet.offer = *agent_device_app(version);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(version));
}

static inline uint32_t count_of(const char *text, const char *part)
{
    uint32_t n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

static inline bool is_kept(const char *key, uint32_t version)
{
    struct ferry_release r;
    return !ferry_release_load(agent_device_store(&dev), key, &r) && r.serial == version;
}

#endif
