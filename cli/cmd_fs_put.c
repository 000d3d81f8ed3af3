/* cli/cmd_fs_put.c - `ferry fs put`: files and folders into the file system of a device. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "device_args.h"
#include "device_words.h"
#include "fs_device.h"
#include "fs_source.h"

#define ARGS_MAX 64

/** One copy in. The counts begin anew each time the job is done. */
struct putting {
    const struct cli_call *call;
    int n_sources;
    const char *dest;
    struct fs_source source;
    uint32_t n_files, n_written, n_folders;
    uint64_t n_bytes; // written
    const char *bad;  // destination that is no folder, though it would have to be
    int exit_code;
};

/** The last name of a local path; "" where the path means what is in the folder: "lib/.", "/". */
static void local_base(const char *path, char name[FERRY_LITTLEFS_NAME_BYTES])
{
    size_t n = strlen(path);
    while (n && path[n - 1] == '/')
        n--;
    size_t at = n;
    while (at && path[at - 1] != '/')
        at--;
    snprintf(name, FERRY_LITTLEFS_NAME_BYTES, "%.*s", (int)(n - at), path + at);
    if (!strcmp(name, ".") || !strcmp(name, ".."))
        *name = '\0';
}

/** Where an argument goes: to DEST itself, or into it. */
static ferry_err place_of(struct ferry_littlefs *fs, struct putting *p, int root,
                          char place[FERRY_LITTLEFS_PATH_BYTES])
{
    static struct ferry_littlefs_entry entry;
    char dest[FERRY_LITTLEFS_PATH_BYTES], name[FERRY_LITTLEFS_NAME_BYTES];
    ferry_err err = ferry_littlefs_path(p->dest, dest);
    if (err)
        return err;
    err = ferry_littlefs_stat(fs, dest, &entry);
    if (err && err != FERRY_ERR_FS_PATH)
        return err;
    const size_t n_dest = strlen(p->dest);
    const bool is_file = !err && !entry.is_folder;
    const bool wants_folder = p->n_sources > 1 || (n_dest && p->dest[n_dest - 1] == '/');
    p->bad = wants_folder && is_file ? p->dest : NULL;
    if (p->bad)
        return FERRY_ERR_FS_NOT_FOLDER;
    const bool into = wants_folder || (!err && entry.is_folder);
    local_base(p->call->args[root], name);
    return fs_join(place, dest, into ? name : "") ? FERRY_OK : FERRY_ERR_FS_NAME;
}

/** Makes the folder that the path is in. */
static ferry_err make_parent(struct ferry_littlefs *fs, struct putting *p, const char *path)
{
    char parent[FERRY_LITTLEFS_PATH_BYTES];
    uint32_t made = 0;
    snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
    const ferry_err err = ferry_littlefs_make_folder(fs, *parent ? parent : "/", &made);
    p->n_folders += made;
    return err;
}

static ferry_err put_item(struct ferry_littlefs *fs, struct putting *p,
                          const struct fs_source_item *item, const char *path)
{
    uint32_t made = 0;
    bool changed = false;
    if (item->is_folder) {
        const ferry_err err = ferry_littlefs_make_folder(fs, path, &made);
        p->n_folders += made;
        return err;
    }
    ferry_err err = make_parent(fs, p, path);
    if (!err)
        err =
            ferry_littlefs_write(fs, path, item->bytes, item->n_bytes, item->changed_ns, &changed);
    p->n_files++;
    p->n_written += changed;
    p->n_bytes += changed ? item->n_bytes : 0;
    return err;
}

static ferry_err put_job(struct ferry_littlefs *fs, void *ctx)
{
    struct putting *p = ctx;
    char place[FERRY_LITTLEFS_PATH_BYTES] = "", path[FERRY_LITTLEFS_PATH_BYTES];
    ferry_err err = FERRY_OK;
    int root = 0;
    p->n_files = p->n_written = p->n_folders = 0;
    p->n_bytes = 0;
    for (size_t i = 0; !err && i < p->source.n; i++) {
        const struct fs_source_item *item = &p->source.items[i];
        if (item->root != root)
            err = place_of(fs, p, item->root, place);
        root = item->root;
        if (!err && !fs_join(path, place, item->inside))
            err = FERRY_ERR_FS_NAME;
        if (!err)
            err = put_item(fs, p, item, path);
    }
    return err;
}

static int answer(const struct cli_call *call, const struct putting *p)
{
    cJSON *root = cli_json(call->out);
    cJSON_AddNumberToObject(root, "files", p->n_files);
    cJSON_AddNumberToObject(root, "written", p->n_written);
    cJSON_AddNumberToObject(root, "written_bytes", (double)p->n_bytes);
    cJSON_AddNumberToObject(root, "folders", p->n_folders);
    cli_text(call->out, "%s file%s to the device: %s written, %s bytes; %s there already\n",
             cli_thousands(p->n_files), p->n_files == 1 ? "" : "s", cli_thousands(p->n_written),
             cli_thousands(p->n_bytes), cli_thousands(p->n_files - p->n_written));
    return cli_done(call->out);
}

static int put(const struct cli_call *call, struct putting *p)
{
    static struct fs_device d;
    int exit_code = fs_open(call, &d, FS_WRITE);
    if (exit_code)
        return exit_code;
    for (int i = 1; !exit_code && i <= p->n_sources; i++)
        exit_code = fs_source_add(call, &p->source, i, d.region.size_bytes);
    if (!exit_code)
        exit_code = fs_change(call, &d, put_job, p);
    fs_close(&d);
    return exit_code ? exit_code : answer(call, p);
}

static int run(struct cli_call *call)
{
    struct putting p = {.call = call};
    char dest[FERRY_LITTLEFS_PATH_BYTES];
    p.n_sources = call->n_args > 2 ? call->n_args - 2 : 1;
    p.dest = call->n_args > 2 ? call->args[call->n_args - 1] : "/";
    for (int i = 1; i <= p.n_sources; i++)
        if (!strcmp(call->args[i], "-") && call->n_args != 3)
            return cli_usage(call, "standard input has no name; the one DEST behind it says it");
    int exit_code = call->n_args > 2 ? fs_path_arg(call, call->n_args - 1, dest) : CLI_EXIT_OK;
    if (!exit_code)
        exit_code = put(call, &p);
    fs_source_free(&p.source);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry fs put dev main.py", "one file, to the top"},
    {"ferry fs put dev main.py config.json lib/", "several, into a folder, made if need be"},
    {"ferry fs put dump.bin src/. /", "all that is in a folder"},
    {"echo 'import app' | ferry fs put dev - main.py", "from standard input"},
    {0},
};

const struct cli_command cli_cmd_fs_put = {
    .name = "fs put",
    .summary = "copy files to a device",
    .args = "DEVICE FILE... [DEST]",
    .about = FS_DEVICE_ABOUT
    " FILE is a file or folder here, '-' standard input; of a folder that ends with '/.', what is "
    "in it.\n"
    "DEST is a folder that is there or ends with '/', into which the copies go, or else the name "
    "of "
    "the one copy; the root if there is only one FILE. Folders are made, files replaced, and files "
    "that are the same already stay as they are.\n"
    "The change is tried on a copy first: what does not fit changes nothing. Then each file is "
    "written in one step, so that a cut of the power leaves its old content or the "
    "new." FS_BUILT_ABOUT,
    .min_args = 2,
    .max_args = ARGS_MAX,
    .options = fs_options,
    .shared = cli_device_options,
    .examples = examples,
    .exits = "there is no littlefs, it is full, or a path in it is not what it would have to be",
    .run = run,
};
