/* host/elf_image.c - lays the parts of an ELF file out as an application image.
 * Mapped parts must lie at a file offset congruent to their address within an MMU page; the gaps
 * that this leaves are filled with RAM parts, cut where needed, else with zeros. */
#include "elf_image.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chip_build.h"
#include "elf_parts.h"
#include "ferry/bytes.h"
#include "ferry/crypto.h"
#include "ferry/image.h"
#include "image_parts.h"

#define PAGE_DEFAULT      0x10000u
#define SEG_HEADER_BYTES  8u
#define SEG_LEN_LIMIT     0x1000000u
#define CHECKSUM_START    0xefu
#define CHECKSUM_ALIGN    16u
#define BORDER_BYTES      0x24u // ESP32's ROM leaves a last page unmapped that holds less
#define PAD_TO_LIMIT      (128u << 20)
#define NO_PIN            0xeeu // write-protect pin: none
#define DESC_SHA_OFF      (FERRY_APP_DESC_OFF + 144u)
#define DESC_PAGE_OFF     180u
#define V1_SIGNATURE_ROOM 80u // version, signature and 12 bytes that the signer aligns with

struct layout {
    const struct ferry_image_build *opt;
    const struct ferry_chip_build *build;
    struct ferry_built_image *out;
    struct image_parts parts;
    uint8_t elf_sha256[FERRY_SHA256_BYTES];
    uint32_t elf_sha256_off; // 0: nowhere
    uint32_t page;
    uint8_t *bytes;
    size_t n_bytes, room;
    unsigned n_segments;
    uint8_t checksum;
};

__attribute__((format(printf, 3, 4))) static ferry_err refuse(struct ferry_built_image *out,
                                                              ferry_err err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out->why, sizeof(out->why), fmt, ap);
    va_end(ap);
    return ferry_fail(&out->fault, err, 0, 0, 0);
}

static const char *label(const char *name)
{
    return *name ? name : "the segment";
}

/* Adds n bytes, from `from` or all of value `fill`. */
static ferry_err put(struct layout *l, const uint8_t *from, uint8_t fill, size_t n)
{
    if (n > l->room - l->n_bytes) {
        const size_t room = 2 * l->room + n;
        uint8_t *grown = realloc(l->bytes, room);
        if (!grown)
            return ferry_fail(&l->out->fault, FERRY_ERR_NO_MEMORY, 0, 0, 0);
        l->bytes = grown;
        l->room = room;
    }
    if (from)
        memcpy(l->bytes + l->n_bytes, from, n);
    else
        memset(l->bytes + l->n_bytes, fill, n);
    l->n_bytes += n;
    return FERRY_OK;
}

/* Writes the ELF's SHA-256 if this segment is where it belongs; start is its header's place. */
static ferry_err put_elf_sha256(struct layout *l, size_t start, uint32_t n_bytes)
{
    static const uint8_t zeros[FERRY_SHA256_BYTES];
    const size_t off = l->elf_sha256_off;
    if (off < start || off - start >= n_bytes)
        return FERRY_OK;
    // esptool counts the segment's end from its header, 8 bytes early; so the last 8 are refused.
    if (off - start < SEG_HEADER_BYTES || off - start + FERRY_SHA256_BYTES > n_bytes)
        return refuse(l->out, FERRY_ERR_IMAGE_LAYOUT,
                      "the ELF's SHA-256 at 0x%zx would not lie within one segment", off);
    if (memcmp(l->bytes + off, zeros, sizeof(zeros)) != 0)
        return refuse(l->out, FERRY_ERR_IMAGE_LAYOUT,
                      "the ELF's SHA-256 at 0x%zx would overwrite bytes that are not zero", off);
    memcpy(l->bytes + off, l->elf_sha256, sizeof(l->elf_sha256));
    l->out->elf_sha256_missed = false;
    return FERRY_OK;
}

