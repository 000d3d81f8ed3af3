/* core/nvs_private.h - what the files of the NVS store share: raw pages at the bottom, a search
 * over all of them, the list of pages, and the mount. Only core/nvs*.c come in. Positions are in
 * the list of pages, not in the region. Facts: docs/formats.md "NVS". */
#ifndef FERRY_NVS_PRIVATE_H
#define FERRY_NVS_PRIVATE_H

#include "ferry/nvs.h"

/** State of a page in the list. NEW is in use but blank: its header is written with its first
 * entry, because Espressif's code does so. BAD is free once erased. */
enum { NVS_FREE, NVS_BAD, NVS_NEW, NVS_ACTIVE, NVS_FULL, NVS_FREEING };

#define NVS_NS_ANY      0xffu
#define NVS_KEYS        0x100u // all that is no chunk of a blob
#define NVS_ALL         0x200u
#define NVS_VERSION_BIT 0x80u // of a chunk: each overwrite of a blob changes to the other half

/** What to look for. */
struct nvs_want {
    uint8_t ns;     // or NVS_NS_ANY
    uint16_t chunk; // the chunk of this number, or NVS_KEYS, or NVS_ALL
    char key[16];   // NUL-padded; empty: any
};

/** Where a search stands; {0} begins one. */
struct nvs_cursor {
    uint16_t page; // position in the list
    uint8_t at;    // where entry stands
    uint8_t next;  // where the search goes on
    struct ferry_nvs_entry entry;
};

/* Raw pages: nvs_raw.c. A failed write marks the store as failed. */

/** Reads bytes of a page as they are in flash. */
ferry_err ferry__nvs_read(struct ferry_nvs *s, uint32_t page, uint32_t off, void *dst,
                          uint32_t len_bytes);
/** Reads entry i and decrypts it. */
ferry_err ferry__nvs_read_unit(struct ferry_nvs *s, uint32_t page, uint32_t i, uint8_t unit[32]);
ferry_err ferry__nvs_is_blank(struct ferry_nvs *s, uint32_t page, uint32_t off, uint32_t len_bytes,
                              bool *blank);
/** Sets the states of n entries from the last to the first, as many as one write can at once. */
ferry_err ferry__nvs_set_state(struct ferry_nvs *s, uint32_t page, uint32_t first, uint32_t n,
                               enum ferry_nvs_entry_state state);
/** Marks n entries erased and counts them; with purge their bytes become zero. */
ferry_err ferry__nvs_erase_units(struct ferry_nvs *s, uint32_t page, uint32_t first, uint32_t n,
                                 bool purge);
ferry_err ferry__nvs_zero_units(struct ferry_nvs *s, uint32_t page, uint32_t first, uint32_t n);
ferry_err ferry__nvs_set_page_state(struct ferry_nvs *s, uint32_t page, uint8_t state);
ferry_err ferry__nvs_erase_page(struct ferry_nvs *s, uint32_t page);
/** Adds n entries behind the last one of a page: one write, then their states. */
ferry_err ferry__nvs_append(struct ferry_nvs *s, uint32_t page, const uint8_t *units, uint32_t n);
/** Writes the header of a NEW page. */
ferry_err ferry__nvs_begin_page(struct ferry_nvs *s, uint32_t page);

/* Search: nvs_find.c. It sees entries that are whole, and never writes. */

/** The next entry that fits; FERRY_ERR_NOT_FOUND (no fault is set) behind the last page. */
ferry_err ferry__nvs_find(struct ferry_nvs *s, struct nvs_cursor *c, const struct nvs_want *want);
/** FERRY_ERR_NOT_FOUND becomes FERRY_OK: the search has come to its end. */
ferry_err ferry__nvs_end(ferry_err err);
/** Are the n entries from `first` all written? */
bool ferry__nvs_all_written(const uint8_t map[FERRY_NVS_MAP_BYTES], uint32_t first, uint32_t n);
/** The same (ns, key) as an entry has, as something to look for. */
void ferry__nvs_want_like(struct nvs_want *want, const struct ferry_nvs_entry *e);
/** Checks the key and fills *want with NVS_KEYS. ns 0 searches names of namespaces. */
ferry_err ferry__nvs_want(struct ferry_nvs *s, struct nvs_want *want, uint32_t ns, const char *key);
/** FERRY_ERR_ARG ns is none a key can be in; FERRY_ERR_STATE the store has failed. */
ferry_err ferry__nvs_check_ns(struct ferry_nvs *s, uint32_t ns);
/** Checks what a caller gave and finds it. FERRY_ERR_NVS_KEY, with its fault. */
ferry_err ferry__nvs_find_key(struct ferry_nvs *s, struct nvs_cursor *c, uint32_t ns,
                              const char *key);
