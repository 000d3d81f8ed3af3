/* compat/esp-idf/esp_partition.c - finding partitions, and reading, writing and erasing in them. */
#include "compat_private.h"

#include <stdlib.h>
#include <string.h>

struct esp_partition_iterator_opaque_ {
    size_t at;
    esp_partition_type_t type;
    esp_partition_subtype_t subtype;
    char *label;
};

static bool matches(const esp_partition_t *p, const struct esp_partition_iterator_opaque_ *want)
{
    return (want->type == ESP_PARTITION_TYPE_ANY || p->type == want->type) &&
           (want->subtype == ESP_PARTITION_SUBTYPE_ANY || p->subtype == want->subtype) &&
           (!want->label || strcmp(p->label, want->label) == 0);
}

/* The first match at or behind `at`; n_partitions if there is none. */
static size_t next_match(const struct esp_partition_iterator_opaque_ *want)
{
    const struct compat *c = ferry_compat();
    size_t at = want->at;
    while (at < c->n_partitions && !matches(&c->partitions[at], want))
        at++;
    return at;
}

static bool makes_sense(esp_partition_type_t type, esp_partition_subtype_t subtype)
{
    return type != ESP_PARTITION_TYPE_ANY || subtype == ESP_PARTITION_SUBTYPE_ANY;
}

const esp_partition_t *esp_partition_find_first(esp_partition_type_t type,
                                                esp_partition_subtype_t subtype, const char *label)
{
    const struct compat *c = ferry_compat();
    const struct esp_partition_iterator_opaque_ want = {0, type, subtype, (char *)(uintptr_t)label};
    const size_t at = makes_sense(type, subtype) ? next_match(&want) : c->n_partitions;
    return at < c->n_partitions ? &c->partitions[at] : NULL;
}

/* Moves on to the match at or behind `at`; releases and gives NULL where there is none. */
static esp_partition_iterator_t settle(esp_partition_iterator_t i)
{
    i->at = next_match(i);
    if (i->at < ferry_compat()->n_partitions)
        return i;
    esp_partition_iterator_release(i);
    return NULL;
}

esp_partition_iterator_t esp_partition_find(esp_partition_type_t type,
                                            esp_partition_subtype_t subtype, const char *label)
{
    if (!makes_sense(type, subtype))
        return NULL;
    esp_partition_iterator_t i = calloc(1, sizeof(*i));
    if (!i)
        return NULL;
    i->type = type;
    i->subtype = subtype;
    i->label = label ? strdup(label) : NULL;
    if (label && !i->label) {
        free(i);
        return NULL;
    }
    return settle(i);
}

const esp_partition_t *esp_partition_get(esp_partition_iterator_t iterator)
{
    return &ferry_compat()->partitions[iterator->at];
}

esp_partition_iterator_t esp_partition_next(esp_partition_iterator_t iterator)
{
    iterator->at++;
    return settle(iterator);
}

void esp_partition_iterator_release(esp_partition_iterator_t iterator)
{
    if (iterator)
        free(iterator->label);
    free(iterator);
}

const esp_partition_t *esp_partition_verify(const esp_partition_t *partition)
{
    const struct compat *c = ferry_compat();
    for (size_t i = 0; partition && i < c->n_partitions; i++) {
        const esp_partition_t *own = &c->partitions[i];
        const bool named = !partition->label[0] || !strcmp(own->label, partition->label);
        if (own->type == partition->type && own->subtype == partition->subtype && named &&
            own->flash_chip == partition->flash_chip && own->address == partition->address &&
            own->size == partition->size && own->encrypted == partition->encrypted)
            return own;
    }
    return NULL;
}

static struct ferry_region region_of(const esp_partition_t *p)
{
    return (struct ferry_region){ferry_compat()->chip.flash, p->address, p->size};
}

/* Espressif's words for a range that leaves the partition. */
static esp_err_t check_range(const esp_partition_t *p, size_t offset, size_t size)
{
    if (offset > p->size)
        return ESP_ERR_INVALID_ARG;
    return size > p->size - offset ? ESP_ERR_INVALID_SIZE : ESP_OK;
}

esp_err_t esp_partition_read(const esp_partition_t *partition, size_t src_offset, void *dst,
                             size_t size)
{
    if (!partition || (!dst && size))
        return ESP_ERR_INVALID_ARG;
    const esp_err_t err = check_range(partition, src_offset, size);
    if (err)
        return err;
    const struct ferry_region r = region_of(partition);
    return ferry_compat_flash_err(ferry_region_read(&r, (uint32_t)src_offset, dst, (uint32_t)size));
}

/* The core programs whole units of the flash; Espressif's driver takes any length and leaves the
 * bytes beside it as they are, which programming ones does. */
static ferry_err prog_padded(const struct ferry_region *r, uint32_t off, const uint8_t *src,
                             uint32_t n)
{
    const uint32_t unit = r->flash->prog_bytes;
    ferry_err err = FERRY_OK;
    while (!err && n) {
        uint8_t chunk[256];
        const uint32_t lead = off % unit;
        const uint32_t room = (uint32_t)sizeof(chunk) - lead;
        const uint32_t step = n < room ? n : room;
        const uint32_t padded = (lead + step + unit - 1) / unit * unit;
        memset(chunk, 0xff, sizeof(chunk));
        memcpy(chunk + lead, src, step);
        err = ferry_region_prog(r, off - lead, chunk, padded);
        off += step;
        src += step;
        n -= step;
    }
    return err ? err : ferry_region_sync(r);
}

esp_err_t esp_partition_write(const esp_partition_t *partition, size_t dst_offset, const void *src,
                              size_t size)
{
    if (!partition || (!src && size))
        return ESP_ERR_INVALID_ARG;
    if (partition->readonly)
        return ESP_ERR_NOT_ALLOWED;
    const esp_err_t err = check_range(partition, dst_offset, size);
    if (err)
        return err;
    const struct ferry_region r = region_of(partition);
    return ferry_compat_flash_err(prog_padded(&r, (uint32_t)dst_offset, src, (uint32_t)size));
}

/* Without flash encryption, which a chip on a PC does not have, raw is the same. */
esp_err_t esp_partition_read_raw(const esp_partition_t *partition, size_t src_offset, void *dst,
                                 size_t size)
{
    return esp_partition_read(partition, src_offset, dst, size);
}

esp_err_t esp_partition_write_raw(const esp_partition_t *partition, size_t dst_offset,
                                  const void *src, size_t size)
{
    return esp_partition_write(partition, dst_offset, src, size);
}

esp_err_t esp_partition_erase_range(const esp_partition_t *partition, size_t offset, size_t size)
{
    if (!partition)
        return ESP_ERR_INVALID_ARG;
    if (partition->readonly)
        return ESP_ERR_NOT_ALLOWED;
    const esp_err_t err = check_range(partition, offset, size);
    if (err)
        return err;
    if (offset % partition->erase_size)
        return ESP_ERR_INVALID_ARG;
    if (size % partition->erase_size)
        return ESP_ERR_INVALID_SIZE;
    const struct ferry_region r = region_of(partition);
    ferry_err done = ferry_region_erase(&r, (uint32_t)offset, (uint32_t)size, true);
    if (!done)
        done = ferry_region_sync(&r);
    return ferry_compat_flash_err(done);
}

uint32_t esp_partition_get_main_flash_sector_size(void)
{
    return ferry_compat()->chip.flash->sector_bytes;
}
