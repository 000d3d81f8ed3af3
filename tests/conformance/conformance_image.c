/* conformance_image - holds image building and verification against Espressif's tools and code.
 * Vectors E_elf2image: every ELF with its options gives esptool's bytes, or is refused like there.
 * The same images and E_mutations: verdict, length, segments and digest of esp_image_verify and
 * esp_image_get_metadata, and the numbers that esptool reads. Of a failed call the number alone is
 * compared: its other results mean nothing. usage: conformance_image
 * FILE|FOLDER... */
#include "elf_image.h"
#include "ferry/bytes.h"
#include "ferry/image.h"

#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLASH_BYTES  0x400000u
#define PART_OFF     0x10000u
#define VERIFY_BYTES (FLASH_BYTES - PART_OFF)
#define MOST_BYTES   (1u << 20)
#define WHERE_BYTES  320

struct run {
    struct tally tally;
    struct vector_set *set;
    uint8_t flash[FLASH_BYTES];
};

static bool same(struct run *run, const char *where, const char *what, double got, double want)
{
    if (got == want)
        return true;
    tally_fail(&run->tally, "%s: %s is %.0f, Espressif's is %.0f", where, what, got, want);
    return false;
}

static const cJSON *item(const cJSON *record, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(record, key);
}

static double number(const cJSON *record, const char *key)
{
    return vector_number(record, key, 0);
}

/* The options of elf2image that have a value; parsed here, because the command line's own parser
 * is tested elsewhere and this program needs only the library. */
static bool take_option(struct ferry_image_build *o, const char *name, const char *value)
{
    static const char *const modes[] = {"qio", "qout", "dio", "dout"};
    char *end;
    const unsigned long n = strtoul(value, &end, 0);
    const unsigned long scale = !strcmp(end, "MB") ? 1u << 20 : !strcmp(end, "KB") ? 1u << 10 : 1;
    if (!strcmp(name, "--flash-mode")) {
        while (o->flash_mode < 4 && strcmp(value, modes[o->flash_mode]) != 0)
            o->flash_mode++;
        return o->flash_mode < 4;
    }
    if (!strcmp(name, "--flash-freq"))
        o->flash_mhz = (uint8_t)n;
    else if (!strcmp(name, "--flash-size"))
        o->flash_mb = (uint8_t)n;
    else if (!strcmp(name, "--min-rev"))
        o->min_rev = (uint8_t)n;
    else if (!strcmp(name, "--min-rev-full"))
        o->min_rev_full = (uint16_t)n;
    else if (!strcmp(name, "--max-rev-full"))
        o->max_rev_full = (uint16_t)n;
    else if (!strcmp(name, "--elf-sha256-offset"))
        o->elf_sha256_off = (uint32_t)n;
    else if (!strcmp(name, "--pad-to-size"))
        o->pad_to_bytes = (uint32_t)(n * scale);
    else if (!strcmp(name, "--flash-mmu-page-size"))
        o->page_bytes = (uint32_t)(n * scale);
    else
        return false;
    return true;
}

static bool take_flag(struct ferry_image_build *o, const char *name)
{
    if (!strcmp(name, "--dont-append-digest"))
        o->no_digest = true;
    else if (!strcmp(name, "--use-segments"))
        o->use_segments = true;
    else if (!strcmp(name, "--ram-only-header"))
        o->ram_only_header = true;
    else if (!strcmp(name, "--secure-pad"))
        o->secure = FERRY_SECURE_PAD_V1;
    else if (!strcmp(name, "--secure-pad-v2"))
        o->secure = FERRY_SECURE_PAD_V2;
    else
        return false;
    return true;
}

static bool take_options(struct ferry_image_build *o, const cJSON *options)
{
    o->max_rev_full = 0xffff;
    for (const cJSON *i = options ? options->child : NULL; i; i = i->next) {
        if (take_flag(o, i->valuestring))
            continue;
        if (!i->next || !take_option(o, i->valuestring, i->next->valuestring))
            return false;
        i = i->next;
    }
    return true;
}

