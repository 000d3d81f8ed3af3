/* cli/partition_write.c - checking, erasing, writing, reading back. */
#include "partition_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_args.h"
#include "device_words.h"
#include "ferry/gate.h"
#include "ferry/slots.h"
#include "progress.h"
#include "read_file.h"
#include "table_file.h"

#define STEP_BYTES 65536u
#define HEAD_BYTES 16u       // an app's first bytes, written last
#define LONG_BYTES 0x200000u // what takes less than this is over before one could read it

static int fail_flash(const struct cli_call *call, const struct ferry_vdevice *v, ferry_err err)
{
    return cli_fail_err(
        call->out, err,
        &(struct ferry_about){.file = v->flash_path,
                              .detail = v->file.os_errno ? strerror(v->file.os_errno) : NULL});
}

/** True if a partition table lies where it would in a whole flash image. */
static bool is_merged(const struct partition_write *w)
{
    static const uint32_t places[] = {0x8000, 0x7000, 0x6000};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (w->n_bytes > places[i] + 1 && w->image_bytes <= places[i] &&
            w->bytes[places[i]] == 0xaa && w->bytes[places[i] + 1] == 0x50)
            return true;
    return false;
}

static int check_app(const struct cli_call *call, const struct ferry_vdevice *v,
                     struct partition_write *w, const struct ferry_about *about)
{
    const struct ferry_region *r = &w->target.region;
    struct ferry_image_rules rules = {.chip = v->policy.chip,
                                      .chip_rev = v->policy.chip_rev,
                                      .blk_rev = v->policy.blk_rev,
                                      .ignore_max_rev = v->policy.ignore_max_rev,
                                      .base_off_bytes = r->off_bytes,
                                      .max_bytes = r->size_bytes};
    struct ferry_image img;
    if (w->target.slot != FERRY_SLOT_NONE)
        ferry_device_rules(&v->dev, w->target.slot, &rules);
    ferry_image_begin(&img, &rules);
    ferry_err err = ferry_image_feed(&img, w->bytes, w->n_bytes);
    if (!err)
        err = ferry_image_end(&img);
    w->image_bytes = img.image_bytes;
    if (!err && is_merged(w))
        err = ferry_fail(&img.fault, FERRY_ERR_IMAGE_MERGED, 0, 0, 0);
    img.fault.err = err;
    return err ? cli_fail(call->out, &img.fault, about) : CLI_EXIT_OK;
}

static int check_bootloader(const struct cli_call *call, const struct ferry_vdevice *v,
                            const struct partition_write *w, const struct ferry_about *about)
{
    struct ferry_image_header header;
    struct ferry_image img;
    const struct ferry_image_rules rules = {.chip = v->policy.chip,
                                            .chip_rev = v->policy.chip_rev,
                                            .ignore_max_rev = true,
                                            .bootloader = true,
                                            .max_bytes = w->target.region.size_bytes};
    ferry_image_begin(&img, &rules);
    ferry_err err = ferry_image_feed(&img, w->bytes, w->n_bytes);
    if (!err)
        err = ferry_image_end(&img);
    if (err == FERRY_ERR_IMAGE_HASH) // of a tool that patched the header; the ROM does not look
        err = FERRY_OK;
    if (!err) {
        ferry_image_header_decode(w->bytes, &header);
        if (header.chip_id != v->policy.chip->id)
            err =
                ferry_fail(&img.fault, FERRY_ERR_IMAGE_CHIP, header.chip_id, v->policy.chip->id, 0);
    }
    img.fault.err = err;
    return err ? cli_fail(call->out, &img.fault, about) : CLI_EXIT_OK;
}

/** The table, from a CSV or in binary form, as it goes on flash. */
static int read_table(const struct cli_call *call, const struct ferry_vdevice *v, const char *file,
                      struct partition_write *w)
{
    w->bytes = malloc(FERRY_TABLE_BYTES);
    if (!w->bytes)
        return cli_fail_err(call->out, FERRY_ERR_NO_MEMORY, NULL);
    w->n_bytes = FERRY_TABLE_BYTES;
    return cli_read_table_file(call, file, v->file.flash.size_bytes, v->table_off_bytes, w->bytes);
}

