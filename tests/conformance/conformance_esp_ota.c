/* conformance_esp_ota - holds compat/esp-idf's OTA API against what Espressif's esp_ota_ops did.
 * Vectors B_ota_sequences with the images of B_blobs: every return value, every handle and the
 * otadata bytes after every step, reboots by the boot decision included, and the partitions at the
 * end. usage: conformance_esp_ota FILE|FOLDER... */
#include "ferry/boot.h"
#include "ferry/crc32.h"

#include "esp_ota_ops.h"
#include "ferry_compat.h"
#include "sim_flash.h"
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLASH_BYTES   0x400000u
#define OTADATA_BYTES (2 * FERRY_OTADATA_BYTES)
#define HANDLES       10
#define MOST_ROWS     16
#define C3_REV        3 // of the chip that the vectors were made for
#define EFUSE_MOST    16

struct rig {
    struct vector_set *set;
    struct tally tally;
    cJSON *layouts; // of the first record
    struct sim_flash sim;
    struct ferry_policy policy;
    esp_ota_handle_t handles[HANDLES];
    esp_partition_t copy;
    uint8_t otadata[OTADATA_BYTES]; // as the vectors last said
    uint32_t otadata_off;           // 0: the layout has none
    const char *where;
};

static const char *word(char **rest)
{
    const char *w = strsep(rest, " ");
    return w ? w : "";
}

static uint32_t number(char **rest)
{
    return (uint32_t)strtol(word(rest), NULL, 10);
}

/* PART of the vectors: a label, null, fake (described by no row), copy:LABEL (a caller's copy). */
static const esp_partition_t *partition(struct rig *r, const char *name)
{
    static const esp_partition_t fake = {.type = ESP_PARTITION_TYPE_APP,
                                         .subtype = ESP_PARTITION_SUBTYPE_APP_OTA_1,
                                         .address = 0x3f0000,
                                         .size = 0x10000,
                                         .erase_size = 4096,
                                         .label = "fake"};
    if (!strcmp(name, "null"))
        return NULL;
    if (!strcmp(name, "fake"))
        return &fake;
    const bool copied = !strncmp(name, "copy:", 5);
    const esp_partition_t *p = esp_partition_find_first(
        ESP_PARTITION_TYPE_ANY, ESP_PARTITION_SUBTYPE_ANY, copied ? name + 5 : name);
    if (!p) {
        fprintf(stderr, "the vectors name a partition %s that the layout has not\n", name);
        exit(1);
    }
    if (!copied)
        return p;
    r->copy = *p;
    return &r->copy;
}

static esp_ota_handle_t handle(const struct rig *r, int i)
{
    if (i < 0)
        return 0;
    return i < HANDLES - 1 ? r->handles[i] : 0xdead;
}

static size_t size_of(const char *text)
{
    if (!strcmp(text, "unknown"))
        return OTA_SIZE_UNKNOWN;
    if (!strcmp(text, "seq"))
        return OTA_WITH_SEQUENTIAL_WRITES;
    return strtoul(text, NULL, 10);
}

static const uint8_t *blob(struct rig *r, const char *name, size_t *n)
{
    const uint8_t *bytes = vector_set_file(r->set, name, n);
    if (!bytes) {
        fprintf(stderr, "B_blobs has no file %s\n", name);
        exit(1);
    }
    return bytes;
}

/* The results of one step; what an operation does not give stays as it is. */
struct result {
    esp_err_t err;
    esp_ota_handle_t handle;
    const esp_partition_t *part;
    int number; // bool, count, state
    esp_app_desc_t desc;
    int selected;
    int64_t booted; // flash address; -1: nothing
};

static ferry_err raise_secure_version(void *ctx, uint32_t version)
{
    struct rig *r = ctx;
    if (version > EFUSE_MOST)
        return FERRY_ERR_RANGE;
    r->policy.secure_version = version;
    return FERRY_OK;
}

static void reboot(struct rig *r, struct result *out)
{
    static struct ferry_device dev;
    static struct ferry_device_work work;
    const struct ferry_boot_hooks hooks = {.raise_secure_version = raise_secure_version, .ctx = r};
    struct ferry_boot_report report = {.booted = FERRY_SLOT_NONE};
    ferry_compat_stop();
    memset(r->handles, 0, sizeof(r->handles));
    const ferry_err err =
        ferry_device_open(&dev, &r->sim.flash, &r->policy, FERRY_TABLE_OFF_DEFAULT, &work);
    if (err) {
        fprintf(stderr, "%s: the table cannot be opened: %s\n", r->where, ferry_errname(err));
        exit(1);
    }
    out->booted = -1;
    if (!ferry_boot_run(&dev, FERRY_HOLD_NONE, &hooks, &report))
        out->booted = ferry_device_span(&dev, report.booted).off_bytes;
    out->selected = report.selected;
    if (report.booted == FERRY_SLOT_NONE)
        return;
    const struct ferry_compat_chip chip = {.flash = &r->sim.flash,
                                           .policy = &r->policy,
                                           .table_off_bytes = FERRY_TABLE_OFF_DEFAULT,
                                           .running = report.booted};
    out->err = ferry_compat_start(&chip);
}

