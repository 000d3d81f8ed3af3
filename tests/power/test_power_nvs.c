/* test_power_nvs - power fails before, after and inside every flash operation of random steps on
 * NVS stores, and again while the store is mounted after it. A seed says how many pages there are,
 * what the flash can program, whether entries are encrypted and whether a page of version 1 was
 * there first. After each cut every key holds its old or its new value and is listed once, the
 * pages are such as Espressif's code mounts, and the store goes on. usage: test_power_nvs
 * [--seeds N] [--first N] [--steps N] [--second-every N]; ends with "N passed, M failed". */
#include "nvs_store.h"

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

enum { N_WAYS = sizeof(prog_cuts) / sizeof(prog_cuts[0]) };

struct counts {
    uint64_t passed, failed;
    uint64_t cuts[2][N_CUTS]; // first or second cut
    uint64_t full;            // next writes that were refused for want of room
    uint64_t steps, copies;   // steps made; pages that were copied for them
};

/* A sequence of steps, and the one that is being made. */
struct sweep {
    uint32_t seed, random, second_every;
    bool is_second;
    struct nvs_store *store; // that is about to lose power
    struct nvs_value old[NVS_KEYS], new[NVS_KEYS];
    uint32_t erasing; // the namespace that loses all keys in this step, or NVS_NAMESPACES
    struct counts *counts;
};

/* A counter, mixed: seeds that follow each other give sequences that have nothing in common. */
static uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state += 0x9e3779b9u;
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

static uint32_t roll(struct sweep *w, uint32_t below)
{
    return next_random(&w->random) % below;
}

/* What follows a cut. */

/* A write as after any mount; where there is no room, erasing makes some. */
static const char *next_write(struct sweep *w, struct nvs_store *s, struct nvs_value *now)
{
    const struct nvs_value next = {FERRY_NVS_U32, 1 + roll(w, 5000), 0}, none = {0, 0, 0};
    const uint32_t key = roll(w, NVS_KEYS);
    ferry_err err = nvs_store_set(s, key, &next);
    if (!err)
        now[key] = next;
    if (err == FERRY_ERR_NVS_FULL) {
        w->counts->full++;
        uint32_t victim = 0;
        while (victim < NVS_KEYS - 1 && !now[victim].type)
            victim++;
        err = nvs_store_set(s, victim, &none);
        now[victim] = none;
    }
    return err ? "the next write fails" : NULL;
}

static const char *next_erase_all(const struct sweep *w, struct nvs_store *s, struct nvs_value *now)
{
    const ferry_err err = nvs_store_erase_all(s, w->erasing);
    for (uint32_t key = w->erasing; key < NVS_KEYS; key += NVS_NAMESPACES)
        now[key] = (struct nvs_value){0, 0, 0};
    return err ? "erasing the namespace cannot be finished" : NULL;
}

static void before_op(void *ctx, const struct sim_flash *sim, char op, uint32_t off,
                      const void *src, uint32_t len);

/* Opens the store for writing; power may fail once more at each operation of that. */
static ferry_err mount(struct sweep *w, struct nvs_store *s)
{
    static struct sweep second;
    const bool tries = !w->is_second && roll(w, w->second_every) == 0;
    if (tries) {
        second = *w;
        second.is_second = true;
        second.store = s;
        second.random = next_random(&w->random);
        s->sim.watch.before = before_op;
        s->sim.watch.ctx = &second;
    }
    const ferry_err err = nvs_store_open(s, false);
    s->sim.watch.before = NULL;
    return err;
}

static const char *check(struct sweep *w, struct nvs_store *s)
{
    struct nvs_value now[NVS_KEYS], same[NVS_KEYS];
    sim_flash_power_on(&s->sim);
    const char *why = nvs_store_audit_cut(s);
    if (!why && nvs_store_open(s, true))
        why = "it does not open for reading";
    if (!why)
        why = nvs_store_broken_promise(s, w->old, w->new, now);
    if (!why && mount(w, s))
        why = "it does not open";
    if (!why)
        why = nvs_store_broken_promise(s, w->old, w->new, now);
    if (!why)
        why = nvs_store_audit(s);
    if (!why)
        why = w->erasing < NVS_NAMESPACES ? next_erase_all(w, s, now) : next_write(w, s, now);
    if (!why && nvs_store_open(s, false))
        why = "it does not open a second time";
    if (!why)
        why = nvs_store_broken_promise(s, now, now, same);
    if (!why && s->sim.counts.wrong_progs)
        why = "it programs over what was programmed";
    return why;
}

