/* cli/device_args.c - DEVICE and the options of a bare flash file. */
#include "device_args.h"

#include <string.h>

#include "chip_port.h"
#include "device_words.h"
#include "esptool_run.h"
#include "image_signature.h"
#include "shell_words.h"

enum {
    OPT_CHIP = CLI_OPT_SHARED,
    OPT_ROLLBACK,
    OPT_ANTI_ROLLBACK,
    OPT_SECURE_VERSION,
    OPT_RUNNING,
    OPT_OTADATA,
    OPT_TABLE_OFFSET,
    OPT_TRUSTED_KEY,
    OPT_TRUSTED_KEY_DIGEST,
    OPT_SECURE_BOOT,
};

const struct argp_option cli_device_options[] = {
    {0, 0, 0, 0, "What a bare flash file does not say of itself:", 9},
    {"chip", OPT_CHIP, "CHIP", 0, "The chip (found from bootloader or app if not given)", 9},
    {"rollback", OPT_ROLLBACK, "on|off", 0, "Bootloader with app rollback (on)", 9},
    {"anti-rollback", OPT_ANTI_ROLLBACK, "on|off", 0, "Bootloader with anti-rollback (off)", 9},
    {"secure-version", OPT_SECURE_VERSION, "N", 0, "Secure version burnt in eFuse (0)", 9},
    {"running", OPT_RUNNING, "SLOT", 0, "Slot that runs (found from otadata if not given)", 9},
    {"otadata", OPT_OTADATA, "safe|idf", 0,
     "How otadata is written: safe at every instant (safe), or exactly as ESP-IDF does", 9},
    {"table-offset", OPT_TABLE_OFFSET, "N", 0, "Offset of the partition table (0x8000)", 9},
    {"trusted-key", OPT_TRUSTED_KEY, "FILE", 0,
     "Public key, in PEM form, one of which must have signed every update (none: unsigned ones "
     "are taken; up to three)",
     9},
    {"trusted-key-digest", OPT_TRUSTED_KEY_DIGEST, "HEX", 0,
     "The same by the key's SHA-256, as eFuses hold it", 9},
    {"secure-boot", OPT_SECURE_BOOT, "on|off", 0,
     "Bootloader that starts only what a trusted key has signed (off)", 9},
    CLI_PORT_OPTIONS(10),
    {0},
};

bool cli_read_policy(const struct cli_call *call, struct ferry_vdevice_given *given)
{
    static const char *const modes[] = {"safe", "idf", NULL};
    static const struct ferry_slots_writer *const writers[] = {&ferry_slots_safe, &ferry_slots_idf};
    int mode = 0;
    given->has_rollback |= cli_has(call, OPT_ROLLBACK);
    given->has_table_off |= cli_has(call, OPT_TABLE_OFFSET);
    if (!cli_switch(call, OPT_ROLLBACK, &given->rollback) ||
        !cli_switch(call, OPT_ANTI_ROLLBACK, &given->anti_rollback) ||
        !cli_switch(call, OPT_SECURE_BOOT, &given->secure_boot) ||
        !cli_number(call, OPT_SECURE_VERSION, UINT32_MAX, &given->secure_version) ||
        !cli_number(call, OPT_TABLE_OFFSET, UINT32_MAX, &given->table_off_bytes) ||
        !cli_choice(call, OPT_OTADATA, modes, &mode))
        return false;
    given->writer = writers[mode];
    const char *chip = cli_value(call, OPT_CHIP);
    given->chip = chip ? ferry_chip_by_name(chip) : NULL;
    if (chip && !given->chip) {
        char names[256] = "";
        for (size_t i = 0; ferry_chip_at(i); i++) {
            strcat(names, i ? ", " : "");
            strcat(names, ferry_chip_at(i)->name);
        }
        cli_usage(call, "there is no chip '%s'; ferry knows %s", chip, names);
        return false;
    }
    given->running = cli_value(call, OPT_RUNNING);
    for (int key = OPT_CHIP; key <= OPT_SECURE_BOOT; key++)
        given->is_any |= cli_has(call, key);
    return true;
}

