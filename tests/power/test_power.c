/* test_power - power fails before, after and inside every flash operation of every scenario.
 * At each program and erase the device is forked, the operation is torn in one of many ways, and
 * the fork is switched on again: it must boot a genuine image, keep what was confirmed, never boot
 * what was rejected, and complete at the next attempt. During each recovery a second cut is
 * sampled. usage: test_power [--seeds N] [--second-every N] [--idf]; ends with "N passed, M
 * failed".
 * --idf writes otadata as Espressif's app does: its known windows are counted, not failed. */
#include "scenarios.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const cut_names[] = {"none",           "before op",          "after op",
                                        "program prefix", "program bit subset", "program hole",
                                        "erase prefix",   "erase bit subset",   "erase weak"};

static const enum sim_cut prog_cuts[] = {SIM_CUT_BEFORE, SIM_CUT_AFTER, SIM_CUT_PROG_PREFIX,
                                         SIM_CUT_PROG_BITS, SIM_CUT_PROG_HOLE};
static const enum sim_cut erase_cuts[] = {SIM_CUT_BEFORE, SIM_CUT_AFTER, SIM_CUT_ERASE_PREFIX,
                                          SIM_CUT_ERASE_BITS, SIM_CUT_ERASE_WEAK};

struct sweep {
    const struct scenario *scenario;
    const struct bench_device *device; // in the middle of the scenario
    const struct sweep *outer;         // a second cut: the sweep of the first
    uint32_t seeds;
    uint32_t second_every;
    uint32_t random;
    bool is_idf; // a broken promise is a window to be counted
    struct power_counts *counts;
};

static uint32_t next_random(struct sweep *w)
{
    w->random = w->random * 1664525u + 1013904223u;
    return w->random >> 8;
}

static void report(const struct sweep *w, char op, uint32_t off, uint32_t len, enum sim_cut cut,
                   uint32_t seed, const char *why)
{
    w->counts->failed++;
    if (w->counts->failed <= 20)
        printf("%s%s: cut %s %c 0x%x+0x%x seed %u: %s\n", w->scenario->name,
               w->outer ? " (second cut)" : "", cut_names[cut], op, off, len, seed, why);
}

static void before_op(void *ctx, const struct sim_flash *s, char op, uint32_t off, const void *src,
                      uint32_t len);

/* Switches the torn device on; a second cut may be tried at each operation of the recovery. */
static const char *recover(struct sweep *w, struct bench_device *b)
{
    struct sweep second = *w;
    second.device = b;
    second.outer = w;
    second.seeds = 1;
    sim_flash_power_on(&b->sim);
    const bool sampled = !w->outer && next_random(w) % w->second_every == 0;
    if (sampled) {
        second.random = next_random(w);
        b->sim.watch.before = before_op;
        b->sim.watch.ctx = &second;
    }
    return w->scenario->check(b);
}

static void one_cut(struct sweep *w, char op, uint32_t off, const void *src, uint32_t len,
                    enum sim_cut cut, uint32_t seed)
{
    static struct bench_device forks[2];
    struct bench_device *b = &forks[w->outer ? 1 : 0];
    bench_device_fork(b, w->device, seed);
    sim_flash_tear(&b->sim, op, off, src, len, cut);
    const char *why = recover(w, b);
    w->counts->cuts[w->outer ? 1 : 0][cut]++;
    // Espressif's bootloader rewrites an entry in place, in one write: what a cut in there can do
    // is not ours to prevent, but it is counted.
    if (why && w->device->in_bootloader)
        w->counts->bootloader_windows++;
    else if (why && w->is_idf)
        w->counts->idf_windows++;
    else if (why)
        report(w, op, off, len, cut, seed, why);
    else
        w->counts->passed++;
    bench_device_free(b);
}

