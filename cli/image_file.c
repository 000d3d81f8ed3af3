/* cli/image_file.c - the file as a flash that the core's verifier can read. */
#include "image_file.h"

#include <stdio.h>
#include <string.h>

#include "bootloader.h"
#include "chip_build.h"
#include "device_words.h"
#include "ferry/bytes.h"
#include "ferry/partition.h"

#define FILE_LIMIT  (128u << 20) // the largest flash there is
#define SLOT_OFF    0x10000u     // where verdict_in_flash has its slot
#define FLASH_LEAST 0x400000u
#define TABLE_OFF   0x8000u
#define ERASED      0xff
#define PIECE       0x8000u // read at once: a system call costs as much as 2 KB of SHA-256

void image_file_read(const struct image_file *f, uint32_t off, void *dst, uint32_t n)
{
    const uint32_t left = off < f->n_bytes ? f->n_bytes - off : 0;
    memset(dst, ERASED, n);
    if (left && ferry_map_read(&f->mapped, off, dst, left < n ? left : n))
        memset(dst, ERASED, n); // cut short by somebody, meanwhile
}

static ferry_err read_bytes(const struct ferry_flash *flash, uint32_t off, void *dst, uint32_t len)
{
    const struct image_file *f = flash->ctx;
    if (!ferry_range_fits(off, len, f->n_bytes))
        return FERRY_ERR_FLASH_RANGE;
    return ferry_map_read(&f->mapped, off, dst, len);
}

/* The same bytes in a slot of an otherwise erased flash. */
static ferry_err read_slot(const struct ferry_flash *flash, uint32_t off, void *dst, uint32_t len)
{
    const struct image_file *f = flash->ctx;
    if (!ferry_range_fits(off, len, flash->size_bytes))
        return FERRY_ERR_FLASH_IO;
    image_file_read(f, off - SLOT_OFF, dst, len); // the region begins there
    return FERRY_OK;
}

static const struct ferry_flash_ops file_ops = {.read = read_bytes};
static const struct ferry_flash_ops slot_ops = {.read = read_slot};

static struct ferry_flash as_flash(const struct ferry_flash_ops *ops, const struct image_file *f,
                                   uint32_t size_bytes)
{
    return (struct ferry_flash){
        .ops = ops,
        .ctx = (void *)(uintptr_t)f, // only read
        .size_bytes = size_bytes,
        .sector_bytes = 4096,
        .block_bytes = 65536,
        .prog_bytes = 1,
    };
}

const char *image_file_hex(char *buf, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(buf + 2 * i, 3, "%02x", bytes[i]);
    return buf;
}

bool image_file_chip(const struct cli_call *call, int key, const struct ferry_chip **chip)
{
    const char *name = cli_value(call, key);
    *chip = name ? ferry_chip_by_name(name) : NULL;
    if (!name || *chip)
        return true;
    char names[256] = "";
    size_t at = 0;
    for (size_t i = 0; ferry_chip_at(i) && at < sizeof(names); i++)
        at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i ? ", " : "",
                               ferry_chip_at(i)->name);
    cli_usage(call, "there is no chip '%s'; ferry knows %s", name, names);
    return false;
}

/* An app partition of a merged file: what lies in it, if it is an image. */
static void take_app(struct image_file *f, const struct ferry_partition *p)
{
    const uint32_t off = p->off_bytes - f->flash_off_bytes;
    if (p->type != FERRY_TYPE_APP || p->off_bytes < f->flash_off_bytes || off >= f->n_bytes ||
        f->n_apps == IMAGE_FILE_APPS)
        return;
    struct image_file_app *app = &f->apps[f->n_apps];
    const uint32_t room = f->n_bytes - off;
    const struct ferry_region region = {&f->flash, off,
                                        p->size_bytes < room ? p->size_bytes : room};
    uint8_t desc_head[FERRY_APP_DESC_HEAD_BYTES];
    const struct ferry_image_rules rules = {.metadata_only = true, .desc_head = desc_head};
    struct ferry_image img;
    if (ferry_image_verify(&region, &rules, f->work, sizeof(f->work), &img))
        return;
    *app = (struct image_file_app){.off_bytes = off, .n_bytes = img.image_bytes};
    cli_printable(app->label, sizeof(app->label), p->label);
    app->has_desc = img.desc_ready && ferry_app_desc_decode(desc_head, &app->desc) == FERRY_OK;
    f->n_apps++;
}

