/* test_power_reflash - power fails before, after and inside every flash operation of many reflash
 * plans, and again while they are gone on with. Plans are made from a seed: chips, layouts, sizes,
 * backups, bootloaders that resume and such that do not. After each cut the device boots, unless
 * the check announced a window there, and what boots finishes the plan; the flash ends byte for
 * byte as without a cut. usage: test_power_reflash [--seeds N] [--first N] [--second-every N]; ends
 * with "N passed, M failed". */
#include "reflash_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_CUTS 9

static const char *const cut_names[N_CUTS] = {
    "none",         "before op",    "after op",         "program prefix", "program bit subset",
    "program hole", "erase prefix", "erase bit subset", "erase weak"};

static const enum sim_cut prog_cuts[] = {SIM_CUT_BEFORE, SIM_CUT_AFTER, SIM_CUT_PROG_PREFIX,
                                         SIM_CUT_PROG_BITS, SIM_CUT_PROG_HOLE};
static const enum sim_cut erase_cuts[] = {SIM_CUT_BEFORE, SIM_CUT_AFTER, SIM_CUT_ERASE_PREFIX,
                                          SIM_CUT_ERASE_BITS, SIM_CUT_ERASE_WEAK};

struct counts {
    uint64_t passed, failed;
    uint64_t windows;         // cuts in an announced window, mended by a cable
    uint64_t resumed;         // stagings gone on with from a checkpoint
    uint64_t cuts[2][N_CUTS]; // first or second cut
};

/* One plan, and what becomes of it without a cut. */
struct sweep {
    uint32_t seed;
    uint32_t random;
    uint32_t second_every;
    struct reflash_world *before; // the plan checked, nothing of it written
    struct reflash_world *finished;
    const struct reflash_world *now; // the device that is about to lose power
    bool is_second;
    bool is_staging;      // the cut comes while contents are taken in
    uint32_t plan_random; // what the plan is made from
    struct counts *counts;
};

/* A counter, mixed: seeds that follow each other give plans that have nothing in common. */
static uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state += 0x9e3779b9u;
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

/* ---- plans ---- */

static uint8_t app_bytes[APP_IMAGE_BYTES(100000)];

static ferry_err add_migration(struct reflash_world *w, uint32_t *random)
{
    const bool is_large = next_random(random) % 16 == 0;
    const uint32_t payload = is_large ? 66000 + next_random(random) % 30000 / 4 * 4
                                      : 1000 + next_random(random) % 9000 / 4 * 4;
    const struct world_content app = world_app(w, app_bytes, payload, next_random(random));
    // Some of the destination may be right already.
    if (next_random(random) % 3 == 0)
        sim_flash_poke(&w->sim, WORLD_NEW_APP_OFF, app.bytes, app.n / 2);
    return world_plan_migration(w, app);
}

/* Steps that need no new table: a file system from outside, a region moved, one made blank. */
static ferry_err add_data(struct reflash_world *w, uint32_t *random)
{
    const uint32_t n = 1 + next_random(random) % 20000;
    const struct world_content c = {app_bytes, n};
    (void)world_app(w, app_bytes, 20000, next_random(random));
    struct ferry_step s = world_step(FERRY_STEP_DATA, WORLD_NEW_APP_OFF, 0x8000);
    s.flags = next_random(random) % 2 ? FERRY_STEP_BLANK_REST : 0;
    ferry_err err = world_stage(w, s, c);
    s = world_step(FERRY_STEP_RAW, WORLD_NEW_APP_OFF + 0x8000, 0x4000);
    s.source = FERRY_SOURCE_MOVED;
    s.source_off_bytes = WORLD_STORAGE_OFF + next_random(random) % 512;
    s.length_bytes = 0x2000 + next_random(random) % 0x1000;
    if (!err)
        err = ferry_reflash_add(&w->job, &s, NULL);
    // Where the moved bytes came from: must be read before it is blanked.
    s = world_step(FERRY_STEP_DATA, WORLD_STORAGE_OFF, 0x4000);
    s.source = FERRY_SOURCE_BLANK;
    s.flags = FERRY_STEP_BLANK_REST;
    return err ? err : ferry_reflash_add(&w->job, &s, NULL);
}

static ferry_err add_bootloader(struct reflash_world *w)
{
    return world_stage(
        w,
        world_step(FERRY_STEP_BOOTLOADER, w->policy.chip->bootloader_off_bytes, WORLD_BOOT_BYTES),
        world_bootloader(w, 1));
}

