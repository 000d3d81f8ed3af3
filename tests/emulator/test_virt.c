/* tests/emulator/test_virt.c - the port's own tests, run on the emulated machine: the flash
 * contract on the disk, what the driver writes to it and what is left of that after a power cut,
 * and frames to and from the network card. A bus in between listens, and stands for a disk that
 * fails. */
#include "t.h"
#include "contract.h"
#include "disk_flash.h"
#include "net_virtio.h"
#include "virt.h"

#define AREA_OFF    0x100000u
#define DISK_BYTES  (4u * 65536u)
#define SECTOR      DISK_SECTOR_BYTES
#define ARP_REQUEST 42u

/** A disk in RAM that counts, and whose power fails after some sectors. */
static struct {
    uint8_t bytes[DISK_BYTES];
    unsigned n_writes, n_sectors, n_flushes;
    unsigned n_until_cut; // sectors that still arrive; 0: all
    bool fails;
} disk;

static ferry_err ram_read(void *ctx, uint32_t sector, void *dst, uint32_t n_bytes)
{
    uint8_t *to = dst;
    (void)ctx;
    for (uint32_t i = 0; i < n_bytes; i++)
        to[i] = disk.bytes[sector * SECTOR + i];
    return disk.fails ? FERRY_ERR_FLASH_IO : FERRY_OK;
}

static ferry_err ram_write(void *ctx, uint32_t sector, const void *src, uint32_t n_bytes)
{
    const uint8_t *from = src;
    (void)ctx;
    disk.n_writes++;
    for (uint32_t at = 0; at < n_bytes && !disk.fails; at += SECTOR) {
        for (uint32_t i = 0; i < SECTOR; i++)
            disk.bytes[sector * SECTOR + at + i] = from[at + i];
        disk.n_sectors++;
        disk.fails = disk.n_until_cut && disk.n_sectors == disk.n_until_cut;
    }
    return disk.fails ? FERRY_ERR_FLASH_IO : FERRY_OK;
}

static ferry_err ram_flush(void *ctx)
{
    (void)ctx;
    disk.n_flushes++;
    return disk.fails ? FERRY_ERR_FLASH_IO : FERRY_OK;
}

static struct disk_bus ram = {
    .read = ram_read, .write = ram_write, .flush = ram_flush, .size_bytes = DISK_BYTES};
static struct disk_flash on_ram;
static const struct ferry_flash *flash;

static void print_promise(void *ctx, const char *promise)
{
    (void)ctx;
    printf("  not kept: %s\n", promise);
}

static void virt_flash_keeps_the_contract(void)
{
    T_EQ_INT(port_contract(flash, AREA_OFF, print_promise, NULL), 0);
}

static void disk_says_its_own_size(void)
{
    static const uint32_t odd[] = {0, 4096, 65536 + 512, 0xfffffe00u};
    T_EQ_INT(flash->size_bytes, 32u << 20);
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        ram.size_bytes = odd[i];
        T_EQ_INT(disk_flash_init(&on_ram, &ram), FERRY_ERR_FLASH_IO);
    }
    ram.size_bytes = DISK_BYTES;
    T_EQ_INT(disk_flash_init(&on_ram, &ram), FERRY_OK);
}

static void flash_keeps_the_rules_of_nor(void)
{
    const uint8_t first = 0x0f, second = 0xf5;
    uint8_t got = 0;
    T_EQ_INT(flash->ops->erase(flash, AREA_OFF, flash->sector_bytes), FERRY_OK);
    T_EQ_INT(flash->ops->prog(flash, AREA_OFF, &first, 1), FERRY_OK);
    T_EQ_INT(flash->ops->prog(flash, AREA_OFF, &second, 1), FERRY_OK);
    T_EQ_INT(flash->ops->read(flash, AREA_OFF, &got, 1), FERRY_OK);
    T_EQ_INT(got, 0x05);
}

/* Programs and an erase, each cut after every number of disk sectors: a byte is as before or as
 * meant, and outside of the range as before. */