/* True if a whole, undamaged partition table lies here; its apps are taken. */
static bool take_table(struct image_file *f, uint32_t off)
{
    struct ferry_table_walk w;
    struct ferry_partition p;
    struct ferry_fault fault;
    uint8_t table[FERRY_TABLE_BYTES];
    if (!ferry_range_fits(off, sizeof(table), f->n_bytes))
        return false;
    image_file_read(f, off, table, sizeof(table));
    for (int pass = 0; pass < 2; pass++) {
        ferry_table_walk_begin(&w);
        for (uint32_t row = 0; !w.done; row++) {
            const unsigned n_before = w.n_partitions;
            if (ferry_table_walk_row(&w, table + row * FERRY_ROW_BYTES, 0, &p, &fault))
                return false;
            if (pass == 1 && !w.done && w.n_partitions > n_before)
                take_app(f, &p);
        }
        f->n_partitions = w.n_partitions;
    }
    f->table_off_bytes = off;
    return f->n_partitions > 0;
}

/* Merged files begin at the flash's start or, for chips whose bootloader lies behind it, there. */
static void look_for_table(struct image_file *f)
{
    static const uint32_t starts[] = {0, 0x1000, 0x2000};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]) && !f->is_flash; i++) {
        f->flash_off_bytes = starts[i];
        f->is_flash = take_table(f, TABLE_OFF - starts[i]);
    }
}

int image_file_open(const struct cli_call *call, const char *path, struct image_file *f)
{
    int os_errno;
    *f = (struct image_file){.path = path};
    const ferry_err err = ferry_map_file(path, FILE_LIMIT, &f->mapped, &os_errno);
    if (err == FERRY_ERR_RANGE)
        return cli_fail_text(call->out, err, "%s is larger than any flash, %s bytes", path,
                             cli_thousands(FILE_LIMIT));
    if (err) {
        const struct ferry_about about = {path, NULL, os_errno ? strerror(os_errno) : NULL};
        return cli_fail_err(call->out, err, &about);
    }
    f->bytes = f->mapped.bytes;
    f->n_bytes = (uint32_t)f->mapped.n_bytes;
    f->flash = as_flash(&file_ops, f, f->n_bytes);
    look_for_table(f);
    return CLI_EXIT_OK;
}

void image_file_close(struct image_file *f)
{
    ferry_unmap_file(&f->mapped);
    f->bytes = NULL;
}

/* A file that ends early is refused as such. Espressif's verifier has no file: it reads on in the
 * erased rest of the slot, and it is that reading whose number it gives. */
static int32_t verdict_in_flash(const struct image_file *f, const struct image_found *found)
{
    uint8_t work[4096];
    struct ferry_segment segments[FERRY_IMAGE_SEGMENTS];
    struct ferry_image img;
    uint32_t size = FLASH_LEAST;
    while (size - SLOT_OFF < f->n_bytes)
        size *= 2;
    const struct ferry_flash flash = as_flash(&slot_ops, f, size);
    const struct ferry_region slot = {&flash, SLOT_OFF, size - SLOT_OFF};
    struct ferry_image_rules rules = found->rules;
    rules.base_off_bytes = SLOT_OFF;
    rules.max_bytes = slot.size_bytes;
    rules.segments = segments;
    if (ferry_image_verify(&slot, &rules, work, sizeof(work), &img) == FERRY_OK)
        return 0;
    return ferry_image_esp_verdict(&img, size);
}

