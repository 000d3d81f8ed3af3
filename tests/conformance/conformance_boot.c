/* conformance_boot - holds core/boot against what Espressif's bootloader did, case by case.
 * Vectors A_boot_*: start, images tried, image booted, the entries afterwards, every flash
 * operation on otadata in order, the eFuse, and the small functions below the decision. usage:
 * conformance_boot FILE|FOLDER... */
#include "ferry/boot.h"

#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTADATA_OFF   0x10000u
#define OTADATA_BYTES 0x8000u
#define FIRST_APP_OFF 0x20000u
#define APP_BYTES     0x10000u
#define MOST_OPS      32

/* What the vectors call an index: ota_i, 16 factory, 17 test. */
static int bit_of(int slot)
{
    if (slot == FERRY_SLOT_FACTORY)
        return 16;
    return slot == FERRY_SLOT_TEST ? 17 : slot;
}

struct otadata_flash {
    struct ferry_flash flash;
    uint8_t bytes[OTADATA_BYTES];
    char ops[MOST_OPS][24];
    int n_ops;
    uint32_t erase_end; // end of the erase that ops[n_ops - 1] is, or 0
    uint32_t erase_start;
};

static ferry_err flash_read(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    const struct otadata_flash *m = f->ctx;
    if (off < OTADATA_OFF || off - OTADATA_OFF > OTADATA_BYTES - len)
        return FERRY_ERR_FLASH_RANGE;
    memcpy(dst, m->bytes + (off - OTADATA_OFF), len);
    return FERRY_OK;
}

static char *next_op(struct otadata_flash *m)
{
    if (m->n_ops == MOST_OPS) {
        fprintf(stderr, "more than %d flash operations\n", MOST_OPS);
        exit(1);
    }
    return m->ops[m->n_ops++];
}

static ferry_err flash_prog(const struct ferry_flash *f, uint32_t off, const void *src,
                            uint32_t len)
{
    struct otadata_flash *m = f->ctx;
    const uint8_t *p = src;
    const uint32_t at = off - OTADATA_OFF;
    for (uint32_t i = 0; i < len; i++)
        m->bytes[at + i] &= p[i];
    snprintf(next_op(m), sizeof(m->ops[0]), "W%u:%x", at / 0x1000, len);
    m->erase_end = 0;
    return FERRY_OK;
}

/* Espressif's factory reset erases the partition in one call; the core's region does the same by
 * sectors. Neighbours are joined, because that call is what the vectors count. */
static ferry_err flash_erase(const struct ferry_flash *f, uint32_t off, uint32_t len)
{
    struct otadata_flash *m = f->ctx;
    const uint32_t at = off - OTADATA_OFF;
    memset(m->bytes + at, 0xff, len);
    if (m->erase_end && at == m->erase_end)
        m->n_ops--;
    else
        m->erase_start = at;
    m->erase_end = at + len;
    snprintf(next_op(m), sizeof(m->ops[0]), "E%u:%x", m->erase_start / 0x1000,
             m->erase_end - m->erase_start);
    return FERRY_OK;
}

static ferry_err flash_sync(const struct ferry_flash *f)
{
    (void)f;
    return FERRY_OK;
}

static const struct ferry_flash_ops flash_ops = {flash_read, flash_prog, flash_erase, flash_sync};

struct boot_case {
    struct ferry_policy policy;
    uint32_t ok_mask;
    int32_t secure_versions[18];
};

static ferry_err load(void *ctx, struct ferry_device *d, int slot)
{
    const struct boot_case *c = ctx;
    (void)d;
    return c->ok_mask >> bit_of(slot) & 1 ? FERRY_OK : FERRY_ERR_IMAGE_HASH;
}

/* The real loader looks at the descriptor once more after verifying. */
static ferry_err secure_version(void *ctx, int slot, uint32_t *out)
{
    const struct boot_case *c = ctx;
    const int32_t v = c->secure_versions[bit_of(slot)];
    if (v < 0)
        return FERRY_ERR_IMAGE_NO_DESC;
    *out = (uint32_t)v;
    return FERRY_OK;
}

