/* host/doctor_mend.h - the doctor's repair of NVS: what the device itself does when it mounts a
 * damaged store, for all stores that need it and may have it. Part of host/doctor_repair.c's
 * repairs; a store by itself is host/doctor_store.h's. */
#ifndef FERRY_DOCTOR_MEND_H
#define FERRY_DOCTOR_MEND_H

#include "doctor_store.h"

/** Mounts, on `flash`, each store that is damaged on `base` and whose cipher is proven by an entry
 * that can be read. The two are the same for the repair itself; for a rehearsal `flash` is a copy.
 * Left alone: stores of another cipher, read-only ones, those under flash encryption, and those
 * that share bytes with another partition. read_only: only looks. keys, or NULL: gets what can be
 * read afterwards.
 * FERRY_ERR_STATE there is no such store; else why the first cannot be mounted, if none can. */
FERRY_MUST_CHECK ferry_err ferry_nvs_mend(const struct ferry_flash *base,
                                          const struct ferry_flash *flash,
                                          const struct ferry_table *table, bool read_only,
                                          struct ferry_store_keys *keys);

#endif
