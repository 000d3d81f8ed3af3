/* cli/cmd_image_merge.c - `ferry image merge`: bootloader, table, apps and data in one file.
 * Parts are given by address, as esptool's merge-bin takes them, or by name; names are looked up in
 * the partition table that is merged, and what is named is checked. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device_words.h"
#include "ferry/bytes.h"
#include "ferry/image.h"
#include "ferry/partition.h"
#include "image_file.h"
#include "image_merge.h"
#include "map_file.h"
#include "put_file.h"
#include "table_file.h"

enum {
    OPT_OUTPUT = 'o',
    OPT_FORMAT = 'f',
    OPT_TARGET_OFFSET = 't',
    OPT_CHIP = CLI_OPT_OWN,
    OPT_FLASH_MODE,
    OPT_FLASH_FREQ,
    OPT_FLASH_SIZE,
    OPT_PAD_TO_SIZE,
    OPT_BOOTLOADER,
    OPT_TABLE,
    OPT_TABLE_OFFSET,
    OPT_OTADATA,
    OPT_APP,
    OPT_DATA,
};

#define PARTS_MOST  64u
#define FLASH_LIMIT (128u << 20) // the largest there is

static const struct argp_option options[] = {
    {"chip", OPT_CHIP, "CHIP", 0, "The chip it is for (required)", 0},
    {"output", OPT_OUTPUT, "FILE", 0, "Where the merged image goes (required)", 0},
    {"flash-mode", OPT_FLASH_MODE, "MODE", 0,
     "Set in the bootloader: qio, qout, dio or dout (keep)", 0},
    {"flash-freq", OPT_FLASH_FREQ, "FREQ", 0, "Set in the bootloader: 80m, 40m ... (keep)", 0},
    {"flash-size", OPT_FLASH_SIZE, "SIZE", 0,
     "Set in the bootloader: 1MB, 2MB, 4MB ... 128MB; parts must lie within (keep)", 0},
    {"target-offset", OPT_TARGET_OFFSET, "N", 0, "Where in flash the file is to begin (0)", 0},
    {"pad-to-size", OPT_PAD_TO_SIZE, "SIZE", 0,
     "Fill with 0xff up to a flash of 256KB, 512KB, 1MB ... 128MB", 0},
    {"format", OPT_FORMAT, "FORMAT", 0, "raw; uf2 and hex are made by esptool merge-bin", 0},
    {0, 0, 0, 0, "Parts by name:", 1},
    {"bootloader", OPT_BOOTLOADER, "FILE", 0, "To where the chip's ROM looks for it", 1},
    {"table", OPT_TABLE, "FILE", 0, "The partition table, CSV or binary", 1},
    {"table-offset", OPT_TABLE_OFFSET, "N", 0, "Where it goes (0x8000)", 1},
    {"otadata", OPT_OTADATA, "FILE", 0, "To the table's otadata partition", 1},
    {"app", OPT_APP, "SLOT=FILE", 0, "An app image to a slot, checked; may repeat", 1},
    {"data", OPT_DATA, "NAME=FILE", 0, "Anything to a partition; may repeat", 1},
    {0},
};

static const char *const sizes[] = {"256KB", "512KB", "1MB",  "2MB",   "4MB", "8MB",
                                    "16MB",  "32MB",  "64MB", "128MB", NULL};
#define SIZE_1MB 2 // index of the first that a header can say

struct merge {
    struct cli_call *call;
    const struct ferry_chip *chip;
    struct ferry_merge_flash flash;
    uint32_t flash_bytes; // by --flash-size; 0: not given
    uint32_t pad_bytes;   // 0: none
    uint32_t start_bytes;
    uint32_t table_off_bytes;
    bool has_table;
    uint8_t table[FERRY_TABLE_BYTES];
    struct ferry_merge_part parts[PARTS_MOST];
    struct ferry_mapped_file files[PARTS_MOST];
    size_t n_parts, n_files;
    uint8_t *bootloader; // with other flash parameters; owned
    struct ferry_merge out;
};

static int read_options(struct merge *m)
{
    static const char *const modes[] = {"qio", "qout", "dio", "dout", "keep", NULL};
    static const char *const clocks[] = {"80m", "60m", "48m", "40m", "30m",  "26m", "24m",
                                         "20m", "16m", "15m", "12m", "keep", NULL};
    static const char *const header_sizes[] = {"1MB",  "2MB",  "4MB",   "8MB",  "16MB",
                                               "32MB", "64MB", "128MB", "keep", NULL};
    static const char *const formats[] = {"raw", NULL};
    const struct cli_call *call = m->call;
    int mode = 4, clock = 11, size = 8, pad = -1, format = 0;
    m->table_off_bytes = 0x8000;
    if (!image_file_chip(call, OPT_CHIP, &m->chip) ||
        !cli_choice(call, OPT_FLASH_MODE, modes, &mode) ||
        !cli_choice(call, OPT_FLASH_FREQ, clocks, &clock) ||
        !cli_choice(call, OPT_FLASH_SIZE, header_sizes, &size) ||
        !cli_choice(call, OPT_PAD_TO_SIZE, sizes, &pad) ||
        !cli_choice(call, OPT_FORMAT, formats, &format) ||
        !cli_number(call, OPT_TARGET_OFFSET, FLASH_LIMIT, &m->start_bytes) ||
        !cli_number(call, OPT_TABLE_OFFSET, FLASH_LIMIT, &m->table_off_bytes))
        return CLI_EXIT_USAGE;
    if (!m->chip)
        return cli_usage(call, "--chip is missing: which chip is it for?");
    if (!cli_has(call, OPT_OUTPUT))
        return cli_usage(call, "--output is missing: where shall the merged image go?");
    m->flash.mode = mode == 4 ? -1 : mode;
    m->flash.mhz = (uint8_t)(clock == 11 ? 0 : atoi(clocks[clock]));
    m->flash.size_code = size == 8 ? -1 : size;
    m->flash_bytes = size == 8 ? 0 : 0x100000u << size;
    m->pad_bytes = pad < 0 ? 0 : 0x40000u << pad;
    return CLI_EXIT_OK;
}

static int add_bytes(struct merge *m, const char *path, uint32_t off, const uint8_t *bytes,
                     size_t n_bytes)
{
    if (m->n_parts == PARTS_MOST)
        return cli_usage(m->call, "at most %u parts can be merged", PARTS_MOST);
    if (off > FLASH_LIMIT || n_bytes > FLASH_LIMIT - off)
        return cli_fail_text(m->call->out, FERRY_ERR_FLASH_RANGE,
                             "%s at 0x%x ends behind the largest flash there is, %s bytes", path,
                             (unsigned)off, cli_thousands(FLASH_LIMIT));
    m->parts[m->n_parts++] = (struct ferry_merge_part){path, bytes, n_bytes, off, NULL};
    return CLI_EXIT_OK;
}

/* Intel HEX, which esptool takes apart: merged as it stands it would be nonsense. */
static bool is_intel_hex(const struct ferry_mapped_file *file)
{
    uint8_t record[11]; // the shortest
    if (file->n_bytes < sizeof(record) || ferry_map_read(file, 0, record, sizeof(record)) ||
        record[0] != ':')
        return false;
    for (size_t i = 1; i < sizeof(record); i++) {
        if (!isxdigit(record[i]))
            return false;
    }
    return true;
}