static ferry_err raise_secure_version(void *ctx, uint32_t version)
{
    struct boot_case *c = ctx;
    const uint32_t most = 16; // width of the ESP32-C3's eFuse field
    if (version > most)
        return FERRY_ERR_RANGE;
    c->policy.secure_version = version;
    return FERRY_OK;
}

static int number(const cJSON *record, const char *key)
{
    return (int)vector_number(record, key, 0);
}

static void lay_out(struct ferry_device *d, const cJSON *record)
{
    const unsigned mask = (unsigned)number(record, "ota_mask");
    uint32_t off = FIRST_APP_OFF;
    const uint32_t otadata_bytes = (uint32_t)number(record, "otadata_size");
    if (otadata_bytes)
        d->otadata = (struct ferry_span){OTADATA_OFF, otadata_bytes};
    if (number(record, "factory"))
        d->factory = (struct ferry_span){off, APP_BYTES};
    off += APP_BYTES;
    if (number(record, "test"))
        d->test = (struct ferry_span){off, APP_BYTES};
    for (unsigned i = 0; i < FERRY_SLOTS_MAX; i++) {
        off += APP_BYTES;
        if (mask >> i & 1) {
            d->slots[i] = (struct ferry_span){off, APP_BYTES};
            d->n_slot_rows++;
        }
    }
    d->table.off_bytes = FERRY_TABLE_OFF_DEFAULT;
}

static bool same_int(struct tally *t, const char *where, const char *what, int got, int want)
{
    if (got == want)
        return true;
    tally_fail(t, "%s: %s is %d, Espressif's is %d", where, what, got, want);
    return false;
}

static bool check_functions(struct tally *t, const char *where, const cJSON *record,
                            const uint8_t *before)
{
    struct ferry_otadata e[2];
    bool valid[2];
    for (int i = 0; i < 2; i++) {
        ferry_otadata_decode(before + 32 * i, &e[i]);
        valid[i] = ferry_otadata_is_valid(&e[i]);
        const cJSON *out = cJSON_GetObjectItemCaseSensitive(record, "invalid");
        const cJSON *ok = cJSON_GetObjectItemCaseSensitive(record, "valid");
        if (!same_int(t, where, "select_invalid", ferry_otadata_is_out(&e[i]),
                      cJSON_GetArrayItem(out, i)->valueint) ||
            !same_int(t, where, "select_valid", valid[i], cJSON_GetArrayItem(ok, i)->valueint))
            return false;
    }
    return same_int(t, where, "active", ferry_otadata_active(e), number(record, "active")) &&
           same_int(t, where, "select_min", ferry_otadata_pick(e, valid, false),
                    number(record, "select_min"));
}

static bool check_tried(struct tally *t, const char *where, const cJSON *record,
                        const struct ferry_boot_report *rep)
{
    const cJSON *tried = cJSON_GetObjectItemCaseSensitive(record, "tried");
    if (!same_int(t, where, "number of images tried", rep->n_tried, cJSON_GetArraySize(tried)))
        return false;
    for (int i = 0; i < rep->n_tried; i++) {
        if (!same_int(t, where, "image tried", rep->tried[i],
                      cJSON_GetArrayItem(tried, i)->valueint))
            return false;
    }
    return true;
}

static bool check_ops(struct tally *t, const char *where, const cJSON *record,
                      const struct otadata_flash *m)
{
    const cJSON *ops = cJSON_GetObjectItemCaseSensitive(record, "ops");
    if (!same_int(t, where, "number of flash operations", m->n_ops, cJSON_GetArraySize(ops)))
        return false;
    for (int i = 0; i < m->n_ops; i++) {
        const char *want = cJSON_GetStringValue(cJSON_GetArrayItem(ops, i));
        if (!want || strcmp(m->ops[i], want) != 0) {
            tally_fail(t, "%s: flash operation %d is %s, Espressif's is %s", where, i, m->ops[i],
                       want ? want : "?");
            return false;
        }
    }
    return true;
}

