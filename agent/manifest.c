/* agent/manifest.c - the JSON that names a release.
 * cJSON does the parsing, but it is lenient and recursive; so the text is looked over first: size,
 * depth, control characters, and "\u0000", which would cut a C string short behind our back. */
#include "agent/manifest.h"

#include <string.h>

#include <cJSON.h>

#include "agent/text.h"
#include "ferry/bytes.h"

#define DEPTH_MAX 8u // objects in objects; a chip's stack bounds it, and no manifest needs two

static ferry_err fail(struct ferry_manifest *m, const char *key, const char *words)
{
    m->detail[0] = '\0';
    if (key) {
        ferry_text_add(m->detail, sizeof m->detail, "\"");
        ferry_text_add(m->detail, sizeof m->detail, key);
        ferry_text_add(m->detail, sizeof m->detail, "\" ");
    }
    ferry_text_add(m->detail, sizeof m->detail, words);
    return ferry_fail(&m->fault, FERRY_ERR_MANIFEST, 0, 0, 0);
}

static ferry_err fail_at(struct ferry_manifest *m, size_t off_bytes, const char *words)
{
    const ferry_err err = fail(m, NULL, words);
    m->fault.off_bytes = (uint32_t)off_bytes;
    return err;
}

bool ferry_manifest_is_named(const char *name)
{
    return ferry_text_has_suffix(name, ".json");
}

/* Steps over the string that begins behind the quote at json[*at]; *at becomes its closing quote.
 */
static ferry_err scan_string(struct ferry_manifest *m, const char *json, size_t n, size_t *at)
{
    for (size_t i = *at + 1; i < n; i++) {
        if ((unsigned char)json[i] < 0x20)
            return fail_at(m, i, "a string holds a control character");
        if (json[i] == '"') {
            *at = i;
            return FERRY_OK;
        }
        if (json[i] != '\\')
            continue;
        i++;
        if (n - i >= 5 && memcmp(json + i, "u0000", 5) == 0)
            return fail_at(m, i, "a string holds a NUL");
    }
    return fail_at(m, *at, "a string does not end");
}

static ferry_err scan(struct ferry_manifest *m, const char *json, size_t n)
{
    uint32_t depth = 0;
    for (size_t i = 0; i < n; i++) {
        const char c = json[i];
        if (c == '"') {
            const ferry_err err = scan_string(m, json, n, &i);
            if (err)
                return err;
        } else if (c == '{' || c == '[') {
            if (++depth > DEPTH_MAX)
                return fail_at(m, i, "objects are nested too deep");
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        } else if ((unsigned char)c < 0x20 && c != '\t' && c != '\n' && c != '\r') {
            return fail_at(m, i, "it holds a control character");
        }
    }
    return FERRY_OK;
}

static ferry_err check_duplicates(struct ferry_manifest *m, const cJSON *root)
{
    for (const cJSON *a = root->child; a; a = a->next)
        for (const cJSON *b = a->next; b; b = b->next)
            if (strcmp(a->string, b->string) == 0)
                return fail(m, a->string, "stands there twice");
    return FERRY_OK;
}

static const cJSON *find(const cJSON *root, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(root, key);
}

/* The string under key. NULL with the fault set if it is something else. */
static const char *string_of(struct ferry_manifest *m, const cJSON *item)
{
    if (!cJSON_IsString(item))
        (void)fail(m, item->string, "must be a string");
    else if (ferry_text_has_control(item->valuestring))
        (void)fail(m, item->string, "holds a control character");
    else
        return item->valuestring;
    return NULL;
}

static ferry_err integer_of(struct ferry_manifest *m, const cJSON *item, uint64_t least,
                            uint64_t most, uint64_t *out)
{
    const double v = cJSON_IsNumber(item) ? item->valuedouble : -1.0;
    // The range first: casting a double that does not fit is undefined.
    if (v >= (double)least && v <= (double)most && v == (double)(uint64_t)v) {
        *out = (uint64_t)v;
        return FERRY_OK;
    }
    (void)fail(m, item->string, "must be an integer from ");
    ferry_text_add_number(m->detail, sizeof m->detail, least);
    ferry_text_add(m->detail, sizeof m->detail, " to ");
    ferry_text_add_number(m->detail, sizeof m->detail, most);
    return m->fault.err;
}

