/* cli/cmd_device_new.c - `ferry device new`: a virtual device from a table and images. All that is
 * given is read before the first file is made, and a device that cannot be finished is removed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_args.h"
#include "device_words.h"
#include "read_file.h"
#include "shell_words.h"
#include "table_file.h"

enum { OPT_FLASH_SIZE = CLI_OPT_OWN, OPT_PARTITIONS, OPT_BOOTLOADER, OPT_APP };

static const struct argp_option options[] = {
    {"flash-size", OPT_FLASH_SIZE, "N", 0, "Size of the flash: 4MB, 0x400000 ... (required)", 0},
    {"partitions", OPT_PARTITIONS, "FILE", 0,
     "Partition table, as CSV or in binary form (required)", 0},
    {"bootloader", OPT_BOOTLOADER, "FILE", 0, "Bootloader image, put where the chip's ROM looks",
     0},
    {"app", OPT_APP, "SLOT=FILE", 0, "Application image for a slot; may be given for several slots",
     0},
    {0},
};

/** What is to be made, read from the command line and from files. */
struct plan {
    struct cli_call *call;
    struct ferry_vdevice v;
    struct ferry_vdevice_new what;
    uint8_t table[FERRY_TABLE_BYTES];
    uint8_t *bootloader;
    size_t n_bootloader;
};

static int read_plan(struct plan *p)
{
    struct cli_call *call = p->call;
    struct ferry_vdevice_given given = {.rollback = true,
                                        .table_off_bytes = FERRY_TABLE_OFF_DEFAULT};
    if (!cli_read_policy(call, &given) ||
        !cli_number(call, OPT_FLASH_SIZE, UINT32_MAX, &p->what.flash_bytes))
        return CLI_EXIT_USAGE;
    if (!given.chip)
        return cli_usage(call, "--chip is missing: which chip is it to be?");
    if (!cli_has(call, OPT_FLASH_SIZE))
        return cli_usage(call,
                         "--flash-size is missing: how large is the flash, as --flash-size=4MB?");
    if (!cli_has(call, OPT_PARTITIONS))
        return cli_usage(call, "--partitions is missing: a partition table, CSV or binary");
    if (given.running)
        return cli_usage(call, "--running does not go with a new device: switch it on instead");
    const int exit_code = cli_read_trust(call, &given);
    if (exit_code)
        return exit_code;
    p->what.dir = call->args[0];
    p->what.table_off_bytes = given.table_off_bytes;
    p->what.trust = given.trust;
    p->what.secure_boot = given.secure_boot;
    p->what.policy = (struct ferry_policy){
        .chip = given.chip,
        .rollback = given.rollback,
        .anti_rollback = given.anti_rollback,
        .secure_version = given.secure_version,
        .writer = given.writer,
    };
    return CLI_EXIT_OK;
}

/** Reads a file that must not be longer than the flash. */
static int read_input(struct plan *p, const char *path, uint8_t **bytes, size_t *n_bytes)
{
    int os_errno;
    const ferry_err err = ferry_read_file(path, p->what.flash_bytes, bytes, n_bytes, &os_errno);
    if (!err)
        return CLI_EXIT_OK;
    if (err == FERRY_ERR_RANGE)
        return cli_fail_text(p->call->out, err, "%s is larger than the whole flash of %s bytes",
                             path, cli_thousands(p->what.flash_bytes));
    const struct ferry_about about = {path, NULL, os_errno ? strerror(os_errno) : NULL};
    return cli_fail_err(p->call->out, err, &about);
}

