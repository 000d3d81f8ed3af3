/* cli/cmd_slots.c - `ferry slots switch|write|erase` and `ferry otadata read|erase`: what
 * otatool.py does, by the core's own rules: nothing is armed that does not verify, and nothing that
 * is armed is overwritten while it is. */
#include <string.h>

#include "boot_device.h"
#include "commands.h"
#include "device_args.h"
#include "device_words.h"
#include "ferry/slots.h"
#include "partition_write.h"

enum { OPT_FORCE = CLI_OPT_OWN, OPT_RAW, OPT_SWITCH, OPT_BOOT, OPT_INVALID_TOO, OPT_PENDING_TOO };

/** The two otadata entries, and which of them changed since `before` (NULL: all are told). */
static void say_entries(const struct cli_call *call, struct ferry_vdevice *v,
                        const struct ferry_boot_preview *before)
{
    struct ferry_boot_preview now;
    cJSON *list = cJSON_AddArrayToObject(cli_json(call->out), "entries");
    ferry_boot_preview(&v->dev, &now);
    for (int i = 0; now.has_entries && i < 2; i++) {
        char words[160];
        cli_entry_words(words, sizeof(words), v, &now.entries[i]);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "entry", i);
        if (!cli_entry_is_blank(&now.entries[i])) {
            cJSON_AddNumberToObject(item, "seq", now.entries[i].seq);
            cJSON_AddNumberToObject(item, "crc", now.entries[i].crc);
            cJSON_AddNumberToObject(item, "state", now.entries[i].state);
        }
        cli_json_slot(item, "slot", v, cli_entry_slot(v, &now.entries[i]));
        cJSON_AddStringToObject(item, "words", words);
        cJSON_AddItemToArray(list, item);
        if (!before)
            cli_text(call->out, "entry %d at 0x%x: %s\n", i,
                     (unsigned)(v->dev.otadata.off_bytes + (uint32_t)i * FERRY_OTADATA_STRIDE),
                     words);
        else if (memcmp(&before->entries[i], &now.entries[i], sizeof(now.entries[i])) != 0)
            cli_text(call->out, "otadata entry %d is now: %s.\n", i, words);
    }
}

static int set_boot(const struct cli_call *call, struct ferry_vdevice *v, int slot, uint32_t flags)
{
    char label[FERRY_LABEL_BYTES + 1];
    struct ferry_boot_preview before;
    if (slot == FERRY_SLOT_TEST)
        return cli_fail_text(call->out, FERRY_ERR_ARG,
                             "%s is the test app: a held pin starts it, otadata cannot name it",
                             cli_label(v, slot, label));
    if (cli_has(call, OPT_INVALID_TOO))
        flags |= FERRY_SET_BOOT_INVALID_TOO;
    if (cli_has(call, OPT_PENDING_TOO))
        flags |= FERRY_SET_BOOT_PENDING_TOO;
    ferry_boot_preview(&v->dev, &before);
    const ferry_err err = ferry_slots_set_boot(&v->dev, slot, flags);
    if (err)
        return cli_fail_slot(call, v, err, slot);
    cli_json_slot(cli_json(call->out), "slot", v, slot);
    cli_text(call->out, "%s is selected.\n", cli_label(v, slot, label));
    say_entries(call, v, &before);
    return CLI_EXIT_OK;
}

static int finish(struct cli_call *call, struct ferry_vdevice *v)
{
    const int exit_code = partition_changed(call, v, false);
    return !exit_code && cli_has(call, OPT_BOOT) ? cli_boot_device(call, v, FERRY_HOLD_NONE)
                                                 : exit_code;
}

static int run_switch(struct cli_call *call)
{
    static struct ferry_vdevice v;
    struct partition_target t;
    int exit_code = cli_open_device(call, &v, true, true);
    if (exit_code)
        return exit_code;
    exit_code = partition_target_find(call, &v, call->args[1], true, &t);
    if (!exit_code)
        exit_code = set_boot(call, &v, t.slot, 0);
    if (!exit_code)
        exit_code = finish(call, &v);
    ferry_vdevice_close(&v);
    return exit_code;
}