int cli_read_trust(const struct cli_call *call, struct ferry_vdevice_given *given)
{
    if (given->secure_boot && !cli_has(call, OPT_TRUSTED_KEY) &&
        !cli_has(call, OPT_TRUSTED_KEY_DIGEST))
        return cli_usage(call, "--secure-boot=on needs a --trusted-key: whose signature counts?");
    return image_trust_read(call, OPT_TRUSTED_KEY, OPT_TRUSTED_KEY_DIGEST, &given->trust);
}

int cli_fail_device(const struct cli_call *call, const struct ferry_vdevice *v)
{
    return cli_fail(call->out, &v->fault, &v->about);
}

int cli_check_read(const struct cli_call *call, const struct ferry_vdevice *v)
{
    if (v->table_err != FERRY_ERR_FLASH_IO && !(v->real && v->real->is_lost))
        return CLI_EXIT_OK;
    return cli_fail_err(
        call->out, FERRY_ERR_FLASH_IO,
        &(struct ferry_about){.file = v->flash_path,
                              .detail = v->file.os_errno ? strerror(v->file.os_errno) : NULL});
}

int cli_fail_slot(const struct cli_call *call, const struct ferry_vdevice *v, ferry_err err,
                  int slot)
{
    char label[FERRY_LABEL_BYTES + 1], image[FERRY_LABEL_BYTES + 16];
    struct ferry_fault fault = v->dev.fault;
    struct ferry_about about = {.detail = v->file.os_errno ? strerror(v->file.os_errno) : NULL};
    if (fault.err != err)
        fault = (struct ferry_fault){.err = err};
    if (err == FERRY_ERR_SLOT_UNKNOWN)
        about.detail = cli_unknown_words(v);
    if (slot != FERRY_SLOT_NONE) {
        about.slot = cli_label(v, slot, label);
        snprintf(image, sizeof(image), "the image in %s", label);
        about.file = image;
    }
    return cli_fail(call->out, &fault, &about);
}

int cli_open_port(const struct cli_call *call, struct ferry_vdevice_given *given)
{
    uint32_t baud = FERRY_ESPTOOL_BAUD;
    if (!cli_has(call, CLI_OPT_PORT))
        return CLI_EXIT_OK;
    if (!cli_number(call, CLI_OPT_BAUD, 10000000, &baud))
        return CLI_EXIT_USAGE;
    if (!baud)
        return cli_usage(call, "--baud takes at least 1");
    return chip_port_open(call, call->args[0], cli_value(call, CLI_OPT_ESPTOOL), baud, given);
}

/** How a command names this device; what stands in messages can then be pasted. */
static void keep_name(const struct cli_call *call)
{
    cli_shell_device_begin(cli_has(call, CLI_OPT_PORT) ? "--port=" : "", call->args[0]);
    for (const struct argp_option *o = cli_device_options; o->name || o->doc; o++) {
        const char *value;
        for (int i = 0;
             o->name && o->key != CLI_OPT_PORT && (value = cli_value_at(call, o->key, i)) != NULL;
             i++)
            cli_shell_device_option(o->name, value);
    }
}

int cli_open_device(const struct cli_call *call, struct ferry_vdevice *v, bool writable,
                    bool need_table)
{
    struct ferry_vdevice_given given = {.rollback = true};
    keep_name(call);
    if (!cli_read_policy(call, &given))
        return CLI_EXIT_USAGE;
    int exit_code = cli_read_trust(call, &given);
    if (!exit_code)
        exit_code = cli_open_port(call, &given);
    if (exit_code)
        return exit_code;
    if (ferry_vdevice_open(v, call->args[0], writable, &given)) {
        if (v->fault.err == FERRY_ERR_ARG)
            return cli_usage(call, "%s", v->detail);
        return cli_fail_device(call, v);
    }
    exit_code = cli_check_read(call, v);
    if (!exit_code && need_table && ferry_vdevice_need_table(v))
        exit_code = cli_fail_device(call, v);
    if (exit_code)
        ferry_vdevice_close(v);
    return exit_code;
}
