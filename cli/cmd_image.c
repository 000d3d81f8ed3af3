/* cli/cmd_image.c - `ferry image info` and `ferry image verify`: what an image is, and whether a
 * bootloader would take it. */
#include <stdio.h>
#include <string.h>

#include "chip_build.h"
#include "device_words.h"
#include "ferry/crypto.h"
#include "ferry/partition.h"
#include "image_file.h"
#include "image_signature.h"
#include "shell_words.h"

enum { OPT_CHIP = CLI_OPT_OWN, OPT_CHIP_REV, OPT_BLOCK_REV, OPT_KEY, OPT_KEY_DIGEST };

#define HEX_BYTES (2 * FERRY_SHA256_BYTES + 1)

static const struct argp_option options[] = {
    {"chip", OPT_CHIP, "CHIP", 0, "The chip it is to run on (the one that the image names)", 0},
    {"chip-rev", OPT_CHIP_REV, "N", 0,
     "Revision of that chip, major * 100 + minor (not checked if not given)", 0},
    {"block-rev", OPT_BLOCK_REV, "N", 0,
     "Revision of its eFuse block, major * 100 + minor (not checked if not given)", 0},
    {"key", OPT_KEY, "FILE", 0,
     "A key that the device trusts, in PEM form: one of up to three must have signed", 0},
    {"key-digest", OPT_KEY_DIGEST, "HEX", 0, "The same by the key's SHA-256, as eFuses hold it", 0},
    {0},
};

static bool read_wanted(const struct cli_call *call, struct image_wanted *want)
{
    uint32_t rev = 0, blk_rev = 0;
    if (!image_file_chip(call, OPT_CHIP, &want->chip) ||
        !cli_number(call, OPT_CHIP_REV, UINT16_MAX, &rev) ||
        !cli_number(call, OPT_BLOCK_REV, UINT16_MAX, &blk_rev))
        return false;
    want->has_rev = cli_has(call, OPT_CHIP_REV);
    want->rev = (uint16_t)rev;
    want->has_blk_rev = cli_has(call, OPT_BLOCK_REV);
    want->blk_rev = (uint16_t)blk_rev;
    return true;
}

static const char *chip_words(char *buf, size_t n, uint16_t id)
{
    const struct ferry_chip *chip = ferry_chip_by_id(id);
    if (chip)
        snprintf(buf, n, "%s", chip->name);
    else
        snprintf(buf, n, "unknown chip 0x%04x", id);
    return buf;
}

static const char *rev_words(char *buf, size_t n, uint16_t min, uint16_t max)
{
    if (max == 0 || max == UINT16_MAX)
        snprintf(buf, n, min ? "v%u.%u and newer" : "any", min / 100, min % 100);
    else
        snprintf(buf, n, "v%u.%u to v%u.%u", min / 100, min % 100, max / 100, max % 100);
    return buf;
}

/* Project and version; desc may be NULL. */
static const char *name_of(char *buf, size_t n, const struct ferry_app_desc *desc)
{
    if (!desc)
        snprintf(buf, n, "an image without application descriptor");
    else
        cli_app_words(buf, n, desc);
    return buf;
}

static const char *kind_of(const struct image_found *found)
{
    return found->has_desc ? "app" : found->is_bootloader ? "bootloader" : "image";
}

static const char *or_none(const char *text)
{
    return *text ? text : "(empty)";
}

/* What whole flash contents are, and how to get at the application in them. */
static void explain_flash(struct cli_output *out, const struct image_file *f)
{
    char word[CLI_SHELL_WORDS_BYTES], slot[80], output[100];
    const char *file = cli_shell_word(word, sizeof(word), f->path, "FILE");
    cli_text(out, "%s%s%s is no application image but the contents of a flash from 0x%x on:\n",
             cli_colour(out, CLI_BOLD), f->path, cli_colour(out, CLI_PLAIN),
             (unsigned)f->flash_off_bytes);
    cli_text(out, "a partition table with %u partitions lies at 0x%x.\n", f->n_partitions,
             (unsigned)(f->table_off_bytes + f->flash_off_bytes));
    if (!f->n_apps)
        cli_text(out, "None of its app partitions holds an application.\n");
    for (unsigned i = 0; i < f->n_apps; i++) {
        const struct image_file_app *app = &f->apps[i];
        char words[80];
        name_of(words, sizeof(words), app->has_desc ? &app->desc : NULL);
        cli_text(out, "\n%s holds %s, %s bytes. To have it alone:\n", app->label, words,
                 cli_thousands(app->n_bytes));
        snprintf(words, sizeof(words), "%s.bin", app->label);
        cli_text(out, "  ferry image extract %s --slot %s -o %s\n", file,
                 cli_shell_word(slot, sizeof(slot), app->label, "SLOT"),
                 cli_shell_word(output, sizeof(output), words, "FILE"));
    }
    cli_text(out, "\nEverything else in it: ferry status %s\n", file);
}