/* The order is the check's business. */
static void shuffle(struct ferry_plan *plan, uint32_t *random)
{
    for (uint32_t i = plan->n_steps; i > 1; i--) {
        const uint32_t k = next_random(random) % i;
        const struct ferry_step s = plan->steps[k];
        plan->steps[k] = plan->steps[i - 1];
        plan->steps[i - 1] = s;
    }
}

static ferry_err begin_and_run(struct reflash_world *w)
{
    ferry_err err = ferry_reflash_begin(&w->job, NULL);
    if (err)
        return err;
    do {
        err = ferry_reflash_run(&w->job);
    } while (err == FERRY_AGAIN);
    return err;
}

static ferry_err check_plan(struct reflash_world *w)
{
    return ferry_reflash_check(&w->job, &w->site, FERRY_REFLASH_DANGEROUS, &w->bench, &w->report);
}

/* The device of this seed; *random goes on from here. */
static void make_world(struct reflash_world *w, uint32_t seed, uint32_t *random)
{
    *random = seed * 2654435761u;
    const bool has_recovery = next_random(random) % 3 == 0;
    world_init_prog(w, has_recovery ? &ferry_chip_esp32c5 : &ferry_chip_esp32c3,
                    next_random(random) % 4 ? 1 : 16);
    w->site.recovery_off_bytes = has_recovery ? WORLD_RECOVERY_OFF : 0;
    w->site.bootloader_resumes = next_random(random) % 4 == 0;
}

/* The plan that brings back what a plan of data alone has overwritten. */
static ferry_err turn_back(struct reflash_world *w)
{
    ferry_err err = check_plan(w);
    if (!err)
        err = begin_and_run(w);
    if (!err)
        err = world_open(w);
    if (!err)
        err = ferry_reflash_undo(&w->job);
    return err;
}

/* Stages what the plan of this seed needs, makes and checks it. Writes to the staging area only,
 * but for a plan that is itself the undoing of another. */
static ferry_err make_plan(struct reflash_world *w, uint32_t random)
{
    const uint32_t kind = next_random(&random) % 4;
    ferry_err err = world_begin_plan(w);
    if (!err)
        err = kind == 0   ? add_data(w, &random)
              : kind == 1 ? add_bootloader(w)
                          : add_migration(w, &random);
    const bool resumes = next_random(&random) % 2;
    for (int i = 0; i < w->job.plan.n_steps; i++) {
        if (w->job.plan.steps[i].kind == FERRY_STEP_BOOTLOADER && resumes)
            w->job.plan.steps[i].flags |= FERRY_STEP_RESUMES;
    }
    const bool turns_back = kind == 0 && next_random(&random) % 3 == 0;
    if (!err && (turns_back || next_random(&random) % 3 == 0))
        err = ferry_reflash_back_up(&w->job, (struct ferry_span){WORLD_FREE_OFF, 0x10000});
    if (err == FERRY_ERR_REFLASH_FULL)
        err = FERRY_OK; // a large app: kept in part
    if (!err)
        err = ferry_reflash_guard(&w->job, &w->site, &w->bench.work);
    if (!err && turns_back)
        err = turn_back(w);
    shuffle(&w->job.plan, &random);
    return err ? err : check_plan(w);
}

/* A copy in which the checked plan can be begun. */
static void copy_checked(struct reflash_world *to, const struct reflash_world *from, uint32_t seed)
{
    world_fork(to, from, seed);
    to->job = from->job;
    to->job.cfg = to->cfg;
    to->job.journal.sector.flash = &to->sim.flash;
    to->report = from->report;
}

/* ---- promises ---- */

/* Sectors that differ, the journal's excepted, read as the device reads them: one that was left
 * half erased does not read the same twice. */
static uint32_t n_different(struct reflash_world *a, const struct reflash_world *b)
{
    uint32_t n = 0;
    uint8_t seen[4096], want[4096];
    for (uint32_t i = 0; i < WORLD_JOURNAL_OFF / 4096; i++) {
        if (a->sim.sectors[i] == b->sim.sectors[i])
            continue;
        sim_flash_peek(&b->sim, i * 4096, want, sizeof(want));
        if (a->sim.flash.ops->read(&a->sim.flash, i * 4096, seen, sizeof(seen)) ||
            memcmp(seen, want, sizeof(seen)) != 0)
            n++;
    }
    return n;
}

