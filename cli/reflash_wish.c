/* cli/reflash_wish.c - the words of a step, taken apart. */
#include "reflash_wish.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/text.h"
#include "command.h"

#define FLASH_PREFIX "flash:"

static const struct {
    const char *name;
    uint8_t kind;
} kinds[] = {
    {"bootloader", FERRY_STEP_BOOTLOADER},
    {"table", FERRY_STEP_TABLE},
    {"app", FERRY_STEP_APP},
    {"data", FERRY_STEP_DATA},
    {"raw", FERRY_STEP_RAW},
    {"move", 0},
    {"blank", FERRY_STEP_DATA},
};

bool reflash_wish_refuse(struct reflash_wishes *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(w->detail, sizeof(w->detail), fmt, ap);
    va_end(ap);
    return false;
}

bool reflash_place_parse(const char *text, struct reflash_place *out)
{
    char off[24];
    const size_t n = strcspn(text, "+");
    *out = (struct reflash_place){0};
    if (text[0] < '0' || text[0] > '9') {
        if (!*text || strlen(text) > FERRY_LABEL_BYTES)
            return false;
        out->by = REFLASH_BY_LABEL;
        strcpy(out->label, text);
        return true;
    }
    out->by = REFLASH_BY_RANGE;
    if (n >= sizeof(off))
        return false;
    memcpy(off, text, n);
    off[n] = '\0';
    return cli_parse_number(off, &out->off_bytes) &&
           (!text[n] || (cli_parse_number(text + n + 1, &out->size_bytes) && out->size_bytes));
}

struct reflash_wish *reflash_wish_next(struct reflash_wishes *w, const char *words)
{
    if (w->n == FERRY_PLAN_STEPS) {
        reflash_wish_refuse(w, "a plan has at most %u steps", FERRY_PLAN_STEPS);
        return NULL;
    }
    struct reflash_wish *s = &w->steps[w->n++];
    *s = (struct reflash_wish){0};
    snprintf(s->words, sizeof(s->words), "%s", words);
    return s;
}

bool reflash_wish_kind(struct reflash_wishes *w, struct reflash_wish *s, const char *kind)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(kinds[i].name, kind) != 0)
            continue;
        s->kind = kinds[i].kind;
        s->is_move = !s->kind;
        s->from = strcmp(kind, "blank") ? REFLASH_FROM_NAME : REFLASH_FROM_NOTHING;
        return true;
    }
    return reflash_wish_refuse(
        w, "'%s' is no kind of step: bootloader, table, app, data, raw, move or blank", kind);
}

bool reflash_wish_place(struct reflash_wishes *w, struct reflash_wish *s, const char *to)
{
    if (to && !reflash_place_parse(to, &s->to))
        return reflash_wish_refuse(w, "'%s' is no place: a label, or 0xOFFSET+SIZE", to);
    const bool has_own = s->kind == FERRY_STEP_BOOTLOADER || s->kind == FERRY_STEP_TABLE;
    if (!to && !has_own)
        return reflash_wish_refuse(w, "the step %s does not say where to: @LABEL or @0xOFFSET+SIZE",
                                   s->words);
    if (s->to.by == REFLASH_BY_RANGE && !s->to.size_bytes && !has_own)
        return reflash_wish_refuse(w, "the step %s does not say how large its place is: +SIZE",
                                   s->words);
    return true;
}

/** The name of a file as it is opened: relative ones count from the folder. */
static char *name_from(const char *name, const char *folder)
{
    char *out;
    const bool is_path = *name != '/' && strcmp(name, "-") != 0 && !strstr(name, "://");
    if (!is_path || !folder || !*folder)
        return strdup(name);
    return asprintf(&out, "%s/%s", folder, name) < 0 ? NULL : out;
}

bool reflash_wish_from(struct reflash_wishes *w, struct reflash_wish *s, const char *from,
                       const char *folder)
{
    if (s->from == REFLASH_FROM_NOTHING)
        return !from || reflash_wish_refuse(w, "a blank step has no source, not '%s'", from);
    if (!from || !*from)
        return reflash_wish_refuse(w, "the step %s does not say where its content comes from",
                                   s->words);
    const bool is_flash = !strncmp(from, FLASH_PREFIX, sizeof(FLASH_PREFIX) - 1);
    if (!is_flash && !s->is_move) {
        s->from_name = name_from(from, folder);
        return s->from_name || reflash_wish_refuse(w, "out of memory");
    }
    s->from = REFLASH_FROM_FLASH;
    from += is_flash ? sizeof(FLASH_PREFIX) - 1 : 0;
    return reflash_place_parse(from, &s->from_place) ||
           reflash_wish_refuse(w, "'%s' is no place to read from: a label, or 0xOFFSET+SIZE", from);
}

bool reflash_wish_extra(struct reflash_wishes *w, struct reflash_wish *s, const char *name,
                        const char *value)
{
    if (!strcmp(name, "resumes") && !value && s->kind == FERRY_STEP_BOOTLOADER) {
        s->resumes = true;
        return true;
    }
    if (!strcmp(name, "resumes"))
        return reflash_wish_refuse(w, "'resumes' stands alone, and with a bootloader only");
    if (!strcmp(name, "sha256")) {
        s->has_sha256 = value && ferry_text_hex(value, s->sha256, sizeof(s->sha256));
        return s->has_sha256 ||
               reflash_wish_refuse(w, "sha256 takes 64 hex digits, not '%s'", value ? value : "");
    }
    if (strcmp(name, "length") != 0)
        return reflash_wish_refuse(w, "a step knows sha256, length and resumes, not '%s'", name);
    if (!value || !cli_parse_number(value, &s->length_bytes) || !s->length_bytes)
        return reflash_wish_refuse(w, "length takes a number above 0, not '%s'",
                                   value ? value : "");
    return true;
}

/** Cuts `head` at its commas: kind and place, then what else is said. */
static bool take_head(struct reflash_wishes *w, struct reflash_wish *s, char *head)
{
    char *rest = NULL;
    const char *first = strtok_r(head, ",", &rest);
    char *place = first ? strchr(first, '@') : NULL;
    if (place)
        *place++ = '\0';
    if (!reflash_wish_kind(w, s, first ? first : "") || !reflash_wish_place(w, s, place))
        return false;
    for (char *word; (word = strtok_r(NULL, ",", &rest));) {
        char *value = strchr(word, ':');
        if (value)
            *value++ = '\0';
        if (!reflash_wish_extra(w, s, word, value))
            return false;
    }
    return true;
}

bool reflash_wish_add(struct reflash_wishes *w, const char *text)
{
    const size_t n = strcspn(text, "=");
    char *head = strndup(text, n);
    if (!head)
        return reflash_wish_refuse(w, "out of memory");
    struct reflash_wish *s = reflash_wish_next(w, head);
    if (s)
        s->words[strcspn(s->words, ",")] = '\0';
    const bool ok =
        s && take_head(w, s, head) && reflash_wish_from(w, s, text[n] ? text + n + 1 : NULL, NULL);
    free(head);
    return ok;
}

void reflash_wishes_free(struct reflash_wishes *w)
{
    for (unsigned i = 0; i < w->n; i++)
        free(w->steps[i].from_name);
    free(w->staging);
    free(w->backup);
    w->n = 0;
    w->staging = w->backup = NULL;
}
