/* tests/unit/test_nvs_cuts.c - NVS and failing flash: power cut before, after and inside every
 * operation of random sequences, a second cut while the first is repaired, and every read failing
 * once. Afterwards each key holds its old or its new value, is listed once, and can be set.
 * usage: test_nvs_cuts [SEEDS] */
#include "ferry/nvs.h"

#include "ferry/crc32.h"
#include "sim_flash.h"
#include "t.h"

#include <stdlib.h>

#define N_KEYS     6u
#define N_STEPS    45u
#define MOST_PAGES 5u
#define MOST_BYTES 6000u
#define PART_OFF   0x1000u

/* What a key holds. Bytes follow from seed and size. */
struct value {
    uint8_t type; // 0: nothing
    uint32_t seed, size;
};

struct world {
    struct sim_flash sim;
    struct ferry_nvs nvs;
    uint32_t work[FERRY_NVS_WORK_BYTES(MOST_PAGES) / 4];
    uint8_t ns;
    uint8_t bytes[MOST_BYTES]; // what is being written; checks of other worlds come in between
};

static uint32_t n_pages, n_cuts, seed_now, rolls;
static struct world w;
static struct value old[N_KEYS], new[N_KEYS];
static uint8_t want[MOST_BYTES], got[MOST_BYTES];
static const char *const keys[N_KEYS] = {"a", "b", "c", "d", "e", "fifteen_letters"};

static uint32_t roll(uint32_t below)
{
    rolls = rolls * 1664525u + 1013904223u;
    return (rolls >> 8) % below;
}

static void fill(uint8_t *bytes, const struct value *v)
{
    for (uint32_t i = 0; i < v->size; i++)
        bytes[i] = v->seed % 5 == 0 ? 0xff : (uint8_t)(v->seed + i * 11 + i / 253);
    if (v->type == FERRY_NVS_STRING) {
        for (uint32_t i = 0; i + 1 < v->size; i++)
            bytes[i] |= 1;
        bytes[v->size - 1] = 0;
    }
}

static ferry_err open_store(struct world *x, bool read_only)
{
    const struct ferry_nvs_config config = {
        .region = {&x->sim.flash, PART_OFF, n_pages * FERRY_NVS_PAGE_BYTES},
        .work = x->work,
        .work_bytes = sizeof(x->work),
        .read_only = read_only};
    return ferry_nvs_open(&x->nvs, &config);
}

static ferry_err set(struct world *x, uint32_t key, const struct value *v)
{
    fill(x->bytes, v);
    if (!v->type)
        return ferry_nvs_erase(&x->nvs, x->ns, keys[key]);
    if (v->type == FERRY_NVS_BLOB)
        return ferry_nvs_set_blob(&x->nvs, x->ns, keys[key], x->bytes, v->size);
    if (v->type == FERRY_NVS_STRING)
        return ferry_nvs_set_string(&x->nvs, x->ns, keys[key], (const char *)x->bytes);
    return ferry_nvs_set_number(&x->nvs, x->ns, keys[key], (enum ferry_nvs_type)v->type, v->seed);
}

/* Does the key hold v? An error other than "not this" is none of the values. */
static bool holds(struct world *x, uint32_t key, const struct value *v)
{
    struct ferry_nvs_info info;
    uint32_t n = sizeof(got);
    uint64_t bits = 0;
    const ferry_err err = ferry_nvs_find(&x->nvs, x->ns, keys[key], &info);
    if (!v->type || err)
        return !v->type && err == FERRY_ERR_NVS_KEY;
    if (info.type != v->type)
        return false;
    if (ferry_nvs_type_is_number(v->type))
        return ferry_nvs_get_number(&x->nvs, x->ns, keys[key], (enum ferry_nvs_type)v->type,
                                    &bits) == FERRY_OK &&
               bits == v->seed;
    fill(want, v);
    const ferry_err read = v->type == FERRY_NVS_BLOB
                               ? ferry_nvs_get_blob(&x->nvs, x->ns, keys[key], got, &n)
                               : ferry_nvs_get_string(&x->nvs, x->ns, keys[key], (char *)got, &n);
    return !read && n == v->size && memcmp(got, want, n) == 0;
}

static bool is_in(struct world *x, const struct value *set_of_values)
{
    for (uint32_t i = 0; i < N_KEYS; i++) {
        if (!holds(x, i, &set_of_values[i]))
            return false;
    }
    return true;
}

static uint32_t n_values(const struct value *set_of_values)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < N_KEYS; i++)
        n += set_of_values[i].type != 0;
    return n;
}

/* The state is the old or the new one, whole, and the listing agrees. */
static bool keeps_promise(struct world *x)
{
    struct ferry_nvs_iter it = {0};
    struct ferry_nvs_info info;
    uint32_t n = 0;
    const struct value *now = is_in(x, old) ? old : is_in(x, new) ? new : NULL;
    while (ferry_nvs_next(&x->nvs, &it, &info) == FERRY_OK)
        n++;
    return now && n == n_values(now);
}