/* Does the bootloader that stands there go on with the plan by itself? */
static bool bootloader_resumes(const struct sweep *w, const struct reflash_world *d)
{
    const uint32_t off = d->policy.chip->bootloader_off_bytes;
    const struct world_content old = world_bootloader(d, 0);
    const struct ferry_plan *plan = &w->before->job.plan;
    if (world_holds(d, off, old.bytes, old.n))
        return d->site.bootloader_resumes;
    for (int i = 0; i < plan->n_steps; i++) {
        const struct world_content new = world_bootloader(d, 1);
        if (plan->steps[i].dest_off_bytes == off && (plan->steps[i].flags & FERRY_STEP_RESUMES) &&
            world_holds(d, off, new.bytes, new.n))
            return true;
    }
    return false;
}

/* Who goes on? False: nobody, which must have been announced. Sets what runs. */
static bool wakes_up(const struct sweep *w, struct reflash_world *d)
{
    d->cfg.running = (struct ferry_span){0, 0};
    if (!world_has_bootloader(d))
        return false;
    return bootloader_resumes(w, d) || world_boot(d) != FERRY_SLOT_NONE;
}

static bool was_announced(const struct sweep *w)
{
    const struct ferry_reflash_report *rep = &w->before->report;
    return rep->window_sectors && w->now->job.step >= rep->window_step;
}

static void before_op(void *ctx, const struct sim_flash *s, char op, uint32_t off, const void *src,
                      uint32_t len);

/* Resumes; a second cut may be tried at each operation. */
static ferry_err resume(struct sweep *w, struct reflash_world *d)
{
    struct sweep second = *w;
    second.now = d;
    second.is_second = true;
    if (!w->is_second && next_random(&w->random) % w->second_every == 0) {
        second.random = next_random(&w->random);
        d->sim.watch.before = before_op;
        d->sim.watch.ctx = &second;
    }
    const ferry_err err = ferry_reflash_resume(&d->job, &d->cfg);
    d->sim.watch.before = NULL;
    return err;
}

/* There was no plan yet: nothing may have been touched, and beginning anew succeeds. */
static const char *begins_anew(struct sweep *w, struct reflash_world *d)
{
    if (n_different(d, w->before))
        return "something was written before the journal stood";
    d->job = w->before->job;
    d->job.cfg = d->cfg;
    d->job.journal.sector.flash = &d->sim.flash;
    if (begin_and_run(d))
        return "the plan cannot be begun anew";
    return n_different(d, w->finished) ? "the plan begun anew ends differently" : NULL;
}

/* Cut while contents were staged: nobody notices, and all of it succeeds the next time. */
static const char *check_staging(struct sweep *w, struct reflash_world *d)
{
    if (!world_has_bootloader(d) || world_boot(d) != 0)
        return "the device does not boot as before";
    if (ferry_reflash_resume(&d->job, &d->cfg) || d->job.journal.state != FERRY_JOURNAL_NONE)
        return "a plan stands before it was begun";
    if (make_plan(d, w->plan_random) || begin_and_run(d))
        return "the plan cannot be made the next time";
    w->counts->resumed += d->n_resumed;
    return n_different(d, w->finished) ? "the next time it ends differently" : NULL;
}

static const char *check(struct sweep *w, struct reflash_world *d, bool *in_window)
{
    sim_flash_power_on(&d->sim);
    if (w->is_staging)
        return check_staging(w, d);
    *in_window = !wakes_up(w, d);
    if (*in_window && !was_announced(w))
        return "nothing boots, and nobody said so";
    const uint32_t most = n_different(d, w->finished) + 16;
    if (resume(w, d))
        return "the plan cannot be gone on with";
    // Until it is erased the sector holds the plan before this one, which is done.
    const bool is_former = w->before->job.journal.state == FERRY_JOURNAL_FINISHED &&
                           !d->job.n_written && n_different(d, w->finished);
    if (d->job.journal.state == FERRY_JOURNAL_NONE || is_former)
        return begins_anew(w, d);
    if (n_different(d, w->finished))
        return "the flash ends differently";
    if (d->job.n_written > most)
        return "sectors that were finished were written again";
    if (ferry_reflash_resume(&d->job, &d->cfg) || d->job.n_written)
        return "a finished plan is not left alone";
    if (!world_has_bootloader(d) || world_boot(d) != w->before->report.boots)
        return "the new layout does not boot what was announced";
    return NULL;
}

/* ---- cuts ---- */

static void one_cut(struct sweep *w, char op, uint32_t off, const void *src, uint32_t len,
                    enum sim_cut cut, uint32_t seed)
{
    static struct reflash_world forks[2];
    struct reflash_world *d = &forks[w->is_second];
    bool in_window = false;
    world_fork(d, w->now, seed);
    sim_flash_tear(&d->sim, op, off, src, len, cut);
    const char *why = check(w, d, &in_window);
    w->counts->cuts[w->is_second][cut]++;
    w->counts->windows += in_window;
    if (why) {
        w->counts->failed++;
        if (w->counts->failed <= 20)
            printf("plan %u%s: cut %s %c 0x%x+0x%x seed %u: %s\n", w->seed,
                   w->is_second ? " (second cut)" : "", cut_names[cut], op, off, len, seed, why);
    } else {
        w->counts->passed++;
    }
    world_free(d);
}

