/* firmware/bare/bare_device.c - the device that a program on a bare machine finds itself on, and
 * what it says of its slots. */
#include "bare_app.h"
#include "bare_trust.h"

#include "ferry/update.h"

static struct ferry_policy policy = {.chip = &ferry_chip_esp32c3, .rollback = true};

ferry_err bare_open(struct bare_app *app, uint32_t handed)
{
    const struct ferry_flash *flash;
    app->target = FERRY_SLOT_NEXT;
    ferry_err err = machine_flash(&flash);
    policy.gate = bare_trust_gate();
    policy.boot_check = bare_trust_boot_check(); // so that it goes back only to what would boot
    machine_revisions(&policy);
    if (!err)
        err = ferry_device_open(&app->dev, flash, &policy, FERRY_TABLE_OFF_DEFAULT, &app->work);
    if (!err)
        app->dev.running = ferry_device_slot_at(&app->dev, machine_image_off(handed));
    return err;
}

static const char *state_name(uint32_t state)
{
    switch (state) {
    case FERRY_STATE_NEW:
        return "new";
    case FERRY_STATE_PENDING:
        return "pending verify";
    case FERRY_STATE_VALID:
        return "valid";
    case FERRY_STATE_INVALID:
        return "invalid";
    case FERRY_STATE_ABORTED:
        return "aborted";
    default:
        return "undefined";
    }
}

void bare_status(struct bare_app *app)
{
    struct ferry_slots s;
    const ferry_err err = ferry_slots_load(&app->dev, &s);
    if (err) {
        bare_put_result(err, &app->dev.fault);
        return;
    }
    console_put_text("running " DEMO_VERSION " in ");
    bare_put_slot(app->dev.running);
    for (int i = 0; i < 2; i++) {
        console_put_text("\r\nentry ");
        console_put_number((uint32_t)i);
        console_put_text(": ");
        bare_put_slot(s.names[i]);
        if (s.names[i] != FERRY_SLOT_NONE) {
            console_put_text(", ");
            console_put_text(state_name(s.entry[i].state));
        }
    }
    console_put_text("\r\nselected ");
    bare_put_slot(ferry_slots_boot(&app->dev, &s));
    console_put_text("\r\n");
}