/* Limits that nobody has given are taken from the image, so that it meets them. */
static void make_rules(const struct image_file *f, const struct image_wanted *want,
                       struct image_found *found)
{
    struct ferry_image_header header = {0};
    struct ferry_app_desc desc = {0};
    uint8_t head[FERRY_APP_DESC_OFF + FERRY_APP_DESC_HEAD_BYTES];
    image_file_read(f, 0, head, sizeof(head));
    if (f->n_bytes >= FERRY_IMAGE_HEADER_BYTES)
        ferry_image_header_decode(head, &header);
    if (f->n_bytes >= sizeof(head))
        found->has_desc = ferry_app_desc_decode(head + FERRY_APP_DESC_OFF, &desc) == FERRY_OK;
    found->is_bootloader = !found->has_desc && ferry_is_bootloader(f->bytes, f->n_bytes);
    found->chip = want->chip ? want->chip : ferry_chip_by_id(header.chip_id);
    found->desc = desc;
    found->rules = (struct ferry_image_rules){
        .chip = found->chip,
        .chip_rev = want->has_rev ? want->rev : header.min_rev_full,
        .blk_rev = want->has_blk_rev ? want->blk_rev : desc.min_blk_rev_full,
        .ignore_max_rev = !want->has_rev,
        .bootloader = found->is_bootloader,
        .segments = found->segments,
    };
}

void image_file_walk(const struct image_file *f, const struct image_wanted *want,
                     struct image_found *found)
{
    uint8_t work[PIECE];
    const struct ferry_region all = {&f->flash, 0, f->n_bytes};
    *found = (struct image_found){0};
    make_rules(f, want, found);
    found->err = ferry_image_verify(&all, &found->rules, work, sizeof(work), &found->img);
    found->esp_err = found->err == FERRY_ERR_IMAGE_TRUNC
                         ? verdict_in_flash(f, found)
                         : ferry_image_esp_verdict(&found->img, FLASH_LEAST);
    found->has_desc = found->has_desc && found->img.desc_ready;
}

void image_file_sha256(const struct image_file *f, const struct image_found *found,
                       uint8_t digest[FERRY_SHA256_BYTES])
{
    struct ferry_sha256 h = found->img.hash;
    uint8_t piece[PIECE];
    for (uint32_t at = found->img.at_bytes; at < f->n_bytes; at += PIECE) {
        const uint32_t left = f->n_bytes - at, n = left < PIECE ? left : PIECE;
        image_file_read(f, at, piece, n);
        ferry_sha256_update(&h, piece, n);
    }
    ferry_sha256_finish(&h, digest);
}

static void put_text(cJSON *to, const char *key, const char *text)
{
    char buf[160];
    cJSON_AddStringToObject(to, key, cli_printable(buf, sizeof(buf), text));
}

static cJSON *app_json(const struct ferry_app_desc *d)
{
    char hex[2 * FERRY_SHA256_BYTES + 1];
    cJSON *app = cJSON_CreateObject();
    put_text(app, "project", d->project);
    put_text(app, "version", d->version);
    put_text(app, "date", d->date);
    put_text(app, "time", d->time);
    put_text(app, "idf_version", d->idf_version);
    cJSON_AddNumberToObject(app, "secure_version", d->secure_version);
    cJSON_AddStringToObject(app, "elf_sha256",
                            image_file_hex(hex, d->elf_sha256, sizeof(d->elf_sha256)));
    return app;
}

void image_file_json(cJSON *to, const struct image_found *found)
{
    cJSON *list = cJSON_AddArrayToObject(to, "segments");
    for (unsigned i = 0; i < found->img.n_segments; i++) {
        const struct ferry_segment *s = &found->segments[i];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(list, o);
        cJSON_AddNumberToObject(o, "load_addr", s->load_addr);
        cJSON_AddNumberToObject(o, "len", s->len_bytes);
        cJSON_AddNumberToObject(o, "offset", s->data_off_bytes);
        cJSON_AddStringToObject(o, "memory", ferry_memory_name(found->chip, s->load_addr));
    }
    char hex[2 * FERRY_SHA256_BYTES + 1];
    if (found->img.digest_ready)
        cJSON_AddStringToObject(to, "sha256",
                                image_file_hex(hex, found->img.digest, sizeof(found->img.digest)));
    else
        cJSON_AddNullToObject(to, "sha256");
    cJSON_AddItemToObject(to, "app", found->has_desc ? app_json(&found->desc) : cJSON_CreateNull());
}
