/* cli/cmd_partitions_read.c - `ferry partitions read` and `ferry slots read`: what lies in a
 * partition, into a file. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "device_args.h"
#include "device_words.h"
#include "partition_target.h"
#include "put_file.h"

enum { OPT_TRIM = CLI_OPT_OWN, OPT_IMAGE };

static const struct argp_option options[] = {
    {"trim", OPT_TRIM, "N", 0,
     "Without the erased end, but a multiple of N bytes: 16 for apps, 4096 for file systems", 0},
    {"image", OPT_IMAGE, 0, 0, "Only the application image in it, checked", 0},
    {0},
};

/** What the options leave of a partition's bytes. */
struct cut {
    uint32_t trim_bytes; // 0: nothing is trimmed
    bool only_image;
};

static int image_length(const struct cli_call *call, const struct ferry_vdevice *v,
                        const struct partition_target *t, uint32_t *n_bytes)
{
    static uint8_t work[4096];
    struct ferry_image img;
    const bool bootloader = t->kind == TARGET_BOOTLOADER; // that may be another chip's
    const struct ferry_image_rules rules = {.chip = bootloader ? NULL : v->policy.chip,
                                            .chip_rev = v->policy.chip_rev,
                                            .ignore_max_rev = true,
                                            .bootloader = bootloader,
                                            .base_off_bytes = t->region.off_bytes,
                                            .max_bytes = t->region.size_bytes};
    const ferry_err err = ferry_image_verify(&t->region, &rules, work, sizeof(work), &img);
    if (err) {
        char name[40];
        img.fault.err = err;
        return cli_fail(call->out, &img.fault,
                        &(struct ferry_about){.file = cli_printable(name, sizeof(name), t->p.label),
                                              .slot = t->p.label});
    }
    *n_bytes = img.image_bytes;
    return CLI_EXIT_OK;
}

static uint32_t trimmed(const uint8_t *bytes, uint32_t n_bytes, uint32_t unit)
{
    uint32_t used = n_bytes;
    while (used && bytes[used - 1] == 0xff)
        used--;
    const uint64_t up = ((uint64_t)used + unit - 1) / unit * unit;
    return up < n_bytes ? (uint32_t)up : n_bytes;
}

static void say_read(const struct cli_call *call, const struct partition_target *t,
                     const char *file, uint32_t n_bytes, cJSON *list)
{
    char name[40];
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "name", cli_printable(name, sizeof(name), t->p.label));
    cJSON_AddNumberToObject(item, "offset", t->region.off_bytes);
    cJSON_AddNumberToObject(item, "bytes", n_bytes);
    cJSON_AddStringToObject(item, "file", file);
    cJSON_AddItemToArray(list, item);
    if (strcmp(file, "-") != 0)
        cli_text(call->out, "%s: %s bytes of %s at 0x%x.\n", file, cli_thousands(n_bytes), name,
                 (unsigned)t->region.off_bytes);
}

static int read_one(const struct cli_call *call, const struct ferry_vdevice *v,
                    const struct partition_target *t, const struct cut *cut, const char *file,
                    cJSON *list)
{
    uint32_t n_bytes = t->region.size_bytes;
    int exit_code = cut->only_image ? image_length(call, v, t, &n_bytes) : CLI_EXIT_OK;
    if (exit_code)
        return exit_code;
    uint8_t *bytes = malloc(n_bytes ? n_bytes : 1);
    const ferry_err err =
        bytes ? ferry_region_read(&t->region, 0, bytes, n_bytes) : FERRY_ERR_NO_MEMORY;
    if (err) {
        exit_code = cli_fail_err(call->out, err, &(struct ferry_about){.file = v->flash_path});
    } else {
        if (cut->trim_bytes)
            n_bytes = trimmed(bytes, n_bytes, cut->trim_bytes);
        exit_code = cli_put_file(call, file, bytes, n_bytes);
    }
    free(bytes);
    if (!exit_code)
        say_read(call, t, file, n_bytes, list);
    return exit_code;
}

static int read_all(const struct cli_call *call, struct ferry_vdevice *v, bool slots_only,
                    const struct partition_pair *pairs, size_t n, const struct cut *cut)
{
    static struct partition_target targets[PARTITION_PAIRS];
    cJSON *list = cJSON_AddArrayToObject(cli_json(call->out), "read");
    int exit_code = CLI_EXIT_OK;
    for (size_t i = 0; !exit_code && i < n; i++)
        exit_code = partition_target_find(call, v, pairs[i].name, slots_only, &targets[i]);
    for (size_t i = 0; !exit_code && i < n; i++)
        exit_code = read_one(call, v, &targets[i], cut, pairs[i].file, list);
    return exit_code;
}

static int run(struct cli_call *call, bool slots_only)
{
    static struct ferry_vdevice v;
    struct partition_pair pairs[PARTITION_PAIRS];
    struct cut cut = {.only_image = cli_has(call, OPT_IMAGE)};
    size_t n;
    if (!cli_number(call, OPT_TRIM, 0x1000000, &cut.trim_bytes))
        return CLI_EXIT_USAGE;
    int exit_code = partition_pairs_read(call, pairs, &n);
    for (size_t i = 0; !exit_code && i < n; i++) {
        if (!pairs[i].file)
            pairs[i].file = "-";
        if (strcmp(pairs[i].file, "-") != 0)
            continue;
        if (call->out->json)
            return cli_usage(call, "the contents and --json both want standard output; name a "
                                   "file");
        if (isatty(STDOUT_FILENO))
            return cli_usage(call, "a terminal is no place for the bytes of %s; name a file",
                             pairs[i].name);
    }
    if (!exit_code)
        exit_code = cli_open_device(call, &v, false, false);
    if (exit_code)
        return exit_code;
    exit_code = read_all(call, &v, slots_only, pairs, n, &cut);
    ferry_vdevice_close(&v);
    return exit_code ? exit_code : cli_done(call->out);
}

static int run_partitions(struct cli_call *call)
{
    return run(call, false);
}

static int run_slots(struct cli_call *call)
{
    return run(call, true);
}

static const struct cli_example examples[] = {
    {"ferry partitions read dump.bin nvs nvs.bin", "one partition into a file"},
    {"ferry partitions read dump.bin bootloader=boot.bin table=table.bin vfs=vfs.img",
     "several at once"},
    {"ferry partitions read dev ota_0 --image | sha256sum", "an app, without what lies behind it"},
    {0},
};

const struct cli_command cli_cmd_partitions_read = {
    .name = "partitions read",
    .summary = "copy what lies in partitions into files",
    .args = "DEVICE NAME [FILE] | NAME=FILE...",
    .about = CLI_DEVICE_ABOUT " " PARTITION_NAME_ABOUT " Without FILE, or with -, the bytes go to "
                              "standard output.",
    .min_args = 2,
    .max_args = PARTITION_PAIRS,
    .options = options,
    .shared = cli_device_options,
    .examples = examples,
    .run = run_partitions,
};

static const struct cli_example slot_examples[] = {
    {"ferry slots read dump.bin 1 app.bin --image", "the app in ota_1"},
    {0},
};

const struct cli_command cli_cmd_slots_read = {
    .name = "slots read",
    .summary = "copy what lies in app slots into files",
    .args = "DEVICE SLOT [FILE] | SLOT=FILE...",
    .about = CLI_DEVICE_ABOUT " SLOT is a number, as 1 for ota_1, a slot's name, or its "
                              "partition's label.",
    .min_args = 2,
    .max_args = PARTITION_PAIRS,
    .options = options,
    .shared = cli_device_options,
    .examples = slot_examples,
    .run = run_slots,
};