/** Makes otadata ready for the slot's contents to go: nothing names it any more, and the running
 * slot has an entry of its own. Where nobody knows what runs there is nothing to keep. */
static int prepare(const struct cli_call *call, struct ferry_vdevice *v,
                   const struct partition_target *t, bool force)
{
    uint8_t erased;
    struct ferry_slots s;
    if (t->slot < 0 || v->dev.running == FERRY_SLOT_NONE || t->slot == v->dev.running ||
        ferry_slots_load(&v->dev, &s))
        return CLI_EXIT_OK;
    if (s.running >= 0 && s.entry[s.running].state == FERRY_STATE_PENDING && !force)
        return cli_fail_text(call->out, FERRY_ERR_UPDATE_PENDING,
                             "the running app is not confirmed yet, so %s may still be needed; "
                             "--force changes it all the same",
                             t->p.label);
    const ferry_err err = ferry_slots_prepare(&v->dev, t->slot, &erased);
    return err ? cli_fail_slot(call, v, err, t->slot) : CLI_EXIT_OK;
}

static void say_slot(const struct cli_call *call, struct ferry_vdevice *v, int slot,
                     const char *what)
{
    char label[FERRY_LABEL_BYTES + 1], app[80];
    struct ferry_app_desc desc;
    cli_json_slot(cli_json(call->out), "slot", v, slot);
    if (!ferry_device_verify(&v->dev, slot) && !ferry_device_desc(&v->dev, slot, &desc)) {
        cli_app_words(app, sizeof(app), &desc);
        cJSON_AddStringToObject(cli_json(call->out), "app", app);
        cli_text(call->out, "%s holds %s.\n", cli_label(v, slot, label), app);
    } else {
        cli_text(call->out, "%s %s.\n", cli_label(v, slot, label), what);
    }
}

static int write_slot(struct cli_call *call, struct ferry_vdevice *v, struct partition_write *w)
{
    const bool force = cli_has(call, OPT_FORCE), raw = cli_has(call, OPT_RAW);
    struct ferry_boot_preview before;
    int exit_code = partition_target_find(call, v, call->args[1], true, &w->target);
    if (!exit_code)
        exit_code = partition_target_check(call, v, &w->target, force);
    if (!exit_code)
        exit_code = partition_write_read(call, v, call->args[2], raw, w);
    if (exit_code)
        return exit_code;
    ferry_boot_preview(&v->dev, &before);
    exit_code = prepare(call, v, &w->target, force);
    if (!exit_code)
        exit_code = partition_write_do(call, v, w);
    if (exit_code)
        return exit_code;
    say_slot(call, v, w->target.slot, "holds the file, which is no bootable app");
    if (cli_has(call, OPT_SWITCH))
        exit_code = set_boot(call, v, w->target.slot, 0);
    else
        say_entries(call, v, &before);
    return exit_code ? exit_code : finish(call, v);
}

static int run_write(struct cli_call *call)
{
    static struct ferry_vdevice v;
    static struct partition_write w;
    int exit_code = cli_open_device(call, &v, true, true);
    if (exit_code)
        return exit_code;
    exit_code = write_slot(call, &v, &w);
    partition_write_free(&w);
    ferry_vdevice_close(&v);
    return exit_code;
}

static int erase_slots(struct cli_call *call, struct ferry_vdevice *v)
{
    static struct partition_target targets[PARTITION_PAIRS];
    const bool force = cli_has(call, OPT_FORCE);
    struct ferry_boot_preview before;
    int exit_code = CLI_EXIT_OK;
    for (int i = 1; !exit_code && i < call->n_args; i++) {
        exit_code = partition_target_find(call, v, call->args[i], true, &targets[i - 1]);
        if (!exit_code)
            exit_code = partition_target_check(call, v, &targets[i - 1], force);
    }
    ferry_boot_preview(&v->dev, &before);
    for (int i = 1; !exit_code && i < call->n_args; i++) {
        exit_code = prepare(call, v, &targets[i - 1], force);
        if (!exit_code)
            exit_code = partition_erase_do(call, v, &targets[i - 1]);
        if (!exit_code)
            say_slot(call, v, targets[i - 1].slot, "is erased");
    }
    if (exit_code)
        return exit_code;
    say_entries(call, v, &before);
    return partition_changed(call, v, false);
}