static void cut_leaves_each_byte_old_or_new(void)
{
    static const struct {
        uint32_t off, n;
        bool is_erase;
    } cases[] = {{4096, 4096, false}, {4000, 300, false}, {511, 2, false},
                 {3900, 9000, false}, {8192, 4096, true}, {65536, 65536, true}};
    static uint8_t data[9000];
    const struct ferry_flash *f = &on_ram.flash;
    unsigned n_cuts = 0;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + 1);
    for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
        const uint32_t end = cases[c].off + cases[c].n;
        for (unsigned cut = 1;; cut++) {
            for (uint32_t i = 0; i < DISK_BYTES; i++)
                disk.bytes[i] = cases[c].is_erase ? 0x5a : 0xff;
            disk.n_sectors = disk.n_writes = 0;
            disk.n_until_cut = cut;
            const ferry_err err = cases[c].is_erase
                                      ? f->ops->erase(f, cases[c].off, cases[c].n)
                                      : f->ops->prog(f, cases[c].off, data, cases[c].n);
            const bool was_cut = disk.fails;
            disk.fails = false;
            T_EQ_INT(err, was_cut ? FERRY_ERR_FLASH_IO : FERRY_OK);
            uint32_t n_odd = 0;
            for (uint32_t i = 0; i < DISK_BYTES; i++) {
                const uint8_t old = cases[c].is_erase ? 0x5a : 0xff;
                const bool is_in = i >= cases[c].off && i < end;
                const uint8_t new = !is_in              ? old
                                    : cases[c].is_erase ? 0xff
                                                        : data[i - cases[c].off];
                n_odd += disk.bytes[i] != new && (disk.bytes[i] != old || !was_cut);
            }
            T_EQ_INT(n_odd, 0);
            n_cuts += was_cut;
            if (!was_cut)
                break;
        }
    }
    disk.n_until_cut = 0;
    T_CHECK(n_cuts > 150);
}

static void failing_disk_is_an_error(void)
{
    const struct ferry_flash *f = &on_ram.flash;
    uint8_t byte = 0;
    disk.n_flushes = 0;
    T_EQ_INT(f->ops->sync(f), FERRY_OK);
    T_EQ_INT(disk.n_flushes, 1);
    disk.fails = true;
    T_EQ_INT(f->ops->read(f, 0, &byte, 1), FERRY_ERR_FLASH_IO);
    T_EQ_INT(f->ops->prog(f, 0, &byte, 1), FERRY_ERR_FLASH_IO);
    T_EQ_INT(f->ops->erase(f, 0, 4096), FERRY_ERR_FLASH_IO);
    T_EQ_INT(f->ops->sync(f), FERRY_ERR_FLASH_IO);
    disk.fails = false;
}

/* The emulator's own network answers for 10.0.2.2. */
static void card_sends_and_receives(void)
{
    static uint8_t frame[NET_FRAME_BYTES];
    static const uint8_t ask[] = {0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1};
    uint8_t mac[NET_MAC_BYTES];
    T_EQ_INT(net_open(mac), FERRY_OK);
    T_EQ_INT(net_open(mac), FERRY_OK);
    for (unsigned i = 0; i < NET_MAC_BYTES; i++) {
        frame[i] = 0xff;
        frame[6 + i] = frame[22 + i] = mac[i];
    }
    for (unsigned i = 0; i < sizeof(ask); i++)
        frame[12 + i] = ask[i];
    const uint8_t me[4] = {10, 0, 2, 15}, them[4] = {10, 0, 2, 2};
    for (unsigned i = 0; i < 4; i++) {
        frame[28 + i] = me[i];
        frame[38 + i] = them[i];
    }
    T_EQ_INT(net_send(frame, NET_FRAME_BYTES + 1), FERRY_ERR_ARG);
    // More often than there are buffers: each is given back.
    for (unsigned round = 0; round < 20; round++) {
        T_EQ_INT(net_send(frame, ARP_REQUEST), FERRY_OK);
        static uint8_t got[NET_FRAME_BYTES];
        size_t n;
        do
            n = net_receive(got, 2000000);
        while (n && (got[12] != 0x08 || got[13] != 0x06 || got[21] != 2));
        T_CHECK(n >= ARP_REQUEST);
        T_EQ_MEM(got, mac, NET_MAC_BYTES);
        T_EQ_MEM(got + 28, them, 4);
    }
}

static void clock_and_console_keep_time(void)
{
    const uint32_t start = clock_us();
    T_EQ_INT(console_get(20000), -1); // nobody sends
    const uint32_t waited = clock_us() - start;
    T_CHECK(waited >= 20000);
    T_CHECK(waited < 20000 + 5000000); // the machine may be busy; it must not sleep on
}

void firmware_trap(uint32_t cause, uint32_t address)
{
    printf("trap: cause %x at 0x%08x\n", (unsigned)cause, (unsigned)address);
    machine_end(70);
}

void firmware_main(uint32_t handed)
{
    (void)handed;
    machine_init();
    if (!T_EQ_INT(machine_flash(&flash), FERRY_OK))
        machine_end(1);
    T_RUN(virt_flash_keeps_the_contract);
    T_RUN(disk_says_its_own_size);
    T_RUN(flash_keeps_the_rules_of_nor);
    T_RUN(cut_leaves_each_byte_old_or_new);
    T_RUN(failing_disk_is_an_error);
    T_RUN(card_sends_and_receives);
    T_RUN(clock_and_console_keep_time);
    printf("stack: %u bytes\n", (unsigned)stack_used_bytes());
    machine_end((uint32_t)t_end());
}
