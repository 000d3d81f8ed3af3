/* tests/support/nvs_machine.c - see the header. */
#include "nvs_machine.h"

#include "ferry/crc32.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_BYTES (NVS_MACHINE_PAGES * 4096u)

static const struct {
    const char *name;
    enum ferry_nvs_type type;
} types[] = {{"u8", FERRY_NVS_U8},      {"i8", FERRY_NVS_I8},     {"u16", FERRY_NVS_U16},
             {"i16", FERRY_NVS_I16},    {"u32", FERRY_NVS_U32},   {"i32", FERRY_NVS_I32},
             {"u64", FERRY_NVS_U64},    {"i64", FERRY_NVS_I64},   {"float", FERRY_NVS_FLOAT},
             {"str", FERRY_NVS_STRING}, {"blob", FERRY_NVS_BLOB}, {"double", FERRY_NVS_DOUBLE}};

static ferry_err flash_read(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    const struct nvs_machine *m = f->ctx;
    memcpy(dst, m->bytes + off, len);
    return FERRY_OK;
}

static ferry_err flash_prog(const struct ferry_flash *f, uint32_t off, const void *src,
                            uint32_t len)
{
    struct nvs_machine *m = f->ctx;
    const uint8_t *p = src;
    for (uint32_t i = 0; i < len; i++)
        m->bytes[off + i] &= p[i];
    m->n_ops++;
    return FERRY_OK;
}

static ferry_err flash_erase(const struct ferry_flash *f, uint32_t off, uint32_t len)
{
    struct nvs_machine *m = f->ctx;
    memset(m->bytes + off, 0xff, len);
    m->n_ops++;
    return FERRY_OK;
}

static ferry_err flash_sync(const struct ferry_flash *f)
{
    (void)f;
    return FERRY_OK;
}

static const struct ferry_flash_ops flash_ops = {flash_read, flash_prog, flash_erase, flash_sync};

void nvs_machine_reset(struct nvs_machine *m, uint32_t n_pages, const uint8_t *image)
{
    memset(m, 0, sizeof(*m));
    if (n_pages > NVS_MACHINE_PAGES) {
        fprintf(stderr, "%u pages are more than this machine has\n", n_pages);
        exit(1);
    }
    m->n_pages = n_pages;
    m->flash = (struct ferry_flash){.ops = &flash_ops,
                                    .ctx = m,
                                    .size_bytes = n_pages * FERRY_NVS_PAGE_BYTES,
                                    .sector_bytes = FERRY_NVS_PAGE_BYTES,
                                    .block_bytes = FERRY_NVS_PAGE_BYTES,
                                    .prog_bytes = 1};
    if (image)
        memcpy(m->bytes, image, m->flash.size_bytes);
    else
        memset(m->bytes, 0xff, m->flash.size_bytes);
}

uint32_t nvs_machine_crc(const struct nvs_machine *m)
{
    return ferry_crc32(0, m->bytes, m->flash.size_bytes);
}

/* Espressif's number for what ferry answers. Their getters say "not found" for much. */
static int number_of(ferry_err err, bool writing)
{
    switch (err) {
    case FERRY_OK:
        return 0;
    case FERRY_ERR_STATE:
        return 0x1101;
    case FERRY_ERR_NVS_KEY:
    case FERRY_ERR_NVS_TYPE:
    case FERRY_ERR_NVS_DATA:
    case FERRY_ERR_NVS_NAMESPACE:
        return 0x1102;
    case FERRY_ERR_NVS_FULL:
    case FERRY_ERR_NVS_NAMESPACES:
        return 0x1105;
    case FERRY_ERR_NVS_KEY_LENGTH:
        return writing ? 0x1109 : 0x1102;
    case FERRY_ERR_NVS_PAGES:
    case FERRY_ERR_NVS_NO_FREE:
        return 0x110d;
    case FERRY_ERR_NVS_VALUE_LENGTH:
        return 0x110e;
    case FERRY_ERR_NVS_VERSION:
        return 0x1110;
    default:
        return (int)err;
    }
}

static void put_hex(cJSON *out, const char *key, uint32_t n)
{
    char text[16];
    snprintf(text, sizeof(text), "%08" PRIx32, n);
    cJSON_AddStringToObject(out, key, text);
}

