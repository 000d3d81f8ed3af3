/* cli/cmd_nvs_build.c - `ferry nvs build`: the generator's CSV becomes an NVS partition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvs_key_file.h"
#include "nvs_rows.h"
#include "read_file.h"
#include "write_file.h"

#define CSV_BYTES_MAX (16u << 20)

enum { OPT_SIZE = CLI_OPT_OWN, OPT_FORMAT, OPT_ENCRYPT, OPT_KEYS, OPT_NEW_KEYS, OPT_EXACT };

static const struct argp_option options[] = {
    {"size", OPT_SIZE, "N", 0, "Size of the partition, a multiple of 4096 (required)", 0},
    {"version", OPT_FORMAT, "1|2", 0,
     "Format: 2 has blobs over several pages (2); 1 is for ESP-IDF before 4.0", 0},
    {"encrypt", OPT_ENCRYPT, 0, 0, "Encrypt the entries, with --keys or --new-keys", 0},
    {"keys", OPT_KEYS, "FILE", 0, "Keys to encrypt with, as 'ferry nvs keys new' makes them", 0},
    {"new-keys", OPT_NEW_KEYS, "FILE", 0, "Make new keys, encrypt with them, and write them there",
     0},
    {"exact", OPT_EXACT, 0, 0,
     "Give Espressif's generator's bytes also where it misreads the CSV: unknown types are data, "
     "values before any namespace get none, a namespace that goes on is the latest one",
     0},
    {0},
};

/** One build. */
struct build {
    const struct cli_call *call;
    const char *out;
    uint32_t size_bytes;
    int version; // 0: version 1, 1: version 2
    uint8_t key[FERRY_XTS_KEY_BYTES];
    bool is_encrypted;
    struct ferry_xts xts;
    struct ferry_nvs_image image;
    struct ferry_nvs_rows rows;
};

static int read_options(struct build *b)
{
    static const char *const versions[] = {"1", "2", NULL};
    const struct cli_call *call = b->call;
    b->version = 1;
    if (!cli_has(call, OPT_SIZE))
        return cli_usage(call, "--size is missing: how large is the partition to be?");
    if (!cli_number(call, OPT_SIZE, UINT32_MAX, &b->size_bytes) ||
        !cli_choice(call, OPT_FORMAT, versions, &b->version))
        return CLI_EXIT_USAGE;
    if (!b->size_bytes || b->size_bytes % FERRY_NVS_PAGE_BYTES)
        return cli_usage(call, "--size is 4096 or a multiple of it, not %s",
                         cli_value(call, OPT_SIZE));
    b->is_encrypted = cli_has(call, OPT_KEYS) || cli_has(call, OPT_NEW_KEYS);
    if (cli_has(call, OPT_KEYS) && cli_has(call, OPT_NEW_KEYS))
        return cli_usage(call, "--keys and --new-keys exclude each other");
    if (cli_has(call, OPT_ENCRYPT) && !b->is_encrypted)
        return cli_usage(call, "--encrypt needs --keys FILE or --new-keys FILE");
    return CLI_EXIT_OK;
}

static int find_keys(struct build *b)
{
    const char *path = cli_value(b->call, OPT_KEYS);
    if (!b->is_encrypted)
        return CLI_EXIT_OK;
    const int exit_code =
        path ? nvs_key_file_read(b->call, path, b->key) : nvs_key_make(b->call, b->key);
    if (exit_code)
        return exit_code;
    const ferry_err err = ferry_xts_open(&b->xts, b->key);
    return err ? cli_fail_err(b->call->out, err, NULL) : CLI_EXIT_OK;
}

static int add_csv(struct build *b, const char *path)
{
    uint8_t *bytes;
    size_t n;
    int os_errno;
    const bool is_stdin = !strcmp(path, "-");
    const char *name = is_stdin ? "standard input" : path;
    struct ferry_about about = {.file = name};
    ferry_err err =
        ferry_read_file(is_stdin ? "/dev/stdin" : path, CSV_BYTES_MAX, &bytes, &n, &os_errno);
    if (err == FERRY_ERR_RANGE)
        return cli_fail_text(b->call->out, err, "%s is too large; the limit is %s bytes", name,
                             cli_thousands(CSV_BYTES_MAX));
    if (err) {
        about.detail = strerror(os_errno);
        return cli_fail_err(b->call->out, err, &about);
    }
    err = ferry_nvs_rows_add(&b->rows, bytes, n, b->call->n_args > 2 ? name : NULL);
    free(bytes);
    about.detail = b->rows.detail;
    return err ? cli_fail_err(b->call->out, err, &about) : CLI_EXIT_OK;
}

static void print_warnings(const struct build *b)
{
    const char *line = b->rows.warnings.text ? b->rows.warnings.text : "";
    cJSON *list = cJSON_AddArrayToObject(cli_json(b->call->out), "warnings");
    while (*line) {
        char text[FERRY_NVS_ROWS_DETAIL_BYTES + 256];
        const size_t n = strcspn(line, "\n");
        snprintf(text, sizeof(text), "%.*s", (int)n, line);
        cli_warn(b->call->out, "%s", text);
        cJSON_AddItemToArray(list, cJSON_CreateString(text));
        line += n + (line[n] == '\n');
    }
}

