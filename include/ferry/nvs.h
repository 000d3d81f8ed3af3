/* ferry/nvs.h - Espressif's key-value store on a region of flash, safe against power cuts.
 * What this writes, Espressif's code mounts, and the other way round. Rests on ferry/nvs_page.h
 * for the bytes and on ferry/flash.h; nothing here allocates. Not for use from two threads at once.
 * Facts: docs/formats.md "NVS"; order of writes: docs/design.md "NVS". */
#ifndef FERRY_NVS_H
#define FERRY_NVS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/crypto_xts.h"
#include "ferry/flash.h"
#include "ferry/nvs_page.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_NVS_PAGES_MIN  3u // to write; one and two pages open for reading only
#define FERRY_NVS_NAME_BYTES 16u

/** What the store remembers of a page, in work memory. The store's own. */
struct ferry_nvs_page {
    uint32_t seq;
    uint16_t index; // position in the region
    uint8_t state;
    uint8_t next_free; // first entry that was never written
    uint8_t n_used;
};

/** Work memory for a region of n_pages, aligned as uint32_t is: 12 bytes a page. */
#define FERRY_NVS_WORK_BYTES(n_pages) ((n_pages) * sizeof(struct ferry_nvs_page))

struct ferry_nvs_config {
    struct ferry_region region;  // whole pages; its flash is kept, with prog_bytes 1, 2 or 4
    const struct ferry_xts *xts; // kept; NULL: not encrypted
    void *work;                  // kept; the caller's until he drops the store
    size_t work_bytes;           // FERRY_NVS_WORK_BYTES(pages) at least
    bool read_only;              // nothing is written, not even a repair
};

/** An open store. Caller-owned plain memory; there is nothing to close. The region may have no
 * other user meanwhile. */
struct ferry_nvs {
    struct ferry_region region;
    const struct ferry_xts *xts;
    struct ferry_nvs_page *pages; // those in use, oldest first; then the free ones, next first
    uint16_t n_pages;
    uint16_t n_listed; // in use
    uint32_t next_seq;
    bool read_only;
    bool failed;              // the flash failed in a write; only opening again helps
    bool purge;               // the caller's, false after open: see ferry_nvs_erase()
    struct ferry_fault fault; // of the last call that failed
};

/** Mounts the region: reads every page, repairs what a power cut left behind, and finishes what it
 * interrupted. Opened read-only it repairs nothing, and reads the values that are whole.
 * FERRY_ERR_ARG            region is not whole pages, the flash's sector is not one page or its
 *                          prog_bytes above 4: value found, limit wanted
 * FERRY_ERR_WORK_SIZE      value bytes given, limit needed
 * FERRY_ERR_NVS_PAGES      value pages, limit needed to write
 * FERRY_ERR_NVS_VERSION    a page is of a later format: value, limit (off_bytes: the page)
 * FERRY_ERR_NVS_NO_FREE    no page is free, so nothing could be written; read-only still opens
 * FERRY_ERR_NVS_CRYPT, FERRY_ERR_FLASH_IO and the port's own: nothing was concluded from what could
 * not be read; open again once the flash answers. The fault is in s->fault. */
FERRY_MUST_CHECK ferry_err ferry_nvs_open(struct ferry_nvs *s,
                                          const struct ferry_nvs_config *config);

/** The number of a namespace, for the calls below. With `create` a missing one is added.
 * FERRY_ERR_NVS_NAMESPACE   not there, and not to be made
 * FERRY_ERR_NVS_KEY_LENGTH  empty or longer than 15: value, limit
 * FERRY_ERR_NVS_NAMESPACES  all 254 are taken;   FERRY_ERR_NVS_FULL, FERRY_ERR_NVS_READ_ONLY */
FERRY_MUST_CHECK ferry_err ferry_nvs_namespace(struct ferry_nvs *s, const char *name, bool create,
                                               uint8_t *ns);

/** The name of namespace ns, with NUL. FERRY_ERR_NVS_NAMESPACE there is none of this number. */
FERRY_MUST_CHECK ferry_err ferry_nvs_namespace_name(struct ferry_nvs *s, uint8_t ns,
                                                    char name[FERRY_NVS_NAME_BYTES]);

/* Errors that all calls below share:
 *   FERRY_ERR_ARG             ns is not 1 to 254, or a type is not one for this call
 *   FERRY_ERR_NVS_KEY_LENGTH  key is empty or longer than 15 characters: value, limit
 *   FERRY_ERR_NVS_KEY         no such key in the namespace
 *   FERRY_ERR_NVS_TYPE        the key holds another type: value found, limit asked for
 *   FERRY_ERR_NVS_READ_ONLY   the store was opened so
 *   FERRY_ERR_NVS_FULL        no room: value entries needed, limit entries free for them
 *   FERRY_ERR_NVS_DATA        the value does not match its CRC (off_bytes: where it stands)
 *   FERRY_ERR_FLASH_IO, FERRY_ERR_NVS_CRYPT: reading failed, and nothing was done; or a write
 *     stopped half-way, which is as a power cut. After that
 *   FERRY_ERR_STATE           until the store is opened again
 * A write that is refused leaves every key as it was. A write that a power cut interrupts leaves
 * the old value or the new one, and all other keys. */