static void flash_json(cJSON *root, const struct image_file *f)
{
    cJSON_AddStringToObject(root, "kind", "flash");
    cJSON_AddNumberToObject(root, "flash_offset", f->flash_off_bytes);
    cJSON_AddNumberToObject(root, "partitions", f->n_partitions);
    cJSON *list = cJSON_AddArrayToObject(root, "apps");
    for (unsigned i = 0; i < f->n_apps; i++) {
        const struct image_file_app *app = &f->apps[i];
        char text[80];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(list, o);
        cJSON_AddStringToObject(o, "label", app->label);
        cJSON_AddNumberToObject(o, "offset", app->off_bytes);
        cJSON_AddNumberToObject(o, "image_len", app->n_bytes);
        if (!app->has_desc)
            continue;
        cJSON_AddStringToObject(o, "project", cli_printable(text, sizeof(text), app->desc.project));
        cJSON_AddStringToObject(o, "version", cli_printable(text, sizeof(text), app->desc.version));
    }
}

static void print_app(struct cli_output *out, const struct ferry_app_desc *d)
{
    char a[80], b[40], hex[HEX_BYTES];
    cli_text(out, "\n%sApplication%s\n", cli_colour(out, CLI_BOLD), cli_colour(out, CLI_PLAIN));
    cli_text(out, "  project         %s\n", or_none(cli_printable(a, sizeof(a), d->project)));
    cli_text(out, "  version         %s\n", or_none(cli_printable(a, sizeof(a), d->version)));
    cli_text(out, "  built           %s %s\n", cli_printable(a, sizeof(a), d->date),
             cli_printable(b, sizeof(b), d->time));
    cli_text(out, "  ESP-IDF         %s\n", cli_printable(a, sizeof(a), d->idf_version));
    cli_text(out, "  secure version  %u\n", (unsigned)d->secure_version);
    cli_text(out, "  eFuse block     %s\n",
             rev_words(a, sizeof(a), d->min_blk_rev_full, d->max_blk_rev_full));
    if (d->page_log2 >= 10 && d->page_log2 < 32)
        cli_text(out, "  MMU page        %u KB\n", 1u << (d->page_log2 - 10));
    cli_text(out, "  ELF SHA-256\n    %s\n",
             image_file_hex(hex, d->elf_sha256, sizeof(d->elf_sha256)));
}

/* The clocks that a code of the header can mean on this chip. */
static const char *clock_words(char *buf, size_t n, const struct ferry_chip *chip, uint8_t code)
{
    const struct ferry_chip_build *b = chip ? ferry_chip_build_of(chip) : NULL;
    size_t at = 0;
    snprintf(buf, n, "clock code %u", code);
    for (size_t i = 0; b && i < 4 && b->clocks[i].mhz; i++) {
        if (b->clocks[i].code == code && at < n)
            at +=
                (size_t)snprintf(buf + at, n - at, "%s%u MHz", at ? " or " : "", b->clocks[i].mhz);
    }
    return buf;
}

static void print_header(struct cli_output *out, const struct image_found *found)
{
    static const char *const modes[] = {"QIO", "QOUT", "DIO", "DOUT", "fast read", "slow read"};
    const struct ferry_image_header *h = &found->img.header;
    char a[40], clock[40];
    cli_text(out, "\n%sHeader%s\n", cli_colour(out, CLI_BOLD), cli_colour(out, CLI_PLAIN));
    cli_text(out, "  chip            %s, revision %s\n", chip_words(a, sizeof(a), h->chip_id),
             rev_words(clock, sizeof(clock), h->min_rev_full, h->max_rev_full));
    cli_text(out, "  entry           0x%08x (%s)\n", (unsigned)h->entry_addr,
             ferry_memory_name(found->chip, h->entry_addr));
    cli_text(out, "  flash           %s, %s, %u MB%s\n",
             h->spi_mode < 6 ? modes[h->spi_mode] : "unknown mode",
             clock_words(clock, sizeof(clock), ferry_chip_by_id(h->chip_id), h->spi_speed),
             1u << h->spi_size_code, found->is_bootloader ? "" : " (counts in a bootloader only)");
}

static void print_segments(struct cli_output *out, const struct image_found *found)
{
    const struct ferry_chip_build *b = found->chip ? ferry_chip_build_of(found->chip) : NULL;
    cli_text(out, "\n%sSegments%s\n  no  load address  memory        bytes  offset in file\n",
             cli_colour(out, CLI_BOLD), cli_colour(out, CLI_PLAIN));
    for (unsigned i = 0; i < found->img.n_segments; i++) {
        const struct ferry_segment *s = &found->segments[i];
        const bool mapped = b && ferry_memory_is_mapped(b, s->load_addr);
        cli_text(out, "  %2u  0x%08x    %-8s  %9s  0x%x%s\n", i, (unsigned)s->load_addr,
                 ferry_memory_name(found->chip, s->load_addr), cli_thousands(s->len_bytes),
                 (unsigned)s->data_off_bytes, mapped ? ", mapped from flash" : "");
    }
}

