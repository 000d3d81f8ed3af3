/* cli/cmd_partitions_edit.c - `ferry partitions edit`: a copy of a device, a merged image or a
 * table with another partition table, that boots what the original boots. Options:
 * partition_edit_args.c; the rows: host/partition_edit.h; the contents: host/partition_copy.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "device_args.h"
#include "device_words.h"
#include "edit_output.h"
#include "partition_edit_args.h"
#include "partition_edit_words.h"
#include "partition_input.h"
#include "progress.h"
#include "put_file.h"
#include "read_file.h"
#include "unicode.h"

#define LONGEST_TABLE_BYTES (1024u * 1024u)
#define LONG_BYTES          0x200000u // what moves less than this is over at once

/** One call; larger than a stack frame should be. */
struct job {
    struct cli_call *call;
    struct partition_edit_args args;
    struct ferry_edit edit;
    struct ferry_vdevice v;
    struct ferry_copy copy;
    struct edit_output output;
    struct cli_progress progress;
};

static int fail_edit(const struct job *j, ferry_err err)
{
    char shown[FERRY_EDIT_DETAIL_BYTES];
    return cli_fail_text(j->call->out, err, "%s",
                         cli_printable(shown, sizeof(shown), j->edit.detail));
}

/** The rows as they stand in flash. The bootloader may refuse the table for leaving the flash that
 * its header names: that is what an edit can mend. */
static int read_table(struct job *j)
{
    struct ferry_partition rows[FERRY_TABLE_PARTITIONS];
    struct ferry_table_walk walk;
    struct ferry_vdevice *v = &j->v;
    const struct ferry_region all = {&v->file.flash, 0, v->file.flash.size_bytes};
    if (v->table_err && v->table_err != FERRY_ERR_TABLE_SIZE) {
        (void)!ferry_vdevice_need_table(v);
        return cli_fail_device(j->call, v);
    }
    ferry_table_walk_begin(&walk);
    for (uint32_t i = 0; !walk.done; i++) {
        uint8_t row[FERRY_ROW_BYTES];
        struct ferry_fault fault;
        const uint32_t n = walk.n_partitions;
        ferry_err err =
            ferry_region_read(&all, v->table_off_bytes + i * FERRY_ROW_BYTES, row, sizeof(row));
        if (!err)
            err = ferry_table_walk_row(&walk, row, 0, &rows[n < FERRY_TABLE_PARTITIONS ? n : 0],
                                       &fault);
        if (err)
            return cli_fail(j->call->out, &fault, &(struct ferry_about){.file = v->flash_path});
    }
    ferry_edit_begin(&j->edit, rows, walk.n_partitions,
                     j->args.sets_size ? j->args.flash_bytes : v->file.flash.size_bytes,
                     v->table_off_bytes, walk.md5_seen);
    return CLI_EXIT_OK;
}

static void show_progress(void *ctx, uint32_t done_bytes, uint32_t total_bytes)
{
    cli_progress_at(ctx, done_bytes, total_bytes);
}

/** Carries the edit out on the copy, which is open. */
static int carry_out(struct job *j)
{
    const struct ferry_copy_progress progress = {show_progress, &j->progress};
    const struct ferry_flash *dst = &j->output.file.flash;
    uint32_t n_moved = 0;
    for (size_t i = 0; i < j->edit.n; i++)
        n_moved += j->copy.fates[i].fate == FERRY_FATE_MOVED ? j->copy.fates[i].used_bytes : 0;
    const bool is_long = n_moved >= LONG_BYTES;
    cli_progress_begin(&j->progress, j->call->out, "Moving", 0, n_moved);
    ferry_err err = ferry_copy_apply(&j->copy, dst, is_long ? &progress : NULL);
    if (is_long)
        cli_progress_end(&j->progress);
    if (!err)
        err = ferry_copy_check(&j->copy, dst);
    return err ? fail_edit(j, err) : CLI_EXIT_OK;
}

/** What device.json of the copy says to run: the same app, if its contents are still there. */
static const char *running_label(const struct job *j)
{
    const struct ferry_edit *e = &j->edit;
    for (size_t i = 0; j->v.dev.running != FERRY_SLOT_NONE && i < e->n; i++) {
        const int from = e->rows[i].from;
        if (from >= 0 && ferry_edit_slot(&e->before[from]) == j->v.dev.running &&
            j->copy.fates[i].fate != FERRY_FATE_ERASED)
            return e->rows[i].p.label;
    }
    return "";
}

/** The label of what boots from the copy, or "nothing"; the original may have booted nothing. */
static bool boots_words(const struct job *j, char *name, size_t n)
{
    snprintf(name, n, "nothing");
    for (size_t i = 0; j->copy.next.booted != FERRY_SLOT_NONE && i < j->edit.n; i++)
        if (ferry_edit_slot(&j->edit.rows[i].p) == j->copy.next.booted)
            cli_printable(name, n, j->edit.rows[i].p.label);
    return j->copy.next.booted != FERRY_SLOT_NONE;
}