static int read_bytes(const struct cli_call *call, const struct ferry_vdevice *v, const char *path,
                      struct partition_write *w, const struct ferry_about *about)
{
    size_t n_bytes = 0;
    int os_errno = 0;
    const uint32_t room = w->target.region.size_bytes;
    const ferry_err err =
        ferry_read_file(path, v->file.flash.size_bytes, &w->bytes, &n_bytes, &os_errno);
    w->n_bytes = (uint32_t)n_bytes;
    if (err == FERRY_ERR_RANGE)
        return cli_fail_text(call->out, FERRY_ERR_IMAGE_SIZE,
                             "%s is larger than the whole flash of %s bytes", w->file,
                             cli_thousands(v->file.flash.size_bytes));
    if (err)
        return cli_fail_err(
            call->out, err,
            &(struct ferry_about){w->file, NULL, os_errno ? strerror(os_errno) : NULL});
    if (n_bytes > room)
        return cli_fail(call->out, &(struct ferry_fault){FERRY_ERR_IMAGE_SIZE, w->n_bytes, room, 0},
                        about);
    return CLI_EXIT_OK;
}

int partition_write_read(const struct cli_call *call, const struct ferry_vdevice *v,
                         const char *file, bool no_check, struct partition_write *w)
{
    char name[40];
    const bool is_stdin = !strcmp(file, "-");
    const char *path = is_stdin ? "/dev/stdin" : file;
    const struct partition_target *t = &w->target;
    w->file = is_stdin ? "standard input" : file;
    w->bytes = NULL;
    w->image_bytes = 0;
    const struct ferry_about about = {.file = w->file,
                                      .slot = cli_printable(name, sizeof(name), t->p.label)};
    if (t->kind == TARGET_TABLE && !no_check)
        return read_table(call, v, path, w);
    const int exit_code = read_bytes(call, v, path, w, &about);
    if (exit_code)
        return exit_code;
    // Nobody knows where the signature of an unchecked file would be, so it has none.
    if (no_check && v->policy.gate && t->p.type == FERRY_TYPE_APP)
        return cli_fail_err(call->out, FERRY_ERR_SIGNATURE_NONE, &about);
    if (no_check)
        return CLI_EXIT_OK;
    if (t->kind == TARGET_BOOTLOADER)
        return check_bootloader(call, v, w, &about);
    return t->p.type == FERRY_TYPE_APP ? check_app(call, v, w, &about) : CLI_EXIT_OK;
}

/** Erases a region step by step; the last sector whole, which nobody shares. progress may be NULL.
 */
static ferry_err erase_region(const struct ferry_region *r, struct cli_progress *progress)
{
    const uint32_t sector = r->flash->sector_bytes;
    const uint32_t n_bytes = (r->size_bytes + sector - 1) / sector * sector;
    const struct ferry_region all = {r->flash, 0, r->flash->size_bytes};
    for (uint32_t at = 0; at < n_bytes;) {
        const uint32_t left = n_bytes - at;
        const uint32_t border = STEP_BYTES - (r->off_bytes + at) % STEP_BYTES;
        const uint32_t n = left < border ? left : border;
        const ferry_err err = ferry_region_erase(&all, r->off_bytes + at, n, true);
        if (err)
            return err;
        at += n;
        if (progress)
            cli_progress_at(progress, at, n_bytes);
    }
    return FERRY_OK;
}

static ferry_err program(const struct partition_write *w, struct cli_progress *progress)
{
    const struct ferry_region *r = &w->target.region;
    const uint32_t head = w->n_bytes < HEAD_BYTES ? w->n_bytes : HEAD_BYTES;
    for (uint32_t at = head; at < w->n_bytes;) {
        const uint32_t n = w->n_bytes - at < STEP_BYTES ? w->n_bytes - at : STEP_BYTES;
        const ferry_err err = ferry_region_prog(r, at, w->bytes + at, n);
        if (err)
            return err;
        at += n;
        if (progress)
            cli_progress_at(progress, at, w->n_bytes);
    }
    return ferry_region_sync(r);
}

