/* tests/unit/test_slots.c - otadata from the running app's side, in both ways of writing it. */
#include "bench_device.h"

#include "app_image.h"
#include "t.h"

#include <string.h>

#define PAYLOAD 512u

static struct bench_device b;
static uint8_t image[APP_IMAGE_BYTES(PAYLOAD)];

static void start(unsigned n_slots, bool has_factory)
{
    bench_device_init(&b, &(struct bench_layout){.n_slots = n_slots, .has_factory = has_factory});
    const uint32_t n = app_image_make(
        image, &(struct app_image_spec){
                   .project = "demo", .version = "1", .payload_bytes = PAYLOAD, .chip_id = 5});
    for (unsigned i = 0; i < n_slots; i++)
        bench_device_put(&b, (int)i, image, n);
    if (has_factory)
        bench_device_put(&b, FERRY_SLOT_FACTORY, image, n);
}

static struct ferry_slots look(void)
{
    struct ferry_slots s;
    T_EQ_INT(ferry_slots_load(&b.dev, &s), FERRY_OK);
    return s;
}

static uint32_t state_of(int slot)
{
    const struct ferry_slots s = look();
    uint32_t state = 99;
    if (ferry_slots_state(&s, slot, &state))
        return 99;
    return state;
}

static void break_image(int slot)
{
    sim_flash_flip_bit(&b.sim, ferry_device_span(&b.dev, slot).off_bytes + 700, 3);
}

static void end(void)
{
    bench_device_free(&b);
}

static void next_slot_goes_round_and_never_is_the_running_one(void)
{
    start(3, true);
    int slot = 99;
    b.dev.running = FERRY_SLOT_FACTORY;
    T_EQ_INT(ferry_slots_next(&b.dev, &slot), FERRY_OK);
    T_EQ_INT(slot, 0);
    for (int r = 0; r < 3; r++) {
        b.dev.running = r;
        T_EQ_INT(ferry_slots_next(&b.dev, &slot), FERRY_OK);
        T_EQ_INT(slot, (r + 1) % 3);
    }
    b.dev.running = FERRY_SLOT_NONE;
    T_EQ_INT(ferry_slots_next(&b.dev, &slot), FERRY_ERR_SLOT_UNKNOWN);
    end();
    start(1, true);
    b.dev.running = 0;
    T_EQ_INT(ferry_slots_next(&b.dev, &slot), FERRY_ERR_NO_SLOT);
    b.dev.running = FERRY_SLOT_FACTORY;
    T_EQ_INT(ferry_slots_next(&b.dev, &slot), FERRY_OK);
    end();
}

static void from_test_the_active_slot_is_spared(void)
{
    bench_device_init(&b, &(struct bench_layout){.n_slots = 2, .has_test = true});
    b.dev.running = FERRY_SLOT_TEST;
    int slot = 99;
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    T_EQ_INT(ferry_slots_next(&b.dev, &slot), FERRY_OK);
    T_EQ_INT(slot, 1);
    bench_device_entry(&b, 1, 2, FERRY_STATE_VALID);
    T_EQ_INT(ferry_slots_next(&b.dev, &slot), FERRY_OK);
    T_EQ_INT(slot, 0);
    end();
}

static void missing_otadata_never_makes_offset_0_a_target(void)
{
    bench_device_init(&b, &(struct bench_layout){.n_slots = 2, .no_otadata = true});
    b.dev.running = 0;
    int back;
    T_EQ_INT(ferry_slots_confirm(&b.dev), FERRY_ERR_NO_OTADATA);
    T_EQ_INT(ferry_slots_reject(&b.dev, &back), FERRY_ERR_NO_OTADATA);
    T_EQ_INT(ferry_slots_cancel_force(&b.dev), FERRY_ERR_NO_OTADATA);
    uint8_t erased;
    T_EQ_INT(ferry_slots_prepare(&b.dev, 1, &erased), FERRY_ERR_NO_OTADATA);
    T_EQ_INT(ferry_slots_set_boot(&b.dev, 1, FERRY_SET_BOOT_VERIFIED), FERRY_ERR_NO_OTADATA);
    T_EQ_INT(b.sim.counts.progs + b.sim.counts.erases_4k, 0);
    end();
}

