/* tests/power/scenarios.c - see the header. Release A is the old one, B the new one; each check
 * compares the slot that boots with the bytes of a release, so nothing but a genuine image passes.
 */
#include "scenarios.h"

#include "app_image.h"

#include <string.h>

#define PAYLOAD      9000u
#define IMAGE_LIMIT  APP_IMAGE_BYTES(PAYLOAD)
#define PAYLOAD_LONG 80000u

static uint8_t image_a[IMAGE_LIMIT], image_short[IMAGE_LIMIT];
static uint8_t image_long[APP_IMAGE_BYTES(PAYLOAD_LONG)];
static uint32_t a_bytes, short_bytes, long_bytes;

/* The new release: the short image, or the long one where checkpoints matter. */
static const uint8_t *image_b;
static uint32_t b_bytes;

static uint32_t make(uint8_t *out, const char *version, uint32_t payload)
{
    return app_image_make(out, &(struct app_image_spec){.project = "demo",
                                                        .version = version,
                                                        .payload_bytes = payload,
                                                        .chip_id = 5,
                                                        .seed = payload});
}

void scenarios_init(void)
{
    a_bytes = make(image_a, "1.0.0", PAYLOAD);
    short_bytes = make(image_short, "1.1.0", PAYLOAD - 1000);
    long_bytes = make(image_long, "1.1.0", PAYLOAD_LONG);
}

static bool holds(const struct bench_device *b, int slot, const uint8_t *image, uint32_t n)
{
    static uint8_t seen[APP_IMAGE_BYTES(PAYLOAD_LONG)];
    const struct ferry_span span = ferry_device_span(&b->dev, slot);
    sim_flash_peek(&b->sim, span.off_bytes, seen, n);
    return memcmp(seen, image, n) == 0;
}

static bool runs_a(const struct bench_device *b)
{
    return b->dev.running != FERRY_SLOT_NONE && holds(b, b->dev.running, image_a, a_bytes);
}

static bool runs_b(const struct bench_device *b)
{
    return b->dev.running != FERRY_SLOT_NONE && holds(b, b->dev.running, image_b, b_bytes);
}

static uint32_t running_state(struct bench_device *b)
{
    struct ferry_slots s;
    uint32_t state = FERRY_STATE_UNDEFINED;
    if (ferry_slots_load(&b->dev, &s) || ferry_slots_state(&s, b->dev.running, &state))
        return FERRY_STATE_UNDEFINED;
    return state;
}

/* ---- updates ---- */

static struct ferry_update_config update_config;

/* What the port kept of a session that was cut. */
static uint8_t checkpoint[FERRY_CHECKPOINT_BYTES];
static bool has_checkpoint;

static ferry_err feed_and_finish(struct ferry_update *u, uint32_t from)
{
    ferry_err err = FERRY_OK;
    for (uint32_t at = from; !err && at < b_bytes;) {
        uint32_t used = 0;
        err = ferry_update_write(u, image_b + at, b_bytes - at < 1436 ? b_bytes - at : 1436, &used);
        at += used;
    }
    return err ? err : ferry_update_finish(u);
}

/* As the port does it: take the checkpoint up, and where it does not fit any more, begin anew. */
static ferry_err resume_to_b(struct bench_device *b)
{
    struct ferry_update u;
    struct ferry_update_config cfg = update_config;
    cfg.work = b->buffer;
    cfg.work_bytes = sizeof(b->buffer);
    ferry_err err = ferry_update_resume(&u, &b->dev, &cfg, checkpoint);
    if (!err)
        err = ferry_update_rehash(&u);
    if (!err)
        return feed_and_finish(&u, u.got_bytes);
    if (err != FERRY_ERR_CHECKPOINT)
        return err;
    err = ferry_update_begin(&u, &b->dev, &cfg);
    return err ? err : feed_and_finish(&u, 0);
}

static ferry_err update_to_b(struct bench_device *b)
{
    struct ferry_update u;
    if (has_checkpoint)
        return resume_to_b(b);
    return bench_device_update(b, image_b, b_bytes, 1436, update_config, &u);
}

