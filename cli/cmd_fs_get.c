/* cli/cmd_fs_get.c - `ferry fs get` and `ferry fs cat`: files out of the file system of a device.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "device_args.h"
#include "device_words.h"
#include "fs_device.h"
#include "fs_list.h"
#include "put_file.h"

#define ARGS_MAX 64

/** One copy out. */
struct getting {
    const struct cli_call *call;
    int n_sources;    // the arguments behind DEVICE that are paths on it
    const char *dest; // "-": standard output
    bool dest_is_folder;
    struct fs_list list; // what is below the source that is being copied
    uint8_t *bytes;
    cJSON *files;
    uint32_t n_files, n_folders;
    uint64_t n_bytes;
    int exit_code;
};

static ferry_err end(struct getting *g, int exit_code)
{
    g->exit_code = exit_code;
    return FERRY_ERR_FILE_WRITE;
}

static ferry_err fail_local(struct getting *g, const char *path, const char *reason)
{
    return end(g, cli_fail_err(g->call->out, FERRY_ERR_FILE_WRITE,
                               &(struct ferry_about){.file = path, .detail = reason}));
}

static ferry_err get_file(struct getting *g, struct ferry_littlefs *fs, const char *path,
                          uint32_t n_bytes, const char *local)
{
    char shown[512];
    free(g->bytes);
    g->bytes = malloc(n_bytes + 1u);
    if (!g->bytes)
        return FERRY_ERR_NO_MEMORY;
    const ferry_err err = ferry_littlefs_read(fs, path, g->bytes, n_bytes);
    if (err)
        return err;
    const int exit_code = cli_put_file(g->call, local, g->bytes, n_bytes);
    if (exit_code)
        return end(g, exit_code);
    g->n_files++;
    g->n_bytes += n_bytes;
    if (!g->files)
        return FERRY_OK;
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "path", cli_printable(shown, sizeof(shown), path));
    cJSON_AddStringToObject(item, "file", local);
    cJSON_AddNumberToObject(item, "bytes", n_bytes);
    cJSON_AddItemToArray(g->files, item);
    return FERRY_OK;
}

/** A folder that is there already is as good; a link to one, too. */
static ferry_err make_local(struct getting *g, const char *path)
{
    struct stat st;
    if (mkdir(path, 0777) == 0) {
        g->n_folders++;
        return FERRY_OK;
    }
    if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return FERRY_OK;
    return fail_local(g, path, strerror(errno));
}

/** Copies what is in a folder to `local`, which is made. The names are those of flash: a walk gives
 * none that would lead elsewhere. */
static ferry_err get_folder(struct getting *g, struct ferry_littlefs *fs, const char *path,
                            const char *local)
{
    char to[FERRY_LITTLEFS_PATH_BYTES];
    const size_t n = strcmp(path, "/") != 0 ? strlen(path) : 0;
    fs_list_free(&g->list);
    ferry_err err = ferry_littlefs_walk(fs, path, true, fs_list_add, &g->list);
    if (!err)
        err = make_local(g, local);
    for (size_t i = 0; !err && i < g->list.n; i++) {
        const struct fs_found *f = &g->list.found[i];
        if (!fs_join(to, local, f->path + n + 1))
            return fail_local(g, local, "a path in it would be too long");
        err = f->is_folder ? make_local(g, to) : get_file(g, fs, f->path, f->size_bytes, to);
    }
    return err;
}

static ferry_err get_job(struct ferry_littlefs *fs, void *ctx)
{
    struct getting *g = ctx;
    static struct ferry_littlefs_entry entry;
    char path[FERRY_LITTLEFS_PATH_BYTES], local[FERRY_LITTLEFS_PATH_BYTES];
    ferry_err err = FERRY_OK;
    for (int i = 1; !err && i <= g->n_sources; i++) {
        const int exit_code = fs_path_arg(g->call, i, path);
        if (exit_code)
            return end(g, exit_code);
        err = ferry_littlefs_stat(fs, path, &entry);
        if (err)
            return err;
        if (!fs_join(local, g->dest, g->dest_is_folder ? fs_base(path) : ""))
            return fail_local(g, g->dest, "the path is too long");
        err = entry.is_folder ? get_folder(g, fs, path, local)
                              : get_file(g, fs, path, entry.size_bytes, local);
    }
    return err;
}

/** As cp has it: several go into a folder; one gets the name, or goes into a folder that is there.
 */
