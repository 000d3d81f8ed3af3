/* cli/fs_device.c - finding the file system, and trying a change before it is made. */
#include "fs_device.h"

#include <stdio.h>
#include <string.h>

#include "device_args.h"
#include "device_words.h"
#include "littlefs_kind.h"
#include "littlefs_overlay.h"

const struct argp_option fs_options[] = {FS_OPTION_ROWS, {0}};

static struct ferry_region region_of(const struct ferry_vdevice *v, const struct ferry_partition *p)
{
    return (struct ferry_region){&v->file.flash, p->off_bytes, p->size_bytes};
}

static bool is_inside(const struct ferry_vdevice *v, const struct ferry_partition *p)
{
    const uint32_t size = v->file.flash.size_bytes;
    return p->off_bytes <= size && p->size_bytes <= size - p->off_bytes;
}

/** True if files belong there, by its kind: all but what firmware itself needs. */
static bool is_for_files(const struct ferry_partition *p)
{
    return p->type == FERRY_TYPE_DATA && p->subtype >= 0x81 && p->subtype <= 0x83;
}

static bool has_littlefs(const struct ferry_vdevice *v, const struct ferry_partition *p)
{
    enum ferry_fs_kind kind;
    uint32_t claimed_bytes;
    const struct ferry_region region = region_of(v, p);
    return p->type == FERRY_TYPE_DATA && is_inside(v, p) &&
           !ferry_fs_kind(&region, &kind, &claimed_bytes) && kind == FERRY_FS_LITTLEFS;
}

static bool by_label(const struct ferry_vdevice *v, const char *label, struct ferry_partition *p)
{
    uint32_t i = 0;
    return !ferry_table_find(&v->dev.table, FERRY_TYPE_ANY, FERRY_SUBTYPE_ANY, label, &i, p);
}

static bool first_that(const struct ferry_vdevice *v,
                       bool is(const struct ferry_vdevice *, const struct ferry_partition *),
                       struct ferry_partition *p)
{
    for (uint32_t i = 0; i < v->dev.table.n_partitions; i++)
        if (!ferry_table_get(&v->dev.table, i, p) && is(v, p))
            return true;
    return false;
}

static bool could_hold(const struct ferry_vdevice *v, const struct ferry_partition *p)
{
    return is_for_files(p) && is_inside(v, p);
}

/** What is where a littlefs would be. */
static int fail_none(const struct cli_call *call, const struct fs_device *d)
{
    char detail[96];
    enum ferry_fs_kind kind;
    uint32_t claimed_bytes;
    if (ferry_fs_kind(&d->region, &kind, &claimed_bytes))
        return cli_fail_err(call->out, FERRY_ERR_FS_NONE, &(struct ferry_about){.slot = d->label});
    snprintf(detail, sizeof(detail), "it holds %s%s", ferry_fs_kind_words(kind),
             kind == FERRY_FS_ERASED ? "; `ferry fs mkfs` makes one" : "");
    return cli_fail_err(call->out, FERRY_ERR_FS_NONE,
                        &(struct ferry_about){.file = NULL,
                                              .slot = *d->label ? d->label : d->v.path,
                                              .detail = detail});
}

int fs_fail(const struct cli_call *call, const struct fs_device *d, ferry_err err,
            const struct ferry_littlefs_fault *why)
{
    char path[256];
    struct ferry_fault fault = {.err = err};
    struct ferry_about about = {.slot = *d->label ? d->label : d->v.path};
    if (err == FERRY_ERR_FS_NONE)
        return fail_none(call, d);
    if (why->fault.err == err) {
        fault = why->fault;
        about.file = *why->path ? cli_printable(path, sizeof(path), why->path) : NULL;
    }
    if (err == FERRY_ERR_FLASH_IO || err == FERRY_ERR_FLASH_FULL) {
        about.file = d->v.flash_path;
        about.detail = d->v.file.os_errno ? strerror(d->v.file.os_errno) : NULL;
    } else if (err == FERRY_ERR_FS_NOT_EMPTY) {
        about.detail = "--recursive removes what is in it as well";
    }
    return cli_fail(call->out, &fault, &about);
}

/** The partition of --partition, the only one that can be meant, or none. */
static int choose(const struct cli_call *call, struct fs_device *d, enum fs_mode mode,
                  struct ferry_partition *p)
{
    const char *label = cli_value(call, FS_OPT_PARTITION);
    const struct ferry_vdevice *v = &d->v;
    if (label && !by_label(v, label, p))
        return cli_fail_text(call->out, FERRY_ERR_NOT_FOUND, "%s has no partition '%s'", v->path,
                             label);
    if (!label && (mode == FS_MAKE || !first_that(v, has_littlefs, p)) &&
        !(by_label(v, "vfs", p) && could_hold(v, p)) && !first_that(v, could_hold, p))
        return cli_fail_text(call->out, FERRY_ERR_NOT_FOUND,
                             "%s has no partition for files (type data, subtype fat, spiffs or "
                             "littlefs); --partition names another",
                             v->path);
    if (!is_inside(v, p))
        return cli_fail(call->out,
                        &(struct ferry_fault){.err = FERRY_ERR_TABLE_SIZE,
                                              .value = p->off_bytes + p->size_bytes,
                                              .limit = v->file.flash.size_bytes},
                        &(struct ferry_about){.slot = p->label});
    cli_printable(d->label, sizeof(d->label), p->label);
    if (p->flags & FERRY_FLAG_ENCRYPTED)
        return cli_fail_text(call->out, FERRY_ERR_FS_NONE,
                             "%s is encrypted by the chip; its files cannot be seen from outside",
                             d->label);
    if (mode != FS_READ && p->flags & FERRY_FLAG_READONLY)
        return cli_fail_text(call->out, FERRY_ERR_FLASH_PROTECTED,
                             "%s is read-only: the partition table says so", d->label);
    if (mode == FS_MAKE && !is_for_files(p))
        return cli_fail_text(call->out, FERRY_ERR_FLASH_PROTECTED,
                             "%s is not for files; a partition for them is of type data, subtype "
                             "fat, spiffs or littlefs",
                             d->label);
    return CLI_EXIT_OK;
}