/* The variable that begin and resume fill, 0 before; -2 is a NULL pointer. */
static esp_ota_handle_t *handle_variable(struct rig *r, int i)
{
    if (i == -2)
        return NULL;
    r->handles[i] = 0;
    return &r->handles[i];
}

static void run_begin(struct rig *r, char *rest, struct result *out)
{
    const esp_partition_t *p = partition(r, word(&rest));
    const size_t size = size_of(word(&rest));
    const int h = (int)number(&rest);
    esp_ota_handle_t *to = handle_variable(r, h);
    out->err = esp_ota_begin(p, size, to);
    out->handle = to ? *to : 0;
}

static void run_resume(struct rig *r, char *rest, struct result *out)
{
    const esp_partition_t *p = partition(r, word(&rest));
    const size_t size = size_of(word(&rest));
    const size_t off = number(&rest);
    const int h = (int)number(&rest);
    esp_ota_handle_t *to = handle_variable(r, h);
    out->err = esp_ota_resume(p, size, off, to);
    out->handle = to ? *to : 0;
}

static void run_write(struct rig *r, char *rest, struct result *out, bool with_offset)
{
    const esp_ota_handle_t h = handle(r, (int)number(&rest));
    const char *name = word(&rest);
    const bool is_null = !strcmp(name, "null");
    size_t n = 0;
    const uint8_t *bytes = is_null ? NULL : blob(r, name, &n);
    const size_t off = number(&rest);
    size_t len = number(&rest);
    if (!is_null && off > n)
        len = 0;
    else if (!is_null && len > n - off)
        len = n - off;
    const uint8_t *data = is_null ? NULL : bytes + (len ? off : 0);
    out->err = with_offset ? esp_ota_write_with_offset(h, data, len, number(&rest))
                           : esp_ota_write(h, data, len);
}

static void run_set_final(struct rig *r, char *rest, struct result *out)
{
    const esp_ota_handle_t h = handle(r, (int)number(&rest));
    const esp_partition_t *p = partition(r, word(&rest));
    out->err = esp_ota_set_final_partition(h, p, number(&rest) != 0);
}

static void run_state(struct rig *r, char *rest, struct result *out)
{
    esp_ota_img_states_t state = ESP_OTA_IMG_NEW;
    out->err = esp_ota_get_state_partition(partition(r, word(&rest)), &state);
    out->number = (int)state;
}

static void run(struct rig *r, char *text, struct result *out)
{
    char *rest = text;
    const char *op = word(&rest);
    if (!strcmp(op, "reboot"))
        reboot(r, out);
    else if (!strcmp(op, "begin"))
        run_begin(r, rest, out);
    else if (!strcmp(op, "resume"))
        run_resume(r, rest, out);
    else if (!strcmp(op, "write") || !strcmp(op, "write_with_offset"))
        run_write(r, rest, out, op[5] == '_');
    else if (!strcmp(op, "end"))
        out->err = esp_ota_end(handle(r, (int)number(&rest)));
    else if (!strcmp(op, "abort"))
        out->err = esp_ota_abort(handle(r, (int)number(&rest)));
    else if (!strcmp(op, "set_final"))
        run_set_final(r, rest, out);
    else if (!strcmp(op, "set_boot"))
        out->err = esp_ota_set_boot_partition(partition(r, word(&rest)));
    else if (!strcmp(op, "get_boot"))
        out->part = esp_ota_get_boot_partition();
    else if (!strcmp(op, "get_running"))
        out->part = esp_ota_get_running_partition();
    else if (!strcmp(op, "get_next"))
        out->part = esp_ota_get_next_update_partition(partition(r, word(&rest)));
    else if (!strcmp(op, "get_last_invalid"))
        out->part = esp_ota_get_last_invalid_partition();
    else if (!strcmp(op, "mark_valid"))
        out->err = esp_ota_mark_app_valid_cancel_rollback();
    else if (!strcmp(op, "mark_invalid"))
        out->err = esp_ota_mark_app_invalid_rollback();
    else if (!strcmp(op, "rollback_possible"))
        out->number = esp_ota_check_rollback_is_possible();
    else if (!strcmp(op, "erase_last"))
        out->err = esp_ota_erase_last_boot_app_partition();
    else if (!strcmp(op, "invalidate_inactive"))
        out->err = esp_ota_invalidate_inactive_ota_data_slot();
    else if (!strcmp(op, "app_count"))
        out->number = esp_ota_get_app_partition_count();
    else if (!strcmp(op, "get_state"))
        run_state(r, rest, out);
    else if (!strcmp(op, "get_desc"))
        out->err = esp_ota_get_partition_description(partition(r, word(&rest)), &out->desc);
    else {
        fprintf(stderr, "the vectors have an operation that is not known: %s\n", op);
        exit(1);
    }
}

