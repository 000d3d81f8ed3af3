/* test_power_agent - power fails before, after and inside every flash operation of an updater's
 * life: enrolment, probe, download, records in NVS, hand-over, the bootloader's own writes. At each
 * one the device is forked, the operation torn, and the fork is switched on again and again: each
 * time the updater or a genuine application must run, and within some starts the release that the
 * server offers. usage: test_power_agent [--seeds N]; ends with "N passed, M failed". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_device.h"

#define N_STARTS 8u

static const enum sim_cut prog_cuts[] = {SIM_CUT_BEFORE, SIM_CUT_AFTER, SIM_CUT_PROG_PREFIX,
                                         SIM_CUT_PROG_BITS};
static const enum sim_cut erase_cuts[] = {SIM_CUT_BEFORE, SIM_CUT_AFTER, SIM_CUT_ERASE_PREFIX,
                                          SIM_CUT_ERASE_WEAK};

struct scenario {
    const char *name;
    struct bench_layout layout;
    int updater_slot;
    uint32_t from;    // the release that runs and is confirmed before; 0: a blank device
    uint32_t crashes; // before the sweep, of the release `from`, so that the next one is the last
    uint32_t to;
    bool is_self; // the updater is replaced, too
};

static const struct scenario scenarios[] = {
    {"factory: first start to first release", {1, true, false, false}, -1, 0, 0, 1, false},
    {"two slots: first start to first release", {2, false, false, false}, 0, 0, 0, 1, false},
    {"two slots: a release replaces another", {2, false, false, false}, 0, 1, 0, 2, false},
    {"three slots: a release replaces another", {3, false, false, false}, 0, 1, 0, 2, false},
    {"three slots: back from a crashing release", {3, false, false, false}, 0, 2, 2, 1, false},
    {"three slots: the updater replaces itself", {3, false, false, false}, 0, 1, 0, 1, true},
    {"two slots: the updater replaces itself", {2, false, false, false}, 0, 1, 0, 1, true},
};

struct sweep {
    const struct scenario *scenario;
    struct agent_device *device;
    uint32_t seeds, random;
    uint64_t cuts, passed, failed;
};

static uint32_t next_random(struct sweep *w)
{
    w->random = w->random * 1664525u + 1013904223u;
    return w->random >> 8;
}

static bool is_reached(struct agent_device *u, uint32_t version)
{
    if (u->fleet->updater.n && u->updater != 2)
        return false;
    struct ferry_release r;
    const struct fake_release *want = agent_device_app(version);
    return u->running >= 0 && agent_device_holds(u, u->running, want->image, want->n) &&
           !ferry_release_load(agent_device_store(u), "installed", &r) && r.serial == version;
}

/* Switches it on until the release runs. */
static const char *recover(struct agent_device *u, uint32_t version)
{
    for (uint32_t i = 0; i < N_STARTS; i++) {
        const enum life_end end = agent_device_power_cycle(u);
        if (end == LIFE_NOTHING)
            return "nothing boots";
        if (end == LIFE_STRANGER)
            return "what boots is neither updater nor application";
        if (end == LIFE_ENDLESS)
            return "the updater restarts without end";
        if (end == LIFE_APP && is_reached(u, version))
            return NULL;
    }
    return "the release was never reached";
}

static void one_cut(struct sweep *w, char op, uint32_t off, const void *src, uint32_t len,
                    enum sim_cut cut)
{
    static struct agent_device fork;
    const struct scenario *s = w->scenario;
    agent_device_fork(&fork, w->device, next_random(w));
    sim_flash_tear(&fork.b.sim, op, off, src, len, cut);
    // A crash that a cut kept from being counted is one crash less, and the bad release stays for
    // now: either is right then.
    const char *why = recover(&fork, s->to);
    if (why && s->crashes && recover(&fork, s->from) == NULL)
        why = NULL;
    w->cuts++;
    w->passed += why == NULL;
    w->failed += why != NULL;
    if (why && w->failed < 10)
        printf("%s: cut %d of %c 0x%x+0x%x: %s\n", s->name, (int)cut, op, off, len, why);
    agent_device_free(&fork);
}

static void before_op(void *ctx, const struct sim_flash *f, char op, uint32_t off, const void *src,
                      uint32_t len)
{
    struct sweep *w = ctx;
    const enum sim_cut *cuts = op == 'E' ? erase_cuts : prog_cuts;
    (void)f;
    // Of the image's body every eighth sector tells as much as all of them.
    const uint32_t sector = off / 4096;
    if (off >= BENCH_SLOT_OFF(0) && len == 4096 && sector % 8 != 4)
        return;
    for (size_t c = 0; c < sizeof prog_cuts / sizeof *prog_cuts; c++) {
        const bool has_luck = cuts[c] != SIM_CUT_BEFORE && cuts[c] != SIM_CUT_AFTER;
        for (uint32_t k = 0; k < (has_luck ? w->seeds : 1); k++)
            one_cut(w, op, off, src, len, cuts[c]);
    }
}

static const char *set_up(struct agent_device *u, struct fake_fleet *fleet,
                          const struct scenario *s)
{
    fake_fleet_init(fleet);
    agent_device_init(u, &s->layout, s->updater_slot, fleet);
    fleet->also = *agent_device_app(1);
    for (uint32_t v = 1; v <= s->from; v++) {
        fleet->offer = *agent_device_app(v);
        const char *why = recover(u, v);
        u->rtc_s += 100;
        if (why || agent_device_power_cycle(u) != LIFE_APP)
            return why ? why : "it cannot be set up";
    }
    fleet->offer = *agent_device_app(s->crashes ? s->from : s->to);
    u->settings.replaces_itself = s->is_self;
    if (s->is_self)
        fleet->updater = *agent_device_updater(2);
    for (uint32_t i = 0; i < s->crashes; i++)
        if (agent_device_live(u, FERRY_RESET_PANIC) != LIFE_APP)
            return "it does not start again after a crash";
    return NULL;
}

static const char *act(struct agent_device *u, const struct scenario *s)
{
    if (s->crashes)
        return agent_device_live(u, FERRY_RESET_PANIC) == LIFE_APP && is_reached(u, s->to)
                   ? NULL
                   : "it does not go back";
    const char *why = recover(u, s->to);
    u->rtc_s += 100; // and once more: it is confirmed
    return why || agent_device_live(u, FERRY_RESET_SOFTWARE) == LIFE_APP ? why : "it is not kept";
}

static void run_scenario(struct sweep *all, const struct scenario *s)
{
    static struct fake_fleet fleet;
    static struct agent_device u;
    struct sweep w = {.scenario = s, .device = &u, .seeds = all->seeds, .random = 99};
    const char *why = set_up(&u, &fleet, s);
    u.b.sim.watch.before = before_op;
    u.b.sim.watch.ctx = &w;
    if (!why)
        why = act(&u, s);
    u.b.sim.watch.before = NULL;
    if (why)
        printf("%s: without a cut: %s\n", s->name, why);
    agent_device_free(&u);
    printf("%-44s %6llu cuts, %llu failed\n", s->name, (unsigned long long)w.cuts,
           (unsigned long long)w.failed);
    all->passed += w.passed + (why == NULL);
    all->failed += w.failed + (why != NULL);
}

int main(int argc, char **argv)
{
    struct sweep all = {.seeds = 1};
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
        all.seeds = (uint32_t)strtoul(argv[2], NULL, 0);
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        run_scenario(&all, &scenarios[i]);
    printf("%llu passed, %llu failed\n", (unsigned long long)all.passed,
           (unsigned long long)all.failed);
    return all.failed || !all.passed ? 1 : 0;
}
