/* cli/cmd_partitions_layouts.c - `ferry partitions layouts`: the layouts that have names, what each
 * leaves on a flash of a given size, and any of them as a CSV to begin with. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "partition_edit.h"
#include "partition_input.h"
#include "put_file.h"

enum { OPT_OUTPUT = 'o', OPT_FLASH_SIZE = CLI_OPT_OWN, OPT_APP_SIZE };

#define DEFAULT_FLASH_BYTES 0x400000u
#define WHAT_INDENT         47u

static const struct argp_option options[] = {
    {"output", OPT_OUTPUT, "FILE", 0, "Where the CSV goes (standard output)", 0},
    {"flash-size", OPT_FLASH_SIZE, "N", 0, "Size of the flash (4MB)", 0},
    {"app-size", OPT_APP_SIZE, "N", 0, "Size of every app partition", 0},
    {0},
};

static int read_size(const struct cli_call *call, int key, uint32_t *out)
{
    const char *text = cli_value(call, key);
    if (!text || ferry_layout_number(text, strlen(text), out))
        return CLI_EXIT_OK;
    return cli_usage(call, "--%s takes a size, as 8MB or 1984K, not '%s'",
                     cli_option_name(call->command, key), text);
}

/** Lays one out; e->detail says why it does not fit. */
static ferry_err lay_out(struct ferry_edit *e, const char *name, uint32_t flash_bytes,
                         uint32_t app_bytes)
{
    struct ferry_layout layout;
    char detail[FERRY_LAYOUT_DETAIL_BYTES];
    const struct ferry_layout_room room = {.flash_bytes = flash_bytes,
                                           .table_off_bytes = FERRY_TABLE_OFF_DEFAULT,
                                           .app_bytes = app_bytes};
    ferry_edit_begin(e, NULL, 0, flash_bytes, FERRY_TABLE_OFF_DEFAULT, true);
    ferry_err err = ferry_layout_make(&layout, name, &room, detail);
    if (err)
        return ferry_edit_refuse(e, err, "%s", detail);
    err = ferry_edit_layout(e, &layout);
    if (!err && app_bytes)
        err = ferry_edit_app_size(e, app_bytes);
    return err ? err : ferry_edit_check(e);
}

/** How large an app may be, how many slots take updates, what is left for files or unused. */
static void say_layout(const struct cli_call *call, const struct ferry_edit *e, const char *name,
                       const char *what, bool fits, cJSON *list)
{
    char app_words[24] = "", files_words[24] = "";
    uint32_t app = 0, n_slots = 0, files = 0;
    cJSON *item = cJSON_CreateObject();
    for (size_t i = 0; fits && i < e->n; i++) {
        const struct ferry_partition *p = &e->rows[i].p;
        const bool is_app = p->type == FERRY_TYPE_APP;
        app = is_app && (!app || p->size_bytes < app) ? p->size_bytes : app;
        n_slots += is_app && p->subtype >= FERRY_APP_OTA_0;
        files = !strcmp(p->label, "vfs") ? p->size_bytes : files;
    }
    cJSON_AddStringToObject(item, "name", name);
    cJSON_AddStringToObject(item, "what", what);
    cJSON_AddBoolToObject(item, "fits", fits);
    if (fits) {
        cJSON_AddNumberToObject(item, "app_bytes", app);
        cJSON_AddNumberToObject(item, "slots", n_slots);
        cJSON_AddNumberToObject(item, "file_bytes", files);
    }
    cJSON_AddItemToArray(list, item);
    partition_size_words(app_words, app);
    partition_size_words(files_words, files);
    struct cli_output *out = call->out;
    if (!fits)
        cli_text(out, "%s  %-15s  %9s  %5s  %8s  ", cli_colour(out, CLI_DIM), name, "too large", "",
                 "");
    else
        cli_text(out, "  %-15s  %9s  %5u  %8s  ", name, app_words, (unsigned)n_slots,
                 files ? files_words : "");
    cli_wrapped(out, WHAT_INDENT, what);
    cli_text(out, "%s", fits ? "" : cli_colour(out, CLI_PLAIN));
}

static int list_all(const struct cli_call *call, struct ferry_edit *e, uint32_t flash_bytes,
                    uint32_t app_bytes)
{
    const char *name, *what;
    char size[24];
    struct cli_output *out = call->out;
    cJSON *list = cJSON_AddArrayToObject(cli_json(out), "layouts");
    cJSON_AddNumberToObject(cli_json(out), "flash_size", flash_bytes);
    cli_text(out, "Layouts on a flash of %s\n\n%s  %-15s  %9s  %5s  %8s%s\n",
             partition_size_words(size, flash_bytes), cli_colour(out, CLI_DIM), "Name", "Each app",
             "Slots", "Files", cli_colour(out, CLI_PLAIN));
    for (size_t i = 0; ferry_layout_at(i, &name, &what); i++) {
        const bool fits = !lay_out(e, name, flash_bytes, app_bytes);
        say_layout(call, e, name, what, fits, list);
    }
    cli_text(out, "\nUpdates need two slots, and an app must fit into each.\n");
    return cli_done(out);
}

static int write_csv(const struct cli_call *call, struct ferry_edit *e, const char *path)
{
    struct ferry_strbuf csv = {0};
    const ferry_err err = ferry_edit_csv(e, &csv);
    const int exit_code =
        err ? cli_fail_err(call->out, err, NULL) : cli_put_file(call, path, csv.text, csv.n);
    ferry_strbuf_free(&csv);
    return exit_code ? exit_code : cli_done(call->out);
}

static int run(struct cli_call *call)
{
    static struct ferry_edit e; // larger than a stack frame should be
    uint32_t flash_bytes = DEFAULT_FLASH_BYTES, app_bytes = 0;
    const char *path = cli_value(call, OPT_OUTPUT);
    int exit_code = read_size(call, OPT_FLASH_SIZE, &flash_bytes);
    if (!exit_code)
        exit_code = read_size(call, OPT_APP_SIZE, &app_bytes);
    if (exit_code)
        return exit_code;
    if (!call->n_args)
        return list_all(call, &e, flash_bytes, app_bytes);
    if (call->out->json && (!path || !strcmp(path, "-")))
        return cli_usage(call, "the CSV and --json both want standard output; -o names a file");
    const ferry_err err = lay_out(&e, call->args[0], flash_bytes, app_bytes);
    if (err == FERRY_ERR_NOT_FOUND || err == FERRY_ERR_SYNTAX)
        return cli_usage(call, "%s", e.detail);
    return err ? cli_fail_text(call->out, err, "%s", e.detail)
               : write_csv(call, &e, path ? path : "-");
}

static const struct cli_example examples[] = {
    {"ferry partitions layouts --flash-size 8MB", "which there are, and what each leaves"},
    {"ferry partitions layouts esp-hal -o partitions.csv", "one of them, to begin with"},
    {0},
};

const struct cli_command cli_cmd_partitions_layouts = {
    .name = "partitions layouts",
    .summary = "list layouts that have names, or write one as CSV",
    .args = "[LAYOUT]",
    .about = "LAYOUT is a name, or partitions as partitions edit --table takes them. The first app "
             "lies at 0x10000.",
    .min_args = 0,
    .max_args = 1,
    .options = options,
    .examples = examples,
    .exits = "the layout does not fit",
    .run = run,
};
