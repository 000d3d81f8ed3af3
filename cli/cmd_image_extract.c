/* cli/cmd_image_extract.c - `ferry image extract`: one image or partition out of a merged image, a
 * flash dump or a virtual device, into a file of its own. Images are checked and end where they
 * end, not where their partition does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device_args.h"
#include "device_words.h"
#include "ferry/bytes.h"
#include "ferry/signature.h"
#include "map_file.h"
#include "put_file.h"

enum { OPT_OUTPUT = 'o', OPT_PARTITION = CLI_OPT_OWN, OPT_SLOT, OPT_WHOLE };

#define PIECE_BYTES 65536u
#define FILE_LIMIT  (128u << 20) // the largest flash there is
#define BEHIND_MOST 8192u        // signature sector and the padding before it

static const struct argp_option options[] = {
    {"output", OPT_OUTPUT, "FILE", 0, "Where it goes (MERGED's name with -PARTITION.bin)", 0},
    {"partition", OPT_PARTITION, "NAME", 0,
     "A partition by its label, a slot (ota_0, factory), or bootloader or table (the app that "
     "boots next)",
     0},
    {"slot", OPT_SLOT, "NAME", 0, "The same", 0},
    {"whole", OPT_WHOLE, 0, 0, "The partition to its end, whatever lies in it", 0},
    {0},
};

enum kind { KIND_APP, KIND_BOOTLOADER, KIND_TABLE, KIND_DATA };

/* What is to be extracted; first it is `pieces`, which the writer pulls. */
struct extract {
    struct ferry_pieces pieces;
    struct cli_call *call;
    struct ferry_vdevice v;
    enum kind kind;
    int slot; // of an app
    char name[FERRY_LABEL_BYTES + 1];
    struct ferry_region region;
    uint32_t n_bytes, at_bytes;
    bool is_signed;
    uint8_t piece[PIECE_BYTES];
};

static ferry_err next_piece(struct ferry_pieces *p, const uint8_t **bytes, size_t *n_bytes)
{
    struct extract *x = (struct extract *)(void *)p;
    const uint32_t left = x->n_bytes - x->at_bytes;
    const uint32_t n = left < PIECE_BYTES ? left : PIECE_BYTES;
    *bytes = x->piece;
    *n_bytes = n;
    if (!n)
        return FERRY_OK;
    const ferry_err err = ferry_region_read(&x->region, x->at_bytes, x->piece, n);
    x->at_bytes += n;
    return err;
}

/* True if a file is nothing but an image, with its signature at most behind it: a mistake that
 * deserves better than "not a flash size". */
static bool is_image_alone(struct extract *x, const char *path)
{
    const struct ferry_image_rules rules = {.metadata_only = true, .bootloader = true};
    struct ferry_mapped_file file;
    struct ferry_image img;
    struct stat st;
    int os_errno;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
        ferry_map_file(path, FILE_LIMIT, &file, &os_errno))
        return false;
    ferry_image_begin(&img, &rules);
    ferry_err err = FERRY_OK;
    for (size_t at = 0; !err && !img.image_bytes && at < file.n_bytes; at += PIECE_BYTES) {
        const size_t left = file.n_bytes - at, n = left < PIECE_BYTES ? left : PIECE_BYTES;
        err = ferry_map_read(&file, at, x->piece, n);
        if (!err)
            err = ferry_image_feed(&img, x->piece, n);
    }
    const bool alone = !err && img.image_bytes && file.n_bytes - img.image_bytes <= BEHIND_MOST;
    ferry_unmap_file(&file);
    return alone;
}

/* CLI_EXIT_OK if the table can be worked with; else complained. */
static int need_table(struct extract *x)
{
    if (!ferry_vdevice_need_table(&x->v))
        return CLI_EXIT_OK;
    if (x->v.table_err == FERRY_ERR_FLASH_RANGE)
        return cli_fail_text(x->call->out, x->v.table_err,
                             "%s ends before the partition table, which lies at 0x%x", x->v.path,
                             (unsigned)x->v.table_off_bytes);
    return cli_fail_device(x->call, &x->v);
}

/* An image that was just verified: how long it is, with the signature sector if there is one. */
static void measure(struct extract *x, uint32_t image_bytes)
{
    uint8_t bytes[FERRY_SIGNATURE_BLOCK_BYTES];
    struct ferry_signature_block block;
    const uint32_t off = ferry_signature_off(image_bytes);
    x->n_bytes = image_bytes;
    if (!ferry_range_fits(off, FERRY_SIGNATURE_SECTOR_BYTES, x->region.size_bytes) ||
        ferry_region_read(&x->region, off, bytes, sizeof(bytes)) ||
        ferry_signature_decode(bytes, &block))
        return;
    x->is_signed = true;
    x->n_bytes = off + FERRY_SIGNATURE_SECTOR_BYTES;
}

