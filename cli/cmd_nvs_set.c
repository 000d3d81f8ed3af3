/* cli/cmd_nvs_set.c - `ferry nvs set`: one value, written as a chip would write it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvs_words.h"
#include "read_file.h"

/** What is to be set. */
struct setting {
    const char *ns, *key;
    enum ferry_nvs_type type;
    uint64_t bits;
    struct ferry_strbuf text; // of a string or blob
};

static int refuse_value(const struct cli_call *call, const struct setting *s, const char *why)
{
    return cli_fail_text(call->out, FERRY_ERR_RANGE, "%s/%s: %s", s->ns, s->key, why);
}

/* The bytes behind '@FILE' or '-'. */
static int read_file(const struct cli_call *call, struct setting *s, const char *path)
{
    uint8_t *bytes;
    size_t n;
    int os_errno;
    const ferry_err err =
        ferry_read_file(*path ? path : "/dev/stdin", FERRY_NVS_BLOB_MAX, &bytes, &n, &os_errno);
    const char *name = *path ? path : "standard input";
    char why[FERRY_NVS_WHY_BYTES];
    if (err == FERRY_ERR_RANGE) {
        snprintf(why, sizeof(why), "%s is longer than a value can be; the limit is %u bytes", name,
                 FERRY_NVS_BLOB_MAX);
        return refuse_value(call, s, why);
    }
    if (err)
        return cli_fail_err(call->out, err, &(struct ferry_about){name, NULL, strerror(os_errno)});
    ferry_strbuf_add(&s->text, (const char *)bytes, n);
    free(bytes);
    return CLI_EXIT_OK;
}

static bool after(const char *text, const char *prefix, const char **rest)
{
    const size_t n = strlen(prefix);
    *rest = text + n;
    return !strncmp(text, prefix, n);
}

static int read_text(const struct cli_call *call, struct setting *s, const char *value)
{
    char why[FERRY_NVS_WHY_BYTES];
    const char *rest;
    const bool is_string = s->type == FERRY_NVS_STRING;
    ferry_strbuf_add(&s->text, "", 0);
    if (!strcmp(value, "-"))
        return read_file(call, s, "");
    if (*value == '@')
        return read_file(call, s, value + 1);
    bool ok = true;
    if (is_string)
        ferry_strbuf_add(&s->text, after(value, "text:", &rest) ? rest : value,
                         strlen(after(value, "text:", &rest) ? rest : value));
    else if (after(value, "base64:", &rest))
        ok = ferry_nvs_parse_base64(rest, strlen(rest), &s->text, why);
    else
        ok = ferry_nvs_parse_hex(after(value, "hex:", &rest) ? rest : value,
                                 strlen(after(value, "hex:", &rest) ? rest : value), &s->text, why);
    return ok ? CLI_EXIT_OK : refuse_value(call, s, why);
}

/* Settles all that can be settled before the store is opened. */
static int read_setting(const struct cli_call *call, struct setting *s)
{
    char why[FERRY_NVS_WHY_BYTES];
    const char *value = call->args[4];
    s->ns = call->args[1];
    s->key = call->args[2];
    if (!ferry_nvs_type_by_name(call->args[3], &s->type))
        return cli_usage(call,
                         "there is no type '%s'; types are u8 to u64, i8 to i64, float, "
                         "double, string, blob",
                         call->args[3]);
    if (ferry_nvs_type_is_number(s->type))
        return ferry_nvs_parse_number(s->type, value, strlen(value), &s->bits, why)
                   ? CLI_EXIT_OK
                   : refuse_value(call, s, why);
    const int exit_code = read_text(call, s, value);
    if (exit_code)
        return exit_code;
    if (s->text.failed)
        return cli_fail_err(call->out, FERRY_ERR_NO_MEMORY, NULL);
    if (s->type == FERRY_NVS_STRING && memchr(s->text.text, '\0', s->text.n))
        return refuse_value(call, s, "a string cannot hold a NUL; a blob can");
    return CLI_EXIT_OK;
}

