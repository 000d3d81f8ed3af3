/* host/nvs_rows.c - rows of an NVS CSV to entries of an image. */
#include "nvs_rows.h"

#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "read_file.h"

#define FILE_BYTES_MAX (4u << 20) // hex or base64 of the largest blob, with room for line breaks
#define PMK_BYTES      32
#define PMK_PREFIX     100 // zeros before it in ap.pmk_info
#define PMK_ROUNDS     4096
#define APINFO_BYTES   140

/** A namespace (ns 0) or a key, and where it was given. */
struct ferry_nvs_name {
    char name[FERRY_NVS_KEY_MAX + 1];
    uint8_t ns;    // that the key is in
    uint8_t value; // number of a namespace
    uint32_t line;
};

enum encoding { ENC_NUMBER, ENC_STRING, ENC_BINARY, ENC_HEX, ENC_BASE64, ENC_FILL, ENC_SIZED_FILL };

static const struct encoding_name {
    const char *name;
    enum encoding encoding;
} encoding_names[] = {
    {"string", ENC_STRING},
    {"binary", ENC_BINARY},
    {"hex2bin", ENC_HEX},
    {"base64", ENC_BASE64},
};

/** What a row asks for. */
struct order {
    enum encoding encoding;
    enum ferry_nvs_type type;
    uint32_t fill_bytes;
    char fill;
};

__attribute__((format(printf, 3, 4))) static ferry_err
refuse(struct ferry_nvs_rows *r, const struct ferry_nvs_cell *cell, const char *fmt, ...)
{
    va_list ap;
    const int n = snprintf(r->detail, sizeof(r->detail),
                           "line %u, column %u: ", (unsigned)cell->line, (unsigned)cell->column);
    va_start(ap, fmt);
    vsnprintf(r->detail + n, sizeof(r->detail) - (size_t)n, fmt, ap);
    va_end(ap);
    return FERRY_ERR_CSV;
}