/* Adds a segment; bytes NULL: zeros. */
static ferry_err put_segment(struct layout *l, const char *name, uint32_t addr,
                             const uint8_t *bytes, uint32_t n_bytes)
{
    if (n_bytes % 4)
        return refuse(l->out, FERRY_ERR_IMAGE_LAYOUT,
                      "%s needs %u bytes before or in it, which is no multiple of 4; align its "
                      "start in the linker script",
                      label(name), n_bytes);
    if (n_bytes >= SEG_LEN_LIMIT)
        return refuse(l->out, FERRY_ERR_IMAGE_LAYOUT, "%s is %u bytes; a segment is less than %u",
                      label(name), n_bytes, SEG_LEN_LIMIT);
    const size_t start = l->n_bytes;
    uint8_t header[SEG_HEADER_BYTES];
    ferry_put_le32(header, addr);
    ferry_put_le32(header + 4, n_bytes);
    ferry_err err = put(l, header, 0, sizeof(header));
    if (!err)
        err = put(l, bytes, 0, n_bytes);
    if (!err)
        err = put_elf_sha256(l, start, n_bytes);
    if (err)
        return err;
    for (size_t i = start + SEG_HEADER_BYTES; i < l->n_bytes; i++)
        l->checksum ^= l->bytes[i];
    l->n_segments++;
    return FERRY_OK;
}

static ferry_err put_mapped(struct layout *l, struct image_part *p)
{
    const uint32_t past = (uint32_t)(l->n_bytes + SEG_HEADER_BYTES + p->n_bytes) % l->page;
    if (l->build->pads_page_border && past < BORDER_BYTES) {
        const uint32_t longer = p->n_bytes + BORDER_BYTES - past;
        uint8_t *grown = realloc(p->bytes, longer);
        if (!grown)
            return ferry_fail(&l->out->fault, FERRY_ERR_NO_MEMORY, 0, 0, 0);
        memset(grown + p->n_bytes, 0, longer - p->n_bytes);
        p->bytes = grown;
        p->n_bytes = longer;
    }
    return put_segment(l, p->name, p->addr, p->bytes, p->n_bytes);
}

/* Writes the next RAM part, at most `most` bytes of it. */
static ferry_err put_ram(struct layout *l, const char *before, uint32_t most)
{
    struct image_part *p = &l->parts.ram.parts[0];
    const uint32_t left = p->n_bytes - p->taken;
    const uint32_t n = left < most ? left : most;
    const ferry_err err =
        put_segment(l, before ? before : p->name, p->addr + p->taken, p->bytes + p->taken, n);
    p->taken += n;
    if (p->taken == p->n_bytes) {
        l->parts.ram.parts++;
        l->parts.ram.n--;
    }
    return err;
}

/* How far data is from its place if it were written now, behind its header; in whole pages more
 * than it must be if the place is behind that of the page's start. esptool counts it so, and the
 * files must be equal. 0: it may be written now. */
static int64_t distance(const struct layout *l, const struct image_part *p)
{
    const int64_t d = (int64_t)l->page - (int64_t)(l->n_bytes % l->page) + p->addr % l->page -
                      (int64_t)SEG_HEADER_BYTES;
    return d == l->page ? 0 : d;
}

static ferry_err put_mapped_in_place(struct layout *l, struct image_part *p)
{
    for (int64_t d = distance(l, p); d; d = distance(l, p)) {
        int64_t filler = d - SEG_HEADER_BYTES;
        if (filler < 0)
            filler += l->page;
        if (filler == 0)
            return refuse(l->out, FERRY_ERR_IMAGE_LAYOUT,
                          "the gap before %s at 0x%08x is 8 bytes, too small for a filler segment; "
                          "make the segment before it 4 bytes longer or shorter",
                          label(p->name), p->addr);
        const uint32_t n = (uint32_t)filler;
        const ferry_err err = l->parts.ram.n && n > SEG_HEADER_BYTES
                                  ? put_ram(l, p->name, n)
                                  : put_segment(l, p->name, 0, NULL, n);
        if (err)
            return err;
    }
    return put_mapped(l, p);
}

