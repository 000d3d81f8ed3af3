/* compat/esp-idf/esp_partition_whole.c - what is asked of partitions as wholes: mapped, hashed,
 * compared, copied. */
#include "compat_private.h"

#include <stdlib.h>
#include <string.h>

struct mapping {
    struct mapping *next;
    esp_partition_mmap_handle_t handle;
    uint8_t bytes[];
};

static struct mapping *mappings;
static esp_partition_mmap_handle_t last_handle;

esp_err_t esp_partition_mmap(const esp_partition_t *partition, size_t offset, size_t size,
                             esp_partition_mmap_memory_t memory, const void **out_ptr,
                             esp_partition_mmap_handle_t *out_handle)
{
    (void)memory;
    if (!partition || !out_ptr || !out_handle || offset > partition->size)
        return ESP_ERR_INVALID_ARG;
    if (size > partition->size - offset)
        return ESP_ERR_INVALID_SIZE;
    struct mapping *m = malloc(sizeof(*m) + size);
    if (!m)
        return ESP_ERR_NO_MEM;
    const esp_err_t err = esp_partition_read(partition, offset, m->bytes, size);
    if (err) {
        free(m);
        return err;
    }
    m->handle = ++last_handle;
    m->next = mappings;
    mappings = m;
    *out_ptr = m->bytes;
    *out_handle = m->handle;
    return ESP_OK;
}

void esp_partition_munmap(esp_partition_mmap_handle_t handle)
{
    for (struct mapping **at = &mappings; *at; at = &(*at)->next) {
        if ((*at)->handle == handle) {
            struct mapping *gone = *at;
            *at = gone->next;
            free(gone);
            return;
        }
    }
}

/* SHA-256 of the partition's first n bytes. */
static esp_err_t hash_bytes(const esp_partition_t *p, uint32_t n, uint8_t *sha256)
{
    uint8_t chunk[4096];
    struct ferry_sha256 hash;
    ferry_sha256_init(&hash);
    for (uint32_t at = 0; at < n;) {
        const uint32_t step = n - at < sizeof(chunk) ? n - at : (uint32_t)sizeof(chunk);
        const esp_err_t err = esp_partition_read(p, at, chunk, step);
        if (err)
            return err;
        ferry_sha256_update(&hash, chunk, step);
        at += step;
    }
    ferry_sha256_finish(&hash, sha256);
    return ESP_OK;
}

esp_err_t esp_partition_get_sha256(const esp_partition_t *partition, uint8_t *sha_256)
{
    if (!partition || !sha_256)
        return ESP_ERR_INVALID_ARG;
    if (partition->type != ESP_PARTITION_TYPE_APP &&
        partition->type != ESP_PARTITION_TYPE_BOOTLOADER)
        return hash_bytes(partition, partition->size, sha_256);
    struct ferry_image img;
    if (!ferry_compat_image_ok(partition, &img))
        return ESP_ERR_IMAGE_INVALID;
    if (!img.digest_ready)
        return hash_bytes(partition, img.image_bytes, sha_256);
    memcpy(sha_256, img.digest, sizeof(img.digest));
    return ESP_OK;
}

bool esp_partition_check_identity(const esp_partition_t *partition_1,
                                  const esp_partition_t *partition_2)
{
    uint8_t a[FERRY_SHA256_BYTES];
    uint8_t b[FERRY_SHA256_BYTES];
    return partition_1 && partition_2 && partition_1->type == partition_2->type &&
           !esp_partition_get_sha256(partition_1, a) && !esp_partition_get_sha256(partition_2, b) &&
           memcmp(a, b, sizeof(a)) == 0;
}

static size_t up_to_sector(size_t n, uint32_t sector)
{
    return (n + sector - 1) / sector * sector;
}

esp_err_t esp_partition_copy(const esp_partition_t *dest_part, uint32_t dest_offset,
                             const esp_partition_t *src_part, uint32_t src_offset, size_t size)
{
    if (!dest_part || !src_part || dest_part == src_part)
        return ESP_ERR_INVALID_ARG;
    if (dest_offset > dest_part->size || src_offset > src_part->size)
        return ESP_ERR_INVALID_SIZE;
    const bool rest = size == SIZE_MAX;
    const size_t n = rest ? src_part->size - src_offset : size;
    if (n > src_part->size - src_offset || n > dest_part->size - dest_offset)
        return ESP_ERR_INVALID_SIZE;
    esp_err_t err = esp_partition_erase_range(dest_part, dest_offset,
                                              rest ? dest_part->size - dest_offset
                                                   : up_to_sector(n, dest_part->erase_size));
    for (size_t at = 0; !err && at < n;) {
        uint8_t chunk[4096];
        const size_t step = n - at < sizeof(chunk) ? n - at : sizeof(chunk);
        err = esp_partition_read(src_part, src_offset + at, chunk, step);
        if (!err)
            err = esp_partition_write(dest_part, dest_offset + at, chunk, step);
        at += step;
    }
    return err;
}