static bool same_number(struct rig *r, const char *op, const char *what, int64_t got, int64_t want)
{
    if (got == want)
        return true;
    tally_fail(&r->tally, "%s: %s: %s is %lld, Espressif's is %lld", r->where, op, what,
               (long long)got, (long long)want);
    return false;
}

static bool same_text(struct rig *r, const char *op, const char *what, const char *got,
                      const char *want)
{
    if (!strcmp(got, want))
        return true;
    tally_fail(&r->tally, "%s: %s: %s is %s, Espressif's is %s", r->where, op, what, got, want);
    return false;
}

static int64_t booted_of(const cJSON *value)
{
    return cJSON_IsString(value) ? strtoll(value->valuestring, NULL, 16) : -1;
}

/* One key of the expected result. */
static bool check_key(struct rig *r, const char *op, const cJSON *want, const struct result *got)
{
    const char *key = want->string;
    if (!strcmp(key, "err"))
        return same_number(r, op, key, got->err, want->valueint);
    if (!strcmp(key, "handle"))
        return same_number(r, op, key, got->handle, want->valueint);
    if (!strcmp(key, "part"))
        return same_text(r, op, key, got->part ? got->part->label : "null", want->valuestring);
    if (!strcmp(key, "bool"))
        return same_number(r, op, key, got->number, cJSON_IsTrue(want));
    if (!strcmp(key, "count") || !strcmp(key, "state"))
        return same_number(r, op, key, (uint32_t)got->number, (uint32_t)want->valuedouble);
    if (!strcmp(key, "version"))
        return same_text(r, op, key, got->desc.version, want->valuestring);
    if (!strcmp(key, "project"))
        return same_text(r, op, key, got->desc.project_name, want->valuestring);
    if (!strcmp(key, "secure_version"))
        return same_number(r, op, key, got->desc.secure_version, (int64_t)want->valuedouble);
    if (!strcmp(key, "sel"))
        return same_number(r, op, key, got->selected, want->valueint);
    if (!strcmp(key, "booted"))
        return same_number(r, op, key, got->booted, booted_of(want));
    if (!strcmp(key, "efuse"))
        return same_number(r, op, key, r->policy.secure_version, want->valueint);
    if (strcmp(key, "od") != 0) {
        fprintf(stderr, "the vectors have a result that is not known: %s\n", key);
        exit(1);
    }
    return true;
}

/* Both entries as they are in flash now, against what the vectors last said. */
static bool check_otadata(struct rig *r, const char *op, const cJSON *want)
{
    if (cJSON_HasObjectItem(want, "od") && !vector_hex(want, "od", r->otadata, OTADATA_BYTES)) {
        fprintf(stderr, "%s: od is no hex\n", r->where);
        exit(1);
    }
    // Where nothing boots, the vectors do not say what the bootloader left behind.
    if (cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(want, "booted")))
        return true;
    for (uint32_t i = 0; r->otadata_off && i < 2; i++) {
        uint8_t now[FERRY_OTADATA_BYTES];
        const uint32_t off = r->otadata_off + i * FERRY_OTADATA_STRIDE;
        if (r->sim.flash.ops->read(&r->sim.flash, off, now, sizeof(now)) ||
            memcmp(now, r->otadata + i * sizeof(now), sizeof(now)) != 0) {
            tally_fail(&r->tally, "%s: %s: entry %u of otadata differs", r->where, op, i);
            return false;
        }
    }
    return true;
}

static bool check_step(struct rig *r, const cJSON *step)
{
    const char *op = cJSON_GetArrayItem(step, 0)->valuestring;
    const cJSON *want = cJSON_GetArrayItem(step, 1);
    char text[256];
    struct result got = {0};
    snprintf(text, sizeof(text), "%s", op);
    run(r, text, &got);
    const cJSON *item;
    cJSON_ArrayForEach(item, want)
    {
        if (!check_key(r, op, item, &got))
            return false;
    }
    return check_otadata(r, op, want);
}

static bool check_final(struct rig *r, const cJSON *record)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(record, "final"))
    {
        const esp_partition_t *p = partition(r, item->string);
        uint32_t crc = 0;
        for (uint32_t at = 0; at < p->size; at += 4096) {
            uint8_t sector[4096];
            if (esp_partition_read(p, at, sector, sizeof(sector)))
                return same_number(r, "final", item->string, -1, 0);
            crc = ferry_crc32(crc, sector, sizeof(sector));
        }
        if (!same_number(r, "final", item->string, crc, strtoll(item->valuestring, NULL, 16)))
            return false;
    }
    return true;
}

