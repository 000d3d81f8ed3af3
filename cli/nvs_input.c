/* cli/nvs_input.c - finding, opening and changing the store a command is asked about. */
#include "nvs_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device_json.h"
#include "device_words.h"
#include "ferry/bytes.h"
#include "merged.h"
#include "nvs_key_file.h"
#include "nvs_memory.h"

#define TABLE_OFF_DEFAULT 0x8000u

enum {
    OPT_PARTITION = CLI_OPT_SHARED,
    OPT_IMAGE,
    OPT_KEYS,
    OPT_TABLE_OFFSET,
};

const struct argp_option nvs_input_options[] = {
    {0, 0, 0, 0, "Which store:", 8},
    {"partition", OPT_PARTITION, "LABEL", 0, "The NVS partition of a device (nvs)", 8},
    {"image", OPT_IMAGE, 0, 0, "The file is an NVS partition, whatever it looks like", 8},
    {"keys", OPT_KEYS, "FILE", 0,
     "Keys of an encrypted store, as 'ferry nvs keys' makes them (the device's nvs_keys partition)",
     8},
    {"table-offset", OPT_TABLE_OFFSET, "N", 0,
     "Offset of the partition table in a flash dump (0x8000)", 8},
    {0},
};

static struct ferry_about about_of(const struct nvs_input *in, const char *detail)
{
    return (struct ferry_about){in->flash_path, in->is_image ? NULL : in->row.label, detail};
}

/* Sets in->flash_path and the table's offset of a directory. */
static int find_flash(const struct cli_call *call, struct nvs_input *in, uint32_t *table_off)
{
    struct stat st;
    struct ferry_device_json json;
    char path[NVS_PATH_BYTES], detail[NVS_DETAIL_BYTES];
    const bool is_dir = stat(in->path, &st) == 0 && S_ISDIR(st.st_mode);
    const int n = snprintf(in->flash_path, sizeof(in->flash_path), "%s%s", in->path,
                           is_dir ? "/flash.bin" : "");
    if (n < 0 || (size_t)n >= sizeof(in->flash_path))
        return cli_fail_text(call->out, FERRY_ERR_FILE_OPEN, "the path is longer than %u bytes",
                             NVS_PATH_BYTES - 1);
    *table_off = TABLE_OFF_DEFAULT;
    if (!is_dir)
        return cli_number(call, OPT_TABLE_OFFSET, UINT32_MAX, table_off) ? CLI_EXIT_OK
                                                                         : CLI_EXIT_USAGE;
    if (cli_has(call, OPT_TABLE_OFFSET) || cli_has(call, OPT_IMAGE))
        return cli_usage(call, "--%s is for a file; %s is a virtual device",
                         cli_has(call, OPT_IMAGE) ? "image" : "table-offset", in->path);
    snprintf(path, sizeof(path), "%.*s/device.json", (int)sizeof(path) - 16, in->path);
    const ferry_err err = ferry_device_json_read(path, &json, detail, sizeof(detail));
    if (err)
        return cli_fail_err(call->out, err, &(struct ferry_about){"device.json", NULL, detail});
    *table_off = json.table_off_bytes;
    return CLI_EXIT_OK;
}

static int open_file(const struct cli_call *call, struct nvs_input *in, bool writable,
                     uint32_t table_off)
{
    struct ferry_fault fault = {0};
    struct ferry_merged merged;
    const ferry_err err =
        ferry_merged_open(&in->file, in->flash_path, writable, table_off, &merged, &fault);
    if (!err)
        return CLI_EXIT_OK;
    fault.err = err;
    const char *detail = err != FERRY_ERR_FILE_OPEN ? NULL
                         : in->file.os_errno        ? strerror(in->file.os_errno)
                                                    : "not a plain file";
    const struct ferry_about about = {in->flash_path, NULL, detail};
    return cli_fail(call->out, &fault, &about);
}