/** Reads the value behind the entry into out (NULL: nowhere) and compares it with `same` (NULL:
 * with nothing). FERRY_ERR_NVS_DATA its CRC is wrong. *equal is written if same is given. */
ferry_err ferry__nvs_value(struct ferry_nvs *s, const struct nvs_cursor *c, uint8_t *out,
                           const uint8_t *same, bool *equal);
/** Erases what the cursor stands on; of a blob the index, then its chunks. */
ferry_err ferry__nvs_erase_found(struct ferry_nvs *s, const struct nvs_cursor *c, bool purge);

/* The list of pages: nvs_pages.c. */

/** The page that entries are added to. */
static inline uint32_t ferry__nvs_current(const struct ferry_nvs *s)
{
    return s->n_listed - 1u;
}
ferry_err ferry__nvs_activate(struct ferry_nvs *s);
/** Erases a listed page and makes it the last of the free ones. */
ferry_err ferry__nvs_release(struct ferry_nvs *s, uint32_t page);
/** Copies the whole entries of page `from` to the current page; with `known` not equal to `from`
 * only those whose key is not on page `known`. */
ferry_err ferry__nvs_copy_page(struct ferry_nvs *s, uint32_t from, uint32_t known);
/** Finds the entry of page `page` that has the key of e. FERRY_ERR_NOT_FOUND. */
ferry_err ferry__nvs_find_twin(struct ferry_nvs *s, struct nvs_cursor *twin, uint32_t page,
                               const struct ferry_nvs_entry *e);
/** Closes the current page and begins another, freeing one if only the spare one is left.
 * FERRY_ERR_NVS_FULL, without a fault. */
ferry_err ferry__nvs_next_page(struct ferry_nvs *s);
/** Adds an entry with its value to the current page or the next.
 * FERRY_ERR_NVS_FULL, without a fault, and nothing was added. */
ferry_err ferry__nvs_add(struct ferry_nvs *s, const struct ferry_nvs_entry *e,
                         const uint8_t *value);
/** The same, but only to the current page. */
ferry_err ferry__nvs_add_here(struct ferry_nvs *s, const struct ferry_nvs_entry *e,
                              const uint8_t *value);
/** FERRY_ERR_NVS_FULL with its fault: how many entries are needed, and how many are free. */
ferry_err ferry__nvs_full(struct ferry_nvs *s, uint32_t n_units);

/* Mount: nvs_mount.c, and the blobs' part of it: nvs_blob.c. */

ferry_err ferry__nvs_load_pages(struct ferry_nvs *s);
ferry_err ferry__nvs_finish_interrupted(struct ferry_nvs *s);
ferry_err ferry__nvs_clean_blobs(struct ferry_nvs *s);
/** True if all chunks that an index names are there and sum up to its size. */
ferry_err ferry__nvs_blob_is_whole(struct ferry_nvs *s, const struct ferry_nvs_entry *index,
                                   bool *whole);

/* What getters and setters share: nvs.c. */

/** Checks that the store can be written, and ns and key as a caller gave them. */
ferry_err ferry__nvs_begin_write(struct ferry_nvs *s, struct nvs_want *want, uint32_t ns,
                                 const char *key);
/** Erases the key's entries, of whatever type, but the one that the last `n_units` of the current
 * page are. */
ferry_err ferry__nvs_erase_older(struct ferry_nvs *s, const struct nvs_want *want,
                                 uint32_t n_units);
/** Does the value fit what the caller has? Sets *size_bytes to its size. */
ferry_err ferry__nvs_fits(struct ferry_nvs *s, const struct nvs_cursor *c, const void *out,
                          uint32_t *size_bytes);

#endif
