/* core/err.c - the words of the error list. Host tools add sentences in host/sentence.c. */
#include "ferry/err.h"

const char *ferry_strerror(ferry_err err)
{
#define CASE(name, number, text)                                                                   \
    case name:                                                                                     \
        return text;
    switch (err) {
        FERRY_ERR_LIST(CASE)
    }
#undef CASE
    return "unknown error";
}

const char *ferry_errname(ferry_err err)
{
#define CASE(name, number, text)                                                                   \
    case name:                                                                                     \
        return #name;
    switch (err) {
        FERRY_ERR_LIST(CASE)
    }
#undef CASE
    return "?";
}

ferry_err ferry_fail(struct ferry_fault *fault, ferry_err err, uint32_t value, uint32_t limit,
                     uint32_t off_bytes)
{
    if (fault) {
        fault->err = err;
        fault->value = value;
        fault->limit = limit;
        fault->off_bytes = off_bytes;
    }
    return err;
}
