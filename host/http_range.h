/* host/http_range.h - which part of a file a request asks for (RFC 9110, 13 and 14).
 * Pure functions over the fields' text, which is hostile input; fuzzed by fuzz_serve. */
#ifndef HOST_HTTP_RANGE_H
#define HOST_HTTP_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum http_part {
    HTTP_WHOLE,   // 200
    HTTP_PART,    // 206
    HTTP_OUTSIDE, // 416
};

/** Reads a Range field of a file of length_bytes. What is not one well-formed range of bytes is
 * passed over, as RFC 9110 allows: the whole file is the answer to several ranges, too.
 * HTTP_PART: [*first, *last], last included, lies in the file. range may be NULL. */
enum http_part http_range(const char *range, uint64_t length_bytes, uint64_t *first,
                          uint64_t *last);

/** True if a Range holds though an If-Range came with it: that is the file's strong ETag or its
 * date, to the letter. if_range NULL: true. */
bool http_if_range(const char *if_range, const char *etag, const char *date);

/** True if an If-None-Match names the ETag: * or a list of ETags, weak ones alike. */
bool http_none_match(const char *list, const char *etag);

#endif