static const char *act_update(struct bench_device *b)
{
    return update_to_b(b) ? "the update failed" : NULL;
}

/* Set while B is being confirmed: a second cut may find it valid already. */
static bool confirm_begun;

/* B boots, is confirmed, and stays. */
static const char *b_is_taken_on(struct bench_device *b)
{
    if (bench_device_boot(b) == FERRY_SLOT_NONE || !runs_b(b))
        return "after the update the new release does not boot";
    const bool before = confirm_begun;
    confirm_begun = true;
    const ferry_err err = ferry_slots_confirm(&b->dev);
    confirm_begun = before;
    if (err)
        return "the new release cannot be confirmed";
    if (bench_device_boot(b) == FERRY_SLOT_NONE || !runs_b(b))
        return "a confirmed release was lost";
    return NULL;
}

/* Set while a recovery updates again: a second cut there is a cut in an update. */
static bool retry_begun;

static const char *retry(struct bench_device *b)
{
    const bool before = retry_begun;
    retry_begun = true;
    const char *why = update_to_b(b) ? "the next attempt does not complete" : b_is_taken_on(b);
    retry_begun = before;
    return why;
}

/* An entry that is NEW was armed by an update: its slot must hold a whole image by then. */
static bool armed_too_early(struct bench_device *b)
{
    struct ferry_slots s;
    if (bench_device_open(b) || ferry_slots_load(&b->dev, &s))
        return true;
    for (int i = 0; i < 2; i++) {
        if (s.names[i] >= 0 && s.entry[i].state == FERRY_STATE_NEW &&
            ferry_device_verify(&b->dev, s.names[i]))
            return true;
    }
    return false;
}

/* The running slot had an entry before the update and must have one at every instant since. */
static bool started_with_entry;

static bool lost_its_entry(struct bench_device *b)
{
    struct ferry_slots s;
    if (!started_with_entry || b->dev.running < 0)
        return false;
    return ferry_slots_load(&b->dev, &s) || s.running < 0;
}

static const char *check_update(struct bench_device *b)
{
    const bool may_be_valid = confirm_begun;
    if (armed_too_early(b))
        return "a slot was armed before its image was whole";
    if (bench_device_boot(b) == FERRY_SLOT_NONE)
        return "nothing boots";
    if (runs_b(b)) {
        const uint32_t state = running_state(b);
        const bool right =
            state == FERRY_STATE_PENDING || (may_be_valid && state == FERRY_STATE_VALID);
        return right ? NULL : "an unconfirmed release is not pending";
    }
    if (!runs_a(b))
        return "what boots is neither the old release nor the new one";
    if (lost_its_entry(b))
        return "the running release lost its entry";
    return retry(b);
}

static void ready(struct bench_device *b, const struct bench_layout *layout)
{
    update_config = (struct ferry_update_config){.slot = FERRY_SLOT_NEXT};
    started_with_entry = false;
    has_checkpoint = false;
    image_b = image_short;
    b_bytes = short_bytes;
    bench_device_init(b, layout);
}

static void set_up_two_slots(struct bench_device *b)
{
    ready(b, &(struct bench_layout){.n_slots = 2});
    bench_device_put(b, 0, image_a, a_bytes);
    bench_device_put(b, 1, image_a, a_bytes);
    bench_device_entry(b, 0, 3, FERRY_STATE_VALID);
    bench_device_entry(b, 1, 2, FERRY_STATE_VALID);
    b->dev.running = 0;
    started_with_entry = true;
}

static void set_up_gentle(struct bench_device *b)
{
    set_up_two_slots(b);
    update_config.flags = FERRY_UPDATE_GENTLE;
    update_config.length_bytes = b_bytes;
}

/* The slot holds the new release already, but for one sector in its middle. */
static void set_up_skip_equal(struct bench_device *b)
{
    set_up_two_slots(b);
    bench_device_put(b, 1, image_b, b_bytes);
    sim_flash_flip_bit(&b->sim, BENCH_SLOT_OFF(1) + 5000, 2);
    update_config.flags = FERRY_UPDATE_SKIP_EQUAL;
}