/** True if any page of the flash begins with a header of NVS. */
static bool has_nvs_page(const struct ferry_flash *f)
{
    uint8_t bytes[FERRY_NVS_HEAD_BYTES];
    struct ferry_nvs_head head;
    for (uint32_t off = 0; off < f->size_bytes; off += FERRY_NVS_PAGE_BYTES)
        if (!f->ops->read(f, off, bytes, sizeof(bytes)) && !ferry_nvs_head_decode(bytes, &head) &&
            head.state != FERRY_NVS_PAGE_BLANK)
            return true;
    return false;
}

static bool is_nvs(const struct ferry_partition *p, uint8_t subtype)
{
    return p->type == FERRY_TYPE_DATA && p->subtype == subtype;
}

/** The labels of all partitions of type nvs, for a message. */
static void list_labels(const struct ferry_table *t, char *buf, size_t n)
{
    struct ferry_partition p;
    char label[64];
    *buf = '\0';
    for (uint32_t i = 0; !ferry_table_get(t, i, &p); i++)
        if (is_nvs(&p, FERRY_DATA_NVS)) {
            const size_t used = strlen(buf);
            snprintf(buf + used, n - used, "%s%s", used ? ", " : "",
                     cli_printable(label, sizeof(label), p.label));
        }
}

/* The partition of this label; without --partition also the only one of type nvs. */
static int choose_row(const struct cli_call *call, struct nvs_input *in,
                      const struct ferry_table *t)
{
    const char *given = cli_value(call, OPT_PARTITION);
    const char *label = given ? given : "nvs";
    char labels[NVS_DETAIL_BYTES];
    struct ferry_partition p, only = {0};
    uint32_t i = 0, n_nvs = 0;
    if (!ferry_table_find(t, FERRY_TYPE_ANY, FERRY_SUBTYPE_ANY, label, &i, &in->row)) {
        if (is_nvs(&in->row, FERRY_DATA_NVS))
            return CLI_EXIT_OK;
        return cli_fail_text(call->out, FERRY_ERR_NOT_FOUND,
                             "%s: partition '%s' is not of type data, subtype nvs", in->flash_path,
                             label);
    }
    for (i = 0; !ferry_table_get(t, i, &p); i++)
        if (is_nvs(&p, FERRY_DATA_NVS)) {
            only = p;
            n_nvs++;
        }
    in->row = only;
    if (n_nvs == 1 && !given)
        return CLI_EXIT_OK;
    list_labels(t, labels, sizeof(labels));
    if (!n_nvs)
        return cli_fail_text(call->out, FERRY_ERR_NOT_FOUND,
                             "%s: the partition table has no NVS partition (type data, subtype "
                             "nvs)",
                             in->flash_path);
    return cli_fail_text(call->out, FERRY_ERR_NOT_FOUND,
                         "%s: the partition table has no partition '%s'; of type nvs it has: %s "
                         "(--partition names one)",
                         in->flash_path, label, labels);
}

/* Reads the device's own keys, if it has any in the clear. What is no key file is no complaint: on
 * a chip with flash encryption that partition reads as noise. */
static ferry_err own_keys(struct nvs_input *in, const struct ferry_table *t)
{
    uint8_t head[FERRY_NVS_KEY_HEAD_BYTES], key[FERRY_XTS_KEY_BYTES];
    struct ferry_partition p;
    const char *why;
    uint32_t i = 0;
    const struct ferry_flash *f = &in->file.flash;
    if (ferry_table_find(t, FERRY_TYPE_DATA, FERRY_DATA_NVS_KEYS, NULL, &i, &p) ||
        f->ops->read(f, p.off_bytes, head, sizeof(head)) ||
        ferry_nvs_keys_decode(head, sizeof(head), key, &why))
        return FERRY_OK;
    const ferry_err err = ferry_xts_open(&in->xts, key);
    explicit_bzero(key, sizeof(key));
    in->has_keys = !err;
    cli_printable(in->keys_from, sizeof(in->keys_from), p.label);
    return err;
}

