/* tests/support/agent_device.c - see the header. */
#include "agent_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_image.h"

#define PAYLOAD   150000u // three checkpoints of 64 KB less one
#define N_APPS    5u
#define MOST_TURN 64u // steps and restarts before a start counts as endless

static uint8_t updater_images[2][APP_IMAGE_BYTES(3000)];
static struct fake_release updaters[2];
static uint8_t app_images[N_APPS][APP_IMAGE_BYTES(PAYLOAD)];
static struct fake_release apps[N_APPS];

static void make_images(void)
{
    static char versions[N_APPS][8];
    for (uint32_t i = 0; i < 2; i++) {
        updaters[i] = (struct fake_release){updater_images[i], 0, i ? "10.0.0" : "9.0.0", i + 1};
        updaters[i].n = app_image_make(updater_images[i],
                                       &(struct app_image_spec){.project = "updater",
                                                                .version = updaters[i].version,
                                                                .payload_bytes = 3000,
                                                                .chip_id = 5});
    }
    for (uint32_t i = 0; i < N_APPS; i++) {
        snprintf(versions[i], sizeof versions[i], "%u.0.0", i + 1);
        apps[i] = (struct fake_release){app_images[i], 0, versions[i], i + 1};
        apps[i].n = app_image_make(app_images[i], &(struct app_image_spec){.project = "demo",
                                                                           .version = versions[i],
                                                                           .payload_bytes = PAYLOAD,
                                                                           .seed = i,
                                                                           .chip_id = 5});
    }
}

const struct fake_release *agent_device_app(uint32_t n)
{
    if (!updaters[0].n)
        make_images();
    return &apps[n - 1];
}

const struct fake_release *agent_device_updater(uint32_t n)
{
    return &updaters[n - 1];
}

bool agent_device_holds(const struct agent_device *u, int slot, const uint8_t *image, uint32_t n)
{
    static uint8_t seen[APP_IMAGE_BYTES(PAYLOAD)];
    sim_flash_peek(&u->b.sim, ferry_device_span(&u->b.dev, slot).off_bytes, seen, n);
    return memcmp(seen, image, n) == 0;
}

static bool is_app(const struct agent_device *u, int slot)
{
    for (uint32_t i = 0; i < N_APPS; i++)
        if (agent_device_holds(u, slot, apps[i].image, apps[i].n))
            return true;
    return false;
}

static uint32_t which_updater(const struct agent_device *u, int slot)
{
    for (uint32_t i = 0; i < 2; i++)
        if (agent_device_holds(u, slot, updaters[i].image, updaters[i].n))
            return i + 1;
    return 0;
}

/* ---- the port ---- */

struct keeper {
    struct ferry_keeper keeper;
    struct agent_device *device;
};

static ferry_err keeper_load(struct ferry_keeper *k, uint8_t note[FERRY_NOTE_BYTES])
{
    const struct agent_device *u = ((struct keeper *)(void *)k)->device;
    memcpy(note, u->note, FERRY_NOTE_BYTES);
    return u->has_note ? FERRY_OK : FERRY_ERR_NOT_FOUND;
}

static ferry_err keeper_save(struct ferry_keeper *k, const uint8_t note[FERRY_NOTE_BYTES])
{
    struct agent_device *u = ((struct keeper *)(void *)k)->device;
    if (!u->b.sim.has_power)
        return FERRY_ERR_FLASH_IO;
    memcpy(u->note, note, FERRY_NOTE_BYTES);
    u->has_note = true;
    return FERRY_OK;
}

static ferry_err keeper_drop(struct ferry_keeper *k)
{
    ((struct keeper *)(void *)k)->device->has_note = false;
    return FERRY_OK;
}

static uint32_t now_ms(void *ctx)
{
    struct agent_device *u = ctx;
    return u->now_ms += 10;
}

static uint64_t rtc_s(void *ctx)
{
    return ((struct agent_device *)ctx)->rtc_s;
}

static void sleep_ms(void *ctx, uint32_t ms)
{
    struct agent_device *u = ctx;
    u->now_ms += ms;
    u->slept_ms += ms;
    u->rtc_s += ms / 1000;
}

static ferry_err join_network(void *ctx)
{
    const struct agent_device *u = ctx;
    const bool is_deaf = u->no_network || (u->is_new_updater_deaf && u->updater == 2);
    return is_deaf ? FERRY_ERR_NET_CONNECT : FERRY_OK;
}

static bool may_update(void *ctx, const struct ferry_release *offer)
{
    (void)offer;
    return !((struct agent_device *)ctx)->must_not_update;
}

/* One letter each, in the order of enum ferry_agent_news. */
static void on_news(void *ctx, enum ferry_agent_news news, const struct ferry_agent *a)
{
    static const char letters[] = "sqpPNoerudxlIcCbBfRwHSKGn";
    struct agent_device *u = ctx;
    const size_t n = strlen(u->news);
    (void)a;
    if (n + 1 < sizeof u->news) {
        u->news[n] = letters[news];
        u->news[n + 1] = '\0';
    }
}

/* ---- the store ---- */

static struct ferry_store_nvs stores[3]; // main, fork, fork of a fork: whoever is open last
static struct ferry_nvs_page pages[3][4];

