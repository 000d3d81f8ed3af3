/* server/json.c - the rules around cJSON. */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "unicode.h"

#define NUMBER_MOST 9007199254740991.0 // 2^53 - 1

/** Whether brackets nest no deeper than is allowed, because cJSON itself recurses; and no string
 * holds an escaped NUL, where C would end it, or a bare control character, which JSON has not. */
static bool is_fit(const char *text, size_t n)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        const char c = text[i];
        if (in_string && (unsigned char)c < ' ')
            return false;
        if (in_string && c == '\\' && n - i > 5 && memcmp(text + i, "\\u0000", 6) == 0)
            return false;
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']') && depth)
            depth--;
        if (depth > JSON_DEPTH_MOST)
            return false;
    }
    return true;
}

/** A member of the same name behind m. */
static bool comes_again(const cJSON *m)
{
    for (const cJSON *other = m->next; other; other = other->next)
        if (strcmp(other->string, m->string) == 0)
            return true;
    return false;
}

static bool check_members(const cJSON *of, char why[JSON_WHY_BYTES])
{
    unsigned n = 0;
    for (const cJSON *m = of->child; m; m = m->next) {
        if (++n > JSON_MEMBERS_MOST) {
            snprintf(why, JSON_WHY_BYTES, "an object or array has more than %u members",
                     JSON_MEMBERS_MOST);
            return false;
        }
        if (cJSON_IsObject(of) && comes_again(m)) {
            snprintf(why, JSON_WHY_BYTES, "the key '%.40s' comes twice", m->string);
            return false;
        }
        if (cJSON_IsNumber(m) && !isfinite(m->valuedouble)) {
            snprintf(why, JSON_WHY_BYTES, "a number is too large");
            return false;
        }
        if (!check_members(m, why)) // at most JSON_DEPTH_MOST deep
            return false;
    }
    return true;
}

cJSON *json_read(const void *bytes, size_t n, char why[JSON_WHY_BYTES])
{
    if (memchr(bytes, 0, n) || !is_fit(bytes, n)) {
        snprintf(why, JSON_WHY_BYTES,
                 "a NUL or a bare control character is in it, or it nests deeper than %u",
                 JSON_DEPTH_MOST);
        return NULL;
    }
    // The NUL behind the text is part of what cJSON is given, so that nothing may follow the value.
    cJSON *const root = cJSON_ParseWithLengthOpts(bytes, n + 1, NULL, true);
    if (!root || !cJSON_IsObject(root)) {
        snprintf(why, JSON_WHY_BYTES, "it is not one JSON object");
    } else if (check_members(root, why)) {
        return root;
    }
    cJSON_Delete(root);
    return NULL;
}

bool json_text(const cJSON *object, const char *name, char *out, size_t out_bytes,
               char why[JSON_WHY_BYTES])
{
    const cJSON *const m = cJSON_GetObjectItemCaseSensitive(object, name);
    out[0] = '\0';
    if (!m)
        return true;
    const size_t n = cJSON_IsString(m) ? strlen(m->valuestring) : 0;
    if (!cJSON_IsString(m) || !ferry_utf8_is_valid(m->valuestring, n)) {
        snprintf(why, JSON_WHY_BYTES, "'%s' is no text", name);
        return false;
    }
    if (n >= out_bytes) {
        snprintf(why, JSON_WHY_BYTES, "'%s' has %zu bytes; %zu are the limit", name, n,
                 out_bytes - 1);
        return false;
    }
    memcpy(out, m->valuestring, n + 1);
    return true;
}

bool json_number(const cJSON *object, const char *name, int64_t *out, char why[JSON_WHY_BYTES])
{
    const cJSON *const m = cJSON_GetObjectItemCaseSensitive(object, name);
    *out = 0;
    if (!m)
        return true;
    if (!cJSON_IsNumber(m) || !(m->valuedouble >= 0 && m->valuedouble <= NUMBER_MOST) ||
        floor(m->valuedouble) < m->valuedouble) {
        snprintf(why, JSON_WHY_BYTES, "'%s' is no whole number from 0 to 2^53 - 1", name);
        return false;
    }
    *out = (int64_t)m->valuedouble;
    return true;
}