static int add_file(struct merge *m, const char *path, uint32_t off)
{
    struct ferry_mapped_file *file = &m->files[m->n_files];
    int os_errno = 0;
    if (m->n_files == PARTS_MOST)
        return cli_usage(m->call, "at most %u parts can be merged", PARTS_MOST);
    const ferry_err err = ferry_map_file(path, FLASH_LIMIT, file, &os_errno);
    const struct ferry_about about = {path, NULL, os_errno ? strerror(os_errno) : NULL};
    if (err == FERRY_ERR_RANGE)
        return cli_fail_text(m->call->out, err, "%s is larger than any flash, %s bytes", path,
                             cli_thousands(FLASH_LIMIT));
    if (err)
        return cli_fail_err(m->call->out, err, &about);
    m->n_files++;
    if (is_intel_hex(file))
        return cli_fail_text(m->call->out, FERRY_ERR_SYNTAX,
                             "%s is an Intel HEX file; ferry merges the bytes of files as they are",
                             path);
    const int exit_code = add_bytes(m, path, off, file->bytes, file->n_bytes);
    if (!exit_code)
        m->parts[m->n_parts - 1].file = file;
    return exit_code;
}

static int add_by_address(struct merge *m)
{
    const struct cli_call *call = m->call;
    int exit_code = CLI_EXIT_OK;
    if (call->n_args % 2)
        return cli_usage(call, "parts are pairs of an address and a file; '%s' has no partner",
                         call->args[call->n_args - 1]);
    for (int i = 0; !exit_code && i < call->n_args; i += 2) {
        uint32_t off;
        if (!cli_parse_number(call->args[i], &off))
            return cli_usage(call, "'%s' is no address; parts are pairs of an address and a file",
                             call->args[i]);
        exit_code = add_file(m, call->args[i + 1], off);
    }
    return exit_code;
}

