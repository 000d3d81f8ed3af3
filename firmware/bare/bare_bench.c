/* firmware/bare/bare_bench.c - how many instructions an update costs for each byte, and its parts.
 * Meaningful where an emulator counts: QEMU with -icount, whose counters are instructions then.
 * scripts/bench_bare.py runs it; the image that it installs is its own, out of the slot it runs in.
 */
#include "bare_map.h"

#include "ferry/crc32.h"
#include "ferry/crypto.h"
#include "ferry/slots.h"
#include "ferry/update.h"
#include "sifive_u.h"

#define BLOCK_BYTES 65536u
#define PAGE_BYTES  256u
#define SPARE_OFF   0x310000u // behind the last partition of the demo's table

static const struct ferry_policy policy = {.chip = &ferry_chip_esp32c3, .rollback = true};
static struct spi_nor nor;
static const struct ferry_flash *const flash = &nor.flash;
static struct ferry_device dev;
static struct ferry_device_work work;
static struct ferry_update update;
static uint8_t sector[FERRY_UPDATE_WORK_BYTES(4096)];
static uint8_t block[BLOCK_BYTES];

void firmware_trap(uint32_t cause, uint32_t address)
{
    (void)cause;
    (void)address;
    machine_end(BARE_END_TRAP);
}

/* Instructions so far; wraps, so no part may take four thousand million of them. */
static uint32_t counted(void)
{
    uint32_t n;
    __asm__ volatile(".option push\n"
                     ".option arch, +zicsr\n"
                     "csrr %0, minstret\n"
                     ".option pop"
                     : "=r"(n)::"memory");
    return n;
}

static void report(const char *part, uint32_t begin, uint32_t n_bytes)
{
    const uint32_t n = counted() - begin;
    console_put_text(part);
    console_put_char(' ');
    console_put_number(n);
    console_put_char(' ');
    console_put_number(n_bytes);
    console_put_text("\r\n");
}

static void count_hashes(void)
{
    uint8_t digest[FERRY_SHA256_BYTES];
    struct ferry_sha256 h;
    uint32_t begin = counted();
    const volatile uint32_t crc = ferry_crc32(0, block, sizeof(block));
    (void)crc;
    report("crc32", begin, sizeof(block));
    begin = counted();
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, block, sizeof(block));
    ferry_sha256_finish(&h, digest);
    report("sha256", begin, sizeof(block));
}

static ferry_err count_flash(void)
{
    uint32_t begin = counted();
    ferry_err err = flash->ops->erase(flash, SPARE_OFF, BLOCK_BYTES);
    report("erase", begin, BLOCK_BYTES);
    begin = counted();
    for (uint32_t at = 0; !err && at < BLOCK_BYTES; at += PAGE_BYTES)
        err = flash->ops->prog(flash, SPARE_OFF + at, block + at, PAGE_BYTES);
    report("program", begin, BLOCK_BYTES);
    begin = counted();
    if (!err)
        err = flash->ops->read(flash, SPARE_OFF, block, BLOCK_BYTES);
    report("read", begin, BLOCK_BYTES);
    return err;
}

/* A whole update, its bytes in RAM: received, which is checked and written on the way, then the
 * rest: read back, armed. */
static ferry_err count_update(uint32_t length)
{
    const struct ferry_span own = ferry_device_span(&dev, dev.running);
    const struct ferry_update_config config = {.slot = FERRY_SLOT_NEXT,
                                               .length_bytes = length,
                                               .work = sector,
                                               .work_bytes = sizeof(sector)};
    uint32_t used;
    ferry_err err = flash->ops->read(flash, own.off_bytes, block, length);
    const uint32_t begin = counted();
    if (!err)
        err = ferry_update_begin(&update, &dev, &config);
    if (!err)
        err = ferry_update_write(&update, block, length, &used);
    report("received", begin, length);
    if (!err)
        err = ferry_update_finish(&update);
    report("update", begin, length);
    return err;
}

void firmware_main(uint32_t handed)
{
    // The machine's sync sleeps, for the emulator's sake, and sleep counts as instructions here.
    static struct spi_nor_bus bus;
    machine_init();
    bus = sifive_u_spi;
    bus.settle = NULL;
    ferry_err err = spi_nor_init(&nor, &bus);
    if (!err)
        err = ferry_device_open(&dev, flash, &policy, FERRY_TABLE_OFF_DEFAULT, &work);
    if (err)
        machine_end(BARE_END_NO_FLASH);
    dev.running = ferry_device_slot_at(&dev, machine_image_off(handed));
    count_hashes();
    err = count_flash();
    if (!err)
        err = ferry_device_verify(&dev, dev.running);
    if (!err && work.image.image_bytes <= sizeof(block))
        err = count_update(work.image.image_bytes);
    console_put_text("end -");
    console_put_number((uint32_t)-err);
    console_put_text("\r\n");
    machine_end(err ? BARE_END_NO_FLASH : BARE_END_REBOOT);
}
