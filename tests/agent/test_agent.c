/* test_agent - the agent's life on a device of the flash model: what it keeps, asks, installs,
 * refuses and tells, with a server that is well, away, mistaken or lying. How the application fares
 * and what that counts for: test_agent_runs. */
#include "agent_life.h"

#include "agent/handover.h"

static void first_start_proves_enrols_installs_and_hands_over(void)
{
    char token[65];
    begin(&two_slots, 0);
    install(1);
    T_EQ_INT(fleet.n_enrolled, 1);
    T_EQ_INT(dev.running, 1);
    T_CHECK(is_kept("installed", 1));
    T_CHECK(!is_kept("confirmed", 1));
    T_EQ_INT(ferry_store_text(agent_device_store(&dev), "token", token, sizeof token),
             FERRY_ERR_NOT_FOUND);
    T_EQ_STR(fleet.states, "installed ");
    end();
}

static void release_is_replaced_and_the_old_one_remembered(void)
{
    begin(&two_slots, 0);
    install(1);
    T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    fleet.offer = *agent_device_app(2);
    T_EQ_INT(after(7 * 3600, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_CHECK(runs(2));
    T_CHECK(is_kept("installed", 2));
    T_CHECK(is_kept("last_good", 1));
    T_CHECK(is_kept("confirmed", 1));
    end();
}

/* The end of a release that crashes, with `back` served where it must be fetched. */
/* What makes every release crash is not theirs: going to and fro would wear the flash out. */
static void lost_link_is_resumed(void)
{
    begin(&two_slots, 0);
    fleet.cut_after = 80000;
    fleet.n_cuts = 1;
    install(1);
    T_EQ_INT(fleet.n_downloads, 2);
    T_EQ_INT(fleet.last_offset, 80000);
    end();
}

static void download_is_resumed_after_a_power_cut(void)
{
    begin(&two_slots, 0);
    install(1);
    fleet.offer = *agent_device_app(2);
    dev.rtc_s += 7 * 3600;
    dev.cut_at = 65; // in the middle of the download
    T_EQ_INT(agent_device_live(&dev, FERRY_RESET_SOFTWARE), LIFE_CUT);
    T_CHECK(dev.has_note);
    dev.cut_at = 0;
    const uint32_t n = fleet.n_downloads;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(2));
    T_EQ_INT(fleet.n_downloads, n + 1);
    T_CHECK(fleet.last_offset >= 65536);
    end();
}

static void application_starts_without_network_and_server(void)
{
    begin(&two_slots, 0);
    install(1);
    dev.no_network = true;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    dev.no_network = false;
    fleet.is_away = true;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    const uint32_t n = fleet.n_requests;
    T_EQ_INT(after(40, FERRY_RESET_SOFTWARE), LIFE_APP); // not asked again so soon
    T_EQ_INT(fleet.n_requests, n);
    T_CHECK(runs(1));
    end();
}

/* One question, unanswered, and no report behind it; not the next one before its time. */
static void unanswered_question_is_asked_again_in(uint16_t status, uint32_t retry_after_s,
                                                  uint32_t seconds)
{
    begin(&two_slots, 0);
    install(1); // to be confirmed, which would be told
    fleet.check_status = status;
    fleet.retry_after_s = retry_after_s;
    fleet.is_away = !status;
    const uint32_t n = fleet.n_requests;
    T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(fleet.n_requests, n + 1);
    T_EQ_INT(after(seconds - 50, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(fleet.n_requests, n + 1);
    fleet.check_status = 0;
    fleet.is_away = false;
    T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(fleet.n_requests, n + 3);
    T_CHECK(strstr(fleet.states, "confirmed") != NULL);
    end();
}

static void who_does_not_answer_is_asked_when_that_may_help(void)
{
    unanswered_question_is_asked_again_in(0, 0, 300);         // away
    unanswered_question_is_asked_again_in(503, 0, 300);       // in trouble
    unanswered_question_is_asked_again_in(429, 1000, 1000);   // busy, and says for how long
    unanswered_question_is_asked_again_in(429, 99999, 21600); // ... but not for days
    unanswered_question_is_asked_again_in(403, 0, 21600);     // the device is revoked
}

static void empty_slot_waits_with_growing_pauses(void)
{
    begin(&two_slots, 0);
    fleet.offer.n = 0;
    uint32_t before = 0;
    for (int i = 0; i < 4; i++) {
        T_EQ_INT(after(1, FERRY_RESET_SOFTWARE), LIFE_RESTING);
        T_CHECK(dev.rest_s > before);
        before = dev.rest_s;
    }
    fleet.offer = *agent_device_app(1);
    T_EQ_INT(after(60, FERRY_RESET_SOFTWARE), LIFE_APP);
    end();
}

static void another_root_gets_nothing(void)
{
    char token[65];
    begin(&two_slots, 0);
    fleet.is_other = true;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_RESTING);
    T_EQ_INT(fleet.n_requests, 1); // its roots, and no more
    T_EQ_INT(ferry_store_text(agent_device_store(&dev), "token", token, sizeof token), FERRY_OK);
    end();
}

static void bootloader_without_rollback_gets_no_application(void)
{
    begin(&two_slots, 0);
    dev.b.policy.rollback = false;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_RESTING);
    T_CHECK(strchr(dev.news, 'N') != NULL);
    T_EQ_STR(fleet.states, "no_rollback ");
    T_EQ_INT(fleet.n_downloads, 0);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_RESTING);
    dev.b.policy.rollback = true; // the same bootloader bytes: the verdict stands
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_RESTING);
    const uint8_t byte = 0xe9; // another bootloader: asked anew
    sim_flash_poke(&dev.b.sim, 0, &byte, 1);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    end();
}

