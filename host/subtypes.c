/* host/subtypes.c - names of subtypes, added to and looked up. */
#include "subtypes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "csv_number.h"
#include "ferry/partition.h"

#define BLANKS " \t\n\v\f\r"

static const struct ferry_subtype_name *find_name(const struct ferry_subtypes *s, uint8_t type,
                                                  const char *name)
{
    for (size_t i = 0; s && i < s->n_extra; i++)
        if (s->extra[i].type == type && !strcmp(s->extra[i].name, name))
            return &s->extra[i];
    return NULL;
}

bool ferry_subtypes_value(const struct ferry_subtypes *s, uint8_t type, const char *name,
                          int64_t *value)
{
    for (size_t i = 0; s && i < s->n_extra; i++) {
        const struct ferry_subtype_name *e = &s->extra[i];
        if (e->type != type || strcasecmp(e->name, name) != 0)
            continue;
        if (e->name[strcspn(e->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
            continue;
        *value = e->value;
        return true;
    }
    uint8_t known;
    if (ferry_subtype_by_name(type, name, &known))
        return false;
    *value = known;
    return true;
}

const char *ferry_subtypes_name(const struct ferry_subtypes *s, uint8_t type, uint8_t subtype)
{
    for (size_t i = 0; s && i < s->n_extra; i++)
        if (s->extra[i].type == type && s->extra[i].value == subtype)
            return s->extra[i].name;
    const char *known = ferry_subtype_name(type, subtype);
    return known && !find_name(s, type, known) ? known : NULL;
}

/** Copies field i of a comma-separated text, blanks stripped; NULL if there is none or no memory
 * (*no_memory). */
static char *copy_field(const char *text, unsigned i, bool *no_memory)
{
    for (; i; i--) {
        text = strchr(text, ',');
        if (!text)
            return NULL;
        text++;
    }
    size_t n = strcspn(text, ",");
    const size_t n_blanks = strspn(text, BLANKS);
    text += n_blanks < n ? n_blanks : n;
    n -= n_blanks < n ? n_blanks : n;
    while (n && strchr(BLANKS, text[n - 1]))
        n--;
    char *copy = strndup(text, n);
    *no_memory |= !copy;
    return copy;
}

/** Types by keyword, small letters only. */
static bool type_of(const char *word, uint8_t *type)
{
    return !ferry_type_by_name(word, type) && !strcmp(ferry_type_name(*type), word);
}

static ferry_err add(struct ferry_subtypes *s, uint8_t type, char *name, int64_t value)
{
    for (size_t i = 0; i < s->n_extra; i++) {
        if (s->extra[i].type == type && !strcmp(s->extra[i].name, name)) {
            s->extra[i].value = value;
            free(name);
            return FERRY_OK;
        }
    }
    struct ferry_subtype_name *grown =
        realloc(s->extra, (s->n_extra + 1) * sizeof(struct ferry_subtype_name));
    if (!grown) {
        free(name);
        return FERRY_ERR_NO_MEMORY;
    }
    s->extra = grown;
    s->extra[s->n_extra++] = (struct ferry_subtype_name){type, value, name};
    return FERRY_OK;
}

static ferry_err check(const struct ferry_subtypes *s, const char *type_word,
                       const char *value_text, uint8_t *type, int64_t *value, char *detail,
                       size_t n_detail)
{
    if (!type_of(type_word, type)) {
        snprintf(detail, n_detail,
                 "'%s' is no type that has subtypes; those are app, data, bootloader and "
                 "partition_table",
                 type_word);
        return FERRY_ERR_CSV;
    }
    if (!ferry_csv_int(value_text, strlen(value_text), 16, value)) {
        snprintf(detail, n_detail, "'%s' is no hexadecimal number", value_text);
        return FERRY_ERR_CSV;
    }
    const char *taken =
        *value < 0 || *value > 0xff ? NULL : ferry_subtypes_name(s, *type, (uint8_t)*value);
    if (taken) {
        snprintf(detail, n_detail, "subtype 0x%x of %s is %s already", (unsigned)*value, type_word,
                 taken);
        return FERRY_ERR_CSV;
    }
    return FERRY_OK;
}

ferry_err ferry_subtypes_add(struct ferry_subtypes *s, const char *definition, char *detail,
                             size_t n_detail)
{
    bool no_memory = false;
    char *fields[3];
    for (unsigned i = 0; i < 3; i++)
        fields[i] = copy_field(definition, i, &no_memory);
    uint8_t type = 0;
    int64_t value = 0;
    ferry_err err = no_memory ? FERRY_ERR_NO_MEMORY : FERRY_OK;
    if (!err && !fields[2]) {
        snprintf(detail, n_detail, "'%s' is not of the form TYPE,NAME,VALUE", definition);
        err = FERRY_ERR_CSV;
    }
    if (!err)
        err = check(s, fields[0], fields[2], &type, &value, detail, n_detail);
    if (!err)
        err = add(s, type, fields[1], value);
    else
        free(fields[1]);
    free(fields[0]);
    free(fields[2]);
    return err;
}

void ferry_subtypes_free(struct ferry_subtypes *s)
{
    for (size_t i = 0; i < s->n_extra; i++)
        free(s->extra[i].name);
    free(s->extra);
    *s = (struct ferry_subtypes){0};
}