static int open_partition(const struct cli_call *call, struct nvs_input *in,
                          const struct ferry_table *t)
{
    const int exit_code = choose_row(call, in, t);
    if (exit_code)
        return exit_code;
    in->is_read_only = in->row.flags & FERRY_FLAG_READONLY;
    in->region = (struct ferry_region){&in->file.flash, in->row.off_bytes, in->row.size_bytes};
    if (in->row.flags & FERRY_FLAG_ENCRYPTED)
        return cli_fail_text(call->out, FERRY_ERR_NVS_CRYPT,
                             "partition '%s' has the flag encrypted, which NVS does not work with: "
                             "it brings its own encryption",
                             in->row.label);
    const ferry_err err = cli_has(call, OPT_KEYS) ? FERRY_OK : own_keys(in, t);
    return err ? cli_fail_err(call->out, err, NULL) : CLI_EXIT_OK;
}

static int find_region(const struct cli_call *call, struct nvs_input *in, uint32_t table_off)
{
    struct ferry_table table;
    struct ferry_fault fault = {0};
    uint8_t magic[2] = {0};
    const struct ferry_flash *f = &in->file.flash;
    const bool has_table = table_off < f->size_bytes &&
                           !f->ops->read(f, table_off, magic, sizeof(magic)) && magic[0] == 0xaa &&
                           magic[1] == 0x50;
    const bool is_dir = strcmp(in->path, in->flash_path) != 0;
    in->is_image = !is_dir && (cli_has(call, OPT_IMAGE) || (!has_table && has_nvs_page(f)));
    if (in->is_image) {
        in->region = (struct ferry_region){f, 0, f->size_bytes};
        if (cli_has(call, OPT_PARTITION))
            return cli_usage(call, "%s is an NVS partition, not a device; --partition is for those",
                             in->path);
        return CLI_EXIT_OK;
    }
    if (!has_table && !is_dir)
        return cli_fail_text(call->out, FERRY_ERR_TABLE_MAGIC,
                             "%s has neither a partition table at 0x%x (--table-offset) nor pages "
                             "of NVS (--image takes it for a blank NVS partition)",
                             in->path, (unsigned)table_off);
    const ferry_err err = ferry_table_open(&table, f, table_off, &fault);
    if (err) {
        const struct ferry_about about = {in->flash_path, NULL, NULL};
        fault.err = err;
        return cli_fail(call->out, &fault, &about);
    }
    return open_partition(call, in, &table);
}

static int given_keys(const struct cli_call *call, struct nvs_input *in)
{
    const char *path = cli_value(call, OPT_KEYS);
    uint8_t key[FERRY_XTS_KEY_BYTES];
    if (!path)
        return CLI_EXIT_OK;
    const int exit_code = nvs_key_file_read(call, path, key);
    if (exit_code)
        return exit_code;
    const ferry_err err = ferry_xts_open(&in->xts, key);
    explicit_bzero(key, sizeof(key));
    in->has_keys = !err;
    snprintf(in->keys_from, sizeof(in->keys_from), "%s", path);
    return err ? cli_fail_err(call->out, err, &(struct ferry_about){.file = path}) : CLI_EXIT_OK;
}

/* Looks at all entries that are marked written: one that matches its CRC settles it. */
static enum nvs_cipher find_cipher(const struct nvs_input *in)
{
    enum nvs_cipher found = NVS_CIPHER_UNKNOWN;
    struct ferry_nvs_head head;
    struct ferry_nvs_entry e;
    for (uint32_t at = 0; at + FERRY_NVS_PAGE_BYTES <= in->region.size_bytes;
         at += FERRY_NVS_PAGE_BYTES) {
        const uint8_t *page = in->bytes + at;
        if (ferry_nvs_head_decode(page, &head) || head.state == FERRY_NVS_PAGE_BLANK)
            continue;
        for (uint32_t i = 0; i < FERRY_NVS_ENTRIES; i++) {
            const uint32_t off = FERRY_NVS_ENTRIES_OFF + i * FERRY_NVS_ENTRY_BYTES;
            uint8_t unit[FERRY_NVS_ENTRY_BYTES];
            if (ferry_nvs_map_get(page + FERRY_NVS_MAP_OFF, i) != FERRY_NVS_ENTRY_WRITTEN)
                continue;
            memcpy(unit, page + off, sizeof(unit));
            if (!ferry_nvs_entry_decode(unit, i, &e))
                return NVS_CIPHER_PLAIN;
            found = NVS_CIPHER_WRONG;
            if (in->has_keys && !in->xts.ops->decrypt(&in->xts, at + off, unit) &&
                !ferry_nvs_entry_decode(unit, i, &e))
                return NVS_CIPHER_FITS;
        }
    }
    return found;
}

