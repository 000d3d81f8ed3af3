/* cli/cmd_fs_change.c - `ferry fs mkdir`, `rm` and `mv`: what changes names but no content. */
#include <string.h>

#include "commands.h"
#include "device_args.h"
#include "device_words.h"
#include "fs_device.h"

#define ARGS_MAX 64

enum { OPT_RECURSIVE = 'r' };

static const struct argp_option rm_options[] = {
    {"recursive", OPT_RECURSIVE, 0, 0, "Folders with all that is in them, too", 0},
    FS_OPTION_ROWS,
    {0},
};

/** What to do, and with how many it was done. */
struct change {
    const struct cli_call *call;
    char (*paths)[FERRY_LITTLEFS_PATH_BYTES]; // of the arguments behind DEVICE
    int n_paths;
    uint32_t n;
};

static char paths[ARGS_MAX][FERRY_LITTLEFS_PATH_BYTES];

static int read_paths(const struct cli_call *call, struct change *c)
{
    int exit_code = CLI_EXIT_OK;
    *c = (struct change){.call = call, .paths = paths, .n_paths = call->n_args - 1};
    for (int i = 1; !exit_code && i < call->n_args; i++)
        exit_code = fs_path_arg(call, i, paths[i - 1]);
    return exit_code;
}

/** Opens, changes, closes. */
static int do_change(const struct cli_call *call, ferry_littlefs_job *job, struct change *c)
{
    static struct fs_device d;
    int exit_code = read_paths(call, c);
    if (!exit_code)
        exit_code = fs_open(call, &d, FS_WRITE);
    if (exit_code)
        return exit_code;
    exit_code = fs_change(call, &d, job, c);
    fs_close(&d);
    return exit_code;
}

static int answer(const struct cli_call *call, const char *key, uint32_t n)
{
    cJSON_AddNumberToObject(cli_json(call->out), key, n);
    cli_text(call->out, "%s %s\n", cli_thousands(n), key);
    return cli_done(call->out);
}

static ferry_err mkdir_job(struct ferry_littlefs *fs, void *ctx)
{
    struct change *c = ctx;
    ferry_err err = FERRY_OK;
    c->n = 0;
    for (int i = 0; !err && i < c->n_paths; i++) {
        uint32_t made = 0;
        err = ferry_littlefs_make_folder(fs, c->paths[i], &made);
        c->n += made;
    }
    return err;
}

static int run_mkdir(struct cli_call *call)
{
    struct change c;
    const int exit_code = do_change(call, mkdir_job, &c);
    return exit_code ? exit_code : answer(call, "made", c.n);
}

static ferry_err rm_job(struct ferry_littlefs *fs, void *ctx)
{
    struct change *c = ctx;
    ferry_err err = FERRY_OK;
    c->n = 0;
    for (int i = 0; !err && i < c->n_paths; i++) {
        uint32_t removed = 0;
        err = ferry_littlefs_remove(fs, c->paths[i], cli_has(c->call, OPT_RECURSIVE), &removed);
        c->n += removed;
    }
    return err;
}

static int run_rm(struct cli_call *call)
{
    struct change c;
    const int exit_code = do_change(call, rm_job, &c);
    return exit_code ? exit_code : answer(call, "removed", c.n);
}

static ferry_err mv_job(struct ferry_littlefs *fs, void *ctx)
{
    struct change *c = ctx;
    static struct ferry_littlefs_entry entry;
    char to[FERRY_LITTLEFS_PATH_BYTES];
    const char *from = c->paths[0], *dest = c->paths[1];
    const ferry_err err = ferry_littlefs_stat(fs, dest, &entry);
    if (err && err != FERRY_ERR_FS_PATH)
        return err;
    if (!fs_join(to, dest, !err && entry.is_folder ? fs_base(from) : ""))
        return FERRY_ERR_FS_NAME;
    return ferry_littlefs_rename(fs, from, to);
}

static int run_mv(struct cli_call *call)
{
    char from[512];
    struct change c;
    const int exit_code = do_change(call, mv_job, &c);
    if (exit_code)
        return exit_code;
    cJSON_AddStringToObject(cli_json(call->out), "moved",
                            cli_printable(from, sizeof(from), c.paths[0]));
    cli_text(call->out, "%s is moved\n", from);
    return cli_done(call->out);
}

static const struct cli_example mkdir_examples[] = {
    {"ferry fs mkdir dev lib/umqtt data", "folders, with those above that are missing"},
    {0},
};

const struct cli_command cli_cmd_fs_mkdir = {
    .name = "fs mkdir",
    .summary = "make folders on a device",
    .args = "DEVICE PATH...",
    .about = FS_DEVICE_ABOUT " A folder that is there already is fine." FS_BUILT_ABOUT,
    .min_args = 2,
    .max_args = ARGS_MAX,
    .options = fs_options,
    .shared = cli_device_options,
    .examples = mkdir_examples,
    .exits = "a file is there already, or the file system is full; nothing was changed",
    .run = run_mkdir,
};

static const struct cli_example rm_examples[] = {
    {"ferry fs rm dev old.py log/1.txt", "files, and folders that are empty"},
    {"ferry fs rm -r dev lib", "a folder with all that is in it"},
    {0},
};

const struct cli_command cli_cmd_fs_rm = {
    .name = "fs rm",
    .summary = "remove files and folders from a device",
    .args = "DEVICE PATH...",
    .about = FS_DEVICE_ABOUT FS_BUILT_ABOUT,
    .min_args = 2,
    .max_args = ARGS_MAX,
    .options = rm_options,
    .shared = cli_device_options,
    .examples = rm_examples,
    .exits = "one of them is not there, or a folder is not empty; nothing was changed",
    .run = run_rm,
};

static const struct cli_example mv_examples[] = {
    {"ferry fs mv dev main.py main_old.py", "another name"},
    {"ferry fs mv dev util.py lib", "into a folder that is there"},
    {0},
};

const struct cli_command cli_cmd_fs_mv = {
    .name = "fs mv",
    .summary = "rename or move a file or folder on a device",
    .args = "DEVICE FROM TO",
    .about = FS_DEVICE_ABOUT " TO is a folder that is there, or the new name. Nothing is "
                             "replaced." FS_BUILT_ABOUT,
    .min_args = 3,
    .max_args = 3,
    .options = fs_options,
    .shared = cli_device_options,
    .examples = mv_examples,
    .exits = "FROM is not there, or TO is; nothing was changed",
    .run = run_mv,
};