static void confirm_in_place_while_the_other_entry_would_boot(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    bench_device_entry(&b, 1, 2, FERRY_STATE_PENDING);
    b.dev.running = 1;
    T_EQ_INT(ferry_slots_confirm(&b.dev), FERRY_OK);
    const struct ferry_slots s = look();
    T_EQ_INT(s.entry[1].seq, 2);
    T_EQ_INT(s.entry[1].state, FERRY_STATE_VALID);
    T_EQ_INT(s.entry[0].seq, 1);
    const uint32_t erases = b.sim.counts.erases_4k;
    T_EQ_INT(ferry_slots_confirm(&b.dev), FERRY_OK); // already valid: nothing written
    T_EQ_INT(b.sim.counts.erases_4k, erases);
    end();
}

static void confirm_beside_itself_where_no_other_entry_would_boot(void)
{
    start(2, true);
    bench_device_entry(&b, 0, 1, FERRY_STATE_PENDING);
    b.dev.running = 0;
    T_EQ_INT(ferry_slots_confirm(&b.dev), FERRY_OK);
    const struct ferry_slots s = look();
    T_EQ_INT(s.active, 1);
    T_EQ_INT(s.entry[1].seq, 3);
    T_EQ_INT(s.entry[1].state, FERRY_STATE_VALID);
    T_EQ_INT(s.names[0], FERRY_SLOT_NONE);
    end();
}

/* Espressif confirms the active entry; after a fallback that is the bad slot's. */
static void confirm_acts_on_the_slot_that_runs(void)
{
    start(2, false);
    bench_device_entry(&b, 1, 2, FERRY_STATE_PENDING); // ota_1, whose image did not verify
    b.dev.running = 0;                                 // so ota_0 runs, without an entry
    T_EQ_INT(ferry_slots_confirm(&b.dev), FERRY_OK);
    T_EQ_INT(state_of(0), FERRY_STATE_VALID);
    T_EQ_INT(state_of(1), FERRY_STATE_PENDING);
    T_EQ_INT(look().names[look().active], 0);
    end();

    start(2, false);
    b.policy.writer = &ferry_slots_idf;
    bench_device_entry(&b, 1, 2, FERRY_STATE_PENDING);
    b.dev.running = 0;
    T_EQ_INT(ferry_slots_confirm(&b.dev), FERRY_OK);
    T_EQ_INT(state_of(1), FERRY_STATE_VALID); // the known trap, kept where exactness is asked for
    end();
}

static void factory_has_nothing_to_confirm(void)
{
    start(2, true);
    b.dev.running = FERRY_SLOT_FACTORY;
    int back;
    T_EQ_INT(ferry_slots_confirm(&b.dev), FERRY_ERR_SLOT_FACTORY);
    T_EQ_INT(ferry_slots_reject(&b.dev, &back), FERRY_ERR_SLOT_FACTORY);
    T_EQ_INT(b.sim.counts.erases_4k, 0);
    end();
}

static void reject_goes_back_to_the_other_slot(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    bench_device_entry(&b, 1, 2, FERRY_STATE_PENDING);
    b.dev.running = 1;
    int back = 99;
    T_EQ_INT(ferry_slots_reject(&b.dev, &back), FERRY_OK);
    T_EQ_INT(back, 0);
    T_EQ_INT(state_of(1), FERRY_STATE_INVALID);
    T_EQ_INT(bench_device_boot(&b), 0);
    end();
}

static void reject_is_refused_where_nothing_else_would_boot(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    bench_device_entry(&b, 1, 2, FERRY_STATE_PENDING);
    b.dev.running = 1;
    break_image(0);
    int back = 99;
    T_EQ_INT(ferry_slots_reject(&b.dev, &back), FERRY_ERR_ROLLBACK_NONE);
    T_EQ_INT(state_of(1), FERRY_STATE_PENDING);
    T_EQ_INT(b.sim.counts.erases_4k, 0);
    T_EQ_INT(back, 99);
    end();
}