static int read_region(const struct cli_call *call, struct nvs_input *in)
{
    in->bytes = malloc(in->region.size_bytes + 1u); // an empty partition has an address, too
    const ferry_err err = in->bytes
                              ? ferry_region_read(&in->region, 0, in->bytes, in->region.size_bytes)
                              : FERRY_ERR_NO_MEMORY;
    if (err) {
        const struct ferry_about about = about_of(in, NULL);
        return cli_fail_err(call->out, err, &about);
    }
    in->cipher = find_cipher(in);
    if (in->cipher == NVS_CIPHER_PLAIN && cli_has(call, OPT_KEYS))
        return cli_fail_text(call->out, FERRY_ERR_NVS_CRYPT,
                             "%s is not encrypted; leave --keys away", in->path);
    return CLI_EXIT_OK;
}

int nvs_input_open(const struct cli_call *call, struct nvs_input *in, bool writable)
{
    uint32_t table_off = 0;
    memset(in, 0, sizeof(*in));
    in->path = call->args[0];
    in->file.fd = -1;
    int exit_code = find_flash(call, in, &table_off);
    if (exit_code || (exit_code = open_file(call, in, writable, table_off)) != CLI_EXIT_OK)
        return exit_code;
    exit_code = find_region(call, in, table_off);
    if (!exit_code)
        exit_code = given_keys(call, in);
    if (!exit_code)
        exit_code = read_region(call, in);
    if (exit_code)
        nvs_input_close(in);
    return exit_code;
}

void nvs_input_close(struct nvs_input *in)
{
    ferry_xts_close(&in->xts);
    free(in->bytes);
    in->bytes = NULL;
    ferry_flash_file_close(&in->file);
}

const struct ferry_xts *nvs_input_xts(const struct nvs_input *in)
{
    return in->has_keys && in->cipher != NVS_CIPHER_PLAIN ? &in->xts : NULL;
}

int nvs_input_need_keys(const struct cli_call *call, const struct nvs_input *in)
{
    if (in->cipher != NVS_CIPHER_WRONG)
        return CLI_EXIT_OK;
    if (in->has_keys)
        return cli_fail_text(call->out, FERRY_ERR_NVS_CRYPT,
                             "%s: no entry is readable with the keys of %s; another store's keys, "
                             "or nothing but damage ('ferry nvs check' says more)",
                             in->path, in->keys_from);
    return cli_fail_text(call->out, FERRY_ERR_NVS_CRYPT,
                         "%s: no entry is readable; the store looks encrypted, --keys gives its "
                         "keys",
                         in->path);
}

int nvs_fail(const struct cli_call *call, const struct nvs_input *in,
             const struct ferry_fault *fault, const char *what)
{
    const struct ferry_about about = about_of(in, what);
    return cli_fail(call->out, fault, &about);
}

/* Mounts region, which is the input's or a copy of it. */
static ferry_err mount(const struct ferry_region *region, const struct ferry_xts *xts,
                       bool read_only, struct nvs_store *store)
{
    const uint32_t n_pages = region->size_bytes / FERRY_NVS_PAGE_BYTES;
    const struct ferry_nvs_config config = {
        .region = *region,
        .xts = xts,
        .work = calloc(n_pages + 1, sizeof(struct ferry_nvs_page)),
        .work_bytes = FERRY_NVS_WORK_BYTES(n_pages),
        .read_only = read_only,
    };
    store->nvs = (struct ferry_nvs){0};
    store->work = config.work;
    if (!config.work)
        return ferry_fail(&store->nvs.fault, FERRY_ERR_NO_MEMORY, 0, 0, 0);
    return ferry_nvs_open(&store->nvs, &config);
}