static int run_erase(struct cli_call *call)
{
    static struct ferry_vdevice v;
    int exit_code = cli_open_device(call, &v, true, true);
    if (exit_code)
        return exit_code;
    exit_code = erase_slots(call, &v);
    ferry_vdevice_close(&v);
    return exit_code;
}

static int need_otadata(const struct cli_call *call, struct ferry_vdevice *v)
{
    struct ferry_region otadata;
    const ferry_err err = ferry_device_otadata(&v->dev, &otadata);
    return err ? cli_fail_slot(call, v, err, FERRY_SLOT_NONE) : CLI_EXIT_OK;
}

static int run_otadata_read(struct cli_call *call)
{
    static struct ferry_vdevice v;
    int exit_code = cli_open_device(call, &v, false, true);
    if (exit_code)
        return exit_code;
    exit_code = need_otadata(call, &v);
    if (!exit_code) {
        say_entries(call, &v, NULL);
        cli_say_next(call, &v);
        exit_code = cli_done(call->out);
    }
    ferry_vdevice_close(&v);
    return exit_code;
}

/** What would boot with blank otadata: the boot decision, on a copy of the device that has none. */
static bool boots_blank(struct ferry_vdevice *v)
{
    struct ferry_boot boot;
    struct ferry_otadata blank[2];
    memset(blank, 0xff, sizeof(blank));
    ferry_boot_select(&boot, &v->dev, NULL, blank, true);
    for (int slot = ferry_boot_next(&boot); slot != FERRY_SLOT_NONE; slot = ferry_boot_next(&boot))
        if (!ferry_device_verify(&v->dev, slot))
            return true;
    return false;
}

static int erase_otadata(struct cli_call *call, struct ferry_vdevice *v)
{
    struct partition_target t = {.slot = FERRY_SLOT_NONE};
    int exit_code = need_otadata(call, v);
    if (exit_code)
        return exit_code;
    if (!v->policy.anti_rollback && !boots_blank(v) && !cli_has(call, OPT_FORCE))
        return cli_fail_text(call->out, FERRY_ERR_NO_BOOT,
                             "without otadata nothing would boot; --force erases it all the same");
    t.p = (struct ferry_partition){.off_bytes = v->dev.otadata.off_bytes,
                                   .size_bytes = v->dev.otadata.size_bytes,
                                   .label = "otadata"};
    t.region =
        (struct ferry_region){&v->file.flash, v->dev.otadata.off_bytes, v->dev.otadata.size_bytes};
    exit_code = partition_erase_do(call, v, &t);
    if (exit_code)
        return exit_code;
    cli_text(call->out, "otadata is erased, 0x%x bytes at 0x%x.\n", (unsigned)t.p.size_bytes,
             (unsigned)t.p.off_bytes);
    return partition_changed(call, v, false);
}

static int run_otadata_erase(struct cli_call *call)
{
    static struct ferry_vdevice v;
    int exit_code = cli_open_device(call, &v, true, true);
    if (exit_code)
        return exit_code;
    exit_code = erase_otadata(call, &v);
    ferry_vdevice_close(&v);
    return exit_code;
}

#define SLOT_ABOUT "SLOT is a number, as 1 for ota_1, a slot's name, or its partition's label."

static const struct argp_option switch_options[] = {
    {"boot", OPT_BOOT, 0, 0, "Restart the virtual device afterwards", 0},
    {"allow-invalid", OPT_INVALID_TOO, 0, 0, "Even a slot that was rejected", 0},
    {"allow-pending", OPT_PENDING_TOO, 0, 0, "Even while the running app is not confirmed", 0},
    {0},
};

static const struct cli_example switch_examples[] = {
    {"ferry slots switch dump.bin 1", "ota_1 boots next"},
    {"ferry slots switch dev factory --boot", "back to the factory app, and restart"},
    {0},
};

