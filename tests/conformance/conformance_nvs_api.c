/* conformance_nvs_api - holds compat/esp-idf's nvs.h against what Espressif's nvs_flash answered.
 * Vectors D_ops: error numbers, values, statistics and listings of every step, through the C API.
 * The bytes in flash are conformance_nvs's concern. usage: conformance_nvs_api FILE|FOLDER... */
#include "ferry/crc32.h"
#include "ferry/partition.h"

#include "ferry_compat.h"
#include "nvs_flash.h"
#include "sim_flash.h"
#include "vectors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NVS_OFF     0x9000u
#define APP_OFF     0x100000u
#define FLASH_BYTES 0x200000u
#define NAMESPACES  300
#define VALUE_MOST  0x100000u

static const struct {
    const char *name;
    nvs_type_t type;
} types[] = {{"u8", NVS_TYPE_U8},    {"i8", NVS_TYPE_I8},   {"u16", NVS_TYPE_U16},
             {"i16", NVS_TYPE_I16},  {"u32", NVS_TYPE_U32}, {"i32", NVS_TYPE_I32},
             {"u64", NVS_TYPE_U64},  {"i64", NVS_TYPE_I64}, {"str", NVS_TYPE_STR},
             {"blob", NVS_TYPE_BLOB}};

struct rig {
    struct tally tally;
    struct sim_flash sim;
    struct ferry_policy policy;
    struct {
        char name[32];
        nvs_handle_t handle;
    } open[NAMESPACES]; // one handle for each namespace, from its first use on
    int n_open;
    const char *where;
    const char *op;
};

static uint8_t value[VALUE_MOST];

static bool same_number(struct rig *r, const char *what, int64_t got, int64_t want)
{
    if (got == want)
        return true;
    tally_fail(&r->tally, "%s: %s: %s is %" PRId64 ", Espressif's is %" PRId64, r->where, r->op,
               what, got, want);
    return false;
}

static nvs_type_t type_of(const char *name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (!strcmp(types[i].name, name))
            return types[i].type;
    }
    fprintf(stderr, "the vectors have a type that is not known: %s\n", name);
    exit(1);
}

static const char *type_name(nvs_type_t type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].type == type)
            return types[i].name;
    }
    return "?";
}

/* pat:A:N and txt:A:N of the vectors, into value. Text gets its NUL. */
static size_t make_value(const char *text)
{
    unsigned a = 0;
    size_t n = 0;
    const bool is_text = !strncmp(text, "txt:", 4);
    if (sscanf(text + 4, "%u:%zu", &a, &n) != 2 || n >= VALUE_MOST) {
        fprintf(stderr, "the vectors have a value that is not known: %s\n", text);
        exit(1);
    }
    for (size_t i = 0; i < n; i++)
        value[i] =
            is_text ? (uint8_t)('a' + (a + 7 * i + i / 26) % 26) : (uint8_t)(a + i * (2 * a + 1));
    value[n] = 0;
    return n;
}

/* The namespace's handle; opened if it is not. */
static esp_err_t handle_of(struct rig *r, const char *ns, nvs_handle_t *out)
{
    for (int i = 0; i < r->n_open; i++) {
        if (!strcmp(r->open[i].name, ns)) {
            *out = r->open[i].handle;
            return ESP_OK;
        }
    }
    const esp_err_t err = nvs_open(ns, NVS_READWRITE, out);
    if (!err && r->n_open < NAMESPACES) {
        snprintf(r->open[r->n_open].name, sizeof(r->open[0].name), "%s", ns);
        r->open[r->n_open++].handle = *out;
    }
    return err;
}

static esp_err_t set(nvs_handle_t h, const char *key, nvs_type_t type, const char *text)
{
    const int64_t i = type & 0x10 ? strtoll(text, NULL, 10) : 0;
    const uint64_t u = type & 0x10 ? 0 : strtoull(text, NULL, 10);
    switch (type) {
    case NVS_TYPE_U8:
        return nvs_set_u8(h, key, (uint8_t)u);
    case NVS_TYPE_I8:
        return nvs_set_i8(h, key, (int8_t)i);
    case NVS_TYPE_U16:
        return nvs_set_u16(h, key, (uint16_t)u);
    case NVS_TYPE_I16:
        return nvs_set_i16(h, key, (int16_t)i);
    case NVS_TYPE_U32:
        return nvs_set_u32(h, key, (uint32_t)u);
    case NVS_TYPE_I32:
        return nvs_set_i32(h, key, (int32_t)i);
    case NVS_TYPE_U64:
        return nvs_set_u64(h, key, u);
    case NVS_TYPE_I64:
        return nvs_set_i64(h, key, i);
    case NVS_TYPE_STR:
        make_value(text);
        return nvs_set_str(h, key, (const char *)value);
    default:
        return nvs_set_blob(h, key, value, make_value(text));
    }
}

/* A number as decimal text. */
#define GET(suffix, c_type, format)                                                                \
    {                                                                                              \
        c_type v = 0;                                                                              \
        const esp_err_t err = nvs_get_##suffix(h, key, &v);                                        \
        snprintf(text, 32, "%" format, v);                                                         \
        return err;                                                                                \
    }

