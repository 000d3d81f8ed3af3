/* host/doctor_store.c - looking at a store by both ciphers, and mounting it. */
#include "doctor_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"
#include "ferry/nvs.h"
#include "nvs_keys.h"

#define NVS_MOST_BYTES 0x1000000u // more than any store has

bool ferry_store_is(const struct ferry_partition *row, uint32_t flash_bytes)
{
    return row->type == FERRY_TYPE_DATA && row->subtype == FERRY_DATA_NVS && row->size_bytes &&
           row->size_bytes <= NVS_MOST_BYTES && row->off_bytes % FERRY_NVS_PAGE_BYTES == 0 &&
           row->size_bytes % FERRY_NVS_PAGE_BYTES == 0 &&
           ferry_range_fits(row->off_bytes, row->size_bytes, flash_bytes);
}

/** Opens the cipher with the device's keys; false where they cannot be read, as when flash
 * encryption hides them. */
static bool open_keys(struct ferry_xts *xts, const struct ferry_flash *flash,
                      const struct ferry_partition *row)
{
    uint8_t head[FERRY_NVS_KEY_HEAD_BYTES], key[FERRY_XTS_KEY_BYTES];
    const char *why;
    const bool found = row && row->size_bytes >= sizeof(head) &&
                       ferry_range_fits(row->off_bytes, sizeof(head), flash->size_bytes) &&
                       !flash->ops->read(flash, row->off_bytes, head, sizeof(head)) &&
                       !ferry_nvs_keys_decode(head, sizeof(head), key, &why) &&
                       !ferry_xts_open(xts, key);
    explicit_bzero(head, sizeof(head));
    explicit_bzero(key, sizeof(key));
    return found;
}

/** True if entries were looked at and none of them was whole. */
static bool is_unreadable(const struct ferry_nvs_report *r)
{
    bool has_entries = false;
    for (size_t i = 0; i < r->n_findings; i++)
        has_entries |= r->findings[i].entry >= 0 && r->findings[i].grade == FERRY_NVS_DAMAGE;
    return has_entries && !r->n_entries;
}

static ferry_err look_by_keys(struct ferry_store *s, const uint8_t *bytes,
                              const struct ferry_flash *flash,
                              const struct ferry_partition *nvs_keys)
{
    struct ferry_nvs_report r = {0};
    if (!open_keys(&s->xts, flash, nvs_keys))
        return FERRY_OK;
    const ferry_err err = ferry_nvs_check(&r, bytes, s->row->size_bytes, &s->xts);
    if (err || r.n_entries <= s->report.n_entries) {
        ferry_nvs_report_free(&r);
        ferry_xts_close(&s->xts);
        return err;
    }
    ferry_nvs_report_free(&s->report);
    s->report = r;
    s->cipher = FERRY_STORE_ENCRYPTED;
    return FERRY_OK;
}

ferry_err ferry_store_look(struct ferry_store *s, const struct ferry_flash *flash,
                           const struct ferry_partition *row,
                           const struct ferry_partition *nvs_keys)
{
    *s = (struct ferry_store){.row = row};
    uint8_t *bytes = malloc(row->size_bytes);
    ferry_err err = bytes ? flash->ops->read(flash, row->off_bytes, bytes, row->size_bytes)
                          : FERRY_ERR_NO_MEMORY;
    if (!err)
        err = ferry_nvs_check(&s->report, bytes, row->size_bytes, NULL);
    s->cipher = is_unreadable(&s->report) ? FERRY_STORE_UNKNOWN : FERRY_STORE_PLAIN;
    if (!err)
        err = look_by_keys(s, bytes, flash, nvs_keys);
    free(bytes);
    return err;
}

void ferry_store_close(struct ferry_store *s)
{
    ferry_nvs_report_free(&s->report);
    ferry_xts_close(&s->xts);
}

/** Adds what a value holds to a hash; of one that is damaged, only that. */
static ferry_err hash_value(struct ferry_nvs *nvs, const struct ferry_nvs_info *info,
                            struct ferry_sha256 *hash)
{
    uint64_t bits = 0;
    uint32_t n = info->size_bytes;
    const bool is_long = info->type == FERRY_NVS_STRING || info->type == FERRY_NVS_BLOB;
    uint8_t *value = is_long ? malloc(n ? n : 1) : NULL;
    ferry_err err = FERRY_OK;
    if (is_long && !value)
        return FERRY_ERR_NO_MEMORY;
    if (!is_long)
        err =
            ferry_nvs_get_number(nvs, info->ns, info->key, (enum ferry_nvs_type)info->type, &bits);
    else if (info->type == FERRY_NVS_STRING)
        err = ferry_nvs_get_string(nvs, info->ns, info->key, (char *)value, &n);
    else
        err = ferry_nvs_get_blob(nvs, info->ns, info->key, value, &n);
    if (!err)
        ferry_sha256_update(hash, is_long ? (const void *)value : &bits,
                            is_long ? n : (uint32_t)sizeof(bits));
    free(value);
    return err == FERRY_ERR_NVS_DATA ? FERRY_OK : err;
}

