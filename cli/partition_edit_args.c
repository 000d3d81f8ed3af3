/* cli/partition_edit_args.c - from options to operations on rows. */
#include "partition_edit_args.h"

#include <string.h>

#include "device_words.h"
#include "table_file.h"

enum {
    OPT_OUTPUT = 'o',
    OPT_DRY_RUN = 'n',
    OPT_TABLE = CLI_OPT_OWN,
    OPT_FROM,
    OPT_APP_SIZE,
    OPT_DELETE,
    OPT_RESIZE,
    OPT_RENAME,
    OPT_ADD,
    OPT_FLASH_SIZE,
    OPT_MOVE,
};

const struct argp_option partition_edit_options[] = {
    {"output", OPT_OUTPUT, "COPY", 0, "Where the edited copy goes (required)", 0},
    {"dry-run", OPT_DRY_RUN, 0, 0, "Say what would be done, and whether it works; write nothing",
     0},
    {"move", OPT_MOVE, 0, 0,
     "Contents go with their partitions (without: what moves is erased); refused where they do not "
     "fit",
     0},
    {0, 0, 0, 0, "Operations; lists have commas:", 1},
    {"flash-size", OPT_FLASH_SIZE, "N", 0,
     "The flash is to be of this size, also by the bootloader's header", 1},
    {"table", OPT_TABLE, "LAYOUT", 0,
     "A whole new table: ota, default, original, singleapp, singleapp-large, two-ota, "
     "two-ota-large, esp-hal, or its parts as for --add",
     1},
    {"from", OPT_FROM, "FILE", 0, "A whole new table from a CSV or a binary table", 1},
    {"app-size", OPT_APP_SIZE, "N", 0, "Size of every app partition", 1},
    {"delete", OPT_DELETE, "NAME", 0, "Remove partitions", 1},
    {"resize", OPT_RESIZE, "NAME=SIZE", 0,
     "Another size, 0 for all there is; what lies behind moves up, and is cut at the flash's end",
     1},
    {"rename", OPT_RENAME, "NAME=NEW", 0, "Another name", 1},
    {"add", OPT_ADD, "PART", 0,
     "Add NAME:SIZE, NAME:SUBTYPE:SIZE, NAME:SUBTYPE:OFFSET:SIZE or "
     "NAME:TYPE:SUBTYPE:OFFSET:SIZE; without offset behind the last one, with size 0 all there is",
     1},
    {0},
};

static int read_size(const struct cli_call *call, int key, uint32_t *out)
{
    const char *text = cli_value(call, key);
    if (!text || ferry_layout_number(text, strlen(text), out))
        return CLI_EXIT_OK;
    return cli_usage(call,
                     "--%s takes a size, as 8MB, 1984K, 0x1f0000 or 7B (blocks of 4096), "
                     "not '%s'",
                     cli_option_name(call->command, key), text);
}

int partition_edit_args(const struct cli_call *call, struct partition_edit_args *args)
{
    *args = (struct partition_edit_args){
        .output = cli_value(call, OPT_OUTPUT),
        .moves = cli_has(call, OPT_MOVE),
        .is_dry_run = cli_has(call, OPT_DRY_RUN),
        .sets_size = cli_has(call, OPT_FLASH_SIZE),
    };
    if (!args->output && !args->is_dry_run)
        return cli_usage(call, "-o is missing: where shall the edited copy go?");
    if (cli_has(call, OPT_TABLE) && cli_has(call, OPT_FROM))
        return cli_usage(call, "--table and --from both bring a whole table");
    const int exit_code = read_size(call, OPT_FLASH_SIZE, &args->flash_bytes);
    if (exit_code)
        return exit_code;
    if (args->sets_size && (!args->flash_bytes || args->flash_bytes % 0x1000))
        return cli_usage(call, "--flash-size must be a multiple of 0x1000 bytes");
    return CLI_EXIT_OK;
}

static int fail(const struct cli_call *call, const struct ferry_edit *e, ferry_err err)
{
    char shown[FERRY_EDIT_DETAIL_BYTES];
    return cli_fail_text(call->out, err, "%s", cli_printable(shown, sizeof(shown), e->detail));
}

/** Where the first app of the old table lies: new ones begin there too. */
static uint32_t first_app(const struct ferry_edit *e)
{
    for (size_t i = 0; i < e->n_before; i++)
        if (e->before[i].type == FERRY_TYPE_APP)
            return e->before[i].off_bytes;
    return 0;
}

static int apply_layout(const struct cli_call *call, struct ferry_edit *e, uint32_t app_bytes)
{
    struct ferry_layout layout;
    char detail[FERRY_LAYOUT_DETAIL_BYTES];
    const struct ferry_layout_room room = {.flash_bytes = e->flash_bytes,
                                           .table_off_bytes = e->table_off_bytes,
                                           .app_off_bytes = first_app(e),
                                           .app_bytes = app_bytes};
    const char *text = cli_value(call, OPT_TABLE);
    if (!text)
        return CLI_EXIT_OK;
    ferry_err err = ferry_layout_make(&layout, text, &room, detail);
    if (err == FERRY_ERR_TABLE_SIZE)
        return cli_fail_text(call->out, err, "%s", detail);
    if (err)
        return cli_usage(call, "--table: %s", detail);
    err = ferry_edit_layout(e, &layout);
    return err ? fail(call, e, err) : CLI_EXIT_OK;
}

