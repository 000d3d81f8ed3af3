/* firmware/bare/bare_updater.c - an updater for an app that knows nothing of updates. It runs at
 * every other start: it arms the app and restarts; the app never confirms itself, so the bootloader
 * takes it back at the restart after, and the updater is there again. In between it listens for
 * somebody who has news. Rests on agent/handover.h; where the app lies, otadata tells. */
#include "agent/handover.h"
#include "bare_app.h"
#include "bare_map.h"

#define KNOCK_US 1000000u // how long it listens before the app starts

static struct bare_app app;
static uint8_t replaced[FERRY_APP_DESC_HEAD_BYTES]; // of the app that an update takes the place of

void firmware_trap(uint32_t cause, uint32_t address)
{
    (void)cause;
    (void)address;
    machine_end(BARE_END_REBOOT);
}

static bool holds_app(struct bare_app *a, int slot)
{
    return slot >= 0 && slot < a->dev.n_slots && slot != a->dev.running &&
           !ferry_device_verify(&a->dev, slot);
}

/* The slot of the app: the one that was armed last, or else the only one that boots, as when an
 * update was cut off after otadata had made room for it. */
static int find_app(struct bare_app *a)
{
    struct ferry_slots s;
    if (ferry_slots_load(&a->dev, &s))
        return FERRY_SLOT_NONE;
    for (int i = 0; i < 2; i++)
        if (holds_app(a, s.names[i]))
            return s.names[i];
    for (int slot = 0; slot < a->dev.n_slots; slot++)
        if (holds_app(a, slot))
            return slot;
    return FERRY_SLOT_NONE;
}

static ferry_err read_desc(struct bare_app *a, int slot)
{
    struct ferry_region region;
    ferry_err err = ferry_device_region(&a->dev, slot, &region);
    if (!err)
        err = ferry_region_read(&region, FERRY_APP_DESC_OFF, replaced, sizeof(replaced));
    return err;
}

/* An update goes into another slot than the app's where there is one, and is compared with it.
 * Once the updater's own entry is settled nothing but updater or app can boot. */
static ferry_err aim(struct bare_app *a)
{
    const int slot = find_app(a);
    for (size_t i = 0; i < sizeof(replaced); i++)
        replaced[i] = 0; // no app, no comparison
    ferry_err err = slot == FERRY_SLOT_NONE ? FERRY_OK : read_desc(a, slot);
    if (!err)
        err = ferry_handover_spare(&a->dev, slot, &a->target);
    if (!err)
        err = ferry_handover_settle(&a->dev);
    a->replaced = replaced;
    return err;
}

static void run_update(struct bare_app *a, const char *const words[BARE_WORDS])
{
    const ferry_err err = aim(a);
    if (err)
        bare_put_result(err, &a->dev.fault);
    else
        bare_update(a, words);
}

static void run_ymodem(struct bare_app *a, const char *const words[BARE_WORDS])
{
    const ferry_err err = aim(a);
    if (err)
        bare_put_result(err, &a->dev.fault);
    else
        bare_ymodem(a, words);
}

static void run_status(struct bare_app *a, const char *const words[BARE_WORDS])
{
    (void)words;
    bare_status(a);
    console_put_text("app in ");
    bare_put_slot(find_app(a));
    console_put_text("\r\n");
}

/* Arms the app and restarts; returns only if there is none, or it cannot be. */
static void run_start(struct bare_app *a, const char *const words[BARE_WORDS])
{
    const int slot = find_app(a);
    if (slot == FERRY_SLOT_NONE) {
        console_put_text("no app is there; update brings one\r\n");
        return;
    }
    const ferry_err err = ferry_handover_arm(&a->dev, slot);
    if (err) {
        bare_put_result(err, &a->dev.fault);
        return;
    }
    console_put_text("starting the app in ");
    bare_put_slot(slot);
    console_put_text("\r\n");
    bare_stack(a, words);
    machine_end(BARE_END_REBOOT);
}

static const struct bare_command commands[] = {
    {"status", "what runs, what otadata says, and where the app is", run_status},
    {"update", "LENGTH SHA256 [older]: take a release of the app", run_update},
    {"ymodem", "[older]: take one from a sender of YMODEM", run_ymodem},
    {"start", "the app", run_start},
    {"stack", "deepest use of the stack so far", bare_stack},
    {"reboot", "start again", bare_reboot},
};

void firmware_main(uint32_t handed)
{
    static const char *const no_words[BARE_WORDS] = {""};
    machine_init();
    console_put_text("ferry-updater " DEMO_VERSION "\r\n");
    ferry_err err = bare_open(&app, handed);
    if (!err)
        err = ferry_handover_check(&app.dev);
    if (err) {
        bare_put_result(err, &app.dev.fault);
        machine_end(BARE_END_NO_FLASH);
    }
    run_status(&app, no_words);
    console_put_text("press a key for commands\r\n");
    if (console_get(KNOCK_US) < 0)
        run_start(&app, no_words);
    bare_talk(&app, commands, sizeof(commands) / sizeof(*commands));
}
