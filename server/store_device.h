/* server/store_device.h - rows of devices: an id, its group, and the key that may speak for it.
 * Ids come from tokens or from here, never from what a device says. Who decides when a row may
 * change: enroll.h and `ferryd device`. */
#ifndef SERVER_STORE_DEVICE_H
#define SERVER_STORE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "ca.h"
#include "db.h"
#include "http_route.h"

struct device {
    char id[HTTP_ID_BYTES];
    char fleet[HTTP_ID_BYTES];     // the group
    char key_sha256[CA_HEX_BYTES]; // of the public key that it may use; "" none yet
    int64_t created;               // Unix seconds, as all times here
    int64_t released;              // since when another key may enrol; 0 no
    int64_t revoked;               // since when nothing of it counts; 0 it counts
};

/** 1 to 64 letters, digits and . _ - : of which the first is a letter or digit. Groups too. */
bool device_name_is_fine(const char *name);

/** Writes a new random id: "dev-" and 16 hex digits. False: no random bytes. */
bool device_new_id(char out[HTTP_ID_BYTES]);

/** What a SELECT over device d names for device_read. */
#define DEVICE_COLUMNS   "d.id, d.fleet, d.key_sha256, d.created, d.released, d.revoked"
#define DEVICE_N_COLUMNS 6u

/** Takes a device from the row that a statement stands on, from column `at` on. */
void device_read(struct db *db, unsigned at, struct device *out);

/** DB_ROW: *out is it; DB_OK: there is none; else the database's. */
enum db_result device_find(struct db *db, const char *id, struct device *out);

/** The same for the device whose key this is. */
enum db_result device_find_by_key(struct db *db, const char *key_sha256, struct device *out);

/** DB_OK; DB_CONFLICT: the id is taken. */
enum db_result device_add(struct db *db, const struct device *device);

/** Gives it a key; ends_release: which is what an operator had released it for. */
enum db_result device_set_key(struct db *db, const char *id, const char *key_sha256,
                              bool ends_release);

/** Sets what an operator decides: since when released and revoked, 0 not. */
enum db_result device_set_state(struct db *db, const char *id, int64_t released, int64_t revoked);

/** Removes it with all that refers to it. */
enum db_result device_remove(struct db *db, const char *id);

#endif
