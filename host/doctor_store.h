/* host/doctor_store.h - an NVS store as the doctor sees it: how it is to be read, what is damaged
 * in it, and what a mount makes of it. The mount is the core's own (ferry/nvs.h), the examination
 * host/nvs_check.h's. Which stores are mended, and which never: docs/doctor.md "What a repair may
 * do". */
#ifndef FERRY_DOCTOR_STORE_H
#define FERRY_DOCTOR_STORE_H

#include "facts.h"
#include "ferry/crypto.h"
#include "nvs_check.h"

#define FERRY_STORE_KEYS       1024u // that are listed; more are only counted
#define FERRY_STORE_DAMAGES    64u   // likewise
#define FERRY_STORE_NAME_BYTES 56u   // "label:namespace/key" and its NUL

/** How the entries are to be read. */
enum ferry_store_cipher {
    FERRY_STORE_UNKNOWN,   // none is whole, neither as it stands nor by the device's keys
    FERRY_STORE_PLAIN,     // some are whole as they stand, or there are none
    FERRY_STORE_ENCRYPTED, // they are by the keys in the device's nvs_keys partition
};

/** A store that was looked at; the row is kept. */
struct ferry_store {
    const struct ferry_partition *row;
    enum ferry_store_cipher cipher;
    struct ferry_xts xts;           // open if ENCRYPTED
    struct ferry_nvs_report report; // as it reads by that cipher; owned
};

/** Something damaged; entries one behind the other of which the same is to be said count as one. */
struct ferry_store_damage {
    uint32_t off_bytes; // from the flash's start
    uint32_t n_more;    // entries behind it
    char what[FERRY_NVS_WHAT_BYTES], mount[FERRY_NVS_WHAT_BYTES];
};

/** The keys of mounted stores that can be read, and what was damaged before the mount. */
struct ferry_store_keys {
    uint32_t n, n_damages;
    uint8_t mark[FERRY_SHA256_BYTES]; // the same for the same keys with the same values
    char names[FERRY_STORE_KEYS][FERRY_STORE_NAME_BYTES];
    struct ferry_store_damage damages[FERRY_STORE_DAMAGES];
};

/** True if a row is an NVS store of whole pages, inside the flash. */
bool ferry_store_is(const struct ferry_partition *row, uint32_t flash_bytes);

/** Looks at a store. nvs_keys: the row of the device's keys, or NULL. Close it in any case.
 * FERRY_ERR_NO_MEMORY, FERRY_ERR_NVS_CRYPT, flash errors. */
FERRY_MUST_CHECK ferry_err ferry_store_look(struct ferry_store *s, const struct ferry_flash *flash,
                                            const struct ferry_partition *row,
                                            const struct ferry_partition *nvs_keys);
void ferry_store_close(struct ferry_store *s);

/** Mounts a store that was looked at, on the flash given, and adds its keys to *keys (NULL: they
 * are not wanted). Without read_only the mount mends. Errors as ferry_nvs_open. */
FERRY_MUST_CHECK ferry_err ferry_store_mount(const struct ferry_store *s,
                                             const struct ferry_flash *flash, bool read_only,
                                             struct ferry_store_keys *keys);

#endif