static ferry_err open_store(struct agent_device *u, struct ferry_store_nvs *s,
                            struct ferry_nvs_page *work)
{
    struct ferry_partition p;
    struct ferry_nvs_config c = {.work = work, .work_bytes = sizeof pages[0]};
    ferry_err err = ferry_store_nvs_find(&u->b.dev.table, &p);
    if (!err)
        err = ferry_table_region(&u->b.dev.table, &p, false, &c.region, NULL);
    return err ? err : ferry_store_nvs_open(s, &c);
}

struct ferry_store *agent_device_store(struct agent_device *u)
{
    if (open_store(u, &stores[2], pages[2]))
        abort();
    return &stores[2].store;
}

/* ---- life ---- */

static enum ferry_agent_turn run_updater(struct agent_device *u, struct ferry_agent *a,
                                         struct ferry_store_nvs *store, struct ferry_nvs_page *work)
{
    struct ferry_identity identity;
    struct keeper keeper = {{NULL}, u};
    static const struct ferry_keeper_ops keeper_ops = {
        .load = keeper_load, .save = keeper_save, .drop = keeper_drop, .keeping = &ferry_keeping};
    keeper.keeper.ops = &keeper_ops;
    fake_identity_init(&identity);
    if (open_store(u, store, work))
        return FERRY_AGENT_REST;
    const struct ferry_agent_config c = {
        .device = &u->b.dev,
        .store = &store->store,
        .identity = &identity,
        .http = &u->fleet->http,
        .keeper = &keeper.keeper,
        .notes = &u->notes,
        .start = {u->reset, u->rtc_s, u->says_well},
        .hooks = {now_ms, rtc_s, sleep_ms, NULL, join_network, may_update, on_news, u, {0}},
        .settings = u->settings,
    };
    ferry_agent_init(a, &c);
    enum ferry_agent_turn turn = FERRY_AGENT_ON;
    for (uint32_t i = 0; turn == FERRY_AGENT_ON && i < MOST_TURN; i++)
        turn = ferry_agent_step(a);
    u->rest_s = a->rest_s;
    return turn;
}

enum life_end agent_device_live(struct agent_device *u, enum ferry_reset reset)
{
    static struct ferry_agent agents[2];
    static int depth;
    enum life_end end = LIFE_ENDLESS;
    bool is_stuck = false;
    u->reset = reset;
    u->news[0] = '\0';
    const int level = depth++; // a watch may fork the device and let the fork live
    for (uint32_t i = 0; i < 16 && end == LIFE_ENDLESS && !is_stuck; i++) {
        const int slot = bench_device_boot(&u->b);
        if (u->cut_at)
            sim_flash_plan_cut(&u->b.sim, u->cut_at, SIM_CUT_BEFORE);
        u->b.dev.running = u->running = slot;
        if (slot == FERRY_SLOT_NONE) {
            end = LIFE_NOTHING;
        } else if (is_app(u, slot)) {
            end = LIFE_APP;
        } else if (!(u->updater = which_updater(u, slot))) {
            end = LIFE_STRANGER;
        } else {
            const enum ferry_agent_turn turn =
                run_updater(u, &agents[level], &stores[level], pages[level]);
            is_stuck = turn == FERRY_AGENT_ON; // no watchdog saves it here
            if (turn == FERRY_AGENT_REST)
                end = LIFE_RESTING;
        }
        if (!u->b.sim.has_power)
            end = LIFE_CUT;
        u->reset = FERRY_RESET_SOFTWARE;
        u->rtc_s += 2;
    }
    depth--;
    return end;
}

enum life_end agent_device_power_cycle(struct agent_device *u)
{
    memset(&u->notes, 0xa5, sizeof u->notes);
    u->rtc_s = 1;
    return agent_device_live(u, FERRY_RESET_POWER_ON);
}

static void provision(struct agent_device *u)
{
    static struct ferry_credentials credentials;
    char text[512];
    struct ferry_join join;
    const char *why = "";
    struct ferry_store *s = agent_device_store(u);
    if (ferry_join_parse(fake_fleet_join(text), &join, &why) ||
        ferry_credentials_load(&credentials, s) || ferry_credentials_join(&credentials, s, &join)) {
        printf("agent_device: %s\n", why);
        abort();
    }
}

void agent_device_init(struct agent_device *u, const struct bench_layout *layout, int updater_slot,
                       struct fake_fleet *fleet)
{
    (void)agent_device_app(1);
    memset(u, 0, sizeof *u);
    bench_device_init(&u->b, layout);
    bench_device_put(&u->b, updater_slot, updaters[0].image, updaters[0].n);
    u->updater_slot = updater_slot;
    u->fleet = fleet;
    u->rtc_s = 1;
    if (bench_device_open(&u->b))
        abort();
    provision(u);
}

void agent_device_fork(struct agent_device *to, const struct agent_device *from, uint32_t seed)
{
    const struct bench_device b = to->b;
    *to = *from;
    to->b = b;
    to->own_fleet = *from->fleet;
    to->fleet = &to->own_fleet;
    bench_device_fork(&to->b, &from->b, seed);
}

void agent_device_free(struct agent_device *u)
{
    bench_device_free(&u->b);
}
