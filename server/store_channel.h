/* server/store_channel.h - rows of channels, of what they offer, and of which group follows which.
 * A device belongs to a group, a group follows a channel ("stable" unless said), a channel offers
 * releases; of those the newest that fits is what a device should run. */
#ifndef SERVER_STORE_CHANNEL_H
#define SERVER_STORE_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "http_route.h"
#include "store_release.h"

#define CHANNEL_DEFAULT "stable" // made with the schema

struct channel {
    char name[HTTP_ID_BYTES];
    char key_sha256[RELEASE_HEX_BYTES]; // whose signature it demands; "" nobody's
    int64_t created;
};

/** DB_ROW: *out is it; DB_OK: there is none; else the database's. */
enum db_result channel_find(struct db *db, const char *name, struct channel *out);

/** DB_OK; DB_CONFLICT: there is one of this name. */
enum db_result channel_add(struct db *db, const struct channel *channel);

enum db_result channel_set_key(struct db *db, const char *name, const char *key_sha256);

enum db_result channel_list(struct db *db, void (*each)(void *ctx, const struct channel *channel),
                            void *ctx);

/** Whether a channel offers a release now. */
enum db_result channel_offers(struct db *db, const char *name, const char *sha256, bool *yes);

/** Offers it, also again after a withdrawal. */
enum db_result channel_offer(struct db *db, const char *name, const char *sha256, int64_t now);

/** Withdraws a release from a channel, or from all if name is "". db_changed: from how many. */
enum db_result channel_withdraw(struct db *db, const char *name, const char *sha256, int64_t now);

/** The names of the channels that offer a release now. */
enum db_result channel_list_offers(struct db *db, const char *sha256,
                                   void (*each)(void *ctx, const char *channel), void *ctx);

/** The channel that a group follows. */
enum db_result channel_of_fleet(struct db *db, const char *fleet, char out[HTTP_ID_BYTES]);

/** Lets a group follow a channel. */
enum db_result channel_follow(struct db *db, const char *fleet, const char *name);

#endif