static ferry_err put_rest_of_ram(struct layout *l)
{
    ferry_err err = FERRY_OK;
    while (!err && l->parts.ram.n)
        err = put_ram(l, NULL, UINT32_MAX);
    return err;
}

/* Zeros up to the last byte of a block of 16, which is the checksum. */
static ferry_err put_checksum(struct layout *l)
{
    const size_t zeros = CHECKSUM_ALIGN - 1 - l->n_bytes % CHECKSUM_ALIGN;
    const ferry_err err = put(l, NULL, 0, zeros);
    return err ? err : put(l, &l->checksum, 0, 1);
}

static ferry_err check_pages(const struct layout *l)
{
    const struct image_part_list *m = &l->parts.mapped;
    for (size_t i = 1; i < m->n; i++) {
        if (m->parts[i].addr / l->page == m->parts[i - 1].addr / l->page)
            return refuse(l->out, FERRY_ERR_IMAGE_LAYOUT,
                          "%s at 0x%08x and %s at 0x%08x share one %u KB page of the flash map; "
                          "align one of them to a page in the linker script",
                          label(m->parts[i - 1].name), m->parts[i - 1].addr,
                          label(m->parts[i].name), m->parts[i].addr, l->page / 1024);
    }
    return FERRY_OK;
}

/* What the ROM loads comes first and alone is counted and summed up; the mapped rest follows, last
 * part first, where the ROM does not look. File offsets are those behind the bootloader's own
 * place in flash. */
static ferry_err put_ram_only(struct layout *l)
{
    ferry_err err = put_rest_of_ram(l);
    const unsigned n_counted = l->n_segments;
    if (!err)
        err = put_checksum(l);
    const uint32_t shift = l->build->chip->bootloader_off_bytes;
    for (size_t i = l->parts.mapped.n; !err && i-- > 0;) {
        struct image_part *p = &l->parts.mapped.parts[i];
        const uint32_t data_at = (uint32_t)l->n_bytes + 2 * SEG_HEADER_BYTES;
        uint32_t filler = (p->addr - data_at) % l->page; // a page divides 2^32
        if (filler < shift)
            filler += l->page;
        err = put_segment(l, p->name, 0, NULL, filler - shift);
        if (!err)
            err = put_mapped(l, p);
    }
    if (!err)
        l->bytes[1] = (uint8_t)n_counted;
    return err;
}

static ferry_err put_secure_pad(struct layout *l)
{
    uint32_t behind = FERRY_SHA256_BYTES;
    if (l->opt->secure == FERRY_SECURE_PAD_NONE ||
        (l->opt->secure == FERRY_SECURE_PAD_V1 && l->build->chip != &ferry_chip_esp32))
        return FERRY_OK;
    if (l->opt->secure == FERRY_SECURE_PAD_V1)
        behind += V1_SIGNATURE_ROOM;
    if (l->opt->no_digest || l->opt->ram_only_header)
        return refuse(l->out, FERRY_ERR_IMAGE_LAYOUT,
                      "padding for a signature needs the SHA-256 appended to the image");
    const uint32_t used = (uint32_t)l->n_bytes + SEG_HEADER_BYTES + CHECKSUM_ALIGN + behind;
    return put_segment(l, "", 0, NULL, (0u - used) % l->page);
}

static ferry_err put_all_mapped(struct layout *l)
{
    ferry_err err = FERRY_OK;
    for (size_t i = 0; !err && i < l->parts.mapped.n; i++)
        err = put_mapped_in_place(l, &l->parts.mapped.parts[i]);
    if (!err)
        err = put_rest_of_ram(l);
    if (!err)
        err = put_secure_pad(l);
    if (!err)
        err = put_checksum(l);
    if (!err)
        l->bytes[1] = (uint8_t)l->n_segments;
    return err;
}

static ferry_err put_tail(struct layout *l)
{
    if (!l->opt->no_digest && !l->opt->ram_only_header) {
        uint8_t digest[FERRY_SHA256_BYTES];
        struct ferry_sha256 h;
        ferry_sha256_init(&h);
        ferry_sha256_update(&h, l->bytes, l->n_bytes);
        ferry_sha256_finish(&h, digest);
        const ferry_err err = put(l, digest, 0, sizeof(digest));
        if (err)
            return err;
    }
    const uint32_t to = l->opt->pad_to_bytes;
    return to && l->n_bytes % to ? put(l, NULL, 0xff, to - l->n_bytes % to) : FERRY_OK;
}