/* Cuts. */

static void fail(struct sweep *w, const char *what, const char *why)
{
    if (++w->counts->failed <= 20)
        printf("seed %u, step %llu, %s%s: %s\n", w->seed, (unsigned long long)w->counts->steps,
               what, w->is_second ? " (second cut)" : "", why);
}

static void one_cut(struct sweep *w, const struct sim_flash *sim, char op, uint32_t off,
                    const void *src, uint32_t len, enum sim_cut cut)
{
    static struct nvs_store forks[2];
    struct nvs_store *s = &forks[w->is_second];
    char what[96];
    nvs_store_fork(s, w->store, sim, next_random(&w->random));
    sim_flash_tear(&s->sim, op, off, src, len, cut);
    w->counts->cuts[w->is_second][cut]++;
    const char *why = check(w, s);
    if (why) {
        snprintf(what, sizeof(what), "%c 0x%x+0x%x, cut %s", op, (unsigned)off, (unsigned)len,
                 cut_names[cut]);
        fail(w, what, why);
    } else {
        w->counts->passed++;
    }
    nvs_store_free(s);
}

static void before_op(void *ctx, const struct sim_flash *sim, char op, uint32_t off,
                      const void *src, uint32_t len)
{
    struct sweep *w = ctx;
    const enum sim_cut *cuts = op == 'E' ? erase_cuts : prog_cuts;
    if (w->is_second) {
        // A repair may zero a hundred entries, and one is like the next.
        if (roll(w, 1 + sim->n_ops) == 0)
            one_cut(w, sim, op, off, src, len, cuts[roll(w, N_WAYS)]);
        return;
    }
    w->counts->copies += op == 'E';
    for (uint32_t i = 0; i < N_WAYS; i++)
        one_cut(w, sim, op, off, src, len, cuts[i]);
}

/* Steps. */

static struct nvs_value random_value(struct sweep *w)
{
    static const uint8_t types[] = {FERRY_NVS_U8,
                                    FERRY_NVS_I8,
                                    FERRY_NVS_U16,
                                    FERRY_NVS_I16,
                                    FERRY_NVS_U32,
                                    FERRY_NVS_I32,
                                    FERRY_NVS_U64,
                                    FERRY_NVS_I64,
                                    FERRY_NVS_FLOAT,
                                    FERRY_NVS_DOUBLE,
                                    0,
                                    0,
                                    FERRY_NVS_STRING,
                                    FERRY_NVS_STRING,
                                    FERRY_NVS_STRING,
                                    FERRY_NVS_BLOB};
    static const uint16_t sizes[] = {1, 31, 32, 33, 100, 700, 1500, 2900, 3999, 5000, 8100, 11000};
    const uint32_t kind = roll(w, 26);
    struct nvs_value v = {types[kind < 16 ? kind : 15], 1 + roll(w, 250), 0};
    if (v.type == FERRY_NVS_STRING)
        v.size_bytes = sizes[roll(w, roll(w, 3) || w->store->xts ? 5 : 9)];
    // Encrypted, each entry is an operation, and large values would hide the rest.
    const uint32_t n_sizes = w->store->xts && roll(w, 8) ? 6 : 6 + w->store->n_pages;
    if (v.type == FERRY_NVS_BLOB && kind != 16)
        v.size_bytes = sizes[roll(w, n_sizes)] - roll(w, 2);
    if (!v.type)
        v.seed = 0; // nothing is nothing
    return v;
}