static bool check_bytes(struct run *run, const char *where, const cJSON *record,
                        const struct ferry_built_image *built)
{
    size_t n_want = 0;
    const char *bin = vector_text(record, "bin");
    const uint8_t *want = bin ? vector_set_file(run->set, bin, &n_want) : NULL;
    if (!want) {
        tally_fail(&run->tally, "%s: the image %s is not among the inputs", where, bin ? bin : "?");
        return false;
    }
    if (!same(run, where, "length", (double)built->n_bytes, (double)n_want))
        return false;
    for (size_t i = 0; i < n_want; i++) {
        if (built->bytes[i] != want[i]) {
            tally_fail(&run->tally, "%s: byte 0x%zx is %02x, esptool's is %02x", where, i,
                       built->bytes[i], want[i]);
            return false;
        }
    }
    return true;
}

static void check_build(struct run *run, const char *where, const cJSON *record)
{
    struct ferry_image_build opt = {.chip = ferry_chip_by_name(vector_text(record, "chip"))};
    size_t n_elf = 0;
    const char *name = vector_text(record, "elf");
    const uint8_t *elf = vector_set_file(run->set, name, &n_elf);
    if (!elf || !take_options(&opt, item(record, "options"))) {
        tally_fail(&run->tally, "%s: %s", where,
                   elf ? "an option is unknown" : "the ELF is missing");
        return;
    }
    struct ferry_built_image built;
    const ferry_err err = ferry_image_build(&opt, elf, n_elf, &built);
    const bool wants_image = number(record, "rc") == 0;
    bool ok = !err == wants_image;
    if (!ok)
        tally_fail(&run->tally, "%s: esptool's exit code is %.0f, here %s", where,
                   number(record, "rc"), err ? built.why : "it is built");
    else if (err && !built.why[0] && !built.fault.value)
        tally_fail(&run->tally, "%s: refused without a reason", where);
    else if (err || check_bytes(run, where, record, &built))
        tally_pass(&run->tally);
    free(built.bytes);
}

/* The flash that the image lies in; reads past its end fail, as in the vectors' own. */
static ferry_err flash_read(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    const struct run *run = f->ctx;
    if (!ferry_range_fits(off, len, FLASH_BYTES))
        return FERRY_ERR_FLASH_IO;
    memcpy(dst, run->flash + off, len);
    return FERRY_OK;
}

static const struct ferry_flash_ops flash_ops = {.read = flash_read};

static bool check_segments(struct run *run, const char *where, const cJSON *want,
                           const struct ferry_segment *got, int n_got, double shift)
{
    if (!same(run, where, "number of segments", n_got, cJSON_GetArraySize(want)))
        return false;
    for (int i = 0; i < n_got; i++) {
        const cJSON *w = cJSON_GetArrayItem(want, i);
        if (!same(run, where, "load address", got[i].load_addr,
                  cJSON_GetArrayItem(w, 0)->valuedouble) ||
            !same(run, where, "segment length", got[i].len_bytes,
                  cJSON_GetArrayItem(w, 1)->valuedouble) ||
            !same(run, where, "segment offset", got[i].data_off_bytes + shift,
                  cJSON_GetArrayItem(w, 2)->valuedouble))
            return false;
    }
    return true;
}

static bool check_digest(struct run *run, const char *where, const cJSON *want, const char *key,
                         const struct ferry_image *img)
{
    uint8_t bytes[FERRY_SHA256_BYTES];
    if (!vector_hex(want, key, bytes, sizeof(bytes))) {
        tally_fail(&run->tally, "%s: the vector's digest is no hex", where);
        return false;
    }
    if (memcmp(bytes, img->digest, sizeof(bytes)) == 0)
        return true;
    tally_fail(&run->tally, "%s: another digest", where);
    return false;
}

/* One verdict: the error number, and where it is good what was found out. */
static bool check_verdict(struct run *run, const char *where, const cJSON *want,
                          const struct ferry_image *img, ferry_err err, uint32_t off)
{
    if (!same(run, where, "error", ferry_image_esp_verdict(img, FLASH_BYTES), number(want, "err")))
        return false;
    if (err)
        return true;
    return same(run, where, "length", img->image_bytes, number(want, "image_len")) &&
           (!item(want, "segments") ||
            check_segments(run, where, item(want, "segments"), img->rules->segments,
                           img->n_segments, off)) &&
           (!item(want, "digest") || check_digest(run, where, want, "digest", img));
}

