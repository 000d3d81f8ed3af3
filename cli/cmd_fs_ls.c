/* cli/cmd_fs_ls.c - `ferry fs ls`: what is in the file system of a device. */
#include <time.h>

#include "commands.h"
#include "device_args.h"
#include "device_words.h"
#include "fs_device.h"
#include "fs_list.h"

enum { OPT_RECURSIVE = 'R' };

static const struct argp_option options[] = {
    {"recursive", OPT_RECURSIVE, 0, 0, "All that is below, too", 0},
    FS_OPTION_ROWS,
    {0},
};

struct listing {
    const struct cli_call *call;
    struct fs_list list;
    int exit_code;
};

static ferry_err list_job(struct ferry_littlefs *fs, void *ctx)
{
    struct listing *l = ctx;
    static struct ferry_littlefs_entry entry;
    char path[FERRY_LITTLEFS_PATH_BYTES] = "/";
    ferry_err err = FERRY_OK;
    for (int i = 1; !err && (i == 1 || i < l->call->n_args); i++) {
        if (i < l->call->n_args && (l->exit_code = fs_path_arg(l->call, i, path)) != CLI_EXIT_OK)
            return FERRY_ERR_FS_NAME;
        err = ferry_littlefs_stat(fs, path, &entry);
        if (!err && entry.is_folder)
            err = ferry_littlefs_walk(fs, path, cli_has(l->call, OPT_RECURSIVE), fs_list_add,
                                      &l->list);
        else if (!err)
            err = fs_list_add(&l->list, path, &entry);
    }
    return err;
}

/** "2026-11-21 14:05" in UTC, or as much of nothing. */
static const char *time_words(char buf[32], uint64_t ns)
{
    const time_t s = (time_t)(ns / 1000000000u);
    struct tm tm;
    if (!ns || !gmtime_r(&s, &tm) || !strftime(buf, 32, "%Y-%m-%d %H:%M", &tm))
        return "                ";
    return buf;
}

static void print(const struct cli_call *call, const struct fs_found *f, cJSON *list)
{
    char path[512], when[32];
    cJSON *item = cJSON_CreateObject();
    cli_printable(path, sizeof(path), f->path);
    cJSON_AddStringToObject(item, "path", path);
    cJSON_AddStringToObject(item, "type", f->is_folder ? "folder" : "file");
    if (!f->is_folder)
        cJSON_AddNumberToObject(item, "bytes", f->size_bytes);
    const uint64_t changed_s = f->changed_ns / 1000000000u;
    if (f->changed_ns)
        cJSON_AddNumberToObject(item, "changed_s", (double)changed_s);
    cJSON_AddItemToArray(list, item);
    cli_text(call->out, "%12s  %s  %s%s\n", f->is_folder ? "folder" : cli_thousands(f->size_bytes),
             time_words(when, f->changed_ns), path, f->is_folder ? "/" : "");
}

static int answer(const struct cli_call *call, const struct fs_list *list)
{
    uint64_t n_bytes = 0;
    size_t n_files = 0;
    cJSON *entries = cJSON_AddArrayToObject(cli_json(call->out), "entries");
    for (size_t i = 0; i < list->n; i++) {
        print(call, &list->found[i], entries);
        n_bytes += list->found[i].size_bytes;
        n_files += !list->found[i].is_folder;
    }
    const size_t n_folders = list->n - n_files;
    cli_text(call->out, "%s file%s, %s bytes; %s folder%s\n", cli_thousands(n_files),
             n_files == 1 ? "" : "s", cli_thousands(n_bytes), cli_thousands(n_folders),
             n_folders == 1 ? "" : "s");
    return cli_done(call->out);
}

static int run(struct cli_call *call)
{
    static struct fs_device d;
    struct listing l = {.call = call};
    int exit_code = fs_open(call, &d, FS_READ);
    if (exit_code)
        return exit_code;
    exit_code = fs_read(call, &d, list_job, &l, &l.exit_code);
    if (!exit_code)
        exit_code = answer(call, &l.list);
    fs_list_free(&l.list);
    fs_close(&d);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry fs ls dev", "the files at the top, with their sizes"},
    {"ferry fs ls -R dump.bin", "all of them"},
    {"ferry fs ls firmware.bin lib --partition vfs --json", "a folder, for a script"},
    {0},
};

const struct cli_command cli_cmd_fs_ls = {
    .name = "fs ls",
    .summary = "list the files on a device",
    .args = "DEVICE [PATH...]",
    .about = FS_DEVICE_ABOUT " Times, where firmware keeps them as MicroPython does, are in "
                             "UTC." FS_BUILT_ABOUT,
    .min_args = 1,
    .max_args = 64,
    .options = options,
    .shared = cli_device_options,
    .examples = examples,
    .exits = "there is no littlefs, or no such file or folder in it",
    .run = run,
};