static void before_op(void *ctx, const struct sim_flash *s, char op, uint32_t off, const void *src,
                      uint32_t len)
{
    struct sweep *w = ctx;
    (void)s;
    // A recovery of a recovery is one cut of each kind at a tenth of its operations.
    if (w->outer && next_random(w) % 10)
        return;
    const enum sim_cut *cuts = op == 'E' ? erase_cuts : prog_cuts;
    const size_t n_cuts = op == 'E' ? sizeof(erase_cuts) / sizeof(erase_cuts[0])
                                    : sizeof(prog_cuts) / sizeof(prog_cuts[0]);
    for (size_t c = 0; c < n_cuts; c++) {
        const bool has_luck = cuts[c] != SIM_CUT_BEFORE && cuts[c] != SIM_CUT_AFTER;
        for (uint32_t k = 0; k < (has_luck ? w->seeds : 1); k++)
            one_cut(w, op, off, src, len, cuts[c], next_random(w));
    }
}

static void run_scenario(const struct scenario *scenario, uint32_t seeds, uint32_t second_every,
                         bool is_idf, struct power_counts *counts)
{
    static struct bench_device b;
    struct sweep w = {.scenario = scenario,
                      .device = &b,
                      .seeds = seeds,
                      .second_every = second_every,
                      .random = 12345,
                      .is_idf = is_idf,
                      .counts = counts};
    const uint64_t passed = counts->passed;
    const uint64_t failed = counts->failed;
    const uint64_t windows = counts->idf_windows + counts->bootloader_windows;
    scenario->set_up(&b);
    b.policy.writer = is_idf ? &ferry_slots_idf : &ferry_slots_safe;
    b.sim.watch.before = before_op;
    b.sim.watch.ctx = &w;
    const char *why = scenario->act(&b);
    b.sim.watch.before = NULL;
    if (!why)
        why = scenario->done(&b);
    if (why && is_idf) {
        printf("%s: without a cut, as Espressif's app does it: %s\n", scenario->name, why);
    } else if (why) {
        counts->failed++;
        printf("%s: without a cut: %s\n", scenario->name, why);
    }
    bench_device_free(&b);
    const uint64_t now_windows = counts->idf_windows + counts->bootloader_windows - windows;
    printf("%-40s %9llu cuts, %llu failed, %llu in known windows\n", scenario->name,
           (unsigned long long)(counts->passed - passed + counts->failed - failed + now_windows),
           (unsigned long long)(counts->failed - failed), (unsigned long long)now_windows);
    fflush(stdout);
}

static void print_counts(const struct power_counts *c)
{
    printf("\n%-20s %12s %12s\n", "cut", "first", "second");
    uint64_t sum[2] = {0, 0};
    for (size_t k = 1; k < sizeof(cut_names) / sizeof(cut_names[0]); k++) {
        printf("%-20s %12llu %12llu\n", cut_names[k], (unsigned long long)c->cuts[0][k],
               (unsigned long long)c->cuts[1][k]);
        sum[0] += c->cuts[0][k];
        sum[1] += c->cuts[1][k];
    }
    printf("%-20s %12llu %12llu\n", "all", (unsigned long long)sum[0], (unsigned long long)sum[1]);
    if (c->idf_windows)
        printf("%llu cuts in the writes of Espressif's app broke a promise (its known windows)\n",
               (unsigned long long)c->idf_windows);
    printf(
        "%llu cuts in the bootloader's own rewrite of an entry broke a promise (a known window of "
        "the stock bootloader)\n",
        (unsigned long long)c->bootloader_windows);
}

static bool has_option(int argc, char **argv, const char *option)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], option) == 0)
            return true;
    }
    return false;
}

static uint32_t number_after(int argc, char **argv, const char *option, uint32_t otherwise)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], option) == 0)
            return (uint32_t)strtoul(argv[i + 1], NULL, 0);
    }
    return otherwise;
}

int main(int argc, char **argv)
{
    struct power_counts counts = {0};
    const uint32_t seeds = number_after(argc, argv, "--seeds", 3);
    const uint32_t second_every = number_after(argc, argv, "--second-every", 50);
    scenarios_init();
    for (size_t i = 0; i < n_scenarios; i++)
        run_scenario(&scenarios[i], seeds, second_every ? second_every : 1,
                     has_option(argc, argv, "--idf"), &counts);
    print_counts(&counts);
    printf("%llu passed, %llu failed\n", (unsigned long long)counts.passed,
           (unsigned long long)counts.failed);
    return counts.failed || !counts.passed ? 1 : 0;
}
