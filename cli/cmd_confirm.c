/* cli/cmd_confirm.c - `ferry confirm`, `reject`, `rollback force`, `rollback cancel`: what the
 * running app does with itself, done from outside. Each says what was written and what boots next.
 */
#include <string.h>

#include "boot_device.h"
#include "device_args.h"
#include "device_words.h"
#include "ferry/slots.h"

enum { OPT_BOOT = CLI_OPT_OWN };

/** Says which otadata entries differ from before; adds "written", what they hold now. */
static void say_written(const struct cli_call *call, struct ferry_vdevice *v,
                        const struct ferry_otadata before[2])
{
    struct ferry_slots now;
    cJSON *written = cJSON_AddArrayToObject(cli_json(call->out), "written");
    if (ferry_slots_load(&v->dev, &now)) {
        cli_warn(call->out, "otadata cannot be read back");
        return;
    }
    for (int i = 0; i < 2; i++) {
        char words[160];
        if (!memcmp(&before[i], &now.entry[i], sizeof(now.entry[i])))
            continue;
        cli_entry_words(words, sizeof(words), v, &now.entry[i]);
        cli_text(call->out, "otadata entry %d is now: %s.\n", i, words);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "entry", i);
        cJSON_AddStringToObject(item, "now", words);
        cJSON_AddItemToArray(written, item);
    }
    if (!cJSON_GetArraySize(written))
        cli_text(call->out, "Nothing had to be written.\n");
}

static ferry_err do_confirm(struct ferry_vdevice *v, int *slot)
{
    *slot = v->dev.running;
    return ferry_slots_confirm(&v->dev);
}

static ferry_err do_reject(struct ferry_vdevice *v, int *slot)
{
    int back;
    *slot = v->dev.running;
    return ferry_slots_reject(&v->dev, &back);
}

static ferry_err do_force(struct ferry_vdevice *v, int *slot)
{
    return ferry_slots_force(&v->dev, slot);
}

static ferry_err do_cancel(struct ferry_vdevice *v, int *slot)
{
    *slot = v->dev.running;
    return ferry_slots_cancel_force(&v->dev);
}

/* Why no other app would boot, app by app: what is wrong with each, or that it was rejected. */
static void say_why_none(struct ferry_vdevice *v, const struct ferry_slots *s, char *text,
                         size_t n_bytes)
{
    size_t n = 0;
    text[0] = '\0';
    for (int slot = FERRY_SLOT_FACTORY; slot < v->dev.n_slots; slot++) {
        char label[FERRY_LABEL_BYTES + 1], image[FERRY_LABEL_BYTES + 16];
        char sentence[FERRY_SENTENCE_BYTES] = "";
        uint32_t state = FERRY_STATE_UNDEFINED;
        if (slot == v->dev.running || !ferry_device_span(&v->dev, slot).size_bytes)
            continue;
        snprintf(image, sizeof(image), "the image in %s", cli_label(v, slot, label));
        if (ferry_device_verify(&v->dev, slot))
            ferry_sentence(sentence, sizeof(sentence), &v->dev.fault,
                           &(struct ferry_about){.file = image, .slot = label});
        else if (!ferry_slots_state(s, slot, &state) && state == FERRY_STATE_INVALID)
            snprintf(sentence, sizeof(sentence), "%s was rejected", image);
        else
            snprintf(sentence, sizeof(sentence), "no valid otadata entry selects %s", label);
        const int put = snprintf(text + n, n_bytes - n, "%s%s", n ? "; " : "", sentence);
        n += put < 0 || (size_t)put >= n_bytes - n ? 0 : (size_t)put;
    }
    if (!n)
        snprintf(text, n_bytes, "the partition table has no other app");
}

static int refuse(const struct cli_call *call, struct ferry_vdevice *v, const struct ferry_slots *s,
                  ferry_err err, int slot)
{
    char why[2 * FERRY_SENTENCE_BYTES];
    if (err != FERRY_ERR_ROLLBACK_NONE)
        return cli_fail_slot(call, v, err, slot == FERRY_SLOT_NONE ? v->dev.running : slot);
    say_why_none(v, s, why, sizeof(why));
    return cli_fail(call->out, &(struct ferry_fault){.err = err},
                    &(struct ferry_about){.detail = why});
}

