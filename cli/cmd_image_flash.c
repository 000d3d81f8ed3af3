/* cli/cmd_image_flash.c - `ferry image flash`: a merged image onto a device, bootloader and all,
 * most of all onto a chip by --port. Everything is checked before the first byte changes. An app
 * alone is not for this command: ferry update and ferry slots write know where it may go. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "device_args.h"
#include "device_words.h"
#include "ferry/bytes.h"
#include "image_file.h"
#include "partition_write.h"
#include "progress.h"
#include "reflash_waiting.h"

#define STEP_BYTES 65536u
#define PATH_BYTES 4200u // a path with a few words

enum { OPT_FORCE = CLI_OPT_OWN };

/** One flashing; too large for the stack. */
struct flashing {
    struct cli_call *call;
    struct ferry_vdevice v;
    struct image_file file;
};

static struct ferry_region all_of(const struct flashing *s)
{
    return (struct ferry_region){&s->v.file.flash, 0, s->v.file.flash.size_bytes};
}

/** The bootloader must lie where this chip looks for it, be whole, and be for this chip. */
static int check_bootloader(struct flashing *s)
{
    const struct ferry_image_rules rules = {.bootloader = true};
    const struct image_file *f = &s->file;
    const struct ferry_chip *chip = s->v.policy.chip;
    struct ferry_image_header header;
    struct ferry_image img;
    if (!chip)
        return cli_fail_text(s->call->out, FERRY_ERR_CHIP_UNKNOWN,
                             "which chip it is does not show in %s: --chip", s->v.path);
    const uint32_t at = chip->bootloader_off_bytes - f->flash_off_bytes;
    if (chip->bootloader_off_bytes < f->flash_off_bytes || at >= f->table_off_bytes ||
        f->bytes[at] != FERRY_IMAGE_MAGIC)
        return cli_fail_text(s->call->out, FERRY_ERR_IMAGE_MAGIC,
                             "%s has no bootloader for 0x%x, where an %s looks for it", f->path,
                             (unsigned)chip->bootloader_off_bytes, chip->name);
    const struct ferry_region region = {&f->flash, at, f->table_off_bytes - at};
    char what[PATH_BYTES];
    snprintf(what, sizeof(what), "the bootloader in %s", f->path);
    const struct ferry_about about = {.file = what};
    const ferry_err err =
        ferry_image_verify(&region, &rules, s->file.work, sizeof(s->file.work), &img);
    if (err && err != FERRY_ERR_IMAGE_HASH) // the ROM does not look at that
        return cli_fail(s->call->out, &img.fault, &about);
    ferry_image_header_decode(f->bytes + at, &header);
    if (header.chip_id == chip->id)
        return CLI_EXIT_OK;
    return cli_fail(s->call->out,
                    &(struct ferry_fault){FERRY_ERR_IMAGE_CHIP, header.chip_id, chip->id, 0},
                    &about);
}

static int fail_app(const struct flashing *s, const struct ferry_partition *p,
                    const struct ferry_fault *fault)
{
    char label[40], what[PATH_BYTES];
    snprintf(what, sizeof(what), "%s in %s", cli_printable(label, sizeof(label), p->label),
             s->file.path);
    return cli_fail(s->call->out, fault, &(struct ferry_about){.file = what});
}

/** Each partition must lie in the flash, and an app that is there be whole. */
static int check_rows(struct flashing *s)
{
    const struct image_file *f = &s->file;
    struct ferry_table_walk w;
    struct ferry_partition p;
    struct ferry_fault fault = {0};
    ferry_table_walk_begin(&w);
    for (uint32_t row = 0; !w.done; row++) {
        const unsigned n_before = w.n_partitions;
        if (ferry_table_walk_row(&w, f->bytes + f->table_off_bytes + row * FERRY_ROW_BYTES,
                                 s->v.file.flash.size_bytes, &p, &fault))
            return cli_fail(s->call->out, &fault, &(struct ferry_about){.file = f->path});
        const uint32_t off = p.off_bytes - f->flash_off_bytes;
        if (w.done || w.n_partitions == n_before || p.type != FERRY_TYPE_APP || off >= f->n_bytes ||
            f->bytes[off] == 0xff)
            continue;
        const struct ferry_image_rules rules = {
            .chip = s->v.policy.chip, .ignore_max_rev = true, .base_off_bytes = p.off_bytes};
        const uint32_t left = f->n_bytes - off;
        const struct ferry_region region = {&f->flash, off,
                                            p.size_bytes < left ? p.size_bytes : left};
        struct ferry_image img;
        if (ferry_image_verify(&region, &rules, s->file.work, sizeof(s->file.work), &img))
            return fail_app(s, &p, &img.fault);
    }
    return CLI_EXIT_OK;
}