static esp_err_t get_number(nvs_handle_t h, const char *key, nvs_type_t type, char text[32])
{
    switch (type) {
    case NVS_TYPE_U8:
        GET(u8, uint8_t, PRIu8)
    case NVS_TYPE_I8:
        GET(i8, int8_t, PRId8)
    case NVS_TYPE_U16:
        GET(u16, uint16_t, PRIu16)
    case NVS_TYPE_I16:
        GET(i16, int16_t, PRId16)
    case NVS_TYPE_U32:
        GET(u32, uint32_t, PRIu32)
    case NVS_TYPE_I32:
        GET(i32, int32_t, PRId32)
    case NVS_TYPE_U64:
        GET(u64, uint64_t, PRIu64)
    default:
        GET(i64, int64_t, PRId64)
    }
}

static esp_err_t get_bytes(nvs_handle_t h, const char *key, nvs_type_t type, size_t *n)
{
    const bool is_text = type == NVS_TYPE_STR;
    *n = 0;
    const esp_err_t err = is_text ? nvs_get_str(h, key, NULL, n) : nvs_get_blob(h, key, NULL, n);
    if (err || *n > VALUE_MOST)
        return err ? err : ESP_ERR_NVS_VALUE_TOO_LONG;
    return is_text ? nvs_get_str(h, key, (char *)value, n) : nvs_get_blob(h, key, value, n);
}

/* Gets a key and compares error and value with the vector's. */
static bool check_value(struct rig *r, nvs_handle_t h, const char *key, nvs_type_t type,
                        const cJSON *want)
{
    char text[32] = "";
    size_t n = 0;
    const bool is_number = type != NVS_TYPE_STR && type != NVS_TYPE_BLOB;
    const esp_err_t err = is_number ? get_number(h, key, type, text) : get_bytes(h, key, type, &n);
    if (!same_number(r, "err", err, (int64_t)vector_number(want, "err", 0)))
        return false;
    if (err)
        return true;
    const char *decimal = vector_text(want, "value");
    if (is_number)
        return (decimal && !strcmp(decimal, text)) ||
               same_number(r, text, 0, decimal ? strtoll(decimal, NULL, 10) : -1);
    const char *crc = vector_text(want, "crc32");
    return same_number(r, "len", (int64_t)n, (int64_t)vector_number(want, "len", -1)) &&
           same_number(r, "crc32", ferry_crc32(0, value, n), crc ? strtoll(crc, NULL, 16) : -1);
}

static bool check_stats(struct rig *r, const cJSON *want, const char *err_key)
{
    nvs_stats_t s;
    return same_number(r, err_key, nvs_get_stats(NULL, &s),
                       (int64_t)vector_number(want, err_key, -1)) &&
           same_number(r, "used", (int64_t)s.used_entries,
                       (int64_t)vector_number(want, "used", -1)) &&
           same_number(r, "free", (int64_t)s.free_entries,
                       (int64_t)vector_number(want, "free", -1)) &&
           same_number(r, "available", (int64_t)s.available_entries,
                       (int64_t)vector_number(want, "available", -1)) &&
           same_number(r, "total", (int64_t)s.total_entries,
                       (int64_t)vector_number(want, "total", -1)) &&
           same_number(r, "namespaces", (int64_t)s.namespace_count,
                       (int64_t)vector_number(want, "namespaces", -1));
}

static bool check_entry(struct rig *r, nvs_iterator_t it, const cJSON *want)
{
    nvs_entry_info_t info;
    nvs_handle_t h = 0;
    if (!same_number(r, "info", nvs_entry_info(it, &info), 0))
        return false;
    if (strcmp(info.namespace_name, vector_text(want, "ns")) != 0 ||
        strcmp(info.key, vector_text(want, "key")) != 0 ||
        strcmp(type_name(info.type), vector_text(want, "type")) != 0) {
        tally_fail(&r->tally, "%s: %s: lists %s %s %s, Espressif's %s %s %s", r->where, r->op,
                   info.namespace_name, info.key, type_name(info.type), vector_text(want, "ns"),
                   vector_text(want, "key"), vector_text(want, "type"));
        return false;
    }
    return same_number(r, "open", nvs_open(info.namespace_name, NVS_READONLY, &h), 0) &&
           check_value(r, h, info.key, info.type, want);
}

static bool check_dump(struct rig *r, const cJSON *want)
{
    nvs_iterator_t it = NULL;
    esp_err_t err = nvs_entry_find(NVS_DEFAULT_PART_NAME, NULL, NVS_TYPE_ANY, &it);
    const cJSON *entry;
    bool ok = same_number(r, "find", err, (int64_t)vector_number(want, "find", 0));
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(want, "entries"))
    {
        if (!ok)
            break;
        ok = same_number(r, "iterator", err, ESP_OK) && check_entry(r, it, entry);
        if (ok)
            err = nvs_entry_next(&it);
    }
    ok = ok && same_number(r, "end of the list", err, ESP_ERR_NVS_NOT_FOUND);
    nvs_release_iterator(it);
    return ok && check_stats(r, want, "stats_err");
}