/* A session of the long release that was cut behind its first checkpoint. */
static void set_up_cut_session(struct bench_device *b)
{
    static struct ferry_update u;
    set_up_two_slots(b);
    image_b = image_long;
    b_bytes = long_bytes;
    struct ferry_update_config cfg = update_config;
    cfg.work = b->buffer;
    cfg.work_bytes = sizeof(b->buffer);
    uint32_t used;
    has_checkpoint = !ferry_update_begin(&u, &b->dev, &cfg) &&
                     !ferry_update_write(&u, image_b, 75000, &used) &&
                     !ferry_update_checkpoint(&u, NULL, checkpoint);
    (void)bench_device_boot(b);
}

static const char *act_resume(struct bench_device *b)
{
    if (!has_checkpoint)
        return "there is no checkpoint to take up";
    return update_to_b(b) ? "the resumed update failed" : NULL;
}

static void set_up_small_buffer(struct bench_device *b)
{
    set_up_two_slots(b);
    update_config.work_bytes = 512;
}

static void set_up_undefined(struct bench_device *b)
{
    set_up_two_slots(b);
    bench_device_entry(b, 0, 3, FERRY_STATE_UNDEFINED);
}

static void set_up_first_boot(struct bench_device *b)
{
    ready(b, &(struct bench_layout){.n_slots = 2});
    bench_device_put(b, 0, image_a, a_bytes);
    (void)bench_device_boot(b);
}

static void set_up_factory(struct bench_device *b)
{
    ready(b, &(struct bench_layout){.n_slots = 2, .has_factory = true});
    bench_device_put(b, FERRY_SLOT_FACTORY, image_a, a_bytes);
    b->dev.running = FERRY_SLOT_FACTORY;
}

/* Factory runs because the active entry's image is bad. */
static void set_up_factory_by_fallback(struct bench_device *b)
{
    set_up_factory(b);
    bench_device_entry(b, 0, 1, FERRY_STATE_ABORTED);
    bench_device_entry(b, 1, 2, FERRY_STATE_VALID);
}

/* ota_0 runs without an entry, because ota_1, which both entries name, is bad. */
static void set_up_fallback(struct bench_device *b)
{
    ready(b, &(struct bench_layout){.n_slots = 2});
    bench_device_put(b, 0, image_a, a_bytes);
    bench_device_entry(b, 0, 2, FERRY_STATE_VALID);
    bench_device_entry(b, 1, 4, FERRY_STATE_PENDING);
    b->dev.running = 0;
}

static void set_up_three_slots(struct bench_device *b)
{
    ready(b, &(struct bench_layout){.n_slots = 3});
    bench_device_put(b, 1, image_a, a_bytes);
    bench_device_put(b, 2, image_a, a_bytes);
    bench_device_entry(b, 0, 5, FERRY_STATE_VALID);
    bench_device_entry(b, 1, 3, FERRY_STATE_VALID);
    b->dev.running = 1;
    started_with_entry = true;
}

static void set_up_one_slot_and_factory(struct bench_device *b)
{
    ready(b, &(struct bench_layout){.n_slots = 1, .has_factory = true});
    bench_device_put(b, FERRY_SLOT_FACTORY, image_a, a_bytes);
    bench_device_put(b, 0, image_a, a_bytes);
    bench_device_entry(b, 0, 7, FERRY_STATE_INVALID);
    b->dev.running = FERRY_SLOT_FACTORY;
}

static const char *done_update(struct bench_device *b)
{
    return b_is_taken_on(b);
}

/* ---- the first boot of a new release: the bootloader's writes ---- */

static void set_up_armed(struct bench_device *b)
{
    set_up_two_slots(b);
    bench_device_put(b, 1, image_b, b_bytes);
    bench_device_entry(b, 1, 4, FERRY_STATE_NEW);
}

static const char *act_boot(struct bench_device *b)
{
    return bench_device_boot(b) == 1 && runs_b(b) ? NULL : "the new release does not boot";
}

