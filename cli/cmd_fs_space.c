/* cli/cmd_fs_space.c - `ferry fs df`, `grow` and `mkfs`: the file system as a whole. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "device_args.h"
#include "fs_device.h"
#include "littlefs_kind.h"

enum { OPT_FORCE = CLI_OPT_OWN, OPT_DISK_VERSION };

static const struct argp_option mkfs_options[] = {
    {"force", OPT_FORCE, 0, 0, "Also where something is already, which is lost", 0},
    {"disk-version", OPT_DISK_VERSION, "2.0|2.1", 0,
     "The version of littlefs: 2.0 is read by all firmware (2.0)", 0},
    FS_OPTION_ROWS,
    {0},
};

/** What df asks and grow does. */
struct space_job {
    const struct cli_call *call;
    struct ferry_littlefs_space space, before;
    uint32_t to_bytes; // grow; 0: as far as the partition goes
    uint32_t region_bytes;
};

static ferry_err space_job(struct ferry_littlefs *fs, void *ctx)
{
    struct space_job *s = ctx;
    return ferry_littlefs_space(fs, &s->space);
}

static void add_json(const struct cli_call *call, const struct space_job *s)
{
    char version[16];
    cJSON *root = cli_json(call->out);
    const struct ferry_littlefs_space *a = &s->space;
    snprintf(version, sizeof(version), "%u.%u", (unsigned)(a->version >> 16),
             (unsigned)(a->version & 0xffff));
    cJSON_AddStringToObject(root, "type", "littlefs");
    cJSON_AddStringToObject(root, "version", version);
    cJSON_AddNumberToObject(root, "block_bytes", a->block_bytes);
    cJSON_AddNumberToObject(root, "blocks", a->n_blocks);
    cJSON_AddNumberToObject(root, "used_blocks", a->n_used);
    cJSON_AddNumberToObject(root, "free_blocks", a->n_blocks - a->n_used);
    cJSON_AddNumberToObject(root, "bytes", (double)a->n_blocks * a->block_bytes);
    cJSON_AddNumberToObject(root, "partition_bytes", s->region_bytes);
    cJSON_AddNumberToObject(root, "name_max_bytes", a->name_max_bytes);
    cJSON_AddNumberToObject(root, "file_max_bytes", a->file_max_bytes);
}

static void print(const struct cli_call *call, const struct fs_device *d, const struct space_job *s)
{
    const struct ferry_littlefs_space *a = &s->space;
    const uint64_t all = (uint64_t)a->n_blocks * a->block_bytes;
    const uint64_t used = (uint64_t)a->n_used * a->block_bytes;
    cli_text(call->out, "%s: littlefs %u.%u, %s blocks of %s bytes\n",
             *d->label ? d->label : d->v.path, (unsigned)(a->version >> 16),
             (unsigned)(a->version & 0xffff), cli_thousands(a->n_blocks),
             cli_thousands(a->block_bytes));
    cli_text(call->out, "%s of %s bytes used (%u %%), %s free\n", cli_thousands(used),
             cli_thousands(all), (unsigned)(100 * used / all), cli_thousands(all - used));
    if (s->region_bytes - all >= a->block_bytes)
        cli_text(call->out, "its partition has %s bytes; `ferry fs grow` makes use of them\n",
                 cli_thousands(s->region_bytes));
}

static int run_df(struct cli_call *call)
{
    static struct fs_device d;
    struct space_job s = {.call = call};
    int exit_code = fs_open(call, &d, FS_READ);
    if (exit_code)
        return exit_code;
    s.region_bytes = d.region.size_bytes;
    exit_code = fs_read(call, &d, space_job, &s, NULL);
    if (!exit_code) {
        add_json(call, &s);
        print(call, &d, &s);
    }
    fs_close(&d);
    return exit_code ? exit_code : cli_done(call->out);
}

static ferry_err grow_job(struct ferry_littlefs *fs, void *ctx)
{
    struct space_job *s = ctx;
    ferry_err err = ferry_littlefs_space(fs, &s->before);
    const uint32_t to = s->to_bytes ? s->to_bytes : s->region_bytes;
    if (!err)
        err = ferry_littlefs_grow(fs, to / s->before.block_bytes);
    return err ? err : ferry_littlefs_space(fs, &s->space);
}

static int run_grow(struct cli_call *call)
{
    static struct fs_device d;
    struct space_job s = {.call = call};
    if (call->n_args > 1 &&
        (!cli_parse_number(call->args[1], &s.to_bytes) || !s.to_bytes || s.to_bytes % 4096))
        return cli_usage(call, "SIZE is a multiple of 4096 bytes, not '%s'", call->args[1]);
    int exit_code = fs_open(call, &d, FS_WRITE);
    if (exit_code)
        return exit_code;
    s.region_bytes = d.region.size_bytes;
    if (s.to_bytes > s.region_bytes)
        exit_code = cli_fail(
            call->out, &(struct ferry_fault){FERRY_ERR_FS_SIZE, s.to_bytes, s.region_bytes, 0},
            &(struct ferry_about){.slot = *d.label ? d.label : d.v.path});
    if (!exit_code)
        exit_code = fs_change(call, &d, grow_job, &s);
    if (!exit_code) {
        add_json(call, &s);
        cJSON_AddNumberToObject(cli_json(call->out), "before_bytes",
                                (double)s.before.n_blocks * s.before.block_bytes);
        print(call, &d, &s);
    }
    fs_close(&d);
    return exit_code ? exit_code : cli_done(call->out);
}

