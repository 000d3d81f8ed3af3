/* agent/source.h - the source contract: where the bytes of an update come from.
 * A source is pulled: open it, read until it gives no more, close it. File, memory, http(s) and tcp
 * stand behind it; the update loop and the manifest reader call it and know of nothing else. Design
 * and policy tables: docs/design/sources.md. */
#ifndef FERRY_SOURCE_H
#define FERRY_SOURCE_H

#include "agent/cancel.h"
#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_SOURCE_DETAIL_BYTES    192u
#define FERRY_SOURCE_VALIDATOR_BYTES 96u

struct ferry_source;

/** What a kind of source implements. Callers use the functions below, which keep the books. */
struct ferry_source_ops {
    /** Begins at off_bytes of the file and fills s->facts. On an error nothing stays open. */
    ferry_err (*open)(struct ferry_source *s, uint32_t off_bytes);
    /** Fills up to n bytes of dst, n > 0; waits for at least one. *got 0: the end. */
    ferry_err (*read)(struct ferry_source *s, void *dst, size_t n, size_t *got);
    void (*close)(struct ferry_source *s);
    /** Goes back to the start of the file, within the first keep_bytes. NULL: close and open. */
    ferry_err (*rewind)(struct ferry_source *s);
};

/** What the origin says of the file; valid while the source is open and after it. A resumed update
 * compares the validators with those it began with. */
struct ferry_source_facts {
    uint32_t length_bytes;                            // of the whole file; 0: not known
    bool accepts_offset;                              // may be opened in the middle
    bool has_crc32;                                   // crc32 is the origin's promise
    uint32_t crc32;                                   // of the whole file
    char etag[FERRY_SOURCE_VALIDATOR_BYTES];          // as sent, quotes and W/ included; "" none
    char last_modified[FERRY_SOURCE_VALIDATOR_BYTES]; // as sent; "" none
};

/** The head of every source; a kind of source has it as its first member. Caller-owned. */
struct ferry_source {
    const struct ferry_source_ops *ops;
    const struct ferry_cancel *cancel; // kept; NULL: cannot be cancelled
    const char *address;               // what its validators belong to; NULL: it has none
    bool is_local;       // reading is cheap: first bytes are compared instead of passed over
    uint32_t keep_bytes; // set before opening: how far ferry_source_rewind reaches in a pipe
    struct ferry_source_facts facts;
    struct ferry_fault fault;               // why open or read failed
    char detail[FERRY_SOURCE_DETAIL_BYTES]; // more in words ("Not Found"); "" nothing
    uint32_t retry_after_s;                 // with a fault: the pause the origin asks for; 0: none
    uint32_t at_bytes;                      // offset in the file of the next byte
    const char *if_same;                    // for ops->open, see ferry_source_open_near
    bool may_begin_at_start;                // the same
    bool is_open;
    bool is_authenticated; // see ferry_source_is_authenticated
};

/** Opens the source at off_bytes of its file (0: the start). A closed source may be opened again.
 * FERRY_ERR_STATE      it is open
 * FERRY_ERR_CANCELLED  stopped by the caller
 * FERRY_ERR_RANGE      off_bytes is behind the end; fault: offset, length
 * else what the kind of source says with its own init function. Nothing is left open. */
FERRY_MUST_CHECK ferry_err ferry_source_open(struct ferry_source *s, uint32_t off_bytes);

/** The same, but where the origin cannot or will not begin at off_bytes it may begin at the start:
 * at_bytes then is 0. if_same: a validator; the middle is wanted only of a file that still has it,
 * else the start. "" or NULL: of whatever is there. */
FERRY_MUST_CHECK ferry_err ferry_source_open_near(struct ferry_source *s, uint32_t off_bytes,
                                                  const char *if_same);

/** Takes an open source back to its start. A pipe can only within its first keep_bytes.
 * FERRY_ERR_STATE more was read of a pipe; else as ferry_source_open. The source is closed then. */
FERRY_MUST_CHECK ferry_err ferry_source_rewind(struct ferry_source *s);

/** What tells this version of the file from another: its strong ETag, else its Last-Modified; ""
 * if the origin gives neither. */
const char *ferry_source_validator(const struct ferry_source *s);

/** The next bytes, at most n; *got is 0 at the end only. Any error ends the source: close it.
 * FERRY_ERR_STATE not open; FERRY_ERR_ARG n is 0; FERRY_ERR_CANCELLED; FERRY_ERR_RANGE the source
 * gives more than 4 GiB; else what the kind of source says. */
FERRY_MUST_CHECK ferry_err ferry_source_read(struct ferry_source *s, void *dst, size_t n,
                                             size_t *got);

/** Closes; harmless on a source that is not open. Facts, fault and detail stay readable. */
void ferry_source_close(struct ferry_source *s);

/** True if what the source gives comes from whom the user named: a file or standard input of this
 * machine, memory of this program, a server whose certificate was verified from the first request
 * on. Meaningful once the source is open. */
static inline bool ferry_source_is_authenticated(const struct ferry_source *s)
{
    return s->is_authenticated;
}

/** For implementations: records a refusal, detail in words (NULL: keep what stands there), and
 * returns err. */
ferry_err ferry_source_fail(struct ferry_source *s, ferry_err err, uint32_t value, uint32_t limit,
                            const char *detail);

#ifdef __cplusplus
}
#endif
#endif