static const char *done_boot(struct bench_device *b)
{
    return bench_device_boot(b) == 0 && runs_a(b) ? NULL : "an unconfirmed release boots twice";
}

/* ---- confirm ---- */

static void set_up_pending(struct bench_device *b)
{
    set_up_two_slots(b);
    bench_device_put(b, 1, image_b, b_bytes);
    bench_device_entry(b, 0, 3, FERRY_STATE_VALID);
    bench_device_entry(b, 1, 4, FERRY_STATE_PENDING);
    b->dev.running = 1;
}

/* The pending app's entry stands alone: behind it there is only factory. */
static void set_up_pending_alone(struct bench_device *b)
{
    set_up_factory(b);
    bench_device_put(b, 0, image_b, b_bytes);
    bench_device_entry(b, 0, 1, FERRY_STATE_PENDING);
    b->dev.running = 0;
}

static const char *act_confirm(struct bench_device *b)
{
    return ferry_slots_confirm(&b->dev) ? "confirm failed" : NULL;
}

/* Cut in confirm: the reset counts as a failed first boot, so either is right, but B only if its
 * confirmation is complete. */
static const char *check_confirm(struct bench_device *b)
{
    if (retry_begun)
        return check_update(b);
    if (bench_device_boot(b) == FERRY_SLOT_NONE)
        return "nothing boots";
    if (runs_b(b))
        return running_state(b) == FERRY_STATE_VALID ? NULL
                                                     : "a release boots again without being valid";
    if (!runs_a(b))
        return "what boots is neither the old release nor the new one";
    return retry(b);
}

static const char *done_confirm(struct bench_device *b)
{
    for (int k = 0; k < 2; k++) {
        if (bench_device_boot(b) == FERRY_SLOT_NONE || !runs_b(b))
            return "a confirmed release was lost";
    }
    return NULL;
}

/* ---- confirm of a release that runs by fallback ---- */

static const char *check_confirm_fallback(struct bench_device *b)
{
    if (bench_device_boot(b) == FERRY_SLOT_NONE)
        return "nothing boots";
    return runs_a(b) ? NULL : "the running release was lost";
}

/* ---- reject ---- */

static const char *act_reject(struct bench_device *b)
{
    int back;
    return ferry_slots_reject(&b->dev, &back) ? "reject failed" : NULL;
}

static const char *check_reject(struct bench_device *b)
{
    if (retry_begun)
        return check_update(b);
    for (int k = 0; k < 2; k++) {
        if (bench_device_boot(b) == FERRY_SLOT_NONE)
            return "nothing boots";
        if (runs_b(b))
            return "a rejected release boots again";
        if (!runs_a(b))
            return "what boots is not the old release";
    }
    return retry(b);
}

/* A confirmed release that turns out bad later. */
static void set_up_valid_b(struct bench_device *b)
{
    set_up_pending(b);
    bench_device_entry(b, 1, 4, FERRY_STATE_VALID);
}

/* The cut may have come before the rejection: then the release is as valid as it was. */
static const char *check_reject_valid(struct bench_device *b)
{
    if (bench_device_boot(b) == FERRY_SLOT_NONE)
        return "nothing boots";
    if (runs_b(b))
        return running_state(b) == FERRY_STATE_VALID ? NULL : "a rejected release boots again";
    return runs_a(b) ? NULL : "what boots is neither release";
}

static const char *done_reject(struct bench_device *b)
{
    return check_reject(b);
}

/* ---- force, cancel, set boot, factory switch: either of two good images ---- */

static void set_up_both_valid(struct bench_device *b)
{
    set_up_valid_b(b);
}

static const char *act_force(struct bench_device *b)
{
    int slot;
    return ferry_slots_force(&b->dev, &slot) ? "force failed" : NULL;
}

static const char *check_either(struct bench_device *b)
{
    if (bench_device_boot(b) == FERRY_SLOT_NONE)
        return "nothing boots";
    if (!runs_a(b) && !runs_b(b))
        return "what boots is neither release";
    return NULL;
}