const struct cli_command cli_cmd_slots_switch = {
    .name = "slots switch",
    .summary = "make a slot boot next",
    .args = "DEVICE SLOT",
    .about = CLI_DEVICE_ABOUT " " SLOT_ABOUT
                              " The app in it is verified first; for factory both otadata entries "
                              "are erased.",
    .min_args = 2,
    .max_args = 2,
    .options = switch_options,
    .shared = cli_device_options,
    .examples = switch_examples,
    .exits =
        "refused: the slot holds no bootable app, was rejected, or the running app waits to be "
        "confirmed",
    .run = run_switch,
};

static const struct argp_option write_options[] = {
    {"switch", OPT_SWITCH, 0, 0, "Make it boot next", 0},
    {"boot", OPT_BOOT, 0, 0, "Restart the virtual device afterwards", 0},
    {"raw", OPT_RAW, 0, 0, "Any bytes, not only an app that the slot would boot", 0},
    {"force", OPT_FORCE, 0, 0,
     "Even the running slot, and even while the running app is not confirmed", 0},
    {"allow-invalid", OPT_INVALID_TOO, 0, 0, "With --switch: even a slot that was rejected", 0},
    {"allow-pending", OPT_PENDING_TOO, 0, 0,
     "With --switch: even while the running app is not confirmed", 0},
    {0},
};

static const struct cli_example write_examples[] = {
    {"ferry slots write dump.bin 1 app.bin", "into ota_1; what boots stays"},
    {"ferry slots write dev ota_0 app.bin --switch --boot", "and boot it"},
    {0},
};

const struct cli_command cli_cmd_slots_write = {
    .name = "slots write",
    .summary = "put an app into a slot",
    .args = "DEVICE SLOT FILE",
    .about = CLI_DEVICE_ABOUT
    " " SLOT_ABOUT " - is standard input."
    "\n\nThe image must be one that the slot would boot, and signed where the device trusts only "
    "some keys. Its first bytes are written last, after it was read back, and no otadata entry "
    "names the slot meanwhile. Versions are not compared and nothing is resumed; ferry update does "
    "that.",
    .min_args = 3,
    .max_args = 3,
    .options = write_options,
    .shared = cli_device_options,
    .examples = write_examples,
    .exits = "refused or failed: the running app is as it was",
    .run = run_write,
};

static const struct argp_option erase_options[] = {
    {"force", OPT_FORCE, 0, 0,
     "Even the running slot, and even while the running app is not confirmed", 0},
    {0},
};

static const struct cli_example erase_examples[] = {
    {"ferry slots erase dump.bin 0 1", "both slots of a device that runs factory"},
    {0},
};

const struct cli_command cli_cmd_slots_erase = {
    .name = "slots erase",
    .summary = "erase app slots",
    .args = "DEVICE SLOT...",
    .about =
        CLI_DEVICE_ABOUT " " SLOT_ABOUT " otadata entries that name an erased slot are erased too.",
    .min_args = 2,
    .max_args = 18,
    .options = erase_options,
    .shared = cli_device_options,
    .examples = erase_examples,
    .run = run_erase,
};

static const struct cli_example otadata_examples[] = {
    {"ferry otadata read dump.bin", "both entries, and what boots by them"},
    {0},
};

const struct cli_command cli_cmd_otadata_read = {
    .name = "otadata read",
    .summary = "show the two entries that choose the slot",
    .args = "DEVICE",
    .about = CLI_DEVICE_ABOUT " Its bytes: ferry partitions read DEVICE data/ota FILE.",
    .min_args = 1,
    .max_args = 1,
    .shared = cli_device_options,
    .examples = otadata_examples,
    .run = run_otadata_read,
};

static const struct argp_option otadata_erase_options[] = {
    {"force", OPT_FORCE, 0, 0, "Even if nothing would boot then", 0},
    {0},
};

static const struct cli_example otadata_erase_examples[] = {
    {"ferry otadata erase dump.bin", "factory, or the first slot, boots next"},
    {0},
};

const struct cli_command cli_cmd_otadata_erase = {
    .name = "otadata erase",
    .summary = "forget which slot was chosen",
    .args = "DEVICE",
    .about = CLI_DEVICE_ABOUT,
    .min_args = 1,
    .max_args = 1,
    .options = otadata_erase_options,
    .shared = cli_device_options,
    .examples = otadata_erase_examples,
    .exits = "refused: nothing would boot",
    .run = run_otadata_erase,
};