static ferry_err clock_code(const struct layout *l, uint8_t *code)
{
    *code = 0;
    if (!l->opt->flash_mhz)
        return FERRY_OK;
    for (size_t i = 0; i < 4 && l->build->clocks[i].mhz; i++) {
        if (l->build->clocks[i].mhz == l->opt->flash_mhz) {
            *code = l->build->clocks[i].code;
            return FERRY_OK;
        }
    }
    return refuse(l->out, FERRY_ERR_ARG, "%s has no flash clock of %u MHz", l->opt->chip->name,
                  l->opt->flash_mhz);
}

static ferry_err put_header(struct layout *l, uint32_t entry_addr)
{
    const struct ferry_image_build *o = l->opt;
    uint8_t h[FERRY_IMAGE_HEADER_BYTES] = {FERRY_IMAGE_MAGIC};
    uint8_t clock;
    const ferry_err err = clock_code(l, &clock);
    if (err)
        return err;
    const unsigned mb = o->flash_mb ? o->flash_mb : 1;
    unsigned size_code = 0;
    while (1u << size_code < mb)
        size_code++;
    if (1u << size_code != mb || o->flash_mode > 3)
        return refuse(l->out, FERRY_ERR_ARG, "no flash is %u MB in mode %u", mb, o->flash_mode);
    h[2] = o->flash_mode;
    h[3] = (uint8_t)(size_code << 4 | clock);
    ferry_put_le32(h + 4, entry_addr);
    h[8] = NO_PIN;
    ferry_put_le16(h + 12, o->chip->id);
    h[14] = o->min_rev;
    ferry_put_le16(h + 15, o->min_rev_full);
    ferry_put_le16(h + 17, o->max_rev_full);
    h[23] = !o->no_digest && !o->ram_only_header;
    return put(l, h, 0, sizeof(h));
}

/* The first section of these whose name says that it holds the app descriptor, if it is mapped. */
static const struct ferry_elf_part *find_desc(const struct layout *l,
                                              const struct ferry_elf_part *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strstr(list[i].name, ".flash.appdesc"))
            return ferry_memory_is_mapped(l->build, list[i].addr) ? &list[i] : NULL;
    }
    return NULL;
}

static bool page_is_possible(const struct ferry_chip_build *b, uint32_t page)
{
    return page >= b->page_min_bytes && page <= b->page_max_bytes && !(page & (page - 1));
}

/* The page an app was built for stands in its descriptor; older ones show it by where the
 * descriptor lies, 32 bytes behind a page's start. */
static ferry_err page_of_app(struct layout *l, const struct ferry_elf_part *desc)
{
    const struct ferry_chip_build *b = l->build;
    if (desc->n_bytes < FERRY_APP_DESC_BYTES || !ferry_app_desc_is(desc->bytes))
        return FERRY_OK;
    const uint8_t log2 = desc->bytes[DESC_PAGE_OFF];
    if (log2) {
        if (log2 > 31 || !page_is_possible(b, 1u << log2))
            return refuse(l->out, FERRY_ERR_ARG,
                          "the app asks for MMU pages of 2^%u bytes; %s has "
                          "%u to %u KB",
                          log2, l->opt->chip->name, b->page_min_bytes / 1024,
                          b->page_max_bytes / 1024);
        l->page = 1u << log2;
        return FERRY_OK;
    }
    for (uint32_t page = b->page_max_bytes; page >= b->page_min_bytes; page /= 2) {
        if ((desc->addr - FERRY_APP_DESC_OFF) % page == 0) {
            l->page = page;
            break;
        }
    }
    return FERRY_OK;
}

