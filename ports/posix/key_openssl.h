/* ports/posix/key_openssl.h - the device's key by OpenSSL, for agent/identity.h: the virtual device
 * makes and uses its key as a chip does, in software. */
#ifndef FERRY_KEY_OPENSSL_H
#define FERRY_KEY_OPENSSL_H

#include "agent/identity.h"

/** Makes an identity; it has nothing to close. */
void ferry_key_openssl_init(struct ferry_identity *id);

#endif