static void print_checks(struct cli_output *out, const struct image_file *f,
                         const struct image_found *found)
{
    const struct ferry_image *img = &found->img;
    uint8_t digest[FERRY_SHA256_BYTES];
    char hex[HEX_BYTES];
    cli_text(out, "\n%sChecks%s\n", cli_colour(out, CLI_BOLD), cli_colour(out, CLI_PLAIN));
    if (!found->err)
        cli_text(out, "  checksum        0x%02x, correct\n", img->checksum);
    if (!found->err && img->digest_ready)
        cli_text(out, "  SHA-256         correct\n    %s\n",
                 image_file_hex(hex, img->digest, sizeof(img->digest)));
    else if (!found->err)
        cli_text(out, "  SHA-256         none appended: only the checksum guards it\n");
    image_file_sha256(f, found, digest);
    cli_text(out, "  of the file\n    %s\n", image_file_hex(hex, digest, sizeof(digest)));
}

static void header_json(cJSON *root, const struct image_file *f, const struct image_found *found)
{
    const struct ferry_image_header *h = &found->img.header;
    uint8_t digest[FERRY_SHA256_BYTES];
    char text[HEX_BYTES];
    cJSON_AddStringToObject(root, "kind", kind_of(found));
    cJSON_AddNumberToObject(root, "size", f->n_bytes);
    cJSON_AddNumberToObject(root, "image_len", found->img.image_bytes);
    cJSON_AddStringToObject(root, "chip", chip_words(text, sizeof(text), h->chip_id));
    cJSON_AddNumberToObject(root, "chip_id", h->chip_id);
    cJSON_AddNumberToObject(root, "entry", h->entry_addr);
    cJSON_AddNumberToObject(root, "min_rev", h->min_rev);
    cJSON_AddNumberToObject(root, "min_rev_full", h->min_rev_full);
    cJSON_AddNumberToObject(root, "max_rev_full", h->max_rev_full);
    cJSON_AddNumberToObject(root, "flash_mode", h->spi_mode);
    cJSON_AddNumberToObject(root, "flash_clock_code", h->spi_speed);
    cJSON_AddNumberToObject(root, "flash_mb", 1u << h->spi_size_code);
    cJSON_AddNumberToObject(root, "checksum", found->img.checksum);
    image_file_sha256(f, found, digest);
    cJSON_AddStringToObject(root, "file_sha256", image_file_hex(text, digest, sizeof(digest)));
}

static void print_title(struct cli_output *out, const struct image_file *f,
                        const struct image_found *found)
{
    char chip[40];
    const uint32_t image = found->img.image_bytes;
    cli_text(out, "%s%s%s  %s for %s, %s bytes", cli_colour(out, CLI_BOLD), f->path,
             cli_colour(out, CLI_PLAIN),
             found->has_desc        ? "application"
             : found->is_bootloader ? "bootloader"
                                    : "image, perhaps a bootloader,",
             chip_words(chip, sizeof(chip), found->img.header.chip_id), cli_thousands(f->n_bytes));
    if (image && f->n_bytes > image)
        cli_text(out, ", the last %s of them behind the image", cli_thousands(f->n_bytes - image));
    cli_text(out, "\n");
}

/* Why it is no image, or no good one. */
static int fail(struct cli_output *out, const struct image_file *f, const struct image_found *found)
{
    const struct ferry_about about = {.file = f->path};
    uint8_t head[FERRY_ROW_BYTES];
    image_file_read(f, 0, head, sizeof(head));
    if (found->err == FERRY_ERR_IMAGE_MAGIC && !memcmp(head, "\177ELF", 4))
        return cli_fail_text(out, found->err,
                             "%s is an ELF file, not an image: 'ferry image build' makes one of it",
                             f->path);
    if (found->err == FERRY_ERR_IMAGE_MAGIC && ferry_row_kind(head) == FERRY_ROW_PARTITION)
        return cli_fail_text(out, found->err,
                             "%s is a partition table, not an image: see 'ferry partitions show'",
                             f->path);
    return cli_fail(out, &found->img.fault, &about);
}