/* What --app, --data and --otadata may call a partition besides its label; NULL: nothing. */
static const char *role_of(const struct ferry_partition *p)
{
    if (p->type == FERRY_TYPE_APP)
        return ferry_subtype_name(p->type, p->subtype);
    return p->type == FERRY_TYPE_DATA && p->subtype == FERRY_DATA_OTA ? "otadata" : NULL;
}

/* The first partition with this label, or with this role. */
static bool find_by(const struct merge *m, bool by_label, const char *name,
                    struct ferry_partition *out)
{
    struct ferry_table_walk w;
    struct ferry_fault fault;
    ferry_table_walk_begin(&w);
    for (uint32_t row = 0; row < FERRY_TABLE_ROWS; row++) {
        const unsigned n_before = w.n_partitions;
        struct ferry_partition p;
        if (ferry_table_walk_row(&w, m->table + row * FERRY_ROW_BYTES, 0, &p, &fault) || w.done)
            return false;
        if (w.n_partitions == n_before) // the MD5 row
            continue;
        const char *word = by_label ? p.label : role_of(&p);
        if (word && !strcmp(word, name)) {
            *out = p;
            return true;
        }
    }
    return false;
}

static bool find_partition(const struct merge *m, const char *name, struct ferry_partition *out)
{
    return find_by(m, true, name, out) || find_by(m, false, name, out);
}

/* Its pieces pass where those of the merged file will. */
static int check_app(struct merge *m, const struct ferry_merge_part *part)
{
    const struct ferry_image_rules rules = {
        .chip = m->chip,
        .chip_rev = UINT16_MAX, // which revision the chip has, nobody knows here
        .blk_rev = UINT16_MAX,
        .ignore_max_rev = true,
        .base_off_bytes = part->off_bytes,
    };
    struct ferry_image img;
    ferry_image_begin(&img, &rules);
    ferry_err err = FERRY_OK;
    const struct ferry_about about = {.file = part->path};
    for (size_t at = 0; !err && at < part->n_bytes; at += sizeof(m->out.piece)) {
        const size_t left = part->n_bytes - at;
        const size_t n = left < sizeof(m->out.piece) ? left : sizeof(m->out.piece);
        if (ferry_map_read(part->file, at, m->out.piece, n))
            return cli_fail_err(m->call->out, FERRY_ERR_FILE_READ, &about);
        err = ferry_image_feed(&img, m->out.piece, n);
    }
    if (!err)
        err = ferry_image_end(&img);
    return err ? cli_fail(m->call->out, &img.fault, &about) : CLI_EXIT_OK;
}

/* Whatever lies at the bootloader's place must not be an image for another chip. */
static int check_bootloader(const struct merge *m, const struct ferry_merge_part *part)
{
    struct ferry_image_header header;
    uint8_t head[FERRY_IMAGE_HEADER_BYTES];
    if (part->n_bytes < sizeof(head) || !part->file ||
        ferry_map_read(part->file, 0, head, sizeof(head)) || head[0] != FERRY_IMAGE_MAGIC)
        return CLI_EXIT_OK; // encrypted, perhaps
    ferry_image_header_decode(head, &header);
    if (header.chip_id == m->chip->id || !ferry_chip_by_id(header.chip_id))
        return CLI_EXIT_OK;
    const struct ferry_about about = {.file = part->path};
    return cli_fail(m->call->out,
                    &(struct ferry_fault){FERRY_ERR_IMAGE_CHIP, header.chip_id, m->chip->id, 0},
                    &about);
}

static int add_to_partition(struct merge *m, const char *name, const char *path, bool is_app)
{
    struct ferry_partition p;
    char label[FERRY_LABEL_BYTES + 1];
    if (!m->has_table)
        return cli_usage(m->call, "where '%s' lies, the partition table says: give --table", name);
    if (!find_partition(m, name, &p) || (is_app && p.type != FERRY_TYPE_APP))
        return cli_fail_text(m->call->out, FERRY_ERR_NOT_FOUND, "%s has no %spartition '%s'",
                             cli_value(m->call, OPT_TABLE), is_app ? "app " : "", name);
    int exit_code = add_file(m, path, p.off_bytes);
    if (exit_code)
        return exit_code;
    const size_t n = m->parts[m->n_parts - 1].n_bytes;
    if (n > p.size_bytes)
        return cli_fail_text(m->call->out, FERRY_ERR_IMAGE_SIZE,
                             "%s is %s bytes; partition %s holds %s", path, cli_thousands(n),
                             cli_printable(label, sizeof(label), p.label),
                             cli_thousands(p.size_bytes));
    return is_app ? check_app(m, &m->parts[m->n_parts - 1]) : CLI_EXIT_OK;
}