static void reject_goes_back_to_factory_past_a_bad_slot(void)
{
    start(2, true);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    bench_device_entry(&b, 1, 2, FERRY_STATE_PENDING);
    b.dev.running = 1;
    break_image(0);
    int back = 99;
    T_EQ_INT(ferry_slots_reject(&b.dev, &back), FERRY_OK);
    T_EQ_INT(back, FERRY_SLOT_FACTORY);
    T_EQ_INT(bench_device_boot(&b), FERRY_SLOT_FACTORY);
    end();
}

static void a_rejected_slot_is_armed_again_only_when_told(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 3, FERRY_STATE_VALID);
    bench_device_entry(&b, 1, 2, FERRY_STATE_INVALID);
    b.dev.running = 0;
    T_EQ_INT(ferry_slots_set_boot(&b.dev, 1, 0), FERRY_ERR_SLOT_INVALID);
    T_EQ_INT(ferry_slots_set_boot(&b.dev, 1, FERRY_SET_BOOT_INVALID_TOO), FERRY_OK);
    T_EQ_INT(state_of(1), FERRY_STATE_NEW);
    T_EQ_INT(bench_device_boot(&b), 1);
    end();
}

static void an_aborted_slot_may_be_armed_again(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 3, FERRY_STATE_VALID);
    bench_device_entry(&b, 1, 2, FERRY_STATE_ABORTED);
    b.dev.running = 0;
    T_EQ_INT(ferry_slots_set_boot(&b.dev, 1, 0), FERRY_OK);
    T_EQ_INT(look().entry[1].seq, 4);
    end();
}

static void set_boot_verifies_the_image_first(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    b.dev.running = 0;
    break_image(1);
    T_EQ_INT(ferry_slots_set_boot(&b.dev, 1, 0), FERRY_ERR_IMAGE_CHECKSUM);
    T_EQ_INT(b.sim.counts.erases_4k, 0);
    end();
}

static void set_boot_is_refused_while_the_running_app_is_pending(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    bench_device_entry(&b, 1, 2, FERRY_STATE_PENDING);
    b.dev.running = 1;
    T_EQ_INT(ferry_slots_set_boot(&b.dev, 0, 0), FERRY_ERR_UPDATE_PENDING);
    T_EQ_INT(ferry_slots_set_boot(&b.dev, FERRY_SLOT_FACTORY, FERRY_SET_BOOT_VERIFIED),
             FERRY_ERR_UPDATE_PENDING);
    end();
}

static void set_boot_on_what_boots_already_writes_nothing(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    b.dev.running = 0;
    T_EQ_INT(ferry_slots_set_boot(&b.dev, 0, 0), FERRY_OK);
    T_EQ_INT(b.sim.counts.erases_4k, 0);
    end();
}

static void used_up_sequence_numbers_are_refused(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 0xfffffffd, FERRY_STATE_VALID); // names ota_0
    b.dev.running = 0;
    T_EQ_INT(ferry_slots_set_boot(&b.dev, 1, 0), FERRY_ERR_OTADATA_SEQ);
    T_EQ_INT(b.sim.counts.erases_4k, 0);
    end();
}

static void force_and_cancel(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    bench_device_entry(&b, 1, 2, FERRY_STATE_VALID);
    b.dev.running = 1;
    T_EQ_INT(ferry_slots_cancel_force(&b.dev), FERRY_ERR_NOT_FORCED);
    int slot = 99;
    T_EQ_INT(ferry_slots_force(&b.dev, &slot), FERRY_OK);
    T_EQ_INT(slot, 0);
    const struct ferry_slots s = look();
    T_EQ_INT(ferry_slots_boot(&b.dev, &s), 0);
    T_EQ_INT(state_of(1), FERRY_STATE_VALID); // the running slot keeps its entry
    T_EQ_INT(ferry_slots_cancel_force(&b.dev), FERRY_OK);
    T_EQ_INT(bench_device_boot(&b), 1);
    end();
}

static void a_reject_is_not_taken_back_by_cancel(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    bench_device_entry(&b, 1, 2, FERRY_STATE_PENDING);
    b.dev.running = 1;
    int back;
    T_EQ_INT(ferry_slots_reject(&b.dev, &back), FERRY_OK);
    T_EQ_INT(ferry_slots_cancel_force(&b.dev), FERRY_ERR_SLOT_INVALID);
    T_EQ_INT(bench_device_boot(&b), 0);
    end();
}

