/* server/json.h - JSON from strangers: cJSON behind rules that leave no room for two readings.
 * Depth is bounded before cJSON sees a byte; a key may stand once in an object; names are compared
 * with their case; numbers are whole and of the size that JSON carries exactly. */
#ifndef SERVER_JSON_H
#define SERVER_JSON_H

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MOST   16u
#define JSON_MEMBERS_MOST 256u // of one object or array
#define JSON_WHY_BYTES    128u

/** Reads a text of n bytes, behind which stands a NUL, that is one object and nothing else. The
 * caller deletes it. NULL: why says the rule, as a sentence without full stop. */
cJSON *json_read(const void *bytes, size_t n, char why[JSON_WHY_BYTES]);

/** Copies the string member `name` into out, which holds out_bytes with NUL; "" if there is none.
 * False: it is no string, no UTF-8, or longer; why says it. */
bool json_text(const cJSON *object, const char *name, char *out, size_t out_bytes,
               char why[JSON_WHY_BYTES]);

/** Reads the whole number member `name`, 0 to 2^53 - 1; 0 if there is none. False: why says it. */
bool json_number(const cJSON *object, const char *name, int64_t *out, char why[JSON_WHY_BYTES]);

#endif
