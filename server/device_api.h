/* server/device_api.h - what an enrolled device asks: what to run, its bytes, and to be heard.
 * Paths, arguments and answers: docs/design/server.md "What devices ask". */
#ifndef SERVER_DEVICE_API_H
#define SERVER_DEVICE_API_H

#include "http_route.h"
#include "store_release.h"

extern const struct http_route device_routes[];

/** Adds a release's manifest, as the MicroPython tool reads it and with more keys. prefix: of the
 * firmware's address, "/api/v1/firmware/". */
void device_manifest(const struct release *release, const char *prefix, struct ferry_strbuf *out);

/** The SHA-256 that a path's end "HEX.bin" names. False: it names none. */
bool device_firmware_name(const char *after, char sha256[RELEASE_HEX_BYTES]);

#endif
