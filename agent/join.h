/* agent/join.h - the join string: one line that `ferryd token new` prints and a device is given. It
 * names the server, whom to trust there, and the right to enrol. */
#ifndef FERRY_JOIN_H
#define FERRY_JOIN_H

#include <stddef.h>

#include "ferry/crypto.h"
#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_JOIN_URL_BYTES   257u
#define FERRY_JOIN_PIN_BYTES   65u // hex digits and NUL
#define FERRY_JOIN_TOKEN_BYTES 65u
#define FERRY_DEVICE_ID_BYTES  65u

/** Its parts; id is "" where the server chooses one. */
struct ferry_join {
    char url[FERRY_JOIN_URL_BYTES]; // https, without a slash at its end
    char pin[FERRY_JOIN_PIN_BYTES]; // SHA-256 of the root certificate's DER
    char token[FERRY_JOIN_TOKEN_BYTES];
    char id[FERRY_DEVICE_ID_BYTES];
};

/** Reads "ferry1:URL#PIN#TOKEN[#ID]". FERRY_ERR_JOIN; *why says which part is wrong, and never
 * quotes the token. */
FERRY_MUST_CHECK ferry_err ferry_join_parse(const char *text, struct ferry_join *out,
                                            const char **why);

#ifdef __cplusplus
}
#endif
#endif