static void say_done(const struct job *j)
{
    struct cli_output *out = j->call->out;
    char name[40];
    cJSON *root = cli_json(out);
    const bool boots = boots_words(j, name, sizeof(name));
    const char *how = j->args.is_dry_run ? "would boot, as now" : "boots, as before";
    if (!j->copy.boots)
        how = boots ? "boots; from the original nothing does"
                    : "boots; the original has no bootable app";
    if (boots)
        cJSON_AddStringToObject(root, "boots", name);
    else
        cJSON_AddNullToObject(root, "boots");
    cJSON_AddBoolToObject(root, "dry_run", j->args.is_dry_run);
    if (!j->args.is_dry_run)
        cJSON_AddStringToObject(root, "output", j->args.output);
    cli_text(out, "%s%s%s: %s%s%s %s.\n", cli_colour(out, CLI_BOLD),
             j->args.is_dry_run ? "Nothing was written" : j->args.output,
             cli_colour(out, CLI_PLAIN), cli_colour(out, boots ? CLI_GOOD : CLI_WARN), name,
             cli_colour(out, CLI_PLAIN), how);
}

static int copy_device(struct job *j)
{
    j->copy = (struct ferry_copy){.edit = &j->edit,
                                  .src = &j->v,
                                  .moves = j->args.moves,
                                  .sets_size = j->args.sets_size,
                                  .chip = j->v.policy.chip};
    const ferry_err err = ferry_copy_plan(&j->copy);
    if (err)
        return fail_edit(j, err);
    const char *path = j->args.is_dry_run ? NULL : j->args.output;
    int exit_code = edit_output_begin(j->call, &j->output, &j->v, path, j->edit.flash_bytes);
    if (!exit_code)
        exit_code = carry_out(j);
    if (!exit_code && path)
        exit_code = edit_output_keep(j->call, &j->output, &j->v, running_label(j));
    if (!exit_code) {
        partition_edit_show(j->call, &j->edit, &j->copy);
        say_done(j);
    }
    edit_output_drop(&j->output);
    return exit_code ? exit_code : cli_done(j->call->out);
}

static int edit_device(struct job *j)
{
    int exit_code = cli_open_device(j->call, &j->v, false, false);
    if (exit_code)
        return exit_code;
    exit_code = read_table(j);
    if (!exit_code)
        exit_code = partition_edit_apply(j->call, &j->edit);
    if (!exit_code)
        exit_code = copy_device(j);
    ferry_vdevice_close(&j->v);
    return exit_code;
}

/** The form of a table file that is written: as its name ends, else as the input was. */
static bool wants_csv(const struct job *j, bool was_csv)
{
    const char *dot = j->args.output ? strrchr(j->args.output, '.') : NULL;
    if (dot && !strcmp(dot, ".csv"))
        return true;
    return dot && !strcmp(dot, ".bin") ? false : was_csv;
}

static int write_table(struct job *j, bool as_csv)
{
    uint8_t table[FERRY_TABLE_BYTES];
    struct ferry_strbuf csv = {0};
    const ferry_err err =
        as_csv ? ferry_edit_csv(&j->edit, &csv) : ferry_edit_encode(&j->edit, table);
    const int exit_code =
        err ? fail_edit(j, err)
            : cli_put_file(j->call, j->args.output, as_csv ? (const void *)csv.text : table,
                           as_csv ? csv.n : sizeof(table));
    ferry_strbuf_free(&csv);
    return exit_code;
}

/** Without a flash its size is a guess: the smallest one sold that holds the table. */
static uint32_t guess_flash(const struct ferry_rows *rows)
{
    uint64_t end = 0;
    uint32_t flash = 0x100000;
    for (size_t i = 0; i < rows->n_rows; i++) {
        const uint64_t own = (uint64_t)rows->rows[i].p.off_bytes + rows->rows[i].p.size_bytes;
        end = own > end ? own : end;
    }
    while (flash < end && flash < 0x8000000)
        flash *= 2;
    return flash;
}

static bool has_md5_row(const uint8_t *bytes, size_t n_bytes)
{
    for (size_t at = 0; at + FERRY_ROW_BYTES <= n_bytes; at += FERRY_ROW_BYTES)
        if (ferry_row_kind(bytes + at) == FERRY_ROW_MD5)
            return true;
    return false;
}

