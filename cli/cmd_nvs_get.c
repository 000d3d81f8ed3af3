/* cli/cmd_nvs_get.c - `ferry nvs get`: one value, on the screen, as JSON or into a file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nvs_words.h"
#include "write_file.h"

enum { OPT_OUT = 'o', OPT_TYPE = CLI_OPT_OWN };

static const struct argp_option options[] = {
    {"out", OPT_OUT, "FILE", 0,
     "Write the value there: a blob's bytes, a string without its NUL, a number's digits", 0},
    {"type", OPT_TYPE, "TYPE", 0, "Refuse a value of another type", 0},
    {0},
};

struct request {
    const char *ns, *key, *out;
    bool has_type;
    enum ferry_nvs_type type;
};

static ferry_err read_value(struct ferry_nvs *nvs, const struct request *q, struct nvs_value *v)
{
    struct ferry_nvs_info info;
    uint8_t ns;
    ferry_err err = ferry_nvs_namespace(nvs, q->ns, false, &ns);
    if (!err)
        err = ferry_nvs_find(nvs, ns, q->key, &info);
    if (!err && q->has_type && info.type != q->type)
        return ferry_fail(&nvs->fault, FERRY_ERR_NVS_TYPE, info.type, q->type, 0);
    return err ? err : nvs_value_read(nvs, &info, v);
}

static int write_out(const struct cli_call *call, const struct nvs_value *v, const char *path)
{
    char number[40];
    const uint8_t *bytes = v->bytes;
    size_t n = v->info.size_bytes;
    int os_errno;
    if (!bytes) {
        bytes =
            (const uint8_t *)ferry_nvs_number_words(number, sizeof(number), v->info.type, v->bits);
        n = strlen(number);
    } else if (v->info.type == FERRY_NVS_STRING && n) {
        n = strnlen((const char *)bytes, n);
    }
    const ferry_err err = ferry_write_file(path, bytes, n, &os_errno);
    if (err)
        return cli_fail_err(call->out, err, &(struct ferry_about){path, NULL, strerror(os_errno)});
    cli_text(call->out, "%s: %s bytes\n", path, cli_thousands(n));
    return CLI_EXIT_OK;
}

static void print_value(struct cli_output *out, const struct nvs_value *v)
{
    char number[40];
    if (ferry_nvs_type_is_number(v->info.type))
        cli_text(out, "%s\n",
                 ferry_nvs_number_words(number, sizeof(number), v->info.type, v->bits));
    else if (v->info.type == FERRY_NVS_STRING)
        cli_text(out, "%s\n", (const char *)v->bytes);
    for (uint32_t i = 0; v->info.type == FERRY_NVS_BLOB && i < v->info.size_bytes; i++)
        cli_text(out, "%02x", v->bytes[i]);
    if (v->info.type == FERRY_NVS_BLOB)
        cli_text(out, "\n");
}

static int answer(const struct cli_call *call, const struct request *q, const struct nvs_value *v)
{
    cJSON *root = cli_json(call->out);
    cJSON_AddStringToObject(root, "namespace", q->ns);
    cJSON_AddStringToObject(root, "key", q->key);
    cJSON_AddStringToObject(root, "type", ferry_nvs_type_name(v->info.type));
    cJSON_AddNumberToObject(root, "size", v->info.size_bytes);
    if (!q->out) {
        nvs_value_json(v, root);
        print_value(call->out, v);
        return cli_done(call->out);
    }
    cJSON_AddStringToObject(root, "out", q->out);
    const int exit_code = write_out(call, v, q->out);
    return exit_code ? exit_code : cli_done(call->out);
}

/* Types in words, where the error list has only numbers. */
static int refuse(const struct cli_call *call, const struct nvs_input *in,
                  const struct ferry_fault *fault, const struct request *q)
{
    char what[96];
    snprintf(what, sizeof(what), "%s/%s", q->ns, q->key);
    if (fault->err != FERRY_ERR_NVS_TYPE)
        return nvs_fail(call, in, fault, fault->err == FERRY_ERR_NVS_NAMESPACE ? q->ns : what);
    return cli_fail_text(call->out, fault->err, "%s is of type %s, not %s", what,
                         ferry_nvs_type_name(fault->value), ferry_nvs_type_name(fault->limit));
}

static int get(const struct cli_call *call, const struct request *q)
{
    struct nvs_input in;
    struct nvs_store store;
    struct nvs_value value = {0};
    int exit_code = nvs_input_open(call, &in, false);
    if (exit_code)
        return exit_code;
    exit_code = nvs_store_open(call, &in, &store);
    if (!exit_code) {
        exit_code = read_value(&store.nvs, q, &value) ? refuse(call, &in, &store.nvs.fault, q)
                                                      : answer(call, q, &value);
        nvs_value_free(&value);
        nvs_store_close(&store);
    }
    nvs_input_close(&in);
    return exit_code;
}

static int run(struct cli_call *call)
{
    const char *type = cli_value(call, OPT_TYPE);
    struct request q = {.ns = call->args[1],
                        .key = call->args[2],
                        .out = cli_value(call, OPT_OUT),
                        .has_type = type != NULL};
    if (type && !ferry_nvs_type_by_name(type, &q.type))
        return cli_usage(call,
                         "there is no type '%s'; types are u8 to u64, i8 to i64, float, "
                         "double, string, blob",
                         type);
    return get(call, &q);
}

static const struct cli_example examples[] = {
    {"ferry nvs get dev wifi ssid", "print a value; a blob in hex"},
    {"ferry nvs get nvs.bin mtls_auth cert --out cert.pem", "into a file, as it is"},
    {"ferry nvs get dev app boots --type u32 --json", "for a script, and only of this type"},
    {0},
};

const struct cli_command cli_cmd_nvs_get = {
    .name = "nvs get",
    .summary = "print one value of an NVS partition",
    .args = "STORE NAMESPACE KEY",
    .about = NVS_INPUT_ABOUT "\n" NVS_KEYS_ABOUT "\nSecret values are printed as well: they were "
                             "asked for by name.",
    .min_args = 3,
    .max_args = 3,
    .options = options,
    .shared = nvs_input_options,
    .examples = examples,
    .exits = "there is no such key, it is of another type, or its value is damaged",
    .run = run,
};