/** The mark is the sum of the keys' hashes, so that it does not depend on their order. */
static ferry_err add_key(struct ferry_nvs *nvs, const struct ferry_nvs_info *info,
                         const char *label, struct ferry_store_keys *keys)
{
    char space[FERRY_NVS_NAME_BYTES], name[FERRY_STORE_NAME_BYTES];
    uint8_t digest[FERRY_SHA256_BYTES];
    struct ferry_sha256 hash;
    if (ferry_nvs_namespace_name(nvs, info->ns, space))
        snprintf(space, sizeof(space), "%u", info->ns); // it lost its name
    snprintf(name, sizeof(name), "%s:%s/%s", label, space, info->key);
    if (keys->n < FERRY_STORE_KEYS)
        memcpy(keys->names[keys->n], name, sizeof(name));
    keys->n++;
    ferry_sha256_init(&hash);
    ferry_sha256_update(&hash, name, strlen(name) + 1);
    ferry_sha256_update(&hash, &info->type, sizeof(info->type));
    const ferry_err err = hash_value(nvs, info, &hash);
    ferry_sha256_finish(&hash, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        keys->mark[i] = (uint8_t)(keys->mark[i] + digest[i]);
    return err;
}

static ferry_err list(struct ferry_nvs *nvs, const char *label, struct ferry_store_keys *keys)
{
    struct ferry_nvs_iter it = {0};
    struct ferry_nvs_info info;
    ferry_err err;
    while (!(err = ferry_nvs_next(nvs, &it, &info)))
        if ((err = add_key(nvs, &info, label, keys)))
            return err;
    return err == FERRY_ERR_NOT_FOUND ? FERRY_OK : err;
}

static void add_damages(const struct ferry_store *s, struct ferry_store_keys *keys)
{
    for (size_t i = 0; i < s->report.n_findings; i++) {
        const struct ferry_nvs_finding *f = &s->report.findings[i];
        const uint32_t off = s->row->off_bytes + f->off_bytes;
        struct ferry_store_damage *last = keys->n_damages && keys->n_damages <= FERRY_STORE_DAMAGES
                                              ? &keys->damages[keys->n_damages - 1]
                                              : NULL;
        if (f->grade != FERRY_NVS_DAMAGE)
            continue;
        if (last && f->entry > 0 && !strcmp(last->what, f->what) &&
            off == last->off_bytes + (last->n_more + 1) * FERRY_NVS_ENTRY_BYTES) {
            last->n_more++;
            continue;
        }
        if (keys->n_damages < FERRY_STORE_DAMAGES) {
            last = &keys->damages[keys->n_damages];
            last->off_bytes = off;
            memcpy(last->what, f->what, sizeof(last->what));
            memcpy(last->mount, f->mount, sizeof(last->mount));
        }
        keys->n_damages++;
    }
}

ferry_err ferry_store_mount(const struct ferry_store *s, const struct ferry_flash *flash,
                            bool read_only, struct ferry_store_keys *keys)
{
    const uint32_t n_pages = s->row->size_bytes / FERRY_NVS_PAGE_BYTES;
    struct ferry_nvs nvs = {0};
    const struct ferry_nvs_config config = {
        .region = {flash, s->row->off_bytes, s->row->size_bytes},
        .xts = s->cipher == FERRY_STORE_ENCRYPTED ? &s->xts : NULL,
        .work = calloc(n_pages, sizeof(struct ferry_nvs_page)),
        .work_bytes = FERRY_NVS_WORK_BYTES(n_pages),
        .read_only = read_only,
    };
    ferry_err err = config.work ? ferry_nvs_open(&nvs, &config) : FERRY_ERR_NO_MEMORY;
    if (!err && keys)
        err = list(&nvs, s->row->label, keys);
    if (!err && keys)
        add_damages(s, keys);
    free(config.work);
    return err;
}