static void before_op(void *ctx, const struct sim_flash *s, char op, uint32_t off, const void *src,
                      uint32_t len)
{
    struct sweep *w = ctx;
    (void)s;
    // A recovery of a recovery is tried at a tenth of its operations.
    if (w->is_second && next_random(&w->random) % 10)
        return;
    const enum sim_cut *cuts = op == 'E' ? erase_cuts : prog_cuts;
    for (size_t c = 0; c < sizeof(prog_cuts) / sizeof(prog_cuts[0]); c++)
        one_cut(w, op, off, src, len, cuts[c], next_random(&w->random));
}

static void fail_plan(struct sweep *w, const char *what, ferry_err err)
{
    w->counts->failed++;
    if (w->counts->failed <= 20)
        printf("plan %u: %s: %s\n", w->seed, what, ferry_strerror(err));
}

/* The same plan once more on a fresh device, cut while it is made. */
static void sweep_staging(struct sweep *w, struct reflash_world *now)
{
    uint32_t random;
    make_world(now, w->seed, &random);
    w->is_staging = true;
    now->sim.watch.before = before_op;
    now->sim.watch.ctx = w;
    const ferry_err err = make_plan(now, w->plan_random);
    now->sim.watch.before = NULL;
    if (err)
        fail_plan(w, "while sweeping its staging", err);
    world_free(now);
}

static void run_plan(uint32_t seed, uint32_t second_every, struct counts *counts)
{
    static struct reflash_world before, finished, now;
    uint32_t random;
    make_world(&before, seed, &random);
    struct sweep w = {.seed = seed,
                      .random = seed ^ 0x5bd1e995u,
                      .second_every = second_every,
                      .before = &before,
                      .finished = &finished,
                      .now = &now,
                      .plan_random = random,
                      .counts = counts};
    ferry_err err = make_plan(&before, random);
    const bool has_staged_only = before.job.journal.state == FERRY_JOURNAL_NONE;
    if (err) {
        fail_plan(&w, "without a cut, planning", err);
    } else {
        copy_checked(&finished, &before, 1);
        err = begin_and_run(&finished);
        if (!err && finished.job.n_written != before.report.n_sectors)
            err = FERRY_ERR_RANGE; // sectors that were right already were written
        if (err)
            fail_plan(&w, "without a cut", err);
        copy_checked(&now, &before, 2);
        now.sim.watch.before = before_op;
        now.sim.watch.ctx = &w;
        err = err ? err : begin_and_run(&now);
        now.sim.watch.before = NULL;
        if (err)
            fail_plan(&w, "while sweeping", err);
        world_free(&now);
        if (!err && has_staged_only && seed % 8 == 0)
            sweep_staging(&w, &now);
        world_free(&finished);
    }
    world_free(&before);
}

static void print_counts(const struct counts *c)
{
    uint64_t sum[2] = {0, 0};
    printf("%-20s %12s %12s\n", "cut", "first", "second");
    for (size_t k = 1; k < N_CUTS; k++) {
        printf("%-20s %12llu %12llu\n", cut_names[k], (unsigned long long)c->cuts[0][k],
               (unsigned long long)c->cuts[1][k]);
        sum[0] += c->cuts[0][k];
        sum[1] += c->cuts[1][k];
    }
    printf("%-20s %12llu %12llu\n", "all", (unsigned long long)sum[0], (unsigned long long)sum[1]);
    printf("%llu cuts in announced windows: a cable mended them, and the plan ended as without\n",
           (unsigned long long)c->windows);
    printf("%llu contents were gone on with from a checkpoint\n", (unsigned long long)c->resumed);
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
    struct counts counts = {0};
    const uint32_t seeds = number_after(argc, argv, "--seeds", 12);
    const uint32_t first = number_after(argc, argv, "--first", 1);
    const uint32_t second_every = number_after(argc, argv, "--second-every", 50);
    for (uint32_t seed = first; seed - first < seeds; seed++)
        run_plan(seed, second_every ? second_every : 1, &counts);
    printf("%u plans\n", seeds);
    print_counts(&counts);
    printf("%llu passed, %llu failed\n", (unsigned long long)counts.passed,
           (unsigned long long)counts.failed);
    return counts.failed || !counts.passed ? 1 : 0;
}
