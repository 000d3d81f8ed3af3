/* cli/reflash_file.c - the plan file: the same steps as JSON. Read as hostile input: every key is
 * known and of its type, or the file is refused with the key's name. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "read_file.h"
#include "reflash_wish.h"

#define FILE_LIMIT_BYTES 65536u

/** A string, or NULL if the key is missing. False: something else. */
static bool text_of(struct reflash_wishes *w, const cJSON *item, const char **out)
{
    *out = cJSON_GetStringValue(item);
    return *out || reflash_wish_refuse(w, "\"%s\" is no string", item->string);
}

static bool number_of(struct reflash_wishes *w, const cJSON *item, uint32_t *out)
{
    const double n = cJSON_GetNumberValue(item);
    if (cJSON_IsNumber(item) && n >= 0 && n <= UINT32_MAX && n == (double)(uint32_t)n) {
        *out = (uint32_t)n;
        return true;
    }
    if (cJSON_IsString(item) && cli_parse_number(item->valuestring, out))
        return true;
    return reflash_wish_refuse(w, "\"%s\" is no number up to 4,294,967,295", item->string);
}

static bool bool_of(struct reflash_wishes *w, const cJSON *item, bool *out)
{
    *out = cJSON_IsTrue(item);
    return cJSON_IsBool(item) ||
           reflash_wish_refuse(w, "\"%s\" is neither true nor false", item->string);
}

/** Keys of a step that reflash_wish_extra knows; numbers may stand there as numbers. */
static bool take_extra(struct reflash_wishes *w, struct reflash_wish *s, const cJSON *item)
{
    const char *text;
    bool resumes;
    if (!strcmp(item->string, "length"))
        return number_of(w, item, &s->length_bytes);
    if (!strcmp(item->string, "resumes"))
        return bool_of(w, item, &resumes) &&
               (!resumes || reflash_wish_extra(w, s, item->string, NULL));
    return text_of(w, item, &text) && reflash_wish_extra(w, s, item->string, text);
}

static bool is_key(const cJSON *item, const char *name)
{
    return !strcmp(item->string, name);
}

/** What every step says, before its kind is known. */
enum step_text { TEXT_KIND, TEXT_TO, TEXT_FROM, N_TEXTS };

static enum step_text text_index(const cJSON *item)
{
    static const char *const names[N_TEXTS] = {"kind", "to", "from"};
    for (int i = 0; i < N_TEXTS; i++)
        if (is_key(item, names[i]))
            return (enum step_text)i;
    return N_TEXTS;
}

/** Those that are missing stay NULL. */
static bool read_texts(struct reflash_wishes *w, const cJSON *o, const char *texts[N_TEXTS])
{
    bool ok = cJSON_IsObject(o) || reflash_wish_refuse(w, "a step is no object");
    for (const cJSON *item = ok ? o->child : NULL; ok && item; item = item->next) {
        const enum step_text i = text_index(item);
        ok = i == N_TEXTS || text_of(w, item, &texts[i]);
    }
    return ok && (texts[TEXT_KIND] || reflash_wish_refuse(w, "a step has no \"kind\""));
}

static bool take_step(struct reflash_wishes *w, const cJSON *o, const char *folder)
{
    const char *texts[N_TEXTS] = {NULL, NULL, NULL};
    char words[REFLASH_WISH_BYTES];
    if (!read_texts(w, o, texts))
        return false;
    const char *kind = texts[TEXT_KIND], *to = texts[TEXT_TO];
    snprintf(words, sizeof(words), "%s%s%s", kind, to ? "@" : "", to ? to : "");
    struct reflash_wish *s = reflash_wish_next(w, words);
    bool ok = s && reflash_wish_kind(w, s, kind) && reflash_wish_place(w, s, to) &&
              reflash_wish_from(w, s, texts[TEXT_FROM], folder);
    for (const cJSON *item = o->child; ok && item; item = item->next)
        ok = text_index(item) != N_TEXTS || take_extra(w, s, item);
    return ok;
}

static bool take_steps(struct reflash_wishes *w, const cJSON *list, const char *folder)
{
    const cJSON *o;
    bool ok = cJSON_IsArray(list) || reflash_wish_refuse(w, "\"steps\" is no list");
    cJSON_ArrayForEach(o, list)
    {
        ok = ok && take_step(w, o, folder);
    }
    return ok;
}

static bool take_text(struct reflash_wishes *w, const cJSON *item, char **out)
{
    const char *text;
    if (!text_of(w, item, &text))
        return false;
    free(*out);
    *out = strdup(text);
    return *out || reflash_wish_refuse(w, "out of memory");
}

static bool take_key(struct reflash_wishes *w, const cJSON *item, const char *folder)
{
    if (is_key(item, "steps"))
        return take_steps(w, item, folder);
    if (is_key(item, "staging"))
        return take_text(w, item, &w->staging);
    if (is_key(item, "backup") && cJSON_IsTrue(item))
        return (w->backup = strdup("")) || reflash_wish_refuse(w, "out of memory");
    if (is_key(item, "backup"))
        return cJSON_IsFalse(item) || take_text(w, item, &w->backup);
    if (is_key(item, "foreign"))
        return bool_of(w, item, &w->foreign);
    if (is_key(item, "drop_nvs"))
        return bool_of(w, item, &w->drop_nvs);
    if (is_key(item, "new_table_offset")) {
        w->has_new_table_off = true;
        return number_of(w, item, &w->new_table_off_bytes);
    }
    return reflash_wish_refuse(w, "it knows no \"%s\"", item->string);
}

static bool take_file(struct reflash_wishes *w, const char *text, size_t n, const char *folder)
{
    cJSON *root = cJSON_ParseWithLength(text, n);
    bool ok = cJSON_IsObject(root) || reflash_wish_refuse(w, "it is no JSON object");
    for (const cJSON *item = ok ? root->child : NULL; ok && item; item = item->next)
        ok = take_key(w, item, folder);
    cJSON_Delete(root);
    return ok;
}

bool reflash_wish_file(struct reflash_wishes *w, const char *path)
{
    uint8_t *bytes;
    size_t n;
    int os_errno = 0;
    char why[REFLASH_DETAIL_BYTES];
    if (ferry_read_file(path, FILE_LIMIT_BYTES, &bytes, &n, &os_errno))
        return reflash_wish_refuse(w, "cannot read the plan file %.100s: %s", path,
                                   os_errno ? strerror(os_errno) : "it is too long");
    const char *slash = strrchr(path, '/');
    char *folder = strndup(path, slash ? (size_t)(slash - path) : 0);
    const bool ok =
        folder ? take_file(w, (char *)bytes, n, folder) : reflash_wish_refuse(w, "out of memory");
    free(folder);
    free(bytes);
    if (ok)
        return true;
    memcpy(why, w->detail, sizeof(why));
    return reflash_wish_refuse(w, "the plan file %.100s is not usable: %.120s", path, why);
}
