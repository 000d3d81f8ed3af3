/* host/device_json.c - reading and writing device.json. */
#include "device_json.h"

#include "agent/text.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT 1

struct reader {
    const cJSON *root;
    char *detail;
    size_t n_detail;
    bool failed;
};

static ferry_err fail_errno(ferry_err err, char *detail, size_t n_detail)
{
    snprintf(detail, n_detail, "%s", strerror(errno));
    return err;
}

/** Reads all of it; *text is the caller's, NUL-terminated. */
static ferry_err read_text(const char *path, char **text, char *detail, size_t n_detail)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail_errno(FERRY_ERR_FILE_OPEN, detail, n_detail);
    char *buf = malloc(FERRY_DEVICE_JSON_BYTES + 1);
    size_t at = 0;
    ferry_err err = buf ? FERRY_OK : FERRY_ERR_NO_MEMORY;
    while (!err && at < FERRY_DEVICE_JSON_BYTES) {
        const ssize_t n = read(fd, buf + at, FERRY_DEVICE_JSON_BYTES - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            err = fail_errno(FERRY_ERR_FILE_READ, detail, n_detail);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    close(fd);
    if (!err && at == FERRY_DEVICE_JSON_BYTES) {
        snprintf(detail, n_detail, "longer than %u bytes", FERRY_DEVICE_JSON_BYTES);
        err = FERRY_ERR_DEVICE_JSON;
    }
    if (err) {
        free(buf);
        return err;
    }
    buf[at] = '\0';
    *text = buf;
    return FERRY_OK;
}

static void complain(struct reader *r, const char *key, const char *want)
{
    if (!r->failed)
        snprintf(r->detail, r->n_detail, "\"%s\" must be %s", key, want);
    r->failed = true;
}

static uint32_t read_number(struct reader *r, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->root, key);
    const double d = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(d >= 0 && d <= UINT32_MAX) || d != (double)(uint32_t)d) {
        complain(r, key, "a whole number that fits 32 bits");
        return 0;
    }
    return (uint32_t)d;
}

static bool read_bool(struct reader *r, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->root, key);
    if (!cJSON_IsBool(item))
        complain(r, key, "true or false");
    return cJSON_IsTrue(item);
}

static const char *read_string(struct reader *r, const char *key, const char *want)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->root, key);
    if (cJSON_IsString(item))
        return item->valuestring;
    complain(r, key, want);
    return "";
}

static void read_chip(struct reader *r, struct ferry_device_json *out)
{
    const char *name = read_string(r, "chip", "the name of a chip");
    out->chip = ferry_chip_by_name(name);
    if (!out->chip)
        complain(r, "chip", "the name of a chip that ferry knows, as \"esp32c3\"");
}

static void read_running(struct reader *r, struct ferry_device_json *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->root, "running");
    if (cJSON_IsNull(item))
        return;
    if (!cJSON_IsString(item) || strlen(item->valuestring) > FERRY_LABEL_BYTES)
        complain(r, "running", "the label of a partition, or null");
    else
        memcpy(out->running, item->valuestring, strlen(item->valuestring) + 1);
}

/* May be missing: a device that trusts nobody asks for no signature. */
static void read_trust(struct reader *r, struct ferry_device_json *out)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(r->root, "trusted_keys");
    const cJSON *item;
    bool ok = !list || cJSON_IsArray(list);
    out->trust.p384 = true; // the host computes a SHA-384 for nothing
    cJSON_ArrayForEach(item, list)
    {
        ok = ok && out->trust.n_keys < FERRY_SIGNATURE_BLOCKS && cJSON_IsString(item) &&
             ferry_text_hex(item->valuestring, out->trust.key_digests[out->trust.n_keys],
                            FERRY_SHA256_BYTES);
        out->trust.n_keys = (uint8_t)(out->trust.n_keys + ok);
    }
    if (!ok)
        complain(r, "trusted_keys", "a list of at most three key digests of 64 hex digits");
}

/* May be missing: a bootloader that asks for no signature. */
static void read_secure_boot(struct reader *r, struct ferry_device_json *out)
{
    out->secure_boot = cJSON_HasObjectItem(r->root, "secure_boot") && read_bool(r, "secure_boot");
    if (out->secure_boot && !out->trust.n_keys)
        complain(r, "trusted_keys", "there where \"secure_boot\" is true");
}

/* May be missing: the journal of a reflash is the flash's last sector. */
static void read_journal(struct reader *r, struct ferry_device_json *out)
{
    out->has_journal = cJSON_HasObjectItem(r->root, "reflash_journal");
    if (out->has_journal)
        out->journal_off_bytes = read_number(r, "reflash_journal");
}