static const char *done_force(struct bench_device *b)
{
    if (bench_device_boot(b) == FERRY_SLOT_NONE || !runs_a(b))
        return "the forced release does not boot";
    // It was armed like an update: unconfirmed, the release that was left comes back.
    return bench_device_boot(b) == 1 && runs_b(b) ? NULL : "the confirmed release was lost";
}

static void set_up_forced(struct bench_device *b)
{
    set_up_both_valid(b);
    bench_device_entry(b, 0, 5, FERRY_STATE_NEW);
}

static const char *act_cancel(struct bench_device *b)
{
    return ferry_slots_cancel_force(&b->dev) ? "cancel failed" : NULL;
}

static const char *done_cancel(struct bench_device *b)
{
    return bench_device_boot(b) == 1 && runs_b(b) ? NULL : "the running release does not boot";
}

static const char *act_set_boot(struct bench_device *b)
{
    return ferry_slots_set_boot(&b->dev, 0, 0) ? "set boot failed" : NULL;
}

static void set_up_to_factory(struct bench_device *b)
{
    set_up_factory(b);
    bench_device_put(b, 0, image_b, b_bytes);
    bench_device_put(b, 1, image_b, b_bytes);
    bench_device_entry(b, 0, 1, FERRY_STATE_VALID);
    bench_device_entry(b, 1, 2, FERRY_STATE_VALID);
    b->dev.running = 1;
}

static const char *act_to_factory(struct bench_device *b)
{
    return ferry_slots_set_boot(&b->dev, FERRY_SLOT_FACTORY, 0) ? "set boot failed" : NULL;
}

/* Not ota_0, which neither ran nor was chosen. */
static const char *check_to_factory(struct bench_device *b)
{
    const int slot = bench_device_boot(b);
    return slot == 1 || slot == FERRY_SLOT_FACTORY ? NULL : "a slot boots that nobody chose";
}

static const char *done_to_factory(struct bench_device *b)
{
    return bench_device_boot(b) == FERRY_SLOT_FACTORY ? NULL : "factory does not boot";
}

const struct scenario scenarios[] = {
    {"update", set_up_two_slots, act_update, check_update, done_update},
    {"update, gentle", set_up_gentle, act_update, check_update, done_update},
    {"update, 512-byte buffer", set_up_small_buffer, act_update, check_update, done_update},
    {"update, skipping equal sectors", set_up_skip_equal, act_update, check_update, done_update},
    {"update, resumed", set_up_cut_session, act_resume, check_update, done_update},
    {"update, running entry undefined", set_up_undefined, act_update, check_update, done_update},
    {"update after a first boot", set_up_first_boot, act_update, check_update, done_update},
    {"update from factory", set_up_factory, act_update, check_update, done_update},
    {"update from factory, by fallback", set_up_factory_by_fallback, act_update, check_update,
     done_update},
    {"update from a slot without an entry", set_up_fallback, act_update, check_update, done_update},
    {"update of three slots", set_up_three_slots, act_update, check_update, done_update},
    {"update of one slot beside factory", set_up_one_slot_and_factory, act_update, check_update,
     done_update},
    {"first boot of a release", set_up_armed, act_boot, check_update, done_boot},
    {"confirm", set_up_pending, act_confirm, check_confirm, done_confirm},
    {"confirm, no other entry", set_up_pending_alone, act_confirm, check_confirm, done_confirm},
    {"confirm of a slot without an entry", set_up_fallback, act_confirm, check_confirm_fallback,
     check_confirm_fallback},
    {"reject", set_up_pending, act_reject, check_reject, done_reject},
    {"reject, back to factory", set_up_pending_alone, act_reject, check_reject, done_reject},
    {"reject of a confirmed release", set_up_valid_b, act_reject, check_reject_valid, done_reject},
    {"force", set_up_both_valid, act_force, check_either, done_force},
    {"cancel force", set_up_forced, act_cancel, check_either, done_cancel},
    {"set boot", set_up_both_valid, act_set_boot, check_either, done_force},
    {"switch to factory", set_up_to_factory, act_to_factory, check_to_factory, done_to_factory},
};
const size_t n_scenarios = sizeof(scenarios) / sizeof(scenarios[0]);