/* False where there is none, or the file ends inside it. */
static bool has_digest(const cJSON *esptool)
{
    const char *hex = vector_text(esptool, "stored_digest");
    return hex && strlen(hex) == 2 * FERRY_SHA256_BYTES;
}

/* What esptool read out of the same bytes. */
static bool check_esptool(struct run *run, const char *where, const cJSON *want,
                          const struct ferry_image *img, uint32_t off)
{
    const struct ferry_image_header *h = &img->header;
    const uint32_t tail = h->hash_appended ? FERRY_SHA256_BYTES : 0;
    const uint32_t sum_at = img->image_bytes - tail - 1;
    return same(run, where, "entry", h->entry_addr, number(want, "entry")) &&
           same(run, where, "chip id", h->chip_id, number(want, "chip_id")) &&
           same(run, where, "min_rev", h->min_rev, number(want, "min_rev")) &&
           same(run, where, "min_rev_full", h->min_rev_full, number(want, "min_rev_full")) &&
           same(run, where, "max_rev_full", h->max_rev_full, number(want, "max_rev_full")) &&
           same(run, where, "append_digest", h->hash_appended,
                cJSON_IsTrue(item(want, "append_digest"))) &&
           check_segments(run, where, item(want, "segments"), img->rules->segments, img->n_segments,
                          -8) &&
           same(run, where, "checksum", run->flash[off + sum_at], number(want, "checksum")) &&
           same(run, where, "computed checksum", img->checksum, number(want, "calc_checksum")) &&
           (!has_digest(want) || check_digest(run, where, want, "stored_digest", img));
}

struct place {
    uint32_t off, size;
};

/* Verifies the image in flash as Espressif's functions did for this record. */
static void check_image(struct run *run, const char *name, const cJSON *record, struct place at)
{
    char where[WHERE_BYTES];
    static uint8_t work[4096];
    struct ferry_segment segments[FERRY_IMAGE_SEGMENTS];
    struct ferry_image img;
    const struct ferry_flash flash = {.ops = &flash_ops,
                                      .ctx = run,
                                      .size_bytes = FLASH_BYTES,
                                      .sector_bytes = 4096,
                                      .block_bytes = 65536,
                                      .prog_bytes = 1};
    const struct ferry_region region = {
        .flash = &flash, .off_bytes = at.off, .size_bytes = at.size};
    struct ferry_image_rules rules = {
        .chip = ferry_chip_by_name(vector_text(record, "chip")),
        .chip_rev = (uint16_t)number(record, "chip_rev"),
        .blk_rev = (uint16_t)number(record, "blk_rev"),
        .ignore_max_rev = number(record, "disable_wafer_major") != 0,
        .base_off_bytes = at.off,
        .max_bytes = at.size,
        .segments = segments,
    };
    snprintf(where, sizeof(where), "%s verify", name);
    ferry_err err = ferry_image_verify(&region, &rules, work, sizeof(work), &img);
    if (check_verdict(run, where, item(record, "idf_verify"), &img, err, at.off))
        tally_pass(&run->tally);
    rules.metadata_only = true;
    snprintf(where, sizeof(where), "%s metadata", name);
    err = ferry_image_verify(&region, &rules, work, sizeof(work), &img);
    if (check_verdict(run, where, item(record, "idf_metadata"), &img, err, at.off))
        tally_pass(&run->tally);
    const cJSON *esptool = item(record, "esptool");
    if (err || !esptool || item(esptool, "error"))
        return;
    snprintf(where, sizeof(where), "%s esptool", name);
    if (check_esptool(run, where, esptool, &img, at.off))
        tally_pass(&run->tally);
}

static bool put_in_flash(struct run *run, uint32_t off, const uint8_t *bytes, size_t n)
{
    memset(run->flash, 0xff, sizeof(run->flash));
    if (n > FLASH_BYTES - off)
        return false;
    memcpy(run->flash + off, bytes, n);
    return true;
}