/** A changed flash is told of as changed, and what changed is told too. */
static int change(struct cli_call *call, struct ferry_vdevice *v,
                  ferry_err (*act)(struct ferry_vdevice *v, int *slot), const char *done)
{
    struct ferry_slots before;
    char label[FERRY_LABEL_BYTES + 1];
    int slot = FERRY_SLOT_NONE;
    ferry_err err = ferry_slots_load(&v->dev, &before);
    if (err)
        return cli_fail_slot(call, v, err, v->dev.running);
    err = act(v, &slot);
    if (err)
        return refuse(call, v, &before, err, slot);
    if (v->running_by > FERRY_RUNNING_GIVEN)
        cli_note(call->out, "%s runs (%s).\n", cli_label(v, v->dev.running, label),
                 cli_running_words(v->running_by));
    cli_json_slot(cli_json(call->out), "slot", v, slot);
    cli_text(call->out, "%s %s.\n", cli_label(v, slot, label), done);
    say_written(call, v, before.entry);
    cli_say_next(call, v);
    return cli_done(call->out);
}

static int run(struct cli_call *call, ferry_err (*act)(struct ferry_vdevice *v, int *slot),
               const char *done)
{
    struct ferry_vdevice v;
    int exit_code = cli_open_device(call, &v, true, true);
    if (exit_code)
        return exit_code;
    exit_code = change(call, &v, act, done);
    if (!exit_code && cli_has(call, OPT_BOOT))
        exit_code = cli_boot_device(call, &v, FERRY_HOLD_NONE);
    ferry_vdevice_close(&v);
    return exit_code;
}

static int run_confirm(struct cli_call *call)
{
    return run(call, do_confirm, "is confirmed: it works and stays");
}

static int run_reject(struct cli_call *call)
{
    return run(call, do_reject, "is rejected: it does not work");
}

static int run_force(struct cli_call *call)
{
    return run(call, do_force, "is selected instead of the running app");
}

static int run_cancel(struct cli_call *call)
{
    return run(call, do_cancel, "stays: no other slot is selected any more");
}

static const struct argp_option boot_option[] = {
    {"boot", OPT_BOOT, 0, 0, "Restart the virtual device afterwards", 0},
    {0},
};

static const struct cli_example confirm_examples[] = {
    {"ferry confirm dev", "the update works: keep it"},
    {"ferry confirm dump.bin --running ota_1", "the same in a flash dump"},
    {0},
};

const struct cli_command cli_cmd_confirm = {
    .name = "confirm",
    .summary = "mark the running app as working, so that it stays",
    .args = "DEVICE",
    .about = CLI_DEVICE_ABOUT,
    .min_args = 1,
    .max_args = 1,
    .shared = cli_device_options,
    .examples = confirm_examples,
    .run = run_confirm,
};

static const struct cli_example reject_examples[] = {
    {"ferry reject dev --boot", "the update does not work: restart with the app before it"},
    {0},
};

const struct cli_command cli_cmd_reject = {
    .name = "reject",
    .summary = "mark the running app as failed, so that the next boot goes back",
    .args = "DEVICE",
    .about = CLI_DEVICE_ABOUT "\n"
                              "Refused, with nothing written, if no other app would boot.",
    .min_args = 1,
    .max_args = 1,
    .options = boot_option,
    .shared = cli_device_options,
    .examples = reject_examples,
    .run = run_reject,
};

static const struct cli_example force_examples[] = {
    {"ferry rollback force dev", "boot the previous app next, though the running one works"},
    {0},
};

const struct cli_command cli_cmd_rollback_force = {
    .name = "rollback force",
    .summary = "make the previous app boot next",
    .args = "DEVICE",
    .about = CLI_DEVICE_ABOUT,
    .min_args = 1,
    .max_args = 1,
    .options = boot_option,
    .shared = cli_device_options,
    .examples = force_examples,
    .run = run_force,
};

static const struct cli_example cancel_examples[] = {
    {"ferry rollback cancel dev", "let the running app boot again after all"},
    {0},
};

const struct cli_command cli_cmd_rollback_cancel = {
    .name = "rollback cancel",
    .summary = "take a forced rollback, or an update that has not booted yet, back",
    .args = "DEVICE",
    .about = CLI_DEVICE_ABOUT,
    .min_args = 1,
    .max_args = 1,
    .shared = cli_device_options,
    .examples = cancel_examples,
    .run = run_cancel,
};