__attribute__((format(printf, 3, 4))) static void warn(struct ferry_nvs_rows *r, uint32_t line,
                                                       const char *fmt, ...)
{
    char why[FERRY_NVS_ROWS_DETAIL_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    ferry_strbuf_addf(&r->warnings, "%s%sline %u: %s\n", r->file ? r->file : "",
                      r->file ? ", " : "", (unsigned)line, why);
}

/* The sentence for what the image refused. */
static ferry_err refuse_by_image(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row,
                                 ferry_err err)
{
    const struct ferry_fault *f = &r->image->fault;
    switch (err) {
    case FERRY_ERR_NVS_VALUE_LENGTH:
        return refuse(r, &row->value, "the value of '%s' is %u bytes; the limit is %u%s",
                      row->key.text, (unsigned)f->value, (unsigned)f->limit,
                      f->limit == FERRY_NVS_V1_VALUE_MAX ? " in version 1" : "");
    case FERRY_ERR_NVS_NAMESPACES:
        return refuse(r, &row->key, "'%s' is one namespace too many; the limit is %u",
                      row->key.text, (unsigned)f->limit);
    default:
        return err;
    }
}

static int compare_names(const void *a, const void *b)
{
    const struct ferry_nvs_name *x = a, *y = b;
    return x->ns != y->ns ? x->ns - y->ns : strcmp(x->name, y->name);
}

static const struct ferry_nvs_name *find_name(const struct ferry_nvs_rows *r, uint8_t ns,
                                              const struct ferry_nvs_cell *key)
{
    struct ferry_nvs_name wanted = {.ns = ns};
    memcpy(wanted.name, key->text, key->n_bytes);
    struct ferry_nvs_name *const *found = tfind(&wanted, &r->names, compare_names);
    return found ? *found : NULL;
}

static ferry_err add_name(struct ferry_nvs_rows *r, const struct ferry_nvs_cell *key, uint8_t ns,
                          uint8_t value)
{
    struct ferry_nvs_name *n = malloc(sizeof(*n));
    if (!n)
        return FERRY_ERR_NO_MEMORY;
    *n = (struct ferry_nvs_name){.ns = ns, .value = value, .line = key->line};
    memcpy(n->name, key->text, key->n_bytes);
    if (tsearch(n, &r->names, compare_names))
        return FERRY_OK;
    free(n);
    return FERRY_ERR_NO_MEMORY;
}

static ferry_err check_key(struct ferry_nvs_rows *r, const struct ferry_nvs_cell *key,
                           const char *what)
{
    if (!key->text || !key->n_bytes)
        return refuse(r, key, "the %s has no name", what);
    if (key->n_bytes > FERRY_NVS_KEY_MAX)
        return refuse(r, key, "%s '%s' is %zu bytes long; the limit is %u", what, key->text,
                      key->n_bytes, FERRY_NVS_KEY_MAX);
    return FERRY_OK;
}

static ferry_err take_namespace(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row)
{
    ferry_err err = check_key(r, &row->key, "namespace");
    if (err)
        return err;
    const struct ferry_nvs_name *known = find_name(r, 0, &row->key);
    if (known) {
        // The generator goes on with the latest namespace instead, whatever this row says.
        if (known->value != r->image->n_namespaces)
            warn(r, row->key.line, "namespace '%s' goes on; %s", row->key.text,
                 r->exact ? "as in Espressif's generator, what follows is filed under the latest "
                            "new one instead"
                          : "Espressif's generator would file what follows under the latest new "
                            "one (--exact does)");
        r->ns = r->exact ? (uint8_t)r->image->n_namespaces : known->value;
        return FERRY_OK;
    }
    err = ferry_nvs_image_namespace(r->image, row->key.text, &r->ns);
    return err ? refuse_by_image(r, row, err) : add_name(r, &row->key, 0, r->ns);
}

/* "blob_fill(16;0xff)", or with a size in front "blob_sz_fill(16;0xff)". */
static bool parse_fill(const char *text, struct order *o)
{
    static const char plain[] = "blob_fill(", sized[] = "blob_sz_fill(";
    const bool is_sized = !strncmp(text, sized, sizeof(sized) - 1);
    if (!is_sized && strncmp(text, plain, sizeof(plain) - 1) != 0)
        return false;
    text += is_sized ? sizeof(sized) - 1 : sizeof(plain) - 1;
    const size_t n_digits = strspn(text, "0123456789");
    const char *byte = text + n_digits;
    if (!n_digits || n_digits > 7 || strncmp(byte, ";0x", 3) != 0 ||
        strspn(byte + 3, "0123456789abcdef") != 2 || strcmp(byte + 5, ")") != 0)
        return false;
    o->encoding = is_sized ? ENC_SIZED_FILL : ENC_FILL;
    o->fill_bytes = (uint32_t)strtoul(text, NULL, 10);
    o->fill = (char)strtoul(byte + 1, NULL, 16);
    return true;
}

static ferry_err read_encoding(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row,
                               struct order *o)
{
    char word[32] = "";
    const char *text = row->encoding.text ? row->encoding.text : "";
    const size_t n_lead = strspn(text, " \t");
    size_t n = strlen(text + n_lead);
    while (n && strchr(" \t", text[n_lead + n - 1]))
        n--;
    for (size_t i = 0; i < n && n < sizeof(word); i++) {
        const char c = text[n_lead + i];
        word[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    for (size_t i = 0; i < sizeof(encoding_names) / sizeof(*encoding_names); i++)
        if (!strcmp(encoding_names[i].name, word)) {
            o->encoding = encoding_names[i].encoding;
            return FERRY_OK;
        }
    o->encoding = ENC_NUMBER;
    // float and double are no encodings of the generator, so no CSV of its has them.
    if (ferry_nvs_type_by_name(word, &o->type) && ferry_nvs_type_is_number(o->type))
        return FERRY_OK;
    if (parse_fill(word, o))
        return FERRY_OK;
    return refuse(r, &row->encoding,
                  "encoding '%.40s' is not known; it is u8, i8, u16, i16, u32, i32, u64, i64, "
                  "float, double, string, hex2bin, base64, binary, blob_fill(N;0xHH) or "
                  "blob_sz_fill(N;0xHH)",
                  text);
}

static ferry_err read_value_file(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row)
{
    uint8_t *bytes;
    size_t n;
    int os_errno;
    if (r->without_files)
        return refuse(r, &row->type, "files are not read here");
    const ferry_err err = ferry_read_file(row->value.text, FILE_BYTES_MAX, &bytes, &n, &os_errno);
    if (err == FERRY_ERR_NO_MEMORY)
        return err;
    if (err == FERRY_ERR_RANGE)
        return refuse(r, &row->value, "file '%s' is too large; the limit is %u bytes",
                      row->value.text, FILE_BYTES_MAX);
    if (err)
        return refuse(r, &row->value, "file '%s' cannot be read: %s", row->value.text,
                      strerror(os_errno));
    ferry_strbuf_add(&r->value, (const char *)bytes, n);
    free(bytes);
    return FERRY_OK;
}

/* Puts the row's text, its own or its file's, into r->value. */
static ferry_err read_text(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row, bool is_file)
{
    ferry_strbuf_clear(&r->value);
    if (!row->value.text)
        return refuse(r, &row->value, "the row of key '%s' ends before its value", row->key.text);
    if (is_file)
        return read_value_file(r, row);
    ferry_strbuf_add(&r->value, row->value.text, row->value.n_bytes);
    return FERRY_OK;
}

static ferry_err put_fill(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row,
                          const struct order *o)
{
    struct ferry_strbuf blob = {0};
    const size_t n_text = r->value.n;
    const uint8_t size[4] = {(uint8_t)n_text, (uint8_t)(n_text >> 8), (uint8_t)(n_text >> 16),
                             (uint8_t)(n_text >> 24)};
    if (n_text > o->fill_bytes)
        return refuse(r, &row->value, "the value is %zu bytes; the limit is the %u to fill", n_text,
                      (unsigned)o->fill_bytes);
    if (o->encoding == ENC_SIZED_FILL)
        ferry_strbuf_add(&blob, (const char *)size, sizeof(size));
    ferry_strbuf_add(&blob, r->value.text, n_text);
    for (size_t i = n_text; i < o->fill_bytes && !blob.failed; i++)
        ferry_strbuf_add(&blob, &o->fill, 1);
    const ferry_err err =
        blob.failed ? FERRY_ERR_NO_MEMORY
                    : ferry_nvs_image_blob(r->image, r->ns, row->key.text, blob.text, blob.n);
    ferry_strbuf_free(&blob);
    return err;
}

static ferry_err put_decoded(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row, bool is_hex)
{
    struct ferry_strbuf blob = {0};
    char why[FERRY_NVS_WHY_BYTES];
    ferry_strbuf_add(&blob, "", 0);
    const bool ok = is_hex ? ferry_nvs_parse_hex(r->value.text, r->value.n, &blob, why)
                           : ferry_nvs_parse_base64(r->value.text, r->value.n, &blob, why);
    const ferry_err err =
        !ok           ? refuse(r, &row->value, "key '%s': %s", row->key.text, why)
        : blob.failed ? FERRY_ERR_NO_MEMORY
                      : ferry_nvs_image_blob(r->image, r->ns, row->key.text, blob.text, blob.n);
    ferry_strbuf_free(&blob);
    return err;
}

/* Puts r->value as the order says. */
static ferry_err put_value(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row,
                           const struct order *o)
{
    char why[FERRY_NVS_WHY_BYTES];
    const char *key = row->key.text;
    uint64_t bits;
    switch (o->encoding) {
    case ENC_NUMBER:
        if (!ferry_nvs_parse_number(o->type, r->value.text, r->value.n, &bits, why))
            return refuse(r, &row->value, "key '%s': %s", key, why);
        return ferry_nvs_image_number(r->image, r->ns, key, o->type, bits);
    case ENC_STRING:
        if (memchr(r->value.text, '\0', r->value.n))
            return refuse(r, &row->value, "key '%s': a string cannot hold a NUL", key);
        return ferry_nvs_image_string(r->image, r->ns, key, r->value.text, r->value.n);
    case ENC_BINARY:
        return ferry_nvs_image_blob(r->image, r->ns, key, r->value.text, r->value.n);
    case ENC_HEX:
    case ENC_BASE64:
        return put_decoded(r, row, o->encoding == ENC_HEX);
    case ENC_FILL:
    case ENC_SIZED_FILL:
        return put_fill(r, row, o);
    }
    return FERRY_ERR_ARG;
}

static void replace(struct ferry_strbuf *b, const struct ferry_strbuf *by)
{
    ferry_strbuf_clear(b);
    ferry_strbuf_add(b, by->text, by->n);
}

/* A key given before, in a row or by an extra entry, is worth a warning. */
static ferry_err note_key(struct ferry_nvs_rows *r, const struct ferry_nvs_cell *key)
{
    // Namespaces are names of ns 0, so keys without a namespace are not kept.
    const struct ferry_nvs_name *before = r->ns ? find_name(r, r->ns, key) : NULL;
    if (before)
        warn(r, key->line, "key '%s' was given before, on line %u; a mount keeps one of the two",
             key->text, (unsigned)before->line);
    return before || !r->ns ? FERRY_OK : add_name(r, key, r->ns, 0);
}

/* An entry that the generator adds beside the row. */
static ferry_err add_extra(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row,
                           const char *key, const void *data, size_t n)
{
    const struct ferry_nvs_cell cell = {key, strlen(key), row->key.line, row->key.column};
    const ferry_err err = ferry_nvs_image_blob(r->image, r->ns, key, data, n);
    return err ? err : note_key(r, &cell);
}

/* Once name, password and mode of an access point are known, the generator adds the key that Wi-Fi
 * would derive from them; and again before each later row of the three. */
static ferry_err add_access_point(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row)
{
    uint8_t info[PMK_PREFIX + PMK_BYTES] = {0};
    const char *key = row->key.text;
    if (!strcmp(key, "ap.ssid"))
        replace(&r->ap_ssid, &r->value);
    else if (!strcmp(key, "ap.passwd"))
        replace(&r->ap_pass, &r->value);
    else if (strcmp(key, "ap.authmode") != 0)
        return FERRY_OK;
    else if (strcmp(r->value.text, "0") != 0)
        replace(&r->ap_authmode, &r->value);
    if (!r->ap_ssid.n || !r->ap_pass.n || !r->ap_authmode.n)
        return FERRY_OK;
    if (PKCS5_PBKDF2_HMAC(r->ap_pass.text, (int)r->ap_pass.n, (const uint8_t *)r->ap_ssid.text,
                          (int)r->ap_ssid.n, PMK_ROUNDS, EVP_sha1(), PMK_BYTES,
                          info + PMK_PREFIX) != 1)
        return FERRY_ERR_NO_MEMORY;
    return add_extra(r, row, "ap.pmk_info", info, sizeof(info));
}

/* The blank entries that Wi-Fi expects beside the first name or password of a station. */
static ferry_err add_station(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row)
{
    static const uint8_t zeros[PMK_BYTES];
    uint8_t apinfo[APINFO_BYTES];
    const char *key = row->key.text;
    if (r->has_wifi_extras || (strcmp(key, "sta.ssid") != 0 && strcmp(key, "sta.pswd") != 0))
        return FERRY_OK;
    r->has_wifi_extras = true;
    memset(apinfo, 0xff, sizeof(apinfo));
    ferry_err err = add_extra(r, row, "sta.apinfo", apinfo, sizeof(apinfo));
    if (!err)
        err = add_extra(r, row, "sta.pmk", zeros, PMK_BYTES);
    return err ? err : add_extra(r, row, "sta.apsw", zeros, 2);
}

static ferry_err take_value(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row, bool is_file)
{
    struct order o = {0};
    ferry_err err = check_key(r, &row->key, "key");
    if (!err && !r->ns && !r->exact)
        err = refuse(r, &row->key, "key '%s' stands before any namespace", row->key.text);
    if (!err)
        err = read_encoding(r, row, &o);
    if (!err)
        err = read_text(r, row, is_file);
    if (!err && r->value.failed)
        err = FERRY_ERR_NO_MEMORY;
    if (!err)
        err = add_access_point(r, row);
    if (!err)
        err = put_value(r, row, &o);
    if (!err)
        err = note_key(r, &row->key);
    if (!err)
        err = add_station(r, row);
    r->n_values += !err;
    return refuse_by_image(r, row, err);
}

static bool is_word(const struct ferry_nvs_cell *cell, const char *word)
{
    const size_t n = strlen(word);
    if (!cell->text)
        return false;
    const char *text = cell->text + strspn(cell->text, " \t");
    return !strncasecmp(text, word, n) && text[n + strspn(text + n, " \t")] == '\0';
}

static ferry_err take_row(struct ferry_nvs_rows *r, const struct ferry_nvs_row *row)
{
    if (is_word(&row->type, "namespace"))
        return take_namespace(r, row);
    const bool is_file = is_word(&row->type, "file");
    if (!is_file && !is_word(&row->type, "data") && !r->exact)
        return refuse(r, &row->type, "type '%.40s' is not known; it is namespace, data or file",
                      row->type.text ? row->type.text : "");
    return take_value(r, row, is_file);
}

ferry_err ferry_nvs_rows_add(struct ferry_nvs_rows *r, const uint8_t *bytes, size_t n_bytes,
                             const char *file)
{
    struct ferry_nvs_csv csv;
    struct ferry_nvs_row row;
    r->file = file;
    ferry_err err = ferry_nvs_csv_open(&csv, bytes, n_bytes);
    if (err) {
        snprintf(r->detail, sizeof(r->detail), "%s", csv.detail);
        return err;
    }
    while (!err) {
        err = ferry_nvs_csv_next(&csv, &row);
        if (err == FERRY_ERR_CSV)
            snprintf(r->detail, sizeof(r->detail), "%s", csv.detail);
        if (err)
            break;
        err = take_row(r, &row);
        if (!r->full_line && ferry_nvs_image_pages(r->image) > r->image->n_usable)
            r->full_line = row.key.line;
    }
    ferry_nvs_csv_close(&csv);
    if (err == FERRY_ERR_NOT_FOUND)
        err = FERRY_OK;
    return !err && r->warnings.failed ? FERRY_ERR_NO_MEMORY : err;
}

void ferry_nvs_rows_free(struct ferry_nvs_rows *r)
{
    struct ferry_strbuf *const texts[] = {&r->warnings, &r->value, &r->ap_ssid, &r->ap_pass,
                                          &r->ap_authmode};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        ferry_strbuf_free(texts[i]);
    tdestroy(r->names, free);
    r->names = NULL;
}
