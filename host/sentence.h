/* host/sentence.h - errors as sentences, in the field's words, with value and limit.
 * One table from ferry_err to a sentence; the command line and every host tool speak through it. */
#ifndef FERRY_SENTENCE_H
#define FERRY_SENTENCE_H

#include <stddef.h>
#include <stdint.h>

#include "ferry/err.h"

/** What the caller knows that a fault does not. All may be NULL. */
struct ferry_about {
    const char *file;   // what the data came from: a path, a URL, "stdin"
    const char *slot;   // label of the partition concerned
    const char *detail; // more in words: the system's reason, a parser's complaint
};

/** The longest sentence, its NUL included; longer file names are cut. */
#define FERRY_SENTENCE_BYTES 1024u

/** Writes the sentence for the fault, without a full stop, and returns buf. about may be NULL.
 * fault->err FERRY_OK gives "ok"; a number not in the list "unknown error N". */
const char *ferry_sentence(char *buf, size_t n_bytes, const struct ferry_fault *fault,
                           const struct ferry_about *about);

/** Writes n with thousands separators ("1,572,864") and returns buf; 27 bytes are enough. */
const char *ferry_thousands(char *buf, size_t n_bytes, uint64_t n);

#endif