/** Sets a number: the low bytes of bits as the type has; float and double as their IEEE bits.
 * A key of another type is replaced. An equal value writes nothing. */
FERRY_MUST_CHECK ferry_err ferry_nvs_set_number(struct ferry_nvs *s, uint8_t ns, const char *key,
                                                enum ferry_nvs_type type, uint64_t bits);

/** Gets a number of exactly this type; signed integers come sign-extended. */
FERRY_MUST_CHECK ferry_err ferry_nvs_get_number(struct ferry_nvs *s, uint8_t ns, const char *key,
                                                enum ferry_nvs_type type, uint64_t *bits);

/** Sets a string, NUL included in what is stored. FERRY_ERR_NVS_VALUE_LENGTH: value bytes with
 * NUL, limit 4000. */
FERRY_MUST_CHECK ferry_err ferry_nvs_set_string(struct ferry_nvs *s, uint8_t ns, const char *key,
                                                const char *text);

/** Sets a blob of any content; zero length is a value too. It may take several pages.
 * FERRY_ERR_NVS_VALUE_LENGTH: value bytes, limit min(pages - 1, 127) * 4000. */
FERRY_MUST_CHECK ferry_err ferry_nvs_set_blob(struct ferry_nvs *s, uint8_t ns, const char *key,
                                              const void *data, uint32_t size_bytes);

/** Gets a string with its NUL, or a blob of either version. *size_bytes: in, what out holds;
 * out, the size of the value. out NULL asks only for the size.
 * FERRY_ERR_NVS_BUFFER: value bytes stored, limit given; *size_bytes is set and out untouched.
 * FERRY_ERR_NVS_DATA: what is in out is of no use. */
FERRY_MUST_CHECK ferry_err ferry_nvs_get_string(struct ferry_nvs *s, uint8_t ns, const char *key,
                                                char *out, uint32_t *size_bytes);
FERRY_MUST_CHECK ferry_err ferry_nvs_get_blob(struct ferry_nvs *s, uint8_t ns, const char *key,
                                              void *out, uint32_t *size_bytes);

/** Erases a key, whatever its type. With s->purge the erased entries' bytes become zero, too;
 * otherwise they stay readable in flash until their page is erased. */
FERRY_MUST_CHECK ferry_err ferry_nvs_erase(struct ferry_nvs *s, uint8_t ns, const char *key);

/** Erases all keys of a namespace; its name and number stay. Atomic key by key: after a power cut
 * some are gone, the rest are whole, and calling it again finishes it. An empty one is fine. */
FERRY_MUST_CHECK ferry_err ferry_nvs_erase_all(struct ferry_nvs *s, uint8_t ns);

/** Zeroes what is still readable of the namespace's erased entries. */
FERRY_MUST_CHECK ferry_err ferry_nvs_purge(struct ferry_nvs *s, uint8_t ns);

/** Waits until all that was written survives power loss. On a chip every call does by itself. */
FERRY_MUST_CHECK ferry_err ferry_nvs_commit(struct ferry_nvs *s);

/** One key, as a listing shows it. */
struct ferry_nvs_info {
    uint8_t ns;
    uint8_t type; // FERRY_NVS_BLOB for blobs of either version
    char key[FERRY_NVS_NAME_BYTES];
    uint32_t size_bytes; // of the value; a string's NUL counts
};

/** Type and size of a key. */
FERRY_MUST_CHECK ferry_err ferry_nvs_find(struct ferry_nvs *s, uint8_t ns, const char *key,
                                          struct ferry_nvs_info *out);

/** Walks keys, oldest page first: {0} walks all. Set ns and type before the first call to walk
 * less. Writing to the store in between may make it miss keys or show one twice. */
struct ferry_nvs_iter {
    uint8_t ns;   // 0: every namespace
    uint8_t type; // 0 or FERRY_NVS_ANY: every type
    uint8_t entry;
    uint16_t page;
};

/** The next key; each is shown once, which costs a search of the flash for each.
 * FERRY_ERR_NOT_FOUND after the last, with no fault. */
FERRY_MUST_CHECK ferry_err ferry_nvs_next(struct ferry_nvs *s, struct ferry_nvs_iter *it,
                                          struct ferry_nvs_info *out);

/** In entries of 32 bytes, as Espressif's nvs_get_stats counts them. */
struct ferry_nvs_stats {
    uint32_t n_used;      // namespaces' own entries included
    uint32_t n_free;      // erased ones included
    uint32_t n_available; // what new values can take: one page stays free for copying
    uint32_t n_total;
    uint32_t n_namespaces;
};

FERRY_MUST_CHECK ferry_err ferry_nvs_stats(struct ferry_nvs *s, struct ferry_nvs_stats *out);

/** Entries that the keys of one namespace use, its own entry not counted. */
FERRY_MUST_CHECK ferry_err ferry_nvs_used(struct ferry_nvs *s, uint8_t ns, uint32_t *n_entries);

#ifdef __cplusplus
}
#endif
#endif