/* The app in x->slot. is_verified: work->image already is what its check found. */
static int take_app(struct extract *x, bool is_verified)
{
    struct ferry_device *d = &x->v.dev;
    x->kind = KIND_APP;
    ferry_vdevice_label(&x->v, x->slot, x->name);
    ferry_err err = ferry_device_region(d, x->slot, &x->region);
    if (!err && !is_verified && !cli_has(x->call, OPT_WHOLE))
        err = ferry_device_verify(d, x->slot);
    if (err)
        return cli_fail_slot(x->call, &x->v, err, x->slot);
    if (cli_has(x->call, OPT_WHOLE))
        x->n_bytes = x->region.size_bytes;
    else
        measure(x, d->work->image.image_bytes);
    return CLI_EXIT_OK;
}

static int take_next_boot(struct extract *x)
{
    // Without an entry that names a slot, opening has looked for what boots, and checked it last.
    if (x->v.running_by == FERRY_RUNNING_ONLY_BOOT) {
        x->slot = x->v.dev.running;
        return take_app(x, true);
    }
    struct ferry_boot_preview p;
    ferry_boot_preview(&x->v.dev, &p);
    x->slot = p.booted;
    if (x->slot != FERRY_SLOT_NONE)
        return take_app(x, true);
    char words[CLI_WORDS_BYTES];
    return cli_fail_text(x->call->out, FERRY_ERR_NO_BOOT, "%s holds no app that would boot: %s",
                         x->v.path, cli_next_words(words, sizeof(words), &x->v, &p));
}

static int take_bootloader(struct extract *x)
{
    const struct ferry_chip *chip = x->v.policy.chip;
    const struct ferry_image_rules rules = {.bootloader = true};
    struct ferry_image img;
    if (!chip)
        return cli_fail_text(x->call->out, FERRY_ERR_CHIP_UNKNOWN,
                             "%s does not show which chip it is for, so neither where its "
                             "bootloader lies: give --chip",
                             x->v.path);
    x->kind = KIND_BOOTLOADER;
    snprintf(x->name, sizeof(x->name), "bootloader");
    const uint32_t off = chip->bootloader_off_bytes;
    const uint32_t end = x->v.table_off_bytes;
    x->region = (struct ferry_region){&x->v.file.flash, off, end > off ? end - off : 0};
    x->n_bytes = x->region.size_bytes;
    if (cli_has(x->call, OPT_WHOLE))
        return CLI_EXIT_OK;
    const struct ferry_about about = {x->v.path, "the bootloader's place", NULL};
    if (ferry_image_verify(&x->region, &rules, x->piece, PIECE_BYTES, &img))
        return cli_fail(x->call->out, &img.fault, &about);
    measure(x, img.image_bytes);
    return CLI_EXIT_OK;
}

static int take_table(struct extract *x)
{
    // A damaged one may be wanted too, to see what is wrong with it.
    const bool is_there =
        x->v.table_err != FERRY_ERR_TABLE_MAGIC && x->v.table_err != FERRY_ERR_FLASH_RANGE;
    if (!is_there)
        return need_table(x);
    x->kind = KIND_TABLE;
    snprintf(x->name, sizeof(x->name), "table");
    x->region = (struct ferry_region){&x->v.file.flash, x->v.table_off_bytes, FERRY_TABLE_BYTES};
    x->n_bytes = FERRY_TABLE_BYTES;
    return CLI_EXIT_OK;
}

static int fail_name(const struct extract *x, const char *name)
{
    char names[1024] = "";
    struct ferry_partition p;
    size_t at = 0;
    for (uint32_t i = 0; at < sizeof(names) && !ferry_table_get(&x->v.dev.table, i, &p); i++) {
        char label[FERRY_LABEL_BYTES + 1];
        at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i ? ", " : "",
                               cli_printable(label, sizeof(label), p.label));
    }
    return cli_fail_text(x->call->out, FERRY_ERR_NOT_FOUND,
                         "%s has no partition '%s'; it has %s, and bootloader and table", x->v.path,
                         name, names);
}

static int take_named(struct extract *x, const char *name)
{
    struct ferry_partition p;
    uint32_t i = 0;
    const bool is_label = !x->v.table_err && !ferry_table_find(&x->v.dev.table, FERRY_TYPE_ANY,
                                                               FERRY_SUBTYPE_ANY, name, &i, &p);
    if (!is_label && !strcmp(name, "bootloader"))
        return take_bootloader(x);
    if (!is_label && !strcmp(name, "table"))
        return take_table(x);
    const int exit_code = need_table(x);
    if (exit_code)
        return exit_code;
    if (is_label)
        x->slot = ferry_device_slot_at(&x->v.dev, p.off_bytes);
    else if (ferry_vdevice_slot(&x->v, name, &x->slot))
        return fail_name(x, name);
    if (x->slot != FERRY_SLOT_NONE)
        return take_app(x, false);
    x->kind = KIND_DATA;
    snprintf(x->name, sizeof(x->name), "%s", p.label);
    x->region = (struct ferry_region){&x->v.file.flash, p.off_bytes, p.size_bytes};
    x->n_bytes = p.size_bytes;
    return CLI_EXIT_OK;
}

