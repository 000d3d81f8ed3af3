/* agent/release.h - what the agent remembers of a release, and which of two is newer.
 * One record of fixed size, kept in the store under `installed`, `confirmed`, `last_good`, `bad`,
 * `coming`. Its bytes: docs/updater.md. */
#ifndef FERRY_RELEASE_H
#define FERRY_RELEASE_H

#include "agent/manifest.h"
#include "agent/store.h"
#include "ferry/device.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_RELEASE_BYTES 144u

/** A release. Texts that are not known are "". */
struct ferry_release {
    int slot; // where it lies; FERRY_SLOT_NONE: nowhere
    uint32_t length_bytes;
    bool has_serial;
    uint64_t serial;
    uint8_t sha256[FERRY_SHA256_BYTES]; // of the whole file
    char version[FERRY_MANIFEST_VERSION_BYTES];
    char project[33];
};

/** The record under key. FERRY_ERR_NOT_FOUND there is none that can be read. */
FERRY_MUST_CHECK ferry_err ferry_release_load(struct ferry_store *s, const char *key,
                                              struct ferry_release *out);
FERRY_MUST_CHECK ferry_err ferry_release_save(struct ferry_store *s, const char *key,
                                              const struct ferry_release *r);

/** What a manifest offers. */
void ferry_release_of(const struct ferry_manifest *m, struct ferry_release *out);

bool ferry_release_same(const struct ferry_release *a, const struct ferry_release *b);

/** Whether `offer` may replace `now`: by serial where both have one, else by version; what cannot
 * be compared is a replacement, the same release is none. */
bool ferry_release_may_replace(const struct ferry_release *offer, const struct ferry_release *now);

#ifdef __cplusplus
}
#endif
#endif