/** Making one loses what is there. */
static int check_empty(const struct cli_call *call, const struct fs_device *d)
{
    enum ferry_fs_kind kind;
    uint32_t claimed_bytes;
    const ferry_err err = ferry_fs_kind(&d->region, &kind, &claimed_bytes);
    if (err)
        return cli_fail_err(call->out, err, &(struct ferry_about){.file = d->v.flash_path});
    if (kind == FERRY_FS_ERASED || cli_has(call, OPT_FORCE))
        return CLI_EXIT_OK;
    return cli_fail_text(call->out, FERRY_ERR_FS_EXISTS,
                         "%s holds %s; --force makes a new file system, and what is there is lost",
                         *d->label ? d->label : d->v.path, ferry_fs_kind_words(kind));
}

static int make(const struct cli_call *call, struct fs_device *d, uint32_t version)
{
    static struct ferry_littlefs_fault why;
    struct space_job s = {.call = call, .region_bytes = d->region.size_bytes};
    int exit_code = check_empty(call, d);
    if (exit_code)
        return exit_code;
    const ferry_err err = ferry_littlefs_format(&d->region, version, &why);
    if (err)
        return fs_fail(call, d, err, &why);
    exit_code = fs_read(call, d, space_job, &s, NULL);
    if (exit_code)
        return exit_code;
    add_json(call, &s);
    print(call, d, &s);
    return cli_done(call->out);
}

static int run_mkfs(struct cli_call *call)
{
    static struct fs_device d;
    static const char *const names[] = {"2.0", "2.1", NULL};
    static const uint32_t versions[] = {FERRY_LITTLEFS_V2_0, FERRY_LITTLEFS_V2_1};
    int version = 0;
    if (!cli_choice(call, OPT_DISK_VERSION, names, &version))
        return CLI_EXIT_USAGE;
    int exit_code = fs_open(call, &d, FS_MAKE);
    if (exit_code)
        return exit_code;
    exit_code = make(call, &d, versions[version]);
    fs_close(&d);
    return exit_code;
}

static const struct cli_example df_examples[] = {
    {"ferry fs df dev", "size, used and free"},
    {"ferry fs df dump.bin --partition data --json", "for a script"},
    {0},
};

const struct cli_command cli_cmd_fs_df = {
    .name = "fs df",
    .summary = "how full the file system of a device is",
    .args = "DEVICE",
    .about = FS_DEVICE_ABOUT FS_BUILT_ABOUT,
    .min_args = 1,
    .max_args = 1,
    .options = fs_options,
    .shared = cli_device_options,
    .examples = df_examples,
    .exits = "there is no littlefs, or it is damaged",
    .run = run_df,
};

static const struct cli_example grow_examples[] = {
    {"ferry partitions edit dump.bin -o big.bin --flash-size 8M --resize vfs=6M",
     "a larger partition first"},
    {"ferry fs grow big.bin", "then the file system, as far as the partition goes"},
    {0},
};

const struct cli_command cli_cmd_fs_grow = {
    .name = "fs grow",
    .summary = "make the file system as large as its partition",
    .args = "DEVICE [SIZE]",
    .about = FS_DEVICE_ABOUT
    " SIZE is in bytes, in kilobytes with K, in megabytes with M; without it the file system grows "
    "as far as its partition goes. The files stay. A file system never shrinks." FS_BUILT_ABOUT,
    .min_args = 1,
    .max_args = 2,
    .options = fs_options,
    .shared = cli_device_options,
    .examples = grow_examples,
    .exits = "there is no littlefs, or the size is less than now or more than the partition has",
    .run = run_grow,
};

static const struct cli_example mkfs_examples[] = {
    {"ferry fs mkfs dev", "an empty file system in a partition that is erased"},
    {"ferry fs mkfs dump.bin --partition data --force", "in place of whatever is there"},
    {0},
};

const struct cli_command cli_cmd_fs_mkfs = {
    .name = "fs mkfs",
    .summary = "make an empty file system on a device",
    .args = "DEVICE",
    .about = FS_DEVICE_ABOUT
    " It goes into the partition vfs, or the first one for files (type data, subtype fat, spiffs "
    "or "
    "littlefs), and is mounted by MicroPython and by all that mounts a littlefs 2." FS_BUILT_ABOUT,
    .min_args = 1,
    .max_args = 1,
    .options = mkfs_options,
    .shared = cli_device_options,
    .examples = mkfs_examples,
    .exits = "something is there already, or there is no partition for files",
    .run = run_mkfs,
};
