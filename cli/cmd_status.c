/* cli/cmd_status.c - `ferry status`: what is on a device, what boots next and why. Reads only. */
#include "device_args.h"
#include "status_facts.h"

static int run(struct cli_call *call)
{
    static struct ferry_vdevice v;
    static struct ferry_doctor doc; // too large for the stack
    int exit_code = cli_open_device(call, &v, false, false);
    if (exit_code)
        return exit_code;
    ferry_doctor_examine(&doc, &v);
    exit_code = cli_check_read(call, &v);
    if (exit_code) {
        ferry_vdevice_close(&v);
        return exit_code;
    }
    status_print(call->out, &doc);
    status_put_json(cli_json(call->out), &doc);
    ferry_vdevice_close(&v);
    if (v.table_err && ferry_vdevice_need_table(&v))
        return cli_fail_device(call, &v);
    return cli_done(call->out);
}

static const struct cli_example examples[] = {
    {"ferry status dev", "slots, states, partition table, problems of a virtual device"},
    {"ferry status dump.bin --chip esp32", "the same of a flash dump"},
    {"ferry status dump.bin --json | jq .next", "what boots next, for a script"},
    {0},
};

const struct cli_command cli_cmd_status = {
    .name = "status",
    .summary = "show what is on a device, what boots next and why",
    .args = "DEVICE",
    .about = CLI_DEVICE_ABOUT "\nNothing is written.",
    .min_args = 1,
    .max_args = 1,
    .shared = cli_device_options,
    .examples = examples,
    .exits = "there is no usable partition table, or the device cannot be read",
    .run = run,
};