static const char *cut_name(enum sim_cut cut)
{
    static const char *const names[] = {"none", "before",       "after",      "prefix",    "bits",
                                        "hole", "erase prefix", "erase bits", "erase weak"};
    return names[cut];
}

static void tell(const char *what, char op, uint32_t off, uint32_t len, enum sim_cut cut)
{
    char text[160];
    snprintf(text, sizeof(text), "%s: seed %u, cut %u, %c at 0x%x of %u bytes, cut %s", what,
             (unsigned)seed_now, (unsigned)n_cuts, op, (unsigned)off, (unsigned)len, cut_name(cut));
    t_note(false, __FILE__, __LINE__, text);
}

/* Power is back: the store opens, the promise holds, and the next write works. NULL, or what not.
 */
static const char *what_fails(struct world *x)
{
    const struct value next = {.type = FERRY_NVS_U32, .seed = 4711, .size = 0};
    sim_flash_power_on(&x->sim);
    if (open_store(x, true) || !keeps_promise(x))
        return "not old, not new without repair";
    if (open_store(x, false) || !keeps_promise(x))
        return "not old, not new";
    const ferry_err err = set(x, 0, &next);
    if (err == FERRY_ERR_NVS_FULL)
        return keeps_promise(x) ? NULL : "refused write changes something";
    if (err || !holds(x, 0, &next) || open_store(x, false) || !holds(x, 0, &next))
        return "next write fails";
    for (uint32_t i = 1; i < N_KEYS; i++) {
        if (!holds(x, i, &old[i]) && !holds(x, i, &new[i]))
            return "next write changes another key";
    }
    return x->sim.counts.wrong_progs ? "programs over what was programmed" : NULL;
}

/* One cut of the operation that is about to be made; with a second one while it is repaired. */
static void cut_once(const struct sim_flash *s, char op, uint32_t off, const void *src,
                     uint32_t len, enum sim_cut cut)
{
    static struct world x;
    x.ns = w.ns;
    sim_flash_fork(&x.sim, s, seed_now * 7919 + n_cuts);
    sim_flash_tear(&x.sim, op, off, src, len, cut);
    n_cuts++;
    if (n_cuts % 3 == 0) { // a second cut, somewhere in the repair
        sim_flash_power_on(&x.sim);
        const bool in_erase = n_cuts % 2;
        sim_flash_plan_cut(&x.sim, 1 + n_cuts / 3 % 7,
                           in_erase ? SIM_CUT_ERASE_PREFIX : SIM_CUT_PROG_BITS);
        const ferry_err err = open_store(&x, false);
        if (err && err != FERRY_ERR_FLASH_IO)
            tell("open fails", op, off, len, cut);
    }
    const char *fails = what_fails(&x);
    if (fails)
        tell(fails, op, off, len, cut);
    else
        t_passed++;
    sim_flash_free(&x.sim);
}

static void cut_every_way(void *ctx, const struct sim_flash *s, char op, uint32_t off,
                          const void *src, uint32_t len)
{
    static const enum sim_cut of_prog[] = {SIM_CUT_BEFORE, SIM_CUT_AFTER, SIM_CUT_PROG_PREFIX,
                                           SIM_CUT_PROG_BITS, SIM_CUT_PROG_HOLE};
    static const enum sim_cut of_erase[] = {SIM_CUT_BEFORE, SIM_CUT_AFTER, SIM_CUT_ERASE_PREFIX,
                                            SIM_CUT_ERASE_BITS, SIM_CUT_ERASE_WEAK};
    (void)ctx;
    for (uint32_t i = 0; i < 5; i++)
        cut_once(s, op, off, src, len, op == 'E' ? of_erase[i] : of_prog[i]);
}

static struct value random_value(void)
{
    static const uint8_t types[] = {FERRY_NVS_U8,   FERRY_NVS_U32,  FERRY_NVS_STRING,
                                    FERRY_NVS_BLOB, FERRY_NVS_BLOB, 0};
    static const uint32_t sizes[] = {1, 31, 33, 100, 700, 1500, 2900, 5000};
    struct value v = {.type = types[roll(6)], .seed = 1 + roll(200)};
    v.size = sizes[roll(n_pages > 3 ? 8 : 6)];
    if (v.type == FERRY_NVS_STRING && v.size > 1500)
        v.size = 40;
    if (!v.type || ferry_nvs_type_is_number(v.type))
        v.size = 0;
    return v;
}

static void begin(uint32_t seed)
{
    seed_now = rolls = seed;
    n_pages = 3 + seed % 3;
    memset(old, 0, sizeof(old));
    memset(new, 0, sizeof(new));
    sim_flash_init(&w.sim, 0x10000, 1);
    T_EQ_INT(open_store(&w, false), FERRY_OK);
    T_EQ_INT(ferry_nvs_namespace(&w.nvs, "app", true, &w.ns), FERRY_OK);
}

