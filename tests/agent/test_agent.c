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

static void updater_replaces_itself_and_stays(void)
{
    begin(&three_slots, 0);
    dev.settings.replaces_itself = true;
    install(1);
    fleet.updater = *agent_device_updater(2);
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

static void updater_that_reaches_nobody_gives_way(void)
{
    begin(&three_slots, 0);
    dev.settings.replaces_itself = true;
    install(1);
    fleet.updater = *agent_device_updater(2);
    dev.is_new_updater_deaf = true;
    const uint32_t n = fleet.n_downloads;
    for (int i = 0; i < 6; i++) {
        T_EQ_INT(agent_device_power_cycle(&dev), LIFE_APP);
        T_EQ_INT(dev.updater, 1);
    }
    T_EQ_INT(fleet.n_downloads - n, 3); // tried so often, and left alone
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
    T_RUN(empty_slot_waits_with_growing_pauses);
    T_RUN(another_root_gets_nothing);
    T_RUN(bootloader_without_rollback_gets_no_application);
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
    T_RUN(updater_that_reaches_nobody_gives_way);
    T_RUN(table_with_a_gap_is_refused);
    return t_end();
}