static ferry_err check_required(struct ferry_manifest *m, const cJSON *root)
{
    static const char *const keys[] = {"firmware", "sha", "length"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!find(root, keys[i]))
            return fail(m, keys[i],
                        "is missing; \"firmware\", \"sha\" and \"length\" are required");
    return FERRY_OK;
}

/* `firmware` as an address, in a manifest that came from one. */
static ferry_err resolve_address(struct ferry_manifest *m, const char *name, const char *firmware)
{
    // "//host/x" would be another origin by RFC 3986, while "/x" promises the same one.
    if (firmware[0] == '/' && firmware[1] == '/')
        return fail(m, "firmware", "begins with //, which names a host without a scheme");
    if (ferry_url_join(name, firmware, m->firmware, sizeof m->firmware))
        return fail(m, "firmware", "is not an http or https address, nor relative to one");
    if (ferry_text_has_prefix(name, "https:") && !ferry_text_has_prefix(m->firmware, "https:"))
        return fail(m, "firmware", "leads from https to http");
    m->firmware_is_url = true;
    return FERRY_OK;
}

/* `firmware` in a manifest that is a file: an address, or a path. */
static ferry_err resolve_path(struct ferry_manifest *m, const char *name, const char *firmware)
{
    m->firmware_is_url = ferry_url_is_http(firmware);
    if (m->firmware_is_url)
        return ferry_url_join(firmware, firmware, m->firmware, sizeof m->firmware)
                   ? fail(m, "firmware", "is not a usable http or https address")
                   : FERRY_OK;
    size_t n_folder = firmware[0] == '/' ? 0 : strlen(name);
    while (n_folder && name[n_folder - 1] != '/')
        n_folder--;
    if (strlen(firmware) >= sizeof m->firmware - n_folder)
        return fail(m, "firmware", "is too long");
    memcpy(m->firmware, name, n_folder);
    memcpy(m->firmware + n_folder, firmware, strlen(firmware) + 1);
    return FERRY_OK;
}

static ferry_err read_firmware(struct ferry_manifest *m, const cJSON *root, const char *name)
{
    const char *const firmware = string_of(m, find(root, "firmware"));
    if (!firmware)
        return m->fault.err;
    if (!*firmware)
        return fail(m, "firmware", "is empty");
    if (strlen(name) >= FERRY_URL_BYTES)
        return fail(m, NULL, "the manifest's own name is too long");
    return ferry_url_is_http(name) ? resolve_address(m, name, firmware)
                                   : resolve_path(m, name, firmware);
}

static ferry_err read_sha(struct ferry_manifest *m, const cJSON *root)
{
    const char *const sha = string_of(m, find(root, "sha"));
    if (!sha)
        return m->fault.err;
    if (!ferry_text_hex(sha, m->sha256, sizeof m->sha256))
        return fail(m, "sha", "must be a SHA-256: 64 hex digits");
    return FERRY_OK;
}

static ferry_err read_crc32(struct ferry_manifest *m, const cJSON *root)
{
    const cJSON *const item = find(root, "crc32");
    uint8_t b[4];
    if (!item)
        return FERRY_OK;
    const char *const hex = string_of(m, item);
    if (!hex)
        return m->fault.err;
    if (!ferry_text_hex(hex, b, sizeof b))
        return fail(m, "crc32", "must be 8 hex digits");
    m->has_crc32 = true;
    m->crc32 = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return FERRY_OK;
}