static void put(struct rig *r, uint32_t off, const uint8_t *bytes, size_t n)
{
    if (n && r->sim.flash.ops->prog(&r->sim.flash, off, bytes, (uint32_t)n)) {
        fprintf(stderr, "%s: the flash cannot be filled at 0x%x\n", r->where, off);
        exit(1);
    }
}

static void lay_out(struct rig *r, const cJSON *record)
{
    struct ferry_partition rows[MOST_ROWS] = {0};
    size_t n = 0;
    const cJSON *row;
    r->otadata_off = 0;
    cJSON_ArrayForEach(row,
                       cJSON_GetObjectItemCaseSensitive(r->layouts, vector_text(record, "layout")))
    {
        struct ferry_partition *p = &rows[n++];
        const char *label = cJSON_GetArrayItem(row, 0)->valuestring;
        snprintf(p->label, sizeof(p->label), "%s", label);
        p->type = (uint8_t)cJSON_GetArrayItem(row, 1)->valueint;
        p->subtype = (uint8_t)cJSON_GetArrayItem(row, 2)->valueint;
        p->off_bytes = (uint32_t)cJSON_GetArrayItem(row, 3)->valueint;
        p->size_bytes = (uint32_t)cJSON_GetArrayItem(row, 4)->valueint;
        p->flags = (uint32_t)cJSON_GetArrayItem(row, 5)->valueint;
        const cJSON *slots = cJSON_GetObjectItemCaseSensitive(record, "slots");
        const char *image = vector_text(slots, label);
        if (p->type == FERRY_TYPE_DATA && p->subtype == FERRY_DATA_OTA)
            r->otadata_off = p->off_bytes;
        if (image) {
            size_t bytes;
            const uint8_t *data = blob(r, image, &bytes);
            put(r, p->off_bytes, data, bytes < p->size_bytes ? bytes : p->size_bytes);
        }
    }
    uint8_t table[FERRY_TABLE_BYTES];
    struct ferry_fault fault;
    if (ferry_table_encode(rows, n, true, table, &fault)) {
        fprintf(stderr, "%s: the layout makes no table\n", r->where);
        exit(1);
    }
    put(r, FERRY_TABLE_OFF_DEFAULT, table, sizeof(table));
}

static bool check_steps(struct rig *r, const cJSON *record)
{
    const cJSON *step;
    bool ok = true;
    cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(record, "steps"))
    {
        ok = ok && check_step(r, step);
    }
    return ok && check_final(r, record);
}

static void each(void *ctx, const char *file, const cJSON *record)
{
    struct rig *r = ctx;
    const cJSON *layouts = cJSON_GetObjectItemCaseSensitive(record, "layouts");
    if (layouts) {
        cJSON_Delete(r->layouts);
        r->layouts = cJSON_Duplicate(layouts, true);
        return;
    }
    char where[128];
    snprintf(where, sizeof(where), "%s %d %s", file, (int)vector_number(record, "id", -1),
             vector_text(record, "name"));
    r->where = where;
    const char *cfg = vector_text(record, "cfg");
    r->policy = (struct ferry_policy){.chip = &ferry_chip_esp32c3,
                                      .chip_rev = C3_REV,
                                      .rollback = strcmp(cfg, "norb") != 0,
                                      .anti_rollback = !strcmp(cfg, "arb")};
    r->policy.secure_version = (uint32_t)vector_number(record, "efuse_sv", 0);
    sim_flash_init(&r->sim, FLASH_BYTES, 1);
    lay_out(r, record);
    if (!vector_hex(record, "otadata", r->otadata, OTADATA_BYTES)) {
        fprintf(stderr, "%s: otadata is no hex\n", where);
        exit(1);
    }
    for (uint32_t i = 0; r->otadata_off && i < 2; i++)
        put(r, r->otadata_off + i * FERRY_OTADATA_STRIDE, r->otadata + i * FERRY_OTADATA_BYTES,
            FERRY_OTADATA_BYTES);
    if (check_steps(r, record))
        tally_pass(&r->tally);
    ferry_compat_stop();
    sim_flash_free(&r->sim);
}

int main(int argc, char **argv)
{
    static struct rig r;
    r.set = vector_set_open(argc - 1, argv + 1);
    if (!r.set)
        return 1;
    const long n = vector_set_records(r.set, "B_ota_sequences", each, &r);
    if (n == 0)
        fprintf(stderr, "no B_ota_sequences among the inputs\n");
    cJSON_Delete(r.layouts);
    vector_set_close(r.set);
    const int code = tally_end(&r.tally);
    return n > 0 ? code : 1;
}
