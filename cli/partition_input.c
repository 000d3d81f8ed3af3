/* cli/partition_input.c - partition tables from files and devices. */
#include "partition_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device_args.h"
#include "device_words.h"
#include "ferry/bytes.h"
#include "ferry/image.h"
#include "read_file.h"
#include "unicode.h"

#define LONGEST_FILE_BYTES (1024u * 1024u) // anything longer can only be a flash dump
#define LEAST_FLASH_BYTES  0x9000u         // the default table's sector is in it

enum {
    OPT_OFFSET = CLI_OPT_SHARED,
    OPT_FLASH_SIZE,
    OPT_NO_MD5,
    OPT_NO_VERIFY,
    OPT_SECURE,
    OPT_PRIMARY,
    OPT_RECOVERY,
    OPT_SUBTYPES,
};

#define READ_OPTIONS                                                                               \
    {"offset", OPT_OFFSET, "N", 0, "Offset of the partition table (0x8000)", 1},                   \
        {"flash-size", OPT_FLASH_SIZE, "N", 0, "Size of the flash that it must fit: 4MB", 1},      \
        {"primary-bootloader-offset",                                                              \
         OPT_PRIMARY,                                                                              \
         "N",                                                                                      \
         0,                                                                                        \
         "Where the bootloader begins; rows of type bootloader need it",                           \
         1},                                                                                       \
        {"recovery-bootloader-offset",                                                             \
         OPT_RECOVERY,                                                                             \
         "N",                                                                                      \
         0,                                                                                        \
         "Where the recovery bootloader begins; its row needs it",                                 \
         1},                                                                                       \
    {                                                                                              \
        "extra-partition-subtypes", OPT_SUBTYPES, "TYPE,NAME,VALUE", 0,                            \
            "A subtype of your own by name, its value in hex; may be given for several", 1         \
    }

const struct argp_option partition_read_options[] = {READ_OPTIONS, CLI_PORT_OPTIONS(10), {0}};

const struct argp_option partition_options[] = {
    READ_OPTIONS,
    {"secure", OPT_SECURE, "v1|v2", 0,
     "Apps will be signed for secure boot: app sizes are multiples of 64 KB with v1", 1},
    {"disable-md5sum", OPT_NO_MD5, 0, 0, "Without the MD5 row", 1},
    {"no-verify", OPT_NO_VERIFY, 0, 0, "Without checking the rules of partition tables", 1},
    CLI_PORT_OPTIONS(10),
    {0},
};

static int read_subtypes(const struct cli_call *call, struct partition_input *in)
{
    const char *definition;
    for (int i = 0; (definition = cli_value_at(call, OPT_SUBTYPES, i)); i++) {
        char why[160], shown[160];
        const ferry_err err = ferry_subtypes_add(&in->subtypes, definition, why, sizeof(why));
        if (err == FERRY_ERR_NO_MEMORY)
            return cli_fail_err(call->out, err, NULL);
        if (err)
            return cli_usage(call, "--extra-partition-subtypes: %s",
                             cli_printable(shown, sizeof(shown), why));
    }
    return CLI_EXIT_OK;
}