static bool check_after(struct tally *t, const char *where, const cJSON *record,
                        const struct otadata_flash *m)
{
    uint8_t want[64];
    if (!vector_hex(record, "after", want, sizeof(want))) {
        tally_fail(t, "%s: record has no entries afterwards", where);
        return false;
    }
    if (memcmp(m->bytes, want, 32) != 0 || memcmp(m->bytes + 0x1000, want + 32, 32) != 0) {
        tally_fail(t, "%s: otadata afterwards differs", where);
        return false;
    }
    return true;
}

static bool read_versions(struct boot_case *c, const cJSON *record)
{
    const cJSON *sv = cJSON_GetObjectItemCaseSensitive(record, "sv");
    for (int i = 0; i < 18; i++) {
        const cJSON *v = cJSON_GetArrayItem(sv, i);
        if (!cJSON_IsNumber(v))
            return false;
        c->secure_versions[i] = v->valueint;
    }
    return true;
}

static bool read_policy(struct boot_case *c, const cJSON *record)
{
    const char *cfg = vector_text(record, "cfg");
    if (!cfg)
        return false;
    c->policy.anti_rollback = strcmp(cfg, "arb") == 0;
    c->policy.rollback = c->policy.anti_rollback || strcmp(cfg, "rb") == 0;
    c->policy.secure_version = (uint32_t)number(record, "efuse_sv");
    c->ok_mask = (uint32_t)number(record, "ok_mask");
    return !c->policy.anti_rollback || read_versions(c, record);
}

static void run_case(struct tally *t, const char *where, const cJSON *record)
{
    static struct otadata_flash m;
    static const enum ferry_boot_hold holds[] = {FERRY_HOLD_NONE, FERRY_HOLD_TEST_APP,
                                                 FERRY_HOLD_FACTORY_RESET};
    uint8_t before[64];
    struct boot_case c = {0};
    const int force = number(record, "force");
    if (!vector_hex(record, "otadata", before, sizeof(before)) || !read_policy(&c, record) ||
        force < 0 || force > 2) {
        tally_fail(t, "%s: record is not a boot case", where);
        return;
    }
    m.flash = (struct ferry_flash){&flash_ops, &m, 0x400000, 0x1000, 0x10000, 1};
    m.n_ops = 0;
    m.erase_end = 0;
    memset(m.bytes, 0xff, sizeof(m.bytes));
    memcpy(m.bytes, before, 32);
    memcpy(m.bytes + 0x1000, before + 32, 32);
    struct ferry_device d = {.flash = &m.flash, .policy = &c.policy};
    lay_out(&d, record);
    const struct ferry_boot_hooks hooks = {.load = load,
                                           .secure_version = secure_version,
                                           .raise_secure_version = raise_secure_version,
                                           .ctx = &c};
    struct ferry_boot_report rep;
    const ferry_err err = ferry_boot_run(&d, holds[force], &hooks, &rep);
    const cJSON *booted = cJSON_GetObjectItemCaseSensitive(record, "booted");
    const int want = cJSON_IsNumber(booted) ? booted->valueint : FERRY_SLOT_NONE;
    if (same_int(t, where, "selected", rep.selected, number(record, "sel")) &&
        check_tried(t, where, record, &rep) && same_int(t, where, "booted", rep.booted, want) &&
        same_int(t, where, "success", err == FERRY_OK, want != FERRY_SLOT_NONE) &&
        check_after(t, where, record, &m) && check_ops(t, where, record, &m) &&
        check_functions(t, where, record, before) &&
        (!c.policy.anti_rollback ||
         same_int(t, where, "eFuse", (int)c.policy.secure_version, number(record, "efuse_after"))))
        tally_pass(t);
}

static void each(void *ctx, const char *file, const cJSON *record)
{
    char where[256];
    snprintf(where, sizeof(where), "%s case %d", file, number(record, "id"));
    run_case(ctx, where, record);
}

int main(int argc, char **argv)
{
    struct tally t = {0};
    struct vector_set *set = vector_set_open(argc - 1, argv + 1);
    if (!set)
        return 1;
    const long n = vector_set_records(set, "A_boot_", each, &t);
    if (n == 0)
        fprintf(stderr, "no records of A_boot_* among the inputs\n");
    vector_set_close(set);
    const int rc = tally_end(&t);
    return n > 0 ? rc : 1;
}