/* The path of the result: as given, or MERGED's with its extension replaced. NULL: no memory. */
static char *output_path(const struct extract *x)
{
    const char *given = cli_value(x->call, OPT_OUTPUT);
    const char *from = x->call->args[0];
    if (given)
        return strdup(given);
    size_t n = strlen(from);
    while (n > 1 && from[n - 1] == '/')
        n--;
    if (n > 4 && !memcmp(from + n - 4, ".bin", 4) && from[n - 5] != '/')
        n -= 4;
    char name[FERRY_LABEL_BYTES + 1];
    cli_printable(name, sizeof(name), x->name);
    for (char *c = strpbrk(name, "/?"); c; c = strpbrk(c, "/?"))
        *c = '_';
    char *path;
    return asprintf(&path, "%.*s-%s.bin", (int)n, from, name) < 0 ? NULL : path;
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat sa, sb;
    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

static void say(struct extract *x, const char *path)
{
    static const char *const kinds[] = {"app", "bootloader", "table", "data"};
    struct cli_output *out = x->call->out;
    struct ferry_app_desc desc;
    char label[FERRY_LABEL_BYTES + 1], app[80] = "";
    cJSON *root = cli_json(out);
    cli_printable(label, sizeof(label), x->name);
    cJSON_AddStringToObject(root, "file", path);
    cJSON_AddStringToObject(root, "kind", kinds[x->kind]);
    cJSON_AddStringToObject(root, "partition", label);
    cJSON_AddNumberToObject(root, "offset", x->region.off_bytes);
    cJSON_AddNumberToObject(root, "size", x->n_bytes);
    cJSON_AddBoolToObject(root, "signed", x->is_signed);
    if (x->kind == KIND_APP && !ferry_device_desc(&x->v.dev, x->slot, &desc) &&
        (*desc.project || *desc.version)) { // some builds leave both empty
        cli_app_words(app, sizeof(app), &desc);
        cJSON_AddStringToObject(root, "app", app);
    }
    cli_text(out, "%s: %s bytes from %s at 0x%x%s%s%s\n", path, cli_thousands(x->n_bytes), label,
             (unsigned)x->region.off_bytes, *app ? ", " : "", app, x->is_signed ? ", signed" : "");
}

static int write_out(struct extract *x)
{
    char *path = output_path(x);
    int exit_code;
    if (!path)
        return cli_fail_err(x->call->out, FERRY_ERR_NO_MEMORY, NULL);
    if (is_same_file(path, x->v.flash_path)) {
        exit_code = cli_fail_text(x->call->out, FERRY_ERR_FILE_WRITE,
                                  "%s is the file to extract from; nothing is written", path);
    } else {
        x->pieces.next = next_piece;
        exit_code = cli_put_pieces(x->call, path, &x->pieces);
        if (!exit_code) {
            say(x, path);
            exit_code = cli_done(x->call->out);
        }
    }
    free(path);
    return exit_code;
}

static int take(struct extract *x, const char *name)
{
    if (name)
        return take_named(x, name);
    const int exit_code = need_table(x);
    return exit_code ? exit_code : take_next_boot(x);
}

static int run(struct cli_call *call)
{
    static struct extract x; // larger than a stack frame should be
    const char *partition = cli_value(call, OPT_PARTITION);
    const char *slot = cli_value(call, OPT_SLOT);
    x.call = call;
    x.slot = FERRY_SLOT_NONE;
    if (partition && slot)
        return cli_usage(call, "--partition and --slot are the same; give one");
    if (is_image_alone(&x, call->args[0]))
        return cli_fail_text(call->out, FERRY_ERR_TABLE_MAGIC,
                             "%s is an image itself; there is nothing to extract it from",
                             call->args[0]);
    int exit_code = cli_open_device(call, &x.v, false, false);
    if (exit_code)
        return exit_code;
    exit_code = take(&x, partition ? partition : slot);
    if (!exit_code)
        exit_code = write_out(&x);
    ferry_vdevice_close(&x.v);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry image extract firmware.bin", "the app of a merged image, as firmware-factory.bin"},
    {"ferry image extract dump.bin --slot ota_1 -o old.bin", "the app in one slot"},
    {"ferry image extract dump.bin --partition bootloader", "the bootloader"},
    {"ferry image extract dev --partition nvs -o nvs.bin", "a data partition, all of it"},
    {0},
};

const struct cli_command cli_cmd_image_extract = {
    .name = "image extract",
    .summary = "take an app out of a merged image, a dump or a device",
    .args = "MERGED",
    .about =
        "MERGED is what status takes as DEVICE: a merged image, a whole dump, or the "
        "directory of a virtual device. An image is checked first and ends where it ends, with "
        "its signature if it has one; it can be flashed or sent as an update as it is.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .shared = cli_device_options,
    .examples = examples,
    .exits = "there is no such partition, or no good image in it",
    .run = run,
};
