/* test_agent_runs - how the application's runs end, and what comes of it: confirmed, given up, gone
 * back from; what a start without a question costs, and what is counted and kept. */
#include "agent_life.h"

#include "agent/handover.h"

static void second_start_confirms_and_asks_once(void)
{
    begin(&two_slots, 0);
    install(1);
    T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_CHECK(is_kept("confirmed", 1));
    T_EQ_STR(fleet.states, "installed confirmed ");
    const uint32_t n = fleet.n_requests;
    for (int i = 0; i < 9; i++)
        T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(fleet.n_requests, n); // the starts of S4-D1 that cost a network check
    T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(fleet.n_requests, n + 1); // the tenth asks; nothing new is to be told
    T_EQ_INT(after(7 * 3600, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(fleet.n_requests, n + 2);
    end();
}

static void crash(void)
{
    T_EQ_INT(after(5, FERRY_RESET_PANIC), LIFE_APP);
}

static void crashing_release_is_given_up(const struct bench_layout *layout, uint32_t n_downloads)
{
    begin(layout, 0);
    install(1);
    T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    fleet.offer = *agent_device_app(2);
    fleet.also = *agent_device_app(1);
    T_EQ_INT(after(7 * 3600, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_CHECK(runs(2));
    crash();
    crash();
    T_CHECK(runs(2));
    const uint32_t n = fleet.n_downloads;
    crash();
    T_CHECK(runs(1));
    T_EQ_INT(fleet.n_downloads - n, n_downloads);
    T_CHECK(is_kept("bad", 2));
    T_CHECK(is_kept("installed", 1));
    T_CHECK(strstr(fleet.states, "rolled_back") != NULL);
    T_EQ_INT(after(7 * 3600, FERRY_RESET_SOFTWARE), LIFE_APP); // still offered, not tried again
    T_CHECK(runs(1));
    fleet.offer = *agent_device_app(3);
    T_EQ_INT(after(7 * 3600, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_CHECK(runs(3));
    end();
}

/* As on chips where the application has its heap in the memory of the notes. */
static void crashes_are_counted_though_no_memory_outlives_a_run(void)
{
    begin(&three_slots, 0);
    install(1);
    T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    fleet.offer = *agent_device_app(2);
    T_EQ_INT(after(7 * 3600, FERRY_RESET_SOFTWARE), LIFE_APP);
    for (int i = 0; i < 3; i++) {
        T_CHECK(runs(2));
        memset(&dev.notes, 0xa5, sizeof dev.notes);
        T_EQ_INT(after(5, FERRY_RESET_WATCHDOG), LIFE_APP);
    }
    T_CHECK(runs(1));
    T_CHECK(is_kept("bad", 2));
    for (int i = 0; i < 4; i++) { // not in a row
        T_EQ_INT(after(5, FERRY_RESET_PANIC), LIFE_APP);
        memset(&dev.notes, 0xa5, sizeof dev.notes);
        T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    }
    T_EQ_INT(dev.notes.n_crashes, 0);
    end();
}

static void crashing_release_is_replaced_by_a_download(void)
{
    crashing_release_is_given_up(&two_slots, 1);
}

static void crashing_release_is_replaced_from_the_third_slot(void)
{
    crashing_release_is_given_up(&three_slots, 0);
}

static void release_gone_back_to_that_crashes_as_well_is_kept(void)
{
    begin(&two_slots, 0);
    install(1);
    T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    fleet.offer = *agent_device_app(2);
    fleet.also = *agent_device_app(1);
    T_EQ_INT(after(7 * 3600, FERRY_RESET_SOFTWARE), LIFE_APP);
    for (int i = 0; i < 3; i++)
        crash();
    T_CHECK(runs(1));
    const uint32_t n = fleet.n_downloads;
    crash();
    crash();
    T_EQ_INT(after(5, FERRY_RESET_PANIC), LIFE_RESTING);
    T_EQ_INT(count_of(fleet.states, "failed "), 1);
    for (int i = 0; i < 5; i++)
        T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(1));
    T_EQ_INT(fleet.n_downloads, n);
    T_CHECK(is_kept("bad", 2));
    fleet.offer = *agent_device_app(3);
    T_EQ_INT(after(7 * 3600, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_CHECK(runs(3));
    end();
}

static void only_release_that_crashes_runs_after_growing_pauses(void)
{
    begin(&two_slots, 0);
    install(1);
    crash();
    crash();
    T_EQ_INT(after(5, FERRY_RESET_WATCHDOG), LIFE_RESTING);
    const uint32_t first = dev.rest_s;
    T_CHECK(first >= 60);
    T_CHECK(strstr(fleet.states, "failed") != NULL);
    T_CHECK(strstr(fleet.last_report, "crashed 3 times") || fleet.n_reports > 2);
    end();
}

static void restart_too_soon_is_a_crash_unless_it_says_well(void)
{
    for (int says_well = 0; says_well < 2; says_well++) {
        begin(&two_slots, 0);
        install(1);
        dev.says_well = says_well;
        T_EQ_INT(after(5, FERRY_RESET_SOFTWARE), LIFE_APP);
        T_EQ_INT(is_kept("confirmed", 1), says_well);
        T_EQ_INT(dev.notes.n_crashes, !says_well);
        T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
        T_CHECK(is_kept("confirmed", 1));
        T_EQ_INT(dev.notes.n_crashes, 0);
        end();
    }
}

static void deep_sleep_asks_nobody_until_it_is_time(void)
{
    begin(&two_slots, 0);
    install(1);
    T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    const uint32_t n = fleet.n_requests;
    for (int i = 0; i < 20; i++)
        T_EQ_INT(after(10, FERRY_RESET_DEEP_SLEEP), LIFE_APP);
    T_EQ_INT(fleet.n_requests, n);
    T_EQ_INT(dev.notes.n_crashes, 0);
    T_EQ_INT(after(7 * 3600, FERRY_RESET_DEEP_SLEEP), LIFE_APP);
    T_CHECK(fleet.n_requests > n);
    end();
}

static void wear_is_counted_by_threes_and_kept_hourly(void)
{
    uint32_t kept = 0;
    begin(&two_slots, 0);
    install(1);
    for (int i = 0; i < 10; i++)
        T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(ferry_store_number(agent_device_store(&dev), "wear", &kept), FERRY_OK);
    T_CHECK(kept <= 3);
    T_EQ_INT(after(3600, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(ferry_store_number(agent_device_store(&dev), "wear", &kept), FERRY_OK);
    T_EQ_INT(kept, 33);
    T_EQ_INT(ferry_store_set_number(agent_device_store(&dev), "wear", 50000), FERRY_OK);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(strchr(dev.news, 'w') != NULL);
    T_CHECK(strstr(fleet.last_report, "\"wear_percent\":50") != NULL);
    end();
}

struct seen_writes {
    uint32_t n_erases[2], n_elsewhere; // of otadata's sectors; anything outside of them
};

static void see_write(void *ctx, const struct sim_flash *s, char op, uint32_t off, const void *src,
                      uint32_t len)
{
    struct seen_writes *seen = ctx;
    (void)s;
    (void)src;
    (void)len;
    if (off - BENCH_OTADATA_OFF >= 0x2000)
        seen->n_elsewhere++;
    else if (op == 'E')
        seen->n_erases[(off - BENCH_OTADATA_OFF) / 4096]++;
}

/* Bootloader's writes and updater's: what is counted is what happened. */
static void quick_start_writes_otadata_alone_as_is_counted(void)
{
    const struct bench_layout *const layouts[] = {&two_slots, &three_slots, &factory_and_one};
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        struct seen_writes seen = {0};
        begin(layouts[i], layouts[i]->has_factory ? FERRY_SLOT_FACTORY : 0);
        install(1);
        T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
        const uint32_t counted = dev.notes.wear;
        dev.b.sim.watch.before = see_write;
        dev.b.sim.watch.ctx = &seen;
        for (uint32_t k = 0; k < 4; k++)
            T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
        for (uint32_t k = 0; k < 12; k++) // beyond the starts that a reset may go without asking
            T_EQ_INT(after(10, FERRY_RESET_DEEP_SLEEP), LIFE_APP);
        T_EQ_INT(seen.n_elsewhere, 0);
        T_EQ_INT(seen.n_erases[0] + seen.n_erases[1], 16 * FERRY_HANDOVER_ERASES);
        T_CHECK(!seen.n_erases[0] || !seen.n_erases[1]); // all of one sector: that is its life
        T_EQ_INT(dev.notes.wear - counted, 16 * FERRY_HANDOVER_ERASES);
        dev.b.sim.watch.before = NULL;
        end();
    }
}

int main(void)
{
    T_RUN(second_start_confirms_and_asks_once);
    T_RUN(crashes_are_counted_though_no_memory_outlives_a_run);
    T_RUN(crashing_release_is_replaced_by_a_download);
    T_RUN(crashing_release_is_replaced_from_the_third_slot);
    T_RUN(release_gone_back_to_that_crashes_as_well_is_kept);
    T_RUN(only_release_that_crashes_runs_after_growing_pauses);
    T_RUN(restart_too_soon_is_a_crash_unless_it_says_well);
    T_RUN(deep_sleep_asks_nobody_until_it_is_time);
    T_RUN(quick_start_writes_otadata_alone_as_is_counted);
    T_RUN(wear_is_counted_by_threes_and_kept_hourly);
    return t_end();
}
