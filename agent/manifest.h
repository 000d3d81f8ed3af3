/* agent/manifest.h - the JSON that names a release: where its firmware is, how long, which SHA-256.
 * Compatible with the manifests of MicroPython's OTA tool (firmware, sha, length); what ferry adds
 * is optional. Read from any source; the text is hostile input. Table of keys:
 * docs/design/sources.md. */
#ifndef FERRY_MANIFEST_H
#define FERRY_MANIFEST_H

#include "agent/source.h"
#include "agent/url.h"
#include "ferry/crypto.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_MANIFEST_BYTES         8192u // the longest manifest
#define FERRY_MANIFEST_VERSION_BYTES 64u
#define FERRY_MANIFEST_SERIAL_MAX    9007199254740991u // 2^53 - 1: what JSON carries exactly

/** A manifest that was read; about 1.5 KB. Strings that it does not have are "". */
struct ferry_manifest {
    char firmware[FERRY_URL_BYTES]; // resolved: an http(s) address, or a path
    bool firmware_is_url;
    uint8_t sha256[FERRY_SHA256_BYTES];
    uint32_t length_bytes;
    bool has_crc32;
    uint32_t crc32;
    bool has_serial;
    uint64_t serial;
    char version[FERRY_MANIFEST_VERSION_BYTES];
    char min_version[FERRY_MANIFEST_VERSION_BYTES];
    struct ferry_fault fault;               // why it could not be read
    char detail[FERRY_SOURCE_DETAIL_BYTES]; // the same in words, naming the key
};

/** True if a source of this name is a manifest: the name ends in ".json". */
bool ferry_manifest_is_named(const char *name);

/** Reads the n_bytes bytes of a manifest. name: the address or path it came from, which `firmware`
 * is resolved against:
 *   from an address: an http(s) address, or relative to the manifest's folder, or /x of the same
 *   origin; never a local file, never from https to http
 *   from a path: an http(s) address, an absolute path, or a path beside the manifest
 * FERRY_ERR_MANIFEST       name or content; m->detail says what, fault.off_bytes where if known
 * FERRY_ERR_MANIFEST_SIZE  fault: bytes, limit
 * FERRY_ERR_NO_MEMORY */
FERRY_MUST_CHECK ferry_err ferry_manifest_parse(struct ferry_manifest *m, const char *name,
                                                const char *json, size_t n_bytes);

/** Opens s, reads a whole manifest from it, closes s, parses. work: FERRY_MANIFEST_BYTES + 1 bytes,
 * free again afterwards. A failing source leaves its fault and detail in *m.
 * Errors as ferry_manifest_parse and those of the source. */
FERRY_MUST_CHECK ferry_err ferry_manifest_load(struct ferry_manifest *m, const char *name,
                                               struct ferry_source *s, char *work);

#ifdef __cplusplus
}
#endif
#endif
