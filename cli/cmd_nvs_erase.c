/* cli/cmd_nvs_erase.c - `ferry nvs erase`: a key, the keys of a namespace, or the whole store. */
#include <stdio.h>
#include <string.h>

#include "nvs_words.h"

enum { OPT_ALL = CLI_OPT_OWN, OPT_PURGE };

static const struct argp_option options[] = {
    {"all", OPT_ALL, 0, 0, "Erase the whole partition, damaged or not", 0},
    {"purge", OPT_PURGE, 0, 0,
     "Overwrite what is erased, this time and earlier, so that it cannot be read from the flash",
     0},
    {0},
};

struct erasure {
    const char *ns, *key; // key NULL: all of the namespace
    bool purge;
};

static ferry_err change(struct ferry_nvs *nvs, void *ctx)
{
    const struct erasure *e = ctx;
    uint8_t ns;
    nvs->purge = e->purge;
    ferry_err err = ferry_nvs_namespace(nvs, e->ns, false, &ns);
    if (!err)
        err = e->key ? ferry_nvs_erase(nvs, ns, e->key) : ferry_nvs_erase_all(nvs, ns);
    return !err && e->purge ? ferry_nvs_purge(nvs, ns) : err;
}

static int erase_keys(const struct cli_call *call, struct nvs_input *in)
{
    struct erasure e = {
        .ns = call->args[1],
        .key = call->n_args > 2 ? call->args[2] : NULL,
        .purge = cli_has(call, OPT_PURGE),
    };
    char what[96];
    bool changed;
    snprintf(what, sizeof(what), "%s%s%s", e.ns, e.key ? "/" : "", e.key ? e.key : "");
    const int exit_code = nvs_input_change(call, in, change, &e, what, &changed);
    if (exit_code)
        return exit_code;
    cJSON_AddBoolToObject(cli_json(call->out), "changed", changed);
    cli_text(call->out, "%s: %s\n", what,
             !changed ? "there was nothing to erase"
             : e.key  ? "erased"
                      : "all keys erased");
    return cli_done(call->out);
}

static int erase_store(const struct cli_call *call, struct nvs_input *in)
{
    if (in->is_read_only)
        return nvs_fail(call, in, &(struct ferry_fault){.err = FERRY_ERR_NVS_READ_ONLY},
                        "the partition table says so");
    ferry_err err = ferry_region_erase(&in->region, 0, in->region.size_bytes, true);
    if (!err)
        err = ferry_region_sync(&in->region);
    if (err)
        return nvs_fail(call, in, &(struct ferry_fault){.err = err}, NULL);
    cJSON_AddBoolToObject(cli_json(call->out), "changed", true);
    cli_text(call->out, "%s: %s bytes erased\n", in->is_image ? in->path : in->row.label,
             cli_thousands(in->region.size_bytes));
    return cli_done(call->out);
}

static int run(struct cli_call *call)
{
    struct nvs_input in;
    const bool all = cli_has(call, OPT_ALL);
    if (all && call->n_args > 1)
        return cli_usage(call, "--all erases everything; leave '%s' away", call->args[1]);
    if (!all && call->n_args < 2)
        return cli_usage(call, "what is to be erased? NAMESPACE, NAMESPACE KEY, or --all");
    int exit_code = nvs_input_open(call, &in, true);
    if (exit_code)
        return exit_code;
    exit_code = all ? erase_store(call, &in) : erase_keys(call, &in);
    nvs_input_close(&in);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry nvs erase dev app boots", "one key"},
    {"ferry nvs erase dev mtls_auth --purge", "a namespace, and its bytes with it"},
    {"ferry nvs erase nvs.bin --all", "everything; a damaged store is usable again"},
    {0},
};

const struct cli_command cli_cmd_nvs_erase = {
    .name = "nvs erase",
    .summary = "erase a key, a namespace or all of an NVS partition",
    .args = "STORE [NAMESPACE [KEY]]",
    .about = "A namespace keeps its name and number. Erased values stay readable in the flash "
             "until their page is erased, unless --purge is given. A refusal leaves every byte as "
             "it was.\n" NVS_INPUT_ABOUT "\n" NVS_KEYS_ABOUT,
    .min_args = 1,
    .max_args = 3,
    .options = options,
    .shared = nvs_input_options,
    .examples = examples,
    .exits = "there is no such key or namespace, or the store is read-only",
    .run = run,
};
