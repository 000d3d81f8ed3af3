/* cli/cmd_partitions_write.c - `ferry partitions write` and `ferry partitions erase`: files into
 * partitions, and nothing into them. All that is given is read and checked before the first byte
 * changes. */
#include <string.h>

#include "commands.h"
#include "device_args.h"
#include "device_words.h"
#include "partition_write.h"

enum { OPT_FORCE = CLI_OPT_OWN, OPT_NO_CHECK };

static const struct argp_option write_options[] = {
    {"force", OPT_FORCE, 0, 0, "Also the bootloader, the partition table and the running app", 0},
    {"no-check", OPT_NO_CHECK, 0, 0, "Whatever the file holds: an app partition takes anything", 0},
    {0},
};

static const struct argp_option erase_options[] = {
    {"force", OPT_FORCE, 0, 0, "Also the bootloader, the partition table and the running app", 0},
    {0},
};

static void say(const struct cli_call *call, const struct partition_target *t, cJSON *list,
                const char *file, uint32_t n_bytes)
{
    char name[40];
    cJSON *item = cJSON_CreateObject();
    cli_printable(name, sizeof(name), t->p.label);
    cJSON_AddStringToObject(item, "name", name);
    cJSON_AddNumberToObject(item, "offset", t->region.off_bytes);
    cJSON_AddNumberToObject(item, "bytes", n_bytes);
    if (file)
        cJSON_AddStringToObject(item, "file", file);
    cJSON_AddItemToArray(list, item);
    if (file)
        cli_text(call->out, "%s holds %s, %s bytes.\n", name, file, cli_thousands(n_bytes));
    else
        cli_text(call->out, "%s is erased, %s bytes at 0x%x.\n", name, cli_thousands(n_bytes),
                 (unsigned)t->region.off_bytes);
}

/** Two names may not mean overlapping places: the second would undo the first. */
static int check_apart(const struct cli_call *call, const struct partition_target *a,
                       const struct partition_target *b)
{
    const uint64_t a_end = (uint64_t)a->p.off_bytes + a->p.size_bytes;
    const uint64_t b_end = (uint64_t)b->p.off_bytes + b->p.size_bytes;
    if (a->p.off_bytes >= b_end || b->p.off_bytes >= a_end)
        return CLI_EXIT_OK;
    return cli_usage(call, "%s and %s are, at least in part, the same place", a->p.label,
                     b->p.label);
}

static int write_all(struct cli_call *call, struct ferry_vdevice *v,
                     const struct partition_pair *pairs, size_t n, struct partition_write *writes)
{
    const bool force = cli_has(call, OPT_FORCE), no_check = cli_has(call, OPT_NO_CHECK);
    bool table_too = false;
    int exit_code = CLI_EXIT_OK;
    for (size_t i = 0; !exit_code && i < n; i++) {
        struct partition_write *w = &writes[i];
        exit_code = partition_target_find(call, v, pairs[i].name, false, &w->target);
        for (size_t k = 0; !exit_code && k < i; k++)
            exit_code = check_apart(call, &writes[k].target, &w->target);
        if (!exit_code)
            exit_code = partition_target_check(call, v, &w->target, force);
        if (!exit_code)
            exit_code = partition_write_read(call, v, pairs[i].file, no_check, w);
        table_too |= w->target.kind == TARGET_TABLE;
    }
    if (exit_code)
        return exit_code;
    cJSON *list = cJSON_AddArrayToObject(cli_json(call->out), "written");
    for (size_t i = 0; !exit_code && i < n; i++) {
        exit_code = partition_write_do(call, v, &writes[i]);
        if (!exit_code)
            say(call, &writes[i].target, list, writes[i].file, writes[i].n_bytes);
    }
    return exit_code ? exit_code : partition_changed(call, v, table_too);
}