static int check(struct flashing *s)
{
    const struct image_file *f = &s->file;
    const uint32_t flash_bytes = s->v.file.flash.size_bytes;
    if (!f->is_flash)
        return cli_fail_text(s->call->out, FERRY_ERR_TABLE_MAGIC,
                             "%s is no merged image: it has no partition table. An app alone goes "
                             "into a slot: ferry update, ferry slots write",
                             f->path);
    if (!ferry_range_fits(f->flash_off_bytes, f->n_bytes, flash_bytes))
        return cli_fail_text(s->call->out, FERRY_ERR_FLASH_RANGE,
                             "%s ends at 0x%llx, behind the end of a flash of %s bytes", f->path,
                             (unsigned long long)f->flash_off_bytes + f->n_bytes,
                             cli_thousands(flash_bytes));
    if (f->table_off_bytes + f->flash_off_bytes != s->v.table_off_bytes)
        return cli_fail_text(s->call->out, FERRY_ERR_TABLE_MAGIC,
                             "the table of %s is for 0x%x, the device keeps its at 0x%x", f->path,
                             (unsigned)(f->table_off_bytes + f->flash_off_bytes),
                             (unsigned)s->v.table_off_bytes);
    if (cli_has(s->call, OPT_FORCE))
        return CLI_EXIT_OK;
    if (ferry_reflash_waits(&s->v))
        return cli_fail_err(s->call->out, FERRY_ERR_REFLASH_UNFINISHED, NULL);
    if (s->v.policy.gate)
        return cli_fail_text(s->call->out, FERRY_ERR_SIGNATURE_NONE,
                             "the device trusts signed updates only, and a merged image has no "
                             "signature as a whole; --force writes it all the same");
    const int exit_code = check_bootloader(s);
    return exit_code ? exit_code : check_rows(s);
}

/** One step: erased, written, on the chip, and compared. */
static ferry_err put_step(const struct flashing *s, uint32_t at, uint32_t n)
{
    static uint8_t seen[STEP_BYTES];
    const struct ferry_region all = all_of(s);
    const struct image_file *f = &s->file;
    const uint32_t off = f->flash_off_bytes + at;
    ferry_err err = ferry_region_erase(&all, off, ferry_align_up(n, all.flash->sector_bytes), true);
    if (!err)
        err = ferry_region_prog(&all, off, f->bytes + at, n);
    if (!err)
        err = ferry_region_sync(&all);
    if (!err)
        err = ferry_region_read(&all, off, seen, n);
    return !err && memcmp(seen, f->bytes + at, n) != 0 ? FERRY_ERR_FLASH_VERIFY : err;
}

static int put(struct flashing *s)
{
    struct cli_progress progress;
    const struct image_file *f = &s->file;
    ferry_err err = FERRY_OK;
    uint32_t at = 0;
    cli_progress_begin(&progress, s->call->out, "Flashing", 0, f->n_bytes);
    while (!err && at < f->n_bytes) {
        const uint32_t border = STEP_BYTES - (f->flash_off_bytes + at) % STEP_BYTES;
        const uint32_t left = f->n_bytes - at;
        const uint32_t n = left < border ? left : border;
        err = put_step(s, at, n);
        at += err ? 0 : n;
        cli_progress_at(&progress, at, f->n_bytes);
    }
    cli_progress_end(&progress);
    if (!err)
        return CLI_EXIT_OK;
    return cli_fail(
        s->call->out, &(struct ferry_fault){.err = err, .off_bytes = f->flash_off_bytes + at},
        &(struct ferry_about){.file = s->v.flash_path,
                              .detail = s->v.file.os_errno ? strerror(s->v.file.os_errno) : NULL});
}

static int flash(struct flashing *s)
{
    const struct image_file *f = &s->file;
    int exit_code = check(s);
    if (!exit_code)
        exit_code = put(s);
    if (exit_code)
        return exit_code;
    cJSON *root = cli_json(s->call->out);
    cJSON_AddStringToObject(root, "file", f->path);
    cJSON_AddNumberToObject(root, "offset", f->flash_off_bytes);
    cJSON_AddNumberToObject(root, "size", f->n_bytes);
    cli_text(s->call->out, "%s: %s bytes at 0x%x, read back. The rest of the flash is as it was.\n",
             f->path, cli_thousands(f->n_bytes), (unsigned)f->flash_off_bytes);
    return partition_changed(s->call, &s->v, true);
}

static int run(struct cli_call *call)
{
    static struct flashing s;
    s.call = call;
    int exit_code = image_file_open(call, call->args[1], &s.file);
    if (exit_code)
        return exit_code;
    exit_code = cli_open_device(call, &s.v, true, false);
    if (!exit_code) {
        exit_code = flash(&s);
        ferry_vdevice_close(&s.v);
    }
    image_file_close(&s.file);
    return exit_code;
}

static const struct argp_option options[] = {
    {"force", OPT_FORCE, 0, 0,
     "Without checking bootloader, table and apps in it; size and place are checked always", 0},
    {0},
};

static const struct cli_example examples[] = {
    {"ferry image flash --port /dev/ttyUSB0 firmware.bin", "onto the chip on this port"},
    {"ferry image flash dump.bin firmware.bin", "into a flash dump, to look at it first"},
    {0},
};

const struct cli_command cli_cmd_image_flash = {
    .name = "image flash",
    .summary = "write a merged image onto a chip, bootloader and all",
    .args = "DEVICE MERGED",
    .about = CLI_DEVICE_ABOUT
    "\n\nMERGED must hold a bootloader for this chip, a partition table that fits its flash, "
    "and whole apps; where it goes shows in the file. What it holds is written, the blank "
    "bytes in it too, so settings in its range are gone; what lies behind its end stays. If "
    "the cable is cut the chip may not boot: run it again.",
    .min_args = 2,
    .max_args = 2,
    .options = options,
    .shared = cli_device_options,
    .examples = examples,
    .exits = "refused: nothing was written; or a write failed: what was written so far stays",
    .run = run,
};
