/* ports/virt/disk_virtio.c - the machine's flash on its virtio disk: one request at a time, waited
 * for. The device answers once the bytes are in the disk's file, so a request that was answered
 * outlives a killed emulator. Facts: VIRTIO 1.1, section 5.2. */
#include "disk_flash.h"
#include "virt.h"
#include "virtio.h"

#define CAPACITY_LOW   0x00u // of the configuration, in disk sectors
#define CAPACITY_HIGH  0x04u
#define FEATURE_FLUSH  (1u << 9)
#define REQUEST_READ   0u
#define REQUEST_WRITE  1u
#define REQUEST_FLUSH  4u
#define STATUS_OK      0u
#define STATUS_UNTOLD  0xffu
#define ANSWER_MOST_US 10000000u

static struct {
    struct virtio_ring ring;
    struct {
        uint32_t kind, unused, sector, sector_high;
    } head;
    uint8_t status; // volatile by its ring: it is read after virtio_take's fence
    uint32_t base;
    bool has_flush;
    bool is_dead; // a request was never answered, so its memory is the device's for ever
} disk;

static ferry_err wait(void)
{
    uint16_t first;
    uint32_t n;
    const uint32_t start = clock_us();
    while (!virtio_take(&disk.ring, &first, &n)) {
        const uint32_t gone = clock_us() - start;
        if (gone >= ANSWER_MOST_US) {
            disk.is_dead = true;
            return FERRY_ERR_FLASH_IO;
        }
        virt_sleep(ANSWER_MOST_US - gone);
    }
    virtio_hush(disk.base);
    return *(volatile uint8_t *)&disk.status == STATUS_OK ? FERRY_OK : FERRY_ERR_FLASH_IO;
}

static ferry_err request(uint32_t kind, uint32_t sector, void *bytes, uint32_t n_bytes)
{
    struct virtio_piece pieces[3] = {{&disk.head, sizeof(disk.head), false}};
    uint16_t n = 1;
    if (disk.is_dead)
        return FERRY_ERR_FLASH_IO;
    disk.head.kind = kind;
    disk.head.sector = sector;
    disk.status = STATUS_UNTOLD;
    if (n_bytes)
        pieces[n++] = (struct virtio_piece){bytes, n_bytes, kind == REQUEST_READ};
    pieces[n++] = (struct virtio_piece){&disk.status, 1, true};
    virtio_offer(&disk.ring, 0, pieces, n);
    return wait();
}

static ferry_err bus_read(void *ctx, uint32_t sector, void *dst, uint32_t n_bytes)
{
    (void)ctx;
    return request(REQUEST_READ, sector, dst, n_bytes);
}

static ferry_err bus_write(void *ctx, uint32_t sector, const void *src, uint32_t n_bytes)
{
    (void)ctx;
    return request(REQUEST_WRITE, sector, (void *)(uintptr_t)src, n_bytes);
}

static ferry_err bus_flush(void *ctx)
{
    (void)ctx;
    return disk.has_flush ? request(REQUEST_FLUSH, 0, NULL, 0) : FERRY_OK;
}

static struct disk_bus bus = {.read = bus_read, .write = bus_write, .flush = bus_flush};

static ferry_err open_disk(void)
{
    uint32_t agreed;
    ferry_err err = virtio_open(VIRTIO_BLOCK, FEATURE_FLUSH, &disk.base, &agreed);
    if (!err)
        err = virtio_ring_init(&disk.ring, disk.base, 0);
    if (err)
        return err;
    virtio_start(disk.base);
    disk.has_flush = (agreed & FEATURE_FLUSH) != 0;
    const uint32_t sectors = virtio_config(disk.base, CAPACITY_LOW);
    if (virtio_config(disk.base, CAPACITY_HIGH) || sectors > UINT32_MAX / DISK_SECTOR_BYTES)
        return FERRY_ERR_FLASH_IO;
    bus.size_bytes = sectors * DISK_SECTOR_BYTES;
    return FERRY_OK;
}

ferry_err machine_flash(const struct ferry_flash **out)
{
    static struct disk_flash flash;
    ferry_err err = open_disk();
    if (!err)
        err = disk_flash_init(&flash, &bus);
    if (err)
        return FERRY_ERR_FLASH_IO;
    *out = &flash.flash;
    return FERRY_OK;
}