static ferry_err make_step(struct sweep *w)
{
    struct nvs_store *s = w->store;
    const uint32_t kind = roll(w, 24);
    w->erasing = NVS_NAMESPACES;
    s->nvs.purge = roll(w, 16) == 0;
    if (kind == 0) // a mount with nothing to repair
        return nvs_store_open(s, false);
    if (kind == 1) {
        w->erasing = roll(w, NVS_NAMESPACES);
        for (uint32_t key = w->erasing; key < NVS_KEYS; key += NVS_NAMESPACES)
            w->new[key] = (struct nvs_value){0, 0, 0};
        const ferry_err err = nvs_store_erase_all(s, w->erasing);
        return err == FERRY_ERR_NVS_NAMESPACE ? FERRY_OK : err;
    }
    const uint32_t key = roll(w, NVS_KEYS);
    w->new[key] = random_value(w);
    const ferry_err err = nvs_store_set(s, key, &w->new[key]);
    if (err != FERRY_ERR_NVS_FULL && err != FERRY_ERR_NVS_KEY && err != FERRY_ERR_NVS_VALUE_LENGTH)
        return err;
    w->new[key] = w->old[key];
    return FERRY_OK;
}

static void run_steps(struct sweep *w, uint32_t n_steps)
{
    struct nvs_value now[NVS_KEYS];
    const char *why = NULL;
    for (uint32_t i = 0; i < n_steps && !why; i++) {
        w->store->sim.watch.before = before_op;
        w->store->sim.watch.ctx = w;
        const ferry_err err = make_step(w);
        w->store->sim.watch.before = NULL;
        memcpy(w->old, w->new, sizeof(w->old));
        w->counts->steps++;
        why = err ? ferry_strerror(err) : nvs_store_broken_promise(w->store, w->old, w->old, now);
        if (!why)
            why = nvs_store_audit(w->store);
    }
    if (!why && w->store->sim.counts.wrong_progs)
        why = "it programs over what was programmed";
    if (why)
        fail(w, "without a cut", why);
}

static void run_seed(uint32_t seed, uint32_t n_steps, uint32_t second_every,
                     const struct ferry_xts *xts, struct counts *counts)
{
    static struct nvs_store store;
    static struct sweep w;
    memset(&w, 0, sizeof(w));
    w.seed = seed;
    w.random = seed * 2654435761u;
    w.second_every = second_every;
    w.store = &store;
    w.counts = counts;
    w.erasing = NVS_NAMESPACES;
    // Small ones more often: they are full sooner, and copy more.
    const uint32_t n_pages = FERRY_NVS_PAGES_MIN + roll(&w, 1 + roll(&w, NVS_MOST_PAGES - 2));
    const uint32_t prog_bytes = roll(&w, 2) ? 4 : 1;
    nvs_store_init(&store, n_pages, prog_bytes, roll(&w, 4) ? NULL : xts);
    if (roll(&w, 4) == 0)
        nvs_store_begin_v1(&store, seed, w.old);
    memcpy(w.new, w.old, sizeof(w.new));
    const ferry_err err = nvs_store_open(&store, false);
    if (err)
        fail(&w, "without a cut", ferry_strerror(err));
    else
        run_steps(&w, n_steps);
    nvs_store_free(&store);
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
    printf("%llu steps, %llu pages erased for them; %llu next writes found the store full\n",
           (unsigned long long)c->steps, (unsigned long long)c->copies,
           (unsigned long long)c->full);
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
    static struct counts counts;
    uint8_t key[FERRY_XTS_KEY_BYTES];
    struct ferry_xts xts;
    const uint32_t seeds = number_after(argc, argv, "--seeds", 8);
    const uint32_t first = number_after(argc, argv, "--first", 1);
    const uint32_t steps = number_after(argc, argv, "--steps", 50);
    const uint32_t second_every = number_after(argc, argv, "--second-every", 4);
    for (uint32_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(i * 7 + 1);
    if (ferry_xts_open(&xts, key))
        return 1;
    for (uint32_t seed = first; seed - first < seeds; seed++)
        run_seed(seed, steps, second_every ? second_every : 1, &xts, &counts);
    ferry_xts_close(&xts);
    printf("%u sequences\n", (unsigned)seeds);
    print_counts(&counts);
    printf("%llu passed, %llu failed\n", (unsigned long long)counts.passed,
           (unsigned long long)counts.failed);
    return counts.failed || !counts.passed ? 1 : 0;
}