static int read_bootloader(struct plan *p)
{
    const char *path = cli_value(p->call, OPT_BOOTLOADER);
    const struct ferry_chip *chip = p->what.policy.chip;
    struct ferry_image_header header;
    if (!path)
        return CLI_EXIT_OK;
    const int exit_code = read_input(p, path, &p->bootloader, &p->n_bootloader);
    if (exit_code)
        return exit_code;
    const struct ferry_about about = {.file = path};
    if (p->n_bootloader < FERRY_IMAGE_HEADER_BYTES || p->bootloader[0] != FERRY_IMAGE_MAGIC)
        return cli_fail(p->call->out,
                        &(struct ferry_fault){FERRY_ERR_IMAGE_MAGIC,
                                              p->n_bootloader ? p->bootloader[0] : 0,
                                              FERRY_IMAGE_MAGIC, 0},
                        &about);
    ferry_image_header_decode(p->bootloader, &header);
    if (header.chip_id != chip->id)
        return cli_fail(p->call->out,
                        &(struct ferry_fault){FERRY_ERR_IMAGE_CHIP, header.chip_id, chip->id, 0},
                        &about);
    // It must end before the table begins, or the one would overwrite the other.
    const uint32_t room = p->what.table_off_bytes > chip->bootloader_off_bytes
                              ? p->what.table_off_bytes - chip->bootloader_off_bytes
                              : 0;
    if (p->n_bootloader > room)
        return cli_fail_text(p->call->out, FERRY_ERR_IMAGE_SIZE,
                             "%s is %s bytes; between 0x%x and the partition table at 0x%x are %s",
                             path, cli_thousands(p->n_bootloader),
                             (unsigned)chip->bootloader_off_bytes,
                             (unsigned)p->what.table_off_bytes, cli_thousands(room));
    return CLI_EXIT_OK;
}

/** Programs bytes into a region, rounded up to whole program units of one byte. */
static int write_region(struct plan *p, const struct ferry_region *r, uint32_t off_bytes,
                        const uint8_t *bytes, size_t n_bytes)
{
    const ferry_err err = ferry_region_prog(r, off_bytes, bytes, (uint32_t)n_bytes);
    if (!err)
        return CLI_EXIT_OK;
    const struct ferry_about about = {p->v.flash_path, NULL,
                                      p->v.file.os_errno ? strerror(p->v.file.os_errno) : NULL};
    return cli_fail_err(p->call->out, err, &about);
}

/** Splits SLOT=FILE; finds the slot in the new table. */
static int app_slot(struct plan *p, const char *word, int *slot, const char **file)
{
    char name[64];
    const size_t n = strcspn(word, "=");
    if (!word[n] || !word[n + 1] || n >= sizeof(name))
        return cli_usage(p->call, "--app takes SLOT=FILE, not '%s'", word);
    snprintf(name, sizeof(name), "%.*s", (int)n, word);
    *file = word + n + 1;
    if (ferry_vdevice_slot(&p->v, name, slot))
        return cli_fail_text(p->call->out, FERRY_ERR_NOT_FOUND,
                             "the partition table has no app partition '%s'", name);
    return CLI_EXIT_OK;
}

static int write_app(struct plan *p, const char *word)
{
    int slot = FERRY_SLOT_NONE;
    const char *file = NULL;
    uint8_t *bytes;
    size_t n_bytes;
    struct ferry_region region;
    char label[FERRY_LABEL_BYTES + 1];
    int exit_code = app_slot(p, word, &slot, &file);
    if (!exit_code)
        exit_code = read_input(p, file, &bytes, &n_bytes);
    if (exit_code)
        return exit_code;
    const struct ferry_about about = {.file = file, .slot = cli_label(&p->v, slot, label)};
    ferry_err err = ferry_device_region(&p->v.dev, slot, &region);
    if (!err && n_bytes > region.size_bytes)
        err = ferry_fail(&p->v.dev.fault, FERRY_ERR_IMAGE_SIZE, (uint32_t)n_bytes,
                         region.size_bytes, 0);
    if (!err)
        exit_code = write_region(p, &region, 0, bytes, n_bytes);
    free(bytes);
    if (exit_code)
        return exit_code;
    if (!err)
        err = ferry_device_verify(&p->v.dev, slot);
    p->v.dev.fault.err = err;
    return err ? cli_fail(p->call->out, &p->v.dev.fault, &about) : CLI_EXIT_OK;
}

static int write_all(struct plan *p)
{
    const struct ferry_flash *f = &p->v.file.flash;
    const struct ferry_region all = {f, 0, f->size_bytes};
    int exit_code = write_region(p, &all, p->what.table_off_bytes, p->table, sizeof(p->table));
    if (!exit_code && p->bootloader)
        exit_code = write_region(p, &all, p->what.policy.chip->bootloader_off_bytes, p->bootloader,
                                 p->n_bootloader);
    if (!exit_code && ferry_vdevice_reload(&p->v))
        exit_code = cli_fail_device(p->call, &p->v);
    const char *word;
    for (int i = 0; !exit_code && (word = cli_value_at(p->call, OPT_APP, i)); i++)
        exit_code = write_app(p, word);
    if (!exit_code && ferry_region_sync(&all))
        exit_code = cli_fail_err(p->call->out, FERRY_ERR_FLASH_IO, NULL);
    return exit_code;
}