static void force_without_another_good_image_is_refused(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    b.dev.running = 0;
    break_image(1);
    int slot = 99;
    T_EQ_INT(ferry_slots_force(&b.dev, &slot), FERRY_ERR_ROLLBACK_NONE);
    T_EQ_INT(slot, 99);
    end();
}

static void last_invalid_is_what_was_rolled_back(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    bench_device_entry(&b, 1, 2, FERRY_STATE_ABORTED);
    b.dev.running = 0;
    int slot = 99;
    T_EQ_INT(ferry_slots_last_invalid(&b.dev, &slot), FERRY_OK);
    T_EQ_INT(slot, 1);
    break_image(1);
    T_EQ_INT(ferry_slots_last_invalid(&b.dev, &slot), FERRY_ERR_NOT_FOUND);
    end();
}

static void prepare_gives_a_fallback_app_an_entry_of_its_own(void)
{
    start(2, false);
    bench_device_entry(&b, 1, 2, FERRY_STATE_PENDING); // bad image in ota_1
    b.dev.running = 0;
    uint8_t erased = 0;
    T_EQ_INT(ferry_slots_prepare(&b.dev, 1, &erased), FERRY_OK);
    const struct ferry_slots s = look();
    T_EQ_INT(s.names[0], 0);
    T_EQ_INT(s.entry[0].seq, 3);
    T_EQ_INT(s.names[1], FERRY_SLOT_NONE);
    T_EQ_INT(erased, 2);
    end();
}

static void entries_are_read_back(void)
{
    start(2, false);
    bench_device_entry(&b, 0, 1, FERRY_STATE_VALID);
    b.dev.running = 0;
    sim_flash_plan_cut(&b.sim, 2, SIM_CUT_PROG_BITS);
    T_CHECK(ferry_slots_set_boot(&b.dev, 1, 0) != FERRY_OK);
    T_EQ_INT(bench_device_boot(&b), 0);
    end();
}

static void gaps_and_duplicates_are_refused(void)
{
    start(2, false);
    b.dev.running = 0;
    b.dev.n_slot_rows = 3;
    int slot;
    T_EQ_INT(ferry_slots_next(&b.dev, &slot), FERRY_ERR_SLOT_GAP);
    b.dev.n_slot_rows = 2;
    b.dev.has_duplicates = true;
    T_EQ_INT(ferry_slots_next(&b.dev, &slot), FERRY_ERR_TABLE_DUPLICATE);
    end();
}

int main(void)
{
    T_RUN(next_slot_goes_round_and_never_is_the_running_one);
    T_RUN(from_test_the_active_slot_is_spared);
    T_RUN(missing_otadata_never_makes_offset_0_a_target);
    T_RUN(confirm_in_place_while_the_other_entry_would_boot);
    T_RUN(confirm_beside_itself_where_no_other_entry_would_boot);
    T_RUN(confirm_acts_on_the_slot_that_runs);
    T_RUN(factory_has_nothing_to_confirm);
    T_RUN(reject_goes_back_to_the_other_slot);
    T_RUN(reject_is_refused_where_nothing_else_would_boot);
    T_RUN(reject_goes_back_to_factory_past_a_bad_slot);
    T_RUN(a_rejected_slot_is_armed_again_only_when_told);
    T_RUN(an_aborted_slot_may_be_armed_again);
    T_RUN(set_boot_verifies_the_image_first);
    T_RUN(set_boot_is_refused_while_the_running_app_is_pending);
    T_RUN(set_boot_on_what_boots_already_writes_nothing);
    T_RUN(used_up_sequence_numbers_are_refused);
    T_RUN(force_and_cancel);
    T_RUN(a_reject_is_not_taken_back_by_cancel);
    T_RUN(force_without_another_good_image_is_refused);
    T_RUN(last_invalid_is_what_was_rolled_back);
    T_RUN(prepare_gives_a_fallback_app_an_entry_of_its_own);
    T_RUN(entries_are_read_back);
    T_RUN(gaps_and_duplicates_are_refused);
    return t_end();
}