static ferry_err read_version(struct ferry_manifest *m, const cJSON *root, const char *key,
                              char out[FERRY_MANIFEST_VERSION_BYTES])
{
    const cJSON *const item = find(root, key);
    if (!item)
        return FERRY_OK;
    const char *const version = string_of(m, item);
    if (!version)
        return m->fault.err;
    if (!*version || strlen(version) >= FERRY_MANIFEST_VERSION_BYTES)
        return fail(m, key, "must be 1 to 63 bytes long");
    memcpy(out, version, strlen(version) + 1);
    return FERRY_OK;
}

static ferry_err read_numbers(struct ferry_manifest *m, const cJSON *root)
{
    uint64_t length = 0;
    ferry_err err = integer_of(m, find(root, "length"), 1, UINT32_MAX, &length);
    if (err)
        return err;
    m->length_bytes = (uint32_t)length;
    const cJSON *const serial = find(root, "serial");
    if (!serial)
        return FERRY_OK;
    err = integer_of(m, serial, 0, FERRY_MANIFEST_SERIAL_MAX, &m->serial);
    m->has_serial = err == FERRY_OK;
    return err;
}

static ferry_err read_object(struct ferry_manifest *m, const cJSON *root, const char *name)
{
    if (!cJSON_IsObject(root))
        return fail(m, NULL, "it is not a JSON object");
    ferry_err err = check_duplicates(m, root);
    if (!err)
        err = check_required(m, root);
    if (!err)
        err = read_firmware(m, root, name);
    if (!err)
        err = read_sha(m, root);
    if (!err)
        err = read_numbers(m, root);
    if (!err)
        err = read_crc32(m, root);
    if (!err)
        err = read_version(m, root, "version", m->version);
    if (!err)
        err = read_version(m, root, "min_version", m->min_version);
    return err;
}

/* What follows the object: white space only. */
static bool ends_clean(const char *json, size_t n, const char *end)
{
    for (; end < json + n; end++)
        if (!strchr(" \t\r\n", *end) || !*end)
            return false;
    return true;
}

ferry_err ferry_manifest_parse(struct ferry_manifest *m, const char *name, const char *json,
                               size_t n_bytes)
{
    memset(m, 0, sizeof *m);
    if (!ferry_manifest_is_named(name))
        return fail(m, NULL, "its name does not end in \".json\"");
    if (n_bytes > FERRY_MANIFEST_BYTES)
        return ferry_fail(&m->fault, FERRY_ERR_MANIFEST_SIZE, (uint32_t)n_bytes,
                          FERRY_MANIFEST_BYTES, 0);
    ferry_err err = scan(m, json, n_bytes);
    if (err)
        return err;
    const char *end = json;
    cJSON *const root = cJSON_ParseWithLengthOpts(json, n_bytes, &end, 0);
    if (!root)
        return fail_at(m, (size_t)(end - json), "it is not well-formed JSON");
    err = ends_clean(json, n_bytes, end)
              ? read_object(m, root, name)
              : fail_at(m, (size_t)(end - json), "something follows the JSON object");
    cJSON_Delete(root);
    return err;
}

static ferry_err fail_as_source(struct ferry_manifest *m, const struct ferry_source *s,
                                ferry_err err)
{
    memset(m, 0, sizeof *m);
    m->fault = s->fault;
    m->fault.err = err;
    memcpy(m->detail, s->detail, sizeof m->detail);
    return err;
}

ferry_err ferry_manifest_load(struct ferry_manifest *m, const char *name, struct ferry_source *s,
                              char *work)
{
    size_t n = 0;
    size_t got = 0;
    ferry_err err = ferry_source_open(s, 0);
    if (err)
        return fail_as_source(m, s, err);
    // One byte more than the limit is room enough to see that the limit is broken.
    do {
        err = ferry_source_read(s, work + n, FERRY_MANIFEST_BYTES + 1 - n, &got);
        n += err ? 0 : got;
    } while (!err && got && n <= FERRY_MANIFEST_BYTES);
    ferry_source_close(s);
    return err ? fail_as_source(m, s, err) : ferry_manifest_parse(m, name, work, n);
}