ferry_err nvs_input_decrypt(struct nvs_input *in)
{
    const struct ferry_xts *xts = nvs_input_xts(in);
    for (uint32_t off = 0; xts && off < in->region.size_bytes; off += FERRY_NVS_PAGE_BYTES) {
        uint8_t *page = in->bytes + off;
        for (uint32_t i = 0; i < FERRY_NVS_ENTRIES; i++) {
            const uint32_t at = FERRY_NVS_ENTRIES_OFF + i * FERRY_NVS_ENTRY_BYTES;
            if (ferry_nvs_map_get(page + FERRY_NVS_MAP_OFF, i) == FERRY_NVS_ENTRY_WRITTEN &&
                xts->ops->decrypt(xts, off + at, page + at))
                return FERRY_ERR_NVS_CRYPT;
        }
    }
    return FERRY_OK;
}

/* On the copy in memory, decrypted once: the store reads an entry again and again. */
int nvs_store_open(const struct cli_call *call, struct nvs_input *in, struct nvs_store *store)
{
    const int exit_code = nvs_input_need_keys(call, in);
    if (exit_code)
        return exit_code;
    const ferry_err err = nvs_input_decrypt(in);
    if (err)
        return cli_fail_err(call->out, err, NULL);
    ferry_nvs_memory(&store->memory, in->bytes, in->region.size_bytes);
    const struct ferry_region copy = {&store->memory, 0, in->region.size_bytes};
    // With the repairs of a mount, so that what is shown is what the device would read; where a
    // mount could not write, without them.
    if (!in->is_read_only && !mount(&copy, NULL, false, store))
        return CLI_EXIT_OK;
    if (!in->is_read_only)
        nvs_store_close(store);
    if (!mount(&copy, NULL, true, store))
        return CLI_EXIT_OK;
    nvs_store_close(store);
    return nvs_fail(call, in, &store->nvs.fault, NULL);
}

void nvs_store_close(struct nvs_store *store)
{
    free(store->work);
    store->work = NULL;
}

/* Mounts for writing, changes, waits for the disk. */
static ferry_err apply(struct nvs_input *in, const struct ferry_region *region, nvs_change *change,
                       void *ctx, struct ferry_fault *fault)
{
    struct nvs_store store;
    ferry_err err = mount(region, nvs_input_xts(in), false, &store);
    if (!err)
        err = change(&store.nvs, ctx);
    if (!err)
        err = ferry_nvs_commit(&store.nvs);
    *fault = store.nvs.fault;
    if (fault->err != err)
        *fault = (struct ferry_fault){.err = err};
    nvs_store_close(&store);
    return err;
}

int nvs_input_change(const struct cli_call *call, struct nvs_input *in, nvs_change *change,
                     void *ctx, const char *what, bool *changed)
{
    const uint32_t size = in->region.size_bytes;
    struct ferry_flash memory;
    struct ferry_fault fault = {.err = FERRY_ERR_NO_MEMORY};
    const int exit_code = nvs_input_need_keys(call, in);
    if (exit_code)
        return exit_code;
    if (in->is_read_only) {
        fault.err = FERRY_ERR_NVS_READ_ONLY;
        return nvs_fail(call, in, &fault, "the partition table says so");
    }
    uint8_t *copy = malloc(size);
    ferry_err err = copy ? FERRY_OK : FERRY_ERR_NO_MEMORY;
    if (!err) {
        memcpy(copy, in->bytes, size);
        ferry_nvs_memory(&memory, copy, size);
        err = apply(in, &(struct ferry_region){&memory, 0, size}, change, ctx, &fault);
    }
    *changed = !err && memcmp(copy, in->bytes, size) != 0;
    free(copy);
    if (*changed)
        err = apply(in, &in->region, change, ctx, &fault);
    return err ? nvs_fail(call, in, &fault, what) : CLI_EXIT_OK;
}
