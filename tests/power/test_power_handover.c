/* test_power_handover - power fails before, after and inside every flash operation of the cycle
 * updater, application, updater, probe and bootloader included. At each program and erase the
 * device is forked, the operation torn, and the fork goes on through several starts: each must run
 * the updater or the application, the application must be reached, and the updater come back after
 * it. The stock bootloader writes an entry in one piece: if that tears so that number and CRC stand
 * and the state between them does not, the application stays; this is counted apart. usage:
 * test_power_handover [--seeds N]; ends with "N passed, M failed". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/handover.h"
#include "app_image.h"
#include "bench_device.h"

#define PAYLOAD     3000u
#define N_STARTS    8u // with the probe twice and the application twice
#define SECOND_EACH 40u

static uint8_t updater[APP_IMAGE_BYTES(PAYLOAD)], app[APP_IMAGE_BYTES(PAYLOAD)];
static uint32_t updater_bytes, app_bytes;

static const enum sim_cut prog_cuts[] = {SIM_CUT_BEFORE, SIM_CUT_AFTER, SIM_CUT_PROG_PREFIX,
                                         SIM_CUT_PROG_BITS, SIM_CUT_PROG_HOLE};
static const enum sim_cut erase_cuts[] = {SIM_CUT_BEFORE, SIM_CUT_AFTER, SIM_CUT_ERASE_PREFIX,
                                          SIM_CUT_ERASE_BITS, SIM_CUT_ERASE_WEAK};

/* Where the two programs are, and what otadata says at the beginning; seq 0: blank. */
struct scenario {
    const char *name;
    struct bench_layout layout;
    int updater_slot, app_slot;
    int old_updater_slot; // another one that may run, or FERRY_SLOT_NONE
    uint32_t seq[2], state[2];
};

#define NO   FERRY_SLOT_NONE
#define FACT FERRY_SLOT_FACTORY
static const struct scenario scenarios[] = {
    {"factory, app in ota_0", {1, true, false, false}, FACT, 0, NO, {0}, {0}},
    {"factory, app in ota_1", {2, true, false, false}, FACT, 1, NO, {0}, {0}},
    {"factory, a rejected entry", {1, true, false, false}, FACT, 0, NO, {1}, {FERRY_STATE_INVALID}},
    {"ota_0 and ota_1, blank otadata", {2, false, false, false}, 0, 1, NO, {0}, {0}},
    {"ota_0 valid", {2, false, false, false}, 0, 1, NO, {3}, {FERRY_STATE_VALID}},
    {"ota_0 undefined", {2, false, false, false}, 0, 1, NO, {3}, {FERRY_STATE_UNDEFINED}},
    {"ota_0 undefined, app aborted",
     {2, false, false, false},
     0,
     1,
     NO,
     {3, 4},
     {FERRY_STATE_UNDEFINED, FERRY_STATE_ABORTED}},
    {"three slots, app in ota_2", {3, false, false, false}, 0, 2, NO, {0}, {0}},
    {"updater moved to ota_2, pending",
     {3, false, false, false},
     2,
     1,
     0,
     {1, 3},
     {FERRY_STATE_VALID, FERRY_STATE_NEW}},
    {"updater moved to ota_2, settled",
     {3, false, false, false},
     2,
     1,
     0,
     {1, 3},
     {FERRY_STATE_ABORTED, FERRY_STATE_VALID}},
};

/* One device on its way; `proved` is what NVS would keep. */
struct unit {
    struct bench_device b;
    bool proved;
};

struct sweep {
    const struct scenario *scenario;
    struct unit *unit;
    bool is_second;
    uint32_t seeds, random;
    uint64_t passed, failed, windows, cuts[2];
};

static bool holds(const struct unit *u, int slot, const uint8_t *image, uint32_t n)
{
    static uint8_t seen[APP_IMAGE_BYTES(PAYLOAD)];
    sim_flash_peek(&u->b.sim, ferry_device_span(&u->b.dev, slot).off_bytes, seen, n);
    return memcmp(seen, image, n) == 0;
}

/* What an updater does between its start and the next; NULL, or what went wrong. */
static const char *run_updater(struct unit *u, int app_slot)
{
    enum ferry_probe seen;
    struct ferry_device *d = &u->b.dev;
    if (ferry_handover_check(d))
        return "the table is refused";
    if (ferry_probe_read(d, &seen))
        return "the probe cannot be read";
    if (!u->proved && seen == FERRY_PROBE_ABORTED) {
        if (ferry_probe_erase(d))
            return "the probe cannot be erased";
        u->proved = true;
    }
    if (!u->proved)
        return ferry_probe_write(d) ? "the probe cannot be written" : NULL;
    return ferry_handover_arm(d, app_slot) ? "the application cannot be armed" : NULL;
}

/* Several starts in a row. */
static const char app_stays[] = "the application ran twice without the updater";