/** Compares with what was meant, from off_bytes on. */
static ferry_err read_back(const struct partition_write *w, uint32_t off_bytes)
{
    static uint8_t seen[STEP_BYTES];
    for (uint32_t at = off_bytes; at < w->n_bytes;) {
        const uint32_t n = w->n_bytes - at < STEP_BYTES ? w->n_bytes - at : STEP_BYTES;
        const ferry_err err = ferry_region_read(&w->target.region, at, seen, n);
        if (err)
            return err;
        if (memcmp(seen, w->bytes + at, n) != 0)
            return FERRY_ERR_FLASH_VERIFY;
        at += n;
    }
    return FERRY_OK;
}

/** The last word of a device that trusts only some: on what flash holds, which was read back. */
static ferry_err ask_gate(const struct ferry_vdevice *v, const struct partition_write *w,
                          struct ferry_fault *fault)
{
    struct ferry_gate *gate = v->policy.gate;
    if (!gate || w->target.p.type != FERRY_TYPE_APP || w->target.kind != TARGET_PARTITION)
        return FERRY_OK;
    if (!w->image_bytes) // not checked, so nobody knows where a signature would be
        return ferry_fail(fault, FERRY_ERR_SIGNATURE_NONE, 0, 0, 0);
    gate->begin(gate, w->image_bytes);
    gate->feed(gate, w->bytes, w->n_bytes);
    return gate->verdict(gate, &w->target.region, fault);
}

int partition_write_do(const struct cli_call *call, struct ferry_vdevice *v,
                       const struct partition_write *w)
{
    struct cli_progress progress;
    struct ferry_fault fault = {0};
    char name[40], label[60];
    const struct ferry_region *r = &w->target.region;
    const uint32_t head = w->n_bytes < HEAD_BYTES ? w->n_bytes : HEAD_BYTES;
    const bool is_long = w->n_bytes >= LONG_BYTES;
    snprintf(label, sizeof(label), "Writing %s",
             cli_printable(name, sizeof(name), w->target.p.label));
    cli_progress_begin(&progress, call->out, label, 0, w->n_bytes);
    ferry_err err = erase_region(r, NULL);
    if (!err)
        err = program(w, is_long ? &progress : NULL);
    if (!err)
        err = read_back(w, head);
    if (is_long)
        cli_progress_end(&progress);
    if (err)
        return fail_flash(call, v, err);
    err = ask_gate(v, w, &fault);
    if (err) {
        fault.err = err;
        return cli_fail(call->out, &fault, &(struct ferry_about){.file = w->file, .slot = name});
    }
    err = ferry_region_prog(r, 0, w->bytes, head);
    if (!err)
        err = ferry_region_sync(r);
    if (!err)
        err = read_back(w, 0);
    return err ? fail_flash(call, v, err) : CLI_EXIT_OK;
}

int partition_erase_do(const struct cli_call *call, const struct ferry_vdevice *v,
                       const struct partition_target *t)
{
    struct cli_progress progress;
    char name[40], label[60];
    snprintf(label, sizeof(label), "Erasing %s", cli_printable(name, sizeof(name), t->p.label));
    cli_progress_begin(&progress, call->out, label, 0, t->region.size_bytes);
    const bool is_long = t->region.size_bytes >= LONG_BYTES;
    ferry_err err = erase_region(&t->region, is_long ? &progress : NULL);
    if (!err)
        err = ferry_region_sync(&t->region);
    if (is_long)
        cli_progress_end(&progress);
    return err ? fail_flash(call, v, err) : CLI_EXIT_OK;
}

int partition_changed(const struct cli_call *call, struct ferry_vdevice *v, bool table_too)
{
    if (table_too) {
        char label[FERRY_LABEL_BYTES + 1];
        int slot;
        const int was = v->dev.running;
        if (was != FERRY_SLOT_NONE)
            ferry_vdevice_label(v, was, label);
        const ferry_err err = ferry_vdevice_reload(v);
        // A running slot that the new table does not have would make device.json unusable.
        if (err || (was != FERRY_SLOT_NONE && ferry_vdevice_slot(v, label, &slot)))
            v->dev.running = FERRY_SLOT_NONE;
        if (v->is_dir && ferry_vdevice_save(v))
            return cli_fail_device(call, v);
    }
    if (v->table_err)
        cli_warn(call->out, "there is no usable partition table: nothing boots");
    else
        cli_say_next(call, v);
    return cli_done(call->out);
}

void partition_write_free(struct partition_write *w)
{
    free(w->bytes);
    w->bytes = NULL;
}