/* The operations on a key or namespace, once its handle is open. */
static bool check_in(struct rig *r, nvs_handle_t h, const char *const w[5], const cJSON *want)
{
    esp_err_t err;
    size_t used = 0;
    nvs_type_t type = NVS_TYPE_ANY;
    if (!strcmp(w[0], "get"))
        return check_value(r, h, w[2], type_of(w[3]), want);
    if (!strcmp(w[0], "set")) {
        err = set(h, w[2], type_of(w[3]), w[4]);
    } else if (!strcmp(w[0], "erase")) {
        err = nvs_erase_key(h, w[2]);
    } else if (!strcmp(w[0], "erase_all")) {
        err = nvs_erase_all(h);
    } else if (!strcmp(w[0], "commit")) {
        err = nvs_commit(h);
    } else if (!strcmp(w[0], "used")) {
        err = nvs_get_used_entry_count(h, &used);
        if (!same_number(r, "used", (int64_t)used, (int64_t)vector_number(want, "used", -1)))
            return false;
    } else if (!strcmp(w[0], "find")) {
        err = nvs_find_key(h, w[2], &type);
        const char *name = vector_text(want, "type");
        if (name && strcmp(name, type_name(type)) != 0)
            return same_number(r, "type", type, type_of(name));
    } else {
        fprintf(stderr, "the vectors have an operation that is not known: %s\n", w[0]);
        exit(1);
    }
    return same_number(r, "err", err, (int64_t)vector_number(want, "err", 0));
}

static bool check_step(struct rig *r, const cJSON *step)
{
    char line[256];
    const char *w[5] = {"", "", "", "", ""};
    const cJSON *want = cJSON_GetArrayItem(step, 1);
    r->op = cJSON_GetArrayItem(step, 0)->valuestring;
    snprintf(line, sizeof(line), "%s", r->op);
    char *rest = line;
    for (int i = 0; i < 5 && rest; i++)
        w[i] = strsep(&rest, " ");
    nvs_handle_t h = 0;
    if (!strcmp(w[0], "init"))
        return same_number(r, "err", nvs_flash_init(), (int64_t)vector_number(want, "err", 0));
    if (!strcmp(w[0], "deinit")) {
        r->n_open = 0;
        return same_number(r, "err", nvs_flash_deinit(), (int64_t)vector_number(want, "err", 0));
    }
    if (!strcmp(w[0], "dump"))
        return check_dump(r, want);
    if (!strcmp(w[0], "stats"))
        return check_stats(r, want, "err");
    if (!strcmp(w[0], "openro"))
        return same_number(r, "err", nvs_open(w[1], NVS_READONLY, &h),
                           (int64_t)vector_number(want, "err", 0));
    const esp_err_t err = handle_of(r, w[1], &h);
    if (err || cJSON_HasObjectItem(want, "open_err"))
        return same_number(r, "open", err, (int64_t)vector_number(want, "open_err", 0));
    return check_in(r, h, w, want);
}

static void start_chip(struct rig *r, uint32_t pages)
{
    const struct ferry_partition rows[] = {
        {.off_bytes = NVS_OFF, .size_bytes = pages * 4096, .type = 1, .subtype = 2, .label = "nvs"},
        {.off_bytes = APP_OFF, .size_bytes = 0x10000, .type = 0, .subtype = 0, .label = "factory"}};
    uint8_t table[FERRY_TABLE_BYTES];
    struct ferry_fault fault;
    sim_flash_init(&r->sim, FLASH_BYTES, 1);
    if (ferry_table_encode(rows, 2, true, table, &fault))
        exit(1);
    sim_flash_poke(&r->sim, FERRY_TABLE_OFF_DEFAULT, table, sizeof(table));
    const struct ferry_compat_chip chip = {.flash = &r->sim.flash,
                                           .policy = &r->policy,
                                           .table_off_bytes = FERRY_TABLE_OFF_DEFAULT,
                                           .running = FERRY_SLOT_FACTORY};
    if (ferry_compat_start(&chip)) {
        fprintf(stderr, "%s: the chip does not start\n", r->where);
        exit(1);
    }
}

static void each(void *ctx, const char *file, const cJSON *record)
{
    struct rig *r = ctx;
    char where[96];
    snprintf(where, sizeof(where), "%s %d", file, (int)vector_number(record, "id", -1));
    r->where = where;
    r->n_open = 0;
    start_chip(r, (uint32_t)vector_number(record, "pages", 0));
    const cJSON *step;
    bool ok = true;
    cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(record, "steps"))
    {
        ok = ok && check_step(r, step);
    }
    if (ok)
        tally_pass(&r->tally);
    ferry_compat_stop();
    sim_flash_free(&r->sim);
}

int main(int argc, char **argv)
{
    static struct rig r;
    struct vector_set *set = vector_set_open(argc - 1, argv + 1);
    if (!set)
        return 1;
    const long n = vector_set_records(set, "D_ops", each, &r);
    if (n == 0)
        fprintf(stderr, "no D_ops among the inputs\n");
    vector_set_close(set);
    const int code = tally_end(&r.tally);
    return n > 0 ? code : 1;
}