static void each_elf(void *ctx, const char *file, const cJSON *record)
{
    struct run *run = ctx;
    char where[WHERE_BYTES];
    const cJSON *options = item(record, "options");
    int n = snprintf(where, sizeof(where), "%s: %s", file, vector_text(record, "elf"));
    for (const cJSON *o = options->child; o && n < (int)sizeof(where); o = o->next)
        n += snprintf(where + n, sizeof(where) - (size_t)n, " %s", o->valuestring);
    check_build(run, where, record);
    size_t n_bytes = 0;
    const char *bin = vector_text(record, "bin");
    const uint8_t *bytes = bin ? vector_set_file(run->set, bin, &n_bytes) : NULL;
    if (bytes && put_in_flash(run, PART_OFF, bytes, n_bytes))
        check_image(run, where, record, (struct place){PART_OFF, VERIFY_BYTES});
}

/* Applies what a mutation says to a copy of its base; false if the result is not the vector's. */
static bool mutate(struct run *run, const char *where, const cJSON *record, uint8_t *bytes,
                   size_t *n_bytes)
{
    size_t n = *n_bytes;
    if (item(record, "trunc"))
        n = (size_t)number(record, "trunc");
    if (n > *n_bytes)
        return false;
    size_t n_more = 0;
    uint8_t *more =
        item(record, "append") ? vector_unhex(vector_text(record, "append"), &n_more) : NULL;
    if (n_more > MOST_BYTES - n)
        return false;
    if (more)
        memcpy(bytes + n, more, n_more);
    free(more);
    n += n_more;
    for (const cJSON *p = item(record, "patch")->child; p; p = p->next) {
        size_t n_patch = 0;
        const size_t off = (size_t)cJSON_GetArrayItem(p, 0)->valuedouble;
        uint8_t *patch = vector_unhex(cJSON_GetArrayItem(p, 1)->valuestring, &n_patch);
        if (patch && n_patch <= MOST_BYTES - off && off <= n)
            memcpy(bytes + off, patch, n_patch);
        free(patch);
    }
    uint8_t want[FERRY_SHA256_BYTES];
    uint8_t got[FERRY_SHA256_BYTES];
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, bytes, n);
    ferry_sha256_finish(&h, got);
    *n_bytes = n;
    if (vector_hex(record, "sha256", want, sizeof(want)) && !memcmp(want, got, sizeof(got)))
        return true;
    tally_fail(&run->tally, "%s: the mutation gives other bytes than the vector's", where);
    return false;
}

static void each_mutation(void *ctx, const char *file, const cJSON *record)
{
    struct run *run = ctx;
    static uint8_t bytes[MOST_BYTES];
    char where[WHERE_BYTES];
    size_t n_bytes = 0;
    const struct place at = {(uint32_t)number(record, "part_off"),
                             (uint32_t)number(record, "part_size")};
    const uint8_t *base = vector_set_file(run->set, vector_text(record, "base"), &n_bytes);
    snprintf(where, sizeof(where), "%s: %s %s rev %.0f at 0x%x", file, vector_text(record, "base"),
             vector_text(record, "name"), number(record, "chip_rev"), at.off);
    if (!base || n_bytes > MOST_BYTES) {
        tally_fail(&run->tally, "%s: the base is not among the inputs", where);
        return;
    }
    memcpy(bytes, base, n_bytes);
    if (mutate(run, where, record, bytes, &n_bytes) && put_in_flash(run, at.off, bytes, n_bytes))
        check_image(run, where, record, at);
}

int main(int argc, char **argv)
{
    static struct run run;
    run.set = vector_set_open(argc - 1, argv + 1);
    if (!run.set)
        return 1;
    const long n_elf = vector_set_records(run.set, "E_elf2image", each_elf, &run);
    const long n_mutations = vector_set_records(run.set, "E_mutations", each_mutation, &run);
    if (n_elf == 0 && n_mutations == 0)
        fprintf(stderr, "no records of E_elf2image or E_mutations among the inputs\n");
    vector_set_close(run.set);
    const int rc = tally_end(&run.tally);
    return n_elf >= 0 && n_mutations >= 0 && n_elf + n_mutations > 0 ? rc : 1;
}