static void bootloader_without_rollback_does_not_start_what_is_there(void)
{
    begin(&factory_and_one, FERRY_SLOT_FACTORY);
    bench_device_put(&dev.b, 0, agent_device_app(1)->image, agent_device_app(1)->n);
    dev.b.policy.rollback = false;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_RESTING);
    T_CHECK(strchr(dev.news, 'N') != NULL); // it would never give way again
    dev.no_network = true;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_RESTING);
    end();
}

static void older_release_is_refused_unless_allowed(void)
{
    begin(&two_slots, 0);
    install(2);
    fleet.offer = *agent_device_app(1);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(2));
    T_CHECK(strstr(fleet.states, "failed") != NULL);
    dev.settings.allow_downgrade = true;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(1));
    end();
}

static void lying_server_is_given_up_after_some_tries(void)
{
    begin(&three_slots, 0);
    install(1);
    fleet.offer = *agent_device_app(2);
    fleet.lies_about_bytes = true;
    for (int i = 0; i < 6; i++)
        T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(1));
    T_EQ_INT(fleet.n_downloads, 1 + 3);
    fleet.lies_about_bytes = false;
    fleet.offer = *agent_device_app(3); // a newer one counts anew
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(3));
    end();
}

static void certificate_for_another_key_is_refused(void)
{
    char token[65];
    begin(&two_slots, 0);
    fleet.lies_about_key = true;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_RESTING);
    T_EQ_INT(ferry_store_text(agent_device_store(&dev), "token", token, sizeof token), FERRY_OK);
    fleet.lies_about_key = false;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    end();
}