static int info(struct cli_call *call, const struct image_file *f)
{
    struct cli_output *out = call->out;
    struct image_found found;
    const struct image_wanted any = {0};
    if (f->is_flash) {
        explain_flash(out, f);
        flash_json(cli_json(out), f);
        return cli_done(out);
    }
    image_file_walk(f, &any, &found);
    if (found.img.at_bytes >= FERRY_IMAGE_HEADER_BYTES && found.err != FERRY_ERR_IMAGE_MAGIC) {
        print_title(out, f, &found);
        if (found.has_desc)
            print_app(out, &found.desc);
        print_header(out, &found);
        print_segments(out, &found);
        print_checks(out, f, &found);
        if (!found.err)
            image_signature_show(out, f, &found);
        header_json(cli_json(out), f, &found);
        image_file_json(cli_json(out), &found);
    }
    return found.err ? fail(out, f, &found) : cli_done(out);
}

static int verify(struct cli_call *call, const struct image_file *f)
{
    struct cli_output *out = call->out;
    struct image_found found;
    struct image_wanted want;
    struct ferry_trust trust;
    if (!read_wanted(call, &want))
        return CLI_EXIT_USAGE;
    const int exit_code = image_trust_read(call, OPT_KEY, OPT_KEY_DIGEST, &trust);
    if (exit_code)
        return exit_code;
    image_file_walk(f, &want, &found);
    if (!found.err && trust.n_keys)
        image_signature_verify(f, &trust, &found);
    if (f->is_flash) {
        found.err = ferry_fail(&found.img.fault, FERRY_ERR_IMAGE_MERGED, 0, 0, 0);
        explain_flash(out, f);
    }
    cJSON *root = cli_json(out);
    cJSON_AddNullToObject(root, "error");
    cJSON_AddNumberToObject(root, "esp_err", found.esp_err);
    cJSON_AddNumberToObject(root, "image_len", found.err ? 0 : found.img.image_bytes);
    image_file_json(root, &found);
    if (found.err)
        return fail(out, f, &found);
    char chip[40], words[80], hex[HEX_BYTES];
    if (found.is_bootloader)
        snprintf(words, sizeof(words), "a bootloader");
    else
        name_of(words, sizeof(words), found.has_desc ? &found.desc : NULL);
    cli_text(out, "%s%s%s is good: %s for %s, %s bytes in %u segments\n", cli_colour(out, CLI_GOOD),
             f->path, cli_colour(out, CLI_PLAIN), words,
             chip_words(chip, sizeof(chip), found.img.header.chip_id),
             cli_thousands(found.img.image_bytes), found.img.n_segments);
    if (found.img.digest_ready)
        cli_text(out, "SHA-256 %s\n",
                 image_file_hex(hex, found.img.digest, sizeof(found.img.digest)));
    else
        cli_text(out, "No SHA-256 is appended; only a checksum of one byte guards it.\n");
    if (trust.n_keys)
        cli_text(out, "Signed with a key that is trusted here.\n");
    return cli_done(out);
}

static int with_file(struct cli_call *call,
                     int (*job)(struct cli_call *call, const struct image_file *f))
{
    struct image_file f;
    const int exit_code = image_file_open(call, call->args[0], &f);
    if (exit_code)
        return exit_code;
    const int result = job(call, &f);
    image_file_close(&f);
    return result;
}

static int run_info(struct cli_call *call)
{
    return with_file(call, info);
}

static int run_verify(struct cli_call *call)
{
    return with_file(call, verify);
}

static const struct cli_example info_examples[] = {
    {"ferry image info app.bin", "chip, version, segments and checks of an image"},
    {"ferry image info dump.bin",
     "of whole flash contents: which applications are in it, and where"},
    {0},
};

const struct cli_command cli_cmd_image_info = {
    .name = "image info",
    .summary = "show what is in an image",
    .args = "FILE",
    .about = "FILE is an application image, a bootloader, or the contents of a whole flash.",
    .min_args = 1,
    .max_args = 1,
    .examples = info_examples,
    .exits = "not an image, or a damaged one; what can be read is shown",
    .run = run_info,
};

static const struct cli_example verify_examples[] = {
    {"ferry image verify app.bin", "is it whole and undamaged?"},
    {"ferry image verify app.bin --chip esp32c3 --chip-rev 4", "would this chip take it?"},
    {"ferry image verify app.bin --key release.pub", "is it signed with this key?"},
    {"ferry image verify app.bin --json", "the same for a script, with Espressif's number"},
    {0},
};

const struct cli_command cli_cmd_image_verify = {
    .name = "image verify",
    .summary = "check an image as the bootloader checks it",
    .args = "FILE",
    .about =
        "Chip, revisions, segments, checksum and the SHA-256 appended to the image, in the "
        "order of Espressif's bootloader; esp_err is the number that its verifier gives. With "
        "--key or --key-digest also the signature of Secure Boot v2. A bootloader is checked as "
        "one: no app descriptor is asked for.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .examples = verify_examples,
    .exits = "the bootloader would refuse it, with the reason",
    .run = run_verify,
};