static int settle_dest(const struct cli_call *call, struct getting *g)
{
    struct stat st;
    g->n_sources = call->n_args > 2 ? call->n_args - 2 : 1;
    g->dest = call->n_args > 2 ? call->args[call->n_args - 1] : ".";
    g->dest_is_folder = stat(g->dest, &st) == 0 && S_ISDIR(st.st_mode);
    if (!strcmp(g->dest, "-"))
        return cli_usage(call, "`ferry fs cat` prints files");
    if (g->n_sources > 1 && !g->dest_is_folder)
        return cli_usage(call, "several go into a folder; %s is none", g->dest);
    return CLI_EXIT_OK;
}

static int run_get(struct cli_call *call)
{
    static struct fs_device d;
    struct getting g = {.call = call};
    int exit_code = settle_dest(call, &g);
    if (!exit_code)
        exit_code = fs_open(call, &d, FS_READ);
    if (exit_code)
        return exit_code;
    g.files = cJSON_AddArrayToObject(cli_json(call->out), "files");
    exit_code = fs_read(call, &d, get_job, &g, &g.exit_code);
    fs_list_free(&g.list);
    free(g.bytes);
    fs_close(&d);
    if (exit_code)
        return exit_code;
    cJSON_AddNumberToObject(cli_json(call->out), "bytes", (double)g.n_bytes);
    cli_text(call->out, "%s file%s, %s bytes, from the device\n", cli_thousands(g.n_files),
             g.n_files == 1 ? "" : "s", cli_thousands(g.n_bytes));
    return cli_done(call->out);
}

static ferry_err cat_job(struct ferry_littlefs *fs, void *ctx)
{
    struct getting *g = ctx;
    static struct ferry_littlefs_entry entry;
    char path[FERRY_LITTLEFS_PATH_BYTES];
    ferry_err err = FERRY_OK;
    for (int i = 1; !err && i < g->call->n_args; i++) {
        const int exit_code = fs_path_arg(g->call, i, path);
        if (exit_code)
            return end(g, exit_code);
        err = ferry_littlefs_stat(fs, path, &entry);
        if (!err)
            err = get_file(g, fs, path, entry.size_bytes, "-");
    }
    return err;
}

static int run_cat(struct cli_call *call)
{
    static struct fs_device d;
    struct getting g = {.call = call};
    if (call->out->json)
        return cli_usage(call, "the contents and --json both want standard output; `ferry fs get` "
                               "writes files");
    int exit_code = fs_open(call, &d, FS_READ);
    if (exit_code)
        return exit_code;
    exit_code = fs_read(call, &d, cat_job, &g, &g.exit_code);
    free(g.bytes);
    fs_close(&d);
    return exit_code ? exit_code : cli_done(call->out);
}

static const struct cli_example get_examples[] = {
    {"ferry fs get dev main.py", "one file, into the current folder"},
    {"ferry fs get dump.bin / backup", "everything, into a folder that is made"},
    {"ferry fs get dev boot.py lib/umqtt work", "several, a folder among them, into work"},
    {0},
};

const struct cli_command cli_cmd_fs_get = {
    .name = "fs get",
    .summary = "copy files from a device",
    .args = "DEVICE PATH... [DEST]",
    .about = FS_DEVICE_ABOUT
    " Folders are copied with all that is in them.\n"
    "DEST is a folder that is there, into which the copies go, or else the name of the one copy; "
    "the current folder if there is only one PATH. A file that is there is "
    "replaced." FS_BUILT_ABOUT,
    .min_args = 2,
    .max_args = ARGS_MAX,
    .options = fs_options,
    .shared = cli_device_options,
    .examples = get_examples,
    .exits = "there is no such file or folder, or it cannot be read or written",
    .run = run_get,
};

static const struct cli_example cat_examples[] = {
    {"ferry fs cat dev boot.py", "print a file"},
    {"ferry fs cat dump.bin log/1.txt log/2.txt | less", "several, one after the other"},
    {0},
};

const struct cli_command cli_cmd_fs_cat = {
    .name = "fs cat",
    .summary = "print files of a device",
    .args = "DEVICE PATH...",
    .about = FS_DEVICE_ABOUT FS_BUILT_ABOUT,
    .min_args = 2,
    .max_args = ARGS_MAX,
    .options = fs_options,
    .shared = cli_device_options,
    .examples = cat_examples,
    .exits = "there is no such file, or it cannot be read",
    .run = run_cat,
};