static void put_bytes(cJSON *out, const uint8_t *bytes, uint32_t n)
{
    char hex[2 * 64 + 1] = "";
    cJSON_AddNumberToObject(out, "len", n);
    put_hex(out, "crc32", ferry_crc32(0, bytes, n));
    if (n > 64)
        return;
    for (uint32_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    cJSON_AddStringToObject(out, "hex", hex);
}

static enum ferry_nvs_type type_of(const char *name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    }
    fprintf(stderr, "no such type: %s\n", name);
    exit(1);
}

static const char *name_of(uint32_t type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if ((uint32_t)types[i].type == type)
            return types[i].name;
    }
    return "?";
}

/* The bytes that "pat:A:N" and "txt:A:N" stand for. */
static uint8_t *value_of(const char *text, uint32_t *n)
{
    unsigned a, size;
    if (sscanf(text + 3, ":%u:%u", &a, &size) != 2) {
        fprintf(stderr, "no such value: %s\n", text);
        exit(1);
    }
    uint8_t *bytes = calloc(1, size + 1);
    for (unsigned i = 0; bytes && i < size; i++)
        bytes[i] =
            (uint8_t)(text[0] == 'p' ? a + i * (2 * a + 1) : 'a' + (a + 7 * i + i / 26) % 26);
    *n = size;
    return bytes;
}

static ferry_err set(struct nvs_machine *m, uint8_t ns, const char *key, const char *type_name,
                     const char *text)
{
    const enum ferry_nvs_type type = type_of(type_name);
    if (ferry_nvs_type_is_number(type)) {
        const uint64_t bits =
            *text == '-' ? (uint64_t)strtoll(text, NULL, 10) : strtoull(text, NULL, 10);
        return ferry_nvs_set_number(&m->nvs, ns, key, type, bits);
    }
    uint32_t n = 0;
    uint8_t *bytes = value_of(text, &n);
    const ferry_err err = type == FERRY_NVS_BLOB
                              ? ferry_nvs_set_blob(&m->nvs, ns, key, bytes, n)
                              : ferry_nvs_set_string(&m->nvs, ns, key, (const char *)bytes);
    free(bytes);
    return err;
}

static ferry_err get(struct nvs_machine *m, uint8_t ns, const char *key, enum ferry_nvs_type type,
                     cJSON *out)
{
    static uint8_t bytes[VALUE_BYTES];
    uint32_t n = sizeof(bytes);
    uint64_t bits = 0;
    ferry_err err;
    if (ferry_nvs_type_is_number(type)) {
        char text[32];
        err = ferry_nvs_get_number(&m->nvs, ns, key, type, &bits);
        snprintf(text, sizeof(text), (type & 0xf0) == 0x10 ? "%" PRId64 : "%" PRIu64, bits);
        if (!err)
            cJSON_AddStringToObject(out, "value", text);
        return err;
    }
    err = type == FERRY_NVS_BLOB ? ferry_nvs_get_blob(&m->nvs, ns, key, bytes, &n)
                                 : ferry_nvs_get_string(&m->nvs, ns, key, (char *)bytes, &n);
    if (!err)
        put_bytes(out, bytes, n);
    return err;
}

static int put_stats(struct nvs_machine *m, cJSON *out)
{
    struct ferry_nvs_stats st = {0};
    const ferry_err err = m->is_open ? ferry_nvs_stats(&m->nvs, &st) : FERRY_ERR_STATE;
    cJSON_AddNumberToObject(out, "used", st.n_used);
    cJSON_AddNumberToObject(out, "free", st.n_free);
    cJSON_AddNumberToObject(out, "available", st.n_available);
    cJSON_AddNumberToObject(out, "total", st.n_total);
    cJSON_AddNumberToObject(out, "namespaces", st.n_namespaces);
    return number_of(err, false);
}

cJSON *nvs_machine_dump(struct nvs_machine *m)
{
    cJSON *out = cJSON_CreateObject(), *list = cJSON_CreateArray();
    struct ferry_nvs_iter it = {0};
    struct ferry_nvs_info info;
    ferry_err err = FERRY_ERR_NOT_FOUND;
    while (m->is_open && (err = ferry_nvs_next(&m->nvs, &it, &info)) == FERRY_OK) {
        cJSON *e = cJSON_CreateObject();
        char name[FERRY_NVS_NAME_BYTES] = "";
        const ferry_err named = ferry_nvs_namespace_name(&m->nvs, info.ns, name);
        cJSON_AddStringToObject(e, "ns", name);
        cJSON_AddStringToObject(e, "key", info.key);
        cJSON_AddStringToObject(e, "type", name_of(info.type));
        if (named)
            cJSON_AddNumberToObject(e, "open", number_of(named, false));
        else
            cJSON_AddNumberToObject(
                e, "err",
                number_of(get(m, info.ns, info.key, (enum ferry_nvs_type)info.type, e), false));
        cJSON_AddItemToArray(list, e);
    }
    cJSON_AddStringToObject(out, "op", "dump");
    cJSON_AddNumberToObject(out, "find", cJSON_GetArraySize(list) ? 0 : 0x1102);
    cJSON_AddItemToObject(out, "entries", list);
    cJSON_AddNumberToObject(out, "stats_err", put_stats(m, out));
    if (err != FERRY_ERR_NOT_FOUND)
        cJSON_AddNumberToObject(out, "failed", err);
    return out;
}