static int apply_file(const struct cli_call *call, struct ferry_edit *e)
{
    uint8_t table[FERRY_TABLE_BYTES];
    struct ferry_partition rows[FERRY_TABLE_PARTITIONS];
    const char *path = cli_value(call, OPT_FROM);
    size_t n = 0;
    if (!path)
        return CLI_EXIT_OK;
    const int exit_code =
        cli_read_table_file(call, path, e->flash_bytes, e->table_off_bytes, table);
    if (exit_code)
        return exit_code;
    for (; n < FERRY_TABLE_PARTITIONS; n++) {
        const uint8_t *row = table + n * FERRY_ROW_BYTES;
        if (ferry_row_kind(row) != FERRY_ROW_PARTITION)
            break;
        ferry_partition_decode(row, &rows[n]);
    }
    ferry_edit_replace(e, rows, n);
    return CLI_EXIT_OK;
}

/** One item of a list: NAME, or NAME=VALUE. */
struct item {
    char name[64];
    char value[64];
    bool has_value;
};

/** Takes the next item off a list; false at its end. What is too long is cut, and then not found.
 */
static bool next_item(const char **list, struct item *item)
{
    const char *at = *list;
    const size_t n = strcspn(at, ","), n_name = strcspn(at, "=:,");
    if (!*at)
        return false;
    item->has_value = n_name < n;
    snprintf(item->name, sizeof(item->name), "%.*s", (int)(n_name < 63 ? n_name : 63), at);
    const size_t n_value = item->has_value ? n - n_name - 1 : 0;
    snprintf(item->value, sizeof(item->value), "%.*s", (int)(n_value < 63 ? n_value : 63),
             at + n_name + item->has_value);
    *list = at + n + (at[n] == ',');
    return true;
}

static int apply_item(const struct cli_call *call, struct ferry_edit *e, int key,
                      const struct item *item)
{
    uint32_t size = 0;
    ferry_err err;
    if (item->has_value != (key != OPT_DELETE))
        return cli_usage(call, "--%s takes %s, not '%s'", cli_option_name(call->command, key),
                         key == OPT_DELETE   ? "NAME"
                         : key == OPT_RESIZE ? "NAME=SIZE"
                                             : "NAME=NEW",
                         item->name);
    if (key == OPT_RESIZE && !ferry_layout_number(item->value, strlen(item->value), &size))
        return cli_usage(call, "--resize %s: '%s' is no size; a number, with M, K or B", item->name,
                         item->value);
    if (key == OPT_DELETE)
        err = ferry_edit_delete(e, item->name);
    else if (key == OPT_RESIZE)
        err = ferry_edit_resize(e, item->name, size);
    else
        err = ferry_edit_rename(e, item->name, item->value);
    return err ? fail(call, e, err) : CLI_EXIT_OK;
}

static int apply_lists(const struct cli_call *call, struct ferry_edit *e, int key)
{
    const char *list;
    for (int i = 0; (list = cli_value_at(call, key, i)); i++) {
        struct item item;
        while (next_item(&list, &item)) {
            const int exit_code = apply_item(call, e, key, &item);
            if (exit_code)
                return exit_code;
        }
    }
    return CLI_EXIT_OK;
}

static int apply_adds(const struct cli_call *call, struct ferry_edit *e)
{
    const char *list;
    for (int i = 0; (list = cli_value_at(call, OPT_ADD, i)); i++) {
        struct ferry_layout layout;
        char detail[FERRY_LAYOUT_DETAIL_BYTES];
        if (ferry_layout_parse(&layout, list, detail))
            return cli_usage(call, "--add: %s", detail);
        for (size_t k = 0; k < layout.n; k++) {
            const ferry_err err = ferry_edit_add(e, &layout.parts[k]);
            if (err)
                return fail(call, e, err);
        }
    }
    return CLI_EXIT_OK;
}

int partition_edit_apply(const struct cli_call *call, struct ferry_edit *e)
{
    static const int lists[] = {OPT_DELETE, OPT_RESIZE, OPT_RENAME};
    uint32_t app_bytes = 0;
    int exit_code = read_size(call, OPT_APP_SIZE, &app_bytes);
    if (!exit_code)
        exit_code = apply_layout(call, e, app_bytes);
    if (!exit_code)
        exit_code = apply_file(call, e);
    if (exit_code)
        return exit_code;
    ferry_err err = app_bytes ? ferry_edit_app_size(e, app_bytes) : FERRY_OK;
    if (err)
        return fail(call, e, err);
    for (size_t i = 0; !exit_code && i < sizeof(lists) / sizeof(lists[0]); i++)
        exit_code = apply_lists(call, e, lists[i]);
    if (!exit_code)
        exit_code = apply_adds(call, e);
    if (exit_code)
        return exit_code;
    err = ferry_edit_check(e);
    return err ? fail(call, e, err) : CLI_EXIT_OK;
}