static int read_options(const struct cli_call *call, struct partition_input *in)
{
    struct ferry_rows_options *o = &in->options;
    *o = (struct ferry_rows_options){
        .table_off_bytes = FERRY_TABLE_OFF_DEFAULT,
        .without_md5 = cli_has(call, OPT_NO_MD5),
        .without_rules = cli_has(call, OPT_NO_VERIFY),
        .has_primary_bootloader = cli_has(call, OPT_PRIMARY),
        .has_recovery_bootloader = cli_has(call, OPT_RECOVERY),
        .subtypes = &in->subtypes,
    };
    if (!cli_number(call, OPT_OFFSET, UINT32_MAX, &o->table_off_bytes) ||
        !cli_number(call, OPT_FLASH_SIZE, UINT32_MAX, &o->flash_bytes) ||
        !cli_number(call, OPT_PRIMARY, UINT32_MAX, &o->primary_bootloader_off_bytes) ||
        !cli_number(call, OPT_RECOVERY, UINT32_MAX, &o->recovery_bootloader_off_bytes))
        return CLI_EXIT_USAGE;
    if (o->has_primary_bootloader && o->primary_bootloader_off_bytes >= o->table_off_bytes)
        return cli_usage(call,
                         "--primary-bootloader-offset 0x%x must lie before the partition table at "
                         "0x%x",
                         (unsigned)o->primary_bootloader_off_bytes, (unsigned)o->table_off_bytes);
    static const char *const versions[] = {"v1", "v2", NULL};
    int version = -1;
    if (!cli_choice(call, OPT_SECURE, versions, &version))
        return CLI_EXIT_USAGE;
    o->secure = version < 0 ? FERRY_SECURE_NONE : version ? FERRY_SECURE_V2 : FERRY_SECURE_V1;
    return read_subtypes(call, in);
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/** True if bytes that are no binary table are no text either, but could be a chip's flash: whole
 * sectors of it, or a merged image, which begins with a bootloader. */
static bool is_flash(const uint8_t *bytes, size_t n_bytes)
{
    struct ferry_strbuf text = {0};
    size_t bad_off;
    const bool is_text = ferry_text_decode(bytes, n_bytes, &text, &bad_off) == FERRY_OK;
    ferry_strbuf_free(&text);
    const bool is_image = n_bytes && bytes[0] == FERRY_IMAGE_MAGIC;
    return !is_text && (is_image || (n_bytes >= LEAST_FLASH_BYTES && n_bytes % 0x1000 == 0));
}

/** Takes the table's sector out of a flash. */
static int read_sector(const struct cli_call *call, struct partition_input *in,
                       const struct ferry_flash *flash, uint32_t table_off_bytes)
{
    const struct ferry_region all = {flash, 0, flash->size_bytes};
    in->options.table_off_bytes = table_off_bytes;
    if (!in->options.flash_bytes)
        in->options.flash_bytes = flash->size_bytes;
    in->n_bytes = FERRY_TABLE_BYTES;
    in->bytes = malloc(in->n_bytes);
    const ferry_err err =
        !in->bytes ? FERRY_ERR_NO_MEMORY
                   : ferry_region_read(&all, table_off_bytes, in->bytes, FERRY_TABLE_BYTES);
    if (!err)
        return CLI_EXIT_OK;
    return cli_fail(call->out, &(struct ferry_fault){err, table_off_bytes, flash->size_bytes, 0},
                    &(struct ferry_about){.file = in->path});
}

/** Of a real chip nothing else is asked: an app that would be looked at takes a minute to come. */
static int read_port(const struct cli_call *call, struct partition_input *in)
{
    struct ferry_vdevice_given given = {0};
    int exit_code = cli_open_port(call, &given);
    if (exit_code)
        return exit_code;
    exit_code = read_sector(call, in, given.real->flash, in->options.table_off_bytes);
    given.real->close(given.real);
    return exit_code;
}

static int read_device(const struct cli_call *call, struct partition_input *in)
{
    static struct ferry_vdevice v; // larger than a stack frame should be
    const struct ferry_vdevice_given given = {.rollback = true,
                                              .has_table_off = true,
                                              .table_off_bytes = in->options.table_off_bytes,
                                              .is_any = cli_has(call, OPT_OFFSET)};
    if (ferry_vdevice_open(&v, in->path, false, &given))
        return v.fault.err == FERRY_ERR_ARG ? cli_usage(call, "%s", v.detail)
                                            : cli_fail_device(call, &v);
    const int exit_code = read_sector(call, in, &v.file.flash, v.table_off_bytes);
    ferry_vdevice_close(&v);
    return exit_code;
}

static int read_input(const struct cli_call *call, struct partition_input *in)
{
    const bool is_stdin = !strcmp(in->path, "-");
    int os_errno;
    if (cli_has(call, CLI_OPT_PORT)) {
        in->source = PARTITION_DEVICE;
        return read_port(call, in);
    }
    if (!is_stdin && is_directory(in->path)) {
        in->source = PARTITION_DEVICE;
        return read_device(call, in);
    }
    const ferry_err err = ferry_read_file(is_stdin ? "/dev/stdin" : in->path, LONGEST_FILE_BYTES,
                                          &in->bytes, &in->n_bytes, &os_errno);
    if (is_stdin)
        in->path = "standard input";
    const bool is_long = err == FERRY_ERR_RANGE;
    if (is_long && is_stdin)
        return cli_fail_text(call->out, err, "standard input is longer than %s bytes",
                             cli_thousands(LONGEST_FILE_BYTES));
    if (err && !is_long)
        return cli_fail_err(
            call->out, err,
            &(struct ferry_about){in->path, NULL, os_errno ? strerror(os_errno) : NULL});
    const bool is_binary =
        !is_long && in->n_bytes >= 2 && in->bytes[0] == 0xaa && in->bytes[1] == 0x50;
    in->source = is_binary ? PARTITION_BINARY : PARTITION_CSV;
    if (is_long || (!is_stdin && !is_binary && is_flash(in->bytes, in->n_bytes))) {
        in->source = PARTITION_DEVICE;
        free(in->bytes);
        in->bytes = NULL;
        return read_device(call, in);
    }
    return CLI_EXIT_OK;
}

int partition_input_open(const struct cli_call *call, struct partition_input *in)
{
    *in = (struct partition_input){.path = call->args[0]};
    const int exit_code = read_options(call, in);
    return exit_code ? exit_code : read_input(call, in);
}

void partition_input_close(struct partition_input *in)
{
    free(in->bytes);
    in->bytes = NULL;
    ferry_subtypes_free(&in->subtypes);
}

int partition_fail(const struct cli_call *call, const struct partition_input *in,
                   const struct ferry_rows *rows, ferry_err err)
{
    struct ferry_fault fault = rows->fault;
    if (fault.err != err)
        fault = (struct ferry_fault){.err = err};
    return cli_fail(call->out, &fault,
                    &(struct ferry_about){.file = in->path,
                                          .slot = err == FERRY_ERR_TABLE_SIZE ? rows->detail : NULL,
                                          .detail = rows->detail});
}

int partition_need_table(const struct cli_call *call, const struct partition_input *in)
{
    if (in->source == PARTITION_CSV || (in->bytes[0] == 0xaa && in->bytes[1] == 0x50))
        return CLI_EXIT_OK;
    const struct ferry_fault fault = {FERRY_ERR_TABLE_MAGIC, ferry_le16(in->bytes), 0x50aa,
                                      in->options.table_off_bytes};
    return cli_fail(call->out, &fault, &(struct ferry_about){.file = in->path});
}

/** Notes that a file ends before the table's end marker, in a row or between two. */
static void note_cut_off(struct partition_input *in, size_t n_bytes)
{
    const uint32_t n_rows = (uint32_t)(n_bytes / FERRY_ROW_BYTES);
    const uint32_t n_left = (uint32_t)(n_bytes % FERRY_ROW_BYTES);
    in->fault = n_left ? (struct ferry_fault){FERRY_ERR_TRUNC, n_left, FERRY_ROW_BYTES,
                                              n_rows * FERRY_ROW_BYTES}
                       : (struct ferry_fault){FERRY_ERR_TABLE_END, n_rows, n_rows, 0};
}

/** Walks the rows as the bootloader does and keeps every partition, also behind a fault. */
static void walk(struct partition_input *in, const uint8_t *bytes, size_t n_bytes)
{
    struct ferry_table_walk w;
    ferry_table_walk_begin(&w);
    in->fault = (struct ferry_fault){0};
    for (uint32_t i = 0; i <= FERRY_TABLE_ROWS && !w.done; i++) {
        uint8_t row[FERRY_ROW_BYTES] = {0}; // row 96 is no row: none is left for the end marker
        struct ferry_partition p;
        if (i < FERRY_TABLE_ROWS && n_bytes - i * FERRY_ROW_BYTES < FERRY_ROW_BYTES) {
            if (!in->fault.err)
                note_cut_off(in, n_bytes);
            break;
        }
        if (i < FERRY_TABLE_ROWS)
            memcpy(row, bytes + i * FERRY_ROW_BYTES, sizeof(row));
        const enum ferry_row kind = ferry_row_kind(row);
        if (kind == FERRY_ROW_PARTITION && i < FERRY_TABLE_ROWS)
            ferry_partition_decode(row, &in->partitions[in->n_partitions++]);
        if (!in->fault.err &&
            ferry_table_walk_row(&w, row, in->options.flash_bytes, &p, &in->fault) &&
            in->fault.err == FERRY_ERR_TABLE_MAGIC)
            in->fault.off_bytes = in->options.table_off_bytes;
        if (in->fault.err && kind != FERRY_ROW_PARTITION && kind != FERRY_ROW_MD5)
            break;
    }
    in->has_md5 = w.md5_seen;
}

int partition_input_decode(const struct cli_call *call, struct partition_input *in)
{
    uint8_t table[FERRY_TABLE_BYTES];
    in->n_partitions = 0;
    if (in->source != PARTITION_CSV) {
        walk(in, in->bytes, in->n_bytes);
        return CLI_EXIT_OK;
    }
    struct ferry_rows rows = {0};
    ferry_err err = ferry_rows_read(&rows, in->bytes, in->n_bytes, &in->options);
    if (!err)
        err = ferry_rows_encode(&rows, &in->options, table);
    const int exit_code = err ? partition_fail(call, in, &rows, err) : CLI_EXIT_OK;
    ferry_rows_free(&rows);
    if (!err)
        walk(in, table, sizeof(table));
    if (!in->n_partitions)
        in->fault = (struct ferry_fault){0}; // a CSV without rows is merely empty
    return exit_code;
}

void partition_order(const struct ferry_partition *p, uint32_t n, uint32_t *order)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = i;
        for (; at > 0 && p[order[at - 1]].off_bytes > p[i].off_bytes; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

const char *partition_size_words(char buf[24], uint64_t n_bytes)
{
    const uint64_t quarter_mb = 0x40000;
    if (n_bytes >= 0x100000 && n_bytes % quarter_mb == 0)
        snprintf(buf, 24, "%.10g MB", (double)n_bytes / 0x100000);
    else if (n_bytes && n_bytes % 1024 == 0)
        snprintf(buf, 24, "%llu KB", (unsigned long long)n_bytes / 1024);
    else
        snprintf(buf, 24, "%s bytes", cli_thousands(n_bytes));
    return buf;
}

void partition_each_line(const char *text, void (*each)(void *ctx, const char *line), void *ctx)
{
    while (text && *text) {
        char line[FERRY_ROWS_DETAIL_BYTES + 1], shown[FERRY_ROWS_DETAIL_BYTES + 1];
        const size_t n = strcspn(text, "\n");
        snprintf(line, sizeof(line), "%.*s", (int)n, text);
        each(ctx, cli_printable(shown, sizeof(shown), line));
        text += n + (text[n] == '\n');
    }
}
