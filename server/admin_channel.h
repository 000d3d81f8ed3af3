/* server/admin_channel.h - channels, whose signature each demands, and which group follows which.
 */
#ifndef SERVER_ADMIN_CHANNEL_H
#define SERVER_ADMIN_CHANNEL_H

#include "admin.h"
#include "store_channel.h"

/** Makes a channel. key: SHA-256 of whose signature it demands, 64 digits; NULL or "none":
 * nobody's. ADMIN_TAKEN: there is one of that name. */
enum admin_code admin_channel_add(struct admin *a, const char *name, const char *key,
                                  struct channel *out);

/** Sets the key of one that is there. */
enum admin_code admin_channel_set_key(struct admin *a, const char *name, const char *key,
                                      struct channel *out);

/** Lets a group follow a channel. */
enum admin_code admin_channel_follow(struct admin *a, const char *group, const char *name);

/** The row as JSON; the caller's. */
cJSON *channel_json(const struct channel *c);

#endif