static ferry_err change(struct ferry_nvs *nvs, void *ctx)
{
    const struct setting *s = ctx;
    uint8_t ns;
    const ferry_err err = ferry_nvs_namespace(nvs, s->ns, true, &ns);
    if (err)
        return err;
    if (ferry_nvs_type_is_number(s->type))
        return ferry_nvs_set_number(nvs, ns, s->key, s->type, s->bits);
    return s->type == FERRY_NVS_STRING
               ? ferry_nvs_set_string(nvs, ns, s->key, s->text.text)
               : ferry_nvs_set_blob(nvs, ns, s->key, s->text.text, (uint32_t)s->text.n);
}

static int answer(const struct cli_call *call, const struct setting *s, bool changed)
{
    cJSON *root = cli_json(call->out);
    const size_t n = ferry_nvs_type_is_number(s->type) ? (size_t)s->type & 0xf
                                                       : s->text.n + (s->type == FERRY_NVS_STRING);
    cJSON_AddStringToObject(root, "namespace", s->ns);
    cJSON_AddStringToObject(root, "key", s->key);
    cJSON_AddStringToObject(root, "type", ferry_nvs_type_name(s->type));
    cJSON_AddNumberToObject(root, "size", (double)n);
    cJSON_AddBoolToObject(root, "changed", changed);
    cli_text(call->out, "%s/%s %s %s, %s byte%s\n", s->ns, s->key,
             changed ? "is now" : "was already", ferry_nvs_type_name(s->type), cli_thousands(n),
             n == 1 ? "" : "s");
    return cli_done(call->out);
}

static int set(const struct cli_call *call, struct setting *s)
{
    struct nvs_input in;
    char what[96];
    bool changed;
    int exit_code = nvs_input_open(call, &in, true);
    if (exit_code)
        return exit_code;
    snprintf(what, sizeof(what), "%s/%s", s->ns, s->key);
    exit_code = nvs_input_change(call, &in, change, s, what, &changed);
    if (!exit_code)
        exit_code = answer(call, s, changed);
    nvs_input_close(&in);
    return exit_code;
}

static int run(struct cli_call *call)
{
    struct setting s = {0};
    int exit_code = read_setting(call, &s);
    if (!exit_code)
        exit_code = set(call, &s);
    if (s.text.text)
        explicit_bzero(s.text.text, s.text.n);
    ferry_strbuf_free(&s.text);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry nvs set dev app boots u32 7", "a number; 0x7 does as well"},
    {"ferry nvs set dev app offset i16 -40", "a negative one"},
    {"ferry nvs set dev wifi ssid string 'my net'", "a string"},
    {"ferry nvs set dev mtls_auth cert string @cert.pem", "a string from a file, blobs as well"},
    {"ferry nvs set nvs.bin app id blob base64:AAECAw==", "a blob; without base64: it is hex"},
    {0},
};

const struct cli_command cli_cmd_nvs_set = {
    .name = "nvs set",
    .summary = "write one value of an NVS partition",
    .args = "STORE NAMESPACE KEY TYPE VALUE",
    .about =
        "TYPE is u8, i8, u16, i16, u32, i32, u64, i64, float, double, string or blob. VALUE is a "
        "number; or a string's text; or a blob's bytes in hex, or in base64 behind 'base64:'. Of "
        "strings and blobs, @FILE is the content of a file and - is standard input; 'text:' in "
        "front of a string that begins so keeps it as it is.\n"
        "A missing namespace is made, a value of another type is replaced. The change is tried on "
        "a copy first: a refusal leaves every byte as it was. It is then written as on a chip, so "
        "that at every instant the old value or the new one is there.\n" NVS_INPUT_ABOUT
        "\n" NVS_KEYS_ABOUT,
    .min_args = 5,
    .max_args = 5,
    .negative_args = true,
    .shared = nvs_input_options,
    .examples = examples,
    .exits = "the value does not suit its type, the store is full or read-only",
    .run = run,
};