static int refuse_image(const struct build *b)
{
    const struct ferry_fault *f = &b->image.fault;
    if (f->err != FERRY_ERR_NVS_FULL)
        return cli_fail(b->call->out, f, NULL);
    return cli_fail_text(b->call->out, f->err,
                         "--size 0x%x leaves %u page%s for values, which end at line %u of the "
                         "CSV; all of it needs %u: --size 0x%x would do",
                         (unsigned)b->size_bytes, (unsigned)f->limit, f->limit == 1 ? "" : "s",
                         (unsigned)b->rows.full_line, (unsigned)f->value,
                         (unsigned)ferry_nvs_image_needs_bytes(&b->image));
}

static int write_image(struct build *b, uint32_t n_bytes)
{
    int os_errno;
    struct cli_output *out = b->call->out;
    const ferry_err err = ferry_write_file(b->out, b->image.bytes, n_bytes, &os_errno);
    if (err)
        return cli_fail_err(out, err, &(struct ferry_about){b->out, NULL, strerror(os_errno)});
    cJSON *root = cli_json(out);
    cJSON_AddStringToObject(root, "out", b->out);
    cJSON_AddNumberToObject(root, "size", n_bytes);
    cJSON_AddNumberToObject(root, "values", b->rows.n_values);
    cJSON_AddNumberToObject(root, "namespaces", b->image.n_namespaces);
    cJSON_AddNumberToObject(root, "pages", b->image.n_pages);
    cJSON_AddBoolToObject(root, "encrypted", b->is_encrypted);
    if (n_bytes < 3 * FERRY_NVS_PAGE_BYTES)
        cli_warn(out, "a partition under 0x3000 bytes can only be read; give it the flag readonly");
    cli_text(out, "%s: %s bytes%s, %u value%s in %u namespace%s, %u of %u pages used\n", b->out,
             cli_thousands(n_bytes), b->is_encrypted ? ", encrypted" : "",
             (unsigned)b->rows.n_values, b->rows.n_values == 1 ? "" : "s",
             (unsigned)b->image.n_namespaces, b->image.n_namespaces == 1 ? "" : "s",
             (unsigned)b->image.n_pages, (unsigned)(b->size_bytes / FERRY_NVS_PAGE_BYTES));
    return CLI_EXIT_OK;
}

static int build(struct build *b)
{
    const struct cli_call *call = b->call;
    const char *new_keys = cli_value(call, OPT_NEW_KEYS);
    uint32_t n_bytes;
    if (ferry_nvs_image_begin(&b->image, b->size_bytes, b->version ? 2 : 1,
                              b->is_encrypted ? &b->xts : NULL))
        return refuse_image(b);
    b->rows.image = &b->image;
    b->rows.exact = cli_has(call, OPT_EXACT);
    int exit_code = CLI_EXIT_OK;
    for (int i = 0; i < call->n_args - 1 && !exit_code; i++)
        exit_code = add_csv(b, call->args[i]);
    if (exit_code)
        return exit_code;
    print_warnings(b);
    if (ferry_nvs_image_end(&b->image, &n_bytes))
        return refuse_image(b);
    // Keys first: an image that nobody has the keys to is of no use.
    if (new_keys)
        exit_code = nvs_key_file_write(call, new_keys, b->key);
    if (!exit_code)
        exit_code = write_image(b, n_bytes);
    return exit_code ? exit_code : cli_done(call->out);
}

static int run(struct cli_call *call)
{
    struct build b = {.call = call, .out = call->args[call->n_args - 1]};
    int exit_code = read_options(&b);
    if (!exit_code)
        exit_code = find_keys(&b);
    if (!exit_code)
        exit_code = build(&b);
    explicit_bzero(b.key, sizeof(b.key));
    ferry_xts_close(&b.xts);
    ferry_nvs_rows_free(&b.rows);
    ferry_nvs_image_free(&b.image);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry nvs build nvs.csv nvs.bin --size 0x6000", "a partition of 24 KB"},
    {"ferry nvs build base.csv unit-7.csv nvs.bin --size 24K",
     "from two files, one after the other"},
    {"ferry nvs build nvs.csv nvs.bin --size 0x6000 --encrypt --keys keys.bin", "encrypted"},
    {0},
};

const struct cli_command cli_cmd_nvs_build = {
    .name = "nvs build",
    .summary = "make an NVS partition from a CSV",
    .args = "CSV... OUT",
    .about =
        "The CSV is that of Espressif's nvs_partition_gen, and so are the bytes: a row of "
        "key,type,encoding,value; then a namespace, data or file in each row. - is standard "
        "input. Encodings are u8, i8, u16, i16, u32, i32, u64, i64, string, hex2bin, base64, "
        "binary, blob_fill(N;0xHH) and blob_sz_fill(N;0xHH); float and double are ferry's own. "
        "Paths of file rows count from the current folder.\n"
        "Where the generator silently does something else than the CSV says, ferry refuses or "
        "does what it says, with a warning; see --exact. It also takes numbers in hex, and "
        "strings of 3968 to 3999 characters, which the generator fails on.\n"
        "Nothing is written unless all of it is good.",
    .min_args = 2,
    .max_args = 64,
    .options = options,
    .examples = examples,
    .exits = "the CSV is not usable (line and column are named), or does not fit the size",
    .run = run,
};
