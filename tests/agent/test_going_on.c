/* tests/agent/test_going_on.c - power fails in an update at every flash operation and in every way,
 * in the update that goes on from the checkpoint again, and the third completes. After each cut the
 * device boots a whole app, old or new. The keeper may have lost its last note. */
#include <string.h>

#include "agent/source_memory.h"
#include "agent/update_run.h"
#include "app_image.h"
#include "bench_device.h"
#include "t.h"

#define PAYLOAD 200000u

static const enum sim_cut cuts[] = {
    SIM_CUT_BEFORE,    SIM_CUT_AFTER,        SIM_CUT_PROG_PREFIX, SIM_CUT_PROG_BITS,
    SIM_CUT_PROG_HOLE, SIM_CUT_ERASE_PREFIX, SIM_CUT_ERASE_BITS,  SIM_CUT_ERASE_WEAK,
};
#define N_CUTS (sizeof cuts / sizeof *cuts)

static struct {
    struct ferry_keeper keeper; // first
    uint8_t notes[2][FERRY_NOTE_BYTES];
    unsigned n_notes; // the last one first
} keeper;

static struct bench_device pristine, b;
static uint8_t old[APP_IMAGE_BYTES(5000)], image[BENCH_IMAGE_LIMIT];
static uint32_t n_old, n_image;
static uint32_t went_on_at;
static unsigned n_cut, n_went_on;

static ferry_err load_note(struct ferry_keeper *k, uint8_t note[FERRY_NOTE_BYTES])
{
    (void)k;
    if (!keeper.n_notes)
        return FERRY_ERR_NOT_FOUND;
    memcpy(note, keeper.notes[0], FERRY_NOTE_BYTES);
    return FERRY_OK;
}

static ferry_err save_note(struct ferry_keeper *k, const uint8_t note[FERRY_NOTE_BYTES])
{
    (void)k;
    memcpy(keeper.notes[1], keeper.notes[0], FERRY_NOTE_BYTES);
    memcpy(keeper.notes[0], note, FERRY_NOTE_BYTES);
    keeper.n_notes += keeper.n_notes < 2;
    return FERRY_OK;
}

static ferry_err drop_note(struct ferry_keeper *k)
{
    (void)k;
    keeper.n_notes = 0;
    return FERRY_OK;
}

/* A power loss takes back the last change of the keeper. */
static void lose_last_note(void)
{
    if (!keeper.n_notes)
        return;
    memcpy(keeper.notes[0], keeper.notes[1], FERRY_NOTE_BYTES);
    keeper.n_notes--;
}

static void on_stage(void *ctx, enum ferry_stage stage, const struct ferry_update *u)
{
    (void)ctx;
    if (stage == FERRY_STAGE_RECEIVING)
        went_on_at = u->got_bytes;
}

static ferry_err update(uint32_t flags)
{
    static struct ferry_update u;
    static uint8_t pieces[1436];
    struct ferry_source_memory source;
    const struct ferry_update_config config = {
        .slot = FERRY_SLOT_NEXT, .flags = flags, .work = b.buffer, .work_bytes = sizeof b.buffer};
    struct ferry_update_job job = {
        .device = &b.dev,
        .source = &source.source,
        .config = &config,
        .buffer = pieces,
        .buffer_bytes = sizeof pieces,
        .keeper = &keeper.keeper,
        .events = {.stage = on_stage},
    };
    ferry_source_memory_init(&source, image, n_image, NULL);
    went_on_at = 0;
    return ferry_update_run(&u, &job);
}

/* The slot that runs after the cut; what it holds is whole. */
static int boot(void)
{
    static uint8_t seen[BENCH_IMAGE_LIMIT];
    sim_flash_power_on(&b.sim);
    const int slot = bench_device_boot(&b);
    const uint8_t *expected = slot == 1 ? image : old;
    const uint32_t n = slot == 1 ? n_image : n_old;
    if (!T_CHECK(slot == 0 || slot == 1))
        return slot;
    sim_flash_peek(&b.sim, BENCH_SLOT_OFF(slot), seen, n);
    T_CHECK(memcmp(seen, expected, n) == 0);
    return slot;
}

/* One update with a cut in operation at_op, one that goes on with a cut in again_at, and a last
 * one. False: the update has fewer operations than that. */
static bool survive(uint32_t at_op, enum sim_cut cut, uint32_t again_at, uint32_t flags)
{
    bench_device_fork(&b, &pristine, at_op * 31 + (uint32_t)cut);
    T_EQ_INT(bench_device_boot(&b), 0);
    sim_flash_power_on(&b.sim);
    memset(&keeper, 0, sizeof keeper);
    static const struct ferry_keeper_ops ops = {load_note, save_note, drop_note, &ferry_keeping};
    keeper.keeper.ops = &ops;
    sim_flash_plan_cut(&b.sim, at_op, cut);
    bool is_cut = update(flags) != FERRY_OK;
    for (unsigned round = 0; is_cut && boot() == 0; round++) {
        n_cut++;
        if ((at_op + round) % 3 == 0)
            lose_last_note();
        if (round == 0)
            sim_flash_plan_cut(&b.sim, again_at, cut);
        const ferry_err err = update(flags);
        n_went_on += went_on_at > 0;
        if (err && !T_CHECK(round == 0))
            break;
        if (!err) {
            T_CHECK(!keeper.n_notes);
            T_EQ_INT(boot(), 1);
            break;
        }
    }
    bench_device_free(&b);
    return is_cut;
}

/* A cut of each kind in every op_step-th operation. */
static void cut_everywhere(uint32_t flags, uint32_t op_step)
{
    bench_device_init(&pristine, &(struct bench_layout){.n_slots = 2});
    bench_device_put(&pristine, 0, old, n_old);
    bench_device_entry(&pristine, 0, 1, FERRY_STATE_VALID);
    n_cut = n_went_on = 0;
    bool is_cut = true;
    for (uint32_t at_op = 1; is_cut && T_CHECK(at_op < 1000); at_op += op_step)
        for (size_t i = 0; i < N_CUTS; i++)
            is_cut = survive(at_op, cuts[i], 1 + at_op * 7 % 40, flags);
    printf("%u cuts, %u times it went on\n", n_cut, n_went_on);
    T_CHECK(n_cut > 300);
    T_CHECK(n_went_on > n_cut / 2);
    bench_device_free(&pristine);
}

static void power_cut_anywhere_is_gone_on_from(void)
{
    cut_everywhere(0, 1);
}

static void the_same_in_gentle_mode(void)
{
    cut_everywhere(FERRY_UPDATE_GENTLE, 3);
}

static void the_same_where_equal_sectors_are_left_alone(void)
{
    cut_everywhere(FERRY_UPDATE_SKIP_EQUAL, 3);
}

int main(void)
{
    struct app_image_spec spec = {
        .project = "demo", .version = "1.0.0", .payload_bytes = 5000, .chip_id = 5};
    n_old = app_image_make(old, &spec);
    spec = (struct app_image_spec){
        .project = "demo", .version = "1.1.0", .payload_bytes = PAYLOAD, .chip_id = 5, .seed = 7};
    n_image = app_image_make(image, &spec);
    T_RUN(power_cut_anywhere_is_gone_on_from);
    T_RUN(the_same_in_gentle_mode);
    T_RUN(the_same_where_equal_sectors_are_left_alone);
    return t_end();
}