static void random_steps_cut_anywhere(uint32_t seed)
{
    begin(seed);
    w.sim.watch.before = cut_every_way;
    for (uint32_t i = 0; i < N_STEPS; i++) {
        const uint32_t key = roll(N_KEYS);
        new[key] = random_value();
        const ferry_err err = set(&w, key, &new[key]);
        if (err == FERRY_ERR_NVS_FULL || err == FERRY_ERR_NVS_KEY)
            new[key] = old[key];
        else
            T_EQ_INT(err, FERRY_OK);
        old[key] = new[key];
        T_CHECK(keeps_promise(&w));
    }
    T_EQ_INT(w.sim.counts.wrong_progs, 0);
    sim_flash_free(&w.sim);
}

/* Erasing a namespace: after a cut every key is whole or gone. */
static void watch_erase_all(void *ctx, const struct sim_flash *s, char op, uint32_t off,
                            const void *src, uint32_t len)
{
    static struct world x;
    static const struct value none = {0};
    (void)ctx;
    for (enum sim_cut cut = SIM_CUT_BEFORE; cut <= SIM_CUT_PROG_HOLE; cut++) {
        bool good = true;
        x.ns = w.ns;
        sim_flash_fork(&x.sim, s, ++n_cuts);
        sim_flash_tear(&x.sim, op, off, src, len, cut);
        sim_flash_power_on(&x.sim);
        good = open_store(&x, false) == FERRY_OK;
        for (uint32_t i = 0; i < N_KEYS && good; i++)
            good = holds(&x, i, &old[i]) || holds(&x, i, &none);
        good = good && ferry_nvs_erase_all(&x.nvs, x.ns) == FERRY_OK;
        for (uint32_t i = 0; i < N_KEYS && good; i++)
            good = holds(&x, i, &none);
        if (good)
            t_passed++;
        else
            tell("erase_all", op, off, len, cut);
        sim_flash_free(&x.sim);
    }
}

static void erase_all_is_atomic_key_by_key(void)
{
    begin(5);
    for (uint32_t i = 0; i < N_KEYS; i++) {
        old[i] = random_value();
        if (set(&w, i, &old[i]))
            old[i] = (struct value){0};
    }
    w.sim.watch.before = watch_erase_all;
    T_EQ_INT(ferry_nvs_erase_all(&w.nvs, w.ns), FERRY_OK);
    sim_flash_free(&w.sim);
}

/* The model's own operations, with one read that fails. */
static const struct ferry_flash_ops *real_ops;
static uint32_t reads, failing_read;

static ferry_err read_or_fail(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    return ++reads == failing_read ? FERRY_ERR_FLASH_IO : real_ops->read(f, off, dst, len);
}

static void failing_read_is_never_taken_for_damage(void)
{
    const struct value v = {.type = FERRY_NVS_BLOB, .seed = 9, .size = 900};
    static struct world x;
    begin(3);
    for (uint32_t i = 0; i < 40; i++) {
        const uint32_t key = roll(N_KEYS);
        const struct value next = random_value();
        if (!set(&w, key, &next))
            old[key] = next;
    }
    memcpy(new, old, sizeof(new));
    new[2] = v;
    for (uint32_t at = 1, done = 0; !done; at++) {
        sim_flash_fork(&x.sim, &w.sim, at);
        x.ns = w.ns;
        real_ops = x.sim.flash.ops;
        struct ferry_flash_ops ops = *real_ops;
        ops.read = read_or_fail;
        x.sim.flash.ops = &ops;
        reads = 0;
        failing_read = at;
        ferry_err err = open_store(&x, false);
        if (!err)
            err = set(&x, 2, &v);
        done = reads < at;
        T_EQ_INT(err, done ? FERRY_OK : FERRY_ERR_FLASH_IO);
        failing_read = 0;
        T_EQ_INT(open_store(&x, false), FERRY_OK);
        T_CHECK(keeps_promise(&x));
        x.sim.flash.ops = real_ops;
        sim_flash_free(&x.sim);
    }
    sim_flash_free(&w.sim);
}

static void failed_write_locks_the_store_until_it_is_opened(void)
{
    const struct value v = {.type = FERRY_NVS_U8, .seed = 1, .size = 0};
    uint64_t bits;
    begin(1);
    sim_flash_plan_cut(&w.sim, 1, SIM_CUT_BEFORE);
    T_EQ_INT(set(&w, 0, &v), FERRY_ERR_FLASH_IO);
    sim_flash_power_on(&w.sim);
    T_EQ_INT(set(&w, 0, &v), FERRY_ERR_STATE);
    T_EQ_INT(ferry_nvs_get_number(&w.nvs, w.ns, "a", FERRY_NVS_U8, &bits), FERRY_ERR_STATE);
    T_EQ_INT(open_store(&w, false), FERRY_OK);
    T_EQ_INT(set(&w, 0, &v), FERRY_OK);
    sim_flash_free(&w.sim);
}

int main(int argc, char **argv)
{
    const uint32_t n_seeds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 3;
    t_name = "random_steps_cut_anywhere";
    for (uint32_t seed = 1; seed <= n_seeds; seed++)
        random_steps_cut_anywhere(seed);
    T_RUN(erase_all_is_atomic_key_by_key);
    T_RUN(failing_read_is_never_taken_for_damage);
    T_RUN(failed_write_locks_the_store_until_it_is_opened);
    printf("%" PRIu32 " cuts\n", n_cuts);
    return t_end();
}