static int add_pairs(struct merge *m, int key, bool is_app)
{
    const char *word;
    int exit_code = CLI_EXIT_OK;
    for (int i = 0; !exit_code && (word = cli_value_at(m->call, key, i)); i++) {
        char name[64];
        const size_t n = strcspn(word, "=");
        if (!n || !word[n] || !word[n + 1] || n >= sizeof(name))
            return cli_usage(m->call, "--%s takes NAME=FILE, not '%s'", is_app ? "app" : "data",
                             word);
        snprintf(name, sizeof(name), "%.*s", (int)n, word);
        exit_code = add_to_partition(m, name, word + n + 1, is_app);
    }
    return exit_code;
}

static int add_by_name(struct merge *m)
{
    const char *table = cli_value(m->call, OPT_TABLE);
    const char *bootloader = cli_value(m->call, OPT_BOOTLOADER);
    const char *otadata = cli_value(m->call, OPT_OTADATA);
    int exit_code = CLI_EXIT_OK;
    if (bootloader)
        exit_code = add_file(m, bootloader, m->chip->bootloader_off_bytes);
    if (!exit_code && table) {
        exit_code =
            cli_read_table_file(m->call, table, m->flash_bytes, m->table_off_bytes, m->table);
        m->has_table = true;
        if (!exit_code)
            exit_code = add_bytes(m, table, m->table_off_bytes, m->table, sizeof(m->table));
    }
    if (!exit_code && otadata)
        exit_code = add_to_partition(m, "otadata", otadata, false);
    if (!exit_code)
        exit_code = add_pairs(m, OPT_APP, true);
    return exit_code ? exit_code : add_pairs(m, OPT_DATA, false);
}

static int fail_overlap(const struct merge *m, size_t second)
{
    const struct ferry_merge_part *a = &m->parts[second - 1], *b = &m->parts[second];
    return cli_fail_text(m->call->out, FERRY_ERR_RANGE,
                         "%s from 0x%x to 0x%x and %s at 0x%x overlap: flash is erased by sectors "
                         "of 4 KB, and each belongs to one part",
                         a->path, (unsigned)a->off_bytes,
                         (unsigned)(a->off_bytes + (uint32_t)a->n_bytes), b->path,
                         (unsigned)b->off_bytes);
}

static int check_places(struct merge *m)
{
    size_t second;
    if (ferry_merge_sort(m->parts, m->n_parts, &second))
        return fail_overlap(m, second);
    const struct ferry_merge_part *first = &m->parts[0], *last = &m->parts[m->n_parts - 1];
    const uint32_t end = last->off_bytes + (uint32_t)last->n_bytes;
    if (first->off_bytes < m->start_bytes)
        return cli_fail_text(m->call->out, FERRY_ERR_RANGE,
                             "%s at 0x%x lies before --target-offset 0x%x", first->path,
                             (unsigned)first->off_bytes, (unsigned)m->start_bytes);
    const uint32_t room = m->flash_bytes ? m->flash_bytes : FLASH_LIMIT;
    const uint32_t limit = m->pad_bytes && m->pad_bytes < room ? m->pad_bytes : room;
    if (end > limit)
        return cli_fail_text(m->call->out, FERRY_ERR_FLASH_RANGE,
                             "%s at 0x%x ends at 0x%x, behind the end of a flash of %s bytes",
                             last->path, (unsigned)last->off_bytes, (unsigned)end,
                             cli_thousands(limit));
    ferry_merge_begin(&m->out, m->parts, m->n_parts, m->start_bytes,
                      m->pad_bytes ? m->pad_bytes : end);
    return CLI_EXIT_OK;
}

/* Sets the flash parameters that are given in what lies at the bootloader's place. */
static int set_flash(struct merge *m, struct ferry_merge_part *part)
{
    const ferry_err err = ferry_merge_set_flash(part, m->chip, &m->flash, &m->bootloader);
    if (err == FERRY_ERR_IMAGE_MAGIC) {
        cli_warn(m->call->out, "%s is no whole image, so no flash parameters are set in it",
                 part->path);
        return CLI_EXIT_OK;
    }
    if (err == FERRY_ERR_ARG)
        return cli_fail_text(m->call->out, err, "%s has no flash clock of %u MHz", m->chip->name,
                             m->flash.mhz);
    if (err)
        return cli_fail_err(m->call->out, err, NULL);
    part->bytes = m->bootloader;
    part->file = NULL;
    return CLI_EXIT_OK;
}

