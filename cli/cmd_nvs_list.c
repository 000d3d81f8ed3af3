/* cli/cmd_nvs_list.c - `ferry nvs list`: what a store holds, as a table or as JSON. */
#include <stdio.h>
#include <string.h>

#include "device_words.h"
#include "nvs_words.h"

#define VALUE_COLUMNS 48
#define NAME_BYTES    (FERRY_NVS_NAME_BYTES * 4)

enum { OPT_NAMESPACE = CLI_OPT_OWN, OPT_SHOW_SECRETS };

static const struct argp_option options[] = {
    {"namespace", OPT_NAMESPACE, "NAME", 0, "Only the keys of this namespace", 0},
    {"show-secrets", OPT_SHOW_SECRETS, 0, 0, "Print secret values as well", 0},
    {0},
};

struct listing {
    const struct cli_call *call;
    const struct nvs_input *in;
    struct ferry_nvs *nvs;
    cJSON *entries;
    uint32_t n_listed, n_hidden, n_damaged;
    bool has_rows;
};

static void print_row(struct listing *l, const char *ns, const char *key, const char *type,
                      const char *size, const char *value)
{
    struct cli_output *out = l->call->out;
    if (!l->has_rows)
        cli_text(out, "%s%-15s  %-15s  %-6s  %6s  %s%s\n", cli_colour(out, CLI_BOLD), "Namespace",
                 "Key", "Type", "Size", "Value", cli_colour(out, CLI_PLAIN));
    l->has_rows = true;
    cli_text(out, "%-15s  %-15s  %-6s  %6s  %s\n", ns, key, type, size, value);
}

/* The value's words and its JSON; a damaged one is said to be, and the listing goes on. */
static ferry_err show_value(struct listing *l, const struct ferry_nvs_info *info, const char *ns,
                            struct ferry_strbuf *words, cJSON *item)
{
    struct nvs_value value = {.info = *info};
    if (nvs_is_secret(ns, info->key, info->type) && !cli_has(l->call, OPT_SHOW_SECRETS)) {
        ferry_strbuf_addf(words, "(hidden)");
        cJSON_AddNullToObject(item, "value");
        cJSON_AddTrueToObject(item, "hidden");
        l->n_hidden++;
        return FERRY_OK;
    }
    ferry_err err = nvs_value_read(l->nvs, info, &value);
    if (!err) {
        nvs_value_words(&value, VALUE_COLUMNS, words);
        nvs_value_json(&value, item);
    } else if (err == FERRY_ERR_NVS_DATA || err == FERRY_ERR_NVS_KEY) {
        ferry_strbuf_addf(words, "(damaged)");
        cJSON_AddNullToObject(item, "value");
        cJSON_AddTrueToObject(item, "damaged");
        l->n_damaged++;
        err = FERRY_OK;
    }
    nvs_value_free(&value);
    return err;
}

static ferry_err list_key(struct listing *l, const struct ferry_nvs_info *info)
{
    char ns[FERRY_NVS_NAME_BYTES] = "", clean_ns[NAME_BYTES], clean_key[NAME_BYTES], size[16];
    struct ferry_strbuf words = {0};
    const char *type = ferry_nvs_type_name(info->type);
    if (ferry_nvs_namespace_name(l->nvs, info->ns, ns))
        snprintf(ns, sizeof(ns), "(number %u)", info->ns);
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(l->entries, item);
    cJSON_AddStringToObject(item, "namespace", cli_printable(clean_ns, sizeof(clean_ns), ns));
    cJSON_AddStringToObject(item, "key", cli_printable(clean_key, sizeof(clean_key), info->key));
    cJSON_AddStringToObject(item, "type", type ? type : "?");
    cJSON_AddNumberToObject(item, "size", info->size_bytes);
    const ferry_err err = show_value(l, info, ns, &words, item);
    snprintf(size, sizeof(size), "%u", (unsigned)info->size_bytes);
    if (!err)
        print_row(l, clean_ns, clean_key, type ? type : "?", size, words.text ? words.text : "");
    if (words.text)
        explicit_bzero(words.text, words.n);
    ferry_strbuf_free(&words);
    l->n_listed++;
    return err;
}

