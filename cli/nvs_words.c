/* cli/nvs_words.c - values of a store for people and for scripts. */
#include "nvs_words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_words.h"
#include "unicode.h"

#define EXACT_MOST (INT64_C(1) << 53) // JSON numbers are doubles to most readers

bool nvs_is_secret(const char *ns, const char *key, uint8_t type)
{
    static const char *const words[] = {"key", "pass", "pswd",   "pwd",   "apsw", "psk",
                                        "pmk", "pin",  "secret", "token", "cred"};
    if (!strcmp(ns, "mtls_auth") && !ferry_nvs_type_is_number(type))
        return true;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcasestr(key, words[i]))
            return true;
    return false;
}

ferry_err nvs_value_read(struct ferry_nvs *nvs, const struct ferry_nvs_info *info,
                         struct nvs_value *out)
{
    uint32_t n = info->size_bytes;
    *out = (struct nvs_value){.info = *info};
    if (ferry_nvs_type_is_number(info->type))
        return ferry_nvs_get_number(nvs, info->ns, info->key, (enum ferry_nvs_type)info->type,
                                    &out->bits);
    out->bytes = malloc(n + 1);
    if (!out->bytes)
        return ferry_fail(&nvs->fault, FERRY_ERR_NO_MEMORY, 0, 0, 0);
    out->bytes[n] = '\0';
    return info->type == FERRY_NVS_STRING
               ? ferry_nvs_get_string(nvs, info->ns, info->key, (char *)out->bytes, &n)
               : ferry_nvs_get_blob(nvs, info->ns, info->key, out->bytes, &n);
}

void nvs_value_free(struct nvs_value *v)
{
    if (v->bytes)
        explicit_bzero(v->bytes, v->info.size_bytes);
    free(v->bytes);
    v->bytes = NULL;
}

static void add_hex(const struct nvs_value *v, uint32_t n, struct ferry_strbuf *out)
{
    for (uint32_t i = 0; i < n; i++)
        ferry_strbuf_addf(out, "%02x", v->bytes[i]);
}

/* Whole characters only; what would steer a terminal becomes '?'. */
static void add_quoted(const struct nvs_value *v, int width, struct ferry_strbuf *out)
{
    const char *s = (const char *)v->bytes;
    char clean[FERRY_NVS_STRING_MAX + 1];
    uint32_t code;
    size_t at = 0;
    cli_printable(clean, sizeof(clean), s);
    const size_t n = strlen(clean);
    for (int columns = 2; at < n && columns < width; columns++)
        at += ferry_utf8_next(clean + at, n - at, &code);
    ferry_strbuf_addf(out, "\"%.*s%s", (int)at, clean, at < n ? "..." : "\"");
}

void nvs_value_words(const struct nvs_value *v, int width, struct ferry_strbuf *out)
{
    char number[40];
    const uint32_t most = (uint32_t)width / 2, n = v->info.size_bytes;
    if (ferry_nvs_type_is_number(v->info.type))
        ferry_strbuf_addf(out, "%s",
                          ferry_nvs_number_words(number, sizeof(number), v->info.type, v->bits));
    else if (v->info.type == FERRY_NVS_STRING)
        add_quoted(v, width, out);
    else if (!n)
        ferry_strbuf_addf(out, "(empty)");
    else {
        add_hex(v, n < most ? n : most, out);
        ferry_strbuf_addf(out, "%s", n > most ? "..." : "");
    }
}

static cJSON *json_number(const struct nvs_value *v)
{
    char text[40];
    const uint32_t type = v->info.type;
    double real;
    ferry_nvs_number_words(text, sizeof(text), type, v->bits);
    if (type == FERRY_NVS_FLOAT || type == FERRY_NVS_DOUBLE) {
        real = strtod(text, NULL);
        return isfinite(real) ? cJSON_CreateRaw(text) : cJSON_CreateString(text);
    }
    const int64_t whole = (int64_t)v->bits;
    const bool is_exact = ferry_nvs_type_is_signed(type)
                              ? whole <= EXACT_MOST && whole >= -EXACT_MOST
                              : v->bits <= (uint64_t)EXACT_MOST;
    return is_exact ? cJSON_CreateRaw(text) : cJSON_CreateString(text);
}

void nvs_value_json(const struct nvs_value *v, cJSON *to)
{
    struct ferry_strbuf hex = {0};
    const char *text = (const char *)v->bytes;
    if (ferry_nvs_type_is_number(v->info.type)) {
        cJSON_AddItemToObject(to, "value", json_number(v));
        return;
    }
    if (v->info.type == FERRY_NVS_STRING && strlen(text) + 1 == v->info.size_bytes &&
        ferry_utf8_is_valid(text, strlen(text))) {
        cJSON_AddStringToObject(to, "value", text);
        return;
    }
    ferry_strbuf_add(&hex, "", 0);
    add_hex(v, v->info.size_bytes, &hex);
    cJSON_AddStringToObject(to, "value", hex.failed ? "" : hex.text);
    cJSON_AddStringToObject(to, "encoding", "hex");
    ferry_strbuf_free(&hex);
}