static int see_to_bootloader(struct merge *m)
{
    const uint32_t place = m->chip->bootloader_off_bytes;
    const bool keeps = m->flash.mode < 0 && m->flash.size_code < 0 && !m->flash.mhz;
    for (size_t i = 0; i < m->n_parts; i++) {
        if (m->parts[i].off_bytes != place)
            continue;
        const int exit_code = check_bootloader(m, &m->parts[i]);
        return exit_code || keeps ? exit_code : set_flash(m, &m->parts[i]);
    }
    if (!keeps)
        cli_warn(m->call->out, "no part begins at 0x%x, so no flash parameters are set",
                 (unsigned)place);
    return CLI_EXIT_OK;
}

static int check_output(const struct merge *m, const char *path)
{
    struct stat out, in;
    if (stat(path, &out) != 0 || !S_ISREG(out.st_mode))
        return CLI_EXIT_OK;
    for (size_t i = 0; i < m->n_parts; i++) {
        if (stat(m->parts[i].path, &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            return cli_fail_text(m->call->out, FERRY_ERR_FILE_WRITE,
                                 "%s is one of the parts; nothing is written", path);
    }
    return CLI_EXIT_OK;
}

static int write_out(struct merge *m)
{
    struct cli_output *out = m->call->out;
    const char *path = cli_value(m->call, OPT_OUTPUT);
    const uint32_t n_bytes = m->out.end_bytes - m->start_bytes;
    const int exit_code = cli_put_pieces(m->call, path, &m->out.pieces);
    if (exit_code)
        return exit_code;
    cJSON *root = cli_json(out);
    cJSON_AddStringToObject(root, "file", path);
    cJSON_AddNumberToObject(root, "size", n_bytes);
    cJSON_AddNumberToObject(root, "target_offset", m->start_bytes);
    cJSON *list = cJSON_AddArrayToObject(root, "parts");
    for (size_t i = 0; i < m->n_parts; i++) {
        const struct ferry_merge_part *p = &m->parts[i];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(list, o);
        cJSON_AddStringToObject(o, "file", p->path);
        cJSON_AddNumberToObject(o, "offset", p->off_bytes);
        cJSON_AddNumberToObject(o, "size", (double)p->n_bytes);
        cli_text(out, "  0x%06x  %11s  %s\n", (unsigned)p->off_bytes, cli_thousands(p->n_bytes),
                 p->path);
    }
    cli_text(out, "%s: %s bytes, to be flashed at 0x%x\n", path, cli_thousands(n_bytes),
             (unsigned)m->start_bytes);
    return cli_done(out);
}

static int merge(struct merge *m)
{
    int exit_code = read_options(m);
    if (!exit_code)
        exit_code = add_by_name(m);
    if (!exit_code)
        exit_code = add_by_address(m);
    if (!exit_code && !m->n_parts)
        exit_code = cli_usage(m->call, "nothing is given to merge");
    if (!exit_code)
        exit_code = check_places(m);
    if (!exit_code)
        exit_code = see_to_bootloader(m);
    if (!exit_code)
        exit_code = check_output(m, cli_value(m->call, OPT_OUTPUT));
    return exit_code ? exit_code : write_out(m);
}

static int run(struct cli_call *call)
{
    static struct merge m; // larger than a stack frame should be
    m.call = call;
    const int exit_code = merge(&m);
    for (size_t i = 0; i < m.n_files; i++)
        ferry_unmap_file(&m.files[i]);
    free(m.bootloader);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry image merge --chip esp32 -o all.bin 0x1000 boot.bin 0x8000 table.bin 0x10000 app.bin",
     "parts by address"},
    {"ferry image merge --chip esp32c3 -o all.bin --bootloader boot.bin --table parts.csv --app "
     "ota_0=app.bin --data nvs=nvs.bin",
     "parts by name"},
    {0},
};

const struct cli_command cli_cmd_image_merge = {
    .name = "image merge",
    .summary = "make one flash file of bootloader, table, apps and data",
    .args = "[ADDRESS FILE]...",
    .about = "Options and result are those of esptool's merge-bin, byte for byte. What is between "
             "the parts is 0xff. Flash parameters are set in the image at the bootloader's place "
             "alone, and its SHA-256 is computed anew then. Refused beyond what esptool refuses: a "
             "bootloader or an --app for another chip, and parts behind the end of --flash-size or "
             "--pad-to-size.",
    .max_args = 2 * (int)PARTS_MOST,
    .options = options,
    .examples = examples,
    .exits = "a part cannot be read, is no good, or overlaps another",
    .run = run,
};