static int init(struct nvs_machine *m)
{
    const struct ferry_nvs_config config = {
        .region = {.flash = &m->flash, .size_bytes = m->flash.size_bytes},
        .work = m->work,
        .work_bytes = sizeof(m->work)};
    if (m->is_open)
        return 0;
    const ferry_err err = ferry_nvs_open(&m->nvs, &config);
    m->is_open = err == FERRY_OK;
    return number_of(err, false);
}

static int find(struct nvs_machine *m, uint8_t ns, const char *key, cJSON *out)
{
    struct ferry_nvs_info info;
    const ferry_err err = ferry_nvs_find(&m->nvs, ns, key, &info);
    if (!err)
        cJSON_AddStringToObject(out, "type", name_of(info.type));
    return number_of(err, false);
}

static int used(struct nvs_machine *m, uint8_t ns, cJSON *out)
{
    uint32_t n = 0;
    const ferry_err err = ferry_nvs_used(&m->nvs, ns, &n);
    if (!err)
        cJSON_AddNumberToObject(out, "used", n);
    return number_of(err, false);
}

/* Steps on one namespace, which they make if need be. w: op, ns, key, type, value. */
static void on_namespace(struct nvs_machine *m, char w[5][64], cJSON *out)
{
    const bool create = strcmp(w[0], "openro") != 0;
    uint8_t ns = 0;
    int n = 0;
    const ferry_err opened =
        m->is_open ? ferry_nvs_namespace(&m->nvs, w[1], create, &ns) : FERRY_ERR_STATE;
    if (opened) {
        cJSON_AddNumberToObject(out, create ? "open_err" : "err", number_of(opened, create));
        return;
    }
    if (strcmp(w[0], "set") == 0)
        n = number_of(set(m, ns, w[2], w[3], w[4]), true);
    else if (strcmp(w[0], "get") == 0)
        n = number_of(get(m, ns, w[2], type_of(w[3]), out), false);
    else if (strcmp(w[0], "erase") == 0)
        n = number_of(ferry_nvs_erase(&m->nvs, ns, w[2]), false);
    else if (strcmp(w[0], "erase_all") == 0)
        n = number_of(ferry_nvs_erase_all(&m->nvs, ns), true);
    else if (strcmp(w[0], "find") == 0)
        n = find(m, ns, w[2], out);
    else if (strcmp(w[0], "used") == 0)
        n = used(m, ns, out);
    else if (strcmp(w[0], "commit") == 0)
        n = number_of(ferry_nvs_commit(&m->nvs), false);
    else if (create) {
        fprintf(stderr, "no such step: %s\n", w[0]);
        exit(1);
    }
    cJSON_AddNumberToObject(out, "err", n);
}

cJSON *nvs_machine_step(struct nvs_machine *m, const char *step)
{
    char w[5][64] = {"", "", "", "", ""};
    const uint32_t before = m->n_ops;
    if (strcmp(step, "dump") == 0)
        return nvs_machine_dump(m);
    cJSON *out = cJSON_CreateObject();
    (void)sscanf(step, "%63s %63s %63s %63s %63s", w[0], w[1], w[2], w[3], w[4]);
    if (strcmp(w[0], "init") == 0) {
        cJSON_AddNumberToObject(out, "err", init(m));
    } else if (strcmp(w[0], "deinit") == 0) {
        cJSON_AddNumberToObject(out, "err", m->is_open ? 0 : 0x1101);
        m->is_open = false;
    } else if (strcmp(w[0], "stats") == 0) {
        cJSON_AddNumberToObject(out, "err", put_stats(m, out));
    } else {
        on_namespace(m, w, out);
    }
    cJSON_AddNumberToObject(out, "fops", m->n_ops - before);
    if (!m->no_crc)
        put_hex(out, "crc", nvs_machine_crc(m));
    return out;
}