static int run_write(struct cli_call *call)
{
    static struct ferry_vdevice v;
    static struct partition_write writes[PARTITION_PAIRS];
    struct partition_pair pairs[PARTITION_PAIRS];
    size_t n, n_stdin = 0;
    int exit_code = partition_pairs_read(call, pairs, &n);
    for (size_t i = 0; !exit_code && i < n; i++) {
        if (!pairs[i].file)
            return cli_usage(call, "what is to go into %s? a file, or - for standard input",
                             pairs[i].name);
        n_stdin += !strcmp(pairs[i].file, "-");
    }
    if (!exit_code && n_stdin > 1)
        return cli_usage(call, "standard input can go into one partition only");
    if (!exit_code)
        exit_code = cli_open_device(call, &v, true, false);
    if (exit_code)
        return exit_code;
    exit_code = write_all(call, &v, pairs, n, writes);
    for (size_t i = 0; i < n; i++)
        partition_write_free(&writes[i]);
    ferry_vdevice_close(&v);
    return exit_code;
}

static int erase_all(struct cli_call *call, struct ferry_vdevice *v)
{
    static struct partition_target targets[PARTITION_PAIRS];
    const size_t n = (size_t)call->n_args - 1;
    bool table_too = false;
    int exit_code = CLI_EXIT_OK;
    for (size_t i = 0; !exit_code && i < n; i++) {
        exit_code = partition_target_find(call, v, call->args[i + 1], false, &targets[i]);
        if (!exit_code)
            exit_code = partition_target_check(call, v, &targets[i], cli_has(call, OPT_FORCE));
        table_too |= targets[i].kind == TARGET_TABLE;
    }
    if (exit_code)
        return exit_code;
    cJSON *list = cJSON_AddArrayToObject(cli_json(call->out), "erased");
    for (size_t i = 0; !exit_code && i < n; i++) {
        exit_code = partition_erase_do(call, v, &targets[i]);
        if (!exit_code)
            say(call, &targets[i], list, NULL, targets[i].region.size_bytes);
    }
    return exit_code ? exit_code : partition_changed(call, v, table_too);
}

static int run_erase(struct cli_call *call)
{
    static struct ferry_vdevice v;
    int exit_code = cli_open_device(call, &v, true, false);
    if (exit_code)
        return exit_code;
    exit_code = erase_all(call, &v);
    ferry_vdevice_close(&v);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry partitions write dump.bin nvs nvs.bin", "one partition; what is left of it is erased"},
    {"ferry partitions write dev vfs=files.img phy_init=phy.bin", "several, all checked first"},
    {"ferry partitions write firmware.bin table=partitions.csv --force",
     "another table, as CSV; the contents stay (partitions edit moves them)"},
    {0},
};

const struct cli_command cli_cmd_partitions_write = {
    .name = "partitions write",
    .summary = "put files into partitions",
    .args = "DEVICE NAME FILE | NAME=FILE...",
    .about = CLI_DEVICE_ABOUT
    " " PARTITION_NAME_ABOUT " - is standard input."
    "\n\nThe whole partition is erased, written and read back. An app partition takes only an app "
    "that it would boot, signed where the device trusts only some keys; otadata stays as it is, so "
    "this arms nothing (ferry update does).",
    .min_args = 2,
    .max_args = PARTITION_PAIRS,
    .options = write_options,
    .shared = cli_device_options,
    .examples = examples,
    .exits = "refused: nothing was written; or a write failed",
    .run = run_write,
};

static const struct cli_example erase_examples[] = {
    {"ferry partitions erase dump.bin nvs otadata", "settings and boot choice"},
    {"ferry partitions erase dev data/coredump", "by kind"},
    {0},
};

const struct cli_command cli_cmd_partitions_erase = {
    .name = "partitions erase",
    .summary = "erase partitions",
    .args = "DEVICE NAME...",
    .about = CLI_DEVICE_ABOUT " " PARTITION_NAME_ABOUT,
    .min_args = 2,
    .max_args = PARTITION_PAIRS,
    .options = erase_options,
    .shared = cli_device_options,
    .examples = erase_examples,
    .exits = "refused: nothing was erased; or an erase failed",
    .run = run_erase,
};
