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