static void refused_enrolment_is_asked_for_slowly(void)
{
    begin(&two_slots, 0);
    bench_device_put(&dev.b, 1, agent_device_app(1)->image, agent_device_app(1)->n);
    fleet.enrol_status = 409;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP); // an application was there already
    const uint32_t n = fleet.n_requests;
    for (int i = 0; i < 5; i++)
        T_EQ_INT(after(1000, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(fleet.n_requests, n);
    fleet.enrol_status = 0;
    T_EQ_INT(after(7 * 3600, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(fleet.n_enrolled, 1);
    end();
}

static void application_that_was_there_is_adopted(void)
{
    begin(&factory_and_one, FERRY_SLOT_FACTORY);
    bench_device_put(&dev.b, 0, agent_device_app(1)->image, agent_device_app(1)->n);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_EQ_INT(fleet.n_downloads, 0); // the same bytes as offered
    T_CHECK(!strstr(fleet.states, "failed"));
    T_EQ_INT(dev.running, 0);
    fleet.offer = *agent_device_app(2);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(2));
    end();
}

static void server_sets_the_time_between_questions(void)
{
    begin(&two_slots, 0);
    fleet.poll_s = 60;
    install(1);
    T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    const uint32_t n = fleet.n_checks;
    T_EQ_INT(after(40, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(fleet.n_checks, n);
    T_EQ_INT(after(40, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(fleet.n_checks, n + 1);
    end();
}

static void download_that_takes_too_long_goes_on_next_time(void)
{
    begin(&two_slots, 0);
    dev.settings.update_ms = 500; // of a clock that runs 10 ms each time it is looked at
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_RESTING);
    T_CHECK(strstr(fleet.states, "failed") != NULL);
    T_CHECK(dev.has_note);
    T_EQ_INT(after(400, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_CHECK(fleet.last_offset >= 65536);
    T_CHECK(runs(1));
    end();
}

static void update_waits_for_its_time(void)
{
    begin(&two_slots, 0);
    install(1);
    dev.must_not_update = true;
    fleet.offer = *agent_device_app(2);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(1));
    dev.must_not_update = false;
    T_EQ_INT(after(700, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_CHECK(runs(2));
    end();
}

static void expired_certificate_is_renewed_before_anything_else(void)
{
    begin(&two_slots, 0);
    install(1);
    fleet.is_expired = true;
    fleet.offer = *agent_device_app(2);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_EQ_INT(fleet.n_renewed, 1);
    T_CHECK(runs(2)); // asked again, in the same start
    end();
}

static void server_that_wants_renewals_without_end_gets_one_a_start(void)
{
    begin(&two_slots, 0);
    install(1);
    fleet.wants_renewal = fleet.wants_ever_more = true;
    for (uint32_t i = 1; i < 4; i++) {
        fleet.check_status = i > 2 ? 403 : 0; // also where nothing else is answered
        T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
        T_EQ_INT(fleet.n_renewed, i);
    }
    T_CHECK(runs(1));
    end();
}

static void key_of_another_device_is_replaced_once(void)
{
    uint8_t before[FERRY_KEY_DER_BYTES], now[FERRY_KEY_DER_BYTES];
    uint32_t n = sizeof before;
    struct ferry_identity identity;
    struct ferry_store *s;
    begin(&two_slots, 0);
    s = agent_device_store(&dev);
    fake_identity_init(&identity); // a flash that was copied, key and all
    T_EQ_INT(identity.ops->make(&identity, before), FERRY_OK);
    T_EQ_INT(s->ops->set(s, FERRY_STORE_BLOB, "key", before, sizeof before), FERRY_OK);
    fleet.first_key_is_taken = true;
    install(1);
    T_EQ_INT(fleet.n_enrolled, 1);
    s = agent_device_store(&dev);
    T_EQ_INT(s->ops->get(s, FERRY_STORE_BLOB, "key", now, &n), FERRY_OK);
    T_CHECK(memcmp(before, now, sizeof now) != 0);
    end();
}

static void certificate_is_renewed_when_the_server_says_so(void)
{
    begin(&two_slots, 0);
    fleet.wants_renewal = true;
    install(1);
    T_EQ_INT(fleet.n_renewed, 1);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_EQ_INT(fleet.n_renewed, 1);
    end();
}

static void damaged_application_is_fetched_again(void)
{
    begin(&two_slots, 0);
    install(1);
    sim_flash_flip_bit(&dev.b.sim, BENCH_SLOT_OFF(1) + 5000, 3);
    T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_RESTING);
    T_EQ_INT(dev.rest_s, 10);
    T_EQ_INT(after(10, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_CHECK(runs(1));
    end();
}

static void too_large_release_is_refused_before_a_byte_is_written(void)
{
    static const uint8_t large[0x50000];
    begin(&two_slots, 0);
    install(1);
    fleet.offer = (struct fake_release){large, sizeof large, "9.0.0", 9};
    for (int i = 0; i < 5; i++)
        T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(1));
    T_CHECK(fleet.n_downloads <= 1 + 3);
    T_CHECK(strstr(fleet.states, "failed") != NULL);
    end();
}

/* From the first updater and application 1.0.0. */
static void begin_with_newer_updater(const struct bench_layout *layout, int updater_slot)
{
    begin(layout, updater_slot);
    dev.settings.replaces_itself = true;
    install(1);
    fleet.updater = *agent_device_updater(2);
}

static void updater_replaces_itself_and_stays(void)
{
    begin_with_newer_updater(&three_slots, 0);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(1));
    T_EQ_INT(dev.updater, 2);
    T_EQ_INT(after(100, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(dev.updater, 2);
    fleet.offer = *agent_device_app(2); // and goes on with its work
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(2));
    T_EQ_INT(dev.updater, 2);
    end();
}

static void updater_without_a_third_slot_goes_by_way_of_the_application_s(void)
{
    const struct fake_release *newer = agent_device_updater(2);
    begin_with_newer_updater(&two_slots, 0);
    const uint32_t n = fleet.n_downloads;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(1));
    T_EQ_INT(dev.updater, 2);
    T_CHECK(agent_device_holds(&dev, 0, newer->image, newer->n)); // home again
    T_EQ_INT(fleet.n_downloads - n, 2);                           // itself, and the application
    T_CHECK(is_kept("installed", 1));
    fleet.offer = *agent_device_app(2);
    T_EQ_INT(after(7 * 3600, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_CHECK(runs(2));
    end();
}

static void cut_at_home(void *ctx, const struct sim_flash *s, char op, uint32_t off,
                        const void *src, uint32_t len)
{
    (void)ctx;
    (void)s;
    (void)src;
    (void)len;
    if (op == 'W' && off - BENCH_SLOT_OFF(0) < BENCH_SLOT_BYTES)
        sim_flash_plan_cut(&dev.b.sim, 1, SIM_CUT_AFTER);
}

static void updater_goes_home_without_a_server(void)
{
    begin_with_newer_updater(&two_slots, 0);
    dev.b.sim.watch.before = cut_at_home; // while the new one copies itself, confirmed by then
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_CUT);
    T_EQ_INT(dev.running, 1);
    dev.b.sim.watch.before = NULL;
    fleet.is_away = true;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_RESTING);
    T_EQ_INT(dev.running, 0);
    T_EQ_INT(dev.updater, 2);
    fleet.is_away = false;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(1));
    end();
}

static void updater_in_factory_with_one_slot_is_left_alone(void)
{
    begin_with_newer_updater(&factory_and_one, FERRY_SLOT_FACTORY);
    const uint32_t n = fleet.n_downloads;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(1));
    T_EQ_INT(dev.updater, 1);
    T_EQ_INT(fleet.n_downloads, n);
    end();
}

static void updater_in_factory_is_replaced_by_one_in_a_slot(void)
{
    static const struct bench_layout factory_and_two = {2, true, false, false};
    begin_with_newer_updater(&factory_and_two, FERRY_SLOT_FACTORY);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(1));
    for (uint32_t i = 0; i < 3; i++) {
        T_EQ_INT(after(7 * 3600, FERRY_RESET_SOFTWARE), LIFE_APP);
        T_EQ_INT(dev.updater, 2);
    }
    end();
}

static void updater_that_is_too_large_is_not_fetched(void)
{
    static const uint8_t large[0x40001];
    begin_with_newer_updater(&two_slots, 0);
    fleet.updater = (struct fake_release){large, sizeof large, "99.0.0", 99};
    const uint32_t n = fleet.n_downloads;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(1));
    T_EQ_INT(fleet.n_downloads, n);
    end();
}

static void updater_waits_for_its_time_as_well(void)
{
    begin_with_newer_updater(&three_slots, 0);
    dev.must_not_update = true;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_EQ_INT(dev.updater, 1);
    dev.must_not_update = false;
    T_EQ_INT(after(700, FERRY_RESET_SOFTWARE), LIFE_APP);
    T_EQ_INT(dev.updater, 2);
    end();
}

static void gives_way(const struct bench_layout *layout, uint32_t n_others)
{
    begin_with_newer_updater(layout, 0);
    dev.is_new_updater_deaf = true;
    const uint32_t n = fleet.n_downloads;
    for (int i = 0; i < 12; i++) {
        T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
        T_EQ_INT(dev.updater, 1);
        T_CHECK(runs(1));
    }
    T_EQ_INT(fleet.n_downloads - n, 3 + n_others); // tried so often, and left alone
    T_EQ_INT(count_of(fleet.states, "failed "), 1);
    end();
}

static void updater_that_reaches_nobody_gives_way(void)
{
    gives_way(&three_slots, 0);
    gives_way(&two_slots, 3); // the application is fetched again each time
}

static void old_updater_in_a_slot_is_no_application(void)
{
    begin_with_newer_updater(&three_slots, 0);
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_EQ_INT(dev.running, 1);
    sim_flash_flip_bit(&dev.b.sim, BENCH_SLOT_OFF(1) + 5000, 3);
    fleet.is_away = true;
    for (int i = 0; i < 3; i++) {
        T_EQ_INT(agent_device_power_cycle(&dev), LIFE_RESTING);
        T_EQ_INT(dev.updater, 2);
    }
    fleet.is_away = false;
    T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
    T_CHECK(runs(1));
    end();
}

static void table_with_a_gap_is_refused(void)
{
    begin(&two_slots, 0);
    dev.b.dev.n_slots = 1; // as a table with ota_0 and ota_2 reads
    dev.b.dev.n_slot_rows = 2;
    dev.b.dev.running = 0;
    T_EQ_INT(ferry_handover_check(&dev.b.dev), FERRY_ERR_SLOT_GAP);
    end();
}

int main(void)
{
    T_RUN(first_start_proves_enrols_installs_and_hands_over);
    T_RUN(release_is_replaced_and_the_old_one_remembered);
    T_RUN(lost_link_is_resumed);
    T_RUN(download_is_resumed_after_a_power_cut);
    T_RUN(application_starts_without_network_and_server);
    T_RUN(who_does_not_answer_is_asked_when_that_may_help);
    T_RUN(empty_slot_waits_with_growing_pauses);
    T_RUN(another_root_gets_nothing);
    T_RUN(bootloader_without_rollback_gets_no_application);
    T_RUN(bootloader_without_rollback_does_not_start_what_is_there);
    T_RUN(older_release_is_refused_unless_allowed);
    T_RUN(lying_server_is_given_up_after_some_tries);
    T_RUN(certificate_for_another_key_is_refused);
    T_RUN(refused_enrolment_is_asked_for_slowly);
    T_RUN(application_that_was_there_is_adopted);
    T_RUN(server_sets_the_time_between_questions);
    T_RUN(download_that_takes_too_long_goes_on_next_time);
    T_RUN(update_waits_for_its_time);
    T_RUN(expired_certificate_is_renewed_before_anything_else);
    T_RUN(server_that_wants_renewals_without_end_gets_one_a_start);
    T_RUN(key_of_another_device_is_replaced_once);
    T_RUN(certificate_is_renewed_when_the_server_says_so);
    T_RUN(damaged_application_is_fetched_again);
    T_RUN(too_large_release_is_refused_before_a_byte_is_written);
    T_RUN(updater_replaces_itself_and_stays);
    T_RUN(updater_without_a_third_slot_goes_by_way_of_the_application_s);
    T_RUN(updater_goes_home_without_a_server);
    T_RUN(updater_in_factory_with_one_slot_is_left_alone);
    T_RUN(updater_in_factory_is_replaced_by_one_in_a_slot);
    T_RUN(updater_that_is_too_large_is_not_fetched);
    T_RUN(updater_waits_for_its_time_as_well);
    T_RUN(updater_that_reaches_nobody_gives_way);
    T_RUN(old_updater_in_a_slot_is_no_application);
    T_RUN(table_with_a_gap_is_refused);
    return t_end();
}