static ferry_err choose_page(struct layout *l, const struct ferry_elf_parts *elf)
{
    const uint32_t asked = l->opt->page_bytes;
    const bool fixed = !l->build->page_max_bytes;
    l->page = PAGE_DEFAULT;
    if (asked && fixed) {
        l->out->page_fixed = asked != PAGE_DEFAULT;
        return FERRY_OK;
    }
    if (asked && !page_is_possible(l->build, asked))
        return refuse(l->out, FERRY_ERR_ARG, "%s has no MMU page of %u bytes, only %u to %u KB",
                      l->opt->chip->name, asked, l->build->page_min_bytes / 1024,
                      l->build->page_max_bytes / 1024);
    if (asked)
        l->page = asked;
    const struct ferry_elf_part *desc = find_desc(l, elf->sections, elf->n_sections);
    return asked || fixed || !desc ? FERRY_OK : page_of_app(l, desc);
}

static void choose_elf_sha256(struct layout *l, const struct ferry_elf_parts *elf,
                              const uint8_t *file, size_t n_bytes)
{
    l->elf_sha256_off = l->opt->elf_sha256_off;
    if (!l->elf_sha256_off && !l->opt->use_segments && find_desc(l, elf->sections, elf->n_sections))
        l->elf_sha256_off = DESC_SHA_OFF;
    l->out->elf_sha256_missed = l->opt->elf_sha256_off != 0; // until it is placed
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, file, n_bytes);
    ferry_sha256_finish(&h, l->elf_sha256);
}

static ferry_err lay_out(struct layout *l, uint32_t entry_addr)
{
    ferry_err err = check_pages(l);
    if (!err)
        err = put_header(l, entry_addr);
    if (!err)
        err = l->opt->ram_only_header ? put_ram_only(l) : put_all_mapped(l);
    if (!err && l->opt->ram_only_header)
        err = put_secure_pad(l);
    return err ? err : put_tail(l);
}

static ferry_err build_from(struct layout *l, const struct ferry_elf_parts *elf,
                            const uint8_t *file, size_t n_bytes)
{
    if (l->opt->use_segments && !elf->segments)
        return refuse(l->out, FERRY_ERR_ELF, "it has no segments, only sections");
    l->out->other_cpu = elf->is_xtensa != l->build->is_xtensa;
    ferry_err err = choose_page(l, elf);
    if (err)
        return err;
    choose_elf_sha256(l, elf, file, n_bytes);
    const struct image_parts_rules rules = {l->build, l->opt->use_segments,
                                            l->opt->ram_only_header};
    err =
        image_parts_make(&l->parts, elf, &rules, &l->out->fault, l->out->why, sizeof(l->out->why));
    if (err)
        return err;
    err = lay_out(l, elf->entry_addr);
    image_parts_free(&l->parts);
    return err;
}

ferry_err ferry_image_build(const struct ferry_image_build *opt, const uint8_t *elf, size_t n_bytes,
                            struct ferry_built_image *out)
{
    *out = (struct ferry_built_image){0};
    struct layout l = {.opt = opt, .out = out, .checksum = CHECKSUM_START};
    l.build = opt->chip ? ferry_chip_build_of(opt->chip) : NULL;
    if (!l.build)
        return refuse(out, FERRY_ERR_CHIP_UNKNOWN, "no images can be built for it");
    if (opt->pad_to_bytes > PAD_TO_LIMIT)
        return refuse(out, FERRY_ERR_ARG, "padding to %u bytes; the largest flash has %u",
                      opt->pad_to_bytes, PAD_TO_LIMIT);
    struct ferry_elf_parts parts;
    ferry_err err = ferry_elf_parts_open(&parts, elf, n_bytes, out->why, sizeof(out->why));
    if (err)
        return ferry_fail(&out->fault, err, 0, 0, 0);
    err = build_from(&l, &parts, elf, n_bytes);
    ferry_elf_parts_close(&parts);
    if (err) {
        free(l.bytes);
        return err;
    }
    out->bytes = l.bytes;
    out->n_bytes = l.n_bytes;
    out->n_segments = l.n_segments;
    return FERRY_OK;
}
