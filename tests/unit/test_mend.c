/* tests/unit/test_mend.c - otadata put in order, for every pair of entries that can be made: what
 * boots goes on booting, also where power fails in the middle of it. */
#include "bench_device.h"

#include "app_image.h"
#include "t.h"

#include <stdio.h>
#include <string.h>

#define PAYLOAD   512u
#define HIGH_SEQ  0xfffffffcu // too near to the end to count on
#define MOST_OPS  16u
#define N_ENTRIES 10u

static uint8_t image[APP_IMAGE_BYTES(PAYLOAD)];

/** A flash to mend. */
struct patient {
    const char *name;
    unsigned n_slots;
    bool has_factory;
    unsigned bad; // bit n: the image in slot n is damaged; bit 8: factory's
};

static const struct patient patients[] = {
    {"two slots", 2, false, 0},
    {"ota_0 damaged", 2, false, 1},
    {"ota_1 damaged", 2, false, 2},
    {"three slots, two damaged", 3, false, 6},
    {"factory", 2, true, 0},
    {"factory, ota_1 damaged", 2, true, 2},
    {"factory, both damaged", 2, true, 3},
    {"factory damaged, ota_0 too", 2, true, 0x101},
};

static void put_entry(struct bench_device *b, int i, unsigned which)
{
    uint8_t bytes[FERRY_OTADATA_BYTES];
    struct ferry_otadata e = ferry_otadata_make(1, FERRY_STATE_VALID);
    static const struct {
        uint32_t seq, state;
    } entries[] = {{1, FERRY_STATE_VALID},        {2, FERRY_STATE_VALID},
                   {3, FERRY_STATE_UNDEFINED},    {4, 0x77},
                   {HIGH_SEQ, FERRY_STATE_VALID}, {HIGH_SEQ + 1, FERRY_STATE_UNDEFINED},
                   {5, FERRY_STATE_ABORTED},      {6, FERRY_STATE_NEW}};
    if (which == 0)
        return; // blank
    if (which == 1)
        e.crc ^= 1;
    else
        e = ferry_otadata_make(entries[which - 2].seq, entries[which - 2].state);
    ferry_otadata_encode(&e, bytes);
    sim_flash_poke(&b->sim, BENCH_OTADATA_OFF + (uint32_t)i * FERRY_OTADATA_STRIDE, bytes,
                   sizeof(bytes));
}

static void make(struct bench_device *b, const struct patient *p, unsigned first, unsigned second)
{
    bench_device_init(b,
                      &(struct bench_layout){.n_slots = p->n_slots, .has_factory = p->has_factory});
    const uint32_t n = app_image_make(
        image, &(struct app_image_spec){
                   .project = "demo", .version = "1", .payload_bytes = PAYLOAD, .chip_id = 5});
    for (int slot = p->has_factory ? FERRY_SLOT_FACTORY : 0; slot < (int)p->n_slots; slot++) {
        bench_device_put(b, slot, image, n);
        if (p->bad & (slot < 0 ? 0x100u : 1u << slot))
            sim_flash_flip_bit(&b->sim, ferry_device_span(&b->dev, slot).off_bytes + 700, 3);
    }
    put_entry(b, 0, first);
    put_entry(b, 1, second);
}

/** What would boot, found on a fork. */
static int boots(const struct bench_device *b)
{
    static struct bench_device fork;
    bench_device_fork(&fork, b, 1);
    const int slot = bench_device_boot(&fork);
    bench_device_free(&fork);
    return slot;
}

static ferry_err mend(struct bench_device *b, int running)
{
    T_EQ_INT(bench_device_open(b), FERRY_OK);
    b->dev.running = running;
    return ferry_slots_mend(&b->dev);
}

/** Every entry is blank or sound, and if a slot runs, the active one selects it. */
static void check_sound(struct bench_device *b, int running)
{
    struct ferry_slots s;
    T_EQ_INT(ferry_slots_load(&b->dev, &s), FERRY_OK);
    for (int i = 0; i < 2; i++) {
        if (s.entry[i].seq == FERRY_OTADATA_SEQ_BLANK)
            continue;
        T_CHECK(s.names[i] >= 0 && s.entry[i].seq < HIGH_SEQ);
        T_CHECK(ferry_otadata_state_name(s.entry[i].state) != NULL);
        T_EQ_INT(ferry_device_verify(&b->dev, s.names[i]), FERRY_OK);
    }
    if (running >= 0)
        T_CHECK(s.active >= 0 && s.names[s.active] == running);
}

/** Power fails in operation after operation, in each way there is. */
static void cut_everywhere(const struct bench_device *b, int running)
{
    static struct bench_device cut;
    for (int how = SIM_CUT_BEFORE; how <= SIM_CUT_ERASE_WEAK; how++)
        for (uint32_t op = 1; op < MOST_OPS; op++) {
            bench_device_fork(&cut, b, 77u * op + (uint32_t)how);
            sim_flash_plan_cut(&cut.sim, op, (enum sim_cut)how);
            const ferry_err err = mend(&cut, running);
            sim_flash_power_on(&cut.sim);
            T_EQ_INT(boots(&cut), running);
            bench_device_free(&cut);
            if (!err)
                break;
        }
}

static void mending_keeps_what_boots_at_every_instant(void)
{
    static struct bench_device b, mended;
    for (size_t p = 0; p < sizeof(patients) / sizeof(*patients); p++)
        for (unsigned first = 0; first < N_ENTRIES; first++)
            for (unsigned second = 0; second < N_ENTRIES; second++) {
                make(&b, &patients[p], first, second);
                const int running = boots(&b);
                if (running != FERRY_SLOT_NONE) {
                    bench_device_fork(&mended, &b, 1);
                    T_EQ_INT(mend(&mended, running), FERRY_OK);
                    check_sound(&mended, running);
                    T_EQ_INT(boots(&mended), running);
                    bench_device_free(&mended);
                    cut_everywhere(&b, running);
                }
                bench_device_free(&b);
            }
}

static void a_second_mending_writes_nothing(void)
{
    static struct bench_device b;
    make(&b, &patients[2], 2, 3);
    T_EQ_INT(mend(&b, 0), FERRY_OK);
    sim_flash_power_on(&b.sim);
    T_EQ_INT(mend(&b, 0), FERRY_OK);
    T_EQ_INT(b.sim.n_ops, 0);
    bench_device_free(&b);
}

static void mending_needs_to_know_what_runs(void)
{
    static struct bench_device b;
    make(&b, &patients[0], 1, 1);
    T_EQ_INT(mend(&b, FERRY_SLOT_NONE), FERRY_ERR_SLOT_UNKNOWN);
    bench_device_free(&b);
}

int main(void)
{
    T_RUN(mending_keeps_what_boots_at_every_instant);
    T_RUN(a_second_mending_writes_nothing);
    T_RUN(mending_needs_to_know_what_runs);
    return t_end();
}
