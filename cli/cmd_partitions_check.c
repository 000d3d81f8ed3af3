/* cli/cmd_partitions_check.c - `ferry partitions check`: the rules of Espressif's tool, what its
 * bootloader says, and what the layout means for updates; all of it, not the first fault alone. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "device_words.h"
#include "partition_findings.h"

struct report {
    struct cli_call *call;
    cJSON *list;
};

static void say(void *ctx, enum finding_level level, const char *text)
{
    static const char *const words[] = {"problem", "warning", "note"};
    static const enum cli_colour colours[] = {CLI_BAD, CLI_WARN, CLI_DIM};
    const struct report *r = ctx;
    struct cli_output *out = r->call->out;
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "level", words[level]);
    cJSON_AddStringToObject(item, "text", text);
    cJSON_AddItemToArray(r->list, item);
    cli_text(out, "%s%s%s: %s\n", cli_colour(out, colours[level]), words[level],
             cli_colour(out, CLI_PLAIN), text);
}

static void say_problem(void *ctx, const char *line)
{
    finding(ctx, FINDING_PROBLEM, "%s", line);
}

static void say_warning(void *ctx, const char *line)
{
    finding(ctx, FINDING_WARNING, "%s", line);
}

static void say_failure(struct findings *f, const struct partition_input *in,
                        struct ferry_rows *rows, ferry_err err)
{
    char words[FERRY_SENTENCE_BYTES], shown[FERRY_SENTENCE_BYTES];
    rows->fault.err = err;
    ferry_sentence(words, sizeof(words), &rows->fault,
                   &(struct ferry_about){.file = in->path, .detail = rows->detail});
    finding(f, FINDING_PROBLEM, "%s", cli_printable(shown, sizeof(shown), words));
}

/** The rules of Espressif's tool; returns what it would fail with. *usable: it could at least be
 * read, and stored. */
static ferry_err check_rules(struct findings *f, const struct partition_input *in, bool *usable)
{
    struct ferry_rows rows = {0};
    uint8_t table[FERRY_TABLE_BYTES];
    ferry_err err = ferry_rows_read(&rows, in->bytes, in->n_bytes, &in->options);
    *usable = !err;
    if (!err)
        err = ferry_rows_check(&rows, &in->options);
    if (rows.problems.n)
        partition_each_line(rows.problems.text, say_problem, f);
    else if (err)
        say_failure(f, in, &rows, err);
    if (*usable && in->source == PARTITION_CSV) {
        const ferry_err full = ferry_rows_encode(&rows, &in->options, table);
        *usable = !full;
        if (full)
            say_failure(f, in, &rows, full);
    }
    partition_each_line(rows.warnings.text, say_warning, f);
    ferry_rows_free(&rows);
    return err;
}

static int conclude(struct cli_call *call, const struct partition_input *in,
                    const struct findings *f)
{
    cJSON *root = cli_json(call->out);
    cJSON_AddNumberToObject(root, "problems", f->n[FINDING_PROBLEM]);
    cJSON_AddNumberToObject(root, "warnings", f->n[FINDING_WARNING]);
    if (f->n[FINDING_PROBLEM])
        return cli_fail_text(call->out, FERRY_ERR_TABLE_RULE, "%s: %u problem%s, %u warning%s",
                             in->path, f->n[FINDING_PROBLEM], f->n[FINDING_PROBLEM] == 1 ? "" : "s",
                             f->n[FINDING_WARNING], f->n[FINDING_WARNING] == 1 ? "" : "s");
    cli_text(call->out, "%s: %u partition%s, no problem, %u warning%s.\n", in->path,
             (unsigned)in->n_partitions, in->n_partitions == 1 ? "" : "s", f->n[FINDING_WARNING],
             f->n[FINDING_WARNING] == 1 ? "" : "s");
    return cli_done(call->out);
}

static int check(struct cli_call *call, struct partition_input *in)
{
    struct report r = {call, cJSON_AddArrayToObject(cli_json(call->out), "findings")};
    struct findings f = {.each = say, .ctx = &r};
    bool usable;
    const ferry_err err = check_rules(&f, in, &usable);
    if (in->source == PARTITION_CSV && !usable)
        return conclude(call, in, &f);
    const int exit_code = partition_input_decode(call, in);
    if (exit_code)
        return exit_code;
    // What was refused for the same reason already needs no second complaint.
    if (in->fault.err && usable && in->fault.err != err) {
        char words[FERRY_SENTENCE_BYTES];
        finding(&f, FINDING_PROBLEM, "the bootloader refuses it: %s",
                ferry_sentence(words, sizeof(words), &in->fault, NULL));
    }
    find_in_layout(&f, in);
    return conclude(call, in, &f);
}

static int run(struct cli_call *call)
{
    struct partition_input in;
    int exit_code = partition_input_open(call, &in);
    if (!exit_code)
        exit_code = partition_need_table(call, &in);
    if (!exit_code)
        exit_code = check(call, &in);
    partition_input_close(&in);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry partitions check partitions.csv --flash-size 4MB", "before it is built in"},
    {"ferry partitions check dev", "the table that a device has"},
    {0},
};

const struct cli_command cli_cmd_partitions_check = {
    .name = "partitions check",
    .summary = "check a partition table against every rule, and say what it means for updates",
    .args = "TABLE|DEVICE",
    .about = "Problems are what Espressif's tool or bootloader refuses; warnings are what works, "
             "but hardly as meant. " PARTITION_INPUT_ABOUT,
    .min_args = 1,
    .max_args = 1,
    .shared = partition_options,
    .examples = examples,
    .exits = "there are problems",
    .run = run,
};
