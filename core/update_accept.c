/* core/update_accept.c - whether an image may replace what runs: descriptor, project, version.
 * Asked once, when header and descriptor are in and nothing in flash has changed yet.
 * Rules: docs/design.md "Trust" and "Versions". */
#include "core/update_private.h"

#include "core/mem.h"
#include "ferry/version.h"

#define VERSION_OFF 16u
#define PROJECT_OFF 48u
#define TEXT_BYTES  32u
#define TEXTS_OFF   256u // in the device's scratch buffer, behind a descriptor's head
#define TEXT_STRIDE 40u

/* A descriptor's text need not end in NUL, so it is copied to where one follows. */
static const char *text(struct ferry_update *u, uint32_t place, const uint8_t *field)
{
    char *to = (char *)u->dev->work->buffer + TEXTS_OFF + place * TEXT_STRIDE;
    memcpy(to, field, TEXT_BYTES);
    to[TEXT_BYTES] = '\0';
    return to;
}

static bool same_project(const uint8_t *a, const uint8_t *b)
{
    for (uint32_t i = 0; i < TEXT_BYTES; i++) {
        if (a[i] != b[i])
            return false;
        if (!a[i])
            return true;
    }
    return true;
}

static ferry_err check_minimum(struct ferry_update *u, const char *version)
{
    if (!u->cfg.min_version)
        return FERRY_OK;
    switch (ferry_version_compare(version, u->cfg.min_version)) {
    case FERRY_ORDER_OLDER:
        return ferry__update_fail(u, FERRY_ERR_UPDATE_MIN_VERSION, 0, 0, 0);
    case FERRY_ORDER_UNKNOWN:
        return ferry__update_fail(u, FERRY_ERR_UPDATE_COMPARE, 0, 0, 0);
    default:
        return FERRY_OK;
    }
}

/* The descriptor of the app that is replaced; NULL where it has none and cannot be compared with.
 */
static ferry_err find_replaced(struct ferry_update *u, const uint8_t **found)
{
    struct ferry_device *d = u->dev;
    struct ferry_region region;
    uint8_t *raw = d->work->buffer;
    *found = u->cfg.replaced;
    if (!u->cfg.replaced) {
        if (ferry_device_region(d, d->running, &region))
            return FERRY_OK;
        const ferry_err err =
            ferry_region_read(&region, FERRY_APP_DESC_OFF, raw, FERRY_APP_DESC_HEAD_BYTES);
        if (err)
            return ferry__update_fail(u, err, 0, 0, region.off_bytes + FERRY_APP_DESC_OFF);
        *found = raw;
    }
    if (!ferry_app_desc_is(*found))
        *found = NULL;
    return FERRY_OK;
}

static ferry_err check_replaced(struct ferry_update *u, const uint8_t *desc, const char *version)
{
    const uint8_t *old = NULL;
    const ferry_err err = find_replaced(u, &old);
    if (err || !old)
        return err;
    if (!(u->cfg.flags & FERRY_UPDATE_PROJECT) &&
        !same_project(old + PROJECT_OFF, desc + PROJECT_OFF))
        return ferry__update_fail(u, FERRY_ERR_UPDATE_PROJECT, 0, 0, 0);
    if (!(u->cfg.flags & FERRY_UPDATE_DOWNGRADE) &&
        ferry_version_compare(version, text(u, 1, old + VERSION_OFF)) == FERRY_ORDER_OLDER)
        return ferry__update_fail(u, FERRY_ERR_UPDATE_DOWNGRADE, 0, 0, 0);
    return FERRY_OK;
}

/* Where the new descriptor's bytes are: the buffer still holds the file's beginning when a session
 * opens its slot for the first time; a resumed one finds it in the slot. */
static ferry_err find_desc(struct ferry_update *u, const uint8_t **desc)
{
    uint8_t *raw = u->dev->work->desc_head;
    *desc = (const uint8_t *)u->cfg.work + FERRY_APP_DESC_OFF;
    if (u->got_bytes <= u->cfg.work_bytes)
        return FERRY_OK;
    *desc = raw;
    const ferry_err err =
        ferry_region_read(&u->slot, FERRY_APP_DESC_OFF, raw, FERRY_APP_DESC_HEAD_BYTES);
    return err ? ferry__update_fail(u, err, 0, 0, u->slot.off_bytes) : FERRY_OK;
}

ferry_err ferry__update_accept(struct ferry_update *u)
{
    const struct ferry_image *img = &u->image;
    const uint8_t *desc;
    if (!img->header.n_segments)
        return ferry__update_fail(u, FERRY_ERR_IMAGE_SEGMENTS, 0, FERRY_IMAGE_SEGMENTS, 0);
    if (!img->desc_ready) {
        if (!(u->cfg.flags & FERRY_UPDATE_NO_DESC))
            return ferry__update_fail(u, FERRY_ERR_IMAGE_NO_DESC, 0, 0, FERRY_APP_DESC_OFF);
        return u->cfg.min_version ? ferry__update_fail(u, FERRY_ERR_UPDATE_COMPARE, 0, 0, 0)
                                  : FERRY_OK;
    }
    ferry_err err = find_desc(u, &desc);
    if (err)
        return err;
    const char *version = text(u, 0, desc + VERSION_OFF);
    err = check_minimum(u, version);
    return err ? err : check_replaced(u, desc, version);
}