static const char *live(struct unit *u, const struct scenario *s)
{
    bool app_ran = false;
    bool app_is_last = false;
    for (uint32_t k = 0; k < N_STARTS; k++) {
        const int slot = bench_device_boot(&u->b);
        if (slot == FERRY_SLOT_NONE)
            return "nothing boots";
        u->b.dev.running = slot;
        if (slot == s->app_slot && holds(u, slot, app, app_bytes)) {
            if (app_is_last)
                return app_stays;
            app_ran = app_is_last = true;
            continue;
        }
        app_is_last = false;
        if ((slot != s->updater_slot && slot != s->old_updater_slot) ||
            !holds(u, slot, updater, updater_bytes))
            return "what boots is neither updater nor application";
        const char *why = run_updater(u, s->app_slot);
        if (why)
            return why;
    }
    return app_ran ? NULL : "the application was never reached";
}

static uint32_t next_random(struct sweep *w)
{
    w->random = w->random * 1664525u + 1013904223u;
    return w->random >> 8;
}

static void before_op(void *ctx, const struct sim_flash *f, char op, uint32_t off, const void *src,
                      uint32_t len);

static void one_cut(struct sweep *w, char op, uint32_t off, const void *src, uint32_t len,
                    enum sim_cut cut)
{
    static struct unit forks[2];
    struct unit *u = &forks[w->is_second];
    struct sweep second = *w;
    bench_device_fork(&u->b, &w->unit->b, next_random(w));
    u->proved = w->unit->proved;
    sim_flash_tear(&u->b.sim, op, off, src, len, cut);
    sim_flash_power_on(&u->b.sim);
    second.unit = u;
    second.is_second = true;
    second.passed = second.failed = second.windows = second.cuts[1] = 0;
    if (!w->is_second && next_random(w) % SECOND_EACH == 0) {
        u->b.sim.watch.before = before_op;
        u->b.sim.watch.ctx = &second;
    }
    const char *why = live(u, w->scenario);
    const bool is_window = why == app_stays && w->unit->b.in_bootloader;
    w->cuts[w->is_second]++;
    w->cuts[1] += second.cuts[1];
    w->passed += second.passed + (why == NULL);
    w->windows += second.windows + is_window;
    w->failed += second.failed + (why != NULL && !is_window);
    if (why && !is_window && w->failed < 20)
        printf("%s%s: cut %d of %c 0x%x+0x%x: %s\n", w->scenario->name,
               w->is_second ? " (second cut)" : "", (int)cut, op, off, len, why);
    bench_device_free(&u->b);
}

static void before_op(void *ctx, const struct sim_flash *f, char op, uint32_t off, const void *src,
                      uint32_t len)
{
    struct sweep *w = ctx;
    const enum sim_cut *cuts = op == 'E' ? erase_cuts : prog_cuts;
    (void)f;
    for (size_t c = 0; c < sizeof prog_cuts / sizeof *prog_cuts; c++) {
        const bool has_luck = cuts[c] != SIM_CUT_BEFORE && cuts[c] != SIM_CUT_AFTER;
        const uint32_t n = has_luck && !w->is_second ? w->seeds : 1;
        for (uint32_t k = 0; k < n; k++)
            one_cut(w, op, off, src, len, cuts[c]);
    }
}

static void set_up(struct unit *u, const struct scenario *s, bool is_proved)
{
    bench_device_init(&u->b, &s->layout);
    u->proved = is_proved;
    bench_device_put(&u->b, s->updater_slot, updater, updater_bytes);
    if (s->old_updater_slot != NO)
        bench_device_put(&u->b, s->old_updater_slot, updater, updater_bytes);
    bench_device_put(&u->b, s->app_slot, app, app_bytes);
    for (int i = 0; i < 2; i++)
        if (s->seq[i])
            bench_device_entry(&u->b, i, s->seq[i], s->state[i]);
}

/* is_proved: the probe was long ago, as where somebody has erased otadata since. */
static void run_scenario(struct sweep *all, const struct scenario *s, bool is_proved)
{
    static struct unit u;
    struct sweep w = {.scenario = s, .unit = &u, .seeds = all->seeds, .random = 4711};
    set_up(&u, s, is_proved);
    u.b.sim.watch.before = before_op;
    u.b.sim.watch.ctx = &w;
    const char *why = live(&u, s);
    if (why)
        printf("%s: without a cut: %s\n", s->name, why);
    bench_device_free(&u.b);
    printf("%-31s%-8s %8llu cuts, %llu second cuts, %llu failed, %llu in the bootloader's window\n",
           s->name, is_proved ? ", proved" : "", (unsigned long long)w.cuts[0],
           (unsigned long long)w.cuts[1], (unsigned long long)w.failed,
           (unsigned long long)w.windows);
    all->passed += w.passed + (why == NULL);
    all->failed += w.failed + (why != NULL);
}

static uint32_t make(uint8_t *out, const char *project)
{
    return app_image_make(
        out, &(struct app_image_spec){
                 .project = project, .version = "1.0.0", .payload_bytes = PAYLOAD, .chip_id = 5});
}

int main(int argc, char **argv)
{
    struct sweep all = {.seeds = 3};
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
        all.seeds = (uint32_t)strtoul(argv[2], NULL, 0);
    updater_bytes = make(updater, "updater");
    app_bytes = make(app, "demo");
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        run_scenario(&all, &scenarios[i], false);
        run_scenario(&all, &scenarios[i], true);
    }
    printf("%llu passed, %llu failed\n", (unsigned long long)all.passed,
           (unsigned long long)all.failed);
    return all.failed || !all.passed ? 1 : 0;
}
