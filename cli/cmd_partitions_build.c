/* cli/cmd_partitions_build.c - `ferry partitions build`: CSV to binary and binary to CSV, byte for
 * byte as gen_esp32part.py does it, with its options. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "partition_input.h"
#include "put_file.h"

enum { OPT_OUT = 'o' };

static const struct argp_option options[] = {
    {"output", OPT_OUT, "FILE", 0, "Where the result goes; - is standard output (required)", 0},
    {0},
};

/** The result, in whichever form is not the input's. */
struct result {
    uint8_t table[FERRY_TABLE_BYTES];
    struct ferry_strbuf csv;
    const void *bytes;
    size_t n_bytes;
};

static ferry_err convert(const struct partition_input *in, struct ferry_rows *rows,
                         struct result *r)
{
    ferry_err err = ferry_rows_read(rows, in->bytes, in->n_bytes, &in->options);
    if (!err)
        err = ferry_rows_check(rows, &in->options);
    if (err)
        return err;
    if (rows->was_binary) {
        err = ferry_rows_csv(rows, &in->options, &r->csv);
        r->bytes = r->csv.text;
        r->n_bytes = r->csv.n;
        return err;
    }
    r->bytes = r->table;
    r->n_bytes = sizeof(r->table);
    return ferry_rows_encode(rows, &in->options, r->table);
}

static void say_warning(void *ctx, const char *line)
{
    const struct cli_call *call = ctx;
    cli_warn(call->out, "%s", line);
}

static void say_built(struct cli_call *call, const struct ferry_rows *rows, const char *path,
                      const struct result *r)
{
    cJSON *root = cli_json(call->out);
    cJSON_AddStringToObject(root, "output", path);
    cJSON_AddNumberToObject(root, "bytes", (double)r->n_bytes);
    cJSON_AddNumberToObject(root, "partitions", (double)rows->n_rows);
    cli_text(call->out, "%s: %zu partition%s, %s bytes%s.\n", path, rows->n_rows,
             rows->n_rows == 1 ? "" : "s", cli_thousands(r->n_bytes),
             rows->was_binary ? " of CSV" : "");
}

static int build(struct cli_call *call, const struct partition_input *in, const char *path)
{
    struct ferry_rows rows = {0};
    struct result r = {0};
    const ferry_err err = convert(in, &rows, &r);
    partition_each_line(rows.warnings.text, say_warning, call);
    int exit_code =
        err ? partition_fail(call, in, &rows, err) : cli_put_file(call, path, r.bytes, r.n_bytes);
    if (!exit_code) {
        say_built(call, &rows, path, &r);
        exit_code = cli_done(call->out);
    }
    ferry_strbuf_free(&r.csv);
    ferry_rows_free(&rows);
    return exit_code;
}

static int run(struct cli_call *call)
{
    struct partition_input in;
    const char *path = cli_value(call, OPT_OUT);
    if (!path)
        return cli_usage(call, "-o is missing: where shall the table go?");
    int exit_code = partition_input_open(call, &in);
    if (!exit_code)
        exit_code = partition_need_table(call, &in);
    if (!exit_code)
        exit_code = build(call, &in, path);
    partition_input_close(&in);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry partitions build partitions.csv -o table.bin --flash-size 4MB",
     "the table that goes on flash"},
    {"ferry partitions build table.bin -o -", "back to CSV, on the terminal"},
    {"ferry partitions build dev -o partitions.csv", "the CSV of a device's table"},
    {0},
};

const struct cli_command cli_cmd_partitions_build = {
    .name = "partitions build",
    .summary = "make a binary partition table from CSV, or CSV from a binary one",
    .args = "TABLE|DEVICE",
    .about = "The result is what gen_esp32part.py makes of the same input, byte for byte; the "
             "options are named as there. " PARTITION_INPUT_ABOUT,
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .shared = partition_options,
    .examples = examples,
    .exits = "the table breaks a rule, or cannot be read or written",
    .run = run,
};