static ferry_err list_keys(struct listing *l)
{
    struct ferry_nvs_iter it = {0};
    struct ferry_nvs_info info;
    const char *name = cli_value(l->call, OPT_NAMESPACE);
    ferry_err err = name ? ferry_nvs_namespace(l->nvs, name, false, &it.ns) : FERRY_OK;
    while (!err) {
        err = ferry_nvs_next(l->nvs, &it, &info);
        if (!err)
            err = list_key(l, &info);
    }
    return err == FERRY_ERR_NOT_FOUND ? FERRY_OK : err;
}

static ferry_err print_stats(struct listing *l)
{
    struct ferry_nvs_stats s;
    struct cli_output *out = l->call->out;
    const ferry_err err = ferry_nvs_stats(l->nvs, &s);
    if (err)
        return err;
    cli_text(out, "%s%u key%s%s in %u namespace%s; %u of %u entries used, %u can be written\n",
             l->has_rows ? "\n" : "", (unsigned)l->n_listed, l->n_listed == 1 ? "" : "s",
             cli_has(l->call, OPT_NAMESPACE) ? " shown" : "", (unsigned)s.n_namespaces,
             s.n_namespaces == 1 ? "" : "s", (unsigned)s.n_used, (unsigned)s.n_total,
             (unsigned)s.n_available);
    if (l->n_hidden)
        cli_text(out, "%u secret value%s hidden; --show-secrets prints them\n",
                 (unsigned)l->n_hidden, l->n_hidden == 1 ? "" : "s");
    if (l->n_damaged)
        cli_text(out, "%u value%s damaged; 'ferry nvs check' explains\n", (unsigned)l->n_damaged,
                 l->n_damaged == 1 ? "" : "s");
    cJSON *stats = cJSON_AddObjectToObject(cli_json(out), "statistics");
    cJSON_AddNumberToObject(stats, "used", s.n_used);
    cJSON_AddNumberToObject(stats, "free", s.n_free);
    cJSON_AddNumberToObject(stats, "available", s.n_available);
    cJSON_AddNumberToObject(stats, "total", s.n_total);
    cJSON_AddNumberToObject(stats, "namespaces", s.n_namespaces);
    return FERRY_OK;
}

static int list_store(const struct cli_call *call, struct nvs_input *in)
{
    struct nvs_store store;
    const int exit_code = nvs_store_open(call, in, &store);
    if (exit_code)
        return exit_code;
    cJSON *root = cli_json(call->out);
    cJSON_AddStringToObject(root, "source", in->is_image ? "image" : "device");
    if (!in->is_image)
        cJSON_AddStringToObject(root, "partition", in->row.label);
    cJSON_AddBoolToObject(root, "encrypted", nvs_input_xts(in) != NULL);
    struct listing l = {.call = call, .in = in, .nvs = &store.nvs};
    l.entries = cJSON_AddArrayToObject(root, "entries");
    ferry_err err = list_keys(&l);
    if (!err)
        err = print_stats(&l);
    nvs_store_close(&store);
    return err ? nvs_fail(call, in, &store.nvs.fault, cli_value(call, OPT_NAMESPACE))
               : cli_done(call->out);
}

static int run(struct cli_call *call)
{
    struct nvs_input in;
    int exit_code = nvs_input_open(call, &in, false);
    if (exit_code)
        return exit_code;
    exit_code = list_store(call, &in);
    nvs_input_close(&in);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry nvs list dev", "what the device has in its NVS"},
    {"ferry nvs list nvs.bin --namespace wifi --show-secrets", "one namespace, passwords included"},
    {"ferry nvs list dump.bin --json | jq '.entries[].key'", "for a script"},
    {0},
};

const struct cli_command cli_cmd_nvs_list = {
    .name = "nvs list",
    .summary = "show the keys and values of an NVS partition",
    .args = "STORE",
    .about = NVS_INPUT_ABOUT
    "\n" NVS_KEYS_ABOUT "\nValues of secrets are hidden. " NVS_SECRETS_ABOUT
    "\nWhat is shown is what the device would read once it has mounted the store. "
    "Nothing is written.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .shared = nvs_input_options,
    .examples = examples,
    .exits = "there is no such store, or it cannot be read",
    .run = run,
};