static void say_made(struct plan *p)
{
    struct cli_output *out = p->call->out;
    const struct ferry_device *d = &p->v.dev;
    char word[CLI_SHELL_WORDS_BYTES];
    cli_text(out, "Made %s: %s, %s bytes of flash, %u partitions.\n", p->v.path,
             p->what.policy.chip->name, cli_thousands(p->what.flash_bytes), d->table.n_partitions);
    cJSON *apps = cJSON_AddArrayToObject(cli_json(out), "apps");
    for (int slot = FERRY_SLOT_TEST; slot < (int)FERRY_SLOTS_MAX; slot++) {
        struct ferry_app_desc desc;
        char label[FERRY_LABEL_BYTES + 1], app[80];
        if (!ferry_device_span(d, slot).size_bytes || ferry_device_desc(&p->v.dev, slot, &desc))
            continue;
        cJSON *item = cJSON_CreateObject();
        cli_json_slot(item, "slot", &p->v, slot);
        cJSON_AddStringToObject(item, "app", cli_app_words(app, sizeof(app), &desc));
        cJSON_AddItemToArray(apps, item);
        cli_text(out, "%s holds %s.\n", cli_label(&p->v, slot, label), app);
    }
    cJSON_AddStringToObject(cli_json(out), "device", p->v.path);
    cli_text(out, "Switch it on: ferry device boot %s\n",
             cli_shell_word(word, sizeof(word), p->v.path, "DIR"));
}

static int make(struct plan *p)
{
    int exit_code = cli_read_table_file(p->call, cli_value(p->call, OPT_PARTITIONS),
                                        p->what.flash_bytes, p->what.table_off_bytes, p->table);
    if (!exit_code)
        exit_code = read_bootloader(p);
    if (exit_code)
        return exit_code;
    if (ferry_vdevice_create(&p->v, &p->what))
        return cli_fail_device(p->call, &p->v);
    exit_code = write_all(p);
    if (exit_code) {
        ferry_vdevice_discard(&p->v);
        return exit_code;
    }
    say_made(p);
    ferry_vdevice_close(&p->v);
    return cli_done(p->call->out);
}

static int run(struct cli_call *call)
{
    static struct plan p; // larger than a stack frame should be
    p.call = call;
    if (cli_has(call, CLI_OPT_PORT))
        return cli_usage(call, "a real chip is not made anew; --port is for what is there");
    int exit_code = read_plan(&p);
    if (exit_code)
        return exit_code;
    const uint32_t flash = p.what.flash_bytes, off = p.what.table_off_bytes;
    if (!flash || flash % FERRY_FLASH_SECTOR_BYTES)
        return cli_fail(
            call->out,
            &(struct ferry_fault){FERRY_ERR_FLASH_SIZE, flash, FERRY_FLASH_SECTOR_BYTES, 0}, NULL);
    if (off % FERRY_FLASH_SECTOR_BYTES || flash < FERRY_FLASH_SECTOR_BYTES ||
        off > flash - FERRY_FLASH_SECTOR_BYTES)
        return cli_usage(call, "--table-offset must be a multiple of 0x%x inside the flash",
                         FERRY_FLASH_SECTOR_BYTES);
    exit_code = make(&p);
    free(p.bootloader);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry device new dev --chip esp32c3 --flash-size 4MB --partitions parts.csv --app "
     "ota_0=app.bin",
     "a device with an app in its first slot"},
    {"ferry device new dev --chip esp32 --flash-size 4MB --partitions parts.csv --rollback off",
     "one whose bootloader was built without app rollback"},
    {0},
};

const struct cli_command cli_cmd_device_new = {
    .name = "device new",
    .summary = "make a virtual device",
    .args = "DIR",
    .about = "DIR is made; it gets flash.bin, exactly what would be on the chip, and device.json, "
             "what a chip keeps outside of its flash. Nothing is overwritten.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .shared = cli_device_options,
    .examples = examples,
    .run = run,
};
