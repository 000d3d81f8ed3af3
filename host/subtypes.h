/* host/subtypes.h - the keywords of subtypes, with those that a project adds to them
 * (--extra-partition-subtypes of Espressif's tool). Rests on core's names. */
#ifndef FERRY_SUBTYPES_H
#define FERRY_SUBTYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/err.h"

/** {0} knows Espressif's own names only. */
struct ferry_subtypes {
    struct ferry_subtype_name {
        uint8_t type;
        int64_t value; // as given; only 0 to 255 can ever be used
        char *name;    // owned
    } * extra;
    size_t n_extra;
};

/** Takes one definition: "type, subtype, value", the value in base 16. A name given before is given
 * its new value.
 * FERRY_ERR_CSV        not three fields, no such type, no number, or the value is taken; detail
 *                      says which
 * FERRY_ERR_NO_MEMORY */
FERRY_MUST_CHECK ferry_err ferry_subtypes_add(struct ferry_subtypes *s, const char *definition,
                                              char *detail, size_t n_detail);

void ferry_subtypes_free(struct ferry_subtypes *s);

/** The value of a keyword, upper and lower case alike; s may be NULL. As in Espressif's tool a name
 * that was added with capitals is never found. */
bool ferry_subtypes_value(const struct ferry_subtypes *s, uint8_t type, const char *name,
                          int64_t *value);

/** The keyword of a value, or NULL; s may be NULL. */
const char *ferry_subtypes_name(const struct ferry_subtypes *s, uint8_t type, uint8_t subtype);

/** The types that have subtypes of their own: their number counts up from 0. */
#define FERRY_NAMED_TYPES 4u

#endif