static void read_keys(struct reader *r, struct ferry_device_json *out)
{
    if (read_number(r, "ferry_device") != FORMAT)
        complain(r, "ferry_device", "1, the format this ferry knows");
    read_chip(r, out);
    out->flash_bytes = read_number(r, "flash_size");
    out->table_off_bytes = read_number(r, "table_offset");
    out->secure_version = read_number(r, "secure_version");
    out->boot_count = read_number(r, "boot_count");
    out->rollback = read_bool(r, "rollback");
    out->anti_rollback = read_bool(r, "anti_rollback");
    const char *mode = read_string(r, "otadata", "\"safe\" or \"idf\"");
    out->writer = strcmp(mode, "idf") ? &ferry_slots_safe : &ferry_slots_idf;
    if (strcmp(mode, "idf") != 0 && strcmp(mode, "safe") != 0)
        complain(r, "otadata", "\"safe\" or \"idf\"");
    read_running(r, out);
    read_trust(r, out);
    read_secure_boot(r, out);
    read_journal(r, out);
}

ferry_err ferry_device_json_read(const char *path, struct ferry_device_json *out, char *detail,
                                 size_t n_detail)
{
    char *text;
    const ferry_err err = read_text(path, &text, detail, n_detail);
    if (err)
        return err;
    struct ferry_device_json found = {0};
    cJSON *root = cJSON_Parse(text);
    struct reader r = {root, detail, n_detail, false};
    if (cJSON_IsObject(root)) {
        read_keys(&r, &found);
    } else {
        snprintf(detail, n_detail, "it is not a JSON object");
        r.failed = true;
    }
    cJSON_Delete(root);
    free(text);
    if (r.failed)
        return FERRY_ERR_DEVICE_JSON;
    *out = found;
    return FERRY_OK;
}

static bool add_trust(cJSON *root, const struct ferry_trust *trust)
{
    cJSON *list = trust->n_keys ? cJSON_AddArrayToObject(root, "trusted_keys") : NULL;
    for (unsigned k = 0; list && k < trust->n_keys; k++) {
        char hex[2 * FERRY_SHA256_BYTES + 1];
        for (size_t i = 0; i < FERRY_SHA256_BYTES; i++)
            snprintf(hex + 2 * i, 3, "%02x", trust->key_digests[k][i]);
        if (!cJSON_AddItemToArray(list, cJSON_CreateString(hex)))
            return false;
    }
    return list || !trust->n_keys;
}

static char *make_text(const struct ferry_device_json *in)
{
    cJSON *root = cJSON_CreateObject();
    const bool made =
        root && cJSON_AddNumberToObject(root, "ferry_device", FORMAT) &&
        cJSON_AddStringToObject(root, "chip", in->chip->name) &&
        cJSON_AddNumberToObject(root, "flash_size", in->flash_bytes) &&
        cJSON_AddNumberToObject(root, "table_offset", in->table_off_bytes) &&
        cJSON_AddBoolToObject(root, "rollback", in->rollback) &&
        cJSON_AddBoolToObject(root, "anti_rollback", in->anti_rollback) &&
        cJSON_AddStringToObject(root, "otadata", in->writer == &ferry_slots_idf ? "idf" : "safe") &&
        cJSON_AddNumberToObject(root, "secure_version", in->secure_version) &&
        (in->running[0] ? cJSON_AddStringToObject(root, "running", in->running)
                        : cJSON_AddNullToObject(root, "running")) &&
        cJSON_AddNumberToObject(root, "boot_count", in->boot_count) &&
        (!in->has_journal ||
         cJSON_AddNumberToObject(root, "reflash_journal", in->journal_off_bytes)) &&
        add_trust(root, &in->trust) &&
        (!in->secure_boot || cJSON_AddTrueToObject(root, "secure_boot"));
    char *text = made ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    return text;
}

static bool write_all(int fd, const char *text, size_t n)
{
    while (n) {
        const ssize_t done = write(fd, text, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        text += done;
        n -= (size_t)done;
    }
    return true;
}

/** A rename is on disk only once its directory is. */
static bool sync_folder_of(const char *path)
{
    char copy[4096 + 16];
    snprintf(copy, sizeof(copy), "%s", path);
    const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

static bool replace(const char *path, const char *text)
{
    char temp[4096 + 16];
    snprintf(temp, sizeof(temp), "%s.XXXXXX", path);
    const int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = write_all(fd, text, strlen(text)) && write_all(fd, "\n", 1) &&
              fchmod(fd, 0644) == 0 && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && rename(temp, path) == 0;
    if (!ok) {
        const int reason = errno;
        unlink(temp);
        errno = reason;
        return false;
    }
    return sync_folder_of(path);
}

ferry_err ferry_device_json_write(const char *path, const struct ferry_device_json *in,
                                  char *detail, size_t n_detail)
{
    char *text = make_text(in);
    if (!text)
        return FERRY_ERR_NO_MEMORY;
    const bool ok = replace(path, text);
    const int reason = errno;
    cJSON_free(text);
    errno = reason;
    return ok ? FERRY_OK : fail_errno(FERRY_ERR_FILE_WRITE, detail, n_detail);
}