static int find_region(const struct cli_call *call, struct fs_device *d, enum fs_mode mode)
{
    struct ferry_vdevice *v = &d->v;
    struct ferry_partition p;
    enum ferry_fs_kind kind = FERRY_FS_OTHER;
    uint32_t claimed_bytes;
    bool is_image = cli_has(call, FS_OPT_IMAGE);
    d->region = (struct ferry_region){&v->file.flash, 0, v->file.flash.size_bytes};
    *d->label = '\0';
    if (is_image && (v->is_dir || v->real || cli_has(call, FS_OPT_PARTITION)))
        return cli_usage(call, "--image is for a file that is nothing but a file system");
    if (v->table_err && !v->is_dir && !v->real && !ferry_fs_kind(&d->region, &kind, &claimed_bytes))
        is_image |= kind == FERRY_FS_LITTLEFS;
    if (is_image)
        return CLI_EXIT_OK;
    if (ferry_vdevice_need_table(v))
        return cli_fail_device(call, v);
    const int exit_code = choose(call, d, mode, &p);
    if (exit_code)
        return exit_code;
    d->region = region_of(v, &p);
    cJSON_AddStringToObject(cli_json(call->out), "partition", d->label);
    cJSON_AddNumberToObject(cli_json(call->out), "offset", p.off_bytes);
    return CLI_EXIT_OK;
}

int fs_open(const struct cli_call *call, struct fs_device *d, enum fs_mode mode)
{
#if !FERRY_LITTLEFS
    (void)d, (void)mode, (void)find_region;
    return cli_fail_err(call->out, FERRY_ERR_FS_LEFT_OUT, NULL);
#else
    int exit_code = cli_open_device(call, &d->v, mode != FS_READ, false);
    if (exit_code)
        return exit_code;
    exit_code = find_region(call, d, mode);
    if (exit_code)
        ferry_vdevice_close(&d->v);
    return exit_code;
#endif
}

void fs_close(struct fs_device *d)
{
    ferry_vdevice_close(&d->v);
}

int fs_read(const struct cli_call *call, struct fs_device *d, ferry_littlefs_job *job, void *ctx,
            const int *exit_code)
{
    static struct ferry_littlefs_fault why;
    struct ferry_overlay copy;
    ferry_err err = ferry_overlay_open(&copy, &d->region);
    const struct ferry_region region = {&copy.flash, 0, d->region.size_bytes};
    if (!err)
        err = ferry_littlefs_run(&region, false, job, ctx, &why);
    ferry_overlay_close(&copy);
    const int said = exit_code ? *exit_code : CLI_EXIT_OK;
    if (said)
        return said;
    return err ? fs_fail(call, d, err, &why) : CLI_EXIT_OK;
}

int fs_change(const struct cli_call *call, struct fs_device *d, ferry_littlefs_job *job, void *ctx)
{
    static struct ferry_littlefs_fault why;
    struct ferry_overlay copy;
    ferry_err err = ferry_overlay_open(&copy, &d->region);
    const struct ferry_region region = {&copy.flash, 0, d->region.size_bytes};
    if (!err)
        err = ferry_littlefs_run(&region, true, job, ctx, &why);
    const bool changes = copy.n_changed > 0;
    ferry_overlay_close(&copy);
    if (!err && changes)
        err = ferry_littlefs_run(&d->region, true, job, ctx, &why);
    return err ? fs_fail(call, d, err, &why) : CLI_EXIT_OK;
}

int fs_path_arg(const struct cli_call *call, int i, char path[FERRY_LITTLEFS_PATH_BYTES])
{
    const char *text = call->args[i];
    if (!ferry_littlefs_path(text, path))
        return CLI_EXIT_OK;
    return cli_fail_text(call->out, FERRY_ERR_FS_NAME,
                         "'%.200s' leads out of the file system, or is longer than %u bytes", text,
                         FERRY_LITTLEFS_PATH_BYTES - 2);
}

const char *fs_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool fs_join(char path[FERRY_LITTLEFS_PATH_BYTES], const char *folder, const char *name)
{
    const bool slash = *name && folder[strlen(folder) - 1] != '/';
    const int n =
        snprintf(path, FERRY_LITTLEFS_PATH_BYTES, "%s%s%s", folder, slash ? "/" : "", name);
    return n >= 0 && (size_t)n < FERRY_LITTLEFS_PATH_BYTES;
}
