/* agent/release.c - records of releases, as bytes and in order. */
#include "agent/release.h"

#include <string.h>

#include "agent/text.h"
#include "ferry/bytes.h"
#include "ferry/version.h"

#define FORMAT      1u
#define NO_SLOT     0xffu
#define LENGTH_OFF  4u
#define SERIAL_OFF  8u // all ones: none
#define SHA_OFF     16u
#define VERSION_OFF 48u
#define PROJECT_OFF 112u

static void put_u64(uint8_t *p, uint64_t v)
{
    ferry_put_le32(p, (uint32_t)v);
    ferry_put_le32(p + 4, (uint32_t)(v >> 32));
}

static uint64_t get_u64(const uint8_t *p)
{
    return (uint64_t)ferry_le32(p + 4) << 32 | ferry_le32(p);
}

static void get_text(char *out, const uint8_t *p, size_t n_out)
{
    memcpy(out, p, n_out - 1);
    out[n_out - 1] = '\0';
}

ferry_err ferry_release_load(struct ferry_store *s, const char *key, struct ferry_release *out)
{
    uint8_t bytes[FERRY_RELEASE_BYTES];
    uint32_t n = sizeof bytes;
    const ferry_err err = s->ops->get(s, FERRY_STORE_BLOB, key, bytes, &n);
    if (err == FERRY_ERR_NVS_BUFFER || (!err && (n != sizeof bytes || bytes[0] != FORMAT)))
        return FERRY_ERR_NOT_FOUND; // of another version of ferry
    if (err)
        return err;
    out->slot = bytes[1] == NO_SLOT ? FERRY_SLOT_NONE : bytes[1];
    out->length_bytes = ferry_le32(bytes + LENGTH_OFF);
    out->serial = get_u64(bytes + SERIAL_OFF);
    out->has_serial = out->serial != UINT64_MAX;
    memcpy(out->sha256, bytes + SHA_OFF, sizeof out->sha256);
    get_text(out->version, bytes + VERSION_OFF, sizeof out->version);
    get_text(out->project, bytes + PROJECT_OFF, sizeof out->project);
    return FERRY_OK;
}

ferry_err ferry_release_save(struct ferry_store *s, const char *key, const struct ferry_release *r)
{
    uint8_t bytes[FERRY_RELEASE_BYTES] = {FORMAT, NO_SLOT};
    if (r->slot >= 0)
        bytes[1] = (uint8_t)r->slot;
    ferry_put_le32(bytes + LENGTH_OFF, r->length_bytes);
    put_u64(bytes + SERIAL_OFF, r->has_serial ? r->serial : UINT64_MAX);
    memcpy(bytes + SHA_OFF, r->sha256, sizeof r->sha256);
    memcpy(bytes + VERSION_OFF, r->version, strlen(r->version));
    memcpy(bytes + PROJECT_OFF, r->project, strlen(r->project));
    return s->ops->set(s, FERRY_STORE_BLOB, key, bytes, sizeof bytes);
}

void ferry_release_of(const struct ferry_manifest *m, struct ferry_release *out)
{
    memset(out, 0, sizeof *out);
    out->slot = FERRY_SLOT_NONE;
    out->length_bytes = m->length_bytes;
    out->has_serial = m->has_serial;
    out->serial = m->serial;
    memcpy(out->sha256, m->sha256, sizeof out->sha256);
    ferry_text_add(out->version, sizeof out->version, m->version);
}

bool ferry_release_same(const struct ferry_release *a, const struct ferry_release *b)
{
    return memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0;
}

bool ferry_release_may_replace(const struct ferry_release *offer, const struct ferry_release *now)
{
    if (ferry_release_same(offer, now))
        return false;
    if (offer->has_serial && now->has_serial)
        return offer->serial > now->serial;
    if (!offer->version[0] || !now->version[0])
        return true;
    return ferry_version_compare(offer->version, now->version) != FERRY_ORDER_OLDER;
}