static int edit_rows(struct job *j, const struct ferry_rows *rows, bool has_md5)
{
    struct ferry_partition p[FERRY_TABLE_PARTITIONS];
    char size[24];
    if (rows->n_rows > FERRY_TABLE_PARTITIONS)
        return cli_fail_text(j->call->out, FERRY_ERR_TABLE_FULL, "%zu partitions; a table holds %u",
                             rows->n_rows, FERRY_TABLE_PARTITIONS);
    for (size_t i = 0; i < rows->n_rows; i++)
        p[i] = rows->rows[i].p;
    const uint32_t flash = j->args.sets_size ? j->args.flash_bytes : guess_flash(rows);
    ferry_edit_begin(&j->edit, p, rows->n_rows, flash, FERRY_TABLE_OFF_DEFAULT, has_md5);
    int exit_code = partition_edit_apply(j->call, &j->edit);
    if (!exit_code && !j->args.is_dry_run)
        exit_code = write_table(j, wants_csv(j, !rows->was_binary));
    if (exit_code)
        return exit_code;
    if (!j->args.output || strcmp(j->args.output, "-") != 0)
        partition_edit_show(j->call, &j->edit, NULL);
    if (!j->args.sets_size)
        cli_note(j->call->out, "Laid out for a flash of %s; --flash-size sets another.\n",
                 partition_size_words(size, flash));
    cJSON_AddNumberToObject(cli_json(j->call->out), "flash_size", flash);
    return cli_done(j->call->out);
}

static int edit_table(struct job *j, const uint8_t *bytes, size_t n_bytes)
{
    struct ferry_rows rows = {0};
    const struct ferry_rows_options options = {.table_off_bytes = FERRY_TABLE_OFF_DEFAULT};
    if (j->args.moves)
        return cli_usage(j->call, "--move is for a flash; a table alone has no contents");
    if (j->args.output && !strcmp(j->args.output, "-") && j->call->out->json)
        return cli_usage(j->call, "-o - and --json both want standard output");
    const ferry_err err = ferry_rows_read(&rows, bytes, n_bytes, &options);
    int exit_code;
    if (err)
        exit_code = cli_fail_text(j->call->out, err, "%s: %s", j->call->args[0], rows.detail);
    else
        exit_code = edit_rows(j, &rows, !rows.was_binary || has_md5_row(bytes, n_bytes));
    ferry_rows_free(&rows);
    return exit_code;
}

static bool is_table(const uint8_t *bytes, size_t n_bytes)
{
    struct ferry_strbuf text = {0};
    size_t bad_off;
    const bool is_binary = n_bytes >= 2 && bytes[0] == 0xaa && bytes[1] == 0x50;
    const bool is_text = !is_binary && !ferry_text_decode(bytes, n_bytes, &text, &bad_off);
    ferry_strbuf_free(&text);
    return is_binary || is_text;
}

static int run(struct cli_call *call)
{
    static struct job j;
    struct stat st;
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    int os_errno;
    j.call = call;
    int exit_code = partition_edit_args(call, &j.args);
    if (exit_code)
        return exit_code;
    // What is no small plain file can only be a device; opening it complains of what is wrong.
    const bool is_file = stat(call->args[0], &st) == 0 && S_ISREG(st.st_mode);
    const bool is_read = is_file && !ferry_read_file(call->args[0], LONGEST_TABLE_BYTES, &bytes,
                                                     &n_bytes, &os_errno);
    if (is_read && is_table(bytes, n_bytes))
        exit_code = edit_table(&j, bytes, n_bytes);
    else
        exit_code = edit_device(&j);
    free(bytes);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry partitions edit firmware.bin -o ota.bin --table ota --flash-size 8MB",
     "a MicroPython release for updates, on a larger flash"},
    {"ferry partitions edit dump.bin -o new.bin --resize vfs=1M,nvs=32K --move",
     "other sizes; what moves takes its contents along"},
    {"ferry partitions edit dev --dry-run --add log:data:fat:0:256K",
     "what would become of a virtual device"},
    {"ferry partitions edit partitions.csv -o - --rename vfs=storage", "a table alone"},
    {0},
};

const struct cli_command cli_cmd_partitions_edit = {
    .name = "partitions edit",
    .summary = "make a copy with another partition table, that boots the same app",
    .args = "DEVICE|TABLE",
    .about = CLI_DEVICE_ABOUT
    " A partition table alone, CSV or binary, can be edited as well."
    "\n\nThe original is only read. In the copy, data partitions that moved or no longer hold "
    "their "
    "contents are erased, or with --move moved; otadata is kept, moved or made anew, so that the "
    "app that boots now boots then. Where it would not, and where a rule of partition tables is "
    "broken, the edit is refused and no copy is left."
    "\n\nWhatever their order on the command line, operations are done in this one: flash size, "
    "whole table, app size, delete, resize, rename, add."
    "\n\nSizes: 8MB, 1984K, 0x1f0000, 1.5M, or 7B for blocks of 4096 bytes.",
    .min_args = 1,
    .max_args = 1,
    .options = partition_edit_options,
    .shared = cli_device_options,
    .examples = examples,
    .exits = "refused: there is no copy",
    .run = run,
};
